// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_db_rule: may this pointer of a queue go there?
//
// How: the entries added to a submission queue have to be at least 1 and no more than its room, those freed from a completion queue
//   at least 1 and no more than are unread. With all pointers within the size that is a matter of position on the ring: a new tail
//   lies behind the tail and before the head, a new head behind the head and not behind the tail. So compares side by side
//   decide, not sums one after the other. An SQ whose pointers are equal is empty and has the whole ring before it; a CQ has nothing.
// Latency: 0, combinational.
// Assumes: own and other are at most size.
`default_nettype none

module crl_nvme_db_rule (
    input  wire logic        cq,     // 1: head of a completion queue, 0: tail of a submission queue
    input  wire logic [15:0] val,    // where it shall go
    input  wire logic [11:0] size,   // entries less one
    input  wire logic [11:0] own,    // where it is
    input  wire logic [11:0] other,  // SQ: head, CQ: tail
    input  wire logic        fresh,  // own and other are 0, whatever the latter says
    output logic             ok
);

  logic above, under, wraps;

  assign above = val[11:0] > own;
  assign under = val[11:0] < other || (cq && val[11:0] == other);
  assign wraps = cq ? other < own : other <= own;
  assign ok    = val <= {4'd0, size} && (fresh ? !cq && above : wraps ? above || under : above && under);

endmodule

`default_nettype wire
