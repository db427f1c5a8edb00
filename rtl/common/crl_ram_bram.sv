// SPDX-License-Identifier: Apache-2.0
//
// crl_ram_bram: one write port, one synchronous read port with enable; inferred as block RAM.
//
// Latency: rdata is valid in the cycle after re, and holds while re is low.
// Read and write of one word in one cycle: rdata is undefined (unknown in simulation), because
//   that is what block RAMs promise. The written word is right.
// Assumes: addresses are below DEPTH. Contents are not reset.
`default_nettype none

module crl_ram_bram #(
    parameter int W       = 64,   // bits a word; a multiple of 8 with BYTE_EN
    parameter int DEPTH   = 512,  // words, at least 2
    parameter bit BYTE_EN = 0,    // 1: one write enable for each byte
    localparam int AW     = $clog2(DEPTH),
    localparam int WE_W   = BYTE_EN ? W / 8 : 1
) (
    input  wire logic            clk,
    input  wire logic [WE_W-1:0] we,
    input  wire logic [AW-1:0]   waddr,
    input  wire logic [W-1:0]    wdata,
    input  wire logic            re,
    input  wire logic [AW-1:0]   raddr,
    output logic      [W-1:0]    rdata
);

  initial begin
    if (DEPTH < 2) $fatal(1, "crl_ram_bram: DEPTH must be at least 2");
    if (BYTE_EN && W % 8 != 0)
      $fatal(1, "crl_ram_bram: W must be a multiple of 8 when BYTE_EN is 1");
  end

  localparam int LANE_W = W / WE_W;  // bits under one write enable

  (* ram_style = "block", no_rw_check *)
  logic [W-1:0] mem [0:DEPTH-1];

  always_ff @(posedge clk) begin
    for (int i = 0; i < WE_W; i++) begin
      if (we[i]) mem[waddr][i*LANE_W +: LANE_W] <= wdata[i*LANE_W +: LANE_W];
    end
  end

  always_ff @(posedge clk) begin
    if (re) begin
      rdata <= mem[raddr];
`ifndef SYNTHESIS
      if (we != '0 && waddr == raddr) rdata <= 'x;
`endif
    end
  end

endmodule

`default_nettype wire
