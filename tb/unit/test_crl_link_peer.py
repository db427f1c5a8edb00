# SPDX-License-Identifier: Apache-2.0
"""crl_link against a peer written from the frame format alone (models.frame): handshake, then
frames that are good but for one thing, each with a correct CRC."""

from __future__ import annotations

import random
from dataclasses import replace

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from models.frame import Frame, parse
from models.lay import FRAME, FrameFlag, FrameType
from tb.lib.sim import run_sim, sim_parameters

pytestmark = pytest.mark.unit
PARAMS = {
    "DATA_W": 64,
    "LINK_W": 64,
    "CHANNELS": 4,
    "LINK_MTU": 256,
    "RX_SHARED": 4,
    "KEEPALIVE_CYCLES": 4096,
}
BOTH = 1 << FrameFlag.FIRST | 1 << FrameFlag.LAST


class Peer:
    """The far end: node 2, epoch 7."""

    def __init__(self, dut) -> None:
        self.dut, self.p = dut, sim_parameters()
        self.beat = self.p["LINK_W"] // 8
        self.session = 0
        self.heard: list[Frame] = []
        self.headers: list[dict] = []
        self.payload = bytearray()
        self.events = {"ev_crc_err": 0, "ev_bad_frame": 0, "ev_nak": 0}
        self.acks: list[tuple[int, int, int]] = []

    def frame(self, **more) -> Frame:
        f = Frame(**{**dict(type=0, src_node=2, dst_node=1, epoch=7, session=self.session), **more})
        return replace(f, session=0) if f.type == FrameType.EPOCH else f

    async def send_raw(self, raw: bytes, keep: int | None = None) -> None:
        d = self.dut
        full = (1 << self.beat) - 1
        await RisingEdge(d.link_clk)  # the caller may stand on an edge of the other clock
        beats = [raw[i : i + self.beat] for i in range(0, len(raw), self.beat)]
        for i, beat in enumerate(beats):
            d.s_axis_link_tdata.value = int.from_bytes(beat, "little")
            d.s_axis_link_tkeep.value = full if keep is None else keep
            d.s_axis_link_tvalid.value = 1
            d.s_axis_link_tlast.value = int(i == len(beats) - 1)
            while True:
                await RisingEdge(d.link_clk)
                if int(d.s_axis_link_tready.value):
                    break
        d.s_axis_link_tvalid.value = 0

    async def send(self, frame: Frame) -> None:
        await self.send_raw(frame.build(self.beat))

    async def listen(self) -> None:
        d, raw = self.dut, bytearray()
        while True:
            await RisingEdge(d.link_clk)
            if str(d.m_axis_link_tvalid.value) == "1":
                raw += int(d.m_axis_link_tdata.value).to_bytes(self.beat, "little")
                if int(d.m_axis_link_tlast.value):
                    self.heard.append(parse(bytes(raw), self.beat, self.p["LINK_MTU"]))
                    raw.clear()

    async def node(self) -> None:
        d = self.dut
        free = None
        while True:
            await RisingEdge(d.clk)
            for name in self.events:
                if str(getattr(d, name).value) == "1":
                    self.events[name] += 1
            d.slot_free.value = 0
            if free is not None:
                d.slot_free.value = 1
                d.slot_free_ch.value = free
                free = None
            if str(d.rx_valid.value) == "1":
                self.headers.append(FRAME.unpack(int(d.rx_hdr.value).to_bytes(64, "little")))
                free = self.headers[-1]["SRC_CH"]
            if str(d.rxp_valid.value) == "1":
                self.payload += int(d.rxp_data.value).to_bytes(8, "little")
            if str(d.ack_valid.value) == "1":
                self.acks.append(
                    (int(d.ack_tag.value), int(d.ack_src_ch.value), int(d.ack_status.value))
                )

    async def cycles(self, n: int) -> None:
        for _ in range(n):
            await RisingEdge(self.dut.clk)

    def params(self, **more) -> int:
        p = {**self.p, **more}
        return p["CHANNELS"] << 8 | p["LINK_MTU"] << 16 | p["RX_SHARED"] << 32

    async def start(self) -> None:
        d = self.dut
        for name in ("tx_take", "txp_valid", "txf_valid", "rsp_valid", "slot_free", "s_axis_link_tvalid",
                     "slot_free_ch", "tx_take_ch", "txf_len", "txf_arg", "rsp_permit", "tx_take_rd", "slot_free_rd", "rdt_want",
                     "rdt_take", "rdp_valid", "rdf_valid"):  # fmt: skip
            getattr(d, name).value = 0
        d.cfg_node.value, d.cfg_peer_node.value, d.cfg_epoch.value = 1, 2, 7
        d.cfg_enable.value = d.link_up_i.value = 1
        d.rx_ready.value = d.rxp_ready.value = d.ack_ready.value = d.m_axis_link_tready.value = 1
        d.rst.value = d.link_rst.value = 1
        cocotb.start_soon(Clock(d.clk, 8000, unit="ps").start())
        cocotb.start_soon(Clock(d.link_clk, 7000, unit="ps").start())
        await self.cycles(8)
        d.rst.value = d.link_rst.value = 0
        cocotb.start_soon(self.listen())
        cocotb.start_soon(self.node())

    async def hear(self, kind: int, limit: int = 3000) -> Frame:
        for _ in range(limit):
            for i, f in enumerate(self.heard):
                if f.type == kind:
                    del self.heard[: i + 1]
                    return f
            await RisingEdge(self.dut.clk)
        raise AssertionError(f"no frame of type {kind:#x} within {limit} cycles")

    async def hand(self, nonce: int) -> None:
        """The handshake, and what must not bring the link up."""
        d = self.dut
        f = await self.hear(FrameType.EPOCH)
        assert f.operand1 == self.params() | 1 << 48, "nothing heard yet, not up; it answers READ"
        mine = f.operand0 & 0xFFFFFFFF
        assert f.session == 0
        self.session = ((mine >> 16) + (nonce >> 16)) % (1 << 16)
        epoch = self.frame(type=FrameType.EPOCH, operand0=nonce, operand1=self.params())
        echo = replace(epoch, operand0=mine << 32 | nonce, operand1=self.params() | 1)
        await self.send(replace(echo, operand1=self.params(LINK_MTU=512) | 1))  # other parameters
        await self.send(replace(echo, epoch=6))  # another epoch
        await self.send(
            replace(echo, operand0=(mine ^ 1) << 32 | nonce)
        )  # an echo of something else
        await self.cycles(60)
        assert not int(d.up.value)
        await self.send(epoch)
        f = await self.hear(FrameType.EPOCH)
        while f.operand0 >> 32 != nonce:
            f = await self.hear(FrameType.EPOCH)
        assert f.operand1 & 1, "our nonce is repeated"
        await self.send(echo)
        await self.cycles(60)
        assert int(d.up.value)


