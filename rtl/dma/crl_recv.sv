// SPDX-License-Identifier: Apache-2.0
//
// crl_recv: the receiver's side of messages (WRITE_IMM, SEND): completion slots and receive entries for the targets of all peers.
//
// How: two engines, each with one peer at a time, in turns. One reserves a slot of the channel's completion ring, if the
//   channel may have messages, and for a SEND takes the next receive entry (crl_recv_ring), which it looks at first. The other
//   uses a reserved slot for an entry, or gives it back; so it does with the receive entry before.
//   Per channel two counts tell whether any slot is held: a channel with one is not quiet. A bit tells that a SEND
//   is open: its receive entry may come back, so no other SEND of the channel takes one.
// Latency: q_valid to q_done 2 cycles beside those of crl_dma_cplring, for SEND 8 more; x_valid to x_ready 2 beside those of
//   crl_dma_cpl, for SEND 4 more.
// Assumes: q_* stay until q_done, x_* until x_ready; no more than 255 slots of a channel are held.
// Source: docs/blocks/rdma.md section 7.
`default_nettype none

module crl_recv #(
    parameter int DATA_W   = 64,
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    parameter int FUNC_W   = 8,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW      = PEERS > 1 ? $clog2(PEERS) : 1
) (
    input  wire logic                  clk,
    input  wire logic                  rst,        // synchronous, active high

    input  wire logic [CHANNELS-1:0]   accept,     // the channel is ready for messages
    output logic      [CHANNELS-1:0]   inbound,    // it holds slots, or is about to, or fetches receive entries

    // Receive rings: set-up, doorbells, read-out; see crl_recv_ring
    input  wire logic                  cc_we,      // event
    input  wire logic [CW-1:0]         cc_ch,
    input  wire logic                  cc_abs,     // its local addresses are absolute
    input  wire logic                  cfg_we,     // event
    input  wire logic [CW-1:0]         cfg_ch,
    input  wire logic [63:0]           cfg_base,
    input  wire logic [3:0]            cfg_log2,
    input  wire logic [FUNC_W-1:0]     cfg_func,
    input  wire logic                  db_valid,   // event
    input  wire logic [CW-1:0]         db_ch,
    input  wire logic [15:0]           db_val,
    output logic                       db_err_valid, // event
    output logic      [CW-1:0]         db_err_ch,
    input  wire logic [CW-1:0]         rd_ch,
    output logic      [11:0]           rd_prod,
    output logic      [11:0]           rd_cons,
    output logic                       ar_valid,   // read port client
    input  wire logic                  ar_ready,
    output logic      [63:0]           ar_addr,
    output logic      [7:0]            ar_len,
    output logic      [FUNC_W-1:0]     ar_user,
    input  wire logic                  r_valid,
    input  wire logic [DATA_W-1:0]     r_data,
    input  wire logic [1:0]            r_resp,
    input  wire logic                  r_last,
    output logic                       pending,
    output logic                       ferr_valid, // event: error response to a fetch
    output logic      [CW-1:0]         ferr_ch,
    output logic                       ferr_dec,

    // Targets: reserve a slot
    input  wire logic [PEERS-1:0]      q_valid,
    input  wire logic [PEERS*CW-1:0]   q_ch,
    input  wire logic [PEERS-1:0]      q_send,     // and take a receive entry
    output logic      [PEERS-1:0]      q_done,     // event
    output logic                       q_ok,       // with it: reserved, else the receiver is not ready
    output logic      [63:0]           q_dst,      // with it, for SEND: the buffer
    output logic      [31:0]           q_len,
    output logic                       q_bad,      // the entry's opcode is not RECV
    output logic                       q_abs,      // q_dst is absolute
    input  wire logic [PEERS-1:0]      sure_valid, // event: the receive entry of an open SEND will be used up
    input  wire logic [PEERS*CW-1:0]   sure_ch,

    // Targets: use a reserved slot
    input  wire logic [PEERS-1:0]      x_valid,
    output logic      [PEERS-1:0]      x_ready,
    input  wire logic [PEERS-1:0]      x_back,     // give it back, the rest but x_send means nothing
    input  wire logic [PEERS-1:0]      x_send,     // it has a receive entry
    input  wire logic [PEERS*CW-1:0]   x_ch,
    input  wire logic [PEERS*8-1:0]    x_status,   // of a SEND
    input  wire logic [PEERS-1:0]      x_irq,
    input  wire logic [PEERS*32-1:0]   x_bytes,
    input  wire logic [PEERS*32-1:0]   x_imm,

    // crl_dma_cpl
    output logic                       rsv_valid,
    output logic      [CW-1:0]         rsv_ch,
    input  wire logic                  rsv_done,
    input  wire logic                  rsv_ok,
    output logic                       back_valid,
    input  wire logic                  back_ready,
    output logic      [CW-1:0]         back_ch,
    output logic                       msg_valid,
    input  wire logic                  msg_ready,
    output logic      [CW-1:0]         msg_ch,
    output logic      [3:0]            msg_kind,
    output logic      [15:0]           msg_tag,
    output logic      [7:0]            msg_status,
    output logic                       msg_irq,
    output logic      [31:0]           msg_bytes,
    output logic      [31:0]           msg_imm,
    output logic      [11:0]           msg_cons    // of the receive ring, if it is of kind RECEIVE
);

  logic                t_valid, t_take, t_done, t_ok, u_valid, u_done;
  logic [15:0]         u_tag;
  logic [11:0]         u_cons;
  logic [CHANNELS-1:0] fetching;

  // ---------------------------------------------------------------- reserve
  // Whether the channel may have any; look at the receive entry; reserve the slot; take the entry.
  localparam logic [2:0] Q_IDLE = 3'd0, Q_NEW = 3'd1, Q_LOOK = 3'd2, Q_SLOT = 3'd3, Q_TAKE = 3'd4, Q_END = 3'd5;

  logic [PEERS-1:0]    q_gnt, q_who_q;
  logic [PW-1:0]       q_idx;
  logic                q_any, q_take, q_send_q, q_busy;
  logic [2:0]          q_state_q;
  logic [CW-1:0]       q_ch_q;
  logic [CHANNELS-1:0] open_q, abs_q;      // a SEND is open
  logic [7:0]          taken, taken_x, given, given_q;

  // A request that was answered in this cycle is still shown.
  crl_rr_arb #(.N(PEERS)) u_q (
      .clk, .rst, .req(q_valid & ~q_done), .ack(q_take), .gnt(q_gnt), .gnt_idx(q_idx), .gnt_valid(q_any)
  );
  assign q_busy    = q_state_q != Q_IDLE;
  assign q_take    = q_any && !q_busy;
  assign rsv_ch    = q_ch_q;
  assign rsv_valid = q_state_q == Q_SLOT;
  assign t_valid   = q_state_q == Q_LOOK || q_state_q == Q_TAKE;
  assign t_take    = q_state_q == Q_TAKE;

  always_ff @(posedge clk) begin
    if (rst) begin
      q_state_q <= Q_IDLE;
      q_done    <= '0;
    end else begin
      case (q_state_q)
        Q_NEW:   q_state_q <= !accept[q_ch_q] || (q_send_q && open_q[q_ch_q]) ? Q_END : q_send_q ? Q_LOOK : Q_SLOT;
        Q_LOOK:  if (t_done) q_state_q <= t_ok ? Q_SLOT : Q_END;
        Q_SLOT:  if (rsv_done) q_state_q <= rsv_ok && q_send_q ? Q_TAKE : Q_IDLE;
        Q_TAKE:  if (t_done) q_state_q <= Q_IDLE;
        Q_END:   q_state_q <= Q_IDLE;
        default: if (q_take) q_state_q <= Q_NEW;
      endcase
      q_done <= '0;
      if (q_state_q == Q_END || (q_state_q == Q_TAKE && t_done) || (rsv_valid && rsv_done && !(rsv_ok && q_send_q))) q_done <= q_who_q;
    end
    q_ok <= (rsv_valid && rsv_ok) || q_state_q == Q_TAKE;
    if (q_take) begin
      q_who_q  <= q_gnt;
      q_ch_q   <= q_ch[CW*q_idx +: CW];
      q_send_q <= q_send[q_idx];
    end
    q_abs <= abs_q[q_ch_q];
    if (cc_we) abs_q[cc_ch] <= cc_abs;
  end

  // ---------------------------------------------------------------- use
  logic [PEERS-1:0] x_gnt, x_who_q;
  logic [PW-1:0]    x_idx;
  logic             x_any, x_take, x_busy_q, x_back_q, x_send_q, x_ring_q, x_fails, x_end;
  logic [CW-1:0]    x_ch_q;

  crl_rr_arb #(.N(PEERS)) u_x (
      .clk, .rst, .req(x_valid & ~x_ready), .ack(x_take), .gnt(x_gnt), .gnt_idx(x_idx), .gnt_valid(x_any)
  );
  assign x_take     = x_any && !x_busy_q;
  assign x_fails    = x_send[x_idx] && x_status[8*x_idx +: 8] != crl_pkg::ST_OK;
  assign u_valid    = x_busy_q && x_ring_q;
  assign msg_valid  = x_busy_q && !x_ring_q && !x_back_q;
  assign back_valid = x_busy_q && !x_ring_q && x_back_q;
  assign msg_ch     = x_ch_q;
  assign back_ch    = x_ch_q;
  assign msg_kind   = x_send_q ? 4'(crl_pkg::CQE_KIND_RECEIVE) : 4'(crl_pkg::CQE_KIND_IMMEDIATE);
  assign msg_tag    = u_tag & {16{x_send_q}};
  assign msg_cons   = u_cons;
  assign x_end      = x_busy_q && !x_ring_q && (x_back_q ? back_ready : msg_ready);

  always_ff @(posedge clk) begin
    if (rst) begin
      x_busy_q <= 1'b0;
      x_ring_q <= 1'b0;
      x_ready  <= '0;
    end else begin
      if (x_take)     x_busy_q <= 1'b1;
      else if (x_end) x_busy_q <= 1'b0;
      if (x_take)      x_ring_q <= x_send[x_idx];
      else if (u_done) x_ring_q <= 1'b0;
      x_ready <= x_end ? x_who_q : '0;
    end
    if (x_take) begin
      x_who_q    <= x_gnt;
      x_ch_q     <= x_ch[CW*x_idx +: CW];
      x_back_q   <= x_back[x_idx];
      x_send_q   <= x_send[x_idx];
      msg_status <= x_send[x_idx] ? x_status[8*x_idx +: 8] : 8'(crl_pkg::ST_OK);
      // An error always interrupts, and counts no bytes.
      msg_irq    <= x_irq[x_idx] || x_fails;
      msg_bytes  <= x_fails ? '0 : x_bytes[32*x_idx +: 32];
      msg_imm    <= x_imm[32*x_idx +: 32];
    end
  end

  // A SEND is open from the first frame until the frame that makes sure of its entry, or until the entry is back.
  always_ff @(posedge clk) begin
    if (rst) open_q <= '0;
    else begin
      for (int p = 0; p < PEERS; p++) if (sure_valid[p]) open_q[sure_ch[CW*p +: CW]] <= 1'b0;
      if (u_done && x_back_q) open_q[x_ch_q] <= 1'b0;
      if (t_done && t_take) open_q[q_ch_q] <= 1'b1;
    end
  end

  crl_recv_ring #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .FUNC_W(FUNC_W)) u_ring (
      .clk, .rst, .accept, .cfg_we, .cfg_ch, .cfg_base, .cfg_log2, .cfg_func, .db_valid, .db_ch, .db_val, .db_err_valid, .db_err_ch,
      .fetching, .rd_ch, .rd_prod, .rd_cons, .t_valid, .t_take, .t_ch(q_ch_q), .t_done, .t_ok, .e_dst(q_dst), .e_len(q_len),
      .e_bad(q_bad), .u_valid, .u_back(x_back_q), .u_ch(x_ch_q), .u_done, .u_tag, .u_cons,
      .ar_valid, .ar_ready, .ar_addr, .ar_len, .ar_user, .r_valid, .r_data, .r_resp, .r_last, .pending, .ferr_valid, .ferr_ch, .ferr_dec
  );

  // ---------------------------------------------------------------- slots held
  // Each count has one writer. They are compared in the cycle after one is used, and a request under way counts anyhow.
  logic          got, used_q;
  logic [CW-1:0] used_ch_q;
  logic [CHANNELS-1:0] held_q;

  assign got = rsv_valid && rsv_done && rsv_ok;
  crl_ram_clr #(.W(8), .DEPTH(CHANNELS)) u_taken (
      .clk, .rst, .clr(1'b0), .caddr(q_ch_q), .we(got), .waddr(q_ch_q), .wdata(taken + 8'd1), .raddr(q_ch_q), .rdata(taken)
  );
  crl_ram_clr #(.W(8), .DEPTH(CHANNELS)) u_taken_x (
      .clk, .rst, .clr(1'b0), .caddr(q_ch_q), .we(got), .waddr(q_ch_q), .wdata(taken + 8'd1), .raddr(used_ch_q), .rdata(taken_x)
  );
  crl_ram_clr #(.W(8), .DEPTH(CHANNELS)) u_given (
      .clk, .rst, .clr(1'b0), .caddr(x_ch_q), .we(x_end), .waddr(x_ch_q), .wdata(given + 8'd1), .raddr(x_ch_q), .rdata(given)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      used_q  <= 1'b0;
      held_q  <= '0;
      inbound <= '0;
    end else begin
      used_q <= x_end;
      if (used_q && given_q == taken_x) held_q[used_ch_q] <= 1'b0;
      if (got) held_q[q_ch_q] <= 1'b1;
      inbound <= held_q | fetching;
      if (q_busy) inbound[q_ch_q] <= 1'b1;
    end
    used_ch_q <= x_ch_q;
    given_q   <= given + 8'd1;
  end

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset: nothing holds of what registers are before it

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    if (rst) begun_q <= 1'b1;
    else if (begun_q) begin
      assert (!(x_end && !held_q[x_ch_q]));                      // what is given back or used had been reserved
      assert (!(u_done && x_back_q) || open_q[x_ch_q]);          // only what is open comes back
    end
  end
`endif

endmodule

`default_nettype wire
