// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_turn: whose turn it is (T0 of crl_dma_issue), and which operations and frames are under way.
//
// How: the scheduler's pick, or the chunk that continues a frame: a frame's chunks are back to back, and nobody else is picked
//   between them. An operation with chunks to come is not overtaken while its context is in the pipeline, so that no
//   channel loses its turn by being slow to be eligible again. A pick at most every second cycle.
// Latency: pick to T1 1 cycle. A frame goes on, and a channel may be picked again, in the cycle after T5.
`default_nettype none

module crl_dma_turn #(
    parameter int CHANNELS = 8,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,

    // T0
    input  wire logic                room,        // for a chunk
    output logic                     pick_ready,
    input  wire logic                pick_valid,
    input  wire logic [CW-1:0]       pick_ch,
    output logic                     pk_en,       // event: picked
    output logic      [CW-1:0]       pk_ch,
    input  wire logic                pk_empty,    // no descriptor of it is staged

    // T1: the pick, and what was decided
    output logic                     t1_valid,
    output logic      [CW-1:0]       t1_ch,
    output logic                     t1_ip,       // of an operation under way
    output logic                     t1_empty,
    output logic                     t1_stick,    // goes on with a frame
    input  wire logic                t1_go,       // it was not killed
    input  wire logic                t1_first,
    input  wire logic                t1_last,
    input  wire logic                t1_more,     // the frame goes on
    input  wire logic                t1_reserve,  // a frame is to be reserved

    // T5
    input  wire logic                t5_valid,
    input  wire logic [CW-1:0]       t5_ch,
    input  wire logic                t5_last,
    input  wire logic                t5_fault,    // refused: no chunks to come

    // T6
    input  wire logic                t6_overlap,  // refused after all; a local operation, so no frame

    input  wire logic                fail_valid,  // event: an operation of fail_ch could not be read ...
    input  wire logic [CW-1:0]       fail_ch,
    input  wire logic                fail_now,    // ... the one that is under way, if any is

    output logic      [CHANNELS-1:0] ip,          // an operation has begun and has chunks to come
    output logic      [CHANNELS-1:0] busy,        // and its context is in the pipeline
    output logic      [CHANNELS-1:0] failed,      // and it could not be read
    output logic                     reserving    // T2 to T7: a frame is to be reserved
);

  logic          stick_q, stick_rdy_q;         // the frame of stick_ch goes on, exclusively
  logic [CW-1:0] stick_ch_q;
  logic [5:0]    reserve_q;
  logic          may_pick;
  logic          t6_more_q;                    // chunks were to come
  logic [CW-1:0] t6_ch_q;

  assign may_pick   = !t1_valid && room;
  assign pick_ready = may_pick && !stick_q && busy == '0;
  assign pk_en      = stick_q ? (may_pick && stick_rdy_q) : (pick_ready && pick_valid);
  assign pk_ch      = stick_q ? stick_ch_q : pick_ch;
  assign reserving  = reserve_q != '0;

  always_ff @(posedge clk) begin
    if (rst) begin
      t1_valid    <= 1'b0;
      ip          <= '0;
      busy        <= '0;
      failed      <= '0;
      stick_q     <= 1'b0;
      stick_rdy_q <= 1'b0;
      reserve_q   <= '0;
    end else begin
      t1_valid  <= pk_en;
      reserve_q <= {reserve_q[4:0], t1_go && t1_reserve};

      if (fail_valid && ip[fail_ch] && fail_now) failed[fail_ch] <= 1'b1;
      if (t1_go) begin
        ip[t1_ch]   <= !t1_last;
        busy[t1_ch] <= !t1_last;
        if (t1_last || t1_first) failed[t1_ch] <= 1'b0;
        stick_q     <= t1_more;
        stick_rdy_q <= 1'b0;
        stick_ch_q  <= t1_ch;
      end
      if (t5_valid && !t5_last) begin
        busy[t5_ch] <= 1'b0;
        if (stick_q && stick_ch_q == t5_ch) stick_rdy_q <= 1'b1;
      end
      if (t5_valid && t5_fault && !t5_last) begin
        ip[t5_ch]     <= 1'b0;
        failed[t5_ch] <= 1'b0;
        if (stick_ch_q == t5_ch) begin
          stick_q     <= 1'b0;
          stick_rdy_q <= 1'b0;
        end
      end
      // A pick that is as late as this finds 'ip' right: 'busy' was seen to fall in this cycle.
      if (t6_overlap && t6_more_q) begin
        ip[t6_ch_q]     <= 1'b0;
        failed[t6_ch_q] <= 1'b0;
      end
    end
    t6_more_q <= t5_valid && !t5_last;
    t6_ch_q   <= t5_ch;
    t1_ch    <= pk_ch;
    t1_ip    <= ip[pk_ch];
    t1_empty <= pk_empty;
    t1_stick <= stick_q;
  end

endmodule

`default_nettype wire
