"""Many logins: one after the other in one process, and all at once."""

import statistics

from . import measure

ROUNDS = 15


def kept(rig, row):
    """What a process that goes on keeps of each login."""
    figures = measure.must(row.command(rig, "-n", str(row.times), count=row.times))
    for name in ("kept", "private", "descriptors", "mappings", "threads"):
        row.found[name] = figures[name]


def at_once(rig, row, limit):
    """Logins a second and failures, next to the limit's in the same minute."""
    if not row.at_once:
        return
    rounds = [(crowd(rig, row, row.at_once), crowd(rig, limit, row.at_once)) for _ in range(ROUNDS)]
    row.found["rate"] = statistics.median(ours["rate"] for ours, _ in rounds)
    row.found["of_limit"] = statistics.median(ours["rate"] / theirs["rate"] for ours, theirs in rounds)
    row.found["failed"] = sum(ours["failed"] for ours, _ in rounds) / ROUNDS


def crowd(rig, row, count):
    """So many at once."""
    return measure.run(row.command(rig, "-j", str(count), count=count, user=row.crowd))
