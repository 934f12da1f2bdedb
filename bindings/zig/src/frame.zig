const c = @import("c.zig");

pub const FrameType = enum(u32) {
    /// A fragment of a message that has begun, to be sent.
    continuation = c.WS_FRAME_CONTINUATION,
    text = c.WS_FRAME_TEXT,
    binary = c.WS_FRAME_BINARY,
    close = c.WS_FRAME_CLOSE,
    ping = c.WS_FRAME_PING,
    pong = c.WS_FRAME_PONG,
    /// The session is open (settings.deliver_events).
    opened = c.WS_FRAME_OPENED,
    /// The connection is lost: the payload says why.
    lost = c.WS_FRAME_LOST,
    /// Another connection has taken its place.
    resumed = c.WS_FRAME_RESUMED,
    _,
};

/// A received frame, to be freed with deinit. It outlives its session.
pub const Frame = struct {
    raw: *c.ws_frame,

    pub fn deinit(frame: Frame) void {
        c.ws_frame_free(frame.raw);
    }

    /// The payload. It is UTF-8 where the type is text.
    pub fn data(frame: Frame) [:0]const u8 {
        return frame.raw.data[0..frame.raw.size :0];
    }

    pub fn frameType(frame: Frame) FrameType {
        return @fromBackingInt(@intCast(frame.raw.type));
    }

    /// ws_frame_flags.
    pub fn flags(frame: Frame) u32 {
        return frame.raw.flags;
    }

    pub fn closeCode(frame: Frame) u32 {
        return frame.raw.close_code;
    }
};
