// SPDX-License-Identifier: Apache-2.0
//
// crl_mlist_head: heads of the queues of crl_mlist.
//
// How: a head has two writers, a dequeue that moves it on and an enqueue that sets it. Up to REGS_MAX queues have a register
//   each, read through a one-hot select, which is the fastest; more queues have a LUT RAM for each writer and a bit that
//   tells which one is right.
// Latency: look-ups 0 cycles. A written head is visible in the next cycle; when both write one queue the enqueue counts.
`default_nettype none

module crl_mlist_head #(
    parameter int Q        = 8,   // queues
    parameter int NW       = 6,   // bits of an entry's index
    parameter int REGS_MAX = 16,
    localparam int QW      = Q > 1 ? $clog2(Q) : 1
) (
    input  wire logic          clk,

    input  wire logic          move_valid,  // a dequeue, or one that is taken back
    input  wire logic [QW-1:0] move_q,
    input  wire logic [NW-1:0] move_idx,
    input  wire logic          set_valid,   // an enqueue with nothing in front of it
    input  wire logic [QW-1:0] set_q,
    input  wire logic [NW-1:0] set_idx,

    input  wire logic [QW-1:0] deq_q,
    output logic      [NW-1:0] deq_head,
    input  wire logic [QW-1:0] rd_q,
    input  wire logic [Q-1:0]  rd_sel,      // the same, one-hot; may be all 0, then rd_head means nothing
`ifdef FORMAL
    output logic      [Q*NW-1:0] f_all,
`endif
    output logic      [NW-1:0] rd_head
);

  localparam int QN = Q > 1 ? Q : 2;  // a RAM of one word is no RAM to most tools

  generate
    if (Q <= REGS_MAX) begin : g_regs
      logic [Q*NW-1:0] head_q;
      logic            unused;

      assign deq_head = head_q[32'(deq_q)*NW +: NW];
      assign unused   = &{1'b0, rd_q};

      always_comb begin
        rd_head = '0;
        for (int q = 0; q < Q; q++) rd_head = rd_head | (head_q[q*NW +: NW] & {NW{rd_sel[q]}});
      end

      always_ff @(posedge clk) begin
        for (int q = 0; q < Q; q++) begin
          if (set_valid && set_q == QW'(q))        head_q[q*NW +: NW] <= set_idx;
          else if (move_valid && move_q == QW'(q)) head_q[q*NW +: NW] <= move_idx;
        end
      end
`ifdef FORMAL
      assign f_all = head_q;
`endif
    end else begin : g_rams
      (* ram_style = "distributed" *) logic [NW-1:0] set_mem [0:QN-1];
      (* ram_style = "distributed" *) logic [NW-1:0] moved_mem [0:QN-1];
      logic [Q-1:0] set_last_q;           // set_mem has it
      logic         unused;

      assign deq_head = set_last_q[deq_q] ? set_mem[deq_q] : moved_mem[deq_q];
      assign rd_head  = set_last_q[rd_q] ? set_mem[rd_q] : moved_mem[rd_q];
      assign unused   = &{1'b0, rd_sel};

      always_ff @(posedge clk) begin
        if (set_valid)  set_mem[set_q] <= set_idx;
        if (move_valid) moved_mem[move_q] <= move_idx;
        if (move_valid) set_last_q[move_q] <= 1'b0;
        if (set_valid)  set_last_q[set_q] <= 1'b1;
      end
`ifdef FORMAL
      for (genvar q = 0; q < Q; q++) begin : g_all
        assign f_all[q*NW +: NW] = set_last_q[q] ? set_mem[q] : moved_mem[q];
      end
`endif
    end
  endgenerate

endmodule

`default_nettype wire
