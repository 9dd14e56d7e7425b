"""Britive's own client registers, looks, removes and steps up against the simulator, and fails where it should."""

import base64
import hashlib
import hmac
import os
import re
import struct
import sys
import time

os.environ.pop("REQUESTS_CA_BUNDLE", None)
os.environ.pop("CURL_CA_BUNDLE", None)
# This file has the SDK's name, and its folder comes first.
sys.path.append(sys.path.pop(0))

import britive.britive
import requests
from britive.exceptions import Conflict
from britive.exceptions.generic import DoesNotExistError, EvaluationError
from britive.exceptions.unauthorized import (
    InvalidApiTokenError, InvalidOAuthTokenError, OtpValidationError, UserMfaEnrollmentError,
)

from simulator import Simulator, run

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ALICE, BOB = "alice012345678901234", "bob01234567890123456"
TOKENS = {
    "TOKEN": "t" * 40,
    "Bearer": "eyJhbGciOiJSUzI1NiJ9." + "b" * 60,
    "WorkloadToken": "OIDC::" + "w" * 60,
}
SCENARIO = f"""
[britive]
%s
[[britive.user]]
id = "{ALICE}"
name = "alice"
[britive.user.tokens]
{"".join(f'{scheme} = "{token}"' + chr(10) for scheme, token in TOKENS.items())}
[[britive.user]]
id = "{BOB}"
name = "bob"
tokens = {{ TOKEN = "bobs-token" }}
admin = true
secret = "{SECRET}"
"""


def client(simulator, token):
    os.environ["PYBRITIVE_CA_BUNDLE"] = simulator.ca
    host = simulator.url.removeprefix("https://")

    def parse_tenant(tenant):
        """What the SDK's own does, but for the domain that it insists on."""
        requests.head(f"https://{host}/api/health", timeout=3, verify=simulator.ca).raise_for_status()
        return host

    britive.britive.parse_tenant = parse_tenant
    return britive.britive.Britive(tenant="example", token=token)


def code(secret, algorithm="SHA1", digits=6, period=30):
    message = struct.pack(">Q", int(time.time()) // period)
    digest = hmac.digest(base64.b32decode(secret), message, getattr(hashlib, algorithm.lower()))
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset:offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}}"


def wrong(right):
    return "".join("1" if figure == "0" else "0" for figure in right)


def refused(error, work, *says):
    try:
        result = work()
    except error as problem:
        assert type(problem) is error, repr(problem)
        assert all(part in str(problem) for part in says), problem
        return
    raise AssertionError(f"no {error.__name__}: {result}")


def whole_life(scheme):
    with Simulator(SCENARIO % "") as simulator:
        api = client(simulator, TOKENS[scheme])
        assert api.feature_flags == {"stepup-auth": True}
        own = f"{api.base_url}/mfa/register/TOTP"
        refused(DoesNotExistError, lambda: api.get(own), "E1004")
        refused(UserMfaEnrollmentError, lambda: api.security.step_up_auth.authenticate(otp="000000"), "AU-0010")
        begun = api.identity_management.users.enable_mfa.enable()
        assert (begun["status"], begun["factor"]) == ("CHALLENGE", "TOTP"), begun
        key = begun["additionalDetails"]["key"]
        assert f"secret={key}&issuer=Britive&algorithm=SHA1" in begun["additionalDetails"]["uri"], begun
        right = code(key)
        verify = {"action": "VERIFY_OTP", "otp": wrong(right)}
        assert api.post(own, json=verify) == {"status": "CHALLENGE_FAILED", "factor": "TOTP"}
        assert api.get(own) == {"status": "CHALLENGE", "factor": "TOTP"}
        assert api.post(own, json=verify | {"otp": right}) == {"status": "REGISTERED", "factor": "TOTP"}
        assert api.get(own) == {"status": "REGISTERED", "factor": "TOTP"}
        refused(Conflict, api.identity_management.users.enable_mfa.enable, "MFA-0001")
        assert api.security.step_up_auth.authenticate(otp=right) == {"result": "SUCCEEDED"}
        refused(OtpValidationError, lambda: api.security.step_up_auth.authenticate(otp=wrong(right)), "AU-0009")
        refused(OtpValidationError, lambda: api.delete(f"{own}/{wrong(right)}"), "403", "AU-0009")
        assert api.delete(f"{own}/{right}") is None
        refused(DoesNotExistError, lambda: api.get(own), "E1004")
        log = simulator.call("GET", "/requests")
        said = {one["headers"].get("authorization") for one in log if not one["path"].endswith("/health")}
        assert said == {f"{scheme} {TOKENS[scheme]}"}, said
        assert log[0]["method"] == "HEAD" and log[0]["path"] == "/api/health", log[0]


