// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_optab: table of the operations that have begun, with the order in which each channel's
// operations must retire, and everything that can end one.
//
// How: an entry's fields lie in block RAM. A generation counts the uses of an entry; the table of
//   ends holds the lowest bit of the generation that ended last, so an entry is done when that bit
//   equals the generation's. Ends pass two stages: E0 reads the entry, E1 decides and writes. A
//   sweeper looks at one entry after the other in the same way; when it finds one that is lost or
//   late, it sends an end of its own. Free entries wait in a FIFO with their next generation. Per channel the entries form a linked list: head and tail
//   in LUT RAM (the head in two, because an allocation or a retirement may set it, and a bit that
//   tells which is right), successors in block RAM.
// Latency: end event to end_valid 1 cycle; rt_re to rt_* 1 cycle. After reset alloc_ready
//   needs OPS + 4 cycles.
// Throughput: an allocation and an end a cycle, a retirement in two cycles.
// Assumes: rt_re only for a channel that is not empty, and rt_ch stays until the next rt_re;
//   rt_pop only in the cycle after rt_re, and only when rt_done.
`default_nettype none

module crl_dma_optab #(
    parameter int CHANNELS          = 8,
    parameter int OPS               = 128,
    parameter int PEERS             = 1,
    parameter int OP_TIMEOUT_CYCLES = 1048576,
    localparam int CW = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW = PEERS > 1 ? $clog2(PEERS) : 1,
    localparam int OW = $clog2(OPS),
    localparam int GW = 16 - OW,
    localparam int INFO_W = 16 + 32 + 12 + 2
) (
    input  wire logic                clk,
    input  wire logic                rst,          // synchronous, active high

    input  wire logic                alloc_valid,  // event, only while alloc_ready
    output logic                     alloc_ready,
    input  wire logic [CW-1:0]       alloc_ch,
    input  wire logic                alloc_remote,
    input  wire logic [PW-1:0]       alloc_peer,
    input  wire logic [INFO_W-1:0]   alloc_info,   // kept until the entry retires
    output logic      [OW-1:0]       alloc_idx,    // the entry that the next allocation takes
    output logic      [GW-1:0]       alloc_gen,

    input  wire logic                ldone_valid,  // event
    input  wire logic [OW-1:0]       ldone_idx,
    input  wire logic [GW-1:0]       ldone_gen,
    input  wire logic [7:0]          ldone_status,
    input  wire logic [PEERS-1:0]    rdone_valid,
    output logic      [PEERS-1:0]    rdone_ready,
    input  wire logic [PEERS*16-1:0] rdone_tag,    // {generation, index}
    input  wire logic [PEERS*8-1:0]  rdone_status,
    input  wire logic [PEERS*16-1:0] rdone_status2,
    input  wire logic [PEERS-1:0]    peer_up,
    input  wire logic                fatal,

    output logic                     end_valid,    // event: an operation of end_ch has ended
    output logic      [CW-1:0]       end_ch,

    input  wire logic                rt_re,        // look at the head of rt_ch
    input  wire logic [CW-1:0]       rt_ch,
    output logic                     rt_done,      // it has ended
    output logic                     rt_unknown,   // it was ending in that cycle: look again
    output logic                     rt_last,      // nothing is behind it
    output logic      [INFO_W-1:0]   rt_info,
    output logic                     rt_good,      // its status is OK
    output logic      [7:0]          rt_status,
    output logic      [15:0]         rt_status2,
    input  wire logic                rt_pop,       // retire it
    output logic      [CHANNELS-1:0] empty         // nothing allocated
);

  localparam int AGE_W   = 5;
  localparam int TICK    = OP_TIMEOUT_CYCLES / 16;  // 17 ticks of age are at least the time-out
  localparam int TICK_W  = $clog2(TICK + 1);
  localparam int FALLS_W = 4;                       // counts the times a peer went down
  localparam int IDENT_W = GW + CW + 1 + PW + FALLS_W + AGE_W;

  initial begin
    if (OPS < 4 || OPS > 4096 || (OPS & (OPS - 1)) != 0)
      $fatal(1, "crl_dma_optab: OPS must be a power of two, 4 to 4096");
    if (OP_TIMEOUT_CYCLES < 8 * OPS)
      $fatal(1, "crl_dma_optab: OP_TIMEOUT_CYCLES must be at least 8 * OPS");
  end

  // ---------------------------------------------------------------------------------------------
  // Time, peers that went down, and the sweeper's place

  logic [TICK_W-1:0]             tick_q;
  logic [AGE_W-1:0]              now_q;
  logic [PEERS-1:0]              up_q;
  logic [PEERS-1:0][FALLS_W-1:0] falls_q;
  logic [2:0]                    slot_q;
  logic [OW-1:0]                 sweep_q;
  logic                          init_q;   // the first pass of the sweeper prepares the entries
  logic                          sweep;

  always_ff @(posedge clk) begin
    if (rst) begin
      tick_q  <= '0;
      now_q   <= '0;
      up_q    <= '0;
      falls_q <= '0;
      slot_q  <= '0;
      sweep_q <= '0;
      init_q  <= 1'b1;
    end else begin
      tick_q <= tick_q == '0 ? TICK_W'(TICK - 1) : tick_q - 1'b1;
      if (tick_q == '0) now_q <= now_q + 1'b1;
      up_q <= peer_up;
      for (int p = 0; p < PEERS; p++) begin
        if (up_q[p] && !peer_up[p]) falls_q[p] <= falls_q[p] + 1'b1;
      end
      slot_q <= slot_q + 1'b1;
      if (sweep) sweep_q <= sweep_q + 1'b1;
      if (sweep && sweep_q == '1) init_q <= 1'b0;
    end
  end

  // ---------------------------------------------------------------------------------------------
  // E0: local ends first; one cycle in eight belongs to the sweeper before remote ends

  logic [PEERS-1:0] r_gnt;
  logic [PW-1:0]    r_peer;
  logic             r_any, remote;
  logic [15:0]      r_tag, r_status2;
  logic [7:0]       r_status;
  logic [OW-1:0]    e0_idx;
  logic [GW-1:0]    e0_gen;
  logic [7:0]       e0_status;
  logic [15:0]      e0_status2;
  logic             own_q, own_remote_q;  // the sweeper's own end
  logic [OW-1:0]    own_idx_q;
  logic [GW-1:0]    own_gen_q;
  logic [7:0]       own_status_q;

  crl_rr_arb #(.N(PEERS)) u_arb (
      .clk, .rst, .req(rdone_valid), .ack(remote), .gnt(r_gnt), .gnt_idx(r_peer), .gnt_valid(r_any)
  );

  always_comb begin
    r_tag     = '0;
    r_status  = '0;
    r_status2 = '0;
    for (int p = 0; p < PEERS; p++) begin
      if (r_gnt[p]) begin
        r_tag     = r_tag | rdone_tag[p*16 +: 16];
        r_status  = r_status | rdone_status[p*8 +: 8];
        r_status2 = r_status2 | rdone_status2[p*16 +: 16];
      end
    end
  end

  assign sweep       = !ldone_valid && !own_q &&
                       (init_q || (!e1_sweep_q && (slot_q == '0 || !r_any)));
  assign remote      = r_any && !ldone_valid && !own_q && !sweep;
  assign rdone_ready = r_gnt & {PEERS{remote}};

  always_comb begin
    e0_idx     = r_tag[OW-1:0];
    e0_gen     = r_tag[15:OW];
    e0_status  = r_status;
    e0_status2 = r_status2;
    if (sweep) e0_idx = sweep_q;
    if (own_q) begin
      e0_idx     = own_idx_q;
      e0_gen     = own_gen_q;
      e0_status  = own_status_q;
      e0_status2 = '0;
      e0_status2[crl_pkg::STATUS2_MAY_HAVE_EXECUTED] = own_remote_q;
    end
    if (ldone_valid) begin
      e0_idx     = ldone_idx;
      e0_gen     = ldone_gen;
      e0_status  = ldone_status;
      e0_status2 = '0;
    end
  end

  // ---------------------------------------------------------------------------------------------
  // E1: what the entry says

  logic               e1_local_q, e1_remote_q, e1_sweep_q, e1_init_q;
  logic               e1_good_q;   // status is OK
  logic               e1_stale_q;  // the entry was being written when it was read
  logic [OW-1:0]      e1_idx_q;
  logic [GW-1:0]      e1_gen_q;
  logic [PW-1:0]      e1_peer_q;
  logic [7:0]         e1_status_q;
  logic [15:0]        e1_status2_q;
  logic [IDENT_W-1:0] ident;
  logic [GW-1:0]      id_gen;
  logic [CW-1:0]      id_ch;
  logic               id_remote;
  logic [PW-1:0]      id_peer;
  logic [FALLS_W-1:0] id_falls, peer_falls;
  logic [AGE_W-1:0]   id_time, age;
  logic               id_end;      // lowest bit of the generation that ended last
  logic               live, match, from_peer, lost, late, accept;
  logic               over;        // the sweeper ends it

  always_ff @(posedge clk) begin
    if (rst) begin
      e1_local_q  <= 1'b0;
      e1_remote_q <= 1'b0;
      e1_sweep_q  <= 1'b0;
      e1_init_q   <= 1'b0;
      own_q       <= 1'b0;
    end else begin
      e1_local_q  <= ldone_valid || own_q;
      e1_remote_q <= remote;
      e1_sweep_q  <= sweep && !init_q;
      e1_init_q   <= sweep && init_q;
      if (e1_sweep_q)        own_q <= over;
      else if (!ldone_valid) own_q <= 1'b0;
    end
    e1_stale_q   <= (accept && e1_idx_q == e0_idx) || (alloc_valid && alloc_idx == e0_idx);
    e1_idx_q     <= e0_idx;
    e1_gen_q     <= e0_gen;
    e1_peer_q    <= r_peer;
    e1_good_q    <= e0_status == crl_pkg::ST_OK;
    e1_status_q  <= e0_status;
    e1_status2_q <= e0_status2;
    if (e1_sweep_q) begin
      own_idx_q    <= e1_idx_q;
      own_gen_q    <= id_gen;
      own_remote_q <= id_remote;
      own_status_q <= fatal ? crl_pkg::ST_MEM_TIMEOUT
                            : lost ? crl_pkg::ST_LINK_ERROR : crl_pkg::ST_OP_TIMEOUT;
    end
  end

  crl_dma_tab #(.W(IDENT_W), .DEPTH(OPS)) u_ident (
      .clk, .we(alloc_valid || e1_init_q), .waddr(e1_init_q ? e1_idx_q : alloc_idx),
      .wdata({alloc_gen | {GW{e1_init_q}}, alloc_ch, alloc_remote, alloc_peer,
              falls_q[alloc_peer], now_q}),
      .re(1'b1), .raddr(e0_idx), .rdata(ident)
  );
  crl_dma_tab #(.W(1), .DEPTH(OPS)) u_end (
      .clk, .we(accept || e1_init_q), .waddr(e1_idx_q), .wdata(id_gen[0] || e1_init_q),
      .re(1'b1), .raddr(e0_idx), .rdata(id_end)
  );

  assign {id_gen, id_ch, id_remote, id_peer, id_falls, id_time} = ident;

  assign peer_falls = falls_q[id_peer];
  assign age        = now_q - id_time;
  assign lost       = id_remote && id_falls != peer_falls;
  assign late       = id_remote && age[AGE_W-1] && age[AGE_W-2:0] != '0;
  assign live       = id_gen[0] != id_end && !e1_stale_q;
  assign match      = id_gen == e1_gen_q;
  assign from_peer  = id_remote && id_peer == e1_peer_q;
  assign over       = live && (fatal || lost || late);
  assign accept     = live && match && (e1_local_q || (e1_remote_q && from_peer));
  assign end_valid  = accept;
  assign end_ch     = id_ch;

  // ---------------------------------------------------------------------------------------------
  // Order of a channel

  logic [CHANNELS-1:0] empty_q, first_q;  // first_q: the head is the one an allocation set
  logic [OW-1:0]       head_first, head_moved, head, tail_rt, tail_alloc, next_rd;
  logic [OW-1:0]       head_q;
  logic                single_q;          // was the only one when it was looked at
  logic                sets_head;
  logic [GW-1:0]       rt_gen;
  logic                rt_end;
  logic [OW+GW-1:0]    free_in, free_out;
  logic                free_valid;
  logic                unused_room;       // there are as many places as entries
  logic [OW:0]         unused_level;

  assign empty     = empty_q;
  assign head      = first_q[rt_ch] ? head_first : head_moved;
  assign rt_last   = single_q && tail_rt == head_q;
  assign sets_head = alloc_valid &&
                     (empty_q[alloc_ch] || (rt_pop && rt_last && alloc_ch == rt_ch));

  crl_ram_lut #(.W(OW), .DEPTH(CHANNELS)) u_head_first (
      .clk, .we(sets_head), .waddr(alloc_ch), .wdata(alloc_idx), .raddr(rt_ch), .rdata(head_first)
  );
  // The only one of a list had no successor when it was read; if it has one now, it is the tail.
  crl_ram_lut #(.W(OW), .DEPTH(CHANNELS)) u_head_moved (
      .clk, .we(rt_pop), .waddr(rt_ch), .wdata(single_q ? tail_rt : next_rd),
      .raddr(rt_ch), .rdata(head_moved)
  );
  crl_ram_lut #(.W(OW), .DEPTH(CHANNELS)) u_tail_rt (
      .clk, .we(alloc_valid), .waddr(alloc_ch), .wdata(alloc_idx), .raddr(rt_ch), .rdata(tail_rt)
  );
  crl_ram_lut #(.W(OW), .DEPTH(CHANNELS)) u_tail_alloc (
      .clk, .we(alloc_valid), .waddr(alloc_ch), .wdata(alloc_idx),
      .raddr(alloc_ch), .rdata(tail_alloc)
  );
  crl_dma_tab #(.W(OW), .DEPTH(OPS)) u_next (
      .clk, .we(alloc_valid && !sets_head), .waddr(tail_alloc), .wdata(alloc_idx),
      .re(rt_re), .raddr(head), .rdata(next_rd)
  );
  crl_dma_tab #(.W(GW + INFO_W), .DEPTH(OPS)) u_info (
      .clk, .we(alloc_valid), .waddr(alloc_idx), .wdata({alloc_gen, alloc_info}),
      .re(rt_re), .raddr(head), .rdata({rt_gen, rt_info})
  );
  crl_dma_tab #(.W(2 + 8 + 16), .DEPTH(OPS)) u_result (
      .clk, .we(accept || e1_init_q), .waddr(e1_idx_q),
      .wdata({id_gen[0] || e1_init_q, e1_good_q, e1_status_q, e1_status2_q}),
      .re(rt_re), .raddr(head), .rdata({rt_end, rt_good, rt_status, rt_status2})
  );

  assign rt_done = rt_end == rt_gen[0] && !rt_unknown;

  always_ff @(posedge clk) begin
    if (rst) begin
      empty_q <= '1;
      first_q <= '0;
    end else begin
      if (rt_pop) begin
        first_q[rt_ch] <= 1'b0;
        if (rt_last) empty_q[rt_ch] <= 1'b1;
      end
      // Comes second, so that it wins when both touch one channel.
      if (alloc_valid) empty_q[alloc_ch] <= 1'b0;
      if (sets_head)   first_q[alloc_ch] <= 1'b1;
    end
    if (rt_re) begin
      head_q     <= head;
      single_q   <= tail_rt == head;
      rt_unknown <= accept && e1_idx_q == head;
    end
  end

  // ---------------------------------------------------------------------------------------------
  // Free entries

  assign free_in = e1_init_q ? {{GW{1'b0}}, e1_idx_q} : {rt_gen + 1'b1, head_q};

  crl_fifo_bram #(.W(OW + GW), .DEPTH(OPS), .OUTREG(1)) u_free (
      .clk, .rst, .s_valid(rt_pop || e1_init_q), .s_ready(unused_room), .s_data(free_in),
      .m_valid(free_valid), .m_ready(alloc_valid), .m_data(free_out), .level(unused_level)
  );

  assign {alloc_gen, alloc_idx} = free_out;
  assign alloc_ready            = free_valid && !init_q;

endmodule

`default_nettype wire
