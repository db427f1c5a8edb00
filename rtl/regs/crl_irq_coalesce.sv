// SPDX-License-Identifier: Apache-2.0
//
// crl_irq_coalesce: makes one interrupt out of several events, per channel, by count and by time.
//
// How: events go into short running counters (crl_ctr_acc). Every cycle another channel's turn
//   comes; what its counters have moved since its last interrupt is compared with COUNT, and the
//   time since the first of those events with TIME. State and settings lie in block RAM, read at
//   the start of a turn and written at its end.
//   An interrupt waits only when COUNT > 1 and TIME > 0: until COUNT events have come, or TIME units
//   of 64 cycles have passed since the turn that saw the first (one unit more at most).
// Latency: from the event that completes an interrupt to `fire` SLOTS + 4 cycles at most, SLOTS
//   being the larger of 4 and CHANNELS rounded up. Throughput: each source an event a cycle.
// Assumes: settings of every channel are written while `init` is high.
`default_nettype none

module crl_irq_coalesce #(
    parameter int CHANNELS = 8,
    parameter int SRCS     = 2,   // sources of events
    parameter int AMT_W    = 1,   // bits of how many there are at once
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int SLW     = CW > 2 ? CW : 2
) (
    input  wire logic               clk,
    input  wire logic               rst,       // synchronous, active high
    input  wire logic               init,      // after reset, longer than a round of turns

    input  wire logic [SRCS-1:0]    ev_valid,  // events, one a source
    input  wire logic [SRCS*CW-1:0] ev_ch,
    input  wire logic [SRCS*AMT_W-1:0] ev_amt, // so many, at least 1; in a round of turns below 500

    input  wire logic [3:0]         cfg_we,    // bytes of IRQ_COALESCE of cfg_ch
    input  wire logic [CW-1:0]      cfg_ch,
    input  wire logic [31:0]        cfg_data,

    output logic                    fire,      // event: an interrupt of fire_ch
    output logic      [CW-1:0]      fire_ch
);

  localparam int W  = 10;  // events seen and not yet reported: below COUNT + a round of turns
  localparam int TW = 17;  // units of 64 cycles, a bit more than TIME
  localparam int SW = 1 + TW + W;

  // --- turns -------------------------------------------------------------------------------------
  logic [SLW-1:0]    slot0_q, slot1_q, slot2_q, slot3_q;
  logic [5:0]        pre_q;
  logic [TW-1:0]     now_q;
  logic [SRCS*W-1:0] acc_val, part;
  logic [SRCS-1:0]   acc_ok, ev_q;
  logic [SRCS*CW-1:0] ev_ch_q;
  logic [SRCS*AMT_W-1:0] ev_amt_q;
  logic [W-1:0]      sum, sum1_q, sum2_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      slot0_q <= '0;
      pre_q   <= '0;
      now_q   <= '0;
      ev_q    <= '0;
    end else begin
      slot0_q <= slot0_q + 1'b1;
      pre_q   <= pre_q + 1'b1;
      if (pre_q == '1) now_q <= now_q + 1'b1;
      ev_q    <= ev_valid;
    end
  end

  always_ff @(posedge clk) begin
    ev_ch_q  <= ev_ch;
    ev_amt_q <= ev_amt;
  end

  genvar g;
  generate
    for (g = 0; g < SRCS; g++) begin : g_src
      crl_ctr_acc #(.CHANNELS(CHANNELS), .W(W), .AMT_W(AMT_W), .RD_OWN(1)) u_acc (
          .clk, .ev_valid(ev_q[g]), .ev_ch(ev_ch_q[g*CW +: CW]), .ev_amt(ev_amt_q[g*AMT_W +: AMT_W]),
          .rd_ch(slot0_q[CW-1:0]), .rd_ok(acc_ok[g]), .rd_val(acc_val[g*W +: W])
      );
    end
  endgenerate

  // A sum in a loop would wake its own always_comb in Icarus 11.
  assign part[0 +: W] = acc_val[0 +: W];
  assign sum          = part[(SRCS-1)*W +: W];

  generate
    for (g = 1; g < SRCS; g++) begin : g_sum
      assign part[g*W +: W] = part[(g-1)*W +: W] + acc_val[g*W +: W];
    end
  endgenerate

  // --- state {waiting, since when, counters at the last interrupt} and settings --------------------
  logic [SW-1:0] state1, state3_q;
  logic [31:0]   cfg1;
  logic          cfg_read;

  // As deep as a block RAM is, or it would become a larger heap of LUT RAM.
  crl_ram_bram #(.W(SW), .DEPTH(512)) u_state (
      .clk, .we(1'b1), .waddr(9'(slot3_q)), .wdata(state3_q),
      .re(1'b1), .raddr(9'(slot0_q)), .rdata(state1)
  );

  // A turn whose settings are being written in this very cycle is passed over.
  assign cfg_read = !(cfg_we != '0 && SLW'(cfg_ch) == slot0_q);

  crl_ram_bram #(.W(32), .DEPTH(512), .BYTE_EN(1)) u_cfg (
      .clk, .we(cfg_we), .waddr(9'(cfg_ch)), .wdata(cfg_data),
      .re(1'b1), .raddr(9'(slot0_q)), .rdata(cfg1)
  );

  // --- the decision ------------------------------------------------------------------------------
  logic [W-1:0]  delta2_q, snap2_q;
  logic [TW-1:0] age2_q, start2_q;
  logic [15:0]   time2_q;
  logic [7:0]    count2_q;
  logic          wait2_q, at_once2, look1_q, look2_q, fire2, fire3_q;

  always_ff @(posedge clk) begin
    slot1_q    <= slot0_q;
    sum1_q     <= sum;
    look1_q    <= cfg_read && 32'(slot0_q) < CHANNELS;

    slot2_q    <= slot1_q;
    sum2_q     <= sum1_q;
    look2_q    <= look1_q;
    snap2_q    <= state1[W-1:0];
    start2_q   <= state1[W +: TW];
    wait2_q    <= state1[W+TW];
    delta2_q   <= sum1_q - state1[W-1:0];
    age2_q     <= now_q - state1[W +: TW];
    count2_q   <= cfg1[crl_pkg::CH_IRQ_COALESCE_COUNT_LSB +: 8];
    time2_q    <= cfg1[crl_pkg::CH_IRQ_COALESCE_TIME_LSB +: 16];

    slot3_q    <= slot2_q;
    state3_q   <= {!fire2 && !init && (wait2_q || (look2_q && delta2_q != '0)),
                   wait2_q ? start2_q : now_q,
                   fire2 || init ? sum2_q : snap2_q};
  end

  assign at_once2 = time2_q == '0 || count2_q[7:1] == '0;

  assign fire2 = look2_q && delta2_q != '0
              && (at_once2 || delta2_q >= W'(count2_q) || (wait2_q && age2_q > TW'(time2_q)));

  always_ff @(posedge clk) begin
    if (rst || init) fire3_q <= 1'b0;
    else             fire3_q <= fire2;
  end

  assign fire    = fire3_q;
  assign fire_ch = slot3_q[CW-1:0];

  logic unused;

  assign unused = &{1'b0, acc_ok, slot3_q, cfg1};

endmodule

`default_nettype wire
