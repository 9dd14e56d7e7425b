"""One more factor behind a password that this system has checked: real sudo, pam_unix, and this machine's own token."""

import json
import re

from .. import host
from ..accounts import OTTOS_CODE, PASSWORD
from ..case import case
from ..terms import expect
from .words import WRONG_CODE, answers

ASKS = r"\[sudo\] password for {}: "
UNREACHABLE = r"The identity service can't be reached\. Please try again later\."
UNAVAILABLE = "pamtester: Authentication service cannot retrieve authentication info"
SETUP = r"Login is not set up correctly on this system\. Ask your administrator\."
PERSISTENT = "Defaults:penny timestamp_timeout=5"


def starts(attempt, second, person="penny"):
    """Answers sudo's own prompt, and then the module's."""
    answers(attempt, PASSWORD, second, hidden=ASKS.format(person))
    return attempt


@case(stack="unix_first", configuration="step_up")
def one_push_behind_the_local_password_makes_root(world):
    attempt = starts(world.sudo("penny"), "")
    world.tenant.approve("penny")
    attempt.is_let_in("root")
    world.granted("penny", "sudo", "OTP")
    world.tenant.saw(Token=1, Challenge=1, StartOOB=1, Poll="some")
    world.tenant.never_got(PASSWORD)
    world.tenant.sent_nothing_to("penny")


@case(stack="unix_first", configuration="step_up")
def a_push_that_is_denied_makes_nobody_root(world):
    attempt = starts(world.sudo("penny"), "")
    world.tenant.deny("penny")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("penny", "sudo", "approval_refused")
    world.tenant.saw(Token=1, Challenge=1, StartOOB=1, Poll="some")


@case(stack="unix_first", configuration="step_up", also='[service.sudo.on_demand]\npolicy = "choice"')
def a_code_behind_the_local_password_makes_root(world):
    attempt = starts(world.sudo("otto"), OTTOS_CODE, person="otto")
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "OATH")
    world.tenant.saw(Token=1, Challenge=1, StartOOB=1, Answer=1)
    world.tenant.never_got(PASSWORD)


@case(stack="unix_first", configuration="step_up", also='[service.sudo.on_demand]\npolicy = "choice"', sudoers="Defaults:otto passwd_tries=1")
def a_wrong_code_behind_the_local_password_makes_nobody_root(world):
    attempt = starts(world.sudo("otto"), WRONG_CODE, person="otto")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("otto", "sudo", "answer_refused")


@case(stack="unix_first", configuration="step_up")
def an_approval_does_not_make_up_for_a_wrong_local_password(world):
    attempt = world.sudo("penny")
    answers(attempt, "not it", "", hidden=ASKS.format("penny"))
    world.tenant.approve("penny")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.granted("penny", "sudo", "OTP")
    world.log.says("authentication failure; .*user=penny", tag="sudo")


@case(stack="unix_requisite", configuration="step_up")
def where_the_local_password_must_be_right_first_nothing_is_sent_after_a_wrong_one(world):
    attempt = world.sudo("penny")
    attempt.asks_hidden(ASKS.format("penny"))
    attempt.types("not it")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.tenant.saw_nothing()


# --- the token of this machine ---


@case(stack="unix_first", configuration="step_up", sudoers=PERSISTENT)
def the_token_is_fetched_once_and_kept(world):
    shell = world.shell("penny").begins()
    attempt = starts(shell.sudo(), "")
    world.tenant.approve("penny")
    attempt.is_let_in("root")
    world.granted("penny", "sudo", "OTP")
    world.tenant.saw(Token=1, Challenge=1, StartOOB=1, Poll="some")
    world.tenant.look_away()
    shell.sudo().is_let_in("root")
    world.tenant.saw_nothing()
    expect(shell.types_command("sudo -k").ends() == 0, "sudo -k failed")
    attempt = starts(shell.sudo(), "")
    world.tenant.approve("penny")
    attempt.is_let_in("root")
    world.granted("penny", "sudo", "OTP")
    world.tenant.saw(Token=0, Challenge=1, StartOOB=1, Poll="some")


