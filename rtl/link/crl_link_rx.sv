// SPDX-License-Identifier: Apache-2.0
//
// crl_link_rx: takes the link's beats apart, checks every frame, and only then lets it count.
//
// How: stage 0 feeds the CRC, and holds a beat first if it is wider than 128 bits; stage 1 collects the header and,
//   with the frame's last beat, checks each field; stage 2 writes into the current slot, and decides. The header comes first on the wire but last in
//   the CRC's order: its share is computed from state 0 and added to the payload's state shifted on by
//   64 bytes, which the linearity of a CRC allows. A frame that is not taken leaves no trace but a counter. Frames of another
//   session are not taken; while the link is down, which they may be the tail of, only EPOCH frames count at all.
// Latency: 2 cycles from a beat to its write and from the last beat to the decision, 3 to the outputs d_*, one more above 128 bits. A beat a cycle, always ready.
// Assumes: nothing of what comes over the link. A frame ends with s_last, whatever its length.
`default_nettype none

module crl_link_rx #(
    parameter int LINK_W   = 64,
    parameter int CHANNELS = 8,
    parameter int LINK_MTU = 1024,
    parameter bit READ_EN  = 1,
    parameter bit SEND_EN  = 1,
    localparam int HB      = crl_pkg::FRAME_W / LINK_W,
    localparam int HW      = HB > 1 ? $clog2(HB) : 1,
    localparam int MB      = LINK_MTU * 8 / LINK_W,
    localparam int MBW     = $clog2(MB)
) (
    input  wire logic              clk,
    input  wire logic              rst,
    input  wire logic [7:0]        cfg_node,
    input  wire logic [7:0]        cfg_peer_node,
    input  wire logic [15:0]       cfg_epoch,
    input  wire logic              up,            // REQ and RSP may be taken
    input  wire logic [15:0]       session,       // while up: what all frames but EPOCH must carry
    input  wire logic              s_valid,       // always taken
    input  wire logic [LINK_W-1:0] s_data,
    input  wire logic              s_full,        // tkeep is all ones
    input  wire logic              s_last,
    // into the current slot
    output logic                   w_hdr,
    output logic      [HW-1:0]     w_hidx,
    output logic                   w_pay,
    output logic      [MBW-1:0]    w_pidx,
    output logic      [LINK_W-1:0] w_data,
    // decision, with the frame's last beat: a good frame of REQ or RSP
    output logic                   req_valid,
    output logic                   rsp_valid,
    output logic      [15:0]       fr_seq,
    output logic      [MBW:0]      fr_beats,      // payload beats
    output logic      [15:0]       fr_len,
    output logic                   fr_permit,     // of RSP: OP_PERMIT
    output logic      [7:0]        fr_status,
    output logic      [7:0]        fr_dst_ch,
    output logic      [15:0]       fr_tag,
    output logic      [15:0]       fr_status2,
    // one cycle later: a good frame, and what it carries
    output logic                   d_good,        // event
    output logic                   d_ctl,         // with it: neither REQ nor RSP
    output logic      [7:0]        d_type,
    output logic      [7:0]        d_flags,
    output logic      [7:0]        d_status,
    output logic      [15:0]       d_seq,
    output logic      [15:0]       d_tag,
    output logic      [15:0]       d_ack_req,
    output logic      [7:0]        d_rsp_credit,
    output logic                   d_cr_valid,
    output logic      [7:0]        d_cr_ch,
    output logic      [7:0]        d_cr_cnt,
    output logic      [127:0]      d_ops,         // operands
    output logic                   ev_crc_err,    // event: CRC
    output logic                   ev_bad_frame   // event: length, keep, version, nodes, epoch, type, session
);

  // ---- stage 0: place of the beat in its frame
  logic              pos_pay_q;               // the next beat is payload
  logic [MBW:0]      pos_q;                   // and its index; MB: too long
  logic              v0, hdr0, first0, last0, over0, full0;
  logic [MBW-1:0]    idx0;
  logic [LINK_W-1:0] d0;
  logic              hdr_end;

  assign hdr_end = !pos_pay_q && pos_q == (MBW+1)'(HB - 1);

  generate
    if (LINK_W > 128) begin : g_hold
      always_ff @(posedge clk) begin
        v0 <= s_valid && !rst;
        if (s_valid) begin
          d0     <= s_data;
          hdr0   <= !pos_pay_q;
          first0 <= pos_q == '0;
          idx0   <= pos_q[MBW-1:0];
          over0  <= pos_pay_q && pos_q[MBW];
          full0  <= s_full;
          last0  <= s_last;
        end
      end
    end else begin : g_direct
      assign v0     = s_valid;
      assign d0     = s_data;
      assign hdr0   = !pos_pay_q;
      assign first0 = pos_q == '0;
      assign idx0   = pos_q[MBW-1:0];
      assign over0  = pos_pay_q && pos_q[MBW];
      assign full0  = s_full;
      assign last0  = s_last;
    end
  endgenerate

  always_ff @(posedge clk) begin
    if (rst) begin
      pos_pay_q <= 1'b0;
      pos_q     <= '0;
    end else begin
      if (s_valid) begin
        if (s_last) begin
          pos_pay_q <= 1'b0;
          pos_q     <= '0;
        end else if (hdr_end) begin
          pos_pay_q <= 1'b1;
          pos_q     <= '0;
        end else if (!pos_q[MBW]) begin
          pos_q <= pos_q + 1'b1;
        end
      end
    end
  end

  // ---- CRC; its field counts as zero
  logic [31:0]       crc_q, crc_in, crc_out;
  logic [LINK_W-1:0] crc_data;
  logic              crc_here;

  localparam int CRC_LSB = crl_pkg::FRAME_CRC_LSB - (HB - 1) * LINK_W;

  assign crc_here = hdr0 && idx0 == MBW'(HB - 1);
  assign crc_in   = !first0 ? crc_q : hdr0 ? 32'h0 : 32'hFFFF_FFFF;

  always_comb begin
    crc_data = d0;
    if (crc_here) crc_data[CRC_LSB +: 32] = 32'h0;
  end

  crl_crc32c #(.W(LINK_W)) u_crc (.crc_in, .data(crc_data), .crc_out);

  always_ff @(posedge clk) begin
    if (v0) crc_q <= crc_out;
  end

  // ---- stage 1: header is collected, the two CRC states meet, every field is checked. With the frame's last beat all of it is looked at.
  logic                        v1_q, hdr1_q, last1_q, over1_q, full1_q;
  logic [MBW-1:0]              idx1_q;
  logic [LINK_W-1:0]           d1_q;
  logic [crl_pkg::FRAME_W-1:0] cap_q, cap1;  // cap1: with the header's last beat, if that is the one here
  logic [31:0]                 hcrc_q, hcrc, pay_state, pay_shift;
  logic                        hlast1, short1, notfull1;
  logic                        notfull_q;    // an earlier beat of the frame was not full

  assign hlast1    = hdr1_q && idx1_q == MBW'(HB - 1);
  assign short1    = hdr1_q && !hlast1;      // the frame ends inside the header
  assign notfull1  = notfull_q || !full1_q;
  assign pay_state = hdr1_q ? 32'hFFFF_FFFF : crc_q;
  // The header's share and what the field says.
  assign hcrc      = hdr1_q ? crc_q ^ d1_q[CRC_LSB +: 32] : hcrc_q;

  crl_crc32c #(.W(crl_pkg::FRAME_W)) u_shift (
      .crc_in(pay_state), .data({crl_pkg::FRAME_W{1'b0}}), .crc_out(pay_shift)
  );

  always_comb begin
    cap1 = cap_q;
    if (hdr1_q) cap1[(HB - 1)*LINK_W +: LINK_W] = d1_q;
  end

  always_ff @(posedge clk) begin
    d1_q    <= d0;
    hdr1_q  <= hdr0;
    idx1_q  <= idx0;
    over1_q <= over0;
    full1_q <= full0;
    if (v1_q && hlast1) hcrc_q <= hcrc;
    for (int k = 0; k < HB; k++) begin
      if (v1_q && hdr1_q && idx1_q == MBW'(k)) cap_q[k*LINK_W +: LINK_W] <= d1_q;
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      v1_q      <= 1'b0;
      last1_q   <= 1'b0;
      notfull_q <= 1'b0;
      w_hdr     <= 1'b0;
      w_pay     <= 1'b0;
    end else begin
      v1_q    <= v0;
      last1_q <= v0 && last0;
      if (v1_q) notfull_q <= notfull1 && !last1_q;
      w_hdr   <= v1_q && hdr1_q;
      w_pay   <= v1_q && !hdr1_q && !over1_q;
    end
    w_hidx <= idx1_q[HW-1:0];
    w_pidx <= idx1_q;
    w_data <= d1_q;
  end

  logic [15:0] len, len_m1;
  logic [7:0]  ftype, src_ch;
  logic [3:0]  vc, version;
  logic        crc_ok, len_ok, addr_ok, is_req, is_rsp, is_ctl, is_epoch, mine, good;

  assign len     = cap1[crl_pkg::FRAME_PAYLOAD_LEN_LSB +: crl_pkg::FRAME_PAYLOAD_LEN_W];
  assign ftype   = cap1[crl_pkg::FRAME_TYPE_LSB +: crl_pkg::FRAME_TYPE_W];
  assign vc      = cap1[crl_pkg::FRAME_VC_LSB +: crl_pkg::FRAME_VC_W];
  assign version = cap1[crl_pkg::FRAME_VERSION_LSB +: crl_pkg::FRAME_VERSION_W];
  assign src_ch  = cap1[crl_pkg::FRAME_SRC_CH_LSB +: crl_pkg::FRAME_SRC_CH_W];
  assign len_m1  = len - 1'b1;
  assign crc_ok  = (pay_shift ^ hcrc) == 32'hFFFF_FFFF && !short1;
  assign len_ok  = hdr1_q ? len == '0
                          : len != '0 && !over1_q && 16'(idx1_q) == len_m1 >> $clog2(LINK_W / 8);
  assign addr_ok = version == 4'd1
      && cap1[crl_pkg::FRAME_SRC_NODE_LSB +: crl_pkg::FRAME_SRC_NODE_W] == cfg_peer_node
      && cap1[crl_pkg::FRAME_DST_NODE_LSB +: crl_pkg::FRAME_DST_NODE_W] == cfg_node
      && cap1[crl_pkg::FRAME_EPOCH_LSB +: crl_pkg::FRAME_EPOCH_W] == cfg_epoch;
  // READ_DATA is an answer, but goes with the requests; it returns whatever channel it was asked for.
  assign is_req  = READ_EN && vc == crl_pkg::FRAME_VC_RSP ? ftype == crl_pkg::FRAME_TYPE_READ_DATA
                   : vc == crl_pkg::FRAME_VC_REQ && ftype[7:4] == 4'h1 && src_ch < 8'(CHANNELS);
  assign is_rsp  = vc == crl_pkg::FRAME_VC_RSP && hdr1_q
      && (ftype == crl_pkg::FRAME_TYPE_OP_ACK || ftype == crl_pkg::FRAME_TYPE_OP_NAK
          || (SEND_EN && ftype == crl_pkg::FRAME_TYPE_OP_PERMIT));
  assign is_ctl  = vc == crl_pkg::FRAME_VC_NONE && hdr1_q
      && (ftype == crl_pkg::FRAME_TYPE_IDLE || ftype == crl_pkg::FRAME_TYPE_LINK_NAK
          || is_epoch);
  assign is_epoch = ftype == crl_pkg::FRAME_TYPE_EPOCH;
  assign mine     = is_epoch || (up && cap1[crl_pkg::FRAME_SESSION_LSB +: crl_pkg::FRAME_SESSION_W] == session);

  logic unused;
  assign unused = &{1'b0, cap1};

  // ---- stage 2: the checks together. The header is whole in cap_q; the next frame's may come into it in the next cycle.
  logic last2_q, short2_q, crc_ok_q, sound_q, down2_q, req2_q, rsp2_q, ctl2_q;

  always_ff @(posedge clk) begin
    if (rst) last2_q <= 1'b0;
    else     last2_q <= v1_q && last1_q;
    short2_q <= short1;
    crc_ok_q <= crc_ok;
    sound_q  <= len_ok && addr_ok && mine && !notfull1;
    down2_q  <= !up && !is_epoch;
    req2_q   <= is_req;
    rsp2_q   <= is_rsp;
    ctl2_q   <= is_ctl;
    fr_beats <= hdr1_q ? '0 : {1'b0, idx1_q} + 1'b1;
  end

  assign good      = last2_q && crc_ok_q && sound_q && (req2_q || rsp2_q || ctl2_q);
  assign req_valid = good && req2_q && up;
  assign rsp_valid = good && rsp2_q && up;
  assign fr_seq    = cap_q[crl_pkg::FRAME_LINK_SEQ_LSB +: crl_pkg::FRAME_LINK_SEQ_W];
  assign fr_len    = cap_q[crl_pkg::FRAME_PAYLOAD_LEN_LSB +: crl_pkg::FRAME_PAYLOAD_LEN_W];
  assign fr_permit = cap_q[crl_pkg::FRAME_TYPE_LSB +: crl_pkg::FRAME_TYPE_W] == crl_pkg::FRAME_TYPE_OP_PERMIT;
  assign fr_status = cap_q[crl_pkg::FRAME_STATUS_LSB +: crl_pkg::FRAME_STATUS_W];
  assign fr_dst_ch = cap_q[crl_pkg::FRAME_DST_CH_LSB +: crl_pkg::FRAME_DST_CH_W];
  assign fr_tag    = cap_q[crl_pkg::FRAME_TAG_LSB +: crl_pkg::FRAME_TAG_W];
  assign fr_status2 = cap_q[crl_pkg::FRAME_STATUS2_LSB +: crl_pkg::FRAME_STATUS2_W];

  always_ff @(posedge clk) begin
    d_ctl        <= ctl2_q;
    d_type       <= cap_q[crl_pkg::FRAME_TYPE_LSB +: crl_pkg::FRAME_TYPE_W];
    d_flags      <= cap_q[crl_pkg::FRAME_FLAGS_LSB +: crl_pkg::FRAME_FLAGS_W];
    d_status     <= fr_status;
    d_seq        <= fr_seq;
    d_tag        <= fr_tag;
    d_ack_req    <= cap_q[crl_pkg::FRAME_ACK_REQ_LSB +: crl_pkg::FRAME_ACK_REQ_W];
    d_rsp_credit <= cap_q[crl_pkg::FRAME_RSP_CREDIT_LSB +: crl_pkg::FRAME_RSP_CREDIT_W];
    d_cr_valid   <= cap_q[crl_pkg::FRAME_CREDIT_VALID_LSB];
    d_cr_ch      <= cap_q[crl_pkg::FRAME_CREDIT_CH_LSB +: crl_pkg::FRAME_CREDIT_CH_W];
    d_cr_cnt     <= cap_q[crl_pkg::FRAME_CREDIT_CNT_LSB +: crl_pkg::FRAME_CREDIT_CNT_W];
    d_ops        <= {cap_q[crl_pkg::FRAME_OPERAND1_LSB +: crl_pkg::FRAME_OPERAND1_W],
                     cap_q[crl_pkg::FRAME_OPERAND0_LSB +: crl_pkg::FRAME_OPERAND0_W]};
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      d_good       <= 1'b0;
      ev_crc_err   <= 1'b0;
      ev_bad_frame <= 1'b0;
    end else begin
      d_good       <= good;
      ev_crc_err   <= last2_q && !short2_q && !crc_ok_q;
      ev_bad_frame <= last2_q && (short2_q || (crc_ok_q && !good && !down2_q));
    end
  end

endmodule

`default_nettype wire
