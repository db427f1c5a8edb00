// SPDX-License-Identifier: Apache-2.0
//
// crl_spare: cuts the ready path of a stream, and only that.
//
// How: a beat that the output does not take is caught in the spare, and then s_ready falls until it has left.
// Latency: 0 cycles. Throughput: a beat a cycle. Holds one beat.
// Assumes: neighbours are reset together with it. s_ready comes from a register; m_valid and m_data follow s_valid and s_data,
//   and don't change while m_valid is high and m_ready low, whatever those do.
`default_nettype none

module crl_spare #(
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

  logic         spare_valid_q;
  logic [W-1:0] spare_q;

  assign s_ready = !spare_valid_q;
  assign m_valid = spare_valid_q || s_valid;
  assign m_data  = spare_valid_q ? spare_q : s_data;

  always_ff @(posedge clk) begin
    if (s_ready) spare_q <= s_data;
    if (rst) spare_valid_q <= 1'b0;
    else     spare_valid_q <= m_valid && !m_ready;
  end

`ifdef FORMAL
  logic         f_past_q;
  logic         f_stalled_q;
  logic [W-1:0] f_data_q;
  logic [1:0]   f_in_q, f_out_q;   // beats, modulo 4

  initial f_past_q = 1'b0;

  always @(posedge clk) begin
    f_past_q    <= 1'b1;
    f_stalled_q <= !rst && m_valid && !m_ready;
    f_data_q    <= m_data;
    if (rst) begin
      f_in_q  <= '0;
      f_out_q <= '0;
    end else begin
      f_in_q  <= f_in_q + 2'(s_valid && s_ready);
      f_out_q <= f_out_q + 2'(m_valid && m_ready);
    end
    if (f_past_q) begin
      // What is held is the beat that was not taken, and there is no other one.
      assert (f_stalled_q == spare_valid_q);
      assert (f_in_q == f_out_q + 2'(spare_valid_q));
      if (f_stalled_q) assert (m_valid && m_data == f_data_q);
      if (!spare_valid_q && m_valid) assert (s_valid && s_ready && m_data == s_data);
`ifdef BREAK
      if (f_stalled_q) assert (s_ready);   // wrong: there is one spare
`endif
      cover (f_in_q == 2'd3 && spare_valid_q);
    end
  end
`endif

endmodule

`default_nettype wire
