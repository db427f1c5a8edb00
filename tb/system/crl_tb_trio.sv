// SPDX-License-Identifier: Apache-2.0
// Three nodes in a ring, their memories and the links between each two, on unrelated clocks. A test component.
//
// Of every node peer 0 is the next one (a, b, c, a) and peer PEERS-1 the one before it; a peer between them is
// not connected. All links run on clk_l. Names, clocks and resets as in crl_tb_pair; pipe x2y carries from x to y.
`timescale 1ps / 1ps
`default_nettype none

module crl_tb_trio #(
    parameter int DATA_W            = 64,
    parameter int LINK_W            = DATA_W,
    parameter int CHANNELS          = 8,
    parameter int PEERS             = 2,    // 2 or 3
    parameter int SEGMENTS          = 32,
    parameter bit READ_EN           = 1,
    parameter bit ATOMIC_EN         = READ_EN,
    parameter bit SEND_EN           = 1,
    parameter bit MIRROR_EN         = READ_EN,
    parameter int FUNC_W            = 8,
    parameter int ID_W              = 4,
    parameter int STALL_MAX_CYCLES  = 65536,
    parameter int OP_TIMEOUT_CYCLES = 1048576,
    parameter int KEEPALIVE_CYCLES  = 4096,
    parameter int STORE_W           = 23    // log2 of each memory in bytes
) (
    output wire irq_a,
    output wire irq_b,
    output wire irq_c
);
  localparam int PREV = PEERS - 1;
  localparam int LK   = LINK_W / 8;

  reg [31:0] period_a = 10000, period_b = 10000, period_c = 10000, period_l = 10000;
  reg clk_a = 0, clk_b = 0, clk_c = 0, clk_l = 0;
  reg run = 1;  // 0 stops all clocks low; when it rises, all begin with the same phase
  initial forever begin
    wait (run);
    #(period_a / 2) clk_a = run && !clk_a;
  end
  initial forever begin
    wait (run);
    #(period_b / 2) clk_b = run && !clk_b;
  end
  initial forever begin
    wait (run);
    #(period_c / 2) clk_c = run && !clk_c;
  end
  initial forever begin
    wait (run);
    #(period_l / 2) clk_l = run && !clk_l;
  end

  reg rst_a = 1, rst_b = 1, rst_c = 1;       // each on its node's clock
  reg lrst_a = 1, lrst_b = 1, lrst_c = 1;    // on clk_l
  reg link_up_a = 0, link_up_b = 0, link_up_c = 0;
  wire a2b_up, b2a_up, b2c_up, c2b_up, c2a_up, a2c_up;  // a pipe that is cut takes the pin of its receiver down, if told to

  wire [PEERS*LINK_W-1:0] a_otdata, a_itdata;
  wire [PEERS*LK-1:0] a_otkeep, a_itkeep;
  wire [PEERS-1:0] a_otvalid, a_otready, a_otlast, a_itvalid, a_itready, a_itlast, a_up;
  wire [PEERS*LINK_W-1:0] b_otdata, b_itdata;
  wire [PEERS*LK-1:0] b_otkeep, b_itkeep;
  wire [PEERS-1:0] b_otvalid, b_otready, b_otlast, b_itvalid, b_itready, b_itlast, b_up;
  wire [PEERS*LINK_W-1:0] c_otdata, c_itdata;
  wire [PEERS*LK-1:0] c_otkeep, c_itkeep;
  wire [PEERS-1:0] c_otvalid, c_otready, c_otlast, c_itvalid, c_itready, c_itlast, c_up;

  generate
    if (PEERS == 3) begin : g_between
      assign {a_otready[1], a_itvalid[1], a_itlast[1], a_up[1]} = 4'b1000;
      assign a_itdata[LINK_W +: LINK_W] = {LINK_W{1'b0}};
      assign a_itkeep[LK +: LK] = {LK{1'b0}};
      assign {b_otready[1], b_itvalid[1], b_itlast[1], b_up[1]} = 4'b1000;
      assign b_itdata[LINK_W +: LINK_W] = {LINK_W{1'b0}};
      assign b_itkeep[LK +: LK] = {LK{1'b0}};
      assign {c_otready[1], c_itvalid[1], c_itlast[1], c_up[1]} = 4'b1000;
      assign c_itdata[LINK_W +: LINK_W] = {LINK_W{1'b0}};
      assign c_itkeep[LK +: LK] = {LK{1'b0}};
    end
  endgenerate

  assign a_up[0]    = link_up_a & b2a_up;
  assign a_up[PREV] = link_up_a & c2a_up;
  crl_tb_side #(
      .DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .READ_EN(READ_EN),
      .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN), .FUNC_W(FUNC_W), .ID_W(ID_W), .STALL_MAX_CYCLES(STALL_MAX_CYCLES),
      .OP_TIMEOUT_CYCLES(OP_TIMEOUT_CYCLES), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES), .STORE_W(STORE_W), .NAME("a")
  ) a (
      .clk(clk_a), .rst(rst_a), .link_clk(clk_l), .link_rst(lrst_a), .link_up(a_up),
      .m_axis_link_tdata(a_otdata), .m_axis_link_tkeep(a_otkeep), .m_axis_link_tvalid(a_otvalid),
      .m_axis_link_tready(a_otready), .m_axis_link_tlast(a_otlast),
      .s_axis_link_tdata(a_itdata), .s_axis_link_tkeep(a_itkeep), .s_axis_link_tvalid(a_itvalid),
      .s_axis_link_tready(a_itready), .s_axis_link_tlast(a_itlast), .irq(irq_a)
  );

  assign b_up[0]    = link_up_b & c2b_up;
  assign b_up[PREV] = link_up_b & a2b_up;
  crl_tb_side #(
      .DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .READ_EN(READ_EN),
      .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN), .FUNC_W(FUNC_W), .ID_W(ID_W), .STALL_MAX_CYCLES(STALL_MAX_CYCLES),
      .OP_TIMEOUT_CYCLES(OP_TIMEOUT_CYCLES), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES), .STORE_W(STORE_W), .NAME("b")
  ) b (
      .clk(clk_b), .rst(rst_b), .link_clk(clk_l), .link_rst(lrst_b), .link_up(b_up),
      .m_axis_link_tdata(b_otdata), .m_axis_link_tkeep(b_otkeep), .m_axis_link_tvalid(b_otvalid),
      .m_axis_link_tready(b_otready), .m_axis_link_tlast(b_otlast),
      .s_axis_link_tdata(b_itdata), .s_axis_link_tkeep(b_itkeep), .s_axis_link_tvalid(b_itvalid),
      .s_axis_link_tready(b_itready), .s_axis_link_tlast(b_itlast), .irq(irq_b)
  );

  assign c_up[0]    = link_up_c & a2c_up;
  assign c_up[PREV] = link_up_c & b2c_up;
  crl_tb_side #(
      .DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .READ_EN(READ_EN),
      .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN), .FUNC_W(FUNC_W), .ID_W(ID_W), .STALL_MAX_CYCLES(STALL_MAX_CYCLES),
      .OP_TIMEOUT_CYCLES(OP_TIMEOUT_CYCLES), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES), .STORE_W(STORE_W), .NAME("c")
  ) c (
      .clk(clk_c), .rst(rst_c), .link_clk(clk_l), .link_rst(lrst_c), .link_up(c_up),
      .m_axis_link_tdata(c_otdata), .m_axis_link_tkeep(c_otkeep), .m_axis_link_tvalid(c_otvalid),
      .m_axis_link_tready(c_otready), .m_axis_link_tlast(c_otlast),
      .s_axis_link_tdata(c_itdata), .s_axis_link_tkeep(c_itkeep), .s_axis_link_tvalid(c_itvalid),
      .s_axis_link_tready(c_itready), .s_axis_link_tlast(c_itlast), .irq(irq_c)
  );

  crl_tb_linkpipe #(.LINK_W(LINK_W), .NAME("pipe_a2b")) a2b (
      .clk(clk_l), .rst(lrst_a | lrst_b), .s_rst(lrst_a), .link_up(a2b_up),
      .s_axis_tdata(a_otdata[0 +: LINK_W]), .s_axis_tkeep(a_otkeep[0 +: LK]), .s_axis_tvalid(a_otvalid[0]),
      .s_axis_tready(a_otready[0]), .s_axis_tlast(a_otlast[0]),
      .m_axis_tdata(b_itdata[PREV*LINK_W +: LINK_W]), .m_axis_tkeep(b_itkeep[PREV*LK +: LK]), .m_axis_tvalid(b_itvalid[PREV]),
      .m_axis_tready(b_itready[PREV]), .m_axis_tlast(b_itlast[PREV])
  );
  crl_tb_linkpipe #(.LINK_W(LINK_W), .NAME("pipe_b2a")) b2a (
      .clk(clk_l), .rst(lrst_b | lrst_a), .s_rst(lrst_b), .link_up(b2a_up),
      .s_axis_tdata(b_otdata[PREV*LINK_W +: LINK_W]), .s_axis_tkeep(b_otkeep[PREV*LK +: LK]), .s_axis_tvalid(b_otvalid[PREV]),
      .s_axis_tready(b_otready[PREV]), .s_axis_tlast(b_otlast[PREV]),
      .m_axis_tdata(a_itdata[0 +: LINK_W]), .m_axis_tkeep(a_itkeep[0 +: LK]), .m_axis_tvalid(a_itvalid[0]),
      .m_axis_tready(a_itready[0]), .m_axis_tlast(a_itlast[0])
  );
  crl_tb_linkpipe #(.LINK_W(LINK_W), .NAME("pipe_b2c")) b2c (
      .clk(clk_l), .rst(lrst_b | lrst_c), .s_rst(lrst_b), .link_up(b2c_up),
      .s_axis_tdata(b_otdata[0 +: LINK_W]), .s_axis_tkeep(b_otkeep[0 +: LK]), .s_axis_tvalid(b_otvalid[0]),
      .s_axis_tready(b_otready[0]), .s_axis_tlast(b_otlast[0]),
      .m_axis_tdata(c_itdata[PREV*LINK_W +: LINK_W]), .m_axis_tkeep(c_itkeep[PREV*LK +: LK]), .m_axis_tvalid(c_itvalid[PREV]),
      .m_axis_tready(c_itready[PREV]), .m_axis_tlast(c_itlast[PREV])
  );
  crl_tb_linkpipe #(.LINK_W(LINK_W), .NAME("pipe_c2b")) c2b (
      .clk(clk_l), .rst(lrst_c | lrst_b), .s_rst(lrst_c), .link_up(c2b_up),
      .s_axis_tdata(c_otdata[PREV*LINK_W +: LINK_W]), .s_axis_tkeep(c_otkeep[PREV*LK +: LK]), .s_axis_tvalid(c_otvalid[PREV]),
      .s_axis_tready(c_otready[PREV]), .s_axis_tlast(c_otlast[PREV]),
      .m_axis_tdata(b_itdata[0 +: LINK_W]), .m_axis_tkeep(b_itkeep[0 +: LK]), .m_axis_tvalid(b_itvalid[0]),
      .m_axis_tready(b_itready[0]), .m_axis_tlast(b_itlast[0])
  );
  crl_tb_linkpipe #(.LINK_W(LINK_W), .NAME("pipe_c2a")) c2a (
      .clk(clk_l), .rst(lrst_c | lrst_a), .s_rst(lrst_c), .link_up(c2a_up),
      .s_axis_tdata(c_otdata[0 +: LINK_W]), .s_axis_tkeep(c_otkeep[0 +: LK]), .s_axis_tvalid(c_otvalid[0]),
      .s_axis_tready(c_otready[0]), .s_axis_tlast(c_otlast[0]),
      .m_axis_tdata(a_itdata[PREV*LINK_W +: LINK_W]), .m_axis_tkeep(a_itkeep[PREV*LK +: LK]), .m_axis_tvalid(a_itvalid[PREV]),
      .m_axis_tready(a_itready[PREV]), .m_axis_tlast(a_itlast[PREV])
  );
  crl_tb_linkpipe #(.LINK_W(LINK_W), .NAME("pipe_a2c")) a2c (
      .clk(clk_l), .rst(lrst_a | lrst_c), .s_rst(lrst_a), .link_up(a2c_up),
      .s_axis_tdata(a_otdata[PREV*LINK_W +: LINK_W]), .s_axis_tkeep(a_otkeep[PREV*LK +: LK]), .s_axis_tvalid(a_otvalid[PREV]),
      .s_axis_tready(a_otready[PREV]), .s_axis_tlast(a_otlast[PREV]),
      .m_axis_tdata(c_itdata[0 +: LINK_W]), .m_axis_tkeep(c_itkeep[0 +: LK]), .m_axis_tvalid(c_itvalid[0]),
      .m_axis_tready(c_itready[0]), .m_axis_tlast(c_itlast[0])
  );
endmodule

`default_nettype wire
