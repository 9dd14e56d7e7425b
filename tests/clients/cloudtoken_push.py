"""Atlassian's cloudtoken logs in against the simulator: a password, then a RADIUS push or call that the tenant holds."""

import getpass
import os
import socket
import sys
import tempfile
import threading
import urllib.parse

HOME = tempfile.TemporaryDirectory(prefix="cloudtoken-")
os.environ["XDG_CONFIG_HOME"] = os.environ["HOME"] = HOME.name
os.makedirs(f"{HOME.name}/cloudtoken")

from cloudtoken.core.exceptions import AuthenticationError
from cloudtoken.plugins.idaptive.plugin import Plugin

from simulator import PATIENCE, Simulator, run

USER = "alice@example.com"
SCENARIO = f"""
[tenant]
names = ["abc1234.idaptive.test"]
native_header = true
[[user]]
name = "{USER}"
password = "correct horse"
challenges = [["UP"], ["RADIUS"]]
radius_code = "radius-77"
radius_holds = true
"""

resolve = socket.getaddrinfo


def here(host, *more, **named):
    """The names of the tenant are those of this machine."""
    return resolve("127.0.0.1" if str(host).endswith(".idaptive.test") else host, *more, **named)


socket.getaddrinfo = here


def plugin(simulator, method, passcode=None):
    os.environ["REQUESTS_CA_BUNDLE"] = simulator.ca
    port = urllib.parse.urlsplit(simulator.url).port
    own = {
        "tenant_id": "ABC1234", "vanity_id": "abc1234", "appkey": "app", "domain_name": f"idaptive.test:{port}",
        "auth_preferences": ["Password", "RADIUS"], "mfa_method": method, "mfa_passcode": passcode,
    }
    defaults = {"username": USER, "password": "correct horse", "system_username": getpass.getuser(), "idaptive": own}
    return Plugin({"defaults": defaults, "plugins": {}})


def decided(method, act):
    """A login while the person decides; whether it succeeded."""
    with Simulator(SCENARIO) as simulator:
        person = threading.Thread(target=lambda: simulator.settle(simulator.message(USER), act))
        person.start()
        client = plugin(simulator, method)
        try:
            client._authenticate()
        except AuthenticationError:
            return False
        finally:
            person.join(PATIENCE)
        assert simulator.actions() == ["StartAuthentication", "Answer", "Answer"], simulator.actions()
        return ".ASPXAUTH" in client._session.cookies


def push():
    """a push that is approved while its Answer waits"""
    assert decided("push", "approve")


def phone():
    """a call that is taken while its Answer waits"""
    assert decided("phone", "approve")


def denied():
    """a push that is denied"""
    assert not decided("push", "deny")


def passcode():
    """a code, right and wrong"""
    with Simulator(SCENARIO) as simulator:
        client = plugin(simulator, "passcode", "radius-77")
        client._authenticate()
        assert ".ASPXAUTH" in client._session.cookies
        try:
            plugin(simulator, "passcode", "000000")._authenticate()
        except AuthenticationError:
            return
        raise AssertionError("a wrong code was taken")


CASES = [push, phone, denied, passcode]

if __name__ == "__main__":
    sys.exit(run(CASES))
