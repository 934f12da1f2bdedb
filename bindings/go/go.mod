module ktorws.dev/go/ktorws

go 1.19
