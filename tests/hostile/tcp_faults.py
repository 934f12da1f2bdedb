"""What TCP does before the answer and in it."""

from peer import fault


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
        with c.changed:
            c.changed.wait_for(lambda: c.ended, 0.05)


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
