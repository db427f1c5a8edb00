// SPDX-License-Identifier: Apache-2.0
//
// crl_link_ctl: link state, the agreement of both ends on a new session, time-outs.
//
// How: DOWN drops everything and waits until the node holds nothing of the old session; CLEAR resets
//   counters and RAMs; HAND exchanges EPOCH frames until both ends know of each other; UP.
//   Each session of a side has a nonce: its number, which resets leave alone, and the time. An EPOCH frame carries the sender's
//   nonce, the peer's nonce if it was heard, and the sender's parameters. A side is UP when the peer has
//   repeated its nonce. The peer's nonce changing while UP means that the peer began anew: DOWN.
//   All other frames carry 'session', the sum of both numbers. Of two pairs of sessions that could hear each other one is not
//   older at either end, so sums tell pairs apart, and both ends have the same one. A wire may keep any order.
// Time-outs: nothing good heard for 3 keep-alive times, or no progress with frames not
//   acknowledged for 4 of them (a NAK is repeated 8 times in that time): DOWN.
`default_nettype none

module crl_link_ctl #(
    parameter int CHANNELS         = 8,
    parameter int LINK_MTU         = 1024,
    parameter int RX_SHARED        = 24,
    parameter int KEEPALIVE_CYCLES = 4096,
    parameter bit READ_EN          = 1     // told to the peer
) (
    input  wire logic         clk,
    input  wire logic         rst,
    input  wire logic         cfg_enable,
    input  wire logic [7:0]   cfg_node,
    input  wire logic [7:0]   cfg_peer_node,
    input  wire logic [15:0]  cfg_epoch,
    input  wire logic         pin_up,       // synchronised
    input  wire logic         quiet,        // nothing of the old session is left
    output logic              up,
    output logic              peer_reads,   // the peer answers READ (while up)
    output logic [15:0]       session,      // in all frames but EPOCH (while up)
    output logic              flush,        // level: drop everything
    output logic              clear,        // level: back to the start
    // receiver
    input  wire logic         heard,        // event: a good frame
    input  wire logic         ep_valid,     // event: it is an EPOCH frame
    input  wire logic [127:0] ep_ops,
    // sender
    output logic              epoch_due,
    output logic      [127:0] epoch_ops,
    input  wire logic         did_epoch,    // event
    input  wire logic         did_any,      // event: some frame was started
    input  wire logic         busy,         // one is being sent
    input  wire logic         unacked,      // frames sent and not acknowledged
    input  wire logic         progress,     // event: some were acknowledged
    input  wire logic         news,         // an acknowledgement or credit waits to be sent
    input  wire logic         urgent,
`ifdef FORMAL
    output logic [31:0]       fv_nonce, fv_peer, fv_c_nonce,  // for the proof of sessions
    output logic [1:0]        fv_state,
    output logic              fv_heard, fv_swept, fv_c_fits, fv_c_new, fv_c_echo,
    output logic              fv_lost, fv_still,   // for the proof of the time-outs
    output logic [$clog2(4 * KEEPALIVE_CYCLES + 1)-1:0] fv_silent, fv_stuck, fv_sent,
