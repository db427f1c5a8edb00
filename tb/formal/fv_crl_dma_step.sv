// SPDX-License-Identifier: Apache-2.0
//
// Harness for the splitter: crl_dma_first makes the first chunk of any descriptor, crl_dma_step every later
// one, with any pause between. Each chunk is what the rule of docs/architecture.md section 3 says; what it
// reads and writes stays inside its burst, page and frame; the sizes sum to the length.
`default_nettype none

module fv_crl_dma_step #(
    parameter int DATA_W = 64, parameter int MAX_BURST_BYTES = 64, parameter int LINK_MTU = 128
) (
    input wire        clk,
    input wire        rst,
    input wire        start,
    input wire        go,
    input wire [7:0]  op,
    input wire [7:0]  flags,
    input wire        bad,
    input wire [31:0] len,
    input wire [63:0] src,
    input wire [63:0] dst
);

  localparam int B   = DATA_W / 8;
  localparam int LB  = $clog2(B);
  localparam int MBW = $clog2(MAX_BURST_BYTES);
  localparam int MTW = $clog2(LINK_MTU);

`ifdef BREAK_PAGE
  localparam int PAGE = 2048;
`else
  localparam int PAGE = 4096;
`endif
`ifdef BREAK_FRAME
  localparam int FRAME = LINK_MTU / 2;
`else
  localparam int FRAME = LINK_MTU;
