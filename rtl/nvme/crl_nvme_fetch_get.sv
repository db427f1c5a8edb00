// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_fetch_get: takes the beats of entries that were requested, holds the entries and gives them out.
//
// How: beats are put together to an entry, entries wait in block RAM behind a register, or go past it. A burst waits in one FIFO for its last beat,
//   which moves the head that completions report, and in another one for its entries to leave. They leave if all its beats came without
//   an error, else they are thrown away one by one, the last one with the burst's slots (rb_*).
// Latency: a burst's last beat to m_valid 1 cycle if nothing is held, else 3. Throughput: an entry a cycle.
// Assumes: beats come in the order of the requests, as many as asked for; at most DEPTH entries are requested or held.
`default_nettype none

module crl_nvme_fetch_get #(
    parameter int DATA_W = 64,            // 64 to 512, a power of two
    parameter int DEPTH  = 16,            // entries requested or held
    parameter int QW     = 4,
    parameter int SQE_W  = crl_pkg::NVME_SQE_W
) (
`ifdef CRL_GHOST
    input  wire logic [QW-1:0]     f_q,       // proofs follow this queue: its
    input  wire logic [11:0]       f_head,    // head,
    input  wire logic [11:0]       f_size,    // size,
    input  wire logic              f_set,     // set-up
    output logic      [7:0]        f_live, f_q_live,              // entries of bursts that were begun, and not gone: all, its own
    output logic      [7:0]        f_num, f_due,                  // number of the entry that comes next, and of the one that leaves next
    output logic                   f_due_mine, f_due_bad,         // which is of the queue, of a burst that failed
    output logic      [2:0]        f_m_len, f_n_len,              // entries less one of the burst whose beats come, of the one begun last
    output logic      [7:0]        f_m_at,                        // entries of it that are in
    output logic                   f_n_mine,                      // the one begun last is of the queue,
    output logic      [11:0]       f_n_pos, f_hd_due,             // which had this head then; its head behind what has come
    output logic                   f_out,     // an entry leaves or is thrown away,
    output logic      [QW-1:0]     f_out_qid, // of this queue;
    output logic      [7:0]        f_lost,    // so many of its burst, before it, were thrown away
    output logic      [7:0]        f_held,    // entries here
    output logic      [7:0]        f_beat,    // beats of an entry that is not whole
