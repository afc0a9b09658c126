"""A Firefox with the extension in it, driven over WebDriver BiDi: one WebSocket, no driver program."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any, Self

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse

from tests.extension.screen import SIZE, Screen

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
ID = "extension@medlens"
UUID = "5f3c1f0e-8a51-4f0e-9d0a-3c1f5b7a9e21"
# It starts in two seconds on a machine that has nothing else to do.
START_S = 120
PREFERENCES = {
    "extensions.webextensions.uuids": json.dumps({ID: UUID}),  # where the extension's pages are
    "extensions.background.idle.timeout": 3000,  # ms instead of 30 s: the background is stopped again and again
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "intl.locale.requested": "en-US",
}


class Refused(Exception):
    """The browser's own words."""


class Firefox:
    """`async with Firefox(folder) as firefox:` with the extension of this folder; in a window where a screen is given."""

    def __init__(self, extension: Path, screen: Screen | None = None) -> None:
        self._extension, self._screen = extension, screen
        self._profile = Path(tempfile.mkdtemp(prefix="medlens-firefox-"))
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def __aenter__(self) -> Self:
        (self._profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        arguments = ["--no-remote", "--remote-allow-system-access", f"--remote-debugging-port={port}"]
        arguments += ["--width", str(SIZE[0]), "--height", str(SIZE[1] - 60)] if self._screen else ["--headless"]
        self._process = await asyncio.create_subprocess_exec(
            str(FIREFOX), *arguments, "--profile", str(self._profile),
            env=self._screen.environment if self._screen else None,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self._session = ClientSession()
        self._socket = await self._connect(f"ws://127.0.0.1:{port}/session")
        self._listening = asyncio.create_task(self._listen())
        await self.say("session.new", capabilities={})
        await self.say("webExtension.install", extensionData={"type": "path", "path": str(self._extension)})
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        await self._socket.close()
        await self._session.close()
        self._process.terminate()
        await self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    async def _connect(self, address: str) -> ClientWebSocketResponse:
        async with asyncio.timeout(START_S):
            while True:
                try:
                    return await self._session.ws_connect(address, max_msg_size=0)
                except ClientError:
                    await asyncio.sleep(0.3)

    async def _listen(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if waiting := self._waiting.pop(told.get("id"), None):
                if told["type"] == "error":
                    waiting.set_exception(Refused(f"{told['error']}: {told['message']}"))
                else:
                    waiting.set_result(told["result"])

    async def say(self, method: str, **parameters: Any) -> Any:
        number = next(self._ids)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        return await asyncio.wait_for(self._waiting[number], START_S)

    async def open(self, address: str) -> str:
        """A new tab at this address; its name in the protocol."""
        tab: str = (await self.say("browsingContext.create", type="tab"))["context"]
        await self.say("browsingContext.navigate", context=tab, url=address, wait="complete")
        return tab

    def url(self, path: str) -> str:
        return f"moz-extension://{UUID}/{path}"

    async def run(self, tab: str, expression: str) -> Any:
        """The value of an expression in the page, awaited; through JSON, so that objects come whole."""
        wrapped = f"(async () => JSON.stringify(await ({expression})) ?? 'null')()"
        told = await self.say("script.evaluate", expression=wrapped, target={"context": tab}, awaitPromise=True)
        if told["type"] == "exception":
            raise Refused(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])

    async def tabs(self) -> dict[str, str]:
        """address -> name in the protocol, of every tab."""
        tree = await self.say("browsingContext.getTree", maxDepth=0)
        return {context["url"]: context["context"] for context in tree["contexts"]}

    async def chrome(self, expression: str) -> Any:
        """The value of an expression in the browser's own window."""
        tree = await self.say("browsingContext.getTree", maxDepth=0, **{"moz:scope": "chrome"})
        return await self.run(tree["contexts"][0]["context"], expression)

    async def layer(self, tab: str, function: str) -> Any:
        """What a function of the marks' layer, a closed shadow root, gives, as the protocol tells it; None where there is none."""
        host = await self.say(
            "script.evaluate",
            expression="document.querySelector('[data-medlens-layer]')",
            target={"context": tab},
            awaitPromise=False,
            serializationOptions={"includeShadowTree": "all", "maxDomDepth": 1},
        )
        root = host["result"].get("value", {}).get("shadowRoot")
        if not root:
            return None
        told = await self.say(
            "script.callFunction",
            functionDeclaration=function,
            target={"context": tab},
            awaitPromise=True,
            arguments=[{"sharedId": root["sharedId"]}],
        )
        return told["result"]

    async def words(self, tab: str, selector: str) -> list[str]:
        """Of the layer's visible parts that fit."""
        visible = f"[...root.querySelectorAll({json.dumps(selector)})].filter((one) => one.checkVisibility())"
        told = await self.layer(tab, f"(root) => JSON.stringify({visible}.map((one) => one.textContent))")
        return json.loads(told["value"]) if told else []

    async def click(self, tab: str, words: str) -> None:
        """A click of the mouse on the last visible button of the layer with these words."""
        await self.say("browsingContext.activate", context=tab)
        button = await self.layer(
            tab,
            f"""(root) => {{
              const fits = (one) => one.textContent === {json.dumps(words)} && one.checkVisibility();
              const found = [...root.querySelectorAll("button")].filter(fits).at(-1);
              found.scrollIntoView({{ block: "nearest" }});
              return found;
            }}""",
        )
        origin = {"type": "element", "element": {"sharedId": button["sharedId"]}}
        moves = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": moves}
        await self.say("input.performActions", context=tab, actions=[mouse])
