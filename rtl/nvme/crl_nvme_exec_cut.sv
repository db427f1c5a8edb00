// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_exec_cut: cuts the chunks of one command after the other.
//
// How: a command comes out of the queue (x_*) in the order in which it was taken. Its chunks are cut where the namespace's address
//   is a multiple of MAX_BURST_BYTES, and where a piece ends: pieces don't cross a page, and pages consist of bursts. A command
//   without pieces is cut over its span. The pieces of a Dataset Management command go to crl_nvme_exec_dsm, and the next command
//   follows; its ranges come back later as a run of their own between two commands, which ends with a chunk of length 0.
//   A command that is to end (killed, aborted, dropped) has no more chunks cut, but for the rest of a page of the namespace that it has begun to
//   write: no part of a block is ever written alone. Its pieces are thrown away, to the last, so that nobody walks for it any more, and
//   a chunk of length 0 ends it.
//   Nothing is begun in the cycle of a kill or of an abort (pause): so they count from that cycle on.
// Latency: a piece to k_valid 1 cycle, 2 where the next piece has to be seen. Throughput: a chunk a cycle; a cycle between commands.
`default_nettype none

module crl_nvme_exec_cut #(
    parameter int QW     = 4,
    parameter int FUNC_W = 8,
    parameter int OW     = 5,
    parameter int MAX_BURST_BYTES = 512
) (
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high

    input  wire logic              x_valid,    // command, in order
    output logic                   x_ready,
    input  wire logic [2:0]        x_op,       // X_* of crl_nvme_exec_take
    input  wire logic [OW-1:0]     x_slot,
    input  wire logic [QW-1:0]     x_qid,
    input  wire logic [FUNC_W-1:0] x_func,
    input  wire logic [63:0]       x_addr,
    input  wire logic [28:0]       x_span,

    output logic      [QW-1:0]     qid,        // of the command that is at work in the next cycle,
    input  wire logic              kd_on,      // whose queue is killed then,
    input  wire logic [10:0]       kd_status,  //   with this status
    input  wire logic              drop_all,
    input  wire logic              mark,       // the oldest command that has not begun is aborted
    input  wire logic              pause,      // begin and cut nothing in this cycle
    output logic                   begun,      // event: the oldest command that has not begun begins, or is to end

    input  wire logic              p_valid,    // pieces of crl_nvme_prp
    output logic                   p_ready,
    input  wire logic [63:0]       p_addr,
    input  wire logic [12:0]       p_len,
    input  wire logic              p_last,
    input  wire logic              p_error,
    input  wire logic [10:0]       p_status,

    input  wire logic              d_free,     // crl_nvme_exec_dsm has no command
    output logic                   d_valid,    // the piece that is offered is of the one of x_*
    input  wire logic              d_ready,
    input  wire logic              d_run,      // its list is read and judged
    input  wire logic [QW-1:0]     d_qid,
    input  wire logic [OW-1:0]     d_slot,
    input  wire logic              i_valid,    // range to be zeroed
    output logic                   i_ready,
    input  wire logic [63:0]       i_addr,
    input  wire logic [43:0]       i_span,
    input  wire logic              i_end,      // there is none left
    input  wire logic [10:0]       i_status,   // of the command
    output logic                   d_over,     // event: its run has ended

    output logic                   k_valid,    // as in crl_nvme_move
    input  wire logic              k_ready,
    output logic      [1:0]        k_kind,
    output logic      [63:0]       k_src,
    output logic      [63:0]       k_dst,
    output logic      [11:0]       k_len,
    output logic      [FUNC_W-1:0] k_src_func,
    output logic      [FUNC_W-1:0] k_dst_func,
    output logic                   k_to_host,
    output logic      [OW-1:0]     k_tag,
    output logic                   k_first,
    output logic                   k_last,
    output logic      [10:0]       k_status
`ifdef CRL_GHOST
    , output logic                 f_held      // of crl_nvme_exec_piece; then what proofs look at here
    , output logic                 f_last
    , output logic    [63:0]       f_addr
    , output logic    [12:0]       f_left
    , output logic    [2:0]        f_state
    , output logic    [2:0]        f_op
    , output logic                 f_run
    , output logic                 f_first
    , output logic                 f_open
    , output logic                 f_new
    , output logic    [OW-1:0]     f_slot
    , output logic    [63:0]       f_at
    , output logic    [43:0]       f_span
    , output logic                 f_emit
    , output logic                 f_end       // with it: the command's last
