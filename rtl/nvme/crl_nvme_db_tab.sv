// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_db_tab: what the doorbells know of each queue: is it there, size, function, and the pointer that its doorbell moves.
//
// How: sizes and functions in a LUT RAM over both kinds of queues, SQ tails and CQ heads in one each. Flip-flops say which queues are
//   there and which pointers read as zero, so that reset and set-up take no time. The looked-up entry is registered; a set-up
//   of the same queue in the cycle of the look-up is seen.
// Latency: look-up 1 cycle, `t_tail` and `h_head` 0; a move or set-up is seen by both from the next cycle on.
// Assumes: a move comes two cycles after its look-up. Set-up wins over a move of the same queue; a look-up sees both in their cycle.
`default_nettype none

module crl_nvme_db_tab #(
    parameter int QUEUES = 16,              // I/O queue pairs
    parameter int FUNC_W = 8,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high

    input  wire logic              cfg_we,     // event: set-up of a queue
    input  wire logic [QW-1:0]     cfg_qid,
    input  wire logic              cfg_cq,     // 1: completion queue
    input  wire logic              cfg_valid,
    input  wire logic [11:0]       cfg_size,   // entries less one
    input  wire logic [FUNC_W-1:0] cfg_func,

    input  wire logic [QW-1:0]     lk_qid,     // look-up, below QN
    input  wire logic              lk_cq,
    output logic                   there,      // of the queue looked up a cycle ago
    output logic      [11:0]       size,
    output logic      [FUNC_W-1:0] func,
    output logic      [11:0]       ptr,
    output logic                   fresh,      // it was set up in that cycle: its other pointer is 0 as well

    input  wire logic              mv_sq,      // event: the tail of mv_qid is mv_ptr
    input  wire logic              mv_cq,      // event: the head of mv_qid is mv_ptr
    input  wire logic [QW-1:0]     mv_qid,
    input  wire logic [11:0]       mv_ptr,

`ifdef FORMAL
    output logic                   f_sq_there, f_cq_there,  // of the SQ t_qid and the CQ h_qid
    output logic      [11:0]       f_sq_size, f_cq_size,
    output logic      [FUNC_W-1:0] f_sq_func, f_cq_func,
`endif

    input  wire logic [QW-1:0]     t_qid,
    output logic      [11:0]       t_tail,     // combinational
    input  wire logic [QW-1:0]     h_qid,
    output logic      [11:0]       h_head      // combinational
);

  (* ram_style = "distributed" *)
  logic [FUNC_W+11:0] set_mem [0:2*QN-1];   // function, size; by {queue, kind}
  (* ram_style = "distributed" *)
  logic [11:0]        tail_mem [0:QN-1];
  (* ram_style = "distributed" *)
  logic [11:0]        head_mem [0:QN-1];
  logic [2*QN-1:0]    there_q;
  logic [QN-1:0]      tail_zero_q, head_zero_q;

  logic [QW:0]        lk_idx, cfg_idx;
  logic [FUNC_W+11:0] lk_set;
  logic [11:0]        lk_tail, lk_head, lk_ptr;
  logic               hit, moved;  // moved: by what is written now

  assign lk_idx  = {lk_qid, lk_cq};
  assign cfg_idx = {cfg_qid, cfg_cq};
  assign lk_set  = set_mem[lk_idx];
  assign lk_tail = tail_zero_q[lk_qid] ? '0 : tail_mem[lk_qid];
  assign lk_head = head_zero_q[lk_qid] ? '0 : head_mem[lk_qid];
  assign lk_ptr  = lk_cq ? lk_head : lk_tail;
  assign moved   = (lk_cq ? mv_cq : mv_sq) && mv_qid == lk_qid;
  assign t_tail  = tail_zero_q[t_qid] ? '0 : tail_mem[t_qid];
  assign h_head  = head_zero_q[h_qid] ? '0 : head_mem[h_qid];
  assign hit     = cfg_we && cfg_idx == lk_idx;

  always_ff @(posedge clk) begin
    there        <= hit ? cfg_valid : there_q[lk_idx];
    {func, size} <= hit ? {cfg_func, cfg_size} : lk_set;
    ptr          <= hit ? '0 : moved ? mv_ptr : lk_ptr;
    fresh        <= hit;
  end

  always_ff @(posedge clk) begin
    if (cfg_we) set_mem[cfg_idx] <= {cfg_func, cfg_size};
    if (mv_sq)  tail_mem[mv_qid] <= mv_ptr;
    if (mv_cq)  head_mem[mv_qid] <= mv_ptr;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      there_q     <= '0;
      tail_zero_q <= '1;
      head_zero_q <= '1;
    end else begin
      if (mv_sq) tail_zero_q[mv_qid] <= 1'b0;
      if (mv_cq) head_zero_q[mv_qid] <= 1'b0;
      if (cfg_we) begin
        there_q[cfg_idx] <= cfg_valid;
        if (cfg_cq) head_zero_q[cfg_qid] <= 1'b1;
        else        tail_zero_q[cfg_qid] <= 1'b1;
      end
    end
  end

`ifdef FORMAL
  assign f_sq_there             = there_q[{t_qid, 1'b0}];
  assign f_cq_there             = there_q[{h_qid, 1'b1}];
  assign {f_sq_func, f_sq_size} = set_mem[{t_qid, 1'b0}];
  assign {f_cq_func, f_cq_size} = set_mem[{h_qid, 1'b1}];
`endif

endmodule

`default_nettype wire
