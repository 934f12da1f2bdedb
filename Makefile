# What people and CI type; CMakeLists.txt and cargo do the work.
#
#   make build | demo | test | test-fast | flaky | mutants | lint | docs | bench | bench-docs | compare-docs |
#   fuzz | stress | header | autobahn | interop | python-wheel | install | deb | licenses | abi-check | abi-dump | clean

CARGO ?= cargo
PREFIX ?= /usr/local
DESTDIR ?=

# CMake asks cargo for exactly this build, so the release library is built once for everything.
CARGO_RUSTC := $(CARGO) rustc --locked --lib --crate-type cdylib,staticlib --profile release
BUILD := target/cmake
INSTALL_BUILD := target/cmake-install
DEMO := target/demo
ENV := target/test-env
# Looked up by the shell, when tests/setup.sh has had its turn.
CMAKE = $$(command -v cmake || echo $(ENV)/venv/bin/cmake)
CTEST = $$(command -v ctest || echo $(ENV)/venv/bin/ctest)
CONFIGURE = $(CMAKE) -S . -B $(BUILD) -DKTORWS_CARGO_TARGET_DIR=target -DKTORWS_STATIC=ON
QUICK_BUILD := target/cmake-quick
CONFIGURE_QUICK = $(CMAKE) -S . -B $(QUICK_BUILD) -DKTORWS_CARGO_TARGET_DIR=target -DKTORWS_STATIC=ON \
    -DKTORWS_CARGO_PROFILE=quick -DBUILD_TESTING=ON
# Where make was told how many jobs there may be, it shares them.
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,--parallel $$(nproc))
# Prints only what fails.
QUIETLY := tests/quietly.sh

# The tests leave no __pycache__ in the sources.
export PYTHONDONTWRITEBYTECODE := 1

MAKEFLAGS += --no-print-directory

.PHONY: build demo test test-fast flaky mutants lint docs bench bench-docs compare-docs fuzz stress header autobahn interop python-wheel install deb licenses \
    abi-check abi-dump clean

build:
	$(CARGO_RUSTC)

# Needs Rust and gcc only.
demo:
	@echo "demo: 1/3 the library (the first time, this and the next step take about two minutes)"
	@$(CARGO_RUSTC)
	@echo "demo: 2/3 an echo server to talk to, and c_examples/echo.c"
	@$(CARGO) build --locked --example echo_server
	@mkdir -p $(DEMO)
	@cp target/release/libktorws.so $(DEMO)/libktorws.so.0
	@ln -sf libktorws.so.0 $(DEMO)/libktorws.so
	@$(CC) -std=c99 -O2 -Iinclude c_examples/echo.c -o $(DEMO)/echo -L$(DEMO) -lktorws -Wl,-rpath,'$$ORIGIN'
	@echo "demo: 3/3 talking to it"
	@target/debug/examples/echo_server -- sh -c '\
	    set -e; \
	    echo; echo "$(DEMO)/echo $$ECHO_WS_URL"; \
	    $(DEMO)/echo "$$ECHO_WS_URL"; \
	    echo; echo "$(DEMO)/echo $$ECHO_WSS_URL $$ECHO_CA_FILE"; \
	    $(DEMO)/echo "$$ECHO_WSS_URL" "$$ECHO_CA_FILE" "hello over TLS"'

test:
	@echo "test: 1/4 tools and peers (tests/setup.sh)"
	@tests/setup.sh
	@echo "test: 2/4 Rust tests (cargo test)"
	@$(QUIETLY) $(CARGO) test --locked
	@echo "test: 3/4 release library, C programs (cmake)"
	@$(QUIETLY) $(CONFIGURE) -DBUILD_TESTING=ON
	+@$(QUIETLY) $(CMAKE) --build $(BUILD) $(PARALLEL)
	@echo "test: 4/4 C tests, model checks, consumers, peers, Autobahn (ctest)"
	@CTEST=$(CTEST) tests/ctest.sh $(BUILD)
	@echo "test: all passed"

# For daily work: the Rust tests, the model checks, the C tests without valgrind, with a library that is built in seconds.
test-fast:
	@tests/setup.sh
	@echo "test-fast: 1/3 Rust tests (cargo test)"
	@$(QUIETLY) $(CARGO) test --locked
	@echo "test-fast: 2/3 library, C programs (cmake)"
	@$(QUIETLY) $(CONFIGURE_QUICK)
	+@$(QUIETLY) $(CMAKE) --build $(QUICK_BUILD) $(PARALLEL)
	@echo "test-fast: 3/3 C tests, model checks (ctest)"
	@CTEST=$(CTEST) tests/ctest.sh $(QUICK_BUILD) -L '^(quick|example|models)$$'
	@echo "test-fast: all passed"

