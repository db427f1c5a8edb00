// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_axi_wr: free clients that keep what they offer until it is taken, a free memory.
// Length, order and bounds stand in the block (FORMAL); handshake stability and what the memory
// sees are checked here.
`default_nettype none

module fv_crl_axi_wr #(
    parameter int DATA_W = 8, parameter int N_DATA = 2, parameter int WRITES_IN_FLIGHT = 4,
    localparam int N = N_DATA + 2
) (
    input wire                  clk,
    input wire                  rst,
    input wire [N-1:0]          s_valid,
    input wire [N-1:0]          s_soon,     // anything: a hint only
    input wire [N-1:0]          s_first,
    input wire [N-1:0]          s_last,
    input wire [N*64-1:0]       s_addr,
    input wire [N*8-1:0]        s_len,
    input wire [N-1:0]          s_user,
    input wire [N*DATA_W-1:0]   s_data,
    input wire [N*DATA_W/8-1:0] s_strb,
    input wire                  m_axi_awready,
    input wire                  m_axi_wready,
    input wire [3:0]            m_axi_bid,
    input wire [1:0]            m_axi_bresp,
    input wire                  m_axi_bvalid,
    input wire                  lock,
    input wire [63:3]           lock_addr
);

  wire [N-1:0]        s_ready, b_valid;
  wire [1:0]          b_resp;
  wire [3:0]          m_axi_awid;
  wire [63:0]         m_axi_awaddr;
  wire [7:0]          m_axi_awlen;
  wire [2:0]          m_axi_awsize, m_axi_awprot;
  wire [1:0]          m_axi_awburst;
  wire [3:0]          m_axi_awcache;
  wire                m_axi_awuser, m_axi_awvalid, m_axi_wlast, m_axi_wvalid, m_axi_bready;
  wire [DATA_W-1:0]   m_axi_wdata;
  wire [DATA_W/8-1:0] m_axi_wstrb;
  wire                pending, progress, lock_over;

  crl_axi_wr #(
      .DATA_W(DATA_W), .ID_W(4), .FUNC_W(1), .N_DATA(N_DATA), .WRITES_IN_FLIGHT(WRITES_IN_FLIGHT)
  ) u_dut (
      .clk, .rst, .s_valid, .s_ready, .s_soon, .s_first, .s_last, .s_addr, .s_len, .s_user, .s_data, .s_strb,
      .b_valid, .b_resp, .m_axi_awid, .m_axi_awaddr, .m_axi_awlen, .m_axi_awsize, .m_axi_awburst,
      .m_axi_awcache, .m_axi_awprot, .m_axi_awuser, .m_axi_awvalid, .m_axi_awready, .m_axi_wdata,
      .m_axi_wstrb, .m_axi_wlast, .m_axi_wvalid, .m_axi_wready, .m_axi_bid, .m_axi_bresp,
      .m_axi_bvalid, .m_axi_bready, .lock, .lock_addr, .lock_over, .pending, .progress
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  // Clients: what is offered stays.
  reg         p_rst = 1;
  reg [N-1:0] p_wait = 0, p_last;
  always @(posedge clk) begin
    p_rst  <= rst;
    p_wait <= rst ? {N{1'b0}} : s_valid & ~s_ready;
    p_last <= s_last;
  end
  reg [N-1:0]    p_first;
  reg [N*64-1:0] p_addr;
  reg [N*8-1:0]  p_len;
  reg            p_lock = 0;
  reg [63:3]     p_lock_addr;
  always @(posedge clk) begin
    p_first     <= s_first;
    p_addr      <= s_addr;
    p_len       <= s_len;
    p_lock      <= !rst && lock;
    p_lock_addr <= lock_addr;
  end
  always @* begin
    assume ((p_wait & ~s_valid) == 0);
    assume ((p_wait & (s_last ^ p_last)) == 0);
    assume ((p_wait & (s_first ^ p_first)) == 0);
    for (int i = 0; i < N; i++)
      if (p_wait[i]) assume (s_addr[64*i +: 64] == p_addr[64*i +: 64] && s_len[8*i +: 8] == p_len[8*i +: 8]);
    if (p_lock && lock) assume (lock_addr == p_lock_addr);
`ifndef LOCK
    assume (!lock);
`endif
  end

  // AW and W are held while they wait.
  reg                               p_awwait = 0, p_wwait = 0;
  reg [64+8+4+1-1:0]                p_aw;
  reg [DATA_W+DATA_W/8:0]           p_w;
  always @(posedge clk) begin
    p_awwait <= !rst && m_axi_awvalid && !m_axi_awready;
    p_wwait  <= !rst && m_axi_wvalid && !m_axi_wready;
    p_aw     <= {m_axi_awaddr, m_axi_awlen, m_axi_awid, m_axi_awuser};
    p_w      <= {m_axi_wdata, m_axi_wstrb, m_axi_wlast};
    if (past_valid && p_awwait) begin
      assert (m_axi_awvalid && {m_axi_awaddr, m_axi_awlen, m_axi_awid, m_axi_awuser} == p_aw);
    end
    if (past_valid && p_wwait) begin
      assert (m_axi_wvalid && {m_axi_wdata, m_axi_wstrb, m_axi_wlast} == p_w);
    end
    if (past_valid && !p_rst) assert (m_axi_bready);
    if (past_valid && !rst && !pending) assert (!m_axi_awvalid && !m_axi_wvalid && b_valid == 0);
`ifdef BREAK
    if (past_valid && !rst) assert (!(b_valid[N-1] && m_axi_bresp == 2'd3));
`endif
  end

  reg [3:0] ended = 0, seen = 0;
  reg       long = 0;
  always @(posedge clk) begin
    if (rst) begin
      ended <= 0;
      seen  <= 0;
      long  <= 0;
    end else begin
      if (b_valid != 0 && !&ended) ended <= ended + 1'b1;
      if (b_valid[0]) seen[0] <= 1;
      if (b_valid[1]) seen[1] <= 1;
      if (b_valid[N-2]) seen[2] <= 1;
      if (b_valid[N-1]) seen[3] <= 1;
      if (m_axi_awvalid && m_axi_awlen == 2) long <= 1;
    end
    cover (past_valid && !rst && (&seen) && long && ended == 5 && !pending);
  end

endmodule

`default_nettype wire
