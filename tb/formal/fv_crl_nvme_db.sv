// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_db: free doorbells and set-ups; one queue number, any, is watched.
//
// Each doorbell of the watched queue pair is judged here as it is looked up; the verdict must be the event that leaves. Pointers change by
// rung events alone, to the value of the doorbell, for function 0 or the queue's own. The others' pointers belong to an environment
// that takes commands while there are some and posts entries while there is room. With COUNT the verdict uses the sums of the
// contract and both occupancies are counted, not derived from pointers, and stay within the size: for queues of up to SIZE_MAX + 1
// entries, since sums are hard for the solver; fv_crl_nvme_db_rule does the sums for all sizes.
`default_nettype none

module fv_crl_nvme_db #(
    parameter int QUEUES = 2,
    parameter int DSTRD  = 9,
    parameter int FUNC_W = 2,
    parameter int COUNT  = 0,      // 1: sums and counts
    parameter int SIZE_MAX = 4095,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input wire              clk,
    input wire              rst,
    input wire              wr,
    input wire [19:0]       wr_addr,
    input wire [FUNC_W-1:0] wr_user,
    input wire [63:0]       wr_data,
    input wire [7:0]        wr_strb,
    input wire              cfg_we,
    input wire [QW-1:0]     cfg_qid,
    input wire              cfg_cq,
    input wire              cfg_valid,
    input wire [11:0]       cfg_size,
    input wire [FUNC_W-1:0] cfg_func,
    input wire [11:0]       noise_a,   // pointers of the queues that are not watched
    input wire [11:0]       noise_b,
    input wire              take,      // a command of the watched SQ is fetched, if there is one
    input wire              post       // an entry of the watched CQ is posted, if there is room
);

  localparam logic [1:0] RUNG = 2'd0, NO_QUEUE = 2'd1, NO_VALUE = 2'd2, FOREIGN = 2'd3;

  (* anyconst *) reg [QW-1:0] who;
  always @* assume (who < QN);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  // --- what the block assumes ----------------------------------------------------------------------
  reg [1:0] since;   // there was a write one, two cycles ago
  reg       cfg_before;
  always @(posedge clk) begin
    since      <= rst ? 2'b00 : {since[0], wr};
    cfg_before <= cfg_we && !rst;
  end
  always @* begin
    assume (!(wr && since != 2'b00));
    assume (!(wr && wr_addr < 20'h1000));
    assume (!(cfg_we && cfg_before));
    if (cfg_we) assume (cfg_qid < QN && cfg_size != 0 && cfg_size <= SIZE_MAX);
  end

  // --- the block -----------------------------------------------------------------------------------
  wire [QW-1:0] lk_qid, so_qid, sq_qid, cq_qid, bad_qid;
  wire          sq_rung, cq_rung, bad_valid, bad_cq, bad_code, foreign_valid;
  wire [11:0]   sq_tail, cq_head, t_tail, h_head, sq_size, cq_size;
  wire          sq_there, cq_there;
  wire [FUNC_W-1:0] sq_func, cq_func, bad_func, foreign_func;
  reg  [11:0]   sq_head, cq_tail;

`ifdef BREAK_OWNER
  wire [FUNC_W-1:0] seen_user = wr_data[15] ? wr_user : '0;        // a fault: everybody is function 0
`else
  wire [FUNC_W-1:0] seen_user = wr_user;
`endif
`ifdef BREAK_ROOM
  wire [11:0] seen_head = sq_head == sq_size ? 12'd0 : sq_head + 12'd1;  // a fault: one more entry is taken for free
`else
  wire [11:0] seen_head = sq_head;
