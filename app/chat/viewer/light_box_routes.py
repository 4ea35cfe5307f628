"""The addresses of the light box: its script, and scene and pixels of one session's exam.

Below `lightbox/TOKEN/` lie `scene`, `preview/N` and `pixels/N` of the exam behind that token, which
only the page that opened it was told. Any other token finds nothing.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from app.chat.session.session_store import SessionStore, Visit
from app.chat.viewer.pixels import encode, preview, sent_values
from app.chat.viewer.scene import scene

PREFIX = "/lightbox/"
STATIC = Path(__file__).parent / "static"
FILES = {"lightbox.js": "text/javascript", "lightbox.css": "text/css"}
PRIVATE = {"cache-control": "no-store"}  # of a person: neither browser nor proxy keeps it
HEAD = (
    '<link rel="stylesheet" href="lightbox/static/lightbox.css">'
    '<script type="module" src="lightbox/static/lightbox.js"></script>'
)


class LightBoxRoutes:
    """Middleware (ASGI): answers what the light box asks for, and passes all else on."""

    def __init__(self, app: ASGIApp, shelf: SessionStore) -> None:
        self.app = app
        self.shelf = shelf
        self.routes = Router(
            [
                Route(f"{PREFIX}static/{{name}}", _static),
                Route(f"{PREFIX}{{token}}/scene", self._scene),
                Route(f"{PREFIX}{{token}}/preview/{{number:int}}", self._preview),
                Route(f"{PREFIX}{{token}}/pixels/{{number:int}}", self._pixels),
            ],
            redirect_slashes=False,
            default=_nothing(),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        ours = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (self.routes if ours else self.app)(scope, receive, send)

    async def _scene(self, request: Request) -> Response:
        token = request.path_params["token"]
        visit = self.shelf.get(token)
        if visit is None:
            return _nothing()
        made = await asyncio.to_thread(scene, visit, f"lightbox/{token}")
        return JSONResponse(made, headers=PRIVATE)

    async def _preview(self, request: Request) -> Response:
        return await self._values(request, small=True)

    async def _pixels(self, request: Request) -> Response:
        return await self._values(request, small=False)

    async def _values(self, request: Request, small: bool) -> Response:
        visit = self.shelf.get(request.path_params["token"])
        number = request.path_params["number"]
        if visit is None or number >= len(visit.exam.images):
            return _nothing()
        data = await asyncio.to_thread(_encoded, visit, number, small)
        return Response(data, media_type="application/octet-stream", headers=PRIVATE)


def _encoded(visit: Visit, number: int, small: bool) -> bytes:
    values = sent_values(visit.exam.images[number])
    return encode(preview(values) if small else values)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        return _nothing()
    headers = {"cache-control": "no-cache"}
    return FileResponse(STATIC / name, media_type=FILES[name], headers=headers)


def _nothing() -> Response:
    return Response("Not found", status_code=404, headers=PRIVATE)
