// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_fetch: free grants, doorbells, set-ups, reservations and memory. Any one queue is followed (f_q), with ghosts
// inside the block (CRL_GHOST). Claimed: room, beats, pace, stability (alone with ROOM); where bursts lie and what a grant takes; with
// SLOTS that each slot is held by one entry or given back once; with ORDER, of a memory that numbers the entries it is read, that each
// leaves once, in order, as its queue's, in the place where it was read. ORDER by induction takes it from the FIFOs' own proofs that
// they give out what they were given (FIFOS_HOLD). ENDS looks at the block from outside, with its own books, to a bound.
// SMALL: queues of up to 128 entries. Entries have few bits here (SQE_W): the block doesn't look at what they hold.
`default_nettype none

module fv_crl_nvme_fetch #(
    parameter int DATA_W = 8, parameter int SQE_W = 8, parameter int DEPTH = 8, parameter int QUEUES = 1
) (
    input wire              clk,
    input wire              rst,
    input wire              cfg_we,
    input wire [QW-1:0]     cfg_qid,
    input wire              cfg_cq,
    input wire [11:0]       cfg_size,
    input wire [63:0]       cfg_base,
    input wire              cfg_func,
    input wire              g_valid,
    input wire [QW-1:0]     g_qid,
    input wire [7:0]        g_max,
    input wire [11:0]       t_tail,
    input wire [QW-1:0]     lk_qid,
    input wire              su_sure,
    input wire              rs_done,
    input wire [7:0]        rs_got,
    input wire              ar_ready,
    input wire              r_valid,
    input wire [DATA_W-1:0] r_data,
    input wire [1:0]        r_resp,
    input wire              r_last,
    input wire              m_ready,
    input wire              stop,
    input wire [11:0]       steps       // the tail moves on
);

  localparam int QW    = $clog2(QUEUES + 1);
  localparam int BEATS = SQE_W / DATA_W;

  wire          g_ready, d_valid, d_more, d_park, rs_valid, rb_valid, ar_soon, ar_valid, m_valid, nx_valid, err_valid, idle;
  wire [QW-1:0] d_qid, t_qid, su_qid, rs_qid, rb_qid, m_qid, nx_qid, err_qid;
  wire [7:0]    d_cnt, rs_want, rb_cnt, ar_len;
  wire [11:0]   lk_head, hd_head;
  wire [63:0]   ar_addr;
  wire          ar_user;
  wire [SQE_W-1:0] m_sqe;

  (* anyconst *) reg [QW-1:0] f_q;
  wire [11:0]   f_size, f_head;
  wire [51:0]   f_page;
  wire          f_func, f_ar_mine, f_ask_mine, f_out, f_owed;
  wire [1:0]    f_mine, f_pause;
  wire [7:0]    f_cnt, f_slots, f_debt, f_room, f_hold, f_left, f_held, f_beat, f_lost;
  wire [QW-1:0] f_out_qid;
  wire [12:0]   f_there;
  reg  [7:0]    f_max;
  wire [7:0]    f_live, f_q_live, f_num, f_due, f_m_at;
  wire          f_due_mine, f_due_bad, f_n_mine;
  wire [2:0]    f_m_len, f_n_len;
  wire [11:0]   f_n_pos, f_hd_due;

  crl_nvme_fetch #(.DATA_W(DATA_W), .QUEUES(QUEUES), .FUNC_W(1), .DEPTH(DEPTH), .SQE_W(SQE_W)) u_dut (
      .f_q, .f_there, .f_max, .f_size, .f_head, .f_page, .f_func, .f_mine, .f_ar_mine, .f_ask_mine,
      .f_live, .f_q_live, .f_num, .f_due, .f_m_at, .f_due_mine, .f_due_bad, .f_n_mine, .f_m_len, .f_n_len, .f_n_pos, .f_hd_due,
      .f_cnt, .f_slots, .f_debt, .f_room, .f_hold, .f_left, .f_held, .f_beat, .f_lost, .f_out, .f_out_qid, .f_owed, .f_pause,
      .clk, .rst, .cfg_we, .cfg_qid, .cfg_cq, .cfg_size, .cfg_base, .cfg_func, .g_valid, .g_ready, .g_qid, .g_max,
      .d_valid, .d_qid, .d_cnt, .d_more, .d_park, .t_qid, .t_tail, .lk_qid, .lk_head, .hd_qid(f_q), .hd_head,
      .su_qid, .su_sure, .rs_valid, .rs_qid, .rs_want, .rs_done, .rs_got, .rb_valid, .rb_qid, .rb_cnt,
      .ar_soon, .ar_valid, .ar_ready, .ar_addr, .ar_len, .ar_user, .r_valid, .r_data, .r_resp, .r_last,
      .m_valid, .m_ready, .m_qid, .m_admin(), .m_sqe, .nx_valid, .nx_qid, .err_valid, .err_qid, .stop, .idle
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);
  always @(posedge clk) if (past_valid) assume (!rst);

  // ---------------------------------------------------------------- neighbours
  reg         there = 0, out = 0;          // the queue exists; a grant of it is out
  reg  [11:0] tail;
  reg  [7:0]  fly = 0, fly_q = 0;          // entries requested and not gone: all, of the queue
  reg  [9:0]  owed = 0;                    // beats, of bursts that were taken
  reg  [7:0]  res = 0;                     // slots reserved for the queue, and not used or given back
  reg  [2:0]  rs_age = 7, rb_age = 7;
  reg         rs_wait = 0;                 // its rs_done is to come
  wire [12:0] n = {1'b0, f_size} + 1'b1;
  wire        set = cfg_we && !cfg_cq && cfg_qid == f_q;
  wire        take = g_valid && g_ready && g_qid == f_q;
  wire        asked = ar_valid && ar_ready;
  wire [12:0] tail_n = {1'b0, tail} + {1'b0, steps};
  wire [7:0]  ar_beats = ar_len + 1'b1;
  wire [7:0]  ar_n = ar_beats / BEATS;     // entries of the burst that is shown
`ifdef BREAK_SLOTS
  wire [7:0]  got = rs_got + 1'b1;         // a fault: a slot more is kept than was told
