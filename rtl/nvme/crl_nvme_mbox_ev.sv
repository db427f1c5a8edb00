// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_mbox_ev: events that wait for the processor, and the refused doorbells of each queue.
//
// How: what comes with an event lies in a ring for each source, the order in a FIFO with a bit a source for each cycle in which events
//   were held; of one cycle the lowest bit is the oldest, and a doorbell is the first to be lost. A LUT RAM has a word a queue: refused doorbells, and a flag for each
//   doorbell event of it that is held (CQ, code). It has one port; a doorbell goes before the processor, who waits (`hold`). A word is
//   read in one cycle, and written anew in the next one.
// Latency: an event to `any` 1 cycle. q_look to rdata 1 cycle, the others 0.
// Assumes: q_look, q_clear, pop one at a time, not while `hold`; pop only while `any`; q_clear only with a qsel that is there.
`default_nettype none

module crl_nvme_mbox_ev #(
    parameter int QUEUES = 8,
    parameter int FUNC_W = 8,
    parameter int PLACES = 16,   // events held, a power of two, at least 4
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high

    input  wire logic              bad_valid,  // event: doorbell refused
    input  wire logic [QW-1:0]     bad_qid,
    input  wire logic              bad_cq,
    input  wire logic              bad_code,
    input  wire logic [FUNC_W-1:0] bad_func,
    input  wire logic              sqf_valid,  // event: an entry could not be read
    input  wire logic [QW-1:0]     sqf_qid,
    input  wire logic              cqf_valid,  // event: an entry could not be written
    input  wire logic [QW-1:0]     cqf_qid,
    input  wire logic              lg_valid,   // event: a completion with MORE
    input  wire logic [QW-1:0]     lg_qid,
    input  wire logic [15:0]       lg_cid,
    input  wire logic [10:0]       lg_status,
    input  wire logic [31:0]       lg_nsid,
    input  wire logic [63:0]       lg_lba,

    output logic                   hold,       // the port is taken
    input  wire logic              q_look,     // event: look at qsel
    input  wire logic              q_clear,    // event: its count becomes 0
    input  wire logic [QW-1:0]     qsel,
    input  wire logic              qsel_ok,    // that queue is there

    output logic                   any,        // an event waits
    input  wire logic              pop,        // event: it is taken
    input  wire logic              at_pop,      // it may come in this cycle, QBAD is not looked at nor cleared
    input  wire logic              lost_clear, // event

    input  wire logic [12:0]       addr,
    output logic      [31:0]       rdata       // EVENT0 to EVENT4, EVENTS_LOST, QBAD; 0 of any other
);

  localparam int AW    = $clog2(PLACES);
  localparam int BAD_W = QW + 2 + FUNC_W;
  localparam int LG_W  = QW + 16 + 11 + 32 + 64;

  initial if (PLACES < 4 || (PLACES & (PLACES - 1)) != 0) $fatal(1, "crl_nvme_mbox_ev: PLACES must be a power of two, at least 4");

  // ---------------------------------------------------------------------------------------------
  // Who is held. Bits: 0 doorbell, 1 SQ failed, 2 CQ failed, 3 command.

  logic [AW:0] held_q;
  logic [AW-1:0] spare;              // places that are free, less one
  logic [3:0] new_ev, acc, lose, left, oldest, done_q;
  logic [3:0] f_mask;
  logic       f_any, f_pop, f_room, dup;
  logic       is_bad, is_sqf, is_cqf, is_lg;
  logic [3:0] room;                  // for one, two, .. events
  logic [2:0] n1, n2, n3;            // of this cycle, up to the source; the doorbell comes last, as it is known late
  logic [2:0] lost_q;                // of the last cycle,
  logic       clear_q;               //   as lost_clear
  logic       order_none;
  logic [15:0] lost;
  logic [16:0] lost_sum;
  logic [AW:0] f_level;

  assign new_ev = {lg_valid, cqf_valid, sqf_valid, bad_valid && !dup};

  assign spare = ~held_q[AW-1:0];
  assign room  = {(spare >> 2) != '0 || spare[1:0] == 2'd3, spare[AW-1:1] != '0, spare != '0, 1'b1} & {4{!held_q[AW]}};

  assign acc[1] = new_ev[1] && room[0];
  assign n1     = {2'd0, acc[1]};
  assign acc[2] = new_ev[2] && room[n1[1:0]];
  assign n2     = n1 + {2'd0, acc[2]};
  assign acc[3] = new_ev[3] && room[n2[1:0]];
  assign n3     = n2 + {2'd0, acc[3]};
  assign acc[0] = new_ev[0] && room[n3[1:0]];
  assign lose   = new_ev & ~acc;
  assign lost_sum = {1'b0, lost & {16{!clear_q}}} + {14'd0, lost_q};

  crl_fifo_head #(.W(4), .DEPTH(PLACES)) u_order (
      .clk, .rst, .s_valid(acc != '0), .s_ready(f_room), .s_past(1'b0), .s_data(acc),
      .m_valid(f_any), .m_none(order_none), .m_ready(f_pop), .m_data(f_mask), .level(f_level)
  );

  assign left   = f_mask & ~done_q & {4{f_any}};
  assign oldest = left & (~left + 4'd1);
  assign any    = f_any;
  assign {is_lg, is_cqf, is_sqf, is_bad} = oldest;
  assign f_pop  = pop && left == oldest;

  always_ff @(posedge clk) begin
    if (rst) begin
      held_q  <= '0;
      done_q  <= '0;
      clear_q <= 1'b0;
      lost_q <= '0;
      lost   <= '0;
    end else begin
      // Both sums are there when the doorbell is.
      held_q <= acc[0] ? held_q + (AW+1)'(n3) + (AW+1)'(!pop) : held_q + (AW+1)'(n3) - (AW+1)'(pop);
      clear_q <= lost_clear;
      lost_q <= {2'd0, lose[0]} + {2'd0, lose[1]} + {2'd0, lose[2]} + {2'd0, lose[3]};
      if (pop) done_q <= f_pop ? '0 : done_q | oldest;
      lost   <= lost_sum[16] ? '1 : lost_sum[15:0];
    end
  end

  // ---------------------------------------------------------------------------------------------
  // What comes with them

  logic [BAD_W-1:0]  b_data;
  logic [QW-1:0]     s_data, c_data, l_qid, b_qid;
  logic [LG_W-1:0]   l_data;
  logic [FUNC_W-1:0] b_func;
  logic [1:0]        b_info;
  logic [15:0]       l_cid;
  logic [10:0]       l_status;
  logic [31:0]       l_nsid;
  logic [63:0]       l_lba;
  logic [3:0][AW-1:0] wr_q, rd_q;

  crl_ram_lut #(.W(BAD_W), .DEPTH(PLACES)) u_bad (
      .clk, .we(acc[0]), .waddr(wr_q[0]), .wdata({bad_qid, bad_cq, bad_code, bad_func}), .raddr(rd_q[0]), .rdata(b_data)
  );
  crl_ram_lut #(.W(QW), .DEPTH(PLACES)) u_sqf (.clk, .we(acc[1]), .waddr(wr_q[1]), .wdata(sqf_qid), .raddr(rd_q[1]), .rdata(s_data));
  crl_ram_lut #(.W(QW), .DEPTH(PLACES)) u_cqf (.clk, .we(acc[2]), .waddr(wr_q[2]), .wdata(cqf_qid), .raddr(rd_q[2]), .rdata(c_data));
  crl_ram_lut #(.W(LG_W), .DEPTH(PLACES)) u_lg (
      .clk, .we(acc[3]), .waddr(wr_q[3]), .wdata({lg_qid, lg_cid, lg_status, lg_nsid, lg_lba}), .raddr(rd_q[3]), .rdata(l_data)
  );

  assign {b_qid, b_info, b_func}                 = b_data;
  assign {l_qid, l_cid, l_status, l_nsid, l_lba} = l_data;

  always_ff @(posedge clk) begin
    for (int i = 0; i < 4; i++) begin
      if (rst)                   wr_q[i] <= '0;
      else if (acc[i])           wr_q[i] <= wr_q[i] + 1'b1;
      if (rst)                   rd_q[i] <= '0;
      else if (pop && oldest[i]) rd_q[i] <= rd_q[i] + 1'b1;
    end
  end

  logic [3:0]  kind;                 // of the oldest one
  logic [7:0]  queue;
  logic [31:0] lba_lo, lba_hi;
  logic [15:0] qbad_q;

  assign lba_lo  = l_lba[31:0];
  assign lba_hi  = l_lba[63:32];

  always_comb begin
    kind  = '0;
    queue = '0;
    if (is_bad) begin
      kind  = crl_mbox_pkg::EVENT0_KIND_BAD_DOORBELL;
      queue = 8'(b_qid);
    end else if (is_sqf) begin
      kind  = crl_mbox_pkg::EVENT0_KIND_SQ_FAILED;
      queue = 8'(s_data);
    end else if (is_cqf) begin
      kind  = crl_mbox_pkg::EVENT0_KIND_CQ_FAILED;
      queue = 8'(c_data);
    end else if (is_lg) begin
      kind  = crl_mbox_pkg::EVENT0_KIND_COMMAND;
      queue = 8'(l_qid);
    end
  end

  always_comb begin
    rdata = '0;
    if (addr == crl_mbox_pkg::REG_EVENTS_LOST) rdata = {16'd0, lost};
    if (addr == crl_mbox_pkg::REG_QBAD && qsel_ok) rdata = {16'd0, qbad_q};
    if (addr == crl_mbox_pkg::REG_EVENT0) rdata = {is_bad ? 8'(b_func) : 8'd0, 6'd0, is_bad ? b_info : 2'd0, queue, 4'd0, kind};
    if (is_lg) begin
      if (addr == crl_mbox_pkg::REG_EVENT1) rdata = {5'd0, l_status, l_cid};
      if (addr == crl_mbox_pkg::REG_EVENT2) rdata = l_nsid;
      if (addr == crl_mbox_pkg::REG_EVENT3) rdata = lba_lo;
      if (addr == crl_mbox_pkg::REG_EVENT4) rdata = lba_hi;
    end
  end

  // ---------------------------------------------------------------------------------------------
  // Refused doorbells

  logic [QW-1:0] t_qid, s_qid_q;               // s_*: the word that is written
  logic [19:0]   t_ram, t_word, s_word_q, s_next;
  logic [3:0]    d_ram, d_flags, b_bit, s_bit_q, s_flags;
  logic [15:0]   s_count;
  logic          clears, s_we_q, s_bell_q, s_set_q, s_clears_q;

  assign clears = pop && is_bad;
  assign hold   = bad_valid;
  assign t_qid  = bad_valid ? bad_qid : at_pop ? b_qid : qsel;
  assign b_bit  = 4'd1 << (bad_valid ? {bad_cq, bad_code} : b_info);
  assign dup    = (d_flags & (4'd1 << {bad_cq, bad_code})) != '0;

  // What is on its way into the RAM counts already.
  assign t_word  = s_we_q && s_qid_q == t_qid ? s_next : t_ram;
  assign d_flags = s_we_q && s_qid_q == bad_qid ? s_next[19:16] : d_ram;
  assign {s_flags, s_count} = s_word_q;

  crl_ram_clr #(.W(20), .DEPTH(1 << QW)) u_count (
      .clk, .rst, .clr(1'b0), .caddr({QW{1'b0}}), .we(s_we_q), .waddr(s_qid_q), .wdata(s_next), .raddr(t_qid), .rdata(t_ram)
  );

  // The flags once more, so that who asks for a new doorbell does not stand behind what is read.
  crl_ram_clr #(.W(4), .DEPTH(1 << QW)) u_flags (
      .clk, .rst, .clr(1'b0), .caddr({QW{1'b0}}), .we(s_we_q), .waddr(s_qid_q), .wdata(s_next[19:16]), .raddr(bad_qid), .rdata(d_ram)
  );

  always_comb begin
    s_next = {s_flags, 16'd0};
    if (s_bell_q)        s_next = {s_set_q ? s_flags | s_bit_q : s_flags, s_count == '1 ? s_count : s_count + 16'd1};
    else if (s_clears_q) s_next = {s_flags & ~s_bit_q, s_count};
  end

  always_ff @(posedge clk) begin
    s_we_q     <= !rst && (bad_valid || clears || q_clear);
    s_bell_q   <= bad_valid;
    s_set_q    <= acc[0];
    s_clears_q <= clears;
    s_bit_q    <= b_bit;
    s_qid_q    <= t_qid;
    s_word_q   <= t_word;
    if (q_look) qbad_q <= t_word[15:0];
  end

  logic unused;
  assign unused = &{1'b0, f_room, order_none, f_level, n3[2]};

`ifdef FORMAL
  // Each ring has room for all that are held, and the order has no more entries than there are events.
  logic [3:0][AW:0] f_count_q;     // held, of each source
  logic            f_past_q;

  initial f_past_q = 1'b0;

  always_ff @(posedge clk) begin
    f_past_q <= 1'b1;
    for (int i = 0; i < 4; i++) begin
      if (rst) f_count_q[i] <= '0;
      else     f_count_q[i] <= f_count_q[i] + (AW+1)'(acc[i]) - (AW+1)'(pop && oldest[i]);
    end
    if (f_past_q && !rst) begin
      assert (32'(held_q) <= PLACES);
      assert (7'(f_count_q[0]) + 7'(f_count_q[1]) + 7'(f_count_q[2]) + 7'(f_count_q[3]) == 7'(held_q));
      for (int i = 0; i < 4; i++) begin
        assert (f_count_q[i][AW-1:0] == wr_q[i] - rd_q[i]);
        if (acc[i]) assert (32'(f_count_q[i]) < PLACES);
      end
    end
  end
`endif

endmodule

`default_nettype wire
