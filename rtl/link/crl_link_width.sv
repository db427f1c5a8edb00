// SPDX-License-Identifier: Apache-2.0
//
// crl_link_width: width converter for a stream of frames, wider or narrower by a power of two.
//
// How: wider out: beats are collected, the last one of a frame goes out early with zeros above it.
//   Narrower out: a beat is held and cut into pieces, lowest first; of the last beat of a frame only
//   the first s_pieces + 1 pieces leave. Equal widths: wires.
// Latency: 0 for equal widths, 1 cycle otherwise. Throughput: a beat a cycle on the narrow side.
// Assumes: m_valid and m_data don't change while m_valid is high and m_ready low, 'clear' apart.
`default_nettype none

module crl_link_width #(
    parameter int IN_W   = 64,  // bits a beat in
    parameter int OUT_W  = 64,  // bits a beat out
    localparam int RATIO = IN_W > OUT_W ? IN_W / OUT_W : OUT_W / IN_W,
    localparam int NW    = RATIO > 1 ? $clog2(RATIO) : 1
) (
    input  wire logic             clk,
    input  wire logic             rst,
    input  wire logic             clear,    // drop what is held
    input  wire logic             s_valid,
    output logic                  s_ready,
    input  wire logic [IN_W-1:0]  s_data,
    input  wire logic             s_last,
    input  wire logic [NW-1:0]    s_pieces, // narrower out, with s_last: pieces in use, less one
    output logic                  m_valid,
    input  wire logic             m_ready,
    output logic      [OUT_W-1:0] m_data,
    output logic                  m_last
);

  initial begin
    if (IN_W > OUT_W ? IN_W % OUT_W != 0 : OUT_W % IN_W != 0)
      $fatal(1, "crl_link_width: one width must be a multiple of the other");
  end

  generate
    if (IN_W == OUT_W) begin : g_same
      logic unused;

      assign unused  = &{1'b0, clk, rst, clear, s_pieces};
      assign s_ready = m_ready;
      assign m_valid = s_valid;
      assign m_data  = s_data;
      assign m_last  = s_last;
    end else if (IN_W < OUT_W) begin : g_up
      logic [OUT_W-1:0] data_q;
      logic             valid_q, last_q;
      logic [NW-1:0]    idx_q;   // where the next beat goes
      logic             take, full, unused;

      assign unused  = &{1'b0, s_pieces};
      assign s_ready = !valid_q || m_ready;
      assign take    = s_valid && s_ready;
      assign full    = s_last || idx_q == NW'(RATIO - 1);
      assign m_valid = valid_q;
      assign m_data  = data_q;
      assign m_last  = last_q;

      always_ff @(posedge clk) begin
        if (take) begin
          // The first beat clears what the frame before left in the upper part.
          for (int i = 0; i < RATIO; i++) begin
            if (idx_q == NW'(i)) data_q[i*IN_W +: IN_W] <= s_data;
            else if (idx_q == '0) data_q[i*IN_W +: IN_W] <= '0;
          end
          last_q <= s_last;
        end
      end

      always_ff @(posedge clk) begin
        if (rst || clear) begin
          valid_q <= 1'b0;
          idx_q   <= '0;
        end else begin
          if (take) begin
            valid_q <= full;
            idx_q   <= full ? '0 : idx_q + 1'b1;
          end else if (m_ready) begin
            valid_q <= 1'b0;
          end
        end
      end
    end else begin : g_down
      logic [IN_W-1:0] data_q;
      logic            valid_q, last_q;
      logic [NW-1:0]   left_q;  // pieces behind the one that is shown
      logic            at_end;

      assign at_end  = left_q == '0;
      assign s_ready = !valid_q || (m_ready && at_end);
      assign m_valid = valid_q;
      assign m_data  = data_q[OUT_W-1:0];
      assign m_last  = last_q && at_end;

      always_ff @(posedge clk) begin
        if (s_ready) begin
          data_q <= s_data;
          last_q <= s_last;
        end else if (m_ready) begin
          data_q <= data_q >> OUT_W;
        end
      end

      always_ff @(posedge clk) begin
        if (rst || clear) begin
          valid_q <= 1'b0;
          left_q  <= '0;
        end else if (s_ready) begin
          valid_q <= s_valid;
          left_q  <= s_last ? s_pieces : NW'(RATIO - 1);
        end else if (m_ready) begin
          left_q <= left_q - 1'b1;
        end
      end
    end
  endgenerate

endmodule

`default_nettype wire
