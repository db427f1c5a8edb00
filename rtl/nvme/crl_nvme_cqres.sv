// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_cqres: slots of the completion queues: reservations, slots given back, room.
//
// How: 'taken' of a queue runs ahead of its head by what is reserved or unread, modulo the queue's size; so a doorbell only
//   writes the head. A reservation looks at both, takes what is free or what is wanted, and moves 'taken' up; what is given
//   back moves it down. These moves pass a pipeline of two stages, one a cycle: read; add, wrap and write, with the
//   result handed to who reads in that cycle. A queue of which a reservation left nothing is marked full; slots
//   that come to it take the mark away and say 'unpark'. They look at the mark late enough to meet
//   that of a reservation that did not see them.
// Latency: rs_valid to rs_done 3 cycles. rb_valid and cq_rung count for a rs_valid in the next cycle; gb_valid with gb_ready
//   for one in that cycle.
// Assumes: rs_valid at most every 4th cycle, rb_valid likewise and not in the same cycle.
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
  // Which completion queue

  logic [QW-1:0] l_cq;
  logic          rs1_q, rs2_q, rs3_q, rb_q;
  logic [QW-1:0] rs1_cq_q, rs2_cq_q, rs3_cq_q, rb_cq_q;
  logic [7:0]    rs1_want_q, rs2_want_q;
  logic [12:0]   rb_neg_q;    // less what is given back

  crl_ram_lut #(.W(QW), .DEPTH(QN)) u_cqid (
      .clk, .we(cfg_we && !cfg_cq), .waddr(cfg_qid), .wdata(cfg_cqid), .raddr(rs_valid ? rs_qid : rb_qid), .rdata(l_cq)
  );

  logic          op_rb;       // the pipeline below takes it
  logic [QN-1:0] exist_q;     // set up

  always_ff @(posedge clk) begin
    if (rst) begin
      rs1_q   <= 1'b0;
      rs2_q   <= 1'b0;
      rs3_q   <= 1'b0;
      rb_q    <= 1'b0;
      exist_q <= '0;
    end else begin
      rs1_q <= rs_valid;
      rs2_q <= rs1_q;
      rs3_q <= rs2_q;
      if (rb_valid)   rb_q <= 1'b1;
      else if (op_rb) rb_q <= 1'b0;
      if (cfg_we && cfg_cq) exist_q[cfg_qid] <= cfg_valid;
    end
    rs1_cq_q   <= l_cq;
    rs1_want_q <= rs_want;
    rs2_cq_q   <= rs1_cq_q;
    rs2_want_q <= rs1_want_q;
    rs3_cq_q   <= rs2_cq_q;
    if (rb_valid) begin
      rb_cq_q  <= l_cq;
      rb_neg_q <= -{5'd0, rb_cnt};
    end
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
  assign op_rb    = rb_q && !op_take;
  assign gb_ready = !op_take && !rb_q;
  assign op_valid = op_take || rb_q || gb_valid;
  assign op_cq    = op_take ? rs3_cq_q : rb_q ? rb_cq_q : gb_cq;
  assign op_d     = op_take ? {5'd0, got_q} : rb_q ? rb_neg_q : -{9'd0, gb_cnt};
  assign op_other = op_d + ({1'b0, op_size} ^ {13{op_take}}) + {12'd0, !op_take};

  crl_ram_lut #(.W(12), .DEPTH(QN)) u_size_op (
      .clk, .we(cfg_we && cfg_cq), .waddr(cfg_qid), .wdata(cfg_size), .raddr(op_cq), .rdata(op_size)
  );

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

  logic [11:0]   look_ram, look_taken, look_head, look_size, size_q, free;
  logic [12:0]   used_q;      // taken less head; below zero if 'taken' has wrapped and the head has not
  logic          exist2_q, plenty;

  crl_nvme_ram #(.W(12), .DEPTH(QN)) u_taken (
      .clk, .rst, .clr(cfg_we && cfg_cq), .caddr(cfg_qid), .we(op1_q), .waddr(op1_cq_q), .wdata(op1_new),
      .a_addr(op_cq), .a_data(op_ram), .b_addr(rs1_cq_q), .b_data(look_ram)
  );
  crl_ram_clr #(.W(12), .DEPTH(QN)) u_head (
      .clk, .rst, .clr(cfg_we && cfg_cq), .caddr(cfg_qid), .we(cq_rung), .waddr(cq_qid), .wdata(cq_head),
      .raddr(rs1_cq_q), .rdata(look_head)
  );
  crl_ram_lut #(.W(12), .DEPTH(QN)) u_size_look (
      .clk, .we(cfg_we && cfg_cq), .waddr(cfg_qid), .wdata(cfg_size), .raddr(rs1_cq_q), .rdata(look_size)
  );

  assign look_taken = op1_q && op1_cq_q == rs1_cq_q ? op1_new : look_ram;
  assign free       = used_q[12] ? ~used_q[11:0] : size_q - used_q[11:0];
  assign plenty     = free > {4'd0, rs2_want_q};
  assign rs_done    = rs3_q;
  assign rs_got     = got_q;

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

endmodule

`default_nettype wire
