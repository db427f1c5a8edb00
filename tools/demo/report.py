# SPDX-License-Identifier: Apache-2.0
"""What the demonstration says: tables for the terminal, one HTML file, results for programs."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tools.demo import plots
from tools.demo.measure import PERIOD, ChannelFigures, Figures, percentile
from tools.demo.plan import (
    BIT_ERRORS,
    CUT_CYCLES,
    DST_SKEW,
    LINK_DELAY,
    MEM_LATENCY,
    PERIOD_A,
    PERIOD_B,
    PERIOD_L,
    TICK_NS,
)
from tools.demo.queues import report as queues
from tools.demo.queues.run import Shared
from tools.demo.run import Outcome

STALLS = (("CNT_STALL_ARB", "other channel's turn"), ("CNT_STALL_RATE", "rate limit"),
          ("CNT_STALL_LINK", "link credit"), ("CNT_STALL_MEM", "memory or buffer"),
          ("CNT_STALL_FETCH", "descriptors"), ("CNT_STALL_CQ", "completion ring"))
WIDE = 156  # columns that the whole table takes
HEADS = ("ch", "name", "way", "class", "weight", "operations", "bytes", "MB/s", "of the bytes", "of the link",
         "again", "from its start", "", "from its doorbell", "")


def latency_cells(c: ChannelFigures, since: str) -> list[str]:
    """Median and 99%, in cycles of the sender and in µs."""
    values = c.latencies(since)
    cells = []
    for part in (0.5, 0.99):
        ps = percentile(values, part)
        cells.append(f"{ps // PERIOD[c.node]} = {ps / 1e6:.2f} µs" if values else "–")
    return cells


def rows(f: Figures) -> list[list[str]]:
    total = sum(c.bytes for c in f.channels if c.node == "A") or 1
    beats = f.ps / PERIOD_L
    out = []
    for c in f.channels:
        x = c.channel
        out.append([
            str(x.ch), x.name, f"{c.node}→{'B' if c.node == 'A' else 'A'}", str(x.cls) + (" mgmt" if x.mgmt else ""),
            "limit" if x.rate else str(x.weight), str(len(c.ops)), f"{c.bytes:,}",
            f"{c.bytes / f.ps * 1e6:.1f}", f"{100 * c.bytes / total:.1f}%" if c.node == "A" else "",
            f"{100 * c.link_beats / beats:.1f}%", f"{c.replays} + {c.lost}", *latency_cells(c, "start"), *latency_cells(c, "doorbell"),
        ])
    return out


def terminal(o: Outcome, console: Console) -> None:
    """The table, the shares, the utilisation."""
    f = o.figures
    if console.width < WIDE:
        console.print(narrow(f))
    else:
        console.print(wide(f))
    console.print(summary(o), highlight=False)
    if f.shares:
        text = ", ".join(f"{c.name} {100 * x:.1f}% ({100 * w:.1f}% by weight)" for c, x, w in f.shares)
        console.print(f"shares while all four had work ({f.shares_us:.0f} µs): {text}", highlight=False)


def narrow(f: Figures) -> Table:
    """For 80 columns."""
    table = Table(title="per channel; latency in µs: half of the operations, 99% of them", title_justify="left",
                  box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    for head in ("channel", "", "ops", "bytes", "of the\nlink", "from its\nfirst read", "from its\ndoorbell"):
        table.add_column(head, justify="left" if head in ("channel", "") else "right", no_wrap=True)
    for c, row in zip(f.channels, rows(f), strict=True):
        pairs = [
            " / ".join(f"{percentile(c.latencies(since), part) / 1e6:.1f}" for part in (0.5, 0.99))
            for since in ("start", "doorbell")
        ]
        table.add_row(f"{row[0]} {row[1]}", row[2], row[5], row[6], row[9], *pairs)
    return table


def wide(f: Figures) -> Table:
    """With all that there is."""
    table = Table(title="per channel; again: frames replayed + operations repeated; latency in cycles of the sender and "
                  "µs: 50%, 99%", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    for head in ("", "channel", "", "class", "weight", "ops", "bytes", "of the\nbytes", "of the\nlink", "\nagain",
                 "from its first\nread: 50%", "\n99%", "from its\ndoorbell: 50%", "\n99%"):
        left = head in ("channel", "class", "")
        table.add_column(head, justify="left" if left else "right", no_wrap=True)
    for row in rows(f):
        table.add_row(*row[:7], *row[8:])
    return table


def summary(o: Outcome) -> str:
    f = o.figures
    bits = 8 * f.data_bytes / f.ps * 1000
    return (
        f"{f.data_bytes:,} bytes in {f.ps / 1e6:.0f} µs of simulated time ({f.ps // PERIOD_A:,} cycles of A): "
        f"{bits / 8:.3f} GB/s, {bits:.2f} Gbit/s\n"
        f"cycles with a beat: link A→B {100 * f.link['A to B']:.1f}%, B→A {100 * f.link['B to A']:.1f}%; memory ports "
        + ", ".join(f"{k} {100 * v:.1f}%" for k, v in f.ports.items())
        + "\nlink: " + "; ".join(
            f"{way.replace(' to ', '→')} {o.result['peers'][way[-1]]['CRC_ERR']} CRC errors, "
            f"{o.result['peers'][way[0]]['NAK']} NAKs, {n} frames replayed" for way, n in f.replays.items())
    )


def results(o: Outcome, facts: dict[str, Any]) -> dict[str, Any]:
    """For programs."""
    f = o.figures
    channels = []
    for c in f.channels:
        entry = {"ch": c.channel.ch, "name": c.channel.name, "from": c.node, "class": c.channel.cls,
                 "weight": c.channel.weight, "operations": len(c.ops), "bytes": c.bytes,
                 "doorbells": c.doorbells, "link_beats": c.link_beats, "replays": c.replays, "repeated": c.lost}
        for since in ("start", "doorbell"):
            values = c.latencies(since)
            entry[f"latency_from_{since}_ns"] = {
                str(p): percentile(values, p / 100) / 1000 for p in (50, 90, 99)
            }
        channels.append(entry)
    return {
        **facts, "simulated_us": f.ps / 1e6, "bytes": f.data_bytes, "link": f.link, "ports": f.ports,
        "channels": channels, "messages": o.result["messages"],
        "replays": f.replays, "peers": o.result["peers"], "faults": o.result["faults"],
        "repeated": o.result["repeated"],
        "shares": [{"ch": c.ch, "measured": x, "by_weight": w} for c, x, w in f.shares],
        "model": {"ok": o.verdict.ok, "events": o.verdict.events, **o.verdict.report.__dict__},
    }


CSS = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:1180px;margin:2em auto;padding:0 1em}
h1{font-size:1.6em;margin-bottom:.2em} h2{font-size:1.15em;margin-top:2em}
table{border-collapse:collapse;font-size:13px} th,td{padding:.25em .6em;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}
th{background:#f4f5f7;font-weight:600} td.l,th.l{text-align:left} code,pre{background:#f4f5f7;padding:.1em .3em;border-radius:3px}
.ok{color:#1a7f37;font-weight:600} .bad{color:#b00020;font-weight:600} svg{max-width:100%;height:auto} .two{display:flex;flex-wrap:wrap;gap:2em}
"""


