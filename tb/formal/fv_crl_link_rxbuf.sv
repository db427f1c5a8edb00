// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_link_rxbuf: a peer that keeps to its credits, and a node that frees each frame once, in whatever order: while
// payload that came with it or in front of it is still here too. Contents are any bits; a session goes on for ever.
`default_nettype none

module fv_crl_link_rxbuf #(
    parameter int SLOTS = 3,
    localparam int CW   = $clog2(SLOTS + 1)
) (
    input wire         clk,
    input wire         rst,
    input wire         commit, rx_ready, rxp_ready, node_frees,
    input wire         w_hdr, w_pay, w_pidx,
    input wire [511:0] w_data,
    input wire [1:0]   commit_beats,
    input wire [15:0]  commit_len
);

  wire          quiet, room, rx_valid, rxp_valid, rxp_last, free, free_rd, fv_commit, fv_read, fv_load, fv_catch, fv_shown;
  wire [7:0]    free_ch;
  wire [511:0]  rx_hdr, rxp_data;
  wire [CW-1:0] fv_used, fv_wait, fv_open, fv_spare;
  wire [1:0]    fv_freed;

  // Credits at the peer or on their way to it, and what the node has not freed of what it was shown.
  reg  [CW-1:0] credits, owed;
  reg  [1:0]    early;    // freed, credit not given back
  wire          slot_free = node_frees && owed != 0 && early < 2;

  crl_link_rxbuf #(.DATA_W(512), .LINK_W(512), .LINK_MTU(128), .SLOTS(SLOTS), .EARLY(2)) u_dut (
      .clk, .rst, .flush(1'b0), .clear(1'b0), .quiet, .room, .w_hdr, .w_hidx(1'b0), .w_pay, .w_pidx, .w_data,
      .commit(commit && credits != 0), .commit_beats, .commit_len,
      .rx_valid, .rx_ready, .rx_hdr, .rxp_valid, .rxp_ready, .rxp_data, .rxp_last,
      .slot_free, .slot_free_ch(8'd0), .slot_free_rd(1'b0),
      .fv_used, .fv_wait, .fv_open, .fv_spare, .fv_commit, .fv_read, .fv_load, .fv_catch, .fv_shown, .fv_freed, .free, .free_ch, .free_rd
  );

  reg full_once;

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  always @(posedge clk) begin
    if (rst) full_once <= 0;
    else if (fv_used == SLOTS) full_once <= 1;
    if (rst) begin
      credits <= SLOTS;
      owed    <= 0;
      early   <= 0;
    end else begin
`ifdef BREAK   // the credit comes with the frame that the node frees
      credits <= credits - (commit && credits != 0) + slot_free;
`else
      credits <= credits - (commit && credits != 0) + free;
`endif
      owed    <= owed + (rx_valid && rx_ready) - slot_free;
      early   <= early + slot_free - free;
    end
  end

  always @(posedge clk) begin
    if (past_valid && !rst) begin
      // The claim: slots in use and credits are never more than the slots, so a frame with a credit has room.
      assert ({1'b0, fv_used} + {1'b0, credits} <= SLOTS);
      if (credits != 0) assert (room);
`ifndef BREAK
      // What it rests on: where each slot and each credit is.
      assert ({2'd0, fv_wait} + fv_open + fv_spare + fv_commit + credits == SLOTS);
`endif
      assert ({2'd0, fv_wait} + fv_open + fv_commit + fv_read == {2'd0, fv_used});
      assert (!fv_read || fv_spare != 0);
      assert (!fv_load || (fv_wait != 0 && !rx_valid));
      assert (fv_freed == early && room == (fv_used != SLOTS));
      assert ({2'd0, owed} + early + rx_valid == {2'd0, fv_open} + fv_spare + fv_shown);
      // A header that is caught is the oldest: none waits, is loaded or is shown. It counts as open a cycle after it is shown.
      assert (!fv_catch || (fv_wait == 0 && !fv_commit && !fv_load && !rx_valid));
      assert (!fv_shown || (fv_wait == 0 && fv_commit && !fv_load && !quiet));
      cover (fv_shown && fv_open != 0);
      cover (slot_free && fv_spare == 0 && fv_used == SLOTS);
      cover (full_once && credits == SLOTS && early == 0 && quiet);
    end
  end

endmodule

`default_nettype wire
