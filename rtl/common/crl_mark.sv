// SPDX-License-Identifier: Apache-2.0
//
// crl_mark: tells when everything that is in an ordered queue now has left it.
//
// How: what is in is counted by the neighbour; at a mark the count is copied, and what leaves is taken off the copy. The
//   queue keeps its order, so what leaves first was there first. What enters later is not waited for.
// Latency: 'over' shows 1 cycle after the last of them has left, and 1 cycle after the mark.
// Assumes: held is the number of entries before this cycle's enter and leave; leave only while there is one.
// Source: design section 6 (revocation).
`default_nettype none

module crl_mark #(
    parameter int W = 8                   // bits of the count
) (
    input  wire logic         clk,
    input  wire logic         rst,        // synchronous, active high
    input  wire logic         mark,       // event: what is in now, and what enters in this cycle
    input  wire logic [W-1:0] held,
    input  wire logic         enter,      // event
    input  wire logic         leave,      // event
`ifdef FORMAL
    output logic      [W-1:0] fv_left,    // for the proof of revocation: entries that are waited for
`endif
    output logic              over        // all of it has left; stays until the next mark
);

  logic [W-1:0] left_q;

  assign over = left_q == '0;

  always_ff @(posedge clk) begin
    if (rst)        left_q <= '0;
    else if (mark)  left_q <= held + W'(enter) - W'(leave);
    else if (!over) left_q <= left_q - W'(leave);
  end

`ifdef FORMAL
  assign fv_left = left_q;
`ifdef CRL_GHOST
  // Entries are numbered in the order in which they come, and leave in it.
  logic [W+1:0] g_in, g_out, g_mark;
  logic         g_past;

  initial g_past = 1'b0;

  always_ff @(posedge clk) begin
    g_past <= 1'b1;
    if (rst) begin
      g_in   <= '0;
      g_out  <= '0;
      g_mark <= '0;
    end else begin
      g_in  <= g_in + (W+2)'(enter);
      g_out <= g_out + (W+2)'(leave);
      if (mark) g_mark <= g_in + (W+2)'(enter);
      // Numbers wrap: a mark that is far behind moves along.
      else if (over) g_mark <= g_out + (W+2)'(leave);
    end
  end
  always @* if (!rst && g_past) begin
    assume ((W+2)'(held) == g_in - g_out);
    assume (!(leave && held == '0));
    assume (!(enter && !leave && held == '1));
  end
  always_ff @(posedge clk) if (g_past && !rst) begin
    assert (over == (g_mark == g_out));           // over, and not before
    assert ((W+2)'(left_q) == g_mark - g_out);
    assert ((W+2)'(left_q) <= (W+2)'(held));
  end
`endif
`endif

endmodule

`default_nettype wire
