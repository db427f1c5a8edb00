// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_fetch: descriptor rings, doorbells, and prefetch into the shared pool.
//
// How: three steps: F0 looks a channel up in crl_dma_rings (a doorbell goes straight in when the stage is free), F1 and F2
//   size a burst (crl_dma_burst) within the channel's share of the pool (crl_dma_shares) and request it. Descriptors go into a
//   block RAM (the pool), their order per channel into a crl_mlist, and what the scheduler must know of the first chunk
//   into a LUT RAM (crl_dma_first). The second slot of a CMP_SWAP is kept beside the first (crl_dma_pair). In the pool an atomic has
//   its addresses exchanged, so that its source is the peer's and its destination here, as those of a READ.
// Latency: doorbell event to request 3 cycles; third beat (64 bits) to staged 1 cycle.
// Throughput: a burst every 3 cycles; one beat a cycle (crl_dma_assemble).
// Errors: doorbell outside the ring or backwards: db_err event, nothing changes. Error response:
//   ferr event, the descriptors behind it are staged as bad and never executed.
// Assumes: cfg_* only while the channel is disabled and nothing of it is in the pool.
// Source: design section 6; docs/architecture.md sections 3 and 6.
`default_nettype none

module crl_dma_fetch #(
    parameter int DATA_W    = 64,
    parameter int CHANNELS  = 8,
    parameter int PREFETCH  = 64,
    parameter int FUNC_W    = 8,
    parameter int MAX_BURST_BYTES = 512,
    parameter int LINK_MTU  = 1024,
    parameter int SEGMENTS  = 32,
    parameter bit READ_EN   = 1,
    parameter bit ATOMIC_EN = 1,
    parameter bit SEND_EN   = 1,
    parameter bit MIRROR_EN = READ_EN,
    localparam int SW       = $clog2(SEGMENTS),
    localparam int CW       = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW       = $clog2(PREFETCH),
    localparam int MBW      = $clog2(MAX_BURST_BYTES),
    localparam int INFO_W   = MBW + 9   // {message, bad, nodata, read, remote, fence, frame end, last, n}
) (
    input  wire logic                clk,
    input  wire logic                rst,

    // Software and channel control
    input  wire logic                db_valid,     // producer doorbell, event
    input  wire logic [CW-1:0]       db_ch,
    input  wire logic [15:0]         db_val,
    output logic                     db_err_valid, // event: value refused
    output logic      [CW-1:0]       db_err_ch,
    input  wire logic [CHANNELS-1:0] accept,       // doorbells count (active or paused)
    input  wire logic [CHANNELS-1:0] run,          // may fetch
    input  wire logic [6:0]          n_enabled,    // channels that are not disabled
    input  wire logic                cfg_we,       // event: ring set-up, clears the indices
    input  wire logic [CW-1:0]       cfg_ch,
    input  wire logic [63:0]         cfg_base,     // absolute
    input  wire logic [3:0]          cfg_log2,     // entries
    input  wire logic [FUNC_W-1:0]   cfg_func,
    input  wire logic                mark_req,     // level: tell when all requests made so far have arrived
    output logic                     mark_done,    // event
    output logic      [CHANNELS-1:0] pend,         // published and not yet requested
    input  wire logic [CW-1:0]       rd_ch,        // read-out, asynchronous
    output logic      [11:0]         rd_prod,

    // Read port client
    output logic                     ar_valid,
    input  wire logic                ar_ready,
    output logic      [63:0]         ar_addr,
    output logic      [7:0]          ar_len,
    output logic      [FUNC_W-1:0]   ar_user,
    input  wire logic [PW:0]         enough,       // descriptors that cover the fetch latency
    output logic                     plenty,       // that many are held or requested
    input  wire logic                r_valid,
    output logic                     r_ready,
    input  wire logic [DATA_W-1:0]   r_data,
    input  wire logic [1:0]          r_resp,
    input  wire logic                r_last,
    output logic                     ferr_valid,   // event: error response to a fetch
    output logic      [CW-1:0]       ferr_ch,
    output logic                     ferr_dec,     // DECERR (else SLVERR)

    // Staged descriptors
    output logic      [CHANNELS-1:0] empty,        // registered
    output logic                     enq_valid,    // event: staged in this cycle (empty falls in the next)
    output logic      [CW-1:0]       enq_ch,
    input  wire logic [CW-1:0]       pk_ch,        // pick: combinational look-up ...
    input  wire logic [CHANNELS-1:0] pk_sel,       // ... the same, one-hot, or 0 ...
    output logic                     pk_empty,
    input  wire logic                pk_en,        // ... that reads the pool and the info
    output logic      [191:0]        pool_data,    // one cycle later, {DST, SRC, LENGTH..OPCODE}
    output logic      [INFO_W-1:0]   pool_info,    // likewise
    output logic      [SW-1:0]       pool_seg,     // likewise: segment of SRC
    output logic      [127:0]        pool_oper,    // likewise, of an atomic: {OPERAND of the second slot, OPERAND}
    output logic                     pool_two,     // it has a second slot
    output logic                     pool_half,    // which has not come yet
    output logic      [CHANNELS-1:0] half,         // the last one staged waits for its second slot
    input  wire logic                pop_valid,    // event: drop the head of pop_ch
    input  wire logic [CW-1:0]       pop_ch,
    input  wire logic                pop_undo      // the pop of the last cycle was not meant
);

  localparam int SBW = PW + 2;    // signed room in the pool

  // ---------------------------------------------------------------- what has left the pool
  logic          pop_q, popped, pop_two_q;
  logic [CW-1:0] pop_ch_q;

  assign popped = pop_q && !pop_undo;

  always_ff @(posedge clk) begin
    if (rst) pop_q <= 1'b0;
    else pop_q <= pop_valid;
    pop_ch_q <= pop_ch;
    pop_two_q <= pool_two;
  end

  // ---------------------------------------------------------------- F0: look a channel up
  logic [CHANNELS-1:0]   want, gnt_unused;
  logic [CW-1:0]         f0_ch, rr_idx, next_q, dq_ch;
  logic                  rr_valid, rr_take, next_v_q, f0_take, dq_valid, dq_good, dq_moves;
  logic [63:0]           f1_base;
  logic [3:0]            f0_log2;
  logic [FUNC_W-1:0]     f1_func;
  logic [11:0]           f0_prod, f0_fidx, f0_begun;
  logic                  f1_v_q, f1_db_q;
  logic                  f2_v_q, f2_ok, f2_go, f2_odd, f2_odd_end, f2_all;
  logic [CW-1:0]         f2_ch;
  logic [63:0]           f2_addr;
  logic [FUNC_W-1:0]     f2_func;
  logic [7:0]            f2_len;
  logic [4:0]            f2_k, batch;
  logic [11:0]           f2_next;
  logic signed [SBW-1:0] share, room;
  logic                  mark_busy_q, q_ready;

  // A doorbell goes in before it is judged; a bad one is dropped in F1. While it is judged nobody else is looked
  // up, who could read the producer that it is about to change.
  assign want    = pend & run;
  assign f0_ch   = db_valid ? db_ch : next_q;
  assign f0_take = !f1_v_q && !f2_v_q && !(mark_req && !mark_busy_q)
                   && (db_valid ? run[db_ch] : next_v_q && want[next_q] && !dq_valid);

  // The channel that is looked up next is known a cycle ahead.
  assign rr_take = !next_v_q || !want[next_q] || (f0_take && !db_valid);
  crl_rr_arb #(.N(CHANNELS)) u_rr (
      .clk, .rst, .req(want), .ack(rr_take),
      .gnt(gnt_unused), .gnt_idx(rr_idx), .gnt_valid(rr_valid)
  );
  always_ff @(posedge clk) begin
    if (rst) next_v_q <= 1'b0;
    else if (rr_take) next_v_q <= rr_valid;
    if (rr_take) next_q <= rr_idx;
  end
  crl_dma_rings #(.CHANNELS(CHANNELS), .FUNC_W(FUNC_W)) u_rings (
      .clk, .rst, .cfg_we, .cfg_ch, .cfg_base, .cfg_log2, .cfg_func,
      .db_valid, .db_ch, .db_val, .db_accept(accept[db_ch]), .dq_valid, .dq_ch, .dq_good, .dq_moves, .db_err_valid, .db_err_ch,
      .f_ch(f0_ch), .f_log2(f0_log2), .f_prod(f0_prod), .f_fidx(f0_fidx), .f_begun(f0_begun), .f1_base, .f1_func,
      .fidx_we(f2_go), .fidx_ch(f2_ch), .fidx(f2_next), .pop_valid(popped), .pop_ch(pop_ch_q), .pop_two(pop_two_q), .rd_ch, .rd_prod
  );

  // ---------------------------------------------------------------- F1, F2: size the burst and request it
  crl_dma_shares #(.CHANNELS(CHANNELS), .PREFETCH(PREFETCH)) u_shares (
      .clk, .rst, .work(want | ~empty), .n_enabled, .enough, .go(f2_go), .k(f2_k), .pop(popped), .drop(absorb),
      .share, .room, .batch, .plenty
  );
  crl_dma_burst #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .PREFETCH(PREFETCH), .FUNC_W(FUNC_W)) u_burst (
      .clk, .f0_take, .f0_ch, .f0_log2, .f0_prod(db_valid ? db_val[11:0] : f0_prod), .f0_fidx, .f0_begun, .f1_base, .f1_func,
      .share, .room, .batch, .plenty,
      .f2_ok, .f2_ch, .f2_addr, .f2_func, .f2_k, .f2_len, .f2_odd, .f2_odd_end, .f2_all, .f2_next
  );
  assign f2_go = f2_v_q && f2_ok && q_ready && (!ar_valid || ar_ready);

  always_ff @(posedge clk) begin
    if (rst) begin
      f1_v_q   <= 1'b0;
      f2_v_q   <= 1'b0;
      ar_valid <= 1'b0;
      pend   <= '0;
    end else begin
      f1_v_q <= f0_take;
      f2_v_q <= f1_v_q && !(f1_db_q && !dq_good);
      if (f2_go) ar_valid <= 1'b1;
      else if (ar_ready) ar_valid <= 1'b0;
      // A doorbell that comes while what was there is requested counts.
      if (cfg_we) pend[cfg_ch] <= 1'b0;
      if (f2_go && f2_all) pend[f2_ch] <= 1'b0;
      if (dq_good && dq_moves) pend[dq_ch] <= 1'b1;
    end
    if (f0_take) f1_db_q <= db_valid;
    if (f2_go) begin
      ar_addr <= f2_addr;
      ar_len  <= f2_len;
      ar_user <= f2_func;
    end
  end

  // ---------------------------------------------------------------- requests under way
  // {all that was published, odd, odd_end, channel}. The marker is a count, not an entry: data of a later request may already be on its way through
  // crl_dma_assemble (256, 512 bits) when the last request before the marker is done.
  localparam int QW = CW + 3;
  logic          q_valid_unused, q_all, q_odd, q_odd_end;
  logic [CW-1:0] q_ch;
  logic          mark_push, b_done;
  logic [1:0]    b_resp;
  logic [5:0]    q_level, mark_left_q;

  assign mark_push = mark_req && !mark_busy_q && !f1_v_q && !f2_v_q && !f0_take;
  crl_fifo #(.W(QW), .DEPTH(32)) u_q (
      .clk, .rst, .s_valid(f2_go), .s_ready(q_ready), .s_data({f2_all, f2_odd, f2_odd_end, f2_ch}),
      .m_valid(q_valid_unused), .m_ready(b_done), .m_data({q_all, q_odd, q_odd_end, q_ch}), .level(q_level)
  );
  assign mark_done = mark_busy_q && mark_left_q == 6'd0;

  always_ff @(posedge clk) begin
    if (rst) begin
      mark_busy_q <= 1'b0;
      mark_left_q <= 6'd0;
    end else if (mark_push) begin
      mark_busy_q <= 1'b1;
      mark_left_q <= q_level - {5'd0, b_done};
    end else begin
      if (mark_done) mark_busy_q <= 1'b0;
      if (b_done && mark_left_q != 6'd0) mark_left_q <= mark_left_q - 6'd1;
    end
  end

  // ---------------------------------------------------------------- arrival
  logic          d_valid, d_bad, absorb, enq_ready_unused, list_ready_unused, pk_data_unused;
  logic [191:0]  d_data, d_word, pool_word;
  logic [63:0]   d_oper;
  logic [7:0]    d_op;
  logic [PW-1:0] enq_idx, pk_idx;
  logic [PW:0]   free_unused;

  crl_dma_assemble #(.DATA_W(DATA_W), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN)) u_asm (
      .clk, .rst, .r_valid, .r_ready, .r_data, .r_resp, .r_last,
      .b_odd(q_odd), .b_odd_end(q_odd_end), .b_done, .b_resp,
      .d_valid, .d_data, .d_oper, .d_bad
  );
  assign d_op      = d_data[crl_pkg::DESC_OPCODE_LSB +: 8];
  // A SEND has no address at the peer, whatever its descriptor says.
  always_comb begin
    d_word = d_data;
    if (SEND_EN && d_op == crl_pkg::OP_SEND) d_word[crl_pkg::DESC_DST_LSB +: 64] = '0;
  end
  assign enq_valid = d_valid && !absorb;
  assign enq_ch    = q_ch;

  always_ff @(posedge clk) begin
    if (rst) ferr_valid <= 1'b0;
    else ferr_valid <= b_done && b_resp[1];
    ferr_ch  <= q_ch;
    ferr_dec <= b_resp[0];
  end

  crl_mlist #(.Q(CHANNELS), .N(PREFETCH), .W(1)) u_list (
      .clk, .rst, .ready(list_ready_unused),
      .enq_valid, .enq_ready(enq_ready_unused), .enq_q(q_ch), .enq_data(1'b0), .enq_idx,
      .deq_valid(pop_valid), .deq_q(pop_ch), .undo(pop_undo),
      .rd_q(pk_ch), .rd_sel(pk_sel), .rd_idx(pk_idx), .rd_data(pk_data_unused), .rd_empty(pk_empty),
      .empty, .free_level(free_unused)
  );
  crl_ram_bram #(.W(192), .DEPTH(PREFETCH)) u_pool (
      .clk, .we(d_valid), .waddr(enq_idx), .wdata(pool_word), .re(pk_en), .raddr(pk_idx), .rdata(pool_data)
  );

  generate
    if (ATOMIC_EN) begin : g_atomic
      logic atomic;

      assign atomic = d_op == crl_pkg::OP_FETCH_ADD || d_op == crl_pkg::OP_CMP_SWAP;
      always_comb begin
        pool_word = d_word;
        if (atomic) begin
          pool_word[crl_pkg::DESC_SRC_LSB +: 64] = d_data[crl_pkg::DESC_DST_LSB +: 64];
          pool_word[crl_pkg::DESC_DST_LSB +: 64] = d_data[crl_pkg::DESC_SRC_LSB +: 64];
        end
      end
      crl_ram_bram #(.W(64), .DEPTH(PREFETCH)) u_oper (
          .clk, .we(d_valid), .waddr(enq_idx), .wdata(d_oper), .re(pk_en), .raddr(pk_idx), .rdata(pool_oper[63:0])
      );
      crl_dma_pair #(.CHANNELS(CHANNELS), .PREFETCH(PREFETCH)) u_pair (
          .clk, .rst, .cfg_we, .cfg_ch, .d_valid, .d_ch(q_ch), .d_idx(enq_idx), .d_op, .d_oper, .d_bad,
          .d_alone(b_done && q_all), .absorb, .open(half),
          .pk_en, .pk_idx, .pk_ch, .half(pool_half), .two(pool_two), .swap(pool_oper[127:64])
      );
    end else begin : g_no_atomic
      logic unused_atomic;
      assign unused_atomic = &{1'b0, d_oper, q_all};
      if (SEND_EN || MIRROR_EN) begin : g_imm
        localparam int OPER_W = MIRROR_EN ? 64 : 32;   // what is used of it
        crl_ram_bram #(.W(OPER_W), .DEPTH(PREFETCH)) u_imm (
            .clk, .we(d_valid), .waddr(enq_idx), .wdata(d_oper[OPER_W-1:0]), .re(pk_en), .raddr(pk_idx), .rdata(pool_oper[OPER_W-1:0])
        );
        assign pool_oper[127:OPER_W] = '0;
      end else begin : g_no_oper
        assign pool_oper = '0;
      end
      assign pool_word = d_word;
      assign absorb    = 1'b0;
      assign half      = '0;
      assign pool_two  = 1'b0;
      assign pool_half = 1'b0;
    end
  endgenerate

  crl_dma_first #(.PREFETCH(PREFETCH), .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU), .SEGMENTS(SEGMENTS),
                  .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN)) u_first (
      .clk, .rst, .d_valid(enq_valid), .d_idx(enq_idx), .d_bad, .d_op,
      .d_flags(d_data[crl_pkg::DESC_FLAGS_LSB +: 8]), .d_len(d_data[crl_pkg::DESC_LENGTH_LSB +: 32]),
      .d_src(d_data[crl_pkg::DESC_SRC_LSB +: MBW]), .d_dst(d_data[crl_pkg::DESC_DST_LSB +: 12]),
      .d_seg(d_data[crl_pkg::DESC_SRC_LSB + crl_pkg::SEGADDR_INDEX_LSB +: SW]),
      .pk_en, .pk_idx, .seg(pool_seg), .info(pool_info)
  );

  logic unused;
  assign unused = &{1'b0, gnt_unused, enq_ready_unused, list_ready_unused, free_unused, pk_data_unused, q_valid_unused};

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    // The pool's entry was reserved when the descriptor was requested.
    if (!rst) assert (!d_valid || enq_ready_unused);
  end
`endif

endmodule

`default_nettype wire
