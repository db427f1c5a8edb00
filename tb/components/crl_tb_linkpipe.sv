// SPDX-License-Identifier: Apache-2.0
// One direction of a link with delay and faults: a test component, not for synthesis.
//
// A beat taken at edge t is offered at edge t + cfg_delay at the earliest (1 is the least). The pipe
// holds cfg_delay + SLACK beats, as a wire and a small buffer would; after that it holds the sender.
// Frames (tlast ends one) are counted from 1. Faults: a bit flip in, or the loss of, the n-th frame
// that matches a type and a channel (byte 1 and byte 6 of the header: TYPE, SRC_CH); random flips.
// A reset empties the pipe. The sender that was not reset goes on with its frame, so the receiver sees the
// tail of it; the log has it whole. Logged is what was seen from its first beat on: a frame that was on its
// way when the log was opened is left out, one that the sender's reset or the log's end cuts ends with 'cut'.
`timescale 1ps / 1ps
`default_nettype none

module crl_tb_linkpipe #(
    parameter int LINK_W = 64,
    parameter int DEPTH_LOG2 = 12,  // delay + SLACK must fit
    parameter     NAME = "pipe"     // of the log of frames, as sent: `data data ... t` a line
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                s_rst,  // the sender's reset: its next beat begins a frame
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

  reg [15:0] cfg_delay /*verilator public_flat_rw*/ = 1;
  reg cfg_stall /*verilator public_flat_rw*/ = 0;         // nothing comes out
  reg cfg_cut /*verilator public_flat_rw*/ = 0;           // everything that goes in is lost
  reg [7:0] cfg_p_in /*verilator public_flat_rw*/ = 0;    // chance n/256 of a stall cycle
  reg [7:0] cfg_p_out /*verilator public_flat_rw*/ = 0;
  reg [31:0] cfg_fault_n /*verilator public_flat_rw*/ = 0;    // counts down, fault at 1; 0: none
  reg [1:0] cfg_fault_kind /*verilator public_flat_rw*/ = 0;  // 0 flip, 1 lose the frame
  reg [15:0] cfg_fault_beat /*verilator public_flat_rw*/ = 0; // beat whose bit flips (last if shorter)
  reg [15:0] cfg_fault_bit /*verilator public_flat_rw*/ = 0;
  reg [8:0] cfg_fault_type /*verilator public_flat_rw*/ = 9'h100; // bit 8: any
  reg [8:0] cfg_fault_ch /*verilator public_flat_rw*/ = 9'h100;   // bit 8: any
  reg [15:0] cfg_p_flip /*verilator public_flat_rw*/ = 0; // chance n/65536 a beat
  reg [31:0] cfg_seed /*verilator public_flat_rw*/ = 1;   // takes effect when it changes
  reg [31:0] st_frames /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_beats /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_faults /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_errors /*verilator public_flat_rw*/ = 0;  // sender not stable, gaps in tkeep
  reg [31:0] st_first_cycle /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_last_cycle /*verilator public_flat_rw*/ = 0;
  reg cfg_log /*verilator public_flat_rw*/ = 0;           // <NAME>_log.txt, times in ps
  reg st_fault_hit /*verilator public_flat_rw*/ = 0;      // toggles at each fault

  reg [LINK_W+LINK_W/8:0] ring[0:DEPTH-1];
  reg [31:0] when_out[0:DEPTH-1];
  reg [31:0] head, tail, now, rnd, seed_q, limit;
  reg [15:0] beat;
  integer log_fd = 0;
  reg log_skip;                   // the log was opened in the middle of this frame
  reg lose, flip;
  reg [LINK_W-1:0] d;
  reg p_v;
  reg [LINK_W+LINK_W/8:0] p_d;
  wire [LINK_W+LINK_W/8:0] n_d = {s_axis_tlast, s_axis_tkeep, s_axis_tdata};

  always @(posedge clk) begin
    if (seed_q != cfg_seed) begin
      seed_q = cfg_seed;
      rnd = (cfg_seed == 0) ? 32'h9E3779B9 : cfg_seed * 32'd2654435761 | 32'd1;
    end
    rnd = rnd ^ (rnd << 13);
    rnd = rnd ^ (rnd >> 17);
    rnd = rnd ^ (rnd << 5);
    if (cfg_log && log_fd == 0) begin
      log_fd = $fopen({NAME, "_log.txt"}, "w");
      log_skip = beat != 0;
    end
    if (log_fd != 0 && beat != 0 && !log_skip && (s_rst || !cfg_log)) $fwrite(log_fd, " cut\n");
    if (!cfg_log && log_fd != 0) begin
      $fclose(log_fd);
      log_fd = 0;
    end
    now = now + 1;
    limit = (cfg_delay == 0 ? 32'd1 : 32'(cfg_delay)) + SLACK;
    if (limit > DEPTH - 2) limit = DEPTH - 2;
    if (s_rst) begin
      beat = 0; lose = 0; flip = 0; p_v = 0; log_skip = 0;
    end else begin
      if (p_v && (!s_axis_tvalid || n_d !== p_d)) begin
        st_errors = st_errors + 1;
        $error("%m: a beat changed while it waited");
      end
      p_v = s_axis_tvalid && !s_axis_tready;
      if (p_v) p_d = n_d;
      if (s_axis_tvalid && s_axis_tready) begin
        d = s_axis_tdata;
        if ((^n_d) === 1'bx) begin
          st_errors = st_errors + 1;
          $error("%m: unknown value on the link");
        end
        if (s_axis_tkeep != {LINK_W / 8{1'b1}} && !s_axis_tlast) begin
          st_errors = st_errors + 1;
          $error("%m: tkeep has a hole inside a frame");
        end
        if (beat == 0) begin
          st_frames = st_frames + 1;
          lose = 0;
          flip = 0;
          if (cfg_fault_n != 0 && (cfg_fault_type[8] || cfg_fault_type[7:0] == d[15:8])
              && (cfg_fault_ch[8] || cfg_fault_ch[7:0] == d[55:48])) begin
            if (cfg_fault_n == 1) begin
              lose = cfg_fault_kind == 1;
              flip = cfg_fault_kind == 0;
              st_faults = st_faults + 1;
              st_fault_hit = !st_fault_hit;
            end
            cfg_fault_n = cfg_fault_n - 1;
          end
        end
        if (flip && (beat == cfg_fault_beat || s_axis_tlast && beat < cfg_fault_beat))
          d[cfg_fault_bit%LINK_W] = !d[cfg_fault_bit%LINK_W];
        if (cfg_p_flip != 0 && rnd[31:16] < cfg_p_flip) begin
          d[rnd[15:0]%LINK_W] = !d[rnd[15:0]%LINK_W];
          st_faults = st_faults + 1;
          st_fault_hit = !st_fault_hit;
        end
        if (log_fd != 0 && !log_skip) begin
          $fwrite(log_fd, " %h", s_axis_tdata);
          if (s_axis_tlast) $fwrite(log_fd, " %0d\n", $time);
        end
        if (s_axis_tlast) log_skip = 0;
        beat = s_axis_tlast ? 16'd0 : beat + 16'd1;
        st_beats = st_beats + 1;
        if (st_first_cycle == 0) st_first_cycle = now;
        st_last_cycle = now;
        if (!lose && !cfg_cut) begin
          ring[tail%DEPTH] = {s_axis_tlast, s_axis_tkeep, d};
          when_out[tail%DEPTH] = now + (cfg_delay == 0 ? 32'd1 : 32'(cfg_delay)) - 1;
          tail = tail + 1;
        end
      end
    end
    if (rst) begin
      head = tail;
      s_axis_tready <= 0;
      m_axis_tvalid <= 0;
    end else begin
      if (!m_axis_tvalid || m_axis_tready) begin
        m_axis_tvalid <= 0;
        if (head != tail && now >= when_out[head%DEPTH] && !cfg_stall
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
    now = 0;
    rnd = 32'h9E3779B9;
    seed_q = 1;
    head = 0;
    tail = 0;
  end
endmodule

`default_nettype wire
