// SPDX-License-Identifier: Apache-2.0
//
// Harness for a revocation: crl_revoke with two queues of checked accesses, each with its crl_mark: one that takes the mark at once
//   (as the target, the responder and the write side do), one that counts and takes it a cycle late (as the read side does).
//   Accesses enter and leave in any cycle; software asks at any time, with numbers that go up.
//
// Proved by induction: a request is chosen freely, and an access that enters one of the queues before it or at most
//   SETTLE_CYCLES + 3 cycles after it. As soon as ack shows the request's number, or a later one, the access has its response.
// With TIME: if each queue's oldest access has its response within T cycles, a request is acknowledged within FENCE + 2 cycles,
//   or 2 * FENCE + 5 if another one was under way; FENCE = SETTLE_CYCLES + T * (LIMIT + 1) + 6. What enters meanwhile is free.
// Assumed: no request in two cycles that follow each other; 2^16 requests are not reached (numbers never wrap).
`default_nettype none

module fv_crl_revoke #(
    parameter int W      = 2,                 // bits of the queues' counts
    parameter int SETTLE = 15,
    parameter int T      = 2,
    localparam int LIMIT = (1 << W) - 1,      // accesses in a queue
    localparam int AW    = 8
) (
    input wire       clk,
    input wire       rst,
    input wire       req,
    input wire [1:0] enter, leave,
    input wire       choose_r, choose_x, x_queue
);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* assume (rst == !past_valid);

  wire        mark, past1;
  wire [1:0]  over, fv_state;
  wire [15:0] ack, fv_seq;
  wire [$clog2(SETTLE + 1)-1:0] fv_count;
  wire        fv_pend, fv_over;
  reg  [15:0] seq;                            // of the latest request

  crl_revoke #(.N(2), .SETTLE_CYCLES(SETTLE)) u_dut (
      .clk, .rst, .req, .seq(seq_now), .ack, .mark, .over, .fv_state, .fv_seq, .fv_count, .fv_pend, .fv_over
  );

  // The register shows its number from the cycle after the write on.
  wire [15:0] seq_now = seq;
  reg         req_before;
  always @(posedge clk) begin
    if (rst) begin
      seq <= 0; req_before <= 0;
    end else begin
      if (req) seq <= seq + 1'b1;
      req_before <= req;
    end
  end
  always @* begin
    if (req_before) assume (!req);
    assume (seq < 16'hFFF0);
  end

  // ---- queues: held is what is in, before this cycle's enter and leave
  reg  [W-1:0] held [0:1];
  reg          enter_q, leave_q, mark_q;
  reg  [W-1:0] late;
  wire [W-1:0] fv_left0, fv_left1;

  crl_mark #(.W(W)) u_now (
      .clk, .rst, .mark, .held(held[0]), .enter(enter[0]), .leave(leave[0]), .fv_left(fv_left0), .over(over[0])
  );
  crl_mark #(.W(W)) u_late (
      .clk, .rst, .mark(mark_q), .held(late), .enter(enter_q), .leave(leave_q), .fv_left(fv_left1), .over(past1)
  );
  assign over[1] = past1 && !mark_q;

  always @(posedge clk) begin
    if (rst) begin
      held[0] <= 0; held[1] <= 0; late <= 0; enter_q <= 0; leave_q <= 0; mark_q <= 0;
    end else begin
      held[0] <= held[0] + W'(enter[0]) - W'(leave[0]);
      held[1] <= held[1] + W'(enter[1]) - W'(leave[1]);
      late    <= late + W'(enter_q) - W'(leave_q);
      enter_q <= enter[1];
      leave_q <= leave[1];
      mark_q  <= mark;
    end
  end
  integer i;
  always @* for (i = 0; i < 2; i = i + 1) begin
    if (leave[i]) assume (held[i] != 0);
    if (enter[i]) assume (held[i] != LIMIT);
  end

  // ---- the chosen request, the chosen access
  reg         r_v;
  reg  [15:0] r_seq;
  reg         alone;                          // nothing was under way
  reg [AW-1:0] age;                          // cycles since the request, as far as it counts
  wire        r_now = choose_r && req && !r_v;
  reg         x_v, x_old, x_q, x_done;
  reg [W-1:0] x_pos;                          // accesses in its queue up to it
`ifdef BREAK
  localparam int LATEST = SETTLE + 4;
