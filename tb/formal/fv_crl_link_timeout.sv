// SPDX-License-Identifier: Apache-2.0
//
// Harness for progress: crl_link_ctl and crl_link_seq, everything that happens to them free.
//
// Proved by induction:
//   while frames are not acknowledged, some are within 4 * KEEPALIVE_CYCLES + 1 cycles, or the link is down in the next one;
//   while it is up, a good frame is heard within 3 * KEEPALIVE_CYCLES + 1 cycles, or the link is down in the next one;
//   frames not acknowledged and nothing sent for KEEPALIVE_CYCLES / 16 + 1 cycles: an IDLE frame, which shows a loss, is due;
//   the receiver asks for a lost frame within 2 cycles after the loss showed, again within REPEAT + 2 cycles after a NAK until it comes,
//   and not more often than every REPEAT + 1 cycles: so one frame is replayed a bounded number of times before the link is down.
`default_nettype none

module fv_crl_link_timeout #(
    parameter int K      = 256,         // KEEPALIVE_CYCLES
    parameter int REPEAT = 6
) (
    input wire         clk,
    input wire         rst,
    input wire         enable, pin, quiet, heard, ep_valid, did_epoch, did_any, busy, unacked, progress, news, urgent,
    input wire [31:0]  cfg,
    input wire [127:0] ep_ops,
    input wire         fr_valid, fr_room, hint_valid, clear, nak_sent,
    input wire [3:0]   fr_seq, hint_seq
);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  localparam int TW = $clog2(4 * K + 1);
  wire          up, flush, idle_due, lost, still;
  wire [1:0]    state;
  wire [TW-1:0] silent, stuck, sent;

  crl_link_ctl #(.CHANNELS(1), .LINK_MTU(64), .RX_SHARED(1), .KEEPALIVE_CYCLES(K)) u_ctl (
      .clk, .rst, .cfg_enable(enable), .cfg_node(cfg[7:0]), .cfg_peer_node(cfg[15:8]), .cfg_epoch(cfg[31:16]), .pin_up(pin), .quiet,
      .up, .peer_reads(), .flush, .clear(), .heard, .ep_valid, .ep_ops, .epoch_due(), .epoch_ops(), .did_epoch, .did_any, .busy,
      .unacked, .progress, .news, .urgent, .session(), .fv_nonce(), .fv_peer(), .fv_c_nonce(), .fv_state(state), .fv_heard(),
      .fv_swept(), .fv_c_fits(), .fv_c_new(), .fv_c_echo(), .fv_lost(lost), .fv_still(still), .fv_silent(silent),
      .fv_stuck(stuck), .fv_sent(sent), .idle_due
  );

  // ---- the link falls in time
  localparam int STUCK = 4 * K + 1;
  localparam int HEARD = 3 * K + 1;
  localparam int PROBE = K / 16 + 1;
  reg [TW:0] g_stuck, g_silent, g_idle;   // cycles without a break in which it was so
  always @(posedge clk) begin
    if (rst) begin
      g_stuck <= 0; g_silent <= 0; g_idle <= 0;
    end else begin
      g_stuck  <= up && unacked && !progress ? g_stuck + 1'b1 : 0;
      g_silent <= up && !heard ? g_silent + 1'b1 : 0;
      g_idle   <= !(up && unacked && !busy) ? 0 : g_idle == PROBE ? g_idle : g_idle + 1'b1;
    end
  end
  always @(posedge clk) if (past_valid) begin
    if (up) assert (g_stuck <= STUCK && g_silent <= HEARD);
    if (g_idle == PROBE && up) assert (idle_due);
    // invariants
    assert (up == (state == 2'd3) && flush == !state[1]);
    assert (g_stuck == {1'b0, stuck} && g_silent == {1'b0, silent});
    assert (g_stuck <= 4 * K + 2 && g_silent <= 3 * K + 2);
    if (up && stuck == 4 * K + 1) assert (still);
    if (up && silent == 3 * K + 1) assert (lost);
    assert (stuck != 4 * K + 2 || !up);
    assert (silent != 3 * K + 2 || !up);
    assert (g_idle <= PROBE && 32'(sent) >= 32'(g_idle) && sent <= K / 2);
  end

  // ---- the receiver asks
  wire       fr_accept, nak_due;
  wire [3:0] expected;
  crl_link_seq #(.SEQ_W(4), .REPEAT_CYCLES(REPEAT)) u_seq (
      .clk, .rst, .clear, .fr_valid, .fr_seq, .fr_room, .fr_accept, .hint_valid, .hint_seq, .expected, .fv_gap, .fv_timer, .nak_due,
      .nak_sent
  );
  wire                          fv_gap;
  wire [$clog2(REPEAT + 1)-1:0] fv_timer;
  always @* if (nak_sent) assume (nak_due);

  wire [3:0] ahead_fr   = fr_seq - expected;
  wire [3:0] ahead_hint = hint_seq - expected;
  wire       shows = fr_valid ? !ahead_fr[3] && !fr_accept : hint_valid && !ahead_hint[3] && ahead_hint != 0;
  reg        shown, shown2, asked;       // a loss showed; the same, a cycle later; this gap's NAK has been sent before
  reg [7:0]  since;                      // cycles since a NAK for this gap was due last
  reg        was_due, rose;
  reg [7:0]  open;                       // cycles that a known gap went without one
  wire       closed = rst || clear || fr_accept;
  always @(posedge clk) begin
    shown  <= shows && !closed;
    shown2 <= shown && !closed;
    if (closed) begin
      asked <= 0; since <= 0; open <= 0; was_due <= 0; rose <= 0;
    end else begin
      if (nak_sent) asked <= 1;
      was_due <= nak_due;
      if (nak_due && !was_due) begin
        since <= 1; rose <= 1;
      end else if (since != '1) since <= since + 1'b1;
      open <= nak_due || !fv_gap ? 0 : open + 1'b1;
    end
  end
  always @(posedge clk) if (past_valid) begin
    if (shown2 && !closed) assert (fv_gap);
    if (fv_gap && !asked) assert (nak_due);
`ifdef BREAK
    assert (open <= REPEAT - 2 || nak_due);
`else
    assert (open <= REPEAT + 1 || nak_due);
`endif
    assert (open <= REPEAT + 2);
    assert (fv_timer <= REPEAT);
    if (open != 0 && fv_gap && !nak_due) assert (32'(open) <= 32'(fv_timer) + 1);
    if (nak_due) assert (fv_gap);
    if (rose && nak_due && !was_due) assert (since >= REPEAT + 1);
    if (rose && !(nak_due && !was_due)) assert (32'(since) >= 32'(fv_timer) || since == '1);
    if (was_due && !closed) assert (fv_gap && rose);
    if (asked) assert (rose);
    if (!fv_gap) assert (!rose && !asked);
    if (fv_gap && !rose) assert (nak_due && fv_timer == 0);
  end

  // ---- witness: a NAK went twice for one gap; an IDLE is due because nothing was acknowledged
  reg twice;
  always @(posedge clk) begin
    if (rst) twice <= 0;
    else if (nak_sent && asked) twice <= 1;
    cover (past_valid && twice);
    cover (past_valid && g_idle == PROBE && idle_due && up);
  end

endmodule

`default_nettype wire
