"""Who has an account on the container. Each is a shape of a person at the tenant; see etc/scenario.toml."""

import base64
import pwd
import subprocess

# The same at the tenant and on this system, so that stacks in which pam_unix comes first work too.
PASSWORD = "correct horse 7"
# Of people that the policy exempts: known to this system only.
UNIX_PASSWORD = "only here 9"
# Root's, known to this system only.
ROOT_PASSWORD = "only for root 3"
# What otto's authenticator always shows.
OTTOS_CODE = "246810"
# With which this machine itself logs in, to ask for challenges; and that, as it is on the wire.
CLIENT, CLIENT_SECRET = "countersign@example.com", "of this machine 5"
CLIENT_HEADER = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()

PEOPLE = {
    "alice": PASSWORD,  # push, OATH, text message, mail: a menu
    "penny": PASSWORD,  # push alone
    "bob": PASSWORD,    # push alone
    "nora": PASSWORD,   # push with number matching
    "otto": PASSWORD,   # OATH alone
    "sam": PASSWORD,    # text message alone
    "lost": PASSWORD,   # unknown to the tenant
    "robo": UNIX_PASSWORD,  # exempt by a rule
    "visitor": UNIX_PASSWORD,  # the user in front of the ssh client, and the attacker
}

# More names of an account: entries of their own with the uid of another, and with a password of their own.
SECOND_NAMES = {"ottos": ("otto", PASSWORD), "toor": ("root", ROOT_PASSWORD)}


def create():
    """Makes the accounts, and a group of administrators."""
    for name in PEOPLE:
        subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", name], check=True)
    for name, (first, _) in SECOND_NAMES.items():
        command = ["useradd", "--non-unique", "--uid", str(pwd.getpwnam(first).pw_uid), "--home-dir", pwd.getpwnam(first).pw_dir]
        subprocess.run([*command, "--no-create-home", "--shell", "/bin/sh", name], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["groupadd", "admins"], check=True)
    subprocess.run(["gpasswd", "--add", "otto", "admins"], check=True, stdout=subprocess.DEVNULL)
    more = {name: password for name, (_, password) in SECOND_NAMES.items()}
    passwords = "".join(f"{name}:{password}\n" for name, password in (PEOPLE | {"root": ROOT_PASSWORD} | more).items())
    subprocess.run(["chpasswd", "--crypt-method", "SHA512", "--sha-rounds", "1000"], input=passwords, text=True, check=True)
