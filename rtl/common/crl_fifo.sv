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

  logic         out_valid_q;  // the output register holds the oldest beat; 0 without OUTREG
  logic [W-1:0] out_q;

  generate
    if (OUTREG) begin : g_outreg
      logic mem_any;

      // The count includes the register, so the ring holds something unless the two agree.
      assign mem_any = level_q != {{AW{1'b0}}, out_valid_q};
      assign mem_pop = mem_any && (!out_valid_q || m_ready);
      assign m_valid = out_valid_q;
      assign m_data  = out_q;

      always_ff @(posedge clk) begin
        if (mem_pop) out_q <= mem[rd_ptr_q];
      end

      always_ff @(posedge clk) begin
        if (rst)          out_valid_q <= 1'b0;
        else if (mem_pop) out_valid_q <= 1'b1;
        else if (m_ready) out_valid_q <= 1'b0;
      end
    end else begin : g_direct
      logic unused;

      assign unused      = &{1'b0, out_valid_q, out_q};
      assign out_valid_q = 1'b0;
      assign out_q       = '0;
      assign m_valid     = level_q != '0;
      assign mem_pop     = pop;
      assign m_data      = mem[rd_ptr_q];
    end
  endgenerate

`ifdef FORMAL
  logic          f_past_q;
  logic          f_stalled_q;
  logic [W-1:0]  f_data_q;
  logic [AW-1:0] f_stored;  // in the ring

  initial f_past_q = 1'b0;
  assign f_stored = wr_ptr_q - rd_ptr_q;

  always @(posedge clk) begin
    f_past_q    <= 1'b1;
    f_stalled_q <= !rst && m_valid && !m_ready;
    f_data_q    <= m_data;
    if (f_past_q) begin
      assert (level_q <= (AW + 1)'(DEPTH));
      assert (f_stored + AW'(out_valid_q) == level_q[AW-1:0]);
      assert (!out_valid_q || level_q != '0);
      if (f_stalled_q) begin
        assert (m_valid);
        assert (m_data == f_data_q);
      end
    end
  end

`ifdef CRL_GHOST
  // Any one beat, followed from the entrance to the exit.
  (* anyseq *) logic f_pick;
  logic          f_on_q;
  logic [AW:0]   f_ahead_q;  // beats that leave before it
  logic [W-1:0]  f_beat_q;
  logic [AW-1:0] f_slot;

  initial f_on_q = 1'b0;
  assign f_slot = rd_ptr_q + f_ahead_q[AW-1:0] - AW'(out_valid_q);

  always @(posedge clk) begin
    if (rst) f_on_q <= 1'b0;
    else if (f_on_q && pop) begin
      f_on_q    <= f_ahead_q != '0;
      f_ahead_q <= f_ahead_q - 1'b1;
    end else if (!f_on_q && push && f_pick) begin
      f_on_q    <= 1'b1;
      f_ahead_q <= pop ? level_q - 1'b1 : level_q;
      f_beat_q  <= s_data;
    end
    if (f_past_q && f_on_q) begin
      assert (f_ahead_q < level_q);
      if (out_valid_q && f_ahead_q == '0) assert (out_q == f_beat_q);
      else                                assert (mem[f_slot] == f_beat_q);
      if (m_valid && f_ahead_q == '0) assert (m_data == f_beat_q);
      cover (pop && f_ahead_q == '0);
    end
  end
`endif
`endif

endmodule

`default_nettype wire
