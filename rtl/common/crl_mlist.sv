// SPDX-License-Identifier: Apache-2.0
//
// crl_mlist: Q FIFO queues that share N entries, as linked lists in LUT RAM.
//
// How: one RAM has each entry's payload, one its successor; per queue there are head and tail. The
//   heads stand in crl_mlist_head. An entry that was
//   never used comes from a counter, a used one from a ring of freed entries. A dequeue may be taken back
//   in the next cycle, so that whether it is meant may be known late; only then is its entry free.
// Latency: an enqueued entry is visible at rd_* and in 'empty' in the next cycle, so is the new
//   head after a dequeue, and the old one after 'undo'; a freed entry can be taken two cycles after its dequeue.
// Throughput: one enqueue and one dequeue a cycle, same queue or not, also when the queue runs
//   empty or stops being empty in that cycle.
// Assumes: deq_valid is high only for a queue that is not empty, and not together with undo. An enqueue happens when enq_valid
//   and enq_ready are both high. Contents of rd_idx and rd_data are undefined for an empty queue.
`default_nettype none

module crl_mlist #(
    parameter int Q   = 8,   // queues, at least 1
    parameter int N   = 64,  // entries, a power of two, at least 2
    parameter int W   = 16,  // payload bits
    parameter int REGS_MAX = 16,  // up to so many queues have their heads in registers
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
    input  wire logic          undo,       // the dequeue of the last cycle, if there was one, was not meant

    input  wire logic [QW-1:0] rd_q,       // asynchronous look-up of a head ...
    input  wire logic [Q-1:0]  rd_sel,     // ... the same, one-hot
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

  localparam int QN = Q > 1 ? Q : 2;  // a RAM of one word is no RAM to most tools

  logic          ready_q;
  logic [Q-1:0]  empty_q;
  logic [NW:0]   free_level_q;
  logic [NW:0]   fresh_q;       // entries below it have been used; N: all
  logic [NW-1:0] freed_wr_q, freed_rd_q;

  logic [NW-1:0] deq_head, enq_tail;
  logic          enq, deq, enq_empty, deq_last, sets_head;
  logic          done_q, back, frees;  // done: dequeued in the last cycle
  logic [QW-1:0] done_queue_q;
  logic [NW-1:0] done_head_q;
`ifdef FORMAL
  logic [Q-1:0][NW-1:0] f_heads;
`endif

  (* ram_style = "distributed" *) logic [W-1:0]  data_mem [0:N-1];
  (* ram_style = "distributed" *) logic [NW-1:0] next_mem [0:N-1];
  (* ram_style = "distributed" *) logic [NW-1:0] freed_mem [0:N-1];   // oldest first
  (* ram_style = "distributed" *) logic [NW-1:0] tail_mem [0:QN-1];

  assign ready      = ready_q;
  assign empty      = empty_q;
  assign free_level = free_level_q;
  assign enq_ready  = ready_q && free_level_q != '0;
  assign enq_idx    = fresh_q[NW] ? freed_mem[freed_rd_q] : fresh_q[NW-1:0];
  assign enq        = enq_valid && enq_ready;
  assign deq        = deq_valid && ready_q;

  assign back       = done_q && undo;
  assign frees      = done_q && !undo;
  assign enq_empty  = empty_q[enq_q] && !(back && enq_q == done_queue_q);
  assign enq_tail   = tail_mem[enq_q];
  assign deq_last   = deq_head == tail_mem[deq_q];
  // An enqueue sets the head when nothing stays in front of it.
  assign sets_head  = enq_empty || (deq && enq_q == deq_q && deq_last);

  crl_mlist_head #(.Q(Q), .NW(NW), .REGS_MAX(REGS_MAX)) u_head (
      .clk, .move_valid(deq || back), .move_q(back ? done_queue_q : deq_q), .move_idx(back ? done_head_q : next_mem[deq_head]),
      .set_valid(enq && sets_head), .set_q(enq_q), .set_idx(enq_idx), .deq_q, .deq_head, .rd_q, .rd_sel,
`ifdef FORMAL
      .f_all(f_heads),
