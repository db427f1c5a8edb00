// SPDX-License-Identifier: Apache-2.0
//
// crl_rr_arb: round-robin arbiter.
//
// How: a one-hot register marks the requester that is first in line, the one behind the last
//   served. Subtracting it from the requests, written twice in a row, borrows through everything
//   up to the first request from there on: that is the winner. One carry chain does it.
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

  logic [N-1:0]   first_q;  // one-hot: first in line
  logic [2*N-1:0] twice, diff, win;

  assign twice     = {req, req};
  assign diff      = twice - {{N{1'b0}}, first_q};
  assign win       = twice & ~diff;
  assign gnt       = win[2*N-1:N] | win[N-1:0];
  assign gnt_valid = req != '0;

  always_comb begin
    gnt_idx = '0;
    for (int i = 0; i < N; i++) begin
      if (gnt[i]) gnt_idx = gnt_idx | IW'(i);
    end
  end

  generate
    if (N > 1) begin : g_many
      always_ff @(posedge clk) begin
        if (rst)                   first_q <= {{(N-1){1'b0}}, 1'b1};
        else if (ack && gnt_valid) first_q <= {gnt[N-2:0], gnt[N-1]};
      end
    end else begin : g_one
      logic unused;

      assign unused  = &{1'b0, clk, rst, ack};
      assign first_q = 1'b1;
    end
  endgenerate

endmodule

`default_nettype wire
