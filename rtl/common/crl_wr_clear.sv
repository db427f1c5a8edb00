// SPDX-License-Identifier: Apache-2.0
//
// crl_wr_clear: lets an event clear a word through the write port of a RAM that has a writer already.
//
// How: the clear waits in a register for a cycle in which the writer has nothing. One of these serves all copies of a RAM.
// Latency: writes 0 cycles; a clear is written in the next cycle without a write.
// Assumes: a cycle without a write comes before the next clear, and the writer leaves the word alone until then.
`default_nettype none

module crl_wr_clear #(
    parameter int W  = 8,   // bits a word
    parameter int AW = 3    // bits of an address
) (
    input  wire logic          clk,
    input  wire logic          rst,      // synchronous, active high
    input  wire logic          clr,      // event: the word at caddr becomes 0
    input  wire logic [AW-1:0] caddr,
    input  wire logic          s_we,     // the writer
    input  wire logic [AW-1:0] s_waddr,
    input  wire logic [W-1:0]  s_wdata,
    output logic               we,       // the RAM
    output logic      [AW-1:0] waddr,
    output logic      [W-1:0]  wdata
);

  logic          pend_q;
  logic [AW-1:0] addr_q;

  assign we    = s_we || pend_q;
  assign waddr = s_we ? s_waddr : addr_q;
  assign wdata = s_we ? s_wdata : '0;

  always_ff @(posedge clk) begin
    if (rst) pend_q <= 1'b0;
    else pend_q <= clr || (pend_q && s_we);
    if (clr) addr_q <= caddr;
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (!(clr && pend_q && s_we));
      assert (!(pend_q && s_we && s_waddr == addr_q));
    end
  end
`endif

endmodule

`default_nettype wire
