// SPDX-License-Identifier: Apache-2.0
//
// crl_mirror_tab: what the peer has said about each MIRROR under way.
//
// How: an entry an operation of the engine's table, in block RAM, twice: for the answers, and for the head of the hold FIFO.
//   An operation begins as WAITS. Answers pass here before anybody else sees them; those to a MIRROR are kept and go no further:
//     OP_PERMIT 0    PERMITTED   all but the last of its frames are released
//     OP_PERMIT else REFUSED     all but the last are dropped; the engine is told to stop (fail)
//     OP_ACK         ACKED       all are released
//     OP_NAK         ENDED       all are dropped, the last one brings the status; the engine is told to stop
//   A kill (link lost, late) makes it KILLED, and goes on to the target, which ends it: all of its frames are dropped. One
//   that is ACKED could do without the link; but that its last frame is here, only the peer has said.
//   An entry whose generation is another one belongs to an operation that is over: KILLED.
//   Before the first MIRROR after reset no answer is looked up.
// Latency: an answer 2 cycles, 1 before the first MIRROR; a kill 3 cycles; look to the verdict 2 cycles. Throughput: an answer in two
//   cycles.
// Assumes: operations begin at least two cycles apart and not within OPS cycles after reset; kills three cycles apart. One
//   that is lost is sent again.
// Source: docs/blocks/mirror.md.
`default_nettype none

module crl_mirror_tab #(
    parameter int CHANNELS = 8,
    parameter int OPS      = 128,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int OW      = $clog2(OPS)
) (
    input  wire logic          clk,
    input  wire logic          rst,          // synchronous, active high

    input  wire logic          rop_valid,    // event: a MIRROR begins
    input  wire logic [15:0]   rop_tag,      // {generation, index}

    input  wire logic          kill_valid,   // event: an operation is lost or late
    input  wire logic [15:0]   kill_tag,
    input  wire logic [7:0]    kill_status,
    output logic               tkill_valid,  // event: the target shall end it
    output logic      [15:0]   tkill_tag,
    output logic      [7:0]    tkill_status,

    input  wire logic          s_valid,      // answers of the peer
    output logic               s_ready,
    input  wire logic [7:0]    s_ch,         // channel here
    input  wire logic          s_permit,
    input  wire logic [15:0]   s_tag,
    input  wire logic [7:0]    s_status,
    input  wire logic [15:0]   s_status2,
    output logic               m_valid,      // those that are no MIRROR's
    input  wire logic          m_ready,
    output logic      [7:0]    m_ch,
    output logic               m_permit,
    output logic      [15:0]   m_tag,
    output logic      [7:0]    m_status,
    output logic      [15:0]   m_status2,

    output logic               fail_valid,   // the engine shall send no more of this one; stays until fail_ready
    input  wire logic          fail_ready,
    output logic      [CW-1:0] fail_ch,
    output logic      [15:0]   fail_op,

    output logic               look_ok,      // the head may look
    input  wire logic          look,         // event, only while look_ok
    input  wire logic [15:0]   look_tag,     // stays for the next cycle
    output logic      [2:0]    verdict,      // two cycles after the look
    output logic      [7:0]    verdict_status
);

  localparam logic [2:0] WAITS = 3'd0, PERMITTED = 3'd1, REFUSED = 3'd2, ACKED = 3'd3, ENDED = 3'd4, KILLED = 3'd5;
  localparam logic [1:0] S_IDLE = 2'd0, S_KILL = 2'd1, S_ANSWER = 2'd2;
  localparam int GW = 16 - OW;
  localparam int WW = 1 + GW + 3 + 8;

  logic [1:0]    state_q;
  logic          used_q;                // a MIRROR has begun
  logic          init_q, rop_q, kill_q, we, a_valid, b_valid, hit, idle, fails;
  logic [OW-1:0] sweep_q, w_idx, r_idx;
  logic [15:0]   rop_tag_q, kill_tag_q, tag;
  logic [7:0]    kill_status_q, a_status, b_status, new_status;
  logic [GW-1:0] a_gen, b_gen;
  logic [2:0]    a_verdict, b_verdict, new_verdict;
  logic [WW-1:0] w_word, a_word, b_word;

  assign idle    = state_q == S_IDLE && !init_q && !rop_q;   // nothing is written
  assign look_ok = idle;
  assign s_ready = idle && !kill_q && !m_valid && !fail_valid;
  assign r_idx   = kill_q ? kill_tag_q[OW-1:0] : s_tag[OW-1:0];
  assign tag     = state_q == S_KILL ? tkill_tag : m_tag;

  crl_dma_tab #(.W(WW), .DEPTH(OPS)) u_answers (
      .clk, .we, .waddr(w_idx), .wdata(w_word), .re(idle), .raddr(r_idx), .rdata(a_word)
  );
  crl_dma_tab #(.W(WW), .DEPTH(OPS)) u_head (
      .clk, .we, .waddr(w_idx), .wdata(w_word), .re(look), .raddr(look_tag[OW-1:0]), .rdata(b_word)
  );
  assign {a_valid, a_gen, a_verdict, a_status} = a_word;
  assign {b_valid, b_gen, b_verdict, b_status} = b_word;
  assign hit            = a_valid && a_gen == tag[15:OW];
  always_ff @(posedge clk) begin
    verdict        <= b_valid && b_gen == look_tag[15:OW] ? b_verdict : KILLED;
    verdict_status <= b_status;
  end

  // What an answer or a kill makes of it. After an answer to all of it nothing changes any more.
  always_comb begin
    new_verdict = a_verdict;
    new_status  = a_status;
    fails       = 1'b0;
    if (state_q == S_KILL) begin
      new_verdict = KILLED;
    end else if (a_verdict == WAITS || a_verdict == PERMITTED || a_verdict == REFUSED) begin
      if (!m_permit) begin
        new_verdict = m_status == crl_pkg::ST_OK ? ACKED : ENDED;
        new_status  = m_status;
        fails       = m_status != crl_pkg::ST_OK && a_verdict != REFUSED;
      end else if (a_verdict == WAITS) begin
        new_verdict = m_status == crl_pkg::ST_OK ? PERMITTED : REFUSED;
        fails       = m_status != crl_pkg::ST_OK;
      end
    end
  end

  always_comb begin
    we     = (state_q != S_IDLE && hit) || (state_q == S_IDLE && rop_q) || init_q;
    w_idx  = tag[OW-1:0];
    w_word = {1'b1, tag[15:OW], new_verdict, new_status};
    if (state_q == S_IDLE) begin
      w_idx  = rop_tag_q[OW-1:0];
      w_word = {1'b1, rop_tag_q[15:OW], WAITS, 8'd0};
    end
    if (init_q) begin
      w_idx  = sweep_q;
      w_word = '0;
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q     <= S_IDLE;
      init_q      <= 1'b1;
      sweep_q     <= '0;
      used_q      <= 1'b0;
      rop_q       <= 1'b0;
      kill_q      <= 1'b0;
      m_valid     <= 1'b0;
      fail_valid  <= 1'b0;
      tkill_valid <= 1'b0;
    end else begin
      sweep_q <= sweep_q + 1'b1;
      if (sweep_q == '1) init_q <= 1'b0;
      rop_q  <= rop_valid || (rop_q && (init_q || state_q != S_IDLE));
      used_q <= used_q || rop_valid;
      kill_q <= kill_valid || (kill_q && !idle);
      if (idle && kill_q) state_q <= S_KILL;
      else if (s_valid && s_ready && used_q) state_q <= S_ANSWER;
      else state_q <= S_IDLE;
      tkill_valid <= state_q == S_KILL;
      if (state_q == S_ANSWER) m_valid <= !hit;
      else if (s_valid && s_ready) m_valid <= !used_q;
      else if (m_ready) m_valid <= 1'b0;
      // A channel that the peer made up has no operation.
      if (state_q == S_ANSWER) fail_valid <= hit && fails && {1'b0, m_ch} < 9'(CHANNELS);
      else if (fail_ready) fail_valid <= 1'b0;
    end
    if (rop_valid) rop_tag_q <= rop_tag;
    if (kill_valid) begin
      kill_tag_q    <= kill_tag;
      kill_status_q <= kill_status;
    end
    if (idle && kill_q) begin
      tkill_tag    <= kill_tag_q;
      tkill_status <= kill_status_q;
    end
    if (s_valid && s_ready) begin
      m_ch      <= s_ch;
      m_permit  <= s_permit;
      m_tag     <= s_tag;
      m_status  <= s_status;
      m_status2 <= s_status2;
    end
    if (state_q == S_ANSWER) begin
      fail_ch <= m_ch[CW-1:0];
      fail_op <= m_tag;
    end
  end

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset: nothing holds of what registers are before it

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    if (rst) begun_q <= 1'b1;
    else if (begun_q) begin
      assert (!(rop_valid && rop_q && state_q != S_IDLE));   // one that begins is lost
      assert (!look || look_ok);
    end
  end
`endif

endmodule

`default_nettype wire
