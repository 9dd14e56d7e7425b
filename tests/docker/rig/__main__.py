"""Runs the cases whose names contain one of the arguments, or all; prints each, and the sum on the last line."""

import sys
import time
import traceback

from . import broker
from .case import CASES
from .cases import budget, bundle, brokers, check, environment, keys, large, limits, memory, names, offline, outage, pamtester, rehearse, robots, security_keys, sessions, setup, ssh, step_up, su, sudo, whom  # pylint: disable=unused-import
from .world import World


def main(parts):
    """Runs; the exit status."""
    here = [case for case in CASES if not (case.process_only if broker.is_used() else case.broker_only)]
    chosen = [case for case in here if not parts or any(part in title(case) for part in parts)]
    world = World()
    failed = sum(not passes(world, case) for case in chosen)
    print(f"{len(chosen) - failed} passed, {failed} failed", flush=True)
    return 1 if failed or not chosen else 0


def passes(world, case):
    """Runs one case; on a failure prints what each side saw."""
    started = time.monotonic()
    trouble = None
    try:
        world.begin(case)
        case(world)
        world.end()
    except Exception:  # pylint: disable=broad-except
        trouble = traceback.format_exc()
    took = f"{time.monotonic() - started:.1f} s"
    print(f"{'FAILED' if trouble else 'ok    '} {title(case)} ({took})", flush=True)
    if trouble:
        print(f"{trouble}\n{world.story()}\n", flush=True)
    world.clear_away()
    return not trouble


def title(case):
    """The program that it is about, and what is true."""
    kind = case.__module__.rsplit(".", 1)[-1]
    return f"{kind}: {case.__name__.replace('_', ' ')}"


sys.exit(main(sys.argv[1:]))
