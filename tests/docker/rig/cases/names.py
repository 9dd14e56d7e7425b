"""One account with several names, and names with several spellings: all of them are asked as the account is."""

import subprocess

from .. import host
from ..accounts import OTTOS_CODE, PASSWORD, ROOT_PASSWORD
from ..case import case
from ..terms import expect
from .words import HIDDEN, answers

# A second entry with otto's uid that is in no group of his, and spellings that the name service takes for his name.
NAMES = {"a_second_entry": "ottos", "a_name_in_capitals": "Otto", "a_name_with_a_domain": "otto@corp.example"}
ADMINS = """[[require]]
name = "admins"
groups = ["admins"]"""


def register(called, name):
    """What is true of otto by this name."""

    def asked(world):
        login = world.ssh("otto", "-l", name)
        answers(login, PASSWORD, OTTOS_CODE)
        login.is_let_in("otto")
        world.granted("otto", "sshd", "UP,OATH", typed=name)

    def required(world):
        asked(world)

    def not_exempt(world):
        asked(world)

    def explained(_world):
        command = ["countersign", "explain", name, "--rhost", "192.0.2.7"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        expect(f"sshd for {name}, the account otto, from 192.0.2.7: required" in said, said)
        expect('rule "admins"' in said and "otto (uid" in said and "as otto@example.com" in said, said)

    def exempt(world):
        login = world.ssh("otto", "-l", name)
        login.is_let_in("otto")
        world.verdict("exempt", "rule", "sshd", user="otto", typed=name, rule="otto")

    def kept(world):
        host.enroll_offline(name, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        listed = subprocess.run(["countersign", "totp", "list"], capture_output=True, text=True, check=True).stdout
        expect("otto" in listed and name not in listed.split(), listed)

    for function, words, settings in [
        (required, "is_required_by_a_group_of_the_account", {"also": ADMINS}),
        (explained, "is_explained_as_the_account", {"also": ADMINS}),
        (exempt, "is_exempt_as_the_account", {"also": '[[exempt]]\nname = "otto"\nusers = ["otto"]'}),
        (not_exempt, "is_not_exempt_by_itself", {"also": f'[[exempt]]\nusers = ["{name}"]'}),
        (kept, "has_the_record_of_the_account", {}),
    ]:
        function.__name__ = f"{called}_{words}"
        case(**settings)(function)


for each, other in NAMES.items():
    register(each, other)


@case(also=ADMINS)
def sudo_in_a_session_by_a_second_name_is_required_as_the_account_is(world):
    attempt = world.sudo("ottos")
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=r"\[sudo\] password for otto(s)?: |Password: ")
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")


@case(also='[service.su.login]\nperson = "user"\n[service.su.users.names]\nroot = "otto@example.com"\ntoor = "penny@example.com"')
def a_second_name_of_roots_is_asked_about_as_root(world):
    attempt = world.su("bob", "toor")
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=HIDDEN)
    attempt.is_let_in("root")
    world.granted("root", "su", "UP,OATH", typed="toor", tenant_user="otto@example.com")
    world.tenant.never_got(ROOT_PASSWORD)
