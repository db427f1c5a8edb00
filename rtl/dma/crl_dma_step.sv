// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_step: the splitter: from a chunk to the one after it.
//
// How: T2 shows a chunk; in T3 its read beats are known and the next chunk's place is in registers, where its size is
//   worked out; T4 shows the next chunk, and whether it ends its frame or the operation. FILL reads nothing and cuts by
//   a virtual source (vs) that starts at 0; a remote operation keeps its destination and counts its place in the frame (pos).
// Latency: next chunk 2 cycles behind the chunk. Throughput: a chunk a cycle.
// Assumes: n came from crl_dma_size. What comes after the last chunk means nothing.
// Source: docs/architecture.md section 3.
`default_nettype none

module crl_dma_step #(
    parameter int DATA_W   = 64,
    parameter int MAX_BURST_BYTES = 512,
    parameter int LINK_MTU = 1024,
    localparam int OFF_W   = $clog2(DATA_W / 8),
    localparam int MBW     = $clog2(MAX_BURST_BYTES),
    localparam int MTW     = $clog2(LINK_MTU),
    localparam int RBW     = MBW - OFF_W + 1
) (
    input  wire logic             clk,

    // T2: the chunk
    input  wire logic             fill,
    input  wire logic             remote,
    input  wire logic [63:0]      src,       // pattern of a FILL
    input  wire logic [63:0]      dst,
    input  wire logic [31:0]      rem,       // bytes of the operation from this chunk on
    input  wire logic [MBW-1:0]   vs,
    input  wire logic [MTW-1:0]   pos,
    input  wire logic [MBW:0]     n,         // bytes
    input  wire logic             back,      // the next chunk is the operation's first again: all of it is in this frame
    input  wire logic [31:0]      total,

    // T3: what it reads
    output logic      [OFF_W-1:0] rd_off,    // lane of the first byte
    output logic      [MBW:0]     rd_n,      // bytes
    output logic      [RBW-1:0]   rd_beats,  // beats touched

    // T4: the next chunk
    output logic      [63:0]      nx_src,
    output logic      [63:0]      nx_dst,
    output logic      [31:0]      nx_rem,
    output logic      [MBW-1:0]   nx_vs,
    output logic      [MTW-1:0]   nx_pos,
    output logic      [MBW:0]     nx_n,
    output logic                  nx_fend,   // it ends its frame
    output logic                  nx_last    // it ends the operation
);

  localparam int B = DATA_W / 8;

  logic           fill_q, remote_q;
  logic [63:0]    src_q, dst_q;
  logic [31:0]    rem_q;
  logic [MBW-1:0] vs_q;
  logic [MTW-1:0] pos_q;
  logic [MBW:0]   rd_end, most, most_q;
  logic           big_q;            // more is left than any chunk holds
  logic [63:0]    src_step, dst_step;

  // What is added is chosen before the sum: it is short, the sums are long.
  always_comb begin
    src_step = 64'(n);
    if (back) src_step = 64'd0 - 64'(pos);
    if (fill) src_step = '0;
    dst_step = remote ? '0 : 64'(n);
  end

  always_ff @(posedge clk) begin
    fill_q   <= fill;
    remote_q <= remote;
    rd_off   <= fill ? vs[OFF_W-1:0] : src[OFF_W-1:0];
    rd_n     <= n;
    src_q    <= src + src_step;
    dst_q    <= dst + dst_step;
    rem_q    <= back ? total : rem - 32'(n);
    vs_q     <= vs + n[MBW-1:0];
    pos_q    <= back ? '0 : pos + MTW'(n);
  end

  assign rd_end   = (MBW + 1)'(rd_off) + rd_n + (MBW + 1)'(B - 1);
  assign rd_beats = RBW'(rd_end >> OFF_W);

  crl_dma_size #(.MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU)) u_size (
      .remote(remote_q), .src(fill_q ? vs_q : src_q[MBW-1:0]), .dst(dst_q[11:0]), .pos(pos_q), .most
  );

  always_ff @(posedge clk) begin
    nx_src <= src_q;
    nx_dst <= dst_q;
    nx_rem <= rem_q;
    nx_vs  <= vs_q;
    nx_pos <= pos_q;
    most_q <= most;
    big_q  <= rem_q[31:MBW+1] != '0;
  end

  assign nx_last = !big_q && nx_rem[MBW:0] <= most_q;
  assign nx_n    = nx_last ? nx_rem[MBW:0] : most_q;
  assign nx_fend = nx_last || 32'(nx_pos) + 32'(most_q) == LINK_MTU;

endmodule

`default_nettype wire
