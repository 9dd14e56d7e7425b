"""CyberArk's own client, ark-sdk-python, logs in against the simulator, and fails where it should."""

import base64
import datetime
import hmac
import os
import struct
import sys
import threading
import time

# The SDK opens a browser for federated users; here a program that does nothing stands in for it.
os.environ["BROWSER"] = "true"
os.environ.pop("REQUESTS_CA_BUNDLE", None)
os.environ.pop("CURL_CA_BUNDLE", None)

import pexpect
import requests
from ark_sdk_python.auth.identity.ark_identity import ArkIdentity
from ark_sdk_python.auth.identity.ark_identity_service_user import ArkIdentityServiceUser
from ark_sdk_python.models import ArkAuthException, ArkException

from simulator import PATIENCE, Simulator, run

USER = "alice@example.com"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def scenario(challenges, alice="", tenant=""):
    return f"""
[tenant]
{tenant}
[[user]]
name = "{USER}"
password = "correct horse"
challenges = {challenges}
{alice}
"""


def log_in(simulator, mechanism, password="correct horse", user=USER, interactive=False):
    identity = ArkIdentity(
        username=user,
        password=password,
        identity_url=simulator.url,
        mfa_type=mechanism,
        cache_authentication=False,
        verify=simulator.ca,
    )
    identity.auth_identity(profile=None, interactive=interactive, force=True)
    return identity


def meanwhile(work):
    """Does the person's part while the SDK waits; what it raises is raised at the end."""
    problems = []

    def guarded():
        try:
            work()
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=guarded)
    thread.start()

    def join():
        thread.join()
        if problems:
            raise problems[0]

    return join


def approved(mechanism, act):
    """A login with two challenges, the second met away from the client."""
    with Simulator(scenario(f'[["UP"], ["OATH", "{mechanism.upper()}"]]')) as simulator:
        join = meanwhile(lambda: act(simulator, simulator.message(USER)))
        identity = log_in(simulator, mechanism)
        join()
        assert_logged_in(simulator, identity)
        assert simulator.actions()[:4] == ["StartAuthentication", "Answer", "StartOOB", "Poll"], simulator.actions()
        assert simulator.messages()[0]["state"] == "approved"


def assert_logged_in(simulator, identity):
    assert identity.session_token, "no token"
    details = identity.session_details
    assert details.summary == "LoginSuccess", details
    assert (details.display_name, details.customer_id) == ("alice", "ABC1234"), details
    assert identity.session.cookies.get(".ASPXAUTH"), "no session cookie"


def assert_refused(simulator, mechanism, last, **arguments):
    """The SDK raises, has no token, and got as far as `last`."""
    try:
        identity = log_in(simulator, mechanism, **arguments)
    except (ArkException, IndexError, ValueError) as problem:
        assert simulator.actions()[-1] == last, (problem, simulator.actions())
        return
    raise AssertionError(f"the SDK logged in: {identity.session_details}")


class Typed:
    """The SDK in a pseudo-terminal, as a person uses it: picks the mechanism, types the code."""

    def __init__(self, simulator, mechanism):
        arguments = [__file__, "--interactive", simulator.url, simulator.ca, mechanism]
        self.terminal = pexpect.spawn(sys.executable, arguments, encoding="utf-8", timeout=PATIENCE, dimensions=(40, 200))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.terminal.close(force=True)

    def choose(self):
        self.terminal.expect("pick one of the following MFA methods")
        self.terminal.send("\r")

    def type(self, prompt, text):
        self.terminal.expect_exact(prompt)
        self.terminal.send(text + "\r")

    def end(self):
        self.terminal.expect("VERDICT (.*)\r\n")
        return self.terminal.match.group(1)


def interactive(url, ca, mechanism):
    """The child's side of `Typed`."""
    identity = ArkIdentity(USER, "correct horse", url, mfa_type=mechanism, cache_authentication=False, verify=ca)
    try:
        identity.auth_identity(profile=None, interactive=True, force=True)
        print("VERDICT", "in" if identity.session_token else "no token", identity.session_details.display_name)
    except ArkException as problem:
        print("VERDICT", "refused", type(problem).__name__)


def typed(mechanism, prompt, code, extra="", expected="in alice"):
    with Simulator(scenario(f'[["UP"], ["OATH", "{mechanism.upper()}", "PF"]]', extra)) as simulator:
        with Typed(simulator, mechanism) as person:
            person.choose()
            person.type(prompt, code(simulator))
            verdict = person.end()
        assert verdict == expected, verdict
        assert "Poll" in simulator.actions() and simulator.actions()[-1] == "Answer", simulator.actions()