@cocotb.test()
async def malformed(dut):
    """Stimulus: handshake; then frames with a good CRC and one fault each, between good ones.
    Checking: only the good ones are shown, each fault is counted once, ACK_REQ tells what was taken."""
    peer = Peer(dut)
    rng = random.Random(cocotb.RANDOM_SEED)
    await peer.start()
    await peer.hand(0x1234567)
    assert peer.events == {"ev_crc_err": 0, "ev_bad_frame": 1, "ev_nak": 0}, (
        "the frame of another epoch"
    )
    peer.events["ev_bad_frame"] = 0
    good = 0
    body = bytearray()

    def write(**more) -> Frame:
        data = rng.randbytes(rng.choice((8, 24, 256)))
        basis = dict(
            type=FrameType.WRITE, flags=BOTH, src_ch=good % 4, link_seq=good, tag=good, payload=data
        )
        return peer.frame(**{**basis, **more})

    async def take() -> None:
        nonlocal good, body
        f = write()
        body += f.padded(8)
        await peer.send(f)
        good += 1
        await peer.cycles(40 + len(f.payload) // 8 * 2)
        assert len(peer.headers) == good, (peer.headers, peer.events, f)
        assert peer.headers[-1]["TAG"] == good - 1
        assert bytes(peer.payload) == bytes(body)

    await take()
    faults = [
        dict(version=2), dict(src_node=3), dict(dst_node=2), dict(epoch=8), dict(type=0x2F), dict(vc=5),
        dict(session=peer.session ^ 1), dict(session=peer.session ^ 0x8000), dict(session=0), dict(src_ch=4), dict(src_ch=255), dict(type=FrameType.IDLE, payload=bytes(8)),
        dict(type=FrameType.OP_ACK, payload=bytes(16)), dict(payload=bytes(264)), dict(payload=bytes(1024)),
    ]  # fmt: skip
    for n, fault in enumerate(faults):
        f = write(**fault)
        await peer.send(f)
        await peer.cycles(60 + len(f.payload) // 4)
        assert peer.events["ev_bad_frame"] == n + 1, f"not counted: {fault}"
        assert len(peer.headers) == good, f"was shown: {fault}"
        await take()
    # lengths that disagree with PAYLOAD_LEN, the CRC right for what is on the wire
    count = peer.events["ev_bad_frame"]
    for extra in (-8, 8, 16):
        f = write(payload=rng.randbytes(64))
        raw = f.payload[: 64 + extra] if extra < 0 else f.payload + bytes(extra)
        fake = replace(f, payload=raw)
        head = bytearray(f.build(8)[:64])
        head[60:64] = bytes(4)
        from models.crc import crc32c

        head[60:64] = crc32c(bytes(head), crc32c(fake.padded(8))).to_bytes(4, "little")
        await peer.send_raw(bytes(head) + fake.padded(8))
        await peer.cycles(80)
        count += 1
        assert peer.events["ev_bad_frame"] == count
        await take()
    # less than a header, and a hole in tkeep
    await peer.send_raw(write().build(8)[:24])
    await peer.send_raw(write().build(8), keep=0x7F)
    await peer.cycles(80)
    assert peer.events["ev_bad_frame"] == count + 2
    # numbers: behind is dropped in silence, ahead is asked for
    peer.heard.clear()
    await peer.send(write(link_seq=good - 1))
    await peer.cycles(80)
    assert len(peer.headers) == good
    await peer.send(write(link_seq=good + 3))
    nak = await peer.hear(FrameType.LINK_NAK)
    assert nak.link_seq == good == nak.ack_req and not nak.flags
    assert len(peer.headers) == good
    await take()
    # an answer, once; ahead: asked for on RSP
    ack = peer.frame(type=FrameType.OP_ACK, flags=BOTH, src_ch=3, dst_ch=2, tag=0xBEEF, link_seq=0)
    await peer.send(ack)
    await peer.send(ack)
    await peer.send(replace(ack, type=FrameType.OP_NAK, tag=0xDEAD, status=0x91, link_seq=2))
    nak = await peer.hear(FrameType.LINK_NAK)
    assert nak.link_seq == 1 and nak.flags == 1 << FrameFlag.NAK_RSP
    await peer.cycles(40)
    assert peer.acks == [(0xBEEF, 2, 0)]
    assert peer.events["ev_crc_err"] == peer.events["ev_nak"] == 0
    assert good >= 16
    # the peer begins anew: down, and up again with a new nonce; frames of before come in between, and afterwards
    old = [write(link_seq=0), replace(ack, link_seq=0), peer.frame(type=FrameType.IDLE, ack_req=1)]
    seen, shown = dict(peer.events), len(peer.headers)
    peer.heard.clear()
    await peer.send(peer.frame(type=FrameType.EPOCH, operand0=0x1234599, operand1=peer.params()))
    await peer.cycles(60)
    assert not int(dut.up.value)
    for f in old:
        await peer.send(f)
    await peer.cycles(80)
    assert peer.events == seen, "while the link is down only EPOCH frames count"
    before = peer.session
    await peer.hand(0x1234599)
    assert peer.session == before + 1, "the same number of the peer's, the next of ours"
    count = peer.events["ev_bad_frame"]
    for f in old:
        await peer.send(f)
    await peer.cycles(80)
    assert peer.events["ev_bad_frame"] == count + 3 and peer.events["ev_crc_err"] == 0
    assert len(peer.headers) == shown and len(peer.acks) == 1
    peer.heard.clear()
    await peer.send(write(link_seq=0))
    await peer.cycles(100)
    assert len(peer.headers) == shown + 1
    assert all(f.session == peer.session for f in peer.heard if f.type != FrameType.EPOCH)


def test_malformed():
    run_sim("crl_link", __name__, PARAMS, sim="icarus", testcase="malformed")
