// SPDX-License-Identifier: Apache-2.0
// Proof harness of crl_axi_rd_arb. Masters keep what they show, and may show anything; the memory takes and gives as it likes.
`default_nettype none

module fv_crl_axi_rd_arb #(
    parameter int N    = 2,
    parameter int ID_W = 4
) (
    input wire               clk,
    input wire               rst,
    input wire               e_ar_valid,
    input wire               e_ar_id,
    input wire [63:0]        e_ar_addr,
    input wire               e_r_ready,
    input wire [N-1:0]       p_ar_valid,
    input wire [N*64-1:0]    p_ar_addr,
    input wire               m_axi_arready,
    input wire [ID_W-1:0]    m_axi_rid,
    input wire               m_axi_rvalid
);

  wire              e_ar_ready, e_r_valid, arvalid, rready, pending, progress;
  wire [N-1:0]      p_ar_ready, p_r_valid;
  wire [ID_W-1:0]   arid;
  wire [63:0]       araddr;
  wire [7:0]        arlen, aruser;
  wire [2:0]        arsize, arprot;
  wire [1:0]        arburst;
  wire [3:0]        arcache;

  crl_axi_rd_arb #(.DATA_W(64), .FUNC_W(8), .ID_W(ID_W), .N(N)) dut (
      .clk(clk), .rst(rst), .e_ar_valid(e_ar_valid), .e_ar_ready(e_ar_ready), .e_ar_id(e_ar_id), .e_ar_addr(e_ar_addr),
      .e_ar_len(e_ar_addr[7:0]), .e_ar_user(e_ar_addr[15:8]), .e_pending(1'b0), .e_r_valid(e_r_valid), .e_r_ready(e_r_ready),
      .p_ar_valid(p_ar_valid), .p_ar_ready(p_ar_ready), .p_ar_addr(p_ar_addr), .p_ar_len({N{8'd1}}), .p_ar_user({N{8'd2}}),
      .p_pending({N{1'b0}}), .p_r_valid(p_r_valid),
      .m_axi_arid(arid), .m_axi_araddr(araddr), .m_axi_arlen(arlen), .m_axi_arsize(arsize), .m_axi_arburst(arburst),
      .m_axi_arcache(arcache), .m_axi_arprot(arprot), .m_axi_aruser(aruser), .m_axi_arvalid(arvalid),
      .m_axi_arready(m_axi_arready), .m_axi_rid(m_axi_rid), .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(rready),
      .pending(pending), .progress(progress)
  );

  reg past = 1'b0;
  always @(posedge clk) past <= 1'b1;
  always @* if (!past) assume (rst);

  // What was shown and not taken, by everyone.
  reg               m_wait, e_wait;
  reg               idle;        // nothing was shown
  reg [N-1:0]       p_wait;
  reg [ID_W+79:0]   m_was;
  reg [64:0]        e_was;
  reg [N*64-1:0]    p_was;
  reg [7:0]         e_age;       // served while the engine waits
  reg [8*N-1:0]     p_age;       // and while a responder does

  always @(posedge clk) begin
    m_wait <= !rst && arvalid && !m_axi_arready;
    idle   <= !rst && !arvalid;
    e_wait <= !rst && e_ar_valid && !e_ar_ready;
    p_wait <= rst ? {N{1'b0}} : p_ar_valid & ~p_ar_ready;
    m_was  <= {arid, araddr, arlen, aruser};
    e_was  <= {e_ar_id, e_ar_addr};
    p_was  <= p_ar_addr;
    if (rst || !e_ar_valid || e_ar_ready) e_age <= 8'd0;
    else if (arvalid && m_axi_arready) e_age <= e_age + 8'd1;
  end

  genvar g;
  generate
    for (g = 0; g < N; g = g + 1) begin : g_resp
      always @(posedge clk) begin
        if (rst || !p_ar_valid[g] || p_ar_ready[g]) p_age[8*g +: 8] <= 8'd0;
        else if (arvalid && m_axi_arready) p_age[8*g +: 8] <= p_age[8*g +: 8] + 8'd1;
      end
      always @* if (past && !rst && p_wait[g]) assume (p_ar_valid[g] && p_ar_addr[64*g +: 64] == p_was[64*g +: 64]);
      always @* if (past && !rst && m_axi_arready && p_ar_ready[g])
        assert (arvalid && arid == 2 + g && araddr == p_ar_addr[64*g +: 64] && arlen == 8'd1 && aruser == 8'd2);
`ifdef AGE
      // It waits for the others once, and for the engine between them.
      always @* if (past && !rst) assert (p_age[8*g +: 8] < 2 * N);
`endif
      always @* if (past && !rst) assert (p_r_valid[g] == (m_axi_rvalid && m_axi_rid == 2 + g));
    end
  endgenerate

  always @* if (past && !rst && e_wait) assume (e_ar_valid && {e_ar_id, e_ar_addr} == e_was);

  always @* if (past && !rst) begin
`ifdef BREAK
    if (m_wait) assert (arvalid && arid == m_was[80 +: ID_W] && e_ar_valid);
`else
    if (m_wait) assert (arvalid && {arid, araddr, arlen, aruser} == m_was);
`endif
    if (arvalid) assert (e_ar_valid || p_ar_valid != 0);
    if (e_ar_valid) assert (arvalid);
    if (p_wait != 0 && idle) assert (arvalid);
    assert ($onehot0({e_ar_ready, p_ar_ready}));
    if (e_ar_ready && e_ar_valid) assert (arid == e_ar_id && araddr == e_ar_addr);
    if (e_ar_valid && p_ar_valid == 0 && !m_wait) assert (araddr == e_ar_addr && e_ar_ready == m_axi_arready);
`ifdef AGE
    assert (e_age <= 8'd1);
`endif
    assert (e_r_valid == (m_axi_rvalid && (m_axi_rid < 2 || m_axi_rid > N + 1)));
    assert (rready || e_r_valid || !m_axi_rvalid);
  end

  always @(posedge clk) if (past && !rst) begin
    cover (arvalid && m_axi_arready && arid >= 2 && e_ar_valid);
    cover (p_ar_valid[0] && p_ar_ready[0] && p_age[7:0] == 2 * N - 1);
  end

endmodule

`default_nettype wire
