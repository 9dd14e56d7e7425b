"""A real sudo, in a pseudo-terminal and on a pipe."""

import os
import pwd

from ..accounts import OTTOS_CODE, PASSWORD
from ..case import case
from ..terminal import CONTROL_C
from ..terms import expect
from .words import CODE, WRONG_CODE, answers, number_prompt, oath_code, times

ASKS = r"\[sudo\] password for {}: "
STOPPED = r"\^C(\x07)?The login was stopped\.\nsudo: 1 incorrect password attempt"
NOT_YET = r"Not approved yet\. Nothing arrives\? Start again and check the password\.\r?\n"
WAIT_ON = NOT_YET + r"Press Enter to wait on, type a code, or stop with Ctrl-C\.\r?\nVerification code: "
PATIENT = '[service.sudo.login]\napproval_wait = "10s"'


def starts(world, person, *options, second):
    """Starts sudo, and answers its password prompt and then the module's own."""
    attempt = world.sudo(person, *options)
    answers(attempt, PASSWORD, second, hidden=ASKS.format(person))
    return attempt


@case()
def a_push_that_is_approved_makes_root(world):
    attempt = starts(world, "penny", second="")
    world.tenant.approve("penny")
    attempt.is_let_in("root")
    world.granted("penny", "sudo", "UP,OTP")
    world.tenant.saw(Start=1, Answer=1, StartOOB=1, Poll="some")


@case()
def the_right_code_makes_root(world):
    attempt = starts(world, "otto", second=OTTOS_CODE)
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")
    world.tenant.saw(Start=1, StartOOB=1, Answer=2)


@case()
def a_push_that_is_denied_ends_sudo(world):
    attempt = starts(world, "penny", second="")
    world.tenant.deny("penny")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("penny", "sudo", "approval_refused")
    world.tenant.sent_nothing_to("penny")


@case()
def sudo_asks_again_after_a_wrong_code(world):
    attempt = starts(world, "otto", second=WRONG_CODE)
    attempt.sees("Sorry, try again")
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=ASKS.format("otto"))
    attempt.is_let_in("root")
    world.denied("otto", "sudo", "answer_refused")
    world.granted("otto", "sudo", "UP,OATH")


@case()
def three_wrong_codes_end_sudo(world):
    attempt = starts(world, "otto", second=WRONG_CODE)
    for _ in range(2):
        attempt.sees("Sorry, try again")
        answers(attempt, PASSWORD, WRONG_CODE, hidden=ASKS.format("otto"))
    attempt.is_refused("sudo: 3 incorrect password attempts", status=1)
    attempt.shows(r"A code works once\. If yours was used before, wait for the next one\.\s+Sorry, try again")
    for _ in range(3):
        world.denied("otto", "sudo", "answer_refused")


@case(sudoers="Defaults:penny passwd_tries=3")
def control_c_while_waiting_for_the_phone_ends_sudo_at_once_and_it_does_not_ask_again(world):
    attempt = starts(world, "penny", second="")
    message = world.tenant.message("penny")
    attempt.sees(r"Waiting for your approval on the phone; Ctrl-C stops\.")
    attempt.presses(CONTROL_C)
    attempt.is_refused(STOPPED, status=1)
    attempt.never_shows("Critical error|PAM authentication error|try again")
    expect(times(attempt, ASKS.format("penny")) == 1, "sudo asked again")
    world.denied("penny", "sudo", "interrupted")
    state = world.tenant.state_of(message)
    expect(state == "expired", f"the message on the phone was not taken back: it is {state}")


@case(also=PATIENT)
def a_push_that_does_not_come_is_asked_about_and_control_c_ends_sudo_there(world):
    attempt = world.sudo("penny")
    answers(attempt, "not it", "", hidden=ASKS.format("penny"))
    attempt.sees(r"Waiting for your approval on the phone; Ctrl-C stops\. Nothing arrives\? Start again and check the password\.")
    attempt.asks_openly(WAIT_ON)
    world.log.says(r'OTP is not approved yet: attempt="\w+" user="penny" tenant_user="penny@example\.com" rhost=""')
    attempt.interrupts()
    attempt.is_refused("sudo: a password is required", status=1)
    world.denied("penny", "sudo", "conversation")
    world.tenant.sent_nothing_to("penny")


@case(also=PATIENT)
def a_late_approval_is_taken_after_enter(world):
    attempt = starts(world, "penny", second="")
    message = world.tenant.message("penny")
    attempt.asks_openly(WAIT_ON)
    world.tenant.answer(message, "approve")
    attempt.types("")
    attempt.is_let_in("root")
    world.granted("penny", "sudo", "UP,OTP")
    expect(world.tenant.operations()["Poll"] <= 13, f"too many polls: {world.tenant.operations()}")
    world.tenant.sent_nothing_to("penny")


@case()
def control_c_at_the_password_prompt_ends_sudo_and_the_tenant_hears_nothing(world):
    attempt = world.sudo("penny")
    attempt.asks_hidden(ASKS.format("penny"))
    attempt.interrupts()
    attempt.is_refused("sudo: a password is required", status=1)
    world.denied("penny", "sudo", "conversation")
    world.tenant.saw_nothing()


