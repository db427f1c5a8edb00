// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_ctrl: free writes, fatal and quiet at any time, `started` once for each `start` at any time.
//
// RDY falls only while nothing is outstanding, after `quiesce` was up for a cycle, and rises only by `started` of a start that nobody took back;
// `run` implies all that it promises; `quiesce` once up stays until `start`; no second start before the first is answered; shutdown is
// complete only when it was quiet; a subsystem reset leaves nothing but NSSRO; EN = 0 leads to RDY = 0 within 3 quiet cycles.
`default_nettype none

module fv_crl_nvme_ctrl (
    input wire        clk,
    input wire        rst,
    input wire        wr,
    input wire [3:0]  wr_word,
    input wire [63:0] wr_data,
    input wire [7:0]  wr_strb,
    input wire        started,
    input wire        quiet,
    input wire        fatal
);

  localparam logic [2:0] OFF = 3'd0, START = 3'd1, RUN = 3'd2, BAD = 3'd3, REVOKED = 3'd4, STOP = 3'd5;  // as in the block

  wire [63:0] csts, asq, acq;
  wire [11:0] asqs, acqs;
  wire [31:0] intm;
  wire        start, quiesce, run_i, wrr, ssr, f_en;
  wire [2:0]  state;

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

`ifdef BREAK_QUIET
  wire quiet_i = quiet || (wr && wr_word == 4'd3);   // a fault: a write to CSTS passes for quiet
`else
  wire quiet_i = quiet;
`endif

  crl_nvme_ctrl u_dut (
      .clk, .rst, .wr, .wr_word, .wr_data, .wr_strb, .rd_word(4'd3), .rd_data(csts),
      .start, .started, .quiesce, .quiet(quiet_i), .run(run_i), .asq, .acq, .asqs, .acqs, .wrr, .intm,
      .f_state(state), .f_en, .fatal, .ssr
  );

  wire       rdy   = csts[32];
  wire       cfs   = csts[33];
  wire [1:0] shst  = csts[35:34];
  wire       nssro = csts[36];
`ifdef BREAK_RUN
  wire run = run_i || (rdy && cfs && !quiesce);   // a fault: runs on in spite of a fatal error
`else
  wire run = run_i;
`endif

  // A start that is not answered, and whether EN was 0 or a subsystem reset asked for since.
  reg  owed_q, revoked;
  wire owed = owed_q || start;
  always @* if (started) assume (owed);

  // EN as the host left it; 0 after a subsystem reset.
  reg  en_q;
  wire en = en_q && !ssr;

  reg        p_rst, p_quiet, pp_quiet, p_quiesce, pp_quiesce, p_rdy, p_run, p_wrr, p_started, p_revoked, p_fatal, p_cfs, p_en;
  reg [1:0]  p_shst;
  reg [1:0]  calm;     // cycles with EN = 0 in which it was quiet and no start was owed
  reg [63:0] p_asq, p_acq;
  reg [23:0] p_sizes;

  always @(posedge clk) begin
    owed_q  <= owed && !started && !rst;
    revoked <= (owed_q ? revoked : 1'b0) || (owed && !en);
    en_q    <= rst ? 1'b0 : wr && wr_word == 4'd2 && wr_strb[4] ? wr_data[32] : en;
    if (rst || en || owed || !quiet) calm <= 2'd0;
    else if (calm != 2'd3)           calm <= calm + 2'd1;
    p_rst      <= rst;
    p_quiet    <= quiet;
    pp_quiet   <= p_quiet;   // it counts a cycle later
    p_quiesce  <= quiesce && !rst;
    pp_quiesce <= p_quiesce;
    p_rdy      <= rdy;
    p_run      <= run;
    p_wrr      <= wrr;
    p_started  <= started;
    p_revoked  <= (owed_q ? revoked : 1'b0) || !en;
    p_fatal    <= fatal;
    p_cfs      <= cfs;
    p_shst     <= shst;
    p_en       <= en;
    p_asq      <= asq;
    p_acq      <= acq;
    p_sizes    <= {asqs, acqs};
  end

  always @(posedge clk) if (past_valid) begin
    // What holds the states together.
    assert (state <= STOP && en == f_en);
    assert (owed == (state == START || state == REVOKED));
    if (start) assert (state == START);
    if (state == RUN) assert (rdy);
    else if (state != STOP) assert (!rdy);
    if (state == START && !start) assert (!revoked);
    assert (shst != 2'd3);

    if (p_rst) begin
      assert (csts == 0 && !run && !start && !ssr && quiesce && intm == 0 && asq == 0 && acq == 0 && asqs == 0 && acqs == 0);
    end else begin
      // RDY.
      if (p_rdy && !rdy) assert (pp_quiet && p_quiesce && pp_quiesce && !run);
      if (!p_rdy && rdy) assert (p_started && !p_revoked);
      if (calm == 2'd3) assert (!rdy);

      // quiesce, start.
      if (p_quiesce && !quiesce) assert (start);
      if (start) assert (p_quiesce && !owed_q && !rdy && p_en && asqs != 0 && acqs != 0);
      if (!en) assert (quiesce);

      // Shutdown.
      if (p_shst == 2'd1 && shst == 2'd2) assert (pp_quiet && p_quiesce && pp_quiesce && !owed_q);
      if (shst == 2'd1) assert (quiesce && (p_shst != 2'd2 || !rdy));
      if (p_shst != 2'd0 && shst == 2'd0) assert (!rdy);
      if (shst == 2'd2) assert (quiesce);

      // Fatal, reset.
      if (p_fatal) assert (cfs && !run);
      if (p_cfs && !cfs) assert (pp_quiet && p_quiesce && !rdy);
      if (ssr) assert (pp_quiet && p_quiesce && nssro && !rdy && shst == 0 && cfs == p_fatal && !wrr && !en
                       && intm == 0 && asq == 0 && acq == 0 && asqs == 0 && acqs == 0);

      // What a controller that runs stands on does not change.
      if (p_run && run) assert (wrr == p_wrr && asq == p_asq && acq == p_acq && {asqs, acqs} == p_sizes);
    end
    if (run) assert (rdy && shst == 2'd0 && !cfs && !quiesce && en);
    if (wrr != p_wrr && !p_rst) assert (!run);

    cover (run);
    cover (state == BAD && cfs);
    cover (state == REVOKED);
    cover (state == REVOKED && en);                       // EN set again while the start is owed
    cover (!p_rst && p_rdy && !rdy && !ssr && p_en);      // and while the reset lasts
    cover (!p_rst && p_rdy && !rdy && ssr);
    cover (shst == 2'd1 && state == START);
    cover (shst == 2'd2 && rdy);
    cover (shst == 2'd2 && !en && state == OFF);
    cover (rdy && cfs && !run && en);
    cover (run && nssro);
    cover (run && wrr);
    cover (!p_rst && p_cfs && !cfs && p_rdy);
  end

endmodule

`default_nettype wire
