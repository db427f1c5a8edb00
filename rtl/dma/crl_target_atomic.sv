// SPDX-License-Identifier: Apache-2.0
//
// crl_target_atomic: the atomics of one peer between the check and the answer.
//
// How: what passed the check waits in a FIFO, in the order of the frames, until the ring of crl_target_answer says that all
//   earlier frames have their responses; then it is shown to crl_atomic. What comes back waits until the link has room for a
//   frame, and leaves as READ_DATA: the old value, or a status. A place is kept from the check to the end of the answer,
//   so neither the ring nor the unit ever waits for the link.
// Latency: at the ring's head to u_valid none; u_done to the first beat to the link 3 cycles. Throughput: an answer in 4 cycles.
// Assumes: a request comes 3 cycles after the last one at the earliest, and only while aq_room is up.
// Source: docs/blocks/rdma.md section 9.
`default_nettype none

module crl_target_atomic #(
    parameter int DATA_W = 64,
    parameter int FUNC_W = 8,
    parameter int DEPTH  = 8    // atomics under way, a power of two
) (
    input  wire logic              clk,
    input  wire logic              rst,         // synchronous, active high

    input  wire logic              aq_valid,    // event: one has passed the check
    output logic                   aq_room,     // there is a place for one
    input  wire logic [7:0]        aq_ch,       // channel here
    input  wire logic [7:0]        aq_peer_ch,
    input  wire logic [15:0]       aq_op_seq,
    input  wire logic [15:0]       aq_tag,
    input  wire logic [63:0]       aq_segaddr,
    input  wire logic [FUNC_W-1:0] aq_user,
    input  wire logic [127:0]      aq_oper,     // {swap, addend or compare}
    input  wire logic              aq_swap,     // CMP_SWAP
    input  wire logic              at_head,     // the ring has come to one
    output logic                   at_done,     // event: it has been carried out

    output logic                   u_valid,     // to the unit, until u_done
    output logic      [63:0]       u_segaddr,
    output logic      [7:0]        u_ch,
    output logic      [FUNC_W-1:0] u_user,
    output logic      [127:0]      u_oper,
    output logic                   u_swap,
    input  wire logic              u_done,      // event
    input  wire logic [7:0]        u_status,    // with it; ST_OK: u_old is the old value
    input  wire logic [63:0]       u_old,

    input  wire logic              rdt_ok,      // to the link, as crl_resp
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
    output logic                   rf_valid,    // a slot is free
    input  wire logic              rf_ready,
    output logic      [7:0]        rf_ch        // of this channel at the peer
);

  localparam int LW    = $clog2(DEPTH) + 1;
  localparam int ASK_W = 64 + 8 + FUNC_W + 128 + 1;
  localparam int RET_W = 8 + 8 + 16 + 16 + 64;

  localparam logic [1:0] WANT = 2'd0, BEAT = 2'd1, FIELDS = 2'd2;

  logic [LW-1:0] places_q;      // in use
  logic          ask_valid, ask_ready_unused, ret_valid_unused, ret_ready_unused, res_valid, res_ready_unused, gone;
  logic [LW-1:0] ask_level_unused, ret_level_unused, res_level_unused;
  logic [7:0]    status;
  logic [63:0]   old;
  logic [1:0]    state_q;

  assign gone = rdf_valid && rdf_ready;

  always_ff @(posedge clk) begin
    if (rst) begin
      places_q <= '0;
      aq_room  <= 1'b0;
    end else begin
      places_q <= places_q + LW'(aq_valid) - LW'(gone);
      aq_room  <= places_q < LW'(DEPTH);
    end
  end

  // What the unit needs, what the answer returns, and the result.
  crl_fifo #(.W(ASK_W), .DEPTH(DEPTH)) u_ask (
      .clk, .rst, .s_valid(aq_valid), .s_ready(ask_ready_unused), .s_data({aq_segaddr, aq_ch, aq_user, aq_oper, aq_swap}),
      .m_valid(ask_valid), .m_ready(u_done), .m_data({u_segaddr, u_ch, u_user, u_oper, u_swap}), .level(ask_level_unused)
  );
  crl_fifo #(.W(RET_W), .DEPTH(DEPTH)) u_ret (
      .clk, .rst, .s_valid(aq_valid), .s_ready(ret_ready_unused), .s_data({aq_ch, aq_peer_ch, aq_op_seq, aq_tag, aq_segaddr}),
      .m_valid(ret_valid_unused), .m_ready(gone), .m_data({rdf_src_ch, rdf_dst_ch, rdf_op_seq, rdf_tag, rdf_segaddr}),
      .level(ret_level_unused)
  );
  crl_fifo #(.W(72), .DEPTH(DEPTH)) u_res (
      .clk, .rst, .s_valid(u_done), .s_ready(res_ready_unused), .s_data({u_status, u_old}),
      .m_valid(res_valid), .m_ready(gone), .m_data({status, old}), .level(res_level_unused)
  );

  assign u_valid = at_head && ask_valid;
  assign at_done = u_done;

  // ------------------------------------------------------------------------------------------
  // The answer: room, one beat unless it failed, the fields.

  assign rdt_want  = state_q == WANT && res_valid;
  assign rdt_take  = rdt_want && rdt_ok;
  assign rdp_valid = state_q == BEAT;
  assign rdp_data  = DATA_W'(old);
  assign rdf_valid = state_q == FIELDS && !rf_valid;
  assign rdf_total  = 32'd8;
  assign rdf_offset = 32'd0;
  assign rdf_len    = status == crl_pkg::ST_OK ? 16'd8 : 16'd0;
  assign rdf_status = status == crl_pkg::ST_OK ? 8'(crl_pkg::ST_OK) : status | 8'(crl_pkg::ST_AT_PEER);
  always_comb begin
    rdf_flags = '0;
    rdf_flags[crl_pkg::FRAME_FLAG_FIRST] = 1'b1;
    rdf_flags[crl_pkg::FRAME_FLAG_LAST]  = 1'b1;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q  <= WANT;
      rf_valid <= 1'b0;
    end else begin
      case (state_q)
        WANT:    if (rdt_take) state_q <= status == crl_pkg::ST_OK ? BEAT : FIELDS;
        BEAT:    if (rdp_ready) state_q <= FIELDS;
        default: if (gone) state_q <= WANT;
      endcase
      if (gone)          rf_valid <= 1'b1;
      else if (rf_ready) rf_valid <= 1'b0;
    end
    if (gone) rf_ch <= rdf_dst_ch;
  end

  logic unused;
  assign unused = &{1'b0, ask_ready_unused, ret_valid_unused, ret_ready_unused, res_ready_unused, ask_level_unused,
                    ret_level_unused, res_level_unused};

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (!aq_valid || (ask_ready_unused && ret_ready_unused && aq_room));
      assert (!u_done || (u_valid && res_ready_unused));
      assert (!res_valid || ret_valid_unused);
    end
  end
`endif

endmodule

`default_nettype wire
