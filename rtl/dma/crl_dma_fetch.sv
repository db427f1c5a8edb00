// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_fetch: descriptor rings, doorbells, and prefetch into the shared pool.
//
// How: per channel there are a producer index (doorbell), a fetch index and a staged index (descriptors that
//   left the pool), each in its own LUT RAM with one writer. Three steps: F0 looks a channel up (a doorbell goes
//   straight in when the stage is free), F1 and F2 size a burst and request it. A burst never leaves its aligned block of 16
//   descriptors (512 bytes), hence neither the ring's end nor a 4 KiB page. Descriptors go into a block RAM (the pool),
//   their order per channel into a crl_mlist, and what the scheduler must know of the first chunk into a LUT RAM (info).
// Pool sharing: a channel holds at most its share (PREFETCH / channels with work, rounded to a power of two; half the pool when
//   others are enabled), beyond two entries only what leaves two for every other channel.
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
    localparam int CW       = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW       = $clog2(PREFETCH),
    localparam int MBW      = $clog2(MAX_BURST_BYTES),
    localparam int INFO_W   = MBW + 7   // {bad, nodata, remote, fence, frame end, last, n}
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
    output logic                     pk_empty,
    input  wire logic                pk_en,        // ... that reads the pool and the info
    output logic      [191:0]        pool_data,    // one cycle later, {DST, SRC, LENGTH..OPCODE}
    output logic      [INFO_W-1:0]   pool_info,    // likewise
    input  wire logic                pop_valid,    // event: drop the head of pop_ch
    input  wire logic [CW-1:0]       pop_ch
);

  // A descriptor burst holds the read port for at most 16 beats.
  localparam int K_MAX = DATA_W == 64 ? 4 : DATA_W == 128 ? 8 : 16;
  localparam int MTUB = LINK_MTU > MAX_BURST_BYTES ? 0 : 1;  // a first chunk can fill a frame

  // ---------------------------------------------------------------- per channel state
  logic [CHANNELS-1:0] pend_q;
  logic [CW-1:0]       f_sel;
  logic [11:0]         f_prod_ram, f_fidx, f_pidx, db_prod, db_begun, pop_pidx;
  logic [63:0]         f_base;
  logic [3:0]          f_log2, db_log2;
  logic [FUNC_W-1:0]   f_func;
  logic                db_ok, db_good, dq_v_q;
  logic [CW-1:0]       dq_ch_q;
  logic [11:0]         dq_val_q;

  assign pend      = pend_q;

  crl_ram_lut #(.W(64 + 4 + FUNC_W), .DEPTH(CHANNELS)) u_base (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata({cfg_func, cfg_log2, cfg_base}),
      .raddr(f_sel), .rdata({f_func, f_log2, f_base})
  );
  crl_ram_lut #(.W(4), .DEPTH(CHANNELS)) u_log2_db (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata(cfg_log2), .raddr(db_ch), .rdata(db_log2)
  );
  // Producer, written by doorbells, a copy for each place that reads it.
  logic [CW-1:0] f1_ch_q;
  crl_ram_clr #(.W(12), .DEPTH(CHANNELS)) u_prod_f (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(db_good), .waddr(dq_ch_q), .wdata(dq_val_q),
      .raddr(f_sel), .rdata(f_prod_ram)
  );
  crl_ram_clr #(.W(12), .DEPTH(CHANNELS)) u_prod_d (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(db_good), .waddr(dq_ch_q), .wdata(dq_val_q),
      .raddr(db_ch), .rdata(db_prod)
  );
  crl_ram_clr #(.W(12), .DEPTH(CHANNELS)) u_prod_r (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(db_good), .waddr(dq_ch_q), .wdata(dq_val_q),
      .raddr(rd_ch), .rdata(rd_prod)
  );
  crl_ram_clr #(.W(12), .DEPTH(CHANNELS)) u_pidx_d (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(pop_valid), .waddr(pop_ch), .wdata(pop_pidx + 12'd1),
      .raddr(db_ch), .rdata(db_begun)
  );
  crl_ram_clr #(.W(12), .DEPTH(CHANNELS)) u_fidx (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(f2_go), .waddr(f2_ch_q), .wdata(f2_fidx_next),
      .raddr(f_sel), .rdata(f_fidx)
  );
  crl_ram_clr #(.W(12), .DEPTH(CHANNELS)) u_pidx_f (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(pop_valid), .waddr(pop_ch), .wdata(pop_pidx + 12'd1),
      .raddr(f_sel), .rdata(f_pidx)
  );
  crl_ram_clr #(.W(12), .DEPTH(CHANNELS)) u_pidx_p (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(pop_valid), .waddr(pop_ch), .wdata(pop_pidx + 12'd1),
      .raddr(pop_ch), .rdata(pop_pidx)
  );

  // ---------------------------------------------------------------- doorbell check
  // In range, and not behind the present producer as seen from the descriptors that began: software may know of a free
  // slot before the completion that tells of it has its response, but never before the descriptor began.
  logic [11:0] db_mask, db_new_d, db_old_d, dq_new_q, dq_old_q;
  logic        dq_range_q, dq_move_q;
  // The differences are taken in the doorbell's cycle, judged in the next.
  assign db_mask  = (12'd1 << db_log2) - 12'd1;
  assign db_new_d = (db_val[11:0] - db_begun) & db_mask;
  assign db_old_d = (db_prod - db_begun) & db_mask;
  assign db_ok    = dq_range_q && dq_new_q >= dq_old_q;
  assign db_good  = dq_v_q && db_ok;

  always_ff @(posedge clk) begin
    if (rst) db_err_valid <= 1'b0;
    else db_err_valid <= dq_v_q && !db_ok;
    db_err_ch <= dq_ch_q;
  end
  always_ff @(posedge clk) begin
    if (rst) dq_v_q <= 1'b0;
    else dq_v_q <= db_valid && accept[db_ch];
    dq_ch_q    <= db_ch;
    dq_val_q   <= db_val[11:0];
    dq_move_q  <= db_val[11:0] != db_prod;
    dq_range_q <= db_val[15:12] == 4'd0 && (db_val[11:0] & ~db_mask) == 12'd0;
    dq_new_q   <= db_new_d;
    dq_old_q   <= db_old_d;
  end

  // ---------------------------------------------------------------- F0: look a channel up
  logic [CHANNELS-1:0] want, gnt_unused;
  logic [CW-1:0]       rr_idx;
  logic                rr_valid, f0_take;
  logic                f1_v_q, f1_db_q;
  logic [11:0]         f1_prod_q, f1_fidx_q, f1_pidx_q;
  logic [63:0]         f1_base_q;
  logic [3:0]          f1_log2_q;
  logic [FUNC_W-1:0]   f1_func_q;
  logic                q_room;    // an entry of the request queue is free
  logic                mark_busy_q;

  assign want    = pend_q & run;
  assign f_sel   = db_valid ? db_ch : rr_idx;
  // A doorbell goes in before it is judged; a bad one is dropped in F1. While it is judged nobody else is looked
  // up, who could read the producer that it is about to change.
  assign f0_take = !f1_v_q && !f2_v_q && !(mark_req && !mark_busy_q) && (db_valid ? run[db_ch] : rr_valid && !dq_v_q);

  crl_rr_arb #(.N(CHANNELS)) u_rr (
      .clk, .rst, .req(want), .ack(f0_take && !db_valid),
      .gnt(gnt_unused), .gnt_idx(rr_idx), .gnt_valid(rr_valid)
  );

  // ---------------------------------------------------------------- F1: what is there, and what room
  // An aligned block has 16 descriptors, or the whole ring when that is smaller.
  localparam int SBW = PW + 2;                 // signed room
  logic [11:0]        f1_mask, f1_avail, f1_held;
  logic [4:0]         f1_edge, f1_avail5, f1_block;
  logic signed [SBW-1:0] share_q, all_room_q, f1_own;
  logic [4:0]         batch_q;

  function automatic logic [4:0] clip16(input logic signed [SBW-1:0] x);
    clip16 = x[SBW-1] ? 5'd0 : (|x[SBW-2:4] ? 5'd16 : {1'b0, x[3:0]});
  endfunction

  assign f1_mask   = (12'd1 << f1_log2_q) - 12'd1;
  assign f1_avail  = (f1_prod_q - f1_fidx_q) & f1_mask;
  assign f1_held   = (f1_fidx_q - f1_pidx_q) & f1_mask;
  assign f1_avail5 = |f1_avail[11:4] ? 5'd16 : {1'b0, f1_avail[3:0]};
  assign f1_block  = {1'b0, f1_mask[3:0]} + 5'd1;
  assign f1_edge   = f1_block - {1'b0, f1_fidx_q[3:0] & f1_mask[3:0]};
  assign f1_own    = share_q - $signed({1'b0, f1_held[PW:0]});

  // ---------------------------------------------------------------- F2: size the burst and request it
  logic               f2_v_q, f2_few_q, f2_one_q, f2_end_q;
  logic [4:0]         f2_most_q, f2_own_q, f2_avail5_q, all5_q;
  logic [11:0]        f2_mask_q, f2_fidx_q;
  logic [63:0]        f2_base_q;
  logic [FUNC_W-1:0]  f2_func_q;
  logic [CW-1:0]      f2_ch_q;
  logic [4:0]         f2_room, f2_k;
  logic               f2_ok, f2_go;
  logic [11:0]        f2_fidx_next;

  always_ff @(posedge clk) begin
    f2_few_q    <= f1_held[11:1] == 11'd0;       // next to nothing in hand: two entries are always there
    f2_one_q    <= f1_held[0];
    f2_end_q    <= f1_avail[11:5] == 7'd0 && !(f1_avail[4] && |f1_avail[3:0]);  // 16 or fewer are left
    f2_most_q   <= f1_avail5 < f1_edge ? (f1_avail5 > 5'(K_MAX) ? 5'(K_MAX) : f1_avail5)
                                       : (f1_edge > 5'(K_MAX) ? 5'(K_MAX) : f1_edge);
    f2_own_q    <= clip16(f1_own);
    f2_avail5_q <= f1_avail5;
    f2_mask_q   <= f1_mask;
    f2_fidx_q   <= f1_fidx_q;
    f2_base_q   <= f1_base_q;
    f2_func_q   <= f1_func_q;
    f2_ch_q     <= f1_ch_q;
    all5_q      <= clip16(all_room_q);
  end

  always_comb begin
    f2_room = f2_own_q < all5_q ? f2_own_q : all5_q;
    if (f2_few_q && f2_room < 5'd2) f2_room = f2_one_q ? 5'd1 : 5'd2;
    // What is in hand covers the latency: only a channel that has next to nothing gets two more.
    if (plenty && f2_room > 5'd2) f2_room = 5'd2;
  end
  assign f2_k  = f2_most_q < f2_room ? f2_most_q : f2_room;
  // Small change is left to gather, so that bursts stay long.
  assign f2_ok = f2_avail5_q != 5'd0 && f2_room != 5'd0 && (f2_few_q || (!plenty && (f2_room >= f2_most_q || f2_room >= batch_q)));
  assign f2_go        = f2_v_q && f2_ok && q_room && (!ar_valid || ar_ready);
  assign f2_fidx_next = (f2_fidx_q + {7'd0, f2_k}) & f2_mask_q;

  logic [CHANNELS-1:0] pend_set, pend_clr;
  always_comb begin
    pend_set = '0;
    pend_clr = '0;
    if (db_good && dq_move_q) pend_set[dq_ch_q] = 1'b1;
    if (f2_go && f2_end_q && f2_k == f2_avail5_q) pend_clr[f2_ch_q] = 1'b1;
    if (cfg_we) pend_clr[cfg_ch] = 1'b1;
  end

  // Beats of k descriptors from an (at 512 bits perhaps odd) start.
  logic [7:0] f2_len;
  logic       f2_odd, f2_odd_end;
  assign f2_odd     = DATA_W == 512 && (f2_fidx_q[0] ^ f2_base_q[5]);
  assign f2_odd_end = DATA_W == 512 && (f2_odd ^ f2_k[0]);
  always_comb begin
    if (DATA_W == 64) f2_len = {1'b0, f2_k, 2'b00} - 8'd1;
    else if (DATA_W == 128) f2_len = {2'b00, f2_k, 1'b0} - 8'd1;
    else if (DATA_W == 256) f2_len = {3'b000, f2_k} - 8'd1;
    else f2_len = {3'b000, (f2_k + {4'd0, f2_odd} + 5'd1) >> 1} - 8'd1;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      f1_v_q   <= 1'b0;
      f2_v_q   <= 1'b0;
      ar_valid <= 1'b0;
      pend_q   <= '0;
    end else begin
      f1_v_q <= f0_take;
      f2_v_q <= f1_v_q && !(f1_db_q && !db_good);
      if (f2_go) ar_valid <= 1'b1;
      else if (ar_ready) ar_valid <= 1'b0;
      pend_q <= (pend_q & ~pend_clr) | pend_set;
    end
    if (f0_take) begin
      f1_db_q   <= db_valid;
      f1_ch_q   <= f_sel;
      f1_prod_q <= db_valid ? db_val[11:0] : f_prod_ram;
      f1_fidx_q <= f_fidx;
      f1_pidx_q <= f_pidx;
      f1_base_q <= f_base;
      f1_log2_q <= f_log2;
      f1_func_q <= f_func;
    end
    if (f2_go) begin
      ar_addr <= f2_base_q + {47'd0, f2_fidx_q, 5'd0};
      ar_len  <= f2_len;
      ar_user <= f2_func_q;
    end
  end

  // ---------------------------------------------------------------- shares of the pool
  logic [PW:0]   held_q;
  logic [CW-1:0] scan_q;
  logic [6:0]    act_cnt_q, act_q;
  logic [4:0]    share_log2;
  logic          scan_act;

  assign scan_act   = want[scan_q] || !empty[scan_q];
  // 2^share_log2 = share of the channels that have work
  always_comb begin
    share_log2 = 5'(PW);
    if (act_q > 7'd32) share_log2 = PW > 6 ? 5'(PW - 6) : 5'd1;
    else if (act_q > 7'd16) share_log2 = PW > 5 ? 5'(PW - 5) : 5'd1;
    else if (act_q > 7'd8) share_log2 = PW > 4 ? 5'(PW - 4) : 5'd1;
    else if (act_q > 7'd4) share_log2 = PW > 3 ? 5'(PW - 3) : 5'd1;
    else if (act_q > 7'd2) share_log2 = PW > 2 ? 5'(PW - 2) : 5'd1;
    else if (act_q > 7'd1 || n_enabled > 7'd1) share_log2 = 5'(PW - 1);
    if (share_log2 == 5'd0) share_log2 = 5'd1;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      held_q    <= '0;
      scan_q    <= '0;
      act_cnt_q <= '0;
      act_q     <= 7'd1;
    end else begin
      held_q <= held_q + (f2_go ? {{(PW-4){1'b0}}, f2_k} : '0) - {{PW{1'b0}}, pop_valid};
      if (scan_q == CW'(CHANNELS - 1)) begin
        scan_q    <= '0;
        act_cnt_q <= '0;
        act_q     <= act_cnt_q + {6'd0, scan_act};
      end else begin
        scan_q    <= scan_q + 1'b1;
        act_cnt_q <= act_cnt_q + {6'd0, scan_act};
      end
    end
    share_q    <= SBW'(1) << share_log2;
    batch_q    <= share_log2 >= 5'd5 ? 5'd8 : (share_log2 >= 5'd2 ? 5'd1 << (share_log2 - 5'd2) : 5'd1);
    // Valid one cycle later; a request is made at most every second cycle. Own two entries count twice.
    plenty     <= held_q >= enough;
    all_room_q <= SBW'(PREFETCH + 2 - 2 * CHANNELS) - $signed({1'b0, held_q});
  end

  // ---------------------------------------------------------------- requests under way
  // {odd, odd_end, channel}. The marker is a count, not an entry: data of a later request may already be on its way through
  // crl_dma_assemble (256, 512 bits) when the last request before the marker is done.
  localparam int QW = CW + 2;
  logic          q_valid, q_odd, q_odd_end, q_s_ready;
  logic [CW-1:0] q_ch;
  logic          mark_push, b_done;
  logic [1:0]    b_resp;
  logic [5:0]    q_level, mark_left_q;

  assign q_room    = q_s_ready;
  assign mark_push = mark_req && !mark_busy_q && !f1_v_q && !f2_v_q && !f0_take;
  crl_fifo #(.W(QW), .DEPTH(32)) u_q (
      .clk, .rst, .s_valid(f2_go), .s_ready(q_s_ready), .s_data({f2_odd, f2_odd_end, f2_ch_q}),
      .m_valid(q_valid), .m_ready(b_done), .m_data({q_odd, q_odd_end, q_ch}), .level(q_level)
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
  logic         d_valid, d_bad, enq_ready_unused, list_ready_unused;
  logic [191:0] d_data;
  logic [PW-1:0] enq_idx, pk_idx;
  logic [PW:0]   free_unused;
  logic          pool_re;

  crl_dma_assemble #(.DATA_W(DATA_W)) u_asm (
      .clk, .rst, .r_valid, .r_ready, .r_data, .r_resp, .r_last,
      .b_odd(q_odd), .b_odd_end(q_odd_end), .b_done, .b_resp,
      .d_valid, .d_data, .d_bad
  );
  assign enq_valid = d_valid;
  assign enq_ch    = q_ch;

  always_ff @(posedge clk) begin
    if (rst) ferr_valid <= 1'b0;
    else ferr_valid <= b_done && b_resp[1];
    ferr_ch  <= q_ch;
    ferr_dec <= b_resp[0];
  end

  logic pk_data_unused;
  crl_mlist #(.Q(CHANNELS), .N(PREFETCH), .W(1)) u_list (
      .clk, .rst, .ready(list_ready_unused),
      .enq_valid(d_valid), .enq_ready(enq_ready_unused), .enq_q(q_ch), .enq_data(1'b0), .enq_idx,
      .deq_valid(pop_valid), .deq_q(pop_ch),
      .rd_q(pk_ch), .rd_idx(pk_idx), .rd_data(pk_data_unused), .rd_empty(pk_empty),
      .empty, .free_level(free_unused)
  );
  assign pool_re = pk_en;
  crl_ram_bram #(.W(192), .DEPTH(PREFETCH)) u_pool (
      .clk, .we(d_valid), .waddr(enq_idx), .wdata(d_data), .re(pool_re), .raddr(pk_idx), .rdata(pool_data)
  );

  // What the scheduler must know of the descriptor's first chunk, a cycle after it was staged.
  logic [7:0]     i_op;
  logic [7:0]     i_flags;
  logic [31:0]    i_len;
  logic [MBW-1:0] i_src;
  logic [11:0]    i_dst;
  logic [PW-1:0]  i_idx_q, pk_idx_q;
  logic           i_v_q, i_bad_q;
  logic           i_fill, i_copy, i_write, i_remote, i_nodata, i_last;
  logic [MBW-1:0] i_src_pos, i_dst_pos;
  logic [MBW:0]   i_n, i_most;
  logic [INFO_W-1:0] i_info;

  always_ff @(posedge clk) begin
    if (rst) i_v_q <= 1'b0;
    else i_v_q <= d_valid;
    if (d_valid) begin
      i_op    <= d_data[crl_pkg::DESC_OPCODE_LSB +: 8];
      i_flags <= d_data[crl_pkg::DESC_FLAGS_LSB +: 8];
      i_len   <= d_data[crl_pkg::DESC_LENGTH_LSB +: 32];
      i_src   <= d_data[crl_pkg::DESC_SRC_LSB +: MBW];
      i_dst   <= d_data[crl_pkg::DESC_DST_LSB +: 12];
      i_idx_q <= enq_idx;
      i_bad_q <= d_bad;
    end
    if (pk_en) pk_idx_q <= pk_idx;
  end
  assign i_fill     = i_op == crl_pkg::OP_FILL;
  assign i_copy     = i_op == crl_pkg::OP_COPY;
  assign i_write    = i_op == crl_pkg::OP_WRITE;
  assign i_remote   = i_write && !i_nodata;
  // Everything that will be refused, and NOP, moves nothing.
  assign i_nodata   = i_bad_q || !(i_fill || i_copy || i_write) || i_len == 32'd0 || i_flags[7:4] != 4'd0
                      || (i_flags[crl_pkg::DESC_FLAG_NOTIFY] && !i_write);
  // Only the last MAX_BURST_BYTES of a page limit the destination: one maximum serves both edges.
  assign i_src_pos = i_fill ? '0 : i_src;
  assign i_dst_pos = !i_write && 32'(i_dst >> MBW) == 4096 / MAX_BURST_BYTES - 1 ? i_dst[MBW-1:0] : '0;
  assign i_most    = (MBW + 1)'(MAX_BURST_BYTES) - {1'b0, i_src_pos > i_dst_pos ? i_src_pos : i_dst_pos};
  always_comb begin
    i_n = i_most;
    if (i_len < 32'(i_most)) i_n = i_len[MBW:0];
    if (i_nodata) i_n = '0;
  end
  assign i_last = i_nodata || i_len == 32'(i_n);
  assign i_info = {i_bad_q, i_nodata, i_remote, i_flags[crl_pkg::DESC_FLAG_FENCE],
                   i_last || (MTUB != 0 && 32'(i_n) == LINK_MTU), i_last, i_n};

  crl_ram_lut #(.W(INFO_W), .DEPTH(PREFETCH)) u_info (
      .clk, .we(i_v_q), .waddr(i_idx_q), .wdata(i_info), .raddr(pk_idx_q), .rdata(pool_info)
  );

  logic unused;
  assign unused = &{1'b0, gnt_unused, enq_ready_unused, list_ready_unused, free_unused, pk_data_unused,
                    q_valid};

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (!rst) begin
      // The pool's entry was reserved when the descriptor was requested.
      assert (!d_valid || enq_ready_unused);
      assert (held_q <= (PW + 1)'(PREFETCH));
    end
  end
`endif

endmodule

`default_nettype wire
