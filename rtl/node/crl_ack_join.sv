// SPDX-License-Identifier: Apache-2.0
//
// crl_ack_join: two streams of ends of operations into one, a peer: op-acks of the link, and ends of own READs.
//
// How: a register that takes from either, in turns when both wait. What comes from a shows at the output at once, and goes into the
//   register only if it is not taken.
// Latency: 0 cycles from a, 1 from b. Throughput: one a cycle from a, else one in two cycles.
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

  logic         valid_q;
  logic [W-1:0] data_q;
  logic         last_b_q;  // b was taken last
  logic         through;   // a is taken

  assign a_ready = !valid_q && (!b_valid || last_b_q);
  assign b_ready = !valid_q && (!a_valid || !last_b_q);
  assign through = a_valid && a_ready;
  assign m_valid = valid_q || through;
  assign m_data  = valid_q ? data_q : a_data;

  always_ff @(posedge clk) begin
    if (rst) begin
      valid_q  <= 1'b0;
      last_b_q <= 1'b0;
    end else begin
      valid_q <= (b_valid && b_ready) || (m_valid && !m_ready);
      if (!valid_q && (a_valid || b_valid)) last_b_q <= b_valid && b_ready;
    end
    if (!valid_q) data_q <= b_valid && b_ready ? b_data : a_data;
  end

endmodule

`default_nettype wire
