// SPDX-License-Identifier: Apache-2.0
// A counter that the tooling's own tests build, run and break.
`default_nettype none
module toggle #(
    parameter int W = 8,       // width of the counter
    parameter int LIMIT = 200  // the assertion fires at this value
) (
    input  wire logic         clk,    // clock
    input  wire logic         rst,    // synchronous reset
    output logic      [W-1:0] count,  // cycles since reset
    output logic              big     // a signal that only the module reads inside
);
  logic [W-1:0] count_q;
  assign count = count_q;
  assign big   = count_q > W'(LIMIT / 2);
  always_ff @(posedge clk) begin
    if (rst) count_q <= '0;
    else count_q <= count_q + 1'b1;
    if (!rst) assert (count_q != W'(LIMIT));
  end
endmodule
`default_nettype wire
