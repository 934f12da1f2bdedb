"""A real server: Python websockets, in this process."""

import contextlib
import threading

from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.server import ServerConnection, serve


class Connection(ServerConnection):
    """counts pongs"""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.pongs = []

    def process_event(self, event):
        if isinstance(event, Frame) and event.opcode is Opcode.PONG:
            self.pongs.append(bytes(event.data))
        super().process_event(event)


def echo(ws):
    for message in ws:
        ws.send(message)


@contextlib.contextmanager
def python_server(handle=echo, **options):
    """its URL, without a path"""

    def run(ws):
        with contextlib.suppress(ConnectionClosed):
            handle(ws)

    with serve(
        run,
        "127.0.0.1",
        0,
        create_connection=Connection,
        ping_interval=None,
        max_size=None,
        **{"compression": None, **options},
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
