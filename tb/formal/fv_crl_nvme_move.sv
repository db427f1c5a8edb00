// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_move: any chunks and commands, pauses and responses, with a memory that answers what was asked.
// A byte of memory holds the low bits of its address; the namespace's bytes of a COMPARE hold what the source does, but where
// 'spoil' is set. Checked at the ports, searched to a bound: the reads are exactly those of the chunks, in order; a write burst is
// that of the next chunk that may write, offered with its reads in and good, with exactly its bytes and strobes, a beat a cycle;
// nothing offered changes; each command has one end, in order, after all its reads and responses, with its status.
// ENDS looks deeper, with whole beats and without their data.
// What holds of the counts inside is proved by induction in the modules themselves (CRL_GHOST_UNIT, CRL_GHOST_TOP).
`default_nettype none

module fv_crl_nvme_move #(
    parameter int DATA_W = 64, parameter int MAX_BURST_BYTES = 16, parameter int BUF_BEATS = 8, parameter int CHUNKS = 4
) (
    input wire                clk,
    input wire                rst,
    input wire                k_valid,
    input wire [1:0]          k_kind,
    input wire [5:0]          k_src_low,   // in their pages: the last five bits, and the others
    input wire [5:0]          k_dst_low,
    input wire [4:0]          k_bytes,
    input wire                k_to_host,
    input wire [1:0]          k_tag,
    input wire                k_last,
    input wire                ar_ready,
    input wire                r_valid,
    input wire                r_bad,
    input wire                r_other,     // a beat of another client
    input wire [DATA_W/8-1:0] spoil,       // these bytes of the namespace differ
    input wire                wb_ready,
    input wire                b_valid,
    input wire                b_bad
);

  localparam int B = DATA_W / 8;
  localparam int LB = $clog2(B);
  localparam [51:0] SRC = 52'h1_2345_6789_ABCD, DST = 52'hF_EDCB_A987_6543;

  wire              k_ready, e_valid, ar_valid, wb_soon, wb_valid, wb_first, wb_last, idle;
  wire [1:0]        e_tag;
  wire [10:0]       e_status;
  wire [63:0]       ar_addr, wb_addr;
  wire [7:0]        ar_len, wb_len;
  wire              ar_user, wb_user;
  wire [DATA_W-1:0] wb_data;
  wire [B-1:0]      wb_strb;
  reg  [DATA_W-1:0] r_data;
  wire              r_last;
  wire              k_first;
  wire [11:0]       k_src_at = {{7{k_src_low[5]}}, k_src_low[4:0]};
  wire [11:0]       k_dst_at = {{7{k_dst_low[5]}}, k_dst_low[4:0]};
  wire [11:0]       k_len    = {7'd0, k_bytes};
  wire [10:0]       k_status = {9'd5, k_tag};

  crl_nvme_move #(
      .DATA_W(DATA_W), .FUNC_W(1), .OPS(4), .MAX_BURST_BYTES(MAX_BURST_BYTES), .BUF_BEATS(BUF_BEATS), .CHUNKS(CHUNKS)
  ) u_dut (
      .clk, .rst, .k_valid, .k_ready, .k_kind, .k_src({SRC, k_src_at}), .k_dst({DST, k_dst_at}), .k_len,
      .k_src_func(1'b0), .k_dst_func(1'b1), .k_to_host, .k_tag, .k_first, .k_last, .k_status, .e_valid, .e_tag, .e_status,
      .ar_valid, .ar_ready, .ar_addr, .ar_len, .ar_user, .r_valid, .r_data, .r_resp({r_bad, 1'b0}), .r_last, .r_any(r_valid || r_other),
      .wb_soon, .wb_valid, .wb_ready, .wb_first, .wb_last, .wb_addr, .wb_len, .wb_user, .wb_data, .wb_strb,
      .wb_b_valid(b_valid), .wb_b_resp({b_bad, 1'b0}), .idle
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);
  always @(posedge clk) if (past_valid) assume (!rst);

  // ---------------------------------------------------------------- chunks, by number
  localparam int N = 4;
  reg [N-1:0][1:0]  kind;
  reg [N-1:0][11:0] src;
  reg [N-1:0][11:0] dst;
  reg [N-1:0][11:0] len;
  reg [N-1:0] host;
  reg [N-1:0][1:0]  tag;
  reg [N-1:0] lasts = 0, firsts = 0;
  reg [N-1:0] bad = 0;        // a read of it failed, or one before it in its command
  reg [N-1:0] all_in = 0;     // its reads are all in
  reg [N-1:0][2:0] code;     // what went wrong with it: 1 DATA_TRANSFER, 2 READ_ERROR, 3 WRITE_FAULT, 4 COMPARE_FAILURE
  reg [N-1:0] wrote = 0;      // its response is in
  reg [3:0]  got = 0;         // chunks taken
  reg        fresh = 1;       // the next one begins a command
  reg [1:0]  cur;

  wire k_take = k_valid && k_ready;
  assign k_first = fresh;

  always @* if (k_valid) begin
    assume (got != N);
    assume (k_len <= MAX_BURST_BYTES);
    assume (13'(k_src_at) + k_len <= 13'd4096 && 13'(k_dst_at) + k_len <= 13'd4096);
    if (!fresh) assume (k_tag == cur);
`ifdef ENDS
    assume (k_src_low[2:0] == 0 && k_dst_low[2:0] == 0 && k_bytes[2:0] == 0);
