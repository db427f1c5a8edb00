// SPDX-License-Identifier: Apache-2.0
//
// Harness for the agreement on a session: two crl_link_ctl and a wire each way that loses frames, delivers frames more than
// once and in any order. Each side is reset, disabled, renumbered or loses its pin in any cycle; all times are free.
//
// A frame on a wire is EPOCH (sender's nonce, the peer's if it was heard), or any other (DATA: frames of REQ and RSP,
//   acknowledgements, credits), which carries SESSION and, as ghosts, the pair of nonces of the session it was sent in.
// Assumed: numbers of sessions do not wrap while frames of before are on a wire (both ends together begin fewer than 2^16), and
//   start again at power-up only with the wires empty.
// Proved by induction: what is accepted was sent in the session that the receiver is in (the same pair at both ends), though
//   only the sum of the two numbers is compared.
//   Why a sum will do: a pair that anything but EPOCH is sent or taken in has overlapped in time, each end heard the other alive.
//   Of two such pairs neither is older at one end and newer at the other. For the induction K is any number of a session of
//   side 0, and E the session of side 1 when K ended: pairs up to K have side 1 up to E ('low'), pairs above K have E or more
//   ('high'), so pairs with the same sum are the same pair.
// Task 'prove_order': over a wire that keeps order no other session's frame comes to a side that is UP, nothing compared, and
//   both are UP in one pair only.
// Task 'broken': frames are accepted before the sides have agreed. Task 'broken_check': nothing compared, any order: an old frame
//   is accepted in a new session. Both with CLAIM: of the assertions only what is claimed, so that no invariant fails instead.
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

  wire [31:0] nonce [0:1];
  wire [31:0] peer  [0:1];
  wire [1:0]  put, heard, ever, took;
  wire [81:0] item [0:1];
  wire        stale, stale_a;
  wire [1:0]  state [0:1];

  // Any session of side 0, and which one side 1 was in when that ended.
  (* anyconst *) reg [15:0] k;
  reg  [15:0] e;
  wire [15:0] ca = nonce[0][31:16];
  wire [15:0] cb = nonce[1][31:16];
  always @(posedge clk) if (!past_valid || ca <= k) e <= cb;

  fv_link_side #(.D(D), .ME(0)) u_a (
      .clk, .past_valid, .rst(rst[0]), .enable(enable[0]), .pin(pin[0]), .quiet(quiet[0]), .busy(busy[0]), .unacked(unacked[0]),
      .progress(progress[0]), .news(news[0]), .urgent(urgent[0]), .epoch(epoch[0]), .data(data[0]), .cfg(cfg[31:0]),
      .lose(lose[1]), .deliver(deliver[1]), .again(again[1]), .pick(pick[1]), .k, .e, .ca, .cb,
      .s_put(put[1]), .s_item(item[1]), .s_state(state[1]), .s_nonce(nonce[1]), .s_peer(peer[1]), .s_heard(heard[1]),
      .s_ever(ever[1]),
      .put(put[0]), .item(item[0]), .state(state[0]), .nonce(nonce[0]), .peer(peer[0]), .heard(heard[0]), .ever(ever[0]),
      .took(took[0]), .stale(stale_a)
  );
  fv_link_side #(.D(D), .ME(1)) u_b (
      .clk, .past_valid, .rst(rst[1]), .enable(enable[1]), .pin(pin[1]), .quiet(quiet[1]), .busy(busy[1]), .unacked(unacked[1]),
      .progress(progress[1]), .news(news[1]), .urgent(urgent[1]), .epoch(epoch[1]), .data(data[1]), .cfg(cfg[63:32]),
      .lose(lose[0]), .deliver(deliver[0]), .again(again[0]), .pick(pick[0]), .k, .e, .ca, .cb,
      .s_put(put[0]), .s_item(item[0]), .s_state(state[0]), .s_nonce(nonce[0]), .s_peer(peer[0]), .s_heard(heard[0]),
      .s_ever(ever[0]),
      .put(put[1]), .item(item[1]), .state(state[1]), .nonce(nonce[1]), .peer(peer[1]), .heard(heard[1]), .ever(ever[1]),
      .took(took[1]), .stale(stale)
  );

  always @(posedge clk) if (past_valid) begin
