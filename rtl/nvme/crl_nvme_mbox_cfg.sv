// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_mbox_cfg: set-up bus, and who is given grants and ranges: the processor's registers as a GO finds them, or crl_nvme_start.
//
// How: the bus comes from registers. One that was chosen in the cycle before `start` comes in the first busy cycle and goes first; crl_nvme_start
//   writes from the cycle after that one on.
// Latency: a GO 1 cycle.
// Assumes: no GO while busy, but in its first cycle.
`default_nettype none

module crl_nvme_mbox_cfg #(
    parameter int QUEUES = 8,
    parameter int FUNC_W = 8,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high

    input  wire logic              start,      // event: clear all, set the admin queues up
    input  wire logic [63:0]       asq,
    input  wire logic [63:0]       acq,
    input  wire logic [11:0]       asqs,
    input  wire logic [11:0]       acqs,
    output logic                   busy,
    output logic                   done,       // event
    output logic                   gr_blank,   // levels: grants and ranges are 0 from the next cycle on
    output logic                   rg_blank,

    input  wire logic              cfg_go,     // events of the processor
    input  wire logic              gr_go,
    input  wire logic              rg_go,
    input  wire logic [31:0]       go_data,
    input  wire logic [31:0]       k_queue,    // CFG_QUEUE
    input  wire logic [31:0]       k_size,     // CFG_SIZE
    input  wire logic [63:0]       k_base,

    output logic                   cfg_we,     // set-up bus
    output logic      [QW-1:0]     cfg_qid,
    output logic                   cfg_cq,
    output logic                   cfg_valid,
    output logic      [11:0]       cfg_size,
    output logic      [63:0]       cfg_base,
    output logic      [FUNC_W-1:0] cfg_func,
    output logic      [QW-1:0]     cfg_cqid,
    output logic      [1:0]        cfg_prio,
    output logic      [7:0]        cfg_vec,
    output logic                   cfg_ien,
    output logic                   gr_we,      // grants
    output logic      [QW-1:0]     gr_qid,
    output logic                   rg_we,      // ranges
    output logic      [QW-1:0]     rg_qid,
    output logic      [2:0]        rg_idx
);

  logic              s_busy, s_done, s_gr_blank, s_rg_blank, gr_blank_q, rg_blank_q;
  logic              s_cfg_we, s_cq, s_valid, s_ien, s_gr_we, s_rg_we;
  logic [QW-1:0]     s_qid, s_cqid, s_gr_qid, s_rg_qid;
  logic [11:0]       s_size;
  logic [63:0]       s_base;
  logic [FUNC_W-1:0] s_func;
  logic [1:0]        s_prio;
  logic [7:0]        s_vec;
  logic [2:0]        s_idx;

  crl_nvme_start #(.QUEUES(QUEUES), .FUNC_W(FUNC_W)) u_start (
      .clk, .rst, .start, .asq, .acq, .asqs, .acqs, .busy(s_busy), .done(s_done),
      .cfg_we(s_cfg_we), .cfg_qid(s_qid), .cfg_cq(s_cq), .cfg_valid(s_valid), .cfg_size(s_size), .cfg_base(s_base), .cfg_func(s_func),
      .cfg_cqid(s_cqid), .cfg_prio(s_prio), .cfg_vec(s_vec), .cfg_ien(s_ien),
      .gr_we(s_gr_we), .gr_qid(s_gr_qid), .rg_we(s_rg_we), .rg_qid(s_rg_qid), .rg_idx(s_idx), .gr_blank(s_gr_blank), .rg_blank(s_rg_blank)
  );

  // The entries on their way are zeroes, too.
  assign busy     = s_busy || done;
  assign gr_blank = s_gr_blank || gr_blank_q;
  assign rg_blank = s_rg_blank || rg_blank_q;

  always_ff @(posedge clk) begin
    done       <= !rst && s_done;
    gr_blank_q <= !rst && s_gr_blank;
    rg_blank_q <= !rst && s_rg_blank;
    cfg_we    <= !rst && (cfg_go || s_cfg_we);
    cfg_qid   <= cfg_go ? k_queue[crl_mbox_pkg::CFG_QUEUE_QUEUE_LSB +: QW] : s_qid;
    cfg_cq    <= cfg_go ? go_data[crl_mbox_pkg::CFG_GO_CQ_LSB] : s_cq;
    cfg_valid <= cfg_go ? go_data[crl_mbox_pkg::CFG_GO_VALID_LSB] : s_valid;
    cfg_size  <= cfg_go ? k_size[crl_mbox_pkg::CFG_SIZE_SIZE_LSB +: 12] : s_size;
    cfg_base  <= cfg_go ? k_base : s_base;
    cfg_func  <= cfg_go ? k_size[crl_mbox_pkg::CFG_SIZE_FUNC_LSB +: FUNC_W] : s_func;
    cfg_cqid  <= cfg_go ? k_queue[crl_mbox_pkg::CFG_QUEUE_CQID_LSB +: QW] : s_cqid;
    cfg_prio  <= cfg_go ? k_queue[crl_mbox_pkg::CFG_QUEUE_PRIO_LSB +: 2] : s_prio;
    cfg_vec   <= cfg_go ? k_queue[crl_mbox_pkg::CFG_QUEUE_VECTOR_LSB +: 8] : s_vec;
    cfg_ien   <= cfg_go ? k_queue[crl_mbox_pkg::CFG_QUEUE_IEN_LSB] : s_ien;
    gr_we     <= !rst && (gr_go || s_gr_we);
    gr_qid    <= gr_go ? go_data[crl_mbox_pkg::GRANT_GO_QUEUE_LSB +: QW] : s_gr_qid;
    rg_we     <= !rst && (rg_go || s_rg_we);
    rg_qid    <= rg_go ? go_data[crl_mbox_pkg::RANGE_GO_QUEUE_LSB +: QW] : s_rg_qid;
    rg_idx    <= rg_go ? go_data[crl_mbox_pkg::RANGE_GO_INDEX_LSB +: 3] : s_idx;
  end

  logic unused;
  assign unused = &{1'b0, go_data, k_queue, k_size};

endmodule

`default_nettype wire
