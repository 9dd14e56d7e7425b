"""An outage opens offline codes: what the network does makes one, and what a user of this machine does makes none."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import threading
import time

from .. import host
from ..accounts import PASSWORD
from ..case import case
from ..terminal import become
from ..terms import DEADLINE, expect
from .limits import state_of, traced
from .offline import KEY, OFFLINE
from .words import HIDDEN, answers, oath_code

TENANT = ("127.0.0.1", 8443)
SUDO = r"\[sudo\] password for otto: "
STOPPED = "this process was stopped or starved"
# Longer than `request_timeout` in the configurations here, in seconds.
LONG = 4
# Of ptrace(2).
SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17


def outage(configuration, process_only=False):
    """A case in which sudo does not ask again."""
    return case(stack="unix_requisite", configuration=configuration, sudoers="Defaults:otto passwd_tries=1", process_only=process_only)


# --- programs that ask for the password, and what becomes of them ---


def sudo(world):
    """Otto calls sudo."""
    return begun(world.sudo("otto"), SUDO)


def su(world):
    """The visitor knows otto's password."""
    return begun(world.su("visitor", "otto"), HIDDEN)


def pamtester(world):
    """Root runs the application that does nothing but PAM."""
    return begun(world.pamtester("otto"), HIDDEN)


def begun(attempt, prompt):
    """Otto's password is typed."""
    host.enroll_offline("otto", KEY)
    attempt.asks_hidden(prompt)
    attempt.types(PASSWORD)
    return attempt


PROGRAMS = {"sudo": sudo, "su": su}


def is_offered_a_code(world, attempt, service, detail):
    """The honest outage: the code stands in for the tenant."""
    attempt.asks_openly(OFFLINE)
    attempt.types(oath_code(KEY))
    expect(attempt.ends() == 0, "the right offline code was refused")
    entry = world.log.next_audit()
    expect(entry.audit[1]["service"] == service and entry.audit[1]["reason"] == "offline", f"not by an offline code: {entry}")
    expect(detail in entry.audit[1]["detail"], f"not of {detail!r}: {entry}")


def is_refused(world, attempt, reason, detail):
    """No outage: refused without a question, for this reason."""
    expect(attempt.ends() != 0, "the program ended well")
    attempt.never_shows(OFFLINE)
    fields = world.log.next_audit().audit[1]
    expect(fields["reason"] == reason and detail in fields["detail"], f"expected {reason} of {detail!r}: {fields}")


def stop(attempt):
    """Stops a program for longer than a request may take."""
    os.kill(attempt.child.pid, signal.SIGSTOP)
    time.sleep(LONG)
    os.kill(attempt.child.pid, signal.SIGCONT)


# --- networks ---


class Silent:
    """A listener that takes connections and says nothing, or says one thing to the first bytes."""

    def __init__(self, address, says=b""):
        self.listener = socket.create_server(address)
        self.listener.settimeout(DEADLINE)
        self.says, self.taken = says, []

    def take(self):
        """Awaits a connection and its first bytes."""
        connection, _ = self.listener.accept()
        connection.recv(1024)
        if self.says:
            connection.sendall(self.says)
        self.taken.append(connection)

    def close(self):
        """No process listens any more."""
        for each in [self.listener, *self.taken]:
            each.close()


@contextlib.contextmanager
def silent(world, address=TENANT, says=b""):
    """In place of the tenant, or of a proxy to it."""
    with world.tenant_stopped(), contextlib.closing(Silent(address, says)) as listener:
        yield listener


@contextlib.contextmanager
def black_hole(world):
    """At the tenant's address no connect is answered: the queue of the listener is full."""
    with world.tenant_stopped(), socket.create_server(TENANT, backlog=0), contextlib.ExitStack() as queue:
        while True:
            client = queue.enter_context(socket.socket())
            client.settimeout(0.2)
            try:
                client.connect(TENANT)
            except TimeoutError:
                break
        yield


def awaits_a_connect():
    """Until one more connect to the tenant waits for its answer; the one of `black_hole` does already."""
    end = time.monotonic() + DEADLINE
    wanted = f":{TENANT[1]:04X} 02"
    while time.monotonic() < end:
        with open("/proc/net/tcp", encoding="ascii") as sockets:
            if sum(wanted in line for line in sockets) > 1:
                return
    expect(False, "nothing connects")


