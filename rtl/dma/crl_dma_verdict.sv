// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_verdict: the status of a chunk, from its descriptor, its addresses and its peer.
//
// How: the first fault in this order counts: opcode, second slot, flags, length, alignment (T2), source, the peer's absence (T3), destination (T4),
//   overlap (T5); for READ and MIRROR the destination, and a MIRROR's overlap, come before the peer's absence. What was granted when the operation began and is no more has been revoked.
// Latency: T2 to the status in T5.
// Assumes: the checker's result is of the source in T3 and of the destination in T4.
// Source: docs/architecture.md section 3.
`default_nettype none

module crl_dma_verdict #(
    parameter bit READ_EN   = 1,
    parameter bit ATOMIC_EN = 1,
    parameter bit SEND_EN   = 1,
    parameter bit MIRROR_EN = READ_EN
) (
    input  wire logic        clk,

    // Result of the checker
    input  wire logic        chk_ok,
    input  wire logic [7:0]  chk_status,
    input  wire logic [63:0] chk_addr,

    // T2: the descriptor
    input  wire logic        t2_first,    // chunk of its operation
    input  wire logic        t2_term,     // the operation is to be ended
    input  wire logic [7:0]  t2_op,
    input  wire logic [7:0]  t2_flags,
    input  wire logic [31:0] t2_rem,
    input  wire logic        t2_two,      // it has a second slot
    input  wire logic [2:0]  t2_low,      // of the peer's address, if it is an atomic

    // T3: the source
    input  wire logic        t3_first,
    input  wire logic        t3_nodata,
    input  wire logic        t3_remote,
    input  wire logic        t3_fill,
    input  wire logic        t3_up,
    input  wire logic        t3_none,     // nothing is to be read
    input  wire logic        t3_empty,    // the operation has no bytes: the address is not looked at
    output logic             t3_rd,       // the source is read

    // T4: the destination
    input  wire logic        t4_first,
    input  wire logic        t4_nodata,
    input  wire logic        t4_remote,
    input  wire logic        t4_fill,     // and remote: READ, whose destination is here
    input  wire logic        t4_mirror,   // a MIRROR's is, too
    input  wire logic [31:0] t4_rem,

    // T5: all
    input  wire logic        t5_first,
    input  wire logic        t5_remote,
    output logic             t5_rd,
    output logic             t5_fault,
    output logic      [7:0]  t5_st,       // but for the overlap of a COPY, which only its first chunk has

    // T6
    output logic             t6_overlap   // nothing else was wrong
);

  logic [7:0]  t2_st, t3_st_q, t4_st_q;
  logic        t2_atomic, t2_msg, t2_mirror;
  logic        t3_src_ok, t4_rd_q, t4_down_q, t3_bad, t4_bad_q;
  logic [63:0] t4_src_q, t5_dist_q;
  logic [31:0] t5_rem_q;
  logic [32:0] t5_sum;
  logic        t5_overlap, t4_local, t4_both, t5_both_q;
  logic [7:0]  t5_st_q;

  assign t2_atomic = ATOMIC_EN && (t2_op == crl_pkg::OP_FETCH_ADD || t2_op == crl_pkg::OP_CMP_SWAP);
  always_comb begin
    t2_st = crl_pkg::ST_OK;
    if (t2_first) begin
      if (t2_op != crl_pkg::OP_NOP && t2_op != crl_pkg::OP_COPY && t2_op != crl_pkg::OP_FILL
          && t2_op != crl_pkg::OP_WRITE && !(READ_EN && t2_op == crl_pkg::OP_READ) && !t2_atomic && !t2_msg && !t2_mirror)
        t2_st = crl_pkg::ST_BAD_OPCODE;
      else if (t2_atomic && t2_op == crl_pkg::OP_CMP_SWAP && !t2_two) t2_st = crl_pkg::ST_BAD_EXT;
      else if (t2_flags[7:4] != 4'd0 || (t2_flags[crl_pkg::DESC_FLAG_NOTIFY] && t2_op != crl_pkg::OP_WRITE && !t2_msg && !t2_mirror))
        t2_st = crl_pkg::ST_BAD_FLAGS;
      else if (t2_atomic ? t2_rem != 32'd8 : t2_rem == 32'd0 && t2_op != crl_pkg::OP_NOP && !t2_msg) t2_st = crl_pkg::ST_BAD_LENGTH;
      else if (t2_atomic && t2_low != 3'd0) t2_st = crl_pkg::ST_BAD_ALIGN;
    end
    if (t2_term) t2_st = crl_pkg::ST_ABORTED;
  end

  assign t2_mirror = MIRROR_EN && t2_op == crl_pkg::OP_MIRROR && t2_first;
  assign t2_msg    = SEND_EN && (t2_op == crl_pkg::OP_WRITE_IMM || t2_op == crl_pkg::OP_SEND);
  assign t3_src_ok = t3_fill || chk_ok || t3_empty;
  assign t3_rd     = t3_st_q == crl_pkg::ST_OK && !t3_nodata && !t3_fill && !t3_none && chk_ok && (!t3_remote || t3_up);

  assign t4_local  = !t4_remote || t4_fill || (MIRROR_EN && t4_mirror);   // the destination is here

  // That the status is not good, beside it, since it is looked at in a hurry.
  assign t3_bad = t3_st_q != crl_pkg::ST_OK || (!t3_nodata && (!t3_src_ok || (t3_remote && !t3_up)));

  always_ff @(posedge clk) begin
    t4_bad_q <= t3_bad;
    t5_fault  <= t4_bad_q || (!t4_nodata && t4_local && !chk_ok) || t4_both;
    t5_both_q <= t4_both;
    t3_st_q  <= t2_st;
    t4_rd_q  <= t3_rd;
    t4_down_q <= t3_st_q == crl_pkg::ST_OK && !t3_nodata && t3_src_ok && t3_remote && !t3_up;
    t4_src_q <= chk_addr;
    if (t3_st_q != crl_pkg::ST_OK) t4_st_q <= t3_st_q;
    else if (!t3_nodata && !t3_src_ok) t4_st_q <= t3_first ? chk_status : 8'(crl_pkg::ST_KEY_REVOKED);
    else if (!t3_nodata && t3_remote && !t3_up) t4_st_q <= crl_pkg::ST_PEER_DOWN;
    else t4_st_q <= crl_pkg::ST_OK;
    t5_st_q   <= t4_st_q;
    // The destination of a READ is wrong whether its peer is there or not.
    if ((t4_st_q == crl_pkg::ST_OK || t4_down_q) && !t4_nodata && t4_local && !chk_ok)
      t5_st_q <= t4_first ? chk_status : 8'(crl_pkg::ST_KEY_REVOKED);
    t5_rd     <= t4_rd_q;
    t5_rem_q  <= t4_rem;
    t5_dist_q <= chk_addr - t4_src_q;
    t6_overlap <= !t5_fault && t5_overlap;
  end

  // Distance d = dst - src modulo 2^64: they overlap when d < length or 2^64 - d < length.
  assign t5_sum     = {1'b0, t5_dist_q[31:0]} + {1'b0, t5_rem_q};
  assign t5_overlap = t5_first && t5_rd && !t5_remote
                      && ((t5_dist_q[63:32] == 32'd0 && t5_dist_q[31:0] < t5_rem_q)
                          || (&t5_dist_q[63:32] && t5_sum[32] && t5_sum[31:0] != 32'd0));

  // A MIRROR must know before its frame is reserved. Neither range runs past 2^64, so they overlap when dst - src < length and
  // src - dst < length, as whole numbers: two sums of three, side by side.
  generate
    if (MIRROR_EN) begin : g_both
      logic [65:0] d_sum, d_carry, s_sum, s_carry, dst_less, src_less, dst, src, len;

      assign dst      = {2'b00, chk_addr};
      assign src      = {2'b00, t4_src_q};
      assign len      = {34'd0, t4_rem};
      assign d_sum    = dst ^ ~src ^ ~len;
      assign d_carry  = {(dst[64:0] & ~src[64:0]) | (dst[64:0] & ~len[64:0]) | (~src[64:0] & ~len[64:0]), 1'b1};
      assign s_sum    = src ^ ~dst ^ ~len;
      assign s_carry  = {(src[64:0] & ~dst[64:0]) | (src[64:0] & ~len[64:0]) | (~dst[64:0] & ~len[64:0]), 1'b1};
      assign dst_less = d_sum + d_carry + 66'd1;   // dst - src - length: negative
      assign src_less = s_sum + s_carry + 66'd1;
      assign t4_both  = t4_mirror && t4_first && !t4_nodata && chk_ok && (t4_st_q == crl_pkg::ST_OK || t4_down_q)
                        && dst_less[65] && src_less[65];

      logic unused;
      assign unused = &{1'b0, dst_less, src_less};
    end else begin : g_no_both
      logic unused;
      assign unused  = &{1'b0, t4_mirror};
      assign t4_both = 1'b0;
    end
  endgenerate
  assign t5_st = t5_both_q ? 8'(crl_pkg::ST_OVERLAP) : t5_st_q;

endmodule

`default_nettype wire
