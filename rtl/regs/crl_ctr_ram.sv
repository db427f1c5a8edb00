// SPDX-License-Identifier: Apache-2.0
//
// crl_ctr_ram: 64-bit counters in block RAM, brought up to date from short running counters.
//
// How: a word holds a total and the short counter's value at the last visit. A visit adds the
//   difference, modulo the short counter's width, and keeps the new value. Nothing is ever lost or
//   counted twice, however often or seldom a counter is visited, as long as it moves by less than
//   its width in between. A visit with `v_clear` starts again at 0 from here; one with `v_stale`
//   takes no new value.
// Latency: d_valid and d_total 3 cycles after v_valid. Throughput: a visit a cycle.
// Assumes: one address is visited at most once in 4 cycles; its first visit after power-up clears.
`default_nettype none

module crl_ctr_ram #(
    parameter int AW = 8,   // address bits
    parameter int W  = 20,  // bits of the widest short counter
    parameter int NW = 12   // bits of the narrow ones, to W
) (
    input  wire logic          clk,
    input  wire logic          rst,       // synchronous, active high
    input  wire logic          v_valid,   // event: a visit
    input  wire logic [AW-1:0] v_addr,
    input  wire logic [W-1:0]  v_val,     // the short counter
    input  wire logic          v_narrow,  // it has NW bits
    input  wire logic          v_clear,
    input  wire logic          v_stale,   // v_val doesn't count
    output logic               d_valid,   // event: d_total is the counter
    output logic      [63:0]   d_total
);

  // Stage 1: the word arrives. Stage 2: difference known. Stage 3: total known, written.
  logic          s1_q, s2_q, s3_q, clear_q, narrow_q, stale_q;
  logic [AW-1:0] addr1_q, addr2_q, addr3_q;
  logic [W-1:0]  val1_q, val2_q, val3_q, delta_q, diff;
  logic [63:0]   total2_q, total3_q;
  logic [W+63:0] rdata;

  crl_ram_bram #(.W(W + 64), .DEPTH(1 << AW)) u_ram (
      .clk, .we(s3_q), .waddr(addr3_q), .wdata({val3_q, total3_q}),
      .re(1'b1), .raddr(v_addr), .rdata
  );

  assign diff = val1_q - rdata[64 +: W];

  always_ff @(posedge clk) begin
    if (rst) begin
      s1_q <= 1'b0;
      s2_q <= 1'b0;
      s3_q <= 1'b0;
    end else begin
      s1_q <= v_valid;
      s2_q <= s1_q;
      s3_q <= s2_q;
    end
  end

  always_ff @(posedge clk) begin
    addr1_q  <= v_addr;
    val1_q   <= v_val;
    clear_q  <= v_clear;
    narrow_q <= v_narrow;
    stale_q  <= v_stale;

    addr2_q  <= addr1_q;
    val2_q   <= stale_q ? rdata[64 +: W] : val1_q;
    total2_q <= clear_q ? '0 : rdata[63:0];
    delta_q  <= clear_q || stale_q ? '0 : diff;
    if (narrow_q) delta_q[W-1:NW] <= '0;

    addr3_q  <= addr2_q;
    val3_q   <= val2_q;
    total3_q <= total2_q + 64'(delta_q);
  end

  assign d_valid = s3_q;
  assign d_total = total3_q;

endmodule

`default_nettype wire
