// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme: the NVMe block: registers, doorbells, queues, commands, completions, and the mailbox of the admin processor.
//
//   doorbells ─► arb ─► fetch ─┬─► check ─► exec ─► prp, move ─┐      set-up bus, grants, namespaces
//                              │             └─► zmux ─► cqe ──┼─► memory port            ▲
//                              └─► mbox (queue 0) ───────▲     │                          │
//                                    └─ page DMA, drain ───────┘          mbox ───────────┘
//
// How: this file only connects the blocks; docs/blocks/nvme.md and nvme_admin.md say what each does. Commands of queue 0 go to the
//   mailbox, all others to the check. What the executor wants of a command beside the check's verdict waits in a FIFO;
//   as long as that one holds something, commands are between fetch and executor. Reads share one client of the memory port, in
//   the order asked; writes of data and completions have one each.
// Latency, throughput: those of the blocks; a read of another than the mover one cycle more.
// Assumes: writes to registers at most every third cycle; all blocks are reset together, and nothing is owed by memory then.
`default_nettype none

module crl_nvme #(
    parameter int DATA_W          = 64,         // 64, 128, 256, 512
    parameter int QUEUES          = 8,          // I/O queue pairs, 1 to 128
    parameter int NAMESPACES      = 4,          // 1 to 16
    parameter int FUNC_W          = 8,
    parameter int DSTRD           = 9,          // doorbell stride, 4 << DSTRD bytes
    parameter int TO              = 20,         // CAP.TO, units of 500 ms
    parameter int VECTORS         = 9,          // interrupt vectors
    parameter int OPS             = 32,         // commands in flight, a power of two, 4 to 256
    parameter int FETCH_DEPTH     = 16,         // entries held or requested, a power of two, 8 to 64
    parameter int MAX_BURST_BYTES = 512,
    parameter int MDTS_BYTES      = 1048576,    // largest transfer
    parameter int COALESCE_UNIT_CYCLES = 10000, // 100 us, the unit of interrupt coalescing
    localparam int B              = DATA_W / 8
) (
    input  wire logic              clk,
    input  wire logic              rst,               // synchronous, active high

    input  wire logic              wr,                // event: a write to BAR0 below 100000h
    input  wire logic [19:0]       wr_addr,
    input  wire logic [FUNC_W-1:0] wr_user,           // who writes
    input  wire logic [63:0]       wr_data,
    input  wire logic [7:0]        wr_strb,
    input  wire logic [19:0]       rd_addr,           // what is read, combinational
    input  wire logic [FUNC_W-1:0] rd_user,
    output logic      [63:0]       rd_data,
    output logic                   rd_foreign,        // it is not theirs: all ones
    output logic                   wr_foreign_valid,  // event: a write of a function that has no right to it
    output logic      [FUNC_W-1:0] wr_foreign_func,

    input  wire logic [12:0]       mbox_axil_awaddr,  // admin processor, AXI4-Lite
    input  wire logic              mbox_axil_awvalid,
    output logic                   mbox_axil_awready,
    input  wire logic [31:0]       mbox_axil_wdata,
    input  wire logic [3:0]        mbox_axil_wstrb,
    input  wire logic              mbox_axil_wvalid,
    output logic                   mbox_axil_wready,
    output logic      [1:0]        mbox_axil_bresp,
    output logic                   mbox_axil_bvalid,
    input  wire logic              mbox_axil_bready,
    input  wire logic [12:0]       mbox_axil_araddr,
    input  wire logic              mbox_axil_arvalid,
    output logic                   mbox_axil_arready,
    output logic      [31:0]       mbox_axil_rdata,
    output logic      [1:0]        mbox_axil_rresp,
    output logic                   mbox_axil_rvalid,
    input  wire logic              mbox_axil_rready,
    output logic                   mbox_irq,

    output logic                   ar_valid,          // read client of the memory port
    input  wire logic              ar_ready,
    output logic      [63:0]       ar_addr,
    output logic      [7:0]        ar_len,            // beats less one
    output logic      [FUNC_W-1:0] ar_user,
    input  wire logic              r_valid,           // always taken, in the order asked
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last,

    output logic                   wb_soon,           // data, as a client of crl_axi_wr
    output logic                   wb_valid,
    input  wire logic              wb_ready,
    output logic                   wb_first,
    output logic                   wb_last,
    output logic      [63:0]       wb_addr,
    output logic      [7:0]        wb_len,
    output logic      [FUNC_W-1:0] wb_user,
    output logic      [DATA_W-1:0] wb_data,
    output logic      [B-1:0]      wb_strb,
    input  wire logic              wb_b_valid,
    input  wire logic [1:0]        wb_b_resp,

    output logic                   cb_soon,           // completions, likewise
    output logic                   cb_valid,
    input  wire logic              cb_ready,
    output logic                   cb_first,
    output logic                   cb_last,
    output logic      [63:0]       cb_addr,
    output logic      [7:0]        cb_len,
    output logic      [FUNC_W-1:0] cb_user,
    output logic      [DATA_W-1:0] cb_data,
    output logic      [B-1:0]      cb_strb,
    input  wire logic              cb_b_valid,
    input  wire logic [1:0]        cb_b_resp,

    input  wire logic              mem_fatal,         // level: the memory port has stopped
    output logic      [VECTORS-1:0] fire,             // events: an interrupt, a bit a vector
    output logic                   line,              // pin interrupt, level
    output logic                   ssr                // event: NVM subsystem reset
);

  localparam int QN = QUEUES + 1;
  localparam int QW = $clog2(QN);
  localparam int OW = $clog2(OPS);

  // --- set-up ------------------------------------------------------------------------------------------
  logic              cfg_we, cfg_cq, cfg_valid, cfg_ien;
  logic [QW-1:0]     cfg_qid, cfg_cqid;
  logic [11:0]       cfg_size;
  logic [63:0]       cfg_base;
  logic [FUNC_W-1:0] cfg_func;
  logic [1:0]        cfg_prio;
  logic [7:0]        cfg_vec;

  logic                  gr_we, rg_we, ns_we, ns_valid;
  logic [QW-1:0]         gr_qid, rg_qid;
  logic [255:0]          gr_entry;
  logic [2:0]            rg_idx;
  logic [127:0]          rg_entry;
  logic [3:0]            ns_idx, ns_shift;
  logic [63:0]           ns_blocks, ns_base;
  logic [NAMESPACES-1:0] ana_change;
  logic [2:0]            arb_ab;
  logic [7:0]            arb_hpw, arb_mpw, arb_lpw;

  // --- registers, doorbells ----------------------------------------------------------------------------
  logic              ctrl_wr, db_wr, db_foreign;
  logic [63:0]       ctrl_rd_data;
  logic [FUNC_W-1:0] db_foreign_func;

  crl_nvme_page #(.QUEUES(QUEUES), .FUNC_W(FUNC_W), .DSTRD(DSTRD)) u_page (
      .clk, .rst, .wr, .wr_addr, .wr_user, .rd_addr, .rd_user, .rd_data, .rd_foreign, .wr_foreign_valid, .wr_foreign_func,
      .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_func, .ctrl_wr, .ctrl_rd_data, .db_wr, .db_foreign_valid(db_foreign), .db_foreign_func
  );

  logic        start, started, quiesce, quiet, run, wrr, fatal, shut;
  logic [31:0] intm;
  logic [63:0] asq, acq;
  logic [11:0] asqs, acqs;

  crl_nvme_ctrl #(.TO(TO), .DSTRD(DSTRD)) u_ctrl (
      .clk, .rst, .wr(ctrl_wr), .wr_word(wr_addr[6:3]), .wr_data, .wr_strb, .rd_word(rd_addr[6:3]), .rd_data(ctrl_rd_data),
      .start, .started, .quiesce, .quiet, .run, .shut, .asq, .acq, .asqs, .acqs, .wrr, .intm, .fatal(fatal || mem_fatal), .ssr
  );

  logic              sq_rung, cq_rung, bad_valid, bad_cq, bad_code;
  logic [QW-1:0]     lk_qid, so_qid, sq_qid, cq_qid, t_qid, bad_qid;
  logic [11:0]       lk_sq_head, lk_cq_tail, sq_tail, cq_head, t_tail, h_head;
  logic [FUNC_W-1:0] bad_func;

  crl_nvme_db #(.QUEUES(QUEUES), .DSTRD(DSTRD), .FUNC_W(FUNC_W)) u_db (
      .clk, .rst, .wr(db_wr), .wr_addr, .wr_user, .wr_data, .wr_strb, .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_size, .cfg_func,
      .lk_qid, .lk_sq_head, .lk_cq_tail, .so_qid, .sq_rung, .sq_qid, .sq_tail, .cq_rung, .cq_qid, .cq_head, .t_qid, .t_tail,
      .h_qid({QW{1'b0}}), .h_head, .bad_valid, .bad_qid, .bad_cq, .bad_code, .bad_func, .foreign_valid(db_foreign), .foreign_func(db_foreign_func)
  );

  // --- arbiter, fetch ----------------------------------------------------------------------------------
  logic          stop_we, stop, unpark, g_valid, g_ready, d_valid, d_more, d_park, g_busy;
  logic [QW-1:0] stop_qid, g_qid, d_qid, g_busy_qid;
  logic [7:0]    g_max, d_cnt;

  crl_nvme_arb #(.QUEUES(QUEUES)) u_arb (
      .clk, .rst, .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_prio, .run, .wrr, .ab(arb_ab), .hpw(arb_hpw), .mpw(arb_mpw), .lpw(arb_lpw),
      .so_qid, .sq_rung, .sq_qid, .stop_we, .stop_qid, .stop, .unpark, .g_valid, .g_ready, .g_qid, .g_max,
      .d_valid, .d_qid, .d_cnt, .d_more, .d_park, .g_busy_qid, .g_busy
  );

  logic              nx_valid, admin, f_ar_soon, f_ar_valid, f_ar_ready, f_r_valid, f_valid, f_ready, f_err, f_stop, f_idle, su_sure, rs_valid, rs_done, rb_valid;
  logic [63:0]       f_ar_addr;
  logic [7:0]        f_ar_len, rs_want, rs_got, rb_cnt;
  logic [FUNC_W-1:0] f_ar_user;
  logic [QW-1:0]     f_qid, f_err_qid, hd_qid, nx_qid, su_qid, rs_qid, rb_qid;
  logic [11:0]       hd_head;
  logic [511:0]      f_sqe;

  crl_nvme_fetch #(.DATA_W(DATA_W), .QUEUES(QUEUES), .FUNC_W(FUNC_W), .DEPTH(FETCH_DEPTH)) u_fetch (
      .clk, .rst, .cfg_we, .cfg_qid, .cfg_cq, .cfg_size, .cfg_base, .cfg_func, .g_valid, .g_ready, .g_qid, .g_max,
      .d_valid, .d_qid, .d_cnt, .d_more, .d_park, .t_qid, .t_tail, .lk_qid, .lk_head(lk_sq_head), .hd_qid, .hd_head,
      .su_qid, .su_sure, .rs_valid, .rs_qid, .rs_want, .rs_done, .rs_got, .rb_valid, .rb_qid, .rb_cnt,
      .ar_soon(f_ar_soon), .ar_valid(f_ar_valid), .ar_ready(f_ar_ready), .ar_addr(f_ar_addr), .ar_len(f_ar_len), .ar_user(f_ar_user),
      .r_valid(f_r_valid), .r_data, .r_resp, .r_last, .m_valid(f_valid), .m_ready(f_ready), .m_qid(f_qid), .m_admin(admin), .m_sqe(f_sqe),
      .nx_valid, .nx_qid, .err_valid(f_err), .err_qid(f_err_qid), .stop(f_stop), .idle(f_idle)
  );

  // --- check -------------------------------------------------------------------------------------------
  logic              a_valid, a_ready, k_s_valid, k_s_ready, v_valid, v_ready, v_ok, v_dnr, v_more, pipe_empty;
  logic [10:0]       v_status, dv_status;
  logic [QW-1:0]     v_qid, ds_qid;
  logic [15:0]       v_cid;
  logic [7:0]        v_op;
  logic [63:0]       v_addr, v_prp1, v_prp2, ds_slba, dv_addr;
  logic [31:0]       v_bytes, v_span, v_nsid, v_cdw10, v_cdw11, ds_nlb;
  logic [FUNC_W-1:0] v_func;
  logic [3:0]        v_nsi, ds_nsi;
  logic              ds_valid, ds_ready, dv_valid, beside_ready, beside_valid;
  logic [43:0]       dv_span;
  logic [3:0]        beside_level;

  assign a_valid   = f_valid && admin;
  assign k_s_valid = f_valid && !admin;
  assign f_ready   = admin ? a_ready : k_s_ready;

  crl_nvme_check #(.QUEUES(QUEUES), .NAMESPACES(NAMESPACES), .FUNC_W(FUNC_W), .MDTS_BYTES(MDTS_BYTES)) u_check (
      .clk, .rst, .gr_we, .gr_qid, .gr_entry, .ns_we, .ns_idx, .ns_valid, .ns_blocks, .ns_shift, .ns_base,
      .s_valid(k_s_valid), .s_ready(k_s_ready), .s_qid(f_qid), .s_sqe(f_sqe),
      .m_valid(v_valid), .m_ready(v_ready), .m_ok(v_ok), .m_status(v_status), .m_dnr(v_dnr), .m_more(v_more), .m_qid(v_qid),
      .m_cid(v_cid), .m_op(v_op), .m_addr(v_addr), .m_bytes(v_bytes), .m_span(v_span), .m_prp1(v_prp1), .m_prp2(v_prp2),
      .m_func(v_func), .m_nsi(v_nsi), .ds_valid, .ds_ready, .ds_qid, .ds_nsi, .ds_slba, .ds_nlb, .dv_valid, .dv_status, .dv_addr, .dv_span
  );

  // The check holds three commands, so there is always room.
  crl_fifo #(.W(96), .DEPTH(8)) u_beside (
      .clk, .rst, .s_valid(k_s_valid && k_s_ready), .s_ready(beside_ready),
      .s_data({f_sqe[crl_pkg::NVME_SQE_NSID_LSB +: 32], f_sqe[crl_pkg::NVME_SQE_CDW10_LSB +: 32], f_sqe[crl_pkg::NVME_SQE_CDW11_LSB +: 32]}),
      .m_valid(beside_valid), .m_ready(v_valid && v_ready), .m_data({v_nsid, v_cdw10, v_cdw11}), .level(beside_level)
  );
  assign pipe_empty = !beside_valid;

  // --- executor, walker, mover -------------------------------------------------------------------------
  logic              c_valid, c_ready, p_valid, p_ready, p_last, p_error, k_valid, k_ready, k_to_host, k_first, k_last, e_valid;
  logic [QW-1:0]     c_qid;
  logic [FUNC_W-1:0] c_func, k_src_func, k_dst_func;
  logic [63:0]       c_prp1, c_prp2, p_addr, k_src, k_dst;
  logic [31:0]       c_bytes;
  logic [7:0]        c_right, c_tag, p_tag;
  logic [12:0]       p_len;
  logic [10:0]       p_status, k_status, e_status;
  logic [1:0]        k_kind;
  logic [11:0]       k_len;
  logic [OW-1:0]     k_tag, e_tag;

  logic              x_ar_valid, x_ar_ready, x_r_valid, xz_valid, xz_ready, xz_dnr, xz_more, xz_drop, lg_valid;
  logic [63:0]       x_ar_addr, lg_lba;
  logic [7:0]        x_ar_len;
  logic [FUNC_W-1:0] x_ar_user;
  logic [QW-1:0]     xz_qid, x_hd_qid, lg_qid, kill_qid, ab_qid, x_busy_qid;
  logic [15:0]       xz_cid, lg_cid, ab_cid;
  logic [11:0]       xz_sqhd;
  logic [10:0]       xz_status, lg_status, kill_status;
  logic [31:0]       xz_dw0, lg_nsid;
  logic              kill_we, kill_drop, drop_all, ab_valid, ab_done, ab_found, x_busy, x_idle;

  crl_nvme_exec #(
      .DATA_W(DATA_W), .QUEUES(QUEUES), .FUNC_W(FUNC_W), .OPS(OPS), .MAX_BURST_BYTES(MAX_BURST_BYTES), .NAMESPACES(NAMESPACES)
  ) u_exec (
      .clk, .rst, .cfg_we, .cfg_qid, .cfg_cq,
      .s_valid(v_valid), .s_ready(v_ready), .s_ok(v_ok), .s_status(v_status), .s_dnr(v_dnr), .s_more(v_more), .s_qid(v_qid),
      .s_cid(v_cid), .s_op(v_op), .s_addr(v_addr), .s_bytes(v_bytes), .s_span(v_span), .s_prp1(v_prp1), .s_prp2(v_prp2),
      .s_func(v_func), .s_nsi(v_nsi), .s_nsid(v_nsid), .s_cdw10(v_cdw10), .s_cdw11(v_cdw11), .ana_change,
      .c_valid, .c_ready, .c_qid, .c_func, .c_prp1, .c_prp2, .c_bytes, .c_right, .c_tag,
      .p_valid, .p_ready, .p_addr, .p_len, .p_last, .p_tag, .p_error, .p_status,
      .k_valid, .k_ready, .k_kind, .k_src, .k_dst, .k_len, .k_src_func, .k_dst_func, .k_to_host, .k_tag, .k_first, .k_last, .k_status,
      .e_valid, .e_tag, .e_status, .ds_valid, .ds_ready, .ds_qid, .ds_nsi, .ds_slba, .ds_nlb, .dv_valid, .dv_status, .dv_addr, .dv_span,
      .ar_valid(x_ar_valid), .ar_ready(x_ar_ready), .ar_addr(x_ar_addr), .ar_len(x_ar_len), .ar_user(x_ar_user),
      .r_valid(x_r_valid), .r_data, .r_resp, .r_last,
      .z_valid(xz_valid), .z_ready(xz_ready), .z_qid(xz_qid), .z_cid(xz_cid), .z_sqhd(xz_sqhd), .z_status(xz_status), .z_dnr(xz_dnr),
      .z_more(xz_more), .z_dw0(xz_dw0), .z_drop(xz_drop), .hd_qid(x_hd_qid), .hd_head,
      .lg_valid, .lg_qid, .lg_cid, .lg_status, .lg_nsid, .lg_lba, .kill_we, .kill_qid, .kill_status, .kill_drop, .drop_all,
      .ab_valid, .ab_qid, .ab_cid, .ab_done, .ab_found, .busy_qid(x_busy_qid), .busy(x_busy), .idle(x_idle)
  );

  logic              w_ar_valid, w_ar_ready, w_r_valid, p_stop, p_idle;
  logic [63:0]       w_ar_addr;
  logic [7:0]        w_ar_len;
  logic [FUNC_W-1:0] w_ar_user;

  crl_nvme_prp #(.DATA_W(DATA_W), .QUEUES(QUEUES), .FUNC_W(FUNC_W)) u_prp (
      .clk, .rst, .rg_we, .rg_qid, .rg_idx, .rg_entry, .c_valid, .c_ready, .c_qid, .c_func, .c_prp1, .c_prp2, .c_bytes, .c_right, .c_tag,
      .nx_valid, .nx_qid, .p_valid, .p_ready, .p_addr, .p_len, .p_last, .p_tag, .p_error, .p_status,
      .ar_valid(w_ar_valid), .ar_ready(w_ar_ready), .ar_addr(w_ar_addr), .ar_len(w_ar_len), .ar_user(w_ar_user),
      .r_valid(w_r_valid), .r_data, .r_resp, .r_last, .stop(p_stop), .idle(p_idle)
  );

  logic              m_ar_valid, m_ar_ready, m_r_valid, m_idle;
  logic [63:0]       m_ar_addr, mw_addr;
  logic [7:0]        m_ar_len, mw_len;
  logic [FUNC_W-1:0] m_ar_user, mw_user;
  logic              mw_soon, mw_valid, mw_ready, mw_first, mw_last, mw_b_valid;
  logic [DATA_W-1:0] mw_data;
  logic [B-1:0]      mw_strb;

  crl_nvme_move #(.DATA_W(DATA_W), .FUNC_W(FUNC_W), .OPS(OPS), .MAX_BURST_BYTES(MAX_BURST_BYTES)) u_move (
      .clk, .rst, .k_valid, .k_ready, .k_kind, .k_src, .k_dst, .k_len, .k_src_func, .k_dst_func, .k_to_host, .k_tag, .k_first, .k_last,
      .k_status, .e_valid, .e_tag, .e_status,
      .ar_valid(m_ar_valid), .ar_ready(m_ar_ready), .ar_addr(m_ar_addr), .ar_len(m_ar_len), .ar_user(m_ar_user),
      .r_valid(m_r_valid), .r_data, .r_resp, .r_last, .r_any(r_valid),
      .wb_soon(mw_soon), .wb_valid(mw_valid), .wb_ready(mw_ready), .wb_first(mw_first), .wb_last(mw_last), .wb_addr(mw_addr),
      .wb_len(mw_len), .wb_user(mw_user), .wb_data(mw_data), .wb_strb(mw_strb), .wb_b_valid(mw_b_valid), .wb_b_resp, .idle(m_idle)
  );

  // --- mailbox, drain ----------------------------------------------------------------------------------
  logic              az_valid, az_ready, az_dnr, az_more, az_drop, rs2_valid, rs2_ready, rs2_got, rb2_valid, rb2_ready;
  logic [QW-1:0]     az_qid, a_hd_qid, rs2_qid, rb2_qid;
  logic [15:0]       az_cid;
  logic [11:0]       az_sqhd;
  logic [10:0]       az_status, dr_status;
  logic [31:0]       az_dw0;
  logic              c_err, c_idle, dr_go, dr_drop, dr_done, dr_busy, dr_stop_we, dropping, z_hold, q_ask, mb_quiet;
  logic [QW-1:0]     c_err_qid, dr_qid, dr_stop_qid, dr_g_qid, dr_x_qid, q_qid;
  logic [1:0]        dr_what;

  logic              a_ar_valid, a_ar_ready, a_r_valid;
  logic [63:0]       a_ar_addr, aw_addr;
  logic [7:0]        a_ar_len, aw_len;
  logic [FUNC_W-1:0] a_ar_user, aw_user;
  logic              aw_soon, aw_valid, aw_ready, aw_first, aw_last, aw_b_valid;
  logic [DATA_W-1:0] aw_data;
  logic [B-1:0]      aw_strb;

  crl_nvme_mbox #(
      .DATA_W(DATA_W), .QUEUES(QUEUES), .NAMESPACES(NAMESPACES), .FUNC_W(FUNC_W), .FETCH_DEPTH(FETCH_DEPTH), .MDTS_BYTES(MDTS_BYTES)
  ) u_mbox (
      .clk, .rst, .s_axil_awaddr(mbox_axil_awaddr), .s_axil_awvalid(mbox_axil_awvalid), .s_axil_awready(mbox_axil_awready),
      .s_axil_wdata(mbox_axil_wdata), .s_axil_wstrb(mbox_axil_wstrb), .s_axil_wvalid(mbox_axil_wvalid), .s_axil_wready(mbox_axil_wready),
      .s_axil_bresp(mbox_axil_bresp), .s_axil_bvalid(mbox_axil_bvalid), .s_axil_bready(mbox_axil_bready),
      .s_axil_araddr(mbox_axil_araddr), .s_axil_arvalid(mbox_axil_arvalid), .s_axil_arready(mbox_axil_arready),
      .s_axil_rdata(mbox_axil_rdata), .s_axil_rresp(mbox_axil_rresp), .s_axil_rvalid(mbox_axil_rvalid), .s_axil_rready(mbox_axil_rready),
      .mbox_irq, .a_valid, .a_ready, .a_sqe(f_sqe), .rs2_valid, .rs2_qid, .rs2_ready, .rs2_got, .rb2_valid, .rb2_qid, .rb2_ready,
      .z_valid(az_valid), .z_ready(az_ready), .z_qid(az_qid), .z_cid(az_cid), .z_sqhd(az_sqhd), .z_status(az_status), .z_dnr(az_dnr),
      .z_more(az_more), .z_dw0(az_dw0), .z_drop(az_drop), .hd_qid(a_hd_qid), .hd_head,
      .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_size, .cfg_base, .cfg_func, .cfg_cqid, .cfg_prio, .cfg_vec, .cfg_ien,
      .gr_we, .gr_qid, .gr_entry, .rg_we, .rg_qid, .rg_idx, .rg_entry, .ns_we, .ns_idx, .ns_valid, .ns_blocks, .ns_shift, .ns_base,
      .ana_change, .arb_ab, .arb_hpw, .arb_mpw, .arb_lpw, .coal_thr, .coal_time, .vec_we, .vec_idx, .vec_off,
      .stop_we, .stop_qid, .stop, .ab_valid, .ab_qid, .ab_cid, .ab_done, .ab_found,
      .bad_valid, .bad_qid, .bad_cq, .bad_code, .bad_func, .sqf_valid(f_err), .sqf_qid(f_err_qid), .cqf_valid(c_err), .cqf_qid(c_err_qid),
      .lg_valid, .lg_qid, .lg_cid, .lg_status, .lg_nsid, .lg_lba,
      .start, .started, .quiesce, .shut, .quiet(mb_quiet), .run, .fatal, .asq, .acq, .asqs, .acqs,
      .d_go(dr_go), .d_what(dr_what), .d_qid(dr_qid), .d_status(dr_status), .d_drop(dr_drop), .d_done(dr_done), .dropping,
      .d_stop_we(dr_stop_we), .d_stop_qid(dr_stop_qid), .q_ask, .q_qid, .q_grant(g_busy), .q_exec(x_busy),
      .ar_valid(a_ar_valid), .ar_ready(a_ar_ready), .ar_addr(a_ar_addr), .ar_len(a_ar_len), .ar_user(a_ar_user),
      .r_valid(a_r_valid), .r_data, .r_resp, .r_last,
      .wb_soon(aw_soon), .wb_valid(aw_valid), .wb_ready(aw_ready), .wb_first(aw_first), .wb_last(aw_last), .wb_addr(aw_addr),
      .wb_len(aw_len), .wb_user(aw_user), .wb_data(aw_data), .wb_strb(aw_strb), .wb_b_valid(aw_b_valid), .wb_b_resp
  );

  crl_nvme_drain #(.QUEUES(QUEUES)) u_drain (
      .clk, .rst, .go(dr_go), .what(dr_what), .qid(dr_qid), .status(dr_status), .drop(dr_drop), .done(dr_done), .busy(dr_busy),
      .stop_we(dr_stop_we), .stop_qid(dr_stop_qid), .g_busy_qid(dr_g_qid), .g_busy(g_busy || q_ask), .f_stop, .f_idle, .pipe_empty,
      .kill_we, .kill_qid, .kill_status, .kill_drop, .drop_all, .busy_qid(dr_x_qid), .x_busy(x_busy || q_ask), .x_idle,
      .z_hold, .c_idle, .p_stop, .p_idle, .m_idle, .dropping
  );

  // One look-up each in arbiter and executor: the mailbox asks for a cycle at a time, and to the drain its queue is busy then.
  assign g_busy_qid = q_ask ? q_qid : dr_g_qid;
  assign x_busy_qid = q_ask ? q_qid : dr_x_qid;

  // --- completions -------------------------------------------------------------------------------------
  localparam int ZW = QW + 16 + 12 + 11 + 2 + 32 + 1;

  logic          z_valid, z_ready, z_dnr, z_more, z_drop;
  logic [QW-1:0] z_qid;
  logic [15:0]   z_cid;
  logic [11:0]   z_sqhd;
  logic [10:0]   z_status;
  logic [31:0]   z_dw0;
  logic          irq_valid, vec_we, vec_off;
  logic [7:0]    irq_vec, coal_thr, coal_time, vec_idx;
  logic [QW-1:0] irq_qid;
  logic [3:0]    irq_cnt;
  logic [11:0]   irq_tail;

  crl_nvme_zmux #(.W(ZW), .QW(QW)) u_zmux (
      .clk, .rst, .hold(z_hold), .x_valid(xz_valid), .x_ready(xz_ready),
      .x_data({xz_qid, xz_cid, xz_sqhd, xz_status, xz_dnr, xz_more, xz_dw0, xz_drop}), .x_hd_qid,
      .a_valid(az_valid), .a_ready(az_ready), .a_data({az_qid, az_cid, az_sqhd, az_status, az_dnr, az_more, az_dw0, az_drop}), .a_hd_qid,
      .m_valid(z_valid), .m_ready(z_ready), .m_data({z_qid, z_cid, z_sqhd, z_status, z_dnr, z_more, z_dw0, z_drop}), .hd_qid
  );

  crl_nvme_cqe #(.DATA_W(DATA_W), .QUEUES(QUEUES), .FUNC_W(FUNC_W)) u_cqe (
      .clk, .rst, .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_size, .cfg_base, .cfg_func, .cfg_cqid, .cfg_vec, .cfg_ien,
      .su_qid, .su_sure, .rs_valid, .rs_qid, .rs_want, .rs_done, .rs_got, .rb_valid, .rb_qid, .rb_cnt,
      .rs2_valid, .rs2_qid, .rs2_ready, .rs2_got, .rb2_valid, .rb2_qid, .rb2_ready,
      .s_valid(z_valid), .s_ready(z_ready), .s_qid(z_qid), .s_cid(z_cid), .s_sqhd(z_sqhd), .s_status(z_status), .s_dnr(z_dnr),
      .s_more(z_more), .s_dw0(z_dw0), .s_drop(z_drop), .lk_qid, .lk_tail(lk_cq_tail), .cq_rung, .cq_qid, .cq_head, .unpark,
      .wb_soon(cb_soon), .wb_valid(cb_valid), .wb_ready(cb_ready), .wb_first(cb_first), .wb_last(cb_last), .wb_addr(cb_addr),
      .wb_len(cb_len), .wb_user(cb_user), .wb_data(cb_data), .wb_strb(cb_strb), .wb_b_valid(cb_b_valid), .wb_b_resp(cb_b_resp),
      .irq_valid, .irq_vec, .irq_qid, .irq_cnt, .irq_tail, .err_valid(c_err), .err_qid(c_err_qid), .idle(c_idle)
  );

  crl_nvme_irq #(.QUEUES(QUEUES), .VECTORS(VECTORS), .COALESCE_UNIT_CYCLES(COALESCE_UNIT_CYCLES)) u_irq (
      .clk, .rst, .clr(quiesce && !shut), .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_vec, .cfg_ien, .irq_valid, .irq_vec, .irq_qid,
      .irq_cnt, .irq_tail, .cq_rung, .cq_qid, .cq_head, .coal_thr, .coal_time, .vec_we, .vec_idx, .vec_off, .masked(intm[0]), .fire, .line
  );

  // --- memory port -------------------------------------------------------------------------------------
  logic       rd_idle, wr_idle;

  // 0 mover, 1 fetch, 2 walker, 3 Dataset Management, 4 data page
  crl_nvme_rdmux #(.FUNC_W(FUNC_W), .N(5)) u_rdmux (
      .clk, .rst,
      .s_ar_valid({a_ar_valid, x_ar_valid, w_ar_valid, f_ar_valid, m_ar_valid}),
      .s_ar_ready({a_ar_ready, x_ar_ready, w_ar_ready, f_ar_ready, m_ar_ready}), .s_ar_soon({3'b000, f_ar_soon, 1'b0}),
      .s_ar_addr({a_ar_addr, x_ar_addr, w_ar_addr, f_ar_addr, m_ar_addr}), .s_ar_len({a_ar_len, x_ar_len, w_ar_len, f_ar_len, m_ar_len}),
      .s_ar_user({a_ar_user, x_ar_user, w_ar_user, f_ar_user, m_ar_user}),
      .s_r_valid({a_r_valid, x_r_valid, w_r_valid, f_r_valid, m_r_valid}),
      .m_ar_valid(ar_valid), .m_ar_ready(ar_ready), .m_ar_addr(ar_addr), .m_ar_len(ar_len), .m_ar_user(ar_user),
      .m_r_valid(r_valid), .m_r_last(r_last), .idle(rd_idle)
  );

  crl_nvme_wrmux #(.DATA_W(DATA_W), .FUNC_W(FUNC_W)) u_wrmux (
      .clk, .rst, .s_soon({aw_soon, mw_soon}), .s_valid({aw_valid, mw_valid}), .s_ready({aw_ready, mw_ready}),
      .s_first({aw_first, mw_first}), .s_last({aw_last, mw_last}), .s_addr({aw_addr, mw_addr}), .s_len({aw_len, mw_len}),
      .s_user({aw_user, mw_user}), .s_data({aw_data, mw_data}), .s_strb({aw_strb, mw_strb}), .s_b_valid({aw_b_valid, mw_b_valid}),
      .m_soon(wb_soon), .m_valid(wb_valid), .m_ready(wb_ready), .m_first(wb_first), .m_last(wb_last), .m_addr(wb_addr), .m_len(wb_len),
      .m_user(wb_user), .m_data(wb_data), .m_strb(wb_strb), .m_b_valid(wb_b_valid), .idle(wr_idle)
  );

  // Nothing of anybody's is under way, and the processor has said so for its part.
  assign quiet = mb_quiet && !dr_busy && f_idle && pipe_empty && x_idle && p_idle && m_idle && c_idle && rd_idle && wr_idle;

  logic unused;
  assign unused = &{1'b0, h_head, beside_ready, beside_level, sq_tail, intm[31:1]};

  initial begin
    if (VECTORS < 1 || VECTORS > 256) $fatal(1, "crl_nvme: VECTORS must be 1 to 256");
  end

endmodule

`default_nettype wire
