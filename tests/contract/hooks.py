"""A receiver of webhooks on loopback: keeps each delivery as it came, and answers as the case wants."""

import contextlib
import http.server
import threading


class Delivery:  # pylint: disable=too-few-public-methods
    """One request: method, path, headers (of any case), raw body."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body


@contextlib.contextmanager
def receiver(status=200):
    """(address, list of deliveries so far); the list grows while the case runs."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        """Keeps what comes."""

        def do_POST(self):  # pylint: disable=invalid-name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(Delivery(self.command, self.path, self.headers, body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *args):  # pylint: disable=redefined-builtin
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/webhook", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
