// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_arbfind: finds the next queue of a class, round robin, among up to 129.
//
// How: three stages that run all the time. A: the eligible queues are registered, and for each class and group of 16 whether
//   there is one. B, outside: a class is chosen. C: of the queues of that class the first of each group, once among
//   those behind the last one served and once among all, is registered. D, combinational: the first group that has one.
//   Queue 0 is none of any class; it stands beside.
// Latency: elig to class_any 1 cycle, b_* to found 1 cycle. 'kill' takes effect at once on the first stage only.
// Assumes: cls as in crl_nvme_arb. The caller ignores what is found if it is killed in that cycle or was in the one before.
`default_nettype none

module crl_nvme_arbfind #(
    parameter int QUEUES = 8,
    localparam int QN    = QUEUES + 1,
    localparam int QW    = $clog2(QN)
) (
    input  wire logic            clk,
    input  wire logic            rst,        // synchronous, active high
    input  wire logic [QN-1:0]   elig,       // may be granted
    input  wire logic [QN-1:0]   kill,       // not from this cycle on
    input  wire logic [2*QN-1:0] cls,        // class of each, 2 bits

    output logic      [3:0]      class_any,  // a queue of the class is eligible
    output logic                 admin_any,  // queue 0 is

    input  wire logic            b_valid,    // this class was chosen
    input  wire logic            b_admin,    // or queue 0
    input  wire logic [1:0]      b_cls,
    input  wire logic [QW-1:0]   b_last,     // queue of the class that was served last

    output logic                 found,
    output logic      [QW-1:0]   found_qid
);

  localparam int G   = (QN + 15) / 16;   // groups
  localparam int PAD = 16 * G;

  // ---------------------------------------------------------------------------------------------
  // A

  logic [QN-1:0]     elig_q;
  logic [4*G-1:0]    any_d, any_q;   // class by class

  // Where one is killed, too: for nobody then, nothing is found.
  always_comb begin
    any_d = '0;
    for (int i = 1; i < QN; i++) begin
      for (int k = 0; k < 4; k++) begin
        if (elig[i] && cls[2*i +: 2] == 2'(k)) any_d[G*k + i/16] = 1'b1;
      end
    end
    for (int k = 0; k < 4; k++) class_any[k] = any_q[G*k +: G] != '0;
  end

  assign admin_any = elig_q[0];

  always_ff @(posedge clk) begin
    if (rst) begin
      elig_q <= '0;
      any_q  <= '0;
    end else begin
      elig_q <= elig & ~kill;
      any_q  <= any_d;
    end
  end

  // ---------------------------------------------------------------------------------------------
  // C

  logic [PAD-1:0]    cand, after;       // of the class; behind the last one
  logic [7:0]        last;
  logic [3:0]        last_group, last_place;
  logic [2*G-1:0]    has_d, has_q;      // upper half: all, lower half: those behind
  logic [2*G*4-1:0]  at_d, at_q;        // the first in its group
  logic              admin_q;

  assign last = 8'(b_last);
  assign {last_group, last_place} = last;

  always_comb begin
    cand  = '0;
    after = '0;
    for (int i = 1; i < QN; i++) begin
      cand[i]  = elig_q[i] && cls[2*i +: 2] == b_cls;
      after[i] = cand[i] && (4'(i/16) > last_group || (4'(i/16) == last_group && 4'(i%16) > last_place));
    end
  end

  generate
    for (genvar g = 0; g < G; g++) begin : g_group
      logic [15:0] all, behind;
      logic [3:0]  all_at, behind_at;

      assign all    = cand[16*g +: 16];
      assign behind = after[16*g +: 16];

      always_comb begin
        all_at    = '0;
        behind_at = '0;
        for (int i = 15; i >= 0; i--) begin
          if (all[i])    all_at    = 4'(i);
          if (behind[i]) behind_at = 4'(i);
        end
      end

      assign has_d[g]              = behind != '0;
      assign has_d[G + g]          = all != '0;
      assign at_d[4*g +: 4]        = behind_at;
      assign at_d[4*(G + g) +: 4]  = all_at;
    end
  endgenerate

  always_ff @(posedge clk) begin
    if (rst) begin
      has_q   <= '0;
      admin_q <= 1'b0;
    end else begin
      has_q   <= has_d & {(2*G){b_valid && !b_admin}};
      admin_q <= b_valid && b_admin && elig_q[0];
    end
    at_q <= at_d;
  end

  // ---------------------------------------------------------------------------------------------
  // D

  logic [7:0] where;

  always_comb begin
    where = '0;
    for (int g = 2*G - 1; g >= 0; g--) begin
      if (has_q[g]) where = {4'(g >= G ? g - G : g), at_q[4*g +: 4]};
    end
    if (admin_q) where = '0;
  end

  assign found     = has_q != '0 || admin_q;
  assign found_qid = where[QW-1:0];

  logic unused;
  assign unused = &{1'b0, where};

endmodule

`default_nettype wire
