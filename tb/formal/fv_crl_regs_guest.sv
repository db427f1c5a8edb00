// SPDX-License-Identifier: Apache-2.0
//
// Harness: the bus front and the owner check of the register block, as crl_regs wires them.
//
// Property 4 of the verification plan: a doorbell write to page p makes an event for channel p only,
// and only if the requester owns it. And AXI4-Lite's obligations: one B for each write, one R for
// each read, neither withdrawn nor changed. Owners are written by a free agent after a sweep.
`default_nettype none

module fv_crl_regs_guest #(
    parameter int CHANNELS = 2,
    parameter int FUNC_W   = 2,
    parameter int TABLE    = 1,  // 1: check against a table of our own (needs the sweep: BMC)
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input wire              clk,
    input wire              rst,
    input wire [20:0]       awaddr,
    input wire [FUNC_W-1:0] awuser,
    input wire              awvalid,
    input wire [63:0]       wdata,
    input wire [7:0]        wstrb,
    input wire              wvalid,
    input wire              bready,
    input wire [20:0]       araddr,
    input wire [FUNC_W-1:0] aruser,
    input wire              arvalid,
    input wire              rready,
    input wire              hold,
    input wire              rd_now,
    input wire              rd_ones,
    input wire [63:0]       rd_data,
    input wire              set,
    input wire [CW-1:0]     set_ch,
    input wire              set_valid,
    input wire [FUNC_W-1:0] set_func
);
  wire awready, wready, bvalid, arready, rvalid, wr, rd_valid;
  wire [1:0] bresp, rresp;
  wire [63:0] rdata, wr_data;
  wire [20:0] wr_addr, rd_addr;
  wire [FUNC_W-1:0] wr_user, rd_user;
  wire [7:0] wr_strb;
  wire db_valid, cdb_valid, rdb_valid, cmd_valid, at_ctrl, q_ok, q_foreign, q_in_ch;
  wire [CW-1:0] db_ch, cdb_ch, cmd_ch;
  wire [15:0] db_val, cdb_val;
  wire [2:0] cmd;
  wire [20:0] q_addr;
  wire [FUNC_W-1:0] q_user;
  wire [63:0] q_data;
  wire [7:0] q_strb;

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  // --- sweep of the owners, then free writes to the table ---
  reg init;
  reg [CW:0] sweep;
  always @(posedge clk) begin
    if (rst) begin
      init <= 1'b1;
      sweep <= '0;
    end else if (init) begin
      sweep <= sweep + 1'b1;
      init <= sweep != CHANNELS - 1;
    end
  end

  wire own_we = init || set;
  wire [CW-1:0] own_ch = init ? sweep[CW-1:0] : set_ch;
  wire own_valid = !init && set_valid;
  wire [FUNC_W-1:0] own_func = init ? '0 : set_func;
  always @* assume (32'(set_ch) < CHANNELS);

  wire rd_done = rd_valid && rd_now;

  crl_regs_axil #(.FUNC_W(FUNC_W)) u_axil (
      .clk, .rst, .s_axil_awaddr(awaddr), .s_axil_awuser(awuser), .s_axil_awvalid(awvalid),
      .s_axil_awready(awready), .s_axil_wdata(wdata), .s_axil_wstrb(wstrb),
      .s_axil_wvalid(wvalid), .s_axil_wready(wready), .s_axil_bresp(bresp),
      .s_axil_bvalid(bvalid), .s_axil_bready(bready), .s_axil_araddr(araddr),
      .s_axil_aruser(aruser), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
      .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid),
      .s_axil_rready(rready), .init, .hold, .wr, .wr_addr, .wr_user, .wr_data, .wr_strb,
      .rd_valid, .rd_addr, .rd_user, .rd_done, .rd_ones, .rd_data
  );

`ifdef BREAK_OWNER
  wire [FUNC_W-1:0] asks = wr_user & ~1;  // a fault: functions 2n and 2n + 1 are taken for one
`else
  wire [FUNC_W-1:0] asks = wr_user;
`endif
`ifdef BREAK_PAGE
  wire [20:0] page = {wr_addr[20:13], 1'b0, wr_addr[11:0]};
`else
  wire [20:0] page = wr_addr;
