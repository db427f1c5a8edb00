// SPDX-License-Identifier: Apache-2.0
//
// crl_align: moves chunks of bytes from any source offset to any destination offset.
//
// How: a command becomes one step an input beat. Each beat is rotated by (dst - src) mod B bytes;
//   the lanes below the rotation belong to the next destination beat and wait in the carry, a LUT
//   RAM with one word a channel, so that a chunk of another channel may come in between. What the
//   last input beat leaves over in the carry is written by a step of its own (the drain), which
//   runs together with the first step of the next command where that one yields no beat.
//   A second small RAM holds the lane in which a carried partial beat begins, for its strobes.
// Latency: i to o 1 cycle for DATA_W <= 128, else 3 (a register in the rotator and one at the
//   output). A command is taken into a register one cycle before its first input beat.
// Throughput: a step a cycle, commands back to back, tokens and one-beat commands included.
//   Steps of a command: the destination beats touched, plus 1 where the first input beat only
//   fills the carry (dst < src and more than one input beat) and no drain hides it.
// Output: lanes with o_strb = 0 are 0. A command without output beat makes one o_none transfer.
// Assumes: i_data holds ceil((c_src_off + c_bytes) / B) beats a command, none if c_bytes = 0. With
//   c_cont, c_dst_off is where the last command of this channel ended, and that had no c_flush.
`default_nettype none

module crl_align #(
    parameter int DATA_W   = 64,  // bits a beat: 64, 128, 256, 512
    parameter int TAG_W    = 8,   // bits of a tag that travels with the command
    parameter int CHANNELS = 8,   // carries
    localparam int B       = DATA_W / 8,
    localparam int OFF_W   = $clog2(B),
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high
    input  wire logic              c_valid,
    output logic                   c_ready,
    input  wire logic [OFF_W-1:0]  c_src_off,  // lane of the first source byte
    input  wire logic [OFF_W-1:0]  c_dst_off,  // lane of the first destination byte
    input  wire logic [11:0]       c_bytes,    // 1 to 2048; 0: a token
    input  wire logic              c_cont,     // the carry holds the lanes below c_dst_off
    input  wire logic              c_flush,    // write the partial last beat too
    input  wire logic [CW-1:0]     c_ch,
    input  wire logic [TAG_W-1:0]  c_tag,
    input  wire logic              i_valid,
    output logic                   i_ready,
    input  wire logic [DATA_W-1:0] i_data,
    output logic                   o_valid,
    input  wire logic              o_ready,
    output logic                   o_none,     // no beat, only the command's end
    output logic                   o_first,    // first beat of the command
    output logic                   o_last,     // last beat of the command, or o_none
    output logic      [DATA_W-1:0] o_data,
    output logic      [B-1:0]      o_strb,
    output logic      [TAG_W-1:0]  o_tag
);

  initial begin
    if (DATA_W != 64 && DATA_W != 128 && DATA_W != 256 && DATA_W != 512)
      $fatal(1, "crl_align: DATA_W must be 64, 128, 256 or 512");
    if (CHANNELS < 1) $fatal(1, "crl_align: CHANNELS must be at least 1");
  end

  localparam bit DEEP  = DATA_W > 128;            // pipeline the rotator and the output
  localparam int CNT_W = 12 - OFF_W;              // input beats of a command, less one
  // Control of a step on its way to the merge: see ctl_d.
  localparam int CTL_W = 5 + 2 * CW + TAG_W + 2 * B;

  // Lanes below n.
  function automatic logic [B-1:0] below(input logic [OFF_W-1:0] n);
    logic [B-1:0] r;
    for (int i = 0; i < B; i++) r[i] = OFF_W'(i) < n;
    below = r;
  endfunction

  // ------------------------------------------------------------------------------------------
  // A command is taken apart into what its steps need.

  logic [12:0]      src_last;   // last source byte, counted from lane 0 of the first beat
  logic [OFF_W-1:0] shift;
  logic [OFF_W:0]   reach;      // lane after the last byte of the last input beat, rotated
  logic             pre, single;

  assign src_last = {1'b0, c_bytes} + 13'(c_src_off) - 13'd1;
  assign shift    = c_dst_off - c_src_off;
  assign single   = src_last[12:OFF_W] == '0;
  assign pre      = (c_dst_off < c_src_off) && !single;
  assign reach    = {1'b0, shift} + {1'b0, src_last[OFF_W-1:0]} + 1'b1;

  logic             p_valid_q;   // a command is at work
  logic             p_token_q;
  logic             p_start_q;   // its first input beat is next
  logic             p_out_q;     // it has written a beat
  logic             p_pre_q;     // the first input beat only fills the carry
  logic             p_part_q;    // the last input beat leaves its destination beat partial
  logic             p_spill_q;   // the last input beat reaches into one more destination beat
  logic             p_cont_q, p_flush_q;
  logic [CNT_W-1:0] p_left_q;    // input beats after the next one
  logic [OFF_W-1:0] p_shift_q, p_dst_q, p_end_q;
  logic [CW-1:0]    p_ch_q;
  logic [TAG_W-1:0] p_tag_q;

  logic             d_valid_q;   // a drain is due
  logic [OFF_W-1:0] d_end_q;     // its lanes, not 0
  logic [CW-1:0]    d_ch_q;
  logic [TAG_W-1:0] d_tag_q;

  // ------------------------------------------------------------------------------------------
  // One step a cycle.

  logic adv;        // the pipeline takes a step
  logic take;       // the step consumes an input beat
  logic token, step, fill, last_in, p_done;
  logic out, none, first, last;
  logic [OFF_W-1:0] start_rd, lo;
  logic [B-1:0]     strb, mask;

  assign last_in = p_left_q == '0;
  assign fill    = p_start_q && p_pre_q;
  assign take    = i_valid && p_valid_q && !p_token_q && (!d_valid_q || (fill && !p_cont_q));
  assign token   = p_valid_q && p_token_q && !d_valid_q;
  assign step    = take || token || d_valid_q;
  assign p_done  = adv && ((take && last_in) || token);
  assign i_ready = adv && p_valid_q && !p_token_q && (!d_valid_q || (fill && !p_cont_q));
  assign c_ready = !p_valid_q || p_done;

  assign lo      = p_out_q ? '0 : (p_cont_q ? start_rd : p_dst_q);

  always_comb begin
    out   = take && !fill && !(last_in && p_part_q && !p_flush_q);
    none  = token || (take && last_in && !out && !p_out_q);
    first = out && !p_out_q;
    last  = none || (out && (last_in ? !(p_spill_q && p_flush_q)
                                     : (p_left_q == CNT_W'(1) && p_part_q && !p_flush_q)));
    strb  = ~below(lo);
    if (last_in && p_flush_q && p_part_q) strb = strb & below(p_end_q);
    mask  = below(p_start_q ? p_dst_q : p_shift_q);
    if (d_valid_q) begin
      out   = 1'b1;
      none  = 1'b0;
      first = 1'b0;
      last  = 1'b1;
      strb  = below(d_end_q);
      mask  = '1;
    end
  end

  // The lane in which the partial beat begins that this command leaves in the carry.
  crl_ram_lut #(.W(OFF_W), .DEPTH(CHANNELS)) u_start (
      .clk, .we(adv && take && last_in), .waddr(p_ch_q), .wdata(out ? '0 : lo),
      .raddr(p_ch_q), .rdata(start_rd)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      p_valid_q <= 1'b0;
      d_valid_q <= 1'b0;
    end else begin
      if (c_ready) p_valid_q <= c_valid;
      if (adv)     d_valid_q <= take && last_in && p_spill_q && p_flush_q;
    end
    if (c_ready) begin
      p_token_q <= c_bytes == '0;
      p_start_q <= 1'b1;
      p_out_q   <= 1'b0;
      p_pre_q   <= pre;
      p_part_q  <= !reach[OFF_W] || (single && c_dst_off < c_src_off);
      p_spill_q <= reach[OFF_W] && reach[OFF_W-1:0] != '0 && !(single && c_dst_off < c_src_off);
      p_cont_q  <= c_cont && c_dst_off != '0;
      p_flush_q <= c_flush;
      p_left_q  <= src_last[OFF_W +: CNT_W];
      p_shift_q <= shift;
      p_dst_q   <= c_dst_off;
      p_end_q   <= c_dst_off + c_bytes[OFF_W-1:0];
      p_ch_q    <= c_ch;
      p_tag_q   <= c_tag;
    end else if (adv && take) begin
      p_start_q <= 1'b0;
      p_left_q  <= p_left_q - 1'b1;
      // A fill that runs with a drain writes no beat of its own.
      if (out && !d_valid_q) p_out_q <= 1'b1;
    end
    if (adv && !d_valid_q) begin
      d_end_q <= p_end_q;
      d_ch_q  <= p_ch_q;
      d_tag_q <= p_tag_q;
    end
  end

  // ------------------------------------------------------------------------------------------
  // Rotate.

  logic [CTL_W-1:0]  ctl_d, x_ctl;
  logic [DATA_W-1:0] x_data;
  logic              x_valid, x_ready;

  assign ctl_d = {take, out, none, first, last, d_valid_q ? d_ch_q : p_ch_q, p_ch_q,
                  d_valid_q ? d_tag_q : p_tag_q, strb, mask};

  crl_align_rot #(.DATA_W(DATA_W), .CTL_W(CTL_W), .DEEP(DEEP)) u_rot (
      .clk, .rst,
      .s_valid(step), .s_ready(adv), .s_shift(p_shift_q), .s_data(i_data), .s_ctl(ctl_d),
      .m_valid(x_valid), .m_ready(x_ready), .m_data(x_data), .m_ctl(x_ctl)
  );

  // ------------------------------------------------------------------------------------------
  // Merge with the carry.

  logic              x_we, x_out, x_none, x_first, x_last;
  logic [CW-1:0]     x_rch, x_wch;
  logic [TAG_W-1:0]  x_tag;
  logic [B-1:0]      x_strb, x_mask;
  logic [DATA_W-1:0] carry, merged;
  logic              y_valid, y_ready;

  assign {x_we, x_out, x_none, x_first, x_last, x_rch, x_wch, x_tag, x_strb, x_mask} = x_ctl;

  always_comb begin
    for (int i = 0; i < B; i++) merged[i*8 +: 8] = (x_mask[i] ? carry[i*8 +: 8] : x_data[i*8 +: 8]) & {8{x_strb[i]}};
  end

  assign y_valid = x_valid && (x_out || x_none);
  assign x_ready = y_ready || !(x_out || x_none);

  // What of a beat is not written yet stays in the carry: without a beat both channels are the same.
  generate
    for (genvar i = 0; i < B; i++) begin : g_carry
      crl_ram_lut #(.W(8), .DEPTH(CHANNELS)) u_lane (
          .clk, .we(x_valid && x_ready && x_we && (x_out || !x_mask[i])), .waddr(x_wch), .wdata(x_data[i*8 +: 8]),
          .raddr(x_rch), .rdata(carry[i*8 +: 8])
      );
    end
  endgenerate

  localparam int OUT_W = 3 + TAG_W + B + DATA_W;
  logic [OUT_W-1:0] y_all, o_all;

  assign y_all = {x_none, x_first, x_last, x_tag, x_strb & {B{x_out}}, merged & {DATA_W{x_out}}};
  assign {o_none, o_first, o_last, o_tag, o_strb, o_data} = o_all;

  generate
    if (DEEP) begin : g_outreg
      logic             valid_q;
      logic [OUT_W-1:0] all_q;

      assign y_ready = !valid_q || o_ready;
      assign o_valid = valid_q;
      assign o_all   = all_q;

      always_ff @(posedge clk) begin
        if (rst)          valid_q <= 1'b0;
        else if (y_ready) valid_q <= y_valid;
        if (y_ready) all_q <= y_all;
      end
    end else begin : g_direct
      assign y_ready = o_ready;
      assign o_valid = y_valid;
      assign o_all   = y_all;
    end
  endgenerate

`ifndef SYNTHESIS
  // Once offered and stalled, nothing changes.
  logic             stall_q;
  logic [OUT_W-1:0] held_q;

  always_ff @(posedge clk) begin
    stall_q <= !rst && o_valid && !o_ready;
    held_q  <= o_all;
    if (stall_q && !rst) assert (o_valid && o_all === held_q);
    if (!rst && c_valid && c_ready) assert (c_bytes <= 12'd2048);
  end
`endif

endmodule

`default_nettype wire
