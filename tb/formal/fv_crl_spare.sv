// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_spare: free inputs. The properties stand in the block.
`default_nettype none

module fv_crl_spare #(
    parameter int W = 2
) (
    input wire         clk,
    input wire         rst,
    input wire         s_valid,
    input wire [W-1:0] s_data,
    input wire         m_ready
);

  wire         s_ready, m_valid;
  wire [W-1:0] m_data;

  crl_spare #(.W(W)) u_dut (.clk, .rst, .s_valid, .s_ready, .s_data, .m_valid, .m_ready, .m_data);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

endmodule

`default_nettype wire
