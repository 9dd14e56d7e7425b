"""A real su: who is asked is the person who calls it, unless the configuration says otherwise."""

from ..accounts import OTTOS_CODE, PASSWORD
from ..case import case
from ..terminal import CONTROL_C
from ..terms import expect
from .words import ASKS_OTTO, WRONG_CODE, answers, oath_code, password_of

REFUSED = "su: Authentication failure"


@case()
def the_code_of_whoever_calls_su_opens_the_other_account(world):
    attempt = world.su("otto", "penny")
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=ASKS_OTTO)
    attempt.is_let_in("penny")
    world.granted("penny", "su", "UP,OATH", tenant_user="otto@example.com")


@case()
def a_wrong_code_does_not_open_the_other_account(world):
    attempt = world.su("otto", "penny")
    answers(attempt, PASSWORD, WRONG_CODE, hidden=ASKS_OTTO)
    attempt.is_refused(REFUSED, status=1)
    world.denied("penny", "su", "answer_refused")


@case(also='[service.su.login]\nperson = "user"')
def where_the_account_is_asked_the_code_of_its_owner_opens_it(world):
    attempt = world.su("visitor", "otto")
    answers(attempt, PASSWORD, OTTOS_CODE)
    attempt.is_let_in("otto")
    world.granted("otto", "su", "UP,OATH")


@case(also='[service.su.login]\nperson = "user"')
def root_is_whom_the_configuration_names(world):
    attempt = world.su("visitor", "root")
    answers(attempt, PASSWORD, oath_code())
    attempt.is_let_in("root")
    world.granted("root", "su", "UP,OATH", tenant_user="alice@example.com")


@case()
def a_login_shell_by_su_is_asked_under_its_own_service(world):
    attempt = world.su("otto", "penny", "-l")
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=ASKS_OTTO)
    attempt.is_let_in("penny")
    world.granted("penny", "su-l", "UP,OATH", tenant_user="otto@example.com")


@case()
def control_c_while_waiting_for_the_phone_ends_su_at_once(world):
    attempt = world.su("penny", "otto")
    answers(attempt, PASSWORD, "", hidden=password_of("penny"))
    message = world.tenant.message("penny")
    attempt.presses(CONTROL_C)
    expect(attempt.ends() != 0, "su ended well")
    attempt.left_no_mark()
    expect(world.tenant.state_of(message) != "approved", "the push was approved")
    if world.ends_what_was_killed("otto", "su"):
        world.log.may_audit()