# make flaky [N=20]: runs what test-fast runs so many times beside two busy loops. Prints only what failed.
N ?= 20
flaky:
	@$(QUIETLY) tests/setup.sh
	@$(QUIETLY) $(CONFIGURE_QUICK)
	+@$(QUIETLY) $(CMAKE) --build $(QUICK_BUILD) $(PARALLEL)
	@CTEST=$(CTEST) tests/flaky.sh $(QUICK_BUILD) $(N)

# make mutants [SHARD=k/n]: whether the Rust tests notice faults that are put into the code that needs no I/O. It takes hours;
# a shard is a part of it. Results go to target/mutants.
mutants:
	@tests/mutants.sh $(SHARD)

STRICT := -Iinclude -Itests/c -Wall -Wextra -Wpedantic -Wconversion -Wshadow \
    -Wstrict-prototypes -Wmissing-prototypes -Werror
STRICT_CXX := -Iinclude -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
PYTHON := bindings/python
# Not in the library's dependency tree.
OTHER_CRATES := benches/peers benches/peers/codec benches/server fuzz tests/model
# Those with Asio are compiled where there is Boost, by the tests.
CXX_SOURCES = $(filter-out c_examples/asio.cpp tests/cpp/asio_%,$(wildcard c_examples/*.cpp tests/cpp/*.cpp))
C_SOURCES = $(filter-out tests/c/layout.c c_examples/glib.c,$(shell find c_examples sanitizers tests -name '*.c' -not -path 'tests/compare/lib*'))

lint:
	@echo "lint: Rust format"
	@$(CARGO) fmt --check
	@for crate in $(OTHER_CRATES); do $(CARGO) fmt --check --manifest-path $$crate/Cargo.toml || exit 1; done
	@echo "lint: clippy"
	@$(CARGO) clippy --locked --all-targets --quiet -- -D warnings
	@echo "lint: fuzz targets compile"
	@# Nothing is linked, so that libFuzzer need not be built.
	@CUSTOM_LIBFUZZER_PATH=/dev/null $(CARGO) check --locked --quiet --manifest-path fuzz/Cargo.toml --target-dir target
	@echo "lint: C and C++ sources"
	@for source in $(C_SOURCES); do $(CC) -std=c99 $(STRICT) -fsyntax-only $$source || exit 1; done
	@$(CC) -std=c11 $(STRICT) -fsyntax-only tests/c/layout.c # _Static_assert
	@for source in $(CXX_SOURCES); do \
	    $(CXX) -std=c++17 $(STRICT_CXX) -fsyntax-only $$source || exit 1; done
	@if pkg-config --exists glib-2.0 2>/dev/null; then \
	    $(CC) -std=c99 $(STRICT) $$(pkg-config --cflags glib-2.0 | sed 's/-I/-isystem /g') \
	    -fsyntax-only c_examples/glib.c || exit 1; fi
	@for source in benches/c/*.c tool/*.c; do $(CC) -std=c11 -D_GNU_SOURCE $(STRICT) -fsyntax-only $$source || exit 1; done
	@if clang-format --version 2>/dev/null | grep -q " 14\."; then \
	    echo "lint: C and C++ format"; clang-format --dry-run -Werror \
	    $$(find benches bindings c_examples sanitizers tests tool -name '*.[ch]' -o -name '*.[ch]pp') $$(find include -name '*.hpp'); fi
	@if $(ENV)/venv/bin/python -c "import ziglang" 2>/dev/null; then \
	    echo "lint: Zig format"; $(ENV)/venv/bin/python -m ziglang fmt --check bindings/zig; fi
	@if command -v gofmt >/dev/null; then echo "lint: Go format"; \
	    test -z "$$(gofmt -l bindings/go benches/go | tee /dev/stderr)"; fi
	@if command -v node >/dev/null; then echo "lint: script of the documentation"; node --check docs/reference/search.js; fi
	@echo "lint: the package for Python"
	@include=$$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))'); \
	    [ ! -e "$$include/Python.h" ] || for source in bindings/python/native/*.c; do \
	    $(CC) -std=c11 -D_GNU_SOURCE $(STRICT) -Wno-pedantic -isystem "$$include" -fsyntax-only $$source || exit 1; done
	@if [ -x $(ENV)/venv/bin/mypy ]; then \
	    $(ENV)/venv/bin/ruff check --quiet --no-cache --config $(PYTHON)/pyproject.toml $(PYTHON) benches/python && \
	    $(ENV)/venv/bin/ruff format --check --quiet --no-cache --config $(PYTHON)/pyproject.toml $(PYTHON) benches/python && \
	    cd $(PYTHON)/src && $(abspath $(ENV))/venv/bin/mypy --strict --no-error-summary --cache-dir=/dev/null ktorws; fi
	@echo "lint: nothing found"

# The page is made of the programs in tests/compare.
compare-docs:
	@python3 -B tests/compare/page.py .

# The manual pages go to target/man, the site to target/docs; both from the header's comments, the site from the guides too.
docs:
	@tests/setup.sh
	@python3 -B docs/reference/man.py include/ktorws.h target/man
	@$(ENV)/venv/bin/python -B docs/reference/website.py . target/docs

# make bench WORK=rtt [CLIENTS=ktorws,tungstenite] [CONFIGS=S,X] [ROUNDS=3] [OTHER=/path/to/libktorws.so]
# WORK is rtt, burst, big, tls, connect, idle, deflate, callback, group, scale, python, go, one work of these, or all. Results go to target/bench/.
# OTHER is another build of the library, which is measured beside this one.
WORK ?= all
bench: build
	@python3 benches/run.py $(WORK) $(if $(CLIENTS),--clients $(CLIENTS)) $(if $(CONFIGS),--configs $(CONFIGS)) \
	    $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(OTHER),--other $(OTHER))

# Writes docs/benchmarks.md and its plots from what `make bench` measured.
bench-docs:
	@python3 benches/report.py

# make fuzz [SECONDS=60] [TARGETS='receive raw']
# Every target for so many seconds. Corpora, logs and what crashes go to target/fuzz/.
SECONDS ?= 60
fuzz:
	@fuzz/run.sh $(SECONDS) $(TARGETS)

# make stress [SECONDS=60] [BUILDS='address thread release'] [SEED=N]
# Random calls of the whole C API for so many seconds against each build: with AddressSanitizer, with ThreadSanitizer, and
# the release library. Prints a line for each; logs go to target/chaos/.
BUILDS ?= address thread release
stress: $(if $(filter release,$(BUILDS)),build)
	@SEED=$(SEED) tests/stress/chaos.sh $(SECONDS) $(BUILDS)

header:
	UPDATE_HEADER=1 $(CARGO) test --locked --test header

# make autobahn [AUTOBAHN=all]: some two minutes, or all 517 cases in about 15.
autobahn:
	@tests/setup.sh
	@$(CONFIGURE) -DBUILD_TESTING=ON >/dev/null
	+@$(CMAKE) --build $(BUILD) --target autobahn_client
	@$(ENV)/venv/bin/python tests/autobahn/run.py $(BUILD)/tests/autobahn/autobahn_client $(if $(filter all,$(AUTOBAHN)),--all)

# The library against servers of others. Writes docs/interop.md.
interop: build
	@tests/setup.sh
	@$(ENV)/venv/bin/python tests/interop/servers.py --env $(ENV) --work target/interop --write

# The package for Python, with the library in it: target/python/ktorws-*.whl.
python-wheel: build
	@python3 -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir target/python ./bindings/python
	@ls target/python/*.whl

install:
	@command -v cmake >/dev/null || { echo "install: cmake is needed (on Debian: apt-get install cmake)" >&2; exit 1; }
	@cmake -S . -B $(INSTALL_BUILD) -DKTORWS_CARGO_TARGET_DIR=target -DKTORWS_STATIC=ON \
	    -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	@cmake --build $(INSTALL_BUILD)
	@DESTDIR=$(DESTDIR) cmake --install $(INSTALL_BUILD)

# The Debian packages, in target/deb. PREBUILT=target/release takes what `make build` has built; else the library is built anew.
PREBUILT ?=
deb:
	@KTORWS_PREBUILT=$(PREBUILT) packaging/deb.sh target/deb
	@rm -rf target/deb/source
	@ls target/deb/*.deb

# Whose code is linked in, and under which licence.
licenses:
	@packaging/third_party.py target/THIRD-PARTY.txt

# The ABI, against that of the last release; abi-dump writes that of this one.
ABIGAIL := command -v abidw >/dev/null || { echo "abi: libabigail is needed: apt-get install abigail-tools" >&2; exit 1; }
abi-check: build
	@$(ABIGAIL)
	@abi/check.sh target/release/libktorws.so include/ktorws.h

abi-dump: build
	@$(ABIGAIL)
	@abi/dump.sh target/release/libktorws.so include/ktorws.h >target/abi-dump
	@mv target/abi-dump abi/libktorws-$$(sed -n 's/^version = "\([0-9]*\.[0-9]*\)\..*"$$/\1/p' Cargo.toml | head -n 1).abi

clean:
	$(CARGO) clean
