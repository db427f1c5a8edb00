// SPDX-License-Identifier: Apache-2.0
//
// crl_mlist: Q FIFO queues that share N entries, as linked lists in LUT RAM.
//
// How: one RAM has each entry's payload, one its successor; per queue there are head and tail. The
//   head has two writers (a dequeue moves it on, an enqueue into an empty queue sets it) and so
//   lives in two RAMs, with a bit per queue that tells which one is right. An entry that was
//   never used comes from a counter, a used one from a ring of freed entries.
// Latency: an enqueued entry is visible at rd_* and in 'empty' in the next cycle, so is the new
//   head after a dequeue; a freed entry can be taken in the next cycle.
// Throughput: one enqueue and one dequeue a cycle, same queue or not, also when the queue runs
//   empty or stops being empty in that cycle.
// Assumes: deq_valid is high only for a queue that is not empty. An enqueue happens when enq_valid
//   and enq_ready are both high. Contents of rd_idx and rd_data are undefined for an empty queue.
`default_nettype none

module crl_mlist #(
    parameter int Q   = 8,   // queues, at least 1
    parameter int N   = 64,  // entries, a power of two, at least 2
    parameter int W   = 16,  // payload bits
    localparam int QW = Q > 1 ? $clog2(Q) : 1,
    localparam int NW = $clog2(N)
) (
    input  wire logic          clk,
    input  wire logic          rst,        // synchronous, active high: all queues empty
    output logic               ready,      // out of reset and able to work

    input  wire logic          enq_valid,
    output logic               enq_ready,  // an entry is free
    input  wire logic [QW-1:0] enq_q,
    input  wire logic [W-1:0]  enq_data,
    output logic      [NW-1:0] enq_idx,    // the entry taken next, valid with enq_ready

    input  wire logic          deq_valid,  // drop the head of deq_q
    input  wire logic [QW-1:0] deq_q,

    input  wire logic [QW-1:0] rd_q,       // asynchronous look-up of a head
    output logic      [NW-1:0] rd_idx,
    output logic      [W-1:0]  rd_data,
    output logic               rd_empty,

    output logic      [Q-1:0]  empty,      // registered
    output logic      [NW:0]   free_level  // entries free, registered
);

  initial begin
    if (Q < 1) $fatal(1, "crl_mlist: Q must be at least 1");
    if (N < 2 || (N & (N - 1)) != 0)
      $fatal(1, "crl_mlist: N must be a power of two and at least 2");
  end

  logic          ready_q;
  logic [Q-1:0]  empty_q;
  logic [Q-1:0]  first_q;       // the head is the one that an enqueue set
  logic [NW:0]   free_level_q;
  logic [NW:0]   fresh_q;       // entries below it have been used; N: all
  logic [NW-1:0] freed_wr_q, freed_rd_q;

  logic [NW-1:0] freed_idx;
  logic [NW-1:0] rd_first, rd_moved;
  logic [NW-1:0] deq_first, deq_moved, deq_head, deq_next, deq_tail;
  logic [NW-1:0] enq_tail;
  logic          enq, deq, same, enq_empty, deq_last, sets_head;

  assign ready      = ready_q;
  assign empty      = empty_q;
  assign free_level = free_level_q;
  assign enq_ready  = ready_q && free_level_q != '0;
  assign enq_idx    = fresh_q[NW] ? freed_idx : fresh_q[NW-1:0];
  assign enq        = enq_valid && enq_ready;
  assign deq        = deq_valid && ready_q;
  assign same       = enq_q == deq_q;

  assign enq_empty  = empty_q[enq_q];
  assign deq_head   = first_q[deq_q] ? deq_first : deq_moved;
  assign deq_last   = deq_head == deq_tail;
  // An enqueue sets the head when nothing stays in front of it.
  assign sets_head  = enq && (enq_empty || (deq && same && deq_last));

  assign rd_idx     = first_q[rd_q] ? rd_first : rd_moved;
  assign rd_empty   = empty_q[rd_q];

  // Freed entries, oldest first.
  crl_ram_lut #(.W(NW), .DEPTH(N)) u_freed (
      .clk, .we(deq), .waddr(freed_wr_q), .wdata(deq_head),
      .raddr(freed_rd_q), .rdata(freed_idx)
  );

  crl_ram_lut #(.W(W), .DEPTH(N)) u_data (
      .clk, .we(enq), .waddr(enq_idx), .wdata(enq_data),
      .raddr(rd_idx), .rdata(rd_data)
  );

  // The tail of an empty queue is stale and may be in use elsewhere: its successor stays alone.
  crl_ram_lut #(.W(NW), .DEPTH(N)) u_next (
      .clk, .we(enq && !enq_empty), .waddr(enq_tail), .wdata(enq_idx),
      .raddr(deq_head), .rdata(deq_next)
  );

  // Per queue, a copy for each place that reads it.
  crl_ram_lut #(.W(NW), .DEPTH(Q)) u_tail_enq (
      .clk, .we(enq), .waddr(enq_q), .wdata(enq_idx), .raddr(enq_q), .rdata(enq_tail)
  );
  crl_ram_lut #(.W(NW), .DEPTH(Q)) u_tail_deq (
      .clk, .we(enq), .waddr(enq_q), .wdata(enq_idx), .raddr(deq_q), .rdata(deq_tail)
  );
  crl_ram_lut #(.W(NW), .DEPTH(Q)) u_first_rd (
      .clk, .we(sets_head), .waddr(enq_q), .wdata(enq_idx), .raddr(rd_q), .rdata(rd_first)
  );
  crl_ram_lut #(.W(NW), .DEPTH(Q)) u_first_deq (
      .clk, .we(sets_head), .waddr(enq_q), .wdata(enq_idx), .raddr(deq_q), .rdata(deq_first)
  );
  crl_ram_lut #(.W(NW), .DEPTH(Q)) u_moved_rd (
      .clk, .we(deq), .waddr(deq_q), .wdata(deq_next), .raddr(rd_q), .rdata(rd_moved)
  );
  crl_ram_lut #(.W(NW), .DEPTH(Q)) u_moved_deq (
      .clk, .we(deq), .waddr(deq_q), .wdata(deq_next), .raddr(deq_q), .rdata(deq_moved)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      ready_q      <= 1'b0;
      empty_q      <= '1;
      first_q      <= '0;
      free_level_q <= (NW + 1)'(N);
      fresh_q      <= '0;
      freed_wr_q   <= '0;
      freed_rd_q   <= '0;
    end else begin
      ready_q <= 1'b1;
      if (deq) begin
        freed_wr_q     <= freed_wr_q + 1'b1;
        first_q[deq_q] <= 1'b0;
        if (deq_last) empty_q[deq_q] <= 1'b1;
      end
      // Comes second, so that it wins when both touch one queue.
      if (enq) begin
        if (fresh_q[NW]) freed_rd_q <= freed_rd_q + 1'b1;
        else             fresh_q    <= fresh_q + 1'b1;
        empty_q[enq_q] <= 1'b0;
        if (sets_head) first_q[enq_q] <= 1'b1;
      end
      free_level_q <= free_level_q + {{NW{enq && !deq}}, enq != deq};  // one adder: -1, 0 or +1
    end
  end

endmodule

`default_nettype wire
