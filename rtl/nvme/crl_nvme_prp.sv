// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_prp: where the data of a command lies; each piece is checked against the queue's ranges before it leaves.
//
// How: crl_nvme_prp_walk asks for what the command needs, in order; crl_nvme_prp_ranges says whether the page is allowed;
//   crl_nvme_prp_list reads lists, after their check. Nothing of it crosses a page, so a range is looked for by page alone. Pieces
//   leave through a FIFO, or past it, and the next command is walked while they wait in it.
// Latency: c_valid to the first piece 2 cycles when idle; RANGES / 2 + 2, rounded up, more if the queue is neither that of the last
//   command nor was told some cycles before (nx_*), or ranges were written since. Throughput: a piece a cycle of a list that is at hand.
// Assumes: c_qid is below QUEUES + 1, c_bytes is 1 to 2^20. The ranges of a queue are not written while a command of it is walked,
//   that is from c_ready to the last piece; a write counts from the next cycle on. A command is not taken in the cycle of a write.
//   On a reset nothing is owed on r_*.
`default_nettype none

module crl_nvme_prp #(
    parameter int DATA_W = 64,         // 64 to 1024, a power of two
    parameter int QUEUES = 8,          // 1 to 128
    parameter int FUNC_W = 8,
    parameter int RANGES = 8,          // ranges of a queue, 1 to 8
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high

    input  wire logic              rg_we,     // event: range rg_idx of queue rg_qid
    input  wire logic [QW-1:0]     rg_qid,
    input  wire logic [2:0]        rg_idx,
    input  wire logic [127:0]      rg_entry,  // NVME_RANGE

    input  wire logic              c_valid,   // command
    output logic                   c_ready,
    input  wire logic [QW-1:0]     c_qid,
    input  wire logic [FUNC_W-1:0] c_func,    // on whose behalf lists are read
    input  wire logic [63:0]       c_prp1,
    input  wire logic [63:0]       c_prp2,
    input  wire logic [31:0]       c_bytes,
    input  wire logic [7:0]        c_right,   // that each piece needs, one bit of NVME_RIGHT
    input  wire logic [7:0]        c_tag,

    input  wire logic              nx_valid,  // level: a command of this queue comes next, perhaps
    input  wire logic [QW-1:0]     nx_qid,

    output logic                   p_valid,   // piece of memory, in order
    input  wire logic              p_ready,
    output logic      [63:0]       p_addr,
    output logic      [12:0]       p_len,     // bytes
    output logic                   p_last,    // the command's last
    output logic      [7:0]        p_tag,
    output logic                   p_error,   // no piece: the command ends here, with p_status
    output logic      [10:0]       p_status,  // NVME_STATUS

    output logic                   ar_valid,  // read client, for lists
    input  wire logic              ar_ready,
    output logic      [63:0]       ar_addr,
    output logic      [7:0]        ar_len,    // beats - 1
    output logic      [FUNC_W-1:0] ar_user,
    input  wire logic              r_valid,   // beats are always taken
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last,

    input  wire logic              stop,      // level: begin no list read
    output logic                   idle       // no list read is offered or owes beats
);

  initial begin
    if (DATA_W < 64 || DATA_W > 1024 || (DATA_W & (DATA_W - 1)) != 0)
      $fatal(1, "crl_nvme_prp: DATA_W must be a power of two, 64 to 1024");
    if (QUEUES < 1 || QUEUES > 128) $fatal(1, "crl_nvme_prp: QUEUES must be 1 to 128");
    if (RANGES < 1 || RANGES > 8)   $fatal(1, "crl_nvme_prp: RANGES must be 1 to 8");
  end

  localparam int DEPTH = 16;                  // pieces that wait
  localparam int PW    = 2 + 8 + 1 + 13 + 64;

  logic        free, ld_valid, ld_hit, ld_busy, k_valid, k_list, d_hit, h_valid, h_hit;
  logic [51:0] k_page, go_page, e_page;
  logic        go, kill, quiet, e_valid, e_ready, e_bad, e_err, e_ptr;
  logic [8:0]  go_idx, go_count;
  logic        w_valid, w_piece, w_room, w_last, w_past, q_valid, q_none, full_unused;
  logic [PW-1:0] w_item, q_item;   // just walked, the oldest that waits
  logic [63:0] w_addr;
  logic [12:0] w_len;
  logic [7:0]  w_tag;
  logic [1:0]  w_code, p_code;
  logic [4:0]  level;

  crl_nvme_prp_ranges #(.QUEUES(QUEUES), .RANGES(RANGES)) u_ranges (
      .clk, .rst, .rg_we, .rg_qid, .rg_idx, .rg_entry,
      .ld_valid, .ld_qid(c_qid), .ld_right(c_right), .ld_hit, .ld_busy,
      .pre_valid(nx_valid && free), .pre_qid(nx_qid), .k_valid, .k_page, .k_list, .d_hit, .h_valid, .h_hit
  );

  crl_nvme_prp_walk #(.FUNC_W(FUNC_W)) u_walk (
      .clk, .rst, .hold(rg_we), .c_valid, .c_ready, .c_func, .c_prp1, .c_prp2, .c_bytes, .c_tag, .func(ar_user), .free,
      .ld_valid, .ld_hit, .ld_busy, .k_valid, .k_page, .k_list, .d_hit, .h_valid, .h_hit,
      .go, .go_page, .go_idx, .go_count, .kill, .quiet, .e_valid, .e_ready, .e_page, .e_bad, .e_err, .e_ptr,
      .w_valid, .w_piece, .w_room, .w_addr, .w_len, .w_last, .w_tag, .w_code
  );

  crl_nvme_prp_list #(.DATA_W(DATA_W)) u_list (
      .clk, .rst, .go, .go_page, .go_idx, .go_count, .kill, .quiet,
      .e_valid, .e_ready, .e_page, .e_bad, .e_err, .e_ptr,
      .ar_valid, .ar_ready, .ar_addr, .ar_len, .r_valid, .r_data, .r_resp, .stop, .idle
  );

  // Two items may be on their way here when a third is let go.
  assign w_room = level <= 5'(DEPTH - 3);

  // Not so an error: a list read that begins with it shows before it, or never.
  assign w_item  = {w_code, w_last, w_len, w_tag, w_addr};
  assign w_past  = w_piece && q_none;
  assign p_valid = q_valid || w_past;
  // Two copies of one register choose: address and tag are wide, and nobody waits for them.
  assign {p_code, p_last, p_len} = q_valid ? q_item[PW-1:72] : w_item[PW-1:72];
  assign {p_tag, p_addr}         = q_none ? w_item[71:0] : q_item[71:0];

  crl_fifo_head #(.W(PW), .DEPTH(DEPTH)) u_pieces (
      .clk, .rst, .s_valid(w_valid), .s_ready(full_unused), .s_past(w_past && p_ready), .s_data(w_item),
      .m_valid(q_valid), .m_none(q_none), .m_ready(p_ready), .m_data(q_item), .level
  );

  assign p_error = p_code != 2'd0;

  always_comb begin
    case (p_code)
      2'd0:    p_status = crl_pkg::NVME_STATUS_SUCCESS;
      2'd1:    p_status = crl_pkg::NVME_STATUS_INVALID_PRP;
      2'd2:    p_status = crl_pkg::NVME_STATUS_DATA_TRANSFER;
      default: p_status = crl_pkg::NVME_STATUS_ACCESS_DENIED;
    endcase
  end

  logic unused;

  assign unused = &{1'b0, r_last, full_unused};

endmodule

`default_nettype wire
