"""Whose phone rings: by the program, by what sudo is told, and by `login.person`."""

from ..accounts import OTTOS_CODE, PASSWORD, ROOT_PASSWORD
from ..case import case
from ..terms import expect
from .words import CODE, ENTER, HIDDEN, password_of

# The program as penny starts it; the service; the user in PAM's terms; what sudo is told.
PROGRAMS = {
    "sudo": (lambda world: world.sudo("penny"), "sudo", "penny", ""),
    "sudo_for_bob": (lambda world: world.sudo("penny", "-u", "bob"), "sudo", "penny", ""),
    "sudo_for_bob_with_targetpw": (lambda world: world.sudo("penny", "-u", "bob"), "sudo", "bob", "Defaults targetpw"),
    "sudo_with_targetpw": (lambda world: world.sudo("penny"), "sudo", "root", "Defaults targetpw"),
    "sudo_for_bob_with_rootpw": (lambda world: world.sudo("penny", "-u", "bob"), "sudo", "root", "Defaults rootpw"),
    "sudo_for_bob_with_runaspw": (lambda world: world.sudo("penny", "-u", "bob"), "sudo", "root", "Defaults runaspw"),
    "su": (lambda world: world.su("penny", "root"), "su", "root", ""),
    "su_to_bob": (lambda world: world.su("penny", "bob"), "su", "bob", ""),
    "su_to_a_login_of_bobs": (lambda world: world.su("penny", "bob", "-l"), "su-l", "bob", ""),
    "su_to_a_login_of_roots": (lambda world: world.su("penny", "root", "-l"), "su-l", "root", ""),
}
WHOM = ["auto", "user", "caller", "both"]
# Where one person is asked and refuses, once for each program.
REFUSED_TOO = [("sudo", "auto"), ("su", "auto"), ("su_to_a_login_of_bobs", "user")]
# What the tenant calls them.
CALLED = {"root": "rosa"}


def asked(whom, user):
    """Whose phones ring when penny calls, in order."""
    user = CALLED.get(user, user)
    if user == "penny":
        return ["penny"]
    return {"auto": ["penny"], "caller": ["penny"], "user": [user], "both": ["penny", user]}[whom]


def password_prompt(service, user):
    """The prompt of pam_unix, as the program shows it."""
    return rf"\[sudo\] password for {user}: " if service == "sudo" else HIDDEN


def types_local_password(attempt, service, user):
    """What pam_unix asks for first."""
    attempt.asks_hidden(password_prompt(service, user))
    attempt.types(ROOT_PASSWORD if user == "root" else PASSWORD)


def becomes(program):
    """Who one is in the end."""
    return "bob" if "bob" in program else "root"


def register(program, whom):
    """Each person who is asked agrees; and, where that is not the same case again, the last of them does not."""
    start, service, user, sudoers = PROGRAMS[program]
    people = asked(whom, user)
    names = ",".join(f"{person}@example.com" for person in people)
    settings = {"stack": "unix_first", "configuration": "step_up", "sudoers": sudoers,
                "also": f'[service.{service}.login]\nperson = "{whom}"\n[service.{service}.on_demand]\npolicy = "text"'}

    def begins(world):
        attempt = start(world)
        types_local_password(attempt, service, user)
        return attempt

    def rings(world, attempt, person):
        attempt.asks_openly(ENTER)
        for each in {"penny", "bob", "rosa"}:
            world.tenant.sent_nothing_to(each)
        attempt.types("")
        message = world.tenant.message(person)
        attempt.asks_openly(CODE)
        return message["code"]

    def agreed(world):
        attempt = begins(world)
        for person in people:
            attempt.types(rings(world, attempt, person))
        attempt.is_let_in(becomes(program))
        world.verdict("granted", "ok", service, user=user, tenant_user=names)
        world.tenant.saw(Token=1, Challenge=len(people), StartOOB=len(people), Answer=len(people))
        for secret in PASSWORD, ROOT_PASSWORD:
            world.tenant.never_got(secret)

    def refused(world):
        attempt = begins(world)
        for person in people[:-1]:
            attempt.types(rings(world, attempt, person))
        rings(world, attempt, people[-1])
        attempt.types("00000")
        attempt.is_refused("sudo: 1 incorrect password attempt|su: Authentication failure", status=1)
        world.verdict("denied", "answer_refused", service, user=user, tenant_user=names)

    ends = [(agreed, "makes_the_phone_ring_of")]
    if len(people) > 1 or (program, whom) in REFUSED_TOO:
        ends.append((refused, "lets_nobody_in_without"))
    for function, end in ends:
        function.__name__ = f"{program}_with_person_{whom}_{end}_{'_and_'.join(people)}"
        case(**settings)(function)


