"""Every endpoint, called as documented and with values that nobody should send."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import gradio as gr
import gradio_client
import pytest

from longkeras.app.build import build_page
from longkeras.app.endpoints import accepted, checked_values
from tests.app.fake_registry import FakeRegistry

# gradio_client leaves event loops and sockets to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FILE = {"meta": {"_type": "gradio.FileData"}}
HOSTILE = {
    "nothing": None,
    "not a number": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "a bool": True,
    "a negative number": -1,
    "half a number": 0.5,
    "a huge number": 10**30,
    "a huge float": 1e308,
    "no text": "",
    "a word": "no such thing",
    "half a character": "a\ud800",
    "a long text": "🙂" * 20_000,
    "an empty list": [],
    "a deep list": json.loads("[" * 60 + "]" * 60),
    "a list of nothing": [None],
    "a dict": {},
    "a file of the server": FILE | {"path": __file__},
    "a file that is not there": FILE | {"path": "/no/such/file.txt"},
    "an address": FILE | {"path": "http://localhost/a.txt"},
    "half a file": FILE,
    "a path with a NUL": FILE | {"path": "a\0b"},
    "a file of wrong types": FILE | {"path": 3, "size": "x"},
}


@pytest.fixture(scope="module", name="endpoints")
def _endpoints(page_address):
    with urllib.request.urlopen(f"{page_address}gradio_api/info") as answer:
        return json.load(answer)["named_endpoints"]


@pytest.fixture(name="client")
def _client(new_client):
    return new_client()


def post(page_address, path, body):
    """Return the status and the answer to a request by hand."""
    request = urllib.request.Request(
        f"{page_address}gradio_api/{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def call(page_address, name, values):
    """Return the last event of a call as the API page's curl examples make it.

    Args:
        page_address: str.
        name: str. The endpoint.
        values: list, or dict by the argument's name.
    """
    if isinstance(values, dict):
        _, event = post(page_address, f"call/v2/{name}", values)
    else:
        _, event = post(page_address, f"call/{name}", {"data": values})
    url = f"{page_address}gradio_api/call/{name}/{event['event_id']}"
    with urllib.request.urlopen(url, timeout=60) as stream:
        kind, data = stream.read().decode().rstrip().split("\n")[-2:]
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def documented(parameter):
    """Return a parameter's example, and all of its choices as they are shown."""
    shown = parameter["type"].get("enum") or [parameter["example_input"]]
    python_type = parameter["python_type"]["type"]
    return [str(each) if python_type.startswith("Literal") else each for each in shown]


