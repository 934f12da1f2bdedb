module ktorws.dev/go/ktorws/interop

go 1.19

require (
	github.com/gorilla/websocket v1.5.0
	ktorws.dev/go/ktorws v0.0.0
)

// Debian's package golang-github-gorilla-websocket-dev
replace github.com/gorilla/websocket => /usr/share/gocode/src/github.com/gorilla/websocket

replace ktorws.dev/go/ktorws => ../
