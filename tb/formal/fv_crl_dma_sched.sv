// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_dma_sched: free eligibility, configuration and sizes; the issuer's side of the
// contract (a charge in the cycle after a pick, no pick in that cycle) is kept.
//   OPEN    configuration may be written in any cycle: only safety of the pick is claimed
//   EQUAL   nothing is configured: all channels alike; nobody starves
//   MGMT    two management channels: the bound on picks
`default_nettype none

module fv_crl_dma_sched #(
    parameter int CHANNELS        = 3,
    parameter int MAX_BURST_BYTES = 16,
    localparam int CW             = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input wire                clk,
    input wire                rst,
    input wire [CHANNELS-1:0] elig,
    input wire                want,
    input wire [11:0]         bytes,
    input wire [11:0]         any_bytes,
    input wire                none,          // says that the charge has no bytes, whatever stands beside it
    input wire                more,          // a further chunk, without a pick
    input wire                cfg_we,
    input wire [CW-1:0]       cfg_ch,
    input wire [1:0]          cfg_class,
    input wire [7:0]          cfg_weight,
    input wire                cfg_mgmt,
    input wire [15:0]         cfg_rate,
    input wire [15:0]         cfg_burst
);

  wire                pick_valid;
  wire [CW-1:0]       pick_ch;
  wire [CHANNELS-1:0] wait_arb, wait_rate;

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  // The issuer
  reg          due = 1'b0;
  reg          charged = 1'b0;
  reg [CW-1:0] due_ch;
  wire         ready = want && !due && !charged_more;
  wire         charged_more = more && !due && !charged;
  wire         pick  = pick_valid && ready;

  always @(posedge clk) begin
    due     <= pick && !rst;
    charged <= (due || charged_more) && !rst;
    if (pick) due_ch <= pick_ch;
  end

  always @* begin
    assume (bytes <= MAX_BURST_BYTES);
    assume (!none || bytes == 0);
    assume (32'(cfg_ch) < CHANNELS);
`ifndef OPEN
    assume (!cfg_we);
`endif
  end

`ifdef EQUAL
  always @* assume (!more);
`endif

  crl_dma_sched #(.CHANNELS(CHANNELS), .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(2 * MAX_BURST_BYTES)) u_dut (
      .clk, .rst, .elig, .pick_ready(ready), .pick_valid, .pick_ch,
      .charge_valid(due || charged_more), .charge_ch(due_ch), .charge_bytes(none ? any_bytes : bytes), .charge_none(none),
      .cfg_we, .cfg_ch, .cfg_class, .cfg_weight, .cfg_mgmt, .cfg_rate, .cfg_burst,
      .wait_arb, .wait_rate
  );

  // Only who has something to send.
`ifdef BREAK
  wire [CHANNELS-1:0] shown = elig & {{(CHANNELS - 1){1'b1}}, 1'b0};
`else
  wire [CHANNELS-1:0] shown = elig;
`endif
  always @(posedge clk) if (past_valid && !rst && pick_valid) begin
    assert (32'(pick_ch) < CHANNELS);
    assert (shown[pick_ch]);
  end

  // Nobody starves: channel 0 always has something to send; between two services of it each of the
  // others gets at most a quantum and what it overdraws.
`ifdef EQUAL
  localparam int BOUND = (CHANNELS - 1) * (2 * MAX_BURST_BYTES - 1);
  reg [15:0] others = 16'd0;

  always @(posedge clk) begin
    if (rst || !elig[0]) others <= '0;
    else if (due && due_ch == '0) others <= '0;
    else if (due) others <= others + (bytes == 0 ? 16'(MAX_BURST_BYTES) : 16'(bytes));
    if (past_valid && !rst) begin
      assert (32'(others) <= BOUND);
      if (elig != '0 && $past(!rst && elig != '0)) assert (pick_valid);  // no cycle is lost
      cover (others > 16'(MAX_BURST_BYTES) && due && due_ch == '0);
    end
  end
`else
  always @(posedge clk) if (past_valid && !rst) begin
    cover (pick && pick_ch == CW'(CHANNELS - 1));
    cover (charged_more);
  end
`endif

endmodule

`default_nettype wire