`else
  localparam int LATEST = SETTLE + 3;
`endif
  wire        x_now = choose_x && !x_v && enter[x_queue];

  always @(posedge clk) begin
    if (rst) begin
      r_v <= 0; age <= 0; x_v <= 0; x_done <= 0; x_old <= 0; x_pos <= 0;
    end else begin
      if (r_now) begin
        r_v <= 1; r_seq <= seq + 1'b1; age <= 1; alone <= fv_state == 2'd0 && !fv_pend;
      end else if (r_v && age != '1) age <= age + 1'b1;
      if (x_now) begin
        x_v   <= 1;
        x_q   <= x_queue;
        x_old <= !r_v || age <= LATEST;
        x_pos <= held[x_queue] + 1'b1 - W'(leave[x_queue]);
      end else if (x_v && !x_done && leave[x_q]) begin
        x_pos  <= x_pos - 1'b1;
        x_done <= x_pos == 1;
      end
    end
  end

  wire acked = r_v && ack >= r_seq;
  always @(posedge clk) if (past_valid) begin
    if (acked && x_v && x_old) assert (x_done);
  end

  // ---- how long it takes: each queue's oldest access waits for at most T cycles
  localparam int FENCE = SETTLE + 6 + T * LIMIT + T;    // from leaving IDLE to the return there
  reg [AW-1:0] since;                         // cycles since the fence began
  reg [7:0]    slow [0:1];                    // cycles since the last leave
  always @(posedge clk) begin
    if (rst) begin
      since <= 0; slow[0] <= 0; slow[1] <= 0;
    end else begin
      since <= fv_state == 2'd0 ? 0 : since + 1'b1;
      for (i = 0; i < 2; i = i + 1) slow[i] <= leave[i] || held[i] == 0 ? 0 : slow[i] + 1'b1;
    end
  end
`ifdef TIME
  always @* for (i = 0; i < 2; i = i + 1) if (held[i] != 0 && slow[i] == T - 1) assume (leave[i]);
`endif

  // ---- invariants
  wire       ours  = r_v && fv_seq >= r_seq && fv_state != 2'd0;   // the fence is of the request or of a later one
  always @(posedge clk) if (past_valid) begin
    // numbers
    assert (fv_seq <= seq && ack <= fv_seq);
    if (r_v) assert (r_seq <= seq && age != 0);
    if (fv_state == 2'd0) assert (ack == fv_seq);
    if (r_v && fv_seq < r_seq) assert (fv_pend && ack < r_seq);
    if (req_before) assert (fv_pend);
    if (!fv_pend) assert (fv_seq == seq);
    assert (!(r_v && fv_seq >= r_seq && age < 2));
    assert (fv_count <= SETTLE || fv_state >= 2'd2);
    // queues
    assert (late == held[1] - W'(enter_q) + W'(leave_q));
    assert (fv_left0 <= held[0]);
    assert (fv_left1 <= late);
    assert (!(leave_q && late == 0));
    // when the fence's mark comes
    if (ours && fv_state == 2'd1) assert (32'(age) + 32'(fv_count) >= SETTLE + 2 || age == '1);
    if (ours && fv_state >= 2'd2) assert (age >= SETTLE + 3);
    if (ours && fv_state == 2'd3) assert (age >= SETTLE + 4);
    if (acked) assert (age >= SETTLE + 4);
    if (mark_q) assert (fv_state == 2'd3 && !fv_over);
    assert (!(fv_over && (fv_state == 2'd1 || fv_state == 2'd2)));
    // the access
    if (x_v && !x_done) begin
      assert (x_pos != 0 && x_pos <= held[x_q]);
      if (x_old && r_v && fv_state == 2'd3 && ours) begin
        if (x_q == 0) assert (x_pos <= fv_left0);
        if (x_q == 1) assert (mark_q ? 32'(x_pos) <= 32'(late) + 32'(enter_q) - 32'(leave_q)
                                     : 32'(x_pos) + 32'(leave_q) <= 32'(fv_left1));
        assert (!fv_over);
      end
    end
    if (fv_over) assert (over == 2'b11);
`ifdef TIME
    // time
    for (i = 0; i < 2; i = i + 1) assert (slow[i] <= T - 1 && (held[i] != 0 || slow[i] == 0));
    if (fv_state == 2'd1) assert (32'(since) + 32'(fv_count) == SETTLE);
    if (fv_state == 2'd2) assert (since == SETTLE + 1);
    if (fv_state == 2'd3) begin
      // what is left of the slower queue
      if (mark_q) assert (since == SETTLE + 2);
      else begin
        assert (since >= SETTLE + 3);
        if (fv_left0 != 0) assert (32'(since) + T * 32'(fv_left0) <= SETTLE + 2 + T * LIMIT + 32'(slow[0]));
        if (fv_left1 != 0) assert (32'(since) + T * (32'(fv_left1) - 32'(leave_q)) <= SETTLE + 3 + T * LIMIT + 32'(slow[1]));
        if (leave_q) assert (slow[1] == 0);
        if (over == 2'b11 && !fv_over) assert (since <= SETTLE + 4 + T * LIMIT + T);
        if (fv_over) assert (since <= SETTLE + 5 + T * LIMIT + T);
      end
    end
    if (fv_state != 2'd0) assert (since < FENCE);
    if (r_v && !acked && age != '1) begin
      if (fv_state == 2'd0) assert (age <= FENCE + 2 + 32'(req_before));
      else if (!ours) assert (32'(age) <= 32'(since) + 2);
      else assert (32'(age) <= FENCE + 4 + 32'(since));
    end
    if (r_v && !acked) assert (age <= 2 * FENCE + 4);
    // Nothing was under way when the request came: its own fence only.
    if (r_v && !acked && alone) begin
      assert (fv_state == 2'd0 ? age == 1 : ours && 32'(age) == 32'(since) + 2);
      assert (age <= FENCE + 1);
    end
`endif
  end

  // ---- witness: acknowledged while accesses never stopped coming, and the chosen one entered in the last cycle possible
  reg busy0, last;
  always @(posedge clk) begin
    if (rst) begin
      busy0 <= 1; last <= 0;
    end else begin
      if (r_v && !enter[0]) busy0 <= 0;
      if (x_now && r_v && age == LATEST) last <= 1;
    end
    cover (past_valid && acked && x_done && last && busy0 && held[0] != 0 && fv_seq == r_seq);
  end

endmodule

`default_nettype wire
