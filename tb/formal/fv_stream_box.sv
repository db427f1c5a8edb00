// SPDX-License-Identifier: Apache-2.0
//
// Checker of a stream that stores up to DEPTH beats, from its ports alone: the k-th beat that goes
// in is the k-th that comes out. BREAK puts a fault between the block and the checker, to show that
// the checker sees it: 1 a lost beat, 2 a changed one, 3 one withdrawn while it waits, 4 one that
// comes twice.
`default_nettype none

module fv_stream_box #(
    parameter int W = 2,
    parameter int DEPTH = 4
) (
    input wire         clk,
    input wire         rst,
    input wire         s_valid,
    input wire         s_ready,
    input wire [W-1:0] s_data,
    input wire         m_valid,
    input wire         m_ready,
    input wire [W-1:0] m_data
);

`ifndef BREAK
`define BREAK 0
`endif

  (* anyconst *) wire [3:0] k;
  reg [3:0]   pushes = 0, pops = 0;
  reg [W-1:0] beat;
  reg         stalled = 0;
  reg [W-1:0] stalled_data;
  reg         past_valid = 0;

  wire push = s_valid && s_ready;
  wire see_valid = `BREAK == 3 ? m_valid && pops != 4'd2 : m_valid;
  wire pop = see_valid && m_ready && !(`BREAK == 1 && pops == 4'd2 && push);
  wire [W-1:0] see_data = `BREAK == 2 ? m_data ^ W'(pops == 4'd3) : m_data;

  always @(posedge clk) begin
    past_valid <= 1'b1;
    if (rst) begin
      pushes  <= 0;
      pops    <= 0;
      stalled <= 0;
    end else begin
      if (push) pushes <= pushes + 1'b1;
      if (pop)  pops   <= pops + 1'b1 + (`BREAK == 4 && pops == 4'd3);
      if (push && pushes == k) beat <= s_data;
      stalled      <= (`BREAK == 3 ? m_valid : see_valid) && !m_ready;
      stalled_data <= see_data;
      if (past_valid) begin
        if (see_valid) assert (pops != pushes);
        assert (4'(pushes - pops) <= DEPTH);
        if (pop && pops == k) assert (see_data == beat);
        if (stalled) assert (see_valid && see_data == stalled_data);
      end
    end
    assume (!(&pushes && push));  // the counters don't wrap: a bounded search
  end

endmodule

`default_nettype wire
