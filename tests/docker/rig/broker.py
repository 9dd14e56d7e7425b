"""The broker, where the rig runs logins in it: what systemd does for it on a machine."""

import contextlib
import grp
import os
import pwd
import select
import shutil
import socket
import subprocess
import threading

PROGRAM = "/usr/local/sbin/countersignd"
SOCKET = "/run/countersign/login.sock"
ACCOUNT = "countersign"
CREDENTIALS = "/run/credentials/countersignd.service"
# What it keeps: a folder that a boot empties, and one that outlives it.
KEEPS = ["/run/countersign/state", "/var/lib/countersign/offline"]
# The small disk of one case.
FULL = "/full"
LOG = "/run/countersignd.log"


def is_used():
    """Whether logins run in the broker."""
    return os.path.exists(PROGRAM)


class Broker:
    """systemd's part: listens, and starts the broker when it is needed and does not run."""

    def __init__(self):
        self.process = None
        self.listener = None
        self.lock = threading.Lock()

    def prepare(self):
        """An account, and a socket of root's that all may use."""
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT], check=True)
        os.makedirs(os.path.dirname(SOCKET), mode=0o755, exist_ok=True)
        self.listen()
        threading.Thread(target=self.start_when_needed, daemon=True).start()

    def listen(self):
        """Has a socket at its place."""
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(SOCKET)
        os.chmod(SOCKET, 0o666)
        self.listener.listen(4096)

    def begin(self):
        """Its folders are there and empty, and are its own."""
        for folder in KEEPS:
            os.makedirs(folder, mode=0o700)
        for folder in *KEEPS, FULL:
            os.chown(folder, uid(), gid())

    def start_when_needed(self):
        """Starts it for a connection, and again once it has ended."""
        while True:
            select.select([self.listener], [], [])
            with self.lock:
                with open(LOG, "ab") as log:
                    self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                        ["sh", "-c", f'exec 3<&{self.listener.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$ CREDENTIALS_DIRECTORY={CREDENTIALS}; '
                         f"exec setpriv --reuid {ACCOUNT} --regid {ACCOUNT} --clear-groups --no-new-privs {PROGRAM}"],
                        pass_fds=[self.listener.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self.process.wait()

    def pid(self):
        """Which process it is, if it runs."""
        process = self.process
        return process.pid if process and process.poll() is None else None


def uid():
    """The number of its account."""
    return pwd.getpwnam(ACCOUNT).pw_uid


def gid():
    """The number of its group."""
    return grp.getgrnam(ACCOUNT).gr_gid


def give_credential(path):
    """What `LoadCredential=` does: a copy of a secret, which the broker alone reads."""
    os.makedirs(CREDENTIALS, mode=0o500, exist_ok=True)
    os.chown(CREDENTIALS, uid(), gid())
    copy = f"{CREDENTIALS}/{path.strip('/').replace('/', '-')}"
    with contextlib.suppress(FileNotFoundError):
        os.remove(copy)
    shutil.copyfile(path, copy)
    os.chown(copy, uid(), gid())
    os.chmod(copy, 0o400)
