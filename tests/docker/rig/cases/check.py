"""The command's check on a real system: what it calls an error lets unasked users in, or refuses every user, and what it passes does not."""

import contextlib
import os

from .. import host
from ..accounts import OTTOS_CODE, PASSWORD
from ..case import case
from ..terms import expect
from .offline import ALLOWED, KEY, OFFLINE
from .pamtester import FAILED, fails, is_authenticated
from .words import HIDDEN, WRONG_CODE, answers, oath_code

OURS = "pam_countersign.so config=/etc/countersign/countersign.toml"
REST = "\naccount required pam_permit.so\nsession required pam_permit.so\n"


def has(report, expected, service="rig"):
    """What is found of this service, and that is not passed, is this."""
    found = [finding["id"] for finding in report["findings"] if service in finding["services"] and finding["severity"] != "passed"]
    expect(found == expected, f"expected {expected} of {service}: {report}")


def stack(auth, expected):
    """The service of pamtester gets this stack, which the check takes so."""
    host.write_stack("rig", auth + REST)
    has(host.check(), expected)


@case()
def a_sufficient_line_before_the_module_lets_people_in_unasked(world):
    stack(f"auth sufficient pam_unix.so nodelay\nauth required {OURS}", ["pam-bypass", "pam-exempt-refused"])
    is_authenticated(world.pamtester("otto", lines=[PASSWORD]))
    world.tenant.saw_nothing()


@case()
def a_jump_over_the_module_lets_people_in_unasked(world):
    stack(f"auth [success=1 default=ignore] pam_unix.so nodelay\nauth required {OURS}\nauth required pam_permit.so",
          ["pam-bypass", "pam-exempt-unverified"])
    is_authenticated(world.pamtester("otto", lines=[PASSWORD]))
    world.tenant.saw_nothing()


@case()
def an_optional_module_lets_people_in_whom_it_refuses(world):
    stack(f"auth optional {OURS}\nauth required pam_permit.so", ["pam-refusal-ignored", "pam-exempt-unverified"])
    attempt = world.pamtester("otto")
    answers(attempt, PASSWORD, WRONG_CODE)
    is_authenticated(attempt)
    world.denied("otto", "rig", "answer_refused")


@case()
def an_outage_that_is_ignored_lets_everybody_in(world):
    stack(f"auth [success=ok ignore=ignore authinfo_unavail=ignore default=bad] {OURS}\nauth required pam_permit.so",
          ["pam-refusal-ignored", "pam-exempt-unverified"])
    with world.tenant_stopped():
        attempt = world.pamtester("otto")
        attempt.asks_hidden(HIDDEN)
        attempt.types("whatever")
        is_authenticated(attempt)
        world.verdict("error", "outage", user="otto", service="rig")


@case()
def whoever_is_exempt_gets_in_with_nothing_where_nothing_else_asks(world):
    stack(f"auth required {OURS}\nauth required pam_permit.so", ["pam-exempt-unverified"])
    is_authenticated(world.pamtester("robo", lines=[]))
    world.verdict("exempt", "rule", user="robo", service="rig")


@case()
def a_word_that_libpam_does_not_know_lets_nobody_in(world):
    stack(f"auth [success=end default=die] {OURS}", ["pam-unreadable"])
    attempt = world.pamtester("otto")
    answers(attempt, PASSWORD, OTTOS_CODE)
    # The module says success, and libpam takes that for a failure.
    expect(attempt.ends() == 1, "pamtester was let in")
    world.granted("otto", "rig", "UP,OATH")


@case(also=ALLOWED)
def an_offline_code_without_its_first_factor_is_the_only_one(world):
    host.enroll_offline("otto", KEY)
    stack(f"auth optional pam_unix.so nodelay\nauth [success=ok ignore=ignore default=bad] {OURS}",
          ["pam-offline-alone"])
    with world.tenant_stopped():
        attempt = world.pamtester("otto")
        attempt.asks_hidden(HIDDEN)
        attempt.types("not the password")
        attempt.asks_openly(OFFLINE)
        attempt.types(oath_code(KEY))
        is_authenticated(attempt)
        world.verdict("granted", "offline", user="otto", service="rig", mechanisms="OFFLINE")


@case(also=ALLOWED)
def with_its_first_factor_before_it_an_offline_code_is_not_the_only_one(world):
    host.enroll_offline("otto", KEY)
    stack(f"auth requisite pam_unix.so nodelay\nauth [success=ok ignore=ignore default=bad] {OURS}", [])
    with world.tenant_stopped():
        attempt = world.pamtester("otto")
        attempt.asks_hidden(HIDDEN)
        attempt.types("not the password")
        fails(attempt, FAILED)
        attempt.never_shows(OFFLINE)


@case()
def the_documented_stacks_pass_and_hold(world):
    behind = f"auth [success=done ignore=ignore default=die] {OURS}\n@include common-auth"
    for auth in behind, f"@include common-auth\nauth [success=ok ignore=ignore default=bad] {OURS}":
        stack(auth, [])
        attempt = world.pamtester("otto")
        answers(attempt, PASSWORD, WRONG_CODE)
        fails(attempt, FAILED)
        world.denied("otto", "rig", "answer_refused")


@contextlib.contextmanager
def drop_in(name, text):
    """A file of sshd's own, for a while."""
    path = f"/etc/ssh/sshd_config.d/{name}"
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    try:
        yield
    finally:
        os.remove(path)


def sshd_findings():
    """What is found of sshd, by id, with the line that it is about."""
    findings = [finding for finding in host.check()["findings"] if finding["id"].startswith("sshd")]
    return {finding["id"]: (finding["file"], finding["line"]) for finding in findings}


@case(stack="unix_first")
def sshd_is_asked_what_it_is_set_to_and_which_line_says_so(world):
    usual = "HostKey /etc/ssh/rig_host_key\nUsePAM yes\nPasswordAuthentication no\n"
    with drop_in("20-usual.conf", usual):
        with drop_in("10-first.conf", "# first\nChallengeResponseAuthentication no\nLoginGraceTime 1m\n"):
            found = sshd_findings()
            first = "/etc/ssh/sshd_config.d/10-first.conf"
            expect(found["sshd-kbdinteractive"] == (first, 2), f"{found}")
            expect(found["sshd-grace"] == (first, 3), f"{found}")
            expect("sshd-unasked" in found and "sshd-unwilling" not in found, f"{found}")
        good = "KbdInteractiveAuthentication yes\nPermitRootLogin yes\nAuthenticationMethods publickey,keyboard-interactive:pam\n"
        with drop_in("10-countersign.conf", good):
            found = sshd_findings()
            expect(set(found) <= {"sshd-version"}, f"{found}")
    world.tenant.saw_nothing()


@case(stack="unix_first")
def the_way_to_the_tenant_is_gone_and_the_tenant_asked_about_somebody(world):
    report = host.check("--user", "otto", offline=False)
    ways = [finding["what"] for finding in report["findings"] if finding["id"] == "network"]
    stages = [what.split(": ")[1].split(" in ")[0] for what in ways]
    expect(stages == ["lookup", "connect", "tls", "response"], f"{ways}")
    offered = [finding["what"] for finding in report["findings"] if finding["id"] == "user"]
    expect(offered == ["otto@example.com is offered UP, then OATH"], f"{offered}")
    with world.tenant_stopped():
        report = host.check(offline=False)
        ends = [finding["what"] for finding in report["findings"] if finding["id"] == "network" and finding["severity"] == "error"]
        expect(len(ends) == 1 and ": the connect fails: connection refused" in ends[0], f"{ends}")
