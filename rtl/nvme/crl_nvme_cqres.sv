// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_cqres: slots of the completion queues: reservations, slots given back, room.
//
// How: 'taken' of a queue runs ahead of its head by what is reserved or unread, modulo the queue's size; so a doorbell only
//   writes the head. A reservation looks at both, takes what is free or what is wanted, and moves 'taken' up; what is given
//   back moves it down. These moves pass a pipeline of two stages, one a cycle: read; add, wrap and write, with the
//   result handed to who reads in that cycle. Who asks, and when, is in crl_nvme_cqask. A queue of which a reservation left nothing is marked full; slots
//   that come to it take the mark away and say 'unpark'. They look at the mark late enough to meet
//   that of a reservation that did not see them.
// Latency: rs_valid to rs_done 3 cycles, 6 at most when it meets a request of the second way; that one is served within 16.
//   rb_valid and cq_rung count for a rs_valid in the next cycle; gb_valid with gb_ready for one in that cycle.
// Assumes: rs_valid at most every 4th cycle, rb_valid likewise and not in the same cycle. rs2_valid falls without rs2_ready only if the
//   queue is set up anew before anything else is wanted of it: a slot may have been reserved.
`default_nettype none

module crl_nvme_cqres #(
    parameter int QUEUES = 8,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic          clk,
    input  wire logic          rst,        // synchronous, active high

    input  wire logic          cfg_we,     // event: set-up
    input  wire logic [QW-1:0] cfg_qid,
    input  wire logic          cfg_cq,     // 1: completion queue
    input  wire logic          cfg_valid,
    input  wire logic [11:0]   cfg_size,   // entries less one
    input  wire logic [QW-1:0] cfg_cqid,   // SQ: its completion queue

    input  wire logic          rs_valid,   // event: slots wanted
    input  wire logic [QW-1:0] rs_qid,     // for this SQ
    input  wire logic [7:0]    rs_want,
    output logic               rs_done,    // event
    output logic      [7:0]    rs_got,     // with it: so many were reserved

    input  wire logic          rb_valid,   // event: reserved slots are not used
    input  wire logic [QW-1:0] rb_qid,     // SQ
    input  wire logic [7:0]    rb_cnt,

    input  wire logic          rs2_valid,  // level, second way: one slot wanted
    input  wire logic [QW-1:0] rs2_qid,    // for this SQ
    output logic               rs2_ready,
    output logic               rs2_got,    // with it: it was reserved
    input  wire logic          rb2_valid,  // one reserved slot is not used
    input  wire logic [QW-1:0] rb2_qid,    // SQ
    output logic               rb2_ready,

    input  wire logic          gb_valid,   // completions that were not posted; stays until gb_ready
    output logic               gb_ready,
    input  wire logic [QW-1:0] gb_cq,
    input  wire logic [3:0]    gb_cnt,

    input  wire logic          cq_rung,    // event: new head
    input  wire logic [QW-1:0] cq_qid,
    input  wire logic [11:0]   cq_head,

    output logic               unpark      // event: a queue has room again
);

  // ---------------------------------------------------------------------------------------------
  // Who asks

  logic          ask, ask_sec, rs1_q, rs2_q, rs3_q, sec1_q, sec2_q, sec3_q;
  logic [QW-1:0] ask_cq, rs1_cq_q, rs2_cq_q, rs3_cq_q, bk_cq;
  logic [7:0]    ask_want, rs1_want_q, rs2_want_q;
  logic          bk_valid, bk_ready;
  logic [12:0]   bk_neg;      // less what is given back
`ifdef CRL_GHOST
  (* anyconst *) logic [QW-1:0] f_cq;        // proofs watch this queue
  logic [11:0]   f_size, f_taken, f_head;
  logic [12:0]   f_back, f_back_now;
  logic          f_wait, f_pend;
`endif

  crl_nvme_cqask #(.QUEUES(QUEUES)) u_ask (
`ifdef CRL_GHOST
      .f_cq, .f_back, .f_now(f_back_now), .f_wait, .f_pend,
