// SPDX-License-Identifier: Apache-2.0
//
// crl_msix: sends MSI-X messages, one a vector that fired.
//
// How: a vector that fires becomes pending. A pointer goes round the vectors, over eight at a time where none is to be
//   sent; one that is pending and not masked has its table entry read, and leaves as a single-beat write of 4 bytes on behalf
//   of its channel's function, or of function 0. It stops being pending when its write is offered; firing again from
//   then on makes it pending again, so nothing is lost. Masked vectors stay pending until unmasked.
// Vectors: the NVMe block's, one a channel, the node's.
// Latency: up to V / 8 + 16 cycles to the offered write. Throughput: a message in about 8 cycles.
// Assumes: software masks a vector before it changes its entry, as the PCI specification asks.
`default_nettype none

module crl_msix #(
    parameter int CHANNELS     = 8,
    parameter int NVME_VECTORS = 0,   // 0 to 129
    parameter int FUNC_W       = 8,
    parameter int DATA_W       = 64,
    parameter int RAM_AW       = 8,   // of crl_regs_store
    localparam int CW          = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int V           = NVME_VECTORS + CHANNELS + 1,
    localparam int VW          = $clog2(V),
    localparam int STRB_W      = DATA_W / 8
) (
    input  wire logic                clk,
    input  wire logic                rst,           // synchronous, active high

    input  wire logic                enable,        // NODE.CTRL.MSIX_ENABLE
    input  wire logic                func_mask,     // NODE.CTRL.MSIX_FUNCTION_MASK
    input  wire logic [V-1:0]        fire,          // events, a bit a vector
    output logic      [V-1:0]        pending,       // pending bits

    input  wire logic                mask_we,       // event: vector mask of mask_vec
    input  wire logic [VW-1:0]       mask_vec,
    input  wire logic                mask_val,

    output logic                     tab_req,       // table read, held until tab_gnt
    output logic      [RAM_AW-1:0]   tab_addr,
    input  wire logic                tab_gnt,
    input  wire logic [63:0]         tab_data,      // the cycle after tab_gnt

    output logic                     m_wb_valid,    // write client, one beat a burst
    input  wire logic                m_wb_ready,
    output logic                     m_wb_first,
    output logic                     m_wb_last,
    output logic      [63:0]         m_wb_addr,
    output logic      [7:0]          m_wb_len,
    output logic      [FUNC_W-1:0]   m_wb_user,
    output logic      [DATA_W-1:0]   m_wb_data,
    output logic      [STRB_W-1:0]   m_wb_strb,
    input  wire logic                m_wb_b_valid,  // event
    input  wire logic [1:0]          m_wb_b_resp,
    output logic                     error          // event: memory refused a message
);

  localparam logic [3:0] SLOT_VEC      = 4'd8;   // as in crl_regs_map
  localparam logic [3:0] SLOT_NODE_VEC = 4'd10;
  localparam logic [3:0] SLOT_OWNER    = 4'd12;

  // The pointer stands on a vector while its entry is read: words in the order address, data, owner.
  localparam logic [2:0] S_SCAN = 3'd0, S_ADDR = 3'd1, S_DATA = 3'd2, S_OWNER = 3'd3,
                         S_TAKE = 3'd4, S_SEND = 3'd5;

  logic [V-1:0]      pend_q, mask_q;
  logic [VW-1:0]     ptr_q;
  logic [2:0]        state_q;
  logic [VW-1:0]     ptr_next;
  logic              ready_to_go, node, nvme, skip, go;
  logic [61:0]       addr_q;
  logic [31:0]       data_q;
  logic [FUNC_W-1:0] func_q;
  logic              valid_q;

  assign ready_to_go = pend_q[ptr_q] && !mask_q[ptr_q] && enable && !func_mask;
  assign node        = ptr_q == VW'(V - 1);
  assign go          = state_q == S_SEND && ready_to_go;
  assign pending     = pend_q;

  // --- table read --------------------------------------------------------------------------------
  assign tab_req = state_q == S_ADDR || state_q == S_DATA || state_q == S_OWNER;

  logic [3:0]    slot;
  logic [CW-1:0] page;

  assign slot = state_q == S_OWNER ? SLOT_OWNER
              : (node ? SLOT_NODE_VEC : SLOT_VEC) | {3'b000, state_q == S_DATA};
  assign page = node || CHANNELS == 1 ? '0 : CW'(32'(ptr_q) - NVME_VECTORS);

  generate
    if (NVME_VECTORS > 0) begin : g_nvme
      assign nvme     = 32'(ptr_q) < NVME_VECTORS;
      assign tab_addr = nvme ? RAM_AW'({ptr_q, state_q == S_DATA}) | {2'b11, {(RAM_AW-2){1'b0}}} : RAM_AW'({page, slot});
    end else begin : g_no_nvme
      assign nvme     = 1'b0;
      assign tab_addr = RAM_AW'({page, slot});
    end
  endgenerate

  // --- the pointer ---------------------------------------------------------------------------------
  // Whether any of eight is to be sent, as it was a cycle ago: who comes too late for that waits for the next round.
  generate
    if (V > 8) begin : g_skip
      localparam int G = (V + 7) / 8;
      logic [8*G-1:0] able;
      logic [G-1:0]   some_q;

      always_comb begin
        able        = '0;
        able[V-1:0] = pend_q & ~mask_q;
      end
      always_ff @(posedge clk) begin
        for (int i = 0; i < G; i++) some_q[i] <= able[8*i +: 8] != '0;
      end
      assign skip     = ptr_q[2:0] == '0 && !some_q[ptr_q[VW-1:3]];
      assign ptr_next = skip ? (32'(ptr_q) + 8 > V - 1 ? '0 : ptr_q + VW'(8)) : node ? '0 : ptr_q + 1'b1;
    end else begin : g_step
      assign skip     = 1'b0;
      assign ptr_next = node ? '0 : ptr_q + 1'b1;
    end
  endgenerate

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q <= S_SCAN;
      ptr_q   <= '0;
    end else begin
      case (state_q)
        S_SCAN: begin
          if (ready_to_go && !valid_q) state_q <= S_ADDR;
          else if (!ready_to_go)       ptr_q   <= ptr_next;
        end
        S_ADDR:  if (tab_gnt) state_q <= S_DATA;
        S_DATA:  if (tab_gnt) state_q <= S_OWNER;
        S_OWNER: if (tab_gnt) state_q <= S_TAKE;
        S_TAKE:  state_q <= S_SEND;
        default: begin  // S_SEND; masked since the pointer stopped here: it stays pending
          state_q <= S_SCAN;
          ptr_q   <= node ? '0 : ptr_q + 1'b1;
        end
      endcase
    end
  end

  // A word arrives in the cycle after its grant. No entry is read while a write is on offer.
  logic [1:0] word_q;

  always_ff @(posedge clk) begin
    if (rst)          word_q <= 2'd0;
    else if (tab_gnt) word_q <= state_q[1:0];
    else              word_q <= 2'd0;
    if (word_q == 2'd1) addr_q <= tab_data[63:2];
    if (word_q == 2'd2) data_q <= tab_data[31:0];
    if (word_q == 2'd3)
      func_q <= tab_data[crl_pkg::CHP_OWNER_VALID_LSB] && !node && !nvme
              ? tab_data[crl_pkg::CHP_OWNER_FUNC_LSB +: FUNC_W] : '0;
  end

  // --- pending and mask --------------------------------------------------------------------------
  always_ff @(posedge clk) begin
    if (rst) begin
      pend_q  <= '0;
      mask_q  <= '1;
      valid_q <= 1'b0;
    end else begin
      for (int v = 0; v < V; v++) begin
        if (fire[v] && enable)               pend_q[v] <= 1'b1;
        else if (go && ptr_q == VW'(v))      pend_q[v] <= 1'b0;
        if (mask_we && mask_vec == VW'(v))   mask_q[v] <= mask_val;
      end
      if (go)              valid_q <= 1'b1;
      else if (m_wb_ready) valid_q <= 1'b0;
    end
  end

  // --- the write ---------------------------------------------------------------------------------
  assign m_wb_valid = valid_q;
  assign m_wb_first = 1'b1;
  assign m_wb_last  = 1'b1;
  assign m_wb_addr  = {addr_q, 2'b00};
  assign m_wb_len   = 8'd0;
  assign m_wb_user  = func_q;
  assign m_wb_data  = {(DATA_W/32){data_q}};

  localparam int LANE_W = $clog2(STRB_W / 4);

  genvar g;
  generate
    for (g = 0; g < STRB_W / 4; g++) begin : g_lane
      assign m_wb_strb[4*g +: 4] = {4{addr_q[LANE_W-1:0] == LANE_W'(g)}};
    end
  endgenerate

  assign error = m_wb_b_valid && m_wb_b_resp[1];

  logic unused;

  assign unused = &{1'b0, m_wb_b_resp[0], tab_data, skip};

endmodule

`default_nettype wire
