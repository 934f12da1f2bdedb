"""Frames, and messages that come in parts."""

from __future__ import annotations

import codecs
import enum
from dataclasses import dataclass
from typing import TypeAlias

from .exceptions import CloseCode

BytesLike: TypeAlias = bytes | bytearray | memoryview
Data: TypeAlias = str | BytesLike
# Type, payload, flags and close code, as the library has them.
RawFrame: TypeAlias = tuple[int, bytes, int, int]

_MORE, _RSV3, _RSV2, _RSV1 = 1, 16, 32, 64
_NO_COMPRESS, _CORK = 2, 4


class FrameType(enum.IntEnum):
    """What a frame is: an opcode of RFC 6455 section 5.2, or an event of the session."""

    # Only sent: a fragment that is received has the type of its message.
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10
    # The session is open.
    OPENED = 16
    # The connection is lost, and another one is being opened: data says why, close_code is the server's.
    LOST = 17
    # Another connection is open.
    RESUMED = 18


CONTROL_BITS = {FrameType.PING: 1, FrameType.PONG: 2, FrameType.CLOSE: 4}
EVENT_BITS = {FrameType.OPENED: 1, FrameType.LOST: 2, FrameType.RESUMED: 4}
_MESSAGES = (FrameType.TEXT, FrameType.BINARY)


@dataclass(frozen=True)
class Frame:
    """A frame that was received: a message, a part or fragment of one, a control frame, or an event."""

    type: FrameType
    data: bytes
    # False if more parts or fragments of the message follow.
    fin: bool = True
    # Reserved bits, in raw sessions.
    rsv1: bool = False
    rsv2: bool = False
    rsv3: bool = False
    # Of CLOSE and LOST; 1005 for a Close without a code.
    close_code: int | None = None

    @classmethod
    def of(cls, raw: RawFrame) -> Frame:
        kind, data, flags, code = raw
        return cls(
            FrameType(kind),
            data,
            not flags & _MORE,
            bool(flags & _RSV1),
            bool(flags & _RSV2),
            bool(flags & _RSV3),
            code or None,
        )


def payload_of(kind: FrameType, data: Data, close_code: int | None) -> bytes:
    """What a frame has on the wire: of a Close its code, too."""
    payload = data.encode() if isinstance(data, str) else bytes(data)
    if close_code is None:
        return payload
    if kind is not FrameType.CLOSE:
        raise ValueError("close_code is for frames of the type CLOSE")
    if not 0 <= close_code < 1 << 16:
        raise ValueError("not a close code")
    return payload if close_code == CloseCode.NO_STATUS_RCVD else close_code.to_bytes(2, "big") + payload


def flags_of(fin: bool, compress: bool, cork: bool) -> int:
    return (0 if fin else _MORE) | (0 if compress else _NO_COMPRESS) | (_CORK if cork else 0)


class Assembly:
    """The message that is being received from parts, or from fragments of a raw session."""

    def __init__(self) -> None:
        # The parts that recv() has received before its timeout or its cancellation.
        self.begun: list[bytes] = []
        # The recv_streaming() whose message has not ended.
        self.stream: Stream | None = None

    def add(self, raw: RawFrame) -> tuple[bool, bytes] | None:
        """Whether a message is text, and its payload, when its last part has come. A lost connection takes parts
        along."""
        kind, data, flags, _ = raw
        if kind == FrameType.LOST:
            self.begun.clear()
        if kind not in _MESSAGES:
            return None
        self.begun.append(data)
        if flags & _MORE:
            return None
        whole = b"".join(self.begun)
        self.begun.clear()
        return kind == FrameType.TEXT, whole

    def is_left_over(self, raw: RawFrame) -> bool:
        """Whether it is a part that a recv_streaming() has not received, and that is dropped."""
        kind, _, flags, _ = raw
        if self.stream is None:
            return False
        if kind == FrameType.LOST or (kind in _MESSAGES and not flags & _MORE):
            self.stream = None
        return kind in _MESSAGES


class Stream:
    """A message that is received part by part."""

    def __init__(self, assembly: Assembly, decode: bool | None) -> None:
        self.assembly, self.decode = assembly, decode
        self.decoder: codecs.IncrementalDecoder | None = None
        self.has_begun = self.is_over = False

    def check(self) -> None:
        if self.has_begun and self.assembly.stream is not self:
            raise RuntimeError("a later call has dropped the rest of this message")

    def add(self, raw: RawFrame) -> str | bytes | None:
        """The part that a frame is of this message."""
        kind, data, flags, _ = raw
        if kind == FrameType.LOST and self.has_begun:
            self.is_over = True
            self.assembly.stream = None
            raise ConnectionResetError("the connection was lost before the message was complete")
        if kind == FrameType.LOST:
            self.assembly.begun.clear()
        if kind not in _MESSAGES:
            return None
        if not self.has_begun:
            self.has_begun = True
            self.assembly.stream = self
            data = b"".join([*self.assembly.begun, data])
            self.assembly.begun.clear()
            if kind == FrameType.TEXT if self.decode is None else self.decode:
                self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.is_over = not flags & _MORE
        if self.is_over:
            self.assembly.stream = None
        return data if self.decoder is None else self.decoder.decode(data, self.is_over)
