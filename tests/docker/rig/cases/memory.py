"""How long a confirmation counts, and where: in the same session of the same person, and nowhere else."""

import os
import re
import time

from .. import host
from ..accounts import PASSWORD
from ..case import case
from ..terms import DEADLINE, expect
from .words import CODE, ENTER

BY_SESSION = re.compile(r"confirmed \d+ s ago by this session")
BY_SSH = re.compile(r"confirmed \d+ s ago by a login by ssh")
ASKS = r"\[sudo\] password for {}: "
TEXTS = '[service.sudo.on_demand]\npolicy = "text"\n[service.sshd.on_demand]\npolicy = "text"\n'
REMEMBERS = {"configuration": "step_up", "also": f'{TEXTS}[service.sudo.login]\nremember = "10m"'}
SSH_COUNTS = {"configuration": "step_up", "also": f'{TEXTS}[service.sudo.login]\nremember = "10m"\nssh_counts = true'}
KEY_ALONE = "-oPreferredAuthentications=publickey"


def confirms(world, attempt, person="penny"):
    """The module asks, and the person has the code."""
    attempt.asks_openly(ENTER)
    attempt.types("")
    message = world.tenant.message(person)
    attempt.asks_openly(CODE)
    attempt.types(message["code"])


def is_asked(world, shell, person="penny"):
    """sudo asks in this shell, and the person confirms."""
    attempt = shell.sudo()
    confirms(world, attempt, person)
    attempt.is_let_in("root")
    world.granted(person, "sudo", "SMS")


def is_not_asked(world, shell, detail=BY_SESSION):
    """sudo asks nothing in this shell, nor does the module ask the tenant."""
    world.tenant.look_away()
    attempt = shell.sudo()
    attempt.is_let_in("root")
    attempt.never_shows("code|Enter|assword")
    world.remembered("penny", "sudo", detail=detail)
    world.tenant.saw_nothing()


@case(**REMEMBERS)
def the_second_sudo_in_a_terminal_asks_nothing(world):
    shell = world.shell("penny").begins()
    is_asked(world, shell)
    is_not_asked(world, shell)
    is_not_asked(world, shell)


@case(configuration="step_up", also=TEXTS)
def nothing_is_remembered_unless_that_is_configured(world):
    shell = world.shell("penny").begins()
    is_asked(world, shell)
    is_asked(world, shell)


@case(stack="unix_first", sudoers="Defaults:penny timestamp_timeout=5", **REMEMBERS)
def a_sudo_that_forgot_asks_for_the_local_password_alone(world):
    shell = world.shell("penny").begins()
    attempt = shell.sudo()
    attempt.asks_hidden(ASKS.format("penny"))
    attempt.types(PASSWORD)
    confirms(world, attempt)
    attempt.is_let_in("root")
    world.granted("penny", "sudo", "SMS")
    expect(shell.types_command("sudo -k").ends() == 0, "sudo -k failed")
    attempt = shell.sudo()
    attempt.asks_hidden(ASKS.format("penny"))
    attempt.types("not it")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.remembered("penny", "sudo", detail=BY_SESSION)
    attempt = shell.sudo()
    attempt.asks_hidden(ASKS.format("penny"))
    attempt.types(PASSWORD)
    attempt.is_let_in("root")
    attempt.never_shows("Enter|code")
    world.remembered("penny", "sudo", detail=BY_SESSION)


@case(**REMEMBERS)
def another_terminal_of_the_same_person_is_asked(world):
    first, second = world.shell("penny").begins(), world.shell("penny").begins()
    is_asked(world, first)
    is_asked(world, second)
    is_not_asked(world, first)
    is_not_asked(world, second)


@case(**REMEMBERS)
def of_two_ssh_sessions_one_knows_nothing_of_the_other(world):
    first, second = [world.ssh_shell("penny", KEY_ALONE).begins() for _ in range(2)]
    is_asked(world, first)
    is_not_asked(world, first)
    attempt = second.sudo()
    attempt.asks_openly(ENTER)
    attempt.interrupts()
    attempt.is_refused("sudo: a password is required", status=1)
    world.denied("penny", "sudo", "conversation")
    is_not_asked(world, first)


