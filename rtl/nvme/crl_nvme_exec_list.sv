// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_exec_list: reads the list of ranges of a Dataset Management command, and keeps it.
//
// How: a piece (two at most, the second begins with a page) is asked for in bursts that end at multiples of MAX_BURST_BYTES.
//   Beats go into block RAM as they come, one bank for each 4 bytes; bursts meet at the edges of beats, so the list lies there in one.
//   A list of 4096 bytes that begins inside a beat ends in the beat that it began with, in the lanes in front. It is read
//   in words of 4 bytes, since PRP1 may point to any of them.
// Latency: a piece to ar_valid 1 cycle, rd_word to rd_data 1 cycle.
// Assumes: pieces of one command have 4096 bytes at most together; all but the first begin with a page, and all but the last end with one.
`default_nettype none

module crl_nvme_exec_list #(
    parameter int DATA_W = 64,
    parameter int FUNC_W = 8,
    parameter int MAX_BURST_BYTES = 512
) (
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high

    input  wire logic              clear,     // event: a new list, whose first piece may come in the next cycle
    input  wire logic              s_valid,   // a piece
    output logic                   s_ready,
    input  wire logic [63:0]       s_addr,
    input  wire logic [12:0]       s_len,
    input  wire logic [FUNC_W-1:0] func,      // on whose behalf it is read

    output logic                   busy,      // pieces or beats are outstanding
    output logic                   bad,       // a beat had an error
    input  wire logic [9:0]        rd_word,   // word of the list
    output logic      [31:0]       rd_data,   // a cycle later

    output logic                   ar_valid,  // read client
    input  wire logic              ar_ready,
    output logic      [63:0]       ar_addr,   // of the first byte
    output logic      [7:0]        ar_len,    // beats less one
    output logic      [FUNC_W-1:0] ar_user,
    input  wire logic              r_valid,   // always taken
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last
);

  localparam int B     = DATA_W / 8;
  localparam int OFF_W = $clog2(B);
  localparam int LANES = DATA_W / 32;
  localparam int LW    = $clog2(LANES);
  localparam int DEPTH = 4096 / B;            // beats
  localparam int AW    = $clog2(DEPTH);
  localparam int LB    = $clog2(MAX_BURST_BYTES);

  // --- requests ----------------------------------------------------------------------------------
  logic            cur_q, next_q, first_q;    // a piece is asked for; another one waits; none came
  logic [63:0]     addr_q, naddr_q;
  logic [12:0]     len_q, nlen_q, span;
  logic [LB:0]     step;                      // to the next multiple of MAX_BURST_BYTES
  logic [LB-1:0]   low;
  logic [LW-1:0]   base_q;                    // lane in which the list begins
  logic [11:0]     owed_q;                    // bursts
  logic            ask, fin, take;

  assign s_ready = !next_q;
  assign take    = s_valid && s_ready;
  assign low     = addr_q[LB-1:0];
  assign step    = (LB + 1)'(MAX_BURST_BYTES) - {1'b0, low};
  assign fin     = len_q <= 13'(step);
  assign span    = (fin ? len_q : 13'(step)) + 13'(addr_q[OFF_W-1:0]) - 13'd1;
  assign ask     = cur_q && (!ar_valid || ar_ready);
  assign busy    = cur_q || owed_q != '0;
  assign ar_user = func;

  always_ff @(posedge clk) begin
    if (rst) begin
      cur_q    <= 1'b0;
      next_q   <= 1'b0;
      ar_valid <= 1'b0;
      owed_q   <= '0;
    end else begin
      if (ask && fin) begin
        cur_q  <= next_q || take;
        next_q <= 1'b0;
      end else if (take) begin
        cur_q  <= 1'b1;
        next_q <= cur_q;
      end
      if (ask)           ar_valid <= 1'b1;
      else if (ar_ready) ar_valid <= 1'b0;
      owed_q <= owed_q + 12'(ask) - 12'(r_valid && r_last);
    end
    if (take) begin
      naddr_q <= s_addr;
      nlen_q  <= s_len;
    end
    if (ask && !fin) begin
      addr_q[63:12] <= addr_q[63:12];
      addr_q[11:0]  <= addr_q[11:0] + 12'(step);   // not the piece's end, so it stays in the page
      len_q         <= len_q - 13'(step);
    end else if ((ask && fin) || !cur_q) begin
      addr_q <= next_q ? naddr_q : s_addr;
      len_q  <= next_q ? nlen_q : s_len;
    end
    if (clear)     first_q <= 1'b1;
    else if (take) first_q <= 1'b0;
    if (take && first_q) base_q <= s_addr[OFF_W-1:2];
    if (ask) begin
      ar_addr <= addr_q;
      ar_len  <= 8'(span >> OFF_W);
    end
  end

  // --- beats -------------------------------------------------------------------------------------
  logic [AW:0]       beat_q;
  logic [9:0]        word;
  logic [LW-1:0]     lane_q;
  logic [DATA_W-1:0] row;
  logic [LANES-1:0]  front;   // lanes before the list's begin

  assign front   = (LANES'(1) << base_q) - 1'b1;
  assign word    = rd_word + 10'(base_q);
  assign rd_data = row[32*lane_q +: 32];

  always_ff @(posedge clk) begin
    if (clear) begin
      beat_q <= '0;
      bad    <= 1'b0;
    end else if (r_valid) begin
      beat_q <= beat_q + 1'b1;
      bad    <= bad || r_resp[1];
    end
    lane_q <= word[LW-1:0];
  end

  genvar i;
  generate
    for (i = 0; i < LANES; i++) begin : g_lane
      logic we;

      assign we = r_valid && (!beat_q[AW] || front[i]);
      crl_ram_bram #(.W(32), .DEPTH(DEPTH)) u_ram (
          .clk, .we, .waddr(beat_q[AW-1:0]), .wdata(r_data[32*i +: 32]), .re(!busy), .raddr(word[9:LW]), .rdata(row[32*i +: 32])
      );
    end
  endgenerate

  logic unused;
  assign unused = &{1'b0, r_resp[0]};

endmodule

`default_nettype wire
