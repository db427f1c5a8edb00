// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_issue: from the picked channel to a checked chunk: read request and chunk record.
//
// How, one step a cycle, a pick at most every second cycle:
//   T0 crl_dma_turn: the scheduler's pick, or the chunk that continues a frame; pool and context RAMs are addressed
//   T1 crl_dma_decide: first-chunk or context info decides: kill (a condition no longer holds), pop, charge; segment of the source
//   T2 crl_dma_begin: allocate the operation; crl_dma_check: source; segment of the destination; crl_dma_context: step
//   T3 source checked: read request; destination to the checker; size of the next chunk
//   T4 destination checked; crl_dma_context: written back; distance of source and destination
//   T5 crl_dma_verdict: final status; reservation of a frame; the channel may be picked again
//   T6 crl_dma_record: chunk record pushed
// The first chunk of an operation comes from the pool, later ones from the context RAM (one entry a channel).
// A killed pick costs two cycles and changes nothing but the wait flags.
// Latency: pick to read request registered 3 cycles. Same channel again: 2 cycles after the last chunk of an
//   operation, 7 cycles otherwise (a chunk of MAX_BURST_BYTES takes 8 beats or more).
// Errors: every refusal becomes a token chunk that carries the status, in order; no byte is written.
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
    parameter bit READ_EN  = 1,
    parameter bit ATOMIC_EN = 1,
    parameter bit SEND_EN  = 1,
    parameter bit MIRROR_EN = READ_EN,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int OW      = $clog2(OPS),
    localparam int SW      = $clog2(SEGMENTS),
    localparam int MBW     = $clog2(MAX_BURST_BYTES),
    localparam int MTW     = $clog2(LINK_MTU),
    localparam int B       = DATA_W / 8,
    localparam int OFF_W   = $clog2(B),
    localparam int RBW     = MBW - OFF_W + 1,        // read beats of a chunk
    localparam int INFO_W  = MBW + 9,
    localparam int EW      = 124,
    // chunk record
    localparam int CHUNK_W = (SEND_EN ? 34 : 0) + 3 + CW + 16 + 8 + 2 * OFF_W + (MBW + 1) + RBW + 8 + (MTW + 1) + 2 + 8 + FUNC_W + 16 + 128
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
    output logic      [CHANNELS-1:0]   sending,     // a remote operation has chunks to come that the link would take
    output logic                       pop_idle,    // no pop in this cycle, nor one taken back
    output logic      [5*CHANNELS-1:0] stall,       // per channel: {memory, -, -, link, completion ring}

    // Staged descriptors (crl_dma_fetch)
    input  wire logic [CHANNELS-1:0]   st_empty,
    input  wire logic                  st_enq_valid,
    input  wire logic [CW-1:0]         st_enq_ch,
    input  wire logic                  pk_empty,    // of pick_ch; in the next cycle, what of it is first in line
    input  wire logic [191:0]          pool_data,
    input  wire logic [INFO_W-1:0]     pool_info,
    input  wire logic [SW-1:0]         pool_seg,    // segment of its source
    input  wire logic [127:0]          pool_oper,   // {second slot's operand, operand}
    input  wire logic                  pool_two,    // it has a second slot
    input  wire logic                  pool_half,   // which has not come
    input  wire logic [CHANNELS-1:0]   half,        // what was staged last waits for its second slot
    output logic                       pop_valid,
    output logic      [CW-1:0]         pop_ch,
    output logic                       pop_undo,    // the pop of the last cycle was not meant
    input  wire logic                  ctl_pop,     // event: the channel control drops a descriptor

    // Scheduler
    output logic      [CHANNELS-1:0]   elig,
    output logic                       pick_ready,
    input  wire logic                  pick_valid,
    input  wire logic [CW-1:0]         pick_ch,
    output logic                       charge_valid,
    output logic      [CW-1:0]         charge_ch,
    output logic      [11:0]           charge_bytes,
    output logic                       charge_none,  // late: the pick came to nothing

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
    output logic                       alloc_read,
    output logic                       alloc_two,   // its descriptor has two slots
    output logic                       alloc_atomic,
    output logic                       alloc_swap,
    output logic                       alloc_mirror,
    output logic      [127:0]          alloc_oper,
    output logic      [1:0]            alloc_peer,
    output logic      [31:0]           alloc_bytes,

    // Segment table, shared with the channel control while it is not used here
    input  wire logic                  seg_stop,     // no picks: an entry is to be written
    output logic                       seg_re,
    output logic      [SW-1:0]         seg_idx,
    input  wire logic [EW-1:0]         seg_entry,    // one cycle later
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
    input  wire logic [CHANNELS-1:0]       give_up,     // what has not begun waits no longer for a link that is down
    input  wire logic [PEERS*CHANNELS-1:0] tx_ok,
    input  wire logic [PEERS-1:0]          rd_ok,
    input  wire logic [PEERS-1:0]          hold_ok,     // a place in the hold FIFO of MIRROR
    output logic      [PEERS-1:0]          tx_take,  // event
    output logic                           tx_take_rd,
    output logic                           tx_take_hold,
    output logic      [7:0]                tx_take_ch,

    // An own READ begins, to the targets
    output logic                       rop_valid,    // event
    output logic      [1:0]            rop_peer,
    output logic      [15:0]           rop_tag,
    output logic      [CW-1:0]         rop_ch,
    output logic      [FUNC_W-1:0]     rop_func,
    output logic                       rop_abs,
    output logic      [63:0]           rop_dst,
    output logic      [31:0]           rop_total,
    output logic                       rop_atomic,
    output logic                       rop_mirror,   // its bytes come from the hold FIFO

    // Messages (crl_dma_hold)
    input  wire logic [CHANNELS-1:0]   held,
    input  wire logic [CHANNELS-1:0]   waiting,
    input  wire logic [CHANNELS-1:0]   due,
    input  wire logic [CHANNELS-1:0]   permitted,
    input  wire logic [CHANNELS-1:0]   gone,
    output logic                       hold_set,     // event: the channel waits for an answer
    output logic                       hold_first,   // to the first attempt
    output logic      [CW-1:0]         hold_ch,
    output logic      [15:0]           hold_tag,
    output logic      [1:0]            hold_peer,
    output logic                       t1_valid,     // a pick is decided about
    output logic      [CW-1:0]         t1_ch,
    output logic                       t1_over,      // event: nothing of its operation is left behind
    output logic                       hold_drop,    // event: nor of hold_ch

    // Resources, all with room for what is in T1 to T6
    input  wire logic                  rd_room,
    input  wire logic                  chunk_room,
    input  wire logic                  fail_valid,   // event: a chunk of this operation could not be read
    input  wire logic [CW-1:0]         fail_ch,
    input  wire logic [15:0]           fail_op,      // its tag

    output logic                       ar_push,      // event: data read burst
    output logic      [63:0]           ar_addr,
    output logic      [7:0]            ar_len,
    output logic      [FUNC_W-1:0]     ar_user,
    output logic      [CW-1:0]         ar_ch,
    output logic      [MBW:0]          ar_bytes,
    output logic                       chunk_push,   // event
    output logic      [CHUNK_W-1:0]    chunk
);

  localparam int CINFO_W = MBW + 7;
  localparam bit ASK_EN  = READ_EN || ATOMIC_EN;      // a chunk may be remote and fill: it asks for data

  // What moves through the pipeline is indexed by its stage: v_q[3] tells that there is a chunk in T3.
  logic [6:2]             v_q;
  logic [4:2]             up_q;
  logic [5:2]             remote_q, first_q, term_q, last_q, ends_q, fend_q, fstart_q, nodata_q, again_q, holds_q;
  logic                   back_q, t3_none_q, t3_empty_q;
  logic [4:2]             permitted_q;
  logic [5:3]             msg_q;
  logic [5:3][32:0]       imm_q;         // {SEND, immediate}
  logic [3:2]             abs_q;
  logic [5:2][CW-1:0]     ch_q;
  logic [5:2][FUNC_W-1:0] func_q;
  logic [5:2][7:0]        peer_ch_q;
  logic [5:2][1:0]        peer_q;
  logic [5:3]             fill_q, notify_q;
  logic [5:3][15:0]       seq_q;
  logic [5:3][15:0]       tag_q;
  logic [4:3][31:0]       total_q, rem_q;
  logic [4:3][63:0]       src_q, dst_q;
  logic [4:3][MTW-1:0]    pos_q;

  // ---------------------------------------------------------------- T0, T1: pick, decide
  logic [CHANNELS-1:0] up, credit, rd_slot, place, busy, failed, ending, lost;
  logic                room, reserving, fail_now, pk_en;
  logic [CW-1:0]       pk_ch;
  logic                ctl_pop_q, t1_none_there, t1_half;
  logic                t1_v, t1_ip, t1_empty, t1_stick, t1_go, t1_kill, t1_none, t1_seen, t1_fenced, t1_parked, t1_silent, t1_reserve;
  logic                t1_ends, t1_holds, t1_back;
  logic                t1_first, t1_term, t1_last, t1_fend, t1_fstart, t1_remote, t1_read, t1_mirror, t1_nodata, t1_abs;
  logic [MBW:0]        t1_n, t1_bytes;
  logic [CINFO_W-1:0]  t1_cinfo;
  logic [FUNC_W-1:0]   t1_func;
  logic [7:0]          t1_peer_ch;
  logic [1:0]          t1_peer;
  logic                t5_fault, t6_overlap;

  assign room   = rd_room && chunk_room;
  assign ending = ch_abort | failed;

  crl_dma_elig #(.CHANNELS(CHANNELS), .PEERS(PEERS)) u_elig (
      .clk, .rst, .cc_we, .cc_ch, .cc_bind, .cc_peer, .peer_up, .tx_ok, .rd_ok, .hold_ok, .give_up, .reserving, .up, .credit,
      .rd_slot, .place, .t1_read, .t1_mirror,
      .run, .hold, .ending, .ip, .busy, .held, .waiting, .due, .gone, .st_empty, .st_enq_valid, .st_enq_ch, .cq_ok, .op_empty, .alloc_ready, .room,
      .t1_valid(t1_v), .t1_ch, .t1_more(t1_kill || !t1_last), .t1_seen, .t1_remote, .t1_fenced, .t1_half, .t1_parked, .half, .lost, .sending, .elig, .stall
  );
  crl_dma_turn #(.CHANNELS(CHANNELS)) u_turn (
      .clk, .rst, .room(room && !ctl_seg_req && !seg_stop && !halt), .pick_ready, .pick_valid, .pick_ch, .pk_en, .pk_ch, .pk_empty,
      .t1_valid(t1_v), .t1_ch, .t1_ip, .t1_empty, .t1_stick, .t1_go, .t1_first, .t1_last,
      .t1_more(t1_remote && !t1_fend && (t1_stick || up[t1_ch])), .t1_reserve,
      .t5_valid(v_q[5]), .t5_ch(ch_q[5]), .t5_last(last_q[5]), .t5_fault, .t6_overlap, .fail_valid, .fail_ch, .fail_now,
      .ip, .busy, .failed, .reserving
  );
  crl_ram_lut #(.W(FUNC_W + 11), .DEPTH(CHANNELS)) u_cfg (
      .clk, .we(cc_we), .waddr(cc_ch), .wdata({cc_func, cc_peer_ch, cc_peer, cc_abs}),
      .raddr(t1_ch), .rdata({t1_func, t1_peer_ch, t1_peer, t1_abs})
  );
  crl_dma_decide #(.MAX_BURST_BYTES(MAX_BURST_BYTES), .MIRROR_EN(MIRROR_EN)) u_decide (
      .under_way(t1_ip), .no_desc(t1_none_there), .half(t1_half), .in_frame(t1_stick), .cinfo(t1_cinfo), .dinfo(pool_info),
      .run(run[t1_ch]), .cq_ok(cq_ok[t1_ch]), .op_empty(op_empty[t1_ch]), .ending(ending[t1_ch]), .lost(lost[t1_ch]),
      .up(up[t1_ch]), .give_up(give_up[t1_ch]), .credit(credit[t1_ch]), .rd_slot(rd_slot[t1_ch]), .place(place[t1_ch]), .reserving, .alloc_ready,
      .again(waiting[t1_ch]), .permitted(permitted[t1_ch]), .gone(gone[t1_ch]), .kill(t1_kill), .fenced(t1_fenced), .parked(t1_parked), .seen(t1_seen),
      .none(t1_none), .silent(t1_silent), .reserve(t1_reserve), .first(t1_first), .term(t1_term), .last(t1_last), .ends(t1_ends), .holds(t1_holds), .back(t1_back), .fend(t1_fend),
      .fstart(t1_fstart), .remote(t1_remote), .read(t1_read), .mirror(t1_mirror), .nodata(t1_nodata), .bytes(t1_bytes), .n(t1_n)
  );
  assign t1_none_there = t1_empty || ctl_pop_q;
  assign t1_half       = ATOMIC_EN && pool_half && !t1_ip && !t1_none_there;
  assign t1_go        = t1_v && !t1_kill;
  // Whether the pick is killed comes too late for the list: the descriptor is taken out, and put back in the next cycle.
  assign pop_valid    = t1_v && !t1_ip && !t1_none_there;
  assign pop_ch       = t1_ch;
  assign pop_idle     = !t1_v && !pop_undo;
  assign charge_valid = t1_v;
  assign charge_ch    = t1_ch;
  assign charge_bytes = 12'(t1_bytes);
  assign charge_none  = t1_none;

  // ---------------------------------------------------------------- T2, T3: chunk, operation, addresses
  logic [7:0]       t2_op, t2_flags;
  logic [63:0]      t2_src, t2_dst;
  logic [31:0]      t2_rem, t2_total;
  logic [15:0]      t2_ctx_seq, t2_seq;
  logic [15:0]      t2_ctx_tag, t2_tag;
  logic [MTW-1:0]   t2_pos;
  logic [MBW:0]     t2_n_q, t3_n;
  logic             t2_fill, t2_atomic, t2_two_q, t2_notify, t2_msg, t3_rd;
  logic [127:0]     t2_oper_q;
  logic [5:3]       atomic_q;
  logic [32:0]      t2_imm;
  logic             t2_mirror;
  logic [63:0]      t2_far;
  logic [5:3]       mirror_q;
  logic [4:3][63:0] far_q;       // place of a MIRROR at the peer
  logic [OFF_W-1:0] t3_off;
  logic [SW-1:0]    t1_seg;      // of the operation under way
  logic             ctl_seg_q;   // the entry that is shown is the channel control's
  logic             ctl_seg_next;
  logic [RBW-1:0]   t3_beats;

  crl_dma_context #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU),
                    .SEGMENTS(SEGMENTS), .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN)) u_context (
      .clk, .pk_ch, .t1_ch, .t1_info(t1_cinfo), .t1_seg, .t1_first, .t1_desc(pool_data), .t1_oper(pool_oper[63:0]), .t2_mirror, .t2_far,
      .t2_msg, .t2_imm, .t2_back(back_q),
      .t2_op, .t2_fill, .t2_atomic, .t2_src, .t2_dst, .t2_rem, .t2_pos, .t2_total, .t2_notify, .t2_tag(t2_ctx_tag), .t2_seq(t2_ctx_seq),
      .t2_flags, .t2_dtag(alloc_tag), .t2_remote(remote_q[2]), .t2_n(t2_n_q), .t3_off, .t3_n, .t3_beats,
      .we(v_q[4] && !last_q[4]), .wch(ch_q[4]), .w_remote(remote_q[4]), .w_fill(fill_q[4]), .w_notify(notify_q[4]),
      .w_msg(msg_q[4]), .w_imm(imm_q[4]), .w_mirror(mirror_q[4]), .w_far(far_q[4]), .w_seq(seq_q[4]), .w_tag(tag_q[4]), .w_total(total_q[4])
  );
  crl_dma_begin #(.CHANNELS(CHANNELS), .OPS(OPS)) u_begin (
      .clk, .rst, .valid(v_q[2]), .first(first_q[2]), .again(again_q[2] && !term_q[2]), .remote(remote_q[2]), .ch(ch_q[2]), .ctx_tag(t2_ctx_tag),
      .ctx_seq(t2_ctx_seq), .alloc_gen, .alloc_idx, .alloc_valid, .tag(t2_tag), .seq(t2_seq), .fail_ch, .fail_op, .fail_now
  );
  assign alloc_ch     = ch_q[2];
  assign alloc_irq    = t2_flags[crl_pkg::DESC_FLAG_IRQ];
  assign alloc_nocpl  = t2_flags[crl_pkg::DESC_FLAG_NO_CPL];
  assign alloc_remote = remote_q[2];
  assign alloc_read   = remote_q[2] && ((ASK_EN && t2_fill) || t2_mirror);   // bytes of it may be under way to the memory
  assign alloc_mirror = t2_mirror;
  assign alloc_two    = ATOMIC_EN && t2_two_q;
  assign alloc_atomic = t2_atomic;
  assign alloc_swap   = t2_op == crl_pkg::OP_CMP_SWAP;
  assign alloc_oper   = t2_oper_q;
  assign alloc_peer   = peer_q[2];
  assign alloc_bytes  = t2_op == crl_pkg::OP_NOP ? 32'd0 : t2_rem;

  // An entry is looked up a cycle before the address is checked: for the source in T1, for the destination in T2.
  assign seg_re      = t1_v || v_q[2];
  assign ctl_seg_gnt = ctl_seg_req && ctl_seg_q && !t1_v && v_q[3:2] == 2'b00;
  always_comb begin
    seg_idx = ctl_seg_addr[crl_pkg::SEGADDR_INDEX_LSB +: SW];
    if (t1_v) seg_idx = t1_ip ? t1_seg : pool_seg;
    else if (v_q[2]) seg_idx = t2_dst[crl_pkg::SEGADDR_INDEX_LSB +: SW];
  end
  assign ctl_seg_next = ctl_seg_req && !ctl_seg_gnt && !seg_re && !seg_stop;
  always_ff @(posedge clk) ctl_seg_q <= ctl_seg_next;
  crl_dma_check #(.CHANNELS(CHANNELS), .SEGMENTS(SEGMENTS)) u_check (
      .clk, .src_valid(v_q[2]), .src_addr(t2_src), .src_len(t2_rem), .src_ch(ch_q[2]), .src_abs(abs_q[2]),
      .dst_valid(v_q[3]), .dst_addr(dst_q[3]), .dst_len(rem_q[3]), .dst_ch(ch_q[3]), .dst_abs(abs_q[3]),
      .ctl_next(ctl_seg_next), .ctl_addr(ctl_seg_addr), .ctl_len(ctl_seg_len), .ctl_ch(ctl_seg_ch), .ctl_abs(ctl_seg_abs),
      .seg_entry, .ok(chk_ok), .status(chk_status), .addr(chk_addr)
  );
  assign ar_push  = v_q[3] && t3_rd;
  assign ar_addr  = chk_addr;
  assign ar_len   = 8'(t3_beats) - 8'd1;
  assign ar_user  = func_q[3];
  assign ar_ch    = ch_q[3];
  assign ar_bytes = t3_n;

  always_ff @(posedge clk) begin
    t5_up <= up[ch_q[4]] && up_q[4];   // a link that falls now takes what is sent, and drops it
    // What was dropped in T0 may have been what was picked, and the last of its channel.
    ctl_pop_q <= !rst && ctl_pop;
    if (rst) pop_undo <= 1'b0;
    else pop_undo <= pop_valid && t1_kill;
    if (rst) v_q <= '0;
    else v_q <= {v_q[5] && !t5_lost, v_q[4:2], t1_go && !t1_silent};
    ch_q      <= {ch_q[4:2], t1_ch};
    func_q    <= {func_q[4:2], t1_func};
    peer_ch_q <= {peer_ch_q[4:2], t1_peer_ch};
    peer_q    <= {peer_q[4:2], t1_peer};
    abs_q     <= {abs_q[2], t1_abs};
    up_q      <= {up_q[3:2], up[t1_ch]};
    remote_q  <= {remote_q[4:2], t1_remote};
    first_q   <= {first_q[4:2], t1_first};
    term_q    <= {term_q[4:2], t1_term};
    last_q    <= {last_q[4:2], t1_last};
    ends_q    <= {ends_q[4:2], t1_ends};
    again_q   <= {again_q[4:2], SEND_EN && t1_ip && waiting[t1_ch]};
    holds_q   <= {holds_q[4:2], SEND_EN && t1_holds};
    permitted_q <= {permitted_q[3:2], SEND_EN && t1_ip && permitted[t1_ch]};
    back_q    <= SEND_EN && t1_back;
    msg_q     <= {msg_q[4:3], t2_msg};
    imm_q     <= {imm_q[4:3], t2_imm};
    mirror_q  <= {mirror_q[4:3], MIRROR_EN && t2_mirror};
    far_q     <= {far_q[3], t2_far};
    t3_none_q  <= t2_n_q == '0;
    t3_empty_q <= SEND_EN && t2_msg && t2_total == '0;
    fend_q    <= {fend_q[4:2], t1_fend};
    fstart_q  <= {fstart_q[4:2], t1_fstart};
    nodata_q  <= {nodata_q[4:2], t1_nodata};
    t2_n_q    <= t1_n;
    fill_q    <= {fill_q[4:3], t2_fill};
    atomic_q  <= {atomic_q[4:3], t2_atomic};
    t2_oper_q <= ATOMIC_EN ? pool_oper : '0;
    t2_two_q  <= pool_two;
    notify_q  <= {notify_q[4:3], t2_notify};
    seq_q     <= {seq_q[4:3], t2_seq};
    tag_q     <= {tag_q[4:3], t2_tag};
    total_q   <= {total_q[3], t2_total};
    rem_q     <= {rem_q[3], v_q[2] ? t2_rem : 32'd0};   // crl_dma_check counts on the 0
    src_q     <= {src_q[3], t2_src};
    dst_q     <= {dst_q[3], v_q[2] ? t2_dst : 64'd0};
    pos_q     <= {pos_q[3], t2_pos};
  end

  // ---------------------------------------------------------------- T2 to T6: status, record
  logic       t3_up, t5_up, t5_rd, t5_lost;
  logic [7:0] t5_st;

  crl_dma_verdict #(.READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN)) u_verdict (
      .clk, .chk_ok, .chk_status, .chk_addr, .t2_first(first_q[2]), .t2_term(term_q[2]), .t2_op, .t2_flags, .t2_rem,
      .t2_two(t2_two_q), .t2_low(t2_src[2:0]),
      .t3_first(first_q[3]), .t3_nodata(nodata_q[3]), .t3_remote(remote_q[3]), .t3_fill(fill_q[3]), .t3_up(t3_up), .t3_none(t3_none_q), .t3_empty(t3_empty_q), .t3_rd,
      .t4_first(first_q[4]), .t4_nodata(nodata_q[4]), .t4_remote(remote_q[4]), .t4_fill(fill_q[4]), .t4_mirror(mirror_q[4]), .t4_rem(rem_q[4]),
      .t5_first(first_q[5]), .t5_remote(remote_q[5]), .t5_rd, .t5_fault, .t5_st, .t6_overlap
  );
  // A link that comes up behind T1 is not up for this pick: neither a credit nor its frame's turn was asked for.
  assign t3_up = up[ch_q[3]] && up_q[3];
  crl_dma_record #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .PEERS(PEERS), .FUNC_W(FUNC_W),
                   .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU), .ASK_EN(ASK_EN), .SEND_EN(SEND_EN)) u_record (
      .clk, .t3_off, .t3_n, .t3_beats, .t4_remote(remote_q[4]), .t4_fill(fill_q[4]), .t4_total(total_q[4]), .t4_src(src_q[4]),
      .t4_dst(mirror_q[4] ? far_q[4] : dst_q[4]), .t4_rem(rem_q[4]), .t4_pos(pos_q[4]), .t4_permitted(permitted_q[4]), .chk_addr,
      .t5_valid(v_q[5]), .t5_ch(ch_q[5]), .t5_func(func_q[5]), .t5_peer_ch(peer_ch_q[5]),
      .t5_peer(peer_q[5]), .t5_remote(remote_q[5]), .t5_first(first_q[5]), .t5_term(term_q[5]), .t5_last(ends_q[5]),
      .t5_again(again_q[5]), .t5_mirror(mirror_q[5]), .t5_msg(msg_q[5]), .t5_imm(imm_q[5]), .t5_fend(fend_q[5]), .t5_fstart(fstart_q[5]), .t5_nodata(nodata_q[5]), .t5_fill(fill_q[5]), .t5_notify(notify_q[5]),
      .t5_seq(seq_q[5]), .t5_tag(tag_q[5]), .t5_up, .t5_rd, .t5_fault, .t5_st, .tx_take, .tx_take_rd, .tx_take_hold, .t6_overlap, .chunk
  );
  // The link has just been lost between two frames: the operation table ends it, as one that may have been executed.
  assign t5_lost    = remote_q[5] && !first_q[5] && !again_q[5] && t5_fault && fstart_q[5] && !t5_up;
  assign tx_take_ch = 8'(ch_q[5]);

  // A READ has passed its checks here: its bytes may come, once it has asked. Those of a MIRROR come from the hold FIFO.
  logic        t4_abs_q, t5_abs_q;
  logic [63:0] t5_dst_q;
  logic [31:0] t5_total_q;
  always_ff @(posedge clk) begin
    t4_abs_q   <= abs_q[3];
    t5_abs_q   <= t4_abs_q;
    t5_dst_q   <= dst_q[4];
    t5_total_q <= total_q[4];
  end
  assign rop_valid = READ_EN && v_q[5] && first_q[5] && remote_q[5] && (fill_q[5] || mirror_q[5]) && !t5_fault;
  assign rop_peer  = peer_q[5];
  assign rop_tag   = tag_q[5];
  assign rop_ch    = ch_q[5];
  assign rop_func  = func_q[5];
  assign rop_abs   = t5_abs_q;
  assign rop_dst   = t5_dst_q;
  assign rop_total = t5_total_q;
  assign rop_atomic = ATOMIC_EN && atomic_q[5];
  assign rop_mirror = mirror_q[5];
  assign hold_set   = SEND_EN && v_q[5] && holds_q[5] && !t5_fault;
  assign hold_first = !again_q[5];
  assign hold_ch    = ch_q[5];
  assign hold_tag   = tag_q[5];
  assign hold_peer  = peer_q[5];
  assign hold_drop  = SEND_EN && v_q[5] && t5_fault && !last_q[5];
  assign t1_valid   = t1_v;
  assign t1_over    = t1_go && t1_last;
  assign chunk_push = v_q[6];
  always_comb begin
    young = '0;
    for (int t = 2; t <= 3; t++) if (v_q[t]) young[ch_q[t]] = 1'b1;
    if (t1_v) young[t1_ch] = 1'b1;
  end

`ifndef SYNTHESIS
  logic picked_q, begun_q, clean_q;   // begun: there was a reset; clean: v_q has been 0 for a cycle

  initial {begun_q, clean_q} = '0;

  always @(posedge clk) begin
    picked_q <= !rst && pk_en;
    if (rst) begun_q <= 1'b1;
    if (begun_q) clean_q <= 1'b1;
    if (!rst && begun_q) assert (charge_valid == picked_q);   // what the scheduler counts on
    // What crl_dma_check counts on.
    if (!rst && clean_q && !v_q[3]) assert (dst_q[3] == '0 && rem_q[3] == '0);
    if (!rst && clean_q && ctl_seg_q) assert (!v_q[2] && !v_q[3]);
  end
`endif

endmodule

`default_nettype wire
