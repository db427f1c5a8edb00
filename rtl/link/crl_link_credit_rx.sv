// SPDX-License-Identifier: Apache-2.0
//
// crl_link_credit_rx: REQ credits at the side that gives them back.
//
// How: per channel of the sender a count of freed slots, modulo 2^CNT_W. Every header carries one of them:
//   channels with news in turn; when there are none, all channels in turn, which repairs a count
//   that was lost on the way.
// Latency: a freed slot can be in the header that is loaded 3 cycles later.
// Assumes: 'clear' lasts CHANNELS + 2 cycles or more.
`default_nettype none

module crl_link_credit_rx #(
    parameter int CHANNELS = 8,
    parameter int URGENT   = 4,   // freed slots since the last header that are worth a frame of their own
    parameter int CNT_W    = 8,   // bits of a count
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic       clk,
    input  wire logic       rst,
    input  wire logic       clear,      // level: all counts are 0
    input  wire logic       refresh,    // event: send every channel's count again
    input  wire logic       free,       // event: a slot is free
    input  wire logic [7:0] free_ch,    // the channel that its frame came from
    output logic      [7:0] cr_ch,      // for the next header
    output logic [CNT_W-1:0] cr_cnt,
`ifdef FORMAL
    output logic            fv_add,     // for the proof: RAM word that is counted up
    output logic [CW-1:0]   fv_add_ch,
    output logic [CNT_W-1:0] fv_old,
`endif
    input  wire logic       cr_take,    // event: a header was loaded
    output logic            news,       // a count has changed and was not sent
    output logic            urgent      // many have
);

  localparam int FW = $clog2(URGENT + 1);

  logic                add_q;
  logic [CW-1:0]       add_ch_q, sweep_q;
  logic [CNT_W-1:0]    old;
  logic [CHANNELS-1:0] pend_q, add_bit, took_bit, gnt;
  logic                take_q;
  logic                pick_q;        // pick_ch_q has news; else the turn of all channels
  logic [CW-1:0]       pick_ch_q, idx, turn_q;
  logic                any, next;
  logic [FW-1:0]       since_q;

  always_ff @(posedge clk) begin
    add_ch_q <= free_ch[CW-1:0];
    if (rst || clear) begin
      add_q <= 1'b0;
    end else begin
      add_q <= free && free_ch < 8'(CHANNELS);
    end
    if (rst || !clear)                     sweep_q <= '0;
    else if (sweep_q != CW'(CHANNELS - 1)) sweep_q <= sweep_q + 1'b1;
  end

  // Two copies of one RAM: one is counted up, one is read for the header.
  crl_ram_lut #(.W(CNT_W), .DEPTH(CHANNELS)) u_add (
      .clk, .we(clear || add_q), .waddr(clear ? sweep_q : add_ch_q), .wdata(clear ? '0 : old + 1'b1),
      .raddr(add_ch_q), .rdata(old)
  );
  crl_ram_lut #(.W(CNT_W), .DEPTH(CHANNELS)) u_read (
      .clk, .we(clear || add_q), .waddr(clear ? sweep_q : add_ch_q), .wdata(clear ? '0 : old + 1'b1),
      .raddr(pick_ch_q), .rdata(cr_cnt)
  );

  crl_rr_arb #(.N(CHANNELS)) u_arb (
      .clk, .rst, .req(pend_q), .ack(next), .gnt, .gnt_idx(idx), .gnt_valid(any)
  );

  // The pick is renewed when it was used (seen a cycle late), or as long as it has no news.
  assign next     = take_q || !pick_q;
  assign took_bit = next ? gnt : '0;
  assign cr_ch    = 8'(pick_ch_q);
  assign news     = pick_q || any;
  assign urgent   = since_q == FW'(URGENT);

  always_comb begin
    // Not a shift: add_ch_q is unknown until the first slot is freed.
    for (int c = 0; c < CHANNELS; c++) add_bit[c] = add_q && add_ch_q == CW'(c);
  end

  always_ff @(posedge clk) begin
    if (rst || clear) begin
      pend_q    <= '0;
      pick_q    <= 1'b0;
      pick_ch_q <= '0;
      turn_q    <= '0;
      since_q   <= '0;
      take_q    <= 1'b0;
    end else begin
      // A count that goes up after the pick was made keeps its bit, and is sent once more at worst.
      pend_q <= (pend_q & ~took_bit) | add_bit | {CHANNELS{refresh}};
      if (next) begin
        pick_q    <= any;
        pick_ch_q <= any ? idx : turn_q;
        if (!any && take_q) turn_q <= turn_q == CW'(CHANNELS - 1) ? '0 : turn_q + 1'b1;
      end
      take_q <= cr_take && !take_q;  // of two headers in a row the second has what the first had
      if (take_q)                   since_q <= FW'(add_q);
      else if (add_q && !urgent)    since_q <= since_q + 1'b1;
    end
  end

`ifdef FORMAL
  assign {fv_add, fv_add_ch, fv_old} = {add_q, add_ch_q, old};
`endif

endmodule

`default_nettype wire