`endif
      .clk, .rst, .cfg_we, .cfg_qid, .cfg_cq, .cfg_cqid, .rs_valid, .rs_qid, .rs_want, .rb_valid, .rb_qid, .rb_cnt,
      .rs2_valid, .rs2_qid, .rb2_valid, .rb2_ready, .rb2_qid,
      .full(rs1_q || rs2_q), .fly(sec1_q || sec2_q || sec3_q), .fly_end(sec3_q), .ask, .ask_sec, .ask_cq, .ask_want,
      .bk_valid, .bk_ready, .bk_cq, .bk_neg
  );

  logic [QN-1:0] exist_q;     // set up

  always_ff @(posedge clk) begin
    if (rst) begin
      rs1_q   <= 1'b0;
      rs2_q   <= 1'b0;
      rs3_q   <= 1'b0;
      sec1_q  <= 1'b0;
      sec2_q  <= 1'b0;
      sec3_q  <= 1'b0;
      exist_q <= '0;
    end else begin
      rs1_q  <= ask;
      rs2_q  <= rs1_q;
      rs3_q  <= rs2_q;
      sec1_q <= ask_sec;
      sec2_q <= sec1_q;
      sec3_q <= sec2_q;
      if (cfg_we && cfg_cq) exist_q[cfg_qid] <= cfg_valid;
    end
    rs1_cq_q   <= ask_cq;
    rs1_want_q <= ask_want;
    rs2_cq_q   <= rs1_cq_q;
    rs2_want_q <= rs1_want_q;
    rs3_cq_q   <= rs2_cq_q;
  end

  // ---------------------------------------------------------------------------------------------
  // Moves of 'taken'. The sum and the sum a queue's size further on are both worked out; the lower one counts
  // unless it is below zero.

  logic          op_take, op_valid, op1_q;
  logic [QW-1:0] op_cq, op1_cq_q;
  logic [12:0]   op_d, op_other, op1_d_q, op1_other_q;   // what is added; and with the size added or taken off
  logic [11:0]   op_size, op_taken, op_ram, op1_taken_q, op1_new;
  logic [12:0]   sum, sum_other;
  logic          op1_up_q;
  logic [7:0]    got_q;

  assign op_take  = rs3_q && got_q != '0;
  assign bk_ready = !op_take;
  assign gb_ready = !op_take && !bk_valid;
  assign op_valid = op_take || bk_valid || gb_valid;
  assign op_cq    = op_take ? rs3_cq_q : bk_valid ? bk_cq : gb_cq;
  assign op_d     = op_take ? {5'd0, got_q} : bk_valid ? bk_neg : -{9'd0, gb_cnt};
  assign op_other = op_d + ({1'b0, op_size} ^ {13{op_take}}) + {12'd0, !op_take};

  assign op_taken  = op1_q && op1_cq_q == op_cq ? op1_new : op_ram;
  assign sum       = {1'b0, op1_taken_q} + op1_d_q;
  assign sum_other = {1'b0, op1_taken_q} + op1_other_q;
  assign op1_new   = op1_up_q ? (sum_other[12] ? sum[11:0] : sum_other[11:0])
                              : (sum[12] ? sum_other[11:0] : sum[11:0]);

  always_ff @(posedge clk) begin
    if (rst) op1_q <= 1'b0;
    else     op1_q <= op_valid;
    op1_cq_q    <= op_cq;
    op1_d_q     <= op_d;
    op1_other_q <= op_other;
    op1_taken_q <= op_taken;
    op1_up_q    <= op_take;
  end

  // ---------------------------------------------------------------------------------------------
  // Reservation

  logic [11:0]   unused_head;
  logic [11:0]   look_ram, look_taken, look_head, look_size, size_q, free;
  logic [12:0]   used_q;      // taken less head; below zero if 'taken' has wrapped and the head has not
  logic          exist2_q, plenty;

  crl_nvme_ram #(.W(12), .DEPTH(QN), .CLEAR(0)) u_size (
`ifdef CRL_GHOST
      .f_addr(f_cq), .f_data(f_size),
`endif
      .clk, .rst, .clr(1'b0), .caddr(cfg_qid), .we(cfg_we && cfg_cq), .waddr(cfg_qid), .wdata(cfg_size),
      .a_addr(op_cq), .a_data(op_size), .b_addr(rs1_cq_q), .b_data(look_size)
  );
  crl_nvme_ram #(.W(12), .DEPTH(QN)) u_taken (
`ifdef CRL_GHOST
      .f_addr(f_cq), .f_data(f_taken),
`endif
      .clk, .rst, .clr(cfg_we && cfg_cq), .caddr(cfg_qid), .we(op1_q), .waddr(op1_cq_q), .wdata(op1_new),
      .a_addr(op_cq), .a_data(op_ram), .b_addr(rs1_cq_q), .b_data(look_ram)
  );
  crl_nvme_ram #(.W(12), .DEPTH(QN)) u_head (
`ifdef CRL_GHOST
      .f_addr(f_cq), .f_data(f_head),
