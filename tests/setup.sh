#!/usr/bin/env bash
# Brings a machine with Rust, gcc, make, Python and Node to where the whole test suite can run.
# Everything but system packages goes into target/test-env. Quick when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

env_dir=$PWD/target/test-env
venv=$env_dir/venv
node=$env_dir/node
tls=$env_dir/tls

needed=
for tool in cargo gcc python3 node npm; do
    command -v "$tool" >/dev/null 2>&1 || needed="$needed $tool"
done
if [ -n "$needed" ]; then
    printf 'setup: needed and not found:%s\n' "$needed" >&2
    exit 1
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    printf 'setup: Python 3.11 or newer is needed\n' >&2
    exit 1
}

say() { printf 'setup: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# install_packages WHY PACKAGE...: fails when this user or machine cannot install any.
apt_updated=
install_packages() {
    local why=$1
    shift
    have apt-get || return 1
    local run=()
    if [ "$(id -u)" != 0 ]; then
        have sudo && sudo -n true 2>/dev/null || return 1
        run=(sudo -n)
    fi
    say "installing $* ($why)"
    if [ -z "$apt_updated" ]; then
        "${run[@]}" apt-get update -qq || return 1
        apt_updated=yes
    fi
    DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes "${run[@]}" apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

make_venv() {
    rm -rf "$venv"
    python3 -m venv "$venv" >/dev/null 2>&1
}

# install_with_pip WHY PIP_ARGUMENTS...
install_with_pip() {
    say "installing into target/test-env/venv: $1"
    shift
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" ||
        die "pip could not install it: is there a network?"
}

missing=
have g++ || missing="$missing g++"
have pkg-config || missing="$missing pkg-config"
have valgrind || missing="$missing valgrind"
{ have pkg-config && pkg-config --exists glib-2.0; } || missing="$missing libglib2.0-dev"
# only the program: nothing is started
have_apache() { PATH=$PATH:/usr/sbin command -v apache2 >/dev/null 2>&1; }
have_apache || missing="$missing apache2-bin"
have openssl || missing="$missing openssl"
have_python_h() { [ -e "$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ]; }
have_python_h || missing="$missing python3-dev"
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # a list of packages
    install_packages "the header as C++, a build with pkg-config, the leak tests, the example with GLib, Digest against Apache, certificates, the package for Python" $missing || true
fi
have g++ && have pkg-config ||
    die "cannot install what is missing here. As root: apt-get install g++ pkg-config (and, for the leak tests, valgrind)"
have valgrind || say "warning: no valgrind, the leak tests will be left out"
have_apache || say "warning: no Apache (apache2-bin), the test of credentials against it will be left out"
have_python_h || say "warning: no Python.h (python3-dev), the package for Python will be left out"
pkg-config --exists glib-2.0 || say "warning: no GLib (libglib2.0-dev), its example will be left out"
have mandoc || install_packages "the check of the manual pages" mandoc ||
    say "warning: no mandoc, the check of the manual pages will be left out"
have_browser() { have chromium-headless-shell || have chromium || have chromium-browser || have google-chrome; }
have_browser || install_packages "the tests with a browser" chromium-headless-shell ||
    say "warning: no Chromium, the tests with a browser will be left out"
have_gorilla() { [ -d /usr/share/gocode/src/github.com/gorilla/websocket ]; }
{ have go && have_gorilla; } || install_packages "the binding for Go" golang-go golang-github-gorilla-websocket-dev || true
have go || say "warning: no Go (golang-go), the tests of its binding will be left out"
have_gorilla || say "warning: no golang-github-gorilla-websocket-dev, the binding for Go will not be tested against it"
# What makes networks is often not in the path of those who may not use it elsewhere.
networks=
for tool in unshare:util-linux ip:iproute2 nft:nftables; do
    PATH=$PATH:/usr/sbin:/sbin have "${tool%:*}" || networks="$networks ${tool#*:}"
done
if [ -n "$networks" ]; then
    # shellcheck disable=SC2086 # a list of packages
    install_packages "the tests in networks of their own" $networks ||
        say "warning: no$networks, the tests in networks of their own will be skipped"
fi
packaging=
have dpkg-checkbuilddeps && dpkg-checkbuilddeps -B -Ppkg.libktorws.rust >/dev/null 2>&1 ||
    packaging="build-essential debhelper cmake"
for tool in lintian:lintian abidiff:abigail-tools mmdebstrap:mmdebstrap; do
    have "${tool%:*}" || packaging="$packaging ${tool#*:}"
done
if [ -n "$packaging" ]; then
    # shellcheck disable=SC2086 # a list of packages
    install_packages "the Debian packages, the ABI" $packaging ||
        say "warning: no$packaging, the tests of the Debian packages or of the ABI will be left out"
fi

mkdir -p "$env_dir"
# A small Debian, into copies of which the tests install the packages.
debian_root=$env_dir/debian-root
if [ ! -d "$debian_root" ] && have mmdebstrap && [ "$(id -u)" = 0 ]; then
    say "making target/test-env/debian-root (the packages are installed there)"
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    rm -rf "$debian_root.new"
    if mmdebstrap --quiet --variant=minbase --include=g++,gcc,libc6-dev,make,pkgconf,cmake \
        "$suite" "$debian_root.new" >"$env_dir/debian-root.log" 2>&1; then
        mv "$debian_root.new" "$debian_root"
    else
        say "warning: mmdebstrap failed (target/test-env/debian-root.log), the packages will only be unpacked"
    fi
fi
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    say "creating target/test-env/venv (Python peers)"
    make_venv || { install_packages "Python's venv needs it" python3-venv && make_venv; } ||
        die "python3 -m venv does not work and python3-venv cannot be installed here"
fi
if ! cmp -s tests/requirements.txt "$venv/requirements.txt"; then
    install_with_pip "$(grep -v '^#' tests/requirements.txt | tr '\n' ' ')" -r tests/requirements.txt
    cp tests/requirements.txt "$venv/requirements.txt"
fi
zig=ziglang==0.17.1
if [ "$(cat "$venv/zig.txt" 2>/dev/null)" != "$zig" ]; then
    say "installing into target/test-env/venv: $zig (the package for Zig; a clang for the header for C++)"
    if "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$zig"; then
        echo "$zig" >"$venv/zig.txt"
    else
        say "warning: cannot get Zig, the tests of bindings/zig will be left out"
    fi
fi
if ! have cmake && [ ! -x "$venv/bin/cmake" ]; then
    install_packages "builds and runs the C tests" cmake || install_with_pip "cmake" cmake==4.4.4
fi

if ! cmp -s tests/package-lock.json "$node/installed.json"; then
    say "installing into target/test-env/node: ws (a peer of the interop tests)"
    mkdir -p "$node"
    cp tests/package.json tests/package-lock.json "$node/"
    (cd "$node" && npm ci --no-update-notifier --no-audit --no-fund --loglevel=error >/dev/null)
    cp tests/package-lock.json "$node/installed.json"
fi

# Proxies, front ends, servers. Installed, they would run as services of this machine from then on: they are only unpacked.
servers=$env_dir/servers
debs=$env_dir/debs
apt_private=(-qq -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o "Dir::Cache=$debs" -o "Dir::Cache::archives=$debs")

# with what this machine lacks of what it depends on, into $debs; needs no root
download_package() {
    rm -rf "$debs"
    mkdir -p "$debs/partial"
    apt-get "${apt_private[@]}" install -y --no-install-recommends --download-only "$1" >/dev/null 2>&1
}

lists_updated=
# unpack_package PACKAGE DIRECTORY
unpack_package() {
    have apt-get && have dpkg || return 1
    if ! download_package "$1"; then
        [ -z "$lists_updated" ] || return 1
        lists_updated=yes
        mkdir -p "$env_dir/apt-lists/partial"
        apt_private+=(-o "Dir::State::lists=$env_dir/apt-lists")
        apt-get "${apt_private[@]}" update >/dev/null 2>&1 && download_package "$1" || return 1
    fi
    find "$debs" -name '*.deb' -exec dpkg -x {} "$2" \;
}

mkdir -p "$servers"
missing=
for package in squid-openssl tinyproxy-bin dante-server microsocks nginx-light haproxy mosquitto nats-server; do
    [ ! -e "$servers/$package" ] || continue
    say "unpacking into target/test-env/servers: $package (a peer of the tests)"
    if unpack_package "$package" "$servers"; then
        touch "$servers/$package"
    else
        missing="$missing $package"
    fi
done
[ -z "$missing" ] || say "warning: cannot get$missing, the tests with these servers will be left out"

# Asio's headers, with Boost and without. Of the rest of Boost only what they include is kept.
# 1.77 was the first version with this header.
has_asio() { echo "#include <$1/cancellation_state.hpp>" | g++ -I"$2" -fsyntax-only -x c++ - 2>/dev/null; }
# unpack_asio NAME DIRECTORY PACKAGE...: the first package that has it
unpack_asio() {
    local name=$1 directory=$2 package
    shift 2
    ! has_asio "$name" "$directory" || return 0
    for package; do
        say "unpacking into ${directory#"$PWD/"}: $package (the C++ header for Asio)"
        rm -rf "$directory" "$directory.all"
        mkdir -p "$directory" "$directory.all"
        unpack_package "$package" "$directory.all" && has_asio "$name" "$directory.all/usr/include" || continue
        (cd "$directory.all/usr/include" && for standard in c++17 c++20; do
            echo "#include <$name.hpp>" | g++ -std=$standard "-I$PWD" -M -x c++ -
        done | tr -d '\\' | tr ' ' '\n' | sed -n "s|^$PWD/||p" | sort -u | xargs cp -r --parents -t "$directory" "$name")
        break
    done
    rm -rf "$directory.all"
    has_asio "$name" "$directory"
}
unpack_asio boost/asio "$env_dir/boost" libboost1.81-dev libboost1.83-dev libboost-dev ||
    say "warning: no Boost 1.77 or later (libboost-dev), the tests of the C++ header for Asio will be left out"
unpack_asio asio "$env_dir/asio" libasio-dev ||
    say "warning: no Asio without Boost (libasio-dev), the C++ header for Asio will not be tested with it"
rm -rf "$debs" "$env_dir/apt-lists"

if [ -z "$(find "$tls/ca.pem" -mmin -1440 2>/dev/null)" ]; then
    say "making test certificates in target/test-env/tls (none from the last 24 hours)"
    "$venv/bin/python" tests/make_certificates.py "$tls"
fi