def page(o: Outcome, facts: dict[str, Any], checks: list[tuple[bool, str]], notes: list[str], second: str = "") -> str:
    """The report: one file, no network. `second`: the section of the second act."""
    f = o.figures
    esc = html.escape
    left = {1, 2, 3}
    head = "<tr>" + "".join(
        f"<th{' class=l' if i in left else ''}{' colspan=2' if h.startswith('from') else ''}>{esc(h)}</th>"
        for i, h in enumerate(HEADS) if h
    ) + "</tr>"
    sub = "<tr>" + "<th></th>" * 11 + "<th>median</th><th>99%</th>" * 2 + "</tr>"
    body = "".join(
        "<tr>" + "".join(f"<td{' class=l' if i in left else ''}>{esc(x)}</td>" for i, x in enumerate(r)) + "</tr>"
        for r in rows(f)
    )
    tick = "".join(
        f"<li class={'ok' if good else 'bad'}>{'✔' if good else '✘'} {esc(text)}</li>" for good, text in checks
    )
    stalls = "<tr><th class=l>channel of A</th>" + "".join(f"<th>{esc(t)}</th>" for _, t in STALLS) + "</tr>"
    for c in f.channels:
        if c.node == "A":
            counted = o.result["counters"]["A"][str(c.channel.ch)]
            stalls += f"<tr><td class=l>{c.channel.ch} {esc(c.channel.name)}</td>" + "".join(
                f"<td>{counted[k]:,}</td>" for k, _ in STALLS) + "</tr>"
    p = o.params
    config = [
        ("nodes", f"two, {p.data_w}-bit memory ports, {p.link_w}-bit link, {p.channels} channels, "
                  f"{p.prefetch} descriptors of prefetch"),
        ("clocks", f"A {1e6 / PERIOD_A:.2f} MHz, B {1e6 / PERIOD_B:.2f} MHz, link {1e6 / PERIOD_L:.2f} MHz, unrelated"),
        ("link", f"one-way delay {LINK_DELAY} cycles, MTU {p.link_mtu} bytes, 64-byte headers; bit errors {BIT_ERRORS:g}; "
                 f"cut for {CUT_CYCLES} cycles when half has arrived"),
        ("memory", f"{MEM_LATENCY} cycles of latency, one read and one write beat a cycle"),
        ("software", f"looks at its completion rings every {TICK_NS / 1000:g} µs; one doorbell for all new descriptors of a channel"),
        ("placement", f"B's copy lies {DST_SKEW} bytes off, so every byte is realigned"),
        *[(k, str(v)) for k, v in facts.items() if k in ("file", "size", "seed", "simulator", "seconds")],
    ]
    channels = "".join(
        f"<tr><td>{c.channel.ch}</td><td class=l>{esc(c.channel.name)}</td><td class=l>{esc(c.channel.what)}</td>"
        f"<td>{c.channel.cls}</td><td>{c.channel.weight}</td><td>{1 << c.channel.ring_log2}</td>"
        f"<td>{c.doorbells}</td><td>{len(c.ops) / max(1, c.doorbells):.1f}</td>"
        f"<td>{len(c.ops) / (1 << c.channel.ring_log2):.1f}</td></tr>"
        for c in f.channels if c.node == "A"
    )
    return f"""<!doctype html><html lang=en><head><meta charset=utf-8><title>Carillon: demo</title>
<style>{CSS}</style></head><body>
<h1>Carillon: a file from controller A's memory to controller B's</h1>
<p>{esc(summary(o)).replace(chr(10), '<br>')}</p>
<h2>Checks</h2><ul style="list-style:none;padding:0">{tick}</ul>
<h2>Throughput</h2>{plots.throughput(f, p.link_w // 8)}
<h2>Per channel</h2><table>{head}{sub}{body}</table>
<p>Latency in cycles of the sender's clock and in µs, to the write response of the completion. From its start: first
read of the operation's data. From its doorbell: with the time that its descriptor waited in the ring. A column "of the link" counts
headers and replays too. Again: frames that the link sent again + operations that its loss ended, and software repeated.</p>
<div class=two>{plots.shares(f) if f.shares else ''}{plots.utilisation(f)}</div>
<h2>Latency</h2>{plots.latency(f)}
<h2>What the channels waited for</h2><p>Node A's own counters, in cycles (sampled in rotation).</p><table>{stalls}</table>
<h2>Set-up</h2><table>{''.join(f'<tr><td class=l>{esc(k)}</td><td class=l>{esc(v)}</td></tr>' for k, v in config)}</table>
<table style="margin-top:1em"><tr><th>ch</th><th class=l>name</th><th class=l>operations</th><th>class</th><th>weight</th>
<th>ring</th><th>doorbells</th><th>descriptors a doorbell</th><th>times round the ring</th></tr>{channels}</table>
{second}
<h2>Again</h2><pre>{esc(facts['command'])}</pre>
{''.join(f'<p>{esc(n)}</p>' for n in notes)}
</body></html>
"""


def write(o: Outcome, out: Path, facts: dict[str, Any], checks: list[tuple[bool, str]], notes: list[str],
          shared: Shared | None = None) -> Path:
    """All files of the report; the path of the page. `shared`: the second act."""
    out.mkdir(parents=True, exist_ok=True)
    found = results(o, facts) | ({"queues": queues.results(shared)} if shared else {})
    (out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (out / "throughput.svg").write_text(plots.throughput(o.figures, o.params.link_w // 8))
    target = out / "report.html"
    target.write_text(page(o, facts, checks, notes, queues.section(shared) if shared else ""))
    return target
