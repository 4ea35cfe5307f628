"""The verb `chat`: the page on this computer, for this computer, unless told otherwise."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import jsonargparse

from app.chat.conversation.intent_classifier import learn_ahead
from app.chat.models import DTYPES, Models, add_dtype, add_model, choose_folder, load_models
from app.chat.session.limits import Limits
from app.chat.session.private_folder import claim, sweep_dead
from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.data.allocation import share_arenas
from versamammo.errors import InputError

LOCAL = ("127.0.0.1", "localhost", "::1")


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(description=f"Talk about a mammogram. {NOTICE}")
    add_model(made)
    made.add_argument(
        "--index", type=Path | None, default=None, help="folder of an index of similar cases"
    )
    made.add_argument(
        "--index-from", type=Path | None, default=None, metavar="PREPARED",
        help="prepared archive to make that index from",
    )  # fmt: skip
    made.add_argument("--host", default="127.0.0.1", help="address to listen on")
    made.add_argument("--port", type=int, default=7860, help="port to listen on; 0: any free one")
    made.add_argument("--login", type=Path | None, default=None, help="file of name:password lines")
    made.add_argument("--open", action="store_true", help="open the page in the browser")
    add_dtype(made)
    return made


def read_logins(path: Path) -> list[tuple[str, str]]:
    """Read name:password lines; a password may hold colons.

    Raises:
        InputError: the file is missing, empty, or a line has no colon.
    """
    try:
        lines = [line for line in path.read_text().splitlines() if line.strip()]
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path, field="--login") from error
    pairs = [line.partition(":")[::2] for line in lines]
    if not pairs or not all(name and password for name, password in pairs):
        raise InputError("expected lines of name:password", file=path, field="--login")
    return [(name, password) for name, password in pairs]


def run(args: jsonargparse.Namespace) -> int:
    """Serve until stopped; what was uploaded is deleted then."""
    logins = read_logins(args.login) if args.login else None
    if args.host not in LOCAL and logins is None:
        print(
            f"versamammo: anyone who reaches {args.host}:{args.port} can use this page; "
            "--login asks for a name and password",
            file=sys.stderr,
        )
    port = usable_port(args.host, args.port)
    models = open_models(args.model, args.index, args.index_from, args.dtype)
    sweep_dead()
    home, lock = claim()
    with lock:
        return _serve_until_stopped(args, port, home, logins, models)


def _serve_until_stopped(
    args: jsonargparse.Namespace,
    port: int,
    home: Path,
    logins: list[tuple[str, str]] | None,
    models: Models,
) -> int:
    try:
        desk, url, page = serve(
            args.host, port, home, logins, args.open,
            answerer=models.answerer, finder=models.finder, comparer=models.comparer,
            real=models.real,
        )  # fmt: skip
    except BaseException as error:
        shutil.rmtree(home, ignore_errors=True)
        if isinstance(error, OSError):
            usable_port(args.host, port)  # somebody else may have taken it in the meantime
        raise
    for card in desk.cards:
        said = f"{card.name}, {card.version}; data: {card.data}" if card.is_model else card.name
        print(f"versamammo: {said}")
    print(f"VersaMammo chat: {url}  ({NOTICE})", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print("versamammo: stopped; what was uploaded is deleted")
        return 0
    finally:
        page.close(verbose=False)
        desk.close()


def open_models(
    named: str, index: Path | None = None, index_from: Path | None = None, dtype: str = DTYPES[0]
) -> Models:
    """Open the model that is named, or the bundled one if there is one.

    Raises:
        InputError: a folder cannot be used, or an archive is named but no index.
    """
    if index_from is not None and index is None:
        message = "--index names the folder that the index is written to"
        raise InputError(message, field="--index-from", reason="bad-option")
    learn_ahead()
    return load_models(choose_folder(named), index, index_from, dtype=dtype)


def free_port() -> int:
    """Return a port of this computer that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def usable_port(host: str, port: int) -> int:
    """Return the port to listen on, any free one for 0.

    Raises:
        InputError: something listens on it already, or this computer does not have it.
    """
    if port == 0:
        return free_port()
    if not 0 < port < 65536:
        message = f"{port}; expected 1 to 65535, or 0 for any free one"
        raise InputError(message, field="--port", reason="bad-option")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # a server that was stopped just now leaves its port to the next
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} is in use by another program; --port 0 takes any free one"
            raise InputError(message, field="--port", reason="port-in-use") from error
        if error.errno == errno.EACCES:
            message = f"port {port} is not for users; --port 0 takes any free one"
            raise InputError(message, field="--port", reason="port-in-use") from error
        message = f"{host!r} is no address of this computer; 127.0.0.1 always is"
        raise InputError(message, field="--host", reason="bad-option") from error
    return port


def serve(
    host: str,
    port: int,
    home: Path,
    logins: list[tuple[str, str]] | None = None,
    show: bool = False,
    **desk_settings: Any,
) -> tuple[Any, str, Any]:
    """Start the server and return at once: (desk, address, page)."""
    # gradio reads these when it is imported, so it is imported after them
    os.environ["GRADIO_TEMP_DIR"] = str(home)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from starlette.middleware import Middleware

    share_arenas()

    from app.chat.conversation.intent_classifier import classifier
    from app.chat.page.chat_page import build
    from app.chat.page.theme import head, theme
    from app.chat.session.example_exam import example_exam
    from app.chat.session.security_headers import Hardening
    from app.chat.session.sessions import OpenPages, PageWatch, Sweeper
    from app.chat.session_service import SessionService
    from app.chat.viewer.light_box_routes import HEAD, LightBoxRoutes

    desk = SessionService(home, **{"limits": Limits(), **desk_settings})
    page = build(desk)
    pages = OpenPages()
    sweeper = Sweeper(desk.shelf, desk.folder, pages, desk.limits)
    # the example is made, and intents are learnt, while the page is being looked at
    for work in (example_exam, classifier):
        threading.Thread(target=work, daemon=True).start()
    _, url, _ = page.launch(
        server_name=host, server_port=port, share=False, inbrowser=show, quiet=True,
        prevent_thread_lock=True, show_error=False, ssr_mode=False, strict_cors=True,
        max_file_size=desk.limits.file_bytes, auth=logins, footer_links=[], enable_monitoring=False,
        theme=theme(), head=head() + HEAD, mcp_server=False, pwa=False,
        app_kwargs={"middleware": [Middleware(Hardening, limits=desk.limits, folder=desk.folder),
                                   Middleware(LightBoxRoutes, shelf=desk.shelf),
                                   Middleware(PageWatch, pages=pages)],
                    "lifespan": sweeper.lifespan,
                    "docs_url": None, "redoc_url": None, "openapi_url": None},
    )  # fmt: skip
    return desk, url, page
