"""`countersign rehearse` with the real stacks of this system, and that only an application can ask for its line."""

import signal

from ..accounts import OTTOS_CODE, PASSWORD, UNIX_PASSWORD
from ..case import case
from ..terminal import CONTROL_C
from ..terms import expect
from .words import ASKS_OTTO, HIDDEN, WRONG_CODE, answers

COMMAND = "/usr/local/sbin/countersign"
# What a user can set, in the hope to be told what is told to a rehearsal.
WISH = {"COUNTERSIGN_REHEARSAL": "1"}


def rehearses(world, person, *options, user="root"):
    """A user rehearses a login, in a terminal of their own."""
    return world.attempt(user, [COMMAND, "rehearse", person, *options])


def ends(attempt, status, *shown):
    """It ends with this status, and all of this has been printed."""
    ended = attempt.ends()
    expect(ended == status, f"it ended with {ended}, expected {status}")
    for pattern in shown:
        attempt.shows(pattern)


@case()
def a_login_by_ssh_that_is_granted_is_told_with_its_line(world):
    attempt = rehearses(world, "otto", "--rhost", "192.0.2.7")
    answers(attempt, PASSWORD, OTTOS_CODE)
    ends(attempt, 0, r"sshd would let otto in\.", r"pam_authenticate  PAM_SUCCESS: Success", r"pam_acct_mgmt     PAM_SUCCESS",
         r"pam_countersign   granted: otto@example\.com has met UP,OATH, in 3 requests", r'in the log        login attempt="')
    world.granted("otto", "sshd", "UP,OATH", rhost="192.0.2.7", tty="ssh")


@case()
def a_login_by_ssh_that_is_refused_is_told_with_its_remedy(world):
    attempt = rehearses(world, "otto")
    answers(attempt, PASSWORD, WRONG_CODE)
    ends(attempt, 1, r"sshd would not let otto in\.", r"PAM_AUTH_ERR: Authentication failure", r"refused, answer_refused: ",
         r"countersign: otto would not get in", r"hint: try again")
    world.denied("otto", "sshd", "answer_refused")


@case(stack="unix_after")
def an_exempt_login_names_its_rule_and_the_rest_of_the_stack_decides(world):
    attempt = rehearses(world, "robo", "--service", "sudo")
    attempt.asks_hidden(HIDDEN)
    attempt.types(UNIX_PASSWORD)
    ends(attempt, 0, r"sudo would let robo in\.", r'pam_countersign   exempt: rule "robots"')
    world.verdict("exempt", "rule", user="robo", service="sudo", rule="robots")


@case(stack="without")
def a_stack_without_the_module_is_told(world):
    attempt = rehearses(world, "otto")
    ends(attempt, 1, r"sshd would let otto in\.", r"pam_countersign   was not asked: no line of this stack names it",
         r"hint: sudo countersign setup puts the module into the stacks of services")
    world.tenant.saw_nothing()


@case(stack="locked")
def a_refusal_by_another_module_is_told_as_such(world):
    attempt = rehearses(world, "otto")
    answers(attempt, PASSWORD, OTTOS_CODE)
    ends(attempt, 1, r"sshd would not let otto in\.", r"pam_acct_mgmt     PAM_", r"pam_countersign   granted: ",
         r"hint: another module of the stack has refused")
    world.granted("otto", "sshd", "UP,OATH")


@case(also='[service.sudo.login]\nremember = "10m"')
def sudo_is_rehearsed_as_the_user_who_runs_it(world):
    attempt = rehearses(world, "otto", "--service", "sudo")
    answers(attempt, PASSWORD, OTTOS_CODE)
    ends(attempt, 0, r"sudo would let otto in\.", r"granted: otto@example\.com has met UP,OATH")
    world.granted("otto", "sudo", "UP,OATH")


@case()
def su_is_rehearsed_for_the_caller_who_is_named(world):
    attempt = rehearses(world, "penny", "--service", "su", "--ruser", "otto")
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=ASKS_OTTO)
    ends(attempt, 0, r"su would let penny in\.")
    world.granted("penny", "su", "UP,OATH", tenant_user="otto@example.com")


@case()
def control_c_while_waiting_for_the_phone_ends_it_behind_the_result(world):
    attempt = rehearses(world, "penny")
    answers(attempt, PASSWORD, "")
    world.tenant.message("penny")
    attempt.presses(CONTROL_C)
    ends(attempt, -signal.SIGINT, r"sshd would not let penny in\.", r"refused, interrupted: interrupted")
    world.denied("penny", "sshd", "interrupted")


@case()
def nobody_but_root_rehearses_the_stacks_of_the_system(world):
    attempt = rehearses(world, "otto", user="otto")
    ends(attempt, 1, r"root's rights", r"hint: sudo countersign rehearse otto")
    world.tenant.saw_nothing()


@case(sudoers='Defaults env_keep += "COUNTERSIGN_REHEARSAL"')
def a_user_of_sudo_can_not_ask_for_the_line(world):
    attempt = world.attempt("otto", ["sudo", "env"], variables=WISH)
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=r"password for otto: ")
    ends(attempt, 0, r"COUNTERSIGN_REHEARSAL=1")
    attempt.never_shows("COUNTERSIGN_AUDIT")
    world.granted("otto", "sudo", "UP,OATH")


@case()
def a_user_of_su_can_not_ask_for_the_line(world):
    attempt = world.attempt("otto", ["su", "penny", "-c", "env"], variables=WISH)
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=ASKS_OTTO)
    ends(attempt, 0, r"COUNTERSIGN_REHEARSAL=1")
    attempt.never_shows("COUNTERSIGN_AUDIT")
    world.granted("penny", "su", "UP,OATH", tenant_user="otto@example.com")


@case()
def a_user_of_ssh_can_not_ask_for_the_line(world):
    attempt = world.attempt("visitor", ["ssh", "-o", "SetEnv=COUNTERSIGN_REHEARSAL=1", "otto@interactive", "env"])
    answers(attempt, PASSWORD, OTTOS_CODE)
    ends(attempt, 0, r"COUNTERSIGN_REHEARSAL=1")
    attempt.never_shows("COUNTERSIGN_AUDIT")
    world.granted("otto", "sshd", "UP,OATH")
