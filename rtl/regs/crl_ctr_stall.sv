// SPDX-License-Identifier: Apache-2.0
//
// crl_ctr_stall: short running counters of stalls, one a channel and cause, by sampling in turns.
//
// How: every cycle another channel's turn comes: its causes are sampled and added to the counters,
//   which lie in block RAM. A turn comes every SLOTS cycles and so stands for SLOTS cycles. The
//   reader names a channel; when its turn passes, all its counters are taken into registers.
// Latency: `cap_valid` within SLOTS + 3 cycles of `cap_drop` or of a new rd_ch.
// Assumes: rd_ch is stable until cap_valid.
`default_nettype none

module crl_ctr_stall #(
    parameter int CHANNELS = 8,
    parameter int CAUSES   = 6,
    parameter int W        = 9,   // bits of a short counter, in samples
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int SLW     = CW > 2 ? CW : 2  // log2 of SLOTS
) (
    input  wire logic                       clk,
    input  wire logic                       rst,        // synchronous, active high
    input  wire logic                       init,       // clear, at least SLOTS + 3 cycles long
    input  wire logic [CHANNELS*CAUSES-1:0] stall,      // levels, [channel][cause]
    input  wire logic [CW-1:0]              rd_ch,
    input  wire logic                       cap_drop,   // event: take the counters afresh
    output logic                            cap_valid,  // cap_val are rd_ch's
    output logic      [CAUSES*W-1:0]        cap_val
);

  logic [SLW-1:0]      slot0_q, slot1_q, slot2_q;
  logic [CAUSES-1:0]   sample, sample1_q;
  logic [CAUSES*W-1:0] rdata, sum, sum2_q, cap_q;
  logic                cap_q_valid, hit;
  logic [CW-1:0]       cap_ch_q;

  always_ff @(posedge clk) begin
    if (rst) slot0_q <= '0;
    else     slot0_q <= slot0_q + 1'b1;
  end

  always_comb begin
    sample = '0;
    for (int c = 0; c < CHANNELS; c++) begin
      if (slot0_q == SLW'(c)) sample = stall[c*CAUSES +: CAUSES];
    end
  end

  // As deep as a block RAM is, or it would become a larger heap of LUT RAM.
  crl_ram_bram #(.W(CAUSES * W), .DEPTH(512)) u_ram (
      .clk, .we(1'b1), .waddr(9'(slot2_q)), .wdata(sum2_q),
      .re(1'b1), .raddr(9'(slot0_q)), .rdata
  );

  genvar g;
  generate
    for (g = 0; g < CAUSES; g++) begin : g_cause
      assign sum[g*W +: W] = rdata[g*W +: W] + W'(sample1_q[g]);
    end
  endgenerate

  always_ff @(posedge clk) begin
    slot1_q   <= slot0_q;
    sample1_q <= sample;
    slot2_q   <= slot1_q;
    if (init) sum2_q <= '0;
    else      sum2_q <= sum;
  end

  assign hit       = slot2_q == SLW'(rd_ch);
  assign cap_valid = cap_q_valid && cap_ch_q == rd_ch;
  assign cap_val   = cap_q;

  always_ff @(posedge clk) begin
    if (rst || cap_drop) cap_q_valid <= 1'b0;
    else if (hit)        cap_q_valid <= 1'b1;
    if (hit) cap_ch_q <= rd_ch;
    if (init)     cap_q <= '0;
    else if (hit) cap_q <= sum2_q;
  end

endmodule

`default_nettype wire
