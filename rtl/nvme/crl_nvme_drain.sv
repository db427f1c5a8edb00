// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_drain: brings everything of one queue, or of all, to its end.
//
// How: a state for each wait, in the order in which a command goes: grant, fetch, execution, PRP lists and mover, entry. Each
//   state holds up what would bring new work to the place that it waits for, and looks at it only after a few cycles: a stop
//   goes through the mailbox, an idle follows a hand-over by a cycle.
//   A queue: stop, no grant out, kill, fetch empty, not in execution, no list is read, entries written. All: the same without arbiter
//   and kill, with the mover. The walker stops only when nothing of it is in execution (a command that waits for its list would never
//   end); it is waited for, since a command that is refused ends while the rest of its list is still read.
// Latency: go to stop_we or f_stop 1 cycle; then as long as the neighbours take, and 6 cycles a state. done with the last one.
// Assumes: go only while busy is 0. Commands are counted by pipe_empty from the cycle after fetch hands them over, by x_busy and x_idle
//   from the one after pipe_empty lets go of them. With all queues, the arbiter grants nothing.
`default_nettype none

module crl_nvme_drain #(
    parameter int QUEUES = 8,    // I/O queue pairs, 1 to 128
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic          clk,
    input  wire logic          rst,          // synchronous, active high

    input  wire logic          go,           // event
    input  wire logic [1:0]    what,         // 0 a queue, 1 all, dropped; 2 all, executed
    input  wire logic [QW-1:0] qid,
    input  wire logic [10:0]   status,       // of what is killed
    input  wire logic          drop,         // it posts nothing
    output logic               done,         // event
    output logic               busy,

    output logic               stop_we,      // event: the queue is stopped in the arbiter
    output logic      [QW-1:0] stop_qid,
    output logic      [QW-1:0] g_busy_qid,
    input  wire logic          g_busy,       // a grant of it is out

    output logic               f_stop,       // fetch
    input  wire logic          f_idle,
    input  wire logic          pipe_empty,   // no command between fetch and execution

    output logic               kill_we,      // execution
    output logic      [QW-1:0] kill_qid,
    output logic      [10:0]   kill_status,
    output logic               kill_drop,
    output logic               drop_all,
    output logic      [QW-1:0] busy_qid,
    input  wire logic          x_busy,       // of busy_qid
    input  wire logic          x_idle,

    output logic               z_hold,       // no completion is handed over
    input  wire logic          c_idle,       // all entries are written
    output logic               p_stop,       // PRP lists
    input  wire logic          p_idle,
    input  wire logic          m_idle,       // mover

    output logic               dropping      // all of them, dropped
`ifdef FORMAL
    , output logic       [2:0] f_state       // proofs look at it
    , output logic       [1:0] f_settle
    , output logic             f_all
`endif
);

  initial if (QUEUES < 1 || QUEUES > 128) $fatal(1, "crl_nvme_drain: QUEUES must be 1 to 128");

  localparam logic [1:0] SETTLE = 2'd3;      // cycles before a state looks

  typedef enum logic [2:0] {IDLE, STOP, KILL, FETCH, EXEC, WALK, POST} state_t;

  state_t        state_q, state_d;
  logic [1:0]    settle_q;
  logic          all_q, all_d, dropping_q, drop_q;
  logic [QW-1:0] qid_q;
  logic [10:0]   status_q;
  logic          over, over_q;               // what the state waits for is there; was, when it was looked at
  logic          step;
  logic          g_busy_q, x_busy_q;         // as it was a cycle ago, when the state looked already

  always_comb begin
    case (state_q)
      STOP:    over = !g_busy_q;
      KILL:    over = 1'b1;
      FETCH:   over = f_idle && pipe_empty;
      EXEC:    over = all_q ? x_idle : !x_busy_q;
      WALK:    over = p_idle && (m_idle || !all_q);
      POST:    over = c_idle;
      default: over = 1'b0;
    endcase
  end

  assign step = over_q;

  always_comb begin
    state_d = state_q;
    if (state_q == IDLE) begin
      if (go && what == 2'd0) state_d = STOP;
      else if (go)            state_d = FETCH;
    end else if (step) begin
      case (state_q)
        STOP:    state_d = KILL;
        KILL:    state_d = FETCH;
        FETCH:   state_d = EXEC;
        EXEC:    state_d = WALK;
        WALK:    state_d = POST;
        default: state_d = IDLE;
      endcase
    end
  end

  assign all_d = state_q == IDLE ? what != 2'd0 : all_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q    <= IDLE;
      stop_we    <= 1'b0;
      kill_we    <= 1'b0;
      done       <= 1'b0;
      dropping_q <= 1'b0;
      f_stop     <= 1'b0;
    end else begin
      state_q <= state_d;
      f_stop  <= state_d == FETCH || (all_d && state_d != IDLE);   // from a register: it goes far
      stop_we <= go && !busy && what == 2'd0;
      kill_we <= state_q == STOP && step;
      done    <= state_q == POST && step;
      if (state_q == IDLE)              dropping_q <= go && what == 2'd1;
      else if (state_q == POST && step) dropping_q <= 1'b0;
    end
    if (state_q == IDLE || step) settle_q <= SETTLE;
    else if (settle_q != '0)     settle_q <= settle_q - 2'd1;
    all_q  <= all_d;
    over_q <= over && settle_q == '0 && !step;
    g_busy_q <= g_busy || settle_q != '0;
    x_busy_q <= x_busy || settle_q != '0;
    if (state_q == IDLE) begin
      qid_q    <= qid;
      status_q <= status;
      drop_q   <= drop;
    end
  end

  assign busy        = state_q != IDLE;
  assign stop_qid    = qid_q;
  assign g_busy_qid  = qid_q;
  assign busy_qid    = qid_q;
  assign kill_qid    = qid_q;
  assign kill_status = status_q;
  assign kill_drop   = drop_q;
  assign p_stop      = state_q == WALK || (all_q && state_q == POST);
  assign z_hold      = state_q == POST;
  assign dropping    = dropping_q;
  assign drop_all    = dropping_q;

`ifdef FORMAL
  assign f_state  = state_q;
  assign f_settle = settle_q;
  assign f_all    = all_q;
`endif

endmodule

`default_nettype wire
