// SPDX-License-Identifier: Apache-2.0
//
// crl_axi_wr: the write side of the AXI4 master; takes whole bursts from several clients.
//
// How: a client keeps W from its first to its last beat; AW and W have a register each, loaded
//   together by a first beat, and a spare behind it that catches what the port does not take, so that no
//   client's ready follows the port's. crl_axi_wr_arb chooses: data clients take turns and go first. B goes
//   back by ID; the targets share one ID, and a FIFO says whose turn it is.
// Lock: while lock is up no burst that touches lock_addr's beat begins, but for those of the client LOCKER. A first beat is
//   compared the cycle before it is granted, and the arbiter does not see it before it has passed.
// Clients: 0 local data, 1 to N_DATA-1 targets, N_DATA completions, N_DATA+1 MSI-X.
// AXI IDs: 0, 1, 2, 3 in that order.
// Latency: 1 cycle from a client's beat to W, 2 if another client was the last one, the port is
//   idle and nothing was said of it; 0 from B to b_valid. Throughput: a beat a cycle, no bubble between bursts of whatever
//   clients that wait.
// Assumes: a client offers its first beat when all beats of the burst are at hand, and then a beat
//   each cycle (W would idle else, nothing worse). Bursts don't cross 4 KiB. A data client's
//   s_ready does not depend on s_valid. A B with an ID that has nothing
//   outstanding is ignored.
`default_nettype none

module crl_axi_wr #(
    parameter int DATA_W           = 64,
    parameter int ID_W             = 4,   // at least 2
    parameter int FUNC_W           = 8,
    parameter int N_DATA           = 2,   // data clients, at least 1
    parameter int WRITES_IN_FLIGHT = 64,  // bursts between a first beat and its B, at least 2
    parameter bit LOCK_EN          = 1,   // 0: there is no lock
    parameter int LOCKER           = N_DATA - 1,  // client that has the lock
    localparam int N      = N_DATA + 2,
    localparam int STRB_W = DATA_W / 8
) (
    input  wire logic                clk,
    input  wire logic                rst,        // synchronous, active high

    input  wire logic [N-1:0]        s_valid,
    output logic      [N-1:0]        s_ready,
    input  wire logic [N-1:0]        s_soon,     // it will perhaps be valid before long; only a hint
    input  wire logic [N-1:0]        s_first,    // addr, len and user count with it
    input  wire logic [N-1:0]        s_last,
    input  wire logic [N*64-1:0]     s_addr,
    input  wire logic [N*8-1:0]      s_len,      // beats - 1
    input  wire logic [N*FUNC_W-1:0] s_user,     // on whose behalf
    input  wire logic [N*DATA_W-1:0] s_data,
    input  wire logic [N*STRB_W-1:0] s_strb,
    output logic      [N-1:0]        b_valid,    // event: the oldest burst of this client ended
    output logic      [1:0]          b_resp,     // counts with b_valid

    input  wire logic                lock,       // level
    input  wire logic [63:3]         lock_addr,  // stays while lock is up
    output logic                     lock_over,  // it works, and what was granted before has its response

    output logic      [ID_W-1:0]     m_axi_awid,
    output logic      [63:0]         m_axi_awaddr,
    output logic      [7:0]          m_axi_awlen,
    output logic      [2:0]          m_axi_awsize,
    output logic      [1:0]          m_axi_awburst,
    output logic      [3:0]          m_axi_awcache,
    output logic      [2:0]          m_axi_awprot,
    output logic      [FUNC_W-1:0]   m_axi_awuser,
    output logic                     m_axi_awvalid,
    input  wire logic                m_axi_awready,
    output logic      [DATA_W-1:0]   m_axi_wdata,
    output logic      [STRB_W-1:0]   m_axi_wstrb,
    output logic                     m_axi_wlast,
    output logic                     m_axi_wvalid,
    input  wire logic                m_axi_wready,
    input  wire logic [ID_W-1:0]     m_axi_bid,
    input  wire logic [1:0]          m_axi_bresp,
    input  wire logic                m_axi_bvalid,
    output logic                     m_axi_bready,

    output logic                     pending,    // AW, W or a B is owed
    output logic                     progress    // a handshake on AW, W or B
);

  initial begin
    if (N_DATA < 1) $fatal(1, "crl_axi_wr: N_DATA must be at least 1");
    if (ID_W < 2) $fatal(1, "crl_axi_wr: ID_W must be at least 2");
    if (WRITES_IN_FLIGHT < 2) $fatal(1, "crl_axi_wr: WRITES_IN_FLIGHT must be at least 2");
  end

  localparam int CPL   = N_DATA;      // index of the completion client
  localparam int MSI   = N_DATA + 1;
  localparam int CNT_W = $clog2(WRITES_IN_FLIGHT + 1);
  localparam int ORDER_DEPTH = 1 << $clog2(WRITES_IN_FLIGHT);

  // ------------------------------------------------------------------------------------------
  // Who is served.

  logic         hold;              // a burst has begun and not ended
  logic [N-1:0] gnt, may;
  logic [N-1:0] allow_q;           // a burst of this client may begin
  logic         start, beat, ends; // a first beat, a beat, a last beat is taken
  logic         room;              // for a burst, looked at a cycle ahead
  logic         aw_free, w_free;
  logic         awvalid_q, wvalid_q;
  logic         aw_ready, w_ready; // what is in the register leaves it: to the port, or to the spare

  assign aw_free = !awvalid_q || aw_ready;
  assign w_free  = !wvalid_q || w_ready;
  assign s_ready = may & {N{w_free && (hold || (aw_free && room))}} & (allow_q | {N{hold}});
  assign beat    = (s_ready & s_valid) != '0;
  assign ends    = (s_ready & s_valid & s_last) != '0;
  assign start   = beat && !hold;

  crl_axi_wr_arb #(.N_DATA(N_DATA)) u_arb (.clk, .rst, .valid(s_valid & allow_q), .soon(s_soon), .waits(s_valid), .beat, .ends, .gnt, .may, .hold);

  // ------------------------------------------------------------------------------------------
  // AW and W.

  localparam int AW_W = ID_W + 64 + 8 + FUNC_W;
  localparam int W_W  = DATA_W + STRB_W + 1;

  logic [AW_W-1:0]   aw_q, aw_spare_q;
  logic [W_W-1:0]    w_q, w_spare_q;
  logic              aw_spared_q, w_spared_q;  // the spare is in use
  logic              w_early;                  // the address of the data in the register is not shown yet
  logic [1:0]        id;
  logic [63:0]       addr;
  logic [7:0]        len;
  logic [FUNC_W-1:0] user;
  logic [DATA_W-1:0] data;
  logic [STRB_W-1:0] strb;

  always_comb begin
    addr = '0;
    len  = '0;
    user = '0;
    data = '0;
    strb = '0;
    for (int i = 0; i < N; i++) begin
      addr = addr | (s_addr[i*64 +: 64] & {64{gnt[i]}});
      len  = len  | (s_len[i*8 +: 8] & {8{gnt[i]}});
      user = user | (s_user[i*FUNC_W +: FUNC_W] & {FUNC_W{gnt[i]}});
      data = data | (s_data[i*DATA_W +: DATA_W] & {DATA_W{gnt[i]}});
      strb = strb | (s_strb[i*STRB_W +: STRB_W] & {STRB_W{gnt[i]}});
    end
  end

  // 1 unless the client is the local one, or completions (2), or MSI-X (3).
  assign id = {gnt[CPL] || gnt[MSI], !gnt[0] && !gnt[CPL]};

  always_ff @(posedge clk) begin
    if (rst) begin
      awvalid_q <= 1'b0;
      wvalid_q  <= 1'b0;
    end else begin
      if (aw_free) awvalid_q <= start;
      if (w_free)  wvalid_q  <= beat;
    end
    // Loaded whenever they are free: whether it counts is told by the valid bits alone.
    if (aw_free) aw_q <= {ID_W'(id), addr, len, user};
    if (w_free)  w_q  <= {data, strb, ends};
  end

  assign aw_ready = !aw_spared_q;
  assign w_early  = aw_spared_q && awvalid_q;
  assign w_ready  = !w_spared_q && !w_early;

  always_ff @(posedge clk) begin
    if (rst) begin
      aw_spared_q <= 1'b0;
      w_spared_q  <= 1'b0;
    end else begin
      aw_spared_q <= m_axi_awvalid && !m_axi_awready;
      w_spared_q  <= m_axi_wvalid && !m_axi_wready;
    end
    if (aw_ready)    aw_spare_q <= aw_q;
    if (!w_spared_q) w_spare_q  <= w_q;
  end

  assign {m_axi_awid, m_axi_awaddr, m_axi_awlen, m_axi_awuser} = aw_spared_q ? aw_spare_q : aw_q;
  assign {m_axi_wdata, m_axi_wstrb, m_axi_wlast}               = w_spared_q ? w_spare_q : w_q;

  assign m_axi_awvalid = aw_spared_q || awvalid_q;
  assign m_axi_wvalid  = w_spared_q || (wvalid_q && !w_early);
  assign m_axi_awsize  = 3'($clog2(STRB_W));
  assign m_axi_awburst = 2'b01;    // INCR
  assign m_axi_awcache = 4'b0011;  // normal, non-cacheable, bufferable
  assign m_axi_awprot  = 3'b000;

  // ------------------------------------------------------------------------------------------
  // Responses. Only what is owed is believed.

  logic [CNT_W-1:0]      owed_q;         // in all
  logic [3:0][CNT_W-1:0] owed_id_q;      // an AXI ID
  logic [3:0]            b_id, s_id;     // one-hot
  logic                  start_q;        // counted a cycle late; no B can be that fast
  logic [3:0]            s_id_q;
  logic                  b_hs;
  logic [N_DATA-1:0]     b_target;       // whose turn among the targets, one-hot

  always_comb begin
    for (int i = 0; i < 4; i++) begin
      b_id[i] = m_axi_bvalid && m_axi_bid == ID_W'(i) && owed_id_q[i] != '0;
      s_id[i] = start && id == 2'(i);
    end
  end

  assign b_hs         = b_id != '0;
  assign m_axi_bready = 1'b1;
  assign b_resp       = m_axi_bresp;
  assign pending      = owed_q != '0 || start_q || awvalid_q || aw_spared_q || wvalid_q || w_spared_q;
  assign progress     = (m_axi_awvalid && m_axi_awready) || (m_axi_wvalid && m_axi_wready) || b_hs;

  // Of the data clients, the local one has an ID of its own.
  assign b_valid[0] = b_id[0];
  generate
    if (N_DATA > 1) begin : g_targets
      assign b_valid[N_DATA-1:1] = b_target[N_DATA-1:1] & {(N_DATA-1){b_id[1]}};
    end
  endgenerate
  assign b_valid[CPL] = b_id[2];
  assign b_valid[MSI] = b_id[3];

  always_ff @(posedge clk) begin
    if (rst) begin
      owed_q    <= '0;
      owed_id_q <= '0;
      room      <= 1'b0;
      start_q   <= 1'b0;
      s_id_q    <= '0;
    end else begin
      room    <= 32'(owed_q) + 32'(start_q) + (room && !hold ? 2 : 1) <= WRITES_IN_FLIGHT;  // one may begin now
      start_q <= start;
      s_id_q  <= s_id;
      owed_q  <= owed_q + {{(CNT_W-1){b_hs && !start_q}}, b_hs != start_q};  // -1, 0 or +1
      for (int i = 0; i < 4; i++) begin
        owed_id_q[i] <= owed_id_q[i] + {{(CNT_W-1){b_id[i] && !s_id_q[i]}}, b_id[i] != s_id_q[i]};
      end
    end
  end

  generate
    if (N_DATA > 2) begin : g_order
      localparam int IW = $clog2(N_DATA);
      logic [IW-1:0]                turn, who, who_q;
      logic                         full_n, any;
      logic [$clog2(ORDER_DEPTH):0] level;
      logic                         unused;

      always_comb begin
        who = '0;
        for (int i = 0; i < N_DATA; i++) if (gnt[i]) who = who | IW'(i);
      end
      always_ff @(posedge clk) who_q <= who;

      // Never full: it holds at most what is owed.
      crl_fifo #(.W(IW), .DEPTH(ORDER_DEPTH)) u_order (
          .clk, .rst,
          .s_valid(s_id_q[1]), .s_ready(full_n), .s_data(who_q),
          .m_valid(any), .m_ready(b_id[1]), .m_data(turn), .level
      );
      assign b_target = N_DATA'(1) << turn;
`ifdef FORMAL
      always_ff @(posedge clk) begin
        if (!rst) assert (32'(level) == 32'(owed_id_q[1]));
        if (!rst && b_id[1]) assert (any);
        if (!rst && s_id_q[1]) assert (full_n);
      end
