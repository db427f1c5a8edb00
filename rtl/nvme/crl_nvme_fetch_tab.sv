// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_fetch_tab: what crl_nvme_fetch knows of each submission queue: size, base, function, and the two heads.
//
// How: LUT RAMs (crl_nvme_ram). The head that completions report follows the other one when the reads have come. Both are 0 after a
//   set-up.
// Latency: reads 0 cycles; set-up and moves are seen from the next cycle on.
// Assumes: numbers of queues are below QN. A queue is not set up while one of its heads moves.
`default_nettype none

module crl_nvme_fetch_tab #(
    parameter int QUEUES = 8,    // I/O queue pairs, 1 to 128
    parameter int FUNC_W = 8,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
`ifdef CRL_GHOST
    input  wire logic [QW-1:0]     f_q,       // proofs look at this queue
    output logic      [11:0]       f_size,
    output logic      [51:0]       f_page,
    output logic      [FUNC_W-1:0] f_func,
    output logic      [11:0]       f_head,
`endif
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high

    input  wire logic              set,       // event: set-up of a submission queue
    input  wire logic [QW-1:0]     set_qid,
    input  wire logic [11:0]       set_size,  // entries less one
    input  wire logic [51:0]       set_page,  // of its base
    input  wire logic [FUNC_W-1:0] set_func,

    input  wire logic              mv,        // event: new head
    input  wire logic [QW-1:0]     mv_qid,
    input  wire logic [11:0]       mv_head,
    input  wire logic              hd,        // event: new head for completions
    input  wire logic [QW-1:0]     hd_mv_qid,
    input  wire logic [11:0]       hd_mv_head,

    input  wire logic [QW-1:0]     a_qid,     // combinational reads: to count entries,
    output logic      [11:0]       a_head,
    output logic      [11:0]       a_size,
    input  wire logic [QW-1:0]     b_qid,     // to request them,
    output logic      [51:0]       b_page,
    output logic      [FUNC_W-1:0] b_func,
    input  wire logic [QW-1:0]     lk_qid,    // for crl_nvme_db,
    output logic      [11:0]       lk_head,
    input  wire logic [QW-1:0]     hd_qid,    // and for SQHD
    output logic      [11:0]       hd_head
);

  logic [11:0]       size_unused, hd_unused;
  logic [51:0]       page_unused;
  logic [FUNC_W-1:0] func_unused;
`ifdef CRL_GHOST
  logic [11:0]       f_hd_unused;
`endif

  crl_nvme_ram #(.W(12), .DEPTH(QN), .CLEAR(0)) u_size (
`ifdef CRL_GHOST
      .f_addr(f_q), .f_data(f_size),
`endif
      .clk, .rst, .clr(1'b0), .caddr(set_qid), .we(set), .waddr(set_qid), .wdata(set_size),
      .a_addr(a_qid), .a_data(a_size), .b_addr(a_qid), .b_data(size_unused)
  );
  crl_nvme_ram #(.W(52 + FUNC_W), .DEPTH(QN), .CLEAR(0)) u_place (
`ifdef CRL_GHOST
      .f_addr(f_q), .f_data({f_page, f_func}),
`endif
      .clk, .rst, .clr(1'b0), .caddr(set_qid), .we(set), .waddr(set_qid), .wdata({set_page, set_func}),
      .a_addr(b_qid), .a_data({b_page, b_func}), .b_addr(b_qid), .b_data({page_unused, func_unused})
  );
  crl_nvme_ram #(.W(12), .DEPTH(QN)) u_head (
`ifdef CRL_GHOST
      .f_addr(f_q), .f_data(f_head),
`endif
      .clk, .rst, .clr(set), .caddr(set_qid), .we(mv), .waddr(mv_qid), .wdata(mv_head),
      .a_addr(a_qid), .a_data(a_head), .b_addr(lk_qid), .b_data(lk_head)
  );
  crl_nvme_ram #(.W(12), .DEPTH(QN)) u_hd (
`ifdef CRL_GHOST
      .f_addr(f_q), .f_data(f_hd_unused),
`endif
      .clk, .rst, .clr(set), .caddr(set_qid), .we(hd), .waddr(hd_mv_qid), .wdata(hd_mv_head),
      .a_addr(hd_qid), .a_data(hd_head), .b_addr(hd_qid), .b_data(hd_unused)
  );

  logic unused;

  assign unused = &{1'b0, size_unused, page_unused, func_unused, hd_unused};

endmodule

`default_nettype wire
