// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_burst: size and place of a descriptor burst (F1, F2 of crl_dma_fetch).
//
// How: F1 tells what is published and not requested, what the channel holds and how far the aligned block of 16 descriptors
//   (512 bytes) reaches, which a burst never leaves, hence neither the ring's end nor a 4 KiB page; a smaller ring is one block.
//   F2 takes the least of these and of the channel's and everybody's room in the pool. Small change is left to gather, so that
//   bursts stay long; a channel with next to nothing in hand always gets up to two.
// Latency: look-up to the burst 2 cycles.
// Assumes: ring base aligned to min(ring bytes, 4096).
`default_nettype none

module crl_dma_burst #(
    parameter int DATA_W   = 64,
    parameter int CHANNELS = 8,
    parameter int PREFETCH = 64,
    parameter int FUNC_W   = 8,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW      = $clog2(PREFETCH),
    localparam int SBW     = PW + 2              // signed room
) (
    input  wire logic                  clk,

    // F0: the ring that was looked up
    input  wire logic                  f0_take,
    input  wire logic [CW-1:0]         f0_ch,
    input  wire logic [3:0]            f0_log2,
    input  wire logic [11:0]           f0_prod,
    input  wire logic [11:0]           f0_fidx,
    input  wire logic [11:0]           f0_begun,
    input  wire logic [63:0]           f1_base,  // a cycle later
    input  wire logic [FUNC_W-1:0]     f1_func,

    // Room in the pool
    input  wire logic signed [SBW-1:0] share,    // of a channel
    input  wire logic signed [SBW-1:0] room,     // beyond two for everybody
    input  wire logic [4:0]            batch,    // short of the most, no burst shorter than this
    input  wire logic                  plenty,   // enough is held to cover the latency

    // F2: the burst
    output logic                       f2_ok,    // worth a request
    output logic      [CW-1:0]         f2_ch,
    output logic      [63:0]           f2_addr,
    output logic      [FUNC_W-1:0]     f2_func,
    output logic      [4:0]            f2_k,     // descriptors
    output logic      [7:0]            f2_len,   // AXI length
    output logic                       f2_odd,   // 512 bits: begins, ends in the middle of a beat
    output logic                       f2_odd_end,
    output logic                       f2_all,   // takes all that is published
    output logic      [11:0]           f2_next   // fetch index behind it
);

  // A descriptor burst holds the read port for at most 16 beats.
  localparam logic [4:0] K_MAX = DATA_W == 64 ? 5'd4 : DATA_W == 128 ? 5'd8 : 5'd16;

  function automatic logic [4:0] clip16(input logic signed [SBW-1:0] x);
    clip16 = x[SBW-1] ? 5'd0 : (|x[SBW-2:4] ? 5'd16 : {1'b0, x[3:0]});
  endfunction

  // ---------------------------------------------------------------- F1: what is there, and what room
  logic [CW-1:0]         f1_ch_q;
  logic [11:0]           f1_prod_q, f1_fidx_q, f1_begun_q, f1_mask_q, f1_avail, f1_held;
  logic [4:0]            f1_avail5, f1_block, f1_edge;
  logic signed [SBW-1:0] f1_own;

  always_ff @(posedge clk) begin
    if (f0_take) begin
      f1_ch_q    <= f0_ch;
      f1_mask_q  <= ~(12'hfff << f0_log2);
      f1_prod_q  <= f0_prod;
      f1_fidx_q  <= f0_fidx;
      f1_begun_q <= f0_begun;
    end
  end

  assign f1_avail  = (f1_prod_q - f1_fidx_q) & f1_mask_q;
  assign f1_held   = (f1_fidx_q - f1_begun_q) & f1_mask_q;
  assign f1_avail5 = |f1_avail[11:4] ? 5'd16 : {1'b0, f1_avail[3:0]};
  assign f1_block  = {1'b0, f1_mask_q[3:0]} + 5'd1;
  assign f1_edge   = f1_block - {1'b0, f1_fidx_q[3:0] & f1_mask_q[3:0]};
  assign f1_own    = share - $signed({1'b0, f1_held[PW:0]});

  // ---------------------------------------------------------------- F2: the burst
  logic        f2_few_q, f2_one_q, f2_end_q;
  logic [4:0]  f2_most_q, f2_own_q, f2_avail5_q, f2_room_q;
  logic        f2_any, f2_few, f2_two;
  logic [11:0] f2_mask_q, f2_fidx_q;
  logic [63:0] f2_base_q;

  always_ff @(posedge clk) begin
    f2_few_q    <= f1_held[11:1] == 11'd0;       // next to nothing in hand: two entries are always there
    f2_one_q    <= f1_held[0];
    f2_end_q    <= f1_avail[11:5] == 7'd0 && !(f1_avail[4] && |f1_avail[3:0]);  // 16 or fewer are left
    f2_most_q   <= f1_avail5 < f1_edge ? (f1_avail5 > K_MAX ? K_MAX : f1_avail5)
                                       : (f1_edge > K_MAX ? K_MAX : f1_edge);
    f2_own_q    <= clip16(f1_own);
    f2_room_q   <= clip16(room);
    f2_avail5_q <= f1_avail5;
    f2_mask_q   <= f1_mask_q;
    f2_fidx_q   <= f1_fidx_q;
    f2_base_q   <= f1_base;
    f2_func     <= f1_func;
    f2_ch       <= f1_ch_q;
  end

  // The least of three; who has next to nothing gets up to two in any case, and nobody gets more than two when what is in
  // hand covers the latency. Which of these it is does not wait for the comparison.
  assign f2_few  = f2_few_q && (f2_own_q < 5'd2 || f2_room_q < 5'd2);
  assign f2_two  = plenty && f2_own_q > 5'd2 && f2_room_q > 5'd2;
  always_comb begin
    if (f2_few)      f2_k = f2_one_q || f2_most_q < 5'd2 ? 5'd1 : 5'd2;
    else if (f2_two) f2_k = f2_most_q < 5'd2 ? 5'd1 : 5'd2;
    else if (f2_most_q <= f2_own_q && f2_most_q <= f2_room_q) f2_k = f2_most_q;
    else f2_k = f2_own_q <= f2_room_q ? f2_own_q : f2_room_q;
  end
  // No burst shorter than a batch, short of the most.
  assign f2_any  = f2_own_q != 5'd0 && f2_room_q != 5'd0
                   && ((f2_own_q >= f2_most_q && f2_room_q >= f2_most_q) || (f2_own_q >= batch && f2_room_q >= batch));
  assign f2_ok   = f2_avail5_q != 5'd0 && (f2_few_q || (!plenty && f2_any));
  assign f2_all  = f2_end_q && f2_k == f2_avail5_q;
  assign f2_next = (f2_fidx_q + {7'd0, f2_k}) & f2_mask_q;
  assign f2_addr = f2_base_q + {47'd0, f2_fidx_q, 5'd0};

  // Beats of k descriptors from an (at 512 bits perhaps odd) start.
  assign f2_odd     = DATA_W == 512 && (f2_fidx_q[0] ^ f2_base_q[5]);
  assign f2_odd_end = DATA_W == 512 && (f2_odd ^ f2_k[0]);
  always_comb begin
    if (DATA_W == 64) f2_len = {1'b0, f2_k, 2'b00} - 8'd1;
    else if (DATA_W == 128) f2_len = {2'b00, f2_k, 1'b0} - 8'd1;
    else if (DATA_W == 256) f2_len = {3'b000, f2_k} - 8'd1;
    else f2_len = {3'b000, (f2_k + {4'd0, f2_odd} + 5'd1) >> 1} - 8'd1;
  end

endmodule

`default_nettype wire
