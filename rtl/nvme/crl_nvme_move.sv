// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_move: moves chunks between host memory and namespace memory, or compares them.
//
// How: a chunk that is taken leaves a record in each unit that it will come to: crl_nvme_move_ask reads for it, crl_align gets a
//   command, crl_nvme_move_feed gives its beats to the aligner and says when they are all in, and here waits what is to be done
//   with the aligner's output: write it, drop it (CHECK, or a read that failed), or compare it. Zeroes come from the feed,
//   aligned as they are. crl_nvme_move_end waits for responses and results in the order of the chunks. No more than CHUNKS chunks
//   are in all this, so no FIFO of one entry a chunk can overflow.
// Latency: k_valid to ar_valid 1 cycle; last R to wb_valid 1 cycle with 5 beats at least on both sides (7 with DATA_W > 128), else 3 (5),
//   one more if the first read beat doesn't fill a beat of the destination; last B to e_valid 1.
// Throughput: a beat a cycle on both ports, chunks back to back, also those of one beat.
// Errors: DATA_TRANSFER, READ_ERROR, WRITE_FAULT, COMPARE_FAILURE; the first in the order of the chunks wins.
// Assumes: neither range of a chunk crosses a page; chunks of two commands don't mix.
`default_nettype none

module crl_nvme_move #(
    parameter int DATA_W = 64,                   // 64, 128, 256, 512
    parameter int FUNC_W = 8,
    parameter int OPS    = 32,                   // commands in flight, 4 to 256
    parameter int MAX_BURST_BYTES = 512,
    parameter int BUF_BEATS = 256,               // read buffer, a power of two, at least two bursts
    parameter int CHUNKS = 32,                   // chunks in flight, a power of two, at least 4
    localparam int OW    = $clog2(OPS),
    localparam int B     = DATA_W / 8
) (
    input  wire logic              clk,
    input  wire logic              rst,          // synchronous, active high

    input  wire logic              k_valid,      // a chunk
    output logic                   k_ready,
    input  wire logic [1:0]        k_kind,       // 0 COPY, 1 ZERO, 2 CHECK, 3 COMPARE
    input  wire logic [63:0]       k_src,
    input  wire logic [63:0]       k_dst,
    input  wire logic [11:0]       k_len,        // bytes, 0 to MAX_BURST_BYTES; 0: only ends its command
    input  wire logic [FUNC_W-1:0] k_src_func,
    input  wire logic [FUNC_W-1:0] k_dst_func,
    input  wire logic              k_to_host,    // COPY: the destination is host memory, else the source is
    input  wire logic [OW-1:0]     k_tag,        // command
    input  wire logic              k_first,      // chunk of it
    input  wire logic              k_last,
    input  wire logic [10:0]       k_status,     // with k_last: how it ends if nothing fails

    output logic                   e_valid,      // event: the command is over
    output logic      [OW-1:0]     e_tag,
    output logic      [10:0]       e_status,

    output logic                   ar_valid,     // read client
    input  wire logic              ar_ready,
    output logic      [63:0]       ar_addr,      // of the first byte
    output logic      [7:0]        ar_len,       // beats less one
    output logic      [FUNC_W-1:0] ar_user,
    input  wire logic              r_valid,      // always taken
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last,
    input  wire logic              r_any,        // a beat of whomever comes, of this one's too

    output logic                   wb_soon,      // write client of crl_axi_wr
    output logic                   wb_valid,
    input  wire logic              wb_ready,
    output logic                   wb_first,
    output logic                   wb_last,
    output logic      [63:0]       wb_addr,      // of the first beat
    output logic      [7:0]        wb_len,       // beats less one
    output logic      [FUNC_W-1:0] wb_user,
    output logic      [DATA_W-1:0] wb_data,
    output logic      [B-1:0]      wb_strb,
    input  wire logic              wb_b_valid,   // event
    input  wire logic [1:0]        wb_b_resp,

    output logic                   idle          // nothing is held or outstanding
);

  localparam int OFF_W     = $clog2(B);
  localparam int CQW       = $clog2(CHUNKS);
  localparam int MAX_BEATS = MAX_BURST_BYTES / B + 1;
  localparam logic [1:0] COPY = 2'd0, ZERO = 2'd1, CHECK = 2'd2, COMPARE = 2'd3;

  initial begin
    if (DATA_W != 64 && DATA_W != 128 && DATA_W != 256 && DATA_W != 512) $fatal(1, "crl_nvme_move: DATA_W must be 64, 128, 256 or 512");
    if (OPS < 4 || OPS > 256) $fatal(1, "crl_nvme_move: OPS must be 4 to 256");
    if (MAX_BURST_BYTES < B || MAX_BURST_BYTES > 2048 || MAX_BEATS > 256)
      $fatal(1, "crl_nvme_move: MAX_BURST_BYTES must be a beat at least, 2048 and 255 beats at most");
    if ((BUF_BEATS & (BUF_BEATS - 1)) != 0 || BUF_BEATS < 2 * MAX_BEATS || BUF_BEATS < 4)
      $fatal(1, "crl_nvme_move: BUF_BEATS must be a power of two that holds two bursts");
    if ((CHUNKS & (CHUNKS - 1)) != 0 || CHUNKS < 4) $fatal(1, "crl_nvme_move: CHUNKS must be a power of two, at least 4");
  end

  // ---------------------------------------------------------------- a chunk is taken
  logic             k_take, k_any, k_reads, k_two, ask_ready, over;
  logic [OFF_W-1:0] k_soff, k_doff;    // lanes, as the aligner sees them
  logic [12:0]      k_slast, k_dlast;  // last bytes, counted from lane 0 of the first beats
  logic [7:0]       k_slen, k_dlen;    // beats less one
  logic [CQW:0]     held_q;

  assign k_ready = !held_q[CQW] && ask_ready;
  assign k_take  = k_valid && k_ready;
  assign k_any   = k_len != '0;
  assign k_reads = k_any && k_kind != ZERO;
  assign k_two   = k_any && k_kind == COMPARE;
  assign k_soff  = k_kind == ZERO ? k_dst[OFF_W-1:0] : k_src[OFF_W-1:0];
  assign k_doff  = k_kind == CHECK ? k_src[OFF_W-1:0] : k_dst[OFF_W-1:0];
  assign k_slast = 13'(k_soff) + {1'b0, k_len} - 13'd1;
  assign k_dlast = 13'(k_doff) + {1'b0, k_len} - 13'd1;
  assign k_slen  = 8'(k_slast >> OFF_W);
  assign k_dlen  = 8'(k_dlast >> OFF_W);

  always_ff @(posedge clk) begin
    if (rst) held_q <= '0;
    else     held_q <= held_q + {{CQW{over && !k_take}}, over != k_take};  // -1, 0 or +1
  end
  assign idle = held_q == '0 && !e_valid;

  // ---------------------------------------------------------------- reads
  logic              d_valid, d_ready, r_in, r_in_ready, r_in_bad, in_now, in_take, in_bad;
  logic [DATA_W-1:0] d_data;

  crl_nvme_move_ask #(.DATA_W(DATA_W), .FUNC_W(FUNC_W), .BUF_BEATS(BUF_BEATS), .MAX_BEATS(MAX_BEATS), .CHUNKS(CHUNKS)) u_ask (
      .clk, .rst, .s_valid(k_take && k_reads), .s_ready(ask_ready), .s_two(k_two), .s_src(k_src), .s_dst(k_dst),
      .s_src_func(k_src_func), .s_dst_func(k_dst_func), .s_src_len(k_slen), .s_dst_len(k_dlen),
      .ar_valid, .ar_ready, .ar_addr, .ar_len, .ar_user, .r_valid, .r_data, .r_resp, .r_last, .r_any,
      .d_valid, .d_ready, .d_data, .e_valid(r_in), .e_ready(r_in_ready), .e_bad(r_in_bad),
      .i_valid(in_now), .i_take(in_take), .i_bad(in_bad)
  );

  // ---------------------------------------------------------------- align
  logic              c_valid, c_ready, c_room, i_valid, i_ready;
  logic [OFF_W-1:0]  c_soff, c_doff;
  logic [11:0]       c_bytes;
  logic [CQW:0]      c_level;
  logic [DATA_W-1:0] i_data, a_data, n_data, o_data;
  logic [B-1:0]      a_strb, o_strb;
  logic              n_valid, n_ready, n_last, n_bad, v_soon, v_valid, v_bad, pop;
  logic              a_valid, a_ready, a_none, a_first, a_last, a_tag;
  logic              o_valid, o_ready, o_none, o_first, o_last;

  crl_fifo #(.W(2 * OFF_W + 12), .DEPTH(CHUNKS), .OUTREG(1)) u_cmd (
      .clk, .rst, .s_valid(k_take), .s_ready(c_room), .s_data({k_soff, k_doff, k_len}),
      .m_valid(c_valid), .m_ready(c_ready), .m_data({c_soff, c_doff, c_bytes}), .level(c_level)
  );
  crl_nvme_move_feed #(.DATA_W(DATA_W), .CHUNKS(CHUNKS)) u_feed (
      .clk, .rst, .s_valid(k_take), .s_none(!k_any), .s_zero(k_any && k_kind == ZERO), .s_two(k_two), .s_first(k_first),
      .s_src_len(k_slen), .s_dst_len(k_dlen), .e_valid(r_in), .e_ready(r_in_ready), .e_bad(r_in_bad), .in_now, .in_take, .in_bad, .d_valid, .d_ready, .d_data,
      .i_valid, .i_ready, .i_data, .n_valid, .n_ready, .n_data, .n_last, .n_bad, .v_soon, .v_valid, .v_ready(pop), .v_bad
  );
  crl_align #(.DATA_W(DATA_W), .TAG_W(1), .CHANNELS(1)) u_align (
      .clk, .rst, .c_valid, .c_ready, .c_src_off(c_soff), .c_dst_off(c_doff), .c_bytes, .c_cont(1'b0), .c_flush(1'b1),
      .c_ch(1'b0), .c_tag(1'b0), .i_valid, .i_ready, .i_data,
      .o_valid(a_valid), .o_ready(a_ready), .o_none(a_none), .o_first(a_first), .o_last(a_last), .o_data(a_data), .o_strb(a_strb),
      .o_tag(a_tag)
  );
  // Keeps the memory port's ready out of the aligner's.
  crl_spare #(.W(DATA_W + B + 3)) u_out (
      .clk, .rst, .s_valid(a_valid), .s_ready(a_ready), .s_data({a_none, a_first, a_last, a_strb, a_data}),
      .m_valid(o_valid), .m_ready(o_ready), .m_data({o_none, o_first, o_last, o_strb, o_data})
  );

  // ---------------------------------------------------------------- what comes out
  localparam int INFO_W = (64 - OFF_W) + 8 + FUNC_W + OW + 11 + 6;
  logic              g_valid, g_room, g_write, g_cmp, g_rd_ns, g_wr_host, g_first, g_last;
  logic [63:OFF_W]   g_addr;
  logic [7:0]        g_len;
  logic [FUNC_W-1:0] g_func;
  logic [OW-1:0]     g_tag;
  logic [10:0]       g_status;
  logic [CQW:0]      g_level;
  logic              known, put, h_ready;  // the chunk and its verdict are; it is written

  crl_fifo_bram #(.W(INFO_W), .DEPTH(CHUNKS), .OUTREG(1)) u_info (
      .clk, .rst, .s_valid(k_take), .s_ready(g_room),
      .s_data({k_dst[63:OFF_W], k_dlen, k_dst_func, k_tag, k_status, k_any && (k_kind == COPY || k_kind == ZERO), k_two,
               k_kind == CHECK || (k_kind == COPY && k_to_host), k_kind == COPY && k_to_host, k_first, k_last}),
      .m_valid(g_valid), .m_ready(pop),
      .m_data({g_addr, g_len, g_func, g_tag, g_status, g_write, g_cmp, g_rd_ns, g_wr_host, g_first, g_last}), .level(g_level)
  );

  assign known    = g_valid && v_valid;
  assign put      = g_write && !v_bad;
  assign o_ready  = known && (put ? wb_ready : !g_cmp || h_ready);
  assign pop      = o_valid && o_ready && o_last;
  assign wb_soon  = v_soon && g_valid && g_write;
  assign wb_valid = o_valid && known && put;
  assign wb_first = o_first;
  assign wb_last  = o_last;
  assign wb_addr  = {g_addr, {OFF_W{1'b0}}};
  assign wb_len   = g_len;
  assign wb_user  = g_func;
  assign wb_data  = o_data;
  assign wb_strb  = o_strb;

  // ---------------------------------------------------------------- comparisons and ends
  logic res_valid, res_ready, res_bad, res_differs;

  crl_nvme_move_cmp #(.DATA_W(DATA_W), .MAX_BEATS(MAX_BEATS), .CHUNKS(CHUNKS)) u_cmp (
      .clk, .rst, .h_valid(o_valid && known && g_cmp), .h_ready, .h_data(o_data), .h_strb(o_strb),
      .n_valid, .n_ready, .n_data, .n_last, .n_bad, .c_valid(res_valid), .c_ready(res_ready), .c_bad(res_bad), .c_differs(res_differs)
  );
  crl_nvme_move_end #(.OW(OW), .CHUNKS(CHUNKS)) u_end (
      .clk, .rst, .s_valid(pop), .s_tag(g_tag), .s_first(g_first), .s_last(g_last), .s_status(g_status), .s_bad(v_bad), .s_rd_ns(g_rd_ns),
      .s_wr_host(g_wr_host), .s_wait_b(put), .s_wait_c(g_cmp), .b_valid(wb_b_valid), .b_bad(wb_b_resp[1]),
      .c_valid(res_valid), .c_ready(res_ready), .c_bad(res_bad), .c_differs(res_differs), .over, .e_valid, .e_tag, .e_status
  );

  logic unused;
  assign unused = &{1'b0, c_room, c_level, a_tag, o_none, g_room, g_level, wb_b_resp[0]};

`ifndef SYNTHESIS
  // Nothing that is offered changes before it is taken; chunks keep to their side.
  logic                          stall_q;
  logic [64+8+FUNC_W+DATA_W+B+1:0] held_wb_q, now_wb;

  assign now_wb = {wb_first, wb_last, wb_addr, wb_len, wb_user, wb_data, wb_strb};
  always_ff @(posedge clk) begin
    stall_q   <= !rst && wb_valid && !wb_ready;
    held_wb_q <= now_wb;
    if (stall_q && !rst) assert (wb_valid && now_wb === held_wb_q);
    if (!rst && k_take) assert (32'(k_len) <= MAX_BURST_BYTES);
  end
`endif

`ifdef FORMAL
`ifdef CRL_GHOST_TOP
  // Where the chunks are that were taken and are not over: every unit has no more of them than CHUNKS, which is what they assume.
  logic [CQW:0] g_mid, g_out;   // commands in the aligner, entries in crl_nvme_move_end
  logic         g_past;

  initial g_past = 1'b0;

  always_ff @(posedge clk) begin
    g_past <= 1'b1;
    if (rst) begin
      g_mid <= '0;
      g_out <= '0;
    end else begin
      g_mid <= g_mid + (CQW + 1)'(c_valid && c_ready) - (CQW + 1)'(pop);
      g_out <= g_out + (CQW + 1)'(pop) - (CQW + 1)'(over);
    end
  end
  always @* begin
    if (!g_past) assume (rst);
    if (pop) assume (g_mid != '0);    // the aligner ends what it was given
    if (over) assume (g_out != '0);   // proved in crl_nvme_move_end
    if (k_valid) assume (32'(k_len) <= MAX_BURST_BYTES);
  end
  always_ff @(posedge clk) if (g_past && !rst) begin
    assert (32'(held_q) <= CHUNKS && 32'(g_level) <= CHUNKS && 32'(g_out) <= CHUNKS && 32'(g_mid) <= CHUNKS);
    assert (32'(held_q) == 32'(g_level) + 32'(g_out));
    assert (32'(g_level) == 32'(c_level) + 32'(g_mid));
    if (k_take) assert (!g_level[CQW] && g_room && c_room);
    if (pop) assert (!g_out[CQW]);
    // What is offered is written, and nothing else is.
    assert (wb_valid == (o_valid && known && g_write && !v_bad));
    if (idle) assert (!pop && !wb_valid && g_level == '0);
    cover (held_q[CQW] && g_out == (CQW + 1)'(2));
  end
`endif
`endif

endmodule

`default_nettype wire
