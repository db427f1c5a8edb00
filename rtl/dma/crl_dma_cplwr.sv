// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_cplwr: packs completion entries into beats and writes them as bursts.
//
// How: while entries of one burst come in, its place and length are gathered (g_*); a beat goes into
//   the data FIFO as soon as it is complete. When the burst is closed it moves to the write
//   stage (w_*), where its address is worked out, and another can be gathered. So at most one
//   closed burst waits for the port, and while it waits more entries become ready for the next.
// Latency: e_valid with e_close to wb_valid 2 cycles. Throughput: an entry in two
//   cycles, a beat a cycle.
// Assumes: entries come two cycles apart or more, at most 8 a burst, adjacent in memory; the first
//   of a burst comes two cycles after 'busy' was low, and no other entry in between.
`default_nettype none

module crl_dma_cplwr #(
    parameter int DATA_W   = 64,
    parameter int FUNC_W   = 8,
    parameter int BURSTS   = 32,  // outstanding, power of two
    localparam int LANES   = DATA_W > 128 ? DATA_W / 128 : 1,
    localparam int LANE_W  = LANES > 1 ? $clog2(LANES) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,       // synchronous, active high

    input  wire logic                e_valid,   // event: an entry
    input  wire logic                e_start,   // the first of its burst
    input  wire logic                e_irq,     // it asks for an interrupt
    input  wire logic [127:0]        e_data,
    input  wire logic [11:0]         e_slot,    // place in the ring
    input  wire logic [57:0]         e_base,    // bits 63:6 of the ring's base, with e_start
    input  wire logic [FUNC_W-1:0]   e_user,
    input  wire logic                e_close,   // event: the burst ends (with or without e_valid)
    output logic                     busy,      // no room for a new burst in 2 cycles

    output logic                     wb_soon,   // a burst is being gathered, or waits
    output logic                     wb_valid,
    input  wire logic                wb_ready,
    output logic                     wb_first,
    output logic                     wb_last,
    output logic      [63:0]         wb_addr,
    output logic      [7:0]          wb_len,
    output logic      [FUNC_W-1:0]   wb_user,
    output logic      [DATA_W-1:0]   wb_data,
    output logic      [DATA_W/8-1:0] wb_strb,

    output logic                     sent_valid, // a burst that was handed over, oldest first
    input  wire logic                sent_ready,
    output logic      [2:0]          sent_more,  // its entries, less one
    output logic                     sent_irq
);

  localparam int BEAT_BYTES = DATA_W / 8;
  localparam logic [63:0] BEAT_START = 64'd0 - 64'(BEAT_BYTES);  // bits that name a beat

  // ---------------------------------------------------------------------------------------------
  // Beats

  logic              p_valid, b_valid;
  logic [DATA_W-1:0] p_data, b_data;
  logic [LANES-1:0]  p_lanes, b_lanes;
  logic              unused_room;   // two bursts of 8 entries fit
  logic [6:0]        unused_beats;

  generate
    if (DATA_W < 128) begin : g_halves
      logic        upper_q;
      logic [63:0] upper_data_q;

      assign p_valid = e_valid || upper_q;
      assign p_data  = upper_q ? upper_data_q : e_data[63:0];
      assign p_lanes = 1'b1;

      always_ff @(posedge clk) begin
        upper_data_q <= e_data[127:64];
        if (rst) upper_q <= 1'b0;
        else     upper_q <= e_valid;
      end
    end else if (DATA_W == 128) begin : g_whole
      assign p_valid = e_valid;
      assign p_data  = e_data;
      assign p_lanes = 1'b1;
    end else begin : g_pack
      logic [DATA_W-1:0] data_q;
      logic [LANES-1:0]  lanes_q, lanes;
      logic [LANE_W-1:0] lane;

      assign lane = e_slot[LANE_W-1:0];

      always_comb begin
        p_data = data_q;
        lanes  = lanes_q;
        for (int i = 0; i < LANES; i++) begin
          if (e_valid && lane == LANE_W'(i)) begin
            p_data[i*128 +: 128] = e_data;
            lanes[i]             = 1'b1;
          end
        end
      end

      assign p_lanes = lanes;
      assign p_valid = (e_valid && lane == '1) || (e_close && lanes != '0);

      always_ff @(posedge clk) begin
        if (rst || p_valid) begin
          data_q  <= '0;  // lanes without an entry are 0, not an entry of somebody else
          lanes_q <= '0;
        end else begin
          data_q  <= p_data;
          lanes_q <= lanes;
        end
      end
    end
  endgenerate

  crl_fifo_bram #(.W(DATA_W + LANES), .DEPTH(64)) u_beats (
      .clk, .rst, .s_valid(p_valid), .s_ready(unused_room), .s_data({p_lanes, p_data}),
      .m_valid(b_valid), .m_ready(wb_valid && wb_ready), .m_data({b_lanes, b_data}),
      .level(unused_beats)
  );

  // ---------------------------------------------------------------------------------------------
  // Bursts

  logic              g_open_q, g_closed_q, g_irq_q;
  logic [57:0]       g_base_q;
  logic [FUNC_W-1:0] g_user_q;
  logic [11:0]       g_slot_q;
  logic [3:0]        g_count_q;
  logic [7:0]        g_len;
  logic              move;

  logic              w_valid_q, w_irq_q;
  logic [63:0]       w_addr_q, g_addr;
  logic [7:0]        w_len_q;
  logic [FUNC_W-1:0] w_user_q;
  logic [2:0]        w_more_q;
  logic              within_q;  // the first beat has left
  logic [7:0]        left_q;
  logic              room, go;
  logic [$clog2(BURSTS):0] unused_sent;

  // A burst that is closed moves on by itself when the write stage is free, before an entry that is
  // looked up from now on comes here.
  assign wb_soon = g_open_q || g_closed_q;
  assign busy = (e_close || g_closed_q) ? w_valid_q : g_open_q || e_valid;
  assign move = g_closed_q && (!w_valid_q || (go && wb_first));

  // Rings below 4 KiB are aligned to their size, others to 4 KiB, so the low bits never carry.
  assign g_addr[63:12] = {g_base_q[57:6]} + {48'd0, g_slot_q[11:8]};
  assign g_addr[11:6]  = g_base_q[5:0] | g_slot_q[7:2];
  assign g_addr[5:0]   = {g_slot_q[1:0], 4'd0};

  generate
    if (DATA_W < 128) begin : g_len_halves
      assign g_len = {3'd0, g_count_q, 1'b0} - 8'd1;
    end else if (DATA_W == 128) begin : g_len_whole
      assign g_len = {4'd0, g_count_q} - 8'd1;
    end else begin : g_len_pack
      logic [7:0] last_lane;
      assign last_lane = 8'(g_slot_q[LANE_W-1:0]) + {4'd0, g_count_q} - 8'd1;
      assign g_len     = last_lane >> LANE_W;
    end
  endgenerate

  always_ff @(posedge clk) begin
    if (rst) begin
      g_open_q   <= 1'b0;
      g_closed_q <= 1'b0;
      w_valid_q  <= 1'b0;
      within_q   <= 1'b0;
    end else begin
      if (e_close)                 g_open_q <= 1'b0;
      else if (e_valid && e_start) g_open_q <= 1'b1;
      if (e_close)   g_closed_q <= 1'b1;
      else if (move) g_closed_q <= 1'b0;
      if (move)                w_valid_q <= 1'b1;
      else if (go && wb_first) w_valid_q <= 1'b0;
      if (go) within_q <= !wb_last;
    end
    if (e_valid && e_start) begin
      g_base_q  <= e_base;
      g_user_q  <= e_user;
      g_slot_q  <= e_slot;
      g_count_q <= 4'd1;
      g_irq_q   <= e_irq;
    end else if (e_valid) begin
      g_count_q <= g_count_q + 1'b1;
      g_irq_q   <= g_irq_q || e_irq;
    end
    if (move) begin
      w_addr_q <= g_addr & BEAT_START;
      w_len_q  <= g_len;
      w_user_q <= g_user_q;
      w_more_q <= 3'(g_count_q - 4'd1);
      w_irq_q  <= g_irq_q;
    end
    if (go) left_q <= (wb_first ? w_len_q : left_q) - 8'd1;
  end

  // The beats of a closed burst are in the FIFO or follow at a beat a cycle. At 64 bits the last
  // beat enters when the burst moves on, and is there when the one before it has left.
  assign wb_valid = b_valid && (within_q || (w_valid_q && room));
  assign wb_first = !within_q;
  assign wb_last  = wb_first ? w_len_q == '0 : left_q == '0;
  assign wb_addr  = w_addr_q;
  assign wb_len   = w_len_q;
  assign wb_user  = w_user_q;
  assign wb_data  = b_data;
  assign go       = wb_valid && wb_ready;

  always_comb begin
    wb_strb = '0;
    for (int i = 0; i < LANES; i++) begin
      for (int j = 0; j < BEAT_BYTES / LANES; j++) wb_strb[i*(BEAT_BYTES/LANES) + j] = b_lanes[i];
    end
  end

  crl_fifo #(.W(4), .DEPTH(BURSTS)) u_sent (
      .clk, .rst, .s_valid(go && wb_first), .s_ready(room), .s_data({w_irq_q, w_more_q}),
      .m_valid(sent_valid), .m_ready(sent_ready), .m_data({sent_irq, sent_more}),
      .level(unused_sent)
  );

endmodule

`default_nettype wire
