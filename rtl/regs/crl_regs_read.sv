// SPDX-License-Identifier: Apache-2.0
//
// crl_regs_read: the read side: owner check, and a way to each register.
//
// How: for a guest's access to a channel page the owner is read from the register RAM first; then
//   the register comes from that RAM, from the counters, or from the multiplexer of everything
//   else. A refused read is counted and gives all ones; a reserved address gives 0. While idle the
//   address is decoded into registers. What lies in the NVMe block's part of BAR0, and whose it is, that block says.
// Latency: 2 cycles from rd_valid to rd_done for function 0, 5 for others, more for counters.
// Assumes: rd_addr and rd_user are stable from rd_valid to rd_done. st_* belong to st_ch from one
//   cycle later on.
`default_nettype none

module crl_regs_read #(
    parameter int CHANNELS = 8,
    parameter int PEERS    = 1,
    parameter int SEGMENTS = 32,
    parameter int FUNC_W   = 8,
    parameter int NVME_VECTORS = 0,
    parameter int RAM_AW   = 8,    // of crl_regs_store
    parameter bit SEND_EN  = 1,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int RW      = CW > 2 ? CW : 2,
    localparam int V       = NVME_VECTORS + CHANNELS + 1
) (
    input  wire logic                clk,
    input  wire logic                rst,           // synchronous, active high

    input  wire logic                rd_valid,      // a read waits for rd_done
    input  wire logic [20:0]         rd_addr,
    input  wire logic [FUNC_W-1:0]   rd_user,
    output logic                     rd_done,       // event: rd_data counts
    output logic                     rd_ones,       // it was refused
    output logic      [63:0]         rd_data,

    output logic                     ram_req,       // register RAM, until ram_gnt
    output logic      [RAM_AW-1:0]   ram_addr,
    input  wire logic                ram_gnt,
    input  wire logic [63:0]         ram_data,      // the cycle after ram_gnt

    output logic                     ctr_get,       // counter, until ctr_done
    output logic                     ctr_peer,
    output logic      [RW-1:0]       ctr_row,
    output logic      [3:0]          ctr_k,
    input  wire logic                ctr_done,      // ctr_count in the next cycle, else 0
    input  wire logic [63:0]         ctr_count,

    output logic                     func_get,      // counter of refused accesses, until func_done
    output logic      [FUNC_W-1:0]   func_idx,
    input  wire logic                func_done,
    input  wire logic [31:0]         func_count,
    output logic                     foreign,       // this read is refused, until foreign_done
    input  wire logic                foreign_done,

    input  wire logic [63:0]         nv_data,       // of rd_addr in the NVMe block, combinational
    input  wire logic                nv_foreign,    // there it is not rd_user's

    output logic                     node_is_peer,  // node and peer registers
    input  wire logic [63:0]         node_data,
    input  wire logic [CHANNELS-1:0] ch_pending,
    input  wire logic [CHANNELS-1:0] ch_enable,
    input  wire logic [V-1:0]        msix_pending,

    output logic      [CW-1:0]       st_ch,         // status of a channel
    input  wire logic [3:0]          st_state,
    input  wire logic [7:0]          st_error,
    input  wire logic                st_busy,
    input  wire logic [11:0]         st_dr_prod,
    input  wire logic [11:0]         st_dr_cons,
    input  wire logic [11:0]         st_cq_prod,
    input  wire logic [11:0]         st_cq_cons,
    input  wire logic [11:0]         st_rr_prod,
    input  wire logic [11:0]         st_rr_cons
);

  localparam logic [3:0] SLOT_OWNER = 4'd12;  // as in crl_regs_map

  // Owner word asked for, here, judged; register asked for, data here, waiting for a counter.
  localparam logic [2:0] S_IDLE = 3'd0, S_OWNER = 3'd1, S_CHECK = 3'd2, S_READ = 3'd3,
                         S_DATA = 3'd4, S_WAIT = 3'd5, S_FOREIGN = 3'd6, S_JUDGE = 3'd7;

  logic                in_ch, in_chp, in_seg, in_nvme, in_msix, in_pba, in_node, in_peer, in_func;
  logic                in_peer_q, in_func_q;
  logic                nv_foreign_q, ram_hit, ram_hit_q, is_ctr, is_ctr_q, is_peer_ctr;
  logic [FUNC_W:0]     unlike_q;  // how the owner differs from who asks
  logic [CW-1:0]       ch;        // of a guest page
  logic [CW-1:0]       unused_ch;
  logic [RAM_AW-1:0]   map_addr, map_addr_q;
  logic [63:0]         unused_mask;
  logic [11:0]         ofs, peer_ofs;
  logic [2:0]          state_q;

  crl_regs_map #(
      .CHANNELS(CHANNELS), .PEERS(PEERS), .SEGMENTS(SEGMENTS), .FUNC_W(FUNC_W), .NVME_VECTORS(NVME_VECTORS),
      .RAM_AW(RAM_AW), .SEND_EN(SEND_EN)
  ) u_map (
      .addr(rd_addr), .in_ch, .in_chp, .in_seg, .in_nvme, .in_msix, .in_pba, .in_node, .in_peer, .in_func,
      .ch(unused_ch), .ram_hit, .ram_addr(map_addr), .wmask(unused_mask)
  );

  assign ch          = CHANNELS > 1 ? rd_addr[12 +: CW] : '0;
  assign ofs         = {rd_addr[11:3], 3'b000};
  assign is_ctr      = in_ch && ofs >= crl_pkg::REG_CH_CNT_DESC
                    && ofs <= crl_pkg::REG_CH_CNT_STALL_FETCH;
  assign peer_ofs    = {6'd0, rd_addr[5:3], 3'b000};
  assign is_peer_ctr = in_peer && peer_ofs >= crl_pkg::REG_PEER_CRC_ERR
                    && peer_ofs <= crl_pkg::REG_PEER_BAD_FRAME;

  // A read's address stands still from the cycle in which it comes on, so these are ready for S_READ.
  always_ff @(posedge clk) begin
    in_peer_q  <= in_peer;
    in_func_q  <= in_func;
    ram_hit_q  <= ram_hit;
    is_ctr_q   <= is_ctr || is_peer_ctr || in_func;
    nv_foreign_q <= in_nvme && nv_foreign;
    map_addr_q <= map_addr;
    unlike_q   <= {ram_data[crl_pkg::CHP_OWNER_VALID_LSB],
                   ram_data[crl_pkg::CHP_OWNER_FUNC_LSB +: FUNC_W]} ^ {1'b1, rd_user};
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q <= S_IDLE;
    end else begin
      case (state_q)
        S_IDLE: if (rd_valid) begin
          if (rd_user == '0 || in_nvme) state_q <= S_READ;
          else if (in_ch)               state_q <= S_OWNER;
          else                          state_q <= S_FOREIGN;
        end
        S_OWNER: if (ram_gnt) state_q <= S_CHECK;
        S_CHECK: state_q <= S_JUDGE;
        S_JUDGE: state_q <= unlike_q == '0 ? S_READ : S_FOREIGN;
        S_READ: begin
          if (nv_foreign_q)               state_q <= S_FOREIGN;
          else if (is_ctr_q)              state_q <= S_WAIT;
          else if (!ram_hit_q || ram_gnt) state_q <= S_DATA;
        end
        S_WAIT:  if (func_done || ctr_done) state_q <= S_DATA;
        default: if (rd_done) state_q <= S_IDLE;  // S_DATA, S_FOREIGN
      endcase
    end
  end

  // --- requests ----------------------------------------------------------------------------------
  assign ram_req = state_q == S_OWNER || (state_q == S_READ && ram_hit_q);

  assign ram_addr = state_q == S_OWNER ? RAM_AW'({ch, SLOT_OWNER}) : map_addr_q;

  assign ctr_get      = state_q == S_WAIT && !in_func_q;
  assign ctr_peer     = in_peer_q;
  assign ctr_row      = in_peer_q ? RW'(rd_addr[7:6]) : RW'(ch);
  assign ctr_k        = in_peer_q ? 4'(rd_addr[5:3]) - 4'd2 : rd_addr[6:3];
  assign func_get     = state_q == S_WAIT && in_func_q;
  assign func_idx     = rd_addr[3 +: FUNC_W];
  assign foreign      = state_q == S_FOREIGN;
  assign node_is_peer = in_peer_q;
  assign st_ch        = ch;

  // --- everything that is neither in the RAM nor a counter -----------------------------------------
  logic [255:0] pba;
  logic [31:0]  status, ch_word;

  assign pba    = 256'(msix_pending);
  assign status = 32'(st_state) << crl_pkg::CH_STATUS_STATE_LSB
                | 32'(st_busy)  << crl_pkg::CH_STATUS_BUSY_LSB
                | 32'(st_error) << crl_pkg::CH_STATUS_LAST_ERROR_LSB
                | 32'(ch)       << crl_pkg::CH_STATUS_CHANNEL_LSB;

  always_comb begin
    case (ofs)
      crl_pkg::REG_CH_STATUS:     ch_word = status;
      crl_pkg::REG_CH_DRING_PROD: ch_word = 32'(st_dr_prod);
      crl_pkg::REG_CH_DRING_CONS: ch_word = 32'(st_dr_cons);
      crl_pkg::REG_CH_CRING_CONS: ch_word = 32'(st_cq_cons);
      crl_pkg::REG_CH_CRING_PROD: ch_word = 32'(st_cq_prod);
      crl_pkg::REG_CH_RRING_PROD: ch_word = 32'(st_rr_prod);
      crl_pkg::REG_CH_RRING_CONS: ch_word = 32'(st_rr_cons);
      crl_pkg::REG_CH_IRQ_STATUS: ch_word = 32'(ch_pending[ch]);
      crl_pkg::REG_CH_IRQ_ENABLE: ch_word = 32'(ch_enable[ch]);
      default:                    ch_word = '0;
    endcase
  end

  // Registers that are 0 unless selected, so that the answer is an OR.
  logic [31:0] ch_word_q, func_q;
  logic [63:0] pba_q, node_q, nvme_q;

  always_ff @(posedge clk) begin
    ch_word_q <= in_ch ? ch_word : '0;
    func_q    <= in_func_q ? func_count : '0;
    pba_q     <= in_pba ? pba[64*rd_addr[4:3] +: 64] : '0;
    nvme_q    <= in_nvme ? nv_data : '0;
    node_q    <= in_node || in_peer ? node_data : '0;
  end

  // --- answer ------------------------------------------------------------------------------------
  assign rd_ones = state_q == S_FOREIGN;
  assign rd_done = state_q == S_DATA || (state_q == S_FOREIGN && foreign_done);
  assign rd_data = (ram_hit_q ? ram_data : '0) | ctr_count | pba_q | node_q | nvme_q
                 | {32'd0, ch_word_q | func_q};

  logic unused;

  assign unused = &{1'b0, in_chp, in_seg, in_msix, unused_mask, unused_ch, ram_data};

endmodule

`default_nettype wire
