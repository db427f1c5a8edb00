// SPDX-License-Identifier: Apache-2.0
//
// crl_link_txarb: two clients in front of the transmit buffer: the engine's frames, and READ_DATA of the responder.
//
// How: one of them has the buffer. The other gets it when a frame has been closed, or when the one that has it shows nothing
//   and has nothing open. Who it is stands in a register, so neither's signals decide over the other's in the same cycle.
// Latency: none for the one that has the buffer, else one cycle. Throughput: a beat a cycle, no bubble between frames.
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

  logic sel_q;    // the responder has the buffer
  logic open_q;   // whoever has it has shown some of a frame that is not closed
  logic a_here, b_here, here, other, close;

  assign a_here = a_p_valid || a_f_valid;
  assign b_here = b_p_valid || b_f_valid;
  assign here   = sel_q ? b_here : a_here;
  assign other  = sel_q ? a_here : b_here;
  assign close  = m_f_valid && m_f_ready;

  assign m_p_valid = sel_q ? b_p_valid : a_p_valid;
  assign m_p_data  = sel_q ? b_p_data : a_p_data;
  assign m_f_valid = sel_q ? b_f_valid : a_f_valid;
  assign m_f_rec   = sel_q ? b_f_rec : a_f_rec;
  assign a_p_ready = !sel_q && m_p_ready;
  assign a_f_ready = !sel_q && m_f_ready;
  assign b_p_ready = sel_q && m_p_ready;
  assign b_f_ready = sel_q && m_f_ready;

  always_ff @(posedge clk) begin
    if (rst) begin
      sel_q  <= 1'b0;
      open_q <= 1'b0;
    end else begin
      open_q <= !close && (open_q || here);
      if (other && (close || !(open_q || here))) sel_q <= !sel_q;
    end
  end

endmodule

`default_nettype wire
