// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_cplring: indices of the completion rings: reservation, slots, consumer doorbells.
//
// How: all indices are kept modulo the ring's size by a mask per channel. 'taken' runs ahead of
//   the consumer by what is reserved and unconsumed; a ring is full when that is size - 1. An
//   allocation moves it up, a given-back reservation moves it down; cq_ok is worked out for the
//   channel of that operation, and in rotation for the others, which is how doorbells
//   come in. The slot counter has one bit more than an index: it gives the phase.
//   A used slot is written down a cycle later, since whether it is used is known late.
//   A slot for a peer's message (rsv) takes three steps: cq_ok of the channel is taken away, so that the channel itself
//   reserves none; the ring is looked at; the slot is taken, and cq_ok is right again. Nobody waits for it.
// Latency: cq_ok falls in the cycle after the allocation that takes the last slot, and rises within
//   CHANNELS + 5 cycles without allocations after a doorbell. Doorbell to cdb_err 2 cycles. rsv_valid to rsv_done 7 cycles,
//   5 if there is no slot; up to twice that while allocations come every second cycle.
// Assumes: configuration of a channel only while it has no operation, two configurations at least
//   4 cycles apart. Two uses of slots are at least two cycles apart, and in the cycle between rt_* means nothing.
`default_nettype none

module crl_dma_cplring #(
    parameter int CHANNELS = 8,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,          // synchronous, active high

    input  wire logic                cfg_we,       // event
    input  wire logic [CW-1:0]       cfg_ch,
    input  wire logic [3:0]          cfg_log2,     // ring size, 2 to 12
    output logic                     cfg_busy,     // no rt_post and no pub_* in this cycle

    input  wire logic                alloc_valid,  // event: one slot is reserved
    input  wire logic [CW-1:0]       alloc_ch,
    input  wire logic                give_valid,   // one reservation is given back
    output logic                     give_ready,
    input  wire logic [CW-1:0]       give_ch,
    input  wire logic                rsv_valid,    // a slot for a peer's message; stays until rsv_done
    input  wire logic [CW-1:0]       rsv_ch,
    output logic                     rsv_done,     // event
    output logic                     rsv_ok,       // with it: the slot is reserved, else there is none
    output logic      [CHANNELS-1:0] cq_ok,        // a slot can be reserved

    input  wire logic [CW-1:0]       rt_ch,        // asynchronous look-up
    output logic      [11:0]         rt_slot,      // the slot its next entry goes to
    output logic      [11:0]         rt_next,      // the one behind it
    output logic                     rt_phase,
    output logic                     rt_edge,      // the last slot of the ring or of 4 KiB
    input  wire logic                rt_post,      // that slot is used: late

    input  wire logic                pub_prod,     // event: entries up to pub_slot are in memory
    input  wire logic                pub_cons,     // event: consumer of the descriptor ring
    input  wire logic [CW-1:0]       pub_ch,
    input  wire logic [11:0]         pub_slot,     // producer index
    input  wire logic [11:0]         pub_dr_cons,

    input  wire logic                cdb_valid,    // event: consumer doorbell
    input  wire logic [CW-1:0]       cdb_ch,
    input  wire logic [15:0]         cdb_val,
    output logic                     cdb_err_valid,// event: out of range, ignored
    output logic      [CW-1:0]       cdb_err_ch,

    input  wire logic [CW-1:0]       rd_ch,        // asynchronous read-out
    output logic      [11:0]         rd_cq_prod,
    output logic      [11:0]         rd_cq_cons,
    output logic      [11:0]         rd_dr_cons
);

  logic [CHANNELS-1:0] known_q;   // configured since reset
  logic [CHANNELS-1:0] zero_q;    // consumer index is 0, whatever the RAM says
  logic                cfg_q;     // indices are being cleared
  logic                clear_q;   // 'taken' waits to be cleared
  logic [CW-1:0]       cfg_ch_q;
  logic [9:0]          cfg_mask;  // bits 11:2 of size - 1; bits 1:0 are set in every size

  always_comb begin
    for (int i = 0; i < 10; i++) cfg_mask[i] = 32'(cfg_log2) > i + 2;
  end

  assign cfg_busy = cfg_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      known_q <= '0;
      cfg_q   <= 1'b0;
    end else begin
      cfg_q <= cfg_we;
      if (cfg_we) known_q[cfg_ch] <= 1'b1;
    end
    if (cfg_we) cfg_ch_q <= cfg_ch;
  end

  // What is written of the slots used, a cycle later
  logic          post_q, cfg2_q;
  logic [CW-1:0] post_ch_q;
  logic [11:0]   post_next_q;
  logic [12:0]   post_count_q;

  // ---------------------------------------------------------------------------------------------
  // Consumer doorbell

  logic          cdb_q, cdb_ok;
  logic [CW-1:0] cdb_ch_q;
  logic [15:0]   cdb_val_q;
  logic [9:0]    cdb_mask_hi;
  logic [11:0]   cdb_mask, cdb_prod, cdb_stored, cdb_cons;
  logic          past_cons, upto_prod, wrapped;  // at or behind the one, at or before the other; the other has gone round

  crl_ram_lut #(.W(10), .DEPTH(CHANNELS)) u_mask_cdb (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata(cfg_mask), .raddr(cdb_ch_q), .rdata(cdb_mask_hi)
  );
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_cons_cdb (
      .clk, .we(cdb_ok), .waddr(cdb_ch_q), .wdata(cdb_val_q[11:0]),
      .raddr(cdb_ch_q), .rdata(cdb_stored)
  );
  // Slots used, not those published: software that polls the phase sees an entry before its response is here.
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_prod_cdb (
      .clk, .we(post_q || cfg2_q), .waddr(post_ch_q), .wdata(post_next_q), .raddr(cdb_ch_q), .rdata(cdb_prod)
  );

  assign cdb_mask  = {cdb_mask_hi, 2'b11};
  assign cdb_cons  = zero_q[cdb_ch_q] ? '0 : cdb_stored;
  assign past_cons = cdb_val_q[11:0] >= cdb_cons;
  assign upto_prod = cdb_val_q[11:0] <= cdb_prod;
  assign wrapped   = cdb_prod < cdb_cons;
  assign cdb_ok    = cdb_q && known_q[cdb_ch_q] && (cdb_val_q & ~{4'd0, cdb_mask}) == '0 &&
                     (wrapped ? past_cons || upto_prod : past_cons && upto_prod);

  always_ff @(posedge clk) begin
    if (rst) begin
      cdb_q         <= 1'b0;
      cdb_err_valid <= 1'b0;
      zero_q        <= '1;
    end else begin
      cdb_q         <= cdb_valid;
      cdb_err_valid <= cdb_q && !cdb_ok;
      if (cdb_ok) zero_q[cdb_ch_q] <= 1'b0;
      if (cfg_we) zero_q[cfg_ch] <= 1'b1;
    end
    cdb_ch_q   <= cdb_ch;
    cdb_val_q  <= cdb_val;
    cdb_err_ch <= cdb_ch_q;
  end

  // ---------------------------------------------------------------------------------------------
  // Reservation: one operation a cycle, allocations first

  // What is not an allocation is chosen a cycle ahead, and waits while there is one.
  localparam logic [1:0] R_IDLE = 2'd0, R_BLOCK = 2'd1, R_LOOK = 2'd2, R_TAKE = 2'd3;
  logic [1:0]    rs_q;    // a slot for a peer's message
  logic [CW-1:0] rs_ch_q;
  logic          next_rsv_q, pick_rsv, tk_look, tk_take, tk_mine;
  logic [1:0]    turn_q;  // one cycle in four the rotation goes before what is given back
  logic          next_clear_q, next_give_q;
  logic [CW-1:0] next_ch_q, rot_q, tk_ch;
  logic          tk_clear, tk_give;
  logic [9:0]    tk_mask_hi;
  logic [11:0]   tk_taken, tk_new, tk_stored, tk_cons, tk_used;
  logic [10:0]   tk_ones;
  logic          tk_full;

  assign give_ready = give_valid && !alloc_valid && !clear_q && turn_q != '0;
  assign tk_clear   = next_clear_q && !alloc_valid;
  assign tk_give    = next_give_q && !alloc_valid;
  assign pick_rsv   = rs_q[1] && !next_rsv_q && !clear_q && !give_ready;
  assign tk_look    = next_rsv_q && !alloc_valid && rs_q == R_LOOK;
  assign tk_take    = next_rsv_q && !alloc_valid && rs_q == R_TAKE;
  assign tk_mine    = rs_q != R_IDLE && tk_ch == rs_ch_q;

  assign tk_ch  = alloc_valid ? alloc_ch : next_ch_q;
  // One adder: +1, -1 or 0.
  assign tk_new = tk_clear ? '0 : tk_taken + {{11{tk_give}}, tk_give || tk_take || alloc_valid};

  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_taken (
      .clk, .we(alloc_valid || tk_clear || tk_give || tk_take), .waddr(tk_ch), .wdata(tk_new),
      .raddr(tk_ch), .rdata(tk_taken)
  );
  crl_ram_lut #(.W(10), .DEPTH(CHANNELS)) u_mask_tk (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata(cfg_mask), .raddr(tk_ch), .rdata(tk_mask_hi)
  );
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_cons_tk (
      .clk, .we(cdb_ok), .waddr(cdb_ch_q), .wdata(cdb_val_q[11:0]), .raddr(tk_ch), .rdata(tk_stored)
  );

  assign tk_cons = zero_q[tk_ch] ? '0 : tk_stored;
  // Full afterwards, worked out from what was used before: all ones (size - 1), or one less if this
  // is an allocation. Who gives back, or is cleared, is not full.
  assign tk_used = tk_taken - tk_cons;
  assign tk_ones = tk_used[11:1] | ~{tk_mask_hi, 1'b1};
  assign tk_full = tk_ones == '1 && tk_used[0] != (alloc_valid || tk_take) && !tk_give && !tk_clear;

  always_ff @(posedge clk) begin
    if (rst) begin
      turn_q  <= '0;
      rot_q   <= '0;
      clear_q <= 1'b0;
      next_clear_q <= 1'b0;
      next_give_q  <= 1'b0;
      next_rsv_q   <= 1'b0;
      rs_q     <= R_IDLE;
      rsv_done <= 1'b0;
      cq_ok   <= '0;
    end else begin
      turn_q <= turn_q + 1'b1;
      if (!alloc_valid) begin
        next_clear_q <= clear_q;
        next_give_q  <= give_ready;
        next_rsv_q   <= pick_rsv;
        if (!clear_q && !give_ready && !pick_rsv) rot_q <= 32'(rot_q) == CHANNELS - 1 ? '0 : rot_q + 1'b1;
      end
      if (cfg_we)            clear_q <= 1'b1;
      else if (!alloc_valid) clear_q <= 1'b0;
      if (!tk_mine || tk_take) cq_ok[tk_ch] <= known_q[tk_ch] && !tk_full;
      if (rs_q == R_IDLE && rsv_valid && !rsv_done) begin
        cq_ok[rsv_ch] <= 1'b0;
        rs_q          <= R_BLOCK;
      end
      if (rs_q == R_BLOCK) rs_q <= R_LOOK;   // an allocation that still saw cq_ok is counted now
      if (tk_look) rs_q <= known_q[tk_ch] && !tk_full ? R_TAKE : R_IDLE;
      if (tk_take) rs_q <= R_IDLE;
      rsv_done <= tk_take || (tk_look && !(known_q[tk_ch] && !tk_full));
      if (cfg_we) cq_ok[cfg_ch] <= 1'b0;
    end
    rsv_ok <= tk_take;
    if (rs_q == R_IDLE) rs_ch_q <= rsv_ch;
    if (rst)               next_ch_q <= '0;
    else if (!alloc_valid) next_ch_q <= clear_q ? cfg_ch_q : give_ready ? give_ch : pick_rsv ? rs_ch_q : rot_q;
  end

  // ---------------------------------------------------------------------------------------------
  // Slots

  logic [9:0]  rt_mask_hi;
  logic [11:0] rt_mask;
  logic [12:0] rt_count, rt_count_next;

  crl_ram_lut #(.W(10), .DEPTH(CHANNELS)) u_mask_rt (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata(cfg_mask), .raddr(rt_ch), .rdata(rt_mask_hi)
  );
  crl_ram_lut #(.W(13), .DEPTH(CHANNELS)) u_count (
      .clk, .we(post_q || cfg2_q), .waddr(post_ch_q), .wdata(post_count_q), .raddr(rt_ch), .rdata(rt_count)
  );

  // A configuration clears a cycle behind cfg_busy, so it doesn't meet a use.
  always_ff @(posedge clk) begin
    if (rst) begin
      post_q <= 1'b0;
      cfg2_q <= 1'b0;
    end else begin
      post_q <= rt_post;
      cfg2_q <= cfg_q;
    end
    post_ch_q    <= cfg_q ? cfg_ch_q : rt_ch;
    post_next_q  <= cfg_q ? 12'd0 : rt_next;
    post_count_q <= cfg_q ? 13'd0 : rt_count_next;
  end

  assign rt_mask       = {rt_mask_hi, 2'b11};
  assign rt_count_next = rt_count + 1'b1;
  assign rt_slot       = rt_count[11:0] & rt_mask;
  assign rt_next       = rt_count_next[11:0] & rt_mask;
  // The bit above the index; an even pass has phase 1.
  assign rt_phase      = (rt_count & {rt_mask, 1'b1} & ~{1'b0, rt_mask}) == '0;
  // 256 entries are 4 KiB; a smaller ring ends where its own bits are all ones.
  assign rt_edge       = (rt_count[7:0] | ~rt_mask[7:0]) == '1;

  // ---------------------------------------------------------------------------------------------
  // Read-out

  logic [11:0] rd_prod, rd_cons, rd_dr;

  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_prod_rd (
      .clk, .we(pub_prod || cfg_q), .waddr(cfg_q ? cfg_ch_q : pub_ch),
      .wdata(cfg_q ? 12'd0 : pub_slot), .raddr(rd_ch), .rdata(rd_prod)
  );
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_cons_rd (
      .clk, .we(cdb_ok), .waddr(cdb_ch_q), .wdata(cdb_val_q[11:0]), .raddr(rd_ch), .rdata(rd_cons)
  );
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_dr_cons (
      .clk, .we(pub_cons || cfg_q), .waddr(cfg_q ? cfg_ch_q : pub_ch),
      .wdata(cfg_q ? 12'd0 : pub_dr_cons), .raddr(rd_ch), .rdata(rd_dr)
  );

  assign rd_cq_prod = known_q[rd_ch] ? rd_prod : '0;
  assign rd_cq_cons = zero_q[rd_ch] ? '0 : rd_cons;
  assign rd_dr_cons = known_q[rd_ch] ? rd_dr : '0;

endmodule

`default_nettype wire
