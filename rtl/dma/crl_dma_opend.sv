// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_opend: everything that can end an operation: local ends, op-acks of the peers, a peer that
// goes down, time, a fatal state.
//
// How: ends pass three stages: E0 reads the entry's identity, E1 decides, E2 writes the result (the
//   table of results is crl_dma_optab's). An entry is done when the lowest bit of its
//   generation equals the one that ended last. A sweeper looks at one entry after the other in the
//   same way; when it finds one that is lost or late, it sends an end of its own. Its first pass
//   after reset prepares all entries. The time of an entry starts with its allocation, and again whenever the
//   sweeper comes by and its channel could send since the round before: neither a long operation, nor a pause, a low
//   class or a rate limit makes it late.
//   A message that only waits for another attempt has nothing under way: when its peer goes down it ends with PEER_DOWN.
// Latency: end event to hint_valid 1 cycle, to end_valid 2 cycles. After reset init is high for OPS
//   cycles. Throughput: an end a cycle; local ends first, one cycle in eight for the sweeper.
// Assumes: no ends while init. ldone carries the generation that the entry had when it was allocated.
`default_nettype none

module crl_dma_opend #(
    parameter int CHANNELS          = 8,
    parameter int OPS               = 128,      // power of two, 4 to 4096
    parameter int PEERS             = 1,
    parameter int OP_TIMEOUT_CYCLES = 1048576,  // at least 16 * OPS
    parameter bit READ_EN           = 1,
    parameter bit MIRROR_EN         = READ_EN,
    localparam int CW = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW = PEERS > 1 ? $clog2(PEERS) : 1,
    localparam int OW = $clog2(OPS),
    localparam int GW = 16 - OW,
    localparam int RES_W = 2 + 8 + 16
) (
    input  wire logic                clk,
    input  wire logic                rst,          // synchronous, active high

    input  wire logic                alloc_valid,  // event: an entry begins a new life
    input  wire logic [OW-1:0]       alloc_idx,
    input  wire logic [GW-1:0]       alloc_gen,
    input  wire logic [CW-1:0]       alloc_ch,
    input  wire logic                alloc_remote,
    input  wire logic                alloc_read,   // it is a READ or MIRROR: bytes of it may be under way to the memory
    input  wire logic                alloc_mirror, // it is a MIRROR: a bad end found here tells that neither copy is known to be good
    input  wire logic [PW-1:0]       alloc_peer,

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
    input  wire logic [CHANNELS-1:0] sending,      // a remote operation has chunks to come that the link would take
    input  wire logic                fatal,

    output logic      [PEERS-1:0]    kill_valid,   // event: the peer's target shall end this READ
    output logic      [15:0]         kill_tag,
    output logic      [7:0]          kill_status,

    output logic      [CW-1:0]       sw_ch,        // does this one wait, with nothing of it under way?
    output logic      [OW-1:0]       sw_idx,
    input  wire logic                sw_waits,     // in the same cycle

    output logic                     init,         // entries are being prepared, no allocation
    output logic                     init_free,    // event: init_idx is free, next generation 0
    output logic      [OW-1:0]       init_idx,

    output logic                     hint_valid,   // event: one of hint_ch will perhaps end next cycle
    output logic      [CW-1:0]       hint_ch,
    output logic                     end_valid,    // event: an operation of end_ch has ended
    output logic      [CW-1:0]       end_ch,
    output logic                     res_we,       // write of the table of results
    output logic      [OW-1:0]       res_idx,
    output logic      [RES_W-1:0]    res_data      // generation bit, good, status, status2
);

  localparam int AGE_W   = 5;
  localparam int TICK    = OP_TIMEOUT_CYCLES / 16;  // 17 ticks of age are at least the time-out
  localparam int TICK_W  = $clog2(TICK + 1);
  localparam int FALLS_W = 4;                       // counts the times a peer went down
  localparam logic [15:0] MAY = 16'd1 << crl_pkg::STATUS2_MAY_HAVE_EXECUTED;
  localparam logic [15:0] BAD = 16'd1 << crl_pkg::STATUS2_LOCAL_BAD | 16'd1 << crl_pkg::STATUS2_PEER_BAD;
  localparam int ID0_W   = GW + CW + 1 + PW + FALLS_W + 1;
  localparam int IDENT_W = ID0_W + (MIRROR_EN ? 1 : 0);

  initial begin
    if (OPS < 4 || OPS > 4096 || (OPS & (OPS - 1)) != 0)
      $fatal(1, "crl_dma_opend: OPS must be a power of two, 4 to 4096");
    if (OP_TIMEOUT_CYCLES < 16 * OPS)  // two rounds of the sweeper at its slowest
      $fatal(1, "crl_dma_opend: OP_TIMEOUT_CYCLES must be at least 16 * OPS");
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
  logic [CHANNELS-1:0]           sent_q, sends_q;  // could send in this round of the sweeper, in the one before

  always_ff @(posedge clk) begin
    if (rst) begin
      tick_q  <= '0;
      now_q   <= '0;
      up_q    <= '0;
      falls_q <= '0;
      slot_q  <= '0;
      sweep_q <= '0;
      init_q  <= 1'b1;
      sent_q  <= '0;
      sends_q <= '0;
    end else begin
      tick_q <= tick_q == '0 ? TICK_W'(TICK - 1) : tick_q - 1'b1;
      if (tick_q == '0) now_q <= now_q + 1'b1;
      up_q <= peer_up;
      for (int p = 0; p < PEERS; p++) begin
        if (up_q[p] && !peer_up[p]) falls_q[p] <= falls_q[p] + 1'b1;
      end
      slot_q <= slot_q + 1'b1;
      if (sweep) sweep_q <= sweep_q + 1'b1;
      sent_q <= sent_q | sending;
      if (sweep && sweep_q == '1) begin
        init_q  <= 1'b0;
        sent_q  <= '0;
        sends_q <= sent_q | sending;
      end
    end
  end

  // ---------------------------------------------------------------------------------------------
  // E0: local ends first; one cycle in eight belongs to the sweeper before remote ends

  logic [PEERS-1:0] r_gnt;
  logic [PW-1:0]    r_peer;
  logic             r_any, remote;
  logic [15:0]      r_tag, r_status2;
  logic [7:0]       r_status;
  logic [OW-1:0]    r_idx, e0_idx;
  logic [GW-1:0]    r_gen, e0_gen;
  logic [7:0]       e0_status;
  logic [15:0]      e0_status2;
  logic             own_q, own_remote_q;  // the sweeper's own end
  logic             judge_q;              // its entry has been read: is it to end?
  logic [OW-1:0]    own_idx_q;
  logic [CW-1:0]    own_ch_q;
  logic             swept_q, restart;      // the sweeper has seen a remote operation; its time starts again
  logic [GW-1:0]    own_gen_q;
  logic [7:0]       own_status_q;
  logic             own_may_q;             // the peer may have carried it out

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

  assign sweep       = !ldone_valid && !own_q && !judge_q &&
                       (init_q || (!e1_sweep_q && (slot_q == '0 || !r_any)));
  assign remote      = r_any && !ldone_valid && !own_q && !sweep;
  assign {r_gen, r_idx} = r_tag;
  assign rdone_ready = r_gnt & {PEERS{remote}};

  always_comb begin
    e0_idx     = r_idx;
    e0_gen     = r_gen;
    e0_status  = r_status;
    e0_status2 = r_status2;
    if (sweep) e0_idx = sweep_q;
    if (own_q) begin
      e0_idx     = own_idx_q;
      e0_gen     = own_gen_q;
      e0_status  = own_status_q;
      e0_status2 = own_remote_q && own_may_q ? MAY : '0;
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
  logic               e1_good;     // status is OK
  logic               e1_same_q, e1_wrote_q, e1_born_q, e1_stale;  // see there
  logic [OW-1:0]      e1_idx_q;
  logic [GW-1:0]      e1_gen_q;
  logic [PW-1:0]      e1_peer_q;
  logic [7:0]         e1_status_q;
  logic [15:0]        e1_status2_q;
  logic [IDENT_W-1:0] ident;
  logic [GW-1:0]      id_gen;
  logic [CW-1:0]      id_ch;
  logic               id_remote, id_read, id_mirror;
  logic [PW-1:0]      id_peer;
  logic [FALLS_W-1:0] id_falls, peer_falls;
  logic [AGE_W-1:0]   id_time, age;
  logic               id_end;      // lowest bit of the generation that ended last
  logic               live, match, from_peer, lost, late, accept;
  logic               live_q, lost_q, read_q;  // of the sweeper's entry
  logic [AGE_W-1:0]   time_q;
  logic [PW-1:0]      peer_q;
  logic               e2_accept_q, e2_init_q;
  logic [OW-1:0]      e2_idx_q;
  logic [CW-1:0]      e2_ch_q;
  logic [RES_W-1:0]   e2_result_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      e1_local_q  <= 1'b0;
      e1_remote_q <= 1'b0;
      e1_sweep_q  <= 1'b0;
      e1_init_q   <= 1'b0;
      own_q       <= 1'b0;
      judge_q     <= 1'b0;
      swept_q     <= 1'b0;
    end else begin
      e1_local_q  <= ldone_valid || own_q;
      e1_remote_q <= remote;
      e1_sweep_q  <= sweep && !init_q;
      e1_init_q   <= sweep && init_q;
      swept_q     <= e1_sweep_q && live && id_remote;
      judge_q     <= e1_sweep_q;
      if (judge_q)           own_q <= live_q && (fatal || ((lost_q || (late && !sw_waits)) && !read_q));
      else if (!ldone_valid) own_q <= 1'b0;
    end
    live_q       <= live;
    lost_q       <= lost;
    time_q       <= id_time;
    read_q       <= id_read;
    peer_q       <= id_peer;
    e1_same_q    <= e1_idx_q == e0_idx;
    e1_wrote_q   <= e2_accept_q && e2_idx_q == e0_idx;
    e1_born_q    <= alloc_valid && alloc_idx == e0_idx;
    e1_idx_q     <= e0_idx;
    e1_gen_q     <= e0_gen;
    e1_peer_q    <= r_peer;
    e1_status_q  <= e0_status;
    e1_status2_q <= e0_status2;
    if (e1_sweep_q) begin
      own_idx_q    <= e1_idx_q;
      own_ch_q     <= id_ch;
      own_gen_q    <= id_gen;
      own_remote_q <= id_remote;
    end
    if (judge_q) own_status_q <= fatal ? crl_pkg::ST_MEM_TIMEOUT
                                       : !lost_q ? crl_pkg::ST_OP_TIMEOUT
                                       : sw_waits ? crl_pkg::ST_PEER_DOWN : crl_pkg::ST_LINK_ERROR;
    if (judge_q) own_may_q <= fatal || !sw_waits;
  end

  crl_dma_tab #(.W(IDENT_W), .DEPTH(OPS)) u_ident (
      .clk, .we(alloc_valid || e1_init_q), .waddr(e1_init_q ? e1_idx_q : alloc_idx),
      .wdata(IDENT_W'({MIRROR_EN && alloc_mirror, alloc_gen | {GW{e1_init_q}}, alloc_ch & {CW{!e1_init_q}}, alloc_remote, alloc_peer,
              falls_q[alloc_peer], alloc_read && READ_EN})),
      .re(1'b1), .raddr(e0_idx), .rdata(ident)
  );
  crl_dma_tab #(.W(AGE_W), .DEPTH(OPS)) u_time (
      .clk, .we(alloc_valid || restart), .waddr(alloc_valid ? alloc_idx : own_idx_q), .wdata(now_q),
      .re(1'b1), .raddr(e0_idx), .rdata(id_time)
  );
  crl_dma_tab #(.W(1), .DEPTH(OPS)) u_end (
      .clk, .we(res_we), .waddr(res_idx), .wdata(res_data[RES_W-1]),
      .re(1'b1), .raddr(e0_idx), .rdata(id_end)
  );

  assign {id_mirror, id_gen, id_ch, id_remote, id_peer, id_falls, id_read} = (ID0_W + 1)'(ident);

  assign sw_ch      = own_ch_q;
  assign sw_idx     = own_idx_q;
  assign restart    = swept_q && sends_q[own_ch_q];

  assign peer_falls = falls_q[id_peer];
  assign age        = now_q - time_q;   // a cycle after the rest: the RAM may lie far away
  assign lost       = id_remote && id_falls != peer_falls;
  assign late       = own_remote_q && age[AGE_W-1] && age[AGE_W-2:0] != '0;
  // The entry was being written when it was read, or its end had just been accepted.
  assign e1_stale   = e1_wrote_q || e1_born_q || (e1_same_q && e2_accept_q);
  assign live       = id_gen[0] != id_end && !e1_stale;
  assign match      = id_gen == e1_gen_q;
  assign from_peer  = id_remote && id_peer == e1_peer_q;
  assign accept     = live && match && (e1_local_q || (e1_remote_q && from_peer));
  // A READ is ended by the target, which knows when nothing of it is under way any more. It is asked again if it does not hear.
  always_ff @(posedge clk) begin
    for (int p = 0; p < PEERS; p++)
      kill_valid[p] <= READ_EN && !rst && judge_q && live_q && (lost_q || late) && read_q && !fatal && peer_q == PW'(p);
    kill_tag    <= {own_gen_q, own_idx_q};
    kill_status <= lost_q ? crl_pkg::ST_LINK_ERROR : crl_pkg::ST_OP_TIMEOUT;
  end

  assign e1_good    = e1_status_q == crl_pkg::ST_OK;
  assign hint_valid = (e1_local_q || e1_remote_q) && !e1_stale;
  assign hint_ch    = id_ch;
  assign init       = init_q || e1_init_q;
  assign init_free  = e1_init_q;
  assign init_idx   = e1_idx_q;
  assign end_valid  = e2_accept_q;
  assign end_ch     = e2_ch_q;
  assign res_we     = e2_accept_q || e2_init_q;
  assign res_idx    = e2_idx_q;
  assign res_data   = e2_result_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      e2_accept_q <= 1'b0;
      e2_init_q   <= 1'b0;
    end else begin
      e2_accept_q <= accept;
      e2_init_q   <= e1_init_q;
    end
    e2_idx_q    <= e1_idx_q;
    e2_ch_q     <= id_ch;
    e2_result_q <= {id_gen[0] || e1_init_q, e1_good, e1_status_q,
                    e1_status2_q | (id_mirror && e1_local_q && !e1_good ? BAD : '0)};
  end

endmodule

`default_nettype wire
