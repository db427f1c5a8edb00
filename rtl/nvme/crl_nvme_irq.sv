// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_irq: interrupts out of completion entries: coalescing, one event a vector, and the pin.
//
// How: an event of the admin queue, of a vector whose coalescing is disabled, or while threshold or time is 0, is an interrupt
//   at once; others go through crl_irq_coalesce. Its settings are written all the time, a vector a cycle. Where an interrupt at once
//   has told of all that it counts, its own is left out. The pin
//   belongs to vector 0. It comes up with an interrupt of that vector, and falls when the host has consumed all that is known
//   to be in the queues that use it: per queue it is kept how far entries are in memory, and how far they were consumed.
// Source: NVM Express Base 2.0, 3.5 (interrupts), 5.27.1.6 and 5.27.1.7 (coalescing, vector configuration).
// Latency: irq_valid to fire 1 cycle if not coalesced, to line 4; a doorbell to line 4. Some rounds after reset all events are interrupts at once.
// Assumes: a threshold of 256 entries counts as 255; times above 2^22 cycles count as that.
`default_nettype none

module crl_nvme_irq #(
    parameter int QUEUES  = 8,                  // I/O queue pairs, 1 to 128
    parameter int VECTORS = 9,                  // 1 to 129
    parameter int COALESCE_UNIT_CYCLES = 10000, // 100 us, at least 64
    localparam int QN     = QUEUES + 1,
    localparam int QW     = $clog2(QN)
) (
    input  wire logic               clk,
    input  wire logic               rst,        // synchronous, active high
    input  wire logic               clr,        // level, the controller is being reset: nothing to be consumed

    input  wire logic               cfg_we,     // set-up bus
    input  wire logic [QW-1:0]      cfg_qid,
    input  wire logic               cfg_cq,
    input  wire logic               cfg_valid,
    input  wire logic [7:0]         cfg_vec,
    input  wire logic               cfg_ien,

    input  wire logic               irq_valid,  // event: entries are in memory
    input  wire logic [7:0]         irq_vec,
    input  wire logic [QW-1:0]      irq_qid,    // of this CQ,
    input  wire logic [3:0]         irq_cnt,    // so many,
    input  wire logic [11:0]        irq_tail,   // to here
    input  wire logic               cq_rung,    // event: entries were consumed
    input  wire logic [QW-1:0]      cq_qid,
    input  wire logic [11:0]        cq_head,

    input  wire logic [7:0]         coal_thr,   // entries less one
    input  wire logic [7:0]         coal_time,  // units of 100 us
    input  wire logic               vec_we,     // event: coalescing of a vector
    input  wire logic [7:0]         vec_idx,
    input  wire logic               vec_off,    // is disabled
    input  wire logic               masked,     // level: the pin's mask

`ifdef FORMAL
    output logic      [VECTORS-1:0] f_wait,
    output logic      [VECTORS-1:0] f_off,
