// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_prp: crl_nvme_prp_walk, crl_nvme_prp_list and the FIFO of pieces, joined as in crl_nvme_prp; in place of
// crl_nvme_prp_ranges any answers, two cycles after each question (fv_crl_nvme_prp_ranges shows that they are right). Any one
// page whose use for data, or as a list, is always refused: no piece lies in it, no list read touches it. As that holds for any page,
// all that leaves was allowed. The sums of lengths are counted in the walk (CRL_GHOST). Free commands, list contents and responses.
`default_nettype none

module fv_crl_nvme_prp (
    input wire        clk,
    input wire        rst,
    input wire        hold,
    input wire        c_valid,
    input wire        c_func,
    input wire [63:0] c_prp1,
    input wire [63:0] c_prp2,
    input wire [31:0] c_bytes,
    input wire [7:0]  c_tag,
    input wire        ld_hit,
    input wire        ld_busy,
    input wire        hit,
    input wire        ar_ready,
    input wire        r_valid,
    input wire [63:0] r_data,
    input wire [1:0]  r_resp,
    input wire        stop,
    input wire        p_ready
);

  wire        c_ready, func, ld_valid, k_valid, k_list, go, kill, quiet, e_valid, e_ready, e_bad, e_err, e_ptr;
  wire [51:0] k_page, go_page, e_page;
  wire [8:0]  go_idx, go_count;
  wire        w_valid, w_piece, w_last, w_ready, ar_valid, idle, p_valid;
  wire [63:0] w_addr, ar_addr;
  wire [12:0] w_len;
  wire [7:0]  w_tag, ar_len;
  wire [1:0]  w_code;
  wire [4:0]  level;
  wire [65:0] p_data;
  wire        l_act, calm;
  wire [51:0] l_page;
  wire [6:0]  l_owed;

  // Questions on their way; the answer to the refused page is no.
  (* anyconst *) reg [51:0] f_page;
  (* anyconst *) reg        f_list;
  reg         k1 = 1'b0, k2 = 1'b0, k1_list, k2_list;
  reg [51:0]  k1_page, k2_page;
  wire        d_hit = hit && !(k1_page == f_page && k1_list == f_list);   // a cycle before
  reg         h_hit;

  always @(posedge clk) begin
    k1 <= !rst && k_valid;
    k2 <= !rst && k1;
    h_hit <= d_hit;
    {k1_page, k1_list, k2_page, k2_list} <= {k_page, k_list, k1_page, k1_list};
  end

  crl_nvme_prp_walk #(.FUNC_W(1)) u_walk (
      .clk, .rst, .hold, .c_valid, .c_ready, .c_func, .c_prp1, .c_prp2, .c_bytes, .c_tag, .func, .free(),
      .ld_valid, .ld_hit, .ld_busy, .k_valid, .k_page, .k_list, .d_hit, .h_valid(k2), .h_hit,
      .go, .go_page, .go_idx, .go_count, .kill, .quiet, .e_valid, .e_ready, .e_page, .e_bad, .e_err, .e_ptr,
      .w_valid, .w_piece, .w_room(level <= 5'd13), .w_addr, .w_len, .w_last, .w_tag, .w_code, .f_calm(calm)
  );

  crl_nvme_prp_list #(.DATA_W(64)) u_list (
      .clk, .rst, .go, .go_page, .go_idx, .go_count, .kill, .quiet, .e_valid, .e_ready, .e_page, .e_bad, .e_err, .e_ptr,
      .ar_valid, .ar_ready, .ar_addr, .ar_len, .r_valid, .r_data, .r_resp, .stop, .idle,
      .f_act(l_act), .f_page(l_page), .f_owed(l_owed)
  );

  crl_fifo #(.W(66), .DEPTH(16)) u_pieces (
      .clk, .rst, .s_valid(w_valid), .s_ready(w_ready), .s_data({w_code, w_addr}),
      .m_valid(p_valid), .m_ready(p_ready), .m_data(p_data), .level
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;

  // The memory gives beats of bursts that it took; owed as the block must count it.
  reg [6:0]   owed = 7'd0;
  reg         held = 1'b0;
  reg [72:0]  ar;
  wire [72:0] ar_now = {func, ar_addr, ar_len};

  always @(posedge clk) begin
    held  <= !rst && ar_valid && !ar_ready;
    ar    <= ar_now;
    if (rst) owed <= 7'd0;
    else     owed <= owed + (ar_valid && ar_ready ? {2'd0, ar_len[4:0]} + 7'd1 : 7'd0) - {6'd0, r_valid};
  end

  always @* begin
    if (!past_valid) assume (rst);
    assume (c_bytes != 32'd0 && c_bytes <= 32'h100000);
    assume (!(ld_hit && ld_busy));
    if (owed == 7'd0) assume (!r_valid);
  end

  always @(posedge clk) if (past_valid) begin
    assert (!(w_valid && !w_ready));
    assert (level + {4'd0, k1} + {4'd0, k2} <= 5'd16);
    if (k2) assert (go_page == k2_page);
    // No piece and no list read where it is refused.
    if (w_valid && w_code == 2'd0) begin
      assert (!k2_list);
      if (!f_list) assert (w_addr[63:12] != f_page);
`ifdef BREAK
      assert (w_addr[63:12] != f_page);  // a page that is refused for lists may hold data: this must be found
`endif
    end
    if (go && f_list) assert (go_page != f_page);
    if (l_act && f_list) assert (l_page != f_page);
    assert (l_owed == owed + (ar_valid ? {2'd0, ar_len[4:0]} + 7'd1 : 7'd0));
    if (ar_valid) begin
      if (f_list) assert (ar_addr[63:12] != f_page);
      // Nor across the page.
      assert ({1'b0, ar_addr[11:0]} + ({5'd0, ar_len} + 13'd1) * 13'd8 <= 13'd4096);
    end
    if (calm) assert (!l_act && l_owed == 7'd0);
    if (held) assert (ar_valid && ar_now == ar);
    assert (owed <= 7'd32);
    if (idle) assert (owed == 7'd0 && !ar_valid);
    cover (ar_valid && ar_ready && ar_len == 8'd15);
    cover (ar_valid && !f_list && ar_addr[63:12] == f_page);
    cover (w_valid && w_code == 2'd0 && f_list && w_addr[63:12] == f_page);
    cover (idle && kill && stop);
    cover (ld_valid && k_valid && level != 5'd0);
  end

endmodule

`default_nettype wire
