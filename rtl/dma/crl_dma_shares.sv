// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_shares: who may hold how much of the descriptor pool.
//
// How: channels with work are counted in rotation. A channel's share is PREFETCH divided by their number, rounded to a power of
//   two; half the pool when others are enabled. Beyond two entries a channel gets only what leaves two for every other one.
// Latency: what is held is seen in plenty and room a cycle late (a request is made at most every second cycle); a change of the
//   number of channels with work within 2 * CHANNELS cycles.
`default_nettype none

module crl_dma_shares #(
    parameter int CHANNELS = 8,
    parameter int PREFETCH = 64,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW      = $clog2(PREFETCH),
    localparam int SBW     = PW + 2              // signed room
) (
    input  wire logic                   clk,
    input  wire logic                   rst,
    input  wire logic [CHANNELS-1:0]    work,       // has descriptors to come or in hand
    input  wire logic [6:0]             n_enabled,  // channels that are not disabled
    input  wire logic [PW:0]            enough,     // descriptors that cover the fetch latency
    input  wire logic                   go,         // event: k are requested
    input  wire logic [4:0]             k,
    input  wire logic                   pop,        // event: one leaves the pool
    input  wire logic                   drop,       // event: one that was requested does not go into it
    output logic signed      [SBW-1:0]  share,      // of a channel
    output logic signed      [SBW-1:0]  room,       // beyond two for everybody, perhaps below 0
    output logic             [4:0]      batch,      // short of the most, no burst shorter than this
    output logic                        plenty      // enough is held or requested
);

  logic [PW:0]   held_q, held_d;
  logic          go_q;                // a request is counted a cycle after it was made
  logic [4:0]    k_q;
  logic [CW-1:0] scan_q;
  logic [6:0]    count_q, active_q;
  logic [4:0]    share_log2;

  always_comb begin
    share_log2 = 5'(PW);
    if (active_q > 7'd32) share_log2 = PW > 6 ? 5'(PW - 6) : 5'd1;
    else if (active_q > 7'd16) share_log2 = PW > 5 ? 5'(PW - 5) : 5'd1;
    else if (active_q > 7'd8) share_log2 = PW > 4 ? 5'(PW - 4) : 5'd1;
    else if (active_q > 7'd4) share_log2 = PW > 3 ? 5'(PW - 3) : 5'd1;
    else if (active_q > 7'd2) share_log2 = PW > 2 ? 5'(PW - 2) : 5'd1;
    else if (active_q > 7'd1 || n_enabled > 7'd1) share_log2 = 5'(PW - 1);
    if (share_log2 == 5'd0) share_log2 = 5'd1;
  end

  assign held_d = held_q + (go_q ? {{(PW-4){1'b0}}, k_q} : '0) - {{PW{1'b0}}, pop} - {{PW{1'b0}}, drop};

  always_ff @(posedge clk) begin
    k_q <= k;
    if (rst) begin
      go_q     <= 1'b0;
      held_q   <= '0;
      scan_q   <= '0;
      count_q  <= '0;
      active_q <= 7'd1;
    end else begin
      go_q   <= go;
      held_q <= held_d;
      if (scan_q == CW'(CHANNELS - 1)) begin
        scan_q   <= '0;
        count_q  <= '0;
        active_q <= count_q + {6'd0, work[scan_q]};
      end else begin
        scan_q   <= scan_q + 1'b1;
        count_q  <= count_q + {6'd0, work[scan_q]};
      end
    end
    share  <= SBW'(1) << share_log2;
    batch  <= share_log2 >= 5'd5 ? 5'd8 : (share_log2 >= 5'd2 ? 5'd1 << (share_log2 - 5'd2) : 5'd1);
    plenty <= held_d >= enough;
    // Two entries of everybody's own count twice.
    room   <= SBW'(PREFETCH + 2 - 2 * CHANNELS) - $signed({1'b0, held_d});
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (!rst) assert (held_q <= (PW + 1)'(PREFETCH));
  end
`endif

endmodule

`default_nettype wire
