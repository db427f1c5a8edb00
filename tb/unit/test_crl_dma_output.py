# SPDX-License-Identifier: Apache-2.0
"""Unit tests of the parts of crl_dma_move: crl_dma_feed, crl_dma_frames, crl_dma_wrend,
crl_dma_rdfail."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from models.lay import FrameFlag, FrameType, Status
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure


class Feed(CycleBench):
    idle = dict.fromkeys("s_valid s_drop s_fill s_beats s_pat d_valid d_data i_ready".split(), 0)
    rate, wrong = 0.5, 0

    def begin(self) -> None:
        self.chunk: tuple[str, int, int] | None = None  # kind, beats, pattern
        self.data: deque[int] = deque()  # beats of the read buffer
        self.due: deque[tuple[str, int]] = deque()  # beats of the chunks, with their kind
        self.held = False
        self.done = {"read": 0, "fill": 0, "drop": 0}

    def drive(self) -> None:
        r, i = self.rng, self.inp
        if self.chunk is None and r.random() < max(self.rate, 0.3):
            kind = r.choice(["read", "read", "fill", "drop"])
            self.chunk = (kind, r.choice([1, 1, 2, 9]), r.getrandbits(64))
        if self.chunk:
            kind, beats, pattern = self.chunk
            i.update(s_valid=1, s_drop=int(kind == "drop"), s_fill=int(kind == "fill"))
            i.update(s_beats=beats, s_pat=pattern)
        if self.data and (self.held or r.random() < self.rate):
            i.update(d_valid=1, d_data=self.data[0])
        i["i_ready"] = int(r.random() < self.rate)

    def check(self) -> None:
        i, width = self.inp, self.p["DATA_W"]
        kind, word = self.due[0] if self.due else ("none", 0)
        out, taken = self.get("i_valid"), i["d_valid"] and self.get("d_ready")
        if out:
            assert kind in ("read", "fill"), f"a beat while {kind} is next"
            assert self.get("i_data") == word ^ self.wrong
        moved = out and i["i_ready"] or taken and kind == "drop"
        assert taken == (moved and kind in ("read", "drop")), "beats of the buffer: one each"
        if moved:
            self.due.popleft()
            self.done[kind] += 1
        if taken:
            self.data.popleft()
        self.held = bool(i["d_valid"]) and not taken
        if i["s_valid"] and self.get("s_ready"):
            kind, beats, pattern = self.chunk
            for _ in range(beats):
                word = self.rng.getrandbits(width)
                if kind == "fill":
                    word = sum(pattern << s for s in range(0, width, 64))
                else:
                    self.data.append(word)
                self.due.append((kind, word))
            self.chunk = None


@cocotb.test()
async def feed(dut):
    """Stimulus: chunks of 1 to 9 beats, read, pattern or to be dropped, idle and stalling
    neighbours. Checking: every beat in order, no beat of a dropped chunk comes out, each of them
    is taken; chunks of one beat go at full rate. A wrong bit fails."""
    bench = Feed(dut)
    for rate in (0.2, 0.6, 1.0):
        bench.rate = rate
        await bench.reset()
        bench.begin()
        await bench.step(2000)
        assert min(bench.done.values()) > 20
    before = sum(bench.done.values())
    await bench.step(100)
    assert sum(bench.done.values()) - before == 100, "beats are not back to back"
    bench.wrong = 1
    await expects_failure(bench.step(50))


class WrEnd(CycleBench):
    idle = dict.fromkeys("s_valid s_ch s_tag s_first s_last s_none s_status b_valid b_resp".split(), 0)
    rate, b_rate, wrong, tag = 0.5, 0.5, 0, 0

    def begin(self) -> None:
        self.entry: dict[str, int] | None = None
        self.left: dict[int, list[int]] = {}  # of a channel: the operation under way, chunks to come
        self.errors: dict[int, int] = {}  # their first write error
        self.order: deque[dict] = deque()  # chunks that went out
        self.owed: deque[dict] = deque()  # those whose response is owed
        self.failed = 0

    def make(self) -> dict[str, int]:
        r = self.rng
        ch = r.randrange(self.p["CHANNELS"])
        first = ch not in self.left
        if first:
            self.tag = (self.tag + 1) & 0xFFFF
            self.left[ch] = [self.tag, r.choice([1, 2, 5])]
        tag = self.left[ch][0]
        self.left[ch][1] -= 1
        last = self.left[ch][1] == 0
        if last:
            del self.left[ch]
        return {
            "s_ch": ch,
            "s_tag": tag,
            "s_first": int(first),
            "s_last": int(last),
            "s_none": int(r.random() < 0.3),
            "s_status": r.choice([0, 0, int(Status.ABORTED)]) if last else 0,
        }

    def drive(self) -> None:
        r, i = self.rng, self.inp
        if self.entry is None and r.random() < self.rate:
            self.entry = self.make()
        if self.entry:
            i.update(s_valid=1, **self.entry)
        if self.owed and r.random() < self.b_rate:
            i.update(b_valid=1, b_resp=r.choice([0, 0, 0, 1, 2, 3]))

    def check(self) -> None:
        i = self.inp
        if self.get("ldone_valid"):
            # Chunks in front of the one that ends are over: their responses were given.
            while True:
                assert self.order and self.order[0]["resp"] is not None, "an end too early"
                chunk = self.order.popleft()
                tag = chunk["s_tag"]
                error = 0 if chunk["s_first"] else self.errors.get(tag, 0)
                if not error and chunk["resp"] >= 2:
                    error = int(Status.WRITE_DECERR if chunk["resp"] == 3 else Status.WRITE_SLVERR)
                self.errors[tag] = error
                if chunk["s_last"]:
                    break
            assert self.get("ldone_tag") == tag ^ self.wrong
            assert self.get("ldone_status") == (error or chunk["s_status"])
            self.failed += bool(error)
            self.compared += 1
        if i["b_valid"]:
            self.owed.popleft()["resp"] = i["b_resp"]
        if i["s_valid"] and self.get("s_ready"):
            chunk = {**self.entry, "resp": 0 if self.entry["s_none"] else None}
            self.order.append(chunk)
            if chunk["resp"] is None:
                self.owed.append(chunk)
            self.entry = None


@cocotb.test()
async def wrend(dut):
    """Stimulus: chunks of interleaved operations, with and without a burst, responses at once or
    late, errors, resets. Checking: one end an operation, in order, after the responses of all its
    chunks, with its first write error, else the status it came with. A wrong tag fails."""
    bench = WrEnd(dut)
    for rate, b_rate in ((0.3, 1.0), (1.0, 0.3), (1.0, 1.0)):
        bench.rate, bench.b_rate = rate, b_rate
        await bench.reset()
        bench.begin()
        await bench.step(800)
        bench.rate, bench.b_rate = 0, 1.0
        await bench.step(2 * bench.p["WRITES_IN_FLIGHT"] + 8)
        assert not bench.owed and not any(c["s_last"] for c in bench.order)
        assert not bench.get("busy")
    assert bench.compared > 200 and bench.failed > 50
    bench.wrong, bench.rate, bench.b_rate = 1, 1.0, 1.0
    await expects_failure(bench.step(100))


class RdFail(CycleBench):
    idle = dict.fromkeys("go ch op first rd resp status ack_tag ack_status".split(), 0)
    wrong = False
    NAK = int(Status.ABORTED) | 0x80

    def begin(self) -> None:
        self.code: dict[int, Status] = {}  # of an operation
        self.at: dict[int, int] = {}  # the one that a channel is at

    def drive(self) -> None:
        r, i, ops = self.rng, self.inp, self.p["OPS"]
        i["ch"] = r.randrange(self.p["CHANNELS"])
        i["first"] = int(i["ch"] not in self.at or r.random() < 0.2)
        i["op"] = r.choice([k for k in range(ops) if k not in self.at.values()]) if i["first"] else self.at[i["ch"]]
        i["go"] = int(r.random() < 0.8)
        i["rd"], i["resp"] = r.getrandbits(1), r.choice([0, 0, 1, 2, 3])
        i["status"] = int(r.choice([Status.OK, Status.OK, Status.KEY_REVOKED, Status.ABORTED]))
        self.acks = []
        for p in range(self.p["PEERS"]):
            idx = r.choice(list(self.code) or [0])
            tag = r.randrange(1 << 16) // ops * ops | idx
            status = r.choice([self.NAK, self.NAK, int(Status.OK), int(Status.SEG_RANGE) | 0x80])
            self.acks.append((idx, status))
            i["ack_tag"] |= tag << 16 * p
            i["ack_status"] |= status << 8 * p

    def check(self) -> None:
        i = self.inp
        error = bool(i["rd"] and i["resp"] >= 2)
        assert self.get("rd_err") == error
        code = Status.OK if i["first"] else self.code.get(i["op"], Status.OK)
        if code == Status.OK and error:
            code = Status.READ_DECERR if i["resp"] == 3 else Status.READ_SLVERR
        elif code == Status.OK and i["status"] == Status.KEY_REVOKED and not i["first"]:
            code = Status.KEY_REVOKED
        elif code == Status.OK and i["status"] == Status.ABORTED and not i["first"]:
            code = Status.ABORTED
        assert self.get("bad") == (code != Status.OK)
        if code != Status.OK:
            assert self.get("bad_status") == code ^ self.wrong
            self.compared += 1
        for p, (idx, status) in enumerate(self.acks):
            if idx in self.code:
                if status == self.NAK:
                    status = self.code[idx] if self.code[idx] != Status.OK else self.NAK  # the peer's own
                assert self.get("ack_status_out") >> 8 * p & 0xFF == status
        if i["go"]:
            self.code[i["op"]] = code
            self.at[i["ch"]] = i["op"]


@cocotb.test()
async def rdfail(dut):
    """Stimulus: chunks of all operations, read errors, revoked keys, op-acks of any status.
    Checking: the first failure of each operation counts until it begins anew; an ABORTED that
    comes back gets its cause. A wrong status fails."""
    bench = RdFail(dut)
    await RisingEdge(dut.clk)
    bench.begin()
    await bench.step(1500)
    assert bench.compared > 500
    bench.wrong = True
    await expects_failure(bench.step(50))


@dataclass
class Chunk:
    """What comes out of the aligner for one chunk."""

    n: dict[str, int]
    beats: list[dict[str, int]]


class Frames(CycleBench):
    idle = dict.fromkeys(
        "n_valid n_remote n_read n_cancel n_last n_flush n_first_frame n_notify n_ch n_tag n_len n_flen"
        " n_peer n_peer_ch n_func n_seq n_x n_y n_msg n_imm n_mirror o_valid o_none o_first o_last o_data o_strb"
        " wb_ready end_ready txp_ready txf_ready op_we op_idx op_gen op_atomic op_swap op_oper".split(),
        0,
    )
    rate, ready, wrong = 0.5, 0.5, 0
    FIELDS = "type flags src_ch dst_ch op_seq tag segaddr total offset len arg".split()

    def begin(self) -> None:
        self.chunk: Chunk | None = None
        self.offered = False
        self.closing: tuple[int, dict[str, int]] | None = None  # (peer, frame) due at the link
        self.kinds: dict[str, int] = {}
        self.ops: dict[int, tuple[int, int, int, int]] = {}  # by index: generation, atomic, swap, operands

    def make(self) -> Chunk:
        r, b = self.rng, self.p["DATA_W"] // 8
        remote = r.getrandbits(1)
        count = r.choice([0, 0, 1, 2, 5])
        bits = {"n_ch": 8, "n_tag": 16, "n_peer_ch": 8, "n_func": 8, "n_seq": 16, "n_x": 64}
        n = {name: r.getrandbits(width) for name, width in bits.items()}
        for name in "n_last n_flush n_first_frame n_notify".split():
            n[name] = r.getrandbits(1)
        n["n_y"], n["n_flen"] = r.getrandbits(64), r.randint(0, self.p["LINK_MTU"])
        n["n_remote"], n["n_cancel"] = remote, int(remote and r.random() < 0.2)
        n["n_read"] = int(remote and count == 0 and r.random() < 0.9)
        if n["n_read"] and self.ops:  # of an operation that is there, or was there before it
            idx = r.choice(list(self.ops))
            older = r.random() < 0.3
            n["n_flush"] = 1
            n["n_tag"] = (self.ops[idx][0] ^ older) << self.p["OPS"].bit_length() - 1 | idx
        else:
            n["n_read"] = 0
        n["n_msg"], n["n_imm"] = int(remote and not n["n_read"] and r.random() < 0.4), r.getrandbits(33)
        n["n_mirror"] = int(remote and not n["n_read"] and not n["n_msg"] and r.random() < 0.4)
        n["n_peer"], n["n_len"] = r.randrange(self.p["PEERS"]), max(count - 1, 0)
        beats = [
            {
                "o_none": int(count == 0),
                "o_first": int(k == 0),
                "o_last": int(k >= count - 1),
                "o_data": r.getrandbits(8 * b),
                "o_strb": r.getrandbits(b),
            }
            for k in range(max(count, 1))
        ]
        return Chunk(n, beats)

    def drive(self) -> None:
        r, i, peers = self.rng, self.inp, self.p["PEERS"]
        if self.chunk is None:
            self.chunk, self.offered = self.make(), False
        i.update(n_valid=1, **self.chunk.n)
        if self.offered or r.random() < self.rate:
            i.update(o_valid=1, **self.chunk.beats[0])
            self.offered = True
        for name in ("wb_ready", "end_ready"):
            i[name] = int(r.random() < self.ready)
        i["txp_ready"] = r.getrandbits(peers) if self.ready < 1 else (1 << peers) - 1
        i["txf_ready"] = r.getrandbits(peers) if self.ready < 1 else (1 << peers) - 1
        if r.random() < 0.2:
            gen = r.getrandbits(17 - self.p["OPS"].bit_length())
            i.update(op_we=1, op_idx=r.randrange(self.p["OPS"]), op_gen=gen, op_atomic=int(r.random() < 0.7), op_swap=r.getrandbits(1),
                     op_oper=r.getrandbits(128))

    def check(self) -> None:
        i, g, n = self.inp, self.get, self.chunk.n
        none, peer = i["o_none"], 1 << n["n_peer"]
        local_beat = i["o_valid"] and not n["n_remote"] and not none
        assert g("wb_valid") == (local_beat and i["end_ready"])
        remote_beat = i["o_valid"] and n["n_remote"] and not none and not self.closing
        assert g("txp_valid") == (peer if remote_beat else 0)
        if g("wb_valid"):
            assert g("wb_data") == i["o_data"] ^ self.wrong and g("wb_strb") == i["o_strb"]
            assert (g("wb_first"), g("wb_last")) == (i["o_first"], i["o_last"])
            assert g("wb_addr") == n["n_x"] // (self.p["DATA_W"] // 8) * (self.p["DATA_W"] // 8)
            assert (g("wb_len"), g("wb_user")) == (n["n_len"], n["n_func"])
        if g("txp_valid"):
            assert g("txp_data") == i["o_data"] ^ self.wrong
            assert g("txp_mirror") == n["n_mirror"]
        if n["n_remote"]:
            may = not self.closing and (none or bool(i["txp_ready"] & peer))
        else:
            may = i["end_ready"] and (none or i["wb_ready"])
        taken = i["o_valid"] and g("o_ready")
        assert taken == (i["o_valid"] and may)
        assert g("n_pop") == (taken and i["o_last"])
        assert g("end_valid") == (g("n_pop") and not n["n_remote"])

        assert g("txf_busy") == (self.closing is not None)
        assert g("txf_valid") == (1 << self.closing[0] if self.closing else 0)
        if self.closing:
            sel, frame = self.closing
            assert {f: g(f"txf_{f}") for f in self.FIELDS} == frame
            if i["txf_ready"] >> sel & 1:
                self.closing = None
                self.count("frame")
        if taken:
            self.compared += 1
            self.chunk.beats.pop(0)
            self.offered = False
            self.count("none" if none else "remote" if n["n_remote"] else "local")
        if g("n_pop"):
            if n["n_remote"] and n["n_flush"]:
                self.closing = (n["n_peer"], self.frame(n))
            self.chunk = None
        if i["op_we"]:
            self.ops[i["op_idx"]] = (i["op_gen"], i["op_atomic"], i["op_swap"], i["op_oper"])

    def count(self, kind: str) -> None:
        self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def frame(self, n: dict[str, int]) -> dict[str, int]:
        cancel = n["n_cancel"]
        flags = n["n_first_frame"] << FrameFlag.FIRST | (n["n_last"] | cancel) << FrameFlag.LAST
        flags |= n["n_notify"] << FrameFlag.NOTIFY | cancel << FrameFlag.CANCEL
        read = n["n_read"]
        kind = FrameType.READ if read else (FrameType.SEND if n["n_imm"] >> 32 else FrameType.WRITE_IMM) if n["n_msg"] else FrameType.WRITE
        kind = FrameType.MIRROR if n["n_mirror"] else kind
        values = [kind, flags, n["n_ch"], n["n_peer_ch"], n["n_seq"], n["n_tag"]]
        values += [n["n_x"], n["n_y"] >> 32, n["n_y"] & 0xFFFFFFFF, 0 if cancel or read else n["n_flen"]]
        values.append(0 if cancel else n["n_flen"] if read else n["n_imm"] & 0xFFFFFFFF if n["n_msg"] else 0)
        bits = self.p["OPS"].bit_length() - 1
        gen, atomic, swap, oper = self.ops[n["n_tag"] & (1 << bits) - 1] if read else (0, 0, 0, 0)
        taken = self.inp["op_we"] and self.inp["op_idx"] == n["n_tag"] & (1 << bits) - 1
        if atomic and gen == n["n_tag"] >> bits and not taken:
            values[0], values[-1] = FrameType.ATOMIC, oper
            values[1] |= swap << FrameFlag.SWAP
        if read:  # a place that has a new owner says nothing of this operation
            self.count("atomic" if values[0] == FrameType.ATOMIC else "late" if atomic else "read")
        return dict(zip(self.FIELDS, values, strict=True))


@cocotb.test()
async def frames(dut):
    """Stimulus: local and remote chunks of 0 to 5 beats, to all peers, cancelled ones, every
    neighbour stalling. Checking: in each cycle who is offered what, every beat, every field of
    every frame, operands of atomics, a READ where the place of its operands has a new owner, one frame
    after its last beat and before the next beat. A wrong bit fails."""
    bench = Frames(dut)
    for rate, ready in ((0.3, 1.0), (1.0, 0.4), (1.0, 1.0)):
        bench.rate, bench.ready = rate, ready
        await bench.reset()
        bench.begin()
        await bench.step(6000)
        counts = {k: bench.kinds.get(k, 0) for k in "none local remote frame atomic late read".split()}
        assert min(counts.values()) > 20, counts
    assert bench.compared > 800
    bench.wrong = 1
    await expects_failure(bench.step(50))


def run(sim, top: str, case: str, **parameters) -> None:
    run_sim(top, __name__, parameters=parameters, sim=sim, testcase=case)


@pytest.mark.parametrize("data_w", [64, 512])
def test_crl_dma_feed(sim, data_w):
    """Stimulus and checking: see feed."""
    run(sim, "crl_dma_feed", "feed", DATA_W=data_w, RBW=7)


@pytest.mark.parametrize("channels,writes", [(64, 64), (1, 4), (8, 16)])
def test_crl_dma_wrend(sim, channels, writes):
    """Stimulus and checking: see wrend."""
    run(sim, "crl_dma_wrend", "wrend", CHANNELS=channels, WRITES_IN_FLIGHT=writes)


@pytest.mark.parametrize("channels,ops,peers", [(8, 128, 1), (1, 16, 3)])
def test_crl_dma_rdfail(sim, channels, ops, peers):
    """Stimulus and checking: see rdfail."""
    run(sim, "crl_dma_rdfail", "rdfail", CHANNELS=channels, OPS=ops, PEERS=peers)


@pytest.mark.parametrize("data_w,peers", [(64, 1), (128, 3)])
def test_crl_dma_frames(sim, data_w, peers):
    """Stimulus and checking: see frames."""
    run(sim, "crl_dma_frames", "frames", DATA_W=data_w, PEERS=peers, FUNC_W=8, LINK_MTU=1024, OPS=16)
