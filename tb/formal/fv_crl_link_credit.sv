// SPDX-License-Identifier: Apache-2.0
//
// Harness for the credits of one direction: crl_link_credit_tx at side A, a wire back that loses returns, and
// crl_link_credit_rx at side B. The node takes when it may, the far side frees what it was given, in any order.
//
// Sessions: each side comes up, falls in any cycle, is reset in any cycle, and clears before it comes up again, each on its
//   own, as crl_link_ctl does it. 'sync' tells that what both have done since they were cleared is of one session. What
//   crl_link_session proves is taken over here: a return counts only if it was sent in the session that A is in; one side may be
//   up while the other has moved on, but then nothing passes. Returns of an older session stay on the way and are dropped.
//
// Proved by induction, for every channel c and in every session, all modulo 2^N:
//   taken(c) = freed and returned(c) + freed and on the way back(c) + slots in use or on the way there(c), of these at most one of
//   its own and the shared ones; the slots of all channels never exceed CHANNELS + SHARED, also while the sides are in
//   different sessions; no credit is negative or lost; when both are cleared all are back.
// The two RAMs are followed by shadows; that a RAM keeps what was written, and that clearing reaches every word, is
// assumed in the induction and checked in task 'ram' (a search).
`default_nettype none

module fv_crl_link_credit #(
    parameter int SHARED   = 1,
    parameter int D        = 2,     // returns on the way
    parameter int N        = 3,     // bits of a count
    localparam int CH      = 2,
    localparam int UW      = $clog2(SHARED + 2)
) (
    input wire clk,
    input wire take,
    input wire take_ch,
    input wire free,
    input wire free_ch,
    input wire cr_take, lose, deliver, refresh,
    input wire a_rst, b_rst,
    input wire a_rise, a_fall, a_start, a_stop,   // of side A: comes up, falls, begins to clear, ends it
    input wire b_rise, b_fall, b_start, b_stop,
    input wire joins                              // the other side will be up in the same session, if it comes up
);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (a_rst && b_rst);

  // ---- sides. fresh: cleared, and not up since; dead: reset, and not cleared since
  reg       a_up, a_clear, a_fresh, a_dead, b_up, b_clear, b_fresh, b_dead, sync;
  reg [1:0] a_n, b_n;      // cycles of clearing, at least CHANNELS + 2
  wire      a_rises = a_rise && a_fresh && !a_clear && !a_up;
  wire      b_rises = b_rise && b_fresh && !b_clear && !b_up;

  wire      begins  = joins && !sync && a_fresh && b_fresh && (a_rises || b_rises);

  always @(posedge clk) begin
    a_up    <= !a_rst && (a_up ? !a_fall : a_rises);
    a_clear <= !a_rst && (a_clear ? !(a_stop && a_n == 2'd3) : !a_up && !a_rises && a_start);
    a_n     <= a_clear && !a_rst ? a_n + 2'(a_n != 2'd3) : 2'd0;
    a_fresh <= !a_rst && (a_clear ? a_n == 2'd3 : a_fresh && !a_rises);
    a_dead  <= a_rst || (a_dead && !(a_clear && a_n == 2'd3));
    b_up    <= !b_rst && (b_up ? !b_fall : b_rises);
    b_clear <= !b_rst && (b_clear ? !(b_stop && b_n == 2'd3) : !b_up && !b_rises && b_start);
    b_n     <= b_clear && !b_rst ? b_n + 2'(b_n != 2'd3) : 2'd0;
    b_fresh <= !b_rst && (b_clear ? b_n == 2'd3 : b_fresh && !b_rises);
    b_dead  <= b_rst || (b_dead && !(b_clear && b_n == 2'd3));
    sync    <= !a_rst && !b_rst && !a_clear && !b_clear && (sync || begins);
  end

  wire [CH-1:0]  ok, fv_none;
  wire           bad, fv_take, fv_ret, fv_wait, fv_add, fv_add_ch, fv_ch, fv_wait_ch, news, urgent;
  wire [UW-1:0]  fv_used, fv_pool, fv_back;
  wire [N-1:0]   fv_last, fv_cnt, fv_wait_cnt, fv_old, cr_cnt;
  wire [7:0]     cr_ch;

  // ---- the wire back. Only returns of the session count; those of older ones are on it too.
  reg         r_ch  [0:D-1];
  reg [N-1:0] r_cnt [0:D-1];
  reg         r_now [0:D-1];        // sent in the session that A is in
  reg [2:0]   r_n;
  wire        put  = cr_take && !lose && b_up && r_n < D;
  wire        pop  = deliver && r_n != 0;
`ifdef BREAK_SESSION
  wire        ret_valid = pop && a_up;
