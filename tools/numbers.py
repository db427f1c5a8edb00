# SPDX-License-Identifier: Apache-2.0
"""Put measured numbers into docs/numbers.md and README.md; no number there is typed by hand.

    make bench && make synth && make formal && python -m tools.numbers
    python -m tools.numbers --check        exit status 1 when a page differs from the results

Text between `<!-- numbers:NAME -->` and `<!-- /numbers -->` is replaced by the section of that name, made from
build/bench/results.json, build/synth/results.json, build/formal/results.json and build/demo/results.json. A section whose results
are not there is left as it is.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tools.paths import BUILD, ROOT

PAGES = ("docs/numbers.md", "README.md")
SECTION = re.compile(r"(<!-- numbers:([\w-]+) -->\n)(.*?)(<!-- /numbers -->)", re.S)
Rows = list[dict[str, Any]]


class NoResults(Exception):
    """The results that a section needs are not there."""


def load(name: str) -> Any:
    path = BUILD / name / "results.json"
    if not path.exists():
        raise NoResults(f"build/{name}/results.json is missing: run `make {name}`")
    return json.loads(path.read_text())


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; all columns but the first to the right."""
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    lines += ["| " + " | ".join(str(x) for x in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------------------------- bench


def payload(row: dict[str, Any]) -> float:
    """Beats of payload in % of the cycles."""
    c = row["config"]
    return 100 * c["n"] * c["s"] / (c["data_w"] // 8) / row["cycles"]


def utilisation() -> str:
    """Ours beside the rivals, on the memory model that the rivals were measured on."""
    from tb.bench.rows import RIVAL_UTILISATION

    sizes, latencies = (64, 256, 1024), (0, 20, 100)
    found: dict[tuple, float] = {}
    for row in load("bench"):
        c = row["config"]
        aligned = not c.get("src_off") and not c.get("dst_off")
        if row["bench"] == "dma_copy" and row["cycles"] and c["data_w"] == 64 and c["n"] == 1000 and aligned:
            found[c["channels"], c["latency"], c["s"]] = payload(row)
    if not found:
        raise NoResults("no dma_copy rows with N = 1000: run `make bench`")
    rows: list[list[object]] = []
    for channels in sorted({k[0] for k in found}):
        name = f"**Carillon, {channels} channel{'s' if channels > 1 else ''}**"
        rows.append([name, *(_one(found.get((channels, lat, s))) for lat in latencies for s in sizes)])
    for name, figures in RIVAL_UTILISATION.items():
        rows.append([name, *(_one(figures[lat].get(s)) for lat in latencies for s in sizes)])
    limit = [f"{100 * s / (s + 32):.1f}" for s in sizes]
    rows.append(["*what the bus allows*", *limit, "", "", "", "", "", ""])
    return table(["latency / bytes", *(f"{lat} / {s}" for lat in latencies for s in sizes)], rows)


def _one(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def kick() -> str:
    """Doorbell to the first data read, in cycles."""
    from tb.bench.rows import RIVAL_KICK

    ours = {
        r["config"]["latency"]: r["cycles"] for r in load("bench")
        if r["bench"] == "dma_kick" and r["config"]["data_w"] == 64 and r["cycles"]
    }
    if not ours:
        raise NoResults("no dma_kick rows: run `make bench`")
    latencies = (0, 20, 100)
    rows = [["**Carillon, 8 channels**", *(ours.get(lat, "–") for lat in latencies)]]
    rows += [[name, *(f[lat] for lat in latencies)] for name, f in RIVAL_KICK.items()]
    return table(["latency", *map(str, latencies)], rows)


def bench_rows(kind: str) -> str:
    """Every row of a bench: cycles, bound, ratio, and the limit that we set ourselves."""
    rows = [r for r in load("bench") if r["bench"] == kind]
    if not rows:
        raise NoResults(f"no {kind} rows: run `make bench`")
    keys = list(dict.fromkeys(k for r in rows for k in r["config"]))
    keys = [k for k in keys if len({str(r["config"].get(k)) for r in rows}) > 1] or keys[:1]
    body = []
    for r in rows:
        limit = r["extra"].get("limit")
        met = "" if limit is None or r["ratio"] is None else ("yes" if r["ratio"] <= limit + 5e-5 else "**no**")
        body.append([*(r["config"].get(k, "") for k in keys), r["cycles"], r["bound"],
                     "–" if r["ratio"] is None else f"{r['ratio']:.4f}", "" if limit is None else f"{limit:.4g}", met])
    return table([*keys, "cycles", "bound", "ratio", "limit", "met"], body)


def perf() -> str:
    """In the columns of perftest; a table an operation and delay."""
    rows = [r for r in load("bench") if r["bench"] == "perf" and r["ratio"] is not None]
    if not rows:
        raise NoResults("no perf rows: run `make bench`")
    out = []
    for op, delay in dict.fromkeys((r["config"]["op"], r["config"]["delay"]) for r in rows):
        body = []
        for r in rows:
            if (r["config"]["op"], r["config"]["delay"]) == (op, delay):
                e = r["extra"]
                lat = e["latency"]
                body.append([f"{r['config']['s']:,}", e["iterations"], e["bw_peak"], e["bw_average"],
                             f"{1000 * e['message_rate']:.2f}", lat["min"], lat["typical"], lat["average"],
                             lat["99"], lat["99.9"]])
        out.append(f"{op}, delay {delay}:\n\n" + table(
            ["bytes", "iterations", "BW peak", "BW average", "messages in 1,000 cycles", "t min", "t typical",
             "t average", "t 99%", "t 99.9%"], body))
    return "\n".join(out)


def hop_table(bench: str, label: Callable[[dict[str, Any]], str], *places: Any) -> str:
    """Where the cycles of one operation are, by hop; the set-ups beside each other."""
    from tb.bench import hops

    rows = [r for r in load("bench") if r["bench"] == bench and r["cycles"] and r["extra"].get("hops")]
    if not rows:
        raise NoResults(f"no {bench} rows with hops: run `make bench`")
    heads, body = ["hop"], [[hop[0]] for hop in hops.rows(rows[0]["config"], rows[0]["extra"]["hops"], *places)]
    for r in rows:
        c = r["config"]
        heads += [f"{label(c)}: cycle", "since", "part", "above"]
        for line, cells in zip(body, hops.rows(c, r["extra"]["hops"], *places), strict=True):
            line += [cells[1], *(x or "" for x in cells[2:])]
    return table(heads, body)


def rtt_hops() -> str:
    return hop_table("rtt", lambda c: f"{c['data_w']} bits, delay {c['delay']}")


def nvme_hop_table() -> str:
    from tb.bench import nvme_hops

    return hop_table("nvme_hops", lambda c: f"{c['data_w']} bits", nvme_hops.HOPS, nvme_hops.part)


# ---------------------------------------------------------------------------------- synth, formal


def area(row: dict[str, Any]) -> int:
    """LUT4s, with carry cells and distributed RAM counted as the LUTs that they take."""
    return row["lut4"] + 2 * row["ccu2c"] + 6 * row["dpr16x4"]


def synth() -> str:
    """Ours and the rivals', mapped with the same commands."""
    import yaml

    rows = []
    for row in load("synth"):
        if row.get("lut4") is None:
            continue
        rows.append([f"**{row['config']}**", *_area_cells(row)])
        rows += [[f"of which `{name}`", *_area_cells(part)] for name, part in row.get("parts", {}).items()]
        queues = row.get("parameters", {}).get("QUEUES", 0)
        if queues:
            share = {n: round(row[n] / queues) for n in ("lut4", "ccu2c", "dpr16x4", "bram", "ff")}
            rows.append([f"for each of its {queues} queue pairs", *_area_cells(share)])
    for row in yaml.safe_load((ROOT / "syn" / "rivals.yaml").read_text())["rivals"]:
        rows.append([row["name"], *_area_cells(row)])
    return table(["ECP5-85k, speed grade 8", "area", "LUT4", "CCU2C", "DPR16X4", "BRAM", "FF", "MHz"], rows)


def _area_cells(row: dict[str, Any]) -> list[object]:
    mhz, seeds = row.get("fmax_mhz"), row.get("fmax_seeds")
    speed = "–" if mhz is None else f"{mhz:.0f} ({min(seeds):.0f} to {max(seeds):.0f})" if seeds else f"{mhz:.0f}"
    return [area(row), row["lut4"], row["ccu2c"], row["dpr16x4"], row["bram"], row["ff"], speed]


def formal() -> str:
    rows: Rows = load("formal")
    kinds = sorted({r["kind"] for r in rows})
    body = [[k, sum(r["kind"] == k and r["status"] == "pass" for r in rows),
             sum(r["kind"] == k and r["status"] != "pass" for r in rows)] for k in kinds]
    return table(["kind", "hold", "do not"], body)


# ---------------------------------------------------------------------------------- demo


def demo() -> str:
    """The table of the last demonstration."""
    d = load("demo")
    rows = []
    total = sum(c["bytes"] for c in d["channels"] if c["from"] == "A")
    for c in d["channels"]:
        start, bell = c["latency_from_start_ns"], c["latency_from_doorbell_ns"]
        rows.append([
            f"{c['ch']} {c['name']} {c['from']}→{'B' if c['from'] == 'A' else 'A'}", c["class"], c["weight"],
            f"{c['operations']:,}", f"{c['bytes']:,}",
            f"{100 * c['bytes'] / total:.1f}%" if c["from"] == "A" else "",
            f"{start['50'] / 1000:.2f} / {start['99'] / 1000:.2f}", f"{bell['50'] / 1000:.2f} / {bell['99'] / 1000:.2f}",
        ])
    text = table(["channel", "class", "weight", "operations", "bytes", "of the bytes", "start to completion, µs (50% / 99%)",
                  "doorbell to completion, µs (50% / 99%)"], rows)
    m = d["model"]
    names = {c["ch"]: c["name"] for c in d["channels"]}
    shares = ", ".join(
        f"{names[x['ch']]} {100 * x['measured']:.1f}% ({100 * x['by_weight']:.1f}% by weight)" for x in d["shares"]
    )
    return text + (
        f"\nShares of the four weighted channels while all of them had work: {shares}.\n"
        f"\n{d['bytes']:,} bytes in {d['simulated_us']:.0f} µs of simulated time; the link from A to B carried a beat in "
        f"{100 * d['link']['A to B']:.1f}% of its cycles. The golden model explained all {m['events']:,} events that the "
        f"monitors logged and compared {m['completions']:,} completions: {m['mismatches']} mismatches.\n"
    )


def demo_queues() -> str:
    """The second act of the last demonstration: the commands, and what was refused."""
    q = load("demo").get("queues")
    if not q:
        raise NoResults("build/demo/results.json has no second act: run `make demo`")
    rows = []
    for c in q["commands"]:
        fetch, bell = c["latency_from_fetch_cycles"], c["latency_from_doorbell_cycles"]
        rows.append([
            f"{c['app']} {c['op'].title()}", f"{c['commands']:,}", f"{c['bytes']:,}", f"{c['cycles'] / c['commands']:.0f}" if c["cycles"] else "",
            f"{fetch['50']} / {fetch['99']}", f"{bell['50']} / {bell['99']}",
        ])
    kinds: dict[str, list[str]] = {}
    for a in q["attempts"]:
        kinds.setdefault(a["answer"], []).append(a["what"])
    elsewhere = sum(a["other_bursts"] for a in q["attempts"])
    return (
        table(["application, command", "commands", "bytes", "cycles a command", "fetch to answer, cycles (50% / 99%)",
               "doorbell to answer, cycles (50% / 99%)"], rows)
        + "\n" + table(["answer to B's attempts", "how many", "such as"], [[k, len(v), v[0]] for k, v in kinds.items()])
        + f"\n{q['bursts']:,} bursts on the memory port, {elsewhere} of B's outside its own memory; A's SHA-256 "
        + f"{'matches' if q['ok'] else 'or another check fails'}.\n"
    )


SECTIONS: dict[str, Callable[[], str]] = {
    "utilisation": utilisation, "kick": kick, "synth": synth, "formal": formal, "demo": demo, "demo-queues": demo_queues,
    "dma-copy": lambda: bench_rows("dma_copy"), "dma-remote": lambda: bench_rows("dma_remote"),
    "dma-cross": lambda: bench_rows("dma_cross"),
    "perf": perf, "link-ber": lambda: bench_rows("link_ber"), "rtt": lambda: bench_rows("rtt"), "rtt-hops": rtt_hops,
    "dma-kick": lambda: bench_rows("dma_kick"), "dma-qos": lambda: bench_rows("dma_qos"),
    "nvme-latency": lambda: bench_rows("nvme_latency"), "nvme-hops": nvme_hop_table, "nvme-rate": lambda: bench_rows("nvme_rate"),
    "nvme-wait": lambda: bench_rows("nvme_wait"), "nvme-node": lambda: bench_rows("nvme_node"),
}


def render(text: str, missing: list[str]) -> str:
    """Fill in every section of a page."""

    def fill(hit: re.Match[str]) -> str:
        name = hit.group(2)
        if name not in SECTIONS:
            raise SystemExit(f"There is no section '{name}'; known are: {', '.join(SECTIONS)}.")
        try:
            return f"{hit.group(1)}\n{SECTIONS[name]()}\n{hit.group(4)}"
        except NoResults as exc:
            missing.append(f"{name}: {exc}")
            return hit.group(0)

    return SECTION.sub(fill, text)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.numbers", description="Numbers into the pages.")
    parser.add_argument("--check", action="store_true", help="write nothing; say which page is out of date")
    args = parser.parse_args(argv)
    missing: list[str] = []
    stale: list[str] = []
    for name in PAGES:
        page: Path = ROOT / name
        if not page.exists():
            continue
        old = page.read_text()
        new = render(old, missing)
        if new != old:
            stale.append(name)
            if not args.check:
                page.write_text(new)
    for text in dict.fromkeys(missing):
        print(f"left as it is: {text}", file=sys.stderr)
    print(f"{'out of date' if args.check else 'written'}: {', '.join(stale) or 'nothing'}")
    return 1 if args.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
