# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page as a visitor sees it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import chromium
import firefox
from playbook import ADDRESS, Found, NotRightError, same

PATIENCE = 300  # seconds for a page
DONE = "document.body && document.body.dataset.done == 'true'"
OPEN_EVERYWHERE = """formatPorts(page.map.ports.filter((port) => page.prober.targets.every((t) =>
    t.protocol != 'udp' || t.port != port || t.leftOut || t.open)))"""
MAP = "formatPorts(page.map.ports.filter((port) => page.map.state(port) == 'open'))"
# What the page has as open, by the name of the entry and the address family
PAGE_SAYS = """JSON.stringify(Object.fromEntries(page.session.ports.flatMap((row) =>
    Object.keys(page.session.addresses).map((family) => [`${row.name}/${family}`,
        formatPorts(page.prober.targets.filter((t) => t.row === row && t.family === family && t.open)
            .map((t) => t.port))]))))"""

Tab = chromium.Tab | firefox.Tab


def wait_for_page(tab: Tab, seconds: float = PATIENCE) -> Found:
    """Let the page come to its end, see that its map shows what it found, and return that."""
    if not tab.wait(DONE, seconds):
        raise NotRightError(f"the page does not end: {tab.evaluate('document.body.innerText')}")
    mapped = tab.evaluate(MAP)
    found: Found = json.loads(tab.evaluate(PAGE_SAYS))
    media = [ports for name, ports in found.items() if name.startswith("media/")]
    same("the port map", mapped, media[0] if len(media) == 1 else tab.evaluate(OPEN_EVERYWHERE))
    return found


def picture(tab: Tab, name: str) -> None:
    """Keep a picture of the page, where they are wanted."""
    if os.environ.get("PICTURES"):
        tab.picture(Path(os.environ["PICTURES"]) / f"visit-{name}.png")


def can_be_used_without_seeing(tab: chromium.Tab) -> None:
    """What a screen reader is told, and what the keyboard does."""
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    told = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]}
    roles = {role for role, _ in told}
    wanted = {
        ("heading", f"Port test of {ADDRESS}"),
        ("columnheader", "Result"),
        ("table", "Result of each port"),
        ("image", tab.evaluate("document.getElementById('map').getAttribute('aria-label')")),
    }
    same("what a screen reader is not told", wanted - told, set())
    same("whether it is told of changes", "status" in roles, True)
    same("whether the map has a name", "ports open" in str(wanted), True)
    for _ in range(5):
        tab.press("Tab", 9)
        if tab.evaluate("document.activeElement.id") == "map":
            break
    for key, code, words in (("ArrowRight", 39, "50001/udp: open"), ("ArrowLeft", 37, "50000/udp: open")):
        tab.press(key, code)
        same("the port pointed at", tab.evaluate("document.getElementById('pointed').textContent"), words)


def took(tab: Tab) -> None:
    """Print how long the page took."""
    seconds = tab.evaluate("JSON.parse(page.text.slice(page.text.indexOf(':') + 1)).seconds")
    print(f"  {seconds} s in the browser, load {os.getloadavg()[0]:.1f}", flush=True)
