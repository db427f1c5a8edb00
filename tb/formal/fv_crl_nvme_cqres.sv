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
    input wire          rs2_valid,
    input wire [QW-1:0] rs2_qid,
    input wire          rb2_valid,
    input wire [QW-1:0] rb2_qid,
    input wire          gb,
    input wire [QW-1:0] gb_cq,
    input wire [3:0]    gb_cnt,
    input wire          cq_rung,
    input wire [QW-1:0] cq_qid,
    input wire [11:0]   cq_head
);

  wire       rs_done, gb_ready, unpark, rs2_ready, rs2_got, rb2_ready;
  wire [7:0] rs_got;

`ifdef BREAK
  wire [11:0] size_i = cfg_size + 12'd1;   // a fault: one slot too many
`else
  wire [11:0] size_i = cfg_size;
`endif

  crl_nvme_cqres #(.QUEUES(QUEUES)) u_dut (
      .clk, .rst, .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_size(size_i), .cfg_cqid, .rs_valid, .rs_qid, .rs_want, .rs_done, .rs_got,
      .rb_valid, .rb_qid, .rb_cnt, .rs2_valid, .rs2_qid, .rs2_ready, .rs2_got, .rb2_valid, .rb2_qid, .rb2_ready, .gb_valid(gb), .gb_ready, .gb_cq, .gb_cnt, .cq_rung, .cq_qid, .cq_head, .unpark
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
  reg [5:0]  rs2_age = '0, rb2_age = '0;
  reg [5:0]  past = '0;          // rs_valid of the last cycles
  reg [2:0]  owed = '0;          // without their rs_done
  wire [2:0] six = 3'(past[0]) + 3'(past[1]) + 3'(past[2]) + 3'(past[3]) + 3'(past[4]) + 3'(past[5]);

  always @(posedge clk) begin
    if (rst) begin
      mapped <= '0;
      sized  <= 1'b0;
      held   <= '0;
      rs_wait <= '0;
      rb_wait <= '0;
      rs2_age <= '0;
      rb2_age <= '0;
      past    <= '0;
      owed    <= '0;
    end else begin
      rs_wait <= rs_valid ? 2'd3 : rs_wait != '0 ? rs_wait - 2'd1 : '0;
      rb_wait <= rb_valid ? 2'd3 : rb_wait != '0 ? rb_wait - 2'd1 : '0;
      if (cfg_we && !cfg_cq) mapped[cfg_qid] <= 1'b1;
      if (cfg_we && cfg_cq) begin
        sized <= 1'b1;
        size  <= cfg_size;
      end
      held <= held + (rs_done ? {5'd0, rs_got} : 13'd0) + {12'd0, rs2_ready && rs2_got}
              - (rb_valid ? {5'd0, rb_cnt} : 13'd0) - {12'd0, rb2_valid && rb2_ready};
      // How long each has waited.
      rs2_age <= rs2_valid && !rs2_ready ? rs2_age + 6'd1 : '0;
      rb2_age <= rb2_valid && !rb2_ready ? rb2_age + 6'd1 : '0;
      past <= {past[4:0], rs_valid};
      owed <= owed + 3'(rs_valid) - 3'(rs_done);
    end
    if (past_valid && !rst) begin
      if (cfg_we) assume (cfg_qid == '0 ? !cfg_cq || (!sized && mapped == '0) : !cfg_cq);
      if (cfg_we) assume (cfg_cqid == '0 && cfg_valid && cfg_size < 12'd8 && mapped != '1);
      if (rs_valid || rb_valid || rs2_valid || rb2_valid) assume (sized && mapped == '1);
      assume ((rb_valid ? {5'd0, rb_cnt} : 13'd0) + {12'd0, rb2_valid && rb2_ready} <= held);
      assume (rs2_qid == '0 && rb2_qid == '0);
      if (rs2_age != '0) assume (rs2_valid);
      if (rs_valid) assume (rs_wait == '0 && !rb_valid);
      if (rb_valid) assume (rb_wait == '0);
      assume (!gb && !cq_rung);
      assert (held <= {1'b0, size} || !sized);
      // The second way is served whatever the first one does; the first one waits for three cycles more, at most.
      assert (rs2_age <= 6'd15 && rb2_age <= 6'd5);
      assert (owed <= six);
      if (rs_done) assert (owed > 3'(past[0]) + 3'(past[1]));
      cover (rs_done && past[5] && owed == 3'd2);
      cover (rs2_ready && rs2_got && held == {1'b0, size} - 13'd1 && size == 12'd5);
      cover (sized && held == {1'b0, size} && size == 12'd5);
    end
  end
`endif

endmodule

`default_nettype wire
