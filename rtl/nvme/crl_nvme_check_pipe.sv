// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_check_pipe: the checks of crl_nvme_check, on a command and the grant and namespace that belong to it.
//
// How: three stages, each with at most one long carry chain between registers.
//   1: what the command says: fields, number of blocks, first block behind the last.
//   2: opcode, namespace and size are judged; the command's end is held against the namespace's, its begin against the grant's;
//      the end of the grant and the offset in the namespace are found.
//   3: the command's end is held against the grant's; the first check that failed gives the status; the address.
//   Sums have 65 bits, so that nothing wraps.
//   A stage moves when the one behind it is empty or moves. s_ready says that one of them is empty, so that no stall reaches the
//   entrance in the cycle in which it ends.
// Latency: 3 cycles. Throughput: three commands in four cycles.
`default_nettype none

module crl_nvme_check_pipe #(
    parameter int QW         = 4,
    parameter int FUNC_W     = 8,
    parameter int MDTS_BYTES = 1048576
) (
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high

    input  wire logic              s_valid,    // command
    output logic                   s_ready,
    input  wire logic [QW-1:0]     s_qid,
    input  wire logic [511:0]      s_sqe,
    input  wire logic              g_there,    // the queue has a grant; what it says:
    input  wire logic [FUNC_W-1:0] g_func,
    input  wire logic [31:0]       g_nsid,
    input  wire logic [63:0]       g_slba,
    input  wire logic [63:0]       g_nlb,
    input  wire logic [31:0]       g_ops,
    input  wire logic              n_there,    // the namespace of the command is there; what it is:
    input  wire logic [3:0]        n_idx,
    input  wire logic [63:0]       n_blocks,
    input  wire logic              n_big,      // blocks of 4096 bytes, else 512
    input  wire logic [63:0]       n_base,

    output logic                   m_valid,    // as in crl_nvme_check
    input  wire logic              m_ready,
    output logic                   m_ok,
    output logic      [10:0]       m_status,
    output logic                   m_dnr,
    output logic                   m_more,
    output logic      [QW-1:0]     m_qid,
    output logic      [15:0]       m_cid,
    output logic      [7:0]        m_op,
    output logic      [63:0]       m_addr,
    output logic      [31:0]       m_bytes,
    output logic      [31:0]       m_span,
    output logic      [63:0]       m_prp1,
    output logic      [63:0]       m_prp2,
    output logic      [FUNC_W-1:0] m_func,
    output logic      [3:0]        m_nsi
`ifdef CRL_GHOST
    , input  wire logic [138:0]    f_s_ref     // what is to become of the command that is offered, goes along with it:
    , output logic    [138:0]      f_m_ref     // status, address, bytes, span
    , output logic    [1:0]        f_valid     // commands in the stages before
