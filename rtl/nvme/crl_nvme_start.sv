// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_start: after CC.EN: no queue is there and nobody has a right; then the admin queues are set up.
//
// How: a counter of queue and range. Of each queue 8 ranges are cleared one a cycle; the grant goes with the first, the SQ with the
//   second and the CQ with the fourth. Then CQ 0 and SQ 0 are set up.
// Latency: start to the first write 3 cycles, so that a set-up of the processor's in the cycle of start is 2 cycles away.
//   start to done 8 · QN + 10 cycles.
// Assumes: asq, acq, asqs, acqs stay from start to done; nobody else writes while busy.
`default_nettype none

module crl_nvme_start #(
    parameter int QUEUES = 8,   // I/O queue pairs, 1 to 128
    parameter int FUNC_W = 8,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN),
    localparam int NW    = $clog2(QN + 1)
) (
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high

    input  wire logic              start,     // event
    input  wire logic [63:0]       asq,       // admin queues
    input  wire logic [63:0]       acq,
    input  wire logic [11:0]       asqs,
    input  wire logic [11:0]       acqs,
    output logic                   busy,      // from the cycle after start
    output logic                   done,      // event

    output logic                   cfg_we,    // set-up bus
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

    output logic                   gr_we,     // grant of gr_qid becomes 0
    output logic      [QW-1:0]     gr_qid,
    output logic                   rg_we,     // likewise its range
    output logic      [QW-1:0]     rg_qid,
    output logic      [2:0]        rg_idx,
    output logic                   gr_blank,  // level: the cycle before any gr_we, to the last one
    output logic                   rg_blank   // likewise for rg_we
`ifdef FORMAL
    , output logic                 f_act      // proofs look at where it is
    , output logic                 f_wait
    , output logic        [NW-1:0] f_num
    , output logic           [2:0] f_idx
`endif
);

  logic          act_q, wait_q;
  logic [NW-1:0] num_q;        // QN: the admin queues
  logic [2:0]    idx_q;
  logic          clear, last;  // queues vanish; the last write

  assign clear = num_q != NW'(QN);
  assign last  = !clear && idx_q == 3'd3;

  always_ff @(posedge clk) begin
    if (rst) begin
      act_q  <= 1'b0;
      wait_q <= 1'b0;
      done   <= 1'b0;
    end else begin
      wait_q <= start;
      if (wait_q)             act_q <= 1'b1;
      else if (act_q && last) act_q <= 1'b0;
      done <= act_q && last;
    end
    idx_q <= act_q ? idx_q + 3'd1 : '0;
    if (!act_q)                      num_q <= '0;
    else if (clear && idx_q == 3'd7) num_q <= num_q + 1'b1;
  end

  assign busy      = wait_q || act_q || done;
  assign cfg_we    = act_q && (idx_q == 3'd1 || idx_q == 3'd3);
  assign cfg_qid   = clear ? num_q[QW-1:0] : '0;
  assign cfg_cq    = idx_q[1] == clear;   // SQ before CQ to clear, CQ before SQ to set up
  assign cfg_valid = !clear;
  assign cfg_size  = cfg_cq ? acqs : asqs;
  assign cfg_base  = cfg_cq ? acq : asq;
  assign cfg_func  = '0;
  assign cfg_cqid  = '0;
  assign cfg_prio  = '0;
  assign cfg_vec   = '0;
  assign cfg_ien   = 1'b1;
  assign gr_we     = act_q && clear && idx_q == '0;
  assign gr_qid    = num_q[QW-1:0];
  assign rg_we     = act_q && clear;
  assign rg_qid    = num_q[QW-1:0];
  assign rg_idx    = idx_q;
  assign gr_blank  = wait_q || (act_q && clear && !(num_q == NW'(QN - 1) && idx_q != '0));
  assign rg_blank  = wait_q || rg_we;

`ifdef FORMAL
  logic f_past_q;

  initial f_past_q = 1'b0;
  assign f_act  = act_q;
  assign f_wait = wait_q;
  assign f_num  = num_q;
  assign f_idx  = idx_q;

  always_ff @(posedge clk) begin
    f_past_q <= 1'b1;
    if (f_past_q && !rst) begin
      if (act_q) assert (32'(num_q) <= QN);
      if (act_q) assert (!wait_q && !done);
      if (act_q && !clear) assert (idx_q <= 3'd3);
      if (!act_q) assert (wait_q || done || !busy);
    end
  end
`endif

endmodule

`default_nettype wire
