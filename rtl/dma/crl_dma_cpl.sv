// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_cpl: operations between their first burst and their completion: table, in-order
// retirement per channel, completion rings and the writer of completion entries.
//
// How: ends only mark the table (crl_dma_optab) and raise 'go' of their channel. The retirement
//   engine takes a channel whose 'go' is up, round robin, and looks at its oldest operation in two
//   cycles (R0 reads, R1 decides): done ones retire one after the other and their entries form one
//   burst, until the next is not done, 8 are together, or the ring or a 4 KiB block ends (with one
//   that posts nothing too: whether it does is known late). It starts a burst only when none waits
//   behind the one that the port works on, so that entries gather while the port is busy. Everything
//   retired passes a queue in which what was posted waits for its write response; behind it indices
//   become visible and events go out.
//   An entry for a peer's message (msg) is a burst of its own between two channels, through the same two cycles.
//   'one' and 'many' per channel tell whether another end may be known, so that a lone completion
//   leaves at once instead of after a look at its successor.
// Latency: end event to wb_valid 6 cycles for a lone completion. Throughput: one operation in two
//   cycles.
// Assumes: an operation of a channel is allocated only when cq_ok was up after its last allocation
//   was counted (the next cycle); a channel is configured only when op_empty and idle.
//   ldone_gen is alloc_gen of the entry: an end of an operation that has already ended is ignored.
`default_nettype none

module crl_dma_cpl #(
    parameter int CHANNELS          = 8,        // 1 to 64
    parameter int OPS               = 128,      // power of two
    parameter int PEERS             = 1,
    parameter int DATA_W            = 64,
    parameter int FUNC_W            = 8,
    parameter int OP_TIMEOUT_CYCLES = 1048576,
    parameter bit READ_EN           = 1,
    parameter bit MIRROR_EN         = READ_EN,
    localparam int CW = CHANNELS > 1 ? $clog2(CHANNELS) : 1,
    localparam int PW = PEERS > 1 ? $clog2(PEERS) : 1,
    localparam int OW = $clog2(OPS),
    localparam int GW = 16 - OW
) (
    input  wire logic                clk,
    input  wire logic                rst,            // synchronous, active high

    // Begin: takes an entry and reserves a completion slot
    input  wire logic                alloc_valid,    // event, only while alloc_ready
    output logic                     alloc_ready,    // stays up until an allocation takes the entry
    input  wire logic [CW-1:0]       alloc_ch,
    input  wire logic [15:0]         alloc_tag,
    input  wire logic                alloc_irq,      // interrupt when it completes
    input  wire logic                alloc_nocpl,    // no completion when it ends well
    input  wire logic                alloc_read,     // and is a READ
    input  wire logic                alloc_mirror,
    input  wire logic                alloc_remote,   // ends by rdone, ldone or the sweeper
    input  wire logic [PW-1:0]       alloc_peer,
    input  wire logic [31:0]         alloc_bytes,    // BYTES of the completion if it ends well
    input  wire logic [11:0]         alloc_cons,     // consumer index behind its descriptor
    output logic      [OW-1:0]       alloc_idx,
    output logic      [GW-1:0]       alloc_gen,

    // End
    input  wire logic                ldone_valid,    // event
    input  wire logic [OW-1:0]       ldone_idx,
    input  wire logic [GW-1:0]       ldone_gen,
    input  wire logic [7:0]          ldone_status,
    input  wire logic [PEERS-1:0]    rdone_valid,    // one a peer
    output logic      [PEERS-1:0]    rdone_ready,
    input  wire logic [PEERS*16-1:0] rdone_tag,      // {generation, index}
    input  wire logic [PEERS*8-1:0]  rdone_status,
    input  wire logic [PEERS*16-1:0] rdone_status2,
    input  wire logic [PEERS-1:0]    peer_up,        // its remote operations end when it falls
    input  wire logic [CHANNELS-1:0] sending,        // the time of its remote operations does not run
    output logic      [PEERS-1:0]    kill_valid,     // event: the peer's target shall end this READ
    output logic      [15:0]         kill_tag,
    output logic      [7:0]          kill_status,
    output logic      [CW-1:0]       sw_ch,          // sweeper: does this message wait?
    output logic      [OW-1:0]       sw_idx,
    input  wire logic                sw_waits,
    input  wire logic                fatal,          // all operations end with MEM_TIMEOUT

    // Channels
    output logic      [CHANNELS-1:0] cq_ok,          // a completion slot can be reserved
    output logic      [CHANNELS-1:0] op_empty,       // nothing allocated, no response awaited
    input  wire logic [CHANNELS-1:0] suppress,       // retire without posting
    input  wire logic                cfg_we,         // event: ring set-up, indices to 0
    input  wire logic [CW-1:0]       cfg_ch,
    input  wire logic [63:0]         cfg_base,       // absolute, aligned to min(ring, 4 KiB)
    input  wire logic [3:0]          cfg_log2,       // entries, 2 to 12
    input  wire logic [FUNC_W-1:0]   cfg_func,       // on whose behalf entries are written
    input  wire logic                cdb_valid,      // event: consumer doorbell
    input  wire logic [CW-1:0]       cdb_ch,
    input  wire logic [15:0]         cdb_val,
    output logic                     cdb_err_valid,  // event: out of range, ignored
    output logic      [CW-1:0]       cdb_err_ch,

    // Messages of peers: a slot is reserved, later used for an entry or given back
    input  wire logic                rsv_valid,      // stays until rsv_done
    input  wire logic [CW-1:0]       rsv_ch,
    output logic                     rsv_done,       // event
    output logic                     rsv_ok,
    input  wire logic                back_valid,     // give one back
    output logic                     back_ready,
    input  wire logic [CW-1:0]       back_ch,
    input  wire logic                msg_valid,      // an entry for a reserved slot
    output logic                     msg_ready,
    input  wire logic [CW-1:0]       msg_ch,
    input  wire logic [3:0]          msg_kind,
    input  wire logic [15:0]         msg_tag,
    input  wire logic [7:0]          msg_status,
    input  wire logic                msg_irq,
    input  wire logic [31:0]         msg_bytes,
    input  wire logic [31:0]         msg_imm,
    input  wire logic [11:0]         msg_cons,       // of the receive ring, for kind RECEIVE

    // Write client
    output logic                     wb_soon,        // it will come before long
    output logic                     wb_valid,
    input  wire logic                wb_ready,
    output logic                     wb_first,
    output logic                     wb_last,
    output logic      [63:0]         wb_addr,
    output logic      [7:0]          wb_len,
    output logic      [FUNC_W-1:0]   wb_user,
    output logic      [DATA_W-1:0]   wb_data,
    output logic      [DATA_W/8-1:0] wb_strb,
    input  wire logic                wb_b_valid,     // event, in order
    input  wire logic [1:0]          wb_b_resp,

    // Events and read-out
    output logic                     irq_valid,      // entries that ask for it are in memory
    output logic      [CW-1:0]       irq_ch,
    output logic                     cq_err_valid,   // a completion write failed
    output logic      [CW-1:0]       cq_err_ch,
    output logic      [1:0]          cq_err_resp,
    output logic                     ret_valid,      // an operation has retired
    output logic      [CW-1:0]       ret_ch,
    output logic      [7:0]          ret_status,
    output logic      [31:0]         ret_bytes,
    output logic      [11:0]         ret_cons,
    input  wire logic [CW-1:0]       rd_ch,
    output logic      [11:0]         rd_cq_prod,
    output logic      [11:0]         rd_cq_cons,
    output logic      [11:0]         rd_dr_cons
);

  localparam int INFO_W  = 16 + 32 + 12 + 2;
  localparam int MAX_RUN = 8;                           // operations looked at before others

  // ---------------------------------------------------------------------------------------------
  // Table

  logic                end_valid, hint_valid;
  logic [CW-1:0]       end_ch, hint_ch;
  logic                rt_re, rt_done, rt_last, rt_pop;
  logic [INFO_W-1:0]   rt_info;
  logic [7:0]          rt_status;
  logic [15:0]         rt_status2, rt_tag;
  logic [31:0]         rt_bytes;
  logic [11:0]         rt_cons;
  logic                rt_irq, rt_nocpl, good;
  logic [CHANNELS-1:0] empty;
  logic [CW-1:0]       ch_q;      // the channel that the engine works on

  crl_dma_optab #(
      .CHANNELS(CHANNELS), .OPS(OPS), .PEERS(PEERS), .OP_TIMEOUT_CYCLES(OP_TIMEOUT_CYCLES), .READ_EN(READ_EN), .MIRROR_EN(MIRROR_EN)
  ) u_optab (
      .clk, .rst,
      .alloc_valid, .alloc_ready, .alloc_ch, .alloc_remote, .alloc_read, .alloc_mirror, .alloc_peer,
      .kill_valid, .kill_tag, .kill_status, .sw_ch, .sw_idx, .sw_waits,
      .alloc_info({alloc_tag, alloc_bytes, alloc_cons, alloc_irq, alloc_nocpl}),
      .alloc_idx, .alloc_gen,
      .ldone_valid, .ldone_idx, .ldone_gen, .ldone_status,
      .rdone_valid, .rdone_ready, .rdone_tag, .rdone_status, .rdone_status2, .peer_up, .sending, .fatal,
      .hint_valid, .hint_ch, .end_valid, .end_ch,
      .rt_re, .rt_ch(ch_q), .rt_blind(cfg_we), .rt_done, .rt_last, .rt_info, .rt_good(good), .rt_status,
      .rt_status2, .rt_pop, .empty
  );

  assign {rt_tag, rt_bytes, rt_cons, rt_irq, rt_nocpl} = rt_info;

  // ---------------------------------------------------------------------------------------------
  // Rings

  logic          cfg_busy, give_q, give_ready;
  logic [CW-1:0] give_ch_q;
  logic [11:0]   slot, slot_next;
  logic          phase, edge_hit, post;
  logic          pub_valid, pub_prod;
  logic [CW-1:0] pub_ch;
  logic [11:0]   pub_slot, pub_cons;
  logic [57:0]   base;
  logic [FUNC_W-1:0] func;

  crl_dma_cplring #(.CHANNELS(CHANNELS)) u_ring (
      .clk, .rst,
      .cfg_we, .cfg_ch, .cfg_log2, .cfg_busy,
      .alloc_valid, .alloc_ch, .give_valid(give_q || back_valid), .give_ready, .give_ch(give_q ? give_ch_q : back_ch),
      .rsv_valid, .rsv_ch, .rsv_done, .rsv_ok, .cq_ok,
      .rt_ch(ch_q), .rt_slot(slot), .rt_next(slot_next), .rt_phase(phase), .rt_edge(edge_hit),
      .rt_post(post),
      .pub_prod, .pub_cons(pub_valid), .pub_ch, .pub_slot, .pub_dr_cons(pub_cons),
      .cdb_valid, .cdb_ch, .cdb_val, .cdb_err_valid, .cdb_err_ch,
      .rd_ch, .rd_cq_prod, .rd_cq_cons, .rd_dr_cons
  );

  crl_dma_tab #(.W(58 + FUNC_W), .DEPTH(CHANNELS > 1 ? CHANNELS : 2)) u_base (
      .clk, .we(cfg_we), .waddr(cfg_ch), .wdata({cfg_func, cfg_base[63:6]}),
      .re(state_q == R0 && !hold), .raddr(ch_q), .rdata({func, base})
  );

  // ---------------------------------------------------------------------------------------------
  // Retirement engine

  localparam logic [1:0] IDLE = 2'd0, R0 = 2'd1, R1 = 2'd2;

  logic [1:0]          state_q, state_d;
  logic [CW-1:0]       ch_d, ch_stay, other_ch;
  logic [CHANNELS-1:0] go_q, one_q, many_q;  // look at it; one end is known; maybe more are
  logic [CHANNELS-1:0] dead;                 // a completion write failed
  logic [CHANNELS-1:0] here;                 // one-hot of ch_q
  logic [CHANNELS-1:0] others;
  logic                other, other_take;
  logic [CHANNELS-1:0] unused_gnt;
  logic [2:0]          run_q;
  logic                open_q;               // a burst is open
  logic                mute_q;               // retire without posting
  logic                quiet, more, stop, none_left, look, close;
  logic                msg_q;                // it works on a peer's message
  logic                msg_due_q;            // one waits
  logic                msg_take, told;
  logic                wr_busy, hold, ret_room;

  always_comb begin
    here       = '0;
    here[ch_q] = 1'b1;
  end

  assign others = go_q & ~empty & ~(state_q == IDLE ? '0 : here);

  crl_rr_arb #(.N(CHANNELS)) u_arb (
      .clk, .rst, .req(others), .ack(other_take), .gnt(unused_gnt), .gnt_idx(other_ch),
      .gnt_valid(other)
  );

  assign hold      = (!open_q && wr_busy) || give_q || !ret_room;
  assign rt_re     = state_q == R0 && !hold && !msg_q;
  assign look      = state_q == R1 && !cfg_busy && !msg_q;
  assign told      = state_q == R1 && !cfg_busy && msg_q;
  assign msg_ready = told;
  assign back_ready = give_ready && !give_q;
  assign rt_pop    = rt_done;
  assign quiet     = mute_q || (rt_nocpl && good);
  assign post      = told ? !mute_q : rt_pop && !quiet;
  assign none_left = rt_last || !many_q[ch_q];
  assign more      = !none_left && run_q != 3'(MAX_RUN - 1);
  assign stop      = !more || edge_hit;  // if it is done; whether it posts would come late

  // What R1 finds comes late out of the table. So both outcomes are worked out beside it, and it only selects: 'keep' holds
  // synthesis to that. An idle engine starts with a hint, before the end has raised 'go'; a look for nothing does no harm.
  (* keep *) logic          found;                       // = rt_done
  (* keep *) logic          none_close, none_take;       // if nothing is found
  (* keep *) logic          done_close, done_take;       // if something is
  (* keep *) logic [CW-1:0] none_ch, done_ch;
  (* keep *) logic [1:0]    none_state, done_state;
  (* keep *) logic [CHANNELS-1:0] none_go, none_one, none_many, done_go, done_one, done_many;
  (* keep *) logic          none_msg, done_msg;          // a message is next
  logic                     leave_done, leave_none;

  assign found      = rt_done;
  // This channel is left for another one, for a message or for IDLE.
  assign leave_none = look || told;
  assign leave_done = look && (none_left || (stop && (other || msg_due_q)));
  assign ch_stay    = state_q == IDLE ? (other ? other_ch : hint_ch) : ch_q;
  assign none_close = (look && open_q) || (told && !mute_q);
  assign done_close = look && stop && (open_q || !quiet);
  assign none_msg   = msg_due_q && (leave_none || state_q == IDLE);
  assign done_msg   = msg_due_q && (leave_done || state_q == IDLE);
  assign none_take  = other && !msg_due_q && (leave_none || state_q == IDLE);
  assign done_take  = other && !msg_due_q && (leave_done || state_q == IDLE);
  assign none_ch    = none_msg ? msg_ch : leave_none && other ? other_ch : ch_stay;
  assign done_ch    = done_msg ? msg_ch : leave_done && other ? other_ch : ch_stay;
  assign close      = found ? done_close : none_close;
  assign other_take = found ? done_take : none_take;
  assign msg_take   = found ? done_msg : none_msg;
  assign ch_d       = found ? done_ch : none_ch;
  assign state_d    = found ? done_state : none_state;

  always_comb begin
    for (int c = 0; c < CHANNELS; c++) begin
      none_go[c]   = go_q[c] && !(look && here[c]);
      none_one[c]  = one_q[c];
      none_many[c] = many_q[c];
      done_go[c]   = go_q[c] && !(look && here[c] && none_left);
      done_one[c]  = one_q[c] && !(look && here[c] && none_left);
      done_many[c] = many_q[c] && !(look && here[c] && rt_last);
      if (end_valid && CW'(c) == end_ch) begin
        none_go[c]   = 1'b1;
        done_go[c]   = 1'b1;
        none_one[c]  = 1'b1;
        done_one[c]  = 1'b1;
        none_many[c] = many_q[c] || one_q[c];
        done_many[c] = (one_q[c] && !(here[c] && none_left)) || done_many[c];
      end
    end
  end

  always_comb begin
    case (state_q)
      R0:      none_state = hold ? R0 : R1;
      R1:      none_state = leave_none && !other && !msg_due_q ? IDLE : R0;
      default: none_state = other || hint_valid || msg_due_q ? R0 : IDLE;
    endcase
    case (state_q)
      R0:      done_state = hold ? R0 : R1;
      R1:      done_state = leave_done && !other && !msg_due_q ? IDLE : R0;
      default: done_state = other || hint_valid || msg_due_q ? R0 : IDLE;
    endcase
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q <= IDLE;
      ch_q    <= '0;
      go_q    <= '0;
      one_q   <= '0;
      many_q  <= '0;
      open_q  <= 1'b0;
      run_q   <= '0;
      mute_q  <= 1'b0;
      msg_q     <= 1'b0;
      msg_due_q <= 1'b0;
    end else begin
      state_q <= state_d;
      ch_q    <= ch_d;
      if (state_q == IDLE || (found ? leave_done : look || told)) msg_q <= msg_due_q;
      // After a message the channels have a turn.
      msg_due_q <= msg_valid && !msg_q && !msg_take;
      if (state_q == R0 && !hold) mute_q <= suppress[ch_q] || dead[ch_q];
      if (look) begin
        open_q <= rt_done && !stop && (open_q || !quiet);
        run_q  <= rt_done && !stop ? run_q + 1'b1 : '0;
      end
      go_q   <= found ? done_go : none_go;
      one_q  <= found ? done_one : none_one;
      many_q <= found ? done_many : none_many;
    end
  end

  // ---------------------------------------------------------------------------------------------
  // The entry, on its way to the writer and to the queue of what has retired

  logic          e_valid_q, e_start_q, e_close_q, e_irq_q, e_ret_q;
  logic [127:0]  e_data_q, e_data;
  logic [11:0]   e_slot_q, e_next_q, e_cons_q;
  logic [31:0]   e_bytes_q;
  logic [57:0]   e_base_q;
  logic [FUNC_W-1:0] e_user_q;
  logic          e_msg_q;
  logic [11:0]   cons, cons_ram;        // of the descriptor ring, behind the last one that retired
  logic [CHANNELS-1:0] begun_q;         // it means something
  logic          b_take, sent_valid, sent_irq;
  logic [2:0]    sent_more;
  logic          unused_base;

  assign unused_base = &{1'b0, cfg_base[5:0]};

  always_comb begin
    e_data = '0;
    e_data[crl_pkg::CQE_TAG_LSB +: crl_pkg::CQE_TAG_W]       = rt_tag;
    e_data[crl_pkg::CQE_STATUS_LSB +: crl_pkg::CQE_STATUS_W] = rt_status;
    e_data[crl_pkg::CQE_KIND_LSB +: crl_pkg::CQE_KIND_W]     =
        crl_pkg::CQE_KIND_W'(crl_pkg::CQE_KIND_DESCRIPTOR);
    e_data[crl_pkg::CQE_PHASE_LSB]                           = phase;
    e_data[crl_pkg::CQE_DRING_CONS_LSB +: 12]                = rt_cons;
    e_data[crl_pkg::CQE_STATUS2_LSB +: crl_pkg::CQE_STATUS2_W] = rt_status2;
    e_data[crl_pkg::CQE_BYTES_LSB +: crl_pkg::CQE_BYTES_W]   = good ? rt_bytes : '0;
    if (msg_q) begin
      e_data[crl_pkg::CQE_TAG_LSB +: crl_pkg::CQE_TAG_W]       = msg_tag;
      e_data[crl_pkg::CQE_STATUS_LSB +: crl_pkg::CQE_STATUS_W] = msg_status;
      e_data[crl_pkg::CQE_KIND_LSB +: crl_pkg::CQE_KIND_W]     = msg_kind;
      e_data[crl_pkg::CQE_DRING_CONS_LSB +: 12]                = msg_kind == crl_pkg::CQE_KIND_RECEIVE ? msg_cons : cons;
      e_data[crl_pkg::CQE_STATUS2_LSB +: crl_pkg::CQE_STATUS2_W] = '0;
      e_data[crl_pkg::CQE_BYTES_LSB +: crl_pkg::CQE_BYTES_W]   = msg_bytes;
      e_data[crl_pkg::CQE_IMMEDIATE_LSB +: crl_pkg::CQE_IMMEDIATE_W] = msg_imm;
    end
  end

  crl_ram_lut #(.W(12), .DEPTH(CHANNELS)) u_cons (
      .clk, .we(rt_pop), .waddr(ch_q), .wdata(rt_cons), .raddr(ch_q), .rdata(cons_ram)
  );
  assign cons = begun_q[ch_q] ? cons_ram : '0;
  always_ff @(posedge clk) begin
    if (rst) begun_q <= '0;
    else begin
      if (rt_pop) begun_q[ch_q] <= 1'b1;
      if (cfg_we) begun_q[cfg_ch] <= 1'b0;
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      e_valid_q <= 1'b0;
      e_close_q <= 1'b0;
      e_ret_q   <= 1'b0;
      give_q    <= 1'b0;
    end else begin
      e_valid_q <= post;
      e_close_q <= close;
      e_ret_q   <= rt_pop || told;
      if ((rt_pop || told) && !post) give_q <= 1'b1;
      else if (give_ready) give_q <= 1'b0;
    end
    if (rt_pop || told) give_ch_q <= ch_q;
    e_msg_q   <= told;
    e_start_q <= !open_q;
    e_irq_q   <= msg_q ? msg_irq : rt_irq || !good;
    e_data_q  <= e_data;
    e_slot_q  <= slot;
    e_next_q  <= slot_next;
    e_cons_q  <= msg_q ? cons : rt_cons;
    e_bytes_q <= good ? rt_bytes : '0;
    e_base_q  <= base;
    e_user_q  <= func;
  end

  crl_dma_cplwr #(.DATA_W(DATA_W), .FUNC_W(FUNC_W)) u_wr (
      .clk, .rst,
      .e_valid(e_valid_q), .e_start(e_start_q), .e_irq(e_irq_q), .e_data(e_data_q),
      .e_slot(e_slot_q), .e_base(e_base_q), .e_user(e_user_q), .e_close(e_close_q), .busy(wr_busy),
      .wb_soon, .wb_valid, .wb_ready, .wb_first, .wb_last, .wb_addr, .wb_len, .wb_user, .wb_data, .wb_strb,
      .sent_valid, .sent_ready(b_take), .sent_more, .sent_irq
  );

  crl_dma_cplret #(.CHANNELS(CHANNELS)) u_ret (
      .clk, .rst, .stop(cfg_busy), .cfg_we, .cfg_ch, .alloc_valid, .alloc_ch, .empty, .op_empty,
      .pop_valid(rt_pop || told), .pop_ch(ch_q), .pop_msg(told),
      .put_valid(e_ret_q), .put_msg(e_msg_q), .put_ch(give_ch_q), .put_post(e_valid_q),
      .put_status(e_data_q[crl_pkg::CQE_STATUS_LSB +: 8]), .put_bytes(e_bytes_q), .put_cons(e_cons_q),
      .put_slot(e_next_q), .room(ret_room),
      .sent_valid, .sent_ready(b_take), .sent_more, .sent_irq, .b_valid(wb_b_valid), .b_resp(wb_b_resp),
      .dead, .pub_valid, .pub_prod, .pub_ch, .pub_slot, .pub_cons,
      .irq_valid, .irq_ch, .cq_err_valid, .cq_err_ch, .cq_err_resp,
      .ret_valid, .ret_ch, .ret_status, .ret_bytes, .ret_cons
  );

endmodule

`default_nettype wire
