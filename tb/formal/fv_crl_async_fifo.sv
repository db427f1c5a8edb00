// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_async_fifo: two clocks that tick as they like, free inputs and resets. What holds
// is stated inside the block (CRL_GHOST). BREAK asserts there what a reset must break, to show that
// resets take place.
`default_nettype none

module fv_crl_async_fifo #(
    parameter int W = 2,
    parameter int DEPTH = 4
) (
    input wire         s_tick,
    input wire         m_tick,
    input wire         s_rst_in,
    input wire         m_rst_in,
    input wire         s_valid_in,
    input wire [W-1:0] s_data_in,
    input wire         m_ready_in
);

  (* gclk *) wire gclk;
  reg s_clk = 1'b0, m_clk = 1'b0;
  always @(posedge gclk) begin
    s_clk <= s_clk ^ s_tick;
    m_clk <= m_clk ^ m_tick;
    assume (s_tick || m_tick);  // steps without an event prove nothing
  end

  // Inputs come from registers of their own clock domains.
  reg         s_rst = 1'b0, m_rst = 1'b0, s_valid = 1'b0, m_ready = 1'b0;
  reg [W-1:0] s_data;
  always @(posedge s_clk) begin
    s_rst   <= s_rst_in;
    s_valid <= s_valid_in;
    s_data  <= s_data_in;
  end
  always @(posedge m_clk) begin
    m_rst   <= m_rst_in;
    m_ready <= m_ready_in;
  end

  wire         s_ready, m_valid;
  wire [W-1:0] m_data;

  crl_async_fifo #(.W(W), .DEPTH(DEPTH)) u_dut (
      .s_clk, .s_rst, .s_valid, .s_ready, .s_data, .m_clk, .m_rst, .m_valid, .m_ready, .m_data
  );

endmodule

`default_nettype wire
