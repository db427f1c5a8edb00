// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_db_rule: for rings of every size and pointers of every position the compares say what the sums of the contract
// say; and what is let through keeps the occupancy within the size: entries add up, no more are added than there is room for,
// no more freed than are unread.
`default_nettype none

module fv_crl_nvme_db_rule (
    input wire        clk,
    input wire        cq,
    input wire [15:0] val,
    input wire [11:0] size,
    input wire [11:0] own,
    input wire [11:0] given,
    input wire        fresh
);

  wire ok;

  crl_nvme_db_rule u_dut (.cq, .val, .size, .own, .other(given), .fresh, .ok);

  wire [11:0] other = fresh ? 12'd0 : given;

`ifdef BREAK
  wire seen = ok || (own == other && val <= size);  // a fault: an empty CQ lets its head move
`else
  wire seen = ok;
`endif

  // Entries from a to b on a ring of size + 1.
  function [12:0] span(input [11:0] a, input [11:0] b, input [11:0] last);
    span = b >= a ? {1'b0, b} - {1'b0, a} : {1'b0, b} + {1'b0, last} + 13'd1 - {1'b0, a};
  endfunction

  wire [12:0] move = span(own, val[11:0], size);
  wire [12:0] used = cq ? span(own, other, size) : span(other, own, size);   // unread, or not fetched
  wire [12:0] room = {1'b0, size} - used;
  wire [12:0] then = cq ? span(val[11:0], other, size) : span(other, val[11:0], size);

  always @* begin
    assume (size != 0 && own <= size && other <= size);
    if (fresh) assume (own == 0);
  end

  always @(posedge clk) begin
    assert (used <= size);
    assert (seen == (val <= size && move != 0 && move <= (cq ? used : room)));
    if (seen && !cq) assert (then == used + move && then <= size);
    if (seen && cq)  assert (then == used - move && move <= used);
    cover (ok && !cq && val < own);
    cover (ok && cq && val < own && then == 0);
    cover (ok && !cq && then == size && size == 12'd4095);
    cover (!ok && val <= size && val != own);
    cover (!ok && val > size);
    cover (ok && fresh && given > val);
  end

endmodule

`default_nettype wire
