// SPDX-License-Identifier: Apache-2.0
//
// crl_link_credit_tx: REQ credits at the side that spends them.
//
// How: a channel has one credit of its own; what it uses beyond comes from a pool of SHARED. Per channel
//   a RAM has the slots in use and the peer's last count of freed ones. A return carries that count,
//   modulo 2^CNT_W, so a lost or repeated return does no harm. Takes and returns use the RAM in turn; a take goes first.
// Latency: a take shows in 'ok' two cycles later, a return after three.
// Assumes: take only with ok[take_ch], at least two cycles apart. 'clear' lasts CHANNELS + 2 cycles or more.
`default_nettype none

module crl_link_credit_tx #(
    parameter int CHANNELS = 8,
    parameter int SHARED   = 16,  // credits shared by all channels
    parameter int CNT_W    = 8,   // bits of a count
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int UW      = $clog2(SHARED + 2)
) (
    input  wire logic                 clk,
    input  wire logic                 rst,
    input  wire logic                 clear,      // level: all credits are here again
    input  wire logic                 take,       // event
    input  wire logic [CW-1:0]        take_ch,
    input  wire logic                 ret_valid,  // event; dropped when two wait already
    input  wire logic [7:0]           ret_ch,
    input  wire logic [CNT_W-1:0]     ret_cnt,    // slots freed by the peer, cumulative
`ifdef FORMAL
    output logic      [UW-1:0]        fv_used,    // for the proof: RAM word and operation
    output logic      [CNT_W-1:0]     fv_last,
    output logic                      fv_take, fv_ret, fv_wait,
    output logic      [CW-1:0]        fv_ch, fv_wait_ch,
    output logic      [CNT_W-1:0]     fv_cnt, fv_wait_cnt,
    output logic      [UW-1:0]        fv_pool, fv_back,
    output logic      [CHANNELS-1:0]  fv_none,
`endif
    output logic      [CHANNELS-1:0]  ok,         // a credit is at hand
    output logic                      bad         // event: a count that can't be
);

  initial begin
    if (SHARED + 1 >= 1 << (CNT_W - 1))
      $fatal(1, "crl_link_credit_tx: SHARED must be below half the range of a count, less one");
  end

  // ---- one operation a cycle
  logic          wait_q;       // a return waits
  logic [CW-1:0] wait_ch_q;
  logic [CNT_W-1:0] wait_cnt_q;
  logic          op_take_q, op_ret_q, ret_go, ret_in;
  logic [CW-1:0] op_ch_q, sweep_q;
  logic [CNT_W-1:0] op_cnt_q;

  assign ret_in = ret_valid && ret_ch < 8'(CHANNELS);
  assign ret_go = wait_q && !take;

  always_ff @(posedge clk) begin
    if (!wait_q || ret_go) begin
      wait_ch_q  <= ret_ch[CW-1:0];
      wait_cnt_q <= ret_cnt;
    end
    op_ch_q  <= take ? take_ch : wait_ch_q;
    op_cnt_q <= wait_cnt_q;
  end

  always_ff @(posedge clk) begin
    if (rst || clear) begin
      wait_q    <= 1'b0;
      op_take_q <= 1'b0;
      op_ret_q  <= 1'b0;
    end else begin
      wait_q    <= ret_in || (wait_q && !ret_go);
      op_take_q <= take;
      op_ret_q  <= ret_go;
    end
  end

  always_ff @(posedge clk) begin
    if (rst || !clear)                           sweep_q <= '0;
    else if (sweep_q != CW'(CHANNELS - 1))       sweep_q <= sweep_q + 1'b1;
  end

  // ---- per channel: slots in use, last count
  logic [UW-1:0] used, used_d;
  logic [CNT_W-1:0] last, n;
  logic          n_ok, all_back, we;

  assign n        = op_cnt_q - last;
  assign n_ok     = n <= CNT_W'(used);
  assign all_back = n == CNT_W'(used);
  assign used_d   = op_take_q ? used + 1'b1 : used - n[UW-1:0];
  assign we       = clear || op_take_q || (op_ret_q && n_ok);

  crl_ram_lut #(.W(UW + CNT_W), .DEPTH(CHANNELS)) u_state (
      .clk, .we,
      .waddr(clear ? sweep_q : op_ch_q),
      .wdata(clear ? '0 : {used_d, op_take_q ? last : op_cnt_q}),
      .raddr(op_ch_q), .rdata({used, last})
  );

  // ---- pool
  logic [CHANNELS-1:0] none_q;      // the channel uses none: its own credit is free
  logic [UW-1:0]       pool_q;      // shared ones in use
  logic [UW-1:0]       back, back_q;
  logic                more;        // this take uses a shared one
  logic [UW-1:0]       pool_d;
  logic                avail_q;

  assign more   = op_take_q && used != '0;
  assign back   = !(op_ret_q && n_ok) ? '0
                : all_back && used != '0 ? n[UW-1:0] - 1'b1 : n[UW-1:0];
  assign pool_d = pool_q - back_q + UW'(more);
  assign ok     = none_q | {CHANNELS{avail_q}};

  always_ff @(posedge clk) begin
    if (rst || clear) begin
      none_q  <= '1;
      pool_q  <= '0;
      back_q  <= '0;
      avail_q <= SHARED != 0;
      bad     <= 1'b0;
    end else begin
      if (op_take_q)                      none_q[op_ch_q] <= 1'b0;
      else if (op_ret_q && all_back)      none_q[op_ch_q] <= 1'b1;
      pool_q  <= pool_d;
      back_q  <= back;
      avail_q <= SHARED != 0 && pool_d != UW'(SHARED);  // it is never above
      bad     <= op_ret_q && !n_ok;
    end
  end

`ifdef FORMAL
  assign {fv_used, fv_last, fv_take, fv_ret, fv_wait} = {used, last, op_take_q, op_ret_q, wait_q};
  assign {fv_ch, fv_wait_ch, fv_cnt, fv_wait_cnt}     = {op_ch_q, wait_ch_q, op_cnt_q, wait_cnt_q};
  assign {fv_pool, fv_back, fv_none}                  = {pool_q, back_q, none_q};
`endif

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (!rst && !clear) begin
      assert (pool_q <= UW'(SHARED));
      assert (!(more && pool_q - back_q == UW'(SHARED)));  // a take without a credit
    end
  end
`endif

endmodule

`default_nettype wire