`endif

  crl_nvme_db #(.QUEUES(QUEUES), .DSTRD(DSTRD), .FUNC_W(FUNC_W)) u_dut (
      .clk, .rst, .wr, .wr_addr, .wr_user(seen_user), .wr_data, .wr_strb,
      .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_size, .cfg_func,
      .lk_qid, .lk_sq_head(lk_qid == who ? seen_head : noise_a), .lk_cq_tail(lk_qid == who ? cq_tail : noise_b),
      .so_qid, .sq_rung, .sq_qid, .sq_tail, .cq_rung, .cq_qid, .cq_head,
      .f_sq_there(sq_there), .f_cq_there(cq_there), .f_sq_size(sq_size), .f_cq_size(cq_size),
      .f_sq_func(sq_func), .f_cq_func(cq_func),
      .t_qid(who), .t_tail, .h_qid(who), .h_head,
      .bad_valid, .bad_qid, .bad_cq, .bad_code, .bad_func, .foreign_valid, .foreign_func
  );

  // What is looked up follows an event by a cycle.
  wire [11:0] tail = sq_rung && sq_qid == who ? sq_tail : t_tail;
  wire [11:0] head = cq_rung && cq_qid == who ? cq_head : h_head;

  // Entries from a to b on a ring of size + 1.
  function [12:0] span(input [11:0] a, input [11:0] b, input [11:0] size);
    span = b >= a ? {1'b0, b} - {1'b0, a} : {1'b0, b} + {1'b0, size} + 13'd1 - {1'b0, a};
  endfunction

  reg [QW-1:0] p_soon;

  // --- set-up as it should be known ----------------------------------------------------------------
  wire cfg_sq_me = cfg_we && cfg_qid == who && !cfg_cq;
  wire cfg_cq_me = cfg_we && cfg_qid == who && cfg_cq;
  reg              k_sq_there, k_cq_there;
  reg [11:0]       k_sq_size, k_cq_size;
  reg [FUNC_W-1:0] k_sq_func, k_cq_func;
  always @(posedge clk) begin
    if (cfg_sq_me) begin k_sq_there <= cfg_valid; k_sq_size <= cfg_size; k_sq_func <= cfg_func; end
    if (cfg_cq_me) begin k_cq_there <= cfg_valid; k_cq_size <= cfg_size; k_cq_func <= cfg_func; end
    if (rst) begin k_sq_there <= 1'b0; k_cq_there <= 1'b0; end
  end

  // --- the others' pointers, and entries counted ---------------------------------------------------
  reg  [13:0] sq_cnt_q, cq_cnt_q;
  reg  [11:0] p_tail, p_head;
  wire        sq_me  = sq_rung && sq_qid == who;
  wire        cq_me  = cq_rung && cq_qid == who;
  wire [12:0] added  = sq_me ? span(p_tail, sq_tail, sq_size) : 13'd0;
  wire [12:0] freed  = cq_me ? span(p_head, cq_head, cq_size) : 13'd0;
  wire [13:0] sq_cnt = sq_cnt_q + added;
  wire [13:0] cq_cnt = cq_cnt_q - freed;
  wire        full   = head == (cq_tail == cq_size ? 12'd0 : cq_tail + 12'd1);
  wire        takes  = take && (COUNT != 0 ? sq_cnt != 0 : sq_head != tail);
  wire        posts  = post && cq_there && (COUNT != 0 ? cq_cnt < cq_size : !full);
  always @(posedge clk) p_soon <= so_qid;
  always @(posedge clk) begin
    if (rst || cfg_sq_me) begin
      sq_cnt_q <= 0; sq_head <= 0; p_tail <= 0;
    end else begin
      sq_cnt_q <= sq_cnt - takes;
      if (takes) sq_head <= sq_head == sq_size ? 12'd0 : sq_head + 12'd1;
      p_tail <= tail;
    end
    if (rst || cfg_cq_me) begin
      cq_cnt_q <= 0; cq_tail <= 0; p_head <= 0;
    end else begin
      cq_cnt_q <= cq_cnt + posts;
      if (posts) cq_tail <= cq_tail == cq_size ? 12'd0 : cq_tail + 12'd1;
      p_head <= head;
    end
  end

  // --- the verdict on a doorbell -------------------------------------------------------------------
  function [20:0] bell(input [20:0] addr);   // number of the doorbell at addr, top bit: there is none
    bell = ((addr - 21'h1000) & 21'((4 << DSTRD) - 1)) != 0 ? 21'h100000 : (addr - 21'h1000) >> (DSTRD + 2);
  endfunction

  reg              up;       // the upper half comes now
  reg [20:0]       up_addr;
  reg [15:0]       up_val;
  reg [FUNC_W-1:0] last_user;
  always @(posedge clk) begin
    up <= wr && wr_strb[7:4] == 4'hF && !rst;
    if (wr) begin
      up_addr   <= {1'b0, wr_addr[19:3], 3'b100};
      up_val    <= wr_data[47:32];
      last_user <= wr_user;
    end
  end

  wire [20:0]       num   = up ? bell(up_addr) : bell({1'b0, wr_addr[19:3], 3'b000});
  wire              rings = !rst && !num[20] && (up || (wr && wr_strb[3:0] == 4'hF));
  wire [15:0]       val   = up ? up_val : wr_data[15:0];
  wire [FUNC_W-1:0] user  = up ? last_user : wr_user;
  wire              isc   = num[0];
  wire              mine  = num[20:1] == who;
  wire              far   = num[20:1] >= QN;
  wire              hit   = isc ? cfg_cq_me : cfg_sq_me;
  wire              there = !far && (hit ? cfg_valid : isc ? cq_there : sq_there);
  wire [11:0]       size  = hit ? cfg_size : isc ? cq_size : sq_size;
  wire [FUNC_W-1:0] func  = hit ? cfg_func : isc ? cq_func : sq_func;
  wire [11:0]       own   = hit ? 12'd0 : isc ? head : tail;
  wire [11:0]       other = hit ? 12'd0 : isc ? cq_tail : sq_head;
  wire [12:0]       move  = span(own, val[11:0], size);
  wire [12:0]       limit = isc ? span(own, other, size) : {1'b0, size} - span(other, own, size);
  wire              sums_fail = COUNT != 0 && (move == 0 || move > limit);   // not known without COUNT
  wire [1:0]        verdict = !there ? (user == 0 ? NO_QUEUE : FOREIGN)
                            : user != 0 && user != func ? FOREIGN
                            : val > size || sums_fail ? NO_VALUE : RUNG;

  // Stage 1: judged in the block; stage 2: the event is out.
  reg              e1, e1_mine, e1_far, e1_cq, e2, e2_mine, e2_far, e2_cq;
  reg [1:0]        e1_verdict, e2_verdict;
  reg [11:0]       e1_val, e2_val;
  reg [FUNC_W-1:0] e1_user, e2_user;
  reg [QW-1:0]     e1_qid, e2_qid;
  wire             gone = cfg_we && !e1_far && cfg_qid == e1_qid && cfg_cq == e1_cq;
  always @(posedge clk) begin
    e1 <= rings;
    {e1_mine, e1_far, e1_cq, e1_verdict, e1_val, e1_user, e1_qid} <= {mine, far, isc, verdict, val[11:0], user, num[QW:1]};
    e2 <= e1 && !gone && !rst;
    {e2_mine, e2_far, e2_cq, e2_verdict, e2_val, e2_user, e2_qid}
      <= {e1_mine, e1_far, e1_cq, e1_verdict, e1_val, e1_user, e1_qid};
  end

  always @(posedge clk) if (past_valid) begin
    // Set-up is kept as it came.
    assert (sq_there == k_sq_there && cq_there == k_cq_there);
    if (sq_there) assert (sq_size == k_sq_size && sq_func == k_sq_func && sq_size != 0 && sq_size <= SIZE_MAX);
    if (cq_there) assert (cq_size == k_cq_size && cq_func == k_cq_func && cq_size != 0 && cq_size <= SIZE_MAX);

    if (sq_rung) assert (sq_qid == p_soon);
    // Pointers move by rung alone, of whoever has the right to ring.
    if (tail != p_tail) assert (sq_me && tail == sq_tail && sq_there);
    if (head != p_head) assert (cq_me && head == cq_head && cq_there);
    if (sq_me) assert (tail == sq_tail && sq_there && (last_user == 0 || last_user == sq_func));
    if (cq_me) assert (head == cq_head && cq_there && (last_user == 0 || last_user == cq_func));
    if (bad_valid || foreign_valid) assert (tail == p_tail && head == p_head);

    // Pointers within the size; occupancy too, counted.
    if (sq_there) assert (tail <= sq_size && sq_head <= sq_size);
    else          assert (tail == 0 && sq_head == 0);
    if (cq_there) assert (head <= cq_size && cq_tail <= cq_size);
    else          assert (head == 0 && cq_tail == 0);
    if (COUNT != 0 && !sq_there) assert (sq_cnt == 0);
    if (COUNT != 0 && !cq_there) assert (cq_cnt == 0);
    if (COUNT != 0 && sq_there) assert (sq_cnt <= sq_size && sq_cnt == span(sq_head, tail, sq_size));
    if (COUNT != 0 && cq_there) assert (freed <= cq_cnt_q && cq_cnt <= cq_size && cq_cnt == span(head, cq_tail, cq_size));

    // One event a doorbell, and the right one.
    assert ({2'b00, sq_rung} + {2'b00, cq_rung} + {2'b00, bad_valid} + {2'b00, foreign_valid} == {2'b00, e2});
    if (e2 && (e2_mine || e2_far)) begin
      if (sq_me) assert (e2_verdict == RUNG && !e2_cq);
      if (cq_me) assert (e2_verdict == RUNG && e2_cq);
      if (e2_verdict == NO_QUEUE || e2_verdict == NO_VALUE) assert (bad_valid);
      if (COUNT != 0 && e2_verdict == RUNG) assert (sq_me || cq_me);
      assert (foreign_valid == (e2_verdict == FOREIGN));
      if (bad_valid) assert (bad_code == (e2_verdict != NO_QUEUE));
    end else begin
      assert (!sq_me && !cq_me);
    end
    if (sq_me) assert (sq_tail == e2_val);
    if (cq_me) assert (cq_head == e2_val);
    if (bad_valid) assert (bad_func == e2_user && bad_cq == e2_cq && bad_qid == e2_qid);
    if (foreign_valid) assert (foreign_func == e2_user && e2_user != 0);

    cover (sq_me && sq_tail < p_tail && sq_tail != 0);   // past the end of the ring
    cover (cq_me && cq_head < p_head);
    if (COUNT != 0) cover (sq_there && sq_size == 5 && sq_cnt == 5 && sq_head != 0);
    cover (sq_me && last_user != 0);
    cover (bad_valid && bad_code && e2_mine && bad_cq);
    cover (bad_valid && !bad_code && e2_far);
    cover (foreign_valid && e2_mine && sq_there);
    cover (e1 && gone && !rst);
    cover (e2 && e2_cq && up_val == e2_val && sq_me == 0 && cq_me);
  end

endmodule

`default_nettype wire
