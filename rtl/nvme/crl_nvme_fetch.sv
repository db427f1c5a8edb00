// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_fetch: reads submission entries of the queues that crl_nvme_arb grants, and gives them out one by one.
//
// How: crl_nvme_fetch_want counts the entries of a grant and reserves their completion slots, crl_nvme_fetch_ask requests them
//   in bursts and moves the head, crl_nvme_fetch_get takes the beats and holds the entries. Here the room for entries is counted: it
//   is taken when slots are asked for, and comes back when fewer are reserved, when 'stop' ends a grant early, or when an entry leaves.
//   The port for slots that go back serves the end of a grant before a burst that failed.
// Latency: g_valid to ar_valid 4 cycles if slots are certain, else 8; with room and if the earlier grant is requested; a burst's last beat to m_valid 1 cycle if no entry waits.
// Throughput: a grant in 5 cycles, a burst a cycle, an entry a cycle.
// Assumes: the arbiter has one grant of a queue out at a time; a queue is set up only when it has nothing under way. rs_done comes
//   once for each rs_valid, with at most as many as wanted. On a reset nothing is owed on r_*.
`default_nettype none

module crl_nvme_fetch #(
    parameter int DATA_W = 64,    // 64, 128, 256 or 512
    parameter int QUEUES = 8,     // I/O queue pairs, 1 to 128
    parameter int FUNC_W = 8,
    parameter int DEPTH  = 16,    // entries held or requested: a power of two, 8 to 64
    parameter int SQE_W  = crl_pkg::NVME_SQE_W,   // bits of an entry; fewer, a multiple of DATA_W, in proofs alone
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
`ifdef CRL_GHOST
    input  wire logic [QW-1:0]     f_q,        // proofs follow this queue: its
    input  wire logic [12:0]       f_there,    // entries
    input  wire logic [7:0]        f_max,      // and the grant that is out
    output logic      [11:0]       f_size, f_head,
    output logic      [51:0]       f_page,
    output logic      [FUNC_W-1:0] f_func,
    output logic      [1:0]        f_mine,     // steps that hold its grant
    output logic                   f_ar_mine, f_ask_mine,
    output logic      [7:0]        f_cnt, f_slots, f_debt, f_room, f_hold, f_left, f_held, f_beat, f_lost,
    output logic                   f_out,
    output logic      [QW-1:0]     f_out_qid,
    output logic                   f_owed,     // a reservation is not over
    output logic      [1:0]        f_pause,    // cycles until slots may go back again
    output logic      [7:0]        f_live, f_q_live, f_num, f_due, f_m_at,  // of crl_nvme_fetch_get
    output logic                   f_due_mine, f_due_bad, f_n_mine,
    output logic      [2:0]        f_m_len, f_n_len,
    output logic      [11:0]       f_n_pos, f_hd_due,
`endif
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high

    input  wire logic              cfg_we,     // set-up bus
    input  wire logic [QW-1:0]     cfg_qid,
    input  wire logic              cfg_cq,
    input  wire logic [11:0]       cfg_size,   // entries less one
    input  wire logic [63:0]       cfg_base,
    input  wire logic [FUNC_W-1:0] cfg_func,

    input  wire logic              g_valid,    // grant
    output logic                   g_ready,
    input  wire logic [QW-1:0]     g_qid,
    input  wire logic [7:0]        g_max,      // commands that may be fetched, 1 to 128
    output logic                   d_valid,    // event: the grant is used up
    output logic      [QW-1:0]     d_qid,
    output logic      [7:0]        d_cnt,      // commands taken
    output logic                   d_more,     // more are there
    output logic                   d_park,     // the completion queue has no room for them

    output logic      [QW-1:0]     t_qid,      // SQ tail in crl_nvme_db, the same cycle
    input  wire logic [11:0]       t_tail,
    input  wire logic [QW-1:0]     lk_qid,     // SQ head, combinational: the entry that is fetched next
    output logic      [11:0]       lk_head,
    input  wire logic [QW-1:0]     hd_qid,     // SQ head for SQHD, combinational: what is before it has been read
    output logic      [11:0]       hd_head,

    output logic      [QW-1:0]     su_qid,     // combinational:
    input  wire logic              su_sure,    // up to 7 slots are certain for a reservation that begins in two cycles
    output logic                   rs_valid,   // event: completion slots wanted
    output logic      [QW-1:0]     rs_qid,
    output logic      [7:0]        rs_want,
    input  wire logic              rs_done,    // event: so many were reserved
    input  wire logic [7:0]        rs_got,
    output logic                   rb_valid,   // event: reserved slots are not used
    output logic      [QW-1:0]     rb_qid,
    output logic      [7:0]        rb_cnt,

    output logic                   ar_soon,    // ar_valid comes in the next cycle
    output logic                   ar_valid,   // read client
    input  wire logic              ar_ready,
    output logic      [63:0]       ar_addr,
    output logic      [7:0]        ar_len,     // beats - 1
    output logic      [FUNC_W-1:0] ar_user,
    input  wire logic              r_valid,    // beats are always taken
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last,

    output logic                   m_valid,    // entry, in the order read
    input  wire logic              m_ready,
    output logic      [QW-1:0]     m_qid,
    output logic                   m_admin,   // that is queue 0
    output logic      [SQE_W-1:0]  m_sqe,

    output logic                   nx_valid,   // level: entries of this queue
    output logic      [QW-1:0]     nx_qid,     // were asked for last

    output logic                   err_valid,  // event: a burst of this queue failed
    output logic      [QW-1:0]     err_qid,

    input  wire logic              stop,       // level: begin no read
    output logic                   idle        // nothing is held or outstanding
);

  initial begin
`ifndef FORMAL
    if (SQE_W != crl_pkg::NVME_SQE_W) $fatal(1, "crl_nvme_fetch: SQE_W is for proofs");
    if (DATA_W != 64 && DATA_W != 128 && DATA_W != 256 && DATA_W != 512)
      $fatal(1, "crl_nvme_fetch: DATA_W must be 64, 128, 256 or 512");
