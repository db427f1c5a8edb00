// SPDX-License-Identifier: Apache-2.0
// Fast AXI4 memory for system tests and benches: a test component, not for synthesis.
//
// Nothing here needs Python per beat. One read channel serves bursts one beat a cycle, in the
// order of their addresses (or, if asked, out of order between different IDs); writes collect in
// a ring and reach the storage in the cycle in which their response is first shown, so a master
// that calls a write done before its response is found out by what the memory holds.
//
// Timing (cfg_latency = L): an AR handshake at edge t has its first R handshake at t + 1 + L at the
// earliest; a last W handshake at edge t has its B handshake at t + 1 + L at the earliest.
//
// Storage: 2^STORE_W bytes, shown at four address windows of 2^(STORE_W-2) bytes (cfg_windows); any
// other address answers DECERR. Ranges of cfg_err_* answer SLVERR or DECERR; cfg_nth_* hits the n-th
// burst of a chosen set of IDs. A write burst with an error response leaves the storage alone.
//
// Settings and counters are the registers `cfg_*`, `st_*`, `mk_*`, `viol_*`: cocotb reads and writes
// them by name. Bulk access goes through files: set bd_op, bd_addr, bd_count (64-bit words) and toggle
// bd_go; bd_done follows at once, no time passes.
//   1 load <NAME>_in.bin (each word big endian)   2 dump to the start of <NAME>_out.bin (little endian)
//   3 fill with bd_data   4 open burst log <NAME>_log.txt   5 close it   6 clear counters, marks
//   7 take cfg_seed   8 flush the log
// Log lines (times in ps, numbers in decimal, addresses and data in hexadecimal):
//   r slot resp data                                    a read beat
//   R slot t_addr t_first t_end id user addr len size   a read burst, at its last beat
//   W t_addr t_data t_end id user addr len size resp {strobe data}*   a write burst, at its response;
//       one that a reset keeps from being taken: t_end is when it was shown
//
// Rules of AXI4 that are checked (viol_count, viol_code and $error): 1 burst crosses 4 KiB, 2 not INCR,
// 3 size above the bus, 4 WLAST in the wrong beat, 5 payload not stable while stalled, 6 valid withdrawn,
// 7 strobe outside the burst's bytes, 8 unknown value. What the engine promises beyond AXI is counted
// in st_r_wait (R held back by the master) and st_w_gap (idle cycles inside a write burst).
`timescale 1ps / 1ps
`default_nettype none

