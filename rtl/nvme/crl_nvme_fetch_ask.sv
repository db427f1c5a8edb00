// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_fetch_ask: requests the entries of a grant in bursts, moves the head, and says when the grant is done.
//
// How: a burst ends with the grant, after eight entries, at the end of the page (64 entries) or of the queue. Each is told to who
//   takes the beats (q_*). When the last one is taken by the port the tail is looked at again: is more there? On 'stop' the rest
//   of the grant goes back through rb_*, slots and room.
// Latency: n_valid to ar_valid 2 cycles; the last handshake on AR to d_valid 1 cycle, or 2 if it waited. Throughput: a burst a cycle.
// Assumes: n_* are as crl_nvme_fetch_want makes them; q_* always has room.
`default_nettype none

module crl_nvme_fetch_ask #(
    parameter int DATA_W = 64,              // 64 to 512, a power of two
    parameter int FUNC_W = 8,
    parameter int DEPTH  = 16,
    parameter int QW     = 4,
    parameter int SQE_W  = crl_pkg::NVME_SQE_W,
    localparam int CW    = $clog2(DEPTH) + 1
) (
`ifdef CRL_GHOST
    input  wire logic [QW-1:0]     f_q,       // proofs follow this queue: its
    input  wire logic [11:0]       f_head,    // head,
    input  wire logic [11:0]       f_size,    // size,
    input  wire logic [51:0]       f_page,    // page,
    input  wire logic [FUNC_W-1:0] f_func,    // function,
    input  wire logic [12:0]       f_there,   // entries
    input  wire logic [7:0]        f_max,     // and the grant that is out
    output logic                   f_mine,    // it is the queue's grant
    output logic      [7:0]        f_left,    // entries not requested yet
    output logic      [7:0]        f_cnt,     // requested
    output logic                   f_ar_mine, // the burst that is shown is the queue's
