// SPDX-License-Identifier: Apache-2.0
// Proof harness of crl_nvme_rdmux. Clients keep what they show, may show anything, and come when they said so; the port takes and answers as it likes, but
// answers only what it owes.
`default_nettype none

module fv_crl_nvme_rdmux #(
    parameter int N      = 3,
    parameter int BURSTS = 4
) (
    input wire            clk,
    input wire            rst,
    input wire [N-1:0]    s_ar_valid,
    input wire [N-1:0]    s_ar_soon,
    input wire [N*64-1:0] s_ar_addr,
    input wire            m_ar_ready,
    input wire            m_r_valid,
    input wire            m_r_last
);

  localparam [N-1:0] OTHERS = ~((1 << (N - 1)) | 1);   // than the mover and the last one

  wire [N-1:0]  s_ar_ready, s_r_valid;
  wire          m_ar_valid, idle;
  wire [$clog2(BURSTS):0] f_owed;
  wire [63:0]   m_ar_addr;
  wire [7:0]    m_ar_len, m_ar_user;

  // Length and user are of the client alone: they are told by its number.
  reg [N*8-1:0] len, user;
  integer k;
  always @* for (k = 0; k < N; k = k + 1) begin
    len[8*k +: 8]  = 8'd16 + k;
    user[8*k +: 8] = 8'd32 + k;
  end

  crl_nvme_rdmux #(.FUNC_W(8), .N(N), .BURSTS(BURSTS)) dut (
      .clk(clk), .rst(rst), .s_ar_valid(s_ar_valid), .s_ar_ready(s_ar_ready), .s_ar_soon(s_ar_soon), .s_ar_addr(s_ar_addr), .s_ar_len(len),
      .s_ar_user(user), .s_r_valid(s_r_valid), .m_ar_valid(m_ar_valid), .m_ar_ready(m_ar_ready), .m_ar_addr(m_ar_addr), .m_ar_len(m_ar_len),
      .m_ar_user(m_ar_user), .m_r_valid(m_r_valid), .m_r_last(m_r_last), .f_owed(f_owed), .idle(idle)
  );

  reg past = 1'b0;
  always @(posedge clk) past <= 1'b1;
  always @* if (!past) assume (rst);

  reg [7:0]      owed;          // bursts
  reg            m_wait;
  reg [N-1:0]    s_wait, s_said;
  reg [79:0]     m_was;
  reg [N*64-1:0] s_was;
  reg [8*N-1:0]  age;           // bursts of others that went while a client waited
  reg            alone;         // nobody else had anything, nor said so, when they all were looked at last
  wire           taken = m_ar_valid && m_ar_ready;
  wire           over  = m_r_valid && m_r_last;

  always @(posedge clk) begin
    m_wait <= !rst && m_ar_valid && !m_ar_ready;
    s_wait <= rst ? {N{1'b0}} : s_ar_valid & ~s_ar_ready;
    alone  <= !rst && s_ar_valid == 0 && (s_ar_soon & OTHERS) == 0;
    s_said <= rst ? {N{1'b0}} : s_ar_soon;
    m_was  <= {m_ar_addr, m_ar_len, m_ar_user};
    s_was  <= s_ar_addr;
    if (rst) owed <= 8'd0;
    else owed <= owed + {7'd0, taken} - {7'd0, over};
  end

  always @* if (past && owed == 8'd0) assume (!m_r_valid);

  genvar g;
  generate
    for (g = 0; g < N; g = g + 1) begin : g_client
      always @(posedge clk) begin
        if (rst || !s_ar_valid[g] || s_ar_ready[g]) age[8*g +: 8] <= 8'd0;
        else if (taken) age[8*g +: 8] <= age[8*g +: 8] + 8'd1;
      end
      always @* if (past && !rst && s_said[g]) assume (s_ar_valid[g]);
      always @* if (past && !rst && s_wait[g]) assume (s_ar_valid[g] && s_ar_addr[64*g +: 64] == s_was[64*g +: 64]);
      always @* if (past && !rst && s_ar_valid[g] && s_ar_ready[g])
        assert (taken && m_ar_addr == s_ar_addr[64*g +: 64] && m_ar_len == 8'd16 + g && m_ar_user == 8'd32 + g);
`ifdef AGE
      always @* if (past && !rst) assert (age[8*g +: 8] <= (g == 0 ? 1 : 2 * (N - 1) - 1));
`endif
    end
  endgenerate

  always @* if (past && !rst) begin
`ifdef BREAK
    if (m_wait) assert (s_ar_valid[0]);
`endif
    if (m_wait) assert (m_ar_valid && {m_ar_addr, m_ar_len, m_ar_user} == m_was);
    if (taken) assert ((s_ar_valid & s_ar_ready) != 0);
    assert ($onehot0(s_ar_valid & s_ar_ready));
    assert ($onehot0(s_r_valid));
    assert (owed == f_owed);
    assert (m_r_valid || s_r_valid == 0);
    assert (owed <= BURSTS);
    assert (idle == (owed == 0));
    if (s_ar_valid[0] && s_ar_valid[N-1:1] == 0 && !m_wait && owed == 0) assert (m_ar_valid || (s_wait != 0 && !s_wait[0]));
    // Who came alone and has said so goes at once.
    if (s_said[N-1] && alone && owed < BURSTS) assert (m_ar_valid);
  end

`ifdef ORDER
  // Any one burst: its beats, and no others, go to its client.
  (* anyseq *) wire pick;
  reg         on;
  reg [7:0]   ahead;
  reg [N-1:0] whose;
  always @(posedge clk) begin
    if (rst) on <= 1'b0;
    else if (on && over) begin
      on    <= ahead != 8'd0;
      ahead <= ahead - 8'd1;
    end else if (!on && taken && pick) begin
      on    <= 1'b1;
      ahead <= over ? owed - 8'd1 : owed;
      whose <= s_ar_valid & s_ar_ready;
    end
  end
  always @* if (past && !rst && m_r_valid) assert (s_r_valid != 0);
  always @* if (past && !rst && on) begin
    if (ahead == 8'd0 && m_r_valid) assert (s_r_valid == whose);
    assert (ahead < owed);
  end
`endif

  always @(posedge clk) if (past && !rst) begin
    cover (taken && s_ar_ready[N-1] && s_ar_valid[0]);
    cover (age[7:0] == 8'd1 && taken && s_ar_ready[0]);
    cover (age[8*(N-1) +: 8] == 2 * (N - 1) - 1 && taken && s_ar_ready[N-1]);
    cover (owed == BURSTS && s_ar_valid == {N{1'b1}});
    cover (over && s_r_valid[N-1]);
  end

endmodule

`default_nettype wire
