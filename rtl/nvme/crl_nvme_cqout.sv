// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_cqout: packs completion entries into beats and offers them as bursts.
//
// How: entries come one by one while their burst is gathered; a beat goes into the FIFO as soon as it is complete. A burst that is
//   complete has its address and length put into the write stage ('mv_valid') when the one before it has left; from then on
//   it is on offer. A burst that is void leaves the FIFO without being offered.
// Latency: mv_valid to wb_valid 1 cycle. Throughput: an entry in two cycles, a beat a cycle.
// Assumes: entries come two cycles apart or more, only after room, at most 8 a burst, adjacent in memory and in one page; e_close with
//   the last one or later, before the next burst's first; mv_valid with e_close or after it, in the same order, and only while mv_ready.
`default_nettype none

module crl_nvme_cqout #(
    parameter int DATA_W = 64,
    parameter int FUNC_W = 8,
    parameter int BEATS  = 64   // that wait, a power of two, at least 8; a burst of 8 entries has to fit
) (
    input  wire logic                clk,
    input  wire logic                rst,        // synchronous, active high

    input  wire logic                e_valid,    // event: an entry
    input  wire logic [127:0]        e_data,
    input  wire logic [7:0]          e_slot,     // its place in the page, in entries
    input  wire logic                e_close,    // event: the burst ends, with e_valid or without
    output logic                     room,       // for an entry that comes in the next cycle

    input  wire logic                mv_valid,   // event: the next burst is to be offered
    output logic                     mv_ready,
    input  wire logic [63:0]         mv_addr,    // of its first entry
    input  wire logic [3:0]          mv_count,   // entries, 1 to 8
    input  wire logic [FUNC_W-1:0]   mv_user,
    input  wire logic                mv_void,    // it is not to be written

    output logic                     busy,       // a burst is under way

    output logic                     wb_valid,   // write client
    input  wire logic                wb_ready,
    output logic                     wb_first,
    output logic                     wb_last,
    output logic      [63:0]         wb_addr,
    output logic      [7:0]          wb_len,
    output logic      [FUNC_W-1:0]   wb_user,
    output logic      [DATA_W-1:0]   wb_data,
    output logic      [DATA_W/8-1:0] wb_strb
);

  localparam int LANES      = DATA_W > 128 ? DATA_W / 128 : 1;  // entries in a beat
  localparam int LANE_W     = LANES > 1 ? $clog2(LANES) : 1;
  localparam int BEAT_BYTES = DATA_W / 8;
  localparam int OFF_W      = $clog2(BEAT_BYTES);

  initial if (DATA_W < 64 || (DATA_W & (DATA_W - 1)) != 0) $fatal(1, "crl_nvme_cqout: DATA_W must be a power of two, at least 64");

  // ---------------------------------------------------------------------------------------------
  // Beats

  logic                   p_valid, b_valid;
  logic [DATA_W-1:0]      p_data, b_data;
  logic [LANES-1:0]       p_lanes, b_lanes;
  logic                   step;        // a beat leaves the FIFO
  logic                   beat_room;   // always, see room
  logic                   b_none;
  logic [$clog2(BEATS):0] beats;

  generate
    if (DATA_W < 128) begin : g_halves
      logic        upper_q, unused;
      logic [63:0] upper_data_q;

      assign p_valid = e_valid || upper_q;
      assign p_data  = upper_q ? upper_data_q : e_data[63:0];
      assign p_lanes = 1'b1;
      assign unused  = &{1'b0, e_slot, e_close};

      always_ff @(posedge clk) begin
        upper_data_q <= e_data[127:64];
        if (rst) upper_q <= 1'b0;
        else     upper_q <= e_valid;
      end
    end else if (DATA_W == 128) begin : g_whole
      logic unused;

      assign p_valid = e_valid;
      assign p_data  = e_data;
      assign p_lanes = 1'b1;
      assign unused  = &{1'b0, e_slot, e_close};
    end else begin : g_pack
      logic [DATA_W-1:0] data_q;
      logic [LANES-1:0]  lanes_q, lanes;
      logic              unused;

      always_comb begin
        p_data = data_q;
        lanes  = lanes_q;
        for (int i = 0; i < LANES; i++) begin
          if (e_valid && e_slot[LANE_W-1:0] == LANE_W'(i)) begin
            p_data[i*128 +: 128] = e_data;
            lanes[i]             = 1'b1;
          end
        end
      end

      assign p_lanes = lanes;
      assign p_valid = (e_valid && e_slot[LANE_W-1:0] == '1) || (e_close && lanes != '0);
      assign unused  = &{1'b0, e_slot};

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

  crl_fifo_head #(.W(DATA_W + LANES), .DEPTH(BEATS)) u_beats (
      .clk, .rst, .s_valid(p_valid), .s_ready(beat_room), .s_past(1'b0), .s_data({p_lanes, p_data}),
      .m_valid(b_valid), .m_none(b_none), .m_ready(step), .m_data({b_lanes, b_data}), .level(beats)
  );

  // ---------------------------------------------------------------------------------------------
  // Bursts

  logic              w_valid_q, w_void_q;
  logic [63:0]       w_addr_q;
  logic [7:0]        w_len_q, mv_len;
  logic [FUNC_W-1:0] w_user_q;
  logic              within_q;    // its first beat has left
  logic [7:0]        left, left_q;  // beats after the one that is offered
  logic              has;

  generate
    if (DATA_W < 128) begin : g_len_halves
      assign mv_len = {3'd0, mv_count, 1'b0} - 8'd1;
    end else if (DATA_W == 128) begin : g_len_whole
      assign mv_len = {4'd0, mv_count} - 8'd1;
    end else begin : g_len_pack
      logic [7:0] last_lane;

      assign last_lane = 8'(mv_addr[4 +: LANE_W]) + {4'd0, mv_count} - 8'd1;
      assign mv_len    = last_lane >> LANE_W;
    end
  endgenerate

  assign has      = b_valid && w_valid_q;
  assign wb_valid = has && !w_void_q;
  assign step     = has && (wb_ready || w_void_q);
  assign wb_first = !within_q;
  assign left     = wb_first ? w_len_q : left_q;
  assign wb_addr  = w_addr_q;
  assign wb_len   = w_len_q;
  assign wb_user  = w_user_q;
  assign wb_data  = b_data;
  assign mv_ready = !w_valid_q || (step && wb_last);
  assign busy     = w_valid_q;
  // Two beats may be on their way when an entry is let in, and it is two at most.
  assign room     = beats <= ($clog2(BEATS) + 1)'(BEATS - 4);

  always_comb begin
    wb_strb = '0;
    for (int i = 0; i < LANES; i++) begin
      for (int j = 0; j < BEAT_BYTES / LANES; j++) wb_strb[i*(BEAT_BYTES/LANES) + j] = b_lanes[i];
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      w_valid_q <= 1'b0;
      within_q  <= 1'b0;
    end else begin
      if (mv_valid)             w_valid_q <= 1'b1;
      else if (step && wb_last) w_valid_q <= 1'b0;
      if (step) within_q <= !wb_last;
    end
    if (mv_valid) begin
      w_addr_q <= {mv_addr[63:OFF_W], {OFF_W{1'b0}}};
      w_len_q  <= mv_len;
      w_user_q <= mv_user;
      w_void_q <= mv_void;
    end
    if (step) left_q <= left - 8'd1;
    if (mv_valid)  wb_last <= mv_len == '0;
    else if (step) wb_last <= left == 8'd1;
  end

  logic unused_fifo;
  assign unused_fifo = &{1'b0, beat_room, b_none, mv_addr[OFF_W-1:0]};

`ifdef FORMAL
  always_ff @(posedge clk) if (!rst) begin
    if (p_valid) assert (beat_room);
    if (w_valid_q) assert (wb_last == (left == '0));
  end
`endif

endmodule

`default_nettype wire
