// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_check: the engine's address check, shared by sources, destinations and the channel control.
//
// How: one crl_seg_check; a source goes first, then a destination, else what the control shows. An absolute address passes
//   as it is, unless its range runs past 2^64.
// Latency: the result is registered, one cycle after the operand. Throughput: one a cycle.
// Assumes: a source and a destination never come in the same cycle.
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
    input  wire logic [63:0]   ctl_addr,
    input  wire logic [32:0]   ctl_len,
    input  wire logic [CW-1:0] ctl_ch,
    input  wire logic          ctl_abs,

    input  wire logic [EW-1:0] seg_entry,  // of the operand's index

    output logic               ok,
    output logic      [7:0]    status,     // ST_OK if ok
    output logic      [63:0]   addr        // absolute
);

  logic [63:0] op_addr, raw_q, seg_addr;
  logic [32:0] op_len;
  logic [33:0] op_end;
  logic [5:0]  op_need;
  logic [7:0]  op_ch, seg_status;
  logic        op_abs, op_wrap, abs_q, wrap_q, idx_ok, seg_ok;

  always_comb begin
    op_addr = dst_addr;
    op_len  = {1'b0, dst_len};
    op_need = 6'(1 << crl_pkg::SEG_RIGHT_WRITE);
    op_ch   = 8'(dst_ch);
    op_abs  = dst_abs;
    if (src_valid) begin
      op_addr = src_addr;
      op_len  = {1'b0, src_len};
      op_need = 6'(1 << crl_pkg::SEG_RIGHT_READ);
      op_ch   = 8'(src_ch);
      op_abs  = src_abs;
    end else if (!dst_valid) begin
      op_addr = ctl_addr;
      op_len  = ctl_len;
      op_need = 6'(1 << crl_pkg::SEG_RIGHT_RING);
      op_ch   = 8'(ctl_ch);
      op_abs  = ctl_abs;
    end
  end
  assign idx_ok  = 32'(op_addr[crl_pkg::SEGADDR_INDEX_LSB +: crl_pkg::SEGADDR_INDEX_W]) < SEGMENTS;
  // 65-bit end of an absolute range; one byte past the end may be 2^64.
  assign op_end  = {2'b00, op_addr[31:0]} + {1'b0, op_len};
  assign op_wrap = &op_addr[63:32] && |op_end[33:32] && op_end != {2'b01, 32'd0};

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

endmodule

`default_nettype wire
