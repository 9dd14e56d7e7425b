"""Programs that log in for a user who is not there: whatever they try, and how often, no phone rings."""

from .. import host
from ..accounts import PASSWORD
from ..case import case
from ..terms import expect

MANY = 20


def nothing_was_sent(world):
    """Neither a message nor a start of one, and none is counted."""
    for person in "penny", "alice", "sam":
        world.tenant.sent_nothing_to(person)
        expect(host.pushes_spent(f"{person}@example.com") == 0, f"a push of {person}'s is counted")
    expect(not world.tenant.operations()["StartOOB"], "a message was asked for")


@case(configuration="step_up")
def a_conversation_that_answers_nothing_makes_no_phone_ring_however_often(world):
    for _ in range(MANY):
        attempt = world.pamtester("penny", lines=[])
        expect(attempt.ends() == 1, "pamtester ended otherwise than by a failure")
        attempt.shows("pamtester: Conversation error")
        world.denied("penny", "rig", "conversation")
    world.tenant.saw(Token=1, Challenge=MANY)
    nothing_was_sent(world)


@case()
def a_sudo_that_is_given_the_password_alone_makes_no_phone_ring_however_often(world):
    for _ in range(MANY):
        attempt = world.sudo("penny", "-S", lines=[PASSWORD])
        attempt.is_refused("sudo: no password was provided", status=1)
        world.denied("penny", "sudo", "conversation")
    world.tenant.saw(Start=MANY)
    nothing_was_sent(world)


@case(stack="unix_first", configuration="step_up")
def a_sudo_that_may_not_ask_reaches_nobody_however_often(world):
    for _ in range(MANY):
        attempt = world.sudo("penny", "-n")
        attempt.is_refused("sudo: a password is required", status=1)
    world.tenant.saw_nothing()


@case(configuration="step_up")
def the_password_method_makes_no_phone_ring_in_a_step_up(world):
    login = world.ssh("penny", "-oNumberOfPasswordPrompts=3", to="blind")
    for _ in range(3):
        login.asks_hidden("password: ")
        login.types(PASSWORD)
        world.denied("penny", "sshd", "conversation")
    login.is_refused("Permission denied", status=255)
    world.tenant.saw(Token=1, Challenge=3)
    nothing_was_sent(world)


@case(configuration="step_up", also="[service.sshd.login]\necho_codes = false")
def the_password_method_makes_no_phone_ring_where_codes_are_hidden_either(world):
    """There, sshd answers the question for the code with the password."""
    login = world.ssh("penny", to="blind")
    login.asks_hidden("password: ")
    login.types(PASSWORD)
    login.is_refused("Permission denied", status=255)
    world.denied("penny", "sshd", "tries")
    nothing_was_sent(world)
    world.tenant.never_got(PASSWORD)


@case(configuration="keys")
def a_client_in_batch_mode_reaches_nobody(world):
    for server in "interactive", "either", "blind":
        login = world.ssh("penny", "-oBatchMode=yes", "-oPubkeyAuthentication=no", to=server)
        login.is_refused("Permission denied", status=255)
    world.tenant.saw_nothing()


@case(configuration="keys")
def a_client_in_batch_mode_reaches_nobody_with_its_key_either(world):
    login = world.ssh("penny", "-oBatchMode=yes", to="either")
    login.is_refused("Permission denied", status=255)
    world.log.says("Partial publickey for penny", tag="sshd")
    world.tenant.saw_nothing()
