// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_zmux: completions of crl_nvme_exec and answers of crl_nvme_mbox go to crl_nvme_cqe.
//
// How: a register says whose turn it is. crl_nvme_exec has the port; an answer waits for one completion at most, a completion for one
//   answer. The SQ head is looked up for who has the turn. While hold is up nothing is handed over.
// Latency: none for crl_nvme_exec, one cycle for an answer. Throughput: a completion a cycle.
`default_nettype none

module crl_nvme_zmux #(
    parameter int W  = 8,                  // bits of a completion
    parameter int QW = 4
) (
    input  wire logic          clk,
    input  wire logic          rst,        // synchronous, active high
    input  wire logic          hold,       // level: hand nothing over

    input  wire logic          x_valid,    // crl_nvme_exec
    output logic               x_ready,
    input  wire logic [W-1:0]  x_data,
    input  wire logic [QW-1:0] x_hd_qid,
    input  wire logic          a_valid,    // crl_nvme_mbox
    output logic               a_ready,
    input  wire logic [W-1:0]  a_data,
    input  wire logic [QW-1:0] a_hd_qid,

    output logic               m_valid,    // crl_nvme_cqe
    input  wire logic          m_ready,
    output logic      [W-1:0]  m_data,
    output logic      [QW-1:0] hd_qid      // whose SQ head is looked up, for both
);

  logic turn_q, mine, taken;               // turn_q: of the answer

  assign mine    = turn_q ? a_valid : x_valid;
  assign m_valid = mine && !hold;
  assign m_data  = turn_q ? a_data : x_data;
  assign hd_qid  = turn_q ? a_hd_qid : x_hd_qid;
  assign taken   = m_valid && m_ready;
  assign x_ready = !turn_q && m_ready && !hold;
  assign a_ready = turn_q && m_ready && !hold;

  always_ff @(posedge clk) begin
    if (rst)                 turn_q <= 1'b0;
    else if (taken || !mine) turn_q <= !turn_q && a_valid;
  end

endmodule

`default_nettype wire
