// SPDX-License-Identifier: Apache-2.0
//
// crl_target_check: decides about each incoming frame: write its payload, or refuse it.
//
// How: a frame takes three steps. Look: what is known of the channel and the sum of the addresses
//   are registered. Check: the segment's entry is compared with what is left of the operation.
//   Give: the verdict goes to the writer and to the answers, and the channel's context is updated.
//   The next header is taken while the last one is given.
//   Context of a channel: within an operation, its sequence number, the next offset, and the
//   status of the first fault; after a fault the rest of the operation is refused.
// Faults in this order: PEER_REFUSED, the operation's earlier fault, CANCEL (as ABORTED),
//   BAD_OPCODE, LINK_ERROR (offset or sequence), BAD_LENGTH, the faults of crl_seg_check.
// Latency: 3 cycles from rx_valid to f_valid. Throughput: a frame in 3 cycles.
// Assumes: bind_* and seg_entry answer in the same cycle.
`default_nettype none

module crl_target_check #(
    parameter int CHANNELS        = 8,
    parameter int PEERS           = 1,
    parameter int PEER            = 0,     // the peer whose frames come here
    parameter int SEGMENTS        = 32,
    parameter int FUNC_W          = 8,
    parameter int MAX_BURST_BYTES = 512,
    parameter int FRAME_MAX       = 1024,
    parameter int NB_W            = 2,
    localparam int CW = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW = PEERS > 1 ? $clog2(PEERS) : 1,
    localparam int SW = SEGMENTS > 1 ? $clog2(SEGMENTS) : 1
) (
    input  wire logic                         clk,
    input  wire logic                         rst,           // synchronous, active high

    input  wire logic                         rx_valid,      // a frame
    output logic                              rx_ready,
    input  wire logic [crl_pkg::FRAME_W-1:0]  rx_hdr,

    output logic      [CW-1:0]                bind_ch,       // look-up of a channel's binding
    input  wire logic                         bind_ok,
    input  wire logic [PW-1:0]                bind_peer,
    input  wire logic [7:0]                   bind_peer_ch,
    input  wire logic [FUNC_W-1:0]            bind_func,
    output logic      [SW-1:0]                seg_idx,       // look-up of a segment
    input  wire logic [crl_pkg::SEGENT_W-1:0] seg_entry,

    output logic                              f_valid,       // a frame and the verdict
    input  wire logic                         f_ready,
    output logic                              f_write,       // accepted
    output logic                              f_drop,        // refused, with payload
    output logic      [63:0]                  f_addr,
    output logic      [11:0]                  f_bytes,
    output logic      [FUNC_W-1:0]            f_user,
    output logic      [NB_W-1:0]              f_bursts,      // 0 if refused
    output logic                              f_known,       // the channel is bound to the sender
    output logic                              f_first,       // begins an operation
    output logic                              f_answer,      // ends one
    output logic                              f_notify,
    output logic      [7:0]                   f_status,
    output logic      [7:0]                   f_ch,
    output logic      [7:0]                   f_peer_ch,
    output logic      [31:0]                  f_op_seq,
    output logic      [15:0]                  f_tag,
    output logic                              busy           // a frame is being checked
);

  localparam int LM = $clog2(MAX_BURST_BYTES);

  localparam logic [1:0] S_IDLE = 2'd0, S_LOOK = 2'd1, S_CHECK = 2'd2, S_GIVE = 2'd3;

  logic [1:0] state_q;

  // What is used of the header.
  logic [7:0]  type_q, flags_q, ch_q, peer_ch_q;
  logic [31:0] op_seq_q, total_q, offset_q;
  logic [15:0] tag_q, plen_q;
  logic [63:0] segaddr_q;

  always_ff @(posedge clk) begin
    if (rx_ready) begin
      type_q    <= rx_hdr[crl_pkg::FRAME_TYPE_LSB +: 8];
      flags_q   <= rx_hdr[crl_pkg::FRAME_FLAGS_LSB +: 8];
      ch_q      <= rx_hdr[crl_pkg::FRAME_DST_CH_LSB +: 8];
      peer_ch_q <= rx_hdr[crl_pkg::FRAME_SRC_CH_LSB +: 8];
      op_seq_q  <= rx_hdr[crl_pkg::FRAME_OP_SEQ_LSB +: 32];
      tag_q     <= rx_hdr[crl_pkg::FRAME_TAG_LSB +: 16];
      plen_q    <= rx_hdr[crl_pkg::FRAME_PAYLOAD_LEN_LSB +: 16];
      segaddr_q <= rx_hdr[crl_pkg::FRAME_SEGADDR_LSB +: 64];
      total_q   <= rx_hdr[crl_pkg::FRAME_TOTAL_LEN_LSB +: 32];
      offset_q  <= rx_hdr[crl_pkg::FRAME_OFFSET_LSB +: 32];
    end
  end

  logic is_first, is_last, is_notify, is_cancel;
  assign is_first  = flags_q[crl_pkg::FRAME_FLAG_FIRST];
  assign is_last   = flags_q[crl_pkg::FRAME_FLAG_LAST];
  assign is_notify = flags_q[crl_pkg::FRAME_FLAG_NOTIFY];
  assign is_cancel = flags_q[crl_pkg::FRAME_FLAG_CANCEL];

  // ------------------------------------------------------------------------------------------
  // Look.

  logic [CHANNELS-1:0] in_op_q;     // the channel is within an operation
  logic                in_op;
  logic [7:0]          ctx_status;
  logic [31:0]         ctx_op_seq, ctx_next;
  logic                known, same_op;
  logic [40:0]         start;       // of the payload, in the segment
  logic [32:0]         remain, stop;

  logic [CHANNELS-1:0] seen_q;      // the context of the channel has been written
  logic                over_q;      // the operation has been answered
  logic                known_q, same_op_q, goes_on_q, bad_len_q, beyond_q;
  logic [7:0]          old_status_q;
  logic [39:0]         start_q;
  logic [32:0]         remain_q;
  logic [31:0]         stop_q;
  logic [FUNC_W-1:0]   func_q;
  logic                ctx_we;

  assign bind_ch = ch_q[CW-1:0];
  assign known   = bind_ok && {1'b0, ch_q} < 9'(CHANNELS) && bind_peer == PW'(PEER)
                   && bind_peer_ch == peer_ch_q;
  assign in_op   = in_op_q[bind_ch];
  assign same_op = in_op && !is_first && ctx_op_seq == op_seq_q;
  assign start   = {1'b0, segaddr_q[crl_pkg::SEGADDR_OFFSET_LSB +: 40]} + {9'd0, offset_q};
  assign remain  = {1'b0, total_q} - {1'b0, offset_q};
  assign stop    = {1'b0, offset_q} + {17'd0, plen_q};

  crl_ram_lut #(.W(72), .DEPTH(CHANNELS)) u_ctx (
      .clk, .we(ctx_we), .waddr(bind_ch), .wdata({f_status, op_seq_q, stop_q}),
      .raddr(bind_ch), .rdata({ctx_status, ctx_op_seq, ctx_next})
  );

  always_ff @(posedge clk) begin
    if (state_q == S_LOOK) begin
      known_q      <= known;
      same_op_q    <= same_op;
      over_q       <= seen_q[bind_ch] && !in_op && !is_first && ctx_op_seq == op_seq_q;
      goes_on_q    <= is_first ? offset_q == '0 : (same_op && ctx_next == offset_q);
      old_status_q <= same_op ? ctx_status : crl_pkg::ST_OK;
      bad_len_q    <= plen_q == '0 || plen_q > 16'(FRAME_MAX) || stop > {1'b0, total_q}
                      || is_last != (stop == {1'b0, total_q});
      beyond_q     <= start[40];
      start_q      <= start[39:0];
      remain_q     <= remain;
      stop_q       <= stop[31:0];
      func_q       <= bind_func;
    end
  end

  // ------------------------------------------------------------------------------------------
  // Check. The result stands in the next cycle and stays, as its inputs do.

  logic        seg_ok;
  logic [7:0]  seg_status;
  logic [11:0] index;

  assign index   = segaddr_q[crl_pkg::SEGADDR_INDEX_LSB +: 12];
  assign seg_idx = index[SW-1:0];

  crl_seg_check u_seg (
      .clk, .seg_entry, .idx_ok({1'b0, index} < 13'(SEGMENTS)),
      .gen(segaddr_q[crl_pkg::SEGADDR_GEN_LSB +: 12]), .offset(start_q),
      // A start beyond the 40 bits is beyond every segment.
      .len(beyond_q ? 33'h1_FFFF_FFFF : remain_q),
      .need_right(6'(1 << crl_pkg::SEG_RIGHT_WRITE)), .channel(ch_q), .peer(4'(PEER)),
      .is_remote(1'b1), .ok(seg_ok), .status(seg_status), .addr(f_addr)
  );

  // ------------------------------------------------------------------------------------------
  // Give.

  logic [7:0]  status;
  logic [12:0] span;   // bytes from the burst boundary to the end of the payload

  always_comb begin
    if (!known_q)                                    status = crl_pkg::ST_PEER_REFUSED;
    else if (old_status_q != crl_pkg::ST_OK)         status = old_status_q;
    else if (is_cancel)                              status = crl_pkg::ST_ABORTED;
    else if (type_q != crl_pkg::FRAME_TYPE_WRITE)    status = crl_pkg::ST_BAD_OPCODE;
    else if (!goes_on_q)                             status = crl_pkg::ST_LINK_ERROR;
    else if (bad_len_q)                              status = crl_pkg::ST_BAD_LENGTH;
    else if (beyond_q && seg_status == crl_pkg::ST_OK) status = crl_pkg::ST_SEG_RANGE;
    else                                             status = seg_status;
  end

  assign span = 13'(f_addr[LM-1:0]) + 13'(plen_q[11:0]) + 13'(MAX_BURST_BYTES - 1);

  assign f_valid   = state_q == S_GIVE;
  assign f_write   = status == crl_pkg::ST_OK;
  assign f_drop    = !f_write && plen_q != '0;
  assign f_bytes   = plen_q[11:0];
  assign f_user    = func_q;
  assign f_bursts  = f_write ? NB_W'(span >> LM) : '0;
  assign f_known   = known_q;
  assign f_first   = !same_op_q;
  // Frames that were under way when the operation was cancelled come as CANCEL too: one answer is enough.
  assign f_answer  = is_cancel ? !over_q : is_last;
  assign f_notify  = is_notify;
  assign f_status  = status;
  assign f_ch      = ch_q;
  assign f_peer_ch = peer_ch_q;
  assign f_op_seq  = op_seq_q;
  assign f_tag     = tag_q;
  assign busy      = state_q != S_IDLE;

  assign ctx_we    = f_valid && f_ready && known_q;
  assign rx_ready  = state_q == S_IDLE || (f_valid && f_ready);

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q <= S_IDLE;
      in_op_q <= '0;
      seen_q  <= '0;
    end else begin
      if (rx_ready)                state_q <= rx_valid ? S_LOOK : S_IDLE;
      else if (state_q == S_LOOK)  state_q <= S_CHECK;
      else                         state_q <= S_GIVE;
      // A CANCEL that is not answered any more leaves no operation open.
      if (ctx_we) in_op_q[bind_ch] <= !(f_answer || is_cancel);
      if (ctx_we) seen_q[bind_ch] <= 1'b1;
    end
  end

  logic unused;
  assign unused = &{1'b0, seg_ok, flags_q, rx_hdr, stop[32]};

`ifdef FORMAL
  // Whatever the frame and the table: what is accepted lies in the operation's range, and that in
  // a segment that this peer may write for this channel. Entry and binding as they were looked up.
  logic [crl_pkg::SEGENT_W-1:0] g_ent;
  logic                         g_known;
  logic [69:0]                  g_base, g_size, g_first, g_stop;

  always_ff @(posedge clk) begin
    g_ent <= seg_entry;
    if (state_q == S_LOOK) g_known <= bind_ok && bind_peer == PW'(PEER) && bind_peer_ch == peer_ch_q;
  end

  assign g_base  = {6'd0, g_ent[51:0], 12'd0};
  assign g_size  = {29'd0, g_ent[92:52]};
  assign g_first = {6'd0, f_addr};
  assign g_stop  = g_first + {58'd0, f_bytes};

  always_ff @(posedge clk) begin
    if (!rst && (state_q == S_CHECK || state_q == S_GIVE)) begin
      assert ({beyond_q, start_q} == {1'b0, segaddr_q[39:0]} + {9'd0, offset_q});
      assert (remain_q == {1'b0, total_q} - {1'b0, offset_q});
      assert (!known_q || (g_known && {24'd0, ch_q} < CHANNELS));
      if (!bad_len_q) begin
        assert (plen_q != '0 && plen_q <= 16'(FRAME_MAX));
        assert ({2'd0, offset_q} + {18'd0, plen_q} <= {2'd0, total_q});
      end
    end
    if (!rst && f_valid && f_write) begin
      assert (g_known && g_ent[123] && segaddr_q[63:52] < SEGMENTS);
      assert (g_ent[122:111] == segaddr_q[51:40] && g_ent[104:97] == ch_q);
      assert (g_ent[110] && g_ent[106] && (g_ent[96:93] == 4'(PEER) || g_ent[96:93] == 4'd15));
      assert (g_first == g_base + {30'd0, segaddr_q[39:0]} + {38'd0, offset_q});
      assert (g_stop <= g_base + {30'd0, segaddr_q[39:0]} + {38'd0, total_q});
      assert (g_base + {30'd0, segaddr_q[39:0]} + {38'd0, total_q} <= g_base + g_size);
      assert (g_first >= g_base && g_stop <= 70'h1_0000_0000_0000_0000);
      assert (f_bytes != '0 && f_bytes <= 12'(FRAME_MAX) && !f_drop);
      assert ((70'(f_bursts) - 70'd1) == ((g_stop - 70'd1) >> LM) - (g_first >> LM));
    end
    if (!rst && f_valid && !f_write) assert (f_bursts == '0 && f_status != crl_pkg::ST_OK);
  end
`endif

endmodule

`default_nettype wire
