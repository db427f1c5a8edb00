// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_cqask: who asks crl_nvme_cqres for slots, and gives them back: two ways each, with the completion queue of their SQ.
//
// How: the first way (rs_*, rb_*) are events that look their queue up at once; the second (rs2_*, rb2_*) are levels that look it up in a
//   cycle in which the first does not. A request goes into the pipeline three cycles after the one before, at least: the
//   second way's if it is ready and no event waits; an event that meets it waits in a register, for three cycles at most, and
//   so never meets the next one. What is given back waits for the pipeline, the first way's first.
// Latency: rs_valid to ask 0 cycles, 3 at most; rb_valid to bk_valid 1; rs2_valid to ask at most 12, rb2_valid to rb2_ready at most 6.
// Assumes: rs_valid at most every 4th cycle, rb_valid likewise and not in the same cycle; bk_ready at least every 2nd cycle.
`default_nettype none

module crl_nvme_cqask #(
    parameter int QUEUES = 8,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic          clk,
    input  wire logic          rst,        // synchronous, active high

    input  wire logic          cfg_we,     // event: set-up
    input  wire logic [QW-1:0] cfg_qid,
    input  wire logic          cfg_cq,
    input  wire logic [QW-1:0] cfg_cqid,

    input  wire logic          rs_valid,   // event: slots wanted
    input  wire logic [QW-1:0] rs_qid,
    input  wire logic [7:0]    rs_want,
    input  wire logic          rb_valid,   // event: slots go back
    input  wire logic [QW-1:0] rb_qid,
    input  wire logic [7:0]    rb_cnt,
    input  wire logic          rs2_valid,  // level: one slot wanted
    input  wire logic [QW-1:0] rs2_qid,
    input  wire logic          rb2_valid,  // one slot goes back
    output logic               rb2_ready,
    input  wire logic [QW-1:0] rb2_qid,

    input  wire logic          full,       // the pipeline takes none in this cycle
    input  wire logic          fly,        // one of the second way is in the pipeline,
    input  wire logic          fly_end,    // and leaves it
    output logic               ask,        // event: into the pipeline
    output logic               ask_sec,    // of the second way
    output logic      [QW-1:0] ask_cq,
    output logic      [7:0]    ask_want,

    output logic               bk_valid,   // slots go back; stays until bk_ready
    input  wire logic          bk_ready,
    output logic      [QW-1:0] bk_cq,
    output logic      [12:0]   bk_neg      // less so many
`ifdef CRL_GHOST
    , input wire logic [QW-1:0] f_cq       // proofs watch this queue
    , output logic     [12:0]   f_back     // slots of it on their way back
    , output logic     [12:0]   f_now      // that are given back in this cycle
    , output logic              f_wait     // an event waits
    , output logic              f_pend      // something of the watched queue is on its way back
`endif
);

  logic [QW-1:0] l_qid, l_cq, rb_cq_q, rb2_cq_q, h_cq_q, s_cq_q;
  logic          rb_q, rb2_q, h_q, s_have_q;
  logic [12:0]   rb_neg_q;
  logic [7:0]    h_want_q;
  logic          free, rb2_take, s_look, ask_new, ask_held;

  assign free      = !rs_valid && !rb_valid;
  assign rb2_ready = free && !rb2_q;
  assign rb2_take  = rb2_valid && rb2_ready;
  assign s_look    = rs2_valid && free && !rb2_take;
  assign l_qid     = rs_valid ? rs_qid : rb_valid ? rb_qid : rb2_take ? rb2_qid : rs2_qid;

  crl_ram_lut #(.W(QW), .DEPTH(QN)) u_cqid (
      .clk, .we(cfg_we && !cfg_cq), .waddr(cfg_qid), .wdata(cfg_cqid), .raddr(l_qid), .rdata(l_cq)
  );

  assign ask_held = !full && h_q;
  assign ask_sec  = !full && !h_q && rs2_valid && s_have_q && !fly;
  assign ask_new  = !full && !h_q && !ask_sec && rs_valid;
  assign ask      = ask_held || ask_sec || ask_new;
  assign ask_cq   = ask_held ? h_cq_q : ask_sec ? s_cq_q : l_cq;
  assign ask_want = ask_held ? h_want_q : ask_sec ? 8'd1 : rs_want;

  assign bk_valid = rb_q || rb2_q;
  assign bk_cq    = rb_q ? rb_cq_q : rb2_cq_q;
  assign bk_neg   = rb_q ? rb_neg_q : '1;

  always_ff @(posedge clk) begin
    if (rst) begin
      rb_q     <= 1'b0;
      rb2_q    <= 1'b0;
      h_q      <= 1'b0;
      s_have_q <= 1'b0;
    end else begin
      if (rb_valid)      rb_q <= 1'b1;
      else if (bk_ready) rb_q <= 1'b0;
      if (rb2_take)               rb2_q <= 1'b1;
      else if (bk_ready && !rb_q) rb2_q <= 1'b0;
      if (rs_valid)      h_q <= !ask_new;
      else if (ask_held) h_q <= 1'b0;
      s_have_q <= rs2_valid && !fly_end && (s_have_q || s_look);
    end
    if (rb_valid) begin
      rb_cq_q  <= l_cq;
      rb_neg_q <= -{5'd0, rb_cnt};
    end
    if (rb2_take) rb2_cq_q <= l_cq;
    if (rs_valid) begin
      h_cq_q   <= l_cq;
      h_want_q <= rs_want;
    end
    if (s_look) s_cq_q <= l_cq;
  end

`ifdef CRL_GHOST
  assign f_back      = (rb_q && rb_cq_q == f_cq ? -rb_neg_q : 13'd0) + {12'd0, rb2_q && rb2_cq_q == f_cq};
  assign f_now       = l_cq == f_cq ? (rb_valid ? {5'd0, rb_cnt} : {12'd0, rb2_take}) : 13'd0;
  assign f_wait      = h_q;
  assign f_pend      = (rb_q && rb_cq_q == f_cq) || (rb2_q && rb2_cq_q == f_cq);

  // Which cycles are left for an event that waits: it is gone before the next one may come.
  logic       f_past_q;
  logic [3:0] f_age_q, f_rb_age_q;   // since the last rs_valid, rb_valid
  logic       f_full_q;

  initial f_past_q = 1'b0;

  always_ff @(posedge clk) begin
    f_past_q <= 1'b1;
    if (rst) begin
      f_age_q    <= '1;
      f_rb_age_q <= '1;
    end else begin
      f_age_q    <= rs_valid ? '0 : f_age_q == '1 ? '1 : f_age_q + 1'b1;
      f_rb_age_q <= rb_valid ? '0 : f_rb_age_q == '1 ? '1 : f_rb_age_q + 1'b1;
    end
    if (f_past_q && !rst) begin
      if (rs_valid) assume (f_age_q >= 4'd3 && !rb_valid);
      if (rb_valid) assume (f_rb_age_q >= 4'd3);
      assume (32'(l_cq) < QN);
      if (h_q) assert (f_age_q <= 4'd2 && (f_age_q != 4'd2 || !full));
      if (rs_valid) assert (!h_q);
      if (rb_q) assert (f_rb_age_q < 4'd3);
      if (rb_valid) assert (!rb_q);
      if (rb_q) assert (rb_neg_q == '0 || rb_neg_q[12:8] == '1);
      cover (h_q && f_age_q == 4'd2);
      cover (ask_sec && rs_valid);
      cover (rb_q && rb2_q);
    end
  end
`endif

endmodule

`default_nettype wire