`endif
  end

  reg         k_stall = 0;
  reg [41:0]  k_shown;
  wire [41:0] k_show = {k_kind, k_src_at, k_dst_at, k_len, k_to_host, k_tag, k_last};
  always @(posedge clk) begin
    k_stall <= !rst && k_valid && !k_ready;
    k_shown <= k_show;
  end
  always @* if (k_stall) assume (k_valid && k_show == k_shown);

  always @(posedge clk) if (past_valid && !rst && k_take) begin
    kind[got[1:0]] <= k_kind;
    src[got[1:0]]  <= k_src_at;
    dst[got[1:0]]  <= k_dst_at;
    len[got[1:0]]  <= k_len;
    host[got[1:0]] <= k_to_host;
    tag[got[1:0]]  <= k_tag;
    lasts[got[1:0]]  <= k_last;
    firsts[got[1:0]] <= fresh;
    got   <= got + 1'b1;
    fresh <= k_last;
    cur   <= k_tag;
  end

  // ---------------------------------------------------------------- reads
  // Two places walk through the chunks: the next read that is asked, and the one whose beats come. They step over chunks (or a
  // chunk's second half) without a read, one a cycle at most, or wait at the chunk that has not been taken.
  function reads(input [1:0] kd, input [11:0] ln, input second);
    reads = ln != 0 && kd != 2'd1 && (!second || kd == 2'd3);
  endfunction

  reg [4:0] a_at = 0, r_at = 0;      // {chunk, second}
  wire      a_here = a_at[4:1] != got, r_here = r_at[4:1] != got;
  wire      a_reads = a_here && reads(kind[a_at[2:1]], len[a_at[2:1]], a_at[0]);
  wire      r_reads = r_here && reads(kind[r_at[2:1]], len[r_at[2:1]], r_at[0]);
  wire      ar_take = ar_valid && ar_ready;
  wire [11:0] a_addr = a_at[0] ? dst[a_at[2:1]] : src[a_at[2:1]];
  wire [11:0] r_addr = r_at[0] ? dst[r_at[2:1]] : src[r_at[2:1]];
  wire [12:0] a_sum = 13'(a_addr[LB-1:0]) + len[a_at[2:1]] - 1'b1;
  wire [12:0] r_sum = 13'(r_addr[LB-1:0]) + len[r_at[2:1]] - 1'b1;
  reg [3:0]  asked = 0, came = 0;    // bursts
  reg [7:0]  beat = 0;
  reg        ar_stall = 0;
  reg [72:0] ar_shown;
  reg        worst = 0;
  reg [12:0] place;
  reg        differs = 0, differs_now;

  assign r_last = beat == 8'(r_sum >> LB);
  always @* if (r_valid) assume (came != asked && r_reads);

  always @* begin
    differs_now = differs;
    for (int i = 0; i < B; i++) begin
      place = {1'b0, r_addr[11:LB], LB'(i)} + {2'd0, beat, 3'd0};
      if (r_at[0]) begin
        r_data[8*i +: 8] = 8'(place - dst[r_at[2:1]] + src[r_at[2:1]]) ^ {7'd0, spoil[i]};
        if (place >= dst[r_at[2:1]] && place < dst[r_at[2:1]] + len[r_at[2:1]] && spoil[i]) differs_now = 1'b1;
      end else r_data[8*i +: 8] = place[7:0];
    end
  end

  always @(posedge clk) if (past_valid && !rst) begin
    ar_stall <= ar_valid && !ar_ready;
    ar_shown <= {ar_addr, ar_len, ar_user};
    if (ar_stall) assert (ar_valid && {ar_addr, ar_len, ar_user} == ar_shown);
    if (ar_valid && a_reads) begin
      assert (ar_addr == {a_at[0] ? DST : SRC, a_addr} && ar_user == a_at[0]);
      assert (32'(ar_len) == 32'(a_sum) / B);
      assert (32'(ar_addr[11:LB]) + ar_len < 4096 / B);
    end
    if (ar_take) begin
      assume (a_reads);   // the walk has come to it; the memory waits for this harness
      asked <= asked + 1'b1;
    end
    if (a_here && (ar_take || !a_reads)) a_at <= a_at + 1'b1;
    if (r_here && !r_reads) r_at <= r_at + 1'b1;
    if (r_valid) begin
      beat  <= r_last ? 8'd0 : beat + 1'b1;
      worst <= (worst || r_bad) && !r_last;
      differs <= differs_now && !r_last;
      if (r_last) begin
        r_at <= r_at + 1'b1;
        came <= came + 1'b1;
      end
    end
  end

  // What has become of a chunk is known when its reads are in; that also holds of a chunk without reads, when r_at gets there.
  wire       r_step = r_here && (!r_reads || (r_valid && r_last));
  wire [1:0] r_n    = r_at[2:1];
  wire       r_fail = r_reads && (worst || r_bad);
  reg        so_far = 0;             // bad, of the command at r_at
  wire       bad_now = r_fail || (so_far && (r_at[0] || !firsts[r_n]));
  reg [2:0]  first_code = 0;

  always @(posedge clk) if (past_valid && !rst && r_step) begin
    so_far <= bad_now;
    if (!r_at[0]) begin
      bad[r_n]  <= bad_now;
      code[r_n] <= r_fail ? ((kind[r_n] == 2'd2 || (kind[r_n] == 2'd0 && host[r_n])) ? 3'd2 : 3'd1) : 3'd0;
      if (!reads(kind[r_n], len[r_n], 1'b1)) all_in[r_n] <= 1'b1;
    end else begin
      if (r_reads && code[r_n] == 0) code[r_n] <= r_fail ? 3'd2 : differs_now ? 3'd4 : 3'd0;
      all_in[r_n] <= 1'b1;
    end
  end

  // ---------------------------------------------------------------- writes
  function [1:0] next_write(input [3:0] from, input [3:0] upto);
    reg found;
    begin
      found = 0;
      next_write = 2'd3;
      for (int i = 0; i < N; i++) begin
        if (!found && i >= from && i < upto && !kind[i][1] && len[i] != 0 && !(all_in[i] && bad[i])) begin
          found = 1;
          next_write = 2'(i);
        end
      end
    end
  endfunction

  reg [3:0]  w_from = 0;             // chunks before it are not to be written any more
  reg        w_in = 0;               // within a burst
  reg [1:0]  w_n_q;
  reg [7:0]  w_beat = 0;
  wire [1:0] w_n = w_in ? w_n_q : next_write(w_from, got);
  wire [12:0] w_sum = 13'(dst[w_n][LB-1:0]) + len[w_n] - 1'b1;
  wire       wb_take = wb_valid && wb_ready;
  reg        wb_stall = 0;
  reg [83+64+8:0] wb_shown;
  wire [83+64+8:0] wb_show = {wb_first, wb_last, wb_addr, wb_len, wb_user, wb_data, wb_strb};
  reg [12:0] w_place;
  (* anyconst *) wire [LB-1:0] lane;  // data is looked at in one lane, whichever

  always @(posedge clk) if (past_valid && !rst) begin
    wb_stall <= wb_valid && !wb_ready;
    wb_shown <= wb_show;
    if (wb_stall) assert (wb_valid && wb_show == wb_shown);
    if (w_in) assert (wb_valid);    // all beats were at hand
    if (wb_valid) begin
      assert (wb_first == !w_in);
      assert (w_from < got && w_n < got && !kind[w_n][1] && len[w_n] != 0);
      assert (all_in[w_n] || kind[w_n] == 2'd1);
      assert (!(all_in[w_n] && bad[w_n]));
      assert (32'(w_sum) / B == 32'(wb_len) && wb_user);
      assert (wb_addr == {DST, dst[w_n][11:LB], {LB{1'b0}}});
      assert (wb_last == (w_beat == wb_len));
      assert (32'(wb_addr[11:LB]) + wb_len < 4096 / B);
`ifndef ENDS
      for (int i = 0; i < B; i++) begin
        w_place = {1'b0, dst[w_n][11:LB], LB'(i)} + {2'd0, w_beat, 3'd0};
        assert (wb_strb[i] == (w_place >= dst[w_n] && w_place < dst[w_n] + len[w_n]));
        if (wb_strb[i] && lane == LB'(i)) assert (wb_data[8*i +: 8] == (kind[w_n] == 2'd1 ? 8'd0 : 8'(w_place - dst[w_n] + src[w_n])));
      end
