"""`countersign setup` on a system as its distribution ships it, `confirm` from a new login, and the way back."""

import contextlib
import os
import shutil
import subprocess
import time

from .. import host
from ..accounts import OTTOS_CODE, PASSWORD
from ..case import case
from ..terms import DEADLINE, expect
from .words import ASKS_OTTO, HIDDEN, answers

TENANT = ["--tenant", "https://tenant.test:8443", "--template", "{user}@example.com", "--ca-file", "/etc/countersign/tenant-ca.pem"]
SERVICES = ["--service", "sshd,sudo", "--test-user", "otto"]
# The distribution's own sshd, whose key the visitor has never seen.
OWN_SSHD = ["-p", "22", "-oPreferredAuthentications=keyboard-interactive", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null"]
BY_PASSWORD = ["-oPreferredAuthentications=password"]
SUDO = r"\[sudo\] password for otto: "
COMMON = "/etc/pam.d/common-auth"
DROP_IN = "/etc/ssh/sshd_config.d/10-countersign.conf"


@contextlib.contextmanager
def fresh_system():
    """A system as its distribution ships it, with its own sshd; what was set up on it is gone afterwards."""
    host.use_system_stacks()
    os.remove(host.CONFIGURATION)
    host.start_system_sshd()
    before = files()
    try:
        yield before
    except BaseException:
        subprocess.run(["countersign", "unsetup"], check=False, capture_output=True)
        raise
    expect(files() == before, f"left behind: {difference(before, files())}")


def files():
    """Everything that a setup may write."""
    folders = ["/etc/pam.d", "/etc/ssh", "/etc/countersign", "/usr/share/pam-configs"]
    paths = [f"{root}/{name}" for folder in folders for root, _, names in os.walk(folder) for name in names]
    found = {}
    for path in paths:
        # Another process may be writing at this moment.
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            found[path] = file.read(), os.stat(path).st_mode
    return found


def difference(before, after):
    """The names of the files that differ."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def awaits(condition, complaint):
    """Looks again and again until it is so."""
    end = time.monotonic() + DEADLINE
    while not condition():
        expect(time.monotonic() < end, complaint)
        time.sleep(0.05)


def sets_up_su(world, *options):
    """By both of its names, and su-l has no place of its own."""
    before = files()
    setup = world.attempt("root", ["countersign", "setup", *TENANT, "--service", "su", "--test-user", "otto", "--yes", *options])
    expect(setup.ends() == 0, "setup failed")
    expect("/etc/pam.d/su-l" not in difference(before, files()), "su-l has a place of its own")


def sets_up(world, *options, typed_by=None):
    """Root types it, or a user by sudo; what it needs to know is on the command line."""
    keys = [] if "--keys" in options else ["--keys", "alone"]
    sudo = ["env", f"SUDO_USER={typed_by}"] if typed_by else []
    return world.attempt("root", [*sudo, "countersign", "setup", *TENANT, *SERVICES, *keys, *options])


def sshd_has_reloaded(world):
    """It has begun again as often as it was told to, at least once, and waits for a user."""
    def has():
        said = [str(entry) for entry in world.log.since()]
        begun, told = (sum(words in line for line in said) for words in ("Server listening on :: port 22", "Received SIGHUP"))
        return begun == told + 1 > 1 and sshd_waits()
    awaits(has, "sshd did not begin again")


def sshd_waits():
    """It sleeps, and no signal is on its way to it."""
    # The file is gone while it begins again.
    with contextlib.suppress(FileNotFoundError):
        with open("/run/sshd.pid", encoding="ascii") as file:
            pid = file.read().strip()
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.split(":\t", 1) for line in file)
        return status["State"].startswith("S") and int(status["ShdPnd"], 16) == 0
    return False


def gets_in(world):
    """otto, by ssh and by sudo, and is asked once."""
    sshd_has_reloaded(world)
    login = world.ssh("otto", *OWN_SSHD, to="127.0.0.1")
    answers(login, PASSWORD, OTTOS_CODE)
    login.is_let_in("otto")
    world.granted("otto", "sshd", "UP,OATH")
    attempt = world.sudo("otto")
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=SUDO)
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")


def takes_back(world):
    """Root takes everything back."""
    attempt = world.attempt("root", ["countersign", "unsetup"])
    expect(attempt.ends() == 0, "unsetup failed")


@case()
def a_machine_is_set_up_and_stays_so_once_a_new_login_confirms_it(world):
    with fresh_system() as before:
        attempt = sets_up(world, "--confirm-within", "5m")
        attempt.sees(r"The tenant would ask otto@example\.com for UP, then OATH\.")
        attempt.sees(r"\+auth\s+\[success=2 ignore=ignore default=die\]\s+pam_countersign\.so")
        attempt.sees(r"Write this\? \[y/N\] ")
        expect(files() == before, "something was written before it was agreed to")
        world.tenant.sent_nothing_to("otto")
        meanwhile = world.ssh_shell("otto", *BY_PASSWORD, *OWN_SSHD, to="127.0.0.1")
        meanwhile.asks_hidden(r"otto@127\.0\.0\.1's password: ")
        meanwhile.types(PASSWORD)
        meanwhile.begins()
        attempt.types("y")
        expect(attempt.ends() == 0, "setup failed")
        attempt.shows("Within 5 min, log in anew by ssh and type there: sudo countersign confirm")
        expect(difference(before, files()) == [host.CONFIGURATION, COMMON, DROP_IN, "/usr/share/pam-configs/countersign"],
               f"it wrote {difference(before, files())}")
        early = world.attempt("root", ["countersign", "confirm"])
        expect(early.ends() == 1, "a shell that was there before could confirm")
        early.shows("hint: log in anew by ssh, and type it there")
        old_shell = world.shell("otto").begins()
        step_up = old_shell.types_command("sudo countersign confirm")
        answers(step_up, PASSWORD, OTTOS_CODE, hidden=SUDO)
        expect(step_up.ends() == 1, "a step-up in an old shell could confirm")
        world.granted("otto", "sudo", "UP,OATH")
        from_before = meanwhile.types_command("sudo countersign confirm")
        answers(from_before, PASSWORD, OTTOS_CODE, hidden=SUDO)
        expect(from_before.ends() == 1, "a login from before anything was written could confirm")
        from_before.shows("countersign: this shell comes from no new login by ssh")
        world.granted("otto", "sudo", "UP,OATH")
        sshd_has_reloaded(world)
        shell = world.ssh_shell("otto", *OWN_SSHD, to="127.0.0.1")
        answers(shell, PASSWORD, OTTOS_CODE)
        shell.begins()
        world.granted("otto", "sshd", "UP,OATH", rhost="127.0.0.1")
        confirm = shell.types_command("sudo countersign confirm")
        answers(confirm, PASSWORD, OTTOS_CODE, hidden=SUDO)
        expect(confirm.ends() == 0, "a new login could not confirm")
        confirm.shows("Confirmed: it stays.")
        world.granted("otto", "sudo", "UP,OATH")
        again = sets_up(world)
        expect(again.ends() == 0, "the second setup failed")
        again.shows("Everything is set up already: nothing to change.")
        takes_back(world)


@case()
def a_setup_that_nobody_confirms_is_put_back_by_itself(world):
    with fresh_system() as before:
        watcher = world.attempt("root", ["sh", "-c", "echo watching; exec sleep 1000"])
        watcher.sees("watching")
        attempt = sets_up(world, "--yes", "--confirm-within", "5s")
        expect(attempt.ends() == 0, "setup failed")
        attempt.close()
        held = subprocess.run("cat /proc/$(pgrep -f unless-confirmed | head -n 1)/status", shell=True, capture_output=True, text=True, check=True)
        expect("SigBlk:\t0000000000000000\n" in held.stdout, "what waits can't be stopped")
        expect(files() != before, "nothing was written")
        watcher.sees("countersign: the setup is put back in 2 s, unless a new login by ssh says: sudo countersign confirm\r+\n")
        watcher.sees(r"countersign: no new login confirmed the setup: everything was put back at \d\d:\d\d on [0-9-]+\r+\n")
        watcher.close()
        awaits(lambda: files() == before, "it was not put back")
        late = world.attempt("root", ["countersign", "confirm"])
        expect(late.ends() == 1, "there was something to confirm")
        late.shows(r"countersign: the setup was put back at \d\d:\d\d on [0-9-]+, since no new login had confirmed it")
        late.shows("hint: set it up again, with a longer --confirm-within: sudo countersign setup proposes what was answered")
        world.log.says("no new login confirmed the setup: everything is put back", tag="countersign")


@case(sudoers="Defaults use_pty")
def who_typed_a_setup_by_sudo_is_told_on_their_own_terminal_and_a_root_shell_is_told_once(world):
    with fresh_system() as before:
        root = world.shell("otto").begins()
        root.types("sudo -i")
        root.asks_hidden(SUDO)
        root.types(PASSWORD)
        root.sees("# $")
        shell = world.shell("otto").begins()
        options = ["--keys", "alone", "--yes", "--confirm-within", "8s"]
        typed = shell.types_command(" ".join(["sudo countersign setup", *TENANT, *SERVICES, *options]))
        typed.asks_hidden(SUDO)
        typed.types(PASSWORD)
        expect(typed.ends() == 0, "setup failed")
        for terminal in shell, root:
            terminal.sees("countersign: the setup is put back in 4 s, unless a new login by ssh says: sudo countersign confirm\r+\n")
            terminal.sees("countersign: no new login confirmed the setup: everything was put back at ")
        awaits(lambda: files() == before, "it was not put back")
        expect(root.printed.count("no new login confirmed the setup") == 1, "the root shell was told twice")


@case()
def who_was_not_chosen_logs_in_as_before(world):
    with fresh_system():
        expect(sets_up(world, "--yes").ends() == 0, "setup failed")
        attempt = world.su("penny", "otto")
        attempt.asks_hidden(HIDDEN)
        attempt.types(PASSWORD)
        attempt.is_let_in("otto")
        takes_back(world)


@case()
def who_is_exempt_logs_in_with_the_local_password(world):
    with fresh_system():
        expect(sets_up(world, "--yes").ends() == 0, "setup failed")
        with open(host.CONFIGURATION, "a", encoding="ascii") as configuration:
            configuration.write('\n[[exempt]]\nname = "pennies"\nusers = ["penny"]\n')
        sshd_has_reloaded(world)
        login = world.ssh("penny", *OWN_SSHD, to="127.0.0.1")
        login.asks_hidden(HIDDEN)
        login.types(PASSWORD)
        login.is_let_in("penny")
        world.verdict("exempt", "rule", user="penny", service="sshd", rule="pennies")
        attempt = world.attempt("root", ["countersign", "unsetup"])
        expect(attempt.ends() == 0, "unsetup failed")
        attempt.shows(f"{host.CONFIGURATION} was changed since, and stays as it is")
        os.remove(host.CONFIGURATION)


@case()
def shared_stacks_that_somebody_edited_are_left_alone(world):
    with open(COMMON, encoding="ascii") as file:
        shipped = file.read()
    with open(COMMON, "w", encoding="ascii") as file:
        file.write(shipped.replace("auth\t[success=1", "auth\toptional\tpam_echo.so\nauth\t[success=1"))
    with fresh_system() as before:
        attempt = sets_up(world, "--yes")
        expect(attempt.ends() == 0, "setup failed")
        attempt.shows(r"pam-auth-update leaves /etc/pam\.d/common-\* alone")
        expect(difference(before, files()) == [host.CONFIGURATION, "/etc/pam.d/sshd", "/etc/pam.d/sudo", "/etc/pam.d/sudo-i", DROP_IN],
               f"it wrote {difference(before, files())}")
        sshd_has_reloaded(world)
        login = world.ssh("otto", *OWN_SSHD, to="127.0.0.1")
        answers(login, PASSWORD, OTTOS_CODE)
        login.is_let_in("otto")
        world.granted("otto", "sshd", "UP,OATH")
        takes_back(world)
    with open(COMMON, "w", encoding="ascii") as file:
        file.write(shipped)


@case()
def where_sshd_heeds_another_file_everything_is_put_back_at_once(world):
    earlier = "/etc/ssh/sshd_config.d/00-earlier.conf"
    with open(earlier, "w", encoding="ascii") as file:
        file.write("KbdInteractiveAuthentication no\n")
    with fresh_system():
        attempt = sets_up(world, "--yes")
        expect(attempt.ends() == 1, "setup succeeded")
        attempt.shows(r"everything is as it was before: sshd does not take .kbdinteractiveauthentication yes. from ")
        attempt.shows("hint: the first value wins: see `grep -ri kbdinteractiveauthentication /etc/ssh`")
    os.remove(earlier)


@case()
def unsetup_names_a_root_that_comes_in_by_its_local_password_from_then_on(world):
    permitted = "/etc/ssh/sshd_config.d/05-root.conf"
    stays = r"root can log in by ssh with its local password: PermitRootLogin of sshd_config\(5\) is yes, which setup did not write"
    names = ["--name", "root=alice@example.com", "--name", "toor=alice@example.com"]
    with open(permitted, "w", encoding="ascii") as file:
        file.write("PermitRootLogin yes\n")
    with fresh_system() as before:
        expect(sets_up(world, "--yes", *names).ends() == 0, "setup failed")
        attempt = world.attempt("root", ["countersign", "unsetup"])
        expect(attempt.ends() == 0, "unsetup failed")
        attempt.shows(stays)
        with open(permitted, "w", encoding="ascii") as file:
            file.write("PermitRootLogin prohibit-password\n")
        before[permitted] = files()[permitted]
        expect(sets_up(world, "--yes", *names, "--accept-lockouts").ends() == 0, "the second setup failed")
        attempt = world.attempt("root", ["countersign", "unsetup"])
        expect(attempt.ends() == 0, "the second unsetup failed")
        attempt.never_shows("can log in by ssh")
    os.remove(permitted)


@case()
def an_sshd_that_was_never_started_is_none_that_refuses_its_settings(world):
    host.use_system_stacks()
    os.remove(host.CONFIGURATION)
    for name in os.listdir("/etc/ssh"):
        if name.startswith("ssh_host_"):
            os.remove(f"/etc/ssh/{name}")
    os.rmdir("/run/sshd")
    attempt = sets_up(world, "--yes", "--keys", "followed", "--accept-lockouts")
    expect(attempt.ends() == 0, "setup failed")
    attempt.shows("The host has no keys yet, without which sshd does not start: sudo ssh-keygen -A")
    expect(os.path.isdir("/run/sshd"), "its folder is missing")
    expect(not [name for name in os.listdir("/run") if name.startswith("countersign-setup")], "a key is left")
    takes_back(world)


@case()
def keys_are_followed_only_where_sshd_says_so_too(world):
    earlier, followed = "/etc/ssh/sshd_config.d/00-earlier.conf", ["--yes", "--keys", "followed", "--accept-lockouts"]
    complaint = r"sshd does not take .AuthenticationMethods publickey,keyboard-interactive:pam keyboard-interactive:pam. from "
    with open(earlier, "w", encoding="ascii") as file:
        file.write("AuthenticationMethods publickey\n")
    with fresh_system() as before:
        attempt = sets_up(world, *followed)
        expect(attempt.ends() == 1, "setup succeeded")
        attempt.shows(f"everything is as it was before: {complaint}")
        attempt.shows("hint: the first value wins: see `grep -ri AuthenticationMethods /etc/ssh`")
        expect(files() == before, f"left behind: {difference(before, files())}")
        os.remove(earlier)
        before.pop(earlier)
        expect(sets_up(world, *followed).ends() == 0, "setup failed")
        with open(earlier, "w", encoding="ascii") as file:
            file.write("AuthenticationMethods publickey\n")
        again = sets_up(world, *followed)
        expect(again.ends() == 1, "a setup in vain succeeded")
        again.shows(f"countersign: {complaint}")
        os.remove(earlier)
        takes_back(world)


@case()
def nobody_is_left_outside_by_a_key_without_a_word(world):
    with fresh_system() as before:
        attempt = sets_up(world, "--yes", "--keys", "followed")
        expect(attempt.ends() == 1, "setup succeeded")
        attempt.shows(r"Who could not log in any more:\r?\n  root: with PermitRootLogin without-password sshd lets it in by a key, "
                      r"and by nothing that PAM asks behind one; it has no name at the tenant")
        attempt.shows(r"    do: PermitRootLogin yes for sshd, and countersign setup --name root=NAME; or let its key be enough: Match User root")
        attempt.shows("countersign: nothing was written: these could not log in any more: root, toor\r?\n")
        expect(files() == before, f"it wrote {difference(before, files())}")
        attempt = sets_up(world, "--keys", "followed")
        attempt.sees(r"Leave outside: root, toor\? \[y/N\] ")
        attempt.types("")
        expect(attempt.ends() == 1 and files() == before, "it wrote")
        attempt = sets_up(world, "--keys", "followed")
        attempt.sees(r"Leave outside: root, toor\? \[y/N\] ")
        attempt.types("y")
        attempt.sees(r"Write this\? \[y/N\] ")
        attempt.types("y")
        expect(attempt.ends() == 0, "setup failed")
        found = findings("keys-outside")
        expect([one["severity"] for one in found] == ["error", "error"], found)
        expect(found[0]["what"].startswith("root has a key, and can't log in by ssh: "), found)
        with open("/etc/ssh/sshd_config", encoding="ascii") as config:
            shipped = config.read()
        with open("/etc/ssh/sshd_config", "a", encoding="ascii") as config:
            config.write("\nMatch User root,toor\n    AuthenticationMethods publickey\n")
        expect(findings("keys-outside") == [], "root is outside of its own exception")
        with open("/etc/ssh/sshd_config", "w", encoding="ascii") as config:
            config.write(shipped)
        takes_back(world)


def findings(name):
    """What `check` finds under this name that is not as it should be."""
    return [one for one in host.check()["findings"] if one["id"] == name and one["severity"] != "passed"]


@case()
def rules_of_sudo_that_ask_nobody_are_told_before_and_found_afterwards(world):
    with fresh_system():
        with open("/etc/sudoers.d/unasked", "w", encoding="ascii") as rules:
            rules.write("penny ALL=(ALL) NOPASSWD: ALL\nDefaults:bob timestamp_timeout=-1\n")
        os.chmod("/etc/sudoers.d/unasked", 0o440)
        attempt = sets_up(world, "--yes")
        expect(attempt.ends() == 0, "setup failed")
        attempt.shows(r"Not protected, or not checked:\r?\n  sudo asks penny nothing \(NOPASSWD\): sudo does not ask PAM then")
        attempt.shows(r"  sudo asks bob once, and not again until the next boot \(timestamp_timeout\)")
        [found] = findings("sudo-unasked")
        expect((found["severity"], found["file"], found["line"]) == ("warning", "/etc/sudoers.d/unasked", 1), found)
        [found] = findings("sudo-remembers")
        expect((found["severity"], found["line"]) == ("warning", 2), found)
        os.remove("/etc/sudoers.d/unasked")
        takes_back(world)


@case()
def who_typed_it_is_looked_at_as_the_test_user_is(world):
    with fresh_system() as before:
        attempt = sets_up(world, "--yes", typed_by="penny")
        expect(attempt.ends() == 0, "setup failed")
        attempt.shows(r"The tenant would ask penny@example\.com for UP, then OTP\.")
        world.tenant.sent_nothing_to("penny")
        takes_back(world)
        attempt = sets_up(world, "--yes", typed_by="lost")
        expect(attempt.ends() == 1, "setup succeeded")
        attempt.shows(r"Who could not log in any more:\r?\n  lost: you typed this, and ")
        attempt.shows("countersign: nothing was written: these could not log in any more: lost")
        expect(files() == before, "it wrote")


SLOW = """#!/bin/sh
case $* in *--root*) ;; *) touch /run/slow; sleep 1 ;; esac
exec /usr/sbin/pam-auth-update.away "$@"
"""


@case()
def an_interrupted_setup_is_put_back_at_once(world):
    program = "/usr/sbin/pam-auth-update"
    shutil.copy2(program, f"{program}.away")
    with open(program, "w", encoding="ascii") as file:
        file.write(SLOW)
    with fresh_system() as before:
        attempt = sets_up(world, "--yes")
        awaits(lambda: os.path.exists("/run/slow"), "pam-auth-update was not run")
        attempt.presses("\x03")
        expect(attempt.ends() == 1, "setup did not say how it ended")
        attempt.shows("countersign: everything is as it was before: it was interrupted")
        expect(files() == before, f"left behind: {difference(before, files())}")
    shutil.copy2(f"{program}.away", program)
    os.remove("/run/slow")


AUTHSELECT = """#!/usr/bin/python3
# Does what authselect(8) does with profiles, and nothing else of it.
import os, shutil, sys
CURRENT, CUSTOM, STACKS = "/etc/authselect/authselect.conf", "/etc/authselect/custom", ["system-auth", "password-auth", "switchable-auth"]
def folder(profile):
    return f"/etc/authselect/{profile}" if profile.startswith("custom/") else f"/usr/share/authselect/default/{profile}"
