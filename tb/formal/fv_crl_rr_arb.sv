// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_rr_arb: free requests and acknowledgements. The bound on waiting is carried by a
// ghost inside the block (CRL_GHOST).
`default_nettype none

module fv_crl_rr_arb #(
    parameter int N = 4,
    localparam int IW = N > 1 ? $clog2(N) : 1
) (
    input wire         clk,
    input wire         rst,
    input wire [N-1:0] req,
    input wire         ack
);

  wire [N-1:0]  gnt;
  wire [IW-1:0] gnt_idx;
  wire          gnt_valid;

  crl_rr_arb #(.N(N)) u_dut (.clk, .rst, .req, .ack, .gnt, .gnt_idx, .gnt_valid);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

`ifdef BREAK
  wire [N-1:0] seen = &req ? gnt | 1'b1 : gnt;  // a second winner now and then
`else
  wire [N-1:0] seen = gnt;
`endif

  always @(posedge clk) if (past_valid) begin
    assert ($onehot0(seen));
    assert ((seen & ~req) == 0);
    assert ((seen != 0) == (req != 0));
    assert (gnt_valid == (req != 0));
    if (gnt_valid) assert (seen[gnt_idx]);
    cover (&req && gnt[N-1] && ack);
    cover (req == 0);
  end

endmodule

`default_nettype wire
