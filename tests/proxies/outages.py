"""What is between dies in the middle of a session."""

import ctypes

import exercise
from checking import HANG_MS, Background, equal, eventually, true
from ktorws_ctypes import Initiator, State, Status, lib
from sessions import ends, receives


class ReconnectOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("first_delay_ms", ctypes.c_int64),
        ("max_delay_ms", ctypes.c_int64),
        ("max_outage_ms", ctypes.c_int64),
        ("max_attempts", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("max_retry_after_ms", ctypes.c_int64),
        ("decide", ctypes.c_void_p),
        ("prepare", ctypes.c_void_p),
        ("user_data", ctypes.c_void_p),
    ]


lib.ws_config_set_reconnect.argtypes = (ctypes.c_void_p, ctypes.POINTER(ReconnectOptions))
OPTIONS = ReconnectOptions(ctypes.sizeof(ReconnectOptions), first_delay_ms=20, max_delay_ms=100)


def outlives(program, open):
    """the program is started again, and the session goes on: the server greets it a second time"""
    with open("/headers", set_reconnect=ctypes.pointer(OPTIONS)) as session:
        status, greeting = session.recv(HANG_MS)
        equal("ws_recv", status, Status.OK)
        receiver = Background(session.recv, HANG_MS)
        program.kill()
        eventually("the loss is noticed", lambda: session.state == State.CONNECTING)
        program.start()
        status, second = receiver.result()
        equal("ws_recv", status, Status.OK)
        true("it is another connection", second != greeting and len(second) == len(greeting), second)
        equal("ws_stats.reconnects", session.stats.reconnects, 1)
        exercise.sends(session, "hello")
        receives(session, "hello")
        exercise.closes(session)


def ends_with(program, open):
    with open("/") as session:
        exercise.sends(session, "hello")
        receives(session, "hello")
        program.kill()
        ends(session, Status.CLOSED_ABNORMALLY, remote=1006, clean=False, initiator=Initiator.TRANSPORT)
