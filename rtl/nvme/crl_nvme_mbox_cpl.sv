// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_mbox_cpl: an answer of the processor: gets a completion slot, then is handed to crl_nvme_cqe.
//
// How: wants a slot of queue 0 until it has one; then the entry is on offer, with SQHD as it is then. drop throws the answer away.
// Latency: go to rs2_valid 1 cycle; the slot to z_valid 1 cycle.
// Assumes: go only while busy is 0. What drop takes away needs no slot back: the queues are set up anew.
`default_nettype none

module crl_nvme_mbox_cpl (
    input  wire logic        clk,
    input  wire logic        rst,        // synchronous, active high

    input  wire logic        go,         // event: an answer
    input  wire logic [31:0] go_word,    // CPL_GO
    input  wire logic [31:0] go_dw0,
    input  wire logic        drop,       // level
    output logic             busy,
    output logic             taken,      // event: it was handed over

    output logic             rs2_valid,  // wants a slot
    input  wire logic        rs2_ready,
    input  wire logic        rs2_got,

    output logic             z_valid,    // the entry
    input  wire logic        z_ready,
    output logic      [15:0] z_cid,
    output logic      [10:0] z_status,
    output logic             z_dnr,
    output logic             z_more,
    output logic      [31:0] z_dw0
);

  logic want_q, give_q;

  assign busy      = want_q || give_q;
  assign rs2_valid = want_q && !drop;
  assign z_valid   = give_q && !drop;

  always_ff @(posedge clk) begin
    if (rst || drop) begin
      want_q <= 1'b0;
      give_q <= 1'b0;
    end else begin
      if (go)                        want_q <= 1'b1;
      else if (rs2_ready && rs2_got) want_q <= 1'b0;
      if (want_q && rs2_ready && rs2_got) give_q <= 1'b1;
      else if (z_ready)                   give_q <= 1'b0;
    end
    taken <= !rst && z_valid && z_ready;
    if (go) begin
      z_cid    <= go_word[crl_mbox_pkg::CPL_GO_CID_LSB +: 16];
      z_status <= go_word[crl_mbox_pkg::CPL_GO_STATUS_LSB +: 11];
      z_dnr    <= go_word[crl_mbox_pkg::CPL_GO_DNR_LSB];
      z_more   <= go_word[crl_mbox_pkg::CPL_GO_MORE_LSB];
      z_dw0    <= go_dw0;
    end
  end

  logic unused;
  assign unused = &{1'b0, go_word[15:13]};

endmodule

`default_nettype wire
