// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_mark: a queue that anything may happen to. Numbers of its entries are followed in the block.
`default_nettype none

module fv_crl_mark #(
    parameter int W = 3
) (
    input wire clk,
    input wire rst,
    input wire mark,
    input wire enter,
    input wire leave
);

  reg [W-1:0] held = '0;
  wire        over;

  crl_mark #(.W(W)) u_dut (.clk, .rst, .mark, .held, .enter, .leave, .over);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  always @(posedge clk) begin
    if (rst) held <= '0;
    else held <= held + W'(enter) - W'(leave);
  end

  reg [3:0] waited = 0;   // cycles that a mark took while entries came all the time
  always @(posedge clk) begin
    if (rst || over) waited <= 0;
    else if (enter && leave) waited <= waited + 1'b1;
    cover (past_valid && !rst && over && waited == 3 && held == 4);
`ifdef BREAK
    if (past_valid && !rst && over) assert (held == '0);
`endif
  end

endmodule

`default_nettype wire
