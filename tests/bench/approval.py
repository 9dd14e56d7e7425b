"""How long it takes from the approval of a push to PAM_SUCCESS, and how often the tenant is asked meanwhile."""

import subprocess
import threading
import time

from .rig import PASSWORD, Tenant
from .rows import Ours

LOGINS = 100
# When people approve, in seconds after the push: spread evenly over this.
FIRST, LAST = 3.0, 30.0


def measured(rig):
    """Logs in so many times at once, and approves one after the other."""
    tenant = Tenant(rig, rig.scenario)
    service = Ours(rig, "").service("slow", "slow", "[push]\ncount = 100\n", url=f"https://{tenant.address}")
    command = [rig.login, "-a", PASSWORD, "-a", "", rig.folder, service, rig.user]
    waits = [Wait(tenant, command, FIRST + (LAST - FIRST) * n / (LOGINS - 1)) for n in range(LOGINS)]
    last = 0
    for wait in waits:
        last = wait.begin(last)
    delays = [wait.delay() for wait in waits]
    # Two requests go before the first question.
    questions = len(tenant.requests()) - 2 * LOGINS
    tenant.stop()
    waited = sum(wait.after for wait in waits) + sum(delays)
    return {"mean": sum(delays) / LOGINS, "longest": max(delays), "a second": (questions - LOGINS) / waited, "questions": questions / LOGINS}


class Wait:
    """One login, from the push to the end."""

    def __init__(self, tenant, command, after):
        self.tenant, self.command, self.after = tenant, command, after
        self.process = self.message = self.approved = self.thread = None

    def begin(self, last):
        """Starts it, and has it approved in time; the number of its message."""
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.message = self.tenant.call("GET", f"/messages?after={last}&wait=30")[0]["id"]
        self.thread = threading.Timer(self.after, self.approve)
        self.thread.start()
        return self.message

    def approve(self):
        """The person does what is expected."""
        self.approved = time.monotonic()
        self.tenant.call("POST", f"/messages/{self.message}/approve")

    def delay(self):
        """From the approval to the end, in seconds."""
        said, _ = self.process.communicate()
        self.thread.join()
        figures = dict(line.split() for line in said.splitlines())
        if figures["code"] != "0":
            raise RuntimeError(f"a push that was approved after {self.after:.1f} s ended with {figures['code']}")
        return float(figures["end"]) - self.approved
