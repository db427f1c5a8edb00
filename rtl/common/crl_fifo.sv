// SPDX-License-Identifier: Apache-2.0
//
// crl_fifo: single-clock FIFO in LUT RAM, show-ahead.
//
// How: a ring of DEPTH words with asynchronous read, two pointers and a registered count. With
//   OUTREG = 1 the head of the ring is copied into a register before it leaves, which takes the
//   RAM's read multiplexer out of the consumer's path.
// Latency: 1 cycle from an accepted beat to m_valid (2 with OUTREG). Throughput: a beat a cycle.
// Capacity: DEPTH beats in all, the output register included; so OUTREG with DEPTH = 2 could not
//   keep up and is refused.
// Assumes: neighbours are reset together with it. s_ready depends on registers only; m_valid and
//   m_data don't change while m_valid is high and m_ready low.
`default_nettype none

module crl_fifo #(
    parameter int W      = 8,   // bits a beat
    parameter int DEPTH  = 16,  // beats stored, a power of two, at least 2 (4 with OUTREG)
    parameter bit OUTREG = 0,   // 1: m_data comes from a register
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
    if (DEPTH < 2 || (DEPTH & (DEPTH - 1)) != 0)
      $fatal(1, "crl_fifo: DEPTH must be a power of two and at least 2");
    if (OUTREG && DEPTH < 4) $fatal(1, "crl_fifo: OUTREG needs a DEPTH of at least 4");
  end

  (* ram_style = "distributed" *)
  logic [W-1:0] mem [0:DEPTH-1];

  logic [AW-1:0] wr_ptr_q, rd_ptr_q;
  logic [AW:0]   level_q;
  logic          push, pop;   // at the outer ports
  logic          mem_pop;     // out of the ring

  assign s_ready = !level_q[AW];
  assign level   = level_q;
  assign push    = s_valid && s_ready;
  assign pop     = m_valid && m_ready;

  always_ff @(posedge clk) begin
    if (push) mem[wr_ptr_q] <= s_data;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      wr_ptr_q <= '0;
      rd_ptr_q <= '0;
      level_q  <= '0;
    end else begin
      if (push)    wr_ptr_q <= wr_ptr_q + 1'b1;
      if (mem_pop) rd_ptr_q <= rd_ptr_q + 1'b1;
      level_q <= level_q + {{AW{pop && !push}}, pop != push};  // one adder: -1, 0 or +1
    end
  end

  generate
    if (OUTREG) begin : g_outreg
      logic         valid_q;
      logic [W-1:0] data_q;
      logic         mem_any;

      // The count includes the register, so the ring holds something unless the two agree.
      assign mem_any = level_q != {{AW{1'b0}}, valid_q};
      assign mem_pop = mem_any && (!valid_q || m_ready);
      assign m_valid = valid_q;
      assign m_data  = data_q;

      always_ff @(posedge clk) begin
        if (mem_pop) data_q <= mem[rd_ptr_q];
      end

      always_ff @(posedge clk) begin
        if (rst)          valid_q <= 1'b0;
        else if (mem_pop) valid_q <= 1'b1;
        else if (m_ready) valid_q <= 1'b0;
      end
    end else begin : g_direct
      assign m_valid = level_q != '0;
      assign mem_pop = pop;
      assign m_data  = mem[rd_ptr_q];
    end
  endgenerate

endmodule

`default_nettype wire
