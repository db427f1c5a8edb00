// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_read: the read half of the memory port: AR arbiter and read buffer.
//
// How: descriptor bursts carry ID 0, data bursts ID 1. Descriptors go first until enough are held or requested to cover the
//   fetch latency (the last one measured, or the wait so far if that is longer); from then on data goes first. Data beats wait in a block-RAM FIFO in which they were given room
//   before they were requested; the worst response of each data burst goes into a FIFO of its own when its last beat is in.
// Latency: ar_push to m_axi_arvalid 1 cycle; R to d_valid 3 cycles, 1 where nothing waits in the buffer.
// Throughput: one AR and one R a cycle.
// Assumes: pushes at most every second cycle, and only while rd_room was high up to 4 cycles before; responses of one ID in order.
// Source: design sections 4 to 6.
`default_nettype none

module crl_dma_read #(
    parameter int DATA_W   = 64,
    parameter int FUNC_W   = 8,
    parameter int ID_W     = 4,
    parameter int PREFETCH = 64,
    parameter int MAX_BURST_BYTES = 512,
    parameter int READS_IN_FLIGHT = 64,
    parameter int BUF_BEATS = 512,               // power of two
    localparam int B       = DATA_W / 8,
    localparam int PW      = $clog2(PREFETCH)
) (
    input  wire logic              clk,
    input  wire logic              rst,

    // Descriptor client
    input  wire logic              f_ar_valid,
    output logic                   f_ar_ready,
    input  wire logic [63:0]       f_ar_addr,
    input  wire logic [7:0]        f_ar_len,
    input  wire logic [FUNC_W-1:0] f_ar_user,
    input  wire logic              f_plenty,    // enough descriptors are held or requested
    output logic      [PW:0]       f_enough,    // how many that is
    output logic                   f_r_valid,
    input  wire logic              f_r_ready,
    output logic      [DATA_W-1:0] f_r_data,
    output logic      [1:0]        f_r_resp,
    output logic                   f_r_last,

    // Data client
    output logic                   rd_room,
    input  wire logic              ar_push,     // event
    input  wire logic [63:0]       ar_addr,
    input  wire logic [7:0]        ar_len,
    input  wire logic [FUNC_W-1:0] ar_user,
    output logic                   d_valid,     // read beats, in order of the pushes
    input  wire logic              d_ready,
    output logic      [DATA_W-1:0] d_data,
    output logic                   e_valid,     // a burst is in completely: its worst response
    input  wire logic              e_ready,
    output logic      [1:0]        e_resp,

    output logic      [ID_W-1:0]   m_axi_arid,
    output logic      [63:0]       m_axi_araddr,
    output logic      [7:0]        m_axi_arlen,
    output logic      [2:0]        m_axi_arsize,
    output logic      [1:0]        m_axi_arburst,
    output logic      [3:0]        m_axi_arcache,
    output logic      [2:0]        m_axi_arprot,
    output logic      [FUNC_W-1:0] m_axi_aruser,
    output logic                   m_axi_arvalid,
    input  wire logic              m_axi_arready,
    input  wire logic [ID_W-1:0]   m_axi_rid,
    input  wire logic [DATA_W-1:0] m_axi_rdata,
    input  wire logic [1:0]        m_axi_rresp,
    input  wire logic              m_axi_rlast,
    input  wire logic              m_axi_rvalid,
    output logic                   m_axi_rready,

    input  wire logic              mark_req,    // its rise: tell when all data bursts pushed so far are in
    output logic                   mark_over,   // they are; stays until the next rise
    input  wire logic              rev_mark,    // event: the same for a revocation
    output logic                   rev_over,
    output logic                   pending,     // something is owed
    output logic                   progress     // a handshake
);

  localparam int BW  = $clog2(BUF_BEATS);
  localparam int MAX_BEATS = MAX_BURST_BYTES / B + 1;
  localparam int EDEPTH = 1 << $clog2(READS_IN_FLIGHT + 8);
  localparam int EW  = $clog2(EDEPTH);
  localparam int LAT_W = 12;
  localparam int NW    = LAT_W + $clog2(B) + 1;

  initial begin
    if (BUF_BEATS < 4 * MAX_BEATS) $fatal(1, "crl_dma_read: BUF_BEATS must hold four bursts");
    if (READS_IN_FLIGHT < 4) $fatal(1, "crl_dma_read: READS_IN_FLIGHT must be at least 4");
  end

  // ---------------------------------------------------------------- AR
  localparam int AW = 64 + 8 + FUNC_W;
  logic          a_valid, a_ready, a_ready_unused, sel_data, lock_q, lock_data_q;
  logic          passed_q;  // the fetch that waits
  logic [AW-1:0] a_word;
  logic [3:0]    a_level;
  logic [63:0]   a_addr;
  logic [7:0]    a_len;
  logic [FUNC_W-1:0] a_user;

  crl_fifo #(.W(AW), .DEPTH(8)) u_ar (
      .clk, .rst, .s_valid(ar_push), .s_ready(a_ready_unused), .s_data({ar_user, ar_len, ar_addr}),
      .m_valid(a_valid), .m_ready(a_ready), .m_data(a_word), .level(a_level)
  );
  assign {a_user, a_len, a_addr} = a_word;

  // A request that was shown stays until it is taken. With plenty of descriptors in hand data goes first, but only one
  // burst passes a fetch: it is for a channel that has next to nothing.
  assign sel_data = lock_q ? lock_data_q : a_valid && !(f_ar_valid && (!f_plenty || passed_q));
  assign m_axi_arvalid = sel_data ? a_valid : f_ar_valid;
  assign m_axi_arid    = {{(ID_W-1){1'b0}}, sel_data};
  assign m_axi_araddr  = sel_data ? a_addr : f_ar_addr;
  assign m_axi_arlen   = sel_data ? a_len : f_ar_len;
  assign m_axi_aruser  = sel_data ? a_user : f_ar_user;
  assign m_axi_arsize  = 3'($clog2(B));
  assign m_axi_arburst = 2'b01;
  assign m_axi_arcache = 4'b0011;
  assign m_axi_arprot  = 3'b000;
  assign a_ready       = sel_data && m_axi_arready;
  assign f_ar_ready    = !sel_data && m_axi_arready;

  always_ff @(posedge clk) begin
    if (rst) begin
      lock_q   <= 1'b0;
      passed_q <= 1'b0;
    end else begin
      lock_q   <= m_axi_arvalid && !m_axi_arready;
      passed_q <= f_ar_valid && !f_ar_ready && (passed_q || a_ready);
    end
    lock_data_q <= sel_data;
  end

  // ---------------------------------------------------------------- R
  logic           is_data, r_take, data_in, d_ready_unused, e_ready_unused;
  logic [1:0]     resp_q, resp_now;
  logic [EW:0]    e_level;
  logic [BW:0]    d_level;

  assign is_data      = m_axi_rid[0];
  assign m_axi_rready = is_data || f_r_ready;
  assign r_take       = m_axi_rvalid && m_axi_rready;
  assign data_in      = r_take && is_data && m_axi_rlast;  // a data burst is in
  assign f_r_valid    = m_axi_rvalid && !is_data;
  assign f_r_data     = m_axi_rdata;
  assign f_r_resp     = m_axi_rresp;
  assign f_r_last     = m_axi_rlast;
  assign resp_now     = m_axi_rresp > resp_q ? m_axi_rresp : resp_q;

  always_ff @(posedge clk) begin
    if (rst) resp_q <= 2'b00;
    else if (r_take && is_data) resp_q <= m_axi_rlast ? 2'b00 : resp_now;
  end

  crl_fifo_bram #(.W(DATA_W), .DEPTH(BUF_BEATS), .OUTREG(1), .BYPASS(1)) u_buf (
      .clk, .rst, .s_valid(r_take && is_data), .s_ready(d_ready_unused), .s_data(m_axi_rdata),
      .m_valid(d_valid), .m_ready(d_ready), .m_data(d_data), .level(d_level)
  );
  crl_fifo #(.W(2), .DEPTH(EDEPTH)) u_resp (
      .clk, .rst, .s_valid(data_in), .s_ready(e_ready_unused), .s_data(resp_now),
      .m_valid(e_valid), .m_ready(e_ready), .m_data(e_resp), .level(e_level)
  );

  // ---------------------------------------------------------------- room: promised beats and bursts
  logic [BW:0] beats_q;   // requested or held
  logic [EW:0] bursts_q;  // requested, or in and not taken
  logic [EW:0] out_q;     // requested and not in
  logic        push_q, d_take_q, e_take_q;
  logic [8:0]  push_beats_q;

  // Marks are set a cycle late, like the counts.
  logic [2:1] mark_q;
  logic       rev_mark_q, mark_set, mark_past, rev_past;

  assign mark_set  = mark_q[1] && !mark_q[2];
  assign mark_over = mark_past && !mark_set;
  assign rev_over  = rev_past && !rev_mark_q;

  crl_mark #(.W(EW + 1)) u_mark (
      .clk, .rst, .mark(mark_set), .held(out_q), .enter(push_q), .leave(data_in), .over(mark_past)
  );
  crl_mark #(.W(EW + 1)) u_rev (
      .clk, .rst, .mark(rev_mark_q), .held(out_q), .enter(push_q), .leave(data_in), .over(rev_past)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      beats_q  <= '0;
      bursts_q <= '0;
      out_q    <= '0;
      mark_q   <= '0;
      rev_mark_q <= 1'b0;
      push_q   <= 1'b0;
      d_take_q <= 1'b0;
      e_take_q <= 1'b0;
      rd_room  <= 1'b0;
    end else begin
      // All is counted a cycle late: what leaves is on the safe side, and for what comes there is room.
      push_q   <= ar_push;
      d_take_q <= d_valid && d_ready;
      e_take_q <= e_valid && e_ready;
      beats_q  <= beats_q + (push_q ? (BW + 1)'(push_beats_q) : '0) - {{BW{1'b0}}, d_take_q};
      bursts_q <= bursts_q + {{EW{1'b0}}, push_q} - {{EW{1'b0}}, e_take_q};
      out_q    <= out_q + {{EW{1'b0}}, push_q} - {{EW{1'b0}}, data_in};
      mark_q   <= {mark_q[1], mark_req};
      rev_mark_q <= rev_mark;
      rd_room  <= beats_q <= (BW + 1)'(BUF_BEATS - 4 * MAX_BEATS) && out_q <= (EW + 1)'(READS_IN_FLIGHT - 4)
                  && bursts_q <= (EW + 1)'(EDEPTH - 4) && a_level < 4'd4;
    end
    push_beats_q <= {1'b0, ar_len} + 9'd1;
  end

  // ---------------------------------------------------------------- how far to look ahead
  // A fetch that finds the port idle is timed from its AR handshake to its first beat: behind other reads it would wait for
  // them too, but while they are served the port is not idle, and that is all that looking ahead is for.
  // Enough is (latency + 8) * B / 32 + 2 descriptors, rounded up.
  logic             m_run_q, f_ar_take, f_first, f_first_q;
  logic [5:0]       f_out_q;
  logic [LAT_W-1:0] m_cnt_q, lat_q;
  logic [LAT_W-1:0] lat_now_q;
  logic [NW-1:0]    enough;

  assign f_ar_take = f_ar_valid && f_ar_ready;
  assign f_first   = f_r_valid && f_r_ready && f_first_q;
  assign enough    = (NW'(lat_now_q) * NW'(B) + NW'(8 * B + 31 + 2 * 32)) >> 5;

  always_ff @(posedge clk) begin
    if (rst) begin
      f_first_q <= 1'b1;
      f_out_q   <= '0;
      m_run_q   <= 1'b0;
      m_cnt_q   <= '0;
      lat_q     <= '0;
      lat_now_q <= '0;
      f_enough  <= '0;
    end else begin
      if (f_r_valid && f_r_ready) f_first_q <= f_r_last;
      f_out_q <= f_out_q + {5'd0, f_ar_take} - {5'd0, f_first};
      if (!m_run_q) begin
        if (f_ar_take && out_q == '0 && f_out_q == '0 && !a_valid) begin
          m_run_q   <= 1'b1;
          m_cnt_q   <= '0;
        end
      end else begin
        if (m_cnt_q != '1) m_cnt_q <= m_cnt_q + 1'b1;
        if (f_first) begin
          m_run_q <= 1'b0;
          lat_q   <= m_cnt_q;
        end
      end
      lat_now_q <= m_run_q && m_cnt_q > lat_q ? m_cnt_q : lat_q;
      f_enough <= enough > NW'(PREFETCH) ? (PW + 1)'(PREFETCH) : (PW + 1)'(enough);
    end
  end

  assign pending  = m_axi_arvalid || out_q != '0 || f_out_q != '0 || !f_first_q;
  assign progress = (m_axi_arvalid && m_axi_arready) || r_take;

  logic unused;
  assign unused = &{1'b0, a_ready_unused, d_ready_unused, e_ready_unused, e_level, d_level, m_axi_rid};

`ifndef SYNTHESIS
  logic begun_q;  // there was a reset: nothing holds of what registers are before it

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    if (rst) begun_q <= 1'b1;
    else if (begun_q) begin
      assert (!ar_push || a_ready_unused);
      assert (!(r_take && is_data) || d_ready_unused);
      assert (!data_in || e_ready_unused);
    end
  end
