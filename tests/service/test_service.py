"""What a user gets from `make serve`: scans that survive what happens to processes, and nothing left behind."""

from __future__ import annotations

import asyncio
import signal

import psutil

from tests.service.conftest import Service
from tests.site import Site, page, picture


def gallery(site: Site, count: int) -> str:
    for number in range(count):
        site.add(f"/{number}.png", picture("PNG", (240, 200), number * 5 + 1), "image/png")
    return site.add("/gallery.html", page(*(f'<img src="/{number}.png">' for number in range(count)), title="A gallery"))


async def gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are still there after a while."""
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, 20)
    return [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


async def test_a_scan_streams_and_is_cached_and_ctrl_c_leaves_nothing(service: Service) -> None:
    async with Site() as site:
        url = gallery(site, 4)
        asked = await service.ask("/api/scans", url=url)
        events = [event async for event in service.follow(asked["events"])]
        report = await service.ask(asked["report"])
        again = await service.ask((await service.ask("/api/scans", url=url))["report"])

    assert [kind for _, kind, _ in events][-1] == "done"
    assert sum(kind == "verdict" for _, kind, _ in events) == 4
    assert (report["status"], report["counts"]["unique"]) == ("done", 4)
    assert again["status"] in ("queued", "running", "done")
    resumed = [kind async for _, kind, _ in service.follow(asked["events"], events[-2][0])]
    assert resumed == ["done"]

    tree = service.tree()
    assert tree
    await service.end()
    assert await gone(tree) == []


async def test_a_worker_that_is_killed_in_mid_scan_loses_nothing(service: Service) -> None:
    async with Site() as site:
        url = gallery(site, 12)
        asked = await service.ask("/api/scans", url=url)
        first = service.worker()
        async with asyncio.timeout(120):
            async for _, kind, _ in service.follow(asked["events"]):
                if kind == "verdict" and first.is_running():
                    first.kill()
        report = await service.ask(asked["report"])
    assert (report["status"], report["counts"]["unique"]) == ("done", 12)
    assert service.worker().pid != first.pid


async def test_a_server_that_is_killed_leaves_no_worker_and_the_next_start_goes_on(service: Service) -> None:
    async with Site() as site:
        url = gallery(site, 3)
        tree = service.tree()
        workers = [one for one in tree if "worker" in one.cmdline()]
        await service.end(signal.SIGKILL)
        assert await gone(workers) == []
        await service.start()
        asked = await service.ask("/api/scans", url=url)
        kinds = [kind async for _, kind, _ in service.follow(asked["events"])]
    assert kinds[-1] == "done"
    whole = tree + service.tree()
    await service.end()
    assert await gone(whole) == []


async def test_a_worker_that_loses_server_and_database_together_ends(service: Service) -> None:
    async with Site() as site:
        await service.ask("/api/scans", url=gallery(site, 8))
        tree = service.tree()
        for one in tree:  # the database's own processes first: nothing may see it leave
            if "postgres" in one.name():
                one.kill()
        await service.end(signal.SIGKILL)
        assert await gone(tree) == []


async def test_a_heat_map_comes_while_one_waits_also_beside_scans(service: Service) -> None:
    async with Site() as site:
        url = gallery(site, 1)
        asked = await service.ask("/api/scans", url=url)
        assert [kind async for _, kind, _ in service.follow(asked["events"])][-1] == "done"
        [image] = (await service.ask(asked["report"]))["images"]
        for number in range(4):  # more than a worker takes at once, and none of them ends soon
            await service.ask("/api/scans", url=site.add(f"/long{number}.html", page('<img src="/drip">')))
        async with asyncio.timeout(60):
            while (answer := await service.fetch(f"/api/images/{image['sha256']}/heatmap"))[0] == 503:
                assert b"not_made_yet" in answer[2]
    assert answer[:2] == (200, "image/png")


async def test_a_pipe_that_breaks_ends_neither_server_nor_worker(service: Service) -> None:
    assert service.process
    server, worker = psutil.Process(service.process.pid), service.worker()
    for one in (server, worker):  # what the system sends for a write to a caller, a browser or a child that has gone
        one.send_signal(signal.SIGPIPE)
    await asyncio.sleep(0.2)
    assert server.is_running()
    assert service.worker().pid == worker.pid


async def test_a_running_scan_can_be_cancelled(service: Service) -> None:
    async with Site() as site:
        asked = await service.ask("/api/scans", url=site.add("/long.html", page('<img src="/drip">', "<p>x" * 50)))
        async with asyncio.timeout(90):
            async for _, kind, data in service.follow(asked["events"]):
                if kind == "status" and data["status"] == "running":
                    await service.ask(f"{asked['report']}/cancel", now=True)
        report = await service.ask(asked["report"])
    assert report["status"] == "cancelled"
