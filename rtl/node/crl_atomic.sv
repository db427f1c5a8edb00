// SPDX-License-Identifier: Apache-2.0
//
// crl_atomic: the node's atomic unit: FETCH_ADD and CMP_SWAP of all peers, one after the other.
//
// How: peers take turns. The segment is checked once more; then the 8 bytes are locked: crl_axi_wr holds back every burst that
//   touches them, and says when all bursts that were granted before have their responses. Read, write, response, unlock. A
//   CMP_SWAP that does not match writes the old value back. One that finds its link down is dropped.
// Latency: u_valid to the lock 4 cycles, the last response to ar_valid 1, the old value to wb_valid 2, response to u_done 1 cycle.
//   Bounded by the memory port: what was in flight, and two round trips. It waits for nothing else.
// Errors: u_status; after a failed read nothing is written.
// Assumes: u_valid[p] and its fields stay until u_done[p]. lock_over tells of writes granted before the lock, and rises while
//   lock is up. Reads and writes of this port are answered in order. Addresses are multiples of 8 (the target's check).
// Source: docs/blocks/rdma.md section 9.
`default_nettype none

module crl_atomic #(
    parameter int DATA_W   = 64,
    parameter int PEERS    = 1,
    parameter int SEGMENTS = 32,
    parameter int FUNC_W   = 8,
    localparam int B       = DATA_W / 8,
    localparam int SW      = SEGMENTS > 1 ? $clog2(SEGMENTS) : 1
) (
    input  wire logic                         clk,
    input  wire logic                         rst,        // synchronous, active high

    input  wire logic [PEERS-1:0]             u_valid,    // an atomic of this peer
    input  wire logic [PEERS*64-1:0]          u_segaddr,
    input  wire logic [PEERS*8-1:0]           u_ch,       // channel here
    input  wire logic [PEERS*FUNC_W-1:0]      u_user,     // on whose behalf
    input  wire logic [PEERS*128-1:0]         u_oper,     // {swap, addend or compare}
    input  wire logic [PEERS-1:0]             u_swap,     // CMP_SWAP
    input  wire logic [PEERS-1:0]             peer_up,
    output logic      [PEERS-1:0]             u_done,     // event
    output logic      [7:0]                   u_status,   // with it
    output logic      [63:0]                  u_old,

    output logic      [SW-1:0]                seg_idx,    // segment table, same cycle
    input  wire logic [crl_pkg::SEGENT_W-1:0] seg_entry,

    output logic                              lock,       // nobody else writes these 8 bytes
    output logic      [63:3]                  lock_addr,
    input  wire logic                         lock_over,  // what was granted before has its response

    output logic                              ar_valid,   // one beat
    input  wire logic                         ar_ready,
    output logic      [63:0]                  ar_addr,
    output logic      [FUNC_W-1:0]            ar_user,
    input  wire logic                         r_valid,    // always taken
    input  wire logic [DATA_W-1:0]            r_data,
    input  wire logic [1:0]                   r_resp,
    output logic                              pending,    // a read is owed

    output logic                              wb_valid,   // write client; one beat, first and last
    input  wire logic                         wb_ready,
    output logic      [63:0]                  wb_addr,
    output logic      [FUNC_W-1:0]            wb_user,
    output logic      [DATA_W-1:0]            wb_data,
    output logic      [B-1:0]                 wb_strb,
    input  wire logic                         wb_b_valid,
    input  wire logic [1:0]                   wb_b_resp
);

  localparam int PW    = PEERS > 1 ? $clog2(PEERS) : 1;
  localparam int LANES = DATA_W / 64;

  localparam logic [3:0] IDLE = 4'd0, TAKE = 4'd1, LOOK = 4'd2, CHECK = 4'd3, WAIT = 4'd4, ASK = 4'd5, READ = 4'd6,
                         CALC = 4'd7, WRITE = 4'd8, OWED = 4'd9, DONE = 4'd10;

  logic [3:0]        state_q;
  logic [PEERS-1:0]  gnt, peer_q;        // one-hot
  logic [PW-1:0]     gnt_idx, idx_q;
  logic              any;
  logic [63:0]       segaddr, segaddr_q, old_q, new_q, sum, beat64;
  logic [7:0]        ch, ch_q, status_q;
  logic [FUNC_W-1:0] user, user_q;
  logic [127:0]      oper, oper_q;
  logic              swap, swap_q, up_q, match;
  logic              seg_ok;
  logic [7:0]        seg_status;
  logic [63:0]       seg_addr, addr_q;
  logic [11:0]       index;

  crl_rr_arb #(.N(PEERS)) u_rr (
      .clk, .rst, .req(u_valid), .ack(state_q == IDLE), .gnt, .gnt_idx, .gnt_valid(any)
  );

  always_comb begin
    segaddr = '0;
    ch      = '0;
    user    = '0;
    oper    = '0;
    swap    = 1'b0;
    for (int p = 0; p < PEERS; p++) begin
      if (peer_q[p]) begin
        segaddr = segaddr | u_segaddr[64*p +: 64];
        ch      = ch | u_ch[8*p +: 8];
        user    = user | u_user[FUNC_W*p +: FUNC_W];
        oper    = oper | u_oper[128*p +: 128];
        swap    = swap | u_swap[p];
      end
    end
  end

  // The result stands a cycle after the look.
  assign index   = segaddr_q[crl_pkg::SEGADDR_INDEX_LSB +: 12];
  assign seg_idx = index[SW-1:0];
  crl_seg_check u_seg (
      .clk, .seg_entry, .idx_ok({1'b0, index} < 13'(SEGMENTS)), .gen(segaddr_q[crl_pkg::SEGADDR_GEN_LSB +: 12]),
      .offset(segaddr_q[crl_pkg::SEGADDR_OFFSET_LSB +: 40]), .len(33'd8), .need_right(6'(1 << crl_pkg::SEG_RIGHT_ATOMIC)),
      .channel(ch_q), .peer(4'(idx_q)), .is_remote(1'b1), .ok(seg_ok), .status(seg_status), .addr(seg_addr)
  );

  assign sum   = old_q + oper_q[63:0];
  assign match = old_q == oper_q[63:0];

  generate
    if (LANES > 1) begin : g_lane
      assign beat64 = r_data[64*addr_q[3 +: $clog2(LANES)] +: 64];
    end else begin : g_only
      assign beat64 = r_data;
    end
  endgenerate
  always_comb begin
    wb_strb = '0;
    for (int i = 0; i < LANES; i++) if (LANES == 1 || i == 32'(addr_q[3 +: (LANES > 1 ? $clog2(LANES) : 1)])) wb_strb[8*i +: 8] = '1;
  end

  assign lock_addr = addr_q[63:3];
  assign ar_valid  = state_q == ASK;
  assign ar_addr   = addr_q;
  assign ar_user   = user_q;
  assign pending   = state_q == ASK || state_q == READ;
  assign wb_valid  = state_q == WRITE;
  assign wb_addr   = addr_q;
  assign wb_user   = user_q;
  assign wb_data   = {LANES{new_q}};
  assign u_done    = peer_q & {PEERS{state_q == DONE}};
  assign u_status  = status_q;
  assign u_old     = old_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q <= IDLE;
      lock    <= 1'b0;
    end else begin
      case (state_q)
        IDLE:  if (any) state_q <= TAKE;
        TAKE:  state_q <= LOOK;
        LOOK:  state_q <= CHECK;
        CHECK: begin
          if (up_q && seg_ok) begin
            state_q <= WAIT;
            lock    <= 1'b1;
          end else state_q <= DONE;
        end
        WAIT:  if (lock_over) state_q <= ASK;
        ASK:   if (ar_ready) state_q <= READ;
        READ:  if (r_valid) state_q <= r_resp[1] ? DONE : CALC;
        CALC:  state_q <= WRITE;
        WRITE: if (wb_ready) state_q <= OWED;
        OWED:  if (wb_b_valid) state_q <= DONE;
        default: begin
          state_q <= IDLE;
          lock    <= 1'b0;
        end
      endcase
    end
    if (state_q == IDLE) begin
      peer_q <= gnt;
      idx_q  <= gnt_idx;
    end
    if (state_q == TAKE) begin
      segaddr_q <= segaddr;
      ch_q      <= ch;
      user_q    <= user;
      oper_q    <= oper;
      swap_q    <= swap;
      up_q      <= (peer_up & peer_q) != '0;
    end
    if (state_q == CHECK) begin
      addr_q   <= seg_addr;
      status_q <= up_q ? seg_status : 8'(crl_pkg::ST_LINK_ERROR);
    end
    if (r_valid && state_q == READ) begin
      old_q <= beat64;
      if (r_resp[1]) status_q <= r_resp[0] ? crl_pkg::ST_READ_DECERR : crl_pkg::ST_READ_SLVERR;
    end
    if (state_q == CALC) new_q <= !swap_q ? sum : match ? oper_q[127:64] : old_q;
    if (state_q == OWED && wb_b_valid && wb_b_resp[1])
      status_q <= wb_b_resp[0] ? crl_pkg::ST_WRITE_DECERR : crl_pkg::ST_WRITE_SLVERR;
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (!r_valid || state_q == READ);
      assert (!wb_b_valid || state_q == OWED);
      assert (!(ar_valid || wb_valid) || lock);
    end
  end
`endif

endmodule

`default_nettype wire
