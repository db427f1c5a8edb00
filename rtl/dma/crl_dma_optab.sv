// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_optab: table of the operations that have begun, with the order in which each channel's
// operations must retire, and everything that can end one.
//
// How: an entry's fields lie in block RAM. A generation counts the uses of an entry; it is done when
//   its lowest bit stands in the table of results, which crl_dma_opend writes. A look at an
//   entry in the cycle of that write gets what is written. Free entries wait in a FIFO with
//   their next generation. Per channel the entries form a linked list: head and tail in LUT RAM
//   (the head in two, because an allocation or a retirement may set it, and a bit that tells which is
//   right), successors in block RAM.
// Latency: rt_re to rt_* 1 cycle; ends see crl_dma_opend. After reset alloc_ready needs OPS + 5 cycles.
// Throughput: an allocation and an end a cycle, a retirement in two cycles.
// Assumes: rt_ch stays until the next rt_re; rt_pop only in the cycle after rt_re, and only when rt_done.
`default_nettype none

module crl_dma_optab #(
    parameter int CHANNELS          = 8,
    parameter int OPS               = 128,
    parameter int PEERS             = 1,
    parameter int OP_TIMEOUT_CYCLES = 1048576,
    parameter bit READ_EN           = 1,
    parameter bit MIRROR_EN         = READ_EN,
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
    input  wire logic                alloc_read,
    input  wire logic                alloc_mirror,
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
    input  wire logic [CHANNELS-1:0] sending,
    input  wire logic                fatal,
    output logic      [PEERS-1:0]    kill_valid,   // event: the peer's target shall end this READ
    output logic      [15:0]         kill_tag,
    output logic      [7:0]          kill_status,
    output logic      [CW-1:0]       sw_ch,          // sweeper: does this message wait?
    output logic      [OW-1:0]       sw_idx,
    input  wire logic                sw_waits,

    output logic                     hint_valid,   // event: one of hint_ch will perhaps end next cycle
    output logic      [CW-1:0]       hint_ch,
    output logic                     end_valid,    // event: an operation of end_ch has ended
    output logic      [CW-1:0]       end_ch,

    input  wire logic                rt_re,        // look at the head of rt_ch
    input  wire logic [CW-1:0]       rt_ch,
    input  wire logic                rt_blind,     // it is not to be found
    output logic                     rt_done,      // in the next cycle: it has ended
    output logic                     rt_last,      // nothing is behind it
    output logic      [INFO_W-1:0]   rt_info,
    output logic                     rt_good,      // its status is OK
    output logic      [7:0]          rt_status,
    output logic      [15:0]         rt_status2,
    input  wire logic                rt_pop,       // retire it
    output logic      [CHANNELS-1:0] empty         // nothing allocated
);

  localparam int RES_W = 2 + 8 + 16;  // generation bit, good, status, status2

  logic             init, init_free, res_we;
  logic [OW-1:0]    init_idx, res_idx;
  logic [RES_W-1:0] res_data;

  crl_dma_opend #(
      .CHANNELS(CHANNELS), .OPS(OPS), .PEERS(PEERS), .OP_TIMEOUT_CYCLES(OP_TIMEOUT_CYCLES), .READ_EN(READ_EN), .MIRROR_EN(MIRROR_EN)
  ) u_end (
      .clk, .rst,
      .alloc_valid, .alloc_idx, .alloc_gen, .alloc_ch, .alloc_remote, .alloc_read, .alloc_mirror, .alloc_peer,
      .kill_valid, .kill_tag, .kill_status, .sw_ch, .sw_idx, .sw_waits,
      .ldone_valid, .ldone_idx, .ldone_gen, .ldone_status,
      .rdone_valid, .rdone_ready, .rdone_tag, .rdone_status, .rdone_status2, .peer_up, .sending, .fatal,
      .init, .init_free, .init_idx,
      .hint_valid, .hint_ch, .end_valid, .end_ch, .res_we, .res_idx, .res_data
  );

  // ---------------------------------------------------------------------------------------------
  // Order of a channel

  logic [CHANNELS-1:0] empty_q, first_q;  // first_q: the head is the one an allocation set
  (* keep *) logic [CHANNELS-1:0] first_stay, first_pop;  // next, without and with rt_pop
  logic [OW-1:0]       head_first, head_moved, head, tail_rt, tail_alloc, next_rd;
  logic [OW-1:0]       head_q;
  logic                single_q;          // was the only one when it was looked at
  logic                last_q;            // and none came in that cycle
  logic                sets_head, follows;
  logic [GW-1:0]       rt_gen;
  logic                void_q;            // nothing was looked at
  logic                written_q;         // the result was written when it was read: take it from here
  logic [RES_W-2:0]    written_result_q;
  logic [RES_W-1:0]    result;
  logic [OW+GW-1:0]    free_q, free_out;
  logic                freed_q;           // free_q goes into the FIFO
  logic                free_valid;
  logic                unused_room;       // there are as many places as entries
  logic [OW:0]         unused_level;

  // rt_pop is late: it only selects.
  always_comb begin
    first_stay = first_q;
    first_pop  = first_q;
    first_pop[rt_ch] = 1'b0;
    if (alloc_valid && empty_q[alloc_ch]) first_stay[alloc_ch] = 1'b1;
    if (alloc_valid && empty_q[alloc_ch]) first_pop[alloc_ch] = 1'b1;
  end

  assign empty     = empty_q;
  assign head      = first_q[rt_ch] ? head_first : head_moved;
  assign rt_last   = last_q;
  assign sets_head = alloc_valid && empty_q[alloc_ch];
  // What comes as the last one retires is the next head.
  assign follows   = last_q && alloc_valid && alloc_ch == rt_ch;

  crl_ram_lut #(.W(OW), .DEPTH(CHANNELS)) u_head_first (
      .clk, .we(sets_head), .waddr(alloc_ch), .wdata(alloc_idx), .raddr(rt_ch), .rdata(head_first)
  );
  // The only one of a list had no successor when it was read; if it has one now, it is the tail.
  crl_ram_lut #(.W(OW), .DEPTH(CHANNELS)) u_head_moved (
      .clk, .we(rt_pop), .waddr(rt_ch), .wdata(follows ? alloc_idx : single_q ? tail_rt : next_rd),
      .raddr(rt_ch), .rdata(head_moved)
  );
  crl_ram_lut #(.W(OW), .DEPTH(CHANNELS)) u_tail_rt (
      .clk, .we(alloc_valid), .waddr(alloc_ch), .wdata(alloc_idx), .raddr(rt_ch), .rdata(tail_rt)
  );
  crl_ram_lut #(.W(OW), .DEPTH(CHANNELS)) u_tail_alloc (
      .clk, .we(alloc_valid), .waddr(alloc_ch), .wdata(alloc_idx),
      .raddr(alloc_ch), .rdata(tail_alloc)
  );
  // What retires as the last of its list in this cycle has its successor written in vain: it is nobody's tail any more.
  crl_dma_tab #(.W(OW), .DEPTH(OPS)) u_next (
      .clk, .we(alloc_valid && !empty_q[alloc_ch]), .waddr(tail_alloc), .wdata(alloc_idx),
      .re(rt_re), .raddr(head), .rdata(next_rd)
  );
  crl_dma_tab #(.W(GW + INFO_W), .DEPTH(OPS)) u_info (
      .clk, .we(alloc_valid), .waddr(alloc_idx), .wdata({alloc_gen, alloc_info}),
      .re(rt_re), .raddr(head), .rdata({rt_gen, rt_info})
  );
  crl_dma_tab #(.W(RES_W), .DEPTH(OPS)) u_result (
      .clk, .we(res_we), .waddr(res_idx), .wdata(res_data),
      .re(rt_re), .raddr(head), .rdata(result)
  );

  assign {rt_good, rt_status, rt_status2} = written_q ? written_result_q : result[RES_W-2:0];

  assign rt_done = (written_q || result[RES_W-1] == rt_gen[0]) && !void_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      empty_q <= '1;
      first_q <= '0;
    end else begin
      if (rt_pop && rt_last) empty_q[rt_ch] <= 1'b1;
      // Comes second, so that it wins when both touch one channel.
      if (alloc_valid) empty_q[alloc_ch] <= 1'b0;
      first_q <= rt_pop ? first_pop : first_stay;
    end
    void_q <= !rt_re || rt_blind || empty_q[rt_ch];
    if (rt_re) begin
      head_q     <= head;
      single_q   <= tail_rt == head;
      last_q     <= tail_rt == head && !(alloc_valid && alloc_ch == rt_ch);
      written_q  <= res_we && res_idx == head;
      written_result_q <= res_data[RES_W-2:0];
    end
  end

  // ---------------------------------------------------------------------------------------------
  // Free entries

  always_ff @(posedge clk) begin
    freed_q <= !rst && (rt_pop || init_free);
    free_q  <= init_free ? {{GW{1'b0}}, init_idx} : {rt_gen + 1'b1, head_q};
  end

  crl_fifo_bram #(.W(OW + GW), .DEPTH(OPS), .OUTREG(1)) u_free (
      .clk, .rst, .s_valid(freed_q), .s_ready(unused_room), .s_data(free_q),
      .m_valid(free_valid), .m_ready(alloc_valid), .m_data(free_out), .level(unused_level)
  );

  assign {alloc_gen, alloc_idx} = free_out;
  assign alloc_ready            = free_valid && !init;

endmodule

`default_nettype wire
