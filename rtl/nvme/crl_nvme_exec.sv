// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_exec: commands in flight: from the verdict of crl_nvme_check to the completion.
//
//   s_* ─► take ─► c_* (walker)          p_* ─► cut ─► k_* (mover)        e_* ─► end ─► z_*
//            ├───► commands in order ────────────┤ ▲                               ▲
//            │                        DSM pieces ▼ │ ranges                        │
//            │                                   dsm ─► ar_*, ds_*                 │
//            └───► commands that need no memory ───────────────────────────────────┘
//
// How: crl_nvme_exec_take gives a command a slot; its walk begins at once, or waits. crl_nvme_exec_cut goes through the commands in the same order,
//   makes chunks of their pieces, and leaves Dataset Management to crl_nvme_exec_dsm for as long as its list takes. crl_nvme_exec_end
//   makes completions of what the mover says is over. Which queues are killed lies in LUT RAM, and is looked at
//   when a command begins, between its chunks, and when its completion is made. crl_nvme_exec_abort marks commands that have not begun.
// Latency: s_valid to c_valid 0 cycles; a piece to k_valid 1 (2 where a block of a Write ends in the next piece); e_valid to z_valid 1;
//   s_valid of a command that needs no memory to z_valid 2.
// Throughput: a command in two cycles; a chunk a cycle.
// Errors: what crl_nvme_check, crl_nvme_prp, crl_nvme_move and the judged ranges say; ABORT_REQUESTED, ANA_TRANSITION; DATA_TRANSFER for a list.
// Assumes: ranges and grants of a queue are not written, and it is not set up, while it is busy. On a reset nothing is owed by
//   memory, mover and walker.
`default_nettype none

module crl_nvme_exec #(
    parameter int DATA_W = 64,                   // 64, 128, 256, 512
    parameter int QUEUES = 8,                    // 1 to 128
    parameter int FUNC_W = 8,
    parameter int OPS    = 32,                   // commands in flight, a power of two, 4 to 256
    parameter int MAX_BURST_BYTES = 512,         // a power of two, a beat at least, 2048 at most
    parameter int NAMESPACES = 4,                // 1 to 16
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN),
    localparam int OW    = $clog2(OPS)
) (
    input  wire logic                  clk,
    input  wire logic                  rst,         // synchronous, active high

    input  wire logic                  cfg_we,      // set-up bus
    input  wire logic [QW-1:0]         cfg_qid,
    input  wire logic                  cfg_cq,

    input  wire logic                  s_valid,     // as m_* of crl_nvme_check
    output logic                       s_ready,
    input  wire logic                  s_ok,
    input  wire logic [10:0]           s_status,
    input  wire logic                  s_dnr,
    input  wire logic                  s_more,
    input  wire logic [QW-1:0]         s_qid,
    input  wire logic [15:0]           s_cid,
    input  wire logic [7:0]            s_op,
    input  wire logic [63:0]           s_addr,
    input  wire logic [31:0]           s_bytes,
    input  wire logic [31:0]           s_span,
    input  wire logic [63:0]           s_prp1,
    input  wire logic [63:0]           s_prp2,
    input  wire logic [FUNC_W-1:0]     s_func,
    input  wire logic [3:0]            s_nsi,
    input  wire logic [31:0]           s_nsid,      // of the same command
    input  wire logic [31:0]           s_cdw10,
    input  wire logic [31:0]           s_cdw11,
    input  wire logic [NAMESPACES-1:0] ana_change,  // sound commands of the namespace end with ANA_TRANSITION

    output logic                       c_valid,     // to crl_nvme_prp
    input  wire logic                  c_ready,
    output logic      [QW-1:0]         c_qid,
    output logic      [FUNC_W-1:0]     c_func,
    output logic      [63:0]           c_prp1,
    output logic      [63:0]           c_prp2,
    output logic      [31:0]           c_bytes,
    output logic      [7:0]            c_right,
    output logic      [7:0]            c_tag,
    input  wire logic                  p_valid,     // pieces
    output logic                       p_ready,
    input  wire logic [63:0]           p_addr,
    input  wire logic [12:0]           p_len,
    input  wire logic                  p_last,
    input  wire logic [7:0]            p_tag,
    input  wire logic                  p_error,
    input  wire logic [10:0]           p_status,

    output logic                       k_valid,     // to crl_nvme_move
    input  wire logic                  k_ready,
    output logic      [1:0]            k_kind,
    output logic      [63:0]           k_src,
    output logic      [63:0]           k_dst,
    output logic      [11:0]           k_len,
    output logic      [FUNC_W-1:0]     k_src_func,
    output logic      [FUNC_W-1:0]     k_dst_func,
    output logic                       k_to_host,
    output logic      [OW-1:0]         k_tag,
    output logic                       k_first,
    output logic                       k_last,
    output logic      [10:0]           k_status,
    input  wire logic                  e_valid,     // ends
    input  wire logic [OW-1:0]         e_tag,
    input  wire logic [10:0]           e_status,

    output logic                       ds_valid,    // ranges to crl_nvme_check
    input  wire logic                  ds_ready,
    output logic      [QW-1:0]         ds_qid,
    output logic      [3:0]            ds_nsi,
    output logic      [63:0]           ds_slba,
    output logic      [31:0]           ds_nlb,
    input  wire logic                  dv_valid,    // event: what came of one
    input  wire logic [10:0]           dv_status,
    input  wire logic [63:0]           dv_addr,
    input  wire logic [43:0]           dv_span,

    output logic                       ar_valid,    // read client: lists of ranges
    input  wire logic                  ar_ready,
    output logic      [63:0]           ar_addr,     // of the first byte
    output logic      [7:0]            ar_len,      // beats less one
    output logic      [FUNC_W-1:0]     ar_user,
    input  wire logic                  r_valid,     // always taken
    input  wire logic [DATA_W-1:0]     r_data,
    input  wire logic [1:0]            r_resp,
    input  wire logic                  r_last,

    output logic                       z_valid,     // completion, to crl_nvme_cqe
    input  wire logic                  z_ready,
    output logic      [QW-1:0]         z_qid,
    output logic      [15:0]           z_cid,
    output logic      [11:0]           z_sqhd,
    output logic      [10:0]           z_status,
    output logic                       z_dnr,
    output logic                       z_more,
    output logic      [31:0]           z_dw0,
    output logic                       z_drop,
    output logic      [QW-1:0]         hd_qid,      // SQ head for it, the same cycle
    input  wire logic [11:0]           hd_head,

    output logic                       lg_valid,    // event: a completion with MORE is handed over
    output logic      [QW-1:0]         lg_qid,
    output logic      [15:0]           lg_cid,
    output logic      [10:0]           lg_status,
    output logic      [31:0]           lg_nsid,
    output logic      [63:0]           lg_lba,

    input  wire logic                  kill_we,     // event: end the commands of a queue
    input  wire logic [QW-1:0]         kill_qid,
    input  wire logic [10:0]           kill_status,
    input  wire logic                  kill_drop,   // and post nothing
    input  wire logic                  drop_all,    // level: that for every queue
    input  wire logic                  ab_valid,    // event: abort a command
    input  wire logic [QW-1:0]         ab_qid,
    input  wire logic [15:0]           ab_cid,
    output logic                       ab_done,     // event
    output logic                       ab_found,    // it ends with ABORT_REQUESTED

    input  wire logic [QW-1:0]         busy_qid,
    output logic                       busy,        // commands of this queue are here
    output logic                       idle         // none at all are
);

  initial begin
    if (DATA_W != 64 && DATA_W != 128 && DATA_W != 256 && DATA_W != 512) $fatal(1, "crl_nvme_exec: DATA_W must be 64, 128, 256 or 512");
    if (QUEUES < 1 || QUEUES > 128) $fatal(1, "crl_nvme_exec: QUEUES must be 1 to 128");
    if (OPS < 4 || OPS > 256 || (OPS & (OPS - 1)) != 0) $fatal(1, "crl_nvme_exec: OPS must be a power of two, 4 to 256");
    if (MAX_BURST_BYTES < DATA_W / 8 || MAX_BURST_BYTES > 2048 || (MAX_BURST_BYTES & (MAX_BURST_BYTES - 1)) != 0)
      $fatal(1, "crl_nvme_exec: MAX_BURST_BYTES must be a power of two, a beat at least, 2048 at most");
    if (NAMESPACES < 1 || NAMESPACES > 16) $fatal(1, "crl_nvme_exec: NAMESPACES must be 1 to 16");
  end

  // --- commands come -----------------------------------------------------------------------------
  logic              t_valid, f_valid, n_valid, n_ready, n_dnr, n_more, pause;
  logic [OW-1:0]     t_slot, f_slot, x_slot;
  logic [10:0]       n_status;
  logic              x_valid, x_ready;
  logic [2:0]        x_op;
  logic [QW-1:0]     x_qid;
  logic [FUNC_W-1:0] x_func;
  logic [3:0]        x_nsi;
  logic [63:0]       x_addr;
  logic [28:0]       x_span;

  crl_nvme_exec_take #(.QW(QW), .FUNC_W(FUNC_W), .OPS(OPS), .NAMESPACES(NAMESPACES)) u_take (
      .clk, .rst, .s_valid, .s_ready, .s_ok, .s_status, .s_dnr, .s_more, .s_qid, .s_op, .s_addr, .s_bytes, .s_span,
      .s_prp1, .s_prp2, .s_func, .s_nsi, .s_count(s_cdw10[7:0]), .s_ad(s_cdw11[2]), .ana_change,
      .pause, .t_valid, .t_slot, .f_valid, .f_slot, .n_valid, .n_ready, .n_status, .n_dnr, .n_more,
      .c_valid, .c_ready, .c_qid, .c_func, .c_prp1, .c_prp2, .c_bytes, .c_right, .c_tag,
      .x_valid, .x_ready, .x_op, .x_slot, .x_qid, .x_func, .x_nsi, .x_addr, .x_span
  );

  // --- which are to end: one port for the command whose chunks are cut, one for completions of those that needed no memory; the others only
  // ask whether they are posted
  logic [QW-1:0] cut_qid, none_qid, end_qid;
  logic [12:0]   cut_look, cut_kill, none_kill;   // killed, drop, status
  logic          end_drop, kill_q;
  logic          mark, begun;

  crl_nvme_ram #(.W(13), .DEPTH(QN)) u_kill (
      .clk, .rst, .clr(cfg_we && !cfg_cq), .caddr(cfg_qid), .we(kill_we), .waddr(kill_qid), .wdata({1'b1, kill_drop, kill_status}),
      .a_addr(cut_qid), .a_data(cut_look), .b_addr(none_qid), .b_data(none_kill)
  );
  crl_ram_clr #(.W(1), .DEPTH(QN)) u_drop (
      .clk, .rst, .clr(cfg_we && !cfg_cq), .caddr(cfg_qid), .we(kill_we), .waddr(kill_qid), .wdata(kill_drop), .raddr(end_qid), .rdata(end_drop)
  );

  // Whether the command at work is killed comes from a register; the chunks wait until a new kill is in it.
  always_ff @(posedge clk) begin
    kill_q   <= !rst && kill_we;
    cut_kill <= cut_look;
  end

  crl_nvme_exec_abort #(.QW(QW), .OPS(OPS)) u_abort (
      .clk, .rst, .push(t_valid), .push_qid(s_qid), .push_cid(s_cid), .pop(begun), .mark,
      .ab_valid, .ab_qid, .ab_cid, .ab_done, .ab_found, .pause
  );

  // --- chunks ------------------------------------------------------------------------------------
  logic          d_free, d_valid, d_ready, d_run, d_over, i_valid, i_ready, i_end;
  logic [QW-1:0] d_qid;
  logic [OW-1:0] d_slot;
  logic [63:0]   i_addr;
  logic [43:0]   i_span;
  logic [10:0]   i_status;

  crl_nvme_exec_cut #(.QW(QW), .FUNC_W(FUNC_W), .OW(OW), .MAX_BURST_BYTES(MAX_BURST_BYTES)) u_cut (
      .clk, .rst, .x_valid, .x_ready, .x_op, .x_slot, .x_qid, .x_func, .x_addr, .x_span,
      .qid(cut_qid), .kd_on(cut_kill[12]), .kd_status(cut_kill[10:0]), .drop_all, .mark, .pause(pause || kill_we || kill_q), .begun,
      .p_valid, .p_ready, .p_addr, .p_len, .p_last, .p_error, .p_status,
      .d_free, .d_valid, .d_ready, .d_run, .d_qid, .d_slot, .i_valid, .i_ready, .i_addr, .i_span, .i_end, .i_status, .d_over,
      .k_valid, .k_ready, .k_kind, .k_src, .k_dst, .k_len, .k_src_func, .k_dst_func, .k_to_host, .k_tag, .k_first, .k_last, .k_status
  );
  crl_nvme_exec_dsm #(.DATA_W(DATA_W), .QW(QW), .FUNC_W(FUNC_W), .OW(OW), .MAX_BURST_BYTES(MAX_BURST_BYTES)) u_dsm (
      .clk, .rst, .free(d_free), .s_valid(d_valid), .s_ready(d_ready), .s_addr(p_addr), .s_len(p_len), .s_last(p_last),
      .s_error(p_error), .s_status(p_status), .c_slot(x_slot), .c_qid(x_qid), .c_func(x_func), .c_nsi(x_nsi),
      .c_count(x_span[7:0]), .c_ad(x_span[8]),
      .run(d_run), .qid(d_qid), .slot(d_slot), .i_valid, .i_ready, .i_addr, .i_span, .i_end, .i_status, .over(d_over),
      .ds_valid, .ds_ready, .ds_qid, .ds_nsi, .ds_slba, .ds_nlb, .dv_valid, .dv_status, .dv_addr, .dv_span,
      .ar_valid, .ar_ready, .ar_addr, .ar_len, .ar_user, .r_valid, .r_data, .r_resp, .r_last
  );

  // --- completions -------------------------------------------------------------------------------
  crl_nvme_exec_end #(.QUEUES(QUEUES), .OPS(OPS)) u_end (
      .clk, .rst, .t_valid, .t_slot, .n_valid, .n_ready, .n_status, .n_dnr, .n_more,
      .s_qid, .s_cid, .s_nsid, .s_lba({s_cdw11, s_cdw10}), .e_valid, .e_tag, .e_status, .f_valid, .f_slot,
      .kill_we, .kill_qid, .kill_drop, .drop_all,
      .kd_qid(none_qid), .kd_on(none_kill[12]), .kd_drop(none_kill[11]), .kd_status(none_kill[10:0]), .ke_qid(end_qid), .ke_drop(end_drop),
      .z_valid, .z_ready, .z_qid, .z_cid, .z_status, .z_dnr, .z_more, .z_drop, .lg_valid, .lg_nsid, .lg_lba,
      .busy_qid, .busy, .idle
  );

  assign hd_qid    = z_qid;
  assign z_sqhd    = hd_head;
  assign z_dw0     = '0;
  assign lg_qid    = z_qid;
  assign lg_cid    = z_cid;
  assign lg_status = z_status;

  logic unused;
  assign unused = &{1'b0, p_tag, cut_kill[11]};

`ifndef SYNTHESIS
  // Nothing that is offered changes before it is taken (but the head and the drop of a completion).
  localparam int KW = 2 + 64 + 64 + 12 + 2 * FUNC_W + 3 + OW + 11;
  localparam int ZW = QW + 16 + 11 + 2;
  localparam int VW = QW + FUNC_W + 64 + 64 + 32 + 16;

  logic          k_stall_q, z_stall_q, c_stall_q;
  logic [KW-1:0] k_now, k_held_q;
  logic [ZW-1:0] z_now, z_held_q;
  logic [VW-1:0] c_now, c_held_q;

  assign k_now = {k_kind, k_src, k_dst, k_len, k_src_func, k_dst_func, k_to_host, k_first, k_last, k_tag, k_status};
  assign z_now = {z_qid, z_cid, z_status, z_dnr, z_more};
  assign c_now = {c_qid, c_func, c_prp1, c_prp2, c_bytes, c_right, c_tag};
  always_ff @(posedge clk) begin
    k_stall_q <= !rst && k_valid && !k_ready;
    z_stall_q <= !rst && z_valid && !z_ready;
    c_stall_q <= !rst && c_valid && !c_ready;
    k_held_q  <= k_now;
    z_held_q  <= z_now;
    c_held_q  <= c_now;
    if (!rst) begin
      if (k_stall_q) assert (k_valid && k_now === k_held_q);
      if (z_stall_q) assert (z_valid && z_now === z_held_q);
      if (c_stall_q) assert (c_valid && c_now === c_held_q);
    end
  end
`endif

endmodule

`default_nettype wire
