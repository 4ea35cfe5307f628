"""A model behind an address, played by a small server on this machine."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from PIL import Image

from benchmark.rivals.endpoint import Endpoint, EndpointError
from benchmark.rivals.rival_run import RivalRun, answer_bench
from versamammo.errors import InputError


@dataclass
class Server:
    """What it was asked, and which states it gives before it answers."""

    address: str = ""
    states: list[int] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    answer: Any = "Level B"


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.asked.append(json.loads(body))
            told.keys.append(self.headers.get("Authorization"))
            state = told.states.pop(0) if told.states else 200
            said = {"choices": [{"message": {"content": told.answer}}]} if state == 200 else "no"
            self.send_response(state)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=http.serve_forever, daemon=True).start()
    told.address = f"http://127.0.0.1:{http.server_port}/v1"
    yield told
    http.shutdown()
    http.server_close()


def test_pictures_and_words_arrive(server: Server) -> None:
    pictures = [Image.new("RGB", (8, 6), (level,) * 3) for level in (10, 200)]
    said = Endpoint(server.address, "a model", most_words=7).answer("what?", pictures)

    assert said == "Level B"
    (asked,) = server.asked
    assert (asked["model"], asked["max_tokens"], asked["temperature"]) == ("a model", 7, 0)
    *shown, words = asked["messages"][0]["content"]
    assert words == {"type": "text", "text": "what?"}
    for part, picture in zip(shown, pictures, strict=True):
        data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
        assert Image.open(io.BytesIO(data)).tobytes() == picture.tobytes()


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.states = [503, 429]
    assert Endpoint(server.address, "m", pause=0.01).answer("what?", []) == "Level B"
    assert len(server.asked) == 3


def test_a_question_that_the_server_refuses_is_set_aside(bench: RivalRun, server: Server) -> None:
    server.states = [200, 400]
    run = replace(bench, controls=("none",))
    made = answer_bench(run, Endpoint(server.address, "m"), {})["none"]

    assert made.items == 5
    assert [id_ for id_, _ in made.quarantined] == ["2"]
    assert "refuses the question" in made.quarantined[0][1]


@pytest.mark.parametrize("states", [[401], 4 * [500]])
def test_a_server_that_refuses_all_ends_the_run_and_spoils_no_item(
    bench: RivalRun, server: Server, states: list[int]
) -> None:
    server.states = [200, *states]
    run = replace(bench, controls=("none",))
    with pytest.raises(EndpointError, match="does not answer"):
        answer_bench(run, Endpoint(server.address, "m", pause=0.01), {})

    assert run.file("none").read_text().count("\n") == 1
    assert answer_bench(run, Endpoint(server.address, "m"), {})["none"].items == 5


def test_what_is_no_completion_is_said(server: Server) -> None:
    server.answer = None
    assert Endpoint(server.address, "m").answer("what?", []) == ""
    with pytest.raises(EndpointError, match="does not answer"):
        Endpoint("http://127.0.0.1:9", "m", pause=0.01).answer("what?", [])


def test_pictures_stay_on_this_machine_unless_allowed() -> None:
    for address in ("https://api.example.com/v1", "http://10.0.0.7:8000/v1"):
        with pytest.raises(InputError, match="another machine"):
            Endpoint(address, "m")
        assert Endpoint(address, "m", pictures_may_leave=True).address.startswith(address)
    for address in ("http://localhost:1/v1", "http://[::1]:1/v1"):
        assert Endpoint(address, "m").address == f"{address}/chat/completions"
    with pytest.raises(InputError, match="expected an address"):
        Endpoint("localhost:8000", "m")


def test_a_key_is_read_from_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="no such environment variable"):
        Endpoint(server.address, "m", key_variable="NO_SUCH_KEY")
    monkeypatch.setenv("A_KEY", "secret")
    Endpoint(server.address, "m", key_variable="A_KEY").answer("what?", [])
    assert server.keys == ["Bearer secret"]
