// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_rings: set-up and indices of the descriptor rings, and the check of doorbells.
//
// How: per channel a producer index (doorbell), a fetch index (requested) and a begun index (left the pool), each in LUT RAMs
//   with one writer, a copy for each place that reads; a set-up clears them through that writer's port. A doorbell is in range when it is inside the ring and not behind
//   the present producer as seen from the descriptors that began: software may know of a free slot before the completion
//   that tells of it has its response, but never before the descriptor began.
// Latency: look-ups 0 cycles, base and function 1. A doorbell is judged in the cycle after it, and counts from the next one on.
// Assumes: no doorbell counts for a channel in the 4 cycles from its set-up on; doorbells at least two cycles apart, and so for
//   pops and requests.
// Errors: a doorbell out of range is told (db_err) and changes nothing.
`default_nettype none

module crl_dma_rings #(
    parameter int CHANNELS = 8,
    parameter int FUNC_W   = 8,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic              clk,
    input  wire logic              rst,

    input  wire logic              cfg_we,       // event: ring set-up, clears the indices
    input  wire logic [CW-1:0]     cfg_ch,
    input  wire logic [63:0]       cfg_base,
    input  wire logic [3:0]        cfg_log2,
    input  wire logic [FUNC_W-1:0] cfg_func,

    // Doorbell
    input  wire logic              db_valid,     // event
    input  wire logic [CW-1:0]     db_ch,
    input  wire logic [15:0]       db_val,
    input  wire logic              db_accept,    // it counts
    output logic                   dq_valid,     // a cycle later: it is being judged
    output logic      [CW-1:0]     dq_ch,
    output logic                   dq_good,      // and is good
    output logic                   dq_moves,     // and says something new
    output logic                   db_err_valid, // event
    output logic      [CW-1:0]     db_err_ch,

    // Look-up of a ring
    input  wire logic [CW-1:0]     f_ch,
    output logic      [3:0]        f_log2,
    output logic      [11:0]       f_prod,
    output logic      [11:0]       f_fidx,
    output logic      [11:0]       f_begun,
    output logic      [63:0]       f1_base,      // a cycle later
    output logic      [FUNC_W-1:0] f1_func,

    input  wire logic              fidx_we,      // event: requested
    input  wire logic [CW-1:0]     fidx_ch,
    input  wire logic [11:0]       fidx,
    input  wire logic              pop_valid,    // event: a descriptor began
    input  wire logic [CW-1:0]     pop_ch,
    input  wire logic              pop_two,      // with its second slot
    input  wire logic [CW-1:0]     rd_ch,        // read-out
    output logic      [11:0]       rd_prod
);

  logic [3:0]  db_log2;
  logic [11:0] db_prod, db_begun, db_mask, dq_val_q, dq_new_q, dq_old_q, pop_idx, begun;
  logic        dq_range_q, dq_ok;
  logic [CHANNELS-1:0] rung_q;    // a doorbell has counted since the set-up
  logic [11:0]   prod_rd, prod_wdata, fidx_wdata, begun_wdata;
  logic [CW-1:0] prod_waddr, fidx_waddr, begun_waddr;
  logic          prod_we, fidx_wr_we, begun_we;

  crl_ram_bram #(.W(64 + FUNC_W), .DEPTH(CHANNELS > 1 ? CHANNELS : 2)) u_base (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata({cfg_func, cfg_base}),
      .re(1'b1), .raddr(f_ch), .rdata({f1_func, f1_base})
  );
  crl_ram_lut #(.W(4), .DEPTH(CHANNELS)) u_log2_f (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata(cfg_log2), .raddr(f_ch), .rdata(f_log2)
  );
  crl_ram_lut #(.W(4), .DEPTH(CHANNELS)) u_log2_db (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata(cfg_log2), .raddr(db_ch), .rdata(db_log2)
  );
  crl_wr_clear #(.W(12), .AW(CW)) u_prod_wr (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .s_we(dq_good), .s_waddr(dq_ch), .s_wdata(dq_val_q),
      .we(prod_we), .waddr(prod_waddr), .wdata(prod_wdata)
  );
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_prod_f (
      .clk, .we(prod_we), .waddr(prod_waddr), .wdata(prod_wdata), .raddr(f_ch), .rdata(f_prod)
  );
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_prod_d (
      .clk, .we(prod_we), .waddr(prod_waddr), .wdata(prod_wdata), .raddr(db_ch), .rdata(db_prod)
  );
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_prod_r (
      .clk, .we(prod_we), .waddr(prod_waddr), .wdata(prod_wdata), .raddr(rd_ch), .rdata(prod_rd)
  );
  assign rd_prod = rung_q[rd_ch] ? prod_rd : 12'd0;

  crl_wr_clear #(.W(12), .AW(CW)) u_fidx_wr (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .s_we(fidx_we), .s_waddr(fidx_ch), .s_wdata(fidx),
      .we(fidx_wr_we), .waddr(fidx_waddr), .wdata(fidx_wdata)
  );
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_fidx (
      .clk, .we(fidx_wr_we), .waddr(fidx_waddr), .wdata(fidx_wdata), .raddr(f_ch), .rdata(f_fidx)
  );

  assign begun = pop_idx + (pop_two ? 12'd2 : 12'd1);
  crl_wr_clear #(.W(12), .AW(CW)) u_begun_wr (
      .clk, .rst, .clr(cfg_we), .caddr(cfg_ch), .s_we(pop_valid), .s_waddr(pop_ch), .s_wdata(begun),
      .we(begun_we), .waddr(begun_waddr), .wdata(begun_wdata)
  );
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_begun_f (
      .clk, .we(begun_we), .waddr(begun_waddr), .wdata(begun_wdata), .raddr(f_ch), .rdata(f_begun)
  );
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_begun_d (
      .clk, .we(begun_we), .waddr(begun_waddr), .wdata(begun_wdata), .raddr(db_ch), .rdata(db_begun)
  );
  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_begun_p (
      .clk, .we(begun_we), .waddr(begun_waddr), .wdata(begun_wdata), .raddr(pop_ch), .rdata(pop_idx)
  );

  // The differences are taken in the doorbell's cycle, judged in the next.
  assign db_mask = ~(12'hfff << db_log2);
  assign dq_ok   = dq_range_q && dq_new_q >= dq_old_q;
  assign dq_good = dq_valid && dq_ok;

  always_ff @(posedge clk) begin
    if (rst) begin
      dq_valid     <= 1'b0;
      db_err_valid <= 1'b0;
      rung_q       <= '0;
    end else begin
      if (dq_good) rung_q[dq_ch] <= 1'b1;
      if (cfg_we)  rung_q[cfg_ch] <= 1'b0;
      dq_valid     <= db_valid && db_accept;
      db_err_valid <= dq_valid && !dq_ok;
    end
    dq_ch      <= db_ch;
    dq_val_q   <= db_val[11:0];
    dq_moves   <= db_val[11:0] != db_prod;
    dq_range_q <= db_val[15:12] == 4'd0 && (db_val[11:0] & ~db_mask) == 12'd0;
    dq_new_q   <= (db_val[11:0] - db_begun) & db_mask;
    dq_old_q   <= (db_prod - db_begun) & db_mask;
    db_err_ch  <= dq_ch;
  end

endmodule

`default_nettype wire
