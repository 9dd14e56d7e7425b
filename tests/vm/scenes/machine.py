"""The machine that a scene happens on: the module, its command, a tenant on loopback, and the people at terminals."""

import io
import os
import re
import shutil
import subprocess
import time
import traceback

import pexpect.fdpexpect

from rig import terms

terms.DEADLINE = DEADLINE = 180  # an emulated machine may be a hundred times as slow as its host

from rig.tenant import Tenant  # pylint: disable=wrong-import-position
from rig.terminal import Interactive, Shell, Terminal  # pylint: disable=wrong-import-position
from rig.terms import Failure, expect  # pylint: disable=wrong-import-position

FILES = "/opt/rig"
CONFIGURATION = "/etc/countersign/countersign.toml"
SECRET = "/etc/countersign/client-secret"
PASSWORD = "correct horse 7"
CODE = "246810"
KEY = "/home/visitor/.ssh/id_ed25519"
CASES = []


def case(function):
    """Registers a case: a function whose name is a sentence. Cases run in the order of their lines, on one machine."""
    CASES.append(function)
    return function


def play(machine, after=lambda: None):
    """Runs the cases; `after` may fail each. Prints a line for each and the sum, and returns the exit status."""
    failed = 0
    for function in CASES:
        started, trouble = time.monotonic(), None
        try:
            machine.begin()
            function(machine)
            after()
        except Exception:  # pylint: disable=broad-except
            trouble = traceback.format_exc()
            failed += 1
        title = function.__name__.replace("_", " ")
        print(f"{'FAILED' if trouble else 'ok    '} {title} ({time.monotonic() - started:.1f} s)", flush=True)
        if trouble:
            print(f"{trouble}\n{machine.story()}\n", flush=True)
    print(f"{len(CASES) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def run(*command, status=0, **more):
    """Runs a program to its end; what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    expect(status is None or done.returncode == status, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def write(path, text, mode=0o644):
    """Writes a file of root's, with the label that the policy has for it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    label(path)


def label(*paths):
    """Gives these files, and all below them, the labels that the policy has for them."""
    if shutil.which("restorecon"):
        run("restorecon", "-RF", *paths)


class Machine:
    """What was brought along is in its place when this is made; the stacks are still the distribution's."""

    def __init__(self):
        [folder] = [root for root, _, files in os.walk("/usr/lib") if root.endswith("/security") and "pam_unix.so" in files]
        run("install", "-m", "644", f"{FILES}/pam_countersign.so", folder)
        run("install", "-m", "755", f"{FILES}/countersign", "/usr/sbin/countersign")
        run("install", "-D", "-m", "644", f"{FILES}/countersign.cil", "/usr/share/countersign/selinux/countersign.cil")
        run("install", "-D", "-m", "644", f"{FILES}/tmpfiles.conf", "/usr/lib/tmpfiles.d/countersign.conf")
        label(folder, "/usr/sbin/countersign", "/usr/share/countersign", "/usr/lib/tmpfiles.d")
        self.tenant = Tenant(8443, f"{FILES}/scenario.toml", "/run/tenant")
        self.tenant.start()
        self.attempts, self.cursor = [], None
        write(SECRET, "of this machine 5\n", 0o600)
        self.trust()
        make_key()

    def trust(self):
        """Makes the tenant's certificate authority one that the system and the configuration name."""
        run("install", "-m", "644", self.tenant.authority, "/etc/countersign/ca.pem")
        with open("/etc/ssl/certs/ca-certificates.crt", "a", encoding="ascii") as system:
            system.write(open(self.tenant.authority, encoding="ascii").read())
        label("/etc/countersign")

    # --- a case ---

    def begin(self):
        """From here on only new requests, messages and lines of the log count."""
        for attempt in self.attempts:
            attempt.close()
        self.attempts = []
        if self.tenant.process.poll() is None:
            self.tenant.begin()
        self.cursor = self.journal("--lines=0", "--show-cursor").split("cursor: ")[-1].strip()

    @staticmethod
    def journal(*options):
        """What the journal has, after all that was said up to now has reached it."""
        run("journalctl", "--sync")
        return run("journalctl", "--quiet", "--no-pager", "--output=cat", *options)

    def log(self):
        """The lines since the case began."""
        return self.journal(f"--after-cursor={self.cursor}")

    def audit(self, service, **fields):
        """The last audit line of this service since the case began has these fields."""
        end = time.monotonic() + DEADLINE
        while not (lines := [line for line in self.log().splitlines() if f"pam_countersign({service}:auth): login " in line]):
            expect(time.monotonic() < end, f"the module wrote no audit line for {service}")
        found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', lines[-1]))
        differing = {key: found.get(key) for key, value in fields.items() if not re.fullmatch(value, found.get(key, ""))}
        expect(not differing, f"the audit line says {differing}, expected {fields}: {lines[-1]}")

    def story(self):
        """What was seen since the case began, for the reader of a failure."""
        return "\n".join([*(str(attempt) for attempt in self.attempts), "--- log", self.log()])

    # --- people ---

    def attempt(self, attempt):
        """Remembers it for the end of the case."""
        self.attempts.append(attempt)
        return attempt

    def ssh(self, user, *options, command=("id", "-Z")):
        """The visitor logs in as a user and runs a command."""
        return self.attempt(Terminal("visitor", [*ssh(*options), f"{user}@127.0.0.1", *command]))

    def shell(self, user, *options):
        """The visitor logs in as a user and stays; the login is still to be answered."""
        return self.attempt(Shell("visitor", [*ssh("-tt", *options), f"{user}@127.0.0.1"], lambda: "/dev/null"))

    def console(self):
        """A user sits in front of the machine's second console."""
        return self.attempt(Console())


def ssh(*options):
    """The start of a command line of the client."""
    return ["ssh", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR", "-oNumberOfPasswordPrompts=1", "-oIdentitiesOnly=yes", *options]


WITHOUT_KEY = "-oPreferredAuthentications=keyboard-interactive"


def make_key():
    """The visitor has a key that opens every account, as far as a key does."""
    os.makedirs(os.path.dirname(KEY), exist_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", KEY)
    run("chown", "-R", "visitor:", os.path.dirname(KEY))
    for user in "otto", "sue":
        folder = f"/home/{user}/.ssh"
        run("install", "-d", "-o", user, "-m", "700", folder)
        run("install", "-o", user, "-m", "600", f"{KEY}.pub", f"{folder}/authorized_keys")
        label(f"/home/{user}")


class Console(Interactive):
    """The seat at hvc0. Whatever is in front of it is ended first: a new getty begins."""

    is_far = True

    def __init__(self):
        super().__init__(["login"], None)
        self.file = os.open("/dev/virtio-ports/seat", os.O_RDWR)
        self.child = pexpect.fdpexpect.fdspawn(self.file, encoding="utf-8", codec_errors="replace", timeout=DEADLINE)
        self.child.logfile_read = self.reading = io.StringIO()
        # The greeting tells this getty from the one before, whose words may still be on their way.
        greeting = f"console {time.monotonic_ns()}"
        write("/etc/issue", f"{greeting}\n")
        run("systemctl", "restart", "serial-getty@hvc0.service")
        self.sees(greeting)

    @property
    def printed(self):
        """All that the console showed."""
        return self.reading.getvalue().replace("\r\n", "\n")

    def close(self):
        """Leaves the seat."""
        os.close(self.file)
        run("systemctl", "stop", "serial-getty@hvc0.service")


__all__ = ["CODE", "CONFIGURATION", "DEADLINE", "Failure", "KEY", "Machine", "PASSWORD", "WITHOUT_KEY", "case", "expect", "label", "play", "run", "write"]
