// SPDX-License-Identifier: Apache-2.0
//
// crl_link: one end of the link to a peer: REQ and RSP virtual channels with credits, replay, CRC.
//
// How:
//   node ─► txbuf (REQ frames, kept until acknowledged) ─┐
//   node ─► RSP ring ────────────────────────────────────┼─► tx ─► async FIFO ─► m_axis_link
//   ctl (session, time-outs), seq (what is expected),    │
//   credits ─────────────────────────────────────────────┘
//   s_axis_link ─► async FIFO ─► rx (CRC, checks) ─┬─► rxbuf (slots) ─► node: REQ frames
//                                                  ├─► FIFO ─► node: op-acks
//                                                  └─► acknowledgements, credits, NAK, EPOCH
//   Frames are numbered per virtual channel and delivered once and in order: the receiver takes only
//   the number it expects and asks for the rest (LINK_NAK), the sender goes back to it.
// Latency, LINK_W = DATA_W, in cycles beside the two async FIFOs: last payload beat to first header
//   beat 5, last beat of a frame from the link to rx_valid and to ack_valid 4 (5 above 128 bits), and FRAME_W/LINK_W + 3 more to
//   rx_valid if a header waits.
// Throughput: a beat a cycle each way, no bubble between frames that wait.
// Assumes: tx_take comes at most 8 cycles after tx_ok was looked at. Both ends have the same LINK_W, CHANNELS, LINK_MTU and RX_SHARED (checked when the link
//   comes up, LINK_W apart). Every tx_take is followed by one frame, also when the link has gone down.
`default_nettype none

module crl_link #(
    parameter int DATA_W           = 64,
    parameter int LINK_W           = DATA_W,
    parameter int CHANNELS         = 8,
    parameter int LINK_MTU         = 1024,
    parameter int RX_SHARED        = LINK_W <= 128 ? 24 : 3 * LINK_W / 16,  // at most 125
    parameter int REPLAY_FRAMES    = LINK_W <= 128 ? 32 : LINK_W / 4,   // power of two
    parameter int READ_SLOTS       = 16,    // receive slots for READ_DATA; 0: no READ
    parameter bit ATOMIC_EN        = 1,     // operands are sent
    parameter bit SEND_EN          = 1,     // immediates, OP_PERMIT
    parameter int OPS              = 128,   // not used: acknowledgements carry the tag
    parameter int KEEPALIVE_CYCLES = 4096,
    localparam int CW              = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,
    // set-up; a change brings the link down and up again
    input  wire logic                cfg_enable,
    input  wire logic [7:0]          cfg_node,
    input  wire logic [7:0]          cfg_peer_node,
    input  wire logic [15:0]         cfg_epoch,
    input  wire logic                link_up_i,   // pin, asynchronous
    output logic                     up,
    // transmit REQ
    output logic      [CHANNELS-1:0] tx_ok,       // a credit and room for one whole frame
    input  wire logic                tx_take,     // event: both are reserved
    input  wire logic [CW-1:0]       tx_take_ch,
    output logic                     rd_ok,       // a receive slot for an answer is free
    input  wire logic                tx_take_rd,  // with tx_take, for READ: it is reserved too
    input  wire logic                txp_valid,   // payload beats
    output logic                     txp_ready,
    input  wire logic [DATA_W-1:0]   txp_data,
    input  wire logic                txf_valid,   // closes the frame
    output logic                     txf_ready,
    input  wire logic [7:0]          txf_type,
    input  wire logic [7:0]          txf_flags,
    input  wire logic [7:0]          txf_src_ch,
    input  wire logic [7:0]          txf_dst_ch,
    input  wire logic [15:0]         txf_op_seq,
    input  wire logic [15:0]         txf_tag,
    input  wire logic [63:0]         txf_segaddr,
    input  wire logic [31:0]         txf_total,
    input  wire logic [31:0]         txf_offset,
    input  wire logic [15:0]         txf_len,     // payload bytes; 0 drops the beats of the frame
    input  wire logic [127:0]        txf_arg,     // OPERAND1, OPERAND0. READ: bytes asked; WRITE_IMM: immediate
    // transmit READ_DATA
    output logic                     rdt_ok,      // room for one whole frame
    input  wire logic                rdt_want,    // level: there is one
    input  wire logic                rdt_take,    // event: it is reserved
    input  wire logic                rdp_valid,
    output logic                     rdp_ready,
    input  wire logic [DATA_W-1:0]   rdp_data,
    input  wire logic                rdf_valid,
    output logic                     rdf_ready,
    input  wire logic [7:0]          rdf_flags,
    input  wire logic [7:0]          rdf_src_ch,
    input  wire logic [7:0]          rdf_dst_ch,
    input  wire logic [15:0]         rdf_op_seq,
    input  wire logic [15:0]         rdf_tag,
    input  wire logic [63:0]         rdf_segaddr,
    input  wire logic [31:0]         rdf_total,
    input  wire logic [31:0]         rdf_offset,
    input  wire logic [15:0]         rdf_len,     // as txf_len
    input  wire logic [7:0]          rdf_status,
    // transmit RSP
    input  wire logic                rsp_valid,
    output logic                     rsp_ready,
    input  wire logic [7:0]          rsp_src_ch,  // our channel
    input  wire logic [7:0]          rsp_dst_ch,  // the initiator's
    input  wire logic [15:0]         rsp_op_seq,
    input  wire logic [15:0]         rsp_tag,
    input  wire logic                rsp_permit,  // OP_PERMIT
    input  wire logic [7:0]          rsp_status,  // else 0: OP_ACK, not 0: OP_NAK
    input  wire logic [15:0]         rsp_status2,
    // receive REQ
    output logic                     rx_valid,
    input  wire logic                rx_ready,
    output logic [crl_pkg::FRAME_W-1:0] rx_hdr,
    output logic                     rxp_valid,
    input  wire logic                rxp_ready,
    output logic      [DATA_W-1:0]   rxp_data,
    output logic                     rxp_last,
    input  wire logic                slot_free,   // event: one frame is done with
    input  wire logic [7:0]          slot_free_ch,// SRC_CH of that frame
    input  wire logic                slot_free_rd,// it was READ_DATA
    // receive RSP
    output logic                     ack_valid,
    input  wire logic                ack_ready,
    output logic      [15:0]         ack_tag,
    output logic      [7:0]          ack_src_ch,  // our channel, the one that began the operation
    output logic                     ack_permit,  // it is OP_PERMIT
    output logic      [7:0]          ack_status,
    output logic      [15:0]         ack_status2,
    // counters, events
    output logic                     ev_crc_err,
    output logic                     ev_frame_tx,
    output logic                     ev_frame_rx,
    output logic                     ev_nak,      // a LINK_NAK was received
    output logic                     ev_bad_frame,
    // link side
    input  wire logic                link_clk,
    input  wire logic                link_rst,
    output logic      [LINK_W-1:0]   m_axis_link_tdata,
    output logic      [LINK_W/8-1:0] m_axis_link_tkeep,
    output logic                     m_axis_link_tvalid,
    input  wire logic                m_axis_link_tready,
    output logic                     m_axis_link_tlast,
    input  wire logic [LINK_W-1:0]   s_axis_link_tdata,
    input  wire logic [LINK_W/8-1:0] s_axis_link_tkeep,
    input  wire logic                s_axis_link_tvalid,
    output logic                     s_axis_link_tready,
    input  wire logic                s_axis_link_tlast
);

  localparam int FRAME_BITS = crl_pkg::FRAME_W;
  localparam int HB         = FRAME_BITS / LINK_W;
  localparam int HW         = HB > 1 ? $clog2(HB) : 1;
  localparam int MB         = LINK_MTU * 8 / LINK_W;
  localparam int MBW        = $clog2(MB);
  localparam int TX_SLOTS   = REPLAY_FRAMES;                  // frames kept for replay
  localparam int TIW        = $clog2(TX_SLOTS);
  localparam int QUEUE      = DATA_W <= 128 ? 5 : TX_SLOTS < 32 ? TX_SLOTS : 32;  // largest frames taken and not sent
  localparam int RD_QUEUE   = DATA_W <= 128 ? 3 : TX_SLOTS < 32 ? TX_SLOTS : 32;     // the same for READ_DATA
  localparam int RSP_SLOTS  = LINK_W > 128 ? 64 : 32;
  localparam int RIW        = $clog2(RSP_SLOTS);
  localparam int RX_SLOTS   = CHANNELS + RX_SHARED > 1 ? CHANNELS + RX_SHARED + READ_SLOTS : 2;
  localparam bit READ_EN    = READ_SLOTS != 0;
  localparam int ARG_W      = ATOMIC_EN ? 128 : SEND_EN ? 32 : 16;  // of the operands, what is ever sent
  localparam int RSP_W      = SEND_EN ? 73 : 72;
  localparam int ACK_W      = SEND_EN ? 49 : 48;
  localparam int REC_W      = READ_EN || SEND_EN ? 192 + ARG_W : 192;
  localparam int URGENT     = RX_SHARED >= 8 ? RX_SHARED / 4 : 2;

  initial begin
    if (LINK_W != 64 && LINK_W != 128 && LINK_W != 256 && LINK_W != 512)
      $fatal(1, "crl_link: LINK_W must be 64, 128, 256 or 512");
    if (CHANNELS < 1 || CHANNELS > 64) $fatal(1, "crl_link: CHANNELS must be 1 to 64");
    if (MB < 2 || MB < HB || (LINK_MTU & (LINK_MTU - 1)) != 0 || LINK_MTU > 16384)
      $fatal(1, "crl_link: LINK_MTU must be a power of two, at least 64 bytes and two beats, at most 16384");
    // Counts of credits go modulo 256, and half of that range tells old from new.
    if (RX_SHARED < 0 || RX_SHARED > 125) $fatal(1, "crl_link: RX_SHARED must be at most 125");
    if (TX_SLOTS < 8 || TX_SLOTS > 256 || (TX_SLOTS & (TX_SLOTS - 1)) != 0)
      $fatal(1, "crl_link: REPLAY_FRAMES must be a power of two from 8 to 256");
    if (OPS < 1) $fatal(1, "crl_link: OPS must be at least 1");
  end

  logic flush, clear;
  logic [15:0] session;
  logic did_any, did_epoch, did_idle, busy;
  logic urgent, cr_news, cr_bad, refresh;

  // ---- pins
  logic              pin_up;
  logic              o_valid, o_ready, o_last, i_valid, i_full, i_last;
  logic [LINK_W-1:0] o_data, i_data;

  crl_sync_bit u_pin (.clk, .d(link_up_i), .q(pin_up));

  assign m_axis_link_tkeep = '1;

  crl_async_fifo #(.W(LINK_W + 1), .DEPTH(16)) u_out (
      .s_clk(clk), .s_rst(rst), .s_valid(o_valid), .s_ready(o_ready), .s_data({o_last, o_data}),
      .m_clk(link_clk), .m_rst(link_rst), .m_valid(m_axis_link_tvalid), .m_ready(m_axis_link_tready),
      .m_data({m_axis_link_tlast, m_axis_link_tdata})
  );
  crl_async_fifo #(.W(LINK_W + 2), .DEPTH(16)) u_in (
      .s_clk(link_clk), .s_rst(link_rst), .s_valid(s_axis_link_tvalid), .s_ready(s_axis_link_tready),
      .s_data({s_axis_link_tkeep == '1, s_axis_link_tlast, s_axis_link_tdata}),
      .m_clk(clk), .m_rst(rst), .m_valid(i_valid), .m_ready(1'b1), .m_data({i_full, i_last, i_data})
  );

  // ---- receiver
  logic           w_hdr, w_pay, req_valid, rsp_fr_valid, req_accept, rsp_accept, room, fifo_room;
  logic [HW-1:0]  w_hidx;
  logic [MBW-1:0] w_pidx;
  logic [LINK_W-1:0] w_data;
  logic [15:0]    fr_seq, fr_len;
  logic [MBW:0]   fr_beats;
  logic           d_good, d_ctl, d_cr_valid, rx_bad;
  logic [7:0]     d_type, d_flags, d_status, d_rsp_credit, d_cr_ch, d_cr_cnt, fr_status, fr_dst_ch;
  logic [15:0]    d_seq, d_tag, d_ack_req, fr_tag, fr_status2;
  logic           fr_permit;
  logic [127:0]   d_ops;

  crl_link_rx #(.LINK_W(LINK_W), .CHANNELS(CHANNELS), .LINK_MTU(LINK_MTU), .READ_EN(READ_EN), .SEND_EN(SEND_EN)) u_rx (
      .clk, .rst, .cfg_node, .cfg_peer_node, .cfg_epoch, .up, .session,
      .s_valid(i_valid), .s_data(i_data), .s_full(i_full), .s_last(i_last),
      .w_hdr, .w_hidx, .w_pay, .w_pidx, .w_data,
      .req_valid, .rsp_valid(rsp_fr_valid), .fr_seq, .fr_beats, .fr_len, .fr_permit, .fr_status, .fr_dst_ch, .fr_tag, .fr_status2,
      .d_good, .d_ctl, .d_type, .d_flags, .d_status, .d_seq, .d_tag,
      .d_ack_req, .d_rsp_credit, .d_cr_valid, .d_cr_ch, .d_cr_cnt, .d_ops,
      .ev_crc_err, .ev_bad_frame(rx_bad)
  );

  logic is_epoch, is_nak, is_idle, live;  // of the frame at d_*

  assign is_epoch = d_good && d_ctl && d_type == crl_pkg::FRAME_TYPE_EPOCH;
  assign is_nak   = d_good && d_ctl && d_type == crl_pkg::FRAME_TYPE_LINK_NAK && up;
  assign is_idle  = d_good && d_ctl && d_type == crl_pkg::FRAME_TYPE_IDLE && up;
  assign live     = d_good && !is_epoch && up;
  assign ev_frame_rx = d_good;
  assign ev_nak      = is_nak;
  assign ev_bad_frame = rx_bad || cr_bad;
  assign ev_frame_tx = did_any;

  logic       rx_quiet, free, free_rd;
  logic [7:0] free_ch;

  crl_link_rxbuf #(.DATA_W(DATA_W), .LINK_W(LINK_W), .LINK_MTU(LINK_MTU), .SLOTS(RX_SLOTS)) u_rxbuf (
      .clk, .rst, .flush, .clear, .quiet(rx_quiet),
      .room, .w_hdr, .w_hidx, .w_pay, .w_pidx, .w_data,
      .commit(req_accept), .commit_beats(fr_beats), .commit_len(fr_len),
      .rx_valid, .rx_ready, .rx_hdr, .rxp_valid, .rxp_ready, .rxp_data, .rxp_last,
      .slot_free, .slot_free_ch, .slot_free_rd, .free, .free_ch, .free_rd
  );

  // ---- what is expected next
  logic [15:0] exp_req, exp_rsp;
  logic        nak_req_due, nak_rsp_due, did_nak_req, did_nak_rsp;

  crl_link_seq #(.REPEAT_CYCLES(KEEPALIVE_CYCLES / 2)) u_seq_req (
      .clk, .rst, .clear(flush), .fr_valid(req_valid), .fr_seq, .fr_room(room), .fr_accept(req_accept),
      .hint_valid(is_idle), .hint_seq(d_seq), .expected(exp_req),
      .nak_due(nak_req_due), .nak_sent(did_nak_req)
  );
  crl_link_seq #(.REPEAT_CYCLES(KEEPALIVE_CYCLES / 2)) u_seq_rsp (
      .clk, .rst, .clear(flush), .fr_valid(rsp_fr_valid), .fr_seq, .fr_room(fifo_room),
      .fr_accept(rsp_accept), .hint_valid(is_idle), .hint_seq(d_tag), .expected(exp_rsp),
      .nak_due(nak_rsp_due), .nak_sent(did_nak_rsp)
  );

  // ---- answers to the node; the peer never sends more than RSP_SLOTS that are not counted as freed
  logic [ACK_W-1:0] ack_rec;
  logic [RIW:0] fifo_level;

  crl_fifo #(.W(ACK_W), .DEPTH(RSP_SLOTS)) u_acks (
      .clk, .rst, .s_valid(rsp_accept), .s_ready(fifo_room),
      .s_data(ACK_W'({fr_permit, fr_tag, fr_dst_ch, fr_status, fr_status2})),
      .m_valid(ack_valid), .m_ready(ack_ready), .m_data(ack_rec),
      .level(fifo_level)
  );

  assign {ack_permit, ack_tag, ack_src_ch, ack_status, ack_status2} = 49'(ack_rec);

  // ---- REQ sender
  logic [REC_W-1:0] req_rec, tx_rec;
  logic [TIW:0] req_unsent_unused;
  logic [MBW:0] closed_beats;
  logic         closed_rd;  // it is READ_DATA
  logic         req_avail, req_resend, req_full, req_push, did_req, hold_req, req_unacked, closed, re;
  logic [15:0]  req_seq, req_next, req_len;
  logic [MBW:0] req_beats;
  logic [31:0]  req_crc;
  logic [TIW-1:0] push_idx, re_slot;
  logic [TIW:0] req_freed;
  logic [MBW-1:0] re_idx;
  logic [LINK_W-1:0] re_data;

  logic              tp_valid, tp_ready, tf_valid, tf_ready;
  logic [DATA_W-1:0] tp_data;
  logic [15:0]       tf_len;

  generate
    if (READ_EN) begin : g_two
      crl_link_txarb #(.DATA_W(DATA_W), .REC_W(REC_W + 16)) u_txarb (
          .clk, .rst, .a_p_valid(txp_valid), .a_p_ready(txp_ready), .a_p_data(txp_data), .a_f_valid(txf_valid), .a_f_ready(txf_ready),
          .a_f_rec({txf_len, txf_arg[ARG_W-1:0], txf_offset, txf_total, txf_segaddr, txf_tag, txf_op_seq, txf_dst_ch, txf_src_ch, txf_flags,
                    txf_type}),
          .b_p_valid(rdp_valid), .b_p_ready(rdp_ready), .b_p_data(rdp_data), .b_f_valid(rdf_valid), .b_f_ready(rdf_ready),
          .b_f_rec({rdf_len, ARG_W'(rdf_status), rdf_offset, rdf_total, rdf_segaddr, rdf_tag, rdf_op_seq, rdf_dst_ch, rdf_src_ch,
                    rdf_flags, crl_pkg::FRAME_TYPE_READ_DATA}),
          .m_p_valid(tp_valid), .m_p_ready(tp_ready), .m_p_data(tp_data), .m_f_valid(tf_valid), .m_f_ready(tf_ready),
          .m_f_rec({tf_len, tx_rec})
      );
    end else begin : g_one
      logic unused;
      assign unused    = &{1'b0, txf_arg, rdp_valid, rdp_data, rdf_valid, rdf_flags, rdf_src_ch, rdf_dst_ch, rdf_op_seq, rdf_tag,
                           rdf_segaddr, rdf_total, rdf_offset, rdf_len, rdf_status};
      assign tp_valid  = txp_valid;
      assign txp_ready = tp_ready;
      assign tp_data   = txp_data;
      assign tf_valid  = txf_valid;
      assign txf_ready = tf_ready;
      assign tf_len    = txf_len;
      assign rdp_ready = 1'b0;
      assign rdf_ready = 1'b0;
      assign tx_rec    = REC_W'({txf_arg, txf_offset, txf_total, txf_segaddr, txf_tag, txf_op_seq,
                          txf_dst_ch, txf_src_ch, txf_flags, txf_type});
    end
  endgenerate

  logic [REC_W-1:0]  closed_rec;

  assign closed_rd = READ_EN && closed_rec[7:0] == 8'(crl_pkg::FRAME_TYPE_READ_DATA);

  crl_link_txbuf #(.DATA_W(DATA_W), .LINK_W(LINK_W), .LINK_MTU(LINK_MTU), .SLOTS(TX_SLOTS), .REC_W(REC_W)) u_txbuf (
      .clk, .rst, .flush,
      .p_valid(tp_valid), .p_ready(tp_ready), .p_data(tp_data),
      .f_valid(tf_valid), .f_ready(tf_ready), .f_rec(tx_rec), .f_len(tf_len),
      .closed, .closed_beats, .closed_rec, .push(req_push), .push_idx,
      .rd_slot(req_seq[TIW-1:0]), .rd_rec(req_rec), .rd_len(req_len), .rd_beats(req_beats), .rd_crc(req_crc),
      .re, .re_idx, .re_slot, .re_data
  );

  crl_link_gbn #(.SLOTS(TX_SLOTS), .ACK_W(16)) u_req (
      .clk, .rst, .clear(flush), .push(req_push), .push_idx, .full(req_full),
      .avail(req_avail), .send(did_req), .send_seq(req_seq), .resend(req_resend), .next_new(req_next),
      .ack_valid(live), .ack_num(d_ack_req),
      .ack_nak(is_nak && !d_flags[crl_pkg::FRAME_FLAG_NAK_RSP]),
      .hold(hold_req), .unacked(req_unacked), .unsent(req_unsent_unused), .freed(req_freed)
  );

  // ---- RSP sender
  logic         rsp_avail, rsp_resend, rsp_push, rsp_full, did_rsp, rsp_unacked, nak_rsp;
  logic [15:0]  rsp_seq, rsp_next;
  logic [RIW-1:0] rsp_idx;
  logic [RIW:0] rsp_freed, rsp_unsent_unused;
  logic [RSP_W-1:0] rsp_rec;

  assign rsp_ready = !rsp_full || flush;
  assign rsp_push  = rsp_valid && rsp_ready && !flush;
  assign nak_rsp   = is_nak && d_flags[crl_pkg::FRAME_FLAG_NAK_RSP];

  crl_ram_lut #(.W(RSP_W), .DEPTH(RSP_SLOTS)) u_rsp_ram (
      .clk, .we(rsp_push), .waddr(rsp_idx),
      .wdata(RSP_W'({rsp_permit, rsp_status2, rsp_status, rsp_tag, rsp_op_seq, rsp_dst_ch, rsp_src_ch})),
      .raddr(rsp_seq[RIW-1:0]), .rdata(rsp_rec)
  );

  crl_link_gbn #(.SLOTS(RSP_SLOTS), .ACK_W(8)) u_rsp (
      .clk, .rst, .clear(flush), .push(rsp_push), .push_idx(rsp_idx), .full(rsp_full),
      .avail(rsp_avail), .send(did_rsp), .send_seq(rsp_seq), .resend(rsp_resend), .next_new(rsp_next),
      .ack_valid(live), .ack_num(nak_rsp ? d_seq[7:0] : d_rsp_credit), .ack_nak(nak_rsp),
      .hold(1'b0), .unacked(rsp_unacked), .unsent(rsp_unsent_unused), .freed(rsp_freed)
  );

  // ---- credits
  logic [7:0]          cr_ch, cr_cnt;
  logic [CHANNELS-1:0] cr_ok;

  crl_link_credit_tx #(.CHANNELS(CHANNELS), .SHARED(RX_SHARED)) u_credit_tx (
      .clk, .rst, .clear, .take(tx_take), .take_ch(tx_take_ch),
      .ret_valid(live && d_cr_valid), .ret_ch(d_cr_ch), .ret_cnt(d_cr_cnt), .ok(cr_ok), .bad(cr_bad)
  );
  crl_link_credit_rx #(.CHANNELS(CHANNELS), .URGENT(URGENT)) u_credit_rx (
      .clk, .rst, .clear, .refresh, .free(free && !free_rd), .free_ch,
      .cr_ch, .cr_cnt, .cr_take(did_any), .news(cr_news), .urgent
  );

  // ---- reservations
  logic room_q, rdt_room, none_open, peer_reads, slot_ok, started_rd;

  assign tx_ok  = cr_ok & {CHANNELS{up && room_q}};
  // When the session has ended answers are taken and thrown away. A peer that can't read answers without payload.
  assign rdt_ok = READ_EN && (flush || (up && rdt_room));
  assign rd_ok  = slot_ok || !peer_reads;

  crl_link_room #(
      .SLOTS(TX_SLOTS), .QUEUE(QUEUE), .RD_QUEUE(RD_QUEUE), .READ_SLOTS(READ_SLOTS), .BEATS(MB), .HEADER(HB)
  ) u_room (
      .clk, .rst, .flush, .clear, .tx_take, .rdt_take, .rdt_want, .started(did_req && !req_resend), .started_rd,
      .started_beats(req_beats), .freed(req_freed), .closed, .closed_rd, .closed_beats, .room(room_q), .rdt_room, .none_open,
      .rd_take(tx_take && tx_take_rd && peer_reads), .rd_free(free && free_rd), .rd_ok(slot_ok)
  );

  // ---- session and small things that ride on headers
  logic         epoch_due, idle_due, ack_news_q, ack_ev_q, did_any_q, shout_q, all_quiet;
  logic [127:0] epoch_ops;
  logic [7:0]   rsp_credit;

  assign all_quiet  = rx_quiet && none_open && !ack_valid && !busy;
  assign refresh    = is_idle && d_status != crl_pkg::ST_OK;
  assign rsp_credit = exp_rsp[7:0] - 8'(fifo_level);

  always_ff @(posedge clk) begin
    if (rst || flush) begin
      ack_news_q <= 1'b0;
      ack_ev_q   <= 1'b0;
      did_any_q  <= 1'b0;
      shout_q    <= 1'b0;
    end else begin
      // What comes with or after the header is loaded is news again.
      ack_ev_q   <= req_valid || (ack_valid && ack_ready);
      did_any_q  <= did_any;
      ack_news_q <= req_valid || (ack_valid && ack_ready) || ack_ev_q || (ack_news_q && !did_any_q);
      // Something was dropped: ask the peer to repeat what it says only once.
      shout_q    <= up && (ev_crc_err || rx_bad || (shout_q && !did_idle));
    end
  end

  crl_link_ctl #(
      .CHANNELS(CHANNELS), .LINK_MTU(LINK_MTU), .RX_SHARED(RX_SHARED), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES),
      .READ_EN(READ_EN)
  ) u_ctl (
      .clk, .rst, .cfg_enable, .cfg_node, .cfg_peer_node, .cfg_epoch, .pin_up, .quiet(all_quiet),
      .up, .peer_reads, .session, .flush, .clear, .heard(d_good), .ep_valid(is_epoch), .ep_ops(d_ops),
      .epoch_due, .epoch_ops, .did_epoch, .did_any, .busy,
      .unacked(req_unacked || rsp_unacked), .progress(req_freed != '0 || rsp_freed != '0),
      .news(ack_news_q || cr_news || shout_q), .urgent, .idle_due
  );

  crl_link_tx #(.LINK_W(LINK_W), .LINK_MTU(LINK_MTU), .SLOTS(TX_SLOTS), .READ_EN(READ_EN)) u_tx (
      .clk, .rst, .cfg_node, .cfg_peer_node, .cfg_epoch, .up, .session,
      .epoch_due, .epoch_ops, .nak_req_due, .nak_rsp_due, .idle_due,
      .idle_status(shout_q ? crl_pkg::ST_LINK_ERROR : crl_pkg::ST_OK),
      .rsp_avail, .rsp_seq, .rsp_rec(73'(rsp_rec)), .rsp_next,
      .req_avail, .req_resend, .req_seq, .req_rec(320'(req_rec)), .req_len, .req_beats, .req_crc, .req_next,
      .ack_req(exp_req), .exp_rsp, .rsp_credit, .cr_ch, .cr_cnt,
      .did_any, .did_epoch, .did_nak_req, .did_nak_rsp, .did_rsp, .did_req, .did_idle, .started_rd, .busy, .hold_req,
      .re, .re_slot, .re_idx, .re_data,
      .m_valid(o_valid), .m_ready(o_ready), .m_data(o_data), .m_last(o_last)
  );

  logic unused;
  assign unused = &{1'b0, req_full, rsp_resend, rsp_unsent_unused, req_unsent_unused, closed_rec[REC_W-1:8], txf_arg};

`ifndef SYNTHESIS
  logic took_q;
  always_ff @(posedge clk) begin
    took_q <= !rst && tx_take;
    if (!rst) begin
      // Nothing is taken that is not offered; what room there was for the engine stays (crl_link_room).
      assert (!(tx_take && up && !cr_ok[tx_take_ch]));
      assert (!(tx_take && took_q === 1'b1));       // two takes are at least two cycles apart
    end
  end
`endif

endmodule

`default_nettype wire
