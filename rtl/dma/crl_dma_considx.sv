// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_considx: counts the descriptors that began, per channel, modulo the ring size.
//
// Latency: alloc_cons is the consumer index after the descriptor allocated in this cycle (asynchronous).
// Assumes: cfg_we (indices to zero) only while nothing of the channel begins.
`default_nettype none

module crl_dma_considx #(
    parameter int CHANNELS = 8,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic          clk,
    input  wire logic          rst,
    input  wire logic          cfg_we,       // event
    input  wire logic [CW-1:0] cfg_ch,
    input  wire logic [3:0]    cfg_log2,     // entries
    input  wire logic          alloc_valid,  // event
    input  wire logic [CW-1:0] alloc_ch,
    input  wire logic          alloc_two,    // its descriptor has two slots
    output logic      [11:0]   alloc_cons
);

  logic [11:0] idx, mask;
  logic [3:0]  log2;

  crl_ram_clr #(.W(12), .DEPTH(CHANNELS)) u_idx (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .we(alloc_valid), .waddr(alloc_ch), .wdata(alloc_cons),
      .raddr(alloc_ch), .rdata(idx)
  );
  crl_ram_lut #(.W(4), .DEPTH(CHANNELS)) u_log2 (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata(cfg_log2), .raddr(alloc_ch), .rdata(log2)
  );
  assign mask       = ~(12'hfff << log2);
  assign alloc_cons = (idx + (alloc_two ? 12'd2 : 12'd1)) & mask;

endmodule

`default_nettype wire
