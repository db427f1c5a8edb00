// SPDX-License-Identifier: Apache-2.0
//
// crl_revoke: acknowledges a revocation: everything that was checked before it has its response.
//
// How: a request waits until the fence before it is over. Then the new entries are given time to arrive in the tables and
//   what was looked up before to arrive in the queues (SETTLE_CYCLES); a mark goes into every queue of checked accesses, data
//   reads, local writes and the writes of each peer; when all marks are over the request's number is acknowledged.
//   Only the latest request is kept: its fence covers the ones before it.
// Latency: SETTLE_CYCLES + 4 cycles + what the memory owes. Bounded under any traffic: a mark waits for what was
//   before it only. While the memory port hangs nothing is acknowledged.
// Assumes: over answers a mark from the second cycle on. Source: design section 6.
`default_nettype none

module crl_revoke #(
    parameter int N = 3,                      // queues
    parameter int SETTLE_CYCLES = 16
) (
    input  wire logic         clk,
    input  wire logic         rst,            // synchronous, active high
    input  wire logic         req,            // event: software asks for number seq
    input  wire logic [15:0]  seq,            // holds until the next request
    output logic      [15:0]  ack,            // number of the latest one that is over
    output logic              mark,           // event, to every queue
`ifdef FORMAL
    output logic      [1:0]   fv_state,       // for the proof with the queues
    output logic      [15:0]  fv_seq,
    output logic      [$clog2(SETTLE_CYCLES + 1)-1:0] fv_count,
    output logic              fv_pend, fv_over,
`endif
    input  wire logic [N-1:0] over            // of each
);

  localparam int CW = $clog2(SETTLE_CYCLES + 1);

  localparam logic [1:0] IDLE = 2'd0, SETTLE = 2'd1, ASK = 2'd2, WAIT = 2'd3;

  initial begin
    if (SETTLE_CYCLES < 15) $fatal(1, "crl_revoke: SETTLE_CYCLES must be at least 15");
  end

  logic [1:0]    state_q;
  logic          pend_q, over_q;
  logic [CW-1:0] count_q;
  logic [15:0]   seq_q;        // of the fence under way

  assign mark = state_q == ASK;

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q <= IDLE;
      pend_q  <= 1'b0;
      over_q  <= 1'b0;
      count_q <= '0;
      seq_q   <= '0;
      ack     <= '0;
    end else begin
      if (req)                  pend_q <= 1'b1;
      else if (state_q == IDLE) pend_q <= 1'b0;
      over_q <= state_q == WAIT && &over;
      case (state_q)
        IDLE: if (pend_q && !req) begin
          state_q <= SETTLE;
          seq_q   <= seq;
          count_q <= CW'(SETTLE_CYCLES);
        end
        SETTLE: begin
          count_q <= count_q - 1'b1;
          if (count_q == '0) state_q <= ASK;
        end
        ASK: state_q <= WAIT;
        default: if (over_q) begin
          state_q <= IDLE;
          ack     <= seq_q;
        end
      endcase
    end
  end

`ifdef FORMAL
  assign {fv_state, fv_seq, fv_count, fv_pend, fv_over} = {state_q, seq_q, count_q, pend_q, over_q};
`endif

endmodule

`default_nettype wire
