// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_check: is an I/O command sound, and granted to its queue?
//
// How: grants and namespaces lie in LUT RAM; a command that is taken reads both, and crl_nvme_check_pipe decides in three stages.
//   A flip-flop for each queue and namespace says that its entry counts, so that a reset clears all tables at once.
//   A range of Dataset Management is looked up by the same read ports, in a cycle in which no command is taken, and
//   judged beside the commands by crl_nvme_check_dsm.
// Latency: 3 cycles; ds_valid to dv_valid 3 cycles, whatever m_ready is. Throughput: three commands in four cycles, or a range a cycle; ranges first.
// Assumes: s_qid, ds_qid and gr_qid are below QUEUES + 1; at most one range every 4th cycle, or commands starve. A command sees the tables as they are in the cycle in which it is taken; a write
//   counts from the next cycle on.
`default_nettype none

module crl_nvme_check #(
    parameter int QUEUES     = 8,          // I/O queue pairs, 1 to 128
    parameter int NAMESPACES = 4,          // 1 to 16
    parameter int FUNC_W     = 8,
    parameter int MDTS_BYTES = 1048576,    // largest transfer
    localparam int QN        = QUEUES + 1,
    localparam int QW        = $clog2(QN)
) (
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high

    input  wire logic              gr_we,      // event: the grant of queue gr_qid
    input  wire logic [QW-1:0]     gr_qid,
    input  wire logic [255:0]      gr_entry,   // the first 32 bytes of NVME_GRANT

    input  wire logic              ns_we,      // event: namespace ns_idx + 1
    input  wire logic [3:0]        ns_idx,
    input  wire logic              ns_valid,   // it exists
    input  wire logic [63:0]       ns_blocks,  // size in blocks
    input  wire logic [3:0]        ns_shift,   // log2 of the block: 9 or 12
    input  wire logic [63:0]       ns_base,    // first byte in controller memory

    input  wire logic              s_valid,    // command, in order
    output logic                   s_ready,
    input  wire logic [QW-1:0]     s_qid,
    input  wire logic [511:0]      s_sqe,      // NVME_SQE

    output logic                   m_valid,    // verdict, in order
    input  wire logic              m_ready,
    output logic                   m_ok,       // execute it; else complete it with what follows
    output logic      [10:0]       m_status,   // NVME_STATUS
    output logic                   m_dnr,
    output logic                   m_more,
    output logic      [QW-1:0]     m_qid,
    output logic      [15:0]       m_cid,
    output logic      [7:0]        m_op,       // NVME_IO_OP
    output logic      [63:0]       m_addr,     // namespace memory
    output logic      [31:0]       m_bytes,    // to or from the host
    output logic      [31:0]       m_span,     // of the namespace
    output logic      [63:0]       m_prp1,
    output logic      [63:0]       m_prp2,
    output logic      [FUNC_W-1:0] m_func,     // function of the grant
    output logic      [3:0]        m_nsi,      // namespace index

    input  wire logic              ds_valid,   // a range of Dataset Management
    output logic                   ds_ready,   // always
    input  wire logic [QW-1:0]     ds_qid,
    input  wire logic [3:0]        ds_nsi,     // namespace index
    input  wire logic [63:0]       ds_slba,
    input  wire logic [31:0]       ds_nlb,     // blocks; 0: none
    output logic                   dv_valid,   // event: what came of it, in order
    output logic      [10:0]       dv_status,  // NVME_STATUS
    output logic      [63:0]       dv_addr,    // namespace memory
    output logic      [43:0]       dv_span     // bytes
);

  initial begin
    if (QUEUES < 1 || QUEUES > 128)         $fatal(1, "crl_nvme_check: QUEUES must be 1 to 128");
    if (NAMESPACES < 1 || NAMESPACES > 16)  $fatal(1, "crl_nvme_check: NAMESPACES must be 1 to 16");
    if (FUNC_W < 1 || FUNC_W > crl_pkg::NVME_GRANT_FUNC_W) $fatal(1, "crl_nvme_check: FUNC_W must be 1 to 16");
    if (MDTS_BYTES < 4096)                  $fatal(1, "crl_nvme_check: MDTS_BYTES must be at least a page");
  end

  localparam int NW = NAMESPACES > 1 ? $clog2(NAMESPACES) : 1;
  localparam int GW = FUNC_W + 32 + 64 + 64 + 32;  // a grant, without what counts elsewhere
  localparam int SW = 64 + 1 + 64;                 // a namespace

  logic [GW-1:0]         gr_wword, gr_word;
  logic [SW-1:0]         ns_wword, ns_word;
  logic [QN-1:0]         gr_there_q;  // written since the reset
  logic [NAMESPACES-1:0] ns_there_q;
  logic [3:0]            nsi;         // where the command's namespace is looked for
  logic [3:0]            rd_nsi;      // that one, or the range's
  logic [QW-1:0]         rd_qid;
  logic [31:0]           nsid;
  logic                  ns_there, ds_there, pipe_ready;

  assign gr_wword = {gr_entry[crl_pkg::NVME_GRANT_FUNC_LSB +: FUNC_W],
                     gr_entry[crl_pkg::NVME_GRANT_NSID_LSB +: 32],
                     gr_entry[crl_pkg::NVME_GRANT_SLBA_LSB +: 64],
                     gr_entry[crl_pkg::NVME_GRANT_NLB_LSB +: 64],
                     gr_entry[crl_pkg::NVME_GRANT_OPCODES_LSB +: 32]};
  assign ns_wword = {ns_blocks, ns_shift[2], ns_base};

  crl_ram_lut #(.W(GW), .DEPTH(QN)) u_grants (
      .clk, .we(gr_we), .waddr(gr_qid), .wdata(gr_wword), .raddr(rd_qid), .rdata(gr_word)
  );
  crl_ram_lut #(.W(SW), .DEPTH(NAMESPACES)) u_spaces (
      .clk, .we(ns_we && {1'b0, ns_idx} < 5'(NAMESPACES)), .waddr(ns_idx[NW-1:0]), .wdata(ns_wword),
      .raddr(rd_nsi[NW-1:0]), .rdata(ns_word)
  );

  // An NSID out of bounds looks at the first namespace, and finds it not there.
  assign nsid     = s_sqe[crl_pkg::NVME_SQE_NSID_LSB +: 32];
  assign nsi      = nsid != 32'd0 && nsid <= 32'(NAMESPACES) ? nsid[3:0] - 4'd1 : 4'd0;
  assign ns_there = nsid != 32'd0 && nsid <= 32'(NAMESPACES) && ns_there_q[nsi[NW-1:0]];

  assign ds_there = {1'b0, ds_nsi} < 5'(NAMESPACES) && ns_there_q[ds_nsi[NW-1:0]];
  assign ds_ready = 1'b1;
  assign s_ready  = pipe_ready && !ds_valid;
  assign rd_qid   = ds_valid ? ds_qid : s_qid;
  assign rd_nsi   = ds_valid ? ds_nsi : nsi;

  always_ff @(posedge clk) begin
    if (rst) begin
      gr_there_q <= '0;
      ns_there_q <= '0;
    end else begin
      if (gr_we) gr_there_q[gr_qid] <= 1'b1;
      if (ns_we && {1'b0, ns_idx} < 5'(NAMESPACES)) ns_there_q[ns_idx[NW-1:0]] <= ns_valid;
    end
  end

  logic [FUNC_W-1:0] g_func;
  logic [31:0]       g_nsid, g_ops;
  logic [63:0]       g_slba, g_nlb, n_blocks, n_base;
  logic              n_big;

  assign {g_func, g_nsid, g_slba, g_nlb, g_ops} = gr_word;
  assign {n_blocks, n_big, n_base} = ns_word;

  crl_nvme_check_pipe #(.QW(QW), .FUNC_W(FUNC_W), .MDTS_BYTES(MDTS_BYTES)) u_pipe (
      .clk, .rst, .s_valid(s_valid && !ds_valid), .s_ready(pipe_ready), .s_qid, .s_sqe,
      .g_there(gr_there_q[s_qid]), .g_func, .g_nsid, .g_slba, .g_nlb, .g_ops,
      .n_there(ns_there), .n_idx(nsi), .n_blocks, .n_big, .n_base,
      .m_valid, .m_ready, .m_ok, .m_status, .m_dnr, .m_more, .m_qid, .m_cid, .m_op, .m_addr, .m_bytes, .m_span,
      .m_prp1, .m_prp2, .m_func, .m_nsi
  );

  crl_nvme_check_dsm u_dsm (
      .clk, .rst, .s_valid(ds_valid), .s_slba(ds_slba), .s_nlb(ds_nlb), .g_there(gr_there_q[ds_qid]), .g_slba, .g_nlb,
      .n_there(ds_there), .n_blocks, .n_big, .n_base,
      .m_valid(dv_valid), .m_status(dv_status), .m_addr(dv_addr), .m_span(dv_span)
  );

  logic unused;

  assign unused = &{1'b0, gr_entry, ns_shift, ns_idx, rd_nsi};

endmodule

`default_nettype wire
