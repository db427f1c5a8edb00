// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_cqe: posts completion entries, and keeps the slots of the completion queues.
//
// How: crl_nvme_cqres has the reservations. A completion finds its queue by its SQ and waits in a FIFO, if it has to. Who is first there opens
//   a burst (g_*): base, tail and the rest of its queue are looked up. Those behind it that are of the same queue join,
//   one in two cycles, to 8, or to the end of the queue or of a page. The burst is closed when nobody can join any more, or
//   nobody waits and the port is free; closed bursts wait in a FIFO (h_*) for the port, if it is not free. What was handed over waits for its
//   response in another one: OKAY raises an interrupt event, an error stops the queue. Bursts of a stopped queue are void:
//   they end where they would be handed over, and give their slots back; so does a completion with s_drop, before the first FIFO.
// Latency: s_valid to wb_valid 3 cycles. Response to irq_valid or err_valid 1 cycle. Throughput: an entry in two cycles,
//   also if no two of them are of the same queue.
// Assumes: a queue is set up only when it has nothing under way; completions have a slot reserved.
`default_nettype none

module crl_nvme_cqe #(
    parameter int DATA_W = 64,
    parameter int QUEUES = 8,    // I/O queue pairs, 1 to 128
    parameter int FUNC_W = 8,
    parameter int DEPTH  = 16,   // entries waiting, a power of two, at least 2
    parameter int BURSTS = 32,   // without a response, a power of two, at least 2
    parameter int CLOSED = 8,    // complete ones that wait for the port, likewise
    parameter int BEATS  = DATA_W < 512 ? 4096 / DATA_W : 8,  // of complete and incomplete ones, likewise, at least 8
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic                clk,
    input  wire logic                rst,        // synchronous, active high

    input  wire logic                cfg_we,     // set-up bus
    input  wire logic [QW-1:0]       cfg_qid,
    input  wire logic                cfg_cq,
    input  wire logic                cfg_valid,
    input  wire logic [11:0]         cfg_size,
    input  wire logic [63:0]         cfg_base,
    input  wire logic [FUNC_W-1:0]   cfg_func,
    input  wire logic [QW-1:0]       cfg_cqid,
    input  wire logic [7:0]          cfg_vec,
    input  wire logic                cfg_ien,

    input  wire logic                rs_valid,   // event: slots wanted
    input  wire logic [QW-1:0]       rs_qid,     // an SQ
    input  wire logic [7:0]          rs_want,
    output logic                     rs_done,    // event
    output logic      [7:0]          rs_got,     // so many were reserved
    input  wire logic [QW-1:0]       su_qid,     // an SQ, combinational:
    output logic                     su_sure,    // a reservation for it that begins in two cycles gets up to 7 slots
    input  wire logic                rb_valid,   // event: slots that are not used
    input  wire logic [QW-1:0]       rb_qid,     // an SQ
    input  wire logic [7:0]          rb_cnt,
    input  wire logic                rs2_valid,  // level, second way: one slot wanted
    input  wire logic [QW-1:0]       rs2_qid,    // an SQ
    output logic                     rs2_ready,
    output logic                     rs2_got,    // with it: it was reserved
    input  wire logic                rb2_valid,  // one slot is not used
    input  wire logic [QW-1:0]       rb2_qid,    // an SQ
    output logic                     rb2_ready,

    input  wire logic                s_valid,    // completion of a command
    output logic                     s_ready,
    input  wire logic [QW-1:0]       s_qid,      // its SQ
    input  wire logic [15:0]         s_cid,
    input  wire logic [11:0]         s_sqhd,
    input  wire logic [10:0]         s_status,
    input  wire logic                s_dnr,
    input  wire logic                s_more,
    input  wire logic [31:0]         s_dw0,
    input  wire logic                s_drop,     // post nothing

    input  wire logic [QW-1:0]       lk_qid,     // a CQ
    output logic      [11:0]         lk_tail,    // its tail, with what is offered to the port

    input  wire logic                cq_rung,    // event: new head
    input  wire logic [QW-1:0]       cq_qid,
    input  wire logic [11:0]         cq_head,
    output logic                     unpark,     // event: a completion queue has room again

    output logic                     wb_soon,    // write client
    output logic                     wb_valid,
    input  wire logic                wb_ready,
    output logic                     wb_first,
    output logic                     wb_last,
    output logic      [63:0]         wb_addr,
    output logic      [7:0]          wb_len,
    output logic      [FUNC_W-1:0]   wb_user,
    output logic      [DATA_W-1:0]   wb_data,
    output logic      [DATA_W/8-1:0] wb_strb,
    input  wire logic                wb_b_valid, // event: response of the oldest burst
    input  wire logic [1:0]          wb_b_resp,

    output logic                     irq_valid,  // event: entries are in memory
    output logic      [7:0]          irq_vec,
    output logic      [QW-1:0]       irq_qid,    // of this CQ,
    output logic      [3:0]          irq_cnt,    // so many,
    output logic      [11:0]         irq_tail,   // to here
    output logic                     err_valid,  // event: a write failed
    output logic      [QW-1:0]       err_qid,    // of this CQ
    output logic                     idle        // nothing waits, no response is owed
);

  initial if (QUEUES < 1 || QUEUES > 128) $fatal(1, "crl_nvme_cqe: QUEUES must be 1 to 128");

  localparam int C_W = 32 + 12 + 16 + 11 + 2 + QW;  // a completion: dw0, sqhd, cid, status, dnr, more, SQ

  // ---------------------------------------------------------------------------------------------
  // In: the completion queue of the SQ. What is dropped goes no further.

  logic           i_valid_q, i_drop_q, i_leave, i_back;
  logic [C_W-1:0] i_data_q, w_data, f_data, e_data_q;
  logic [QW-1:0]  s_cq, i_cq_q, w_cq, f_cq;
  logic           in, w_valid, w_none, f_valid, f_same, f_pop, f_room;   // in: a completion that is not dropped; w_valid: others wait before it
  logic           gb_q, gb_free, gb_ready;      // slots on their way back
  logic [QW-1:0]  gb_cq_q;
  logic [3:0]     gb_cnt_q;
  logic           c_dead, g_dead, h_dead;       // a burst's queue is stopped: of one that waits, of the one that is closed now, of the next one
  logic           c_go, g_go, mv_void;          // it may go on; it ends here
  logic [$clog2(DEPTH):0] waiting;

  crl_ram_lut #(.W(QW), .DEPTH(QN)) u_cqid (
      .clk, .we(cfg_we && !cfg_cq), .waddr(cfg_qid), .wdata(cfg_cqid), .raddr(s_qid), .rdata(s_cq)
  );

  assign i_back  = i_valid_q && i_drop_q;
  assign i_leave = i_drop_q ? gb_free : f_room;
  assign s_ready = !i_valid_q || i_leave;

  always_ff @(posedge clk) begin
    if (rst)          i_valid_q <= 1'b0;
    else if (s_ready) i_valid_q <= s_valid;
    if (s_ready) begin
      i_drop_q <= s_drop;
      i_cq_q   <= s_cq;
      i_data_q <= {s_qid, s_dnr, s_more, s_status, s_cid, s_sqhd, s_dw0};
    end
  end

  assign in      = i_valid_q && !i_drop_q;
  assign f_valid = w_valid || in;
  assign f_cq    = w_none ? i_cq_q : w_cq;
  assign f_data  = w_none ? i_data_q : w_data;

  crl_fifo_head #(.W(QW + C_W), .DEPTH(DEPTH)) u_wait (
      .clk, .rst, .s_valid(in), .s_ready(f_room), .s_past(i_go && w_none), .s_data({i_cq_q, i_data_q}),
      .m_valid(w_valid), .m_none(w_none), .m_ready(w_go), .m_data({w_cq, w_data}), .level(waiting)
  );

  // ---------------------------------------------------------------------------------------------
  // Queues

  localparam int CQ_W = 12 + 52 + FUNC_W + 8 + 1;

  logic [CQ_W-1:0] cq;
  logic [12:0]     tail, tail_next;  // {odd pass, index}
  logic            close;            // a burst is complete

  crl_ram_lut #(.W(CQ_W), .DEPTH(QN)) u_cq (
      .clk, .we(cfg_we && cfg_cq), .waddr(cfg_qid), .wdata({cfg_size, cfg_base[63:12], cfg_func, cfg_vec, cfg_ien}),
      .raddr(f_cq), .rdata(cq)
  );

  logic [QW-1:0] g_cq_q;

  crl_ram_clr #(.W(13), .DEPTH(QN)) u_tail (
      .clk, .rst, .clr(cfg_we && cfg_cq), .caddr(cfg_qid), .we(close), .waddr(g_cq_q), .wdata(tail_next),
      .raddr(f_cq), .rdata(tail)
  );

  // ---------------------------------------------------------------------------------------------
  // Gathering

  logic              g_open_q, g_ien_q, g_odd_q;
  logic [11:0]       g_size_q, g_slot_q;   // of the entry that joined last
  logic [51:0]       g_base_q;
  logic [FUNC_W-1:0] g_func_q;
  logic [7:0]        g_vec_q;
  logic [11:0]       g_first_q;
  logic [3:0]        g_count_q;
  logic              g_end_q, g_whole_q;   // that entry is the last one of the queue; nobody can join behind it,
  logic              n_end_q, n_whole_q;   //   and so of the one behind it, from the second cycle on
  logic              o_ok, j_ok, w_same, i_same, w_go, i_go, opens, joins, e_valid_q;   // w_go, i_go: who waits, who comes is let in
  logic              beat_room, c_room, c_any, c_none, mv_ready;   // c_any: closed ones wait

  // Who waits and who comes are both looked at, so that the choice comes last.
  assign w_same  = w_cq == g_cq_q;
  assign i_same  = i_cq_q == g_cq_q;
  assign f_same  = w_none ? i_same : w_same;
  assign o_ok    = !g_open_q && beat_room;                               // somebody may open,
  assign j_ok    = g_open_q && !g_whole_q && !e_valid_q && beat_room;   //   or join
  assign w_go    = o_ok || (j_ok && w_same);
  assign i_go    = o_ok || (j_ok && i_same);
  assign opens   = f_valid && o_ok;
  assign joins   = f_valid && j_ok && f_same;
  assign f_pop   = w_none ? in && i_go : w_go;
  assign close   = g_open_q && c_room && (g_whole_q || (f_valid ? !f_same : mv_ready && !c_any));

  assign tail_next = {g_odd_q ^ g_end_q, g_end_q ? 12'd0 : g_slot_q + 12'd1};

  always_ff @(posedge clk) begin
    if (rst) begin
      g_open_q  <= 1'b0;
      e_valid_q <= 1'b0;
    end else begin
      if (opens)         g_open_q <= 1'b1;
      else if (close)    g_open_q <= 1'b0;
      e_valid_q <= f_pop;
    end
    if (f_pop) e_data_q <= f_data;
    if (opens) begin
      {g_size_q, g_base_q, g_func_q, g_vec_q, g_ien_q} <= cq;
      g_cq_q              <= f_cq;
      {g_odd_q, g_slot_q} <= tail;
      g_first_q           <= tail[11:0];
      g_count_q           <= 4'd1;
      g_end_q             <= tail[11:0] == cq[CQ_W-1 -: 12];
      g_whole_q           <= tail[11:0] == cq[CQ_W-1 -: 12] || tail[7:0] == '1;
    end else if (joins) begin
      g_slot_q  <= g_slot_q + 12'd1;
      g_count_q <= g_count_q + 4'd1;
      g_end_q   <= n_end_q;
      g_whole_q <= n_whole_q;
    end
    n_end_q   <= g_slot_q + 12'd1 == g_size_q;
    n_whole_q <= g_slot_q + 12'd1 == g_size_q || g_slot_q[7:0] == 8'hFE || g_count_q == 4'd7;
  end

  // ---------------------------------------------------------------------------------------------
  // Closed bursts, and slots that go back; a completion that is dropped goes first, so that s_ready does not follow the bursts.

  localparam int H_W = 64 + 4 + 12 + QW + FUNC_W + 8 + 1;

  logic [H_W-1:0]         now_item, c_item;   // the one that is closed now, the oldest that waits
  logic [63:0]            h_addr;
  logic [3:0]             h_count;
  logic [11:0]            h_tail;
  logic [QW-1:0]          h_cq, c_cq;
  logic [FUNC_W-1:0]      h_func;
  logic [7:0]             h_vec;
  logic                   h_ien, mv_valid, sent_room;
  logic [$clog2(CLOSED):0] closed;
  logic [QN-1:0]          live_q;      // set up, and no write failed

  assign now_item = {g_base_q + 52'(g_first_q[11:8]), g_first_q[7:0], 4'd0, g_count_q, tail_next[11:0], g_cq_q, g_func_q, g_vec_q, g_ien_q};
  assign {h_addr, h_count, h_tail, h_cq, h_func, h_vec, h_ien} = c_none ? now_item : c_item;

  crl_fifo_head #(.W(H_W), .DEPTH(CLOSED)) u_closed (
      .clk, .rst, .s_valid(close), .s_ready(c_room), .s_past(g_go && c_none), .s_data(now_item),
      .m_valid(c_any), .m_none(c_none), .m_ready(c_go), .m_data(c_item), .level(closed)
  );

  // Both are looked up, so that the choice comes last.
  assign c_cq     = c_item[FUNC_W + 9 +: QW];
  assign c_dead   = !live_q[c_cq];
  assign g_dead   = !live_q[g_cq_q];
  assign h_dead   = c_any ? c_dead : g_dead;
  assign c_go     = mv_ready && (c_dead ? gb_free && !i_back : sent_room);
  assign g_go     = mv_ready && (g_dead ? gb_free && !i_back : sent_room);
  assign mv_valid = c_any ? c_go : close && g_go;
  assign mv_void  = mv_valid && h_dead;

  crl_ram_clr #(.W(12), .DEPTH(QN)) u_offered (
      .clk, .rst, .clr(cfg_we && cfg_cq), .caddr(cfg_qid), .we(mv_valid && !h_dead), .waddr(h_cq), .wdata(h_tail),
      .raddr(lk_qid), .rdata(lk_tail)
  );

  assign gb_free = !gb_q;

  always_ff @(posedge clk) begin
    if (rst)          gb_q <= 1'b0;
    else if (gb_free) gb_q <= mv_void || i_back;
    else if (gb_ready) gb_q <= 1'b0;
    if (gb_free) begin
      gb_cq_q  <= i_back ? i_cq_q : h_cq;
      gb_cnt_q <= i_back ? 4'd1 : h_count;
    end
  end

  crl_nvme_cqres #(.QUEUES(QUEUES)) u_res (
      .clk, .rst, .cfg_we, .cfg_qid, .cfg_cq, .cfg_valid, .cfg_size, .cfg_cqid,
      .rs_valid, .rs_qid, .rs_want, .rs_done, .rs_got, .su_qid, .su_sure, .rb_valid, .rb_qid, .rb_cnt,
      .rs2_valid, .rs2_qid, .rs2_ready, .rs2_got, .rb2_valid, .rb2_qid, .rb2_ready,
      .gb_valid(gb_q), .gb_ready, .gb_cq(gb_cq_q), .gb_cnt(gb_cnt_q), .cq_rung, .cq_qid, .cq_head, .unpark
  );

  // ---------------------------------------------------------------------------------------------
  // Out

  logic [crl_pkg::NVME_CQE_W-1:0] entry;
  logic [QW-1:0]                  e_sq;
  logic                           out_busy;

  always_comb begin
    entry = '0;
    {e_sq, entry[crl_pkg::NVME_CQE_DNR_LSB], entry[crl_pkg::NVME_CQE_MORE_LSB],
     entry[crl_pkg::NVME_CQE_STATUS_LSB +: 11], entry[crl_pkg::NVME_CQE_CID_LSB +: 16],
     entry[crl_pkg::NVME_CQE_SQHD_LSB +: 12], entry[crl_pkg::NVME_CQE_DW0_LSB +: 32]} = e_data_q;
    entry[crl_pkg::NVME_CQE_SQID_LSB +: 16] = 16'(e_sq);
    entry[crl_pkg::NVME_CQE_PHASE_LSB]      = !g_odd_q;
  end

  crl_nvme_cqout #(.DATA_W(DATA_W), .FUNC_W(FUNC_W), .BEATS(BEATS)) u_out (
      .clk, .rst, .e_valid(e_valid_q), .e_data(entry), .e_slot(g_slot_q[7:0]), .e_close(close), .room(beat_room),
      .mv_valid, .mv_ready, .mv_addr(h_addr), .mv_count(h_count), .mv_user(h_func), .mv_void, .busy(out_busy),
      .wb_valid, .wb_ready, .wb_first, .wb_last, .wb_addr, .wb_len, .wb_user, .wb_data, .wb_strb
  );

  assign wb_soon = f_valid || g_open_q || c_any;

  // ---------------------------------------------------------------------------------------------
  // Responses come in the order of the bursts.

  logic                    sent_any, sent_ien;
  logic [QW-1:0]           sent_cq;
  logic [7:0]              sent_vec;
  logic [3:0]              sent_count;
  logic [11:0]             sent_tail;
  logic [$clog2(BURSTS):0] owed;

  crl_fifo #(.W(QW + 25), .DEPTH(BURSTS)) u_sent (
      .clk, .rst, .s_valid(mv_valid && !mv_void), .s_ready(sent_room), .s_data({h_cq, h_vec, h_count, h_tail, h_ien}),
      .m_valid(sent_any), .m_ready(wb_b_valid), .m_data({sent_cq, sent_vec, sent_count, sent_tail, sent_ien}), .level(owed)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      irq_valid <= 1'b0;
      err_valid <= 1'b0;
      live_q    <= '0;
    end else begin
      irq_valid <= wb_b_valid && sent_any && !wb_b_resp[1] && sent_ien;
      err_valid <= wb_b_valid && sent_any && wb_b_resp[1];
      if (wb_b_valid && sent_any && wb_b_resp[1]) live_q[sent_cq] <= 1'b0;
      if (cfg_we && cfg_cq) live_q[cfg_qid] <= cfg_valid;
    end
    irq_vec  <= sent_vec;
    irq_qid  <= sent_cq;
    irq_cnt  <= sent_count;
    irq_tail <= sent_tail;
    err_qid  <= sent_cq;
  end

  assign idle = !i_valid_q && !w_valid && !g_open_q && !c_any && !out_busy && !sent_any && !gb_q;

  logic unused;
  assign unused = &{1'b0, wb_b_resp[0], waiting, closed, owed, cfg_base[11:0]};

endmodule

`default_nettype wire
