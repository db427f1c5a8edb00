// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_target_split: any frames, any pauses. Bursts follow on each other without gap or
// overlap, cover the frame from its first to its last byte, and never cross a multiple of
// MAX_BURST_BYTES. The ghost frames are tied to the block's registers in the block (FORMAL).
`default_nettype none

module fv_crl_target_split #(
    parameter int DATA_W = 64, parameter int MAX_BURST_BYTES = 64, parameter int FRAME_MAX = 256
) (
    input wire        clk,
    input wire        rst,
    input wire        f_valid,
    input wire [63:0] f_addr,
    input wire [11:0] f_bytes,
    input wire        f_user,
    input wire        want
);

  localparam int B = DATA_W / 8;

  wire        f_ready, valid, first, last, user;
  wire [63:0] addr;
  wire [7:0]  len;
  wire        beat = valid && want;

  crl_target_split #(
      .DATA_W(DATA_W), .MAX_BURST_BYTES(MAX_BURST_BYTES), .FRAME_MAX(FRAME_MAX), .FUNC_W(1)
  ) u_dut (
      .clk, .rst, .f_valid, .f_ready, .f_addr, .f_bytes, .f_user, .beat,
      .valid, .first, .last, .addr, .len, .user
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);
  always @* if (f_valid) assume (f_bytes != 12'd0 && f_bytes <= FRAME_MAX);

  // At the ports: bursts stay within an edge.
  reg        more = 0;        // the last burst ended at an edge
  reg [63:0] next = 0;
  reg [3:0]  bursts = 0;
  wire [63:0] begin_beat = {52'd0, addr[11:0]} / B % (MAX_BURST_BYTES / B);

  always @(posedge clk) begin
    if (rst) begin
      more <= 0;
    end else if (beat) begin
      if (last) begin
        more <= begin_beat + len + 1 == MAX_BURST_BYTES / B;
        next <= {addr[63:12], 12'd0} + ({52'd0, addr[11:0]} / MAX_BURST_BYTES + 1) * MAX_BURST_BYTES;
        if (!&bursts) bursts <= bursts + 1'b1;
      end
    end
    if (past_valid && !rst && valid) begin
      assert (begin_beat + len < MAX_BURST_BYTES / B);
`ifdef BREAK
      assert (!(first && more && addr == next && addr[11:0] == 12'd0));
`endif
    end
    cover (past_valid && !rst && beat && first && more && addr == next && addr[11:0] == 0
           && bursts >= 3 && len == 1);
  end

endmodule

`default_nettype wire
