package ktorws

// #cgo pkg-config: ktorws
import "C"
