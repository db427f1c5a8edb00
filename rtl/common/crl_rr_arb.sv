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

`ifdef FORMAL
  logic f_past_q;

  initial f_past_q = 1'b0;

  always @(posedge clk) begin
    f_past_q <= 1'b1;
    if (f_past_q) assert ($onehot(first_q));
  end

`ifdef CRL_GHOST
  // Any one requester that keeps asking: each grant taken by another brings it closer.
  (* anyconst *) logic [IW-1:0] f_who;
  logic [IW:0]  f_others_q;    // grants taken by others since it began to ask
  logic [IW:0]  f_distance;    // places from the first in line to it
  logic         f_asked_q;

  always_comb begin
    f_distance = '0;
    for (int i = 0; i < N; i++) begin
      if (first_q[i])
        f_distance = (IW + 1)'(f_who) >= (IW + 1)'(i) ? (IW + 1)'(f_who) - (IW + 1)'(i)
                                                      : (IW + 1)'(f_who) + (IW + 1)'(N - i);
    end
  end

  initial f_others_q = '0;
  initial f_asked_q = 1'b0;

  always @(posedge clk) begin
    assume ((IW + 1)'(f_who) < (IW + 1)'(N));
    f_asked_q <= !rst && req[f_who] && !(ack && gnt[f_who]);
    if (rst || (ack && gnt[f_who])) f_others_q <= '0;
    else if (ack && gnt_valid)      f_others_q <= f_others_q + 1'b1;
    if (f_asked_q) assume (req[f_who]);  // who asks keeps asking
    if (!req[f_who])                f_others_q <= '0;
    if (f_past_q) begin
      assert ({1'b0, f_others_q} + {1'b0, f_distance} <= (IW + 2)'(N - 1));
      cover (f_others_q == (IW + 1)'(N - 1) && ack && gnt[f_who]);
    end
  end
`endif
`endif

endmodule

`default_nettype wire
