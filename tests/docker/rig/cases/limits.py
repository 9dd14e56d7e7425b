"""What limits a person, against a caller who limits, kills and starves the program that asks for it."""

import contextlib
import json
import os
import subprocess

from .. import host
from ..accounts import PASSWORD
from ..case import case
from ..terms import expect
from .budget import begins
from .offline import KEY, OFFLINE
from .words import CODE, WRONG_CODE, oath_code

ALLOWED = """
[offline]
enabled = true
first_factor = "pam_unix"
{more}
[service.su.login]
person = "user"
"""
LOCKED = r"too many codes were wrong, so none counts for another \d+ (s|min)\."
BLOCKED = r"No offline login: no code of yours counts at present\."
HIDDEN = r"assword[^\r\n]*: "
# No file may grow beyond this, and a process that tries is killed, or told so.
DIES, GOES_ON = ["env", "--default-signal=XFSZ"], ["env", "--ignore-signal=XFSZ"]
STARVED = [[*DIES, "prlimit", "--fsize=0"], [*GOES_ON, "prlimit", "--fsize=438"], [*DIES, "prlimit", "--fsize=100:100"]]
FULL = "/full"
FILLED = f"{FULL}/filled"


def programs(mark):
    """Who calls what to do something as another user."""
    return {"sudo": ("alice", ["sudo", "touch", mark]), "su": ("visitor", ["su", "alice", "-c", f"touch {mark}"]), "doas": ("alice", ["doas", "touch", mark])}


def prepare_doas():
    """doas is as sudo is."""
    host.write_stack("doas", open("/etc/pam.d/sudo", encoding="ascii").read())
    with open("/etc/doas.conf", "w", encoding="ascii") as configuration:
        os.chmod("/etc/doas.conf", 0o600)
        configuration.write("permit alice\n")


def calls(world, program, limits, codes, password=PASSWORD):
    """Calls the program under these limits, and types the password and these codes, each when it is asked for."""
    mark = world.mark()
    user, command = programs(mark)[program]
    attempt = world.attempt(user, limits + command, marker=mark)
    attempt.asks_hidden(HIDDEN)
    attempt.types(password)
    for code in codes:
        attempt.asks_openly(OFFLINE)
        attempt.types(code)
    attempt.ends()
    return attempt


def failures():
    """How many wrong codes are counted for alice."""
    told = subprocess.run(["countersign", "totp", "status", "alice", "--json"], capture_output=True, text=True, check=True)
    return json.loads(told.stdout)["failures"]


def are_counted(world, program, limits):
    """Five guesses are judged, whatever the limits, and then not even the right code counts."""
    subprocess.run(["countersign", "totp", "remove", "alice"], capture_output=True, check=False)
    host.enroll_offline("alice", KEY)
    calls(world, program, limits, [WRONG_CODE] * 3)
    world.verdict("denied", "offline_refused", user="alice", service=program)
    expect(failures() == 3, f"{failures()} failures are counted, not 3")
    calls(world, program, limits, [WRONG_CODE] * 3).shows(LOCKED)
    world.verdict("denied", "offline_locked", user="alice", service=program)
    attempt = calls(world, program, limits, [oath_code(KEY)])
    attempt.shows(LOCKED)
    attempt.left_no_mark()
    world.verdict("denied", "offline_locked", user="alice", service=program)
    expect(failures() == 5, f"{failures()} failures are counted, not 5")


@case(stack="unix_requisite", also=ALLOWED.format(more=""))
def no_limit_on_files_gives_anybody_one_more_guess_in_sudo_su_or_doas(world):
    prepare_doas()
    with world.tenant_stopped():
        for program in "sudo", "su", "doas":
            for limits in STARVED:
                are_counted(world, program, limits)


@case(stack="unix_requisite", also=ALLOWED.format(more=""))
def twelve_who_guess_at_once_have_as_many_guesses_as_one(world):
    host.enroll_offline("alice", KEY)
    with world.tenant_stopped():
        attempts = [begins(world, "alice") for _ in range(12)]
        for attempt in attempts:
            attempt.asks_openly(OFFLINE)
        for attempt in attempts:
            attempt.types(WRONG_CODE)
        judged = 0
        for attempt in attempts:
            while attempt.sees_one_of(OFFLINE, LOCKED) == 0:
                judged += 1
                attempt.types(WRONG_CODE)
            attempt.ends()
            attempt.left_no_mark()
            world.verdict("denied", "offline_locked", user="alice", service="sudo")
        expect((judged, failures()) == (5, 5), f"{judged} guesses were judged, {failures()} are counted")


def finds_no_second_door(world, password=PASSWORD):
    """An outage, and a right code."""
    with world.tenant_stopped():
        attempt = calls(world, "sudo", [], [oath_code(KEY)], password)
        attempt.shows(BLOCKED)
        attempt.left_no_mark()
        world.verdict("denied", "offline_blocked", user="alice", service="sudo")


@case(stack="unix_requisite", also=ALLOWED.format(more=""))
def a_denial_is_kept_for_the_next_outage_although_no_file_may_grow(world):
    host.enroll_offline("alice", KEY)
    attempt = world.attempt("alice", ["prlimit", "--fsize=100", "sudo", "true"])
    attempt.asks_hidden(HIDDEN)
    attempt.types(PASSWORD)
    # Nothing can be counted, so nothing rings; the code that is asked for instead is wrong.
    attempt.asks_openly(CODE)
    world.tenant.sent_nothing_to("alice")
    attempt.types(WRONG_CODE)
    attempt.ends()
    world.denied("alice", "sudo", "answer_refused")
    finds_no_second_door(world)


