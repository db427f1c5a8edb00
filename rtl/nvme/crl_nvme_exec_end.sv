// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_exec_end: makes the completions, and knows which queues have commands here.
//
// How: the end of a command that crl_nvme_move tells goes straight into the completion's register, or waits in a FIFO with one place a slot;
//   what needed no memory waits in a FIFO of its own, and the two take turns. Queue and identifier of a slot lie in LUT RAM;
//   what only the error log needs lies in block RAM, and comes out with the completion. Commands that were taken and completions that
//   were handed over are counted for each queue; where the counts differ, the queue is busy.
// Latency: e_valid to z_valid 1 cycle, 2 from n_valid. Throughput: a completion a cycle.
// Assumes: a queue is killed at most every 4th cycle.
`default_nettype none

module crl_nvme_exec_end #(
    parameter int QUEUES = 8,
    parameter int OPS    = 32,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN),
    localparam int OW    = $clog2(OPS)
) (
    input  wire logic          clk,
    input  wire logic          rst,         // synchronous, active high

    input  wire logic          t_valid,     // event: a command was taken that needs memory; it has this slot
    input  wire logic [OW-1:0] t_slot,
    input  wire logic          n_valid,     // event: one was taken that needs none, and ends with this
    output logic               n_ready,
    input  wire logic [10:0]   n_status,
    input  wire logic          n_dnr,
    input  wire logic          n_more,
    input  wire logic [QW-1:0] s_qid,       // of either
    input  wire logic [15:0]   s_cid,
    input  wire logic [31:0]   s_nsid,
    input  wire logic [63:0]   s_lba,

    input  wire logic          e_valid,     // event: the command of a slot is over
    input  wire logic [OW-1:0] e_tag,
    input  wire logic [10:0]   e_status,
    output logic               f_valid,     // event: its slot is free
    output logic      [OW-1:0] f_slot,

    input  wire logic          kill_we,     // event: a queue is killed
    input  wire logic [QW-1:0] kill_qid,
    input  wire logic          kill_drop,
    input  wire logic          drop_all,
    output logic      [QW-1:0] kd_qid,      // of the next one that needed no memory
    input  wire logic          kd_on,       // that queue was killed,
    input  wire logic          kd_drop,     //   and nothing of it is posted
    input  wire logic [10:0]   kd_status,
    output logic      [QW-1:0] ke_qid,      // of the next one that needed memory
    input  wire logic          ke_drop,     // nothing of that queue is posted

    output logic               z_valid,     // completion
    input  wire logic          z_ready,
    output logic      [QW-1:0] z_qid,
    output logic      [15:0]   z_cid,
    output logic      [10:0]   z_status,
    output logic               z_dnr,
    output logic               z_more,
    output logic               z_drop,

    output logic               lg_valid,    // event: a completion with MORE is handed over
    output logic      [31:0]   lg_nsid,
    output logic      [63:0]   lg_lba,

    input  wire logic [QW-1:0] busy_qid,
    output logic               busy,        // commands of it are here
    output logic               idle         // none are
`ifdef CRL_GHOST
    , output logic             f_push       // what proofs look at: an end has to wait;
    , output logic             f_wait       //   one waits,
    , output logic    [OW-1:0] f_tag        //   of this slot;
    , output logic             f_load       // a completion is made,
    , output logic             f_none       //   of a command that needed no memory;
    , output logic    [OW-1:0] f_at         //   else of this slot,
    , output logic [QW+15:0]   f_word       //   which has this queue and identifier;
    , output logic    [4:0]    f_nones      // commands that needed no memory,
    , output logic    [OW+1:0] f_here       // all
