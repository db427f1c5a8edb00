// SPDX-License-Identifier: Apache-2.0
//
// crl_resp: answers the READ requests of one peer: reads this node's memory, hands READ_DATA frames to the link.
//
// How: crl_resp_issue turns requests into bursts, the beats wait in a block-RAM FIFO in which they were given room before, and
//   crl_resp_send makes frames of them. A frame's worst response goes into a FIFO of its own when its last beat is in.
// Latency: rq_valid to ar_valid 6 cycles, last beat of a frame to its first beat to the link 4 cycles (6 for DATA_W > 128).
// Throughput: a beat a cycle, one cycle more a frame.
// Errors: READ_SLVERR, READ_DECERR: the frame has no payload.
// Assumes: no more than SLOTS requests are under way; R in the order of AR.
// Source: docs/blocks/read.md.
`default_nettype none

module crl_resp #(
    parameter int DATA_W          = 64,
    parameter int CHANNELS        = 8,
    parameter int FUNC_W          = 8,
    parameter int MAX_BURST_BYTES = 512,
    parameter int SLOTS           = 32,
    localparam int CW    = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int OFF_W = $clog2(DATA_W / 8)
) (
    input  wire logic              clk,
    input  wire logic              rst,

    input  wire logic              rq_valid,     // event: a request and the verdict
    input  wire logic [7:0]        rq_ch,        // channel here
    input  wire logic [7:0]        rq_peer_ch,
    input  wire logic [15:0]       rq_op_seq,
    input  wire logic [15:0]       rq_tag,
    input  wire logic [63:0]       rq_segaddr,
    input  wire logic [31:0]       rq_total,
    input  wire logic [31:0]       rq_offset,
    input  wire logic              rq_first,
    input  wire logic              rq_last,
    input  wire logic [11:0]       rq_bytes,
    input  wire logic [7:0]        rq_status,    // 0: it is read
    input  wire logic [63:0]       rq_addr,
    input  wire logic [FUNC_W-1:0] rq_user,
    output logic                   rf_valid,     // a slot is free
    input  wire logic              rf_ready,
    output logic      [7:0]        rf_ch,        // of this channel at the peer

    output logic                   ar_valid,
    input  wire logic              ar_ready,
    output logic      [63:0]       ar_addr,
    output logic      [7:0]        ar_len,
    output logic      [FUNC_W-1:0] ar_user,
    input  wire logic              r_valid,      // always taken
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last,
    output logic                   pending,      // something is owed
    input  wire logic              mark,         // event: tell when all that was asked for so far is in
    output logic                   mark_over,

    input  wire logic              rdt_ok,       // to the link
    output logic                   rdt_want,
    output logic                   rdt_take,
    output logic                   rdp_valid,
    input  wire logic              rdp_ready,
    output logic      [DATA_W-1:0] rdp_data,
    output logic                   rdf_valid,
    input  wire logic              rdf_ready,
    output logic      [7:0]        rdf_flags,
    output logic      [7:0]        rdf_src_ch,
    output logic      [7:0]        rdf_dst_ch,
    output logic      [15:0]       rdf_op_seq,
    output logic      [15:0]       rdf_tag,
    output logic      [63:0]       rdf_segaddr,
    output logic      [31:0]       rdf_total,
    output logic      [31:0]       rdf_offset,
    output logic      [15:0]       rdf_len,
    output logic      [7:0]        rdf_status,

    output logic                   cnt_valid,    // bytes that are read for a channel
    input  wire logic              cnt_ready,
    output logic      [CW-1:0]     cnt_ch,
    output logic      [11:0]       cnt_bytes
);

  localparam int BUF_BEATS = 512;  // three frames of 1 KiB and the memory's latency at 64 bits
  localparam int COMMANDS  = 16;   // requests whose data is on its way or in
  localparam int BURSTS    = 32;   // under way

  logic             c_in_valid, c_in_ready, c_in_ok, c_valid, c_ready, c_ok;
  logic [OFF_W-1:0] c_in_lane, c_lane;
  logic [11:0]      c_in_bytes, c_bytes;
  logic [4:0]       c_level_unused, e_level_unused;
  logic             put, put_end, put_room, b_valid_unused, b_end, b_ready_unused;
  logic [5:0]       b_level;
  logic             e_in, e_in_ready_unused, e_valid, e_ready, d_valid, d_ready, d_in_ready_unused;
  logic [1:0]       resp_q, resp_now, e_resp;
  logic [DATA_W-1:0] d_data;
  logic [9:0]       d_level_unused;

  crl_resp_issue #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .FUNC_W(FUNC_W), .MAX_BURST_BYTES(MAX_BURST_BYTES), .SLOTS(SLOTS),
                   .BUF_BEATS(BUF_BEATS)) u_issue (
      .clk, .rst, .rq_valid, .rq_ok(rq_status == crl_pkg::ST_OK), .rq_addr, .rq_bytes, .rq_user, .rq_ch(rq_ch[CW-1:0]),
      .c_valid(c_in_valid), .c_ready(c_in_ready), .c_ok(c_in_ok), .c_lane(c_in_lane), .c_bytes(c_in_bytes),
      .ar_valid, .ar_ready, .ar_addr, .ar_len, .ar_user, .put, .put_end, .put_room, .beat_out(d_valid && d_ready),
      .cnt_valid, .cnt_ready, .cnt_ch, .cnt_bytes
  );

  crl_fifo #(.W(1 + OFF_W + 12), .DEPTH(COMMANDS), .OUTREG(1)) u_commands (
      .clk, .rst, .s_valid(c_in_valid), .s_ready(c_in_ready), .s_data({c_in_ok, c_in_lane, c_in_bytes}),
      .m_valid(c_valid), .m_ready(c_ready), .m_data({c_ok, c_lane, c_bytes}), .level(c_level_unused)
  );

  // Bursts under way, which of them end a request; so many responses of requests are known as there are commands at most.
  crl_fifo #(.W(1), .DEPTH(BURSTS)) u_bursts (
      .clk, .rst, .s_valid(put), .s_ready(b_ready_unused), .s_data(put_end),
      .m_valid(b_valid_unused), .m_ready(r_valid && r_last), .m_data(b_end), .level(b_level)
  );
  assign resp_now = r_resp > resp_q ? r_resp : resp_q;
  assign e_in     = r_valid && r_last && b_end;
  crl_fifo #(.W(2), .DEPTH(COMMANDS)) u_resps (
      .clk, .rst, .s_valid(e_in), .s_ready(e_in_ready_unused), .s_data(resp_now),
      .m_valid(e_valid), .m_ready(e_ready), .m_data(e_resp), .level(e_level_unused)
  );
  always_ff @(posedge clk) begin
    if (rst) resp_q <= 2'd0;
    else if (r_valid) resp_q <= e_in ? 2'd0 : resp_now;
    put_room <= !rst && b_level < 6'(BURSTS - 2);
  end
  assign pending = ar_valid || b_level != '0;

  // Requests that are read and not in completely.
  localparam int KW = $clog2(SLOTS + 1) + 1;
  logic [KW-1:0] held_q;
  logic          enter;

  assign enter = rq_valid && rq_status == crl_pkg::ST_OK;
  always_ff @(posedge clk) begin
    if (rst) held_q <= '0;
    else held_q <= held_q + KW'(enter) - KW'(e_in);
  end
  crl_mark #(.W(KW)) u_mark (.clk, .rst, .mark, .held(held_q), .enter, .leave(e_in), .over(mark_over));

  crl_fifo_bram #(.W(DATA_W), .DEPTH(BUF_BEATS)) u_buf (
      .clk, .rst, .s_valid(r_valid), .s_ready(d_in_ready_unused), .s_data(r_data),
      .m_valid(d_valid), .m_ready(d_ready), .m_data(d_data), .level(d_level_unused)
  );

  crl_resp_send #(.DATA_W(DATA_W), .SLOTS(SLOTS)) u_send (
      .clk, .rst, .rq_valid, .rq_ch, .rq_peer_ch, .rq_op_seq, .rq_tag, .rq_segaddr, .rq_total, .rq_offset, .rq_first, .rq_last,
      .rq_bytes, .rq_status, .c_valid, .c_ready, .c_ok, .c_lane, .c_bytes, .e_valid, .e_ready, .e_resp,
      .d_valid, .d_ready, .d_data, .rdt_ok, .rdt_want, .rdt_take, .rdp_valid, .rdp_ready, .rdp_data, .rdf_valid, .rdf_ready, .rdf_flags,
      .rdf_src_ch, .rdf_dst_ch, .rdf_op_seq, .rdf_tag, .rdf_segaddr, .rdf_total, .rdf_offset, .rdf_len, .rdf_status,
      .rf_valid, .rf_ready, .rf_ch
  );

  logic unused;
  assign unused = &{1'b0, c_level_unused, e_level_unused, b_valid_unused, b_ready_unused, e_in_ready_unused, d_in_ready_unused,
                    d_level_unused};

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (!put || b_ready_unused);
      assert (!e_in || e_in_ready_unused);
      assert (!r_valid || (d_in_ready_unused && b_valid_unused));
    end
  end
`endif

endmodule

`default_nettype wire
