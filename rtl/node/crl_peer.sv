// SPDX-License-Identifier: Apache-2.0
//
// crl_peer: all that a node has for one peer: link, MIRROR's frames, target, responder, atomics' answers.
//
// How: docs/architecture.md. This file only connects the blocks, and joins what several of them have for one place: the
//   answers of READ and of atomics on their way to the link, freed receive slots, op-acks and ends of reads on their way to the engine.
// Latency, throughput: those of the blocks.
`default_nettype none

module crl_peer #(
    parameter int DATA_W   = 64,
    parameter int LINK_W   = DATA_W,
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    parameter int PEER     = 0,        // which one
    parameter int SEGMENTS = 32,
    parameter int FUNC_W   = 8,
    parameter int MAX_BURST_BYTES = 512,
    parameter int OPS      = 128,
    parameter int LINK_MTU = 1024,
    parameter int RX_SHARED     = 24,  // as in crl_node, likewise the rest
    parameter int REPLAY_FRAMES = 32,
    parameter bit READ_EN   = 1,
    parameter bit ATOMIC_EN = 1,
    parameter bit SEND_EN   = 1,
    parameter bit MIRROR_EN = 1,
    parameter int HOLD_FRAMES = 32,
    parameter int READ_SLOTS  = 16,
    parameter int KEEPALIVE_CYCLES = 4096,
    localparam int CW = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int SW = $clog2(SEGMENTS),
    localparam int EW = crl_pkg::SEGENT_W,
    localparam int B  = DATA_W / 8,
    localparam int LB = LINK_W / 8
) (
    input  wire logic                     clk,
    input  wire logic                     rst,   // synchronous, active high

    input  wire logic                     cfg_enable,      // peer's registers, from crl_regs
    input  wire logic [7:0]               cfg_node,
    input  wire logic [7:0]               cfg_peer_node,
    input  wire logic [15:0]              cfg_epoch,
    output logic                          up,              // session is up
    output logic      [4:0]               ev,              // events {bad_frame, nak, rx, tx, crc}

    input  wire logic                     cc_we,           // which peer and which of its channels may act on a channel, and for whom
    input  wire logic [CW-1:0]            cc_ch,
    input  wire logic [FUNC_W-1:0]        cc_func,
    input  wire logic [1:0]               cc_peer,
    input  wire logic [7:0]               cc_peer_ch,
    input  wire logic [CHANNELS-1:0]      bound,           // a channel that is bound

    output logic      [SW-1:0]            seg_idx,         // segment table
    input  wire logic [EW-1:0]            seg_entry,

    output logic      [CHANNELS-1:0]      tx_ok,           // engine: what it sends
    output logic                          rd_ok,
    output logic                          hold_ok,
    input  wire logic                     tx_take,
    input  wire logic                     tx_take_rd,
    input  wire logic                     tx_take_hold,
    input  wire logic [CW-1:0]            tx_take_ch,
    input  wire logic                     txp_valid,
    output logic                          txp_ready,
    input  wire logic [DATA_W-1:0]        txp_data,
    input  wire logic                     txp_mirror,
    input  wire logic                     txf_valid,
    output logic                          txf_ready,
    input  wire logic [7:0]               txf_type,
    input  wire logic [7:0]               txf_flags,
    input  wire logic [7:0]               txf_src_ch,
    input  wire logic [7:0]               txf_dst_ch,
    input  wire logic [15:0]              txf_op_seq,
    input  wire logic [15:0]              txf_tag,
    input  wire logic [63:0]              txf_segaddr,
    input  wire logic [31:0]              txf_total,
    input  wire logic [31:0]              txf_offset,
    input  wire logic [15:0]              txf_len,
    input  wire logic [127:0]             txf_arg,

    input  wire logic                     rop_valid,       // engine: its operations, and what became of them
    input  wire logic [1:0]               rop_peer,
    input  wire logic [15:0]              rop_tag,
    input  wire logic [CW-1:0]            rop_ch,
    input  wire logic [FUNC_W-1:0]        rop_func,
    input  wire logic                     rop_abs,
    input  wire logic [63:0]              rop_dst,
    input  wire logic [31:0]              rop_total,
    input  wire logic                     rop_atomic,
    input  wire logic                     rop_mirror,
    input  wire logic                     kill_valid,
    input  wire logic [15:0]              kill_tag,
    input  wire logic [7:0]               kill_status,
    output logic                          mfail_valid,
    input  wire logic                     mfail_ready,
    output logic      [CW-1:0]            mfail_ch,
    output logic      [15:0]              mfail_op,
    output logic                          ack_valid,
    input  wire logic                     ack_ready,
    output logic      [7:0]               ack_ch,
    output logic                          ack_permit,
    output logic      [15:0]              ack_tag,
    output logic      [7:0]               ack_status,
    output logic      [15:0]              ack_status2,

    input  wire logic [CHANNELS-1:0]      dead,            // engine: receive rings
    output logic                          q_valid,
    output logic      [CW-1:0]            q_ch,
    output logic                          q_send,
    input  wire logic                     q_done,
    input  wire logic                     q_ok,
    input  wire logic [63:0]              q_dst,
    input  wire logic [31:0]              q_len,
    input  wire logic                     q_bad,
    input  wire logic                     q_abs,
    output logic                          sure_valid,
    output logic      [CW-1:0]            sure_ch,
    output logic                          x_valid,
    input  wire logic                     x_ready,
    output logic                          x_back,
    output logic                          x_send,
    output logic      [7:0]               x_status,
    output logic      [CW-1:0]            x_ch,
    output logic                          x_irq,
    output logic      [31:0]              x_bytes,
    output logic      [31:0]              x_imm,

    output logic                          u_valid,         // atomic unit
    output logic      [63:0]              u_segaddr,
    output logic      [7:0]               u_ch,
    output logic      [FUNC_W-1:0]        u_user,
    output logic      [127:0]             u_oper,
    output logic                          u_swap,
    input  wire logic                     u_done,
    input  wire logic [7:0]               u_status,
    input  wire logic [63:0]              u_old,

    output logic                          ar_valid,        // read client of the memory port
    input  wire logic                     ar_ready,
    output logic      [63:0]              ar_addr,
    output logic      [7:0]               ar_len,
    output logic      [FUNC_W-1:0]        ar_user,
    input  wire logic                     r_valid,
    input  wire logic [DATA_W-1:0]        r_data,
    input  wire logic [1:0]               r_resp,
    input  wire logic                     r_last,
    output logic                          pending,

    output logic                          wb_soon,         // write client of the memory port
    output logic                          wb_valid,
    input  wire logic                     wb_ready,
    output logic                          wb_first,
    output logic                          wb_last,
    output logic      [63:0]              wb_addr,
    output logic      [7:0]               wb_len,
    output logic      [FUNC_W-1:0]        wb_user,
    output logic      [DATA_W-1:0]        wb_data,
    output logic      [B-1:0]             wb_strb,
    input  wire logic                     wb_b_valid,
    input  wire logic [1:0]               wb_b_resp,

    output logic                          rd_cnt_valid,    // bytes for the counters, interrupts, revocations
    input  wire logic                     rd_cnt_ready,
    output logic      [CW-1:0]            rd_cnt_ch,
    output logic      [11:0]              rd_cnt_bytes,
    output logic                          wr_cnt_valid,
    output logic      [CW-1:0]            wr_cnt_ch,
    output logic      [11:0]              wr_cnt_bytes,
    output logic                          ntf_valid,
    output logic      [CW-1:0]            ntf_ch,
    input  wire logic                     rev_mark,
    output logic                          rev_over_tgt,    // target's and responder's part of a revocation is over
    output logic                          rev_over_rsp,

    input  wire logic                     link_clk,        // link
    input  wire logic                     link_rst,
    input  wire logic                     link_up,         // asynchronous
    output logic      [LINK_W-1:0]        m_axis_link_tdata,
    output logic      [LB-1:0]            m_axis_link_tkeep,
    output logic                          m_axis_link_tvalid,
    input  wire logic                     m_axis_link_tready,
    output logic                          m_axis_link_tlast,
    input  wire logic [LINK_W-1:0]        s_axis_link_tdata,
    input  wire logic [LB-1:0]            s_axis_link_tkeep,
    input  wire logic                     s_axis_link_tvalid,
    output logic                          s_axis_link_tready,
    input  wire logic                     s_axis_link_tlast
);

  localparam int PW   = PEERS > 1 ? $clog2(PEERS) : 1;
  localparam int HELD = 12;            // frames of MIRROR at the target at most

  logic               rx_valid, rx_ready, rxp_valid, rxp_ready, rxp_last, slot_free, rsp_valid, rsp_ready, bind_ok;
  logic [crl_pkg::FRAME_W-1:0] rx_hdr;
  logic [DATA_W-1:0]  rxp_data;
  logic [7:0]         slot_free_ch, rsp_src_ch, rsp_dst_ch, rsp_status, bind_peer_ch, lk_ack_ch;
  logic               rsp_permit, lk_ack_permit;
  logic [15:0]        rsp_op_seq, rsp_tag, rsp_status2;
  logic [CW-1:0]      bind_ch;
  logic [1:0]         bind_peer;
  logic [FUNC_W-1:0]  bind_func;
  logic               busy_unused;
  logic               slot_free_rd, rdt_ok, rdt_want, rdt_take, rdp_valid, rdp_ready, rdf_valid, rdf_ready;
  logic [DATA_W-1:0]  rdp_data;
  logic [7:0]         rdf_flags, rdf_src_ch, rdf_dst_ch, rdf_status, rdone_status, rq_ch, rq_peer_ch, rq_status, rf_ch;
  logic [31:0]        rdf_total, rdf_offset, rq_total, rq_offset;
  logic [15:0]        rdf_op_seq, rq_op_seq, rdf_tag, rdf_len, rdone_tag, rdone_status2, rq_tag;
  logic               aq_valid, aq_room, aq_swap, at_head, at_done;
  logic [127:0]       aq_oper;
  logic [63:0]        rdf_segaddr, rq_segaddr, rq_addr;
  logic               rq_valid, rq_first, rq_last, rf_valid, rf_ready, rdone_valid, rdone_ready;
  logic [11:0]        rq_bytes;
  logic [FUNC_W-1:0]  rq_user;
  logic               lk_ack_valid, lk_ack_ready;
  logic [15:0]        lk_ack_tag, lk_ack_status2;
  logic [7:0]         lk_ack_status;
  // In front of crl_mirror.
  logic               l_valid, l_ready, lp_valid, lp_ready, lp_last, la_valid, la_ready, la_permit;
  logic [crl_pkg::FRAME_W-1:0] l_hdr;
  logic [DATA_W-1:0]  lp_data;
  logic [7:0]         la_ch, la_status, tkill_status;
  logic [15:0]        la_tag, la_status2, tkill_tag;
  logic               rx_held, held_free, tkill_valid;

  crl_link #(.DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .LINK_MTU(LINK_MTU), .RX_SHARED(RX_SHARED),
             .READ_SLOTS(READ_EN ? READ_SLOTS : 0), .REPLAY_FRAMES(REPLAY_FRAMES),
             .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN || MIRROR_EN), .OPS(OPS), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES)) u_link (
      .clk, .rst, .cfg_enable, .cfg_node, .cfg_peer_node,
      .cfg_epoch, .link_up_i(link_up), .up,
      .tx_ok, .tx_take, .tx_take_ch,
      .rd_ok, .tx_take_rd, .txf_arg, .rdt_ok, .rdt_want, .rdt_take, .rdp_valid, .rdp_ready, .rdp_data, .rdf_valid, .rdf_ready,
      .rdf_flags, .rdf_src_ch, .rdf_dst_ch, .rdf_op_seq, .rdf_tag, .rdf_segaddr, .rdf_total, .rdf_offset, .rdf_len, .rdf_status,
      .slot_free_rd,
      .txp_valid, .txp_ready, .txp_data, .txf_valid, .txf_ready,
      .txf_type, .txf_flags, .txf_src_ch, .txf_dst_ch, .txf_op_seq, .txf_tag, .txf_segaddr, .txf_total, .txf_offset, .txf_len,
      .rsp_valid, .rsp_ready, .rsp_src_ch, .rsp_dst_ch, .rsp_op_seq, .rsp_tag, .rsp_permit, .rsp_status, .rsp_status2,
      .rx_valid(l_valid), .rx_ready(l_ready), .rx_hdr(l_hdr), .rxp_valid(lp_valid), .rxp_ready(lp_ready), .rxp_data(lp_data),
      .rxp_last(lp_last), .slot_free, .slot_free_ch,
      .ack_valid(la_valid), .ack_ready(la_ready), .ack_tag(la_tag), .ack_src_ch(la_ch), .ack_permit(la_permit),
      .ack_status(la_status), .ack_status2(la_status2),
      .ev_crc_err(ev[0]), .ev_frame_tx(ev[1]), .ev_frame_rx(ev[2]), .ev_nak(ev[3]),
      .ev_bad_frame(ev[4]),
      .link_clk, .link_rst,
      .m_axis_link_tdata, .m_axis_link_tkeep,
      .m_axis_link_tvalid, .m_axis_link_tready,
      .m_axis_link_tlast,
      .s_axis_link_tdata, .s_axis_link_tkeep,
      .s_axis_link_tvalid, .s_axis_link_tready,
      .s_axis_link_tlast
  );

  // Local copies of MIRROR.
  if (MIRROR_EN) begin : g_mirror
    crl_mirror #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .OPS(OPS), .LINK_MTU(LINK_MTU), .FRAMES(HOLD_FRAMES), .HELD(HELD)) u_mirror (
        .clk, .rst, .hold_ok, .take(tx_take && tx_take_hold),
        .rop_valid(rop_valid && rop_mirror && 32'(rop_peer) == PEER), .rop_tag, .kill_valid, .kill_tag, .kill_status,
        .txp_valid, .txp_ready, .txp_mirror, .txp_data, .txf_valid, .txf_ready,
        .txf_type, .txf_flags, .txf_tag, .txf_offset, .txf_len,
        .fail_valid(mfail_valid), .fail_ready(mfail_ready), .fail_ch(mfail_ch), .fail_op(mfail_op),
        .s_valid(la_valid), .s_ready(la_ready), .s_ch(la_ch), .s_permit(la_permit), .s_tag(la_tag), .s_status(la_status),
        .s_status2(la_status2), .m_valid(lk_ack_valid), .m_ready(lk_ack_ready), .m_ch(lk_ack_ch), .m_permit(lk_ack_permit),
        .m_tag(lk_ack_tag), .m_status(lk_ack_status), .m_status2(lk_ack_status2),
        .l_valid, .l_ready, .l_hdr, .lp_valid, .lp_ready, .lp_data, .lp_last,
        .rx_valid, .rx_ready, .rx_hdr, .rx_held, .rxp_valid, .rxp_ready, .rxp_data, .rxp_last,
        .held_free, .tkill_valid, .tkill_tag, .tkill_status
    );
  end else begin : g_no_mirror
    logic unused_mirror;
    assign unused_mirror = &{1'b0, held_free, mfail_ready, tx_take_hold, txp_mirror};
    assign {hold_ok, mfail_valid, mfail_ch, mfail_op, rx_held} = '0;
    assign {rx_valid, rx_hdr, rxp_valid, rxp_data, rxp_last} = {l_valid, l_hdr, lp_valid, lp_data, lp_last};
    assign {l_ready, lp_ready} = {rx_ready, rxp_ready};
    assign {lk_ack_valid, lk_ack_ch, lk_ack_permit, lk_ack_tag, lk_ack_status, lk_ack_status2} =
        {la_valid, la_ch, la_permit, la_tag, la_status, la_status2};
    assign la_ready     = lk_ack_ready;
    assign tkill_valid  = kill_valid;
    assign tkill_tag    = kill_tag;
    assign tkill_status = kill_status;
  end

  // Which peer and which of its channels may act on this channel, and for whom.
  crl_ram_lut #(.W(10 + FUNC_W), .DEPTH(CHANNELS)) u_bind (
      .clk, .we(cc_we), .waddr(cc_ch), .wdata({cc_func, cc_peer_ch, cc_peer}), .raddr(bind_ch),
      .rdata({bind_func, bind_peer_ch, bind_peer})
  );
  assign bind_ok = bound[bind_ch] && 32'(bind_peer) < PEERS;

  crl_target #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .PEERS(PEERS), .PEER(PEER), .SEGMENTS(SEGMENTS), .FUNC_W(FUNC_W),
               .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU), .RX_SLOTS(CHANNELS + RX_SHARED + (READ_EN ? READ_SLOTS : 0)),
               .OPS(OPS), .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN), .HELD(HELD)) u_target (
      .clk, .rst, .rx_valid, .rx_ready, .rx_hdr, .rx_held, .rxp_valid, .rxp_ready, .rxp_data, .rxp_last, .slot_free, .slot_free_ch,
      .slot_free_rd, .held_free, .rq_valid, .rq_ch, .rq_peer_ch, .rq_op_seq, .rq_tag, .rq_segaddr, .rq_total, .rq_offset, .rq_first, .rq_last,
      .rq_bytes, .rq_status, .rq_addr, .rq_user, .aq_valid, .aq_room, .aq_oper, .aq_swap, .at_head, .at_done, .rf_valid, .rf_ready, .rf_ch,
      .rop_valid(rop_valid && 32'(rop_peer) == PEER), .rop_tag, .rop_ch, .rop_func, .rop_abs, .rop_dst, .rop_total, .rop_atomic, .rop_mirror,
      .kill_valid(tkill_valid), .kill_tag(tkill_tag), .kill_status(tkill_status), .rdone_valid, .rdone_ready, .rdone_tag, .rdone_status, .rdone_status2,
      .rsp_valid, .rsp_ready, .rsp_src_ch, .rsp_dst_ch, .rsp_op_seq, .rsp_tag, .rsp_permit, .rsp_status, .rsp_status2,
      .link_up(up), .dead, .q_valid, .q_ch, .q_send, .q_done, .q_ok,
      .q_dst, .q_len, .q_bad, .q_abs, .sure_valid, .sure_ch,
      .x_valid, .x_ready, .x_back, .x_send, .x_status, .x_ch, .x_irq,
      .x_bytes, .x_imm,
      .bind_ch, .bind_ok, .bind_peer(bind_peer[PW-1:0]), .bind_peer_ch, .bind_func,
      .seg_idx, .seg_entry,
      .wb_soon, .wb_valid, .wb_ready, .wb_first, .wb_last,
      .wb_addr, .wb_len, .wb_user,
      .wb_data, .wb_strb,
      .wb_b_valid, .wb_b_resp,
      .cnt_in_valid(wr_cnt_valid), .cnt_in_ch(wr_cnt_ch), .cnt_in_bytes(wr_cnt_bytes),
      .irq_valid(ntf_valid), .irq_ch(ntf_ch), .busy(busy_unused),
      .mark(rev_mark), .mark_over(rev_over_tgt)
  );

  // READ_DATA of the responder, and of atomics.
  logic               r_rf_valid, r_rf_ready, r_t_ok, r_t_want, r_t_take, r_p_valid, r_p_ready, r_f_valid, r_f_ready;
  logic [7:0]         r_rf_ch;
  logic [DATA_W-1:0]  r_p_data;
  logic [207:0]       r_f, j_f;

  assign {rdf_status, rdf_len, rdf_offset, rdf_total, rdf_segaddr, rdf_tag, rdf_op_seq, rdf_dst_ch, rdf_src_ch, rdf_flags} = j_f;

  if (ATOMIC_EN) begin : g_atomics
    logic              a_rf_valid, a_rf_ready, a_t_ok, a_t_want, a_t_take, a_p_valid, a_p_ready, a_f_valid, a_f_ready;
    logic [7:0]        a_rf_ch;
    logic [DATA_W-1:0] a_p_data;
    logic [207:0]      a_f;
    logic              a_turn_q;     // room is an atomic's

    crl_target_atomic #(.DATA_W(DATA_W), .FUNC_W(FUNC_W)) u_atomics (
        .clk, .rst, .aq_valid, .aq_room, .aq_ch(rq_ch), .aq_peer_ch(rq_peer_ch), .aq_op_seq(rq_op_seq), .aq_tag(rq_tag),
        .aq_segaddr(rq_segaddr), .aq_user(rq_user), .aq_oper, .aq_swap, .at_head, .at_done,
        .u_valid, .u_segaddr, .u_ch, .u_user,
        .u_oper, .u_swap, .u_done, .u_status, .u_old,
        .rdt_ok(a_t_ok), .rdt_want(a_t_want), .rdt_take(a_t_take), .rdp_valid(a_p_valid), .rdp_ready(a_p_ready),
        .rdp_data(a_p_data), .rdf_valid(a_f_valid), .rdf_ready(a_f_ready), .rdf_flags(a_f[7:0]), .rdf_src_ch(a_f[15:8]),
        .rdf_dst_ch(a_f[23:16]), .rdf_op_seq(a_f[39:24]), .rdf_tag(a_f[55:40]), .rdf_segaddr(a_f[119:56]),
        .rdf_total(a_f[151:120]), .rdf_offset(a_f[183:152]), .rdf_len(a_f[199:184]), .rdf_status(a_f[207:200]),
        .rf_valid(a_rf_valid), .rf_ready(a_rf_ready), .rf_ch(a_rf_ch)
    );
    // One of them takes room in a cycle.
    always_ff @(posedge clk) begin
      if (rst) a_turn_q <= 1'b0;
      else a_turn_q <= a_t_want && !a_t_take;
    end
    assign a_t_ok   = rdt_ok && a_turn_q;
    assign r_t_ok   = rdt_ok && !a_turn_q;
    assign rdt_want = r_t_want || a_t_want;
    assign rdt_take = r_t_take || a_t_take;
    crl_link_txarb #(.DATA_W(DATA_W), .REC_W(208)) u_join (
        .clk, .rst, .a_p_valid(r_p_valid), .a_p_ready(r_p_ready), .a_p_data(r_p_data), .a_f_valid(r_f_valid),
        .a_f_ready(r_f_ready), .a_f_rec(r_f), .b_p_valid(a_p_valid), .b_p_ready(a_p_ready), .b_p_data(a_p_data),
        .b_f_valid(a_f_valid), .b_f_ready(a_f_ready), .b_f_rec(a_f), .m_p_valid(rdp_valid), .m_p_ready(rdp_ready),
        .m_p_data(rdp_data), .m_f_valid(rdf_valid), .m_f_ready(rdf_ready), .m_f_rec(j_f)
    );
    crl_ack_join #(.W(8)) u_slots (
        .clk, .rst, .a_valid(r_rf_valid), .a_ready(r_rf_ready), .a_data(r_rf_ch),
        .b_valid(a_rf_valid), .b_ready(a_rf_ready), .b_data(a_rf_ch), .m_valid(rf_valid), .m_ready(rf_ready), .m_data(rf_ch)
    );
  end else begin : g_no_atomics
    logic unused_at;
    assign unused_at  = &{1'b0, aq_valid, aq_oper, aq_swap, at_head};
    assign aq_room    = 1'b0;
    assign at_done    = 1'b0;
    assign {u_valid, u_segaddr, u_ch, u_user, u_oper, u_swap} = '0;
    assign r_t_ok     = rdt_ok;
    assign rdt_want   = r_t_want;
    assign rdt_take   = r_t_take;
    assign rdp_valid  = r_p_valid;
    assign r_p_ready  = rdp_ready;
    assign rdp_data   = r_p_data;
    assign rdf_valid  = r_f_valid;
    assign r_f_ready  = rdf_ready;
    assign j_f        = r_f;
    assign rf_valid   = r_rf_valid;
    assign r_rf_ready = rf_ready;
    assign rf_ch      = r_rf_ch;
  end

  if (READ_EN) begin : g_read
    crl_resp #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .FUNC_W(FUNC_W), .MAX_BURST_BYTES(MAX_BURST_BYTES),
               .SLOTS(CHANNELS + RX_SHARED)) u_resp (
        .clk, .rst, .rq_valid, .rq_ch, .rq_peer_ch, .rq_op_seq, .rq_tag, .rq_segaddr, .rq_total, .rq_offset, .rq_first, .rq_last,
        .rq_bytes, .rq_status, .rq_addr, .rq_user, .rf_valid(r_rf_valid), .rf_ready(r_rf_ready), .rf_ch(r_rf_ch),
        .ar_valid, .ar_ready, .ar_addr, .ar_len,
        .ar_user, .r_valid, .r_data, .r_resp,
        .r_last, .pending, .mark(rev_mark), .mark_over(rev_over_rsp),
        .rdt_ok(r_t_ok), .rdt_want(r_t_want), .rdt_take(r_t_take), .rdp_valid(r_p_valid), .rdp_ready(r_p_ready), .rdp_data(r_p_data),
        .rdf_valid(r_f_valid), .rdf_ready(r_f_ready), .rdf_flags(r_f[7:0]), .rdf_src_ch(r_f[15:8]), .rdf_dst_ch(r_f[23:16]),
        .rdf_op_seq(r_f[39:24]), .rdf_tag(r_f[55:40]), .rdf_segaddr(r_f[119:56]), .rdf_total(r_f[151:120]),
        .rdf_offset(r_f[183:152]), .rdf_len(r_f[199:184]), .rdf_status(r_f[207:200]),
        .cnt_valid(rd_cnt_valid), .cnt_ready(rd_cnt_ready), .cnt_ch(rd_cnt_ch), .cnt_bytes(rd_cnt_bytes)
    );
    crl_ack_join #(.W(8 + 1 + 16 + 8 + 16)) u_acks (
        .clk, .rst, .a_valid(lk_ack_valid), .a_ready(lk_ack_ready), .a_data({lk_ack_ch, lk_ack_permit, lk_ack_tag, lk_ack_status, lk_ack_status2}),
        .b_valid(rdone_valid), .b_ready(rdone_ready), .b_data({8'd0, 1'b0, rdone_tag, rdone_status, rdone_status2}),
        .m_valid(ack_valid), .m_ready(ack_ready),
        .m_data({ack_ch, ack_permit, ack_tag, ack_status, ack_status2})
    );
  end else begin : g_no_read
    logic unused_rd;
    assign unused_rd = &{1'b0, r_t_ok, r_p_ready, r_f_ready, rq_valid, rq_ch, rq_peer_ch, rq_op_seq, rq_tag, rq_segaddr, rq_total,
                         rq_offset, rq_first, rq_last, rq_bytes, rq_status, rq_addr, rq_user, r_rf_ready, rdone_valid, rdone_tag,
                         rdone_status, rdone_status2, ar_ready, r_valid, rd_cnt_ready};
    assign {r_t_want, r_t_take, r_p_valid, r_p_data, r_f_valid, r_f, r_rf_valid, r_rf_ch, rdone_ready} = '0;
    assign {ar_valid, ar_addr, ar_len, ar_user, pending,
            rd_cnt_valid, rd_cnt_ch, rd_cnt_bytes} = '0;
    assign rev_over_rsp      = 1'b1;
    // The engine's ready would reach back into the link's FIFO.
    crl_spare #(.W(8 + 1 + 16 + 8 + 16)) u_acks (
        .clk, .rst, .s_valid(lk_ack_valid), .s_ready(lk_ack_ready),
        .s_data({lk_ack_ch, lk_ack_permit, lk_ack_tag, lk_ack_status, lk_ack_status2}),
        .m_valid(ack_valid), .m_ready(ack_ready),
        .m_data({ack_ch, ack_permit, ack_tag, ack_status, ack_status2})
    );
  end

  logic unused;
  assign unused = &{1'b0, busy_unused, bind_peer};

endmodule

`default_nettype wire
