// SPDX-License-Identifier: Apache-2.0
//
// crl_ram_clr: crl_ram_lut whose words can be set to zero one by one beside the write port.
//
// How: a flip-flop a word says that it reads as zero; a write takes the flag away. Reset sets all flags.
// Latency: read 0 cycles; writes and clears are seen from the next cycle on. A clear wins over a write to the same word.
// Assumes: addresses are below DEPTH.
`default_nettype none

module crl_ram_clr #(
    parameter int W     = 8,
    parameter int DEPTH = 16,
    localparam int AW   = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  wire logic          clk,
    input  wire logic          rst,
    input  wire logic          clr,      // event: caddr reads as zero
    input  wire logic [AW-1:0] caddr,
    input  wire logic          we,
    input  wire logic [AW-1:0] waddr,
    input  wire logic [W-1:0]  wdata,
    input  wire logic [AW-1:0] raddr,
    output logic      [W-1:0]  rdata
);

  logic [DEPTH-1:0] zero_q;
  logic [W-1:0]     word;

  crl_ram_lut #(.W(W), .DEPTH(DEPTH)) u_ram (.clk, .we, .waddr, .wdata, .raddr, .rdata(word));
  assign rdata = zero_q[raddr] ? '0 : word;

  always_ff @(posedge clk) begin
    if (rst) zero_q <= '1;
    else begin
      if (we) zero_q[waddr] <= 1'b0;
      if (clr) zero_q[caddr] <= 1'b1;
    end
  end

endmodule

`default_nettype wire
