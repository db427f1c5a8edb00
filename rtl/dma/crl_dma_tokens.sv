// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_tokens: one token bucket per channel.
//
// How: a bucket is a signed count of bytes in LUT RAM; a channel may send while it is not below zero.
//   A charge takes bytes out; once in 256 cycles, in rotation, a channel's rate is put in, unless
//   that would pass the depth: then it is full. Both read, add and write in one cycle; a charge
//   goes first and the refill catches up, so none is lost. After a configuration write the channel
//   is unlimited until its next refill, which fills the bucket.
// Latency: the bytes come late in their cycle, so a charge is worked out in the next one, and tok_d tells
//   in the one after it what holds from then on. Until then 'busy' marks the channel, if it has a limit.
// Throughput: an operation a cycle. Refills need one cycle in 256 / 2^CW without a charge.
// Assumes: an operation takes less than 64 KiB below zero before tok is obeyed.
`default_nettype none

module crl_dma_tokens #(
    parameter int CHANNELS = 8,  // 1 to 64
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,           // synchronous, active high: nothing limited

    input  wire logic                charge_valid,  // event
    input  wire logic [CW-1:0]       charge_ch,
    input  wire logic [11:0]         charge_bytes,

    input  wire logic                cfg_we,        // event
    input  wire logic [CW-1:0]       cfg_ch,
    input  wire logic [15:0]         cfg_rate,      // bytes per 256 cycles, 0: no limit
    input  wire logic [15:0]         cfg_burst,     // depth in bytes
    input  wire logic [CHANNELS-1:0] known,         // has been configured since reset

    output logic      [CHANNELS-1:0] busy_d,        // next cycle: tok is out of date
    output logic      [CHANNELS-1:0] tok_d,         // may send, from the next cycle on
    output logic      [CHANNELS-1:0] tok            // may send
);

  localparam int TW   = 18;      // signed; holds -65536 - 4095 and depth + rate
  localparam int TICK = 8 - CW;  // log2 of the cycles between two refills

  logic [CHANNELS-1:0] tok_q, limit_q;
  logic [7:0]          time_q;
  logic [3:0]          owed_q;   // refills that are due
  logic [CW-1:0]       rot_q;    // whose turn it is
  logic                tick, refill, op;
  logic                c_valid_q;  // the charge
  logic [CW-1:0]       c_ch_q;
  logic [11:0]         c_bytes_q;
  logic [CW-1:0]       op_ch;
  logic                op_limit, over;
  logic                op_q, debt_q;   // what came of the operation, told a cycle later
  logic [CW-1:0]       op_ch_q;
  logic [15:0]         rate, cap;
  logic [16:0]         room;     // signed: a bucket above it would overflow
  logic [TW-1:0]       stored, step, sum, above;

  assign tok    = tok_q;
  assign tick   = time_q[TICK-1:0] == '0;
  assign refill = owed_q != '0 && !c_valid_q;
  assign op_ch  = c_valid_q ? c_ch_q : rot_q;

  generate
    if (CHANNELS == 2 ** CW) begin : g_all
      assign op = c_valid_q || refill;
    end else begin : g_some  // the rotation has places without a channel
      assign op = c_valid_q || (refill && 32'(rot_q) < CHANNELS);
    end
  endgenerate

  crl_ram_lut #(.W(16), .DEPTH(CHANNELS)) u_rate (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata(cfg_rate), .raddr(op_ch), .rdata(rate)
  );
  crl_ram_lut #(.W(16), .DEPTH(CHANNELS)) u_cap (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata(cfg_burst), .raddr(op_ch), .rdata(cap)
  );
  crl_ram_lut #(.W(17), .DEPTH(CHANNELS)) u_room (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata({1'b0, cfg_burst} - {1'b0, cfg_rate}),
      .raddr(op_ch), .rdata(room)
  );
  crl_ram_lut #(.W(TW), .DEPTH(CHANNELS)) u_stored (
      .clk, .we(op), .waddr(op_ch), .wdata(over ? {{(TW-16){1'b0}}, cap} : sum),
      .raddr(op_ch), .rdata(stored)
  );

  // One adder: minus the bytes, or plus the rate.
  assign step  = c_valid_q ? {{(TW-12){1'b1}}, ~c_bytes_q} : {{(TW-16){1'b0}}, rate};
  assign sum   = stored + step + {{(TW-1){1'b0}}, c_valid_q};
  assign above = {room[16], room} - stored;
  assign over  = !c_valid_q && (above[TW-1] || !op_limit);

  assign op_limit = limit_q[op_ch];

  always_comb begin
    tok_d  = tok_q;
    busy_d = '0;
    if (op_q) tok_d[op_ch_q] = !debt_q;
    if (c_valid_q) busy_d[c_ch_q] = limit_q[c_ch_q];
    if (charge_valid) busy_d[charge_ch] = limit_q[charge_ch];
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      tok_q   <= '1;
      limit_q <= '0;
      time_q  <= '0;
      owed_q  <= '0;
      rot_q   <= '0;
      c_valid_q <= 1'b0;
      op_q      <= 1'b0;
    end else begin
      c_valid_q <= charge_valid;
      op_q      <= op;
      tok_q  <= tok_d;
      time_q <= time_q + 1'b1;
      if (refill) rot_q <= rot_q + 1'b1;
      if (tick && !refill && owed_q != '1) owed_q <= owed_q + 1'b1;
      if (!tick && refill)                 owed_q <= owed_q - 1'b1;
      if (op && !c_valid_q) limit_q[op_ch] <= known[op_ch] && rate != '0;
      if (cfg_we) limit_q[cfg_ch] <= 1'b0;
    end
    op_ch_q   <= op_ch;
    debt_q    <= op_limit && sum[TW-1];  // never when it overflows
    c_ch_q    <= charge_ch;
    c_bytes_q <= charge_bytes;
  end

endmodule

`default_nettype wire
