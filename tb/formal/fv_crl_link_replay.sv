// SPDX-License-Identifier: Apache-2.0
//
// Harness for the replay protocol: crl_link_gbn, a wire that loses, doubles and reorders frames, crl_link_seq,
// and a wire back that does the same to acknowledgements. Free inputs decide who moves when.
//
// How far order may be lost: a frame is overtaken by at most BF deliveries of frames that were sent after it, an acknowledgement
//   by at most BA of later ones. With a window of W frames, M numbers of frames and A numbers in acknowledgements it holds for
//     BF <= M - W - 1     (the receiver moves by one for each frame that overtakes; M - W beyond the newest number then sent)
//     BA <= A / W - 2     (the sender moves by up to W for each acknowledgement that overtakes)
//   and fails for one more in either (tasks 'broken_frame', 'broken_ack'). A link that keeps order has BF = BA = 0.
//   The tasks that have to fail are with CLAIM: of the assertions only what is claimed, so that no invariant fails instead.
//
// Ghost counters do not wrap at the width of a sequence number: g_u frames were freed at the
// sender, g_r accepted by the receiver; every frame and acknowledgement under way carries its true number.
// Proved by induction: the frame that is accepted is the next one (exactly once, in order), and nothing
// is freed before it was accepted; so what is kept for replay is never more than W, and W <= A / 2. The invariants: what is on the
// way is not older than the window and what has overtaken it.
`default_nettype none

module fv_crl_link_replay #(
    parameter int SLOTS = 2,
    parameter int D     = 2,              // frames, and acknowledgements, on the way
    parameter int Q     = $clog2(SLOTS) + 1,  // bits of a frame's number: at least twice the window
    parameter int AQ    = Q,              // bits of the number in an acknowledgement, likewise
    parameter int BF    = (1 << Q) - SLOTS - 1,
    parameter int BA    = (1 << AQ) / SLOTS - 2,
    localparam int IW   = $clog2(SLOTS),
    parameter int G     = 8,              // bits of the ghosts
    localparam int DW   = $clog2(D + 1)
) (
    input wire       clk,
    input wire       rst,
    input wire       push, send, hold,
    input wire       lose, deliver, again, fr_room,   // forward wire
    input wire       tell, tell_nak, deliver_ack, again_ack,   // backward wire
    input wire [DW-1:0] pick, pick_ack,               // which one comes
    input wire       hint_valid,
    input wire [Q-1:0] hint_seq
);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  wire            full, avail, resend, unacked, accept, fr_valid, ack_valid, ack_nak;
  wire [IW-1:0]   push_idx;
  wire [Q-1:0]    send_seq, next_new, fr_seq, expected;
  wire [AQ-1:0]   ack_num;
  wire [IW:0]     freed;
  wire [Q-1:0]    fv_u;
  wire [AQ-1:0]   fv_num;
  wire            fv_pend, fv_apply;
  wire [IW:0]     fv_n, fv_ever;

  crl_link_gbn #(.SLOTS(SLOTS), .ACK_W(AQ), .SEQ_W(Q)) u_tx (
      .clk, .rst, .clear(1'b0), .push, .push_idx, .full, .avail, .send, .send_seq, .resend, .next_new,
      .ack_valid, .ack_num, .ack_nak, .hold, .fv_u, .fv_num, .fv_pend, .fv_apply, .fv_n, .fv_ever,
      .unacked, .freed
  );
  crl_link_seq #(.SEQ_W(Q), .REPEAT_CYCLES(2)) u_rx (
      .clk, .rst, .clear(1'b0), .fr_valid, .fr_seq, .fr_room, .fr_accept(accept),
      .hint_valid, .hint_seq, .expected, .nak_due(), .nak_sent(1'b0)
  );

  // ---- ghosts
  reg [G-1:0] g_u, g_r, g_num;
  wire [Q-1:0] sent = send_seq - fv_u;                       // at most SLOTS
  wire [G-1:0] g_s = g_u + G'(sent);
  wire [G-1:0] g_m = g_u + G'(fv_ever);
  wire [G-1:0] d_r = G'(g_r - g_u);

  // ---- forward wire: seq, true number, first number never sent when it was sent, how often it was overtaken
  reg [Q-1:0] f_seq [0:D-1];
  reg [G-1:0] f_num [0:D-1];
  reg [G-1:0] f_new [0:D-1];
  reg [G-1:0] f_ovr [0:D-1];
  reg [DW-1:0] f_cnt;
  wire        f_pop = fr_valid && !again;
  wire        f_put = send && !lose && f_cnt < D;
  assign fr_valid = deliver && pick < f_cnt;
  assign fr_seq   = f_seq[pick];

  // ---- backward wire
  reg [AQ-1:0] a_seq [0:D-1];
  reg [G-1:0] a_num [0:D-1];
  reg [G-1:0] a_ovr [0:D-1];
  reg         a_nak [0:D-1];
  reg [DW-1:0] a_cnt;
  wire        a_pop = ack_valid && !again_ack;
  wire        a_put = tell && a_cnt < D;
  assign ack_valid = deliver_ack && pick_ack < a_cnt;
  assign ack_num   = a_seq[pick_ack];
  assign ack_nak   = a_nak[pick_ack];

  integer i;
  always @* for (i = 0; i < D; i = i + 1) begin
    if (fr_valid && i < pick) assume (f_ovr[i] < BF);
    if (ack_valid && i < pick_ack) assume (a_ovr[i] < BA);
  end

  always @(posedge clk) begin
    if (rst) begin
      g_u <= 0; g_r <= 0; f_cnt <= 0; a_cnt <= 0;
    end else begin
      g_u <= g_u + G'(freed);
      g_r <= g_r + G'(accept);
      if (ack_valid) g_num <= a_num[pick_ack];

      for (i = 0; i < D; i = i + 1) if (fr_valid && i < pick) f_ovr[i] <= f_ovr[i] + 1'b1;
      if (f_pop) for (i = 0; i + 1 < D; i = i + 1) if (i >= pick) begin
        f_seq[i] <= f_seq[i+1]; f_num[i] <= f_num[i+1]; f_new[i] <= f_new[i+1]; f_ovr[i] <= f_ovr[i+1];
      end
      for (i = 0; i < D; i = i + 1) if (f_put && f_cnt - f_pop == i) begin
        f_seq[i] <= send_seq; f_num[i] <= g_s; f_new[i] <= g_m + G'(!resend); f_ovr[i] <= 0;
      end
      f_cnt <= f_cnt + f_put - f_pop;

      for (i = 0; i < D; i = i + 1) if (ack_valid && i < pick_ack) a_ovr[i] <= a_ovr[i] + 1'b1;
      if (a_pop) for (i = 0; i + 1 < D; i = i + 1) if (i >= pick_ack) begin
        a_seq[i] <= a_seq[i+1]; a_num[i] <= a_num[i+1]; a_nak[i] <= a_nak[i+1]; a_ovr[i] <= a_ovr[i+1];
      end
      for (i = 0; i < D; i = i + 1) if (a_put && a_cnt - a_pop == i) begin
`ifdef BREAK
        a_seq[i] <= expected[AQ-1:0] + 1'b1;