@case(**REMEMBERS)
def a_new_terminal_of_the_same_name_is_asked(world):
    """The number of a pseudo-terminal is used again at once."""
    terminal = re.compile(r"/dev/pts/\d+")
    shell = world.shell("penny").begins()
    is_asked(world, shell)
    before = terminal.search(typed(shell, "tty"))[0]
    shell.close()
    shell = world.shell("penny").begins()
    expect(terminal.search(typed(shell, "tty"))[0] == before, "the new terminal has another name: this case shows nothing")
    is_asked(world, shell)


def typed(shell, command):
    """What a command prints."""
    attempt = shell.types_command(command)
    expect(attempt.ends() == 0, f"{command} failed")
    return attempt.printed


@case(**REMEMBERS)
def another_user_in_the_same_terminal_is_asked(world):
    shell = world.shell("penny").begins()
    is_asked(world, shell)
    shell.types("exec su bob")
    shell.asks_openly(CODE)
    shell.types("")
    world.tenant.approve("penny")
    shell.begins()
    world.granted("bob", "su", "OTP", tenant_user="penny@example.com")
    is_asked(world, shell, person="bob")


@case(**REMEMBERS)
def another_service_in_the_same_terminal_is_asked(world):
    shell = world.shell("penny").begins()
    is_asked(world, shell)
    attempt = shell.sudo("-i")
    attempt.asks_openly(CODE)
    attempt.types("")
    world.tenant.deny("penny")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("penny", "sudo-i", "approval_refused")


@case(**REMEMBERS)
def after_a_denial_nothing_is_remembered(world):
    first, second = world.shell("penny").begins(), world.shell("penny").begins()
    is_asked(world, first)
    is_not_asked(world, first)
    attempt = second.sudo()
    attempt.asks_openly(ENTER)
    attempt.types("")
    attempt.asks_openly(CODE)
    attempt.types("00000")
    attempt.is_refused("sudo: 1 incorrect password attempt", status=1)
    world.denied("penny", "sudo", "answer_refused")
    world.tenant.message("penny")
    is_asked(world, first)


@case(**REMEMBERS)
def after_an_edit_of_the_configuration_nothing_is_remembered(world):
    shell = world.shell("penny").begins()
    is_asked(world, shell)
    is_not_asked(world, shell)
    host.edit_configuration()
    is_asked(world, shell)


@case(configuration="step_up", also=f'{TEXTS}[service.sudo.login]\nremember = "1s"')
def what_is_remembered_is_forgotten_in_time(world):
    shell = world.shell("penny").begins()
    is_asked(world, shell)
    end = time.monotonic() + DEADLINE
    while True:
        attempt = shell.sudo()
        if attempt.sees_one_of(ENTER, rf"ended {attempt.number} 0") == 0:
            break
        world.remembered("penny", "sudo", detail=re.compile("confirmed 0 s ago by this session"))
        expect(time.monotonic() < end, "it is still remembered")
    attempt.interrupts()
    attempt.is_refused("sudo: a password is required", status=1)
    world.denied("penny", "sudo", "conversation")


@case(**REMEMBERS)
def what_somebody_else_could_have_written_is_not_believed(world):
    shell = world.shell("penny").begins()
    is_asked(world, shell)
    [folder] = [name for name in os.listdir(host.STATE) if name.startswith("confirmed-")]
    [name] = [f"{folder}/{name}" for name in os.listdir(f"{host.STATE}/{folder}") if name != "asked"]
    os.chmod(f"{host.STATE}/{name}", 0o644)
    attempt = shell.sudo()
    confirms(world, attempt)
    attempt.is_let_in("root")
    world.granted("penny", "sudo", "SMS")
    world.log.says(rf"state: {host.STATE}/{name}: not a file of ours")
    expect(os.stat(f"{host.STATE}/{name}").st_mode & 0o777 == 0o644, "a program repaired it")


@case(configuration="step_up", also='[service.rig.on_demand]\npolicy = "text"\n[service.rig.login]\nremember = "10m"')
def a_server_that_works_for_many_remembers_nobody(world):
    shell = world.shell("root").begins()
    for items in "-I rhost=192.0.2.7", "-I rhost=192.0.2.7", "", "":
        attempt = shell.types_command(f"pamtester {items} rig penny authenticate")
        confirms(world, attempt)
        expect(attempt.ends() == 0, "pamtester ended badly")
        world.granted("penny", "rig", "SMS")


# --- a login by ssh ---


