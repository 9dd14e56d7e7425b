"""Logins in the broker: what its callers do to it and to each other, and what it believes."""

import contextlib
import json
import os
import signal
import socket
import subprocess

from .. import broker, host
from ..accounts import OTTOS_CODE, PASSWORD
from ..case import broker_case
from ..terms import expect
from .limits import ALLOWED, KEY, begins, calls, failures, sudo_of, traced
from .outage import OFFLINE
from .words import CODE, WRONG_CODE, answers, oath_code

GONE = "The identity service can't be reached. Please try again later."
REFUSED = {"Refused": "CallerMismatch"}


def hello(user, **more):
    """What a module says first, or a program that plays one."""
    said = {"version": 1, "user": {"Ok": user}, "service": "sudo", "rhost": None, "tty": None, "ruser": user, "real_uid": 0, "ssh_auth_info": None,
            "arguments": [], "program": "sudo", "pid": 1, "window": False, **more}
    return json.dumps({"Hello": said}).encode()


@contextlib.contextmanager
def connection(person="root"):
    """A connection of this person's own."""
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connected.settimeout(20)
    uid = host.uid_of(person)
    os.seteuid(uid)
    try:
        connected.connect(broker.SOCKET)
    finally:
        os.seteuid(0)
    with connected:
        yield connected


def hears(connected):
    """The next thing that the broker says; None at the end."""
    try:
        packet = connected.recv(65536)
    except ConnectionResetError:
        return None
    return json.loads(packet) if packet else None


def run_as(person, script):
    """What a program of this person's prints, which talks to the broker itself."""
    program = "import json, socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\ns.settimeout(20)\n" \
              f"s.connect({broker.SOCKET!r})\n{script}"
    done = subprocess.run(["setpriv", "--reuid", str(host.uid_of(person)), "--clear-groups", "python3", "-c", program],
                          capture_output=True, text=True, check=False)
    expect(done.returncode == 0, done.stderr)
    return done.stdout


@broker_case()
def the_broker_is_no_root_and_has_no_rights(world):
    attempt = world.sudo("otto")
    attempt.asks_hidden(r"password for otto: ")
    pid = host.BROKER.pid()
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        fields = dict(line.rstrip().split(":\t", 1) for line in status if ":\t" in line and line.split(":\t", 1)[1].strip())
    expect(set(fields["Uid"].split()) == {str(broker.uid())}, f"it runs as {fields['Uid']}")
    expect(int(fields["CapEff"], 16) == 0, "it has capabilities")
    attempt.types(PASSWORD)
    attempt.asks_openly(CODE)
    attempt.types(OTTOS_CODE)
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")


@broker_case()
def a_program_with_another_users_rights_asks_for_itself_alone(world):
    script = f"s.send({hello('otto')!r})\nprint(s.recv(65536).decode())"
    said = json.loads(run_as("alice", script))
    expect(said["End"]["decision"] == REFUSED and said["End"]["line"] is None, f"the broker said {said}")
    world.tenant.sent_nothing_to("otto")
    said = json.loads(run_as("otto", script))
    expect(said == "Password", f"the broker said {said}")
    world.verdict("denied", "conversation", "unprivileged", user="otto", rhost="", tty="")


@broker_case(also='[[exempt]]\nname = "here"\nnetworks = ["192.0.2.0/24"]\n[service.sudo.login]\nremember = "1h"\n')
def what_a_program_with_another_users_rights_says_of_host_and_service_is_not_believed(world):
    script = f"s.send({hello('otto', rhost='192.0.2.7', tty='/dev/pts/0', arguments=['config=/nowhere'])!r})\nprint(s.recv(65536).decode())"
    expect(json.loads(run_as("otto", script)) == "Password", "it was let in")
    world.verdict("denied", "conversation", "unprivileged", user="otto", rhost="")


@broker_case()
def what_is_malformed_ends_its_connection_alone(world):
    attempt = world.sudo("otto")
    attempt.asks_hidden(r"password for otto: ")
    for packet in b"x", b"{}", b'"Stop"', hello("otto", version=99), hello("otto", more=1), b" " * 70000, b'{"Answer":"Empty"}':
        with connection() as connected:
            connected.send(packet)
            expect(hears(connected) is None, f"the broker took {packet[:40]}")
    with connection() as connected:
        connected.send(hello("otto"))
        expect(hears(connected) == "Password", "the broker asked something else")
        connected.send(b'{"Seen":{"Connection":null}}')
        while "End" not in (said := hears(connected)):
            pass
        expect(said["End"]["decision"] == {"Refused": "Conversation"}, f"the broker said {said}")
    world.verdict("denied", "conversation", "sudo", user="otto")
    attempt.types(PASSWORD)
    attempt.asks_openly(CODE)
    attempt.types(OTTOS_CODE)
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")


