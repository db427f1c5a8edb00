// SPDX-License-Identifier: Apache-2.0
//
// crl_ctr: all event counters of channels and peers, 64 bits each.
//
// How: events go into short running counters (crl_ctr_acc, crl_ctr_stall, registers for peers). A
//   rota visits one counter after the other and brings its total up to date (crl_ctr_ram). A read
//   is a visit of its own, so what it returns is exact. A channel's clear visits its counters in a
//   row; `clr_busy` covers it, so that no new work can be started before it is done.
//   Row r of the RAM: channel r, or peer; word k of a row: the registers in their order.
// Latency: a read 5 to 20 cycles, for a stall counter SLOTS more. After reset 2^AW cycles of `init`.
// Throughput: each source an event a cycle; a channel's bytes below 64 a cycle on average (16 times
//   that is safe).
// Assumes: each source pauses now and then. A read that waits for a pause for 15 cycles gives the
//   total of the last visit.
`default_nettype none

module crl_ctr #(
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int RW      = CW > 2 ? CW : 2,  // bits of a row within channels or peers
    localparam int N_WR    = 1 + PEERS
) (
    input  wire logic                  clk,
    input  wire logic                  rst,            // synchronous, active high
    output logic                       init,           // clearing after reset

    input  wire logic                  ret_valid,      // event: an operation retired
    input  wire logic [CW-1:0]         ret_ch,
    input  wire logic [7:0]            ret_status,
    input  wire logic                  rd_cnt_valid,   // event: bytes read
    input  wire logic [CW-1:0]         rd_cnt_ch,
    input  wire logic [11:0]           rd_cnt_bytes,
    input  wire logic [N_WR-1:0]       wr_cnt_valid,   // events: bytes written, local and by targets
    input  wire logic [N_WR*CW-1:0]    wr_cnt_ch,
    input  wire logic [N_WR*12-1:0]    wr_cnt_bytes,
    input  wire logic [CHANNELS*6-1:0] stall,          // levels, [channel][cause]
    input  wire logic [PEERS*5-1:0]    peer_ev,        // events, [peer][counter]

    input  wire logic                  clr_valid,      // event: clear the counters of clr_ch
    input  wire logic [CW-1:0]         clr_ch,
    output logic                       clr_busy,       // a clear waits or runs

    input  wire logic                  get,            // a read-out waits for get_done
    input  wire logic                  get_peer,       // of a peer, else of a channel
    input  wire logic [RW-1:0]         get_row,
    input  wire logic [3:0]            get_k,
    output logic                       get_done,       // event: count is valid in the next cycle
    output logic      [63:0]           count
);

  localparam int STALL_W = 9;
  localparam int NW      = RW + STALL_W;  // bits of narrow counters; a stall sample counts 2^RW
  localparam int W       = RW + 17;       // bits of byte counters
  localparam int AW      = RW + 5;

  localparam logic [3:0] K_DESC  = 4'd0;
  localparam logic [3:0] K_ERR   = 4'd1;
  localparam logic [3:0] K_RD    = 4'd2;
  localparam logic [3:0] K_WR    = 4'd3;
  localparam logic [3:0] K_STALL = 4'd4;
  localparam logic [3:0] K_LAST  = 4'd9;

  // --- who is visited ----------------------------------------------------------------------------
  logic          init_q, clr_act_q, get_act_q, get_iss_q;
  logic [AW-1:0] rota_q;        // {peer, row, k}; while init_q, over all words
  logic [AW-1:0] get_word_q;
  logic [CW-1:0] clr_scan_q;
  logic [3:0]    clr_k_q;
  logic [CHANNELS-1:0] clr_pend_q;
  logic          clr_q;         // the event of the cycle before
  logic [CW-1:0] clr_ch_q;
  logic [1:0]    gap_q;         // keeps visits of one address apart
  logic [3:0]    wait_q;        // cycles that the source had no pause
  logic          cur_peer;
  logic [RW-1:0] cur_row;
  logic [3:0]    cur_k;
  logic [CW-1:0] cur_ch;
  logic          cur_stall, ok, late, visit, clr_any, clr_hit, get_start, d_valid;
  logic [63:0]   total;

  always_comb begin
    {cur_peer, cur_row, cur_k} = rota_q;
    if (clr_act_q)      {cur_peer, cur_row, cur_k} = {1'b0, RW'(clr_scan_q), clr_k_q};
    else if (get_act_q) {cur_peer, cur_row, cur_k} = get_word_q;
  end

  // Registered: the address of a read comes through the decoder.
  always_ff @(posedge clk) begin
    if (!get_act_q) get_word_q <= {get_peer, get_row, get_k};
  end

  assign cur_ch    = cur_row[CW-1:0];
  assign cur_stall = !cur_peer && cur_k >= K_STALL;
  assign clr_any   = clr_pend_q != '0;
  assign clr_hit   = clr_pend_q[clr_scan_q];
  assign clr_busy  = clr_q || clr_any || clr_act_q;
  assign init      = init_q;
  assign get_start = get && !get_act_q && !get_iss_q && !clr_busy && gap_q == '0;

  // --- sources -----------------------------------------------------------------------------------
  logic             ret_q, err_q, rd_q;
  logic [CW-1:0]    ret_ch_q, rd_ch_q;
  logic [11:0]      rd_bytes_q;
  logic [N_WR-1:0]  wr_q, wr_ok;
  logic [N_WR*CW-1:0] wr_ch_q;
  logic [N_WR*12-1:0] wr_bytes_q;
  logic [PEERS*5-1:0] peer_ev_q;
  logic [N_WR*W-1:0]  wr_val;
  logic             desc_ok, err_ok, rd_ok, cap_valid;
  logic [NW-1:0]    desc_val, err_val, narrow_val;
  logic [W-1:0]     rd_val, wr_sum, val;
  logic [6*STALL_W-1:0]   cap_val;
  logic [PEERS*5*NW-1:0]  peer_cnt_q;

  always_ff @(posedge clk) begin
    ret_q      <= ret_valid && !rst;
    err_q      <= ret_valid && !rst && ret_status != crl_pkg::ST_OK;
    ret_ch_q   <= ret_ch;
    rd_q       <= rd_cnt_valid && !rst;
    rd_ch_q    <= rd_cnt_ch;
    rd_bytes_q <= rd_cnt_bytes;
    wr_q       <= rst ? '0 : wr_cnt_valid;
    wr_ch_q    <= wr_cnt_ch;
    wr_bytes_q <= wr_cnt_bytes;
    clr_q      <= clr_valid && !rst;
    clr_ch_q   <= clr_ch;
    peer_ev_q  <= rst ? '0 : peer_ev;
  end

  crl_ctr_acc #(.CHANNELS(CHANNELS), .W(NW), .AMT_W(1)) u_desc (
      .clk, .ev_valid(ret_q), .ev_ch(ret_ch_q), .ev_amt(1'b1),
      .rd_ch(cur_ch), .rd_ok(desc_ok), .rd_val(desc_val)
  );

  crl_ctr_acc #(.CHANNELS(CHANNELS), .W(NW), .AMT_W(1)) u_err (
      .clk, .ev_valid(err_q), .ev_ch(ret_ch_q), .ev_amt(1'b1),
      .rd_ch(cur_ch), .rd_ok(err_ok), .rd_val(err_val)
  );

  crl_ctr_acc #(.CHANNELS(CHANNELS), .W(W), .AMT_W(12)) u_rd (
      .clk, .ev_valid(rd_q), .ev_ch(rd_ch_q), .ev_amt(rd_bytes_q),
      .rd_ch(cur_ch), .rd_ok, .rd_val
  );

  genvar g;
  generate
    for (g = 0; g < N_WR; g++) begin : g_wr
      crl_ctr_acc #(.CHANNELS(CHANNELS), .W(W), .AMT_W(12)) u_wr (
          .clk, .ev_valid(wr_q[g]), .ev_ch(wr_ch_q[g*CW +: CW]), .ev_amt(wr_bytes_q[g*12 +: 12]),
          .rd_ch(cur_ch), .rd_ok(wr_ok[g]), .rd_val(wr_val[g*W +: W])
      );
    end
  endgenerate

  // PEERS is 1 to 3. (A sum in a loop would wake its own always_comb in Icarus 11.)
  assign wr_sum = wr_val[0 +: W] + wr_val[W +: W]
                + (PEERS > 1 ? wr_val[(N_WR > 2 ? 2 : 0)*W +: W] : '0)
                + (PEERS > 2 ? wr_val[(N_WR > 3 ? 3 : 0)*W +: W] : '0);

  crl_ctr_stall #(.CHANNELS(CHANNELS), .CAUSES(6), .W(STALL_W)) u_stall (
      .clk, .rst, .init(init_q), .stall, .rd_ch(cur_ch),
      .cap_drop(get_start || (clr_act_q && clr_k_q == '0)), .cap_valid, .cap_val
  );

  always_ff @(posedge clk) begin
    for (int i = 0; i < PEERS * 5; i++) begin
      if (rst) peer_cnt_q[i*NW +: NW] <= '0;
      else     peer_cnt_q[i*NW +: NW] <= peer_cnt_q[i*NW +: NW] + NW'(peer_ev_q[i]);
    end
  end

  // Narrow counters as tables; stalls of k = 8 and 9 take the places of the byte counters.
  localparam int TW = 16;  // bits of an entry: a power of two makes a plain multiplexer
  logic [8*TW-1:0]   ch_tab;
  logic [4*8*TW-1:0] peer_tab;
  logic [2:0]        ch_idx;

  assign ch_idx = {cur_k[2], cur_k[3] || (cur_k[2] && cur_k[1]), cur_k[0]};
  assign ch_tab[0*TW +: TW] = TW'(desc_val);
  assign ch_tab[1*TW +: TW] = TW'(err_val);

  generate
    for (g = 0; g < 6; g++) begin : g_stall
      assign ch_tab[(g < 4 ? g + 4 : g - 2)*TW +: TW] =
          TW'({cap_val[g*STALL_W +: STALL_W], {RW{1'b0}}});
    end
    for (g = 0; g < 4 * 8; g++) begin : g_peer
      // Words that nobody reads repeat others, which saves multiplexers.
      localparam int P = g / 8 < PEERS ? g / 8 : 0;
      localparam int K = g % 8 < 5 ? g % 8 : 4;
      assign peer_tab[g*TW +: TW] = TW'(peer_cnt_q[(P*5 + K)*NW +: NW]);
    end
  endgenerate

  // The first visit after reset finds the sampled counters at 0, as crl_ctr_stall is cleared too.
  assign narrow_val = cur_peer ? peer_tab[{PEERS > 1 ? cur_row[1:0] : 2'd0, cur_k[2:0], 4'd0} +: NW]
                    : ch_tab[{ch_idx, 4'd0} +: NW];

  always_comb begin
    val = W'(narrow_val);
    ok  = 1'b1;
    if (!cur_peer) begin
      case (cur_k)
        K_DESC: ok = desc_ok;
        K_ERR:  ok = err_ok;
        K_RD: begin
          ok  = rd_ok;
          val = rd_val;
        end
        K_WR: begin
          ok  = &wr_ok;
          val = wr_sum;
        end
        default: ok = cap_valid || init_q;
      endcase
    end
  end

  assign late  = wait_q == '1 && !cur_stall && !clr_act_q && !init_q;
  assign visit = gap_q == '0 && (ok || late) && !get_start && !get_iss_q
              && (!clr_any || clr_act_q || get_act_q || init_q);  // a clear goes before the rota

  crl_ctr_ram #(.AW(AW), .W(W), .NW(NW)) u_ram (
      .clk, .rst, .v_valid(visit), .v_addr({cur_peer, cur_row, cur_k}), .v_val(val),
      .v_narrow(cur_peer || (cur_k != K_RD && cur_k != K_WR)),
      .v_clear(init_q || clr_act_q), .v_stale(!ok), .d_valid, .d_total(total)
  );

  assign get_done = get_iss_q && d_valid;

  // 0 but for an answer, so that the reader can OR it in.
  always_ff @(posedge clk) count <= get_done ? total : '0;

  always_ff @(posedge clk) begin
    if (rst) begin
      init_q     <= 1'b1;
      rota_q     <= '0;
      clr_pend_q <= '0;
      clr_act_q  <= 1'b0;
      clr_scan_q <= '0;
      clr_k_q    <= '0;
      get_act_q  <= 1'b0;
      get_iss_q  <= 1'b0;
      gap_q      <= '0;
      wait_q     <= '0;
    end else begin
      wait_q <= visit || ok ? '0 : wait_q + 4'(wait_q != '1);
      if (gap_q != '0) gap_q <= gap_q - 2'd1;

      if (init_q) begin
        if (visit) init_q <= rota_q != '1;
      end else if (clr_act_q) begin
        if (visit) begin
          clr_k_q <= clr_k_q + 1'b1;
          if (clr_k_q == K_LAST) begin
            clr_act_q <= 1'b0;
            gap_q     <= 2'd3;
          end
        end
      end else if (visit) begin
        gap_q <= 2'd3;
        if (get_act_q) begin
          get_act_q <= 1'b0;
          get_iss_q <= 1'b1;
        end
      end

      // From k = 9 on to the next row; rows of peers that don't exist cost time only.
      if (visit && !clr_act_q && !get_act_q)
        rota_q <= rota_q + AW'({{2{!init_q && cur_k == K_LAST}}, 1'b1});

      if (get_start) get_act_q <= 1'b1;
      if (get_done)  get_iss_q <= 1'b0;

      // A clear starts between visits, when the scan has found its channel.
      if (clr_any && !clr_act_q && !init_q) begin
        if (!clr_hit) begin
          clr_scan_q <= 32'(clr_scan_q) == CHANNELS - 1 ? '0 : clr_scan_q + 1'b1;
        end else if (gap_q == '0 && !get_act_q && !get_iss_q) begin
          clr_act_q              <= 1'b1;
          clr_k_q                <= '0;
          clr_pend_q[clr_scan_q] <= 1'b0;
        end
      end
      if (clr_q) clr_pend_q[clr_ch_q] <= 1'b1;
    end
  end

endmodule

`default_nettype wire
