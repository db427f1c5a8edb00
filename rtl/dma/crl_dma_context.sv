// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_context: the operation that each channel has under way: the chunk in T2, and what it leaves, written back in T4.
//
// How: a block RAM holds what is left of the operation, a LUT RAM what T1 must know of its next chunk (info), one entry a
//   channel. The RAM is addressed with the pick, in every cycle, since whether there is one is known late; in T1 either its
//   word or the descriptor is chosen. crl_dma_step goes from the chunk to the next one.
// Latency: pick to T2 2 cycles. What is written in T4 is seen by a pick in the next cycle.
// Assumes: no pick of a channel between its last one and the write (it is busy).
`default_nettype none

module crl_dma_context #(
    parameter int DATA_W   = 64,
    parameter int CHANNELS = 8,
    parameter int MAX_BURST_BYTES = 512,
    parameter int LINK_MTU = 1024,
    parameter int SEGMENTS = 32,
    parameter bit READ_EN  = 1,
    parameter bit ATOMIC_EN = 1,
    parameter bit SEND_EN  = 1,
    parameter bit MIRROR_EN = 1,
    localparam int SW      = $clog2(SEGMENTS),
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int MBW     = $clog2(MAX_BURST_BYTES),
    localparam int MTW     = $clog2(LINK_MTU),
    localparam int OFF_W   = $clog2(DATA_W / 8),
    localparam int RBW     = MBW - OFF_W + 1,
    localparam int CINFO_W = MBW + 7
) (
    input  wire logic                clk,

    // T0, T1: the pick
    input  wire logic [CW-1:0]       pk_ch,
    input  wire logic [CW-1:0]       t1_ch,
    output logic      [CINFO_W-1:0]  t1_info,    // {message, read, remote, frame start, frame end, last, n}; message and read: MIRROR
    output logic      [SW-1:0]       t1_seg,     // segment of its source
    input  wire logic                t1_first,   // the descriptor is chosen
    input  wire logic [191:0]        t1_desc,
    input  wire logic [63:0]         t1_oper,    // its operand

    // T2: the chunk. Length, notify, tag and sequence: of the operation
    output logic      [7:0]          t2_op,
    output logic                     t2_fill,
    output logic                     t2_atomic,
    output logic      [63:0]         t2_src,     // pattern of a FILL
    output logic      [63:0]         t2_dst,
    output logic      [31:0]         t2_rem,     // bytes from this chunk on
    output logic      [MTW-1:0]      t2_pos,     // bytes of the frame before this chunk
    output logic      [31:0]         t2_total,
    output logic                     t2_notify,
    output logic      [15:0]         t2_tag,     // {gen, idx} in the operation table
    output logic      [15:0]         t2_seq,
    output logic      [7:0]          t2_flags,   // of the descriptor, like its tag
    output logic      [15:0]         t2_dtag,

    output logic                     t2_msg,     // a message
    output logic      [32:0]         t2_imm,     // {SEND, immediate}
    output logic                     t2_mirror,  // a MIRROR, with this place at the peer
    output logic      [63:0]         t2_far,

    input  wire logic                t2_remote,
    input  wire logic [MBW:0]        t2_n,
    input  wire logic                t2_back,

    // T3: what it reads
    output logic      [OFF_W-1:0]    t3_off,     // lane of the first byte
    output logic      [MBW:0]        t3_n,       // bytes
    output logic      [RBW-1:0]      t3_beats,   // beats touched

    // T4: the operation is written back
    input  wire logic                we,
    input  wire logic [CW-1:0]       wch,
    input  wire logic                w_remote,
    input  wire logic                w_fill,
    input  wire logic                w_notify,
    input  wire logic                w_msg,
    input  wire logic [32:0]         w_imm,
    input  wire logic                w_mirror,
    input  wire logic [63:0]         w_far,
    input  wire logic [15:0]         w_seq,
    input  wire logic [15:0]         w_tag,
    input  wire logic [31:0]         w_total
);

  localparam int BASE_W = 3 + 16 + 16 + 32 + MTW + MBW + 32 + 64 + 64;
  localparam int MSG_W  = SEND_EN ? 34 : 0;
  localparam int FULL_W = BASE_W + 34 + 65;
  localparam int CTX_W  = BASE_W + MSG_W + (MIRROR_EN ? 65 : 0);

  logic [CTX_W-1:0] word;
  logic [FULL_W-1:0] full;
  logic [BASE_W-1:0] base;
  logic             remote, fill, notify, msg, mirror;
  logic [63:0]      far;
  logic [32:0]      imm;
  logic [63:0]      src, dst;
  logic [31:0]      rem, total;
  logic [15:0]      seq;
  logic [15:0]      tag;
  logic [MBW-1:0]   vs, vs_q;       // virtual source of a FILL
  logic [MTW-1:0]   pos;

  // The next chunk, in T4
  logic [63:0]      nx_src, nx_dst;
  logic [31:0]      nx_rem;
  logic [MBW-1:0]   nx_vs;
  logic [MTW-1:0]   nx_pos;
  logic [MBW:0]     nx_n;
  logic             nx_fend, nx_last;

  assign base = {w_remote, w_fill, w_notify, w_seq, w_tag, w_total, nx_pos, nx_vs, nx_rem, nx_dst, nx_src};
  crl_ram_bram #(.W(CTX_W), .DEPTH(CHANNELS > 1 ? CHANNELS : 2)) u_ctx (
      .clk, .we, .waddr(wch), .wdata(CTX_W'(SEND_EN ? {w_mirror, w_far, w_msg, w_imm, base} : FULL_W'({w_mirror, w_far, base}))),
      .re(1'b1), .raddr(pk_ch), .rdata(word)
  );
  assign full = FULL_W'(word);
  assign {mirror, far, msg, imm, remote, fill, notify, seq, tag, total, pos, vs, rem, dst, src} =
      SEND_EN ? full : {full[BASE_W +: 65], 34'd0, full[BASE_W-1:0]};

  crl_ram_lut #(.W(SW + CINFO_W), .DEPTH(CHANNELS)) u_info (
      .clk, .we, .waddr(wch),
      .wdata({nx_src[crl_pkg::SEGADDR_INDEX_LSB +: SW], w_msg || w_mirror, ((READ_EN || ATOMIC_EN) && w_remote && w_fill) || w_mirror, w_remote, nx_pos == '0, nx_fend, nx_last, nx_n}),
      .raddr(t1_ch), .rdata({t1_seg, t1_info})
  );

  logic t1_send;
  assign t1_send = t1_desc[crl_pkg::DESC_OPCODE_LSB +: 8] == crl_pkg::OP_SEND;

  always_ff @(posedge clk) begin
    t2_dtag  <= t1_desc[crl_pkg::DESC_TAG_LSB +: 16];
    t2_flags <= t1_desc[crl_pkg::DESC_FLAGS_LSB +: 8];
    if (t1_first) begin
      t2_op     <= t1_desc[crl_pkg::DESC_OPCODE_LSB +: 8];
      t2_src    <= t1_desc[crl_pkg::DESC_SRC_LSB +: 64];
      t2_dst    <= t1_desc[crl_pkg::DESC_DST_LSB +: 64];
      t2_rem    <= t1_desc[crl_pkg::DESC_LENGTH_LSB +: 32];
      vs_q      <= '0;
      t2_pos    <= '0;
      t2_total  <= t1_desc[crl_pkg::DESC_LENGTH_LSB +: 32];
      t2_notify <= t1_desc[crl_pkg::DESC_FLAGS_LSB + crl_pkg::DESC_FLAG_NOTIFY];
      t2_tag    <= '0;
      t2_seq    <= '0;
      t2_msg    <= SEND_EN && (t1_desc[crl_pkg::DESC_OPCODE_LSB +: 8] == crl_pkg::OP_WRITE_IMM || t1_send);
      t2_imm    <= SEND_EN ? {t1_send, t1_oper[31:0]} : 33'd0;
      t2_mirror <= MIRROR_EN && t1_desc[crl_pkg::DESC_OPCODE_LSB +: 8] == crl_pkg::OP_MIRROR;
      t2_far    <= MIRROR_EN ? t1_oper : 64'd0;
    end else begin
      t2_op     <= fill ? 8'(crl_pkg::OP_FILL) : (remote ? 8'(crl_pkg::OP_WRITE) : 8'(crl_pkg::OP_COPY));
      t2_src    <= src;
      t2_dst    <= dst;
      t2_rem    <= rem;
      vs_q      <= vs;
      t2_pos    <= pos;
      t2_total  <= total;
      t2_notify <= notify;
      t2_tag    <= tag;
      t2_seq    <= seq;
      t2_msg    <= msg;
      t2_imm    <= imm;
      t2_mirror <= mirror;
      t2_far    <= far;
    end
  end

  // A READ is cut as a FILL: it has no source here. Later chunks of either show FILL; what is remote and fills is a READ, or an
  // atomic, which has one chunk.
  assign t2_atomic = ATOMIC_EN && (t2_op == crl_pkg::OP_FETCH_ADD || t2_op == crl_pkg::OP_CMP_SWAP);
  assign t2_fill   = t2_op == crl_pkg::OP_FILL || t2_op == crl_pkg::OP_READ || t2_atomic;
  crl_dma_step #(.DATA_W(DATA_W), .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU)) u_step (
      .clk, .fill(t2_fill), .remote(t2_remote), .src(t2_src), .dst(t2_dst), .rem(t2_rem), .vs(vs_q), .pos(t2_pos),
      .n(t2_n), .back(t2_back), .total(t2_total), .rd_off(t3_off), .rd_n(t3_n), .rd_beats(t3_beats),
      .nx_src, .nx_dst, .nx_rem, .nx_vs, .nx_pos, .nx_n, .nx_fend, .nx_last
  );

  logic unused;
  assign unused = &{1'b0, t1_oper};

endmodule

`default_nettype wire
