# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Firefox in the lab's outside network, driven by WebDriver BiDi over a WebSocket (RFC 6455)."""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from outside import OUTSIDE

# Nothing but the page shall talk, and nothing of Firefox's own shall stand in front of it.
PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    "toolkit.telemetry.enabled": False,
}
START = 60  # seconds


class Firefox:
    """A browser of its own, with a profile of its own, which stays in `folder`; `preferences` are about:config's."""

    def __init__(self, folder: Path, preferences: dict[str, Any] | None = None) -> None:
        self.profile = Path(tempfile.mkdtemp(prefix="firefox-", dir=folder))
        lines = [
            f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in {**PREFERENCES, **(preferences or {})}.items()
        ]
        (self.profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
        self._process = subprocess.Popen(
            [*OUTSIDE, "firefox-esr", "--headless", "--profile", self.profile, "--remote-debugging-port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._received = b""
        self._calls = 0
        port = self._port()
        # Its port is in that network, which netcat brings here.
        self._wire = subprocess.Popen(
            [*OUTSIDE, "nc.openbsd", "127.0.0.1", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self._begin(port)
        self.call("session.new", capabilities={})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.call("browser.close")
        except (OSError, EOFError):
            self._process.terminate()
        self._process.wait(30)
        self._wire.terminate()
        self._wire.wait(10)

    def open(self, url: str, width: int = 1000, height: int = 900) -> Tab:
        """Open a page in a tab of that size."""
        context = self.call("browsingContext.create", type="tab")["context"]
        self.call("browsingContext.setViewport", context=context, viewport={"width": width, "height": height})
        self.call("browsingContext.navigate", context=context, url=url, wait="none")
        return Tab(self, context)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        self._calls += 1
        self._send(json.dumps({"id": self._calls, "method": method, "params": parameters}).encode())
        while True:
            answer = json.loads(self._message())
            if answer.get("id") == self._calls:
                if answer["type"] == "error":
                    raise OSError(f"{method}: {answer['error']}: {answer['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _port(self) -> int:
        """The port that Firefox has chosen, and written into its profile."""
        end = time.monotonic() + START
        file = self.profile / "WebDriverBiDiServer.json"
        while time.monotonic() < end:
            try:
                return int(json.loads(file.read_text(encoding="utf-8"))["ws_port"])
            except (OSError, ValueError):
                time.sleep(0.2)
        self._process.terminate()
        raise OSError(f"Firefox did not start in {START} s")

    def _begin(self, port: int) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._write(
            f"GET /session HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._received:
            self._read()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        if b" 101 " not in head.splitlines()[0]:
            raise OSError(f"Firefox takes no WebSocket: {head!r}")

    def _send(self, data: bytes) -> None:
        """One text frame, masked as a client's are."""
        mask = os.urandom(4)
        count = len(data)
        length = struct.pack("!B", 0x80 | count) if count < 126 else struct.pack("!BH", 0x80 | 126, count)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        self._write(b"\x81" + length + mask + masked)

    def _message(self) -> bytes:
        """One message, of as many frames as it has; answers to pings are not waited for by anybody here."""
        message = b""
        while True:
            first, second = self._take(2)
            length = second & 127
            if length > 125:
                length = int.from_bytes(self._take(2 if length == 126 else 8), "big")
            data = self._take(length)
            if first & 15 == 8:
                raise EOFError("Firefox has ended")
            if first & 15 < 3:
                message += data
                if first & 0x80:
                    return message

    def _take(self, count: int) -> bytes:
        while len(self._received) < count:
            self._read()
        taken, self._received = self._received[:count], self._received[count:]
        return taken

    def _write(self, data: bytes) -> None:
        assert self._wire.stdin is not None
        self._wire.stdin.write(data)

    def _read(self) -> None:
        assert self._wire.stdout is not None
        data = self._wire.stdout.read(1 << 20)
        if not data:
            raise EOFError("Firefox has ended")
        self._received += data


class Tab:
    """A page in a tab."""

    def __init__(self, browser: Firefox, context: str) -> None:
        self._browser = browser
        self._context = context

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        found = self._browser.call(
            "script.evaluate",
            expression=f"JSON.stringify({expression})",
            target={"context": self._context},
            awaitPromise=True,
        )
        if found["type"] == "exception":
            return None
        text = found["result"].get("value")
        return None if text is None else json.loads(text)

    def wait(self, expression: str, seconds: float) -> bool:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.evaluate(expression):
                return True
            time.sleep(0.3)
        return False

    def reload(self) -> None:
        """Load the page again."""
        self._browser.call("browsingContext.reload", context=self._context, wait="none")

    def close(self) -> None:
        """Close the tab."""
        self._browser.call("browsingContext.close", context=self._context)

    def picture(self, path: Path) -> None:
        """Take a picture of the whole page."""
        data = self._browser.call("browsingContext.captureScreenshot", context=self._context, origin="document")["data"]
        path.write_bytes(base64.b64decode(data))
