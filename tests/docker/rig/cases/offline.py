"""Codes that this machine can check itself, while no process listens at the tenant's address."""

from .. import host
from ..accounts import OTTOS_CODE, PASSWORD
from ..case import case
from .environment import evil_tenant
from .words import HIDDEN, WRONG_CODE, answers, oath_code

OFFLINE = r"Tenant unreachable\. Offline verification code: "
REFUSED = "Permission denied"
KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
ALLOWED = """
[offline]
enabled = true
first_factor = "pam_unix"
"""


def begins(world):
    """Otto types his password."""
    login = world.ssh("otto")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    return login


def is_refused_these(world, codes, reason):
    """The same question for each, and then the end."""
    login = begins(world)
    for code in codes:
        login.asks_openly(OFFLINE)
        login.types(code)
    login.is_refused(REFUSED, status=255)
    world.verdict("denied", reason, user="otto", service="sshd")
    return login


def is_not_asked(world, reason):
    """Refused at once, although otto is enrolled."""
    login = begins(world)
    login.is_refused(REFUSED, status=255)
    login.never_shows(OFFLINE)
    world.verdict("error", reason, user="otto", service="sshd")


@case(stack="unix_requisite", also=ALLOWED)
def while_the_tenant_is_down_a_code_opens_the_session_once_and_then_the_tenant_decides_again(world):
    host.enroll_offline("otto", KEY)
    with world.tenant_stopped():
        code = oath_code(KEY)
        login = begins(world)
        login.asks_openly(OFFLINE)
        login.types(code)
        login.is_let_in("otto")
        world.verdict("granted", "offline", user="otto", service="sshd", mechanisms="OFFLINE")
        is_refused_these(world, [code] * 3, "offline_refused").shows(r"That code was used before\. Wait for the next one\.")
    login = world.ssh("otto")
    answers(login, PASSWORD, OTTOS_CODE)
    login.is_let_in("otto")
    login.never_shows(OFFLINE)
    world.granted("otto", "sshd", "UP,OATH")
    world.log.says(r"offline: 1 logins of uid \d+ since the last online one", tag="sshd")
    world.log.never_said(KEY)


@case(stack="unix_requisite", also=ALLOWED + "enroll_at_login = true")
def a_user_who_says_yes_at_a_login_has_a_code_when_the_tenant_is_down(world):
    login = world.ssh("otto")
    answers(login, PASSWORD, OTTOS_CODE)
    login.asks_openly(r"Set up codes for when the identity service can't be reached\? Asked once\. \[y/N\] ")
    login.types("y")
    login.asks_openly(r"otpauth://totp/Countersign:otto%40rig\?secret=(\w+)&[\s\S]*\nVerification code: ")
    key = login.child.match[1]
    login.types(oath_code(key))
    login.asks_openly(r"((\w{4}-){3}\w{4}[\s\S]*)Press Enter when you have written them down: ")
    [recovery, *_] = login.child.match[1].split()
    login.types("")
    login.is_let_in("otto")
    world.granted("otto", "sshd", "UP,OATH")
    world.log.says(r"offline: uid \d+ has enrolled at this login", tag="sshd")
    login = world.ssh("otto")
    answers(login, PASSWORD, OTTOS_CODE)
    login.is_let_in("otto")
    login.never_shows("Set up codes")
    world.granted("otto", "sshd", "UP,OATH")
    with world.tenant_stopped():
        login = begins(world)
        login.asks_openly(OFFLINE)
        login.types(recovery)
        login.is_let_in("otto")
        world.verdict("granted", "offline", user="otto", service="sshd", mechanisms="OFFLINE_RECOVERY")
    for secret in key, recovery:
        world.log.never_said(secret)


@case(stack="unix_requisite", also=ALLOWED)
def wrong_codes_are_refused_while_the_tenant_is_down(world):
    host.enroll_offline("otto", KEY)
    with world.tenant_stopped():
        is_refused_these(world, [WRONG_CODE, "0", OTTOS_CODE], "offline_refused")


@case(stack="unix_requisite", also=ALLOWED)
def who_is_not_enrolled_is_asked_the_same(world):
    with world.tenant_stopped():
        is_refused_these(world, [oath_code(KEY)] * 3, "offline_not_enrolled")


@case(stack="unix_requisite")
def unless_it_is_allowed_nobody_is_asked_for_an_offline_code(world):
    host.enroll_offline("otto", KEY)
    with world.tenant_stopped():
        is_not_asked(world, "outage")


@case(also=ALLOWED)
def without_a_password_from_the_stack_nobody_is_asked_for_an_offline_code(world):
    host.enroll_offline("otto", KEY)
    with world.tenant_stopped():
        is_not_asked(world, "outage")


@case(stack="unix_requisite", configuration="evil", also=ALLOWED)
def a_certificate_that_is_not_believed_is_no_outage(world):
    host.enroll_offline("otto", KEY)
    with evil_tenant():
        is_not_asked(world, "misbehaved")


@case(stack="unix_requisite", also=ALLOWED)
def a_tenant_that_fails_itself_is_no_outage(world):
    host.enroll_offline("otto", KEY)
    world.tenant.fails("status", path="StartAuthentication", code=503, times=0)
    is_not_asked(world, "misbehaved")
