// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_dma_read: free clients and memory. The counts of promised room are followed by ghosts inside
// the block (CRL_GHOST), by induction, together with those of its FIFOs: whatever goes in comes out in order. Here, at the
// ports: AR and the descriptors' beats by induction; with ENDS a memory that answers what was asked, every data
// request and beat from end to end, and the order among the clients, searched to a bound.
`default_nettype none

module fv_crl_dma_read #(
    parameter int DATA_W = 8, parameter int MAX_BURST_BYTES = 1, parameter int READS_IN_FLIGHT = 8,
    parameter int BUF_BEATS = 8
) (
    input wire              clk,
    input wire              rst,
    input wire              f_ar_valid,
    input wire [63:0]       f_ar_addr,
    input wire [7:0]        f_ar_len,
    input wire              f_ar_user,
    input wire              f_plenty,
    input wire              f_r_ready,
    input wire              ar_push,
    input wire [63:0]       ar_addr,
    input wire [7:0]        ar_len,
    input wire              ar_user,
    input wire              d_ready,
    input wire              e_ready,
    input wire              mark_req,
    input wire              m_axi_arready,
    input wire [1:0]        m_axi_rid,
    input wire [DATA_W-1:0] m_axi_rdata,
    input wire [1:0]        m_axi_rresp,
    input wire              m_axi_rlast,
    input wire              m_axi_rvalid
);

  wire [2:0]        f_enough;
  wire              f_ar_ready, f_r_valid, f_r_last, rd_room, d_valid, e_valid;
  wire [DATA_W-1:0] f_r_data, d_data;
  wire [1:0]        f_r_resp, e_resp;
  wire [1:0]        m_axi_arid, m_axi_arburst;
  wire [63:0]       m_axi_araddr;
  wire [7:0]        m_axi_arlen;
  wire [2:0]        m_axi_arsize, m_axi_arprot;
  wire [3:0]        m_axi_arcache;
  wire              m_axi_aruser, m_axi_arvalid, m_axi_rready, mark_over, pending, progress;

  crl_dma_read #(
      .DATA_W(DATA_W), .FUNC_W(1), .ID_W(2), .PREFETCH(4), .MAX_BURST_BYTES(MAX_BURST_BYTES),
      .READS_IN_FLIGHT(READS_IN_FLIGHT), .BUF_BEATS(BUF_BEATS)
  ) u_dut (
      .clk, .rst, .f_ar_valid, .f_ar_ready, .f_ar_addr, .f_ar_len, .f_ar_user, .f_plenty, .f_enough, .f_r_valid, .f_r_ready,
      .f_r_data, .f_r_resp, .f_r_last, .rd_room, .ar_push, .ar_addr, .ar_len, .ar_user, .d_valid, .d_ready, .d_data,
      .e_valid, .e_ready, .e_resp, .m_axi_arid, .m_axi_araddr, .m_axi_arlen, .m_axi_arsize, .m_axi_arburst, .m_axi_arcache,
      .m_axi_arprot, .m_axi_aruser, .m_axi_arvalid, .m_axi_arready, .m_axi_rid, .m_axi_rdata, .m_axi_rresp, .m_axi_rlast,
      .m_axi_rvalid, .m_axi_rready, .mark_req, .mark_over, .pending, .progress
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);
  always @(posedge clk) if (past_valid) assume (!rst);

  wire       take = m_axi_arvalid && m_axi_arready;
  wire       data_beat = m_axi_rvalid && m_axi_rready && m_axi_rid[0];

  // Pushes as crl_dma_issue makes them, and a little more freely: the room was seen in one of the last cycles.
  reg [3:0] room_q = 4'd0;
  reg       push_q = 1'b0;
  always @(posedge clk) begin
    room_q <= rst ? 4'd0 : {room_q[2:0], rd_room};
    push_q <= ar_push && !rst;
  end
  always @* if (ar_push) begin
    assume (!rst && !push_q && 32'(ar_len) <= MAX_BURST_BYTES / (DATA_W / 8));
`ifndef BREAK_ROOM
    assume (rd_room || room_q != 0);
`endif
  end

  // ---------------------------------------------------------------- the port, by induction
  // Nothing that was shown changes before it is taken; the descriptors' client keeps the same rule.
  reg         f_stall = 1'b0, stall = 1'b0;
  reg [72:0]  f_shown;
  reg [74:0]  shown;
  wire [72:0] f_show = {f_ar_user, f_ar_len, f_ar_addr};
  wire [74:0] show = {m_axi_arid, m_axi_aruser, m_axi_arlen, m_axi_araddr};

  always @(posedge clk) begin
    f_stall <= !rst && f_ar_valid && !f_ar_ready;
    f_shown <= f_show;
    stall   <= !rst && m_axi_arvalid && !m_axi_arready;
    shown   <= show;
  end
`ifndef BREAK_STABLE
  always @* if (f_stall) assume (f_ar_valid && f_show == f_shown);
