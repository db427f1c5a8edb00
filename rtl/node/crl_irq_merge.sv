// SPDX-License-Identifier: Apache-2.0
//
// crl_irq_merge: interrupt events of several sources become one event a cycle.
//
// How: a flip-flop a channel remembers an event; a round-robin arbiter hands them on. Events of one channel that meet before they are
//   handed on become one: software looks at the ring and the state, not at the number of interrupts.
// Latency: 1 cycle, at most CHANNELS cycles under load. Nothing is lost.
`default_nettype none

module crl_irq_merge #(
    parameter int CHANNELS = 8,
    parameter int SRCS     = 1,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,
    input  wire logic [CHANNELS-1:0] set,        // events, a bit a channel
    input  wire logic [SRCS-1:0]     ev_valid,   // events by number
    input  wire logic [SRCS*CW-1:0]  ev_ch,
    output logic                     irq_valid,  // event
    output logic      [CW-1:0]       irq_ch
);

  logic [CHANNELS-1:0] wait_q, set_d, gnt;

  crl_rr_arb #(.N(CHANNELS)) u_rr (.clk, .rst, .req(wait_q), .ack(irq_valid), .gnt, .gnt_idx(irq_ch), .gnt_valid(irq_valid));

  always_comb begin
    set_d = set;
    for (int s = 0; s < SRCS; s++) if (ev_valid[s]) set_d[ev_ch[s*CW +: CW]] = 1'b1;
  end

  always_ff @(posedge clk) begin
    if (rst) wait_q <= '0;
    else wait_q <= (wait_q & ~gnt) | set_d;
  end

endmodule

`default_nettype wire