@case()
def control_c_at_the_code_prompt_ends_sudo_and_no_phone_rings(world):
    attempt = world.sudo("penny")
    attempt.asks_hidden(ASKS.format("penny"))
    attempt.types(PASSWORD)
    attempt.asks_openly(CODE)
    attempt.interrupts()
    attempt.is_refused("sudo: a password is required", status=1)
    world.denied("penny", "sudo", "conversation")
    world.tenant.saw(Start=1)


@case()
def sudo_that_may_not_ask_never_reaches_the_module(world):
    attempt = world.sudo("penny", "-n")
    attempt.is_refused("sudo: a password is required", status=1)
    world.tenant.saw_nothing()


@case()
def password_and_code_are_read_from_standard_input(world):
    attempt = world.sudo("otto", "-S", lines=[PASSWORD, OTTOS_CODE])
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")


@case()
def standard_input_that_ends_before_the_code_lets_nobody_in(world):
    attempt = world.sudo("otto", "-S", lines=[PASSWORD])
    attempt.is_refused("sudo: no password was provided", status=1)
    world.denied("otto", "sudo", "conversation")
    world.tenant.saw(Start=1)


@case()
def a_prompt_of_the_callers_own_hides_neither_the_number_nor_the_menu(world):
    attempt = world.sudo("nora", "-p", "your turn: ")
    attempt.asks_hidden("your turn: ")
    attempt.types(PASSWORD)
    attempt.sees("your turn: ")
    attempt.types("")
    message = world.tenant.message("nora")
    attempt.sees(rf"\b{message['number']}\b")
    attempt.sees("your turn: ")
    world.tenant.answer(message, "approve")
    attempt.types("")
    attempt.is_let_in("root")
    expect(times(attempt, rf"\b{message['number']}\b") == 1, "the number is shown twice")
    world.granted("nora", "sudo", "UP,OTP")
    attempt = world.sudo("alice", "-p", "your turn: ")
    attempt.asks_hidden("your turn: ")
    attempt.types(PASSWORD)
    attempt.sees(r"2\. code from an authenticator[\s\S]*your turn: ")
    attempt.types("9")
    attempt.sees(r"9 is not in the list\.\r?\n1\. push to approve on your phone[\s\S]*your turn: ")
    attempt.types(oath_code())
    attempt.is_let_in("root")
    world.granted("alice", "sudo", "UP,OATH")


@case(sudoers="Defaults:nora passprompt_override")
def the_administrators_prompt_does_not_hide_the_number(world):
    attempt = world.sudo("nora")
    for answer in PASSWORD, "":
        attempt.sees(ASKS.format("nora"))
        attempt.types(answer)
    message = world.tenant.message("nora")
    attempt.sees(rf"Choose {message['number']} on your phone[\s\S]*" + ASKS.format("nora"))
    world.tenant.answer(message, "approve")
    attempt.types("")
    attempt.is_let_in("root")
    world.granted("nora", "sudo", "UP,OTP")


@case()
def the_number_to_match_is_said_once_above_sudos_prompt(world):
    attempt = starts(world, "nora", second="")
    message = world.tenant.message("nora")
    attempt.asks_openly(number_prompt(message))
    world.tenant.answer(message, "approve")
    attempt.types("")
    attempt.is_let_in("root")
    expect(times(attempt, rf"\b{message['number']}\b") == 1, "the number is shown twice")
    world.granted("nora", "sudo", "UP,OTP")


@case()
def a_window_that_shows_nothing_but_prompts_shows_the_number(world):
    with open("/tmp/askpass", "w", encoding="ascii") as helper:
        helper.write("#!/bin/sh\nprintf '%s\\n' \"$1\" >>/home/nora/asked\nhead -n 1 ~/answers; sed -i 1d ~/answers\n")
    os.chmod("/tmp/askpass", 0o755)
    with open("/home/nora/answers", "w", encoding="ascii") as answers_left:
        answers_left.write(f"{PASSWORD}\n\n\n")
    os.chown("/home/nora/answers", *(pwd.getpwnam("nora")[2:4]))
    attempt = world.sudo("nora", "-A", variables={"SUDO_ASKPASS": "/tmp/askpass"})
    message = world.tenant.message("nora")
    world.tenant.answer(message, "approve")
    attempt.is_let_in("root")
    world.granted("nora", "sudo", "UP,OTP")
    asked = open("/home/nora/asked", encoding="utf-8").read()
    expect(f"Choose {message['number']} on your phone" in asked, f"the window showed {asked!r}")


@case()
def a_login_shell_by_sudo_is_asked_under_its_own_service(world):
    attempt = starts(world, "otto", "-i", second=OTTOS_CODE)
    attempt.is_let_in("root")
    world.granted("otto", "sudo-i", "UP,OATH")


@case()
def a_login_shell_by_sudo_is_refused_for_a_wrong_code(world):
    attempt = world.sudo("penny", "-i")
    answers(attempt, PASSWORD, WRONG_CODE, hidden=ASKS.format("penny"))
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("penny", "sudo-i", "answer_refused")


@case()
def a_wrong_password_with_the_right_code_makes_nobody_root(world):
    attempt = world.sudo("otto", "-S", lines=["not it", OTTOS_CODE] * 3)
    attempt.is_refused("sudo: 3 incorrect password attempts", status=1)
    for _ in range(3):
        world.denied("otto", "sudo", "answer_refused")
