const ktorws = @import("ktorws.zig");

/// A header field of a handshake, lent by the session or the failure that it is of.
pub const Header = struct {
    name: [:0]const u8,
    value: [:0]const u8,

    /// The field that a function of C writes, null if there is none with this number.
    pub fn at(function: anytype, owner: anytype, index: usize) ?Header {
        var name: [*c]const u8 = null;
        var value: [*c]const u8 = null;
        if (function(owner, index, &name, &value) == 0) return null;
        return .{ .name = ktorws.optionalSpan(name).?, .value = ktorws.optionalSpan(value).? };
    }
};
