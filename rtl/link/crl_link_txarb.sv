// SPDX-License-Identifier: Apache-2.0
//
// crl_link_txarb: two clients in front of the transmit buffer: the engine's frames, and READ_DATA of the responder.
//
// How: frame by frame, in turns when both wait. A client that has shown a beat or its frame's fields keeps the buffer until the
//   fields are taken, which closes the frame.
// Latency: none. Throughput: a beat a cycle, no bubble between frames.
// Assumes: as the buffer does, of each client; what is shown stays until it is taken.
`default_nettype none

module crl_link_txarb #(
    parameter int DATA_W = 64,
    parameter int REC_W  = 8     // bits of the fields, length included
) (
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high
    input  wire logic              a_p_valid,  // engine: beats
    output logic                   a_p_ready,
    input  wire logic [DATA_W-1:0] a_p_data,
    input  wire logic              a_f_valid,  // fields
    output logic                   a_f_ready,
    input  wire logic [REC_W-1:0]  a_f_rec,
    input  wire logic              b_p_valid,  // responder
    output logic                   b_p_ready,
    input  wire logic [DATA_W-1:0] b_p_data,
    input  wire logic              b_f_valid,
    output logic                   b_f_ready,
    input  wire logic [REC_W-1:0]  b_f_rec,
    output logic                   m_p_valid,
    input  wire logic              m_p_ready,
    output logic      [DATA_W-1:0] m_p_data,
    output logic                   m_f_valid,
    input  wire logic              m_f_ready,
    output logic      [REC_W-1:0]  m_f_rec
);

  logic busy_q, sel_q;   // a frame is shown or half taken; whose, or whose the last one was
  logic a_here, b_here, sel;

  assign a_here = a_p_valid || a_f_valid;
  assign b_here = b_p_valid || b_f_valid;
  assign sel    = busy_q ? sel_q : b_here && (!a_here || !sel_q);

  assign m_p_valid = sel ? b_p_valid : a_p_valid;
  assign m_p_data  = sel ? b_p_data : a_p_data;
  assign m_f_valid = sel ? b_f_valid : a_f_valid;
  assign m_f_rec   = sel ? b_f_rec : a_f_rec;
  assign a_p_ready = !sel && m_p_ready;
  assign a_f_ready = !sel && m_f_ready;
  assign b_p_ready = sel && m_p_ready;
  assign b_f_ready = sel && m_f_ready;

  always_ff @(posedge clk) begin
    if (rst) begin
      busy_q <= 1'b0;
      sel_q  <= 1'b0;
    end else begin
      if (m_f_valid && m_f_ready) busy_q <= 1'b0;
      else if (a_here || b_here)  busy_q <= 1'b1;
      if (a_here || b_here) sel_q <= sel;
    end
  end

endmodule

`default_nettype wire
