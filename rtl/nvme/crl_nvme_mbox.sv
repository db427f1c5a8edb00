// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_mbox: the mailbox between the NVMe block and the administrative processor.
//
// How: an AXI4-Lite access at a time (crl_nvme_mbox_axil) goes to those who have registers: what is kept (_regs), admin commands (_sqe),
//   events (_ev), data page (crl_nvme_mdma), the rest (_ctl); each gives 0 for an address that is not its own. Answers get their
//   slot in _cpl, queues are stopped by _stop. crl_nvme_start has the set-up bus after CC.EN; a GO that needs it waits.
// Latency: a write 4 cycles, a read 4, 8 at most; a GO acts in the cycle before B. sqf_valid to stop_we 1 cycle, an event to mbox_irq 2.
// Assumes: the top level lends q_qid the look-ups of crl_nvme_arb and crl_nvme_exec while q_ask is up. While `dropping` is up
//   z_valid, rs2_valid and rb2_valid are down, also if they were not taken; the queues are set up anew after it.
`default_nettype none

module crl_nvme_mbox #(
    parameter int DATA_W      = 64,
    parameter int QUEUES      = 8,         // I/O queue pairs, 1 to 128
    parameter int NAMESPACES  = 4,         // 1 to 16
    parameter int FUNC_W      = 8,         // 1 to 16
    parameter int FETCH_DEPTH = 16,        // entries that crl_nvme_fetch holds; the mailbox holds twice as many
    parameter int MDTS_BYTES  = 1048576,   // largest transfer, for CAPS
    localparam int QN         = QUEUES + 1,
    localparam int QW         = $clog2(QN)
) (
    input  wire logic                  clk,
    input  wire logic                  rst,             // synchronous, active high

    input  wire logic [12:0]           s_axil_awaddr,   // AXI4-Lite
    input  wire logic                  s_axil_awvalid,
    output logic                       s_axil_awready,
    input  wire logic [31:0]           s_axil_wdata,
    input  wire logic [3:0]            s_axil_wstrb,
    input  wire logic                  s_axil_wvalid,
    output logic                       s_axil_wready,
    output logic      [1:0]            s_axil_bresp,
    output logic                       s_axil_bvalid,
    input  wire logic                  s_axil_bready,
    input  wire logic [12:0]           s_axil_araddr,
    input  wire logic                  s_axil_arvalid,
    output logic                       s_axil_arready,
    output logic      [31:0]           s_axil_rdata,
    output logic      [1:0]            s_axil_rresp,
    output logic                       s_axil_rvalid,
    input  wire logic                  s_axil_rready,
    output logic                       mbox_irq,        // level

    input  wire logic                  a_valid,         // entries of queue 0
    output logic                       a_ready,
    input  wire logic [511:0]          a_sqe,

    output logic                       rs2_valid,       // wants a completion slot
    output logic      [QW-1:0]         rs2_qid,
    input  wire logic                  rs2_ready,
    input  wire logic                  rs2_got,         // counts with rs2_ready
    output logic                       rb2_valid,       // gives one back
    output logic      [QW-1:0]         rb2_qid,
    input  wire logic                  rb2_ready,

    output logic                       z_valid,         // completion of an admin command
    input  wire logic                  z_ready,
    output logic      [QW-1:0]         z_qid,
    output logic      [15:0]           z_cid,
    output logic      [11:0]           z_sqhd,
    output logic      [10:0]           z_status,
    output logic                       z_dnr,
    output logic                       z_more,
    output logic      [31:0]           z_dw0,
    output logic                       z_drop,
    output logic      [QW-1:0]         hd_qid,          // SQ head, for SQHD
    input  wire logic [11:0]           hd_head,

    output logic                       cfg_we,          // set-up bus
    output logic      [QW-1:0]         cfg_qid,
    output logic                       cfg_cq,
    output logic                       cfg_valid,
    output logic      [11:0]           cfg_size,
    output logic      [63:0]           cfg_base,
    output logic      [FUNC_W-1:0]     cfg_func,
    output logic      [QW-1:0]         cfg_cqid,
    output logic      [1:0]            cfg_prio,
    output logic      [7:0]            cfg_vec,
    output logic                       cfg_ien,
    output logic                       gr_we,           // grants
    output logic      [QW-1:0]         gr_qid,
    output logic      [255:0]          gr_entry,
    output logic                       rg_we,           // ranges
    output logic      [QW-1:0]         rg_qid,
    output logic      [2:0]            rg_idx,
    output logic      [127:0]          rg_entry,
    output logic                       ns_we,           // namespaces
    output logic      [3:0]            ns_idx,
    output logic                       ns_valid,
    output logic      [63:0]           ns_blocks,
    output logic      [3:0]            ns_shift,
    output logic      [63:0]           ns_base,
    output logic      [NAMESPACES-1:0] ana_change,
    output logic      [2:0]            arb_ab,          // arbitration
    output logic      [7:0]            arb_hpw,
    output logic      [7:0]            arb_mpw,
    output logic      [7:0]            arb_lpw,
    output logic      [7:0]            coal_thr,        // interrupt coalescing
    output logic      [7:0]            coal_time,
    output logic                       vec_we,          // event: a vector is coalesced or not
    output logic      [7:0]            vec_idx,
    output logic                       vec_off,

    output logic                       stop_we,         // to crl_nvme_arb
    output logic      [QW-1:0]         stop_qid,
    output logic                       stop,
    output logic                       ab_valid,        // abort, to crl_nvme_exec
    output logic      [QW-1:0]         ab_qid,
    output logic      [15:0]           ab_cid,
    input  wire logic                  ab_done,
    input  wire logic                  ab_found,

    input  wire logic                  bad_valid,       // events: doorbell refused
    input  wire logic [QW-1:0]         bad_qid,
    input  wire logic                  bad_cq,
    input  wire logic                  bad_code,
    input  wire logic [FUNC_W-1:0]     bad_func,
    input  wire logic                  sqf_valid,       // an entry could not be read
    input  wire logic [QW-1:0]         sqf_qid,
    input  wire logic                  cqf_valid,       // an entry could not be written
    input  wire logic [QW-1:0]         cqf_qid,
    input  wire logic                  lg_valid,        // a completion with MORE
    input  wire logic [QW-1:0]         lg_qid,
    input  wire logic [15:0]           lg_cid,
    input  wire logic [10:0]           lg_status,
    input  wire logic [31:0]           lg_nsid,
    input  wire logic [63:0]           lg_lba,

    input  wire logic                  start,           // life, crl_nvme_ctrl
    output logic                       started,
    input  wire logic                  quiesce,
    input  wire logic                  shut,            // quiesce is for a shutdown, else for a reset
    output logic                       quiet,           // as far as the processor knows
    input  wire logic                  run,
    output logic                       fatal,
    input  wire logic [63:0]           asq,
    input  wire logic [63:0]           acq,
    input  wire logic [11:0]           asqs,
    input  wire logic [11:0]           acqs,

    output logic                       d_go,            // crl_nvme_drain
    output logic      [1:0]            d_what,
    output logic      [QW-1:0]         d_qid,
    output logic      [10:0]           d_status,
    output logic                       d_drop,
    input  wire logic                  d_done,
    input  wire logic                  dropping,
    input  wire logic                  d_stop_we,       // it stops a queue
    input  wire logic [QW-1:0]         d_stop_qid,
    output logic                       q_ask,           // look-up of a queue's state
    output logic      [QW-1:0]         q_qid,
    input  wire logic                  q_grant,         // a grant is out
    input  wire logic                  q_exec,          // commands are in execution

    output logic                       ar_valid,        // DMA of the data page: read client
    input  wire logic                  ar_ready,
    output logic      [63:0]           ar_addr,
    output logic      [7:0]            ar_len,
    output logic      [FUNC_W-1:0]     ar_user,
    input  wire logic                  r_valid,
    input  wire logic [DATA_W-1:0]     r_data,
    input  wire logic [1:0]            r_resp,
    input  wire logic                  r_last,
    output logic                       wb_soon,         // write client
    output logic                       wb_valid,
    input  wire logic                  wb_ready,
    output logic                       wb_first,
    output logic                       wb_last,
    output logic      [63:0]           wb_addr,
    output logic      [7:0]            wb_len,
    output logic      [FUNC_W-1:0]     wb_user,
    output logic      [DATA_W-1:0]     wb_data,
    output logic      [DATA_W/8-1:0]   wb_strb,
    input  wire logic                  wb_b_valid,
    input  wire logic [1:0]            wb_b_resp
);

  initial begin
    if (QUEUES < 1 || QUEUES > 128)        $fatal(1, "crl_nvme_mbox: QUEUES must be 1 to 128");
    if (NAMESPACES < 1 || NAMESPACES > 16) $fatal(1, "crl_nvme_mbox: NAMESPACES must be 1 to 16");
    if (FUNC_W < 1 || FUNC_W > 16)         $fatal(1, "crl_nvme_mbox: FUNC_W must be 1 to 16");
  end

  // ---------------------------------------------------------------------------------------------
  // Accesses

  logic        choose, at_pop, at_qbad, at_qstate, at_stop;   // what the access is
  logic        busy, look, reads, we, hold, wait_bus, page, again, setup_busy, setup_done, stop_wait, ev_hold;
  logic [12:0] wr_addr, next_addr, addr;
  logic [31:0] wdata, go_data, act_data, regs_rdata, ctl_rdata, sqe_rdata, ev_rdata, page_rdata, ram_q, rdata;
  logic [3:0]  strb;
  logic        dma_busy, dma_done, dma_error, start_busy, start_done, gr_blank, rg_blank, setup_q;

  // Looked at when a write is chosen; it acts two cycles later, crl_nvme_start writes from its second busy cycle on.
  assign wait_bus = (setup_busy || start) && (wr_addr == crl_mbox_pkg::REG_CFG_GO || wr_addr == crl_mbox_pkg::REG_GRANT_GO
                                   || wr_addr == crl_mbox_pkg::REG_RANGE_GO);
  // The set-up is over when grant and range are what the processor wrote, too.
  assign setup_busy = start_busy || again;
  assign setup_done = setup_q && !setup_busy;

  always_ff @(posedge clk) setup_q <= !rst && setup_busy;

  assign hold     = (ev_hold && (at_qbad || at_pop)) || (stop_wait && at_stop);

  always_ff @(posedge clk) begin
    if (choose) begin
      at_pop    <= next_addr == crl_mbox_pkg::REG_EVENT_POP;
      at_qbad   <= next_addr == crl_mbox_pkg::REG_QBAD;
      at_qstate <= next_addr == crl_mbox_pkg::REG_QSTATE;
      at_stop   <= next_addr == crl_mbox_pkg::REG_STOP_GO;
    end
  end

  assign page     = addr[12];
  assign rdata    = regs_rdata | ctl_rdata | ev_rdata | ram_q;

  // What comes out of block RAM is late in its cycle.
  always_ff @(posedge clk) ram_q <= sqe_rdata | (page ? page_rdata : '0);

  crl_nvme_mbox_axil u_axil (
      .clk, .rst, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid, .s_axil_wready,
      .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready,
      .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready,
      .wr_addr, .choose, .next_addr, .wait_bus, .hold, .busy, .look, .reads, .we, .addr, .wdata, .strb, .err(page && dma_busy), .rdata
  );

  // ---------------------------------------------------------------------------------------------
  // What is kept

  logic [63:0]  k_base, k_dma;
  logic [31:0]  k_queue, k_size, k_arb, k_dw0;
  logic [15:0]  k_coal, k_ana;
  logic [7:0]   k_qsel, k_enable;

  crl_nvme_mbox_regs u_regs (
      .clk, .rst, .wr(look && we), .choose, .next_addr, .wdata, .strb, .rdata(regs_rdata), .busy, .gr_blank, .rg_blank, .again,
      .grant(gr_entry), .range(rg_entry), .ns_blocks, .ns_base, .cfg_queue(k_queue), .cfg_size(k_size), .cfg_base(k_base),
      .dma_addr(k_dma), .arb(k_arb), .coalesce(k_coal), .cpl_dw0(k_dw0), .ana_change(k_ana), .qsel(k_qsel), .irq_enable(k_enable)
  );

  assign ana_change = k_ana[NAMESPACES-1:0];
  assign arb_ab     = k_arb[crl_mbox_pkg::ARB_AB_LSB +: 3];
  assign arb_hpw    = k_arb[crl_mbox_pkg::ARB_HPW_LSB +: 8];
  assign arb_mpw    = k_arb[crl_mbox_pkg::ARB_MPW_LSB +: 8];
  assign arb_lpw    = k_arb[crl_mbox_pkg::ARB_LPW_LSB +: 8];
  assign coal_thr   = k_coal[crl_mbox_pkg::COALESCE_THRESHOLD_LSB +: 8];
  assign coal_time  = k_coal[crl_mbox_pkg::COALESCE_TIME_LSB +: 8];

  // ---------------------------------------------------------------------------------------------
  // What is set off

  logic cfg_go, gr_go, rg_go, stop_go, dma_go, sqe_pop, cpl_go, event_pop, lost_clear, qbad_clear, qbad_look, sel_ok;
  logic sqe_any, sqe_held, event_any, cpl_busy, cpl_taken;

  crl_nvme_mbox_ctl #(.QUEUES(QUEUES), .NAMESPACES(NAMESPACES), .FUNC_W(FUNC_W), .MDTS_BYTES(MDTS_BYTES)) u_ctl (
      .clk, .rst, .look, .reads, .we, .addr, .at_pop, .at_qbad, .at_qstate, .wdata, .strb, .go_data, .rdata(ctl_rdata),
      .cfg_qid(k_queue[crl_mbox_pkg::CFG_QUEUE_QUEUE_LSB +: 8]), .cfg_cqid(k_queue[crl_mbox_pkg::CFG_QUEUE_CQID_LSB +: 8]),
      .qsel(k_qsel), .irq_enable(k_enable), .irq(mbox_irq),
      .act_data, .act_ns(ns_we), .act_vec(vec_we), .act_drain(d_go), .act_abort(ab_valid),
      .cfg_go, .gr_go, .rg_go, .stop_go, .dma_go, .sqe_pop, .cpl_go, .event_pop, .lost_clear, .qbad_clear, .qbad_look, .sel_ok,
      .sqe_any, .event_any, .cpl_busy, .cpl_taken, .dma_busy, .dma_done, .dma_error, .setup_busy, .setup_done,
      .start, .started, .quiesce, .shut, .quiet, .run, .fatal, .d_done, .ab_done, .ab_found, .q_ask, .q_qid, .q_grant, .q_exec
  );

  assign ns_idx   = act_data[crl_mbox_pkg::NS_GO_INDEX_LSB +: 4];
  assign ns_valid = act_data[crl_mbox_pkg::NS_GO_VALID_LSB];
  assign ns_shift = act_data[crl_mbox_pkg::NS_GO_SHIFT_LSB +: 4];
  assign vec_idx  = act_data[crl_mbox_pkg::VECTOR_GO_VECTOR_LSB +: 8];
  assign vec_off  = act_data[crl_mbox_pkg::VECTOR_GO_OFF_LSB];
  assign d_what   = act_data[crl_mbox_pkg::DRAIN_GO_WHAT_LSB +: 2];
  assign d_qid    = act_data[crl_mbox_pkg::DRAIN_GO_QUEUE_LSB +: QW];
  assign d_status = act_data[crl_mbox_pkg::DRAIN_GO_STATUS_LSB +: 11];
  assign d_drop   = act_data[crl_mbox_pkg::DRAIN_GO_DROP_LSB];
  assign ab_qid   = act_data[crl_mbox_pkg::ABORT_GO_QUEUE_LSB +: QW];
  assign ab_cid   = act_data[crl_mbox_pkg::ABORT_GO_CID_LSB +: 16];

  crl_nvme_mbox_cfg #(.QUEUES(QUEUES), .FUNC_W(FUNC_W)) u_cfg (
      .clk, .rst, .start, .asq, .acq, .asqs, .acqs, .busy(start_busy), .done(start_done), .gr_blank, .rg_blank,
      .cfg_go, .gr_go, .rg_go, .go_data, .k_queue, .k_size, .k_base,
      .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_size, .cfg_base, .cfg_func, .cfg_cqid, .cfg_prio, .cfg_vec, .cfg_ien,
      .gr_we, .gr_qid, .rg_we, .rg_qid, .rg_idx
  );

  // ---------------------------------------------------------------------------------------------
  // Admin commands, answers, stops

  logic [31:0] sqe_word;
  logic        sqe_sel, sqe_got_q;

  assign sqe_sel   = addr[12:6] == crl_mbox_pkg::REG_SQE[12:6];
  assign sqe_rdata = sqe_got_q ? sqe_word : '0;

  // sqe_got_q: a command was there when its word was looked up.
  always_ff @(posedge clk) sqe_got_q <= look && !we && sqe_sel && sqe_any;

  crl_nvme_mbox_sqe #(.COMMANDS(2 * FETCH_DEPTH)) u_sqe (
      .clk, .rst, .a_valid, .a_ready, .a_sqe, .drop(dropping), .pop(sqe_pop), .any(sqe_any), .held(sqe_held),
      .re(look && !we && sqe_sel && sqe_any), .rword(addr[5:2]), .rdata(sqe_word), .rb2_valid, .rb2_ready
  );

  crl_nvme_mbox_cpl u_cpl (
      .clk, .rst, .go(cpl_go), .go_word(go_data), .go_dw0(k_dw0), .drop(dropping), .busy(cpl_busy), .taken(cpl_taken),
      .rs2_valid, .rs2_ready, .rs2_got, .z_valid, .z_ready, .z_cid, .z_status, .z_dnr, .z_more, .z_dw0
  );

  crl_nvme_mbox_stop #(.QW(QW)) u_stop (
      .clk, .rst, .d_we(d_stop_we), .d_qid(d_stop_qid), .sqf_valid, .sqf_qid, .go(stop_go), .go_qid(go_data[QW-1:0]),
      .go_stop(go_data[crl_mbox_pkg::STOP_GO_STOP_LSB]), .go_wait(stop_wait), .held(sqe_held), .set0(cfg_we && !cfg_cq && cfg_qid == '0),
      .stop_we, .stop_qid, .stop
  );

  assign rs2_qid = '0;
  assign rb2_qid = '0;
  assign z_qid   = '0;
  assign z_drop  = 1'b0;
  assign hd_qid  = '0;
  assign z_sqhd  = hd_head;

  // ---------------------------------------------------------------------------------------------
  // Events

  // That a completion is handed over is known late, so all of them come from registers.
  logic [3:0]        ev_q;
  logic [QW-1:0]     ev_bad_q, ev_sqf_q, ev_cqf_q, ev_lg_q;
  logic              ev_cq_q, ev_code_q;
  logic [FUNC_W-1:0] ev_func_q;
  logic [15:0]       ev_cid_q;
  logic [10:0]       ev_status_q;
  logic [31:0]       ev_nsid_q;
  logic [63:0]       ev_lba_q;

  always_ff @(posedge clk) begin
    ev_q <= {lg_valid, cqf_valid, sqf_valid, bad_valid} & {4{!rst}};
    {ev_bad_q, ev_cq_q, ev_code_q, ev_func_q, ev_sqf_q, ev_cqf_q} <= {bad_qid, bad_cq, bad_code, bad_func, sqf_qid, cqf_qid};
    {ev_lg_q, ev_cid_q, ev_status_q, ev_nsid_q, ev_lba_q} <= {lg_qid, lg_cid, lg_status, lg_nsid, lg_lba};
  end

  crl_nvme_mbox_ev #(.QUEUES(QUEUES), .FUNC_W(FUNC_W)) u_ev (
      .clk, .rst, .bad_valid(ev_q[0]), .bad_qid(ev_bad_q), .bad_cq(ev_cq_q), .bad_code(ev_code_q), .bad_func(ev_func_q),
      .sqf_valid(ev_q[1]), .sqf_qid(ev_sqf_q), .cqf_valid(ev_q[2]), .cqf_qid(ev_cqf_q),
      .lg_valid(ev_q[3]), .lg_qid(ev_lg_q), .lg_cid(ev_cid_q), .lg_status(ev_status_q), .lg_nsid(ev_nsid_q), .lg_lba(ev_lba_q),
      .hold(ev_hold), .q_look(qbad_look), .q_clear(qbad_clear), .qsel(k_qsel[QW-1:0]), .qsel_ok(sel_ok), .any(event_any), .pop(event_pop), .at_pop, .lost_clear,
      .addr, .rdata(ev_rdata)
  );

  // ---------------------------------------------------------------------------------------------
  // Data page

  crl_nvme_mdma #(.DATA_W(DATA_W), .FUNC_W(FUNC_W)) u_mdma (
      .clk, .rst, .go(dma_go), .go_host(go_data[crl_mbox_pkg::DMA_GO_TO_HOST_LSB]), .go_addr(k_dma),
      .go_bytes(go_data[crl_mbox_pkg::DMA_GO_BYTES_LSB +: 13]), .busy(dma_busy), .done(dma_done), .error(dma_error),
      .p_en(look && page && !dma_busy), .p_we(we ? strb : 4'd0), .p_word(addr[11:2]), .p_wdata(wdata), .p_rdata(page_rdata),
      .ar_valid, .ar_ready, .ar_addr, .ar_len, .ar_user, .r_valid, .r_data, .r_resp, .r_last,
      .wb_soon, .wb_valid, .wb_ready, .wb_first, .wb_last, .wb_addr, .wb_len, .wb_user, .wb_data, .wb_strb, .wb_b_valid, .wb_b_resp
  );

  logic unused;
  assign unused = &{1'b0, start_done, k_queue, k_size, k_arb, k_ana, go_data, act_data};

endmodule

`default_nettype wire