`else
  wire        ret_valid = pop && a_up && r_now[0] && sync;
`endif

  crl_link_credit_tx #(.CHANNELS(CH), .SHARED(SHARED), .CNT_W(N)) u_tx (
      .clk, .rst(a_rst), .clear(a_clear), .take, .take_ch, .ret_valid, .ret_ch({7'd0, r_ch[0]}), .ret_cnt(r_cnt[0]),
      .fv_used, .fv_last, .fv_take, .fv_ret, .fv_wait, .fv_ch, .fv_wait_ch, .fv_cnt, .fv_wait_cnt,
      .fv_pool, .fv_back, .fv_none, .ok, .bad
  );
  crl_link_credit_rx #(.CHANNELS(CH), .URGENT(2), .CNT_W(N)) u_rx (
      .clk, .rst(b_rst), .clear(b_clear), .refresh, .free, .free_ch({7'd0, free_ch}), .cr_ch, .cr_cnt,
      .fv_add, .fv_add_ch, .fv_old, .cr_take, .news, .urgent
  );

  // ---- shadows and ghosts
  reg [UW-1:0] used [0:1];
  reg [N-1:0]  last [0:1];     // last count that came back
  reg [N-1:0]  fr   [0:1];     // count at B
  reg [N-1:0]  g_take [0:1];   // takes since A was cleared
  reg [N-1:0]  g_free [0:1];   // frees since B was cleared
  reg [N-1:0]  b_take [0:1];   // takes that B may free: of the session that B is in
  reg [N-1:0]  s_free [0:1];   // g_free and fr as they were when the session that A is in ended at B
  reg [N-1:0]  s_fr   [0:1];
  reg          took;

  wire [N-1:0] n = fv_cnt - last[fv_ch];
  integer i;
  always @(posedge clk) begin
    took <= take && !a_rst && !a_clear;
    if (a_clear || a_rst) begin
      for (i = 0; i < 2; i = i + 1) begin
        used[i] <= 0; last[i] <= 0; g_take[i] <= 0; s_free[i] <= 0; s_fr[i] <= 0;
      end
    end else begin
      if (take) g_take[take_ch] <= g_take[take_ch] + 1'b1;
      if (sync && !b_clear && free) s_free[free_ch] <= s_free[free_ch] + 1'b1;
      if (sync && !b_clear && fv_add) s_fr[fv_add_ch] <= s_fr[fv_add_ch] + 1'b1;
      if (fv_take) used[fv_ch] <= used[fv_ch] + 1'b1;
      else if (fv_ret && n <= used[fv_ch]) begin
        used[fv_ch] <= used[fv_ch] - n[UW-1:0];
        last[fv_ch] <= fv_cnt;
      end
    end
    if (b_clear || b_rst) begin
      for (i = 0; i < 2; i = i + 1) begin
        fr[i] <= 0; g_free[i] <= 0; b_take[i] <= 0;
      end
    end else begin
      if (free) g_free[free_ch] <= g_free[free_ch] + 1'b1;
      if (fv_add) fr[fv_add_ch] <= fr[fv_add_ch] + 1'b1;
      // B was not up in the session before: what A took in it never came.
      if (begins) for (i = 0; i < 2; i = i + 1) b_take[i] <= 0;
      else if (sync && !a_clear && take) b_take[take_ch] <= b_take[take_ch] + 1'b1;
    end
    // A reset takes the rest of the session along; what is on the wire stays on it.
    if (!past_valid) r_n <= 0;
    else begin
      if (pop) for (i = 0; i + 1 < D; i = i + 1) begin
        r_ch[i] <= r_ch[i+1]; r_cnt[i] <= r_cnt[i+1]; r_now[i] <= r_now[i+1] && sync;
      end else for (i = 0; i < D; i = i + 1) r_now[i] <= r_now[i] && sync;
      for (i = 0; i < D; i = i + 1) if (put && r_n - pop == i) begin
        r_ch[i] <= cr_ch[0]; r_cnt[i] <= cr_cnt; r_now[i] <= sync;
      end
      r_n <= r_n + put - pop;
    end
  end

  // ---- the node and the far side keep their promises; RAMs keep what was written
  wire a_holds = !a_clear && !a_dead;
  wire b_holds = !b_clear && !b_dead;
  always @* begin
    // A take may be late: the link has fallen since. It is not so late that A has been cleared in between.
`ifdef BREAK
    if (take && !a_clear) assume (!took && !a_fresh && !a_dead);  // takes without a credit
`else
    if (take && !a_clear) assume (ok[take_ch] && !took && !a_fresh && !a_dead);
`endif
    // Whoever clears has freed all that it was given.
    if (free) assume (b_holds && !b_rst && !b_fresh && g_free[free_ch] != b_take[free_ch]);
  end
  always @(posedge clk) begin
`ifdef RAM
    if (past_valid && a_holds && (fv_take || fv_ret)) assert (fv_used == used[fv_ch] && fv_last == last[fv_ch]);
    if (past_valid && b_holds && fv_add) assert (fv_old == fr[fv_add_ch]);
    if (past_valid && b_holds) assert (cr_cnt == fr[cr_ch[0]]);
`else
    if (a_holds) assume (fv_used == used[fv_ch] && fv_last == last[fv_ch]);
    if (b_holds) assume (fv_old == fr[fv_add_ch] && cr_cnt == fr[cr_ch[0]]);
`endif
  end

  // ---- what is proved, and its invariants
  wire [UW-1:0] over0 = used[0] == 0 ? 0 : used[0] - 1'b1;
  wire [UW-1:0] over1 = used[1] == 0 ? 0 : used[1] - 1'b1;
  wire [N-1:0]  out0 = g_take[0] - s_free[0], out1 = g_take[1] - s_free[1];   // slots in use, as A has to see it
  wire [N-1:0]  in0 = b_take[0] - g_free[0], in1 = b_take[1] - g_free[1];     // and those at B
  integer c, j;
  always @(posedge clk) if (past_valid) begin
    // phases
    if (sync) assert (!a_dead && !b_dead);
    if (a_fresh || a_up) assert (!a_dead);
    if (b_fresh || b_up) assert (!b_dead);
    assert (!(a_up && (a_clear || a_fresh)) && !(b_up && (b_clear || b_fresh)));
    if (a_clear && a_n != 2'd0) assert (!sync);
    if (b_clear && b_n != 2'd0) assert (!sync);
    if (sync && !a_clear && !b_clear) for (c = 0; c < 2; c = c + 1)
      assert (b_take[c] == g_take[c] && s_free[c] == g_free[c] && s_fr[c] == fr[c]);
    assert (r_n <= D);
    if (a_dead) assert (fv_pool == 0 && fv_back == 0 && !fv_take && !fv_ret && !fv_wait);

    if (a_holds) begin
      assert (!bad);
      assert (out0 <= SHARED + 1 && out1 <= SHARED + 1);
      assert (out0 + out1 <= CH + SHARED);
      for (c = 0; c < 2; c = c + 1) begin
        // All that was taken: used is what is not known to be free again, in use or on the way back.
        assert (N'(last[c] + used[c] + (fv_take && fv_ch == c)) == g_take[c]);
        assert (N'(g_take[c] - s_free[c]) + N'(s_free[c] - last[c]) == N'(used[c] + (fv_take && fv_ch == c)));
        assert (N'(g_take[c] - s_free[c]) <= N'(g_take[c] - last[c]));
        assert (N'(s_free[c] - last[c]) <= N'(g_take[c] - last[c]));
        assert (N'(s_fr[c] - last[c]) <= N'(s_free[c] - last[c]));
        assert (used[c] <= SHARED + 1);
        assert (fv_none[c] == (used[c] == 0));
        if (a_fresh) assert (g_take[c] == 0 && s_free[c] == 0 && used[c] == 0 && ok[c]);
      end
      assert (4'(fv_pool) == 4'(over0) + 4'(over1) + 4'(fv_back));
      assert (fv_pool <= SHARED);
      assert (ok == (fv_none | {2{fv_pool < SHARED}}));
      assert (!(fv_take && fv_ret));
      assert (fv_take == took);
      if (fv_take) assert (used[fv_ch] == 0 || fv_pool < SHARED);
      if (a_fresh) assert (!fv_take && !fv_ret && !fv_wait && fv_back == 0 && fv_pool == 0);
      // returns that A has taken: between what was counted and what is true, oldest first
      if (fv_ret) assert (N'(fv_cnt - last[fv_ch]) <= N'(s_fr[fv_ch] - last[fv_ch]));
      if (fv_wait) begin
        assert (N'(fv_wait_cnt - last[fv_wait_ch]) <= N'(s_fr[fv_wait_ch] - last[fv_wait_ch]));
        if (fv_ret && fv_ch == fv_wait_ch)
          assert (N'(fv_cnt - last[fv_ch]) <= N'(fv_wait_cnt - last[fv_ch]));
      end
      // and those on the way
      if (sync) for (j = 0; j < D; j = j + 1) if (j < r_n && r_now[j]) begin
        assert (N'(r_cnt[j] - last[r_ch[j]]) <= N'(s_fr[r_ch[j]] - last[r_ch[j]]));
        if (fv_ret && fv_ch == r_ch[j])
          assert (N'(fv_cnt - last[fv_ch]) <= N'(r_cnt[j] - last[fv_ch]));
        if (fv_wait && fv_wait_ch == r_ch[j])
          assert (N'(fv_wait_cnt - last[r_ch[j]]) <= N'(r_cnt[j] - last[r_ch[j]]));
        for (c = 0; c < j; c = c + 1) if (r_ch[c] == r_ch[j] && r_now[c])
          assert (N'(r_cnt[c] - last[r_ch[j]]) <= N'(r_cnt[j] - last[r_ch[j]]));
      end
    end
    if (b_holds) begin
      assert (in0 <= SHARED + 1 && in1 <= SHARED + 1);
      assert (in0 + in1 <= CH + SHARED);          // the slots at B, whatever A does meanwhile
      for (c = 0; c < 2; c = c + 1) begin
        assert (N'(fr[c] + (fv_add && fv_add_ch == c)) == g_free[c]);
        if (b_fresh) assert (g_free[c] == 0 && fr[c] == 0 && !fv_add);
      end
    end
  end

  // ---- witness: in a second session the pool was empty, a return was lost, all credits came back;
  //      the session before ended with slots in use and a return on the way, which came into the second one
  reg [1:0] ses;
  reg       empty, gone, open, stale;
  always @(posedge clk) begin
    if (!past_valid) begin
      ses <= 0; empty <= 0; gone <= 0; open <= 0; stale <= 0;
    end else begin
      if (a_rises && joins) ses <= ses + 1'b1;
      if (ses == 1 && a_fall && a_up && out0 != 0) open <= 1;
      if (ses == 2 && open && pop && a_up && !r_now[0]) stale <= 1;
      if (ses == 2 && ok == 0) empty <= 1;
      if (ses == 2 && cr_take && lose && news && b_up) gone <= 1;
    end
    cover (past_valid && a_up && b_up && sync && ses == 2 && empty && gone && stale && g_take[0] == 2 && out0 == 0
           && out1 == 0 && used[0] == 0 && used[1] == 0);
  end

endmodule

`default_nettype wire
