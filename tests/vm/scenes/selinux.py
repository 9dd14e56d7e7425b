"""SELinux, enforcing: every caller under a policy that forbids login programs to connect, with and without the policy module."""

import glob
import json
import re
import subprocess
import sys
import time

from machine import CODE, CONFIGURATION, DEADLINE, KEY, Machine, PASSWORD, WITHOUT_KEY, case, expect, play, run, write
import network

POLICY = "/usr/share/countersign/selinux/countersign.cil"
# What Debian's own stacks are denied: a log of logins that sshd may not make, and the keyring of the process that restarted getty.
OF_DEBIAN = re.compile(r'name="wtmp\.db"|tclass=key ')
# The domains of login programs, and of what they start for PAM.
DOMAINS = re.compile(r"scontext=\S+:(sshd\w*_t|local_login_t|\w+_sudo_t|\w+_su_t|chkpwd_t):")
DIRECT = 'ca_file = "/etc/countersign/ca.pem"'
# Here the system's certificates vouch for the tenant.
BY_PROXY = 'proxy = "http://127.0.0.1:3128"'
HIDDEN, ASKS_CODE, ASKS_OFFLINE = r"[Pp]assword[^\r\n]*: ", r"Verification code: ", r"Offline verification code: "


def configure(network_lines, enrolls=False):
    """What the module is told: everything that it can do, so that it does it in each domain."""
    write(CONFIGURATION, f"""
[tenant]
url = "https://tenant.test:8443"
{network_lines}
[login]
failure_delay = "0s"
after_public_key = "on-demand"
[service.sudo.login]
remember = "10m"
[service.su.login]
person = "user"
[on_demand]
app = "countersign"
client_id = "countersign@example.com"
client_secret_file = "/etc/countersign/client-secret"
scope = "countersign"
policy = "either"
[offline]
enabled = true
first_factor = "pam_unix"
enroll_at_login = {str(enrolls).lower()}
[users]
template = "{{user}}@example.com"
""" + "#" * 1100 + "\n")


# --- what SELinux says ---


class Denials:
    """What the kernel has denied to login programs. auditd keeps the order: our own message comes last."""

    def __init__(self):
        self.seen = 0

    def new(self):
        """Those since the last call."""
        token = f"until {time.monotonic_ns()}"
        run("auditctl", "-m", token)
        end = time.monotonic() + DEADLINE
        while token not in (text := "".join(open(path, encoding="utf-8", errors="replace").read() for path in sorted(glob.glob("/var/log/audit/audit.log*"), reverse=True))):
            expect(time.monotonic() < end, "auditd does not write")
        lines = [line for line in text.splitlines() if re.match(r"type=(USER_)?AVC ", line) and DOMAINS.search(line) and not OF_DEBIAN.search(line)]
        new, self.seen = lines[self.seen:], len(lines)
        return new


DENIALS = Denials()
STAFF, ADMIN = r"staff_u:staff_r:staff_t:\S+", r"staff_u:sysadm_r:sysadm_t:\S+"


def nothing_is_denied():
    """What holds after each case but those that expect a refusal."""
    denied = DENIALS.new()
    expect(not denied, "SELinux denied:\n" + "\n".join(denied))


def findings():
    """What `check` finds about SELinux: service and text of each, by its identifier."""
    done = subprocess.run(["countersign", "check", "--offline", "--json"], stdout=subprocess.PIPE, text=True, check=False)
    found = [finding for finding in json.loads(done.stdout)["findings"] if finding["id"].startswith("selinux")]
    return sorted({(finding["id"], finding["what"], finding.get("remedy", "")) for finding in found})


# --- people ---


def enters(terminal, second, asks=ASKS_CODE):
    """The local password, and then the second factor."""
    terminal.sees(HIDDEN)
    terminal.types(PASSWORD)
    terminal.sees(asks)
    terminal.types(second)
    return terminal


def by_ssh(machine, *options):
    """A login by ssh that has still to be answered. Who is confined here, is so at the end of it."""
    return machine.ssh("sue", *(options or [WITHOUT_KEY]))


def sits(machine, second=CODE, asks=ASKS_CODE):
    """A shell of sue's, at the end of a login by ssh."""
    return enters(machine.shell("sue", WITHOUT_KEY), second, asks).begins()


def at_console(machine):
    """sue at the console, before her password."""
    console = machine.console()
    console.sees("login: ")
    console.types("sue")
    return console


def runs(console):
    """The login at the console has come to a shell, which is in this domain."""
    console.sees(r"\$ $")
    console.types("id -Z")
    console.sees(STAFF)


# --- without the policy module ---


@case
def a_refusal_names_selinux_where_its_policy_forbids_to_connect(machine):
    login = by_ssh(machine)
    login.sees(HIDDEN)
    login.types(PASSWORD)
    login.sees("Permission denied")
    denied = DENIALS.new()
    machine.audit("sshd", outcome="error", reason="local", detail="forbidden by SELinux or a firewall: .*Permission denied.*")
    expect(any("name_connect" in line for line in denied), f"only this was denied: {denied}")


@case
def check_names_each_domain_that_there_is_and_the_policy_module(machine):
    del machine
    found = findings()
    said = " ".join(what for _, what, _ in found)
    for domain in "sshd_t", "local_login_t", "staff_sudo_t", "staff_su_t":
        expect(f"{domain} may not connect to port 8443 (http_port_t)" in said, f"nothing of {domain}: {found}")
    expect("sshd_session_t" not in said, f"this policy has no such domain: {found}")
    expect(all(POLICY in remedy for name, _, remedy in found if name == "selinux-connect"), f"another remedy: {found}")


