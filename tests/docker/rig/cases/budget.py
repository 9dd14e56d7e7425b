"""How often a phone may ring without an approval: over all tries, processes and services."""

import os
import pwd
import shutil
import stat

from .. import broker, host
from ..accounts import PASSWORD
from ..case import case
from ..terminal import CONTROL_C
from ..terms import expect
from .words import CODE, ENTER, HIDDEN, WRONG_CODE, answers, oath_code

ASKS = r"\[sudo\] password for {}: "
ENOUGH = r"Nothing can be sent to your phone (for another (10 min|60 s|5\d s)|from here)\."
QUIET = r"Nothing is sent to your phone for another {}: too many requests went unapproved\. Codes still work\.\r?\n"
PAUSED = r"Nothing is sent to your phone for another {}: the last request was not approved\. Codes still work\.\r?\n"
FROM_HERE = r"Nothing can be sent to your phone from here\.\r?\n"
MENU = r"1\. push to approve on your phone"
NOT_YET = r"Not approved yet\.[\s\S]*Verification code: "
CODE_ONLY = r"Code from an authenticator[^\r\n]*\.\r?\nVerification code: "
THREE_TRIES = "Defaults:penny passwd_tries=3\nDefaults:alice passwd_tries=3"


def begins(world, person):
    """A user starts sudo and types a password."""
    attempt = world.sudo(person)
    attempt.asks_hidden(ASKS.format(person))
    attempt.types(PASSWORD)
    return attempt


def rings_in_vain(world, person):
    """The phone rings, the user does not approve, and sudo is interrupted."""
    attempt = begins(world, person)
    attempt.asks_openly(CODE)
    attempt.types("")
    world.tenant.message(person)
    attempt.presses(CONTROL_C)
    attempt.is_refused(r"The login was stopped\.\nsudo: 1 incorrect password attempt", status=1)
    world.denied(person, "sudo", "interrupted")


def is_offered_codes_alone(attempt, quiet):
    """The prompt says that nothing is sent, for how long, and takes the code of an authenticator."""
    attempt.asks_openly(quiet + CODE_ONLY)
    attempt.never_shows(MENU)


def ends_with_the_code(world, attempt, person="alice", service="sudo", user="root"):
    """The code of the authenticator is enough."""
    attempt.types(oath_code())
    attempt.is_let_in(user)
    world.granted(person, service, "UP,OATH")
    world.tenant.sent_nothing_to(person)


# --- after a denial ---


@case(sudoers=THREE_TRIES)
def after_a_denial_the_other_tries_of_sudo_make_no_phone_ring(world):
    attempt = begins(world, "penny")
    attempt.asks_openly(CODE)
    attempt.types("")
    world.tenant.deny("penny")
    for _ in range(2):
        attempt.asks_hidden(ASKS.format("penny"))
        attempt.types(PASSWORD)
    attempt.is_refused("sudo: 3 incorrect password attempts", status=1)
    attempt.shows(ENOUGH)
    world.denied("penny", "sudo", "approval_refused")
    world.denied("penny", "sudo", "push_budget", detail="UP | OTP")
    world.denied("penny", "sudo", "push_budget", detail="UP | OTP")
    world.tenant.saw(Start=3, Answer=1, StartOOB=1, Poll="some")
    world.tenant.sent_nothing_to("penny")


@case(sudoers=THREE_TRIES)
def after_a_denial_a_code_is_still_taken(world):
    attempt = begins(world, "alice")
    attempt.asks_openly(MENU + r"[\s\S]*" + CODE)
    attempt.types("")
    world.tenant.deny("alice")
    attempt.asks_hidden(ASKS.format("alice"))
    attempt.types(PASSWORD)
    attempt.asks_openly(PAUSED.format(r"(60|5\d) s") + CODE_ONLY)
    world.denied("alice", "sudo", "approval_refused")
    ends_with_the_code(world, attempt)


