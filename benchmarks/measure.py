#!/usr/bin/python3
"""Carries out what benchmarks/run promises; called by it, with everything built and installed."""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import workload

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOMAIN = "DC=ad,DC=test"


class Server:
    """A throwaway domain controller on tmpfs, from the same cached provisioning each time."""

    def __init__(self, folder, cache):
        self.folder = folder
        for last in range(221, 250):
            self.address = f"127.0.0.{last}"
            started = subprocess.run([ROOT / "scripts/samba-dc", "start", folder, "--address", self.address, "--cache",
                                      cache], capture_output=True, text=True)
            if started.returncode == 0:
                break
            self.wipe()
        else:
            sys.exit("no domain controller can be started: " + started.stderr)
        values = dict(line.split("=", 1) for line in started.stdout.splitlines() if "=" in line)
        self.url = values["PLUMBLINE_TEST_LDAP_URL"]
        self.ca = values["PLUMBLINE_TEST_LDAP_CA"]
        self.user = values["PLUMBLINE_TEST_LDAP_USER"]
        self.password = values["PLUMBLINE_TEST_LDAP_PASSWORD"]
        os.environ["LDAPTLS_CACERT"] = self.ca
        os.environ["PLUMBLINE_BENCHMARK_PASSWORD"] = self.password

    def wipe(self):
        subprocess.run([ROOT / "scripts/samba-dc", "wipe", self.folder], check=True)

    def cpu(self):
        """Processor seconds of its processes so far."""
        leader = (self.folder / "session").read_text().split()[0]
        ticks = 0
        for process in run_text(["ps", "-o", "pid=", "-s", leader]).split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def login(self, url=None):
        return ["-x", "-H", url or self.url, "-D", self.user, "-w", self.password]


class Bench:
    def __init__(self, options, folder):
        self.build, self.smoke, self.runs, self.folder = ROOT / options.build, options.smoke, options.runs, folder
        self.rows, self.raw, self.load = [], {}, []
        self.work = folder / "work"
        self.work.mkdir()

    def size(self, full, small):
        return small if self.smoke else full

    @contextlib.contextmanager
    def server(self):
        server = Server(self.folder / "dc", self.folder / "cache")
        try:
            yield server
        finally:
            server.wipe()

    def timed(self, name, command, expect=0):
        """Wall seconds of a process from start to end; kept under `name` with its CPU time and memory."""
        self.load.append(os.getloadavg()[0])
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as out:
            begin = time.perf_counter()
            process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != expect:
                errors.seek(0), out.seek(0)
                sys.exit(f"{' '.join(map(str, command[:2]))} ended with {process.returncode}, not {expect}:\n"
                         + (out.read()[-1500:] + errors.read()[-1500:]).decode(errors="replace"))
        measured = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss_mb": usage.ru_maxrss / 1024}
        self.raw.setdefault(name, []).append(measured)
        return wall

    def median(self, name, what="wall"):
        return statistics.median(each[what] for each in self.raw[name])

    def note(self, name, value):
        self.raw.setdefault(name, []).append({"wall": value})

    def row(self, what, ours, peer, ratio, goal="", met=None):
        """met: whether the goal is met; None: a row that is there to understand the others."""
        verdict = "" if met is None else "not judged" if self.smoke else "met" if met else "NOT MET"
        self.rows.append((what, ours, peer, ratio, goal, verdict))

    def plumbline(self, command, manifests, state, *more):
        return [self.build / "plumbline", command, "-f", manifests, "--state", state, *more]


