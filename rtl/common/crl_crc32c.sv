// SPDX-License-Identifier: Apache-2.0
//
// crl_crc32c: next state of a CRC-32C (Castagnoli, reflected) over W bits of data.
//
// How: the step is linear, so each bit of the result is the XOR of a fixed set of inputs. The sets
//   (the columns of the matrix) come from running the shift register backwards from the last bit;
//   they depend on nothing but W, and tools fold them to constants.
// Order: data[7:0] is the first byte, bit 0 of a byte is taken first. The initial value and the
//   final inversion (all ones) are the caller's.
// Latency: 0, combinational; about log4(W/2) LUT levels.
`default_nettype none

module crl_crc32c #(
    parameter int W = 64  // bits a step, at least 32
) (
    input  wire logic [31:0]  crc_in,
    input  wire logic [W-1:0] data,
    output logic      [31:0]  crc_out
);

  initial begin
    if (W < 32) $fatal(1, "crl_crc32c: W must be at least 32");
  end

  localparam logic [31:0] POLY = 32'h82F6_3B78;  // 0x1EDC6F41 with its bits reversed

  // row[j][i]: bit i of the input takes part in bit j of the result.
  logic [31:0][W-1:0] row;
  logic [W-1:0]       mixed;

  always_comb begin : matrix
    logic [31:0] col;
    col = POLY;
    row = '0;
    for (int i = W - 1; i >= 0; i--) begin
      for (int j = 0; j < 32; j++) row[j][i] = col[j];
      col = {1'b0, col[31:1]} ^ (col[0] ? POLY : 32'h0);
    end
  end

  assign mixed = data ^ W'(crc_in);

  generate
    for (genvar j = 0; j < 32; j++) begin : g_bit
      assign crc_out[j] = ^(mixed & row[j]);
    end
  endgenerate

endmodule

`default_nettype wire
