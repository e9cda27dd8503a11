"""Every event of the page, called as a program would call it."""

import csv
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio_client
import pytest

from longkeras.data import samples
from tests.app.fake_registry import NAMES

# gradio_client leaves event loops and sockets to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

RETURNS = {
    "read_sample": ["text", "notice"],
    "read_upload": ["text", "notice"],
    "read_text": ["numbers", "notice"],
    "read_cancel": [],
    "read_inspect": ["inspection", "notice"],
    "read_prompt": ["prompt", "notice"],
    "read_continue": ["written", "notice"],
    "read_stop": [],
    "read_csv_summary": ["file", "notice"],
    "read_csv_bins": ["file", "notice"],
    "read_csv_characters": ["file", "notice"],
    "read_csv_continuations": ["file", "notice"],
    "key_find": ["numbers", "notice"],
    "status": ["message"],
}
"""The public endpoints, and the names of what they return."""
TEXT = "The moon rose over the hill. 月出惊山鸟，时鸣春涧中。\n" * 20


@pytest.fixture
def client(new_client):
    return new_client()


def read(client, text=TEXT, names=NAMES, amount=20_000, language="en"):
    return client.predict(
        text=text,
        models=list(names),
        amount=amount,
        language=language,
        api_name="/read_text",
    )


def write(client, **changes):
    settings = {
        "prompt": "The moon",
        "models": list(NAMES),
        "max_bytes": 40,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": 5,
        "language": "en",
    }
    return client.submit(**settings | changes, api_name="/read_continue")


def test_public_endpoints_name_and_describe_what_they_take_and_return(client):
    information = client.view_api(return_format="dict", print_info=False)
    endpoints = information["named_endpoints"]
    assert not information["unnamed_endpoints"]
    returned = {
        name: [each["label"] for each in endpoint["returns"]]
        for name, endpoint in endpoints.items()
    }
    assert returned == {f"/{name}": names for name, names in RETURNS.items()}
    for name, endpoint in endpoints.items():
        assert endpoint["description"], name
        for parameter in endpoint["parameters"]:
            assert parameter["parameter_name"] and parameter["type"], name


@pytest.mark.parametrize("name", ["language", "on_language", "on_load", "on_tick"])
def test_events_of_the_page_are_no_endpoints(client, name):
    with pytest.raises(ValueError, match="Cannot find a function"):
        client.predict("zh", api_name=f"/{name}")


def test_reading_returns_numbers_for_each_model(client):
    numbers, notice = read(client)
    assert [row["model"] for row in numbers] == list(NAMES)
    assert all(row["bits_per_byte"] > 0 for row in numbers)
    assert numbers[0]["bytes_read"] == len(TEXT.encode())
    assert {row["protocol"] for row in numbers} == {"streaming", "strided"}
    assert "Read the whole text" in notice


def test_bad_text_is_answered_with_a_message_in_the_language(client):
    for text, english, chinese in (
        ("", "There is no text", "没有文本"),
        ("a\0b", "NUL", "NUL"),
        ("x" * 5_000_000, "too long", "过长"),
    ):
        numbers, notice = read(client, text)
        assert numbers == [] and english in notice
        assert chinese in read(client, text, language="zh")[1]


def test_half_a_character_is_answered_with_a_message(page_address):
    """gradio_client cannot send one; a browser can."""
    data = ["a\ud800b", list(NAMES), 20_000, "zh"]
    assert "只有半个" in call(page_address, "read_text", data)


def call(address, name, data):
    """Call an endpoint by hand and return everything it streams."""
    url = f"{address}gradio_api/call/{name}"
    body = json.dumps({"data": data}).encode("ascii")
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{url}/{event}", timeout=60) as stream:
        return stream.read().decode().encode().decode("unicode_escape")


