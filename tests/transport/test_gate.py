"""A request is written when the gate lets it: who has connected just now comes late."""

from __future__ import annotations

import anyio

from tests.support.transport_server import OK, Way, answering, every_way, pool_only, raw_server


class Gate:
    """Opens when it is told; notes who asked."""

    def __init__(self) -> None:
        self.late: list[bool] = []
        self.waits = 0
        self.is_open = True
        self.opened = anyio.Event()

    def may_write(self, *, late: bool) -> bool:
        """Note it."""
        self.late.append(late)
        return self.is_open

    async def wait(self) -> None:
        """Wait for the test."""
        self.waits += 1
        await self.opened.wait()


@every_way
def test_nothing_is_written_before_the_gate_opens(way: Way) -> None:
    """Also with a connection that stands since long."""

    async def test() -> None:
        async with raw_server(answering(OK)) as server, way.open(server) as transport:
            gate = transport.gate = Gate()
            await transport.send("resp_1")
            written = len(server.heads)
            gate.is_open = False
            async with anyio.create_task_group() as group:
                group.start_soon(transport.send, "resp_2")
                while not gate.waits:
                    await anyio.lowlevel.checkpoint()
                await anyio.wait_all_tasks_blocked()
                assert len(server.heads) == written
                gate.is_open = True
                gate.opened.set()

            assert len(server.heads) == written + 1
            assert gate.late[0]

    way.run(test)


@pool_only
def test_only_who_has_connected_just_now_comes_late(way: Way) -> None:
    """With an open connection a request is written as it is taken."""

    async def test() -> None:
        async with raw_server(answering(OK)) as server, way.open(server) as transport:
            gate = transport.gate = Gate()
            for number in range(3):
                await transport.send(f"resp_{number}")

            assert gate.late == [True, False, False]

    way.run(test)
