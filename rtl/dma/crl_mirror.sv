// SPDX-License-Identifier: Apache-2.0
//
// crl_mirror: the local copies of MIRROR to one peer: frames on their way to the link are held, and written when the peer agrees.
//
// How: crl_mirror_hold keeps the frames, crl_mirror_tab what the peer has said, crl_mirror_join shows released frames to the
//   target as if they were READ_DATA: same destination table, checks, writer and end of the operation.
// Latency: last beat to the link to a header that may be released 5 cycles; answer to the header 5 cycles.
// Throughput: a beat a cycle.
// Source: docs/blocks/mirror.md.
`default_nettype none

module crl_mirror #(
    parameter int DATA_W   = 64,
    parameter int CHANNELS = 8,
    parameter int OPS      = 128,
    parameter int LINK_MTU = 1024,
    parameter int FRAMES   = 32,    // places of the hold FIFO
    parameter int HELD     = 12,    // frames at the target at most
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int MTW     = $clog2(LINK_MTU)
) (
    input  wire logic              clk,
    input  wire logic              rst,          // synchronous, active high

    // The engine: reservation, operations, frames on their way to the link
    output logic                   hold_ok,
    input  wire logic              take,         // event: a place is reserved
    input  wire logic              rop_valid,    // event: a MIRROR begins
    input  wire logic [15:0]       rop_tag,
    input  wire logic              kill_valid,   // event
    input  wire logic [15:0]       kill_tag,
    input  wire logic [7:0]        kill_status,
    input  wire logic              txp_valid,    // beat that the link takes ...
    input  wire logic              txp_ready,
    input  wire logic              txp_mirror,   // ... of a MIRROR
    input  wire logic [DATA_W-1:0] txp_data,
    input  wire logic              txf_valid,
    input  wire logic              txf_ready,
    input  wire logic [7:0]        txf_type,
    input  wire logic [7:0]        txf_flags,
    input  wire logic [15:0]       txf_tag,
    input  wire logic [31:0]       txf_offset,
    input  wire logic [15:0]       txf_len,
    output logic                   fail_valid,   // no more of this one; stays until fail_ready
    input  wire logic              fail_ready,
    output logic      [CW-1:0]     fail_ch,
    output logic      [15:0]       fail_op,

    // Answers: from the link, and on to the table of operations
    input  wire logic              s_valid,
    output logic                   s_ready,
    input  wire logic [7:0]        s_ch,
    input  wire logic              s_permit,
    input  wire logic [15:0]       s_tag,
    input  wire logic [7:0]        s_status,
    input  wire logic [15:0]       s_status2,
    output logic                   m_valid,
    input  wire logic              m_ready,
    output logic      [7:0]        m_ch,
    output logic                   m_permit,
    output logic      [15:0]       m_tag,
    output logic      [7:0]        m_status,
    output logic      [15:0]       m_status2,

    // Frames of the link, and on to the target with those that are released
    input  wire logic                        l_valid,
    output logic                             l_ready,
    input  wire logic [crl_pkg::FRAME_W-1:0] l_hdr,
    input  wire logic                        lp_valid,
    output logic                             lp_ready,
    input  wire logic [DATA_W-1:0]           lp_data,
    input  wire logic                        lp_last,
    output logic                             rx_valid,
    input  wire logic                        rx_ready,
    output logic      [crl_pkg::FRAME_W-1:0] rx_hdr,
    output logic                             rx_held,
    output logic                             rxp_valid,
    input  wire logic                        rxp_ready,
    output logic      [DATA_W-1:0]           rxp_data,
    output logic                             rxp_last,
    input  wire logic                        held_free,    // event: a released frame is over
    output logic                             tkill_valid,  // event: the target shall end an operation
    output logic      [15:0]                 tkill_tag,
    output logic      [7:0]                  tkill_status
);

  // What the link takes, a cycle later.
  logic              p_q, f_q, last_q;
  logic [DATA_W-1:0] data_q;
  logic [15:0]       tag_q;
  logic [31:0]       offset_q;
  logic [MTW:0]      len_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      p_q <= 1'b0;
      f_q <= 1'b0;
    end else begin
      p_q <= txp_valid && txp_ready && txp_mirror;
      f_q <= txf_valid && txf_ready && txf_type == crl_pkg::FRAME_TYPE_MIRROR;
    end
    data_q   <= txp_data;
    tag_q    <= txf_tag;
    offset_q <= txf_offset;
    len_q    <= txf_len[MTW:0];
    last_q   <= txf_flags[crl_pkg::FRAME_FLAG_LAST];
  end

  logic              look_ok, look, h_valid, h_ready, hp_valid, hp_ready, hp_last;
  logic [15:0]       look_tag, h_tag;
  logic [2:0]        verdict;
  logic [7:0]        verdict_status, h_status;
  logic [31:0]       h_offset;
  logic [MTW:0]      h_len;
  logic [DATA_W-1:0] hp_data;

  crl_mirror_hold #(.DATA_W(DATA_W), .LINK_MTU(LINK_MTU), .FRAMES(FRAMES), .HELD(HELD)) u_hold (
      .clk, .rst, .take, .ok(hold_ok), .p_valid(p_q), .p_data(data_q), .f_valid(f_q), .f_tag(tag_q), .f_offset(offset_q),
      .f_len(len_q), .f_last(last_q), .look_ok, .look, .look_tag, .verdict, .verdict_status,
      .h_valid, .h_ready, .h_tag, .h_offset, .h_len, .h_status, .hp_valid, .hp_ready, .hp_data, .hp_last, .held_free
  );
  crl_mirror_tab #(.CHANNELS(CHANNELS), .OPS(OPS)) u_tab (
      .clk, .rst, .rop_valid, .rop_tag, .kill_valid, .kill_tag, .kill_status, .tkill_valid, .tkill_tag, .tkill_status,
      .s_valid, .s_ready, .s_ch, .s_permit, .s_tag, .s_status, .s_status2,
      .m_valid, .m_ready, .m_ch, .m_permit, .m_tag, .m_status, .m_status2, .fail_valid, .fail_ready, .fail_ch, .fail_op,
      .look_ok, .look, .look_tag, .verdict, .verdict_status
  );
  crl_mirror_join #(.DATA_W(DATA_W), .LINK_MTU(LINK_MTU)) u_join (
      .clk, .rst, .l_valid, .l_ready, .l_hdr, .lp_valid, .lp_ready, .lp_data, .lp_last,
      .h_valid, .h_ready, .h_tag, .h_offset, .h_len, .h_status, .hp_valid, .hp_ready, .hp_data, .hp_last,
      .m_valid(rx_valid), .m_ready(rx_ready), .m_hdr(rx_hdr), .m_held(rx_held), .mp_valid(rxp_valid), .mp_ready(rxp_ready),
      .mp_data(rxp_data), .mp_last(rxp_last)
  );

  logic unused;
  assign unused = &{1'b0, txf_flags, txf_len};

endmodule

`default_nettype wire
