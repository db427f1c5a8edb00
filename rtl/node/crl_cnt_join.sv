// SPDX-License-Identifier: Apache-2.0
//
// crl_cnt_join: counts of bytes read, of the engine and of the responders, into one event.
//
// How: the engine's event can't wait and goes first; one of the others goes in a cycle without it, lowest first.
// Latency: 1 cycle. Throughput: one a cycle.
// Assumes: the engine leaves cycles free: it has an event in two cycles at most.
`default_nettype none

module crl_cnt_join #(
    parameter int W = 15,
    parameter int N = 1,
    localparam int LO_W = 12,
    localparam int HI_W = W - LO_W
) (
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high
    input  wire logic              ev_valid,  // event
    input  wire logic [W-1:0]      ev_data,
    input  wire logic [N-1:0]      s_valid,
    output logic      [N-1:0]      s_ready,
    input  wire logic [N*HI_W-1:0] s_hi,      // channels
    input  wire logic [N*LO_W-1:0] s_lo,      // bytes
    output logic                   m_valid,   // event
    output logic      [W-1:0]      m_data
);

  logic [N-1:0] first;
  logic [W-1:0] word;

  assign first   = s_valid & (~s_valid + N'(1));   // the lowest
  assign s_ready = ev_valid ? '0 : first;

  always_comb begin
    word = '0;
    for (int i = 0; i < N; i++) if (first[i]) word = word | {s_hi[HI_W*i +: HI_W], s_lo[LO_W*i +: LO_W]};
  end

  always_ff @(posedge clk) begin
    if (rst) m_valid <= 1'b0;
    else m_valid <= ev_valid || s_valid != '0;
    m_data <= ev_valid ? ev_data : word;
  end

endmodule

`default_nettype wire
