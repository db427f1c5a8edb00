// SPDX-License-Identifier: Apache-2.0
//
// crl_mem_watch: tells that the memory port has stopped.
//
// How: a counter a side, read and write, runs while that side owes something and none of its
//   channels makes a handshake. At STALL_MAX_CYCLES the node is in its fatal state until reset.
// Latency: fatal rises one cycle after STALL_MAX_CYCLES cycles in a row without progress.
// Assumes: nothing.
`default_nettype none

module crl_mem_watch #(
    parameter int STALL_MAX_CYCLES = 65536  // at least 2
) (
    input  wire logic       clk,
    input  wire logic       rst,          // synchronous, active high
    input  wire logic       rd_pending,   // something is owed on the read side
    input  wire logic       rd_progress,  // a handshake on AR or R
    input  wire logic       wr_pending,   // something is owed on the write side
    input  wire logic       wr_progress,  // a handshake on AW, W or B
    output logic            fatal,        // stays until reset
    output logic      [7:0] cause         // bit 0 read side, bit 1 write side; what came first
);

  initial begin
    if (STALL_MAX_CYCLES < 2) $fatal(1, "crl_mem_watch: STALL_MAX_CYCLES must be at least 2");
  end

  localparam int CNT_W = $clog2(STALL_MAX_CYCLES);

  logic [CNT_W-1:0] rd_cnt_q, wr_cnt_q;  // cycles without progress so far
  logic             rd_idle, wr_idle, rd_over, wr_over;
  logic             fatal_q;
  logic [1:0]       cause_q;

  assign rd_idle = rd_progress || !rd_pending;
  assign wr_idle = wr_progress || !wr_pending;
  assign rd_over = !rd_idle && rd_cnt_q == CNT_W'(STALL_MAX_CYCLES - 1);
  assign wr_over = !wr_idle && wr_cnt_q == CNT_W'(STALL_MAX_CYCLES - 1);
  assign fatal   = fatal_q;
  assign cause   = {6'd0, cause_q};

  always_ff @(posedge clk) begin
    if (rst) begin
      rd_cnt_q <= '0;
      wr_cnt_q <= '0;
      fatal_q  <= 1'b0;
      cause_q  <= '0;
    end else begin
      rd_cnt_q <= rd_idle || rd_over ? '0 : rd_cnt_q + 1'b1;
      wr_cnt_q <= wr_idle || wr_over ? '0 : wr_cnt_q + 1'b1;
      if (!fatal_q) begin
        fatal_q <= rd_over || wr_over;
        cause_q <= {wr_over, rd_over};
      end
    end
  end

endmodule

`default_nettype wire
