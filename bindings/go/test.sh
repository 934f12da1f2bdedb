#!/usr/bin/env bash
# Tests the binding under the echo server: test.sh GO. PKG_CONFIG_PATH has a ktorws.pc, GOCACHE is where Go builds.
set -euo pipefail
cd "$(dirname "$0")"
go=$1
# Nothing is fetched: neither modules nor another Go.
export GOFLAGS=-mod=readonly GOPROXY=off GOTOOLCHAIN=local GOWORK=off

"$go" vet .
"$go" test -race -timeout 120s .
cd interop
if [ -d "$(sed -n 's/^replace .* => //p; T; q' go.mod)" ]; then
    "$go" vet .
    "$go" test -race -timeout 120s .
else
    echo "SKIPPED gorilla: no golang-github-gorilla-websocket-dev"
fi
