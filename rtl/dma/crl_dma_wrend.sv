// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_wrend: ends of local operations: responses of their write bursts, in order.
//
// How: every local chunk leaves an entry, with or without a burst, and so has a place in the order. An entry leaves when it has
//   no burst or its response is there; responses that come too early wait. The first write error of the operation that
//   a channel is at is kept.
// Latency: response to ldone 1 cycle. Throughput: a response a cycle.
// Errors: WRITE_SLVERR, WRITE_DECERR; they come before the status that the chunk brings.
// Assumes: at most WRITES_IN_FLIGHT responses are owed.
`default_nettype none

module crl_dma_wrend #(
    parameter int CHANNELS = 8,
    parameter int WRITES_IN_FLIGHT = 64,
    localparam int CW = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic         clk,
    input  wire logic         rst,
    input  wire logic         s_valid,      // a chunk went out
    output logic              s_ready,
    input  wire logic [CW-1:0] s_ch,        // a channel's operations come one after the other
    input  wire logic [15:0]  s_tag,        // {gen, idx}
    input  wire logic         s_first,      // of its operation
    input  wire logic         s_last,
    input  wire logic         s_none,       // without a burst
    input  wire logic [7:0]   s_status,     // of its operation, if it is the last
    input  wire logic         b_valid,      // event
    input  wire logic [1:0]   b_resp,
    output logic              ldone_valid,  // event
    output logic      [15:0]  ldone_tag,
    output logic      [7:0]   ldone_status,
    output logic              busy,         // a chunk waits
    input  wire logic         mark,         // event: tell when all chunks that have gone out so far are over
    output logic              mark_over
);

  localparam int DEPTH = WRITES_IN_FLIGHT > 4 ? 1 << $clog2(WRITES_IN_FLIGHT) : 4;
  localparam int LW = $clog2(DEPTH);

  logic        pop, first, last, none, b_wait, b_direct, b_ready_unused;
  logic [15:0] tag;
  logic [CW-1:0] ch;
  logic [7:0]  status;
  logic [1:0]  resp, resp_wait, err_ram, err;
  logic [LW:0] order_level_unused, b_level_unused;

  crl_fifo_bram #(.W(CW + 16 + 3 + 8), .DEPTH(DEPTH), .OUTREG(1)) u_order (
      .clk, .rst, .s_valid, .s_ready, .s_data({s_ch, s_tag, s_first, s_last, s_none, s_status}),
      .m_valid(busy), .m_ready(pop), .m_data({ch, tag, first, last, none, status}), .level(order_level_unused)
  );
  crl_fifo #(.W(2), .DEPTH(DEPTH)) u_resp (
      .clk, .rst, .s_valid(b_valid && !b_direct), .s_ready(b_ready_unused), .s_data(b_resp),
      .m_valid(b_wait), .m_ready(pop && !none), .m_data(resp_wait), .level(b_level_unused)
  );
  // A response that finds its entry waiting goes straight on.
  assign b_direct = b_valid && !b_wait && busy && !none;
  assign resp     = b_wait ? resp_wait : b_resp;
  assign pop      = busy && (none || b_wait || b_valid);

  // First write error: 0 none, 1 SLVERR, 2 DECERR.
  crl_ram_lut #(.W(2), .DEPTH(CHANNELS)) u_err (
      .clk, .we(pop), .waddr(ch), .wdata(err), .raddr(ch), .rdata(err_ram)
  );
  always_comb begin
    err = first ? 2'd0 : err_ram;
    if (err == 2'd0 && !none && resp[1]) err = resp[0] ? 2'd2 : 2'd1;
  end

  logic [LW+1:0] held_q;  // entries, one in the FIFO's output register included

  always_ff @(posedge clk) begin
    if (rst) held_q <= '0;
    else held_q <= held_q + (LW+2)'(s_valid && s_ready) - (LW+2)'(pop);
  end
  crl_mark #(.W(LW + 2)) u_mark (
      .clk, .rst, .mark, .held(held_q), .enter(s_valid && s_ready), .leave(pop), .over(mark_over)
  );

  always_ff @(posedge clk) begin
    if (rst) ldone_valid <= 1'b0;
    else ldone_valid <= pop && last;
    ldone_tag    <= tag;
    ldone_status <= status;
    if (err == 2'd1) ldone_status <= crl_pkg::ST_WRITE_SLVERR;
    if (err == 2'd2) ldone_status <= crl_pkg::ST_WRITE_DECERR;
  end

  logic unused;
  assign unused = &{1'b0, b_ready_unused, order_level_unused, b_level_unused};

endmodule

`default_nettype wire
