// SPDX-License-Identifier: Apache-2.0
//
// crl_regs_node: the node's and the peers' registers that others look at all the time.
//
// How: flip-flops, written by byte; a multiplexer for reading, in whose output no other page shows.
// Latency: a write is seen 1 cycle after q_ok; rdata is combinational from rd_addr.
// Assumes: q_* hold for one write.
`default_nettype none

module crl_regs_node #(
    parameter int CHANNELS        = 8,
    parameter int PEERS           = 1,
    parameter int SEGMENTS        = 32,
    parameter int FUNC_W          = 8,
    parameter int DATA_W          = 64,
    parameter int LINK_W          = 64,
    parameter int PREFETCH        = 64,
    parameter int OPS             = 128,
    parameter int MAX_BURST_BYTES = 512,
    parameter int LINK_MTU        = 1024,
    parameter int RX_SHARED       = 24,
    parameter int NVME_VECTORS    = 0,
    parameter int NVME_QUEUES     = 0
) (
    input  wire logic                clk,
    input  wire logic                rst,          // synchronous, active high

    input  wire logic                q_ok,         // event: an allowed write
    input  wire logic [20:0]         q_addr,
    input  wire logic [63:0]         q_data,
    input  wire logic [7:0]          q_strb,

    input  wire logic [11:0]         rd_ofs,       // in the node's page
    input  wire logic                rd_is_peer,   // read the peers' page instead
    input  wire logic [1:0]          rd_peer,
    output logic      [63:0]         rd_data,

    input  wire logic                fatal,
    input  wire logic [PEERS-1:0]    peer_up,
    input  wire logic [CHANNELS-1:0] ch_pending,
    input  wire logic [3:0]          node_event,
    input  wire logic [3:0]          node_enable,
    input  wire logic                last_valid,   // the latest refused access
    input  wire logic                last_write,
    input  wire logic [FUNC_W-1:0]   last_func,
    input  wire logic [20:0]         last_addr,

    input  wire logic [15:0]         rev_ack,
    output logic                     rev_req,      // event: REVOKE was written
    output logic      [15:0]         rev_seq,
    output logic      [7:0]          node_id,
    output logic                     irq_enable,
    output logic                     msix_enable,
    output logic                     msix_mask,
    output logic      [PEERS-1:0]    peer_enable,
    output logic      [PEERS*8-1:0]  peer_node,
    output logic      [PEERS*16-1:0] peer_epoch
);

  logic        page_node, page_peer;
  logic [11:0] ofs;

  assign ofs       = {q_addr[11:3], 3'b000};
  assign page_node = q_ok && q_addr[20:12] == 9'h1F0;
  assign page_peer = q_ok && q_addr[20:12] == 9'h1F4
                  && {6'd0, q_addr[5:3], 3'b000} == crl_pkg::REG_PEER_CTRL;

  always_ff @(posedge clk) begin
    if (rst) begin
      node_id     <= '0;
      irq_enable  <= 1'b0;
      msix_enable <= 1'b0;
      msix_mask   <= 1'b0;
    end else if (page_node && q_strb[0]) begin
      if (ofs == crl_pkg::REG_NODE_NUMBER) node_id <= q_data[7:0];
      if (ofs == crl_pkg::REG_NODE_CTRL) begin
        irq_enable  <= q_data[crl_pkg::NODE_CTRL_IRQ_ENABLE_LSB];
        msix_enable <= q_data[crl_pkg::NODE_CTRL_MSIX_ENABLE_LSB];
        msix_mask   <= q_data[crl_pkg::NODE_CTRL_MSIX_FUNCTION_MASK_LSB];
      end
    end
  end

  logic rev_we;

  assign rev_we = page_node && ofs == crl_pkg::REG_NODE_REVOKE && |q_strb[1:0];

  always_ff @(posedge clk) begin
    if (rst) begin
      rev_req <= 1'b0;
      rev_seq <= '0;
    end else begin
      rev_req <= rev_we;
      if (rev_we && q_strb[0]) rev_seq[7:0]  <= q_data[crl_pkg::NODE_REVOKE_SEQ_LSB +: 8];
      if (rev_we && q_strb[1]) rev_seq[15:8] <= q_data[crl_pkg::NODE_REVOKE_SEQ_LSB + 8 +: 8];
    end
  end

  always_ff @(posedge clk) begin
    for (int p = 0; p < PEERS; p++) begin
      if (rst) begin
        peer_enable[p]        <= 1'b0;
        peer_node[p*8 +: 8]   <= '0;
        peer_epoch[p*16 +: 16] <= '0;
      end else if (page_peer && q_addr[11:6] == 6'(p)) begin
        if (q_strb[0]) peer_node[p*8 +: 8]      <= q_data[crl_pkg::PEER_CTRL_NODE_LSB +: 8];
        if (q_strb[2]) peer_epoch[p*16 +: 8]    <= q_data[crl_pkg::PEER_CTRL_EPOCH_LSB +: 8];
        if (q_strb[3]) peer_epoch[p*16+8 +: 8]  <= q_data[crl_pkg::PEER_CTRL_EPOCH_LSB + 8 +: 8];
        if (q_strb[7]) peer_enable[p]           <= q_data[crl_pkg::PEER_CTRL_ENABLE_LSB];
      end
    end
  end

  // --- constants ---------------------------------------------------------------------------------
  localparam logic [63:0] CAPS0 =
      64'(CHANNELS)                 << crl_pkg::NODE_CAPS0_CHANNELS_LSB
    | 64'(PEERS)                    << crl_pkg::NODE_CAPS0_PEERS_LSB
    | 64'(SEGMENTS)                 << crl_pkg::NODE_CAPS0_SEGMENTS_LSB
    | 64'($clog2(DATA_W / 8))       << crl_pkg::NODE_CAPS0_LOG2_DATA_BYTES_LSB
    | 64'($clog2(LINK_W / 8))       << crl_pkg::NODE_CAPS0_LOG2_LINK_BYTES_LSB
    | 64'(PREFETCH)                 << crl_pkg::NODE_CAPS0_PREFETCH_LSB
    | 64'(OPS)                      << crl_pkg::NODE_CAPS0_OPS_LSB;
  localparam logic [63:0] CAPS1 =
      64'(MAX_BURST_BYTES)          << crl_pkg::NODE_CAPS1_MAX_BURST_BYTES_LSB
    | 64'(LINK_MTU)                 << crl_pkg::NODE_CAPS1_LINK_MTU_LSB
    | 64'(FUNC_W)                   << crl_pkg::NODE_CAPS1_FUNC_W_LSB
    | 64'(RX_SHARED)                << crl_pkg::NODE_CAPS1_RX_SHARED_LSB
    | 64'(NVME_QUEUES)              << crl_pkg::NODE_CAPS1_NVME_QUEUES_LSB
    | 64'(NVME_VECTORS)             << crl_pkg::NODE_CAPS1_NVME_VECTORS_LSB;

  // --- reading -----------------------------------------------------------------------------------
  logic       p_enable, p_up;
  logic [7:0] p_node;
  logic [15:0] p_epoch;

  always_comb begin
    {p_enable, p_up, p_node, p_epoch} = '0;
    for (int p = 0; p < PEERS; p++) begin
      if (rd_peer == 2'(p)) begin
        p_enable = peer_enable[p];
        p_up     = peer_up[p];
        p_node   = peer_node[p*8 +: 8];
        p_epoch  = peer_epoch[p*16 +: 16];
      end
    end
  end

  logic [63:0] last, peer_word, node_word;

  assign last = {last_valid, last_write, 18'd0, 12'(last_func), 11'd0, last_addr};

  assign peer_word =
      {6'd0, rd_ofs[5:3], 3'b000} == crl_pkg::REG_PEER_CTRL
    ? 64'(p_node) << crl_pkg::PEER_CTRL_NODE_LSB | 64'(p_epoch) << crl_pkg::PEER_CTRL_EPOCH_LSB
      | 64'(p_enable) << crl_pkg::PEER_CTRL_ENABLE_LSB
    : {6'd0, rd_ofs[5:3], 3'b000} == crl_pkg::REG_PEER_STATUS
    ? 64'(p_up) << crl_pkg::PEER_STATUS_UP_LSB : 64'd0;

  always_comb begin
    case (rd_ofs)
      crl_pkg::REG_NODE_IDENT:  node_word = crl_pkg::RESET_NODE_IDENT;
      crl_pkg::REG_NODE_CAPS0:  node_word = CAPS0;
      crl_pkg::REG_NODE_CAPS1:  node_word = CAPS1;
      crl_pkg::REG_NODE_NUMBER: node_word = 64'(node_id);
      crl_pkg::REG_NODE_CTRL:   node_word = 64'({msix_mask, msix_enable, irq_enable});
      crl_pkg::REG_NODE_STATUS: node_word = fatal ? 64'(crl_pkg::ST_MEM_TIMEOUT)
                                            << crl_pkg::NODE_STATUS_FATAL_CAUSE_LSB | 64'd1 : '0;
      crl_pkg::REG_NODE_IRQ_SUMMARY:  node_word = 64'(ch_pending);
      crl_pkg::REG_NODE_FOREIGN_LAST: node_word = last_valid ? last : '0;
      crl_pkg::REG_NODE_EVENT:        node_word = 64'(node_event);
      crl_pkg::REG_NODE_EVENT_ENABLE: node_word = 64'(node_enable);
      crl_pkg::REG_NODE_REVOKE:       node_word = 64'(rev_seq) << crl_pkg::NODE_REVOKE_SEQ_LSB
                                            | 64'(rev_ack) << crl_pkg::NODE_REVOKE_ACK_LSB;
      default:                        node_word = '0;
    endcase
  end

  assign rd_data = rd_is_peer ? peer_word : node_word;

  logic unused;

  assign unused = &{1'b0, q_addr[2:0], q_strb, q_data};

endmodule

`default_nettype wire
