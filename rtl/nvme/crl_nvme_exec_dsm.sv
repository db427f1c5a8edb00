// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_exec_dsm: a Dataset Management command: its list is read, then judged, then it is ready to be cut.
//
// How: one command at a time. Its pieces come from crl_nvme_exec_cut, and crl_nvme_exec_list reads what they hold. When all of it is in, without an
//   error, range after range is offered to crl_nvme_check (ds_*), to the first that fails. Where a good one lies that is to be zeroed
//   waits in block RAM. Then 'run' is up, and crl_nvme_exec_cut takes the ranges that touch something (i_*); without AD there are none.
//   Whoever has it end sooner does so there.
// Latency: 9 cycles a range to judge it, 2 to give it out.
`default_nettype none

module crl_nvme_exec_dsm #(
    parameter int DATA_W = 64,
    parameter int QW     = 4,
    parameter int FUNC_W = 8,
    parameter int OW     = 5,
    parameter int MAX_BURST_BYTES = 512
) (
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high

    output logic                   free,       // no command is here
    input  wire logic              s_valid,    // a piece of the command of c_*
    output logic                   s_ready,
    input  wire logic [63:0]       s_addr,
    input  wire logic [12:0]       s_len,
    input  wire logic              s_last,
    input  wire logic              s_error,
    input  wire logic [10:0]       s_status,
    input  wire logic [OW-1:0]     c_slot,
    input  wire logic [QW-1:0]     c_qid,
    input  wire logic [FUNC_W-1:0] c_func,
    input  wire logic [3:0]        c_nsi,
    input  wire logic [7:0]        c_count,    // ranges less one
    input  wire logic              c_ad,       // they are to be zeroed

    output logic                   run,        // all is read and judged
    output logic      [QW-1:0]     qid,
    output logic      [OW-1:0]     slot,
    output logic                   i_valid,    // a range to be zeroed
    input  wire logic              i_ready,
    output logic      [63:0]       i_addr,
    output logic      [43:0]       i_span,
    output logic                   i_end,      // there is none left
    output logic      [10:0]       i_status,   // that the command ends with
    input  wire logic              over,       // event: the command has ended

    output logic                   ds_valid,   // to crl_nvme_check
    input  wire logic              ds_ready,
    output logic      [QW-1:0]     ds_qid,
    output logic      [3:0]        ds_nsi,
    output logic      [63:0]       ds_slba,
    output logic      [31:0]       ds_nlb,
    input  wire logic              dv_valid,
    input  wire logic [10:0]       dv_status,
    input  wire logic [63:0]       dv_addr,
    input  wire logic [43:0]       dv_span,

    output logic                   ar_valid,   // read client
    input  wire logic              ar_ready,
    output logic      [63:0]       ar_addr,
    output logic      [7:0]        ar_len,
    output logic      [FUNC_W-1:0] ar_user,
    input  wire logic              r_valid,
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last
);

  localparam logic [1:0] D_FREE = 2'd0, D_READ = 2'd1, D_JUDGE = 2'd2, D_RUN = 2'd3;

  // --- the command -------------------------------------------------------------------------------
  logic [1:0]        phase_q;
  logic              ad_q, whole_q;            // all its pieces came
  logic [3:0]        nsi_q;
  logic [FUNC_W-1:0] func_q;
  logic [7:0]        count_q;
  logic [10:0]       status_q;
  logic              take, piece, l_ready, l_busy, l_bad;
  logic              done;                     // the last verdict that is asked for

  assign free    = phase_q == D_FREE;
  assign run     = phase_q == D_RUN;
  assign s_ready = (phase_q == D_FREE || phase_q == D_READ) && !whole_q && l_ready;
  assign take    = s_valid && s_ready;
  assign piece   = take && !s_error;

  always_ff @(posedge clk) begin
    if (rst) begin
      phase_q <= D_FREE;
      whole_q <= 1'b0;
    end else begin
      case (phase_q)
        D_FREE:  if (take) phase_q <= D_READ;
        D_READ:  if (whole_q && !l_busy) phase_q <= status_q != crl_pkg::NVME_STATUS_SUCCESS || l_bad ? D_RUN : D_JUDGE;
        D_JUDGE: if (done) phase_q <= D_RUN;
        default: if (over) phase_q <= D_FREE;
      endcase
      if (over)      whole_q <= 1'b0;
      else if (take) whole_q <= s_last;
    end
    if (free) begin
      slot    <= c_slot;
      qid     <= c_qid;
      func_q  <= c_func;
      nsi_q   <= c_nsi;
      count_q <= c_count;
      ad_q    <= c_ad;
    end
    // A beat with an error lies before a piece that is refused.
    if (take)                            status_q <= s_error ? s_status : crl_pkg::NVME_STATUS_SUCCESS;
    else if (phase_q == D_READ && l_bad) status_q <= crl_pkg::NVME_STATUS_DATA_TRANSFER;
    else if (dv_valid)                   status_q <= dv_status;
  end

  // --- its list ----------------------------------------------------------------------------------
  logic [7:0]  at_q;                           // range that is judged
  logic [1:0]  field;
  logic [31:0] word;

  crl_nvme_exec_list #(.DATA_W(DATA_W), .FUNC_W(FUNC_W), .MAX_BURST_BYTES(MAX_BURST_BYTES)) u_list (
      .clk, .rst, .clear(rst || over), .s_valid(piece), .s_ready(l_ready), .s_addr, .s_len, .func(func_q), .busy(l_busy), .bad(l_bad),
      .rd_word({at_q, field}), .rd_data(word),
      .ar_valid, .ar_ready, .ar_addr, .ar_len, .ar_user, .r_valid, .r_data, .r_resp, .r_last
  );

  // --- ranges are judged: three words are looked up, the range is offered, its verdict is waited for ------------------
  localparam int NLB  = crl_pkg::NVME_DSM_NLB_LSB / 32;
  localparam int SLBA = crl_pkg::NVME_DSM_SLBA_LSB / 32;

  logic [2:0] step_q;
  logic       good;

  always_comb begin
    case (step_q)
      3'd0:    field = 2'(NLB);
      3'd1:    field = 2'(SLBA);
      default: field = 2'(SLBA + 1);
    endcase
  end

  assign ds_qid = qid;
  assign ds_nsi = nsi_q;
  assign good   = dv_status == crl_pkg::NVME_STATUS_SUCCESS;
  assign done   = dv_valid && (!good || at_q == count_q);

  always_ff @(posedge clk) begin
    if (rst) ds_valid <= 1'b0;
    else if (phase_q == D_JUDGE && step_q == 3'd3) ds_valid <= 1'b1;
    else if (ds_ready) ds_valid <= 1'b0;
    if (phase_q != D_JUDGE || dv_valid) step_q <= 3'd0;
    else if (step_q != 3'd4)            step_q <= step_q + 3'd1;
    if (step_q == 3'd1) ds_nlb         <= word;
    if (step_q == 3'd2) ds_slba[31:0]  <= word;
    if (step_q == 3'd3) ds_slba[63:32] <= word;
    if (free)                  at_q <= '0;
    else if (dv_valid && good) at_q <= at_q + 8'd1;
  end

  // --- what is to be zeroed waits, and is given out ------------------------------------------------
  logic [8:0] todo_q, out_q;                   // ranges to be zeroed; those that were looked up
  logic       have_q, fetch, keep;

  assign keep = dv_valid && good && ad_q && dv_span != '0;

  crl_ram_bram #(.W(64 + 44), .DEPTH(256)) u_todo (
      .clk, .we(keep), .waddr(todo_q[7:0]), .wdata({dv_addr, dv_span}), .re(fetch), .raddr(out_q[7:0]), .rdata({i_addr, i_span})
  );

  assign fetch    = run && out_q != todo_q && (!have_q || i_ready);
  assign i_valid  = have_q;
  assign i_end    = !have_q && out_q == todo_q;
  assign i_status = status_q;

  always_ff @(posedge clk) begin
    if (free) begin
      todo_q <= '0;
      out_q  <= '0;
      have_q <= 1'b0;
    end else begin
      if (keep)  todo_q <= todo_q + 9'd1;
      if (fetch) out_q  <= out_q + 9'd1;
      if (fetch)        have_q <= 1'b1;
      else if (i_ready) have_q <= 1'b0;
    end
  end

endmodule

`default_nettype wire
