// SPDX-License-Identifier: Apache-2.0
// A source of random frames, the link pipe, and a sink that writes down what arrives: for the pipe's own test.
`timescale 1ps / 1ps
`default_nettype none

module crl_tb_pipe_bench #(
    parameter int LINK_W = 64
) (
    output wire link_up
);
  reg clk = 0, rst = 1;
  initial forever #5000 clk = !clk;

  reg go = 0;                        // frames are sent while set
  reg [31:0] want = 0;               // frames to send
  reg [15:0] beats_max = 40;
  reg [7:0] p_ready = 0;             // chance n/256 that the sink holds
  reg [31:0] sent = 0, got = 0, cycle = 0, rnd = 32'h1234567, at_sent = 0, at_got = 0;
  reg log = 0;
  integer fd = 0, k;

  reg [LINK_W-1:0] s_data = 0;
  reg s_valid = 0, s_last = 0, s_first = 1;
  reg [15:0] left = 0;
  wire s_ready, m_valid, m_last;
  wire [LINK_W-1:0] m_data;
  wire [LINK_W/8-1:0] m_keep;
  reg m_ready = 0;

  crl_tb_linkpipe #(.LINK_W(LINK_W), .NAME("pipe")) pipe (
      .clk, .rst, .s_rst(rst), .link_up,
      .s_axis_tdata(s_data), .s_axis_tkeep({LINK_W / 8{1'b1}}), .s_axis_tvalid(s_valid),
      .s_axis_tready(s_ready), .s_axis_tlast(s_last),
      .m_axis_tdata(m_data), .m_axis_tkeep(m_keep), .m_axis_tvalid(m_valid),
      .m_axis_tready(m_ready), .m_axis_tlast(m_last)
  );

  always @(posedge clk) begin
    cycle <= cycle + 1;
    rnd = rnd ^ (rnd << 13);
    rnd = rnd ^ (rnd >> 17);
    rnd = rnd ^ (rnd << 5);
    if (rst) begin
      s_valid <= 0;
      s_first <= 1;
    end else if (!s_valid || s_ready) begin
      if (s_valid && s_last) begin
        sent <= sent + 1;
        at_sent <= cycle;
      end
      s_valid <= 0;
      if (s_first ? go && sent + 32'(s_valid) < want : 1'b1) begin
        left = s_first ? 16'd8 + rnd[31:16] % (beats_max - 16'd7) : left - 16'd1;
        s_valid <= 1;
        s_last <= left == 1;
        for (k = 0; k < LINK_W / 32; k = k + 1) s_data[32*k+:32] <= rnd * (2 * k + 1);
        if (s_first) s_data[31:0] <= sent + 32'(s_valid);  // its number, then its length
        if (s_first) s_data[63:32] <= 32'(left);
        s_first <= left == 1;
      end
    end
    m_ready <= p_ready == 0 || rnd[7:0] >= p_ready;
    if (log && fd == 0) fd = $fopen("out_log.txt", "w");
    if (!log && fd != 0) begin
      $fclose(fd);
      fd = 0;
    end
    if (m_valid && m_ready && !rst) begin
      if (m_keep != {LINK_W / 8{1'b1}}) $error("keep");
      if (fd != 0) $fwrite(fd, " %h", m_data);
      if (fd != 0 && m_last) $fwrite(fd, " %0d\n", $time);
      if (m_last) begin
        got <= got + 1;
        at_got <= cycle;
      end
    end
  end
endmodule

`default_nettype wire
