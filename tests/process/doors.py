"""TLS in front of the plain ports of the simulator: a door that lets through, keeps silent at the handshake, or stops in
the middle of an answer."""

import socket
import ssl
import subprocess
import threading


def certificate(folder, name, more=""):
    """A key and a certificate for 127.0.0.1 (and `more`, as "DNS:x,DNS:y") that vouches for itself; returns both files."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}", "-days", "2",
                    "-addext", ",".join(filter(None, ("subjectAltName=IP:127.0.0.1", more)))], cwd=folder, check=True, capture_output=True)
    return folder / f"{name}.crt", folder / f"{name}.key"


class TlsDoor:
    """TLS on a port of its own, with a certificate, in front of a plain port of loopback. `mode`: "open"; "silent": a
    connection is accepted and its handshake never answered; "half": each answer stops after `half` bytes."""

    def __init__(self, certificate_file, key, target, half=40):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate_file, key)
        self.target = target
        self.mode = "open"
        self.half = half
        self.held = []
        self.inner = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.set("open")
        self._end(self.listener)
        self.acceptor.join()
        self.listener.close()

    def set(self, mode):
        """From now on; connections that are open end, so that no old one goes on in the old way."""
        self.mode = mode
        for one in self.held:
            one.close()
        # Those that a thread serves are closed by that thread alone: a descriptor closed under it may be another's by the
        # time it reads, and the thread would swallow that one's bytes.
        for one in self.inner:
            self._end(one)
        self.held.clear()
        self.inner.clear()

    @staticmethod
    def _end(one):
        """Both directions: whoever reads or writes there is woken, and closes it."""
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            if self.mode == "silent":
                self.held.append(peer)
            else:
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            peer.settimeout(10)
            with self.context.wrap_socket(peer, server_side=True) as inner, \
                    socket.create_connection(("127.0.0.1", self.target)) as outer:
                self.inner.append(inner)
                back = threading.Thread(target=self._copy, args=(outer, inner, True), daemon=True)
                back.start()
                self._copy(inner, outer, False)
                back.join()
        except OSError:
            peer.close()

    def _copy(self, source, target, answer):
        try:
            while data := source.recv(65536):
                if answer and self.mode == "half":
                    target.sendall(data[:self.half])
                    while self.mode == "half" and source.recv(65536):
                        pass
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            self._end(source)
            self._end(target)
