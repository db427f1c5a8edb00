// SPDX-License-Identifier: Apache-2.0
//
// crl_node: one controller's node: registers, DMA engine, NVMe block, one link and one target a peer, memory port.
//
// How: docs/architecture.md. This file only connects the blocks. BAR0 on s_axil, controller memory on m_axi, a pair of
//   AXI4-Streams to each peer on that peer's link clock.
// Latency: doorbell W handshake to the first data AR handshake 12 cycles + memory latency at 64 bits.
// Throughput: one read beat and one write beat a cycle on m_axi, one beat a cycle each way on every link.
// Reset: rst is synchronous to clk and must be held for at least 2 cycles of clk; link_rst[p] likewise for link_clk[p].
//   Either may come at any time. s_axil answers about 2000 cycles after rst (tables are cleared) at the earliest.
// Errors: docs/layouts.md has the status codes.
`default_nettype none

module crl_node #(
    parameter int DATA_W   = 64,                 // memory port data bits: 64, 128, 256, 512
    parameter int LINK_W   = DATA_W,             // link data bits: 64, 128, 256, 512
    parameter int CHANNELS = 8,                  // 1 to 64
    parameter int PEERS    = 1,                  // 1 to 3
    parameter int SEGMENTS = 32,                 // 2 to 128
    parameter int READS_IN_FLIGHT  = 64,         // data bursts
    parameter int WRITES_IN_FLIGHT = 64,         // data bursts
    parameter int MAX_BURST_BYTES  = 512,        // power of two, at least 2 beats, at most 2048
    parameter int PREFETCH = CHANNELS > 16 ? 1 << $clog2(4 * CHANNELS) : 64,  // descriptors, power of two
    parameter int OPS      = 128,                // operations in flight, power of two
    parameter int LINK_MTU = 1024,               // payload bytes a frame, power of two
    parameter int RX_SHARED = LINK_W <= 128 ? 24 : 3 * LINK_W / 16,  // receive slots a peer beside one a channel, at most 125
    parameter int REPLAY_FRAMES = LINK_W <= 128 ? 32 : LINK_W / 4,   // frames kept until acknowledged, power of two
    parameter bit READ_EN   = 1,                 // READ, as initiator and as target
    parameter bit ATOMIC_EN = READ_EN,           // FETCH_ADD and CMP_SWAP likewise; need READ_EN
    parameter bit SEND_EN   = 1,                 // messages: WRITE_IMM and SEND, as initiator and as target
    parameter bit MIRROR_EN = READ_EN,           // MIRROR likewise; needs READ_EN
    parameter int HOLD_FRAMES = REPLAY_FRAMES,   // frames of MIRROR held until the peer agrees, a peer; power of two
    parameter int READ_SLOTS = LINK_W > 128 ? LINK_W / 8 : 16,  // receive slots a peer for READ_DATA
    parameter bit NVME_EN   = 1,                 // NVMe block
    parameter int QUEUES    = 8,                 // its I/O queue pairs, 1 to 128
    parameter int NAMESPACES = 4,                // 1 to 16
    parameter int NVME_DSTRD = 9,                // doorbell stride, 4 << NVME_DSTRD bytes
    parameter int NVME_TO    = 20,               // CAP.TO, units of 500 ms
    parameter int NVME_OPS   = 32,               // commands in flight, power of two, 4 to 256
    parameter int NVME_FETCH_DEPTH = 16,         // entries held or requested, power of two, 8 to 64
    parameter int NVME_MDTS_BYTES  = 1048576,    // largest transfer
    parameter int COALESCE_UNIT_CYCLES = 10000,  // 100 us, the unit of its interrupt coalescing
    parameter int FUNC_W   = 8,                  // FUNCTION_ID bits, to 12
    parameter int ID_W     = 4,                  // AXI ID bits, at least 3
    parameter int STALL_MAX_CYCLES  = 65536,     // memory port without progress: fatal
    parameter int OP_TIMEOUT_CYCLES = 1048576,   // remote operation without op-ack
    parameter int KEEPALIVE_CYCLES  = 4096,      // an idle end sends after half of it; three of silence: link down
    localparam int B       = DATA_W / 8,
    localparam int LB      = LINK_W / 8
) (
    input  wire logic                    clk,
    input  wire logic                    rst,

    input  wire logic [20:0]             s_axil_awaddr,
    input  wire logic [FUNC_W-1:0]       s_axil_awuser,   // FUNCTION_ID of the requester, 0: privileged
    input  wire logic [2:0]              s_axil_awprot,
    input  wire logic                    s_axil_awvalid,
    output logic                         s_axil_awready,
    input  wire logic [63:0]             s_axil_wdata,
    input  wire logic [7:0]              s_axil_wstrb,
    input  wire logic                    s_axil_wvalid,
    output logic                         s_axil_wready,
    output logic      [1:0]              s_axil_bresp,
    output logic                         s_axil_bvalid,
    input  wire logic                    s_axil_bready,
    input  wire logic [20:0]             s_axil_araddr,
    input  wire logic [FUNC_W-1:0]       s_axil_aruser,
    input  wire logic [2:0]              s_axil_arprot,
    input  wire logic                    s_axil_arvalid,
    output logic                         s_axil_arready,
    output logic      [63:0]             s_axil_rdata,
    output logic      [1:0]              s_axil_rresp,
    output logic                         s_axil_rvalid,
    input  wire logic                    s_axil_rready,

    output logic      [ID_W-1:0]         m_axi_awid,
    output logic      [63:0]             m_axi_awaddr,
    output logic      [7:0]              m_axi_awlen,
    output logic      [2:0]              m_axi_awsize,
    output logic      [1:0]              m_axi_awburst,
    output logic      [3:0]              m_axi_awcache,
    output logic      [2:0]              m_axi_awprot,
    output logic      [FUNC_W-1:0]       m_axi_awuser,    // FUNCTION_ID on whose behalf
    output logic                         m_axi_awvalid,
    input  wire logic                    m_axi_awready,
    output logic      [DATA_W-1:0]       m_axi_wdata,
    output logic      [B-1:0]            m_axi_wstrb,
    output logic                         m_axi_wlast,
    output logic                         m_axi_wvalid,
    input  wire logic                    m_axi_wready,
    input  wire logic [ID_W-1:0]         m_axi_bid,
    input  wire logic [1:0]              m_axi_bresp,
    input  wire logic                    m_axi_bvalid,
    output logic                         m_axi_bready,
    output logic      [ID_W-1:0]         m_axi_arid,
    output logic      [63:0]             m_axi_araddr,
    output logic      [7:0]              m_axi_arlen,
    output logic      [2:0]              m_axi_arsize,
    output logic      [1:0]              m_axi_arburst,
    output logic      [3:0]              m_axi_arcache,
    output logic      [2:0]              m_axi_arprot,
    output logic      [FUNC_W-1:0]       m_axi_aruser,
    output logic                         m_axi_arvalid,
    input  wire logic                    m_axi_arready,
    input  wire logic [ID_W-1:0]         m_axi_rid,
    input  wire logic [DATA_W-1:0]       m_axi_rdata,
    input  wire logic [1:0]              m_axi_rresp,
    input  wire logic                    m_axi_rlast,
    input  wire logic                    m_axi_rvalid,
    output logic                         m_axi_rready,

    input  wire logic [PEERS-1:0]        link_clk,
    input  wire logic [PEERS-1:0]        link_rst,
    input  wire logic [PEERS-1:0]        link_up,         // physical link is up, asynchronous
    output logic      [PEERS*LINK_W-1:0] m_axis_link_tdata,
    output logic      [PEERS*LB-1:0]     m_axis_link_tkeep,
    output logic      [PEERS-1:0]        m_axis_link_tvalid,
    input  wire logic [PEERS-1:0]        m_axis_link_tready,
    output logic      [PEERS-1:0]        m_axis_link_tlast,
    input  wire logic [PEERS*LINK_W-1:0] s_axis_link_tdata,
    input  wire logic [PEERS*LB-1:0]     s_axis_link_tkeep,
    input  wire logic [PEERS-1:0]        s_axis_link_tvalid,
    output logic      [PEERS-1:0]        s_axis_link_tready,
    input  wire logic [PEERS-1:0]        s_axis_link_tlast,

    input  wire logic [12:0]             mbox_axil_awaddr,  // admin processor's mailbox, AXI4-Lite
    input  wire logic                    mbox_axil_awvalid,
    output logic                         mbox_axil_awready,
    input  wire logic [31:0]             mbox_axil_wdata,
    input  wire logic [3:0]              mbox_axil_wstrb,
    input  wire logic                    mbox_axil_wvalid,
    output logic                         mbox_axil_wready,
    output logic      [1:0]              mbox_axil_bresp,
    output logic                         mbox_axil_bvalid,
    input  wire logic                    mbox_axil_bready,
    input  wire logic [12:0]             mbox_axil_araddr,
    input  wire logic                    mbox_axil_arvalid,
    output logic                         mbox_axil_arready,
    output logic      [31:0]             mbox_axil_rdata,
    output logic      [1:0]              mbox_axil_rresp,
    output logic                         mbox_axil_rvalid,
    input  wire logic                    mbox_axil_rready,
    output logic                         mbox_irq,        // level
    output logic                         nvme_ssr,        // event: NVM subsystem reset was asked for

    output logic                         irq              // level
);

  localparam int CW = CHANNELS > 1 ? $clog2(CHANNELS) : 1;
  localparam int SW = $clog2(SEGMENTS);
  localparam int EW = crl_pkg::SEGENT_W;
  localparam int AT = ATOMIC_EN ? 1 : 0;
  localparam int RE = SEND_EN ? 1 : 0;
  localparam int NE = NVME_EN ? 1 : 0;
  localparam int NV = NVME_EN ? QUEUES + 1 : 1;  // vectors of the NVMe block, one a completion queue
  localparam int ND = 1 + PEERS + 2 * NE + AT;   // write clients of data: engine, targets, NVMe data and completions, atomic unit
  localparam int N  = ND + 2;                    // and completions, MSI-X

  initial begin
    if (DATA_W != 64 && DATA_W != 128 && DATA_W != 256 && DATA_W != 512)
      $fatal(1, "crl_node: DATA_W must be 64, 128, 256 or 512");
    if (LINK_W != 64 && LINK_W != 128 && LINK_W != 256 && LINK_W != 512)
      $fatal(1, "crl_node: LINK_W must be 64, 128, 256 or 512");
    if (CHANNELS < 1 || CHANNELS > 64) $fatal(1, "crl_node: CHANNELS must be 1 to 64");
    if (PEERS < 1 || PEERS > 3) $fatal(1, "crl_node: PEERS must be 1 to 3");
    if (SEGMENTS < 2 || SEGMENTS > 128) $fatal(1, "crl_node: SEGMENTS must be 2 to 128");
    if (READS_IN_FLIGHT < 8 || READS_IN_FLIGHT > 256) $fatal(1, "crl_node: READS_IN_FLIGHT must be 8 to 256");
    if (WRITES_IN_FLIGHT < 2 || WRITES_IN_FLIGHT > 256) $fatal(1, "crl_node: WRITES_IN_FLIGHT must be 2 to 256");
    if (MAX_BURST_BYTES < 2 * B || MAX_BURST_BYTES > 2048 || (MAX_BURST_BYTES & (MAX_BURST_BYTES - 1)) != 0)
      $fatal(1, "crl_node: MAX_BURST_BYTES must be a power of two from two beats to 2048");
    // An unaligned write has a beat more.
    if (MAX_BURST_BYTES / B > 255) $fatal(1, "crl_node: MAX_BURST_BYTES must be at most 1024 at DATA_W 64");
    if (PREFETCH < 4 * CHANNELS || PREFETCH < 16 || (PREFETCH & (PREFETCH - 1)) != 0)
      $fatal(1, "crl_node: PREFETCH must be a power of two, at least 4 for each channel and 16");
    if (OPS < 4 || (OPS & (OPS - 1)) != 0) $fatal(1, "crl_node: OPS must be a power of two and at least 4");
    if (LINK_MTU < MAX_BURST_BYTES || LINK_MTU > 2048 || (LINK_MTU & (LINK_MTU - 1)) != 0)
      $fatal(1, "crl_node: LINK_MTU must be a power of two from MAX_BURST_BYTES to 2048");
    if (FUNC_W < 1 || FUNC_W > 12) $fatal(1, "crl_node: FUNC_W must be 1 to 12");
    if (READ_SLOTS < 2 || READ_SLOTS > 128) $fatal(1, "crl_node: READ_SLOTS must be 2 to 128");
    if (RX_SHARED < 0 || RX_SHARED > 125) $fatal(1, "crl_node: RX_SHARED must be at most 125");
    if (REPLAY_FRAMES < 8 || REPLAY_FRAMES > 256 || (REPLAY_FRAMES & (REPLAY_FRAMES - 1)) != 0)
      $fatal(1, "crl_node: REPLAY_FRAMES must be a power of two from 8 to 256");
    if (ID_W < 3) $fatal(1, "crl_node: ID_W must be at least 3");
    if (MIRROR_EN && !READ_EN) $fatal(1, "crl_node: MIRROR_EN needs READ_EN");
    if (MIRROR_EN && (HOLD_FRAMES < 4 || HOLD_FRAMES > 256 || (HOLD_FRAMES & (HOLD_FRAMES - 1)) != 0))
      $fatal(1, "crl_node: HOLD_FRAMES must be a power of two from 4 to 256");
    if (ATOMIC_EN && !READ_EN) $fatal(1, "crl_node: ATOMIC_EN needs READ_EN");
  end

  // ---------------------------------------------------------------- registers
  logic                db_valid, cdb_valid, rdb_valid, cmd_valid, cc_we, cc_mgmt, cc_abs, cc_stop, cc_bind, seg_we;
  logic [CW-1:0]       db_ch, cdb_ch, cmd_ch, rc_ch, cc_ch, st_ch, clr_ch;
  logic [15:0]         db_val, cdb_val, cc_rate, cc_burst;
  logic [2:0]          cmd;
  logic [2:0]          rc_sel;
  logic [1:0]          cc_class, cc_peer;
  logic [63:0]         rc_data;
  logic [CHANNELS-1:0] ch_locked, err_irq;
  logic [FUNC_W-1:0]   cc_func;
  logic [7:0]          cc_weight, cc_peer_ch, node_id, st_error, fatal_cause;
  logic [SW-1:0]       seg_idx;
  logic [EW-1:0]       seg_entry;
  logic [PEERS-1:0]    peer_enable, peer_up;
  logic [PEERS*8-1:0]  peer_node;
  logic [PEERS*16-1:0] peer_epoch;
  logic [PEERS*5-1:0]  peer_ev;
  logic [3:0]          st_state;
  logic                st_busy, clr_valid, fatal;
  logic [11:0]         st_dr_prod, st_dr_cons, st_cq_prod, st_cq_cons, st_rr_prod, st_rr_cons;
  logic                cpl_irq_valid, ret_valid, rd_cnt_valid;
  logic [CW-1:0]       cpl_irq_ch, ret_ch, rd_cnt_ch;
  logic [7:0]          ret_status;
  logic [11:0]         rd_cnt_bytes;
  logic [1+PEERS-1:0]  wr_cnt_valid;
  logic [(1+PEERS)*CW-1:0] wr_cnt_ch;
  logic [(1+PEERS)*12-1:0] wr_cnt_bytes;
  logic [6*CHANNELS-1:0] stall;
  logic [PEERS-1:0]    ntf_valid;
  logic [PEERS*CW-1:0] ntf_ch;
  logic                misc_irq_valid;
  logic [1+PEERS-1:0]  irq_ev;
  logic [(1+PEERS)*CW-1:0] irq_ev_ch;
  logic [CW-1:0]       misc_irq_ch;
  logic                rev_req;
  logic [3:0]          retry_we;
  logic [CW-1:0]       retry_ch;
  logic [31:0]         retry_data;
  logic [15:0]         rev_seq, rev_ack;

  logic                nv_wr, nv_rd_foreign, nv_foreign_valid, nv_line;
  logic [19:0]         nv_wr_addr, nv_rd_addr;
  logic [FUNC_W-1:0]   nv_wr_user, nv_rd_user, nv_foreign_func;
  logic [63:0]         nv_wr_data, nv_rd_data;
  logic [7:0]          nv_wr_strb;
  logic [NV-1:0]       nv_fire;

  // Write clients
  logic [N-1:0]        wb_soon, wb_valid, wb_ready, wb_first, wb_last, wb_b_valid;
  logic [N*64-1:0]     wb_addr;
  logic [N*8-1:0]      wb_len;
  logic [N*FUNC_W-1:0] wb_user;
  logic [N*DATA_W-1:0] wb_data;
  logic [N*B-1:0]      wb_strb;
  logic [1:0]          wb_b_resp;

  crl_regs #(
      .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .FUNC_W(FUNC_W), .DATA_W(DATA_W), .LINK_W(LINK_W),
      .PREFETCH(PREFETCH), .OPS(OPS), .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU), .RX_SHARED(RX_SHARED),
      .SEND_EN(SEND_EN), .NVME_VECTORS(NE * NV), .NVME_QUEUES(NE * QUEUES)
  ) u_regs (
      .clk, .rst,
      .s_axil_awaddr, .s_axil_awuser, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb,
      .s_axil_wvalid, .s_axil_wready, .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_aruser,
      .s_axil_arvalid, .s_axil_arready, .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready,
      .db_valid, .db_ch, .db_val, .cdb_valid, .cdb_ch, .cdb_val, .rdb_valid, .cmd_valid, .cmd_ch, .cmd, .rc_ch, .rc_sel, .rc_data,
      .ch_locked, .cc_we, .cc_ch, .cc_func, .cc_class, .cc_weight, .cc_mgmt, .cc_rate, .cc_burst, .cc_abs, .cc_stop, .cc_bind,
      .cc_peer, .cc_peer_ch, .seg_we, .seg_idx, .seg_entry,
      .retry_we, .retry_ch, .retry_data, .peer_enable, .peer_node, .peer_epoch, .node_id, .peer_up, .peer_ev,
      .rev_req, .rev_seq, .rev_ack,
      .st_ch, .st_state, .st_error, .st_busy, .st_dr_prod, .st_dr_cons, .st_cq_prod, .st_cq_cons, .st_rr_prod, .st_rr_cons,
      .clr_valid, .clr_ch,
      .irq_valid(irq_ev), .irq_ch(irq_ev_ch),
      .ret_valid, .ret_ch, .ret_status, .rd_cnt_valid, .rd_cnt_ch, .rd_cnt_bytes, .wr_cnt_valid, .wr_cnt_ch, .wr_cnt_bytes,
      .stall, .fatal, .irq,
      .nv_wr, .nv_wr_addr, .nv_wr_user, .nv_wr_data, .nv_wr_strb, .nv_rd_addr, .nv_rd_user, .nv_rd_data, .nv_rd_foreign,
      .nv_foreign_valid, .nv_foreign_func, .nv_fire, .nv_line,
      .m_wb_valid(wb_valid[N-1]), .m_wb_ready(wb_ready[N-1]), .m_wb_first(wb_first[N-1]), .m_wb_last(wb_last[N-1]),
      .m_wb_addr(wb_addr[(N-1)*64 +: 64]), .m_wb_len(wb_len[(N-1)*8 +: 8]), .m_wb_user(wb_user[(N-1)*FUNC_W +: FUNC_W]),
      .m_wb_data(wb_data[(N-1)*DATA_W +: DATA_W]), .m_wb_strb(wb_strb[(N-1)*B +: B]),
      .m_wb_b_valid(wb_b_valid[N-1]), .m_wb_b_resp(wb_b_resp)
  );

  // Entries into ERROR interrupt too; they share a source with the first peer's notifications.
  crl_irq_merge #(.CHANNELS(CHANNELS), .SRCS(1)) u_irq_merge (
      .clk, .rst, .set(err_irq), .ev_valid(ntf_valid[0]), .ev_ch(ntf_ch[CW-1:0]), .irq_valid(misc_irq_valid),
      .irq_ch(misc_irq_ch)
  );
  assign irq_ev[1:0]         = {misc_irq_valid, cpl_irq_valid};
  assign irq_ev_ch[2*CW-1:0] = {misc_irq_ch, cpl_irq_ch};
  generate
    for (genvar p = 1; p < PEERS; p++) begin : g_ntf
      assign irq_ev[1+p]               = ntf_valid[p];
      assign irq_ev_ch[(1+p)*CW +: CW] = ntf_ch[p*CW +: CW];
    end
  endgenerate

  // ---------------------------------------------------------------- engine
  logic [(PEERS+AT)*SW-1:0] tgt_seg_idx;        // targets, atomic unit
  logic [(PEERS+AT)*EW-1:0] tgt_seg_entry;
  logic [PEERS*CHANNELS-1:0] tx_ok;
  logic [PEERS-1:0]    rd_ok, tx_take, txp_valid, txp_ready, txf_valid, txf_ready, ack_valid, ack_ready;
  logic [7:0]          tx_take_ch, txf_type, txf_flags, txf_src_ch, txf_dst_ch;
  logic [DATA_W-1:0]   txp_data;
  logic [15:0]         txf_op_seq;
  logic [31:0]         txf_total, txf_offset;
  logic [15:0]         txf_tag, txf_len;
  logic [127:0]        txf_arg;
  logic                tx_take_rd, rop_valid, rop_abs, rop_atomic, tx_take_hold, txp_mirror, rop_mirror;
  logic [PEERS-1:0]    hold_ok, mfail_valid, mfail_ready;
  logic [PEERS*CW-1:0] mfail_ch;
  logic [PEERS*16-1:0] mfail_op;
  logic [1:0]          rop_peer;
  logic [15:0]         rop_tag, kill_tag;
  logic [CW-1:0]       rop_ch, d_cnt_ch;
  logic [FUNC_W-1:0]   rop_func;
  logic [63:0]         rop_dst;
  logic [31:0]         rop_total;
  logic [PEERS-1:0]    kill_valid;
  logic [7:0]          kill_status;
  logic                d_cnt_valid, d_ar_valid, d_ar_ready, d_r_valid, d_r_ready, d_pending;
  logic                d_progress;
  logic [ID_W-1:0]     d_arid;
  logic [2:0]          d_arsize, d_arprot;
  logic [1:0]          d_arburst;
  logic [3:0]          d_arcache;
  logic [11:0]         d_cnt_bytes;
  logic [63:0]         d_ar_addr;
  logic [7:0]          d_ar_len;
  logic [FUNC_W-1:0]   d_ar_user;
  logic [63:0]         txf_segaddr;
  logic [PEERS*16-1:0] ack_tag, ack_status2;
  logic [PEERS*8-1:0]  ack_status, ack_ch;
  logic [CHANNELS-1:0] dead;
  logic [PEERS-1:0]    ack_permit, q_valid, q_send, q_done, sure_valid, x_valid, x_ready, x_back, x_send, x_irq;
  logic                q_ok, q_bad, q_abs;
  logic [63:0]         q_dst;
  logic [31:0]         q_len;
  logic [PEERS*CW-1:0] q_ch, sure_ch, x_ch;
  logic [PEERS*8-1:0]  x_status;
  logic                re_ar_valid, re_ar_ready, re_r_valid, re_pending;
  logic [63:0]         re_ar_addr;
  logic [7:0]          re_ar_len;
  logic [FUNC_W-1:0]   re_ar_user;
  logic [PEERS*32-1:0] x_bytes, x_imm;
  logic                rd_pending, rd_progress, wr_pending, wr_progress, rev_mark;
  logic [1+2*PEERS:0]  rev_over;       // engine's reads and writes, targets, responders

  crl_dma #(
      .DATA_W(DATA_W), .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .READS_IN_FLIGHT(READS_IN_FLIGHT),
      .WRITES_IN_FLIGHT(WRITES_IN_FLIGHT), .MAX_BURST_BYTES(MAX_BURST_BYTES), .PREFETCH(PREFETCH), .OPS(OPS),
      .LINK_MTU(LINK_MTU), .FUNC_W(FUNC_W), .ID_W(ID_W), .OP_TIMEOUT_CYCLES(OP_TIMEOUT_CYCLES), .READ_EN(READ_EN),
      .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN)
  ) u_dma (
      .clk, .rst, .db_valid, .db_ch, .db_val, .cdb_valid, .cdb_ch, .cdb_val, .rdb_valid, .cmd_valid, .cmd_ch, .cmd,
      .rc_ch, .rc_sel, .rc_data, .ch_locked, .cc_we, .cc_ch, .cc_func, .cc_class, .cc_weight, .cc_mgmt, .cc_rate, .cc_burst,
      .cc_abs, .cc_stop, .cc_bind, .cc_peer, .cc_peer_ch, .seg_we, .seg_idx, .seg_entry,
      .st_ch, .st_state, .st_error, .st_busy, .st_dr_prod, .st_dr_cons, .st_cq_prod, .st_cq_cons, .st_rr_prod, .st_rr_cons, .clr_valid, .clr_ch,
      .irq_valid(cpl_irq_valid), .irq_ch(cpl_irq_ch), .err_irq, .ret_valid, .ret_ch, .ret_status,
      .rd_cnt_valid(d_cnt_valid), .rd_cnt_ch(d_cnt_ch), .rd_cnt_bytes(d_cnt_bytes), .wr_cnt_valid(wr_cnt_valid[0]), .wr_cnt_ch(wr_cnt_ch[CW-1:0]),
      .wr_cnt_bytes(wr_cnt_bytes[11:0]), .stall, .fatal,
      .rop_valid, .rop_peer, .rop_tag, .rop_ch, .rop_func, .rop_abs, .rop_dst, .rop_total, .rop_atomic, .rop_mirror, .kill_valid, .kill_tag, .kill_status,
      .mfail_valid, .mfail_ready, .mfail_ch, .mfail_op,
      .peer_up, .tx_ok, .rd_ok, .hold_ok, .tx_take, .tx_take_rd, .tx_take_hold, .tx_take_ch, .txp_valid, .txp_ready, .txp_data, .txp_mirror, .txf_valid, .txf_ready, .txf_type, .txf_flags,
      .txf_src_ch, .txf_dst_ch, .txf_op_seq, .txf_tag, .txf_segaddr, .txf_total, .txf_offset, .txf_len, .txf_arg,
      .ack_valid, .ack_ready, .ack_ch, .ack_permit, .ack_tag, .ack_status, .ack_status2, .retry_we, .retry_ch, .retry_data,
      .dead, .q_valid, .q_ch, .q_send, .q_done, .q_ok, .q_dst, .q_len, .q_bad, .q_abs, .sure_valid, .sure_ch,
      .re_ar_valid, .re_ar_ready, .re_ar_addr, .re_ar_len, .re_ar_user, .re_r_valid, .re_pending,
      .x_valid, .x_ready, .x_back, .x_send, .x_status, .x_ch, .x_irq, .x_bytes, .x_imm,
      .wb_soon({wb_soon[N-2], wb_soon[0]}), .wb_valid({wb_valid[N-2], wb_valid[0]}), .wb_ready({wb_ready[N-2], wb_ready[0]}),
      .wb_first({wb_first[N-2], wb_first[0]}), .wb_last({wb_last[N-2], wb_last[0]}),
      .wb_addr({wb_addr[(N-2)*64 +: 64], wb_addr[63:0]}), .wb_len({wb_len[(N-2)*8 +: 8], wb_len[7:0]}),
      .wb_user({wb_user[(N-2)*FUNC_W +: FUNC_W], wb_user[FUNC_W-1:0]}),
      .wb_data({wb_data[(N-2)*DATA_W +: DATA_W], wb_data[DATA_W-1:0]}), .wb_strb({wb_strb[(N-2)*B +: B], wb_strb[B-1:0]}),
      .wb_b_valid({wb_b_valid[N-2], wb_b_valid[0]}), .wb_b_resp,
      .m_axi_arid(d_arid), .m_axi_araddr(d_ar_addr), .m_axi_arlen(d_ar_len), .m_axi_arsize(d_arsize), .m_axi_arburst(d_arburst),
      .m_axi_arcache(d_arcache), .m_axi_arprot(d_arprot), .m_axi_aruser(d_ar_user), .m_axi_arvalid(d_ar_valid),
      .m_axi_arready(d_ar_ready), .m_axi_rid, .m_axi_rdata, .m_axi_rresp, .m_axi_rlast, .m_axi_rvalid(d_r_valid),
      .m_axi_rready(d_r_ready), .rd_pending(d_pending), .rd_progress(d_progress),
      .rev_mark, .rev_over(rev_over[1:0])
  );

  // ---------------------------------------------------------------- revocations
  crl_revoke #(.N(2 + 2 * PEERS)) u_revoke (.clk, .rst, .req(rev_req), .seq(rev_seq), .ack(rev_ack), .mark(rev_mark), .over(rev_over));

  // ---------------------------------------------------------------- read port, shared with the responders
  localparam int RN = PEERS + AT + RE + NE; // responders, atomic unit, receive entries, NVMe block
  logic [RN-1:0]           p_ar_valid, p_ar_ready, p_r_valid, p_pending;
  logic [PEERS-1:0]        p_cnt_valid, p_cnt_ready;
  logic [RN*64-1:0]        p_ar_addr;
  logic [RN*8-1:0]         p_ar_len;
  logic [RN*FUNC_W-1:0]    p_ar_user;
  logic [PEERS*CW-1:0]     p_cnt_ch;
  logic [PEERS*12-1:0]     p_cnt_bytes;

  generate
    if (READ_EN || SEND_EN || NVME_EN) begin : g_rd_arb
      logic unused;
      assign unused = &{1'b0, d_arid, d_arsize, d_arburst, d_arcache, d_arprot, d_progress};
      crl_axi_rd_arb #(.DATA_W(DATA_W), .FUNC_W(FUNC_W), .ID_W(ID_W), .N(RN)) u_rd_arb (
          .clk, .rst, .e_ar_valid(d_ar_valid), .e_ar_ready(d_ar_ready), .e_ar_id(d_arid[0]), .e_ar_addr(d_ar_addr),
          .e_ar_len(d_ar_len), .e_ar_user(d_ar_user), .e_pending(d_pending), .e_r_valid(d_r_valid), .e_r_ready(d_r_ready),
          .p_ar_valid, .p_ar_ready, .p_ar_addr, .p_ar_len, .p_ar_user, .p_pending, .p_r_valid,
          .m_axi_arid, .m_axi_araddr, .m_axi_arlen, .m_axi_arsize, .m_axi_arburst, .m_axi_arcache, .m_axi_arprot, .m_axi_aruser,
          .m_axi_arvalid, .m_axi_arready, .m_axi_rid, .m_axi_rvalid, .m_axi_rready, .pending(rd_pending), .progress(rd_progress)
      );
      crl_cnt_join #(.W(CW + 12), .N(PEERS)) u_cnt (
          .clk, .rst, .ev_valid(d_cnt_valid), .ev_data({d_cnt_ch, d_cnt_bytes}), .s_valid(p_cnt_valid), .s_ready(p_cnt_ready),
          .s_hi(p_cnt_ch), .s_lo(p_cnt_bytes), .m_valid(rd_cnt_valid), .m_data({rd_cnt_ch, rd_cnt_bytes})
      );
    end else begin : g_rd_own
      logic unused;
      assign unused = &{1'b0, p_ar_valid, p_ar_addr, p_ar_len, p_ar_user, p_pending, p_cnt_valid, p_cnt_ch, p_cnt_bytes};
      assign m_axi_arid    = d_arid;
      assign m_axi_araddr  = d_ar_addr;
      assign m_axi_arlen   = d_ar_len;
      assign m_axi_arsize  = d_arsize;
      assign m_axi_arburst = d_arburst;
      assign m_axi_arcache = d_arcache;
      assign m_axi_arprot  = d_arprot;
      assign m_axi_aruser  = d_ar_user;
      assign m_axi_arvalid = d_ar_valid;
      assign d_ar_ready    = m_axi_arready;
      assign d_r_valid     = m_axi_rvalid;
      assign m_axi_rready  = d_r_ready;
      assign rd_pending    = d_pending;
      assign rd_progress   = d_progress;
      assign p_ar_ready    = '0;
      assign p_r_valid     = '0;
      assign p_cnt_ready   = '0;
      assign rd_cnt_valid  = d_cnt_valid;
      assign rd_cnt_ch     = d_cnt_ch;
      assign rd_cnt_bytes  = d_cnt_bytes;
    end
  endgenerate

  generate
    if (SEND_EN) begin : g_entries
      localparam int E = PEERS + AT;   // their place
      assign p_ar_valid[E]                   = re_ar_valid;
      assign p_ar_addr[64*E +: 64]           = re_ar_addr;
      assign p_ar_len[8*E +: 8]              = re_ar_len;
      assign p_ar_user[FUNC_W*E +: FUNC_W]   = re_ar_user;
      assign p_pending[E]                    = re_pending;
      assign re_ar_ready                     = p_ar_ready[E];
      assign re_r_valid                      = p_r_valid[E];
    end else begin : g_no_entries
      logic unused_re;
      assign unused_re   = &{1'b0, re_ar_valid, re_ar_addr, re_ar_len, re_ar_user, re_pending};
      assign re_ar_ready = 1'b0;
      assign re_r_valid  = 1'b0;
    end
  endgenerate

  // ---------------------------------------------------------------- NVMe block
  generate
    if (NVME_EN) begin : g_nvme
      localparam int E = PEERS + AT + RE;  // its place among the responders,
      localparam int W = 1 + PEERS;        // among the write clients: data, completions
      logic [8:0] owed_q;                  // reads without their last beat

      crl_nvme #(
          .DATA_W(DATA_W), .QUEUES(QUEUES), .NAMESPACES(NAMESPACES), .FUNC_W(FUNC_W), .DSTRD(NVME_DSTRD), .TO(NVME_TO), .VECTORS(NV),
          .OPS(NVME_OPS), .FETCH_DEPTH(NVME_FETCH_DEPTH), .MAX_BURST_BYTES(MAX_BURST_BYTES), .MDTS_BYTES(NVME_MDTS_BYTES),
          .COALESCE_UNIT_CYCLES(COALESCE_UNIT_CYCLES)
      ) u_nvme (
          .clk, .rst, .wr(nv_wr), .wr_addr(nv_wr_addr), .wr_user(nv_wr_user), .wr_data(nv_wr_data), .wr_strb(nv_wr_strb),
          .rd_addr(nv_rd_addr), .rd_user(nv_rd_user), .rd_data(nv_rd_data), .rd_foreign(nv_rd_foreign),
          .wr_foreign_valid(nv_foreign_valid), .wr_foreign_func(nv_foreign_func),
          .mbox_axil_awaddr, .mbox_axil_awvalid, .mbox_axil_awready, .mbox_axil_wdata, .mbox_axil_wstrb, .mbox_axil_wvalid,
          .mbox_axil_wready, .mbox_axil_bresp, .mbox_axil_bvalid, .mbox_axil_bready, .mbox_axil_araddr, .mbox_axil_arvalid,
          .mbox_axil_arready, .mbox_axil_rdata, .mbox_axil_rresp, .mbox_axil_rvalid, .mbox_axil_rready, .mbox_irq,
          .ar_valid(p_ar_valid[E]), .ar_ready(p_ar_ready[E]), .ar_addr(p_ar_addr[64*E +: 64]), .ar_len(p_ar_len[8*E +: 8]),
          .ar_user(p_ar_user[FUNC_W*E +: FUNC_W]), .r_valid(p_r_valid[E]), .r_data(m_axi_rdata), .r_resp(m_axi_rresp), .r_last(m_axi_rlast),
          .wb_soon(wb_soon[W]), .wb_valid(wb_valid[W]), .wb_ready(wb_ready[W]), .wb_first(wb_first[W]), .wb_last(wb_last[W]),
          .wb_addr(wb_addr[W*64 +: 64]), .wb_len(wb_len[W*8 +: 8]), .wb_user(wb_user[W*FUNC_W +: FUNC_W]),
          .wb_data(wb_data[W*DATA_W +: DATA_W]), .wb_strb(wb_strb[W*B +: B]), .wb_b_valid(wb_b_valid[W]), .wb_b_resp,
          .cb_soon(wb_soon[W+1]), .cb_valid(wb_valid[W+1]), .cb_ready(wb_ready[W+1]), .cb_first(wb_first[W+1]), .cb_last(wb_last[W+1]),
          .cb_addr(wb_addr[(W+1)*64 +: 64]), .cb_len(wb_len[(W+1)*8 +: 8]), .cb_user(wb_user[(W+1)*FUNC_W +: FUNC_W]),
          .cb_data(wb_data[(W+1)*DATA_W +: DATA_W]), .cb_strb(wb_strb[(W+1)*B +: B]), .cb_b_valid(wb_b_valid[W+1]), .cb_b_resp(wb_b_resp),
          .mem_fatal(fatal), .fire(nv_fire), .line(nv_line), .ssr(nvme_ssr)
      );
      always_ff @(posedge clk) begin
        if (rst) owed_q <= '0;
        else owed_q <= owed_q + 9'(p_ar_valid[E] && p_ar_ready[E]) - 9'(p_r_valid[E] && m_axi_rlast);
      end
      assign p_pending[E] = owed_q != '0 || p_ar_valid[E];
    end else begin : g_no_nvme
      logic unused_nvme;
      assign unused_nvme = &{1'b0, nv_wr, nv_wr_addr, nv_wr_user, nv_wr_data, nv_wr_strb, nv_rd_addr, nv_rd_user, mbox_axil_awaddr,
                             mbox_axil_awvalid, mbox_axil_wdata, mbox_axil_wstrb, mbox_axil_wvalid, mbox_axil_bready, mbox_axil_araddr,
                             mbox_axil_arvalid, mbox_axil_rready};
      assign {nv_rd_data, nv_rd_foreign, nv_foreign_valid, nv_foreign_func, nv_fire, nv_line, nvme_ssr, mbox_irq} = '0;
      assign {mbox_axil_awready, mbox_axil_wready, mbox_axil_bresp, mbox_axil_bvalid, mbox_axil_arready, mbox_axil_rdata,
              mbox_axil_rresp, mbox_axil_rvalid} = '0;
    end
  endgenerate

  // ---------------------------------------------------------------- write port and watchdog
  crl_axi_wr #(.DATA_W(DATA_W), .ID_W(ID_W), .FUNC_W(FUNC_W), .N_DATA(ND), .WRITES_IN_FLIGHT(WRITES_IN_FLIGHT),
               .LOCK_EN(ATOMIC_EN)) u_wr (
      .clk, .rst, .lock, .lock_addr, .lock_over, .s_valid(wb_valid), .s_ready(wb_ready), .s_soon(wb_soon), .s_first(wb_first), .s_last(wb_last), .s_addr(wb_addr), .s_len(wb_len),
      .s_user(wb_user), .s_data(wb_data), .s_strb(wb_strb), .b_valid(wb_b_valid), .b_resp(wb_b_resp),
      .m_axi_awid, .m_axi_awaddr, .m_axi_awlen, .m_axi_awsize, .m_axi_awburst, .m_axi_awcache, .m_axi_awprot, .m_axi_awuser,
      .m_axi_awvalid, .m_axi_awready, .m_axi_wdata, .m_axi_wstrb, .m_axi_wlast, .m_axi_wvalid, .m_axi_wready,
      .m_axi_bid, .m_axi_bresp, .m_axi_bvalid, .m_axi_bready, .pending(wr_pending), .progress(wr_progress)
  );

  crl_mem_watch #(.STALL_MAX_CYCLES(STALL_MAX_CYCLES)) u_watch (
      .clk, .rst, .rd_pending, .rd_progress, .wr_pending, .wr_progress, .fatal, .cause(fatal_cause)
  );

  // MSI-X messages and atomics are too rare for the write channel to wait for them.
  assign wb_soon[N-1] = 1'b0;
  if (ATOMIC_EN) begin : g_atomic_rare
    assign wb_soon[ND-1] = 1'b0;
  end

  // ---------------------------------------------------------------- peers
  // The engine has a copy of the table for its own look-ups.
  crl_target_segtab #(.SEGMENTS(SEGMENTS), .PORTS(PEERS + AT)) u_tgt_segtab (
      .clk, .rst, .we(seg_we), .widx(seg_idx), .wentry(seg_entry), .ridx(tgt_seg_idx), .rentry(tgt_seg_entry)
  );
  logic [CHANNELS-1:0] bind_ok_q;
  always_ff @(posedge clk) begin
    if (rst) bind_ok_q <= '0;
    else if (cc_we) bind_ok_q[cc_ch] <= cc_bind;
  end

  // ---------------------------------------------------------------- atomic unit
  logic                    lock, lock_over;
  logic [63:3]             lock_addr;
  logic [PEERS-1:0]        u_valid, u_swap, u_done;
  logic [PEERS*64-1:0]     u_segaddr;
  logic [PEERS*8-1:0]      u_ch;
  logic [PEERS*FUNC_W-1:0] u_user;
  logic [PEERS*128-1:0]    u_oper;
  logic [7:0]              u_status;
  logic [63:0]             u_old;

  generate
    if (ATOMIC_EN) begin : g_atomic
      localparam int W = ND - 1;       // its place among the write clients
      crl_atomic #(.DATA_W(DATA_W), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .FUNC_W(FUNC_W)) u_atomic (
          .clk, .rst, .u_valid, .u_segaddr, .u_ch, .u_user, .u_oper, .u_swap, .peer_up, .u_done, .u_status, .u_old,
          .seg_idx(tgt_seg_idx[PEERS*SW +: SW]), .seg_entry(tgt_seg_entry[PEERS*EW +: EW]), .lock, .lock_addr, .lock_over,
          .ar_valid(p_ar_valid[PEERS]), .ar_ready(p_ar_ready[PEERS]), .ar_addr(p_ar_addr[64*PEERS +: 64]),
          .ar_user(p_ar_user[FUNC_W*PEERS +: FUNC_W]), .r_valid(p_r_valid[PEERS]), .r_data(m_axi_rdata), .r_resp(m_axi_rresp),
          .pending(p_pending[PEERS]), .wb_valid(wb_valid[W]), .wb_ready(wb_ready[W]), .wb_addr(wb_addr[W*64 +: 64]),
          .wb_user(wb_user[W*FUNC_W +: FUNC_W]), .wb_data(wb_data[W*DATA_W +: DATA_W]), .wb_strb(wb_strb[W*B +: B]),
          .wb_b_valid(wb_b_valid[W]), .wb_b_resp
      );
      assign p_ar_len[8*PEERS +: 8] = 8'd0;
      assign wb_first[W]            = 1'b1;
      assign wb_last[W]             = 1'b1;
      assign wb_len[W*8 +: 8]       = 8'd0;
    end else begin : g_no_atomic
      logic unused_at;
      assign unused_at = &{1'b0, u_valid, u_segaddr, u_ch, u_user, u_oper, u_swap, u_done, u_status, u_old, lock_over};
      assign lock      = 1'b0;
      assign lock_addr = '0;
      assign u_done    = '0;
      assign u_status  = '0;
      assign u_old     = '0;
    end
  endgenerate

  generate
    for (genvar p = 0; p < PEERS; p++) begin : g_peer
      crl_peer #(
          .DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .PEERS(PEERS), .PEER(p), .SEGMENTS(SEGMENTS), .FUNC_W(FUNC_W),
          .MAX_BURST_BYTES(MAX_BURST_BYTES), .OPS(OPS), .LINK_MTU(LINK_MTU), .RX_SHARED(RX_SHARED), .REPLAY_FRAMES(REPLAY_FRAMES),
          .READ_EN(READ_EN), .ATOMIC_EN(ATOMIC_EN), .SEND_EN(SEND_EN), .MIRROR_EN(MIRROR_EN), .HOLD_FRAMES(HOLD_FRAMES),
          .READ_SLOTS(READ_SLOTS), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES)
      ) u_peer (
          .clk, .rst,
          .cfg_enable(peer_enable[p]), .cfg_node(node_id), .cfg_peer_node(peer_node[8*p +: 8]), .cfg_epoch(peer_epoch[16*p +: 16]),
          .up(peer_up[p]), .ev(peer_ev[5*p +: 5]),
          .cc_we, .cc_ch, .cc_func, .cc_peer, .cc_peer_ch, .bound(bind_ok_q),
          .seg_idx(tgt_seg_idx[p*SW +: SW]), .seg_entry(tgt_seg_entry[p*EW +: EW]),
          .tx_ok(tx_ok[p*CHANNELS +: CHANNELS]), .rd_ok(rd_ok[p]), .hold_ok(hold_ok[p]), .tx_take(tx_take[p]), .tx_take_rd,
          .tx_take_hold, .tx_take_ch(tx_take_ch[CW-1:0]), .txp_valid(txp_valid[p]), .txp_ready(txp_ready[p]), .txp_data,
          .txp_mirror, .txf_valid(txf_valid[p]), .txf_ready(txf_ready[p]), .txf_type, .txf_flags, .txf_src_ch, .txf_dst_ch,
          .txf_op_seq, .txf_tag, .txf_segaddr, .txf_total, .txf_offset, .txf_len, .txf_arg,
          .rop_valid, .rop_peer, .rop_tag, .rop_ch, .rop_func, .rop_abs, .rop_dst, .rop_total, .rop_atomic, .rop_mirror,
          .kill_valid(kill_valid[p]), .kill_tag, .kill_status, .mfail_valid(mfail_valid[p]), .mfail_ready(mfail_ready[p]),
          .mfail_ch(mfail_ch[p*CW +: CW]), .mfail_op(mfail_op[p*16 +: 16]), .ack_valid(ack_valid[p]), .ack_ready(ack_ready[p]),
          .ack_ch(ack_ch[8*p +: 8]), .ack_permit(ack_permit[p]), .ack_tag(ack_tag[16*p +: 16]), .ack_status(ack_status[8*p +: 8]),
          .ack_status2(ack_status2[16*p +: 16]),
          .dead, .q_valid(q_valid[p]), .q_ch(q_ch[p*CW +: CW]), .q_send(q_send[p]), .q_done(q_done[p]), .q_ok, .q_dst, .q_len,
          .q_bad, .q_abs, .sure_valid(sure_valid[p]), .sure_ch(sure_ch[p*CW +: CW]), .x_valid(x_valid[p]), .x_ready(x_ready[p]),
          .x_back(x_back[p]), .x_send(x_send[p]), .x_status(x_status[p*8 +: 8]), .x_ch(x_ch[p*CW +: CW]), .x_irq(x_irq[p]),
          .x_bytes(x_bytes[p*32 +: 32]), .x_imm(x_imm[p*32 +: 32]),
          .u_valid(u_valid[p]), .u_segaddr(u_segaddr[64*p +: 64]), .u_ch(u_ch[8*p +: 8]), .u_user(u_user[FUNC_W*p +: FUNC_W]),
          .u_oper(u_oper[128*p +: 128]), .u_swap(u_swap[p]), .u_done(u_done[p]), .u_status, .u_old,
          .ar_valid(p_ar_valid[p]), .ar_ready(p_ar_ready[p]), .ar_addr(p_ar_addr[64*p +: 64]), .ar_len(p_ar_len[8*p +: 8]),
          .ar_user(p_ar_user[FUNC_W*p +: FUNC_W]), .r_valid(p_r_valid[p]), .r_data(m_axi_rdata), .r_resp(m_axi_rresp),
          .r_last(m_axi_rlast), .pending(p_pending[p]),
          .wb_soon(wb_soon[1+p]), .wb_valid(wb_valid[1+p]), .wb_ready(wb_ready[1+p]), .wb_first(wb_first[1+p]),
          .wb_last(wb_last[1+p]), .wb_addr(wb_addr[(1+p)*64 +: 64]), .wb_len(wb_len[(1+p)*8 +: 8]),
          .wb_user(wb_user[(1+p)*FUNC_W +: FUNC_W]), .wb_data(wb_data[(1+p)*DATA_W +: DATA_W]), .wb_strb(wb_strb[(1+p)*B +: B]),
          .wb_b_valid(wb_b_valid[1+p]), .wb_b_resp,
          .rd_cnt_valid(p_cnt_valid[p]), .rd_cnt_ready(p_cnt_ready[p]), .rd_cnt_ch(p_cnt_ch[CW*p +: CW]),
          .rd_cnt_bytes(p_cnt_bytes[12*p +: 12]), .wr_cnt_valid(wr_cnt_valid[1+p]), .wr_cnt_ch(wr_cnt_ch[(1+p)*CW +: CW]),
          .wr_cnt_bytes(wr_cnt_bytes[(1+p)*12 +: 12]), .ntf_valid(ntf_valid[p]), .ntf_ch(ntf_ch[p*CW +: CW]), .rev_mark,
          .rev_over_tgt(rev_over[2+p]), .rev_over_rsp(rev_over[2+PEERS+p]),
          .link_clk(link_clk[p]), .link_rst(link_rst[p]), .link_up(link_up[p]),
          .m_axis_link_tdata(m_axis_link_tdata[p*LINK_W +: LINK_W]), .m_axis_link_tkeep(m_axis_link_tkeep[p*LB +: LB]),
          .m_axis_link_tvalid(m_axis_link_tvalid[p]), .m_axis_link_tready(m_axis_link_tready[p]),
          .m_axis_link_tlast(m_axis_link_tlast[p]), .s_axis_link_tdata(s_axis_link_tdata[p*LINK_W +: LINK_W]),
          .s_axis_link_tkeep(s_axis_link_tkeep[p*LB +: LB]), .s_axis_link_tvalid(s_axis_link_tvalid[p]),
          .s_axis_link_tready(s_axis_link_tready[p]), .s_axis_link_tlast(s_axis_link_tlast[p])
      );
    end
  endgenerate

  logic unused;
  assign unused = &{1'b0, tx_take_ch, s_axil_awprot, s_axil_arprot, fatal_cause};

endmodule

`default_nettype wire
