// SPDX-License-Identifier: Apache-2.0
//
// crl_link_rxbuf: receive slots. A frame is written beat by beat into the current slot and becomes
// visible when it is committed; slots are used in turn and read in the same order.
//
// How: the peer's credits and the slots in use are together never more than the slots. Frames may be freed in any order, and
//   one without payload, or a refused one, before payload has left that came in front of it or with it; so what the node frees
//   waits in a FIFO until as many slots have been emptied (read out), and only then gives a credit back. Two readers follow
//   the writer: one loads headers, one streams payloads and never runs ahead of the header. While nothing waits, the header that
//   is being written is caught on its way into the memory, and is shown as soon as its frame is committed.
// Flush (level): frames whose header has not been shown are dropped; the others are finished as usual.
//   'quiet' tells that nothing is left and that the node has freed everything it was given.
// Latency: commit to rx_valid 1 cycle if no header waited when its own began, else FRAME_W/LINK_W + 4; slot_free to free 1.
// Throughput: a beat a cycle, no bubble between payloads.
// Assumes: clear only when quiet and flushed; commit only with room; no more than EARLY frames are freed ahead of their payload.
`default_nettype none

module crl_link_rxbuf #(
    parameter int DATA_W   = 64,
    parameter int LINK_W   = 64,
    parameter int LINK_MTU = 1024,
    parameter int SLOTS    = 24,
    parameter int EARLY    = 16,    // frames that are freed and not read out, a power of two
    localparam int HB      = crl_pkg::FRAME_W / LINK_W,
    localparam int HW      = HB > 1 ? $clog2(HB) : 1,
    localparam int MB      = LINK_MTU * 8 / LINK_W,
    localparam int MBW     = $clog2(MB)
) (
    input  wire logic              clk,
    input  wire logic              rst,
    input  wire logic              flush,
    input  wire logic              clear,       // back to the first slot
    output logic                   quiet,
    // writer
    output logic                   room,        // the current slot is free
    input  wire logic              w_hdr,
    input  wire logic [HW-1:0]     w_hidx,
    input  wire logic              w_pay,
    input  wire logic [MBW-1:0]    w_pidx,
    input  wire logic [LINK_W-1:0] w_data,
    input  wire logic              commit,      // event: the slot holds a good frame
    input  wire logic [MBW:0]      commit_beats,
    input  wire logic [15:0]       commit_len,
    // to the node
    output logic                   rx_valid,
    input  wire logic              rx_ready,
    output logic [crl_pkg::FRAME_W-1:0] rx_hdr,
    output logic                   rxp_valid,
    input  wire logic              rxp_ready,
    output logic      [DATA_W-1:0] rxp_data,
    output logic                   rxp_last,
    input  wire logic              slot_free,   // event: one frame is done with
    input  wire logic [7:0]        slot_free_ch,
    input  wire logic              slot_free_rd,
    // credits
`ifdef FORMAL
    output logic      [$clog2(SLOTS + 1)-1:0] fv_used, fv_wait, fv_open, fv_spare,   // for the proof
    output logic                   fv_commit, fv_read, fv_load, fv_catch, fv_shown,
    output logic      [$clog2(EARLY):0] fv_freed,
