// SPDX-License-Identifier: Apache-2.0
//
// Harness for the agreement on a session: two crl_link_ctl and a wire each way that loses frames and delivers frames more than
// once. Each side is reset, disabled, renumbered or loses its pin in any cycle; all times are free.
//
// A frame on a wire is EPOCH (sender's nonce, the peer's if it was heard), or any other (DATA: frames of REQ and RSP,
//   acknowledgements, credits), which carries as ghosts the pair of nonces of the session it was sent in.
// Assumed: a wire keeps order: a frame may come many times, but not again once a later one has come. A node's counter of
//   nonces does not wrap while frames of before are on a wire (2^32 cycles), and starts again at power-up only with the wires empty.
// Proved by induction: what is accepted was sent in the session that the receiver is in (the same pair of nonces at both ends);
//   both are UP only in one pair; (task 'pair') a side's nonce is greater than all before it, so a pair never comes back.
// Task 'broken_order': without order an old frame is accepted in a new session. Task 'pair': if each frame carried the pair and the
//   receiver compared it, the same holds over a wire that keeps no order at all.
`default_nettype none

module fv_crl_link_session #(
    parameter int D = 2           // frames on each wire
) (
    input wire        clk,
    input wire [1:0]  rst, enable, pin, quiet,            // of each side
    input wire [1:0]  busy, unacked, progress, news, urgent,
    input wire [1:0]  epoch, data,                        // sends one
    input wire [1:0]  lose, deliver, again,               // of the wire that begins at this side
    input wire [1:0]  pick,                               // out of order: which one comes
    input wire [63:0] cfg
);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst == 2'b11);

  wire [1:0]  up, flush, clear, epoch_due, did_epoch, did_data, is_epoch, is_data, ep_valid;
  wire [31:0] nonce [0:1];
  wire [31:0] peer  [0:1];

  fv_link_side #(.D(D)) u_a (
      .clk, .past_valid, .rst(rst[0]), .enable(enable[0]), .pin(pin[0]), .quiet(quiet[0]), .busy(busy[0]), .unacked(unacked[0]),
      .progress(progress[0]), .news(news[0]), .urgent(urgent[0]), .epoch(epoch[0]), .data(data[0]), .cfg(cfg[31:0]),
      .lose(lose[1]), .deliver(deliver[1]), .again(again[1]), .pick(pick[1]),
      .s_put(put[1]), .s_item(item[1]), .s_state(state[1]), .s_nonce(nonce[1]), .s_peer(peer[1]), .s_heard(heard[1]),
      .s_ever(ever[1]), .s_swept(swept[1]),
      .put(put[0]), .item(item[0]), .state(state[0]), .nonce(nonce[0]), .peer(peer[0]), .heard(heard[0]), .ever(ever[0]),
      .swept(swept[0]), .took(took[0]), .stale(stale_a)
  );
  fv_link_side #(.D(D)) u_b (
      .clk, .past_valid, .rst(rst[1]), .enable(enable[1]), .pin(pin[1]), .quiet(quiet[1]), .busy(busy[1]), .unacked(unacked[1]),
      .progress(progress[1]), .news(news[1]), .urgent(urgent[1]), .epoch(epoch[1]), .data(data[1]), .cfg(cfg[63:32]),
      .lose(lose[0]), .deliver(deliver[0]), .again(again[0]), .pick(pick[0]),
      .s_put(put[0]), .s_item(item[0]), .s_state(state[0]), .s_nonce(nonce[0]), .s_peer(peer[0]), .s_heard(heard[0]),
      .s_ever(ever[0]), .s_swept(swept[0]),
      .put(put[1]), .item(item[1]), .state(state[1]), .nonce(nonce[1]), .peer(peer[1]), .heard(heard[1]), .ever(ever[1]),
      .swept(swept[1]), .took(took[1]), .stale(stale)
  );

  wire [1:0]  put, heard, ever, swept, took;
  wire [65:0] item [0:1];
  wire        stale, stale_a;
  wire [1:0]  state [0:1];

  always @(posedge clk) if (past_valid) begin
`ifndef ANY_ORDER
    if (state[0] == 2'd3 && state[1] == 2'd3) assert (peer[0] == nonce[1] && peer[1] == nonce[0]);
`endif
  end

`ifdef WITNESS
  // The searches are short of time: side B falls once, or both do.
  reg [6:0] now = 0;
  reg [1:0] sent = 0;
  always @(posedge clk) begin
    now  <= now + 1'b1;
    sent <= put;
  end
  always @* begin
    assume (rst == {2{!past_valid}} && enable == 2'b11 && quiet == 2'b11 && cfg == '0 && lose == '0 && again == '0);
    assume (unacked == '0 && progress == '0 && news == '0 && urgent == '0 && epoch == 2'b11 && busy == sent);
`ifdef ANY_ORDER
    assume (pin == (now == `WITNESS ? 2'b00 : 2'b11));
    assume (deliver[1] && !pick[1]);     // this wire keeps order
