// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_fetch_get: takes the beats of entries that were requested, holds the entries and gives them out.
//
// How: beats are put together to an entry, entries wait in block RAM behind a register. What was requested waits in one FIFO, how
//   its beats came in another: an entry leaves when all beats of its burst are there without an error, else the burst's entries
//   are thrown away one by one, the last one with its slots (rb_*).
// Latency: a burst's last beat to m_valid 4 cycles, if its entry is the next. Throughput: an entry a cycle.
// Assumes: beats come in the order of the requests, as many as asked for; at most DEPTH entries are requested or held.
`default_nettype none

module crl_nvme_fetch_get #(
    parameter int DATA_W = 64,            // 64 to 512, a power of two
    parameter int DEPTH  = 16,            // entries requested or held
    parameter int QW     = 4
) (
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high

    input  wire logic              q_valid,   // event: a burst is begun
    input  wire logic [QW-1:0]     q_qid,
    input  wire logic [2:0]        q_last,    // entries less one
    input  wire logic [11:0]       q_head,    // its first entry
    input  wire logic              q_wrap,    // its last entry is the queue's last

    input  wire logic              r_valid,   // beats, always taken
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last,

    output logic                   m_valid,   // entry
    input  wire logic              m_ready,
    output logic      [QW-1:0]     m_qid,
    output logic      [511:0]      m_sqe,
    output logic      [11:0]       m_sqhd,

    output logic                   rb_valid,  // slots of a burst that failed; stays until rb_ready
    input  wire logic              rb_ready,
    output logic      [3:0]        rb_cnt,
    output logic                   err_valid, // event, with or after them
    output logic      [QW-1:0]     err_qid,
    output logic                   gone,      // event: an entry is not held any more
    output logic                   busy
);

  localparam int SQE_W = crl_pkg::NVME_SQE_W;
  localparam int BEATS = SQE_W / DATA_W;              // of an entry
  localparam int BW    = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int LW    = $clog2(DEPTH) + 1;

  // --- beats to entries ----------------------------------------------------------------------------
  logic [BW-1:0]    beat_q;
  logic             e_valid_q, e_last_q, e_bad_q, part_bad_q;   // an entry; the burst's last; its burst failed
  logic [SQE_W-1:0] e_data_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      beat_q     <= '0;
      e_valid_q  <= 1'b0;
      part_bad_q <= 1'b0;
    end else begin
      if (r_valid) beat_q <= BEATS == 1 || beat_q == BW'(BEATS - 1) ? '0 : beat_q + 1'b1;
      e_valid_q <= r_valid && (BEATS == 1 || beat_q == BW'(BEATS - 1));
      if (r_valid) part_bad_q <= !r_last && (part_bad_q || r_resp[1]);
    end
    e_last_q <= r_last;
    e_bad_q  <= part_bad_q || r_resp[1];
    if (r_valid) e_data_q <= SQE_W'({r_data, e_data_q} >> DATA_W);
  end

  // --- what waits ----------------------------------------------------------------------------------
  logic          f_valid, f_pop, f_room_unused, s_valid, s_bad, s_room_unused, i_valid, i_room_unused;
  logic          i_wrap, i_pop;
  logic [2:0]    i_last, at_q;       // the burst's entries less one; of those, which is next
  logic [11:0]   i_head;
  logic [QW-1:0] i_qid;
  logic          open, last;
  logic [LW-1:0] f_level_unused, s_level_unused, i_level;

  crl_fifo_bram #(.W(SQE_W), .DEPTH(DEPTH), .OUTREG(1)) u_entries (
      .clk, .rst, .s_valid(e_valid_q), .s_ready(f_room_unused), .s_data(e_data_q),
      .m_valid(f_valid), .m_ready(f_pop), .m_data(m_sqe), .level(f_level_unused)
  );
  crl_fifo #(.W(1), .DEPTH(DEPTH)) u_state (
      .clk, .rst, .s_valid(e_valid_q && e_last_q), .s_ready(s_room_unused), .s_data(e_bad_q),
      .m_valid(s_valid), .m_ready(i_pop), .m_data(s_bad), .level(s_level_unused)
  );
  crl_fifo #(.W(QW + 3 + 12 + 1), .DEPTH(DEPTH), .OUTREG(1)) u_bursts (
      .clk, .rst, .s_valid(q_valid), .s_ready(i_room_unused), .s_data({q_qid, q_last, q_head, q_wrap}),
      .m_valid(i_valid), .m_ready(i_pop), .m_data({i_qid, i_last, i_head, i_wrap}), .level(i_level)
  );

  // --- out -----------------------------------------------------------------------------------------
  assign open     = f_valid && s_valid && i_valid;
  assign last     = at_q == i_last;
  assign m_valid  = open && !s_bad;
  assign m_qid    = i_qid;
  assign m_sqhd   = last && i_wrap ? '0 : i_head + {9'd0, at_q} + 12'd1;
  assign rb_valid = open && s_bad && last;
  assign rb_cnt   = {1'b0, i_last} + 4'd1;
  assign f_pop    = open && (s_bad ? !last || rb_ready : m_ready);
  assign i_pop    = f_pop && last;
  assign busy     = i_level != '0 || gone || err_valid;

  always_ff @(posedge clk) begin
    if (rst) begin
      at_q      <= '0;
      err_valid <= 1'b0;
      gone      <= 1'b0;
    end else begin
      if (f_pop) at_q <= last ? '0 : at_q + 1'b1;
      err_valid <= rb_valid && rb_ready;
      gone      <= f_pop;
    end
    err_qid <= i_qid;
  end

  logic unused;

  assign unused = &{1'b0, r_resp[0], f_room_unused, s_room_unused, i_room_unused, f_level_unused, s_level_unused};

endmodule

`default_nettype wire
