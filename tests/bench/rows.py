"""The modules and ways of logging in that are compared, a row each."""

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import struct
import time
from dataclasses import dataclass, field
from typing import Callable, Optional

from .rig import COMPILED, CROWD, PASSWORD, said

SECRET = b"12345678901234567890"
IN_ONE_PROCESS = 2000
# For rows that have no bar there.
FEWER = 500


@dataclass
class Row:
    """One line of the table, and what has been measured for it."""

    name: str
    service: str
    module: str
    answers: list = field(default_factory=list)
    options: list = field(default_factory=list)
    floor: str = "permit"
    # The same service at another address, and which of its bars hold: "login", "local" or nothing.
    far: Optional[str] = None
    bars: str = ""
    # Millions, system calls, requests and round trips after the last key; 0 where there is no bar.
    instructions: float = 0
    calls: int = 0
    requests: int = 3
    after_key: float = 2.15
    codes: Optional[Callable] = None
    # Puts things back as they were, for what a login uses up: a file and its copy, or a function.
    restore: Optional[tuple] = None
    before: Optional[Callable] = None
    # Who logs in at once, where not all of them can be the same person.
    crowd: str = ""
    at_once: int = CROWD
    times: int = IN_ONE_PROCESS
    # The row that is as cheap, but for a quarter.
    beside: Optional["Row"] = None
    found: dict = field(default_factory=dict)

    def command(self, rig, *options, service=None, count=1, user=None):
        """The words that log in so."""
        if self.before:
            self.before()
        words = [rig.login, *self.options, *options]
        if self.restore and count == 1:
            shutil.copy(*self.restore)
        elif self.restore:
            words += ["-c", "=".join(self.restore)]
        if self.codes:
            words += ["-A", rig.write("answers", self.codes(count))]
        for answer in self.answers:
            words += ["-a", answer]
        return [*words, rig.folder, service or self.service, user or rig.user]


def rows(rig, far):
    """All of them that can be measured here. `far` is the address of the proxy in front of the tenant."""
    ours = Ours(rig, far)
    all_rows = [floor(rig), *limits(rig, far), *ours.logins(), *ours.local()]
    return [*all_rows, *peers(rig)]


def floor(rig):
    """pam_permit, and pam_permit behind a password."""
    rig.write("permit", "auth required pam_permit.so\n")
    rig.write("password", f"auth required {rig.stand_in}\nauth required pam_permit.so\n")
    return Row("pam_permit (the floor)", "permit", packaged("pam_permit"))


def limits(rig, far):
    """The same three requests, and nothing else."""
    for way, answer in (("push", ""), ("code", "287082")):
        for name, address in ((f"limit_{way}", rig.tenant.address), (f"limit_{way}_far", far)):
            rig.write(name, f"auth required {rig.limit} {address} {rig.ca_file} {way}@example.com {way}\n")
        yield Row(f"limit: password + {way}", f"limit_{way}", rig.limit, [PASSWORD, answer], far=f"limit_{way}_far", times=FEWER)


