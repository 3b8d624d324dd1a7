# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for where the installer is fetched from: what is in FOLDER, and under /moved/ the way there."""

import functools
import http.server
from pathlib import Path

FOLDER = Path("/run/archive")
MOVED = "/moved"


class Archive(http.server.SimpleHTTPRequestHandler):
    """Serves the files, and sends on who asks where they were before."""

    def do_GET(self) -> None:
        """Answer one request."""
        if not self.path.startswith(f"{MOVED}/"):
            super().do_GET()
            return
        self.send_response(302)
        self.send_header("Location", self.path.removeprefix(MOVED))
        self.end_headers()


FOLDER.mkdir(exist_ok=True)
handler = functools.partial(Archive, directory=str(FOLDER))
http.server.ThreadingHTTPServer(("198.51.100.2", 14001), handler).serve_forever()
