// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_page: the NVMe part of BAR0: registers and doorbells, and who may see them.
//
// How: below 1000h are the registers, of function 0 alone; from there on the doorbells, whose writes crl_nvme_db judges. For reads
//   a table says which function each queue belongs to, filled from the set-up bus. A refused register write is told a cycle
//   late, so that it never meets the event of a doorbell.
// Latency: reads 0 cycles; a write to its event 0 (registers, doorbells), refused 1.
// Assumes: writes at most every third cycle.
`default_nettype none

module crl_nvme_page #(
    parameter int QUEUES = 8,
    parameter int FUNC_W = 8,
    parameter int DSTRD  = 9,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic              clk,
    input  wire logic              rst,               // synchronous, active high

    input  wire logic              wr,                // event: a write
    input  wire logic [19:0]       wr_addr,
    input  wire logic [FUNC_W-1:0] wr_user,           // who writes
    input  wire logic [19:0]       rd_addr,           // what is read
    input  wire logic [FUNC_W-1:0] rd_user,
    output logic      [63:0]       rd_data,
    output logic                   rd_foreign,        // it is not theirs: all ones
    output logic                   wr_foreign_valid,  // event: a write that was refused
    output logic      [FUNC_W-1:0] wr_foreign_func,

    input  wire logic              cfg_we,            // set-up bus
    input  wire logic [QW-1:0]     cfg_qid,
    input  wire logic              cfg_cq,
    input  wire logic              cfg_valid,
    input  wire logic [FUNC_W-1:0] cfg_func,

    output logic                   ctrl_wr,           // to crl_nvme_ctrl
    input  wire logic [63:0]       ctrl_rd_data,
    output logic                   db_wr,             // to crl_nvme_db
    input  wire logic              db_foreign_valid,
    input  wire logic [FUNC_W-1:0] db_foreign_func
);

  // --- writes --------------------------------------------------------------------------------------
  logic              low, refused_q;
  logic [FUNC_W-1:0] user_q;

  assign low     = wr_addr[19:12] == '0;
  assign ctrl_wr = wr && low && wr_addr[11:7] == '0 && wr_user == '0;
  assign db_wr   = wr && !low;

  always_ff @(posedge clk) begin
    if (rst) refused_q <= 1'b0;
    else     refused_q <= wr && low && wr_user != '0;
    user_q <= wr_user;
  end

  assign wr_foreign_valid = refused_q || db_foreign_valid;
  assign wr_foreign_func  = refused_q ? user_q : db_foreign_func;

  // --- reads ---------------------------------------------------------------------------------------
  localparam int TW = QW + 1;

  logic [19:0]       number;           // of the doorbell
  logic              exact, known;
  logic [TW-1:0]     index;
  logic              there;
  logic [FUNC_W-1:0] func;

  assign number = {rd_addr[19:12] - 8'd1, rd_addr[11:0]} >> (DSTRD + 2);
  assign exact  = rd_addr[19:12] != '0 && ({number, 2'b00} << DSTRD) == {2'b00, rd_addr[19:12] - 8'd1, rd_addr[11:2], 2'b00};
  assign known  = exact && number < 20'(2 * QN);
  assign index  = known ? number[TW-1:0] : '0;

  crl_ram_clr #(.W(FUNC_W + 1), .DEPTH(2 * QN)) u_owner (
      .clk, .rst, .clr(1'b0), .caddr({TW{1'b0}}), .we(cfg_we), .waddr({cfg_qid, cfg_cq}), .wdata({cfg_valid, cfg_func}),
      .raddr(index), .rdata({there, func})
  );

  assign rd_foreign = rd_user != '0 && !(known && there && func == rd_user);
  assign rd_data    = rd_foreign ? '1 : rd_addr[19:7] == '0 ? ctrl_rd_data : '0;

  logic unused;
  assign unused = &{1'b0, wr_addr[6:0]};

endmodule

`default_nettype wire
