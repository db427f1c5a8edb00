// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_hold: channels that wait for an answer to a message's first frame, and for the time of another attempt.
//
// How: every answer passes here, one at a time, before the table of operations sees it. Per channel a message is
//     held       its first frame (the only one, or an ASK) is on its way: no pick
//     waiting    the receiver was not ready: nothing is under way; when its time is over it asks again
//     permitted  its frames may follow
//     gone       it has ended: the next pick takes its context away
//   A receiver-not-ready answer to the held message makes it wait, RNR_COUNT times at most; OP_PERMIT 0 permits it; any other
//   answer ends it and goes on to the table. Answers to what is not held go on as they are, but for OP_PERMIT 0, which is
//   dropped, and 'not ready', which then answers an operation that was given up: ABORTED.
//   Times are counted in units of 256 cycles by a rotation over all channels.
//   An answer that changes nothing whatever it belongs to, a good one of a channel that holds nothing, goes on without being judged.
// Latency: an answer takes 2 cycles, such a one 1. Throughput: one in two cycles. Another attempt begins RNR_TIME · 256 cycles after the answer
//   or up to 256 + CHANNELS later.
// Assumes: a channel has one message that is held, waiting or permitted; what the pipeline sends of it is answered later than
//   'set'. CHANNELS <= 64.
// Source: docs/blocks/rdma.md sections 4 and 7.
`default_nettype none

module crl_dma_hold #(
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    parameter int OPS      = 128,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW      = PEERS > 1 ? $clog2(PEERS) : 1,
    localparam int OW      = $clog2(OPS)
) (
    input  wire logic                clk,
    input  wire logic                rst,           // synchronous, active high

    input  wire logic [1:0]          retry_we,      // event: RNR_COUNT (bit 0), RNR_TIME of a channel
    input  wire logic [CW-1:0]       retry_ch,
    input  wire logic [15:0]         retry_data,

    // crl_dma_issue
    input  wire logic                set,           // event: a message's first frame, or another ASK, is on its way
    input  wire logic                set_first,     // its first attempt
    input  wire logic [CW-1:0]       set_ch,
    input  wire logic [15:0]         set_tag,
    input  wire logic [PW-1:0]       set_peer,
    input  wire logic                t1_valid,      // a pick is decided about
    input  wire logic [CW-1:0]       t1_ch,
    input  wire logic                t1_over,       // event: and nothing of its operation is left behind
    input  wire logic                drop,          // event: nor of this one
    input  wire logic [CW-1:0]       drop_ch,
    output logic      [CHANNELS-1:0] held,
    output logic      [CHANNELS-1:0] waiting,
    output logic      [CHANNELS-1:0] due,           // waiting, and its time is over
    output logic      [CHANNELS-1:0] permitted,
    output logic      [CHANNELS-1:0] gone,

    // Sweeper of crl_dma_opend: does this operation wait, with nothing under way?
    input  wire logic [CW-1:0]       sw_ch,
    input  wire logic [OW-1:0]       sw_idx,
    output logic                     sw_waits,

    // Answers from the links, and to the table
    input  wire logic [PEERS-1:0]    s_valid,
    output logic      [PEERS-1:0]    s_ready,
    input  wire logic [PEERS*8-1:0]  s_ch,          // channel here
    input  wire logic [PEERS-1:0]    s_permit,
    input  wire logic [PEERS*16-1:0] s_tag,
    input  wire logic [PEERS*8-1:0]  s_status,
    input  wire logic [PEERS*16-1:0] s_status2,
    output logic      [PEERS-1:0]    m_valid,       // one-hot
    input  wire logic [PEERS-1:0]    m_ready,
    output logic      [15:0]         m_tag,
    output logic      [7:0]          m_status,
    output logic      [15:0]         m_status2
);

  localparam logic [7:0] RNR  = 8'(crl_pkg::ST_RECEIVER_NOT_READY) | 8'(crl_pkg::ST_AT_PEER);
  localparam logic [7:0] GIVEN_UP = 8'(crl_pkg::ST_ABORTED) | 8'(crl_pkg::ST_AT_PEER);

  // ---------------------------------------------------------------- an answer
  logic [PEERS-1:0] gnt, peer_q;
  logic [PW-1:0]    gnt_idx, idx_q;
  logic             any, take, v_q, permit_q, fresh_q;   // fresh: not judged
  logic             plain;                               // nothing to judge
  logic [7:0]       ch8;
  logic [(1<<CW)-1:0] held_all;
  logic [7:0]       ch8_q;
  logic [CW-1:0]    ch_q;
  logic             mine, judge, rnr, again, ends, permits;
  logic [15:0]      tag_is;
  logic [PW-1:0]    peer_is;
  logic [7:0]       tries, count_is, time_is;

  crl_rr_arb #(.N(PEERS)) u_arb (
      .clk, .rst, .req(s_valid), .ack(take), .gnt, .gnt_idx, .gnt_valid(any)
  );
  assign take    = any && !v_q;
  assign s_ready = gnt & {PEERS{take}};
  assign ch8     = s_ch[8*gnt_idx +: 8];
  assign held_all = (1 << CW)'(held);
  assign plain   = !held_all[ch8[CW-1:0]] && !s_permit[gnt_idx] && s_status[8*gnt_idx +: 8] == crl_pkg::ST_OK;
  assign ch_q    = ch8_q[CW-1:0];

  crl_ram_lut #(.W(16 + PW), .DEPTH(CHANNELS)) u_tag (
      .clk, .we(set), .waddr(set_ch), .wdata({set_tag, set_peer}), .raddr(ch_q), .rdata({tag_is, peer_is})
  );
  crl_ram_lut #(.W(8), .DEPTH(CHANNELS)) u_count (
      .clk, .we(retry_we[0]), .waddr(retry_ch), .wdata(retry_data[7:0]), .raddr(ch_q), .rdata(count_is)
  );
  crl_ram_lut #(.W(8), .DEPTH(CHANNELS)) u_time (
      .clk, .we(retry_we[1]), .waddr(retry_ch), .wdata(retry_data[15:8]), .raddr(ch_q), .rdata(time_is)
  );

  // A pick of the channel that is decided about in this very cycle may give the message up.
  assign mine    = held[ch_q] && {1'b0, ch8_q} < 9'(CHANNELS) && tag_is == m_tag && peer_is == idx_q;
  assign judge   = v_q && fresh_q && !(t1_valid && t1_ch == ch_q);
  assign rnr     = m_status == RNR;
  assign again   = judge && mine && rnr && tries != count_is;
  assign permits = judge && mine && permit_q && m_status == crl_pkg::ST_OK;
  assign ends    = judge && mine && !again && !permits;
  assign m_valid = peer_q & {PEERS{v_q && !fresh_q}};

  always_ff @(posedge clk) begin
    if (rst) begin
      v_q     <= 1'b0;
      fresh_q <= 1'b0;
    end else begin
      if (take) v_q <= 1'b1;
      else if (judge) v_q <= !again && !(permit_q && m_status == crl_pkg::ST_OK);
      else if (|(m_valid & m_ready)) v_q <= 1'b0;
      if (take) fresh_q <= !plain;
      else if (judge) fresh_q <= 1'b0;
    end
    if (take) begin
      peer_q    <= gnt;
      idx_q     <= gnt_idx;
      ch8_q     <= ch8;
      permit_q  <= s_permit[gnt_idx];
      m_tag     <= s_tag[16*gnt_idx +: 16];
      m_status  <= s_status[8*gnt_idx +: 8];
      m_status2 <= s_status2[16*gnt_idx +: 16];
    end else if (judge && rnr && !mine) m_status <= GIVEN_UP;
  end

  // ---------------------------------------------------------------- state of the channels
  always_ff @(posedge clk) begin
    if (rst) begin
      held      <= '0;
      waiting   <= '0;
      permitted <= '0;
      gone      <= '0;
    end else begin
      if (again) waiting[ch_q] <= 1'b1;
      if (permits) permitted[ch_q] <= 1'b1;
      if (ends) gone[ch_q] <= 1'b1;
      if (again || permits || ends) held[ch_q] <= 1'b0;
      if (set) begin
        held[set_ch]    <= 1'b1;
        waiting[set_ch] <= 1'b0;
      end
      if (t1_over) begin
        held[t1_ch]      <= 1'b0;
        waiting[t1_ch]   <= 1'b0;
        permitted[t1_ch] <= 1'b0;
        gone[t1_ch]      <= 1'b0;
      end
      if (drop) begin
        held[drop_ch]      <= 1'b0;
        waiting[drop_ch]   <= 1'b0;
        permitted[drop_ch] <= 1'b0;
        gone[drop_ch]      <= 1'b0;
      end
    end
  end

  // ---------------------------------------------------------------- attempts and time
  // Attempts so far are counted with the answer; time in a RAM with one writer: an answer, or the rotation.
  logic [7:0]    tick_q, left, left_d;
  logic [CW-1:0] scan_q;
  logic          scanning_q, scan, lt_we;
  logic [CW-1:0] lt_ch;
  logic [CHANNELS-1:0] fresh_try_q;   // no attempt has been counted

  logic [7:0] tries_ram;
  crl_ram_lut #(.W(8), .DEPTH(CHANNELS)) u_tries (
      .clk, .we(again), .waddr(ch_q), .wdata(tries + 8'd1), .raddr(ch_q), .rdata(tries_ram)
  );
  assign tries = fresh_try_q[ch_q] ? 8'd0 : tries_ram;

  assign scan   = scanning_q && !again;
  assign lt_we  = again || scan;
  assign lt_ch  = again ? ch_q : scan_q;
  assign left_d = again ? time_is : left == 8'd0 ? 8'd0 : left - 8'd1;
  crl_ram_lut #(.W(8), .DEPTH(CHANNELS)) u_left (
      .clk, .we(lt_we), .waddr(lt_ch), .wdata(left_d), .raddr(lt_ch), .rdata(left)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      tick_q      <= '0;
      scan_q      <= '0;
      scanning_q  <= 1'b0;
      due         <= '0;
      fresh_try_q <= '1;
    end else begin
      tick_q <= tick_q + 1'b1;
      if (tick_q == '1) scanning_q <= 1'b1;
      if (scan) begin
        if (32'(scan_q) == CHANNELS - 1) begin
          scan_q     <= '0;
          scanning_q <= 1'b0;
        end else scan_q <= scan_q + 1'b1;
      end
      due <= due & waiting;
      if (scan && waiting[scan_q] && left == 8'd0) due[scan_q] <= 1'b1;
      if (again) fresh_try_q[ch_q] <= 1'b0;
      if (set && set_first) fresh_try_q[set_ch] <= 1'b1;
    end
  end

  // ---------------------------------------------------------------- sweeper
  logic [OW-1:0] sw_is;
  crl_ram_lut #(.W(OW), .DEPTH(CHANNELS)) u_tag_sw (
      .clk, .we(set), .waddr(set_ch), .wdata(set_tag[OW-1:0]), .raddr(sw_ch), .rdata(sw_is)
  );
  assign sw_waits = waiting[sw_ch] && sw_is == sw_idx;

endmodule

`default_nettype wire
