// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_issue: from the picked channel to a checked chunk: read request and chunk record.
//
// How, one step a cycle, a pick at most every second cycle:
//   T0 pick (crl_dma_sched, or the chunk that continues a frame); pool and context RAMs are addressed
//   T1 first-chunk info or context info decides: kill (a condition no longer holds), pop, charge
//   T2 allocate the operation; segment of the source; step the context
//   T3 source checked: read request; segment of the destination; size of the next chunk
//   T4 destination checked; context written back; distance of source and destination
//   T5 final status; reservation of a frame; the channel may be picked again
//   T6 chunk record pushed
// The first chunk of an operation comes from the pool, later ones from the context RAM (one entry a channel).
// A killed pick costs two cycles and changes nothing but the wait flags.
// Latency: pick to read request registered 3 cycles. Same channel again: 2 cycles after the last chunk of an
//   operation, 7 cycles otherwise (a chunk of MAX_BURST_BYTES takes 8 beats or more).
// Errors: every refusal becomes a token chunk that carries the status, in order; no byte is written.
// Chunk record, MSB first: kind[3] (0 token, 1 local, 2 fill, 3 remote, 4 cancel), channel, operation {gen, idx}[16],
//   {first, last, flush, cont, has read data, first frame, notify, 0}, source lane, destination lane, bytes,
//   read beats, status[8], bytes of the frame so far, peer[2], peer's channel[8], function, operation sequence[32],
//   x[64] (absolute destination | peer segment address), y[64] (pattern | {total length, offset of the frame}).
// Assumes: cq_ok, alloc_ready, op_empty reflect an alloc in the next cycle; tx_ok a take within two.
// Source: design sections 5 to 7; docs/architecture.md sections 3 to 5.
`default_nettype none

module crl_dma_issue #(
    parameter int DATA_W   = 64,
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    parameter int SEGMENTS = 32,
    parameter int OPS      = 128,
    parameter int FUNC_W   = 8,
    parameter int MAX_BURST_BYTES = 512,
    parameter int LINK_MTU = 1024,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int OW      = $clog2(OPS),
    localparam int SW      = $clog2(SEGMENTS),
    localparam int MBW     = $clog2(MAX_BURST_BYTES),
    localparam int MTW     = $clog2(LINK_MTU),
    localparam int B       = DATA_W / 8,
    localparam int OFF_W   = $clog2(B),
    localparam int RBW     = MBW - OFF_W + 1,        // read beats of a chunk
    localparam int INFO_W  = MBW + 7,
    localparam int EW      = 124,
    // chunk record
    localparam int CHUNK_W = 3 + CW + 16 + 8 + 2 * OFF_W + (MBW + 1) + RBW + 8 + (MTW + 1) + 2 + 8 + FUNC_W + 32 + 128
) (
    input  wire logic                  clk,
    input  wire logic                  rst,

    // Channel set-up (event) and life
    input  wire logic                  cc_we,
    input  wire logic [CW-1:0]         cc_ch,
    input  wire logic                  cc_abs,
    input  wire logic                  cc_bind,
    input  wire logic [1:0]            cc_peer,
    input  wire logic [7:0]            cc_peer_ch,
    input  wire logic [FUNC_W-1:0]     cc_func,
    input  wire logic [CHANNELS-1:0]   run,         // new operations may begin, begun ones go on
    input  wire logic [CHANNELS-1:0]   hold,        // paused: chunks of a begun operation wait too
    input  wire logic [CHANNELS-1:0]   ch_abort,       // end the begun operation
    input  wire logic                  halt,        // fatal: nothing more
    output logic      [CHANNELS-1:0]   ip,          // an operation has begun and has chunks to come
    output logic      [CHANNELS-1:0]   young,       // picked, and perhaps not yet in op_empty
    output logic                       pop_idle,    // no pop in this cycle
    output logic      [5*CHANNELS-1:0] stall,       // per channel: {memory, -, -, link, completion ring}

    // Staged descriptors (crl_dma_fetch)
    input  wire logic [CHANNELS-1:0]   st_empty,
    input  wire logic                  st_enq_valid,
    input  wire logic [CW-1:0]         st_enq_ch,
    output logic      [CW-1:0]         pk_ch,
    output logic                       pk_en,
    input  wire logic                  pk_empty,
    input  wire logic [191:0]          pool_data,
    input  wire logic [INFO_W-1:0]     pool_info,
    output logic                       pop_valid,
    output logic      [CW-1:0]         pop_ch,

    // Scheduler
    output logic      [CHANNELS-1:0]   elig,
    output logic                       pick_ready,
    input  wire logic                  pick_valid,
    input  wire logic [CW-1:0]         pick_ch,
    output logic                       charge_valid,
    output logic      [CW-1:0]         charge_ch,
    output logic      [11:0]           charge_bytes,

    // Operation table
    input  wire logic [CHANNELS-1:0]   cq_ok,
    input  wire logic [CHANNELS-1:0]   op_empty,
    input  wire logic                  alloc_ready,
    input  wire logic [OW-1:0]         alloc_idx,
    input  wire logic [15-OW:0]        alloc_gen,
    output logic                       alloc_valid,
    output logic      [CW-1:0]         alloc_ch,
    output logic      [15:0]           alloc_tag,
    output logic                       alloc_irq,
    output logic                       alloc_nocpl,
    output logic                       alloc_remote,
    output logic      [1:0]            alloc_peer,
    output logic      [31:0]           alloc_bytes,

    // Segment table, asynchronous look-up, shared with the channel control while it is not used here
    output logic      [SW-1:0]         seg_idx,
    input  wire logic [EW-1:0]         seg_entry,
    input  wire logic                  ctl_seg_req,  // level: the channel control wants the checker
    output logic                       ctl_seg_gnt,
    input  wire logic [63:0]           ctl_seg_addr,
    input  wire logic [32:0]           ctl_seg_len,
    input  wire logic [CW-1:0]         ctl_seg_ch,
    input  wire logic                  ctl_seg_abs,
    output logic                       chk_ok,       // registered result, one cycle after the grant
    output logic      [7:0]            chk_status,
    output logic      [63:0]           chk_addr,

    // Link
    input  wire logic [PEERS-1:0]          peer_up,
    input  wire logic [PEERS*CHANNELS-1:0] tx_ok,
    output logic      [PEERS-1:0]          tx_take,  // event
    output logic      [7:0]                tx_take_ch,

    // Resources, all with room for what is in T1 to T6
    input  wire logic                  rd_room,
    input  wire logic                  chunk_room,
    input  wire logic                  fail_valid,   // event: a chunk of this operation could not be read
    input  wire logic [CW-1:0]         fail_ch,
    input  wire logic [OW-1:0]         fail_op,

    output logic                       ar_push,      // event: data read burst
    output logic      [63:0]           ar_addr,
    output logic      [7:0]            ar_len,
    output logic      [FUNC_W-1:0]     ar_user,
    output logic      [CW-1:0]         ar_ch,
    output logic      [MBW:0]          ar_bytes,
    output logic                       chunk_push,   // event
    output logic      [CHUNK_W-1:0]    chunk
);

  localparam int CIW = MBW + 5;    // context info: {remote, frame start, frame end, last, n}
  localparam int CFG_W = FUNC_W + 12;

  // ---------------------------------------------------------------- per channel flags
  logic [CHANNELS-1:0] ip_q, busy_q, failed_q, elig_q;
  logic [CHANNELS-1:0] wait_fence_q, txok_c, up_c;
  logic [CHANNELS-1:0] bind_q;
  logic [2*CHANNELS-1:0] peer_q;

  always_comb begin
    txok_c = '0;
    up_c   = '0;
    for (int c = 0; c < CHANNELS; c++) begin
      for (int p = 0; p < PEERS; p++) begin
        if (peer_q[2*c +: 2] == 2'(p)) begin
          txok_c[c] = tx_ok[p*CHANNELS + c];
          up_c[c]   = bind_q[c] && peer_up[p];
        end
      end
    end
  end

  // ---------------------------------------------------------------- T0
  logic          stick_q, stick_rdy_q;         // the frame of stick_ch goes on, exclusively
  logic [CW-1:0] stick_ch_q;
  logic [4:0]    rs_q;                         // T2 to T6: a frame is to be reserved
  logic          rem_busy;
  logic          t0_room, t0_go;
  logic          t1_v_q, t1_ip_q, t1_empty_q, t1_stick_q;
  logic [CW-1:0] t1_ch_q;
  logic          t2_v_q, t3_v_q, t4_v_q, t5_v_q, t6_v_q;
  logic              t1_go, t1_kill, t1_new, t1_term, t1_silent, t1_last, t1_fend, t1_fence, t1_remote, t1_nodata, t1_bad;
  logic              t1_fstart;
  logic [MBW:0]      t1_n;
  logic [CIW-1:0]    cinfo;
  logic [CFG_W-1:0]  t1_cfg;


  // An operation with chunks to come is not overtaken while its context is in the pipeline, so that no
  // channel loses its turn by being slow to be eligible again.
  assign t0_room    = !t1_v_q && rd_room && chunk_room && !ctl_seg_req && !halt;
  assign pick_ready = t0_room && !stick_q && busy_q == '0;
  assign rem_busy   = rs_q != '0;
  assign t0_go      = stick_q ? (t0_room && stick_rdy_q) : (pick_ready && pick_valid);
  assign pk_ch      = stick_q ? stick_ch_q : pick_ch;
  assign pk_en      = t0_go;
  assign elig       = elig_q;

  // A channel that has just been picked stays eligible: T1 finds out. One with an operation under way is busy.
  // A channel whose last operation was remote is taken to be remote until T1 has seen otherwise: it is not picked in vain while
  // the link has no room, which would cost it its turn. All such channels become eligible together when room comes.
  logic [CHANNELS-1:0] staged, elig_d, link_ok, remote_q;
  assign link_ok = ~remote_q | (txok_c & {CHANNELS{!rem_busy}}) | ~up_c;
  always_comb begin
    staged = ~st_empty;
    if (st_enq_valid) staged[st_enq_ch] = 1'b1;
    for (int c = 0; c < CHANNELS; c++) begin
      if (ip_q[c])
        elig_d[c] = !busy_q[c] && (!hold[c] || ch_abort[c] || failed_q[c]) && (link_ok[c] || op_empty[c]);
      else
        elig_d[c] = run[c] && staged[c] && cq_ok[c] && alloc_ready && !wait_fence_q[c] && link_ok[c];
    end
    // The picked channel is eligible again right away only for its next descriptor.
    if (t1_v_q && (t1_kill || !t1_last)) elig_d[t1_ch_q] = 1'b0;
  end

  // ---------------------------------------------------------------- T1
  crl_ram_lut #(.W(CFG_W), .DEPTH(CHANNELS)) u_cfg (
      .clk, .we(cc_we), .waddr(cc_ch), .wdata({cc_func, cc_peer_ch, cc_peer, cc_bind, cc_abs}),
      .raddr(t1_ch_q), .rdata(t1_cfg)
  );

  assign t1_new = !t1_ip_q;
  // An operation that was ended from outside (peer lost, time-out) has left the table: its context just goes.
  // In the middle of a frame it goes on to the frame's end, so that the link never holds half a frame.
  assign t1_silent = t1_ip_q && !t1_stick_q
                     && (op_empty[t1_ch_q] || (t1_remote && !up_c[t1_ch_q] && (ch_abort[t1_ch_q] || failed_q[t1_ch_q])));
  assign t1_term   = t1_ip_q && !t1_silent && !t1_stick_q && (ch_abort[t1_ch_q] || failed_q[t1_ch_q]);
  always_comb begin
    if (t1_ip_q) begin
      {t1_remote, t1_fstart, t1_fend, t1_last, t1_n} = cinfo;
      t1_bad    = 1'b0;
      t1_nodata = 1'b0;
      t1_fence  = 1'b0;
    end else begin
      {t1_bad, t1_nodata, t1_remote, t1_fence, t1_fend, t1_last, t1_n} = pool_info;
      t1_fstart = 1'b1;
    end
    if (t1_term || t1_silent) begin
      t1_last = 1'b1;
      t1_n    = '0;
      t1_fend = 1'b1;
    end
  end
  logic t1_k_fence, t1_k_tx;
  // The info of a channel whose last descriptor has just gone means nothing.
  assign t1_k_fence = t1_new && !t1_empty_q && t1_fence && !op_empty[t1_ch_q];
  assign t1_k_tx    = t1_remote && !(t1_new && t1_empty_q) && !t1_silent && (t1_fstart || t1_term) && up_c[t1_ch_q]
                      && (!txok_c[t1_ch_q] || rem_busy);
  assign t1_kill    = t1_k_fence || t1_k_tx
                      || (t1_new && (t1_empty_q || t1_bad || !cq_ok[t1_ch_q] || !alloc_ready || !run[t1_ch_q]));
  assign t1_go      = t1_v_q && !t1_kill;

  assign pop_valid    = t1_go && t1_new;
  assign pop_ch       = t1_ch_q;
  assign charge_valid = t1_v_q;
  assign charge_ch    = t1_ch_q;
  assign charge_bytes = t1_go ? 12'(t1_n) : 12'd0;

  // ---------------------------------------------------------------- T1 to T2: descriptor or context
  localparam int CTX_W = 64 + 64 + 32 + 32 + 16 + 32 + MBW + MTW + 3;
  logic [CTX_W-1:0] ctx_rd, ctx_wr;
  logic             ctx_we;
  logic [CW-1:0]    t4_ch_q;

  crl_ram_bram #(.W(CTX_W), .DEPTH(CHANNELS > 1 ? CHANNELS : 2)) u_ctx (
      .clk, .we(ctx_we), .waddr(t4_ch_q), .wdata(ctx_wr), .re(t0_go), .raddr(pk_ch), .rdata(ctx_rd)
  );

  logic [63:0]    t2_src_q, t2_dst_q;
  logic [31:0]    t2_rem_q, t2_total_q, t2_seq_q;
  logic [15:0]    t2_tag_q, t2_dtag_q;         // operation {gen, idx} of the context; tag of the descriptor
  logic [MBW-1:0] t2_vs_q;
  logic [MTW-1:0] t2_pos_q;
  logic [7:0]     t2_op_q, t2_flags_q;
  logic           t2_new_q, t2_term_q, t2_last_q, t2_fend_q, t2_fstart_q, t2_remote_q, t2_nodata_q, t2_notify_q;
  logic [MBW:0]   t2_n_q;
  logic [CW-1:0]  t2_ch_q;
  logic [CFG_W-1:0] t2_cfg_q;
  logic           c_fill, c_remote, c_notify;
  logic [63:0]    c_src, c_dst;
  logic [31:0]    c_rem, c_total, c_seq;
  logic [15:0]    c_tag;
  logic [MBW-1:0] c_vs;
  logic [MTW-1:0] c_pos;
  assign {c_fill, c_remote, c_notify, c_pos, c_vs, c_seq, c_tag, c_total, c_rem, c_dst, c_src} = ctx_rd;

  always_ff @(posedge clk) begin
    t2_ch_q     <= t1_ch_q;
    t2_cfg_q    <= t1_cfg;
    t2_new_q    <= t1_new;
    t2_term_q   <= t1_term;
    t2_n_q      <= t1_n;
    t2_last_q   <= t1_last;
    t2_fend_q   <= t1_fend;
    t2_fstart_q <= t1_fstart;
    t2_remote_q <= t1_remote;
    t2_nodata_q <= t1_nodata || t1_term;
    t2_dtag_q   <= pool_data[crl_pkg::DESC_TAG_LSB +: 16];
    t2_flags_q  <= pool_data[crl_pkg::DESC_FLAGS_LSB +: 8];
    if (t1_new) begin
      t2_op_q     <= pool_data[crl_pkg::DESC_OPCODE_LSB +: 8];
      t2_src_q    <= pool_data[crl_pkg::DESC_SRC_LSB +: 64];
      t2_dst_q    <= pool_data[crl_pkg::DESC_DST_LSB +: 64];
      t2_rem_q    <= pool_data[crl_pkg::DESC_LENGTH_LSB +: 32];
      t2_total_q  <= pool_data[crl_pkg::DESC_LENGTH_LSB +: 32];
      t2_notify_q <= pool_data[crl_pkg::DESC_FLAGS_LSB + crl_pkg::DESC_FLAG_NOTIFY];
      t2_vs_q     <= '0;
      t2_pos_q    <= '0;
      t2_tag_q    <= '0;
      t2_seq_q    <= '0;
    end else begin
      t2_op_q     <= c_fill ? 8'(crl_pkg::OP_FILL) : (c_remote ? 8'(crl_pkg::OP_WRITE) : 8'(crl_pkg::OP_COPY));
      t2_src_q    <= c_src;
      t2_dst_q    <= c_dst;
      t2_rem_q    <= c_rem;
      t2_total_q  <= c_total;
      t2_notify_q <= c_notify;
      t2_vs_q     <= c_vs;
      t2_pos_q    <= c_pos;
      t2_tag_q    <= c_tag;
      t2_seq_q    <= c_seq;
    end
  end

  // ---------------------------------------------------------------- T2
  logic [7:0]  t2_derr;
  logic        t2_fill, t2_abs;
  logic [31:0] seq_rd, t2_seq;
  logic [15:0] t2_tag;

  assign t2_abs  = t2_cfg_q[0];
  assign t2_fill = t2_op_q == crl_pkg::OP_FILL;
  assign t2_tag  = t2_new_q ? {alloc_gen, alloc_idx} : t2_tag_q;
  assign t2_seq  = t2_new_q ? seq_rd : t2_seq_q;
  always_comb begin
    t2_derr = crl_pkg::ST_OK;
    if (t2_new_q) begin
      if (t2_op_q != crl_pkg::OP_NOP && t2_op_q != crl_pkg::OP_COPY && t2_op_q != crl_pkg::OP_FILL
          && t2_op_q != crl_pkg::OP_WRITE) t2_derr = crl_pkg::ST_BAD_OPCODE;
      else if (t2_flags_q[7:4] != 4'd0 || (t2_flags_q[crl_pkg::DESC_FLAG_NOTIFY] && t2_op_q != crl_pkg::OP_WRITE))
        t2_derr = crl_pkg::ST_BAD_FLAGS;
      else if (t2_rem_q == 32'd0 && t2_op_q != crl_pkg::OP_NOP) t2_derr = crl_pkg::ST_BAD_LENGTH;
    end
    if (t2_term_q) t2_derr = crl_pkg::ST_ABORTED;
  end

  assign alloc_valid  = t2_v_q && t2_new_q;
  assign alloc_ch     = t2_ch_q;
  assign alloc_tag    = t2_dtag_q;
  assign alloc_irq    = t2_flags_q[crl_pkg::DESC_FLAG_IRQ];
  assign alloc_nocpl  = t2_flags_q[crl_pkg::DESC_FLAG_NO_CPL];
  assign alloc_remote = t2_remote_q;
  assign alloc_peer   = t2_cfg_q[3:2];
  assign alloc_bytes  = t2_op_q == crl_pkg::OP_NOP ? 32'd0 : t2_rem_q;

  // Sequence number of remote operations, never reset by the channel: the peer only asks that it
  // moves on. 16 bits are far more than operations can be under way.
  logic [CHANNELS-1:0] seq_init_q;
  logic [15:0] seq_ram;
  crl_ram_lut #(.W(16), .DEPTH(CHANNELS)) u_seq (
      .clk, .we(alloc_valid && t2_remote_q), .waddr(t2_ch_q), .wdata(seq_rd[15:0] + 16'd1),
      .raddr(t2_ch_q), .rdata(seq_ram)
  );
  assign seq_rd = {16'd0, seq_init_q[t2_ch_q] ? seq_ram : 16'd0};

  // Which operation a channel has under way, for failures that come back from the read side.
  logic [OW-1:0] ip_op;
  crl_ram_lut #(.W(OW), .DEPTH(CHANNELS)) u_ipop (
      .clk, .we(alloc_valid), .waddr(t2_ch_q), .wdata(alloc_idx), .raddr(fail_ch), .rdata(ip_op)
  );

  // ---------------------------------------------------------------- T3
  logic [63:0]    t3_src_q, t3_dst_q, t3_nsrc_q, t3_ndst_q;
  logic [31:0]    t3_rem_q, t3_nrem_q, t3_total_q, t3_seq_q;
  logic [15:0]    t3_tag_q;
  logic [MBW-1:0] t3_vs_q, t3_nvs_q;
  logic [MTW-1:0] t3_pos_q, t3_npos_q;
  logic [MBW:0]   t3_n_q;
  logic [7:0]     t3_derr_q;
  logic [CW-1:0]  t3_ch_q;
  logic [CFG_W-1:0] t3_cfg_q;
  logic           t3_new_q, t3_term_q, t3_last_q, t3_fend_q, t3_fstart_q, t3_remote_q, t3_nodata_q, t3_notify_q, t3_fill_q;

  always_ff @(posedge clk) begin
    t3_src_q    <= t2_src_q;
    t3_dst_q    <= t2_dst_q;
    t3_rem_q    <= t2_rem_q;
    t3_total_q  <= t2_total_q;
    t3_tag_q    <= t2_tag;
    t3_seq_q    <= t2_seq;
    t3_vs_q     <= t2_fill ? t2_vs_q : t2_src_q[MBW-1:0];
    t3_pos_q    <= t2_pos_q;
    t3_n_q      <= t2_n_q;
    t3_derr_q   <= t2_derr;
    t3_ch_q     <= t2_ch_q;
    t3_cfg_q    <= t2_cfg_q;
    t3_new_q    <= t2_new_q;
    t3_term_q   <= t2_term_q;
    t3_last_q   <= t2_last_q;
    t3_fend_q   <= t2_fend_q;
    t3_fstart_q <= t2_fstart_q;
    t3_remote_q <= t2_remote_q;
    t3_nodata_q <= t2_nodata_q;
    t3_notify_q <= t2_notify_q;
    t3_fill_q   <= t2_fill;
    t3_nsrc_q   <= t2_fill ? t2_src_q : t2_src_q + 64'(t2_n_q);
    t3_ndst_q   <= t2_remote_q ? t2_dst_q : t2_dst_q + 64'(t2_n_q);
    t3_nrem_q   <= t2_rem_q - 32'(t2_n_q);
    t3_nvs_q    <= t2_vs_q + t2_n_q[MBW-1:0];
    t3_npos_q   <= t2_pos_q + MTW'(t2_n_q);
  end

  // ---------------------------------------------------------------- checker: source in T2, destination in T3
  logic [63:0] ck_addr;
  logic [32:0] ck_len;
  logic [5:0]  ck_need;
  logic [7:0]  ck_ch;
  logic        ck_abs, ck_idx_ok, ck_ok, ck_abs_q, ck_wrap_q;
  logic [7:0]  ck_status;
  logic [63:0] ck_out, ck_raw_q;
  logic        ck_wrap;

  assign ctl_seg_gnt = ctl_seg_req && !t1_v_q && !t2_v_q && !t3_v_q;
  always_comb begin
    ck_addr = t3_dst_q;
    ck_len  = {1'b0, t3_rem_q};
    ck_need = 6'(1 << crl_pkg::SEG_RIGHT_WRITE);
    ck_ch   = 8'(t3_ch_q);
    ck_abs  = t3_cfg_q[0];
    if (t2_v_q) begin
      ck_addr = t2_src_q;
      ck_len  = {1'b0, t2_rem_q};
      ck_need = 6'(1 << crl_pkg::SEG_RIGHT_READ);
      ck_ch   = 8'(t2_ch_q);
      ck_abs  = t2_abs;
    end else if (!t3_v_q) begin
      ck_addr = ctl_seg_addr;
      ck_len  = ctl_seg_len;
      ck_need = 6'(1 << crl_pkg::SEG_RIGHT_RING);
      ck_ch   = 8'(ctl_seg_ch);
      ck_abs  = ctl_seg_abs;
    end
  end
  assign seg_idx   = ck_addr[crl_pkg::SEGADDR_INDEX_LSB +: SW];
  assign ck_idx_ok = 32'(ck_addr[crl_pkg::SEGADDR_INDEX_LSB +: crl_pkg::SEGADDR_INDEX_W]) < SEGMENTS;
  // 65-bit end of an absolute range; one byte past the end may be 2^64.
  logic [33:0] ck_end;
  assign ck_end  = {2'b00, ck_addr[31:0]} + {1'b0, ck_len};
  assign ck_wrap = &ck_addr[63:32] && |ck_end[33:32] && ck_end != {2'b01, 32'd0};

  crl_seg_check u_check (
      .clk, .seg_entry, .idx_ok(ck_idx_ok), .gen(ck_addr[crl_pkg::SEGADDR_GEN_LSB +: crl_pkg::SEGADDR_GEN_W]),
      .offset(ck_addr[crl_pkg::SEGADDR_OFFSET_LSB +: crl_pkg::SEGADDR_OFFSET_W]), .len(ck_len),
      .need_right(ck_need), .channel(ck_ch), .peer(4'd0), .is_remote(1'b0),
      .ok(ck_ok), .status(ck_status), .addr(ck_out)
  );
  always_ff @(posedge clk) begin
    ck_abs_q  <= ck_abs;
    ck_wrap_q <= ck_wrap;
    ck_raw_q  <= ck_addr;
  end
  assign chk_ok     = ck_abs_q ? !ck_wrap_q : ck_ok;
  assign chk_status = ck_abs_q ? (ck_wrap_q ? 8'(crl_pkg::ST_ADDR_WRAP) : 8'(crl_pkg::ST_OK)) : ck_status;
  assign chk_addr   = ck_abs_q ? ck_raw_q : ck_out;

  // ---------------------------------------------------------------- T3: read request, next chunk
  logic           t3_up, t3_src_ok, t3_rd;
  logic [RBW-1:0] t3_rbeats;
  logic [OFF_W-1:0] t3_soff;
  logic [MBW:0]   t3_nn, t3_most;
  logic [MBW-1:0] t3_spos, t3_dpos;
  logic           t3_edge;
  logic [MBW:0]   t3_end;

  assign t3_soff   = t3_vs_q[OFF_W-1:0];
  assign t3_end    = (MBW + 1)'(t3_soff) + t3_n_q + (MBW + 1)'(B - 1);
  assign t3_rbeats = RBW'(t3_end >> OFF_W);
  assign t3_up     = up_c[t3_ch_q];
  assign t3_src_ok = t3_fill_q || chk_ok;
  assign t3_rd     = t3_derr_q == crl_pkg::ST_OK && !t3_nodata_q && !t3_fill_q && chk_ok
                     && (!t3_remote_q || t3_up);
  assign ar_push   = t3_v_q && t3_rd;
  assign ar_addr   = chk_addr;
  assign ar_len    = 8'(t3_rbeats) - 8'd1;
  assign ar_user   = t3_cfg_q[CFG_W-1 -: FUNC_W];
  assign ar_ch     = t3_ch_q;
  assign ar_bytes  = t3_n_q;

  // Only the last MAX_BURST_BYTES of a page (or of a frame) limit the destination: one maximum serves both edges.
  assign t3_spos = t3_fill_q ? t3_nvs_q : t3_nsrc_q[MBW-1:0];
  assign t3_edge = t3_remote_q ? 32'(t3_npos_q >> MBW) == LINK_MTU / MAX_BURST_BYTES - 1
                               : 32'(t3_ndst_q[11:0] >> MBW) == 4096 / MAX_BURST_BYTES - 1;
  assign t3_dpos = !t3_edge ? '0 : t3_remote_q ? t3_npos_q[MBW-1:0] : t3_ndst_q[MBW-1:0];
  assign t3_most = (MBW + 1)'(MAX_BURST_BYTES) - {1'b0, t3_spos > t3_dpos ? t3_spos : t3_dpos};
  assign t3_nn   = t3_nrem_q < 32'(t3_most) ? t3_nrem_q[MBW:0] : t3_most;

  // ---------------------------------------------------------------- T4
  logic [63:0]    t4_dst_q, t4_nsrc_q, t4_ndst_q, t4_sabs_q, t4_pat_q;
  logic [31:0]    t4_rem_q, t4_nrem_q, t4_total_q, t4_seq_q;
  logic [15:0]    t4_tag_q;
  logic [MBW-1:0] t4_vs_q, t4_nvs_q;
  logic [MTW-1:0] t4_pos_q, t4_npos_q;
  logic [MBW:0]   t4_n_q, t4_nn_q;
  logic [RBW-1:0] t4_rbeats_q;
  logic [7:0]     t4_st_q;
  logic [CFG_W-1:0] t4_cfg_q;
  logic           t4_new_q, t4_term_q, t4_last_q, t4_fend_q, t4_fstart_q, t4_remote_q, t4_notify_q, t4_fill_q, t4_rd_q, t4_nodata_q;
  logic           t4_nlast, t4_nfend;
  logic [7:0]     t4_st;
  logic [63:0]    t4_dist;

  always_ff @(posedge clk) begin
    t4_dst_q    <= t3_dst_q;
    t4_pat_q    <= t3_src_q;
    t4_nsrc_q   <= t3_nsrc_q;
    t4_ndst_q   <= t3_ndst_q;
    t4_sabs_q   <= chk_addr;
    t4_rem_q    <= t3_rem_q;
    t4_nrem_q   <= t3_nrem_q;
    t4_total_q  <= t3_total_q;
    t4_seq_q    <= t3_seq_q;
    t4_tag_q    <= t3_tag_q;
    t4_vs_q     <= t3_vs_q;
    t4_nvs_q    <= t3_nvs_q;
    t4_pos_q    <= t3_pos_q;
    t4_npos_q   <= t3_npos_q;
    t4_n_q      <= t3_n_q;
    t4_nn_q     <= t3_nn;
    t4_rbeats_q <= t3_rbeats;
    t4_ch_q     <= t3_ch_q;
    t4_cfg_q    <= t3_cfg_q;
    t4_new_q    <= t3_new_q;
    t4_term_q   <= t3_term_q;
    t4_last_q   <= t3_last_q;
    t4_fend_q   <= t3_fend_q;
    t4_fstart_q <= t3_fstart_q;
    t4_remote_q <= t3_remote_q;
    t4_notify_q <= t3_notify_q;
    t4_fill_q   <= t3_fill_q;
    t4_rd_q     <= t3_rd;
    t4_nodata_q <= t3_nodata_q;
    // Faults of the descriptor, then of the source, then the peer's absence.
    if (t3_derr_q != crl_pkg::ST_OK) t4_st_q <= t3_derr_q;
    else if (!t3_nodata_q && !t3_src_ok) t4_st_q <= t3_new_q ? chk_status : 8'(crl_pkg::ST_KEY_REVOKED);
    else if (!t3_nodata_q && t3_remote_q && !t3_up) t4_st_q <= crl_pkg::ST_PEER_DOWN;
    else t4_st_q <= crl_pkg::ST_OK;
  end

  assign t4_nlast = t4_nrem_q == 32'(t4_nn_q);
  assign t4_nfend = t4_nlast || 32'(t4_npos_q) + 32'(t4_nn_q) == LINK_MTU;
  assign ctx_we   = t4_v_q && !t4_last_q;
  assign ctx_wr   = {t4_fill_q, t4_remote_q, t4_notify_q, t4_npos_q, t4_nvs_q, t4_seq_q, t4_tag_q, t4_total_q,
                     t4_nrem_q, t4_ndst_q, t4_nsrc_q};
  crl_ram_lut #(.W(CIW), .DEPTH(CHANNELS)) u_cinfo (
      .clk, .we(ctx_we), .waddr(t4_ch_q),
      .wdata({t4_remote_q, t4_npos_q == '0, t4_nfend, t4_nlast, t4_nn_q}),
      .raddr(t1_ch_q), .rdata(cinfo)
  );
  always_comb begin
    t4_st = t4_st_q;
    // What was granted when the operation began and is no more has been revoked.
    if (t4_st_q == crl_pkg::ST_OK && !t4_nodata_q && !t4_remote_q && !chk_ok)
      t4_st = t4_new_q ? chk_status : 8'(crl_pkg::ST_KEY_REVOKED);
  end
  assign t4_dist = chk_addr - t4_sabs_q;

  // ---------------------------------------------------------------- T5
  logic [63:0]    t5_x_q, t5_y_q, t5_dist_q;
  logic [31:0]    t5_rem_q, t5_seq_q;
  logic [15:0]    t5_tag_q;
  logic [OFF_W-1:0] t5_soff_q, t5_doff_q;
  logic [MBW:0]   t5_n_q;
  logic [MTW:0]   t5_flen_q;
  logic [RBW-1:0] t5_rbeats_q;
  logic [7:0]     t5_st_q, t5_st;
  logic [CW-1:0]  t5_ch_q;
  logic [CFG_W-1:0] t5_cfg_q;
  logic           t5_new_q, t5_term_q, t5_last_q, t5_fend_q, t5_fstart_q, t5_remote_q, t5_notify_q, t5_fill_q, t5_rd_q, t5_nodata_q;
  logic           t5_first_frame_q, t5_send, t5_cancel_now, t5_overlap, t5_bad, t5_up, t5_cancel, t5_token, t5_end;
  logic [32:0]    t5_sum;

  always_ff @(posedge clk) begin
    t5_ch_q     <= t4_ch_q;
    t5_cfg_q    <= t4_cfg_q;
    t5_new_q    <= t4_new_q;
    t5_term_q   <= t4_term_q;
    t5_last_q   <= t4_last_q;
    t5_fend_q   <= t4_fend_q;
    t5_fstart_q <= t4_fstart_q;
    t5_remote_q <= t4_remote_q;
    t5_notify_q <= t4_notify_q;
    t5_fill_q   <= t4_fill_q;
    t5_rd_q     <= t4_rd_q;
    t5_nodata_q <= t4_nodata_q;
    t5_st_q     <= t4_st;
    t5_n_q      <= t4_n_q;
    t5_rbeats_q <= t4_rbeats_q;
    t5_tag_q    <= t4_tag_q;
    t5_seq_q    <= t4_seq_q;
    t5_rem_q    <= t4_rem_q;
    t5_dist_q   <= t4_dist;
    t5_soff_q   <= t4_vs_q[OFF_W-1:0];
    t5_doff_q   <= t4_remote_q ? t4_pos_q[OFF_W-1:0] : chk_addr[OFF_W-1:0];
    t5_flen_q   <= {1'b0, t4_pos_q} + (MTW + 1)'(t4_n_q);
    t5_x_q      <= t4_remote_q ? t4_dst_q : chk_addr;
    // FILL: pattern. Remote: total length and offset of this frame.
    t5_y_q      <= t4_fill_q ? t4_pat_q : {t4_total_q, t4_total_q - t4_rem_q - 32'(t4_pos_q)};
    t5_first_frame_q <= t4_total_q - t4_rem_q == 32'(t4_pos_q);
  end

  // Distance d = dst - src modulo 2^64: they overlap when d < length or 2^64 - d < length.
  assign t5_sum     = {1'b0, t5_dist_q[31:0]} + {1'b0, t5_rem_q};
  assign t5_overlap = t5_new_q && t5_rd_q && !t5_remote_q
                      && ((t5_dist_q[63:32] == 32'd0 && t5_dist_q[31:0] < t5_rem_q)
                          || (&t5_dist_q[63:32] && t5_sum[32] && t5_sum[31:0] != 32'd0));
  assign t5_st      = t5_st_q == crl_pkg::ST_OK && t5_overlap ? 8'(crl_pkg::ST_OVERLAP) : t5_st_q;
  assign t5_bad     = t5_st != crl_pkg::ST_OK;
  assign t5_up      = up_c[t5_ch_q];
  // A remote operation of which something was sent is ended at the peer; one that never began, here.
  assign t5_cancel  = t5_bad && t5_remote_q && !t5_new_q && (t5_up || !t5_fstart_q);
  assign t5_token   = (t5_bad || t5_nodata_q) && !t5_cancel;
  assign t5_end     = t5_bad && !t5_last_q;    // more chunks were expected: the context goes

  always_comb begin
    tx_take = '0;
    if (t5_v_q && t5_remote_q && t5_send && (t5_fstart_q || t5_term_q))
      for (int p = 0; p < PEERS; p++) if (t5_cfg_q[3:2] == 2'(p)) tx_take[p] = 1'b1;
  end
  assign tx_take_ch = 8'(t5_ch_q);
  // A remote operation has no overlap, so this needs less than t5_token.
  assign t5_send    = t5_cancel_now || (t5_st_q == crl_pkg::ST_OK && !t5_nodata_q);
  assign t5_cancel_now = t5_st_q != crl_pkg::ST_OK && !t5_new_q && (t5_up || !t5_fstart_q);

  // ---------------------------------------------------------------- T6: chunk record
  logic [2:0] t5_kind;
  logic       t5_cont;
  // The carry holds the lanes below the destination offset, but for the first bytes of an operation or frame.
  assign t5_cont = t5_doff_q != '0 && !(t5_remote_q ? t5_fstart_q : t5_new_q);
  always_comb begin
    t5_kind = 3'd1;                            // local
    if (t5_fill_q) t5_kind = 3'd2;
    if (t5_remote_q) t5_kind = 3'd3;
    if (t5_cancel) t5_kind = 3'd4;
    if (t5_token) t5_kind = 3'd0;
  end
  always_ff @(posedge clk) begin
    chunk <= {t5_kind, t5_ch_q, t5_tag_q,
              t5_new_q, t5_last_q || t5_bad, t5_bad || (t5_remote_q ? t5_fend_q : t5_last_q), t5_cont, t5_rd_q, t5_first_frame_q, t5_notify_q, 1'b0,
              t5_soff_q, t5_doff_q, t5_n_q, t5_rbeats_q, t5_st, t5_flen_q,
              t5_cfg_q[3:2], t5_cfg_q[11:4], t5_cfg_q[CFG_W-1 -: FUNC_W], t5_seq_q, t5_x_q, t5_y_q};
  end
  assign chunk_push = t6_v_q;
  assign pop_idle   = !t1_v_q;
  always_comb begin
    young = '0;
    if (t1_v_q) young[t1_ch_q] = 1'b1;
    if (t2_v_q) young[t2_ch_q] = 1'b1;
    if (t3_v_q) young[t3_ch_q] = 1'b1;
  end

  // ---------------------------------------------------------------- control registers
  assign ip = ip_q;
  always_ff @(posedge clk) begin
    if (rst) begin
      t1_v_q       <= 1'b0;
      t2_v_q       <= 1'b0;
      t3_v_q       <= 1'b0;
      t4_v_q       <= 1'b0;
      t5_v_q       <= 1'b0;
      t6_v_q       <= 1'b0;
      ip_q         <= '0;
      busy_q       <= '0;
      failed_q     <= '0;
      elig_q       <= '0;
      wait_fence_q <= '0;
      remote_q     <= '0;
      stick_q      <= 1'b0;
      stick_rdy_q  <= 1'b0;
      rs_q         <= '0;
      bind_q       <= '0;
      peer_q       <= '0;
      seq_init_q   <= '0;
    end else begin
      t1_v_q <= t0_go;
      t2_v_q <= t1_go && !t1_silent;
      t3_v_q <= t2_v_q;
      t4_v_q <= t3_v_q;
      t5_v_q <= t4_v_q;
      t6_v_q <= t5_v_q;
      elig_q <= elig_d;

      wait_fence_q <= wait_fence_q & ~op_empty;
      if (t1_v_q && !(t1_new && t1_empty_q)) remote_q[t1_ch_q] <= t1_remote;
      if (t1_v_q && t1_k_fence) wait_fence_q[t1_ch_q] <= 1'b1;

      if (fail_valid && ip_q[fail_ch] && ip_op == fail_op) failed_q[fail_ch] <= 1'b1;
      if (t1_go) begin
        ip_q[t1_ch_q]        <= !t1_last;
        busy_q[t1_ch_q]      <= !t1_last;
        if (t1_last || t1_new) failed_q[t1_ch_q] <= 1'b0;
        stick_q     <= t1_remote && !t1_fend && (t1_stick_q || up_c[t1_ch_q]);
        stick_rdy_q <= 1'b0;
        stick_ch_q  <= t1_ch_q;
      end
      rs_q <= {rs_q[3:0], t1_go && t1_remote && !t1_silent && (t1_fstart || t1_term)};
      if (t5_v_q && !t5_last_q) begin
        busy_q[t5_ch_q] <= 1'b0;
        if (stick_q && stick_ch_q == t5_ch_q) stick_rdy_q <= 1'b1;
      end
      if (t5_v_q && t5_end) begin
        ip_q[t5_ch_q]     <= 1'b0;
        failed_q[t5_ch_q] <= 1'b0;
        if (stick_ch_q == t5_ch_q) begin
          stick_q     <= 1'b0;
          stick_rdy_q <= 1'b0;
        end
      end
      if (cc_we) begin
        bind_q[cc_ch]       <= cc_bind;
        peer_q[2*cc_ch +: 2] <= cc_peer;
      end
      if (alloc_valid && t2_remote_q) seq_init_q[t2_ch_q] <= 1'b1;
    end
    t1_ch_q    <= pk_ch;
    t1_ip_q    <= ip_q[pk_ch];
    t1_empty_q <= pk_empty;
    t1_stick_q <= stick_q;
  end

  // ---------------------------------------------------------------- stall causes, for the counters
  always_comb begin
    for (int c = 0; c < CHANNELS; c++) begin
      stall[5*c + 0] = !ip_q[c] && !st_empty[c] && run[c] && !cq_ok[c];
      stall[5*c + 1] = !link_ok[c] && (ip_q[c] || !st_empty[c]);
      stall[5*c + 2] = 1'b0;
      stall[5*c + 3] = 1'b0;
      stall[5*c + 4] = elig_q[c] && !(rd_room && chunk_room);
    end
  end

  logic unused;
  assign unused = &{1'b0, t4_vs_q, t5_cfg_q[1:0]};

endmodule

`default_nettype wire
