"""The machine that is measured on: a folder of its own, a certificate chain, a simulated tenant, an account, a log."""

import ctypes
import json
import os
import pwd
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.request

USER, UID = "bench", 47110
# As many people log in at once.
CROWD = 200
PASSWORD = "correct horse"
RUNTIME = "/run/countersign"
# Where the module keeps the compiled form of long configurations.
COMPILED = f"{RUNTIME}/state"
DEADLINE = 30
# The simulator is on loopback: what a proxy variable says must not matter.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))
HERE = os.path.dirname(os.path.abspath(__file__))


def said(*command, **more):
    """What a program prints; an error if it fails."""
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


class Tenant:
    """A simulator, with a certificate of RSA-2048 that an intermediate has signed, as live tenants have it."""

    def __init__(self, rig, scenario):
        self.out = tempfile.mkdtemp(dir=rig.folder)
        port, phone = free_port(), free_port()
        self.address, self.phone = f"127.0.0.1:{port}", f"127.0.0.1:{phone}"
        command = [f"{rig.target}/release/simulator", "--listen", self.address, "--phone", self.phone]
        self.process = subprocess.Popen([*command, "--scenario", scenario, "--out", self.out], stdout=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        if not ready or not self.process.stdout.readline().startswith("ready "):
            raise RuntimeError("the simulated tenant did not start")

    def call(self, method, path, **body):
        """A call of the phone's side."""
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"http://{self.phone}{path}", data, method=method)
        with HTTP.open(request, timeout=DEADLINE) as reply:
            return json.load(reply)

    def requests(self):
        """Everything that it was asked so far."""
        return self.call("GET", "/requests?wait=0")

    def connections(self):
        """Counts of connections and handshakes."""
        return self.call("GET", "/connections")

    def stop(self):
        """No process listens any more."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Rig:
    """What all rows share. `private` says whether this is a mount namespace of our own, and we are root in it."""

    def __init__(self, target):
        self.target = os.path.abspath(target)
        self.private = os.environ.get("BENCH_PRIVATE") == "1"
        # As deep as /etc/countersign is, for each directory above a file is checked.
        parent = "/run" if os.geteuid() == 0 else None
        self.folder = tempfile.mkdtemp(prefix="countersign-bench-", dir=parent)
        self.login = f"{self.target}/bench_login"
        self.module = shutil.copy(f"{self.target}/release/libpam_countersign.so", self.path("pam_countersign.so"))
        self.limit = shutil.copy(f"{self.target}/release/examples/libpam_limit.so", self.path("pam_limit.so"))
        self.stand_in = shutil.copy(f"{self.target}/bench_password.so", self.path("pam_password.so"))
        self.user, self.uid = (USER, UID) if self.private else (pwd.getpwuid(os.geteuid()).pw_name, os.geteuid())
        self.write("other", "auth required pam_deny.so\n")
        if self.private:
            # As /run is: what is kept there is gone at boot, and no login waits for a disk.
            os.mkdir(self.path("state"), 0o700)
            said("mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", self.path("state"))
            self.made_folder = not os.path.isdir(RUNTIME)
            os.makedirs(RUNTIME, mode=0o755, exist_ok=True)
            said("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", RUNTIME)
        self._make_chain()
        if self.private:
            self._make_account()
            self._trust_chain()
        self._listen()
        self.scenario = self._scenario()
        self.tenant = Tenant(self, self.scenario)
        self.closed = f"127.0.0.1:{free_port()}"

    def path(self, name):
        """A file in the folder."""
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o644):
        """A file in the folder, its content."""
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def close(self):
        """Leaves nothing behind."""
        self.tenant.stop()
        self.log.close()
        if self.private:
            said("umount", self.path("state"), RUNTIME)
            if self.made_folder:
                os.rmdir(RUNTIME)
        shutil.rmtree(self.folder)

    def _make_chain(self):
        """Root, intermediate and leaf, all RSA-2048: ring can't make such keys, so openssl does."""
        folder = self.path("tenant")
        os.mkdir(folder)

        def openssl(*words):
            said("openssl", *words, cwd=folder)

        def signed(name, by, subject, extensions):
            with open(f"{folder}/{name}.ext", "w", encoding="utf-8") as file:
                file.write(extensions)
            openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial",
                    "-days", "30", "-extfile", f"{name}.ext", "-out", f"{name}.pem")

        authority = "keyUsage=critical,keyCertSign,cRLSign\n"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-subj", "/CN=Countersign bench root",
                "-days", "30", "-addext", authority.strip(), "-out", "ca.pem")
        signed("intermediate", "ca", "/CN=Countersign bench intermediate",
               f"basicConstraints=critical,CA:TRUE,pathlen:0\n{authority}subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        signed("leaf", "intermediate", "/CN=Countersign bench tenant",
               "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
               "subjectAltName=IP:127.0.0.1,DNS:localhost\nauthorityKeyIdentifier=keyid\n")
        with open(f"{folder}/chain.pem", "w", encoding="utf-8") as chain:
            for name in ("leaf", "intermediate"):
                with open(f"{folder}/{name}.pem", encoding="utf-8") as one:
                    chain.write(one.read())
        os.rename(f"{folder}/leaf.key", f"{folder}/key.pem")
        self.ca_file = shutil.copy(f"{folder}/ca.pem", self.path("ca.pem"))

    def _make_account(self):
        """An account with a password, in copies of the files that are seen in this namespace only; the crowd behind it."""
        crypt = ctypes.CDLL("libcrypt.so.1")
        crypt.crypt.restype = crypt.crypt_gensalt.restype = ctypes.c_char_p
        hashed = crypt.crypt(PASSWORD.encode(), crypt.crypt_gensalt(b"$y$", 0, None, 0)).decode()
        entry = "{}:x:{}:65534::/nonexistent:/bin/sh\n".format
        crowd = "".join(entry(name, UID + 1 + number) for number, name in enumerate(self.crowd()))
        # The account stands where an account of this machine would: no look-up of another account pays for the crowd.
        self._overlay("passwd", lambda text: text + entry(USER, UID) + crowd)
        self._overlay("shadow", lambda text: text + f"{USER}:{hashed}:20000:0:99999:7:::\n")

    def _overlay(self, name, change):
        """A file of /etc, changed for this namespace."""
        with open(f"/etc/{name}", encoding="utf-8") as file:
            copy = self.write(name, change(file.read()))
        shutil.copystat(f"/etc/{name}", copy)
        shutil.chown(copy, os.stat(f"/etc/{name}").st_uid, os.stat(f"/etc/{name}").st_gid)
        said("mount", "--bind", copy, f"/etc/{name}")

    def crowd(self):
        """The accounts of a crowd."""
        return [f"u{number}" for number in range(CROWD)]

    def _trust_chain(self):
        """The root among those of the system, under the hash of its name."""
        copy = self.path("certs")
        shutil.copytree("/etc/ssl/certs", copy, symlinks=True)
        number = said("openssl", "x509", "-in", self.ca_file, "-noout", "-hash").strip()
        shutil.copy(self.ca_file, f"{copy}/{number}.0")
        said("mount", "--bind", copy, "/etc/ssl/certs")

    def _listen(self):
        """The system's log, which a reader has to empty."""
        self.log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.log.bind(self.path("log"))
        line = bytearray(65536)

        def read():
            while True:
                try:
                    self.log.recv_into(line)
                except OSError:
                    return

        threading.Thread(target=read, daemon=True).start()

    def _scenario(self):
        def user(name, challenges, more=""):
            return f'[[user]]\nname = "{name}@example.com"\npassword = "{PASSWORD}"\nchallenges = {challenges}\n{more}\n'

        menu = '[["UP"], ["OTP", "SMS", "OATH"]]'
        offers = {"push": '[["UP"], ["OTP"]]', "menu": menu}
        crowd = "".join(user(f"{way}-{name}", offer, "auto_approve = true") for way, offer in offers.items() for name in self.crowd())
        return self.write("scenario.toml", f"""
[tenant]
id = "ABC1234"
chain = "{self.path('tenant')}"
{user("push", '[["UP"], ["OTP"]]', "auto_approve = true")}
{user("slow", '[["UP"], ["OTP"]]')}
{user("code", '[["UP"], ["OATH"]]', 'oath_code = "287082"')}
{user("menu", menu, "auto_approve = true")}
{crowd}
[[client]]
id = "machine@example.com"
secret = "m4chine"
app = "countersign"
scopes = ["countersign"]
[modifiers]
countersign = [["OTP"]]
""")


def free_port():
    """A port that no process listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
