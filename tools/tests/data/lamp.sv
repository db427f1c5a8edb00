// SPDX-License-Identifier: Apache-2.0
// A state machine over a counter, for the tests of the wave viewer's set-up.
`default_nettype none
module lamp (
    input  wire logic       clk,       // clock
    input  wire logic       rst,       // synchronous reset
    output logic      [7:0] count,     // from the counter inside
    output logic            m_valid    // lit
);
  typedef enum logic [1:0] {
    DARK,
    GLOW = 2'd2,
    BRIGHT
  } lamp_t;
  lamp_t      state_q;
  localparam logic [7:0] OP_WAIT = 8'h00, OP_SHINE = 8'h01;
  logic [7:0] op;
  logic       big;
  assign op      = big ? OP_SHINE : OP_WAIT;
  assign m_valid = state_q == BRIGHT;
  toggle #(
      .W(8),
      .LIMIT(200)
  ) u_toggle (
      .clk(clk),
      .rst(rst),
      .count(count),
      .big(big)
  );
  always_ff @(posedge clk) begin
    if (rst) state_q <= DARK;
    else if (state_q == DARK) state_q <= GLOW;
    else state_q <= BRIGHT;
  end
endmodule
`default_nettype wire
