// SPDX-License-Identifier: Apache-2.0
//
// crl_axi_rd_arb: the read side of the memory port, shared by the engine and the responders of the peers.
//
// How: the engine (IDs 0 and 1) has the port as long as no responder waits; then they take turns. Among responders it is round
//   robin. Whose turn it is stands in a register: no master's valid decides over another's ready in the same cycle. What
//   was shown stays until it is taken. R goes by its ID: 2 + n is responder n's.
// Latency: none for the engine, one cycle for a responder. Throughput: an AR and a beat a cycle, of responders an AR in two cycles.
// Assumes: valid and payload of a master stay until taken; responders always take their beats.
`default_nettype none

module crl_axi_rd_arb #(
    parameter int DATA_W = 64,
    parameter int FUNC_W = 8,
    parameter int ID_W   = 4,
    parameter int N      = 1            // responders, 1 to 6
) (
    input  wire logic                clk,
    input  wire logic                rst,           // synchronous, active high

    input  wire logic                e_ar_valid,    // engine
    output logic                     e_ar_ready,
    input  wire logic                e_ar_id,       // 0 or 1
    input  wire logic [63:0]         e_ar_addr,
    input  wire logic [7:0]          e_ar_len,
    input  wire logic [FUNC_W-1:0]   e_ar_user,
    input  wire logic                e_pending,     // it is owed something
    output logic                     e_r_valid,
    input  wire logic                e_r_ready,

    input  wire logic [N-1:0]        p_ar_valid,    // responders
    output logic      [N-1:0]        p_ar_ready,
    input  wire logic [N*64-1:0]     p_ar_addr,
    input  wire logic [N*8-1:0]      p_ar_len,
    input  wire logic [N*FUNC_W-1:0] p_ar_user,
    input  wire logic [N-1:0]        p_pending,
    output logic      [N-1:0]        p_r_valid,

    output logic      [ID_W-1:0]     m_axi_arid,
    output logic      [63:0]         m_axi_araddr,
    output logic      [7:0]          m_axi_arlen,
    output logic      [2:0]          m_axi_arsize,
    output logic      [1:0]          m_axi_arburst,
    output logic      [3:0]          m_axi_arcache,
    output logic      [2:0]          m_axi_arprot,
    output logic      [FUNC_W-1:0]   m_axi_aruser,
    output logic                     m_axi_arvalid,
    input  wire logic                m_axi_arready,
    input  wire logic [ID_W-1:0]     m_axi_rid,     // data, response and last go past
    input  wire logic                m_axi_rvalid,
    output logic                     m_axi_rready,

    output logic                     pending,       // somebody is owed something
    output logic                     progress       // a handshake on AR or R
);

  initial begin
    if (N < 1 || N + 2 > (1 << ID_W)) $fatal(1, "crl_axi_rd_arb: N responders need ID_W bits for N + 2 IDs");
  end

  localparam int NW = N > 1 ? $clog2(N) : 1;

  logic          resp_q;               // a responder's turn: gnt_q's
  logic          any, free, taken;     // free: nothing of the engine's stays shown
  logic [N-1:0]  gnt, gnt_q, mine;
  logic [NW-1:0] idx;
  logic [63:0]       p_addr;
  logic [7:0]        p_len;
  logic [FUNC_W-1:0] p_user;
  logic [ID_W-1:0]   p_id;

  crl_rr_arb #(.N(N)) u_arb (.clk, .rst, .req(p_ar_valid), .ack(!resp_q && free), .gnt, .gnt_idx(idx), .gnt_valid(any));

  assign taken = m_axi_arvalid && m_axi_arready;
  assign free  = !e_ar_valid || m_axi_arready;

  always_comb begin
    p_addr = '0;
    p_len  = '0;
    p_user = '0;
    p_id   = '0;
    for (int i = 0; i < N; i++) begin
      if (gnt_q[i]) begin
        p_addr = p_addr | p_ar_addr[64*i +: 64];
        p_len  = p_len | p_ar_len[8*i +: 8];
        p_user = p_user | p_ar_user[FUNC_W*i +: FUNC_W];
        p_id   = p_id | ID_W'(2 + i);
      end
    end
  end

  assign m_axi_arvalid = resp_q || e_ar_valid;
  assign m_axi_arid    = resp_q ? p_id : ID_W'(e_ar_id);
  assign m_axi_araddr  = resp_q ? p_addr : e_ar_addr;
  assign m_axi_arlen   = resp_q ? p_len : e_ar_len;
  assign m_axi_aruser  = resp_q ? p_user : e_ar_user;
  assign m_axi_arsize  = 3'($clog2(DATA_W / 8));
  assign m_axi_arburst = 2'b01;
  assign m_axi_arcache = 4'b0011;
  assign m_axi_arprot  = 3'b000;
  assign e_ar_ready    = !resp_q && m_axi_arready;
  assign p_ar_ready    = gnt_q & {N{resp_q && m_axi_arready}};

  always_ff @(posedge clk) begin
    if (rst) resp_q <= 1'b0;
    else if (resp_q) resp_q <= !m_axi_arready;
    else resp_q <= any && free;
    if (!resp_q) gnt_q <= gnt;
  end

  always_comb begin
    mine = '0;
    for (int i = 0; i < N; i++) mine[i] = m_axi_rid == ID_W'(2 + i);
  end
  assign e_r_valid    = m_axi_rvalid && mine == '0;
  assign p_r_valid    = mine & {N{m_axi_rvalid}};
  assign m_axi_rready = mine != '0 || e_r_ready;

  assign pending  = e_pending || p_pending != '0;
  assign progress = taken || (m_axi_rvalid && m_axi_rready);

  logic unused;
  assign unused = &{1'b0, idx};

`ifdef FORMAL
  // Who has the turn shows something: for the induction.
  always_ff @(posedge clk) begin
    if (!rst && resp_q) assert ($onehot(gnt_q) && (gnt_q & ~p_ar_valid) == '0);
  end
`endif

endmodule

`default_nettype wire
