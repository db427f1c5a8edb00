// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_arb: free set-up, stops, rings, unparks and configuration. The environment keeps the contract: d_valid only for a
// queue whose grant was taken, with no more commands than granted; a queue is set up while nothing of it is under way; wrr
// changes only while run is 0. The harness has its own books of one queue, from the ports alone.
`default_nettype none

module fv_crl_nvme_arb #(
    parameter int QUEUES = 2,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input wire          clk,
    input wire          rst,
    input wire          cfg_we,
    input wire [QW-1:0] cfg_qid,
    input wire          cfg_valid,
    input wire [1:0]    cfg_prio,
    input wire          run,
    input wire          wrr,
    input wire [2:0]    ab,
    input wire [7:0]    hpw,
    input wire [7:0]    mpw,
    input wire [7:0]    lpw,
    input wire [QW-1:0] so_qid,
    input wire          sq_rung,
    input wire [QW-1:0] sq_qid,
    input wire          stop_we,
    input wire [QW-1:0] stop_qid,
    input wire          stop,
    input wire          unpark,
    input wire          g_ready,
    input wire          d_valid,
    input wire [QW-1:0] d_qid,
    input wire [7:0]    d_cnt,
    input wire          d_more,
    input wire          d_park
);

  (* anyconst *) wire [QW-1:0] f_q;   // the queue that is watched

  wire          g_valid, g_busy, q_busy, unused_valid;
  wire [QW-1:0] g_qid;
  wire [7:0]    g_max;

`ifdef BREAK_STOP
  wire stop_i = stop && !g_valid;     // a fault: deaf to a stop while a grant is on offer
`else
  wire stop_i = stop;
`endif
`ifdef BREAK_RING
  wire rung_i = sq_rung && !(q_busy && sq_qid == f_q);   // a fault: rings between grant and d_valid are lost
`else
  wire rung_i = sq_rung;
