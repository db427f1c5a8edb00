// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_target_answer: any frames, any responses to writes that were made, any answers'
// back-pressure. One frame, whichever the solver likes, is followed: its answer and its slot come
// after the response of its last write, in order, once; the answer's status is that of its checks,
// or else of its writes (for an operation of one frame).
`default_nettype none

module fv_crl_target_answer #(
    parameter int SLOTS = 4, parameter int NB_W = 2
) (
    input wire            clk,
    input wire            rst,
    input wire            f_valid,
    input wire [NB_W-1:0] f_bursts,
    input wire            f_known,
    input wire            f_first,
    input wire            f_answer,
    input wire            f_notify,
    input wire [7:0]      f_status,
    input wire [7:0]      f_ch,
    input wire [7:0]      f_peer_ch,
    input wire [1:0]      f_tag,
    input wire            b_valid,
    input wire [1:0]      b_resp,
    input wire            rsp_ready,
    input wire            mark
);

  wire        f_ready, rsp_valid, slot_free, irq_valid, busy, irq_ch, mark_over;
  wire [7:0]  rsp_src_ch, rsp_dst_ch, rsp_status, slot_free_ch;
  wire [15:0] rsp_op_seq;
  wire [15:0] rsp_tag, rsp_status2;

  crl_target_answer #(.CHANNELS(2), .SLOTS(SLOTS), .NB_W(NB_W), .READ_EN(1'b0), .ATOMIC_EN(1'b0), .SEND_EN(1'b0)) u_dut (
      .clk, .rst, .f_valid, .f_ready, .f_bursts, .f_known, .f_first, .f_answer, .f_notify,
      .f_status, .f_ch, .f_peer_ch, .f_op_seq(16'd0), .f_tag({14'd0, f_tag}), .f_rd(1'b0), .f_slot(1'b1), .f_atomic(1'b0), .f_own_atomic(1'b0), .f_mirror(1'b0), .f_given(1'b0), .at_done(1'b0), .f_msg(1'b0), .x_ready(1'b0), .rdone_ready(1'b0), .b_valid, .b_resp, .rsp_valid, .rsp_ready,
      .rsp_src_ch, .rsp_dst_ch, .rsp_op_seq, .rsp_tag, .rsp_status, .rsp_status2, .slot_free,
      .slot_free_ch, .irq_valid, .irq_ch, .busy, .mark, .mark_over
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);
  always @(posedge clk) if (past_valid) assume (!rst);

  // Refused frames make no writes; accepted ones do.
  always @* if (f_valid) assume ((f_bursts == 0) == (f_status != 8'd0));
  always @* if (f_valid) assume (f_status[7] == 1'b0);

  (* anyconst *) reg [3:0] k;         // the frame that is followed
  reg [3:0]  pushed = 0, freed = 0;
  reg [5:0]  writes = 0, resps = 0;   // in all
  reg        here = 0;                // frame k is in
  reg [5:0]  from = 0, upto = 0;      // its writes
  reg        k_answer, k_first, k_known;
  reg [7:0]  k_status, k_ch, k_peer_ch;
  reg [1:0]  k_tag;
  reg        bad = 0;                 // one of its writes had an error
  reg        fenced = 0;              // it was in when a mark was set

  wire push = f_valid && f_ready;

  always @* if (b_valid) assume (resps != writes);
  always @(posedge clk) begin
    if (!rst) begin
      if (push) begin
        pushed <= pushed + 1;
        writes <= writes + f_bursts;
        if (pushed == k) begin
          here     <= 1;
          from     <= writes;
          upto     <= writes + f_bursts;
          k_answer <= f_answer;
          k_first  <= f_first;
          k_known  <= f_known;
          k_status <= f_status;
          k_ch     <= f_ch;
          k_peer_ch <= f_peer_ch;
          k_tag    <= f_tag;
        end
      end
      if (b_valid) resps <= resps + 1;
      if (b_valid && here && resps >= from && resps < upto && b_resp[1]) bad <= 1;
      if (slot_free) freed <= freed + 1;
      if (mark && (here || (push && pushed == k))) fenced <= 1;
      if (past_valid) begin
        if (slot_free) assert (freed != pushed);
        // A revocation that is acknowledged: nothing that was accepted before it is written any more.
        if (fenced && mark_over) assert (resps >= upto);
`ifdef BREAK_MARK
        if (fenced && mark_over) assert (resps >= upto + 1);
`endif
        if (slot_free && freed == k) begin
          assert (here && resps >= upto);
          assert (slot_free_ch == k_peer_ch);
          assert (k_answer == (rsp_valid && rsp_ready));
        end
        if (rsp_valid && freed == k) begin
          assert (here && k_answer && resps >= upto);
          assert (rsp_src_ch == k_ch && rsp_dst_ch == k_peer_ch && rsp_tag == {14'd0, k_tag});
          if (k_status != 0) assert (rsp_status == (k_status | 8'h80));
          else if (k_first) assert ((rsp_status != 0) == bad);
        end
`ifdef BREAK
        if (rsp_valid && freed == k) assert (resps < upto + 2);
`endif
        cover (slot_free && freed == k && k == 2 && k_answer && k_status == 0 && bad && upto == from + 3
               && rsp_status == (crl_pkg::ST_WRITE_DECERR | 8'h80));
      end
    end
  end

endmodule

`default_nettype wire