def test_a_place_can_be_inspected_after_reading(client):
    _, notice = client.predict(3, "en", api_name="/read_inspect")
    assert "Nothing has been read" in notice
    read(client)
    place, notice = client.predict(3, "en", api_name="/read_inspect")
    assert (place["index"], place["character"], notice) == (3, TEXT[3], "")
    assert [each["model"] for each in place["models"]] == list(NAMES)
    assert all(each["bits"] > 0 and each["alternatives"] for each in place["models"])
    assert "between 0 and" in client.predict(10**6, "en", api_name="/read_inspect")[-1]


def test_a_key_is_looked_for(client):
    numbers, notice = client.predict(
        text="hard-cash",
        length=1_024,
        depth=20,
        draw=4,
        language="zh",
        api_name="/key_find",
    )
    assert numbers["is_right"] and numbers["read"] in notice
    assert "正是密钥" in notice


def test_a_prompt_is_taken_from_the_place(client):
    read(client)
    client.predict(200, "en", api_name="/read_inspect")
    prompt, notice = client.predict("en", api_name="/read_prompt")
    assert prompt == TEXT[:200]
    assert "200" in notice


def test_continuations_are_streamed(client):
    job = write(client, max_bytes=120)
    written, notice = job.result(timeout=60)
    assert list(written) == list(NAMES)
    assert all(written.values())
    assert len(job.outputs()) > 2
    assert "Finished" in notice


def test_writing_can_be_stopped(client):
    job = write(client, max_bytes=2_000)
    while not job.outputs():
        pass
    client.predict(api_name="/read_stop")
    assert "Stopped" in job.result(timeout=60)[1]


def test_reading_can_be_cancelled(client):
    job = client.submit(
        text=TEXT * 60,
        models=list(NAMES),
        amount=100_000,
        language="en",
        api_name="/read_text",
    )
    while not job.outputs():
        pass
    client.predict(api_name="/read_cancel")
    assert "Cancelled" in job.result(timeout=60)[1]


def test_samples_and_files_fill_the_text(client, tmp_path):
    text, notice = client.predict("the-story-singer", "zh", api_name="/read_sample")
    assert text == next(s.text for s in samples() if s.name == "the-story-singer")
    assert "刘鹗" in notice
    path = tmp_path / "a.txt"
    path.write_bytes("话说天下大势，分久必合。".encode("gb18030") * 30)
    file = gradio_client.handle_file(str(path))
    text, notice = client.predict(file, "en", api_name="/read_upload")
    assert text.startswith("话说天下大势")
    assert "GB18030" in notice
    path.write_bytes(bytes(range(256)) * 100)
    assert (
        "not look like text" in client.predict(file, "en", api_name="/read_upload")[1]
    )


@pytest.mark.parametrize("kind", ["summary", "bins", "characters"])
def test_tables_can_be_downloaded(client, kind):
    assert (
        "Nothing has been read" in client.predict("en", api_name=f"/read_csv_{kind}")[1]
    )
    read(client)
    path, _ = client.predict("en", api_name=f"/read_csv_{kind}")
    rows = list(csv.reader(Path(path).read_text("utf-8-sig").splitlines()))
    assert len(rows) > len(NAMES)


def test_continuations_can_be_downloaded(client):
    nothing = client.predict("zh", api_name="/read_csv_continuations")[1]
    assert "尚未续写" in nothing
    written = write(client).result(timeout=60)[0]
    path, _ = client.predict("en", api_name="/read_csv_continuations")
    assert written[NAMES[0]].split("\n")[0] in Path(path).read_text("utf-8-sig")


def test_the_state_of_the_models_is_told(client):
    assert "models" in client.predict("en", api_name="/status")
    assert "模型" in client.predict("zh", api_name="/status")


def test_two_sessions_that_read_at_once_do_not_mix(new_client):
    texts = ["甲" * 400, "The other text. " * 80]
    clients = [new_client() for _ in texts]

    def work(client, text):
        numbers = read(client, text)[0]
        path, _ = client.predict("en", api_name="/read_csv_characters")
        return numbers, Path(path).read_text("utf-8-sig")

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(work, clients, texts)
    assert first[0][0]["bytes_read"] == 1_200
    assert second[0][0]["bytes_read"] == 1_280
    assert "甲" in first[1] and "甲" not in second[1]
