"""What every answer of the server carries, and what no request may bring."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.chat.session.limits import Limits
from app.chat.session.private_folder import PrivateFolder

BODY = 2_000_000  # bytes of a request that is no upload: a question and a few settings
# the page's own files only: fonts, scripts and pictures from elsewhere stay out, even if asked for
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'self'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
TOO_LARGE = b"This request is too large. Drop fewer or smaller files, or ask a shorter question."
FULL = b"There is no room for these files: others wait to be read. Try again in a few minutes."


class Hardening:
    """Middleware (ASGI): adds the headers above, refuses bodies that are too large."""

    def __init__(self, app: ASGIApp, limits: Limits, folder: PrivateFolder) -> None:
        self.app = app
        self.limits = limits
        self.folder = folder
        self.coming = 0  # bytes of uploads that are under way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        most = self._most(scope)
        length = _length(scope)
        if length > most:
            await refuse(send_with_headers, 413, TOO_LARGE)
            return
        if not _is_upload(scope):
            await self.app(scope, _counted(receive, most), send_with_headers)
            return
        length = length or most  # one that does not say may be as large as any
        if length + self.coming + self.folder.bytes > self.limits.held_bytes:
            await refuse(send_with_headers, 503, FULL)
            return
        self.coming += length
        try:
            await self.app(scope, _counted(receive, most), send_with_headers)
        finally:
            self.coming -= length

    def _most(self, scope: Scope) -> int:
        if not _is_upload(scope):
            return BODY
        return min(self.limits.images * self.limits.file_bytes, self.limits.held_bytes)


class BodyTooLarge(Exception):
    """More came than a request may bring, without saying so beforehand."""


def _is_upload(scope: Scope) -> bool:
    return bool(scope["path"].rstrip("/").endswith("/upload"))


def _length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _counted(receive: Receive, most: int) -> Receive:
    """Count what comes in: a chunked body has no length to check beforehand."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise BodyTooLarge(f"more than {most} bytes")
        return message

    return counted


async def refuse(send: Send, status: int, text: bytes) -> None:
    """Answer with a status in plain words."""
    start = {"type": "http.response.start", "status": status}
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": text})