def test_every_documented_example_runs_as_it_is_shown(
    client, endpoints, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name, endpoint in endpoints.items():
        arguments = {}
        for parameter in endpoint["parameters"]:
            value = documented(parameter)[0]
            if isinstance(value, dict):
                Path(value["path"]).write_text("The moon rose. " * 20)
                value = gradio_client.handle_file(value["path"])
            arguments[parameter["parameter_name"]] = value
        answer = client.predict(**arguments, api_name=name)
        assert "lk-error" not in str(answer), name


def test_every_documented_example_runs_by_http(page_address, endpoints):
    for name, endpoint in endpoints.items():
        if name == "/read_upload":
            continue  # a file is uploaded before
        values = {
            parameter["parameter_name"]: parameter["example_input"]
            for parameter in endpoint["parameters"]
        }
        for given in (values, list(values.values())):
            assert call(page_address, name[1:], given)[0] == "complete", name


def test_every_choice_is_taken_as_a_value_and_as_it_is_shown(page_address, endpoints):
    for name in ("/read_text", "/key_find", "/status", "/read_sample"):
        parameters = endpoints[name]["parameters"]
        examples = [parameter["example_input"] for parameter in parameters]
        for place, parameter in enumerate(parameters):
            for choice in [*documented(parameter), *parameter["type"].get("enum", [])]:
                values = [*examples[:place], choice, *examples[place + 1 :]]
                status, answer = post(page_address, f"run{name}", {"data": values})
                assert status == 200, (choice, answer)


def wrong_calls(endpoints):
    """Yield an endpoint, an argument, and values of which one is hostile."""
    for name, endpoint in endpoints.items():
        parameters = endpoint["parameters"]
        examples = [parameter["example_input"] for parameter in parameters]
        for place, parameter in enumerate(parameters):
            for value in HOSTILE.values():
                values = [*examples[:place], value, *examples[place + 1 :]]
                yield name, parameter["parameter_name"], values


def check_sentence(sentence, argument):
    assert sentence.startswith(f"`{argument}` must be "), sentence
    assert f"Received: {argument}=" in sentence
    assert len(sentence) < 500


def test_every_argument_refuses_what_it_does_not_take_in_a_sentence():
    blocks = build_page(FakeRegistry()).blocks
    functions = {f"/{each.api_name}": each for each in blocks.fns.values()}
    refused = 0
    calls = wrong_calls(blocks.get_api_info()["named_endpoints"])
    for name, argument, values in calls:
        if name == "/read_upload":
            continue  # its example is no file of this machine
        try:
            checked_values(functions[name], values)
        except gr.Error as error:
            check_sentence(error.message, argument)
            assert not error.print_exception
            refused += 1
    assert refused > 600


@pytest.mark.slow
def test_every_endpoint_answers_every_value(page_address, endpoints, page_log):
    for name, argument, values in wrong_calls(endpoints):
        status, answer = post(page_address, f"run{name}", {"data": values})
        if status != 200 and name != "/read_upload":
            check_sentence(answer["error"], argument)
        elif status != 200:
            check_sentence(answer["error"], "file")
    assert "Traceback" not in page_log()


@pytest.mark.parametrize(
    ("name", "argument", "value", "sentence"),
    [
        ("read_text", "text", 5, "`text` must be a text (a string). Received: text=5"),
        ("read_text", "amount", "7", "`amount` must be one of 20000, 100000"),
        ("read_text", "models", "byte-lstm", "`models` must be a list of names"),
        ("read_continue", "temperature", 9, "must be a number from 0 to 2. Received"),
        ("read_continue", "max_bytes", 30.5, "must be a whole number from 20 to 2,000"),
        ("read_continue", "seed", None, "`seed` must be a whole number from 0"),
        ("read_inspect", "index", "<p>", "`index` must be the index of a character"),
        ("key_find", "depth", None, "`depth` must be a number from 0 to 100"),
        ("read_sample", "sample", None, "`sample` must be one of middlemarch"),
        ("status", "language", "fr", "`language` must be one of en, zh"),
    ],
)
def test_a_wrong_value_is_answered_alike_by_every_way_in(
    page_address, endpoints, client, page_log, name, argument, value, sentence
):
    parameters = endpoints[f"/{name}"]["parameters"]
    arguments = {each["parameter_name"]: each["example_input"] for each in parameters}
    arguments[argument] = value
    kind, answer = call(page_address, name, list(arguments.values()))
    assert kind == "error" and sentence in answer["error"]
    assert (
        sentence
        in post(page_address, f"run/{name}", {"data": list(arguments.values())})[1][
            "error"
        ]
    )
    with pytest.raises(gradio_client.exceptions.AppError) as refusal:
        client.predict(**arguments, api_name=f"/{name}")
    assert sentence in refusal.value.message
    assert "Traceback" not in page_log()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_only_raw_json_can_hold_are_refused(
    page_address, page_log, number
):
    for place, argument in enumerate(("max_bytes", "temperature", "top_p", "seed"), 2):
        values = ["The moon", ["byte-lstm"], 20, 0.5, 0.9, 1, "en"]
        values[place] = number
        kind, answer = call(page_address, "read_continue", values)
        assert kind == "error"
        check_sentence(answer["error"], argument)
    assert "Traceback" not in page_log()


def test_a_refusal_is_in_the_language_of_the_call(page_address):
    _, answer = post(page_address, "run/read_csv_bins", {"data": ["zh", 3, 4]})
    assert "at most 1 value (language). Received: 3 values" in answer["error"]
    values = ["Hello!!", ["byte-lstm"], 300, 0.8, 0.9, -3, "zh"]
    _, answer = post(page_address, "run/read_continue", {"data": values})
    assert answer["error"].startswith("`seed` 须为 0 至 4,294,967,295 之间的整数")


def test_what_is_left_out_has_its_default(page_address):
    kind, answer = call(page_address, "read_text", ["The moon rose over the hill."])
    assert kind == "complete"
    assert [row["bytes_read"] for row in answer[0]] == [28, 28, 28]
    kind, answer = call(page_address, "read_sample", [])
    assert kind == "error" and "`sample` must be one of" in answer["error"]


def test_a_request_for_what_is_not_there_is_answered_with_a_sentence(
    page_address, page_log
):
    for path in ("call/nothing", "call/v2/nothing", "run/nothing"):
        status, answer = post(page_address, path, {"data": []})
        assert status == 404
        assert answer["error"].startswith("There is no endpoint 'nothing'")
    status, answer = post(page_address, "call/v2/read_text", {"words": "x"})
    assert status == 422 and "`words` is not a valid" in answer["error"]
    status, answer = post(page_address, "call/v2/read_text", {})
    assert status == 422 and answer["error"].endswith("required argument: text")
    assert "Traceback" not in page_log()


def test_every_input_of_an_endpoint_has_a_rule():
    blocks = build_page(FakeRegistry()).blocks
    asked = {
        type(block)
        for function in blocks.fns.values()
        for block in function.inputs
        if not block.stateful
    }
    assert gr.Radio in asked
    assert not asked & {object, gr.JSON}
    default = accepted.dispatch(object)
    assert [kind for kind in asked if accepted.dispatch(kind) is default] == []


@pytest.mark.parametrize("size", [4_000_001, 34_000_000])
def test_a_large_upload_is_refused_with_a_sentence(page_address, page_log, size):
    head = (
        b'--edge\r\nContent-Disposition: form-data; name="files"; '
        b'filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
    )
    request = urllib.request.Request(
        f"{page_address}gradio_api/upload",
        head + b"x" * size + b"\r\n--edge--\r\n",
        {"Content-Type": "multipart/form-data; boundary=edge"},
    )
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=60)
    with refusal.value as answer:
        assert answer.code == 413
        assert b"exceeded maximum allowed size of 4000000 bytes" in answer.read()
    assert "Traceback" not in page_log()


def test_a_large_file_is_refused_by_the_client_with_a_sentence(client, tmp_path):
    path = tmp_path / "large.txt"
    path.write_bytes(b"x" * 4_000_001)
    file = gradio_client.handle_file(str(path))
    with pytest.raises(ValueError, match="exceeds the maximum file size of 4000000"):
        client.predict(file, "en", api_name="/read_upload")
