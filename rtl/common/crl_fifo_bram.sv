// SPDX-License-Identifier: Apache-2.0
//
// crl_fifo_bram: single-clock FIFO in block RAM, show-ahead.
//
// How: a ring of DEPTH words with synchronous read. The RAM's own read register is the output
//   stage: the next word is fetched in the cycle in which the stage is empty or is being emptied.
//   With OUTREG = 1 a second stage in flip-flops follows, for block RAMs that are slow from clock
//   to output.
// Latency: 2 cycles from an accepted beat to m_valid (3 with OUTREG). Throughput: a beat a cycle.
// Capacity: DEPTH beats in all, output stages included; 'level' counts all of them.
// Assumes: neighbours are reset together with it. s_ready depends on registers only; m_valid and
//   m_data don't change while m_valid is high and m_ready low.
`default_nettype none

module crl_fifo_bram #(
    parameter int W      = 64,   // bits a beat
    parameter int DEPTH  = 512,  // beats stored, a power of two, at least 4
    parameter bit OUTREG = 0,    // 1: a flip-flop stage behind the block RAM
    localparam int AW    = $clog2(DEPTH)
) (
    input  wire logic         clk,
    input  wire logic         rst,      // synchronous, active high
    input  wire logic         s_valid,
    output logic              s_ready,  // low only when full
    input  wire logic [W-1:0] s_data,
    output logic              m_valid,
    input  wire logic         m_ready,
    output logic      [W-1:0] m_data,
    output logic      [AW:0]  level     // beats stored, 0 to DEPTH
);

  initial begin
    if (DEPTH < 4 || (DEPTH & (DEPTH - 1)) != 0)
      $fatal(1, "crl_fifo_bram: DEPTH must be a power of two and at least 4");
  end

  logic [AW-1:0] wr_ptr_q, rd_ptr_q;
  logic [AW:0]   level_q;      // everything stored
  logic [AW:0]   staged;       // of that, what has left the RAM
  logic          push, pop, fetch;
  logic          rd_valid_q;   // the RAM's read register holds a beat
  logic          rd_take;      // and it is free or being emptied
  logic [W-1:0]  rd_data;

  assign s_ready = !level_q[AW];
  assign level   = level_q;
  assign push    = s_valid && s_ready;
  assign pop     = m_valid && m_ready;
  assign fetch   = level_q != staged && (!rd_valid_q || rd_take);

  // A fetch reads a word written in an earlier cycle, so reads and writes never collide.
  crl_ram_bram #(
      .W(W),
      .DEPTH(DEPTH)
  ) u_ram (
      .clk,
      .we(push),
      .waddr(wr_ptr_q),
      .wdata(s_data),
      .re(fetch),
      .raddr(rd_ptr_q),
      .rdata(rd_data)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      wr_ptr_q   <= '0;
      rd_ptr_q   <= '0;
      level_q    <= '0;
      rd_valid_q <= 1'b0;
    end else begin
      if (push)  wr_ptr_q <= wr_ptr_q + 1'b1;
      if (fetch) rd_ptr_q <= rd_ptr_q + 1'b1;
      level_q <= level_q + {{AW{pop && !push}}, pop != push};  // one adder: -1, 0 or +1
      if (fetch)        rd_valid_q <= 1'b1;
      else if (rd_take) rd_valid_q <= 1'b0;
    end
  end

  generate
    if (OUTREG) begin : g_outreg
      logic         valid_q;
      logic [W-1:0] data_q;

      assign rd_take = !valid_q || m_ready;
      assign staged  = {{(AW-1){1'b0}}, valid_q && rd_valid_q, valid_q != rd_valid_q};
      assign m_valid = valid_q;
      assign m_data  = data_q;

      always_ff @(posedge clk) begin
        if (rd_take) data_q <= rd_data;
      end

      always_ff @(posedge clk) begin
        if (rst)          valid_q <= 1'b0;
        else if (rd_take) valid_q <= rd_valid_q;
      end
    end else begin : g_direct
      assign rd_take = m_ready;
      assign staged  = {{AW{1'b0}}, rd_valid_q};
      assign m_valid = rd_valid_q;
      assign m_data  = rd_data;
    end
  endgenerate

endmodule

`default_nettype wire
