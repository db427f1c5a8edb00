// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_link_gbn alone: acknowledgements are any numbers at all. The properties stand in the block.
`default_nettype none

module fv_crl_link_gbn #(
    parameter int SLOTS = 4,
    parameter int Q     = 4,
    localparam int IW   = $clog2(SLOTS)
) (
    input wire         clk,
    input wire         rst,
    input wire         clear, push, send, hold, ack_valid, ack_nak,
    input wire [Q-1:0] ack_num
);

  wire          full, avail, resend, unacked, fv_pend, fv_apply;
  wire [IW-1:0] push_idx;
  wire [Q-1:0]  send_seq, next_new, fv_u, fv_num;
  wire [IW:0]   freed, fv_n, fv_ever;

  crl_link_gbn #(.SLOTS(SLOTS), .ACK_W(Q), .SEQ_W(Q)) u_dut (
      .clk, .rst, .clear, .push, .push_idx, .full, .avail, .send, .send_seq, .resend, .next_new,
      .ack_valid, .ack_num, .ack_nak, .hold, .fv_u, .fv_num, .fv_pend, .fv_apply, .fv_n, .fv_ever,
      .unacked, .freed
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  reg went_back;
  always @(posedge clk) begin
    if (rst) went_back <= 0;
    else if (send && resend) went_back <= 1;
    cover (past_valid && !rst && !clear && went_back && full && !unacked);
    cover (past_valid && !rst && !clear && freed == SLOTS);
  end

endmodule

`default_nettype wire
