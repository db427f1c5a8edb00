// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_dma_cplring: completion rings of 4 entries. The environment keeps the contract:
// it allocates only when cq_ok shows a slot, gives back or posts only what is reserved, publishes what was
// posted, in order. Doorbells are free. Slots for messages of peers are asked for at any time.
`default_nettype none

module fv_crl_dma_cplring #(
    parameter int CHANNELS = 2,
    localparam int CW      = CHANNELS > 1 ? $clog2(CHANNELS) : 1
) (
    input wire          clk,
    input wire          rst,
    input wire          alloc,
    input wire [CW-1:0] alloc_ch,
    input wire          give,
    input wire [CW-1:0] give_ch,
    input wire          rsv,
    input wire [CW-1:0] rsv_ch,
    input wire          post,
    input wire [CW-1:0] post_ch,
    input wire          pub,
    input wire [CW-1:0] pub_ch,
    input wire          cdb_valid,
    input wire [CW-1:0] cdb_ch,
    input wire [15:0]   cdb_val
);

  localparam logic [12:0] SIZE = 13'd4;

  (* anyconst *) wire [CW-1:0] f_ch;   // the channel that is watched

  reg        past_valid = 1'b0;
  reg [4:0]  step = 5'd0;              // set-up of every channel first
  wire       ready = step == 5'd31;
  wire       cfg_we = past_valid && !rst && 32'(step) < CHANNELS;

  always @(posedge clk) past_valid <= 1'b1;
  always @* begin
    assume (rst == !past_valid);
    assume (32'(f_ch) < CHANNELS);
    assume (32'(alloc_ch) < CHANNELS && 32'(give_ch) < CHANNELS && 32'(post_ch) < CHANNELS);
    assume (32'(rsv_ch) < CHANNELS);
    assume (32'(pub_ch) < CHANNELS && 32'(cdb_ch) < CHANNELS);
  end
  always @(posedge clk) begin
    if (rst) step <= '0;
    else if (32'(step) < CHANNELS + 4) step <= step + 1'b1;
    else step <= 5'd31;
  end

  wire                rsv_done, rsv_ok;
  wire                cfg_busy, give_ready, rt_phase, rt_edge, cdb_err_valid;
  wire [CHANNELS-1:0] cq_ok;
  wire [11:0]         rt_slot, rt_next, rd_cq_prod, rd_cq_cons, rd_dr_cons;
  wire [CW-1:0]       cdb_err_ch;

  // Ghosts of the watched channel: counts since set-up.
  reg [12:0] reserved = '0, posted = '0, published = '0, consumed = '0;

  wire may_alloc = ready && alloc && cq_ok[alloc_ch];
  wire my_alloc  = may_alloc && alloc_ch == f_ch;
  wire may_post  = ready && post && (post_ch != f_ch || reserved != '0);
  wire my_post   = may_post && post_ch == f_ch;
  // Two uses are two cycles apart at least; a doorbell sees one a cycle after it was counted here.
  reg        post_q = 1'b0;
  reg [12:0] seen = '0;
  always @(posedge clk) begin
    post_q <= may_post;
    seen   <= rst ? 13'd0 : posted;
  end
  always @* assume (!(may_post && post_q));
  // An offer to give back stays until it is taken.
  reg          give_q = 1'b0;
  reg [CW-1:0] give_ch_q;
  wire         new_give = ready && give && !give_q && !may_post &&
                          (give_ch != f_ch || reserved != '0);
  wire         my_new_give = new_give && give_ch == f_ch;
  wire may_pub  = ready && pub && (pub_ch != f_ch || published != posted);
  wire my_pub   = may_pub && pub_ch == f_ch;

  // Neither does a request for a message's slot go away before it is answered.
  reg          rsv_q = 1'b0;
  reg [CW-1:0] rsv_ch_q;
  wire         my_rsv = rsv_q && rsv_done && rsv_ok && rsv_ch_q == f_ch;

  always @(posedge clk) begin
    if (rst) rsv_q <= 1'b0;
    else if (!rsv_q || rsv_done) rsv_q <= ready && rsv && !rsv_q;
    if (!rsv_q) rsv_ch_q <= rsv_ch;
  end

  always @(posedge clk) begin
    if (rst) begin
      give_q <= 1'b0;
    end else begin
      if (new_give) begin
        give_q    <= 1'b1;
        give_ch_q <= give_ch;
      end else if (give_ready) give_q <= 1'b0;
    end
  end

  crl_dma_cplring #(.CHANNELS(CHANNELS)) u_dut (
      .clk, .rst, .cfg_we, .cfg_ch(step[CW-1:0]), .cfg_log2(4'd2), .cfg_busy,
      .alloc_valid(may_alloc), .alloc_ch, .give_valid(give_q), .give_ready, .give_ch(give_ch_q),
      .rsv_valid(rsv_q), .rsv_ch(rsv_ch_q), .rsv_done, .rsv_ok, .cq_ok,
      .rt_ch(post_ch), .rt_slot, .rt_next, .rt_phase, .rt_edge, .rt_post(may_post),
      .pub_prod(may_pub), .pub_cons(1'b0), .pub_ch,
      .pub_slot(pub_ch == f_ch ? 12'((published + 1'b1) % SIZE) : 12'd0), .pub_dr_cons(12'd0),
      .cdb_valid(cdb_valid && ready), .cdb_ch, .cdb_val, .cdb_err_valid, .cdb_err_ch,
      .rd_ch(f_ch), .rd_cq_prod, .rd_cq_cons, .rd_dr_cons
  );

  // A doorbell counts a cycle after it was rung.
  reg        bell = 1'b0;
  reg [15:0] bell_val;
  reg        err_due = 1'b0;
  wire [12:0] moved  = (13'(bell_val[1:0]) + SIZE - consumed % SIZE) % SIZE;
  wire        legal  = bell_val < 16'(SIZE) && moved <= seen - consumed;

  always @(posedge clk) begin
    if (rst) begin
      reserved  <= '0;
      posted    <= '0;
      published <= '0;
      consumed  <= '0;
      bell      <= 1'b0;
      err_due   <= 1'b0;
    end else begin
      reserved <= reserved + 13'(my_alloc) + 13'(my_rsv) - 13'(my_post) - 13'(my_new_give);
      if (my_post) posted <= posted + 1'b1;
      if (my_pub)  published <= published + 1'b1;
      bell     <= cdb_valid && ready && cdb_ch == f_ch;
      bell_val <= cdb_val;
      if (bell && legal) consumed <= consumed + moved;
      err_due  <= bell && !legal;
    end
  end

`ifdef BREAK
  wire [12:0] limit = SIZE - 13'd2;
`else
  wire [12:0] limit = SIZE - 13'd1;
`endif

  always @(posedge clk) if (past_valid && !rst && ready) begin
    // Never more than size - 1 reserved or unread: no unread entry is overwritten.
    assert (reserved + (posted - consumed) <= limit);
    if (my_post) begin
      assert (rt_slot == 12'(posted % SIZE));
      assert (rt_next == 12'((posted + 13'd1) % SIZE));
      assert (rt_phase == !((posted / SIZE) & 13'd1));  // inverts exactly at the wrap
      assert (rt_edge == (posted % SIZE == SIZE - 13'd1));
    end
    assert (rd_cq_prod == 12'(published % SIZE));
    assert (rd_cq_cons == 12'(consumed % SIZE));
    assert (err_due == (cdb_err_valid && cdb_err_ch == f_ch));
    cover (reserved + (posted - consumed) == SIZE - 13'd1 && consumed != 0);
    cover (my_post && !rt_phase);
    cover (err_due);
    cover (my_rsv && reserved != '0);
    cover (rsv_q && rsv_done && !rsv_ok && rsv_ch_q == f_ch);
    cover (give_q && give_ready && give_ch_q == f_ch);
  end

endmodule

`default_nettype wire
