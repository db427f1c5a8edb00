// SPDX-License-Identifier: Apache-2.0
//
// crl_async_fifo: FIFO between two unrelated clocks, show-ahead.
//
// How: a ring in LUT RAM, Gray-coded pointers, each brought across by two flip-flops a bit.
//   Reset of either side empties the FIFO, whatever its length and the ratio of the clocks: the
//   side under reset stops and raises a request; the other side stops, clears its pointer and
//   answers; the first clears its own pointer, drops the request, and works again when the answer
//   has dropped too. Pointers jump only while the side that looks at them is stopped.
// Latency: 1 cycle of s_clk and 2 to 3 of m_clk. Throughput: a beat a cycle of the slower clock for
//   DEPTH >= 8 (DEPTH = 4 covers the pointers' round trip only in part).
// Assumes: both clocks run while a reset is to take effect. A side stays stopped while the other
//   is in reset. m_valid and m_data don't change while m_valid is high and m_ready low, resets
//   apart.
`default_nettype none

module crl_async_fifo #(
    parameter int W     = 8,  // bits a beat
    parameter int DEPTH = 16, // beats stored, a power of two, at least 4
    localparam int AW   = $clog2(DEPTH)
) (
    input  wire logic         s_clk,
    input  wire logic         s_rst,    // synchronous to s_clk, active high
    input  wire logic         s_valid,
    output logic              s_ready,
    input  wire logic [W-1:0] s_data,
    input  wire logic         m_clk,
    input  wire logic         m_rst,    // synchronous to m_clk, active high
    output logic              m_valid,
    input  wire logic         m_ready,
    output logic      [W-1:0] m_data
);

  initial begin
    if (DEPTH < 4 || (DEPTH & (DEPTH - 1)) != 0)
      $fatal(1, "crl_async_fifo: DEPTH must be a power of two and at least 4");
  end

  (* ram_style = "distributed" *)
  logic [W-1:0] mem [0:DEPTH-1];

  // Reset handshake: req travels to the other side, ack comes back. Four phases: req rises only
  // with ack low and falls only with ack high.
  logic s_req_q, m_req_q;
  logic s_pend_q, m_pend_q;  // a reset that came before the last answer dropped
  logic s_clr_q, m_clr_q;    // answered and cleared, req may fall
  logic s_ack_q, m_ack_q;    // this side's answer to the other one
  logic s_peer_req, m_peer_req, s_peer_ack, m_peer_ack;
  logic s_hold, m_hold;      // this side is stopped
  (* async_reg = "true", keep = "true" *)
  logic [1:0] m2s_req_q, m2s_ack_q;  // brought to s_clk
  (* async_reg = "true", keep = "true" *)
  logic [1:0] s2m_req_q, s2m_ack_q;  // brought to m_clk

  // Power-up is like a reset of both sides: the handshake never sees an unknown.
  initial begin
    s_req_q   = 1'b1;
    m_req_q   = 1'b1;
    s_pend_q  = 1'b0;
    m_pend_q  = 1'b0;
    s_clr_q   = 1'b0;
    m_clr_q   = 1'b0;
    s_ack_q   = 1'b0;
    m_ack_q   = 1'b0;
    m2s_req_q = 2'b11;
    s2m_req_q = 2'b11;
    m2s_ack_q = 2'b00;
    s2m_ack_q = 2'b00;
  end

  assign s_peer_req = m2s_req_q[1];
  assign s_peer_ack = m2s_ack_q[1];
  assign m_peer_req = s2m_req_q[1];
  assign m_peer_ack = s2m_ack_q[1];

  assign s_hold = s_req_q || s_pend_q || s_peer_ack || s_peer_req;
  assign m_hold = m_req_q || m_pend_q || m_peer_ack || m_peer_req;

  always_ff @(posedge s_clk) begin
    m2s_req_q <= {m2s_req_q[0], m_req_q};
    m2s_ack_q <= {m2s_ack_q[0], m_ack_q};
    s_ack_q   <= s_peer_req;
    s_clr_q   <= s_req_q && s_peer_ack;
    if (s_req_q) begin
      if (s_peer_ack && s_clr_q && !s_rst) s_req_q <= 1'b0;
    end else if (!s_peer_ack) begin
      if (s_rst || s_pend_q) s_req_q <= 1'b1;
      s_pend_q <= 1'b0;
    end else if (s_rst) begin
      s_pend_q <= 1'b1;
    end
  end

  always_ff @(posedge m_clk) begin
    s2m_req_q <= {s2m_req_q[0], s_req_q};
    s2m_ack_q <= {s2m_ack_q[0], s_ack_q};
    m_ack_q   <= m_peer_req;
    m_clr_q   <= m_req_q && m_peer_ack;
    if (m_req_q) begin
      if (m_peer_ack && m_clr_q && !m_rst) m_req_q <= 1'b0;
    end else if (!m_peer_ack) begin
      if (m_rst || m_pend_q) m_req_q <= 1'b1;
      m_pend_q <= 1'b0;
    end else if (m_rst) begin
      m_pend_q <= 1'b1;
    end
  end

  // Pointers have one bit more than the address; the Gray code of each is registered as well.
  logic [AW:0] wr_bin_q, wr_gray_q, wr_bin_d;
  logic [AW:0] rd_bin_q, rd_gray_q, rd_bin_d;
  (* async_reg = "true", keep = "true" *)
  logic [AW:0] rd_gray_meta_q, rd_gray_s;  // the read pointer, brought to s_clk
  (* async_reg = "true", keep = "true" *)
  logic [AW:0] wr_gray_meta_q, wr_gray_m;  // the write pointer, brought to m_clk
  logic        push, pop, full;

  initial begin
    wr_bin_q       = '0;
    wr_gray_q      = '0;
    rd_bin_q       = '0;
    rd_gray_q      = '0;
    rd_gray_meta_q = '0;
    rd_gray_s      = '0;
    wr_gray_meta_q = '0;
    wr_gray_m      = '0;
  end

  // Two flip-flops a bit, with nothing between them.
  always_ff @(posedge s_clk) begin
    rd_gray_meta_q <= rd_gray_q;
    rd_gray_s      <= rd_gray_meta_q;
  end

  always_ff @(posedge m_clk) begin
    wr_gray_meta_q <= wr_gray_q;
    wr_gray_m      <= wr_gray_meta_q;
  end

  // Full: DEPTH apart, which in Gray code turns the two top bits over.
  assign full     = wr_gray_q == (rd_gray_s ^ {2'b11, {(AW-1){1'b0}}});
  assign s_ready  = !s_hold && !full;
  assign push     = s_valid && s_ready;
  assign wr_bin_d = wr_bin_q + 1'b1;

  always_ff @(posedge s_clk) begin
    if (push) mem[wr_bin_q[AW-1:0]] <= s_data;
  end

  always_ff @(posedge s_clk) begin
    if (s_peer_req || (s_req_q && s_peer_ack)) begin
      wr_bin_q  <= '0;
      wr_gray_q <= '0;
    end else if (push && !s_rst) begin
      wr_bin_q  <= wr_bin_d;
      wr_gray_q <= wr_bin_d ^ (wr_bin_d >> 1);
    end
  end

  assign m_valid  = !m_hold && (rd_gray_q != wr_gray_m);
  assign pop      = m_valid && m_ready;
  assign rd_bin_d = rd_bin_q + 1'b1;
  assign m_data   = mem[rd_bin_q[AW-1:0]];

  always_ff @(posedge m_clk) begin
    if (m_peer_req || (m_req_q && m_peer_ack)) begin
      rd_bin_q  <= '0;
      rd_gray_q <= '0;
    end else if (pop && !m_rst) begin
      rd_bin_q  <= rd_bin_d;
      rd_gray_q <= rd_bin_d ^ (rd_bin_d >> 1);
    end
  end

`ifdef FORMAL
`ifdef CRL_GHOST
  // A proof by induction, resets at any moment included. f_s and f_m are the handshakes that s and
  // m began, each as a row of bits in the order in which a change travels: request, two flip-flops,
  // answer, two flip-flops. At most one change is under way.
  logic [5:0] f_s, f_m;
  assign f_s = {s_req_q, s2m_req_q[0], s2m_req_q[1], m_ack_q, m2s_ack_q[0], m2s_ack_q[1]};
  assign f_m = {m_req_q, m2s_req_q[0], m2s_req_q[1], s_ack_q, s2m_ack_q[0], s2m_ack_q[1]};

  function automatic logic [AW:0] from_gray(input logic [AW:0] g);
    logic [AW:0] b;
    b = g;
    for (int s = 1; s <= AW; s = s * 2) b = b ^ (b >> s);
    from_gray = b;
  endfunction

  (* anyconst *) logic [AW:0] f_k;  // any one value of the pointers
  logic [W-1:0] f_beat_q;           // what was stored there last
  logic         f_worked_q, f_was_reset_q, f_between, f_stalled_q;
  logic [W-1:0] f_stalled_data_q;
  logic [AW:0]  f_rd_meta, f_rd_s, f_wr_meta, f_wr_m, f_level;

  initial begin
    f_worked_q    = 1'b0;
    f_was_reset_q = 1'b0;
    f_stalled_q   = 1'b0;
  end

  assign f_rd_meta = from_gray(rd_gray_meta_q);
  assign f_rd_s    = from_gray(rd_gray_s);
  assign f_wr_meta = from_gray(wr_gray_meta_q);
  assign f_wr_m    = from_gray(wr_gray_m);
  assign f_level   = wr_bin_q - rd_bin_q;
  // One pointer is cleared, the other perhaps not yet.
  assign f_between = (f_s[2] && f_s[3]) || (f_m[2] && f_m[3]);

  always @(posedge s_clk) begin
    if (push && wr_bin_q == f_k) f_beat_q <= s_data;
  end

  always @(posedge m_clk) begin
    f_stalled_q      <= m_valid && !m_ready;
    f_stalled_data_q <= m_data;
    if (m_valid) f_worked_q <= 1'b1;
    if (f_worked_q && m_rst) f_was_reset_q <= 1'b1;
    cover (pop && rd_bin_q == (AW + 1)'(DEPTH));
    cover (pop && f_was_reset_q);
  end

  always_comb begin
    // What the ports promise: what comes out was stored at that place, and is stored still.
    if (m_valid && rd_bin_q == f_k) assert (m_data == f_beat_q);
    if (m_valid) assert (f_level != '0 && f_level <= (AW + 1)'(DEPTH));
    if (s_ready) assert (f_level < (AW + 1)'(DEPTH));
`ifdef BREAK
    if (f_stalled_q) assert (m_valid);  // wrong: a reset withdraws what waits
