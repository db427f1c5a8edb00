// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_check: the engine's address check, shared by sources, destinations and the channel control.
//
// How: one crl_seg_check; a source goes first, then a destination, else what the control shows. An absolute address passes
//   as it is, unless its range runs past 2^64. Address and length of a destination and of the control are 0 while it is not their
//   turn, so that between these two nothing is to be chosen.
// Latency: the result is registered, one cycle after the operand. Throughput: one a cycle.
// Assumes: a source and a destination never come in the same cycle. dst_addr and dst_len are 0 without dst_valid; ctl_next is told a
//   cycle before, and neither a source nor a destination comes in the cycle after it.
`default_nettype none

module crl_dma_check #(
    parameter int CHANNELS = 8,
    parameter int SEGMENTS = 32,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int EW      = 124
) (
    input  wire logic          clk,

    // Operands: address, bytes that must be permitted, channel, absolute
    input  wire logic          src_valid,
    input  wire logic [63:0]   src_addr,
    input  wire logic [31:0]   src_len,
    input  wire logic [CW-1:0] src_ch,
    input  wire logic          src_abs,
    input  wire logic          dst_valid,
    input  wire logic [63:0]   dst_addr,
    input  wire logic [31:0]   dst_len,
    input  wire logic [CW-1:0] dst_ch,
    input  wire logic          dst_abs,
    input  wire logic          ctl_next,   // in the next cycle what the control shows now is checked
    input  wire logic [63:0]   ctl_addr,
    input  wire logic [32:0]   ctl_len,
    input  wire logic [CW-1:0] ctl_ch,
    input  wire logic          ctl_abs,

    input  wire logic [EW-1:0] seg_entry,  // of the operand's index

    output logic               ok,
    output logic      [7:0]    status,     // ST_OK if ok
    output logic      [63:0]   addr        // absolute
);

  logic [63:0] op_addr, raw_q, seg_addr, ctl_addr_q;
  logic [32:0] op_len, ctl_len_q;
  logic [41:0] op_end;
  logic [5:0]  op_need;
  logic [7:0]  op_ch, seg_status;
  logic        op_abs, op_wrap, abs_q, wrap_q, idx_ok, seg_ok;

  always_ff @(posedge clk) begin
    ctl_addr_q <= ctl_next ? ctl_addr : 64'd0;
    ctl_len_q  <= ctl_next ? ctl_len : 33'd0;
  end

  assign op_addr = src_valid ? src_addr : dst_addr | ctl_addr_q;
  assign op_len  = src_valid ? {1'b0, src_len} : {1'b0, dst_len} | ctl_len_q;
  always_comb begin
    op_need = 6'(1 << crl_pkg::SEG_RIGHT_WRITE);
    op_ch   = 8'(dst_ch);
    op_abs  = dst_abs;
    if (src_valid) begin
      op_need = 6'(1 << crl_pkg::SEG_RIGHT_READ);
      op_ch   = 8'(src_ch);
      op_abs  = src_abs;
    end else if (!dst_valid) begin
      op_need = 6'(1 << crl_pkg::SEG_RIGHT_RING);
      op_ch   = 8'(ctl_ch);
      op_abs  = ctl_abs;
    end
  end
  assign idx_ok  = 32'(op_addr[crl_pkg::SEGADDR_INDEX_LSB +: crl_pkg::SEGADDR_INDEX_W]) < SEGMENTS;
  // The sum that crl_seg_check takes too. A range whose address has ones in front of it runs past 2^64 if there is a carry into
  // them; one byte past the end may be 2^64.
  assign op_end  = {2'd0, op_addr[crl_pkg::SEGADDR_OFFSET_LSB +: crl_pkg::SEGADDR_OFFSET_W]} + {9'd0, op_len};
  assign op_wrap = &op_addr[63:32] && |op_end[41:40] && op_end[32:0] != 33'd0;

  crl_seg_check u_check (
      .clk, .seg_entry, .idx_ok, .gen(op_addr[crl_pkg::SEGADDR_GEN_LSB +: crl_pkg::SEGADDR_GEN_W]),
      .offset(op_addr[crl_pkg::SEGADDR_OFFSET_LSB +: crl_pkg::SEGADDR_OFFSET_W]), .len(op_len),
      .need_right(op_need), .channel(op_ch), .peer(4'd0), .is_remote(1'b0),
      .ok(seg_ok), .status(seg_status), .addr(seg_addr)
  );
  always_ff @(posedge clk) begin
    abs_q  <= op_abs;
    wrap_q <= op_wrap;
    raw_q  <= op_addr;
  end
  assign ok     = abs_q ? !wrap_q : seg_ok;
  assign status = abs_q ? (wrap_q ? 8'(crl_pkg::ST_ADDR_WRAP) : 8'(crl_pkg::ST_OK)) : seg_status;
  assign addr   = abs_q ? raw_q : seg_addr;

  logic unused;
  assign unused = &{1'b0, op_end[39:33]};

endmodule

`default_nettype wire
