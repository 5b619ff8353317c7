#!/usr/bin/python3
"""Carries out what benchmarks/gitops promises; called by it, with everything built."""
import argparse
import datetime
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import measure

ROOT = measure.ROOT
PAGE = ROOT / "docs/performance.md"
PLOT = ROOT / "docs/gitops-cost.svg"
BEGIN, END = "<!-- benchmarks/gitops: begin -->", "<!-- benchmarks/gitops: end -->"


def run_program(options, users, changes, idle, server=None):
    """One run of the program; its own checks end it if anything did not come out as it should."""
    command = [ROOT / options.build / "benchmarks/gitops", users, "--changes", changes, "--idle", idle]
    os.environ.setdefault("PLUMBLINE_BENCHMARK_PASSWORD", "unused")
    if server:
        command += ["--url", server.url, "--ca", server.ca, "--user", server.user, "--address", server.address]
        make_scope(server)
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit(f"gitops {users} ended with {result.returncode}")
    measured = json.loads(result.stdout.splitlines()[-1])
    measured["load"] = os.getloadavg()[0]
    return measured


def make_scope(server):
    measure.make_ou(server, "Bench")


def measure_all(options):
    sizes = [100, 300] if options.smoke else [1_000, 10_000, 100_000]
    changes, idle = (5, 20) if options.smoke else (200, 1_000)
    runs = []
    if not options.no_samba:
        with tempfile.TemporaryDirectory(prefix="plumbline-gitops-") as folder:
            server = measure.Server(pathlib.Path(folder) / "dc", pathlib.Path(folder) / "cache")
            try:
                runs.append(run_program(options, sizes[0], min(changes, 100), idle, server))
            finally:
                server.wipe()
    runs += [run_program(options, users, changes, idle) for users in sizes]
    bytes_of_one = mirrored_bytes(options)
    for run in runs:
        run["mirrored_bytes"] = bytes_of_one
    return runs


def mirrored_bytes(options):
    told = measure.run_text([ROOT / options.build / "benchmarks/mirror_memory"])
    return int(re.search(r"memory of one.*?(\d+) bytes", told).group(1))


def span(value):
    """Milliseconds, as people read them."""
    if value >= 1_000:
        return f"{value / 1_000:.2f} s" if value < 100_000 else f"{value / 1_000:.0f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 1 else f"{value:.2f} ms"


def pair(series):
    return f"{span(series['p50'])} / {span(series['p99'])}"


# What is measured, how it is shown, the goal and whether it is met. Goals are those of the largest size.
ROWS = [
    ("cycle without a change: directory operations", lambda r: f"{r['idle']['operations'] / r['idle']['cycles']:g}",
     "1", lambda r: r["idle"]["operations"] <= r["idle"]["cycles"]),
    ("… CPU time, p50 / p99", lambda r: pair(r["idle"]["cpu"]), "< 100 ms", lambda r: r["idle"]["cpu"]["p99"] < 100),
    ("1,000 such cycles: writes to the directory, to the store",
     lambda r: f"{r['idle']['writes']}, {r['idle']['store_puts']}", "0, 0",
     lambda r: r["idle"]["writes"] + r["idle"]["store_puts"] == 0),
    ("one commit of one file: fetch and read", lambda r: pair(r["commit"]["fetch"]), "", None),
    ("… parse, check, snapshot", lambda r: pair(r["commit"]["load"]), "", None),
    ("… observe, plan, review", lambda r: pair(r["commit"]["plan"]), "", None),
    ("commit to plan, after the fetch", lambda r: pair(r["commit"]["plan_after_fetch"]), "p99 20 ms",
     lambda r: r["commit"]["plan_after_fetch"]["p99"] <= 20),
    ("commit to written", lambda r: pair(r["commit"]["written"]), "100 / 500 ms",
     lambda r: r["commit"]["written"]["p50"] <= 100 and r["commit"]["written"]["p99"] <= 500),
    ("change by hand to noticed", lambda r: pair(r["repair"]["noticed"]), "", None),
    ("change by hand to repaired", lambda r: pair(r["repair"]["written"]), "100 ms / 1 s",
     lambda r: r["repair"]["written"]["p50"] <= 100 and r["repair"]["written"]["p99"] <= 1_000),
    ("cold start: all manifests, all of the domain", lambda r: span(r["cold_start"]["total"]), "", None),
    ("warm start: all manifests, mirror from the store", lambda r: span(r["warm_start"]["total"]), "", None),
    ("… of it the manifests, the first round",
     lambda r: f"{span(r['warm_start']['fetch'] + r['warm_start']['load'])}, {span(r['warm_start']['round'])}", "",
     None),
    ("memory at rest: heap, for a user",
     lambda r: f"{r['at_rest']['heap_mb']:.0f} MB, {r['at_rest']['heap_bytes_a_user'] / 1_000:.1f} kB", "", None),
    ("… of it the inventory, for a user", lambda r: f"{r['at_rest']['inventory_bytes_a_user'] / 1_000:.2f} kB", "",
     None),
    ("… of it the mirror, for a user of 13 attributes (100,000 of them)", lambda r: f"{r['mirrored_bytes']:.0f} bytes",
     "1 kB", lambda r: r["mirrored_bytes"] <= 1_000),
]