@broker_case(stack="unix_requisite", also=ALLOWED.format(more=""))
def a_caller_that_is_stopped_in_any_way_makes_no_outage_and_delays_no_other_user(world):
    host.enroll_offline("alice", KEY)
    stopped = begins(world, "alice")
    stopped.asks_openly(CODE)
    sudo = sudo_of("alice")
    os.kill(sudo, signal.SIGSTOP)
    stopped.types(WRONG_CODE)
    attempt = world.sudo("otto")
    attempt.asks_hidden(r"password for otto: ")
    attempt.types(PASSWORD)
    attempt.asks_openly(CODE)
    attempt.types(OTTOS_CODE)
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")
    os.kill(sudo, signal.SIGCONT)
    stopped.ends()
    world.denied("alice", "sudo", "answer_refused")
    stopped.never_shows(OFFLINE)
    stopped.left_no_mark()


@broker_case(sudoers="Defaults passwd_tries=1")
def a_flood_of_one_user_leaves_others_served(world):
    script = f"""
all = [s]
for _ in range(200):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect({broker.SOCKET!r})
    all.append(s)
refused = 0
for s in all:
    try:
        s.send({hello('otto')!r})
        refused += not s.recv(65536)
    except OSError:
        refused += 1
print(refused, flush=True)
sys.stdin.read()
"""
    program = "import json, socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n" f"s.connect({broker.SOCKET!r})\n{script}"
    with subprocess.Popen(["setpriv", "--reuid", str(host.uid_of("otto")), "--clear-groups", "python3", "-c", program],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as flood:
        refused = int(flood.stdout.readline())
        expect(refused == 201 - 32, f"{refused} of 201 were refused")
        attempt = world.sudo("penny")
        answers(attempt, PASSWORD, "", hidden=r"password for penny: ")
        world.tenant.approve("penny")
        attempt.is_let_in("root")
        world.granted("penny", "sudo", "UP,OTP")
        attempt = world.sudo("otto")
        attempt.is_refused(GONE, status=1)
        attempt.left_no_mark()
        entry = world.log.next_audit()
        expect('reason="local"' in entry.text, f"{entry}")
        flood.stdin.close()
    for _ in range(32):
        world.denied("otto", "unprivileged", "conversation")


@broker_case(stack="unix_requisite", also=ALLOWED.format(more=""))
def a_broker_that_is_killed_refuses_and_loses_nothing(world):
    host.enroll_offline("alice", KEY)
    attempt = begins(world, "alice")
    attempt.asks_openly(CODE)
    attempt.types("")
    world.tenant.message("alice")
    os.kill(host.BROKER.pid(), signal.SIGKILL)
    attempt.sees(GONE)
    world.verdict("error", "local", "sudo", user="alice")
    expect(host.pushes_spent("alice@example.com") == 1, "the push is not counted")
    attempt.ends()
    attempt.left_no_mark()
    with world.tenant_stopped():
        attempt = calls(world, "sudo", [], [oath_code(KEY)])
        attempt.left_no_mark()
        world.verdict("denied", "offline_blocked", user="alice", service="sudo")


def is_held(pid):
    """Whether strace holds the process, or has killed it."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return traced(pid)
    return True


# System calls of a login from when the code is typed. The first and the second of each.
CALLS = ["recvfrom", "openat", "newfstatat", "statx", "fcntl", "mmap", "read", "pread64", "fdatasync", "munmap", "close", "socket", "sendto"]
MOMENTS = [f"{call}:signal=KILL:when={count}" for call in CALLS for count in (1, 2)]


@broker_case(stack="unix_requisite", also=ALLOWED.format(more="") + "[service.sudo.login]\nattempts = 1\n", sudoers="Defaults passwd_tries=1")
def a_broker_that_is_killed_at_any_system_call_has_a_code_count_once_at_most(world):
    killed, let_in = 0, 0
    with world.tenant_stopped():
        for moment in MOMENTS:
            subprocess.run(["countersign", "totp", "remove", "alice"], capture_output=True, check=False)
            host.enroll_offline("alice", KEY)
            attempt = begins(world, "alice")
            attempt.asks_openly(OFFLINE)
            pid = host.BROKER.pid()
            with subprocess.Popen(["strace", "-qq", "-f", "-p", str(pid), "-e", f"inject={moment}"], stderr=subprocess.DEVNULL) as tracer:
                world.until(lambda pid=pid: is_held(pid))
                code = oath_code(KEY)
                attempt.types(code)
                attempt.ends()
                tracer.terminate()
            killed += GONE in attempt.printed
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            world.until(lambda pid=pid: host.BROKER.pid() != pid)
            again = calls(world, "sudo", [], [code])
            passes = [os.path.exists(made.marker) for made in (attempt, again)]
            expect(sum(passes) <= 1, f"the code counted twice at {moment}")
            let_in += passes[0]
            world.log.may_audit()
    expect(killed > 10 and let_in > 0, f"{killed} of {len(MOMENTS)} were killed, and {let_in} let in")


@broker_case()
def a_broker_that_the_system_ends_lets_logins_end_first(world):
    attempt = world.sudo("otto")
    attempt.asks_hidden(r"password for otto: ")
    before = host.BROKER.pid()
    os.kill(before, signal.SIGTERM)
    attempt.types(PASSWORD)
    attempt.asks_openly(CODE)
    attempt.types(OTTOS_CODE)
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")
    attempt = world.sudo("otto", "-k")
    attempt.asks_hidden(r"password for otto: ")
    expect(host.BROKER.pid() not in (None, before), "the old one runs")
    attempt.types(PASSWORD)
    attempt.asks_openly(CODE)
    attempt.types(OTTOS_CODE)
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")


@broker_case(also='[broker]\nuse = "never"')
def the_configuration_can_keep_logins_in_the_program(world):
    attempt = world.sudo("otto")
    attempt.asks_hidden(r"password for otto: ")
    with open(f"/proc/{sudo_of('otto')}/maps", encoding="ascii") as maps:
        expect("pam_countersign.so" in maps.read(), "the module is not there")
    attempt.types(PASSWORD)
    attempt.asks_openly(CODE)
    pid = host.BROKER.pid()
    expect(pid is None or len(os.listdir(f"/proc/{pid}/task")) == 1, "the broker runs a login")
    attempt.types(OTTOS_CODE)
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")


@broker_case(sudoers="Defaults passwd_tries=1")
def a_socket_that_no_process_listens_at_refuses_and_one_in_other_hands_gets_no_password(world):
    os.rename(broker.SOCKET, f"{broker.SOCKET}.away")
    try:
        for owner, mode, problem in (0, 0o755, "can't be connected to"), (host.uid_of("penny"), 0o755, "belongs to uid"), (0, 0o777, "is writable for others"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
                other.bind(broker.SOCKET)
                os.chown(broker.SOCKET, owner, 0)
                os.chmod(os.path.dirname(broker.SOCKET), mode)
                if problem != "can't be connected to":
                    other.listen()
                attempt = world.sudo("otto")
                attempt.is_refused(GONE, status=1)
                attempt.left_no_mark()
                entry = world.log.next_audit()
                expect('reason="local"' in entry.text and problem in entry.text, f"{entry}")
            os.remove(broker.SOCKET)
            os.chmod(os.path.dirname(broker.SOCKET), 0o755)
        # Without a socket logins run as they did before there was one.
        attempt = world.sudo("otto")
        answers(attempt, PASSWORD, OTTOS_CODE, hidden=r"password for otto: ")
        attempt.is_let_in("root")
        world.granted("otto", "sudo", "UP,OATH")
        # What is kept is the broker's, and what root has made there since as well.
        for name in os.listdir(host.STATE):
            expect(os.stat(f"{host.STATE}/{name}").st_uid == broker.uid(), f"{name} is of another user")
        host.use_configuration("usual", '[broker]\nuse = "always"')
        attempt = world.sudo("otto", "-k")
        attempt.is_refused(GONE, status=1)
        world.verdict("error", "local", "sudo", user="otto", detail=f"broker.use is always, and there is no {broker.SOCKET}")
    finally:
        os.rename(f"{broker.SOCKET}.away", broker.SOCKET)


@broker_case()
def failures_are_counted_in_one_place_whichever_way_a_login_runs(world):
    host.use_stack("unix_requisite")
    host.use_configuration("usual", ALLOWED.format(more=""))
    host.enroll_offline("alice", KEY)
    with world.tenant_stopped():
        calls(world, "sudo", [], [WRONG_CODE] * 3)
        world.verdict("denied", "offline_refused", user="alice", service="sudo")
        os.rename(broker.SOCKET, f"{broker.SOCKET}.away")
        try:
            calls(world, "sudo", [], [WRONG_CODE] * 3)
            world.verdict("denied", "offline_locked", user="alice", service="sudo")
        finally:
            os.rename(f"{broker.SOCKET}.away", broker.SOCKET)
        expect(failures() == 5, f"{failures()} failures are counted, not 5")
        calls(world, "sudo", [], [oath_code(KEY)]).left_no_mark()
        world.verdict("denied", "offline_locked", user="alice", service="sudo")


@broker_case()
def check_proves_the_broker_by_a_connection(world):
    found = [finding for finding in host.check("--config", host.CONFIGURATION)["findings"] if finding["id"].startswith("broker")]
    expect([finding["severity"] for finding in found] == ["passed"], f"{found}")
    os.rename(broker.SOCKET, f"{broker.SOCKET}.away")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
            other.bind(broker.SOCKET)
            found = [finding["id"] for finding in host.check("--config", host.CONFIGURATION)["findings"] if finding["id"].startswith("broker")]
            expect(found == ["broker-silent"], f"{found}")
        os.remove(broker.SOCKET)
        host.use_configuration("usual", '[broker]\nuse = "always"')
        found = [finding["id"] for finding in host.check("--config", host.CONFIGURATION)["findings"] if finding["id"].startswith("broker")]
        expect(found == ["broker-missing"], f"{found}")
    finally:
        os.rename(f"{broker.SOCKET}.away", broker.SOCKET)
