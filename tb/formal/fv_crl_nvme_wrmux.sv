// SPDX-License-Identifier: Apache-2.0
// Proof harness of crl_nvme_wrmux. Clients keep what they offer; bursts have any length; the port takes and answers as it likes, but
// answers only what it owes.
`default_nettype none

module fv_crl_nvme_wrmux #(
    parameter int BURSTS = 4
) (
    input wire         clk,
    input wire         rst,
    input wire [1:0]   s_soon,
    input wire [1:0]   s_valid,
    input wire [1:0]   s_last,
    input wire [127:0] s_addr,
    input wire [31:0]  s_data,
    input wire         m_ready,
    input wire         m_b_valid
);

  wire [1:0]  s_ready, s_b_valid;
  wire        m_soon, m_valid, m_first, m_last, idle;
  wire [63:0] m_addr;
  wire [7:0]  m_len, m_user;
  wire [15:0] m_data;
  wire [1:0]  m_strb;
  wire        f_turn, f_hold;
  wire [$clog2(BURSTS):0] f_owed;
  reg  [1:0]  s_within = 2'b00;  // a client is inside a burst

  crl_nvme_wrmux #(.DATA_W(16), .FUNC_W(8), .BURSTS(BURSTS)) dut (
      .clk(clk), .rst(rst), .s_soon(s_soon), .s_valid(s_valid), .s_ready(s_ready), .s_first(~s_within), .s_last(s_last), .s_addr(s_addr),
      .s_len({8'd17, 8'd16}), .s_user({8'd33, 8'd32}), .s_data(s_data), .s_strb(s_data[3:0]), .s_b_valid(s_b_valid),
      .m_soon(m_soon), .m_valid(m_valid), .m_ready(m_ready), .m_first(m_first), .m_last(m_last), .m_addr(m_addr), .m_len(m_len),
      .m_user(m_user), .m_data(m_data), .m_strb(m_strb), .m_b_valid(m_b_valid), .f_owed(f_owed), .f_turn(f_turn), .f_hold(f_hold), .idle(idle)
  );

  reg past = 1'b0;
  always @(posedge clk) past <= 1'b1;
  always @* if (!past) assume (rst);

  reg [7:0]   owed;
  reg         m_wait, within;
  reg [1:0]   s_wait, l_was;
  reg [99:0]  m_was;
  reg [127:0] a_was;
  reg [31:0]  d_was;
  reg [15:0]  age;
  wire        beat  = m_valid && m_ready;
  wire        start = beat && m_first;
  wire [1:0]  went  = s_valid & s_ready;

  always @(posedge clk) begin
    m_wait <= !rst && m_valid && !m_ready;
    s_wait <= rst ? 2'b00 : s_valid & ~s_ready;
    m_was  <= {m_addr, m_len, m_user, m_data, m_strb, m_first, m_last};
    a_was  <= s_addr;
    d_was  <= s_data;
    l_was  <= s_last;
    if (rst) owed <= 8'd0;
    else owed <= owed + {7'd0, start} - {7'd0, m_b_valid};
    if (rst) within <= 1'b0;
    else if (beat) within <= !m_last;
    if (rst) s_within <= 2'b00;
    else s_within <= (s_within & ~went) | (went & ~s_last);
  end

  always @* if (past && owed == 8'd0) assume (!m_b_valid);

  genvar g;
  generate
    for (g = 0; g < 2; g = g + 1) begin : g_client
      always @(posedge clk) begin
        if (rst || !s_valid[g] || s_ready[g]) age[8*g +: 8] <= 8'd0;
        else if (start) age[8*g +: 8] <= age[8*g +: 8] + 8'd1;
      end
      always @* if (past && !rst && s_wait[g])
        assume (s_valid[g] && s_last[g] == l_was[g] && s_addr[64*g +: 64] == a_was[64*g +: 64] && s_data[16*g +: 16] == d_was[16*g +: 16]
                && s_data[3:0] == d_was[3:0]);
      always @* if (past && !rst && went[g])
        assert (beat && m_addr == s_addr[64*g +: 64] && m_len == 8'd16 + g && m_user == 8'd32 + g && m_data == s_data[16*g +: 16]
                && m_strb == s_data[2*g +: 2] && m_first == !s_within[g] && m_last == s_last[g]);
`ifdef AGE
      always @* if (past && !rst) assert (age[8*g +: 8] <= 8'd1);
`endif
    end
  endgenerate

  always @* if (past && !rst) begin
    if (m_wait) assert (m_valid && {m_addr, m_len, m_user, m_data, m_strb, m_first, m_last} == m_was);
    if (beat) assert (went != 0);
    assert ($onehot0(went));
    assert (beat || went == 0);
    assert (m_soon == (s_soon != 0));
    assert (within == f_hold && s_within == {within && f_turn, within && !f_turn});
    assert (owed == f_owed);
    assert ($onehot0(s_within));
    if (within && beat) assert (went == s_within);  // bursts are whole
`ifdef BREAK
    assert (went != 2'b10);
`endif
    assert (owed <= BURSTS);
    assert (idle == (owed == 0 && !within));
    assert (s_b_valid == 2'b01 || s_b_valid == 2'b10 || !m_b_valid);
  end

`ifdef ORDER
  // Any one burst: its response, and no other, goes to its client.
  (* anyseq *) wire pick;
  reg       on;
  reg [7:0] ahead;
  reg [1:0] whose;
  always @(posedge clk) begin
    if (rst) on <= 1'b0;
    else if (on && m_b_valid) begin
      on    <= ahead != 8'd0;
      ahead <= ahead - 8'd1;
    end else if (!on && start && pick) begin
      on    <= 1'b1;
      ahead <= m_b_valid ? owed - 8'd1 : owed;
      whose <= went;
    end
  end
  always @* if (past && !rst && on) begin
    if (ahead == 8'd0 && m_b_valid) assert (s_b_valid == whose);
    assert (ahead < owed);
  end
`endif

  always @(posedge clk) if (past && !rst) begin
    cover (went[1] && s_valid[0] && s_last[1] && s_within[1]);
    cover (age[7:0] == 8'd1 && went[0]);
    cover (age[15:8] == 8'd1 && went[1]);
    cover (owed == BURSTS && s_valid == 2'b11);
    cover (s_b_valid[1]);
  end

endmodule

`default_nettype wire
