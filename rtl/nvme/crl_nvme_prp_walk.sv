// SPDX-License-Identifier: Apache-2.0
//
// crl_nvme_prp_walk: walks the PRPs of one command after the other.
//
// How: what a command needs is asked for in order, as items: the piece of PRP1; that of PRP2, or the list that it points to; the pieces
//   of the list's entries, and the lists that its pointers name. An item takes two cycles through crl_nvme_prp_ranges, then
//   it leaves as a piece or, being a list, begins to be read. The first item that fails leaves as the command's
//   last, and what follows it is dropped. A command ends when none of its items is under way and no beat is owed to it.
//   If the ranges are there, the piece of PRP1 is asked for with the command.
// Latency: c_valid to a piece on w_* 2 cycles when idle; RANGES / 2 + 2, rounded up, more if ranges have to be copied. Throughput: a piece a cycle.
// Assumes: w_room is registered and means room for three; c_bytes is 1 to 2^20.
`default_nettype none

module crl_nvme_prp_walk #(
    parameter int FUNC_W = 8
) (
    input  wire logic              clk,
    input  wire logic              rst,       // synchronous, active high

    input  wire logic              hold,      // take no command in this cycle
    input  wire logic              c_valid,   // command
    output logic                   c_ready,
    input  wire logic [FUNC_W-1:0] c_func,
    input  wire logic [63:0]       c_prp1,
    input  wire logic [63:0]       c_prp2,
    input  wire logic [31:0]       c_bytes,
    input  wire logic [7:0]        c_tag,
    output logic      [FUNC_W-1:0] func,      // of the command that is walked
    output logic                   free,      // none is

    output logic                   ld_valid,  // crl_nvme_prp_ranges
    input  wire logic              ld_hit,
    input  wire logic              ld_busy,
    output logic                   k_valid,
    output logic      [51:0]       k_page,
    output logic                   k_list,
    input  wire logic              d_hit,
    input  wire logic              h_valid,
    input  wire logic              h_hit,

    output logic                   go,        // crl_nvme_prp_list
    output logic      [51:0]       go_page,
    output logic      [8:0]        go_idx,
    output logic      [8:0]        go_count,
    output logic                   kill,
    input  wire logic              quiet,
    input  wire logic              e_valid,
    output logic                   e_ready,
    input  wire logic [51:0]       e_page,
    input  wire logic              e_bad,
    input  wire logic              e_err,
    input  wire logic              e_ptr,

    output logic                   w_valid,   // event: a piece, or the error that ends the command
    output logic                   w_piece,   // it is a piece; sooner known than w_code
    input  wire logic              w_room,
    output logic      [63:0]       w_addr,
    output logic      [12:0]       w_len,
    output logic                   w_last,
    output logic      [7:0]        w_tag,
    output logic      [1:0]        w_code     // one of E_*
`ifdef CRL_GHOST
    , output logic                 f_calm     // no list can be under way