`endif
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high
    input  wire logic              stop,      // level: begin no burst

    input  wire logic              n_valid,   // entries to read
    output logic                   n_ready,
    input  wire logic [QW-1:0]     n_qid,
    input  wire logic [CW-1:0]     n_cnt,
    input  wire logic [11:0]       n_head,
    input  wire logic [11:0]       n_size,
    input  wire logic [51:0]       n_page,
    input  wire logic [FUNC_W-1:0] n_func,
    input  wire logic              n_park,
    input  wire logic              n_halt,

    output logic                   ar_soon,   // ar_valid comes in the next cycle
    output logic                   ar_valid,  // read client
    input  wire logic              ar_ready,
    output logic      [63:0]       ar_addr,
    output logic      [7:0]        ar_len,
    output logic      [FUNC_W-1:0] ar_user,

    output logic                   mv,        // event: a burst is begun: the new head, and
    output logic      [QW-1:0]     qid,
    output logic      [11:0]       mv_head,
    output logic      [2:0]        q_last,    // its entries less one

    output logic                   rb_valid,  // slots of what is not requested; stays until rb_ready
    input  wire logic              rb_ready,
    output logic      [CW-1:0]     rb_cnt,    // and its room

    output logic                   look,      // t_tail is of 'qid' now
    input  wire logic [11:0]       t_tail,
    output logic                   d_valid,   // event: the grant is used up
    output logic      [QW-1:0]     d_qid,
    output logic      [7:0]        d_cnt,
    output logic                   d_more,
    output logic                   d_park,
    output logic                   busy
);

  localparam int BEATS = SQE_W / DATA_W;   // of an entry

  logic              c_valid_q, c_halt_q, c_park_q, c_new_q;
  logic              c_more_q, c_end_q, m_all;           // something is left to request, nothing is; the burst requests all that is
  logic [QW-1:0]     c_qid_q;
  logic [CW-1:0]     c_left_q, c_cnt_q, left;
  logic [11:0]       c_head_q, c_size_q, c_rest_q;       // c_rest: entries from the head to the queue's last, less one
  logic [51:0]       c_page_q;
  logic [FUNC_W-1:0] c_func_q;
  logic              halt, begin_burst, over, wrap;
  logic [2:0]        m_left, m_page, m_rest, m_two, last;   // entries less one, at most 7
  logic [3:0]        count;
  logic [10:0]       beats;

  assign n_ready = !c_valid_q;
  assign left    = c_left_q - 1'b1;
  assign m_left  = left[CW-1:3] != '0 ? 3'd7 : left[2:0];
  assign m_page  = c_head_q[5:3] != 3'd7 ? 3'd7 : ~c_head_q[2:0];
  assign m_rest  = c_rest_q[11:3] != '0 ? 3'd7 : c_rest_q[2:0];
  assign m_two   = m_page < m_rest ? m_page : m_rest;
  assign last    = m_left < m_two ? m_left : m_two;
  assign m_all   = left == {{(CW-3){1'b0}}, last};
  assign count   = {1'b0, last} + 4'd1;
  assign beats   = {8'd0, last} * 11'(BEATS) + 11'(BEATS - 1);

  assign halt        = stop || c_halt_q;
  assign begin_burst = c_more_q && !halt && (!ar_valid || ar_ready);
  assign ar_soon     = c_more_q && !halt && !ar_valid;   // not of ar_ready: that is far away
  assign rb_valid    = c_more_q && halt;
  assign rb_cnt      = c_left_q;
  assign look        = c_end_q && (!ar_valid || c_new_q);
  assign over        = look && (!ar_valid || ar_ready);

  assign qid     = c_qid_q;
  assign mv      = begin_burst;
  assign wrap    = c_rest_q[11:3] == '0 && c_rest_q[2:0] <= m_page && (left[CW-1:3] != '0 || c_rest_q[2:0] <= left[2:0]);   // last is all the rest
  assign mv_head = wrap ? '0 : c_head_q + {9'd0, last} + 12'd1;
  assign q_last  = last;
  assign busy    = c_valid_q || ar_valid || d_valid;

  always_ff @(posedge clk) begin
    if (rst) begin
      c_valid_q <= 1'b0;
      c_more_q  <= 1'b0;
      c_end_q   <= 1'b0;
      ar_valid  <= 1'b0;
      d_valid   <= 1'b0;
    end else begin
      if (!c_valid_q) begin
        c_valid_q <= n_valid;
        c_more_q  <= n_valid && n_cnt != '0;
        c_end_q   <= n_valid && n_cnt == '0;
      end else if (begin_burst ? m_all : rb_valid && rb_ready) begin
        c_more_q <= 1'b0;
        c_end_q  <= 1'b1;
      end else if (over) begin
        c_valid_q <= 1'b0;
        c_end_q   <= 1'b0;
      end
      if (begin_burst)   ar_valid <= 1'b1;
      else if (ar_ready) ar_valid <= 1'b0;
      d_valid <= over;
    end
    c_new_q <= begin_burst;
    if (n_ready) begin
      c_qid_q  <= n_qid;
      c_left_q <= n_cnt;
      c_cnt_q  <= '0;
      c_head_q <= n_head;
      c_size_q <= n_size;
      c_rest_q <= n_size - n_head;
      c_page_q <= n_page;
      c_func_q <= n_func;
      c_park_q <= n_park;
      c_halt_q <= n_halt;
    end else begin
      c_halt_q <= halt;
      if (begin_burst) begin
        c_left_q <= c_left_q - CW'(count);
        c_cnt_q  <= c_cnt_q + CW'(count);
        c_head_q <= mv_head;
        c_rest_q <= wrap ? c_size_q : c_rest_q + {9'h1FF, ~last};   // less count
      end else if (rb_valid && rb_ready) c_left_q <= '0;
    end
    if (begin_burst) begin
      ar_addr <= {c_page_q + 52'(c_head_q[11:6]), c_head_q[5:0], 6'd0};
      ar_len  <= beats[7:0];
      ar_user <= c_func_q;
    end
    d_qid  <= c_qid_q;
    d_cnt  <= 8'(c_cnt_q);
    d_more <= t_tail != c_head_q;
    d_park <= c_park_q;
  end

  logic unused;

  assign unused = &{1'b0, beats[10:8]};

`ifdef CRL_GHOST
  assign f_mine = c_valid_q && c_qid_q == f_q;
  assign f_left = c_valid_q ? 8'(c_left_q) : '0;
  assign f_cnt  = 8'(c_cnt_q);

  always @(posedge clk) begin
    if (begin_burst) f_ar_mine <= c_qid_q == f_q;
    if (!rst) begin
`ifndef ROOM
      if (f_mine) begin
        assert (c_head_q == f_head && c_size_q == f_size && c_rest_q == f_size - f_head && c_page_q == f_page && c_func_q == f_func);
        assert (13'(c_left_q) <= f_there && 8'(c_left_q) + 8'(c_cnt_q) <= f_max);
      end
`endif
      if (c_valid_q) assert (8'(c_left_q) + 8'(c_cnt_q) <= 8'(DEPTH));
      assert (c_more_q == (c_valid_q && c_left_q != '0) && c_end_q == (c_valid_q && c_left_q == '0));
      if (c_valid_q && c_new_q) assert (ar_valid);
      if (c_valid_q && c_park_q) assert (c_left_q == '0 && c_cnt_q == '0);
    end
  end
`endif

endmodule

`default_nettype wire
