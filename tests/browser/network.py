"""A wire between browser and server that can be cut: a TCP relay on a port of its own."""

import contextlib
import socket
import threading

CHUNK = 65536  # bytes


class Wire:
    """Relays `port` of loopback; `cut` breaks what is open and refuses what is new until `mend`."""

    def __init__(self, port: int) -> None:
        self.server_port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.url = f"http://localhost:{self.port}"
        self._whole = True
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        with self._lock:
            self._whole = False
            broken, self._open = self._open, set()
        for end in broken:
            with contextlib.suppress(OSError):  # whoever waits in recv hears of it
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self) -> None:
        self._whole = True

    def close(self) -> None:
        self.cut()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        try:
            if not self._whole:
                raise OSError("cut")
            server = socket.create_connection(("localhost", self.server_port), 5)
            server.settimeout(None)
        except OSError:
            client.close()
            return
        with self._lock:
            self._open |= {client, server}
        for ends in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._open -= {source, target}
