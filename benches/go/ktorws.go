package main

import (
	"context"
	"runtime"

	"ktorws.dev/go/ktorws"
)

func init() {
	settings := "the binding for Go with libktorws " + ktorws.Version() + " and " + runtime.Version() + ", defaults"
	clients = append(clients,
		client{"ktorws+go", allWorks, settings, func(url string) connection { return &own{dialOwn(url)} }},
		client{"ktorws+go+batch", batchWorks, settings + "; WriteBatch and ReadBatch", func(url string) connection {
			return &ownBatches{conn: dialOwn(url)}
		}},
	)
}

func dialOwn(url string) *ktorws.Conn {
	c, _, err := ktorws.Dial(context.Background(), url, nil)
	must(err, "connecting")
	return c
}

type own struct{ conn *ktorws.Conn }

func (c *own) send(message []byte, count int) {
	for ; count > 0; count-- {
		must(c.conn.Write(context.Background(), ktorws.MessageBinary, message), "sending")
	}
}

func (c *own) receive(count int) {
	for ; count > 0; count-- {
		_, message, err := c.conn.Read(context.Background())
		must(err, "receiving")
		check(message)
	}
}

func (c *own) close() { must(c.conn.Close(ktorws.StatusNormalClosure, ""), "closing") }

type ownBatches struct {
	conn     *ktorws.Conn
	messages [burst]ktorws.Message
}

func (c *ownBatches) send(message []byte, count int) {
	batch := c.messages[:count]
	for i := range batch {
		batch[i] = ktorws.Message{Type: ktorws.MessageBinary, Data: message}
	}
	_, err := c.conn.WriteBatch(context.Background(), batch)
	must(err, "sending")
}

func (c *ownBatches) receive(count int) {
	for count > 0 {
		got, err := c.conn.ReadBatch(context.Background(), c.messages[:count])
		must(err, "receiving")
		for _, message := range c.messages[:got] {
			check(message.Data)
		}
		count -= got
	}
}

func (c *ownBatches) close() { must(c.conn.Close(ktorws.StatusNormalClosure, ""), "closing") }
