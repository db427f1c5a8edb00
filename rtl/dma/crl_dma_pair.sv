// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_pair: brings the two slots of a CMP_SWAP together as they arrive.
//
// How: a CMP_SWAP that has a published successor is open until the next descriptor of its channel arrives; it is the last one of
//   its channel in the pool, and is not begun. Is that an EXT, it does not go into the pool: its operand is kept beside the
//   CMP_SWAP's entry, which now has two slots. Anything else goes its own way, and the CMP_SWAP stays with one slot. So does
//   one without a published successor. Whoever begins a CMP_SWAP with one slot refuses it.
// Latency: what arrives counts for picks from the next cycle on; a pick of the same cycle finds the entry half.
// Assumes: descriptors of a channel arrive in ring order; what lies behind an error response is marked bad, and the channel
//   executes nothing more then.
// Source: docs/blocks/rdma.md section 1.
`default_nettype none

module crl_dma_pair #(
    parameter int CHANNELS = 8,
    parameter int PREFETCH = 64,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW      = $clog2(PREFETCH)
) (
    input  wire logic                clk,
    input  wire logic                rst,       // synchronous, active high
    input  wire logic                cfg_we,    // event: a channel begins anew
    input  wire logic [CW-1:0]       cfg_ch,

    input  wire logic                d_valid,   // event: a descriptor arrives
    input  wire logic [CW-1:0]       d_ch,
    input  wire logic [PW-1:0]       d_idx,     // its place in the pool
    input  wire logic [7:0]          d_op,
    input  wire logic [63:0]         d_oper,
    input  wire logic                d_bad,     // it could not be read
    input  wire logic                d_alone,   // nothing behind it was published when it was requested
    output logic                     absorb,    // it does not go into the pool

    output logic      [CHANNELS-1:0] open,      // a CMP_SWAP waits for its second slot; down for a cycle when another one takes its place
    input  wire logic                pk_en,     // look-up of a place
    input  wire logic [PW-1:0]       pk_idx,
    input  wire logic [CW-1:0]       pk_ch,
    output logic                     half,      // one cycle later: its second slot has not come
    output logic                     two,       // it has two slots
    output logic      [63:0]         swap       // operand of the second one
);

  logic [CHANNELS-1:0] open_q, open_then_q, again_q;
  logic [PW-1:0]       open_idx, head_idx, pk_idx_q;
  logic [CW-1:0]       pk_ch_q;
  logic                opens, resolves;

  // For one cycle nothing waits when another CMP_SWAP takes the place of the one that waited: that one stays alone.
  assign open     = open_q & ~again_q;
  assign resolves = d_valid && open_q[d_ch] && !d_bad;
  assign absorb   = resolves && d_op == crl_pkg::OP_EXT;
  assign opens    = d_valid && !d_bad && !d_alone && d_op == crl_pkg::OP_CMP_SWAP;

  always_ff @(posedge clk) begin
    if (rst) begin
      open_q      <= '0;
      again_q     <= '0;
      open_then_q <= '0;
    end else begin
      open_then_q <= open_q;
      again_q     <= '0;
      if (opens && resolves) again_q[d_ch] <= 1'b1;
      if (cfg_we) open_q[cfg_ch] <= 1'b0;
      if (opens)         open_q[d_ch] <= 1'b1;
      else if (resolves) open_q[d_ch] <= 1'b0;
    end
    if (pk_en) begin
      pk_idx_q <= pk_idx;
      pk_ch_q  <= pk_ch;
    end
  end

  crl_ram_lut #(.W(PW), .DEPTH(CHANNELS)) u_open_d (
      .clk, .we(opens), .waddr(d_ch), .wdata(d_idx), .raddr(d_ch), .rdata(open_idx)
  );
  crl_ram_lut #(.W(PW), .DEPTH(CHANNELS)) u_open_pk (
      .clk, .we(opens), .waddr(d_ch), .wdata(d_idx), .raddr(pk_ch_q), .rdata(head_idx)
  );
  // What is absorbed is not put into the pool, so that one write port is enough.
  crl_ram_lut #(.W(1), .DEPTH(PREFETCH)) u_two (
      .clk, .we(d_valid), .waddr(absorb ? open_idx : d_idx), .wdata(absorb), .raddr(pk_idx_q), .rdata(two)
  );
  crl_ram_bram #(.W(64), .DEPTH(PREFETCH)) u_swap (
      .clk, .we(absorb), .waddr(open_idx), .wdata(d_oper), .re(pk_en), .raddr(pk_idx), .rdata(swap)
  );
  // As it was when the RAM was read.
  assign half = open_then_q[pk_ch_q] && head_idx == pk_idx_q;

endmodule

`default_nettype wire
