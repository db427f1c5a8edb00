// SPDX-License-Identifier: Apache-2.0
//
// crl_link_seq: the receiver's side of one virtual channel: takes frames in order, asks for lost ones.
//
// How: only the frame with the expected number is taken. One ahead of it, or a hint that one was
//   sent, shows a gap: a NAK is due, once, and again every REPEAT_CYCLES until the gap is closed.
//   A number behind is a duplicate and is dropped.
// Latency: accept is combinational; the gap is seen 2 cycles later.
`default_nettype none

module crl_link_seq #(
    parameter int SEQ_W         = 16,   // bits of a sequence number
    parameter int REPEAT_CYCLES = 2048  // time between two NAKs for one gap
) (
    input  wire logic             clk,
    input  wire logic             rst,
    input  wire logic             clear,      // numbers start at 0
    input  wire logic             fr_valid,   // event: a good frame of this virtual channel
    input  wire logic [SEQ_W-1:0] fr_seq,
    input  wire logic             fr_room,    // it can be stored
    output logic                  fr_accept,  // it is taken
    input  wire logic             hint_valid, // event: the sender says what it sends next
    input  wire logic [SEQ_W-1:0] hint_seq,
    output logic      [SEQ_W-1:0] expected,
`ifdef FORMAL
    output logic                  fv_gap,     // for the proof of progress
    output logic [$clog2(REPEAT_CYCLES + 1)-1:0] fv_timer,
`endif
    output logic                  nak_due,
    input  wire logic             nak_sent    // event
);

  localparam int TW = $clog2(REPEAT_CYCLES + 1);

  logic [SEQ_W-1:0] exp_q, ahead;
  logic [SEQ_W-1:0] seen_q;    // a number that was sent, or the one behind it
  logic             seen_valid_q, seen_hint_q;
  logic             gap_q, nak_due_q, gap_found;
  logic [TW-1:0]    timer_q;
  logic             timer_end;

  assign expected  = exp_q;
  assign nak_due   = nak_due_q;
  assign fr_accept = fr_valid && fr_seq == exp_q && fr_room;

  // Ahead by 1..2^(SEQ_W-1)-1; a frame with the expected number that was not taken counts too.
  assign ahead     = seen_q - exp_q;
  assign gap_found = seen_valid_q && !ahead[SEQ_W-1] && !(seen_hint_q && ahead == '0);
  assign timer_end = timer_q == TW'(REPEAT_CYCLES);

  always_ff @(posedge clk) begin
    seen_q      <= fr_valid ? fr_seq : hint_seq;
    seen_hint_q <= !fr_valid;
  end

  always_ff @(posedge clk) begin
    if (rst || clear) begin
      exp_q        <= '0;
      seen_valid_q <= 1'b0;
      gap_q        <= 1'b0;
      nak_due_q    <= 1'b0;
      timer_q      <= '0;
    end else begin
      seen_valid_q <= fr_valid || hint_valid;
      if (fr_accept) exp_q <= exp_q + 1'b1;

      if (fr_accept)      gap_q <= 1'b0;
      else if (gap_found) gap_q <= 1'b1;

      timer_q <= !gap_q || timer_end ? '0 : timer_q + 1'b1;

      if (fr_accept || nak_sent) nak_due_q <= 1'b0;
      else if (gap_found && !gap_q) nak_due_q <= 1'b1;
      else if (gap_q && timer_end)  nak_due_q <= 1'b1;
    end
  end

`ifdef FORMAL
  assign {fv_gap, fv_timer} = {gap_q, timer_q};
`endif

endmodule

`default_nettype wire