`endif

  always @* if (past_valid && !rst) begin
    if (stall) assert (m_axi_arvalid && show == shown);
    if (m_axi_arvalid) begin
      assert (m_axi_arid[1] == 1'b0);
      assert (m_axi_arid[0] || (f_ar_valid && show == {2'b00, f_show}));
    end
    assert ((f_ar_valid && f_ar_ready) == (take && !m_axi_arid[0]));
    // Data never waits; descriptors' beats pass as they are.
    if (m_axi_rvalid) assert (m_axi_rready == (m_axi_rid[0] || f_r_ready));
    assert (f_r_valid == (m_axi_rvalid && !m_axi_rid[0]));
    if (f_r_valid) assert ({f_r_data, f_r_resp, f_r_last} == {m_axi_rdata, m_axi_rresp, m_axi_rlast});
  end

  // ---------------------------------------------------------------- end to end, to a bound
`ifdef ENDS
  // Bursts by number. Every data beat carries its own number.
  reg [7:0] lens [0:15];
  reg [1:0] worst [0:15];
  reg [3:0] pushed = 0, asked = 0, in = 0, told = 0;   // bursts pushed, taken by the port, in, and told of
  reg [7:0] at = 0;                                   // beats of burst 'in' that are in
  reg [7:0] beats_in = 0, beats_out = 0;
  reg [7:0] owed = 0;                                 // beats that the port was asked for and are not taken
  reg [1:0] bad = 0;
  reg       was_dry = 0, mixed = 0, raced = 0;
  reg [1:0] passes = 0;                               // data bursts that went past the fetch that waits
  reg       mark_q = 0, marked = 0;
  reg [3:0] mark_at = 0;                              // bursts pushed when the mark was set

`ifdef BREAK_LOST
  wire [7:0] number = beats_in + (beats_in > 3);
`else
  wire [7:0] number = beats_in;
`endif
  wire [1:0] bad_now = m_axi_rresp > bad ? m_axi_rresp : bad;

  always @* begin
    if (ar_push) assume (ar_addr == 64'(pushed) && ar_user == pushed[0]);
    if (f_ar_valid) assume (f_ar_addr == 64'd0 && f_ar_len == 8'd1);
    if (m_axi_rvalid) assume (m_axi_rid[1] == 0);
    if (m_axi_rvalid && m_axi_rid[0]) begin
      assume (in != asked);
      assume (m_axi_rlast == (at == lens[in]));
      assume (m_axi_rdata == DATA_W'(number));
    end
  end

  always @(posedge clk) if (past_valid && !rst) begin
    if (ar_push) begin
      lens[pushed] <= ar_len;
      pushed       <= pushed + 1'b1;
    end
    if (take && m_axi_arid[0]) begin
      assert (asked != pushed);
      assert (m_axi_araddr == 64'(asked) && m_axi_arlen == lens[asked] && m_axi_aruser == asked[0]);
      assert (owed + m_axi_arlen + 1 <= BUF_BEATS);
      asked <= asked + 1'b1;
    end
    owed <= owed + (take && m_axi_arid[0] ? m_axi_arlen + 1'b1 : 0) - (d_valid && d_ready);
    if (data_beat) begin
      beats_in <= beats_in + 1'b1;
      at       <= m_axi_rlast ? 0 : at + 1'b1;
      bad      <= m_axi_rlast ? 0 : bad_now;
      if (m_axi_rlast) begin
        worst[in] <= bad_now;
        in        <= in + 1'b1;
      end
    end
    if (d_valid) assert (beats_out != beats_in && d_data == DATA_W'(beats_out));
    if (d_valid && d_ready) beats_out <= beats_out + 1'b1;
    if (e_valid) assert (told != in && e_resp == worst[told]);
    if (e_valid && e_ready) told <= told + 1'b1;

    if (!f_ar_valid || f_ar_ready) passes <= 0;
    else if (take) passes <= passes + 1'b1;
    assert (passes <= 1);

    mark_q <= mark_req;
    if (mark_req && !mark_q) begin
      marked  <= 1'b1;
      mark_at <= pushed + ar_push;
    end
    if (marked && mark_over) assert (in >= mark_at);

    if (owed > BUF_BEATS - 3 && !rd_room) was_dry <= 1'b1;
    if (f_r_valid && at != 0) mixed <= 1'b1;
    if (stall && m_axi_arid[0] && f_ar_valid && !f_plenty) raced <= 1'b1;
    cover (was_dry && owed == 0 && beats_out == 6 && rd_room);
    cover (mixed && e_valid && e_resp == 2'b10 && told == 1);
    cover (marked && mark_over && mark_at == 3);
    cover (raced && take && !m_axi_arid[0]);
  end
`endif

endmodule

`default_nettype wire
