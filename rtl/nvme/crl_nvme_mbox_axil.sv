// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_mbox_axil: AXI4-Lite front of the mailbox; one access at a time goes to the registers.
//
// How: addresses and data are registered, so that nothing inside follows the bus. An access is chosen, a write before a read unless
//   the last one was a write; then it is looked up (`look`): a write takes effect and is answered a cycle later than what it set off, a read has a cycle for the RAMs, then `rdata` counts.
// Latency: AW and W to B 4 cycles, AR to R 4; 2 more behind the other one, and the cycles of `hold`.
// Assumes: `hold` in bounded time. `wait_bus` holds a write back before it is chosen, reads go on.
`default_nettype none

module crl_nvme_mbox_axil (
    input  wire logic        clk,
    input  wire logic        rst,              // synchronous, active high

    input  wire logic [12:0] s_axil_awaddr,
    input  wire logic        s_axil_awvalid,
    output logic             s_axil_awready,
    input  wire logic [31:0] s_axil_wdata,
    input  wire logic [3:0]  s_axil_wstrb,
    input  wire logic        s_axil_wvalid,
    output logic             s_axil_wready,
    output logic      [1:0]  s_axil_bresp,
    output logic             s_axil_bvalid,
    input  wire logic        s_axil_bready,
    input  wire logic [12:0] s_axil_araddr,
    input  wire logic        s_axil_arvalid,
    output logic             s_axil_arready,
    output logic      [31:0] s_axil_rdata,
    output logic      [1:0]  s_axil_rresp,
    output logic             s_axil_rvalid,
    input  wire logic        s_axil_rready,

    output logic      [12:0] wr_addr,          // of the write that waits
    output logic             choose,           // level: the next access is chosen, if there is one;
    output logic      [12:0] next_addr,        // addr of the next cycle then
    input  wire logic        wait_bus,         // not this one now
    input  wire logic        hold,             // not in this cycle
    output logic             busy,             // addr counts
    output logic             look,             // event: that it is done
    output logic             reads,            // level: a read is at it, if it need not be held
    output logic             we,               // it is a write
    output logic      [12:0] addr,             // bits 1:0 are 0; stays until rdata was taken
    output logic      [31:0] wdata,
    output logic      [3:0]  strb,
    input  wire logic        err,              // with look: refused
    input  wire logic [31:0] rdata             // two cycles after it
);

  typedef enum logic [2:0] {CHOOSE, WRITE, READ, WORD, DATA} state_t;

  state_t      state_q;
  logic        aw_q, w_q, ar_q, b_q, r_q, b_err_q, r_err_q, last_q;
  logic [12:0] aw_addr_q, ar_addr_q;
  logic [31:0] w_data_q, r_data_q;
  logic [3:0]  w_strb_q;
  logic        can_wr, can_rd, choose_wr, we_q, done_q;  // done_q: a write was, B comes now
  logic [12:0] addr_q;

  assign s_axil_awready = !aw_q;
  assign s_axil_wready  = !w_q;
  assign s_axil_arready = !ar_q;
  assign s_axil_bvalid  = b_q;
  assign s_axil_bresp   = {b_err_q, 1'b0};
  assign s_axil_rvalid  = r_q;
  assign s_axil_rresp   = {r_err_q, 1'b0};
  assign s_axil_rdata   = r_data_q;

  assign can_wr  = aw_q && w_q && !b_q && !done_q && !wait_bus;
  assign can_rd  = ar_q && !r_q;
  assign busy    = state_q == WRITE || state_q == WORD || state_q == DATA;
  assign choose    = state_q == CHOOSE;
  assign next_addr = choose_wr ? aw_addr_q : ar_addr_q;
  assign choose_wr = can_wr && !(can_rd && last_q);
  assign look    = (state_q == WRITE || state_q == READ) && !hold;
  assign reads   = state_q == READ;
  assign we      = we_q;
  assign wr_addr = aw_addr_q;
  assign addr    = addr_q;
  assign wdata   = w_data_q;
  assign strb    = w_strb_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q <= CHOOSE;
      aw_q    <= 1'b0;
      w_q     <= 1'b0;
      ar_q    <= 1'b0;
      b_q     <= 1'b0;
      r_q     <= 1'b0;
      last_q  <= 1'b0;
      done_q  <= 1'b0;
    end else begin
      case (state_q)
        CHOOSE: begin
          if (choose_wr)   state_q <= WRITE;
          else if (can_rd) state_q <= READ;
        end
        WRITE:   if (look) state_q <= CHOOSE;
        READ:    if (look) state_q <= WORD;
        WORD:    state_q <= DATA;
        default: state_q <= CHOOSE;
      endcase
      if (look) last_q <= we;

      if (s_axil_awvalid && s_axil_awready) aw_q <= 1'b1;
      else if (look && we)                  aw_q <= 1'b0;
      if (s_axil_wvalid && s_axil_wready) w_q <= 1'b1;
      else if (look && we)                w_q <= 1'b0;
      if (s_axil_arvalid && s_axil_arready) ar_q <= 1'b1;
      else if (state_q == DATA)             ar_q <= 1'b0;
      done_q <= look && we;
      if (done_q)             b_q <= 1'b1;
      else if (s_axil_bready) b_q <= 1'b0;
      if (state_q == DATA)    r_q <= 1'b1;
      else if (s_axil_rready) r_q <= 1'b0;
    end
    if (s_axil_awready) aw_addr_q <= {s_axil_awaddr[12:2], 2'b00};
    if (s_axil_wready) begin
      w_data_q <= s_axil_wdata;
      w_strb_q <= s_axil_wstrb;
    end
    if (s_axil_arready) ar_addr_q <= {s_axil_araddr[12:2], 2'b00};
    if (choose) begin
      we_q   <= choose_wr;
      addr_q <= next_addr;
    end
    if (look && we)  b_err_q <= err;
    if (look && !we) r_err_q <= err;
    if (state_q == DATA) r_data_q <= r_err_q ? '0 : rdata;
  end

  logic unused;
  assign unused = &{1'b0, s_axil_awaddr[1:0], s_axil_araddr[1:0]};

endmodule

`default_nettype wire
