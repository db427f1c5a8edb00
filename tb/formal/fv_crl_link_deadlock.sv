// SPDX-License-Identifier: Apache-2.0
//
// Harness for the link with both directions full: two ends, each with the windows of REQ and RSP (crl_link_gbn), what it expects
// (crl_link_seq), credits (crl_link_credit_tx, _rx), two receive slots, a FIFO of answers, and one wire each way that REQ and RSP
// share. The node behind each end asks as often as it may, serves a slot only when the RSP ring has a place for the answer
// (the slot is free only then), and takes answers. Who moves when is free.
//
// Proved by induction: in every reachable state something can move: a request can be taken, a frame or an answer sent, a wire has
//   something to deliver, and what is delivered is accepted; a slot can be served, an answer taken; or a header tells the other end
//   something that it does not know (one goes at the latest after KEEPALIVE_CYCLES), or such news is being worked in, which a number
//   that falls in every cycle bounds. So requests and answers never wait for each other in a ring, however full all of it is. Each
//   move but the tellings takes a request one of finitely many steps on; a telling is over when it is known.
// Left out: losses (crl_link_replay: a frame lost is sent again), sessions, several channels (a channel has a credit of its own),
//   READ_DATA (in the window of REQ, into slots that were reserved for it with the request).
// Task 'broken': an answer needs what a request needs, a credit and a place in the window of REQ: they wait in a ring.
`default_nettype none

module fv_crl_link_deadlock #(
    parameter int D = 2                // frames on each wire
) (
    input wire       clk,
    input wire [1:0] ask, put, deliver, serve, sink, rsp_first, idle
);

  reg past_valid = 1'b0;
  reg [2:0] boot = 0;
  wire rst   = boot == 0;
  wire clear = boot != 3'd6;
  always @(posedge clk) begin
    past_valid <= 1'b1;
    if (clear) boot <= boot + 1'b1;
  end

  wire [1:0] moves, full_all;
  wire [10:0] a_item, b_item;
  wire        a_pop, b_pop, a_has, b_has, a_space, b_space;
  wire [10:0] a_head, b_head;

  fv_deadlock_end u_a (
      .clk, .rst, .clear, .ask(ask[0]), .put(put[0]), .deliver(deliver[0]), .serve(serve[0]), .sink(sink[0]), .rsp_first(rsp_first[0]),
      .idle(idle[0]), .space(a_space), .send(a_send), .item(a_item), .has(b_has), .head(b_head), .pop(b_pop),
      .moves(moves[0]), .inner(inner[0]), .full(full_all[0]),
      .u_req(u_req[0]), .s_req(s_req[0]), .w_req(w_req[0]), .e_req(e_req[0]), .u_rsp(u_rsp[0]), .s_rsp(s_rsp[0]), .e_rsp(e_rsp[0]),
      .c_rsp(c_rsp[0]), .occ(occ[0]), .last(last[0]), .used(used[0]), .took(took[0]), .fr(fr[0]), .adds(adds[0]),
      .p_req(p_req[0]), .p_rsp(p_rsp[0]), .p_cr(p_cr[0]), .v_req(v_req[0]), .v_rsp(v_rsp[0]), .v_cr(v_cr[0]), .q_cr(q_cr[0]), .vq_cr(vq_cr[0]),
      .n_req(n_req[0]), .n_rsp(n_rsp[0]), .ap_req(ap_req[0]), .ap_rsp(ap_rsp[0])
  );
  fv_deadlock_end u_b (
      .clk, .rst, .clear, .ask(ask[1]), .put(put[1]), .deliver(deliver[1]), .serve(serve[1]), .sink(sink[1]), .rsp_first(rsp_first[1]),
      .idle(idle[1]), .space(b_space), .send(b_send), .item(b_item), .has(a_has), .head(a_head), .pop(a_pop),
      .moves(moves[1]), .inner(inner[1]), .full(full_all[1]),
      .u_req(u_req[1]), .s_req(s_req[1]), .w_req(w_req[1]), .e_req(e_req[1]), .u_rsp(u_rsp[1]), .s_rsp(s_rsp[1]), .e_rsp(e_rsp[1]),
      .c_rsp(c_rsp[1]), .occ(occ[1]), .last(last[1]), .used(used[1]), .took(took[1]), .fr(fr[1]), .adds(adds[1]),
      .p_req(p_req[1]), .p_rsp(p_rsp[1]), .p_cr(p_cr[1]), .v_req(v_req[1]), .v_rsp(v_rsp[1]), .v_cr(v_cr[1]), .q_cr(q_cr[1]), .vq_cr(vq_cr[1]),
      .n_req(n_req[1]), .n_rsp(n_rsp[1]), .ap_req(ap_req[1]), .ap_rsp(ap_rsp[1])
  );
  wire       a_send, b_send;
  wire [5:0] inner [0:1];
  wire [1:0] u_req [0:1];
  wire [1:0] s_req [0:1];
  wire [1:0] w_req [0:1];
  wire [1:0] e_req [0:1];
  wire [1:0] u_rsp [0:1];
  wire [1:0] s_rsp [0:1];
  wire [1:0] e_rsp [0:1];
  wire [1:0] c_rsp [0:1];
  wire [1:0] occ   [0:1];
  wire [2:0] last  [0:1];
  wire [1:0] used  [0:1];
  wire [2:0] fr    [0:1];
  wire [1:0] p_req [0:1];
  wire [1:0] p_rsp [0:1];
  wire [2:0] p_cr  [0:1];
  wire [2:0] q_cr  [0:1];
  wire [1:0] n_req [0:1];
  wire [1:0] n_rsp [0:1];
  wire [1:0] took, adds, v_req, v_rsp, v_cr, vq_cr, ap_req, ap_rsp;

  fv_deadlock_wire #(.D(D)) u_ab (
      .clk, .clear, .send(a_send), .item(a_item), .pop(a_pop), .space(a_space), .has(a_has), .head(a_head),
      .s_req(s_req[0]), .e_req(e_req[1]), .s_rsp(s_rsp[0]), .e_rsp(e_rsp[1]),
      .u_req(u_req[1]), .k_req(e_req[0]), .u_rsp(u_rsp[1]), .k_rsp(c_rsp[0]), .last(last[1]), .fr(fr[0]),
      .p_req(p_req[1]), .p_rsp(p_rsp[1]), .p_cr(p_cr[1]), .v_req(v_req[1]), .v_rsp(v_rsp[1]), .v_cr(v_cr[1]), .q_cr(q_cr[1]), .vq_cr(vq_cr[1]),
      .n_req(n_req[1]), .n_rsp(n_rsp[1]), .ap_req(ap_req[1]), .ap_rsp(ap_rsp[1])
  );
  fv_deadlock_wire #(.D(D)) u_ba (
      .clk, .clear, .send(b_send), .item(b_item), .pop(b_pop), .space(b_space), .has(b_has), .head(b_head),
      .s_req(s_req[1]), .e_req(e_req[0]), .s_rsp(s_rsp[1]), .e_rsp(e_rsp[0]),
      .u_req(u_req[0]), .k_req(e_req[1]), .u_rsp(u_rsp[0]), .k_rsp(c_rsp[1]), .last(last[0]), .fr(fr[1]),
      .p_req(p_req[0]), .p_rsp(p_rsp[0]), .p_cr(p_cr[0]), .v_req(v_req[0]), .v_rsp(v_rsp[0]), .v_cr(v_cr[0]), .q_cr(q_cr[0]), .vq_cr(vq_cr[0]),
      .n_req(n_req[0]), .n_rsp(n_rsp[0]), .ap_req(ap_req[0]), .ap_rsp(ap_rsp[0])
  );

  // ---- what is proved
  wire [1:0] wire_moves = {b_has, a_has};
  // what the other end does not know yet, and a header could tell it
  wire tell_ab = a_space && (e_req[0] != u_req[1] || c_rsp[0] != u_rsp[1] || fr[0] != last[1]);
  wire tell_ba = b_space && (e_req[1] != u_req[0] || c_rsp[1] != u_rsp[0] || fr[1] != last[0]);
  wire       can   = moves != 0 || wire_moves != 0 || tell_ab || tell_ba;
  wire [6:0] inside = inner[0] + inner[1];
  reg        could;
  reg  [6:0] before;
  always @(posedge clk) begin
    could  <= can || clear;
    before <= inside;
  end
  integer x;
  always @(posedge clk) if (!clear) begin
    assert (can || inside != 0);                 // something can move, or something goes on by itself
    assert (could || inside < before);           // which comes to its end: in less than 2^7 cycles something can move
    // slots: taken at one end = not accepted, in a slot, free and not known
    for (x = 0; x < 2; x = x + 1) begin
      assert (3'(used[x]) + 3'(took[x]) ==
              3'(2'(w_req[x] - e_req[1-x])) + 3'(occ[1-x]) + 3'(3'(fr[1-x] + adds[1-x]) - last[x]));
      assert (3'(fr[1-x] - last[x]) <= 3'(used[x]));
      assert (used[x] <= 2);
      assert (3'(used[x]) + 3'(took[x]) <= 2);
      assert (occ[x] <= 2);
      // first not acknowledged, taken from the FIFO, expected, sent: in this order
      assert (2'(e_req[1-x] - u_req[x]) <= 2'(s_req[x] - u_req[x]));
      assert (2'(c_rsp[1-x] - u_rsp[x]) <= 2'(e_rsp[1-x] - u_rsp[x]));
      assert (2'(e_rsp[1-x] - u_rsp[x]) <= 2'(s_rsp[x] - u_rsp[x]));
    end
  end

  // ---- witness: all is full at both ends at once, and later everything is home
  reg was_full;
  always @(posedge clk) begin
    if (clear) was_full <= 0;
    else if (full_all == 2'b11 && !a_space && !b_space) was_full <= 1;
    cover (!clear && was_full);
  end

endmodule

// A wire, in order, without losses, and what holds of the frames on it.
module fv_deadlock_wire #(
    parameter int D = 2
) (
    input  wire        clk, clear, send, pop,
    input  wire [10:0] item,          // {RSP, REQ, number, acknowledgement of REQ, of RSP, credits}
    output wire        space, has,
    output wire [10:0] head,
    input  wire [1:0]  s_req, e_req, s_rsp, e_rsp,     // sent by the one end, expected by the other
    input  wire [1:0]  u_req, k_req, u_rsp, k_rsp,     // first not acknowledged there; what this end says
    input  wire [2:0]  last, fr, p_cr, q_cr,
    input  wire [1:0]  p_req, p_rsp, n_req, n_rsp,
    input  wire        v_req, v_rsp, v_cr, vq_cr, ap_req, ap_rsp
);

  reg [10:0] w [0:D-1];
  reg [1:0]  n;
  assign space = n < D;
  assign has   = n != 0;
  assign head  = w[0];

  integer i;
  always @(posedge clk) begin
    if (clear) n <= 0;
    else begin
      if (pop) for (i = 0; i + 1 < D; i = i + 1) w[i] <= w[i+1];
      for (i = 0; i < D; i = i + 1) if (send && n - pop == i) w[i] <= item;
      n <= n + send - pop;
    end
  end

  // distances from what the other end knows; x in front of y
  function automatic logic le(input logic [1:0] x, input logic [1:0] y, input logic [1:0] u);
    logic [1:0] dx, dy;
    dx = x - u;
    dy = y - u;
    le = dx <= dy;
  endfunction
  function automatic logic le3(input logic [2:0] x, input logic [2:0] y, input logic [2:0] u);
    logic [2:0] dx, dy;
    dx = x - u;
    dy = y - u;
    le3 = dx <= dy;
  endfunction

  reg [1:0] nr, na;
  integer j;
  always @* begin
    nr = 0; na = 0;
    for (int k = 0; k < D; k = k + 1) if (k < n) begin
      nr = nr + 2'(w[k][9]);
      na = na + 2'(w[k][10]);
    end
  end

  always @(posedge clk) if (!clear) begin
    assert (n <= D);
    assert (s_req == 2'(e_req + nr) && s_rsp == 2'(e_rsp + na));
    for (j = 0; j < D; j = j + 1) if (j < n) begin
      assert (!(w[j][9] && w[j][10]));
      if (w[j][9]) assert (w[j][8:7] == 2'(e_req + (j == 1 && w[0][9])));
      if (w[j][10]) assert (w[j][8:7] == 2'(e_rsp + (j == 1 && w[0][10])));
      assert (le(w[j][6:5], k_req, u_req) && le(w[j][4:3], k_rsp, u_rsp) && le3(w[j][2:0], fr, last));
      if (j == 1) assert (le(w[0][6:5], w[1][6:5], u_req) && le(w[0][4:3], w[1][4:3], u_rsp) && le3(w[0][2:0], w[1][2:0], last));
    end
    // what the other end is working in comes before what is on the wire
    if (v_req) assert (le(p_req, has ? head[6:5] : k_req, u_req));
    if (v_rsp) assert (le(p_rsp, has ? head[4:3] : k_rsp, u_rsp));
    if (ap_req) assert (le(2'(u_req + n_req), v_req ? p_req : has ? head[6:5] : k_req, u_req));
    if (ap_rsp) assert (le(2'(u_rsp + n_rsp), v_rsp ? p_rsp : has ? head[4:3] : k_rsp, u_rsp));
    if (v_cr) assert (le3(p_cr, has ? head[2:0] : fr, last));
    if (vq_cr) assert (le3(q_cr, v_cr ? p_cr : has ? head[2:0] : fr, last));
  end

endmodule

// One end.
module fv_deadlock_end (
    input  wire        clk, rst, clear,
    input  wire        ask, put, deliver, serve, sink, rsp_first, idle,
    input  wire        space, has,
    input  wire [10:0] head,
    output wire        send, pop, moves, full,
    output wire [5:0]  inner,
    output wire [10:0] item,
    output wire [1:0]  u_req, s_req, w_req, e_req, u_rsp, s_rsp, e_rsp, c_rsp,
    output reg  [1:0]  occ,
    output wire [2:0]  last, fr, p_cr, q_cr,
    output wire [1:0]  used, p_req, p_rsp, n_req, n_rsp,
    output wire        took, adds, v_req, v_rsp, v_cr, vq_cr, ap_req, ap_rsp
);

  wire       req_full, req_avail, req_resend, rsp_full, rsp_avail, rsp_resend, ok, bad, news, urgent, q_un, r_un;
  wire [0:0] q_idx, r_idx;
  wire [1:0] q_next, r_next, q_unsent, r_unsent, q_freed, r_freed, q_ever, r_ever;
  wire [2:0] cr_cnt;
  wire [7:0] cr_ch;
  wire [1:0] pool, back;
  wire       none, add_ch, op_ch, wt_ch, q_nak, r_nak;

  // ---- node
  reg        took_q;                  // two takes are two cycles apart
  reg  [1:0] level;                   // answers in the FIFO
  wire       can_take  = ok && !req_full && !took_q;
`ifdef BREAK
  // An answer needs what a request needs.
  wire       can_serve = occ != 0 && !rsp_full && ok && !req_full && !took_q;
