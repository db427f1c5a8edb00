// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_prp_list: reads the entries of a PRP list, as far as it lies in one page, and gives them out one by one.
//
// How: bursts end at multiples of 128 bytes, with the entries that are needed, and so with the page. Beats go into a FIFO with room
//   for two bursts; a burst is asked for when at least half of it is free, counting what is owed. An entry at a time is taken
//   out of the oldest beat into a register. kill throws away what is there and what still comes.
// Latency: go to ar_valid 2 cycles, a beat to its entry 2 cycles. Throughput: an entry a cycle, an AR in two.
// Assumes: go only when all entries of the last one were taken, or after kill with quiet; beats come in order, as many as
//   were asked for.
`default_nettype none

module crl_nvme_prp_list #(
    parameter int DATA_W = 64   // 64 to 1024
) (
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high

    input  wire logic              go,        // event: a list, allowed to be read
    input  wire logic [51:0]       go_page,
    input  wire logic [8:0]        go_idx,    // first entry in the page
    input  wire logic [8:0]        go_count,  // data pages that are left, at least 1
    input  wire logic              kill,      // level: throw everything away
    output logic                   quiet,     // nothing is owed or held, but perhaps an entry on e_*

    output logic                   e_valid,   // entry
    input  wire logic              e_ready,
    output logic      [51:0]       e_page,
    output logic                   e_bad,     // its offset is not 0
    output logic                   e_err,     // its beat came with an error
    output logic                   e_ptr,     // it points to the next list

    output logic                   ar_valid,  // read client
    input  wire logic              ar_ready,
    output logic      [63:0]       ar_addr,
    output logic      [7:0]        ar_len,
    input  wire logic              r_valid,
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,

    input  wire logic              stop,      // level: begin no read
    output logic                   idle       // no read is offered or owes beats
`ifdef FORMAL
    , output logic                 f_act      // a list is being asked for
    , output logic    [51:0]       f_page     // it lies here
    , output logic    [6:0]        f_owed     // beats, of what is offered too
