// SPDX-License-Identifier: Apache-2.0
//
// crl_dma: the multi-channel DMA engine: rings to write bursts and frames.
//
// How: see docs/architecture.md section 1; this file only connects. crl_dma_fetch prefetches descriptors, crl_dma_sched picks
//   a channel for each chunk, crl_dma_issue checks and requests, crl_dma_read buffers, crl_dma_move writes or hands frames to
//   the links, crl_dma_cpl keeps the operations and posts completions, crl_dma_ctl owns the channels' lives.
// Latency: doorbell event to data AR handshake 11 cycles + memory latency at 64 bits.
// Throughput: a read beat and a write beat a cycle; an operation every 2 cycles.
`default_nettype none

module crl_dma #(
    parameter int DATA_W   = 64,
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    parameter int SEGMENTS = 32,
    parameter int READS_IN_FLIGHT  = 64,
    parameter int WRITES_IN_FLIGHT = 64,
    parameter int MAX_BURST_BYTES  = 512,
    parameter int PREFETCH = 64,
    parameter int OPS      = 128,
    parameter int LINK_MTU = 1024,
    parameter int FUNC_W   = 8,
    parameter int ID_W     = 4,
    parameter int OP_TIMEOUT_CYCLES = 1048576,
    parameter bit READ_EN  = 1,
    parameter bit ATOMIC_EN = 1,
    parameter bit SEND_EN  = 1,
    parameter bit MIRROR_EN = READ_EN,
    localparam int B       = DATA_W / 8,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int OW      = $clog2(OPS),
    localparam int SW      = $clog2(SEGMENTS),
    localparam int EW      = 124
) (
    input  wire logic                  clk,
    input  wire logic                  rst,

    // crl_regs (docs/architecture.md 5.8)
    input  wire logic                  db_valid,
    input  wire logic [CW-1:0]         db_ch,
    input  wire logic [15:0]           db_val,
    input  wire logic                  cdb_valid,
    input  wire logic [CW-1:0]         cdb_ch,
    input  wire logic [15:0]           cdb_val,
    input  wire logic                  rdb_valid,    // receive ring: db_ch, db_val
    input  wire logic                  cmd_valid,
    input  wire logic [CW-1:0]         cmd_ch,
    input  wire logic [2:0]            cmd,
    output logic      [CW-1:0]         rc_ch,
    output logic      [2:0]            rc_sel,
    input  wire logic [63:0]           rc_data,
    output logic      [CHANNELS-1:0]   ch_locked,
    input  wire logic                  cc_we,
    input  wire logic [CW-1:0]         cc_ch,
    input  wire logic [FUNC_W-1:0]     cc_func,
    input  wire logic [1:0]            cc_class,
    input  wire logic [7:0]            cc_weight,
    input  wire logic                  cc_mgmt,
    input  wire logic [15:0]           cc_rate,
    input  wire logic [15:0]           cc_burst,
    input  wire logic                  cc_abs,
    input  wire logic                  cc_stop,
    input  wire logic                  cc_bind,
    input  wire logic [1:0]            cc_peer,
    input  wire logic [7:0]            cc_peer_ch,
    input  wire logic [3:0]            retry_we,    // event: bytes of CHP.RETRY
    input  wire logic [CW-1:0]         retry_ch,
    input  wire logic [31:0]           retry_data,
    input  wire logic                  seg_we,
    input  wire logic [SW-1:0]         seg_idx,
    input  wire logic [EW-1:0]         seg_entry,
    input  wire logic [CW-1:0]         st_ch,
    output logic      [3:0]            st_state,
    output logic      [7:0]            st_error,
    output logic                       st_busy,
    output logic      [11:0]           st_dr_prod,
    output logic      [11:0]           st_dr_cons,
    output logic      [11:0]           st_cq_prod,
    output logic      [11:0]           st_cq_cons,
    output logic      [11:0]           st_rr_prod,
    output logic      [11:0]           st_rr_cons,
    output logic                       clr_valid,
    output logic      [CW-1:0]         clr_ch,
    output logic                       irq_valid,
    output logic      [CW-1:0]         irq_ch,
    output logic      [CHANNELS-1:0]   err_irq,
    output logic                       ret_valid,
    output logic      [CW-1:0]         ret_ch,
    output logic      [7:0]            ret_status,
    output logic                       rd_cnt_valid,
    output logic      [CW-1:0]         rd_cnt_ch,
    output logic      [11:0]           rd_cnt_bytes,
    output logic                       wr_cnt_valid,
    output logic      [CW-1:0]         wr_cnt_ch,
    output logic      [11:0]           wr_cnt_bytes,
    output logic      [6*CHANNELS-1:0] stall,
    input  wire logic                  fatal,

    // Links (5.5)
    input  wire logic [PEERS-1:0]          peer_up,
    input  wire logic [PEERS*CHANNELS-1:0] tx_ok,
    input  wire logic [PEERS-1:0]          rd_ok,
    input  wire logic [PEERS-1:0]          hold_ok,
    output logic      [PEERS-1:0]          tx_take,
    output logic                           tx_take_rd,
    output logic                           tx_take_hold,
    output logic      [7:0]                tx_take_ch,
    output logic      [PEERS-1:0]          txp_valid,
    input  wire logic [PEERS-1:0]          txp_ready,
    output logic      [DATA_W-1:0]         txp_data,
    output logic                           txp_mirror,
    output logic      [PEERS-1:0]          txf_valid,
    input  wire logic [PEERS-1:0]          txf_ready,
    output logic      [7:0]                txf_type,
    output logic      [7:0]                txf_flags,
    output logic      [7:0]                txf_src_ch,
    output logic      [7:0]                txf_dst_ch,
    output logic      [15:0]               txf_op_seq,
    output logic      [15:0]               txf_tag,
    output logic      [63:0]               txf_segaddr,
    output logic      [31:0]               txf_total,
    output logic      [31:0]               txf_offset,
    output logic      [15:0]               txf_len,
    output logic      [127:0]              txf_arg,
    input  wire logic [PEERS-1:0]          ack_valid,
    output logic      [PEERS-1:0]          ack_ready,
    input  wire logic [PEERS*8-1:0]        ack_ch,
    input  wire logic [PEERS-1:0]          ack_permit,
    input  wire logic [PEERS*16-1:0]       ack_tag,
    input  wire logic [PEERS*8-1:0]        ack_status,
    input  wire logic [PEERS*16-1:0]       ack_status2,

    // Messages of peers, from the targets (crl_recv)
    output logic      [CHANNELS-1:0]   dead,         // open messages are refused
    input  wire logic [PEERS-1:0]      q_valid,
    input  wire logic [PEERS*CW-1:0]   q_ch,
    input  wire logic [PEERS-1:0]      q_send,
    output logic      [PEERS-1:0]      q_done,
    output logic                       q_ok,
    output logic      [63:0]           q_dst,
    output logic      [31:0]           q_len,
    output logic                       q_bad,
    output logic                       q_abs,
    input  wire logic [PEERS-1:0]      sure_valid,
    input  wire logic [PEERS*CW-1:0]   sure_ch,
    input  wire logic [PEERS-1:0]      x_valid,
    output logic      [PEERS-1:0]      x_ready,
    input  wire logic [PEERS-1:0]      x_back,
    input  wire logic [PEERS-1:0]      x_send,
    input  wire logic [PEERS*8-1:0]    x_status,
    input  wire logic [PEERS*CW-1:0]   x_ch,
    input  wire logic [PEERS-1:0]      x_irq,
    input  wire logic [PEERS*32-1:0]   x_bytes,
    input  wire logic [PEERS*32-1:0]   x_imm,

    // Own READs, to the targets (docs/blocks/read.md)
    output logic                       rop_valid,
    output logic      [1:0]            rop_peer,
    output logic      [15:0]           rop_tag,
    output logic      [CW-1:0]         rop_ch,
    output logic      [FUNC_W-1:0]     rop_func,
    output logic                       rop_abs,
    output logic      [63:0]           rop_dst,
    output logic      [31:0]           rop_total,
    output logic                       rop_atomic,
    output logic                       rop_mirror,
    output logic      [PEERS-1:0]      kill_valid,
    output logic      [15:0]           kill_tag,
    output logic      [7:0]            kill_status,

    // MIRROR: the peer refused it (docs/blocks/mirror.md)
    input  wire logic [PEERS-1:0]      mfail_valid,
    output logic      [PEERS-1:0]      mfail_ready,
    input  wire logic [PEERS*CW-1:0]   mfail_ch,
    input  wire logic [PEERS*16-1:0]   mfail_op,

    // Write clients (5.1): 0 data, 1 completions
    output logic      [1:0]            wb_soon,
    output logic      [1:0]            wb_valid,
    input  wire logic [1:0]            wb_ready,
    output logic      [1:0]            wb_first,
    output logic      [1:0]            wb_last,
    output logic      [127:0]          wb_addr,
    output logic      [15:0]           wb_len,
    output logic      [2*FUNC_W-1:0]   wb_user,
    output logic      [2*DATA_W-1:0]   wb_data,
    output logic      [2*B-1:0]        wb_strb,
    input  wire logic [1:0]            wb_b_valid,
    input  wire logic [1:0]            wb_b_resp,

    // Receive entries, read client
    output logic                       re_ar_valid,
    input  wire logic                  re_ar_ready,
    output logic      [63:0]           re_ar_addr,
    output logic      [7:0]            re_ar_len,
    output logic      [FUNC_W-1:0]     re_ar_user,
    input  wire logic                  re_r_valid,
    output logic                       re_pending,

    output logic      [ID_W-1:0]       m_axi_arid,
    output logic      [63:0]           m_axi_araddr,
    output logic      [7:0]            m_axi_arlen,
    output logic      [2:0]            m_axi_arsize,
    output logic      [1:0]            m_axi_arburst,
    output logic      [3:0]            m_axi_arcache,
    output logic      [2:0]            m_axi_arprot,
    output logic      [FUNC_W-1:0]     m_axi_aruser,
    output logic                       m_axi_arvalid,
    input  wire logic                  m_axi_arready,
    input  wire logic [ID_W-1:0]       m_axi_rid,
    input  wire logic [DATA_W-1:0]     m_axi_rdata,
    input  wire logic [1:0]            m_axi_rresp,
    input  wire logic                  m_axi_rlast,
    input  wire logic                  m_axi_rvalid,
    output logic                       m_axi_rready,
    output logic                       rd_pending,
    output logic                       rd_progress,
    input  wire logic                  rev_mark,   // event: tell when all local accesses checked so far are done
    output logic      [1:0]            rev_over    // writes, reads
);

  localparam int PW     = $clog2(PREFETCH);
  localparam int PRW    = PEERS > 1 ? $clog2(PEERS) : 1;
  localparam int OFF_W  = $clog2(B);
  localparam int MBW    = $clog2(MAX_BURST_BYTES);
  localparam int MTW    = $clog2(LINK_MTU);
  localparam int RBW    = MBW - OFF_W + 1;
  localparam int INFO_W = MBW + 9;
  localparam int CHUNK_W = (SEND_EN ? 34 : 0) + 3 + CW + 16 + 8 + 2 * OFF_W + (MBW + 1) + RBW + 8 + (MTW + 1) + 2 + 8 + FUNC_W + 16 + 128;
  // Covers 200 cycles of latency beside the chunks that are being filled and drained.
  localparam int BUF_BEATS = DATA_W <= 128 ? 1024 : 512;
  localparam int CHUNKS    = 2 << $clog2(READS_IN_FLIGHT);

  logic [CHANNELS-1:0] inbound;

  // ---------------------------------------------------------------- control
  logic [CHANNELS-1:0] accept, run, hold, ch_abort, suppress, pend, st_empty, ip, op_empty, cq_ok, young, sending;
  logic [6:0]          n_enabled;
  logic                f_cfg_we, c_cfg_we, r_cfg_we, mark_req, mark_done, reads_over, ctl_pop_valid, pop_idle;
  logic [CW-1:0]       cfg_ch, ctl_pop_ch;
  logic [63:0]         cfg_base;
  logic [3:0]          cfg_log2;
  logic [FUNC_W-1:0]   cfg_func;
  logic                ctl_seg_req, ctl_seg_gnt, ctl_seg_abs, chk_ok;
  logic [63:0]         ctl_seg_addr, chk_addr;
  logic [32:0]         ctl_seg_len;
  logic [CW-1:0]       ctl_seg_ch;
  logic [7:0]          chk_status_unused;
  logic                db_err_valid, cdb_err_valid, ferr_valid, ferr_dec, cq_err_valid;
  logic                rdb_err_valid, rferr_valid, rferr_dec;
  logic [CW-1:0]       db_err_ch, cdb_err_ch, rdb_err_ch, ferr_ch, rferr_ch, cq_err_ch;
  logic [1:0]          cq_err_resp_unused;
  logic [11:0]         ret_cons_unused;
  logic [31:0]         ret_bytes_unused;

  crl_dma_ctl #(.CHANNELS(CHANNELS), .FUNC_W(FUNC_W), .SEND_EN(SEND_EN)) u_ctl (
      .clk, .rst, .cmd_valid, .cmd_ch, .cmd, .cc_we, .cc_ch, .cc_abs, .cc_stop, .cc_func, .rc_ch, .rc_sel, .rc_data,
      .seg_req(ctl_seg_req), .seg_gnt(ctl_seg_gnt), .seg_addr(ctl_seg_addr), .seg_len(ctl_seg_len), .seg_ch(ctl_seg_ch),
      .seg_abs(ctl_seg_abs), .chk_ok, .chk_addr,
      .f_cfg_we, .c_cfg_we, .r_cfg_we, .cfg_ch, .cfg_base, .cfg_log2, .cfg_func, .clr_valid, .clr_ch,
      .accept, .run, .hold, .ch_abort, .suppress, .locked(ch_locked), .n_enabled,
      .pend, .st_empty, .ip, .op_empty, .young, .inbound, .mark_req, .mark_done, .reads_over,
      .pop_valid(ctl_pop_valid), .pop_ch(ctl_pop_ch), .pop_ready(pop_idle),
      .db_err_valid, .db_err_ch, .cdb_err_valid, .cdb_err_ch, .ferr_valid, .ferr_ch, .ferr_dec,
      .rdb_err_valid, .rdb_err_ch, .rferr_valid, .rferr_ch, .rferr_dec,
      .cq_err_valid, .cq_err_ch, .ret_valid, .ret_ch, .ret_status, .fatal, .err_irq,
      .rd_ch(st_ch), .rd_state(st_state), .rd_error(st_error), .rd_busy(st_busy)
  );

  // ---------------------------------------------------------------- descriptors
  logic              f_ar_valid, f_ar_ready, f_r_valid, f_r_ready, f_r_last;
  logic [63:0]       f_ar_addr;
  logic [7:0]        f_ar_len;
  logic [FUNC_W-1:0] f_ar_user;
  logic [PW:0]       f_enough;
  logic              f_plenty;
  logic [DATA_W-1:0] f_r_data;
  logic [1:0]        f_r_resp;
  logic              enq_valid, pk_empty, i_pop_valid, pop_valid, pop_undo;
  logic [CW-1:0]     enq_ch, i_pop_ch, pop_ch;
  logic [191:0]      pool_data;
  logic [INFO_W-1:0] pool_info;
  logic [127:0]      pool_oper;
  logic              pool_two, pool_half;
  logic [CHANNELS-1:0] half;
  logic [SW-1:0]     pool_seg;

  assign pop_valid = i_pop_valid || ctl_pop_valid;
  // Chosen by who may pop in this cycle, which is known early, not by who does.
  assign pop_ch    = pop_idle ? ctl_pop_ch : i_pop_ch;

  crl_dma_fetch #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .PREFETCH(PREFETCH), .FUNC_W(FUNC_W),
                  .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU), .SEGMENTS(SEGMENTS),
                  .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN)) u_fetch (
      .clk, .rst, .db_valid, .db_ch, .db_val, .db_err_valid, .db_err_ch, .accept, .run, .n_enabled,
      .cfg_we(f_cfg_we), .cfg_ch, .cfg_base, .cfg_log2, .cfg_func,
      .mark_req, .mark_done, .pend, .rd_ch(st_ch), .rd_prod(st_dr_prod),
      .ar_valid(f_ar_valid), .ar_ready(f_ar_ready), .ar_addr(f_ar_addr), .ar_len(f_ar_len), .ar_user(f_ar_user),
      .enough(f_enough), .plenty(f_plenty), .r_valid(f_r_valid), .r_ready(f_r_ready), .r_data(f_r_data), .r_resp(f_r_resp), .r_last(f_r_last),
      .ferr_valid, .ferr_ch, .ferr_dec, .empty(st_empty), .enq_valid, .enq_ch,
      .pk_ch(pick_ch), .pk_sel(pick_sel), .pk_empty, .pk_en(pick_ready), .pool_data, .pool_info, .pool_seg, .pool_oper, .pool_two, .pool_half,
      .half, .pop_valid, .pop_ch, .pop_undo
  );

  // ---------------------------------------------------------------- scheduling and checks
  logic [CHANNELS-1:0] elig, wait_arb, wait_rate;
  logic                pick_ready, pick_valid, charge_valid;
  logic [CW-1:0]       pick_ch, charge_ch;
  logic [CHANNELS-1:0] pick_sel;
  logic [11:0]         charge_bytes;
  logic                charge_none;
  logic                alloc_ready, alloc_valid, alloc_irq, alloc_nocpl, alloc_remote, alloc_read, alloc_two, alloc_atomic, alloc_swap, alloc_mirror;
  logic [127:0]        alloc_oper;
  logic [OW-1:0]       alloc_idx;
  logic [15-OW:0]      alloc_gen;
  logic [CW-1:0]       alloc_ch;
  logic [15:0]         alloc_tag;
  logic [1:0]          alloc_peer;
  logic [31:0]         alloc_bytes;
  logic [SW-1:0]       i_seg_idx;
  logic                i_seg_stop, i_seg_re;
  logic [EW-1:0]       i_seg_entry;
  logic                rd_room, chunk_room, fail_valid, ar_push, chunk_push;
  logic [CW-1:0]       fail_ch, ar_ch;
  logic [15:0]         fail_op;
  logic [63:0]         ar_addr;
  logic [7:0]          ar_len;
  logic [FUNC_W-1:0]   ar_user;
  logic [MBW:0]        ar_bytes;
  logic [CHUNK_W-1:0]  chunk;
  logic [5*CHANNELS-1:0] i_stall;
  logic [11:0]         alloc_cons;

  crl_dma_sched #(.CHANNELS(CHANNELS), .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU)) u_sched (
      .clk, .rst, .elig, .pick_ready, .pick_valid, .pick_ch, .pick_sel, .charge_valid, .charge_ch, .charge_bytes, .charge_none,
      .cfg_we(cc_we), .cfg_ch(cc_ch), .cfg_class(cc_class), .cfg_weight(cc_weight), .cfg_mgmt(cc_mgmt),
      .cfg_rate(cc_rate), .cfg_burst(cc_burst), .wait_arb, .wait_rate
  );

  crl_dma_segtab #(.SEGMENTS(SEGMENTS)) u_segtab (
      .clk, .rst, .we(seg_we), .widx(seg_idx), .wentry(seg_entry), .stop(i_seg_stop),
      .re(i_seg_re), .ridx(i_seg_idx), .rentry(i_seg_entry)
  );

  crl_dma_issue #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .OPS(OPS), .FUNC_W(FUNC_W),
                  .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU), .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN),
                  .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN)) u_issue (
      .clk, .rst, .cc_we, .cc_ch, .cc_abs, .cc_bind, .cc_peer, .cc_peer_ch, .cc_func,
      .run, .hold, .ch_abort, .halt(fatal), .ip, .young, .sending, .pop_idle, .stall(i_stall),
      .st_empty, .st_enq_valid(enq_valid), .st_enq_ch(enq_ch), .pk_empty, .pool_data, .pool_info, .pool_seg, .pool_oper, .pool_two, .pool_half, .half,
      .pop_valid(i_pop_valid), .pop_ch(i_pop_ch), .pop_undo, .ctl_pop(ctl_pop_valid),
      .elig, .pick_ready, .pick_valid, .pick_ch, .charge_valid, .charge_ch, .charge_bytes, .charge_none,
      .cq_ok, .op_empty, .alloc_ready, .alloc_idx, .alloc_gen, .alloc_valid, .alloc_ch, .alloc_tag, .alloc_irq,
      .alloc_nocpl, .alloc_remote, .alloc_read, .alloc_two, .alloc_atomic, .alloc_swap, .alloc_mirror, .alloc_oper, .alloc_peer, .alloc_bytes,
      .seg_stop(i_seg_stop), .seg_re(i_seg_re), .seg_idx(i_seg_idx), .seg_entry(i_seg_entry),
      .ctl_seg_req, .ctl_seg_gnt, .ctl_seg_addr, .ctl_seg_len, .ctl_seg_ch, .ctl_seg_abs, .chk_ok, .chk_status(chk_status_unused), .chk_addr,
      .peer_up, .give_up, .tx_ok, .rd_ok, .hold_ok, .tx_take, .tx_take_rd, .tx_take_hold, .tx_take_ch,
      .rop_valid, .rop_peer, .rop_tag, .rop_ch, .rop_func, .rop_abs, .rop_dst, .rop_total, .rop_atomic, .rop_mirror, .held, .waiting, .due, .permitted, .gone,
      .hold_set, .hold_first, .hold_ch, .hold_tag, .hold_peer, .t1_valid, .t1_ch, .t1_over, .hold_drop, .rd_room, .chunk_room, .fail_valid, .fail_ch, .fail_op,
      .ar_push, .ar_addr, .ar_len, .ar_user, .ar_ch, .ar_bytes, .chunk_push, .chunk
  );

  // ---------------------------------------------------------------- links that are down
  logic [CHANNELS-1:0] give_up;

  crl_dma_linkwait #(.CHANNELS(CHANNELS), .PEERS(PEERS)) u_linkwait (
      .clk, .rst, .wait_we(retry_we[3:2]), .wait_ch(retry_ch), .wait_data(retry_data[31:16]), .cc_we, .cc_ch, .cc_bind, .cc_peer,
      .peer_up, .give_up
  );

  // ---------------------------------------------------------------- messages: held channels, slots of the receiver
  logic [CHANNELS-1:0] held, waiting, due, permitted, gone;
  logic                hold_set, hold_first, t1_valid, t1_over, hold_drop;
  logic [CW-1:0]       hold_ch, t1_ch, sw_ch, rsv_ch, back_ch, msg_ch;
  logic [15:0]         hold_tag;
  logic [1:0]          hold_peer;
  logic [OW-1:0]       sw_idx;
  logic                sw_waits, rsv_valid, rsv_done, rsv_ok, back_valid, back_ready, msg_valid, msg_ready, msg_irq;
  logic [3:0]          msg_kind;
  logic [15:0]         msg_tag;
  logic [7:0]          msg_status;
  logic [31:0]         msg_bytes, msg_imm;
  logic [11:0]         msg_cons;
  logic [PEERS-1:0]    end_valid, end_ready;
  logic [PEERS*16-1:0] end_tag, end_status2;
  logic [PEERS*8-1:0]  end_status;

  assign dead = ch_abort | ~ch_locked;

  logic unused_peer;
  assign unused_peer = &{1'b0, hold_peer};

  generate
    if (SEND_EN) begin : g_msg
      logic [15:0] h_tag, h_status2;
      logic [7:0]  h_status;

      crl_dma_hold #(.CHANNELS(CHANNELS), .PEERS(PEERS), .OPS(OPS)) u_hold (
          .clk, .rst, .retry_we(retry_we[1:0]), .retry_ch, .retry_data(retry_data[15:0]),
          .set(hold_set), .set_first(hold_first), .set_ch(hold_ch), .set_tag(hold_tag), .set_peer(hold_peer[PRW-1:0]),
          .t1_valid, .t1_ch, .t1_over, .drop(hold_drop), .drop_ch(hold_ch), .held, .waiting, .due, .permitted, .gone,
          .sw_ch, .sw_idx, .sw_waits, .s_valid(ack_valid), .s_ready(ack_ready), .s_ch(ack_ch), .s_permit(ack_permit),
          .s_tag(ack_tag), .s_status(ack_status), .s_status2(ack_status2), .m_valid(end_valid), .m_ready(end_ready),
          .m_tag(h_tag), .m_status(h_status), .m_status2(h_status2)
      );
      assign end_tag     = {PEERS{h_tag}};
      assign end_status  = {PEERS{h_status}};
      assign end_status2 = {PEERS{h_status2}};

      crl_recv #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .PEERS(PEERS), .FUNC_W(FUNC_W)) u_recv (
          .clk, .rst, .accept, .inbound, .cc_we, .cc_ch, .cc_abs, .cfg_we(r_cfg_we), .cfg_ch, .cfg_base, .cfg_log2, .cfg_func,
          .db_valid(rdb_valid), .db_ch, .db_val, .db_err_valid(rdb_err_valid), .db_err_ch(rdb_err_ch),
          .rd_ch(st_ch), .rd_prod(st_rr_prod), .rd_cons(st_rr_cons),
          .ar_valid(re_ar_valid), .ar_ready(re_ar_ready), .ar_addr(re_ar_addr), .ar_len(re_ar_len), .ar_user(re_ar_user),
          .r_valid(re_r_valid), .r_data(m_axi_rdata), .r_resp(m_axi_rresp), .r_last(m_axi_rlast), .pending(re_pending),
          .ferr_valid(rferr_valid), .ferr_ch(rferr_ch), .ferr_dec(rferr_dec),
          .q_valid, .q_ch, .q_send, .q_done, .q_ok, .q_dst, .q_len, .q_bad, .q_abs, .sure_valid, .sure_ch,
          .x_valid, .x_ready, .x_back, .x_send, .x_ch, .x_status, .x_irq, .x_bytes, .x_imm,
          .rsv_valid, .rsv_ch, .rsv_done, .rsv_ok, .back_valid, .back_ready, .back_ch,
          .msg_valid, .msg_ready, .msg_ch, .msg_kind, .msg_tag, .msg_status, .msg_irq, .msg_bytes, .msg_imm, .msg_cons
      );
    end else begin : g_no_msg
      logic unused_msg;
      assign unused_msg = &{1'b0, retry_we[1:0], retry_data[15:0], ack_ch, ack_permit, hold_set, hold_first, hold_ch, hold_tag,
                            hold_peer, t1_valid, t1_ch, t1_over, hold_drop, sw_ch, sw_idx, q_valid, q_ch, q_send, sure_valid, sure_ch, x_valid, x_back, x_send, x_ch,
                            x_status, x_irq, x_bytes, x_imm, rdb_valid, r_cfg_we, re_ar_ready, re_r_valid, rsv_done, rsv_ok, back_ready, msg_ready};
      assign {held, waiting, due, permitted, gone, sw_waits, inbound, q_done, q_ok, x_ready} = '0;
      assign {q_dst, q_len, q_bad, q_abs, msg_cons, re_ar_valid, re_ar_addr, re_ar_len, re_ar_user, re_pending} = '0;
      assign {st_rr_prod, st_rr_cons, rdb_err_valid, rdb_err_ch, rferr_valid, rferr_ch, rferr_dec} = '0;
      assign {rsv_valid, rsv_ch, back_valid, back_ch, msg_valid, msg_ch, msg_kind, msg_tag, msg_status, msg_irq, msg_bytes, msg_imm} = '0;
      assign end_valid   = ack_valid;
      assign ack_ready   = end_ready;
      assign end_tag     = ack_tag;
      assign end_status  = ack_status;
      assign end_status2 = ack_status2;
    end
  endgenerate

  // Consumer index of the descriptor ring after an operation: descriptors begin in ring order.
  crl_dma_considx #(.CHANNELS(CHANNELS)) u_cons (
      .clk, .rst, .cfg_we(f_cfg_we), .cfg_ch, .cfg_log2, .alloc_valid, .alloc_ch, .alloc_two, .alloc_cons
  );

  always_ff @(posedge clk) begin
    if (rst) rd_cnt_valid <= 1'b0;
    else rd_cnt_valid <= ar_push;
    rd_cnt_ch    <= ar_ch;
    rd_cnt_bytes <= 12'(ar_bytes);
  end

  always_comb begin
    for (int c = 0; c < CHANNELS; c++) begin
      stall[6*c + 0] = i_stall[5*c + 0];
      stall[6*c + 1] = i_stall[5*c + 1];
      stall[6*c + 2] = wait_rate[c];
      stall[6*c + 3] = wait_arb[c] && pick_ready;
      stall[6*c + 4] = i_stall[5*c + 4];
      stall[6*c + 5] = run[c] && pend[c] && st_empty[c] && !ip[c];
    end
  end

  // ---------------------------------------------------------------- data
  logic              d_valid, d_ready, e_valid, e_ready;
  logic [DATA_W-1:0] d_data;
  logic [1:0]        e_resp;
  logic              ldone_valid, mv_idle_unused;
  logic [15:0]       ldone_tag;
  logic [7:0]        ldone_status;
  logic [PEERS*8-1:0] ack_status_x;

  crl_dma_read #(.DATA_W(DATA_W), .FUNC_W(FUNC_W), .ID_W(ID_W), .PREFETCH(PREFETCH), .MAX_BURST_BYTES(MAX_BURST_BYTES),
                 .READS_IN_FLIGHT(READS_IN_FLIGHT), .BUF_BEATS(BUF_BEATS)) u_read (
      .clk, .rst, .f_ar_valid, .f_ar_ready, .f_ar_addr, .f_ar_len, .f_ar_user, .f_plenty, .f_enough, .f_r_valid, .f_r_ready, .f_r_data,
      .f_r_resp, .f_r_last, .rd_room, .ar_push, .ar_addr, .ar_len, .ar_user, .d_valid, .d_ready, .d_data,
      .e_valid, .e_ready, .e_resp,
      .m_axi_arid, .m_axi_araddr, .m_axi_arlen, .m_axi_arsize, .m_axi_arburst, .m_axi_arcache, .m_axi_arprot, .m_axi_aruser,
      .m_axi_arvalid, .m_axi_arready, .m_axi_rid, .m_axi_rdata, .m_axi_rresp, .m_axi_rlast, .m_axi_rvalid, .m_axi_rready,
      .mark_req, .mark_over(reads_over), .rev_mark, .rev_over(rev_over[0]), .pending(rd_pending), .progress(rd_progress)
  );

  crl_dma_move #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .PEERS(PEERS), .OPS(OPS), .FUNC_W(FUNC_W),
                 .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU), .WRITES_IN_FLIGHT(WRITES_IN_FLIGHT),
                 .CHUNKS(CHUNKS), .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN)) u_move (
      .clk, .rst, .op_we(alloc_valid), .op_idx(alloc_idx), .op_gen(alloc_gen), .op_atomic(alloc_atomic), .op_swap(alloc_swap), .op_oper(alloc_oper),
      .chunk_room, .chunk_push, .chunk, .fail_valid(rfail_valid), .fail_ch(rfail_ch), .fail_op(rfail_op),
      .d_valid, .d_ready, .d_data, .e_valid, .e_ready, .e_resp,
      .wb_soon(wb_soon[0]), .wb_valid(wb_valid[0]), .wb_ready(wb_ready[0]), .wb_first(wb_first[0]), .wb_last(wb_last[0]), .wb_addr(wb_addr[63:0]),
      .wb_len(wb_len[7:0]), .wb_user(wb_user[FUNC_W-1:0]), .wb_data(wb_data[DATA_W-1:0]), .wb_strb(wb_strb[B-1:0]),
      .b_valid(wb_b_valid[0]), .b_resp(wb_b_resp),
      .txp_valid, .txp_ready, .txp_data, .txp_mirror, .txf_valid, .txf_ready, .txf_type, .txf_flags, .txf_src_ch, .txf_dst_ch, .txf_op_seq,
      .txf_tag, .txf_segaddr, .txf_total, .txf_offset, .txf_len, .txf_arg,
      .ldone_valid, .ldone_tag, .ldone_status, .ack_tag(end_tag), .ack_status(end_status), .ack_status_out(ack_status_x),
      .cnt_valid(wr_cnt_valid), .cnt_ch(wr_cnt_ch), .cnt_bytes(wr_cnt_bytes), .idle(mv_idle_unused),
      .mark(rev_mark), .mark_over(rev_over[1])
  );

  // What shall not go on: its read failed, or it is a MIRROR that was refused.
  logic          rfail_valid;
  logic [CW-1:0] rfail_ch;
  logic [15:0]   rfail_op;
  generate
    if (MIRROR_EN) begin : g_mirror
      logic [PEERS-1:0] gnt;
      logic [PRW-1:0]   idx;
      logic             any;

      crl_rr_arb #(.N(PEERS)) u_arb (.clk, .rst, .req(mfail_valid), .ack(any && !rfail_valid), .gnt, .gnt_idx(idx), .gnt_valid(any));
      assign mfail_ready = gnt & {PEERS{any && !rfail_valid}};
      always_ff @(posedge clk) begin
        if (rst) fail_valid <= 1'b0;
        else fail_valid <= rfail_valid || any;
        fail_ch <= rfail_valid ? rfail_ch : mfail_ch[CW*idx +: CW];
        fail_op <= rfail_valid ? rfail_op : mfail_op[16*idx +: 16];
      end
    end else begin : g_no_mirror
      logic unused_mirror;
      assign unused_mirror = &{1'b0, mfail_valid, mfail_ch, mfail_op};
      assign mfail_ready = '0;
      assign fail_valid  = rfail_valid;
      assign fail_ch     = rfail_ch;
      assign fail_op     = rfail_op;
    end
  endgenerate

  // ---------------------------------------------------------------- completions
  crl_dma_cpl #(.CHANNELS(CHANNELS), .OPS(OPS), .PEERS(PEERS), .DATA_W(DATA_W), .FUNC_W(FUNC_W),
                .OP_TIMEOUT_CYCLES(OP_TIMEOUT_CYCLES), .READ_EN(READ_EN), .MIRROR_EN(MIRROR_EN)) u_cpl (
      .clk, .rst, .alloc_valid, .alloc_ready, .alloc_ch, .alloc_tag, .alloc_irq, .alloc_nocpl, .alloc_remote, .alloc_read, .alloc_mirror,
      .kill_valid, .kill_tag, .kill_status, .alloc_peer(alloc_peer[PRW-1:0]), .alloc_bytes, .alloc_cons, .alloc_idx, .alloc_gen,
      .ldone_valid, .ldone_idx(ldone_tag[OW-1:0]), .ldone_gen(ldone_tag[15:OW]), .ldone_status,
      .sw_ch, .sw_idx, .sw_waits,
      .rdone_valid(end_valid), .rdone_ready(end_ready), .rdone_tag(end_tag), .rdone_status(ack_status_x),
      .rdone_status2(end_status2), .peer_up, .sending, .fatal, .cq_ok, .op_empty,
      .cfg_we(c_cfg_we), .cfg_ch, .cfg_base, .cfg_log2, .cfg_func, .suppress,
      .cdb_valid, .cdb_ch, .cdb_val, .cdb_err_valid, .cdb_err_ch,
      .rsv_valid, .rsv_ch, .rsv_done, .rsv_ok, .back_valid, .back_ready, .back_ch,
      .msg_valid, .msg_ready, .msg_ch, .msg_kind, .msg_tag, .msg_status, .msg_irq, .msg_bytes, .msg_imm, .msg_cons,
      .wb_soon(wb_soon[1]), .wb_valid(wb_valid[1]), .wb_ready(wb_ready[1]), .wb_first(wb_first[1]), .wb_last(wb_last[1]), .wb_addr(wb_addr[127:64]),
      .wb_len(wb_len[15:8]), .wb_user(wb_user[2*FUNC_W-1:FUNC_W]), .wb_data(wb_data[2*DATA_W-1:DATA_W]),
      .wb_strb(wb_strb[2*B-1:B]), .wb_b_valid(wb_b_valid[1]), .wb_b_resp,
      .irq_valid, .irq_ch, .cq_err_valid, .cq_err_ch, .cq_err_resp(cq_err_resp_unused),
      .ret_valid, .ret_ch, .ret_status, .ret_bytes(ret_bytes_unused), .ret_cons(ret_cons_unused),
      .rd_ch(st_ch), .rd_cq_prod(st_cq_prod), .rd_cq_cons(st_cq_cons), .rd_dr_cons(st_dr_cons)
  );

  logic unused;
  assign unused = &{1'b0, chk_status_unused, cq_err_resp_unused, ret_bytes_unused, ret_cons_unused, mv_idle_unused, alloc_peer};

endmodule

`default_nettype wire
