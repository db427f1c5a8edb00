// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_drain: a command of any queue goes through the controller at any pace, with what the neighbours promise of
// it and no more; other commands are free (what is seen of them is anything that the watched one allows). A stop reaches the arbiter up to
// two cycles late. A command that is refused may leave its list behind, which is still read. `done` comes only when the command is nowhere
// and no list of it is read, if it is of a queue that is drained.
`default_nettype none

module fv_crl_nvme_drain #(
    parameter int QUEUES = 2,
    localparam int QW    = $clog2(QUEUES + 1)
) (
    input wire          clk,
    input wire          rst,
    input wire          go,
    input wire [1:0]    what,
    input wire [QW-1:0] qid,
    input wire [10:0]   status,
    input wire          drop,
    input wire          move,          // the watched command goes on
    input wire          again,         // a new one comes after it
    input wire          refused,       // its list is still read when it leaves execution
    input wire          come,          // the last beat of that list
    input wire          o_g_busy, o_f_busy, o_pipe, o_x_busy, o_x_any, o_c_busy, o_p_busy, o_m_busy, o_ask   // others
);

  (* anyconst *) wire [QW-1:0] f_q;    // the queue that is watched
  (* anyconst *) wire [1:0]    f_lag;  // of the stop

  localparam [2:0] GONE = 0, GRANT = 1, READ = 2, PIPE = 3, EXEC = 4, ENTRY = 5;

  reg        past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);
  always @* assume (32'(qid) <= QUEUES && 32'(f_q) <= QUEUES && f_lag <= 2'd2);

  wire          done, busy, stop_we, f_stop, kill_we, kill_drop, drop_all, z_hold, p_stop, dropping, is_all;
  wire [QW-1:0] stop_qid, g_busy_qid, kill_qid, busy_qid;
  wire [10:0]   kill_status;
  wire [2:0]    state;
  wire [1:0]    settle;
  reg  [2:0]    at;
  reg           ahead;               // its list is read
  wire          g_busy     = (at == GRANT && g_busy_qid == f_q) || o_g_busy || o_ask;
  wire          f_idle     = at != READ && !o_f_busy;
  wire          pipe_empty = at != PIPE && !o_pipe;
  wire          x_busy     = (at == EXEC && busy_qid == f_q) || o_x_busy || o_ask;
  wire          x_idle     = at != EXEC && !o_x_any;
  wire          c_idle     = at != ENTRY && !o_c_busy;

`ifdef BREAK_LAG
  localparam [1:0] LATE = 2'd3;        // a fault: the neighbours are later than they promise
