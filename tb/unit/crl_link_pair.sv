// SPDX-License-Identifier: Apache-2.0
// Two link ends on four unrelated clocks with a faulty wire in each direction: a test component.
`timescale 1ps / 1ps
`default_nettype none

// One link end; the test drives and reads the variables by name.
module crl_link_side #(
    parameter int DATA_W = 64,
    parameter int LINK_W = 64,
    parameter int CHANNELS = 4,
    parameter int LINK_MTU = 256,
    parameter int RX_SHARED = 4,
    parameter int READ_SLOTS = 4,
    parameter int REPLAY_FRAMES = 32,
    parameter int KEEPALIVE_CYCLES = 512,
    localparam int CW = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                link_clk,
    input  wire                link_rst,
    input  wire                link_up,
    output wire [LINK_W-1:0]   m_tdata,
    output wire [LINK_W/8-1:0] m_tkeep,
    output wire                m_tvalid,
    input  wire                m_tready,
    output wire                m_tlast,
    input  wire [LINK_W-1:0]   s_tdata,
    input  wire [LINK_W/8-1:0] s_tkeep,
    input  wire                s_tvalid,
    output wire                s_tready,
    input  wire                s_tlast
);
  logic                cfg_enable = 0;
  logic [7:0]          cfg_node = 0, cfg_peer_node = 0;
  logic [15:0]         cfg_epoch = 0;
  logic                tx_take = 0, txp_valid = 0, txf_valid = 0, rsp_valid = 0;
  logic [CW-1:0]       tx_take_ch = 0;
  logic [DATA_W-1:0]   txp_data = 0;
  logic [7:0]          txf_type = 0, txf_flags = 0, txf_src_ch = 0, txf_dst_ch = 0;
  logic [31:0]         txf_total = 0, txf_offset = 0;
  logic [15:0]         txf_op_seq = 0, txf_tag = 0, txf_len = 0;
  logic [127:0]        txf_arg = 0;
  logic                rsp_permit = 0, ack_permit;
  logic                tx_take_rd = 0, rdt_want = 0, rdt_take = 0, rdp_valid = 0, rdf_valid = 0, slot_free_rd = 0;
  logic [DATA_W-1:0]   rdp_data = 0;
  logic [7:0]          rdf_flags = 0, rdf_src_ch = 0, rdf_dst_ch = 0, rdf_status = 0;
  logic [31:0]         rdf_total = 0, rdf_offset = 0;
  logic [15:0]         rdf_op_seq = 0, rdf_tag = 0, rdf_len = 0;
  logic [63:0]         rdf_segaddr = 0;
  logic                rd_ok, rdt_ok, rdp_ready, rdf_ready;
  logic [63:0]         txf_segaddr = 0;
  logic [7:0]          rsp_src_ch = 0, rsp_dst_ch = 0, rsp_status = 0;
  logic [15:0]         rsp_op_seq = 0, rsp_tag = 0, rsp_status2 = 0;
  logic                rx_ready = 0, rxp_ready = 0, slot_free = 0, ack_ready = 0;
  logic [7:0]          slot_free_ch = 0;
  logic                up, txp_ready, txf_ready, rsp_ready, rx_valid, rxp_valid, rxp_last, ack_valid;
  logic [CHANNELS-1:0] tx_ok;
  logic [511:0]        rx_hdr;
  logic [DATA_W-1:0]   rxp_data;
  logic [15:0]         ack_tag, ack_status2;
  logic [7:0]          ack_src_ch, ack_status;
  logic                ev_crc_err, ev_frame_tx, ev_frame_rx, ev_nak, ev_bad_frame;
  logic [31:0]         n_crc = 0, n_tx = 0, n_rx = 0, n_nak = 0, n_bad = 0, n_down = 0;
  logic                up_q = 0;

  crl_link #(
      .DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .LINK_MTU(LINK_MTU),
      .RX_SHARED(RX_SHARED), .REPLAY_FRAMES(REPLAY_FRAMES), .READ_SLOTS(READ_SLOTS), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES)
  ) dut (
      .clk, .rst, .cfg_enable, .cfg_node, .cfg_peer_node, .cfg_epoch, .link_up_i(link_up), .up,
      .tx_ok, .tx_take, .tx_take_ch, .txp_valid, .txp_ready, .txp_data,
      .txf_valid, .txf_ready, .txf_type, .txf_flags, .txf_src_ch, .txf_dst_ch, .txf_op_seq, .txf_tag,
      .txf_segaddr, .txf_total, .txf_offset, .txf_len, .txf_arg, .rd_ok, .tx_take_rd,
      .rdt_ok, .rdt_want, .rdt_take, .rdp_valid, .rdp_ready, .rdp_data, .rdf_valid, .rdf_ready, .rdf_flags, .rdf_src_ch,
      .rdf_dst_ch, .rdf_op_seq, .rdf_tag, .rdf_segaddr, .rdf_total, .rdf_offset, .rdf_len, .rdf_status, .slot_free_rd,
      .rsp_valid, .rsp_ready, .rsp_src_ch, .rsp_dst_ch, .rsp_op_seq, .rsp_tag, .rsp_permit, .rsp_status, .rsp_status2,
      .rx_valid, .rx_ready, .rx_hdr, .rxp_valid, .rxp_ready, .rxp_data, .rxp_last,
      .slot_free, .slot_free_ch,
      .ack_valid, .ack_ready, .ack_tag, .ack_src_ch, .ack_permit, .ack_status, .ack_status2,
      .ev_crc_err, .ev_frame_tx, .ev_frame_rx, .ev_nak, .ev_bad_frame,
      .link_clk, .link_rst,
      .m_axis_link_tdata(m_tdata), .m_axis_link_tkeep(m_tkeep), .m_axis_link_tvalid(m_tvalid),
      .m_axis_link_tready(m_tready), .m_axis_link_tlast(m_tlast),
      .s_axis_link_tdata(s_tdata), .s_axis_link_tkeep(s_tkeep), .s_axis_link_tvalid(s_tvalid),
      .s_axis_link_tready(s_tready), .s_axis_link_tlast(s_tlast)
  );

  always @(posedge clk) begin
    up_q <= up;
    if (!rst && ev_crc_err === 1'b1) n_crc <= n_crc + 1;
    if (!rst && ev_frame_tx === 1'b1) n_tx <= n_tx + 1;
    if (!rst && ev_frame_rx === 1'b1) n_rx <= n_rx + 1;
    if (!rst && ev_nak === 1'b1) n_nak <= n_nak + 1;
    if (!rst && ev_bad_frame === 1'b1) n_bad <= n_bad + 1;
    if (!rst && up_q === 1'b1 && up === 1'b0) n_down <= n_down + 1;
  end

  // Once offered, nothing changes until it is taken (resets apart).
  logic [515:0] rx_was;
  logic [DATA_W+1:0] rxp_was;
  logic [LINK_W:0] m_was;
  logic rx_st = 0, rxp_st = 0, m_st = 0;
  always @(posedge clk) begin
    if (rx_st && !rst && (!rx_valid || rx_was[511:0] !== rx_hdr)) $error("rx_hdr changed while it waited");
    if (rxp_st && !rst && (!rxp_valid || rxp_was !== {1'b1, rxp_last, rxp_data}))
      $error("rxp changed while it waited");
    rx_st <= rx_valid === 1'b1 && !rx_ready && !rst;
    rx_was <= {4'd0, rx_hdr};
    rxp_st <= rxp_valid === 1'b1 && !rxp_ready && !rst;
    rxp_was <= {1'b1, rxp_last, rxp_data};
  end
  logic [7:0] calm = 0;  // cycles since a reset: the FIFO's reset handshake may take a beat back
  always @(posedge link_clk) begin
    calm <= rst || link_rst ? 8'd0 : calm == 8'd255 ? calm : calm + 8'd1;
    if (m_st && calm == 8'd255 && (!m_tvalid || m_was !== {m_tlast, m_tdata}))
      $error("m_axis_link changed while it waited");
    m_st <= m_tvalid === 1'b1 && !m_tready && !link_rst;
    m_was <= {m_tlast, m_tdata};
  end
endmodule

// One direction: delay, stalls and one armed fault at a time. Both ends on one clock.
module crl_link_wire #(
    parameter int LINK_W = 64
) (
    input  wire                clk,
    input  wire [LINK_W-1:0]   s_tdata,
    input  wire [LINK_W/8-1:0] s_tkeep,
    input  wire                s_tvalid,
    output reg                 s_tready,
    input  wire                s_tlast,
    output reg  [LINK_W-1:0]   m_tdata,
    output reg  [LINK_W/8-1:0] m_tkeep,
    output reg                 m_tvalid,
    input  wire                m_tready,
    output reg                 m_tlast
);
  localparam int DEPTH = 1024;
  localparam int EW = LINK_W + LINK_W / 8 + 1;
  logic [15:0] delay = 1;
  logic [7:0]  p_in = 0, p_out = 0;     // chance n/256 of a stall
  logic        cut = 0;                 // everything is lost
  // Fault on the frame after next_n more frames: 1 flip, 2 lose, 3 cut short, 4 without tlast,
  // 5 sent twice, 6 a hole in tkeep, 7 a beat more
  logic [3:0]  fault = 0;
  logic [15:0] fault_skip = 0, fault_beat = 0;
  logic [LINK_W-1:0] fault_mask = 1;
  logic [8:0]  fault_type = 9'h100;     // bit 8: any frame type
  logic [31:0] n_faults = 0, n_beats = 0, n_frames = 0, now = 0;
  // From the first beat of a WRITE to the last: cycles, and beats of WRITE and OP_ACK frames
  logic [31:0] first = 0, span = 0, useful = 0, useful_span = 0;
  logic [7:0]  ftype = 0;
  logic [31:0] n_type [0:255];
  logic [15:0] p_flip = 0;              // chance n/65536 a beat
  // Frames that begin now stay in the wire (1: all but EPOCH, 2: all), and come when `late` is high.
  logic [1:0]  keep = 0;
  logic        late = 0;
  logic [31:0] n_kept = 0;              // frames that stay
  logic [31:0] seed = 1;

  logic [EW-1:0] ring [0:DEPTH-1];
  logic [31:0]   due  [0:DEPTH-1];
  logic [EW-1:0] copy [0:511];
  logic [EW-1:0] kept [0:511];
  logic [15:0]   nkept = 0;
  logic          stays = 0;
  logic [31:0] head = 0, tail = 0, rnd = 32'h1234567;
  logic [15:0] beat = 0, ncopy;
  logic [3:0]  act = 0;
  logic [LINK_W-1:0] d;
  logic [LINK_W/8-1:0] k;
  logic        l, keepit;

  initial begin
    for (int i = 0; i < 256; i++) n_type[i] = 0;
    s_tready = 0;
    m_tvalid = 0;
  end

  task automatic put(input logic [EW-1:0] e);
    ring[tail%DEPTH] = e;
    due[tail%DEPTH] = now + 32'(delay);
    tail = tail + 1;
  endtask

  always @(posedge clk) begin
    now = now + 1;
    rnd = rnd ^ (rnd << 13);
    rnd = rnd ^ (rnd >> 17);
    rnd = rnd ^ (rnd << 5) ^ seed;
    if (s_tvalid === 1'b1 && s_tready) begin
      if (^s_tdata === 1'bx) $error("unknown value on the link");
      if (s_tkeep !== '1) $error("tkeep is not all ones");
      d = s_tdata;
      k = s_tkeep;
      l = s_tlast;
      keepit = 1;
      n_beats = n_beats + 1;
      if (beat == 0) ftype = d[15:8];
      if (first == 0 && ftype == 8'h10) first = now;
      if (first != 0 && (ftype == 8'h10 || ftype == 8'h20 || ftype == 8'h23)) useful = useful + 1;
      if (ftype == 8'h10 && l) begin
        span = now - first + 1;
        useful_span = useful;
      end
      if (beat == 0) begin
        act = 0;
        ncopy = 0;
        n_frames = n_frames + 1;
        stays = (keep == 2 || keep == 1 && d[15:8] != 8'h02) && nkept < 16'd400;
        if (stays) n_kept = n_kept + 1;
        n_type[d[15:8]] = n_type[d[15:8]] + 1;
        if (fault != 0 && (fault_type[8] || fault_type[7:0] == d[15:8])) begin
          if (fault_skip == 0) begin
            act = fault;
            fault = 0;
            n_faults = n_faults + 1;
          end else fault_skip = fault_skip - 1;
        end
      end
      if (act == 1 && (beat == fault_beat || (l && beat < fault_beat))) d = d ^ fault_mask;
      if (p_flip != 0 && rnd[31:16] < p_flip) begin
        d[rnd[15:0]%LINK_W] = !d[rnd[15:0]%LINK_W];
        n_faults = n_faults + 1;
      end
      if (act == 2 || cut || stays) keepit = 0;
      if (stays && nkept < 16'd512) begin
        kept[nkept] = {l, k, d};
        nkept = nkept + 1;
      end
      if (act == 3) begin
        keepit = beat <= fault_beat;
        if (beat == fault_beat) l = 1;
      end
      if (act == 4) l = 0;
      if (act == 6) k[fault_beat%(LINK_W/8)] = 0;
      if (keepit) put({l && act != 7, k, d});
      if (act == 7 && l) put({1'b1, k, ~d});
      copy[ncopy%512] = {l, k, d};
      ncopy = ncopy + 1;
      if (act == 5 && l) for (int i = 0; i < 512; i++) if (i < int'(ncopy)) put(copy[i]);
      beat = s_tlast ? 16'd0 : beat + 16'd1;
    end
    if (late && beat == 0 && nkept != 0) begin
      for (int i = 0; i < 512; i++) if (i < int'(nkept)) put(kept[i]);
      nkept = 0;
      n_kept = 0;
    end
    if (!m_tvalid || m_tready) begin
      m_tvalid <= 0;
      if (head != tail && now >= due[head%DEPTH] && (p_out == 0 || rnd[7:0] >= p_out)) begin
        {m_tlast, m_tkeep, m_tdata} <= ring[head%DEPTH];
        m_tvalid <= 1;
        head = head + 1;
      end
    end
    s_tready <= tail - head < 32'(delay) + 300 && (p_in == 0 || rnd[15:8] >= p_in);
  end
endmodule

module crl_link_pair #(
    parameter int DATA_W = 64,
    parameter int LINK_W = 64,
    parameter int CHANNELS = 4,
    parameter int LINK_MTU = 256,
    parameter int RX_SHARED = 4,
    parameter int READ_SLOTS = 4,
    parameter int READ_SLOTS_B = READ_SLOTS,
    parameter int REPLAY_FRAMES = 32,
    parameter int KEEPALIVE_CYCLES = 512
) (
    input wire clk_a,
    input wire clk_b,
    input wire link_clk
);
  logic rst_a = 1, rst_b = 1, link_rst_a = 1, link_rst_b = 1, up_a = 0, up_b = 0;

  wire [LINK_W-1:0] am_d, as_d, bm_d, bs_d;
  wire [LINK_W/8-1:0] am_k, as_k, bm_k, bs_k;
  wire am_v, am_r, am_l, as_v, as_r, as_l, bm_v, bm_r, bm_l, bs_v, bs_r, bs_l;

  crl_link_side #(
      .DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .LINK_MTU(LINK_MTU),
      .RX_SHARED(RX_SHARED), .REPLAY_FRAMES(REPLAY_FRAMES), .READ_SLOTS(READ_SLOTS), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES)
  ) a (
      .clk(clk_a), .rst(rst_a), .link_clk, .link_rst(link_rst_a), .link_up(up_a),
      .m_tdata(am_d), .m_tkeep(am_k), .m_tvalid(am_v), .m_tready(am_r), .m_tlast(am_l),
      .s_tdata(as_d), .s_tkeep(as_k), .s_tvalid(as_v), .s_tready(as_r), .s_tlast(as_l)
  );
  crl_link_side #(
      .DATA_W(DATA_W), .LINK_W(LINK_W), .CHANNELS(CHANNELS), .LINK_MTU(LINK_MTU),
      .RX_SHARED(RX_SHARED), .REPLAY_FRAMES(REPLAY_FRAMES), .READ_SLOTS(READ_SLOTS_B), .KEEPALIVE_CYCLES(KEEPALIVE_CYCLES)
  ) b (
      .clk(clk_b), .rst(rst_b), .link_clk, .link_rst(link_rst_b), .link_up(up_b),
      .m_tdata(bm_d), .m_tkeep(bm_k), .m_tvalid(bm_v), .m_tready(bm_r), .m_tlast(bm_l),
      .s_tdata(bs_d), .s_tkeep(bs_k), .s_tvalid(bs_v), .s_tready(bs_r), .s_tlast(bs_l)
  );
  crl_link_wire #(.LINK_W(LINK_W)) ab (
      .clk(link_clk),
      .s_tdata(am_d), .s_tkeep(am_k), .s_tvalid(am_v), .s_tready(am_r), .s_tlast(am_l),
      .m_tdata(bs_d), .m_tkeep(bs_k), .m_tvalid(bs_v), .m_tready(bs_r), .m_tlast(bs_l)
  );
  crl_link_wire #(.LINK_W(LINK_W)) ba (
      .clk(link_clk),
      .s_tdata(bm_d), .s_tkeep(bm_k), .s_tvalid(bm_v), .s_tready(bm_r), .s_tlast(bm_l),
      .m_tdata(as_d), .m_tkeep(as_k), .m_tvalid(as_v), .m_tready(as_r), .m_tlast(as_l)
  );
endmodule

`default_nettype wire
