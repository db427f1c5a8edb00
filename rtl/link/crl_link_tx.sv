// SPDX-License-Identifier: Apache-2.0
//
// crl_link_tx: chooses the next frame, builds its header, appends the payload, sends.
//
// How: a choice is made in the cycle in which the last beat of the frame before passes: control frames
//   that are due (EPOCH, LINK_NAK), RSP, REQ, and IDLE when there is nothing else. The header is
//   loaded with the newest acknowledgement and credit into a shift register; its CRC goes on from
//   the payload's, which was computed when the frame was stored, and is put into the last header beat.
// Latency: 2 cycles from 'avail' to the first beat at m_*. No bubble within a frame, nor between two
//   frames, but for one-beat frames of the same kind.
// Assumes: re_data follows re by one cycle and holds while re is low. Layout: FRAME.
`default_nettype none

module crl_link_tx #(
    parameter int LINK_W   = 64,
    parameter int LINK_MTU = 1024,
    parameter int SLOTS    = 16,     // REQ frames in the buffer
    parameter bit READ_EN  = 1,
    localparam int IW      = $clog2(SLOTS),
    localparam int MBW     = $clog2(LINK_MTU * 8 / LINK_W)
) (
    input  wire logic              clk,
    input  wire logic              rst,
    input  wire logic [7:0]        cfg_node,
    input  wire logic [7:0]        cfg_peer_node,
    input  wire logic [15:0]       cfg_epoch,
    input  wire logic              up,          // data may be sent, acknowledgements count
    input  wire logic [15:0]       session,     // while up
    // what waits
    input  wire logic              epoch_due,
    input  wire logic [127:0]      epoch_ops,   // operands of an EPOCH frame
    input  wire logic              nak_req_due,
    input  wire logic              nak_rsp_due,
    input  wire logic              idle_due,
    input  wire logic [7:0]        idle_status, // in IDLE frames
    input  wire logic              rsp_avail,
    input  wire logic [15:0]       rsp_seq,
    input  wire logic [72:0]       rsp_rec,     // {permit, status2, status, tag, op_seq, dst_ch, src_ch}
    input  wire logic [15:0]       rsp_next,    // next new number of RSP
    input  wire logic              req_avail,
    input  wire logic              req_resend,
    input  wire logic [15:0]       req_seq,
    input  wire logic [319:0]      req_rec,     // {operands, offset, total, segaddr, tag, op_seq, dst_ch, src_ch, flags, type}
    input  wire logic [15:0]       req_len,
    input  wire logic [MBW:0]      req_beats,
    input  wire logic [31:0]       req_crc,
    input  wire logic [15:0]       req_next,    // next new number of REQ
    // what rides on every header
    input  wire logic [15:0]       ack_req,     // number expected on REQ
    input  wire logic [15:0]       exp_rsp,     // number expected on RSP
    input  wire logic [7:0]        rsp_credit,
    input  wire logic [7:0]        cr_ch,
    input  wire logic [7:0]        cr_cnt,
    // events: a frame of this kind was started
    output logic                   did_any,
    output logic                   did_epoch,
    output logic                   did_nak_req,
    output logic                   did_nak_rsp,
    output logic                   did_rsp,
    output logic                   did_req,
    output logic                   did_idle,
    output logic                   started_rd,  // with did_req: the frame is READ_DATA
    output logic                   busy,        // a frame is being sent
    output logic                   hold_req,    // and it is a REQ frame that was sent before
    // payload
    output logic                   re,
    output logic      [IW-1:0]     re_slot,
    output logic      [MBW-1:0]    re_idx,
    input  wire logic [LINK_W-1:0] re_data,
    // to the link
    output logic                   m_valid,
    input  wire logic              m_ready,
    output logic      [LINK_W-1:0] m_data,
    output logic                   m_last
);

  localparam int HB  = crl_pkg::FRAME_W / LINK_W;          // header beats
  localparam int HW  = HB > 1 ? $clog2(HB) : 1;
  localparam int CRC_LSB = crl_pkg::FRAME_CRC_LSB - (HB - 1) * LINK_W;  // in the last header beat

  // ---- choice, prepared one cycle ahead, without the kind that is being used: whether more of it waits is not known yet
  logic       go;            // the pipeline moves
  logic       at_end, choose, start;
  logic       hdr_q, pay_q;  // what is shown
  logic       fresh_q;
  logic [5:0] want_d, want_q, due;
  logic       pick_epoch, pick_nak_req, pick_nak_rsp, pick_rsp, pick_req, pick_idle;

  always_comb begin
    due    = {idle_due, req_avail, rsp_avail, nak_rsp_due, nak_req_due, epoch_due};
    due    = due & ~(want_q & {6{choose}});
    want_d = 6'b000000;
    if (due[0])      want_d = 6'b000001;
    else if (!up)    want_d = 6'b000000;
    else if (due[1]) want_d = 6'b000010;
    else if (due[2]) want_d = 6'b000100;
    else if (due[3]) want_d = 6'b001000;
    else if (due[4]) want_d = 6'b010000;
    else if (due[5]) want_d = 6'b100000;
  end

  always_ff @(posedge clk) begin
    want_q  <= want_d;
    fresh_q <= !rst && !start;
  end

  assign {pick_idle, pick_req, pick_rsp, pick_nak_rsp, pick_nak_req, pick_epoch} = want_q;
  assign choose      = go && (at_end || !(hdr_q || pay_q));
  // A frame that waited a cycle ago still does: see crl_link_gbn. The session may have ended since.
  assign start       = choose
                       && (pick_epoch ? epoch_due
                           : up && (want_q[4:1] != 4'd0 || (pick_idle && idle_due && fresh_q)));
  assign did_any     = start;
  assign did_epoch   = start && pick_epoch;
  assign did_nak_req = start && pick_nak_req;
  assign did_nak_rsp = start && pick_nak_rsp;
  assign did_rsp     = start && pick_rsp;
  assign did_req     = start && pick_req;
  assign did_idle    = start && pick_idle;

  // ---- header
  logic [crl_pkg::FRAME_W-1:0] hdr_d, sh_q;
  logic [63:0] r_segaddr, ep_lo, ep_hi;
  logic [31:0] r_offset, r_total;
  logic [127:0] r_arg;
  logic [15:0] r_op_seq, p_op_seq, r_tag, p_status2, p_tag;
  logic [7:0]  r_dst_ch, r_src_ch, r_flags, r_type, p_status, p_dst_ch, p_src_ch;
  logic        r_answer, p_permit;

  assign {r_arg, r_offset, r_total, r_segaddr, r_tag, r_op_seq, r_dst_ch, r_src_ch, r_flags, r_type} = req_rec;
  assign {p_permit, p_status2, p_status, p_tag, p_op_seq, p_dst_ch, p_src_ch} = rsp_rec;
  assign {ep_hi, ep_lo} = epoch_ops;
  assign r_answer = READ_EN && r_type == crl_pkg::FRAME_TYPE_READ_DATA;
  assign started_rd = r_answer;

  always_comb begin
    hdr_d = '0;
    hdr_d[crl_pkg::FRAME_VERSION_LSB +: crl_pkg::FRAME_VERSION_W]   = 4'd1;
    hdr_d[crl_pkg::FRAME_SRC_NODE_LSB +: crl_pkg::FRAME_SRC_NODE_W] = cfg_node;
    hdr_d[crl_pkg::FRAME_DST_NODE_LSB +: crl_pkg::FRAME_DST_NODE_W] = cfg_peer_node;
    hdr_d[crl_pkg::FRAME_EPOCH_LSB +: crl_pkg::FRAME_EPOCH_W]       = cfg_epoch;
    if (up) begin
      hdr_d[crl_pkg::FRAME_SESSION_LSB +: crl_pkg::FRAME_SESSION_W]       = session;
      hdr_d[crl_pkg::FRAME_ACK_REQ_LSB +: crl_pkg::FRAME_ACK_REQ_W]       = ack_req;
      hdr_d[crl_pkg::FRAME_RSP_CREDIT_LSB +: crl_pkg::FRAME_RSP_CREDIT_W] = rsp_credit;
      hdr_d[crl_pkg::FRAME_CREDIT_CH_LSB +: crl_pkg::FRAME_CREDIT_CH_W]   = cr_ch;
      hdr_d[crl_pkg::FRAME_CREDIT_CNT_LSB +: crl_pkg::FRAME_CREDIT_CNT_W] = cr_cnt;
      hdr_d[crl_pkg::FRAME_CREDIT_VALID_LSB]                              = 1'b1;
    end
    if (pick_req) begin
      // READ_DATA is an answer, numbered with the requests; READ says how many bytes it asks for, WRITE_IMM its immediate.
      hdr_d[crl_pkg::FRAME_VC_LSB +: crl_pkg::FRAME_VC_W]             = r_answer ? crl_pkg::FRAME_VC_RSP : crl_pkg::FRAME_VC_REQ;
      hdr_d[crl_pkg::FRAME_STATUS_LSB +: crl_pkg::FRAME_STATUS_W]     = r_answer ? r_arg[7:0] : 8'd0;
      hdr_d[crl_pkg::FRAME_OPERAND0_LSB +: 128]                       = r_answer ? 128'd0 : r_arg;  // and OPERAND1
      hdr_d[crl_pkg::FRAME_TYPE_LSB +: crl_pkg::FRAME_TYPE_W]         = r_type;
      hdr_d[crl_pkg::FRAME_FLAGS_LSB +: crl_pkg::FRAME_FLAGS_W]       = r_flags;
      hdr_d[crl_pkg::FRAME_SRC_CH_LSB +: crl_pkg::FRAME_SRC_CH_W]     = r_src_ch;
      hdr_d[crl_pkg::FRAME_DST_CH_LSB +: crl_pkg::FRAME_DST_CH_W]     = r_dst_ch;
      hdr_d[crl_pkg::FRAME_OP_SEQ_LSB +: crl_pkg::FRAME_OP_SEQ_W]     = r_op_seq;
      hdr_d[crl_pkg::FRAME_TAG_LSB +: crl_pkg::FRAME_TAG_W]           = r_tag;
      hdr_d[crl_pkg::FRAME_SEGADDR_LSB +: crl_pkg::FRAME_SEGADDR_W]   = r_segaddr;
      hdr_d[crl_pkg::FRAME_TOTAL_LEN_LSB +: crl_pkg::FRAME_TOTAL_LEN_W] = r_total;
      hdr_d[crl_pkg::FRAME_OFFSET_LSB +: crl_pkg::FRAME_OFFSET_W]     = r_offset;
      hdr_d[crl_pkg::FRAME_LINK_SEQ_LSB +: crl_pkg::FRAME_LINK_SEQ_W] = req_seq;
      hdr_d[crl_pkg::FRAME_PAYLOAD_LEN_LSB +: crl_pkg::FRAME_PAYLOAD_LEN_W] = req_len;
    end else if (pick_rsp) begin
      hdr_d[crl_pkg::FRAME_VC_LSB +: crl_pkg::FRAME_VC_W]             = crl_pkg::FRAME_VC_RSP;
      hdr_d[crl_pkg::FRAME_TYPE_LSB +: crl_pkg::FRAME_TYPE_W]         =
          p_permit ? crl_pkg::FRAME_TYPE_OP_PERMIT : p_status == crl_pkg::ST_OK ? crl_pkg::FRAME_TYPE_OP_ACK : crl_pkg::FRAME_TYPE_OP_NAK;
      hdr_d[crl_pkg::FRAME_FLAGS_LSB + crl_pkg::FRAME_FLAG_FIRST]     = 1'b1;
      hdr_d[crl_pkg::FRAME_FLAGS_LSB + crl_pkg::FRAME_FLAG_LAST]      = 1'b1;
      hdr_d[crl_pkg::FRAME_SRC_CH_LSB +: crl_pkg::FRAME_SRC_CH_W]     = p_src_ch;
      hdr_d[crl_pkg::FRAME_DST_CH_LSB +: crl_pkg::FRAME_DST_CH_W]     = p_dst_ch;
      hdr_d[crl_pkg::FRAME_OP_SEQ_LSB +: crl_pkg::FRAME_OP_SEQ_W]     = p_op_seq;
      hdr_d[crl_pkg::FRAME_TAG_LSB +: crl_pkg::FRAME_TAG_W]           = p_tag;
      hdr_d[crl_pkg::FRAME_STATUS_LSB +: crl_pkg::FRAME_STATUS_W]     = p_status;
      hdr_d[crl_pkg::FRAME_STATUS2_LSB +: crl_pkg::FRAME_STATUS2_W]   = p_status2;
      hdr_d[crl_pkg::FRAME_LINK_SEQ_LSB +: crl_pkg::FRAME_LINK_SEQ_W] = rsp_seq;
    end else if (pick_epoch) begin
      hdr_d[crl_pkg::FRAME_TYPE_LSB +: crl_pkg::FRAME_TYPE_W]         = crl_pkg::FRAME_TYPE_EPOCH;
      hdr_d[crl_pkg::FRAME_SESSION_LSB +: crl_pkg::FRAME_SESSION_W]   = 16'd0;
      hdr_d[crl_pkg::FRAME_OPERAND0_LSB +: crl_pkg::FRAME_OPERAND0_W] = ep_lo;
      hdr_d[crl_pkg::FRAME_OPERAND1_LSB +: crl_pkg::FRAME_OPERAND1_W] = ep_hi;
    end else if (pick_nak_req || pick_nak_rsp) begin
      hdr_d[crl_pkg::FRAME_TYPE_LSB +: crl_pkg::FRAME_TYPE_W]         = crl_pkg::FRAME_TYPE_LINK_NAK;
      hdr_d[crl_pkg::FRAME_FLAGS_LSB + crl_pkg::FRAME_FLAG_NAK_RSP]   = pick_nak_rsp;
      hdr_d[crl_pkg::FRAME_LINK_SEQ_LSB +: crl_pkg::FRAME_LINK_SEQ_W] = pick_nak_rsp ? exp_rsp : ack_req;
    end else begin
      // IDLE says what comes next on both channels, so that the loss of the last frame is seen.
      hdr_d[crl_pkg::FRAME_TYPE_LSB +: crl_pkg::FRAME_TYPE_W]         = crl_pkg::FRAME_TYPE_IDLE;
      hdr_d[crl_pkg::FRAME_STATUS_LSB +: crl_pkg::FRAME_STATUS_W]     = idle_status;
      hdr_d[crl_pkg::FRAME_LINK_SEQ_LSB +: crl_pkg::FRAME_LINK_SEQ_W] = req_next;
      hdr_d[crl_pkg::FRAME_TAG_LSB +: crl_pkg::FRAME_TAG_W]           = rsp_next;
    end
  end

  // ---- the beat that is shown: of the header in sh_q, of the payload in pay_data_q. Payload is read two beats ahead.
  logic [HW-1:0]     hcnt_q;
  logic [MBW:0]      left_q;       // payload beats behind the one that is shown
  logic [MBW:0]      unread_q;     // payload beats not read yet
  logic [MBW-1:0]    idx_q;        // the next one
  logic [IW-1:0]     slot_q;
  logic              resend_q;
  logic              hdr_first, hdr_last, ahead, next_pay;
  logic [LINK_W-1:0] pay_data_q;

  assign hdr_first = hdr_q && hcnt_q == '0;
  assign hdr_last  = hdr_q && hcnt_q == HW'(HB - 1);
  assign at_end    = (hdr_last || pay_q) && left_q == '0;
  assign next_pay  = go && (hdr_last || pay_q) && left_q != '0;
  assign busy      = hdr_q || pay_q;
  assign hold_req  = resend_q;

  generate
    if (HB > 1) begin : g_read_later
      assign ahead   = go && unread_q != '0 && (pay_q || hdr_last || (hdr_q && hcnt_q == HW'(HB - 2)));
      assign re      = ahead;
      assign re_slot = slot_q;
      assign re_idx  = idx_q;
    end else begin : g_read_now
      // The first beat is read when the frame is chosen.
      assign ahead   = go && unread_q != '0 && busy && !choose;
      assign re      = ahead || (choose && pick_req);
      assign re_slot = choose ? req_seq[IW-1:0] : slot_q;
      assign re_idx  = choose ? '0 : idx_q;
    end
  endgenerate

  always_ff @(posedge clk) begin
    if (choose)  sh_q <= hdr_d;
    else if (go) sh_q <= sh_q >> LINK_W;
    if (choose)  slot_q <= req_seq[IW-1:0];
    if (choose)        left_q <= pick_req ? req_beats : '0;
    else if (next_pay) left_q <= left_q - 1'b1;
    if (choose) begin
      unread_q <= !pick_req ? '0 : HB > 1 || req_beats == '0 ? req_beats : req_beats - 1'b1;
      idx_q    <= HB > 1 ? '0 : MBW'(1);
    end else if (ahead) begin
      unread_q <= unread_q - 1'b1;
      idx_q    <= idx_q + 1'b1;
    end
    if (go) pay_data_q <= re_data;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      hdr_q    <= 1'b0;
      pay_q    <= 1'b0;
      hcnt_q   <= '0;
      resend_q <= 1'b0;
    end else if (go) begin
      if (choose) begin
        hdr_q    <= start;
        pay_q    <= 1'b0;
        hcnt_q   <= '0;
        resend_q <= did_req && req_resend;
      end else if (hdr_last) begin
        hdr_q  <= 1'b0;
        pay_q  <= 1'b1;
      end else if (hdr_q) begin
        hcnt_q <= hcnt_q + 1'b1;
      end
    end
  end

  // ---- CRC of the header, in its last beat; output
  logic [31:0]       crc_q, crc_start_q, crc_out;
  logic [LINK_W-1:0] d_out;

  crl_crc32c #(.W(LINK_W)) u_crc (
      .crc_in(hdr_first ? crc_start_q : crc_q), .data(sh_q[LINK_W-1:0]), .crc_out
  );

  always_ff @(posedge clk) begin
    if (choose) crc_start_q <= pick_req ? req_crc : 32'hFFFF_FFFF;
    if (go && hdr_q) crc_q <= crc_out;
  end

  always_comb begin
    d_out = pay_q ? pay_data_q : sh_q[LINK_W-1:0];
    if (hdr_last) d_out[CRC_LSB +: 32] = ~crc_out;
  end

  crl_spare #(.W(LINK_W + 1)) u_out (
      .clk, .rst,
      .s_valid(hdr_q || pay_q), .s_ready(go), .s_data({at_end, d_out}),
      .m_valid, .m_ready, .m_data({m_last, m_data})
  );

endmodule

`default_nettype wire