`else
  localparam [1:0] LATE = 2'd0;
`endif

  crl_nvme_drain #(.QUEUES(QUEUES)) u_dut (
      .clk, .rst, .go(go && !busy), .what, .qid, .status, .drop, .done, .busy, .stop_we, .stop_qid, .g_busy_qid, .g_busy,
      .f_stop, .f_idle, .pipe_empty, .kill_we, .kill_qid, .kill_status, .kill_drop, .drop_all, .busy_qid, .x_busy, .x_idle,
      .z_hold, .c_idle, .p_stop, .p_idle(!o_p_busy && !ahead), .m_idle(!o_m_busy), .dropping, .f_state(state), .f_settle(settle), .f_all(is_all)
  );

  // What was asked, and what has come.
  reg [1:0]    what_q;
  reg [QW-1:0] qid_q;
  reg [10:0]   status_q;
  reg          drop_q, killed, stopping, stopped;   // the stop is on its way to the arbiter; it is there
  reg [2:0]    lag;
  wire         all   = what_q != 2'd0;
  wire         ours  = all || qid_q == f_q;         // the watched queue is drained
  wire         stop_now = stopping && lag == '0;

  always @(posedge clk) begin
    if (rst) begin
      at       <= GONE;
      ahead    <= 1'b0;
      killed   <= 1'b0;
      stopping <= 1'b0;
      stopped  <= 1'b0;
    end else begin
      if (go && !busy) begin
        what_q   <= what;
        qid_q    <= qid;
        status_q <= status;
        drop_q   <= drop;
        killed   <= 1'b0;
      end
      if (kill_we) killed <= 1'b1;
      if (stop_we && stop_qid == f_q) begin
        stopping <= 1'b1;
        lag      <= {1'b0, f_lag} + {1'b0, LATE};
      end else if (stop_now) begin
        stopping <= 1'b0;
        stopped  <= 1'b1;
      end else if (stopping) lag <= lag - 1'b1;
      if (!busy && !stopping && again && !(go && !busy)) stopped <= 1'b0;   // set up anew, later
      if (at == EXEC && move && !z_hold && !p_stop && refused) ahead <= 1'b1;
      else if (come) ahead <= 1'b0;
      case (at)
        GONE:    if (again && !stopped && !stop_now && !(busy && all) && !(go && !busy && what != 2'd0)) at <= GRANT;
        GRANT:   if (move && !f_stop) at <= READ;
                 else if (move) at <= GONE;                        // the grant ends with nothing requested
        READ:    if (move) at <= PIPE;
        PIPE:    if (move) at <= EXEC;
        EXEC:    if (move && !z_hold && !p_stop) at <= ENTRY;      // a walk may have to wait
        default: if (move) at <= GONE;
      endcase
    end
  end

  // With all queues the arbiter grants nothing, and no grant is left that fetch does not say.
  always @(posedge clk) if (past_valid && !rst && busy && all) assume (!(at == GRANT && f_idle));

  // ---- bounds: what the neighbours take
  localparam int K = 3;
  reg [2:0] w_q;                       // cycles that a state has waited for others
  reg [6:0] age;
  wire      others = state == 3'd1 ? o_g_busy || o_ask : state == 3'd3 ? o_f_busy || o_pipe : state == 3'd4 ? o_x_busy || o_x_any || o_ask
                     : state == 3'd5 ? o_p_busy || o_m_busy : state == 3'd6 ? o_c_busy : 1'b0;
`ifdef LIVE
  reg [2:0] state_q;
  reg [2:0] at_q;
  reg [2:0] l_q;                       // cycles that its list has been read
  reg [2:0] m_q;                       // cycles that the command has stayed where it may go on
  wire      may = at != GONE && !(at == EXEC && (z_hold || p_stop));
  always @(posedge clk) begin
    state_q <= state;
    at_q    <= at;
    w_q <= rst || state != state_q || !others ? '0 : w_q + 1'b1;
    m_q <= rst || at != at_q || !may ? '0 : m_q + 1'b1;
    l_q <= rst || !ahead ? '0 : l_q + 1'b1;
    age <= rst || !busy ? '0 : age + 1'b1;
    if (past_valid && !rst) begin
      assume (w_q <= 3'(K) && m_q <= 3'd2 && l_q <= 3'(K));
      if (w_q == 3'(K)) assume (!others);
      if (m_q == 3'd2 && may) assume (move);
      assert (age <= 7'd91);
    end
  end
`endif

  always @(posedge clk) if (past_valid && !rst) begin
    // Over is over.
    if (done && ours) assert (at == GONE && !ahead);
    if (done) assert (!busy && (all || killed));
    // In order: stop, kill, then the waits.
    assert (!(kill_we && all) && !(kill_we && killed));
    if (kill_we) assert (kill_qid == qid_q && kill_status == status_q && kill_drop == drop_q);
    if (stop_we) assert (!all && stop_qid == qid_q);
    if (f_stop && !all) assert (killed || kill_we);
    if (z_hold) assert (all || killed);
    if (p_stop && ours) assert (at == GONE || at == ENTRY);
    if (p_stop) assert (all || killed);
    if (drop_all) assert (busy && what_q == 2'd1);
    if (busy && what_q == 2'd1) assert (drop_all && dropping);
    if (!busy) assert (!f_stop && !z_hold && !p_stop && !drop_all && !dropping);
    cover (done && what_q == 2'd0);
    cover (done && what_q == 2'd1);
    cover (done && what_q == 2'd2);
    cover (busy && ours && !all && at == ENTRY && z_hold && drop_q);
    cover (busy && ours && !all && at == EXEC && state == 3'd4 && settle == '0);
`ifndef BREAK_LAG
    // Where the command can be, state by state (for the induction).
    assert (state <= 3'd6 && at <= ENTRY);
    if (busy) assert (is_all == all && g_busy_qid == qid_q && kill_status == status_q && kill_drop == drop_q);
    assert (stop_we == (state == 3'd1 && settle == 2'd3) && kill_we == (state == 3'd2 && settle == 2'd3));
    if (done) assert (!busy);
    if (state == 3'd1) assert (!all && !killed);
    if (state == 3'd2) assert (!all && killed == (settle != 2'd3));
    if (busy && !all && state >= 3'd3) assert (killed);
    if (stopping) assert (state == 3'd1 && settle != 2'd3 && qid_q == f_q && lag <= {1'b0, settle});
    if (state == 3'd1 && settle != 2'd3 && ours) assert (stopped || (stopping && lag <= {1'b0, settle}));
    if (busy && ours && state == 3'd6) assert (!ahead);
    if (busy && ours && !all && state >= 3'd2) assert (stopped && at != GRANT);
    if (busy && ours && state >= 3'd4) assert (at != GRANT && at != READ && at != PIPE);
    if (busy && ours && state >= 3'd5) assert (at == GONE || at == ENTRY);
`endif
  end

endmodule

`default_nettype wire