`else
  wire       can_serve = occ != 0 && !rsp_full;
`endif
  wire       take  = ask && can_take && !clear;
  wire       srv   = serve && can_serve && !clear;
  wire       snk   = sink && level != 0 && !clear;

  // ---- what is sent: an answer, a request, or a header that only tells
  reg        q_may, r_may;            // it waited a cycle ago
  wire       go_rsp = put && space && !clear && r_may && (rsp_first || !q_may);
  wire       go_req = put && space && !clear && q_may && !go_rsp;
  wire       go_idle = idle && space && !clear && !go_rsp && !go_req;
  assign send = go_rsp || go_req || go_idle;
  assign item = {go_rsp, go_req, go_rsp ? s_rsp : s_req, e_req, c_rsp, cr_cnt};

  // ---- what comes
  assign pop = deliver && has && !clear;
  wire   acc_req, acc_rsp;
  assign c_rsp = e_rsp - level;

  always @(posedge clk) begin
    if (clear) begin
      took_q <= 0; level <= 0; occ <= 0; q_may <= 0; r_may <= 0;
    end else begin
      took_q <= take;
      level  <= level + 2'(acc_rsp) - 2'(snk);
      occ    <= occ + 2'(acc_req) - 2'(srv);
      q_may  <= req_avail && !go_req;
      r_may  <= rsp_avail && !go_rsp;
    end
  end

  crl_link_gbn #(.SLOTS(2), .ACK_W(2), .SEQ_W(2)) u_req_win (
      .clk, .rst, .clear, .push(take), .push_idx(q_idx), .full(req_full), .avail(req_avail), .send(go_req), .send_seq(s_req),
      .resend(req_resend), .next_new(q_next), .ack_valid(pop), .ack_num(head[6:5]), .ack_nak(1'b0), .hold(1'b0),
      .fv_u(u_req), .fv_num(p_req), .fv_pend(v_req), .fv_apply(ap_req), .fv_nak(q_nak), .fv_n(n_req), .fv_ever(q_ever),
      .unacked(q_un), .unsent(q_unsent), .freed(q_freed)
  );
  crl_link_gbn #(.SLOTS(2), .ACK_W(2), .SEQ_W(2)) u_rsp_win (
      .clk, .rst, .clear, .push(srv), .push_idx(r_idx), .full(rsp_full), .avail(rsp_avail), .send(go_rsp), .send_seq(s_rsp),
      .resend(rsp_resend), .next_new(r_next), .ack_valid(pop), .ack_num(head[4:3]), .ack_nak(1'b0), .hold(1'b0),
      .fv_u(u_rsp), .fv_num(p_rsp), .fv_pend(v_rsp), .fv_apply(ap_rsp), .fv_nak(r_nak), .fv_n(n_rsp), .fv_ever(r_ever),
      .unacked(r_un), .unsent(r_unsent), .freed(r_freed)
  );
  crl_link_seq #(.SEQ_W(2), .REPEAT_CYCLES(1)) u_req_seq (
      .clk, .rst, .clear, .fr_valid(pop && head[9]), .fr_seq(head[8:7]), .fr_room(occ < 2), .fr_accept(acc_req),
      .hint_valid(1'b0), .hint_seq(2'd0), .expected(e_req), .fv_gap(), .fv_timer(), .nak_due(), .nak_sent(1'b0)
  );
  crl_link_seq #(.SEQ_W(2), .REPEAT_CYCLES(1)) u_rsp_seq (
      .clk, .rst, .clear, .fr_valid(pop && head[10]), .fr_seq(head[8:7]), .fr_room(level < 2), .fr_accept(acc_rsp),
      .hint_valid(1'b0), .hint_seq(2'd0), .expected(e_rsp), .fv_gap(), .fv_timer(), .nak_due(), .nak_sent(1'b0)
  );
  crl_link_credit_tx #(.CHANNELS(1), .SHARED(1), .CNT_W(3)) u_cr_tx (
      .clk, .rst, .clear, .take, .take_ch(1'b0), .ret_valid(pop), .ret_ch(8'd0), .ret_cnt(head[2:0]),
      .fv_used(used), .fv_last(last), .fv_take(took), .fv_ret(vq_cr), .fv_wait(v_cr), .fv_ch(op_ch), .fv_wait_ch(wt_ch),
      .fv_cnt(q_cr), .fv_wait_cnt(p_cr), .fv_pool(pool), .fv_back(back), .fv_none(none), .ok, .bad
  );
  crl_link_credit_rx #(.CHANNELS(1), .URGENT(2), .CNT_W(3)) u_cr_rx (
      .clk, .rst, .clear, .refresh(1'b0), .free(srv), .free_ch(8'd0), .cr_ch, .cr_cnt, .fv_add(adds), .fv_add_ch(add_ch), .fv_old(fr),
      .cr_take(send), .news, .urgent
  );

  reg  late;                           // 'ok' follows the counts
  always @(posedge clk) late <= !clear && (took || vq_cr || back != 0);
  // What goes on by itself, and how far it is from its end.
  assign inner = 6'(v_req) * 2 + 6'(ap_req) + 6'(v_rsp) * 2 + 6'(ap_rsp) + 6'(v_cr) * 8 + 6'(took || vq_cr) * 4 + 6'(back != 0) * 2
                 + 6'(late) + 6'(took_q) + 6'(adds) + 6'(q_may != req_avail) + 6'(r_may != rsp_avail);
  assign moves = can_take || can_serve || level != 0 || (space && (q_may || r_may));
  assign full  = req_full && rsp_full && occ == 2 && level == 2;

  always @(posedge clk) if (!clear) begin
    // nothing that comes is turned away
    if (pop && head[9]) assert (acc_req);
    if (pop && head[10]) assert (acc_rsp);
    assert (!bad && !req_resend && !rsp_resend && !q_nak && !r_nak);
    assert (cr_cnt == fr);
    assert (took == took_q);
    assert (level <= 2);
    assert (none == (used == 0) && 32'(pool) == (used == 0 ? 0 : 32'(used) - 1) + 32'(back));
    assert (pool <= 1 && (ok == (none || pool == 0)));
    assert (!op_ch && !wt_ch);
    assert (!q_may || req_avail);
    assert (!r_may || rsp_avail);
    assert (2'(w_req - u_req) <= 2);
  end
  assign w_req = u_req + q_ever + q_unsent;

endmodule

`default_nettype wire
