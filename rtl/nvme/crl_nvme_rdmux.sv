// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_rdmux: the reads of the NVMe block share one read client of the memory port.
//
// How: client 0, the mover, has the port as long as nobody else waits; then it and the others take turns, the others round robin.
//   Whose turn it is stands in a register: no client's valid decides over another's ready in the same cycle. What was
//   shown stays until it is taken. A client that says that it comes in the next cycle gets its turn by then. The port answers in
//   the order asked: whose beats come next stands in a register, with a bit a client, and a FIFO behind it.
// Latency: none for the mover or who has said that he comes, one cycle for another client; none from a beat to its client.
// Throughput: an AR and a beat a cycle, of the other clients an AR in two cycles. The mover waits for one burst of another at most, another for 2 * (N - 1) - 1.
// Assumes: valid and payload of a client stay until taken; after 'soon' a client is valid; beats are always taken, and come only for what was asked.
`default_nettype none

module crl_nvme_rdmux #(
    parameter int FUNC_W = 8,
    parameter int N      = 5,            // clients, 2 to 8; 0 is the mover
    parameter int BURSTS = 64            // asked for and not over: a power of two, at least 2
) (
    input  wire logic                clk,
    input  wire logic                rst,         // synchronous, active high

    input  wire logic [N-1:0]        s_ar_valid,  // clients
    output logic      [N-1:0]        s_ar_ready,
    input  wire logic [N-1:0]        s_ar_soon,   // valid comes in the next cycle; not of the mover
    input  wire logic [N*64-1:0]     s_ar_addr,
    input  wire logic [N*8-1:0]      s_ar_len,    // beats less one
    input  wire logic [N*FUNC_W-1:0] s_ar_user,
    output logic      [N-1:0]        s_r_valid,   // data, response and last go past

    output logic                     m_ar_valid,  // the port
    input  wire logic                m_ar_ready,
    output logic      [63:0]         m_ar_addr,
    output logic      [7:0]          m_ar_len,
    output logic      [FUNC_W-1:0]   m_ar_user,
    input  wire logic                m_r_valid,
    input  wire logic                m_r_last,

`ifdef FORMAL
    output logic [$clog2(BURSTS):0]  f_owed,      // bursts
`endif
    output logic                     idle         // no burst is owed
);

  initial begin
    if (N < 2 || N > 8) $fatal(1, "crl_nvme_rdmux: N must be 2 to 8");
  end

  localparam int NW = $clog2(N);
  localparam int AW = $clog2(BURSTS);
  localparam int OW = N > 2 ? $clog2(N - 1) : 1;

  logic              turn_q;             // of another than the mover: gnt_q
  logic              any, free, taken, room, over;
  logic              more, move;         // the FIFO has one; the register takes the next
  logic              room_unused;
  logic [N-1:0]      head_q;             // whose beats come
  logic [N-2:0]      gnt, gnt_q;
  logic [OW-1:0]     idx, idx_q;
  logic [63:0]       o_addr;
  logic [7:0]        o_len;
  logic [FUNC_W-1:0] o_user;
  logic [NW-1:0]     asked, who, next;
  logic [AW:0]       level;

  crl_rr_arb #(.N(N - 1)) u_arb (.clk, .rst, .req(s_ar_valid[N-1:1] | s_ar_soon[N-1:1]), .ack(!turn_q && free), .gnt, .gnt_idx(idx), .gnt_valid(any));

  assign taken = m_ar_valid && m_ar_ready;
  assign free  = !s_ar_valid[0] || (m_ar_ready && room);   // nothing of the mover's stays shown

  always_comb begin
    o_addr = '0;
    o_len  = '0;
    o_user = '0;
    for (int i = 0; i < N - 1; i++) begin
      if (gnt_q[i]) begin
        o_addr = o_addr | s_ar_addr[64*(i+1) +: 64];
        o_len  = o_len | s_ar_len[8*(i+1) +: 8];
        o_user = o_user | s_ar_user[FUNC_W*(i+1) +: FUNC_W];
      end
    end
  end

  // Room comes back only with a beat, and goes only with a burst that was taken: nothing that is shown is withdrawn.
  assign m_ar_valid = room && (turn_q || s_ar_valid[0]);
  assign m_ar_addr  = turn_q ? o_addr : s_ar_addr[63:0];
  assign m_ar_len   = turn_q ? o_len : s_ar_len[7:0];
  assign m_ar_user  = turn_q ? o_user : s_ar_user[FUNC_W-1:0];
  assign s_ar_ready = turn_q ? {gnt_q & {(N - 1){m_ar_ready && room}}, 1'b0} : {{(N - 1){1'b0}}, m_ar_ready && room};

  always_ff @(posedge clk) begin
    if (rst) turn_q <= 1'b0;
    else if (turn_q) turn_q <= !(m_ar_ready && room);
    else turn_q <= any && free;
    if (!turn_q) begin
      gnt_q <= gnt;
      idx_q <= idx;
    end
  end

  assign asked = turn_q ? NW'(idx_q) + 1'b1 : '0;

  crl_fifo #(.W(NW), .DEPTH(BURSTS)) u_order (
      .clk, .rst, .s_valid(taken && (more || !move)), .s_ready(room_unused), .s_data(asked),
      .m_valid(more), .m_ready(move), .m_data(who), .level
  );

  assign over      = m_r_valid && m_r_last;
  assign move      = head_q == '0 || over;
  assign next      = more ? who : asked;
  assign s_r_valid = head_q & {N{m_r_valid}};
  assign idle      = head_q == '0;

  always_ff @(posedge clk) begin
    // The register and the FIFO hold BURSTS in all, so the FIFO is never full.
    if (rst || over) room <= 1'b1;
    else if (taken && !move && level == (AW + 1)'(BURSTS - 2)) room <= 1'b0;
    if (rst) head_q <= '0;
    else if (move) begin
      for (int i = 0; i < N; i++) head_q[i] <= (more || taken) && (next == NW'(i) || (i == N - 1 && next > NW'(i)));   // one bit always
    end
  end

  logic unused;
  assign unused = &{1'b0, room_unused, s_ar_soon[0]};

`ifdef FORMAL
  assign f_owed = level + (AW + 1)'(head_q != '0);

  // Who has the turn shows something: for the induction.
  always_ff @(posedge clk) begin
    if (!rst) assert ((head_q == '0 || $onehot(head_q)) && (head_q != '0 || level == '0) && room == (32'(level) < BURSTS - 1));
    if (!rst && turn_q) assert ($onehot(gnt_q) && (gnt_q & ~s_ar_valid[N-1:1]) == '0 && gnt_q[idx_q]);
  end
`endif

endmodule

`default_nettype wire
