// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_irq: interrupts out of completion entries: coalescing, one event a vector, and the pin.
//
// How: an event of the admin queue, of a vector whose coalescing is disabled, or while threshold or time is 0, is an interrupt
//   at once; others go through crl_irq_coalesce, which has the same setting for every vector, written whenever it changes. The pin
//   belongs to vector 0. It comes up with an interrupt of that vector, and falls when the host has consumed all that is known
//   to be in the queues that use it: per queue it is kept how far entries are in memory, and how far they were consumed.
// Source: NVM Express Base 2.0, 3.5 (interrupts), 5.27.1.6 and 5.27.1.7 (coalescing, vector configuration).
// Latency: irq_valid to fire 1 cycle if not coalesced, to line 3; a doorbell to line 3.
// Assumes: a threshold of 256 entries counts as 255.
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

  assign units = 32'(coal_time) * (COALESCE_UNIT_CYCLES / 64);

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

  assign there = 32'(irq_vec) < VECTORS;
  assign off   = there && off_q[irq_vec[VW-1:0]];
  assign later = on_q && !off && irq_qid != '0;

  // Every vector is written in a walk: some rounds of it after reset, one whenever the setting has changed.
  localparam int SLW = VW > 2 ? VW : 2;

  logic [SLW+2:0] init_q;     // its top bit: over
  logic [SLW:0]   walk_q;     // likewise
  logic [23:0]    wrote_q;
  logic           change, walk;

  assign change = wrote_q != {time_q, count_q};
  assign walk   = !walk_q[SLW] && 32'(walk_q[SLW-1:0]) < VECTORS;

  always_ff @(posedge clk) begin
    if (rst)                  init_q <= '0;
    else if (!init_q[SLW+2])  init_q <= init_q + 1'b1;
    if (rst || change)        walk_q <= '0;
    else if (!init_q[SLW+2])  walk_q <= {1'b0, walk_q[SLW-1:0] + 1'b1};
    else if (!walk_q[SLW])    walk_q <= walk_q + 1'b1;
    wrote_q <= {time_q, count_q};
  end

  crl_irq_coalesce #(.CHANNELS(VECTORS), .SRCS(1), .AMT_W(4)) u_coalesce (
      .clk, .rst, .init(!init_q[SLW+2]), .ev_valid(irq_valid && there && later), .ev_ch(irq_vec[VW-1:0]), .ev_amt(irq_cnt),
      .cfg_we({4{walk}}), .cfg_ch(walk_q[VW-1:0]),
      .cfg_data(32'(wrote_q[23:8]) << crl_pkg::CH_IRQ_COALESCE_TIME_LSB | 32'(wrote_q[7:0]) << crl_pkg::CH_IRQ_COALESCE_COUNT_LSB),
      .fire(c_fire), .fire_ch(c_vec)
  );

  always_ff @(posedge clk) begin
    for (int v = 0; v < VECTORS; v++) begin
      fire[v] <= !rst && ((irq_valid && !later && irq_vec == 8'(v)) || (c_fire && c_vec == VW'(v)));
    end
  end

  // --- the pin -------------------------------------------------------------------------------------
  logic [11:0]   posted, consumed;   // of cq_qid, of irq_qid
  logic [QN-1:0] mine_q, some_q;     // queues of the pin; those with entries to be consumed
  logic          any, cause_q;

  crl_ram_clr #(.W(12), .DEPTH(QN)) u_posted (
      .clk, .rst, .clr(cfg_we && cfg_cq), .caddr(cfg_qid), .we(irq_valid), .waddr(irq_qid), .wdata(irq_tail), .raddr(cq_qid), .rdata(posted)
  );
  crl_ram_clr #(.W(12), .DEPTH(QN)) u_consumed (
      .clk, .rst, .clr(cfg_we && cfg_cq), .caddr(cfg_qid), .we(cq_rung), .waddr(cq_qid), .wdata(cq_head), .raddr(irq_qid), .rdata(consumed)
  );

  assign any = (mine_q & some_q) != '0;

  always_ff @(posedge clk) begin
    if (rst) begin
      mine_q  <= '0;
      some_q  <= '0;
      cause_q <= 1'b0;
      line    <= 1'b0;
    end else begin
      // A host may consume what it sees in memory before its response is here: then its head is ahead, and meets the tail later.
      if (cq_rung && cq_head == posted) some_q[cq_qid] <= 1'b0;
      if (irq_valid) some_q[irq_qid] <= irq_tail != (cq_rung && cq_qid == irq_qid ? cq_head : consumed);
      if (cfg_we && cfg_cq) begin
        some_q[cfg_qid] <= 1'b0;
        mine_q[cfg_qid] <= cfg_valid && cfg_ien && cfg_vec == '0;
      end
      if (clr) some_q <= '0;
      cause_q <= any && (cause_q || fire[0]);
      line    <= any && cause_q && !masked;
    end
  end

endmodule

`default_nettype wire
