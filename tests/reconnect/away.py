"""What the tests of reconnecting share: servers that are taken away from their sessions, and decisions.

Nothing here sleeps to let something happen: an attempt is held at the server, or by a decision, until the test goes on.
"""

import contextlib
import ctypes
import os
import queue
import random
import socket
import sys
import threading
from ctypes import POINTER, c_int32, c_int64, c_size_t, c_uint32, c_void_p

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path += [os.path.join(TESTS, "network"), os.path.join(TESTS, "http")]
import harness  # first: it says where the others are
from checking import HANG_MS, HANG_S, Background, equal, eventually, true
from harness import for_each
from ktorws_ctypes import Failure, Frame, Session, State, Status, lib
from peer import TEXT, Gone, text
from wire import Listener, Wire, answer, upgrade

__all__ = ["for_each"]
KEEP_UNSENT, FIRST = 1, 2
# Longer than any test: what waits for so long does not happen.
FOR_EVER_MS = 3600 * 1000
# Attempts follow each other at once.
QUICK = dict(first_delay_ms=1, max_delay_ms=20)


class ReconnectOptions(ctypes.Structure):
    DECIDE = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, c_uint32, c_int32, POINTER(c_int64), c_void_p)
    PREPARE = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_void_p)
    _fields_ = [
        ("struct_size", c_size_t),
        *((name, c_int64) for name in ("first_delay_ms", "max_delay_ms", "max_outage_ms")),
        ("max_attempts", c_uint32),
        ("flags", c_uint32),
        ("max_retry_after_ms", c_int64),
        ("decide", DECIDE),
        ("prepare", PREPARE),
        ("user_data", c_void_p),
    ]

    def __init__(self, **members):
        super().__init__(**{"struct_size": ctypes.sizeof(ReconnectOptions), **members})


_SIGNATURES = {
    "ws_config_set_reconnect": (c_int32, c_void_p, POINTER(ReconnectOptions)),
    "ws_config_set_group": (c_int32, c_void_p, c_void_p),
    "ws_config_add_tls_pin_sha256": (c_int32, c_void_p, ctypes.c_char_p),
    "ws_attempt_number": (c_uint32, c_void_p),
    "ws_attempt_last_error": (c_void_p, c_void_p),
    "ws_attempt_set_url": (c_int32, c_void_p, ctypes.c_char_p),
    "ws_attempt_set_header": (c_int32, c_void_p, ctypes.c_char_p, ctypes.c_char_p),
    "ws_event_fd": (c_int32, c_void_p),
    "ws_group_new": (c_void_p,),
    "ws_group_free": (None, c_void_p),
    "ws_group_recv": (c_int32, c_void_p, POINTER(c_void_p), POINTER(POINTER(Frame)), c_int64),
    "ws_group_event_fd": (c_int32, c_void_p),
    "ws_group_size": (c_size_t, c_void_p),
    "ws_group_close": (c_int32, c_void_p, c_uint32, ctypes.c_char_p, c_size_t, c_int64),
    "ws_recv_into": (c_int32, *[c_void_p] * 2, c_size_t, POINTER(c_size_t), c_void_p, c_int64),
    "ws_recv_callback": (
        c_int32,
        c_void_p,
        ctypes.CFUNCTYPE(None, c_void_p, POINTER(Frame), c_void_p),
        c_void_p,
        c_void_p,
    ),
}
for _name, (_result, *_arguments) in _SIGNATURES.items():
    _function = getattr(lib, _name)
    _function.restype, _function.argtypes = _result, _arguments

# Sessions call them until they are freed, and a test does not see when the library lets go of one.
_kept = []


def reconnects(**options):
    """the setting"""
    _kept.append(ReconnectOptions(**{**QUICK, **options}))
    return dict(set_reconnect=ctypes.pointer(_kept[-1]))


class Asked:
    """What a decision was told."""

    def __init__(self, session, why, attempt, suggested, delay_ms):
        self.session = session
        self.why = Failure(why)
        self.attempt, self.tries, self.delay_ms = attempt, bool(suggested), delay_ms

    @property
    def told(self):
        return self.why.status, self.attempt, self.tries


class Decisions:
    """A ws_reconnect_decision. It calls `act` with what it was told, which gives the delay in milliseconds, False to
    give up, or None for what is suggested."""

    def __init__(self, act=lambda asked: None):
        self.act = act
        self.all = []
        self.trouble = []
        self.asked = queue.Queue()
        self.function = ReconnectOptions.DECIDE(self.decide)

    def decide(self, session, why, attempt, suggested, delay_ms, _):
        try:
            asked = Asked(session, why, attempt, suggested, delay_ms[0])
            self.all.append(asked)
            self.asked.put(asked)
            delay = self.act(asked)
            if delay is None:
                return suggested
            if delay is False:
                return 0
            delay_ms[0] = delay
            return 1
        except BaseException as error:
            self.trouble.append(error)
            return 0

    def next(self):
        """what it is told next, once it is"""
        try:
            return self.asked.get(timeout=HANG_S)
        except queue.Empty:
            raise AssertionError("nobody is asked") from None

    def setting(self, **options):
        return reconnects(decide=self.function, **options)

    def check(self, *told):
        """all that it was told: (status, attempt, whether the library would try)"""
        for error in self.trouble:
            raise error
        equal("what was asked", [asked.told for asked in self.all], list(told))


