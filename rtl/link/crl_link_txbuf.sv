// SPDX-License-Identifier: Apache-2.0
//
// crl_link_txbuf: holds complete REQ frames until the peer has acknowledged them.
//
// How: payload beats wait in one register until it is known whether they are the last of their
//   frame; the last leaves with the fields and is cleared behind the frame's end, so that nothing of another transfer leaks.
//   Converted to the link's width they go into the slot's block RAM and through the CRC. With the last one written the
//   header fields and the payload's CRC state are stored beside, and the frame is pushed.
//   Store and forward: a frame that has been started never waits for data.
//   A frame that is closed with length 0 drops the beats that came before it.
//   While 'flush' is high frames are taken as usual and thrown away.
// Latency: 1 cycle from the fields to push (more when widths differ), 2 for length 0. Throughput: a beat a cycle of the narrower width, one
//   cycle a frame for its fields.
// Assumes: ceil(f_len/(DATA_W/8)) beats a frame, or length 0; beats and fields are never shown together: the fields
//   after the last beat was taken, the next frame's first beat after the fields were.
`default_nettype none

module crl_link_txbuf #(
    parameter int DATA_W   = 64,    // bits a beat of the node
    parameter int LINK_W   = 64,    // bits a beat of the link
    parameter int LINK_MTU = 1024,  // payload bytes a frame
    parameter int SLOTS    = 16,    // frames, a power of two
    parameter int REC_W    = 8,     // bits of header fields stored with a frame
    localparam int IW      = $clog2(SLOTS),
    localparam int MB      = LINK_MTU * 8 / LINK_W,
    localparam int MBW     = $clog2(MB)
) (
    input  wire logic              clk,
    input  wire logic              rst,
    input  wire logic              flush,      // level
    input  wire logic              p_valid,    // payload beats
    output logic                   p_ready,
    input  wire logic [DATA_W-1:0] p_data,
    input  wire logic              f_valid,    // closes the frame
    output logic                   f_ready,
    input  wire logic [REC_W-1:0]  f_rec,
    input  wire logic [15:0]       f_len,      // payload bytes
    output logic                   closed,     // event: a frame was closed, thrown away or not
    output logic      [MBW:0]      closed_beats, // payload beats of it
    output logic      [REC_W-1:0]  closed_rec, // and its header fields
    output logic                   push,       // event: a frame is complete in slot push_idx
    input  wire logic [IW-1:0]     push_idx,
    input  wire logic [IW-1:0]     rd_slot,    // asynchronous look-up
    output logic      [REC_W-1:0]  rd_rec,
    output logic      [15:0]       rd_len,
    output logic      [MBW:0]      rd_beats,   // payload beats on the link
    output logic      [31:0]       rd_crc,     // CRC state after the payload
    input  wire logic              re,         // payload, one cycle later
    input  wire logic [MBW-1:0]    re_idx,
    input  wire logic [IW-1:0]     re_slot,
    output logic      [LINK_W-1:0] re_data
);

  localparam int DB    = DATA_W / 8;
  localparam int DBW   = $clog2(DB);
  localparam int LBW   = $clog2(LINK_W / 8);
  localparam int RATIO = DATA_W > LINK_W ? DATA_W / LINK_W : LINK_W / DATA_W;
  localparam int NW    = RATIO > 1 ? $clog2(RATIO) : 1;

  // ---- intake: one beat is held until its successor or the frame's end is known
  logic              h_valid_q, h_last_q, fv_q;
  logic [DATA_W-1:0] h_q, h_masked;
  logic              p_take, f_take, h_move, h_fire, drop;
  logic [REC_W-1:0]  rec_q;
  logic [15:0]       len_q;
  logic              w_ready, commit_q;
  logic              h_last;             // the fields of the beat's frame are here
  logic [DBW-1:0]    h_len;              // bytes of its last beat, 0: all

  assign h_last   = h_last_q || (f_take && !drop);
  assign h_len    = h_last_q ? len_q[DBW-1:0] : f_len[DBW-1:0];
  assign h_move   = !h_valid_q || (w_ready && (h_last || p_valid));
  assign p_ready  = !h_valid_q || w_ready;
  assign p_take   = p_valid && p_ready;
  assign f_ready  = !fv_q;
  assign f_take   = f_valid && f_ready;
  assign drop     = f_take && f_len == '0;
  assign h_fire   = h_valid_q && h_move;
  assign closed   = commit_q;

  always_ff @(posedge clk) begin
    if (p_take) h_q <= p_data;
    if (f_take) begin
      rec_q <= f_rec;
      len_q <= f_len;
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      h_valid_q <= 1'b0;
      h_last_q  <= 1'b0;
      fv_q      <= 1'b0;
    end else begin
      if (p_take)      h_valid_q <= 1'b1;
      else if (h_fire || drop) h_valid_q <= 1'b0;

      if (h_fire)      h_last_q <= 1'b0;
      else if (f_take) h_last_q <= !drop;

      if (done)        fv_q <= 1'b0;
      else if (f_take) fv_q <= 1'b1;
    end
  end

  // Zeros behind the end of the frame, in its last beat. Length 0, which shows late, clears nothing.
  logic [DB-1:0]  keep;


  always_comb begin
    for (int i = 0; i < DB; i++) begin
      keep[i] = !(h_last_q || f_valid) || h_len == '0 || DBW'(i) < h_len;
      h_masked[i*8 +: 8] = keep[i] ? h_q[i*8 +: 8] : 8'h00;
    end
  end

  // ---- to the link's width
  logic              w_valid, w_last;
  logic [LINK_W-1:0] w_data;
  logic [NW-1:0]     pieces;

  generate
    if (DATA_W > LINK_W) begin : g_pieces
      // Pieces of the last beat that the link carries, less one.
      logic [DBW-1:0] len_m1;
      logic           unused;

      assign unused = &{1'b0, len_m1[LBW-1:0]};
      assign len_m1 = h_len - 1'b1;
      assign pieces = len_m1[DBW-1:LBW];
    end else begin : g_whole
      assign pieces = '0;
    end
  endgenerate

  crl_link_width #(.IN_W(DATA_W), .OUT_W(LINK_W)) u_width (
      .clk, .rst, .clear(drop),
      .s_valid(h_fire), .s_ready(w_ready), .s_data(h_masked), .s_last(h_last), .s_pieces(pieces),
      .m_valid(w_valid), .m_ready(1'b1), .m_data(w_data), .m_last(w_last)
  );

  // ---- slot memory and CRC, one cycle behind
  logic              done;             // the frame leaves the intake: last payload beat, or none
  logic              drop_q;
  logic              w1_q, done1_q, empty1_q;
  logic [LINK_W-1:0] d1_q;
  logic [REC_W-1:0]  rec1_q;
  logic [MBW:0]      wr_idx_q;         // beats written of the frame
  logic [MBW:0]      beats, beats_q;   // beats of the frame that is being pushed
  logic [IW-1:0]     wr_slot_q;
  logic [31:0]       crc_q, crc_in, crc_out;

  assign done   = (w_valid && w_last) || drop_q;
  assign crc_in = wr_idx_q == '0 ? 32'hFFFF_FFFF : crc_q;

  crl_crc32c #(.W(LINK_W)) u_crc (.crc_in, .data(d1_q), .crc_out);

  // What comes when the link has gone down is not stored: the frame that is being sent is still read.
  crl_ram_bram #(.W(LINK_W), .DEPTH(SLOTS * MB)) u_pay (
      .clk,
      .we(w1_q && !flush), .waddr({wr_slot_q, wr_idx_q[MBW-1:0]}), .wdata(d1_q),
      .re, .raddr({re_slot, re_idx}), .rdata(re_data)
  );

  always_ff @(posedge clk) begin
    d1_q <= w_data;
    if (done) empty1_q <= drop_q;
    if (w1_q) crc_q <= crc_out;
    // The next frame's fields come a cycle after 'done' at the earliest.
    rec1_q  <= rec_q;
    beats_q <= beats;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      drop_q    <= 1'b0;
      w1_q      <= 1'b0;
      done1_q   <= 1'b0;
      wr_idx_q  <= '0;
      wr_slot_q <= '0;
      commit_q  <= 1'b0;
    end else begin
      drop_q   <= drop;
      w1_q     <= w_valid;
      done1_q  <= done;
      commit_q <= done1_q;
      if (done1_q) wr_idx_q <= '0;
      else if (w1_q && !wr_idx_q[MBW]) wr_idx_q <= wr_idx_q + 1'b1;
      if (flush) wr_slot_q <= '0;
      else if (done1_q) wr_slot_q <= wr_slot_q + 1'b1;
    end
  end

  // ---- header fields
  localparam int FULL_W = REC_W + 16 + (MBW + 1) + 32;
  logic [FULL_W-1:0] rec_in, rec_out;

  assign push   = done1_q && !flush;
  assign beats  = empty1_q ? '0 : wr_idx_q + 1'b1;
  assign closed_beats = beats_q;
  assign closed_rec   = rec1_q;
  assign rec_in = {empty1_q ? 32'hFFFF_FFFF : crc_out, beats, len_q, rec_q};
  assign {rd_crc, rd_beats, rd_len, rd_rec} = rec_out;

  crl_ram_lut #(.W(FULL_W), .DEPTH(SLOTS)) u_rec (
      .clk, .we(push), .waddr(push_idx), .wdata(rec_in), .raddr(rd_slot), .rdata(rec_out)
  );

`ifndef SYNTHESIS
  logic [15:0] beats_in_q;   // beats taken of the frame

  always_ff @(posedge clk) begin
    if (rst || f_take) beats_in_q <= '0;
    else if (p_take) beats_in_q <= beats_in_q + 1'b1;
    if (!rst) begin
      assert (!(p_valid && f_valid));
      if (f_take && f_len != '0) assert (32'(beats_in_q) == (32'(f_len) + DB - 1) / DB);
    end
  end
`endif

endmodule

`default_nettype wire
