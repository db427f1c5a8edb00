// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_assemble: turns the read beats of a descriptor burst into descriptors.
//
// How: 64 and 128 bits collect words and hand the descriptor over with the beat that completes the
//   destination (the operand follows later and is not needed to start, but for atomics, second slots, messages and MIRROR,
//   whose descriptors wait for it at 64 bits). 256 bits register the beat. 512 bits hold two
//   descriptors a beat: a FIFO takes the beats and a serialiser cuts them, one descriptor a cycle.
// Latency: 0 cycles (64, 128 bits: combinational with the beat), 1 (256), 2 (512).
// Throughput: one beat a cycle; at 512 bits the FIFO absorbs bursts, two cycles a full beat on average.
// Errors: an error response marks this and all later descriptors of the burst as bad.
// Assumes: bursts do not interleave; DESC layout of rtl/regs/layouts.yaml.
`default_nettype none

module crl_dma_assemble #(
    parameter int DATA_W    = 64,  // bits a beat: 64, 128, 256, 512
    parameter bit ATOMIC_EN = 1,   // operands of atomics and second slots are wanted
    parameter bit SEND_EN   = 1,   // immediates are
    parameter bit MIRROR_EN = 1    // peer addresses of MIRROR are
) (
    input  wire logic              clk,
    input  wire logic              rst,
    input  wire logic              r_valid,   // read beats of descriptor bursts, in order
    output logic                   r_ready,
    input  wire logic [DATA_W-1:0] r_data,
    input  wire logic [1:0]        r_resp,
    input  wire logic              r_last,
    input  wire logic              b_odd,     // the burst at the head starts in the upper half of a 512-bit beat
    input  wire logic              b_odd_end, // and it ends in a lower half
    output logic                   b_done,    // event: last beat of the burst at the head was taken
    output logic [1:0]             b_resp,    // with b_done: worst response of the burst
    output logic                   d_valid,   // event: a descriptor
    output logic [191:0]           d_data,    // {DST, SRC, LENGTH..OPCODE}
    output logic [63:0]            d_oper,    // OPERAND, of atomics, second slots, messages and MIRROR
    output logic                   d_bad      // it lay behind an error response
);

  logic [1:0] resp_q, resp_now;
  logic       take;

  assign take     = r_valid && r_ready;
  assign resp_now = r_resp > resp_q ? r_resp : resp_q;

  always_ff @(posedge clk) begin
    if (rst) resp_q <= 2'b00;
    else if (take) resp_q <= r_last ? 2'b00 : resp_now;
  end

  generate
    if (DATA_W == 64) begin : g_64
      logic [1:0]   beat_q;
      logic [127:0] word_q;
      logic [63:0]  dst_q;
      logic         late_q;   // it is handed over with its operand
      assign r_ready = 1'b1;
      assign d_valid = take && beat_q == (late_q ? 2'd3 : 2'd2);
      assign d_data  = {late_q ? dst_q : r_data, word_q};
      assign d_oper  = r_data;
      assign d_bad   = resp_now[1];
      assign b_done  = take && r_last;
      assign b_resp  = resp_now;
      always_ff @(posedge clk) begin
        if (rst) beat_q <= 2'd0;
        else if (take) beat_q <= beat_q + 2'd1;
        if (take && beat_q == 2'd0) word_q[63:0] <= r_data;
        if (take && beat_q == 2'd1) word_q[127:64] <= r_data;
      end
      if (ATOMIC_EN || SEND_EN || MIRROR_EN) begin : g_late
        logic [7:0] op;
        assign op = r_data[crl_pkg::DESC_OPCODE_LSB +: 8];
        always_ff @(posedge clk) begin
          if (take && beat_q == 2'd0)
            late_q <= (ATOMIC_EN && (op == crl_pkg::OP_FETCH_ADD || op == crl_pkg::OP_CMP_SWAP || op == crl_pkg::OP_EXT))
                      || (SEND_EN && (op == crl_pkg::OP_WRITE_IMM || op == crl_pkg::OP_SEND)) || (MIRROR_EN && op == crl_pkg::OP_MIRROR);
          if (take && beat_q == 2'd2) dst_q <= r_data;
        end
      end else begin : g_early
        assign late_q = 1'b0;
        assign dst_q  = '0;
      end
      // One descriptor is four beats: the one that is followed by r_last is the last.
      // It is not known a beat earlier, so the burst's end is told by b_done alone.
      logic unused;
      assign unused = &{1'b0, b_odd, b_odd_end};
    end else if (DATA_W == 128) begin : g_128
      logic         beat_q;
      logic [127:0] word_q;
      assign r_ready = 1'b1;
      assign d_valid = take && beat_q;
      assign d_data  = {r_data[63:0], word_q};
      assign d_oper  = r_data[127:64];
      assign d_bad   = resp_now[1];
      assign b_done  = take && r_last;
      assign b_resp  = resp_now;
      always_ff @(posedge clk) begin
        if (rst) beat_q <= 1'b0;
        else if (take) beat_q <= !beat_q;
        if (take && !beat_q) word_q <= r_data;
      end
      logic unused;
      assign unused = &{1'b0, b_odd, b_odd_end};
    end else if (DATA_W == 256) begin : g_256
      logic         v_q, last_q;
      logic [1:0]   r_q;
      logic [255:0] word_q;
      assign r_ready = 1'b1;
      assign d_valid = v_q;
      assign d_data  = word_q[191:0];
      assign d_oper  = word_q[255:192];
      assign d_bad   = r_q[1];
      assign b_done  = v_q && last_q;
      assign b_resp  = r_q;
      always_ff @(posedge clk) begin
        if (rst) v_q <= 1'b0;
        else v_q <= take;
        last_q <= r_last;
        r_q    <= resp_now;
        word_q <= r_data;
      end
      logic unused;
      assign unused = &{1'b0, b_odd, b_odd_end};
    end else begin : g_512
      localparam int FW = 512 + 3;
      logic          f_valid, f_ready, f_last, half_q, first_q, is_hi, is_end;
      logic [1:0]    f_resp;
      logic [511:0]  f_data;
      logic [FW-1:0] f_word;
      logic [6:0]    level;
      crl_fifo_bram #(.W(FW), .DEPTH(64)) u_fifo (
          .clk, .rst, .s_valid(r_valid), .s_ready(r_ready), .s_data({r_last, resp_now, r_data}),
          .m_valid(f_valid), .m_ready(f_ready), .m_data(f_word), .level(level)
      );
      assign {f_last, f_resp, f_data} = f_word;
      // Upper half: second step of a beat, or the first beat of a burst that starts odd.
      assign is_hi   = half_q || (first_q && b_odd);
      assign is_end  = is_hi || (f_last && b_odd_end);
      assign f_ready = f_valid && is_end;
      assign d_valid = f_valid;
      assign d_data  = is_hi ? f_data[447:256] : f_data[191:0];
      assign d_oper  = is_hi ? f_data[511:448] : f_data[255:192];
      assign d_bad   = f_resp[1];
      assign b_done  = f_valid && f_last && is_end;
      assign b_resp  = f_resp;
      always_ff @(posedge clk) begin
        if (rst) begin
          half_q  <= 1'b0;
          first_q <= 1'b1;
        end else if (f_valid) begin
          half_q <= !is_end;
          if (is_end) first_q <= f_last;
        end
      end
      logic unused;
      assign unused = &{1'b0, level};
    end
  endgenerate

endmodule

`default_nettype wire
