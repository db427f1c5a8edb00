// SPDX-License-Identifier: Apache-2.0
//
// crl_tb_half: crl_dma_pair and crl_dma_elig as crl_dma joins them, with a pick of the bench in T0 and its T1 a cycle later: a pick of
//   what is half is killed, anything else begins, and all other conditions hold.
`default_nettype none

module crl_tb_half #(
    parameter int CHANNELS = 2,
    parameter int PREFETCH = 16,
    localparam int CW = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW = $clog2(PREFETCH)
) (
    input  wire logic                clk,
    input  wire logic                rst,
    input  wire logic                d_valid,   // event: a descriptor arrives; one behind it is published
    input  wire logic [CW-1:0]       d_ch,
    input  wire logic [PW-1:0]       d_idx,
    input  wire logic [7:0]          d_op,
    output logic                     absorb,
    input  wire logic [CHANNELS-1:0] st_empty,
    output logic      [CHANNELS-1:0] elig,
    input  wire logic                pk_en,     // event: T0
    input  wire logic [PW-1:0]       pk_idx,
    input  wire logic [CW-1:0]       pk_ch,
    output logic                     t1_valid,
    output logic                     t1_half
);

  logic [CW-1:0]         t1_ch;
  logic [CHANNELS-1:0]   half;
  logic                  two_unused;
  logic [63:0]           swap_unused;
  logic [CHANNELS-1:0]   up_unused, credit_unused, rd_slot_unused, place_unused, lost_unused, sending_unused;
  logic [5*CHANNELS-1:0] stall_unused;

  crl_dma_pair #(.CHANNELS(CHANNELS), .PREFETCH(PREFETCH)) u_pair (
      .clk, .rst, .cfg_we(1'b0), .cfg_ch('0), .d_valid, .d_ch, .d_idx, .d_op, .d_oper(64'd0), .d_bad(1'b0), .d_alone(1'b0), .absorb,
      .open(half), .pk_en, .pk_idx, .pk_ch, .half(t1_half), .two(two_unused), .swap(swap_unused)
  );
  always_ff @(posedge clk) begin
    t1_valid <= !rst && pk_en;
    t1_ch    <= pk_ch;
  end
  crl_dma_elig #(.CHANNELS(CHANNELS), .PEERS(1)) u_elig (
      .clk, .rst, .cc_we(1'b0), .cc_ch('0), .cc_bind(1'b0), .cc_peer(2'd0), .peer_up(1'b1), .tx_ok('1), .rd_ok(1'b1), .hold_ok(1'b1),
      .give_up('1), .reserving(1'b0), .up(up_unused), .credit(credit_unused), .rd_slot(rd_slot_unused), .place(place_unused),
      .run('1), .hold('0), .ending('0), .ip('0), .busy('0), .held('0), .waiting('0), .due('0), .gone('0), .st_empty,
      .st_enq_valid(d_valid && !absorb), .st_enq_ch(d_ch), .cq_ok('1), .op_empty('1), .alloc_ready(1'b1), .room(1'b1),
      .t1_valid, .t1_ch, .t1_more(t1_half), .t1_seen(1'b1), .t1_remote(1'b0), .t1_read(1'b0), .t1_mirror(1'b0), .t1_fenced(1'b0),
      .t1_half, .t1_parked(1'b0), .half, .lost(lost_unused), .sending(sending_unused), .elig, .stall(stall_unused)
  );

endmodule

`default_nettype wire