`endif

  crl_regs_guest #(.CHANNELS(CHANNELS), .FUNC_W(FUNC_W)) u_guest (
      .clk, .rst, .wr, .wr_addr(page), .wr_user(asks), .wr_data, .wr_strb,
      .own_we, .own_ch, .own_valid, .own_func, .at_ctrl,
      .q_ok, .q_foreign, .q_in_ch, .q_addr, .q_user, .q_data, .q_strb,
      .db_valid, .db_ch, .db_val, .cdb_valid, .cdb_ch, .cdb_val, .rdb_valid, .cmd_valid, .cmd_ch, .cmd
  );

  // --- what the bus owes, and the write that was taken last ---
  reg aw_held, owe_b, owe_r, ar_held, w_taken;
  reg [20:0] aw_addr, w_addr;
  reg [FUNC_W-1:0] aw_user, w_user;
  reg [63:0] w_data;
  reg [7:0] w_strb;
  reg w_owned;
  reg [FUNC_W:0] owners [0:CHANNELS-1];
  wire [CW-1:0] aw_ch = CHANNELS > 1 ? aw_addr[12 +: CW] : '0;

  always @(posedge clk) begin
    if (own_we) owners[own_ch] <= {own_valid, own_func};
    if (awvalid && awready) begin
      aw_addr <= awaddr;
      aw_user <= awuser;
    end
    if (wvalid && wready) begin
      w_addr  <= aw_addr;
      w_user  <= aw_user;
      w_data  <= wdata;
      w_strb  <= wstrb;
      w_owned <= owners[aw_ch] == {1'b1, aw_user};
    end
    if (rst) begin
      aw_held <= 1'b0;
      owe_b   <= 1'b0;
      owe_r   <= 1'b0;
      ar_held <= 1'b0;
      w_taken <= 1'b0;
    end else begin
      if (awvalid && awready) aw_held <= 1'b1;
      else if (wvalid && wready) aw_held <= 1'b0;
      if (wvalid && wready) owe_b <= 1'b1;
      else if (bvalid && bready) owe_b <= 1'b0;
      if (arvalid && arready) ar_held <= 1'b1;
      else if (rd_done) ar_held <= 1'b0;
      if (arvalid && arready) owe_r <= 1'b1;
      else if (rvalid && rready) owe_r <= 1'b0;
      w_taken <= wvalid && wready;
    end
  end

  reg p_b, p_r;
  reg [63:0] p_rdata;
  always @(posedge clk) begin
    p_b <= !rst && bvalid && !bready;
    p_r <= !rst && rvalid && !rready;
    p_rdata <= rdata;
  end

  wire w_page = w_addr[20] && w_addr[19:12] < CHANNELS;
  wire [11:0] w_ofs = {w_addr[11:3], 3'b000};
  wire w_low = w_strb[1:0] != 2'b00;
  wire [15:0] w_val = {w_strb[1] ? w_data[15:8] : 8'd0, w_strb[0] ? w_data[7:0] : 8'd0};

  always @(posedge clk) begin
    if (past_valid && !rst) begin
      // One B a write, one R a read, in their turn, and stable.
      assert (bvalid == owe_b);
      assert (wready <= aw_held);
      assert (!(aw_held && awready));
      assert (init || awready == !aw_held);
      assert (!ar_held || owe_r);
      assert (rvalid == (owe_r && !ar_held));
      assert (rd_valid == ar_held);
      assert (!(owe_r && arready));
      assert (bresp == 2'b00 && rresp == 2'b00);
      if (p_b) assert (bvalid);
      if (p_r) assert (rvalid && rdata == p_rdata);
      // The write that the decoder sees is the one on the bus.
      if (aw_held) assert (wr_addr == aw_addr && wr_user == aw_user);
      // Events belong to the write of the cycle before, and to its page.
      assert ({2'b00, db_valid} + cdb_valid + rdb_valid + cmd_valid <= 1);
      if (db_valid || cdb_valid || rdb_valid || cmd_valid) assert (w_taken && w_page && q_ok);
      if (db_valid)
        assert (db_ch == w_addr[12 +: CW] && w_ofs == crl_pkg::REG_CH_DRING_PROD
                && w_low && db_val == w_val);
      if (cdb_valid)
        assert (cdb_ch == w_addr[12 +: CW] && w_ofs == crl_pkg::REG_CH_CRING_CONS
                && w_low && cdb_val == w_val);
      if (rdb_valid)
        assert (db_ch == w_addr[12 +: CW] && w_ofs == crl_pkg::REG_CH_RRING_PROD
                && w_low && db_val == w_val);
      if (cmd_valid)
        assert (cmd_ch == w_addr[12 +: CW] && w_ofs == crl_pkg::REG_CH_CTRL
                && w_strb[0] && cmd == w_data[2:0]);
      // None is forgotten: function 0 may always.
      if (w_taken && w_user == '0 && w_page && w_ofs == crl_pkg::REG_CH_DRING_PROD && w_low)
        assert (db_valid);
      assert (q_ok + q_foreign == w_taken);
      if (w_taken) assert (q_in_ch == w_page);
      // Nobody but the owner and function 0, and the owner always.
      if (TABLE != 0) begin
        if (w_taken) assert (q_ok == (w_user == '0 || (w_page && w_owned)));
      end
    end
  end

  // --- witnesses ---
  always @(posedge clk) begin
    if (past_valid && !rst) begin
      cover (db_valid && w_user == 2 && db_ch == CHANNELS - 1);
      cover (cdb_valid && w_user == 0);
      cover (rdb_valid && w_user == 1);
      cover (cmd_valid && w_user == 3);
      cover (q_foreign && w_page);
      cover (q_foreign && !w_page && w_user == 1);
      cover (bvalid && p_b);
      cover (rvalid && p_r && rdata == '1);
    end
  end
endmodule

`default_nettype wire
