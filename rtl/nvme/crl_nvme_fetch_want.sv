// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_fetch_want: how many entries of a grant are read: those that are there, as far as there is room and completion slots.
//
// How: a grant is taken with the queue's tail, head and size (a_*). One cycle counts what lies between, the next wants the least of that,
//   of the grant and of the room, and waits while there is no room. Then (b_*) slots are reserved, while the next grant is
//   counted. A grant with nothing there, or one that met 'stop', goes the same way and wants nothing. Where it is certain that
//   a few slots are there (su_*), entries are given out beside their reservation.
// Latency: g_valid to rs_valid 3 cycles, to n_valid 2 where slots are certain, else 3 + rs_done. Throughput: a grant in 5 cycles.
// Assumes: no grant of a queue comes while one of it is out; rs_got is at most rs_want, and just that if su_sure was up two cycles before
//   rs_valid and rs_want is at most 7; room does not shrink but by 'take'.
`default_nettype none

module crl_nvme_fetch_want #(
    parameter int DEPTH = 16,               // entries held or requested
    parameter int QW    = 4,
    localparam int CW   = $clog2(DEPTH) + 1
) (
`ifdef CRL_GHOST
    input  wire logic [QW-1:0] f_q,       // proofs follow this queue: its
    input  wire logic [11:0]   f_head,    // head,
    input  wire logic [11:0]   f_size,    // size,
    input  wire logic [12:0]   f_there,   // entries
    input  wire logic [7:0]    f_max,     // and the grant that is out
    input  wire logic [7:0]    f_room,    // room, with what is about to count
    input  wire logic          f_took,    // something was taken in the last cycle
    output logic      [1:0]    f_mine,    // steps that hold a grant of the queue
    output logic      [7:0]    f_hold,    // room that is taken here
    output logic      [7:0]    f_slots,   // the queue's slots that are kept here
    output logic      [7:0]    f_debt,    // its slots that are used, and whose rs_done is to come
