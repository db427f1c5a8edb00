// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_arb: whose command is fetched next: weighted round robin with urgent class, or round robin over all.
//
// How: a bit a queue for each of: there, stopped, parked, has commands, grant out; together they make it eligible.
//   crl_nvme_arbfind looks for the next queue of a class in three stages that run all the time, crl_nvme_arbcls chooses the class in
//   between. What they find becomes the grant if the port is free, the queue was not stopped or set up in this cycle, and
//   the stages have seen the last grant. Grants out are kept in four places with their class, their g_max and whether
//   'unpark' came since. Commands are taken to be gone when a queue is granted; a ring or d_more from then on brings them back.
// Latency: sq_rung to g_valid 5 cycles. Throughput: a grant in 4 cycles.
// Assumes: wrr changes only while run is 0.
`default_nettype none

module crl_nvme_arb #(
    parameter int QUEUES = 8,   // I/O queue pairs, 1 to 128
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic          clk,
    input  wire logic          rst,        // synchronous, active high

    input  wire logic          cfg_we,     // set-up bus
    input  wire logic [QW-1:0] cfg_qid,
    input  wire logic          cfg_cq,
    input  wire logic          cfg_valid,
    input  wire logic [1:0]    cfg_prio,

    input  wire logic          run,        // level: grants may be given
    input  wire logic          wrr,        // level: weighted round robin with urgent class
    input  wire logic [2:0]    ab,         // burst 2^ab commands, 7: no limit
    input  wire logic [7:0]    hpw,        // weights less one: high,
    input  wire logic [7:0]    mpw,        // medium,
    input  wire logic [7:0]    lpw,        // low

    input  wire logic          sq_rung,    // event: this queue has commands
    input  wire logic [QW-1:0] sq_qid,
    input  wire logic          stop_we,    // event: this queue may not be granted, or may again
    input  wire logic [QW-1:0] stop_qid,
    input  wire logic          stop,
    input  wire logic          unpark,     // event: parked queues may try again

    output logic               g_valid,    // grant
    input  wire logic          g_ready,
    output logic      [QW-1:0] g_qid,
    output logic      [7:0]    g_max,      // commands that may be fetched

    input  wire logic          d_valid,    // event: the fetch is done
    input  wire logic [QW-1:0] d_qid,
    input  wire logic [7:0]    d_cnt,      // commands taken
    input  wire logic          d_more,     // more are there
    input  wire logic          d_park,     // the completion queue has no room for them

    input  wire logic [QW-1:0] g_busy_qid,
    output logic               g_busy      // a grant of that queue is out, from g_valid to d_valid
);

  initial if (QUEUES < 1 || QUEUES > 128) $fatal(1, "crl_nvme_arb: QUEUES must be 1 to 128");

  localparam int OUT = 4;   // grants out

  // ---------------------------------------------------------------------------------------------
  // Queues

  logic [QN-1:0]   there_q, stop_q, park_q, work_q, out_q;
  logic [2*QN-1:0] prio_q, cls;
  logic [QN-1:0]   elig, kill;
  logic            cfg_sq, stopped;          // events: set up, stopped
  logic            take, fall, done;         // a grant shows; falls without being taken; its fetch is done
  logic [QW-1:0]   found_qid;
  logic            done_park;

  assign cfg_sq  = cfg_we && !cfg_cq;
  assign stopped = stop_we && stop;
  assign elig    = there_q & ~stop_q & ~park_q & work_q & ~out_q;
  assign cls     = prio_q & {(2*QN){wrr}};

  always_comb begin
    kill = '0;
    if (cfg_sq)  kill[cfg_qid]  = 1'b1;
    if (stopped) kill[stop_qid] = 1'b1;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      there_q <= '0;
      stop_q  <= '0;
      park_q  <= '0;
      work_q  <= '0;
      out_q   <= '0;
    end else begin
      if (unpark)    park_q <= '0;
      if (done_park) park_q[d_qid] <= 1'b1;
      if (done)      out_q[d_qid]  <= 1'b0;
      if (fall)      out_q[g_qid]  <= 1'b0;
      if (take) begin
        out_q[found_qid]  <= 1'b1;
        work_q[found_qid] <= 1'b0;
      end
      if (fall)           work_q[g_qid]  <= 1'b1;
      if (done && d_more) work_q[d_qid]  <= 1'b1;
      if (sq_rung)        work_q[sq_qid] <= 1'b1;
      if (cfg_sq) begin
        there_q[cfg_qid] <= cfg_valid;
        stop_q[cfg_qid]  <= 1'b0;
        park_q[cfg_qid]  <= 1'b0;
        work_q[cfg_qid]  <= 1'b0;
      end
      if (stop_we) stop_q[stop_qid] <= stop;
    end
    if (cfg_sq) prio_q[2*cfg_qid +: 2] <= cfg_prio;
  end

  // ---------------------------------------------------------------------------------------------
  // Choice

  logic [3:0]    class_any;
  logic          admin_any, b_valid, b_admin, found;
  logic [1:0]    b_cls, c_cls;
  logic [QW-1:0] b_last;
  logic [7:0]    c_max;
  logic [8:0]    give1_q, give2_q, give3_q;

  crl_nvme_arbfind #(.QUEUES(QUEUES)) u_find (
      .clk, .rst, .elig, .kill, .cls, .class_any, .admin_any,
      .b_valid, .b_admin, .b_cls, .b_last, .found, .found_qid
  );

  crl_nvme_arbcls #(.QW(QW)) u_cls (
      .clk, .rst, .ab, .hpw, .mpw, .lpw, .class_any, .admin_any,
      .b_valid, .b_admin, .b_cls, .b_last, .c_cls, .c_max,
      .take, .take_admin(found_qid == '0), .take_qid(found_qid), .give1(give1_q), .give2(give2_q), .give3(give3_q)
  );

  // ---------------------------------------------------------------------------------------------
  // Grant

  logic          hit, g_hit;       // what was found, or is granted, is killed
  logic [1:0]    wait_q;           // until the stages have seen the last grant
  logic [1:0]    g_cls_q;
  logic          slot_free;
  logic          wrr_q;

  assign hit   = (cfg_sq && cfg_qid == found_qid) || (stopped && stop_qid == found_qid);
  assign g_hit = (cfg_sq && cfg_qid == g_qid) || (stopped && stop_qid == g_qid);
  assign take  = found && !hit && run && wait_q == '0 && slot_free && (!g_valid || g_ready);
  assign fall  = g_valid && !g_ready && (g_hit || !run);

  always_ff @(posedge clk) begin
    if (rst) begin
      g_valid <= 1'b0;
      wait_q  <= '0;
    end else begin
      if (take)                 g_valid <= 1'b1;
      else if (g_ready || fall) g_valid <= 1'b0;
      if (take || wrr != wrr_q) wait_q <= 2'd3;
      else if (wait_q != '0)    wait_q <= wait_q - 2'd1;
    end
    wrr_q <= wrr;
    if (take) begin
      g_qid   <= found_qid;
      g_max   <= c_max;
      g_cls_q <= c_cls;
    end
  end

  // ---------------------------------------------------------------------------------------------
  // Grants out

  logic [OUT-1:0]         o_valid_q, o_seen_q, o_done, o_fall, o_new, o_busy;  // o_seen: 'unpark' came since
  logic [OUT-1:0][QW-1:0] o_qid_q;
  logic [OUT-1:0][1:0]    o_cls_q;
  logic [OUT-1:0][7:0]    o_max_q;
  logic [1:0]             done_cls;
  logic [7:0]             done_max, unused_cnt;
  logic                   done_seen;

  assign o_new     = ~o_valid_q & (o_valid_q + 1'b1);   // the lowest that is free
  assign slot_free = o_valid_q != '1;
  assign done      = o_done != '0;
  assign g_busy    = o_busy != '0;
  assign done_park = done && d_park && !done_seen && !unpark;
  assign unused_cnt = done_max - d_cnt;                 // commands that were not taken

  always_comb begin
    done_cls  = '0;
    done_max  = '0;
    done_seen = 1'b0;
    for (int i = 0; i < OUT; i++) begin
      o_done[i] = d_valid && o_valid_q[i] && o_qid_q[i] == d_qid;
      o_fall[i] = fall && o_valid_q[i] && o_qid_q[i] == g_qid;
      o_busy[i] = o_valid_q[i] && o_qid_q[i] == g_busy_qid;
      if (o_done[i]) begin
        done_cls  = done_cls | o_cls_q[i];
        done_max  = done_max | o_max_q[i];
        done_seen = done_seen | o_seen_q[i];
      end
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      o_valid_q <= '0;
      give1_q   <= '0;
      give2_q   <= '0;
      give3_q   <= '0;
    end else begin
      o_valid_q <= (o_valid_q & ~o_done & ~o_fall) | (o_new & {OUT{take}});
      give1_q   <= (done && done_cls == 2'd1 ? {1'b0, unused_cnt} : 9'd0) + (fall && g_cls_q == 2'd1 ? {1'b0, g_max} : 9'd0);
      give2_q   <= (done && done_cls == 2'd2 ? {1'b0, unused_cnt} : 9'd0) + (fall && g_cls_q == 2'd2 ? {1'b0, g_max} : 9'd0);
      give3_q   <= (done && done_cls == 2'd3 ? {1'b0, unused_cnt} : 9'd0) + (fall && g_cls_q == 2'd3 ? {1'b0, g_max} : 9'd0);
    end
    for (int i = 0; i < OUT; i++) begin
      if (take && o_new[i]) begin
        o_qid_q[i]  <= found_qid;
        o_cls_q[i]  <= c_cls;
        o_max_q[i]  <= c_max;
        o_seen_q[i] <= 1'b0;
      end else if (unpark) o_seen_q[i] <= 1'b1;
    end
  end

endmodule

`default_nettype wire