`else
  wire [7:0]  got = rs_got;
`endif
  wire        mine_out = f_out && f_out_qid == f_q;

  function [12:0] span(input [11:0] to, input [11:0] from, input [12:0] size_n);
    span = to >= from ? {1'b0, to} - {1'b0, from} : {1'b0, to} + size_n - {1'b0, from};
  endfunction

  assign f_there = span(tail, f_head, n);

  always @* begin
    assume (32'(f_q) <= QUEUES && 32'(cfg_qid) <= QUEUES && 32'(g_qid) <= QUEUES && 32'(lk_qid) <= QUEUES);
    assume (g_max != 0 && g_max <= 128);
    if (g_valid && g_qid == f_q) assume (there && !out);
`ifdef BREAK_TAIL
    if (t_qid == f_q) assume (t_tail == (tail == f_size ? 12'd0 : tail + 12'd1));   // a fault: one entry more than was rung for
`else
    if (t_qid == f_q) assume (t_tail == tail);
`endif
    if (set) assume (!out && fly_q == 0 && res == 0 && cfg_size != 0 && !(ar_valid && f_ar_mine) && !(g_valid && g_qid == f_q));
    if (!there || set) assume (steps == 0);
    else assume ({1'b0, steps} + f_there <= {1'b0, f_size});
    if (r_valid) assume (owed != 0);
`ifdef SMALL
    if (cfg_we) assume (cfg_size < 128);
