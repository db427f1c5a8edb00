// SPDX-License-Identifier: Apache-2.0
//
// crl_link_room: room in the transmit buffer for its two clients, and receive slots for READ_DATA.
//
// How: 'held' counts slots of the buffer that are reserved or in use, by both. Each client has a limit of its own for frames that
//   have not been started yet, so that the scheduler decides who goes next, not the queue. The engine's are counted by
//   their beats, or a run of short ones would leave the link idle while the next long one is being read; a frame counts
//   as the longest until it is closed, and what it leaves shows two cycles later. When slots are scarce they take
//   turns: the one that was served last leaves two to the other. The engine may be about to take one that it has seen; so
//   the responder never takes the last.
//   Receive slots for READ_DATA are counted from the take of the request to the end of the answer.
// Latency: a take shows in the next cycle, a free receive slot in the one after it.
// Assumes: takes only while room was shown: the engine's within 8 cycles, the responder's at once. 'clear' brings all back.
`default_nettype none

module crl_link_room #(
    parameter int SLOTS      = 32,  // of the transmit buffer
    parameter int QUEUE      = 5,   // frames of the engine taken and not started, in beats of the longest
    parameter int RD_QUEUE   = 3,   // of the responder
    parameter int READ_SLOTS = 16,  // receive slots for READ_DATA; 0: none, and no responder
    parameter int BEATS      = 128, // payload beats of the longest frame, a power of two
    parameter int HEADER     = 7,   // beats of the header and the CRC
    localparam int TW        = $clog2(SLOTS),
    localparam int BW        = $clog2(BEATS),
    localparam int AW        = $clog2((QUEUE + 8) * (BEATS + HEADER)),
    localparam int RW        = READ_SLOTS > 0 ? $clog2(READ_SLOTS + 1) : 1
) (
    input  wire logic        clk,
    input  wire logic        rst,         // synchronous, active high
    input  wire logic        flush,       // level: nothing that was taken will be sent
    input  wire logic        clear,       // level: all slots are free
    input  wire logic        tx_take,     // event: the engine's frame
    input  wire logic        rdt_take,    // event: the responder's
    input  wire logic        rdt_want,    // level: it has a frame
    input  wire logic        started,     // event: a frame is sent for the first time ...
    input  wire logic        started_rd,  // ... READ_DATA
    input  wire logic [BW:0] started_beats, // its payload
    input  wire logic [TW:0] freed,       // event with a count: slots are free
    input  wire logic        closed,      // event: a frame that was taken is complete ...
    input  wire logic        closed_rd,   // ... READ_DATA
    input  wire logic [BW:0] closed_beats, // its payload
    output logic             room,        // for a frame of the engine
    output logic             rdt_room,    // for one of the responder
    output logic             none_open,   // no frame is taken and not complete
    input  wire logic        rd_take,     // event: a receive slot is reserved
    input  wire logic        rd_free,     // event: one is free again
    output logic             rd_ok        // there is one
);

  localparam int LONGEST = BEATS + HEADER;

  logic [TW:0]   held_q, held_d, open_q;
  logic [AW-1:0] ahead_q, sent_q, less_q;  // beats in front of the link; those that leave them
  logic          short_enough;

  assign held_d    = held_q + (TW+1)'(tx_take) + (TW+1)'(rdt_take) - freed;
  assign none_open = open_q == '0;
  assign short_enough = ahead_q <= AW'((QUEUE - 1) * LONGEST);

  always_ff @(posedge clk) begin
    if (rst) begin
      held_q <= '0;
      open_q <= '0;
      ahead_q <= '0;
      sent_q  <= '0;
      less_q  <= '0;
    end else begin
      held_q <= clear ? '0 : held_d;
      open_q <= open_q + (TW+1)'(tx_take) + (TW+1)'(rdt_take) - (TW+1)'(closed);
      ahead_q <= clear ? '0 : ahead_q + (tx_take ? AW'(LONGEST) : '0) - sent_q - less_q;
      sent_q  <= started && !started_rd && !clear ? AW'(started_beats) + AW'(HEADER) : '0;
      less_q  <= closed && !closed_rd && !clear ? AW'(BEATS) - AW'(closed_beats) : '0;
    end
  end

  generate
    if (READ_SLOTS > 0) begin : g_read
      logic        rd_turn_q;          // the responder is next when slots are scarce
      logic [TW:0] rd_wait_q, rd_wait_d;
      logic [RW-1:0] out_q, out_d;     // receive slots reserved
      logic        free_q;

      assign rd_wait_d = rd_wait_q + (TW+1)'(rdt_take) - (TW+1)'(started && started_rd);
      // Counted a cycle late. An answer that nobody asked for gives nothing back.
      assign out_d     = out_q + RW'(rd_take) - RW'(free_q && out_q != '0);

      always_ff @(posedge clk) begin
        if (rst) begin
          rd_turn_q <= 1'b0;
          rd_wait_q <= '0;
          out_q     <= '0;
          free_q    <= 1'b0;
          room      <= 1'b0;
          rdt_room  <= 1'b0;
          rd_ok     <= 1'b0;
        end else begin
          if (rdt_take)     rd_turn_q <= 1'b0;
          else if (tx_take) rd_turn_q <= 1'b1;
          rd_wait_q <= flush || clear ? '0 : rd_wait_d;
          out_q     <= clear ? '0 : out_d;
          free_q    <= rd_free && !clear;
          room      <= held_d < (rd_turn_q && rdt_want ? (TW+1)'(SLOTS - 2) : (TW+1)'(SLOTS))
                       && short_enough;
          rdt_room  <= held_d < (rd_turn_q ? (TW+1)'(SLOTS - 1) : (TW+1)'(SLOTS - 3))
                       && rd_wait_d < (TW+1)'(RD_QUEUE);
          rd_ok     <= out_d < RW'(READ_SLOTS);
        end
      end

`ifndef SYNTHESIS
      always_ff @(posedge clk) begin
        if (!rst && !clear && !flush) assert (!(rd_take && out_q == RW'(READ_SLOTS)));
      end
`endif
    end else begin : g_none
      logic unused;
      assign unused   = &{1'b0, rdt_want, rd_take, rd_free};
      assign rdt_room = 1'b0;
      assign rd_ok    = 1'b0;
      always_ff @(posedge clk) begin
        if (rst) room <= 1'b0;
        else room <= held_d < (TW+1)'(SLOTS) && short_enough;
      end
    end
  endgenerate

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (!rst && !clear && !flush) assert (held_q <= (TW+1)'(SLOTS));
    if (!rst) assert (!(closed && open_q == '0));   // a frame without a take
  end
`endif

endmodule

`default_nettype wire
