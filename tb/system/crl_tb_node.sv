// SPDX-License-Identifier: Apache-2.0
// One node and its memory, link down: for the benches of the engine alone. A test component.
// Same names as crl_tb_pair, so that the driver serves both.
`timescale 1ps / 1ps
`default_nettype none

module crl_tb_node #(
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
    parameter int STORE_W           = 24
) (
    output wire irq_a
);
  reg [31:0] period_a = 10000, period_l = 10000;
  reg clk_a = 0, clk_l = 0;
  initial forever #(period_a / 2) clk_a = !clk_a;
  initial forever #(period_l / 2) clk_l = !clk_l;
  reg rst_a = 1, lrst_a = 1;
  reg link_up_a = 0;

  wire [LINK_W-1:0] otdata;
  wire [LINK_W/8-1:0] otkeep;
  wire otvalid, otlast, itready;

  crl_tb_side #(
      .DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .PEERS(1), .SEGMENTS(SEGMENTS),
      .READS_IN_FLIGHT(READS_IN_FLIGHT), .WRITES_IN_FLIGHT(WRITES_IN_FLIGHT),
      .MAX_BURST_BYTES(MAX_BURST_BYTES), .PREFETCH(PREFETCH), .OPS(OPS), .LINK_MTU(LINK_MTU),
      .RX_SHARED(RX_SHARED), .REPLAY_FRAMES(REPLAY_FRAMES), .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN), .HOLD_FRAMES(HOLD_FRAMES), .READ_SLOTS(READ_SLOTS), .FUNC_W(FUNC_W), .ID_W(ID_W), .STALL_MAX_CYCLES(STALL_MAX_CYCLES),
      .OP_TIMEOUT_CYCLES(OP_TIMEOUT_CYCLES), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES),
      .STORE_W(STORE_W), .NAME("a")
  ) a (
      .clk(clk_a), .rst(rst_a), .link_clk(clk_l), .link_rst(lrst_a), .link_up(link_up_a),
      .m_axis_link_tdata(otdata), .m_axis_link_tkeep(otkeep), .m_axis_link_tvalid(otvalid),
      .m_axis_link_tready(1'b1), .m_axis_link_tlast(otlast),
      .s_axis_link_tdata({LINK_W{1'b0}}), .s_axis_link_tkeep({LINK_W / 8{1'b0}}),
      .s_axis_link_tvalid(1'b0), .s_axis_link_tready(itready), .s_axis_link_tlast(1'b0), .irq(irq_a)
  );
endmodule

`default_nettype wire
