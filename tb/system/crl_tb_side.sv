// SPDX-License-Identifier: Apache-2.0
// One side of a bench: a node, its memory and its AXI4-Lite master. A test component.
`timescale 1ps / 1ps
`default_nettype none

module crl_tb_side #(
    parameter int DATA_W            = 64,
    parameter int LINK_W            = DATA_W,
    parameter int CHANNELS          = 8,
    parameter int PEERS             = 1,
    parameter int SEGMENTS          = 32,
    parameter int READS_IN_FLIGHT   = 64,
    parameter int WRITES_IN_FLIGHT  = 64,
    parameter int MAX_BURST_BYTES   = 512,
    parameter int PREFETCH          = (4 * CHANNELS > 64) ? 4 * CHANNELS : 64,
    parameter int OPS               = 128,
    parameter int LINK_MTU          = 1024,
    parameter int RX_SHARED         = LINK_W <= 128 ? 24 : 3 * LINK_W / 16,
    parameter int REPLAY_FRAMES     = LINK_W <= 128 ? 32 : LINK_W / 4,
    parameter bit READ_EN           = 1,
    parameter bit ATOMIC_EN         = READ_EN,
    parameter bit SEND_EN           = 1,
    parameter bit MIRROR_EN         = READ_EN,
    parameter int HOLD_FRAMES       = REPLAY_FRAMES,
    parameter int READ_SLOTS        = LINK_W > 128 ? LINK_W / 8 : 16,
    parameter int FUNC_W            = 8,
    parameter int ID_W              = 4,
    parameter int STALL_MAX_CYCLES  = 65536,
    parameter int OP_TIMEOUT_CYCLES = 1048576,
    parameter int KEEPALIVE_CYCLES  = 4096,
    parameter int STORE_W           = 23,
    parameter     NAME              = "a"
) (
    input  wire                        clk,
    input  wire                        rst,
    input  wire                        link_clk,  // of all links
    input  wire                        link_rst,
    input  wire [PEERS-1:0]            link_up,
    output wire [PEERS*LINK_W-1:0]     m_axis_link_tdata,
    output wire [PEERS*(LINK_W/8)-1:0] m_axis_link_tkeep,
    output wire [PEERS-1:0]            m_axis_link_tvalid,
    input  wire [PEERS-1:0]            m_axis_link_tready,
    output wire [PEERS-1:0]            m_axis_link_tlast,
    input  wire [PEERS*LINK_W-1:0]     s_axis_link_tdata,
    input  wire [PEERS*(LINK_W/8)-1:0] s_axis_link_tkeep,
    input  wire [PEERS-1:0]            s_axis_link_tvalid,
    output wire [PEERS-1:0]            s_axis_link_tready,
    input  wire [PEERS-1:0]            s_axis_link_tlast,
    output wire                        irq
);
  reg [63:0] cycle /*verilator public_flat_rw*/ = 0;
  always @(posedge clk) cycle <= cycle + 1;

  // Log of PEER_STATUS.UP, up_<NAME>_log.txt: `time peer up` a line, a line a peer when it is opened.
  reg cfg_log /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_downs /*verilator public_flat_rw*/ = 0;  // falls of any peer's UP without a reset
  wire [PEERS-1:0] peer_up = node.peer_up;
  reg [PEERS-1:0] up_q = 0;
  integer fd = 0, i;
  always @(posedge clk) begin
    if (cfg_log && fd == 0) begin
      fd = $fopen({"up_", NAME, "_log.txt"}, "w");
      up_q = ~peer_up;
    end else for (i = 0; i < PEERS; i = i + 1) if (up_q[i] && !peer_up[i] && !rst) st_downs = st_downs + 1;
    if (fd != 0)
      for (i = 0; i < PEERS; i = i + 1)
        if (up_q[i] != peer_up[i]) $fwrite(fd, "%0d %0d %0d\n", $time, i, peer_up[i]);
    up_q = peer_up;
    if (!cfg_log && fd != 0) begin
      $fclose(fd);
      fd = 0;
    end
  end

  wire [20:0] axil_awaddr, axil_araddr;
  wire [FUNC_W-1:0] axil_awuser, axil_aruser;
  wire [2:0] axil_awprot, axil_arprot;
  wire axil_awvalid, axil_awready, axil_wvalid, axil_wready, axil_bvalid, axil_bready;
  wire axil_arvalid, axil_arready, axil_rvalid, axil_rready;
  wire [63:0] axil_wdata, axil_rdata;
  wire [7:0] axil_wstrb;
  wire [1:0] axil_bresp, axil_rresp;

  wire [ID_W-1:0] awid, bid, arid, rid;
  wire [63:0] awaddr, araddr;
  wire [7:0] awlen, arlen;
  wire [2:0] awsize, arsize, awprot, arprot;
  wire [1:0] awburst, arburst, bresp, rresp;
  wire [3:0] awcache, arcache;
  wire [FUNC_W-1:0] awuser, aruser;
  wire awvalid, awready, wlast, wvalid, wready, bvalid, bready;
  wire arvalid, arready, rlast, rvalid, rready;
  wire [DATA_W-1:0] wdata, rdata;
  wire [DATA_W/8-1:0] wstrb;

  crl_node #(
      .DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS),
      .READS_IN_FLIGHT(READS_IN_FLIGHT), .WRITES_IN_FLIGHT(WRITES_IN_FLIGHT),
      .MAX_BURST_BYTES(MAX_BURST_BYTES), .PREFETCH(PREFETCH), .OPS(OPS), .LINK_MTU(LINK_MTU), .NVME_EN(0),
      .RX_SHARED(RX_SHARED), .REPLAY_FRAMES(REPLAY_FRAMES), .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN), .HOLD_FRAMES(HOLD_FRAMES), .READ_SLOTS(READ_SLOTS), .FUNC_W(FUNC_W), .ID_W(ID_W), .STALL_MAX_CYCLES(STALL_MAX_CYCLES),
      .OP_TIMEOUT_CYCLES(OP_TIMEOUT_CYCLES), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES)
  ) node (
      .clk(clk), .rst(rst),
      .s_axil_awaddr(axil_awaddr), .s_axil_awuser(axil_awuser), .s_axil_awprot(axil_awprot),
      .s_axil_awvalid(axil_awvalid), .s_axil_awready(axil_awready),
      .s_axil_wdata(axil_wdata), .s_axil_wstrb(axil_wstrb), .s_axil_wvalid(axil_wvalid),
      .s_axil_wready(axil_wready), .s_axil_bresp(axil_bresp), .s_axil_bvalid(axil_bvalid),
      .s_axil_bready(axil_bready),
      .s_axil_araddr(axil_araddr), .s_axil_aruser(axil_aruser), .s_axil_arprot(axil_arprot),
      .s_axil_arvalid(axil_arvalid), .s_axil_arready(axil_arready),
      .s_axil_rdata(axil_rdata), .s_axil_rresp(axil_rresp), .s_axil_rvalid(axil_rvalid),
      .s_axil_rready(axil_rready),
      .m_axi_awid(awid), .m_axi_awaddr(awaddr), .m_axi_awlen(awlen), .m_axi_awsize(awsize),
      .m_axi_awburst(awburst), .m_axi_awcache(awcache), .m_axi_awprot(awprot), .m_axi_awuser(awuser),
      .m_axi_awvalid(awvalid), .m_axi_awready(awready),
      .m_axi_wdata(wdata), .m_axi_wstrb(wstrb), .m_axi_wlast(wlast), .m_axi_wvalid(wvalid),
      .m_axi_wready(wready), .m_axi_bid(bid), .m_axi_bresp(bresp), .m_axi_bvalid(bvalid),
      .m_axi_bready(bready),
      .m_axi_arid(arid), .m_axi_araddr(araddr), .m_axi_arlen(arlen), .m_axi_arsize(arsize),
      .m_axi_arburst(arburst), .m_axi_arcache(arcache), .m_axi_arprot(arprot), .m_axi_aruser(aruser),
      .m_axi_arvalid(arvalid), .m_axi_arready(arready),
      .m_axi_rid(rid), .m_axi_rdata(rdata), .m_axi_rresp(rresp), .m_axi_rlast(rlast),
      .m_axi_rvalid(rvalid), .m_axi_rready(rready),
      .link_clk({PEERS{link_clk}}), .link_rst({PEERS{link_rst}}), .link_up(link_up),
      .m_axis_link_tdata(m_axis_link_tdata), .m_axis_link_tkeep(m_axis_link_tkeep), .m_axis_link_tvalid(m_axis_link_tvalid),
      .m_axis_link_tready(m_axis_link_tready), .m_axis_link_tlast(m_axis_link_tlast),
      .s_axis_link_tdata(s_axis_link_tdata), .s_axis_link_tkeep(s_axis_link_tkeep), .s_axis_link_tvalid(s_axis_link_tvalid),
      .s_axis_link_tready(s_axis_link_tready), .s_axis_link_tlast(s_axis_link_tlast),
      .mbox_axil_awaddr(13'd0), .mbox_axil_awvalid(1'b0), .mbox_axil_awready(), .mbox_axil_wdata(32'd0), .mbox_axil_wstrb(4'd0),
      .mbox_axil_wvalid(1'b0), .mbox_axil_wready(), .mbox_axil_bresp(), .mbox_axil_bvalid(), .mbox_axil_bready(1'b0),
      .mbox_axil_araddr(13'd0), .mbox_axil_arvalid(1'b0), .mbox_axil_arready(), .mbox_axil_rdata(), .mbox_axil_rresp(),
      .mbox_axil_rvalid(), .mbox_axil_rready(1'b0), .mbox_irq(), .nvme_ssr(),
      .irq(irq)
  );

  crl_tb_mem #(
      .DATA_W(DATA_W), .ID_W(ID_W), .FUNC_W(FUNC_W), .STORE_W(STORE_W), .NAME({"mem_", NAME})
  ) mem (
      .clk(clk), .rst(rst), .cycle(cycle),
      .s_axi_awid(awid), .s_axi_awaddr(awaddr), .s_axi_awlen(awlen), .s_axi_awsize(awsize),
      .s_axi_awburst(awburst), .s_axi_awuser(awuser), .s_axi_awvalid(awvalid),
      .s_axi_awready(awready), .s_axi_wdata(wdata), .s_axi_wstrb(wstrb), .s_axi_wlast(wlast),
      .s_axi_wvalid(wvalid), .s_axi_wready(wready), .s_axi_bid(bid), .s_axi_bresp(bresp),
      .s_axi_bvalid(bvalid), .s_axi_bready(bready),
      .s_axi_arid(arid), .s_axi_araddr(araddr), .s_axi_arlen(arlen), .s_axi_arsize(arsize),
      .s_axi_arburst(arburst), .s_axi_aruser(aruser), .s_axi_arvalid(arvalid),
      .s_axi_arready(arready), .s_axi_rid(rid), .s_axi_rdata(rdata), .s_axi_rresp(rresp),
      .s_axi_rlast(rlast), .s_axi_rvalid(rvalid), .s_axi_rready(rready)
  );

  crl_tb_axil #(
      .ADDR_W(21), .FUNC_W(FUNC_W), .NAME({"axil_", NAME})
  ) axil (
      .clk(clk), .rst(rst), .cycle(cycle),
      .m_axil_awaddr(axil_awaddr), .m_axil_awuser(axil_awuser), .m_axil_awprot(axil_awprot),
      .m_axil_awvalid(axil_awvalid), .m_axil_awready(axil_awready),
      .m_axil_wdata(axil_wdata), .m_axil_wstrb(axil_wstrb), .m_axil_wvalid(axil_wvalid),
      .m_axil_wready(axil_wready), .m_axil_bresp(axil_bresp), .m_axil_bvalid(axil_bvalid),
      .m_axil_bready(axil_bready),
      .m_axil_araddr(axil_araddr), .m_axil_aruser(axil_aruser), .m_axil_arprot(axil_arprot),
      .m_axil_arvalid(axil_arvalid), .m_axil_arready(axil_arready),
      .m_axil_rdata(axil_rdata), .m_axil_rresp(axil_rresp), .m_axil_rvalid(axil_rvalid),
      .m_axil_rready(axil_rready)
  );
endmodule

`default_nettype wire
