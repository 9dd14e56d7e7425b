"""A real sshd, driven by a real ssh, sftp and scp."""

import re

from .. import host
from ..accounts import OTTOS_CODE, PASSWORD, UNIX_PASSWORD
from ..case import case
from ..terminal import CONTROL_C
from ..terms import expect
from .sudo import WAIT_ON
from .words import CODE, ENTER, HIDDEN, WRONG_CODE, answers, choice, number_prompt, oath_code, times

REFUSED = "Permission denied"


# --- keyboard-interactive ---


@case()
def a_push_that_is_approved_opens_the_session(world):
    login = world.ssh("penny")
    answers(login, PASSWORD, "")
    world.tenant.approve("penny")
    login.is_let_in("penny")
    login.shows(r'Press Enter for a push to approve on your phone \("Mobile Authenticator"\), or type its code\.')
    world.log.says("Accepted keyboard-interactive/pam for penny from 127.0.0.1", tag="sshd")
    world.granted("penny", "sshd", "UP,OTP", rhost="127.0.0.1", tty="ssh")
    world.tenant.saw(Start=1, Answer=1, StartOOB=1, Poll="some")


@case()
def a_login_writes_one_line(world):
    login = world.ssh("alice")
    answers(login, PASSWORD, oath_code())
    login.is_let_in("alice")
    world.granted("alice", "sshd", "UP,OATH")
    attempt = world.sudo("alice")
    answers(attempt, PASSWORD, WRONG_CODE, hidden=r"\[sudo\] password for alice: ")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("alice", "sudo", "answer_refused")
    lines = [str(entry) for entry in world.log.since() if "pam_countersign" in entry.text]
    expect(len(lines) == 2, "two logins wrote:\n" + "\n".join(lines))


@case(also='[service.sshd.login]\nlabels = "known"')
def a_stranger_sees_no_labels_and_a_person_with_a_key_or_at_a_terminal_does(world):
    login = world.ssh("alice")
    answers(login, "not it", oath_code())
    login.is_refused(REFUSED, status=255)
    login.shows(r"\n3\. text message\n")
    login.never_shows("XXX|Authenticator\"")
    world.denied("alice", "sshd", "answer_refused")
    attempt = world.sudo("alice")
    answers(attempt, PASSWORD, oath_code(), hidden=r"\[sudo\] password for alice: ")
    attempt.is_let_in("root")
    attempt.shows(r'text message \("SMS\.\.\. XXX-1234"\)')
    world.granted("alice", "sudo", "UP,OATH")
    login = world.ssh("penny", to="both")
    answers(login, PASSWORD, "")
    world.tenant.approve("penny")
    login.is_let_in("penny")
    login.shows(r'push to approve on your phone \("Mobile Authenticator"\)')
    world.granted("penny", "sshd", "UP,OTP")


@case()
def a_push_that_is_denied_ends_the_login(world):
    login = world.ssh("penny")
    answers(login, PASSWORD, "")
    world.tenant.deny("penny")
    login.is_refused(REFUSED, status=255)
    world.log.says("Failed keyboard-interactive/pam for penny", tag="sshd")
    world.denied("penny", "sshd", "approval_refused")
    world.tenant.saw(Start=1, Answer=1, StartOOB=1, Poll="some")


@case()
def after_a_denial_the_client_is_asked_again_and_no_phone_rings(world):
    login = world.ssh("penny", "-oNumberOfPasswordPrompts=2")
    answers(login, PASSWORD, "")
    world.tenant.deny("penny")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.is_refused(REFUSED, status=255)
    login.shows(r"Nothing can be sent to your phone")
    world.denied("penny", "sshd", "approval_refused")
    world.denied("penny", "sshd", "push_budget")
    world.tenant.sent_nothing_to("penny")


def is_asked_nothing_that_sshd_does_not_take(world, *options, to):
    """After a denial ssh, which may do all that it knows, asks for what the module takes, and for no password of its own."""
    login = world.ssh("penny", "-oNumberOfPasswordPrompts=2", "-oPreferredAuthentications=publickey,keyboard-interactive,password", *options, to=to)
    answers(login, PASSWORD, "")
    world.tenant.deny("penny")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.is_refused(REFUSED, status=255)
    login.never_shows("'s password:")
    world.denied("penny", "sshd", "approval_refused")
    world.denied("penny", "sshd", "push_budget")


@case()
def after_a_denial_behind_a_key_ssh_asks_for_nothing_that_sshd_does_not_take(world):
    is_asked_nothing_that_sshd_does_not_take(world, to="both")


@case()
def after_a_denial_without_another_way_in_ssh_asks_for_nothing_that_sshd_does_not_take(world):
    is_asked_nothing_that_sshd_does_not_take(world, to="alone")


