// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_wrmux: mover and page DMA share one data client of crl_axi_wr, a burst each in turn.
//
// How: a register says whose turn it is. The mover keeps the port until a burst of the page DMA waits and the mover's own is over, or
//   it has none; after one burst of the page DMA the mover has it again. A FIFO says whose response comes next.
// Latency: none for the mover, one cycle for the page DMA; none from a response to its client. Throughput: a beat a cycle; a burst
//   of the mover behind one of its own without a gap. Each waits for one burst of the other at most.
// Assumes: as crl_axi_wr of its clients: what is offered stays until taken; responses come in the order of the bursts.
`default_nettype none

module crl_nvme_wrmux #(
    parameter int DATA_W = 64,
    parameter int FUNC_W = 8,
    parameter int BURSTS = 64,           // between first beat and response: a power of two, at least 2
    localparam int B     = DATA_W / 8
) (
    input  wire logic                clk,
    input  wire logic                rst,        // synchronous, active high

    input  wire logic [1:0]          s_soon,     // 0 mover, 1 page DMA; as in crl_axi_wr
    input  wire logic [1:0]          s_valid,
    output logic      [1:0]          s_ready,
    input  wire logic [1:0]          s_first,
    input  wire logic [1:0]          s_last,
    input  wire logic [127:0]        s_addr,
    input  wire logic [15:0]         s_len,
    input  wire logic [2*FUNC_W-1:0] s_user,
    input  wire logic [2*DATA_W-1:0] s_data,
    input  wire logic [2*B-1:0]      s_strb,
    output logic      [1:0]          s_b_valid,  // the response itself goes past

    output logic                     m_soon,
    output logic                     m_valid,
    input  wire logic                m_ready,
    output logic                     m_first,
    output logic                     m_last,
    output logic      [63:0]         m_addr,
    output logic      [7:0]          m_len,
    output logic      [FUNC_W-1:0]   m_user,
    output logic      [DATA_W-1:0]   m_data,
    output logic      [B-1:0]        m_strb,
    input  wire logic                m_b_valid,  // event: the oldest burst is over

`ifdef FORMAL
    output logic [$clog2(BURSTS):0]  f_owed,     // bursts
    output logic                     f_turn,
    output logic                     f_hold,
`endif
    output logic                     idle        // no response is owed, no burst has begun
);

  localparam int AW = $clog2(BURSTS);

  logic        turn_q, turn_d;         // of the page DMA
  logic        hold_q;                 // a burst has begun and not ended
  logic        may, beat, ends, mine, theirs, room, owed, who;
  logic [AW:0] level;

  assign may     = hold_q || room;     // room goes only with a burst that begins: nothing shown is withdrawn
  assign mine    = turn_q ? s_valid[1] : s_valid[0];
  assign theirs  = turn_q ? s_valid[0] : s_valid[1];
  assign m_valid = may && mine;
  assign s_ready = {turn_q, !turn_q} & {2{may && m_ready}};
  assign m_soon  = s_soon != '0;
  assign m_first = turn_q ? s_first[1] : s_first[0];
  assign m_last  = turn_q ? s_last[1] : s_last[0];
  assign m_addr  = turn_q ? s_addr[127:64] : s_addr[63:0];
  assign m_len   = turn_q ? s_len[15:8] : s_len[7:0];
  assign m_user  = turn_q ? s_user[2*FUNC_W-1:FUNC_W] : s_user[FUNC_W-1:0];
  assign m_data  = turn_q ? s_data[2*DATA_W-1:DATA_W] : s_data[DATA_W-1:0];
  assign m_strb  = turn_q ? s_strb[2*B-1:B] : s_strb[B-1:0];

  assign beat   = m_valid && m_ready;
  assign ends   = beat && m_last;
  assign turn_d = (ends || (!hold_q && !mine)) ? !turn_q && theirs : turn_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      turn_q <= 1'b0;
      hold_q <= 1'b0;
    end else begin
      turn_q <= turn_d;
      if (beat) hold_q <= !m_last;
    end
  end

  crl_fifo #(.W(1), .DEPTH(BURSTS)) u_order (
      .clk, .rst, .s_valid(beat && !hold_q), .s_ready(room), .s_data(turn_q),
      .m_valid(owed), .m_ready(m_b_valid), .m_data(who), .level
  );

  assign s_b_valid = {who, !who} & {2{m_b_valid && owed}};
  assign idle      = !owed && !hold_q;

  logic unused;
  assign unused = &{1'b0, level};

`ifdef FORMAL
  assign f_owed = level;
  assign f_turn = turn_q;
  assign f_hold = hold_q;
`endif

endmodule

`default_nettype wire