`endif
);

  localparam logic [2:0] X_READ = 3'd0, X_WRITE = 3'd1, X_COMPARE = 3'd2, X_ZEROES = 3'd3, X_VERIFY = 3'd4, X_DSM = 3'd5;
  localparam logic [1:0] COPY = 2'd0, ZERO = 2'd1, CHECK = 2'd2, COMPARE = 2'd3;
  localparam logic [2:0] S_IDLE = 3'd0, S_PIECE = 3'd1, S_SPAN = 3'd2, S_RANGE = 3'd3, S_FEED = 3'd4, S_DROP = 3'd5, S_END = 3'd6;
  localparam int LB = $clog2(MAX_BURST_BYTES);

  // --- the command at work -----------------------------------------------------------------------
  logic [2:0]        state_q, state_d;
  logic [2:0]        op_q;
  logic [OW-1:0]     slot_q;
  logic [QW-1:0]     qid_q;
  logic [FUNC_W-1:0] func_q;
  logic              run_q;               // the run of a Dataset Management command
  logic              first_q;             // no chunk of it was cut
  logic              open_q;              // it has not begun
  logic [63:0]       at_q;                // the namespace's address of the next chunk
  logic [43:0]       left_q;              // bytes of the span
  logic [10:0]       status_q;            // that it is to end with
  logic              new_q;               // no chunk was cut of the span or range at work
  logic              told;                // it is to end,
  logic              torn;                //   but a page of the namespace is written in part,
  logic              stop;                //   or it is not
  logic [10:0]       stop_status;

  assign qid         = state_q != S_IDLE ? qid_q : d_run ? d_qid : x_qid;
  assign told        = kd_on || drop_all || (open_q && mark);
  assign torn        = (op_q == X_WRITE || op_q == X_ZEROES) && !new_q && at_q[11:0] != '0;
  assign stop        = told && !torn;
  assign stop_status = (open_q && mark) || !kd_on ? crl_pkg::NVME_STATUS_ABORT_REQUESTED : kd_status;

  // --- a chunk -----------------------------------------------------------------------------------
  logic              use_c, use_f, drain, flush, gone, c_valid, c_take, c_last, c_error, room, emit, fin, reach, last, spans;
  logic [63:0]       c_addr;
  logic [12:0]       c_left, avail;
  logic [10:0]       c_status;
  logic [LB:0]       step, near;          // bytes to the next multiple of MAX_BURST_BYTES
  logic [LB-1:0]     at_low;

  crl_nvme_exec_piece #(.STEP_W(LB + 1)) u_piece (
      .clk, .rst, .p_valid, .p_ready, .p_addr, .p_len, .p_last, .p_error, .p_status,
      .use_c, .use_f, .f_ready(d_ready), .drain, .flush, .gone, .write(op_q == X_WRITE), .ns_low(at_q[11:0]),
`ifdef CRL_GHOST
      .f_held, .f_last, .f_addr, .f_left,
