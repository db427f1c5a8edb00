// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_cqres: everything free; the books of one queue, and what the neighbours promise, stand in the block (CRL_GHOST).
`default_nettype none

module fv_crl_nvme_cqres #(
    parameter int QUEUES = 1,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input wire          clk,
    input wire          rst,
    input wire          cfg_we,
    input wire [QW-1:0] cfg_qid,
    input wire          cfg_cq,
    input wire          cfg_valid,
    input wire [11:0]   cfg_size,
    input wire [QW-1:0] cfg_cqid,
    input wire          rs_valid,
    input wire [QW-1:0] rs_qid,
    input wire [7:0]    rs_want,
    input wire          rb_valid,
    input wire [QW-1:0] rb_qid,
    input wire [7:0]    rb_cnt,
    input wire          gb,
    input wire [QW-1:0] gb_cq,
    input wire [3:0]    gb_cnt,
    input wire          cq_rung,
    input wire [QW-1:0] cq_qid,
    input wire [11:0]   cq_head
);

  wire       rs_done, gb_ready, unpark;
  wire [7:0] rs_got;

`ifdef BREAK
  wire [11:0] size_i = cfg_size + 12'd1;   // a fault: one slot too many
`else
  wire [11:0] size_i = cfg_size;
`endif

  crl_nvme_cqres #(.QUEUES(QUEUES)) u_dut (
      .clk, .rst, .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_size(size_i), .cfg_cqid, .rs_valid, .rs_qid, .rs_want, .rs_done, .rs_got,
      .rb_valid, .rb_qid, .rb_cnt, .gb_valid(gb), .gb_ready, .gb_cq, .gb_cnt, .cq_rung, .cq_qid, .cq_head, .unpark
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

`ifdef PORTS
  // Seen from outside: queue 0 is set up once, all submission queues are its own, nothing is posted.
  reg [1:0]  mapped;
  reg [11:0] size;
  reg        sized;
  reg [12:0] held;
  reg [1:0]  rs_wait, rb_wait;   // cycles until the next may come

  always @(posedge clk) begin
    if (rst) begin
      mapped <= '0;
      sized  <= 1'b0;
      held   <= '0;
      rs_wait <= '0;
      rb_wait <= '0;
    end else begin
      rs_wait <= rs_valid ? 2'd3 : rs_wait != '0 ? rs_wait - 2'd1 : '0;
      rb_wait <= rb_valid ? 2'd3 : rb_wait != '0 ? rb_wait - 2'd1 : '0;
      if (cfg_we && !cfg_cq) mapped[cfg_qid] <= 1'b1;
      if (cfg_we && cfg_cq) begin
        sized <= 1'b1;
        size  <= cfg_size;
      end
      held <= held + (rs_done ? {5'd0, rs_got} : 13'd0) - (rb_valid ? {5'd0, rb_cnt} : 13'd0);
    end
    if (past_valid && !rst) begin
      if (cfg_we) assume (cfg_qid == '0 ? !cfg_cq || (!sized && mapped == '0) : !cfg_cq);
      if (cfg_we) assume (cfg_cqid == '0 && cfg_valid && cfg_size < 12'd8 && mapped != '1);
      if (rs_valid || rb_valid) assume (sized && mapped == '1);
      if (rb_valid) assume ({5'd0, rb_cnt} <= held);
      if (rs_valid) assume (rs_wait == '0 && !rb_valid);
      if (rb_valid) assume (rb_wait == '0);
      assume (!gb && !cq_rung);
      assert (held <= {1'b0, size} || !sized);
      cover (sized && held == {1'b0, size} && size == 12'd5);
    end
  end
`endif

endmodule

`default_nettype wire
