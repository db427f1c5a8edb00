// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_move_ask: asks for the data of chunks, and has a place for each beat before it does.
//
// How: a chunk that reads and finds no place goes into a spare. A read (two of a COMPARE, the source's first) goes into the AR register when the read
//   buffer has room for the longest burst, whatever its own length; what is promised is taken off the free places at once, and comes back a
//   cycle after a beat has left the buffer. When a burst is in completely, whether it had an error goes into a FIFO of its own,
//   or is told at once (i_*) if nothing waits there and somebody takes it.
//   No more is asked ahead than the port needs to be kept busy, else entries wait behind data that nobody is waiting for: as many
//   beats as the port has latency, measured with a burst that has no other one ahead, and one more for each cycle in which
//   the port was idle while a burst was waited for.
// Latency: s_valid to ar_valid 1 cycle; R to d_valid 3 cycles, 1 where nothing waits in the buffer; R to e_valid 1, to
//   i_valid 0.
// Throughput: an AR and an R a cycle.
// Assumes: at most CHUNKS chunks are accepted and not taken from e_* and d_*; beats come in the order asked.
`default_nettype none

module crl_nvme_move_ask #(
    parameter int DATA_W    = 64,
    parameter int FUNC_W    = 8,
    parameter int BUF_BEATS = 256,              // places of the read buffer, a power of two, at least 2 * MAX_BEATS
    parameter int MAX_BEATS = 65,               // of a burst
    parameter int CHUNKS    = 32                // power of two
) (
    input  wire logic              clk,
    input  wire logic              rst,         // synchronous, active high

    input  wire logic              s_valid,     // a chunk that reads
    output logic                   s_ready,
    input  wire logic              s_two,       // its destination is read too
    input  wire logic [63:0]       s_src,
    input  wire logic [63:0]       s_dst,
    input  wire logic [FUNC_W-1:0] s_src_func,
    input  wire logic [FUNC_W-1:0] s_dst_func,
    input  wire logic [7:0]        s_src_len,   // beats less one
    input  wire logic [7:0]        s_dst_len,

    output logic                   ar_valid,    // read client
    input  wire logic              ar_ready,
    output logic      [63:0]       ar_addr,     // of the first byte
    output logic      [7:0]        ar_len,      // beats less one
    output logic      [FUNC_W-1:0] ar_user,
    input  wire logic              r_valid,
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last,
    input  wire logic              r_any,       // a beat of whomever comes

    output logic                   d_valid,     // read beats, in the order asked
    input  wire logic              d_ready,
    output logic      [DATA_W-1:0] d_data,
    output logic                   e_valid,     // a burst is in completely
    input  wire logic              e_ready,
    output logic                   e_bad,       // with an error
    output logic                   i_valid,     // a burst comes in completely in this cycle, and none is on e_*
    input  wire logic              i_take,      // it does not go there
    output logic                   i_bad
);

  localparam int BW = $clog2(BUF_BEATS);
  localparam int FW = (BW > 8 ? BW : 8) + 2;  // free places, and a sign
  localparam int QW = 1 + 2 * (64 + FUNC_W + 8);
  localparam int EW = $clog2(2 * CHUNKS);

  // ---------------------------------------------------------------- AR
  logic              q_valid, q_pop, q_two, second_q;
  logic [63:0]       q_src, q_dst;
  logic [FUNC_W-1:0] q_src_func, q_dst_func;
  logic [7:0]        q_src_len, q_dst_len, len;
  logic [FW-1:0]     free_q, rest, gave;  // places: free, with what came back in the last cycle, and less this burst's
  logic              room_q;              // for any burst
  logic              go, give_q, far_q;   // far_q: enough is asked for

  crl_spare #(.W(QW)) u_spare (
      .clk, .rst, .s_valid, .s_ready, .s_data({s_two, s_src, s_dst, s_src_func, s_dst_func, s_src_len, s_dst_len}),
      .m_valid(q_valid), .m_ready(q_pop), .m_data({q_two, q_src, q_dst, q_src_func, q_dst_func, q_src_len, q_dst_len})
  );

  assign len   = second_q ? q_dst_len : q_src_len;
  assign gave  = free_q + FW'(give_q);
  assign rest  = FW'({free_q, give_q} + {{(FW-8){1'b1}}, ~len, give_q} >> 1);   // free - len - 1, and what came back
  assign go    = q_valid && room_q && !far_q && (!ar_valid || ar_ready);
  assign q_pop = go && (second_q || !q_two);

  always_ff @(posedge clk) begin
    if (rst) begin
      ar_valid <= 1'b0;
      second_q <= 1'b0;
      free_q   <= FW'(BUF_BEATS);
      room_q   <= 1'b1;
      give_q   <= 1'b0;
    end else begin
      if (go) begin
        ar_valid <= 1'b1;
        second_q <= !q_pop;
      end else if (ar_ready) ar_valid <= 1'b0;
      free_q <= go ? rest : gave;
      // How long the burst is that goes is known late: after it, a cycle may be lost.
      room_q <= go ? free_q >= FW'(2 * MAX_BEATS) : gave >= FW'(MAX_BEATS);
      give_q <= d_valid && d_ready;
    end
    if (!ar_valid || ar_ready) begin
      ar_addr <= second_q ? q_dst : q_src;
      ar_len  <= len;
      ar_user <= second_q ? q_dst_func : q_src_func;
    end
  end

  // ---------------------------------------------------------------- how far ahead
  localparam int         MORE = 16;        // beats, above the latency
  localparam logic [BW:0] ALL = (BW + 1)'(BUF_BEATS);

  logic [BW:0] owed_q, owed, lat_q;        // beats that were asked and are not in; cycles from AR to R
  logic [BW:0] wait_q, left_q;             // of a burst that is watched: cycles since it was asked, own beats before it
  logic [BW+1:0] need_q;
  logic        watch_q, alone_q, asked, came;

  assign asked = ar_valid && ar_ready;
  assign came  = watch_q && r_valid && left_q == '0;
  assign owed  = owed_q + (asked ? (BW + 1)'(ar_len) + 1'b1 : '0) - (BW + 1)'(r_valid);

  always_ff @(posedge clk) begin
    if (rst) begin
      owed_q  <= '0;
      watch_q <= 1'b0;
      far_q   <= 1'b0;
      lat_q   <= ALL;
      need_q  <= {1'b0, ALL} + (BW + 2)'(MORE);
    end else begin
      owed_q <= owed;
      far_q  <= {1'b0, owed} >= need_q;
      need_q <= {1'b0, lat_q} + (BW + 2)'(MORE);
      if (asked && !watch_q) watch_q <= 1'b1;
      else if (came)         watch_q <= 1'b0;
      if (came && alone_q) lat_q <= wait_q;
      else if (watch_q && !r_any && lat_q != ALL && (!alone_q || wait_q > lat_q)) lat_q <= lat_q + 1'b1;
    end
    if (!watch_q) begin
      wait_q  <= '0;
      left_q  <= owed_q - (BW + 1)'(r_valid);
      alone_q <= owed_q == '0;
    end else begin
      if (wait_q != ALL) wait_q <= wait_q + 1'b1;
      if (r_valid)       left_q <= left_q - 1'b1;
    end
  end

  // ---------------------------------------------------------------- R
  logic        bad_q, bad_now, d_room, e_room;
  logic [BW:0] d_level;
  logic [EW:0] e_level;

  assign bad_now = bad_q || r_resp[1];
  assign i_valid = r_valid && r_last && !e_valid;
  assign i_bad   = bad_now;

  always_ff @(posedge clk) begin
    if (rst) bad_q <= 1'b0;
    else if (r_valid) bad_q <= bad_now && !r_last;
  end

  crl_fifo_bram #(.W(DATA_W), .DEPTH(BUF_BEATS), .OUTREG(1), .BYPASS(1)) u_buf (
      .clk, .rst, .s_valid(r_valid), .s_ready(d_room), .s_data(r_data),
      .m_valid(d_valid), .m_ready(d_ready), .m_data(d_data), .level(d_level)
  );
  crl_fifo #(.W(1), .DEPTH(2 * CHUNKS)) u_bad (
      .clk, .rst, .s_valid(r_valid && r_last && !(i_valid && i_take)), .s_ready(e_room), .s_data(bad_now),
      .m_valid(e_valid), .m_ready(e_ready), .m_data(e_bad), .level(e_level)
  );

  logic unused;
  assign unused = &{1'b0, r_resp[0], d_room, e_room, d_level, e_level};

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset: nothing holds of what registers are before it

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    if (rst) begun_q <= 1'b1;
    else if (begun_q) begin
      assert (!r_valid || d_room);
      assert (!(r_valid && r_last) || e_room);
    end
  end
`endif

