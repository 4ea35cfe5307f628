"""A running server, asked by gradio_client and by rude strangers."""

from __future__ import annotations

import itertools
import json
import re
import stat
import zipfile
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from versamammo import NOTICE

DOCS = Path(__file__).parents[3] / "docs" / "chat.md"


@pytest.fixture(scope="module")
def client(server: tuple[str, Path]) -> Client:
    return Client(server[0], verbose=False)


def test_ask_answers_about_the_files_and_says_who_speaks(client: Client, views: list[Path]) -> None:
    files = [handle_file(str(path)) for path in views]
    told = client.predict(files, "Which side and view is each picture?", api_name="/ask")
    assert told["notice"] == NOTICE
    assert told["spoken_by"][0]["is_model"] is False
    assert "L CC, L MLO: the tags say side left, views CC and MLO" in told["answer"]
    assert told["confidence"] is None


def test_ask_streams_the_answer_as_it_is_written(client: Client, views: list[Path]) -> None:
    files = [handle_file(str(path)) for path in views]
    question = "Which side and view is each picture?"
    pieces = list(client.submit(files, question, api_name="/ask"))
    assert len(pieces) > 1
    texts = [piece["answer"] for piece in pieces]
    assert all(later.startswith(before) for before, later in itertools.pairwise(texts))
    assert pieces[-1] == client.predict(files, question, api_name="/ask")


def test_ask_takes_files_question_and_history_by_name(client: Client, views: list[Path]) -> None:
    files = [handle_file(str(path)) for path in views]
    asked = {"files": files, "question": "What about the left side?"}
    before = [
        {"role": "user", "content": "Which view is each picture?"},
        {"role": "assistant", "content": "L CC: the tags say side left, view CC."},
    ]
    told = client.predict(**asked, history=before, api_name="/ask")
    assert told["answer"]
    assert "evidence" in told
    assert client.predict(**asked, api_name="/ask")["answer"]
    with pytest.raises(AppError, match="history: expected a list"):
        client.predict(**asked, history=[{"role": "user"}], api_name="/ask")


def test_an_exam_is_opened_once_asked_about_and_closed(client: Client, views: list[Path]) -> None:
    files = [handle_file(str(path)) for path in views]
    question = "Which side and view is each picture?"
    opened = client.predict(files=files, api_name="/open")
    assert len(opened["pictures"]) == len(views)
    assert opened["refused"] == []
    told = client.predict(question=question, exam=opened["exam"], api_name="/ask")
    assert told == client.predict(files=files, question=question, api_name="/ask")
    assert client.predict(opened["exam"], api_name="/close") == {"closed": True}
    assert client.predict(opened["exam"], api_name="/close") == {"closed": False}
    with pytest.raises(AppError, match="exam: it was closed"):
        client.predict(question=question, exam=opened["exam"], api_name="/ask")


def test_nothing_is_opened_without_a_picture(client: Client, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("no picture")
    with pytest.raises(AppError, match=r"note\.txt: this is no picture that can be read"):
        client.predict([handle_file(str(note))], api_name="/open")


def test_findings_are_null_and_not_empty_without_a_model(client: Client, views: list[Path]) -> None:
    told = client.predict([handle_file(str(views[0]))], api_name="/findings")
    assert told["findings"] is None
    assert told["images"][0]["breast_box"]


def test_the_example_of_the_documentation_runs(
    server: tuple[str, Path],
    views: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.S)
    assert found
    (tmp_path / "R_MLO.dcm").write_bytes(views[-1].read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(compile(found[1].replace("http://127.0.0.1:7860", server[0]), "chat.md", "exec"), {})
    picture = Path(capsys.readouterr().out.strip().splitlines()[-1])
    assert Image.open(picture).width > 600


def test_no_upload_outlives_its_reading(
    client: Client, server: tuple[str, Path], views: list[Path]
) -> None:
    client.predict([handle_file(str(views[0]))], api_name="/findings")
    home = server[1]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert list(home.rglob("*.dcm")) == []
    assert list(home.glob("unpacked-*")) == []


def test_text_is_refused_in_plain_words(client: Client, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("no picture")
    with pytest.raises(AppError, match=r"note\.txt: this is no picture that can be read"):
        client.predict([handle_file(str(note))], "What is it?", api_name="/ask")


def test_an_oversized_question_is_refused(client: Client, views: list[Path]) -> None:
    with pytest.raises(AppError, match="at most 2000"):
        client.predict([handle_file(str(views[0]))], "why? " * 1000, api_name="/ask")


def test_zip_slip_and_bombs_are_refused_and_the_rest_is_read(
    client: Client, server: tuple[str, Path], views: list[Path], tmp_path: Path
) -> None:
    packed = tmp_path / "exam.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(views[0], "good.dcm")
        archive.writestr("../../evil.dcm", views[0].read_bytes())
        archive.writestr("bomb.dcm", bytes(50_000_000))
    told = client.predict([handle_file(str(packed))], api_name="/findings")
    assert len(told["images"]) == 1
    assert {row["file"] for row in told["refused"]} == {"evil.dcm", "bomb.dcm"}
    assert not list(server[1].parent.parent.rglob("evil.dcm"))


def call(url: str, endpoint: str, data: list[object]) -> str:
    """Call an endpoint without gradio_client's own checks; gives what the server streams back."""
    started = httpx.post(f"{url}/gradio_api/call/{endpoint}", json={"data": data})
    if started.status_code != 200:
        return f"{started.status_code} {started.text}"
    event = started.json()["event_id"]
    return httpx.get(f"{url}/gradio_api/call/{endpoint}/{event}", timeout=60).text


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../etc/passwd", "/proc/self/environ"])
def test_a_path_of_the_server_is_not_read(server: tuple[str, Path], path: str) -> None:
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    answer = call(server[0], "findings", [[file]])
    assert "error" in answer
    assert "root:" not in answer


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "..%2f..%2f..%2fetc/passwd", "%2e%2e/%2e%2e/etc/passwd"]
)
def test_no_file_of_the_server_can_be_fetched(server: tuple[str, Path], path: str) -> None:
    for way in ("file=", "file/"):
        answer = httpx.get(f"{server[0]}/gradio_api/{way}{path}")
        assert answer.status_code in (403, 404)
        assert "root:" not in answer.text


def test_a_file_elsewhere_is_not_fetched_for_a_stranger(server: tuple[str, Path]) -> None:
    file = {"path": "x.dcm", "url": f"{server[0]}/config", "meta": {"_type": "gradio.FileData"}}
    assert "error" in call(server[0], "findings", [[file]])


def test_a_body_too_large_for_a_question_is_refused(server: tuple[str, Path]) -> None:
    body = json.dumps({"data": [[], "x" * 3_000_000]}).encode()
    answer = httpx.post(f"{server[0]}/gradio_api/call/ask", content=body)
    assert answer.status_code == 413


def test_the_page_holds_the_browser_to_this_server(server: tuple[str, Path]) -> None:
    answer = httpx.get(server[0])
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert NOTICE in answer.text
    for page in ("/docs", "/redoc", "/openapi.json"):
        assert httpx.get(f"{server[0]}{page}").status_code == 404


def test_markup_in_a_question_comes_back_as_plain_words(client: Client, views: list[Path]) -> None:
    evil = "<script>alert(1)</script> which side?"
    told = client.predict([handle_file(str(views[0]))], evil, api_name="/ask")
    assert told["question"] == evil
    assert "<script" not in told["answer"]