`endif

    output logic      [VECTORS-1:0] fire,       // events: an interrupt, a bit a vector
    output logic                    line        // pin, level
);

  initial begin
    if (VECTORS < 1 || VECTORS > 129) $fatal(1, "crl_nvme_irq: VECTORS must be 1 to 129");
    if (COALESCE_UNIT_CYCLES < 64) $fatal(1, "crl_nvme_irq: COALESCE_UNIT_CYCLES must be at least 64");
  end

  localparam int VW = VECTORS > 1 ? $clog2(VECTORS) : 1;

  // --- coalescing ----------------------------------------------------------------------------------
  // The setting in the terms of crl_irq_coalesce: entries, units of 64 cycles.
  logic [31:0]        units;
  logic [15:0]        time_q;
  logic [7:0]         count_q;
  logic               on_q;
  logic [VECTORS-1:0] off_q;
  logic               there, off, later, c_fire;
  logic [VW-1:0]      c_vec;

  assign units = (32'(coal_time) * COALESCE_UNIT_CYCLES + 63) >> 6;

  always_ff @(posedge clk) begin
    time_q  <= units > 32'd65535 ? 16'hFFFF : units[15:0];
    count_q <= coal_thr == '1 ? 8'd255 : coal_thr + 8'd1;
    on_q    <= coal_thr != '0 && coal_time != '0;
  end

  always_ff @(posedge clk) begin
    for (int v = 0; v < VECTORS; v++) begin
      if (rst)                               off_q[v] <= 1'b0;
      else if (vec_we && vec_idx == 8'(v)) off_q[v] <= vec_off;
    end
  end

  // A coalescer that is being initialised forgets its events: until that is over none are given to it.
  localparam int SLW = VW > 2 ? VW : 2;

  logic [SLW+2:0] init_q;     // its top bit: over
  logic [SLW-1:0] walk_q;     // vector whose setting is written; never that whose turn it is in the coalescer, which counts from 0
  logic           walk;
  logic [31:0]    setting;

  assign there = 32'(irq_vec) < VECTORS;
  assign off   = there && off_q[irq_vec[VW-1:0]];
  assign later = on_q && !off && irq_qid != '0 && init_q[SLW+2];

  always_ff @(posedge clk) begin
    if (rst)                 init_q <= '0;
    else if (!init_q[SLW+2]) init_q <= init_q + 1'b1;
    walk_q <= rst ? SLW'(2) : walk_q + 1'b1;
  end

  // What still waits when coalescing is disabled leaves at once.
  assign walk    = 32'(walk_q) < VECTORS;
  assign setting = off_q[walk_q[VW-1:0]] ? '0
                 : 32'(time_q) << crl_pkg::CH_IRQ_COALESCE_TIME_LSB | 32'(count_q) << crl_pkg::CH_IRQ_COALESCE_COUNT_LSB;

  crl_irq_coalesce #(.CHANNELS(VECTORS), .SRCS(1), .AMT_W(4)) u_coalesce (
      .clk, .rst, .init(!init_q[SLW+2]), .ev_valid(irq_valid && there && later), .ev_ch(irq_vec[VW-1:0]), .ev_amt(irq_cnt),
      .cfg_we({4{walk}}), .cfg_ch(walk_q[VW-1:0]), .cfg_data(setting), .fire(c_fire), .fire_ch(c_vec)
  );

  // wait_q: the vector has had events since its last interrupt.
  logic [VECTORS-1:0] wait_q, tell;

  always_comb begin
    for (int v = 0; v < VECTORS; v++)
      tell[v] = (irq_valid && !later && irq_vec == 8'(v)) || (c_fire && c_vec == VW'(v) && wait_q[v]);
  end

  always_ff @(posedge clk) begin
    for (int v = 0; v < VECTORS; v++) begin
      fire[v]   <= !rst && tell[v];
      wait_q[v] <= !rst && !tell[v] && (wait_q[v] || (irq_valid && irq_vec == 8'(v)));
    end
  end

  // --- the pin -------------------------------------------------------------------------------------
  // Everything in two steps, each a cycle later, from registers: pointers are looked up, then compared. A host may consume what it sees in memory before its response is here: its head
  // is then ahead of the tail. How deep queues are needn't be known for that: pointers only move forward, by less than a round. Should
  // responses be late by a whole round, the pin may be up without need until the tail meets the head.
  logic          i_q, r_q, c_q, c_mine_q;
  logic [QW-1:0] i_qid_q, r_qid_q, c_qid_q;
  logic [11:0]   i_tail_q, r_head_q;
  logic [11:0]   i_posted, i_consumed, r_posted, r_consumed;
  logic          i2_q, r2_q, c2_q, c2_mine_q, same_q;
  logic [QW-1:0] i2_qid_q, r2_qid_q, c2_qid_q;
  logic [11:0]   i2_tail_q, r2_head_q, i_posted_q, i_consumed_q, r_posted_q, r_consumed_q;
  logic [1:0]    clr_q, fire_q;
  logic          i_some, r_some;
  logic [QN-1:0] mine_q, some_q;     // queues of the pin; those with entries to be consumed
  logic          cause, cause_q;

  always_ff @(posedge clk) begin
    i_q      <= !rst && irq_valid;
    r_q      <= !rst && cq_rung;
    c_q      <= !rst && cfg_we && cfg_cq;
    c_mine_q <= cfg_valid && cfg_ien && cfg_vec == '0;
    i_qid_q  <= irq_qid;
    r_qid_q  <= cq_qid;
    c_qid_q  <= cfg_qid;
    i_tail_q <= irq_tail;
    r_head_q <= cq_head;
    // Second step.
    i2_q      <= !rst && i_q;
    r2_q      <= !rst && r_q;
    c2_q      <= !rst && c_q;
    c2_mine_q <= c_mine_q;
    i2_qid_q  <= i_qid_q;
    r2_qid_q  <= r_qid_q;
    c2_qid_q  <= c_qid_q;
    i2_tail_q <= i_tail_q;
    r2_head_q <= r_head_q;
    same_q    <= i_q && i_qid_q == r_qid_q;
    {i_posted_q, i_consumed_q, r_consumed_q} <= {i_posted, i_consumed, r_consumed};
    r_posted_q <= i_q && i_qid_q == r_qid_q ? i_tail_q : r_posted;   // a tail goes before a head
    clr_q      <= {clr_q[0], clr};
    fire_q     <= rst ? '0 : {fire_q[0], fire[0]};
  end

  crl_ram_clr #(.W(12), .DEPTH(QN)) u_posted_i (
      .clk, .rst, .clr(c_q), .caddr(c_qid_q), .we(i_q), .waddr(i_qid_q), .wdata(i_tail_q), .raddr(i_qid_q), .rdata(i_posted)
  );
  crl_ram_clr #(.W(12), .DEPTH(QN)) u_posted_r (
      .clk, .rst, .clr(c_q), .caddr(c_qid_q), .we(i_q), .waddr(i_qid_q), .wdata(i_tail_q), .raddr(r_qid_q), .rdata(r_posted)
  );
  crl_ram_clr #(.W(12), .DEPTH(QN)) u_consumed_i (
      .clk, .rst, .clr(c_q), .caddr(c_qid_q), .we(r_q), .waddr(r_qid_q), .wdata(r_head_q), .raddr(i_qid_q), .rdata(i_consumed)
  );
  crl_ram_clr #(.W(12), .DEPTH(QN)) u_consumed_r (
      .clk, .rst, .clr(c_q), .caddr(c_qid_q), .we(r_q), .waddr(r_qid_q), .wdata(r_head_q), .raddr(r_qid_q), .rdata(r_consumed)
  );

  // On the way from one pointer to another, the first included, the other not.
  function automatic logic between(input logic [11:0] from, input logic [11:0] at, input logic [11:0] upto);
    between = from < upto ? at >= from && at < upto : at >= from || at < upto;
  endfunction

  // A tail that passes a head leaves something to it; a head that reaches the tail takes the last of it. Tail first.
  assign i_some = (some_q[i2_qid_q] || between(i_posted_q, i_consumed_q, i2_tail_q)) && i_consumed_q != i2_tail_q;
  assign r_some = (same_q ? i_some : some_q[r2_qid_q]) && between(r_consumed_q, r2_head_q, r_posted_q);
  assign cause  = (mine_q & some_q) != '0 && (cause_q || fire_q[1]);

  always_ff @(posedge clk) begin
    if (rst) begin
      mine_q  <= '0;
      some_q  <= '0;
      cause_q <= 1'b0;
      line    <= 1'b0;
    end else begin
      if (i2_q) some_q[i2_qid_q] <= i_some;
      if (r2_q) some_q[r2_qid_q] <= r_some;
      if (c2_q) begin
        some_q[c2_qid_q] <= 1'b0;
        mine_q[c2_qid_q] <= c2_mine_q;
      end
      if (clr_q[1]) some_q <= '0;
      cause_q <= cause;
      line    <= cause && !masked && !clr;
    end
  end

`ifdef FORMAL
  assign f_wait = wait_q;
  assign f_off  = off_q;
`endif

endmodule

`default_nettype wire
