// SPDX-License-Identifier: Apache-2.0
//
// crl_regs_foreign: counts the accesses that were refused, a 32-bit counter a FUNCTION_ID, and keeps
//   the latest one.
//
// How: counters in a RAM; an event reads in its cycle, and writes two cycles later. The word of the
//   event before, if it is the same one, comes from the register it is written from. A refused write
//   goes first and can't be refused; a refused read waits for its turn (`ev_rd` until `ev_rd_done`),
//   at most until the write path has paused: `wr_hold` asks it to.
// Latency: 3 cycles. Throughput: an event every 2 cycles.
// Assumes: ev_wr at most every second cycle, and not with `recent`.
`default_nettype none

module crl_regs_foreign #(
    parameter int FUNC_W = 8
) (
    input  wire logic              clk,
    input  wire logic              rst,          // synchronous, active high
    output logic                   init,         // the sweep after reset is running
    output logic                   wr_hold,      // no writes, please
    output logic                   recent,       // an event a cycle ago

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

  // An event is in stage 1 when its word arrives, in stage 2 when it is written.
  logic              init_q, ev1_q, ev2_q, same_q, got_q;
  logic [FUNC_W-1:0] func1_q, func2_q, raddr;
  logic [31:0]       rdata, base_q, sum;
  logic              ev, do_get;

  assign init    = init_q;
  assign wr_hold = ev_rd || get;
  assign recent  = ev1_q;

  assign ev_rd_done = ev_rd && !ev_wr && !ev1_q && !init_q;
  assign do_get     = get && !got_q && !ev_wr && !ev_rd && !ev1_q && !ev2_q && !init_q;
  assign ev         = ev_wr || ev_rd_done;
  assign raddr      = ev_wr ? ev_wr_func : ev_rd ? ev_rd_func : get_func;
  assign get_done   = got_q;
  assign count      = rdata;
  assign sum        = base_q + 32'd1;

  // What is read while it is being written doesn't count: `sum` does.
  crl_ram_bram #(.W(32), .DEPTH(1 << FUNC_W)) u_ram (
      .clk, .we(ev2_q || init_q), .waddr(func2_q), .wdata(sum),
      .re(1'b1), .raddr, .rdata
  );

  // All ones while clearing, so that what is written is 0.
  always_ff @(posedge clk) begin
    if (rst || init_q) base_q <= '1;
    else if (ev1_q)    base_q <= same_q ? sum : rdata;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      init_q     <= 1'b1;
      ev1_q      <= 1'b0;
      ev2_q      <= 1'b0;
      got_q      <= 1'b0;
      func2_q    <= '0;
      last_valid <= 1'b0;
    end else begin
      ev1_q <= ev;
      ev2_q <= ev1_q;
      got_q <= do_get;
      if (init_q) begin
        func2_q <= func2_q + 1'b1;
        init_q  <= func2_q != '1;
      end else begin
        func2_q <= func1_q;
      end
      if (ev) last_valid <= 1'b1;
    end
  end

  always_ff @(posedge clk) begin
    func1_q <= raddr;
    same_q  <= ev2_q && raddr == func2_q;
    if (ev) begin
      last_write <= ev_wr;
      last_func  <= raddr;
      last_addr  <= ev_wr ? ev_wr_addr : ev_rd_addr;
    end
  end

endmodule

`default_nettype wire