`endif

  crl_nvme_arb #(.QUEUES(QUEUES)) u_dut (
      .clk, .rst, .cfg_we, .cfg_qid, .cfg_cq(1'b0), .cfg_valid, .cfg_prio, .run, .wrr, .ab, .hpw, .mpw, .lpw,
      .so_qid, .sq_rung(rung_i), .sq_qid, .stop_we, .stop_qid, .stop(stop_i), .unpark, .g_valid, .g_ready, .g_qid, .g_max,
      .d_valid, .d_qid, .d_cnt, .d_more, .d_park, .g_busy_qid(f_q), .g_busy(q_busy)
  );

  reg past_valid = 1'b0;
  reg wrr_q;
  always @(posedge clk) begin
    past_valid <= 1'b1;
    wrr_q      <= wrr;
  end
  always @* begin
    if (!past_valid) assume (rst);
    assume (32'(f_q) < QN && 32'(cfg_qid) < QN && 32'(sq_qid) < QN && 32'(stop_qid) < QN && 32'(d_qid) < QN && 32'(so_qid) < QN);
  end

  // Grants that were taken, of every queue.
  reg [QN-1:0]    taken = '0;
  reg [8*QN-1:0]  most;
  wire            hs = g_valid && g_ready;

  always @(posedge clk) begin
    if (rst) taken <= '0;
    else begin
      if (d_valid) taken[d_qid] <= 1'b0;
      if (hs)      taken[g_qid] <= 1'b1;
    end
    if (hs) most[8*g_qid +: 8] <= g_max;
  end

  always @* begin
    if (d_valid) assume (taken[d_qid] && d_cnt <= most[8*d_qid +: 8] && (d_more || !d_park));
    if (cfg_we) assume (!taken[cfg_qid] && !(hs && g_qid == cfg_qid));
    if (past_valid && !rst && wrr != wrr_q) assume (!run);
  end

  // The watched queue: there, stopped, parked; and commands that no grant has covered. A grant was chosen a cycle before it shows,
  // so a ring of that cycle still counts afterwards, but the first one: its grant is what shows.
  reg       there, stopped, parked, owed, owed_q, unparked;
  reg       shown, d_run, d_kill;
  wire      mine   = g_valid && g_qid == f_q;
  wire      kill   = (cfg_we && cfg_qid == f_q) || (stop_we && stop && stop_qid == f_q);
  wire      fresh  = mine && !shown;        // a grant begins to show
  wire      falls  = mine && !g_ready && (kill || !run);
  wire      rung   = sq_rung && sq_qid == f_q;
  reg       rung_q;
  wire      over   = d_valid && d_qid == f_q;

  always @(posedge clk) begin
    shown  <= !rst && mine && !g_ready && !kill && run;
    owed_q <= owed;
    rung_q <= !rst && rung && !(cfg_we && cfg_qid == f_q);
    d_kill <= kill;
    d_run  <= run;
    if (rst) begin
      there    <= 1'b0;
      stopped  <= 1'b0;
      parked   <= 1'b0;
      owed     <= 1'b0;
      unparked <= 1'b0;
    end else begin
      if (unpark) unparked <= 1'b1;
      else if (!mine && !taken[f_q]) unparked <= 1'b0;
      if (over) unparked <= 1'b0;
      if (unpark) parked <= 1'b0;
      else if (over && d_park && !unparked) parked <= 1'b1;
      if (fresh) owed <= rung_q && owed_q;            // what was rung before is covered
      if (over && d_more) owed <= 1'b1;
      if (falls) owed <= 1'b1;
      if (rung) owed <= 1'b1;
      if (cfg_we && cfg_qid == f_q) begin
        there   <= cfg_valid;
        stopped <= 1'b0;
        parked  <= 1'b0;
        owed    <= 1'b0;
      end
      if (stop_we && stop_qid == f_q) stopped <= stop;
    end
  end

  // Round robin: grants of other I/O queues while the watched one could have been granted.
  wire      can  = past_valid && !rst && there && !stopped && !parked && owed && !mine && !taken[f_q] && run && !kill && f_q != 0;
  reg [2:0] ready_for;            // cycles; the stages look ahead by four
  reg [3:0] others, waits;
  reg       other_q;
  wire      other = g_valid && !mine && g_qid != 0 && !other_q;

  always @(posedge clk) begin
    other_q <= !rst && g_valid && !g_ready && !(!run);
    if (!can) ready_for <= '0;
    else if (ready_for != 3'd4) ready_for <= ready_for + 1'b1;
    if (!can || ready_for != 3'd4) others <= '0;
    else if (other) others <= others + 1'b1;
    // Nothing else asks, the port takes, places are free: it is granted soon.
    if (!can || g_valid || taken != '0 || sq_rung || stop_we || cfg_we || wrr != wrr_q) waits <= '0;
    else waits <= waits + 1'b1;
  end

`ifndef INSIDE   // only what the block asserts of itself, by induction
  always @(posedge clk) if (past_valid && !rst) begin
    if (mine && !fresh) assert (there && !stopped && !parked);
    if (fresh) assert (there && !stopped && !parked);
    if (d_kill && mine) assert (fresh);     // never the one that was stopped
    assert (q_busy == (mine || taken[f_q]));
    if (g_valid) assert (!taken[g_qid]);    // what the block assumes of d_valid follows from it
    // No ring is lost: a queue that could be granted while nothing else is there is granted.
    if (!wrr) assert (others <= 4'(QUEUES - 1));
`ifdef LONE
    assert (waits <= 4'd6);
`endif
    cover (others == 4'(QUEUES - 1) && fresh);
    cover (waits == 4'd3 && !g_valid);
    cover (falls && kill);
    cover (falls && !kill);
    cover (over && d_park && !unparked && !unpark);
    cover (over && d_park && unparked);
    cover (fresh && wrr && g_max == 8'd3 && ab == 3'd3);
    cover (&taken);
    cover (rung && taken[f_q]);
    cover (fresh && rung_q && !owed_q);
  end
`endif

endmodule

`default_nettype wire