for each in PROGRAMS:
    for one in WHOM:
        register(each, one)


# --- with the whole login, and its password ---


@case(stack="unix_first", sudoers="Defaults targetpw")
def the_root_password_that_targetpw_asks_for_is_not_the_callers_and_stays_here(world):
    attempt = world.sudo("otto")
    types_local_password(attempt, "sudo", "root")
    attempt.asks_hidden(password_of("otto"))
    attempt.types(PASSWORD)
    attempt.asks_openly(CODE)
    attempt.types(OTTOS_CODE)
    attempt.is_let_in("root")
    world.granted("root", "sudo", "UP,OATH", tenant_user="otto@example.com")
    world.tenant.never_got(ROOT_PASSWORD)


@case(stack="unix_first")
def the_root_password_that_su_asks_for_is_not_the_callers_and_stays_here(world):
    attempt = world.su("otto", "root")
    types_local_password(attempt, "su", "root")
    attempt.asks_hidden(password_of("otto"))
    attempt.types(ROOT_PASSWORD[:-1])
    attempt.asks_openly(CODE)
    attempt.types(OTTOS_CODE)
    attempt.is_refused("su: Authentication failure", status=1)
    world.denied("root", "su", "answer_refused", tenant_user="otto@example.com")
    world.tenant.never_got(ROOT_PASSWORD)


# --- callers who are not known, or not believed ---


@case(also='[service.sshd.login]\nperson = "caller"')
def where_the_caller_is_asked_and_there_is_none_nobody_gets_in(world):
    login = world.ssh("penny")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.is_refused("Permission denied", status=255)
    world.denied("penny", "sshd", "no_caller")
    world.tenant.saw_nothing()


@case(also='[service.sshd.login]\nperson = "both"')
def where_both_are_asked_and_there_is_no_caller_nobody_gets_in(world):
    login = world.ssh("penny")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.is_refused("Permission denied", status=255)
    world.denied("penny", "sshd", "no_caller")
    world.tenant.saw_nothing()


@case()
def a_caller_who_does_not_run_the_program_is_not_believed(world):
    attempt = world.pamtester_with(["-I", "ruser=penny"], "otto", lines=[PASSWORD, OTTOS_CODE])
    expect(attempt.ends() == 1, "pamtester ended otherwise than by a failure")
    attempt.never_shows("successfully")
    world.denied("otto", "rig", "caller_mismatch", detail="PAM_RUSER is penny, the real uid 0")
    world.tenant.saw_nothing()


@case()
def a_caller_on_another_machine_is_nobody_here(world):
    attempt = world.pamtester_with(["-I", "ruser=penny", "-I", "rhost=192.0.2.7"], "otto", lines=[PASSWORD, OTTOS_CODE])
    expect(attempt.ends() == 0, "pamtester ended badly")
    attempt.shows("successfully authenticated")
    world.granted("otto", "rig", "UP,OATH")


@case(stack="unix_first", configuration="step_up")
def root_who_calls_su_is_asked_by_the_name_that_the_tenant_has(world):
    attempt = world.su("root", "bob")
    types_local_password(attempt, "su", "bob")
    attempt.asks_openly(CODE)
    attempt.types("")
    world.tenant.approve("rosa")
    attempt.is_let_in("bob")
    world.granted("bob", "su", "OTP", tenant_user="rosa@example.com")
