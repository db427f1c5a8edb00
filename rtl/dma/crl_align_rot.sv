// SPDX-License-Identifier: Apache-2.0
//
// crl_align_rot: rotates a beat towards higher lanes by a number of bytes, with its control bits.
//
// How: a logarithmic shifter into a register; with DEEP the upper half of the levels comes after a
//   second register.
// Latency: 1 cycle, 2 with DEEP. Throughput: a beat a cycle.
// Assumes: nothing; s_ready is combinational from m_ready.
`default_nettype none

module crl_align_rot #(
    parameter int DATA_W = 64,  // bits a beat
    parameter int CTL_W  = 8,   // bits that travel with the beat
    parameter bit DEEP   = 0,   // 1: two registers
    localparam int OFF_W = $clog2(DATA_W / 8)
) (
    input  wire logic              clk,
    input  wire logic              rst,      // synchronous, active high
    input  wire logic              s_valid,
    output logic                   s_ready,
    input  wire logic [OFF_W-1:0]  s_shift,  // bytes
    input  wire logic [DATA_W-1:0] s_data,
    input  wire logic [CTL_W-1:0]  s_ctl,
    output logic                   m_valid,
    input  wire logic              m_ready,
    output logic      [DATA_W-1:0] m_data,
    output logic      [CTL_W-1:0]  m_ctl
);

  localparam int SPLIT = DEEP ? OFF_W / 2 : OFF_W;  // levels before the first register

  logic              a_valid_q, a_ready;
  logic [DATA_W-1:0] a_data_q;
  logic [CTL_W-1:0]  a_ctl_q;
  logic [OFF_W-1:0]  shift;     // of each level, in its stage

  // One table a bit and level. 'keep' holds synthesis to that: it would choose among eight at once, which takes more.
  generate
    for (genvar i = 0; i < OFF_W; i++) begin : g_level
      logic [DATA_W-1:0] from;
      (* keep *) logic [DATA_W-1:0] to;

      if (i == 0) begin : g_in
        assign from = s_data;
      end else if (DEEP && i == SPLIT) begin : g_second
        assign from = a_data_q;
      end else begin : g_next
        assign from = g_level[i-1].to;
      end
      assign to = shift[i] ? {from[DATA_W-1-(8<<i):0], from[DATA_W-1:DATA_W-(8<<i)]} : from;
    end
  endgenerate

  assign s_ready = !a_valid_q || a_ready;

  always_ff @(posedge clk) begin
    if (rst)          a_valid_q <= 1'b0;
    else if (s_ready) a_valid_q <= s_valid;
    if (s_ready) begin
      a_data_q <= g_level[SPLIT-1].to;
      a_ctl_q  <= s_ctl;
    end
  end

  generate
    if (DEEP) begin : g_deep
      logic [OFF_W-1:SPLIT] a_shift_q;   // of the upper half
      logic              b_valid_q;
      logic [DATA_W-1:0] b_data_q;
      logic [CTL_W-1:0]  b_ctl_q;

      assign a_ready = !b_valid_q || m_ready;
      assign m_valid = b_valid_q;
      assign m_data  = b_data_q;
      assign m_ctl   = b_ctl_q;
      assign shift   = {a_shift_q, s_shift[SPLIT-1:0]};

      always_ff @(posedge clk) begin
        if (rst)          b_valid_q <= 1'b0;
        else if (a_ready) b_valid_q <= a_valid_q;
        if (s_ready) a_shift_q <= s_shift[OFF_W-1:SPLIT];
        if (a_ready) begin
          b_data_q <= g_level[OFF_W-1].to;
          b_ctl_q  <= a_ctl_q;
        end
      end
    end else begin : g_flat
      assign a_ready = m_ready;
      assign m_valid = a_valid_q;
      assign m_data  = a_data_q;
      assign m_ctl   = a_ctl_q;
      assign shift   = s_shift;
    end
  endgenerate

endmodule

`default_nettype wire