@case(stack="unix_requisite", also=ALLOWED.format(more=""))
def a_login_that_is_killed_before_the_denial_comes_counts_as_refused(world):
    host.enroll_offline("alice", KEY)
    attempt = begins(world, "alice")
    attempt.asks_openly(CODE)
    attempt.types("")
    message = world.tenant.message("alice")
    attempt.leaves()
    if world.ends_what_was_killed("alice", "sudo"):
        world.tenant.answer(message, "deny")
    finds_no_second_door(world)


@case(stack="unix_requisite", also=ALLOWED.format(more=""), sudoers="Defaults:otto passwd_tries=1")
def a_password_that_the_tenant_refused_unseen_is_kept_as_a_refusal(world):
    """It went ahead, and the code is asked for all the same, so that the refusal tells nothing."""
    host.enroll_offline("otto", KEY)
    world.tenant.fails("body", path="AdvanceAuthentication", json={"success": False, "Result": None})
    attempt = world.sudo("otto")
    attempt.asks_hidden(HIDDEN)
    attempt.types(PASSWORD)
    attempt.asks_openly(CODE)
    attempt.interrupts()
    attempt.ends()
    world.denied("otto", "sudo", "conversation")
    with world.tenant_stopped():
        attempt = world.sudo("otto")
        attempt.asks_hidden(HIDDEN)
        attempt.types(PASSWORD)
        attempt.asks_openly(OFFLINE)
        attempt.types(oath_code(KEY))
        attempt.ends()
        attempt.shows(BLOCKED)
        attempt.left_no_mark()
        world.verdict("denied", "offline_blocked", user="otto", service="sudo")


@case(stack="unix_requisite", also=ALLOWED.format(more=f'folder = "{FULL}"\n'))
def on_a_full_disk_a_right_code_counts_once_and_wrong_ones_are_counted(world):
    host.enroll_offline("alice", KEY)
    with full_disk(), world.tenant_stopped():
        code = oath_code(KEY)
        calls(world, "sudo", [], [code]).left_a_mark()
        world.verdict("granted", "offline", user="alice", service="sudo")
        calls(world, "sudo", [], [WRONG_CODE, code, WRONG_CODE]).left_no_mark()
        world.verdict("denied", "offline_refused", user="alice", service="sudo")
        expect(failures() == 2, f"{failures()} failures are counted, not 2")


@case(stack="unix_requisite", also=ALLOWED.format(more=f'folder = "{FULL}"\n'))
def on_a_full_disk_after_an_upgrade_the_tenant_decides_and_its_refusal_is_kept(world):
    host.enroll_offline("alice", KEY)
    for name in os.listdir(FULL):
        if name.startswith("tries-"):
            os.remove(f"{FULL}/{name}")
    with full_disk() as make_room:
        attempt = begins(world, "alice")
        attempt.asks_openly(CODE)
        attempt.types("")
        world.tenant.approve("alice")
        attempt.is_let_in("root")
        world.granted("alice", "sudo", "UP,OTP")
        attempt = begins(world, "alice")
        attempt.asks_openly(CODE)
        attempt.types("")
        world.tenant.deny("alice")
        attempt.ends()
        world.denied("alice", "sudo", "approval_refused")
        make_room()
        finds_no_second_door(world)


@contextlib.contextmanager
def full_disk():
    """The folder of the records has no room; at the end it is empty."""
    fill()
    try:
        yield lambda: os.remove(FILLED)
    finally:
        for name in os.listdir(FULL):
            os.remove(f"{FULL}/{name}")


def fill():
    """Writes until there is no room."""
    try:
        with open(FILLED, "wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
    except OSError:
        pass


@case(stack="unix_requisite", also=ALLOWED.format(more=""), process_only=True)
def nobody_waits_for_a_sudo_that_its_user_has_stopped(world):
    host.enroll_offline("alice", KEY)
    host.enroll_offline("otto", KEY)
    with world.tenant_stopped():
        stopped = begins(world, "otto")
        stopped.asks_openly(OFFLINE)
        # strace stops it with SIGSTOP at the first count that it waits for; see tests/it/limits.rs for every other system call.
        stopper = subprocess.Popen(["strace", "-qq", "-p", str(sudo_of("otto")), "-e", "inject=fdatasync:signal=STOP"], stderr=subprocess.DEVNULL)
        world.until(lambda: traced(sudo_of("otto")))
        stopped.types(WRONG_CODE)
        world.until(lambda: state_of(sudo_of("otto")) in "tT")
        calls(world, "sudo", [], [oath_code(KEY)]).left_a_mark()
        world.verdict("granted", "offline", user="alice", service="sudo")
        stopper.terminate()
        stopper.wait()
        stopped.close()


def sudo_of(person):
    """The sudo that this person has called."""
    found = subprocess.run(["pgrep", "-n", "-x", "sudo", "-U", person], capture_output=True, text=True, check=True)
    return int(found.stdout)


def status_of(pid, field):
    """One line of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        [line] = [line for line in status if line.startswith(f"{field}:")]
    return line.split()[1]


def state_of(pid):
    """What the process does, as one letter."""
    return status_of(pid, "State")


def traced(pid):
    """Whether strace holds it."""
    return status_of(pid, "TracerPid") != "0"