`endif
    end
    if (wb_take) begin
      w_in   <= !wb_last;
      w_n_q  <= w_n;
      w_beat <= wb_last ? 8'd0 : w_beat + 1'b1;
      if (wb_last) w_from <= {2'd0, w_n} + 1'b1;
    end
  end

  // Responses, in the order of the bursts.
  reg [N-1:0][1:0] burst;
  reg [3:0] bursts = 0, answers = 0;
  reg [N-1:0] fault = 0;
  always @* if (b_valid) assume (answers != bursts);
  always @(posedge clk) if (past_valid && !rst) begin
    if (wb_take && wb_last) begin
      burst[bursts[1:0]] <= w_n;
      bursts <= bursts + 1'b1;
    end
    if (b_valid) begin
      answers <= answers + 1'b1;
      wrote[burst[answers[1:0]]] <= 1'b1;
      fault[burst[answers[1:0]]] <= b_bad;
    end
  end

  // ---------------------------------------------------------------- ends
  reg [3:0] e_from = 0;              // first chunk of the next command to end
  reg [3:0] e_next;                  // the one after its last
  reg [2:0] why;
  reg       complete;
  reg [10:0] expected;

  always @* begin
    e_next   = 0;
    why      = 0;
    complete = 1;
    for (int i = 0; i < N; i++) begin
      if (e_next == 0 && i >= e_from && i < got) begin
        if (!all_in[i]) complete = 0;
        if (!kind[i][1] && len[i] != 0 && !bad[i] && !wrote[i]) complete = 0;
        if (why == 0) why = code[i] != 0 ? code[i] : fault[i] ? (kind[i] == 2'd0 && host[i] ? 3'd1 : 3'd3) : 3'd0;
        if (lasts[i]) e_next = 4'(i) + 1'b1;
      end
    end
    case (why)
      3'd1: expected = crl_pkg::NVME_STATUS_DATA_TRANSFER;
      3'd2: expected = crl_pkg::NVME_STATUS_READ_ERROR;
      3'd3: expected = crl_pkg::NVME_STATUS_WRITE_FAULT;
      3'd4: expected = crl_pkg::NVME_STATUS_COMPARE_FAILURE;
      default: expected = {9'd5, tag[e_from[1:0]]};
    endcase
  end

  always @(posedge clk) if (past_valid && !rst) begin
    if (e_valid) begin
      assert (e_from < got && e_next != 0);
`ifdef BREAK_STATUS
      assert (e_status == {9'd5, e_tag});   // wrong: nothing ever fails
`else
      assert (complete);
      assert (e_tag == tag[e_from[1:0]] && e_status == expected);
`endif
      e_from <= e_next;
    end
    if (idle) assert (came == asked && answers == bursts && !ar_valid && !wb_valid && !w_in);
`ifdef BREAK_WRITE
    assert (!wb_valid);
`endif
    cover (e_valid && why == 0 && e_from == 0 && kind[0] == 2'd0 && len[0] == MAX_BURST_BYTES
           && src[0][LB-1:0] == 3 && dst[0][LB-1:0] == 1);
    cover (e_valid && why == 1 && e_next == 3 && kind[1] == 2'd0 && code[0] == 0 && wrote[0]);
    cover (e_valid && why == 2 && kind[e_from[1:0]] == 2'd3);
    cover (e_valid && why == 3 && e_from == 1 && kind[1] == 2'd1);
    cover (e_valid && why == 4);
    cover (e_valid && why == 0 && kind[0] == 2'd3 && e_from == 0 && len[0] > B && src[0][LB-1:0] != dst[0][LB-1:0]);
    cover (got == 3 && k_stall && e_from == 0);
  end

endmodule

`default_nettype wire
