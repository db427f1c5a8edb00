// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_exec_take and crl_nvme_exec_end together, by induction: every command that is taken is completed exactly once. A slot is given to
// one command at a time; it is free again exactly when the completion is made, which is after the mover said that it is over; the completion has
// queue and identifier of its command; commands here are those in slots, those that need no memory, and the completion that is offered; and whenever
// an end waits and completions are taken, one is made. The mover ends any command that has a slot, once. FIFOs and RAM do
// here what is proved of them elsewhere: they are held against copies.
`default_nettype none

module fv_crl_nvme_exec_once (
    input wire        clk,
    input wire        rst,
    input wire        s_valid,
    input wire        s_ok,
    input wire [10:0] s_status,
    input wire        s_dnr,
    input wire        s_more,
    input wire        s_qid,
    input wire [15:0] s_cid,
    input wire [7:0]  s_op,
    input wire        ana_change,
    input wire        pause,
    input wire        c_ready,
    input wire        x_ready,
    input wire        e_valid,
    input wire [1:0]  e_tag,
    input wire [10:0] e_status,
    input wire        kill_we,
    input wire        kill_qid,
    input wire        kill_drop,
    input wire        drop_all,
    input wire        kd_on,
    input wire        kd_drop,
    input wire [10:0] kd_status,
    input wire        ke_drop,
    input wire        z_ready,
    input wire        busy_qid
);

  wire        s_ready, t_valid, f_valid, n_valid, n_ready, n_dnr, n_more, c_valid, c_qid, c_func, x_valid, x_qid, x_func;
  wire        kd_qid, ke_qid, z_valid, z_qid, z_dnr, z_more, z_drop, lg_valid, busy, idle;
  wire [1:0]  t_slot, f_slot, x_slot;
  wire [10:0] n_status, z_status;
  wire [63:0] c_prp1, c_prp2, x_addr, lg_lba;
  wire [31:0] c_bytes, lg_nsid;
  wire [7:0]  c_right, c_tag;
  wire [2:0]  x_op, f_fresh;
  wire [3:0]  x_nsi, f_here;
  wire [28:0] x_span;
  wire [15:0] z_cid;
  wire        f_back, f_any, f_push, f_wait, f_load, f_none;
  wire [1:0]  f_first, f_tag, f_at;
  wire [16:0] f_word;
  wire [4:0]  f_nones;

  crl_nvme_exec_take #(.QW(1), .FUNC_W(1), .OPS(4), .NAMESPACES(1)) u_take (
      .clk, .rst, .s_valid, .s_ready, .s_ok, .s_status, .s_dnr, .s_more, .s_qid, .s_op, .s_addr(64'd0), .s_bytes(32'd512), .s_span(32'd512),
      .s_prp1(64'd0), .s_prp2(64'd0), .s_func(1'b0), .s_nsi(4'd0), .s_count(8'd0), .s_ad(1'b0), .ana_change,
      .pause, .t_valid, .t_slot, .f_valid, .f_slot, .n_valid, .n_ready, .n_status, .n_dnr, .n_more,
      .c_valid, .c_ready, .c_qid, .c_func, .c_prp1, .c_prp2, .c_bytes, .c_right, .c_tag,
      .x_valid, .x_ready, .x_op, .x_slot, .x_qid, .x_func, .x_nsi, .x_addr, .x_span,
      .f_fresh, .f_back, .f_any, .f_first
  );
  crl_nvme_exec_end #(.QUEUES(1), .OPS(4)) u_end (
      .clk, .rst, .t_valid, .t_slot, .n_valid, .n_ready, .n_status, .n_dnr, .n_more, .s_qid, .s_cid, .s_nsid(32'd1), .s_lba(64'd0),
      .e_valid, .e_tag, .e_status, .f_valid, .f_slot, .kill_we, .kill_qid, .kill_drop, .drop_all,
      .kd_qid, .kd_on, .kd_drop, .kd_status, .ke_qid, .ke_drop, .z_valid, .z_ready, .z_qid, .z_cid, .z_status, .z_dnr, .z_more, .z_drop,
      .lg_valid, .lg_nsid, .lg_lba, .busy_qid, .busy, .idle,
      .f_push, .f_wait, .f_tag, .f_load, .f_none, .f_at, .f_word, .f_nones, .f_here
  );

  // --- copies ------------------------------------------------------------------------------------
  reg         past = 1'b0;
  reg  [3:0]  used, over;              // slots with a command; of them, those that the mover has ended
  reg  [7:0]  bq, wq;                  // slots in the FIFO of free ones, and of ends that wait; the oldest lowest
  reg  [2:0]  bn, wn;
  reg  [67:0] table_q;                 // queue and identifier of each slot
  wire [3:0]  t_bit = 4'd1 << t_slot, e_bit = 4'd1 << e_tag, f_bit = 4'd1 << f_slot;
  wire [2:0]  b_at = bn - {2'd0, f_back}, w_pop = {2'd0, f_wait && f_load && !f_none}, w_at = wn - w_pop;
  wire [7:0]  b_out = f_back ? bq >> 2 : bq, w_out = w_pop[0] ? wq >> 2 : wq;
  integer     i;

  always @(posedge clk) begin
    past <= 1'b1;
    if (rst) begin
      used <= 4'd0;
      over <= 4'd0;
      bn   <= 3'd0;
      wn   <= 3'd0;
    end else begin
      used <= (used | (t_valid ? t_bit : 4'd0)) & ~(f_valid ? f_bit : 4'd0);
      over <= (over | (e_valid ? e_bit : 4'd0)) & ~(f_valid ? f_bit : 4'd0);
      bn   <= b_at + {2'd0, f_valid};
      wn   <= w_at + {2'd0, f_push};
    end
    bq <= b_out;
    wq <= w_out;
    for (i = 0; i < 4; i = i + 1) begin
      if (f_valid && b_at[1:0] == i[1:0]) bq[2*i +: 2] <= f_slot;
      if (f_push && w_at[1:0] == i[1:0]) wq[2*i +: 2] <= e_tag;
      if (t_valid && t_slot == i[1:0]) table_q[17*i +: 17] <= {s_qid, s_cid};
    end
  end

  wire [16:0] t_word = table_q[17*f_at +: 17];

  always @* begin
    if (!past) assume (rst);
    assume (f_any == (bn != 3'd0) && (bn == 3'd0 || f_first == bq[1:0]));
    assume (f_wait == (wn != 3'd0) && (wn == 3'd0 || f_tag == wq[1:0]));
    assume (f_word == t_word);
`ifndef BREAK
    if (e_valid) assume (used[e_tag] && !over[e_tag]);
