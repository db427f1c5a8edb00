// SPDX-License-Identifier: Apache-2.0
//
// crl_target_reads: the node's own READs of one peer, by the index in their tag: where their bytes go, how far they are.
//
// How: two block RAMs. The engine writes both when an operation begins; the target looks up the tag of each READ_DATA and
//   writes back how far the operation is, or that it is over. A MIRROR's local copy goes the same way; one that was
//   refused in the middle stays bad until its end. What begins waits in a register while the target writes, and a look waits for it.
// Latency: look to the result 1 cycle; it stays until the next look. After reset nothing is found for OPS cycles.
// Assumes: 'upd' comes between two looks, for the last tag looked up, and never twice in a row; no look while 'waits'. Operations
//   begin two cycles apart or more. No answer comes before its operation has been written.
`default_nettype none

module crl_target_reads #(
    parameter int CHANNELS = 8,
    parameter int OPS      = 128,
    parameter int FUNC_W   = 8,
    parameter bit MIRROR_EN = 1,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int OW      = $clog2(OPS)
) (
    input  wire logic              clk,
    input  wire logic              rst,        // synchronous, active high

    input  wire logic              rop_valid,  // event: an operation begins
    input  wire logic [15:0]       rop_tag,    // {generation, index}
    input  wire logic [CW-1:0]     rop_ch,
    input  wire logic [FUNC_W-1:0] rop_func,
    input  wire logic              rop_abs,    // dst is absolute
    input  wire logic [63:0]       rop_dst,
    input  wire logic [31:0]       rop_total,
    input  wire logic              rop_atomic, // it is an atomic: what it reads is the old value
    input  wire logic              rop_mirror, // it is a MIRROR: its bytes come from the hold FIFO

    output logic                   waits,      // no look in this cycle
    input  wire logic              look,       // event
    input  wire logic [15:0]       tag,        // stays until upd
    output logic                   hit,        // it is this operation
    output logic                   over,       // but it has an end
    output logic      [31:0]       next,       // offset that comes next
    output logic      [CW-1:0]     ch,
    output logic      [FUNC_W-1:0] func,
    output logic                   abs,
    output logic      [63:0]       dst,
    output logic      [31:0]       total,
    output logic                   atomic,
    output logic                   mirror,
    output logic                   bad,        // a part of it was refused here

    input  wire logic              upd,        // event
    input  wire logic              upd_over,
    input  wire logic              upd_bad,
    input  wire logic [31:0]       upd_next
);

  localparam int GW     = 16 - OW;
  localparam int BASE_W  = 1 + GW + CW + FUNC_W + 1 + 64 + 32 + 1;
  localparam int INFO_W  = BASE_W + (MIRROR_EN ? 1 : 0);
  localparam int STATE_W = 33 + (MIRROR_EN ? 1 : 0);

  logic              init_q, wait_q, put;
  logic [OW-1:0]     sweep_q;
  logic [OW-1:0]     w_idx_q;
  logic [INFO_W-1:0] w_info_q, info;
  logic              valid, state_we;
  logic [GW-1:0]     gen;
  logic [STATE_W-1:0] state;

  assign put      = wait_q && !upd && !init_q;
  assign waits    = wait_q && !init_q;
  assign state_we = upd || put;

  always_ff @(posedge clk) begin
    if (rst) begin
      init_q  <= 1'b1;
      sweep_q <= '0;
      wait_q  <= 1'b0;
    end else begin
      sweep_q <= sweep_q + 1'b1;
      if (sweep_q == '1) init_q <= 1'b0;
      wait_q <= rop_valid || (wait_q && !put);
    end
    if (rop_valid) begin
      w_idx_q  <= rop_tag[OW-1:0];
      w_info_q <= INFO_W'({MIRROR_EN && rop_mirror, 1'b1, rop_tag[15:OW], rop_ch, rop_func, rop_abs, rop_dst, rop_total, rop_atomic});
    end
  end

  crl_dma_tab #(.W(INFO_W), .DEPTH(OPS)) u_info (
      .clk, .we(put || init_q), .waddr(init_q ? sweep_q : w_idx_q), .wdata(init_q ? '0 : w_info_q),
      .re(look && !init_q), .raddr(tag[OW-1:0]), .rdata(info)
  );
  crl_dma_tab #(.W(STATE_W), .DEPTH(OPS)) u_state (
      .clk, .we(state_we), .waddr(upd ? tag[OW-1:0] : w_idx_q), .wdata(upd ? STATE_W'({upd_bad, upd_over, upd_next}) : '0),
      .re(look), .raddr(tag[OW-1:0]), .rdata(state)
  );

  assign {mirror, valid, gen, ch, func, abs, dst, total, atomic} = (BASE_W + 1)'(info);
  assign {bad, over, next} = 34'(state);
  assign hit          = valid && gen == tag[15:OW] && !init_q;

`ifndef SYNTHESIS
`ifndef FORMAL
  always_ff @(posedge clk) begin
    if (!rst) assert (!(rop_valid && wait_q && !put));   // one that begins is lost
    if (!rst) assert (!(look && (upd || waits)));
  end
`endif
`endif

endmodule

`default_nettype wire
