import pytest

from longkeras.app.catalogue import Catalogue
from longkeras.app.session import Work
from longkeras.app.tabs.read import handlers
from longkeras.app.tabs.read.views import Comparison, Continuations, Inspected
from longkeras.data import samples
from longkeras.serving import MAX_READ_BYTES, MAX_TEXT_BYTES
from tests.app.fake_registry import NAMES, FakeRegistry

TEXT = "The moon rose. 月出惊山鸟，时鸣春涧中。\n" * 40
SETTINGS = {"max_bytes": 40, "temperature": 0.8, "top_p": 0.9, "seed": 3}


def read(catalogue, text=TEXT, names=NAMES, amount=MAX_READ_BYTES, work=None):
    work = work or Work()
    return list(handlers.read(catalogue, work, text, list(names), amount))


def write(catalogue, prompt="The moon", names=NAMES, **changes):
    views = handlers.continue_from(
        catalogue, Work(), prompt, list(names), SETTINGS | changes
    )
    return list(views)


def test_reading_tells_each_model_as_it_finishes(catalogue):
    *steps, last = read(catalogue)
    assert not last.is_running and last.message.kind == "done"
    assert list(last.readings) == list(NAMES)
    assert all(reading.text == TEXT for reading in last.readings.values())
    finished = [len(view.readings) for view in steps if not view.is_step]
    assert finished == sorted(finished) and finished[-1] == 2
    assert all(view.is_running for view in steps)
    assert last.message.values["dropped"] == 0
    assert TEXT.endswith(last.prompt)


def test_what_is_not_read_is_told(catalogue):
    last = read(catalogue, amount=101)[-1]
    read_bytes = last.message.values["read"]
    assert 99 <= read_bytes <= 101
    assert read_bytes + last.message.values["dropped"] == len(TEXT.encode())
    assert last.message.key == "read.notice.read_part"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "error.empty"),
        (" \n\t ", "error.empty"),
        ("a\0b", "error.nul"),
        ("a\ud800b", "error.surrogate"),
        ("x" * (MAX_TEXT_BYTES + 1), "error.too_long"),
        (None, "error.not_text"),
    ],
)
def test_bad_text_is_refused_with_a_reason(catalogue, text, key):
    (view,) = read(catalogue, text)
    assert isinstance(view, Comparison) and not view.readings
    assert view.message.key == key and view.message.kind == "error"
    assert view.message.text("en") and view.message.text("zh")


def test_a_text_of_one_character_can_be_read(catalogue):
    last = read(catalogue, "月")[-1]
    assert last.readings[NAMES[0]].num_characters == 1
    assert handlers.inspect(catalogue, last, 0).comparison.place == 0


@pytest.mark.parametrize(
    ("names", "key"), [((), "error.no_models"), (("gpt",), "error.unknown_model")]
)
def test_a_wrong_choice_of_models_is_refused(catalogue, names, key):
    assert read(catalogue, names=names)[-1].message.key == key
    assert write(catalogue, names=names)[-1].message.key == key


def test_reading_can_be_cancelled_and_keeps_finished_models(catalogue):
    work = Work()
    views = handlers.read(catalogue, work, TEXT, list(NAMES), MAX_READ_BYTES)
    for view in views:
        if view.readings:
            work.cancelled.set()
            break
    last = list(views)[-1]
    assert last.message.key == "read.notice.cancelled"
    assert not last.is_running
    assert list(last.readings) == [NAMES[0]] == list(last.names)


def test_reading_cancelled_while_it_waits_reads_nothing(catalogue):
    work = Work()
    work.cancelled.set()
    last = read(catalogue, work=work)[-1]
    assert last.message.key == "read.notice.cancelled" and not last.readings


def test_a_model_that_cannot_be_loaded_does_not_stop_the_others(caplog):
    catalogue = Catalogue(FakeRegistry(broken=[NAMES[1]]), samples())
    healthy = (NAMES[0], NAMES[2])
    comparison, continuations = read(catalogue)[-1], write(catalogue)[-1]
    assert tuple(comparison.readings) == comparison.names == healthy
    assert comparison.prompt and tuple(continuations.texts) == healthy
    for view in (comparison, continuations):
        assert view.ticked == healthy and not view.is_running
        assert (view.message.key, view.message.kind) == ("error.some_broken", "error")
        assert "could not be loaded: Full attention." in view.message.text("en")
        assert "全注意力" in view.message.text("zh")
    assert "is broken" in caplog.text
    assert read(catalogue, names=healthy)[-1].ticked is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_it_does_not_matter_which_model_is_broken(place):
    catalogue = Catalogue(FakeRegistry(broken=[NAMES[place]]), samples())
    last = read(catalogue)[-1]
    assert len(last.readings) == 2 and NAMES[place] not in last.readings
    assert handlers.inspect(catalogue, last, 3).comparison.place == 3


def test_nothing_is_read_or_written_when_every_model_is_broken():
    registry = FakeRegistry()
    catalogue = Catalogue(registry, samples())
    comparison = read(catalogue)[-1]
    registry.broken = set(NAMES)
    told = handlers.inspect(catalogue, comparison, 0)
    for view in (read(catalogue)[-1], write(catalogue)[-1], told):
        assert view.message.key == "error.model_broken"
        for title in ("LSTM", "Full attention", "Sliding window"):
            assert title in view.message.text("en")
    assert read(catalogue)[-1].ticked == ()


def test_a_place_is_inspected_by_every_model_that_read(catalogue):
    comparison = read(catalogue, names=NAMES[:2])[-1]
    view = handlers.inspect(catalogue, comparison, 17)
    assert isinstance(view, Inspected)
    assert view.comparison.place == 17
    assert list(view.comparison.inspections) == list(NAMES[:2])
    inspection = view.comparison.inspections[NAMES[0]]
    assert inspection.characters[inspection.index - inspection.first] == TEXT[17]


