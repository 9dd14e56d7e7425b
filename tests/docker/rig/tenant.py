"""The tenant simulator as a process, and its users' phones over plain HTTP."""

import collections
import json
import os
import select
import subprocess
import urllib.request

from .terms import DEADLINE, Failure, expect

PROGRAM = "/opt/rig/simulator"
# The last part of a call's path, and the word for it here.
CALLS = {"startauthentication": "Start", "cleanupauthentication": "Cleanup", "ondemandchallenge": "Challenge", "countersign": "Token"}
# The simulator is on loopback: what a proxy variable says must not matter to the rig itself.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Tenant:
    """One simulator, its certificate authority and its phones."""

    def __init__(self, port, scenario, folder):
        self.address = f"127.0.0.1:{port}"
        self.phone = f"127.0.0.1:{port + 1}"
        self.scenario, self.folder = scenario, folder
        self.process = None
        self.mark, self.last = 0, collections.Counter()

    def start(self):
        """Starts it and waits until it says that it is ready. Its certificate authority is a new one each time."""
        os.makedirs(self.folder, exist_ok=True)
        command = [PROGRAM, "--listen", self.address, "--phone", self.phone, "--scenario", self.scenario, "--out", self.folder]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        line = self.process.stdout.readline() if ready else ""
        expect(line.startswith("ready "), f"the simulator did not start: {line!r}")
        self.mark, self.last = 0, collections.Counter()

    def stop(self):
        """No process listens any more."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def authority(self):
        """The file with its certificate authority."""
        return f"{self.folder}/ca.pem"

    # --- phones ---

    def begin(self):
        """From here on only new requests and messages count."""
        self.call("DELETE", "/faults")
        self.look_away()
        self.last = collections.Counter()
        for message in self.call("GET", "/messages?wait=0"):
            self.last[message["user"]] = max(self.last[message["user"]], message["id"])

    def look_away(self):
        """From here on only new requests count."""
        self.mark = len(self.requests_ever())

    def fails(self, fault, path="", action="", times=1, **more):
        """The next requests to this path meet a fault; with 0 times, all."""
        self.call("POST", "/faults", {"fault": fault, "path": path, "action": action, "times": times, **more})

    def message(self, person):
        """Awaits the next message on this person's phone."""
        user = f"{person}@example.com"
        messages = self.call("GET", f"/messages?user={user}&after={self.last[user]}&wait={DEADLINE}")
        if not messages:
            raise Failure(f"nothing arrived on the phone of {user}")
        self.last[user] = messages[0]["id"]
        return messages[0]

    def approve(self, person):
        """Awaits the next message and approves it."""
        self.answer(self.message(person), "approve")

    def deny(self, person):
        """Awaits the next message and denies it."""
        self.answer(self.message(person), "deny")

    def answer(self, message, answer):
        """Touches `approve` or `deny` on a message."""
        self.call("POST", f"/messages/{message['id']}/{answer}")

    def sent_nothing_to(self, person):
        """No message that has not been looked at is on this person's phone."""
        user = f"{person}@example.com"
        messages = self.call("GET", f"/messages?user={user}&after={self.last[user]}&wait=0")
        expect(not messages, f"the phone of {user} got {messages}")

    def state_of(self, message):
        """pending, approved, denied or expired."""
        [now] = [m for m in self.call("GET", f"/messages?user={message['user']}&wait=0") if m["id"] == message["id"]]
        return now["state"]

    # --- what the tenant saw ---

    def saw(self, **expected):
        """The number of operations since `begin`: Token, Challenge, Start, Answer, StartOOB; Poll as well where it is given.

        How often the module polls before it learns of an approval is chance; `Poll=some` only says that it did.
        """
        seen = self.operations()
        some = seen["Poll"] if expected.get("Poll") == "some" and seen["Poll"] else expected.get("Poll", 0)
        wanted = collections.Counter({**expected, "Poll": some})
        seen.pop("Cleanup", None)
        expect(+seen == +wanted, f"the tenant saw {dict(seen)}, expected {expected}")

    def saw_nothing(self):
        """Not one request."""
        requests = self.requests()
        expect(not requests, f"the tenant saw {requests}")

    def never_got(self, secret):
        """Not in any request since `begin`, whatever it was for."""
        said = [request["path"] for request in self.requests() if secret in request["text"] or secret in str(request["headers"])]
        expect(not said, f"the tenant got {secret!r} with {said}")

    def operations(self):
        """How often each action was asked for since `begin`; those of one request count one by one."""
        seen = collections.Counter()
        for request in self.requests():
            name = request["path"].rstrip("/").rsplit("/", 1)[-1].lower()
            body = request["body"]
            if name == "advanceauthentication":
                seen.update(step["Action"] for step in body.get("MultipleOperations") or [body])
            else:
                seen[CALLS.get(name, name)] += 1
        return seen

    def requests(self):
        """The requests since `begin`."""
        return self.requests_ever()[self.mark:]

    def requests_ever(self):
        """Every request since it was started."""
        answer = self.call("GET", "/requests")
        return answer["requests"] if isinstance(answer, dict) else answer

    def call(self, method, path, body=None):
        """One call of the phone's own interface."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.phone}{path}", data=data, method=method)
        with HTTP.open(request, timeout=2 * DEADLINE) as reply:
            text = reply.read()
        return json.loads(text) if text.strip() else None
