// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_exec_take: takes commands, and has them wait for the walker and for crl_nvme_exec_cut.
//
// How: a command that needs memory gets a slot, its number until it ends. A slot that was never used is taken before one that was
//   given back, so nothing has to be filled after a reset. What the walker has to know waits in one block RAM, what the chunks are made of in
//   another one. A command that needs no memory goes past all that (n_*), and waits for nobody but its completion.
// Latency: s_valid to c_valid 0 cycles, to x_valid 1 cycle if nothing waits. Throughput: a command a cycle.
`default_nettype none

module crl_nvme_exec_take #(
    parameter int QW     = 4,
    parameter int FUNC_W = 8,
    parameter int OPS    = 32,
    parameter int NAMESPACES = 4,
    localparam int OW    = $clog2(OPS)
) (
    input  wire logic                  clk,
    input  wire logic                  rst,       // synchronous, active high

    input  wire logic                  s_valid,   // as m_* of crl_nvme_check
    output logic                       s_ready,
    input  wire logic                  s_ok,
    input  wire logic [10:0]           s_status,
    input  wire logic                  s_dnr,
    input  wire logic                  s_more,
    input  wire logic [QW-1:0]         s_qid,
    input  wire logic [7:0]            s_op,
    input  wire logic [63:0]           s_addr,
    input  wire logic [31:0]           s_bytes,
    input  wire logic [31:0]           s_span,
    input  wire logic [63:0]           s_prp1,
    input  wire logic [63:0]           s_prp2,
    input  wire logic [FUNC_W-1:0]     s_func,
    input  wire logic [3:0]            s_nsi,
    input  wire logic [7:0]            s_count,   // DSM: ranges less one
    input  wire logic                  s_ad,      // DSM: deallocate
    input  wire logic [NAMESPACES-1:0] ana_change,

    input  wire logic                  pause,     // take nothing that needs memory
    output logic                       t_valid,   // event: a command was taken that does, with this slot
    output logic      [OW-1:0]         t_slot,
    input  wire logic                  f_valid,   // event: this slot is free
    input  wire logic [OW-1:0]         f_slot,

    output logic                       n_valid,   // event: one was taken that doesn't
    input  wire logic                  n_ready,   // there is room for it
    output logic      [10:0]           n_status,
    output logic                       n_dnr,
    output logic                       n_more,

    output logic                       c_valid,   // to crl_nvme_prp
    input  wire logic                  c_ready,
    output logic      [QW-1:0]         c_qid,
    output logic      [FUNC_W-1:0]     c_func,
    output logic      [63:0]           c_prp1,
    output logic      [63:0]           c_prp2,
    output logic      [31:0]           c_bytes,
    output logic      [7:0]            c_right,
    output logic      [7:0]            c_tag,

    output logic                       x_valid,   // to crl_nvme_exec_cut and _dsm
    input  wire logic                  x_ready,
    output logic      [2:0]            x_op,      // X_*
    output logic      [OW-1:0]         x_slot,
    output logic      [QW-1:0]         x_qid,
    output logic      [FUNC_W-1:0]     x_func,
    output logic      [3:0]            x_nsi,
    output logic      [63:0]           x_addr,
    output logic      [28:0]           x_span     // DSM: s_ad, s_count
`ifdef CRL_GHOST
    , output logic    [OW:0]           f_fresh    // what proofs look at
    , output logic                     f_back     // a slot is taken out of the FIFO of free ones,
    , output logic                     f_any      //   which has one,
    , output logic    [OW-1:0]         f_first    //   this
