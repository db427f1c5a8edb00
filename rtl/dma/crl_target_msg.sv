// SPDX-License-Identifier: Apache-2.0
//
// crl_target_msg: what messages (WRITE_IMM, SEND) need at the target beside the frames' way: completion slots, OP_PERMIT, the entry's fields.
//
// How: a bit a channel tells that its open operation has a completion slot. When the channel dies (ABORT, RESET) or the link
//   goes down, a rotation finds the slots and has them given back (inj): through the ring of frames, so after all writes of the
//   operation. An ASK is answered from a FIFO of its own, in front of the answers that wait for responses. Frames that end an
//   operation with a slot leave the entry's fields in a second FIFO, in the order of the ring. A SEND whose receive entry will be used
//   up, whatever becomes of its writes, is told then (sure).
// Latency: 2 cycles from an ASK to rsp_valid; a ring's answer none. A slot is found within CHANNELS + 2 cycles.
//   The first frame of a MIRROR of several frames is answered there as well, and goes on to the ring.
// Assumes: no more than SLOTS frames are under way, so neither FIFO is ever full because of a neighbour.
`default_nettype none

module crl_target_msg #(
    parameter int CHANNELS = 8,
    parameter int SLOTS    = 24,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,          // synchronous, active high

    input  wire logic                link_up,
    input  wire logic [CHANNELS-1:0] dead,         // open messages to it are refused

    output logic      [CHANNELS-1:0] held,         // the open operation of the channel has a slot
    input  wire logic                held_we,      // event: of f_ch
    input  wire logic                held_d,
    output logic                     inj_valid,    // one is to be given back; stays until inj_take
    input  wire logic                inj_take,     // event
    output logic      [CW-1:0]       inj_ch,
    output logic                     inj_lost,     // because the link is down

    input  wire logic                f_take,       // event: a frame goes on
    output logic                     p_ready,      // it may
    input  wire logic                f_ask,
    input  wire logic                f_permit,     // a MIRROR's first frame: it is answered and goes on
    input  wire logic                f_msg,        // it takes a completion slot along
    input  wire logic                f_post,       // for an entry
    input  wire logic                f_send,       // it has a receive entry
    input  wire logic [31:0]         f_imm,
    input  wire logic                f_irq,
    input  wire logic [31:0]         f_total,
    input  wire logic [7:0]          f_status,
    input  wire logic [7:0]          f_ch,
    input  wire logic [7:0]          f_peer_ch,
    input  wire logic [15:0]         f_op_seq,
    input  wire logic [15:0]         f_tag,

    input  wire logic                a_x_valid,    // the ring's oldest frame has a slot
    input  wire logic                a_x_good,     // its operation went well
    output logic                     x_valid,      // to crl_recv
    input  wire logic                x_ready,
    output logic                     x_back,       // give it back
    output logic                     x_send,       // it has a receive entry
    output logic                     sure_valid,   // event: of an open SEND, it will be used up
    output logic      [CW-1:0]       sure_ch,
    output logic                     x_irq,
    output logic      [31:0]         x_bytes,
    output logic      [31:0]         x_imm,

    input  wire logic                a_valid,      // the ring's answers
    output logic                     a_ready,
    input  wire logic [71:0]         a_data,       // {status2, status, tag, op_seq, dst_ch, src_ch}
    output logic                     rsp_valid,
    input  wire logic                rsp_ready,
    output logic      [72:0]         rsp_data,     // {permit, as a_data}
    output logic                     slot_free,    // the receive slot of an ASK; stays while slot_busy
    output logic      [7:0]          slot_free_ch,
    input  wire logic                slot_busy
);

  localparam int DEPTH = 1 << $clog2(SLOTS > 4 ? SLOTS : 4);

  // ---------------------------------------------------------------- slots of open operations
  // A frame of this channel between the look and the injection finds nothing to give back any more: it has been given.
  logic [CW-1:0] scan_q;
  logic          due;

  assign due = held[scan_q] && (!link_up || dead[scan_q]);

  always_ff @(posedge clk) begin
    if (rst) begin
      held      <= '0;
      inj_valid <= 1'b0;
      scan_q    <= '0;
    end else begin
      if (held_we) held[f_ch[CW-1:0]] <= held_d;
      if (inj_valid) begin
        if (inj_take || !due) inj_valid <= 1'b0;
      end else begin
        inj_valid <= due;
        if (!due) scan_q <= 32'(scan_q) == CHANNELS - 1 ? '0 : scan_q + 1'b1;
      end
    end
    inj_lost <= !link_up;
  end
  assign inj_ch = scan_q;

  // ---------------------------------------------------------------- OP_PERMIT
  localparam int P_W = 8 + 8 + 16 + 16 + 8 + 1;
  logic           p_valid, p_take, p_want, p_slot, free_q, unused_level;
  logic [P_W-1:0] p_rec;
  logic [7:0]     p_status, p_dst_ch, p_src_ch;
  logic [15:0]    p_tag;
  logic [15:0]    p_op_seq;
  logic [$clog2(DEPTH):0] p_level, x_level;

  // A refused one that has a slot to give back goes through the ring too, and leaves the receive slot to it.
  crl_fifo_bram #(.W(P_W), .DEPTH(DEPTH)) u_permits (
      .clk, .rst, .s_valid(f_take && (f_ask || f_permit)), .s_ready(p_ready),
      .s_data({!f_msg && !f_permit, f_status, f_tag, f_op_seq, f_peer_ch, f_ch}),
      .m_valid(p_valid), .m_ready(p_take), .m_data(p_rec), .level(p_level)
  );
  assign {p_slot, p_status, p_tag, p_op_seq, p_dst_ch, p_src_ch} = p_rec;
  assign p_want = p_valid && !free_q;

  // Permissions go first. What is shown stays until it is taken.
  logic sel, sel_q, shown_q;

  assign sel       = shown_q ? sel_q : p_want;
  assign rsp_valid = sel ? p_want : a_valid;
  assign rsp_data  = sel ? {1'b1, 16'd0, p_status == crl_pkg::ST_OK ? 8'd0 : p_status | crl_pkg::ST_AT_PEER, p_tag, p_op_seq, p_dst_ch, p_src_ch}
                         : {1'b0, a_data};
  assign a_ready   = !sel && rsp_ready;
  assign p_take    = sel && p_want && rsp_ready;
  always_ff @(posedge clk) begin
    if (rst) shown_q <= 1'b0;
    else     shown_q <= rsp_valid && !rsp_ready;
    sel_q <= sel;
  end
  assign slot_free = free_q;

  always_ff @(posedge clk) begin
    if (rst) free_q <= 1'b0;
    else     free_q <= (p_take && p_slot) || (free_q && slot_busy);
    if (p_take) slot_free_ch <= p_dst_ch;
  end

  // ---------------------------------------------------------------- fields of entries
  logic e_valid, e_post, e_ready_unused;

  always_ff @(posedge clk) begin
    if (rst) sure_valid <= 1'b0;
    else     sure_valid <= f_take && f_msg && f_post && f_send;
    sure_ch <= f_ch[CW-1:0];
  end

  crl_fifo_bram #(.W(1 + 1 + 1 + 32 + 32), .DEPTH(DEPTH)) u_entries (
      .clk, .rst, .s_valid(f_take && f_msg), .s_ready(e_ready_unused), .s_data({f_post, f_send, f_irq, f_total, f_imm}),
      .m_valid(e_valid), .m_ready(x_valid && x_ready), .m_data({e_post, x_send, x_irq, x_bytes, x_imm}), .level(x_level)
  );
  assign x_valid = a_x_valid && e_valid;
  // A receive entry ends with an error too.
  assign x_back  = !(e_post && (a_x_good || x_send));

  assign unused_level = &{1'b0, p_level, x_level};

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset: nothing holds of what registers are before it

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    if (rst) begun_q <= 1'b1;
    else if (begun_q) assert (!(f_take && f_msg && !e_ready_unused));
  end
`endif

endmodule

`default_nettype wire
