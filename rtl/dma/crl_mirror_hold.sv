// SPDX-License-Identifier: Apache-2.0
//
// crl_mirror_hold: the hold FIFO of a peer: frames of MIRROR on their way to the link, kept until their local write may be made.
//
// How: beats go into one block-RAM FIFO, a record a frame into another. The head's operation is looked up again and again until it
//   has a verdict (crl_mirror_tab). Then the frame's header goes on like that of a READ_DATA, and a command to the mover: its beats
//   follow, or are dropped. A frame that is dropped has no header; but the last one of an operation that failed has one
//   with the status and no payload.
//   Places are counted from the take, before the frame's source is read, until its beats are gone.
// Latency: look to the header 3 cycles. Throughput: a beat a cycle, a frame in 3 cycles.
// Assumes: a take before each frame; its beats before its record.
// Source: docs/blocks/mirror.md.
`default_nettype none

module crl_mirror_hold #(
    parameter int DATA_W   = 64,
    parameter int LINK_MTU = 1024,  // bytes, power of two
    parameter int FRAMES   = 32,    // places, power of two
    parameter int HELD     = 12,    // frames at the target at most
    localparam int B       = DATA_W / 8,
    localparam int MTW     = $clog2(LINK_MTU),
    localparam int NW      = $clog2(LINK_MTU / B) + 1
) (
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high

    input  wire logic              take,       // event: a place is reserved
    output logic                   ok,         // there is one; shows a take in the next cycle
    input  wire logic              p_valid,    // event: a beat
    input  wire logic [DATA_W-1:0] p_data,
    input  wire logic              f_valid,    // event: a frame is complete
    input  wire logic [15:0]       f_tag,
    input  wire logic [31:0]       f_offset,
    input  wire logic [MTW:0]      f_len,      // bytes; 0: given up, its beats are dropped
    input  wire logic              f_last,     // last one of its operation

    input  wire logic              look_ok,
    output logic                   look,
    output logic      [15:0]       look_tag,
    input  wire logic [2:0]        verdict,    // two cycles after look
    input  wire logic [7:0]        verdict_status,

    output logic                   h_valid,    // frames to the target
    input  wire logic              h_ready,
    output logic      [15:0]       h_tag,
    output logic      [31:0]       h_offset,
    output logic      [MTW:0]      h_len,
    output logic      [7:0]        h_status,
    output logic                   hp_valid,   // their beats
    input  wire logic              hp_ready,
    output logic      [DATA_W-1:0] hp_data,
    output logic                   hp_last,
    input  wire logic              held_free   // event: one of them is over
);

  localparam logic [2:0] PERMITTED = 3'd1, REFUSED = 3'd2, ACKED = 3'd3, ENDED = 3'd4, KILLED = 3'd5;
  localparam int BEATS = FRAMES * (LINK_MTU / B);
  localparam int FW    = $clog2(FRAMES);
  localparam int HW    = $clog2(HELD + 1);
  localparam int REC_W = 16 + 32 + (MTW + 1) + NW + 1;

  initial begin
    if (FRAMES < 4 || (FRAMES & (FRAMES - 1)) != 0) $fatal(1, "crl_mirror_hold: FRAMES must be a power of two and at least 4");
  end

  // ---------------------------------------------------------------- in
  logic             r_valid, r_pop, r_last, r_ready_unused, d_valid, d_ready, d_in_ready_unused;
  logic [NW-1:0]    in_q, r_beats;    // beats of the frame that is coming
  logic [MTW:0]     r_len;
  logic [31:0]      r_offset;
  logic [FW:0]      r_level_unused;
  logic [$clog2(BEATS):0] d_level_unused;

  crl_fifo_bram #(.W(REC_W), .DEPTH(FRAMES), .OUTREG(1)) u_recs (
      .clk, .rst, .s_valid(f_valid), .s_ready(r_ready_unused), .s_data({f_tag, f_offset, f_len, in_q, f_last}),
      .m_valid(r_valid), .m_ready(r_pop), .m_data({look_tag, r_offset, r_len, r_beats, r_last}), .level(r_level_unused)
  );
  crl_fifo_bram #(.W(DATA_W), .DEPTH(BEATS), .OUTREG(1)) u_beats (
      .clk, .rst, .s_valid(p_valid), .s_ready(d_in_ready_unused), .s_data(p_data),
      .m_valid(d_valid), .m_ready(d_ready), .m_data(hp_data), .level(d_level_unused)
  );

  // ---------------------------------------------------------------- head
  logic          looked_q, judge_q, may, none, given, sends, c_ready, c_valid, c_pop, c_drop, c_in;
  logic [HW-1:0] out_q;              // frames at the target
  logic [NW-1:0] c_beats, done_q;
  logic [2:0]    c_level_unused;

  assign look  = r_valid && look_ok && !looked_q && !judge_q;
  assign none  = verdict == KILLED || ((verdict == REFUSED || verdict == ENDED) && !r_last);
  // What was given up never ends well.
  assign given = verdict == ENDED || (verdict == ACKED && r_len == '0);
  assign sends = verdict == ACKED || verdict == ENDED || (verdict == PERMITTED && !r_last);
  assign may   = !h_valid && out_q < HW'(HELD);
  assign r_pop = judge_q && c_ready && (none || (sends && may));
  assign c_in  = r_pop && r_beats != '0;

  always_ff @(posedge clk) begin
    if (rst) begin
      looked_q <= 1'b0;
      judge_q <= 1'b0;
      h_valid <= 1'b0;
      in_q    <= '0;
      out_q   <= '0;
    end else begin
      looked_q <= look;
      judge_q <= looked_q;
      if (r_pop && !none) h_valid <= 1'b1;
      else if (h_ready)   h_valid <= 1'b0;
      in_q  <= f_valid ? NW'(p_valid) : in_q + NW'(p_valid);
      out_q <= out_q + HW'(r_pop && !none) - HW'(held_free);
    end
    if (!h_valid) begin
      h_tag    <= look_tag;
      h_offset <= r_offset;
      h_len    <= given ? '0 : r_len;
      h_status <= !given ? 8'(crl_pkg::ST_OK)
                  : verdict == ENDED ? verdict_status : 8'(crl_pkg::ST_ABORTED) | 8'(crl_pkg::ST_AT_PEER);
    end
  end

  // ---------------------------------------------------------------- mover
  crl_fifo #(.W(1 + NW), .DEPTH(4)) u_moves (
      .clk, .rst, .s_valid(c_in), .s_ready(c_ready), .s_data({none || given, r_beats}),
      .m_valid(c_valid), .m_ready(c_pop), .m_data({c_drop, c_beats}), .level(c_level_unused)
  );
  assign hp_valid = c_valid && !c_drop && d_valid;
  assign hp_last  = done_q == c_beats - NW'(1);
  assign d_ready  = c_valid && (c_drop || hp_ready);
  assign c_pop    = d_valid && d_ready && hp_last;

  always_ff @(posedge clk) begin
    if (rst)                     done_q <= '0;
    else if (c_pop)              done_q <= '0;
    else if (d_valid && d_ready) done_q <= done_q + NW'(1);
  end

  // ---------------------------------------------------------------- places
  logic [FW:0] used_q, used_d;

  assign used_d = used_q + (FW+1)'(take) - (FW+1)'(c_pop) - (FW+1)'(r_pop && r_beats == '0);
  always_ff @(posedge clk) begin
    if (rst) begin
      used_q <= '0;
      ok     <= 1'b0;
    end else begin
      used_q <= used_d;
      ok     <= !used_d[FW];
    end
  end

  logic unused;
  assign unused = &{1'b0, r_ready_unused, d_in_ready_unused, r_level_unused, d_level_unused, c_level_unused};

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset: nothing holds of what registers are before it

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    if (rst) begun_q <= 1'b1;
    else if (begun_q) begin
      assert (used_q <= (FW+1)'(FRAMES));
      assert (!f_valid || r_ready_unused);
      assert (!p_valid || d_in_ready_unused);
      assert (!(f_valid && p_valid));          // the fields follow in a later cycle than the last beat
      assert (!(held_free && out_q == '0));
    end
  end
`endif

endmodule

`default_nettype wire
