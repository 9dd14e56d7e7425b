#!/usr/bin/env python3
"""From nothing to a login with a second factor, as an administrator types it, in a container that has never seen Countersign.

    tests/packages/first_login.py IMAGE FOLDER

The image is a machine with sshd and sudo, the folder has the packages. Nothing in the container reaches a network: the tenant is
countersign-simulator. Prints each step with its time. Without docker at hand, DOCKER names the command that reaches an engine.
"""

import os
import pty
import re
import select
import shlex
import subprocess
import sys
import time

DOCKER = shlex.split(os.environ.get("DOCKER", "docker"))
# What a busy machine may take for one step before the test gives up.
PATIENCE = 300

INSTALL = "apt-get install --yes /packages/libpam-countersign_*.deb"
SETUP = "countersign setup --tenant https://127.0.0.1:8443 --ca-file /run/countersign-simulator/ca.pem"
REHEARSE = "countersign rehearse alice"


def main(image, packages):
    started = engine("run", "--detach", "--network", "none", image, "sleep", "infinity").strip()
    try:
        engine("cp", packages, f"{started}:/packages")
        first_login(Machine(started))
    finally:
        engine("rm", "--force", started)


def first_login(machine):
    machine.run("useradd --create-home --shell /bin/bash --groups sudo alice && echo alice:local | chpasswd && mkdir -p /run/sshd && /usr/sbin/sshd")
    machine.run("apt-get install --yes /packages/countersign-simulator_*.deb")
    machine.run("mkfifo /tmp/ready && { countersign-simulator >/tmp/ready 2>/tmp/simulator & } && read -r line </tmp/ready && [[ $line == ready* ]]")
    steps = [
        ("install", lambda: machine.run(INSTALL)),
        ("setup", lambda: machine.types(SETUP, [
            (r"What \{user\} is called there, .*: ", "{user}@example.com"),
            (r"PAM services \[sshd,sudo,sudo-i\]: ", ""),
            (r"What becomes of public keys \(.*\): ", "followed"),
            (r"A user of this machine to try it with.*: ", "alice"),
            (r"Write this\? \[y/N\] ", "y"),
        ], "Written.")),
        ("rehearse", lambda: machine.types(REHEARSE, [
            (r"Password: ", "correct horse"),
            (r"Choice or Verification code: ", "1"),
            (r"Choose [0-9]+ on your phone[^$]*Verification code: ", machine.approves),
        ], "granted: alice@example.com has met UP,OTP")),
    ]
    total = 0.0
    for name, step in steps:
        before = time.monotonic()
        step()
        took = time.monotonic() - before
        total += took
        print(f"{name}: {took:.1f} s")
    print(f"{len(steps)} commands, {total:.1f} s to a login with a second factor")
    machine.run("countersign unsetup && ! grep -rl pam_countersign /etc/pam.d")
    machine.run("apt-get purge --yes libpam-countersign && ! ls /usr/lib/*/security/pam_countersign.so 2>/dev/null")


class Machine:
    def __init__(self, container):
        self.container = container

    def run(self, command):
        """Runs a command of a script in the container."""
        return engine("exec", "--env", "DEBIAN_FRONTEND=noninteractive", self.container, "bash", "-c", command)

    def types(self, command, answers, last):
        """Types a command at a terminal, and each answer behind its question."""
        child, terminal = pty.fork()
        if child == 0:
            os.execvp(DOCKER[0], [*DOCKER, "exec", "--interactive", "--tty", self.container, *shlex.split(command)])
        shown, rest, waiting = "", "", list(answers)
        deadline = time.monotonic() + PATIENCE
        while select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            try:
                read = os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # Linux's way to say that the other end is closed.
                break
            shown, rest = shown + read, rest + read
            if waiting and re.search(waiting[0][0], rest):
                answer, rest = waiting.pop(0)[1], ""
                os.write(terminal, ((answer() if callable(answer) else answer) + "\n").encode())
        os.close(terminal)
        _, status = os.waitpid(child, 0)
        if status != 0 or waiting or last not in shown:
            sys.exit(f"first_login: {command} ended with {status}, {len(waiting)} answers were left, and it said:\n{shown}")

    def approves(self):
        """Approves what came to the phone. Returns what is typed behind that: Enter alone."""
        self.asks_phone("GET /messages?wait=60")
        self.asks_phone("POST /messages/1/approve")
        return ""

    def asks_phone(self, call):
        answer = self.run(f"exec 3<>/dev/tcp/127.0.0.1/8444 && printf '{call} HTTP/1.0\\r\\nHost: phone\\r\\nContent-Length: 0\\r\\n\\r\\n' >&3 && cat <&3")
        if " 200 " not in answer.split("\n")[0]:
            sys.exit(f"first_login: the phone answered {call} with {answer}")


def engine(*arguments):
    done = subprocess.run([*DOCKER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"first_login: docker {' '.join(arguments)} failed:\n{done.stdout}")
    return done.stdout


main(*sys.argv[1:])
