// SPDX-License-Identifier: Apache-2.0
// Two nodes, their memories and the link between them, on three unrelated clocks. A test component.
//
// Clock periods are registers in picoseconds, so a test changes them without a new build. The link
// pipes run on the link clock that both ends share. A reset of either end empties the pipes.
`timescale 1ps / 1ps
`default_nettype none

module crl_tb_pair #(
    parameter int DATA_W            = 64,
    parameter int LINK_W            = DATA_W,
    parameter int CHANNELS          = 8,
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
    parameter int STORE_W           = 23    // log2 of each memory in bytes
) (
    output wire irq_a,
    output wire irq_b
);
  reg [31:0] period_a = 10000, period_b = 10000, period_l = 10000;
  reg clk_a = 0, clk_b = 0, clk_l = 0;
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
    #(period_l / 2) clk_l = run && !clk_l;
  end

  reg rst_a = 1, rst_b = 1;       // on clk_a, clk_b
  reg lrst_a = 1, lrst_b = 1;     // on clk_l
  reg link_up_a = 0, link_up_b = 0;
  wire a2b_up, b2a_up;            // a pipe that is cut takes the pin of its receiver down, if told to

  wire [LINK_W-1:0] a_otdata, b_otdata, a_itdata, b_itdata;
  wire [LINK_W/8-1:0] a_otkeep, b_otkeep, a_itkeep, b_itkeep;
  wire a_otvalid, a_otready, a_otlast, a_itvalid, a_itready, a_itlast;
  wire b_otvalid, b_otready, b_otlast, b_itvalid, b_itready, b_itlast;

  crl_tb_side #(
      .DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .PEERS(1), .SEGMENTS(SEGMENTS),
      .READS_IN_FLIGHT(READS_IN_FLIGHT), .WRITES_IN_FLIGHT(WRITES_IN_FLIGHT),
      .MAX_BURST_BYTES(MAX_BURST_BYTES), .PREFETCH(PREFETCH), .OPS(OPS), .LINK_MTU(LINK_MTU),
      .RX_SHARED(RX_SHARED), .REPLAY_FRAMES(REPLAY_FRAMES), .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN), .HOLD_FRAMES(HOLD_FRAMES), .READ_SLOTS(READ_SLOTS), .FUNC_W(FUNC_W), .ID_W(ID_W), .STALL_MAX_CYCLES(STALL_MAX_CYCLES),
      .OP_TIMEOUT_CYCLES(OP_TIMEOUT_CYCLES), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES),
      .STORE_W(STORE_W), .NAME("a")
  ) a (
      .clk(clk_a), .rst(rst_a), .link_clk(clk_l), .link_rst(lrst_a), .link_up(link_up_a & b2a_up),
      .m_axis_link_tdata(a_otdata), .m_axis_link_tkeep(a_otkeep), .m_axis_link_tvalid(a_otvalid),
      .m_axis_link_tready(a_otready), .m_axis_link_tlast(a_otlast),
      .s_axis_link_tdata(a_itdata), .s_axis_link_tkeep(a_itkeep), .s_axis_link_tvalid(a_itvalid),
      .s_axis_link_tready(a_itready), .s_axis_link_tlast(a_itlast), .irq(irq_a)
  );
  crl_tb_side #(
      .DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .PEERS(1), .SEGMENTS(SEGMENTS),
      .READS_IN_FLIGHT(READS_IN_FLIGHT), .WRITES_IN_FLIGHT(WRITES_IN_FLIGHT),
      .MAX_BURST_BYTES(MAX_BURST_BYTES), .PREFETCH(PREFETCH), .OPS(OPS), .LINK_MTU(LINK_MTU),
      .RX_SHARED(RX_SHARED), .REPLAY_FRAMES(REPLAY_FRAMES), .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN), .HOLD_FRAMES(HOLD_FRAMES), .READ_SLOTS(READ_SLOTS), .FUNC_W(FUNC_W), .ID_W(ID_W), .STALL_MAX_CYCLES(STALL_MAX_CYCLES),
      .OP_TIMEOUT_CYCLES(OP_TIMEOUT_CYCLES), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES),
      .STORE_W(STORE_W), .NAME("b")
  ) b (
      .clk(clk_b), .rst(rst_b), .link_clk(clk_l), .link_rst(lrst_b), .link_up(link_up_b & a2b_up),
      .m_axis_link_tdata(b_otdata), .m_axis_link_tkeep(b_otkeep), .m_axis_link_tvalid(b_otvalid),
      .m_axis_link_tready(b_otready), .m_axis_link_tlast(b_otlast),
      .s_axis_link_tdata(b_itdata), .s_axis_link_tkeep(b_itkeep), .s_axis_link_tvalid(b_itvalid),
      .s_axis_link_tready(b_itready), .s_axis_link_tlast(b_itlast), .irq(irq_b)
  );

  crl_tb_linkpipe #(.LINK_W(LINK_W), .NAME("pipe_a2b")) a2b (
      .clk(clk_l), .rst(lrst_a | lrst_b), .s_rst(lrst_a), .link_up(a2b_up),
      .s_axis_tdata(a_otdata), .s_axis_tkeep(a_otkeep), .s_axis_tvalid(a_otvalid),
      .s_axis_tready(a_otready), .s_axis_tlast(a_otlast),
      .m_axis_tdata(b_itdata), .m_axis_tkeep(b_itkeep), .m_axis_tvalid(b_itvalid),
      .m_axis_tready(b_itready), .m_axis_tlast(b_itlast)
  );
  crl_tb_linkpipe #(.LINK_W(LINK_W), .NAME("pipe_b2a")) b2a (
      .clk(clk_l), .rst(lrst_a | lrst_b), .s_rst(lrst_b), .link_up(b2a_up),
      .s_axis_tdata(b_otdata), .s_axis_tkeep(b_otkeep), .s_axis_tvalid(b_otvalid),
      .s_axis_tready(b_otready), .s_axis_tlast(b_otlast),
      .m_axis_tdata(a_itdata), .m_axis_tkeep(a_itkeep), .m_axis_tvalid(a_itvalid),
      .m_axis_tready(a_itready), .m_axis_tlast(a_itlast)
  );
endmodule

`default_nettype wire