def totp(secret, now):
    """RFC 6238 with its defaults."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(now) // 30), "sha1")
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place:place + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


# What must work


def password_alone():
    """password alone"""
    with Simulator(scenario('[["UP"]]')) as simulator:
        assert_logged_in(simulator, log_in(simulator, "email"))
        assert simulator.actions() == ["StartAuthentication", "Answer"], simulator.actions()


def mail_link():
    """e-mail, link opened"""
    approved("email", lambda simulator, message: simulator.open_link(message))


def text_link():
    """SMS, link opened"""
    approved("sms", lambda simulator, message: simulator.open_link(message))


def push():
    """OTP, push approved"""
    approved("otp", lambda simulator, message: simulator.settle(message, "approve"))


def call():
    """phone call answered"""
    approved("pf", lambda simulator, message: simulator.settle(message, "approve"))


def mail_code():
    """e-mail, code typed while polling"""
    typed("email", "Email sent to xxxx@example.com", lambda simulator: simulator.message(USER)["code"])


def text_code():
    """SMS, code typed while polling"""
    typed("sms", "Text message sent to the mobile phone", lambda simulator: simulator.message(USER)["code"])


def push_code():
    """OTP, the app's code typed while polling"""
    typed("otp", "Approve the request in the mobile app", lambda simulator: simulator.message(USER)["code"])


def oath_code():
    """OATH, code typed"""
    secret = f'oath_secret = "{SECRET}"'
    typed("oath", "Enter the code of your OATH OTP client", lambda _: totp(SECRET, time.time()), secret)


def number_matching():
    """OTP with a number to match, which the SDK shows"""
    with Simulator(scenario('[["UP"], ["OTP"]]', "number_matching = true")) as simulator:
        with Typed(simulator, "otp") as person:
            person.choose()
            message = simulator.message(USER)
            assert len(message["number"]) == 2, message
            person.terminal.expect_exact(f"with a value of [{message['number']}]")
            simulator.settle(message, "approve")
            assert person.end() == "in alice"


def redirect():
    """redirected to another host by PodFqdn"""
    with Simulator(scenario('[["UP"], ["EMAIL"]]', tenant='redirect_to = "localhost:{port}"')) as simulator:
        join = meanwhile(lambda: simulator.open_link(simulator.message(USER)))
        identity = log_in(simulator, "email")
        join()
        assert_logged_in(simulator, identity)
        port = simulator.url.rsplit(":")[-1]
        assert identity.identity_url == f"https://localhost:{port}", identity.identity_url
        hosts = [one["host"] for one in simulator.call("GET", "/requests")]
        assert hosts[0] == f"127.0.0.1:{port}" and set(hosts[1:]) == {f"localhost:{port}"}, hosts


def prefix():
    """a tenant below a path, its slashes doubled"""
    with Simulator(scenario('[["UP"]]', tenant='prefix = "/identity"')) as simulator:
        simulator.url += "/Identity/"
        assert_logged_in(simulator, log_in(simulator, "email"))
        assert simulator.call("GET", "/requests")[0]["path"] == "/Identity//Security/StartAuthentication"


def new_package():
    """NewPackage after the password"""
    other = 'new_package_after_password = [["EMAIL"]]'
    with Simulator(scenario('[["UP"], ["SMS"]]', other)) as simulator:
        join = meanwhile(lambda: simulator.open_link(simulator.message(USER)))
        identity = log_in(simulator, "email")
        join()
        assert_logged_in(simulator, identity)
        assert [message["kind"] for message in simulator.messages()] == ["email"]


def federated():
    """federated user, approved at the provider"""
    with Simulator(scenario("[]", 'federated = "wait"')) as simulator:
        join = meanwhile(lambda: simulator.open_link(simulator.message(USER)))
        identity = log_in(simulator, None)
        join()
        assert identity.session_token and identity.session_details.user == USER
        assert set(simulator.actions()[1:]) == {"OobAuthStatus"}, simulator.actions()


def federated_pin():
    """federated user, PIN typed"""
    with Simulator(scenario("[]", 'federated = "pin"')) as simulator:
        with Typed(simulator, "email") as person:
            person.type("PIN code displayed", simulator.message(USER)["pin"])
            assert person.end() == "in alice"
        assert simulator.actions() == ["StartAuthentication", "Answer"], simulator.actions()


# What must fail


def wrong_password():
    """wrong password: refused at once"""
    with Simulator(scenario('[["UP"], ["SMS"]]', tenant="continue_failed_sessions = false")) as simulator:
        assert_refused(simulator, "sms", "Answer", password="wrong")
        assert simulator.actions() == ["StartAuthentication", "Answer"], simulator.actions()