`endif

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  // One descriptor at a time: arrives, is picked, tells its first chunk (T1); then each chunk waits in the
  // context until it is picked, and passes T2 to T4, which give the next one.
  localparam int IDLE = 0, PICK = 1, T1 = 2, CHUNK = 3, T3 = 4, T4 = 5;
  reg [2:0]       at = IDLE;
  reg [7:0]       d_op, d_flags;
  reg             d_bad;
  reg [31:0]      d_len, rem;
  reg [63:0]      d_src, d_dst, c_src, c_dst;
  reg [MBW-1:0]   vs;
  reg [MTW-1:0]   pos;
  reg [MBW:0]     n;
  reg             last, fend, remote;
  reg [32:0]      sum;              // ghost: bytes of the chunks before this one
  reg [2:0]       chunks;           // ghost: how many, to 7

  wire arrive = at == IDLE && start;

  wire [MBW+8:0]  info;
  wire            i_msg;            // messages begin anew: they are not in this proof
  wire [MBW:0]    i_n;
  wire            i_bad, i_nodata, i_read, i_remote, i_fence, i_fend, i_last;
  assign {i_msg, i_bad, i_nodata, i_read, i_remote, i_fence, i_fend, i_last, i_n} = info;

  crl_dma_first #(.PREFETCH(2), .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU), .ATOMIC_EN(1'b0), .SEND_EN(1'b0), .MIRROR_EN(1'b0)) u_first (
      .clk, .rst, .d_valid(arrive), .d_idx(1'b1), .d_op(op), .d_flags(flags), .d_len(len),
      .d_src(src[MBW-1:0]), .d_dst(dst[11:0]), .d_bad(bad), .pk_en(at == PICK), .pk_idx(1'b1), .info
  );

  wire            fill = d_op == crl_pkg::OP_FILL || d_op == crl_pkg::OP_READ;  // READ has no source here
  wire [LB-1:0]   rd_off;
  wire [MBW:0]    rd_n, nx_n;
  wire [MBW-LB:0] rd_beats;
  wire [63:0]     nx_src, nx_dst;
  wire [31:0]     nx_rem;
  wire [MBW-1:0]  nx_vs;
  wire [MTW-1:0]  nx_pos;
  wire            nx_fend, nx_last;

  crl_dma_step #(.DATA_W(DATA_W), .MAX_BURST_BYTES(MAX_BURST_BYTES), .LINK_MTU(LINK_MTU)) u_step (
      .clk, .fill, .remote, .src(c_src), .dst(c_dst), .rem, .vs, .pos, .n, .back(1'b0), .total(32'd0), .rd_off, .rd_n, .rd_beats,
      .nx_src, .nx_dst, .nx_rem, .nx_vs, .nx_pos, .nx_n, .nx_fend, .nx_last
  );

  always @(posedge clk) begin
    if (rst) at <= IDLE;
    else case (at)
      IDLE: if (start) at <= PICK;
      PICK: at <= T1;
      T1: at <= i_nodata ? IDLE : CHUNK;
      CHUNK: if (go) at <= T3;
      T3: at <= T4;
      T4: at <= last ? IDLE : CHUNK;
      default: at <= IDLE;
    endcase
    if (arrive) begin
      d_op    <= op;
      d_flags <= flags;
      d_bad   <= bad;
      d_len   <= len;
      d_src   <= src;
      d_dst   <= dst;
    end
    if (at == T1) begin
      c_src  <= d_src;
      c_dst  <= d_dst;
      rem    <= d_len;
      vs     <= 0;
      pos    <= 0;
      n      <= i_n;
      last   <= i_last;
      fend   <= i_fend;
      remote <= i_remote;
      sum    <= 0;
      chunks <= 0;
    end
    if (at == T4) begin
      c_src <= nx_src;
      c_dst <= nx_dst;
      rem   <= nx_rem;
      vs    <= nx_vs;
      pos   <= nx_pos;
      n     <= nx_n;
      last  <= nx_last;
      fend  <= nx_fend;
      sum   <= sum + n;
      if (!&chunks) chunks <= chunks + 1'b1;
    end
  end

  // What a chunk may be, from the descriptor and the bytes before it.
  wire        copy = d_op == crl_pkg::OP_COPY;
  wire        write = d_op == crl_pkg::OP_WRITE;
  wire        read = d_op == crl_pkg::OP_READ;
  wire        refused = d_bad || d_flags[7:4] != 0 || (d_flags[crl_pkg::DESC_FLAG_NOTIFY] && !write);
  wire [63:0] at_src = d_src + sum;
  wire [63:0] at_dst = d_dst + sum;
  wire [31:0] left = d_len - sum[31:0];
  wire [15:0] src_in = fill ? 16'(sum[MBW-1:0]) : 16'(at_src[MBW-1:0]);
  wire [15:0] dst_in = 16'(at_dst[11:0]);
  wire [15:0] to_src = MAX_BURST_BYTES - src_in;
  wire [15:0] to_dst = remote ? LINK_MTU - 16'(sum[MTW-1:0]) : 16'd4096 - dst_in;
  wire [15:0] most = to_src < to_dst ? to_src : to_dst;
  wire [31:0] rule = left < 32'(most) ? left : 32'(most);

  // Beats of the write burst: a carried partial beat is written again, the last one only at the end.
  wire [15:0] wr_beats = ((dst_in & (B - 1)) + n + (last ? B - 1 : 0)) / B;

  always @* if (past_valid && !rst) begin
    assert (at <= T4);
    if (at == T1) begin
      assert (i_bad == d_bad && i_fence == d_flags[crl_pkg::DESC_FLAG_FENCE]);
      assert (i_nodata == (refused || !(copy || write || fill) || d_len == 0));
      assert (i_remote == ((write || read) && !i_nodata) && i_read == (read && !i_nodata));
      if (i_nodata) assert (i_n == 0 && i_last && i_fend);
    end
    if (at >= CHUNK) begin
      assert (d_len != 0 && !refused && (copy || write || fill) && remote == (write || read));
      assert (sum < 33'(d_len) && rem == left);
      assert (c_src == (fill ? d_src : at_src) && c_dst == (remote ? d_dst : at_dst));
      if (fill) assert (vs == sum[MBW-1:0]);
      if (remote) assert (pos == sum[MTW-1:0]);
      assert (n != 0 && 32'(n) == rule);
      assert (last == (sum + n == 33'(d_len)));
      if (remote) assert (fend == (last || 16'(pos) + n == LINK_MTU));
      // Never across an edge.
      assert (src_in + n <= MAX_BURST_BYTES);
      if (remote) assert (sum % FRAME + n <= FRAME);
      else begin
        assert (dst_in % PAGE + n <= PAGE);
        assert (dst_in / B + wr_beats <= 4096 / B);
      end
    end
    if (at == T3) begin
      assert (rd_n == n && rd_off == src_in[LB-1:0]);
      assert (32'(rd_beats) == (src_in % B + n + B - 1) / B);
      assert (src_in / B + rd_beats <= MAX_BURST_BYTES / B);
    end
  end

  always @(posedge clk) if (past_valid && !rst) begin
    cover (at == T4 && last && copy && chunks == 3 && n == 5 && dst_in + n != 4096);
    cover (at == T4 && copy && chunks == 1 && dst_in + n == 4096 && n < to_src);
    cover (at == CHUNK && remote && pos == 0 && chunks >= 2 && at_src[0]);
    cover (at == T4 && last && fill && chunks == 2);
    cover (at == T4 && last && read && chunks >= 1 && d_len[0]);
    cover (at == T1 && i_nodata && !refused);
  end

endmodule

`default_nettype wire
