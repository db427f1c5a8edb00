// SPDX-License-Identifier: Apache-2.0
//
// crl_regs_store: the RAM behind the registers that only hold what was written, and what follows
//   from a write to it.
//
// How: one RAM of 64-bit words with byte enables. A second, smaller one holds the ring set-up again
//   for the engine's own read port. A write to a privileged channel register or to a segment's CTRL
//   starts a walk over the words of that channel or segment (crl_regs_walk).
//   After reset a sweep (`init`) clears both RAMs and sends every channel's and every segment's
//   reset values, so that tables elsewhere need no reset of their own.
//   Addresses are decoded a cycle before `q_ok`, and RAMs are written from registers a cycle after.
// Latency: a read 1 cycle after its grant; rc_data 2 cycles after rc_ch and rc_sel; cc_we and
//   seg_we 7 cycles after q_ok. Sweep: 2^RAM_AW cycles.
// Assumes: no write while `busy`. The engine's set-up reads don't meet a write of the same word:
//   ch_locked covers a channel from two cycles after its ENABLE on.
`default_nettype none

module crl_regs_store #(
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    parameter int SEGMENTS = 32,
    parameter int FUNC_W   = 8,
    parameter int NVME_VECTORS = 0,
    parameter int RAM_AW   = 8,    // address bits of the RAM, see crl_regs
    parameter bit SEND_EN  = 1,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int SW      = SEGMENTS > 1 ? $clog2(SEGMENTS) : 1
) (
    input  wire logic                         clk,
    input  wire logic                         rst,         // synchronous, active high
    output logic                              init,        // the sweep after reset is running
    output logic                              busy,        // no write now

    input  wire logic [20:0]                  wr_addr,     // of q_ok, one cycle ahead of it
    input  wire logic                         q_ok,        // event: an allowed write
    input  wire logic [63:0]                  q_data,
    input  wire logic [7:0]                   q_strb,
    input  wire logic [CHANNELS-1:0]          ch_locked,   // ring set-up is read-only

    input  wire logic                         a_req,       // read port a, goes first
    input  wire logic [RAM_AW-1:0]            a_addr,
    output logic                              a_gnt,
    input  wire logic                         b_req,       // read port b, waits for walks too
    input  wire logic [RAM_AW-1:0]            b_addr,
    output logic                              b_gnt,
    output logic      [63:0]                  rd_data,     // the cycle after a grant

    output logic      [3:0]                   coal_we,     // bytes of IRQ_COALESCE of coal_ch
    output logic      [CW-1:0]                coal_ch,
    output logic      [31:0]                  coal_data,
    output logic      [3:0]                   retry_we,    // bytes of CHP.RETRY of coal_ch, in coal_data

    input  wire logic [CW-1:0]                rc_ch,       // ring set-up for the engine
    input  wire logic [2:0]                   rc_sel,      // slot less 2
    output logic      [63:0]                  rc_data,

    output logic                              cc_we,       // event: configuration of cc_ch
    output logic      [CW-1:0]                cc_ch,
    output logic                              cc_own,      // CHP.OWNER is valid
    output logic      [FUNC_W-1:0]            cc_func,
    output logic      [1:0]                   cc_class,
    output logic      [7:0]                   cc_weight,
    output logic                              cc_mgmt,
    output logic      [15:0]                  cc_rate,
    output logic      [15:0]                  cc_burst,
    output logic                              cc_abs,
    output logic                              cc_stop,
    output logic                              cc_bind,
    output logic      [1:0]                   cc_peer,
    output logic      [7:0]                   cc_peer_ch,

    output logic                              seg_we,      // event: entry of seg_idx
    output logic      [SW-1:0]                seg_idx,
    output logic      [crl_pkg::SEGENT_W-1:0] seg_entry
);

  logic              in_ch, in_chp, in_seg, hit, in_seg_q, hit_q;
  logic              lockable_q, walks_q;
  logic              n_nvme, n_msix, n_pba, n_node, n_peer, n_func;  // not needed here
  logic [CW-1:0]     ch, ch_q;
  logic [RAM_AW-1:0] addr, addr_q;
  logic [63:0]       mask, mask_q;

  crl_regs_map #(
      .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .FUNC_W(FUNC_W), .NVME_VECTORS(NVME_VECTORS),
      .RAM_AW(RAM_AW), .SEND_EN(SEND_EN)
  ) u_map (
      .addr(wr_addr), .in_ch, .in_chp, .in_seg, .in_nvme(n_nvme), .in_msix(n_msix), .in_pba(n_pba),
      .in_node(n_node), .in_peer(n_peer), .in_func(n_func), .ch,
      .ram_hit(hit), .ram_addr(addr), .wmask(mask)
  );

  always_ff @(posedge clk) begin
    lockable_q <= in_ch && wr_addr[7:6] == 2'b00;
    walks_q    <= (in_chp && !wr_addr[5]) || (in_seg && wr_addr[4:3] == 2'd2);
    in_seg_q   <= in_seg;
    hit_q      <= hit;
    ch_q       <= ch;
    addr_q     <= addr;
    mask_q     <= mask;
  end

  // --- sweep -------------------------------------------------------------------------------------
  logic              init_q;
  logic [RAM_AW-1:0] sweep_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      init_q  <= 1'b1;
      sweep_q <= '0;
    end else if (init_q) begin
      sweep_q <= sweep_q + 1'b1;
      init_q  <= sweep_q != '1;
    end
  end

  assign init = init_q;

  // --- walk --------------------------------------------------------------------------------------
  logic              walk_busy, walk_rd, fix;
  logic [RAM_AW-1:0] walk_addr, fix_addr;

  crl_regs_walk #(.CHANNELS(CHANNELS), .SEGMENTS(SEGMENTS), .FUNC_W(FUNC_W), .RAM_AW(RAM_AW)) u_walk (
      .clk, .rst, .init(init_q), .sweep(sweep_q),
      .start(q_ok && walks_q), .start_seg(in_seg_q), .start_addr(addr_q), .busy(walk_busy),
      .rd(walk_rd), .rd_addr(walk_addr), .rd_data, .fix, .fix_addr,
      .cc_we, .cc_ch, .cc_own, .cc_func, .cc_class, .cc_weight, .cc_mgmt, .cc_rate, .cc_burst,
      .cc_abs, .cc_stop, .cc_bind, .cc_peer, .cc_peer_ch, .seg_we, .seg_idx, .seg_entry
  );

  assign busy = init_q || walk_busy;

  // --- the RAM -----------------------------------------------------------------------------------
  logic [7:0]        be, be_q;
  logic [RAM_AW-1:0] waddr, waddr_q, raddr;
  logic [63:0]       wdata_q;
  logic              locked, sweep_vec, we_q;

  assign locked = lockable_q && ch_locked[ch_q];

  // Of what is not a bus write, the sweep writes reset values and `fix` takes VALID away.
  always_comb begin
    be    = q_ok && hit_q && !locked ? q_strb : 8'd0;
    waddr = addr_q;
    if (init_q) begin
      be    = '1;
      waddr = sweep_q;
    end else if (fix) begin
      be    = 8'h80;
      waddr = fix_addr;
    end
  end

  // Slots 9 and 11 hold vectors' data and control, in the NVMe block's part every second word does (crl_regs_map).
  assign sweep_vec = sweep_q[0] && (sweep_q[RAM_AW-1] ? NVME_VECTORS > 0 && sweep_q[RAM_AW-2] : sweep_q[3:2] == 2'b10);

  always_ff @(posedge clk) begin
    if (rst) begin
      be_q <= '0;
      we_q <= 1'b0;
    end else begin
      be_q <= be;
      we_q <= be != '0;
    end
  end

  always_ff @(posedge clk) begin
    waddr_q <= waddr;
    if (init_q)   wdata_q <= sweep_vec ? crl_pkg::RESET_MSIX_DATA_CTRL : 64'd0;
    else if (fix) wdata_q <= '0;
    else          wdata_q <= q_data & mask_q;
  end

  // A word that is being written is not read.
  always_comb begin
    a_gnt = a_req && !walk_rd && !we_q;
    b_gnt = b_req && !a_req && !walk_busy && !we_q;  // what a walk changes is seen
    raddr = a_req ? a_addr : b_addr;
    if (walk_rd) raddr = walk_addr;
  end

  crl_ram_bram #(.W(64), .DEPTH(1 << RAM_AW), .BYTE_EN(1)) u_ram (
      .clk, .we(be_q), .waddr(waddr_q), .wdata(wdata_q), .re(1'b1), .raddr, .rdata(rd_data)
  );

  // --- ring set-up once more, for the engine -----------------------------------------------------
  logic          ring_slot;
  logic [2:0]    ring_sel;
  logic [8:0]    ring_waddr;
  logic [63:0]   ring_rdata;

  assign ring_slot  = !waddr_q[RAM_AW-1] && !waddr_q[3]
                   && (waddr_q[2:1] == 2'b01 || waddr_q[2:1] == 2'b10 || (SEND_EN && waddr_q[2:1] == 2'b00));  // slots 0 to 5
  assign ring_sel   = waddr_q[2:0] - 3'd2;
  assign ring_waddr = 9'({waddr_q[4 +: CW], ring_sel});

  // As deep as a block RAM is, or it would become a larger heap of LUT RAM.
  crl_ram_bram #(.W(64), .DEPTH(512), .BYTE_EN(1)) u_ring (
      .clk, .we(ring_slot ? be_q : 8'd0), .waddr(ring_waddr), .wdata(wdata_q),
      .re(1'b1), .raddr(9'({rc_ch, rc_sel})), .rdata(ring_rdata)
  );

  always_ff @(posedge clk) rc_data <= ring_rdata;

  // Interrupt coalescing has a copy of slot 6 (crl_regs_map), the engine one of slot 7; the sweep clears them too.
  assign coal_we   = !waddr_q[RAM_AW-1] && waddr_q[3:0] == 4'd6 ? be_q[3:0] : 4'd0;
  assign retry_we  = !waddr_q[RAM_AW-1] && waddr_q[3:0] == 4'd7 ? be_q[3:0] : 4'd0;
  assign coal_ch   = waddr_q[4 +: CW];
  assign coal_data = wdata_q[31:0];

  logic unused;

  assign unused = &{1'b0, n_nvme, n_msix, n_pba, n_node, n_peer, n_func};

endmodule

`default_nettype wire
