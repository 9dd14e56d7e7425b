#!/usr/bin/env python3
"""Plays the person of `make demo` in a pseudo-terminal: password, menu, number, approval on the phone page."""

import json
import os
import pty
import re
import select
import sys
import time
import urllib.request

PATIENCE = 300  # seconds; the first run compiles
EXPECTED = [
    r"open it in a browser:\s+(?P<phone>http://127\.0\.0\.1:\d+)",
    r"Password: ",
    r"1\. push to approve on your phone",
    r"Choice or Verification code: ",
    r"^Choose (?P<number>\d+) on your phone, then press Enter, or type its code\.\s+Nothing arrives\?.*\s+Verification code: ",
    r"is logged in\.",
    r'outcome="granted".*mechanisms="UP,OTP"',
]


class Demo:
    """`tests/demo/run` at the other end of a pseudo-terminal."""

    def __init__(self, command):
        self.seen = ""
        self.at = 0
        self.end = time.monotonic() + PATIENCE
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)

    def read(self):
        """More output, or None at its end."""
        ready, _, _ = select.select([self.terminal], [], [], max(0, self.end - time.monotonic()))
        if not ready:
            self.fail("nothing more came in time")
        try:
            output = os.read(self.terminal, 4096)
        except OSError:  # Linux says so at the end of a pseudo-terminal
            return None
        self.seen += output.decode(errors="replace").replace("\r\n", "\n")
        return output or None

    def expect(self, pattern):
        while True:
            match = re.compile(pattern, re.MULTILINE).search(self.seen, self.at)
            if match:
                self.at = match.end()
                return match
            if self.read() is None:
                self.fail(f"it ended without {pattern}")

    def type(self, line):
        os.write(self.terminal, f"{line}\n".encode())

    def exit_code(self):
        while self.read() is not None:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def fail(self, why):
        print(self.seen)
        sys.exit(f"demo: {why}\n0 passed, 1 failed")


def call(url, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as reply:
        return json.load(reply)


def main():
    demo = Demo(["tests/demo/run"])
    phone = demo.expect(EXPECTED[0])["phone"]
    demo.expect(EXPECTED[1])
    demo.type("correct horse")
    demo.expect(EXPECTED[2])
    demo.expect(EXPECTED[3])
    demo.type("")
    number = demo.expect(EXPECTED[4])["number"]
    (push,) = call(f"{phone}/messages?user=alice@example.com&wait=30")
    if push["number"] != number:
        demo.fail(f"the phone shows {push['number']}, the terminal {number}")
    call(f"{phone}/messages/{push['id']}/approve", "POST")
    demo.type("")
    demo.expect(EXPECTED[5])
    demo.expect(EXPECTED[6])
    if demo.exit_code() != 0:
        demo.fail("it ended with an error")
    print("1 passed, 0 failed")


main()
