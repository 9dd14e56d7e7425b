"""The one object that a case gets: everything it can do, and everything it can look at."""

import contextlib
import os
import re
import time

from . import broker, host
from .accounts import CLIENT_HEADER, CLIENT_SECRET, OTTOS_CODE, PASSWORD, ROOT_PASSWORD, UNIX_PASSWORD
from .journal import Journal
from .tenant import Tenant
from .terminal import Piped, Shell, Terminal
from .terms import DEADLINE, expect

MARKS = "/run/marks"
# How urgent a verdict is: by its reason where that has a level of its own, else by its outcome.
LEVELS = {"granted": "info", "exempt": "info", "denied": "notice", "outage": "warning", "misbehaved": "warning",
          "client_refused": "warning", "local": "err", "offline": "warning", "offline_refused": "warning", "offline_locked": "warning",
          "offline_blocked": "warning", "misconfigured": "alert"}


class World:
    """A system, a tenant and a log; a case begins and ends."""

    def __init__(self):
        self.log = Journal()
        self.tenant = Tenant(8443, f"{host.FILES}/scenario.toml", "/run/tenant")
        self.attempts = []
        self.number = 0
        os.makedirs(MARKS)
        os.chmod(MARKS, 0o1777)
        self.tenant.start()
        host.prepare(self.tenant)

    # --- a case ---

    def begin(self, case):
        """Nothing of the case before is left."""
        self.attempts = []
        host.use_stack(case.stack)
        host.use_configuration(case.configuration, case.also)
        host.use_sudoers(case.sudoers)
        host.forget_logins()
        self.tenant.begin()
        self.log.begin()

    def end(self):
        """What holds after every case: each verdict was expected, no secret was shown or logged, nor told to who has no business with it."""
        self.log.ends()
        for secret in PASSWORD, UNIX_PASSWORD, ROOT_PASSWORD, OTTOS_CODE, CLIENT_SECRET, CLIENT_HEADER, "Bearer ":
            self.log.never_said(secret)
        for attempt in self.attempts:
            for secret in PASSWORD, UNIX_PASSWORD, ROOT_PASSWORD, CLIENT_SECRET:
                attempt.never_shows(secret)
        for secret in UNIX_PASSWORD, ROOT_PASSWORD:
            self.tenant.never_got(secret)

    def clear_away(self):
        """Ends what a case left running: a host whose client went away runs on until the module returns."""
        for attempt in self.attempts:
            attempt.close()
        host.end_all_but(self.tenant.process.pid)

    def story(self):
        """What each side saw, for the reader of a failure."""
        parts = [str(attempt) for attempt in self.attempts]
        parts += ["--- log"] + [str(entry) for entry in self.log.since()]
        parts += ["--- tenant"] + [f"{request['path']} {request['text']}" for request in self.tenant.requests()]
        return "\n".join(parts)

    # --- programs ---

    def attempt(self, user, command, lines=None, **more):
        """Starts a program: on a terminal of its own, or with these lines on a pipe."""
        attempt = Terminal(user, command, **more) if lines is None else Piped(user, command, lines, **more)
        self.attempts.append(attempt)
        return attempt

    def mark(self):
        """A new path, which the command of an attempt makes if it is let in."""
        self.number += 1
        return f"{MARKS}/{self.number}"

    def shell(self, person):
        """A user sits in front of a terminal of this system."""
        return self.opened(Shell(person, ["sh"], self.mark))

    def ssh_shell(self, person, *options, to="interactive"):
        """The visitor logs in as a user, and stays."""
        return self.opened(Shell("visitor", ["ssh", "-tt", *options, f"{person}@{to}"], self.mark))

    def opened(self, shell):
        """Remembers it for the end, as every attempt."""
        self.attempts.append(shell)
        return shell

    def ssh(self, person, *options, to="interactive"):
        """The visitor logs in as a user."""
        mark = self.mark()
        return self.attempt("visitor", ["ssh", *options, f"{person}@{to}", "touch", mark], marker=mark)

    def sftp(self, person):
        """The visitor puts a file, by a list of commands; without BatchMode=no that would never ask."""
        mark = self.mark()
        with open(f"{mark}.list", "w", encoding="ascii") as commands:
            commands.write(f"put /etc/hostname {mark}\n")
        return self.attempt("visitor", ["sftp", "-oBatchMode=no", "-b", f"{mark}.list", f"{person}@interactive"], marker=mark)

    def scp(self, person):
        """The visitor copies a file."""
        mark = self.mark()
        return self.attempt("visitor", ["scp", "/etc/hostname", f"{person}@interactive:{mark}"], marker=mark)

    def sudo(self, person, *options, **more):
        """A user becomes root."""
        mark = self.mark()
        return self.attempt(person, ["sudo", *options, "touch", mark], marker=mark, **more)

    def su(self, person, target, *options, **more):
        """A user becomes another user."""
        mark = self.mark()
        return self.attempt(person, ["su", *options, target, "-c", f"touch {mark}"], marker=mark, **more)

    def pamtester(self, person, *operations, **more):
        """The application that does nothing but PAM."""
        return self.pamtester_with(["-I", "rhost=192.0.2.7"], person, *operations, **more)

    def pamtester_with(self, items, person, *operations, **more):
        """The same, with these items of PAM's."""
        command = ["pamtester", *items, "rig", person, *(operations or ["authenticate"])]
        return self.attempt("root", command, **more)

    @staticmethod
    def until(holds):
        """Looks again and again until it is so."""
        end = time.monotonic() + DEADLINE
        while not holds():
            expect(time.monotonic() < end, "it did not come to that")
            time.sleep(0.01)

    @contextlib.contextmanager
    def tenant_stopped(self):
        """Meanwhile no process listens at the tenant's address."""
        self.tenant.stop()
        try:
            yield
        finally:
            self.tenant.start()
            host.trust(self.tenant)

    # --- verdicts ---

    def granted(self, person, service, mechanisms, **fields):
        """The module let this person in, and said so."""
        fields = {"tenant_user": f"{person}@example.com", **fields}
        self.verdict("granted", "ok", user=person, service=service, mechanisms=mechanisms, **fields)

    def remembered(self, person, service, **fields):
        """The module asked no question, because this person had just confirmed it, and said so."""
        fields = {"tenant_user": f"{person}@example.com", **fields}
        self.verdict("granted", "remembered", user=person, service=service, mechanisms="", requests="0", **fields)

    def ends_what_was_killed(self, person, service):
        """Where a login ends with the program that asked for it, nothing tells so. The broker goes on until it has written its line, and tells the
        tenant: whether the tenant's session is still open.
        """
        if broker.is_used():
            self.denied(person, service, "interrupted")
        return not broker.is_used()

    def denied(self, person, service, reason, **fields):
        """The module refused this person, and said why."""
        self.verdict("denied", reason, user=person, service=service, **fields)

    def verdict(self, outcome, reason, service, **fields):
        """The next audit line has these fields, this facility and the level that goes with the outcome."""
        entry = self.log.next_audit()
        place, found = entry.audit
        wanted = {"outcome": outcome, "reason": reason, "service": service, **fields}
        differing = {key: found.get(key) for key, value in wanted.items() if not says(value, found.get(key))}
        expect(not differing, f"the audit line says {differing}, expected {wanted}: {entry}")
        expect(place == f"{service}:auth", f"the audit line is of {place}")
        level = LEVELS.get(reason) or LEVELS[outcome]
        expect((entry.facility, entry.level) == ("authpriv", level), f"expected authpriv.{level}: {entry}")


def says(wanted, found):
    """Whether a field is this text, or where a pattern is wanted, whether it matches whole."""
    return found is not None and bool(wanted.fullmatch(found)) if isinstance(wanted, re.Pattern) else wanted == found
