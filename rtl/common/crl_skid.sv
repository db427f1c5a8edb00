// SPDX-License-Identifier: Apache-2.0
//
// crl_skid: register slice that cuts the valid, data and ready paths.
//
// How: an output register and a spare one behind it. While the output is stalled one more beat is
//   caught in the spare, and only then s_ready falls.
// Latency: 1 cycle. Throughput: a beat a cycle. Holds up to two beats.
// Assumes: neighbours are reset together with it. s_ready, m_valid and m_data come from registers;
//   m_valid and m_data don't change while m_valid is high and m_ready low.
`default_nettype none

module crl_skid #(
    parameter int W = 8  // bits a beat
) (
    input  wire logic         clk,
    input  wire logic         rst,      // synchronous, active high
    input  wire logic         s_valid,
    output logic              s_ready,
    input  wire logic [W-1:0] s_data,
    output logic              m_valid,
    input  wire logic         m_ready,
    output logic      [W-1:0] m_data
);

  logic         out_valid_q, spare_valid_q;
  logic [W-1:0] out_q, spare_q;
  logic         out_free;  // the output register is empty or is being emptied

  assign out_free = !out_valid_q || m_ready;
  assign s_ready  = !spare_valid_q;
  assign m_valid  = out_valid_q;
  assign m_data   = out_q;

  always_ff @(posedge clk) begin
    if (out_free) out_q   <= spare_valid_q ? spare_q : s_data;
    if (s_ready)  spare_q <= s_data;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      out_valid_q   <= 1'b0;
      spare_valid_q <= 1'b0;
    end else if (out_free) begin
      out_valid_q   <= s_valid || spare_valid_q;
      spare_valid_q <= 1'b0;
    end else if (s_valid) begin
      spare_valid_q <= 1'b1;
    end
  end

endmodule

`default_nettype wire
