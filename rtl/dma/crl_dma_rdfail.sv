// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_rdfail: why an operation's data is no good any more: a read error or a revoked key.
//
// How: the first failure of the operation that each channel is at, in LUT RAM; and of each operation, a copy for each peer: one
//   that was cancelled at the peer comes back as ABORTED, and gets the status that caused it as its op-ack passes. One that
//   was not given up here keeps what the peer says.
// Latency: none.
`default_nettype none

module crl_dma_rdfail #(
    parameter int CHANNELS = 8,
    parameter int OPS   = 128,
    parameter int PEERS = 1,
    localparam int CW   = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int OW   = $clog2(OPS)
) (
    input  wire logic                clk,

    // A chunk whose data is in
    input  wire logic                go,          // event; a channel's operations come one after the other
    input  wire logic [CW-1:0]       ch,
    input  wire logic [OW-1:0]       op,
    input  wire logic                first,       // of its operation
    input  wire logic                rd,          // it has read data
    input  wire logic [1:0]          resp,        // the worst response
    input  wire logic [7:0]          status,      // what it was issued with
    output logic                     rd_err,      // its read failed
    output logic                     bad,         // it, or one before it
    output logic      [7:0]          bad_status,

    // Op-acks
    input  wire logic [PEERS*16-1:0] ack_tag,
    input  wire logic [PEERS*8-1:0]  ack_status,
    output logic      [PEERS*8-1:0]  ack_status_out
);

  // Codes: 0 none.
  localparam logic [2:0] SLVERR = 3'd1, DECERR = 3'd2, REVOKED = 3'd3, GIVEN_UP = 3'd4;

  function automatic logic [7:0] status_of(input logic [2:0] code, input logic [7:0] otherwise);
    status_of = otherwise;
    if (code == SLVERR) status_of = crl_pkg::ST_READ_SLVERR;
    if (code == DECERR) status_of = crl_pkg::ST_READ_DECERR;
    if (code == REVOKED) status_of = crl_pkg::ST_KEY_REVOKED;
    if (code == GIVEN_UP) status_of = crl_pkg::ST_ABORTED;
  endfunction

  logic [2:0] code_ram, code;

  crl_ram_lut #(.W(3), .DEPTH(CHANNELS)) u_code (
      .clk, .we(go), .waddr(ch), .wdata(code), .raddr(ch), .rdata(code_ram)
  );
  assign rd_err = rd && resp[1];
  always_comb begin
    code = first ? 3'd0 : code_ram;
    if (code == 3'd0) begin
      if (rd_err) code = resp[0] ? DECERR : SLVERR;
      else if (status == crl_pkg::ST_KEY_REVOKED && !first) code = REVOKED;
      else if (status == crl_pkg::ST_ABORTED && !first) code = GIVEN_UP;
    end
  end
  assign bad        = rd_err || (!first && (code_ram != 3'd0 || status == crl_pkg::ST_KEY_REVOKED
                                            || status == crl_pkg::ST_ABORTED));  // code is not 0
  assign bad_status = status_of(code, status);

  generate
    for (genvar p = 0; p < PEERS; p++) begin : g_ack
      logic [2:0] ack_code;
      logic [7:0] given;
      crl_ram_lut #(.W(3), .DEPTH(OPS)) u_code_ack (
          .clk, .we(go), .waddr(op), .wdata(code), .raddr(ack_tag[16*p +: OW]), .rdata(ack_code)
      );
      assign given = ack_status[8*p +: 8];
      assign ack_status_out[8*p +: 8] =
          given == (8'(crl_pkg::ST_ABORTED) | 8'h80) ? status_of(ack_code, given) : given;
    end
  endgenerate

  logic unused;
  assign unused = &{1'b0, ack_tag};

endmodule

`default_nettype wire