@case
def the_policy_module_is_loaded_as_check_says_and_check_is_content(machine):
    del machine
    run("semodule", "-i", POLICY)
    run("restorecon", "-RFi", "/run/countersign", "/var/lib/countersign")
    DENIALS.new()
    found = findings()
    expect([name for name, _, _ in found] == ["selinux"], f"{found}")


# --- with it ---


@case
def ssh_password_and_code(machine):
    enters(by_ssh(machine), CODE).sees(STAFF)
    machine.audit("sshd", outcome="granted", mechanisms="UP,OATH")


@case
def ssh_password_and_push(machine):
    login = enters(by_ssh(machine), "")
    machine.tenant.approve("sue")
    login.sees(STAFF)
    machine.audit("sshd", outcome="granted", mechanisms="UP,OTP")


@case
def ssh_key_and_push(machine):
    login = enters(by_ssh(machine, f"-i{KEY}"), "")
    machine.tenant.approve("sue")
    login.sees(STAFF)
    machine.audit("sshd", outcome="granted", mechanisms="OTP")


@case
def login_at_the_console_by_code(machine):
    runs(enters(at_console(machine), CODE))
    machine.audit("login", outcome="granted", mechanisms="UP,OATH")


@case
def login_at_the_console_by_push(machine):
    console = enters(at_console(machine), "")
    machine.tenant.approve("sue")
    runs(console)
    machine.audit("login", outcome="granted", mechanisms="UP,OTP")


@case
def sudo_of_a_confined_user_by_code_and_then_remembered(machine):
    shell = sits(machine)
    enters(shell.types_command("sudo id -Z"), CODE).sees(ADMIN)
    machine.audit("sudo", outcome="granted", mechanisms="UP,OATH")
    again = shell.types_command("sudo -k; sudo id -Z")
    again.sees(HIDDEN)
    again.types(PASSWORD)
    again.sees(ADMIN)
    machine.audit("sudo", outcome="granted", reason="remembered", requests="0")


@case
def su_of_a_confined_user_by_push(machine):
    shell = sits(machine)
    attempt = enters(shell.types_command("su otto -c 'id -un'"), "")
    machine.tenant.approve("otto")
    attempt.sees(r"\notto\r?\n")
    machine.audit("su", outcome="granted", mechanisms="UP,OTP")


@case
def every_caller_by_a_proxy(machine):
    configure(BY_PROXY)
    before = len(PROXIED)
    runs(enters(at_console(machine), CODE))
    shell = sits(machine)
    enters(shell.types_command("sudo -k; sudo id -Z"), CODE).sees(ADMIN)
    enters(shell.types_command("su otto -c 'id -un'"), CODE).sees(r"\notto\r?\n")
    login = enters(by_ssh(machine, f"-i{KEY}"), "")
    machine.tenant.approve("sue")
    login.sees(STAFF)
    expect(len(PROXIED) >= before + 5, f"the proxy was asked for {PROXIED[before:]}")
    expect(set(PROXIED) == {"tenant.test:8443"}, f"the proxy was asked for {PROXIED}")


@case
def a_user_who_says_yes_at_a_login_by_ssh_gets_offline_codes(machine):
    configure(DIRECT, enrolls=True)
    login = enters(machine.ssh("otto", WITHOUT_KEY), CODE)
    login.sees(r"Asked once\. \[y/N\] ")
    login.types("y")
    key = login.sees(r"secret=(\w+)&[\s\S]*\nVerification code: ")[1]
    login.types(run("oathtool", "--totp", "--base32", key).strip())
    login.sees("Press Enter when you have written them down: ")
    login.types("")
    login.sees("unconfined_t")
    expect("countersign_var_lib_t" in run("ls", "-dZ", "/var/lib/countersign"), "the folder has another label")


@case
def every_caller_by_an_offline_code(machine):
    run("countersign", "totp", "import", "sue", input="GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n")
    sues, ottos = (recovery_codes(user) for user in ("sue", "otto"))
    machine.tenant.stop()
    shell = sits(machine, sues.pop(), ASKS_OFFLINE)
    enters(shell.types_command("sudo -k; sudo id -Z"), sues.pop(), ASKS_OFFLINE).sees(ADMIN)
    machine.audit("sudo", outcome="granted", mechanisms="OFFLINE_RECOVERY")
    enters(shell.types_command("su otto -c 'id -un'"), ottos.pop(), ASKS_OFFLINE).sees(r"\notto\r?\n")
    machine.audit("su", outcome="granted", mechanisms="OFFLINE_RECOVERY")
    runs(enters(at_console(machine), sues.pop(), ASKS_OFFLINE))
    machine.audit("login", outcome="granted", mechanisms="OFFLINE_RECOVERY")
    enters(by_ssh(machine, f"-i{KEY}"), sues.pop(), ASKS_OFFLINE).sees(STAFF)


def recovery_codes(user):
    """Ten new ones."""
    return json.loads(run("countersign", "totp", "recovery-codes", user, "--json"))["recovery_codes"]


def main():
    """Sets up the four services; the exit status."""
    print(run("getenforce").strip(), run("uname", "-r").strip(), flush=True)
    network.name_server()
    write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    configure(DIRECT)
    machine = Machine()
    write("/etc/sudoers.d/sue", "sue ALL=(ALL) ROLE=sysadm_r TYPE=sysadm_t ALL\n", 0o440)
    print(run("countersign", "setup", "--yes", "--blocks", "--without-tenant", "--accept-lockouts", "--service", "sshd,sudo,su,login", "--keys", "followed"))
    return play(machine, nothing_is_denied)


PROXIED = network.proxy(3128)
if __name__ == "__main__":
    sys.exit(main())