@pytest.mark.parametrize("index", [-1, len(TEXT), None])
def test_a_place_outside_the_text_is_told(catalogue, index):
    comparison = read(catalogue)[-1]
    view = handlers.inspect(catalogue, comparison, index)
    assert view.message.key == "error.place_outside"


def test_a_place_without_a_reading_is_told(catalogue):
    assert handlers.inspect(catalogue, None, 0).message.key == "read.notice.no_reading"
    refused = read(catalogue, "")[-1]
    assert (
        handlers.inspect(catalogue, refused, 0).message.key == "read.notice.no_reading"
    )


def test_a_prompt_is_the_text_before_the_place(catalogue):
    comparison = read(catalogue)[-1]
    assert handlers.prompt_from_place(comparison).message.key == "read.notice.no_place"
    index = len(TEXT) - 5
    comparison = handlers.inspect(catalogue, comparison, index).comparison
    view = handlers.prompt_from_place(comparison)
    assert view.prompt == TEXT[index - handlers.PROMPT_CHARACTERS : index]
    assert view.message.values == {"kept": len(view.prompt), "characters": index}


def test_writing_streams_every_model(catalogue):
    first, *steps, last = write(catalogue)
    assert isinstance(first, Continuations) and first.is_running
    assert len(steps) >= 1
    assert not last.is_running
    assert list(last.texts) == list(NAMES)
    assert all(0 < each.bytes_written <= 40 for each in last.texts.values())
    assert write(catalogue)[-1].texts[NAMES[0]].text == last.texts[NAMES[0]].text


def test_writing_can_be_stopped(catalogue):
    work = Work()
    settings = SETTINGS | {"max_bytes": 2_000}
    views = handlers.continue_from(catalogue, work, "The moon", list(NAMES), settings)
    next(views)
    work.cancelled.set()
    last = list(views)[-1]
    assert last.message.key == "read.continue.stopped"
    assert {each.stop_reason for each in last.texts.values()} == {"stopped"}


def test_a_bad_prompt_or_setting_is_refused(catalogue):
    assert write(catalogue, prompt="")[-1].message.key == "error.empty"
    refused = write(catalogue, temperature=9)[-1]
    assert refused.message.key == "error.out_of_range"
    assert refused.message.text("en").startswith("Temperature must be between")
    assert write(catalogue, seed=None)[-1].message.kind == "error"


def test_a_sample_is_loaded_with_its_origin(catalogue):
    name = samples()[0].name
    view = handlers.load_sample(catalogue, name)
    assert view.text == samples()[0].text
    assert samples()[0].author in view.message.text("en")
    assert handlers.load_sample(catalogue, "x").message.key == "error.unknown_sample"
    assert handlers.load_sample(catalogue, None).text is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_an_uploaded_file_is_decoded(tmp_path, encoding):
    path = tmp_path / "月.txt"
    text = "话说天下大势，分久必合，合久必分。" * 20
    path.write_bytes(text.encode(encoding))
    view = handlers.load_file(str(path))
    assert view.text == text
    assert view.message.kind == "info" and "月.txt" in view.message.text("zh")


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("a.pdf", b"%PDF-1.4", "error.file_type"),
        ("a.txt", b"", "error.file_empty"),
        ("a.txt", bytes(range(256)) * 40, "error.file_not_text"),
        ("a.md", b"a\0b" * 50, "error.file_not_text"),
        ("a.txt", b"x" * 5_000_000, "error.file_too_long"),
    ],
)
def test_a_bad_file_is_refused_with_a_reason(tmp_path, name, content, key):
    path = tmp_path / name
    path.write_bytes(content)
    view = handlers.load_file(str(path))
    assert view.text is None
    assert view.message.key == key
    assert view.message.text("zh")


def test_a_missing_file_is_told(tmp_path):
    assert handlers.load_file(None).message.key == "error.file_missing"
    view = handlers.load_file(str(tmp_path / "gone.txt"))
    assert view.message.key == "error.file_missing"


def test_a_text_a_little_longer_than_the_amount_is_read_whole(catalogue):
    last = read(catalogue, "x" * 20_053, names=NAMES[:1], amount=20_000)[-1]
    assert last.message.key == "read.notice.read_all"
    assert last.message.values["read"] == 20_053


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_a_file_and_its_reading_count_the_same_bytes(catalogue, tmp_path, end):
    path = tmp_path / "lines.txt"
    path.write_bytes(f"The moon rose.{end}".encode() * 20)
    loaded = handlers.load_file(str(path))
    assert loaded.message.values["bytes"] == len(loaded.text) == 300
    for text in (loaded.text, path.read_bytes().decode()):
        message = read(catalogue, text)[-1].message
        assert (message.values["read"], message.values["characters"]) == (300, 300)


def test_samples_count_what_a_text_box_counts():
    assert not any("\r" in sample.text for sample in samples())


def test_a_changed_text_has_no_source_any_more(catalogue, tmp_path):
    sample = handlers.load_sample(catalogue, samples()[0].name).message
    path = tmp_path / "a.txt"
    path.write_text("words " * 20)
    file = handlers.load_file(str(path)).message
    refused = handlers.refuse_file(34_000_000).message
    assert "34,000,000 bytes; at most 4,000,000" in refused.text("en")
    for message in (sample, file, refused):
        assert handlers.after_edit(message).clears_notice
    done = read(catalogue)[-1].message
    assert not handlers.after_edit(done).clears_notice
    assert not handlers.after_edit(None).clears_notice
