// SPDX-License-Identifier: Apache-2.0
//
// Harnesses for crl_nvme_check. fv_nvme_verdict says in 80-bit sums, with the numbers of the specification, what a command, a grant and a
// namespace make. fv_crl_nvme_check_pipe holds the pipeline against it, for any command with any entries, at any pace; fv_crl_nvme_check the whole
// with its tables, from reset. fv_crl_nvme_check_dsm does for ranges of Dataset Management what the first does for commands.
`default_nettype none

module fv_nvme_verdict #(
    parameter int MDTS_BYTES = 1048576
) (
    input  wire [511:0] sqe,
    input  wire         g_there,
    input  wire [31:0]  g_nsid,
    input  wire [63:0]  g_slba,
    input  wire [63:0]  g_nlb,
    input  wire [31:0]  g_ops,
    input  wire         n_there,
    input  wire [63:0]  n_blocks,
    input  wire         n_big,
    input  wire [63:0]  n_base,
    output wire         blocks,    // names blocks
    output wire         opcode,    // is granted
    output wire         space,     // likewise the namespace
    output wire         inside_n,  // the blocks lie in the namespace ...
    output wire         inside_g,  // ... and in the grant
    output reg  [3:0]   first,     // the check that fails first, 0: none
    output wire [63:0]  addr,
    output wire [31:0]  bytes,
    output wire [31:0]  span
);

  wire [7:0]  op    = sqe[7:0];
  wire [31:0] nsid  = sqe[63:32];
  wire [79:0] slba  = {16'd0, sqe[383:320]};
  wire [79:0] count = {64'd0, sqe[399:384]} + 80'd1;
  wire [79:0] stop  = slba + count;
  wire [79:0] size  = n_big ? count << 12 : count << 9;
  wire [79:0] place = {16'd0, n_base} + (n_big ? slba << 12 : slba << 9);

  wire flush = op == 8'd0, dsm = op == 8'd9;
  wire data  = op == 8'd1 || op == 8'd2 || op == 8'd5;

  assign blocks   = data || op == 8'd8 || op == 8'd12;
  assign opcode   = (blocks || flush || dsm) && g_there && g_ops[op[4:0]];
  assign space    = g_there && (flush && nsid == ~32'd0 ? g_nsid == ~32'd0
                                : n_there && (g_nsid == ~32'd0 || g_nsid == nsid));
  assign inside_n = stop <= {16'd0, n_blocks};
  assign inside_g = slba >= {16'd0, g_slba} && stop <= {16'd0, g_slba} + {16'd0, g_nlb};
  assign addr     = place[63:0];
  assign span     = blocks ? size[31:0] : 32'd0;
  assign bytes    = data ? size[31:0] : dsm ? ({24'd0, sqe[327:320]} + 32'd1) * 32'd16 : 32'd0;

  always @* begin
    first = 4'd0;
    if (sqe[9:8] != 2'd0 || sqe[15:14] != 2'd0)            first = 4'd1;
    else if (!opcode)                                      first = 4'd2;
    else if (!space)                                       first = 4'd3;
    else if (dsm && (sqe[383:352] & ~32'h7) != 32'd0)      first = 4'd4;
    else if (blocks && sqe[413:410] != 4'd0)               first = 4'd5;
    else if (op == 8'd1 && sqe[407:404] != 4'd0)           first = 4'd5;
    else if (data && size > 80'(MDTS_BYTES))               first = 4'd6;
    else if (blocks && !inside_n)                          first = 4'd7;
    else if (blocks && !inside_g)                          first = 4'd8;
  end

endmodule

// A verdict beside what it should be.
module fv_nvme_compare (
    input wire         clk,
    input wire         go,        // there is one
    input wire [511:0] sqe,
    input wire         blocks, opcode, space, inside_n, inside_g,
    input wire [3:0]   first,
    input wire [63:0]  addr,
    input wire [31:0]  bytes, span,
    input wire [7:0]   func,      // of the grant, 0 without
    input wire [3:0]   idx,
    input wire         m_ok,
    input wire [10:0]  m_status,
    input wire         m_dnr, m_more,
    input wire [15:0]  m_cid,
    input wire [7:0]   m_op,
    input wire [63:0]  m_addr,
    input wire [31:0]  m_bytes, m_span,
    input wire [63:0]  m_prp1, m_prp2,
    input wire [7:0]   m_func,
    input wire [3:0]   m_nsi
);

  wire flush_all = sqe[7:0] == 8'd0 && sqe[63:32] == ~32'd0;

  always @(posedge clk) if (go) begin
    // What counts most, by itself.
    if (m_ok) assert (opcode && space && (!blocks || (inside_n && inside_g)));
    assert (m_ok == (first == 4'd0));
    assert (m_status == (first == 4'd0 ? 11'h000 : first == 4'd2 ? 11'h001 : first == 4'd3 ? 11'h00B :
                         first == 4'd7 ? 11'h080 : first == 4'd8 ? 11'h286 : 11'h002));
    assert (m_dnr == !m_ok && m_more == (m_status == 11'h286));
    assert (m_cid == sqe[31:16] && m_op == sqe[7:0] && m_prp1 == sqe[255:192] && m_prp2 == sqe[319:256]);
    assert (m_func == func);
    if (m_ok) begin
      assert (m_bytes == bytes && m_span == span && m_nsi == (flush_all ? 4'd0 : idx));
      if (blocks) assert (m_addr == addr);
    end
`ifdef BREAK
    // The last block of the namespace may be used: this must be found.
    assert (!(m_ok && blocks && first == 4'd0 && m_bytes == 32'd4096 && m_addr[63:60] == 4'hA));
`endif
    cover (m_ok && m_op == 8'd1 && m_span == 32'd1048576);
    cover (m_ok && m_op == 8'd12 && m_span == 32'h10000000);
    cover (m_ok && m_op == 8'd9 && m_bytes == 32'd4096);
    cover (m_ok && flush_all);
    cover (first == 4'd1);
    cover (first == 4'd2);
    cover (first == 4'd3);
    cover (first == 4'd4);
    cover (first == 4'd5);
    cover (first == 4'd6);
    cover (first == 4'd7 && inside_g);
    cover (first == 4'd8 && sqe[383:320] > 64'd5);
  end

endmodule

module fv_crl_nvme_check_pipe (
    input wire         clk,
    input wire         rst,
    input wire         s_valid,
    input wire [3:0]   s_qid,
    input wire [511:0] s_sqe,
    input wire         g_there,
    input wire [7:0]   g_func,
    input wire [31:0]  g_nsid,
    input wire [63:0]  g_slba,
    input wire [63:0]  g_nlb,
    input wire [31:0]  g_ops,
    input wire         n_there,
    input wire [3:0]   n_idx,
    input wire [63:0]  n_blocks,
    input wire         n_big,
    input wire [63:0]  n_base,
    input wire         m_ready
);

  wire         s_ready, m_valid, m_ok, m_dnr, m_more;
  wire [10:0]  m_status;
  wire [3:0]   m_qid, m_nsi;
  wire [15:0]  m_cid;
  wire [7:0]   m_op, m_func;
  wire [63:0]  m_addr, m_prp1, m_prp2;
  wire [31:0]  m_bytes, m_span;
  wire [1:0]   f_valid;
  wire [138:0] f_m_ref;
  wire         blocks, opcode, space, inside_n, inside_g;
  wire [31:0]  bytes, span;
  wire [63:0]  addr;
  wire [3:0]   first;
  wire [10:0]  status = first == 4'd0 ? 11'h000 : first == 4'd2 ? 11'h001 : first == 4'd3 ? 11'h00B :
                        first == 4'd7 ? 11'h080 : first == 4'd8 ? 11'h286 : 11'h002;

  // What can't be there doesn't show in the address.
  fv_nvme_verdict u_ref (
      .sqe(s_sqe), .g_there, .g_nsid, .g_slba, .g_nlb, .g_ops,
      .n_there, .n_blocks, .n_big(n_there && n_big), .n_base(n_there ? n_base : 64'd0),
      .blocks, .opcode, .space, .inside_n, .inside_g, .first, .addr, .bytes, .span
  );

  crl_nvme_check_pipe #(.QW(4), .FUNC_W(8)) u_dut (
      .clk, .rst, .s_valid, .s_ready, .s_qid, .s_sqe,
      .g_there, .g_func, .g_nsid, .g_slba, .g_nlb, .g_ops, .n_there, .n_idx, .n_blocks, .n_big, .n_base,
      .m_valid, .m_ready, .m_ok, .m_status, .m_dnr, .m_more, .m_qid, .m_cid, .m_op, .m_addr, .m_bytes, .m_span,
      .m_prp1, .m_prp2, .m_func, .m_nsi, .f_s_ref({status, addr, bytes, span}), .f_m_ref, .f_valid
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* if (!past_valid) assume (rst);

  always @(posedge clk) if (past_valid) begin
    // The verdict is sound in itself: what passes has all that it needs.
    if (s_valid && status == 11'h000) assert (opcode && space && (!blocks || (inside_n && inside_g)));
    if (m_valid) begin
      assert (m_ok == (f_m_ref[138:128] == 11'h000) && m_status == f_m_ref[138:128]);
      assert (m_dnr == !m_ok && m_more == (m_status == 11'h286));
      assert ({m_addr, m_bytes, m_span} == f_m_ref[127:0]);
`ifdef BREAK
      // A grant may be used to its last block, with a block of any size: this must be found.
      assert (!(m_ok && m_span == 32'd4096 && m_addr[63:60] == 4'hA));
`endif
      cover (m_ok && m_op == 8'd1 && m_span == 32'd1048576);
      cover (m_ok && m_op == 8'd12 && m_span == 32'h10000000);
      cover (m_ok && m_op == 8'd9 && m_bytes == 32'd4096);
      cover (m_ok && m_op == 8'd0);
      cover (m_status == 11'h001);
      cover (m_status == 11'h002);
      cover (m_status == 11'h00B);
      cover (m_status == 11'h080);
      cover (m_status == 11'h286);
    end
  end

  // Handshakes: what waits does not change, nothing is lost, twice there or late.
  reg         held = 1'b0;
  reg [309:0] payload;
  reg [2:0]   inside = 3'd0;  // commands between s_* and m_*
  wire [309:0] now = {m_ok, m_status, m_dnr, m_more, m_qid, m_cid, m_op, m_addr, m_bytes, m_span, m_prp1, m_prp2, m_func, m_nsi};

  always @(posedge clk) begin
    held    <= !rst && m_valid && !m_ready;
    payload <= now;
    if (rst) inside <= 3'd0;
    else     inside <= inside + {2'd0, s_valid && s_ready} - {2'd0, m_valid && m_ready};
    if (past_valid) begin
      if (held) assert (m_valid && now == payload);
      assert (inside <= 3'd3);
      if (m_valid) assert (inside != 3'd0);
      assert (inside == {2'd0, m_valid} + {2'd0, f_valid[1]} + {2'd0, f_valid[0]});
      assert (s_ready == (inside != 3'd3));
      cover (inside == 3'd3 && !s_ready && held);
    end
  end

endmodule

// Ranges of Dataset Management: any, one a cycle; what comes of one is held against 80-bit sums, 3 cycles later.
module fv_crl_nvme_check_dsm (
    input wire        clk,
    input wire        rst,
    input wire        s_valid,
    input wire [63:0] s_slba,
    input wire [31:0] s_nlb,
    input wire        g_there,
    input wire [63:0] g_slba,
    input wire [63:0] g_nlb,
    input wire        n_there,
    input wire [63:0] n_blocks,
    input wire        n_big,
    input wire [63:0] n_base
);

  wire        m_valid;
  wire [10:0] m_status;
  wire [63:0] m_addr;
  wire [43:0] m_span;

  crl_nvme_check_dsm u_dut (
      .clk, .rst, .s_valid, .s_slba, .s_nlb, .g_there, .g_slba, .g_nlb, .n_there, .n_blocks, .n_big, .n_base,
      .m_valid, .m_status, .m_addr, .m_span
  );

  reg [3:0]   past = 4'd0;
  reg [2:0]   valid = 3'd0;
  reg [451:0] q [0:2];
  wire [451:0] now = {s_slba, s_nlb, g_there, g_slba, g_nlb, n_there, n_blocks, n_big, n_base, 97'd0};

  always @(posedge clk) begin
    past  <= {past[2:0], 1'b1};
    valid <= rst ? 3'd0 : {valid[1:0], s_valid};
    q[0] <= now;
    q[1] <= q[0];
    q[2] <= q[1];
  end
  always @* if (!past[0]) assume (rst);

  wire [63:0] slba, gs, gn, bl, base;
  wire [31:0] nlb;
  wire        gt, nt, big;
  wire [96:0] none;

  assign {slba, nlb, gt, gs, gn, nt, bl, big, base, none} = q[2];

  wire [79:0] stop     = {16'd0, slba} + {48'd0, nlb};
  wire        inside_n = stop <= (nt ? {16'd0, bl} : 80'd0);
  wire        inside_g = slba >= (gt ? gs : 64'd0) && stop <= (gt ? {16'd0, gs} + {16'd0, gn} : 80'd0);
  wire [79:0] place    = (nt ? {16'd0, base} : 80'd0) + (nt && big ? {16'd0, slba} << 12 : {16'd0, slba} << 9);

  always @(posedge clk) if (past[3]) begin
    assert (m_valid == valid[2]);
    if (m_valid) begin
      assert (m_status == (!inside_n ? 11'h080 : !inside_g ? 11'h286 : 11'h000));
      if (m_status == 11'h000 && nlb != 32'd0) assert (nt && gt);
      assert (m_addr == place[63:0]);
      assert (m_span == (nt && big ? {nlb, 12'd0} : {3'd0, nlb, 9'd0}));
`ifdef BREAK
      assert (!(m_status == 11'h000 && nlb == 32'd8 && stop == {16'd0, bl}));   // wrong: the last block may be used
`endif
      cover (m_status == 11'h000 && nlb == 32'hFFFFFFFF && big);
      cover (m_status == 11'h000 && nlb == 32'd0);
      cover (m_status == 11'h080 && inside_g);
      cover (m_status == 11'h286);
    end
  end

endmodule

// The whole: two queues, two namespaces, tables and commands from reset on.
module fv_crl_nvme_check (
    input wire         clk,
    input wire         rst,
    input wire         gr_we,
    input wire [1:0]   gr_qid,
    input wire [255:0] gr_entry,
    input wire         ns_we,
    input wire [3:0]   ns_idx,
    input wire         ns_valid,
    input wire [63:0]  ns_blocks,
    input wire         ns_big,
    input wire [63:0]  ns_base,
    input wire         s_valid,
    input wire [1:0]   s_qid,
    input wire [511:0] s_sqe,
    input wire         m_ready,
    input wire         ds_valid,
    input wire [1:0]   ds_qid,
    input wire [3:0]   ds_nsi,
    input wire [63:0]  ds_slba,
    input wire [31:0]  ds_nlb
);

  wire         s_ready, m_valid, m_ok, m_dnr, m_more;
  wire [10:0]  m_status;
  wire [1:0]   m_qid;
  wire [3:0]   m_nsi;
  wire [15:0]  m_cid;
  wire [7:0]   m_op, m_func;
  wire [63:0]  m_addr, m_prp1, m_prp2;
  wire [31:0]  m_bytes, m_span;
  wire         ds_ready, dv_valid;
  wire [10:0]  dv_status;
  wire [63:0]  dv_addr;
  wire [43:0]  dv_span;

  crl_nvme_check #(.QUEUES(2), .NAMESPACES(2), .FUNC_W(8)) u_dut (
      .clk, .rst, .gr_we, .gr_qid, .gr_entry, .ns_we, .ns_idx, .ns_valid, .ns_blocks, .ns_shift(ns_big ? 4'd12 : 4'd9), .ns_base,
      .s_valid, .s_ready, .s_qid, .s_sqe,
      .m_valid, .m_ready, .m_ok, .m_status, .m_dnr, .m_more, .m_qid, .m_cid, .m_op, .m_addr, .m_bytes, .m_span,
      .m_prp1, .m_prp2, .m_func, .m_nsi,
      .ds_valid, .ds_ready, .ds_qid, .ds_nsi, .ds_slba, .ds_nlb, .dv_valid, .dv_status, .dv_addr, .dv_span
  );

  reg past_valid = 1'b0;
  always @(posedge clk) past_valid <= 1'b1;
  always @* begin
    if (!past_valid) assume (rst);
    assume (gr_qid <= 2'd2 && s_qid <= 2'd2 && s_qid != 2'd0 && ds_qid <= 2'd2);
  end

  // Copies of the entries of any one queue and any one namespace.
  (* anyconst *) reg [1:0] f_qid;
  (* anyconst *) reg       f_ns;
  reg                      g_there = 1'b0, n_there = 1'b0;
  reg [255:0]              g;
  reg [63:0]               n_blocks, n_base;
  reg                      n_big;

  always @(posedge clk) begin
    if (rst) begin
      g_there <= 1'b0;
      n_there <= 1'b0;
    end else begin
      if (gr_we && gr_qid == f_qid) g_there <= 1'b1;
      if (ns_we && ns_idx == {3'd0, f_ns}) n_there <= ns_valid;
    end
    if (gr_we && gr_qid == f_qid) g <= gr_entry;
    if (ns_we && ns_idx == {3'd0, f_ns}) {n_blocks, n_big, n_base} <= {ns_blocks, ns_big, ns_base};
  end

  // One command of that queue, which names that namespace or one that can't be, and its verdict.
  (* anyseq *) reg pick;
  reg          on = 1'b0, t_gthere, t_nthere, t_big;
  reg [1:0]    ahead, inside = 2'd0;
  reg [511:0]  t_sqe;
  reg [255:0]  t_g;
  reg [63:0]   t_blocks, t_base;
  wire [31:0]  nsid = s_sqe[63:32];
  wire         named = nsid == {31'd0, f_ns} + 32'd1;
  wire         take = s_valid && s_ready, give = m_valid && m_ready;

  always @(posedge clk) begin
    if (rst) begin
      on     <= 1'b0;
      inside <= 2'd0;
    end else begin
      inside <= inside + {1'b0, take} - {1'b0, give};
      if (on && give) begin
        on    <= ahead != 2'd0;
        ahead <= ahead - 2'd1;
      end else if (!on && pick && take && s_qid == f_qid && (named || nsid == 32'd0 || nsid > 32'd2)) begin
        on       <= 1'b1;
        ahead    <= inside - {1'b0, give};
        t_sqe    <= s_sqe;
        t_g      <= g;
        t_gthere <= g_there;
        t_nthere <= named && n_there;
        {t_blocks, t_big, t_base} <= {n_blocks, n_big, n_base};
      end
    end
    if (past_valid && on && m_valid && ahead == 2'd0) assert (m_qid == f_qid);
  end

  wire        blocks, opcode, space, inside_n, inside_g;
  wire [31:0] bytes, span;
  wire [63:0] addr;
  wire [3:0]  first;

  fv_nvme_verdict u_ref (
      .sqe(t_sqe), .g_there(t_gthere), .g_nsid(t_g[63:32]), .g_slba(t_g[127:64]), .g_nlb(t_g[191:128]), .g_ops(t_g[223:192]),
      .n_there(t_nthere), .n_blocks(t_blocks), .n_big(t_big), .n_base(t_base),
      .blocks, .opcode, .space, .inside_n, .inside_g, .first, .addr, .bytes, .span
  );

  fv_nvme_compare u_cmp (
      .clk, .go(past_valid && on && m_valid && ahead == 2'd0),
      .sqe(t_sqe), .blocks, .opcode, .space, .inside_n, .inside_g, .first, .addr, .bytes, .span,
      .func(t_gthere ? t_g[23:16] : 8'd0), .idx({3'd0, f_ns}),
      .m_ok, .m_status, .m_dnr, .m_more, .m_cid, .m_op, .m_addr, .m_bytes, .m_span, .m_prp1, .m_prp2, .m_func, .m_nsi
  );

  // A range of that queue in that namespace: its verdict comes after 3 cycles, by the entries as they were when it was taken.
  reg [2:0]   d_on = 3'd0;
  reg [2:0]   d_inn, d_ing;
  reg [191:0] d_addr;
  wire [79:0] d_stop = {16'd0, ds_slba} + {48'd0, ds_nlb};

  always @(posedge clk) begin
    d_on   <= rst ? 3'd0 : {d_on[1:0], ds_valid && ds_ready && ds_qid == f_qid && ds_nsi == {3'd0, f_ns}};
    d_inn  <= {d_inn[1:0], n_there ? d_stop <= {16'd0, n_blocks} : d_stop == 80'd0};
    d_ing  <= {d_ing[1:0], g_there ? ds_slba >= g[127:64] && d_stop <= {16'd0, g[127:64]} + {16'd0, g[191:128]} : d_stop == 80'd0};
    d_addr <= {d_addr[127:0], n_base + (n_big ? ds_slba << 12 : ds_slba << 9)};
    if (past_valid && !rst) begin
      if (ds_valid) assert (ds_ready && !s_ready);
      if (d_on[2]) begin
        assert (dv_valid && dv_status == (!d_inn[2] ? 11'h080 : !d_ing[2] ? 11'h286 : 11'h000));
        if (dv_status == 11'h000 && dv_span != 44'd0) assert (dv_addr == d_addr[191:128]);
      end
      cover (d_on[2] && dv_status == 11'h000 && dv_span != 44'd0 && m_valid && !m_ready);
    end
  end

endmodule

`default_nettype wire
