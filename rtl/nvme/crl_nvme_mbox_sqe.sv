// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_mbox_sqe: admin commands that wait for the processor.
//
// How: a ring of commands in a block RAM of 32 bits, a word a cycle in; the oldest one's words are read by number. Taking it owes its
//   completion slot back (rb2_*). drop throws everything away, also what comes, as long as it is up.
// Latency: a command 16 cycles; re to rdata 1 cycle.
// Assumes: a_sqe stays until a_ready; pop only while `any`, no re in its cycle.
`default_nettype none

module crl_nvme_mbox_sqe #(
    parameter int COMMANDS = 32,   // held, a power of two, at least 2
    localparam int AW      = $clog2(COMMANDS)
) (
    input  wire logic         clk,
    input  wire logic         rst,        // synchronous, active high

    input  wire logic         a_valid,    // a command
    output logic              a_ready,
    input  wire logic [511:0] a_sqe,      // NVME_SQE

    input  wire logic         drop,       // level
    input  wire logic         pop,        // event: the oldest one is taken
    output logic              any,        // one is there
    output logic              held,       // or comes
    input  wire logic         re,         // event: look at a word of it
    input  wire logic [3:0]   rword,
    output logic      [31:0]  rdata,      // in the next cycle

    output logic              rb2_valid,  // a completion slot goes back
    input  wire logic         rb2_ready
);

  initial if (COMMANDS < 2 || (COMMANDS & (COMMANDS - 1)) != 0) $fatal(1, "crl_nvme_mbox_sqe: COMMANDS must be a power of two, at least 2");

  logic [AW-1:0] wr_q, rd_q;
  logic [AW:0]   count_q, back_q;   // commands; slots that go back
  logic [3:0]    beat_q;
  logic [15:0]   turn_q;            // the same, a bit for each word
  logic          take, last, push, gone;
  logic [31:0]   word;

  assign take      = a_valid && !count_q[AW] && !drop;
  assign last      = beat_q == '1;
  assign push      = take && last;
  assign a_ready   = drop || (last && !count_q[AW]);
  assign any       = count_q != '0;
  assign held      = any || (a_valid && !drop);
  assign rb2_valid = back_q != '0 && !drop;
  assign gone      = rb2_valid && rb2_ready;

  // And-or with a bit a word: a third less than a multiplexer by number.
  always_comb begin
    word = '0;
    for (int i = 0; i < 16; i++) word = word | (a_sqe[32*i +: 32] & {32{turn_q[i]}});
  end

  crl_ram_bram #(.W(32), .DEPTH(16 * COMMANDS)) u_words (
      .clk, .we(take), .waddr({wr_q, beat_q}), .wdata(word), .re, .raddr({rd_q, rword}), .rdata
  );

  always_ff @(posedge clk) begin
    if (rst || drop) begin
      beat_q  <= '0;
      turn_q  <= 16'd1;
      wr_q    <= '0;
      rd_q    <= '0;
      count_q <= '0;
      back_q  <= '0;
    end else begin
      if (take) beat_q <= beat_q + 1'b1;
      if (take) turn_q <= {turn_q[14:0], turn_q[15]};
      if (push) wr_q   <= wr_q + 1'b1;
      if (pop)  rd_q   <= rd_q + 1'b1;
      count_q <= count_q + {{AW{pop && !push}}, pop != push};
      back_q  <= back_q + {{AW{gone && !pop}}, gone != pop};
    end
  end

endmodule

`default_nettype wire