`endif
      .clk, .rst, .clr(cfg_we && cfg_cq), .caddr(cfg_qid), .we(cq_rung), .waddr(cq_qid), .wdata(cq_head),
      .a_addr(rs1_cq_q), .a_data(look_head), .b_addr(rs1_cq_q), .b_data(unused_head)
  );

  assign look_taken = op1_q && op1_cq_q == rs1_cq_q ? op1_new : look_ram;
  assign free       = used_q[12] ? ~used_q[11:0] : size_q - used_q[11:0];
  assign plenty     = free > {4'd0, rs2_want_q};
  assign rs_done    = rs3_q && !sec3_q;
  assign rs_got     = got_q;
  assign rs2_ready  = sec3_q;
  assign rs2_got    = got_q[0];

  always_ff @(posedge clk) begin
    used_q   <= {1'b0, look_taken} - {1'b0, look_head};
    size_q   <= look_size;
    exist2_q <= exist_q[rs1_cq_q];
    got_q    <= !exist2_q ? '0 : plenty ? rs2_want_q : free[7:0];
  end

  // ---------------------------------------------------------------------------------------------
  // Room. A reservation that read before a doorbell, or before a move down, was seen has set its mark when they look for it here.

  logic [QN-1:0] full_q;
  logic          bell1_q, bell2_q, down_q;
  logic [QW-1:0] bell1_cq_q, bell2_cq_q, down_cq_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      bell1_q <= 1'b0;
      bell2_q <= 1'b0;
      down_q  <= 1'b0;
      full_q  <= '0;
      unpark  <= 1'b0;
    end else begin
      bell1_q <= cq_rung;
      bell2_q <= bell1_q;
      down_q  <= op1_q && !op1_up_q && op1_d_q != '0;
      unpark  <= (bell2_q && full_q[bell2_cq_q]) || (down_q && full_q[down_cq_q]);
      if (bell2_q) full_q[bell2_cq_q] <= 1'b0;
      if (down_q)  full_q[down_cq_q]  <= 1'b0;
      if (rs2_q && exist2_q && !plenty) full_q[rs2_cq_q] <= 1'b1;
      if (cfg_we && cfg_cq) full_q[cfg_qid] <= 1'b0;
    end
    bell1_cq_q <= cq_qid;
    bell2_cq_q <= bell1_cq_q;
    down_cq_q  <= op1_cq_q;
  end

  logic unused;
  assign unused = &{1'b0, unused_head};

`ifdef CRL_GHOST
  // Of the watched queue: slots its users hold as reserved, entries that are posted and not consumed, and slots on their way back.
  // 'taken', with the move that is under way, is the head and all of them further on.
  (* anyseq *) logic f_posts;         // an entry is posted
  logic [12:0] f_res_q, f_unread_q, f_n, f_now, f_span, f_seen, f_gone;
  logic        f_past_q, f_short_q, f_take, f_mine1, f_room, f_coming, f_old_q;
  logic [3:0]  f_age_q;               // since a request went into the pipeline
  logic [12:0] f_got;                 // it gets so many

  logic        f_less;                // the reservation in its second stage gets less than it wants

  initial f_past_q = 1'b0;
  assign f_less   = exist2_q && !plenty && free[7:0] != rs2_want_q;
  assign f_n      = {1'b0, f_size} + 13'd1;
  assign f_mine1  = op1_q && op1_cq_q == f_cq;
  assign f_now    = {1'b0, f_mine1 ? op1_new : f_taken};
  assign f_span   = f_now >= {1'b0, f_head} ? f_now - {1'b0, f_head} : f_now + f_n - {1'b0, f_head};
  assign f_seen   = used_q[12] ? used_q + f_n : used_q;   // what the reservation in its second stage goes by
  assign f_take   = rs3_q && rs3_cq_q == f_cq;
  assign f_got    = f_take ? {5'd0, got_q} : 13'd0;
  assign f_gone   = {1'b0, cq_head} >= {1'b0, f_head} ? {1'b0, cq_head} - {1'b0, f_head} : {1'b0, cq_head} + f_n - {1'b0, f_head};
  assign f_room   = f_span != {1'b0, f_size};
  assign f_coming = (bell1_q && bell1_cq_q == f_cq) || (bell2_q && bell2_cq_q == f_cq) || (down_q && down_cq_q == f_cq)
                    || (f_mine1 && !op1_up_q && op1_d_q != '0);

  always_ff @(posedge clk) begin
    f_past_q <= 1'b1;
    if (rst) begin
      f_res_q    <= '0;
      f_unread_q <= '0;
      f_short_q  <= 1'b0;
      f_age_q    <= '1;
      f_old_q    <= 1'b0;
    end else begin
      f_age_q <= ask ? '0 : f_age_q == '1 ? '1 : f_age_q + 1'b1;
      f_res_q <= f_res_q + f_got - {12'd0, f_posts} - f_back_now
                 - (gb_valid && gb_ready && gb_cq == f_cq ? {9'd0, gb_cnt} : 13'd0);
      f_unread_q <= f_unread_q + {12'd0, f_posts} - (cq_rung && cq_qid == f_cq ? f_gone : 13'd0);
      f_old_q    <= rs2_q && rs2_cq_q == f_cq && f_less;
      if (unpark) f_short_q <= 1'b0;
      if (f_take && f_old_q) f_short_q <= 1'b1;
      if (cfg_we && cfg_cq && cfg_qid == f_cq) begin   // slots that are out, and entries that nobody read, are forgotten
        f_short_q  <= 1'b0;
        f_res_q    <= '0;
        f_unread_q <= '0;
      end
    end
    if (f_past_q && !rst) begin
      // What the neighbours promise.
`ifdef CRL_SMALL
      assume (f_size < 12'd8);
`endif
      assume (32'(f_cq) < QN && 32'(cq_qid) < QN && 32'(gb_cq) < QN && 32'(cfg_qid) < QN);
      if (!exist_q[f_cq]) assume (!f_posts && !(cq_rung && cq_qid == f_cq));
      if (cfg_we && cfg_cq && cfg_qid == f_cq)
        assume (!f_pend && !f_mine1 && !f_posts && !rs_valid && !f_wait && !ask && f_age_q >= 4'd3
                && !rb_valid && !rb2_valid && !cq_rung && !(gb_valid && gb_cq == f_cq) && cfg_size != '0);
      assume ({12'd0, f_posts} + f_back_now
              + (gb_valid && gb_cq == f_cq ? {9'd0, gb_cnt} : 13'd0) <= f_res_q);
      if (cq_rung && cq_qid == f_cq) assume (cq_head <= f_size && f_gone <= f_unread_q);

      // Never more than the queue holds, less one: no entry is put over one that is unread.
      if (exist_q[f_cq]) begin
        assert (f_size != '0 && f_taken <= f_size && f_head <= f_size);
        assert ({2'd0, f_res_q} + {2'd0, f_unread_q} + {2'd0, f_back} == {2'd0, f_span});
        assert (f_span <= {1'b0, f_size});
        assert (f_res_q <= {1'b0, f_size} && f_unread_q <= {1'b0, f_size});
      end else assert (f_res_q == '0 && f_unread_q == '0 && f_back == '0 && !(f_take && got_q != '0));
      if (sec1_q) assert (rs1_q && rs1_want_q == 8'd1);
      if (sec2_q) assert (rs2_q && rs2_want_q == 8'd1);
      if (sec3_q) assert (rs3_q && got_q <= 8'd1);
      if (f_take) assert (f_span + {5'd0, got_q} <= {1'b0, f_size} || got_q == '0);
      if (rs2_q && rs2_cq_q == f_cq && exist2_q) assert (exist_q[f_cq] && size_q == f_size && f_seen <= {1'b0, f_size} && f_seen >= f_span);
      // The steps of one reservation after the other.
      assert (rs1_q == (f_age_q == 4'd0) && rs2_q == (f_age_q == 4'd1) && rs3_q == (f_age_q == 4'd2));
      if (op1_q && op1_up_q) assert (f_age_q == 4'd3 || f_age_q == 4'd0);
      // Who was refused is told when there is room.
      if (rs2_q && rs2_cq_q == f_cq && exist2_q)
        assert (f_seen == f_span || (bell1_q && bell1_cq_q == f_cq) || (f_mine1 && !op1_up_q && op1_d_q != '0));
      if (f_take && full_q[f_cq]) assert (f_span + {5'd0, got_q} == {1'b0, f_size} || f_coming);
      if (full_q[f_cq] && f_room && !f_take) assert (f_coming);
      if (f_short_q) assert (full_q[f_cq] || unpark);
      if (f_take && f_old_q) assert (full_q[f_cq]);
      cover (f_res_q + f_unread_q == {1'b0, f_size} && f_size == 12'd5 && f_unread_q == 13'd2);
      cover (f_short_q && unpark && f_unread_q != '0);
      cover (f_mine1 && op1_up_q && op1_new < op1_taken_q);
      cover (down_q && full_q[f_cq] && down_cq_q == f_cq);
    end
  end
`endif

endmodule

`default_nettype wire
