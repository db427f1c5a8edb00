// SPDX-License-Identifier: Apache-2.0
//
// crl_regs: BAR0 of the node: registers, doorbells, owner checks, interrupts and counters.
//
// How: crl_regs_axil takes one write and one read at a time. crl_regs_guest checks the owner and
//   turns doorbells and commands into events; crl_regs_store, crl_regs_node and crl_regs_irq take
//   what is written; crl_regs_read finds what is read. Below 100000h lies the NVMe block's part: it judges accesses there
//   itself, and says whom it refused. crl_irq_coalesce, crl_msix and crl_ctr make
//   interrupts, messages and counters out of the engine's events.
// Latency: W handshake to db_valid, cdb_valid and cmd_valid 1 cycle, to B 1; AR to R 4 for
//   function 0, 7 for others, 10 to 100 for counters. Throughput: a write every 2 cycles, to the NVMe block every 4.
//   After reset nothing is accepted for 2^RAM_AW or 2^FUNC_W cycles, whichever is more, while
//   memories are cleared and cc_we, seg_we send the reset values of every channel and segment.
// Assumes: events of channels below CHANNELS only. ch_locked covers a channel from two cycles after
//   its ENABLE command on. Nothing that this block waits for lies outside it.
`default_nettype none

module crl_regs #(
    parameter int CHANNELS        = 8,    // 1 to 64
    parameter int PEERS           = 1,    // 1 to 3
    parameter int SEGMENTS        = 32,   // 2 to 128
    parameter int FUNC_W          = 8,    // 1 to 12
    parameter int DATA_W          = 64,
    parameter int LINK_W          = 64,
    parameter int PREFETCH        = 64,
    parameter int OPS             = 128,
    parameter int MAX_BURST_BYTES = 512,
    parameter int LINK_MTU        = 1024,
    parameter int RX_SHARED       = 24,
    parameter bit SEND_EN         = 1,    // 0: there are no receive rings
    parameter int NVME_VECTORS    = 0,    // interrupt vectors of the NVMe block, 0 to 129; 0: there is none
    parameter int NVME_QUEUES     = 0,    // for NODE.CAPS1
    localparam int CW             = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int SW             = SEGMENTS > 1 ? $clog2(SEGMENTS) : 1,
    localparam int NV             = NVME_VECTORS > 0 ? NVME_VECTORS : 1,
    localparam int N_EV           = 1 + PEERS  // own channels, then the target of each peer
) (
    input  wire logic                  clk,
    input  wire logic                  rst,             // synchronous, active high

    input  wire logic [20:0]           s_axil_awaddr,
    input  wire logic [FUNC_W-1:0]     s_axil_awuser,   // who asks; 0 is the privileged function
    input  wire logic                  s_axil_awvalid,
    output logic                       s_axil_awready,
    input  wire logic [63:0]           s_axil_wdata,
    input  wire logic [7:0]            s_axil_wstrb,
    input  wire logic                  s_axil_wvalid,
    output logic                       s_axil_wready,
    output logic      [1:0]            s_axil_bresp,
    output logic                       s_axil_bvalid,
    input  wire logic                  s_axil_bready,
    input  wire logic [20:0]           s_axil_araddr,
    input  wire logic [FUNC_W-1:0]     s_axil_aruser,
    input  wire logic                  s_axil_arvalid,
    output logic                       s_axil_arready,
    output logic      [63:0]           s_axil_rdata,
    output logic      [1:0]            s_axil_rresp,
    output logic                       s_axil_rvalid,
    input  wire logic                  s_axil_rready,

    output logic                       db_valid,        // event: producer doorbell
    output logic      [CW-1:0]         db_ch,
    output logic      [15:0]           db_val,
    output logic                       cdb_valid,       // event: consumer doorbell
    output logic      [CW-1:0]         cdb_ch,
    output logic      [15:0]           cdb_val,
    output logic                       rdb_valid,       // event: receive ring doorbell of db_ch, with db_val
    output logic                       cmd_valid,       // event: command
    output logic      [CW-1:0]         cmd_ch,
    output logic      [2:0]            cmd,

    input  wire logic [CW-1:0]         rc_ch,           // ring set-up, two cycles later
    input  wire logic [2:0]            rc_sel,          // DRING_BASE, _SIZE, CRING_BASE, _SIZE; 6: RRING_BASE, _SIZE
    output logic      [63:0]           rc_data,
    input  wire logic [CHANNELS-1:0]   ch_locked,       // not disabled: ring set-up is read-only

    output logic                       cc_we,           // event: configuration of cc_ch
    output logic      [CW-1:0]         cc_ch,
    output logic      [FUNC_W-1:0]     cc_func,
    output logic      [1:0]            cc_class,
    output logic      [7:0]            cc_weight,
    output logic                       cc_mgmt,
    output logic      [15:0]           cc_rate,
    output logic      [15:0]           cc_burst,
    output logic                       cc_abs,
    output logic                       cc_stop,
    output logic                       cc_bind,
    output logic      [1:0]            cc_peer,
    output logic      [7:0]            cc_peer_ch,
    output logic      [3:0]            retry_we,    // event: bytes of CHP.RETRY
    output logic      [CW-1:0]         retry_ch,
    output logic      [31:0]           retry_data,

    output logic                       seg_we,          // event: entry of seg_idx
    output logic      [SW-1:0]         seg_idx,
    output logic      [crl_pkg::SEGENT_W-1:0] seg_entry,

    output logic      [7:0]            node_id,
    output logic      [PEERS-1:0]      peer_enable,
    output logic      [PEERS*8-1:0]    peer_node,
    output logic      [PEERS*16-1:0]   peer_epoch,
    input  wire logic [PEERS-1:0]      peer_up,         // levels
    input  wire logic [PEERS*5-1:0]    peer_ev,         // events [peer]{bad_frame, nak, rx, tx, crc}

    output logic                       rev_req,         // event: a revocation is to be acknowledged
    output logic      [15:0]           rev_seq,         // its number, holds
    input  wire logic [15:0]           rev_ack,         // latest number that is over

    output logic      [CW-1:0]         st_ch,           // status of a channel, one cycle later
    input  wire logic [3:0]            st_state,
    input  wire logic [7:0]            st_error,
    input  wire logic                  st_busy,
    input  wire logic [11:0]           st_dr_prod,
    input  wire logic [11:0]           st_dr_cons,
    input  wire logic [11:0]           st_cq_prod,
    input  wire logic [11:0]           st_cq_cons,
    input  wire logic [11:0]           st_rr_prod,
    input  wire logic [11:0]           st_rr_cons,

    input  wire logic [N_EV-1:0]       irq_valid,       // events: completion, notify of each peer
    input  wire logic [N_EV*CW-1:0]    irq_ch,
    output logic                       irq,             // pin, level

    output logic                       nv_wr,           // NVMe block: event, a write below 100000h; at most every 4th cycle
    output logic      [19:0]           nv_wr_addr,
    output logic      [FUNC_W-1:0]     nv_wr_user,
    output logic      [63:0]           nv_wr_data,
    output logic      [7:0]            nv_wr_strb,
    output logic      [19:0]           nv_rd_addr,      // combinational read
    output logic      [FUNC_W-1:0]     nv_rd_user,
    input  wire logic [63:0]           nv_rd_data,
    input  wire logic                  nv_rd_foreign,   // it is not theirs
    input  wire logic                  nv_foreign_valid,// event: the write was refused, up to 3 cycles later
    input  wire logic [FUNC_W-1:0]     nv_foreign_func,
    input  wire logic [NV-1:0]         nv_fire,         // events, a bit a vector
    input  wire logic                  nv_line,         // pin, level

    output logic                       m_wb_valid,      // MSI-X, write client
    input  wire logic                  m_wb_ready,
    output logic                       m_wb_first,
    output logic                       m_wb_last,
    output logic      [63:0]           m_wb_addr,
    output logic      [7:0]            m_wb_len,
    output logic      [FUNC_W-1:0]     m_wb_user,
    output logic      [DATA_W-1:0]     m_wb_data,
    output logic      [DATA_W/8-1:0]   m_wb_strb,
    input  wire logic                  m_wb_b_valid,    // event
    input  wire logic [1:0]            m_wb_b_resp,

    input  wire logic                  ret_valid,       // event: an operation retired
    input  wire logic [CW-1:0]         ret_ch,
    input  wire logic [7:0]            ret_status,
    input  wire logic                  rd_cnt_valid,    // event: bytes read for a channel
    input  wire logic [CW-1:0]         rd_cnt_ch,
    input  wire logic [11:0]           rd_cnt_bytes,
    input  wire logic [N_EV-1:0]       wr_cnt_valid,    // events: bytes written for a channel
    input  wire logic [N_EV*CW-1:0]    wr_cnt_ch,
    input  wire logic [N_EV*12-1:0]    wr_cnt_bytes,
    input  wire logic [CHANNELS*6-1:0] stall,           // levels [channel][cause]
    input  wire logic                  clr_valid,       // event: clear the counters of clr_ch
    input  wire logic [CW-1:0]         clr_ch,
    input  wire logic                  fatal            // level
);

  localparam int SEG_AW = NVME_VECTORS > 0 ? 1 + (SW + 2 > $clog2(NV) + 1 ? SW + 2 : $clog2(NV) + 1) : SW + 2;
  localparam int RAM_AW = 1 + (CW + 4 > SEG_AW ? CW + 4 : SEG_AW);
  localparam int RW     = CW > 2 ? CW : 2;
  localparam int V      = NVME_VECTORS + CHANNELS + 1;
  localparam int VW     = $clog2(V);

  initial begin
    if (CHANNELS < 1 || CHANNELS > 64)  $fatal(1, "crl_regs: CHANNELS must be 1 to 64");
    if (PEERS < 1 || PEERS > 3)         $fatal(1, "crl_regs: PEERS must be 1 to 3");
    if (SEGMENTS < 2 || SEGMENTS > 128) $fatal(1, "crl_regs: SEGMENTS must be 2 to 128");
    if (FUNC_W < 1 || FUNC_W > 12)      $fatal(1, "crl_regs: FUNC_W must be 1 to 12");
    if (DATA_W < 64)                    $fatal(1, "crl_regs: DATA_W must be at least 64");
    if (NVME_VECTORS < 0 || NVME_VECTORS > 129) $fatal(1, "crl_regs: NVME_VECTORS must be 0 to 129");
  end

  // --- bus ---------------------------------------------------------------------------------------
  logic              init, store_init, ctr_init, func_init;
  logic              hold, store_busy, foreign_hold, nv_hold, at_ctrl, clr_busy;
  logic              wr, rd_valid, rd_done, rd_ones;
  logic [20:0]       wr_addr, rd_addr;
  logic [FUNC_W-1:0] wr_user, rd_user;
  logic [63:0]       wr_data, rd_data;
  logic [7:0]        wr_strb;

  // A command waits while counters are being cleared: a channel starts to count from 0.
  assign hold = store_busy || foreign_hold || nv_hold || (at_ctrl && clr_busy);
  assign init = store_init || ctr_init || func_init;

  crl_regs_axil #(.FUNC_W(FUNC_W)) u_axil (
      .clk, .rst,
      .s_axil_awaddr, .s_axil_awuser, .s_axil_awvalid, .s_axil_awready,
      .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid, .s_axil_wready,
      .s_axil_bresp, .s_axil_bvalid, .s_axil_bready,
      .s_axil_araddr, .s_axil_aruser, .s_axil_arvalid, .s_axil_arready,
      .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready,
      .init, .hold, .wr, .wr_addr, .wr_user, .wr_data, .wr_strb,
      .rd_valid, .rd_addr, .rd_user, .rd_done, .rd_ones, .rd_data
  );

  // --- writes ------------------------------------------------------------------------------------
  logic              q_ok, q_foreign, q_in_ch, cc_own;
  logic [20:0]       q_addr;
  logic [FUNC_W-1:0] q_user;
  logic [63:0]       q_data;
  logic [7:0]        q_strb;

  crl_regs_guest #(.CHANNELS(CHANNELS), .FUNC_W(FUNC_W), .SEND_EN(SEND_EN)) u_guest (
      .clk, .rst, .wr(wr && !nv_wr), .wr_addr, .wr_user, .wr_data, .wr_strb,
      .own_we(cc_we), .own_ch(cc_ch), .own_valid(cc_own), .own_func(cc_func),
      .at_ctrl, .q_ok, .q_foreign, .q_in_ch, .q_addr, .q_user, .q_data, .q_strb,
      .db_valid, .db_ch, .db_val, .cdb_valid, .cdb_ch, .cdb_val, .rdb_valid, .cmd_valid, .cmd_ch, .cmd
  );

  logic              tab_req, tab_gnt, ram_req, ram_gnt;
  logic [RAM_AW-1:0] tab_addr, ram_addr;
  logic [63:0]       ram_data;
  logic [FUNC_W-1:0] own_func;

  crl_regs_store #(
      .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .FUNC_W(FUNC_W), .NVME_VECTORS(NVME_VECTORS),
      .RAM_AW(RAM_AW), .SEND_EN(SEND_EN)
  ) u_store (
      .clk, .rst, .init(store_init), .busy(store_busy),
      .wr_addr, .q_ok, .q_data, .q_strb, .ch_locked,
      .a_req(tab_req), .a_addr(tab_addr), .a_gnt(tab_gnt),
      .b_req(ram_req), .b_addr(ram_addr), .b_gnt(ram_gnt), .rd_data(ram_data),
      .coal_we, .coal_ch, .coal_data, .retry_we, .rc_ch, .rc_sel, .rc_data,
      .cc_we, .cc_ch, .cc_own, .cc_func(own_func), .cc_class, .cc_weight, .cc_mgmt, .cc_rate,
      .cc_burst, .cc_abs, .cc_stop, .cc_bind, .cc_peer, .cc_peer_ch,
      .seg_we, .seg_idx, .seg_entry
  );

  // Without a valid owner the engine acts for function 0.
  assign cc_func = own_func & {FUNC_W{cc_own}};

  // --- node, peers, interrupts -------------------------------------------------------------------
  logic                irq_enable, msix_enable, msix_mask, msix_error, node_is_peer;
  logic [63:0]         node_data;
  logic [CHANNELS-1:0] ch_pending, ch_enable;
  logic [3:0]          node_event, node_enable;
  logic [CHANNELS:0]   msg;
  logic [V-1:0]        fires, msix_pending;
  logic                fire, last_valid, last_write;
  logic [CW-1:0]       fire_ch;
  logic [FUNC_W-1:0]   last_func;
  logic [20:0]         last_addr;
  logic                foreign, foreign_done;
  logic                page_vec;
  logic [3:0]          coal_we;
  logic [CW-1:0]       coal_ch;
  logic [31:0]         coal_data;
  assign retry_ch   = coal_ch;
  assign retry_data = coal_data;

  crl_regs_node #(
      .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .FUNC_W(FUNC_W), .DATA_W(DATA_W),
      .LINK_W(LINK_W), .PREFETCH(PREFETCH), .OPS(OPS), .MAX_BURST_BYTES(MAX_BURST_BYTES),
      .LINK_MTU(LINK_MTU), .RX_SHARED(RX_SHARED), .NVME_VECTORS(NVME_VECTORS), .NVME_QUEUES(NVME_QUEUES)
  ) u_node (
      .clk, .rst, .q_ok, .q_addr, .q_data, .q_strb,
      .rd_ofs({rd_addr[11:3], 3'b000}), .rd_is_peer(node_is_peer), .rd_peer(rd_addr[7:6]),
      .rd_data(node_data), .fatal, .peer_up, .ch_pending, .node_event, .node_enable,
      .last_valid, .last_write, .last_func, .last_addr,
      .rev_ack, .rev_req, .rev_seq,
      .node_id, .irq_enable, .msix_enable, .msix_mask, .peer_enable, .peer_node, .peer_epoch
  );

  crl_regs_irq #(.CHANNELS(CHANNELS), .PEERS(PEERS)) u_irq (
      .clk, .rst, .q_ok, .q_in_ch, .q_addr, .q_data, .q_strb, .fire, .fire_ch, .fatal, .peer_up,
      .ev_foreign(q_foreign || nv_refused || foreign_done), .ev_msix(msix_error), .irq_enable, .msix_enable, .nv_line,
      .ch_pending, .ch_enable, .node_event, .node_enable, .msg, .irq
  );

  // Whether there is such a vector, crl_msix finds by comparing.
  assign page_vec = q_ok && q_addr[20:12] == 9'h1E0 && 8'(q_addr[11:4] >> VW) == '0
                 && q_addr[3] && q_strb[4];

  crl_irq_coalesce #(.CHANNELS(CHANNELS), .SRCS(N_EV)) u_coalesce (
      .clk, .rst, .init(store_init), .ev_valid(irq_valid), .ev_ch(irq_ch), .ev_amt({N_EV{1'b1}}),
      .cfg_we(coal_we), .cfg_ch(coal_ch), .cfg_data(coal_data),
      .fire, .fire_ch
  );

  crl_msix #(
      .CHANNELS(CHANNELS), .NVME_VECTORS(NVME_VECTORS), .FUNC_W(FUNC_W), .DATA_W(DATA_W), .RAM_AW(RAM_AW)
  ) u_msix (
      .clk, .rst, .enable(msix_enable), .func_mask(msix_mask), .fire(fires), .pending(msix_pending),
      .mask_we(page_vec), .mask_vec(q_addr[4 +: VW]),
      .mask_val(q_data[crl_pkg::MSIX_DATA_CTRL_MASK_LSB]),
      .tab_req, .tab_addr, .tab_gnt, .tab_data(ram_data),
      .m_wb_valid, .m_wb_ready, .m_wb_first, .m_wb_last, .m_wb_addr, .m_wb_len, .m_wb_user,
      .m_wb_data, .m_wb_strb, .m_wb_b_valid, .m_wb_b_resp, .error(msix_error)
  );

  // --- counters ----------------------------------------------------------------------------------
  logic              ctr_get, ctr_peer, ctr_done, func_get, func_done;
  logic [RW-1:0]     ctr_row;
  logic [3:0]        ctr_k;
  logic [63:0]       ctr_count;
  logic [FUNC_W-1:0] func_idx;
  logic [31:0]       func_count;
  logic              foreign_recent, nv_refused;  // nv_refused: event, the NVMe block has refused a write
  logic [FUNC_W-1:0] nv_func;
  logic [20:0]       nv_addr;

  crl_ctr #(.CHANNELS(CHANNELS), .PEERS(PEERS)) u_ctr (
      .clk, .rst, .init(ctr_init), .ret_valid, .ret_ch, .ret_status,
      .rd_cnt_valid, .rd_cnt_ch, .rd_cnt_bytes, .wr_cnt_valid, .wr_cnt_ch, .wr_cnt_bytes,
      .stall, .peer_ev, .clr_valid, .clr_ch, .clr_busy,
      .get(ctr_get), .get_peer(ctr_peer), .get_row(ctr_row), .get_k(ctr_k),
      .get_done(ctr_done), .count(ctr_count)
  );

  crl_regs_foreign #(.FUNC_W(FUNC_W)) u_foreign (
      .clk, .rst, .init(func_init), .wr_hold(foreign_hold), .recent(foreign_recent),
      .ev_wr(q_foreign || nv_refused), .ev_wr_func(nv_refused ? nv_func : q_user), .ev_wr_addr(nv_refused ? nv_addr : q_addr),
      .ev_rd(foreign), .ev_rd_func(rd_user), .ev_rd_addr(rd_addr), .ev_rd_done(foreign_done),
      .get(func_get), .get_func(func_idx), .get_done(func_done), .count(func_count),
      .last_valid, .last_write, .last_func, .last_addr
  );

  // --- NVMe block ----------------------------------------------------------------------------------
  // Whether it refuses a write is known three cycles later at most. Until then, and until that is counted, no other is taken.
  assign nv_wr_addr = wr_addr[19:0];
  assign nv_wr_user = wr_user;
  assign nv_wr_data = wr_data;
  assign nv_wr_strb = wr_strb;
  assign nv_rd_addr = rd_addr[19:0];
  assign nv_rd_user = rd_user;

  generate
    if (NVME_VECTORS > 0) begin : g_nvme
      logic [2:0]        judged_q;    // a write one, two, three cycles ago
      logic              refused_q;   // to be counted
      logic [FUNC_W-1:0] func_q;
      logic [20:0]       addr_q;

      assign fires      = {msg, nv_fire};
      assign nv_wr      = wr && !wr_addr[20];
      assign nv_hold    = judged_q != '0 || refused_q;
      assign nv_refused = refused_q && !foreign_recent;
      assign nv_func    = func_q;
      assign nv_addr    = addr_q;

      always_ff @(posedge clk) begin
        if (rst) begin
          judged_q  <= '0;
          refused_q <= 1'b0;
        end else begin
          judged_q <= {judged_q[1:0], nv_wr};
          if (nv_foreign_valid) refused_q <= 1'b1;
          else if (nv_refused)  refused_q <= 1'b0;
        end
        if (nv_foreign_valid) func_q <= nv_foreign_func;
        if (nv_wr)            addr_q <= wr_addr;
      end
    end else begin : g_no_nvme
      logic unused;

      assign unused     = &{1'b0, nv_foreign_valid, nv_foreign_func, nv_fire, foreign_recent};
      assign fires      = msg;
      assign nv_wr      = 1'b0;
      assign nv_hold    = 1'b0;
      assign nv_refused = 1'b0;
      assign nv_func    = '0;
      assign nv_addr    = '0;
    end
  endgenerate

  // --- reads -------------------------------------------------------------------------------------
  crl_regs_read #(
      .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .FUNC_W(FUNC_W), .NVME_VECTORS(NVME_VECTORS),
      .RAM_AW(RAM_AW), .SEND_EN(SEND_EN)
  ) u_read (
      .clk, .rst, .rd_valid, .rd_addr, .rd_user, .rd_done, .rd_ones, .rd_data,
      .ram_req, .ram_addr, .ram_gnt, .ram_data,
      .ctr_get, .ctr_peer, .ctr_row, .ctr_k, .ctr_done, .ctr_count,
      .func_get, .func_idx, .func_done, .func_count, .foreign, .foreign_done,
      .nv_data(nv_rd_data), .nv_foreign(nv_rd_foreign), .node_is_peer, .node_data, .ch_pending, .ch_enable, .msix_pending,
      .st_ch, .st_state, .st_error, .st_busy, .st_dr_prod, .st_dr_cons, .st_cq_prod, .st_cq_cons, .st_rr_prod, .st_rr_cons
  );

endmodule

`default_nettype wire
