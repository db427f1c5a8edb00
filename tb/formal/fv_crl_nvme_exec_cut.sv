// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_exec_cut: any commands, pieces, ranges, kills, aborts and pauses. By induction: a chunk touches nothing of the namespace outside
// the command's span (or the judged range), and nothing of the host's memory outside the piece that was given; it crosses neither
// a multiple of the largest burst nor a page; every command has one run of chunks, with one first and one last, under its tag;
// of a Write that ends with a refused piece, and of a Write, Write Zeroes or range that is killed, only whole pages of the namespace
// were cut (or none of the first, or all of the range).
// Pieces are what crl_nvme_prp gives: together the command's bytes; all but the first begin a page, all but the last end one.
`default_nettype none

module fv_crl_nvme_exec_cut #(
    parameter int MAX_BURST_BYTES = 512
) (
    input wire        clk,
    input wire        rst,
    input wire        x_valid,
    input wire [2:0]  x_op,
    input wire [1:0]  x_slot,
    input wire        x_qid,
    input wire        x_func,
    input wire [63:0] x_addr,
    input wire [28:0] x_span,
    input wire        kd_on,
    input wire [10:0] kd_status,
    input wire        drop_all,
    input wire        mark,
    input wire        pause,
    input wire        p_valid,
    input wire [63:0] p_addr,
    input wire [12:0] p_len,
    input wire        p_last,
    input wire        p_error,
    input wire [10:0] p_status,
    input wire        d_free,
    input wire        d_ready,
    input wire        d_run,
    input wire        d_qid,
    input wire [1:0]  d_slot,
    input wire        i_valid,
    input wire [63:0] i_addr,
    input wire [43:0] i_span,
    input wire        i_end,
    input wire [10:0] i_status,
    input wire        k_ready
);

  localparam [2:0] S_IDLE = 0, S_PIECE = 1, S_SPAN = 2, S_RANGE = 3, S_FEED = 4, S_DROP = 5, S_END = 6;
  localparam [2:0] WRITE = 1, ZEROES = 3, VERIFY = 4, DSM = 5;

  wire        x_ready, qid, begun, p_ready, d_valid, i_ready, d_over;
  wire        k_valid, k_src_func, k_dst_func, k_to_host, k_first, k_last;
  wire [1:0]  k_kind, k_tag;
  wire [63:0] k_src, k_dst;
  wire [11:0] k_len;
  wire [10:0] k_status;
  wire        f_held, f_last, f_run, f_first, f_open, f_new, f_emit, f_end;
  wire [63:0] f_addr, f_at;
  wire [12:0] f_left;
  wire [2:0]  f_state, f_op;
  wire [43:0] f_span;
  wire [1:0]  f_slot;

  crl_nvme_exec_cut #(.QW(1), .FUNC_W(1), .OW(2), .MAX_BURST_BYTES(MAX_BURST_BYTES)) u_dut (
      .clk, .rst, .x_valid, .x_ready, .x_op, .x_slot, .x_qid, .x_func, .x_addr, .x_span,
      .qid, .kd_on, .kd_status, .drop_all, .mark, .pause, .begun,
      .p_valid, .p_ready, .p_addr, .p_len, .p_last, .p_error, .p_status,
      .d_free, .d_valid, .d_ready, .d_run, .d_qid, .d_slot, .i_valid, .i_ready, .i_addr, .i_span, .i_end, .i_status, .d_over,
      .k_valid, .k_ready, .k_kind, .k_src, .k_dst, .k_len, .k_src_func, .k_dst_func, .k_to_host, .k_tag, .k_first, .k_last, .k_status,
      .f_held, .f_last, .f_addr, .f_left, .f_state, .f_op, .f_run, .f_first, .f_open, .f_new, .f_slot, .f_at, .f_span, .f_emit, .f_end
  );

  // --- the command at work -----------------------------------------------------------------------
  reg         past = 1'b0;
  reg         g_on;               // its last chunk was not cut
  reg         g_fed;              // a piece of it went to crl_nvme_exec_dsm
  reg  [63:0] base, pa;           // span or range; the piece that was given last
  reg  [43:0] span;
  reg  [28:0] got;                // bytes of pieces
  reg  [12:0] pl;
  reg  [1:0]  slot;
  wire        idle  = f_state == S_IDLE;
  wire        loads = idle && (d_run || (x_valid && (x_op != DSM || d_free)));
  wire        pops  = p_valid && p_ready;
  wire [63:0] done  = f_at - base;
  wire        walks = x_op != ZEROES && x_op != VERIFY;

  always @(posedge clk) begin
    past <= 1'b1;
    if (rst) begin
      g_on  <= 1'b0;
      g_fed <= 1'b0;
    end else begin
      if (loads) g_on <= 1'b1;
      if (f_state == S_FEED && d_valid && d_ready && p_last) g_on <= 1'b0;
      if (f_emit && f_end) g_on <= 1'b0;
      if (idle) g_fed <= 1'b0;
      else if (d_valid && d_ready) g_fed <= 1'b1;
    end
    if (idle) begin
      base <= x_addr;
      span <= {15'd0, x_span};
      slot <= d_run ? d_slot : x_slot;
      got  <= 29'd0;
    end else if (f_state == S_RANGE) begin
      base <= i_addr;
      span <= i_span;
    end
    if (f_state == S_PIECE && pops && !p_error) begin
      got <= got + {16'd0, p_len};
      pa  <= p_addr;
      pl  <= p_len;
    end
  end

  // --- what the neighbours do --------------------------------------------------------------------
  reg          p_stall = 1'b0, x_stall = 1'b0;
  reg  [89:0]  p_was;
  reg  [99:0]  x_was;
  wire [89:0]  p_now = {p_status, p_error, p_last, p_len, p_addr};
  wire [99:0]  x_now = {x_op, x_slot, x_qid, x_func, x_addr, x_span};

  always @(posedge clk) begin
    p_stall <= !rst && p_valid && !p_ready;
    x_stall <= !rst && x_valid && !x_ready;
    p_was   <= p_now;
    x_was   <= x_now;
  end

  always @* begin
    if (!past) assume (rst);
    if (p_stall) assume (p_valid && p_now == p_was);
    if (x_stall) assume (x_valid && x_now == x_was);
    assume (x_op <= DSM && x_addr[8:0] == 9'd0);
    if (x_op != DSM) assume (x_span != 29'd0 && x_span[8:0] == 9'd0 && x_span <= (walks ? 29'h100000 : 29'h10000000));
    assume (i_span != 44'd0 && i_span[8:0] == 9'd0 && i_addr[8:0] == 9'd0);
    if (f_state == S_FEED) assume (x_valid && x_op == DSM && !d_run);   // its list is not read yet
    if (p_error) assume (p_last);
    else assume (p_len != 13'd0 && {1'b0, p_addr[11:0]} + {1'b0, p_len} <= 14'd4096);
    if (f_state == S_PIECE && p_valid && !p_error) begin
`ifndef BREAK_PIECES
      assume ({15'd0, got} + {31'd0, p_len} <= span);
