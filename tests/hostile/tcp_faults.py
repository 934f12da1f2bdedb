"""What TCP does before the answer and in it."""

from peer import BYE, PING, fault, frame, last, text


@fault("/tcp/silent")
def _(c):
    pass


@fault("/tcp/silent-after-half-the-head")
def _(c):
    c.send(c.head()[:60])


@fault("/tcp/one-header-after-another")
def _(c):
    c.send(c.head(end="\r\n"))
    while not c.ended:
        c.send(b"X-Field: value\r\n")
        c.pause(0.05)


@fault("/tcp/one-byte-after-another")
def _(c):
    for byte in c.head(extra=["X-Pad: " + "p" * 10000]):
        c.send(bytes([byte]))
        c.pause(0.02)


@fault("/tcp/fin")
def _(c):
    c.fin()


@fault("/tcp/rst")
def _(c):
    c.rst()


@fault("/tcp/fin-after-half-the-head")
def _(c):
    c.send(c.head()[:60])
    c.fin()


@fault("/tcp/rst-after-half-the-head")
def _(c):
    c.send(c.head()[:60])
    c.rst()


NOT_HTTP = {
    "garbage": bytes(range(128, 256)) * 2,
    "ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "tls-alert": bytes.fromhex("15030300020228"),
    "h2-settings": bytes.fromhex("000000040000000000"),
    "html": b"<html><body>Please log in</body></html>\r\n\r\n",
}
for name, data in NOT_HTTP.items():

    @fault("/tcp/" + name)
    def _(c, data=data):
        c.send(data)
        c.fin()


@fault("/tcp/empty-lines")
def _(c):
    c.send(b"\r\n\r\n\r\n\r\n")


# Right answers in odd pieces


@fault("/tcp/slow")
def _(c):
    for byte in c.head():
        c.send(bytes([byte]))
        c.pause(0.005)
    c.close_sent = True
    c.send(text(b"hello") + BYE)


@fault("/tcp/byte-by-byte")
def _(c):
    c.close_sent = True
    fragments = text(b"ab", fin=False) + last(b"cd")
    for byte in c.head() + text(b"x" * 300) + frame(PING, b"pp") + fragments + BYE:
        c.send(bytes([byte]))


@fault("/tcp/frames-behind-head")
def _(c):
    c.close_sent = True
    c.send(c.head() + text(b"hello") + frame(PING, b"p") + BYE)


@fault("/tcp/frame-split-behind-head")
def _(c):
    hello = text(b"hello")
    c.send(c.head() + hello[:1])
    # the client says something, so it has taken the head
    c.wait(lambda: c.frames)
    c.close_sent = True
    c.send(hello[1:] + BYE)


@fault("/tcp/head-split-before-its-end")
def _(c):
    head = c.head()
    c.send(head[:-2])
    c.taken()
    c.close_sent = True
    c.send(head[-2:] + text(b"hello") + BYE)
