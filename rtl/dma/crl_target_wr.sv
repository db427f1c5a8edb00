// SPDX-License-Identifier: Apache-2.0
//
// crl_target_wr: writes the payload of accepted frames, drops that of the others.
//
// How: the payload of a frame is one command of crl_align; its beats are cut into bursts by
//   crl_target_split. A frame that is refused has its payload taken and forgotten, up to rxp_last.
//   A frame that not both take at once waits in a register, so that f_ready comes from there alone.
// Latency: 2 cycles from a frame to the first beat at the write client (4 for DATA_W > 128).
//   Throughput: a beat a cycle; a frame in two cycles, otherwise back to back.
// Assumes: payload beats come without gaps once a frame is handed over (it lies in the receive
//   memory), ceil(bytes / B) of them; those of a dropped frame end with rxp_last.
`default_nettype none

module crl_target_wr #(
    parameter int DATA_W          = 64,
    parameter int MAX_BURST_BYTES = 512,
    parameter int FRAME_MAX       = 1024,
    parameter int FUNC_W          = 8
) (
    input  wire logic                clk,
    input  wire logic                rst,        // synchronous, active high

    input  wire logic                f_valid,    // a frame, in order of arrival
    output logic                     f_ready,
    input  wire logic                f_write,    // accepted: bytes go to addr
    input  wire logic                f_drop,     // refused, and there is payload to forget
    input  wire logic [63:0]         f_addr,
    input  wire logic [11:0]         f_bytes,
    input  wire logic [FUNC_W-1:0]   f_user,

    input  wire logic                rxp_valid,
    output logic                     rxp_ready,
    input  wire logic [DATA_W-1:0]   rxp_data,
    input  wire logic                rxp_last,

    output logic                     wb_soon,    // a frame is at work: beats will come
    output logic                     wb_valid,
    input  wire logic                wb_ready,
    output logic                     wb_first,
    output logic                     wb_last,
    output logic      [63:0]         wb_addr,
    output logic      [7:0]          wb_len,
    output logic      [FUNC_W-1:0]   wb_user,
    output logic      [DATA_W-1:0]   wb_data,
    output logic      [DATA_W/8-1:0] wb_strb
);

  localparam int LB = $clog2(DATA_W / 8);

  // The frame that waits; what is at work on next is that one, or the one that comes.
  logic              g_valid_q, g_write_q, g_drop_q, take, n_valid, n_write, n_drop;
  logic [63:0]       g_addr_q, n_addr;
  logic [11:0]       g_bytes_q, n_bytes;
  logic [FUNC_W-1:0] g_user_q, n_user;

  logic drop_q;      // the payload at the input is to be forgotten
  logic c_ready, s_ready, i_ready, o_valid, s_valid;
  logic o_none, o_first, o_last, o_tag;
  logic a_valid, a_ready, a_none, a_first, a_last;
  logic [DATA_W-1:0]   a_data;
  logic [DATA_W/8-1:0] a_strb;
  logic unused;

  assign f_ready   = !g_valid_q;
  // A free command register of the aligner means that all earlier payload has been taken.
  assign take      = n_valid && !drop_q && c_ready && s_ready;
  assign n_valid   = g_valid_q || f_valid;
  assign n_write   = g_valid_q ? g_write_q : f_write;
  assign n_drop    = g_valid_q ? g_drop_q : f_drop;
  assign n_addr    = g_valid_q ? g_addr_q : f_addr;
  assign n_bytes   = g_valid_q ? g_bytes_q : f_bytes;
  assign n_user    = g_valid_q ? g_user_q : f_user;
  assign rxp_ready = drop_q || i_ready;

  always_ff @(posedge clk) begin
    if (rst) begin
      g_valid_q <= 1'b0;
      drop_q    <= 1'b0;
      wb_soon   <= 1'b0;
    end else begin
      g_valid_q <= n_valid && !take;
      if (take && n_write) wb_soon <= 1'b1;
      else if (wb_valid && wb_ready && wb_last) wb_soon <= 1'b0;
      if (take)                                    drop_q <= n_drop;
      else if (rxp_valid && rxp_ready && rxp_last) drop_q <= 1'b0;
    end
    if (f_ready) begin
      g_write_q <= f_write;
      g_drop_q  <= f_drop;
      g_addr_q  <= f_addr;
      g_bytes_q <= f_bytes;
      g_user_q  <= f_user;
    end
  end

  crl_align #(.DATA_W(DATA_W), .TAG_W(1), .CHANNELS(1)) u_align (
      .clk, .rst,
      .c_valid(take && n_write), .c_ready,
      .c_src_off({LB{1'b0}}), .c_dst_off(n_addr[LB-1:0]), .c_bytes(n_bytes),
      .c_cont(1'b0), .c_flush(1'b1), .c_ch(1'b0), .c_tag(1'b0),
      .i_valid(rxp_valid && !drop_q), .i_ready, .i_data(rxp_data),
      .o_valid(a_valid), .o_ready(a_ready),
      .o_none(a_none), .o_first(a_first), .o_last(a_last), .o_data(a_data), .o_strb(a_strb), .o_tag
  );
  // Keeps the memory port's ready out of the aligner's.
  crl_spare #(.W(DATA_W + DATA_W / 8 + 3)) u_out (
      .clk, .rst, .s_valid(a_valid), .s_ready(a_ready), .s_data({a_none, a_first, a_last, a_strb, a_data}),
      .m_valid(o_valid), .m_ready(wb_ready && s_valid), .m_data({o_none, o_first, o_last, wb_strb, wb_data})
  );

  crl_target_split #(
      .DATA_W(DATA_W), .MAX_BURST_BYTES(MAX_BURST_BYTES), .FRAME_MAX(FRAME_MAX), .FUNC_W(FUNC_W)
  ) u_split (
      .clk, .rst,
      .f_valid(take && n_write), .f_ready(s_ready),
      .f_addr(n_addr), .f_bytes(n_bytes), .f_user(n_user),
      .beat(wb_valid && wb_ready), .valid(s_valid),
      .first(wb_first), .last(wb_last), .addr(wb_addr), .len(wb_len), .user(wb_user)
  );

  assign wb_valid = o_valid && s_valid;
  assign unused   = &{1'b0, o_none, o_first, o_last, o_tag};

`ifndef SYNTHESIS
  // The beats of a frame and its bursts end together.
  always_ff @(posedge clk) begin
    if (!rst && wb_valid && wb_ready) begin
      assert (!o_none);
      if (o_first) assert (wb_first);
      if (o_last) assert (wb_last);
    end
  end
`endif

endmodule

`default_nettype wire
