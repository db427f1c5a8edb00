// SPDX-License-Identifier: Apache-2.0
//
// crl_dma_decide: what becomes of a pick (T1 of crl_dma_issue): kill it, or go on with which chunk.
//
// How: the first chunk of an operation is described by its descriptor's info, a later one by its context's. A pick is killed
//   when a condition no longer holds. An operation that was ended from outside (peer lost, time-out) has left the
//   table, or will: its context just goes, in silence, so that nothing of it is sent when the link comes up again. One
//   that is to be ended (abort, failed read) makes a last chunk without bytes. In the middle of a frame both wait for
//   the frame's end, so that the link never holds half a frame.
//   The first frame of a message leaves its context behind, since it may have to come again: then, and if it has several
//   frames, it asks first (crl_dma_hold).
//   What is marked as message and as READ is a MIRROR: a WRITE whose frames need a place in the hold FIFO.
// Latency: none, combinational.
`default_nettype none

module crl_dma_decide #(
    parameter int MAX_BURST_BYTES = 512,
    parameter bit MIRROR_EN = 1,
    localparam int MBW     = $clog2(MAX_BURST_BYTES),
    localparam int CINFO_W = MBW + 7,   // {message, read, remote, frame start, frame end, last, n}
    localparam int INFO_W  = MBW + 9    // {message, bad, no data, read, remote, fence, frame end, last, n}
) (
    // The pick
    input  wire logic               under_way,    // the channel has an operation under way
    input  wire logic               no_desc,      // no descriptor is staged
    input  wire logic               half,         // its second slot is not
    input  wire logic               in_frame,     // a chunk of a frame that has begun
    input  wire logic [CINFO_W-1:0] cinfo,
    input  wire logic [INFO_W-1:0]  dinfo,

    // Conditions of its channel
    input  wire logic               run,
    input  wire logic               cq_ok,
    input  wire logic               op_empty,
    input  wire logic               ending,       // the operation under way is to be ended
    input  wire logic               lost,         // its link fell
    input  wire logic               up,
    input  wire logic               give_up,      // if it is down: no more waiting
    input  wire logic               credit,
    input  wire logic               rd_slot,      // a receive slot for an answer
    input  wire logic               place,        // a place in the hold FIFO
    input  wire logic               reserving,
    input  wire logic               alloc_ready,
    input  wire logic               again,        // nothing of the message is under way: it asks again
    input  wire logic               permitted,    // the message may come
    input  wire logic               gone,         // the message is over

    // Verdict
    output logic                    kill,
    output logic                    none,         // killed, or nothing is left to do
    output logic                    fenced,       // because the descriptor waits for all before it
    output logic                    parked,       // because it waits for its link to come up
    output logic                    seen,         // remote means something
    output logic                    silent,       // the context goes, nothing else
    output logic                    reserve,      // a frame is to be reserved, if it is not killed

    // The chunk
    output logic                    first,        // of its operation
    output logic                    term,         // ends the operation
    output logic                    last,         // nothing of the operation is left behind
    output logic                    ends,         // the operation's last frame
    output logic                    holds,        // the channel waits for an answer to this frame
    output logic                    back,         // behind this chunk the operation begins anew
    output logic                    fend,
    output logic                    fstart,
    output logic                    remote,
    output logic                    read,
    output logic                    mirror,
    output logic                    nodata,
    output logic      [MBW:0]       bytes,        // early: if it is not broken off
    output logic      [MBW:0]       n
);

  logic k_msg, k_read, msg, bad, fence, no_data, to_end, to_fend, stop, old, no_credit, trial;

  always_comb begin
    if (under_way) begin
      {k_msg, k_read, remote, fstart, to_fend, to_end, bytes} = cinfo;
      bad     = 1'b0;
      no_data = 1'b0;
      fence   = 1'b0;
      if (again) begin
        fstart  = 1'b1;
        to_fend = 1'b1;
        to_end  = 1'b0;
        bytes   = '0;
      end
    end else begin
      {k_msg, bad, no_data, k_read, remote, fence, to_fend, to_end, bytes} = dinfo;
      fstart  = 1'b1;
    end
  end

  assign mirror = MIRROR_EN && k_msg && k_read;
  assign msg    = k_msg && !mirror;
  assign read   = k_read && !mirror;

  assign first  = !under_way;
  assign old    = first && no_desc;   // the info of a channel whose last descriptor has just gone means nothing
  assign seen   = !old;
  assign silent = under_way && !in_frame && (op_empty || (lost && !again) || gone);
  assign term   = under_way && !silent && !in_frame && ending;

  assign stop   = term || silent;
  assign trial  = msg && !(under_way && permitted);
  assign last   = (to_end && !trial) || stop;
  assign ends   = to_end || stop;
  assign holds  = trial && to_fend && !stop;
  assign back   = trial && to_end && !stop;
  assign fend   = to_fend || stop;
  assign n      = stop ? '0 : bytes;
  assign nodata = no_data || term;

  assign reserve   = remote && !silent && (term ? !again : fstart);
  assign fenced    = first && !no_desc && fence && !op_empty;
  assign no_credit = reserve && !old && up && (!credit || (read && !rd_slot) || (mirror && !place) || reserving);
  assign parked    = first && remote && !no_desc && !bad && !up && !give_up;
  assign none      = kill || stop;
  assign kill      = fenced || parked || no_credit || (first && (no_desc || half || bad || !cq_ok || !alloc_ready || !run));

endmodule

`default_nettype wire
