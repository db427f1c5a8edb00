// SPDX-License-Identifier: Apache-2.0
//
// crl_recv_ring: the receive rings of all channels: doorbells, entries fetched ahead, and which of them are taken.
//
// How: per channel a ring of four entries in block RAM, ahead of memory: 'asked' of them are requested, 'got' are here, 'taken'
//   belong to messages; all count from the consumer index on. They stay until their message has ended: it uses
//   its entry up, or the entry is at the head again. One operation a cycle changes one channel's counts, in this order:
//   doorbell, arrival, end of a message (u), look or take (t), request. An entry is a burst of its own; up to eight are under way.
// Latency: doorbell to ar_valid 8 cycles. t_valid to t_done 2 cycles, u_valid to u_done 2, more while others have their turn.
// Throughput: an entry in 5 cycles.
// Errors: doorbell outside the ring or backwards: db_err event, nothing changes. Error response: ferr event, and no entry of the
//   channel is handed out until it is set up again.
// Assumes: doorbells two cycles apart. cfg_* only while the channel is disabled, with nothing of it under way or taken, and accept rises
//   three cycles later at the earliest. t_* and
//   u_* stay until done, and look comes before take. What was taken last may come back, what was taken first may be used up.
//   Beats of r_* come in order of the requests and are always taken.
// Source: docs/blocks/rdma.md sections 1 and 7.
`default_nettype none

module crl_recv_ring #(
    parameter int DATA_W   = 64,
    parameter int CHANNELS = 8,
    parameter int FUNC_W   = 8,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,          // synchronous, active high

    input  wire logic [CHANNELS-1:0] accept,       // doorbells count, entries are fetched
    input  wire logic                cfg_we,       // event: set-up, clears the indices
    input  wire logic [CW-1:0]       cfg_ch,
    input  wire logic [63:0]         cfg_base,     // absolute
    input  wire logic [3:0]          cfg_log2,     // entries; 0: none
    input  wire logic [FUNC_W-1:0]   cfg_func,
    input  wire logic                db_valid,     // event: producer doorbell
    input  wire logic [CW-1:0]       db_ch,
    input  wire logic [15:0]         db_val,
    output logic                     db_err_valid, // event: value refused
    output logic      [CW-1:0]       db_err_ch,
    output logic      [CHANNELS-1:0] fetching,     // entries of it are under way
    input  wire logic [CW-1:0]       rd_ch,        // read-out, asynchronous
    output logic      [11:0]         rd_prod,
    output logic      [11:0]         rd_cons,

    // A message begins: look at the next entry, then take it
    input  wire logic                t_valid,
    input  wire logic                t_take,
    input  wire logic [CW-1:0]       t_ch,
    output logic                     t_done,       // event
    output logic                     t_ok,         // with it: there is an entry; its fields stay until the next look
    output logic      [63:0]         e_dst,
    output logic      [31:0]         e_len,
    output logic                     e_bad,        // its opcode is not RECV

    // A message has ended: its entry is used up, or goes back
    input  wire logic                u_valid,
    input  wire logic                u_back,
    input  wire logic [CW-1:0]       u_ch,
    output logic                     u_done,       // event
    output logic      [15:0]         u_tag,        // of what was used up; stays until the next one
    output logic      [11:0]         u_cons,       // consumer index behind it

    // Read port client
    output logic                     ar_valid,
    input  wire logic                ar_ready,
    output logic      [63:0]         ar_addr,
    output logic      [7:0]          ar_len,
    output logic      [FUNC_W-1:0]   ar_user,
    input  wire logic                r_valid,
    input  wire logic [DATA_W-1:0]   r_data,
    input  wire logic [1:0]          r_resp,
    input  wire logic                r_last,
    output logic                     pending,      // something is owed
    output logic                     ferr_valid,   // event: error response to a fetch
    output logic      [CW-1:0]       ferr_ch,
    output logic                     ferr_dec      // DECERR (else SLVERR)
);

  localparam int AHEAD = 4;                          // entries of a channel; the smallest ring has as many
  localparam int UNDER = 8;                          // requests under way
  localparam int BEATS = DATA_W >= 256 ? 1 : 256 / DATA_W;
  localparam int ADW   = $clog2(CHANNELS * AHEAD);

  // ---------------------------------------------------------------- S1: one operation is chosen
  localparam logic [2:0] O_DB = 3'd0, O_ARR = 3'd1, O_USE = 3'd2, O_BACK = 3'd3, O_LOOK = 3'd4, O_TAKE = 3'd5, O_ASK = 3'd6;

  logic                db_q, op_v_q, t_busy_q, u_busy_q, ar_new_q, next_v_q, next_take;
  logic [CW-1:0]       db_ch_q, op_ch_q, want_ch, next_q, a_ch;
  logic [15:0]         db_val_q;
  logic [2:0]          op_q;
  logic [CHANNELS-1:0] want_q, gnt_unused;           // there may be something to ask for
  logic                want_any, a_valid, pick_arr, pick_u, pick_t, pick_ask;
  logic [1:0]          a_resp, op_resp_q;
  logic [3:0]          under_q;                      // requests whose arrival has not been counted
  logic                s2_ask;

  assign pick_arr = a_valid && !db_q;
  assign pick_u   = u_valid && !u_busy_q && !db_q && !a_valid;
  assign pick_t   = t_valid && !t_busy_q && !db_q && !a_valid && !pick_u;
  // The next one is chosen when the last one's address is there.
  assign pick_ask = next_v_q && !under_q[3] && !s2_ask && !ar_new_q && !ar_valid && !db_q && !a_valid && !pick_u && !pick_t;

  // Whose turn it is to ask is known a cycle ahead. It may have nothing to ask for any more; then nothing comes of it.
  assign next_take = !next_v_q || pick_ask;
  crl_rr_arb #(.N(CHANNELS)) u_want (
      .clk, .rst, .req(want_q), .ack(next_take), .gnt(gnt_unused), .gnt_idx(want_ch), .gnt_valid(want_any)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      db_q     <= 1'b0;
      op_v_q   <= 1'b0;
      next_v_q <= 1'b0;
      t_busy_q <= 1'b0;
      u_busy_q <= 1'b0;
      t_done   <= 1'b0;
      u_done   <= 1'b0;
    end else begin
      db_q     <= db_valid && accept[db_ch];
      op_v_q   <= db_q || pick_arr || pick_u || pick_t || pick_ask;
      if (next_take) next_v_q <= want_any;
      t_busy_q <= pick_t || (t_busy_q && !t_done);
      u_busy_q <= pick_u || (u_busy_q && !u_done);
      t_done   <= op_v_q && (op_q == O_LOOK || op_q == O_TAKE);
      u_done   <= op_v_q && (op_q == O_USE || op_q == O_BACK);
    end
    if (next_take) next_q <= want_ch;
    db_ch_q   <= db_ch;
    db_val_q  <= db_val;
    op_resp_q <= a_resp;
    op_ch_q   <= db_q ? db_ch_q : pick_arr ? a_ch : pick_u ? u_ch : pick_t ? t_ch : next_q;
    if (db_q)          op_q <= O_DB;
    else if (pick_arr) op_q <= O_ARR;
    else if (pick_u)   op_q <= u_back ? O_BACK : O_USE;
    else if (pick_t)   op_q <= t_take ? O_TAKE : O_LOOK;
    else               op_q <= O_ASK;
  end

  // ---------------------------------------------------------------- S2: it looks and changes
  logic [11:0]         cons, prod, cons_d, fidx, mask;
  logic [2:0]          asked, got, taken, asked_d, got_d, taken_d;
  logic [3:0]          log2;
  logic [CHANNELS-1:0] bad_q;                        // a fetch failed
  logic                s2_we, s2_go;
  logic                dq_v_q, dq_range_q, dq_moves_q, dq_good;
  logic [CW-1:0]       dq_ch_q;
  logic [11:0]         dq_val_q, dq_new_q, dq_old_q;
  logic [15:0]         s2_val_q;

  crl_ram_clr #(.W(12 + 9), .DEPTH(CHANNELS)) u_state (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(s2_we), .waddr(op_ch_q), .wdata({cons_d, asked_d, got_d, taken_d}),
      .raddr(op_ch_q), .rdata({cons, asked, got, taken})
  );
  crl_ram_clr #(.W(12), .DEPTH(CHANNELS)) u_prod (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(dq_good), .waddr(dq_ch_q), .wdata(dq_val_q), .raddr(op_ch_q), .rdata(prod)
  );
  crl_ram_clr #(.W(12), .DEPTH(CHANNELS)) u_prod_rd (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(dq_good), .waddr(dq_ch_q), .wdata(dq_val_q), .raddr(rd_ch), .rdata(rd_prod)
  );
  crl_ram_clr #(.W(12), .DEPTH(CHANNELS)) u_cons_rd (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(s2_we && op_q == O_USE), .waddr(op_ch_q), .wdata(cons_d), .raddr(rd_ch),
      .rdata(rd_cons)
  );
  crl_ram_lut #(.W(4), .DEPTH(CHANNELS)) u_log2 (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata(cfg_log2), .raddr(op_ch_q), .rdata(log2)
  );

  assign mask   = (12'd1 << log2) - 12'd1;
  assign fidx   = (cons + 12'(asked)) & mask;
  assign s2_ask = op_v_q && op_q == O_ASK;
  assign s2_go  = s2_ask && asked != 3'(AHEAD) && fidx != prod && accept[op_ch_q] && !bad_q[op_ch_q];
  assign s2_we  = op_v_q && op_q != O_DB && op_q != O_LOOK && (op_q != O_ASK || s2_go);

  always_comb begin
    cons_d  = cons;
    asked_d = asked;
    got_d   = got;
    taken_d = taken;
    case (op_q)
      O_ARR:  got_d = got + 3'd1;
      O_USE: begin
        cons_d  = (cons + 12'd1) & mask;
        asked_d = asked - 3'd1;
        got_d   = got - 3'd1;
        taken_d = taken - 3'd1;
      end
      O_BACK: taken_d = taken - 3'd1;
      O_TAKE: taken_d = taken + 3'd1;
      O_ASK:  asked_d = asked + 3'd1;
      default: ;
    endcase
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      bad_q      <= '0;
      want_q     <= '0;
      fetching   <= '0;
      under_q    <= '0;
      ferr_valid <= 1'b0;
    end else begin
      if (cfg_we) begin
        bad_q[cfg_ch]  <= 1'b0;
        want_q[cfg_ch] <= 1'b0;
      end
      if (op_v_q && op_q == O_ARR && op_resp_q[1]) bad_q[op_ch_q] <= 1'b1;
      if (s2_ask && !s2_go) want_q[op_ch_q] <= 1'b0;
      if (op_v_q && op_q == O_USE) want_q[op_ch_q] <= 1'b1;
      if (dq_good && dq_moves_q) want_q[dq_ch_q] <= 1'b1;
      if (op_v_q && op_q == O_ARR) fetching[op_ch_q] <= asked != got_d;
      if (s2_go) fetching[op_ch_q] <= 1'b1;
      under_q    <= under_q + 4'(s2_go) - 4'(pick_arr);
      ferr_valid <= op_v_q && op_q == O_ARR && op_resp_q[1];
    end
    ferr_ch  <= op_ch_q;
    ferr_dec <= op_resp_q[0];
    t_ok     <= op_q == O_TAKE || (got != taken && !bad_q[op_ch_q]);
    if (op_v_q && op_q == O_USE) u_cons <= cons_d;
  end

  // A doorbell is judged in the cycle behind its look.
  assign dq_good = dq_v_q && dq_range_q && dq_new_q >= dq_old_q;
  always_ff @(posedge clk) begin
    if (rst) begin
      dq_v_q       <= 1'b0;
      db_err_valid <= 1'b0;
    end else begin
      dq_v_q       <= op_v_q && op_q == O_DB;
      db_err_valid <= dq_v_q && !dq_good;
    end
    s2_val_q   <= db_val_q;
    dq_ch_q    <= op_ch_q;
    dq_val_q   <= s2_val_q[11:0];
    dq_range_q <= s2_val_q[15:12] == 4'd0 && (s2_val_q[11:0] & ~mask) == 12'd0;
    dq_moves_q <= s2_val_q[11:0] != prod;
    dq_new_q   <= (s2_val_q[11:0] - cons) & mask;
    dq_old_q   <= (prod - cons) & mask;
    db_err_ch  <= dq_ch_q;
  end

  // ---------------------------------------------------------------- requests
  logic [11:0]         fidx_q;
  logic [51:0]         base;                         // 63:12; below, the index is the whole address, or the base's bits are its own
  logic [4:0]          base_lo;                      // 11:7
  logic [FUNC_W-1:0]   func;
  logic                i_valid, i_ready_unused, i_half;
  logic [1:0]          i_row;
  logic [CW-1:0]       i_ch;
  logic [3:0]          i_level, a_level;

  crl_dma_tab #(.W(57 + FUNC_W), .DEPTH(CHANNELS > 1 ? CHANNELS : 2)) u_base (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata({cfg_func, cfg_base[63:7]}), .re(s2_go), .raddr(op_ch_q),
      .rdata({func, base, base_lo})
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      ar_new_q <= 1'b0;
      ar_valid <= 1'b0;
    end else begin
      ar_new_q <= s2_go;
      if (ar_new_q)      ar_valid <= 1'b1;
      else if (ar_ready) ar_valid <= 1'b0;
    end
    if (s2_go) fidx_q <= fidx;
    if (ar_new_q) begin
      // A ring of up to 4 KiB is aligned to its size: what the index adds is 0 in the base.
      ar_addr <= {base + 52'(fidx_q[11:7]), base_lo | fidx_q[6:2], fidx_q[1:0], 5'd0};
      ar_user <= func;
    end
  end
  assign ar_len  = 8'(BEATS - 1);
  assign pending = i_valid;

  crl_fifo #(.W(CW + 2), .DEPTH(UNDER)) u_under (
      .clk, .rst, .s_valid(s2_go), .s_ready(i_ready_unused), .s_data({op_ch_q, fidx[1:0]}),
      .m_valid(i_valid), .m_ready(r_valid && r_last), .m_data({i_ch, i_row}), .level(i_level)
  );
  assign i_half = i_row[0];                          // of a beat, at 512 bits

  // ---------------------------------------------------------------- arrival: into the RAM, then counted
  logic          w_v_q;
  logic [CW-1:0] w_ch_q;
  logic [1:0]    w_row_q, w_resp_q, resp_q, resp_now;
  logic [63:0]   head, dst, w_head_q, w_dst_q;
  logic          a_ready_unused;

  assign resp_now = r_resp > resp_q ? r_resp : resp_q;

  generate
    if (BEATS == 1) begin : g_beat
      logic [255:0] entry;
      assign entry = DATA_W == 512 && i_half ? r_data[DATA_W-1 -: 256] : r_data[255:0];
      assign head  = entry[63:0];
      assign dst   = entry[crl_pkg::DESC_DST_LSB +: 64];
      logic unused;
      assign unused = &{1'b0, entry};
    end else begin : g_beats
      logic [1:0]  beat_q;
      logic [63:0] head_q, dst_q;
      always_ff @(posedge clk) begin
        if (rst) beat_q <= '0;
        else if (r_valid) beat_q <= r_last ? '0 : beat_q + 2'd1;
        if (r_valid && beat_q == '0) head_q <= r_data[63:0];
        if (r_valid && beat_q == 2'd2) dst_q <= r_data[63:0];
      end
      assign head = head_q;
      assign dst  = BEATS == 2 ? r_data[63:0] : dst_q;
      logic unused;
      assign unused = &{1'b0, i_half, r_data};
    end
  endgenerate

  always_ff @(posedge clk) begin
    if (rst) begin
      w_v_q  <= 1'b0;
      resp_q <= '0;
    end else begin
      w_v_q <= r_valid && r_last;
      if (r_valid) resp_q <= r_last ? 2'd0 : resp_now;
    end
    w_ch_q   <= i_ch;
    w_row_q  <= i_row;
    w_resp_q <= resp_now;
    w_head_q <= head;
    w_dst_q  <= dst;
  end

  crl_fifo #(.W(CW + 2), .DEPTH(UNDER)) u_arrived (
      .clk, .rst, .s_valid(w_v_q), .s_ready(a_ready_unused), .s_data({w_ch_q, w_resp_q}),
      .m_valid(a_valid), .m_ready(pick_arr), .m_data({a_ch, a_resp}), .level(a_level)
  );

  logic [1:0] row;
  assign row = cons[1:0] + (op_q == O_USE ? 2'd0 : taken[1:0]);

  crl_dma_tab #(.W(97), .DEPTH(CHANNELS * AHEAD)) u_entry (
      .clk, .we(w_v_q), .waddr(ADW'({w_ch_q, w_row_q})),
      .wdata({w_head_q[crl_pkg::DESC_OPCODE_LSB +: 8] != crl_pkg::OP_RECV, w_head_q[crl_pkg::DESC_LENGTH_LSB +: 32], w_dst_q}),
      .re(op_v_q && op_q == O_LOOK && got != taken), .raddr(ADW'({op_ch_q, row})), .rdata({e_bad, e_len, e_dst})
  );
  crl_dma_tab #(.W(16), .DEPTH(CHANNELS * AHEAD)) u_tags (
      .clk, .we(w_v_q), .waddr(ADW'({w_ch_q, w_row_q})), .wdata(w_head_q[crl_pkg::DESC_TAG_LSB +: 16]),
      .re(op_v_q && op_q == O_USE), .raddr(ADW'({op_ch_q, row})), .rdata(u_tag)
  );
  logic unused;
  assign unused = &{1'b0, gnt_unused, i_level, a_level, i_ready_unused, a_ready_unused, cfg_base[6:0], w_head_q, t_take};

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset: nothing holds of what registers are before it

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    if (rst) begun_q <= 1'b1;
    else if (begun_q) begin
      assert (!(r_valid && !i_valid));                              // nothing comes that was not asked for
      assert (!(op_v_q && op_q == O_ARR) || got != asked);
      assert (!(op_v_q && op_q == O_TAKE) || got != taken);         // it was looked at
      assert (!(op_v_q && (op_q == O_USE || op_q == O_BACK)) || taken != '0);
      assert (!(s2_go && !i_ready_unused) && !(w_v_q && !a_ready_unused));
    end
  end
`endif

endmodule

`default_nettype wire
