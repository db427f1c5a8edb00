// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_fetch_get: takes the beats of entries that were requested, holds the entries and gives them out.
//
// How: beats are put together to an entry, entries wait in block RAM behind a register, or go past it. A burst waits in one FIFO for its last beat,
//   which moves the head that completions report, and in another one for its entries to leave. They leave if all its beats came without
//   an error, else they are thrown away one by one, the last one with the burst's slots (rb_*).
// Latency: a burst's last beat to m_valid 1 cycle if nothing is held, else 3. Throughput: an entry a cycle.
// Assumes: beats come in the order of the requests, as many as asked for; at most DEPTH entries are requested or held.
`default_nettype none

module crl_nvme_fetch_get #(
    parameter int DATA_W = 64,            // 64 to 512, a power of two
    parameter int DEPTH  = 16,            // entries requested or held
    parameter int QW     = 4,
    parameter int SQE_W  = crl_pkg::NVME_SQE_W
) (
`ifdef CRL_GHOST
    output logic                   f_out,     // an entry leaves or is thrown away,
    output logic      [QW-1:0]     f_out_qid, // of this queue;
    output logic      [7:0]        f_lost,    // so many of its burst, before it, were thrown away
    output logic      [7:0]        f_held,    // entries here
    output logic      [7:0]        f_beat,    // beats of an entry that is not whole
`endif
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high

    input  wire logic              q_valid,   // event: a burst is begun
    input  wire logic [QW-1:0]     q_qid,
    input  wire logic [2:0]        q_last,    // entries less one
    input  wire logic [11:0]       q_next,    // the head behind it

    input  wire logic              r_valid,   // beats, always taken
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last,

    output logic                   m_valid,   // entry
    input  wire logic              m_ready,
    output logic      [QW-1:0]     m_qid,
    output logic      [SQE_W-1:0]  m_sqe,

    output logic                   hd,        // event: a burst has come: the new head for completions
    output logic      [QW-1:0]     hd_qid,
    output logic      [11:0]       hd_head,

    output logic                   rb_valid,  // slots of a burst that failed; stays until rb_ready
    input  wire logic              rb_ready,
    output logic      [3:0]        rb_cnt,
    output logic                   err_valid, // event, with or after them
    output logic      [QW-1:0]     err_qid,
    output logic                   gone,      // event: an entry is not held any more
    output logic                   busy
);

  localparam int BEATS = SQE_W / DATA_W;              // of an entry
  localparam int BW    = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int LW    = $clog2(DEPTH) + 1;

  // --- beats to entries ----------------------------------------------------------------------------
  logic [BW-1:0]    beat_q;
  logic             whole, bad, part_bad_q;   // an entry is complete; its burst failed
  logic [SQE_W-1:0] data, part_q;

  assign whole = r_valid && (BEATS == 1 || beat_q == BW'(BEATS - 1));
  assign bad   = part_bad_q || r_resp[1];
  assign data  = SQE_W'({r_data, part_q} >> DATA_W);

  always_ff @(posedge clk) begin
    if (rst) begin
      beat_q     <= '0;
      part_bad_q <= 1'b0;
    end else if (r_valid) begin
      beat_q     <= whole ? '0 : beat_q + 1'b1;
      part_bad_q <= !r_last && bad;
    end
    if (r_valid) part_q <= data;
  end

  // --- what waits ----------------------------------------------------------------------------------
  logic          f_valid, f_pop, s_valid, s_bad, s_pop, w_valid, f_room, s_room, w_room;
  logic [2:0]    w_last, s_last, at_q;   // a burst's entries less one; of those, which is next
  logic [QW-1:0] s_qid;
  logic          open, last;
  logic [LW-1:0] f_level, s_level, w_level;

  crl_fifo_bram #(.W(SQE_W), .DEPTH(DEPTH), .OUTREG(1), .BYPASS(1)) u_entries (
      .clk, .rst, .s_valid(whole), .s_ready(f_room), .s_data(data),
      .m_valid(f_valid), .m_ready(f_pop), .m_data(m_sqe), .level(f_level)
  );
  crl_fifo #(.W(QW + 3 + 12), .DEPTH(DEPTH), .OUTREG(1)) u_asked (
      .clk, .rst, .s_valid(q_valid), .s_ready(w_room), .s_data({q_qid, q_last, q_next}),
      .m_valid(w_valid), .m_ready(hd), .m_data({hd_qid, w_last, hd_head}), .level(w_level)
  );
  crl_fifo #(.W(1 + QW + 3), .DEPTH(DEPTH)) u_come (
      .clk, .rst, .s_valid(hd), .s_ready(s_room), .s_data({bad, hd_qid, w_last}),
      .m_valid(s_valid), .m_ready(s_pop), .m_data({s_bad, s_qid, s_last}), .level(s_level)
  );

  assign hd = whole && r_last;

  // --- out -----------------------------------------------------------------------------------------
  assign open     = f_valid && s_valid;
  assign last     = at_q == s_last;
  assign m_valid  = open && !s_bad;
  assign m_qid    = s_qid;
  assign rb_valid = open && s_bad && last;
  assign rb_cnt   = {1'b0, s_last} + 4'd1;
  assign f_pop    = open && (s_bad ? !last || rb_ready : m_ready);
  assign s_pop    = f_pop && last;
  assign busy     = w_level != '0 || s_level != '0 || gone || err_valid;

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
    err_qid <= s_qid;
  end

  logic unused;

  assign unused = &{1'b0, r_resp[0], f_room, s_room, w_room, w_valid, f_level};

`ifdef CRL_GHOST
  logic f_past_q;

  initial f_past_q = 1'b0;
  assign f_out     = f_pop;
  assign f_out_qid = s_qid;
  assign f_lost    = s_valid && s_bad ? 8'(at_q) : '0;
  assign f_held    = 8'(f_level);
  assign f_beat    = 8'(beat_q);

  always @(posedge clk) begin
    f_past_q <= 1'b1;
    if (f_past_q && !rst) begin
      assert (!whole || f_room);
      if (at_q != '0) assert (s_valid && at_q <= s_last);
      assert (8'(beat_q) < 8'(BEATS));
`ifdef ENDS
      if (hd) assert (w_valid && s_room);
      if (q_valid) assert (w_room);
`endif
    end
  end
`endif

endmodule

`default_nettype wire
