// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_move_end: ends of chunks in their order, and so of commands: responses of writes and results of comparisons.
//
// How: every chunk leaves an entry when it has gone out. An entry leaves when its response or its result is there, or at once if
//   it waits for none; what comes too early waits. The first thing that went wrong in a command is kept.
// Latency: response to e_valid 1 cycle, 4 from the entry. Throughput: a chunk a cycle.
// Assumes: no more than CHUNKS entries are here, nor responses that wait for one.
`default_nettype none

module crl_nvme_move_end #(
    parameter int OW     = 5,                   // bits of a tag
    parameter int CHUNKS = 32                   // power of two, at least 4
) (
    input  wire logic          clk,
    input  wire logic          rst,             // synchronous, active high

    input  wire logic          s_valid,         // event: a chunk went out
    input  wire logic [OW-1:0] s_tag,
    input  wire logic          s_first,         // of its command
    input  wire logic          s_last,
    input  wire logic [10:0]   s_status,        // of its command if nothing fails, with s_last
    input  wire logic          s_bad,           // its read failed, or one before it
    input  wire logic          s_rd_ns,         // it read the namespace, not the host's memory
    input  wire logic          s_wr_host,       // it writes the host's memory
    input  wire logic          s_wait_b,        // it wrote a burst
    input  wire logic          s_wait_c,        // it is compared
    input  wire logic          b_valid,         // event: response of the oldest burst
    input  wire logic          b_bad,           // an error
    input  wire logic          c_valid,         // result of the oldest comparison
    output logic               c_ready,
    input  wire logic          c_bad,           // the namespace could not be read
    input  wire logic          c_differs,

    output logic               over,            // event: a chunk is over
    output logic               e_valid,         // event: a command is
    output logic      [OW-1:0] e_tag,
    output logic      [10:0]   e_status
);

  // What went wrong first.
  localparam logic [2:0] NONE = 3'd0, TRANSFER = 3'd1, READ = 3'd2, WRITE = 3'd3, DIFFERS = 3'd4;

  localparam int CQW = $clog2(CHUNKS);

  logic          h_valid, h_first, h_last, h_bad, h_rd_ns, h_wr_host, h_wait_b, h_wait_c, room_h, room_b;
  logic [OW-1:0] h_tag;
  logic [10:0]   h_status;
  logic [CQW:0]  level_h, level_b;
  logic          early, early_bad, direct, wrong_b;  // responses that came early
  logic [2:0]    code_q, code;

  crl_fifo_bram #(.W(OW + 18), .DEPTH(CHUNKS), .OUTREG(1)) u_order (
      .clk, .rst, .s_valid, .s_ready(room_h),
      .s_data({s_tag, s_status, s_first, s_last, s_bad, s_rd_ns, s_wr_host, s_wait_b, s_wait_c}),
      .m_valid(h_valid), .m_ready(over), .m_data({h_tag, h_status, h_first, h_last, h_bad, h_rd_ns, h_wr_host, h_wait_b, h_wait_c}),
      .level(level_h)
  );
  crl_fifo #(.W(1), .DEPTH(CHUNKS)) u_early (
      .clk, .rst, .s_valid(b_valid && !direct), .s_ready(room_b), .s_data(b_bad),
      .m_valid(early), .m_ready(over && h_wait_b), .m_data(early_bad), .level(level_b)
  );

  // A response that finds its entry waiting goes straight on.
  assign direct  = b_valid && !early && h_valid && h_wait_b;
  assign wrong_b = h_wait_b && (early ? early_bad : b_bad);
  assign over    = h_valid && (!h_wait_b || early || b_valid) && (!h_wait_c || c_valid);
  assign c_ready = over && h_wait_c;

  always_comb begin
    code = h_first ? NONE : code_q;
    if (code == NONE) begin
      if (h_bad)                      code = h_rd_ns ? READ : TRANSFER;
      else if (wrong_b)               code = h_wr_host ? TRANSFER : WRITE;
      else if (h_wait_c && c_bad)     code = READ;
      else if (h_wait_c && c_differs) code = DIFFERS;
    end
  end

  always_ff @(posedge clk) begin
    if (rst) e_valid <= 1'b0;
    else     e_valid <= over && h_last;
    if (over) code_q <= code;
    e_tag    <= h_tag;
    e_status <= h_status;
    if (code == TRANSFER) e_status <= crl_pkg::NVME_STATUS_DATA_TRANSFER;
    if (code == READ)     e_status <= crl_pkg::NVME_STATUS_READ_ERROR;
    if (code == WRITE)    e_status <= crl_pkg::NVME_STATUS_WRITE_FAULT;
    if (code == DIFFERS)  e_status <= crl_pkg::NVME_STATUS_COMPARE_FAILURE;
  end

  logic unused;
  assign unused = &{1'b0, room_h, room_b, level_h, level_b};

`ifdef FORMAL
`ifdef CRL_GHOST_UNIT
  logic [CQW:0] g_in;      // entries
  logic [CQW:0] g_burst;   // of them, those that wait for a response
  logic [CQW:0] g_owed;    // responses that are owed: of bursts of which the last beat has been taken
  logic         g_past, g_last_q;
  logic [OW-1:0] g_tag_q;

  initial g_past = 1'b0;

  always_ff @(posedge clk) begin
    g_past   <= 1'b1;
    g_last_q <= !rst && over && h_last;
    g_tag_q  <= h_tag;
    if (rst) begin
      g_in    <= '0;
      g_burst <= '0;
      g_owed  <= '0;
    end else begin
      g_in    <= g_in + (CQW + 1)'(s_valid) - (CQW + 1)'(over);
      g_burst <= g_burst + (CQW + 1)'(s_valid && s_wait_b) - (CQW + 1)'(over && h_wait_b);
      g_owed  <= g_owed + (CQW + 1)'(s_valid && s_wait_b) - (CQW + 1)'(b_valid);
    end
  end
  always @* begin
    if (!g_past) assume (rst);
    if (g_in[CQW]) assume (!s_valid);
    if (b_valid) assume (g_owed != '0);
    if (s_valid) assume (!(s_wait_b && s_wait_c));
    // Entries that wait are entries; the FIFO's own order is proved elsewhere.
    if (h_valid && h_wait_b) assume (g_burst != '0 && !h_wait_c);
    assume (g_burst <= g_in);
  end

  always_ff @(posedge clk) if (g_past && !rst) begin
    assert (g_in == level_h && 32'(g_in) <= CHUNKS);
    if (s_valid) assert (room_h);
    // A response that is not owed any more and not used is in the FIFO of those that came early.
    assert (32'(g_burst) == 32'(g_owed) + 32'(level_b));
    if (b_valid && !direct) assert (room_b);
    // Nothing ends before its response, or its result, is there; each end is told once.
    if (over && h_wait_b) assert (early || b_valid);
    if (over && h_wait_c) assert (c_valid);
    assert (e_valid == g_last_q);
    if (e_valid) assert (e_tag == g_tag_q);
    cover (e_valid && code_q == WRITE && level_b == (CQW + 1)'(2));
    cover (e_valid && code_q == DIFFERS);
    cover (g_in[CQW]);
  end
`endif
`endif

endmodule

`default_nettype wire
