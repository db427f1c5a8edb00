// SPDX-License-Identifier: Apache-2.0
//
// crl_fifo_head: single-clock FIFO in LUT RAM, show-ahead, its head in a register at a latency of one cycle.
//
// How: a ring of DEPTH words with asynchronous read, and the oldest beat in flip-flops in front of it, into which a beat goes at once that
//   finds nothing waiting. The ring's next free word is written all the time, needed or not, so that neither s_valid nor m_ready nor s_past is
//   in the way of the RAM's write enable. For those who take a beat past the FIFO: it is offered to both, and s_past says that it need not be kept.
// Latency: 1 cycle from an accepted beat to m_valid. Throughput: a beat a cycle.
// Capacity: DEPTH beats in all, the head included.
// Assumes: neighbours are reset together with it. s_ready and all of m_* come from registers; m_valid and m_data don't change while
//   m_valid is high and m_ready low.
`default_nettype none

module crl_fifo_head #(
    parameter int W     = 8,   // bits a beat
    parameter int DEPTH = 16,  // beats stored, a power of two, at least 2
    localparam int AW   = $clog2(DEPTH)
) (
    input  wire logic         clk,
    input  wire logic         rst,      // synchronous, active high
    input  wire logic         s_valid,
    output logic              s_ready,  // low only when full
    input  wire logic         s_past,   // with s_valid: the beat is not stored, somebody else took it
    input  wire logic [W-1:0] s_data,
    output logic              m_valid,
    output logic              m_none,   // the opposite, from a register of its own: for wide choices
    input  wire logic         m_ready,
    output logic      [W-1:0] m_data,
    output logic      [AW:0]  level     // beats stored, 0 to DEPTH
);

  initial
    if (DEPTH < 2 || (DEPTH & (DEPTH - 1)) != 0)
      $fatal(1, "crl_fifo_head: DEPTH must be a power of two and at least 2");

  (* ram_style = "distributed" *)
  logic [W-1:0] mem [0:DEPTH-1];

  logic [AW-1:0] wr_ptr_q, rd_ptr_q;
  logic [AW:0]   level_q;      // everything stored
  logic          more_q;       // beats wait behind the head
  logic          push, pop, free, load;

  assign s_ready = !level_q[AW];
  assign level   = level_q;
  assign push    = s_valid && s_ready && !s_past;
  assign pop     = m_valid && m_ready;
  assign free    = !m_valid || m_ready;
  assign load    = free && (more_q || push);

  always_ff @(posedge clk) begin
    if (s_ready) mem[wr_ptr_q] <= s_data;
    if (free) m_data <= more_q ? mem[rd_ptr_q] : s_data;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      wr_ptr_q <= '0;
      rd_ptr_q <= '0;
      level_q  <= '0;
      more_q   <= 1'b0;
      m_valid  <= 1'b0;
      m_none   <= 1'b1;
    end else begin
      if (push) wr_ptr_q <= wr_ptr_q + 1'b1;
      if (load) rd_ptr_q <= rd_ptr_q + 1'b1;
      level_q <= level_q + {{AW{pop && !push}}, pop != push};  // one adder: -1, 0 or +1
      if (push && !pop)      more_q <= m_valid;
      else if (pop && !push) more_q <= more_q && level_q != (AW + 1)'(2);
      if (free) begin
        m_valid <= load;
        m_none  <= !load;
      end
    end
  end

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
      assert (f_stored == AW'(level_q - (AW + 1)'(m_valid)));
      assert (m_valid == (level_q != '0) && m_none == !m_valid);
      assert (more_q == (level_q > (AW + 1)'(1)));
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
  assign f_slot = rd_ptr_q + f_ahead_q[AW-1:0] - 1'b1;

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
      if (f_ahead_q == '0) assert (m_data == f_beat_q);
      else                 assert (mem[f_slot] == f_beat_q);
      cover (pop && f_ahead_q == '0);
    end
  end
`endif
`endif

endmodule

`default_nettype wire
