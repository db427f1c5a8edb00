// SPDX-License-Identifier: Apache-2.0
//
// crl_axi_wr_arb: which client of crl_axi_wr has the write channel.
//
// How: the grant comes from registers. It is the client in park_q or, when that one has nothing,
//   the completion or MSI-X client in alt_q, who was seen waiting a cycle ago. The next choice is
//   made while a burst ends or nobody is served. Data clients take turns and go first; a
//   completion or an MSI-X message waits for at most AGE data bursts and one burst of the other. Who has begun is counted
//   a cycle later. While nobody has anything the grant goes ahead to a client that will soon.
// Latency: 0 for the client that had the channel last or said that it comes, 1 for another one. No cycle is lost between
//   bursts when the next client waits already.
// Assumes: a client that is valid stays so until it is served, or a lock holds it back.
`default_nettype none

module crl_axi_wr_arb #(
    parameter int N_DATA = 2,     // data clients; behind them completions and MSI-X
    localparam int N     = N_DATA + 2
) (
    input  wire logic         clk,
    input  wire logic         rst,    // synchronous, active high
    input  wire logic [N-1:0] valid,  // clients that have a beat, and may send it
    input  wire logic [N-1:0] soon,   // clients that will perhaps be valid before long
    input  wire logic [N-1:0] waits,  // clients that have a beat: what is held back by a lock grows older
    input  wire logic         beat,   // a beat of the granted one is taken
    input  wire logic         ends,   // and it is the last of its burst
    output logic      [N-1:0] gnt,    // one-hot
    output logic      [N-1:0] may,    // gnt, or nothing to send: for a ready that follows no other client's valid
    output logic              hold    // within a burst
);

  localparam int CPL     = N_DATA;
  localparam int MSI     = N_DATA + 1;
  localparam int AGE     = 32;
  localparam int DATA_IW = N_DATA > 1 ? $clog2(N_DATA) : 1;

  logic               hold_q;
  logic [N-1:0]       park_q, next, others, ahead;
  logic [1:0]         alt_q;                 // {MSI-X, completions}
  logic               use_alt, served, free, choose, start, data_start, is_data;
  logic [N_DATA-1:0]  data_gnt;
  logic [DATA_IW-1:0] data_idx;
  logic               data_any;
  logic [1:0]         rest;                  // who goes when no data waits
  logic               msi_turn, msi_turn_q;  // MSI-X before completions
  logic               data_start_q;          // in the last cycle a data burst began ...
  logic [1:0]         rest_start_q;          // ... one of MSI-X, of completions
  logic [5:0]         cpl_age_q, msi_age_q;  // data bursts they have waited for
  logic               cpl_must, msi_must, cpl_waits, msi_waits;
  logic               unused;

  assign use_alt    = !hold_q && alt_q != '0 && (valid & park_q) == '0;
  assign gnt        = use_alt ? {alt_q, {N_DATA{1'b0}}} : park_q;
  // Who is parked at loses the grant to alt_q only while it has nothing.
  assign may        = park_q | (use_alt ? {alt_q, {N_DATA{1'b0}}} : '0);
  assign hold       = hold_q;
  assign is_data    = gnt[N_DATA-1:0] != '0;
  assign served     = (gnt & valid) != '0;
  assign start      = beat && !hold_q;
  assign data_start = start && is_data;

  // Among those that are not served in this cycle.
  assign others   = valid & ~gnt;
  assign cpl_must = others[CPL] && cpl_age_q >= 6'(AGE - 2);
  assign msi_must = others[MSI] && msi_age_q >= 6'(AGE - 2);
  assign cpl_waits = waits[CPL] && !(gnt[CPL] && (valid[CPL] || hold_q));
  assign msi_waits = waits[MSI] && !(gnt[MSI] && (valid[MSI] || hold_q));
  assign msi_turn = rest_start_q[0] || (msi_turn_q && !rest_start_q[1]);
  assign rest[0]  = others[CPL] && !(msi_turn && others[MSI]);
  assign rest[1]  = others[MSI] && !rest[0];
  assign free     = !hold_q && !served;
  // A data client that has just ended may have more: it stays, unless others must go first.
  assign ahead    = (soon & gnt) == '0 ? soon & (~soon + 1'b1) : '0;  // no more than one
  assign choose   = free || (ends && (cpl_must || msi_must || data_any || !is_data));
  assign unused   = &{1'b0, data_idx};

  crl_rr_arb #(.N(N_DATA)) u_rr (
      .clk, .rst, .req(others[N_DATA-1:0]), .ack(choose && !cpl_must && !msi_must),
      .gnt(data_gnt), .gnt_idx(data_idx), .gnt_valid(data_any)
  );

  always_comb begin
    if (cpl_must)      next = {2'b01, {N_DATA{1'b0}}};
    else if (msi_must) next = {2'b10, {N_DATA{1'b0}}};
    else if (data_any) next = {2'b00, data_gnt};
    else               next = {rest, {N_DATA{1'b0}}};
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      hold_q     <= 1'b0;
      park_q     <= N'(1);
      alt_q      <= '0;
      msi_turn_q <= 1'b0;
      data_start_q <= 1'b0;
      rest_start_q <= '0;
      cpl_age_q  <= '0;
      msi_age_q  <= '0;
    end else begin
      if (beat) hold_q <= !ends;
      if (choose && next != '0) park_q <= next;
      else if (served)          park_q <= gnt;
      else if (free && ahead != '0) park_q <= ahead;
      alt_q <= ends && !choose ? rest : '0;

      data_start_q <= data_start;
      rest_start_q <= gnt[MSI:CPL] & {2{start}};
      msi_turn_q   <= msi_turn;
      if (!cpl_waits)                                    cpl_age_q <= '0;
      else if (data_start_q && cpl_age_q != 6'(AGE - 1)) cpl_age_q <= cpl_age_q + 1'b1;
      if (!msi_waits)                                    msi_age_q <= '0;
      else if (data_start_q && msi_age_q != 6'(AGE - 1)) msi_age_q <= msi_age_q + 1'b1;
    end
  end

`ifdef FORMAL
  // Data bursts that began while completions or MSI-X waited.
  logic [5:0] g_cpl, g_msi;
  logic       g_locked;     // something was held back since: no bound is promised

  always_ff @(posedge clk) begin
    if (rst || !others[CPL]) g_cpl <= '0;
    else if (data_start)     g_cpl <= g_cpl + 1'b1;
    if (rst || !others[MSI]) g_msi <= '0;
    else if (data_start)     g_msi <= g_msi + 1'b1;
    g_locked <= !rst && (g_locked || waits != valid);
    if (!rst) begin
      assert ((gnt & (gnt - 1'b1)) == '0 && gnt != '0);
      assert ((park_q & (park_q - 1'b1)) == '0 && park_q != '0);
      assert (alt_q != 2'b11 && (alt_q == '0 || (!hold_q && park_q[N_DATA-1:0] != '0)));
    end
    if (!rst && !g_locked && waits == valid) begin
      assert (g_cpl <= 6'(AGE) && g_msi <= 6'(AGE));
      assert (g_cpl <= cpl_age_q + 6'(data_start_q) || cpl_age_q == 6'(AGE - 1));
      assert (g_msi <= msi_age_q + 6'(data_start_q) || msi_age_q == 6'(AGE - 1));
      assert (cpl_age_q < 6'(AGE) && msi_age_q < 6'(AGE));
      // The last data burst that may pass them is under way, or it is their turn.
      if (g_cpl == 6'(AGE) || g_msi == 6'(AGE))
        assert (hold_q || park_q[N_DATA-1:0] == '0);
    end
  end
`endif

endmodule

`default_nettype wire
