// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_prp_ranges: does a page lie in one of a queue's memory ranges that has the right?
//
// How: the ranges of all queues lie in two banks of block RAM, those with even and those with odd numbers. When a command begins, the
//   ranges of its queue are copied into registers, two a cycle, unless they are there: from the command before, or because somebody
//   said whose command comes next (pre_*). Then a page is held against all of them at once. Ranges consist of
//   whole pages and nothing that is asked for crosses a page, so pages are compared: page - base is below the number of pages,
//   which is base <= address and address + length <= base + size, without a sum that could wrap. FFFFFFFFh pages: to the end of memory.
//   A RAM of flags says which ranges of a queue were written since the reset, and a flip-flop whether the flags of a queue count.
// Latency: ld_valid to ld_busy down RANGES / 2 + 1 cycles, rounded up, 0 if ld_hit; k_valid to h_valid 2 cycles. Throughput: a page a cycle.
// Assumes: nothing is asked for from ld_valid on, without ld_hit, until ld_busy is down. No ld_valid in the cycle of an rg_we, nor with
//   pages under way; the ranges of a queue are not written between ld_valid and the last page that is asked for. pre_valid only
//   between commands, and it need not be right.
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
    output logic               ld_hit,    // with it, combinational: its ranges are there
    output logic               ld_busy,

    input  wire logic          pre_valid, // level: no command is there,
    input  wire logic [QW-1:0] pre_qid,   // and the next one is perhaps of this queue

    input  wire logic          k_valid,   // event: a page is asked for
    input  wire logic [51:0]   k_page,
    input  wire logic          k_list,    // it holds a list, else data
    output logic               d_hit,     // the answer to what was asked a cycle ago
    output logic               h_valid,   // event: the answer, a cycle later
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
  logic              have_q;           // the registers hold the ranges of qid_q, or will
  logic              same, start;      // they are those of the command that begins; copying begins
  logic [QW-1:0]     new_qid;
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

  assign same    = have_q && qid_q == ld_qid;
  assign ld_hit  = same && !ld_busy;
  assign new_qid = ld_valid ? ld_qid : pre_qid;
  assign start   = ld_valid ? !same : pre_valid && !rg_we && !ld_busy && !(have_q && qid_q == pre_qid);

  assign row = start ? '0 : row_q;
  assign qid = start ? new_qid : qid_q;

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
        if (start || ld_act_q) word_q <= mem[addr];
      end
    end
  endgenerate

  // Flags are read to set one, and when a command begins.
  (* ram_style = "distributed" *)
  logic [RANGES-1:0] flags_mem [0:QN-1];

  assign in_flags = there_q[rg_qid] ? flags_mem[rg_qid] : '0;
  assign ld_flags = there_q[new_qid] ? flags_mem[new_qid] : '0;

  always_ff @(posedge clk) begin
    if (in_we) flags_mem[rg_qid] <= in_flags | in_bit;
  end

  // --- copy --------------------------------------------------------------------------------------
  assign ld_busy = ld_act_q || got_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      there_q  <= '0;
      have_q   <= 1'b0;
      ld_act_q <= 1'b0;
      got_q    <= 1'b0;
    end else begin
      if (in_we) there_q[rg_qid] <= 1'b1;
      if (rg_we)      have_q <= 1'b0;
      else if (start) have_q <= 1'b1;
      if (start)                           ld_act_q <= ROWS > 1;
      else if (row_q == RW'(ROWS - 1))     ld_act_q <= 1'b0;
      got_q <= start || ld_act_q;
    end
    row_q     <= row + 1'b1;
    got_row_q <= row;
    if (ld_valid) right_q <= ld_right;
    if (start) begin
      qid_q   <= new_qid;
      flags_q <= ld_flags;
    end
  end

  // --- comparison --------------------------------------------------------------------------------
  logic              d_valid_q;
  logic [RANGES-1:0] hits;
  logic [7:0]        right;            // that is needed

  assign right = ld_valid ? ld_right : right_q;

  generate
    for (b = 0; b < RANGES; b++) begin : g_range
      logic [51:0] base, base_q;
      logic [31:0] pages, pages_q;
      logic [3:0]  rights, rights_q;
      logic        data, d_right_q;
      logic        open_q;  // to the end of memory
      logic [52:0] d_diff_q;

      assign {base, pages, rights} = words[(b % NB)*W +: W];
      assign data                  = right != '0 && (right & {4'd0, rights_q}) == right;

      always_ff @(posedge clk) begin
        if (got_q && got_row_q == RW'(b / NB)) begin
          base_q   <= base;
          pages_q  <= pages;
          open_q   <= pages == '1;
          rights_q <= flags_q[b] ? rights : '0;
        end
        d_diff_q  <= {1'b0, k_page} - {1'b0, base_q};
        d_right_q <= k_list ? rights_q[crl_pkg::NVME_RIGHT_PRP_LIST] : data;
      end

      assign hits[b] = d_right_q && !d_diff_q[52] && (open_q || (d_diff_q[51:32] == '0 && d_diff_q[31:0] < pages_q));
    end
  endgenerate

  assign d_hit = hits != '0;

  always_ff @(posedge clk) begin
    if (rst) begin
      d_valid_q <= 1'b0;
      h_valid   <= 1'b0;
    end else begin
      d_valid_q <= k_valid;
      h_valid   <= d_valid_q;
    end
    h_hit <= d_hit;
  end

`ifdef CRL_GHOST
  // Any one range of any one queue: what was written last since the reset decides, whenever a page is asked for.
  (* anyconst *) logic [QW-1:0] f_q;
  (* anyconst *) logic [2:0]    f_r;
  (* anyseq *) logic             f_end;      // a command is over
  logic              f_past_q, f_have_q, f_loaded_q, f_any_q, f_list_q, f_inside, f_cmd_q;
  logic [QW-1:0]     f_cmd_qid_q;            // of the command that is there
  logic [7:0]        f_right_q;
  logic [W-1:0]      f_word_q;
  logic [51:0]       f_page_q;
  logic [3:0]        f_rights;
  logic [RW-1:0]     f_row;

  logic              f_live;                 // the registers are, or will be, what counts for the watched queue

  initial f_past_q = 1'b0;
  assign f_live   = f_any_q && qid_q == f_q && (have_q || f_cmd_q);
  assign f_row    = RW'(f_r >> (NB - 1));
  assign f_rights = f_word_q[3:0];
  // base <= address and address + length <= base + pages * 4096, of a page or a part of it, in pages.
  assign f_inside = f_have_q && {1'b0, f_word_q[87:36]} <= {1'b0, f_page_q}
                    && (f_word_q[35:4] == 32'hFFFFFFFF || {1'b0, f_page_q} + 53'd1 <= {1'b0, f_word_q[87:36]} + {21'd0, f_word_q[35:4]});

  // As the header says: the walk's order, and no writes to a queue that has a command there.
  always @* begin
    if (ld_valid) assume (!rst && !rg_we && !d_valid_q && !f_cmd_q);
    if (pre_valid) assume (!rst && !f_cmd_q);
    if (ld_valid) assume (!k_valid || (ld_hit && !k_list));
    else if (k_valid) assume (f_cmd_q && !ld_busy);
    if (rg_we)    assume (!rst && !(f_cmd_q && rg_qid == f_cmd_qid_q));
    if (f_end)    assume (!ld_valid && !k_valid && !d_valid_q && !ld_busy);
  end

  always @(posedge clk) begin
    assume ({1'b0, f_q} < (QW + 1)'(QN) && {1'b0, f_r} < 4'(RANGES));
    if (rst) f_have_q <= 1'b0;
    else if (rg_we && rg_qid == f_q && rg_idx == f_r) f_have_q <= 1'b1;
    if (rg_we && rg_qid == f_q && rg_idx == f_r)
      f_word_q <= {rg_entry[63:12], rg_entry[95:64], rg_entry[11:0] != '0 ? 4'd0 : rg_entry[99:96]};
    f_past_q <= 1'b1;
    f_page_q <= k_page;
    f_list_q <= k_list;
    if (rst)           f_any_q <= 1'b0;
    else if (start)    f_any_q <= 1'b1;
    if (rst || f_end)  f_cmd_q <= 1'b0;
    else if (ld_valid) f_cmd_q <= 1'b1;
    if (ld_valid) f_cmd_qid_q <= ld_qid;
    f_right_q <= ld_valid ? ld_right : right_q;
    if (start)                                    f_loaded_q <= 1'b0;
    else if (got_q && got_row_q == f_row)         f_loaded_q <= 1'b1;
  end

  generate
    for (b = 0; b < NB; b++) begin : g_f_bank
      logic f_mine;
      assign f_mine = NB == 1 || f_r[0] == b[0];
      always @(posedge clk) if (f_past_q && f_mine) begin
        if (f_have_q) assert (g_bank[b].mem[ROWS > 1 ? AW'({f_q, f_row}) : AW'(f_q)] == f_word_q);
        if (f_live && got_q && got_row_q == f_row && f_have_q) assert (words[b*W +: W] == f_word_q);
      end
    end
    for (b = 0; b < RANGES; b++) begin : g_f_range
      always @(posedge clk) if (f_past_q && f_r == 3'(b)) begin
        if (f_live) assert (flags_q[b] == f_have_q);
        if (f_live && f_loaded_q) begin
          assert (g_range[b].open_q == (g_range[b].pages_q == 32'hFFFFFFFF));
          if (f_have_q) assert ({g_range[b].base_q, g_range[b].pages_q} == f_word_q[87:4]);
          assert (g_range[b].rights_q == (f_have_q ? f_rights : 4'd0));
        end
        if (d_valid_q) begin
          assert (f_cmd_q && f_loaded_q);
          if (qid_q == f_q) begin
            assert (g_range[b].d_right_q == (f_list_q ? f_have_q && f_rights[2]
                    : f_have_q && f_right_q != '0 && (f_right_q & ~{4'd0, f_rights}) == '0));
            if (f_have_q) assert (g_range[b].d_diff_q == {1'b0, f_page_q} - {1'b0, f_word_q[87:36]});
            // The claim, both ways.
            assert (hits[b] == (g_range[b].d_right_q && f_inside));
            cover (hits[b] && f_page_q == '1 && f_word_q[87:36] == 52'd3);
            cover (hits[b] && f_list_q && f_word_q[35:4] == 32'd1);
            cover (hits[b] && !f_list_q && {1'b0, f_page_q} + 53'd1 == {1'b0, f_word_q[87:36]} + {21'd0, f_word_q[35:4]} && f_page_q[51]);
            cover (!hits[b] && f_have_q && {1'b0, f_page_q} == {1'b0, f_word_q[87:36]} + {21'd0, f_word_q[35:4]});
`ifdef BREAK
            assert (!(hits[b] && {1'b0, f_page_q} + 53'd1 == {1'b0, f_word_q[87:36]} + {21'd0, f_word_q[35:4]}));
`endif
          end
        end
      end
    end
  endgenerate

  always @(posedge clk) if (f_past_q) begin
    assert (f_have_q == (there_q[f_q] && flags_mem[f_q][f_r]));
    if (f_any_q && !f_loaded_q)
      assert ((got_q && got_row_q == f_row) || (ld_act_q && row_q != '0 && row_q <= f_row && row_q <= RW'(ROWS - 1)));
    if (!f_any_q) assert (!have_q);
    if (!f_cmd_q) assert (!d_valid_q);
    if (f_cmd_q) assert (f_any_q && f_cmd_qid_q == qid_q);
    cover (ld_valid && ld_hit && k_valid && f_have_q && ld_qid == f_q && right_q != ld_right);
    cover (ld_valid && !same && qid_q == ld_qid && f_any_q);
    cover (ld_valid && same && ld_busy && f_have_q && ld_qid == f_q);
    cover (ld_valid && !same && ld_busy);
    if (ld_act_q) assert (row_q != '0 && row_q <= RW'(ROWS - 1) && got_q);
  end
`endif

  logic unused;

  assign unused = &{1'b0, rg_entry, rg_idx, in_row};

endmodule

`default_nettype wire
