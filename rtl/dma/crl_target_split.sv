// SPDX-License-Identifier: Apache-2.0
//
// crl_target_split: cuts the beats of a frame into write bursts.
//
// How: a frame covers the beats from its first to its last byte; a burst ends where they end or at
//   the next multiple of MAX_BURST_BYTES, so it never crosses 4 KiB. One frame waits in a register
//   while another one is written.
// Latency: 2 cycles from a frame to its first burst. Throughput: a beat a cycle, no gap between
//   bursts and frames.
// Assumes: f_bytes is not 0 and at most FRAME_MAX.
`default_nettype none

module crl_target_split #(
    parameter int DATA_W          = 64,
    parameter int MAX_BURST_BYTES = 512,   // power of two, at least two beats, at most 4096
    parameter int FRAME_MAX       = 1024,  // bytes a frame at most
    parameter int FUNC_W          = 8
) (
    input  wire logic              clk,
    input  wire logic              rst,      // synchronous, active high
    input  wire logic              f_valid,  // a frame
    output logic                   f_ready,
    input  wire logic [63:0]       f_addr,
    input  wire logic [11:0]       f_bytes,
    input  wire logic [FUNC_W-1:0] f_user,
    input  wire logic              beat,     // the beat described below is taken
    output logic                   valid,    // what follows describes the next beat
    output logic                   first,    // first beat of a burst
    output logic                   last,     // last beat of a burst
    output logic      [63:0]       addr,     // of the burst
    output logic      [7:0]        len,      // beats of the burst - 1
    output logic      [FUNC_W-1:0] user
);

  localparam int B     = DATA_W / 8;
  localparam int LB    = $clog2(B);
  localparam int LM    = $clog2(MAX_BURST_BYTES);
  localparam int BEATS = MAX_BURST_BYTES / B;              // of a whole burst
  localparam int BW    = LM - LB;                          // bits of a beat's number in a burst
  localparam int END_W = $clog2(MAX_BURST_BYTES + FRAME_MAX);
  localparam int HI_W  = END_W - LM;                       // bits of a number of bursts

  initial begin
    if (BEATS < 2 || BEATS > 256 || MAX_BURST_BYTES > 4096 || (MAX_BURST_BYTES & (MAX_BURST_BYTES - 1)) != 0)
      $fatal(1, "crl_target_split: MAX_BURST_BYTES must be a power of two, 2 to 256 beats, at most 4096");
    if (FRAME_MAX > 2048) $fatal(1, "crl_target_split: FRAME_MAX must be at most 2048");
  end

  // The frame that waits. Its last byte is counted from the burst boundary below its first one.
  logic              p_valid_q;
  logic [63:0]       p_addr_q;
  logic [END_W-1:0]  p_end_q;
  logic [FUNC_W-1:0] p_user_q;

  // The burst at work.
  logic              c_valid_q, c_first_q;
  logic [63:0]       c_addr_q;
  logic [BW-1:0]     c_len_q, c_left_q;  // beats less one, of the burst and after this beat
  logic [HI_W-1:0]   c_more_q;           // bursts of the frame behind this one
  logic [BW-1:0]     c_end_q;            // last beat of the frame, in its last burst
  logic [FUNC_W-1:0] c_user_q;

  logic              ends, load;
  // What is set up next, for either case, whichever it will be: the frame that waits, or the next burst of this one.
  logic [HI_W-1:0]   p_more;             // bursts behind its first
  logic [BW-1:0]     p_end_beat, p_len, n_len;

  assign ends    = beat && last;
  assign load    = p_valid_q && (!c_valid_q || (ends && c_more_q == '0));
  assign f_ready = !p_valid_q || load;

  assign p_more     = p_end_q[END_W-1:LM];
  assign p_end_beat = p_end_q[LM-1:LB];
  assign p_len      = (p_more != '0 ? {BW{1'b1}} : p_end_beat) - p_addr_q[LM-1:LB];
  assign n_len      = c_more_q != HI_W'(1) ? {BW{1'b1}} : c_end_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      p_valid_q <= 1'b0;
      c_valid_q <= 1'b0;
    end else begin
      if (f_ready) p_valid_q <= f_valid;
      if (load)                        c_valid_q <= 1'b1;
      else if (ends && c_more_q == '0) c_valid_q <= 1'b0;
    end
    if (f_ready) begin
      p_addr_q <= f_addr;
      p_end_q  <= END_W'(f_addr[LM-1:0]) + END_W'(f_bytes) - 1'b1;
      p_user_q <= f_user;
    end
    if (load) begin
      c_user_q <= p_user_q;
      c_end_q  <= p_end_beat;
    end
    if (load || ends) begin
      c_first_q <= 1'b1;
      c_addr_q  <= load ? p_addr_q : {c_addr_q[63:LM] + 1'b1, {LM{1'b0}}};
      c_len_q   <= load ? p_len : n_len;
      c_left_q  <= load ? p_len : n_len;
      c_more_q  <= load ? p_more : c_more_q - 1'b1;
    end else if (beat) begin
      c_first_q <= 1'b0;
      c_left_q  <= c_left_q - 1'b1;
    end
  end

  assign valid = c_valid_q;
  assign first = c_first_q;
  assign last  = c_left_q == '0;
  assign addr  = c_addr_q;
  assign len   = 8'(c_len_q);
  assign user  = c_user_q;

  logic unused;
  assign unused = &{1'b0, p_end_q[LB-1:0], f_bytes};

`ifdef FORMAL
  // Ghosts: the frame that waits, and what the frame at work has left, from this burst on.
  logic [63:0] g_p_addr, g_addr;
  logic [11:0] g_p_bytes, g_left;
  logic [11:0] g_off;      // of the burst, from the boundary
  logic [11:0] g_stop;     // lane after the last byte, from the boundary
  logic [7:0]  g_beats;    // taken of this burst

  assign g_off  = 12'(g_addr[LM-1:0]);
  assign g_stop = g_off + g_left;

  always_ff @(posedge clk) begin
    if (f_ready) begin
      g_p_addr  <= f_addr;
      g_p_bytes <= f_bytes;
    end
    if (load) begin
      g_addr <= g_p_addr;
      g_left <= g_p_bytes;
    end else if (ends) begin
      g_addr <= g_addr + 64'(MAX_BURST_BYTES) - 64'(g_off);
      g_left <= g_left - (12'(MAX_BURST_BYTES) - g_off);
    end
    if (rst)       g_beats <= '0;
    else if (beat) g_beats <= last ? '0 : g_beats + 1'b1;
    if (!rst && !c_valid_q) assert (g_beats == '0);
    if (!rst && p_valid_q) begin
      assert (p_addr_q == g_p_addr && g_p_bytes != '0 && g_p_bytes <= 12'(FRAME_MAX));
      assert (12'(p_end_q) == 12'(g_p_addr[LM-1:0]) + g_p_bytes - 12'd1);
    end
    if (!rst && c_valid_q) begin
      assert (c_addr_q == g_addr && g_left != '0 && g_left <= 12'(FRAME_MAX));
      assert (first == (g_beats == '0));
      assert (9'(c_left_q) + 9'(g_beats) == 9'(len));
      // The burst ends with the frame or at the boundary, and the frame goes on from there.
      assert ((c_more_q != '0) == (g_stop > 12'(MAX_BURST_BYTES)));
      assert (12'(c_addr_q[LM-1:LB]) + 12'(c_len_q) ==
              (c_more_q != '0 ? 12'(BEATS - 1) : (g_stop - 12'd1) >> LB));
      assert ((12'(c_more_q) << LM) + (12'(c_end_q) << LB) == ((g_stop - 12'd1) >> LB) << LB);
    end
  end
`endif

endmodule

`default_nettype wire