`endif
);

  localparam logic [1:0] E_NONE = 2'd0, E_PRP = 2'd1, E_DATA = 2'd2, E_DENIED = 2'd3;  // crl_nvme_prp knows them, too
  localparam logic [2:0] S_IDLE = 3'd0, S_FIRST = 3'd1, S_SECOND = 3'd2, S_LIST = 3'd3, S_WALK = 3'd4, S_END = 3'd5;

  // --- the command -------------------------------------------------------------------------------
  logic [2:0]  state_q, state_d;
  logic [63:0] prp1_q, prp2_q;
  logic [20:0] rem_q, rest, rest_q; // bytes that no item covers yet; rest: behind PRP1's page
  logic [12:0] space;               // from PRP1 to the end of its page
  logic [12:0] first, first_q;      // length of PRP1's piece
  logic        fits, fits_q;        // it is the only one
  logic        dead_q;              // an error was given out
  logic        free_q;              // state_q is S_IDLE
  logic        one;                 // at most a page is left
  logic [7:0]  tag_q;
  logic        fail;

  assign free     = free_q;
  assign c_ready  = free && !hold;
  assign ld_valid = c_valid && c_ready;
  assign one      = rem_q[20:12] == '0 || rem_q == 21'd4096;
  assign space    = 13'd4096 - {1'b0, c_prp1[11:0]};
  assign fits     = c_bytes[20:0] <= {8'd0, space};
  assign first    = fits ? c_bytes[12:0] : space;
  assign rest     = c_bytes[20:0] + {9'h1FF, c_prp1[11:0]};   // less space

  // --- items -------------------------------------------------------------------------------------
  logic        k_last;
  logic [11:0] k_off;
  logic [12:0] k_len;
  logic [1:0]  k_code;
  logic [51:0] page1, page2;
  logic [11:0] off1, off2;
  logic [12:0] tail;                // bytes of the last page
  logic        odd1, odd2;          // PRP1, PRP2 have an offset that they must not have
  logic        d_valid_q;           // an item is between k_* and h_*

  assign {page1, off1} = prp1_q;
  assign {page2, off2} = prp2_q;
  assign tail          = rem_q[12:0];
  assign odd1          = prp1_q[1:0] != '0;
  assign odd2          = one ? off2 != '0 : prp2_q[2:0] != '0;

  always_comb begin
    state_d = state_q;
    k_valid = 1'b0;
    k_list  = 1'b0;
    k_last  = one;
    k_page  = e_page;
    k_off   = '0;
    k_len   = one ? tail : 13'd4096;
    k_code  = E_NONE;
    e_ready = 1'b0;
    case (state_q)
      S_IDLE: begin
        k_valid = ld_valid && ld_hit && w_room;
        {k_page, k_off} = c_prp1;
        k_len   = first;
        k_last  = fits;
        if (c_prp1[1:0] != '0) k_code = E_PRP;
        if (ld_valid) state_d = !k_valid ? S_FIRST : fits ? S_END : S_SECOND;
      end
      S_FIRST: begin
        k_valid = !ld_busy && w_room;
        k_page  = page1;
        k_off   = off1;
        k_len   = first_q;
        k_last  = fits_q;
        if (odd1) k_code = E_PRP;
        if (k_valid) state_d = fits_q ? S_END : S_SECOND;
      end
      S_SECOND: begin
        k_valid = w_room;
        k_page  = page2;
        k_list  = !one;
        if (!one) k_off = off2;
        if (odd2) k_code = E_PRP;
        if (k_valid) state_d = one ? S_END : S_LIST;
      end
      S_LIST: begin
        if (go) state_d = S_WALK;
      end
      S_WALK: begin
        k_valid = e_valid && w_room;
        e_ready = w_room;
        k_list  = e_ptr;
        if (e_err)      k_code = E_DATA;
        else if (e_bad) k_code = E_PRP;
        if (k_valid && e_ptr)    state_d = S_LIST;
        else if (k_valid && one) state_d = S_END;
      end
      default: begin  // S_END
        if (!d_valid_q && !h_valid && quiet) state_d = S_IDLE;
      end
    endcase
    if ((dead_q || fail) && state_q != S_IDLE && state_q != S_END) state_d = S_END;
  end

  assign kill = state_q == S_END;

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q   <= S_IDLE;
      free_q    <= 1'b1;
      d_valid_q <= 1'b0;
      dead_q    <= 1'b0;
    end else begin
      state_q   <= state_d;
      free_q    <= state_d == S_IDLE;
      d_valid_q <= k_valid;
      if (ld_valid)  dead_q <= 1'b0;
      else if (fail) dead_q <= 1'b1;
    end
    if (free) begin   // what counts is there when the command is
      func    <= c_func;
      prp1_q  <= c_prp1;
      prp2_q  <= c_prp2;
      tag_q   <= c_tag;
      rem_q   <= k_valid ? rest : c_bytes[20:0];
      first_q <= first;
      fits_q  <= fits;
      rest_q  <= rest;
    end else if (k_valid && !k_list) begin
      rem_q   <= state_q == S_FIRST ? rest_q : rem_q - 21'd4096;
    end
  end

  // --- through the ranges ------------------------------------------------------------------------
  logic [51:0] d_page_q, h_page_q;
  logic [11:0] d_off_q, h_off_q;
  logic [12:0] d_len_q, h_len_q;
  logic [1:0]  d_code_q, h_code_q;
  logic        d_list_q, h_list_q, d_last_q, h_last_q;
  logic        piece_q;            // an allowed piece is at h_*

  always_ff @(posedge clk) begin
    {d_page_q, d_off_q, d_len_q, d_code_q, d_list_q, d_last_q} <= {k_page, k_off, k_len, k_code, k_list, k_last};
    piece_q <= !rst && d_valid_q && d_hit && d_code_q == E_NONE && !d_list_q;
    {h_page_q, h_off_q, h_len_q, h_code_q, h_list_q, h_last_q} <= {d_page_q, d_off_q, d_len_q, d_code_q, d_list_q, d_last_q};
  end

  assign fail     = h_valid && !dead_q && w_code != E_NONE;
  assign go       = h_valid && !dead_q && w_code == E_NONE && h_list_q;
  assign go_page  = h_page_q;
  assign go_idx   = h_off_q[11:3];
  assign go_count = rem_q[20:12] + {8'd0, rem_q[11:0] != '0};

  assign w_valid = h_valid && !dead_q && (w_code != E_NONE || !h_list_q);
  assign w_piece = piece_q && !dead_q;
  assign w_code  = h_code_q != E_NONE ? h_code_q : h_hit ? E_NONE : E_DENIED;
  assign w_addr  = {h_page_q, h_off_q};
  assign w_len   = h_len_q;
  assign w_last  = h_last_q || w_code != E_NONE;
  assign w_tag   = tag_q;

`ifdef CRL_GHOST
  // Bytes of the command, of pieces that were asked for, of pieces that were given out.
  logic        f_past_q, f_any_q, f_over_q;  // f_over_q: the command's last was given out
  logic [20:0] f_bytes_q, f_asked_q, f_given_q, f_way;
  logic [12:0] f_first;

  initial f_past_q = 1'b0;
  assign f_calm  = state_q == S_IDLE || state_q == S_FIRST || state_q == S_SECOND;
  assign f_way   = (d_valid_q && !d_list_q ? {8'd0, d_len_q} : 21'd0) + (h_valid && !h_list_q ? {8'd0, h_len_q} : 21'd0);
  assign f_first = 13'd4096 - {1'b0, off1};

  always @(posedge clk) begin
    f_past_q <= 1'b1;
    if (rst) f_any_q <= 1'b0;
    else if (ld_valid) f_any_q <= 1'b1;
    if (ld_valid) begin
      f_bytes_q <= c_bytes[20:0];
      f_asked_q <= k_valid ? {8'd0, k_len} : 21'd0;
      f_given_q <= '0;
      f_over_q  <= 1'b0;
    end else begin
      if (k_valid && !k_list) f_asked_q <= f_asked_q + {8'd0, k_len};
      if (w_valid && w_code == E_NONE) f_given_q <= f_given_q + {8'd0, w_len};
      if (w_valid && w_last) f_over_q <= 1'b1;
    end
    if (f_past_q) begin
      assert (state_q <= S_END && free_q == (state_q == S_IDLE));
      if (state_q != S_IDLE) assert (f_any_q && f_bytes_q <= 21'h100000);
      if (state_q == S_FIRST) begin
        assert (rem_q == f_bytes_q && !d_valid_q && !h_valid && !dead_q && !f_over_q);
        assert (f_asked_q == '0 && f_given_q == '0 && rem_q != '0);
        assert (fits_q == (rem_q <= {8'd0, f_first}) && rest_q == rem_q - {8'd0, f_first} && first_q == (fits_q ? rem_q[12:0] : f_first));
      end
      if (state_q == S_SECOND || state_q == S_LIST || state_q == S_WALK) begin
        assert (rem_q != '0 && rem_q <= 21'h100000 && rem_q == f_bytes_q - f_asked_q);
        assert (!f_over_q || dead_q);
        assert (!(d_valid_q && d_last_q && !d_list_q) && !(h_valid && h_last_q && !h_list_q && !dead_q));
      end
      if (state_q == S_IDLE) assert (!d_valid_q && !h_valid);
      assert (w_piece == (w_valid && w_code == E_NONE));
      if (state_q == S_IDLE && f_any_q) assert (f_over_q);
      if (f_any_q && dead_q) assert (f_over_q);
      if (state_q == S_END && !dead_q) assert (f_asked_q == f_bytes_q || fail);
      if (f_any_q && !dead_q) assert (f_asked_q == f_given_q + f_way);
      if (h_valid && h_last_q && !h_list_q && !dead_q) assert (!d_valid_q && state_q == S_END && f_asked_q == f_bytes_q);
      if (d_valid_q && d_last_q && !d_list_q && !dead_q) assert (state_q == S_END && f_asked_q == f_bytes_q);
      if (f_any_q && !dead_q && !f_over_q && state_q == S_END)
        assert ((d_valid_q && d_last_q && !d_list_q) || (h_valid && h_last_q && !h_list_q));
      if (d_valid_q && d_list_q) assert (state_q == S_LIST || dead_q);
      if (h_valid && h_list_q) assert ((state_q == S_LIST || dead_q) && !d_valid_q);
      if (d_valid_q && !d_list_q) assert (d_len_q != '0 && {1'b0, d_off_q} + d_len_q <= 13'd4096);
      if (h_valid && !h_list_q) assert (h_len_q != '0 && {1'b0, h_off_q} + h_len_q <= 13'd4096);
      if (f_any_q && !dead_q && f_over_q) assert (f_given_q == f_bytes_q && !d_valid_q && !h_valid);
      // The claims.
      if (w_valid) assert (!f_over_q && f_any_q);
      if (w_valid && w_code == E_NONE) begin
        assert (w_len != '0 && {1'b0, w_addr[11:0]} + w_len <= 13'd4096);
        assert (w_last == (f_given_q + {8'd0, w_len} == f_bytes_q));
      end
      cover (w_valid && w_last && w_code == E_NONE && f_given_q > 21'd12288);
      cover (w_valid && w_code == E_DENIED && f_given_q > 21'd4096);
      cover (w_valid && w_code == E_DATA);
      cover (w_valid && w_code == E_PRP && f_given_q != '0);
    end
  end
`endif

  logic unused;

  assign unused = &{1'b0, c_bytes[31:21]};

endmodule

`default_nettype wire
