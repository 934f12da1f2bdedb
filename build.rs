//! Linker arguments of the shared library; nothing is generated here.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The ABI version. It changes only when a released symbol changes its meaning or goes away.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libktorws.so.0");
    // The library owns threads: unmapping their code under them would crash the host.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
