# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for Let's Encrypt: signs a certificate for domains under which it finds what it was told to look for.

Its own certificate is in /run/acme/ca.pem, new at each start. It asks as Let's Encrypt does: over port 80, IPv6 first,
and IPv4 if there is no connection.
"""

import http.server
import json
import re
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

FOLDER = Path("/run/acme")
PORT = 14000
SECONDS = 5


def make_authority() -> None:
    """Its key and its certificate."""
    FOLDER.mkdir(exist_ok=True)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "30", "-subj", "/CN=The lab's certificate authority"),
            *("-keyout", f"{FOLDER}/ca.key", "-out", f"{FOLDER}/ca.pem"),
        ],
        check=True,
        capture_output=True,
    )


def complaint(order: dict[str, Any]) -> str:
    """Why there is no certificate for this, or nothing."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", order["email"]):
        return f"{order['email']} is no mail address"
    if len(set(order["domains"])) != len(order["domains"]):
        return "the same domain is in it twice"
    for domain in order["domains"]:
        url = f"http://{domain}/.well-known/acme-challenge/{order['token']}"
        try:
            with urllib.request.urlopen(url, timeout=SECONDS) as answer:
                found = answer.read(1000).decode("utf-8", "replace")
        except OSError as error:
            return f"{url} cannot be fetched: {error}"
        if found != order["content"]:
            return f"{url} has something else"
    return ""


def sign(order: dict[str, Any]) -> str:
    """The certificate, and the one that signed it."""
    with tempfile.TemporaryDirectory() as folder:
        request, names = Path(folder, "request.pem"), Path(folder, "names")
        request.write_text(order["request"])
        names.write_text("subjectAltName=" + ",".join(f"DNS:{domain}" for domain in order["domains"]))
        signed = subprocess.run(
            [
                *("openssl", "x509", "-req", "-in", str(request), "-days", "20", "-extfile", str(names)),
                *("-CA", f"{FOLDER}/ca.pem", "-CAkey", f"{FOLDER}/ca.key", "-CAcreateserial"),
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    return signed + Path(FOLDER, "ca.pem").read_text()


class Authority(http.server.BaseHTTPRequestHandler):
    """Takes an order."""

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        why = complaint(order)
        self.send_response(403 if why else 200)
        self.end_headers()
        self.wfile.write((why or sign(order)).encode())


make_authority()
http.server.ThreadingHTTPServer(("198.51.100.2", PORT), Authority).serve_forever()