`endif
    if (QUEUES < 1 || QUEUES > 128) $fatal(1, "crl_nvme_fetch: QUEUES must be 1 to 128");
    if (DEPTH != 8 && DEPTH != 16 && DEPTH != 32 && DEPTH != 64) $fatal(1, "crl_nvme_fetch: DEPTH must be 8, 16, 32 or 64");
  end

  localparam int CW = $clog2(DEPTH) + 1;

  // ---------------------------------------------------------------------------------------------
  // Queues

  logic [QW-1:0]     b_qid, c_qid;
  logic [11:0]       g_head, g_size, mv_head;
  logic [51:0]       b_page;
  logic [FUNC_W-1:0] b_func;
  logic              mv, look, hd;
  logic [QW-1:0]     hd_mv_qid;
  logic [11:0]       hd_mv_head;

  assign t_qid = look ? c_qid : g_qid;

  crl_nvme_fetch_tab #(.QUEUES(QUEUES), .FUNC_W(FUNC_W)) u_tab (
`ifdef CRL_GHOST
      .f_q, .f_size, .f_page, .f_func, .f_head,
`endif
      .clk, .rst, .set(cfg_we && !cfg_cq), .set_qid(cfg_qid), .set_size(cfg_size), .set_page(cfg_base[63:12]), .set_func(cfg_func),
      .mv, .mv_qid(c_qid), .mv_head, .hd, .hd_mv_qid, .hd_mv_head, .a_qid(g_qid), .a_head(g_head), .a_size(g_size),
      .b_qid, .b_page, .b_func, .lk_qid, .lk_head, .hd_qid, .hd_head
  );

`ifdef CRL_GHOST
  logic          f_took_q;
  logic [1:0]    f_want_mine;
  logic [7:0]    f_want_slots;
  logic [CW-1:0] f_back;
`endif

  // ---------------------------------------------------------------------------------------------
  // Grant to requests

  logic          take, rs_owed, n_valid, n_ready, n_park, n_halt, want_busy, ask_busy, get_busy;
  logic [CW-1:0] take_cnt, n_cnt, n_want, c_rb_cnt;
  logic [11:0]   n_head, n_size;
  logic [2:0]    q_last;
  logic          c_rb, c_rb_ready, o_rb, o_rb_ready, gone;
  logic [3:0]    o_rb_cnt;
  logic [CW-1:0] room_q;
  logic          turn_q;   // slots go back, as soon as no reservation is owed

  crl_nvme_fetch_want #(.DEPTH(DEPTH), .QW(QW)) u_want (
`ifdef CRL_GHOST
      .f_q, .f_head, .f_size, .f_there, .f_max, .f_room, .f_took(f_took_q), .f_mine(f_want_mine), .f_hold, .f_slots(f_want_slots), .f_debt,
`endif
      .clk, .rst, .stop, .g_valid, .g_ready, .g_qid, .g_max, .hold(look), .g_tail(t_tail), .g_head, .g_size,
      .room(room_q), .take, .take_cnt, .su_qid, .su_sure, .rs_valid, .rs_qid, .rs_want, .rs_done, .rs_got, .rs_owed, .rs_wait(turn_q),
      .b_qid, .n_valid, .n_ready, .n_cnt, .n_want, .n_head, .n_size, .n_park, .n_halt, .busy(want_busy)
  );

  crl_nvme_fetch_ask #(.DATA_W(DATA_W), .FUNC_W(FUNC_W), .DEPTH(DEPTH), .QW(QW), .SQE_W(SQE_W)) u_ask (
`ifdef CRL_GHOST
      .f_q, .f_head, .f_size, .f_page, .f_func, .f_there, .f_max, .f_mine(f_ask_mine), .f_left, .f_cnt, .f_ar_mine,