`ifdef ORDER
    if (state[0] == 2'd3 && state[1] == 2'd3) assert (peer[0] == nonce[1] && peer[1] == nonce[0]);
`elsif CLAIM
`else
    assert (e <= cb);
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
`ifdef ORDER
    assume (pin == (now == `WITNESS ? 2'b01 : 2'b11));
    assume (deliver == 2'b11);
`else
    assume (pin == (now == `WITNESS ? 2'b00 : 2'b11));
    assume (data == 2'b11);
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
`ifdef ORDER
    cover (past_valid && two == 2'b11 && state[0] == 2'd3 && state[1] == 2'd3);
`else
    cover (past_valid && stale && took[1]);     // a frame of the session before came, and one of this session is taken
`endif
  end

endmodule

// One side, and the wire that ends there.
module fv_link_side #(
    parameter int D = 2,
    parameter int ME = 0
) (
    input  wire        clk, past_valid,
    input  wire        rst, enable, pin, quiet, busy, unacked, progress, news, urgent, epoch, data,
    input  wire [31:0] cfg,
    input  wire        lose, deliver, again, pick,
    input  wire [15:0] k, e, ca, cb,
    input  wire        s_put,             // the other side sends
    input  wire [81:0] s_item,            // {SESSION, DATA, the peer was heard, peer's nonce, own nonce}
    input  wire [1:0]  s_state,
    input  wire [31:0] s_nonce, s_peer,
    input  wire        s_heard, s_ever,
    output wire        put,
    output wire [81:0] item,
    output wire [1:0]  state,
    output wire [31:0] nonce, peer,
    output wire        heard, ever,
    output wire        took,              // DATA is accepted
    output reg         stale              // DATA of an older session came while UP
);

  localparam logic [1:0] DOWN = 2'd0, CLEAR = 2'd1, HAND = 2'd2, UP = 2'd3;

  wire         up, flush, clear, epoch_due, peer_reads, idle_due;
  wire [15:0]  session;
  wire [31:0]  fv_nonce, fv_c_nonce;
  wire         fv_c_fits, fv_c_new, fv_c_echo;
  wire [127:0] ops;

  // ---- the wire, and the frame in the stages behind it
  reg  [81:0] w [0:D-1];
  reg  [2:0]  n;
  reg         x_v, x_mine, d_v, c_v;
  reg  [81:0] x, d, c;                   // c: the EPOCH frame that crl_link_ctl compares
  wire        come = deliver && n != 0;
  wire        pop  = come && !again;
`ifdef ORDER
  wire        which = 1'b0;
`else
  wire        which = pick && n > 1;
`endif
  wire [81:0] head = w[which];
  wire        add  = s_put && !lose && n < D;

  // As crl_link_rx: SESSION is compared, a cycle later the frame is accepted, one more and what rides on it counts.
`ifdef ORDER
  wire mine = 1'b1;
`elsif NO_CHECK
  wire mine = !head[65] || up;
`else
  wire mine = !head[65] || (up && head[81:66] == session);
`endif
`ifdef BREAK
  wire take1 = x_v && x[65] && x_mine && state[1];  // before the sides have agreed
`else
  wire take1 = x_v && x[65] && x_mine && up;        // a frame of REQ or RSP
`endif
  wire take2 = d_v && d[65] && up;                  // its acknowledgement and credit
  wire ep    = d_v && !d[65];
  assign took = take1;
  always @(posedge clk) stale <= past_valid && (stale || (come && head[65] && up && head[63:32] < nonce));

  integer i;
  always @(posedge clk) begin
    x_v    <= come && !rst;
    x_mine <= mine;
    x      <= head;
    d_v    <= x_v && x_mine && !rst;
    d      <= x;
    c_v    <= ep && !rst;
    c      <= d;
    if (!past_valid) begin
      n <= 0; x_v <= 0; d_v <= 0; c_v <= 0;
    end else begin
      if (pop) for (i = 0; i + 1 < D; i = i + 1) if (i >= which) w[i] <= w[i+1];
      for (i = 0; i < D; i = i + 1) if (add && n - pop == i) w[i] <= s_item;
      n <= n + add - pop;
    end
  end

  // Parameters of both ends are the same: the receiver's own frame tells them.
  crl_link_ctl #(.CHANNELS(1), .LINK_MTU(64), .RX_SHARED(1), .KEEPALIVE_CYCLES(256)) u_ctl (
      .clk, .rst, .cfg_enable(enable), .cfg_node(cfg[7:0]), .cfg_peer_node(cfg[15:8]), .cfg_epoch(cfg[31:16]),
      .pin_up(pin), .quiet, .up, .peer_reads, .session, .flush, .clear,
      .heard(d_v), .ep_valid(ep), .ep_ops({ops[127:72], 6'd0, 1'b0, d[64:0]}),
      .epoch_due, .epoch_ops(ops), .did_epoch(put && !item[65]), .did_any(put), .busy, .unacked, .progress, .news, .urgent,
      .fv_nonce, .fv_peer(peer), .fv_c_nonce, .fv_state(state), .fv_heard(heard), .fv_swept(),
      .fv_c_fits, .fv_c_new, .fv_c_echo, .fv_lost(), .fv_still(), .fv_silent(), .fv_stuck(), .fv_sent(), .idle_due
  );

  // ---- what it sends: EPOCH when it is due, anything else while UP
  assign put  = (epoch && epoch_due) || (data && up);
  assign item = epoch && epoch_due ? {16'd0, 1'b0, ops[64:0]} : {session, 2'b11, peer, nonce};

  reg was;                                // it has heard the other side once, in whatever session
  always @(posedge clk) was <= past_valid && (was || heard);
  assign ever  = was || heard;
  assign nonce = fv_nonce;

  wire [15:0] count = nonce[31:16];
  always @* assume (count < 16'h7FFF);    // no wrap

`ifdef WITNESS
`ifndef ORDER
  // One wire keeps order; of the other the frame in front stays behind when the session ends, and comes some time later.
  reg [6:0] now = 0;
  always @(posedge clk) now <= now + 1'b1;
  always @* begin
    if (ME == 0 || now < `WITNESS - 3) assume (deliver && !pick);
    else if (now < `WITNESS + 20) assume (deliver == (n > 1) && pick);
  end
`endif
`endif

  // ---- what is proved
  reg [15:0] before;                      // the session before
  always @(posedge clk) begin
    if (!past_valid) before <= 0;
    else if (state[1]) before <= count;
  end
`ifdef ORDER
  always @(posedge clk) if (past_valid) begin
    if (take1) assert (x[31:0] == peer && x[63:32] == nonce);
    if (take2) assert (d[31:0] == peer && d[63:32] == nonce);
  end

  // ---- invariants
  //   s: the sender's present nonce, r: ours. A frame's nonce is n, the one that it repeats p.
  function automatic logic about(input logic [81:0] f);
    about =
        // not from the future, not older than what was heard
        f[31:16] <= s_nonce[31:16] && (f[31:16] != s_nonce[31:16] || (s_state != CLEAR && f[31:0] == s_nonce))
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
  function automatic logic order(input logic [81:0] p, input logic [81:0] q);
    order = p[31:0] <= q[31:0] && (!(p[31:0] == q[31:0] && p[64]) || (q[64] && p[63:32] <= q[63:32]));
  endfunction

`ifndef CLAIM
  integer j;
  always @(posedge clk) if (past_valid) begin
    assert (n <= D);
    assert (flush == !state[1] && clear == (state == CLEAR) && up == (state == UP));
    assert (!epoch_due || state[1]);
    assert (!heard || was || state[1]);
    assert (!(heard && state == CLEAR));
    if (state == UP) assert (heard);
    if (ever)
      assert (peer[31:16] <= s_nonce[31:16] && (peer[31:16] != s_nonce[31:16] || (s_state != CLEAR && peer == s_nonce)));
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
    if (x_v) assert (about(x) && x_mine);
    if (d_v) assert (about(d));
    if (c_v && d_v) assert (order(c, d));
    if (c_v && x_v) assert (order(c, x));
    if (d_v && x_v) assert (order(d, x));
    for (j = 0; j < D; j = j + 1) if (j < n) begin
      assert (about(w[j]));
      if (c_v) assert (order(c, w[j]));
      if (d_v) assert (order(d, w[j]));
      if (x_v) assert (order(x, w[j]));
      if (j > 0) assert (order(w[j-1], w[j]));
    end
  end
`endif
`else
  // Sessions a of side 0 and b of side 1: b began before a had ended; a began before b had ended.
  function automatic logic low(input logic [15:0] a, input logic [15:0] b);
    low = !(a <= k && ca > k) || b <= e;
  endfunction
  function automatic logic high(input logic [15:0] a, input logic [15:0] b);
    high = !(a > k) || b >= e;
  endfunction
  // Two pairs with the same sum: the same, if the older one's session of side 0 is K.
  function automatic logic same(input logic [15:0] a, input logic [15:0] b, input logic [15:0] a2, input logic [15:0] b2);
    same = (a == a2 && b == b2) || (a < a2 && a != k) || (a2 < a && a2 != k);
  endfunction

  wire [15:0] p_count = peer[31:16];

  // The receiver's pair, and a frame's.
  function automatic logic ours(input logic [81:0] f);
    ours = ME == 0 ? same(count, p_count, f[63:48], f[31:16]) : same(p_count, count, f[31:16], f[63:48]);
  endfunction
  // A frame that comes here.
  function automatic logic about(input logic [81:0] f);
    about = f[31:16] <= s_nonce[31:16] - 16'(s_state == CLEAR)
        && (!f[64] || f[63:48] <= count - 16'(state == CLEAR))
        && (!f[64] || (ME == 0 ? high(f[63:48], f[31:16]) : low(f[31:16], f[63:48])))
        && (!f[65] || (f[64] && f[81:66] == f[31:16] + f[63:48]
                       && (ME == 0 ? low(f[63:48], f[31:16]) : high(f[31:16], f[63:48]))));
  endfunction

  always @(posedge clk) if (past_valid) begin
    if (take1) assert (ours(x));
    if (take2) assert (ours(d));
    if (state[1] && before != count) assert (before < count);   // a session's number is new
  end

  // ---- invariants
`ifndef CLAIM
  integer j;
  always @(posedge clk) if (past_valid) begin
    assert (n <= D);
    assert (before <= count);
    assert (up == (state == UP));
    assert (!epoch_due || state[1]);
    assert (!(heard && state == CLEAR));
    if (heard) assert (p_count <= s_nonce[31:16] - 16'(s_state == CLEAR));
    if (state == CLEAR) assert (count != '0);
    if (state == UP) begin
      assert (heard && session == count + p_count);
      assert (ME == 0 ? high(count, p_count) : low(p_count, count));
    end
    assert (fv_c_fits == c_v);
    if (c_v) begin
      assert (fv_c_nonce == c[31:0] && !c[65] && about(c));
      if (state[1]) assert (!fv_c_echo || (c[64] && c[63:32] == nonce));
      if (state[1] && !fv_c_new) assert (heard && peer == c[31:0]);
    end
    if (x_v) assert (about(x));
    if (d_v) assert (about(d));
    if (x_v && x_mine && x[65]) assert (state == DOWN || (state == UP && x[81:66] == session));
    if (d_v && d[65]) assert (state == DOWN || state == CLEAR || (state == UP && d[81:66] == session));
    for (j = 0; j < D; j = j + 1) if (j < n) assert (about(w[j]));
  end
`endif
`endif

endmodule

`default_nettype wire
