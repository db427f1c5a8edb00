// SPDX-License-Identifier: Apache-2.0
//
// crl_regs_axil: AXI4-Lite front of the registers; one write and one read at a time.
//
// How: an address is registered first; its data are taken from the next cycle on, so that decoding
//   and the owner check start from registers. `wr` marks the W handshake. A read is handed on as
//   `rd_valid` until `rd_done` brings its data. All responses are OKAY.
// Latency: W to B 1 cycle. AW to W at least 1. Throughput: a write every 2 cycles.
// Assumes: `hold` and `rd_done` come in bounded time and don't depend on anything outside the
//   register block.
`default_nettype none

module crl_regs_axil #(
    parameter int FUNC_W = 8
) (
    input  wire logic              clk,
    input  wire logic              rst,             // synchronous, active high

    input  wire logic [20:0]       s_axil_awaddr,
    input  wire logic [FUNC_W-1:0] s_axil_awuser,   // who asks
    input  wire logic              s_axil_awvalid,
    output logic                   s_axil_awready,
    input  wire logic [63:0]       s_axil_wdata,
    input  wire logic [7:0]        s_axil_wstrb,
    input  wire logic              s_axil_wvalid,
    output logic                   s_axil_wready,
    output logic      [1:0]        s_axil_bresp,
    output logic                   s_axil_bvalid,
    input  wire logic              s_axil_bready,
    input  wire logic [20:0]       s_axil_araddr,
    input  wire logic [FUNC_W-1:0] s_axil_aruser,   // who asks
    input  wire logic              s_axil_arvalid,
    output logic                   s_axil_arready,
    output logic      [63:0]       s_axil_rdata,
    output logic      [1:0]        s_axil_rresp,
    output logic                   s_axil_rvalid,
    input  wire logic              s_axil_rready,

    input  wire logic              init,            // after reset: nothing is accepted
    input  wire logic              hold,            // no write now
    output logic                   wr,              // event: a write is taken
    output logic      [20:0]       wr_addr,         // from a register, known before `wr`
    output logic      [FUNC_W-1:0] wr_user,         // likewise
    output logic      [63:0]       wr_data,
    output logic      [7:0]        wr_strb,

    output logic                   rd_valid,        // a read waits for rd_done
    output logic      [20:0]       rd_addr,
    output logic      [FUNC_W-1:0] rd_user,
    input  wire logic              rd_done,         // event: rd_data counts
    input  wire logic              rd_ones,         // refused: all ones, whatever rd_data says
    input  wire logic [63:0]       rd_data
);

  logic              aw_held_q, ar_held_q, b_q, r_q;
  logic [20:0]       aw_addr_q, ar_addr_q;
  logic [FUNC_W-1:0] aw_user_q, ar_user_q;
  logic [63:0]       r_data_q;

  assign s_axil_awready = !aw_held_q && !init;
  assign s_axil_wready  = aw_held_q && !b_q && !hold;
  assign s_axil_bresp   = 2'b00;
  assign s_axil_bvalid  = b_q;
  assign s_axil_arready = !ar_held_q && !r_q && !init;
  assign s_axil_rdata   = r_data_q;
  assign s_axil_rresp   = 2'b00;
  assign s_axil_rvalid  = r_q;

  assign wr      = s_axil_wvalid && s_axil_wready;
  assign wr_addr = aw_addr_q;
  assign wr_user = aw_user_q;
  assign wr_data = s_axil_wdata;
  assign wr_strb = s_axil_wstrb;

  assign rd_valid = ar_held_q;
  assign rd_addr  = ar_addr_q;
  assign rd_user  = ar_user_q;

  always_ff @(posedge clk) begin
    if (s_axil_awready) begin
      aw_addr_q <= s_axil_awaddr;
      aw_user_q <= s_axil_awuser;
    end
    if (s_axil_arready) begin
      ar_addr_q <= s_axil_araddr;
      ar_user_q <= s_axil_aruser;
    end
    if (rd_done) r_data_q <= rd_ones ? '1 : rd_data;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      aw_held_q <= 1'b0;
      ar_held_q <= 1'b0;
      b_q       <= 1'b0;
      r_q       <= 1'b0;
    end else begin
      if (s_axil_awvalid && s_axil_awready) aw_held_q <= 1'b1;
      else if (wr)                          aw_held_q <= 1'b0;
      if (wr)                 b_q <= 1'b1;
      else if (s_axil_bready) b_q <= 1'b0;
      if (s_axil_arvalid && s_axil_arready) ar_held_q <= 1'b1;
      else if (rd_done)                     ar_held_q <= 1'b0;
      if (rd_done)            r_q <= 1'b1;
      else if (s_axil_rready) r_q <= 1'b0;
    end
  end

endmodule

`default_nettype wire
