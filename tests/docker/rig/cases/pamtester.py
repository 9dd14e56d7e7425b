"""pamtester: the application that does nothing but PAM, and whose conversation ends where its input ends."""

from ..accounts import OTTOS_CODE, PASSWORD
from ..case import case
from ..terms import expect
from .words import WRONG_CODE, answers

DONE = "pamtester: successfully authenticated"
FAILED = "pamtester: Authentication failure"


def is_authenticated(attempt):
    """It ends well and says so."""
    expect(attempt.ends() == 0, "pamtester ended badly")
    attempt.shows(DONE)


def fails(attempt, text):
    """It ends badly, with this text and without the other."""
    expect(attempt.ends() == 1, "pamtester ended otherwise than by a failure")
    attempt.shows(text)
    attempt.never_shows(DONE)


@case()
def a_code_authenticates(world):
    attempt = world.pamtester("otto")
    answers(attempt, PASSWORD, OTTOS_CODE)
    is_authenticated(attempt)
    world.granted("otto", "rig", "UP,OATH", rhost="192.0.2.7")


@case()
def a_push_authenticates(world):
    attempt = world.pamtester("penny")
    answers(attempt, PASSWORD, "")
    world.tenant.approve("penny")
    is_authenticated(attempt)
    world.granted("penny", "rig", "UP,OTP")


@case()
def the_other_calls_of_a_session_pass(world):
    calls = "authenticate", "acct_mgmt", "setcred", "open_session", "close_session"
    attempt = world.pamtester("otto", *calls)
    answers(attempt, PASSWORD, OTTOS_CODE)
    is_authenticated(attempt)
    attempt.shows("session has successfully been closed")
    world.granted("otto", "rig", "UP,OATH")


@case()
def credentials_alone_ask_nobody(world):
    attempt = world.pamtester("otto", "setcred")
    expect(attempt.ends() == 0, "pamtester ended badly")
    world.tenant.saw_nothing()


@case()
def a_wrong_code_fails(world):
    attempt = world.pamtester("otto")
    answers(attempt, PASSWORD, WRONG_CODE)
    fails(attempt, FAILED)
    world.denied("otto", "rig", "answer_refused")


@case()
def lines_on_a_pipe_authenticate(world):
    attempt = world.pamtester("otto", lines=[PASSWORD, OTTOS_CODE])
    is_authenticated(attempt)
    world.granted("otto", "rig", "UP,OATH")


@case()
def a_password_that_is_not_text_fails_and_nobody_is_asked(world):
    fails(world.pamtester("otto", lines=["\udcff\udcfe", OTTOS_CODE]), FAILED)
    world.denied("otto", "rig", "password_not_utf8")
    world.tenant.saw_nothing()


@case()
def input_that_ends_at_the_password_fails_and_nobody_is_asked(world):
    fails(world.pamtester("otto", lines=[]), "pamtester: Conversation error")
    world.denied("otto", "rig", "conversation")
    world.tenant.saw_nothing()


@case()
def input_that_ends_at_the_code_fails_and_no_answer_is_sent(world):
    fails(world.pamtester("otto", lines=[PASSWORD]), "pamtester: Conversation error")
    world.denied("otto", "rig", "conversation")
    world.tenant.saw(Start=1)


@case()
def input_that_ends_at_the_menu_fails_and_no_phone_rings(world):
    fails(world.pamtester("alice", lines=[PASSWORD]), "pamtester: Conversation error")
    world.denied("alice", "rig", "conversation")
    world.tenant.saw(Start=1)
    world.tenant.sent_nothing_to("alice")


@case()
def input_that_ends_after_a_text_message_was_sent_fails(world):
    fails(world.pamtester("sam", lines=[PASSWORD, ""]), "pamtester: Conversation error")
    world.denied("sam", "rig", "conversation")
    world.tenant.saw(Start=1, Answer=1, StartOOB=1, Poll=1)  # the last look: a denial would count