@case(also='[service.sudo.login]\npoll_interval = "10s"')
def a_denial_right_before_control_c_makes_the_next_login_ring_no_phone(world):
    attempt = begins(world, "alice")
    attempt.asks_openly(MENU + r"[\s\S]*" + CODE)
    attempt.types("")
    world.until(lambda: world.tenant.operations()["Poll"] == 1)
    world.tenant.deny("alice")
    attempt.presses(CONTROL_C)
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("alice", "sudo", "approval_refused")
    world.tenant.saw(Start=1, Answer=1, StartOOB=1, Poll=2)
    attempt = begins(world, "alice")
    attempt.asks_openly(PAUSED.format(r"(60|5\d) s") + CODE_ONLY)
    ends_with_the_code(world, attempt)


@case(also='[service.sudo.login]\napproval_wait = "10s"')
def a_denial_while_the_prompt_stands_is_seen_though_control_c_ends_it(world):
    attempt = begins(world, "alice")
    attempt.asks_openly(MENU + r"[\s\S]*" + CODE)
    attempt.types("")
    message = world.tenant.message("alice")
    attempt.asks_openly(NOT_YET)
    world.tenant.answer(message, "deny")
    attempt.interrupts()
    attempt.is_refused("sudo: a password is required", status=1)
    world.denied("alice", "sudo", "approval_refused")
    attempt = begins(world, "alice")
    attempt.asks_openly(PAUSED.format(r"(60|5\d) s") + CODE_ONLY)
    ends_with_the_code(world, attempt)


def is_denied_behind(world, person, polls, **fault):
    """The phone's owner denies, and what stands before the tenant answers the last question about it."""
    attempt = begins(world, person)
    attempt.asks_openly(CODE)
    attempt.types("")
    message = world.tenant.message(person)
    world.until(lambda: world.tenant.operations()["Poll"] == polls)
    world.tenant.fails(action="Poll", **fault)
    world.tenant.answer(message, "deny")
    attempt.presses(CONTROL_C)
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied(person, "sudo", "interrupted")


@case(also='[service.sudo.login]\npoll_interval = "10s"')
def a_denial_that_what_stands_before_the_tenant_keeps_back_counts_as_one(world):
    is_denied_behind(world, "penny", 1, fault="html")
    attempt = begins(world, "penny")
    attempt.is_refused(ENOUGH, status=1)
    world.denied("penny", "sudo", "push_budget")
    is_denied_behind(world, "alice", 3, fault="status", code=429)
    attempt = begins(world, "alice")
    attempt.asks_openly(PAUSED.format(r"(60|5\d) s") + CODE_ONLY)
    ends_with_the_code(world, attempt)


@case(also='[push]\npause = "0s"')
def without_a_pause_the_next_login_rings_again(world):
    attempt = begins(world, "penny")
    attempt.asks_openly(CODE)
    attempt.types("")
    world.tenant.deny("penny")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("penny", "sudo", "approval_refused")
    attempt = begins(world, "penny")
    attempt.asks_openly(CODE)
    attempt.types("")
    world.tenant.approve("penny")
    attempt.is_let_in("root")
    world.granted("penny", "sudo", "UP,OTP")


# --- after a message without an answer ---


@case()
def the_fourth_login_after_three_pushes_in_vain_takes_codes_alone_and_one_refills(world):
    for _ in range(3):
        rings_in_vain(world, "alice")
    expect(host.pushes_spent("alice@example.com") == 3, "not three pushes are counted")
    attempt = begins(world, "alice")
    is_offered_codes_alone(attempt, QUIET.format("10 min"))
    attempt.types(WRONG_CODE)
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("alice", "sudo", "answer_refused")
    attempt = begins(world, "alice")
    is_offered_codes_alone(attempt, QUIET.format("10 min"))
    ends_with_the_code(world, attempt)
    expect(host.pushes_spent("alice@example.com") == 0, "the budget was not refilled")
    attempt = begins(world, "alice")
    attempt.asks_openly(MENU + r"[\s\S]*" + CODE)
    attempt.types("")
    world.tenant.approve("alice")
    attempt.is_let_in("root")
    attempt.never_shows("Nothing is sent")
    world.granted("alice", "sudo", "UP,OTP")