`endif
      assign unused   = &{1'b0, full_n, any, level};
    end else begin : g_no_order
      assign b_target = {N_DATA{1'b1}};
    end
  endgenerate

  // ------------------------------------------------------------------------------------------
  // Lock.

  generate
    if (LOCK_EN) begin : g_lock
      localparam int LB = $clog2(STRB_W);
      logic         lock_q, locked_q;
      logic [3:0]   over;
      logic [N-1:0] touch, clear;
      logic [63:0]  lock_at;
      logic         unused_low;

      assign lock_at = {lock_addr, 3'd0};

      always_comb begin
        for (int i = 0; i < N; i++) begin : each
          logic [11-LB+1:0] ahead;      // from the first beat to the locked one
          ahead     = {1'b0, lock_at[11:LB]} - {1'b0, s_addr[64*i + LB +: 12 - LB]};
          touch[i] = s_addr[64*i + 12 +: 52] == lock_at[63:12] && !ahead[12-LB] && 32'(ahead[11-LB:0]) <= 32'(s_len[8*i +: 8]);
          // It is still there in the next cycle.
          clear[i] = s_valid[i] && s_first[i] && !touch[i] && !s_ready[i];
        end
      end

      always_ff @(posedge clk) begin
        if (rst) begin
          lock_q   <= 1'b0;
          locked_q <= 1'b0;
          allow_q  <= '1;
        end else begin
          lock_q   <= lock;
          locked_q <= lock_q && lock;
          allow_q  <= clear | {N{!lock}} | (N'(1) << LOCKER);
        end
      end

      // Of each ID, since they may pass each other. A burst is counted a cycle after it began.
      for (genvar i = 0; i < 4; i++) begin : g_id
        crl_mark #(.W(CNT_W)) u_mark (
            .clk, .rst, .mark(lock_q && !locked_q), .held(owed_id_q[i]), .enter(s_id_q[i]), .leave(b_id[i]), .over(over[i])
        );
      end
      assign lock_over  = locked_q && lock && over == '1;
`ifdef FORMAL
      // From the cycle after the lock came up nobody but the locker begins a burst that touches it.
      always_ff @(posedge clk) begin
        if (!rst && lock_q && lock) begin
          for (int i = 0; i < N; i++) if (i != LOCKER) assert (!(start && gnt[i] && touch[i]));
        end
      end