match sys.argv[1:]:
    case ["current", "--raw"]:
        print(open(CURRENT).read().strip())
    case ["create-profile", name, base] if base.startswith("--base-on="):
        shutil.copytree(folder(base.removeprefix("--base-on=")), f"{CUSTOM}/{name}")
    case ["select", *_] if os.path.exists("/etc/authselect/broken"):
        sys.exit("authselect: it can't be selected")
    case ["select", profile, *features]:
        old = open(CURRENT).read().split()[0]
        if not os.path.exists(f"{folder(old)}/system-auth"):
            sys.exit("authselect: unexpected changes to the configuration were detected")
        for stack in STACKS:
            shutil.copyfile(f"{folder(profile)}/{stack}", f"/etc/pam.d/{stack}")
        open(CURRENT, "w").write(" ".join([profile, *features]))
    case ["apply-changes"]:
        profile = open(CURRENT).read().split()[0]
        for stack in STACKS:
            shutil.copyfile(f"{folder(profile)}/{stack}", f"/etc/pam.d/{stack}")
    case other:
        sys.exit(f"authselect: {other}")
"""
LOCAL = """auth required pam_env.so
auth [default=1 ignore=ignore success=ok] pam_localuser.so
auth sufficient pam_unix.so nullok
auth required pam_deny.so
"""


# As the profile `local` of authselect 1.8 has it: it offers nothing to choose.
NOT_SWITCHABLE = "auth required pam_debug.so auth=authinfo_unavail\n"


@contextlib.contextmanager
def authselect(switchable=NOT_SWITCHABLE):
    """A system whose shared stacks are authselect's, as Fedora's are."""
    stacks = {"system-auth": LOCAL, "password-auth": LOCAL, "switchable-auth": switchable}
    shutil.copy2("/usr/sbin/pam-auth-update", "/usr/sbin/pam-auth-update.away")
    os.remove("/usr/sbin/pam-auth-update")
    os.makedirs("/etc/authselect/custom")
    os.makedirs("/usr/share/authselect/default/local")
    for stack, text in stacks.items():
        for path in f"/usr/share/authselect/default/local/{stack}", f"/etc/pam.d/{stack}":
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
    with open("/etc/authselect/authselect.conf", "w", encoding="ascii") as file:
        file.write("local with-silent-lastlog")
    with open("/usr/sbin/authselect", "w", encoding="ascii") as file:
        file.write(AUTHSELECT)
    os.chmod("/usr/sbin/authselect", 0o755)
    try:
        yield
    finally:
        shutil.copy2("/usr/sbin/pam-auth-update.away", "/usr/sbin/pam-auth-update")
        os.remove("/usr/sbin/authselect")
        for folder in "/etc/authselect", "/usr/share/authselect":
            shutil.rmtree(folder)
        for stack in stacks:
            os.remove(f"/etc/pam.d/{stack}")


@case()
def where_authselect_writes_the_shared_stacks_it_gets_a_profile(world):
    with authselect(), fresh_system():
        fedoras_services()
        before = files()
        attempt = sets_up(world, "--yes")
        expect(attempt.ends() == 0, "setup failed")
        expect(difference(before, files()) == [host.CONFIGURATION, "/etc/pam.d/password-auth", "/etc/pam.d/system-auth", DROP_IN],
               f"it wrote {difference(before, files())}")
        with open("/etc/authselect/authselect.conf", encoding="ascii") as file:
            expect(file.read() == "custom/countersign with-silent-lastlog", "the features were lost")
        gets_in(world)
        again = sets_up(world)
        expect(again.ends() == 0, "the second setup failed")
        again.shows("Everything is set up already: nothing to change.")
        with open("/etc/pam.d/su", "w", encoding="ascii") as file:
            file.write("auth substack system-auth\naccount required pam_permit.so\nsession required pam_permit.so\n")
        before["/etc/pam.d/su"] = files()["/etc/pam.d/su"]
        more = world.attempt("root", ["countersign", "setup", "--service", "su", "--test-user", "otto", "--yes"])
        expect(more.ends() == 0, "the third setup failed")
        attempt = world.su("otto", "penny")
        answers(attempt, PASSWORD, OTTOS_CODE, hidden=ASKS_OTTO)
        attempt.is_let_in("penny")
        world.granted("penny", "su", "UP,OATH", tenant_user="otto@example.com")
        takes_back(world)
        expect(files() == before, f"left behind: {difference(before, files())}")
        expect(not os.path.exists("/etc/authselect/custom/countersign"), "the profile is still there")
        host.use_system_stacks()


@case()
def a_greeter_that_lets_users_choose_asks_too(world):
    with authselect(switchable=LOCAL), fresh_system():
        fedoras_services()
        with open("/etc/pam.d/gdm-switchable-auth", "w", encoding="ascii") as file:
            file.write("auth substack switchable-auth\naccount required pam_permit.so\nsession required pam_permit.so\n")
        before = files()
        expect(sets_up(world, "--yes", "--accept-lockouts", "--service", "gdm-switchable-auth").ends() == 0, "setup failed")
        says("/etc/pam.d/switchable-auth", "pam_countersign.so")
        says("/etc/pam.d/switchable-auth", "service notin gdm-switchable-auth:sshd:sudo:sudo-i")
        takes_back(world)
        expect(files() == before, f"left behind: {difference(before, files())}")
        os.remove("/etc/pam.d/gdm-switchable-auth")
        host.use_system_stacks()


PROFILE = "/etc/authselect/custom/countersign"


def fedoras_services():
    """sshd and sudo, as Fedora has them."""
    for service, kind in ("sshd", "substack password-auth"), ("sudo", "include system-auth"), ("sudo-i", "include system-auth"):
        with open(f"/etc/pam.d/{service}", "w", encoding="ascii") as file:
            file.write(f"auth {kind}\naccount required pam_permit.so\nsession required pam_permit.so\n")


def says(path, text):
    """The file has this in it."""
    with open(path, encoding="ascii") as file:
        expect(text in file.read(), f"{path} does not say {text!r}")


def can_not_take_back(world, complaint):
    """Root tries to, and nothing is half gone: a login finds all that it needs."""
    attempt = world.attempt("root", ["countersign", "unsetup"])
    expect(attempt.ends() == 1, "unsetup succeeded")
    attempt.shows(complaint)
    says(host.CONFIGURATION, "tenant.test")
    says(DROP_IN, "KbdInteractiveAuthentication yes")
    for stack in "/etc/pam.d/system-auth", f"{PROFILE}/system-auth", f"{PROFILE}/password-auth":
        says(stack, "pam_countersign.so")


STEP_UPS = """
[service.sudo.offline]
enabled = true
first_factor = "pam_unix"
[service.sudo-i.offline]
enabled = true
first_factor = "pam_unix"
"""


@case()
def a_service_that_becomes_a_step_up_leaves_the_profile_of_authselect(world):
    with authselect(), fresh_system():
        fedoras_services()
        for service in "sudo", "sudo-i":
            with open(f"/etc/pam.d/{service}", "w", encoding="ascii") as file:
                file.write("auth substack system-auth\naccount required pam_permit.so\nsession required pam_permit.so\n")
        before = files()
        expect(sets_up(world, "--yes").ends() == 0, "setup failed")
        says("/etc/pam.d/system-auth", "service notin sshd:sudo:sudo-i")
        with open(host.CONFIGURATION, "a", encoding="ascii") as configuration:
            configuration.write(STEP_UPS)
        expect(sets_up(world, "--yes").ends() == 0, "the second setup failed")
        says("/etc/pam.d/system-auth", "service notin sshd\n")
        says("/etc/pam.d/sudo", "auth [success=ok ignore=ignore default=bad] pam_countersign.so")
        gets_in(world)
        expect(sets_up(world, "--yes", "--blocks").ends() == 0, "the third setup failed")
        expect(files()["/etc/pam.d/system-auth"] == before["/etc/pam.d/system-auth"], "the module is still in the shared stack")
        says("/etc/pam.d/sshd", "pam_countersign.so")
        takes_back(world)
        os.remove(host.CONFIGURATION)
        expect(files() == before, f"left behind: {difference(before, files())}")
        host.use_system_stacks()


@case()
def services_that_get_blocks_leave_the_profile_of_pam_auth_update(world):
    with fresh_system() as before:
        expect(sets_up(world, "--yes").ends() == 0, "setup failed")
        expect(sets_up(world, "--yes", "--blocks").ends() == 0, "the second setup failed")
        expect(difference(before, files()) == [host.CONFIGURATION, "/etc/pam.d/sshd", "/etc/pam.d/sudo", "/etc/pam.d/sudo-i", DROP_IN],
               f"it wrote {difference(before, files())}")
        gets_in(world)
        takes_back(world)


def somebody_edits_common():
    """What it said before."""
    with open(COMMON, encoding="ascii") as file:
        written = file.read()
    with open(COMMON, "w", encoding="ascii") as file:
        file.write(written.replace("auth\t[success=1", "auth\toptional\tpam_echo.so\nauth\t[success=1", 1))
    return written


def su_asks_otto_and_root_nothing(world, local_password=False):
    """By both of its names; perhaps for the password of the other user first."""
    for service, login in ("su", ()), ("su-l", ("-l",)):
        world.su("root", "penny", *login).is_let_in("penny")
        attempt = world.su("otto", "penny", *login)
        if local_password:
            attempt.asks_hidden(HIDDEN)
            attempt.types(PASSWORD)
        answers(attempt, PASSWORD, OTTOS_CODE, hidden=ASKS_OTTO)
        attempt.is_let_in("penny")
        world.granted("penny", service, "UP,OATH", tenant_user="otto@example.com")


@case()
def su_is_set_up_by_both_its_names_and_root_is_asked_by_none(world):
    with fresh_system():
        for how in (), ("--blocks",):
            sets_up_su(world, *how)
            su_asks_otto_and_root_nothing(world)
            takes_back(world)


@case()
def su_is_set_up_behind_the_local_password_by_both_its_names(world):
    with fresh_system():
        for how in (), ("--blocks",):
            sets_up_su(world, *how)
            with open(host.CONFIGURATION, "a", encoding="ascii") as configuration:
                configuration.write(STEP_UPS.replace("sudo-i", "su-l").replace("sudo", "su"))
            sets_up_su(world, *how)
            su_asks_otto_and_root_nothing(world, local_password=True)
            takes_back(world)
            os.remove(host.CONFIGURATION)


@case()
def shared_stacks_that_somebody_edited_since_are_not_asked_beside(world):
    with fresh_system():
        expect(sets_up(world, "--yes").ends() == 0, "setup failed")
        written = somebody_edits_common()
        edited = files()
        attempt = sets_up(world, "--yes", "--blocks")
        expect(attempt.ends() == 1, "the second setup succeeded")
        attempt.shows("/etc/pam.d/common-auth has the module for sshd and was edited by hand: pam-auth-update leaves it alone")
        expect(files() == edited, f"it wrote {difference(edited, files())}")
        with open(COMMON, "w", encoding="ascii") as file:
            file.write(written)
        takes_back(world)


@case()
def of_shared_stacks_that_somebody_edited_since_a_copy_is_kept(world):
    with fresh_system():
        expect(sets_up(world, "--yes").ends() == 0, "setup failed")
        written = somebody_edits_common()
        attempt = world.attempt("root", ["countersign", "unsetup"])
        expect(attempt.ends() == 0, "unsetup failed")
        copy = f"/var/lib/countersign/setup/edited{COMMON}"
        attempt.shows(f"{COMMON} was edited since: {copy} is a copy")
        says(copy, "pam_echo.so")
        expect(sets_up(world, "--yes").ends() == 0, "pam-auth-update did not forget what was there")
        takes_back(world)


@case()
def what_authselect_does_not_put_back_stays_whole(world):
    with authselect(), fresh_system():
        fedoras_services()
        before = files()
        expect(sets_up(world, "--yes").ends() == 0, "setup failed")
        with open("/etc/authselect/broken", "w", encoding="ascii"):
            can_not_take_back(world, "it can't be selected")
            can_not_take_back(world, "it can't be selected")
        os.remove("/etc/authselect/broken")
        os.rename("/etc/authselect/authselect.conf", "/etc/authselect/authselect.conf.away")
        can_not_take_back(world, "/etc/pam.d/system-auth names the module, and authselect does not write it any more")
        os.rename("/etc/authselect/authselect.conf.away", "/etc/authselect/authselect.conf")
        takes_back(world)
        expect(files() == before, f"left behind: {difference(before, files())}")
        host.use_system_stacks()


@case()
def two_setups_can_be_taken_back_where_authselect_is_gone(world):
    with authselect(), fresh_system():
        fedoras_services()
        with open("/etc/pam.d/su", "w", encoding="ascii") as file:
            file.write("auth substack system-auth\naccount required pam_permit.so\nsession required pam_permit.so\n")
        before = files()
        expect(sets_up(world, "--yes").ends() == 0, "setup failed")
        more = world.attempt("root", ["countersign", "setup", "--service", "su", "--test-user", "otto", "--yes"])
        expect(more.ends() == 0, "the second setup failed")
        os.remove("/etc/authselect/authselect.conf")
        can_not_take_back(world, "/etc/pam.d/system-auth names the module, and authselect does not write it any more")
        for stack in "system-auth", "password-auth":
            with open(f"/etc/pam.d/{stack}", "w", encoding="ascii") as file:
                file.write(LOCAL)
        takes_back(world)
        expect(files() == before, f"left behind: {difference(before, files())}")
        host.use_system_stacks()


@case()
def a_profile_in_which_a_line_would_be_passed_over_stays_selected(world):
    with authselect():
        for folder in "/usr/share/authselect/default/local", "/etc/pam.d":
            with open(f"{folder}/password-auth", "w", encoding="ascii") as file:
                file.write(LOCAL.replace("auth sufficient pam_unix.so nullok\n", "auth required pam_unix.so\nauth required pam_access.so\n"))
        with fresh_system():
            fedoras_services()
            before = files()
            attempt = sets_up(world, "--yes")
            expect(attempt.ends() == 1, "setup succeeded")
            attempt.shows(r"countersign: /etc/pam\.d/password-auth:\d+: `auth required pam_access\.so` would be passed over")
            expect(files() == before, f"it wrote {difference(before, files())}")
            host.use_system_stacks()


@case()
def of_an_edited_profile_a_copy_is_kept(world):
    with authselect(), fresh_system():
        fedoras_services()
        before = files()
        expect(sets_up(world, "--yes").ends() == 0, "setup failed")
        for name in "system-auth", "postlogin":
            with open(f"{PROFILE}/{name}", "a", encoding="ascii") as file:
                file.write("# edited\n")
        attempt = world.attempt("root", ["countersign", "unsetup"])
        expect(attempt.ends() == 0, "unsetup failed")
        for name in "system-auth", "postlogin":
            copy = f"/var/lib/countersign/setup/edited{PROFILE}/{name}"
            attempt.shows(f"{PROFILE}/{name} was edited since: {copy} is a copy")
            says(copy, "# edited")
        expect(not os.path.exists(PROFILE), "the profile is still there")
        expect(files() == before, f"left behind: {difference(before, files())}")
        host.use_system_stacks()


SYSTEMCTL = """#!/bin/sh
echo "$*" >>/run/systemctl.calls
"""
UNIT = "/etc/systemd/system/countersign-rollback"


@contextlib.contextmanager
def systemd():
    """A system that believes systemd to be its first process; what systemctl is asked for is written down."""
    os.makedirs("/run/systemd/system")
    with open("/usr/bin/systemctl", "w", encoding="ascii") as file:
        file.write(SYSTEMCTL)
    os.chmod("/usr/bin/systemctl", 0o755)
    try:
        yield
    finally:
        shutil.rmtree("/run/systemd")
        for path in "/usr/bin/systemctl", "/run/systemctl.calls":
            os.remove(path)


def calls():
    """What systemctl was asked for since the last look."""
    with open("/run/systemctl.calls", "r+", encoding="ascii") as file:
        lines = file.read().splitlines()
        file.truncate(0)
    return lines


@case()
def under_systemd_a_timer_that_outlives_a_boot_puts_it_back(world):
    timer = "countersign-rollback.timer"
    with systemd(), fresh_system() as before:
        attempt = sets_up(world, "--yes", "--confirm-within", "5s")
        expect(attempt.ends() == 0, "setup failed")
        expect(calls() == ["daemon-reload", f"enable --now {timer}", "reload ssh"], "systemctl was asked for something else")
        with open(f"{UNIT}.timer", encoding="ascii") as file:
            expect("OnActiveSec=3\n" in (unit := file.read()) and "WantedBy=timers.target" in unit, unit)
        with open(f"{UNIT}.service", encoding="ascii") as file:
            [line] = [line for line in file if line.startswith("ExecStart=")]
        expect(files() != before, "nothing was written")
        command = world.attempt("root", line.removeprefix("ExecStart=").split())
        expect(command.ends() == 0, "what the timer runs failed")
        expect(calls() == ["reload ssh", f"disable --now {timer}", "daemon-reload"], "systemctl was asked for something else")
        expect(not os.path.exists(f"{UNIT}.timer") and not os.path.exists(f"{UNIT}.service"), "the units are still there")
