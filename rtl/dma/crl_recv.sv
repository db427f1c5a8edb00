// SPDX-License-Identifier: Apache-2.0
//
// crl_recv: the receiver's side of messages (WRITE_IMM): completion slots for the targets of all peers.
//
// How: two engines, each with one peer at a time, in turns. One reserves a slot of the channel's completion ring, if the
//   channel may have messages; the other uses a reserved slot for an entry, or gives it back. Per channel two counts tell
//   whether any slot is held: a channel with one is not quiet.
// Latency: q_valid to q_done 2 cycles beside those of crl_dma_cplring; x_valid to x_ready 2 beside those of crl_dma_cpl.
// Assumes: q_* stay until q_done, x_* until x_ready; no more than 255 slots of a channel are held.
// Source: docs/blocks/rdma.md section 7.
`default_nettype none

module crl_recv #(
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW      = PEERS > 1 ? $clog2(PEERS) : 1
) (
    input  wire logic                  clk,
    input  wire logic                  rst,        // synchronous, active high

    input  wire logic [CHANNELS-1:0]   accept,     // the channel is ready for messages
    output logic      [CHANNELS-1:0]   inbound,    // it holds slots, or is about to

    // Targets: reserve a slot
    input  wire logic [PEERS-1:0]      q_valid,
    input  wire logic [PEERS*CW-1:0]   q_ch,
    output logic      [PEERS-1:0]      q_done,     // event
    output logic                       q_ok,       // with it: reserved, else the receiver is not ready

    // Targets: use a reserved slot
    input  wire logic [PEERS-1:0]      x_valid,
    output logic      [PEERS-1:0]      x_ready,
    input  wire logic [PEERS-1:0]      x_back,     // give it back, the rest means nothing
    input  wire logic [PEERS*CW-1:0]   x_ch,
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
    output logic      [31:0]           msg_imm
);

  // ---------------------------------------------------------------- reserve
  logic [PEERS-1:0] q_gnt, q_who_q;
  logic [PW-1:0]    q_idx;
  logic             q_any, q_take, q_busy_q, q_new_q, q_end;
  logic [CW-1:0]    q_ch_q;
  logic [7:0]       taken, taken_x, given, given_q;

  // A request that was answered in this cycle is still shown.
  crl_rr_arb #(.N(PEERS)) u_q (
      .clk, .rst, .req(q_valid & ~q_done), .ack(q_take), .gnt(q_gnt), .gnt_idx(q_idx), .gnt_valid(q_any)
  );
  assign q_take    = q_any && !q_busy_q;
  assign rsv_ch    = q_ch_q;
  assign q_end     = q_busy_q && !q_new_q && (rsv_valid ? rsv_done : 1'b1);

  always_ff @(posedge clk) begin
    if (rst) begin
      q_busy_q  <= 1'b0;
      q_new_q   <= 1'b0;
      rsv_valid <= 1'b0;
      q_done    <= '0;
    end else begin
      q_new_q <= q_take;
      if (q_take)     q_busy_q <= 1'b1;
      else if (q_end) q_busy_q <= 1'b0;
      if (q_new_q)    rsv_valid <= accept[q_ch_q];
      else if (q_end) rsv_valid <= 1'b0;
      q_done <= q_end ? q_who_q : '0;
    end
    q_ok <= rsv_valid && rsv_ok;
    if (q_take) begin
      q_who_q <= q_gnt;
      q_ch_q  <= q_ch[CW*q_idx +: CW];
    end
  end

  // ---------------------------------------------------------------- use
  logic [PEERS-1:0] x_gnt, x_who_q;
  logic [PW-1:0]    x_idx;
  logic             x_any, x_take, x_busy_q, x_back_q, x_end;
  logic [CW-1:0]    x_ch_q;

  crl_rr_arb #(.N(PEERS)) u_x (
      .clk, .rst, .req(x_valid & ~x_ready), .ack(x_take), .gnt(x_gnt), .gnt_idx(x_idx), .gnt_valid(x_any)
  );
  assign x_take     = x_any && !x_busy_q;
  assign msg_valid  = x_busy_q && !x_back_q;
  assign back_valid = x_busy_q && x_back_q;
  assign msg_ch     = x_ch_q;
  assign back_ch    = x_ch_q;
  assign msg_kind   = 4'(crl_pkg::CQE_KIND_IMMEDIATE);
  assign msg_tag    = '0;
  assign msg_status = crl_pkg::ST_OK;
  assign x_end      = x_busy_q && (x_back_q ? back_ready : msg_ready);

  always_ff @(posedge clk) begin
    if (rst) begin
      x_busy_q <= 1'b0;
      x_ready  <= '0;
    end else begin
      if (x_take)     x_busy_q <= 1'b1;
      else if (x_end) x_busy_q <= 1'b0;
      x_ready <= x_end ? x_who_q : '0;
    end
    if (x_take) begin
      x_who_q   <= x_gnt;
      x_ch_q    <= x_ch[CW*x_idx +: CW];
      x_back_q  <= x_back[x_idx];
      msg_irq   <= x_irq[x_idx];
      msg_bytes <= x_bytes[32*x_idx +: 32];
      msg_imm   <= x_imm[32*x_idx +: 32];
    end
  end

  // ---------------------------------------------------------------- slots held
  // Each count has one writer. They are compared in the cycle after one is used, and a request under way counts anyhow.
  logic          got, used_q;
  logic [CW-1:0] used_ch_q;
  logic [CHANNELS-1:0] held_q;

  assign got = q_end && rsv_valid && rsv_ok;
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
      inbound <= held_q;
      if (q_busy_q) inbound[q_ch_q] <= 1'b1;
    end
    used_ch_q <= x_ch_q;
    given_q   <= given + 8'd1;
  end

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset: nothing holds of what registers are before it

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    if (rst) begun_q <= 1'b1;
    else if (begun_q) assert (!(x_end && !held_q[x_ch_q]));   // what is given back or used had been reserved
  end
`endif

endmodule

`default_nettype wire