`endif
      assume (p_last == ({15'd0, got} + {31'd0, p_len} == span));
      if (got != 29'd0) assume (p_addr[11:0] == 12'd0);
      if (!p_last) assume ({1'b0, p_addr[11:0]} + p_len == 13'd4096);
    end
  end

  // --- chunks ------------------------------------------------------------------------------------
  reg         k_stall = 1'b0;
  reg  [63:0] r_base, r_pa;
  reg  [43:0] r_span;
  reg  [12:0] r_pl;
  reg  [1:0]  r_slot;
  reg         r_first, r_on, r_host, r_end;
  reg         l_run = 1'b0;           // a range was cut a cycle ago,
  reg  [63:0] l_base;                 //   which is this
  reg  [43:0] l_span;
  reg  [164:0] k_was;
  wire [164:0] k_is = {k_kind, k_src, k_dst, k_len, k_src_func, k_dst_func, k_to_host, k_tag, k_first, k_last, k_status};
  wire        from_ns = k_kind == 2'd2 || (k_kind == 2'd0 && k_to_host);
  wire [63:0] k_ns    = from_ns ? k_src : k_dst;
  wire [63:0] k_host  = from_ns ? k_dst : k_src;

  wire [12:0] page = {1'b0, f_at[11:0]} + f_left;
  wire        torn = f_op == WRITE && !f_last && !page[12] && p_error;

  always @(posedge clk) begin
    k_stall <= !rst && k_valid && !k_ready;
    k_was   <= k_is;
    l_run   <= !rst && f_state == S_SPAN && f_run;
    l_base  <= base;
    l_span  <= span;
    if (f_emit) begin
      r_base  <= base;
      r_span  <= span;
      r_pa    <= f_held ? pa : p_addr;
      r_pl    <= f_held ? pl : p_len;
      r_slot  <= slot;
      r_first <= f_first;
      r_on    <= g_on;
      r_end   <= f_end;
      r_host  <= f_state == S_PIECE;
    end

    if (past && !rst) begin
      if (k_stall) assert (k_valid && k_is == k_was);
      if (k_valid) begin
        assert (r_on && k_tag == r_slot && k_first == r_first && k_last == r_end);
        assert (32'(k_len) <= MAX_BURST_BYTES);
        if (k_len != 12'd0) begin
          assert ({1'b0, k_ns - r_base} + {53'd0, k_len} <= {21'd0, r_span});
          assert ((k_ns[11:0] & 12'(MAX_BURST_BYTES - 1)) + k_len <= 12'(MAX_BURST_BYTES));
          if (r_host) begin
            assert ({1'b0, k_host - r_pa} + {53'd0, k_len} <= {52'd0, r_pl});
            assert ({1'b0, k_host[11:0]} + {1'b0, k_len} <= 13'd4096);
          end else assert (k_kind == 2'd1 || k_kind == 2'd2);
        end else assert (k_last);
      end

      // Invariants.
      assert (f_state <= S_END && (idle || f_op <= DSM));
      assert (g_on == !idle);
      if (!idle) assert (f_slot == slot);
      if (f_held) assert (f_state == S_PIECE);
      if (f_state == S_PIECE || f_state == S_SPAN) assert (f_new == (done == 64'd0));
      if (f_run) assert (idle || f_state == S_RANGE || f_state == S_SPAN || f_state == S_END);
      if (f_run && !idle) assert (f_op == ZEROES && !f_open);
      if (!f_first && !idle) assert (!f_open);
      if (f_state == S_RANGE) assert (f_run);
      if (f_state == S_DROP || f_state == S_END) assert (!f_open);
      if (f_state == S_FEED) assert (f_op == DSM && f_first && g_fed == !f_open);
      if (f_state == S_PIECE) begin
        assert (f_op < ZEROES && span <= 44'h100000 && span[8:0] == 9'd0 && base[8:0] == 9'd0);
        assert (done == {35'd0, got} - (f_held ? {51'd0, f_left} : 64'd0) && {15'd0, got} <= span);
        if (!f_held) assert ({15'd0, got} < span);
        if (f_held) begin
          assert (f_left != 13'd0 && f_left <= pl && {15'd0, got} >= {31'd0, pl} && f_last == ({15'd0, got} == span));
          assert (f_addr - pa == {51'd0, pl - f_left} && {1'b0, pa[11:0]} + {1'b0, pl} <= 14'd4096 && pl <= 13'd4096);
          assert (f_last || {1'b0, pa[11:0]} + pl == 13'd4096);
        end
        if (done != 64'd0) assert (!f_first);
        // Inside a page of the namespace that a Write has begun: the rest of it is there.
        if (f_op == WRITE && done != 64'd0 && f_at[11:0] != 12'd0) begin
          assert (f_held ? f_last || page[12] || (p_valid && !p_error) : p_valid && !p_error);
        end
        if (f_op == WRITE && f_emit && (f_held ? torn : p_error)) assert (done == 64'd0 || f_at[11:0] == 12'd0);
      end
      if ((f_state == S_DROP || f_state == S_END) && !f_run && (f_op == WRITE || f_op == ZEROES))
        assert (done == 64'd0 || f_at[11:0] == 12'd0);
      if (l_run && f_state == S_RANGE)
        assert (f_at == l_base || f_at[11:0] == 12'd0 || f_at - l_base == {20'd0, l_span});
      if (f_state == S_SPAN) begin
        assert (f_op == ZEROES || f_op == VERIFY);
        assert (f_span != 44'd0 && f_span <= span && done == {20'd0, span - f_span});
        assert (span[8:0] == 9'd0 && base[8:0] == 9'd0);
      end
      cover (k_valid && k_last && !k_first && k_len == 12'd512 && k_kind == 2'd0 && !k_to_host);
      cover (k_valid && k_last && k_len == 12'd0 && !k_first && r_host && k_status != 11'd0 && f_op == WRITE);
      cover (k_valid && k_kind == 2'd1 && f_run && f_state == S_SPAN && !k_first);
      cover (k_valid && k_last && k_status == kd_status && kd_on && !k_first && k_len == 12'd0);
      cover (f_held && f_op == WRITE && f_emit && !page[12] && !f_last);
      cover (f_state == S_FEED && g_fed);
      cover (f_emit && kd_on && !pause && f_op == WRITE && f_state == S_PIECE && !f_first);   // it goes on to the end of its page
    end
  end

endmodule

`default_nettype wire
