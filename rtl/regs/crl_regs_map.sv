// SPDX-License-Identifier: Apache-2.0
//
// crl_regs_map: where in BAR0 an address lies.
//
// How: combinational; every constant comes from the register description. Registers that only hold
//   what was written share one RAM of 64-bit words. Its map:
//     channel half  {0, channel, slot}: slots below; segment half {1, segment, register};
//     with an NVMe block {1, 0, segment, register}, and its vectors {1, 1, vector, word}.
// Latency: 0.
// Assumes: nothing.
`default_nettype none

module crl_regs_map #(
    parameter int CHANNELS     = 8,
    parameter int PEERS        = 1,
    parameter int SEGMENTS     = 32,
    parameter int FUNC_W       = 8,
    parameter int NVME_VECTORS = 0,     // of the NVMe block, first in the MSI-X table; 0: there is none
    parameter int RAM_AW       = 8,     // of crl_regs_store
    parameter bit SEND_EN      = 1,     // 0: there are no receive rings
    localparam int CW          = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int SW          = SEGMENTS > 1 ? $clog2(SEGMENTS) : 1
) (
    input  wire logic [20:0]       addr,
    output logic                   in_ch,      // guest page of an existing channel
    output logic                   in_chp,     // privileged registers of an existing channel
    output logic                   in_seg,     // an existing segment
    output logic                   in_nvme,    // registers and doorbells of the NVMe block
    output logic                   in_msix,    // vector of the NVMe block, of an existing channel, or the node's
    output logic                   in_pba,
    output logic                   in_node,
    output logic                   in_peer,    // an existing peer
    output logic                   in_func,    // counter of an existing FUNCTION_ID
    output logic      [CW-1:0]     ch,         // channel, for in_ch, in_chp and in_msix
    output logic                   ram_hit,    // a register of an existing page that the RAM holds
    output logic      [RAM_AW-1:0] ram_addr,
    output logic      [63:0]       wmask       // bits that the RAM takes
);

  // Slots of a channel in the RAM: receive ring 0 and 1, other rings 2 to 5. The node's vector lives with channel 0.
  localparam logic [3:0] SLOT_COALESCE = 4'd6;
  localparam logic [3:0] SLOT_RETRY    = 4'd7;
  localparam logic [3:0] SLOT_VEC      = 4'd8;   // address, then data and control
  localparam logic [3:0] SLOT_NODE_VEC = 4'd10;
  localparam logic [3:0] SLOT_OWNER    = 4'd12;  // then policy, rate, binding

  logic [11:0] ofs;         // in a page, without the byte in the word
  logic [7:0]  page;        // 4 KiB page from the first guest page on
  logic        top_half, priv;
  logic [3:0]  slot;
  logic        ring, rring, coal, retry, ch_ok, seg_ok;
  logic [7:0]  ch_high;
  logic [5:0]  cp_high;
  logic [7:0]  vec, vec_high;  // vector, counted from the channels' on
  logic        vec_nvme, vec_ch, vec_node;
  logic [63:0] func_mask;   // the node has FUNC_W bits of FUNCTION_ID

  assign ofs      = {addr[11:3], 3'b000};
  assign page     = addr[19:12];
  assign top_half = addr[20];
  assign priv     = top_half && page[7:4] == 4'hF;

  assign func_mask = (64'd1 << FUNC_W) - 64'd1;

  // Below a limit: nothing above its bits, and a comparison only where it is no power of two.
  assign ch_ok    = CHANNELS == (1 << CW) || 32'(ch) < CHANNELS;
  assign seg_ok   = SEGMENTS == (1 << SW) || 32'(addr[5 +: SW]) < SEGMENTS;
  assign ch_high  = CHANNELS > 1 ? 8'(page >> CW) : page;
  assign cp_high  = CHANNELS > 1 ? 6'(addr[11:6] >> CW) : addr[11:6];
  assign vec      = addr[11:4] - 8'(NVME_VECTORS);
  assign vec_high = CHANNELS > 1 ? 8'(vec >> CW) : vec;
  assign vec_nvme = NVME_VECTORS > 0 && addr[11:4] <= 8'(NVME_VECTORS - 1);
  assign vec_ch   = vec_high == '0 && ch_ok;
  assign vec_node = vec == 8'(CHANNELS);

  assign retry   = addr[5:3] == 3'd4;
  assign in_ch   = top_half && ch_high == '0 && ch_ok;
  assign in_chp  = priv && page[3:0] == 4'h1 && cp_high == '0 && ch_ok && (!addr[5] || retry);
  assign in_seg  = priv && page[3:0] == 4'h2 && 7'(addr[11:5] >> SW) == '0 && seg_ok;
  assign in_peer = priv && page[3:0] == 4'h4 && addr[11:8] == '0 && 32'(addr[7:6]) < PEERS;
  assign in_node = priv && page[3:0] == 4'h0;
  assign in_func = priv && page[3] && (addr[14:3] >> FUNC_W) == '0;
  assign in_nvme = NVME_VECTORS > 0 && !top_half;
  assign in_msix = top_half && page == 8'hE0 && (vec_nvme || vec_ch || vec_node);
  assign in_pba  = top_half && page == 8'hE8 && ofs[11:5] == '0;

  always_comb begin
    ch = addr[12 +: CW];
    if (page[7]) ch = page[4] ? addr[6 +: CW] : vec[CW-1:0];
    if (CHANNELS == 1) ch = '0;
  end

  assign ring = ofs == crl_pkg::REG_CH_DRING_BASE || ofs == crl_pkg::REG_CH_DRING_SIZE
             || ofs == crl_pkg::REG_CH_CRING_BASE || ofs == crl_pkg::REG_CH_CRING_SIZE;
  assign rring = SEND_EN && (ofs == crl_pkg::REG_CH_RRING_BASE || ofs == crl_pkg::REG_CH_RRING_SIZE);
  assign coal = ofs == crl_pkg::REG_CH_IRQ_COALESCE;

  always_comb begin
    slot = {1'b0, addr[5:3]};  // ring registers: slots 2 to 5
    if (in_ch && rring) slot = {3'b000, addr[3]};
    if (in_ch && coal) slot = SLOT_COALESCE;
    if (in_chp)        slot = retry ? SLOT_RETRY : SLOT_OWNER | {2'b00, addr[4:3]};
    if (in_msix)       slot = (vec_node ? SLOT_NODE_VEC : SLOT_VEC) | {3'b000, addr[3]};
  end

  assign ram_hit = (in_ch && (ring || rring || coal)) || in_chp || in_msix
                || (in_seg && addr[4:3] != 2'd3);

  // Upper half: segments, four words each; lower half: channels, sixteen words each.
  logic [RAM_AW-1:0] seg_addr, ch_addr, vec_addr;
  assign seg_addr = RAM_AW'({addr[5 +: SW], addr[4:3]}) | {1'b1, {(RAM_AW-1){1'b0}}};
  assign vec_addr = RAM_AW'({addr[11:4], addr[3]}) | {2'b11, {(RAM_AW-2){1'b0}}};
  assign ch_addr  = RAM_AW'({in_msix && vec_node ? CW'(0) : ch, slot});
  assign ram_addr = in_seg ? seg_addr : in_msix && vec_nvme ? vec_addr : ch_addr;

  // Continuous assignments: with constants only, Icarus 11 wakes an always_comb by its own results.
  logic [63:0] ch_mask, chp_mask, seg_mask;
  assign ch_mask  = coal ? crl_pkg::WMASK_CH_IRQ_COALESCE
                  : ofs == crl_pkg::REG_CH_DRING_SIZE || ofs == crl_pkg::REG_CH_CRING_SIZE
                    || ofs == crl_pkg::REG_CH_RRING_SIZE
                    ? crl_pkg::WMASK_CH_DRING_SIZE : crl_pkg::WMASK_CH_DRING_BASE;
  assign chp_mask = retry ? crl_pkg::WMASK_CHP_RETRY
                  : addr[4:3] == 2'd0 ? crl_pkg::WMASK_CHP_OWNER
                                        & (func_mask << crl_pkg::CHP_OWNER_FUNC_LSB | ~64'hFFF)
                  : addr[4:3] == 2'd1 ? crl_pkg::WMASK_CHP_POLICY
                  : addr[4:3] == 2'd2 ? crl_pkg::WMASK_CHP_RATE : crl_pkg::WMASK_CHP_BIND;
  assign seg_mask = addr[4:3] == 2'd0 ? crl_pkg::WMASK_SEG_BASE
                  : addr[4:3] == 2'd1 ? crl_pkg::WMASK_SEG_SIZE : crl_pkg::WMASK_SEG_CTRL;
  assign wmask    = in_ch ? ch_mask : in_chp ? chp_mask : in_seg ? seg_mask
                  : addr[3] ? crl_pkg::WMASK_MSIX_DATA_CTRL : crl_pkg::WMASK_MSIX_ADDR;

  logic unused;

  assign unused = &{1'b0, addr[2:0]};

endmodule

`default_nettype wire
