// SPDX-License-Identifier: Apache-2.0
//
// crl_link_gbn: the sender's window of one virtual channel (go-back-N).
//
// How: four sequence numbers, oldest first: u_q first not acknowledged, s_q next to send, m_q next
//   never sent, w_q next to be filled. Frames live in a ring of SLOTS, indexed by the low bits.
//   An acknowledgement moves u_q; a NAK also takes s_q back to the number that the receiver expects.
//   Numbers outside u_q..m_q are ignored.
// Latency: push to avail 0 cycles; what was stored with it is there when 'send' comes. An acknowledgement takes effect 3 cycles
//   after ack_valid; later ones may overtake it, because they are cumulative.
// Assumes: push only while fewer than SLOTS are not acknowledged; send only when avail was high in
//   the cycle before, and nothing was sent in it (avail never falls otherwise). While
//   'hold' is high (a frame that was sent before is being read again) nothing is freed.
`default_nettype none

module crl_link_gbn #(
    parameter int SLOTS  = 16,  // frames in the ring, a power of two
    parameter int ACK_W  = 16,  // bits of a sequence number in acknowledgements, > log2(SLOTS)
    parameter int SEQ_W  = 16,  // bits of a sequence number
    localparam int IW    = $clog2(SLOTS),
    localparam int CNT_W = IW + 1
) (
    input  wire logic             clk,
    input  wire logic             rst,
    input  wire logic             clear,      // forget everything, numbers start at 0
    input  wire logic             push,       // event: a frame is complete
    output logic      [IW-1:0]    push_idx,   // its slot
    output logic                  full,       // every slot is filled
    output logic                  avail,      // a frame waits to be sent
    input  wire logic             send,       // event: it starts; 'avail' was seen one cycle ago
    output logic      [SEQ_W-1:0] send_seq,   // its sequence number, the slot in the low bits
    output logic                  resend,     // it was sent before
    output logic      [SEQ_W-1:0] next_new,   // first number never sent
    input  wire logic             ack_valid,  // event
    input  wire logic [ACK_W-1:0] ack_num,    // number that the receiver expects next
    input  wire logic             ack_nak,    // go back to it
    input  wire logic             hold,
`ifdef FORMAL
    output logic      [SEQ_W-1:0] fv_u,       // for the proof of the whole protocol
    output logic      [ACK_W-1:0] fv_num,
    output logic                  fv_pend,
    output logic                  fv_apply,
    output logic                  fv_nak,
    output logic      [CNT_W-1:0] fv_n,
    output logic      [CNT_W-1:0] fv_ever,
`endif
    output logic                  unacked,    // something was sent and not acknowledged
    output logic      [CNT_W-1:0] unsent,     // frames complete and never sent
    output logic      [CNT_W-1:0] freed       // event with a count: slots freed
);

  initial begin
    if (SLOTS < 2 || (SLOTS & (SLOTS - 1)) != 0)
      $fatal(1, "crl_link_gbn: SLOTS must be a power of two, at least 2");
    if (ACK_W <= IW || SEQ_W < ACK_W)
      $fatal(1, "crl_link_gbn: sequence numbers must count at least twice the slots");
  end

  logic [SEQ_W-1:0] u_q, s_q, m_q, w_q;
  logic [ACK_W-1:0] num_q, away;
  logic             pend_q, nak_q;          // an acknowledgement to look at
  logic             apply_q, apply_nak_q;   // one in range, to be applied
  logic [CNT_W-1:0] n_q;
  logic [CNT_W-1:0] sent, ever, filled;     // distances from u_q
  logic [SEQ_W-1:0] u_next;
  logic             check, jump;

  assign sent     = s_q[CNT_W-1:0] - u_q[CNT_W-1:0];
  assign ever     = m_q[CNT_W-1:0] - u_q[CNT_W-1:0];
  assign filled   = w_q[CNT_W-1:0] - u_q[CNT_W-1:0];
  assign full     = filled == CNT_W'(SLOTS);
  assign unsent   = filled - ever;
  assign push_idx = w_q[IW-1:0];
  assign resend   = s_q[CNT_W-1:0] != m_q[CNT_W-1:0];  // they are at most SLOTS apart
  // Going over frames again, the sender looks at every acknowledgement before the next one: a frame
  // that is about to be freed must not be started once more.
  assign avail    = (push || s_q[CNT_W-1:0] != w_q[CNT_W-1:0]) && !((apply_q || pend_q) && resend);
  assign send_seq = s_q;
  assign next_new = m_q;
  assign unacked  = ever != '0;
  assign freed    = apply_q ? n_q : '0;

  assign away     = num_q - u_q[ACK_W-1:0];
  assign check    = pend_q && !apply_q && !hold && !(send && resend);
  assign u_next   = u_q + SEQ_W'(n_q);
  assign jump     = apply_q && (apply_nak_q || sent < n_q);

  always_ff @(posedge clk) begin
    if (ack_valid) num_q <= ack_num;
    n_q         <= away[CNT_W-1:0];
    apply_nak_q <= nak_q;
  end

  always_ff @(posedge clk) begin
    if (rst || clear) begin
      u_q     <= '0;
      s_q     <= '0;
      m_q     <= '0;
      w_q     <= '0;
      pend_q  <= 1'b0;
      nak_q   <= 1'b0;
      apply_q <= 1'b0;
    end else begin
      if (push) w_q <= w_q + 1'b1;

      if (jump)      s_q <= u_next;
      else if (send) s_q <= s_q + 1'b1;
      if (send && !resend) m_q <= m_q + 1'b1;

      if (apply_q) u_q <= u_next;
      apply_q <= check && away <= ACK_W'(ever);

      pend_q <= ack_valid || (pend_q && !check);
      nak_q  <= (ack_valid && ack_nak) || (nak_q && !check);
    end
  end

`ifdef FORMAL
  assign fv_nak = nak_q || (apply_q && apply_nak_q);
  assign {fv_u, fv_num, fv_pend, fv_apply, fv_n, fv_ever} = {u_q, num_q, pend_q, apply_q, n_q, ever};

  // Order of the four numbers, and the ring is never over-full: inductive.
  logic past_q;
  logic may_q;  // avail in the cycle before, and nothing was sent in it
  initial past_q = 1'b0;
  always_ff @(posedge clk) begin
    past_q <= 1'b1;
    may_q  <= avail && !send && !rst && !clear;
  end
  always_ff @(posedge clk) begin
    if (!past_q) assume (rst);
    if (past_q && !rst) begin
      assume (!(push && full));
      assume (!(send && !may_q));
      assert (!may_q || (s_q != w_q && !(apply_q && resend)));
      assert (SEQ_W'(w_q - u_q) <= SEQ_W'(SLOTS));
      assert (SEQ_W'(m_q - u_q) <= SEQ_W'(w_q - u_q));
      assert (SEQ_W'(s_q - u_q) <= SEQ_W'(m_q - u_q));
      assert (!apply_q || SEQ_W'(n_q) <= SEQ_W'(m_q - u_q));
    end
  end
`endif

endmodule

`default_nettype wire
