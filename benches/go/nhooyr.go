//go:build nhooyr

package main

import (
	"context"
	"runtime"

	"nhooyr.io/websocket"
)

func init() {
	settings := "nhooyr.io/websocket, now coder/websocket, as Debian has it, " + runtime.Version() + ", no compression"
	clients = append(clients, client{"nhooyr", allWorks, settings, func(url string) connection {
		options := &websocket.DialOptions{CompressionMode: websocket.CompressionDisabled}
		c, _, err := websocket.Dial(context.Background(), url, options)
		must(err, "connecting")
		c.SetReadLimit(2 << 20)
		return &nhooyr{c}
	}})
}

type nhooyr struct{ conn *websocket.Conn }

func (c *nhooyr) send(message []byte, count int) {
	for ; count > 0; count-- {
		must(c.conn.Write(context.Background(), websocket.MessageBinary, message), "sending")
	}
}

func (c *nhooyr) receive(count int) {
	for ; count > 0; count-- {
		_, message, err := c.conn.Read(context.Background())
		must(err, "receiving")
		check(message)
	}
}

func (c *nhooyr) close() { must(c.conn.Close(websocket.StatusNormalClosure, ""), "closing") }
