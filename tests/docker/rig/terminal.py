"""What people start: real programs, as a user of the system, on a pseudo-terminal of their own or on a pipe."""

import io
import os
import pwd
import re
import signal
import subprocess

import pexpect

from .terms import DEADLINE, Failure, expect

CONTROL_C = "\x03"


class Attempt:
    """A program that was started to get in, and the mark that its command leaves if it is let in."""

    def __init__(self, command, marker):
        self.command, self.marker = command, marker

    def is_let_in(self, user):
        """It ends well, and the command ran as this user."""
        status = self.ends()
        expect(status == 0, f"{self.command[0]} ended with {status}, expected 0")
        expect(os.path.exists(self.marker), "the command did not run")
        owner = pwd.getpwuid(os.stat(self.marker).st_uid).pw_name
        expect(owner == user, f"the command ran as {owner}, not as {user}")

    def is_refused(self, text, status):
        """It ends with this status and this text, and the command did not run."""
        ended = self.ends()
        expect(ended == status, f"{self.command[0]} ended with {ended}, expected {status}")
        self.shows(text)
        self.left_no_mark()

    def left_a_mark(self):
        """The command ran."""
        expect(os.path.exists(self.marker), "the command did not run")

    def left_no_mark(self):
        """The command did not run."""
        expect(not os.path.exists(self.marker), "the command ran")

    def shows(self, pattern):
        """It has been printed."""
        expect(re.search(pattern, self.printed), f"it did not print {pattern!r}")

    def never_shows(self, pattern):
        """It has not been printed."""
        found = re.search(pattern, self.printed)
        expect(not found, f"it printed {found and found[0]!r}")

    def __str__(self):
        return f"$ {' '.join(self.command)}\n{self.printed}"


class Piped(Attempt):
    """A program without a terminal; these lines are its standard input, and then there are no more."""

    def __init__(self, user, command, lines, marker=None):
        super().__init__(command, marker)
        self.printed = ""
        self.running = subprocess.Popen(become(user) + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        encoding="utf-8", errors="surrogateescape", env=environment(user), cwd=pwd.getpwnam(user).pw_dir, start_new_session=True)
        self.lines = "".join(f"{line}\n" for line in lines)

    def ends(self):
        """Awaits the end; the exit status, negative for a signal."""
        try:
            self.printed, _ = self.running.communicate(self.lines, timeout=DEADLINE)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{self.command[0]} does not end") from error
        return self.running.returncode

    def close(self):
        """Ends it, whatever it does."""
        self.running.kill()
        self.running.communicate()


class Interactive(Attempt):
    """A program in front of a user who reads and types."""

    child = None
    # At the other end of ssh: the terminal at this end doesn't know what is shown there.
    is_far = False

    def sees(self, pattern):
        """Awaits this text; returns the match."""
        index = self.child.expect([pattern, pexpect.EOF, pexpect.TIMEOUT])
        if index == 0:
            return self.child.match
        raise Failure(f"expected {pattern!r}, but {'the program ended' if index == 1 else 'it did not come'}")

    def sees_one_of(self, *patterns):
        """Awaits one of these texts; returns which."""
        index = self.child.expect([*patterns, pexpect.EOF, pexpect.TIMEOUT])
        expect(index < len(patterns), f"expected one of {patterns!r}")
        return index

    def asks_hidden(self, pattern):
        """Awaits a prompt whose answer the terminal does not show."""
        found = self.sees(pattern)
        expect(self.is_far or not self.child.getecho(), f"the answer to {found[0]!r} would be shown")

    def asks_openly(self, pattern):
        """Awaits a prompt whose answer the terminal shows."""
        found = self.sees(pattern)
        expect(self.is_far or self.child.getecho(), f"the answer to {found[0]!r} would not be shown")

    def types(self, text):
        """Types this and Enter."""
        self.child.send(text + "\n")

    def presses(self, key):
        """Types this alone."""
        self.child.send(key)

    def interrupts(self):
        """Presses Control-C at a prompt until it helps: sudo loses one that comes between its prompt and its reading."""
        for _ in range(DEADLINE):
            self.presses(CONTROL_C)
            if self.is_over(patience=1):
                return

    def is_over(self, patience):
        """Whether it ends in this time, in seconds."""
        raise NotImplementedError