`endif
      .rd_head(rd_idx)
  );
  assign rd_data    = data_mem[rd_idx];
  assign rd_empty   = empty_q[rd_q];

  always_ff @(posedge clk) begin
    if (enq) begin
      data_mem[enq_idx] <= enq_data;
      tail_mem[enq_q]   <= enq_idx;
    end
    // The tail of an empty queue is stale and may be in use elsewhere: leave its successor alone.
    if (enq && !enq_empty) next_mem[enq_tail] <= enq_idx;
    if (frees) freed_mem[freed_wr_q] <= done_head_q;
    done_queue_q <= deq_q;
    done_head_q  <= deq_head;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      ready_q      <= 1'b0;
      done_q       <= 1'b0;
      empty_q      <= '1;
      free_level_q <= (NW + 1)'(N);
      fresh_q      <= '0;
      freed_wr_q   <= '0;
      freed_rd_q   <= '0;
    end else begin
      ready_q <= 1'b1;
      done_q  <= deq;
      if (frees) freed_wr_q <= freed_wr_q + 1'b1;
      if (deq && deq_last) empty_q[deq_q] <= 1'b1;
      if (back) empty_q[done_queue_q] <= 1'b0;
      // Comes second, so that it wins when both touch one queue.
      if (enq) begin
        if (fresh_q[NW]) freed_rd_q <= freed_rd_q + 1'b1;
        else             fresh_q    <= fresh_q + 1'b1;
        empty_q[enq_q] <= 1'b0;
      end
      free_level_q <= free_level_q + {{NW{enq && !frees}}, enq != frees};  // one adder: -1, 0 or +1
    end
  end

`ifdef FORMAL
`ifdef CRL_GHOST
  // Where each entry is by the book: queue, place in it and payload. The lists must agree.
  logic [N-1:0]          f_used_q;
  logic [N-1:0][QW-1:0]  f_queue_q;
  logic [N-1:0][NW:0]    f_place_q;
  logic [N-1:0][W-1:0]   f_beat_q;
  logic [Q-1:0][NW:0]    f_len_q;
  logic [NW:0]           f_count, f_freed;
  logic                  f_past_q;
  logic [W-1:0]          f_done_beat_q;   // payload of the entry that may be taken back

  initial f_past_q = 1'b0;
  assign f_freed = free_level_q - ((NW + 1)'(N) - fresh_q);  // in the ring of freed entries

  always @(posedge clk) begin
    f_past_q <= 1'b1;
    if (rst) begin
      f_used_q <= '0;
      f_len_q  <= '0;
    end else begin
      for (int e = 0; e < N; e++) begin
        if (deq && f_used_q[e] && f_queue_q[e] == deq_q) begin
          if (f_place_q[e] == '0) f_used_q[e] <= 1'b0;
          f_place_q[e] <= f_place_q[e] - 1'b1;
          if (f_place_q[e] == '0) f_done_beat_q <= f_beat_q[e];
        end
        if (back && f_used_q[e] && f_queue_q[e] == done_queue_q) f_place_q[e] <= f_place_q[e] + 1'b1;
        if (back && done_head_q == NW'(e)) begin
          f_used_q[e]  <= 1'b1;
          f_queue_q[e] <= done_queue_q;
          f_place_q[e] <= '0;
          f_beat_q[e]  <= f_done_beat_q;
        end
        if (enq && enq_idx == NW'(e)) begin
          f_used_q[e]  <= 1'b1;
          f_queue_q[e] <= enq_q;
          f_place_q[e] <= f_len_q[enq_q] - (NW + 1)'(deq && enq_q == deq_q)
                                         + (NW + 1)'(back && enq_q == done_queue_q);
          f_beat_q[e]  <= enq_data;
        end
      end
      for (int q = 0; q < Q; q++) begin
        f_len_q[q] <= f_len_q[q] + (NW + 1)'(enq && enq_q == QW'(q))
                                 - (NW + 1)'(deq && deq_q == QW'(q))
                                 + (NW + 1)'(back && done_queue_q == QW'(q));
      end
    end
  end

  always_comb begin
    f_count = '0;
    for (int e = 0; e < N; e++) f_count = f_count + (NW + 1)'(f_used_q[e]);
  end

  always @(posedge clk) if (f_past_q) begin
    assert (f_count + free_level_q + (NW + 1)'(done_q) == (NW + 1)'(N));
    if (done_q) begin
      assert (!f_used_q[done_head_q]);
      assert ((QW + 1)'(done_queue_q) < (QW + 1)'(Q));
      assert ((NW + 1)'(done_head_q) < fresh_q);
      assert (data_mem[done_head_q] == f_done_beat_q);
      if (f_len_q[done_queue_q] == '0) assert (tail_mem[done_queue_q] == done_head_q);
      for (int e = 0; e < N; e++)
        if (f_used_q[e] && f_queue_q[e] == done_queue_q && f_place_q[e] == '0) assert (next_mem[done_head_q] == NW'(e));
      for (int i = 0; i < N; i++)
        if ((NW + 1)'(i) < f_freed) assert (freed_mem[NW'(freed_rd_q + NW'(i))] != done_head_q);
    end
    assert (fresh_q <= (NW + 1)'(N));
    assert (f_freed <= fresh_q);
    assert (f_freed[NW-1:0] == freed_wr_q - freed_rd_q);
    for (int e = 0; e < N; e++) begin
      if (f_used_q[e]) begin
        assert ((NW + 1)'(e) < fresh_q);
        assert (f_queue_q[e] < (QW + 1)'(Q));
        assert (f_place_q[e] < f_len_q[f_queue_q[e]]);
        assert (data_mem[e] == f_beat_q[e]);
        if (f_place_q[e] == '0)
          assert (f_heads[f_queue_q[e]] == NW'(e));
        if (f_place_q[e] + 1'b1 == f_len_q[f_queue_q[e]])
          assert (tail_mem[f_queue_q[e]] == NW'(e));
        for (int g = 0; g < N; g++) begin
          if (f_used_q[g] && g != e && f_queue_q[g] == f_queue_q[e]) begin
            assert (f_place_q[g] != f_place_q[e]);
            if (f_place_q[g] == f_place_q[e] + 1'b1) assert (next_mem[e] == NW'(g));
          end
        end
      end
    end
    for (int i = 0; i < N; i++) begin
      if ((NW + 1)'(i) < f_freed) begin
        assert (!f_used_q[freed_mem[NW'(freed_rd_q + NW'(i))]]);
        assert ((NW + 1)'(freed_mem[NW'(freed_rd_q + NW'(i))]) < fresh_q);
        for (int j = 0; j < i; j++)
          assert (freed_mem[NW'(freed_rd_q + NW'(i))] != freed_mem[NW'(freed_rd_q + NW'(j))]);
      end
    end
    for (int q = 0; q < Q; q++) begin : g_queue
      logic [NW:0] members;
      members = '0;
      for (int e = 0; e < N; e++)
        members = members + (NW + 1)'(f_used_q[e] && f_queue_q[e] == QW'(q));
      assert (members == f_len_q[q]);
      assert (empty_q[q] == (f_len_q[q] == '0));
    end
    // What the ports promise.
    if (enq_ready) assert (!f_used_q[enq_idx] && !(done_q && done_head_q == enq_idx));
    if (!rd_empty) begin
      assert (f_used_q[rd_idx]);
      assert (f_queue_q[rd_idx] == rd_q);
      assert (f_place_q[rd_idx] == '0);
      assert (f_beat_q[rd_idx] == rd_data);
    end
    cover (fresh_q[NW] && free_level_q == '0 && f_len_q[0] == (NW + 1)'(N / 2));
    cover (enq && deq && enq_q == deq_q && deq_last && fresh_q[NW]);
    cover (back && enq && enq_q == done_queue_q && f_len_q[done_queue_q] == '0 && fresh_q[NW]);
    cover (f_len_q[Q-1] == (NW + 1)'(N) && fresh_q[NW] && freed_rd_q != '0);
  end
`endif
`endif

endmodule

`default_nettype wire
