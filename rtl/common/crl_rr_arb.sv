// SPDX-License-Identifier: Apache-2.0
//
// crl_rr_arb: round-robin arbiter.
//
// How: a registered mask has a one above the requester served last. The lowest request under the
//   mask wins; if there is none, the lowest of all. Both searches run side by side, as prefix ORs
//   of logarithmic depth.
// Latency: 0, gnt is combinational from req. Throughput: a grant a cycle.
// Fairness: a requester that keeps its request up is granted at the latest after N - 1 grants to
//   others, counting grants that were acknowledged.
// Assumes: ack is high only in cycles in which the grant is taken; it is ignored without a grant.
//   The winner may change from cycle to cycle until it is acknowledged, if a request appears.
`default_nettype none

module crl_rr_arb #(
    parameter int N   = 8,  // requesters, at least 1
    localparam int IW = N > 1 ? $clog2(N) : 1
) (
    input  wire logic          clk,
    input  wire logic          rst,       // synchronous, active high
    input  wire logic [N-1:0]  req,
    input  wire logic          ack,       // the grant is taken: move on behind it
    output logic      [N-1:0]  gnt,       // one-hot, or zero without a request
    output logic      [IW-1:0] gnt_idx,   // index of the one in gnt
    output logic               gnt_valid
);

  // Bit i of the result: some bit at or below i is set.
  function automatic logic [N-1:0] prefix_or(input logic [N-1:0] v);
    logic [N-1:0] p;
    p = v;
    for (int s = 1; s < N; s = s * 2) p = p | (p << s);
    prefix_or = p;
  endfunction

  logic [N-1:0] mask_q;
  logic [N-1:0] req_hi, pre_hi, pre_all, pre, above;
  logic         any_hi;

  assign req_hi    = req & mask_q;
  assign pre_hi    = prefix_or(req_hi);
  assign pre_all   = prefix_or(req);
  assign any_hi    = pre_hi[N-1];
  assign pre       = any_hi ? pre_hi : pre_all;
  assign above     = pre << 1;  // strictly above the winner
  assign gnt       = pre & ~above;
  assign gnt_valid = pre_all[N-1];

  always_comb begin
    gnt_idx = '0;
    for (int i = 0; i < N; i++) begin
      if (gnt[i]) gnt_idx = gnt_idx | IW'(i);
    end
  end

  always_ff @(posedge clk) begin
    if (rst)                   mask_q <= '0;
    else if (ack && gnt_valid) mask_q <= above;
  end

endmodule

`default_nettype wire
