"""A Worker for the tests of the host: it does one thing per path and keeps no secrets."""

from __future__ import annotations

import shutil
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SDK = PROJECT / "build" / "python_modules"

SOURCE = """
import asyncio
import json
from urllib.parse import parse_qs, urlsplit

import js
from pyodide.ffi import to_js
from workers import Response, WorkerEntrypoint, fetch


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        url = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/wide":
            return Response("wide", headers={"X-Wide": "x" * int(query["bytes"])})
        return Response(json.dumps(await getattr(self, url.path[1:])(request, query)))

    async def hello(self, request, query):
        return self.env.CF_VERSION_METADATA.id

    async def slow(self, request, query):
        await asyncio.sleep(float(query["seconds"]))
        return self.env.CF_VERSION_METADATA.id

    async def settings(self, request, query):
        metadata = self.env.CF_VERSION_METADATA
        return [self.env.GREETING, self.env.SECRET, metadata.tag, metadata.timestamp]

    async def echo(self, request, query):
        headers = {name.lower(): value for name, value in request.headers.items()}
        return {"method": request.method, "headers": headers, "body": await request.text()}

    async def insert(self, request, query):
        await self.env.DB.prepare("CREATE TABLE IF NOT EXISTS seen (what TEXT)").run()
        await self.env.DB.prepare("INSERT INTO seen VALUES (?)").bind(query["what"]).run()
        return "inserted"

    async def rows(self, request, query):
        found = await self.env.DB.prepare("SELECT what FROM seen ORDER BY rowid").run()
        return [row["what"] for row in found.results]

    async def remember(self, request, query):
        await self.env.CACHE.put(query["key"], query["value"])
        return await self.env.CACHE.get(query["key"])

    async def recall(self, request, query):
        return await self.env.CACHE.get(query["key"])

    async def measure(self, request, query):
        blobs, doubles = [query["route"], "GET"], [1, 2.5]
        point = {"blobs": blobs, "doubles": doubles, "indexes": [query["route"]]}
        self.env.MEASURES.writeDataPoint(to_js(point, dict_converter=js.Object.fromEntries))
        return "measured"

    async def send(self, request, query):
        await self.env.QUEUE.send({"what": query["what"]})
        return "sent"

    async def clock(self, request, query):
        answer = await self.env.CLOCK.fetch("http://clock/")
        return json.loads(await answer.text())

    async def limited(self, request, query):
        outcome = await self.env.LIMIT.limit({"key": query["key"]})
        return bool(outcome.success)

    async def visit(self, request, query):
        try:
            answer = await fetch(query["url"])
        except Exception:
            return "refused"
        return answer.status

    async def log(self, request, query):
        print(query["text"])
        return "logged"

    async def fail(self, request, query):
        raise ValueError(query["text"])

    async def queue(self, batch, env=None, ctx=None):
        messages = list(batch.messages)
        bodies = json.dumps([[batch.queue, m.id, m.body, m.attempts] for m in messages])
        await self.insert(None, {"what": bodies})
        messages[0].ack()
        messages[1].retry(delaySeconds=7)
        if len(messages) > 2:
            raise RuntimeError("the third message is one too many")

    async def scheduled(self, controller, env=None, ctx=None):
        if controller.cron == "hang":
            await asyncio.sleep(600)
        await self.insert(None, {"what": f"{controller.cron} {int(controller.scheduledTime)}"})
"""


def write_bundle(folder: Path, source: str = SOURCE) -> Path:
    """Write a Worker's modules, the vendored SDK included, and return their folder."""
    if not SDK.is_dir():
        raise AssertionError(f"{SDK} is missing: run 'make install'.")
    shutil.copytree(SDK, folder / "python_modules")
    (folder / "entry.py").write_text(source)
    return folder