@case()
def the_right_code_opens_the_session(world):
    login = world.ssh("otto")
    answers(login, PASSWORD, OTTOS_CODE)
    login.is_let_in("otto")
    world.granted("otto", "sshd", "UP,OATH")
    world.tenant.saw(Start=1, StartOOB=1, Answer=2)


@case()
def a_wrong_code_ends_the_login(world):
    login = world.ssh("otto")
    answers(login, PASSWORD, WRONG_CODE)
    login.is_refused(REFUSED, status=255)
    world.denied("otto", "sshd", "answer_refused")
    world.tenant.saw(Start=1, StartOOB=1, Answer=2)


@case()
def a_wrong_password_with_the_right_code_ends_the_login(world):
    login = world.ssh("otto")
    answers(login, "not it", OTTOS_CODE)
    login.is_refused(REFUSED, status=255)
    world.denied("otto", "sshd", "answer_refused")
    world.tenant.saw(Start=1, StartOOB=1, Answer=2)


@case(configuration="hasty")
def after_a_wrong_password_nothing_arrives_on_the_phone_and_the_login_is_denied(world):
    login = world.ssh("penny")
    answers(login, "not it", "")
    login.is_refused(REFUSED, status=255)
    world.tenant.sent_nothing_to("penny")
    world.denied("penny", "sshd", "deadline")


@case(also='[service.sshd.login]\napproval_wait = "10s"')
def a_wrong_password_and_a_push_come_back_to_a_prompt_again_and_again_until_the_user_stops(world):
    login = world.ssh("penny")
    answers(login, "not it", "")
    login.asks_openly(WAIT_ON)
    login.never_shows("Waiting for your approval")
    first = world.tenant.operations()["Poll"]
    login.types("")
    login.asks_openly(WAIT_ON)
    polls = world.tenant.operations()["Poll"]
    expect((first, polls) <= (12, 18), f"{first} polls, then {polls - first}")
    world.log.says(r'OTP is not approved yet: attempt="\w+" user="penny" tenant_user="penny@example\.com" rhost="127\.0\.0\.1"')
    login.presses(CONTROL_C)
    expect(login.ends() != 0, "ssh ended well")
    login.left_no_mark()
    world.ends_what_was_killed("penny", "sshd")
    world.tenant.saw(Start=1, Answer=1, StartOOB=1, Poll="some")
    world.tenant.sent_nothing_to("penny")


@case()
def an_empty_password_is_refused_without_an_answer_to_the_tenant(world):
    login = world.ssh("penny")
    login.asks_hidden(HIDDEN)
    login.types("")
    login.is_refused(REFUSED, status=255)
    world.denied("penny", "sshd", "password_empty")
    world.tenant.saw_nothing()


@case()
def a_password_that_is_too_long_is_not_cut_and_the_tenant_hears_nothing(world):
    login = world.ssh("penny")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD + "x" * 512)
    login.is_refused(REFUSED, status=255)
    world.denied("penny", "sshd", "password_too_long")
    world.tenant.saw_nothing()


@case()
def a_choice_that_is_not_in_the_menu_is_asked_again_and_not_for_ever(world):
    login = world.ssh("alice")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.asks_openly(r"Choose 1-3 \(Enter: 1\), or type the code for 2\.\r?\nChoice or Verification code: ")
    login.types("7")
    login.asks_openly(r"7 is not in the list\.\r?\n1\. push to approve on your phone[\s\S]*" + CODE)
    login.types("0")
    login.asks_openly(r"0 is not in the list\.\r?\n1\. push to approve on your phone[\s\S]*" + CODE)
    login.types("0")
    login.is_refused(REFUSED, status=255)
    world.denied("alice", "sshd", "tries")
    world.tenant.saw(Start=1)


@case()
def a_client_that_may_try_three_times_gets_in_with_the_third_code(world):
    login = world.ssh("otto", "-oNumberOfPasswordPrompts=3")
    for code in WRONG_CODE, WRONG_CODE, OTTOS_CODE:
        answers(login, PASSWORD, code)
    login.is_let_in("otto")
    world.denied("otto", "sshd", "answer_refused")
    world.denied("otto", "sshd", "answer_refused")
    world.granted("otto", "sshd", "UP,OATH")


@case()
def the_code_of_a_text_message_can_be_typed(world):
    login = world.ssh("sam")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.asks_openly(ENTER)
    login.types("")
    message = world.tenant.message("sam")
    login.asks_openly(CODE)
    login.types(message["code"])
    login.is_let_in("sam")
    world.granted("sam", "sshd", "UP,SMS")
    world.tenant.saw(Start=1, Answer=2, StartOOB=1)