def logs_in(world, *options):
    """Logs in by ssh with the second factor, and stays."""
    shell = world.ssh_shell("penny", *options)
    confirms(world, shell)
    shell.begins()
    world.granted("penny", "sshd", "SMS")
    return shell


@case(**SSH_COUNTS)
def a_login_by_ssh_counts_for_sudo_in_its_connection(world):
    is_not_asked(world, logs_in(world), detail=BY_SSH)


@case(**REMEMBERS)
def a_login_by_ssh_does_not_count_unless_that_is_configured(world):
    is_asked(world, logs_in(world))


@case(configuration="step_up", also=f'{TEXTS}[service.sudo.login]\nremember = "10m"\n[service.su.login]\nremember = "10m"\nssh_counts = true')
def a_login_by_ssh_does_not_count_for_a_service_where_only_another_says_so(world):
    shell = logs_in(world)
    is_asked(world, shell)
    shell.types("su bob -c 'echo as $(id -un)'")
    shell.sees("as bob")
    world.remembered("bob", "su", tenant_user="penny@example.com", detail=BY_SSH)


@case(**SSH_COUNTS)
def a_login_by_ssh_counts_in_a_second_session_of_the_same_connection(world):
    sharing = "-oControlPath=/run/marks/control-%h-%p-%r"
    first = logs_in(world, "-oControlMaster=yes", sharing)
    second = world.ssh_shell("penny", sharing).begins()
    is_not_asked(world, second, detail=BY_SSH)
    is_not_asked(world, first, detail=BY_SSH)


@case(**SSH_COUNTS)
def a_login_by_ssh_does_not_count_in_another_connection(world):
    first = logs_in(world)
    second = world.ssh_shell("penny", KEY_ALONE).begins()
    is_asked(world, second)
    is_not_asked(world, first, detail=BY_SSH)


@case(**SSH_COUNTS)
def a_login_by_ssh_does_not_count_on_a_terminal_of_this_system(world):
    logs_in(world)
    is_asked(world, world.shell("penny").begins())


@case(**SSH_COUNTS)
def a_login_by_ssh_does_not_count_for_somebody_else_in_its_connection(world):
    shell = logs_in(world)
    shell.types("exec su bob")
    shell.asks_openly(CODE)
    shell.types("")
    world.tenant.approve("penny")
    shell.begins()
    world.granted("bob", "su", "OTP", tenant_user="penny@example.com")
    is_asked(world, shell, person="bob")


@case(configuration="step_up", also=f'[service.sshd.login]\npush_first = true\n{TEXTS.splitlines()[0]}\npolicy = "text"\n'
      '[service.sudo.login]\nremember = "10m"\nssh_counts = true')
def a_login_by_the_password_method_does_not_count_in_another_connection(world):
    """There, sshd asks in the very process that looks after the connection, and its parent has all of them below it."""
    first = world.ssh_shell("penny", to="blind")
    first.asks_hidden("password: ")
    first.types(PASSWORD)
    world.tenant.approve("penny")
    first.begins()
    world.granted("penny", "sshd", "OTP")
    is_not_asked(world, first, detail=BY_SSH)
    second = world.ssh_shell("penny", KEY_ALONE, "-oPort=2203").begins()
    is_asked(world, second)


LEFT_BEHIND = """trap '' HUP
sudo -S touch {marks}/early </dev/null >/dev/null 2>&1
read -r line <{marks}/go
while read -r _ _ _ parent _ </proc/$$/stat && [ "$parent" != 1 ]; do sleep 0.05; done
sudo -S touch {marks}/late </dev/null >/dev/null 2>&1
"""


@case(**SSH_COUNTS)
def a_login_by_ssh_does_not_count_for_what_was_left_running(world):
    marks = world.mark()
    os.mkdir(marks)
    os.mkfifo(f"{marks}/go")
    with open(f"{marks}/script", "w", encoding="ascii") as script:
        script.write(LEFT_BEHIND.format(marks=marks))
    shell = logs_in(world)
    shell.types(f"sh {marks}/script &")
    world.remembered("penny", "sudo", detail=BY_SSH)
    shell.leaves()
    with open(f"{marks}/go", "w", encoding="ascii") as go:
        go.write("go\n")
    world.denied("penny", "sudo", "conversation")
    expect(os.path.exists(f"{marks}/early"), "sudo was refused while the connection was there")
    expect(not os.path.exists(f"{marks}/late"), "sudo was let in after the connection had ended")
