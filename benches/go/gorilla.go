//go:build gorilla

package main

import (
	"runtime"

	"github.com/gorilla/websocket"
)

func init() {
	settings := "gorilla/websocket as Debian has it, " + runtime.Version() + ", defaults"
	clients = append(clients, client{"gorilla", allWorks, settings, func(url string) connection {
		c, _, err := websocket.DefaultDialer.Dial(url, nil)
		must(err, "connecting")
		return &gorilla{c}
	}})
}

type gorilla struct{ conn *websocket.Conn }

func (c *gorilla) send(message []byte, count int) {
	for ; count > 0; count-- {
		must(c.conn.WriteMessage(websocket.BinaryMessage, message), "sending")
	}
}

func (c *gorilla) receive(count int) {
	for ; count > 0; count-- {
		_, message, err := c.conn.ReadMessage()
		must(err, "receiving")
		check(message)
	}
}

func (c *gorilla) close() { c.conn.Close() }
