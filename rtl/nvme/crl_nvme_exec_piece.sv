// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_exec_piece: the piece of host memory that the next chunk is cut from.
//
// How: a chunk is cut from the walker's piece as it is offered; what is left of the piece then is held here. Of a Write
//   a piece that ends inside a page of the namespace is held, too, until the next one is there and no error: blocks don't cross
//   pages, and 4096 bytes of a command lie in two pieces at most, so no part of a block is ever cut alone. If the next one is
//   an error, what is held counts for nothing.
// Latency: p_* to c_* 0 cycles; one more where the next piece has to be seen first. Throughput: a chunk a cycle.
// Assumes: only the last item of a command is an error; 'flush' comes with 'use_c' down.
`default_nettype none

module crl_nvme_exec_piece #(
    parameter int STEP_W = 10             // bits of c_step
) (
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high

    input  wire logic              p_valid,   // piece of crl_nvme_prp
    output logic                   p_ready,
    input  wire logic [63:0]       p_addr,
    input  wire logic [12:0]       p_len,
    input  wire logic              p_last,
    input  wire logic              p_error,
    input  wire logic [10:0]       p_status,

    input  wire logic              use_c,     // level: chunks are cut
    input  wire logic              use_f,     // level: pieces go to crl_nvme_exec_dsm,
    input  wire logic              f_ready,   //   if it takes them
    input  wire logic              drain,     // level: pieces are thrown away
    input  wire logic              flush,     // event: what is held is thrown away;
    output logic                   gone,      //   it was the command's last

    input  wire logic              write,     // the command is a Write
    input  wire logic [11:0]       ns_low,    // where in its page of the namespace the chunk begins

    output logic                   c_valid,   // a chunk may be cut, or the command ends with an error
    input  wire logic              c_take,    // event: it is
    input  wire logic              c_fin,     // the chunk is all that is left of the piece,
    input  wire logic [STEP_W-1:0] c_step,    //   else it has this many bytes
    output logic      [63:0]       c_addr,
    output logic      [12:0]       c_left,    // bytes of the piece
    output logic                   c_last,
    output logic                   c_error,
    output logic      [10:0]       c_status   // with c_error
`ifdef CRL_GHOST
    , output logic                 f_held     // what proofs look at
    , output logic                 f_last
    , output logic    [63:0]       f_addr
    , output logic    [12:0]       f_left
`endif
);

  logic        held_q, last_q;
  logic        whole_q, whole;            // the piece reaches the end of the page of the namespace
  logic [63:0] addr_q;
  logic [12:0] left_q, moved, page;
  logic        part, lift;                // blocks lie in the next piece, too
  logic        sure;                      // it does not matter where the piece that is offered ends

  assign c_addr   = held_q ? addr_q : p_addr;
  assign c_left   = held_q ? left_q : p_len;
  assign c_last   = held_q ? last_q : p_last;
  assign c_error  = held_q ? part && p_error : p_error;
  assign c_status = p_status;

  // As chunks are cut both sides move on alike, to the end of the page; what is left then is less than the next one.
  assign page    = {1'b0, ns_low} + p_len;
  assign whole   = held_q ? whole_q : page[12];
  assign part    = write && !c_last && !whole;
  assign sure    = p_error || !write || p_last;
  assign c_valid = held_q ? !part || p_valid : p_valid && (sure || page[12]);   // page comes late
  assign lift    = use_c && !held_q && p_valid && !p_error && part;
  assign p_ready = drain || (use_f && f_ready) || lift || (c_take && (!held_q || c_error));
  assign gone    = held_q && last_q;
  assign moved   = c_take ? 13'(c_step) : 13'd0;

  always_ff @(posedge clk) begin
    if (rst)         held_q <= 1'b0;
    else if (c_take) held_q <= !c_error && !c_fin;
    else if (flush)  held_q <= 1'b0;
    else if (lift)   held_q <= 1'b1;
    if (c_take || lift) begin
      // A piece lies in a page, and so does what is left of it.
      addr_q  <= {c_addr[63:12], c_addr[11:0] + moved[11:0]};
      left_q  <= c_left - moved;
      last_q  <= c_last;
      whole_q <= whole && !(c_take && ns_low[11:STEP_W-1] == '1);
    end
  end

`ifdef CRL_GHOST
  assign f_held = held_q;
  assign f_last = last_q;
  assign f_addr = addr_q;
  assign f_left = left_q;

  logic        f_past_q;
  logic [12:0] f_page;

  initial f_past_q = 1'b0;
  assign f_page = {1'b0, ns_low} + left_q;

  always @(posedge clk) begin
    f_past_q <= 1'b1;
    if (f_past_q && !rst && held_q && write) assert (whole_q == f_page[12]);
  end
`endif

  logic unused;
  assign unused = &{1'b0, page[11:0], moved[12]};

endmodule

`default_nettype wire