`endif
    output logic                   free,        // event: one may be given back
    output logic      [7:0]        free_ch,
    output logic                   free_rd
);

  localparam int SW    = $clog2(SLOTS);
  localparam int CW    = $clog2(SLOTS + 1);
  localparam int RATIO = DATA_W > LINK_W ? DATA_W / LINK_W : LINK_W / DATA_W;
  localparam int NW    = RATIO > 1 ? $clog2(RATIO) : 1;
  localparam int META_W = MBW + 1 + NW;

  // ---- writer
  logic [SW-1:0] wr_slot_q, h_slot_q, p_slot_q;
  logic [CW-1:0] used_q;     // slots written and not yet read out
  logic [CW-1:0] wait_q;     // visible, header not shown
  logic [CW-1:0] open_q;     // header shown, payload not finished
  logic [CW-1:0] spare_q;    // read out, credit not given back
  logic          room_q, show, p_done;
  logic          p_free_q;   // p_done, one cycle later
  logic          commit_q;   // a frame becomes visible, a cycle after it was committed
  logic [SW-1:0] commit_slot_q;

  function automatic logic [SW-1:0] after(input logic [SW-1:0] s);
    after = s == SW'(SLOTS - 1) ? '0 : s + 1'b1;
  endfunction

  function automatic logic [CW-1:0] count(input logic [CW-1:0] n, input logic inc, input logic dec);
    count = n + {{(CW-1){dec && !inc}}, inc != dec};
  endfunction

  assign room  = room_q;
  assign quiet = spare_q == '0 && open_q == '0 && !caught_q;

  // ---- header reader
  logic                        ld_q, ld_v_q;     // reading; the RAM's word is valid
  logic [HW-1:0]               ld_idx_q;
  logic                        ld_end_q;         // it is the header's last word
  logic                        rx_valid_q;
  logic [crl_pkg::FRAME_W-1:0] hdr_q;
  logic [LINK_W-1:0]           h_word;
  logic                        ld_start, ld_done;
  logic                        idle, catch_q, catching;  // no header before it; the one that is written is caught
  logic                        shift, caught_q;          // a word comes; a caught one has been shown

  assign rx_valid = rx_valid_q;
  assign rx_hdr   = hdr_q;
  assign ld_start = wait_q != '0 && !ld_q && !ld_v_q && (!rx_valid_q || rx_ready) && !flush;
  assign ld_done  = ld_v_q && ld_end_q && !flush;
  assign show     = ld_done || caught_q;
  assign idle     = wait_q == '0 && !commit_q && !ld_q && !ld_v_q && !rx_valid_q && !flush;
  assign catching = w_hdr && w_hidx == '0 ? idle : catch_q;
  assign shift    = ld_v_q || (w_hdr && catching);

  localparam int HDEPTH = SLOTS * HB;
  localparam int HAW    = $clog2(HDEPTH);
  logic [HAW-1:0] h_waddr, h_raddr, h_base;

  generate
    if (HB > 1) begin : g_beats
      assign h_waddr = {wr_slot_q, w_hidx};
      assign h_base  = {h_slot_q, {HW{1'b0}}};
      assign h_raddr = h_base | HAW'(ld_idx_q);
      always_ff @(posedge clk) begin
        if (shift) hdr_q <= {ld_v_q ? h_word : w_data, hdr_q[crl_pkg::FRAME_W-1:LINK_W]};
      end
    end else begin : g_beat
      logic unused;
      assign unused  = &{1'b0, ld_idx_q};
      assign h_waddr = wr_slot_q;
      assign h_base  = h_slot_q;
      assign h_raddr = h_base;
      always_ff @(posedge clk) begin
        if (shift) hdr_q <= ld_v_q ? h_word : w_data;
      end
    end
  endgenerate

  crl_ram_bram #(.W(LINK_W), .DEPTH(HDEPTH)) u_hdr (
      .clk, .we(w_hdr && room_q), .waddr(h_waddr), .wdata(w_data),
      .re(ld_q), .raddr(h_raddr), .rdata(h_word)
  );

  always_ff @(posedge clk) begin
    ld_end_q <= ld_idx_q == HW'(HB - 1);
    if (rst) begin
      ld_q       <= 1'b0;
      ld_v_q     <= 1'b0;
      ld_idx_q   <= '0;
      rx_valid_q <= 1'b0;
      catch_q    <= 1'b0;
      caught_q   <= 1'b0;
    end else begin
      catch_q  <= catching && !commit && !flush;
      caught_q <= commit && catching && !flush;

      ld_v_q <= ld_q && !flush;
      if (flush) ld_q <= 1'b0;
      else if (ld_start) ld_q <= 1'b1;
      else if (ld_idx_q == HW'(HB - 1)) ld_q <= 1'b0;

      ld_idx_q <= ld_q && ld_idx_q != HW'(HB - 1) && !flush ? ld_idx_q + 1'b1 : '0;

      if (ld_done || (commit && catching && !flush)) rx_valid_q <= 1'b1;
      else if (rx_ready) rx_valid_q <= 1'b0;
    end
  end

  // ---- payload reader
  logic [META_W-1:0] meta_in, meta_q, meta;
  logic [MBW:0]      p_beats;
  logic [NW-1:0]     p_pieces, pieces1_q;
  logic [MBW:0]      p_idx_q;
  logic              p_go, p_run, p_end, p_none;
  logic              v1_q, end1_q, sk_ready, sk_valid, sk_take, sk_last;
  logic [NW-1:0]     sk_pieces;
  logic [LINK_W-1:0] p_word, sk_data;

  generate
    if (LINK_W > DATA_W) begin : g_pieces
      // Pieces of the last beat that the node gets, less one.
      logic [15:0] len_m1;
      logic        unused;
      assign len_m1  = commit_len - 1'b1;
      assign unused  = &{1'b0, len_m1};
      assign meta_in = {len_m1[$clog2(DATA_W / 8) +: NW], commit_beats};
    end else begin : g_whole
      logic unused;
      assign unused  = &{1'b0, commit_len};
      assign meta_in = {{NW{1'b0}}, commit_beats};
    end
  endgenerate

  crl_ram_lut #(.W(META_W), .DEPTH(SLOTS)) u_meta (
      .clk, .we(commit_q), .waddr(commit_slot_q), .wdata(meta_q), .raddr(p_slot_q), .rdata(meta)
  );

  assign {p_pieces, p_beats} = meta;
  assign p_none = p_beats == '0;
  assign p_go   = !v1_q || sk_ready;
  assign p_run  = open_q != '0 && p_go && !p_none;
  assign p_end  = p_idx_q + 1'b1 == p_beats;
  assign p_done = open_q != '0 && (p_none || (p_go && p_end));

  crl_ram_bram #(.W(LINK_W), .DEPTH(SLOTS * MB)) u_pay (
      .clk, .we(w_pay && room_q), .waddr({wr_slot_q, w_pidx}), .wdata(w_data),
      .re(p_run), .raddr({p_slot_q, p_idx_q[MBW-1:0]}), .rdata(p_word)
  );

  always_ff @(posedge clk) begin
    if (p_go) begin
      end1_q    <= p_end;
      pieces1_q <= p_pieces;
    end
    if (rst) begin
      p_idx_q <= '0;
      v1_q    <= 1'b0;
    end else begin
      if (p_go) v1_q <= p_run;
      if (p_run) p_idx_q <= p_end ? '0 : p_idx_q + 1'b1;
    end
  end

  crl_skid #(.W(LINK_W + NW + 1)) u_skid (
      .clk, .rst,
      .s_valid(v1_q), .s_ready(sk_ready), .s_data({pieces1_q, end1_q, p_word}),
      .m_valid(sk_valid), .m_ready(sk_take), .m_data({sk_pieces, sk_last, sk_data})
  );

  crl_link_width #(.IN_W(LINK_W), .OUT_W(DATA_W)) u_width (
      .clk, .rst, .clear(1'b0),
      .s_valid(sk_valid), .s_ready(sk_take), .s_data(sk_data), .s_last(sk_last), .s_pieces(sk_pieces),
      .m_valid(rxp_valid), .m_ready(rxp_ready), .m_data(rxp_data), .m_last(rxp_last)
  );

  // ---- credits: what the node has freed, and as many as are read out
  logic                   e_valid, e_ready;
  logic [$clog2(EARLY):0] e_level;

  crl_fifo #(.W(9), .DEPTH(EARLY)) u_freed (
      .clk, .rst, .s_valid(slot_free), .s_ready(e_ready), .s_data({slot_free_rd, slot_free_ch}),
      .m_valid(e_valid), .m_ready(free), .m_data({free_rd, free_ch}), .level(e_level)
  );
  assign free = e_valid && spare_q != '0;

  logic unused_freed;
  assign unused_freed = &{1'b0, e_ready, e_level};

  // ---- counts
  always_ff @(posedge clk) begin
    meta_q        <= meta_in;
    commit_slot_q <= wr_slot_q;
    if (rst || clear) begin
      commit_q  <= 1'b0;
      wr_slot_q <= '0;
      h_slot_q  <= '0;
      p_slot_q  <= '0;
      p_free_q  <= 1'b0;
      used_q    <= '0;
      room_q    <= 1'b1;
      wait_q    <= '0;
    end else begin
      commit_q <= commit && !flush;
      if (commit) wr_slot_q <= after(wr_slot_q);
      if (show)   h_slot_q  <= after(h_slot_q);
      if (p_done) p_slot_q  <= after(p_slot_q);
      p_free_q <= p_done;
      used_q   <= count(used_q, commit, p_free_q);
      // The same as a count below SLOTS, without the sum behind 'commit', which comes late and only with room.
      room_q   <= room_q ? !(used_q == CW'(SLOTS - 1) && commit && !p_free_q) : p_free_q;
      wait_q <= flush ? '0 : count(wait_q, commit_q, show);
    end
    if (rst) begin
      open_q  <= '0;
      spare_q <= '0;
    end else begin
      open_q  <= count(open_q, show, p_done);
      spare_q <= count(spare_q, p_done, free);
    end
  end

`ifdef FORMAL
  assign {fv_used, fv_wait, fv_open, fv_spare} = {used_q, wait_q, open_q, spare_q};
  assign {fv_commit, fv_read, fv_load}         = {commit_q, p_free_q, ld_q || ld_v_q};
  assign {fv_catch, fv_shown}                  = {catch_q, caught_q};
  assign fv_freed                              = e_level;
`endif

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset: nothing holds of what registers are before it

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    if (rst) begun_q <= 1'b1;
    else if (begun_q) begin
      assert (!(slot_free && !e_ready));
      assert (32'(e_level) + 32'(slot_free) <= 32'(open_q) + 32'(spare_q));   // the node frees what it was given, once
      assert (!catch_q || idle || flush);                                     // nobody comes before a header that is caught
      assert (!caught_q || (commit_q && wait_q == '0 && !ld_v_q));
      assert (!(commit && !room_q));
      assert (room_q == (used_q != CW'(SLOTS)));
    end
  end
`endif

endmodule

`default_nettype wire