`else
    assume (pin == (now == `WITNESS ? 2'b01 : 2'b11));
    assume (deliver == 2'b11);
`endif
  end
`endif

  // ---- witness: a session in which both took frames, side B begins anew, a second one in which both do
  reg [1:0]  one, two;
  reg [31:0] first [0:1];
  always @(posedge clk) begin
    if (!past_valid) begin
      one <= 0; two <= 0;
    end else begin
      one <= one | took;
      if (took[0] && !one[0]) first[0] <= nonce[0];
      if (took[1] && !one[1]) first[1] <= nonce[1];
      for (int i = 0; i < 2; i = i + 1)
        if (took[i] && one == 2'b11 && nonce[0] != first[0] && nonce[1] != first[1]) two[i] <= 1;
    end
`ifdef ANY_ORDER
    cover (past_valid && stale && took[1]);     // a frame of the session before came, and one of this session is taken
`else
    cover (past_valid && two == 2'b11 && state[0] == 2'd3 && state[1] == 2'd3);
`endif
  end

endmodule

// One side, and the wire that ends there.
module fv_link_side #(
    parameter int D = 2
) (
    input  wire        clk, past_valid,
    input  wire        rst, enable, pin, quiet, busy, unacked, progress, news, urgent, epoch, data,
    input  wire [31:0] cfg,
    input  wire        lose, deliver, again, pick,
    input  wire        s_put,             // the other side sends
    input  wire [65:0] s_item,            // {DATA, the peer was heard, peer's nonce, own nonce}
    input  wire [1:0]  s_state,
    input  wire [31:0] s_nonce, s_peer,
    input  wire        s_heard, s_ever, s_swept,
    output wire        put,
    output wire [65:0] item,
    output wire [1:0]  state,
    output wire [31:0] nonce, peer,
    output wire        heard, ever, swept,
    output wire        took,              // DATA is accepted
    output reg         stale              // DATA of an older session came while UP
);

  localparam logic [1:0] CLEAR = 2'd1, HAND = 2'd2, UP = 2'd3;

  wire         up, flush, clear, epoch_due, peer_reads, idle_due;
  wire [31:0]  fv_free, fv_nonce, fv_c_nonce;
  wire         fv_c_fits, fv_c_new, fv_c_echo;
  wire [127:0] ops;

  // ---- the wire, and the frame in the stage behind the checks
  reg  [65:0] w [0:D-1];
  reg  [2:0]  n;
  reg         d_v, c_v;
  reg  [65:0] d, c;                      // c: the EPOCH frame that crl_link_ctl compares
  wire        come = deliver && n != 0;
  wire        pop  = come && !again;
`ifdef ANY_ORDER
  wire        which = pick && n > 1;
`else
  wire        which = 1'b0;
`endif
  wire [65:0] head = w[which];
  wire        add  = s_put && !lose && n < D;

  // A frame says the receiver's time: acceptance when its checks are over, what rides on it a cycle later.
`ifdef PAIR
  wire mine   = head[31:0] == peer && head[63:32] == nonce;
  wire mine_d = d[31:0] == peer && d[63:32] == nonce;
`else
  wire mine   = 1'b1;
  wire mine_d = 1'b1;
`endif
`ifdef BREAK
  wire take1 = come && head[65] && state[1];        // before the sides have agreed
`else
  wire take1 = come && head[65] && up && mine;      // a frame of REQ or RSP
`endif
  wire take2 = d_v && d[65] && up && mine_d;        // its acknowledgement and credit
  wire ep    = d_v && !d[65];
  assign took = take1;
  always @(posedge clk) stale <= past_valid && (stale || (come && head[65] && up && head[63:32] < nonce));

  integer i;
  always @(posedge clk) begin
    d_v <= come && !rst;
    d   <= head;
    c_v <= ep && !rst;
    c   <= d;
    if (!past_valid) begin
      n <= 0; d_v <= 0; c_v <= 0;
    end else begin
      if (pop) for (i = 0; i + 1 < D; i = i + 1) if (i >= which) w[i] <= w[i+1];
      for (i = 0; i < D; i = i + 1) if (add && n - pop == i) w[i] <= s_item;
      n <= n + add - pop;
    end
  end

  // Parameters of both ends are the same: the receiver's own frame tells them.
  crl_link_ctl #(.CHANNELS(1), .LINK_MTU(64), .RX_SHARED(1), .KEEPALIVE_CYCLES(256)) u_ctl (
      .clk, .rst, .cfg_enable(enable), .cfg_node(cfg[7:0]), .cfg_peer_node(cfg[15:8]), .cfg_epoch(cfg[31:16]),
      .pin_up(pin), .quiet, .up, .peer_reads, .flush, .clear,
      .heard(d_v), .ep_valid(ep), .ep_ops({ops[127:72], 6'd0, 1'b0, d[64:0]}),
      .epoch_due, .epoch_ops(ops), .did_epoch(put && !item[65]), .did_any(put), .busy, .unacked, .progress, .news, .urgent,
      .fv_free, .fv_nonce, .fv_peer(peer), .fv_c_nonce, .fv_state(state), .fv_heard(heard), .fv_swept(swept),
      .fv_c_fits, .fv_c_new, .fv_c_echo, .fv_lost(), .fv_still(), .fv_silent(), .fv_stuck(), .fv_sent(), .idle_due
  );

  // ---- what it sends: EPOCH when it is due, anything else while UP
  assign put  = (epoch && epoch_due) || (data && up);
  assign item = epoch && epoch_due ? {1'b0, ops[64:0]} : {2'b11, peer, nonce};

  reg was;                                // it has heard the other side once, in whatever session
  reg lived;                              // it has had a nonce
  always @(posedge clk) begin
    was   <= past_valid && (was || heard);
    lived <= past_valid && (lived || (state == CLEAR && !rst));
  end
  assign ever  = was || heard;
  assign nonce = lived ? fv_nonce : 32'd0;

  always @* assume (fv_free != '0 && fv_free != '1);   // it starts with 1; no wrap

  // ---- what is proved
  reg [31:0] before;                      // nonce of the session before
  always @(posedge clk) begin
    if (!past_valid) before <= 0;
    else if (state[1]) before <= nonce;
  end
  always @(posedge clk) if (past_valid) begin
    if (take1) assert (head[31:0] == peer && head[63:32] == nonce);
    if (take2) assert (d[31:0] == peer && d[63:32] == nonce);
`ifdef PAIR
    if (state[1] && before != nonce) assert (before < nonce);   // a session's nonce is new
`endif
  end
`ifndef ANY_ORDER
  // ---- invariants
  //   s: the sender's present nonce, r: ours. A frame's nonce is n, the one that it repeats p.
  function automatic logic about(input logic [65:0] f);
    about =
        // not from the future, not older than what was heard
        f[31:0] <= s_nonce && !(s_state == CLEAR && s_swept && f[31:0] == s_nonce)
        && (!ever || peer <= f[31:0])
        // what it repeats was heard by the sender, and is one of ours
        && (!f[64] || (s_ever && f[63:32] <= s_peer))
        && (!f[65] || f[64])
        // in the sender's present session it repeats no less from frame to frame
        && (!(f[64] && f[31:0] == s_nonce && s_state[1]) || s_heard)
        // not EPOCH: its sender was UP, so we have heard it
        && (!f[65] || (ever && peer == f[31:0]))
        // we are UP: what comes from the same session of the sender repeats our nonce
        && (!(state == UP && f[31:0] == peer) || (f[64] && f[63:32] == nonce));
  endfunction
  // x is in front of y
  function automatic logic order(input logic [65:0] x, input logic [65:0] y);
    order = x[31:0] <= y[31:0] && (!(x[31:0] == y[31:0] && x[64]) || (y[64] && x[63:32] <= y[63:32]));
  endfunction

  integer j;
  always @(posedge clk) if (past_valid) begin
    assert (n <= D);
    assert (nonce < fv_free);
    assert (lived || !(state[1] || swept || ever));
    assert (state != CLEAR || !swept || nonce + 1'b1 == fv_free);
    assert (flush == !state[1] && clear == (state == CLEAR) && up == (state == UP));
    assert (!epoch_due || state[1]);
    assert (!heard || was || state[1]);
    assert (!(heard && state == CLEAR));
    if (state == UP) assert (heard);
    if (ever) assert (peer <= s_nonce && !(s_state == CLEAR && s_swept && peer == s_nonce));
    // UP: the other side has heard us, and if it is still in the session that we know, it knows ours
    if (state == UP) assert (s_ever && s_peer == nonce);
    if (state == UP && s_state[1] && peer == s_nonce) assert (s_heard && s_peer == nonce);
    // stages
    assert (fv_c_fits == c_v);
    if (c_v) begin
      assert (fv_c_nonce == c[31:0]);
      if (state[1]) assert (!fv_c_echo || (c[64] && c[63:32] == nonce));
      if (state[1] && !fv_c_new) assert (ever && peer == c[31:0]);
      assert (!c[65]);
      assert (about(c));
      // a doubled frame is nothing new
      if ($past(c_v) && $past(state[1]) && $past(c[31:0]) == c[31:0]) assert (!fv_c_new);
    end
    if (d_v) assert (about(d));
    if (c_v && d_v) assert (order(c, d));
    for (j = 0; j < D; j = j + 1) if (j < n) begin
      assert (about(w[j]));
      if (c_v) assert (order(c, w[j]));
      if (d_v) assert (order(d, w[j]));
      if (j > 0) assert (order(w[j-1], w[j]));
    end
  end
`else
  always @(posedge clk) if (past_valid) begin
    assert (before <= nonce && nonce < fv_free);
    assert (lived || !(state[1] || swept));
    assert (state != CLEAR || !swept || nonce + 1'b1 == fv_free);
  end
`endif

endmodule

`default_nettype wire
