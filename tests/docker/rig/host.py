"""The system that is logged in to: its files, its sshd, and the module in its place."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess

from . import accounts, broker
from .accounts import CLIENT_SECRET

FILES = "/opt/rig/etc"
SERVICES = ["sshd", "sudo", "sudo-i", "su", "su-l", "rig"]
SSHD_OPTIONS = {
    "interactive": {"Port": 2201, "KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no"},
    "both": {"Port": 2202, "KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no",
             "AuthenticationMethods": "publickey,keyboard-interactive:pam"},
    "alone": {"Port": 2205, "KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no",
              "AuthenticationMethods": "keyboard-interactive:pam"},
    "blind": {"Port": 2203, "KbdInteractiveAuthentication": "no", "PasswordAuthentication": "yes"},
    "either": {"Port": 2204, "KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no", "PermitRootLogin": "yes",
               "AuthenticationMethods": "publickey,keyboard-interactive:pam keyboard-interactive:pam"},
    "verified": {"Port": 2206, "KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no",
                 "AuthenticationMethods": "publickey,keyboard-interactive:pam", "PubkeyAuthOptions": "verify-required"},
}
CONFIGURATION = "/etc/countersign/countersign.toml"
CLIENT_SECRET_FILE = "/etc/countersign/client-secret"
STATE = "/run/countersign/state"
OFFLINE = "/var/lib/countersign/offline"
# The visitor's own, for penny, otto and bob, and three more that open root's account.
KEYS = ["id_ed25519", "alices", "bobs", "strangers"]
# Security keys, for penny and otto: the first asks for a touch alone, the second for a PIN as well.
SECURITY_KEYS = {"touched": [], "unlocked": ["-O", "verify-required"]}
SECURITY_KEY_PROVIDER = "/opt/rig/security_key.so"
FINGERPRINTS = {}
BROKER = broker.Broker()
# The stacks as the distribution's packages left them.
ORIGINAL_STACKS = "/opt/rig/original-pam.d"


def prepare(tenant):
    """Puts everything in its place and starts one sshd for each set of options."""
    accounts.create()
    install("libnss_spell.so.2", f"{os.path.dirname(security_folder())}/libnss_spell.so.2", source="/opt/rig")
    know_more_spellings()
    shutil.copytree("/etc/pam.d", ORIGINAL_STACKS)
    with open("/etc/hosts", "a", encoding="ascii") as hosts:
        hosts.write("127.0.0.1 rig tenant.test evil.test\n")
    install("pam_countersign.so", f"{security_folder()}/pam_countersign.so", source="/opt/rig")
    os.makedirs("/etc/countersign", mode=0o755)
    trust(tenant)
    if broker.is_used():
        BROKER.prepare()
    prepare_keys()
    for name, options in SSHD_OPTIONS.items():
        start_sshd(name, options)


def know_more_spellings():
    """Has names looked up by a service that knows more spellings of them, behind the files."""
    with open("/etc/nsswitch.conf", encoding="ascii") as file:
        lines = file.readlines()
    with open("/etc/nsswitch.conf", "w", encoding="ascii") as file:
        file.writelines("passwd: files spell\n" if line.startswith("passwd:") else line for line in lines)


def uid_of(user):
    """The number of an account."""
    return pwd.getpwnam(user).pw_uid


def security_folder():
    """Where this system's libpam looks for modules."""
    [folder] = [root for root, _, files in os.walk("/usr/lib") if root.endswith("/security") and "pam_unix.so" in files]
    return folder


def install(name, target, mode=0o644, source=FILES):
    """Copies a file as a package would: root's, with this mode."""
    shutil.copyfile(f"{source}/{name}", target)
    os.chown(target, 0, 0)
    os.chmod(target, mode)


def trust(tenant):
    """Makes the tenant's certificate authority the one that the configuration names."""
    install(os.path.basename(tenant.authority), "/etc/countersign/tenant-ca.pem", source=os.path.dirname(tenant.authority))


def use_stack(name):
    """Gives every service this stack."""
    for service in SERVICES:
        install(f"pam.d/{name}", f"/etc/pam.d/{service}")


def write_stack(service, text):
    """Gives one service this stack, until the next case."""
    with open(f"/etc/pam.d/{service}", "w", encoding="ascii") as file:
        file.write(text)


def check(*options, offline=True):
    """What the command finds on this system."""
    command = ["countersign", "check", "--json", *(["--offline"] if offline else []), *options]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(checked.stdout)
    assert checked.returncode == (1 if report["errors"] else 0), checked
    return report


def use_system_stacks():
    """Gives every service the stack that it has from the distribution."""
    for service in SERVICES:
        if os.path.exists(f"{ORIGINAL_STACKS}/{service}"):
            shutil.copyfile(f"{ORIGINAL_STACKS}/{service}", f"/etc/pam.d/{service}")


def start_system_sshd():
    """Starts the sshd of the distribution, with its configuration and on its port."""
    subprocess.run(["ssh-keygen", "-A"], check=True, capture_output=True)
    subprocess.run(["/usr/sbin/sshd"], check=True)


def use_configuration(name, also=""):
    """Makes this the module's configuration, with more at its end; `{fingerprints[alices]}` there is that key's."""
    install(f"countersign/{name}.toml", CONFIGURATION)
    with open(CONFIGURATION, "a", encoding="utf-8") as configuration:
        configuration.write("\n" + also.format(fingerprints=FINGERPRINTS) + "\n")
    use_client_secret(CLIENT_SECRET)


