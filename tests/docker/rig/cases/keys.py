"""A server that takes a key and one more factor, or the whole login: one line of PAM for both."""

from ..accounts import PASSWORD
from ..case import case
from .words import CODE, HIDDEN, WRONG_CODE, answers

REFUSED = "Permission denied"
OWNERS = '[users.keys]\n"{fingerprints[alices]}" = "alice@example.com"\n"{fingerprints[bobs]}" = "bob@example.com"'
WITH_KEY = {"Token": 1, "Challenge": 1, "StartOOB": 1, "Poll": "some"}


def root_with(world, key):
    """The visitor logs in to root's account with this key."""
    return world.ssh("root", f"-oIdentityFile=~/.ssh/{key}", to="either")


@case(configuration="keys")
def after_a_key_only_the_other_factor_is_asked_for(world):
    login = world.ssh("penny", to="either")
    login.asks_openly(CODE)
    login.types("")
    world.tenant.approve("penny")
    login.is_let_in("penny")
    login.never_shows(HIDDEN)
    world.log.says("Partial publickey for penny", tag="sshd")
    world.granted("penny", "sshd", "OTP")
    world.tenant.saw(**WITH_KEY)


@case(configuration="keys")
def a_key_without_the_approval_opens_nothing(world):
    login = world.ssh("penny", to="either")
    login.asks_openly(CODE)
    login.types("")
    world.tenant.deny("penny")
    login.is_refused(REFUSED, status=255)
    world.denied("penny", "sshd", "approval_refused")
    world.tenant.saw(**WITH_KEY)


@case(configuration="keys")
def without_a_key_the_whole_login_is_asked_for(world):
    login = world.ssh("penny", "-oPubkeyAuthentication=no", to="either")
    answers(login, PASSWORD, "")
    world.tenant.approve("penny")
    login.is_let_in("penny")
    world.granted("penny", "sshd", "UP,OTP")
    world.tenant.saw(Start=1, Answer=1, StartOOB=1, Poll="some")


@case(configuration="keys")
def without_a_key_and_with_a_wrong_code_nobody_gets_in(world):
    login = world.ssh("otto", "-oPubkeyAuthentication=no", to="either")
    answers(login, PASSWORD, WRONG_CODE)
    login.is_refused(REFUSED, status=255)
    world.denied("otto", "sshd", "answer_refused", mechanisms="UP,OATH")


@case(configuration="keys")
def a_key_that_the_account_does_not_take_asks_for_the_whole_login(world):
    login = world.ssh("penny", "-oIdentityFile=~/.ssh/strangers", to="without_its_key")
    answers(login, PASSWORD, "")
    world.tenant.deny("penny")
    login.is_refused(REFUSED, status=255)
    world.log.says("Failed publickey for penny", tag="sshd")
    world.denied("penny", "sshd", "approval_refused", mechanisms="UP,OTP")


@case(configuration="keys", also=OWNERS)
def root_is_whoever_owns_the_key(world):
    login = root_with(world, "alices")
    login.asks_openly(CODE)
    login.types("")
    world.tenant.approve("alice")
    login.is_let_in("root")
    world.granted("root", "sshd", "OTP", tenant_user="alice@example.com")
    login = root_with(world, "bobs")
    login.asks_openly(CODE)
    login.types("")
    world.tenant.approve("bob")
    login.is_let_in("root")
    world.granted("root", "sshd", "OTP", tenant_user="bob@example.com")
    world.tenant.sent_nothing_to("alice")


@case(configuration="keys", also=OWNERS)
def a_key_of_roots_without_its_owners_approval_opens_nothing(world):
    login = root_with(world, "bobs")
    login.asks_openly(CODE)
    login.types("")
    world.tenant.deny("bob")
    login.is_refused(REFUSED, status=255)
    world.denied("root", "sshd", "approval_refused", tenant_user="bob@example.com")


@case(configuration="keys", also=OWNERS)
def a_key_of_roots_that_nobody_owns_opens_nothing_and_nobody_is_asked(world):
    login = root_with(world, "strangers")
    login.is_refused(REFUSED, status=255)
    world.log.says("Partial publickey for root", tag="sshd")
    world.denied("root", "sshd", "root_not_mapped", detail=r'\"root\" has uid 0 and no entry in users.names or users.keys')
    world.tenant.saw_nothing()


@case(configuration="keys", also=OWNERS)
def without_a_key_root_is_nobody(world):
    login = world.ssh("root", "-oPubkeyAuthentication=no", to="either")
    login.asks_hidden(HIDDEN)
    login.types(PASSWORD)
    login.is_refused(REFUSED, status=255)
    world.denied("root", "sshd", "root_not_mapped")
    world.tenant.saw_nothing()


@case(configuration="keys", also='[users.names]\nroot = "rosa@example.com"\n' + OWNERS)
def a_name_counts_more_than_a_key(world):
    login = root_with(world, "bobs")
    login.asks_openly(CODE)
    login.types("")
    world.tenant.deny("rosa")
    login.is_refused(REFUSED, status=255)
    world.denied("root", "sshd", "approval_refused", tenant_user="rosa@example.com")
    world.tenant.sent_nothing_to("bob")
