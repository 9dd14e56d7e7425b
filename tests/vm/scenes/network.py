"""What stands between a login and its tenant: a name server and an HTTP proxy, both on loopback, each a thread."""

import socket
import struct
import threading

ADDRESS = bytes([127, 0, 0, 1])


def serve(work, *arguments):
    """Runs it beside the scene, and ends with it."""
    threading.Thread(target=work, args=arguments, daemon=True).start()


def name_server(port=53):
    """Answers each question for an address of IPv4 with loopback, and any other with nothing."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", port))
    serve(answer_names, server)


def answer_names(server):
    """One question in each datagram."""
    while True:
        question, client = server.recvfrom(512)
        end = question.index(0, 12) + 5
        is_address = question[end - 4:end - 2] == b"\0\1"
        reply = question[:2] + struct.pack(">HHHHH", 0x8180, 1, int(is_address), 0, 0) + question[12:end]
        if is_address:
            reply += struct.pack(">HHHIH", 0xC00C, 1, 1, 1, 4) + ADDRESS
        server.sendto(reply, client)


def proxy(port):
    """Connects clients that ask with CONNECT; the list of what they asked for is the answer."""
    server = socket.create_server(("127.0.0.1", port))
    asked = []
    serve(accept, server, asked)
    return asked


def accept(server, asked):
    """Each client has threads of its own."""
    while True:
        client, _ = server.accept()
        serve(connect, client, asked)


def connect(client, asked):
    """Reads the head of a request, and then carries bytes both ways."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = client.recv(4096)
        if not part:
            return
        head += part
    target = head.split()[1].decode()
    asked.append(target)
    host, _, port = target.rpartition(":")
    far = socket.create_connection((host, int(port)))
    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
    serve(carry, far, client)
    carry(client, far)


def carry(source, target):
    """Until one end closes."""
    try:
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
