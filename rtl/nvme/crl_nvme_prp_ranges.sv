// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_prp_ranges: does a page lie in one of a queue's memory ranges that has the right?
//
// How: the ranges of all queues lie in two banks of block RAM, those with even and those with odd numbers. When a command begins, the
//   ranges of its queue are copied into registers, two a cycle; then a page is held against all of them at once. Ranges consist of
//   whole pages and nothing that is asked for crosses a page, so pages are compared: page - base is below the number of pages,
//   which is base <= address and address + length <= base + size, without a sum that could wrap.
//   A RAM of flags says which ranges of a queue were written since the reset, and a flip-flop whether the flags of a queue count.
// Latency: ld_valid to ld_busy down RANGES / 2 + 1 cycles, rounded up; k_valid to h_valid 2 cycles. Throughput: a page a cycle.
// Assumes: nothing is asked for from ld_valid on until ld_busy is down. No ld_valid in the cycle of an rg_we, nor with two pages
//   under way; the ranges of a queue are not written while it is being copied.
`default_nettype none

module crl_nvme_prp_ranges #(
    parameter int QUEUES = 8,
    parameter int RANGES = 8,          // 1 to 8
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic          clk,
    input  wire logic          rst,       // synchronous, active high

    input  wire logic          rg_we,     // event: a range
    input  wire logic [QW-1:0] rg_qid,
    input  wire logic [2:0]    rg_idx,
    input  wire logic [127:0]  rg_entry,  // NVME_RANGE

    input  wire logic          ld_valid,  // event: a command of this queue begins
    input  wire logic [QW-1:0] ld_qid,
    input  wire logic [7:0]    ld_right,  // that its data needs
    output logic               ld_busy,

    input  wire logic          k_valid,   // event: a page is asked for
    input  wire logic [51:0]   k_page,
    input  wire logic          k_list,    // it holds a list, else data
    output logic               h_valid,   // event: the answer
    output logic               h_hit
);

  localparam int NB   = RANGES > 1 ? 2 : 1;               // banks
  localparam int ROWS = (RANGES + NB - 1) / NB;           // of a queue, in a bank
  localparam int RW   = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int SH   = ROWS > 1 ? RW : 0;                // address bits below the queue
  localparam int AW   = QW + SH;
  localparam int W    = 52 + 32 + 4;

  // --- table -------------------------------------------------------------------------------------
  logic [51:0]       in_base;
  logic [31:0]       in_pages;
  logic [3:0]        in_rights;
  logic [W-1:0]      in_word;
  logic [RW-1:0]     in_row;
  logic              in_we;
  logic [RANGES-1:0] in_flags, ld_flags, in_bit, flags_q;
  logic [QN-1:0]     there_q;          // the queue's flags count
  logic              ld_act_q, got_q;
  logic [RW-1:0]     row_q, got_row_q, row;
  logic [QW-1:0]     qid_q, qid;
  logic [7:0]        right_q;
  logic [AW-1:0]     in_addr, addr;
  logic [NB*W-1:0]   words;

  // A range that doesn't begin with a page gives no right.
  assign in_base   = rg_entry[crl_pkg::NVME_RANGE_BASE_LSB + 12 +: 52];
  assign in_pages  = rg_entry[crl_pkg::NVME_RANGE_PAGES_LSB +: 32];
  assign in_rights = rg_entry[crl_pkg::NVME_RANGE_BASE_LSB +: 12] == '0 ? rg_entry[crl_pkg::NVME_RANGE_RIGHTS_LSB +: 4] : '0;
  assign in_word   = {in_base, in_pages, in_rights};
  assign in_row    = RW'(rg_idx >> (NB - 1));
  assign in_we     = rg_we && {1'b0, rg_idx} < 4'(RANGES);
  assign in_bit    = RANGES'(1) << rg_idx;

  assign row = ld_valid ? '0 : row_q;
  assign qid = ld_valid ? ld_qid : qid_q;

  generate
    if (ROWS > 1) begin : g_rows
      assign in_addr = {rg_qid, in_row};
      assign addr    = {qid, row};
    end else begin : g_row
      assign in_addr = rg_qid;
      assign addr    = qid;
    end
  endgenerate

  genvar b;
  generate
    for (b = 0; b < NB; b++) begin : g_bank
      (* ram_style = "block", no_rw_check *)
      logic [W-1:0] mem [0:(QN << SH)-1];
      logic [W-1:0] word_q;
      logic         mine;

      assign mine               = NB == 1 || rg_idx[0] == b[0];
      assign words[b*W +: W]    = word_q;

      always_ff @(posedge clk) begin
        if (in_we && mine) mem[in_addr] <= in_word;
      end

      always_ff @(posedge clk) begin
        if (ld_valid || ld_act_q) word_q <= mem[addr];
      end
    end
  endgenerate

  // Two copies: one is read to set a bit, the other when a command begins.
  crl_ram_lut #(.W(RANGES), .DEPTH(QN)) u_flags_in (
      .clk, .we(in_we), .waddr(rg_qid), .wdata((there_q[rg_qid] ? in_flags : '0) | in_bit), .raddr(rg_qid), .rdata(in_flags)
  );
  crl_ram_lut #(.W(RANGES), .DEPTH(QN)) u_flags_ld (
      .clk, .we(in_we), .waddr(rg_qid), .wdata((there_q[rg_qid] ? in_flags : '0) | in_bit), .raddr(ld_qid), .rdata(ld_flags)
  );

  // --- copy --------------------------------------------------------------------------------------
  assign ld_busy = ld_act_q || got_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      there_q  <= '0;
      ld_act_q <= 1'b0;
      got_q    <= 1'b0;
    end else begin
      if (in_we) there_q[rg_qid] <= 1'b1;
      if (ld_valid)                        ld_act_q <= ROWS > 1;
      else if (row_q == RW'(ROWS - 1))     ld_act_q <= 1'b0;
      got_q <= ld_valid || ld_act_q;
    end
    row_q     <= row + 1'b1;
    got_row_q <= row;
    if (ld_valid) begin
      qid_q   <= ld_qid;
      right_q <= ld_right;
      flags_q <= there_q[ld_qid] ? ld_flags : '0;
    end
  end

  // --- comparison --------------------------------------------------------------------------------
  logic              d_valid_q;
  logic [RANGES-1:0] hits;

  generate
    for (b = 0; b < RANGES; b++) begin : g_range
      logic [51:0] base, base_q;
      logic [31:0] pages, pages_q;
      logic [3:0]  rights;
      logic        data_q, list_q, d_right_q;
      logic [52:0] d_diff_q;

      assign {base, pages, rights} = words[(b % NB)*W +: W];

      always_ff @(posedge clk) begin
        if (got_q && got_row_q == RW'(b / NB)) begin
          base_q  <= base;
          pages_q <= pages;
          data_q  <= flags_q[b] && right_q != '0 && (right_q & {4'd0, rights}) == right_q;
          list_q  <= flags_q[b] && rights[crl_pkg::NVME_RIGHT_PRP_LIST];
        end
        d_diff_q  <= {1'b0, k_page} - {1'b0, base_q};
        d_right_q <= k_list ? list_q : data_q;
      end

      assign hits[b] = d_right_q && d_diff_q[52:32] == '0 && d_diff_q[31:0] < pages_q;
    end
  endgenerate

  always_ff @(posedge clk) begin
    if (rst) begin
      d_valid_q <= 1'b0;
      h_valid   <= 1'b0;
    end else begin
      d_valid_q <= k_valid;
      h_valid   <= d_valid_q;
    end
    h_hit <= hits != '0;
  end

  logic unused;

  assign unused = &{1'b0, rg_entry, rg_idx, in_row};

endmodule

`default_nettype wire
