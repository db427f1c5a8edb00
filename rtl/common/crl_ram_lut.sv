// SPDX-License-Identifier: Apache-2.0
//
// crl_ram_lut: one write port, one asynchronous read port; inferred as LUT RAM.
//
// Latency: read 0 cycles; a write is seen from the next cycle on (reading the word that is being
//   written gives the old value). DEPTH = 1 becomes a register.
// Assumes: addresses are below DEPTH. Contents are not reset.
`default_nettype none

module crl_ram_lut #(
    parameter int W     = 8,   // bits a word
    parameter int DEPTH = 16,  // words, at least 1
    localparam int AW   = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  wire logic          clk,
    input  wire logic          we,
    input  wire logic [AW-1:0] waddr,
    input  wire logic [W-1:0]  wdata,
    input  wire logic [AW-1:0] raddr,
    output logic      [W-1:0]  rdata
);

  generate
    if (DEPTH > 1) begin : g_mem
      (* ram_style = "distributed" *)
      logic [W-1:0] mem [0:DEPTH-1];

      assign rdata = mem[raddr];

      always_ff @(posedge clk) begin
        if (we) mem[waddr] <= wdata;
      end
    end else begin : g_reg
      logic [W-1:0] word_q;
      logic         unused;

      assign unused = &{1'b0, waddr, raddr};
      assign rdata  = word_q;

      always_ff @(posedge clk) begin
        if (we) word_q <= wdata;
      end
    end
  endgenerate

endmodule

`default_nettype wire
