// SPDX-License-Identifier: Apache-2.0
//
// crl_fifo_bram: single-clock FIFO in block RAM, show-ahead.
//
// How: a ring of DEPTH words with synchronous read. The RAM's own read register is the output
//   stage: the next word is fetched in the cycle in which the stage is empty or is being emptied.
//   With OUTREG = 1 a second stage in flip-flops follows, for block RAMs that are slow from clock
//   to output. With OUTREG = 2 the RAM is read only while its own stage is empty, so that m_ready
//   stays out of the RAM's enable: for wide FIFOs whose RAMs lie far apart. With BYPASS a beat that
//   nothing is stored in front of goes past the RAM into the flip-flop stage.
// Latency: 2 cycles from an accepted beat to m_valid (3 with OUTREG, 1 past the RAM). Throughput:
//   a beat a cycle, with OUTREG = 2 a beat in two, of which two may be adjacent.
// Capacity: DEPTH beats in all, output stages included; 'level' counts all of them.
// Assumes: neighbours are reset together with it. s_ready depends on registers only; m_valid and
//   m_data don't change while m_valid is high and m_ready low.
`default_nettype none

module crl_fifo_bram #(
    parameter int W      = 64,   // bits a beat
    parameter int DEPTH  = 512,  // beats stored, a power of two, at least 4
    parameter int OUTREG = 0,    // 1: a flip-flop stage behind the block RAM; 2: one at half the rate
    parameter bit BYPASS = 0,    // into an empty FIFO past the block RAM; needs OUTREG
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
    if (OUTREG < 0 || OUTREG > 2) $fatal(1, "crl_fifo_bram: OUTREG must be 0, 1 or 2");
    if (BYPASS && OUTREG == 0) $fatal(1, "crl_fifo_bram: BYPASS needs OUTREG");
  end

  (* ram_style = "block", no_rw_check *)
  logic [W-1:0] mem [0:DEPTH-1];

  logic [AW-1:0] wr_ptr_q, rd_ptr_q;
  logic [AW:0]   level_q;      // everything stored
  logic [AW:0]   staged;       // of that, what has left the RAM
  logic          push, pop, fetch;
  logic          pass;         // the beat goes past the RAM
  logic          rd_valid_q;   // the RAM's read register holds a beat
  logic          rd_take;      // and it is free or being emptied
  logic [W-1:0]  rd_data_q;
  logic          out_valid_q;  // the flip-flop stage holds a beat; 0 without OUTREG
  logic [W-1:0]  out_q;

  assign s_ready = !level_q[AW];
  assign level   = level_q;
  assign push    = s_valid && s_ready;
  assign pop     = m_valid && m_ready;
  assign fetch   = level_q != staged && (!rd_valid_q || (OUTREG != 2 && rd_take));

  // A fetch reads a word written in an earlier cycle, so reads and writes never collide.
  always_ff @(posedge clk) begin
    if (push)  mem[wr_ptr_q] <= s_data;
    if (fetch) rd_data_q     <= mem[rd_ptr_q];
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      wr_ptr_q   <= '0;
      rd_ptr_q   <= '0;
      level_q    <= '0;
      rd_valid_q <= 1'b0;
    end else begin
      if (push)  wr_ptr_q <= wr_ptr_q + 1'b1;
      if (fetch || pass) rd_ptr_q <= rd_ptr_q + 1'b1;  // it is written all the same
      level_q <= level_q + {{AW{pop && !push}}, pop != push};  // one adder: -1, 0 or +1
      if (fetch)        rd_valid_q <= 1'b1;
      else if (rd_take) rd_valid_q <= 1'b0;
    end
  end

  generate
    if (OUTREG != 0) begin : g_outreg
      assign rd_take = !out_valid_q || m_ready;
      assign staged  = {{(AW-1){1'b0}}, out_valid_q && rd_valid_q, out_valid_q != rd_valid_q};
      assign m_valid = out_valid_q;
      assign m_data  = out_q;

      logic none;              // nothing is stored short of this stage
      assign none = BYPASS && level_q == {{AW{1'b0}}, out_valid_q};
      assign pass = none && push && rd_take;

      always_ff @(posedge clk) begin
        if (rd_take) out_q <= none ? s_data : rd_data_q;
      end

      always_ff @(posedge clk) begin
        if (rst)          out_valid_q <= 1'b0;
        else if (rd_take) out_valid_q <= rd_valid_q || (none && s_valid);
      end
    end else begin : g_direct
      logic unused;

      assign unused      = &{1'b0, out_valid_q, out_q};
      assign out_valid_q = 1'b0;
      assign out_q       = '0;
      assign pass        = 1'b0;
      assign rd_take     = m_ready;
      assign staged      = {{AW{1'b0}}, rd_valid_q};
      assign m_valid     = rd_valid_q;
      assign m_data      = rd_data_q;
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
      assert (level_q >= staged);
      assert (f_stored == AW'(level_q - staged));
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
  assign f_slot = rd_ptr_q + f_ahead_q[AW-1:0] - staged[AW-1:0];

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
      else if (f_ahead_q < staged)        assert (rd_data_q == f_beat_q);
      else                                assert (mem[f_slot] == f_beat_q);
      if (m_valid && f_ahead_q == '0) assert (m_data == f_beat_q);
      cover (pop && f_ahead_q == '0);
    end
  end
`endif
`endif

endmodule

`default_nettype wire
