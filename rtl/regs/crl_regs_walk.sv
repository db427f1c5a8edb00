// SPDX-License-Identifier: Apache-2.0
//
// crl_regs_walk: configuration of a channel, or entry of a segment, out of the register RAM in one event.
//
// How: a walk reads the four words of a channel, or the three of a segment, one a cycle, after which
//   all of them leave together with `cc_we` or `seg_we`. An entry that is out of range leaves without
//   VALID, and `fix` has VALID taken away from its word too. During the sweep after reset, every
//   channel's and every segment's reset values leave, all 0.
// Latency: from `start` to cc_we or seg_we 7 cycles. Throughput: a walk at a time.
// Assumes: the word that starts a walk is written in the next cycle; no start while `busy`.
`default_nettype none

module crl_regs_walk #(
    parameter int CHANNELS = 8,
    parameter int SEGMENTS = 32,
    parameter int FUNC_W   = 8,
    parameter int RAM_AW   = 8,    // of crl_regs_store
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int SW      = SEGMENTS > 1 ? $clog2(SEGMENTS) : 1
) (
    input  wire logic                         clk,
    input  wire logic                         rst,         // synchronous, active high

    input  wire logic                         init,        // the sweep is running
    input  wire logic [RAM_AW-1:0]            sweep,       // its address

    input  wire logic                         start,       // event
    input  wire logic                         start_seg,   // over a segment, else over a channel
    input  wire logic [RAM_AW-1:0]            start_addr,  // one of the words
    output logic                              busy,
    output logic                              rd,          // read now; goes before all others
    output logic      [RAM_AW-1:0]            rd_addr,
    input  wire logic [63:0]                  rd_data,     // one cycle later
    output logic                              fix,         // event: take VALID away
    output logic      [RAM_AW-1:0]            fix_addr,

    output logic                              cc_we,       // event: configuration of cc_ch
    output logic      [CW-1:0]                cc_ch,
    output logic                              cc_own,      // CHP.OWNER is valid
    output logic      [FUNC_W-1:0]            cc_func,
    output logic      [1:0]                   cc_class,
    output logic      [7:0]                   cc_weight,
    output logic                              cc_mgmt,
    output logic      [15:0]                  cc_rate,
    output logic      [15:0]                  cc_burst,
    output logic                              cc_abs,
    output logic                              cc_stop,
    output logic                              cc_bind,
    output logic      [1:0]                   cc_peer,
    output logic      [7:0]                   cc_peer_ch,

    output logic                              seg_we,      // event: entry of seg_idx
    output logic      [SW-1:0]                seg_idx,
    output logic      [crl_pkg::SEGENT_W-1:0] seg_entry
);

  // step 0 idle; 1 the write; 2 to 5 read word step - 2; 6 last word arrives; 7 event
  logic [2:0]        step_q;
  logic              seg_q;
  logic [RAM_AW-1:2] addr_q;
  logic              got, bad_q;
  logic [1:0]        got_word;

  assign busy     = step_q != 3'd0;
  assign rd       = step_q >= 3'd2 && step_q <= 3'd5;
  assign rd_addr  = {addr_q, step_q[1:0] - 2'd2};
  assign got      = step_q >= 3'd3 && step_q <= 3'd6;
  assign got_word = step_q[1:0] + 2'd1;
  assign fix      = seg_we && bad_q && !init;
  assign fix_addr = {addr_q, 2'd2};

  always_ff @(posedge clk) begin
    if (rst)        step_q <= 3'd0;
    else if (start) step_q <= 3'd1;
    else if (busy)  step_q <= step_q + 3'd1;
  end

  always_ff @(posedge clk) begin
    if (start) begin
      seg_q  <= start_seg;
      addr_q <= start_addr[RAM_AW-1:2];
    end
  end

  // --- what a walk collects ----------------------------------------------------------------------
  logic [crl_pkg::SEG_BASE_BASE_W-1:0]   base_q;
  logic [crl_pkg::SEG_SIZE_SIZE_W-1:0]   size_q;
  logic [crl_pkg::SEG_CTRL_RIGHTS_W-1:0] rights_q;
  logic [7:0]                            seg_ch_q;
  logic [3:0]                            seg_peer_q;
  logic [11:0]                           gen_q;
  logic                                  seg_valid_q;

  // Reset, because the sweep sends these as reset values.
  always_ff @(posedge clk) begin
    if (rst) begin
      {cc_own, cc_func, cc_class, cc_weight, cc_mgmt, cc_rate, cc_burst} <= '0;
      {cc_abs, cc_stop, cc_bind, cc_peer, cc_peer_ch}                    <= '0;
    end else if (got && !seg_q) begin
      case (got_word)
        2'd0: begin
          cc_own  <= rd_data[crl_pkg::CHP_OWNER_VALID_LSB];
          cc_func <= rd_data[crl_pkg::CHP_OWNER_FUNC_LSB +: FUNC_W];
        end
        2'd1: begin
          cc_class  <= rd_data[crl_pkg::CHP_POLICY_CLASS_LSB +: 2];
          cc_mgmt   <= rd_data[crl_pkg::CHP_POLICY_MGMT_LSB];
          cc_abs    <= rd_data[crl_pkg::CHP_POLICY_ABS_LSB];
          cc_stop   <= rd_data[crl_pkg::CHP_POLICY_STOP_ON_ERROR_LSB];
          cc_weight <= rd_data[crl_pkg::CHP_POLICY_WEIGHT_LSB +: 8];
        end
        2'd2: begin
          cc_rate  <= rd_data[crl_pkg::CHP_RATE_RATE_LSB +: 16];
          cc_burst <= rd_data[crl_pkg::CHP_RATE_BURST_LSB +: 16];
        end
        default: begin
          cc_peer_ch <= rd_data[crl_pkg::CHP_BIND_PEER_CH_LSB +: 8];
          cc_peer    <= rd_data[crl_pkg::CHP_BIND_PEER_LSB +: 2];
          cc_bind    <= rd_data[crl_pkg::CHP_BIND_VALID_LSB];
        end
      endcase
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      {base_q, size_q, rights_q, seg_ch_q, seg_peer_q, gen_q, seg_valid_q} <= '0;
    end else if (got && seg_q) begin
      case (got_word)
        2'd0: base_q <= rd_data[crl_pkg::SEG_BASE_BASE_LSB +: crl_pkg::SEG_BASE_BASE_W];
        2'd1: size_q <= rd_data[crl_pkg::SEG_SIZE_SIZE_LSB +: crl_pkg::SEG_SIZE_SIZE_W];
        2'd2: begin
          rights_q    <= rd_data[crl_pkg::SEG_CTRL_RIGHTS_LSB +: crl_pkg::SEG_CTRL_RIGHTS_W];
          seg_ch_q    <= rd_data[crl_pkg::SEG_CTRL_CHANNEL_LSB +: 8];
          seg_peer_q  <= rd_data[crl_pkg::SEG_CTRL_PEER_LSB +: 4];
          gen_q       <= rd_data[crl_pkg::SEG_CTRL_GEN_LSB +: 12];
          seg_valid_q <= rd_data[crl_pkg::SEG_CTRL_VALID_LSB];
        end
        default: ;
      endcase
    end
  end

  // Base + size above 2^64: a carry out of the sum in 4 KiB units, unless it ends there exactly.
  // Its two halves take a cycle each: the size is there in step 5, the answer in step 7.
  logic [29:0] low_sum_q;

  always_ff @(posedge clk) begin
    low_sum_q <= {1'b0, base_q[28:0]} + {1'b0, size_q[40:12]} + 30'(size_q[11:0] != '0);
    bad_q     <= (size_q[40] && size_q[39:0] != '0)
              || (&base_q[51:29] && low_sum_q[29] && low_sum_q[28:0] != '0);
  end

  // --- events ------------------------------------------------------------------------------------
  always_ff @(posedge clk) begin
    if (rst) begin
      cc_we  <= 1'b0;
      seg_we <= 1'b0;
    end else begin
      cc_we  <= init ? 32'(sweep) < CHANNELS : step_q == 3'd6 && !seg_q;
      seg_we <= init ? 32'(sweep) < SEGMENTS : step_q == 3'd6 && seg_q;
    end
  end

  always_ff @(posedge clk) begin
    cc_ch   <= init ? (CHANNELS > 1 ? sweep[CW-1:0] : '0) : addr_q[4 +: CW];
    seg_idx <= init ? sweep[SW-1:0] : addr_q[2 +: SW];
  end

  // Continuous assignments: Icarus 11 wakes an always_comb for selects that the block itself assigns.
  assign seg_entry[crl_pkg::SEGENT_BASE_LSB +: crl_pkg::SEGENT_BASE_W]       = base_q;
  assign seg_entry[crl_pkg::SEGENT_SIZE_LSB +: crl_pkg::SEGENT_SIZE_W]       = size_q;
  assign seg_entry[crl_pkg::SEGENT_PEER_LSB +: crl_pkg::SEGENT_PEER_W]       = seg_peer_q;
  assign seg_entry[crl_pkg::SEGENT_CHANNEL_LSB +: crl_pkg::SEGENT_CHANNEL_W] = seg_ch_q;
  assign seg_entry[crl_pkg::SEGENT_RIGHTS_LSB +: crl_pkg::SEGENT_RIGHTS_W]   = rights_q;
  assign seg_entry[crl_pkg::SEGENT_GEN_LSB +: crl_pkg::SEGENT_GEN_W]         = gen_q;
  assign seg_entry[crl_pkg::SEGENT_VALID_LSB]                                = seg_valid_q && !bad_q;

  logic unused;

  assign unused = &{1'b0, rd_data, addr_q, start_addr[1:0]};

endmodule

`default_nettype wire
