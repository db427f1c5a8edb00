// SPDX-License-Identifier: Apache-2.0
//
// crl_target: carries out the frames of one peer in this node's memory and answers them.
//
// How: crl_target_check decides about a header, crl_target_wr writes or drops its payload,
//   crl_target_answer waits for the write responses, answers the operation and frees the slot. crl_target_msg has what
//   messages need beside it.
// Latency: 7 cycles from rx_valid to the first write beat (9 for DATA_W > 128); answers 3 cycles
//   after the last response. Throughput: a beat a cycle; a frame takes its destination beats, at
//   least 3 cycles.
// Assumes: the link hands over whole frames with ceil(PAYLOAD_LEN / B) payload beats and keeps no
//   more than RX_SLOTS of them under way. rx_* never waits for rsp_ready beyond these slots.
`default_nettype none

module crl_target #(
    parameter int DATA_W          = 64,
    parameter int CHANNELS        = 8,
    parameter int PEERS           = 1,
    parameter int PEER            = 0,              // the peer whose frames come here
    parameter int SEGMENTS        = 32,
    parameter int FUNC_W          = 8,
    parameter int MAX_BURST_BYTES = 512,
    parameter int LINK_MTU        = 1024,           // at most 2048
    parameter int RX_SLOTS        = CHANNELS + 24,  // receive slots of this peer
    parameter int OPS             = 128,            // operations of this node
    parameter bit READ_EN         = 1,              // 0: READ is BAD_OPCODE, there are no own READs
    parameter bit ATOMIC_EN       = 1,              // 0: ATOMIC is BAD_OPCODE
    parameter bit SEND_EN         = 1,              // 0: WRITE_IMM and SEND are BAD_OPCODE
    parameter bit MIRROR_EN       = READ_EN,        // 0: MIRROR is BAD_OPCODE; needs READ_EN
    parameter int HELD            = 12,             // frames of the hold FIFO in the ring at most
    localparam int CW = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW = PEERS > 1 ? $clog2(PEERS) : 1,
    localparam int SW = SEGMENTS > 1 ? $clog2(SEGMENTS) : 1
) (
    input  wire logic                         clk,
    input  wire logic                         rst,           // synchronous, active high

    input  wire logic                         rx_valid,      // header of a frame
    output logic                              rx_ready,
    input  wire logic [crl_pkg::FRAME_W-1:0]  rx_hdr,
    input  wire logic                         rx_held,       // it comes from the hold FIFO of MIRROR
    input  wire logic                         rxp_valid,     // payload, in frame order
    output logic                              rxp_ready,
    input  wire logic [DATA_W-1:0]            rxp_data,
    input  wire logic                         rxp_last,
    output logic                              slot_free,     // event: a slot of that channel is free
    output logic      [7:0]                   slot_free_ch,  // channel at the sender
    output logic                              slot_free_rd,  // it was a READ_DATA's
    output logic                              held_free,     // event: a frame of the hold FIFO has left

    output logic                              rsp_valid,     // op-ack (status 0) or op-nak
    input  wire logic                         rsp_ready,
    output logic      [7:0]                   rsp_src_ch,
    output logic      [7:0]                   rsp_dst_ch,
    output logic      [15:0]                  rsp_op_seq,
    output logic      [15:0]                  rsp_tag,
    output logic                              rsp_permit,    // OP_PERMIT
    output logic      [7:0]                   rsp_status,
    output logic      [15:0]                  rsp_status2,

    output logic                              rq_valid,      // event: a READ request, to crl_resp
    output logic      [7:0]                   rq_ch,
    output logic      [7:0]                   rq_peer_ch,
    output logic      [15:0]                  rq_op_seq,
    output logic      [15:0]                  rq_tag,
    output logic      [63:0]                  rq_segaddr,
    output logic      [31:0]                  rq_total,
    output logic      [31:0]                  rq_offset,
    output logic                              rq_first,
    output logic                              rq_last,
    output logic      [11:0]                  rq_bytes,
    output logic      [7:0]                   rq_status,     // 0: read it
    output logic      [63:0]                  rq_addr,
    output logic      [FUNC_W-1:0]            rq_user,
    output logic                              aq_valid,      // event: an ATOMIC, to crl_target_atomic; its fields are rq_*
    input  wire logic                         aq_room,
    output logic      [127:0]                 aq_oper,
    output logic                              aq_swap,
    output logic                              at_head,       // all frames before it have their responses
    input  wire logic                         at_done,       // event: it has been carried out
    input  wire logic                         rf_valid,      // a request is answered: its slot
    output logic                              rf_ready,
    input  wire logic [7:0]                   rf_ch,

    input  wire logic                         rop_valid,     // event: an own READ of this peer begins
    input  wire logic [15:0]                  rop_tag,
    input  wire logic [CW-1:0]                rop_ch,
    input  wire logic [FUNC_W-1:0]            rop_func,
    input  wire logic                         rop_abs,
    input  wire logic [63:0]                  rop_dst,
    input  wire logic [31:0]                  rop_total,
    input  wire logic                         rop_atomic,
    input  wire logic                         rop_mirror,
    input  wire logic                         kill_valid,    // event: one shall end; repeated until it has
    input  wire logic [15:0]                  kill_tag,
    input  wire logic [7:0]                   kill_status,
    output logic                              rdone_valid,   // an own READ has ended
    input  wire logic                         rdone_ready,
    output logic      [15:0]                  rdone_tag,
    output logic      [7:0]                   rdone_status,
    output logic      [15:0]                  rdone_status2,

    input  wire logic                         link_up,
    input  wire logic [CHANNELS-1:0]          dead,          // open messages to it are refused
    output logic                              q_valid,       // to crl_recv: reserve a completion slot
    output logic      [CW-1:0]                q_ch,
    output logic                              q_send,        // and a receive entry
    input  wire logic                         q_done,
    input  wire logic                         q_ok,
    input  wire logic [63:0]                  q_dst,         // the receive buffer
    input  wire logic [31:0]                  q_len,
    input  wire logic                         q_bad,
    input  wire logic                         q_abs,
    output logic                              sure_valid,    // event: the open SEND of sure_ch uses its receive entry up
    output logic      [CW-1:0]                sure_ch,
    output logic                              x_valid,       // use one, or give it back
    input  wire logic                         x_ready,
    output logic                              x_back,
    output logic                              x_send,
    output logic      [7:0]                   x_status,
    output logic      [CW-1:0]                x_ch,
    output logic                              x_irq,
    output logic      [31:0]                  x_bytes,
    output logic      [31:0]                  x_imm,

    output logic      [CW-1:0]                bind_ch,       // binding of a channel, same cycle
    input  wire logic                         bind_ok,
    input  wire logic [PW-1:0]                bind_peer,
    input  wire logic [7:0]                   bind_peer_ch,
    input  wire logic [FUNC_W-1:0]            bind_func,
    output logic      [SW-1:0]                seg_idx,       // segment table, same cycle
    input  wire logic [crl_pkg::SEGENT_W-1:0] seg_entry,

    output logic                              wb_soon,       // write client; something for it is on its way
    output logic                              wb_valid,
    input  wire logic                         wb_ready,
    output logic                              wb_first,
    output logic                              wb_last,
    output logic      [63:0]                  wb_addr,
    output logic      [7:0]                   wb_len,
    output logic      [FUNC_W-1:0]            wb_user,
    output logic      [DATA_W-1:0]            wb_data,
    output logic      [DATA_W/8-1:0]          wb_strb,
    input  wire logic                         wb_b_valid,
    input  wire logic [1:0]                   wb_b_resp,

    output logic                              cnt_in_valid,  // event: bytes accepted for a channel
    output logic      [CW-1:0]                cnt_in_ch,
    output logic      [11:0]                  cnt_in_bytes,
    output logic                              irq_valid,     // event: NOTIFY, after the responses
    output logic      [CW-1:0]                irq_ch,
    output logic                              busy,          // a checked access is not done yet
    input  wire logic                         mark,          // event: tell when all that was checked so far is done
    output logic                              mark_over
);

  localparam int NB_W = $clog2(LINK_MTU / MAX_BURST_BYTES + 2);

  initial begin
    if (CHANNELS < 1 || CHANNELS > 64) $fatal(1, "crl_target: CHANNELS must be 1 to 64");
    if (PEER >= PEERS) $fatal(1, "crl_target: PEER must be below PEERS");
    if (LINK_MTU > 2048 || LINK_MTU < MAX_BURST_BYTES)
      $fatal(1, "crl_target: LINK_MTU must be MAX_BURST_BYTES to 2048");
  end

  logic              f_valid, f_ready, w_ready, a_ready;
  logic              f_write, f_drop, f_known, f_first, f_answer, f_notify;
  logic [63:0]       f_addr;
  logic [11:0]       f_bytes;
  logic [FUNC_W-1:0] f_user;
  logic [NB_W-1:0]   f_bursts;
  logic [7:0]        f_status, f_ch, f_peer_ch;
  logic [15:0]       f_op_seq;
  logic [15:0]       f_tag;
  logic              f_req, f_rd, f_slot, f_is_atomic, f_atomic, f_own_atomic, a_free, f_permit, f_mirror, f_given;
  logic [7:0]        a_free_ch;
  logic              a_free_rd;
  logic              check_busy, answer_busy;
  logic              f_ask, f_msg, f_post, f_send, f_msg_irq, held_we, held_d, inj_valid, inj_take, inj_lost, p_ready, p_free;
  logic              a_x_valid, a_x_good;
  logic [31:0]       f_imm;
  logic [CHANNELS-1:0] held;
  logic [CW-1:0]     inj_ch;
  logic [7:0]        p_free_ch, a_src_ch, a_dst_ch, a_status;
  logic              a_rsp_valid, a_rsp_ready;
  logic [15:0]       a_op_seq;
  logic [15:0]       a_tag, a_status2;

  crl_target_check #(
      .CHANNELS(CHANNELS), .PEERS(PEERS), .PEER(PEER), .SEGMENTS(SEGMENTS), .FUNC_W(FUNC_W),
      .MAX_BURST_BYTES(MAX_BURST_BYTES), .FRAME_MAX(LINK_MTU), .NB_W(NB_W), .OPS(OPS),
      .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN)
  ) u_check (
      .clk, .rst, .rx_valid, .rx_ready, .rx_hdr, .rx_held,
      .bind_ch, .bind_ok, .bind_peer, .bind_peer_ch, .bind_func, .seg_idx, .seg_entry,
      .q_valid, .q_ch, .q_send, .q_done, .q_ok, .q_dst, .q_len, .q_bad, .q_abs, .held, .held_we, .held_d, .inj_valid(inj_valid && a_ready), .inj_take, .inj_ch, .inj_lost,
      .f_ask, .f_permit, .f_mirror, .f_given, .f_msg, .f_post, .f_send, .f_imm, .f_msg_irq,
      .rop_valid, .rop_tag, .rop_ch, .rop_func, .rop_abs, .rop_dst, .rop_total, .rop_atomic, .rop_mirror, .kill_valid, .kill_tag, .kill_status,
      .f_valid, .f_ready, .f_write, .f_drop, .f_addr, .f_bytes, .f_user, .f_bursts, .f_known,
      .f_first, .f_answer, .f_notify, .f_status, .f_ch, .f_peer_ch, .f_op_seq, .f_tag,
      .f_req, .f_is_atomic, .f_atomic, .f_oper(aq_oper), .f_swap(aq_swap), .f_own_atomic, .f_rd, .f_slot, .f_segaddr(rq_segaddr), .f_total(rq_total), .f_offset(rq_offset), .f_ffirst(rq_first),
      .f_flast(rq_last), .busy(check_busy)
  );

  // All take a frame, or none. Whether they can comes from registers. A READ goes to the responder, which has
  // a place for it, and only its payload, if it has one, is dropped here. So is that of an ATOMIC, which waits for its place.
  assign f_ready = w_ready && a_ready && p_ready && (!f_is_atomic || aq_room);
  assign aq_valid = f_valid && f_ready && f_atomic;

  assign rq_valid   = f_valid && f_ready && f_req;
  assign rq_ch      = f_ch;
  assign rq_peer_ch = f_peer_ch;
  assign rq_op_seq  = f_op_seq;
  assign rq_tag     = f_tag;
  assign rq_bytes   = f_bytes;
  assign rq_status  = f_status;
  assign rq_addr    = f_addr;
  assign rq_user    = f_user;

  // A slot a cycle; those of permissions and of the responder wait.
  assign rf_ready     = !a_free && !p_free;
  assign slot_free    = a_free || p_free || (READ_EN && rf_valid);
  assign slot_free_ch = a_free ? a_free_ch : p_free ? p_free_ch : rf_ch;
  assign slot_free_rd = a_free && a_free_rd;

  crl_target_wr #(
      .DATA_W(DATA_W), .MAX_BURST_BYTES(MAX_BURST_BYTES), .FRAME_MAX(LINK_MTU), .FUNC_W(FUNC_W)
  ) u_wr (
      .clk, .rst, .f_valid(f_valid && a_ready && p_ready && (!f_is_atomic || aq_room)), .f_ready(w_ready),
      .f_write, .f_drop, .f_addr, .f_bytes, .f_user,
      .rxp_valid, .rxp_ready, .rxp_data, .rxp_last,
      .wb_soon, .wb_valid, .wb_ready, .wb_first, .wb_last, .wb_addr, .wb_len, .wb_user, .wb_data, .wb_strb
  );

  crl_target_answer #(.CHANNELS(CHANNELS), .SLOTS(RX_SLOTS + (MIRROR_EN ? HELD : 0)), .NB_W(NB_W), .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN),
                      .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN)) u_answer (
      .clk, .rst, .f_valid(f_valid && w_ready && p_ready && !f_req && !(f_ask && !f_msg) && (!f_is_atomic || aq_room)), .f_ready(a_ready),
      .f_bursts, .f_known, .f_first, .f_answer(f_answer && !f_atomic), .f_notify, .f_status, .f_ch, .f_peer_ch,
      .f_op_seq, .f_tag, .f_rd, .f_slot(f_slot && !f_atomic), .f_atomic, .f_own_atomic, .f_mirror, .f_given, .held_free, .at_head, .at_done,
      .f_msg, .x_valid(a_x_valid), .x_ready, .x_good(a_x_good), .x_status(x_status[6:0]), .x_ch,
      .rdone_valid, .rdone_ready, .rdone_tag, .rdone_status, .rdone_status2,
      .b_valid(wb_b_valid), .b_resp(wb_b_resp),
      .rsp_valid(a_rsp_valid), .rsp_ready(a_rsp_ready), .rsp_src_ch(a_src_ch), .rsp_dst_ch(a_dst_ch), .rsp_op_seq(a_op_seq),
      .rsp_tag(a_tag), .rsp_status(a_status), .rsp_status2(a_status2), .slot_free(a_free), .slot_free_ch(a_free_ch), .slot_free_rd(a_free_rd), .irq_valid, .irq_ch,
      .busy(answer_busy), .mark, .mark_over
  );

  generate
    if (SEND_EN || MIRROR_EN) begin : g_msg
      crl_target_msg #(.CHANNELS(CHANNELS), .SLOTS(RX_SLOTS + (MIRROR_EN ? CHANNELS : 0))) u_msg (
          .clk, .rst, .link_up, .dead, .held, .held_we, .held_d, .inj_valid, .inj_take, .inj_ch, .inj_lost,
          .f_take(f_valid && f_ready), .p_ready, .f_ask, .f_permit, .f_msg, .f_post, .f_send, .f_imm, .f_irq(f_msg_irq), .f_total(rq_total),
          .f_status, .f_ch, .f_peer_ch, .f_op_seq, .f_tag,
          .a_x_valid, .a_x_good, .x_valid, .x_ready, .x_back, .x_send, .sure_valid, .sure_ch, .x_irq, .x_bytes, .x_imm,
          .a_valid(a_rsp_valid), .a_ready(a_rsp_ready), .a_data({a_status2, a_status, a_tag, a_op_seq, a_dst_ch, a_src_ch}),
          .rsp_valid, .rsp_ready,
          .rsp_data({rsp_permit, rsp_status2, rsp_status, rsp_tag, rsp_op_seq, rsp_dst_ch, rsp_src_ch}),
          .slot_free(p_free), .slot_free_ch(p_free_ch), .slot_busy(a_free)
      );
    end else begin : g_no_msg
      logic unused_msg;
      assign unused_msg = &{1'b0, link_up, dead, inj_take, held_we, held_d, f_ask, f_permit, f_post, f_send, f_imm, f_msg_irq, a_x_valid, a_x_good, x_ready};
      assign {held, inj_valid, inj_ch, inj_lost, p_free, p_free_ch, x_valid, x_back, x_send, sure_valid, sure_ch, x_irq, x_bytes, x_imm, rsp_permit} = '0;
      assign p_ready     = 1'b1;
      assign rsp_valid   = a_rsp_valid;
      assign a_rsp_ready = rsp_ready;
      assign {rsp_status2, rsp_status, rsp_tag, rsp_op_seq, rsp_dst_ch, rsp_src_ch} = {a_status2, a_status, a_tag, a_op_seq, a_dst_ch, a_src_ch};
    end
  endgenerate

  assign x_status[7]  = 1'b0;
  assign cnt_in_valid = f_valid && f_ready && f_write;
  assign cnt_in_ch    = f_ch[CW-1:0];
  assign cnt_in_bytes = f_bytes;
  assign busy         = check_busy || answer_busy;

endmodule

`default_nettype wire
