"""Starting the chat: ports that cannot be used are named in one sentence."""

from __future__ import annotations

import socket

import pytest

from app.chat.chat_command import usable_port
from app.cli import main


def test_a_port_in_use_is_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["chat", "--port", str(port), "--model", "none"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"versamammo: --port: port {port} is in use by another program; "
        "--port 0 takes any free one\n"
    )


@pytest.mark.parametrize("port", ["-1", "65536", "99999"])
def test_a_port_that_does_not_exist_is_refused(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chat", f"--port={port}", "--model", "none"]) == 2
    assert f"--port: {port}; expected 1 to 65535" in capsys.readouterr().err


def test_an_address_of_another_computer_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", "--host", "192.0.2.1", "--login", "/dev/null"]) == 2
    assert main(["chat", "--host", "192.0.2.1", "--model", "none"]) == 2
    assert "--host: '192.0.2.1' is no address of this computer" in capsys.readouterr().err


def test_a_free_port_is_taken_as_it_is() -> None:
    port = usable_port("127.0.0.1", 0)
    assert usable_port("127.0.0.1", port) == port
    assert usable_port("localhost", port) == port
