// SPDX-License-Identifier: Apache-2.0
//
// crl_target_check: decides about each incoming frame: write its payload, read for it, or refuse it.
//
// How: a frame takes three steps. Look: what is known of the channel and the sum of the addresses
//   are registered. Check: the segment's entry is compared with what is left of the operation.
//   Give: the verdict goes to the writer and to the answers, and the channel's context is updated.
//   The next header is taken while the last one is given.
//   READ_DATA, and the end of an own READ that the engine asks for (kill), are looked up by tag first (two steps more): the
//   operation's destination takes the place of the frame's address. One that begins just then is written first. A kill goes the way of a READ_DATA with a status.
//   Context of a channel: within an operation, its sequence number, the next offset, and the
//   status of the first fault; after a fault the rest of the operation is refused.
//   ATOMIC is a frame of 8 bytes with a right of its own. One that is refused is answered as a READ.
//   Messages (WRITE_IMM, SEND): with the first frame a completion slot is reserved (q), after all other checks, or the receiver is not
//   ready. A SEND gets a receive entry too: the frame goes through look and check once more then, with the buffer as its
//   address. It is kept a channel, and checked with every frame as a local address.
//   The slot is the operation's until the frame that ends it takes it along (f_msg). What crl_target_msg wants given back
//   (inj) goes the way of a frame too, and leaves the operation refused, or forgotten if the link is down.
//   Frames of the hold FIFO of MIRROR (rx_held) are READ_DATA of a MIRROR: one that is refused in the middle makes all that
//   follow refused, and the operation ends with the last. A peer's MIRROR is a WRITE whose first frame is answered at once
//   (f_permit) if others follow.
// Faults in this order: PEER_REFUSED, the operation's earlier fault, CANCEL (as ABORTED),
//   BAD_OPCODE, LINK_ERROR (offset or sequence), BAD_LENGTH, BAD_ALIGN, the faults of crl_seg_check, RECEIVER_NOT_READY; of a SEND's
//   receive entry BAD_OPCODE, RECV_TOO_SHORT, the faults of crl_seg_check or ADDR_WRAP.
//   READ_DATA: docs/blocks/read.md.
// Latency: 3 cycles from rx_valid to f_valid, 5 for READ_DATA, 6 and the reservation for the first frame of WRITE_IMM, 4 for
//   SEND, 10 and the reservation for its first frame.
// Throughput: a frame in as many cycles.
// Assumes: bind_* and seg_entry answer in the same cycle.
`default_nettype none

module crl_target_check #(
    parameter int CHANNELS        = 8,
    parameter int PEERS           = 1,
    parameter int PEER            = 0,     // the peer whose frames come here
    parameter int SEGMENTS        = 32,
    parameter int FUNC_W          = 8,
    parameter int MAX_BURST_BYTES = 512,
    parameter int FRAME_MAX       = 1024,
    parameter int NB_W            = 2,
    parameter int OPS             = 128,
    parameter bit READ_EN         = 1,     // 0: READ is BAD_OPCODE, there are no own READs
    parameter bit ATOMIC_EN       = 1,     // 0: ATOMIC is BAD_OPCODE
    parameter bit SEND_EN         = 1,     // 0: WRITE_IMM and SEND are BAD_OPCODE
    parameter bit MIRROR_EN       = READ_EN,     // 0: MIRROR is BAD_OPCODE; needs READ_EN
    localparam int CW = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW = PEERS > 1 ? $clog2(PEERS) : 1,
    localparam int SW = SEGMENTS > 1 ? $clog2(SEGMENTS) : 1
) (
    input  wire logic                         clk,
    input  wire logic                         rst,           // synchronous, active high

    input  wire logic                         rx_valid,      // a frame
    output logic                              rx_ready,
    input  wire logic [crl_pkg::FRAME_W-1:0]  rx_hdr,
    input  wire logic                         rx_held,       // it comes from the hold FIFO

    output logic      [CW-1:0]                bind_ch,       // look-up of a channel's binding
    input  wire logic                         bind_ok,
    input  wire logic [PW-1:0]                bind_peer,
    input  wire logic [7:0]                   bind_peer_ch,
    input  wire logic [FUNC_W-1:0]            bind_func,
    output logic      [SW-1:0]                seg_idx,       // look-up of a segment
    input  wire logic [crl_pkg::SEGENT_W-1:0] seg_entry,

    output logic                              q_valid,       // a completion slot for q_ch; stays until q_done
    output logic      [CW-1:0]                q_ch,
    output logic                              q_send,        // and a receive entry
    input  wire logic                         q_done,        // event
    input  wire logic                         q_ok,          // with it: reserved
    input  wire logic [63:0]                  q_dst,         // the receive buffer
    input  wire logic [31:0]                  q_len,
    input  wire logic                         q_bad,
    input  wire logic                         q_abs,
    input  wire logic [CHANNELS-1:0]          held,          // the open operation has a slot
    output logic                              held_we,       // event: of f_ch
    output logic                              held_d,
    input  wire logic                         inj_valid,     // the slot of an open operation is to be given back
    output logic                              inj_take,      // event
    input  wire logic [CW-1:0]                inj_ch,
    input  wire logic                         inj_lost,      // with the operation: its link is down

    input  wire logic                         rop_valid,     // event: an own READ begins
    input  wire logic [15:0]                  rop_tag,
    input  wire logic [CW-1:0]                rop_ch,
    input  wire logic [FUNC_W-1:0]            rop_func,
    input  wire logic                         rop_abs,
    input  wire logic [63:0]                  rop_dst,
    input  wire logic [31:0]                  rop_total,
    input  wire logic                         rop_atomic,
    input  wire logic                         rop_mirror,
    input  wire logic                         kill_valid,    // event: this one shall end; lost while another one waits
    input  wire logic [15:0]                  kill_tag,
    input  wire logic [7:0]                   kill_status,

    output logic                              f_valid,       // a frame and the verdict
    input  wire logic                         f_ready,
    output logic                              f_write,       // accepted
    output logic                              f_drop,        // refused, with payload
    output logic      [63:0]                  f_addr,
    output logic      [11:0]                  f_bytes,
    output logic      [FUNC_W-1:0]            f_user,
    output logic      [NB_W-1:0]              f_bursts,      // 0 if refused
    output logic                              f_known,       // the channel is bound to the sender
    output logic                              f_first,       // begins an operation
    output logic                              f_answer,      // ends one
    output logic                              f_notify,
    output logic                              f_ask,         // is to be answered by OP_PERMIT, and nothing else
    output logic                              f_permit,      // is to be answered by OP_PERMIT as well
    output logic                              f_msg,         // takes the operation's slot along ...
    output logic                              f_post,        // ... for an entry, if the writes go well or it is a SEND's
    output logic                              f_send,        // it has a receive entry
    output logic      [31:0]                  f_imm,
    output logic                              f_msg_irq,     // and an interrupt
    output logic      [7:0]                   f_status,
    output logic      [7:0]                   f_ch,
    output logic      [7:0]                   f_peer_ch,
    output logic      [15:0]                  f_op_seq,
    output logic      [15:0]                  f_tag,
    output logic                              f_req,         // READ, or a refused ATOMIC: for the responder
    output logic                              f_is_atomic,   // ATOMIC, early: whatever becomes of it
    output logic                              f_atomic,      // ATOMIC that passed the check
    output logic      [127:0]                 f_oper,        // its operands
    output logic                              f_swap,        // it is CMP_SWAP
    output logic                              f_own_atomic,  // READ_DATA, of an own atomic
    output logic                              f_mirror,      // of the hold FIFO, or the end of an own MIRROR that was asked for (kill)
    output logic                              f_given,       // with it: the end's status was given
    output logic                              f_rd,          // READ_DATA: the operation is this node's
    output logic                              f_slot,        // it has a receive slot
    output logic      [63:0]                  f_segaddr,     // of a READ, to be returned
    output logic      [31:0]                  f_total,
    output logic      [31:0]                  f_offset,
    output logic                              f_ffirst,      // its flags
    output logic                              f_flast,
    output logic                              busy           // a frame is being checked
);

  localparam int LM = $clog2(MAX_BURST_BYTES);

  localparam logic [2:0] S_IDLE = 3'd0, S_TAB = 3'd1, S_TAKE = 3'd2, S_LOOK = 3'd3, S_CHECK = 3'd4, S_GIVE = 3'd5,
                         S_JUDGE = 3'd6, S_ASK = 3'd7;

  logic [2:0] state_q;
  logic       free;                       // for the next frame, or kill
  logic       kill_wait_q;
  logic [15:0] kill_tag_q, asked;
  logic [7:0] kill_status_q;
  logic       in_data, in_read, in_atomic, in_inj;  // what is at the input

  assign free     = state_q == S_IDLE || (f_valid && f_ready);
  assign rx_ready = free && !kill_wait_q && !in_inj;
  assign in_inj   = SEND_EN && inj_valid;
  assign inj_take = free && in_inj && !kill_wait_q;
  assign in_data  = READ_EN && (kill_wait_q || (!in_inj && rx_hdr[crl_pkg::FRAME_TYPE_LSB +: 8] == crl_pkg::FRAME_TYPE_READ_DATA));
  assign in_send  = SEND_EN && !in_inj && !kill_wait_q && rx_hdr[crl_pkg::FRAME_TYPE_LSB +: 8] == crl_pkg::FRAME_TYPE_SEND;
  assign in_read  = READ_EN && !in_inj && rx_hdr[crl_pkg::FRAME_TYPE_LSB +: 8] == crl_pkg::FRAME_TYPE_READ;
  // Without READ an ATOMIC is any unknown opcode.
  assign in_atomic = READ_EN && !in_inj && rx_hdr[crl_pkg::FRAME_TYPE_LSB +: 8] == crl_pkg::FRAME_TYPE_ATOMIC;
  assign asked = rx_hdr[crl_pkg::FRAME_OPERAND0_LSB +: 16] | {16{|rx_hdr[crl_pkg::FRAME_OPERAND0_LSB + 16 +: 16]}};

  always_ff @(posedge clk) begin
    if (rst) kill_wait_q <= 1'b0;
    else kill_wait_q <= READ_EN && (kill_wait_q ? !free : kill_valid);
    if (!kill_wait_q) begin
      kill_tag_q    <= kill_tag;
      kill_status_q <= kill_status;
    end
  end

  // What is used of the header.
  logic [7:0]  type_q, flags_q, ch_q, peer_ch_q;
  logic [15:0] op_seq_q;
  logic [31:0] total_q, offset_q;
  logic [15:0] tag_q, plen_q;
  logic [63:0] segaddr_q;
  logic [7:0]  status_in_q;
  logic        data_q, read_q, atomic_q, kill_q, payload_q;
  logic        inj_q, lost_q, msg_q, send_q, asks, in_send;
  logic [31:0] imm_q;

  // Of an own READ.
  logic              held_q, own_mirror_q, bad_q, t_mirror, t_bad;
  logic              t_waits;   // an own READ that begins goes first
  logic              t_hit, t_over, t_abs, t_atomic, own_atomic_q, hit_q, gone_q, abs_q, upd;
  logic [31:0]       t_next, t_total, next_q;
  logic [CW-1:0]     t_ch;
  logic [FUNC_W-1:0] t_func;
  logic [63:0]       t_dst;

  always_ff @(posedge clk) begin
    if (free) begin
      type_q    <= rx_hdr[crl_pkg::FRAME_TYPE_LSB +: 8];
      flags_q   <= rx_hdr[crl_pkg::FRAME_FLAGS_LSB +: 8] & {8{!inj_take}};
      ch_q      <= inj_take ? 8'(inj_ch) : rx_hdr[crl_pkg::FRAME_DST_CH_LSB +: 8];
      inj_q     <= inj_take;
      lost_q    <= inj_lost;
      imm_q     <= rx_hdr[crl_pkg::FRAME_OPERAND0_LSB +: 32];
      msg_q     <= in_send || (SEND_EN && !inj_take && !kill_wait_q
                               && rx_hdr[crl_pkg::FRAME_TYPE_LSB +: 8] == crl_pkg::FRAME_TYPE_WRITE_IMM);
      send_q    <= in_send;
      peer_ch_q <= rx_hdr[crl_pkg::FRAME_SRC_CH_LSB +: 8];
      op_seq_q  <= rx_hdr[crl_pkg::FRAME_OP_SEQ_LSB +: 16];
      tag_q     <= kill_wait_q ? kill_tag_q : rx_hdr[crl_pkg::FRAME_TAG_LSB +: 16];
      plen_q    <= in_read ? asked : in_atomic ? 16'd8 : rx_hdr[crl_pkg::FRAME_PAYLOAD_LEN_LSB +: 16];
      payload_q <= !kill_wait_q && !in_inj && rx_hdr[crl_pkg::FRAME_PAYLOAD_LEN_LSB +: 16] != '0;
      data_q    <= in_data;
      read_q    <= in_read && !kill_wait_q;
      atomic_q  <= in_atomic && !kill_wait_q;
      kill_q    <= kill_wait_q;
      held_q    <= MIRROR_EN && rx_held && !kill_wait_q && !in_inj;
      status_in_q <= kill_wait_q ? kill_status_q : rx_hdr[crl_pkg::FRAME_STATUS_LSB +: 8];
      segaddr_q <= rx_hdr[crl_pkg::FRAME_SEGADDR_LSB +: 64];
      total_q   <= rx_hdr[crl_pkg::FRAME_TOTAL_LEN_LSB +: 32];
      offset_q  <= rx_hdr[crl_pkg::FRAME_OFFSET_LSB +: 32];
    end
    if (SEND_EN && state_q == S_LOOK && inj_q) begin
      op_seq_q <= ctx_op_seq;   // what is open stays as it is
      plen_q   <= '0;
    end
    if (SEND_EN && state_q == S_TAKE && send_q) begin
      segaddr_q <= r_dst;
      abs_q     <= r_abs;
    end else if (READ_EN && state_q == S_TAKE) begin
      ch_q      <= 8'(t_ch);
      segaddr_q <= t_dst;
      total_q   <= t_total;
      hit_q     <= t_hit;
      gone_q    <= t_over;
      next_q    <= t_next;
      abs_q     <= t_abs;
      own_atomic_q <= t_atomic;
      own_mirror_q <= MIRROR_EN && t_mirror;
      bad_q        <= MIRROR_EN && t_bad;
    end
  end

  generate
    if (READ_EN) begin : g_reads
      crl_target_reads #(.CHANNELS(CHANNELS), .OPS(OPS), .FUNC_W(FUNC_W), .MIRROR_EN(MIRROR_EN)) u_reads (
          .clk, .rst, .rop_valid, .rop_tag, .rop_ch, .rop_func, .rop_abs, .rop_dst, .rop_total, .rop_atomic, .rop_mirror,
          .waits(t_waits), .look(state_q == S_TAB && !t_waits), .tag(tag_q), .hit(t_hit), .over(t_over), .next(t_next), .ch(t_ch), .func(t_func), .abs(t_abs),
          .dst(t_dst), .total(t_total), .atomic(t_atomic), .mirror(t_mirror), .bad(t_bad), .upd, .upd_over(f_answer),
          .upd_bad(f_status != crl_pkg::ST_OK), .upd_next(stop_q)
      );
    end else begin : g_none
      logic unused;
      assign unused = &{1'b0, rop_valid, rop_tag, rop_ch, rop_func, rop_abs, rop_dst, rop_total, rop_atomic, rop_mirror, upd, kill_valid, kill_tag,
                        kill_status, kill_q};
      assign t_waits = 1'b0;
      assign t_hit   = 1'b0;
      assign t_over  = 1'b1;
      assign t_abs   = 1'b0;
      assign t_atomic = 1'b0;
      assign t_mirror = 1'b0;
      assign t_bad    = 1'b0;
      assign t_next  = '0;
      assign t_total = '0;
      assign t_ch    = '0;
      assign t_func  = '0;
      assign t_dst   = '0;
    end
  endgenerate

  // The receive buffer of the channel's open SEND.
  logic [63:0] r_dst;
  logic [31:0] r_len;
  logic        r_bad, r_abs, r_send;      // r_send: what is open is a SEND

  generate
    if (SEND_EN) begin : g_recv
      crl_ram_lut #(.W(3 + 32 + 64), .DEPTH(CHANNELS)) u_recv (
          .clk, .we(state_q == S_ASK && q_done && q_ok), .waddr(ch_q[CW-1:0]), .wdata({send_q, q_bad, q_abs, q_len, q_dst}),
          .raddr(ch_q[CW-1:0]), .rdata({r_send, r_bad, r_abs, r_len, r_dst})
      );
    end else begin : g_no_recv
      logic unused_recv;
      assign unused_recv = &{1'b0, q_dst, q_len, q_bad, q_abs};
      assign {r_send, r_bad, r_abs, r_len, r_dst} = '0;
    end
  endgenerate

  generate
    if (ATOMIC_EN) begin : g_oper
      always_ff @(posedge clk) if (free) f_oper <= rx_hdr[crl_pkg::FRAME_OPERAND0_LSB +: 128];
    end else begin : g_no_oper
      assign f_oper = '0;
    end
  endgenerate

  logic is_first, is_last, is_notify, is_cancel;
  assign is_first  = flags_q[crl_pkg::FRAME_FLAG_FIRST];
  assign is_last   = flags_q[crl_pkg::FRAME_FLAG_LAST];
  assign is_notify = flags_q[crl_pkg::FRAME_FLAG_NOTIFY];
  assign is_cancel = flags_q[crl_pkg::FRAME_FLAG_CANCEL];
  // May I come? A peer without messages says no at once, and one without MIRROR to what will wait for a permission.
  assign asks      = is_first && !is_last && !is_cancel
                     && (type_q == crl_pkg::FRAME_TYPE_WRITE_IMM || type_q == crl_pkg::FRAME_TYPE_SEND
                         || (!MIRROR_EN && type_q == crl_pkg::FRAME_TYPE_MIRROR)) && !inj_q && !data_q;

  // ------------------------------------------------------------------------------------------
  // Look.

  logic [CHANNELS-1:0] in_op_q;     // the channel is within an operation
  logic                in_op;
  logic [7:0]          ctx_status;
  logic [15:0]         ctx_op_seq;
  logic [31:0]         ctx_next;
  logic                known, same_op;
  logic [40:0]         start;       // of the payload, in the segment
  logic [32:0]         remain, stop;

  logic [CHANNELS-1:0] seen_q;      // the context of the channel has been written
  logic                over_q;      // the operation has been answered
  logic                at_end, end_q;  // the payload reaches the end of the operation
  logic                known_q, same_op_q, goes_on_q, bad_len_q, beyond_q;
  logic [7:0]          old_status_q;
  logic                slot_q, got_q, empty_q, begin_q;  // the operation has a slot; gets one; has no bytes
  logic                odd_q, short_q, wrap_q;  // of a receive entry: no RECV; too short; beyond 2^64, if it is absolute
  logic [32:0]         recv_end;
  logic [39:0]         start_q;
  logic [32:0]         remain_q;
  logic [31:0]         stop_q;
  logic [FUNC_W-1:0]   func_q;
  logic                ctx_we;

  assign bind_ch = ch_q[CW-1:0];
  assign known   = bind_ok && {1'b0, ch_q} < 9'(CHANNELS) && bind_peer == PW'(PEER)
                   && bind_peer_ch == peer_ch_q;
  assign in_op   = in_op_q[bind_ch];
  assign same_op = in_op && !is_first && ctx_op_seq == op_seq_q;
  assign start   = {1'b0, segaddr_q[crl_pkg::SEGADDR_OFFSET_LSB +: 40]} + {9'd0, offset_q};
  assign remain  = {1'b0, total_q} - {1'b0, offset_q};
  assign stop    = {1'b0, offset_q} + {17'd0, plen_q};
  assign at_end  = stop == {1'b0, total_q};

  crl_ram_lut #(.W(56), .DEPTH(CHANNELS)) u_ctx (
      .clk, .we(ctx_we), .waddr(bind_ch), .wdata({f_status, op_seq_q, stop_q}),
      .raddr(bind_ch), .rdata({ctx_status, ctx_op_seq, ctx_next})
  );

  assign recv_end = {1'b0, segaddr_q[31:0]} + {1'b0, total_q};

  always_ff @(posedge clk) begin
    if (state_q == S_LOOK) begin
      // A SEND that has got its receive entry stays known: it has something to give back.
      if (!got_q) known_q <= data_q ? hit_q && !gone_q && (kill_q || held_q == own_mirror_q) : inj_q ? SEND_EN && held[bind_ch] : known;
      odd_q        <= r_bad;
      short_q      <= total_q > r_len;
      wrap_q       <= &segaddr_q[63:32] && recv_end[32] && recv_end[31:0] != '0;
      same_op_q    <= data_q ? offset_q != '0 : same_op || inj_q;
      slot_q       <= SEND_EN && held[bind_ch] && !data_q && !read_q && !atomic_q && (known || inj_q);
      empty_q      <= msg_q && total_q == '0;
      begin_q      <= msg_q && offset_q == '0;   // the ring has not seen what came before: a question
      over_q       <= seen_q[bind_ch] && !in_op && !is_first && ctx_op_seq == op_seq_q;
      goes_on_q    <= data_q ? next_q == offset_q : is_first ? offset_q == '0
                      : (same_op && ctx_next == offset_q && (read_q || (SEND_EN && held[bind_ch]) == msg_q) && (!msg_q || r_send == send_q));
      old_status_q <= inj_q && ctx_status == crl_pkg::ST_OK ? 8'(crl_pkg::ST_ABORTED)
                      : same_op || inj_q ? ctx_status : 8'(crl_pkg::ST_OK);
      if (msg_q && asks) bad_len_q <= plen_q != '0;
      else bad_len_q <= (plen_q == '0 && !(msg_q && total_q == '0)) || plen_q > 16'(FRAME_MAX) || stop > {1'b0, total_q}
                        || (!data_q && is_last != at_end)
                        || (ATOMIC_EN && atomic_q && !(is_first && is_last));
      end_q        <= at_end;
      beyond_q     <= start[40];
      start_q      <= start[39:0];
      remain_q     <= remain;
      stop_q       <= inj_q ? ctx_next : stop[31:0];
      func_q       <= data_q ? t_func : bind_func;
    end
    if (free) got_q <= 1'b0;
    else if (SEND_EN && state_q == S_ASK && q_done) got_q <= q_ok;
  end

  assign q_valid = SEND_EN && state_q == S_ASK;
  assign q_ch    = bind_ch;
  assign q_send  = send_q;

  // ------------------------------------------------------------------------------------------
  // Check. The result stands in the next cycle and stays, as its inputs do.

  logic        seg_ok;
  logic [63:0] seg_addr;
  logic [23:0] abs_high_q;   // of an absolute address
  logic [7:0]  seg_status;
  logic [11:0] index;

  assign index   = segaddr_q[crl_pkg::SEGADDR_INDEX_LSB +: 12];
  assign seg_idx = index[SW-1:0];

  crl_seg_check u_seg (
      .clk, .seg_entry, .idx_ok({1'b0, index} < 13'(SEGMENTS)),
      .gen(segaddr_q[crl_pkg::SEGADDR_GEN_LSB +: 12]), .offset(start_q),
      // A start beyond the 40 bits is beyond every segment.
      .len(beyond_q ? 33'h1_FFFF_FFFF : remain_q),
      .need_right(6'(read_q ? 1 << crl_pkg::SEG_RIGHT_READ : ATOMIC_EN && atomic_q ? 1 << crl_pkg::SEG_RIGHT_ATOMIC
                     : 1 << crl_pkg::SEG_RIGHT_WRITE)), .channel(ch_q), .peer(4'(PEER)),
      .is_remote(!data_q && !send_q), .ok(seg_ok), .status(seg_status), .addr(seg_addr)
  );
  always_ff @(posedge clk) abs_high_q <= segaddr_q[63:40] + 24'(beyond_q);
  assign f_addr = (data_q || send_q) && abs_q ? {abs_high_q, start_q} : seg_addr;

  // ------------------------------------------------------------------------------------------
  // Give.

  logic [7:0]  status, sound;
  logic        ends;   // of the operation
  logic [12:0] span;   // bytes from the burst boundary to the end of the payload
  logic        silent; // nothing of a READ_DATA counts

  always_comb begin
    sound = status;
    // A slot of an operation that was left behind is given back first.
    if (SEND_EN && msg_q && is_first && (slot_q || !got_q) && status == crl_pkg::ST_OK) sound = crl_pkg::ST_RECEIVER_NOT_READY;
  end

  always_comb begin
    if (data_q) begin
      status = crl_pkg::ST_KEY_REVOKED;   // it was granted when the operation began
      if (status_in_q != crl_pkg::ST_OK)           status = status_in_q;
      else if (silent)                             status = crl_pkg::ST_LINK_ERROR;
      else if (MIRROR_EN && bad_q)                 status = crl_pkg::ST_KEY_REVOKED;
      else if (abs_q || (seg_ok && !beyond_q))     status = crl_pkg::ST_OK;
    end else if (!known_q)                                    status = crl_pkg::ST_PEER_REFUSED;
    else if (old_status_q != crl_pkg::ST_OK)         status = old_status_q;
    else if (is_cancel)                              status = crl_pkg::ST_ABORTED;
    else if (type_q != crl_pkg::FRAME_TYPE_WRITE && !(MIRROR_EN && type_q == crl_pkg::FRAME_TYPE_MIRROR) && !read_q && !(ATOMIC_EN && atomic_q) && !msg_q) status = crl_pkg::ST_BAD_OPCODE;
    else if (!goes_on_q)                             status = crl_pkg::ST_LINK_ERROR;
    else if (bad_len_q)                              status = crl_pkg::ST_BAD_LENGTH;
    else if (ATOMIC_EN && atomic_q && segaddr_q[2:0] != '0) status = crl_pkg::ST_BAD_ALIGN;
    else if (send_q && is_first && !got_q)           status = crl_pkg::ST_OK;    // its buffer is not known yet
    else if (send_q && odd_q)                        status = crl_pkg::ST_BAD_OPCODE;
    else if (send_q && short_q)                      status = crl_pkg::ST_RECV_TOO_SHORT;
    else if (empty_q)                                status = crl_pkg::ST_OK;
    else if (send_q && abs_q)                        status = wrap_q ? crl_pkg::ST_ADDR_WRAP : crl_pkg::ST_OK;
    else if (beyond_q && seg_status == crl_pkg::ST_OK) status = crl_pkg::ST_SEG_RANGE;
    else                                             status = seg_status;
  end

  assign span = 13'(f_addr[LM-1:0]) + 13'(plen_q[11:0]) + 13'(MAX_BURST_BYTES - 1);

  assign f_valid   = state_q == S_GIVE;
  assign silent    = data_q && (!known_q || (status_in_q == crl_pkg::ST_OK && (!goes_on_q || bad_len_q)));
  assign f_write   = sound == crl_pkg::ST_OK && !read_q && !atomic_q && (!msg_q || payload_q);
  assign f_drop    = !f_write && payload_q;
  assign f_bytes   = plen_q[11:0];
  assign f_user    = func_q;
  assign f_bursts  = f_write ? NB_W'(span >> LM) : '0;
  assign f_known   = known_q && !silent;
  assign f_first   = !same_op_q || begin_q;
  // Frames that were under way when the operation was cancelled come as CANCEL too: one answer is enough.
  assign f_answer  = inj_q ? 1'b0 : data_q ? !silent && (end_q || (status != crl_pkg::ST_OK && !(held_q && status_in_q == crl_pkg::ST_OK)))
                     : is_cancel ? !over_q : is_last || (asks && !msg_q);
  assign f_notify  = is_notify && !data_q && !msg_q && !inj_q;
  assign f_ask     = msg_q && asks;
  assign ends      = is_last || is_cancel || (asks && sound != crl_pkg::ST_OK);
  assign f_msg     = SEND_EN && known_q && !data_q && !read_q && !atomic_q && (inj_q || (slot_q && is_first) || ((slot_q || got_q) && ends));
  // A SEND that fails here ends its receive entry, unless it is the peer that gave it up or lost count.
  assign f_post    = msg_q && !is_cancel && (!send_q ? is_last && sound == crl_pkg::ST_OK
                     : !(slot_q && is_first) && sound != crl_pkg::ST_LINK_ERROR && sound != crl_pkg::ST_ABORTED);
  assign f_send    = r_send;
  assign f_imm     = imm_q;
  assign f_msg_irq = is_notify;
  assign held_we   = SEND_EN && ctx_we && !read_q && !atomic_q;
  assign held_d    = (slot_q || got_q) && !f_msg;
  assign f_is_atomic  = ATOMIC_EN && atomic_q;
  assign f_atomic     = f_is_atomic && status == crl_pkg::ST_OK;
  assign f_req        = read_q || (atomic_q && !f_atomic);
  assign f_swap       = flags_q[crl_pkg::FRAME_FLAG_SWAP];
  assign f_own_atomic = data_q && own_atomic_q && ATOMIC_EN;
  assign f_mirror     = MIRROR_EN && data_q && (held_q || (kill_q && own_mirror_q));
  assign f_given      = status_in_q != crl_pkg::ST_OK;
  assign f_permit     = MIRROR_EN && type_q == crl_pkg::FRAME_TYPE_MIRROR && is_first && !is_last && !is_cancel && !data_q && !inj_q;
  assign f_rd      = data_q;
  assign f_slot    = !(READ_EN && kill_q) && !inj_q;
  assign f_segaddr = segaddr_q;
  assign f_total   = total_q;
  assign f_offset  = offset_q;
  assign f_ffirst  = is_first;
  assign f_flast   = is_last;
  assign upd       = f_valid && f_ready && data_q && !silent;
  assign f_status  = sound;
  assign f_ch      = ch_q;
  assign f_peer_ch = peer_ch_q;
  assign f_op_seq  = op_seq_q;
  assign f_tag     = tag_q;
  assign busy      = state_q != S_IDLE;

  assign ctx_we    = f_valid && f_ready && known_q && !data_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q <= S_IDLE;
      in_op_q <= '0;
      seen_q  <= '0;
    end else begin
      if (free)                    state_q <= in_data && (rx_valid || kill_wait_q) ? S_TAB : in_send && rx_valid ? S_TAKE
                                              : rx_valid || inj_take ? S_LOOK : S_IDLE;
      else if (READ_EN && state_q == S_TAB)  state_q <= t_waits ? S_TAB : S_TAKE;
      else if ((READ_EN || SEND_EN) && state_q == S_TAKE) state_q <= S_LOOK;
      else if (state_q == S_LOOK)  state_q <= S_CHECK;
      else if (SEND_EN && state_q == S_CHECK && msg_q && is_first && !got_q) state_q <= S_JUDGE;
      else if (SEND_EN && state_q == S_JUDGE && status == crl_pkg::ST_OK && !slot_q) state_q <= S_ASK;
      else if (SEND_EN && state_q == S_ASK && !q_done) state_q <= S_ASK;
      else if (SEND_EN && state_q == S_ASK && q_ok && send_q) state_q <= S_TAKE;
      else                         state_q <= S_GIVE;
      // A CANCEL that is not answered any more leaves no operation open.
      if (ctx_we) in_op_q[bind_ch] <= inj_q ? !lost_q : !(f_answer || is_cancel || (asks && sound != crl_pkg::ST_OK));
      if (ctx_we) seen_q[bind_ch] <= 1'b1;
    end
  end

  logic unused;
  assign unused = &{1'b0, seg_ok, flags_q, rx_hdr, stop[32]};

`ifdef FORMAL
  // Whatever the frame and the table: what is accepted lies in the operation's range, and that in
  // a segment that this peer may write for this channel. Entry and binding as they were looked up.
  logic [crl_pkg::SEGENT_W-1:0] g_ent;
  logic                         g_known;
  logic [69:0]                  g_base, g_size, g_first, g_stop;

  always_ff @(posedge clk) begin
    g_ent <= seg_entry;
    if (state_q == S_LOOK && !got_q) g_known <= bind_ok && bind_peer == PW'(PEER) && bind_peer_ch == peer_ch_q;
  end

  assign g_base  = {6'd0, g_ent[51:0], 12'd0};
  assign g_size  = {29'd0, g_ent[92:52]};
  assign g_first = {6'd0, f_addr};
  assign g_stop  = g_first + {58'd0, f_bytes};

  always_ff @(posedge clk) begin
    if (!rst && state_q != S_IDLE) assert (!(data_q && read_q) && (READ_EN || !(data_q || read_q)));
    if (!rst && state_q != S_IDLE && atomic_q) assert (!data_q && plen_q == 16'd8);
    if (!rst && state_q != S_IDLE) begin
      assert ($onehot0({inj_q, msg_q, data_q, read_q, atomic_q}) && (SEND_EN || !(inj_q || msg_q)));
      assert (!msg_q || payload_q == (plen_q != '0));
      assert ((!send_q || msg_q) && (!got_q || (msg_q && is_first && state_q != S_JUDGE && state_q != S_ASK)));
      if (state_q == S_JUDGE || state_q == S_ASK) assert (msg_q && is_first);
      if (state_q == S_ASK) assert (known_q);
      // Through look and check once more: a SEND with its entry.
      if (got_q && state_q != S_GIVE) assert (send_q && known_q && g_known && {24'd0, ch_q} < CHANNELS && state_q != S_TAB);
    end
    if (!rst && (state_q == S_CHECK || state_q == S_GIVE || state_q == S_JUDGE || state_q == S_ASK)) begin
      if (send_q && known_q && (got_q || !is_first))
        assert (segaddr_q == r_dst && abs_q == r_abs && odd_q == r_bad && short_q == (total_q > r_len)
                && wrap_q == (&segaddr_q[63:32] && recv_end[32] && recv_end[31:0] != '0));
      assert (empty_q == (msg_q && total_q == '0) && (!inj_q || old_status_q != crl_pkg::ST_OK));
      assert ({beyond_q, start_q} == {1'b0, segaddr_q[39:0]} + {9'd0, offset_q});
      assert (remain_q == {1'b0, total_q} - {1'b0, offset_q});
      assert (data_q || inj_q || !known_q || (g_known && {24'd0, ch_q} < CHANNELS));
      if (!bad_len_q) begin
        // A question, a message without bytes and what is given back have none.
        if (msg_q && asks) assert (plen_q == '0);
        else assert ((plen_q != '0 || inj_q || empty_q) && plen_q <= 16'(FRAME_MAX));
        if (!(msg_q && asks) && !inj_q) assert ({2'd0, offset_q} + {18'd0, plen_q} <= {2'd0, total_q});
        if (ATOMIC_EN && atomic_q)
          assert (is_first && {2'd0, offset_q} + 34'd8 == {2'd0, total_q} && (!goes_on_q || offset_q == '0));
      end
    end
    if (!rst && f_valid && f_atomic) assert (offset_q == '0 && total_q == 32'd8 && segaddr_q[2:0] == '0);
    if (!rst && f_valid && f_write && (data_q || send_q) && !abs_q) begin
      // An own READ's bytes, or a SEND's: in what was given as destination, in a segment of the channel for local use.
      assert (g_ent[123] && segaddr_q[63:52] < SEGMENTS && g_ent[122:111] == segaddr_q[51:40] && g_ent[104:97] == ch_q);
      assert (g_ent[109] && g_ent[106]);
      assert (g_first == g_base + {30'd0, segaddr_q[39:0]} + {38'd0, offset_q});
      assert (g_stop <= g_base + {30'd0, segaddr_q[39:0]} + {38'd0, total_q});
      assert (g_base + {30'd0, segaddr_q[39:0]} + {38'd0, total_q} <= g_base + g_size);
    end
    if (!rst && f_valid && f_write && data_q) assert (known_q && goes_on_q && f_bytes != '0 && f_bytes <= 12'(FRAME_MAX));
    if (!rst && f_valid && f_write && send_q) begin
      // In the receive buffer, and nowhere beyond 2^64.
      assert (g_known && got_q == is_first && segaddr_q == r_dst && total_q <= r_len && !r_bad);
      if (abs_q) assert (f_addr == r_dst + {32'd0, offset_q} && !wrap_q);
      assert (f_bytes != '0 && f_bytes <= 12'(FRAME_MAX) && !f_drop);
    end
    if (!rst && f_valid && f_write && !data_q && !send_q) begin
      assert (g_known && g_ent[123] && segaddr_q[63:52] < SEGMENTS);
      assert (g_ent[122:111] == segaddr_q[51:40] && g_ent[104:97] == ch_q);
      assert (g_ent[110] && g_ent[106] && (g_ent[96:93] == 4'(PEER) || g_ent[96:93] == 4'd15));
      assert (g_first == g_base + {30'd0, segaddr_q[39:0]} + {38'd0, offset_q});
      assert (g_stop <= g_base + {30'd0, segaddr_q[39:0]} + {38'd0, total_q});
      assert (g_base + {30'd0, segaddr_q[39:0]} + {38'd0, total_q} <= g_base + g_size);
      assert (g_first >= g_base && g_stop <= 70'h1_0000_0000_0000_0000);
      assert (f_bytes != '0 && f_bytes <= 12'(FRAME_MAX) && !f_drop);
      assert ((70'(f_bursts) - 70'd1) == ((g_stop - 70'd1) >> LM) - (g_first >> LM));
    end
    if (!rst && f_valid && !f_write) assert (f_bursts == '0 && (read_q || atomic_q || f_status != crl_pkg::ST_OK || (msg_q && !payload_q)));
    // What is read for a peer: as what is written, but with the right to read.
    if (!rst && f_valid && read_q && f_status == crl_pkg::ST_OK) begin
      assert (g_known && g_ent[123] && segaddr_q[63:52] < SEGMENTS && g_ent[122:111] == segaddr_q[51:40]);
      assert (g_ent[104:97] == ch_q && g_ent[110] && g_ent[105] && (g_ent[96:93] == 4'(PEER) || g_ent[96:93] == 4'd15));
      assert (g_first == g_base + {30'd0, segaddr_q[39:0]} + {38'd0, offset_q});
      assert (g_stop <= g_base + {30'd0, segaddr_q[39:0]} + {38'd0, total_q});
      assert (g_base + {30'd0, segaddr_q[39:0]} + {38'd0, total_q} <= g_base + g_size);
      assert (f_bytes != '0 && f_bytes <= 12'(FRAME_MAX));
    end
  end
`endif

endmodule

`default_nettype wire
