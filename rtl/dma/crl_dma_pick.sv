// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_pick: picks the channel that is first in the scheduler's order, in the cycle in which
// it becomes eligible.
//
// How: the order (forced, class, not sitting out, place in the round, index) is known before
//   'elig' is, so the work is done ahead of it. Up to MATRIX_MAX channels each pair has a
//   registered bit 'j may go and comes before i', and a channel wins when none that is eligible does.
//   With more channels that matrix would be large; then registered masks select the highest group
//   that has an eligible channel, and the first of it from the pointer on.
// Latency: elig to pick_valid and pick_ch 0 cycles; the order 1 cycle (it is registered here).
// Assumes: nothing of its neighbours. cls is expected to be stable for a cycle before it counts.
`default_nettype none

module crl_dma_pick #(
    parameter int CHANNELS   = 8,   // 1 to 64
    parameter int MATRIX_MAX = 16,  // up to so many channels the matrix is used
    localparam int CW        = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                      clk,
    input  wire logic [CHANNELS-1:0]       elig,       // has something to send
    input  wire logic [CHANNELS-1:0]       tok_d,      // next cycle: its token bucket allows it
    input  wire logic [CHANNELS-1:0]       skip_d,     // next cycle: sits out rounds of its class
    input  wire logic [CHANNELS-1:0]       hold_d,     // next cycle: not picked, its place stays
    input  wire logic [CHANNELS-1:0]       after_d,    // next cycle: from the class's pointer on
    input  wire logic [CHANNELS-1:0]       force_d,    // next cycle: before all classes
    input  wire logic [CHANNELS-1:0][1:0]  cls,        // class, 3 highest
    output logic                           pick_valid,
    output logic      [CW-1:0]             pick_ch,
    output logic      [CHANNELS-1:0]       pick_sel,   // the same, one-hot; 0 without a pick
    output logic                           stall,      // the highest class has only channels that sit out
    output logic      [1:0]                stall_cls   // and this is it
);

  generate
    if (CHANNELS <= MATRIX_MAX) begin : g_matrix
      logic [CHANNELS-1:0] serve_d;    // may be picked, else it sits out
      logic [CHANNELS-1:0] go_q, sit_q;  // has tokens: and may be picked; or sits out
      logic [CHANNELS-1:0] win, halt;

      assign serve_d = ~(skip_d | hold_d) | force_d;

      always_ff @(posedge clk) begin
        go_q  <= tok_d & serve_d;
        sit_q <= tok_d & ~serve_d;
      end

      for (genvar i = 0; i < CHANNELS; i++) begin : g_row
        logic [CHANNELS-1:0] ahead_d;  // next cycle: j comes before i
        logic [CHANNELS-1:0] block_q;  // and may go
        logic                first;

        for (genvar j = 0; j < CHANNELS; j++) begin : g_pair
          if (j < i) begin : g_compare
            logic higher_q, equal_q;  // classes compared
            logic place;

            // j has the lower index, so it also comes first when all else is equal.
            assign place = skip_d[j] == skip_d[i] ? after_d[j] || !after_d[i] : skip_d[i];

            always_ff @(posedge clk) begin
              higher_q <= cls[j] > cls[i];
              equal_q  <= cls[j] == cls[i];
            end

            assign ahead_d[j] = force_d[j] == force_d[i] ? higher_q || (equal_q && place) : force_d[j];
          end else if (j > i) begin : g_mirror
            assign ahead_d[j] = !g_row[j].ahead_d[i];
          end else begin : g_self
            assign ahead_d[j] = 1'b0;
          end
        end

        if (CHANNELS == 1) begin : g_alone
          logic unused;
          assign unused = &{1'b0, after_d};
        end

        always_ff @(posedge clk) block_q <= ahead_d & tok_d;

        assign first   = elig[i] && (elig & block_q) == '0;
        assign win[i]  = first && go_q[i];
        assign halt[i] = first && sit_q[i];
      end

      always_comb begin
        pick_ch   = '0;
        stall_cls = '0;
        for (int i = 0; i < CHANNELS; i++) begin
          if (win[i])  pick_ch   = pick_ch | CW'(i);
          if (halt[i]) stall_cls = stall_cls | cls[i];
        end
      end

      assign pick_valid = |win;
      assign pick_sel   = win;
      assign stall      = |halt;
    end else begin : g_groups
      logic [CHANNELS-1:0] serve_q;   // doesn't sit out
      logic [CHANNELS-1:0] after_q;
      logic [4:0]          any, top;  // group 4: forced; top is one-hot
      logic [CHANNELS-1:0] sel, near, far;

      always_ff @(posedge clk) begin
        serve_q <= ~(skip_d | hold_d) | force_d;
        after_q <= after_d;
      end

      for (genvar k = 0; k < 5; k++) begin : g_group
        logic [CHANNELS-1:0] mask_d, mask_q;  // may send, one mask for each class
        logic [CHANNELS-1:0] cand;            // and is in the highest group that wants

        for (genvar i = 0; i < CHANNELS; i++) begin : g_mask
          if (k == 4) begin : g_forced
            assign mask_d[i] = tok_d[i] && force_d[i];
          end else begin : g_class
            assign mask_d[i] = tok_d[i] && !force_d[i] && cls[i] == 2'(k);
          end
        end

        always_ff @(posedge clk) mask_q <= mask_d;

        assign any[k] = |(elig & mask_q);
        if (k == 4) begin : g_first
          assign top[k] = any[k];
          assign cand   = mask_q & {CHANNELS{top[k]}};
        end else begin : g_lower
          assign top[k] = any[k] && any[4:k+1] == '0;
          assign cand   = g_group[k+1].cand | (mask_q & {CHANNELS{top[k]}});
        end
      end

      assign sel  = elig & g_group[0].cand;
      assign far  = sel & serve_q;
      assign near = far & after_q;

      // The first from the pointer on, else the first of all.
      always_comb begin : p_first
        logic [CHANNELS-1:0] from;
        from    = near != '0 ? near : far;
        pick_ch = '0;
        for (int i = CHANNELS - 1; i >= 0; i--) begin
          if (from[i]) pick_ch = CW'(i);
        end
      end

      assign pick_valid = far != '0;
      always_comb begin
        pick_sel          = '0;
        pick_sel[pick_ch] = pick_valid;
      end
      assign stall      = any != '0 && far == '0;
      assign stall_cls  = {top[3] || top[2], top[3] || top[1]};
    end
  endgenerate

endmodule

`default_nettype wire
