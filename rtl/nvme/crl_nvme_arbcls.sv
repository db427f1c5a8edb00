// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_arbcls: chooses a class, and keeps the credits of the weighted ones.
//
// How: admin, then class 0 (urgent, or all queues without wrr), then classes 1 to 3 in turn if they have queues and credits. If none that
//   has queues has credits, the choice is made as if all were full, and they are when a grant follows from it.
//   A grant takes its g_max off the credits; what it did not use comes back, up to the weight.
// Latency: any to b_* 1 cycle, to c_* 2 cycles; take, give and weights count from the next cycle on.
// Assumes: 'take' is of what c_* shows; 'now', not with it, of class 0. No choice made in the 2 cycles before 'take' is used after it.
`default_nettype none

module crl_nvme_arbcls #(
    parameter int QW = 4
) (
    input  wire logic          clk,
    input  wire logic          rst,        // synchronous, active high
    input  wire logic [2:0]    ab,         // burst 2^ab, 7: no limit
    input  wire logic [7:0]    hpw,        // weights less one
    input  wire logic [7:0]    mpw,
    input  wire logic [7:0]    lpw,

    input  wire logic [3:0]    class_any,  // the class has eligible queues
    input  wire logic          admin_any,

    output logic               b_valid,    // a choice
    output logic               b_admin,
    output logic      [1:0]    b_cls,
    output logic      [QW-1:0] b_last,     // queue of the class served last

    output logic      [1:0]    c_cls,      // the choice of a cycle ago; 0 for admin
    output logic      [7:0]    c_max,      // commands it may take

    output logic      [7:0]    burst,      // of class 0 it may always take this many
    input  wire logic          take,       // event: a grant of it
    input  wire logic          now,        // event: a grant of class 0 or of queue 0
    input  wire logic          take_admin, // queue 0
    input  wire logic [QW-1:0] take_qid,
    input  wire logic [8:0]    give1,      // come back to class 1, 2, 3 in this cycle
    input  wire logic [8:0]    give2,
    input  wire logic [8:0]    give3
);

  logic [35:0]        cred_q, full, give;   // 9 bits a class; class 0 has none
  logic [3:0][QW-1:0] last_q;
  logic [1:0]         turn_q;       // weighted class that was served last
  logic [3:0]         want, rich;   // with credits
  logic               any_rich, want1, want2, want3;
  logic [1:0]         sel, pick;
  logic               c_refill_q, b_refill_q;
  logic [8:0]         c_cred;

  assign give     = {give3, give2, give1, 9'd0};

  assign burst    = ab == 3'd7 ? 8'd128 : 8'd1 << ab;

  // Weights, a cycle later.
  always_ff @(posedge clk) full <= {{1'b0, lpw} + 9'd1, {1'b0, mpw} + 9'd1, {1'b0, hpw} + 9'd1, 9'd0};
  assign any_rich = rich != '0;
  assign want     = any_rich ? rich : class_any;
  assign sel      = class_any[0] ? 2'd0 : pick;

  assign {want3, want2, want1} = want[3:1];

  // The first behind the one whose turn it was.
  always_comb begin
    case (turn_q)
      2'd1:    pick = want2 ? 2'd2 : want3 ? 2'd3 : 2'd1;
      2'd2:    pick = want3 ? 2'd3 : want1 ? 2'd1 : 2'd2;
      default: pick = want1 ? 2'd1 : want2 ? 2'd2 : 2'd3;
    endcase
  end

  always_ff @(posedge clk) begin
    if (rst) b_valid <= 1'b0;
    else     b_valid <= admin_any || class_any != '0;
    b_admin    <= admin_any;
    b_cls      <= admin_any ? 2'd0 : sel;
    b_last     <= last_q[sel];
    b_refill_q <= !any_rich && sel != 2'd0 && !admin_any;
  end

  // ---------------------------------------------------------------------------------------------
  // How many

  logic [7:0]      most_now;
  logic [3:0][7:0] c_off;               // c_max, of its class

  assign c_cred = b_cls == 2'd0 ? '1 : b_refill_q ? full[9*b_cls +: 9] : cred_q[9*b_cls +: 9];

  assign most_now = c_cred < {1'b0, burst} ? c_cred[7:0] : burst;

  always_ff @(posedge clk) begin
    c_cls      <= b_cls;
    c_refill_q <= b_refill_q;
    c_max      <= most_now;
    for (int k = 0; k < 4; k++) c_off[k] <= b_cls == 2'(k) ? most_now : 8'd0;
  end

  // ---------------------------------------------------------------------------------------------
  // Credits

  // What is given back fills up to the weight. More than that, from before the weight was changed, stays: a choice may count on it.
  function automatic logic [8:0] credits(input logic [8:0] base, input logic [7:0] off, input logic [8:0] back, input logic [8:0] most);
    logic [8:0] rest;
    logic [9:0] more, sum;
    rest    = base - {1'b0, off};
    more    = {1'b0, back} - {2'b00, off};
    sum     = {1'b0, base} + more;
    credits = rest > most ? rest : sum > {1'b0, most} ? most : sum[8:0];
  endfunction

  generate
    for (genvar k = 0; k < 4; k++) begin : g_class
      if (k == 0) begin : g_none
        assign cred_q[8:0] = '0;
        assign rich[0]     = 1'b0;
      end else begin : g_weighted
        logic [8:0]  now_q, most, kept, taken;   // without a grant of the choice, with one

        assign most = full[9*k +: 9];

        assign kept  = credits(now_q, 8'd0, give[9*k +: 9], most);
        assign taken = credits(c_refill_q ? most : now_q, c_off[k], give[9*k +: 9], most);

        assign cred_q[9*k +: 9] = now_q;
        assign rich[k]          = class_any[k] && now_q != '0;

        // 'take' comes late.
        always_ff @(posedge clk) begin
          if (rst)       now_q <= '0;
          else if (take) now_q <= taken;
          else           now_q <= kept;
        end
      end
    end
  endgenerate

  always_ff @(posedge clk) begin
    if (rst) begin
      last_q <= '0;
      turn_q <= 2'd3;
    end else if ((take || now) && !take_admin) begin
      last_q[now ? 2'd0 : c_cls] <= take_qid;
      if (!now && c_cls != 2'd0) turn_q <= c_cls;
    end
  end

  logic unused;
  assign unused = &{1'b0, give[8:0], want[0], c_off[0]};

endmodule

`default_nettype wire
