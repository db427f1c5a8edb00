// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_sched: which channel goes next: strict classes, byte-fair weighted deficit round robin
// inside a class, token buckets, minimum service for the management channel.
//
// How: in its turn a channel may send quantum = weight * MAX_BURST_BYTES; it is charged after the
//   fact, and what it took too much is a debt on its next turn. 'Balance' is what the turn that
//   runs has left, or what the next turn will have: it is never 0 or less, because a turn that
//   is spent is refilled at once for the next. So the state of a class is a pointer
//   (after_q: from it on) that stays on the channel whose turn runs (turn_q). A charge that spends
//   a balance outside of a turn (further chunks of a frame, forced service) costs one round:
//   the channel sits out until the pointer has passed it sit_q times. When all eligible
//   channels of the highest class sit out, rounds pass with nobody in them, one in two cycles.
//   Whether a charge has bytes comes late in its cycle, so the pointer moves on in any case and, when the
//   turn is not spent, comes back a cycle later; a pick in that very cycle is put right by
//   'stay'.
//   The picks are counted in windows of 16: in the second half a management channel that has not
//   been picked in this window goes before all classes.
// Latency: elig to pick_* 0 cycles. Throughput: a pick in two cycles.
// Shares and urgency: derived in docs/blocks/sched.md.
// Assumes: exactly one cycle after a pick comes its charge; a charge is at most MAX_BURST_BYTES, all
//   charges of a pick together at most the larger of it and LINK_MTU; charges are at least two cycles apart.
//   elig of a channel that has work stays high while pick_ready is high: what is left of a turn is
//   lost when another channel of the class is picked.
`default_nettype none

module crl_dma_sched #(
    parameter int CHANNELS        = 8,    // 1 to 64
    parameter int MAX_BURST_BYTES = 512,  // power of two, 16 to 2048
    parameter int LINK_MTU        = 1024, // bytes of the largest frame
    localparam int CW             = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,           // synchronous, active high

    input  wire logic [CHANNELS-1:0] elig,          // may be picked, tokens and class apart
    input  wire logic                pick_ready,    // not earlier than a cycle after the charge
    output logic                     pick_valid,
    output logic      [CW-1:0]       pick_ch,
    output logic      [CHANNELS-1:0] pick_sel,      // the same, one-hot; 0 without a pick

    input  wire logic                charge_valid,  // event: a cycle after a pick, or a further chunk
    input  wire logic [CW-1:0]       charge_ch,
    input  wire logic [11:0]         charge_bytes,  // 0 (no data) costs as much as a descriptor ...
    input  wire logic                charge_none,   // ... as does a pick that came to nothing, which is known late

    input  wire logic                cfg_we,        // event
    input  wire logic [CW-1:0]       cfg_ch,
    input  wire logic [1:0]          cfg_class,     // 3 is the highest
    input  wire logic [7:0]          cfg_weight,    // 0 counts as 1
    input  wire logic                cfg_mgmt,      // minimum service
    input  wire logic [15:0]         cfg_rate,      // bytes per 256 cycles, 0: no limit
    input  wire logic [15:0]         cfg_burst,     // depth of the token bucket in bytes

    output logic      [CHANNELS-1:0] wait_arb,      // eligible and not picked, registered
    output logic      [CHANNELS-1:0] wait_rate      // eligible but out of tokens, registered
);

  initial begin
    if (CHANNELS < 1 || CHANNELS > 64) $fatal(1, "crl_dma_sched: CHANNELS must be 1 to 64");
    if (MAX_BURST_BYTES < 16 || MAX_BURST_BYTES > 2048 ||
        (MAX_BURST_BYTES & (MAX_BURST_BYTES - 1)) != 0)
      $fatal(1, "crl_dma_sched: MAX_BURST_BYTES must be a power of two, 16 to 2048");
  end

  localparam int BURST_W   = $clog2(MAX_BURST_BYTES);
  localparam int SIT_W     = LINK_MTU > MAX_BURST_BYTES ? $clog2(LINK_MTU / MAX_BURST_BYTES + 1) : 1;
  localparam int BW        = 8 + BURST_W + 1;  // balance minus one, signed
  localparam int NO_DATA   = MAX_BURST_BYTES < 32 ? MAX_BURST_BYTES : 32;  // cost without data
  localparam int WINDOW_W  = 4;                // log2 of the picks in a window

  logic [CHANNELS-1:0][1:0]       cls_q;
  logic [CHANNELS-1:0]            mgmt_q, known_q;
  logic [CHANNELS-1:0]            after_q, after_d;  // from the pointer of its class on
  logic [CHANNELS-1:0]            turn_q, turn_d;    // its turn runs
  logic [CHANNELS-1:0]            kept_q, kept_d;    // its balance is in the RAM, else a quantum
  logic [CHANNELS-1:0][SIT_W-1:0] sit_q, sit_d;
  logic [CHANNELS-1:0]            skip_d, hold_d, busy_d;
  logic [CHANNELS-1:0]            served_q, force_now;
  logic [WINDOW_W-1:0]            window_q;
  logic [CHANNELS-1:0]            tok, tok_d, picked;
  logic                           pick, pick_q, pick_turn_q;
  logic                           stall, pass_q;
  logic [1:0]                     stall_cls, pass_cls_q;
  logic [CW-1:0]                  first_ch;          // by the order of the last cycle
  logic [CHANNELS-1:0]            first_sel;

  assign pick = pick_valid && pick_ready;

  // ---------------------------------------------------------------------------------------------
  // Minimum service

  assign force_now = mgmt_q & ~served_q & {CHANNELS{window_q[WINDOW_W-1]}};

  always_comb begin
    picked = '0;
    if (pick) picked[pick_ch] = 1'b1;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      served_q <= '0;
      window_q <= '0;
    end else if (pick) begin
      window_q <= window_q + 1'b1;
      served_q <= window_q == '1 ? '0 : served_q | picked;
    end
  end

  // ---------------------------------------------------------------------------------------------
  // Charge: compare in the first cycle, write the balance back in the second

  logic [7:0]          weight_rd;
  logic [11:0]         cost;
  logic [BW-1:0]       fresh, stored, balance, left;  // fresh: a quantum, less one
  logic                in_turn;
  logic                wr_q, wr_turn_q, spent_q;      // second cycle
  logic [CW-1:0]       wr_ch_q;
  logic [BW-1:0]       wr_left_q, wr_fresh_q, wr_data;

  crl_ram_lut #(.W(8), .DEPTH(CHANNELS)) u_weight (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata(cfg_weight == '0 ? 8'd0 : cfg_weight - 8'd1),
      .raddr(charge_ch), .rdata(weight_rd)
  );
  crl_ram_lut #(.W(BW), .DEPTH(CHANNELS)) u_balance (
      .clk, .we(wr_q), .waddr(wr_ch_q), .wdata(wr_data), .raddr(charge_ch), .rdata(stored)
  );

  // A weight is stored less one, like a balance.
  assign fresh   = {1'b0, known_q[charge_ch] ? weight_rd : 8'd0, {BURST_W{1'b1}}};
  assign balance = kept_q[charge_ch] ? stored : fresh;
  assign cost    = charge_bytes == '0 ? 12'(NO_DATA) : charge_bytes;
  assign left    = charge_none ? balance - BW'(NO_DATA) : balance - BW'(cost);
  assign in_turn = pick_turn_q || turn_q[charge_ch];

  assign spent_q = wr_left_q[BW-1];
  assign wr_data = spent_q ? wr_left_q + wr_fresh_q + 1'b1 : wr_left_q;

  always_ff @(posedge clk) begin
    wr_ch_q    <= charge_ch;
    wr_turn_q  <= in_turn;
    wr_left_q  <= left;
    wr_fresh_q <= fresh;
  end

  // ---------------------------------------------------------------------------------------------
  // Rounds

  logic [1:0]          charge_cls;
  logic                charge_after;
  logic [CHANNELS-1:0] over_d, over_q;  // has tokens, and comes before wr_ch_q whatever the round says
  logic [CHANNELS-1:0] wr_here;         // one-hot of wr_ch_q
  logic [CHANNELS-1:0] again_d, again_q;  // the same, if it has tokens
  logic                stay, wr_go_q;                 // wr_go_q: wr_q and wr_turn_q

  assign charge_cls   = cls_q[charge_ch];
  assign charge_after = after_q[charge_ch];

  always_comb begin : p_round
    logic me, mine, passed, back;
    after_d = after_q;
    turn_d  = turn_q;
    kept_d  = kept_q;
    sit_d   = sit_q;
    for (int c = 0; c < CHANNELS; c++) begin
      me         = CW'(c) == charge_ch;
      mine       = charge_valid && cls_q[c] == charge_cls;
      passed     = after_q[c] == charge_after ? CW'(c) < charge_ch : after_q[c];
      wr_here[c] = CW'(c) == wr_ch_q;
      back       = wr_q && wr_here[c];
      over_d[c]  = tok_d[c] && (force_now[c] || cls_q[c] > charge_cls);
      again_d[c] = me && tok_d[c] && !busy_d[c];
      if (mine && in_turn)        after_d[c] = CW'(c) > charge_ch;
      else if (back && wr_turn_q) after_d[c] = !spent_q;
      if (back && wr_turn_q)      turn_d[c] = !spent_q;
      // A turn that another one's turn ends is over, and what was left of it is lost.
      if (mine && pick_turn_q && turn_q[c]) begin
        turn_d[c] = 1'b0;
        kept_d[c] = 1'b0;
      end
      if (charge_valid && me) kept_d[c] = 1'b1;
      if (back && !wr_turn_q && spent_q && sit_q[c] != '1)
        sit_d[c] = sit_q[c] + 1'b1;
      else if (sit_q[c] != '0 && ((mine && pick_turn_q && passed) ||
                                  (pass_q && cls_q[c] == pass_cls_q)))
        sit_d[c] = sit_q[c] - 1'b1;
      if (cfg_we && CW'(c) == cfg_ch) kept_d[c] = 1'b0;
      skip_d[c] = sit_d[c] != '0;
      // Whether a further chunk costs a round shows in its second cycle: no pick until then.
      // So does whether it has tokens left.
      hold_d[c] = (charge_valid && !pick_q && !in_turn && me) || busy_d[c];
    end
  end

  // The turn of the channel that was charged in the last cycle goes on.
  assign stay = wr_go_q && !spent_q && |(again_q & elig) && (over_q & elig) == '0;

  assign pick_ch  = stay ? wr_ch_q : first_ch;
  assign pick_sel = stay ? wr_here : first_sel;

  always_ff @(posedge clk) begin
    if (rst) begin
      after_q     <= '0;
      turn_q      <= '0;
      kept_q      <= '0;
      sit_q       <= '0;
      wr_q        <= 1'b0;
      wr_go_q     <= 1'b0;
      pick_q      <= 1'b0;
      pick_turn_q <= 1'b0;
      pass_q      <= 1'b0;
    end else begin
      after_q     <= after_d;
      turn_q      <= turn_d;
      kept_q      <= kept_d;
      sit_q       <= sit_d;
      wr_q        <= charge_valid;
      wr_go_q     <= charge_valid && in_turn;
      pick_q      <= pick;
      pick_turn_q <= pick && !force_now[pick_ch];
      pass_q      <= pick_ready && stall && !pass_q && !wr_q;
    end
    over_q     <= over_d;
    again_q    <= again_d;
    pass_cls_q <= stall_cls;
  end

  // ---------------------------------------------------------------------------------------------
  // Configuration that is needed for all channels at once

  always_ff @(posedge clk) begin
    if (rst) begin
      cls_q      <= '0;
      mgmt_q     <= '0;
      known_q <= '0;
    end else if (cfg_we) begin
      cls_q[cfg_ch]      <= cfg_class;
      mgmt_q[cfg_ch]     <= cfg_mgmt;
      known_q[cfg_ch] <= 1'b1;
    end
  end

  crl_dma_tokens #(.CHANNELS(CHANNELS)) u_tokens (
      .clk, .rst,
      .charge_valid, .charge_ch, .charge_bytes(charge_none ? 12'd0 : charge_bytes),
      .cfg_we, .cfg_ch, .cfg_rate, .cfg_burst, .known(known_q),
      .busy_d, .tok_d, .tok
  );

  crl_dma_pick #(.CHANNELS(CHANNELS)) u_pick (
      .clk, .elig, .tok_d, .skip_d, .hold_d, .after_d,
      .force_d(force_now), .cls(cls_q),
      .pick_valid, .pick_ch(first_ch), .pick_sel(first_sel), .stall, .stall_cls
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      wait_arb  <= '0;
      wait_rate <= '0;
    end else begin
      wait_arb  <= elig & tok & ~picked;
      wait_rate <= elig & ~tok;
    end
  end

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset: nothing holds of what registers are before it

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    if (rst) begin
      begun_q <= 1'b1;
    end else if (begun_q) begin
      if (pick) assert (elig[pick_ch]);
      if (pick_valid) assert (pick_sel == CHANNELS'(1) << pick_ch);
      if (pick_q) assert (charge_valid && !pick_ready);
      if (charge_valid) assert ((charge_none || 32'(charge_bytes) <= MAX_BURST_BYTES) && !wr_q);
    end
  end
`endif

endmodule

`default_nettype wire
