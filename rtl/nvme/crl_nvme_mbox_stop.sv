// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_mbox_stop: the four who stop queues in the arbiter, one event a cycle.
//
// How: the drain goes first, since it waits for the stop; queues that failed wait in two places for it; then the processor, who is held
//   back while his last one waits; then the level of queue 0. That one is up while an admin command is held, the queue has
//   failed, or somebody asked; it is told whenever it differs from what was told last, or the queue was set up.
// Latency: d_we and sqf_valid to stop_we 1 cycle, 2 for a queue that failed behind the drain.
// Assumes: sqf_valid at most every 2nd cycle (crl_nvme_fetch: every 4th), no two d_we in three cycles.
`default_nettype none

module crl_nvme_mbox_stop #(
    parameter int QW = 4
) (
    input  wire logic          clk,
    input  wire logic          rst,        // synchronous, active high

    input  wire logic          d_we,       // event: the drain stops a queue
    input  wire logic [QW-1:0] d_qid,
    input  wire logic          sqf_valid,  // event: an entry of this queue could not be read
    input  wire logic [QW-1:0] sqf_qid,
    input  wire logic          go,         // event: the processor stops a queue, or lets it go on
    input  wire logic [QW-1:0] go_qid,
    input  wire logic          go_stop,
    output logic               go_wait,    // not now
    input  wire logic          held,       // level: admin commands are held
    input  wire logic          set0,       // event: submission queue 0 is set up

    output logic               stop_we,    // event, to the arbiter
    output logic      [QW-1:0] stop_qid,
    output logic               stop
);

  logic          s0_q, s1_q, go_q, go_stop_q;
  logic [QW-1:0] s0_qid_q, s1_qid_q, go_qid_q;
  logic          sq_any, sq_out, go_out, lvl_out;
  logic [QW-1:0] sq_qid;
  logic          fail_q, ask_q, told_q, known_q, level;   // of queue 0
  logic          we, out_stop;
  logic [QW-1:0] qid;

  assign level   = held || fail_q || ask_q;
  assign sq_any  = s0_q || sqf_valid;
  assign sq_qid  = s0_q ? s0_qid_q : sqf_qid;
  assign sq_out  = sq_any && !d_we;
  assign go_out  = go_q && !d_we && !sq_any;
  assign lvl_out = (!known_q || level != told_q) && !d_we && !sq_any && !go_q;
  assign go_wait = go_q;

  always_comb begin
    we       = d_we || sq_out || go_out || lvl_out;
    qid      = '0;
    out_stop = 1'b1;
    if (d_we)        qid = d_qid;
    else if (sq_out) qid = sq_qid;
    else if (go_out) begin
      qid      = go_qid_q;
      out_stop = go_qid_q == '0 ? level : go_stop_q;
    end else out_stop = level;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      s0_q    <= 1'b0;
      s1_q    <= 1'b0;
      go_q    <= 1'b0;
      fail_q  <= 1'b0;
      ask_q   <= 1'b0;
      told_q  <= 1'b0;
      known_q <= 1'b1;
      stop_we <= 1'b0;
    end else begin
      s0_q <= sq_out ? (s0_q && (s1_q || sqf_valid)) : sq_any;
      s1_q <= sq_out ? s0_q && s1_q && sqf_valid : s1_q || (s0_q && sqf_valid);
      if (go)          go_q <= 1'b1;
      else if (go_out) go_q <= 1'b0;

      if (set0) fail_q <= 1'b0;
      else if (sqf_valid && sqf_qid == '0) fail_q <= 1'b1;
      if (set0) ask_q <= 1'b0;
      else if (d_we && d_qid == '0) ask_q <= 1'b1;
      else if (go && go_qid == '0)  ask_q <= go_stop;
      if (we && qid == '0) told_q <= out_stop;
      known_q <= !set0 && (known_q || (we && qid == '0));
      stop_we <= we;
    end
    if (!s0_q || sq_out)           s0_qid_q <= s0_q && s1_q ? s1_qid_q : sqf_qid;
    if (!s1_q || sq_out)           s1_qid_q <= sqf_qid;
    if (go) begin
      go_qid_q  <= go_qid;
      go_stop_q <= go_stop;
    end
    stop_qid <= qid;
    stop     <= out_stop;
  end

endmodule

`default_nettype wire
