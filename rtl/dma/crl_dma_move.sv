// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_move: from read beats to write bursts and frames.
//
// How: chunk records wait in a FIFO until their data is in the read buffer. Each becomes one command of crl_align
//   (a token when there is nothing to write), one entry of the info FIFO that goes with its output, and, if it has
//   beats, one entry of the feed FIFO. Local output goes to the write client; every local chunk leaves an entry in the order FIFO that waits
//   for its B. Remote output goes to the link as payload, closed by the frame's fields.
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
    localparam int B       = DATA_W / 8,
    localparam int OFF_W   = $clog2(B),
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int OW      = $clog2(OPS),
    localparam int MBW     = $clog2(MAX_BURST_BYTES),
    localparam int MTW     = $clog2(LINK_MTU),
    localparam int RBW     = MBW - OFF_W + 1,
    localparam int CHUNK_W = 3 + CW + 16 + 8 + 2 * OFF_W + (MBW + 1) + RBW + 8 + (MTW + 1) + 2 + 8 + FUNC_W + 32 + 128
) (
    input  wire logic                clk,
    input  wire logic                rst,

    // From crl_dma_issue
    output logic                     chunk_room,
    input  wire logic                chunk_push,
    input  wire logic [CHUNK_W-1:0]  chunk,
    output logic                     fail_valid,  // event: this operation's read failed
    output logic      [CW-1:0]       fail_ch,
    output logic      [OW-1:0]       fail_op,

    // From crl_dma_read
    input  wire logic                d_valid,
    output logic                     d_ready,
    input  wire logic [DATA_W-1:0]   d_data,
    input  wire logic                e_valid,
    output logic                     e_ready,
    input  wire logic [1:0]          e_resp,

    // Write client
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
    output logic      [PEERS-1:0]    txf_valid,
    input  wire logic [PEERS-1:0]    txf_ready,
    output logic      [7:0]          txf_type,
    output logic      [7:0]          txf_flags,
    output logic      [7:0]          txf_src_ch,
    output logic      [7:0]          txf_dst_ch,
    output logic      [31:0]         txf_op_seq,
    output logic      [15:0]         txf_tag,
    output logic      [63:0]         txf_segaddr,
    output logic      [31:0]         txf_total,
    output logic      [31:0]         txf_offset,
    output logic      [15:0]         txf_len,

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
    output logic                     idle         // nothing queued, no B owed
);

  // ---------------------------------------------------------------- chunk queue
  localparam int CQW = $clog2(CHUNKS);
  logic               h_valid, h_pop, s_ready_unused;
  logic [CHUNK_W-1:0] h;
  logic [CQW:0]       h_level;

  crl_fifo_bram #(.W(CHUNK_W), .DEPTH(CHUNKS), .OUTREG(1)) u_chunks (
      .clk, .rst, .s_valid(chunk_push), .s_ready(s_ready_unused), .s_data(chunk),
      .m_valid(h_valid), .m_ready(h_pop), .m_data(h), .level(h_level)
  );
  always_ff @(posedge clk) begin
    if (rst) chunk_room <= 1'b0;
    else chunk_room <= 32'(h_level) + 8 <= CHUNKS;
  end

  logic [2:0]       h_kind;
  logic [CW-1:0]    h_ch;
  logic [15:0]      h_tag;
  logic             h_new, h_last, h_flush, h_cont, h_rd, h_ffirst, h_notify, h_rsvd;
  logic [OFF_W-1:0] h_soff, h_doff;
  logic [MBW:0]     h_n;
  logic [RBW-1:0]   h_rbeats;
  logic [7:0]       h_st, h_peer_ch;
  logic [MTW:0]     h_flen;
  logic [1:0]       h_peer;
  logic [FUNC_W-1:0] h_func;
  logic [31:0]      h_seq;
  logic [63:0]      h_x, h_y;
  assign {h_kind, h_ch, h_tag, h_new, h_last, h_flush, h_cont, h_rd, h_ffirst, h_notify, h_rsvd,
          h_soff, h_doff, h_n, h_rbeats, h_st, h_flen, h_peer, h_peer_ch, h_func, h_seq, h_x, h_y} = h;

  // ---------------------------------------------------------------- X: the command
  // Failure code of an operation: 0 none, 1 SLVERR, 2 DECERR, 3 revoked.
  logic [1:0] fst_rd, fst_now;
  logic       h_remote, h_go, h_err, h_bad, h_drop, h_feed, fst_we, fd_s_ready;

  logic             x_v_q, x_go;
  logic             x_tok_q, x_last_q, x_flush_q, x_cont_q, x_remote_q, x_cancel_q, x_new_q, x_ffirst_q, x_notify_q;
  logic [CW-1:0]    x_ch_q;
  logic [15:0]      x_tag_q;
  logic [OFF_W-1:0] x_soff_q, x_doff_q;
  logic [MBW:0]     x_n_q;
  logic [7:0]       x_st_q, x_peer_ch_q, x_len_q;
  logic [MTW:0]     x_flen_q;
  logic [1:0]       x_peer_q;
  logic [FUNC_W-1:0] x_func_q;
  logic [31:0]      x_seq_q;
  logic [63:0]      x_x_q, x_y_q;

  crl_ram_lut #(.W(2), .DEPTH(OPS)) u_fst (
      .clk, .we(fst_we), .waddr(h_tag[OW-1:0]), .wdata(fst_now), .raddr(h_tag[OW-1:0]), .rdata(fst_rd)
  );
  assign h_remote = h_kind == 3'd3 || h_kind == 3'd4;
  assign h_err    = h_rd && e_resp[1];
  always_comb begin
    fst_now = h_new ? 2'd0 : fst_rd;
    if (fst_now == 2'd0) begin
      if (h_err) fst_now = e_resp[0] ? 2'd2 : 2'd1;
      else if (h_st == crl_pkg::ST_KEY_REVOKED && !h_new) fst_now = 2'd3;
    end
  end
  assign h_bad  = fst_now != 2'd0;
  assign h_go   = h_valid && (!h_rd || e_valid) && (!x_v_q || x_go) && fd_s_ready;
  assign h_pop  = h_go;
  assign e_ready = h_go && h_rd;
  assign fst_we = h_go;

  always_ff @(posedge clk) begin
    if (rst) fail_valid <= 1'b0;
    else fail_valid <= h_go && h_err;
    fail_ch <= h_ch;
    fail_op <= h_tag[OW-1:0];
  end

  logic [MBW:0] h_beats_up;
  assign h_beats_up = (MBW + 1)'(h_doff) + h_n + (h_flush ? (MBW + 1)'(B - 1) : '0);

  always_ff @(posedge clk) begin
    if (rst) x_v_q <= 1'b0;
    else if (h_go) x_v_q <= 1'b1;
    else if (x_go) x_v_q <= 1'b0;
    if (h_go) begin
      x_tok_q    <= h_kind == 3'd0 || h_kind == 3'd4 || (h_bad && !h_remote);
      x_remote_q <= h_remote;
      x_cancel_q <= h_kind == 3'd4 || (h_bad && h_remote);
      x_new_q    <= h_new;
      x_last_q   <= h_last;
      x_flush_q  <= h_flush;
      x_cont_q   <= h_cont;
      x_ffirst_q <= h_ffirst;
      x_notify_q <= h_notify;
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
      x_len_q    <= 8'(h_beats_up >> OFF_W) - 8'd1;
      x_st_q     <= h_st;
      if (h_bad && (h_st == crl_pkg::ST_OK || h_st == crl_pkg::ST_ABORTED)) begin
        x_st_q <= crl_pkg::ST_READ_SLVERR;
        if (fst_now == 2'd2) x_st_q <= crl_pkg::ST_READ_DECERR;
        if (fst_now == 2'd3) x_st_q <= crl_pkg::ST_KEY_REVOKED;
      end
    end
  end

  // ---------------------------------------------------------------- align, info, feed
  localparam int INFO_W = 7 + CW + 16 + 8 + 8 + (MTW + 1) + 2 + 8 + FUNC_W + 32 + 128;
  localparam int FEED_W = 2 + RBW + 64;
  logic              c_valid, c_ready, i_valid, i_ready, o_valid, o_ready, o_none, o_first, o_last, o_tag_unused;
  logic [DATA_W-1:0] i_data, o_data;
  logic [B-1:0]      o_strb, a_strb;
  logic              a_valid, a_ready, a_none, a_first, a_last;
  logic [DATA_W-1:0] a_data;
  logic              n_s_ready, n_valid, n_pop, fd_valid, fd_pop;
  logic [INFO_W-1:0] n_word;
  logic [FEED_W-1:0] fd_word;
  logic [4:0]        n_level;
  logic [3:0]        fd_level;

  // The feed runs a command ahead of crl_align, which takes exactly the beats of each command.
  assign h_drop  = h_rd && (h_kind == 3'd0 || (h_bad && !h_remote));
  assign h_feed  = h_rd || (h_kind == 3'd2 && !h_bad);
  assign c_valid = x_v_q && n_s_ready;
  assign x_go    = c_valid && c_ready;

  crl_align #(.DATA_W(DATA_W), .TAG_W(1), .CHANNELS(CHANNELS)) u_align (
      .clk, .rst, .c_valid, .c_ready, .c_src_off(x_soff_q), .c_dst_off(x_doff_q),
      .c_bytes(x_tok_q ? 12'd0 : 12'(x_n_q)), .c_cont(x_cont_q), .c_flush(x_flush_q), .c_ch(x_ch_q), .c_tag(1'b0),
      .i_valid, .i_ready, .i_data, .o_valid(a_valid), .o_ready(a_ready), .o_none(a_none), .o_first(a_first), .o_last(a_last), .o_data(a_data), .o_strb(a_strb),
      .o_tag(o_tag_unused)
  );
  // Keeps the memory port's ready out of the aligner's.
  crl_skid #(.W(DATA_W + B + 3)) u_out (
      .clk, .rst, .s_valid(a_valid), .s_ready(a_ready), .s_data({a_none, a_first, a_last, a_strb, a_data}),
      .m_valid(o_valid), .m_ready(o_ready), .m_data({o_none, o_first, o_last, o_strb, o_data})
  );
  crl_fifo_bram #(.W(INFO_W), .DEPTH(16), .OUTREG(1)) u_info (
      .clk, .rst, .s_valid(x_go), .s_ready(n_s_ready),
      .s_data({x_remote_q, x_cancel_q, x_new_q, x_last_q, x_flush_q, x_ffirst_q, x_notify_q, x_ch_q, x_tag_q, x_st_q, x_len_q, x_flen_q,
               x_peer_q, x_peer_ch_q, x_func_q, x_seq_q, x_x_q, x_y_q}),
      .m_valid(n_valid), .m_ready(n_pop), .m_data(n_word), .level(n_level)
  );
  crl_fifo #(.W(FEED_W), .DEPTH(8)) u_feed (
      .clk, .rst, .s_valid(h_go && h_feed), .s_ready(fd_s_ready),
      .s_data({h_drop, h_kind == 3'd2, h_rbeats, h_y}),
      .m_valid(fd_valid), .m_ready(fd_pop), .m_data(fd_word), .level(fd_level)
  );

  // ---------------------------------------------------------------- feed: beats into crl_align
  logic           w_v_q, w_drop_q, w_fill_q, w_take, w_end;
  logic [RBW-1:0] w_left_q;
  logic [63:0]    w_pat_q;
  logic           fd_drop, fd_fill;
  logic [RBW-1:0] fd_beats;
  logic [63:0]    fd_pat;

  assign {fd_drop, fd_fill, fd_beats, fd_pat} = fd_word;
  assign i_valid = w_v_q && !w_drop_q && (w_fill_q || d_valid);
  assign i_data  = w_fill_q ? {(B / 8){w_pat_q}} : d_data;
  assign d_ready = w_v_q && !w_fill_q && (w_drop_q || i_ready);
  assign w_take  = w_v_q && (w_drop_q ? d_valid : (i_valid && i_ready));
  assign w_end   = w_take && w_left_q == RBW'(1);
  assign fd_pop  = fd_valid && (!w_v_q || w_end);

  always_ff @(posedge clk) begin
    if (rst) w_v_q <= 1'b0;
    else if (fd_pop) w_v_q <= 1'b1;
    else if (w_end) w_v_q <= 1'b0;
    if (fd_pop) begin
      w_drop_q <= fd_drop;
      w_fill_q <= fd_fill;
      w_left_q <= fd_beats;
      w_pat_q  <= fd_pat;
    end else if (w_take) w_left_q <= w_left_q - RBW'(1);
  end

  // ---------------------------------------------------------------- output
  logic             n_remote, n_cancel, n_new, n_last, n_flush, n_ffirst, n_notify;
  logic [CW-1:0]    n_ch;
  logic [15:0]      n_tag;
  logic [7:0]       n_st, n_len, n_peer_ch;
  logic [MTW:0]     n_flen;
  logic [1:0]       n_peer;
  logic [FUNC_W-1:0] n_func;
  logic [31:0]      n_seq;
  logic [63:0]      n_x, n_y;
  assign {n_remote, n_cancel, n_new, n_last, n_flush, n_ffirst, n_notify, n_ch, n_tag, n_st, n_len, n_flen, n_peer, n_peer_ch, n_func,
          n_seq, n_x, n_y} = n_word;

  logic            ord_s_ready, txf_busy_q, p_ready, o_local, o_take;
  logic [PEERS-1:0] p_sel;

  always_comb begin
    for (int p = 0; p < PEERS; p++) p_sel[p] = n_peer == 2'(p);
  end
  assign o_local  = !n_remote;
  assign wb_valid = o_valid && n_valid && o_local && !o_none && ord_s_ready;
  assign wb_first = o_first;
  assign wb_last  = o_last;
  assign wb_addr  = {n_x[63:OFF_W], {OFF_W{1'b0}}};
  assign wb_len   = n_len;
  assign wb_user  = n_func;
  assign wb_data  = o_data;
  assign wb_strb  = o_strb;
  assign p_ready  = |(p_sel & txp_ready);
  assign txp_valid = p_sel & {PEERS{o_valid && n_valid && n_remote && !o_none && !txf_busy_q}};
  assign txp_data  = o_data;
  always_comb begin
    if (!n_valid) o_ready = 1'b0;
    else if (o_local) o_ready = ord_s_ready && (o_none || wb_ready);
    else o_ready = !txf_busy_q && (o_none || p_ready);
  end
  assign o_take = o_valid && o_ready;
  assign n_pop  = o_take && o_last;

  // The frame is closed in the cycle after its last beat.
  logic [PEERS-1:0] txf_sel_q;
  assign txf_valid  = txf_sel_q & {PEERS{txf_busy_q}};
  assign txf_type   = crl_pkg::FRAME_TYPE_WRITE;
  always_ff @(posedge clk) begin
    if (rst) begin
      txf_busy_q <= 1'b0;
    end else begin
      if (n_pop && n_remote && n_flush) txf_busy_q <= 1'b1;
      else if (|(txf_sel_q & txf_ready)) txf_busy_q <= 1'b0;
    end
    if (n_pop && n_remote && n_flush) begin
      txf_sel_q   <= p_sel;
      txf_flags   <= '0;
      txf_flags[crl_pkg::FRAME_FLAG_FIRST]  <= n_ffirst;
      txf_flags[crl_pkg::FRAME_FLAG_LAST]   <= n_last || n_cancel;
      txf_flags[crl_pkg::FRAME_FLAG_NOTIFY] <= n_notify;
      txf_flags[crl_pkg::FRAME_FLAG_CANCEL] <= n_cancel;
      txf_src_ch  <= 8'(n_ch);
      txf_dst_ch  <= n_peer_ch;
      txf_op_seq  <= n_seq;
      txf_tag     <= n_tag;
      txf_segaddr <= n_x;
      txf_total   <= n_y[63:32];
      txf_offset  <= n_y[31:0];
      // A frame that is broken off carries nothing: the link drops the beats that it has.
      txf_len     <= n_cancel ? 16'd0 : 16'(n_flen);
    end
  end

  // ---------------------------------------------------------------- order of the Bs
  localparam int ORD_W = 16 + 3 + 8;
  localparam int ODEPTH = 1 << $clog2(WRITES_IN_FLIGHT);
  localparam int ODW = $clog2(ODEPTH);
  logic             ord_valid, ord_pop, ord_new, ord_last, ord_none, br_valid, br_ready_unused;
  logic [15:0]      ord_tag;
  logic [7:0]       ord_st;
  logic             br_wait, b_direct;
  logic [1:0]       br_resp, br_word;
  logic [ODW:0]     ord_level, br_level;
  logic [1:0]       wst_rd, wst_now;

  crl_fifo_bram #(.W(ORD_W), .DEPTH(ODEPTH), .OUTREG(1)) u_order (
      .clk, .rst, .s_valid(n_pop && o_local), .s_ready(ord_s_ready), .s_data({n_tag, n_new, n_last, o_none, n_st}),
      .m_valid(ord_valid), .m_ready(ord_pop), .m_data({ord_tag, ord_new, ord_last, ord_none, ord_st}), .level(ord_level)
  );
  crl_fifo #(.W(2), .DEPTH(ODEPTH)) u_bresp (
      .clk, .rst, .s_valid(b_valid && !b_direct), .s_ready(br_ready_unused), .s_data(b_resp),
      .m_valid(br_wait), .m_ready(ord_pop && !ord_none), .m_data(br_word), .level(br_level)
  );
  // A response that finds its entry waiting goes straight on.
  assign b_direct = b_valid && !br_wait && ord_valid && !ord_none;
  assign br_valid = br_wait || b_valid;
  assign br_resp  = br_wait ? br_word : b_resp;
  // First write error of each operation: 0 none, 1 SLVERR, 2 DECERR.
  crl_ram_lut #(.W(2), .DEPTH(OPS)) u_wst (
      .clk, .we(ord_pop), .waddr(ord_tag[OW-1:0]), .wdata(wst_now), .raddr(ord_tag[OW-1:0]), .rdata(wst_rd)
  );
  assign ord_pop = ord_valid && (ord_none || br_valid);
  always_comb begin
    wst_now = ord_new ? 2'd0 : wst_rd;
    if (wst_now == 2'd0 && !ord_none && br_resp[1]) wst_now = br_resp[0] ? 2'd2 : 2'd1;
  end
  always_ff @(posedge clk) begin
    if (rst) ldone_valid <= 1'b0;
    else ldone_valid <= ord_pop && ord_last;
    ldone_tag    <= ord_tag;
    ldone_status <= ord_st;
    if (wst_now == 2'd1) ldone_status <= crl_pkg::ST_WRITE_SLVERR;
    if (wst_now == 2'd2) ldone_status <= crl_pkg::ST_WRITE_DECERR;
  end

  // ---------------------------------------------------------------- op-acks of cancelled operations
  generate
    for (genvar p = 0; p < PEERS; p++) begin : g_ack
      logic [1:0] code;
      crl_ram_lut #(.W(2), .DEPTH(OPS)) u_fst_ack (
          .clk, .we(fst_we), .waddr(h_tag[OW-1:0]), .wdata(fst_now), .raddr(ack_tag[16*p +: OW]), .rdata(code)
      );
      always_comb begin
        ack_status_out[8*p +: 8] = ack_status[8*p +: 8];
        if (ack_status[8*p +: 8] == (8'(crl_pkg::ST_ABORTED) | 8'h80)) begin
          ack_status_out[8*p +: 8] = crl_pkg::ST_ABORTED;
          if (code == 2'd1) ack_status_out[8*p +: 8] = crl_pkg::ST_READ_SLVERR;
          if (code == 2'd2) ack_status_out[8*p +: 8] = crl_pkg::ST_READ_DECERR;
          if (code == 2'd3) ack_status_out[8*p +: 8] = crl_pkg::ST_KEY_REVOKED;
        end
      end
    end
  endgenerate

  // ---------------------------------------------------------------- counters
  always_ff @(posedge clk) begin
    if (rst) cnt_valid <= 1'b0;
    else cnt_valid <= x_go && !x_remote_q && !x_tok_q;
    cnt_ch    <= x_ch_q;
    cnt_bytes <= 12'(x_n_q);
  end

  assign idle = h_level == '0 && !x_v_q && !n_valid && !ord_valid && !txf_busy_q;

  logic unused;
  assign unused = &{1'b0, ack_tag, s_ready_unused, h_rsvd, o_tag_unused, n_level, fd_level, ord_level, br_level, br_ready_unused};

endmodule

`default_nettype wire