class Terminal(Interactive):
    """A program on a pseudo-terminal of its own."""

    def __init__(self, user, command, marker=None, variables=None):
        super().__init__(command, marker)
        first, *rest = become(user) + command
        self.child = pexpect.spawn(first, rest, env=environment(user) | (variables or {}), cwd=pwd.getpwnam(user).pw_dir,
                                   encoding="utf-8", timeout=DEADLINE, dimensions=(40, 200))
        self.child.delaybeforesend = None
        self.child.logfile_read = self.reading = io.StringIO()

    def leaves(self):
        """Closes the laptop's lid: the program is gone at once, without a word."""
        self.close()

    def is_over(self, patience):
        return self.child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=patience) == 0

    def ends(self):
        """Awaits the end; the exit status, negative for a signal."""
        expect(self.is_over(DEADLINE), f"{self.command[0]} does not end")
        self.reap()
        return self.child.exitstatus if self.child.signalstatus is None else -self.child.signalstatus

    @property
    def printed(self):
        """All that the terminal showed up to now."""
        return self.reading.getvalue().replace("\r\n", "\n")

    def close(self):
        """Ends it, whatever it does."""
        if self.child.isalive():
            self.child.kill(signal.SIGKILL)
        self.reap()

    def reap(self):
        """Awaits the end of a program that is ending; pexpect alone would sleep before it looks."""
        if self.child.isalive():
            self.child.wait()
        self.child.ptyproc.delayafterclose = 0
        self.child.close()


class Shell(Terminal):
    """A shell on a terminal, here or at the other end of ssh, in which one command is typed after the other."""

    def __init__(self, user, command, new_mark):
        super().__init__(user, command)
        self.new_mark, self.count = new_mark, 0

    def begins(self):
        """The shell takes commands."""
        self.sees(r"[$#] $")
        self.is_far = self.command[0] == "ssh"
        return self

    def types_command(self, command, marker=None):
        """Starts a command; what comes back is an attempt of its own."""
        self.count += 1
        typed = Typed(self, command.split(), marker, self.count)
        self.types(f"{command}; echo ended {self.count} $?")
        return typed

    def sudo(self, *options):
        """Types sudo."""
        mark = self.new_mark()
        return self.types_command(" ".join(["sudo", *options, "touch", mark]), marker=mark)


class Typed(Interactive):
    """A command that was typed into a shell."""

    def __init__(self, shell, command, marker, number):
        super().__init__(command, marker)
        self.shell, self.child, self.is_far = shell, shell.child, shell.is_far
        self.number, self.start = number, len(shell.printed)
        self.status = None

    @property
    def printed(self):
        """All that the terminal showed since it was started."""
        return self.shell.printed[self.start:]

    def is_over(self, patience):
        if self.status is None and self.child.expect([rf"ended {self.number} (\d+)", pexpect.TIMEOUT], timeout=patience) == 0:
            self.status = int(self.child.match[1])
        return self.status is not None

    def ends(self):
        """Awaits the end; the exit status, as the shell has it."""
        expect(self.is_over(DEADLINE), f"{self.command[0]} does not end")
        return self.status


def become(user):
    """The start of a command line that makes the rest run as this user, with a terminal of its own (`su -c` has none)."""
    person = pwd.getpwnam(user)
    return ["setpriv", f"--reuid={person.pw_uid}", f"--regid={person.pw_gid}", "--init-groups", "--"]


def environment(user):
    """What a login gives a program."""
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": pwd.getpwnam(user).pw_dir, "USER": user,
            "LOGNAME": user, "SHELL": "/bin/sh", "TERM": "dumb", "LANG": "C.UTF-8"}
