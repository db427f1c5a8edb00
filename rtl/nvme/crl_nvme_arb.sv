// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_arb: whose command is fetched next: weighted round robin with urgent class, or round robin over all.
//
// How: a bit a queue for each of: there, stopped, parked, has commands, grant out; together they make it eligible.
//   crl_nvme_arbfind looks for the next queue of a class in three stages that run all the time, crl_nvme_arbcls chooses the class in
//   between. What they find becomes the grant if the port is free, the queue was not stopped or set up in this cycle, and
//   the stages have seen the last grant. Grants out are kept in four places with their class, their g_max and whether
//   'unpark' came since. Commands are taken to be gone when a queue is granted; a ring or d_more from then on brings them back.
//   A ring goes past the stages if nobody is eligible and its queue has no weights. Whether that queue can be granted is looked up
//   a cycle before (so_qid), and counts if nothing happens in that cycle.
// Latency: sq_rung to g_valid 1 cycle past the stages, else 5. Throughput: a grant in 4 cycles.
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

    input  wire logic [QW-1:0] so_qid,     // if sq_rung comes in the next cycle: probably of this queue
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
  logic [QW-1:0]   found_qid, take_qid;
  logic            now;                      // a ring goes past the stages
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
        out_q[take_qid]  <= 1'b1;
        work_q[take_qid] <= 1'b0;
      end
      if (fall)           work_q[g_qid]  <= 1'b1;
      if (done && d_more) work_q[d_qid]  <= 1'b1;
      if (sq_rung && !now) work_q[sq_qid] <= 1'b1;
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
  logic [7:0]    c_max, burst;
  logic [8:0]    give1_q, give2_q, give3_q;

  crl_nvme_arbfind #(.QUEUES(QUEUES)) u_find (
      .clk, .rst, .elig, .kill, .cls, .class_any, .admin_any,
      .b_valid, .b_admin, .b_cls, .b_last, .found, .found_qid
  );

  crl_nvme_arbcls #(.QW(QW)) u_cls (
      .clk, .rst, .ab, .hpw, .mpw, .lpw, .class_any, .admin_any,
      .b_valid, .b_admin, .b_cls, .b_last, .c_cls, .c_max, .burst,
      .take(take && !ring), .now, .take_admin(take_qid == '0), .take_qid, .give1(give1_q), .give2(give2_q), .give3(give3_q)
  );

  // ---------------------------------------------------------------------------------------------
  // Grant

  logic          hit, hit_q;       // what was found may be killed, in this cycle or in the last one: whoever is, it has to come again
  logic          g_hit;            // what is granted is killed
  logic [1:0]    wait_q;           // until the stages have seen the last grant
  logic [1:0]    g_cls_q;
  logic          slot_free, g_free;
  logic          wrr_q;

  // A ring that goes past. Its queue was free to go in the last cycle and had no commands, nor had another; nothing came that could
  // have changed it.
  logic [QN-1:0]   free;
  logic            calm, lone_q, ring;   // ring: it goes past if a grant may be given
  logic [QW-1:0]   lone_qid_q;

  assign free  = there_q & ~stop_q & ~park_q & ~out_q;
  assign calm  = elig == '0 && !cfg_we && !stop_we && !unpark && !d_valid && !sq_rung && !fall;
  assign ring  = sq_rung && lone_q && lone_qid_q == sq_qid && !found && !cfg_we && !stop_we;
  assign now   = ring && g_free;

  always_ff @(posedge clk) begin
    if (rst) lone_q <= 1'b0;
    else     lone_q <= calm && free[so_qid] && (so_qid == '0 || cls[2*so_qid +: 2] == 2'd0);
    lone_qid_q <= so_qid;
  end

  assign hit   = cfg_sq || stopped || hit_q;
  assign g_hit = (cfg_sq && cfg_qid == g_qid) || (stopped && stop_qid == g_qid);
  assign g_free   = run && slot_free && (!g_valid || g_ready);
  assign take     = g_free && (ring || (found && !hit && wait_q == '0));
  assign take_qid = ring ? sq_qid : found_qid;
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
    hit_q <= !rst && (cfg_sq || stopped);
    if (take) begin
      g_qid   <= take_qid;
      g_max   <= ring ? burst : c_max;
      g_cls_q <= ring ? 2'd0 : c_cls;
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
        o_qid_q[i]  <= take_qid;
        o_cls_q[i]  <= ring ? 2'd0 : c_cls;
        o_max_q[i]  <= ring ? burst : c_max;
        o_seen_q[i] <= 1'b0;
      end else if (unpark) o_seen_q[i] <= 1'b1;
    end
  end

`ifdef FORMAL
  // A queue that is chosen is eligible still, whatever came while the stages looked for it.
  logic           f_past_q, f_keep_q;
  logic [QW-1:0]  f_qid_q;
  logic [7:0]     f_max_q;
  logic [QN-1:0]  f_out;      // queues of the places in use
  logic           f_twice;    // two places hold one queue

  initial f_past_q = 1'b0;

  always_comb begin
    f_out   = '0;
    f_twice = 1'b0;
    for (int i = 0; i < OUT; i++) begin
      if (o_valid_q[i]) begin
        f_twice = f_twice || f_out[o_qid_q[i]];
        f_out[o_qid_q[i]] = 1'b1;
      end
    end
  end

  always_ff @(posedge clk) begin
    f_past_q <= 1'b1;
    f_keep_q <= !rst && g_valid && !g_ready && !fall;
    f_qid_q  <= g_qid;
    f_max_q  <= g_max;
    if (f_past_q && !rst) begin
      // What the fetch unit promises: it is done only with what it took.
      if (d_valid && g_valid) assume (d_qid != g_qid);
      if (take && !now) assert (elig[found_qid] && 32'(found_qid) < QN);
      // Past the stages goes who would be eligible in the next cycle, and alone.
      if (now) assert (take && free[sq_qid] && elig == '0 && (sq_qid == '0 || cls[2*sq_qid +: 2] == 2'd0));
      if (g_valid) assert (there_q[g_qid] && !stop_q[g_qid] && !park_q[g_qid] && out_q[g_qid] && g_max != '0 && g_max <= 8'd128);
      if (f_keep_q) assert (g_valid && g_qid == f_qid_q && g_max == f_max_q);
      assert (f_out == out_q && !f_twice);
      if (g_valid) assert (f_out[g_qid]);
    end
  end
`endif

endmodule

`default_nettype wire