`endif
    input  wire logic          clk,
    input  wire logic          rst,       // synchronous, active high
    input  wire logic          stop,      // level: take no grant, reserve nothing

    input  wire logic          g_valid,   // grant
    output logic               g_ready,
    input  wire logic [QW-1:0] g_qid,
    input  wire logic [7:0]    g_max,
    input  wire logic          hold,      // the tail shown is of another queue: take no grant
    input  wire logic [11:0]   g_tail,    // of g_qid
    input  wire logic [11:0]   g_head,
    input  wire logic [11:0]   g_size,

    input  wire logic [CW-1:0] room,      // entries that can be asked for; two cycles behind 'take'
    output logic               take,      // event: so many of them are taken
    output logic      [CW-1:0] take_cnt,

    output logic      [QW-1:0] su_qid,    // looked up, combinational:
    input  wire logic          su_sure,   // a reservation for it that begins two cycles later gets up to 7 slots
    output logic               rs_valid,  // reservation of completion slots
    output logic      [QW-1:0] rs_qid,
    output logic      [7:0]    rs_want,
    input  wire logic          rs_done,
    input  wire logic [7:0]    rs_got,
    output logic               rs_owed,   // rs_done is to come
    input  wire logic          rs_wait,   // begin no reservation in this cycle

    output logic      [QW-1:0] b_qid,     // its page and function are looked up
    output logic               n_valid,   // entries to read, with their slots
    input  wire logic          n_ready,
    output logic      [CW-1:0] n_cnt,
    output logic      [CW-1:0] n_want,    // so many were taken of the room
    output logic      [11:0]   n_head,
    output logic      [11:0]   n_size,
    output logic               n_park,    // some were wanted, and no slot was there
    output logic               n_halt,    // it met 'stop'
    output logic               busy
);

  // --- count ---------------------------------------------------------------------------------------
  logic          a1_q, a2_q, a_halt_q, a_sure_q; // its two cycles, of which it may stay in the last
  logic [QW-1:0] a_qid_q;
  logic [7:0]    a_max_q;
  logic [11:0]   a_tail_q, a_head_q, a_size_q;
  logic [12:0]   a_diff;                         // tail less head, below zero if the tail has wrapped
  logic [11:0]   a_over, a_have_q;
  logic [CW-1:0] a_lim_q, a_want;
  logic          a_none, a_go, a_fast, a_pass;   // a_pass: not by way of b_*

  assign g_ready = !a1_q && !a2_q && !hold && !stop;
  assign a_diff  = {1'b0, a_tail_q} - {1'b0, a_head_q};
  assign a_over  = a_tail_q + a_size_q - a_head_q + 12'd1;
  assign a_want  = a_have_q > 12'(a_lim_q) ? a_lim_q : a_have_q[CW-1:0];
  assign a_none  = stop || a_halt_q || a_have_q == '0;

  logic          b_valid_q, b_none_q, b_have_q, b_halt_q;
  logic [QW-1:0] b_qid_q;
  logic [CW-1:0] b_want_q, b_got_q;
  logic [11:0]   b_head_q, b_size_q;

  assign a_go   = a2_q && !b_valid_q && !rs_owed && !rs_wait && (a_none || a_lim_q != '0);
  assign a_fast = !a_none && a_sure_q && a_want < CW'(8);
  assign a_pass = a_go && a_fast && n_ready;
  assign su_qid = a_qid_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      a1_q <= 1'b0;
      a2_q <= 1'b0;
    end else begin
      a1_q <= g_valid && g_ready;
      if (a1_q)      a2_q <= 1'b1;
      else if (a_go) a2_q <= 1'b0;
    end
    if (g_ready) begin
      a_qid_q  <= g_qid;
      a_max_q  <= g_max;
      a_tail_q <= g_tail;
      a_head_q <= g_head;
      a_size_q <= g_size;
    end
    a_halt_q <= !g_ready && (stop || a_halt_q);
    a_sure_q <= su_sure;
    if (a1_q) a_have_q <= a_diff[12] ? a_over : a_diff[11:0];
    a_lim_q  <= a_max_q > 8'(room) ? room : a_max_q[CW-1:0];
  end

  // --- reserve -------------------------------------------------------------------------------------
  assign take     = a_go && !a_none;
  assign take_cnt = a_want;
  assign rs_qid   = b_qid_q;
  assign rs_want  = 8'(b_want_q);

  assign b_qid   = b_valid_q ? b_qid_q : a_qid_q;
  assign n_valid = a_pass || (b_valid_q && (b_none_q || b_have_q || rs_done));
  assign n_cnt   = !b_valid_q ? a_want : b_have_q || b_none_q ? b_got_q : rs_got[CW-1:0];
  assign n_want  = b_valid_q ? b_want_q : a_want;
  assign n_head  = b_valid_q ? b_head_q : a_head_q;
  assign n_size  = b_valid_q ? b_size_q : a_size_q;
  assign n_park  = b_valid_q && !b_none_q && n_cnt == '0;
  assign n_halt  = stop || (b_valid_q && b_halt_q);
  assign busy    = a1_q || a2_q || b_valid_q || rs_owed;

  always_ff @(posedge clk) begin
    if (rst) begin
      rs_valid  <= 1'b0;
      rs_owed   <= 1'b0;
      b_valid_q <= 1'b0;
    end else begin
      rs_valid <= take;
      if (take)         rs_owed <= 1'b1;
      else if (rs_done) rs_owed <= 1'b0;
      if (a_go)                    b_valid_q <= !a_pass;
      else if (n_valid && n_ready) b_valid_q <= 1'b0;
    end
    if (a_go) begin
      b_qid_q  <= a_qid_q;
      b_none_q <= a_none;
      b_want_q <= a_none ? '0 : a_want;
      b_head_q <= a_head_q;
      b_size_q <= a_size_q;
      b_have_q <= a_fast;
      b_got_q  <= a_fast ? a_want : '0;
      b_halt_q <= a_halt_q || stop;
    end else begin
      if (stop) b_halt_q <= 1'b1;
      if (rs_done && !b_none_q && !b_have_q) begin
        b_have_q <= 1'b1;
        b_got_q  <= rs_got[CW-1:0];
      end
    end
  end

  logic unused;

  assign unused = &{1'b0, rs_got};

`ifdef CRL_GHOST
  logic        f_fast_q, f_a, f_b;   // f_fast: entries went beside their reservation
  logic [12:0] f_span;    // from the head to the tail that was seen

  assign f_a     = (a1_q || a2_q) && a_qid_q == f_q;
  assign f_b     = b_valid_q && b_qid_q == f_q;
  assign f_mine  = {1'b0, f_a} + {1'b0, f_b};
  assign f_hold  = b_valid_q ? 8'(b_want_q) : '0;
  assign f_slots = f_b && b_have_q ? 8'(b_got_q) : '0;
  assign f_debt  = rs_owed && f_fast_q && b_qid_q == f_q ? 8'(b_want_q) : '0;
  assign f_span  = {1'b0, a_tail_q} - {1'b0, a_head_q} + (a_tail_q < a_head_q ? {1'b0, a_size_q} + 13'd1 : 13'd0);

  always @(posedge clk) begin
    if (take) f_fast_q <= a_fast;
    if (!rst) begin
      // What the neighbour promises.
      if (rs_done) assume (rs_owed && !rs_valid && rs_got <= rs_want);
      if (rs_done && f_fast_q) assume (rs_got == rs_want);

      assert (!(a1_q && a2_q));
      if (rs_valid) assert (rs_owed);
      if (rs_owed) assert (b_want_q != '0 && 8'(b_want_q) <= 8'(DEPTH));
      if (rs_owed && !f_fast_q) assert (b_valid_q && !b_none_q && !b_have_q);
      if (rs_owed && b_valid_q) assert (b_have_q == f_fast_q && !b_none_q);
      if (b_valid_q && b_have_q && f_fast_q) assert (b_got_q == b_want_q);
      if (b_valid_q && !b_none_q && !b_have_q) assert (rs_owed && b_want_q != '0);
      if (b_valid_q) assert (b_got_q <= b_want_q && (!b_none_q || (b_want_q == '0 && !b_have_q)) && (b_have_q || b_got_q == '0));
      if (a1_q || a2_q) assert (!f_took && a_max_q != '0);
      if (a2_q) assert (8'(a_lim_q) <= f_room && 8'(a_lim_q) <= a_max_q);
`ifndef ROOM
      if (f_a) assert (a_head_q == f_head && a_size_q == f_size && a_max_q == f_max && a_tail_q <= f_size && f_span <= f_there);
      if (f_a && a2_q) assert ({1'b0, a_have_q} <= f_there);
      if (f_b) assert (b_head_q == f_head && b_size_q == f_size && 13'(b_want_q) <= f_there && 8'(b_want_q) <= f_max);
`endif
    end
  end
`endif

endmodule

`default_nettype wire