`endif
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high

    input  wire logic              q_valid,   // event: a burst is begun
    input  wire logic [QW-1:0]     q_qid,
    input  wire logic [2:0]        q_last,    // entries less one
    input  wire logic [11:0]       q_next,    // the head behind it

    input  wire logic              r_valid,   // beats, always taken
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last,

    output logic                   m_valid,   // entry
    input  wire logic              m_ready,
    output logic      [QW-1:0]     m_qid,
    output logic                   m_admin,   // that is queue 0
    output logic      [SQE_W-1:0]  m_sqe,

    output logic                   hd,        // event: a burst has come: the new head for completions
    output logic      [QW-1:0]     hd_qid,
    output logic      [11:0]       hd_head,

    output logic                   rb_valid,  // slots of a burst that failed; stays until rb_ready
    input  wire logic              rb_ready,
    output logic      [3:0]        rb_cnt,
    output logic                   err_valid, // event, with or after them
    output logic      [QW-1:0]     err_qid,
    output logic                   gone,      // event: an entry is not held any more
    output logic                   busy
);

  localparam int BEATS = SQE_W / DATA_W;              // of an entry
  localparam int BW    = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int LW    = $clog2(DEPTH) + 1;

  // --- beats to entries ----------------------------------------------------------------------------
  logic [BW-1:0]    beat_q;
  logic             whole, bad, part_bad_q;   // an entry is complete; its burst failed
  logic [SQE_W-1:0] data, part_q;

  assign whole = r_valid && (BEATS == 1 || beat_q == BW'(BEATS - 1));
  assign bad   = part_bad_q || r_resp[1];
  assign data  = SQE_W'({r_data, part_q} >> DATA_W);

  always_ff @(posedge clk) begin
    if (rst) begin
      beat_q     <= '0;
      part_bad_q <= 1'b0;
    end else if (r_valid) begin
      beat_q     <= whole ? '0 : beat_q + 1'b1;
      part_bad_q <= !r_last && bad;
    end
    if (r_valid) part_q <= data;
  end

  // --- what waits ----------------------------------------------------------------------------------
  logic          f_valid, f_pop, s_valid, s_bad, s_pop, s_none, hd_admin, w_valid, f_room, s_room, w_room;
  logic [2:0]    w_last, s_last, at_q;   // a burst's entries less one; of those, which is next
  logic [QW-1:0] s_qid;
  logic          open, last;
  logic [LW-1:0] f_level, s_level, w_level;

  crl_fifo_bram #(.W(SQE_W), .DEPTH(DEPTH), .OUTREG(1), .BYPASS(1)) u_entries (
      .clk, .rst, .s_valid(whole), .s_ready(f_room), .s_data(data),
      .m_valid(f_valid), .m_ready(f_pop), .m_data(m_sqe), .level(f_level)
  );
  crl_fifo #(.W(QW + 3 + 12), .DEPTH(DEPTH), .OUTREG(1)) u_asked (
      .clk, .rst, .s_valid(q_valid), .s_ready(w_room), .s_data({q_qid, q_last, q_next}),
      .m_valid(w_valid), .m_ready(hd), .m_data({hd_qid, w_last, hd_head}), .level(w_level)
  );
  crl_fifo_head #(.W(2 + QW + 3), .DEPTH(DEPTH)) u_come (
      .clk, .rst, .s_valid(hd), .s_ready(s_room), .s_past(1'b0), .s_data({hd_admin, bad, hd_qid, w_last}),
      .m_valid(s_valid), .m_none(s_none), .m_ready(s_pop), .m_data({m_admin, s_bad, s_qid, s_last}), .level(s_level)
  );

  assign hd       = whole && r_last;
  assign hd_admin = hd_qid == '0;

  // --- out -----------------------------------------------------------------------------------------
  assign open     = f_valid && s_valid;
  assign last     = at_q == s_last;
  assign m_valid  = open && !s_bad;
  assign m_qid    = s_qid;
  assign rb_valid = open && s_bad && last;
  assign rb_cnt   = {1'b0, s_last} + 4'd1;
  assign f_pop    = open && (s_bad ? !last || rb_ready : m_ready);
  assign s_pop    = f_pop && last;
  assign busy     = w_level != '0 || s_level != '0 || gone || err_valid;

  always_ff @(posedge clk) begin
    if (rst) begin
      at_q      <= '0;
      err_valid <= 1'b0;
      gone      <= 1'b0;
    end else begin
      if (f_pop) at_q <= last ? '0 : at_q + 1'b1;
      err_valid <= rb_valid && rb_ready;
      gone      <= f_pop;
    end
    err_qid <= s_qid;
  end

  logic unused;

  assign unused = &{1'b0, r_resp[0], f_room, s_room, s_none, w_room, w_valid, f_level};

`ifdef CRL_GHOST
  logic f_new_q;

  assign f_out     = f_pop;
  assign f_out_qid = s_qid;
  assign f_lost    = s_valid && s_bad ? 8'(at_q) : '0;
  assign f_held    = 8'(f_level);
  assign f_beat    = 8'(beat_q);

  // The bursts from their begin until their last entry is gone, where the FIFOs have them: an entry of the ring says what was pushed, which entries of
  // all and of the queue were begun before, and the queue's head then. So that the claims about entries are claims about neighbours in the ring.
  localparam int RW = LW - 1, EW = LW + 1;   // entries are numbered modulo four times DEPTH

  logic [RW:0]   f_b_req, f_b_come, f_b_gone, f_b_live, f_b_here;  // bursts begun, come, gone; not gone, and of those come
  logic [EW-1:0] f_e_req, f_e_come, f_e_out, f_q_req, f_q_out;     // entries; of the queue
  logic [EW-1:0] f_alive, f_q_alive, f_at_mem;
  logic [QW-1:0] f_r_qid  [0:DEPTH-1];
  logic [2:0]    f_r_len  [0:DEPTH-1];
  logic          f_r_bad  [0:DEPTH-1];
  logic [EW-1:0] f_r_from [0:DEPTH-1];
  logic [EW-1:0] f_r_qcum [0:DEPTH-1];
  logic [11:0]   f_r_pos  [0:DEPTH-1];
  logic [11:0]   f_r_next [0:DEPTH-1];
  logic [RW-1:0] f_new, f_come, f_gone, f_old;
  logic          f_mine;
  integer        i;

  assign f_new      = f_b_req[RW-1:0];
  assign f_come     = f_b_come[RW-1:0];
  assign f_gone     = f_b_gone[RW-1:0];
  assign f_old      = f_new - 1'b1;
  assign f_b_live   = f_b_req - f_b_gone;
  assign f_b_here   = f_b_come - f_b_gone;
  assign f_mine     = q_qid == f_q;
  assign f_alive    = f_e_req - f_e_out;
  assign f_q_alive  = f_q_req - f_q_out;
  assign f_at_mem   = f_e_come - f_r_from[f_come];
  assign f_live     = 8'(f_alive);
  assign f_q_live   = 8'(f_q_alive);
  assign f_num      = 8'(f_e_come);
  assign f_due      = 8'(f_e_out);
  assign f_due_mine = f_r_qid[f_gone] == f_q;
  assign f_due_bad  = f_r_bad[f_gone];
  assign f_m_len    = f_r_len[f_come];
  assign f_m_at     = 8'(f_at_mem);
  assign f_n_len    = f_r_len[f_old];
  assign f_n_mine   = f_r_qid[f_old] == f_q;
  assign f_n_pos    = f_r_pos[f_old];
  assign f_hd_due   = f_b_req != f_b_come ? f_r_pos[f_come] : f_head;

  always @(posedge clk) begin
    f_new_q  <= q_valid && !rst;
    for (i = 0; i < DEPTH; i = i + 1) begin
      if (q_valid && 32'(f_new) == i) begin
        f_r_qid[i]  <= q_qid;
        f_r_len[i]  <= q_last;
        f_r_from[i] <= f_e_req;
        f_r_qcum[i] <= f_q_req;
        f_r_pos[i]  <= f_set ? '0 : f_head;
        f_r_next[i] <= q_next;
      end else if (f_set) f_r_pos[i] <= '0;
      if (hd && 32'(f_come) == i) f_r_bad[i] <= bad;
    end
    if (rst) begin
      {f_b_req, f_b_come, f_b_gone} <= '0;
      {f_e_req, f_e_come, f_e_out, f_q_req, f_q_out} <= '0;
    end else begin
      f_b_req  <= f_b_req + (RW + 1)'(q_valid);
      f_b_come <= f_b_come + (RW + 1)'(hd);
      f_b_gone <= f_b_gone + (RW + 1)'(s_pop);
      f_e_req  <= f_e_req + (q_valid ? EW'(q_last) + 1'b1 : '0);
      f_e_come <= f_e_come + EW'(whole);
      f_e_out  <= f_e_out + EW'(f_pop);
      f_q_req  <= f_q_req + (q_valid && f_mine ? EW'(q_last) + 1'b1 : '0);
      f_q_out  <= f_q_out + EW'(f_pop && s_qid == f_q);
    end
    if (!rst) begin
      assert (!whole || f_room);
      if (at_q != '0) assert (s_valid && at_q <= s_last);
      assert (8'(beat_q) < 8'(BEATS));
    end
  end

`ifdef ORDER
  // A FIFO gives out what it was given, in that order: its own proof. What neighbours promise is assumed where
  // this is proved alone, and proved where it stands; what this block promises of its state, the other way round (a
  // bad state can't be excluded by what neighbours promise in the same cycle: they may do nothing).
`ifdef FIFOS_HOLD
  `define CRL_FIFO assume
`else
  `define CRL_FIFO assert
`endif
`ifdef CRL_GHOST_UNIT
  `define CRL_NEAR assume
  `define CRL_OWN assert
  logic          f_begun_q, f_set_q, f_go_q;
  logic [QW-1:0] f_q_q;
  logic [11:0]   f_head_q, f_size_q, f_next_q;

  initial f_begun_q = 1'b0;
  always @(posedge clk) begin
    f_begun_q <= 1'b1;
    f_set_q   <= f_set;
    f_go_q    <= q_valid && f_mine;
    f_q_q     <= f_q;
    f_head_q  <= f_head;
    f_next_q  <= q_next;
    f_size_q  <= f_size;
  end
  always @* begin
    assume (rst == !f_begun_q);
    if (f_begun_q) begin
      assume (f_q == f_q_q && (f_set_q || f_size == f_size_q));
      assume (f_head == (f_set_q ? 12'd0 : f_go_q ? f_next_q : f_head_q));
    end
  end
`else
  `define CRL_NEAR assert
`ifdef FIFOS_HOLD
  `define CRL_OWN assume
`else
  `define CRL_OWN assert
`endif
`endif
  always @* if (!rst) begin
    if (w_valid) `CRL_FIFO ({hd_qid, w_last, hd_head} == {f_r_qid[f_come], f_r_len[f_come], f_r_next[f_come]});
    if (s_valid) `CRL_FIFO (m_admin == (f_r_qid[f_gone] == '0));
    if (s_valid) `CRL_FIFO ({s_bad, s_qid, s_last} == {f_r_bad[f_gone], f_r_qid[f_gone], f_r_len[f_gone]});
    if (f_valid) `CRL_FIFO (m_sqe == SQE_W'(f_e_out));

    if (q_valid) `CRL_NEAR (f_alive + EW'(q_last) < EW'(DEPTH));
    if (r_valid) `CRL_NEAR (f_b_req - f_b_come > (RW + 1)'(f_new_q));
`ifndef ROOM
    if (q_valid && f_mine) `CRL_NEAR (13'(f_head) + 13'(q_last) <= 13'(f_size)
                                      && q_next == (13'(f_head) + 13'(q_last) == 13'(f_size) ? 12'd0 : f_head + 12'(q_last) + 12'd1));
    if (f_set) `CRL_NEAR (f_q_alive == '0 && !(q_valid && f_mine));
`endif
  end
  always @* if (!rst && r_valid) begin
    // Memory: bursts and beats in order; an entry's beats hold its number, r_last is up with a burst's last one.
`ifdef BREAK_ORDER
    assume (r_last == (f_at_mem + 1'b1 == EW'(f_m_len) && 32'(beat_q) == BEATS - 1));   // a fault: one entry too early
`else
    assume (r_last == (f_at_mem == EW'(f_m_len) && 32'(beat_q) == BEATS - 1));
`endif
    assume (r_data == DATA_W'(SQE_W'(f_e_come) >> (DATA_W * beat_q)));
  end

  always @* if (!rst) begin
    if (hd) assert (w_valid && s_room);
    if (q_valid) assert (w_room);
    if (BEATS == 1 && whole) assert (data == SQE_W'(f_e_come));
    if (BEATS == 2 && beat_q != '0) `CRL_OWN (part_q[SQE_W-1 -: DATA_W] == DATA_W'(f_e_come));
    if (BEATS == 2 && whole) assert (data == SQE_W'(f_e_come));
    if (m_valid) assert (m_sqe == SQE_W'(f_e_out) && !f_due_bad && m_qid == f_r_qid[f_gone]);
    `CRL_OWN (32'(f_b_live) <= DEPTH && f_b_here <= f_b_live && w_level == f_b_req - f_b_come && s_level == f_b_here);
    if (!w_valid) `CRL_OWN (w_level == LW'(f_new_q));
    else          `CRL_OWN (w_level != '0);
    if (f_valid) `CRL_OWN (f_level != '0);
    `CRL_OWN (f_level == LW'(f_e_come - f_e_out) && f_alive <= EW'(DEPTH) && EW'(f_level) <= f_alive && f_q_alive <= f_alive);
    if (f_b_here == '0) `CRL_OWN (at_q == '0);
    if (f_b_live == '0) `CRL_OWN (at_q == '0 && f_alive == '0 && f_q_alive == '0);
    else begin
      `CRL_OWN (at_q <= f_r_len[f_gone] && EW'(f_r_from[f_gone] + EW'(at_q)) == f_e_out);
      `CRL_OWN (EW'(f_r_qcum[f_gone] + (f_due_mine ? EW'(at_q) : '0)) == f_q_out);
    end
    if (f_b_req == f_b_come) `CRL_OWN (f_e_come == f_e_req && beat_q == '0);
    else                     `CRL_OWN (f_at_mem <= EW'(f_m_len));
  end

  // The ring: each burst and the next, or what is begun next.
  genvar g;
  generate
    for (g = 0; g < DEPTH; g = g + 1) begin : g_ring
      localparam int N = (g + 1) % DEPTH;

      logic          f_at, f_end;      // there is such a burst; it is the last
      logic [RW-1:0] f_off;
      logic [EW-1:0] f_cnt, f_own, f_rest, f_q_rest;
      logic [12:0]   f_last;

      assign f_off    = RW'(g) - f_gone;
      assign f_at     = {1'b0, f_off} < f_b_live;
      assign f_end    = {1'b0, f_off} + 1'b1 == f_b_live;
      assign f_cnt    = EW'(f_r_len[g]) + 1'b1;
      assign f_own    = f_r_qid[g] == f_q ? f_cnt : '0;
      assign f_rest   = f_e_req - f_r_from[g];
      assign f_q_rest = f_q_req - f_r_qcum[g];
      assign f_last   = 13'(f_r_pos[g]) + 13'(f_r_len[g]);

      always @* if (!rst && f_at) begin
        `CRL_OWN ((f_end ? f_e_req : f_r_from[N]) == EW'(f_r_from[g] + f_cnt));
        `CRL_OWN ((f_end ? f_q_req : f_r_qcum[N]) == EW'(f_r_qcum[g] + f_own));
        `CRL_OWN (f_rest <= EW'(f_alive + EW'(at_q)) && f_rest >= EW'(f_b_live) - EW'(f_off) && f_q_rest <= f_rest);
        if (f_off != '0) `CRL_OWN (f_q_rest <= f_q_alive && f_rest < f_alive);
`ifndef ROOM
        `CRL_OWN ((f_end ? f_head : f_r_pos[N]) == (f_own != '0 ? f_r_next[g] : f_r_pos[g]));
        if (f_own != '0) `CRL_OWN (f_last <= {1'b0, f_size} && f_r_next[g] == (f_last == {1'b0, f_size} ? 12'd0 : 12'(f_last + 13'd1)));
`endif
      end
    end
  endgenerate
`ifdef CRL_GHOST_UNIT
  always @* if (!rst) begin
    cover (f_pop && f_due_mine && !s_bad && f_due == 8'd3 && f_hd_due == '0 && f_size == 12'd2);   // it has wrapped
    cover (err_valid && f_pop && m_valid);
    cover (f_alive == EW'(DEPTH) && f_q_alive == EW'(2));
  end
`endif
`undef CRL_FIFO
`undef CRL_NEAR
`undef CRL_OWN
`endif
`endif

endmodule

`default_nettype wire