def keeps_a_token(world):
    """A user has just become root, so there is a token."""
    one_push_behind_the_local_password_makes_root(world)
    world.tenant.look_away()


@case(stack="unix_first", configuration="step_up")
def a_kept_token_that_is_no_longer_taken_is_fetched_once_more(world):
    keeps_a_token(world)
    world.tenant.fails("status", path="OnDemandChallenge", code=401)
    attempt = starts(world.sudo("penny"), "")
    world.tenant.approve("penny")
    attempt.is_let_in("root")
    world.granted("penny", "sudo", "OTP")
    world.tenant.saw(Token=1, Challenge=2, StartOOB=1, Poll="some")
    world.tenant.look_away()
    attempt = starts(world.sudo("penny"), "")
    world.tenant.approve("penny")
    attempt.is_let_in("root")
    world.granted("penny", "sudo", "OTP")
    world.tenant.saw(Challenge=1, StartOOB=1, Poll="some")


@case(stack="unix_first", configuration="step_up")
def a_new_token_that_is_not_taken_either_is_not_fetched_for_ever(world):
    keeps_a_token(world)
    world.tenant.fails("status", path="OnDemandChallenge", code=401, times=0)
    attempt = world.sudo("penny")
    attempt.asks_hidden(ASKS.format("penny"))
    attempt.types(PASSWORD)
    attempt.is_refused(UNREACHABLE, status=1)
    world.verdict("error", "client_refused", "sudo", user="penny", detail="OnDemandChallenge: HTTP status 401: does the scope countersign take Security/OnDemandChallenge?")
    world.tenant.saw(Token=1, Challenge=2)
    world.tenant.sent_nothing_to("penny")


def refuses_this_machine(world, reason, detail, **seen):
    """sudo is refused, and another application gets the code that says so; no phone rings, and only the log says why."""
    attempt = world.sudo("penny")
    attempt.asks_hidden(ASKS.format("penny"))
    attempt.types(PASSWORD)
    attempt.is_refused(UNREACHABLE, status=1)
    attempt.shows("sudo: 1 incorrect password attempt")
    world.verdict("error", reason, "sudo", user="penny", detail=detail)
    world.tenant.saw(**seen)
    again = world.pamtester("penny", lines=[PASSWORD])
    expect(again.ends() == 1, "pamtester ended otherwise than by a failure")
    again.shows(UNAVAILABLE)
    world.verdict("error", reason, "rig", user="penny", detail=detail)
    world.tenant.sent_nothing_to("penny")


@case(stack="unix_first", configuration="step_up")
def a_wrong_client_secret_lets_nobody_in_and_is_in_no_log(world):
    wrong = "of another machine 5"
    host.use_client_secret(wrong)
    refuses_this_machine(world, "client_refused", "token: invalid_client invalid client creds or client not allowed", Token=1)
    world.log.never_said(wrong)
    for attempt in world.attempts:
        attempt.never_shows(wrong)


@case(stack="unix_first", configuration="step_up", also='[service.rig.on_demand]\nclient_auth = "body"')
def a_wrong_client_secret_in_the_body_is_in_no_log_either(world):
    host.use_client_secret("of another machine 5")
    attempt = world.pamtester("penny", lines=[PASSWORD])
    expect(attempt.ends() == 1, "pamtester ended otherwise than by a failure")
    attempt.shows(UNAVAILABLE)
    world.verdict("error", "client_refused", "rig", user="penny")
    world.tenant.saw(Token=1)
    world.log.never_said("of.another.machine")


@case(stack="unix_first", configuration="step_up")
def what_the_token_service_says_is_told_to_the_log_alone_and_without_its_escapes(world):
    body = json.dumps({"error": "invalid_request", "error_description": "\x1b[2J\nlogin outcome=\"granted\" \u202egood"})
    world.tenant.fails("status", path="oauth2", code=400, body=body, times=0)
    refuses_this_machine(world, "client_refused", r'token: invalid_request [2J login outcome=\"granted\" good', Token=1)
    world.log.never_said("[\x1b\n\u202e]")
    for attempt in world.attempts:
        attempt.never_shows("[\x1b\u202e]|granted")


