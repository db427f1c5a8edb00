// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_target_wr: any frames and pauses. Every strobed byte lies in the range of the
// frame that is being written, each byte of it is written once, in order, and a dropped frame
// writes nothing.
`default_nettype none

module fv_crl_target_wr #(
    parameter int DATA_W = 64, parameter int MAX_BURST_BYTES = 16, parameter int FRAME_MAX = 32
) (
    input wire              clk,
    input wire              rst,
    input wire              f_valid,
    input wire              f_write,
    input wire [8:0]        f_line,    // the address, from a page that doesn't matter
    input wire [11:0]       f_bytes,
    input wire              rxp_valid,
    input wire              wb_ready
);

  localparam int B  = DATA_W / 8;
  localparam int LB = $clog2(B);

  wire [63:0]       f_addr = {52'h123_4567_89AB, 3'd7, f_line};
  wire [DATA_W-1:0] rxp_data = {DATA_W{1'b0}};
  wire              f_ready, rxp_ready, wb_valid, wb_first, wb_last, wb_user;
  wire [63:0]       wb_addr;
  wire [7:0]        wb_len;
  wire [DATA_W-1:0] wb_data;
  wire [B-1:0]      wb_strb;

  // Payload arrives frame by frame: rxp_last is known from the frames that went in.
  reg [11:0] in_left [0:3];   // beats of the frames whose payload is due
  reg [1:0]  in_wr = 0, in_rd = 0;
  wire       rxp_last = in_left[in_rd] == 1;

  crl_target_wr #(
      .DATA_W(DATA_W), .MAX_BURST_BYTES(MAX_BURST_BYTES), .FRAME_MAX(FRAME_MAX), .FUNC_W(1)
  ) u_dut (
      .clk, .rst, .f_valid, .f_ready, .f_write, .f_drop(!f_write), .f_addr, .f_bytes, .f_user(1'b0),
      .rxp_valid(rxp_valid && in_wr != in_rd), .rxp_ready, .rxp_data, .rxp_last,
      .wb_valid, .wb_ready, .wb_first, .wb_last, .wb_addr, .wb_len, .wb_user, .wb_data, .wb_strb
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);
  always @(posedge clk) if (past_valid) assume (!rst);
  always @* if (f_valid) assume (f_bytes != 0 && f_bytes <= FRAME_MAX);

  // Accepted frames, oldest first.
  reg [63:0] o_next [0:3];    // next byte to be written
  reg [63:0] o_stop [0:3];
  reg [1:0]  o_wr = 0, o_rd = 0;
  reg [63:0] line = 0;        // address of the next beat of the burst
  reg [3:0]  done = 0;        // frames written
  reg        dropped = 0;

  wire        push = f_valid && f_ready;
  wire [63:0] base = wb_first ? {wb_addr[63:LB], {LB{1'b0}}} : line;
  reg  [3:0]  count, low;
  integer i;
  always @* begin
    count = 0;
    low   = 0;
    for (i = B - 1; i >= 0; i = i - 1) begin
      count = count + wb_strb[i];
      if (wb_strb[i]) low = i;
    end
  end

  // The harness keeps track of four frames at most.
  wire [1:0] in_next = in_wr + 2'd1;
  wire [1:0] o_next_wr = o_wr + 2'd1;
  always @* if (f_valid) assume (in_next != in_rd && o_next_wr != o_rd);

  always @(posedge clk) begin
    if (!rst) begin
      if (push) begin
        in_left[in_wr] <= (f_bytes + B - 1) / B;
        in_wr <= in_wr + 1;
        if (f_write) begin
          o_next[o_wr] <= f_addr;
          o_stop[o_wr] <= f_addr + f_bytes;
          o_wr <= o_wr + 1;
        end else dropped <= 1;
      end
      if (rxp_valid && in_wr != in_rd && rxp_ready) begin
        if (rxp_last) in_rd <= in_rd + 1;
        else in_left[in_rd] <= in_left[in_rd] - 1;
      end
      if (past_valid && wb_valid) begin
        assert (o_wr != o_rd);
        assert (count != 0);
        // The strobed lanes adjoin, begin at the next byte and stay in the frame.
        assert (wb_strb >> low == (9'd1 << count) - 1);
        assert (base + low == o_next[o_rd]);
        assert (o_next[o_rd] + count <= o_stop[o_rd]);
        if (wb_first) assert (wb_addr == o_next[o_rd]);
        if (wb_ready) begin
          line <= base + B;
          o_next[o_rd] <= o_next[o_rd] + count;
          if (o_next[o_rd] + count == o_stop[o_rd]) begin
            assert (wb_last);
            o_rd <= o_rd + 1;
            done <= done + 1;
          end
        end
`ifdef BREAK
        assert (!(done == 1 && wb_last));
`endif
      end
      cover (past_valid && done == 2 && dropped && wb_valid && !wb_first && o_stop[o_rd][2:0] == 3);
    end
  end

endmodule

`default_nettype wire
