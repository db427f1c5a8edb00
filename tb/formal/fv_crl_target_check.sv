// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_target_check: any header, any table, any binding, changing at any time. The
// properties stand in the block (FORMAL); here are the witnesses, and one that must fail.
`default_nettype none

module fv_crl_target_check #(
    parameter int CHANNELS = 3, parameter int SEGMENTS = 32, parameter int FRAME_MAX = 1024, parameter bit READ_EN = 1,
    parameter bit SEND_EN = 1
) (
    input wire                         clk,
    input wire                         rst,
    input wire                         rx_valid,
    input wire [crl_pkg::FRAME_W-1:0]  rx_hdr,
    input wire                         rx_held,
    input wire                         bind_ok,
    input wire [1:0]                   bind_peer,
    input wire [7:0]                   bind_peer_ch,
    input wire [7:0]                   bind_func,
    input wire [crl_pkg::SEGENT_W-1:0] seg_entry,
    input wire                         rop_valid,
    input wire [15:0]                  rop_tag,
    input wire [1:0]                   rop_ch,
    input wire                         rop_abs,
    input wire [63:0]                  rop_dst,
    input wire [31:0]                  rop_total,
    input wire                         rop_mirror,
    input wire                         kill_valid,
    input wire [15:0]                  kill_tag,
    input wire [7:0]                   kill_status,
    input wire                         q_done,
    input wire                         q_ok,
    input wire [63:0]                  q_dst,
    input wire [31:0]                  q_len,
    input wire                         q_bad,
    input wire                         q_abs,
    input wire [CHANNELS-1:0]          held,
    input wire                         inj_valid,
    input wire [1:0]                   inj_ch,
    input wire                         inj_lost,
    input wire                         f_ready
);

  localparam int NB_W = $clog2(FRAME_MAX / 512 + 2);

  wire            rx_ready, f_valid, f_write, f_drop, f_known, f_first, f_answer, f_notify, f_req, f_rd, f_slot, f_ffirst, f_flast, busy;
  wire [63:0]     f_segaddr;
  wire [31:0]     f_total, f_offset;
  wire [1:0]      bind_ch;
  wire [4:0]      seg_idx;
  wire [63:0]     f_addr;
  wire [11:0]     f_bytes;
  wire [7:0]      f_user, f_status, f_ch, f_peer_ch;
  wire [NB_W-1:0] f_bursts;
  wire [15:0]     f_op_seq;
  wire [15:0]     f_tag;
  wire            q_send, f_send;

  crl_target_check #(
      .CHANNELS(CHANNELS), .PEERS(3), .PEER(1), .SEGMENTS(SEGMENTS), .FUNC_W(8),
      .MAX_BURST_BYTES(512), .FRAME_MAX(FRAME_MAX), .NB_W(NB_W), .OPS(4), .READ_EN(READ_EN), .SEND_EN(SEND_EN)
  ) u_dut (
      .clk, .rst, .rx_valid, .rx_ready, .rx_hdr, .rx_held, .bind_ch, .bind_ok, .bind_peer, .bind_peer_ch,
      .bind_func, .seg_idx, .seg_entry, .f_valid, .f_ready, .f_write, .f_drop, .f_addr, .f_bytes,
      .f_user, .f_bursts, .f_known, .f_first, .f_answer, .f_notify, .f_status, .f_ch, .f_peer_ch,
      .f_op_seq, .f_tag, .q_done, .q_ok, .q_dst, .q_len, .q_bad, .q_abs, .q_send, .f_send, .held, .inj_valid, .inj_ch, .inj_lost, .rop_valid, .rop_tag, .rop_ch, .rop_func(8'd5), .rop_abs, .rop_dst, .rop_total, .rop_atomic(1'b0), .rop_mirror, .kill_valid, .kill_tag,
      .kill_status, .f_req, .f_rd, .f_slot, .f_segaddr, .f_total, .f_offset, .f_ffirst, .f_flast, .busy
  );

  // As crl_regs_walk hands entries on: a valid segment does not run past 2^64.
  always @* if (seg_entry[123])
    assume ({6'd0, seg_entry[51:0], 12'd0} + {29'd0, seg_entry[92:52]} <= 70'h1_0000_0000_0000_0000);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  reg second = 0;  // an accepted frame has left an operation open
  always @(posedge clk) begin
    if (rst) second <= 0;
    else if (f_valid && f_ready && f_write && !f_answer) second <= 1;
    cover (past_valid && !rst && second && f_valid && f_ready && f_write && f_answer && !f_first
           && f_bursts == 3);
    cover (past_valid && !rst && second && f_valid && f_status == crl_pkg::ST_KEY_REVOKED
           && !f_first);
    cover (past_valid && !rst && f_valid && f_status == crl_pkg::ST_SEG_RANGE && f_known);
    cover (past_valid && !rst && READ_EN && f_valid && f_req && f_status == crl_pkg::ST_OK && f_bytes == 12'd77);
    cover (past_valid && !rst && READ_EN && f_valid && f_rd && f_write && f_answer);
    cover (past_valid && !rst && SEND_EN && second && f_valid && f_send && f_write && f_answer && f_bursts == 2);
    cover (past_valid && !rst && SEND_EN && f_valid && f_send && f_status == crl_pkg::ST_RECV_TOO_SHORT);
    cover (past_valid && !rst && READ_EN && f_valid && f_rd && f_known && !f_slot && f_answer);
`ifdef BREAK
    // The address is not bound to the first segment's page: this must be found.
    if (past_valid && !rst && f_valid && f_write) assert (f_addr[63:12] != 52'h123456789);
`endif
  end

endmodule

`default_nettype wire
