// SPDX-License-Identifier: Apache-2.0
//
// crl_target_segtab: the segment table: one write port, PORTS asynchronous read ports.
//
// How: entries in LUT RAM, one copy a read port; valid bits in flip-flops so that reset clears them all.
// Latency: read 0 cycles, write visible in the next cycle.
// Entry (docs/architecture.md 5.7): {valid, gen[12], right[6], channel[8], peer[4], size[41], base[52]}.
`default_nettype none

module crl_target_segtab #(
    parameter int SEGMENTS = 32,
    parameter int PORTS    = 1,
    localparam int SW      = $clog2(SEGMENTS),
    localparam int EW      = 124
) (
    input  wire logic                clk,
    input  wire logic                rst,
    input  wire logic                we,      // event
    input  wire logic [SW-1:0]       widx,
    input  wire logic [EW-1:0]       wentry,
    input  wire logic [PORTS*SW-1:0] ridx,
    output logic      [PORTS*EW-1:0] rentry
);

  logic [SEGMENTS-1:0] valid_q;

  always_ff @(posedge clk) begin
    if (rst) valid_q <= '0;
    else if (we) valid_q[widx] <= wentry[EW-1];
  end

  generate
    for (genvar p = 0; p < PORTS; p++) begin : g_port
      logic [SW-1:0] idx;
      logic [EW-2:0] body;
      assign idx = ridx[p*SW +: SW];
      crl_ram_lut #(.W(EW - 1), .DEPTH(SEGMENTS)) u_ram (
          .clk, .we, .waddr(widx), .wdata(wentry[EW-2:0]), .raddr(idx), .rdata(body)
      );
      assign rentry[p*EW +: EW] = {valid_q[idx], body};
    end
  endgenerate

endmodule

`default_nettype wire
