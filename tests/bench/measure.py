"""What one login costs, in a process of its own."""

import os
import re
import statistics
import subprocess

from .rig import said

ROUNDS = 31


def run(command):
    """Runs the driver; its figures. An error where a login did not end as it should."""
    figures = dict(line.split() for line in said(*command).splitlines())
    figures = {name: float(value) for name, value in figures.items()}
    return figures


def must(command):
    """The same, but every login must succeed."""
    figures = run(command)
    if figures["failed"]:
        raise RuntimeError(f"a login failed, code {figures.get('code')}: {' '.join(command)}")
    return figures


def cost(rig, row, floor, limit):
    """Everything about one login that needs no network between."""
    must(row.command(rig))
    found = row.found
    found["instructions"] = (instructions(rig, row) - floor["instructions"]) / 1e6
    calls = system_calls(rig, row)
    found["calls"] = len(calls) - floor["calls"]
    found["sockets"] = sum("socket(AF_INET" in call for call in calls)
    found["peak"] = statistics.median(must(row.command(rig))["peak"] for _ in range(ROUNDS)) / 2**20
    found["size"] = os.path.getsize(row.module) / 1000
    found["needed"] = needed(row.module)
    found["load"] = 1e6 * min(run([rig.login, "-L", row.module, "-n", "1"])["load"] for _ in range(20))
    found["cpu"] = ratio(rig, row, limit)


def floor_of(rig, row, service):
    """What the program, libpam and a module that does nothing cost."""
    command = row.command(rig, service=service)
    return {"instructions": counted(command), "calls": len(traced(rig, command))}


def instructions(rig, row):
    """Of the whole process."""
    return counted(row.command(rig))


def counted(command):
    """As callgrind counts them."""
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command], check=True, capture_output=True, text=True)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def system_calls(rig, row):
    """Of the whole process, and of its threads."""
    return traced(rig, row.command(rig))


def traced(rig, command):
    """As strace lists them, the loading of the program among them."""
    trace = rig.path("trace")
    subprocess.run(["strace", "-f", "-o", trace, *command], check=True, capture_output=True)
    with open(trace, encoding="utf-8", errors="replace") as file:
        return [line for line in file if not re.match(r"\d+ +(\+\+\+|---|<\.\.\.)", line)]


def needed(module):
    """The libraries that a module brings along, but for the dynamic loader."""
    names = re.findall(r"Shared library: \[([^\]]+)\.so", said("readelf", "-d", module))
    return sorted(name for name in names if not name.startswith("ld-linux"))


def ratio(rig, row, limit):
    """CPU as a ratio to the limit's, the two in turn: whatever else this machine does meets both."""
    pairs = [(must(row.command(rig))["cpu"], must(limit.command(rig))["cpu"]) for _ in range(ROUNDS)]
    return statistics.median(ours / theirs for ours, theirs in pairs)
