// SPDX-License-Identifier: Apache-2.0
//
// crl_sync_bit: brings one level from another clock domain into this one.
//
// How: two flip-flops in a row, with no logic between them and no reset.
// Latency: 1 to 2 edges of clk, depending on where d changes. A level shorter than a period of clk
//   may be missed.
// Assumes: d comes straight from a flip-flop. Several bits that belong together need a Gray code
//   or a handshake.
`default_nettype none

module crl_sync_bit #(
    parameter bit INIT = 0  // value at power-up
) (
    input  wire logic clk,
    input  wire logic d,   // from any clock domain
    output logic      q    // in the domain of clk
);

  (* async_reg = "true", keep = "true" *)
  logic [1:0] sync_q;

  initial sync_q = INIT ? 2'b11 : 2'b00;

  assign q = sync_q[1];

  always_ff @(posedge clk) begin
    sync_q <= {sync_q[0], d};
  end

endmodule

`default_nettype wire