`endif
      .clk, .rst, .stop, .n_valid, .n_ready, .n_qid(b_qid), .n_cnt, .n_head, .n_size, .n_page(b_page), .n_func(b_func), .n_park, .n_halt,
      .ar_soon, .ar_valid, .ar_ready, .ar_addr, .ar_len, .ar_user, .mv, .qid(c_qid), .mv_head, .q_last,
      .rb_valid(c_rb), .rb_ready(c_rb_ready), .rb_cnt(c_rb_cnt),
      .look, .t_tail, .d_valid, .d_qid, .d_cnt, .d_more, .d_park, .busy(ask_busy)
  );

  // ---------------------------------------------------------------------------------------------
  // Entries

  crl_nvme_fetch_get #(.DATA_W(DATA_W), .DEPTH(DEPTH), .QW(QW), .SQE_W(SQE_W)) u_get (
`ifdef CRL_GHOST
      .f_q, .f_head, .f_size, .f_set(cfg_we && !cfg_cq && cfg_qid == f_q), .f_live, .f_q_live, .f_num, .f_due, .f_due_mine, .f_due_bad,
      .f_m_len, .f_n_len, .f_m_at, .f_n_mine, .f_n_pos, .f_hd_due, .f_out, .f_out_qid, .f_lost, .f_held, .f_beat,
`endif
      .clk, .rst, .q_valid(mv), .q_qid(c_qid), .q_last, .q_next(mv_head), .r_valid, .r_data, .r_resp, .r_last,
      .m_valid, .m_ready, .m_qid, .m_admin, .m_sqe, .hd, .hd_qid(hd_mv_qid), .hd_head(hd_mv_head),
      .rb_valid(o_rb), .rb_ready(o_rb_ready), .rb_cnt(o_rb_cnt),
      .err_valid, .err_qid, .gone, .busy(get_busy)
  );

  always_ff @(posedge clk) begin
    if (rst)     nx_valid <= 1'b0;
    else if (mv) nx_valid <= 1'b1;
    if (mv) nx_qid <= c_qid;
  end

  // ---------------------------------------------------------------------------------------------
  // Room: taken, not reserved after all, not requested after all, an entry left. The moves count a cycle later.

  logic [CW-1:0] want_q, ret_q;
  logic          n_go;

  assign n_go = n_valid && n_ready;

  always_ff @(posedge clk) begin
    if (rst) begin
      room_q <= CW'(DEPTH);
      want_q <= '0;
      ret_q  <= '0;
    end else begin
      want_q <= take ? take_cnt : n_go ? n_cnt - n_want : '0;   // below zero: it comes back
      ret_q  <= c_rb && c_rb_ready ? c_rb_cnt : '0;
      room_q <= room_q + ret_q + CW'(gone) - want_q;
    end
  end

  // ---------------------------------------------------------------------------------------------
  // Slots that go back: not with a reservation, which waits meanwhile, nor before it is over; at most every 4th cycle

  logic [1:0] pause_q;
  logic       rb_free;

  assign rb_free    = turn_q && !rs_owed;
  assign c_rb_ready = rb_free;
  assign o_rb_ready = rb_free && !c_rb;

  always_ff @(posedge clk) begin
    if (rst) begin
      rb_valid <= 1'b0;
      turn_q   <= 1'b0;
      pause_q  <= '0;
    end else begin
      rb_valid <= rb_free;
      turn_q   <= (c_rb || o_rb) && !rb_free && pause_q <= 2'd1;
      if (rb_free)            pause_q <= 2'd3;
      else if (pause_q != '0) pause_q <= pause_q - 2'd1;
    end
    rb_qid <= c_rb ? c_qid : m_qid;
    rb_cnt <= c_rb ? 8'(c_rb_cnt) : 8'(o_rb_cnt);
  end

  assign idle = !want_busy && !ask_busy && !get_busy && !rb_valid;

  logic unused;

  assign unused = &{1'b0, cfg_base[11:0]};

`ifdef CRL_GHOST
  // What is known of slots and of the room when moves count that were made already.
  always_ff @(posedge clk) f_took_q <= take && !rst;

  assign f_mine  = f_want_mine + 2'(f_ask_mine) + 2'(d_valid && d_qid == f_q);
  assign f_room  = 8'(room_q) + 8'(ret_q) + 8'(gone) + (f_took_q ? 8'd0 - 8'(want_q) : 8'(f_back));
  assign f_owed  = rs_owed;
  assign f_pause = pause_q;
  assign f_back  = -want_q;
  assign f_slots = f_want_slots + (f_ask_mine ? f_left : 8'd0) + (rb_valid && rb_qid == f_q ? rb_cnt : 8'd0);
`endif

endmodule

`default_nettype wire
