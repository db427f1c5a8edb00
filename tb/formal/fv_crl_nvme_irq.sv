// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_irq: free events, doorbells, set-ups, settings; any vector and any queue may be the one that is watched.
//
// Interrupts: books are kept of whether the watched vector has had an event since its last interrupt; one without is wrong, one that must come
// at once has to. The pin: entries of the watched queue that are known to be in memory and those that were consumed are counted, not
// derived from pointers, and pointers follow from the counts, for a queue of DEPTH entries. Doorbells may be ahead of what is known.
// With ONE the other queues have nothing to do with the pin. With FIRES only interrupts are looked at, which hold by induction: the pin's would
// have to see into its memories.
`default_nettype none

module fv_crl_nvme_irq #(
    parameter int QUEUES  = 1,
    parameter int VECTORS = 2,
    parameter int DEPTH   = 5,
    localparam int QN     = QUEUES + 1,
    localparam int QW     = $clog2(QN)
) (
    input wire          clk,
    input wire          rst,
    input wire          clr,
    input wire          cfg_we,
    input wire [QW-1:0] cfg_qid,
    input wire          cfg_cq,
    input wire          cfg_valid,
    input wire [7:0]    cfg_vec,
    input wire          cfg_ien,
    input wire          irq_valid,
    input wire [7:0]    irq_vec,
    input wire [QW-1:0] irq_qid,
    input wire [3:0]    irq_cnt,
    input wire          cq_rung,
    input wire [QW-1:0] cq_qid,
    input wire [3:0]    read,       // entries that the doorbell tells of
    input wire [11:0]   noise_a,    // pointers of the queues that are not watched
    input wire [11:0]   noise_b,
    input wire [7:0]    coal_thr,
    input wire [7:0]    coal_time,
    input wire          vec_we,
    input wire [7:0]    vec_idx,
    input wire          vec_off,
    input wire          masked
);

  (* anyconst *) reg [7:0]    v;    // the watched vector
  (* anyconst *) reg [QW-1:0] who;  // and queue
  always @* assume (v < VECTORS && who < QN && cfg_qid < QN && irq_qid < QN && cq_qid < QN);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* assume (rst == !past_valid);

  // --- the watched queue: pointers modulo DEPTH, and how many entries lie between them ----------------------
  reg         exists, mine;
  reg  [11:0] tail, head;
  reg signed [5:0] waits_q;         // below 0: the host is ahead
  wire        mine_i = irq_valid && irq_qid == who;
  wire        mine_r = cq_rung && cq_qid == who;
  wire        mine_c = cfg_we && cfg_cq && cfg_qid == who;
  wire [12:0] tail_sum = {1'b0, tail} + irq_cnt;
  wire [12:0] head_sum = {1'b0, head} + read;
  wire [11:0] tail_n = 12'(tail_sum >= DEPTH ? tail_sum - DEPTH : tail_sum);
  wire [11:0] head_n = 12'(head_sum >= DEPTH ? head_sum - DEPTH : head_sum);
  wire signed [5:0] waits_n = waits_q + (mine_i ? $signed({2'b00, irq_cnt}) : 6'sd0) - (mine_r ? $signed({2'b00, read}) : 6'sd0);

  always @* begin
    assume (irq_cnt >= 4'd1 && irq_cnt <= 4'd8 && read >= 4'd1);
    if (mine_i || mine_r) assume (waits_n < DEPTH && waits_n > -DEPTH && irq_cnt < DEPTH && read < DEPTH);
    if (mine_i) assume (exists && !mine_c && waits_q + $signed({2'b00, irq_cnt}) < DEPTH);
    if (mine_r) assume (exists);
`ifdef ONE
    assume (cfg_qid == who || cfg_vec != 8'd0);
    assume (!clr);
`endif
  end

  always @(posedge clk) begin
    if (rst) begin
      exists  <= 1'b0;
      mine    <= 1'b0;
      waits_q <= '0;
      tail    <= '0;
      head    <= '0;
    end else begin
      waits_q <= waits_n;
      if (mine_i) tail <= tail_n;
      if (mine_r) head <= head_n;
      if (mine_c) begin
        exists  <= 1'b1;
        mine    <= cfg_valid && cfg_ien && cfg_vec == 8'd0;
        waits_q <= '0;
        tail    <= '0;
        head    <= '0;
      end
      if (clr) begin
        exists  <= 1'b0;
        waits_q <= '0;
      end
    end
  end

  // --- the block ---------------------------------------------------------------------------------------
  wire [VECTORS-1:0] fire, f_wait, f_off;
  wire               line;
`ifdef BREAK_PIN
  wire cq_rung_i = cq_rung && (cq_qid != who || waits_n == 0 || !mine_r);   // a fault: deaf while something is left
`else
  wire cq_rung_i = cq_rung;
`endif
`ifdef BREAK_LOST
  wire irq_valid_i = irq_valid && !fire[0];   // a fault: deaf in the cycle of an interrupt
`else
  wire irq_valid_i = irq_valid;
`endif

  crl_nvme_irq #(.QUEUES(QUEUES), .VECTORS(VECTORS), .COALESCE_UNIT_CYCLES(64)) u_dut (
      .clk, .rst, .clr, .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_vec, .cfg_ien, .irq_valid(irq_valid_i), .irq_vec, .irq_qid, .irq_cnt,
      .irq_tail(mine_i ? tail_n : noise_a), .cq_rung(cq_rung_i), .cq_qid, .cq_head(mine_r ? head_n : noise_b), .coal_thr, .coal_time,
      .vec_we, .vec_idx, .vec_off, .masked, .f_wait, .f_off, .fire, .line
  );

  // --- interrupts --------------------------------------------------------------------------------------
  reg  since, must, off, on_q;
  wire here  = irq_valid && irq_vec == v;
  wire fired = fire[v];
  always @(posedge clk) begin
    since <= !rst && ((since && !fired) || here);
    off   <= rst ? 1'b0 : vec_we && vec_idx == v ? vec_off : off;
    on_q  <= coal_thr != 8'd0 && coal_time != 8'd0;    // a setting counts a cycle later
    must  <= !rst && here && (irq_qid == '0 || off || !on_q);
  end

  // --- the pin -------------------------------------------------------------------------------------------
  // In each of the last cycles: the watched queue has entries for the pin; an interrupt has come while it had them, its own or another's.
  wire       some = mine && waits_q > 0;
  reg        told;
  reg  [2:0] some_h, told_h, clear_h;
  wire       told_n = some && (told || fire[0]);
  always @(posedge clk) begin
    told    <= !rst && told_n;
    some_h  <= rst ? 3'b000 : {some_h[1:0], some};
    told_h  <= rst ? 3'b000 : {told_h[1:0], told_n};
    clear_h <= rst ? 3'b000 : {clear_h[1:0], !masked && !clr};
    if (clr) told <= 1'b0;
  end

  always @(posedge clk) if (past_valid && !rst) begin
    assert (since == (f_wait[v] || fired) && !(f_wait[v] && fired) && off == f_off[v]);
    if (fired) assert (since);                       // no interrupt without an event since the last one of its vector
    if (must)  assert (fired);                       // at once, if not coalesced
`ifndef FIRES
    if (told_h == 3'b111 && told_n && clear_h == 3'b111 && !masked && !clr) assert (line);
    if (clear_h == 3'b000 && (masked || clr)) assert (!line);
`ifdef ONE
    if (told_h == 3'b000 && !told_n) assert (!line); // nobody else has anything for the pin
`endif
`endif
    cover (fired && !must && since);
    cover (fired && $past(fired) && v == 8'd1);
    cover (line && mine && waits_q == 6'sd1 && tail < head);
    cover (!line && waits_q == -6'sd3 && mine);
    cover (told_h == 3'b111 && line && $past(masked, 3));
    cover (exists && tail == 12'd1 && waits_q == -6'sd1 && some_h == 3'b000 && mine);
  end

endmodule

`default_nettype wire