`endif
);

  localparam int ND = OPS < 16 ? OPS : 16;  // that need no memory
  localparam int NW = $clog2(ND);
  localparam int CW = OW + 2;               // counts all that can be here: OPS + ND + 1

  // --- what ended --------------------------------------------------------------------------------
  logic          w_valid, w_none, w_room, m_any, n_any, n_pick, load, m_pop, turn_q, n_none, n_dnr_o, n_more_o;
  logic [OW-1:0] w_tag, tag;
  logic [10:0]   w_status, m_status, n_status_o;
  logic [OW:0]   w_level;
  logic [NW:0]   n_level;
  logic [NW-1:0] n_in_q, n_out_q;           // places of the block RAM, as of the FIFO
  logic [QW-1:0] m_qid, n_qid;
  logic [15:0]   m_cid, n_cid;

  crl_fifo_head #(.W(OW + 11), .DEPTH(OPS)) u_wait (
      .clk, .rst, .s_valid(e_valid), .s_ready(w_room), .s_past(m_pop && w_none), .s_data({e_tag, e_status}),
      .m_valid(w_valid), .m_none(w_none), .m_ready(m_pop), .m_data({w_tag, w_status}), .level(w_level)
  );
  crl_fifo_head #(.W(QW + 16 + 13), .DEPTH(ND)) u_none (
      .clk, .rst, .s_valid(n_valid), .s_ready(n_ready), .s_past(1'b0), .s_data({s_qid, s_cid, n_status, n_dnr, n_more}),
      .m_valid(n_any), .m_none(n_none), .m_ready(load && n_pick), .m_data({n_qid, n_cid, n_status_o, n_dnr_o, n_more_o}), .level(n_level)
  );
  crl_ram_lut #(.W(QW + 16), .DEPTH(OPS)) u_slots (
      .clk, .we(t_valid), .waddr(t_slot), .wdata({s_qid, s_cid}), .raddr(tag), .rdata({m_qid, m_cid})
  );

  assign m_any    = w_valid || e_valid;
  assign tag      = w_none ? e_tag : w_tag;
  assign m_status = w_none ? e_status : w_status;
  assign n_pick   = n_any && (!m_any || turn_q);
  assign load     = (!z_valid || z_ready) && !kill_we && (m_any || n_any);
  assign m_pop    = load && !n_pick;
  assign f_valid  = m_pop;
  assign f_slot   = tag;

  // --- its completion ----------------------------------------------------------------------------
  logic        dnr, more;
  logic [10:0] status;
  logic        drop_q;

  assign kd_qid = n_qid;
  assign ke_qid = m_qid;
  assign status = !n_pick ? m_status : kd_on ? kd_status : n_status_o;
  assign dnr    = !n_pick ? no_retry(m_status) : kd_on ? no_retry(kd_status) : n_dnr_o;
  assign more   = !n_pick ? m_status == crl_pkg::NVME_STATUS_ACCESS_DENIED : kd_on ? kd_status == crl_pkg::NVME_STATUS_ACCESS_DENIED : n_more_o;

  function automatic logic no_retry(input logic [10:0] of);
    case (of)
      crl_pkg::NVME_STATUS_SUCCESS, crl_pkg::NVME_STATUS_DATA_TRANSFER, crl_pkg::NVME_STATUS_INTERNAL,
      crl_pkg::NVME_STATUS_ABORT_REQUESTED, crl_pkg::NVME_STATUS_SQ_DELETED, crl_pkg::NVME_STATUS_WRITE_FAULT,
      crl_pkg::NVME_STATUS_READ_ERROR, crl_pkg::NVME_STATUS_ANA_TRANSITION: no_retry = 1'b0;
      default: no_retry = 1'b1;
    endcase
  endfunction

  assign z_drop = drop_q || drop_all;

  always_ff @(posedge clk) begin
    if (rst) begin
      z_valid <= 1'b0;
      turn_q  <= 1'b0;
      n_in_q  <= '0;
      n_out_q <= '0;
    end else begin
      if (load)         z_valid <= 1'b1;
      else if (z_ready) z_valid <= 1'b0;
      if (load)           turn_q  <= !n_pick;
      if (n_valid)        n_in_q  <= n_in_q + 1'b1;
      if (load && n_pick) n_out_q <= n_out_q + 1'b1;
    end
    if (load) begin
      z_qid    <= n_pick ? n_qid : m_qid;
      z_cid    <= n_pick ? n_cid : m_cid;
      z_status <= status;
      z_dnr    <= dnr;
      z_more   <= more;
      drop_q   <= n_pick ? kd_drop : ke_drop;
    end else if (kill_we && kill_drop && kill_qid == z_qid) drop_q <= 1'b1;
  end

  // --- the error log -----------------------------------------------------------------------------
  logic [OW:0] log_in, log_out;

  assign log_in   = n_valid ? (OW + 1)'(OPS) + (OW + 1)'(n_in_q) : {1'b0, t_slot};
  assign log_out  = n_pick ? (OW + 1)'(OPS) + (OW + 1)'(n_out_q) : {1'b0, tag};
  assign lg_valid = z_valid && z_ready && z_more && !z_drop;

  crl_ram_bram #(.W(96), .DEPTH(2 * OPS)) u_log (
      .clk, .we(t_valid || n_valid), .waddr(log_in), .wdata({s_nsid, s_lba}), .re(load), .raddr(log_out), .rdata({lg_nsid, lg_lba})
  );

  // --- who has commands here ---------------------------------------------------------------------
  logic [CW-1:0] in_s, in_b, out_z, out_b, here_q;
  logic          in, out;

  assign in   = t_valid || n_valid;
  assign out  = z_valid && z_ready;
  assign busy = in_b != out_b;
  assign idle = here_q == '0;

  crl_nvme_ram #(.W(CW), .DEPTH(QN)) u_in (
      .clk, .rst, .clr(1'b0), .caddr({QW{1'b0}}), .we(in), .waddr(s_qid), .wdata(in_s + 1'b1),
      .a_addr(s_qid), .a_data(in_s), .b_addr(busy_qid), .b_data(in_b)
  );
  crl_nvme_ram #(.W(CW), .DEPTH(QN)) u_out (
      .clk, .rst, .clr(1'b0), .caddr({QW{1'b0}}), .we(out), .waddr(z_qid), .wdata(out_z + 1'b1),
      .a_addr(z_qid), .a_data(out_z), .b_addr(busy_qid), .b_data(out_b)
  );

  always_ff @(posedge clk) begin
    if (rst) here_q <= '0;
    else     here_q <= here_q + {{(CW-1){out && !in}}, in != out};  // -1, 0 or +1
  end

`ifdef CRL_GHOST
  assign f_push  = e_valid && (w_valid || !m_pop);
  assign f_wait  = w_valid;
  assign f_tag   = w_tag;
  assign f_load  = load;
  assign f_none  = n_pick;
  assign f_at    = tag;
  assign f_word  = {m_qid, m_cid};
  assign f_nones = 5'(n_level);
  assign f_here  = here_q;
`endif

  logic unused;
  assign unused = &{1'b0, w_room, w_level, n_none, n_level};

endmodule

`default_nettype wire
