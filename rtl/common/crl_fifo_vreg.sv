// SPDX-License-Identifier: Apache-2.0
//
// crl_fifo_vreg: crl_fifo whose m_valid comes from a register of its own, for those in whose longest path it lies.
//
// Latency, throughput, capacity, assumptions: as crl_fifo without OUTREG.
`default_nettype none

module crl_fifo_vreg #(
    parameter int W     = 8,   // bits a beat
    parameter int DEPTH = 16,  // beats stored, a power of two, at least 2
    localparam int AW   = $clog2(DEPTH)
) (
    input  wire logic         clk,
    input  wire logic         rst,      // synchronous, active high
    input  wire logic         s_valid,
    output logic              s_ready,  // low only when full
    input  wire logic [W-1:0] s_data,
    output logic              m_valid,
    input  wire logic         m_ready,
    output logic      [W-1:0] m_data,
    output logic      [AW:0]  level     // beats stored, 0 to DEPTH
);

  logic any;   // m_valid, from the count

  crl_fifo #(.W(W), .DEPTH(DEPTH)) u_fifo (.clk, .rst, .s_valid, .s_ready, .s_data, .m_valid(any), .m_ready, .m_data, .level);

  always_ff @(posedge clk) begin
    if (rst) m_valid <= 1'b0;
    else     m_valid <= (s_valid && s_ready) || (m_valid && !(m_ready && level == (AW + 1)'(1)));
  end

`ifdef FORMAL
  logic f_past_q;
  initial f_past_q = 1'b0;
  always @(posedge clk) begin
    f_past_q <= 1'b1;
    if (f_past_q) assert (m_valid == any);
  end
`else
  logic unused;
  assign unused = &{1'b0, any};
`endif

endmodule

`default_nettype wire
