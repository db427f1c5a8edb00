// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_mbox_regs: registers of the mailbox that keep what is written.
//
// How: flip-flops for those who use them all at once, and a LUT RAM with the same words for reading, so that no multiplexer
//   goes over the flip-flops. A write takes the bytes without a strobe from that RAM. A flag a word says that it reads as zero.
//   While gr_blank, rg_blank are up, grant and range are 0, for crl_nvme_start; then they are taken out of the RAM again, a word
//   in each cycle in which no access has it.
// Latency: read 0 cycles; a write is seen from the next cycle on.
`default_nettype none

module crl_nvme_mbox_regs (
    input  wire logic         clk,
    input  wire logic         rst,          // synchronous, active high

    input  wire logic         wr,           // event: a write
    input  wire logic         choose,       // level: next_addr is that of the next access
    input  wire logic [12:0]  next_addr,
    input  wire logic [31:0]  wdata,
    input  wire logic [3:0]   strb,
    output logic      [31:0]  rdata,        // of the access; 0 if it is not one of these
    input  wire logic         busy,         // an access has the RAM
    input  wire logic         gr_blank,     // levels, rg_blank as long or longer
    input  wire logic         rg_blank,
    output logic              again,        // grant and range are being taken out of the RAM

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
  localparam int GR_END = 8;        // grant and range are the first
  localparam int RG_END = 12;

  logic        next_hit, hit;       // the address is one of these
  logic [4:0]  next_num, num, at;   // its word; what the RAM shows
  logic [3:0]  back_q;              // word that is taken out of the RAM next
  logic [31:0] mask, word, old, mix, new_word;

  // Words that lie together stay together: their places are the low bits of the address.
  always_comb begin
    next_hit = 1'b1;
    next_num = '0;
    if (next_addr[12:5] == crl_mbox_pkg::REG_GRANT[12:5])           next_num = {2'd0, next_addr[4:2]};
    else if (next_addr[12:4] == crl_mbox_pkg::REG_RANGE[12:4])      next_num = {3'd2, next_addr[3:2]};
    else if (next_addr[12:4] == crl_mbox_pkg::REG_NS_BLOCKS[12:4])  next_num = {3'd3, next_addr[3:2]};
    else if (next_addr[12:4] == crl_mbox_pkg::REG_CFG_QUEUE[12:4])  next_num = {3'd4, next_addr[3:2]};
    else if (next_addr[12:3] == crl_mbox_pkg::REG_DMA_ADDR[12:3])   next_num = {4'd10, next_addr[2]};
    else if (next_addr[12:3] == crl_mbox_pkg::REG_ARB[12:3])        next_num = {4'd11, next_addr[2]};
    else if (next_addr == crl_mbox_pkg::REG_CPL_DW0)                next_num = 5'd24;
    else if (next_addr == crl_mbox_pkg::REG_ANA_CHANGE)             next_num = 5'd25;
    else if (next_addr == crl_mbox_pkg::REG_QSEL)                   next_num = 5'd26;
    else if (next_addr == crl_mbox_pkg::REG_IRQ_ENABLE)             next_num = 5'd27;
    else next_hit = 1'b0;
  end

  always_ff @(posedge clk) begin
    if (choose) begin
      hit <= next_hit;
      num <= next_num;
    end
  end

  always_comb begin
    case (num)
      5'd16:   mask = crl_mbox_pkg::WMASK_CFG_QUEUE;
      5'd17:   mask = crl_mbox_pkg::WMASK_CFG_SIZE;
      5'd22:   mask = crl_mbox_pkg::WMASK_ARB;
      5'd23:   mask = crl_mbox_pkg::WMASK_COALESCE;
      5'd25:   mask = crl_mbox_pkg::WMASK_ANA_CHANGE;
      5'd26:   mask = crl_mbox_pkg::WMASK_QSEL;
      5'd27:   mask = crl_mbox_pkg::WMASK_IRQ_ENABLE;
      default: mask = '1;
    endcase
  end

  logic             wr_hit, back, wait_q;   // wait_q: the range is still 0, as of the last cycle
  logic             zero;                   // the word reads as zero
  logic [WORDS-1:0] zero_q;
  logic [WORDS-1:0][31:0] word_q;

  assign wr_hit = wr && hit;
  assign again  = back_q != 4'(RG_END);
  assign back   = again && !busy && !(wait_q && back_q == 4'(GR_END));
  assign at     = back ? {1'b0, back_q} : num;

  crl_ram_lut #(.W(32), .DEPTH(32)) u_words (.clk, .we(wr_hit), .waddr(at), .wdata(new_word), .raddr(at), .rdata(word));

  assign zero     = back ? zero_q[{1'b0, back_q}] : zero_q[num];
  assign old      = zero ? '0 : word;
  assign rdata    = hit ? old : '0;
  assign new_word = mix & (mask | {32{back}});

  always_comb begin
    for (int i = 0; i < 4; i++) mix[8*i +: 8] = strb[i] && !back ? wdata[8*i +: 8] : old[8*i +: 8];
  end

  always_ff @(posedge clk) begin
    if (rst)           back_q <= 4'(RG_END);
    else if (gr_blank) back_q <= '0;
    else if (back)     back_q <= back_q + 1'b1;
    wait_q <= rg_blank;
    for (int i = 0; i < WORDS; i++) begin
      if (rst)                            zero_q[i] <= 1'b1;
      else if (wr_hit && num == 5'(i))    zero_q[i] <= 1'b0;
      if (rst || (i < GR_END ? gr_blank : i < RG_END && rg_blank)) word_q[i] <= '0;
      else if ((wr_hit || back) && at == 5'(i)) word_q[i] <= new_word;
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