@case()
def whoever_has_a_push_alone_waits_after_three_in_vain_and_nobody_else_does(world):
    for _ in range(3):
        rings_in_vain(world, "penny")
    attempt = begins(world, "penny")
    attempt.is_refused(ENOUGH, status=1)
    world.denied("penny", "sudo", "push_budget")
    world.tenant.sent_nothing_to("penny")
    attempt = begins(world, "bob")
    attempt.asks_openly(CODE)
    attempt.types("")
    world.tenant.approve("bob")
    attempt.is_let_in("root")
    world.granted("bob", "sudo", "UP,OTP")


@case()
def text_messages_are_counted_like_pushes(world):
    for _ in range(3):
        attempt = begins(world, "sam")
        attempt.asks_openly(ENTER)
        attempt.types("")
        world.tenant.message("sam")
        attempt.asks_openly(CODE)
        attempt.interrupts()
        attempt.is_refused("sudo: a password is required", status=1)
        world.denied("sam", "sudo", "conversation")
    attempt = begins(world, "sam")
    attempt.is_refused(ENOUGH, status=1)
    world.denied("sam", "sudo", "push_budget", detail="UP | SMS")
    world.tenant.sent_nothing_to("sam")


@case(also="[push]\ncount = 0")
def a_budget_of_nothing_sends_nothing(world):
    attempt = begins(world, "penny")
    attempt.is_refused(ENOUGH, status=1)
    world.denied("penny", "sudo", "push_budget")
    world.tenant.saw(Start=1)
    world.tenant.sent_nothing_to("penny")


@case()
def sshd_and_sudo_share_one_budget(world):
    for _ in range(2):
        rings_in_vain(world, "alice")
    login = world.ssh("alice")
    answers(login, PASSWORD, "")
    world.tenant.message("alice")
    login.leaves()
    attempt = begins(world, "alice")
    is_offered_codes_alone(attempt, QUIET.format("10 min"))
    attempt.interrupts()
    attempt.is_refused("sudo: a password is required", status=1)
    login = world.ssh("alice")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    is_offered_codes_alone(login, QUIET.format("10 min"))
    login.types(oath_code())
    login.is_let_in("alice")
    world.log.says(r'outcome="denied" reason="conversation" user="alice" .* service="sudo"')
    world.log.says(r'outcome="granted" reason="ok" user="alice" .* service="sshd"')
    # That of the client that left comes when it comes.
    world.log.may_audit()
    world.tenant.sent_nothing_to("alice")


@case()
def a_phone_that_others_have_just_made_ring_often_enough_does_not_ring(world):
    """Four logins are offered a push while there is room for each; the fourth that wants it comes too late."""
    attempts = [begins(world, "alice") for _ in range(4)]
    for attempt in attempts:
        attempt.asks_openly(MENU + r"[\s\S]*" + CODE)
    *early, late = attempts
    for attempt in early:
        attempt.types("")
        world.tenant.message("alice")
    late.types("")
    late.asks_openly(QUIET.format("10 min") + CODE_ONLY)
    expect(host.pushes_spent("alice@example.com") == 3, "not three pushes are counted")
    ends_with_the_code(world, late)


@case(stack="unix_first", configuration="step_up")
def a_step_up_has_the_same_budget(world):
    for _ in range(3):
        rings_in_vain(world, "penny")
    attempt = begins(world, "penny")
    attempt.is_refused(ENOUGH, status=1)
    world.denied("penny", "sudo", "push_budget", detail="OTP")
    world.tenant.saw(Token=1, Challenge=4, StartOOB=3, Poll="some")
    world.tenant.sent_nothing_to("penny")


# --- a host that is killed ---


@case()
def a_push_of_a_sudo_that_was_killed_counts_as_denied_until_the_pause_is_over(world):
    attempt = begins(world, "penny")
    attempt.asks_openly(CODE)
    attempt.types("")
    message = world.tenant.message("penny")
    attempt.leaves()
    expect(host.pushes_spent("penny@example.com") == 1, "the push is not counted")
    if world.ends_what_was_killed("penny", "sudo"):
        world.tenant.answer(message, "deny")
    attempt.left_no_mark()
    attempt = begins(world, "penny")
    attempt.is_refused(ENOUGH, status=1)
    world.denied("penny", "sudo", "push_budget")
    world.tenant.sent_nothing_to("penny")