module crl_tb_mem #(
    parameter int DATA_W  = 64,
    parameter int ID_W    = 4,
    parameter int FUNC_W  = 8,
    parameter int STORE_W = 22,     // log2 of the storage in bytes, at least 16
    parameter     NAME    = "mem"   // first part of the names of exchange files
) (
    input wire clk,
    input wire rst,              // drops what is outstanding; storage and settings stay
    input wire [63:0] cycle,     // time stamp, counts edges of clk

    input  wire [ID_W-1:0]     s_axi_awid,
    input  wire [63:0]         s_axi_awaddr,
    input  wire [7:0]          s_axi_awlen,
    input  wire [2:0]          s_axi_awsize,
    input  wire [1:0]          s_axi_awburst,
    input  wire [FUNC_W-1:0]   s_axi_awuser,
    input  wire                s_axi_awvalid,
    output reg                 s_axi_awready,
    input  wire [DATA_W-1:0]   s_axi_wdata,
    input  wire [DATA_W/8-1:0] s_axi_wstrb,
    input  wire                s_axi_wlast,
    input  wire                s_axi_wvalid,
    output reg                 s_axi_wready,
    output reg  [ID_W-1:0]     s_axi_bid,
    output reg  [1:0]          s_axi_bresp,
    output reg                 s_axi_bvalid,
    input  wire                s_axi_bready,
    input  wire [ID_W-1:0]     s_axi_arid,
    input  wire [63:0]         s_axi_araddr,
    input  wire [7:0]          s_axi_arlen,
    input  wire [2:0]          s_axi_arsize,
    input  wire [1:0]          s_axi_arburst,
    input  wire [FUNC_W-1:0]   s_axi_aruser,
    input  wire                s_axi_arvalid,
    output reg                 s_axi_arready,
    output reg  [ID_W-1:0]     s_axi_rid,
    output reg  [DATA_W-1:0]   s_axi_rdata,
    output reg  [1:0]          s_axi_rresp,
    output reg                 s_axi_rlast,
    output reg                 s_axi_rvalid,
    input  wire                s_axi_rready
);
  localparam int B = DATA_W / 8;          // bytes a beat
  localparam int LANES = DATA_W / 64;     // storage words a beat
  localparam int WORDS = 1 << (STORE_W - 3);
  localparam int WIN_W = STORE_W - 2;
  localparam int RQ = 1024;               // read bursts outstanding
  localparam int BQ = 1024;               // write bursts outstanding
  localparam int WD = 16384;              // write beats not yet in the storage
  localparam int LOOK = 8;                // how far reordering looks

  // ------------------------------------------------------------------ settings
  reg [15:0] cfg_latency /*verilator public_flat_rw*/ = 0;
  reg [15:0] cfg_jitter /*verilator public_flat_rw*/ = 0;   // mask: random cycles added per burst
  reg cfg_reorder /*verilator public_flat_rw*/ = 0;         // between different IDs
  reg [15:0] cfg_ar_limit /*verilator public_flat_rw*/ = RQ - 1;  // outstanding reads
  reg [15:0] cfg_aw_limit /*verilator public_flat_rw*/ = BQ - 1;  // outstanding writes
  reg [7:0] cfg_p_ar /*verilator public_flat_rw*/ = 0;      // chance of a stall cycle, n/256
  reg [7:0] cfg_p_r /*verilator public_flat_rw*/ = 0;
  reg [7:0] cfg_p_aw /*verilator public_flat_rw*/ = 0;
  reg [7:0] cfg_p_w /*verilator public_flat_rw*/ = 0;
  reg [7:0] cfg_p_b /*verilator public_flat_rw*/ = 0;
  reg [4:0] cfg_stall /*verilator public_flat_rw*/ = 0;     // total stall: AR R AW W B, bit 0 first
  reg [31:0] cfg_seed /*verilator public_flat_rw*/ = 32'h2545F491;
  reg [255:0] cfg_windows /*verilator public_flat_rw*/ = 0; // four bases, window 0 in the low bits
  reg [3:0] cfg_win_on /*verilator public_flat_rw*/ = 4'b0001;
  reg [255:0] cfg_err_base /*verilator public_flat_rw*/ = 0;   // four ranges, first ..
  reg [255:0] cfg_err_last /*verilator public_flat_rw*/ = 0;   // .. and last byte
  reg [7:0] cfg_err_resp /*verilator public_flat_rw*/ = 0;     // 2 SLVERR, 3 DECERR
  reg [3:0] cfg_err_rd /*verilator public_flat_rw*/ = 0;
  reg [3:0] cfg_err_wr /*verilator public_flat_rw*/ = 0;
  reg [15:0] cfg_nth_rd /*verilator public_flat_rw*/ = 0;      // counts down per burst, hits at 1
  reg [15:0] cfg_nth_wr /*verilator public_flat_rw*/ = 0;
  reg [15:0] cfg_nth_ids /*verilator public_flat_rw*/ = 16'hFFFF;
  reg [1:0] cfg_nth_resp /*verilator public_flat_rw*/ = 2;
  reg cfg_expect_viol /*verilator public_flat_rw*/ = 0;        // tests that break rules on purpose
  reg [ID_W-1:0] cfg_cpl_id /*verilator public_flat_rw*/ = 2;  // ID of completion writes
  reg [31:0] cfg_cpl_target /*verilator public_flat_rw*/ = 0;  // entries, see st_cpl_hit

  // ------------------------------------------------------------------ counters
  reg [63:0] st_ar /*verilator public_flat_rw*/ = 0;
  reg [63:0] st_aw /*verilator public_flat_rw*/ = 0;
  reg [63:0] st_rbeats /*verilator public_flat_rw*/ = 0;
  reg [63:0] st_wbeats /*verilator public_flat_rw*/ = 0;
  reg [63:0] st_wbytes /*verilator public_flat_rw*/ = 0;
  reg [63:0] st_r_wait /*verilator public_flat_rw*/ = 0;
  reg [63:0] st_w_gap /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_rd_out /*verilator public_flat_rw*/ = 0;   // bursts outstanding
  reg [31:0] st_wr_out /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_rd_max /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_wr_max /*verilator public_flat_rw*/ = 0;
  reg [31:0] st_cpl /*verilator public_flat_rw*/ = 0;      // completion entries with their B
  reg [31:0] st_cpl_bursts /*verilator public_flat_rw*/ = 0;
  reg st_cpl_hit /*verilator public_flat_rw*/ = 0;         // st_cpl has reached cfg_cpl_target
  reg [255:0] mk_ar /*verilator public_flat_rw*/ = 0;      // cycle of the first AR of IDs 0 to 3
  reg [3:0] mk_ar_seen /*verilator public_flat_rw*/ = 0;
  reg [255:0] mk_b /*verilator public_flat_rw*/ = 0;       // cycle of the last B of IDs 0 to 3
  reg [31:0] viol_count /*verilator public_flat_rw*/ = 0;
  reg [7:0] viol_code /*verilator public_flat_rw*/ = 0;

  // ------------------------------------------------------------------ back door
  reg [3:0] bd_op /*verilator public_flat_rw*/ = 0;
  reg [31:0] bd_addr /*verilator public_flat_rw*/ = 0;     // storage word
  reg [31:0] bd_count /*verilator public_flat_rw*/ = 0;
  reg [63:0] bd_data /*verilator public_flat_rw*/ = 0;
  reg bd_go /*verilator public_flat_rw*/ = 0;
  reg bd_done /*verilator public_flat_rw*/ = 0;

  reg [63:0] mem[0:WORDS-1];
  integer log_fd = 0;

  // ------------------------------------------------------------------ queues
  reg [63:0] rq_addr[0:RQ-1];
  reg [7:0] rq_len[0:RQ-1];
  reg [2:0] rq_size[0:RQ-1];
  reg [ID_W-1:0] rq_id[0:RQ-1];
  reg [FUNC_W-1:0] rq_user[0:RQ-1];
  reg [63:0] rq_time[0:RQ-1];       // may answer from this cycle on
  reg [63:0] rq_cyc[0:RQ-1];
  reg [63:0] rq_first[0:RQ-1];
  reg [8:0] rq_beat[0:RQ-1];
  reg rq_done[0:RQ-1];
  reg rq_first_seen[0:RQ-1];
  reg [1:0] rq_nth[0:RQ-1];
  reg [1:0] rq_resp[0:RQ-1];
  reg [31:0] rq_head, rq_tail;

  reg [63:0] bq_addr[0:BQ-1];
  reg [7:0] bq_len[0:BQ-1];
  reg [2:0] bq_size[0:BQ-1];
  reg [ID_W-1:0] bq_id[0:BQ-1];
  reg [FUNC_W-1:0] bq_user[0:BQ-1];
  reg [63:0] bq_cyc[0:BQ-1];
  reg [63:0] bq_wcyc[0:BQ-1];       // last W beat
  reg [63:0] bq_time[0:BQ-1];
  reg [31:0] bq_start[0:BQ-1];      // first beat in the ring below
  reg bq_done[0:BQ-1];
  reg [1:0] bq_nth[0:BQ-1];
  reg [31:0] bq_head, bq_tail, bq_full_tail;  // bq_full_tail: data complete below this

  reg [DATA_W-1:0] wd_data[0:WD-1];
  reg [B-1:0] wd_strb[0:WD-1];
  reg wd_last[0:WD-1];
  reg [31:0] wd_head, wd_tail, wd_next;  // wd_next: first beat not yet assigned to a burst
  reg [31:0] wd_lasts;                   // WLASTs that have no address yet
  reg [63:0] wd_when[0:WD-1];

  // previous cycle, for the stability rule
  reg p_arv, p_awv, p_wv;
  reg [63+8+3+2+ID_W+FUNC_W:0] p_ar, p_aw;
  reg [DATA_W+B:0] p_w;
  wire [63+8+3+2+ID_W+FUNC_W:0] n_ar = {1'b0, s_axi_araddr, s_axi_arlen, s_axi_arsize, s_axi_arburst,
                                        s_axi_arid, s_axi_aruser};
  wire [63+8+3+2+ID_W+FUNC_W:0] n_aw = {1'b0, s_axi_awaddr, s_axi_awlen, s_axi_awsize, s_axi_awburst,
                                        s_axi_awid, s_axi_awuser};
  wire [DATA_W+B:0] n_w = {s_axi_wdata, s_axi_wstrb, s_axi_wlast};

  reg in_wburst;
  reg r_id_busy;
  reg [31:0] rnd = 32'h2545F491;

  // ------------------------------------------------------------------ helpers
  task automatic violation(input [7:0] code, input [63:0] addr);
    begin
      viol_count = viol_count + 1;
      viol_code = code;
      if (!cfg_expect_viol)
        $error("%m: AXI rule %0d broken at cycle %0d, address %h", code, cycle, addr);
    end
  endtask

  function automatic [31:0] xorshift(input [31:0] x);
    reg [31:0] y;
    begin
      y = x ^ (x << 13);
      y = y ^ (y >> 17);
      xorshift = y ^ (y << 5);
    end
  endfunction

  // {hit, storage word of the byte address}
  function automatic [32:0] lookup(input [63:0] a);
    integer i;
    begin
      lookup = 33'd0;
      for (i = 0; i < 4; i = i + 1)
        if (cfg_win_on[i] && (a >> WIN_W) == (cfg_windows[i*64+:64] >> WIN_W))
          lookup = {1'b1, 32'((i << (WIN_W - 3)) + (a & ((64'd1 << WIN_W) - 1)) / 8)};
    end
  endfunction

  function automatic [1:0] range_error(input [63:0] lo, input [63:0] hi, input wr);
    integer i;
    begin
      range_error = 2'd0;
      for (i = 0; i < 4; i = i + 1)
        if ((wr ? cfg_err_wr[i] : cfg_err_rd[i]) && lo <= cfg_err_last[i*64+:64] &&
            hi >= cfg_err_base[i*64+:64])
          range_error = cfg_err_resp[i*2+:2];
    end
  endfunction

  task automatic check_burst(input [63:0] a, input [7:0] len, input [2:0] size, input [1:0] burst);
    reg [63:0] last;
    begin
      last = ((a >> size) << size) + ((64'(len) + 1) << size) - 1;
      if (a[63:12] != last[63:12]) violation(8'd1, a);
      if (burst != 2'b01) violation(8'd2, a);
      if ((1 << size) > B) violation(8'd3, a);
    end
  endtask

  // ------------------------------------------------------------------ the clocked part
  integer i, j, k, pick, slot;
  reg ok;
  reg [63:0] a, lo, hi, base;
  reg [32:0] where;
  reg [1:0] resp, e;
  reg [31:0] wi, nbytes;
  reg [DATA_W-1:0] d;
  reg [B-1:0] s;
  reg r_free, b_free;
  reg [31:0] r_slot;   // burst whose beat is in the output register
  reg [31:0] b_slot;
  reg [31:0] b_bytes;
  reg [63:0] b_shown;  // when the storage got it

  task automatic log_write(input [63:0] t_end);
    integer n;
    if (log_fd != 0) begin
      $fwrite(log_fd, "W %0d %0d %0d %0d %0d %h %0d %0d %0d", bq_cyc[b_slot], bq_wcyc[b_slot], t_end,
              bq_id[b_slot], bq_user[b_slot], bq_addr[b_slot], bq_len[b_slot], bq_size[b_slot],
              s_axi_bresp);
      for (n = 0; n <= 32'(bq_len[b_slot]); n = n + 1)
        $fwrite(log_fd, " %h %h", wd_strb[(bq_start[b_slot]+n)%WD], wd_data[(bq_start[b_slot]+n)%WD]);
      $fwrite(log_fd, "\n");
    end
  endtask

  always @(posedge clk) begin
    rnd = xorshift(rnd);
    if (rst) begin
      if (s_axi_bvalid === 1'b1) log_write(b_shown);  // nobody takes it, but the storage has it
      rq_head = 0; rq_tail = 0; bq_head = 0; bq_tail = 0; bq_full_tail = 0;
      wd_head = 0; wd_tail = 0; wd_next = 0; wd_lasts = 0;
      s_axi_arready <= 0; s_axi_awready <= 0; s_axi_wready <= 0;
      s_axi_rvalid <= 0; s_axi_bvalid <= 0;
      p_arv = 0; p_awv = 0; p_wv = 0; in_wburst = 0;
      st_rd_out = 0; st_wr_out = 0;
    end else begin
      // ---------------- rules
      if (p_arv && !s_axi_arvalid || p_awv && !s_axi_awvalid || p_wv && !s_axi_wvalid)
        violation(8'd6, 0);
      if (p_arv && n_ar !== p_ar) violation(8'd5, s_axi_araddr);
      if (p_awv && n_aw !== p_aw) violation(8'd5, s_axi_awaddr);
      if (p_wv && n_w !== p_w) violation(8'd5, 0);
      if ((s_axi_arvalid ^ s_axi_awvalid ^ s_axi_wvalid ^ s_axi_rready ^ s_axi_bready) === 1'bx)
        violation(8'd8, 0);
      p_arv = s_axi_arvalid && !s_axi_arready;
      p_awv = s_axi_awvalid && !s_axi_awready;
      p_wv = s_axi_wvalid && !s_axi_wready;
      if (p_arv) p_ar = n_ar;
      if (p_awv) p_aw = n_aw;
      if (p_wv) p_w = n_w;

      // ---------------- read address
      if (s_axi_arvalid && s_axi_arready) begin
        if (^n_ar === 1'bx) violation(8'd8, s_axi_araddr);
        check_burst(s_axi_araddr, s_axi_arlen, s_axi_arsize, s_axi_arburst);
        slot = rq_tail % RQ;
        rq_addr[slot] = s_axi_araddr;
        rq_len[slot] = s_axi_arlen;
        rq_size[slot] = s_axi_arsize;
        rq_id[slot] = s_axi_arid;
        rq_user[slot] = s_axi_aruser;
        rq_cyc[slot] = $time;
        rq_first_seen[slot] = 0;
        rq_time[slot] = cycle + 64'(cfg_latency) + 64'(rnd[15:0] & cfg_jitter);
        rq_beat[slot] = 0;
        rq_done[slot] = 0;
        rq_resp[slot] = 0;
        rq_nth[slot] = 0;
        if (cfg_nth_rd != 0 && cfg_nth_ids[s_axi_arid]) begin
          if (cfg_nth_rd == 1) rq_nth[slot] = cfg_nth_resp;
          cfg_nth_rd = cfg_nth_rd - 1;
        end
        rq_tail = rq_tail + 1;
        st_ar = st_ar + 1;
        st_rd_out = st_rd_out + 1;
        if (st_rd_out > st_rd_max) st_rd_max = st_rd_out;
        if (s_axi_arid < 4 && !mk_ar_seen[s_axi_arid[1:0]]) begin
          mk_ar_seen[s_axi_arid[1:0]] = 1;
          mk_ar[s_axi_arid[1:0]*64+:64] = cycle;
        end
      end

      // ---------------- read data
      if (s_axi_rvalid && !s_axi_rready) st_r_wait = st_r_wait + 1;
      if (s_axi_rvalid && s_axi_rready) begin
        st_rbeats = st_rbeats + 1;
        if (log_fd != 0) $fdisplay(log_fd, "r %0d %0d %h", r_slot, s_axi_rresp, s_axi_rdata);
        if (rq_first_seen[r_slot] == 0) begin
          rq_first_seen[r_slot] = 1;
          rq_first[r_slot] = $time;
        end
        if (s_axi_rlast) begin
          st_rd_out = st_rd_out - 1;
          if (log_fd != 0)
            $fdisplay(log_fd, "R %0d %0d %0d %0d %0d %0d %h %0d %0d", r_slot, rq_cyc[r_slot],
                      rq_first[r_slot], $time, rq_id[r_slot], rq_user[r_slot], rq_addr[r_slot],
                      rq_len[r_slot], rq_size[r_slot]);
        end
      end
      r_free = !s_axi_rvalid || s_axi_rready;
      if (r_free) begin
        s_axi_rvalid <= 0;
        pick = -1;
        if (rq_head != rq_tail && !cfg_stall[1] && (cfg_p_r == 0 || rnd[7:0] >= cfg_p_r)) begin
          if (!cfg_reorder) begin
            slot = rq_head % RQ;
            if (rq_done[slot]) begin  // left over from a time with reordering
              rq_head = rq_head + 1;
            end else if (cycle >= rq_time[slot]) pick = slot;
          end else begin
            for (i = 0; i < LOOK; i = i + 1)
              if (rq_head + i < rq_tail) begin
                slot = (rq_head + i) % RQ;
                ok = !rq_done[slot] && cycle >= rq_time[slot];
                for (j = 0; j < i; j = j + 1) begin
                  k = (rq_head + j) % RQ;
                  if (!rq_done[k] && rq_id[k] == rq_id[slot]) ok = 0;
                end
                if (ok && (pick < 0 || rnd[8+i])) pick = slot;
              end
          end
        end
        if (pick >= 0) begin
          r_slot = pick;
          a = ((rq_addr[pick] >> rq_size[pick]) << rq_size[pick])
              + (64'(rq_beat[pick]) << rq_size[pick]);
          where = lookup(a);
          lo = (rq_beat[pick] == 0) ? rq_addr[pick] : a;
          hi = a + (64'd1 << rq_size[pick]) - 1;
          e = range_error(lo, hi, 1'b0);
          if (!where[32]) e = 2'd3;
          if (rq_nth[pick] != 0) e = rq_nth[pick];
          wi = where[31:0] & ~(LANES - 1);
          for (i = 0; i < LANES; i = i + 1)
            d[i*64+:64] = (e == 0) ? mem[wi+i] : {2{rnd ^ 32'hDEAD_BEEF}};
          s_axi_rdata <= d;
          s_axi_rresp <= e;
          if (e > rq_resp[pick]) rq_resp[pick] = e;
          s_axi_rid <= rq_id[pick];
          s_axi_rlast <= rq_beat[pick] == 9'(rq_len[pick]);
          s_axi_rvalid <= 1;
          if (rq_beat[pick] == 9'(rq_len[pick])) begin
            rq_done[pick] = 1;
            while (rq_head != rq_tail && rq_done[rq_head%RQ]) rq_head = rq_head + 1;
          end
          rq_beat[pick] = rq_beat[pick] + 1;
        end
      end

      // ---------------- write address
      if (s_axi_awvalid && s_axi_awready) begin
        if (^n_aw === 1'bx) violation(8'd8, s_axi_awaddr);
        check_burst(s_axi_awaddr, s_axi_awlen, s_axi_awsize, s_axi_awburst);
        slot = bq_tail % BQ;
        bq_addr[slot] = s_axi_awaddr;
        bq_len[slot] = s_axi_awlen;
        bq_size[slot] = s_axi_awsize;
        bq_id[slot] = s_axi_awid;
        bq_user[slot] = s_axi_awuser;
        bq_cyc[slot] = $time;
        bq_done[slot] = 0;
        bq_nth[slot] = 0;
        if (cfg_nth_wr != 0 && cfg_nth_ids[s_axi_awid]) begin
          if (cfg_nth_wr == 1) bq_nth[slot] = cfg_nth_resp;
          cfg_nth_wr = cfg_nth_wr - 1;
        end
        bq_tail = bq_tail + 1;
        st_aw = st_aw + 1;
        st_wr_out = st_wr_out + 1;
        if (st_wr_out > st_wr_max) st_wr_max = st_wr_out;
      end

      // ---------------- write data
      if (in_wburst && !s_axi_wvalid) st_w_gap = st_w_gap + 1;
      if (s_axi_wvalid && s_axi_wready) begin
        slot = wd_tail % WD;
        wd_data[slot] = s_axi_wdata;
        wd_strb[slot] = s_axi_wstrb;
        wd_last[slot] = s_axi_wlast;
        wd_when[slot] = $time;
        if ((^s_axi_wstrb ^ s_axi_wlast) === 1'bx) violation(8'd8, 0);
        wd_tail = wd_tail + 1;
        if (s_axi_wlast) wd_lasts = wd_lasts + 1;
        in_wburst = !s_axi_wlast;
        st_wbeats = st_wbeats + 1;
      end

      // ---------------- match addresses and data
      ok = 1;
      while (ok && bq_full_tail != bq_tail) begin
        slot = bq_full_tail % BQ;
        if (wd_tail - wd_next > 32'(bq_len[slot])) begin
          for (i = 0; i <= 32'(bq_len[slot]); i = i + 1)
            if (wd_last[(wd_next+i)%WD] != (i == 32'(bq_len[slot]))) violation(8'd4, bq_addr[slot]);
          bq_start[slot] = wd_next;
          bq_wcyc[slot] = wd_when[(wd_next+32'(bq_len[slot]))%WD];
          bq_time[slot] = cycle + 64'(cfg_latency) + 64'(rnd[31:16] & cfg_jitter);
          wd_next = wd_next + 32'(bq_len[slot]) + 1;
          wd_lasts = wd_lasts - 1;
          bq_full_tail = bq_full_tail + 1;
        end else ok = 0;
      end

      // ---------------- write response
      if (s_axi_bvalid && s_axi_bready) begin
        st_wr_out = st_wr_out - 1;
        if (s_axi_bid < 4) mk_b[s_axi_bid[1:0]*64+:64] = cycle;
        if (s_axi_bid == cfg_cpl_id) begin
          st_cpl = st_cpl + b_bytes / 16;
          st_cpl_bursts = st_cpl_bursts + 1;
        end
        log_write($time);
      end
      b_free = !s_axi_bvalid || s_axi_bready;
      if (b_free) begin
        s_axi_bvalid <= 0;
        pick = -1;
        if (bq_head != bq_full_tail && !cfg_stall[4] && (cfg_p_b == 0 || rnd[15:8] >= cfg_p_b)) begin
          if (!cfg_reorder) begin
            slot = bq_head % BQ;
            if (bq_done[slot]) bq_head = bq_head + 1;
            else if (cycle >= bq_time[slot]) pick = slot;
          end else begin
            for (i = 0; i < LOOK; i = i + 1)
              if (bq_head + i < bq_full_tail) begin
                slot = (bq_head + i) % BQ;
                ok = !bq_done[slot] && cycle >= bq_time[slot];
                for (j = 0; j < i; j = j + 1) begin
                  k = (bq_head + j) % BQ;
                  if (!bq_done[k] && bq_id[k] == bq_id[slot]) ok = 0;
                end
                if (ok && (pick < 0 || rnd[16+i])) pick = slot;
              end
          end
        end
        if (pick >= 0) begin
          b_slot = pick;
          // first pass: bytes, extent, errors
          base = (bq_addr[pick] >> bq_size[pick]) << bq_size[pick];
          where = lookup(base);
          resp = where[32] ? 2'd0 : 2'd3;
          nbytes = 0;
          for (i = 0; i <= 32'(bq_len[pick]); i = i + 1) begin
            s = wd_strb[(bq_start[pick]+i)%WD];
            a = base + (64'(i) << bq_size[pick]);
            if (s != 0) begin
              j = 0;
              while (!s[j]) j = j + 1;
              k = B - 1;
              while (!s[k]) k = k - 1;
              lo = (a & ~64'(B - 1)) + 64'(j);
              hi = (a & ~64'(B - 1)) + 64'(k);
              if (lo < ((i == 0) ? bq_addr[pick] : a) || hi > a + (64'd1 << bq_size[pick]) - 1)
                violation(8'd7, a);
              e = range_error(lo, hi, 1'b1);
              if (e > resp) resp = e;
              nbytes = nbytes + $countones(s);
            end
          end
          if (bq_nth[pick] != 0) resp = bq_nth[pick];
          // second pass: the storage
          if (resp == 0) begin
            for (i = 0; i <= 32'(bq_len[pick]); i = i + 1) begin
              s = wd_strb[(bq_start[pick]+i)%WD];
              d = wd_data[(bq_start[pick]+i)%WD];
              a = (64'(i) << bq_size[pick]) + (base & 64'(B - 1));
              wi = (where[31:0] & ~(LANES - 1)) + 32'((a >> $clog2(B)) * LANES);
              if (s == {B{1'b1}}) begin
                for (j = 0; j < LANES; j = j + 1) mem[wi+j] = d[j*64+:64];
              end else begin
                for (j = 0; j < B; j = j + 1)
                  if (s[j]) mem[wi+j/8][(j%8)*8+:8] = d[j*8+:8];
              end
            end
          end
          st_wbytes = st_wbytes + 64'(nbytes);
          b_bytes = nbytes;
          b_shown = $time;
          s_axi_bvalid <= 1;
          s_axi_bid <= bq_id[pick];
          s_axi_bresp <= resp;
          bq_done[pick] = 1;
          while (bq_head != bq_full_tail && bq_done[bq_head%BQ]) begin
            wd_head = bq_start[bq_head%BQ] + 32'(bq_len[bq_head%BQ]) + 1;
            bq_head = bq_head + 1;
          end
        end
      end

      st_cpl_hit = cfg_cpl_target != 0 && st_cpl >= cfg_cpl_target;

      // ---------------- ready of the next cycle; the current handshake counts as taken
      s_axi_arready <= !cfg_stall[0] && rq_tail - rq_head < 32'(cfg_ar_limit)
                       && rq_tail - rq_head < RQ - 2 && (cfg_p_ar == 0 || rnd[23:16] >= cfg_p_ar);
      s_axi_awready <= !cfg_stall[2] && bq_tail - bq_head < 32'(cfg_aw_limit)
                       && bq_tail - bq_head < BQ - 2 && (cfg_p_aw == 0 || rnd[31:24] >= cfg_p_aw);
      s_axi_wready <= !cfg_stall[3] && wd_tail - wd_head < WD - 2
                      && (cfg_p_w == 0 || (rnd[11:4] ^ rnd[27:20]) >= cfg_p_w);
    end
  end

  // ------------------------------------------------------------------ back door
  integer fd, n, bi;
  always @(bd_go) begin
    if (bd_go != bd_done) begin
      case (bd_op)
        4'd1: begin
          fd = $fopen({NAME, "_in.bin"}, "rb");
          if (fd == 0) $error("%m: no exchange file");
          else begin
            n = $fread(mem, fd, bd_addr, bd_count);
            $fclose(fd);
          end
        end
        4'd2: begin
          fd = $fopen({NAME, "_out.bin"}, "r+b");  // some file systems are slow to truncate
          if (fd == 0) fd = $fopen({NAME, "_out.bin"}, "wb");
          for (bi = 0; bi < bd_count; bi = bi + 1) $fwrite(fd, "%u", mem[bd_addr+bi]);
          $fclose(fd);
        end
        4'd3: for (bi = 0; bi < bd_count; bi = bi + 1) mem[bd_addr+bi] = bd_data;
        4'd4: log_fd = $fopen({NAME, "_log.txt"}, "w");
        4'd8: if (log_fd != 0) $fflush(log_fd);
        4'd5: begin
          if (log_fd != 0) $fclose(log_fd);
          log_fd = 0;
        end
        4'd6: begin
          st_ar = 0; st_aw = 0; st_rbeats = 0; st_wbeats = 0; st_wbytes = 0;
          st_r_wait = 0; st_w_gap = 0; st_rd_max = 0; st_wr_max = 0;
          st_cpl = 0; st_cpl_bursts = 0; st_cpl_hit = 0;
          viol_count = 0; viol_code = 0;
          mk_ar = 0; mk_ar_seen = 0; mk_b = 0;
        end
        4'd7: rnd = (cfg_seed == 0) ? 32'h2545F491 : cfg_seed;
        default: ;
      endcase
      bd_done = bd_go;
    end
  end

  initial begin
    if (DATA_W != 64 && DATA_W != 128 && DATA_W != 256 && DATA_W != 512)
      $fatal(1, "crl_tb_mem: DATA_W must be 64, 128, 256 or 512");
    for (bi = 0; bi < WORDS; bi = bi + 1) mem[bi] = 64'hA5A5_A5A5_A5A5_A5A5;
  end
endmodule

`default_nettype wire
