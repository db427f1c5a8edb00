// SPDX-License-Identifier: Apache-2.0
//
// Harness for the replay protocol: crl_link_gbn, a wire that loses and doubles frames, crl_link_seq,
// and a wire back that loses acknowledgements. Free inputs decide who moves when.
//
// Ghost counters do not wrap at the width of a sequence number: g_u frames were freed at the
// sender, g_r accepted by the receiver; every frame and acknowledgement under way carries its true number.
// Proved by induction: the frame that is accepted is the next one (exactly once, in order), and nothing
// is freed before it was accepted. The invariants: what is on the way is in order and not older than
// the window.
`default_nettype none

module fv_crl_link_replay #(
    parameter int SLOTS = 2,
    parameter int D     = 2,              // frames, and acknowledgements, on the way
    localparam int IW   = $clog2(SLOTS),
    localparam int Q    = IW + 1,         // bits of a sequence number: twice the window
    localparam int G    = 8               // bits of the ghosts
) (
    input wire       clk,
    input wire       rst,
    input wire       push, send, hold,
    input wire       lose, deliver, again, fr_room,   // forward wire
    input wire       tell, tell_nak, deliver_ack,     // backward wire
    input wire       hint_valid,
    input wire [Q-1:0] hint_seq
);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  wire            full, avail, resend, unacked, accept, fr_valid, ack_valid, ack_nak;
  wire [IW-1:0]   push_idx;
  wire [Q-1:0]    send_seq, next_new, fr_seq, ack_num, expected;
  wire [IW:0]     freed;
  wire [Q-1:0]    fv_u, fv_num;
  wire            fv_pend, fv_apply;
  wire [IW:0]     fv_n, fv_ever;

  crl_link_gbn #(.SLOTS(SLOTS), .ACK_W(Q), .SEQ_W(Q)) u_tx (
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

  // ---- forward wire: seq, true number, first number never sent when it was sent
  reg [Q-1:0] f_seq [0:D-1];
  reg [G-1:0] f_num [0:D-1];
  reg [G-1:0] f_new [0:D-1];
  reg [D:0]   f_cnt;
  wire        f_pop = fr_valid && !again;
  wire        f_put = send && !lose && f_cnt < D;
  assign fr_valid = deliver && f_cnt != 0;
  assign fr_seq   = f_seq[0];

  // ---- backward wire
  reg [Q-1:0] a_seq [0:D-1];
  reg [G-1:0] a_num [0:D-1];
  reg         a_nak [0:D-1];
  reg [D:0]   a_cnt;
  wire        a_put = tell && a_cnt < D;
  assign ack_valid = deliver_ack && a_cnt != 0;
  assign ack_num   = a_seq[0];
  assign ack_nak   = a_nak[0];

  integer i;
  always @(posedge clk) begin
    if (rst) begin
      g_u <= 0; g_r <= 0; f_cnt <= 0; a_cnt <= 0;
    end else begin
      g_u <= g_u + G'(freed);
      g_r <= g_r + G'(accept);
      if (ack_valid) g_num <= a_num[0];

      if (f_pop) for (i = 0; i + 1 < D; i = i + 1) begin
        f_seq[i] <= f_seq[i+1]; f_num[i] <= f_num[i+1]; f_new[i] <= f_new[i+1];
      end
      for (i = 0; i < D; i = i + 1) if (f_put && f_cnt - f_pop == i) begin
        f_seq[i] <= send_seq; f_num[i] <= g_s; f_new[i] <= g_m + G'(!resend);
      end
      f_cnt <= f_cnt + f_put - f_pop;

      if (ack_valid) for (i = 0; i + 1 < D; i = i + 1) begin
        a_seq[i] <= a_seq[i+1]; a_num[i] <= a_num[i+1]; a_nak[i] <= a_nak[i+1];
      end
      for (i = 0; i < D; i = i + 1) if (a_put && a_cnt - ack_valid == i) begin
`ifdef BREAK
        a_seq[i] <= expected + 1'b1;
`else
        a_seq[i] <= expected;
`endif
        a_num[i] <= g_r; a_nak[i] <= tell_nak;
      end
      a_cnt <= a_cnt + a_put - ack_valid;
    end
  end

  // ---- what is proved, and the invariants that carry it
  integer j;
  always @(posedge clk) if (past_valid && !rst) begin
    if (accept) assert (f_num[0] == g_r);                   // the next one, once
    assert (!fv_apply || fv_n <= d_r);                      // freed: accepted before
    assert (d_r <= G'(fv_ever));                            // accepted: sent before

    assert (fv_u == g_u[Q-1:0] && expected == g_r[Q-1:0]);
    assert (f_cnt <= D && a_cnt <= D);
    for (j = 0; j < D; j = j + 1) if (j < f_cnt) begin
      assert (f_seq[j] == f_num[j][Q-1:0]);
      assert (G'(f_new[j] - f_num[j]) >= G'(1) && G'(f_new[j] - f_num[j]) <= G'(SLOTS));
      assert (G'(f_new[j] - g_r) <= G'(g_m - g_r));
      if (j > 0) assert (G'(f_new[j-1] - g_r) <= G'(f_new[j] - g_r));
    end
    for (j = 0; j < D; j = j + 1) if (j < a_cnt) begin
      assert (a_seq[j] == a_num[j][Q-1:0]);
      assert (G'(a_num[j] - g_u) <= d_r);
      if (j > 0) assert (G'(a_num[j-1] - g_u) <= G'(a_num[j] - g_u));
      if (fv_apply) assert (fv_n <= G'(a_num[j] - g_u));
      if (fv_pend) assert (G'(g_num - g_u) <= G'(a_num[j] - g_u));
    end
    if (fv_pend) begin
      assert (fv_num == g_num[Q-1:0]);
      assert (G'(g_num - g_u) <= d_r);
      if (fv_apply) assert (fv_n <= G'(g_num - g_u));
    end
  end

  // ---- witness: a frame is lost, a later one arrives, the sender goes back, all are freed
  reg lost, late;
  always @(posedge clk) begin
    if (rst) begin
      lost <= 0; late <= 0;
    end else begin
      if (send && lose) lost <= 1;
      if (lost && fr_valid && !accept && fr_room) late <= 1;
    end
    cover (past_valid && !rst && late && g_r == 3 && g_u == 3 && !unacked);
  end

endmodule

`default_nettype wire
