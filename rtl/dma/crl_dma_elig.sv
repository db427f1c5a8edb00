// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_elig: which channels may be picked, and what holds the others up.
//
// How: per channel, from the conditions of a new operation or of one under way, registered. A channel that has just been
//   picked stays eligible for its next descriptor: T1 finds out. One with an operation under way is busy. A channel
//   whose last operation was remote is taken to be remote until T1 has seen otherwise: it is not picked in vain while the
//   link has no room, which would cost it its turn. All such channels become eligible together when room comes.
//   One that waits for its link to come up is parked: T1 has seen its descriptor, which stays the first.
// Latency: a condition is seen in elig a cycle later.
`default_nettype none

module crl_dma_elig #(
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                      clk,
    input  wire logic                      rst,

    // Set-up of a channel's peer (event), state of the links
    input  wire logic                      cc_we,
    input  wire logic [CW-1:0]             cc_ch,
    input  wire logic                      cc_bind,
    input  wire logic [1:0]                cc_peer,
    input  wire logic [PEERS-1:0]          peer_up,
    input  wire logic [PEERS*CHANNELS-1:0] tx_ok,
    input  wire logic [PEERS-1:0]          rd_ok,      // a receive slot for an answer
    input  wire logic [PEERS-1:0]          hold_ok,    // a place in the hold FIFO of MIRROR
    input  wire logic [CHANNELS-1:0]       give_up,    // if the link is down, what has not begun no longer waits for it
    input  wire logic                      reserving,  // a frame is about to be reserved: tx_ok is old
    output logic      [CHANNELS-1:0]       up,         // bound, and its peer is up
    // As of a cycle ago:
    output logic      [CHANNELS-1:0]       credit,     // its link has room for a frame
    output logic      [CHANNELS-1:0]       rd_slot,    // and a receive slot
    output logic      [CHANNELS-1:0]       place,      // and a place in the hold FIFO

    // State of the channels
    input  wire logic [CHANNELS-1:0]       run,        // new operations may begin
    input  wire logic [CHANNELS-1:0]       hold,       // begun ones wait ...
    input  wire logic [CHANNELS-1:0]       ending,     // ... but for those that are to end
    input  wire logic [CHANNELS-1:0]       ip,         // an operation has begun and has chunks to come
    input  wire logic [CHANNELS-1:0]       busy,       // and its last chunk is still on its way
    input  wire logic [CHANNELS-1:0]       held,       // its message waits for an answer,
    input  wire logic [CHANNELS-1:0]       waiting,    // or for the time of another attempt,
    input  wire logic [CHANNELS-1:0]       due,        // which has come;
    input  wire logic [CHANNELS-1:0]       gone,       // or is over
    input  wire logic [CHANNELS-1:0]       st_empty,   // no descriptor is staged
    input  wire logic                      st_enq_valid,
    input  wire logic [CW-1:0]             st_enq_ch,
    input  wire logic [CHANNELS-1:0]       cq_ok,      // completion slot
    input  wire logic [CHANNELS-1:0]       op_empty,   // no operation in the table
    input  wire logic                      alloc_ready,
    input  wire logic                      room,       // for a chunk and what it reads

    // T1: the picked channel
    input  wire logic                      t1_valid,
    input  wire logic [CW-1:0]             t1_ch,
    input  wire logic                      t1_more,    // it is not through with this descriptor
    input  wire logic                      t1_seen,    // t1_remote means something
    input  wire logic                      t1_remote,
    input  wire logic                      t1_read,
    input  wire logic                      t1_mirror,
    input  wire logic                      t1_fenced,  // its descriptor waits for all before it
    input  wire logic                      t1_half,    // ... or for its second slot
    input  wire logic                      t1_parked,  // ... or for its link
    input  wire logic [CHANNELS-1:0]       half,       // which may still come

    output logic      [CHANNELS-1:0]       lost,       // the link fell in the middle of its operation
    output logic      [CHANNELS-1:0]       sending,    // a remote one has chunks to come, the link would take them
    output logic      [CHANNELS-1:0]       elig,
    output logic      [5*CHANNELS-1:0]     stall       // per channel: {memory, -, -, link, completion ring}
);

  logic [CHANNELS-1:0]   bind_q, fence_q, half_q, parked_q, remote_q, read_q, mirror_q;
  logic [2*CHANNELS-1:0] peer_q;
  logic [CHANNELS-1:0]   stay, staged, link_ok, elig_d, up_d, credit_d, rd_slot_d, place_d, ready;

  always_comb begin
    credit_d  = '0;
    rd_slot_d = '0;
    place_d   = '0;
    up_d      = '0;
    for (int c = 0; c < CHANNELS; c++) begin
      for (int p = 0; p < PEERS; p++) begin
        if (peer_q[2*c +: 2] == 2'(p)) begin
          credit_d[c]  = tx_ok[p*CHANNELS + c];
          rd_slot_d[c] = rd_ok[p];
          place_d[c]   = hold_ok[p];
          up_d[c]      = bind_q[c] && peer_up[p];
        end
      end
    end
  end

  assign ready   = credit & (rd_slot | ~read_q) & (place | ~mirror_q);   // all that a frame needs
  assign link_ok = ~remote_q | (ready & {CHANNELS{!reserving}}) | ~up;
  // A message that waits when its link is lost is ended by the operation table.
  assign stay = held | (waiting & (~due | lost));
  always_comb begin
    staged = ~st_empty;
    if (st_enq_valid) staged[st_enq_ch] = 1'b1;
    for (int c = 0; c < CHANNELS; c++) begin
      if (ip[c])
        elig_d[c] = !busy[c] && (!hold[c] || ending[c] || lost[c] || gone[c]) && (!stay[c] || ending[c] || op_empty[c] || (lost[c] && !waiting[c]))
                    && (link_ok[c] || op_empty[c] || lost[c] || gone[c] || (waiting[c] && ending[c]));
      else
        elig_d[c] = run[c] && staged[c] && cq_ok[c] && alloc_ready && !fence_q[c] && !half_q[c] && !parked_q[c] && link_ok[c];
    end
    if (t1_valid && t1_more) elig_d[t1_ch] = 1'b0;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      elig     <= '0;
      up       <= '0;
      credit   <= '0;
      rd_slot  <= '0;
      place    <= '0;
      lost     <= '0;
      sending  <= '0;
      bind_q   <= '0;
      peer_q   <= '0;
      fence_q  <= '0;
      half_q   <= '0;
      parked_q <= '0;
      remote_q <= '0;
      read_q   <= '0;
      mirror_q <= '0;
    end else begin
      elig    <= elig_d;
      up      <= up_d;
      credit  <= credit_d;
      rd_slot <= rd_slot_d;
      place   <= place_d;
      lost    <= ip & (lost | (remote_q & ~up));
      sending <= ip & remote_q & ((ready & ~held) | waiting);
      fence_q <= fence_q & ~op_empty;
      if (t1_valid && t1_fenced) fence_q[t1_ch] <= 1'b1;
      half_q <= half_q & half;
      if (t1_valid && t1_half) half_q[t1_ch] <= half[t1_ch];
      parked_q <= parked_q & run & ~up & ~give_up;
      if (t1_valid && t1_parked) parked_q[t1_ch] <= 1'b1;
      if (t1_valid && t1_seen) remote_q[t1_ch] <= t1_remote;
      if (t1_valid && t1_seen) read_q[t1_ch] <= t1_read;
      if (t1_valid && t1_seen) mirror_q[t1_ch] <= t1_mirror;
      if (cc_we) begin
        bind_q[cc_ch]        <= cc_bind;
        peer_q[2*cc_ch +: 2] <= cc_peer;
      end
    end
  end

  always_comb begin
    for (int c = 0; c < CHANNELS; c++) begin
      stall[5*c + 0] = !ip[c] && !st_empty[c] && run[c] && !cq_ok[c];
      stall[5*c + 1] = (!link_ok[c] || parked_q[c]) && (ip[c] || !st_empty[c]);
      stall[5*c + 2] = 1'b0;
      stall[5*c + 3] = 1'b0;
      stall[5*c + 4] = elig[c] && !room;
    end
  end

endmodule

`default_nettype wire