@contextlib.contextmanager
def name_server(code=None):
    """The name server of this machine, which answers each question with this code, or none."""
    with open("/etc/resolv.conf", encoding="ascii") as file:
        before = file.read()
    asked = threading.Event()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.53", 53))

    def serve():
        while True:
            question, client = server.recvfrom(512)
            if not question:
                return
            asked.set()
            if code is not None:
                server.sendto(question[:2] + bytes([0x81, 0x80 | code]) + question[4:], client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        write("/etc/resolv.conf", "nameserver 127.0.0.53\n")
        yield asked
    finally:
        write("/etc/resolv.conf", before)
        server.sendto(b"", server.getsockname())
        thread.join()
        server.close()


# Takes as many ports as one process can have, says so, and keeps them until its input ends.
TAKER = """
import resource, socket, sys
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
taken = []
try:
    while True:
        taken.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        taken[-1].bind(("", 0))
except OSError:
    print(len(taken), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def no_ports():
    """The visitor has taken every port for datagrams."""
    with contextlib.ExitStack() as takers:
        while True:
            command = [*become("visitor"), "python3", "-c", TAKER]
            taker = takers.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            takers.callback(taker.stdin.close)
            if int(taker.stdout.readline()) < 2:
                break
        yield


def write(path, text):
    """The whole of a file."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


@contextlib.contextmanager
def distant(address, delay):
    """A way to the tenant, on which everything takes so many seconds more in each direction."""
    with open("/etc/hosts", encoding="ascii") as file:
        before = file.read()
    with socket.create_server(address) as listener:
        def serve():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                tenant = socket.create_connection(TENANT)
                threading.Thread(target=carry, args=(client, tenant, delay), daemon=True).start()
                threading.Thread(target=carry, args=(tenant, client, delay), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        write("/etc/hosts", f"{address[0]} tenant.test\n" + before.replace(" tenant.test", ""))
        try:
            yield
        finally:
            write("/etc/hosts", before)
            listener.shutdown(socket.SHUT_RDWR)


def carry(source, target, delay):
    """What comes from there goes here, late."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            time.sleep(delay)
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


def leads_to(address):
    """Whether a process has a connection to this address, as the kernel writes it down."""
    number = "".join(f"{int(part):02X}" for part in reversed(address[0].split(".")))
    with open("/proc/net/tcp", encoding="ascii") as sockets:
        return any(line.split()[2] == f"{number}:{address[1]:04X}" for line in sockets.readlines()[1:])


# --- honest outages ---


@outage(configuration="hurried")
def where_nobody_listens_the_code_is_asked_for_by_sudo_and_su(world):
    with world.tenant_stopped():
        is_offered_a_code(world, sudo(world), "sudo", "connection refused")
        host.forget_logins()
        is_offered_a_code(world, su(world), "su", "connection refused")


@outage(configuration="hurried")
def a_connect_that_nobody_answers_is_an_outage(world):
    with black_hole(world):
        is_offered_a_code(world, sudo(world), "sudo", "no answer to the connect")


@outage(configuration="hurried")
def a_network_that_takes_the_connection_and_stays_silent_is_an_outage(world):
    with silent(world) as network:
        attempt = sudo(world)
        network.take()
        is_offered_a_code(world, attempt, "sudo", "connected, and not a byte came back")


@outage(configuration="nameless")
def name_servers_that_no_way_leads_to_are_an_outage(world):
    with name_server():
        write("/etc/resolv.conf", "nameserver 192.0.2.53\n")
        is_offered_a_code(world, sudo(world), "sudo", "no answer from the name service")


@outage(configuration="proxied")
def a_proxy_that_did_not_reach_the_tenant_is_an_outage_and_one_that_is_busy_is_none(world):
    proxy = ("127.0.0.1", 3128)
    with silent(world, proxy, b"HTTP/1.1 502 Bad Gateway\r\n\r\n") as network:
        attempt = sudo(world)
        network.take()
        is_offered_a_code(world, attempt, "sudo", "proxy could not reach the tenant")
    host.forget_logins()
    with silent(world, proxy, b"HTTP/1.1 503 Service Unavailable\r\n\r\n") as network:
        attempt = sudo(world)
        network.take()
        is_refused(world, attempt, "misbehaved", "it answered CONNECT with status 503")


# --- what a user of this machine does ---


@outage(configuration="hurried")
def one_byte_of_the_network_is_enough_to_make_it_no_outage(world):
    with silent(world, says=b"\x16") as network:
        attempt = sudo(world)
        network.take()
        is_refused(world, attempt, "misbehaved", "no response in time")


@outage(configuration="nameless", process_only=True)
def a_program_that_is_stopped_during_the_lookup_meets_no_outage(world):
    for program in PROGRAMS.values():
        host.forget_logins()
        with name_server() as asked:
            attempt = program(world)
            expect(asked.wait(DEADLINE), "the name server was not asked")
            stop(attempt)
            is_refused(world, attempt, "local", STOPPED)


@outage(configuration="hurried", process_only=True)
def a_program_that_is_stopped_during_the_connect_meets_no_outage(world):
    for program in PROGRAMS.values():
        host.forget_logins()
        with black_hole(world):
            attempt = program(world)
            awaits_a_connect()
            stop(attempt)
            is_refused(world, attempt, "local", STOPPED)


@outage(configuration="hurried", process_only=True)
def a_program_that_is_stopped_during_the_handshake_meets_no_outage(world):
    for program in PROGRAMS.values():
        host.forget_logins()
        with silent(world) as network:
            attempt = program(world)
            network.take()
            stop(attempt)
            is_refused(world, attempt, "local", STOPPED)


@outage(configuration="hurried", process_only=True)
def a_program_that_is_stopped_between_its_waits_meets_no_outage(world):
    far = ("127.0.0.2", 8443)
    with distant(far, 0.1):
        host.enroll_offline("otto", KEY)
        attempt = world.su("visitor", "otto")
        attempt.asks_hidden(HIDDEN)
        pid = attempt.child.pid
        stopper = subprocess.Popen(["strace", "-qq", "-p", str(pid), "-e", "inject=connect:signal=STOP"], stderr=subprocess.DEVNULL)
        world.until(lambda: traced(pid))
        attempt.types(PASSWORD)
        # It connects to services of this machine before. It is looked at while it stands still, so it can't get ahead.
        while True:
            world.until(lambda: stands_still(pid))
            if leads_to(far):
                break
            os.kill(pid, signal.SIGCONT)
        time.sleep(1.9)
        stopper.terminate()
        stopper.wait()
        os.kill(pid, signal.SIGCONT)
        is_refused(world, attempt, "local", STOPPED)


def stands_still(pid):
    """Stopped for longer than strace takes to look at a call."""
    for _ in range(10):
        if state_of(pid) not in "tT":
            return False
        time.sleep(0.005)
    return True


@outage(configuration="hurried", process_only=True)
def many_stops_that_are_short_meet_no_outage_either(world):
    with silent(world) as network:
        attempt = sudo(world)
        network.take()
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            os.kill(attempt.child.pid, signal.SIGSTOP)
            time.sleep(0.3)
            os.kill(attempt.child.pid, signal.SIGCONT)
            time.sleep(0.01)
        is_refused(world, attempt, "local", STOPPED)


@outage(configuration="hurried", process_only=True)
def a_program_that_is_stopped_while_it_waits_for_the_phone_meets_no_outage(world):
    world.tenant.fails("slow", action="Poll", millis=1000 * LONG, times=1)
    host.enroll_offline("penny", KEY)
    attempt = world.sudo("penny")
    answers(attempt, PASSWORD, "", hidden=r"\[sudo\] password for penny: ")
    world.tenant.message("penny")
    end = time.monotonic() + DEADLINE
    while "Poll" not in world.tenant.operations() and time.monotonic() < end:
        pass
    stop(attempt)
    is_refused(world, attempt, "local", STOPPED)


@outage(configuration="hurried", process_only=True)
def a_program_that_is_frozen_without_a_signal_meets_no_outage(world):
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    with silent(world) as network:
        attempt = pamtester(world)
        network.take()
        pid = attempt.child.pid
        expect(ptrace(SEIZE, pid, None, None) == 0 and ptrace(INTERRUPT, pid, None, None) == 0, "it could not be frozen")
        os.waitpid(pid, 0)
        time.sleep(LONG)
        expect(ptrace(DETACH, pid, None, None) == 0, "it could not be let go")
        is_refused(world, attempt, "local", STOPPED)


@outage(configuration="nameless")
def a_resolver_of_this_machine_that_its_users_keep_busy_makes_no_outage(world):
    for code in 2, 3, 5, None:
        host.forget_logins()
        with name_server(code):
            is_refused(world, sudo(world), "local", "the name servers of the network could not be asked")


@outage(configuration="nameless")
def a_machine_whose_ports_are_used_up_meets_no_outage(world):
    with name_server(), no_ports():
        write("/etc/resolv.conf", "nameserver 192.0.2.53\n")
        is_refused(world, sudo(world), "local", "no port for datagrams")


@outage(configuration="hurried")
def a_program_with_few_descriptors_or_little_memory_meets_no_outage(world):
    host.enroll_offline("otto", KEY)
    limits = [f"--nofile={count}:{count}" for count in range(4, 16)]
    limits += [f"--as={megabytes << 20}:{megabytes << 20}" for megabytes in (12, 16, 24, 32, 48, 64)]
    for limit in limits:
        mark = world.mark()
        attempt = world.attempt("visitor", ["prlimit", limit, "su", "otto", "-c", f"touch {mark}"], marker=mark)
        if attempt.sees_one_of(HIDDEN, r"su: ", r"error while loading", r"prlimit: ") == 0:
            attempt.types(PASSWORD)
            if attempt.sees_one_of(r"[Vv]erification code: ", r"su: [^\r\n]+\r?\n") == 0:
                attempt.presses("\x03")
        attempt.ends()
        attempt.never_shows(OFFLINE)
    world.log.may_audit()
