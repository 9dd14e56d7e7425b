"""The tenant simulator as a process, its phone, and the small frame that the client checks run in."""

import json
import os
import pathlib
import subprocess
import tempfile
import traceback
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

PROGRAM = os.environ["SIMULATOR"]
PATIENCE = 30


class Simulator:
    """One running simulator, in a directory of its own; gone at the end of the `with`."""

    def __init__(self, scenario):
        self.scenario = scenario

    def __enter__(self):
        self.place = tempfile.TemporaryDirectory(prefix="simulator-")
        home = pathlib.Path(self.place.name)
        (home / "scenario.toml").write_text(self.scenario)
        arguments = ["--listen", "127.0.0.1:0", "--phone", "127.0.0.1:0", "--scenario", home / "scenario.toml", "--out", home]
        self.process = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline()
        if not ready.startswith("ready "):
            raise RuntimeError(f"the simulator did not start: {ready!r}")
        self.ca = str(home / "ca.pem")
        self.url = (home / "address").read_text()
        self.phone = (home / "phone").read_text()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.place.cleanup()

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.phone + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=2 * PATIENCE) as reply:
            return json.load(reply)

    def message(self, user, after=0):
        """Waits for the next message of a user."""
        user = urllib.parse.quote(user)
        found = self.call("GET", f"/messages?user={user}&after={after}&wait={PATIENCE}")
        if not found:
            raise AssertionError(f"no message reached {user}")
        return found[0]

    def messages(self):
        return self.call("GET", "/messages?after=0&wait=0")

    def settle(self, message, act):
        self.call("POST", f"/messages/{message['id']}/{act}")

    def open_link(self, message):
        with urllib.request.urlopen(message["link"], timeout=PATIENCE) as reply:
            return reply.read().decode()

    def actions(self, count=0):
        """What was asked, once that is so many: the action of each request, or the last word of its path."""
        log = self.call("GET", f"/requests?count={count}&wait={PATIENCE}")
        return [(one["body"] or {}).get("Action") or one["path"].rsplit("/")[-1] for one in log]


def run(cases, at_once=1):
    """Runs every case; prints a line for each and the sum; the exit status."""
    with ThreadPoolExecutor(at_once) as pool:
        failures = [(case, pool.submit(outcome, case)) for case in cases]
        failures = [(case, future.result()) for case, future in failures]
    for case, failure in failures:
        print(f"{'ok' if failure is None else 'FAILED':6} {case.__doc__}")
        if failure:
            print(failure)
    failed = sum(failure is not None for _, failure in failures)
    print(f"{len(failures) - failed} passed, {failed} failed")
    return 1 if failed or not failures else 0


def outcome(case):
    try:
        case()
    except BaseException:
        return traceback.format_exc()
    return None
