# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Answers that are not of the server, or not of the port."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import quoted
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.name import lead_to
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import Words
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import shortened


def intercepted(words: Words) -> str:
    if words.fact("to"):
        port = words.fact("to")
        where = f"port {port}: the port is" if port.isdecimal() else f"ports {shortened(port)}: the ports are"
        return f"It arrived at {words.host} on {where} translated on the way."
    if words.fact("via") and not words.fact("what"):
        return f"The answer came back from {words.fact('via')}, which was not asked; browsers drop such answers."
    if words.fact("what") == "nothing":
        return (
            f"The connection reached {words.host}, but nothing that was said in it: something on the way looks into it."
        )
    return (
        f"It reached {words.host}, but what came back was {answer(words)}: something on the way answers in its place."
    )


def wrong_server(words: Words) -> str:
    who = f"Somebody else answered at {words.ips} in the place of {words.host}, with {answer(words)}."
    hint = {
        "redirect": "Let's Encrypt would follow that, and look for its proof there.",
        "portal": f"So does a captive portal or a filter in the network of {words.vantages}.",
        "proxy": "So does a proxy, a CDN or a load balancer that stands between.",
        "certificate": "So does a firewall that looks into TLS, a CDN, or another web server.",
    }.get(words.fact("kind"))
    return f"{who} {hint}" if hint else who


def answer(words: Words) -> str:
    """What came back, and of whom."""
    certificate = words.facts.get("certificate")
    if certificate:
        whom = "itself" if _is_self_signed(certificate) else quoted(certificate["subject"])
        issuer = quoted(certificate["issuer"])
        return f"a certificate that {issuer} issued for {whom}, valid until {certificate['expires']}"
    server = f" from {quoted(words.fact('server'))}" if words.fact("server") else ""
    via = f", via {quoted(words.fact('via'))}" if words.fact("via") else ""
    return f"{words.fact('what', 'something else')}{server}{via}"


def _is_self_signed(certificate: t.Mapping[str, str]) -> bool:
    return certificate["issuer"] == certificate["subject"]


def _out_of_the_way(words: Words) -> list[str]:
    """What to do about who answers in the server's place, by how it answers."""
    elsewhere = f"or probe from a host in another network than that of {words.vantages} (preflight_probers)"
    return {
        "redirect": [
            f"Let what stands in front of {words.host} pass {words.ports} on, at the least /.well-known/acme-challenge/"
        ],
        "portal": [f"Sign in to the network of {words.vantages}, {elsewhere}"],
        "proxy": [f"Take the proxy or CDN in front of {words.address} out of the way of {words.ports}, {elsewhere}"],
        "certificate": [f"Where a firewall looks into TLS: let it leave {words.address} alone, {elsewhere}"],
    }.get(words.fact("kind"), [])


def lead_to_host(words: Words) -> list[str]:
    name = lead_to(words)
    router = forward_to_host(words)
    certificate = words.facts.get("certificate")
    # Who looks into TLS has an authority of its own, and does so with any name.
    last = [router, name] if certificate and not _is_self_signed(certificate) else [name, router]
    return [*_out_of_the_way(words), *last]


def forward_to_host(words: Words) -> str:
    return f"If a router has {words.ips}: forward {words.wanted} to {words.host}"


def forward_unchanged(words: Words) -> list[str]:
    step = f"Forward {words.ports} to {words.host} unchanged, port by port, with nothing in between"
    return [*_out_of_the_way(words), step]
