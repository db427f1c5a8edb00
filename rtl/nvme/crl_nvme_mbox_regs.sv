// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_mbox_regs: registers of the mailbox that keep what is written.
//
// How: flip-flops for those who use them all at once, and a LUT RAM with the same words for reading, so that no multiplexer
//   goes over the flip-flops. A write takes the bytes without a strobe from that RAM. A flag a word says that it reads as zero.
// Latency: read 0 cycles; a write is seen from the next cycle on.
`default_nettype none

module crl_nvme_mbox_regs (
    input  wire logic         clk,
    input  wire logic         rst,          // synchronous, active high

    input  wire logic         wr,           // event: a write
    input  wire logic [12:0]  addr,
    input  wire logic [31:0]  wdata,
    input  wire logic [3:0]   strb,
    output logic      [31:0]  rdata,        // of addr; 0 if it is not one of these

    output logic      [255:0] grant,        // as they are
    output logic      [127:0] range,
    output logic      [63:0]  ns_blocks,
    output logic      [63:0]  ns_base,
    output logic      [31:0]  cfg_queue,
    output logic      [31:0]  cfg_size,
    output logic      [63:0]  cfg_base,
    output logic      [63:0]  dma_addr,
    output logic      [31:0]  arb,
    output logic      [15:0]  coalesce,
    output logic      [31:0]  cpl_dw0,
    output logic      [15:0]  ana_change,
    output logic      [7:0]   qsel,
    output logic      [7:0]   irq_enable
);

  localparam int WORDS = 28;

  logic        hit;                 // addr is one of these
  logic [4:0]  at;                  // its word
  logic [31:0] mask, word, old, mix, new_word;

  // Words that lie together stay together: their places are the low bits of the address.
  always_comb begin
    hit  = 1'b1;
    at   = '0;
    mask = '1;
    if (addr[12:5] == crl_mbox_pkg::REG_GRANT[12:5])            at = {2'd0, addr[4:2]};
    else if (addr[12:4] == crl_mbox_pkg::REG_RANGE[12:4])       at = {3'd2, addr[3:2]};
    else if (addr[12:4] == crl_mbox_pkg::REG_NS_BLOCKS[12:4])   at = {3'd3, addr[3:2]};
    else if (addr[12:4] == crl_mbox_pkg::REG_CFG_QUEUE[12:4]) begin
      at   = {3'd4, addr[3:2]};
      mask = addr[3] ? '1 : addr[2] ? crl_mbox_pkg::WMASK_CFG_SIZE : crl_mbox_pkg::WMASK_CFG_QUEUE;
    end else if (addr[12:3] == crl_mbox_pkg::REG_DMA_ADDR[12:3]) at = {4'd10, addr[2]};
    else if (addr[12:3] == crl_mbox_pkg::REG_ARB[12:3]) begin
      at   = {4'd11, addr[2]};
      mask = addr[2] ? crl_mbox_pkg::WMASK_COALESCE : crl_mbox_pkg::WMASK_ARB;
    end else if (addr == crl_mbox_pkg::REG_CPL_DW0)              at = 5'd24;
    else if (addr == crl_mbox_pkg::REG_ANA_CHANGE) begin
      at   = 5'd25;
      mask = crl_mbox_pkg::WMASK_ANA_CHANGE;
    end else if (addr == crl_mbox_pkg::REG_QSEL) begin
      at   = 5'd26;
      mask = crl_mbox_pkg::WMASK_QSEL;
    end else if (addr == crl_mbox_pkg::REG_IRQ_ENABLE) begin
      at   = 5'd27;
      mask = crl_mbox_pkg::WMASK_IRQ_ENABLE;
    end else hit = 1'b0;
  end

  logic             wr_hit;
  logic [WORDS-1:0] zero_q;
  logic [WORDS-1:0][31:0] word_q;

  assign wr_hit = wr && hit;

  crl_ram_lut #(.W(32), .DEPTH(32)) u_words (.clk, .we(wr_hit), .waddr(at), .wdata(new_word), .raddr(at), .rdata(word));

  assign old      = zero_q[at] ? '0 : word;
  assign rdata    = hit ? old : '0;
  assign new_word = mix & mask;

  always_comb begin
    for (int i = 0; i < 4; i++) mix[8*i +: 8] = strb[i] ? wdata[8*i +: 8] : old[8*i +: 8];
  end

  always_ff @(posedge clk) begin
    for (int i = 0; i < WORDS; i++) begin
      if (rst) begin
        zero_q[i] <= 1'b1;
        word_q[i] <= '0;
      end else if (wr_hit && at == 5'(i)) begin
        zero_q[i] <= 1'b0;
        word_q[i] <= new_word;
      end
    end
  end

  assign grant      = word_q[7:0];
  assign range      = word_q[11:8];
  assign ns_blocks  = word_q[13:12];
  assign ns_base    = word_q[15:14];
  assign cfg_queue  = word_q[16];
  assign cfg_size   = word_q[17];
  assign cfg_base   = word_q[19:18];
  assign dma_addr   = word_q[21:20];
  assign arb        = word_q[22];
  assign coalesce   = word_q[23][15:0];
  assign cpl_dw0    = word_q[24];
  assign ana_change = word_q[25][15:0];
  assign qsel       = word_q[26][7:0];
  assign irq_enable = word_q[27][7:0];

  logic unused;
  assign unused = &{1'b0, word_q[23][31:16], word_q[25][31:16], word_q[26][31:8], word_q[27][31:8]};

endmodule

`default_nettype wire
