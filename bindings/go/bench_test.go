package ktorws_test

import (
	"context"
	"os"
	"testing"

	"ktorws.dev/go/ktorws"
)

func BenchmarkRTT(b *testing.B) {
	ctx := context.Background()
	c, _, err := ktorws.Dial(ctx, os.Getenv("ECHO_WS_URL"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer c.CloseNow()
	p := make([]byte, 64)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if err := c.Write(ctx, ktorws.MessageBinary, p); err != nil {
			b.Fatal(err)
		}
		if _, _, err := c.Read(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
