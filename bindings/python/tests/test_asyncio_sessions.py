"""How sessions begin and end, and what they leave, on asyncio's event loop and on uvloop's."""

import asyncio
import gc
import os
import weakref

import pytest
import trustme

import ktorws
from conftest import echo, refuse, serving, tls_server, until_gone
from ktorws.asyncio import connect


def test_closing(run):
    async def main(url):
        ws = await connect(url)
        receiving = asyncio.create_task(ws.recv())
        await asyncio.sleep(0)
        await asyncio.gather(ws.close(4000, "done"), ws.close(), ws.wait_closed())
        with pytest.raises(ktorws.ConnectionClosedError) as closed:
            await receiving
        assert closed.value.sent == ktorws.Close(4000, "done")
        with pytest.raises(KeyError):
            async with connect(url):
                raise KeyError

    with serving(echo) as server:
        run(main(server.url))
    assert server.closes == [(4000, "done"), (1011, "")]


def test_what_cannot_be_opened(run, script):
    async def main(url):
        with pytest.raises(ktorws.InvalidStatus) as refused:
            await connect(url)
        assert refused.value.response.body == b"no"
        with pytest.raises(ConnectionRefusedError):
            await connect("ws://127.0.0.1:1/")
        with pytest.raises(ktorws.InvalidURI):
            await connect("http:")
        silent = script(until_gone, shakes_hands=False)
        with pytest.raises(TimeoutError):
            await connect(silent, open_timeout=0.05)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), connect(silent):
                pass

    with serving(echo, refuse(403, "no")) as server:
        run(main(server.url))


def test_tls(run):
    authority = trustme.CA()

    async def main(url):
        async with connect(url, ssl=ktorws.TLS(ca=authority.cert_pem.bytes())) as ws:
            # One record has many messages: the descriptor is readable for each.
            for number in range(500):
                await ws.send(str(number))
            assert [await ws.recv() for _ in range(500)] == [str(number) for number in range(500)]
        with pytest.raises(ktorws.CertificateError):
            await connect(url)

    with serving(echo, tls=tls_server(authority, "localhost")) as server:
        run(main(f"wss://localhost:{server.port}/"))


def test_from_other_threads(run, url):
    async def main():
        loop = asyncio.get_running_loop()

        def talk():
            asyncio.run_coroutine_threadsafe(ws.send("from a thread"), loop).result()
            return asyncio.run_coroutine_threadsafe(ws.recv(), loop).result()

        async with connect(url) as ws:
            assert await asyncio.to_thread(talk) == "from a thread"

    run(main())


def test_context_variables_are_the_task_s(run, url):
    from contextvars import ContextVar

    variable = ContextVar("variable")

    async def receive(ws):
        variable.set("the task's")
        await ws.recv()
        assert variable.get() == "the task's"
        assert asyncio.current_task().get_name() == "receiver"

    async def main():
        async with connect(url) as ws:
            variable.set("main's")
            task = asyncio.create_task(receive(ws), name="receiver")
            await asyncio.sleep(0.01)
            await ws.send("x")
            await task
            assert variable.get() == "main's"

    run(main())


def test_nothing_is_left(run, url):
    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    async def use():
        async with connect(url) as ws:
            await ws.send("x")
            await ws.recv()
            await ws.ping()
            task = asyncio.create_task(ws.recv())
            await asyncio.sleep(0)
            task.cancel()
        with pytest.raises(ConnectionRefusedError):
            await connect("ws://127.0.0.1:1/")
        return weakref.ref(ws)

    async def main():
        await use()
        gc.collect()
        before = descriptors()
        references = [await use() for _ in range(20)]
        gc.collect()
        assert [reference() for reference in references] == [None] * 20
        # The library's threads close what was theirs a moment later.
        while descriptors() > before:
            await asyncio.sleep(0.001)

    run(main())


def test_descriptors_of_a_closed_session_do_not_wait_for_the_garbage_collector(run, url, script):
    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    async def use(rounds):
        for _ in range(rounds):
            async with connect(url) as ws:
                receiving = asyncio.create_task(ws.recv())
                await ws.ping()
                await ws.send("x")
                await receiving
                receiving = asyncio.create_task(ws.recv())
                await asyncio.sleep(0)
            with pytest.raises(ktorws.ConnectionClosedOK):
                await receiving
            async with connect(url + "burst/10") as ws:
                assert await ws.recv() == "0"
            with pytest.raises(ktorws.ConnectionClosed):
                await ws.send("late")
            async with connect(url + "drop") as ws:
                with pytest.raises(ktorws.ConnectionClosed):
                    await ws.ping()
            with pytest.raises(ConnectionRefusedError):
                await connect("ws://127.0.0.1:1/")
            with pytest.raises(TimeoutError):
                await connect(silent, open_timeout=0.02)
            del ws, receiving

    async def main():
        await use(1)
        gc.collect()
        before = descriptors()
        gc.disable()
        try:
            await use(10)
            # The library's threads close what was theirs a moment later.
            while descriptors() > before:
                await asyncio.sleep(0.001)
        finally:
            gc.enable()

    silent = script(until_gone, shakes_hands=False)
    run(main())


def test_a_loop_that_ends_first(run, url):
    async def main():
        ws = await connect(url)
        asyncio.create_task(ws.recv())
        await asyncio.sleep(0)
        return ws

    ws = run(main())
    assert ws.state is ktorws.State.OPEN
    del ws
    gc.collect()
