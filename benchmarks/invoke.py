"""Measures invocations through Plumbline's HTTP API against nginx; see benchmarks/invoke."""

import argparse
import os
import pathlib
import re
import socket
import statistics
import subprocess
import tempfile
import time

NGINX = """daemon off; worker_processes 1; worker_cpu_affinity {affinity}; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {servers} }}
"""
UPSTREAM = 'server {{ listen 127.0.0.1:{port}; location / {{ return 200 \'{body}\'; }} }}'
PROXY = """upstream up {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}"""
BODY = '{"devices":[{"name":"sw-1","site":"ber1"},{"name":"sw-2","site":"ber1"}]}'
MANIFESTS = """apiVersion: plumbline.dev/v1alpha1
kind: IntegrationModel
metadata: {{name: inventory}}
spec:
  document:
    inline:
      openapi: 3.0.3
      info: {{title: Inventory, version: '1'}}
      paths:
        /devices:
          get:
            operationId: listDevices
            parameters: [{{name: site, in: query, schema: {{type: string}}}}]
            security: [{{key: []}}]
      components: {{securitySchemes: {{key: {{type: apiKey, in: header, name: X-API-Key}}}}}}
---
apiVersion: plumbline.dev/v1alpha1
kind: Credential
metadata: {{name: key}}
spec: {{type: apiKey, apiKey: {{valueFrom: {{env: PLUMBLINE_BENCH_KEY}}}}}}
---
apiVersion: plumbline.dev/v1alpha1
kind: Integration
metadata: {{name: inventory}}
spec:
  modelRef: {{name: inventory}}
  server: {{protocol: http, host: 127.0.0.1, port: {upstream}}}
  authentication: {{credentialRef: {{name: key}}}}
  logging: {{level: error}}
"""
WRK = """wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer {token}"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{{"parameters":{{"site":"ber1"}}}}'
"""
UNITS = {"us": 1, "ms": 1e3, "s": 1e6}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"nothing listens at port {port}")


def start_nginx(folder, name, servers, port, core):
    here = folder / name
    here.mkdir()
    settings = here / "nginx.conf"
    settings.write_text(NGINX.format(folder=here, servers=servers, affinity="01" if core == 0 else "10"))
    process = subprocess.Popen(["nginx", "-c", settings, "-p", here], stderr=subprocess.DEVNULL)
    wait_for(port)
    return process


def wrk(url, connections, seconds, script=None):
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    if script:
        command[4:4] = ["-s", str(script)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"not every call went well:\n{said}")
    latency = {share: float(value) * UNITS[unit] for share, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", said)}
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)), latency["50"], latency["99"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    seconds, runs = (1, 1) if arguments.smoke else (arguments.seconds, arguments.runs)
    program = pathlib.Path(arguments.build, "plumbline").resolve()
    processes = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        try:
            upstream, proxy, api = free_port(), free_port(), free_port()
            processes.append(start_nginx(folder, "upstream", UPSTREAM.format(port=upstream, body=BODY), upstream, 1))
            processes.append(start_nginx(folder, "proxy", PROXY.format(port=proxy, upstream=upstream), proxy, 0))
            (folder / "manifests").mkdir()
            (folder / "manifests/all.yaml").write_text(MANIFESTS.format(upstream=upstream))
            environment = dict(os.environ, PLUMBLINE_MANIFESTS=str(folder / "manifests"), PLUMBLINE_STATE=str(folder / "state"),
                               PLUMBLINE_ALLOW_EGRESS="127.0.0.0/8", PLUMBLINE_BENCH_KEY="key-of-the-benchmark")
            call = lambda *words: subprocess.run([program, *words], env=environment, check=True, capture_output=True, text=True)
            call("apply", "--yes")
            token = call("token", "create", "bench", "--admin", "--expires", "1h").stdout.strip()
            processes.append(subprocess.Popen(["taskset", "-c", "0", program, "run", "--api", f"127.0.0.1:{api}", "--log-level", "error"],
                                              env=environment))
            wait_for(api)
            script = folder / "call.lua"
            script.write_text(WRK.format(token=token))
            path = "/devices?site=ber1"
            ways = {"nginx": (f"http://127.0.0.1:{upstream}{path}", None),
                    "nginx as proxy": (f"http://127.0.0.1:{proxy}{path}", None),
                    "plumbline": (f"http://127.0.0.1:{api}/api/v1/namespaces/default/integrations/inventory/operations/listDevices", script)}
            results = {}
            for connections in (1, 32):
                for _ in range(runs):
                    for way, (url, lua) in ways.items():  # in turns, so that what else the machine does meets all of them
                        results.setdefault((way, connections), []).append(wrk(url, connections, seconds, lua))
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()
    median = {key: [statistics.median(values) for values in zip(*rows)] for key, rows in results.items()}
    print("| | connections | calls/s | p50 us | p99 us |\n|---|---|---|---|---|")
    for (way, connections), (rate, p50, p99) in median.items():
        print(f"| {way} | {connections} | {rate:,.0f} | {p50:,.0f} | {p99:,.0f} |")
    ratio = median["plumbline", 32][0] / median["nginx as proxy", 32][0]
    added = median["plumbline", 1][1] - median["nginx", 1][1]
    beside = median["nginx as proxy", 1][1] - median["nginx", 1][1]
    print(f"\nthroughput: {ratio:.2f} x nginx as proxy (goal: 0.5 x): {'met' if ratio >= 0.5 else 'missed'}")
    print(f"added p50: {added:.0f} us (goal: under 150 us; nginx as proxy adds {beside:.0f} us): {'met' if added < 150 else 'missed'}")


if __name__ == "__main__":
    main()
