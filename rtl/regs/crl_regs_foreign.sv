// SPDX-License-Identifier: Apache-2.0
//
// crl_regs_foreign: counts the accesses that were refused, a 32-bit counter a FUNCTION_ID, and keeps
//   the latest one.
//
// How: counters in a RAM; an event reads in its cycle and writes in the next one. A refused write
//   goes first and can't be refused; a refused read waits for its turn (`ev_rd` until `ev_rd_done`),
//   at most until the write path has paused: `wr_hold` asks it to.
// Latency: 2 cycles. Throughput: an event every 2 cycles.
// Assumes: ev_wr at most every second cycle; no ev_wr two cycles or more after wr_hold rose.
`default_nettype none

module crl_regs_foreign #(
    parameter int FUNC_W = 8
) (
    input  wire logic              clk,
    input  wire logic              rst,          // synchronous, active high
    output logic                   init,         // the sweep after reset is running
    output logic                   wr_hold,      // no writes, please

    input  wire logic              ev_wr,        // event: a refused write
    input  wire logic [FUNC_W-1:0] ev_wr_func,
    input  wire logic [20:0]       ev_wr_addr,
    input  wire logic              ev_rd,        // a refused read waits
    input  wire logic [FUNC_W-1:0] ev_rd_func,
    input  wire logic [20:0]       ev_rd_addr,
    output logic                   ev_rd_done,   // event: it is counted

    input  wire logic              get,          // read-out of get_func waits
    input  wire logic [FUNC_W-1:0] get_func,
    output logic                   get_done,     // event: count is valid
    output logic      [31:0]       count,

    output logic                   last_valid,   // the latest refused access
    output logic                   last_write,
    output logic      [FUNC_W-1:0] last_func,
    output logic      [20:0]       last_addr
);

  logic              init_q, bump_q, got_q, busy;
  logic [FUNC_W-1:0] func_q, raddr, waddr;
  logic [31:0]       rdata;
  logic              we, re;
  logic              ev, do_get;

  assign init    = init_q;
  assign wr_hold = ev_rd || get;
  assign busy    = bump_q || init_q;  // the RAM is being written

  assign ev_rd_done = ev_rd && !ev_wr && !busy;
  assign do_get     = get && !got_q && !ev_wr && !ev_rd && !busy;
  assign ev         = ev_wr || ev_rd_done;
  assign re         = ev || do_get;
  assign raddr      = ev_wr ? ev_wr_func : ev_rd ? ev_rd_func : get_func;
  assign we         = bump_q || init_q;
  assign waddr      = func_q;
  assign get_done   = got_q;
  assign count      = rdata;

  crl_ram_bram #(.W(32), .DEPTH(1 << FUNC_W)) u_ram (
      .clk, .we, .waddr, .wdata(init_q ? 32'd0 : rdata + 32'd1), .re, .raddr, .rdata
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      init_q     <= 1'b1;
      bump_q     <= 1'b0;
      got_q      <= 1'b0;
      func_q     <= '0;
      last_valid <= 1'b0;
    end else begin
      bump_q <= ev;
      got_q  <= do_get;
      if (init_q) begin
        func_q <= func_q + 1'b1;
        init_q <= func_q != '1;
      end else begin
        func_q <= raddr;
      end
      if (ev) last_valid <= 1'b1;
    end
  end

  always_ff @(posedge clk) begin
    if (ev) begin
      last_write <= ev_wr;
      last_func  <= raddr;
      last_addr  <= ev_wr ? ev_wr_addr : ev_rd_addr;
    end
  end

endmodule

`default_nettype wire
