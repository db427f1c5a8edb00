// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_feed: beats of one chunk after the other into crl_align: from the read buffer, or a FILL's pattern.
//
// How: chunks with beats wait in a FIFO in block RAM; the one at work counts its beats down. One that reads, and finds nothing at work or
//   waiting, goes past the FIFO. Beats of a chunk that is not to be written are
//   taken and dropped; that is known late, so it is written a cycle later, into a RAM of its own. The feed may run a command
//   ahead of crl_align, which takes exactly the beats of each command.
// Latency: chunk to its first beat 3 cycles, 1 past the FIFO. Throughput: a beat a cycle, chunks back to back.
// Assumes: beats of a chunk that reads come in the order of the chunks.
`default_nettype none

module crl_dma_feed #(
    parameter int DATA_W = 64,
    parameter int RBW    = 7                    // bits of a number of beats
) (
    input  wire logic              clk,
    input  wire logic              rst,
    input  wire logic              s_valid,
    output logic                   s_ready,
    input  wire logic              s_drop,      // beats are read and dropped
    input  wire logic              s_fill,      // beats are the pattern
    input  wire logic [RBW-1:0]    s_beats,     // not 0
    input  wire logic [63:0]       s_pat,
    input  wire logic              d_valid,     // read buffer
    output logic                   d_ready,
    input  wire logic [DATA_W-1:0] d_data,
    output logic                   i_valid,     // to crl_align
    input  wire logic              i_ready,
    output logic      [DATA_W-1:0] i_data
);

  logic           m_valid, m_pop, m_drop, m_fill;
  logic [RBW-1:0] m_beats, left_q;
  logic [63:0]    m_pat, pat_q;
  logic [3:0]     level;
  logic           valid_q, drop_q, fill_q, take, ends;
  logic           idle, put;   // nothing is at work or waits; into the FIFO

  crl_fifo_bram #(.W(1 + RBW + 64), .DEPTH(8)) u_fifo (
      .clk, .rst, .s_valid(put), .s_ready, .s_data({s_fill, s_beats, s_pat}),
      .m_valid, .m_ready(m_pop), .m_data({m_fill, m_beats, m_pat}), .level
  );

  // A chunk comes out of the FIFO two cycles after it went in, so its bit is there.
  logic [2:0] wr_q, rd_q, put_idx_q;
  logic       put_q, put_drop_q;

  crl_ram_lut #(.W(1), .DEPTH(8)) u_drop (
      .clk, .we(put_q), .waddr(put_idx_q), .wdata(put_drop_q), .raddr(rd_q), .rdata(m_drop)
  );
  always_ff @(posedge clk) begin
    if (rst) begin
      put_q <= 1'b0;
      wr_q  <= '0;
      rd_q  <= '0;
    end else begin
      put_q <= put && s_ready;
      if (put && s_ready) wr_q <= wr_q + 3'd1;
      if (m_pop) rd_q <= rd_q + 3'd1;
    end
    put_idx_q  <= wr_q;
    put_drop_q <= s_drop;
  end

  assign i_valid = valid_q && !drop_q && (fill_q || d_valid);
  assign i_data  = fill_q ? {(DATA_W / 64){pat_q}} : d_data;
  assign d_ready = valid_q && !fill_q && (drop_q || i_ready);
  assign take    = valid_q && (drop_q ? d_valid : (i_valid && i_ready));
  assign ends    = take && left_q == RBW'(1);
  assign m_pop   = m_valid && (!valid_q || ends);
  assign idle    = !valid_q && level == '0;
  assign put     = s_valid && (!idle || s_fill);

  always_ff @(posedge clk) begin
    if (rst) valid_q <= 1'b0;
    else if (m_pop || (idle && s_valid && !s_fill)) valid_q <= 1'b1;
    else if (ends) valid_q <= 1'b0;
    if (m_pop) pat_q <= m_pat;
    // s_valid is late: what is loaded without it means nothing.
    if (m_pop || idle) begin
      drop_q <= idle ? s_drop : m_drop;
      fill_q <= m_fill && !idle;
      left_q <= idle ? s_beats : m_beats;
    end else if (take) left_q <= left_q - RBW'(1);
  end

endmodule

`default_nettype wire
