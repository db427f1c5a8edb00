// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_ctrl: registers of the NVMe controller, and the life of the controller from enable to reset and shutdown.
//
// How: a state machine watches CC.EN and the pending subsystem reset as levels. A controller that starts owes `started`, one that is
//   left (EN cleared, or NSSR) owes `quiet`; only when both have come RDY, CFS and SHST fall, and a CC.EN that is set again by then
//   starts the controller anew. `quiesce` is everything but a controller that starts or runs: once up it falls only with `start`.
// Latency: a write shows in `rd_data`, `run` and `quiesce` in the next cycle; EN 0 to 1 gives `start` 2 cycles after the write.
// Throughput: a write a cycle.
// Assumes: `started` comes once for each `start`, in its cycle or later. `quiet` comes at last while `quiesce` is up.
`default_nettype none

module crl_nvme_ctrl #(
    parameter int TO    = 20,  // CAP.TO and CRTO.CRWMT, units of 500 ms, 0 to 255
    parameter int DSTRD = 9    // CAP.DSTRD, 0 to 9
) (
    input  wire logic        clk,
    input  wire logic        rst,       // synchronous, active high

    input  wire logic        wr,        // event: a write
    input  wire logic [3:0]  wr_word,   // 8-byte word, address bits 6:3
    input  wire logic [63:0] wr_data,
    input  wire logic [7:0]  wr_strb,
    input  wire logic [3:0]  rd_word,   // word that is read
    output logic      [63:0] rd_data,   // combinational

    output logic             start,     // event: clear all queues, take the admin queues
    input  wire logic        started,   // event, answer to start: ready to take commands
    output logic             quiesce,   // level: begin nothing, bring everything to an end
    input  wire logic        quiet,     // level: nothing is outstanding
    output logic             run,       // level: commands may be fetched
    output logic             shut,      // level: quiesce is up for a shutdown; 0: for a reset

    output logic      [63:0] asq,       // base of the admin submission queue
    output logic      [63:0] acq,       // base of the admin completion queue
    output logic      [11:0] asqs,      // entries less one of the admin submission queue
    output logic      [11:0] acqs,      // entries less one of the admin completion queue
    output logic             wrr,       // weighted round robin with urgent class
    output logic      [31:0] intm,      // interrupt mask

`ifdef FORMAL
    output logic      [2:0]  f_state,
    output logic             f_en,
