"""Rules by network in programs that name no remote host: they are about where the login session came from."""

import os
import shutil

from .. import host
from ..accounts import OTTOS_CODE, PASSWORD
from ..case import case
from ..terms import expect
from .words import answers

KEY_ALONE = "-oPreferredAuthentications=publickey"
# As the manual has it for logins over the network, and for those from inside of it.
REMOTE = '[[service.sudo.require]]\nname = "remote"\nnetworks = ["0.0.0.0/0", "::/0"]'
LOOPBACK = '[[service.sudo.exempt]]\nname = "loopback"\nnetworks = ["127.0.0.0/8"]'
ASKS = r"\[sudo\] password for otto: "


def logs_in(world, address="", is_known=True):
    """Otto comes by ssh, from this address as far as logind knows, and stays."""
    shutil.rmtree("/run/systemd/sessions", ignore_errors=True)
    lines = ["auth required pam_permit.so", "account required pam_permit.so", "session required pam_loginuid.so"]
    lines += [f"session required pam_exec.so /opt/rig/etc/logind {address}"] if is_known else []
    host.write_stack("sshd", "\n".join(lines) + "\n")
    shell = world.ssh_shell("otto", KEY_ALONE).begins()
    expect(os.path.isdir("/run/systemd/sessions") == is_known, "the session is not as it should be known")
    return shell


def is_asked(world, shell, *options):
    """sudo asks for both factors here."""
    attempt = shell.sudo(*options)
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=ASKS)
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")


def is_exempt(world, shell, rule):
    """sudo asks nothing here, by this rule."""
    attempt = shell.sudo()
    attempt.is_let_in("root")
    attempt.never_shows("code|assword")
    world.verdict("exempt", "rule", "sudo", user="otto", rule=rule)
    world.tenant.saw_nothing()


@case(also=REMOTE)
def sudo_in_a_session_by_ssh_is_required_by_the_network_that_it_came_from(world):
    is_asked(world, logs_in(world))


@case(also=LOOPBACK)
def sudo_in_a_session_by_ssh_is_exempt_by_the_network_that_it_came_from(world):
    is_exempt(world, logs_in(world), "loopback")


@case(also=f"{REMOTE}\n{LOOPBACK}")
def sudo_that_outlives_its_session_is_required_and_not_exempt(world):
    shell = logs_in(world)
    [name] = os.listdir("/run/systemd/sessions")
    session = f"/run/systemd/sessions/{name}"
    with open(session, encoding="ascii") as file:
        text = file.read()
    # As logind has it from the end of the login to that of its last process.
    with open(session, "w", encoding="ascii") as file:
        file.write(text.replace("STATE=active", "STATE=closing"))
    is_asked(world, shell)


@case(also=LOOPBACK)
def sudo_in_a_session_from_elsewhere_is_not_exempt(world):
    is_asked(world, logs_in(world, "198.51.100.7"))


@case(also=LOOPBACK)
def sudo_is_not_exempt_while_the_user_has_another_session_from_elsewhere(world):
    shell = logs_in(world)
    is_exempt(world, shell, "loopback")
    with open("/run/systemd/sessions/999", "w", encoding="ascii") as file:
        file.write("UID=%d\nSTATE=active\nREMOTE=1\nCLASS=user\nREMOTE_HOST=198.51.100.7\nAUDIT=999\n" % host.uid_of("otto"))
    is_asked(world, shell)


@case(also=f"{REMOTE}\n{LOOPBACK}")
def sudo_in_a_session_that_nothing_is_known_of_is_required_and_not_exempt(world):
    is_asked(world, logs_in(world, is_known=False))


@case(also=f"{REMOTE}\n{LOOPBACK}")
def sudo_that_no_login_has_started_is_required_and_not_exempt(world):
    is_asked(world, world.shell("otto").begins())


@case(also=LOOPBACK)
def sudo_on_a_terminal_that_the_session_has_made_is_still_of_the_session(world):
    shell = logs_in(world, "198.51.100.7")
    attempt = shell.types_command("script -qec 'sudo true' /dev/null")
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=ASKS)
    expect(attempt.ends() == 0, "sudo failed")
    world.granted("otto", "sudo", "UP,OATH")


@case(also='[[service.su.exempt]]\nname = "loopback"\nnetworks = ["127.0.0.0/8"]\n[service.su.users.names]\nroot = "otto@example.com"')
def su_in_a_session_from_elsewhere_is_not_exempt(world):
    shell = logs_in(world, "198.51.100.7")
    mark = world.mark()
    attempt = shell.types_command(f"su root -c 'touch {mark}'", marker=mark)
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=r"Password of otto@example\.com: ")
    attempt.is_let_in("root")
    world.granted("root", "su", "UP,OATH", tenant_user="otto@example.com")
