#!/bin/sh
# instrument.sh SANITIZER DIRECTORY: builds the library, shared and static, with a sanitizer of rustc's, such as address.
#
# With ThreadSanitizer rustc also instruments the standard library of Rust if the toolchain has its sources (the component
# rust-src).
set -eu

cd "$(dirname "$0")/../.."
sanitizer=$1 directory=$2
flags="-Zsanitizer=$sanitizer" std=
if [ "$sanitizer" = thread ]; then
    if [ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ]; then
        std=-Zbuild-std
    else
        flags="$flags -Cunsafe-allow-abi-mismatch=sanitizer"
    fi
fi
# Less for the linker to read.
export CARGO_PROFILE_DEV_DEBUG=line-tables-only
RUSTC_BOOTSTRAP=1 RUSTFLAGS=$flags cargo rustc --locked --quiet $std --target x86_64-unknown-linux-gnu \
    --target-dir "$directory" --lib --crate-type cdylib,staticlib
