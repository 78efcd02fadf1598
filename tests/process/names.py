"""A name server of a test's own on a UDP port of loopback: it knows a few IPv4 addresses and refuses the rest."""

import socket
import struct
import threading

TYPE_A, REFUSED, ANSWER = 1, 5, 0x8180


def question_of(packet):
    """(name, type, where the question ends)."""
    place, labels = 12, []
    while packet[place]:
        length = packet[place]
        labels.append(packet[place + 1:place + 1 + length].decode().lower())
        place += 1 + length
    return ".".join(labels), struct.unpack("!H", packet[place + 1:place + 3])[0], place + 5


class NameServer:
    """`addresses`: {name: IPv4 address}. `asked`: the names that somebody has asked for."""

    def __init__(self, addresses):
        self.addresses = addresses
        self.asked = set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()

    def _serve(self):
        while True:
            packet, peer = self.socket.recvfrom(2048)
            if not packet:
                return
            self.socket.sendto(self._answer(packet), peer)

    def _answer(self, packet):
        name, kind, end = question_of(packet)
        self.asked.add(name)
        known = name in self.addresses
        head = packet[:2] + struct.pack("!HHHHH", ANSWER if known else ANSWER | REFUSED, 1, int(known and kind == TYPE_A), 0, 0)
        answer = head + packet[12:end]
        if known and kind == TYPE_A:
            answer += struct.pack("!HHHIH", 0xc00c, TYPE_A, 1, 60, 4) + socket.inet_aton(self.addresses[name])
        return answer
