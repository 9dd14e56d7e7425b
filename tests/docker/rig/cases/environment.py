"""What a user can change about a setuid program that they start: nothing that matters."""

import contextlib
import os
import socket

from .. import host
from ..accounts import OTTOS_CODE, PASSWORD
from ..case import case
from ..tenant import Tenant
from ..terms import expect
from .words import ASKS_OTTO, answers

THEIR_PASSWORD = "chosen by the attacker"
THEIR_CODE = "666666"
UNKNOWN_AUTHORITY = "certificate refused: invalid peer certificate: UnknownIssuer"
CERTIFICATES = {name: "/run/evil/ca.pem" for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")}


@contextlib.contextmanager
def evil_tenant():
    """A tenant of the attacker's, at an address that the configuration was led to."""
    evil = Tenant(8543, f"{host.FILES}/evil.toml", "/run/evil")
    evil.start()
    host.install("ca.pem", "/etc/countersign/evil-ca.pem", source="/run/evil")
    try:
        yield evil
    finally:
        evil.stop()


@contextlib.contextmanager
def proxy():
    """A listener, and the variables that lead to it; in the end no connection must have come."""
    with socket.create_server(("127.0.0.1", 3128)) as listener:
        names = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        yield {name: "http://127.0.0.1:3128" for name in names}
        listener.setblocking(False)
        try:
            listener.accept()
        except BlockingIOError:
            return
        expect(False, "a connection came to the proxy")


@case(configuration="evil_trusted")
def a_tenant_whose_authority_root_named_is_believed(world):
    """The control of the two cases after it: the attacker's tenant does let in a user whose machine trusts it."""
    with evil_tenant():
        attempt = world.su("otto", "penny")
        answers(attempt, THEIR_PASSWORD, THEIR_CODE, hidden=ASKS_OTTO)
        attempt.is_let_in("penny")
        world.granted("penny", "su", "UP,OATH", tenant_user="otto@example.com")


@case(configuration="evil")
def an_authority_that_the_user_names_is_not_believed_by_su(world):
    with evil_tenant() as evil:
        attempt = world.su("otto", "penny", variables=CERTIFICATES)
        attempt.is_refused("su: Authentication service cannot retrieve authentication info", status=1)
        expect(not evil.requests_ever(), "the attacker's tenant got a request")
    world.verdict("error", "misbehaved", "su", user="penny", tenant_user="otto@example.com", detail=UNKNOWN_AUTHORITY)


@case(configuration="evil")
def an_authority_that_the_user_names_is_not_believed_by_sudo(world):
    with evil_tenant() as evil:
        attempt = world.sudo("penny", variables=CERTIFICATES)
        attempt.asks_hidden(r"\[sudo\] password for penny: ")
        attempt.types(THEIR_PASSWORD)
        attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
        expect(not evil.requests_ever(), "the attacker's tenant got a request")
    world.verdict("error", "misbehaved", "sudo", user="penny", detail=UNKNOWN_AUTHORITY)


@case()
def a_proxy_that_the_user_names_is_not_used_by_su(world):
    with proxy() as variables:
        attempt = world.su("otto", "penny", variables=variables)
        answers(attempt, PASSWORD, OTTOS_CODE, hidden=ASKS_OTTO)
        attempt.is_let_in("penny")
    world.granted("penny", "su", "UP,OATH", tenant_user="otto@example.com")


@case()
def a_proxy_that_the_user_names_is_not_used_by_sudo(world):
    with proxy() as variables:
        attempt = world.sudo("otto", variables=variables)
        answers(attempt, PASSWORD, OTTOS_CODE, hidden=r"\[sudo\] password for otto: ")
        attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")


@case()
def a_key_log_that_the_user_names_is_not_written(world):
    attempt = world.su("otto", "penny", variables={"SSLKEYLOGFILE": "/tmp/keys"})
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=ASKS_OTTO)
    attempt.is_let_in("penny")
    expect(not os.path.exists("/tmp/keys"), "the keys of the connection were written")
    world.granted("penny", "su", "UP,OATH", tenant_user="otto@example.com")