`endif
    if (f_stalled_q && !m_hold) assert (m_valid && m_data == f_stalled_data_q);

    assert ($onehot0(f_s[5:1] ^ f_s[4:0]));
    assert ($onehot0(f_m[5:1] ^ f_m[4:0]));
    assert (!s_clr_q || (f_s[1] && f_s[0]));
    assert (!m_clr_q || (f_m[1] && f_m[0]));
    assert (!s_pend_q || (!f_s[5] && f_s[0]) || f_s == '0);
    assert (!m_pend_q || (!f_m[5] && f_m[0]) || f_m == '0);
    assert (wr_gray_q == (wr_bin_q ^ (wr_bin_q >> 1)));
    assert (rd_gray_q == (rd_bin_q ^ (rd_bin_q >> 1)));

    if (f_s[5]) begin  // s asks: first m's pointer is cleared, then its own
      if (f_s[2])  assert (rd_bin_q == '0);
      if (f_s[1])  assert (rd_gray_meta_q == '0);
      if (f_s[0])  assert (rd_gray_s == '0);
      if (s_clr_q) assert (wr_bin_q == '0);
    end else if (f_s[0]) begin  // s has taken it back and waits
      assert ({wr_bin_q, rd_bin_q, rd_gray_meta_q, rd_gray_s} == '0);
      if (!f_s[4]) assert (wr_gray_meta_q == '0);
      if (!f_s[3]) assert (wr_gray_m == '0);
    end
    if (f_m[5]) begin
      if (f_m[2])  assert (wr_bin_q == '0);
      if (f_m[1])  assert (wr_gray_meta_q == '0);
      if (f_m[0])  assert (wr_gray_m == '0);
      if (m_clr_q) assert (rd_bin_q == '0);
    end else if (f_m[0]) begin  // s may be at work again before m is
      assert (rd_bin_q == '0);
      if (f_m[3])  assert ({wr_bin_q, wr_gray_meta_q, wr_gray_m} == '0);
      if (!f_m[4]) assert (rd_gray_meta_q == '0);
      if (!f_m[3]) assert (rd_gray_s == '0);
    end

    // Otherwise: older copies of a pointer stand behind newer ones, nowhere more than DEPTH apart.
    if (!f_between) begin
      assert (f_level <= (AW + 1)'(DEPTH));
      assert ((AW + 1)'(wr_bin_q - f_rd_s) <= (AW + 1)'(DEPTH));
      assert ((AW + 1)'(rd_bin_q - f_rd_meta) <= (AW + 1)'(rd_bin_q - f_rd_s));
      assert ((AW + 1)'(rd_bin_q - f_rd_s) <= (AW + 1)'(wr_bin_q - f_rd_s));
      assert ((AW + 1)'(f_wr_m - rd_bin_q) <= (AW + 1)'(f_wr_meta - rd_bin_q));
      assert ((AW + 1)'(f_wr_meta - rd_bin_q) <= f_level);
      if ((AW + 1)'(f_k - rd_bin_q) < f_level) assert (mem[f_k[AW-1:0]] == f_beat_q);
    end
  end
`endif
`endif

endmodule

`default_nettype wire
