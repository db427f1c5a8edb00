// SPDX-License-Identifier: Apache-2.0
//
// crl_regs_guest: who may write, and what a write to a guest page sets off.
//
// How: a copy of CHP.OWNER in LUT RAM is read in the cycle of the W handshake; function 0 may write
//   everything, another one only the pages of the channels that it owns. Doorbells and commands
//   leave as events one cycle after the handshake; everything else leaves as `q_*` in the same
//   cycle, with `q_ok` telling that it was allowed. A refused write is an event too.
// Latency: 1 cycle. Throughput: a write every 2 cycles.
// Assumes: `wr_addr` and `wr_user` come from registers.
`default_nettype none

module crl_regs_guest #(
    parameter int CHANNELS = 8,
    parameter int FUNC_W   = 8,
    parameter bit SEND_EN  = 1,           // 0: there are no receive rings
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic              clk,
    input  wire logic              rst,          // synchronous, active high

    input  wire logic              wr,           // event: a write
    input  wire logic [20:0]       wr_addr,
    input  wire logic [FUNC_W-1:0] wr_user,
    input  wire logic [63:0]       wr_data,
    input  wire logic [7:0]        wr_strb,

    input  wire logic              own_we,       // event: owner of own_ch
    input  wire logic [CW-1:0]     own_ch,
    input  wire logic              own_valid,
    input  wire logic [FUNC_W-1:0] own_func,

    output logic                   at_ctrl,      // wr_addr is a channel's CTRL
    output logic                   q_ok,         // event: a write that is allowed
    output logic                   q_foreign,    // event: a write that was refused
    output logic                   q_in_ch,      // it goes to a channel's guest page
    output logic      [20:0]       q_addr,
    output logic      [FUNC_W-1:0] q_user,
    output logic      [63:0]       q_data,
    output logic      [7:0]        q_strb,

    output logic                   db_valid,     // event: producer doorbell of db_ch
    output logic      [CW-1:0]     db_ch,
    output logic      [15:0]       db_val,
    output logic                   cdb_valid,    // event: consumer doorbell of cdb_ch
    output logic      [CW-1:0]     cdb_ch,
    output logic      [15:0]       cdb_val,
    output logic                   rdb_valid,    // event: receive ring doorbell of db_ch, with db_val
    output logic                   cmd_valid,    // event: command for cmd_ch
    output logic      [CW-1:0]     cmd_ch,
    output logic      [2:0]        cmd
);

  logic              in_ch, in_ch_q, owned, allowed, word_lo;
  logic [11:0]       ofs;
  logic [CW-1:0]     ch;
  logic [FUNC_W:0]   owner;      // valid, function
  logic              ok_q, foreign_q, db_q, cdb_q, rdb_q, cmd_q;
  logic [20:0]       addr_q;
  logic [FUNC_W-1:0] user_q;
  logic [63:0]       data_q;
  logic [7:0]        strb_q;
  logic [15:0]       val_q;

  assign in_ch = wr_addr[20] && wr_addr[19:12] < 8'(CHANNELS);
  assign ofs   = {wr_addr[11:3], 3'b000};
  assign ch    = CHANNELS > 1 ? wr_addr[12 +: CW] : '0;

  crl_ram_lut #(.W(FUNC_W + 1), .DEPTH(CHANNELS)) u_owner (
      .clk, .we(own_we), .waddr(own_ch), .wdata({own_valid, own_func}), .raddr(ch), .rdata(owner)
  );

  assign owned   = in_ch && owner == {1'b1, wr_user};
  assign allowed = wr_user == '0 || owned;
  assign word_lo = wr_strb[1:0] != 2'b00;
  assign at_ctrl = in_ch && ofs == crl_pkg::REG_CH_CTRL;

  always_ff @(posedge clk) begin
    if (rst) begin
      ok_q      <= 1'b0;
      foreign_q <= 1'b0;
      db_q      <= 1'b0;
      cdb_q     <= 1'b0;
      rdb_q     <= 1'b0;
      cmd_q     <= 1'b0;
    end else begin
      ok_q      <= wr && allowed;
      foreign_q <= wr && !allowed;
      db_q      <= wr && allowed && in_ch && ofs == crl_pkg::REG_CH_DRING_PROD && word_lo;
      cdb_q     <= wr && allowed && in_ch && ofs == crl_pkg::REG_CH_CRING_CONS && word_lo;
      rdb_q     <= SEND_EN && wr && allowed && in_ch && ofs == crl_pkg::REG_CH_RRING_PROD && word_lo;
      cmd_q     <= wr && allowed && at_ctrl && wr_strb[0];
    end
  end

  // A byte that is not strobed counts as 0.
  always_ff @(posedge clk) begin
    val_q[7:0]  <= wr_strb[0] ? wr_data[7:0] : 8'd0;
    val_q[15:8] <= wr_strb[1] ? wr_data[15:8] : 8'd0;
  end

  always_ff @(posedge clk) begin
    in_ch_q <= in_ch;
    addr_q  <= wr_addr;
    user_q  <= wr_user;
    data_q  <= wr_data;
    strb_q  <= wr_strb;
  end

  assign q_ok      = ok_q;
  assign q_foreign = foreign_q;
  assign q_in_ch   = in_ch_q;
  assign q_addr    = addr_q;
  assign q_user    = user_q;
  assign q_data    = data_q;
  assign q_strb    = strb_q;

  assign db_valid  = db_q;
  assign db_ch     = CHANNELS > 1 ? addr_q[12 +: CW] : '0;
  assign db_val    = val_q;
  assign cdb_valid = cdb_q;
  assign cdb_ch    = db_ch;
  assign cdb_val   = db_val;
  assign rdb_valid = rdb_q;
  assign cmd_valid = cmd_q;
  assign cmd_ch    = db_ch;
  assign cmd       = data_q[crl_pkg::CH_CTRL_CMD_LSB +: crl_pkg::CH_CTRL_CMD_W];

endmodule

`default_nettype wire
