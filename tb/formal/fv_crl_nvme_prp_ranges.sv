// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_prp_ranges: free writes, commands and pages, as its header allows them. The claim stands in the block
// (CRL_GHOST): for any range of any queue, what was written last since the reset decides, in whole pages and without a wrap.
`default_nettype none

module fv_crl_nvme_prp_ranges #(
    parameter int QUEUES = 1,
    parameter int RANGES = 2,
    localparam int QW    = $clog2(QUEUES + 1)
) (
    input wire          clk,
    input wire          rst,
    input wire          rg_we,
    input wire [QW-1:0] rg_qid,
    input wire [2:0]    rg_idx,
    input wire [127:0]  rg_entry,
    input wire          ld_valid,
    input wire [QW-1:0] ld_qid,
    input wire [7:0]    ld_right,
    input wire          pre_valid,
    input wire [QW-1:0] pre_qid,
    input wire          k_valid,
    input wire [51:0]   k_page,
    input wire          k_list
);

  wire ld_hit, ld_busy, h_valid, h_hit;

  crl_nvme_prp_ranges #(.QUEUES(QUEUES), .RANGES(RANGES)) u_dut (
      .clk, .rst, .rg_we, .rg_qid, .rg_idx, .rg_entry, .ld_valid, .ld_qid, .ld_right, .ld_hit, .ld_busy, .pre_valid, .pre_qid, .k_valid, .k_page, .k_list,
      .h_valid, .h_hit
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;

  // What else its neighbours owe it is assumed in the block, beside the claim.
  always @* begin
    if (!past_valid) assume (rst);
    assume (rg_qid <= QW'(QUEUES) && ld_qid <= QW'(QUEUES) && pre_qid <= QW'(QUEUES));
  end

  always @(posedge clk) if (past_valid) begin
    cover (h_valid && h_hit);
    cover (h_valid && !h_hit);
  end

endmodule

`default_nettype wire
