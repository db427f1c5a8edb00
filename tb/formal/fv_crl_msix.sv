// SPDX-License-Identifier: Apache-2.0
//
// Harness: MSI-X messages. Free events, masks, table grants and write client.
//
// The table is such that the data of a message name its vector. Then the pending bits can be
// predicted in every cycle: an event sets one, the message of that vector clears it, nothing else
// does either. So no message is lost, sent twice or sent without an event; none is sent that is
// masked; and an offered write neither goes away nor changes.
`default_nettype none

module fv_crl_msix #(
    parameter int CHANNELS = 3,
    parameter int NVME_VECTORS = 0,
    parameter int MASKS    = 1,  // 1: compare with our copy of the masks (needs the reset: BMC)
    parameter int FUNC_W   = 2,
    parameter int RAM_AW   = 6,
    localparam int V       = NVME_VECTORS + CHANNELS + 1,
    localparam int VW      = $clog2(V)
) (
    input wire          clk,
    input wire          rst,
    input wire          enable,
    input wire          func_mask,
    input wire [V-1:0]  fire,
    input wire          mask_we,
    input wire [VW-1:0] mask_vec,
    input wire          mask_val,
    input wire          gnt,
    input wire [63:0]   noise,
    input wire          ready
);
  wire [V-1:0] pending;
  wire tab_req, m_valid, m_first, m_last, error;
  wire [RAM_AW-1:0] tab_addr;
  wire [63:0] m_addr, m_data;
  wire [7:0] m_len, m_strb;
  wire [FUNC_W-1:0] m_user;

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  // --- table: slots 8 and 9 of a channel, 10 and 11 of channel 0 for the node, 12 the owner; the NVMe block's in the last quarter ---
  wire tab_gnt = tab_req && gnt;
  reg [RAM_AW-1:0] last_addr;
  wire        in_nvme = NVME_VECTORS != 0 && last_addr[RAM_AW-1 -: 2] == 2'b11;
  wire [31:0] vector = in_nvme ? 32'(last_addr[RAM_AW-3:1])
                     : last_addr[3:1] == 3'b101 ? 32'(V - 1) : 32'(last_addr[RAM_AW-1:4]) + NVME_VECTORS;
  wire [63:0] tab_data = !in_nvme && last_addr[3:0] == 4'd12 ? noise : {noise[31:0], vector};
  always @(posedge clk) if (tab_gnt) last_addr <= tab_addr;

  // A request is refused at most once in a row, which keeps the induction short.
  reg refused;
  always @(posedge clk) refused <= !rst && tab_req && !gnt;
  always @* if (refused) assume (gnt);

  wire [V-1:0] fire_i;
`ifdef BREAK_LOST
  assign fire_i = m_valid ? '0 : fire;  // a fault: deaf while a message waits
`else
  assign fire_i = fire;
`endif

  crl_msix #(.CHANNELS(CHANNELS), .NVME_VECTORS(NVME_VECTORS), .FUNC_W(FUNC_W), .DATA_W(64), .RAM_AW(RAM_AW)) dut (
      .clk, .rst, .enable, .func_mask, .fire(fire_i), .pending, .mask_we, .mask_vec, .mask_val,
      .tab_req, .tab_addr, .tab_gnt, .tab_data, .m_wb_valid(m_valid), .m_wb_ready(ready),
      .m_wb_first(m_first), .m_wb_last(m_last), .m_wb_addr(m_addr), .m_wb_len(m_len),
      .m_wb_user(m_user), .m_wb_data(m_data), .m_wb_strb(m_strb), .m_wb_b_valid(1'b0),
      .m_wb_b_resp(2'b00), .error
  );

  reg [V-1:0] mask, p_pending, p_fire, p_mask;
  reg p_valid, p_ready, p_go, p_rst;
  reg [63:0] p_addr, p_data;
  reg [7:0] p_strb;
  reg [FUNC_W-1:0] p_user;
  always @(posedge clk) begin
    if (rst) mask <= '1;
    else if (mask_we && mask_vec < V) mask[mask_vec] <= mask_val;
    p_rst     <= rst;
    p_pending <= pending;
    p_fire    <= enable ? fire : '0;
    p_mask    <= mask;
    p_go      <= enable && !func_mask;
    p_valid   <= m_valid;
    p_ready   <= ready;
    p_addr    <= m_addr;
    p_data    <= m_data;
    p_strb    <= m_strb;
    p_user    <= m_user;
  end

  wire launch = m_valid && (!p_valid || p_ready);
  wire [V-1:0] sent = launch ? V'(1) << m_data[VW-1:0] : '0;

  always @(posedge clk) begin
    if (past_valid && !rst) begin
      if (p_rst) begin
        assert (pending == '0 && !m_valid);
      end else begin
        assert (pending == ((p_pending & ~sent) | p_fire));
        if (launch)
          assert (m_data[31:0] < V && (p_pending & sent) != '0 && p_go);
        if (launch && MASKS != 0) assert ((p_mask & sent) == '0);
        if (p_valid && !p_ready)
          assert (m_valid && m_addr == p_addr && m_data == p_data && m_strb == p_strb
                  && m_user == p_user);
        assert (!(p_valid && p_ready && m_valid));
      end
      if (m_valid) begin
        assert (m_first && m_last && m_len == '0 && m_addr[1:0] == 2'b00);
        assert (m_strb == (m_addr[2] ? 8'hF0 : 8'h0F) && m_data[63:32] == m_data[31:0]);
      end
      cover (m_valid && m_data[1:0] == 0 && p_valid && !p_ready);
      cover (launch && m_data[1:0] == 3 && p_fire[3]);
      cover (pending == '1 && p_mask == '1);
      cover (launch && pending == 4'b0111);
    end
  end
endmodule

`default_nettype wire
