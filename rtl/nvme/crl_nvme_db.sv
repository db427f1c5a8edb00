// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_db: doorbells of all queues: who rings, is the value possible, and the pointers that they move (SQ tail, CQ head).
//
// How: a doorbell is decoded and its queue looked up in the cycle of `wr` (the upper half one cycle later), judged in the next,
//   and leaves as one event: rung, bad or foreign. Pointers move with the event, and are looked up so from the next cycle on.
// Latency: `wr` to the event 2 cycles, 3 for the upper half. Throughput: a write every third cycle.
// Assumes: `lk_sq_head` and `lk_cq_tail` are at most the size of their queue, and 0 once it is set up.
//   A set-up counts for a doorbell looked up in its cycle or later; one in the cycle in which the doorbell is judged makes
//   the doorbell vanish, so that nothing about the old queue is told about the new one.
`default_nettype none

module crl_nvme_db #(
    parameter int QUEUES = 16,              // I/O queue pairs, 1 to 128
    parameter int DSTRD  = 9,               // stride 4 << DSTRD bytes, 0 to 9
    parameter int FUNC_W = 8,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic              clk,
    input  wire logic              rst,            // synchronous, active high

    input  wire logic              wr,             // event: a write to the doorbells; at most every third cycle
    input  wire logic [19:0]       wr_addr,        // 0x1000 or above; bits 2:0 don't count
    input  wire logic [FUNC_W-1:0] wr_user,        // function that writes
    input  wire logic [63:0]       wr_data,
    input  wire logic [7:0]        wr_strb,

    input  wire logic              cfg_we,         // event: set-up of a queue
    input  wire logic [QW-1:0]     cfg_qid,
    input  wire logic              cfg_cq,         // 1: completion queue, 0: submission queue
    input  wire logic              cfg_valid,      // 1: it is there from now on, 0: it is gone
    input  wire logic [11:0]       cfg_size,       // entries less one
    input  wire logic [FUNC_W-1:0] cfg_func,       // function that may ring

    output logic      [QW-1:0]     lk_qid,         // queue whose other pointers are looked at
    input  wire logic [11:0]       lk_sq_head,     // of lk_qid, same cycle
    input  wire logic [11:0]       lk_cq_tail,     // of lk_qid, same cycle

    output logic      [QW-1:0]     so_qid,         // if sq_rung comes in the next cycle: its queue
    output logic                   sq_rung,        // event: new tail
    output logic      [QW-1:0]     sq_qid,
    output logic      [11:0]       sq_tail,
    output logic                   cq_rung,        // event: new head
    output logic      [QW-1:0]     cq_qid,
    output logic      [11:0]       cq_head,

`ifdef FORMAL
    output logic                   f_sq_there, f_cq_there,  // what is known of the SQ t_qid and the CQ h_qid
    output logic      [11:0]       f_sq_size, f_cq_size,
    output logic      [FUNC_W-1:0] f_sq_func, f_cq_func,
