// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_mbox_ctl: what the processor sets off, and how it learns of the end: GO registers, life of the controller, interrupts.
//
// How: a GO acts in the cycle of its look-up, on the bytes that have a strobe; outside the mailbox a cycle later, from registers (act_*). What takes
//   time has a busy flag and, at its end, a bit of IRQ_STATUS that stays until it is cleared; one that comes with the clearing stays.
// Latency: `look` to the outputs 0 cycles, to act_* and rdata 1.
`default_nettype none

module crl_nvme_mbox_ctl #(
    parameter int QUEUES     = 8,
    parameter int NAMESPACES = 4,
    parameter int FUNC_W     = 8,
    parameter int MDTS_BYTES = 1048576,
    localparam int QN        = QUEUES + 1,
    localparam int QW        = $clog2(QN)
) (
    input  wire logic          clk,
    input  wire logic          rst,          // synchronous, active high

    input  wire logic          look,         // event: an access
    input  wire logic          reads,        // level: look of a read that is never held
    input  wire logic          we,
    input  wire logic [12:0]   addr,
    input  wire logic          at_pop,       // it is EVENT_POP, QBAD, QSTATE
    input  wire logic          at_qbad,
    input  wire logic          at_qstate,
    input  wire logic [31:0]   wdata,
    input  wire logic [3:0]    strb,
    output logic      [31:0]   go_data,      // what is written, 0 in bytes without a strobe
    output logic      [31:0]   rdata,        // of what is here; in the cycle after look
    input  wire logic [7:0]    cfg_qid,      // of the set-up registers
    input  wire logic [7:0]    cfg_cqid,
    input  wire logic [7:0]    qsel,
    input  wire logic [7:0]    irq_enable,
    output logic               irq,

    output logic      [31:0]   act_data,     // go_data of the last cycle
    output logic               act_ns,       // GOs of the last cycle, queue numbers were looked at
    output logic               act_vec,
    output logic               act_drain,    // what it is to do is in act_data
    output logic               act_abort,
    output logic               cfg_go,       // GOs of this one
    output logic               gr_go,
    output logic               rg_go,
    output logic               stop_go,
    output logic               dma_go,
    output logic               sqe_pop,
    output logic               cpl_go,
    output logic               event_pop,
    output logic               lost_clear,
    output logic               qbad_clear,
    output logic               qbad_look,
    output logic               sel_ok,       // qsel is there

    input  wire logic          sqe_any,      // states
    input  wire logic          event_any,
    input  wire logic          cpl_busy,
    input  wire logic          cpl_taken,
    input  wire logic          dma_busy,
    input  wire logic          dma_done,
    input  wire logic          dma_error,
    input  wire logic          setup_busy,
    input  wire logic          setup_done,

    input  wire logic          start,        // life
    output logic               started,
    input  wire logic          quiesce,
    input  wire logic          shut,         // quiesce is for a shutdown
    output logic               quiet,
    input  wire logic          run,
    output logic               fatal,

    input  wire logic          d_done,       // drain
    input  wire logic          ab_done,      // abort
    input  wire logic          ab_found,

    output logic               q_ask,        // state of a queue: looked at in this cycle
    output logic      [QW-1:0] q_qid,
    input  wire logic          q_grant,
    input  wire logic          q_exec
);

  localparam logic [7:0] LAST = 8'(QUEUES);

  logic        wr, go, q_ok, ns_go, vec_go, drain_go, abort_go;
  logic        drain_q, abort_q, found_q, start_q, quiesce_q;
  logic [1:0]  qstate_q;
  logic [7:0]  irq_q, irq_set, irq_clear, irq_status;

  // A queue number that is there; bit by bit, since a comparison would take a carry chain.
  function automatic logic there(input logic [7:0] q);
    there = 1'b1;
    for (int i = 0; i < 8; i++) there = LAST[i] ? there || !q[i] : there && !q[i];
  endfunction

  always_comb begin
    for (int i = 0; i < 4; i++) go_data[8*i +: 8] = strb[i] ? wdata[8*i +: 8] : '0;
  end

  assign wr     = look && we && strb != '0;
  assign go     = look && we && strb[0];
  assign q_ok   = there(go_data[7:0]);
  assign sel_ok = there(qsel);

  assign cfg_go    = go && addr == crl_mbox_pkg::REG_CFG_GO && there(cfg_qid)
                     && (there(cfg_cqid) || go_data[crl_mbox_pkg::CFG_GO_CQ_LSB] || !go_data[crl_mbox_pkg::CFG_GO_VALID_LSB]);
  assign gr_go     = go && addr == crl_mbox_pkg::REG_GRANT_GO && q_ok;
  assign rg_go     = go && addr == crl_mbox_pkg::REG_RANGE_GO && q_ok;
  assign ns_go     = go && addr == crl_mbox_pkg::REG_NS_GO && {1'b0, go_data[3:0]} < 5'(NAMESPACES);
  assign vec_go    = go && addr == crl_mbox_pkg::REG_VECTOR_GO;
  assign stop_go   = go && addr == crl_mbox_pkg::REG_STOP_GO && q_ok;
  assign dma_go    = go && addr == crl_mbox_pkg::REG_DMA_GO && !dma_busy;
  assign sqe_pop   = go && addr == crl_mbox_pkg::REG_SQE_POP && sqe_any;
  assign cpl_go    = go && addr == crl_mbox_pkg::REG_CPL_GO && !cpl_busy;
  assign event_pop = go && at_pop && event_any;
  assign drain_go  = go && addr == crl_mbox_pkg::REG_DRAIN_GO && q_ok && !drain_q;
  assign abort_go  = go && addr == crl_mbox_pkg::REG_ABORT_GO && q_ok && !abort_q;
  assign started   = go && addr == crl_mbox_pkg::REG_LIFE && go_data[crl_mbox_pkg::LIFE_STARTED_LSB] && start_q;
  assign lost_clear = wr && addr == crl_mbox_pkg::REG_EVENTS_LOST;
  assign qbad_clear = wr && at_qbad && sel_ok;
  assign qbad_look  = look && !we && at_qbad;

  always_ff @(posedge clk) begin
    if (rst) {act_ns, act_vec, act_drain, act_abort} <= '0;
    else     {act_ns, act_vec, act_drain, act_abort} <= {ns_go, vec_go, drain_go, abort_go};
    act_data <= go_data;
  end

  assign q_ask = reads && at_qstate && sel_ok;
  assign q_qid = qsel[QW-1:0];

  // ---------------------------------------------------------------------------------------------
  // Interrupts; the two lowest are levels.

  always_comb begin
    irq_clear = go && addr == crl_mbox_pkg::REG_IRQ_STATUS ? go_data[7:0] : '0;
    irq_set   = '0;
    irq_set[crl_mbox_pkg::IRQ_STATUS_CPL_LSB]     = cpl_taken;
    irq_set[crl_mbox_pkg::IRQ_STATUS_DMA_LSB]     = dma_done;
    irq_set[crl_mbox_pkg::IRQ_STATUS_DRAIN_LSB]   = d_done;
    irq_set[crl_mbox_pkg::IRQ_STATUS_ABORT_LSB]   = ab_done;
    irq_set[crl_mbox_pkg::IRQ_STATUS_START_LSB]   = setup_done;
    irq_set[crl_mbox_pkg::IRQ_STATUS_QUIESCE_LSB] = quiesce && !quiesce_q;
    irq_status = irq_q;
    irq_status[crl_mbox_pkg::IRQ_STATUS_SQE_LSB]   = sqe_any;
    irq_status[crl_mbox_pkg::IRQ_STATUS_EVENT_LSB] = event_any;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      drain_q   <= 1'b0;
      abort_q   <= 1'b0;
      found_q   <= 1'b0;
      start_q   <= 1'b0;
      quiesce_q <= 1'b1;   // it is up from reset on, which is no rise
      quiet     <= 1'b0;
      fatal     <= 1'b0;
      irq_q     <= '0;
      irq       <= 1'b0;
      qstate_q  <= '0;
    end else begin
      if (drain_go)    drain_q <= 1'b1;
      else if (d_done) drain_q <= 1'b0;
      if (abort_go)     abort_q <= 1'b1;
      else if (ab_done) abort_q <= 1'b0;
      if (ab_done)      found_q <= ab_found;
      if (setup_done)            start_q <= 1'b1;
      else if (started || start) start_q <= 1'b0;
      quiesce_q <= quiesce;
      if (!quiesce) quiet <= 1'b0;
      else if (go && addr == crl_mbox_pkg::REG_LIFE) quiet <= go_data[crl_mbox_pkg::LIFE_QUIET_LSB];
      if (go && addr == crl_mbox_pkg::REG_LIFE) fatal <= go_data[crl_mbox_pkg::LIFE_FATAL_LSB];
      irq_q <= (irq_q & ~irq_clear) | irq_set;
      irq   <= (irq_status & irq_enable) != '0;
      if (look) qstate_q <= {q_exec, q_grant} & {2{q_ask}};
    end
  end

  // ---------------------------------------------------------------------------------------------
  // Reading

  always_comb begin
    rdata = '0;
    if (addr == crl_mbox_pkg::REG_ID) rdata = crl_mbox_pkg::RESET_ID;
    if (addr == crl_mbox_pkg::REG_CAPS) rdata = {4'd0, 8'($clog2(MDTS_BYTES)), 4'(FUNC_W), 8'(NAMESPACES), 8'(QUEUES)};
    if (addr == crl_mbox_pkg::REG_STATUS) begin
      rdata[crl_mbox_pkg::STATUS_SQE_LSB]        = sqe_any;
      rdata[crl_mbox_pkg::STATUS_CPL_BUSY_LSB]   = cpl_busy;
      rdata[crl_mbox_pkg::STATUS_DMA_BUSY_LSB]   = dma_busy;
      rdata[crl_mbox_pkg::STATUS_DRAIN_BUSY_LSB] = drain_q;
      rdata[crl_mbox_pkg::STATUS_EVENT_LSB]      = event_any;
      rdata[crl_mbox_pkg::STATUS_ABORT_BUSY_LSB] = abort_q;
      rdata[crl_mbox_pkg::STATUS_START_LSB]      = start_q;
      rdata[crl_mbox_pkg::STATUS_QUIESCE_LSB]    = quiesce;
      rdata[crl_mbox_pkg::STATUS_RUN_LSB]        = run;
      rdata[crl_mbox_pkg::STATUS_SETUP_BUSY_LSB] = setup_busy;
      rdata[crl_mbox_pkg::STATUS_SHUT_LSB]       = shut;
    end
    if (addr == crl_mbox_pkg::REG_IRQ_STATUS) rdata[7:0] = irq_status;
    if (addr == crl_mbox_pkg::REG_LIFE) begin
      rdata[crl_mbox_pkg::LIFE_QUIET_LSB] = quiet;
      rdata[crl_mbox_pkg::LIFE_FATAL_LSB] = fatal;
    end
    if (addr == crl_mbox_pkg::REG_ABORT_RESULT) rdata[0]   = found_q;
    if (addr == crl_mbox_pkg::REG_DMA_RESULT)   rdata[0]   = dma_error;
    if (at_qstate)       rdata[1:0] = qstate_q;
  end

endmodule

`default_nettype wire
