"""The system log of the container: everything that any program writes to /dev/log, in order."""

import os
import re
import socket
import threading
import time

from .terms import DEADLINE, Failure

FACILITIES = ["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv"]
LEVELS = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
LINE = re.compile(r"<(\d+)>(?:\w{3} [ \d]\d \d\d:\d\d:\d\d )?([^\s\[:]+)(?:\[\d+\])?: (.*)", re.DOTALL)
FIELD = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
AUDIT = re.compile(r"pam_countersign\((\S+)\): login ")


class Entry:
    """One datagram: its facility and level by name, the program's tag, the text."""

    def __init__(self, datagram):
        raw = datagram.decode("utf-8", "backslashreplace").rstrip("\0\n")
        found = LINE.match(raw)
        self.facility, self.level, self.tag, self.text = "none", "none", "none", raw
        if found:
            priority = int(found[1])
            self.facility = FACILITIES[priority >> 3] if priority >> 3 < len(FACILITIES) else str(priority >> 3)
            self.level, self.tag, self.text = LEVELS[priority & 7], found[2], found[3]

    def __str__(self):
        return f"{self.facility}.{self.level} {self.tag}: {self.text}"

    @property
    def audit(self):
        """The place, as in `sshd:auth`, and the fields, if this is the module's verdict on a login."""
        found = AUDIT.match(self.text)
        return (found[1], dict(FIELD.findall(self.text))) if found else None


class Journal:
    """Keeps what arrives. Awaiting is by condition variable: the reader wakes each thread that waits for a line."""

    def __init__(self, path="/dev/log"):
        self.path = path
        self.entries = []
        self.news = threading.Condition()
        self.mark = self.audited = 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            entry = Entry(self.socket.recv(65536))
            with self.news:
                self.entries.append(entry)
                self.news.notify_all()

    def begin(self):
        """From here on only new lines count."""
        self._drain()
        self.mark = self.audited = len(self.entries)

    def since(self):
        """Every line since `begin`."""
        return self.entries[self.mark:]

    def says(self, pattern, tag=""):
        """Awaits a line that matches, of a program whose name starts so; lines may be looked at more than once."""
        self._await(self.mark, lambda entry: re.search(pattern, entry.text) and entry.tag.startswith(tag),
                    f"no log line matches {pattern!r}")

    def never_said(self, pattern):
        """Nothing that was sent up to now matches."""
        self._drain()
        for entry in self.since():
            if re.search(pattern, str(entry)):
                raise Failure(f"the log should not say {pattern!r}: {entry}")

    def next_audit(self):
        """Awaits the next verdict of the module; each can be taken once."""
        at, entry = self._await(self.audited, lambda entry: entry.audit, "the module wrote no audit line")
        self.audited = at + 1
        return entry

    def may_audit(self):
        """Where the host may be killed before or after the module has written its line."""
        self._drain()
        self.audited = len(self.entries)

    def ends(self):
        """All verdicts have been taken."""
        self._drain()
        left = [str(entry) for entry in self.entries[self.audited:] if entry.audit]
        if left:
            raise Failure("the module wrote more audit lines than the case expects:\n" + "\n".join(left))

    def _await(self, start, wanted, complaint):
        deadline = time.monotonic() + DEADLINE
        at = start
        with self.news:
            while True:
                for at in range(at, len(self.entries)):
                    if wanted(self.entries[at]):
                        return at, self.entries[at]
                at = max(at, len(self.entries))
                if not self.news.wait(deadline - time.monotonic()):
                    raise Failure(complaint)

    def _drain(self):
        """The socket keeps the order, so what was sent before our own line has been read when it arrives."""
        token = f"drained {time.monotonic_ns()}"
        start = len(self.entries)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(f"<15>rig: {token}".encode(), self.path)
        self._await(start, lambda entry: entry.text == token, "the log reader stopped")
