// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_fetch_tab: what crl_nvme_fetch knows of each submission queue: size, base, function, and the two heads.
//
// How: LUT RAMs, the head's twice for its two readers, and one for the head that completions report, which follows it when the reads
//   have come. For each head a flip-flop a queue says that it is 0, from the set-up until it moves.
// Latency: reads 0 cycles; set-up and moves are seen from the next cycle on.
// Assumes: numbers of queues are below QN. A queue is not set up while one of its heads moves.
`default_nettype none

module crl_nvme_fetch_tab #(
    parameter int QUEUES = 8,    // I/O queue pairs, 1 to 128
    parameter int FUNC_W = 8,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high

    input  wire logic              set,       // event: set-up of a submission queue
    input  wire logic [QW-1:0]     set_qid,
    input  wire logic [11:0]       set_size,  // entries less one
    input  wire logic [51:0]       set_page,  // of its base
    input  wire logic [FUNC_W-1:0] set_func,

    input  wire logic              mv,        // event: new head
    input  wire logic [QW-1:0]     mv_qid,
    input  wire logic [11:0]       mv_head,
    input  wire logic              hd,        // event: new head for completions
    input  wire logic [QW-1:0]     hd_mv_qid,
    input  wire logic [11:0]       hd_mv_head,

    input  wire logic [QW-1:0]     a_qid,     // combinational reads: to count entries,
    output logic      [11:0]       a_head,
    output logic      [11:0]       a_size,
    input  wire logic [QW-1:0]     b_qid,     // to request them,
    output logic      [51:0]       b_page,
    output logic      [FUNC_W-1:0] b_func,
    input  wire logic [QW-1:0]     lk_qid,    // for crl_nvme_db,
    output logic      [11:0]       lk_head,
    input  wire logic [QW-1:0]     hd_qid,    // and for SQHD
    output logic      [11:0]       hd_head
);

  logic [QN-1:0] zero_q, hd_zero_q;
  logic [11:0]   a_word, lk_word, hd_word;

  crl_ram_lut #(.W(12), .DEPTH(QN)) u_size (
      .clk, .we(set), .waddr(set_qid), .wdata(set_size), .raddr(a_qid), .rdata(a_size)
  );
  crl_ram_lut #(.W(52 + FUNC_W), .DEPTH(QN)) u_place (
      .clk, .we(set), .waddr(set_qid), .wdata({set_page, set_func}), .raddr(b_qid), .rdata({b_page, b_func})
  );
  crl_ram_lut #(.W(12), .DEPTH(QN)) u_head (
      .clk, .we(mv), .waddr(mv_qid), .wdata(mv_head), .raddr(a_qid), .rdata(a_word)
  );
  crl_ram_lut #(.W(12), .DEPTH(QN)) u_lk (
      .clk, .we(mv), .waddr(mv_qid), .wdata(mv_head), .raddr(lk_qid), .rdata(lk_word)
  );
  crl_ram_lut #(.W(12), .DEPTH(QN)) u_hd (
      .clk, .we(hd), .waddr(hd_mv_qid), .wdata(hd_mv_head), .raddr(hd_qid), .rdata(hd_word)
  );

  assign a_head  = zero_q[a_qid] ? '0 : a_word;
  assign lk_head = zero_q[lk_qid] ? '0 : lk_word;
  assign hd_head = hd_zero_q[hd_qid] ? '0 : hd_word;

  always_ff @(posedge clk) begin
    if (rst) begin
      zero_q    <= '1;
      hd_zero_q <= '1;
    end else begin
      if (mv) zero_q[mv_qid]       <= 1'b0;
      if (hd) hd_zero_q[hd_mv_qid] <= 1'b0;
      if (set) begin
        zero_q[set_qid]    <= 1'b1;
        hd_zero_q[set_qid] <= 1'b1;
      end
    end
  end

endmodule

`default_nettype wire
