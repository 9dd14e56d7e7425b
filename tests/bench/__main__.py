"""Measures every row, prints the table and the bars; fails where a bar is broken that every run repeats."""

import argparse
import os
import sys

from . import approval, bars, load, measure, network, table
from .rig import Rig
from .rows import rows


def main():
    """The exit status."""
    arguments = read_arguments()
    lead_a_session()
    rig = Rig(arguments.target)
    try:
        return compare(rig, arguments)
    finally:
        rig.close()


def read_arguments():
    """What is measured."""
    parser = argparse.ArgumentParser(prog="tests/bench/run")
    parser.add_argument("target")
    parser.add_argument("rows", nargs="*", help="parts of names; all rows, if none is given")
    parser.add_argument("--quick", action="store_true", help="one login of each alone: no load, no waiting for approvals")
    return parser.parse_intermixed_args()


def lead_a_session():
    """What is remembered counts for as long as the session has its leader, which may be gone where no user watches."""
    if not os.path.exists(f"/proc/{os.getsid(0)}"):
        os.setsid()


def compare(rig, arguments):
    """One run."""
    proxy = network.Proxy()
    proxy.start(rig.tenant.address)
    all_rows = list(rows(rig, proxy.address))
    limit = next(row for row in all_rows if row.service == "limit_push")
    wanted = [row for row in all_rows if not arguments.rows or any(part in row.name for part in arguments.rows)]
    floors = {name: measure.floor_of(rig, next(row for row in all_rows if row.floor == name), name) for name in ("permit", "password")}
    # The tenant writes down all that it is asked: what reads that comes before the thousands of logins.
    for row in wanted:
        note(f"one login: {row.name}")
        alone(rig, proxy, row, floors[row.floor], limit, arguments.quick)
    for row in [] if arguments.quick else wanted:
        note(f"many logins: {row.name}")
        load.kept(rig, row)
        load.at_once(rig, row, limit)
    print(f"{table.shown(wanted)}\n")
    found = list(bars.bars(wanted))
    if not arguments.quick and not arguments.rows:
        found += approvals(rig)
    return verdict(found)


def alone(rig, proxy, row, floor, limit, is_quick):
    """What one login costs."""
    measure.cost(rig, row, floor, limit)
    if row.far:
        network.wire(rig, proxy, row)
    if row.far and not is_quick:
        network.distance(rig, proxy, row)


def approvals(rig):
    """How soon an approval is seen."""
    note(f"{approval.LOGINS} pushes that are approved after {approval.FIRST:.0f} to {approval.LAST:.0f} s")
    found = approval.measured(rig)
    print(f"From the approval of a push to PAM_SUCCESS: {found['mean'] * 1000:.0f} ms on average, {found['longest'] * 1000:.0f} ms at "
          f"most; {found['questions']:.1f} questions a login, {found['a second']:.2f} a second.\n")
    return bars.approval(found)


def verdict(found):
    """Prints the bars; fails if one is broken that every run repeats."""
    for bar in found:
        print(bar)
    broken = sum(bar.counts and not bar.is_met for bar in found)
    missed = sum(not bar.counts and not bar.is_met for bar in found)
    print(f"\n{len(found) - broken - missed} bars met, {broken} broken, {missed} not met in this run's time")
    return 1 if broken else 0


def note(text):
    """How far it is."""
    print(f"countersign: {text}", file=sys.stderr, flush=True)


sys.exit(main())
