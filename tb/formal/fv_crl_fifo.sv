// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_fifo, and with HEAD for crl_fifo_head: free inputs. Order and loss are followed by a ghost beat inside the block
// (CRL_GHOST), by induction; the box model here sees the ports only and is searched to a bound.
`default_nettype none

module fv_crl_fifo #(
  parameter int W = 2, parameter int DEPTH = 4, parameter bit OUTREG = 0
) (
    input wire         clk,
    input wire         rst,
    input wire         s_valid,
    input wire [W-1:0] s_data,
    input wire         m_ready
);

  wire         s_ready, m_valid;
  wire [W-1:0] m_data;
  wire [$clog2(DEPTH):0] level;

  wire s_kept;   // what is offered, and not taken past it

`ifdef HEAD
  (* anyseq *) wire s_past;
  wire         m_none;

  crl_fifo_head #(.W(W), .DEPTH(DEPTH)) u_dut (.clk, .rst, .s_valid, .s_ready, .s_past, .s_data, .m_valid, .m_none, .m_ready, .m_data, .level);
  assign s_kept = s_valid && !s_past;
`else
  assign s_kept = s_valid;
  crl_fifo #(.W(W), .DEPTH(DEPTH), .OUTREG(OUTREG)) u_dut (.clk, .rst, .s_valid, .s_ready, .s_data, .m_valid, .m_ready, .m_data, .level);
`endif

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

`ifdef BOX
  fv_stream_box #(.W(W), .DEPTH(DEPTH)) u_box (
      .clk, .rst, .s_valid(s_kept), .s_ready, .s_data, .m_valid, .m_ready, .m_data
  );
`endif

  reg [3:0] moved = 0;
  reg       was_full = 0;
  always @(posedge clk) begin
    if (rst) moved <= 0;
    else if (m_valid && m_ready && !&moved) moved <= moved + 1'b1;
    if (past_valid && !rst && !s_ready) was_full <= 1'b1;
    cover (past_valid && !rst && was_full && !m_valid && moved == 4'd6);
  end

endmodule

`default_nettype wire