def table(runs):
    heads = [f"{run['users']:,} ({run['server']})" for run in runs]
    lines = ["| | " + " | ".join(heads) + " | goal at the largest | |", "|---" * (len(heads) + 3) + "|"]
    for name, show, goal, met in ROWS:
        verdict = "" if met is None else "met" if met(runs[-1]) else "NOT MET"
        lines.append(f"| {name} | " + " | ".join(show(run) for run in runs) + f" | {goal} | {verdict} |")
    return "\n".join(lines)


SERIES = [
    ("warm start", "#7a4fbf", lambda r: r["warm_start"]["total"]),
    ("cold start", "#bf4f4f", lambda r: r["cold_start"]["total"]),
    ("commit to written, p50", "#1f77b4", lambda r: r["commit"]["written"]["p50"]),
    ("commit to plan, p50", "#2a9d5c", lambda r: r["commit"]["plan_after_fetch"]["p50"]),
    ("change by hand to repaired, p50", "#d98c1f", lambda r: r["repair"]["written"]["p50"]),
    ("cycle without a change, CPU p50", "#555555", lambda r: max(r["idle"]["cpu"]["p50"], 0.01)),
]


def plot(runs):
    """Cost against size, both logarithmic, as SVG."""
    runs = [run for run in runs if run["server"] == "in memory"]
    wide, high, left, bottom, right, top = 760, 440, 76, 56, 216, 40
    low_x, high_x = math.log10(runs[0]["users"]), math.log10(runs[-1]["users"])
    values = [value(run) for _, _, value in SERIES for run in runs]
    low_y, high_y = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def x(users):
        return left + (math.log10(users) - low_x) / (high_x - low_x) * (wide - left - right)

    def y(value):
        return high - bottom - (math.log10(value) - low_y) / (high_y - low_y) * (high - bottom - top)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" '
           'font-size="12" fill="#222">', f'<rect width="{wide}" height="{high}" fill="#fff"/>',
           f'<text x="{left}" y="22" font-size="14" font-weight="bold">Cost against size: what follows a change '
           'stays level</text>']
    for power in range(low_y, high_y + 1):
        at = y(10 ** power)
        out.append(f'<path d="M{left} {at:.1f}H{wide - right}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0 ** power:,g} ms</text>')
    for run in runs:
        at = x(run["users"])
        out.append(f'<path d="M{at:.1f} {top}V{high - bottom}" stroke="#eee"/>')
        out.append(f'<text x="{at:.1f}" y="{high - bottom + 18}" text-anchor="middle">{run["users"]:,}</text>')
    out.append(f'<text x="{(left + wide - right) / 2:.0f}" y="{high - 12}" text-anchor="middle">users</text>')
    labels = sorted(((y(value(runs[-1])), name, colour) for name, colour, value in SERIES))
    last = -100.0
    for at, name, colour in labels:  # apart from each other
        last = max(at, last + 15)
        out.append(f'<text x="{wide - right + 10}" y="{last + 4:.1f}" fill="{colour}">{name}</text>')
    for _, colour, value in SERIES:
        points = [(x(run["users"]), y(value(run))) for run in runs]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>' for px, py in points]
    return "\n".join(out + ["</svg>", ""])


def section(runs):
    return f"""{BEGIN}
## Following: the cost of what changed

`benchmarks/gitops` commits to a Git repository (file://) and edits a domain, and times the parts that `plumbline run`
is made of, each phase apart: 200 commits and 200 changes by hand of one user each (100 on Samba), 1,000 cycles without
a change. "In memory" is the directory that the tests use, within the same process: it answers at once, so these numbers
are Plumbline's own and show how they grow. Samba answers over LDAPS on the same machine, and tells of changes by a
notification. State is in SQLite with fsync, policies are those that are built in. Pairs are p50 / p99.

{table(runs)}

![Cost against size](gitops-cost.svg)

{datetime.date.today()}, built from {measure.run_text(["git", "rev-parse", "--short", "HEAD"]).strip()}, load average \
{min(run["load"] for run in runs):.1f} to {max(run["load"] for run in runs):.1f} on {os.cpu_count()} processors.
{END}
"""


def write_docs(runs):
    text = PAGE.read_text()
    if BEGIN in text:
        text = text[:text.index(BEGIN)] + section(runs) + text[text.index(END) + len(END) + 1:]
    else:
        text = text.rstrip("\n") + "\n\n" + section(runs)
    PAGE.write_text(text)
    PLOT.write_text(plot(runs))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    for flag in ("--smoke", "--no-samba", "--write-docs"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    runs = measure_all(options)
    print(table(runs))
    plot(runs)
    if options.json:
        options.json.write_text(json.dumps(runs, indent=1))
    if options.write_docs and not options.smoke:
        write_docs(runs)


if __name__ == "__main__":
    main()