accepts = upgrade()


def refuses(status, *fields, body=b""):
    return answer("\r\n".join([f"HTTP/1.1 {status} Whatever", *fields, f"Content-Length: {len(body)}"]), body)


def leaves(wire):
    """without an answer"""
    if wire.read_request():
        wire.close()


def resets(wire):
    if wire.read_request():
        wire.rst()


class Held:
    """An attempt that gets no answer until the test lets it go on as `act` says."""

    def __init__(self, act=accepts):
        self.act = act
        self.has_come = threading.Event()
        self.goes_on = threading.Event()

    def __call__(self, wire):
        if wire.read_request():
            self.has_come.set()
            true("the test lets the attempt go on", self.goes_on.wait(HANG_S))
            wire.read_request = lambda: True
            self.act(wire)

    def wait(self):
        true("an attempt comes", self.has_come.wait(HANG_S))

    def go_on(self):
        self.goes_on.set()


class Site(Listener):
    """A server that a test takes away. The first connections are met with `acts`, all others are accepted. `contexts`
    has what some of them, by number from 0, are met with in place of `tls`."""

    def __init__(self, *acts, tls=None, contexts=None, **how):
        self.acts = list(acts)
        self.contexts = contexts or {}
        self.met = []
        super().__init__(tls=tls, address=("127.0.0.1", free_port()), **how)

    def accepted(self, wire):
        wire.number = len(self.met)
        self.met.append(wire)

    def run(self, wire):
        try:
            if context := self.contexts.get(wire.number, self.tls):
                wire.sock = context.wrap_socket(wire.sock, server_side=True)
            self.act(wire.number)(wire)
        except (Gone, OSError) as error:
            wire.trouble = error
        finally:
            wire.served.set()

    def act(self, number):
        return self.acts[number] if number < len(self.acts) else accepts

    def stop(self):
        """nobody listens any more; connections that there are go on"""
        with contextlib.suppress(OSError):
            # wakes the accept
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def start(self):
        self.socket = socket.create_server(("127.0.0.1", self.port), backlog=256)
        threading.Thread(target=self.accept, daemon=True).start()

    @contextlib.contextmanager
    def hole(self):
        """somebody listens, but never accepts: connects get no answer"""
        self.stop()
        with socket.create_server(("127.0.0.1", self.port), backlog=0) as listener:
            address = listener.getsockname()
            with socket.create_connection(address), socket.socket() as waiting:
                waiting.setblocking(False)
                waiting.connect_ex(address)
                yield
        self.start()

    @contextlib.contextmanager
    def away(self, **settings):
        """a session whose connection is lost, and the attempt to get another one, which the test lets go on"""
        held = Held()
        self.acts[len(self.met) : len(self.met) + 2] = [accepts, held]
        with self.open(**{**reconnects(), **settings}) as (session, wire):
            lose(wire)
            held.wait()
            equal("ws_state", session.state, State.CONNECTING)
            try:
                yield session, held
            finally:
                held.go_on()

    def __exit__(self, *_):
        self.stop()
        for wire in self.met:
            with contextlib.suppress(OSError):
                wire.close()


def main(tests, warm_up):
    # The pool for openings keeps as many as a test has had at a time.
    harness.main(tests, warm_up, idle_threads=2 * harness.AT_ONCE)


def free_port():
    """below those that the kernel gives to whoever connects, so that it is free while nobody listens there"""
    while True:
        port = random.randrange(10000, 32768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


def lose(wire):
    wire.rst()


def is_away(session):
    eventually("the loss is noticed", lambda: session.state == State.CONNECTING)


def is_back(session, count=1):
    """another connection is there"""
    eventually("there is another connection", lambda: session.stats.reconnects >= count and session.state == State.OPEN)
    equal("ws_stats.reconnects", session.stats.reconnects, count)


def talks(session, wire, message="and on"):
    """messages go both ways"""
    equal("ws_send_text", session.send(message), Status.OK)
    wire.expect(TEXT, message.encode())
    wire.send(text(message.encode()))
    equal("ws_recv", session.recv(HANG_MS), (Status.OK, message))


def goes_on(session, site, count=1, message="and on", wire=None):
    """the session has another connection, the next one, and works; returns that"""
    wire = wire or site.wire()
    talks(session, wire, message)
    equal("ws_stats.reconnects", session.stats.reconnects, count)
    equal("ws_state", session.state, State.OPEN)
    return wire


@contextlib.contextmanager
def another_handle(session):
    """for a test in which the session is freed"""
    handle = lib.ws_session_ref(session.handle)
    other = object.__new__(Session)
    other.handle = handle
    try:
        yield other
    finally:
        lib.ws_session_free(handle)


def promptly(what, call, *arguments):
    """the result of a call that must not wait for what never comes"""
    try:
        return Background(call, *arguments).result()
    except AssertionError:
        raise AssertionError(f"{what} does not return") from None
