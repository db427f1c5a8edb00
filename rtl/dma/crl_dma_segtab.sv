// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_segtab: the engine's copy of the segment table, in block RAM.
//
// How: entries in block RAM, valid bits in flip-flops so that reset clears them all. A block RAM promises nothing for a word
//   that is read and written at once, so a write waits for a cycle without a look-up; while it waits the pipeline is asked
//   to begin nothing new (stop), which makes that cycle come.
// Latency: read 1 cycle; a write 1 cycle, and as many as look-ups follow each other after stop.
// Assumes: widx and wentry hold until the write is done (crl_regs_walk: 3 cycles); no write while one waits.
// Entry (docs/architecture.md 5.7): {valid, gen[12], right[6], channel[8], peer[4], size[41], base[52]}.
`default_nettype none

module crl_dma_segtab #(
    parameter int SEGMENTS = 32,
    localparam int SW      = $clog2(SEGMENTS),
    localparam int EW      = 124
) (
    input  wire logic          clk,
    input  wire logic          rst,
    input  wire logic          we,      // event
    input  wire logic [SW-1:0] widx,
    input  wire logic [EW-1:0] wentry,
    output logic               stop,    // a write waits, or comes
    input  wire logic          re,      // ridx is looked up; without it, rentry is of use only if there was no stop
    input  wire logic [SW-1:0] ridx,
    output logic      [EW-1:0] rentry   // one cycle later
);

  logic [SEGMENTS-1:0] valid_q;
  logic [EW-2:0]       body;
  logic [SW-1:0]       ridx_q;
  logic                wait_q, write;

  assign stop  = we || wait_q;
  assign write = stop && !re;

  always_ff @(posedge clk) begin
    if (rst) wait_q <= 1'b0;
    else wait_q <= stop && !write;
    if (rst) valid_q <= '0;
    else if (write) valid_q[widx] <= wentry[EW-1];
    ridx_q <= ridx;
  end

  crl_ram_bram #(.W(EW - 1), .DEPTH(SEGMENTS)) u_ram (
      .clk, .we(write), .waddr(widx), .wdata(wentry[EW-2:0]), .re(1'b1), .raddr(ridx), .rdata(body)
  );
  // There is no write in the look-up's own cycle, so both are of that time.
  assign rentry = {valid_q[ridx_q], body};

`ifndef SYNTHESIS
  logic          begun_q;  // there was a reset: nothing holds of what registers are before it
  logic [SW-1:0] held_idx_q;
  logic [EW-1:0] held_q;

  initial begun_q = 1'b0;

  always @(posedge clk) begin
    held_idx_q <= widx;
    held_q     <= wentry;
    if (rst) begun_q <= 1'b1;
    else if (begun_q && wait_q) assert (!we && widx == held_idx_q && wentry == held_q);
  end
`endif

endmodule

`default_nettype wire
