"""Britive's own command, pybritive, shows a secret that wants a step-up against the simulator, and fails where it should."""

import base64
import hmac
import os
import struct
import sys
import tempfile
import time

os.environ.pop("REQUESTS_CA_BUNDLE", None)
os.environ.pop("CURL_CA_BUNDLE", None)
HOME = tempfile.TemporaryDirectory(prefix="pybritive-")
os.environ["PYBRITIVE_HOME_DIR"] = os.environ["HOME"] = HOME.name
# A file of this folder has the SDK's name, and the folder comes first.
sys.path.append(sys.path.pop(0))

import britive.britive
import requests
from click.testing import CliRunner
from pybritive.cli_interface import cli

from simulator import Simulator, run

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TOKEN = "t" * 40
SCENARIO = f"""
[britive]
banner = "Maintenance on Sunday"
secrets = {{ "/note" = "blue" }}
[[britive.user]]
id = "alice012345678901234"
name = "alice"
tokens = {{ TOKEN = "{TOKEN}" }}
secret = "{SECRET}"
"""


def pybritive(simulator, *words):
    """The command as it is; only the domain that its SDK insists on is another."""
    os.environ["PYBRITIVE_CA_BUNDLE"] = simulator.ca
    host = simulator.url.removeprefix("https://")
    britive.britive.parse_tenant = lambda tenant: host
    return CliRunner().invoke(cli, words)


def view(simulator, *more):
    return pybritive(simulator, "secret", "view", "/note", "--tenant", "example", "--token", TOKEN, *more)


def code():
    message = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.digest(base64.b32decode(SECRET), message, "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset:offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**6:06}"


def guarded():
    """a secret that wants a step-up: without a code, with a wrong one, with the right one, and again within its time"""
    with Simulator(SCENARIO) as simulator:
        outcome = view(simulator)
        assert outcome.exit_code != 0 and "Step Up Authentication required" in outcome.output, outcome
        outcome = view(simulator, "--otp", "000000" if code() != "000000" else "111111")
        assert outcome.exit_code != 0 and "blue" not in outcome.output, outcome
        outcome = view(simulator, "--otp", code())
        assert outcome.exit_code == 0 and outcome.output.rstrip().endswith("blue"), (outcome.output, outcome.exception)
        outcome = view(simulator)
        assert outcome.exit_code == 0, outcome.output
        simulator.call("POST", "/clock", {"seconds": 31 * 60})
        assert view(simulator).exit_code != 0, "the step-up counts for half an hour"


def number():
    """a code that comes as a number, without its leading zeros"""
    with Simulator(SCENARIO) as simulator:
        headers = {"Authorization": f"TOKEN {TOKEN}"}
        url = f"{simulator.url}/api/step-up/authenticate/TOTP"
        reply = requests.post(url, json={"otp": int(code())}, headers=headers, verify=simulator.ca)
        assert reply.json() == {"result": "SUCCEEDED"}, reply.text


def wrong_token():
    """a token that the tenant does not know"""
    with Simulator(SCENARIO) as simulator:
        outcome = pybritive(simulator, "secret", "view", "/note", "--tenant", "example", "--token", "x" * 40)
        assert outcome.exit_code != 0 and "blue" not in outcome.output, outcome


CASES = [guarded, number, wrong_token]

if __name__ == "__main__":
    sys.exit(run(CASES))
