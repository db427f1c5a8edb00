// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_move: from read beats to write bursts and frames.
//
// How: chunk records wait in a FIFO until their data is in the read buffer. Each becomes one command of crl_align
//   (a token when there is nothing to write), one entry of the info FIFO that goes with its output, and, if it has
//   beats, one entry of crl_dma_feed. crl_dma_frames sends the output to the write client, with an entry in crl_dma_wrend that
//   waits for the B of the local chunk, or to the link as payload, closed by the frame's fields.
// A chunk whose read failed, and all later ones of that operation: local data is dropped, frames are sent
//   with the CANCEL flag. The operation's end carries the status.
// Latency: last read beat to the first write beat 5 cycles. Throughput: a beat a cycle, chunks back to back.
// Errors: READ_SLVERR, READ_DECERR, WRITE_SLVERR, WRITE_DECERR by operation; the first one wins.
// Source: design sections 5 to 8; docs/architecture.md section 5.
`default_nettype none

module crl_dma_move #(
    parameter int DATA_W   = 64,
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    parameter int OPS      = 128,
    parameter int FUNC_W   = 8,
    parameter int MAX_BURST_BYTES = 512,
    parameter int LINK_MTU = 1024,
    parameter int WRITES_IN_FLIGHT = 64,
    parameter int CHUNKS   = 128,                // power of two
    parameter bit READ_EN  = 1,
    parameter bit ATOMIC_EN = 1,
    parameter bit SEND_EN  = 1,
    parameter bit MIRROR_EN = 1,
    localparam int B       = DATA_W / 8,
    localparam int OFF_W   = $clog2(B),
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int OW      = $clog2(OPS),
    localparam int MBW     = $clog2(MAX_BURST_BYTES),
    localparam int MTW     = $clog2(LINK_MTU),
    localparam int RBW     = MBW - OFF_W + 1,
    localparam int CHUNK_W = (SEND_EN ? 34 : 0) + 3 + CW + 16 + 8 + 2 * OFF_W + (MBW + 1) + RBW + 8 + (MTW + 1) + 2 + 8 + FUNC_W + 16 + 128
) (
    input  wire logic                clk,
    input  wire logic                rst,

    // From crl_dma_issue
    output logic                     chunk_room,
    input  wire logic                chunk_push,
    input  wire logic [CHUNK_W-1:0]  chunk,
    input  wire logic                op_we,       // event: an operation begins, with its operands if it is an atomic
    input  wire logic [OW-1:0]       op_idx,
    input  wire logic [15-OW:0]      op_gen,
    input  wire logic                op_atomic,
    input  wire logic                op_swap,
    input  wire logic [127:0]        op_oper,
    output logic                     fail_valid,  // event: this operation's read failed
    output logic      [CW-1:0]       fail_ch,
    output logic      [15:0]         fail_op,     // its tag

    // From crl_dma_read
    input  wire logic                d_valid,
    output logic                     d_ready,
    input  wire logic [DATA_W-1:0]   d_data,
    input  wire logic                e_valid,
    output logic                     e_ready,
    input  wire logic [1:0]          e_resp,

    // Write client
    output logic                     wb_soon,     // something for it is on its way
    output logic                     wb_valid,
    input  wire logic                wb_ready,
    output logic                     wb_first,
    output logic                     wb_last,
    output logic      [63:0]         wb_addr,
    output logic      [7:0]          wb_len,
    output logic      [FUNC_W-1:0]   wb_user,
    output logic      [DATA_W-1:0]   wb_data,
    output logic      [B-1:0]        wb_strb,
    input  wire logic                b_valid,     // event
    input  wire logic [1:0]          b_resp,

    // Frames to the links
    output logic      [PEERS-1:0]    txp_valid,
    input  wire logic [PEERS-1:0]    txp_ready,
    output logic      [DATA_W-1:0]   txp_data,
    output logic                     txp_mirror,  // it is a MIRROR's: to be held too
    output logic      [PEERS-1:0]    txf_valid,
    input  wire logic [PEERS-1:0]    txf_ready,
    output logic      [7:0]          txf_type,
    output logic      [7:0]          txf_flags,
    output logic      [7:0]          txf_src_ch,
    output logic      [7:0]          txf_dst_ch,
    output logic      [15:0]         txf_op_seq,
    output logic      [15:0]         txf_tag,
    output logic      [63:0]         txf_segaddr,
    output logic      [31:0]         txf_total,
    output logic      [31:0]         txf_offset,
    output logic      [15:0]         txf_len,
    output logic      [127:0]        txf_arg,

    // Ends of operations
    output logic                     ldone_valid, // event
    output logic      [15:0]         ldone_tag,   // {generation, index}
    output logic      [7:0]          ldone_status,
    input  wire logic [PEERS*16-1:0] ack_tag,     // op-acks pass by: a cancelled operation gets the status that caused it
    input  wire logic [PEERS*8-1:0]  ack_status,
    output logic      [PEERS*8-1:0]  ack_status_out,

    output logic                     cnt_valid,   // event: bytes written for a channel
    output logic      [CW-1:0]       cnt_ch,
    output logic      [11:0]         cnt_bytes,
    output logic                     idle,        // nothing queued, no B owed
    input  wire logic                mark,        // event: tell when all chunks pushed so far are written
    output logic                     mark_over
);

  // ---------------------------------------------------------------- chunk queue
  localparam int CQW = $clog2(CHUNKS);
  localparam int MSG_W  = SEND_EN ? 34 : 0;           // {message, SEND, immediate}
  localparam bit ASK_EN = READ_EN || ATOMIC_EN;       // without them no chunk asks for data, which no tool sees across a RAM
  localparam int FULL_W = CHUNK_W - MSG_W + 34;
  logic               h_valid, h_go, s_ready_unused;
  logic [CHUNK_W-1:0] h;
  logic [CQW:0]       h_level;

  crl_fifo_bram #(.W(CHUNK_W), .DEPTH(CHUNKS), .OUTREG(2)) u_chunks (
      .clk, .rst, .s_valid(chunk_push), .s_ready(s_ready_unused), .s_data(chunk),
      .m_valid(h_valid), .m_ready(h_go), .m_data(h), .level(h_level)
  );
  always_ff @(posedge clk) begin
    if (rst) chunk_room <= 1'b0;
    else chunk_room <= 32'(h_level) + 8 <= CHUNKS;
  end

  logic [2:0]       h_kind;
  logic [CW-1:0]    h_ch;
  logic [15:0]      h_tag;
  logic             h_new, h_last, h_flush, h_cont, h_rd, h_ffirst, h_notify, h_read;
  logic [OFF_W-1:0] h_soff, h_doff;
  logic [MBW:0]     h_n;
  logic [RBW-1:0]   h_rbeats;
  logic [7:0]       h_st, h_peer_ch;
  logic [MTW:0]     h_flen;
  logic [1:0]       h_peer;
  logic [FUNC_W-1:0] h_func;
  logic [15:0]      h_seq;
  logic [63:0]      h_x, h_y;
  logic             h_msg;
  logic [32:0]      h_imm;
  assign {h_msg, h_imm, h_kind, h_ch, h_tag, h_new, h_last, h_flush, h_cont, h_rd, h_ffirst, h_notify, h_read,
          h_soff, h_doff, h_n, h_rbeats, h_st, h_flen, h_peer, h_peer_ch, h_func, h_seq, h_x, h_y} = FULL_W'(h);

  // ---------------------------------------------------------------- X: the command
  logic             h_remote, h_cancel, h_mirror, h_err, h_bad, h_drop, h_feed, feed_ready;
  logic [7:0]       h_bad_st;
  logic [MBW:0]     h_beats_up;
  logic             x_v_q, x_free, x_fresh_q;  // fresh: since this cycle
  logic             x_tok_q, x_last_q, x_flush_q, x_cont_q, x_remote_q, x_cancel_q, x_new_q, x_ffirst_q, x_notify_q, x_read_q, x_mirror_q;
  logic [CW-1:0]    x_ch_q;
  logic [15:0]      x_tag_q;
  logic [OFF_W-1:0] x_soff_q, x_doff_q;
  logic [MBW:0]     x_n_q;
  logic [7:0]       x_st_q, x_peer_ch_q, x_len_q;
  logic [MTW:0]     x_flen_q;
  logic [1:0]       x_peer_q;
  logic [FUNC_W-1:0] x_func_q;
  logic [15:0]      x_seq_q;
  logic [63:0]      x_x_q, x_y_q;
  logic [33:0]      x_msg_q;

  crl_dma_rdfail #(.CHANNELS(CHANNELS), .OPS(OPS), .PEERS(PEERS)) u_rdfail (
      .clk, .go(h_go), .ch(h_ch), .op(h_tag[OW-1:0]), .first(h_new), .rd(h_rd), .resp(e_resp), .status(h_st),
      .rd_err(h_err), .bad(h_bad), .bad_status(h_bad_st), .ack_tag, .ack_status, .ack_status_out
  );
  assign h_mirror   = MIRROR_EN && (h_kind == 3'd5 || h_kind == 3'd6);
  assign h_cancel   = h_kind == 3'd4 || (MIRROR_EN && h_kind == 3'd6);
  assign h_remote   = h_kind == 3'd3 || h_kind == 3'd4 || h_mirror;
  assign h_go       = h_valid && (!h_rd || e_valid) && x_free && feed_ready && n_room_q;
  // Late. A MIRROR whose destination here was revoked has read its source.
  assign h_drop     = h_kind == 3'd0 || (MIRROR_EN && h_kind == 3'd6) || (h_bad && !h_remote);
  assign h_feed     = h_rd || h_kind == 3'd2;
  assign h_beats_up = (MBW + 1)'(h_doff) + h_n + (h_flush ? (MBW + 1)'(B - 1) : '0);
  assign e_ready    = h_go && h_rd;

  always_ff @(posedge clk) begin
    if (rst) fail_valid <= 1'b0;
    else fail_valid <= h_go && h_err;
    fail_ch <= h_ch;
    fail_op <= h_tag;
  end

  always_ff @(posedge clk) begin
    if (rst) x_v_q <= 1'b0;
    else if (h_go) x_v_q <= 1'b1;
    else if (x_free) x_v_q <= 1'b0;
    if (rst) x_fresh_q <= 1'b0;
    else x_fresh_q <= h_go;
    if (h_go) begin
      x_tok_q    <= h_kind == 3'd0 || h_cancel || (ASK_EN && h_read) || (h_bad && !h_remote);  // READ moves nothing here
      x_remote_q <= h_remote;
      x_cancel_q <= h_cancel || (h_bad && h_remote);
      x_mirror_q <= h_mirror;
      x_new_q    <= h_new;
      x_last_q   <= h_last;
      x_flush_q  <= h_flush;
      x_cont_q   <= h_cont;
      x_ffirst_q <= h_ffirst;
      x_notify_q <= h_notify;
      x_read_q   <= h_read;
      x_ch_q     <= h_ch;
      x_tag_q    <= h_tag;
      x_soff_q   <= h_soff;
      x_doff_q   <= h_doff;
      x_n_q      <= h_n;
      x_flen_q   <= h_flen;
      x_peer_q   <= h_peer;
      x_peer_ch_q <= h_peer_ch;
      x_func_q   <= h_func;
      x_seq_q    <= h_seq;
      x_x_q      <= h_x;
      x_y_q      <= h_y;
      x_msg_q    <= {h_msg, h_imm};
      x_len_q    <= 8'(h_beats_up >> OFF_W) - 8'd1;
      x_st_q     <= h_bad && (h_st == crl_pkg::ST_OK || h_st == crl_pkg::ST_ABORTED) ? h_bad_st : h_st;
    end
  end

  always_ff @(posedge clk) begin
    if (rst) cnt_valid <= 1'b0;
    else cnt_valid <= x_v_q && x_free && !x_remote_q && !x_tok_q;
    cnt_ch    <= x_ch_q;
    cnt_bytes <= 12'(x_n_q);
  end

  // ---------------------------------------------------------------- align, with the info beside
  localparam int BASE_W  = 8 + CW + 16 + 8 + 8 + (MTW + 1) + 2 + 8 + FUNC_W + 16 + 128;
  localparam int INFO_W  = MSG_W + (MIRROR_EN ? 1 : 0) + BASE_W;
  localparam int NFULL_W = 34 + 1 + BASE_W;
  logic              c_valid, c_ready, i_valid, i_ready, o_valid, o_ready, o_none, o_first, o_last, o_tag_unused;
  logic [DATA_W-1:0] i_data, o_data;
  logic [B-1:0]      o_strb, a_strb;
  logic              a_valid, a_ready, a_none, a_first, a_last;
  logic [DATA_W-1:0] a_data;

  logic              n_ready_unused, n_room_q, n_valid, n_pop;
  logic              n_remote, n_cancel, n_new, n_last, n_flush, n_ffirst, n_notify, n_read, n_mirror;
  logic [CW-1:0]     n_ch;
  logic [15:0]       n_tag;
  logic [7:0]        n_st, n_len, n_peer_ch;
  logic [MTW:0]      n_flen;
  logic [1:0]        n_peer;
  logic [FUNC_W-1:0] n_func;
  logic [15:0]       n_seq;
  logic [63:0]       n_x, n_y;
  logic              n_msg;
  logic [32:0]       n_imm;
  logic [INFO_W-1:0] n_info;
  logic [BASE_W-1:0] x_info;
  logic [NFULL_W-1:0] n_wide;
  logic [4:0]        n_level;

  crl_dma_feed #(.DATA_W(DATA_W), .RBW(RBW)) u_feed (
      .clk, .rst, .s_valid(h_go && h_feed), .s_ready(feed_ready), .s_drop(h_drop), .s_fill(h_kind == 3'd2),
      .s_beats(h_rbeats), .s_pat(h_y), .d_valid, .d_ready, .d_data, .i_valid, .i_ready, .i_data
  );

  // A spare catches the command that the aligner does not take yet, so that the stage before does not wait for it.
  localparam int CMD_W = 2 * OFF_W + 12 + 2 + CW;
  logic             spare_v_q;
  logic [CMD_W-1:0] x_cmd, spare_q, c_cmd;
  logic [OFF_W-1:0] c_soff, c_doff;
  logic [11:0]      c_bytes;
  logic             c_cont, c_flush;
  logic [CW-1:0]    c_ch;

  assign x_free  = !x_v_q || !spare_v_q;
  assign x_cmd   = {x_soff_q, x_doff_q, x_tok_q ? 12'd0 : 12'(x_n_q), x_cont_q, x_flush_q, x_ch_q};
  assign c_valid = x_v_q || spare_v_q;
  assign c_cmd   = spare_v_q ? spare_q : x_cmd;
  assign {c_soff, c_doff, c_bytes, c_cont, c_flush, c_ch} = c_cmd;

  always_ff @(posedge clk) begin
    if (rst) spare_v_q <= 1'b0;
    else     spare_v_q <= c_valid && !c_ready;
    if (!spare_v_q) spare_q <= x_cmd;
  end
  crl_align #(.DATA_W(DATA_W), .TAG_W(1), .CHANNELS(CHANNELS)) u_align (
      .clk, .rst, .c_valid, .c_ready, .c_src_off(c_soff), .c_dst_off(c_doff),
      .c_bytes, .c_cont, .c_flush, .c_ch, .c_tag(1'b0),
      .i_valid, .i_ready, .i_data, .o_valid(a_valid), .o_ready(a_ready), .o_none(a_none), .o_first(a_first), .o_last(a_last),
      .o_data(a_data), .o_strb(a_strb), .o_tag(o_tag_unused)
  );
  // Keeps the memory port's ready out of the aligner's.
  crl_spare #(.W(DATA_W + B + 3)) u_out (
      .clk, .rst, .s_valid(a_valid), .s_ready(a_ready), .s_data({a_none, a_first, a_last, a_strb, a_data}),
      .m_valid(o_valid), .m_ready(o_ready), .m_data({o_none, o_first, o_last, o_strb, o_data})
  );
  // The info goes ahead of the command, so that its queue does not wait for the aligner.
  always_ff @(posedge clk) begin
    if (rst) n_room_q <= 1'b0;
    else n_room_q <= n_level < 5'd14;
  end
  logic here_q;   // the last one that went in is a local one
  always_ff @(posedge clk) begin
    if (rst) here_q <= 1'b0;
    else if (x_fresh_q) here_q <= !x_remote_q && !x_tok_q;
  end
  assign wb_soon = here_q && n_level != '0;
  assign x_info = {x_read_q, x_remote_q, x_cancel_q, x_new_q, x_last_q, x_flush_q, x_ffirst_q, x_notify_q, x_ch_q, x_tag_q, x_st_q, x_len_q,
                   x_flen_q, x_peer_q, x_peer_ch_q, x_func_q, x_seq_q, x_x_q, x_y_q};
  crl_fifo_bram #(.W(INFO_W), .DEPTH(16), .OUTREG(2)) u_info (
      .clk, .rst, .s_valid(x_fresh_q), .s_ready(n_ready_unused),
      .s_data(INFO_W'(MIRROR_EN ? {x_msg_q, x_mirror_q, x_info} : NFULL_W'({x_msg_q, x_info}))),
      .m_valid(n_valid), .m_ready(n_pop),
      .m_data(n_info), .level(n_level)
  );
  assign n_wide = NFULL_W'(n_info);
  assign {n_msg, n_imm, n_mirror, n_read, n_remote, n_cancel, n_new, n_last, n_flush, n_ffirst, n_notify, n_ch, n_tag, n_st, n_len,
          n_flen, n_peer, n_peer_ch, n_func, n_seq, n_x, n_y} =
      MIRROR_EN ? n_wide : {n_wide[BASE_W +: 34], 1'b0, n_wide[BASE_W-1:0]};

  // ---------------------------------------------------------------- output
  logic end_valid, end_ready, end_busy, txf_busy;

  crl_dma_frames #(.DATA_W(DATA_W), .PEERS(PEERS), .FUNC_W(FUNC_W), .LINK_MTU(LINK_MTU), .OPS(OPS), .ATOMIC_EN(ATOMIC_EN)) u_frames (
      .clk, .rst, .op_we, .op_idx, .op_gen, .op_atomic, .op_swap, .op_oper,
      .n_valid, .n_pop, .n_remote, .n_read(ASK_EN && n_read), .n_cancel, .n_last, .n_flush, .n_first_frame(n_ffirst), .n_notify, .n_ch(8'(n_ch)),
      .n_tag, .n_len, .n_flen, .n_peer, .n_peer_ch, .n_func, .n_seq, .n_x, .n_y, .n_msg, .n_imm, .n_mirror,
      .o_valid, .o_ready, .o_none, .o_first, .o_last, .o_data, .o_strb,
      .wb_valid, .wb_ready, .wb_first, .wb_last, .wb_addr, .wb_len, .wb_user, .wb_data, .wb_strb, .end_valid, .end_ready,
      .txp_valid, .txp_ready, .txp_data, .txp_mirror, .txf_valid, .txf_ready, .txf_type, .txf_flags, .txf_src_ch, .txf_dst_ch, .txf_op_seq,
      .txf_tag, .txf_segaddr, .txf_total, .txf_offset, .txf_len, .txf_arg, .txf_busy
  );
  crl_dma_wrend #(.CHANNELS(CHANNELS), .WRITES_IN_FLIGHT(WRITES_IN_FLIGHT)) u_wrend (
      .clk, .rst, .s_valid(end_valid), .s_ready(end_ready), .s_ch(n_ch), .s_tag(n_tag), .s_first(n_new), .s_last(n_last), .s_none(o_none),
      .s_status(n_st), .b_valid, .b_resp, .ldone_valid, .ldone_tag, .ldone_status, .busy(end_busy),
      .mark(mark_out), .mark_over(written)
  );

  // ---------------------------------------------------------------- mark
  // Chunks are in order up to the output; from there local ones wait for their responses, in order too.
  localparam int KW = CQW + 2;
  logic [KW-1:0] held_q;     // chunks pushed and not gone out
  logic          wait_q;     // the mark has not come out
  logic          gone, mark_out, written;

  assign mark_out  = wait_q && gone;
  assign mark_over = !wait_q && written;

  always_ff @(posedge clk) begin
    if (rst) begin
      held_q <= '0;
      wait_q <= 1'b0;
    end else begin
      held_q <= held_q + KW'(chunk_push) - KW'(n_pop);
      if (mark)          wait_q <= 1'b1;
      else if (mark_out) wait_q <= 1'b0;
    end
  end
  crl_mark #(.W(KW)) u_mark (
      .clk, .rst, .mark, .held(held_q), .enter(chunk_push), .leave(n_pop), .over(gone)
  );

  assign idle = h_level == '0 && !x_v_q && !spare_v_q && n_level == '0 && !end_busy && !txf_busy;

  logic unused;
  assign unused = &{1'b0, s_ready_unused, o_tag_unused, n_ready_unused};

endmodule

`default_nettype wire
