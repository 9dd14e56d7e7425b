"""`countersign support-bundle` on a system with a real sshd, real stacks and a module in its place."""

import os
import subprocess

from ..accounts import CLIENT_SECRET
from ..case import case
from ..terms import expect

COMMAND = "/usr/local/sbin/countersign"


@case(stack="unix_first")
def a_bundle_tells_what_runs_here_and_no_secret(world):
    subprocess.run(["ssh-keygen", "-A"], check=True, capture_output=True)
    path = f"{world.mark()}.txt"
    attempt = world.attempt("root", [COMMAND, "support-bundle", "--output", path])
    expect(attempt.ends() == 0, "it failed")
    attempt.shows("It holds no secret that we know of")
    expect(os.stat(path).st_mode & 0o777 == 0o600, "others can read it")
    text = open(path, encoding="utf-8").read()
    for part in ["module: 0.", "package: openssh-server", "Sudo version", "usepam yes", "kbdinteractiveauthentication ", "/etc/pam.d/sshd:",
                 "auth required pam_unix.so nodelay", "auth required pam_countersign.so config=/etc/countersign/countersign.toml",
                 "/etc/countersign/countersign.toml: file, mode 0644, owner 0:0"]:
        expect(part in text, f"{part!r} is not in:\n{text}")
    for secret in CLIENT_SECRET, "tenant.test", "alice@example.com":
        expect(secret not in text, f"{secret!r} is in:\n{text}")
    world.tenant.saw_nothing()
