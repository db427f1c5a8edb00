// SPDX-License-Identifier: Apache-2.0
//
// crl_mirror_join: frames of the link and frames of the hold FIFO, in turns, into one target.
//
// How: the one that is shown stays until it is taken; then it is the other's turn if it has one. A frame with payload leaves its
//   source in a FIFO, and its beats are taken in that order. The target takes a frame of the hold FIFO for a READ_DATA that says so.
// Latency: 0 cycles for headers, one more if it is the other's turn; 1 for payload. Throughput: a beat a cycle.
// Assumes: payload of a source in the order of its headers, ended by last; none with length 0.
// Source: docs/blocks/mirror.md.
`default_nettype none

module crl_mirror_join #(
    parameter int DATA_W   = 64,
    parameter int LINK_MTU = 1024,
    localparam int MTW     = $clog2(LINK_MTU)
) (
    input  wire logic                        clk,
    input  wire logic                        rst,       // synchronous, active high

    input  wire logic                        l_valid,   // link
    output logic                             l_ready,
    input  wire logic [crl_pkg::FRAME_W-1:0] l_hdr,
    input  wire logic                        lp_valid,
    output logic                             lp_ready,
    input  wire logic [DATA_W-1:0]           lp_data,
    input  wire logic                        lp_last,

    input  wire logic                        h_valid,   // hold FIFO
    output logic                             h_ready,
    input  wire logic [15:0]                 h_tag,
    input  wire logic [31:0]                 h_offset,
    input  wire logic [MTW:0]                h_len,
    input  wire logic [7:0]                  h_status,
    input  wire logic                        hp_valid,
    output logic                             hp_ready,
    input  wire logic [DATA_W-1:0]           hp_data,
    input  wire logic                        hp_last,

    output logic                             m_valid,   // target
    input  wire logic                        m_ready,
    output logic      [crl_pkg::FRAME_W-1:0] m_hdr,
    output logic                             m_held,    // it comes from the hold FIFO
    output logic                             mp_valid,
    input  wire logic                        mp_ready,
    output logic      [DATA_W-1:0]           mp_data,
    output logic                             mp_last
);

  logic              held_q, take, room, full_n, o_valid, o_held, o_pop, s_valid, s_ready, s_last;
  logic [DATA_W-1:0] s_data;
  logic [3:0]        o_level;
  logic              o_m_valid;

  assign room    = o_level < 4'd7;
  assign m_valid = room && (held_q ? h_valid : l_valid);
  assign take    = m_valid && m_ready;
  assign l_ready = room && !held_q && m_ready;
  assign h_ready = room && held_q && m_ready;
  assign m_held  = held_q;

  always_ff @(posedge clk) begin
    if (rst) held_q <= 1'b0;
    else if (take) held_q <= !held_q && h_valid;
    else if (held_q ? !h_valid : !l_valid) held_q <= !held_q && h_valid;
  end

  always_comb begin
    m_hdr = l_hdr;
    if (held_q) begin
      m_hdr[crl_pkg::FRAME_TYPE_LSB +: crl_pkg::FRAME_TYPE_W]               = crl_pkg::FRAME_TYPE_READ_DATA;
      m_hdr[crl_pkg::FRAME_STATUS_LSB +: crl_pkg::FRAME_STATUS_W]           = h_status;
      m_hdr[crl_pkg::FRAME_TAG_LSB +: crl_pkg::FRAME_TAG_W]                 = h_tag;
      m_hdr[crl_pkg::FRAME_OFFSET_LSB +: crl_pkg::FRAME_OFFSET_W]           = h_offset;
      m_hdr[crl_pkg::FRAME_PAYLOAD_LEN_LSB +: crl_pkg::FRAME_PAYLOAD_LEN_W] = 16'(h_len);
    end
  end

  crl_fifo #(.W(1), .DEPTH(8)) u_order (
      .clk, .rst, .s_valid(take && m_hdr[crl_pkg::FRAME_PAYLOAD_LEN_LSB +: crl_pkg::FRAME_PAYLOAD_LEN_W] != '0), .s_ready(full_n),
      .s_data(held_q), .m_valid(o_m_valid), .m_ready(o_pop), .m_data(o_held), .level(o_level)
  );
  assign o_valid  = o_m_valid;
  assign s_valid  = o_valid && (o_held ? hp_valid : lp_valid);
  assign s_data   = o_held ? hp_data : lp_data;
  assign s_last   = o_held ? hp_last : lp_last;
  assign lp_ready = o_valid && !o_held && s_ready;
  assign hp_ready = o_valid && o_held && s_ready;
  assign o_pop    = s_valid && s_ready && s_last;

  crl_skid #(.W(DATA_W + 1)) u_skid (
      .clk, .rst, .s_valid, .s_ready, .s_data({s_last, s_data}), .m_valid(mp_valid), .m_ready(mp_ready), .m_data({mp_last, mp_data})
  );

  logic unused;
  assign unused = &{1'b0, full_n};

endmodule

`default_nettype wire
