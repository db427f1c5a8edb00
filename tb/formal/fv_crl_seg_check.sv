// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_seg_check: any entry that crl_regs_walk lets into the table, any request. What passes lies in the segment, byte for
// byte, does not wrap, and is permitted; of several faults the first in the documented order shows.
`default_nettype none

module fv_crl_seg_check (
    input wire                         clk,
    input wire [crl_pkg::SEGENT_W-1:0] seg_entry,
    input wire                         idx_ok,
    input wire [11:0]                  gen,
    input wire [39:0]                  offset,
    input wire [32:0]                  len,
    input wire [5:0]                   need_right,
    input wire [7:0]                   channel,
    input wire [3:0]                   peer,
    input wire                         is_remote
);

  wire        ok;
  wire [7:0]  status;
  wire [63:0] addr;

  crl_seg_check u_dut (
      .clk, .seg_entry, .idx_ok, .gen, .offset, .len, .need_right, .channel, .peer, .is_remote,
      .ok, .status, .addr
  );

  // The request whose result is out, and its entry taken apart by the numbers of the architecture.
  reg                         past_valid = 1'b0;
  reg [crl_pkg::SEGENT_W-1:0] ent;
  reg                         p_idx_ok, p_remote;
  reg [11:0]                  p_gen;
  reg [39:0]                  p_offset;
  reg [32:0]                  p_len;
  reg [5:0]                   p_need;
  reg [7:0]                   p_channel;
  reg [3:0]                   p_peer;

  always @(posedge clk) begin
    past_valid <= 1'b1;
    ent        <= seg_entry;
    p_idx_ok   <= idx_ok;
    p_remote   <= is_remote;
    p_gen      <= gen;
    p_offset   <= offset;
    p_len      <= len;
    p_need     <= need_right;
    p_channel  <= channel;
    p_peer     <= peer;
  end

  wire [69:0] base  = {6'd0, ent[51:0], 12'd0};
  wire [69:0] size  = {29'd0, ent[92:52]};
  wire [69:0] first = base + {30'd0, p_offset};
  wire [69:0] stop  = first + {37'd0, p_len};

  wire f_index = !p_idx_ok || !ent[123];
  wire f_gen   = ent[122:111] != p_gen;
  wire f_bind  = ent[104:97] != p_channel || (p_remote ? !ent[110] : !ent[109])
                 || (p_remote && ent[96:93] != p_peer && ent[96:93] != 4'd15);
  wire f_right = (p_need & ~ent[110:105]) != 6'd0;
  wire f_range = stop > base + size;

  // A valid segment does not run past 2^64.
  always @* if (seg_entry[123])
    assume ({6'd0, seg_entry[51:0], 12'd0} + {29'd0, seg_entry[92:52]} <= 70'h1_0000_0000_0000_0000);

  always @(posedge clk) begin
    if (past_valid) begin
      assert (ok == (status == crl_pkg::ST_OK));
      if (ok) begin
        assert (first <= 70'h0_FFFF_FFFF_FFFF_FFFF || p_len == 33'd0);
        if (p_len != 33'd0) assert ({6'd0, addr} == first);
        assert (first >= base && stop <= base + size);
        assert (stop <= 70'h1_0000_0000_0000_0000);
      end
      assert (status == (f_index ? crl_pkg::ST_SEG_INVALID :
                         f_gen   ? crl_pkg::ST_KEY_REVOKED :
                         f_bind  ? crl_pkg::ST_SEG_BINDING :
                         f_right ? crl_pkg::ST_SEG_RIGHTS :
                         f_range ? crl_pkg::ST_SEG_RANGE : crl_pkg::ST_OK));
`ifdef BREAK
      // A range may begin with the segment's last byte: this must be found.
      assert (!(ok && p_len != 33'd0 && stop == base + size));
`endif
      cover (ok && p_len > 33'd5000 && stop == base + size && p_offset > 40'd4096);
      cover (ok && stop == 70'h1_0000_0000_0000_0000 && p_len != 33'd0);
      cover (status == crl_pkg::ST_SEG_INVALID);
      cover (status == crl_pkg::ST_KEY_REVOKED);
      cover (status == crl_pkg::ST_SEG_BINDING && ent[104:97] == p_channel);
      cover (status == crl_pkg::ST_SEG_RIGHTS);
    end
  end

endmodule

`default_nettype wire