`endif

    input  wire logic [QW-1:0]     t_qid,
    output logic      [11:0]       t_tail,         // SQ tail of t_qid, combinational
    input  wire logic [QW-1:0]     h_qid,
    output logic      [11:0]       h_head,         // CQ head of h_qid, combinational

    output logic                   bad_valid,      // event: doorbell refused
    output logic      [QW-1:0]     bad_qid,        // low bits of its number
    output logic                   bad_cq,
    output logic                   bad_code,       // NVME_AER_ERR
    output logic      [FUNC_W-1:0] bad_func,       // who asked

    output logic                   foreign_valid,  // event: a function that has no right to it
    output logic      [FUNC_W-1:0] foreign_func    // who asked
);

  localparam int          SHIFT = DSTRD + 2;                       // log2 of the stride
  localparam logic [19:0] OFF_MASK = (20'd1 << SHIFT) - 20'd1;
  localparam logic [19:0] WORD_MASK = OFF_MASK & ~20'h7;           // bits that are 0 in a word with a doorbell
  localparam int          TOP = 'h1000 + (QN << (SHIFT + 1));      // behind the last doorbell
  localparam bit          UPPER = DSTRD == 0;                      // the upper half is a doorbell too

  // --- decode and look up --------------------------------------------------------------------------
  logic [19:0]   ofs, number;      // of the lower half: bytes from 0x1000, doorbell
  logic          place, known, now, later_q, known_q;
  logic [QW-1:0] qid, qid_q, a_qid;
  logic          a_valid, a_known, a_cq;

  assign ofs    = {wr_addr[19:12] - 8'd1, wr_addr[11:3], 3'b000};
  assign number = ofs >> SHIFT;
  assign place  = (wr_addr & WORD_MASK) == '0;
  assign known  = {1'b0, wr_addr[19:3], 3'b000} < 21'(TOP);
  assign qid    = QW'(number >> 1);
  assign now    = wr && place && wr_strb[3:0] == 4'hF;

  // The upper half waits for a cycle, whether the lower one counts or not.
  assign a_valid = later_q || now;
  assign a_known = later_q ? known_q : known;
  assign a_qid   = later_q ? qid_q : qid;
  assign a_cq    = later_q || number[0];
  assign lk_qid  = a_known ? a_qid : '0;

  // --- the doorbell that is judged -----------------------------------------------------------------
  logic              b_valid_q, b_known_q, b_cq_q;
  logic [QW-1:0]     b_qid_q;
  logic [15:0]       hi_q, b_val_q;
  logic [FUNC_W-1:0] user_q, b_func;
  logic [11:0]       other_q, b_size, b_own;
  logic              b_there, b_fresh;

  always_ff @(posedge clk) begin
    if (rst) begin
      later_q   <= 1'b0;
      b_valid_q <= 1'b0;
    end else begin
      later_q   <= UPPER && wr && wr_strb[7:4] == 4'hF;
      b_valid_q <= a_valid;
    end
    if (wr) begin
      qid_q   <= qid;
      known_q <= known;
      hi_q    <= wr_data[47:32];
      user_q  <= wr_user;
    end
    b_val_q   <= later_q ? hi_q : wr_data[15:0];
    b_known_q <= a_known;
    b_qid_q   <= a_qid;
    b_cq_q    <= a_cq;
    other_q   <= a_cq ? lk_cq_tail : lk_sq_head;
  end


  logic there, mine, possible, stale, good, odd;

  crl_nvme_db_rule u_rule (.cq(b_cq_q), .val(b_val_q), .size(b_size), .own(b_own), .other(other_q), .fresh(b_fresh), .ok(possible));

  assign there    = b_known_q && b_there;
  assign mine     = user_q == '0 || user_q == b_func;
  assign stale    = cfg_we && cfg_qid == b_qid_q && cfg_cq == b_cq_q && b_known_q;
  assign good     = b_valid_q && !stale && there && mine && possible;
  assign odd      = b_valid_q && !stale && !(there && mine) && user_q != '0;

  // --- events --------------------------------------------------------------------------------------
  logic              sq_q, cq_q, bad_q, odd_q, kind_q, code_q;
  logic [QW-1:0]     o_qid_q;
  logic [11:0]       o_val_q;
  logic [FUNC_W-1:0] o_func_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      sq_q  <= 1'b0;
      cq_q  <= 1'b0;
      bad_q <= 1'b0;
      odd_q <= 1'b0;
    end else begin
      sq_q  <= good && !b_cq_q;
      cq_q  <= good && b_cq_q;
      bad_q <= b_valid_q && !stale && !good && !odd;
      odd_q <= odd;
    end
    kind_q   <= b_cq_q;
    code_q   <= there ? crl_pkg::NVME_AER_ERR_BAD_DB_VALUE[0] : crl_pkg::NVME_AER_ERR_BAD_DB_REGISTER[0];
    o_qid_q  <= b_qid_q;
    o_val_q  <= b_val_q[11:0];
    o_func_q <= user_q;
  end

  assign so_qid        = b_qid_q;
  assign sq_rung       = sq_q;
  assign sq_qid        = o_qid_q;
  assign sq_tail       = o_val_q;
  assign cq_rung       = cq_q;
  assign cq_qid        = o_qid_q;
  assign cq_head       = o_val_q;
  assign bad_valid     = bad_q;
  assign bad_qid       = o_qid_q;
  assign bad_cq        = kind_q;
  assign bad_code      = code_q;
  assign bad_func      = o_func_q;
  assign foreign_valid = odd_q;
  assign foreign_func  = o_func_q;

  crl_nvme_db_tab #(.QUEUES(QUEUES), .FUNC_W(FUNC_W)) u_tab (
      .clk, .rst, .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_size, .cfg_func,
      .lk_qid, .lk_cq(a_cq), .there(b_there), .size(b_size), .func(b_func), .ptr(b_own), .fresh(b_fresh),
      .mv_sq(sq_q), .mv_cq(cq_q), .mv_qid(o_qid_q), .mv_ptr(o_val_q),
`ifdef FORMAL
      .f_sq_there, .f_cq_there, .f_sq_size, .f_cq_size, .f_sq_func, .f_cq_func,
`endif
      .t_qid, .t_tail, .h_qid, .h_head
  );

  logic unused;

  assign unused = &{1'b0, wr_data[63:48], wr_data[31:16]};

  initial begin
    if (QUEUES < 1 || QUEUES > 128) $fatal(1, "crl_nvme_db: QUEUES must be 1 to 128");
    if (DSTRD < 0 || DSTRD > 9)     $fatal(1, "crl_nvme_db: DSTRD must be 0 to 9");
  end

endmodule

`default_nettype wire