@case()
def the_link_of_a_text_message_can_be_opened_instead(world):
    login = world.ssh("sam")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.asks_openly(ENTER)
    login.types("")
    world.tenant.approve("sam")
    login.asks_openly(CODE)
    login.types("")
    login.is_let_in("sam")
    world.granted("sam", "sshd", "UP,SMS")
    world.tenant.saw(Start=1, Answer=1, StartOOB=1, Poll="some")


@case()
def a_way_is_chosen_by_its_number(world):
    login = world.ssh("alice")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.asks_openly(CODE)
    login.types(choice(login, "text message"))
    message = world.tenant.message("alice")
    expect(message["kind"] == "sms", f"the phone got {message}")
    login.asks_openly(CODE)
    login.types(message["code"])
    login.is_let_in("alice")
    world.granted("alice", "sshd", "UP,SMS")


@case()
def a_code_typed_at_the_menu_needs_no_choice(world):
    login = world.ssh("alice")
    answers(login, PASSWORD, oath_code())
    login.is_let_in("alice")
    world.granted("alice", "sshd", "UP,OATH")
    world.tenant.saw(Start=1, StartOOB=1, Answer=2)


@case()
def the_number_to_match_is_inside_a_prompt(world):
    login = world.ssh("nora")
    answers(login, PASSWORD, "")
    message = world.tenant.message("nora")
    login.asks_openly(number_prompt(message))
    world.tenant.answer(message, "approve")
    login.types("")
    login.is_let_in("nora")
    expect(times(login, rf"\b{message['number']}\b") == 1, "the number is shown twice")
    world.granted("nora", "sshd", "UP,OTP")


@case()
def a_client_that_hides_messages_still_shows_the_number(world):
    login = world.ssh("nora", "-oLogLevel=ERROR")
    answers(login, PASSWORD, "")
    message = world.tenant.message("nora")
    login.asks_openly(number_prompt(message))
    world.tenant.answer(message, "approve")
    login.types("")
    login.is_let_in("nora")
    world.granted("nora", "sshd", "UP,OTP")


@case()
def somebody_without_an_account_here_is_asked_and_refused_and_the_tenant_hears_nothing(world):
    login = world.ssh("ghost")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.is_refused(REFUSED, status=255)
    world.log.says("Invalid user ghost", tag="sshd")
    world.verdict("denied", "password_junk", "sshd", requests="0")
    world.tenant.saw_nothing()


def a_short_password_of_a_refused_user(length):
    """sshd cuts its junk to the length of what was typed: one letter of it is junk too."""

    def asked(world):
        for person in ("root", "ghost"):
            login = world.ssh(person)
            login.asks_hidden(HIDDEN)
            login.types("x" * length)
            login.is_refused(REFUSED, status=255)
            world.verdict("denied", "password_junk", "sshd", requests="0")
        world.tenant.saw_nothing()

    asked.__name__ = f"a_password_of_{length}_letters_of_a_user_whom_sshd_refuses_asks_the_tenant_nothing"
    case()(asked)


for count in (1, 2, 3, 4, 40):
    a_short_password_of_a_refused_user(count)


@case()
def somebody_unknown_to_the_tenant_is_refused_like_somebody_with_a_wrong_password(world):
    login = world.ssh("lost")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.is_refused(REFUSED, status=255)
    world.denied("lost", "sshd", "answer_refused")
    world.tenant.saw(Start=1, Answer=1)


@case()
def without_a_tenant_nobody_gets_in_and_the_log_says_why(world):
    with world.tenant_stopped():
        login = world.ssh("penny")
        login.asks_hidden(HIDDEN)
        login.types(PASSWORD)
        login.is_refused(REFUSED, status=255)
        world.verdict("error", "outage", "sshd", user="penny")
    a_push_that_is_approved_opens_the_session(world)


@case(configuration="misspelt")
def a_configuration_with_an_unknown_key_lets_nobody_in_and_asks_nobody(world):
    login = world.ssh("penny")
    login.is_refused(REFUSED, status=255)
    world.verdict("error", "misconfigured", "sshd", user="penny")
    world.log.says("fial_delay")
    world.tenant.saw_nothing()


@case()
def a_configuration_that_others_can_write_lets_nobody_in(world):
    host.loosen_configuration()
    login = world.ssh("penny")
    login.is_refused(REFUSED, status=255)
    world.verdict("error", "misconfigured", "sshd", user="penny")
    world.tenant.saw_nothing()


