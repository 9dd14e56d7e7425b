"""Keys in a FIDO authenticator: a factor, or enough where sshd demands that the authenticator has verified its user."""

from .. import host
from ..case import case
from .words import CODE

REFUSED = "Permission denied"
ENOUGH = '[service.sshd.login]\nsecurity_key = "enough"\n'
ASKED = {"Token": 1, "Challenge": 1, "StartOOB": 1, "Poll": "some"}


def with_key(world, person, key, to="verified"):
    """The visitor logs in with this key, and types a PIN where ssh asks for one."""
    options = [] if to == "verified" else [f"-oSecurityKeyProvider={host.SECURITY_KEY_PROVIDER}"]
    return world.ssh(person, f"-oIdentityFile=~/.ssh/{key}", *options, to=to)


@case(configuration="keys", also=ENOUGH)
def a_security_key_that_its_user_has_unlocked_is_enough(world):
    login = with_key(world, "penny", "unlocked")
    login.is_let_in("penny")
    login.never_shows(CODE)
    world.log.says("Partial publickey for penny", tag="sshd")
    detail = f"security key {host.FINGERPRINTS['unlocked']}"
    world.verdict("granted", "security_key", user="penny", service="sshd", mechanisms="", requests="0", detail=detail)
    world.tenant.saw()


@case(configuration="keys", also=ENOUGH)
def a_security_key_without_its_pin_gets_nowhere_where_sshd_demands_it(world):
    login = with_key(world, "penny", "touched")
    login.is_refused(REFUSED, status=255)
    world.log.says("Failed publickey for penny", tag="sshd")
    world.tenant.saw()


@case(configuration="keys", also=ENOUGH)
def another_key_is_asked_for_more_where_a_security_key_is_enough(world):
    login = with_key(world, "penny", "id_ed25519")
    login.asks_openly(CODE)
    login.types("")
    world.tenant.approve("penny")
    login.is_let_in("penny")
    world.granted("penny", "sshd", "OTP")
    world.tenant.saw(**ASKED)


@case(configuration="keys")
def a_security_key_is_a_key_like_others_as_long_as_no_setting_says_more(world):
    login = with_key(world, "penny", "touched", to="either")
    login.asks_openly(CODE)
    login.types("")
    world.tenant.deny("penny")
    login.is_refused(REFUSED, status=255)
    world.denied("penny", "sshd", "approval_refused")
    world.tenant.saw(**ASKED)
