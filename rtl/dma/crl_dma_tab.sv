// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_tab: a table in block RAM, however small: one write port, one synchronous read port.
//
// How: as crl_ram_bram, but with the attribute that keeps tools from turning a small one into LUT
//   RAM, where logic is scarce and block RAM is not.
// Latency: rdata is valid in the cycle after re, and holds while re is low.
// Read and write of one word in one cycle: rdata is undefined (unknown in simulation).
// Assumes: addresses are below DEPTH. Contents are not reset.
`default_nettype none

module crl_dma_tab #(
    parameter int W     = 8,    // bits a word
    parameter int DEPTH = 128,  // words, at least 2
    localparam int AW   = $clog2(DEPTH)
) (
    input  wire logic          clk,
    input  wire logic          we,
    input  wire logic [AW-1:0] waddr,
    input  wire logic [W-1:0]  wdata,
    input  wire logic          re,
    input  wire logic [AW-1:0] raddr,
    output logic      [W-1:0]  rdata
);

  (* ram_style = "block", no_rw_check *)
  logic [W-1:0] mem [0:DEPTH-1];

  always_ff @(posedge clk) begin
    if (we) mem[waddr] <= wdata;
  end

  always_ff @(posedge clk) begin
    if (re) begin
      rdata <= mem[raddr];
`ifndef SYNTHESIS
      if (we && waddr == raddr) rdata <= 'x;
`endif
    end
  end

endmodule

`default_nettype wire
