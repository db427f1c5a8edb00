// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_linkwait: how long what has not begun waits for a link that is down (CHP.RETRY.LINK_WAIT).
//
// How: one counter a peer of the time since its link fell, in units of 1024 cycles, and a rotation over the channels that
//   compares it with the channel's LINK_WAIT. Time is counted from the fall of the link, or from reset, not from the
//   operation: behind a link that has been down for long everything ends at once.
//     LINK_WAIT = 0      no waiting
//     1 to FFFEh         at least LINK_WAIT · 1024 cycles, at most 1024 + CHANNELS + 2 more
//     FFFFh              without limit
//   A channel without a peer never waits.
// Latency: give_up follows CHANNELS + 2 cycles after a change at most.
// Assumes: LINK_WAIT of all channels and their set-up are written once after reset (the sweep of the registers does that).
// Source: docs/blocks/rdma.md section 5.
`default_nettype none

module crl_dma_linkwait #(
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,        // synchronous, active high

    input  wire logic [1:0]          wait_we,    // event: bytes of LINK_WAIT of a channel
    input  wire logic [CW-1:0]       wait_ch,
    input  wire logic [15:0]         wait_data,
    input  wire logic                cc_we,      // event: a channel's peer
    input  wire logic [CW-1:0]       cc_ch,
    input  wire logic                cc_bind,
    input  wire logic [1:0]          cc_peer,
    input  wire logic [PEERS-1:0]    peer_up,

    output logic      [CHANNELS-1:0] give_up     // if its link is down: it has waited long enough
);

  logic [9:0]    tick_q;
  logic [16*PEERS-1:0] down_q;   // per peer: units since the link fell, the one that has begun counted
  logic [CW-1:0] scan_q, ch_q;
  logic [15:0]   wait_is, wait_q, down, down_is_q;
  logic          bound, bound_q;
  logic [1:0]    peer;

  generate
    for (genvar b = 0; b < 2; b++) begin : g_byte
      crl_ram_lut #(.W(8), .DEPTH(CHANNELS)) u_wait (
          .clk, .we(wait_we[b]), .waddr(wait_ch), .wdata(wait_data[8*b +: 8]),
          .raddr(scan_q), .rdata(wait_is[8*b +: 8])
      );
    end
  endgenerate
  crl_ram_lut #(.W(3), .DEPTH(CHANNELS)) u_peer (
      .clk, .we(cc_we), .waddr(cc_ch), .wdata({cc_bind, cc_peer}), .raddr(scan_q), .rdata({bound, peer})
  );

  always_comb begin
    down = '0;
    for (int p = 0; p < PEERS; p++) if (peer == 2'(p)) down = down_q[16*p +: 16];
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      tick_q  <= '0;
      scan_q  <= '0;
      ch_q    <= '0;
      bound_q <= 1'b0;
      give_up <= '0;
      down_q  <= '0;
    end else begin
      tick_q <= tick_q + 1'b1;
      for (int p = 0; p < PEERS; p++) begin
        if (peer_up[p]) down_q[16*p +: 16] <= '0;
        else if (tick_q == '1 && down_q[16*p +: 16] != '1) down_q[16*p +: 16] <= down_q[16*p +: 16] + 1'b1;
      end
      scan_q  <= 32'(scan_q) == CHANNELS - 1 ? '0 : scan_q + 1'b1;
      ch_q    <= scan_q;
      bound_q <= bound;
      // A unit that was under way when the link fell does not count.
      give_up[ch_q] <= !bound_q || wait_q == '0 || down_is_q > wait_q;
    end
    wait_q    <= wait_is;
    down_is_q <= down;
  end

endmodule

`default_nettype wire
