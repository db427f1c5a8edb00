// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_mdma: the data page of the mailbox, and the DMA that moves bytes of it to or from host memory.
//
// How: byte A modulo 4096 of host memory lies at A modulo 4096 of the page, so beats go through as they are, with strobes in the
//   first and the last one. A counter goes over the beats of the transfer by bursts (n_*: next one), a second one over those that were moved
//   (b_*). Reads are asked for one after the other, beats come in order. To the host the RAM's read register is the beat on
//   offer: the next one is fetched when it is taken.
// Latency: go to ar_valid 2 cycles, to wb_valid 3; last beat or response to done 1 cycle. p_en to p_rdata 1 cycle. A beat a cycle.
// Assumes: no p_en while busy, no go while busy or with p_en. Beats and responses come as many as were asked for.
`default_nettype none

module crl_nvme_mdma #(
    parameter int DATA_W = 64,    // 64 to 512
    parameter int FUNC_W = 8
) (
    input  wire logic                clk,
    input  wire logic                rst,        // synchronous, active high

    input  wire logic                go,         // event: a transfer
    input  wire logic                go_host,    // to host memory
    input  wire logic [63:0]         go_addr,
    input  wire logic [12:0]         go_bytes,   // 1 to what is left of the page, else it is an error
    output logic                     busy,
    output logic                     done,       // event
    output logic                     error,      // of the last one

    input  wire logic                p_en,       // event: access of the processor
    input  wire logic [3:0]          p_we,       // bytes to write; 0: read
    input  wire logic [9:0]          p_word,
    input  wire logic [31:0]         p_wdata,
    output logic      [31:0]         p_rdata,    // in the next cycle

    output logic                     ar_valid,   // read client
    input  wire logic                ar_ready,
    output logic      [63:0]         ar_addr,
    output logic      [7:0]          ar_len,
    output logic      [FUNC_W-1:0]   ar_user,
    input  wire logic                r_valid,
    input  wire logic [DATA_W-1:0]   r_data,
    input  wire logic [1:0]          r_resp,
    input  wire logic                r_last,

    output logic                     wb_soon,    // write client
    output logic                     wb_valid,
    input  wire logic                wb_ready,
    output logic                     wb_first,
    output logic                     wb_last,
    output logic      [63:0]         wb_addr,
    output logic      [7:0]          wb_len,
    output logic      [FUNC_W-1:0]   wb_user,
    output logic      [DATA_W-1:0]   wb_data,
    output logic      [DATA_W/8-1:0] wb_strb,
    input  wire logic                wb_b_valid,
    input  wire logic [1:0]          wb_b_resp
);

  localparam int BYTES = DATA_W / 8;
  localparam int OFF_W = $clog2(BYTES);
  localparam int BW    = 12 - OFF_W;         // a beat of the page
  localparam int LW    = 9 - OFF_W;          // a beat of 512 bytes
  localparam int LANES = DATA_W / 32;
  localparam int LN_W  = $clog2(LANES);

  initial if (DATA_W < 64 || DATA_W > 512 || (DATA_W & (DATA_W - 1)) != 0) $fatal(1, "crl_nvme_mdma: DATA_W must be 64 to 512, a power of two");

  // ---------------------------------------------------------------------------------------------
  // The transfer

  logic [12:0]        go_end;                // of its last byte, in the page
  logic               go_ok, run_q, host_q;
  logic [63:0]        addr_q;                // of its first byte
  logic [11:0]        end_q;
  logic [BW-1:0]      first, last;           // its beats

  assign go_end = {1'b0, go_addr[11:0]} + go_bytes - 13'd1;
  assign go_ok  = go_bytes != '0 && go_bytes <= 13'd4096 && !go_end[12];
  assign first  = addr_q[11:OFF_W];
  assign last   = end_q[11:OFF_W];
  assign busy   = run_q;

  // ---------------------------------------------------------------------------------------------
  // Bursts: beats n to n_end; on offer until they are taken.

  logic               new_q, n_any_q, n_next;  // of the transfer some are left; the burst leaves
  logic [BW-1:0]      n_q, n_end;
  logic [7:0]         n_len;
  logic [63:0]        n_addr;
  logic [3:0]         owed_q;                // responses of writes
  logic               start, b_first, b_last, b_move, w_open_q;
  logic [BW-1:0]      b_q;                   // beat that is moved next
  logic               bad, over;

  assign start  = go && !run_q && go_ok;
  assign n_end  = n_q[BW-1:LW] == last[BW-1:LW] ? last : {n_q[BW-1:LW], {LW{1'b1}}};
  assign n_len  = 8'(n_end[LW-1:0]) - 8'(n_q[LW-1:0]);
  assign n_addr = {addr_q[63:12], n_q, n_q == first && !host_q ? addr_q[OFF_W-1:0] : {OFF_W{1'b0}}};

  assign ar_valid = run_q && !host_q && n_any_q;
  assign ar_addr  = n_addr;
  assign ar_len   = n_len;
  assign ar_user  = '0;
  assign n_next   = host_q ? b_move && b_q == n_end : ar_valid && ar_ready;

  // ---------------------------------------------------------------------------------------------
  // Beats

  logic               w_held_q;              // the beat on offer is in the read register
  logic               w_take, w_fetch;
  logic [BW-1:0]      w_q;                   // beat that is fetched next
  logic               w_more_q;
  logic [BYTES-1:0]   strb;

  assign b_first = b_q == first;
  assign b_last  = b_q == last;
  assign w_take  = w_held_q && wb_ready;
  assign b_move  = host_q ? w_take : r_valid && run_q;
  assign w_fetch = run_q && host_q && w_more_q && (!w_held_q || w_take);

  always_comb begin
    for (int i = 0; i < BYTES; i++) begin
      strb[i] = (!b_first || OFF_W'(i) >= addr_q[OFF_W-1:0]) && (!b_last || OFF_W'(i) <= end_q[OFF_W-1:0]);
    end
  end

  assign bad  = (r_valid && r_resp[1]) || (wb_b_valid && wb_b_resp[1]);
  assign over = host_q ? wb_b_valid && owed_q == 4'd1 && !n_any_q : b_move && b_last;

  always_ff @(posedge clk) begin
    if (rst) begin
      run_q    <= 1'b0;
      new_q    <= 1'b0;
      done     <= 1'b0;
      error    <= 1'b0;
      w_held_q <= 1'b0;
      n_any_q  <= 1'b0;
      w_more_q <= 1'b0;
      w_open_q <= 1'b0;
      owed_q   <= '0;
    end else begin
      if (start)               run_q <= 1'b1;
      else if (run_q && over)  run_q <= 1'b0;
      new_q <= start;
      done  <= (go && !run_q && !go_ok) || (run_q && over);
      if (go && !run_q)        error <= !go_ok;
      else if (run_q && bad)   error <= 1'b1;
      if (new_q)               n_any_q <= 1'b1;
      else if (n_next && n_end == last) n_any_q <= 1'b0;
      if (new_q)               w_more_q <= host_q;
      else if (w_fetch && w_q == last) w_more_q <= 1'b0;
      if (w_fetch)             w_held_q <= 1'b1;
      else if (w_take)         w_held_q <= 1'b0;
      if (w_take)              w_open_q <= !wb_last;
      owed_q <= owed_q + {3'd0, w_take && wb_last} - {3'd0, wb_b_valid && owed_q != '0};
    end
    if (start) begin
      host_q <= go_host;
      addr_q <= go_addr;
      end_q  <= go_end[11:0];
    end
    if (new_q)       n_q <= first;
    else if (n_next) n_q <= n_end + 1'b1;
    if (new_q)       b_q <= first;
    else if (b_move) b_q <= b_q + 1'b1;
    if (new_q)        w_q <= first;
    else if (w_fetch) w_q <= w_q + 1'b1;
  end

  assign wb_soon  = run_q && host_q && w_more_q;
  assign wb_valid = w_held_q;
  assign wb_first = !w_open_q;
  assign wb_last  = b_q == n_end;
  assign wb_addr  = n_addr;
  assign wb_len   = n_len;
  assign wb_user  = '0;
  assign wb_strb  = strb;

  // ---------------------------------------------------------------------------------------------
  // The page: one port

  (* ram_style = "block", no_rw_check *)
  logic [DATA_W-1:0] mem [0:(1<<BW)-1];
  logic [DATA_W-1:0] m_rdata_q, m_wdata;
  logic [BYTES-1:0]  m_we, p_lane;
  logic [BW-1:0]     m_addr;
  logic              m_re;
  logic [LN_W-1:0]   lane_q;
  logic              r_take;

  assign r_take  = run_q && !host_q && r_valid;
  assign m_addr  = run_q ? (host_q ? w_q : b_q) : p_word[9:LN_W];
  assign p_lane  = BYTES'(p_we) << {p_word[LN_W-1:0], 2'b00};
  assign m_we    = run_q ? strb & {BYTES{r_take}} : p_lane & {BYTES{p_en}};
  assign m_wdata = run_q ? r_data : {LANES{p_wdata}};
  assign m_re    = run_q ? w_fetch : p_en && p_we == '0;

  always_ff @(posedge clk) begin
    for (int i = 0; i < BYTES; i++) begin
      if (m_we[i]) mem[m_addr][8*i +: 8] <= m_wdata[8*i +: 8];
    end
    if (m_re) m_rdata_q <= mem[m_addr];
    lane_q <= p_word[LN_W-1:0];
  end

  assign wb_data = m_rdata_q;
  assign p_rdata = m_rdata_q[32*lane_q +: 32];

  logic unused;
  assign unused = &{1'b0, r_last, r_resp[0], wb_b_resp[0]};

endmodule

`default_nettype wire