def api_token():
    """a registration from its secret to its removal, and step-ups, with an API token"""
    whole_life("TOKEN")


def bearer():
    """the same with the bearer token of an interactive login"""
    whole_life("Bearer")


def workload():
    """the same with a workload's token"""
    whole_life("WorkloadToken")


def tenant_settings():
    """codes of 8 digits by SHA-512 for 60 seconds, as the tenant says"""
    with Simulator(SCENARIO % "algorithm = 'SHA512'\ndigits = 8\nperiod = 60") as simulator:
        api = client(simulator, TOKENS["TOKEN"])
        details = api.identity_management.users.enable_mfa.enable()["additionalDetails"]
        assert re.search("&algorithm=SHA512&digits=8&period=60$", details["uri"]), details
        verify = {"action": "VERIFY_OTP", "otp": code(details["key"], "SHA512", 8, 60)}
        assert api.post(f"{api.base_url}/mfa/register/TOTP", json=verify)["status"] == "REGISTERED"


def says_failed():
    """a wrong code of a step-up as a result instead of a status"""
    with Simulator(SCENARIO % "step_up_says_failed = true") as simulator:
        api = client(simulator, "bobs-token")
        right = code(SECRET)
        assert api.security.step_up_auth.authenticate(otp=wrong(right)) == {"result": "FAILED"}
        assert api.security.step_up_auth.authenticate(otp=right) == {"result": "SUCCEEDED"}


def administrator():
    """another user's registration: seen and removed by an administrator, and by no other user"""
    with Simulator(SCENARIO % "") as simulator:
        alice, bob = client(simulator, TOKENS["TOKEN"]), client(simulator, "bobs-token")
        path = f"{bob.base_url}/mfa/admin/registrations/TOTP/users/"
        refused(EvaluationError, lambda: alice.get(path + BOB), "403", "PE-0002")
        refused(EvaluationError, lambda: alice.delete(path + BOB), "403", "PE-0002")
        refused(DoesNotExistError, lambda: bob.get(path + ALICE), "E1004")
        alice.identity_management.users.enable_mfa.enable()
        assert bob.get(path + ALICE) == {"status": "CHALLENGE", "factor": "TOTP"}
        assert bob.get(path + BOB) == {"status": "REGISTERED", "factor": "TOTP"}
        assert bob.delete(path + ALICE) is None
        refused(DoesNotExistError, lambda: bob.delete(path + ALICE), "E1004")
        alice.identity_management.users.enable_mfa.enable()
        assert bob.identity_management.users.reset_mfa(ALICE) is None
        refused(DoesNotExistError, lambda: bob.get(path + ALICE), "E1004")


def wrong_tokens():
    """tokens that no user has"""
    with Simulator(SCENARIO % "") as simulator:
        refused(InvalidApiTokenError, lambda: client(simulator, "nobodys"), "AU-0018")
        refused(InvalidOAuthTokenError, lambda: client(simulator, "b" * 60), "AU-0007")
        refused(InvalidApiTokenError, lambda: client(simulator, "OIDC::" + "x" * 60), "AU-0018")


CASES = [api_token, bearer, workload, tenant_settings, says_failed, administrator, wrong_tokens]

if __name__ == "__main__":
    sys.exit(run(CASES))
