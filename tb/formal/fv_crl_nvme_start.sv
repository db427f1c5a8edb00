// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_start: starts at any time. Of any queue and range everything was cleared when the admin queues are set up, those in order
// and nothing else; set-ups at most every second cycle; over in time.
`default_nettype none

module fv_crl_nvme_start #(
    parameter int QUEUES = 2,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN),
    localparam int NW    = $clog2(QN + 1)
) (
    input wire        clk,
    input wire        rst,
    input wire        start,
    input wire [63:0] asq,
    input wire [63:0] acq,
    input wire [11:0] asqs,
    input wire [11:0] acqs
);

  (* anyconst *) wire [QW-1:0] f_q;    // looked at
  (* anyconst *) wire [2:0]    f_r;
  (* anyconst *) wire          f_cq;

  wire          busy, done, cfg_we, cfg_cq, cfg_valid, cfg_ien, gr_we, rg_we, act, waits;
  wire [QW-1:0] cfg_qid, cfg_cqid, gr_qid, rg_qid;
  wire [11:0]   cfg_size;
  wire [63:0]   cfg_base;
  wire          cfg_func, gr_blank, rg_blank;
  wire [1:0]    cfg_prio;
  wire [7:0]    cfg_vec;
  wire [2:0]    rg_idx, idx;
  wire [NW-1:0] num;

`ifdef BREAK
  wire go = start;                     // a fault: again while it is at work
`else
  wire go = start && !busy;
`endif

  crl_nvme_start #(.QUEUES(QUEUES), .FUNC_W(1)) u_dut (
      .clk, .rst, .start(go), .asq, .acq, .asqs, .acqs, .busy, .done, .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_size, .cfg_base,
      .cfg_func, .cfg_cqid, .cfg_prio, .cfg_vec, .cfg_ien, .gr_we, .gr_qid, .rg_we, .rg_qid, .rg_idx, .gr_blank, .rg_blank,
      .f_act(act), .f_wait(waits), .f_num(num), .f_idx(idx)
  );

  reg        past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);
  always @* assume (32'(f_q) < QN);

  reg        q_gone, r_gone, g_gone, cfg_q, cq0, sq0, gr_blank_q, rg_blank_q;
  reg [11:0] age;

  always @(posedge clk) begin
    cfg_q <= !rst && cfg_we;
    gr_blank_q <= gr_blank;
    rg_blank_q <= rg_blank;
    age   <= go ? 12'd1 : age + 12'(busy);
    if (rst || go) begin
      q_gone <= 1'b0;
      r_gone <= 1'b0;
      g_gone <= 1'b0;
      cq0    <= 1'b0;
      sq0    <= 1'b0;
    end else begin
      if (cfg_we && !cfg_valid && cfg_qid == f_q && cfg_cq == f_cq) q_gone <= 1'b1;
      if (gr_we && gr_qid == f_q) g_gone <= 1'b1;
      if (rg_we && rg_qid == f_q && rg_idx == f_r) r_gone <= 1'b1;
      if (cfg_we && cfg_valid && cfg_cq)  cq0 <= 1'b1;
      if (cfg_we && cfg_valid && !cfg_cq) sq0 <= 1'b1;
    end
  end

  always @(posedge clk) if (past_valid && !rst) begin
    if (cfg_we) assert (!cfg_q && 32'(cfg_qid) < QN);
    if (rg_we) assert (32'(rg_qid) < QN);
    if (gr_we) assert (32'(gr_qid) < QN);
    if (cfg_we && cfg_valid) begin     // all is cleared, once and for all
      assert (q_gone && r_gone && g_gone && !rg_we && !gr_we);
      assert (cfg_qid == '0 && cfg_func == 1'b0 && cfg_cqid == '0 && cfg_vec == '0 && cfg_prio == '0 && cfg_ien);
      assert (cfg_cq ? cfg_base == acq && cfg_size == acqs && !cq0 && !sq0 : cfg_base == asq && cfg_size == asqs && cq0 && !sq0);
    end
    if (cfg_we && !cfg_valid) assert (!cq0 && !sq0);
    if (done) assert (q_gone && r_gone && g_gone && cq0 && sq0);
    if (!busy) assert (!cfg_we && !gr_we && !rg_we);
    if (done) assert (age <= 12'(10 * QN + 16));
    // Who keeps grants and ranges hears of it a cycle ahead.
    if (gr_we) assert (gr_blank_q);
    if (rg_we) assert (rg_blank_q && rg_blank);
    cover (done);
`ifndef BREAK
    // Where it is tells what was written (for the induction).
    if (waits) assert (!q_gone && !r_gone && !g_gone && !cq0 && !sq0 && age == 12'd1);
    if (act) assert (32'(num) <= QN && !waits && !done && age == 12'd2 + 12'd8 * 12'(num) + 12'(idx));
    if (act && 32'(num) == QN) assert (idx <= 3'd3);
    if (act) assert (q_gone == (32'(num) > 32'(f_q) || (32'(num) == 32'(f_q) && idx > (f_cq ? 3'd3 : 3'd1))));
    if (act) assert (g_gone == (32'(num) > 32'(f_q) || (32'(num) == 32'(f_q) && idx != '0)));
    if (act) assert (r_gone == (32'(num) > 32'(f_q) || (32'(num) == 32'(f_q) && idx > f_r)));
    if (act) assert (cq0 == (32'(num) == QN && idx > 3'd1) && !sq0);
    if (act) assert (gr_blank_q || !(num == '0 && idx == '0));
    if (act) assert (rg_blank_q || !(num == '0 && idx == '0));
    if (act && 32'(num) < QN && idx == '0) assert (gr_blank_q);
    if (act && 32'(num) < QN) assert (rg_blank_q);
    if (done) assert (!waits && age == 12'd6 + 12'd8 * 12'(QN));
    assert (busy == (act || waits || done));
    if (cfg_q) assert (act ? idx[0] == 1'b0 : done);
`endif
  end

endmodule

`default_nettype wire
