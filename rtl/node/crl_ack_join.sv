// SPDX-License-Identifier: Apache-2.0
//
// crl_ack_join: two streams of ends of operations into one, a peer: op-acks of the link, and ends of own READs.
//
// How: a register that takes from either, in turns when both wait.
// Latency: 1 cycle. Throughput: one in two cycles.
// Assumes: valid and payload of a source stay until taken.
`default_nettype none

module crl_ack_join #(
    parameter int W = 40
) (
    input  wire logic         clk,
    input  wire logic         rst,      // synchronous, active high
    input  wire logic         a_valid,
    output logic              a_ready,
    input  wire logic [W-1:0] a_data,
    input  wire logic         b_valid,
    output logic              b_ready,
    input  wire logic [W-1:0] b_data,
    output logic              m_valid,
    input  wire logic         m_ready,
    output logic      [W-1:0] m_data
);

  logic last_b_q;  // b was taken last

  assign a_ready = !m_valid && (!b_valid || last_b_q);
  assign b_ready = !m_valid && (!a_valid || !last_b_q);

  always_ff @(posedge clk) begin
    if (rst) begin
      m_valid  <= 1'b0;
      last_b_q <= 1'b0;
    end else begin
      if (!m_valid)     m_valid <= a_valid || b_valid;
      else if (m_ready) m_valid <= 1'b0;
      if (!m_valid && (a_valid || b_valid)) last_b_q <= b_valid && b_ready;
    end
    if (!m_valid) m_data <= b_valid && b_ready ? b_data : a_data;
  end

endmodule

`default_nettype wire
