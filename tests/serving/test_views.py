import csv
import io

import numpy as np
import pytest

from longkeras.serving import (
    binned_bits,
    csv_of_bins,
    csv_of_characters,
    csv_of_summary,
    rows_of_bins,
    rows_of_summary,
    surprise_strip,
)
from longkeras.serving.reading import Protocol, Reading
from longkeras.text import character_byte_offsets


def reading_of(text, bits=None, name="m", dropped=0):
    num_bytes = len(text.encode())
    if bits is None:
        bits = np.random.default_rng(num_bytes).exponential(2.0, num_bytes)
    return Reading(
        name=name,
        text=text,
        bits=np.asarray(bits, "float32"),
        character_starts=character_byte_offsets(text),
        protocol=Protocol("streaming"),
        bytes_dropped=dropped,
        seconds=2.0,
        compile_seconds=0.5,
        parameters=1000,
        state_bytes=64,
    )


def parsed(text):
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 1000])
@pytest.mark.parametrize("num_bins", [1, 7, 64, 2000])
def test_bins_cover_every_byte_once(length, num_bins):
    reading = reading_of("x" * length)
    binned = binned_bits(reading, num_bins)
    sizes = np.diff(binned.edges)
    assert len(sizes) == min(length, num_bins)
    assert binned.edges[0] == 0 and binned.edges[-1] == length
    assert sizes.min() >= 1 and sizes.max() - sizes.min() <= 1
    mean = (binned.bits_per_byte * sizes).sum() / length
    assert mean == pytest.approx(reading.bits_per_byte, rel=1e-5)
    assert len(binned.bits_per_byte) == len(sizes)


def test_a_worked_example_of_bins():
    binned = binned_bits(reading_of("abcde", [1, 2, 3, 4, 5]), 2)
    assert binned.edges.tolist() == [0, 2, 5]
    assert binned.bits_per_byte.tolist() == [1.5, 4.0]


def test_a_short_text_has_a_cell_a_character_coloured_by_bits_per_byte():
    # 4 bits on one byte and 12 bits on three bytes are equally surprising.
    strip = surprise_strip(reading_of("a月b", [4, 6, 3, 3, 20]))
    assert strip.levels.tolist() == [128, 128, 255]
    assert strip.peaks.tolist() == [128, 128, 255]
    assert strip.starts.tolist() == [0, 1, 2, 3]
    assert strip.levels.dtype == np.uint8


@pytest.mark.parametrize("max_cells", [1, 10, 333, 5000])
def test_a_long_text_has_so_many_cells_and_loses_no_character(max_cells):
    reading = reading_of("a月b🙂" * 300)
    strip = surprise_strip(reading, max_cells)
    assert len(strip.levels) == min(max_cells, 1200)
    assert strip.starts[0] == 0 and strip.starts[-1] == 1200
    assert (np.diff(strip.starts) >= 1).all()
    assert (strip.peaks >= strip.levels).all()


def test_a_cell_is_the_mean_and_the_peak_of_its_characters():
    strip = surprise_strip(reading_of("abcd", [0, 2, 4, 8]), max_cells=2)
    assert strip.starts.tolist() == [0, 2, 4]
    assert strip.levels.tolist() == [32, 191]
    assert strip.peaks.tolist() == [64, 255]


@pytest.mark.parametrize("call", [binned_bits, surprise_strip, rows_of_bins])
def test_no_bins_at_all_are_refused(call):
    reading = reading_of("ab")
    with pytest.raises(ValueError, match="must be at least 1"):
        call({"m": reading} if call is rows_of_bins else reading, 0)


def test_the_summary_has_a_row_a_model():
    readings = {"m": reading_of("abcd", [1, 2, 3, 4], dropped=6), "n": reading_of("ab")}
    rows = rows_of_summary(readings)
    assert [row["model"] for row in rows] == ["m", "n"]
    assert rows[0]["bits_per_byte"] == 2.5
    assert (rows[0]["bytes_read"], rows[0]["bytes_dropped"]) == (4, 6)
    assert rows[0]["bytes_per_second"] == 2.0
    assert rows[0]["context_bytes"] is None
    header, first, _ = parsed(csv_of_summary(readings))
    assert dict(zip(header, first, strict=True))["bits_per_byte"] == "2.5"
    assert dict(zip(header, first, strict=True))["context_bytes"] == ""


def test_bins_of_several_models_stand_side_by_side():
    readings = {"m": reading_of("abcd", [1, 1, 2, 2]), "n": reading_of("abcd", [0] * 4)}
    assert rows_of_bins(readings, 2) == [
        {"first_byte": 0, "end_byte": 2, "m": 1.0, "n": 0.0},
        {"first_byte": 2, "end_byte": 4, "m": 2.0, "n": 0.0},
    ]
    assert parsed(csv_of_bins(readings, 2)) == [
        ["first_byte", "end_byte", "m", "n"],
        ["0", "2", "1.0000", "0.0000"],
        ["2", "4", "2.0000", "0.0000"],
    ]


def test_every_character_has_a_line_that_can_be_read_back():
    text = 'a,"\n月 \t=1'
    readings = {"m": reading_of(text), "n": reading_of(text)}
    header, *lines = parsed(csv_of_characters(readings))
    assert header[:5] == ["index", "first_byte", "bytes", "character", "code_point"]
    assert header[5:] == ["m", "n"]
    assert "".join(chr(int(line[4][2:], 16)) for line in lines) == text
    assert [line[3] for line in lines] == list('a,"⏎月␣⇥=1')
    assert lines[4][:3] == ["4", "4", "3"]
    for line, bits in zip(lines, readings["m"].character_bits, strict=True):
        assert float(line[5]) == pytest.approx(bits, abs=6e-4)


def test_readings_of_different_texts_are_not_put_side_by_side():
    readings = {"m": reading_of("ab"), "n": reading_of("abc")}
    for call in (rows_of_bins, csv_of_bins, csv_of_characters):
        with pytest.raises(ValueError, match="same text"):
            call(readings)
        with pytest.raises(ValueError, match="at least one"):
            call({})


def test_a_million_bytes_are_drawn_and_written_quickly():
    # Nothing here walks over the bytes in Python but the lines of the CSV.
    import time

    reading = reading_of("a" * 300_000 + "月" * 230_000)
    started = time.perf_counter()
    binned_bits(reading)
    surprise_strip(reading)
    assert time.perf_counter() - started < 2.0