@case(also='[push]\npause = "0s"')
def a_push_of_a_sudo_that_was_killed_stays_counted_and_locks_nothing(world):
    attempt = begins(world, "penny")
    attempt.asks_openly(CODE)
    attempt.types("")
    world.tenant.message("penny")
    attempt.leaves()
    expect(host.pushes_spent("penny@example.com") == 1, "the push is not counted")
    world.ends_what_was_killed("penny", "sudo")
    attempt = begins(world, "penny")
    attempt.asks_openly(CODE)
    attempt.types("")
    message = world.tenant.message("penny")
    expect(host.pushes_spent("penny@example.com") == 2, "the second push is not counted")
    world.tenant.answer(message, "approve")
    attempt.is_let_in("root")
    world.granted("penny", "sudo", "UP,OTP")


@case(also='[push]\npause = "0s"')
def three_sudos_that_were_killed_use_the_budget_up(world):
    for _ in range(3):
        attempt = begins(world, "alice")
        attempt.asks_openly(CODE)
        attempt.types("")
        world.tenant.message("alice")
        attempt.leaves()
        world.ends_what_was_killed("alice", "sudo")
    attempt = begins(world, "alice")
    is_offered_codes_alone(attempt, QUIET.format("10 min"))
    ends_with_the_code(world, attempt)


# --- a state that can't be trusted ---


def is_left_alone(world, mode, owner, problem):
    """Nothing is sent, a user with a code gets in, the log says why, and the module repairs nothing."""
    shutil.rmtree(host.STATE, ignore_errors=True)
    os.makedirs(host.STATE)
    os.chown(host.STATE, owner, 0)
    os.chmod(host.STATE, mode)
    attempt = begins(world, "penny")
    attempt.is_refused(ENOUGH, status=1)
    world.denied("penny", "sudo", "push_budget")
    world.log.says(problem)
    attempt = begins(world, "alice")
    is_offered_codes_alone(attempt, FROM_HERE)
    ends_with_the_code(world, attempt)
    for person in "penny", "alice":
        world.tenant.sent_nothing_to(person)
    found = os.stat(host.STATE)
    expect((stat.S_IMODE(found.st_mode), found.st_uid) == (mode, owner), "a program repaired the folder")
    expect(not os.listdir(host.STATE), "something was written into the folder")
    [warning, *_] = [entry for entry in world.log.since() if "state: " in entry.text]
    expect((warning.facility, warning.level) == ("authpriv", "warning"), f"expected authpriv.warning: {warning}")


@case()
def a_state_that_others_can_enter_sends_nothing(world):
    is_left_alone(world, 0o755, 0, r"state: /run/countersign/state: is open to others than its owner \(mode 0755\): chmod go=")


@case()
def a_state_of_somebody_elses_sends_nothing(world):
    penny = pwd.getpwnam("penny").pw_uid
    # The broker can't even open it.
    problem = "can't be opened" if broker.is_used() else f".*{penny}"
    is_left_alone(world, 0o700, penny, f"state: /run/countersign/state: {problem}")


@case()
def a_state_that_is_no_folder_sends_nothing(world):
    shutil.rmtree(host.STATE, ignore_errors=True)
    with open(host.STATE, "w", encoding="ascii"):
        pass
    try:
        attempt = begins(world, "penny")
        attempt.is_refused(ENOUGH, status=1)
        world.denied("penny", "sudo", "push_budget")
        world.log.says("state: /run/countersign/state: ")
        world.tenant.sent_nothing_to("penny")
        expect(os.path.isfile(host.STATE), "a program repaired it")
    finally:
        os.remove(host.STATE)


@case()
def a_budget_that_is_damaged_is_not_taken_for_a_full_one(world):
    rings_in_vain(world, "penny")
    [name] = [name for name in os.listdir(host.STATE) if name.startswith("pushes-")]
    with open(f"{host.STATE}/{name}", "r+", encoding="ascii") as file:
        file.truncate(20)
    attempt = begins(world, "penny")
    attempt.is_refused(ENOUGH, status=1)
    world.denied("penny", "sudo", "push_budget")
    world.log.says(f"state: {host.STATE}/{name}: not a file of ours")
    world.tenant.sent_nothing_to("penny")
    expect(os.stat(f"{host.STATE}/{name}").st_size == 20, "a program repaired it")
