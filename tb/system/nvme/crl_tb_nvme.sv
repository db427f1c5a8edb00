// SPDX-License-Identifier: Apache-2.0
// The NVMe block with memory, and an AXI4-Lite master each for host and administrative processor: alone with a register front
// and a write port (NODE = 0), or in a node whose link is down (NODE = 1). A test component.
//
// `regs` plays the host's accesses (BAR0), `mbox` the processor's: data and strobes in the low half. The block's interrupt events are
// counted by vector, whatever a node makes of them.
`timescale 1ps / 1ps
`default_nettype none

module crl_tb_nvme #(
    parameter int NODE            = 0,
    parameter int DATA_W          = 64,
    parameter int QUEUES          = 4,
    parameter int NAMESPACES      = 2,
    parameter int FUNC_W          = 8,
    parameter int DSTRD           = 9,
    parameter int TO              = 20,
    parameter int VECTORS         = 8,
    parameter int OPS             = 32,
    parameter int FETCH_DEPTH     = 16,
    parameter int MAX_BURST_BYTES = 512,
    parameter int MDTS_BYTES      = 1048576,
    parameter int STORE_W         = 22,
    parameter int CHANNELS        = 2,      // in a node
    parameter int COALESCE_UNIT_CYCLES = 1000,
    parameter int STALL_MAX_CYCLES = 65536
) (
    output wire mbox_irq,
    output wire irq
);
  localparam int ID_W = 4;

  reg [31:0] period = 10000;
  reg clk = 0;
  initial forever #(period / 2) clk = !clk;
  reg rst = 1;
  reg [63:0] cycle = 0;
  always @(posedge clk) cycle <= cycle + 1;

  // ------------------------------------------------------------------ the host's accesses
  wire [20:0] axil_awaddr, axil_araddr;
  wire [FUNC_W-1:0] axil_awuser, axil_aruser;
  wire [2:0] axil_awprot, axil_arprot;
  wire axil_awvalid, axil_awready, axil_wvalid, axil_wready, axil_bvalid, axil_bready;
  wire axil_arvalid, axil_arready, axil_rvalid, axil_rready;
  wire [63:0] axil_wdata, axil_rdata;
  wire [7:0] axil_wstrb;
  wire [1:0] axil_bresp, axil_rresp;

  crl_tb_axil #(.ADDR_W(21), .FUNC_W(FUNC_W), .NAME("regs")) regs (
      .clk(clk), .rst(rst), .cycle(cycle),
      .m_axil_awaddr(axil_awaddr), .m_axil_awuser(axil_awuser), .m_axil_awprot(axil_awprot),
      .m_axil_awvalid(axil_awvalid), .m_axil_awready(axil_awready), .m_axil_wdata(axil_wdata), .m_axil_wstrb(axil_wstrb),
      .m_axil_wvalid(axil_wvalid), .m_axil_wready(axil_wready), .m_axil_bresp(axil_bresp), .m_axil_bvalid(axil_bvalid),
      .m_axil_bready(axil_bready), .m_axil_araddr(axil_araddr), .m_axil_aruser(axil_aruser), .m_axil_arprot(axil_arprot),
      .m_axil_arvalid(axil_arvalid), .m_axil_arready(axil_arready), .m_axil_rdata(axil_rdata), .m_axil_rresp(axil_rresp),
      .m_axil_rvalid(axil_rvalid), .m_axil_rready(axil_rready)
  );

  // ------------------------------------------------------------------ the processor's accesses
  wire [12:0] mb_awaddr, mb_araddr;
  wire [FUNC_W-1:0] mb_awuser, mb_aruser;
  wire [2:0] mb_awprot, mb_arprot;
  wire mb_awvalid, mb_awready, mb_wvalid, mb_wready, mb_bvalid, mb_bready;
  wire mb_arvalid, mb_arready, mb_rvalid, mb_rready;
  wire [63:0] mb_wdata;
  wire [31:0] mb_rdata;
  wire [7:0] mb_wstrb;
  wire [1:0] mb_bresp, mb_rresp;

  crl_tb_axil #(.ADDR_W(13), .FUNC_W(FUNC_W), .NAME("mbox")) mbox (
      .clk(clk), .rst(rst), .cycle(cycle),
      .m_axil_awaddr(mb_awaddr), .m_axil_awuser(mb_awuser), .m_axil_awprot(mb_awprot), .m_axil_awvalid(mb_awvalid),
      .m_axil_awready(mb_awready), .m_axil_wdata(mb_wdata), .m_axil_wstrb(mb_wstrb), .m_axil_wvalid(mb_wvalid),
      .m_axil_wready(mb_wready), .m_axil_bresp(mb_bresp), .m_axil_bvalid(mb_bvalid), .m_axil_bready(mb_bready),
      .m_axil_araddr(mb_araddr), .m_axil_aruser(mb_aruser), .m_axil_arprot(mb_arprot), .m_axil_arvalid(mb_arvalid),
      .m_axil_arready(mb_arready), .m_axil_rdata({32'd0, mb_rdata}), .m_axil_rresp(mb_rresp), .m_axil_rvalid(mb_rvalid),
      .m_axil_rready(mb_rready)
  );

  // ------------------------------------------------------------------ the block, the memory's port
  wire [ID_W-1:0] awid, bid;
  wire [63:0] awaddr;
  wire [7:0] awlen;
  wire [2:0] awsize, awprot;
  wire [1:0] awburst, bresp;
  wire [3:0] awcache;
  wire [FUNC_W-1:0] awuser;
  wire awvalid, awready, wlast, wvalid, wready, bvalid, bready;
  wire [DATA_W-1:0] wdata;
  wire [DATA_W/8-1:0] wstrb;
  wire [ID_W-1:0] arid, rid;
  wire [3:0] arcache;
  wire [2:0] arsize, arprot;
  wire [1:0] arburst;
  wire ar_valid, ar_ready, r_valid, r_ready, r_last;
  wire [63:0] ar_addr;
  wire [7:0] ar_len;
  wire [FUNC_W-1:0] ar_user;
  wire [DATA_W-1:0] r_data;
  wire [1:0] r_resp;

  wire irq_valid, ssr, wr_foreign_valid, rd_refused, cq_b_valid;
  wire [7:0] irq_vec;
  wire [FUNC_W-1:0] wr_foreign_func;

  generate
    if (NODE != 0) begin : g_node
      crl_node #(
          .DATA_W(DATA_W), .LINK_W(DATA_W), .CHANNELS(CHANNELS), .MAX_BURST_BYTES(MAX_BURST_BYTES), .QUEUES(QUEUES), .NAMESPACES(NAMESPACES),
          .NVME_DSTRD(DSTRD), .NVME_TO(TO), .NVME_OPS(OPS), .NVME_FETCH_DEPTH(FETCH_DEPTH), .NVME_MDTS_BYTES(MDTS_BYTES),
          .COALESCE_UNIT_CYCLES(COALESCE_UNIT_CYCLES), .STALL_MAX_CYCLES(STALL_MAX_CYCLES), .FUNC_W(FUNC_W), .ID_W(ID_W)
      ) node (
          .clk(clk), .rst(rst), .s_axil_awaddr(axil_awaddr), .s_axil_awuser(axil_awuser), .s_axil_awprot(axil_awprot),
          .s_axil_awvalid(axil_awvalid), .s_axil_awready(axil_awready), .s_axil_wdata(axil_wdata), .s_axil_wstrb(axil_wstrb),
          .s_axil_wvalid(axil_wvalid), .s_axil_wready(axil_wready), .s_axil_bresp(axil_bresp), .s_axil_bvalid(axil_bvalid),
          .s_axil_bready(axil_bready), .s_axil_araddr(axil_araddr), .s_axil_aruser(axil_aruser), .s_axil_arprot(axil_arprot),
          .s_axil_arvalid(axil_arvalid), .s_axil_arready(axil_arready), .s_axil_rdata(axil_rdata), .s_axil_rresp(axil_rresp),
          .s_axil_rvalid(axil_rvalid), .s_axil_rready(axil_rready),
          .m_axi_awid(awid), .m_axi_awaddr(awaddr), .m_axi_awlen(awlen), .m_axi_awsize(awsize), .m_axi_awburst(awburst),
          .m_axi_awcache(awcache), .m_axi_awprot(awprot), .m_axi_awuser(awuser), .m_axi_awvalid(awvalid), .m_axi_awready(awready),
          .m_axi_wdata(wdata), .m_axi_wstrb(wstrb), .m_axi_wlast(wlast), .m_axi_wvalid(wvalid), .m_axi_wready(wready),
          .m_axi_bid(bid), .m_axi_bresp(bresp), .m_axi_bvalid(bvalid), .m_axi_bready(bready),
          .m_axi_arid(arid), .m_axi_araddr(ar_addr), .m_axi_arlen(ar_len), .m_axi_arsize(arsize), .m_axi_arburst(arburst),
          .m_axi_arcache(arcache), .m_axi_arprot(arprot), .m_axi_aruser(ar_user), .m_axi_arvalid(ar_valid), .m_axi_arready(ar_ready),
          .m_axi_rid(rid), .m_axi_rdata(r_data), .m_axi_rresp(r_resp), .m_axi_rlast(r_last), .m_axi_rvalid(r_valid), .m_axi_rready(r_ready),
          .link_clk(clk), .link_rst(rst), .link_up(1'b0), .m_axis_link_tdata(), .m_axis_link_tkeep(), .m_axis_link_tvalid(),
          .m_axis_link_tready(1'b1), .m_axis_link_tlast(), .s_axis_link_tdata({DATA_W{1'b0}}), .s_axis_link_tkeep({DATA_W / 8{1'b0}}),
          .s_axis_link_tvalid(1'b0), .s_axis_link_tready(), .s_axis_link_tlast(1'b0),
          .mbox_axil_awaddr(mb_awaddr), .mbox_axil_awvalid(mb_awvalid), .mbox_axil_awready(mb_awready), .mbox_axil_wdata(mb_wdata[31:0]),
          .mbox_axil_wstrb(mb_wstrb[3:0]), .mbox_axil_wvalid(mb_wvalid), .mbox_axil_wready(mb_wready), .mbox_axil_bresp(mb_bresp),
          .mbox_axil_bvalid(mb_bvalid), .mbox_axil_bready(mb_bready), .mbox_axil_araddr(mb_araddr), .mbox_axil_arvalid(mb_arvalid),
          .mbox_axil_arready(mb_arready), .mbox_axil_rdata(mb_rdata), .mbox_axil_rresp(mb_rresp), .mbox_axil_rvalid(mb_rvalid),
          .mbox_axil_rready(mb_rready), .mbox_irq(mbox_irq), .nvme_ssr(ssr), .irq(irq)
      );
      assign irq_valid        = node.g_nvme.u_nvme.irq_valid;
      assign irq_vec          = node.g_nvme.u_nvme.irq_vec;
      assign cq_b_valid       = node.g_nvme.u_nvme.cb_b_valid;
      assign wr_foreign_valid = node.g_nvme.u_nvme.wr_foreign_valid;
      assign wr_foreign_func  = node.g_nvme.u_nvme.wr_foreign_func;
      assign rd_refused       = node.u_regs.rd_done && node.u_regs.rd_ones;
    end else begin : g_alone
      wire wr, rd_valid, rd_foreign;
      wire [20:0] wr_addr, rd_addr;
      wire [FUNC_W-1:0] wr_user, rd_user;
      wire [63:0] wr_data, rd_data;
      wire [7:0] wr_strb;
      reg [1:0] wr_q = 0;  // a write in the last two cycles
      always @(posedge clk) wr_q <= {wr_q[0], wr};

      crl_regs_axil #(.FUNC_W(FUNC_W)) front (
          .clk(clk), .rst(rst), .s_axil_awaddr(axil_awaddr), .s_axil_awuser(axil_awuser), .s_axil_awvalid(axil_awvalid),
          .s_axil_awready(axil_awready), .s_axil_wdata(axil_wdata), .s_axil_wstrb(axil_wstrb), .s_axil_wvalid(axil_wvalid),
          .s_axil_wready(axil_wready), .s_axil_bresp(axil_bresp), .s_axil_bvalid(axil_bvalid), .s_axil_bready(axil_bready),
          .s_axil_araddr(axil_araddr), .s_axil_aruser(axil_aruser), .s_axil_arvalid(axil_arvalid), .s_axil_arready(axil_arready),
          .s_axil_rdata(axil_rdata), .s_axil_rresp(axil_rresp), .s_axil_rvalid(axil_rvalid), .s_axil_rready(axil_rready),
          .init(1'b0), .hold(wr_q != 0), .wr(wr), .wr_addr(wr_addr), .wr_user(wr_user), .wr_data(wr_data), .wr_strb(wr_strb),
          .rd_valid(rd_valid), .rd_addr(rd_addr), .rd_user(rd_user), .rd_done(rd_valid), .rd_ones(rd_foreign), .rd_data(rd_data)
      );

      wire wb_soon, wb_valid, wb_ready, wb_first, wb_last, cb_soon, cb_valid, cb_ready, cb_first, cb_last;
      wire [63:0] wb_addr, cb_addr;
      wire [7:0] wb_len, cb_len;
      wire [FUNC_W-1:0] wb_user, cb_user;
      wire [DATA_W-1:0] wb_data, cb_data;
      wire [DATA_W/8-1:0] wb_strb, cb_strb;
      wire [2:0] b_valid;
      wire [1:0] b_resp;

      wire [VECTORS-1:0] fire;

      crl_nvme #(
          .DATA_W(DATA_W), .QUEUES(QUEUES), .NAMESPACES(NAMESPACES), .FUNC_W(FUNC_W), .DSTRD(DSTRD), .TO(TO), .VECTORS(VECTORS),
          .OPS(OPS), .FETCH_DEPTH(FETCH_DEPTH), .MAX_BURST_BYTES(MAX_BURST_BYTES), .MDTS_BYTES(MDTS_BYTES),
          .COALESCE_UNIT_CYCLES(COALESCE_UNIT_CYCLES)
      ) nvme (
          .clk(clk), .rst(rst), .wr(wr && !wr_addr[20]), .wr_addr(wr_addr[19:0]), .wr_user(wr_user), .wr_data(wr_data), .wr_strb(wr_strb),
          .rd_addr(rd_addr[19:0]), .rd_user(rd_user), .rd_data(rd_data), .rd_foreign(rd_foreign),
          .wr_foreign_valid(wr_foreign_valid), .wr_foreign_func(wr_foreign_func),
          .mbox_axil_awaddr(mb_awaddr), .mbox_axil_awvalid(mb_awvalid), .mbox_axil_awready(mb_awready), .mbox_axil_wdata(mb_wdata[31:0]),
          .mbox_axil_wstrb(mb_wstrb[3:0]), .mbox_axil_wvalid(mb_wvalid), .mbox_axil_wready(mb_wready), .mbox_axil_bresp(mb_bresp),
          .mbox_axil_bvalid(mb_bvalid), .mbox_axil_bready(mb_bready), .mbox_axil_araddr(mb_araddr), .mbox_axil_arvalid(mb_arvalid),
          .mbox_axil_arready(mb_arready), .mbox_axil_rdata(mb_rdata), .mbox_axil_rresp(mb_rresp), .mbox_axil_rvalid(mb_rvalid),
          .mbox_axil_rready(mb_rready), .mbox_irq(mbox_irq),
          .ar_valid(ar_valid), .ar_ready(ar_ready), .ar_addr(ar_addr), .ar_len(ar_len), .ar_user(ar_user),
          .r_valid(r_valid), .r_data(r_data), .r_resp(r_resp), .r_last(r_last),
          .wb_soon(wb_soon), .wb_valid(wb_valid), .wb_ready(wb_ready), .wb_first(wb_first), .wb_last(wb_last), .wb_addr(wb_addr),
          .wb_len(wb_len), .wb_user(wb_user), .wb_data(wb_data), .wb_strb(wb_strb), .wb_b_valid(b_valid[0]), .wb_b_resp(b_resp),
          .cb_soon(cb_soon), .cb_valid(cb_valid), .cb_ready(cb_ready), .cb_first(cb_first), .cb_last(cb_last), .cb_addr(cb_addr),
          .cb_len(cb_len), .cb_user(cb_user), .cb_data(cb_data), .cb_strb(cb_strb), .cb_b_valid(b_valid[1]), .cb_b_resp(b_resp),
          .mem_fatal(1'b0), .fire(fire), .line(irq), .ssr(ssr)
      );

      wire wr_pending, wr_progress, lock_over;
      wire [2:0] s_ready;
      assign {cb_ready, wb_ready} = s_ready[1:0];

      crl_axi_wr #(.DATA_W(DATA_W), .ID_W(ID_W), .FUNC_W(FUNC_W), .N_DATA(1), .LOCK_EN(0)) port (
          .clk(clk), .rst(rst), .s_valid({1'b0, cb_valid, wb_valid}), .s_ready(s_ready), .s_soon({1'b0, cb_soon, wb_soon}),
          .s_first({1'b0, cb_first, wb_first}), .s_last({1'b0, cb_last, wb_last}), .s_addr({64'd0, cb_addr, wb_addr}),
          .s_len({8'd0, cb_len, wb_len}), .s_user({{FUNC_W{1'b0}}, cb_user, wb_user}), .s_data({{DATA_W{1'b0}}, cb_data, wb_data}),
          .s_strb({{DATA_W / 8{1'b0}}, cb_strb, wb_strb}), .b_valid(b_valid), .b_resp(b_resp),
          .lock(1'b0), .lock_addr(61'd0), .lock_over(lock_over),
          .m_axi_awid(awid), .m_axi_awaddr(awaddr), .m_axi_awlen(awlen), .m_axi_awsize(awsize), .m_axi_awburst(awburst),
          .m_axi_awcache(awcache), .m_axi_awprot(awprot), .m_axi_awuser(awuser), .m_axi_awvalid(awvalid), .m_axi_awready(awready),
          .m_axi_wdata(wdata), .m_axi_wstrb(wstrb), .m_axi_wlast(wlast), .m_axi_wvalid(wvalid), .m_axi_wready(wready),
          .m_axi_bid(bid), .m_axi_bresp(bresp), .m_axi_bvalid(bvalid), .m_axi_bready(bready),
          .pending(wr_pending), .progress(wr_progress)
      );

      assign arid       = {ID_W{1'b0}};
      assign arsize     = 3'($clog2(DATA_W / 8));
      assign arburst    = 2'b01;
      assign r_ready    = 1'b1;
      assign irq_valid  = nvme.irq_valid;
      assign irq_vec    = nvme.irq_vec;
      assign cq_b_valid = b_valid[1];
      assign rd_refused = rd_valid && rd_foreign;
    end
  endgenerate

  // Interrupts, entries, foreign accesses, subsystem resets: counted.
  reg [31:0] st_irqs = 0;                    // in all, for who waits
  reg [31:0] st_posted = 0;                  // bursts of entries with their response, likewise
  reg [31:0] st_irq[0:255] /*verilator public_flat_rw*/;
  reg [31:0] st_foreign = 0;
  reg [31:0] st_foreign_rd = 0;
  reg [FUNC_W-1:0] st_foreign_func = 0;
  reg [31:0] st_ssr = 0;
  integer n;
  initial for (n = 0; n < 256; n = n + 1) st_irq[n] = 0;
  always @(posedge clk) if (!rst) begin
    if (irq_valid) begin
      st_irqs <= st_irqs + 1;
      st_irq[irq_vec] <= st_irq[irq_vec] + 1;
    end
    if (wr_foreign_valid) begin
      st_foreign <= st_foreign + 1;
      st_foreign_func <= wr_foreign_func;
    end
    if (cq_b_valid) st_posted <= st_posted + 1;
    if (rd_refused) st_foreign_rd <= st_foreign_rd + 1;
    if (ssr) st_ssr <= st_ssr + 1;
  end

  // ------------------------------------------------------------------ memory
  crl_tb_mem #(.DATA_W(DATA_W), .ID_W(ID_W), .FUNC_W(FUNC_W), .STORE_W(STORE_W), .NAME("mem")) mem (
      .clk(clk), .rst(rst), .cycle(cycle),
      .s_axi_awid(awid), .s_axi_awaddr(awaddr), .s_axi_awlen(awlen), .s_axi_awsize(awsize), .s_axi_awburst(awburst),
      .s_axi_awuser(awuser), .s_axi_awvalid(awvalid), .s_axi_awready(awready), .s_axi_wdata(wdata), .s_axi_wstrb(wstrb),
      .s_axi_wlast(wlast), .s_axi_wvalid(wvalid), .s_axi_wready(wready), .s_axi_bid(bid), .s_axi_bresp(bresp),
      .s_axi_bvalid(bvalid), .s_axi_bready(bready),
      .s_axi_arid(arid), .s_axi_araddr(ar_addr), .s_axi_arlen(ar_len), .s_axi_arsize(arsize),
      .s_axi_arburst(arburst), .s_axi_aruser(ar_user), .s_axi_arvalid(ar_valid), .s_axi_arready(ar_ready),
      .s_axi_rid(rid), .s_axi_rdata(r_data), .s_axi_rresp(r_resp), .s_axi_rlast(r_last), .s_axi_rvalid(r_valid), .s_axi_rready(r_ready)
  );
endmodule

`default_nettype wire
