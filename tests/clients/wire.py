"""Everything that a client receives, byte for byte: a relay between client and server, and what to look for."""

import base64
import socket
import threading
import urllib.parse

# One read; the size of a message does not matter here.
READ_BYTES = 65_536


class Recorder:
    """Relays connections on loopback to a server, and keeps what the server sends."""

    def __init__(self, url: str):
        self.upstream = urllib.parse.urlsplit(url)
        self.received = bytearray()
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        self.url = self.upstream._replace(netloc=f"127.0.0.1:{port}").geturl()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # `shutdown` wakes the thread that accepts; `close` alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection((self.upstream.hostname, self.upstream.port))
            except OSError:
                return
            threading.Thread(target=self._pump, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, self.received), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket, record: bytearray | None) -> None:
        try:
            while data := source.recv(READ_BYTES):
                if record is not None:
                    record.extend(data)
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def forms(secret: str) -> dict[str, bytes]:
    """A secret as itself and in the encodings that programs commonly put around one."""
    raw = secret.encode()
    found = {
        "itself": raw,
        "percent": urllib.parse.quote(secret, safe="").encode(),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
    }
    for shift in range(3):
        # Base64 of a text in which the secret begins at any byte: the characters that depend on the secret alone.
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            encoded = encode(b"\0" * shift + raw)
            start = (shift * 8 + 5) // 6
            whole = (shift + len(raw)) * 8 // 6
            found[f"{name} at {shift}"] = encoded[start:whole]
    return found


def leaks(received: bytes, secrets: dict[str, str]) -> list[str]:
    """Which secrets were received, and in which form."""
    return [
        f"{name} as {form}"
        for name, secret in secrets.items()
        for form, encoded in forms(secret).items()
        if encoded in received
    ]
