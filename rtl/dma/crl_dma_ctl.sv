// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_ctl: life of the channels: commands, checks at enable, drain, abort, reset, errors.
//
// How: a command waits in its channel's slot; one engine takes them in rotation and looks at channels that drain, abort or
//   reset in between. It never waits for one channel's traffic: a visit either finds the channel quiet or moves on.
//   What a visit may wait for is bounded: descriptor bursts under way (a marker goes through the fetch queue behind
//   them), the flush of at most PREFETCH staged descriptors, and the segment checker.
// Enable: ring sizes 4 to 4096, bases aligned to min(ring, 4096), both rings inside a segment of this channel with the RING
//   and LOCAL rights (or absolute for a channel with ABS); else LAST_ERROR = BAD_RING and the channel stays DISABLED.
// Errors: docs/architecture.md section 4. The first error stays until ENABLE or RESET.
// Latency: PAUSE, RESUME, DRAIN, ABORT, RESET act 3 cycles after the command when the engine is free; ENABLE takes about 20.
`default_nettype none

module crl_dma_ctl #(
    parameter int CHANNELS = 8,
    parameter int FUNC_W   = 8,
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
    output logic      [1:0]            rc_sel,
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
    output logic                       mark_req,
    input  wire logic                  mark_done,
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
  logic [CHANNELS-1:0][7:0] err_q;
  logic [CHANNELS-1:0]      cmd_pend_q, stop_q, mute_q;   // mute: a completion write failed

  always_comb begin
    for (int c = 0; c < CHANNELS; c++) begin
      accept[c]   = st_q[c] == ACTIVE || st_q[c] == PAUSED;
      run[c]      = (st_q[c] == ACTIVE || st_q[c] == DRAINING) && !fatal;
      hold[c]     = st_q[c] == PAUSED;
      ch_abort[c]    = st_q[c] == ABORTING || st_q[c] == RESETTING;
      suppress[c] = st_q[c] == RESETTING || mute_q[c];
      locked[c]   = st_q[c] != DISABLED;
    end
  end
  assign rd_state = {1'b0, st_q[rd_ch]};
  assign rd_error = err_q[rd_ch];
  assign rd_busy  = cmd_pend_q[rd_ch] || ch_abort[rd_ch] || st_q[rd_ch] == DRAINING;

  logic [2:0] cmd_rd;
  logic       abs_rd;
  logic [FUNC_W-1:0] func_rd;
  logic [CW-1:0] ch_q;
  crl_ram_lut #(.W(3), .DEPTH(CHANNELS)) u_cmd (
      .clk, .we(cmd_valid && !cmd_pend_q[cmd_ch]), .waddr(cmd_ch), .wdata(cmd), .raddr(ch_q), .rdata(cmd_rd)
  );
  crl_ram_lut #(.W(1 + FUNC_W), .DEPTH(CHANNELS)) u_cc (
      .clk, .we(cc_we), .waddr(cc_ch), .wdata({cc_abs, cc_func}), .raddr(ch_q), .rdata({abs_rd, func_rd})
  );

  // ---------------------------------------------------------------- engine
  typedef enum logic [3:0] {
    S_SCAN, S_VISIT, S_READ, S_CHECK, S_SEG, S_SEG_RESULT, S_SET, S_MARK, S_FLUSH, S_DONE
  } state_t;
  state_t      s_q;
  logic [2:0]  step_q;                 // S_READ: cycle; S_SEG, S_SET: 0 descriptor ring, 1 completion ring
  logic [63:0] dbase_q, cbase_q;
  logic [3:0]  dlog2_q, clog2_q;
  logic [2:0]  st_now;
  logic        is_cmd_q, bad_cmd, bad_ring, size_ok, align_ok, quiesced;
  logic [11:0] dmask, cmask;
  logic [CW-1:0] ch_next;

  assign st_now   = st_q[ch_q];
  assign ch_next  = ch_q == CW'(CHANNELS - 1) ? '0 : ch_q + 1'b1;
  assign size_ok  = dlog2_q >= 4'd2 && dlog2_q <= 4'd12 && clog2_q >= 4'd2 && clog2_q <= 4'd12;
  // Bytes of the ring less one, at most 4095.
  assign dmask    = dlog2_q >= 4'd7 ? 12'hfff : (12'd32 << dlog2_q) - 12'd1;
  assign cmask    = clog2_q >= 4'd8 ? 12'hfff : (12'd16 << clog2_q) - 12'd1;
  assign align_ok = (dbase_q[11:0] & dmask) == '0 && (cbase_q[11:0] & cmask) == '0;
  assign quiesced = !ip[ch_q] && op_empty[ch_q] && st_empty[ch_q] && !young[ch_q];

  assign rc_ch    = ch_q;
  assign rc_sel   = step_q[1:0];
  assign seg_req  = s_q == S_SEG;
  assign seg_addr = step_q[0] ? cbase_q : dbase_q;
  assign seg_len  = step_q[0] ? 33'd16 << clog2_q : 33'd32 << dlog2_q;
  assign seg_ch   = ch_q;
  assign seg_abs  = abs_rd;
  assign mark_req = s_q == S_MARK;
  assign pop_valid = s_q == S_FLUSH && ch_abort[ch_q] && !st_empty[ch_q] && pop_ready;
  assign pop_ch   = ch_q;
  assign cfg_ch   = ch_q;
  assign cfg_func = func_rd;
  assign cfg_base = step_q[0] ? cbase_q : dbase_q;
  assign cfg_log2 = step_q[0] ? clog2_q : dlog2_q;
  assign f_cfg_we = s_q == S_SET && !step_q[0];
  assign c_cfg_we = s_q == S_SET && step_q[0];
  assign clr_ch   = ch_q;
  assign clr_valid = s_q == S_DONE && st_now == RESETTING;

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
  assign bad_ring = (s_q == S_CHECK && !(size_ok && align_ok)) || (s_q == S_SEG_RESULT && !chk_ok);

  always_ff @(posedge clk) begin
    if (rst) begin
      s_q      <= S_SCAN;
      ch_q     <= '0;
      step_q   <= '0;
      is_cmd_q <= 1'b0;
    end else begin
      case (s_q)
        S_SCAN: begin
          step_q <= '0;
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
          // Selects 0 to 3 go out in steps 0 to 3, the data comes in steps 2 to 5.
          step_q <= step_q + 3'd1;
          if (step_q == 3'd5) begin
            s_q    <= S_CHECK;
            step_q <= '0;
          end
        end
        S_CHECK: begin
          if (size_ok && align_ok) s_q <= S_SEG;
          else s_q <= S_SCAN;
        end
        S_SEG: if (seg_gnt) s_q <= S_SEG_RESULT;
        S_SEG_RESULT: begin
          if (!chk_ok) s_q <= S_SCAN;
          else if (!step_q[0]) s_q <= S_SEG;
          else s_q <= S_SET;
          step_q <= {2'b00, !step_q[0]};
        end
        S_SET: begin
          step_q <= {2'b00, !step_q[0]};
          if (step_q[0]) begin
            // After a RESET the indices are cleared the same way.
            s_q <= S_SCAN;
            ch_q <= ch_next;
          end
        end
        S_MARK: if (mark_done) s_q <= S_FLUSH;
        S_FLUSH: if (!ch_abort[ch_q] || st_empty[ch_q]) s_q <= S_DONE;
        default: begin  // S_DONE
          step_q <= '0;
          ch_q   <= ch_next;
          s_q    <= S_SCAN;
          if (st_now == RESETTING && quiesced) begin
            s_q  <= S_SET;
            ch_q <= ch_q;
          end
        end
      endcase
    end
    if (s_q == S_READ) begin
      if (step_q == 3'd2) dbase_q <= rc_data;
      if (step_q == 3'd3) dlog2_q <= |rc_data[15:4] ? 4'd15 : rc_data[3:0];
      if (step_q == 3'd4) cbase_q <= rc_data;
      if (step_q == 3'd5) clog2_q <= |rc_data[15:4] ? 4'd15 : rc_data[3:0];
    end
    if (s_q == S_SEG_RESULT) begin
      if (step_q[0]) cbase_q <= chk_addr;
      else dbase_q <= chk_addr;
    end
  end

  // ---------------------------------------------------------------- state of each channel
  logic [CHANNELS-1:0] fail_d;         // enters ERROR
  logic [CHANNELS-1:0][7:0] code_d;    // and why; 0: no error

  always_comb begin
    for (int c = 0; c < CHANNELS; c++) begin
      code_d[c] = '0;
      fail_d[c] = 1'b0;
      if (ret_valid && ret_ch == CW'(c) && ret_status != '0) begin
        code_d[c] = ret_status;
        fail_d[c] = stop_q[c];
      end
      if (cdb_err_valid && cdb_err_ch == CW'(c)) begin
        code_d[c] = crl_pkg::ST_DOORBELL_RANGE;
        fail_d[c] = 1'b1;
      end
      if (db_err_valid && db_err_ch == CW'(c)) begin
        code_d[c] = crl_pkg::ST_DOORBELL_RANGE;
        fail_d[c] = 1'b1;
      end
      if (ferr_valid && ferr_ch == CW'(c)) begin
        code_d[c] = ferr_dec ? 8'(crl_pkg::ST_FETCH_DECERR) : 8'(crl_pkg::ST_FETCH_SLVERR);
        fail_d[c] = 1'b1;
      end
      if (cq_err_valid && cq_err_ch == CW'(c)) begin
        code_d[c] = crl_pkg::ST_CPL_WRITE;
        fail_d[c] = 1'b1;
      end
      if (fatal) begin
        code_d[c] = crl_pkg::ST_MEM_TIMEOUT;
        fail_d[c] = 1'b1;
      end
      if (!(st_q[c] == ACTIVE || st_q[c] == PAUSED || st_q[c] == DRAINING)) fail_d[c] = 1'b0;
      if (st_q[c] == DISABLED) code_d[c] = '0;
    end
  end
  assign err_irq = fail_d;

  logic en_up, en_down;
  logic [CHANNELS-1:0] locked_q;       // counted in n_enabled
  assign en_up   = s_q == S_SET && step_q[0] && st_now == DISABLED;
  assign en_down = (s_q == S_DONE && quiesced && (st_now == DRAINING || st_now == ABORTING))
                   || (s_q == S_SET && step_q[0] && st_now == RESETTING && locked_q[ch_q]);

  always_ff @(posedge clk) begin
    if (rst) begin
      st_q       <= '0;
      err_q      <= '0;
      cmd_pend_q <= '0;
      stop_q     <= '0;
      mute_q     <= '0;
      locked_q   <= '0;
      n_enabled  <= '0;
    end else begin
      if (cc_we) stop_q[cc_ch] <= cc_stop;
      for (int c = 0; c < CHANNELS; c++) begin
        if (err_q[c] == '0 || err_q[c] == crl_pkg::ST_BAD_COMMAND) begin
          if (code_d[c] != '0) err_q[c] <= code_d[c];
        end
        if (fail_d[c]) st_q[c] <= FAILED;
        if (cq_err_valid && cq_err_ch == CW'(c)) mute_q[c] <= 1'b1;
      end
      if (cmd_valid) begin
        if (!cmd_pend_q[cmd_ch]) cmd_pend_q[cmd_ch] <= 1'b1;
        else if (err_q[cmd_ch] == '0) err_q[cmd_ch] <= crl_pkg::ST_BAD_COMMAND;
      end
      if (s_q == S_VISIT && is_cmd_q) begin
        if (cmd_rd != 3'(crl_pkg::CMD_ENABLE) || bad_cmd) cmd_pend_q[ch_q] <= 1'b0;
        if (bad_cmd) begin
          if (err_q[ch_q] == '0) err_q[ch_q] <= crl_pkg::ST_BAD_COMMAND;
        end else if (!fail_d[ch_q]) begin
          case (cmd_rd)
            3'(crl_pkg::CMD_PAUSE):  st_q[ch_q] <= PAUSED;
            3'(crl_pkg::CMD_RESUME): st_q[ch_q] <= ACTIVE;
            3'(crl_pkg::CMD_DRAIN):  st_q[ch_q] <= DRAINING;
            3'(crl_pkg::CMD_ABORT):  if (st_now != DISABLED) st_q[ch_q] <= ABORTING;
            3'(crl_pkg::CMD_RESET):  st_q[ch_q] <= RESETTING;
            default: ;
          endcase
        end
      end
      if (bad_ring) begin
        err_q[ch_q]      <= crl_pkg::ST_BAD_RING;
        cmd_pend_q[ch_q] <= 1'b0;
      end
      if (en_up) begin
        st_q[ch_q]       <= ACTIVE;
        err_q[ch_q]      <= '0;
        mute_q[ch_q]     <= 1'b0;
        cmd_pend_q[ch_q] <= 1'b0;
        locked_q[ch_q]   <= 1'b1;
      end
      if (s_q == S_DONE && quiesced && (st_now == DRAINING || st_now == ABORTING)) begin
        st_q[ch_q]     <= DISABLED;
        locked_q[ch_q] <= 1'b0;
        mute_q[ch_q]   <= 1'b0;
      end
      if (s_q == S_SET && step_q[0] && st_now == RESETTING) begin
        st_q[ch_q]     <= DISABLED;
        err_q[ch_q]    <= '0;
        mute_q[ch_q]   <= 1'b0;
        locked_q[ch_q] <= 1'b0;
      end
      n_enabled <= n_enabled + {6'd0, en_up} - {6'd0, en_down};
    end
  end

endmodule

`default_nettype wire
