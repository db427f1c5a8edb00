// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_first: what must be known of a staged descriptor's first chunk as soon as it is picked.
//
// How: worked out in the cycle in which the descriptor arrives and the one after it, and kept in a LUT RAM beside its place in
//   the pool. Everything that will be refused, and NOP, moves nothing. A message (WRITE_IMM, SEND) of several frames asks first.
// Latency: a pick sees descriptors that arrived in the cycle before it; info a cycle after the pick.
`default_nettype none

module crl_dma_first #(
    parameter int PREFETCH = 64,
    parameter int MAX_BURST_BYTES = 512,
    parameter int LINK_MTU = 1024,
    parameter int SEGMENTS = 32,
    parameter bit READ_EN  = 1,
    parameter bit ATOMIC_EN = 1,
    parameter bit SEND_EN  = 1,
    parameter bit MIRROR_EN = READ_EN,
    localparam int SW      = $clog2(SEGMENTS),
    localparam int PW      = $clog2(PREFETCH),
    localparam int MBW     = $clog2(MAX_BURST_BYTES),
    localparam int MTW     = $clog2(LINK_MTU),
    localparam int INFO_W  = MBW + 9
) (
    input  wire logic              clk,
    input  wire logic              rst,
    input  wire logic              d_valid,  // event: a descriptor goes into the pool
    input  wire logic [PW-1:0]     d_idx,    // its place
    input  wire logic [7:0]        d_op,
    input  wire logic [7:0]        d_flags,
    input  wire logic [31:0]       d_len,
    input  wire logic [MBW-1:0]    d_src,    // low bits
    input  wire logic [SW-1:0]     d_seg,    // segment of the source
    input  wire logic [11:0]       d_dst,
    input  wire logic              d_bad,    // it could not be read
    input  wire logic              pk_en,    // look-up
    input  wire logic [PW-1:0]     pk_idx,
    output logic      [SW-1:0]     seg,
    output logic      [INFO_W-1:0] info      // {message, bad, nodata, read, remote, fence, frame end, last, n}; message and read: MIRROR
);

  logic           valid_q, bad_q;
  logic [PW-1:0]  idx_q, pk_idx_q;
  logic [SW-1:0]  seg_q;
  logic [7:0]     op_q, flags_q;
  logic [31:0]    len_q;
  logic           write, read, atomic, d_read, msg, mirror, asks, empty, nodata, fits, last, fend;
  logic [MBW:0]   most, most_q, n;

  always_ff @(posedge clk) begin
    if (rst) valid_q <= 1'b0;
    else valid_q <= d_valid;
    if (d_valid) begin
      op_q    <= d_op;
      flags_q <= d_flags;
      len_q   <= d_len;
      most_q  <= most;
      idx_q   <= d_idx;
      seg_q   <= d_seg;
      bad_q   <= d_bad;
    end
    if (pk_en) pk_idx_q <= pk_idx;
  end

  assign write  = op_q == crl_pkg::OP_WRITE;
  // An atomic asks for its result as a READ of 8 bytes does.
  assign atomic = ATOMIC_EN && (op_q == crl_pkg::OP_FETCH_ADD || op_q == crl_pkg::OP_CMP_SWAP);
  assign read   = (READ_EN && op_q == crl_pkg::OP_READ) || atomic;
  assign d_read = (READ_EN && d_op == crl_pkg::OP_READ)
                  || (ATOMIC_EN && (d_op == crl_pkg::OP_FETCH_ADD || d_op == crl_pkg::OP_CMP_SWAP));
  assign msg    = SEND_EN && (op_q == crl_pkg::OP_WRITE_IMM || op_q == crl_pkg::OP_SEND);
  assign mirror = MIRROR_EN && op_q == crl_pkg::OP_MIRROR;
  assign empty  = len_q == 32'd0;
  assign asks   = msg && len_q > LINK_MTU;
  assign nodata = bad_q || !(op_q == crl_pkg::OP_FILL || write || read || msg || mirror || op_q == crl_pkg::OP_COPY) || (empty && !msg) || flags_q[7:4] != 4'd0
                  || (flags_q[crl_pkg::DESC_FLAG_NOTIFY] && !write && !msg && !mirror) || (atomic && len_q != 32'd8);

  crl_dma_size #(.MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU)) u_size (
      .remote(d_op == crl_pkg::OP_WRITE || d_read || (SEND_EN && (d_op == crl_pkg::OP_WRITE_IMM || d_op == crl_pkg::OP_SEND))
              || (MIRROR_EN && d_op == crl_pkg::OP_MIRROR)), .src(d_op == crl_pkg::OP_FILL || d_read ? '0 : d_src), .dst(d_dst), .pos(MTW'(0)), .most
  );
  assign fits = len_q <= 32'(most_q);
  assign last = nodata || (fits && !asks);
  assign fend = last || asks || 32'(most_q) == LINK_MTU;
  always_comb begin
    n = fits ? len_q[MBW:0] : most_q;
    if (nodata || asks) n = '0;
  end

  logic [INFO_W-3:0] rest;
  logic              is_last, is_fend;

  crl_ram_lut #(.W(SW + INFO_W - 1), .DEPTH(PREFETCH)) u_info (
      .clk, .we(valid_q), .waddr(idx_q),
      .wdata({seg_q, last, (msg || mirror) && !nodata, bad_q, nodata, (read || mirror) && !nodata,
               (write || read || msg || mirror) && !nodata, flags_q[crl_pkg::DESC_FLAG_FENCE], n}),
      .raddr(pk_idx_q), .rdata({seg, is_last, rest})
  );
  // Only where a chunk may fill a frame, or ask first, does the end of the frame tell anything that the operation's doesn't.
  generate
    if (SEND_EN || MAX_BURST_BYTES == LINK_MTU) begin : g_fend
      crl_ram_lut #(.W(1), .DEPTH(PREFETCH)) u_fend (
          .clk, .we(valid_q), .waddr(idx_q), .wdata(fend), .raddr(pk_idx_q), .rdata(is_fend)
      );
    end else begin : g_no_fend
      logic unused;
      assign unused  = &{1'b0, fend};
      assign is_fend = is_last;
    end
  endgenerate
  assign info = {rest[INFO_W-3:MBW+1], is_fend, is_last, rest[MBW:0]};

endmodule

`default_nettype wire
