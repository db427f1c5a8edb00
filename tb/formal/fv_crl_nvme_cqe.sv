// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_cqe with two queue pairs. Each SQ has the CQ of its number, of 3 entries, set up first; then reservations, completions
// of what is reserved, consumers, the port and the responses are free. A completion carries the number of those of its queue
// that were posted before it. So what is written tells itself whether it is the next one of its queue, each once.
`default_nettype none

module fv_crl_nvme_cqe #(
    parameter int DATA_W = 128
) (
    input wire        clk,
    input wire        rst,
    input wire        rs,
    input wire        rs_qid,
    input wire [7:0]  rs_want,
    input wire        s_valid,
    input wire        s_qid,
    input wire        s_drop,
    input wire        read,        // the consumer takes an entry
    input wire        read_qid,
    input wire        wb_ready,
    input wire        resp,
    input wire [1:0]  wb_b_resp
);

  localparam int SIZE = 2;         // entries less one

  (* anyconst *) wire f_q;         // the queue pair that is watched
  reg       past_valid = 1'b0;
  reg [3:0] step = '0;
  wire      ready = step == 4'd4;
  wire      cfg_we = !rst && past_valid && !ready;   // closer together than the contract has it

  always @(posedge clk) begin
    past_valid <= 1'b1;
    if (rst) step <= '0;
    else if (!ready) step <= step + 1'b1;
  end
  always @* assume (rst == !past_valid);
  always @* assume (rs_want <= 8'd3 && f_q);
`ifdef ONE   // all traffic is of the watched queue: reaches further
  always @* assume (rs_qid && s_qid && read_qid && !wb_b_resp[1]);
`endif

  wire              s_ready, rs_done, unpark, wb_soon, wb_valid, wb_first, wb_last, irq_valid, err_valid, err_qid, idle;
  wire [7:0]        rs_got, wb_len, irq_vec;
  wire [11:0]       lk_tail;
  wire [63:0]       wb_addr;
  wire              wb_user, irq_qid;
  wire [3:0]        irq_cnt;
  wire [11:0]       irq_tail;
  wire [DATA_W-1:0] wb_data;
  wire [15:0]       wb_strb;

  // Books of each queue pair: slots held, completions taken to be posted, entries on offer, consumed.
  reg [3:0] held [0:1], given [0:1], posted [0:1], gone [0:1];
  reg [2:0] rs_age = '1;
  reg       rs_q;
  reg [3:0] owed = '0, okay = '0, irqs = '0;
  reg       failed = 1'b0;
  reg       b_ok_q = 1'b0, b_bad_q = 1'b0;
  reg       line_q;
  reg [3:0] line;                      // beats of the burst that have left
  wire      rs_valid = ready && rs && rs_age >= 3'd3;
  wire      valid = ready && s_valid && held[s_qid] != '0;
  wire      b_valid = resp && owed != '0;
  wire      take = valid && s_ready;
  wire      rung = ready && read && gone[read_qid] != posted[read_qid];
  wire      beat = wb_valid && wb_ready;
  wire      q    = wb_addr[12];       // the queues lie in different pages
  wire [3:0] gone_next = gone[read_qid] + 4'd1;

`ifdef BREAK_ROOM
  wire [11:0] size_i = 12'(SIZE + 1);
