# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The ports that LiveKit is set up for, as its configuration (livekit.yaml) has them."""

from __future__ import annotations

import typing as t

import yaml

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError, as_given
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, parse_ports

# What LiveKit takes where its configuration says nothing (config.go of livekit-server, and of mediatransportutil). A
# key without a value says nothing either.
_MEDIA, _DEVELOPMENT_MEDIA, _TCP = "50000-60000", "7882", 7881

Row = t.Mapping[str, t.Any]


def configured(text: str) -> dict[str, str]:
    """Return the ports of the entries `media`, `ice-tcp` and `turn-udp`; empty for what is switched off.

    Raises PreflightError for what LiveKit would not take either.
    """
    try:
        config = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a day that no month has, and lists without end
        raise PreflightError("livekit.yaml is no YAML; mend it, or leave preflight_ports_from empty") from error
    rtc, turn = _section(config, "rtc"), _section(config, "turn")
    tcp = _TCP if rtc.get("tcp_port") is None else rtc["tcp_port"]
    turn_udp = turn.get("udp_port") if turn.get("enabled") else None
    development = isinstance(config, dict) and config.get("development") is True
    return {
        "media": _media(rtc) or (_DEVELOPMENT_MEDIA if development else _MEDIA),
        "ice-tcp": _ports(tcp, "rtc.tcp_port") if tcp else "",
        "turn-udp": _ports(turn_udp, "turn.udp_port") if turn_udp else "",
    }


def _media(rtc: Row) -> str:
    """The range, if it has both ends, else what `udp_port` has for all media: one port, or a few; empty for neither.

    So has it webrtc_config.go of LiveKit's mediatransportutil; its page about ports says the reverse.
    """
    first, last, shared = (rtc.get(name) for name in ("port_range_start", "port_range_end", "udp_port"))
    if first and last:
        return _ports(f"{_plain(first)}-{_plain(last)}", "rtc.port_range_start and rtc.port_range_end")
    if shared:
        return _ports(shared, "rtc.udp_port")
    if first:
        raise PreflightError(
            "livekit.yaml has rtc.port_range_start and no rtc.port_range_end, and so LiveKit takes whatever port is "
            "free; give it both"
        )
    return ""


def with_configured(table: t.Iterable[Row], text: str) -> list[dict[str, t.Any]]:
    """Return the port table with those ports in their entries' places; what is switched off is left out."""
    ports = configured(text)
    rows = [{**row, "ports": ports.get(row["name"], row["ports"])} for row in table]
    return [row for row in rows if row["ports"]]


def _section(config: t.Any, name: str) -> Row:
    section = config.get(name) if isinstance(config, dict) else config
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise PreflightError(
            f"livekit.yaml has {as_given(_plain(section))} where the section {name} should be; mend it"
        )
    return section


def _ports(value: t.Any, where: str) -> str:
    try:
        return format_ports(parse_ports(_plain(value)))
    except PreflightError as error:
        raise PreflightError(f"{where} in livekit.yaml: {error}") from error


def _plain(value: t.Any) -> str:
    """A value as text; of others than plain ones only what they are, for by aliases they may be without end."""
    return str(value) if isinstance(value, (str, int, float)) else f"a {type(value).__name__}"
