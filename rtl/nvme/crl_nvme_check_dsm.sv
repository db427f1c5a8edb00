// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_check_dsm: are the blocks of a Dataset Management range in the namespace, and granted?
//
// How: as in crl_nvme_check_pipe, one long carry chain between registers.
//   1: the first block behind the range.
//   2: it is held against the namespace's end, the begin against the grant's; the end of the grant is found.
//   3: the end is held against the grant's; the address. Sums have 65 bits, so that nothing wraps.
// Latency: s_valid to m_valid 3 cycles. Throughput: a range a cycle; nobody can hold it up.
`default_nettype none

module crl_nvme_check_dsm (
    input  wire logic        clk,
    input  wire logic        rst,        // synchronous, active high

    input  wire logic        s_valid,    // event: a range
    input  wire logic [63:0] s_slba,
    input  wire logic [31:0] s_nlb,      // blocks; 0: none
    input  wire logic        g_there,    // its queue has a grant; what it says:
    input  wire logic [63:0] g_slba,
    input  wire logic [63:0] g_nlb,
    input  wire logic        n_there,    // its namespace is there; what it is:
    input  wire logic [63:0] n_blocks,
    input  wire logic        n_big,      // blocks of 4096 bytes, else 512
    input  wire logic [63:0] n_base,

    output logic             m_valid,    // event: what came of it
    output logic      [10:0] m_status,   // NVME_STATUS
    output logic      [63:0] m_addr,     // namespace memory
    output logic      [43:0] m_span      // bytes
);

  logic        a_valid_q, b_valid_q, a_big_q;
  logic [63:0] a_slba_q, a_gslba_q, a_gnlb_q, a_blocks_q, a_base_q, b_base_q, b_offset_q;
  logic [31:0] a_nlb_q;
  logic [64:0] a_end_q, b_end_q, b_gend_q;
  logic [43:0] b_span_q;
  logic        b_lba_q, b_begin_q;   // 1: failed

  always_ff @(posedge clk) begin
    if (rst) begin
      a_valid_q <= 1'b0;
      b_valid_q <= 1'b0;
      m_valid   <= 1'b0;
    end else begin
      a_valid_q <= s_valid;
      b_valid_q <= a_valid_q;
      m_valid   <= b_valid_q;
    end

    a_slba_q   <= s_slba;
    a_nlb_q    <= s_nlb;
    a_end_q    <= {1'b0, s_slba} + {33'd0, s_nlb};
    a_gslba_q  <= g_there ? g_slba : '0;
    a_gnlb_q   <= g_there ? g_nlb : '0;
    a_big_q    <= n_there ? n_big : 1'b0;
    a_blocks_q <= n_there ? n_blocks : '0;
    a_base_q   <= n_there ? n_base : '0;

    b_lba_q    <= a_end_q > {1'b0, a_blocks_q};
    b_begin_q  <= a_slba_q < a_gslba_q;
    b_end_q    <= a_end_q;
    b_gend_q   <= {1'b0, a_gslba_q} + {1'b0, a_gnlb_q};
    b_base_q   <= a_base_q;
    b_offset_q <= a_big_q ? {a_slba_q[51:0], 12'd0} : {a_slba_q[54:0], 9'd0};
    b_span_q   <= a_big_q ? {a_nlb_q, 12'd0} : {3'd0, a_nlb_q, 9'd0};

    m_status   <= crl_pkg::NVME_STATUS_SUCCESS;
    if (b_lba_q)                                 m_status <= crl_pkg::NVME_STATUS_LBA_RANGE;
    else if (b_begin_q || b_end_q > b_gend_q)    m_status <= crl_pkg::NVME_STATUS_ACCESS_DENIED;
    m_addr     <= b_base_q + b_offset_q;
    m_span     <= b_span_q;
  end

endmodule

`default_nettype wire
