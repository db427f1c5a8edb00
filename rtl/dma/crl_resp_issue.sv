// SPDX-License-Identifier: Apache-2.0
//
// crl_resp_issue: read bursts for the requests of a peer, in order.
//
// How: requests wait in a FIFO that has a place for each. One after the other is told to the sender (a command: lane
//   and bytes, or that it was refused) and, if it is good, cut into bursts that end at multiples of MAX_BURST_BYTES, so none
//   crosses 4 KiB. A burst is asked for when the buffer has room for all of its beats.
// Latency: rq_valid to ar_valid 6 cycles. Throughput: a burst in 2 cycles, a request in 2 more.
// Assumes: no more than SLOTS requests are under way, rq_bytes is 1 to 2048 if rq_ok. Beats come in order and are always taken.
`default_nettype none

module crl_resp_issue #(
    parameter int DATA_W          = 64,
    parameter int CHANNELS        = 8,
    parameter int FUNC_W          = 8,
    parameter int MAX_BURST_BYTES = 512,
    parameter int SLOTS           = 32,   // requests at most
    parameter int BUF_BEATS       = 512,  // room for beats, a power of two
    localparam int CW    = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int OFF_W = $clog2(DATA_W / 8)
) (
    input  wire logic              clk,
    input  wire logic              rst,

    input  wire logic              rq_valid,    // event: a request
    input  wire logic              rq_ok,       // it is to be read, else refused
    input  wire logic [63:0]       rq_addr,
    input  wire logic [11:0]       rq_bytes,
    input  wire logic [FUNC_W-1:0] rq_user,
    input  wire logic [CW-1:0]     rq_ch,

    output logic                   c_valid,     // command to the sender, before the bursts of the request
    input  wire logic              c_ready,
    output logic                   c_ok,
    output logic      [OFF_W-1:0]  c_lane,      // of the first byte
    output logic      [11:0]       c_bytes,

    output logic                   ar_valid,    // read burst
    input  wire logic              ar_ready,
    output logic      [63:0]       ar_addr,
    output logic      [7:0]        ar_len,      // beats - 1
    output logic      [FUNC_W-1:0] ar_user,
    output logic                   put,         // event: a burst is about to be asked for ...
    output logic                   put_end,     // ... the last of its request
    input  wire logic              put_room,    // registered, with room for two
    input  wire logic              beat_out,    // event: a beat has left the buffer

    output logic                   cnt_valid,   // bytes that are read for a channel
    input  wire logic              cnt_ready,
    output logic      [CW-1:0]     cnt_ch,
    output logic      [11:0]       cnt_bytes
);

  localparam int B     = DATA_W / 8;
  localparam int MBW   = $clog2(MAX_BURST_BYTES);
  localparam int RBW   = $clog2(BUF_BEATS);
  localparam int MAX_BEATS = MAX_BURST_BYTES / B + 1;
  localparam int QD    = 1 << $clog2(SLOTS > 4 ? SLOTS : 4);
  localparam int QW    = 1 + 64 + 12 + FUNC_W + CW;

  initial begin
    if (BUF_BEATS < 2 * MAX_BEATS) $fatal(1, "crl_resp_issue: BUF_BEATS must hold two bursts");
  end

  logic              q_valid, q_pop, q_ok, q_ready_unused;
  logic [63:0]       q_addr;
  logic [11:0]       q_bytes;
  logic [FUNC_W-1:0] q_user;
  logic [CW-1:0]     q_ch;
  logic [$clog2(QD):0] q_level_unused;

  crl_fifo_bram #(.W(QW), .DEPTH(QD), .OUTREG(1)) u_queue (
      .clk, .rst, .s_valid(rq_valid), .s_ready(q_ready_unused), .s_data({rq_ok, rq_addr, rq_bytes, rq_user, rq_ch}),
      .m_valid(q_valid), .m_ready(q_pop), .m_data({q_ok, q_addr, q_bytes, q_user, q_ch}), .level(q_level_unused)
  );

  // The request at work.
  logic              work_q;     // some of it is still to be asked for
  logic              sized_q;    // n_q is the next burst's size
  logic [63:0]       addr_q;
  logic [11:0]       left_q;
  logic [FUNC_W-1:0] user_q;
  logic [MBW:0]      to_edge, n_q;
  logic              end_q;      // it is the last one
  logic              emit;
  logic [11:0]       reach;      // from the first lane to the last byte
  logic [11:0]       beats;

  // The sender's place and the counter's are there before a request is begun.
  assign c_valid   = q_valid && !work_q && !cnt_valid;
  assign q_pop     = c_valid && c_ready;
  assign c_ok      = q_ok;
  assign c_lane    = q_addr[OFF_W-1:0];
  assign c_bytes   = q_bytes;

  assign to_edge = (MBW + 1)'(MAX_BURST_BYTES) - {1'b0, addr_q[MBW-1:0]};
  assign reach   = 12'(addr_q[OFF_W-1:0]) + 12'(n_q) + 12'(B - 1);
  assign beats   = reach >> OFF_W;

  // ------------------------------------------------------------------------------------------
  // Room: beats promised, in the buffer or on their way.

  logic [RBW:0] beats_q;
  logic         room_q;

  assign emit = sized_q && room_q && put_room && !ar_valid;  // the next one is not sized before ar_valid has fallen
  assign put  = emit;
  assign put_end = end_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      work_q    <= 1'b0;
      sized_q   <= 1'b0;
      ar_valid  <= 1'b0;
      cnt_valid <= 1'b0;
      beats_q   <= '0;
      room_q    <= 1'b0;
    end else begin
      if (q_pop)                work_q <= q_ok;
      else if (emit)            work_q <= !end_q;
      sized_q <= work_q && !sized_q ? 1'b1 : sized_q && !emit;
      if (emit)                 ar_valid <= 1'b1;
      else if (ar_ready)        ar_valid <= 1'b0;
      if (q_pop)                cnt_valid <= q_ok;
      else if (cnt_ready)       cnt_valid <= 1'b0;
      beats_q <= beats_q + (emit ? (RBW + 1)'(beats) : '0) - {{RBW{1'b0}}, beat_out};
      room_q  <= 32'(beats_q) + MAX_BEATS <= BUF_BEATS;  // a burst is asked for in two cycles at most
    end
    if (q_pop) begin
      addr_q    <= q_addr;
      left_q    <= q_bytes;
      user_q    <= q_user;
      cnt_ch    <= q_ch;
      cnt_bytes <= q_bytes;
    end else if (emit) begin
      addr_q <= {addr_q[63:MBW] + 1'b1, {MBW{1'b0}}};
      left_q <= left_q - 12'(n_q);
    end
    n_q   <= left_q < 12'(to_edge) ? (MBW + 1)'(left_q) : to_edge;
    end_q <= left_q <= 12'(to_edge);
    if (emit) begin
      ar_addr <= addr_q;
      ar_len  <= 8'(beats - 12'd1);
      ar_user <= user_q;
    end
  end

  logic unused;
  assign unused = &{1'b0, q_ready_unused, q_level_unused};

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (!rq_valid || q_ready_unused);      // more requests than slots
      assert (32'(beats_q) <= BUF_BEATS);
    end
  end
`endif

endmodule

`default_nettype wire
