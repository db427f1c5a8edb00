// SPDX-License-Identifier: Apache-2.0
//
// Harness for crl_nvme_exec, whole, from reset on: any commands, kills and aborts; a walker that gives any pieces, or an error; a mover that ends commands in
// order, with any status; memory and judge with any answers. Searched to a bound: every command that is taken is completed once, and never one that was not
// (followed by queue and identifier; counted for all); busy and idle say how many are here; slots of commands in the walker and the mover are different
// ones (addresses don't count here, fv_crl_nvme_exec_cut has them); an abort that found its command is followed by ABORT_REQUESTED; what is not ok ends with its status. That all
// of this holds without a bound, for slots and completions, is proved in fv_crl_nvme_exec_once; for chunks in fv_crl_nvme_exec_cut.
`default_nettype none

module fv_crl_nvme_exec (
    input wire        clk,
    input wire        rst,
    input wire        cfg_we,
    input wire        cfg_cq,
    input wire        s_valid,
    input wire        s_ok,
    input wire [1:0]  s_code,
    input wire        s_qid,
    input wire [2:0]  s_id,
    input wire [2:0]  s_kind,
    input wire        s_ad,
    input wire        ana_change,
    input wire        c_free,
    input wire        p_valid,
    input wire [12:0] p_len,
    input wire        p_last,
    input wire        p_error,
    input wire        k_ready,
    input wire        e_valid,
    input wire [1:0]  e_code,
    input wire        ds_ready,
    input wire        dv_bad,
    input wire        dv_some,
    input wire        ar_free,
    input wire        r_valid,
    input wire        r_bad,
    input wire        z_ready,
    input wire        kill_we,
    input wire        kill_qid,
    input wire [1:0]  kill_code,
    input wire        kill_drop,
    input wire        ab_valid,
    input wire [2:0]  ab_id
);

  localparam [7:0] FLUSH = 8'h00, WRITE = 8'h01, READ = 8'h02, COMPARE = 8'h05, ZEROES = 8'h08, DSM = 8'h09, VERIFY = 8'h0C;

  wire        s_ready, c_valid, c_qid, c_func, p_ready, k_valid, k_src_func, k_dst_func, k_to_host, k_first, k_last;
  wire        ds_valid, ds_qid, ar_valid, ar_user, z_valid, z_qid, z_dnr, z_more, z_drop, hd_qid, lg_valid, lg_qid, ab_done, ab_found, busy, idle;
  wire [63:0] c_prp1, c_prp2, k_src, k_dst, ds_slba, ar_addr, lg_lba;
  wire [31:0] c_bytes, ds_nlb, z_dw0, lg_nsid;
  wire [7:0]  c_right, c_tag, ar_len;
  wire [1:0]  k_kind, k_tag;
  wire [11:0] k_len, z_sqhd;
  wire [10:0] k_status, z_status, lg_status;
  wire [15:0] z_cid, lg_cid;
  wire [3:0]  ds_nsi;
  reg  [2:0]  dv_q = 3'd0;
  reg         w_busy = 1'b0, rd_busy = 1'b0;
  reg  [7:0]  rd_left;
  (* anyconst *) reg        f_qid;
  (* anyconst *) reg [2:0]  f_id;

  // Few values of what only goes through.
  wire [15:0] f_cid = {13'd0, f_id}, s_cid = {13'd0, s_id}, ab_cid = {13'd0, ab_id};
  wire [10:0] e_status;
  wire [10:0] s_status = s_ok ? 11'd0 : {9'd5, s_code}, kill_status = {9'd9, kill_code};
  wire [7:0]  s_op = s_kind == 3'd0 ? FLUSH : s_kind == 3'd1 ? WRITE : s_kind == 3'd2 ? READ : s_kind == 3'd3 ? COMPARE
                   : s_kind == 3'd4 ? ZEROES : s_kind == 3'd5 ? VERIFY : DSM;

  wire        dsm   = s_op == DSM;
  wire        spans = s_op == ZEROES || s_op == VERIFY;
  wire [31:0] bytes = dsm ? 32'd16 : spans || s_op == FLUSH ? 32'd0 : 32'd512;

  crl_nvme_exec #(.DATA_W(64), .QUEUES(1), .FUNC_W(1), .OPS(4), .NAMESPACES(1)) u_dut (
      .clk, .rst, .cfg_we, .cfg_qid(f_qid), .cfg_cq,
      .s_valid, .s_ready, .s_ok, .s_status, .s_dnr(s_status[0]), .s_more(s_status[1]), .s_qid, .s_cid, .s_op, .s_addr(64'd0), .s_bytes(bytes),
      .s_span(dsm || s_op == FLUSH ? 32'd0 : 32'd512), .s_prp1(64'd0), .s_prp2(64'd0), .s_func(1'b1), .s_nsi(4'd0), .s_nsid(32'd1),
      .s_cdw10(32'd0), .s_cdw11({29'd0, s_ad, 2'd0}), .ana_change,
      .c_valid, .c_ready(c_free && !w_busy), .c_qid, .c_func, .c_prp1, .c_prp2, .c_bytes, .c_right, .c_tag,
      .p_valid, .p_ready, .p_addr(64'd0), .p_len, .p_last, .p_tag(w_tag), .p_error, .p_status(11'h013),
      .k_valid, .k_ready, .k_kind, .k_src, .k_dst, .k_len, .k_src_func, .k_dst_func, .k_to_host, .k_tag, .k_first, .k_last, .k_status,
      .e_valid, .e_tag(m_tag[0]), .e_status,
      .ds_valid, .ds_ready, .ds_qid, .ds_nsi, .ds_slba, .ds_nlb, .dv_valid(dv_q[2]), .dv_status(dv_bad ? 11'h286 : 11'h000), .dv_addr(64'd0), .dv_span(dv_some ? 44'd512 : 44'd0),
      .ar_valid, .ar_ready(ar_free && !rd_busy), .ar_addr, .ar_len, .ar_user, .r_valid, .r_data(64'd0), .r_resp({r_bad, 1'b0}), .r_last(rd_left == 8'd0),
      .z_valid, .z_ready, .z_qid, .z_cid, .z_sqhd, .z_status, .z_dnr, .z_more, .z_dw0, .z_drop, .hd_qid, .hd_head(12'd5),
      .lg_valid, .lg_qid, .lg_cid, .lg_status, .lg_nsid, .lg_lba,
      .kill_we, .kill_qid, .kill_status, .kill_drop, .drop_all(1'b0), .ab_valid, .ab_qid(f_qid), .ab_cid, .ab_done, .ab_found,
      .busy_qid(f_qid), .busy, .idle
  );

  // --- neighbours --------------------------------------------------------------------------------
  reg         past = 1'b0, p_stall = 1'b0, s_stall = 1'b0;
  reg  [7:0]  w_tag;
  reg  [12:0] w_left;
  reg  [1:0]  m_tag [0:3];             // of the mover, the oldest first
  reg  [2:0]  m_cnt = 3'd0;
  reg  [1:0]  kill_rest = 2'd0;        // cycles to the next kill
  reg         ab_wait = 1'b0;
  reg         s_took = 1'b0;
  reg  [14:0] p_was;
  reg  [10:0] s_was;
  wire [14:0] p_now = {p_error, p_last, p_len};
  wire [10:0] s_now = {s_ok, s_code, s_qid, s_id, s_kind, s_ad};
  wire        ends = k_valid && k_ready && k_last;
  wire [2:0]  m_at = m_cnt - {2'd0, e_valid};
  integer     i;

`ifdef DSM_ONLY
  reg         taken = 1'b0, zeroed = 1'b0, dv_was;    // dv_was: one answer for all
  reg  [10:0] told;

  assign e_status = told;              // nothing fails in the mover

  always @(posedge clk) begin
    if (s_valid && s_ready) taken <= 1'b1;
    if (k_valid && k_kind == 2'd1 && k_len != 12'd0) zeroed <= 1'b1;
    if (ends) told <= k_status;
    dv_was <= dv_bad;
  end
