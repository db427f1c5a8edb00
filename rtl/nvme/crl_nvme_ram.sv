// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_ram: numbers of the queues, with one write port, two asynchronous read ports and a clear; LUT RAM.
//
// How: as crl_ram_clr, but the flip-flops that say "reads as zero" are shared by the two read ports. CLEAR = 0 leaves them out.
// Latency: read 0 cycles; writes and clears are seen from the next cycle on. A clear wins over a write to the same word.
// Assumes: addresses are below DEPTH. After reset every word reads as zero (with CLEAR).
`default_nettype none

module crl_nvme_ram #(
    parameter int W     = 12,  // bits a word
    parameter int DEPTH = 2,   // words, at least 2
    parameter bit CLEAR = 1,
    localparam int AW   = $clog2(DEPTH)
) (
`ifdef CRL_GHOST
    input  wire logic [AW-1:0] f_addr,   // proofs look at this word
    output logic      [W-1:0]  f_data,
`endif
    input  wire logic          clk,
    input  wire logic          rst,      // synchronous, active high
    input  wire logic          clr,      // event: caddr reads as zero
    input  wire logic [AW-1:0] caddr,
    input  wire logic          we,       // event
    input  wire logic [AW-1:0] waddr,
    input  wire logic [W-1:0]  wdata,
    input  wire logic [AW-1:0] a_addr,   // the two read ports
    output logic      [W-1:0]  a_data,
    input  wire logic [AW-1:0] b_addr,
    output logic      [W-1:0]  b_data
);

  initial if (DEPTH < 2) $fatal(1, "crl_nvme_ram: DEPTH must be at least 2");

  (* ram_style = "distributed" *)
  logic [W-1:0]     mem [0:DEPTH-1];
  logic [DEPTH-1:0] zero_q;

  assign a_data = zero_q[a_addr] ? '0 : mem[a_addr];
  assign b_data = zero_q[b_addr] ? '0 : mem[b_addr];
`ifdef CRL_GHOST
  assign f_data = zero_q[f_addr] ? '0 : mem[f_addr];
`endif

  always_ff @(posedge clk) begin
    if (we) mem[waddr] <= wdata;
  end

  generate
    if (CLEAR) begin : g_clear
      always_ff @(posedge clk) begin
        if (rst) zero_q <= '1;
        else begin
          if (we)  zero_q[waddr] <= 1'b0;
          if (clr) zero_q[caddr] <= 1'b1;
        end
      end
    end else begin : g_plain
      logic unused;

      assign zero_q = '0;
      assign unused = &{1'b0, rst, clr, caddr};
    end
  endgenerate

endmodule

`default_nettype wire
