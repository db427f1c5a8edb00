// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_frames: where the aligner's output goes: write bursts, or payload and frames to the link.
//
// How: the info of the chunk that is coming out says where. Local beats go to the write client, and every local chunk's end to
//   crl_dma_wrend. Remote beats go to the peer's link; the frame's fields follow in the cycle after its last beat.
//   A frame that is broken off carries nothing: the link drops the beats that it has.
//   Operands of atomics wait in a RAM, by the operation's index, with its generation: what ended from outside may leave its last
//   frame behind, and its index may have a new owner by then. Such a frame only reads.
// Latency: none for beats; 1 cycle to the frame's fields. Throughput: a beat a cycle, one cycle more a frame.
`default_nettype none

module crl_dma_frames #(
    parameter int DATA_W   = 64,
    parameter int PEERS    = 1,
    parameter int FUNC_W   = 8,
    parameter int LINK_MTU = 1024,
    parameter int OPS      = 128,
    parameter bit ATOMIC_EN = 1,
    localparam int OW      = $clog2(OPS),
    localparam int B       = DATA_W / 8,
    localparam int OFF_W   = $clog2(B),
    localparam int MTW     = $clog2(LINK_MTU)
) (
    input  wire logic              clk,
    input  wire logic              rst,

    // The chunk that comes out, until its last beat is taken
    input  wire logic              n_valid,
    output logic                   n_pop,
    input  wire logic              n_remote,
    input  wire logic              n_read,      // it asks for data, no payload; an atomic does
    input  wire logic              n_msg,       // WRITE_IMM or SEND
    input  wire logic              n_mirror,    // MIRROR
    input  wire logic [32:0]       n_imm,       // {SEND, immediate}
    input  wire logic              n_cancel,    // its frame is broken off
    input  wire logic              n_last,      // ends the operation
    input  wire logic              n_flush,     // ends the frame
    input  wire logic              n_first_frame,
    input  wire logic              n_notify,
    input  wire logic [7:0]        n_ch,
    input  wire logic [15:0]       n_tag,
    input  wire logic [7:0]        n_len,       // of the write burst
    input  wire logic [MTW:0]      n_flen,      // bytes of the frame so far
    input  wire logic [1:0]        n_peer,
    input  wire logic [7:0]        n_peer_ch,
    input  wire logic [FUNC_W-1:0] n_func,
    input  wire logic [15:0]       n_seq,
    input  wire logic [63:0]       n_x,         // absolute destination | peer segment address
    input  wire logic [63:0]       n_y,         // remote: {total length, offset of the frame}

    // An operation begins: what its frames need if it is an atomic
    input  wire logic              op_we,       // event
    input  wire logic [OW-1:0]     op_idx,
    input  wire logic [15-OW:0]    op_gen,
    input  wire logic              op_atomic,
    input  wire logic              op_swap,
    input  wire logic [127:0]      op_oper,

    // Its beats; none: no beat, only a place in the order
    input  wire logic              o_valid,
    output logic                   o_ready,
    input  wire logic              o_none,
    input  wire logic              o_first,
    input  wire logic              o_last,
    input  wire logic [DATA_W-1:0] o_data,
    input  wire logic [B-1:0]      o_strb,

    // Write client, ends of local chunks
    output logic                   wb_valid,
    input  wire logic              wb_ready,
    output logic                   wb_first,
    output logic                   wb_last,
    output logic      [63:0]       wb_addr,
    output logic      [7:0]        wb_len,
    output logic      [FUNC_W-1:0] wb_user,
    output logic      [DATA_W-1:0] wb_data,
    output logic      [B-1:0]      wb_strb,
    output logic                   end_valid,
    input  wire logic              end_ready,

    // Frames to the links
    output logic      [PEERS-1:0]  txp_valid,
    input  wire logic [PEERS-1:0]  txp_ready,
    output logic      [DATA_W-1:0] txp_data,
    output logic                   txp_mirror,  // it is a MIRROR's: to be held too
    output logic      [PEERS-1:0]  txf_valid,
    input  wire logic [PEERS-1:0]  txf_ready,
    output logic      [7:0]        txf_type,
    output logic      [7:0]        txf_flags,
    output logic      [7:0]        txf_src_ch,
    output logic      [7:0]        txf_dst_ch,
    output logic      [15:0]       txf_op_seq,
    output logic      [15:0]       txf_tag,
    output logic      [63:0]       txf_segaddr,
    output logic      [31:0]       txf_total,
    output logic      [31:0]       txf_offset,
    output logic      [15:0]       txf_len,
    output logic      [127:0]      txf_arg,     // READ: bytes asked; WRITE_IMM, SEND: immediate; ATOMIC: operands
    output logic                   txf_busy     // a frame's fields wait
);

  logic [PEERS-1:0] peer_sel, txf_sel_q;
  logic             close, asks_q, atomic, swap;
  logic [7:0]       flags_q, type_q;
  logic [31:0]      arg_q;
  logic [127:0]     oper;

  always_comb begin
    for (int p = 0; p < PEERS; p++) peer_sel[p] = n_peer == 2'(p);
  end

  assign wb_valid  = o_valid && n_valid && !n_remote && !o_none && end_ready;
  assign wb_first  = o_first;
  assign wb_last   = o_last;
  assign wb_addr   = {n_x[63:OFF_W], {OFF_W{1'b0}}};
  assign wb_len    = n_len;
  assign wb_user   = n_func;
  assign wb_data   = o_data;
  assign wb_strb   = o_strb;
  assign txp_valid = peer_sel & {PEERS{o_valid && n_valid && n_remote && !o_none && !txf_busy}};
  assign txp_data  = o_data;
  assign txp_mirror = n_mirror;
  always_comb begin
    if (!n_valid) o_ready = 1'b0;
    else if (!n_remote) o_ready = end_ready && (o_none || wb_ready);
    else o_ready = !txf_busy && (o_none || |(peer_sel & txp_ready));
  end
  assign n_pop     = o_valid && o_ready && o_last;
  assign end_valid = n_pop && !n_remote;
  assign close     = n_pop && n_remote && n_flush;

  assign txf_valid = txf_sel_q & {PEERS{txf_busy}};
  always_ff @(posedge clk) begin
    if (rst) txf_busy <= 1'b0;
    else if (close) txf_busy <= 1'b1;
    else if (|(txf_sel_q & txf_ready)) txf_busy <= 1'b0;
    if (close) begin
      txf_sel_q   <= peer_sel;
      flags_q     <= '0;
      flags_q[crl_pkg::FRAME_FLAG_FIRST]  <= n_first_frame;
      flags_q[crl_pkg::FRAME_FLAG_LAST]   <= n_last || n_cancel;
      flags_q[crl_pkg::FRAME_FLAG_NOTIFY] <= n_notify;
      flags_q[crl_pkg::FRAME_FLAG_CANCEL] <= n_cancel;
      txf_src_ch  <= n_ch;
      txf_dst_ch  <= n_peer_ch;
      txf_op_seq  <= n_seq;
      txf_tag     <= n_tag;
      txf_segaddr <= n_x;
      txf_total   <= n_y[63:32];
      txf_offset  <= n_y[31:0];
      type_q      <= n_read ? crl_pkg::FRAME_TYPE_READ : n_msg ? (n_imm[32] ? crl_pkg::FRAME_TYPE_SEND : crl_pkg::FRAME_TYPE_WRITE_IMM)
                     : n_mirror ? crl_pkg::FRAME_TYPE_MIRROR : crl_pkg::FRAME_TYPE_WRITE;
      asks_q      <= n_read;
      txf_len     <= n_cancel || n_read ? 16'd0 : 16'(n_flen);
      arg_q       <= n_cancel ? 32'd0 : n_read ? 32'(n_flen) : n_msg ? n_imm[31:0] : 32'd0;
    end
  end

  generate
    if (ATOMIC_EN) begin : g_atomic
      logic           any, retaken_q;   // retaken: in the very cycle of the look-up
      logic [15-OW:0] gen;

      crl_dma_tab #(.W(146 - OW), .DEPTH(OPS)) u_oper (
          .clk, .we(op_we), .waddr(op_idx), .wdata({op_gen, op_atomic, op_swap, op_oper}),
          .re(close), .raddr(n_tag[OW-1:0]), .rdata({gen, any, swap, oper})
      );
      always_ff @(posedge clk) if (close) retaken_q <= op_we && op_idx == n_tag[OW-1:0];
      assign atomic = any && gen == txf_tag[15:OW] && !retaken_q;
    end else begin : g_none
      logic unused;
      assign unused = &{1'b0, op_we, op_idx, op_gen, op_atomic, op_swap, op_oper};
      assign {atomic, swap, oper} = '0;
    end
  endgenerate

  // What asks for data is a READ or an atomic.
  always_comb begin
    txf_type  = type_q;
    txf_flags = flags_q;
    txf_arg   = {96'd0, arg_q};
    if (asks_q && atomic) begin
      txf_type = crl_pkg::FRAME_TYPE_ATOMIC;
      txf_flags[crl_pkg::FRAME_FLAG_SWAP] = swap;
      txf_arg  = oper;
    end
  end

endmodule

`default_nettype wire