@case(stack="unix_first", configuration="step_up")
def a_page_in_place_of_a_token_is_not_believed_or_shown(world):
    world.tenant.fails("html", path="oauth2", times=0)
    refuses_this_machine(world, "misbehaved", "no token: not JSON of its shape (line 1)", Token=1)
    world.log.never_said("sign in to this network")
    for attempt in world.attempts:
        attempt.never_shows("sign in to this network")


GOOD_TOKEN = {"access_token": "abc", "token_type": "Bearer", "expires_in": 3600}
BAD_TOKENS = {
    "access_token is missing": {"token_type": "Bearer", "expires_in": 3600},
    "access_token is no token": {**GOOD_TOKEN, "access_token": "a b\r\nX-Evil: 1"},
    "token_type is not Bearer": {**GOOD_TOKEN, "token_type": "mac"},
    "expires_in is absurd": {**GOOD_TOKEN, "expires_in": 10**12},
    "not JSON of its shape (line 1)": {**GOOD_TOKEN, "expires_in": -1},
}


@case(stack="unix_first", configuration="step_up")
def a_token_that_is_none_is_not_used_or_kept(world):
    for problem, reply in BAD_TOKENS.items():
        world.tenant.fails("body", path="oauth2", json=reply)
        attempt = world.pamtester("penny", lines=[PASSWORD])
        expect(attempt.ends() == 1, "pamtester ended otherwise than by a failure")
        attempt.shows(UNAVAILABLE)
        world.verdict("error", "misbehaved", "rig", user="penny", detail=f"no token: {problem}")
    world.tenant.saw(Token=len(BAD_TOKENS))
    world.tenant.sent_nothing_to("penny")


@case(stack="unix_first", configuration="step_up")
def a_token_service_that_does_not_know_this_machine_is_asked_once(world):
    world.tenant.fails("status", path="oauth2", code=401, body='{"error": "invalid_client"}', times=0)
    refuses_this_machine(world, "client_refused", re.compile("token: invalid_client ?"), Token=1)


@case(stack="unix_first", configuration="step_up", process_only=True)
def a_client_secret_that_others_can_read_is_not_used(world):
    host.use_client_secret("of this machine 5", mode=0o644)
    attempt = world.sudo("penny")
    attempt.asks_hidden(ASKS.format("penny"))
    attempt.types(PASSWORD)
    attempt.is_refused(SETUP, status=1)
    world.verdict("error", "misconfigured", "sudo", user="penny")
    world.log.says("/etc/countersign/client-secret.*0644")
    world.tenant.saw_nothing()


# --- what the tenant must not say ---


def success(user):
    """The tenant's word that a user is in."""
    return {"success": True, "Result": {"Summary": "LoginSuccess", "User": user, "AuthLevel": "High"}, "Message": None}


@case(stack="unix_first", configuration="step_up")
def a_success_that_nobody_had_to_do_anything_for_is_none(world):
    world.tenant.fails("body", path="OnDemandChallenge", json=success("penny@example.com"))
    attempt = world.sudo("penny")
    attempt.asks_hidden(ASKS.format("penny"))
    attempt.types(PASSWORD)
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("penny", "sudo", "success_unasked")
    world.tenant.saw(Token=1, Challenge=1)


@case(stack="unix_first", configuration="step_up")
def a_success_for_somebody_else_is_none(world):
    world.tenant.fails("body", action="Poll", json=success("bob@example.com"))
    attempt = starts(world.sudo("penny"), "")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("penny", "sudo", "identity_mismatch", detail=r'the tenant let in \"bob@example.com\"')


@case(stack="unix_first", configuration="step_up")
def somebody_unknown_to_the_tenant_does_not_become_root(world):
    attempt = starts(world.sudo("lost"), WRONG_CODE, person="lost")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("lost", "sudo", "answer_refused")


@case(stack="unix_first", configuration="step_up")
def without_a_tenant_nobody_becomes_root(world):
    with world.tenant_stopped():
        attempt = world.sudo("penny")
        attempt.asks_hidden(ASKS.format("penny"))
        attempt.types(PASSWORD)
        attempt.is_refused(UNREACHABLE, status=1)
        world.verdict("error", "outage", "sudo", user="penny")
