// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_move_feed: gives out the beats of one chunk after the other: to crl_align, or to the comparison.
//
// How: chunks wait in a FIFO. Beats of one that reads go ahead into the aligner as they come, and wait behind it; its verdict comes
//   when the burst is in completely: a read of it or of an earlier chunk of its command failed. With the verdict beats leave without a
//   gap: a burst that is too short for that, as its last beat is still on the way, begins when it is in completely, and so do the
//   namespace's beats of a COMPARE, which are not aligned and follow its host's.
//   Beats of bad chunks go the same way; they are dropped where they would be written.
// Latency: d_valid to a beat that goes ahead 0 cycles; e_valid or in_now to the verdict 1 cycle. Throughput: a beat a cycle, chunks back to back.
// Assumes: no more than CHUNKS chunks are here; e_* and d_* have one burst a read, in the order of the chunks; e_valid is up when the
//   burst's last beat is offered.
`default_nettype none

module crl_nvme_move_feed #(
    parameter int DATA_W = 64,
    parameter int CHUNKS = 32                   // power of two, at least 4
) (
    input  wire logic              clk,
    input  wire logic              rst,         // synchronous, active high

    input  wire logic              s_valid,     // event: a chunk
    input  wire logic              s_none,      // it has no beats
    input  wire logic              s_zero,      // they are zeroes, and not read
    input  wire logic              s_two,       // COMPARE
    input  wire logic              s_first,     // of its command
    input  wire logic [7:0]        s_src_len,   // beats less one: for crl_align
    input  wire logic [7:0]        s_dst_len,   // for the comparison

    input  wire logic              e_valid,     // a burst is in completely
    output logic                   e_ready,
    input  wire logic              e_bad,       // with an error
    input  wire logic              in_now,      // one comes in completely in this cycle, and none is on e_*
    output logic                   in_take,     // it need not go there
    input  wire logic              in_bad,
    input  wire logic              d_valid,     // read buffer
    output logic                   d_ready,
    input  wire logic [DATA_W-1:0] d_data,

    output logic                   i_valid,     // to crl_align
    input  wire logic              i_ready,
    output logic      [DATA_W-1:0] i_data,
    output logic                   n_valid,     // to the comparison
    input  wire logic              n_ready,
    output logic      [DATA_W-1:0] n_data,
    output logic                   n_last,
    output logic                   n_bad,       // their read failed
    output logic                   v_soon,      // a chunk is at work that has not taken its verdict
    output logic                   v_valid,     // verdict of a chunk
    input  wire logic              v_ready,
    output logic                   v_bad
);

  localparam int CQW   = $clog2(CHUNKS);
  // Beats of a burst, least, that go ahead: the last one's way from R to the aligner's output, and one more, as the output's last but one
  // may need it too.
  localparam int AHEAD = DATA_W > 128 ? 7 : 5;

  logic         h_valid, h_none, h_zero, h_two, h_first, h_ahead, room_s, room_v;
  logic [7:0]   h_src_len, h_dst_len;
  logic [CQW:0] level_s, level_v;
  logic         reads, over, go_in, go_ahead, load, load_in, load_ahead, bad, take, ends, tell, say, v_none;
  logic         owes_q;    // the chunk at work has gone ahead of its verdict
  logic         first_q;   // and is the first of its command
  logic         second_q;  // the namespace's beats of the chunk at the head are next
  logic         valid_q;   // a burst is at work
  logic         zero_q, ns_q, bad_q;
  logic         fail_q;    // a read of the command failed
  logic [7:0]   left_q;    // beats after the next one

  logic         s_ahead;

  assign s_ahead = !s_none && !s_zero && s_src_len >= 8'(AHEAD - 1) && s_dst_len >= 8'(AHEAD - 1);

  crl_fifo #(.W(21), .DEPTH(CHUNKS), .OUTREG(1)) u_chunks (
      .clk, .rst, .s_valid, .s_ready(room_s), .s_data({s_none, s_zero, s_two, s_first, s_ahead, s_src_len, s_dst_len}),
      .m_valid(h_valid), .m_ready(load && (second_q || !h_two)),
      .m_data({h_none, h_zero, h_two, h_first, h_ahead, h_src_len, h_dst_len}), .level(level_s)
  );

  assign i_valid = valid_q && !ns_q && (zero_q || d_valid);
  assign i_data  = zero_q ? '0 : d_data;
  assign n_valid = valid_q && ns_q && d_valid;
  assign n_data  = d_data;
  assign n_last  = left_q == '0;
  assign n_bad   = bad_q;
  assign d_ready = valid_q && !zero_q && (ns_q ? n_ready : i_ready);
  assign take    = (i_valid && i_ready) || (n_valid && n_ready);
  assign ends    = take && left_q == '0;

  // A verdict that is owed is told with the last beat at the latest; then nothing else says one in that cycle.
  assign reads      = !h_none && !h_zero;
  assign over       = !valid_q || ends;
  assign tell       = owes_q && (e_valid || in_now);
  assign in_take    = owes_q;
  // What follows, if there is room for it: that comes last.
  assign go_ahead   = h_valid && h_ahead && !second_q && (!owes_q || tell);
  assign go_in      = h_valid && (!h_ahead || second_q) && !owes_q && (!reads || e_valid);
  assign load_ahead = over && go_ahead;
  assign load_in    = over && go_in;
  assign load       = over && (go_ahead || go_in);
  assign say        = tell || (load_in && !second_q);
  assign e_ready    = owes_q || (load_in && reads);
  assign bad        = owes_q ? (e_valid ? e_bad : in_bad) || (fail_q && !first_q) : (reads && e_bad) || (fail_q && (second_q || !h_first));

  always_ff @(posedge clk) begin
    if (rst) begin
      valid_q  <= 1'b0;
      second_q <= 1'b0;
      owes_q   <= 1'b0;
    end else begin
      if (over) valid_q <= load && !h_none;
      if (load) second_q <= h_two && !second_q;
      if (load_ahead) owes_q <= 1'b1;
      else if (tell)  owes_q <= 1'b0;
    end
    if (load_ahead) first_q <= h_first;
    if (tell || load_in) fail_q <= bad;
    if (over) begin
      zero_q <= h_zero;
      ns_q   <= second_q;
      bad_q  <= e_bad;
      left_q <= second_q ? h_dst_len : h_src_len;
    end else if (take) left_q <= left_q - 8'd1;
  end

  crl_fifo_head #(.W(1), .DEPTH(CHUNKS)) u_verdict (
      .clk, .rst, .s_valid(say), .s_ready(room_v), .s_past(1'b0), .s_data(bad),
      .m_valid(v_valid), .m_none(v_none), .m_ready(v_ready), .m_data(v_bad), .level(level_v)
  );

  assign v_soon = v_valid || (owes_q && d_valid);

  logic unused;
  assign unused = &{1'b0, room_s, room_v, v_none, level_s, level_v};

`ifdef FORMAL
`ifdef CRL_GHOST_UNIT
  // Chunks that have not taken their verdict.
  logic [CQW:0] g_in;
  logic         g_past;

  initial g_past = 1'b0;

  always_ff @(posedge clk) begin
    g_past <= 1'b1;
    if (rst) g_in <= '0;
    else     g_in <= g_in + (CQW + 1)'(s_valid) - (CQW + 1)'(v_valid && v_ready);
  end
  always @* if (!g_past) assume (rst);
  always @* if (g_past && !rst && s_valid) begin
    assume (32'(g_in) + 32'(second_q) < CHUNKS);  // a COMPARE is not over before its second half
    assume (!s_none || (!s_zero && !s_two));
  end

  // The FIFO gives what it was given (crl_fifo), and that is so with s_ahead.
  always @* if (h_valid && h_ahead) assume (!h_none && !h_zero);
  // The burst of the beat that is offered is in if that one is its last.
  always @* if (g_past && d_valid && owes_q && left_q == '0) assume (e_valid);
  always @* if (e_valid) assume (!in_now);

  always_ff @(posedge clk) if (g_past && !rst) begin
    // The chunk at the head has its verdict already, or owes it, while its second half is due.
    assert ((CQW + 2)'(level_s) + (CQW + 2)'(level_v) + (CQW + 2)'(owes_q) == (CQW + 2)'(g_in) + (CQW + 2)'(second_q));
    assert (level_s != '0 || !second_q);
    assert (!second_q || h_valid);
    assert (32'(g_in) <= CHUNKS);
    if (s_valid) assert (room_s);
    if (say) assert (room_v);
    // A verdict that is owed is of the chunk whose beats are at work; no two in a cycle.
    if (owes_q) assert (valid_q && !ns_q && !zero_q);
    if (ends && owes_q) assert (tell);
    assert (!(tell && load_in));
    // Beats leave only for a burst at work; one at a time, to one side.
    assert (!(i_valid && n_valid));
    if (d_valid && d_ready) assert (take && !zero_q);
    cover (v_valid && v_bad && h_valid && !h_first && second_q);
    cover (valid_q && ns_q && n_bad);
    cover (tell && load_ahead && bad);
    cover (level_v == (CQW + 1)'(3));
  end
`endif
`endif

endmodule

`default_nettype wire