class Ours:
    """Countersign's own rows."""

    def __init__(self, rig, far):
        self.rig, self.far = rig, far

    def service(self, name, person, more="", *, url=None, ca=True, batch="start", stack="", keys="", names=""):
        """A configuration and a stack."""
        rig = self.rig
        url = url or f"https://{rig.tenant.address}"
        config = rig.write(f"{name}.toml", f"""\
[tenant]
url = "{url}"
{f'ca_file = "{rig.ca_file}"' if ca else ""}
{f'multiple_operations = "{batch}"' if batch != "start" else ""}
[users]
template = "{person}-{{user}}@example.com"
{'' if names else f'names = {{ {rig.user} = "{person}@example.com" }}'}
{keys}{names}[state]
folder = "{rig.path('state')}"
[log]
socket = "{rig.path('log')}"
{more}""")
        rig.write(name, (stack or "auth required {module} config={config}\n").format(module=rig.module, config=config))
        return name

    def both(self, name, person, more="", **options):
        """The same near and far."""
        self.service(f"{name}_far", person, more, url=f"https://{self.far}", **options)
        return self.service(name, person, more, **options)

    def row(self, name, service, answers, **options):
        """A row of ours. A budget counts the pushes of one person, so that a crowd needs many, which need accounts."""
        if options.get("crowd") and not self.rig.private:
            options |= {"crowd": "", "at_once": 0}
        return Row(name, service, self.rig.module, answers, **options)

    def logins(self):
        """Those that ask the tenant."""
        def online(name, service, answers, **options):
            options = {"bars": "login", "instructions": 3.4, "calls": 80, **options}
            return self.row(name, service, answers, far=f"{service}_far", **options)

        yield online("password + push", self.both("push", "push"), [PASSWORD, ""], crowd="u%d")
        code = [PASSWORD, "287082"]
        # At a terminal of this machine. For a stranger, the password waits for the code.
        terminal = ["-i", "tty=/dev/pts/7"]
        yield online("password + code", self.both("code", "code"), code, after_key=1.1, options=terminal)
        yield online("password + code, stranger", self.both("stranger", "code"), code, options=["-i", "rhost=192.0.2.7"])
        together = self.both("together", "code", batch="code")
        yield online("password + code, together", together, code, after_key=1.1, requests=2)
        yield online("push with a menu", self.both("menu", "menu"), [PASSWORD, "1"], crowd="u%d")
        if self.rig.private:
            store = self.both("store", "push", ca=False)
            yield online("push, system's store", store, [PASSWORD, ""], crowd="u%d", instructions=4.0)
        port = self.rig.tenant.address.rsplit(":", 1)[1]
        yield self.row("push, host by name", self.service("named", "push", url=f"https://localhost:{port}"), [PASSWORD, ""], crowd="u%d", times=FEWER)
        yield from self.step_ups(online)

    def on_demand(self, more=""):
        """The part of a configuration that makes a step-up of it."""
        secret = self.rig.write("client-secret", "m4chine\n", 0o600)
        return f"""\
[login]
flow = "on-demand"
{more}
[on_demand]
app = "countersign"
client_id = "machine@example.com"
client_secret_file = "{secret}"
scope = "countersign"
policy = "countersign"
"""

    def step_ups(self, online):
        """With the machine's token at hand, and without."""
        self.both("step_up", "push", self.on_demand())
        row = online("step-up, token at hand", "step_up", [""], crowd="u%d")
        said(*row.command(self.rig))
        (kept,) = self.tokens()
        with open(kept, encoding="utf-8") as file:
            void = self.rig.write("void-token", re.sub(r'"until":\d+', '"until":0', file.read()), 0o600)
        yield row
        self.both("first", "push", self.on_demand())
        options = {"restore": (void, kept), "before": self.forget_tokens, "at_once": 0}
        yield online("step-up, no token yet", "first", [""], requests=4, instructions=0, calls=0, **options)

    def tokens(self):
        """The files in which the machine's tokens are kept, one for each tenant."""
        state = self.rig.path("state")
        return [f"{state}/{name}" for name in os.listdir(state) if name.startswith("token-")]

    def forget_tokens(self):
        """The next login has none."""
        for token in self.tokens():
            os.remove(token)

    def local(self):
        """Those that ask no tenant."""
        rig = self.rig
        exempt = f'[[exempt]]\nname = "robots"\nusers = ["{rig.user}"]\n'
        stack = "auth [success=ok ignore=ignore default=bad] {module} config={config}\nauth required pam_permit.so\n"
        small = self.row("exempt user", self.service("exempt", "push", exempt, stack=stack), [], bars="local")
        yield small
        names = rig.write("names", "".join(f"user{n}\tuser{n}@example.com\n" for n in range(100_000)))
        many = self.service("exempt_names", "push", exempt, stack=stack, keys=f'names_file = "{names}"\n')
        yield self.row("exempt, 100,000 names", many, [], bars="local", beside=small)
        if rig.private:
            yield from self.large(small, exempt, stack)
        yield self.remembered()
        yield self.offline()

    def large(self, small, exempt, stack):
        """What stands in the configuration for others."""
        def row(name, number, text, beside=small, **more):
            service = self.service(f"large{number}", "push", text, stack=stack, **more)
            return self.compiled(self.row(f"exempt, {name}", service, [], options=beside.options, bars="local", beside=beside))

        # libpam writes down where a login comes from, which has its own cost.
        remote = self.row("exempt user, remote", small.service, [], options=["-i", "rhost=192.0.2.7"], bars="local")
        yield remote
        networks = [f'networks = ["10.{n // 256}.{n % 256}.0/24"]\n' for n in range(1000)]
        users = [f'users = ["user{n}"]\n' for n in range(1000)]

        def rules(kind, *conditions):
            return "".join(f'[[{kind}]]\nname = "rule {n}"\n{"".join(lines)}' for n, lines in enumerate(zip(*conditions)))

        yield row("1,000 rules by user", 1, rules("exempt", users) + exempt)
        yield row("1,000 rules by network", 2, rules("exempt", networks) + exempt, remote)
        yield row("1,000 rules by both", 3, rules("exempt", users, networks) + exempt, remote)
        yield row("1,000 that require", 4, rules("require", networks), remote)
        for number, count in (5, 1000), (6, 5000):
            names = "".join(f'user{n} = "user{n}@example.com"\n' for n in range(count))
            yield row(f"{count:,} names in the file", number, exempt, names=f"[users.names]\n{names}")

    def compiled(self, row):
        """The row, once the module has kept the compiled form of its configuration."""
        os.makedirs(COMPILED, mode=0o700, exist_ok=True)
        known = os.listdir(COMPILED)
        end = time.monotonic() + 30
        while os.listdir(COMPILED) == known:
            if time.monotonic() > end:
                raise RuntimeError(f"{row.name}: no compiled form in {COMPILED}")
            said(*row.command(self.rig))
        return row

    def remembered(self):
        """A step-up that was confirmed a moment ago, in the session that this runs in."""
        rig = self.rig
        self.service("sudo", "push", self.on_demand('remember = "1h"'))
        options = ["-i", f"ruser={rig.user}", "-i", "tty=/dev/pts/7"]
        if rig.private:
            options += ["-u", str(rig.uid)]
        row = self.row("remembered step-up", "sudo", [], options=options, bars="local")
        said(*row.command(rig, "-a", ""))
        return row

    def offline(self):
        """A code while no process listens where the tenant should be; it is put back after each login."""
        rig = self.rig
        more = f'[offline]\nenabled = true\nfirst_factor = "pam_unix"\nfolder = "{rig.path("kept")}"\n'
        stack = f"auth required {rig.stand_in}\nauth required {{module}} config={{config}}\n"
        self.service("offline", "push", more, url=f"https://{rig.closed}", stack=stack)
        command = f"{rig.target}/release/countersign"
        said_so = said(command, "--config", rig.path("offline.toml"), "totp", "enroll", "--batch", input=f"{rig.user}\n")
        key = re.search(r"secret=([A-Z2-7]+)", json.loads(said_so)["uri"])[1]
        secret = base64.b32decode(key + "=" * (-len(key) % 8))
        [name] = [name for name in os.listdir(rig.path("kept")) if name.startswith(f"tries-{rig.uid}-")]
        kept = f"{rig.path('kept')}/{name}"
        restore = (rig.path("fresh-numbers"), kept)
        shutil.copy(kept, restore[0])
        os.chmod(restore[0], 0o600)
        row = self.row("offline code", "offline", [], bars="local", floor="password", restore=restore, at_once=0)
        row.codes = lambda count: f"{PASSWORD}\t{totp(secret)}\n" * count
        return row


