// SPDX-License-Identifier: Apache-2.0
//
// crl_crc32c: next state of a CRC-32C (Castagnoli, reflected) over W bits of data.
//
// How: the step is linear, so each bit of the result is the XOR of a fixed set of inputs. The sets
//   depend on nothing but W and are computed at elaboration, from the last input bit backwards.
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

  // Bit i of the result: input bit i takes part in bit j of the next state. The last input bit
  // has POLY for its column; each earlier one is shifted once more.
  function automatic logic [W-1:0] row(input logic [4:0] j);
    logic [W-1:0] r;
    logic [31:0]  col;
    col = POLY;
    for (int i = 0; i < W; i++) begin
      r[W-1-i] = col[j];
      col = {1'b0, col[31:1]} ^ (col[0] ? POLY : 32'h0);
    end
    row = r;
  endfunction

  logic [W-1:0] mixed;  // the old state meets the first 32 bits

  assign mixed = data ^ W'(crc_in);

  generate
    for (genvar j = 0; j < 32; j++) begin : g_bit
      localparam logic [W-1:0] ROW = row(5'(j));
      assign crc_out[j] = ^(mixed & ROW);
    end
  endgenerate

endmodule

`default_nettype wire
