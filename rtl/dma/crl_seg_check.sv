// SPDX-License-Identifier: Apache-2.0
//
// crl_seg_check: checks a segment-relative range against a segment table entry and translates it.
//
// How: the faults are found side by side and the first in this order is reported: SEG_INVALID,
//   KEY_REVOKED, SEG_BINDING, SEG_RIGHTS, SEG_RANGE. The end of the range is compared in full, so
//   that nothing wraps.
// Latency: the result is registered, one cycle after the inputs. Throughput: one a cycle.
// Assumes: a segment that is valid does not run past 2^64: crl_regs_walk lets no other into the table.
`default_nettype none

module crl_seg_check (
    input  wire logic                           clk,
    input  wire logic [crl_pkg::SEGENT_W-1:0]   seg_entry,   // the entry that the index names
    input  wire logic                           idx_ok,      // the index is below SEGMENTS
    input  wire logic [11:0]                    gen,         // key generation of the address
    input  wire logic [39:0]                    offset,      // first byte, in the segment
    input  wire logic [32:0]                    len,         // bytes that must lie in the segment
    input  wire logic [5:0]                     need_right,  // rights that are needed, a mask
    input  wire logic [7:0]                     channel,     // local channel it is for
    input  wire logic [3:0]                     peer,        // who asks, if is_remote
    input  wire logic                           is_remote,   // a peer's frame; else a local access
    output logic                                ok,
    output logic      [7:0]                     status,      // ST_OK if ok
    output logic      [63:0]                    addr         // absolute; only to be used if ok
);

  logic                                ent_valid;
  logic [crl_pkg::SEGENT_GEN_W-1:0]     ent_gen;
  logic [crl_pkg::SEGENT_RIGHTS_W-1:0]  ent_rights;
  logic [crl_pkg::SEGENT_CHANNEL_W-1:0] ent_channel;
  logic [crl_pkg::SEGENT_PEER_W-1:0]    ent_peer;
  logic [crl_pkg::SEGENT_SIZE_W-1:0]    ent_size;
  logic [crl_pkg::SEGENT_BASE_W-1:0]    ent_base;

  assign ent_valid   = seg_entry[crl_pkg::SEGENT_VALID_LSB];
  assign ent_gen     = seg_entry[crl_pkg::SEGENT_GEN_LSB +: crl_pkg::SEGENT_GEN_W];
  assign ent_rights  = seg_entry[crl_pkg::SEGENT_RIGHTS_LSB +: crl_pkg::SEGENT_RIGHTS_W];
  assign ent_channel = seg_entry[crl_pkg::SEGENT_CHANNEL_LSB +: crl_pkg::SEGENT_CHANNEL_W];
  assign ent_peer    = seg_entry[crl_pkg::SEGENT_PEER_LSB +: crl_pkg::SEGENT_PEER_W];
  assign ent_size    = seg_entry[crl_pkg::SEGENT_SIZE_LSB +: crl_pkg::SEGENT_SIZE_W];
  assign ent_base    = seg_entry[crl_pkg::SEGENT_BASE_LSB +: crl_pkg::SEGENT_BASE_W];

  logic        bad_index, bad_gen, bad_bind, bad_right, bad_range;
  logic        bad_index_q, bad_gen_q, bad_bind_q, bad_right_q, bad_range_q;
  logic        right_side, same_peer;
  (* keep *) logic [41:0] range_end;  // a sum of its own: the entry comes late, and must not wait for a sum of three
  logic [42:0] room;
  logic [51:0] page;
  logic [51:0] page_q;
  logic [11:0] low_q;

  assign right_side = is_remote ? ent_rights[crl_pkg::SEG_RIGHT_REMOTE]
                                : ent_rights[crl_pkg::SEG_RIGHT_LOCAL];
  assign same_peer  = !is_remote || ent_peer == peer || ent_peer == 4'hF;
  assign range_end  = {2'd0, offset} + {9'd0, len};
  assign room       = {2'd0, ent_size} - {1'b0, range_end};  // the borrow is the answer
  assign page       = ent_base + {24'd0, offset[39:12]};

  assign bad_index = !(idx_ok && ent_valid);
  assign bad_gen   = ent_gen != gen;
  assign bad_bind  = !(right_side && same_peer && ent_channel == channel);
  assign bad_right = (need_right & ~ent_rights) != '0;
  assign bad_range = room[42];

  always_ff @(posedge clk) begin
    bad_index_q <= bad_index;
    bad_gen_q   <= bad_gen;
    bad_bind_q  <= bad_bind;
    bad_right_q <= bad_right;
    bad_range_q <= bad_range;
    page_q      <= page;
    low_q       <= offset[11:0];
  end

  assign addr = {page_q, low_q};
  assign ok   = !(bad_index_q || bad_gen_q || bad_bind_q || bad_right_q || bad_range_q);

  always_comb begin
    if (bad_index_q)                status = crl_pkg::ST_SEG_INVALID;
    else if (bad_gen_q)             status = crl_pkg::ST_KEY_REVOKED;
    else if (bad_bind_q)            status = crl_pkg::ST_SEG_BINDING;
    else if (bad_right_q)           status = crl_pkg::ST_SEG_RIGHTS;
    else if (bad_range_q)           status = crl_pkg::ST_SEG_RANGE;
    else                            status = crl_pkg::ST_OK;
  end

  logic unused;
  assign unused = &{1'b0, room[41:0]};

endmodule

`default_nettype wire
