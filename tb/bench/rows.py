# SPDX-License-Identifier: Apache-2.0
"""What `make bench` measures: rows, bounds, limits and the rivals' figures.

A bound is the number of cycles that the set-up's physics allows at best. Symbols: B bytes a beat, S bytes
an operation, N operations over all channels, L latency of the memory (AR handshake to first R beat and
last W beat to B are L cycles beyond the model's least of 1), D one-way delay of the link in cycles.

dma_copy    one memory port for descriptors, data and completions, one read beat and one write beat a
            cycle. touched(o, S) = beats that S bytes at offset o touch.
                R = N*(touched(src) + 32/B)   W = N*(touched(dst) + 16/B)
                bound = max(R, W) + 3*L + 16
            Measured from the W handshake of the first doorbell to the B of the last completion.
dma_kick    from the doorbell's W handshake to the first data AR handshake: bound = L + 12 at 64 bits; four of
            these are the descriptor's own beats: L + 8 + ceil(32/B) at any width.
dma_remote  WRITE. P = ceil(min(S, MTU)/B), H = 64/B beats of a header (the CRC is in it), A = H beats of an
            op-ack. A frame is stored whole before it is sent (its CRC goes first) and before it is used.
                link beats, one direction = N*(frames*H + ceil(S/B)), with both directions + N*A
                read port  = N*(ceil(S/B) + 32/B)
                write port = N*16/B at the sender, N*ceil(S/B) at the receiver; both sums with both directions
                bound = max of these + 4*L + 2*D + 2*P + A + 32
            The 4*L: descriptor, data, far write, completion. All clocks alike.
            READ. A request is a header without payload; there is no op-ack.
                link beats, one direction = N*(frames*H + ceil(S/B)) of data, with both directions + N*frames*H of requests
                read port  = N*ceil(S/B) at the peer, N*32/B here; both sums with both directions
                write port = N*(ceil(S/B) + 16/B)
                bound = max of these + 4*L + 2*D + 2*P + H + 32
            The 4*L: descriptor, far read, write, completion.
            MIRROR. Read once, written twice; the local copy of an operation's last frame waits for its op-ack, and an operation of
            several frames has a permission too: E = H beats of op-ack, and of OP_PERMIT if there are several frames.
                link beats, one direction = N*(frames*H + ceil(S/B)), with both directions + N*E
                read port  = N*(ceil(S/B) + 32/B)
                write port = N*(ceil(S/B) + 16/B), with both directions N*(2*ceil(S/B) + 16/B)
                bound = max(link beats, read port) + 5*L + 2*D + 3*P + A + 32, or if that is more write port + 4*L + D + 2*P + A + 32
            The 5*L: descriptor, data, far write, local write, completion. The third P: the local copy of the last frame. The write
            port waits for the first frame of the peer at most.
dma_cross   three nodes, each writes to both others at once, N/2 operations to each; at the memory ports the same work as
            dma_remote WRITE in both directions, on each link half of it.
                link beats, one direction = N/2*(frames*H + ceil(S/B) + A)
                read port = N*(ceil(S/B) + 32/B)   write port = N*(ceil(S/B) + 16/B)
                bound = max of these + 4*L + 2*D + 2*P + A + 32
perf        like perftest: n operations of S bytes one after the other (latency: doorbell to the B of the completion), then
            n in one go (bandwidth; message rate = n / time). `cycles` and `bound` are those of the n in one go, bound
            as dma_remote with one direction; extra has latency {min, typical, average, 99, 99.9} in cycles, bandwidth
            in bytes a cycle, average and peak (the best eighth), and the message rate in operations a cycle.
            FETCH_ADD: all on one cell, so one after the other, a read and a write of the peer's memory each.
                bound = N*2*(L + 1) + 3*L + 2*D + 2*H + 32
            The 3*L: descriptor, result, completion.
            WRITE_IMM: each waits for the answer to the one before it, to its only frame or to its question.
                one frame: bound = N*(2*(L + D + H) + P) + 2*L + 32, several: N*(F*H + P + 2*(D + H)) + 4*L + 32
            P: its beats, F: its frames.
link_ber    dma_remote WRITE, one direction, on a link with this bit error rate: ratio 1 is a link without errors. At 1e-4
            more than half of these frames are hit and the link may fall: software repeats what that ended.
rtt         8-byte WRITE, doorbell's W handshake to the B of its completion, everything else idle, one after the other; the worst of
            16, which is the first: both write ports were some other client's. H, E, C: beats of a header, a descriptor, a
            completion (8, 4, 2 at 64 bits). The parts that no design can leave out, in cycles:
                doorbell to the descriptor's AR 4, its reads L + E, to the data's AR 4, data L + 1
                into the FIFO to the link's clock 1, crossing 3, frame H, D, crossing 3, far write 1 + L + 1
                into the FIFO 1, crossing 3, op-ack H - 1, D, crossing 3, completion C + L + 1
                bound = 4*L + 2*D + 2*H + E + C + 25; 4*L + 2*D + 47 at 64 bits
            A crossing is the write and two flip-flops of the other clock. tb/bench/hops.py has them hop by hop; what is above them
            is checks, CRC, alignment, tables and registers. Runs on Icarus, which shows the hops.
dma_qos     shares: channels that always have work, weights w_i. In every window of 1 MiB of data writes the
            deviation |bytes_i - w_i*1 MiB/sum(w)| is at most 1% of 1 MiB. `cycles` is the worst deviation and
            `bound` the allowed one, both in bytes (extra.unit).
            urgency: a 64-byte COPY of class 3 while a class-0 channel moves 64 KiB pieces: doorbell to the B of its
            completion. bound = the same on an idle engine + beats of the reads in flight, READS_IN_FLIGHT *
            MAX_BURST_BYTES / B, twice (its descriptor queues behind data, then its data). accepts: the memory takes
            no more reads at a time.
sim_speed   two whole nodes at 128 bits that send to each other, on this machine and simulator, set-up and checks included:
            `bound` is the cycles that were simulated, `cycles` what 50,000 a second would have made of that time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from tb.bench import hops, nvme_rows
from tb.system.builds import BUILDS, TRIO_BUILDS

FRAME_HEADER = 64
MTU = 1024
MAX_BURST = 512
READS_IN_FLIGHT = 64
MIB = 1 << 20


@dataclass(frozen=True)
class Row:
    """One measurement: `top` and `parameters` say which build it needs."""

    bench: str
    config: dict[str, Any]
    top: str
    parameters: dict[str, int]
    limit: float | None = None  # of the ratio
    extra: dict[str, Any] = field(default_factory=dict)
    quick: bool = False
    sim: str | None = None  # the simulator that it needs

    @property
    def name(self) -> str:
        return self.bench + "".join(f",{k}={v}" for k, v in self.config.items())


def touched(offset: int, size: int, beat: int) -> int:
    """Beats that `size` bytes at `offset` touch."""
    return (offset % beat + size + beat - 1) // beat


def copy_bound(c: dict[str, Any]) -> int:
    b = c["data_w"] // 8
    r = c["n"] * (touched(c["src_off"], c["s"], b) + 32 / b)
    w = c["n"] * (touched(c["dst_off"], c["s"], b) + 16 / b)
    return ceil(max(r, w)) + 3 * c["latency"] + 16


def kick_bound(c: dict[str, Any]) -> int:
    return c["latency"] + 8 + ceil(32 / (c["data_w"] // 8))


def remote_bound(c: dict[str, Any]) -> int:
    b, n, s = c["data_w"] // 8, c["n"], c["s"]
    both = c["directions"] == 2
    head = FRAME_HEADER // b or 1
    frames = ceil(s / MTU)
    data = ceil(s / b)
    if c["op"] == "READ":
        link = n * (frames * head + data) + (n * frames * head if both else 0)
        read = ceil(n * (data + 32 / b)) if both else max(n * data, ceil(n * 32 / b))
        write = ceil(n * (data + 16 / b))
    elif c["op"] == "MIRROR":
        link = n * (frames * head + data) + (n * head * (2 if frames > 1 else 1) if both else 0)
        read = ceil(n * (data + 32 / b))
        write = ceil(n * ((2 if both else 1) * data + 16 / b))
    else:
        link = n * (frames * head + data) + (n * head if both else 0)
        read = ceil(n * (data + 32 / b))
        write = max(ceil(n * 16 / b), n * data) if not both else ceil(n * (data + 16 / b))
    p = ceil(min(s, MTU) / b)
    ends = 4 * c["latency"] + 2 * c["delay"] + 2 * p + head + 32
    if c["op"] == "MIRROR":
        return max(max(link, read) + ends + c["latency"] + p, write + ends - c["delay"])
    return max(link, read, write) + ends


def cross_bound(c: dict[str, Any]) -> int:
    b, n, s = c["data_w"] // 8, c["n"], c["s"]
    head, data = FRAME_HEADER // b or 1, ceil(s / b)
    link = n // 2 * (ceil(s / MTU) * head + data + head)
    ports = max(ceil(n * (data + 32 / b)), ceil(n * (data + 16 / b)))
    return max(link, ports) + 4 * c["latency"] + 2 * c["delay"] + 2 * ceil(min(s, MTU) / b) + head + 32


def perf_bound(c: dict[str, Any]) -> int:
    if c["op"] == "WRITE_IMM":
        b, n, latency, delay = c["data_w"] // 8, c["n"], c["latency"], c["delay"]
        head, frames, data = FRAME_HEADER // b, ceil(c["s"] / MTU), ceil(c["s"] / b)
        if frames == 1:
            return n * (2 * (latency + delay + head) + data) + 2 * latency + 32
        return n * (frames * head + data + 2 * (delay + head)) + 4 * latency + 32
    if c["op"] != "FETCH_ADD":
        return remote_bound({**c, "directions": 1})
    return c["n"] * 2 * (c["latency"] + 1) + 3 * c["latency"] + 2 * c["delay"] + 2 * FRAME_HEADER // (c["data_w"] // 8) + 32


def copy_limit(c: dict[str, Any]) -> float | None:
    if c["src_off"] or c["dst_off"]:
        return 1.05 if c["s"] >= 1000 else None
    if c["data_w"] == 64:
        return 1.02 if c["n"] >= 1000 else 1.05
    if c["data_w"] == 512:
        if c["s"] >= 1024:
            return 1.02
        if c["s"] == 256:
            return 1.11
        if c["s"] == 64:  # (cycles - 3*latency - 16)/N <= 3
            return (3 * c["n"] + 3 * c["latency"] + 16) / copy_bound(c)
    return None


def _copy(data_w, n, s, latency, channels, src_off=0, dst_off=0, quick=False) -> Row:
    config = {"data_w": data_w, "n": n, "s": s, "latency": latency, "channels": channels,
              "op": "COPY", "src_off": src_off, "dst_off": dst_off}
    return Row("dma_copy", config, "crl_tb_node", {"DATA_W": data_w}, copy_limit(config), quick=quick)


def _copy_rows() -> Iterator[Row]:
    for channels in (1, 8):
        for n in (64, 1000):
            for latency in (0, 20, 100, 200):
                for s in (64, 256, 1024, 4096):
                    yield _copy(64, n, s, latency, channels, quick=n == 64 and s <= 1024)
    for latency in (20, 100):
        for s in (64, 256, 1024, 4096):
            yield _copy(512, 1000, s, latency, 1, quick=s == 1024 and latency == 20)
    for data_w in (64, 512):
        for src_off, dst_off in ((3, 5), (5, 3)):
            for s in (64, 1000, 1024, 4096):
                yield _copy(data_w, 1000, s, 20, 1, src_off, dst_off,
                            quick=data_w == 64 and s == 1000)


def _kick_rows() -> Iterator[Row]:
    for data_w in (64, 512):
        for latency in (0, 20, 100):
            config = {"data_w": data_w, "latency": latency, "channels": 8}
            yield Row("dma_kick", config, "crl_tb_node", {"DATA_W": data_w},
                      1.0 if data_w == 64 else None, quick=data_w == 64)


def _remote_rows() -> Iterator[Row]:
    for op, limit in (("WRITE", 1.03), ("READ", 1.05), ("MIRROR", 1.05)):
        for data_w in (64, 512):
            for directions in (1, 2):
                for delay in (10, 200):
                    for s in (64, 256, 512, 1024, 4096):
                        n = 400 if op == "MIRROR" and s > 1024 else 1000  # both copies fit the memory
                        config = {"data_w": data_w, "n": n, "s": s, "latency": 20, "channels": 1,
                                  "op": op, "delay": delay, "directions": directions}
                        wide_read = data_w == 512 and op == "READ"  # its way back holds 64 frames at a delay of 200
                        yield Row("dma_remote", config, "crl_tb_pair",
                                  BUILDS[f"{data_w}b-8ch"] | ({"READ_SLOTS": 64} if wide_read else {}),
                                  limit if s >= 512 and not (wide_read and directions == 2) else None,
                                  quick=data_w == 64 and s == 1024)


def _cross_rows() -> Iterator[Row]:
    for delay in (10, 200):
        for s in (64, 512, 1024, 4096):
            config = {"data_w": 64, "n": 1000, "s": s, "latency": 20, "channels": 2, "op": "WRITE", "delay": delay, "nodes": 3}
            yield Row("dma_cross", config, "crl_tb_trio", TRIO_BUILDS["64b-4ch"] | {"STORE_W": 23}, 1.03 if s >= 512 else None,
                      quick=s == 1024 and delay == 10)


def _qos_rows() -> Iterator[Row]:
    for weights in ((1, 1), (1, 3), (1,) * 8, (1, 2, 3, 4, 5, 6, 7, 8)):
        config = {"data_w": 64, "kind": "shares", "weights": list(weights), "s": 4096, "latency": 20}
        yield Row("dma_qos", config, "crl_tb_node", {"DATA_W": 64}, 1.0, quick=weights == (1, 3))
    for latency in (0, 20, 100):
        config = {"data_w": 64, "kind": "urgency", "s": 64, "latency": latency}
        yield Row("dma_qos", config, "crl_tb_node", {"DATA_W": 64}, 1.0, quick=latency == 20)
    config = {"data_w": 64, "kind": "urgency", "s": 64, "latency": 20, "accepts": 2}
    yield Row("dma_qos", config, "crl_tb_node", {"DATA_W": 64}, 1.0)


def _speed_rows() -> Iterator[Row]:
    config = {"data_w": 128, "n": 1000, "s": 1024, "latency": 20, "channels": 1, "op": "WRITE", "delay": 10,
              "directions": 2}
    yield Row("sim_speed", config, "crl_tb_pair", BUILDS["128b-2ch"], 1.0)


PERF_SIZES = tuple(4**k for k in range(11))
PERF_OPS = {"WRITE": PERF_SIZES, "READ": PERF_SIZES, "WRITE_IMM": PERF_SIZES, "FETCH_ADD": (8,)}  # what else the engine can do joins here, and in PERF_DESC of run_rows.py


def _perf_rows() -> Iterator[Row]:
    for op, sizes in PERF_OPS.items():
        for delay in (10, 200):
            for s in sizes:
                config = {"data_w": 64, "op": op, "s": s, "n": max(4, min(1000, MIB // s)), "latency": 20,
                          "delay": delay}
                yield Row("perf", config, "crl_tb_pair", BUILDS["64b-8ch"], quick=s in (8, 64))


def _ber_rows() -> Iterator[Row]:
    for delay in (10, 200):
        for ber in (0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4):
            config = {"data_w": 64, "n": 1000, "s": 1024, "latency": 20, "channels": 1, "op": "WRITE", "delay": delay,
                      "directions": 1, "ber": ber}
            yield Row("link_ber", config, "crl_tb_pair", BUILDS["64b-8ch"], 1.03 if ber <= 1e-7 else None,
                      quick=ber == 1e-6 and delay == 10)


def _rtt_rows() -> Iterator[Row]:
    for data_w, delay in ((64, 10), (64, 200), (512, 10)):
        config = {"data_w": data_w, "op": "WRITE", "s": 8, "latency": 20, "delay": delay}
        yield Row("rtt", config, "crl_tb_pair", BUILDS[f"{data_w}b-8ch"], (hops.bound(config) + 30) / hops.bound(config),
                  quick=data_w == 64, sim="icarus")


def all_rows() -> list[Row]:
    return [*_copy_rows(), *_kick_rows(), *_remote_rows(), *_cross_rows(), *_perf_rows(), *_ber_rows(), *_rtt_rows(), *_qos_rows(), *_speed_rows(),
            *nvme_rows.rows(Row)]


BOUNDS = {"dma_copy": copy_bound, "dma_kick": kick_bound, "dma_remote": remote_bound, "link_ber": remote_bound,
          "rtt": hops.bound, "dma_cross": cross_bound,
          "perf": perf_bound, **nvme_rows.BOUNDS}

# Payload utilisation in %, 64-bit bus, 1000 aligned transfers, one in-order read channel that descriptors and
# data share, data checked; latency -> size -> per cent. Measured on the same memory model as ours.
RIVAL_UTILISATION = {
    "axi_cdma (no fetch)": {0: {64: 88.8, 256: 96.8, 1024: 99.0}, 20: {64: 47.0, 256: 95.0, 1024: 98.5},
                            100: {64: 14.0, 256: 44.7, 1024: 87.9}},
    "iDMA 4 in flight": {0: {64: 66.6, 256: 88.8, 1024: 97.0}, 20: {64: 66.2, 256: 88.7, 1024: 96.9},
                         100: {64: 26.2, 256: 82.4, 1024: 96.7}},
    "iDMA 24 in flight": {0: {64: 66.1, 256: 88.7, 1024: 96.9}, 20: {64: 65.8, 256: 88.5, 1024: 96.9},
                          100: {64: 64.6, 256: 87.9, 1024: 96.7}},
    "axisgdma": {0: {64: 25.8, 256: 41.0, 1024: 50.1}, 20: {64: 11.3, 256: 27.1, 1024: 43.3},
                 100: {64: 3.5, 256: 11.5, 1024: 28.1}},
}
# Cycles from the kick to the first data read; latency -> cycles.
RIVAL_KICK = {
    "axi_cdma (no fetch)": {0: 3, 20: 3, 100: 3},
    "iDMA 4 in flight": {0: 8, 20: 28, 100: 108},
    "iDMA 24 in flight": {0: 9, 20: 28, 100: 108},
    "axisgdma": {0: 17, 20: 37, 100: 117},
}
# Short runs of iDMA: 64 transfers of 64 bytes; latency -> cycles.
RIVAL_SHORT = {0: 787, 20: 856, 100: 1161}