`endif
);

  localparam int LANES = DATA_W / 64;                 // entries a beat
  localparam int LB    = $clog2(LANES);
  localparam int LW    = LB > 0 ? LB : 1;
  localparam int DEPTH = 32 / LANES;                  // beats of two bursts
  localparam int NW    = $clog2(DEPTH) + 1;

  // --- requests ----------------------------------------------------------------------------------
  logic [9:0]    go_room, go_left;
  logic          go_ptr;
  logic          q_act_q, new_q, ask, fits, pop;
  logic [51:0]   q_page_q;
  logic [8:0]    q_idx_q;
  logic [9:0]    q_left_q;
  logic [5:0]    sum;
  logic [3:0]    last;              // place of the burst's last entry among 16
  logic [4:0]    count;             // its entries
  logic [3:0]    len;
  logic [NW-1:0] held_q, owed_q;    // beats asked for: not yet out of the FIFO, not yet arrived
  logic [NW-1:0] fresh;

  // The page ends the list: if more data pages are left than entries, the last entry is a pointer.
  assign go_room = 10'd512 - {1'b0, go_idx};
  assign go_ptr  = {1'b0, go_count} > go_room;
  assign go_left = go_ptr ? go_room : {1'b0, go_count};

  assign ask   = q_act_q && !stop && !kill && !new_q && (!ar_valid || ar_ready) && held_q <= NW'(DEPTH / 2);
  assign sum   = {1'b0, q_left_q[4:0]} + {2'd0, q_idx_q[3:0]};
  assign fits  = q_left_q[9:5] == '0 && sum <= 6'd16;
  assign last  = fits ? sum[3:0] - 4'd1 : 4'd15;
  assign count = {1'b0, last} - {1'b0, q_idx_q[3:0]} + 5'd1;
  assign len   = (last >> LB) - (q_idx_q[3:0] >> LB);
  assign fresh = new_q ? NW'(ar_len[3:0]) + 1'b1 : '0;
  assign quiet = held_q == '0 && !new_q;
  assign idle  = owed_q == '0 && !new_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      q_act_q  <= 1'b0;
      new_q    <= 1'b0;
      ar_valid <= 1'b0;
      held_q   <= '0;
      owed_q   <= '0;
    end else begin
      if (kill)    q_act_q <= 1'b0;
      else if (go) q_act_q <= 1'b1;
      else if (ask) q_act_q <= !fits;
      new_q <= ask;
      if (ask)           ar_valid <= 1'b1;
      else if (ar_ready) ar_valid <= 1'b0;
      held_q <= held_q + fresh - NW'(pop);
      owed_q <= owed_q + fresh - NW'(r_valid);
    end
    if (go) begin
      q_page_q <= go_page;
      q_idx_q  <= go_idx;
      q_left_q <= go_left;
    end else if (ask) begin
      q_idx_q  <= q_idx_q + {4'd0, count};
      q_left_q <= q_left_q - {5'd0, count};
    end
    if (ask) begin
      ar_addr <= {q_page_q, q_idx_q, 3'b000};
      ar_len  <= {4'd0, len};
    end
  end

  // --- beats, entries ----------------------------------------------------------------------------
  logic              f_valid, f_err, take, c_ptr_q, lane_end, room_unused;
  logic [DATA_W-1:0] f_data;
  logic [63:0]       entry;
  logic [9:0]        c_left_q;      // entries to come
  logic [LW-1:0]     lane_q;
  logic [NW-1:0]     level_unused;

  crl_fifo #(.W(DATA_W + 1), .DEPTH(DEPTH)) u_beats (
      .clk, .rst, .s_valid(r_valid), .s_ready(room_unused), .s_data({r_resp[1], r_data}),
      .m_valid(f_valid), .m_ready(pop), .m_data({f_err, f_data}), .level(level_unused)
  );

  assign entry    = f_data[64*lane_q +: 64];
  assign lane_end = LB == 0 || lane_q == LW'(LANES - 1);
  assign take     = f_valid && c_left_q != '0 && (!e_valid || e_ready);
  assign pop      = f_valid && (kill || (take && (lane_end || c_left_q == 10'd1)));

  always_ff @(posedge clk) begin
    if (rst) begin
      e_valid  <= 1'b0;
      c_left_q <= '0;
    end else begin
      if (kill)         e_valid <= 1'b0;
      else if (take)    e_valid <= 1'b1;
      else if (e_ready) e_valid <= 1'b0;
      if (kill)         c_left_q <= '0;
      else if (go)      c_left_q <= go_left;
      else if (take)    c_left_q <= c_left_q - 1'b1;
    end
    if (go) begin
      c_ptr_q <= go_ptr;
      lane_q  <= LB == 0 ? '0 : go_idx[LW-1:0];
    end else if (take) begin
      lane_q  <= LB == 0 ? '0 : lane_q + 1'b1;
    end
    if (take) begin
      e_page <= entry[63:12];
      e_bad  <= entry[11:0] != '0;
      e_err  <= f_err;
      e_ptr  <= c_ptr_q && c_left_q == 10'd1;
    end
  end

`ifdef FORMAL
  logic f_past_q;

  initial f_past_q = 1'b0;
  assign f_act  = q_act_q;
  assign f_page = q_page_q;
  assign f_owed = 7'(owed_q) + 7'(fresh);

  always @(posedge clk) begin
    f_past_q <= 1'b1;
    if (f_past_q) begin
      assert (held_q == owed_q + level_unused && owed_q <= held_q);
      assert ({1'b0, held_q} + {1'b0, fresh} <= (NW + 1)'(DEPTH));
      assert (!(r_valid && !room_unused));
      assert (!new_q || ar_valid);
      if (ar_valid) assert (owed_q + fresh >= NW'(ar_len[3:0]) + 1'b1 && ar_len[7:4] == '0 && ar_addr[2:0] == '0);
      if (ar_valid) assert ({1'b0, ar_len[3:0]} + {1'b0, ar_addr[6:3] >> LB} < 5'(16 / LANES));
      if (q_act_q) assert (q_left_q != '0 && {1'b0, q_left_q} + {2'd0, q_idx_q} <= 11'd512);
    end
  end
`endif

  logic unused;

  assign unused = &{1'b0, r_resp[0], room_unused, level_unused};

endmodule

`default_nettype wire