`else
  assign e_status = {9'd0, e_code};
`endif

  always @(posedge clk) begin
    past    <= 1'b1;
    p_stall <= !rst && p_valid && !p_ready;
    s_stall <= !rst && s_valid && !s_ready;
    p_was   <= p_now;
    s_was   <= s_now;
    if (rst) begin
      w_busy    <= 1'b0;
      rd_busy   <= 1'b0;
      m_cnt     <= 3'd0;
      dv_q      <= 3'd0;
      kill_rest <= 2'd0;
      ab_wait   <= 1'b0;
    end else begin
      if (c_valid && c_free && !w_busy) w_busy <= 1'b1;
      else if (p_valid && p_ready && p_last) w_busy <= 1'b0;
      if (ar_valid && ar_free && !rd_busy) rd_busy <= 1'b1;
      else if (r_valid && rd_left == 8'd0) rd_busy <= 1'b0;
      m_cnt     <= m_at + {2'd0, ends};
      dv_q      <= {dv_q[1:0], ds_valid && ds_ready};
      kill_rest <= kill_we ? 2'd3 : kill_rest != 2'd0 ? kill_rest - 2'd1 : 2'd0;
      ab_wait   <= ab_valid || (ab_wait && !ab_done);
    end
    if (!w_busy) begin
      w_tag  <= c_tag;
      w_left <= c_bytes[12:0];
    end else if (p_valid && p_ready) w_left <= w_left - p_len;
    if (!rd_busy) rd_left <= ar_len;
    else if (r_valid) rd_left <= rd_left - 8'd1;
    for (i = 0; i < 4; i = i + 1) begin
      if (e_valid && i < 3) m_tag[i] <= m_tag[i + 1];
      if (ends && m_at[1:0] == i[1:0]) m_tag[i] <= k_tag;
    end
  end

  always @* begin
    if (!past) assume (rst);
    else assume (!rst);
    if (p_stall) assume (p_valid && p_now == p_was);
    if (s_stall) assume (s_valid && s_now == s_was);
    assume (s_kind != 3'd7);
    if (!w_busy) assume (!p_valid);
    if (p_valid && p_error) assume (p_last);
    if (p_valid && !p_error) assume (p_len != 13'd0 && p_len <= w_left && p_last == (p_len == w_left));
    if (m_cnt == 3'd0) assume (!e_valid);
    if (!rd_busy) assume (!r_valid);
    if (kill_rest != 2'd0) assume (!kill_we);
    if (ab_wait) assume (!ab_valid);
    if (busy) assume (!cfg_we);       // a queue is set up only when nothing of it is under way
`ifdef DSM_ONLY
    // For a witness alone: the one command followed, a list of one range, no kill, and neighbours that answer at once.
    assume (dsm && s_ok && s_qid == f_qid && s_cid == f_cid && !kill_we && !ab_valid && !cfg_we && !ana_change && k_ready && z_ready && ds_ready && ar_free && c_free);
    assume (s_valid == (past && !taken));
    assume (p_valid == w_busy && !p_error && p_len == w_left && r_valid == rd_busy && e_valid == (m_cnt != 3'd0));
    assume (!r_bad && dv_bad == dv_was && f_qid && f_id == 3'd1 && s_ad && dv_some);
`endif
  end

  // --- one command, and all of them -----------------------------------------------------------------
  reg        on = 1'b0;                // it was taken, and not completed
  reg        bad, aborted = 1'b0, killed;
  reg [10:0] status;
  reg [3:0]  here = 4'd0, mine = 4'd0;
  wire       take  = s_valid && s_ready, give = z_valid && z_ready;
  wire       its_s = s_cid == f_cid && s_qid == f_qid, its_z = z_cid == f_cid && z_qid == f_qid;

  always @* if (on && s_valid) assume (!its_s);

  always @(posedge clk) begin
    if (rst) begin
      on     <= 1'b0;
      here   <= 4'd0;
      mine   <= 4'd0;
      killed <= 1'b0;
    end else begin
      if (take && its_s) on <= 1'b1;
      else if (give && its_z) on <= 1'b0;
      here <= here + {3'd0, take} - {3'd0, give};
      mine <= mine + {3'd0, take && s_qid == f_qid} - {3'd0, give && z_qid == f_qid};
      if (kill_we && kill_qid == f_qid) killed <= 1'b1;
      else if (cfg_we && !cfg_cq) killed <= 1'b0;
    end
    if (take && its_s) begin
      bad     <= !s_ok;
      status  <= s_status;
      aborted <= 1'b0;
    end else if (ab_done && ab_found && ab_cid == f_cid) aborted <= 1'b1;

    if (past && !rst) begin
`ifdef BREAK
      if (give) assert (!its_z);   // wrong: it is completed
`endif
      if (z_valid && its_z) begin
        assert (on);
        if (bad && !killed) assert (z_status == status && z_dnr == status[0] && z_more == status[1]);
        if (bad) assert (!aborted);
      end
      if (m_cnt == 3'd4) assert (!ends);
      assert (here <= 4'd9);
      assert (idle == (here == 4'd0));
      assert (busy == (mine != 4'd0));
      if (on) assert (busy);
      if (!on) assert (!(z_valid && its_z));
      if (w_busy && m_cnt != 3'd0) assert (w_tag[1:0] != m_tag[0]);
      if (lg_valid) assert (give && z_more && !z_drop && lg_nsid == 32'd1);
`ifndef DSM_ONLY
      cover (give && its_z && bad);
      cover (give && its_z && !bad && z_status == 11'd0 && here == 4'd3);
      cover (give && its_z && aborted);
      cover (give && its_z && killed && z_status[10:2] == 9'd9 && !z_drop && !bad && !kill_we);
`else
      cover (give && its_z && zeroed && z_status == 11'd0);
      cover (give && its_z && !zeroed && z_status == 11'h286);
`endif
    end
  end

  reg [2:0] ab_was;

  always @(posedge clk) if (ab_valid) ab_was <= ab_id;
  always @* if (ab_wait) assume (ab_id == ab_was);

endmodule

`default_nettype wire