def peers(rig):
    """Modules of Debian's that need no account anywhere."""
    if rig.private:
        rig.write("unix", "auth required pam_unix.so\n")
        yield Row("pam_unix (yescrypt)", "unix", packaged("pam_unix"), [PASSWORD], at_once=20, times=40)
    rig.write("google", base64.b32encode(SECRET).decode() + '\n" TOTP_AUTH\n', 0o600)
    owner = "root" if os.geteuid() == 0 else rig.user
    rig.write("gauth", f"auth required pam_google_authenticator.so secret={rig.path('google')} user={owner}\n")
    gauth = Row("libpam-google-authenticator", "gauth", packaged("pam_google_authenticator"))
    gauth.codes = lambda count: f"{totp(SECRET)}\n" * count
    yield gauth
    rig.write("oath", f"auth required pam_oath.so usersfile={rig.path('users.oath')} window=20 digits=6\n")
    oath = Row("libpam-oath", "oath", packaged("pam_oath"))
    people = [rig.user, *(f"u{n}" for n in range(CROWD))]
    fresh = "".join(f"HOTP\t{name}\t-\t{SECRET.hex()}\n" for name in people)
    oath.before = lambda: rig.write("users.oath", fresh, 0o600)
    # One person's codes in turn, or the first code of each person.
    oath.codes = lambda count: "".join(f"{hotp(SECRET, n if count > CROWD else 0)}\n" for n in range(count))
    oath.crowd = "u%d"
    yield oath


def packaged(name):
    """Where this system's libpam finds a module."""
    folders = [f"/usr/lib/{said('cc', '-print-multiarch').strip()}/security", "/usr/lib64/security", "/usr/lib/security"]
    return next((f"{folder}/{name}.so" for folder in folders if os.path.exists(f"{folder}/{name}.so")), "")


def hotp(secret, counter):
    """RFC 4226."""
    digest = hmac.digest(secret, struct.pack(">Q", counter), hashlib.sha1)
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7FFFFFFF) % 1000000:06}"


def totp(secret):
    """RFC 6238, now."""
    return hotp(secret, int(time.time()) // 30)
