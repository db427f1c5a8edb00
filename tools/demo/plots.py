# SPDX-License-Identifier: Apache-2.0
"""Pictures of a demonstration, as SVG text."""

from __future__ import annotations

import io
import re

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams.update({
    "svg.hashsalt": "carillon", "svg.fonttype": "path", "font.size": 10, "axes.spines.top": False,
    "axes.spines.right": False, "axes.edgecolor": "#555555", "figure.facecolor": "white",
    "axes.titlesize": 11, "axes.titlelocation": "left",
})
from matplotlib import pyplot as plt  # noqa: E402

from tools.demo.measure import Figures  # noqa: E402
from tools.demo.plan import BYTES_A_CYCLE_OF_LINK, PERIOD_L  # noqa: E402

COLOURS = {0: "#222222", 1: "#0b5fa5", 2: "#3d9bd6", 3: "#2a9d74", 4: "#8fce8a", 5: "#e0902f", 6: "#c9c9d2"}


def _svg(figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', text, count=2)


def throughput(f: Figures, beat: int = BYTES_A_CYCLE_OF_LINK) -> str:
    """Bytes arriving in B's memory, stacked by channel."""
    sending = [c for c in f.channels if c.node == "A"]
    bins = len(sending[0].bins)
    us = f.ps / 1e6
    step = us / bins
    x = [(i + 0.5) * step for i in range(bins)]
    rows = [[n / step / 1000 for n in c.bins] for c in sending]
    figure, axes = plt.subplots(figsize=(10, 3.8))
    axes.stackplot(x, rows, labels=[_label(c) for c in sending], linewidth=0,
                   colors=[COLOURS[c.channel.ch] for c in sending])
    top = beat * 1000 / PERIOD_L
    axes.axhline(top, color="#b00020", linewidth=1, linestyle="--")
    axes.text(us, top * 1.015, f"link without headers: {top:.2f} GB/s", color="#b00020", ha="right", va="bottom", fontsize=9)
    axes.set(xlim=(0, us), ylim=(0, top * 1.15), xlabel="simulated time, µs", ylabel="GB/s into B's memory",
             title="Throughput per channel")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return _svg(figure)


def _label(c) -> str:
    extra = f", weight {c.channel.weight}" if c.channel.act1 and not c.channel.rate else ""
    extra = ", rate limit" if c.channel.rate else extra
    return f"{c.channel.ch} {c.channel.name} (class {c.channel.cls}{extra})"


def latency(f: Figures) -> str:
    """Latency of each channel's operations, one row a channel, logarithmic."""
    rows = [c for c in f.channels if c.ops]
    figure, grid = plt.subplots(len(rows), 1, figsize=(10, 0.85 * len(rows) + 0.8), sharex=True)
    grid = [grid] if len(rows) == 1 else grid
    every = [n / 1e6 for c in rows for n in c.latencies("doorbell") + c.latencies()]
    low, high = min(every) * 0.3, max(every) * 1.25
    edges = [low * (high / low) ** (i / 90) for i in range(91)]
    for axes, c in zip(grid, rows, strict=True):
        colour = COLOURS[c.channel.ch]
        axes.hist([n / 1e6 for n in c.latencies()], edges, color=colour, alpha=0.9)
        axes.hist([n / 1e6 for n in c.latencies("doorbell")], edges, histtype="step", color="#b00020", linewidth=0.9)
        axes.set_xscale("log")
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.text(0.005, 0.72, f"{c.channel.name} {c.node}→{'B' if c.node == 'A' else 'A'}", transform=axes.transAxes)
    grid[0].set_title("Latency to the completion: from the first read (filled), from the doorbell (line)")
    grid[-1].set_xlabel("µs, logarithmic")
    return _svg(figure)


def shares(f: Figures) -> str:
    """Measured shares beside the weights, while all weighted channels had work."""
    figure, axes = plt.subplots(figsize=(4.6, 2.8))
    names = [c.name for c, _, _ in f.shares]
    at = range(len(names))
    axes.bar([i - 0.2 for i in at], [100 * x for _, x, _ in f.shares], 0.38, label="measured",
             color=[COLOURS[c.ch] for c, _, _ in f.shares])
    axes.bar([i + 0.2 for i in at], [100 * x for _, _, x in f.shares], 0.38, label="by weight",
             color="white", edgecolor="#555555")
    axes.set_xticks(list(at), names)
    axes.set(ylabel="% of their bytes", title="Shares while all four had work")
    axes.legend(frameon=False)
    return _svg(figure)


def utilisation(f: Figures) -> str:
    """Link directions and memory ports."""
    rows = [(f"link {k}", v) for k, v in f.link.items()] + [(f"memory port {k}", v) for k, v in f.ports.items()]
    figure, axes = plt.subplots(figsize=(4.6, 2.8))
    axes.barh([k for k, _ in rows][::-1], [100 * v for _, v in rows][::-1], color="#3d9bd6")
    for i, (_, v) in enumerate(rows[::-1]):
        axes.text(min(100 * v + 1.5, 88), i, f"{100 * v:.1f}", va="center", fontsize=9)
    axes.set(xlim=(0, 100), xlabel="% of the cycles with a beat", title="Utilisation")
    return _svg(figure)