`endif
      assign unused_low = &{1'b0, lock_at};
    end else begin : g_no_lock
      logic unused_lock;
      assign unused_lock = &{1'b0, lock, lock_addr};
      assign allow_q     = '1;
      assign lock_over   = 1'b0;
    end
  endgenerate

  logic unused;
  assign unused = &{1'b0, s_first, b_target};

`ifdef FORMAL
  // The burst that was begun last: its length, its beats taken and those that left on W.
  logic [7:0] g_len;
  logic [8:0] g_in, g_out;
  logic [3:0] g_starts, g_aws, g_wlasts;   // bursts begun, addresses and last beats out of the registers ...
  logic [3:0] g_port_aws, g_port_wlasts;   // ... and through the port
  logic [7:0] g_reg_len;

  assign g_reg_len = aw_q[FUNC_W +: 8];

  always_ff @(posedge clk) begin
    if (start) g_len <= len;
    if (rst) begin
      g_in     <= '0;
      g_out    <= '0;
      g_starts <= '0;
      g_aws    <= '0;
      g_wlasts <= '0;
      g_port_aws    <= '0;
      g_port_wlasts <= '0;
    end else begin
      if (beat) g_in <= start ? 9'd1 : g_in + 1'b1;
      if (wvalid_q && w_ready) g_out <= w_q[0] ? '0 : g_out + 1'b1;
      g_starts <= g_starts + 4'(start);
      g_aws    <= g_aws + 4'(awvalid_q && aw_ready);
      g_wlasts <= g_wlasts + 4'(wvalid_q && w_ready && w_q[0]);
      g_port_aws    <= g_port_aws + 4'(m_axi_awvalid && m_axi_awready);
      g_port_wlasts <= g_port_wlasts + 4'(m_axi_wvalid && m_axi_wready && m_axi_wlast);
      // What clients promise: first marks the beats that begin a burst, last the ones that end it.
      assume ((s_valid & (s_first ^ ~(gnt & {N{hold}}))) == '0);
      if (start) assume (13'(addr[11:0]) / 13'(STRB_W) + 13'(len) < 13'(4096 / STRB_W));
      if (beat) assume (ends == (start ? len == '0 : g_in == 9'(g_len)));
      // WLAST comes with beat AWLEN + 1 and with no other.
      assert ((hold ? g_in : 9'd0) <= 9'(g_len));
      if (wvalid_q) assert (g_in == g_out + 1'b1 && w_q[0] == (g_out == 9'(g_len)));
      if (wvalid_q) assert (w_q[0] == !hold);
      if (!wvalid_q) assert (g_out == (hold ? g_in : 9'd0));
      if (awvalid_q) assert (g_reg_len == g_len);
      if (awvalid_q) assert (13'(aw_q[FUNC_W + 8 +: 12]) / 13'(STRB_W) + 13'(g_len) < 13'(4096 / STRB_W));
      if (m_axi_awvalid) assert (13'(m_axi_awaddr[11:0]) / 13'(STRB_W) + 13'(m_axi_awlen) < 13'(4096 / STRB_W));
      // W follows AW burst by burst, and never shows data before their AW.
      assert (4'(g_aws + 4'(awvalid_q)) == g_starts);
      assert (4'(g_wlasts + 4'(hold || wvalid_q)) == g_starts);
      assert (4'(g_port_aws + 4'(aw_spared_q)) == g_aws);
      assert (4'(g_port_wlasts + 4'(w_spared_q && w_spare_q[0])) == g_wlasts);
      if (m_axi_wvalid) assert (4'(g_port_aws + 4'(m_axi_awvalid) - g_port_wlasts - 4'd1) < 4'd2);
      // Nobody waits for ever: what the port refuses is shown again, and its data with it or after it.
      if (w_early) assert (m_axi_awvalid);
      // Responses.
      assert (32'(owed_q) + 32'(start_q) <= WRITES_IN_FLIGHT);
      if (room) assert (32'(owed_q) + 32'(start_q) < WRITES_IN_FLIGHT);
      assert (4'(s_id_q[0]) + 4'(s_id_q[1]) + 4'(s_id_q[2]) + 4'(s_id_q[3]) == 4'(start_q));
      assert ((CNT_W + 2)'(owed_id_q[0]) + (CNT_W + 2)'(owed_id_q[1]) + (CNT_W + 2)'(owed_id_q[2])
              + (CNT_W + 2)'(owed_id_q[3]) == (CNT_W + 2)'(owed_q));
      assert ((b_valid & (b_valid - 1'b1)) == '0 && (s_ready & s_valid & ((s_ready & s_valid) - 1'b1)) == '0);
    end
  end
`endif

`ifndef SYNTHESIS
  // The clients keep to their side; AW and W don't change while they are stalled.
  logic                      aw_stall_q, w_stall_q;
  logic [64+8+FUNC_W+ID_W-1:0] aw_held_q;
  logic [DATA_W+STRB_W:0]    w_held_q;

  always_ff @(posedge clk) begin
    aw_stall_q <= !rst && m_axi_awvalid && !m_axi_awready;
    w_stall_q  <= !rst && m_axi_wvalid && !m_axi_wready;
    aw_held_q  <= {m_axi_awaddr, m_axi_awlen, m_axi_awuser, m_axi_awid};
    w_held_q   <= {m_axi_wdata, m_axi_wstrb, m_axi_wlast};
    if (!rst) begin
      if (aw_stall_q)
        assert (m_axi_awvalid && {m_axi_awaddr, m_axi_awlen, m_axi_awuser, m_axi_awid} === aw_held_q);
      if (w_stall_q)
        assert (m_axi_wvalid && {m_axi_wdata, m_axi_wstrb, m_axi_wlast} === w_held_q);
      if (start) assert ((s_first & s_ready & s_valid) != '0);
      if (beat && hold) assert ((s_first & s_ready & s_valid) == '0);
    end
  end
`endif

endmodule

`default_nettype wire
