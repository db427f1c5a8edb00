// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_move_cmp: compares host beats, which come aligned, with the namespace's.
//
// How: both wait in FIFOs and leave in pairs. Lanes that the host beat doesn't have do not count. Each byte is compared before a
//   register, the bytes are joined behind it. The namespace's beats say where a chunk ends; its result goes into a FIFO.
// Latency: the last beats to c_valid 6 cycles. Throughput: a pair a cycle.
// Assumes: MAX_BEATS host beats of a chunk come before its last namespace beat has to leave, so they have room here; results of no
//   more than CHUNKS chunks wait.
`default_nettype none

module crl_nvme_move_cmp #(
    parameter int DATA_W    = 64,
    parameter int MAX_BEATS = 65,               // beats of a chunk
    parameter int CHUNKS    = 32,               // power of two
    localparam int B        = DATA_W / 8
) (
    input  wire logic              clk,
    input  wire logic              rst,         // synchronous, active high

    input  wire logic              h_valid,     // host beats
    output logic                   h_ready,
    input  wire logic [DATA_W-1:0] h_data,
    input  wire logic [B-1:0]      h_strb,
    input  wire logic              n_valid,     // namespace beats
    output logic                   n_ready,
    input  wire logic [DATA_W-1:0] n_data,
    input  wire logic              n_last,      // of the chunk
    input  wire logic              n_bad,       // their read failed; the same for all beats of a chunk

    output logic                   c_valid,     // result of a chunk
    input  wire logic              c_ready,
    output logic                   c_bad,       // the namespace could not be read
    output logic                   c_differs    // bytes differ
);

  localparam int DEPTH = MAX_BEATS > 8 ? 1 << $clog2(MAX_BEATS + 8) : 16;
  localparam int HW    = $clog2(DEPTH);
  localparam int RW    = $clog2(CHUNKS);

  logic              hm_valid, nm_valid, nm_last, nm_bad, go, room;
  logic [DATA_W-1:0] hm_data, nm_data;
  logic [B-1:0]      hm_strb;
  logic [HW:0]       h_level;
  logic [3:0]        n_level;
  logic [RW:0]       c_level;

  crl_fifo_bram #(.W(DATA_W + B), .DEPTH(DEPTH), .OUTREG(1)) u_host (
      .clk, .rst, .s_valid(h_valid), .s_ready(h_ready), .s_data({h_strb, h_data}),
      .m_valid(hm_valid), .m_ready(go), .m_data({hm_strb, hm_data}), .level(h_level)
  );
  // As long as the way of the host beats, so that those of the next chunk need not wait.
  crl_fifo #(.W(DATA_W + 2), .DEPTH(8), .OUTREG(1)) u_ns (
      .clk, .rst, .s_valid(n_valid), .s_ready(n_ready), .s_data({n_bad, n_last, n_data}),
      .m_valid(nm_valid), .m_ready(go), .m_data({nm_bad, nm_last, nm_data}), .level(n_level)
  );
  assign go = hm_valid && nm_valid;

  logic         p_valid_q, p_last_q, p_bad_q;
  logic [B-1:0] p_differ_q;  // by bytes
  logic         differs_q;   // an earlier beat of the chunk did
  logic         differs;

  assign differs = differs_q || p_differ_q != '0;

  always_ff @(posedge clk) begin
    if (rst) begin
      p_valid_q <= 1'b0;
      differs_q <= 1'b0;
    end else begin
      p_valid_q <= go;
      if (p_valid_q) differs_q <= differs && !p_last_q;
    end
    p_last_q <= nm_last;
    p_bad_q  <= nm_bad;
    for (int i = 0; i < B; i++) p_differ_q[i] <= hm_strb[i] && hm_data[8*i +: 8] != nm_data[8*i +: 8];
  end

  crl_fifo #(.W(2), .DEPTH(CHUNKS)) u_result (
      .clk, .rst, .s_valid(p_valid_q && p_last_q), .s_ready(room), .s_data({p_bad_q, differs}),
      .m_valid(c_valid), .m_ready(c_ready), .m_data({c_bad, c_differs}), .level(c_level)
  );

  logic unused;
  assign unused = &{1'b0, room, h_level, n_level, c_level};

endmodule

`default_nettype wire