def hidden_failure():
    """wrong password, hidden: nothing is sent, and it fails only at the end"""
    with Simulator(scenario('[["UP"], ["SMS"]]', tenant="session_lifetime = 60")) as simulator:

        def run_out():
            assert simulator.actions(count=5)[3:] == ["Poll", "Poll"], simulator.actions()
            assert simulator.messages() == []
            simulator.call("POST", "/clock", {"seconds": 61})

        join = meanwhile(run_out)
        assert_refused(simulator, "sms", "Poll", password="wrong")
        join()
        assert simulator.actions()[:5] == ["StartAuthentication", "Answer", "StartOOB", "Poll", "Poll"]


def hidden_but_sent():
    """wrong password, hidden but sent: approving fails too"""
    sent = "skip_mechs_in_false_advance = false"
    with Simulator(scenario('[["UP"], ["OTP"]]', tenant=sent)) as simulator:
        join = meanwhile(lambda: simulator.settle(simulator.message(USER), "approve"))
        assert_refused(simulator, "otp", "Poll", password="wrong")
        join()


def wrong_code():
    """wrong code typed"""
    typed("sms", "Text message sent", lambda _: "12345", expected="refused ArkException")


def wrong_oath_code():
    """wrong OATH code typed"""
    secret = f'oath_secret = "{SECRET}"'
    old = lambda _: totp(SECRET, time.time() - 300)
    typed("oath", "Enter the code of your OATH OTP client", old, secret, expected="refused ArkException")


def denied_push():
    """push denied"""
    with Simulator(scenario('[["UP"], ["OTP"]]')) as simulator:
        join = meanwhile(lambda: simulator.settle(simulator.message(USER), "deny"))
        assert_refused(simulator, "otp", "Poll")
        join()


def unknown_user():
    """unknown user: challenged, then refused"""
    with Simulator(scenario('[["UP"]]')) as simulator:
        assert_refused(simulator, "email", "Answer", user="nobody@example.com")


def locked_user():
    """locked user"""
    with Simulator(scenario('[["UP"]]', "locked = true")) as simulator:
        assert_refused(simulator, "email", "Answer")


def refused_at_provider():
    """federated user, refused at the provider"""
    with Simulator(scenario("[]", 'federated = "wait"')) as simulator:
        join = meanwhile(lambda: simulator.settle(simulator.message(USER), "deny"))
        assert_refused(simulator, None, "OobAuthStatus")
        join()


def untrusted_certificate():
    """certificate of an unknown CA"""
    with Simulator(scenario('[["UP"]]', tenant='certificate = "untrusted"')) as simulator:
        try:
            log_in(simulator, "email")
        except requests.exceptions.SSLError:
            assert simulator.actions() == []
            return
        raise AssertionError("the SDK believed it")


def service_user():
    """a service user: a token by its secret, then an identity token of the application"""
    with Simulator(CLIENT) as simulator:
        # The SDK asks for the token with the certificates of its environment alone.
        os.environ["REQUESTS_CA_BUNDLE"] = simulator.ca
        try:
            user = ArkIdentityServiceUser(
                "svc@example.com", "s3cret", "apps", identity_url=simulator.url, cache_authentication=False,
            )
            user.auth_identity(force=True)
            assert user.session_token.count(".") == 2, user.session_token
            assert user.session_exp > datetime.datetime.now(), "its claims can be read"
            wrong = ArkIdentityServiceUser(
                "svc@example.com", "wrong", "apps", identity_url=simulator.url, cache_authentication=False,
            )
            try:
                wrong.auth_identity(force=True)
            except ArkAuthException:
                return
            raise AssertionError("a wrong secret was taken")
        finally:
            del os.environ["REQUESTS_CA_BUNDLE"]


CLIENT = """
[[client]]
id = "svc@example.com"
secret = "s3cret"
app = "apps"
scopes = ["api"]
"""

CASES = [
    password_alone, mail_link, text_link, push, call, mail_code, text_code, push_code, oath_code, number_matching,
    redirect, prefix, new_package, federated, federated_pin, wrong_password, hidden_failure, hidden_but_sent,
    wrong_code, wrong_oath_code, denied_push, unknown_user, locked_user, refused_at_provider, untrusted_certificate,
]

if __name__ == "__main__":
    if sys.argv[1:2] == ["--interactive"]:
        interactive(*sys.argv[2:])
    else:
        # The service user's case changes the environment, so it runs alone.
        sys.exit(run([service_user]) or run(CASES, at_once=4))
