//! The package: a module "ktorws", for others through `dependency.module("ktorws")`; its tests and example for ourselves.
//!
//! The library is found by pkg-config, or in the directory that is given.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const lib_dir = b.option(std.Build.LazyPath, "ktorws-lib-dir", "Where libktorws.so is, if pkg-config does not know");

    const module = b.addModule("ktorws", .{
        .root_source_file = b.path("src/ktorws.zig"),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
    });
    if (lib_dir) |dir| {
        module.addLibraryPath(dir);
        module.addRPath(dir);
    }
    module.linkSystemLibrary("ktorws", .{ .use_pkg_config = if (lib_dir == null) .yes else .no });

    const with_ktorws: []const std.Build.Module.Import = &.{.{ .name = "ktorws", .module = module }};

    const echo = b.addExecutable(.{
        .name = "echo",
        .root_module = b.createModule(.{
            .root_source_file = b.path("examples/echo.zig"),
            .target = target,
            .optimize = optimize,
            .imports = with_ktorws,
        }),
    });
    b.step("example", "Build the example").dependOn(&b.addInstallArtifact(echo, .{}).step);

    const tests = b.addTest(.{
        .name = "tests",
        .root_module = b.createModule(.{
            .root_source_file = b.path("src/tests.zig"),
            .target = target,
            .optimize = optimize,
            .imports = with_ktorws,
        }),
    });
    // Only built here: they run under the echo server.
    b.step("tests", "Build the tests").dependOn(&b.addInstallArtifact(tests, .{}).step);
}
