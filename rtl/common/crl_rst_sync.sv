// SPDX-License-Identifier: Apache-2.0
//
// crl_rst_sync: reset bridge. Asserts at once, with or without a clock; releases with clk.
//
// How: a row of STAGES flip-flops, set asynchronously, that shifts in zeros.
// Latency: the release reaches rst STAGES edges of clk after arst falls.
// Assumes: arst is free of glitches.
`default_nettype none

module crl_rst_sync #(
    parameter int STAGES = 2  // flip-flops, at least 2
) (
    input  wire logic clk,
    input  wire logic arst,  // asynchronous, active high
    output logic      rst    // active high, falls with clk
);

  initial begin
    if (STAGES < 2) $fatal(1, "crl_rst_sync: STAGES must be at least 2");
  end

  (* async_reg = "true", keep = "true" *)
  logic [STAGES-1:0] sync_q;

  initial sync_q = '1;

  assign rst = sync_q[STAGES-1];

  always_ff @(posedge clk or posedge arst) begin
    if (arst) sync_q <= '1;
    else      sync_q <= {sync_q[STAGES-2:0], 1'b0};
  end

endmodule

`default_nettype wire