`endif
      .c_valid, .c_take, .c_fin(fin), .c_step(step), .c_addr, .c_left, .c_last, .c_error, .c_status
  );

  assign room   = !k_valid || k_ready;
  assign spans  = state_q == S_SPAN;
  assign avail  = !spans ? c_left : left_q[43:12] != '0 ? 13'd4096 : left_q[12:0];
  assign at_low = at_q[LB-1:0];
  assign step   = (LB + 1)'(MAX_BURST_BYTES) - {1'b0, at_low};
  assign fin    = avail <= 13'(step);
  assign reach  = avail >= 13'(step);
  assign near   = {1'b0, at_low} + avail[LB:0];   // where it ends, if not at the multiple
  assign last   = spans ? fin && !run_q : c_error || (fin && c_last);

  always_comb begin
    state_d = state_q;
    x_ready = 1'b0;
    d_valid = 1'b0;
    d_over  = 1'b0;
    i_ready = 1'b0;
    use_c   = 1'b0;
    use_f   = 1'b0;
    drain   = 1'b0;
    flush   = 1'b0;
    c_take  = 1'b0;
    emit    = 1'b0;
    begun   = 1'b0;
    case (state_q)
      S_IDLE: begin
        if (d_run) state_d = S_RANGE;
        else if (x_valid) begin
          x_ready = x_op != X_DSM;
          if (x_op == X_DSM)                              state_d = d_free ? S_FEED : S_IDLE;
          else if (x_op == X_ZEROES || x_op == X_VERIFY)  state_d = S_SPAN;
          else                                            state_d = S_PIECE;
        end
      end
      S_PIECE: begin
        use_c  = !pause && !stop;
        c_take = use_c && c_valid && room;
        emit   = c_take;
        flush  = !pause && stop;
        begun  = open_q && (emit || flush);
        if (flush)             state_d = gone ? S_END : S_DROP;
        else if (emit && last) state_d = S_IDLE;
      end
      S_SPAN: begin
        emit  = !pause && !stop && room;
        begun = open_q && !pause && (stop || room);
        if (!pause && stop)   state_d = run_q ? S_RANGE : S_END;
        else if (emit && fin) state_d = run_q ? S_RANGE : S_IDLE;
      end
      S_RANGE: begin
        if (!pause) begin
          i_ready = !told && !i_end;
          if (told || i_end) state_d = S_END;
          else if (i_valid)  state_d = S_SPAN;
        end
      end
      S_FEED: begin
        use_f   = !pause && !(stop && open_q);
        d_valid = use_f && p_valid;
        begun   = open_q && ((d_valid && d_ready) || (!pause && stop));
        if (!pause && stop && open_q) begin
          x_ready = 1'b1;
          state_d = S_DROP;
        end else if (d_valid && d_ready && p_last) begin
          x_ready = 1'b1;
          state_d = S_IDLE;
        end
      end
      S_DROP: begin
        drain = 1'b1;
        if (p_valid && p_last) state_d = S_END;
      end
      default: begin  // S_END
        emit   = room;
        d_over = room && run_q;
        if (room) state_d = S_IDLE;
      end
    endcase
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q <= S_IDLE;
      k_valid <= 1'b0;
    end else begin
      state_q <= state_d;
      if (emit)         k_valid <= 1'b1;
      else if (k_ready) k_valid <= 1'b0;
    end

    if (state_q == S_IDLE) begin
      run_q   <= d_run;
      op_q    <= d_run ? X_ZEROES : x_op;
      slot_q  <= d_run ? d_slot : x_slot;
      func_q  <= x_func;
      first_q <= 1'b1;
      open_q  <= !d_run;
    end else begin
      if (emit)  first_q <= 1'b0;
      if (begun) open_q  <= 1'b0;
    end

    qid_q <= qid;

    // A run that had failed before it was killed ends as it would.
    if (state_q == S_RANGE)
      status_q <= i_status != crl_pkg::NVME_STATUS_SUCCESS || !told ? i_status : stop_status;
    else if (state_q != S_DROP && state_q != S_END) status_q <= stop_status;

    if (state_q == S_IDLE || state_q == S_RANGE) new_q <= 1'b1;
    else if (emit)                               new_q <= 1'b0;
    if (state_q == S_IDLE || state_q == S_RANGE) begin
      at_q   <= state_q == S_IDLE ? x_addr : i_addr;
      left_q <= state_q == S_IDLE ? {15'd0, x_span} : i_span;
    end else if (emit) begin
      at_q[LB-1:0]  <= reach ? '0 : near[LB-1:0];
      at_q[63:LB]   <= reach ? at_q[63:LB] + 1'b1 : at_q[63:LB];
      left_q        <= left_q - 44'(step);
    end
  end

  // --- out ---------------------------------------------------------------------------------------
  logic from_ns;   // the source is the namespace

  assign from_ns = op_q == X_READ || op_q == X_VERIFY;

  always_ff @(posedge clk) begin
    if (room) begin
      case (op_q)
        X_ZEROES:  k_kind <= ZERO;
        X_VERIFY:  k_kind <= CHECK;
        X_COMPARE: k_kind <= COMPARE;
        default:   k_kind <= COPY;
      endcase
      k_src      <= from_ns ? at_q : c_addr;
      k_dst      <= op_q == X_READ ? c_addr : at_q;
      k_len      <= state_q == S_END || (!spans && c_error) ? '0 : fin ? avail[11:0] : 12'(step);
      k_src_func <= op_q == X_WRITE || op_q == X_COMPARE ? func_q : '0;
      k_dst_func <= op_q == X_READ ? func_q : '0;
      k_to_host  <= op_q == X_READ;
      k_tag      <= slot_q;
      k_first    <= first_q;
      k_last     <= state_q == S_END || last;
      k_status   <= state_q == S_END ? status_q : spans || !c_error ? crl_pkg::NVME_STATUS_SUCCESS : c_status;
    end
  end

`ifdef CRL_GHOST
  assign f_state = state_q;
  assign f_op    = op_q;
  assign f_run   = run_q;
  assign f_first = first_q;
  assign f_open  = open_q;
  assign f_new   = new_q;
  assign f_slot  = slot_q;
  assign f_at    = at_q;
  assign f_span  = left_q;
  assign f_emit  = emit;
  assign f_end   = state_q == S_END || last;
`endif

  logic unused;
  assign unused = &{1'b0, near[LB], avail[12]};

endmodule

`default_nettype wire
