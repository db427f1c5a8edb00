// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_record: the chunk's kind and its record for crl_dma_move; the reservation of a frame.
//
// How: T4 works out where the chunk goes, T5 with its status what becomes of it. Every refusal is a token that carries the
//   status; a remote operation of which something was sent is ended at the peer by a cancelled frame.
// Record, MSB first: with SEND_EN {message, SEND, immediate[32]}, kind[3] (0 token, 1 local, 2 fill, 3 remote, 4 cancel,
//   5 remote of a MIRROR, 6 its cancel), channel, operation {gen, idx}[16],
//   {first, last, flush, cont, has read data, first frame, notify, READ}, source lane, destination lane, bytes,
//   read beats, status[8], bytes of the frame so far, peer[2], peer's channel[8], function, operation sequence[16],
//   x[64] (absolute destination | peer segment address), y[64] (pattern | {total length, offset of the frame}).
// Latency: T5 to the record 1 cycle.
`default_nettype none

module crl_dma_record #(
    parameter int DATA_W   = 64,
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    parameter int FUNC_W   = 8,
    parameter int MAX_BURST_BYTES = 512,
    parameter int LINK_MTU = 1024,
    parameter bit ASK_EN   = 1,   // READ or atomics
    parameter bit SEND_EN  = 1,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int MBW     = $clog2(MAX_BURST_BYTES),
    localparam int MTW     = $clog2(LINK_MTU),
    localparam int OFF_W   = $clog2(DATA_W / 8),
    localparam int RBW     = MBW - OFF_W + 1,
    localparam int CHUNK_W = (SEND_EN ? 34 : 0) + 3 + CW + 16 + 8 + 2 * OFF_W + (MBW + 1) + RBW + 8 + (MTW + 1) + 2 + 8 + FUNC_W + 16 + 128
) (
    input  wire logic               clk,

    // T3: what it reads
    input  wire logic [OFF_W-1:0]   t3_off,
    input  wire logic [MBW:0]       t3_n,
    input  wire logic [RBW-1:0]     t3_beats,

    // T4: where it goes
    input  wire logic               t4_remote,
    input  wire logic               t4_fill,
    input  wire logic [31:0]        t4_total,
    input  wire logic [63:0]        t4_src,       // pattern of a FILL
    input  wire logic [63:0]        t4_dst,       // peer segment address
    input  wire logic [31:0]        t4_rem,
    input  wire logic [MTW-1:0]     t4_pos,
    input  wire logic               t4_permitted, // a message that was permitted: its first frame was another one
    input  wire logic [63:0]        chk_addr,     // absolute destination

    // T5: the chunk, its operation, its status
    input  wire logic               t5_valid,
    input  wire logic [CW-1:0]      t5_ch,
    input  wire logic [FUNC_W-1:0]  t5_func,
    input  wire logic [7:0]         t5_peer_ch,
    input  wire logic [1:0]         t5_peer,
    input  wire logic               t5_remote,
    input  wire logic               t5_first,
    input  wire logic               t5_term,
    input  wire logic               t5_last,
    input  wire logic               t5_fend,
    input  wire logic               t5_fstart,
    input  wire logic               t5_nodata,
    input  wire logic               t5_fill,
    input  wire logic               t5_notify,
    input  wire logic               t5_again,     // nothing of the message is under way
    input  wire logic               t5_mirror,
    input  wire logic               t5_msg,
    input  wire logic [32:0]        t5_imm,       // {SEND, immediate}
    input  wire logic [15:0]        t5_seq,
    input  wire logic [15:0]        t5_tag,
    input  wire logic               t5_up,
    input  wire logic               t5_rd,
    input  wire logic               t5_fault,
    input  wire logic [7:0]         t5_st,
    output logic      [PEERS-1:0]   tx_take,      // event
    output logic                    tx_take_rd,   // with it: and a receive slot for the answer
    output logic                    tx_take_hold, // or a place in the hold FIFO

    // T6
    input  wire logic               t6_overlap,   // refused after all
    output logic      [CHUNK_W-1:0] chunk
);

  logic [OFF_W-1:0] t4_off_q, t5_off_q, t5_doff_q;
  logic [MBW:0]     t4_n_q, t5_n_q;
  logic [RBW-1:0]   t4_beats_q, t5_beats_q;
  logic [MTW:0]     t5_flen_q;
  logic [63:0]      t5_x_q, t5_y_q;
  logic [31-MTW:0]  t4_frame;
  logic             t5_first_frame_q;
  logic             t5_sent, t5_cancel, t5_token, t5_cont, t5_send, t6_last_q, t6_flush_q;
  logic [2:0]       t5_kind, t6_kind_q;
  logic [7:0]       t6_st_q;
  logic [33:0]      t6_msg_q;
  // The record's parts between the fields that an overlap changes.
  logic [CW+16:0]   t6_head_q;
  logic [4:0]       t6_flags_q;
  logic [2*OFF_W+MBW+RBW:0] t6_size_q;
  logic [MTW+10+FUNC_W+144:0] t6_rest_q;

  // A frame begins at a multiple of LINK_MTU; the bytes of it that were before this chunk are t4_pos.
  assign t4_frame = (32 - MTW)'((t4_total - t4_rem) >> MTW);

  always_ff @(posedge clk) begin
    t4_off_q   <= t3_off;
    t4_n_q     <= t3_n;
    t4_beats_q <= t3_beats;
    t5_off_q   <= t4_off_q;
    t5_n_q     <= t4_n_q;
    t5_beats_q <= t4_beats_q;
    t5_doff_q  <= t4_remote ? t4_pos[OFF_W-1:0] : chk_addr[OFF_W-1:0];
    t5_flen_q  <= {1'b0, t4_pos} + (MTW + 1)'(t4_n_q);
    t5_x_q     <= !t4_remote ? chk_addr : ASK_EN && t4_fill ? t4_src : t4_dst;
    t5_y_q     <= t4_fill && !t4_remote ? t4_src : {t4_total, t4_frame, {MTW{1'b0}}};
    t5_first_frame_q <= t4_frame == '0 && !t4_permitted;
  end

  // One that never began at the peer ends here.
  assign t5_sent   = !t5_first && !t5_again && (t5_up || !t5_fstart);
  assign t5_cancel = t5_fault && t5_remote && t5_sent;
  assign t5_token  = (t5_fault || t5_nodata) && !t5_cancel;
  // The carry holds the lanes below the destination offset, but for the first bytes of an operation or frame.
  assign t5_cont   = t5_doff_q != '0 && !(t5_remote ? t5_fstart : t5_first);
  always_comb begin
    t5_kind = 3'd1;                            // local
    if (t5_fill) t5_kind = 3'd2;
    if (t5_remote) t5_kind = t5_mirror ? 3'd5 : 3'd3;
    if (t5_cancel) t5_kind = t5_mirror ? 3'd6 : 3'd4;
    if (t5_token) t5_kind = 3'd0;
  end

  assign tx_take_rd   = ASK_EN && t5_fill;
  assign tx_take_hold = t5_mirror;
  assign t5_send = t5_fault ? t5_sent : !t5_nodata;
  always_comb begin
    tx_take = '0;
    if (t5_valid && t5_remote && t5_send && (t5_fstart || t5_term))
      for (int p = 0; p < PEERS; p++) if (t5_peer == 2'(p)) tx_take[p] = 1'b1;
  end

  always_ff @(posedge clk) begin
    t6_kind_q  <= t5_kind;
    t6_head_q  <= {t5_ch, t5_tag, t5_first};
    t6_last_q  <= t5_last || t5_fault;
    t6_flush_q <= t5_fault || (t5_remote ? t5_fend : t5_last);
    t6_flags_q <= {t5_cont, t5_rd, t5_first_frame_q && !t5_term, t5_notify, ASK_EN && t5_fill && t5_remote};
    t6_size_q  <= {t5_off_q, t5_doff_q, t5_n_q, t5_beats_q};
    t6_st_q    <= t5_st;
    t6_msg_q   <= {t5_msg, t5_imm};
    t6_rest_q  <= {t5_flen_q, t5_peer, t5_peer_ch, t5_func, t5_seq, t5_x_q, t5_y_q};
  end
  assign chunk = CHUNK_W'({t6_msg_q, t6_overlap ? 3'd0 : t6_kind_q, t6_head_q, t6_last_q || t6_overlap, t6_flush_q || t6_overlap, t6_flags_q,
                  t6_size_q, t6_overlap ? 8'(crl_pkg::ST_OVERLAP) : t6_st_q, t6_rest_q});

endmodule

`default_nettype wire
