import csv
import io
from pathlib import Path

import pytest

from longkeras.app.session import Work
from longkeras.app.tabs.read import handlers
from longkeras.app.tabs.read.tables import KINDS, csv_text, save_csv
from longkeras.serving import MAX_READ_BYTES
from tests.app.fake_registry import NAMES

TEXT = '月, "moon"\n' * 20


@pytest.fixture
def made(catalogue):
    settings = {"max_bytes": 30, "temperature": 1.0, "top_p": 1.0, "seed": 0}
    names = list(NAMES)
    *_, read = handlers.read(catalogue, Work(), TEXT, names, MAX_READ_BYTES)
    *_, texts = handlers.continue_from(catalogue, Work(), TEXT, names, settings)
    return read, texts


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_shown_can_be_saved_as_a_table(made, kind):
    rows = list(csv.DictReader(io.StringIO(csv_text(kind, *made))))
    if kind in ("summary", "continuations"):
        assert [row["model"] for row in rows] == list(NAMES)
    else:
        assert set(NAMES) < set(rows[0])
    if kind == "characters":
        assert len(rows) == len(TEXT)
    if kind == "continuations":
        assert rows[0]["prompt"] == TEXT
        assert rows[0]["text"] == made[1].texts[NAMES[0]].text


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_no_table_of_nothing(kind):
    assert csv_text(kind, None, None) is None


def test_an_unknown_table_is_refused():
    with pytest.raises(ValueError, match="`kind`"):
        csv_text("pictures", None, None)


def test_a_saved_table_opens_in_a_spreadsheet():
    path = Path(save_csv("bins", "名,1\n"))
    assert path.name == "longkeras-bins.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert path.read_text(encoding="utf-8-sig") == "名,1\n"
