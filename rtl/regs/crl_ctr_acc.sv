// SPDX-License-Identifier: Apache-2.0
//
// crl_ctr_acc: one short counter a channel, for events that come as often as every cycle.
//
// How: LUT RAM, read and written back in the cycle of the event. The counters run on for ever,
//   modulo 2^W; whoever reads them adds up the differences (crl_ctr_ram). So they need no clearing,
//   and the only write is the event's.
//   RD_OWN = 1 gives the reader a port of its own. With 0 it shares the event's: rd_ok tells that
//   the port was free, or on the same channel.
// Latency: an event is seen from the next cycle on. Throughput: an event a cycle.
// Assumes: a counter is read before it has moved by 2^W.
`default_nettype none

module crl_ctr_acc #(
    parameter int CHANNELS = 8,
    parameter int W        = 20,  // bits of a counter
    parameter int AMT_W    = 12,  // bits of an amount, to W
    parameter bit RD_OWN   = 0,   // 1: the reader never waits
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic             clk,
    input  wire logic             ev_valid,  // event: add ev_amt to the counter of ev_ch
    input  wire logic [CW-1:0]    ev_ch,
    input  wire logic [AMT_W-1:0] ev_amt,
    input  wire logic [CW-1:0]    rd_ch,
    output logic                  rd_ok,     // rd_val belongs to rd_ch
    output logic      [W-1:0]     rd_val
);

  logic [W-1:0]  base;

  // Start values for simulation and for FPGAs that load their memories: any value would do.
  generate
    if (CHANNELS > 1) begin : g_mem
      (* ram_style = "distributed" *)
      logic [W-1:0]  mem [0:CHANNELS-1];
      logic [CW-1:0] ch;

      initial for (int i = 0; i < CHANNELS; i++) mem[i] = '0;

      if (RD_OWN) begin : g_own
        assign ch     = ev_ch;
        assign rd_ok  = 1'b1;
        assign rd_val = mem[rd_ch];
      end else begin : g_shared
        assign ch     = ev_valid ? ev_ch : rd_ch;
        assign rd_ok  = !ev_valid || ev_ch == rd_ch;
        assign rd_val = base;
      end

      assign base = mem[ch];

      always_ff @(posedge clk) begin
        if (ev_valid) mem[ev_ch] <= base + W'(ev_amt);
      end
    end else begin : g_reg
      logic [W-1:0] word_q;
      logic         unused;

      initial word_q = '0;

      assign unused = &{1'b0, ev_ch, rd_ch};
      assign base   = word_q;
      assign rd_ok  = 1'b1;
      assign rd_val = word_q;

      always_ff @(posedge clk) begin
        if (ev_valid) word_q <= base + W'(ev_amt);
      end
    end
  endgenerate

endmodule

`default_nettype wire