def use_client_secret(secret, mode=0o600):
    """Makes this the secret of this machine's own."""
    with open(CLIENT_SECRET_FILE, "w", encoding="utf-8") as file:
        os.chmod(CLIENT_SECRET_FILE, mode)
        file.write(secret + "\n")
    if broker.is_used():
        broker.give_credential(CLIENT_SECRET_FILE)


def use_sudoers(also):
    """Makes this the configuration of sudo: the usual, and this. sudo remembers no user any more."""
    install("sudoers", "/etc/sudoers.d/rig", mode=0o440)
    with open("/etc/sudoers.d/rig", "a", encoding="ascii") as sudoers:
        sudoers.write(also + "\n")
    shutil.rmtree("/run/sudo/ts", ignore_errors=True)


def forget_logins():
    """Removes what the module remembers between logins."""
    for folder in STATE, OFFLINE:
        shutil.rmtree(folder, ignore_errors=True)
    if broker.is_used():
        BROKER.begin()


def keeper():
    """Whose it is that keeps what is kept: the number of the account."""
    return broker.uid() if broker.is_used() else 0


def enroll_offline(user, secret):
    """Gives a user an offline code with this key, as an administrator with a list does."""
    subprocess.run(["countersign", "totp", "import", user], input=secret + "\n", capture_output=True, text=True, check=True)


def pushes_spent(tenant_user):
    """How many pushes, messages and calls the module has counted for a user of the tenant."""
    told = subprocess.run(["countersign", "budget", "--json"], capture_output=True, text=True, check=True)
    spent = [spent for spent in json.loads(told.stdout) if spent["tenant_user"] == tenant_user]
    return len(spent[0]["rung_seconds_ago"]) if spent else 0


def end_all_but(*kept):
    """Ends every process of the container but this one, the servers and these."""
    kept = {os.getpid(), *kept, *(int(open(f"/run/sshd-{name}.pid", encoding="ascii").read()) for name in SSHD_OPTIONS)}
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        if pid not in kept:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def loosen_configuration():
    """Lets every user write the configuration, until another one is put in its place."""
    os.chmod(CONFIGURATION, 0o666)


def edit_configuration():
    """Changes the configuration, but nothing of what it says."""
    with open(CONFIGURATION, "a", encoding="utf-8") as configuration:
        configuration.write("# edited\n")


# --- ssh ---


def prepare_keys():
    """A host key, and the keys that the visitor has: one that people take, and those that root takes."""
    os.makedirs("/run/sshd", exist_ok=True)
    os.makedirs("/home/visitor/.ssh")
    keys = {name: f"/home/visitor/.ssh/{name}" for name in KEYS}
    for path in "/etc/ssh/rig_host_key", *keys.values():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    for name, options in SECURITY_KEYS.items():
        keys[name] = f"/home/visitor/.ssh/{name}"
        make = ["ssh-keygen", "-q", "-t", "ed25519-sk", *options, "-w", SECURITY_KEY_PROVIDER, "-N", "", "-f", keys[name]]
        subprocess.run(make, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    FINGERPRINTS.update((name, fingerprint(path)) for name, path in keys.items())
    install("ssh_config", "/home/visitor/.ssh/config")
    known = open("/etc/ssh/rig_host_key.pub", encoding="ascii").read()
    with open("/home/visitor/.ssh/known_hosts", "w", encoding="ascii") as hosts:
        hosts.writelines(f"[127.0.0.1]:{options['Port']} {known}" for options in SSHD_OPTIONS.values())
    give("/home/visitor/.ssh", "visitor")
    people, *roots = (keys[name] for name in KEYS)
    for person in "penny", "otto", "bob":
        let_in(person, f"/home/{person}/.ssh", [people, *(keys[name] for name in SECURITY_KEYS)])
    let_in("root", "/root/.ssh", roots)


def let_in(person, folder, keys):
    """Lets these keys open a user's account."""
    os.makedirs(folder, mode=0o700)
    with open(f"{folder}/authorized_keys", "w", encoding="ascii") as authorized:
        authorized.writelines(open(f"{key}.pub", encoding="ascii").read() for key in keys)
    give(folder, person)


def fingerprint(key):
    """A key's, as people write it down."""
    listed = subprocess.run(["ssh-keygen", "-l", "-f", key], capture_output=True, text=True, check=True)
    return listed.stdout.split()[1]


def give(folder, user):
    """Makes a folder and all in it this user's alone."""
    subprocess.run(["chown", "-R", f"{user}:{user}", folder], check=True)
    subprocess.run(["chmod", "-R", "go=", folder], check=True)


def start_sshd(name, options):
    """Starts an sshd; it logs to /dev/log as every program does, with its debug lines. It has its port when this returns."""
    path = f"/etc/ssh/rig_{name}"
    with contextlib.closing(open(path, "w", encoding="ascii")) as configuration:
        configuration.write(open(f"{FILES}/sshd_config", encoding="ascii").read())
        configuration.writelines(f"{key} {value}\n" for key, value in options.items())
        configuration.write(f"PidFile /run/sshd-{name}.pid\n")
        if knows("PerSourcePenalties=no"):
            configuration.write("PerSourcePenalties no\n")
    subprocess.run(["/usr/sbin/sshd", "-f", path], check=True)


def knows(option):
    """Whether this sshd has the option: from 9.8 on a client that fails often is shut out for a while."""
    command = ["/usr/sbin/sshd", "-t", "-f", f"{FILES}/sshd_config", "-o", option]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
