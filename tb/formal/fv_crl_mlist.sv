// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_mlist: free inputs, but no dequeue from an empty queue. The book-keeping that the
// lists are compared with stands inside the block (CRL_GHOST).
`default_nettype none

module fv_crl_mlist #(
    parameter int Q = 2,
    parameter int N = 4,
    parameter int W = 1,
    parameter int REGS_MAX = 16,
    localparam int QW = Q > 1 ? $clog2(Q) : 1,
    localparam int NW = $clog2(N)
) (
    input wire          clk,
    input wire          rst,
    input wire          enq_valid,
    input wire [QW-1:0] enq_q,
    input wire [W-1:0]  enq_data,
    input wire          deq_valid,
    input wire [QW-1:0] deq_q,
    input wire          undo,
    input wire [QW-1:0] rd_q
);

  wire          ready, enq_ready, rd_empty;
  wire [NW-1:0] enq_idx, rd_idx;
  wire [W-1:0]  rd_data;
  wire [Q-1:0]  empty;
  wire [NW:0]   free_level;

  crl_mlist #(.Q(Q), .N(N), .W(W), .REGS_MAX(REGS_MAX)) u_dut (
      .clk, .rst, .ready,
      .enq_valid, .enq_ready, .enq_q, .enq_data, .enq_idx,
      .deq_valid, .deq_q, .undo,
      .rd_q, .rd_sel(Q'(1) << rd_q), .rd_idx, .rd_data, .rd_empty,
      .empty, .free_level
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  always @* begin
    assume (enq_q < Q);
    assume (deq_q < Q);
    assume (rd_q < Q);
`ifdef BREAK
    // without the caller's part of the contract the lists fall apart
`else
    if (past_valid) assume (!deq_valid || (!empty[deq_q] && !undo));
`endif
  end

  always @(posedge clk) if (past_valid) begin
    assert (rd_empty == empty[rd_q]);
    assert (enq_ready == (ready && free_level != 0));
  end

endmodule

`default_nettype wire