`endif

`ifdef FORMAL
`ifdef CRL_GHOST
  // What the memory owes: beats that were pushed and are not in, bursts that the port took and that are not in. Any beat
  // that is owed may come, whatever its burst, and end a burst or not: nothing below depends on that.
  logic [BW+1:0] g_owed;
  logic [EW:0]   g_asked;
  logic          g_past;

  initial g_past = 1'b0;

  always_ff @(posedge clk) begin
    g_past <= 1'b1;
    if (rst) begin
      g_owed  <= '0;
      g_asked <= '0;
    end else begin
      g_owed  <= g_owed + (ar_push ? (BW + 2)'(ar_len) + 1'b1 : '0) - (BW + 2)'(r_take && is_data);
      g_asked <= g_asked + (EW + 1)'(a_valid && a_ready) - (EW + 1)'(data_in);
    end
  end
  always @* if (m_axi_rvalid && is_data) assume (g_owed != '0 && g_asked != '0);

  always_ff @(posedge clk) if (g_past && !rst) begin
    // What is promised is what is owed or held; all of it has its place, and what the port was asked for is part of it.
    assert (32'(beats_q) + (push_q ? 32'(push_beats_q) : 0) == 32'(g_owed) + 32'(d_level) + 32'(d_take_q));
    assert (32'(bursts_q) == 32'(out_q) + 32'(e_level) + 32'(e_take_q));
    assert (32'(out_q) + 32'(push_q) == 32'(g_asked) + 32'(a_level));
    assert (32'(g_owed) + 32'(d_level) <= BUF_BEATS && 32'(bursts_q) + 32'(push_q) <= EDEPTH && 32'(out_q) + 32'(push_q) <= READS_IN_FLIGHT);
  end
`endif
`endif

endmodule

`default_nettype wire
