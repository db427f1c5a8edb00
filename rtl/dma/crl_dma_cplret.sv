// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_cplret: queue of what has retired and waits for its completion's write response.
//
// How: all retired operations pass one FIFO, in the order of their entries. What was posted goes
//   on when the response of its burst has come (responses and bursts come in the same order), the
//   rest at once; so everything a channel shows (producer index, consumer index, interrupts, events)
//   keeps ring order. After an error response a channel publishes nothing more until it is
//   set up again. A channel is empty when its list is and the last operation put here has left.
//   An entry for a peer's message goes the same way, but is no operation that retires.
// Latency: put to ret_valid 4 cycles or, for what was posted, response to ret_valid 2 cycles.
//   Throughput: one a cycle.
// Assumes: puts come two cycles apart, one cycle behind their pop, and only after 'room'.
`default_nettype none

module crl_dma_cplret #(
    parameter int CHANNELS = 8,
    parameter int DEPTH    = 128,  // power of two
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,           // synchronous, active high
    input  wire logic                stop,          // nothing leaves in this cycle
    input  wire logic                cfg_we,        // event: channel set up again
    input  wire logic [CW-1:0]       cfg_ch,

    input  wire logic                alloc_valid,   // event: an operation begins
    input  wire logic [CW-1:0]       alloc_ch,
    input  wire logic [CHANNELS-1:0] empty,         // none left in the table
    output logic      [CHANNELS-1:0] op_empty,      // nor here

    input  wire logic                pop_valid,     // event: one leaves the table, and is put here next
    input  wire logic [CW-1:0]       pop_ch,
    input  wire logic                pop_msg,       // with pop_valid: a peer's message instead
    input  wire logic                put_valid,
    input  wire logic                put_msg,
    input  wire logic [CW-1:0]       put_ch,
    input  wire logic                put_post,      // it has an entry
    input  wire logic [7:0]          put_status,
    input  wire logic [31:0]         put_bytes,
    input  wire logic [11:0]         put_cons,      // consumer index of the descriptor ring
    input  wire logic [11:0]         put_slot,      // producer index behind its entry
    output logic                     room,

    input  wire logic                sent_valid,    // bursts handed over, oldest first
    output logic                     sent_ready,
    input  wire logic [2:0]          sent_more,
    input  wire logic                sent_irq,
    input  wire logic                b_valid,       // event: a response
    input  wire logic [1:0]          b_resp,
    output logic      [CHANNELS-1:0] dead,          // a completion write failed

    output logic                     pub_valid,     // event: pub_cons of pub_ch holds
    output logic                     pub_prod,      // and so does pub_slot
    output logic      [CW-1:0]       pub_ch,
    output logic      [11:0]         pub_slot,
    output logic      [11:0]         pub_cons,

    output logic                     irq_valid,     // events, a cycle after pub_*
    output logic      [CW-1:0]       irq_ch,
    output logic                     cq_err_valid,
    output logic      [CW-1:0]       cq_err_ch,
    output logic      [1:0]          cq_err_resp,
    output logic                     ret_valid,
    output logic      [CW-1:0]       ret_ch,
    output logic      [7:0]          ret_status,
    output logic      [31:0]         ret_bytes,
    output logic      [11:0]         ret_cons
);

  localparam int RET_W  = 2 + CW + 8 + 32 + 12 + 12;
  localparam int RET_PW = $clog2(DEPTH);

  logic [RET_PW-1:0]   put_q, get_q, last_put;
  logic [RET_PW:0]     level;
  logic                t_valid, t_go, t_msg, t_post, t_ok, t_last, r_valid;
  logic [CW-1:0]       t_ch;
  logic [7:0]          t_status;
  logic [31:0]         t_bytes;
  logic [11:0]         t_cons, t_slot;
  logic [1:0]          r_resp;
  logic [2:0]          more_q;
  logic [CHANNELS-1:0] dead_q, busy_q;
  logic                unused_put_ready, unused_resp_ready;  // room is counted elsewhere
  logic [5:0]          unused_resp_level;

  assign dead      = dead_q;
  assign op_empty  = ~busy_q;
  assign pub_valid = t_go;
  assign pub_ch    = t_ch;
  assign pub_slot  = t_slot;
  assign pub_cons  = t_cons;

  // One can be under way when the level is read.
  assign room     = !level[RET_PW] && level[RET_PW-1:1] != '1;

  crl_fifo_bram #(.W(RET_W), .DEPTH(DEPTH), .OUTREG(1)) u_ret (
      .clk, .rst, .s_valid(put_valid), .s_ready(unused_put_ready),
      .s_data({put_msg, put_post, put_ch, put_status, put_bytes, put_cons, put_slot}),
      .m_valid(t_valid), .m_ready(t_go),
      .m_data({t_msg, t_post, t_ch, t_status, t_bytes, t_cons, t_slot}), .level(level)
  );
  crl_fifo #(.W(2), .DEPTH(32)) u_resp (
      .clk, .rst, .s_valid(b_valid), .s_ready(unused_resp_ready), .s_data(b_resp),
      .m_valid(r_valid), .m_ready(sent_ready), .m_data(r_resp),
      .level(unused_resp_level)
  );
  crl_ram_lut #(.W(RET_PW), .DEPTH(CHANNELS)) u_last_put (
      .clk, .we(pop_valid), .waddr(pop_ch), .wdata(put_q), .raddr(t_ch), .rdata(last_put)
  );

  assign t_ok     = sent_valid && r_valid;
  assign t_go     = t_valid && (!t_post || t_ok) && !stop;
  assign t_last   = more_q == sent_more;
  assign sent_ready   = t_go && t_post && t_last;
  assign pub_prod = t_go && t_post && !r_resp[1] && !dead_q[t_ch];

  always_ff @(posedge clk) begin
    if (rst) begin
      more_q       <= '0;
      put_q        <= '0;
      get_q        <= '0;
      dead_q       <= '0;
      busy_q       <= '0;
      irq_valid    <= 1'b0;
      cq_err_valid <= 1'b0;
      ret_valid    <= 1'b0;
    end else begin
      if (t_go && t_post) more_q <= t_last ? '0 : more_q + 1'b1;
      if (pop_valid) put_q <= put_q + 1'b1;
      if (t_go) get_q <= get_q + 1'b1;
      if (t_go && last_put == get_q && empty[t_ch]) busy_q[t_ch] <= 1'b0;
      if (alloc_valid) busy_q[alloc_ch] <= 1'b1;
      if (pop_valid && pop_msg) busy_q[pop_ch] <= 1'b1;
      if (sent_ready && r_resp[1]) dead_q[t_ch] <= 1'b1;
      if (cfg_we) dead_q[cfg_ch] <= 1'b0;
      irq_valid    <= sent_ready && sent_irq && !r_resp[1] && !dead_q[t_ch];
      cq_err_valid <= sent_ready && r_resp[1];
      ret_valid    <= t_go && !t_msg;
    end
    irq_ch      <= t_ch;
    cq_err_ch   <= t_ch;
    cq_err_resp <= r_resp;
    ret_ch      <= t_ch;
    ret_status  <= t_status;
    ret_bytes   <= t_bytes;
    ret_cons    <= t_cons;
  end

endmodule

`default_nettype wire
