"""The bars: what a login may cost. A figure that every run repeats fails the run when it is over its bar."""

import os

LIBRARIES = {"libpam", "libc", "libgcc_s"}


class Bar:
    """One demand on one row."""

    def __init__(self, row, what, is_met, counts):
        self.row, self.what, self.is_met, self.counts = row, what, is_met, counts

    def __str__(self):
        word = "met" if self.is_met else "BROKEN" if self.counts else "not met"
        return f"{word:8} {self.row.name}: {self.what}"


def bars(rows):
    """All that were measured."""
    named = {row.service: row for row in rows}
    for row in rows:
        if row.bars == "login":
            yield from login(row)
        if row.bars == "local":
            yield from local(row, named.get("oath"))
        if row.beside and "instructions" in row.beside.found:
            # What a configuration holds for others hardly costs the users it is not about.
            yield from at_most(row, "instructions", 1.25 * row.beside.found["instructions"], " M")


def at_most(row, key, limit, unit="", counts=True, shown=None):
    """A bar, if the figure is there."""
    if key in row.found:
        value = row.found[key]
        yield Bar(row, f"{shown or key} {value:.4g}{unit}, at most {limit:.4g}", value <= limit, counts)


def login(row):
    """A login that asks the tenant."""
    if row.instructions:
        yield from at_most(row, "instructions", row.instructions, " M")
    if row.calls:
        # Files of another owner than root take another call each: whose they are is compared with who runs.
        yield from at_most(row, "calls", row.calls, shown="system calls", counts=os.geteuid() == 0)
    if row.requests <= 3:
        yield from at_most(row, "cpu", 1.25, shown="CPU, of the limit's", counts=False)
    yield from at_most(row, "peak", 4.5, " MiB", counts=False)
    yield from at_most(row, "connections", 1)
    yield from at_most(row, "handshakes", 1)
    yield from at_most(row, "requests", row.requests)
    yield from at_most(row, "writes", 1, shown="writes for one request")
    yield from at_most(row, "bytes", 10_000)
    yield from at_most(row, "trips", 2.3 + row.requests, shown="round trips", counts=False)
    after = row.after_key + max(0, row.requests - 3)
    yield from at_most(row, "trips_after", after, shown="round trips after the last key", counts=False)
    yield from everyone(row)


def local(row, oath):
    """A login that asks no tenant."""
    if oath:
        yield from at_most(row, "instructions", 2 * oath.found["instructions"], " M")
    # An offline code counts while the tenant does not answer, which takes one attempt to find out.
    yield from at_most(row, "sockets", int(row.service == "offline"), shown="network sockets")
    yield from everyone(row)


def everyone(row):
    """What holds for every way of logging in."""
    if "needed" in row.found:
        extra = set(row.found["needed"]) - LIBRARIES
        yield Bar(row, f"needs {', '.join(row.found['needed'])}", not extra, True)
    yield from at_most(row, "kept", 100, " bytes a login")
    yield from at_most(row, "private", 100, " bytes a login of private memory", counts=False, shown="and")
    yield from at_most(row, "descriptors", 0)
    yield from at_most(row, "mappings", 0)
    yield from at_most(row, "threads", 0)
    yield from at_most(row, "failed", 0, f" of {row.at_once} at once", counts=False)
    if "of_limit" in row.found and row.bars == "login":
        share = row.found["of_limit"]
        yield Bar(row, f"{share:.2f} of the limit's rate, at least 0.9", share >= 0.9, False)


def approval(found):
    """Approvals of pushes."""
    row = type("Row", (), {"name": "approvals of a push"})
    yield Bar(row, f"{found['mean'] * 1000:.0f} ms to PAM_SUCCESS on average, under 600", found["mean"] < 0.6, False)
    yield Bar(row, f"{found['a second']:.2f} questions a second, at most 1", found["a second"] <= 1, True)
