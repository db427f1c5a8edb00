// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_exec_abort: finds a command that has not begun, and marks it.
//
// How: a ring has queue and identifier of every command that has not begun, in the order in which they begin. A request looks at
//   those that were here when it came, one a cycle. The one that is found is looked at again in the cycle in which its mark is
//   written; nothing is taken and nothing begins in that cycle (pause). Marks lie in a RAM of one bit a place; that of the oldest
//   comes from a register, so that the chunks don't wait for the RAM.
// Latency: ab_valid to ab_done at most OPS + 3 cycles.
// Assumes: no more than OPS commands have not begun; a request comes only after the answer to the last one. 'mark' is not looked at in the
//   cycle behind a pop, nor behind the push of the only command.
`default_nettype none

module crl_nvme_exec_abort #(
    parameter int QW  = 4,
    parameter int OPS = 32                    // power of two
) (
    input  wire logic          clk,
    input  wire logic          rst,           // synchronous, active high

    input  wire logic          push,          // event: a command was taken
    input  wire logic [QW-1:0] push_qid,
    input  wire logic [15:0]   push_cid,
    input  wire logic          pop,           // event: the oldest begins, or is to end
    output logic               mark,          // the oldest is aborted

    input  wire logic          ab_valid,      // event: a request
    input  wire logic [QW-1:0] ab_qid,
    input  wire logic [15:0]   ab_cid,
    output logic               ab_done,       // event: the answer
    output logic               ab_found,
    output logic               pause          // a mark is written: take nothing, begin nothing
);

  localparam int OW = $clog2(OPS);

  logic [OW:0]    head_q, tail_q, at_q, end_q;   // {odd pass, place}
  logic [OW:0]    ahead, level;
  logic [QW+15:0] want_q, word;
  logic           scan_q, there, set, marked;

  crl_ram_lut #(.W(QW + 16), .DEPTH(OPS)) u_ring (
      .clk, .we(push), .waddr(head_q[OW-1:0]), .wdata({push_qid, push_cid}), .raddr(at_q[OW-1:0]), .rdata(word)
  );
  crl_ram_lut #(.W(1), .DEPTH(OPS)) u_marks (
      .clk, .we(push || set), .waddr(push ? head_q[OW-1:0] : at_q[OW-1:0]), .wdata(!push),
      .raddr(tail_q[OW-1:0]), .rdata(marked)
  );

  // The place that is looked at has not been overtaken by the oldest.
  assign ahead = head_q - at_q;
  assign level = head_q - tail_q;
  assign there = ahead <= level;
  assign set   = pause && there;

  always_ff @(posedge clk) begin
    if (rst) begin
      head_q  <= '0;
      tail_q  <= '0;
      scan_q  <= 1'b0;
      pause   <= 1'b0;
      ab_done <= 1'b0;
    end else begin
      if (push) head_q <= head_q + 1'b1;
      if (pop)  tail_q <= tail_q + 1'b1;
      pause   <= 1'b0;
      ab_done <= pause;
      if (ab_valid) scan_q <= 1'b1;
      else if (scan_q) begin
        if (at_q == end_q) begin
          scan_q  <= 1'b0;
          ab_done <= 1'b1;
        end else if (word == want_q && there) begin
          scan_q <= 1'b0;
          pause  <= 1'b1;
        end
      end
    end
    ab_found <= set;
    mark     <= marked || (set && at_q == tail_q);
    if (ab_valid) begin
      want_q <= {ab_qid, ab_cid};
      at_q   <= tail_q;
      end_q  <= head_q;
    end else if (scan_q && !(word == want_q && there)) at_q <= at_q + 1'b1;
  end

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset

  initial begun_q = 1'b0;

  always_ff @(posedge clk) begin
    if (rst) begun_q <= 1'b1;
    else if (begun_q) begin
      assert (!push || !pause);
      assert (!pop || !pause);
      assert (!pop || level != '0);
      assert (!push || !level[OW]);
    end
  end
`endif

endmodule

`default_nettype wire