`endif
  end

  // Slots in either FIFO, as sets; each is there once.
  reg  [3:0] b_set, w_set;
  reg        b_twice, w_twice;

  always @* begin
    b_set   = 4'd0;
    w_set   = 4'd0;
    b_twice = 1'b0;
    w_twice = 1'b0;
    for (i = 0; i < 4; i = i + 1) begin
      if (i < bn) begin
        if (b_set[bq[2*i +: 2]]) b_twice = 1'b1;
        b_set[bq[2*i +: 2]] = 1'b1;
      end
      if (i < wn) begin
        if (w_set[wq[2*i +: 2]]) w_twice = 1'b1;
        w_set[wq[2*i +: 2]] = 1'b1;
      end
    end
  end

  // --- claims ------------------------------------------------------------------------------------
  wire [3:0] fresh = f_fresh[2] ? 4'd0 : 4'hF << f_fresh[1:0];   // slots that were never taken
  wire [3:0] slots = {3'd0, used[0]} + {3'd0, used[1]} + {3'd0, used[2]} + {3'd0, used[3]};
  reg        made = 1'b0, made_none;
  reg [16:0] made_word;

  always @(posedge clk) begin
    made      <= !rst && f_load;
    made_none <= f_none;
    made_word <= t_word;
    if (past && !rst) begin
      // A slot is fresh, free or used, and nothing else.
      assert (f_fresh <= 3'd4 && bn <= 3'd4 && wn <= 3'd4 && !b_twice && !w_twice);
      assert ((fresh ^ b_set ^ used) == 4'hF && (fresh & b_set) == 4'd0 && (fresh & used) == 4'd0 && (b_set & used) == 4'd0);
      assert ((over & ~used) == 4'd0 && over == w_set);
      if (t_valid) assert (!used[t_slot]);
      if (f_valid) assert (used[f_slot] && (over[f_slot] || (e_valid && e_tag == f_slot)));
      if (f_valid) assert (f_load && !f_none);
      if (f_load && !f_none) assert (f_valid);
      // Nothing is lost, nothing is made up.
      assert (f_here == slots + f_nones[3:0] + {3'd0, z_valid} && f_nones <= 5'd4);
      assert (idle == (slots == 4'd0 && f_nones == 5'd0 && !z_valid));
      if (made) assert (z_valid && (made_none || {z_qid, z_cid} == made_word));
      if ((f_wait || f_nones != 5'd0) && z_ready && !kill_we) assert (f_load);
      cover (f_fresh == 3'd4 && f_back && used == 4'hE);
      cover (wn == 3'd3 && f_nones == 5'd4 && z_valid && !z_ready);
      cover (made && !made_none && z_valid && f_fresh == 3'd4);
    end
  end

endmodule

`default_nettype wire
