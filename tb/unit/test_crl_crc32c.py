# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_crc32c."""

import random

import cocotb
import pytest
from cocotb.triggers import Timer

from tb.lib.sim import run_sim, sim_parameters
from tb.unit.stream import value

# RFC 3720, appendix B.4: 32 bytes each, and the digest.
VECTORS = [
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
]


def crc_step(crc: int, data: bytes) -> int:
    """Next state, bit by bit."""
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc


@pytest.mark.parametrize("message,digest", VECTORS)
def test_reference(message, digest):
    """Stimulus: the vectors of RFC 3720. Checking: the reference of this test gives the digest."""
    assert crc_step(0xFFFFFFFF, message) ^ 0xFFFFFFFF == digest


@cocotb.test()
async def vectors_and_random(dut):
    """Stimulus: RFC 3720 vectors word by word, then random states and words.
    Checking: digests, and the reference for each step."""
    width = sim_parameters()["W"]
    step = width // 8
    rng = random.Random(cocotb.RANDOM_SEED)

    async def hardware(crc: int, word: bytes) -> int:
        dut.crc_in.value = crc
        dut.data.value = int.from_bytes(word, "little")
        await Timer(1, unit="ns")
        return value(dut.crc_out)

    compared = 0
    for message, digest in VECTORS:
        if len(message) % step:
            continue
        crc = 0xFFFFFFFF
        for start in range(0, len(message), step):
            crc = await hardware(crc, message[start : start + step])
        assert crc ^ 0xFFFFFFFF == digest
        compared += 1
    assert compared == len(VECTORS) or step > 32
    for bit in range(width):
        word = (1 << bit).to_bytes(step, "little")
        assert await hardware(0, word) == crc_step(0, word)
    for _ in range(300):
        crc, word = rng.getrandbits(32), rng.randbytes(step)
        assert await hardware(crc, word) == crc_step(crc, word)


@pytest.mark.parametrize("w", [32, 64, 128, 512])
def test_crl_crc32c(sim, w):
    """Stimulus and checking: see vectors_and_random."""
    run_sim("crl_crc32c", __name__, {"W": w}, sim=sim)
