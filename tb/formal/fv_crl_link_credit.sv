// SPDX-License-Identifier: Apache-2.0
//
// Harness for the credits of one direction: crl_link_credit_tx, a wire back that loses returns, and
// crl_link_credit_rx. The node takes when it may, the far side frees what it was given, in any order.
//
// Proved by induction, for every channel c, all modulo 2^N:
//   taken(c) = freed and returned(c) + slots in use(c), at most one of its own and the shared ones;
//   the slots in use of all channels never exceed CHANNELS + SHARED; no credit is negative or lost.
// The two RAMs are followed by shadows; that a RAM keeps what was written is assumed.
`default_nettype none

module fv_crl_link_credit #(
    parameter int SHARED   = 1,
    parameter int D        = 2,     // returns on the way
    parameter int N        = 3,     // bits of a count
    localparam int CH      = 2,
    localparam int UW      = $clog2(SHARED + 2)
) (
    input wire clk,
    input wire rst,
    input wire take,
    input wire take_ch,
    input wire free,
    input wire free_ch,
    input wire cr_take, lose, deliver, refresh
);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;

  // The RAMs are cleared after reset, as crl_link_ctl does it.
  reg [2:0] boot = 0;
  wire clear = boot != 3'd6;
  always @(posedge clk) if (rst) boot <= 0; else if (clear) boot <= boot + 1'b1;
  always @* if (!past_valid) assume (rst);
  always @* if (past_valid) assume (!rst);

  wire [CH-1:0] ok, fv_none;
  wire          bad, fv_take, fv_ret, fv_wait, fv_add, fv_add_ch, fv_ch, fv_wait_ch, news, urgent;
  wire [UW-1:0] fv_used, fv_pool, fv_back;
  wire [N-1:0]    fv_last, fv_cnt, fv_wait_cnt, fv_old, cr_cnt;
  wire [7:0]      cr_ch;
  wire          ret_valid;

  // ---- the wire back
  reg       r_ch  [0:D-1];
  reg [N-1:0] r_cnt [0:D-1];
  reg [2:0] r_n;
  wire      put = cr_take && !lose && !clear && r_n < D;
  assign ret_valid = deliver && r_n != 0 && !clear;

  crl_link_credit_tx #(.CHANNELS(CH), .SHARED(SHARED), .CNT_W(N)) u_tx (
      .clk, .rst, .clear, .take, .take_ch, .ret_valid, .ret_ch({7'd0, r_ch[0]}), .ret_cnt(r_cnt[0]),
      .fv_used, .fv_last, .fv_take, .fv_ret, .fv_wait, .fv_ch, .fv_wait_ch, .fv_cnt, .fv_wait_cnt,
      .fv_pool, .fv_back, .fv_none, .ok, .bad
  );
  crl_link_credit_rx #(.CHANNELS(CH), .URGENT(2), .CNT_W(N)) u_rx (
      .clk, .rst, .clear, .refresh, .free, .free_ch({7'd0, free_ch}), .cr_ch, .cr_cnt,
      .fv_add, .fv_add_ch, .fv_old, .cr_take, .news, .urgent
  );

  // ---- shadows and ghosts
  reg [UW-1:0] used [0:1];
  reg [N-1:0]    last [0:1];     // last count that came back
  reg [N-1:0]    fr   [0:1];     // count at the far side
  reg [N-1:0]    g_take [0:1];   // takes, and frees, since the session began
  reg [N-1:0]    g_free [0:1];
  reg          took;

  wire [N-1:0] n = fv_cnt - last[fv_ch];
  integer i;
  always @(posedge clk) begin
    took <= take;
    if (clear) begin
      took <= 0; r_n <= 0;
      for (i = 0; i < 2; i = i + 1) begin
        used[i] <= 0; last[i] <= 0; fr[i] <= 0; g_take[i] <= 0; g_free[i] <= 0;
      end
    end else begin
      if (take) g_take[take_ch] <= g_take[take_ch] + 1'b1;
      if (free) g_free[free_ch] <= g_free[free_ch] + 1'b1;
      if (fv_add) fr[fv_add_ch] <= fr[fv_add_ch] + 1'b1;
      if (fv_take) used[fv_ch] <= used[fv_ch] + 1'b1;
      else if (fv_ret && n <= used[fv_ch]) begin
        used[fv_ch] <= used[fv_ch] - n[UW-1:0];
        last[fv_ch] <= fv_cnt;
      end
      if (ret_valid) for (i = 0; i + 1 < D; i = i + 1) begin
        r_ch[i] <= r_ch[i+1]; r_cnt[i] <= r_cnt[i+1];
      end
      for (i = 0; i < D; i = i + 1) if (put && r_n - ret_valid == i) begin
        r_ch[i] <= cr_ch[0]; r_cnt[i] <= cr_cnt;
      end
      r_n <= r_n + put - ret_valid;
    end
  end

  // ---- the node and the far side keep their promises; RAMs keep what was written
  always @* begin
    if (clear) assume (!take && !free);
`ifdef BREAK
    if (take) assume (!took);  // takes without a credit