`endif
);

  localparam logic [2:0] X_READ = 3'd0, X_WRITE = 3'd1, X_COMPARE = 3'd2, X_ZEROES = 3'd3, X_VERIFY = 3'd4, X_DSM = 3'd5;

  // --- what it is --------------------------------------------------------------------------------
  logic [15:0] ana;
  logic        moves, none, walks, s_mem;
  logic [2:0]  op;
  logic [3:0]  low;
  logic [28:0] span;

  assign ana   = 16'(ana_change);
  assign low   = s_op[3:0];              // what is sound has one of seven opcodes, which differ in these bits
  assign moves = ana[s_nsi];
  assign none  = !s_ok || moves || low == crl_pkg::NVME_IO_OP_FLUSH[3:0];
  assign walks = op != X_ZEROES && op != X_VERIFY;
  assign span  = op == X_DSM ? {20'd0, s_ad, s_count} : s_span[28:0];

  always_comb begin
    case (low)
      crl_pkg::NVME_IO_OP_WRITE[3:0]:        op = X_WRITE;
      crl_pkg::NVME_IO_OP_COMPARE[3:0]:      op = X_COMPARE;
      crl_pkg::NVME_IO_OP_WRITE_ZEROES[3:0]: op = X_ZEROES;
      crl_pkg::NVME_IO_OP_VERIFY[3:0]:       op = X_VERIFY;
      crl_pkg::NVME_IO_OP_DSM[3:0]:          op = X_DSM;
      default:                               op = X_READ;
    endcase
  end

  assign n_status = !s_ok ? s_status : moves ? crl_pkg::NVME_STATUS_ANA_TRANSITION : crl_pkg::NVME_STATUS_SUCCESS;
  assign n_dnr    = !s_ok && s_dnr;
  assign n_more   = !s_ok && s_more;

  // --- slots -------------------------------------------------------------------------------------
  logic [OW:0]   fresh_q, free_level;   // so many were never free
  logic          back_valid, back_none, free_unused, any;
  logic [OW-1:0] back_slot;

  crl_fifo_head #(.W(OW), .DEPTH(OPS)) u_free (
      .clk, .rst, .s_valid(f_valid), .s_ready(free_unused), .s_past(1'b0), .s_data(f_slot),
      .m_valid(back_valid), .m_none(back_none), .m_ready(t_valid && fresh_q[OW]), .m_data(back_slot), .level(free_level)
  );

  assign any     = !fresh_q[OW] || back_valid;
  assign t_slot  = fresh_q[OW] ? back_slot : fresh_q[OW-1:0];
  assign s_ready = none ? n_ready : any && !pause;
  assign n_valid = s_valid && none && n_ready;
  assign s_mem   = s_valid && !none && any && !pause;
  assign t_valid = s_mem;

`ifdef CRL_GHOST
  assign f_fresh = fresh_q;
  assign f_back  = t_valid && fresh_q[OW];
  assign f_any   = back_valid;
  assign f_first = back_slot;
`endif

  always_ff @(posedge clk) begin
    if (rst)                          fresh_q <= '0;
    else if (t_valid && !fresh_q[OW]) fresh_q <= fresh_q + 1'b1;
  end

  // --- to the walker: past the FIFO if nothing waits in it -----------------------------------------
  localparam int CW = OW + QW + FUNC_W + 64 + 64 + 21 + 1;

  logic [CW-1:0] s_word, q_word, c_word;
  logic          q_any, q_valid, q_push, q_room, sink;   // q_any: something is in the FIFO
  logic [OW:0]   q_level;
  logic [OW-1:0] slot;
  logic [20:0]   bytes;

  assign s_word  = {t_slot, s_qid, s_func, s_prp1, s_prp2, s_bytes[20:0], op == X_READ};
  assign q_push  = s_mem && walks && (q_any || !c_ready);
  assign c_valid = q_any ? q_valid : s_mem && walks;
  assign c_word  = q_any ? q_word : s_word;

  crl_fifo_bram #(.W(CW), .DEPTH(OPS), .OUTREG(1), .BYPASS(1)) u_walk (
      .clk, .rst, .s_valid(q_push), .s_ready(q_room), .s_data(s_word),
      .m_valid(q_valid), .m_ready(c_ready), .m_data(q_word), .level(q_level)
  );

  // Not from the level, which would lie in the walker's longest path.
  always_ff @(posedge clk) begin
    if (rst) q_any <= 1'b0;
    else     q_any <= q_push || (q_any && !(q_valid && c_ready && q_level == (OW + 1)'(1)));
  end

  assign {slot, c_qid, c_func, c_prp1, c_prp2, bytes, sink} = c_word;
  assign c_bytes = {11'd0, bytes};
  assign c_tag   = 8'(slot);

  always_comb begin
    c_right = '0;
    c_right[crl_pkg::NVME_RIGHT_SINK]   = sink;
    c_right[crl_pkg::NVME_RIGHT_SOURCE] = !sink;
  end

  // --- to the chunks -----------------------------------------------------------------------------
  localparam int XW = 3 + OW + QW + FUNC_W + 4 + 64 + 29;

  logic        x_room;
  logic [OW:0] x_level;

  crl_fifo_bram #(.W(XW), .DEPTH(OPS), .OUTREG(1), .BYPASS(1)) u_cut (
      .clk, .rst, .s_valid(s_mem), .s_ready(x_room), .s_data({op, t_slot, s_qid, s_func, s_nsi, s_addr, span}),
      .m_valid(x_valid), .m_ready(x_ready), .m_data({x_op, x_slot, x_qid, x_func, x_nsi, x_addr, x_span}), .level(x_level)
  );

  logic unused;
  assign unused = &{1'b0, s_op[7:4], s_bytes, s_span, free_unused, back_none, free_level, q_room, x_room, x_level};

endmodule

`default_nettype wire
