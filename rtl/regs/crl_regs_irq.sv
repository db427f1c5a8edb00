// SPDX-License-Identifier: Apache-2.0
//
// crl_regs_irq: interrupt status and enable of channels and node, and the pin.
//
// How: a bit a channel; a coalesced interrupt sets it, writing 1 clears it, setting wins. The pin is
//   the OR of what is pending and enabled, if IRQ_ENABLE is set, and of the NVMe block's line, which its own mask and the use
//   of MSI-X alone hold back: its driver knows nothing of this page. A message is asked for when an enabled interrupt fires,
//   and when one that is pending is enabled.
// Latency: fire to irq 2 cycles. Throughput: an event a cycle.
// Assumes: q_* hold for one write.
`default_nettype none

module crl_regs_irq #(
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,         // synchronous, active high

    input  wire logic                q_ok,        // event: an allowed write
    input  wire logic                q_in_ch,     // to a channel's guest page
    input  wire logic [20:0]         q_addr,
    input  wire logic [63:0]         q_data,
    input  wire logic [7:0]          q_strb,

    input  wire logic                fire,        // event: a coalesced interrupt of fire_ch
    input  wire logic [CW-1:0]       fire_ch,
    input  wire logic                fatal,       // level
    input  wire logic [PEERS-1:0]    peer_up,     // levels
    input  wire logic                ev_foreign,  // event: an access was refused
    input  wire logic                ev_msix,     // event: an MSI-X write failed
    input  wire logic                irq_enable,  // NODE.CTRL.IRQ_ENABLE
    input  wire logic                msix_enable, // NODE.CTRL.MSIX_ENABLE
    input  wire logic                nv_line,     // level

    output logic      [CHANNELS-1:0] ch_pending,
    output logic      [CHANNELS-1:0] ch_enable,
    output logic      [3:0]          node_event,
    output logic      [3:0]          node_enable,
    output logic      [CHANNELS:0]   msg,         // events: a message a vector
    output logic                     irq          // pin, level
);

  localparam int E_FATAL   = crl_pkg::NODE_EVENT_FATAL_LSB;
  localparam int E_PEER    = crl_pkg::NODE_EVENT_PEER_LSB;
  localparam int E_FOREIGN = crl_pkg::NODE_EVENT_FOREIGN_LSB;
  localparam int E_MSIX    = crl_pkg::NODE_EVENT_MSIX_ERR_LSB;

  logic [11:0]         ofs;
  logic                page_ch, page_node, lo, clr, en_we, ev_clr, ev_en_we;
  logic [CW-1:0]       q_ch;
  logic [CHANNELS-1:0] pend_q, en_q;
  logic [3:0]          event_q, event_en_q, happened;
  logic                fatal_q, line_q, irq_q;
  logic [PEERS-1:0]    up_q;

  assign ofs       = {q_addr[11:3], 3'b000};
  assign page_ch   = q_ok && q_in_ch;
  assign page_node = q_ok && q_addr[20:12] == 9'h1F0;
  assign q_ch      = CHANNELS > 1 ? q_addr[12 +: CW] : '0;
  assign lo        = q_strb[0];

  assign clr      = page_ch && lo && ofs == crl_pkg::REG_CH_IRQ_STATUS && q_data[0];
  assign en_we    = page_ch && lo && ofs == crl_pkg::REG_CH_IRQ_ENABLE;
  assign ev_clr   = page_node && lo && ofs == crl_pkg::REG_NODE_EVENT;
  assign ev_en_we = page_node && lo && ofs == crl_pkg::REG_NODE_EVENT_ENABLE;

  assign happened[E_FATAL]   = fatal && !fatal_q;
  assign happened[E_PEER]    = up_q != peer_up;
  assign happened[E_FOREIGN] = ev_foreign;
  assign happened[E_MSIX]    = ev_msix;

  genvar g;
  generate
    for (g = 0; g < CHANNELS; g++) begin : g_msg
      assign msg[g] = (fire && fire_ch == CW'(g) && en_q[g])
                   || (en_we && q_ch == CW'(g) && q_data[0] && !en_q[g] && pend_q[g]);
    end
  endgenerate

  // The node's vector: on the first of its enabled events, and on each new one.
  assign msg[CHANNELS] = (happened & event_en_q & ~event_q) != '0
                      || (ev_en_we && (q_data[3:0] & ~event_en_q & event_q) != '0);

  always_ff @(posedge clk) begin
    if (rst) begin
      pend_q     <= '0;
      en_q       <= '0;
      event_q    <= '0;
      event_en_q <= 4'(crl_pkg::RESET_NODE_EVENT_ENABLE);
      fatal_q    <= 1'b0;
      up_q       <= '0;
      line_q     <= 1'b0;
      irq_q      <= 1'b0;
    end else begin
      for (int c = 0; c < CHANNELS; c++) begin
        if (fire && fire_ch == CW'(c))       pend_q[c] <= 1'b1;
        else if (clr && q_ch == CW'(c))      pend_q[c] <= 1'b0;
        if (en_we && q_ch == CW'(c))         en_q[c]   <= q_data[0];
      end
      event_q <= (event_q & ~(ev_clr ? q_data[3:0] : 4'd0)) | happened;
      if (ev_en_we) event_en_q <= q_data[3:0];
      fatal_q <= fatal;
      up_q    <= peer_up;
      line_q  <= (pend_q & en_q) != '0 || (event_q & event_en_q) != '0 || fatal_q;
      irq_q   <= (line_q && irq_enable) || (nv_line && !msix_enable);
    end
  end

  assign ch_pending  = pend_q;
  assign ch_enable   = en_q;
  assign node_event  = event_q;
  assign node_enable = event_en_q;
  assign irq         = irq_q;

  logic unused;

  assign unused = &{1'b0, q_data, q_strb, q_addr};

endmodule

`default_nettype wire
