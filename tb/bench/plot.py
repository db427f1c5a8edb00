# SPDX-License-Identifier: Apache-2.0
"""`build/bench/report.html`: throughput against the link's bit error rate, from the rows of `link_ber`."""

from __future__ import annotations

from math import log10
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 360, 70, 20, 130, 50
COLOURS = ("#1f6fb2", "#c2571a", "#3b8a3e", "#7a4fa3")
LOWEST = -9  # where the rate 0 is drawn, beside 1e-8


def throughput(rows: list[dict[str, Any]]) -> str:
    """An SVG: payload as part of what a link without errors carries, a line a delay."""
    lines: dict[int, list[tuple[float, float]]] = {}
    for r in rows:
        if r["ratio"]:
            ber = r["config"]["ber"]
            lines.setdefault(r["config"]["delay"], []).append((log10(ber) if ber else LOWEST, 1 / r["ratio"]))
    if not lines:
        return ""
    high = -4

    def x(v: float) -> float:
        return LEFT + (v - LOWEST) / (high - LOWEST) * (WIDTH - LEFT - RIGHT)

    def y(v: float) -> float:
        return TOP + (1 - v) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">']
    for k in range(6):
        out.append(f'<path d="M{LEFT} {y(k / 5):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 8}" y="{y(k / 5) + 4:.1f}" text-anchor="end">{20 * k}%</text>')
    for e in range(LOWEST, high + 1):
        out.append(f'<text x="{x(e):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{"0" if e == LOWEST else f"1e{e}"}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">bit error rate of the link</text>')
    for (delay, points), colour in zip(sorted(lines.items()), COLOURS, strict=False):
        points.sort()
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3" fill="{colour}"/>' for a, b in points]
        out.append(f'<text x="{WIDTH - RIGHT + 10}" y="{y(points[-1][1]) + 4:.1f}" fill="{colour}">delay {delay} cycles</text>')
    return "".join(out) + "</svg>"


def write(rows: list[dict[str, Any]], target: Path) -> Path | None:
    """The page, when there is something to draw."""
    svg = throughput([r for r in rows if r["bench"] == "link_ber"])
    if not svg:
        return None
    target.write_text(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Carillon: benches</title></head>"
        "<body style='font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto'>"
        "<h1>Throughput against bit errors</h1><p>1,000 WRITEs of 1,024 bytes, 64 bits, one direction; 100% is what the "
        f"link carries without errors (<code>python -m tb.bench --only link_ber</code>).</p>{svg}</body></html>\n")
    return target