@case(stack="unix_after")
def who_is_exempt_by_a_rule_is_left_to_the_rest_of_the_stack(world):
    login = world.ssh("robo")
    login.asks_hidden(HIDDEN)
    login.types(UNIX_PASSWORD)
    login.is_let_in("robo")
    world.verdict("exempt", "rule", "sshd", user="robo", rule="robots")
    world.tenant.saw_nothing()


@case(stack="unix_after")
def who_is_exempt_by_a_rule_still_needs_the_rest_of_the_stack(world):
    login = world.ssh("robo")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.is_refused(REFUSED, status=255)
    world.verdict("exempt", "rule", "sshd", user="robo", rule="robots")
    world.tenant.saw_nothing()


@case(stack="unix_first")
def the_password_that_pam_unix_took_is_not_asked_again(world):
    login = world.ssh("otto")
    answers(login, PASSWORD, OTTOS_CODE)
    login.is_let_in("otto")
    world.granted("otto", "sshd", "UP,OATH")
    expect(len(re.findall(HIDDEN, login.printed)) == 1, "the password was asked more than once")


@case(stack="unix_after")
def the_password_that_the_module_took_is_not_asked_again(world):
    login = world.ssh("otto")
    answers(login, PASSWORD, OTTOS_CODE)
    login.is_let_in("otto")
    world.granted("otto", "sshd", "UP,OATH")
    expect(len(re.findall(HIDDEN, login.printed)) == 1, "the password was asked more than once")


@case()
def a_client_that_leaves_at_the_prompt_leaves_nothing_behind(world):
    login = world.ssh("penny")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.asks_openly(CODE)
    login.leaves()
    world.log.says("Connection closed by", tag="sshd")
    login.left_no_mark()
    world.ends_what_was_killed("penny", "sshd")
    world.tenant.sent_nothing_to("penny")
    again = world.ssh("penny")
    answers(again, PASSWORD, "")
    world.tenant.approve("penny")
    again.is_let_in("penny")
    world.granted("penny", "sshd", "UP,OTP")


@case()
def a_client_that_leaves_while_the_phone_rings_gets_no_session_when_it_is_approved(world):
    login = world.ssh("penny")
    answers(login, PASSWORD, "")
    message = world.tenant.message("penny")
    login.leaves()
    world.tenant.answer(message, "approve")
    world.log.says(r"Connection (closed|reset) by|Connection closed|fatal: ", tag="sshd")
    login.left_no_mark()
    world.log.may_audit()


# --- a key and keyboard-interactive ---


@case()
def a_key_and_a_push_together_open_the_session(world):
    login = world.ssh("penny", to="both")
    answers(login, PASSWORD, "")
    world.tenant.approve("penny")
    login.is_let_in("penny")
    world.log.says("Partial publickey for penny", tag="sshd")
    world.log.says("Accepted keyboard-interactive/pam for penny", tag="sshd")
    world.granted("penny", "sshd", "UP,OTP")


@case()
def a_key_alone_does_not_open_the_session(world):
    login = world.ssh("otto", to="both")
    answers(login, PASSWORD, WRONG_CODE)
    login.is_refused(REFUSED, status=255)
    world.log.says("Partial publickey for otto", tag="sshd")
    world.denied("otto", "sshd", "answer_refused")


@case()
def without_the_key_nobody_is_asked(world):
    login = world.ssh("penny", "-oPubkeyAuthentication=no", to="both")
    login.is_refused(REFUSED, status=255)
    world.tenant.saw_nothing()


# --- the password method, which answers every hidden prompt with the password ---


@case()
def the_password_method_cannot_answer_a_code_prompt(world):
    login = world.ssh("penny", to="blind")
    login.asks_hidden("password: ")
    login.types(PASSWORD)
    login.is_refused(REFUSED, status=255)
    world.denied("penny", "sshd", "conversation")
    world.tenant.saw(Start=1)
    world.tenant.sent_nothing_to("penny")


# --- files ---


@case()
def sftp_asks_and_carries_a_file(world):
    transfer = world.sftp("otto")
    answers(transfer, PASSWORD, OTTOS_CODE)
    transfer.is_let_in("otto")
    world.granted("otto", "sshd", "UP,OATH")


@case()
def sftp_with_a_wrong_code_carries_nothing(world):
    transfer = world.sftp("otto")
    answers(transfer, PASSWORD, WRONG_CODE)
    transfer.is_refused(REFUSED, status=255)
    world.denied("otto", "sshd", "answer_refused")


@case()
def scp_asks_and_carries_a_file(world):
    transfer = world.scp("otto")
    answers(transfer, PASSWORD, OTTOS_CODE)
    transfer.is_let_in("otto")
    world.granted("otto", "sshd", "UP,OATH")
