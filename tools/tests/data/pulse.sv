// SPDX-License-Identifier: Apache-2.0
// Two blocks of logic that pulse what they drive, like 'default, then one bit', and two that read
// it. No loop in hardware; one for ever in Icarus 11 as it comes (see tb/lib/sim.py).
`default_nettype none
module pulse (
    input  wire logic       clk,    // clock
    input  wire logic       rst,    // synchronous reset
    input  wire logic [1:0] sel,    // which bit
    output logic      [3:0] hot,    // one-hot of sel
    output logic      [3:0] cold,   // the bits that are not
    output logic      [7:0] count   // cycles in which bit 2 was
);
  logic two, rest;

  always_comb begin : p_hot
    hot      = '0;
    hot[sel] = 1'b1;
  end

  always_comb begin : p_cold
    cold      = '1;
    cold[sel] = 1'b0;
  end

  always_comb begin : p_two
    two = 1'b0;
    if (hot[2]) two = 1'b1;
  end

  always_comb begin : p_rest
    rest = 1'b0;
    if (cold[2]) rest = 1'b1;
  end

  always_ff @(posedge clk) begin
    if (rst) count <= '0;
    else if (two && !rest) count <= count + 1'b1;
  end
endmodule
`default_nettype wire
