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

`ifdef FORMAL
  logic         f_past_q;
  logic         f_stalled_q;
  logic [W-1:0] f_data_q;

  initial f_past_q = 1'b0;

  always @(posedge clk) begin
    f_past_q    <= 1'b1;
    f_stalled_q <= !rst && m_valid && !m_ready;
    f_data_q    <= m_data;
    if (f_past_q) begin
      assert (out_valid_q || !spare_valid_q);
      if (f_stalled_q) begin
        assert (m_valid);
        assert (m_data == f_data_q);
      end
    end
  end

`ifdef CRL_GHOST
  // Any one beat, followed from the entrance to the exit.
  (* anyseq *) logic f_pick;
  logic         f_on_q;
  logic         f_ahead_q;  // a beat leaves before it
  logic [W-1:0] f_beat_q;

  initial f_on_q = 1'b0;

  always @(posedge clk) begin
    if (rst) f_on_q <= 1'b0;
    else if (f_on_q && m_valid && m_ready) begin
      f_on_q    <= f_ahead_q;
      f_ahead_q <= 1'b0;
    end else if (!f_on_q && s_valid && s_ready && f_pick) begin
      f_on_q    <= 1'b1;
      f_ahead_q <= !out_free;
      f_beat_q  <= s_data;
    end
    if (f_past_q && f_on_q) begin
      assert (f_ahead_q ? spare_valid_q : out_valid_q);
      assert ((f_ahead_q ? spare_q : out_q) == f_beat_q);
      cover (m_valid && m_ready && !f_ahead_q);
      cover (m_valid && m_ready && f_ahead_q);
    end
  end
`endif
`endif

endmodule

`default_nettype wire
