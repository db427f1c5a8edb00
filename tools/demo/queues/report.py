# SPDX-License-Identifier: Apache-2.0
"""What the second act says: two tables for the terminal, a section of the HTML page, results for programs."""

from __future__ import annotations

import html
from collections import Counter
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tb.system.nvme.rig import DEFAULTS
from tools.demo.measure import percentile
from tools.demo.queues import plan
from tools.demo.queues.bus import Attempt, Row
from tools.demo.queues.plan import MEM_LATENCY, PERIOD
from tools.demo.queues.run import Shared

MHZ = 1e6 / PERIOD
WIDE = 112  # columns that the whole table takes
HEADS = ("application", "command", "commands", "bytes", "cycles a command", "commands/s", "MB/s", "from its fetch", "", "from its doorbell", "")


def on_the_bus(a: Attempt) -> str:
    """Bursts in the culprit's own memory: its entry, its list, its data, the answer."""
    count = Counter(a.own)
    parts = [kind if count[kind] == 1 else f"{kind} ×{count[kind]}" for kind in ("entry", "list", "data", "answer") if count[kind]]
    return ", ".join(parts) or "–"


def elsewhere(a: Attempt) -> str:
    return f"{a.elsewhere} bursts" if a.elsewhere else "nothing"


def rows(s: Shared) -> list[list[str]]:
    out = []
    for r in s.books.rows:
        rate = ["–"] * 3
        if r.cycles:
            rate = [f"{r.cycles / r.commands:.0f}", f"{r.commands / r.cycles * MHZ * 1e6:,.0f}", f"{r.bytes / r.cycles * MHZ:.0f}"]
        out.append([r.app, r.op.title(), str(r.commands), f"{r.bytes:,}", *rate, *latencies(r)])
    return out


def latencies(r: Row) -> list[str]:
    """Median and 99%, in cycles."""
    return [str(percentile(v, p)) for v in (r.from_fetch, r.from_doorbell) for p in (0.5, 0.99)]


def heading(s: Shared) -> str:
    r = s.result
    a, b = plan.A, plan.B
    return (
        f"Second act: the kernel gives A and B a queue pair each, and blocks {a.slba} to {a.slba + a.nlb - 1} and {b.slba} to {b.slba + b.nlb - 1} "
        f"of one namespace. A writes {r['size']:,} bytes of the file through its queue and reads them back; B works, and misbehaves "
        f"{len(r['tries'])} times."
    )


def terminal(s: Shared, console: Console) -> None:
    console.print(heading(s), highlight=False)
    console.print(refusals(s, console.width >= WIDE))
    table = Table(title=f"commands; latency in cycles of {MHZ:g} MHz: 50% / 99%", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1),
                  collapse_padding=True)
    for head in ("app", "command", "ops", "bytes", "cycles\neach", "a second", "from its\nfetch", "from its\ndoorbell"):
        table.add_column(head, justify="left" if head in ("app", "command") else "right", no_wrap=True)
    for row in rows(s):
        table.add_row(*row[:6], f"{row[7]} / {row[8]}", f"{row[9]} / {row[10]}")
    console.print(table)


def refusals(s: Shared, wide: bool) -> Table:
    """Who was refused what."""
    table = Table(title="what B tried, and what it touched", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    for head in ("attempt", "answer", *(["in its own memory"] if wide else []), "elsewhere"):
        table.add_column(head, overflow="fold")
    for t, seen in zip(s.result["tries"], s.books.attempts, strict=True):
        good = t["got"] == t["want"]
        answer = Text(t["got"]) if good else Text(f"{t['got']}, not {t['want']}", "bold red")
        own = [on_the_bus(seen)] if wide else []
        table.add_row(t["what"], answer, *own, Text(elsewhere(seen), "bold red" if seen.elsewhere else ""))
    return table


def section(s: Shared) -> str:
    """For the page."""
    esc, r = html.escape, s.result
    tries = "".join(
        f"<tr><td class=l>{esc(t['what'])}</td><td class='l {'ok' if t['got'] == t['want'] else 'bad'}'>"
        f"{esc(t['got'] if t['got'] == t['want'] else t['got'] + ', not ' + t['want'])}</td>"
        f"<td class=l>{esc(on_the_bus(a))}</td><td class=l>{esc(elsewhere(a))}</td></tr>"
        for t, a in zip(r["tries"], s.books.attempts, strict=True)
    )
    head = "".join(f"<th{' class=l' if i < 2 else ''}{' colspan=2' if h.startswith('from') else ''}>{esc(h)}</th>" for i, h in enumerate(HEADS) if h)
    body = "".join("<tr>" + "".join(f"<td{' class=l' if i < 2 else ''}>{esc(x)}</td>" for i, x in enumerate(row)) + "</tr>" for row in rows(s))
    checks = "".join(f"<li class={'ok' if good else 'bad'}>{'✔' if good else '✘'} {esc(text)}</li>" for good, text in s.checks())
    p = {**DEFAULTS, **s.parameters}
    return f"""<h1>Two applications on one namespace</h1>
<p>{esc(heading(s))}</p>
<ul style="list-style:none;padding:0">{checks}</ul>
<h2>What B tried</h2><table><tr><th class=l>attempt</th><th class=l>the hardware's answer</th><th class=l>bursts in B's own memory</th>
<th class=l>in anybody else's</th></tr>{tries}</table>
<p>Entry: the command was fetched from B's submission queue. Answer: its entry in B's completion queue. The blocks are accessed for the controller,
so what B's attempts did there is bookkeeping over the whole run: see the checks.</p>
<h2>Commands</h2><table><tr>{head}</tr><tr>{'<th></th>' * 7}{'<th>median</th><th>99%</th>' * 2}</tr>{body}</table>
<p>Latency in cycles of {MHZ:g} MHz, to the write response of the completion entry: from the fetch of the command, and from the doorbell that
published it. A keeps up to {plan.A.slots} commands of 1 to {plan.MOST} blocks under way, while B works too.</p>
<p>crl_nvme with a {p['DATA_W']}-bit memory port, {p['QUEUES']} I/O queue pairs, {p['OPS']} commands in flight, a doorbell page a queue pair;
memory with {MEM_LATENCY} cycles of latency.</p>"""


def results(s: Shared) -> dict[str, Any]:
    """For programs."""
    r = s.result
    found = []
    for row in s.books.rows:
        entry: dict[str, Any] = {"app": row.app, "op": row.op, "commands": row.commands, "bytes": row.bytes, "cycles": row.cycles}
        for name, values in (("fetch", row.from_fetch), ("doorbell", row.from_doorbell)):
            entry[f"latency_from_{name}_cycles"] = {str(p): percentile(values, p / 100) for p in (50, 90, 99)}
        found.append(entry)
    tries = [
        {"what": t["what"], "answer": t["got"], "ok": t["got"] == t["want"], "own_bursts": a.own, "other_bursts": a.elsewhere}
        for t, a in zip(r["tries"], s.books.attempts, strict=True)
    ]
    return {
        "ok": s.ok, "size": r["size"], "sha256": r["sha256_back"], "mhz": MHZ, "commands": found, "attempts": tries, "bursts": s.books.bursts,
        "explained": r["explained"], "checks": [text for _, text in s.checks()], "complaints": s.complaints,
    }
