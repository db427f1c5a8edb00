// SPDX-License-Identifier: Apache-2.0
// A counter that wraps at LAST; BREAK makes it pass it. The formal runner's own tests prove it.
`default_nettype none
module fv_wrap #(
    parameter int LAST = 9
) (
    input wire logic clk,
    input wire logic rst
);
  reg [7:0] n = 8'd0;
  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);
`ifdef BREAK
  localparam bit BROKEN = 1'b1;
`else
  localparam bit BROKEN = 1'b0;
`endif
  always @(posedge clk) begin
    if (rst || (n == 8'(LAST) && !BROKEN)) n <= 8'd0;
    else n <= n + 8'd1;
    assert (n <= 8'(LAST));
    cover (n == 8'(LAST));
  end
endmodule
`default_nettype wire
