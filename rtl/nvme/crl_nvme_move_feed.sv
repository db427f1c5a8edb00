// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_move_feed: gives out the beats of one chunk after the other: to crl_align, or to the comparison.
//
// How: chunks wait in a FIFO. One that reads begins when its burst is in completely, so that its beats leave without a gap, and
//   so that it is known by then whether they are good; a COMPARE does so twice, for its host beats, which are aligned, and
//   for the namespace's, which are not. Each chunk has a verdict: a read of it or of an earlier chunk of its command failed.
//   Beats of bad chunks go the same way; they are dropped where they would be written.
// Latency: e_valid to the first beat 1 cycle, to the verdict 2. Throughput: a beat a cycle, chunks back to back.
// Assumes: no more than CHUNKS chunks are here; e_* and d_* have one burst a read, in the order of the chunks.
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

  localparam int CQW = $clog2(CHUNKS);

  logic         h_valid, h_none, h_zero, h_two, h_first, room_s, room_v;
  logic [7:0]   h_src_len, h_dst_len;
  logic [CQW:0] level_s, level_v;
  logic         reads, may, load, bad, take, ends;
  logic         second_q;  // the namespace's beats of the chunk at the head are next
  logic         valid_q;   // a burst is at work
  logic         zero_q, ns_q, bad_q;
  logic         fail_q;    // a read of the command failed
  logic [7:0]   left_q;    // beats after the next one

  crl_fifo #(.W(20), .DEPTH(CHUNKS), .OUTREG(1)) u_chunks (
      .clk, .rst, .s_valid, .s_ready(room_s), .s_data({s_none, s_zero, s_two, s_first, s_src_len, s_dst_len}),
      .m_valid(h_valid), .m_ready(load && (second_q || !h_two)),
      .m_data({h_none, h_zero, h_two, h_first, h_src_len, h_dst_len}), .level(level_s)
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

  assign reads   = !h_none && !h_zero;
  assign may     = !valid_q || ends;
  assign load    = h_valid && may && (!reads || e_valid);
  assign e_ready = load && reads;
  assign bad     = (reads && e_bad) || (fail_q && (second_q || !h_first));

  always_ff @(posedge clk) begin
    if (rst) begin
      valid_q  <= 1'b0;
      second_q <= 1'b0;
    end else begin
      if (may) valid_q <= load && !h_none;
      if (load) second_q <= h_two && !second_q;
    end
    if (load) fail_q <= bad;
    if (may) begin
      zero_q <= h_zero;
      ns_q   <= second_q;
      bad_q  <= e_bad;
      left_q <= second_q ? h_dst_len : h_src_len;
    end else if (take) left_q <= left_q - 8'd1;
  end

  crl_fifo #(.W(1), .DEPTH(CHUNKS), .OUTREG(1)) u_verdict (
      .clk, .rst, .s_valid(load && !second_q), .s_ready(room_v), .s_data(bad),
      .m_valid(v_valid), .m_ready(v_ready), .m_data(v_bad), .level(level_v)
  );
  assign v_soon = level_v != '0;

  logic unused;
  assign unused = &{1'b0, room_s, room_v, level_s};

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

  always_ff @(posedge clk) if (g_past && !rst) begin
    // The chunk at the head has its verdict already while its second half is due.
    assert ((CQW + 2)'(level_s) + (CQW + 2)'(level_v) == (CQW + 2)'(g_in) + (CQW + 2)'(second_q));
    assert (level_s != '0 || !second_q);
    assert (!second_q || h_valid);
    assert (32'(g_in) <= CHUNKS);
    if (s_valid) assert (room_s);
    if (load && !second_q) assert (room_v);
    // Beats leave only for a burst at work; one at a time, to one side.
    assert (!(i_valid && n_valid));
    if (d_valid && d_ready) assert (take && !zero_q);
    cover (v_valid && v_bad && h_valid && !h_first && second_q);
    cover (valid_q && ns_q && n_bad);
  end
`endif
`endif

endmodule

`default_nettype wire