`else
  wire [11:0] size_i = 12'(SIZE);
`endif
`ifdef BREAK_ORDER
  wire [15:0] cid = given[s_qid] == 4'd1 ? 16'd5 : {12'd0, given[s_qid]};   // a fault: the second is another one
`else
  wire [15:0] cid = {12'd0, given[s_qid]};
`endif

  crl_nvme_cqe #(.DATA_W(DATA_W), .QUEUES(1), .FUNC_W(1), .DEPTH(2), .BURSTS(2), .CLOSED(2), .BEATS(8)) u_dut (
      .clk, .rst, .cfg_we, .cfg_qid(step[0]), .cfg_cq(!step[1]), .cfg_valid(1'b1), .cfg_size(size_i),
      .cfg_base({51'd1, step[0], 12'd0}), .cfg_func(step[0]), .cfg_cqid(step[0]), .cfg_vec({7'd5, step[0]}), .cfg_ien(1'b1),
      .rs_valid, .rs_qid, .rs_want, .rs_done, .rs_got, .rb_valid(1'b0), .rb_qid(1'b0), .rb_cnt(8'd0),
      .rs2_valid(1'b0), .rs2_qid(1'b0), .rs2_ready(), .rs2_got(), .rb2_valid(1'b0), .rb2_qid(1'b0), .rb2_ready(),
      .s_valid(valid), .s_ready, .s_qid, .s_cid(cid), .s_sqhd(12'd0), .s_status(11'd0), .s_dnr(1'b0), .s_more(1'b0), .s_dw0(32'd0), .s_drop,
      .lk_qid(f_q), .lk_tail, .cq_rung(rung), .cq_qid(read_qid), .cq_head(12'(gone_next % 4'(SIZE + 1))), .unpark,
      .wb_soon, .wb_valid, .wb_ready, .wb_first, .wb_last, .wb_addr, .wb_len, .wb_user, .wb_data, .wb_strb,
      .wb_b_valid(b_valid), .wb_b_resp, .irq_valid, .irq_vec, .irq_qid, .irq_cnt, .irq_tail, .err_valid, .err_qid, .idle
  );

  integer i;
  always @(posedge clk) begin
    if (rst) begin
      for (i = 0; i < 2; i = i + 1) begin
        held[i]   <= '0;
        given[i]  <= '0;
        posted[i] <= '0;
        gone[i]   <= '0;
      end
      rs_age <= '1;
      owed   <= '0;
      okay   <= '0;
      irqs   <= '0;
      failed <= 1'b0;
      line   <= '0;
      b_ok_q  <= 1'b0;
      b_bad_q <= 1'b0;
    end else begin
      if (rs_valid) rs_q <= rs_qid;
      rs_age <= rs_valid ? 3'd0 : rs_age == '1 ? '1 : rs_age + 1'b1;
      if (rs_done && take && rs_q == s_qid) held[s_qid] <= held[s_qid] + rs_got[3:0] - 4'd1;
      else begin
        if (rs_done) held[rs_q] <= held[rs_q] + rs_got[3:0];
        if (take)    held[s_qid] <= held[s_qid] - 4'd1;
      end
      if (take && !s_drop) given[s_qid] <= given[s_qid] + 4'd1;
      if (beat) posted[wb_first ? q : line_q] <= posted[wb_first ? q : line_q] + 4'd1;
      if (beat && wb_first) line_q <= q;
      line <= beat ? (wb_last ? 4'd0 : line + 4'd1) : line;
      if (rung) gone[read_qid] <= gone_next;
      owed <= owed + 4'(beat && wb_last) - 4'(b_valid);
      okay <= okay + 4'(b_valid && !wb_b_resp[1]);
      irqs <= irqs + 4'(irq_valid);
      failed  <= failed || (b_valid && wb_b_resp[1]);
      b_ok_q  <= b_valid && !wb_b_resp[1];
      b_bad_q <= b_valid && wb_b_resp[1];
    end
  end

  wire       me    = (wb_first ? q : line_q) == f_q;
  wire [3:0] slot  = posted[f_q] % 4'(SIZE + 1);
  wire       phase = !((posted[f_q] / 4'(SIZE + 1)) & 4'd1);

  always @(posedge clk) if (past_valid && !rst) begin
    // One entry a beat at this width.
    if (wb_valid && me && !failed) begin
      assert (wb_data[crl_pkg::NVME_CQE_CID_LSB +: 16] == {12'd0, posted[f_q]});    // in order, each once
      assert (posted[f_q] < given[f_q]);                                            // and none that was not taken
      assert (wb_data[crl_pkg::NVME_CQE_SQID_LSB +: 16] == {15'd0, f_q});
      assert (wb_data[crl_pkg::NVME_CQE_PHASE_LSB] == phase);                       // inverts exactly at the wrap
      if (wb_first) assert (wb_addr == {51'd1, f_q, 4'd0, slot, 4'd0});
      if (!wb_first) assert (slot != '0);                                           // no burst goes past the end
      assert (posted[f_q] - gone[f_q] < 4'(SIZE));                                  // nor over an entry that is unread
      if (wb_first) assert (wb_user == f_q);
    end
    if (ready && !failed) assert (held[f_q] + (given[f_q] - gone[f_q]) <= 4'(SIZE));
    if (wb_valid && wb_first && me && !failed) assert ({28'd0, lk_tail[3:0]} == (32'(posted[f_q]) + 32'(wb_len) + 1) % (SIZE + 1));
    // An interrupt follows an OKAY response, one each; an error says so and raises none.
    assert (irq_valid == b_ok_q && err_valid == b_bad_q);
    assert (irqs + 4'(irq_valid) <= okay);
    if (irq_valid) assert (irq_vec == {7'd5, irq_qid} && irq_cnt >= 4'd1 && irq_cnt <= 4'(SIZE) && irq_tail <= 12'(SIZE));
    if (idle) assert (owed == '0 && !wb_valid);
    cover (take);
    cover (wb_valid);
    cover (wb_valid && me && !phase && !failed);
    cover (beat && wb_last && !wb_first);
    cover (irq_valid && irqs == 4'd1);
    cover (unpark && posted[f_q] != '0);
    cover (gone[f_q] == 4'd2 && idle);
  end

endmodule

`default_nettype wire