def run_text(command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def seconds(value):
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def per_second(count, value):
    return f"{count / value:,.0f}/s"


# 1. Manifests


def measure_load(bench):
    count, runs = bench.size(100_000, 500), min(bench.runs, 3)
    found = []
    for _ in range(1 if bench.smoke else runs):
        text = run_text([bench.build / "benchmarks/load_manifests", count, 2])
        rates = dict(re.findall(r"^(.+?) +[\d.]+ s +(\d+) documents/s$", text, re.M))
        memory = re.search(r"peak memory (\d+) MB; kept ([\d.]+) kB", text)
        found.append({"cold": int(rates["cold, both"]), "unchanged": int(rates["unchanged tree: look and snapshot"]),
                      "same": int(rates["all files given again, same content"]),
                      "peer": int(rates["peer: yaml-cpp YAML::Load, same bytes"]),
                      "peak_kb": int(memory[1]) * 1024 / count, "kept_kb": float(memory[2])})
    bench.raw["load"] = found
    mid = {name: statistics.median(each[name] for each in found) for name in found[0]}
    users = f"{count:,} ADUser manifests"
    bench.row(f"load and validate {users}, cold", f"{mid['cold']:,.0f}/s", f"yaml-cpp Load {mid['peer']:,.0f}/s",
              f"{mid['cold'] / mid['peer']:.2f} × as fast", "≥ 15,000/s", mid["cold"] >= 15_000)
    bench.row("the same, tree unchanged", f"{mid['unchanged']:,.0f}/s", "", "", "≥ 200,000/s",
              mid["unchanged"] >= 200_000)
    bench.row("the same, every file given again", f"{mid['same']:,.0f}/s", "", "")
    bench.row("memory kept for a manifest", f"{mid['kept_kb']:.2f} kB", "", "", "≤ 4 kB", mid["kept_kb"] <= 4)
    bench.row("peak memory of the process, for a manifest", f"{mid['peak_kb']:.2f} kB", "", "")


def measure_document(bench):
    """An OpenAPI document of 10 MB, from its text to operations that can be called."""
    megabytes = bench.size(10, 1)
    text = run_text([bench.build / "benchmarks/load_document", megabytes, 1 if bench.smoke else bench.runs])
    found = {}
    for form, count, parsed, all_of_it, floor, ratio in re.findall(
            r"^(\w+): (\d+) bytes, parsed in ([\d.]+) s, callable in ([\d.]+) s, .* ([\d.]+) s, ratio ([\d.]+)$", text, re.M):
        found[form] = {"bytes": int(count), "parsed": float(parsed), "callable": float(all_of_it), "floor": float(floor),
                       "ratio": float(ratio)}
    operations, peak = re.search(r"^(\d+) operations; peak memory (\d+) MB", text, re.M).groups()
    bench.raw["document"] = [{**found, "operations": int(operations), "peak_mb": int(peak)}]
    for form, floor in ("JSON", "Boost.JSON alone"), ("YAML", "yaml-cpp's events alone"):
        each = found[form]
        bench.row(f"OpenAPI document of {each['bytes'] / 1e6:.1f} MB of {form}: text to callable operations",
                  seconds(each["callable"]), f"{floor} {seconds(each['floor'])}", f"{each['ratio']:.2f} × the time")
    bench.row(f"peak memory with the JSON ({int(operations):,} operations)", f"{peak} MB", "", "")


# 2. A plan with nothing to do


def forget_mirror(state):
    """Leaves the records of a domain, but not what was seen in it: the next plan reads everything."""
    with contextlib.closing(sqlite3.connect(state / "plumbline.db")) as database, database:
        database.execute("DELETE FROM kv WHERE key LIKE 'mirror/%' OR key LIKE 'mirror-head/%'")


def measure_noop(bench):
    count = bench.size(10_000, 100)
    with bench.server() as server:
        ou = make_ou(server, "Noop")
        manifests, state, first = bench.work / "noop", bench.work / "noop-state", bench.work / "noop-first"
        workload.write_manifests(manifests, server, ou, count, "n")
        bench.timed("noop: setup", bench.plumbline("apply", manifests, state, "--yes"))
        bench.timed("noop: mirror", bench.plumbline("apply", manifests, state, "--yes"))  # sees its own writes
        expect_users(server, ou, count)
        shutil.copytree(state, first)
        forget_mirror(first)
        noop = bench.build / "benchmarks/noop_plan"
        wanted = run_text([noop, manifests, state, "filter"]).split()
        search = ["ldapsearch", *server.login(), "-LLL", "-o", "ldif-wrap=no", "-E", "pr=1000/noprompt", "-b", ou,
                  *wanted]

        def plan_parts(of, label):
            parts = json.loads(run_text([noop, manifests, of, "1"]))
            if parts["unchanged"] != count:
                sys.exit(f"the plan is of {parts['unchanged']} users, not of {count}")
            for name in ("load", "plan", "read", "idle"):
                value = parts[name + "_ms"]
                bench.note(f"noop: {label} {name}", (value[0] if isinstance(value, list) else value) / 1000)
            for name in ("look", "idle"):
                bench.note(f"noop: {label} {name} operations", parts[name + "_operations"])

        def process(of, label):
            bench.timed(f"noop: {label} process", bench.plumbline("plan", manifests, of, "--detailed-exitcode"))

        for run in range(bench.runs + 1):
            jobs = [lambda: bench.timed("noop: ldapsearch", search), lambda: plan_parts(first, "first"),
                    lambda: plan_parts(state, "later"), lambda: process(first, "first"),
                    lambda: process(state, "later")]
            for job in jobs if run % 2 else reversed(jobs):
                job()
            if run == 0:  # warms the server's and the file system's caches
                for name in [name for name in bench.raw if name.startswith("noop: ")]:
                    del bench.raw[name]
    report_noop(bench, f"{count:,} users")


def report_noop(bench, users):
    peer = bench.median("noop: ldapsearch")
    same = f"ldapsearch {seconds(peer)}"

    def row(what, name, goal=False):
        value = bench.median(f"noop: {name}")
        bench.row(what, seconds(value), same, f"{value / peer:.2f} × the time", "≤ 1.3 ×" if goal else "",
                  value <= 1.3 * peer if goal else None)

    row(f"no-op plan of {users}, later processes (mirror restored): connect, ask for changes, compare", "later plan",
        True)
    row("… `plumbline plan`, the whole process", "later process", True)
    row(f"no-op plan of {users}, the first ever: connect, read everything, compare", "first plan", True)
    row("… `plumbline plan`, the whole process", "first process")
    row("… of it the paged read alone", "first read")
    bench.row("… of both processes loading the manifests, cold", seconds(bench.median("noop: later load")), "", "")
    bench.row("idle round: LDAP operations", f"{bench.median('noop: later idle operations'):.0f}", "", "")
    bench.row("… time of its look at the domain", seconds(bench.median("noop: later idle")), "", "")
    bench.row("LDAP operations to see that nothing changed, of a new process",
              f"{bench.median('noop: later look operations'):.0f}", "", "")


# 3. Writes


def make_ou(server, name):
    ou = f"OU={name},{DOMAIN}"
    subprocess.run(["ldapadd", *server.login()], input=f"dn: {ou}\nobjectClass: organizationalUnit\n", text=True,
                   check=True, capture_output=True)
    return ou


def search_lines(server, base, filter_text, *attributes):
    text = run_text(["ldapsearch", *server.login(), "-LLL", "-o", "ldif-wrap=no", "-E", "pr=1000/noprompt", "-b", base,
                     filter_text, *attributes])
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def expect_users(server, ou, count, filter_text="(objectClass=user)"):
    found = sum(line.startswith("dn:") for line in search_lines(server, ou, filter_text, "1.1"))
    if found != count:
        sys.exit(f"{ou} has {found} users for {filter_text}, not {count}")


def expect_same_attributes(server, ours, peer):
    """That the LDIF is equivalent: the same attributes on both sides, but for the mark of what Plumbline made."""
    def names(ou):
        lines = search_lines(server, ou, "(&(objectClass=user)(displayName=Given0 Surname0))", "*")
        return {line.split(":")[0] for line in lines} - {"adminDescription"}
    if names(ours) != names(peer) or not names(ours):
        sys.exit(f"not the same work: {names(ours) ^ names(peer)} on one side only")


@contextlib.contextmanager
def delay_proxy(bench, server, round_trip):
    proxy = subprocess.Popen([bench.build / "benchmarks/delay_proxy", server.address, "636", str(round_trip)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        # ldapadd cannot be told which name to expect, and the certificate is not for the proxy's address.
        os.environ["LDAPTLS_REQCERT"] = "never"
        yield f"ldaps://127.0.0.1:{proxy.stdout.readline().strip()}"
    finally:
        del os.environ["LDAPTLS_REQCERT"]
        proxy.stdin.close()
        proxy.wait()


def writing_time(state, from_record):
    """Seconds from the first intent of the records since `from_record` to the last outcome, and the next record."""
    with contextlib.closing(sqlite3.connect(f"file:{state / 'plumbline.db'}?mode=ro", uri=True)) as database:
        records = [json.loads(value) for (value,) in
                   database.execute("SELECT value FROM kv WHERE key LIKE 'audit/%' ORDER BY key")]
    times = [datetime.datetime.fromisoformat(record["time"]) for record in records[from_record:]]
    return (max(times) - min(times)).total_seconds(), len(records)


def write_pair(bench, server, label, url, count, turn):
    """Creates and updates `count` users on each side, one after the other; the first side changes with `turn`."""
    ours, peer = make_ou(server, f"Ours-{label}"), make_ou(server, f"Peer-{label}")
    manifests, state = bench.work / f"{label}{turn}", bench.work / f"{label}{turn}-state"
    ldif, records = bench.work / f"{label}.ldif", 0
    # What ldapadd does before it writes: connect, TLS, bind; and one small question.
    bench.timed(f"{label}: bind", ["ldapsearch", *server.login(url), "-s", "base", "-b", "", "1.1"])

    def side(name, command):
        before = server.cpu()
        bench.timed(f"{label}: {name}", command)
        bench.note(f"{label}: {name}, server", server.cpu() - before)

    for job, tool, updated in (("create", "ldapadd", False), ("update", "ldapmodify", True)):
        workload.write_manifests(manifests, server, ours, count, f"o{label}", updated, url)
        workload.write_ldif(ldif, peer, count, f"p{label}", updated)
        sides = [(f"plumbline {job}", bench.plumbline("apply", manifests, state, "--yes")),
                 (tool, [tool, *server.login(url), "-f", ldif])]
        for name, command in sides if turn % 2 else reversed(sides):
            side(name, command)
        alone, records = writing_time(state, records)
        bench.note(f"{label}: plumbline {job}, writes alone", alone)
        for ou in (ours, peer):
            expect_users(server, ou, count, "(title=Senior engineer)" if updated else "(title=Engineer)")
    bench.timed(f"{label}: plumbline plan after", bench.plumbline("plan", manifests, state, "--detailed-exitcode"))
    expect_same_attributes(server, ours, peer)


def warm_up(bench, server):
    """The first writes of a new domain controller take longer, whoever makes them."""
    ldif = bench.work / "warm.ldif"
    workload.write_ldif(ldif, make_ou(server, "Warm"), bench.size(100, 5), "w")
    run_text(["ldapadd", *server.login(), "-f", ldif])


def measure_writes(bench):
    count, slow_runs = bench.size(1_000, 20), min(bench.runs, 3)
    for turn in range(bench.runs):
        with bench.server() as server:
            warm_up(bench, server)
            write_pair(bench, server, "local", None, count, turn)
    for turn in range(slow_runs):
        with bench.server() as server, delay_proxy(bench, server, 10) as url:
            warm_up(bench, server)
            write_pair(bench, server, "far", url, count, turn)
    report_writes(bench, "local", count, "on loopback", 1)
    report_writes(bench, "far", count, "10 ms of round trip", 8)


def report_writes(bench, label, count, where, goal):
    both = [0, 0]
    for job, tool in (("create", "ldapadd"), ("update", "ldapmodify")):
        ours, peer = bench.median(f"{label}: plumbline {job}"), bench.median(f"{label}: {tool}")
        both = [both[0] + ours, both[1] + peer]
        bench.row(f"{job} {count:,} users, {where}", f"{seconds(ours)} ({per_second(count, ours)})",
                  f"{tool} {seconds(peer)} ({per_second(count, peer)})", f"{peer / ours:.2f} × as fast",
                  f"≥ {goal} ×", peer >= goal * ours)
        alone = bench.median(f"{label}: plumbline {job}, writes alone")
        peer_alone = peer - bench.median(f"{label}: bind")
        bench.row("… the writes alone, from the first intent to the last outcome", seconds(alone),
                  f"less its bind {seconds(peer_alone)}", f"{peer_alone / alone:.2f} × as fast")
        bench.row("… the server's processor time for it", seconds(bench.median(f"{label}: plumbline {job}, server")),
                  seconds(bench.median(f"{label}: {tool}, server")), "")
    bench.row(f"both together, {where}", seconds(both[0]), seconds(both[1]), f"{both[1] / both[0]:.2f} × as fast",
              f"≥ {goal} ×", both[1] >= goal * both[0])


# 4. Ansible


def measure_ansible(bench):
    count = bench.size(100, 5)
    os.environ.update(ANSIBLE_NOCOWS="1", ANSIBLE_LOCALHOST_WARNING="False", ANSIBLE_HOME=str(bench.work / "ansible"))
    with bench.server() as server:
        ou = make_ou(server, "Ansible")
        manifests, state, playbook = bench.work / "ansible-ours", bench.work / "ansible-state", bench.work / "play.yaml"
        workload.write_manifests(manifests, server, ou, count, "a")
        workload.write_playbook(playbook, server, ou, count, "a")
        bench.timed("ansible: setup", bench.plumbline("apply", manifests, state, "--yes"))
        expect_users(server, ou, count)
        for _ in range(min(bench.runs, 3)):
            bench.timed("ansible: playbook", ["ansible-playbook", "-i", "localhost,", playbook])
            for command in ("plan", "apply"):
                more = ["--yes"] if command == "apply" else ["--detailed-exitcode"]
                bench.timed(f"ansible: plumbline {command}", bench.plumbline(command, manifests, state, *more))
        output = run_text(["ansible-playbook", "-i", "localhost,", playbook])
        if not re.search(r"changed=0 .*failed=0", output):
            sys.exit("Ansible finds something to do, so this is not the same work:\n" + output[-500:])
    peer = bench.median("ansible: playbook")
    for command in ("plan", "apply"):
        ours = bench.median(f"ansible: plumbline {command}")
        bench.row(f"{count} users, nothing to do: `plumbline {command}`", seconds(ours),
                  f"ansible-playbook {seconds(peer)}", f"{peer / ours:,.0f} × as fast", "≥ 100 ×", peer >= 100 * ours)


# The report


def machine():
    cpu = re.search(r"model name\s*: (.+)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal: +(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / 2**20
    system = re.search(r'PRETTY_NAME="(.+)"', pathlib.Path("/etc/os-release").read_text())
    return (f"{os.cpu_count()} × {cpu[1] if cpu else 'unknown'}, {memory:.0f} GiB, {system[1]}, kernel "
            f"{os.uname().release}; {run_text(['/usr/sbin/samba', '-V']).strip()} on tmpfs without fsync")


def print_report(bench):
    print(f"\n{time.strftime('%Y-%m-%d %H:%M')}; {machine()}; load before the measurements "
          f"{min(bench.load):.1f} to {max(bench.load):.1f}; medians of {bench.runs} runs (3 where one takes long)\n"
          if bench.load else "")
    table = [("What", "Plumbline", "Peer", "Ratio", "Goal", ""), *bench.rows]
    widths = [max(len(row[column]) for row in table) for column in range(6)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in table]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print("\n".join(lines))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--no-ansible", action="store_true")
    parser.add_argument("--only", default="load,document,noop,writes,ansible")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json")
    options = parser.parse_args()
    if options.smoke:
        options.runs = 1
    parts = {"load": measure_load, "document": measure_document, "noop": measure_noop, "writes": measure_writes, "ansible": measure_ansible}
    chosen = [name for name in options.only.split(",") if not (options.no_ansible and name == "ansible")]
    if not chosen or set(chosen) - set(parts):
        sys.exit("--only takes " + ", ".join(parts))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="plumbline-benchmark-"))
    try:
        bench = Bench(options, folder)
        for name in chosen:
            print(f"==> {name} (load {os.getloadavg()[0]:.1f})", flush=True)
            parts[name](bench)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_report(bench)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"rows": bench.rows, "measured": bench.raw}, indent=1))


if __name__ == "__main__":
    main()
