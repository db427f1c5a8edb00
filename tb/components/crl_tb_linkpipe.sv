// SPDX-License-Identifier: Apache-2.0
// One direction of a link with delay and faults: a test component, not for synthesis.
//
// A beat taken at edge t is offered at edge t + cfg_delay at the earliest (1 is the least). The pipe
// holds cfg_delay + SLACK beats, as a wire and a small buffer would; after that it holds the sender.
// Frames (tlast ends one) are counted from 1. Every fault has a rate, 0 (the start) is never, and a counter:
//   bit errors    cfg_ber_bits   one flipped bit in so many at mean (geometric distances)
//   bursts        cfg_burst_bits one in so many bits at mean; 2 to cfg_burst_len bits, both ends of it flipped
//   frames        cfg_p_drop lost, cfg_p_dup sent twice, cfg_p_swap held back behind 1 to cfg_swap_max later
//                 frames (or cfg_swap_cycles, if none comes), cfg_p_trim ended early, cfg_p_join its end lost:
//                 chance n/65536 a frame
//   holds         cfg_p_hold, chance n/65536 a cycle that nothing comes out for 1 to cfg_hold_max cycles; cfg_heal
//                 toggles: one under way ends
//   cut           cfg_cut, or cfg_cut_in cycles from now for cfg_cut_len cycles (0: until cfg_heal toggles):
//                 what goes in is lost; with cfg_cut_pin the output link_up is low as well; with cfg_late the last whole
//                 frame before a cfg_cut_in comes once more that many cycles after its begin, but not before its end
// One chosen fault: the n-th frame that matches a type and a channel (byte 1 and byte 6 of the header: TYPE,
// SRC_CH) gets a bit flip, is lost, sent twice or held back.
// The same cfg_seed (taken when cfg_reseed toggles) gives the same faults for the same beats. A reset empties
// the pipe. The sender that was not reset goes on with its frame, so the receiver sees the
// tail of it; the log has it whole. Logged is what was sent, seen from its first beat on: a frame that was on its
// way when the log was opened is left out, one that the sender's reset or the log's end cuts ends with 'cut'.
`timescale 1ps / 1ps
`default_nettype none

