// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_ctl: life of the channels: commands, checks at enable, drain, abort, reset, errors.
//
// How: a command waits in its channel's slot; one engine takes them in rotation and looks at channels that drain, abort or
//   reset in between. It never waits for one channel's traffic: a visit either finds the channel quiet or moves on.
//   What a visit may wait for is bounded: descriptor bursts under way (a marker goes through the fetch queue behind
//   them), the flush of at most PREFETCH staged descriptors, the segment checker, and, before DISABLED, data reads
//   under way: an operation that the peer or the loss of its link has ended may leave some behind.
// Enable: ring sizes 4 to 4096, bases aligned to min(ring, 4096), rings inside segments of this channel with the RING
//   and LOCAL rights (or absolute for a channel with ABS); else LAST_ERROR = BAD_RING and the channel stays DISABLED.
//   The receive ring comes between the two others; of size 0 it is none.
// Errors: docs/architecture.md section 4. The first error stays until ENABLE or RESET.
// Latency: PAUSE, RESUME, DRAIN, ABORT, RESET act 3 cycles after the command when the engine is free; ENABLE takes about 30.
`default_nettype none

module crl_dma_ctl #(
    parameter int CHANNELS = 8,
    parameter int FUNC_W   = 8,
    parameter bit SEND_EN  = 1,        // 0: there are no receive rings
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                  clk,
    input  wire logic                  rst,

    input  wire logic                  cmd_valid,     // event
    input  wire logic [CW-1:0]         cmd_ch,
    input  wire logic [2:0]            cmd,
    input  wire logic                  cc_we,         // event: privileged set-up
    input  wire logic [CW-1:0]         cc_ch,
    input  wire logic                  cc_abs,
    input  wire logic                  cc_stop,
    input  wire logic [FUNC_W-1:0]     cc_func,
    output logic      [CW-1:0]         rc_ch,         // ring set-up, data two cycles later
    output logic      [2:0]            rc_sel,
    input  wire logic [63:0]           rc_data,

    // Segment checker of crl_dma_issue
    output logic                       seg_req,
    input  wire logic                  seg_gnt,
    output logic      [63:0]           seg_addr,
    output logic      [32:0]           seg_len,
    output logic      [CW-1:0]         seg_ch,
    output logic                       seg_abs,
    input  wire logic                  chk_ok,
    input  wire logic [63:0]           chk_addr,

    // Ring set-up of the engines, events
    output logic                       f_cfg_we,
    output logic                       c_cfg_we,
    output logic                       r_cfg_we,      // cfg_log2 0: there is none
    output logic      [CW-1:0]         cfg_ch,
    output logic      [63:0]           cfg_base,
    output logic      [3:0]            cfg_log2,
    output logic      [FUNC_W-1:0]     cfg_func,
    output logic                       clr_valid,     // event: counters of clr_ch to zero
    output logic      [CW-1:0]         clr_ch,

    // What the engines may do
    output logic      [CHANNELS-1:0]   accept,        // doorbells count
    output logic      [CHANNELS-1:0]   run,           // fetch and begin operations
    output logic      [CHANNELS-1:0]   hold,          // no further chunks
    output logic      [CHANNELS-1:0]   ch_abort,         // end what has begun
    output logic      [CHANNELS-1:0]   suppress,      // post nothing
    output logic      [CHANNELS-1:0]   locked,        // not disabled
    output logic      [6:0]            n_enabled,

    // What the engines say
    input  wire logic [CHANNELS-1:0]   pend,
    input  wire logic [CHANNELS-1:0]   st_empty,
    input  wire logic [CHANNELS-1:0]   ip,
    input  wire logic [CHANNELS-1:0]   op_empty,
    input  wire logic [CHANNELS-1:0]   young,         // picked, and perhaps not yet in op_empty
    input  wire logic [CHANNELS-1:0]   inbound,       // peers' messages hold completion slots
    output logic                       mark_req,
    input  wire logic                  mark_done,
    input  wire logic                  reads_over,    // the data reads asked for before mark_req rose are in
    output logic                       pop_valid,     // flush, event
    output logic      [CW-1:0]         pop_ch,
    input  wire logic                  pop_ready,     // the issue pipeline does not pop in this cycle

    // Errors, events
    input  wire logic                  db_err_valid,
    input  wire logic [CW-1:0]         db_err_ch,
    input  wire logic                  cdb_err_valid,
    input  wire logic [CW-1:0]         cdb_err_ch,
    input  wire logic                  ferr_valid,
    input  wire logic [CW-1:0]         ferr_ch,
    input  wire logic                  ferr_dec,
    input  wire logic                  rdb_err_valid, // receive ring
    input  wire logic [CW-1:0]         rdb_err_ch,
    input  wire logic                  rferr_valid,
    input  wire logic [CW-1:0]         rferr_ch,
    input  wire logic                  rferr_dec,
    input  wire logic                  cq_err_valid,
    input  wire logic [CW-1:0]         cq_err_ch,
    input  wire logic                  ret_valid,
    input  wire logic [CW-1:0]         ret_ch,
    input  wire logic [7:0]            ret_status,
    input  wire logic                  fatal,
    output logic      [CHANNELS-1:0]   err_irq,       // event per channel: entered ERROR

    input  wire logic [CW-1:0]         rd_ch,         // read-out, asynchronous
    output logic      [3:0]            rd_state,
    output logic      [7:0]            rd_error,
    output logic                       rd_busy
);

  localparam logic [2:0] DISABLED  = 3'(crl_pkg::STATE_DISABLED);
  localparam logic [2:0] ACTIVE    = 3'(crl_pkg::STATE_ACTIVE);
  localparam logic [2:0] PAUSED    = 3'(crl_pkg::STATE_PAUSED);
  localparam logic [2:0] DRAINING  = 3'(crl_pkg::STATE_DRAINING);
  localparam logic [2:0] ABORTING  = 3'(crl_pkg::STATE_ABORTING);
  localparam logic [2:0] RESETTING = 3'(crl_pkg::STATE_RESETTING);
  localparam logic [2:0] FAILED    = 3'(crl_pkg::STATE_ERROR);

  // ---------------------------------------------------------------- per channel state
  logic [CHANNELS-1:0][2:0] st_q;
  logic [CHANNELS-1:0][2:0] err_q;     // see E_NONE
  logic [CHANNELS-1:0]      cmd_pend_q, stop_q;
  logic [CHANNELS-1:0]      leave_q;   // a DRAIN, ABORT or RESET waits: what is published from now on is not executed
  logic [CHANNELS-1:0]      mute_q;    // a completion write failed
  logic [CHANNELS-1:0]      locked_q;  // counted in n_enabled

  always_comb begin
    for (int c = 0; c < CHANNELS; c++) begin
      accept[c]   = (st_q[c] == ACTIVE || st_q[c] == PAUSED) && !leave_q[c];
      run[c]      = (st_q[c] == ACTIVE || st_q[c] == DRAINING) && !fatal;
      hold[c]     = st_q[c] == PAUSED;
      ch_abort[c]    = st_q[c] == ABORTING || st_q[c] == RESETTING;
      suppress[c] = st_q[c] == RESETTING || mute_q[c];
      locked[c]   = st_q[c] != DISABLED;
    end
  end
  assign rd_state = {1'b0, st_q[rd_ch]};
  assign rd_busy  = cmd_pend_q[rd_ch] || ch_abort[rd_ch] || st_q[rd_ch] == DRAINING;

  logic                cmd_end;        // the command of ch_q has been dealt with
  logic [CHANNELS-1:0] me;             // ch_q, one-hot
  logic [2:0] cmd_rd;
  logic       abs_rd;
  logic [FUNC_W-1:0] func_rd;
  logic [CW-1:0] ch_q;
  logic       cmd_take;
  assign cmd_take = cmd_valid && (!cmd_pend_q[cmd_ch] || (cmd_end && me[cmd_ch]));
  crl_ram_lut #(.W(3), .DEPTH(CHANNELS)) u_cmd (
      .clk, .we(cmd_take), .waddr(cmd_ch), .wdata(cmd), .raddr(ch_q), .rdata(cmd_rd)
  );
  crl_ram_lut #(.W(1 + FUNC_W), .DEPTH(CHANNELS)) u_cc (
      .clk, .we(cc_we), .waddr(cc_ch), .wdata({cc_abs, cc_func}), .raddr(ch_q), .rdata({abs_rd, func_rd})
  );

  // ---------------------------------------------------------------- engine
  typedef enum logic [3:0] {
    S_SCAN, S_VISIT, S_READ, S_CHECK, S_SEG, S_SEG_RESULT, S_SET, S_MARK, S_FLUSH, S_DONE
  } state_t;
  state_t      s_q;
  logic        second_q, recv_q;       // the completion ring's turn, the receive ring's, else the descriptor ring's
  logic        none_q;                 // no receive ring
  logic [1:0]  step_q;                 // cycle of S_READ
  logic [63:0] base_q;
  logic [3:0]  log2_q;
  logic [2:0]  st_now;
  logic        is_cmd_q, bad_cmd, bad_ring, ring_ok_q, quiesced, over;
  logic        settled_q;              // a cycle late: a descriptor leaves the list later than it shows in 'young'
  logic        calm_q;                 // was settled before mark_req: reads_over covers all of its reads
  logic [11:0] mask;
  logic [3:0]  bytes_log2;
  logic [CW-1:0] ch_next;
  logic          cfg_we;

  assign st_now   = st_q[ch_q];
  assign ch_next  = ch_q == CW'(CHANNELS - 1) ? '0 : ch_q + 1'b1;
  // Bytes of the ring less one, at most 4095.
  assign bytes_log2 = second_q ? log2_q : log2_q + 4'd1;      // less 4
  assign mask     = ~(12'hff0 << bytes_log2);
  assign quiesced = settled_q && st_empty[ch_q];
  assign over     = quiesced && calm_q;

  assign rc_ch    = ch_q;
  assign rc_sel   = {recv_q, recv_q || second_q, step_q[0]};
  assign seg_req  = s_q == S_SEG && ring_ok_q && !none_q;
  assign seg_addr = base_q;
  assign seg_len  = 33'd16 << bytes_log2;                   // of a size that is allowed
  assign seg_ch   = ch_q;
  assign seg_abs  = abs_rd;
  assign mark_req = s_q == S_MARK;
  assign pop_valid = s_q == S_FLUSH && ch_abort[ch_q] && !st_empty[ch_q] && pop_ready;
  assign pop_ch   = ch_q;
  assign cfg_ch   = ch_q;
  assign cfg_func = func_rd;
  assign cfg_base = chk_addr;                          // after a RESET it means nothing
  assign cfg_log2 = log2_q;
  assign cfg_we   = (s_q == S_SEG_RESULT && chk_ok) || (s_q == S_SET && st_now == RESETTING);
  assign f_cfg_we = cfg_we && !second_q && !recv_q;
  assign c_cfg_we = cfg_we && second_q;
  assign r_cfg_we = SEND_EN && ((cfg_we && !second_q && (recv_q || st_now == RESETTING)) || (s_q == S_SEG && none_q));
  assign clr_ch   = ch_q;
  assign clr_valid = s_q == S_DONE && st_now == RESETTING && over;

  always_comb begin
    bad_cmd = 1'b1;
    case (cmd_rd)
      3'(crl_pkg::CMD_ENABLE): bad_cmd = st_now != DISABLED;
      3'(crl_pkg::CMD_PAUSE):  bad_cmd = st_now != ACTIVE && st_now != PAUSED;
      3'(crl_pkg::CMD_RESUME): bad_cmd = st_now != PAUSED;
      3'(crl_pkg::CMD_DRAIN):  bad_cmd = st_now != ACTIVE && st_now != PAUSED && st_now != DRAINING;
      3'(crl_pkg::CMD_ABORT):  bad_cmd = st_now == RESETTING;
      3'(crl_pkg::CMD_RESET):  bad_cmd = 1'b0;
      default: bad_cmd = 1'b1;
    endcase
  end
  assign bad_ring = (s_q == S_SEG && !ring_ok_q) || (s_q == S_SEG_RESULT && !chk_ok);

  always_ff @(posedge clk) begin
    if (rst) begin
      s_q      <= S_SCAN;
      ch_q     <= '0;
      step_q   <= '0;
      second_q <= 1'b0;
      recv_q   <= 1'b0;
      is_cmd_q <= 1'b0;
    end else begin
      case (s_q)
        S_SCAN: begin
          step_q   <= '0;
          second_q <= 1'b0;
          recv_q   <= 1'b0;
          if (cmd_pend_q[ch_q] || st_now == DRAINING || ch_abort[ch_q]) begin
            s_q      <= S_VISIT;
            is_cmd_q <= cmd_pend_q[ch_q];
          end else ch_q <= ch_next;
        end
        S_VISIT: begin
          if (is_cmd_q) begin
            if (!bad_cmd && cmd_rd == 3'(crl_pkg::CMD_ENABLE)) s_q <= S_READ;
            else s_q <= S_SCAN;
          end else if (ch_abort[ch_q] || (!pend[ch_q] && quiesced)) s_q <= S_MARK;
          else begin
            s_q  <= S_SCAN;
            ch_q <= ch_next;
          end
        end
        S_READ: begin
          // Base and size are asked for in steps 0 and 1 and come in steps 2 and 3.
          step_q <= step_q + 2'd1;
          if (step_q == 2'd3) s_q <= S_CHECK;
        end
        S_CHECK: s_q <= S_SEG;
        S_SEG: begin
          if (!ring_ok_q) s_q <= S_SCAN;
          else if (none_q) s_q <= S_SET;
          else if (seg_gnt) s_q <= S_SEG_RESULT;
        end
        S_SEG_RESULT: begin
          if (chk_ok) s_q <= S_SET;
          else s_q <= S_SCAN;
        end
        S_SET: begin
          // The descriptor ring has been set up, the receive ring, then the completion ring. After a RESET the same clears the
          // indices, of the first two at once.
          recv_q   <= SEND_EN && !recv_q && !second_q && st_now == DISABLED;
          second_q <= !SEND_EN || recv_q || second_q || st_now != DISABLED;
          if (second_q) begin
            s_q  <= S_SCAN;
            ch_q <= ch_next;
          end else if (st_now == DISABLED) s_q <= S_READ;
        end
        S_MARK: if (mark_done) s_q <= S_FLUSH;
        S_FLUSH: if ((!ch_abort[ch_q] || st_empty[ch_q]) && (reads_over || !calm_q)) s_q <= S_DONE;
        default: begin  // S_DONE
          ch_q <= ch_next;
          s_q  <= S_SCAN;
          if (st_now == RESETTING && over) begin
            s_q  <= S_SET;
            ch_q <= ch_q;
          end
        end
      endcase
    end
    ring_ok_q <= (log2_q >= 4'd2 && log2_q <= 4'd12 && (base_q[11:0] & mask) == '0) || (recv_q && log2_q == 4'd0);
    none_q    <= recv_q && log2_q == 4'd0;
    settled_q <= !ip[ch_q] && op_empty[ch_q] && !young[ch_q] && !inbound[ch_q];
    if (s_q == S_VISIT) calm_q <= settled_q;
    if (s_q == S_READ && step_q == 2'd2) base_q <= rc_data;
    if (s_q == S_READ && step_q == 2'd3) log2_q <= |rc_data[15:4] ? 4'd15 : rc_data[3:0];
  end

  // ---------------------------------------------------------------- events of each channel
  // What put the channel into ERROR, or was wrong with a command; short codes, the first one stays.
  localparam logic [2:0] E_NONE = 3'd0, E_DOORBELL = 3'd1, E_FETCH_SLV = 3'd2, E_FETCH_DEC = 3'd3, E_CPL = 3'd4,
                         E_FATAL = 3'd5, E_RING = 3'd6, E_CMD = 3'd7;
  logic [CHANNELS-1:0] fail_d, hit_ret, hit_db, hit_cdb, hit_f, hit_rf, hit_cq, live;

  always_comb begin
    for (int c = 0; c < CHANNELS; c++) begin
      hit_ret[c] = ret_valid && ret_ch == CW'(c) && ret_status != '0 && stop_q[c];
      hit_db[c]  = (db_err_valid && db_err_ch == CW'(c)) || (SEND_EN && rdb_err_valid && rdb_err_ch == CW'(c));
      hit_rf[c]  = SEND_EN && rferr_valid && rferr_ch == CW'(c);
      hit_cdb[c] = cdb_err_valid && cdb_err_ch == CW'(c);
      hit_f[c]   = ferr_valid && ferr_ch == CW'(c);
      hit_cq[c]  = cq_err_valid && cq_err_ch == CW'(c);
      live[c]    = st_q[c] == ACTIVE || st_q[c] == PAUSED || st_q[c] == DRAINING;
      fail_d[c]  = live[c] && (hit_ret[c] || hit_db[c] || hit_cdb[c] || hit_f[c] || hit_rf[c] || hit_cq[c] || fatal);
    end
  end
  assign err_irq = fail_d;

  // The first status that is not good, of the channel's operations.
  logic [7:0]          op_err_ram, op_err_rd;
  logic                op_err_clr;
  logic [CHANNELS-1:0] has_q;    // there is one
  crl_ram_lut #(.W(8), .DEPTH(CHANNELS)) u_op_err (
      .clk, .we(ret_valid && ret_status != '0 && !has_q[ret_ch]), .waddr(ret_ch), .wdata(ret_status), .raddr(rd_ch),
      .rdata(op_err_ram)
  );
  assign op_err_rd = has_q[rd_ch] ? op_err_ram : '0;
  always_ff @(posedge clk) begin
    if (rst) has_q <= '0;
    else begin
      if (ret_valid && ret_status != '0) has_q[ret_ch] <= 1'b1;
      if (op_err_clr) has_q[ch_q] <= 1'b0;
    end
  end
  always_comb begin
    case (err_q[rd_ch])
      E_DOORBELL:  rd_error = crl_pkg::ST_DOORBELL_RANGE;
      E_FETCH_SLV: rd_error = crl_pkg::ST_FETCH_SLVERR;
      E_FETCH_DEC: rd_error = crl_pkg::ST_FETCH_DECERR;
      E_CPL:       rd_error = crl_pkg::ST_CPL_WRITE;
      E_FATAL:     rd_error = crl_pkg::ST_MEM_TIMEOUT;
      E_RING:      rd_error = crl_pkg::ST_BAD_RING;
      E_CMD:       rd_error = op_err_rd != '0 ? op_err_rd : 8'(crl_pkg::ST_BAD_COMMAND);
      default:     rd_error = op_err_rd;
    endcase
  end

  // ---------------------------------------------------------------- state of each channel
  // The engine changes one channel at a time; an error of that very cycle goes first.
  logic       set, up, down, cmd_leaves;
  logic [2:0] set_st;
  assign up         = s_q == S_SET && second_q && st_now == DISABLED;
  assign down       = (s_q == S_DONE && over && (st_now == DRAINING || st_now == ABORTING))
                      || (s_q == S_SET && second_q && st_now == RESETTING);
  assign op_err_clr = up || (s_q == S_SET && second_q);
  always_comb begin
    set    = 1'b0;
    set_st = DISABLED;
    if (up) begin
      set    = 1'b1;
      set_st = ACTIVE;
    end else if (down) begin
      set    = 1'b1;
      set_st = DISABLED;
    end else if (s_q == S_VISIT && is_cmd_q && !bad_cmd) begin
      set = 1'b1;
      case (cmd_rd)
        3'(crl_pkg::CMD_PAUSE):  set_st = PAUSED;
        3'(crl_pkg::CMD_RESUME): set_st = ACTIVE;
        3'(crl_pkg::CMD_DRAIN):  set_st = DRAINING;
        3'(crl_pkg::CMD_ABORT):  set_st = st_now == DISABLED ? DISABLED : ABORTING;
        3'(crl_pkg::CMD_RESET):  set_st = RESETTING;
        default:                 set_st = st_now;   // ENABLE goes on elsewhere
      endcase
    end
  end

  assign cmd_leaves = cmd == 3'(crl_pkg::CMD_DRAIN) || cmd == 3'(crl_pkg::CMD_ABORT) || cmd == 3'(crl_pkg::CMD_RESET);
  assign cmd_end = (s_q == S_VISIT && is_cmd_q && (cmd_rd != 3'(crl_pkg::CMD_ENABLE) || bad_cmd)) || bad_ring || up;
  always_comb begin
    for (int c = 0; c < CHANNELS; c++) me[c] = ch_q == CW'(c);
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      st_q       <= '0;
      err_q      <= '0;
      cmd_pend_q <= '0;
      leave_q    <= '0;
      stop_q     <= '0;
      mute_q     <= '0;
      locked_q   <= '0;
      n_enabled  <= '0;
    end else begin
      if (cc_we) stop_q[cc_ch] <= cc_stop;
      for (int c = 0; c < CHANNELS; c++) begin
        if (fail_d[c]) st_q[c] <= FAILED;
        else if (set && me[c]) st_q[c] <= set_st;

        if (me[c] && s_q == S_SET && second_q) err_q[c] <= E_NONE;
        else if (me[c] && bad_ring) err_q[c] <= E_RING;
        else if (err_q[c] == E_NONE || err_q[c] == E_CMD) begin
          if (live[c] && hit_cq[c]) err_q[c] <= E_CPL;
          else if (live[c] && hit_f[c]) err_q[c] <= ferr_dec ? E_FETCH_DEC : E_FETCH_SLV;
          else if (live[c] && hit_rf[c]) err_q[c] <= rferr_dec ? E_FETCH_DEC : E_FETCH_SLV;
          else if (live[c] && (hit_db[c] || hit_cdb[c])) err_q[c] <= E_DOORBELL;
          else if (live[c] && fatal) err_q[c] <= E_FATAL;
          else if ((me[c] && s_q == S_VISIT && is_cmd_q && bad_cmd)
                   || (cmd_valid && cmd_pend_q[c] && !(me[c] && cmd_end) && cmd_ch == CW'(c))) err_q[c] <= E_CMD;
        end

        if (cmd_valid && cmd_ch == CW'(c)) cmd_pend_q[c] <= 1'b1;
        else if (me[c] && cmd_end) cmd_pend_q[c] <= 1'b0;

        if (cmd_take && cmd_ch == CW'(c)) leave_q[c] <= cmd_leaves;
        else if (me[c] && cmd_end) leave_q[c] <= 1'b0;

        if (hit_cq[c]) mute_q[c] <= 1'b1;
        else if (me[c] && (up || down)) mute_q[c] <= 1'b0;

        if (me[c] && up) locked_q[c] <= 1'b1;
        else if (me[c] && down) locked_q[c] <= 1'b0;
      end
      n_enabled <= n_enabled + {6'd0, up} - {6'd0, down && locked_q[ch_q]};
    end
  end

endmodule

`default_nettype wire
