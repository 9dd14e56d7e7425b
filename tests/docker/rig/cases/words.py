"""The prompts and codes that the cases share."""

import re
import subprocess

from ..terms import expect

HIDDEN = r"Password: "
CODE = r"Verification code: "
ENTER = r"Press Enter[^\r\n]*: "
WRONG_CODE = "135791"


def answers(terminal, password, code, hidden=HIDDEN):
    """Types the password at a prompt that hides it, then this at the prompt for a code, which shows it."""
    terminal.asks_hidden(hidden)
    terminal.types(password)
    terminal.asks_openly(CODE)
    terminal.types(code)


def password_of(person):
    """The prompt for the password of a user other than the one that PAM has."""
    return rf"Password of {person}@example\.com: "


ASKS_OTTO = password_of("otto")


def number_prompt(message):
    """The prompt that names the number which the phone shows."""
    return rf"Choose {message['number']} on your phone[^\r\n]*\r?\n([^\r\n]*\r?\n)?(Verification code|Then press Enter): "


def times(terminal, words):
    """How often these words have been shown."""
    return len(re.findall(words, terminal.printed))


def oath_code(secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"):
    """What the authenticator with this key shows now; without one alice's."""
    command = ["oathtool", "--totp", "--base32", secret]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def choice(terminal, words):
    """The number that stands before these words in the menu."""
    found = re.search(rf"(\d)\. {words}", terminal.printed)
    expect(found, f"the menu has no {words!r}")
    return found[1]
