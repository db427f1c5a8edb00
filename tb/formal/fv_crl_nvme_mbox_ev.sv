// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_mbox_ev with 4 places (or 16): events of all sources at any time, the processor too. A reference keeps the number of events, which
// doorbell events are held, what was lost and what was refused; any one event is followed to the front, where it is read as it came (what comes with a command is told by its CID).
`default_nettype none

module fv_crl_nvme_mbox_ev #(
    parameter int PLACES = 4
) (
    input wire        clk,
    input wire        rst,
    input wire        bad_valid, bad_qid, bad_cq, bad_code, bad_func,
    input wire        sqf_valid, sqf_qid, cqf_valid, cqf_qid,
    input wire        lg_valid, lg_qid,
    input wire [15:0] lg_cid,
    input wire [10:0] lg_status,
    input wire [31:0] lg_nsid,
    input wire [63:0] lg_lba,
    input wire        look, clear, take, lost_clear,
    input wire [7:0]  qsel,
    input wire [12:0] addr,
    input wire        pick,          // follow an event of this cycle
    input wire [1:0]  pick_src
);

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);
  always @* assume (lg_cid < 16'd8 && lg_status == {lg_cid[2:0], 8'd0} && lg_nsid == {lg_cid, 16'd1} && lg_lba == {48'd2, lg_cid} << 16);

  wire        hold, any;
  wire [31:0] rdata;
  wire        pop     = take && any && !hold;
  wire        q_look  = look && !hold && !pop;      // one access at a time
  wire        q_clear = clear && !hold && !pop && !look && qsel < 8'd2;

  crl_nvme_mbox_ev #(.QUEUES(1), .FUNC_W(1), .PLACES(PLACES)) u_dut (
      .clk, .rst, .bad_valid, .bad_qid, .bad_cq, .bad_code, .bad_func, .sqf_valid, .sqf_qid, .cqf_valid, .cqf_qid,
      .lg_valid, .lg_qid, .lg_cid, .lg_status, .lg_nsid, .lg_lba, .hold, .q_look, .q_clear, .qsel(qsel[0]), .qsel_ok(qsel < 8'd2), .any, .pop, .at_pop(pop), .lost_clear, .addr, .rdata
  );

  // The reference
  reg  [4:0]  n;                     // held
  reg  [7:0]  bells;                 // doorbell events that are held, by queue, CQ, code
  reg  [16:0] lost, shown;           // counted a cycle later
  reg  [1:0][15:0] refused;
  reg         looked;
  reg  [15:0] seen;
  reg         seen_ok;
  wire [2:0]  bell   = {bad_qid, bad_cq, bad_code};
  wire [3:0]  want   = {lg_valid, cqf_valid, sqf_valid, bad_valid && !bells[bell]};
  wire [3:0]  got;
  wire [4:0]  n0 = n + 5'(got[0]), n1 = n0 + 5'(got[1]), n2 = n1 + 5'(got[2]), n3 = n2 + 5'(got[3]);
`ifdef BREAK
  localparam [4:0] ROOM = 5'(PLACES + 1);   // a fault: one place more
`else
  localparam [4:0] ROOM = 5'(PLACES);
`endif
  // The doorbell is the oldest of its cycle, and the last to be let in.
  wire [4:0]  r1 = n + 5'(got[1]), r2 = r1 + 5'(got[2]), r3 = r2 + 5'(got[3]);
  assign got = {want[3] && r2 < ROOM, want[2] && r1 < ROOM, want[1] && n < ROOM, want[0] && r3 < ROOM};
  wire [2:0]  lose = 3'(want[0] && !got[0]) + 3'(want[1] && !got[1]) + 3'(want[2] && !got[2]) + 3'(want[3] && !got[3]);
  wire [16:0] lost_next = (lost_clear ? 17'd0 : lost) + 17'(lose);

  // The event that is followed: how many are before it, and what is to be read.
  reg         on;
  reg  [4:0]  ahead;
  reg  [31:0] w0, w1, w2, w3, w4;
  wire [4:0]  before = (pick_src == 2'd0 ? n : pick_src == 2'd1 ? n0 : pick_src == 2'd2 ? n1 : n2) - 5'(pop);

  // Whether the front is a doorbell event, and which, is read from the block: it is checked by the event that is followed.
  wire        front_bad = rdata[3:0] == 4'd1;
  always @* if (pop) assume (addr == 13'h0A0);

  always @(posedge clk) begin
    looked <= !rst && q_look;
    shown  <= rst ? '0 : lost;
    if (rst) begin
      n       <= '0;
      bells   <= '0;
      lost    <= '0;
      refused <= '0;
      on      <= 1'b0;
    end else begin
      n    <= n3 - 5'(pop);
      lost <= lost_next > 17'hFFFF ? 17'hFFFF : lost_next;
      if (got[0]) bells[bell] <= 1'b1;
      if (pop && front_bad) bells[{rdata[8], rdata[17:16]}] <= 1'b0;
      if (bad_valid && refused[bad_qid] != '1) refused[bad_qid] <= refused[bad_qid] + 16'd1;
      if (q_clear) refused[qsel[0]] <= '0;
      if (on && pop) begin
        on    <= ahead != '0;
        ahead <= ahead - 1'b1;
      end else if (!on && pick && got[pick_src]) begin
        on    <= 1'b1;
        ahead <= before;
        w0    <= pick_src == 2'd0 ? {7'd0, bad_func, 6'd0, bad_cq, bad_code, 7'd0, bad_qid, 8'd1} :
                 pick_src == 2'd1 ? {23'd0, sqf_qid, 8'd2} : pick_src == 2'd2 ? {23'd0, cqf_qid, 8'd3} : {23'd0, lg_qid, 8'd4};
        w1    <= pick_src == 2'd3 ? {5'd0, lg_status, lg_cid} : '0;
        w2    <= pick_src == 2'd3 ? lg_nsid : '0;
        w3    <= pick_src == 2'd3 ? lg_lba[31:0] : '0;
        w4    <= pick_src == 2'd3 ? lg_lba[63:32] : '0;
      end
    end
    if (q_look) begin
      seen    <= refused[qsel[0]];
      seen_ok <= qsel < 8'd2;
    end
  end

  always @(posedge clk) if (past_valid && !rst) begin
    assert (32'(n) <= PLACES && any == (n != '0));
    if (on) assert (ahead < n);
    if (on && ahead == '0) begin
      if (addr == 13'h0A0) assert (rdata == w0);
      if (addr == 13'h0A4) assert (rdata == w1);
      if (addr == 13'h0A8) assert (rdata == w2);
      if (addr == 13'h0AC) assert (rdata == w3);
      if (addr == 13'h0B0) assert (rdata == w4);
    end
    if (!any && addr >= 13'h0A0 && addr <= 13'h0B0) assert (rdata == '0);
    if (addr == 13'h018) assert (rdata == {15'd0, shown});
    if (looked && addr == 13'h1A8 && qsel < 8'd2 && seen_ok) assert (rdata == {16'd0, seen});
    if (looked && addr == 13'h1A8 && qsel >= 8'd2) assert (rdata == '0);
    cover (32'(n) == PLACES);
    cover (shown == 17'd3);
    cover (on && ahead == '0 && pop && 32'(n) == PLACES - 1);
    cover (bad_valid && bells[bell] && !want[0]);
  end

endmodule

`default_nettype wire