`else
    if (take) assume (ok[take_ch] && !took);
`endif
    if (free) assume (g_free[free_ch] != g_take[free_ch]);
    if (!clear) begin
      assume (fv_used == used[fv_ch] && fv_last == last[fv_ch]);
      assume (fv_old == fr[fv_add_ch] && cr_cnt == fr[cr_ch[0]]);
    end
  end

  // ---- what is proved, and its invariants
  wire [N-1:0] out0 = g_take[0] - g_free[0], out1 = g_take[1] - g_free[1];  // slots really in use
  wire [UW-1:0] over0 = used[0] == 0 ? 0 : used[0] - 1'b1;
  wire [UW-1:0] over1 = used[1] == 0 ? 0 : used[1] - 1'b1;
  integer c, j;
  always @(posedge clk) if (past_valid && !rst && !clear) begin
    assert (!bad);
    assert (out0 <= SHARED + 1 && out1 <= SHARED + 1);
    assert (out0 + out1 <= CH + SHARED);
    for (c = 0; c < 2; c = c + 1) begin
      assert (N'(last[c] + used[c] + (fv_take && fv_ch == c)) == g_take[c]);
      assert (N'(fr[c] + (fv_add && fv_add_ch == c)) == g_free[c]);
      assert (N'(g_take[c] - g_free[c]) <= N'(g_take[c] - last[c]));
      assert (N'(g_free[c] - last[c]) <= N'(g_take[c] - last[c]));
      assert (N'(fr[c] - last[c]) <= N'(g_free[c] - last[c]));
      assert (used[c] <= SHARED + 1);
      assert (fv_none[c] == (used[c] == 0));
    end
    assert (4'(fv_pool) == 4'(over0) + 4'(over1) + 4'(fv_back));
    assert (fv_pool <= SHARED);
    assert (ok == (fv_none | {2{fv_pool < SHARED}}));
    assert (!(fv_take && fv_ret));
    assert (fv_take == took);
    if (fv_take) assert (used[fv_ch] == 0 || fv_pool < SHARED);
    assert (r_n <= D);
    // returns on the way: between what was counted and what is true, oldest first
    if (fv_ret) assert (N'(fv_cnt - last[fv_ch]) <= N'(fr[fv_ch] - last[fv_ch]));
    if (fv_wait) begin
      assert (N'(fv_wait_cnt - last[fv_wait_ch]) <= N'(fr[fv_wait_ch] - last[fv_wait_ch]));
      if (fv_ret && fv_ch == fv_wait_ch)
        assert (N'(fv_cnt - last[fv_ch]) <= N'(fv_wait_cnt - last[fv_ch]));
    end
    for (j = 0; j < D; j = j + 1) if (j < r_n) begin
      assert (N'(r_cnt[j] - last[r_ch[j]]) <= N'(fr[r_ch[j]] - last[r_ch[j]]));
      if (fv_ret && fv_ch == r_ch[j])
        assert (N'(fv_cnt - last[fv_ch]) <= N'(r_cnt[j] - last[fv_ch]));
      if (fv_wait && fv_wait_ch == r_ch[j])
        assert (N'(fv_wait_cnt - last[r_ch[j]]) <= N'(r_cnt[j] - last[r_ch[j]]));
      for (c = 0; c < j; c = c + 1) if (r_ch[c] == r_ch[j])
        assert (N'(r_cnt[c] - last[r_ch[j]]) <= N'(r_cnt[j] - last[r_ch[j]]));
    end
  end

  // ---- witness: the pool was empty, a return was lost, and all credits came back
  reg empty, gone;
  always @(posedge clk) begin
    if (clear) begin
      empty <= 0; gone <= 0;
    end else begin
      if (ok == 0) empty <= 1;
      if (cr_take && lose && news) gone <= 1;
    end
    cover (past_valid && !clear && empty && gone && g_take[0] == 2 && out0 == 0 && out1 == 0
           && used[0] == 0 && used[1] == 0);
  end

endmodule

`default_nettype wire
