// SPDX-License-Identifier: Apache-2.0
//
// crl_target_answer: follows every frame until its writes have their responses, then answers.
//
// How: a ring with an entry a frame and three pointers. Frames enter at wr; at done the write
//   responses are counted, and a frame that has all of its own moves on; at ans the answer of an
//   operation goes out and the frame's slot is freed. An error response is remembered a channel
//   until the operation's last frame takes it along, which leaves the memory as it is: so do own atomics, of one frame, and ends
//   that are asked for (kill), which come between the frames of a READ of their channel. An atomic of the peer waits at done until it has been carried out
//   (crl_target_atomic, which answers it and frees its slot). A frame that has a completion slot leaves when crl_target_msg
//   has used it, before its answer. Frames of the hold FIFO of MIRROR have a place there (held_free). Ends of this node's own READs go to its table of operations (rdone).
// Latency: 1 cycle from the last response to rsp_valid if all is well and nothing waits, else 2. Throughput: a frame a cycle.
// Assumes: no more than SLOTS frames are under way (the link's credits), so the ring never fills
//   because of rsp_ready.
`default_nettype none

module crl_target_answer #(
    parameter int CHANNELS = 8,
    parameter int SLOTS    = 24,  // receive slots of the peer
    parameter int NB_W     = 2,   // bits of the number of bursts a frame
    parameter bit READ_EN  = 1,
    parameter bit ATOMIC_EN = 1,
    parameter bit SEND_EN  = 1,
    parameter bit MIRROR_EN = READ_EN,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic             clk,
    input  wire logic             rst,          // synchronous, active high

    input  wire logic             f_valid,      // a frame, in order of arrival
    output logic                  f_ready,
    input  wire logic [NB_W-1:0]  f_bursts,     // writes it makes
    input  wire logic             f_known,      // it belongs to a bound channel
    input  wire logic             f_first,      // it begins an operation
    input  wire logic             f_answer,     // it ends one
    input  wire logic             f_notify,     // interrupt when all is well
    input  wire logic [7:0]       f_status,     // of the checks, ST_OK if none failed
    input  wire logic [7:0]       f_ch,         // channel here
    input  wire logic [7:0]       f_peer_ch,    // channel at the sender
    input  wire logic [15:0]      f_op_seq,
    input  wire logic [15:0]      f_tag,
    input  wire logic             f_rd,         // READ_DATA: status and answer are this node's
    input  wire logic             f_slot,       // it has a receive slot
    input  wire logic             f_atomic,     // an atomic of the peer: no answer and no slot from here
    input  wire logic             f_own_atomic, // READ_DATA of an own atomic
    input  wire logic             f_mirror,     // of an own MIRROR; its slot is a place in the hold FIFO's share of the ring
    input  wire logic             f_given,      // with it: its status was given
    output logic                  at_head,      // all before an atomic have their responses
    input  wire logic             at_done,      // event, while at_head: it has been carried out
    input  wire logic             f_msg,        // it has a completion slot

    output logic                  x_valid,      // the frame that is to leave has one; stays until x_ready
    input  wire logic             x_ready,      // event: it has been used
    output logic                  x_good,       // all went well
    output logic      [6:0]       x_status,     // what went wrong
    output logic      [CW-1:0]    x_ch,

    input  wire logic             b_valid,      // event: a write response, in order
    input  wire logic [1:0]       b_resp,

    output logic                  rsp_valid,
    input  wire logic             rsp_ready,
    output logic      [7:0]       rsp_src_ch,
    output logic      [7:0]       rsp_dst_ch,
    output logic      [15:0]      rsp_op_seq,
    output logic      [15:0]      rsp_tag,
    output logic      [7:0]       rsp_status,
    output logic      [15:0]      rsp_status2,

    output logic                  rdone_valid,  // end of an own READ
    input  wire logic             rdone_ready,
    output logic      [15:0]      rdone_tag,
    output logic      [7:0]       rdone_status,
    output logic      [15:0]      rdone_status2,

    output logic                  slot_free,    // event
    output logic      [7:0]       slot_free_ch,
    output logic                  slot_free_rd, // of a READ_DATA
    output logic                  held_free,    // event: a frame of the hold FIFO has left
    output logic                  irq_valid,    // event
    output logic      [CW-1:0]    irq_ch,
    output logic                  busy,         // writes are under way

    input  wire logic             mark,         // event: tell when all frames taken so far have their responses
    output logic                  mark_over
);

  localparam int DEPTH = 1 << $clog2(SLOTS > 1 ? SLOTS : 2);
  localparam int AW    = $clog2(DEPTH);

  logic [AW:0] wr_q, done_q, ans_q;  // one bit more than the address
  logic        push, done, leave;

  assign f_ready = wr_q != {!ans_q[AW], ans_q[AW-1:0]};
  assign push    = f_valid && f_ready;
  assign busy    = wr_q != done_q;

  crl_mark #(.W(AW + 1)) u_mark (
      .clk, .rst, .mark, .held(wr_q - done_q), .enter(push), .leave(done), .over(mark_over)
  );

  // ------------------------------------------------------------------------------------------
  // Responses. They may come faster than frames without writes are stepped over.

  localparam int HEAD_W = NB_W + 5 + CW + 2 + (MIRROR_EN ? 1 : 0);
  logic [HEAD_W-1:0] head;
  logic [NB_W-1:0]   head_bursts, count_q;
  logic              head_known, head_first, head_answer, head_notify, head_good, head_rd, head_atomic, head_mirror;
  logic [CW-1:0]     head_ch;
  logic              r_valid, r_ready, r_full_n, w_valid;
  logic [1:0]        r_resp, w_resp;
  logic [AW:0]       r_level;
  logic [1:0]        err_q, err_now, err_old, err_op;  // first error response, 0: none

  crl_fifo #(.W(2), .DEPTH(DEPTH)) u_resp (
      .clk, .rst, .s_valid(b_valid && (w_valid || !r_ready)), .s_ready(r_full_n), .s_data(b_resp),
      .m_valid(w_valid), .m_ready(r_ready), .m_data(w_resp), .level(r_level)
  );
  // One that nothing waits in front of counts as it comes.
  assign r_valid = w_valid || b_valid;
  assign r_resp  = w_valid ? w_resp : b_resp;

  crl_ram_lut #(.W(HEAD_W), .DEPTH(DEPTH)) u_head (
      .clk, .we(push), .waddr(wr_q[AW-1:0]),
      .wdata(HEAD_W'({f_mirror, f_bursts, f_known, f_first, f_answer, f_notify, f_status == crl_pkg::ST_OK,
              f_ch[CW-1:0], READ_EN && f_rd, ATOMIC_EN && f_atomic})),
      .raddr(done_q[AW-1:0]), .rdata(head)
  );
  assign {head_mirror, head_bursts, head_known, head_first, head_answer, head_notify, head_good, head_ch, head_rd, head_atomic} =
      (NB_W + 5 + CW + 3)'(head);

  // What earlier frames of the operation met. What ends one writes nothing: nobody needs it, and it may be the end of another one than
  // that whose frames go on.
  localparam int ECW = READ_EN ? CW + 1 + (MIRROR_EN ? 1 : 0) : CW;
  crl_ram_lut #(.W(2), .DEPTH(MIRROR_EN ? 4 << CW : READ_EN ? 2 << CW : CHANNELS)) u_err (
      .clk, .we(done && head_known && !head_answer), .waddr(ECW'({head_mirror, head_rd, head_ch})), .wdata(err_op),
      .raddr(ECW'({head_mirror, head_rd, head_ch})), .rdata(err_old)
  );

  assign r_ready = busy && head_bursts != count_q;
  assign err_now = err_q != '0 ? err_q : (r_valid && r_ready && r_resp[1] ? r_resp : 2'd0);
  assign err_op  = !head_first && err_old != '0 ? err_old : err_now;
  assign at_head = ATOMIC_EN && busy && head_atomic;
  assign done    = busy && (ATOMIC_EN && head_atomic ? at_done : head_bursts == count_q ||
                            (r_valid && head_bursts == count_q + 1'b1));

  assign irq_valid = done && head_answer && head_notify && head_good && err_op == '0;
  assign irq_ch    = head_ch;

  // ------------------------------------------------------------------------------------------
  // Answers.

  localparam int INFO_W = 1 + 8 + 8 + 8 + 16 + 16 + 3 + (SEND_EN || MIRROR_EN ? 1 : 0) + (MIRROR_EN ? 2 : 0);
  logic [INFO_W-1:0] info;
  logic              i_answer, i_rd, i_slot, i_own, i_msg, i_mirror, i_given;
  logic [7:0]        i_status, i_ch, i_peer_ch;
  logic [15:0]       i_op_seq;
  logic [15:0]       i_tag;
  logic [1:0]        i_result, i_err;
  logic              at_once;      // the last response comes, nothing has to be looked up, and no answer waits
  logic [7:0]        status;
  logic              rsp_valid_q, rsp_free, rd_q, slot_q, mirror_q, out_ready, any_free;

  crl_ram_lut #(.W(INFO_W), .DEPTH(DEPTH)) u_info (
      .clk, .we(push), .waddr(wr_q[AW-1:0]),
      .wdata(INFO_W'({f_mirror, f_given, f_msg, f_answer, f_status, f_ch, f_peer_ch, f_op_seq, f_tag, READ_EN && f_rd, (!READ_EN && !SEND_EN) || f_slot,
                      ATOMIC_EN && f_own_atomic})),
      .raddr(ans_q[AW-1:0]), .rdata(info)
  );
  assign {i_mirror, i_given, i_msg, i_answer, i_status, i_ch, i_peer_ch, i_op_seq, i_tag, i_rd, i_slot, i_own} = 63'(info);

  crl_ram_lut #(.W(2), .DEPTH(DEPTH)) u_result (
      .clk, .we(done), .waddr(done_q[AW-1:0]), .wdata(err_op),
      .raddr(ans_q[AW-1:0]), .rdata(i_result)
  );
  assign i_err = done_q != ans_q ? i_result : 2'd0;

  always_comb begin
    if (i_status != crl_pkg::ST_OK) status = i_status;
    else if (i_err == 2'd2)         status = crl_pkg::ST_WRITE_SLVERR;
    else if (i_err == 2'd3)         status = crl_pkg::ST_WRITE_DECERR;
    else                            status = crl_pkg::ST_OK;
    if (status != crl_pkg::ST_OK && !i_rd) status = status | crl_pkg::ST_AT_PEER;
  end

  // The slot is free when the answer is handed over. The answer waits in a register for that, and
  // the ring may go on once it has gone.
  assign out_ready    = rd_q ? rdone_ready : rsp_ready;
  assign rsp_free     = !rsp_valid_q || out_ready;
  assign leave        = done_q != ans_q && rsp_free && (!i_msg || (x_valid && x_ready));
  // An end with a status of its own looks at no response, which it need not have had (kill).
  assign at_once      = done && done_q == ans_q && ((READ_EN && !head_good) || err_op == '0) && i_answer && !i_msg && rsp_free;
  assign x_valid      = SEND_EN && done_q != ans_q && i_msg && !rsp_valid_q;
  assign x_good       = status == crl_pkg::ST_OK;
  assign x_status     = status[6:0];
  assign x_ch         = i_ch[CW-1:0];
  assign rsp_valid    = rsp_valid_q && !rd_q;
  assign rdone_valid  = rsp_valid_q && rd_q;
  assign rdone_tag    = rsp_tag;
  assign rdone_status = rsp_status;
  assign any_free     = (rsp_valid_q && out_ready && slot_q) || (leave && !i_answer && !rsp_valid_q && i_slot);
  assign held_free    = MIRROR_EN && any_free && (rsp_valid_q ? mirror_q : i_mirror);
  assign slot_free    = any_free && !held_free;
  assign slot_free_ch = rsp_valid_q ? rsp_dst_ch : i_peer_ch;
  assign slot_free_rd = rsp_valid_q ? rd_q : i_rd;

  always_ff @(posedge clk) begin
    if (rst) begin
      wr_q        <= '0;
      done_q      <= '0;
      ans_q       <= '0;
      count_q     <= '0;
      err_q       <= '0;
      rsp_valid_q <= 1'b0;
    end else begin
      if (push) wr_q <= wr_q + 1'b1;
      if (done) begin
        done_q  <= done_q + 1'b1;
        count_q <= '0;
        err_q   <= '0;
      end else if (r_valid && r_ready) begin
        count_q <= count_q + 1'b1;
        err_q   <= err_now;
      end
      if ((leave && (i_answer || !rsp_valid_q)) || at_once) ans_q <= ans_q + 1'b1;
      if (rsp_free) rsp_valid_q <= (leave && i_answer) || at_once;
    end
    if (rsp_free) begin
      rd_q        <= i_rd;
      slot_q      <= i_slot;
      mirror_q    <= MIRROR_EN && i_mirror;
      rsp_src_ch  <= i_ch;
      rsp_dst_ch  <= i_peer_ch;
      rsp_op_seq  <= i_op_seq;
      rsp_tag     <= i_tag;
      rsp_status  <= status;
      rsp_status2 <= {15'd0, i_status == crl_pkg::ST_LINK_ERROR} << crl_pkg::STATUS2_MAY_HAVE_EXECUTED;
      // An own atomic that ends here without the peer having said that it failed has been done there, or may have been.
      rdone_status2 <= {15'd0, ATOMIC_EN && i_own && status != crl_pkg::ST_OK && !status[7]} << crl_pkg::STATUS2_MAY_HAVE_EXECUTED;
      // The end of a MIRROR comes with the peer's last word: its copy is good if its last frame came with bytes.
      if (MIRROR_EN && i_mirror && status != crl_pkg::ST_OK) begin
        rdone_status2 <= '0;
        rdone_status2[crl_pkg::STATUS2_LOCAL_BAD] <= 1'b1;
        rdone_status2[crl_pkg::STATUS2_PEER_BAD]  <= i_given;
        rdone_status2[crl_pkg::STATUS2_MAY_HAVE_EXECUTED] <=
            i_given && (i_status[6:0] == 7'(crl_pkg::ST_LINK_ERROR) || i_status[6:0] == 7'(crl_pkg::ST_OP_TIMEOUT));
      end
    end
  end

  logic unused;
  assign unused = &{1'b0, r_full_n, r_level};

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset: nothing holds of what registers are before it

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    if (rst) begun_q <= 1'b1;
    else if (begun_q) assert (!(b_valid && (w_valid || !r_ready) && !r_full_n));
  end
`endif

endmodule

`default_nettype wire
