// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_begin: names of operations (T2): tag and sequence number; which one a channel has under way.
//
// How: the first chunk takes the tag that the operation table shows and, if it is remote, the channel's next sequence
//   number; later chunks carry them in their context. The number is never reset by the channel: the peer only asks that it
//   moves on. 16 bits are far more than operations can be under way.
// Latency: none; what a channel has under way is known from the next cycle on.
`default_nettype none

module crl_dma_begin #(
    parameter int CHANNELS = 8,
    parameter int OPS      = 128,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int OW      = $clog2(OPS)
) (
    input  wire logic           clk,
    input  wire logic           rst,

    // The chunk in T2
    input  wire logic           valid,
    input  wire logic           first,       // of its operation
    input  wire logic           again,       // a message asks again: with a number of its own
    input  wire logic           remote,
    input  wire logic [CW-1:0]  ch,
    input  wire logic [15:0]    ctx_tag,     // of an operation under way
    input  wire logic [15:0]    ctx_seq,
    input  wire logic [15-OW:0] alloc_gen,
    input  wire logic [OW-1:0]  alloc_idx,
    output logic                alloc_valid,
    output logic      [15:0]    tag,         // {gen, idx}
    output logic      [15:0]    seq,

    // Failures that come back from the read side
    input  wire logic [CW-1:0]  fail_ch,
    input  wire logic [15:0]    fail_op,     // its tag: its place in the table may be another one's by now
    output logic                fail_now     // it is the channel's latest operation
);

  logic [CHANNELS-1:0] begun_q;              // the channel's number in the RAM means something
  logic [15:0]         seq_ram, seq_next;
  logic [15:0]         latest;

  assign alloc_valid = valid && first;
  assign tag         = first ? {alloc_gen, alloc_idx} : ctx_tag;
  assign seq_next    = begun_q[ch] ? seq_ram : 16'd0;
  assign seq         = first || again ? seq_next : ctx_seq;

  crl_ram_lut #(.W(16), .DEPTH(CHANNELS)) u_seq (
      .clk, .we(valid && (first || again) && remote), .waddr(ch), .wdata(seq_next + 16'd1), .raddr(ch), .rdata(seq_ram)
  );
  always_ff @(posedge clk) begin
    if (rst) begun_q <= '0;
    else if (alloc_valid && remote) begun_q[ch] <= 1'b1;
  end

  crl_ram_lut #(.W(16), .DEPTH(CHANNELS)) u_latest (
      .clk, .we(alloc_valid), .waddr(ch), .wdata(tag), .raddr(fail_ch), .rdata(latest)
  );
  // One that begins in this very cycle is the latest already.
  assign fail_now = latest == fail_op && !(alloc_valid && ch == fail_ch);

endmodule

`default_nettype wire