module crl_tb_linkpipe #(
    parameter int LINK_W = 64,
    parameter int DEPTH_LOG2 = 12,  // delay + SLACK and two frames must fit
    parameter     NAME = "pipe"     // of the log of frames, as sent: `data data ... t` a line
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                s_rst,  // the sender's reset: its next beat begins a frame
    output wire                link_up,
    input  wire [LINK_W-1:0]   s_axis_tdata,
    input  wire [LINK_W/8-1:0] s_axis_tkeep,
    input  wire                s_axis_tvalid,
    output reg                 s_axis_tready,
    input  wire                s_axis_tlast,
    output reg  [LINK_W-1:0]   m_axis_tdata,
    output reg  [LINK_W/8-1:0] m_axis_tkeep,
    output reg                 m_axis_tvalid,
    input  wire                m_axis_tready,
    output reg                 m_axis_tlast
);
  localparam int DEPTH = 1 << DEPTH_LOG2;
  localparam int SLACK = 16;
  localparam int FMAX = 1024;  // beats of a frame that can be sent twice or held back

  reg [15:0] cfg_delay /*verilator public_flat_rw*/ = 1;
  reg cfg_stall /*verilator public_flat_rw*/ = 0;         // nothing comes out
  reg cfg_cut /*verilator public_flat_rw*/ = 0;           // everything that goes in is lost
  reg [7:0] cfg_p_in /*verilator public_flat_rw*/ = 0;    // chance n/256 of a stall cycle
  reg [7:0] cfg_p_out /*verilator public_flat_rw*/ = 0;
  reg [31:0] cfg_fault_n /*verilator public_flat_rw*/ = 0;    // counts down, fault at 1; 0: none
  reg [1:0] cfg_fault_kind /*verilator public_flat_rw*/ = 0;  // 0 flip, 1 lose, 2 twice, 3 hold back
  reg [15:0] cfg_fault_beat /*verilator public_flat_rw*/ = 0; // beat whose bit flips (last if shorter)
  reg [15:0] cfg_fault_bit /*verilator public_flat_rw*/ = 0;
  reg [8:0] cfg_fault_type /*verilator public_flat_rw*/ = 9'h100; // bit 8: any
  reg [8:0] cfg_fault_ch /*verilator public_flat_rw*/ = 9'h100;   // bit 8: any
  reg [63:0] cfg_ber_bits /*verilator public_flat_rw*/ = 0;
  reg [63:0] cfg_burst_bits /*verilator public_flat_rw*/ = 0;
  reg [15:0] cfg_burst_len /*verilator public_flat_rw*/ = 32;
  reg [15:0] cfg_p_drop /*verilator public_flat_rw*/ = 0;
  reg [15:0] cfg_p_dup /*verilator public_flat_rw*/ = 0;
  reg [15:0] cfg_p_swap /*verilator public_flat_rw*/ = 0;
  reg [15:0] cfg_p_trim /*verilator public_flat_rw*/ = 0;
  reg [15:0] cfg_p_join /*verilator public_flat_rw*/ = 0;
  reg [15:0] cfg_swap_max /*verilator public_flat_rw*/ = 4;
  reg [31:0] cfg_swap_cycles /*verilator public_flat_rw*/ = 200;
  reg [15:0] cfg_p_hold /*verilator public_flat_rw*/ = 0;
  reg [15:0] cfg_hold_max /*verilator public_flat_rw*/ = 100;
  reg [31:0] cfg_cut_in /*verilator public_flat_rw*/ = 0;  // counts down, the cut begins at 1
  reg [31:0] cfg_cut_len /*verilator public_flat_rw*/ = 0;
  reg cfg_cut_pin /*verilator public_flat_rw*/ = 0;
  reg [31:0] cfg_late /*verilator public_flat_rw*/ = 0;    // 0: never, and none is under way
  reg cfg_heal /*verilator public_flat_rw*/ = 0;           // toggle: ends a cut, and a hold under way
  reg [31:0] cfg_seed /*verilator public_flat_rw*/ = 1;
  reg cfg_reseed /*verilator public_flat_rw*/ = 0;         // toggle: take cfg_seed
  reg cfg_log /*verilator public_flat_rw*/ = 0;            // <NAME>_log.txt, times in ps

  reg [31:0] st_frames /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_beats /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_faults /*verilator public_flat_rw*/ = 0;  // all that follow but holds
  reg [31:0] st_flips /*verilator public_flat_rw*/ = 0;   // chosen ones too
  reg [31:0] st_bursts /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_drops /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_dups /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_swaps /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_trims /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_joins /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_cuts /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_lates /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_holds /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_run /*verilator public_flat_rw*/ = 0;     // most frames in a row that were spoiled, lost or held back; writable
  reg [31:0] st_errors /*verilator public_flat_rw*/ = 0;  // sender not stable, gaps in tkeep
  reg [31:0] st_first_cycle /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_last_cycle /*verilator public_flat_rw*/ = 0;
  reg st_fault_hit /*verilator public_flat_rw*/ = 0;      // toggles at each fault

  localparam int EW = LINK_W + LINK_W / 8 + 1;
  reg [EW-1:0] ring[0:DEPTH-1];
  reg [31:0] when_out[0:DEPTH-1];
  reg [EW-1:0] fbuf[0:FMAX-1];    // this frame, as it leaves
  reg [EW-1:0] hbuf[0:FMAX-1];    // a frame that is held back
  reg [EW-1:0] lbuf[0:FMAX-1];    // one that may come late
  reg [31:0] head, tail, now, rnd, rnd2, limit, due, r;
  reg [15:0] beat, flen, hlen, llen, trim_at, behind;
  reg [31:0] late_left;           // cycles until it comes
  reg [31:0] held;                // cycles left for the held frame
  integer log_fd = 0, i;
  reg log_skip;                   // the log was opened in the middle of this frame
  reg [31:0] run = 0, faults_then = 0;
  reg spoilt = 0, joined = 0;   // this frame; the one before has no end
  reg lose, flip, dup, swap, trim, join_, trimmed, last, hit, reseed_q, heal_q, cutting;
  reg [31:0] hold_left, cut_left;
  reg [63:0] to_flip, to_burst, old_ber, old_burst, gap;
  reg [31:0] burst_left;
  reg [LINK_W-1:0] d;
  reg p_v;
  reg [EW-1:0] p_d;
  wire [EW-1:0] n_d = {s_axis_tlast, s_axis_tkeep, s_axis_tdata};

  assign link_up = !(cutting && cfg_cut_pin);

  task automatic draw(output [31:0] x);
    begin
      rnd2 = rnd2 ^ (rnd2 << 13);
      rnd2 = rnd2 ^ (rnd2 >> 17);
      rnd2 = rnd2 ^ (rnd2 << 5);
      x = rnd2 * 32'd2654435769;
      x = x ^ (x >> 15);
    end
  endtask

  task automatic chance(input [15:0] p, output reg yes);
    reg [31:0] x;
    begin
      yes = 0;
      if (p != 0) begin
        draw(x);
        yes = x[31:16] < p;
      end
    end
  endtask

  // Bits to the next event when they are `mean` apart.
  task automatic distance(input [63:0] mean, output [63:0] n);
    reg [31:0] x;
    begin
      draw(x);
      /* verilator lint_off REALCVT */
      n = -$ln(($itor(x[31:1]) + 0.5) / 2147483648.0) * mean;
      /* verilator lint_on REALCVT */
    end
  endtask

  task automatic fault(inout [31:0] counter);
    begin
      counter = counter + 1;
      st_faults = st_faults + 1;
      st_fault_hit = !st_fault_hit;
    end
  endtask

  task automatic put(input [EW-1:0] x);
    begin
      ring[tail%DEPTH] = x;
      when_out[tail%DEPTH] = due;
      tail = tail + 1;
    end
  endtask

  task automatic release_held;
    begin
      for (i = 0; i < 32'(hlen); i = i + 1) put(hbuf[i]);
      hlen = 0;
    end
  endtask

  // What happens to the frame that begins.
  task automatic plan_frame;
    begin
      st_frames = st_frames + 1;
      spoilt = joined;
      joined = 0;
      flip = 0;
      trimmed = 0;
      chance(cfg_p_drop, lose);
      chance(cfg_p_dup, dup);
      chance(cfg_p_swap, swap);
      chance(cfg_p_trim, trim);
      chance(cfg_p_join, join_);
      if (cfg_fault_n != 0 && (cfg_fault_type[8] || cfg_fault_type[7:0] == s_axis_tdata[15:8])
          && (cfg_fault_ch[8] || cfg_fault_ch[7:0] == s_axis_tdata[55:48])) begin
        if (cfg_fault_n == 1) begin
          flip = flip || cfg_fault_kind == 0;
          lose = lose || cfg_fault_kind == 1;
          dup = dup || cfg_fault_kind == 2;
          swap = swap || cfg_fault_kind == 3;
        end
        cfg_fault_n = cfg_fault_n - 1;
      end
      if (hlen != 0) swap = 0;  // one at a time
      if (lose) begin
        fault(st_drops);
        {flip, dup, swap, trim, join_} = 0;
      end
      if (dup) fault(st_dups);
      if (swap) fault(st_swaps);
      if (flip) fault(st_flips);
      draw(r);
      trim_at = {12'd0, r[19:16]};
      flen = 0;
    end
  endtask

  // Random bit errors and bursts of this beat, into d.
  task automatic spoil;
    begin
      if (cfg_ber_bits != old_ber) begin
        old_ber = cfg_ber_bits;
        distance(old_ber, to_flip);
      end
      if (cfg_burst_bits != old_burst) begin
        old_burst = cfg_burst_bits;
        distance(old_burst, to_burst);
      end
      if (old_ber != 0) begin
        while (to_flip < 64'(LINK_W)) begin
          d[to_flip[15:0]%LINK_W] = !d[to_flip[15:0]%LINK_W];
          fault(st_flips);
          distance(old_ber, gap);
          to_flip = to_flip + 1 + gap;
        end
        to_flip = to_flip - 64'(LINK_W);
      end
      if (old_burst != 0 || burst_left != 0) begin
        for (i = 0; i < LINK_W; i = i + 1) begin
          if (old_burst != 0 && to_burst == 64'(i) && burst_left == 0) begin
            fault(st_bursts);
            draw(r);
            burst_left = 2 + r[31:8] % (cfg_burst_len > 2 ? 32'(cfg_burst_len) - 1 : 32'd1);
            d[i] = !d[i];
            burst_left = burst_left - 1;
            distance(old_burst, to_burst);
            to_burst = to_burst + 64'(i) + 64'(burst_left) + 1;
          end else if (burst_left != 0) begin
            draw(r);
            if (burst_left == 1 || r[31]) d[i] = !d[i];
            burst_left = burst_left - 1;
          end
        end
        to_burst = to_burst > 64'(LINK_W) ? to_burst - 64'(LINK_W) : 64'd0;
      end
    end
  endtask

  // A beat from the sender, faults and all, on its way.
  task automatic take;
    begin
      if (beat == 0) plan_frame;
      d = s_axis_tdata;
      last = s_axis_tlast;
      if (flip && (beat == cfg_fault_beat || last && beat < cfg_fault_beat))
        d[cfg_fault_bit%LINK_W] = !d[cfg_fault_bit%LINK_W];
      if (cfg_ber_bits != 0 || old_ber != 0 || cfg_burst_bits != 0 || old_burst != 0 || burst_left != 0) spoil;
      if (trim && beat == trim_at && !last) begin
        fault(st_trims);
        last = 1;
      end
      if (join_ && last && !trimmed) begin
        fault(st_joins);
        last = 0;
      end
      if (!lose && !trimmed && !cutting) begin
        if (flen < 16'(FMAX)) fbuf[flen] = {last, s_axis_tkeep, d};
        flen = flen + 1;
        if (!swap) put({last, s_axis_tkeep, d});
      end
      if (trim && last) trimmed = 1;
      if (st_faults - st_dups != faults_then || cutting) spoilt = 1;  // a second copy harms nothing
      faults_then = st_faults - st_dups;
      if (s_axis_tlast) begin
        joined = join_ && !trimmed;
        run = spoilt ? run + 1 : 0;
        if (run > st_run) st_run = run;
      end
      beat = s_axis_tlast ? 16'd0 : beat + 16'd1;
      st_beats = st_beats + 1;
      if (st_first_cycle == 0) st_first_cycle = now;
      st_last_cycle = now;
      if (s_axis_tlast && flen <= 16'(FMAX)) begin
        if (dup && !swap) for (i = 0; i < 32'(flen); i = i + 1) put(fbuf[i]);
        if (cfg_late != 0 && late_left == 0 && !lose && !trimmed && !cutting) begin
          for (i = 0; i < 32'(flen); i = i + 1) lbuf[i] = fbuf[i];
          llen = flen;
        end
        if (hlen != 0) begin
          behind = behind - 1;
          if (behind == 0) release_held;
        end
        if (swap) begin
          for (i = 0; i < 32'(flen); i = i + 1) hbuf[i] = fbuf[i];
          hlen = flen;
          draw(r);
          behind = 1 + r[31:16] % (cfg_swap_max == 0 ? 16'd1 : cfg_swap_max);
          held = cfg_swap_cycles;
          if (dup) for (i = 0; i < 32'(flen); i = i + 1) put(fbuf[i]);
        end
      end
    end
  endtask

  task automatic log_files;
    begin
      if (cfg_log && log_fd == 0) begin
        log_fd = $fopen({NAME, "_log.txt"}, "w");
        log_skip = beat != 0;
      end
      if (log_fd != 0 && beat != 0 && !log_skip && (s_rst || !cfg_log)) $fwrite(log_fd, " cut\n");
      if (!cfg_log && log_fd != 0) begin
        $fclose(log_fd);
        log_fd = 0;
      end
    end
  endtask

  always @(posedge clk) begin
    if (reseed_q != cfg_reseed) begin
      reseed_q = cfg_reseed;
      rnd = (cfg_seed == 0) ? 32'h9E3779B9 : cfg_seed * 32'd2654435761 | 32'd1;
      rnd2 = rnd ^ 32'h5BD1E995;
      if (rnd2 == 0) rnd2 = 1;
      old_ber = 0; old_burst = 0; burst_left = 0; hold_left = 0; hlen = 0;
    end
    rnd = rnd ^ (rnd << 13);
    rnd = rnd ^ (rnd >> 17);
    rnd = rnd ^ (rnd << 5);
    log_files;
    now = now + 1;
    due = now + (cfg_delay == 0 ? 32'd1 : 32'(cfg_delay)) - 1;
    limit = (cfg_delay == 0 ? 32'd1 : 32'(cfg_delay)) + SLACK;
    if (limit > DEPTH - 2) limit = DEPTH - 2;

    // cut and hold; what begins now is not under way yet
    if (heal_q != cfg_heal) begin
      heal_q = cfg_heal;
      cut_left = 0;
      hold_left = 0;
    end
    if (cfg_cut_in != 0) begin
      if (cfg_cut_in == 1) begin
        fault(st_cuts);
        cut_left = cfg_cut_len == 0 ? 32'hFFFFFFFF : cfg_cut_len;
        if (llen != 0) late_left = cfg_late;
      end
      cfg_cut_in = cfg_cut_in - 1;
    end else if (cut_left != 0 && cut_left != 32'hFFFFFFFF) cut_left = cut_left - 1;
    cutting <= cfg_cut || cut_left != 0;
    if (hold_left != 0) hold_left = hold_left - 1;
    else if (cfg_p_hold != 0) begin
      chance(cfg_p_hold, hit);
      if (hit) begin
        draw(r);
        hold_left = 1 + r[31:16] % (cfg_hold_max == 0 ? 32'd1 : 32'(cfg_hold_max));
        st_holds = st_holds + 1;
      end
    end

    if (s_rst) begin
      beat = 0; lose = 0; flip = 0; swap = 0; dup = 0; p_v = 0; log_skip = 0;
    end else begin
      if (p_v && (!s_axis_tvalid || n_d !== p_d)) begin
        st_errors = st_errors + 1;
        $error("%m: a beat changed while it waited");
      end
      p_v = s_axis_tvalid && !s_axis_tready;
      if (p_v) p_d = n_d;
      if (s_axis_tvalid && s_axis_tready) begin
        if ((^n_d) === 1'bx) begin
          st_errors = st_errors + 1;
          $error("%m: unknown value on the link");
        end
        if (s_axis_tkeep != {LINK_W / 8{1'b1}} && !s_axis_tlast) begin
          st_errors = st_errors + 1;
          $error("%m: tkeep has a hole inside a frame");
        end
        if (log_fd != 0 && !log_skip) begin
          $fwrite(log_fd, " %h", s_axis_tdata);
          if (s_axis_tlast) $fwrite(log_fd, " %0d\n", $time);
        end
        if (s_axis_tlast) log_skip = 0;
        take;
      end
    end
    if (hlen != 0 && beat == 0) begin
      if (held == 0) release_held;
      else held = held - 1;
    end

    if (cfg_late == 0) late_left = 0;
    if (late_left > 1) late_left = late_left - 1;
    else if (late_left == 1 && beat == 0 && !cutting) begin
      fault(st_lates);
      for (i = 0; i < 32'(llen); i = i + 1) put(lbuf[i]);
      late_left = 0;
    end

    if (rst) begin
      head = tail;
      hlen = 0;
      llen = 0;
      late_left = 0;
      s_axis_tready <= 0;
      m_axis_tvalid <= 0;
    end else begin
      if (!m_axis_tvalid || m_axis_tready) begin
        m_axis_tvalid <= 0;
        if (head != tail && now >= when_out[head%DEPTH] && !cfg_stall && hold_left == 0
            && (cfg_p_out == 0 || rnd[7:0] >= cfg_p_out)) begin
          {m_axis_tlast, m_axis_tkeep, m_axis_tdata} <= ring[head%DEPTH];
          m_axis_tvalid <= 1;
          head = head + 1;
        end
      end
      s_axis_tready <= tail - head < limit && (cfg_p_in == 0 || rnd[15:8] >= cfg_p_in);
    end
  end

  initial begin
    now = 0; head = 0; tail = 0;
    rnd = 32'h9E3779B9; rnd2 = 32'h12345679;
    reseed_q = 0; heal_q = 0; cutting = 0; cut_left = 0; hold_left = 0; burst_left = 0;
    old_ber = 0; old_burst = 0; hlen = 0; llen = 0; late_left = 0; held = 0; beat = 0; flen = 0;
    lose = 0; flip = 0; dup = 0; swap = 0; trim = 0; join_ = 0; trimmed = 0;
  end
endmodule

`default_nettype wire