`endif

    input  wire logic        fatal,     // level: sets CFS
    output logic             ssr        // event: NVM subsystem reset
);

  localparam logic [31:0] NSSR_KEY = 32'h4E564D65;  // "NVMe"

  localparam logic [3:0] W_CAP  = crl_pkg::REG_NVME_CAP[6:3],       W_INTMS = crl_pkg::REG_NVME_VS_INTMS[6:3],
                         W_CC   = crl_pkg::REG_NVME_INTMC_CC[6:3],  W_CSTS  = crl_pkg::REG_NVME_CSTS[6:3],
                         W_NSSR = crl_pkg::REG_NVME_NSSR_AQA[6:3],  W_ASQ   = crl_pkg::REG_NVME_ASQ[6:3],
                         W_ACQ  = crl_pkg::REG_NVME_ACQ[6:3],       W_CRTO  = crl_pkg::REG_NVME_CRTO[6:3];

  // CC in its word; what may change while EN is 1 is EN and SHN alone.
  localparam logic [63:0] CC_BITS = crl_pkg::WMASK_NVME_INTMC_CC & 64'hFFFFFFFF_00000000;
  localparam logic [63:0] CC_LIVE = (64'd1 << crl_pkg::NVME_INTMC_CC_EN_LSB) | (64'd3 << crl_pkg::NVME_INTMC_CC_SHN_LSB);

  localparam logic [63:0] CAP = crl_pkg::RESET_NVME_CAP
                                & ~((64'hFF << crl_pkg::NVME_CAP_TO_LSB) | (64'hF << crl_pkg::NVME_CAP_DSTRD_LSB))
                                | (64'(TO) << crl_pkg::NVME_CAP_TO_LSB) | (64'(DSTRD) << crl_pkg::NVME_CAP_DSTRD_LSB);
  localparam logic [63:0] CRTO = 64'(TO) << crl_pkg::NVME_CRTO_CRWMT_LSB;

  localparam logic [1:0] SHST_NONE = 2'd0, SHST_BUSY = 2'd1, SHST_DONE = 2'd2;

  localparam logic [2:0] S_OFF   = 3'd0,  // RDY = 0, nothing is under way
                         S_START = 3'd1,  // started is owed
                         S_RUN   = 3'd2,  // RDY = 1
                         S_BAD   = 3'd3,  // enabled with what is not supported: CFS, RDY = 0
                         S_WAIT  = 3'd4,  // left while it started: started is owed
                         S_STOP  = 3'd5;  // left: quiet is owed

  logic [2:0]  state_q;
  logic [63:0] cc_q;                // in place
  logic [63:0] aqa_q, asq_q, acq_q; // in place
  logic [31:0] intm_q, intm_now;
  logic        rdy_q, cfs_q, nssro_q, nssr_q, start_q, ssr_q;
  logic [1:0]  shst_q;
  logic        quiesce_q;           // quiesce, a cycle ago
  logic        quiet_q;             // what is owed now was quiet a cycle ago

  // --- registers -----------------------------------------------------------------------------------
  logic [63:0] lanes;   // bits whose byte is written
  logic        en, leave, done, wipe, nssr_wr;
  logic [1:0]  shst;
  logic [63:0] cc_mask, cc_new, csts;

  always_comb begin
    for (int i = 0; i < 8; i++) lanes[8*i +: 8] = {8{wr_strb[i]}};
  end

  assign en      = cc_q[crl_pkg::NVME_INTMC_CC_EN_LSB];
  assign leave   = !en || nssr_q;
  assign done    = state_q == S_STOP && quiet_q;
  assign wipe    = done && nssr_q;
  assign intm_now = done ? '0 : intm_q;  // a reset by EN takes the mask along
  assign nssr_wr = wr && wr_word == W_NSSR && wr_strb[3:0] == 4'hF && wr_data[31:0] == NSSR_KEY;
  assign cc_mask = lanes & CC_BITS & (en ? CC_LIVE : CC_BITS);
  assign cc_new  = (cc_q & ~cc_mask) | (wr_data & cc_mask);

  always_ff @(posedge clk) begin
    if (rst || wipe) begin
      cc_q   <= '0;
      aqa_q  <= '0;
      asq_q  <= '0;
      acq_q  <= '0;
      intm_q <= '0;
    end else begin
      intm_q <= intm_now;
      if (wr) case (wr_word)
        W_INTMS: intm_q <= intm_now | (wr_data[63:32] & lanes[63:32]);
        W_CC: begin
          intm_q <= intm_now & ~(wr_data[31:0] & lanes[31:0]);
          cc_q   <= cc_new;
        end
        W_NSSR: if (!en) aqa_q <= (aqa_q & ~lanes) | (wr_data & lanes & crl_pkg::WMASK_NVME_NSSR_AQA);
        W_ASQ:  if (!en) asq_q <= (asq_q & ~lanes) | (wr_data & lanes & crl_pkg::WMASK_NVME_ASQ);
        W_ACQ:  if (!en) acq_q <= (acq_q & ~lanes) | (wr_data & lanes & crl_pkg::WMASK_NVME_ACQ);
        default: ;
      endcase
    end
  end

  always_comb begin
    csts = '0;
    csts[crl_pkg::NVME_CSTS_RDY_LSB]       = rdy_q;
    csts[crl_pkg::NVME_CSTS_CFS_LSB]       = cfs_q;
    csts[crl_pkg::NVME_CSTS_SHST_LSB +: 2] = shst;
    csts[crl_pkg::NVME_CSTS_NSSRO_LSB]     = nssro_q;
  end

  always_comb begin
    case (rd_word)
      W_CAP:   rd_data = CAP;
      W_INTMS: rd_data = {intm_q, crl_pkg::RESET_NVME_VS_INTMS[31:0]};
      W_CC:    rd_data = {cc_q[63:32], intm_q};
      W_CSTS:  rd_data = csts;
      W_NSSR:  rd_data = aqa_q;
      W_ASQ:   rd_data = asq_q;
      W_ACQ:   rd_data = acq_q;
      W_CRTO:  rd_data = CRTO;
      default: rd_data = '0;
    endcase
  end

  assign asq  = asq_q;
  assign acq  = acq_q;
  assign asqs = aqa_q[crl_pkg::NVME_NSSR_AQA_ASQS_LSB +: 12];
  assign acqs = aqa_q[crl_pkg::NVME_NSSR_AQA_ACQS_LSB +: 12];
  assign wrr  = cc_q[crl_pkg::NVME_INTMC_CC_AMS_LSB +: 3] == 3'd1;
  assign intm = intm_q;

  // --- life ----------------------------------------------------------------------------------------
  logic       good, alive, listen, calm, shutting;
  logic [1:0] shn;

  assign shn   = cc_q[crl_pkg::NVME_INTMC_CC_SHN_LSB +: 2];
  assign alive = state_q == S_START || state_q == S_RUN;
  assign good  = cc_q[crl_pkg::NVME_INTMC_CC_MPS_LSB +: 4] == 4'd0 && cc_q[crl_pkg::NVME_INTMC_CC_CSS_LSB +: 3] == 3'd0
                 && cc_q[crl_pkg::NVME_INTMC_CC_AMS_LSB + 1 +: 2] == 2'd0 && asqs != '0 && acqs != '0;

  // SHN counts as it stands, except while a reset is under way; a controller that starts has not been shut down.
  always_comb begin
    shst = state_q == S_OFF && !leave ? SHST_NONE : shst_q;
    if (listen && shst == SHST_NONE && (shn == 2'd1 || shn == 2'd2)) shst = en ? SHST_BUSY : SHST_DONE;
  end

  assign listen  = !nssr_q && (state_q == S_OFF || (en && (alive || state_q == S_BAD)));
  // Of a controller that is alive SHN is listened to, so this is shst == SHST_NONE then, in fewer levels.
  assign calm    = !leave && shst_q == SHST_NONE && shn != 2'd1 && shn != 2'd2;
  assign quiesce = !alive || !calm;
  assign run     = state_q == S_RUN && calm && !cfs_q;
  assign shut    = shst != SHST_NONE && !leave && state_q != S_WAIT && state_q != S_STOP;
  assign start   = start_q;
  assign ssr     = ssr_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q   <= S_OFF;
      rdy_q     <= 1'b0;
      start_q   <= 1'b0;
      ssr_q     <= 1'b0;
      nssr_q    <= 1'b0;
      nssro_q   <= 1'b0;
      quiesce_q <= 1'b0;
    end else begin
      start_q   <= 1'b0;
      ssr_q     <= wipe;
      quiesce_q <= quiesce;
      case (state_q)
        S_OFF: begin
          if (nssr_q)          state_q <= S_STOP;
          else if (en && good) state_q <= S_START;
          else if (en)         state_q <= S_BAD;
          start_q <= !nssr_q && en && good;
        end
        S_START: begin
          if (started)    state_q <= leave ? S_STOP : S_RUN;
          else if (leave) state_q <= S_WAIT;
          rdy_q <= started && !leave;
        end
        S_WAIT:       if (started) state_q <= S_STOP;
        S_RUN, S_BAD: if (leave)   state_q <= S_STOP;
        default: begin  // S_STOP
          if (done) begin
            state_q <= S_OFF;
            rdy_q   <= 1'b0;
          end
        end
      endcase

      nssr_q <= !wipe && (nssr_wr || nssr_q);

      if (wipe)
        nssro_q <= 1'b1;
      else if (wr && wr_word == W_CSTS && lanes[crl_pkg::NVME_CSTS_NSSRO_LSB] && wr_data[crl_pkg::NVME_CSTS_NSSRO_LSB])
        nssro_q <= 1'b0;
    end
  end

  // Of `quiet` counts what it was a cycle ago, when it was owed already.
  assign shutting = shst == SHST_BUSY && (state_q == S_RUN || state_q == S_BAD) && !leave;
  always_ff @(posedge clk) quiet_q <= !rst && quiet && quiesce_q && (state_q == S_STOP || shutting);

  // CFS: an error that is still there outlives the reset.
  always_ff @(posedge clk) begin
    if (rst)                                          cfs_q <= 1'b0;
    else if (fatal)                                   cfs_q <= 1'b1;
    else if (done)                                    cfs_q <= 1'b0;
    else if (state_q == S_OFF && !leave && !good)     cfs_q <= 1'b1;
  end

  always_ff @(posedge clk) begin
    if (rst || done)                                               shst_q <= SHST_NONE;
    else if (shutting && quiet_q)                                  shst_q <= SHST_DONE;
    else                                                           shst_q <= shst;
  end

`ifdef FORMAL
  assign f_state = state_q;
  assign f_en    = en;
`endif

  // --- parameters ----------------------------------------------------------------------------------
  initial begin
    if (TO < 0 || TO > 255)     $fatal(1, "crl_nvme_ctrl: TO must be 0 to 255");
    if (DSTRD < 0 || DSTRD > 9) $fatal(1, "crl_nvme_ctrl: DSTRD must be 0 to 9");
  end

endmodule

`default_nettype wire