`endif
    output logic              idle_due
);

  localparam int NEWS_WAIT   = 64;                     // cycles that an acknowledgement may wait
  localparam int PROBE       = KEEPALIVE_CYCLES / 16;  // silence with frames not acknowledged
  localparam int IDLE_AFTER  = KEEPALIVE_CYCLES / 2;   // silence of our own: a lost IDLE does no harm, even to a peer of a faster clock
  localparam int HEARD_LIMIT = 3 * KEEPALIVE_CYCLES;
  localparam int STUCK_LIMIT = 4 * KEEPALIVE_CYCLES;
  localparam int TW = $clog2(STUCK_LIMIT + 1);
  localparam int SWEEP = CHANNELS + 16;
  localparam int CW = $clog2(SWEEP + 1);

  initial begin
    if (KEEPALIVE_CYCLES < 256) $fatal(1, "crl_link_ctl: KEEPALIVE_CYCLES must be at least 256");
  end

  localparam logic [1:0] DOWN = 2'd0, CLEAR = 2'd1, HAND = 2'd2, UP = 2'd3;

  logic [1:0]    state_q;
  logic          up_q, flush_q, clear_q;
  logic [15:0]   count_q;         // number of the session; no reset, so that a session never meets its own past
  logic [15:0]   time_q, stamp_q; // and the time at which it began, for the case that the count was lost with the supply
  logic [31:0]   nonce, peer_q;
  logic [15:0]   session_q;       // sum of the counts at both ends
  logic          heard_q;         // peer_q is valid
  logic          due_q;
  logic [CW-1:0] sweep_q;
  logic [31:0]   cfg_q;           // set-up of this session
  logic [31:0]   cfg_now;

  initial {count_q, time_q} = {16'd0, 16'd1};

  assign cfg_now = {cfg_epoch, cfg_node, cfg_peer_node};
  assign nonce   = {count_q, stamp_q};
  assign session = session_q;
  assign up      = up_q;
  assign flush   = flush_q;
  assign clear   = clear_q;

  // ---- operands of EPOCH frames
  // 31:0 nonce, 63:32 the peer's nonce as heard, 64 it was heard, 65 the sender is UP,
  // 79:72 CHANNELS, 95:80 LINK_MTU, 111:96 RX_SHARED, 112 the sender answers READ.
  localparam logic [39:0] PARAMS = {16'(RX_SHARED), 16'(LINK_MTU), 8'(CHANNELS)};

  logic        c_fits_q, c_new_q, c_echo_q, c_up_q, c_reads_q;
  logic [31:0] c_nonce_q;
  logic        e_fits, e_new, e_echo, e_up, taking;
  logic [31:0] e_nonce, known;

  assign epoch_ops = {15'd0, READ_EN, PARAMS, 6'd0, state_q == UP, heard_q, heard_q ? peer_q : 32'd0, nonce};
  assign e_nonce   = ep_ops[31:0];
  assign e_fits    = ep_valid && ep_ops[111:72] == PARAMS;
  // The frame before may just be taken: then its nonce is the known one.
  assign taking    = c_fits_q && (state_q == HAND || state_q == UP);
  assign known     = taking ? c_nonce_q : peer_q;
  assign e_new     = !(heard_q || taking) || e_nonce != known;
  assign e_echo    = ep_ops[64] && ep_ops[63:32] == nonce;
  assign e_up      = ep_ops[65];

  logic unused;
  assign unused = &{1'b0, ep_ops[127:113], ep_ops[71:66]};

  // The comparison of the EPOCH frame is registered.
  always_ff @(posedge clk) begin
    c_new_q   <= e_new;
    c_echo_q  <= e_echo;
    c_up_q    <= e_up;
    c_reads_q <= ep_ops[112];
    c_nonce_q <= e_nonce;
    time_q    <= time_q + 1'b1;
  end

  // ---- timers
  logic [TW-1:0] silent_q;   // since a good frame was heard (UP)
  logic [TW-1:0] stuck_q;    // since progress
  logic [TW-1:0] sent_q;     // since a frame was sent
  logic [6:0]    news_q;     // news has waited, the transmitter idle
  logic          lost_q, still_q, chain_q;
  logic          did_q;      // did_any, one cycle later: keeps its path short

  assign epoch_due = due_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      silent_q <= '0;
      stuck_q  <= '0;
      sent_q   <= '0;
      news_q   <= '0;
      lost_q   <= 1'b0;
      still_q  <= 1'b0;
      chain_q  <= 1'b0;
      did_q    <= 1'b0;
      idle_due <= 1'b0;
    end else begin
      silent_q <= heard || !up_q ? '0 : silent_q + 1'b1;
      lost_q   <= up_q && silent_q == TW'(HEARD_LIMIT);
      stuck_q  <= progress || !up_q || !unacked ? '0 : stuck_q + 1'b1;
      still_q  <= up_q && stuck_q == TW'(STUCK_LIMIT);
      sent_q   <= busy ? '0 : sent_q == TW'(IDLE_AFTER) ? sent_q : sent_q + 1'b1;
      news_q   <= busy || !news ? '0 : news_q[6] ? news_q : news_q + 1'b1;
      did_q    <= did_any;
      // Once an IDLE has gone for news, the rest of the news follows without delay.
      if (did_q) chain_q <= news_q[6] || urgent || chain_q;
      else if (!news && !busy) chain_q <= 1'b0;
      idle_due <= up_q && !busy
                  && ((news && (news_q == 7'(NEWS_WAIT) || urgent || chain_q))
                      || (unacked && sent_q >= TW'(PROBE))
                      || sent_q == TW'(IDLE_AFTER));
    end
  end

  // ---- state
  logic fall, swept;

  assign swept = sweep_q == CW'(SWEEP);
  assign fall = !cfg_enable || !pin_up || cfg_q != cfg_now || lost_q || still_q
                || (state_q == UP && c_fits_q && c_new_q);

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q  <= DOWN;
      up_q     <= 1'b0;
      flush_q  <= 1'b1;
      clear_q  <= 1'b0;
      heard_q  <= 1'b0;
      due_q    <= 1'b0;
      c_fits_q <= 1'b0;
      sweep_q  <= '0;
    end else begin
      c_fits_q <= e_fits;
      if (state_q == DOWN) begin
        heard_q <= 1'b0;
        due_q   <= 1'b0;
        sweep_q <= '0;
        cfg_q   <= cfg_now;
        if (cfg_enable && pin_up && quiet) begin
          state_q <= CLEAR;
          clear_q <= 1'b1;
          count_q <= count_q + 1'b1;
        end
      end else if (state_q == CLEAR) begin
        stamp_q <= time_q;
        // Long enough for every RAM word, and for a frame that was reserved while the link fell.
        sweep_q <= swept ? sweep_q : sweep_q + 1'b1;
        if (swept && quiet) begin
          state_q <= HAND;
          clear_q <= 1'b0;
          flush_q <= 1'b0;
          due_q   <= 1'b1;
        end
      end else if (fall) begin
        state_q <= DOWN;
        up_q    <= 1'b0;
        flush_q <= 1'b1;
        due_q   <= 1'b0;
      end else begin
        if (did_epoch) due_q <= 1'b0;
        else if (state_q == HAND && sent_q == TW'(PROBE)) due_q <= 1'b1;
        if (c_fits_q) begin
          peer_q  <= c_nonce_q;
          session_q  <= c_nonce_q[31:16] + count_q;
          peer_reads <= c_reads_q;
          heard_q <= 1'b1;
          if (state_q == HAND && c_echo_q) begin
            state_q <= UP;
            up_q    <= 1'b1;
          end
          // Answer whoever has not come up yet.
          if (state_q == HAND || !c_up_q) due_q <= 1'b1;
        end
      end
    end
  end

`ifdef FORMAL
  assign {fv_nonce, fv_peer, fv_c_nonce, fv_state} = {nonce, peer_q, c_nonce_q, state_q};
  assign {fv_heard, fv_swept, fv_c_fits, fv_c_new, fv_c_echo} = {heard_q, sweep_q != '0, c_fits_q, c_new_q, c_echo_q};
  assign {fv_lost, fv_still, fv_silent, fv_stuck, fv_sent} = {lost_q, still_q, silent_q, stuck_q, sent_q};
`endif

endmodule

`default_nettype wire
