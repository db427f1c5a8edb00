// SPDX-License-Identifier: Apache-2.0
//
// crl_resp_send: READ_DATA frames: the bytes of each request packed from lane 0, then its fields.
//
// How: a frame is begun when all of its data is in (or it was refused) and the link has room for it, which is taken the cycle
//   before. Its bytes are one command of crl_align, which runs ahead of the frame that is going out; a refused one is a token without beats. Behind its last beat
//   follow the fields. A frame of which a beat could not be read is closed with length 0: the link drops its beats.
//   The request's slot is given back when the link has taken the fields.
// Latency: data complete to the first beat 5 cycles (7 for DATA_W > 128). Throughput: a beat a cycle, one cycle more a frame.
// Assumes: commands come in the order of the requests, data in the order of the commands. What has link room is taken by it.
`default_nettype none

module crl_resp_send #(
    parameter int DATA_W = 64,
    parameter int SLOTS  = 32,  // requests at most
    localparam int OFF_W = $clog2(DATA_W / 8)
) (
    input  wire logic              clk,
    input  wire logic              rst,

    input  wire logic              rq_valid,     // event: a request, what its answer returns
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
    input  wire logic [7:0]        rq_status,    // of the checks

    input  wire logic              c_valid,      // command
    output logic                   c_ready,
    input  wire logic              c_ok,         // it has data
    input  wire logic [OFF_W-1:0]  c_lane,
    input  wire logic [11:0]       c_bytes,
    input  wire logic              e_valid,      // the data of a command is in: its worst response
    output logic                   e_ready,
    input  wire logic [1:0]        e_resp,
    input  wire logic              d_valid,      // beats
    output logic                   d_ready,
    input  wire logic [DATA_W-1:0] d_data,

    input  wire logic              rdt_ok,       // the link has room for a frame
    output logic                   rdt_want,     // level: there is a frame
    output logic                   rdt_take,     // event: it is taken
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

    output logic                   rf_valid,     // a slot is free
    input  wire logic              rf_ready,
    output logic      [7:0]        rf_ch
);

  localparam int QD = 1 << $clog2(SLOTS > 4 ? SLOTS : 4);
  localparam int QW = 8 + 8 + 16 + 16 + 64 + 32 + 32 + 2 + 12 + 8;

  // ------------------------------------------------------------------------------------------
  // Fields of the frame that goes out.

  logic        h_valid, h_pop, h_first, h_last, h_ready_unused;
  logic [11:0] h_bytes;
  logic [7:0]  h_status;
  logic [$clog2(QD):0] h_level_unused;

  crl_fifo_bram #(.W(QW), .DEPTH(QD), .OUTREG(1)) u_fields (
      .clk, .rst, .s_valid(rq_valid), .s_ready(h_ready_unused),
      .s_data({rq_ch, rq_peer_ch, rq_op_seq, rq_tag, rq_segaddr, rq_total, rq_offset, rq_first, rq_last, rq_bytes, rq_status}),
      .m_valid(h_valid), .m_ready(h_pop),
      .m_data({rdf_src_ch, rdf_dst_ch, rdf_op_seq, rdf_tag, rdf_segaddr, rdf_total, rdf_offset, h_first, h_last, h_bytes, h_status}),
      .level(h_level_unused)
  );

  // ------------------------------------------------------------------------------------------
  // Begin: one command of the aligner.

  logic              may, a_ready;
  logic              a_valid, a_none, a_first_unused, a_last, o_valid, o_ready, o_none, o_last, s_ready;
  logic [DATA_W-1:0] a_data, o_data;
  logic [DATA_W/8-1:0] a_strb_unused;
  logic [1:0]        a_resp, o_resp;

  logic complete, got_q;   // all of the frame is in; the link's room for it has been taken

  assign complete = c_valid && (!c_ok || e_valid);
  assign rdt_want = complete && !got_q;
  assign rdt_take = rdt_want && rdt_ok;
  assign may      = complete && got_q;
  assign c_ready  = may && a_ready;
  assign e_ready  = c_ready && c_ok;

  always_ff @(posedge clk) begin
    if (rst) got_q <= 1'b0;
    else got_q <= rdt_take || (got_q && !c_ready);
  end

  crl_align #(.DATA_W(DATA_W), .TAG_W(2), .CHANNELS(1)) u_align (
      .clk, .rst, .c_valid(may), .c_ready(a_ready), .c_src_off(c_lane), .c_dst_off({OFF_W{1'b0}}),
      .c_bytes(c_ok ? c_bytes : 12'd0), .c_cont(1'b0), .c_flush(1'b1), .c_ch(1'b0), .c_tag(c_ok ? e_resp : 2'd0),
      .i_valid(d_valid), .i_ready(d_ready), .i_data(d_data),
      .o_valid(a_valid), .o_ready(s_ready), .o_none(a_none), .o_first(a_first_unused), .o_last(a_last),
      .o_data(a_data), .o_strb(a_strb_unused), .o_tag(a_resp)
  );
  crl_skid #(.W(DATA_W + 4)) u_out (
      .clk, .rst, .s_valid(a_valid), .s_ready, .s_data({a_none, a_last, a_resp, a_data}),
      .m_valid(o_valid), .m_ready(o_ready), .m_data({o_none, o_last, o_resp, o_data})
  );

  // ------------------------------------------------------------------------------------------
  // Beats, then the fields.

  logic       close_q;      // the beats have gone
  logic [1:0] resp_q;

  assign rdp_valid = o_valid && !o_none && !close_q;
  assign rdp_data  = o_data;
  assign o_ready   = !close_q && (o_none || rdp_ready);

  assign rdf_valid = close_q && h_valid && !rf_valid;
  assign h_pop     = rdf_valid && rdf_ready;
  assign rdf_len   = h_status == crl_pkg::ST_OK && !resp_q[1] ? 16'(h_bytes) : 16'd0;

  always_comb begin
    rdf_flags = '0;
    rdf_flags[crl_pkg::FRAME_FLAG_FIRST] = h_first;
    rdf_flags[crl_pkg::FRAME_FLAG_LAST]  = h_last;
    if (h_status != crl_pkg::ST_OK) rdf_status = h_status | crl_pkg::ST_AT_PEER;
    else if (resp_q == 2'd2)        rdf_status = crl_pkg::ST_READ_SLVERR | crl_pkg::ST_AT_PEER;
    else if (resp_q == 2'd3)        rdf_status = crl_pkg::ST_READ_DECERR | crl_pkg::ST_AT_PEER;
    else                            rdf_status = crl_pkg::ST_OK;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      close_q  <= 1'b0;
      rf_valid <= 1'b0;
    end else begin
      if (o_valid && o_ready && o_last) close_q <= 1'b1;
      else if (h_pop)                   close_q <= 1'b0;
      if (h_pop)         rf_valid <= 1'b1;
      else if (rf_ready) rf_valid <= 1'b0;
    end
    if (o_valid && o_ready && o_last) resp_q <= o_resp;
    if (h_pop) rf_ch <= rdf_dst_ch;
  end

  logic unused;
  assign unused = &{1'b0, h_ready_unused, h_level_unused, a_first_unused, a_strb_unused};

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (!rst) assert (!rq_valid || h_ready_unused);
  end
`endif

endmodule

`default_nettype wire