`endif
    // A reservation takes three to six cycles.
    if (rs_done) assume (rs_wait && rs_age >= 2);
    if (rs_wait && rs_age == 5) assume (rs_done);
  end

  // ---------------------------------------------------------------- its entries, one after the other
  reg  [11:0] next;                        // entry that is to be requested
  reg  [7:0]  cnt;                         // requested of the grant
  wire [12:0] last = {1'b0, next} + ar_n - 1'b1;
  wire [11:0] behind = last == {1'b0, f_size} ? 12'd0 : last[11:0] + 1'b1;
  wire        show = ar_valid && f_ar_mine;

  always @(posedge clk) begin
    if (rst) begin
      there  <= 0;
      out    <= 0;
      fly    <= 0;
      fly_q  <= 0;
      owed   <= 0;
      res    <= 0;
      rs_age <= 7;
      rs_wait <= 0;
      rb_age <= 7;
    end else begin
      if (set) there <= 1;
      if (take) out <= 1;
      else if (d_valid && d_qid == f_q) out <= 0;
      if (take) begin
        f_max <= g_max;
        cnt   <= 0;
      end else if (asked && f_ar_mine) cnt <= cnt + ar_n;
      tail <= set ? 12'd0 : tail_n >= n ? 12'(tail_n - n) : tail_n[11:0];
      next <= set ? 12'd0 : asked && f_ar_mine ? behind : next;
      owed <= owed + (asked ? ar_beats : 0) - r_valid;
      fly   <= fly + (asked ? ar_n : 0) - f_out;
      fly_q <= fly_q + (asked && f_ar_mine ? ar_n : 0) - mine_out;
      res   <= res + (rs_done && rs_qid == f_q ? got : 0) - (m_valid && m_ready && m_qid == f_q)
               - (rb_valid && rb_qid == f_q ? rb_cnt : 0);
      rs_wait <= rs_valid || (rs_wait && !rs_done);
      rs_age <= rs_valid ? 0 : rs_age == 7 ? 7 : rs_age + 1'b1;
      rb_age <= rb_valid ? 0 : rb_age == 7 ? 7 : rb_age + 1'b1;
    end
  end

  wire [7:0] shown = ar_valid ? ar_n : 8'd0;
  wire [7:0] shown_q = show ? ar_n : 8'd0;
  wire [7:0] kept = f_slots + fly_q + shown_q + (f_out_qid == f_q ? f_lost : 8'd0);   // slots by where they are
  reg        ar_stall = 0, m_stall = 0, stop_q = 0, ar_was = 0, ar_went = 0, soon_q = 0, more_q = 0;
  reg [72:0] ar_kept;
  reg [SQE_W+QW-1:0] m_kept;

  always @(posedge clk) begin
    ar_stall <= !rst && ar_valid && !ar_ready;
    ar_went  <= asked;
    ar_was   <= ar_valid;
    ar_kept  <= {ar_user, ar_len, ar_addr};
    m_stall  <= !rst && m_valid && !m_ready;
    m_kept   <= {m_qid, m_sqe};
    stop_q   <= stop;
    soon_q   <= !rst && ar_soon;
    more_q   <= f_there != 0;
  end

  always @(posedge clk) if (past_valid && !rst) begin
    // Where a burst lies, and how long it is.
    if (ar_valid) assert (ar_beats % BEATS == 0 && ar_n >= 1 && ar_n <= 8);
`ifndef ROOM
    if (show) begin
      assert (there && ar_user == f_func);
      assert (ar_addr == {f_page + 52'(next[11:6]), next[5:0], 6'd0});
      assert (last <= {1'b0, f_size});
      assert (8'(next[5:0]) + ar_n <= 64);
      assert (behind == f_head);
    end else if (there) assert (next == f_head);
    if (there) begin
      assert (f_size != 0 && tail <= f_size && f_head <= f_size && next <= f_size);
      assert (f_there <= {1'b0, f_size});
`ifdef SMALL
      assert (f_size < 128);
`endif
      if (lk_qid == f_q) assert (lk_head == f_head);
    end else assert (f_mine == 0 && !show);
    // A grant is answered once, with what was requested.
    assert (f_mine == {1'b0, out});
    if (out) assert (f_max != 0 && f_max <= 128);
    if (f_ask_mine) assert (f_cnt == cnt + shown_q);
    else if (out && !(d_valid && d_qid == f_q)) assert (cnt == 0);
    if (!f_ask_mine) assert (!show);
    if (d_valid && d_qid == f_q) assert (out && d_cnt == cnt && d_cnt <= f_max && !(d_park && d_cnt != 0) && d_more == more_q);
`endif
    // Room and slots.
    assert (f_room + f_hold + f_left + fly + shown == DEPTH && fly + shown <= DEPTH);
    assert (f_room <= DEPTH && f_hold <= DEPTH && f_left <= DEPTH);
    assert (fly * BEATS == owed + f_beat + f_held * BEATS);
    assert (owed <= DEPTH * BEATS && f_held <= DEPTH);
`ifdef SLOTS
    assert (8'(res + f_debt) == kept);
`endif
`ifdef ORDER
    // What is requested and has not left: as many as the bursts' books say, of all and of the queue; they leave by number, under their queue's.
    assert (f_live == fly + shown && f_q_live == fly_q + shown_q);
    if (ar_valid) assert (ar_n == {5'd0, f_n_len} + 1 && f_ar_mine == f_n_mine);
    if (m_valid) assert (m_sqe == SQE_W'(f_due) && !f_due_bad && (m_qid == f_q) == f_due_mine);
    if (idle) assert (fly == 0 && fly_q == 0);
`ifndef ROOM
    if (show) assert (f_n_pos == next);
    if (there) assert (hd_head == f_hd_due);
`endif
`ifdef SLOTS
    if (idle) assert (res == 0);
`endif
`endif
    if (rs_valid) assert (rs_age >= 3 && !rb_valid && rs_want != 0 && rs_want <= DEPTH);
    if (rb_valid) assert (rb_age >= 3);
    assert (f_owed == (rs_valid || rs_wait) && !(rs_valid && rs_wait));
    assert (rs_wait ? rs_age <= 5 : rs_valid || rs_age >= 3);
    assert (rb_valid == (f_pause == 3) && (rb_valid || rb_age >= 2 || f_pause == 2 - rb_age));
    assert (f_pause != 0 || rb_age >= 2);
`ifndef ROOM
    if (rs_valid && rs_qid == f_q) assert (13'(rs_want) <= f_there && rs_want <= f_max);
`endif

    // What is shown stays; nothing is begun with stop.
    if (ar_stall) assert (ar_valid && {ar_user, ar_len, ar_addr} == ar_kept);
    if (m_stall) assert (m_valid && {m_qid, m_sqe} == m_kept);
    if (stop) assert (!g_ready);
    if (stop_q && ar_valid) assert (ar_was && !ar_went);
    assert (soon_q ? ar_valid : !ar_valid || ar_was);
    if (idle) assert (!ar_valid && f_slots == 0);
`ifndef ROOM
    if (idle) assert (!out);
`endif
  end

  // ---------------------------------------------------------------- end to end, to a bound
`ifdef ENDS
  // Bursts and entries by number. Every entry carries its own.
  reg  [7:0]    lens [0:15];               // entries less one of the bursts that were requested
  reg           whose [0:15];              // they are of the queue f_q
  reg  [3:0]    reqs = 0, in = 0;          // bursts requested, in
  reg  [7:0]    at = 0;                    // beats of burst 'in' that are in
  reg  [5:0]    first = 0, num = 0, left = 0;  // entry that burst 'in' began with; entries in; gone
  reg           bad = 0;
  reg  [63:0]   lost = 0, own = 0, ready = 0;  // by entry: its burst failed, it is of the queue f_q, its burst has come
  reg  [11:0]   hd = 0, hd_q = 0;          // head behind the bursts that have come
  reg  [5:0]    errs = 0, fails = 0;       // told of; bursts that failed
  reg           wrapped = 0, parked = 0, halted = 0;
  wire          burst_end = r_valid && r_last;
  wire          entry_end = r_valid && (32'(at) % BEATS) == BEATS - 1;
  wire          bad_now = bad || r_resp[1];
  wire [5:0]    seen = m_sqe[5:0];
  wire [63:0]   one = 64'd1;
  wire [63:0]   between = ((one << seen) - 1) & ~((one << left) - 1);   // entries that did not leave

  always @* if (r_valid) begin
    assume (in != reqs && r_last == (at == (lens[in] + 1) * BEATS - 1));
    assume (r_data == DATA_W'(num));
  end

  always @(posedge clk) if (past_valid && !rst) begin
    if (asked) begin
      lens[reqs]  <= ar_n - 1'b1;
      whose[reqs] <= f_ar_mine;
      reqs        <= reqs + 1'b1;
      if (f_ar_mine && last == {1'b0, f_size}) wrapped <= 1;
    end
    if (r_valid) begin
      at  <= r_last ? 0 : at + 1'b1;
      bad <= !r_last && bad_now;
      if (entry_end) begin
        num      <= num + 1'b1;
        own[num] <= whose[in];
      end
      if (r_last) begin
        in    <= in + 1'b1;
        first <= num + 1'b1;
        fails <= fails + bad_now;
        for (int i = 0; i < 64; i = i + 1)
          if (i >= first && i <= num) begin
            ready[i] <= 1;
            lost[i]  <= bad_now;
          end
      end
    end
    if (set) hd <= 0;
    else if (burst_end && whose[in]) hd <= 13'(hd) + lens[in] + 1 >= n ? 12'(13'(hd) + lens[in] + 1 - n) : 12'(13'(hd) + lens[in] + 1);
    hd_q <= set ? 0 : hd;
    if (there) assert (hd_head == hd_q);

    if (m_valid) begin
      assert (seen >= left && ready[seen] && !lost[seen] && own[seen] == (m_qid == f_q));
      assert ((between & ~lost) == 0);
    end
    if (m_valid && m_ready) left <= seen + 1'b1;
    if (err_valid) assert (errs != fails);
    if (idle) assert (errs + err_valid == fails && fly == 0 && res == 0);
    assert (fly_q <= fly && (there || res == 0));
    errs <= errs + err_valid;

    if (d_valid && d_park) parked <= 1;
    if (rb_valid && fails == 0) halted <= 1;
    cover (left == 3 && wrapped && hd_head == 1);
    cover (errs == 1 && left == 2 && seen == 1 && res == 0);
    cover (parked && left == 1);
    cover (halted && d_valid && d_more && d_cnt != 0);
    cover (fly == DEPTH);
  end
`endif

`ifndef ENDS
  always @(posedge clk) if (past_valid && !rst) begin
    cover (out && f_ask_mine && cnt == 2 && next == 2 && f_size == 3);
    cover (fly_q == 3 && res == 3);
    cover (rb_valid && rb_qid == f_q);
  end
`endif
endmodule

`default_nettype wire