`ifdef FORMAL
`ifdef CRL_GHOST_UNIT
  // What the memory owes: beats that it was asked for and that are not in. Any of them may come, whatever its burst.
  localparam int GW = FW + 1;
  logic [GW-1:0] g_owed;
  logic          g_past, g_stall;
  logic [71+FUNC_W:0] g_ar;

  initial g_past = 1'b0;

  always_ff @(posedge clk) begin
    g_past  <= 1'b1;
    g_stall <= !rst && ar_valid && !ar_ready;
    g_ar    <= {ar_addr, ar_len, ar_user};
    if (rst) g_owed <= '0;
    else     g_owed <= g_owed + (ar_valid && ar_ready ? GW'(ar_len) + 1'b1 : '0) - GW'(r_valid);
  end
  always @* begin
    if (!g_past) assume (rst);
`ifndef BREAK_ROOM
    if (r_valid) assume (g_owed != '0);
`endif
    if (s_valid) assume (32'(s_src_len) < MAX_BEATS && 32'(s_dst_len) < MAX_BEATS);
    if (e_level == (EW + 1)'(2 * CHUNKS)) assume (!r_valid || !r_last);  // no more than two reads a chunk
  end

  always_ff @(posedge clk) if (g_past && !rst) begin
    // Free places and what is promised: shown on AR, owed, held, or gone a cycle ago.
    assert (GW'(free_q) + (ar_valid ? GW'(ar_len) + 1'b1 : '0) + g_owed + GW'(d_level) + GW'(give_q) == GW'(BUF_BEATS));
    assert (free_q <= FW'(BUF_BEATS));
    assert (!room_q || free_q >= FW'(MAX_BEATS));
    if (q_valid) assert (32'(q_src_len) < MAX_BEATS && 32'(q_dst_len) < MAX_BEATS);
    assert (GW'(owed_q) == g_owed);
    // A beat that is owed has its place, also when all the others come before one leaves.
    assert (g_owed <= GW'(BUF_BEATS) && g_owed + GW'(d_level) <= GW'(BUF_BEATS));
    if (g_stall) assert (ar_valid && {ar_addr, ar_len, ar_user} == g_ar);
    if (second_q) assert (q_valid && q_two);
    cover (ar_valid && free_q == '0 && ar_len != '0);
    cover (g_owed == GW'(BUF_BEATS));
    cover (ar_valid && ar_ready && second_q);
  end
`endif
`endif

endmodule

`default_nettype wire