`endif
);

  logic a_valid_q, b_valid_q, a_en, b_en, m_en;

  assign m_en    = !m_valid || m_ready;
  assign b_en    = !b_valid_q || m_en;
  assign a_en    = !a_valid_q || b_en;
  assign s_ready = !(a_valid_q && b_valid_q && m_valid);

  always_ff @(posedge clk) begin
    if (rst) begin
      a_valid_q <= 1'b0;
      b_valid_q <= 1'b0;
      m_valid   <= 1'b0;
    end else begin
      if (a_en) a_valid_q <= s_valid && s_ready;
      if (b_en) b_valid_q <= a_valid_q;
      if (m_en) m_valid   <= b_valid_q;
    end
  end

  // --- 1: what the command says ------------------------------------------------------------------
  logic [7:0]        op;
  logic [31:0]       cdw11, cdw12;
  logic [63:0]       slba;
  logic [15:0]       nlb;
  logic              is_write, is_data, is_none;  // data: to or from the host; none: blocks without data
  logic              a_flush_q, a_dsm_q, a_data_q, a_none_q, a_soundless_q, a_field_q;
  logic [QW-1:0]     a_qid_q;
  logic [15:0]       a_cid_q;
  logic [7:0]        a_op_q, a_ranges_q;
  logic [63:0]       a_prp1_q, a_prp2_q, a_slba_q;
  logic [16:0]       a_count_q;                   // blocks
  logic [64:0]       a_end_q;                     // first block behind the last
  logic [31:0]       a_nsid_q;
  logic [FUNC_W-1:0] a_gfunc_q;
  logic [31:0]       a_gnsid_q, a_gops_q;
  logic [63:0]       a_gslba_q, a_gnlb_q;
  logic              a_nthere_q, a_big_q;
  logic [3:0]        a_nsi_q;
  logic [63:0]       a_blocks_q, a_base_q;

  assign op    = s_sqe[crl_pkg::NVME_SQE_OPC_LSB +: 8];
  assign cdw11 = s_sqe[crl_pkg::NVME_SQE_CDW11_LSB +: 32];
  assign cdw12 = s_sqe[crl_pkg::NVME_SQE_CDW12_LSB +: 32];
  assign slba  = s_sqe[crl_pkg::NVME_SQE_CDW10_LSB +: 64];  // CDW11 follows CDW10
  assign nlb   = cdw12[15:0];

  assign is_write = op == crl_pkg::NVME_IO_OP_WRITE;
  assign is_data  = is_write || op == crl_pkg::NVME_IO_OP_READ || op == crl_pkg::NVME_IO_OP_COMPARE;
  assign is_none  = op == crl_pkg::NVME_IO_OP_VERIFY || op == crl_pkg::NVME_IO_OP_WRITE_ZEROES;

  always_ff @(posedge clk) begin
    if (s_ready) begin
      a_flush_q     <= op == crl_pkg::NVME_IO_OP_FLUSH;
      a_dsm_q       <= op == crl_pkg::NVME_IO_OP_DSM;
      a_data_q      <= is_data;
      a_none_q      <= is_none;
      a_soundless_q <= s_sqe[crl_pkg::NVME_SQE_FUSE_LSB +: 2] != 2'd0 || s_sqe[crl_pkg::NVME_SQE_PSDT_LSB +: 2] != 2'd0;
      a_field_q     <= (op == crl_pkg::NVME_IO_OP_DSM && cdw11[31:3] != '0)
                    || ((is_data || is_none) && cdw12[29:26] != '0)
                    || (is_write && cdw12[23:20] != '0);
      a_qid_q       <= s_qid;
      a_cid_q       <= s_sqe[crl_pkg::NVME_SQE_CID_LSB +: 16];
      a_op_q        <= op;
      a_ranges_q    <= s_sqe[crl_pkg::NVME_SQE_CDW10_LSB +: 8];
      a_prp1_q      <= s_sqe[crl_pkg::NVME_SQE_PRP1_LSB +: 64];
      a_prp2_q      <= s_sqe[crl_pkg::NVME_SQE_PRP2_LSB +: 64];
      a_slba_q      <= slba;
      a_count_q     <= {1'b0, nlb} + 17'd1;
      a_end_q       <= {1'b0, slba} + {49'd0, nlb} + 65'd1;
      a_nsid_q      <= s_sqe[crl_pkg::NVME_SQE_NSID_LSB +: 32];
      // No grant: no rights. No namespace: nothing of it shows.
      a_gfunc_q     <= g_there ? g_func : '0;
      a_gnsid_q     <= g_there ? g_nsid : '0;
      a_gops_q      <= g_there ? g_ops : '0;
      a_gslba_q     <= g_there ? g_slba : '0;
      a_gnlb_q      <= g_there ? g_nlb : '0;
      a_nthere_q    <= n_there;
      a_nsi_q       <= n_idx;
      a_big_q       <= n_there ? n_big : 1'b0;
      a_blocks_q    <= n_there ? n_blocks : '0;
      a_base_q      <= n_there ? n_base : '0;
    end
  end

  // --- 2: opcode, namespace, size, one side of the blocks ----------------------------------------
  logic              granted, all, ns_ok;
  logic [28:0]       span;
  logic              b_fuse_q, b_op_q, b_ns_q, b_field_q, b_lba_q, b_begin_q;  // each 1: failed
  logic              b_blocks_q, b_data_q, b_dsm_q;
  logic [QW-1:0]     b_qid_q;
  logic [15:0]       b_cid_q;
  logic [7:0]        b_opc_q, b_ranges_q;
  logic [63:0]       b_prp1_q, b_prp2_q, b_base_q, b_offset_q;
  logic [28:0]       b_span_q;
  logic [64:0]       b_end_q, b_gend_q;
  logic [FUNC_W-1:0] b_func_q;
  logic [3:0]        b_nsi_q;

  // An opcode of NVME_IO_OP is below 32; the others are refused, whatever its bit is.
  assign granted = (a_flush_q || a_dsm_q || a_data_q || a_none_q) && a_gops_q[a_op_q[4:0]];
  assign all     = a_flush_q && a_nsid_q == 32'hFFFFFFFF;
  assign ns_ok   = all ? a_gnsid_q == 32'hFFFFFFFF
                       : a_nthere_q && (a_gnsid_q == a_nsid_q || a_gnsid_q == 32'hFFFFFFFF);
  assign span    = a_big_q ? {a_count_q, 12'd0} : {3'd0, a_count_q, 9'd0};

  always_ff @(posedge clk) begin
    if (b_en) begin
      b_fuse_q   <= a_soundless_q;
      b_op_q     <= !granted;
      b_ns_q     <= !ns_ok;
      b_field_q  <= a_field_q || (a_data_q && 32'(span) > 32'(MDTS_BYTES));
      b_lba_q    <= a_end_q > {1'b0, a_blocks_q};
      b_begin_q  <= a_slba_q < a_gslba_q;
      b_blocks_q <= a_data_q || a_none_q;
      b_data_q   <= a_data_q;
      b_dsm_q    <= a_dsm_q;
      b_qid_q    <= a_qid_q;
      b_cid_q    <= a_cid_q;
      b_opc_q    <= a_op_q;
      b_ranges_q <= a_ranges_q;
      b_prp1_q   <= a_prp1_q;
      b_prp2_q   <= a_prp2_q;
      b_base_q   <= a_base_q;
      b_offset_q <= a_big_q ? {a_slba_q[51:0], 12'd0} : {a_slba_q[54:0], 9'd0};
      b_span_q   <= span;
      b_end_q    <= a_end_q;
      b_gend_q   <= {1'b0, a_gslba_q} + {1'b0, a_gnlb_q};
      b_func_q   <= a_gfunc_q;
      b_nsi_q    <= all ? 4'd0 : a_nsi_q;
    end
  end

  // --- 3: the other side of the grant, the verdict -----------------------------------------------
  logic        denied;
  logic [10:0] status;

  assign denied = b_begin_q || b_end_q > b_gend_q;

  always_comb begin
    status = crl_pkg::NVME_STATUS_SUCCESS;
    if (b_fuse_q)                  status = crl_pkg::NVME_STATUS_INVALID_FIELD;
    else if (b_op_q)               status = crl_pkg::NVME_STATUS_INVALID_OPCODE;
    else if (b_ns_q)               status = crl_pkg::NVME_STATUS_INVALID_NS;
    else if (b_field_q)            status = crl_pkg::NVME_STATUS_INVALID_FIELD;
    else if (b_blocks_q && b_lba_q) status = crl_pkg::NVME_STATUS_LBA_RANGE;
    else if (b_blocks_q && denied)  status = crl_pkg::NVME_STATUS_ACCESS_DENIED;
  end

  always_ff @(posedge clk) begin
    if (m_en) begin
      m_ok     <= status == crl_pkg::NVME_STATUS_SUCCESS;
      m_status <= status;
      m_dnr    <= status != crl_pkg::NVME_STATUS_SUCCESS;
      m_more   <= status == crl_pkg::NVME_STATUS_ACCESS_DENIED;
      m_qid    <= b_qid_q;
      m_cid    <= b_cid_q;
      m_op     <= b_opc_q;
      m_addr   <= b_base_q + b_offset_q;
      m_bytes  <= b_data_q ? {3'd0, b_span_q} : b_dsm_q ? {19'd0, {1'b0, b_ranges_q} + 9'd1, 4'd0} : '0;
      m_span   <= b_blocks_q ? {3'd0, b_span_q} : '0;
      m_prp1   <= b_prp1_q;
      m_prp2   <= b_prp2_q;
      m_func   <= b_func_q;
      m_nsi    <= b_nsi_q;
    end
  end

  logic unused;

  assign unused = &{1'b0, s_sqe, cdw11, cdw12};

`ifdef CRL_GHOST
  // The verdict that somebody else found goes along; each stage still leads to it.
  logic         f_past_q;
  logic [138:0] f_a_ref_q, f_b_ref_q;
  logic [10:0]  f_a_status;
  logic [63:0]  f_a_addr;

  initial f_past_q = 1'b0;
  assign f_valid  = {b_valid_q, a_valid_q};
  assign f_a_addr = a_base_q + (a_big_q ? {a_slba_q[51:0], 12'd0} : {a_slba_q[54:0], 9'd0});

  always_comb begin
    f_a_status = 11'h000;
    if (a_soundless_q)                                                    f_a_status = 11'h002;
    else if (!granted)                                                    f_a_status = 11'h001;
    else if (!ns_ok)                                                      f_a_status = 11'h00B;
    else if (a_field_q || (a_data_q && 32'(span) > 32'(MDTS_BYTES)))      f_a_status = 11'h002;
    else if ((a_data_q || a_none_q) && a_end_q > {1'b0, a_blocks_q})      f_a_status = 11'h080;
    else if ((a_data_q || a_none_q) && (a_slba_q < a_gslba_q || a_end_q > {1'b0, a_gslba_q} + {1'b0, a_gnlb_q}))
      f_a_status = 11'h286;
  end

  always @(posedge clk) begin
    f_past_q <= 1'b1;
    if (a_en) f_a_ref_q <= f_s_ref;
    if (b_en) f_b_ref_q <= f_a_ref_q;
    if (m_en) f_m_ref   <= f_b_ref_q;
    if (f_past_q && a_valid_q) begin
      assert (f_a_ref_q[138:128] == f_a_status);
      assert (f_a_ref_q[127:64] == f_a_addr);
      assert (f_a_ref_q[63:32] == (a_data_q ? {3'd0, span} : a_dsm_q ? {19'd0, {1'b0, a_ranges_q} + 9'd1, 4'd0} : '0));
      assert (f_a_ref_q[31:0] == (a_data_q || a_none_q ? {3'd0, span} : '0));
    end
    if (f_past_q && b_valid_q) begin
      assert (f_b_ref_q[138:128] == status);
      assert (f_b_ref_q[127:64] == b_base_q + b_offset_q);
      assert (f_b_ref_q[63:32] == (b_data_q ? {3'd0, b_span_q} : b_dsm_q ? {19'd0, {1'b0, b_ranges_q} + 9'd1, 4'd0} : '0));
      assert (f_b_ref_q[31:0] == (b_blocks_q ? {3'd0, b_span_q} : '0));
    end
  end
`endif

endmodule

`default_nettype wire
