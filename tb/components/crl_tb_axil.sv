// SPDX-License-Identifier: Apache-2.0
// AXI4-Lite master that plays a list of accesses: a test component, not for synthesis.
//
// The driver writes entries into `prog` and toggles cmd_go with cmd_count set; the accesses run in
// order, the results stand in `res`, and rsp_done takes the value of cmd_go. Python is woken once a
// list, not once a cycle. Writes may be pipelined (cfg_pipeline); a read waits for everything before
// it. Doorbells of many channels can so be rung in consecutive cycles.
//
// prog entry: {write, user[15:0], strb[7:0], addr[31:0], data[63:0]}
// res entry:  {resp[1:0], cycle of the W or AR handshake[63:0], rdata[63:0]}
// Every access is also logged to <NAME>_log.txt while cfg_log is set (for the monitor), times in ps:
//   W|R t_handshake t_response addr user strb data resp
// t_handshake: the later one of AW and W, or AR. Lines are in the order of the responses.
`timescale 1ps / 1ps
`default_nettype none

module crl_tb_axil #(
    parameter int ADDR_W = 21,
    parameter int FUNC_W = 8,
    parameter     NAME   = "axil"
) (
    input wire clk,
    input wire rst,
    input wire [63:0] cycle,

    output reg  [ADDR_W-1:0] m_axil_awaddr,
    output reg  [FUNC_W-1:0] m_axil_awuser,
    output wire [2:0]        m_axil_awprot,
    output reg               m_axil_awvalid,
    input  wire              m_axil_awready,
    output reg  [63:0]       m_axil_wdata,
    output reg  [7:0]        m_axil_wstrb,
    output reg               m_axil_wvalid,
    input  wire              m_axil_wready,
    input  wire [1:0]        m_axil_bresp,
    input  wire              m_axil_bvalid,
    output reg               m_axil_bready,
    output reg  [ADDR_W-1:0] m_axil_araddr,
    output reg  [FUNC_W-1:0] m_axil_aruser,
    output wire [2:0]        m_axil_arprot,
    output reg               m_axil_arvalid,
    input  wire              m_axil_arready,
    input  wire [63:0]       m_axil_rdata,
    input  wire [1:0]        m_axil_rresp,
    input  wire              m_axil_rvalid,
    output reg               m_axil_rready
);
  localparam int N = 512;
  reg [120:0] prog[0:N-1] /*verilator public_flat_rw*/;
  reg [129:0] res[0:N-1] /*verilator public_flat_rw*/;
  reg [15:0] cmd_count /*verilator public_flat_rw*/ = 0;
  reg cmd_go /*verilator public_flat_rw*/ = 0;
  reg rsp_done /*verilator public_flat_rw*/ = 0;
  reg cfg_pipeline /*verilator public_flat_rw*/ = 1;
  reg [7:0] cfg_p_gap /*verilator public_flat_rw*/ = 0;   // chance n/256 to hold AW, W or AR back
  reg [7:0] cfg_p_ready /*verilator public_flat_rw*/ = 0; // chance n/256 to hold B or R back
  reg cfg_log /*verilator public_flat_rw*/ = 0;
  reg [31:0] cfg_seed /*verilator public_flat_rw*/ = 1;   // taken when cfg_reseed toggles
  reg cfg_reseed /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_errors /*verilator public_flat_rw*/ = 0;  // responses nobody asked for, unstable ones
  reg [31:0] st_slowest /*verilator public_flat_rw*/ = 0; // cycles from address to response, worst

  assign m_axil_awprot = 3'b010;
  assign m_axil_arprot = 3'b010;

  integer at_aw, at_w, at_b, fd;
  reg running, aw_left, w_left, reading;
  reg [120:0] cur, done;
  reg [31:0] rnd = 32'h1234567;
  reg reseed_q = 0;
  reg [63:0] when[0:N-1];   // time of the last handshake of each access
  reg [15:0] outstanding;
  reg p_bv, p_rv;
  reg [1:0] p_bresp;
  reg [65:0] p_r;

  task automatic finish(input [1:0] resp, input [63:0] data);
    begin
      done = prog[at_b];
      res[at_b][129:128] = resp;
      res[at_b][63:0] = data;
      if (cycle - res[at_b][127:64] > 64'(st_slowest)) st_slowest = 32'(cycle - res[at_b][127:64]);
      if (fd != 0)
        $fdisplay(fd, "%s %0d %0d %h %h %h %h %0d", done[120] ? "W" : "R", when[at_b], $time,
                  done[95:64], done[119:104], done[103:96], done[120] ? done[63:0] : data, resp);
      at_b = at_b + 1;
    end
  endtask

  // An access a time: the next AW and W go out when both of the last were taken.
  always @(posedge clk) begin
    if (reseed_q != cfg_reseed) begin
      reseed_q = cfg_reseed;
      rnd = cfg_seed * 32'd2654435761 | 32'd1;
    end
    rnd = rnd ^ (rnd << 13);
    rnd = rnd ^ (rnd >> 17);
    rnd = rnd ^ (rnd << 5);
    if (cfg_log && fd == 0) fd = $fopen({NAME, "_log.txt"}, "w");
    if (!cfg_log && fd != 0) begin
      $fclose(fd);
      fd = 0;
    end
    if (rst) begin
      m_axil_awvalid <= 0; m_axil_wvalid <= 0; m_axil_arvalid <= 0;
      m_axil_bready <= 0; m_axil_rready <= 0;
      if (running) rsp_done <= cmd_go;
      running = 0; aw_left = 0; w_left = 0; reading = 0; outstanding = 0; p_bv = 0; p_rv = 0;
      at_aw = 0; at_b = 0;
    end else begin
      // responses
      if (p_bv && (!m_axil_bvalid || m_axil_bresp !== p_bresp)
          || p_rv && (!m_axil_rvalid || {m_axil_rresp, m_axil_rdata} !== p_r)) begin
        st_errors = st_errors + 1;
        $error("%m: a response changed while it waited");
      end
      p_bv = m_axil_bvalid && !m_axil_bready;
      p_bresp = m_axil_bresp;
      p_rv = m_axil_rvalid && !m_axil_rready;
      p_r = {m_axil_rresp, m_axil_rdata};
      if (m_axil_awvalid && m_axil_awready) begin
        m_axil_awvalid <= 0;
        when[at_w] = $time;
      end
      if (m_axil_wvalid && m_axil_wready) begin
        m_axil_wvalid <= 0;
        res[at_w][127:64] = cycle;
        when[at_w] = $time;
      end
      if (m_axil_arvalid && m_axil_arready) begin
        m_axil_arvalid <= 0;
        res[at_aw-1][127:64] = cycle;
        when[at_aw-1] = $time;
      end
      if (m_axil_bvalid && m_axil_bready) begin
        if (outstanding == 0 || reading) begin
          st_errors = st_errors + 1;
          $error("%m: a write response without a write");
        end else begin
          outstanding = outstanding - 1;
          finish(m_axil_bresp, 64'd0);
        end
      end
      if (m_axil_rvalid && m_axil_rready) begin
        if (!reading) begin
          st_errors = st_errors + 1;
          $error("%m: a read response without a read");
        end else begin
          if (^m_axil_rdata === 1'bx) begin
            st_errors = st_errors + 1;
            $error("%m: unknown value read at %h", m_axil_araddr);
          end
          reading = 0;
          finish(m_axil_rresp, m_axil_rdata);
        end
      end
      m_axil_bready <= cfg_p_ready == 0 || rnd[7:0] >= cfg_p_ready;
      m_axil_rready <= cfg_p_ready == 0 || rnd[15:8] >= cfg_p_ready;

      // start, next access, end
      if (!running && cmd_go != rsp_done) begin
        running = 1;
        at_aw = 0;
        at_b = 0;
      end
      if (running && !aw_left && !w_left && !reading && at_aw < 32'(cmd_count)
          && !(m_axil_awvalid && !m_axil_awready) && !(m_axil_wvalid && !m_axil_wready)) begin
        cur = prog[at_aw];
        if (cur[120] && (cfg_pipeline || outstanding == 0) && outstanding < 16) begin
          aw_left = 1;
          w_left = 1;
          at_w = at_aw;
          at_aw = at_aw + 1;
          outstanding = outstanding + 1;
        end else if (!cur[120] && outstanding == 0) begin
          if (cfg_p_gap == 0 || rnd[31:24] >= cfg_p_gap) begin
            m_axil_arvalid <= 1;
            m_axil_araddr <= cur[64+:ADDR_W];
            m_axil_aruser <= cur[104+:FUNC_W];
            reading = 1;
            at_aw = at_aw + 1;
          end
        end
      end
      if (aw_left && (cfg_p_gap == 0 || rnd[23:16] >= cfg_p_gap)) begin
        aw_left = 0;
        m_axil_awvalid <= 1;
        m_axil_awaddr <= cur[64+:ADDR_W];
        m_axil_awuser <= cur[104+:FUNC_W];
      end
      if (w_left && (cfg_p_gap == 0 || rnd[27:20] >= cfg_p_gap)) begin
        w_left = 0;
        m_axil_wvalid <= 1;
        m_axil_wdata <= cur[63:0];
        m_axil_wstrb <= cur[103:96];
      end
      if (running && at_b == 32'(cmd_count)) begin
        running = 0;
        rsp_done <= cmd_go;
      end
    end
  end

  initial begin
    fd = 0;
    running = 0;
    reading = 0;
    at_aw = 0;
    at_b = 0;
    at_w = 0;
    outstanding = 0;
  end
endmodule

`default_nettype wire
