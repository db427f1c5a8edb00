// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_size: the largest chunk that may begin at a place.
//
// How: a chunk is cut where the source meets a multiple of MAX_BURST_BYTES and the destination the end of its page
//   (local) or of its frame (remote). Only the last MAX_BURST_BYTES of a page or frame limit the destination: one
//   maximum of two positions serves both edges.
// Latency: none, combinational.
// Proof: with crl_dma_first and crl_dma_step, crl_dma_step in tb/formal.
`default_nettype none

module crl_dma_size #(
    parameter int MAX_BURST_BYTES = 512,   // power of two, at most 4096
    parameter int LINK_MTU = 1024,         // power of two, at least MAX_BURST_BYTES
    localparam int MBW     = $clog2(MAX_BURST_BYTES),
    localparam int MTW     = $clog2(LINK_MTU)
) (
    input  wire logic           remote,    // the destination is a frame
    input  wire logic [MBW-1:0] src,       // source, from a multiple of MAX_BURST_BYTES
    input  wire logic [11:0]    dst,       // local destination, from its page's begin
    input  wire logic [MTW-1:0] pos,       // bytes of the frame before this chunk
    output logic      [MBW:0]   most       // bytes; what is left of the operation limits it further
);

  logic           edge_near;
  logic [MBW-1:0] dst_pos;

  assign edge_near = remote ? 32'(pos >> MBW) == LINK_MTU / MAX_BURST_BYTES - 1
                            : 32'(dst >> MBW) == 4096 / MAX_BURST_BYTES - 1;
  assign dst_pos   = !edge_near ? '0 : remote ? pos[MBW-1:0] : dst[MBW-1:0];
  assign most      = (MBW + 1)'(MAX_BURST_BYTES) - {1'b0, src > dst_pos ? src : dst_pos};

endmodule

`default_nettype wire
