"""What a login sends, and how often it waits for the other side: through a proxy that keeps everything back."""

import collections
import socket
import threading
import time

from . import measure
from .rig import free_port

RUNS = 3
# Round-trip times in seconds. What the times have in common (computing, the tenant's work) falls out of their difference.
NEAR, FAR = 0.05, 0.2


class Proxy:
    """Carries TCP connections to the tenant, later; counts them, their bytes and their handshakes."""

    def __init__(self):
        self.address = f"127.0.0.1:{free_port()}"
        self.delay, self.target = 0.0, None
        self.reset()
        host, port = self.address.split(":")
        self.listener = socket.create_server((host, int(port)), backlog=256)

    def start(self, target):
        """From now on connections go to `target`."""
        self.target = target
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self):
        """Counting begins anew."""
        self.counts = collections.Counter()

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            host, port = self.target.split(":")
            far = socket.create_connection((host, int(port)))
            self.counts["connections"] += 1
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Way(self, near, far, "out")
            Way(self, far, near, "in")


class Way:
    """One direction of one connection: what comes in leaves half a round trip later."""

    def __init__(self, proxy, source, sink, name):
        self.proxy, self.source, self.sink, self.name = proxy, source, sink, name
        self.held = collections.deque()
        self.news = threading.Condition()
        for work in (self._read, self._write):
            threading.Thread(target=work, daemon=True).start()

    def _read(self):
        data = b"-"
        while data:
            try:
                data = self.source.recv(65536)
            except OSError:
                data = b""
            self._count(data)
            with self.news:
                self.held.append((time.monotonic() + self.proxy.delay / 2, data))
                self.news.notify()

    def _count(self, data):
        counts = self.proxy.counts
        counts["bytes"] += len(data)
        counts[f"{self.name} chunks"] += bool(data)
        # A handshake record with a ClientHello in it; a second one after a HelloRetryRequest is one more round trip.
        counts["hellos"] += self.name == "out" and data[:1] == b"\x16" and data[5:6] == b"\x01"

    def _write(self):
        while True:
            with self.news:
                while not self.held:
                    self.news.wait()
                due, data = self.held.popleft()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if not data:
                    self.sink.shutdown(socket.SHUT_WR)
                    return
                self.sink.sendall(data)
            except OSError:
                return


def wire(rig, proxy, row):
    """What one login puts on the wire."""
    measure.must(row.command(rig, service=row.far))
    asked, handshakes = len(rig.tenant.requests()), rig.tenant.connections()
    proxy.delay = 0
    proxy.reset()
    measure.must(row.command(rig, service=row.far))
    requests = rig.tenant.requests()[asked:]
    after = rig.tenant.connections()
    found = row.found
    found["connections"], found["bytes"] = proxy.counts["connections"], proxy.counts["bytes"]
    found["handshakes"] = sum(after[kind] - handshakes[kind] for kind in after if kind.startswith("handshakes"))
    found["requests"] = len(requests)
    found["writes"] = max(request["writes"] for request in requests)


def distance(rig, proxy, row):
    """Round trips: in all, and after the last key."""
    near, far = (times(rig, proxy, row, delay) for delay in (NEAR, FAR))
    found = row.found
    # A proxy can't keep back the handshake of TCP, which the kernel does: one round trip for each connection.
    found["trips"] = (far["wall"] - near["wall"]) / (FAR - NEAR) + found["connections"]
    found["trips_after"] = (far["after_key"] - near["after_key"]) / (FAR - NEAR)


def times(rig, proxy, row, delay):
    """The least of a few: the work of other processes only adds."""
    proxy.delay = delay
    runs = [measure.must(row.command(rig, service=row.far)) for _ in range(RUNS)]
    proxy.delay = 0
    return {name: min(run[name] for run in runs) for name in ("wall", "after_key")}
