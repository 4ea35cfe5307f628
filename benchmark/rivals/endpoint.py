"""A model behind an address that speaks OpenAI's chat completions, as vLLM, Ollama and others do.

Pictures are sent there. An address on another machine is refused unless the caller says that they
may leave this one.
"""

from __future__ import annotations

import base64
import io
import ipaddress
import os
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image

from versamammo.errors import InputError

TRIES, PAUSE = 4, 1.0  # of one request; seconds before the second try, doubled from then on
SECONDS = 120.0  # that one answer may take
PASSING = (408, 409, 425, 429)  # states of a server that may be gone in a moment


class EndpointError(Exception):
    """The server is not there, or refuses every question alike; not the fault of one item."""


class Endpoint:
    """A model behind an address.

    Attributes:
        most_pictures: that one question may show; 0 for any number.
    """

    most_pictures = 0

    def __init__(
        self,
        address: str,
        model: str,
        *,
        key_variable: str = "",
        pictures_may_leave: bool = False,
        most_words: int = 48,
        pause: float = PAUSE,
    ) -> None:
        """Prepare requests; nothing is sent yet.

        Args:
            address: such as `http://localhost:8000/v1`.
            model: as the server calls it.
            key_variable: name of the environment variable that holds the server's key, if any.
            pictures_may_leave: whether pictures may be sent to another machine.
            most_words: tokens of one answer.
            pause: seconds before a second try.

        Raises:
            InputError: the address is none, or another machine's without leave, or there is no key.
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            message = f"found {address!r}; expected an address such as http://localhost:8000/v1"
            raise InputError(message, field="endpoint", reason="bad-option")
        if not pictures_may_leave and not is_here(parts.hostname):
            message = (
                f"{parts.hostname} is another machine, and pictures of patients would be sent "
                "there; --pictures-may-leave allows it"
            )
            raise InputError(message, field="endpoint", reason="pictures-leave")
        headers = {}
        if key_variable:
            if key_variable not in os.environ:
                message = "there is no such environment variable"
                raise InputError(message, field=key_variable, reason="missing-key")
            headers["Authorization"] = f"Bearer {os.environ[key_variable]}"
        self.address = f"{address.rstrip('/')}/chat/completions"
        self.model = model
        self.most_words = most_words
        self.pause = pause
        self.client = httpx.Client(headers=headers, timeout=SECONDS)

    def answer(self, prompt: str, pictures: Sequence[Image.Image]) -> str:
        """Answer one question at temperature 0.

        Raises:
            InputError: the server refuses this question.
            EndpointError: it does not answer, or refuses all.
        """
        content: list[dict[str, Any]] = [
            {"type": "image_url", "image_url": {"url": as_url(one)}} for one in pictures
        ]
        content.append({"type": "text", "text": prompt})
        told = self._post(
            {
                "model": self.model,
                "messages": [{"role": "user", "content": content}],
                "max_tokens": self.most_words,
                "temperature": 0,
            }
        )
        try:
            return str(told["choices"][0]["message"]["content"] or "").strip()
        except (KeyError, IndexError, TypeError) as error:
            message = f"the answer of {self.address} is no chat completion"
            raise EndpointError(message) from error

    def _post(self, body: dict[str, Any]) -> Any:
        """Send one request, again where the server may only be busy."""
        problem = ""
        for number in range(TRIES):
            if number:
                time.sleep(self.pause * 2 ** (number - 1))
            try:
                reply = self.client.post(self.address, json=body)
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__} {error}".strip()
                continue
            if reply.status_code in (400, 413, 422):
                message = f"the server refuses the question: {_first_line(reply)}"
                raise InputError(message, field="endpoint", reason="refused")
            if reply.is_success:
                try:
                    return reply.json()
                except ValueError as error:
                    raise EndpointError(f"{self.address} answers without JSON") from error
            problem = f"{reply.status_code} {_first_line(reply)}".strip()
            if reply.status_code < 500 and reply.status_code not in PASSING:
                break
        raise EndpointError(f"{self.address} does not answer: {problem}")


def as_url(picture: Image.Image) -> str:
    """Write a picture into an address, as PNG without loss."""
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def is_here(host: str) -> bool:
    """Return whether a host's name is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _first_line(reply: httpx.Response) -> str:
    return reply.text.strip().partition("\n")[0][:200]