`else
        a_seq[i] <= expected[AQ-1:0];
`endif
        a_num[i] <= g_r; a_nak[i] <= tell_nak; a_ovr[i] <= 0;
      end
      a_cnt <= a_cnt + a_put - a_pop;
    end
  end

  // ---- what is proved, and the invariants that carry it
  function automatic logic at_most(input logic [G-1:0] x, input logic [G-1:0] y);   // x <= y, numbers that wrap
    logic [G-1:0] d;
    d = y - x;
    at_most = !d[G-1];
  endfunction

  always @(posedge clk) if (past_valid && !rst) begin
    if (accept) assert (f_num[pick] == g_r);                // the next one, once
    assert (!fv_apply || fv_n <= d_r);                      // freed: accepted before
    assert (d_r <= G'(fv_ever));                            // accepted: sent before
    assert (fv_ever <= SLOTS && 2 * SLOTS <= 1 << AQ);      // kept: at most half of the numbers
  end

`ifndef CLAIM
  integer j;
  always @(posedge clk) if (past_valid && !rst) begin
    assert (fv_u == g_u[Q-1:0] && expected == g_r[Q-1:0]);
    assert (f_cnt <= D && a_cnt <= D);
    for (j = 0; j < D; j = j + 1) if (j < f_cnt) begin
      assert (f_seq[j] == f_num[j][Q-1:0]);
      assert (f_ovr[j] <= BF);
      assert (G'(f_new[j] - f_num[j]) >= G'(1) && G'(f_new[j] - f_num[j]) <= G'(SLOTS));
      assert (at_most(f_new[j], g_m));
      assert (at_most(g_r, f_new[j] + f_ovr[j]));
      if (j > 0) assert (at_most(f_new[j-1], f_new[j]));
    end
    for (j = 0; j < D; j = j + 1) if (j < a_cnt) begin
      assert (a_seq[j] == a_num[j][AQ-1:0]);
      assert (a_ovr[j] <= BA);
      assert (at_most(a_num[j], g_r));
      if (j > 0) assert (at_most(a_num[j-1], a_num[j]));
      assert (at_most(g_u, a_num[j] + G'(SLOTS * a_ovr[j])));
      if (fv_apply) assert (at_most(g_u + G'(fv_n), a_num[j] + G'(SLOTS * a_ovr[j])));
      if (fv_pend) assert (at_most(g_num, a_num[j] + G'(SLOTS * a_ovr[j])));
    end
    if (fv_pend) begin
      assert (fv_num == g_num[AQ-1:0]);
      assert (at_most(g_num, g_r));
      assert (at_most(g_u, g_num + G'(SLOTS * BA)));
      if (fv_apply) assert (at_most(g_u + G'(fv_n), g_num + G'(SLOTS * BA)));
    end
  end
`endif

  // ---- witness: a frame is lost, a later one arrives, the sender goes back, all are freed; with BF or BA, a frame came late and so
  //      did an acknowledgement
  reg lost, late, f_late, a_late;
  always @(posedge clk) begin
    if (rst) begin
      lost <= 0; late <= 0; f_late <= BF == 0; a_late <= BA == 0;
    end else begin
      if (send && lose) lost <= 1;
      if (lost && fr_valid && !accept && fr_room) late <= 1;
      if (fr_valid && f_ovr[pick] != 0) f_late <= 1;
      if (ack_valid && a_ovr[pick_ack] != 0) a_late <= 1;
    end
    cover (past_valid && !rst && late && f_late && a_late && g_r == 3 && g_u == 3 && !unacked);
  end

endmodule

`default_nettype wire
