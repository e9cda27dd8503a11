"""The page as a visitor sees it, in headless Chromium."""

from pathlib import Path
from urllib.parse import urlparse

import pytest

from longkeras.app.tabs.read.events import AT_ONCE
from longkeras.serving.registry import SAVED_MODELS
from tests.app.conftest import start_server, stop_server
from tests.app.tiny_models import write_tiny_models
from tools.page_driver import PageDriver

pytestmark = pytest.mark.browser

LONG_ENGLISH, LONG_CHINESE = 1, 3  # samples of 20,000 characters and more
TEXT = "The moon rose over the hill, and nobody spoke. 月出惊山鸟，时鸣春涧中。\n" * 12


def test_the_page_paints_early_and_asks_no_other_machine(visit, page_address):
    driver = visit()
    hosts = {urlparse(url).netloc for url in driver.requests if url[:4] != "data"}
    assert hosts == {urlparse(page_address).netloc}
    paint = driver.page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    # The bound is wide: a busy machine must not fail the suite.
    assert paint < 20_000
    assert driver.errors == []


def test_a_long_sample_is_read_drawn_counted_and_continued(visit):
    driver = visit()
    driver.choose_sample(LONG_ENGLISH)
    assert len(driver.page.input_value("#read-text textarea")) >= 20_000
    notice = driver.read()
    assert "Read the first" in notice and "were not read" in notice
    assert driver.page.locator("canvas.lk-strip").count() == 3
    assert all(driver.colours(strip) > 8 for strip in range(3))
    assert driver.page.locator(".lk-plot polyline").count() == 3
    assert driver.page.locator("#read-summary thead th").count() == 3
    assert "in segments of" in driver.page.inner_text("#read-summary")
    assert "Finished" in driver.continue_text()
    written = driver.page.locator("#read-continuations .lk-written")
    assert written.count() == 3
    assert all(written.nth(i).inner_text().strip() for i in range(3))
    assert driver.errors == []


def test_a_place_is_reached_by_mouse_keyboard_and_character(visit):
    driver = visit()
    driver.write_text(TEXT)
    driver.read()
    page = driver.page
    driver.open_place(0.5)
    middle = int(page.get_attribute("#read-stage", "aria-valuenow"))
    assert abs(middle - len(TEXT) / 2) < 5
    assert page.locator(".lk-place .lk-card").count() == 3
    page.focus("#read-stage")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f".lk-place h3:has-text('{middle + 1}')")
    page.keyboard.press("Home")
    page.wait_for_selector(".lk-place h3:has-text('Character 1: T')")
    page.click(".lk-matrix thead button >> nth=4")
    page.wait_for_selector(".lk-place h3:has-text('Character 5: m')")
    page.hover(".lk-strip >> nth=1", position={"x": 1, "y": 20})
    assert "Character 1 of" in page.inner_text(".lk-readout")
    page.click("#read-prompt-from-place")
    page.wait_for_function(
        "document.querySelector('#read-prompt textarea').value === 'The '"
    )


def test_a_key_is_looked_for_on_a_narrow_page_in_both_languages(visit):
    driver = visit(width=400, height=800)
    page = driver.page
    assert "that is the key" in driver.find_key()
    assert page.locator(".lk-key-map .lk-key-key").count() == 2
    assert driver.overflow() <= 0
    driver.switch_language("zh")
    page.wait_for_selector("#key-notice :text('正是密钥')")
    page.wait_for_selector("#key-panel :text('所提的问题')")
    assert driver.errors == []


def test_a_narrow_page_works_with_a_finger(visit):
    driver = visit(width=400, height=800, touch=True)
    assert driver.overflow() <= 0
    driver.write_text(TEXT)
    driver.read()
    driver.page.locator(".lk-strip >> nth=2").tap()
    driver.page.wait_for_selector(".lk-place")
    driver.continue_text()
    assert driver.overflow() <= 0
    cards = driver.page.locator("#read-continuations .lk-card")
    left = {round(cards.nth(i).bounding_box()["x"]) for i in range(3)}
    assert len(left) == 1


def test_the_switch_brings_everything_into_the_other_language(visit):
    driver = visit()
    page = driver.page
    driver.write_text(TEXT)
    driver.read()
    driver.open_place(0.3)
    driver.continue_text()
    driver.switch_language("zh")
    page.wait_for_selector("#read-place :text('第')")
    page.wait_for_selector("#read-stage[aria-label^='文本中的位置']")
    said = page.inner_text("body")
    for english in ("Read", "Models", "byte", "Character", "Seed", "ready", "Continue"):
        assert english not in said.replace("longkeras", ""), english
    assert "语言模型" in page.title()
    driver.write_text("")
    assert "没有文本" in driver.read()
    driver.switch_language("en")
    page.wait_for_selector("#read-notice :text('There is no text')")
    page.wait_for_selector("#read-continue-notice :text('Finished')")


def test_a_finished_reading_stays_until_another_has_results(visit):
    driver = visit()
    page = driver.page
    driver.write_text(TEXT)
    driver.read()
    driver.open_place(0.3)
    assert "The moon rose over" in page.inner_text("#read-results-of")
    parts = (".lk-place", "#read-summary", "#read-results-of")
    kept = [page.inner_text(part) for part in parts]
    driver.write_text(" ")
    assert "There is no text" in driver.read()
    driver.choose_sample(LONG_CHINESE)
    page.click("#read-start")
    # What stands there is the earlier text's, which a screen reader is told too.
    page.wait_for_selector("#read-results-of [role=status]:has-text('earlier text')")
    assert page.get_attribute("#read-stage", "aria-describedby") == "read-results-of"
    assert page.locator(".lk-strip").first.evaluate(
        "x => getComputedStyle(x).opacity < 1"
    )
    page.click("#read-cancel:enabled")
    assert "Cancelled" in driver.end_of("#read-notice")
    page.wait_for_selector("#read-results-of:not(:has([role=status]))")
    for part, before in zip(
        (".lk-place", "#read-summary", "#read-results-of"), kept, strict=True
    ):
        assert page.inner_text(part) == before
    with page.expect_download() as download:
        page.click("#read-csv-characters")
    assert len(Path(download.value.path()).read_text().splitlines()) > len(TEXT)
    page.click(".lk-step >> nth=1")
    page.wait_for_function(
        "(x) => document.querySelector('.lk-place').innerText !== x", arg=kept[0]
    )
    driver.write_text("A quiet night. " * 40)
    driver.read()
    assert "The moon" not in page.inner_text("#read-results-of")
    assert page.locator(".lk-place").count() == 0


def test_finished_results_survive_a_reload_in_their_page_alone(visit):
    driver = visit()
    page = driver.page
    driver.write_text(TEXT)
    driver.read()
    driver.open_place(0.3)
    driver.continue_text()
    driver.find_key()
    parts = (".lk-place", "#read-summary", "#read-notice", "#read-continuations")
    kept = [page.locator(part).text_content() for part in parts]
    found = page.locator("#key-panel").text_content()
    page.reload()
    page.wait_for_selector(".lk-place")
    assert [page.locator(part).text_content() for part in parts] == kept
    assert page.locator("#read-csv-continuations").is_visible()
    driver.switch_language("zh")
    page.wait_for_selector("#read-notice :text('已读完全文')")
    page.get_by_role("tab").nth(1).click()
    page.wait_for_selector("#key-notice :text('正是密钥')")
    driver.switch_language("en")
    page.wait_for_selector("#key-notice :text('that is the key')")
    assert page.locator("#key-panel").text_content() == found
    other = visit().page
    assert not other.locator(".lk-place, .lk-card").count()
    assert driver.errors == []


def test_readings_that_a_reload_ends_make_room_for_others(visit):
    driver = visit()
    page = driver.page
    for _ in range(AT_ONCE + 1):
        driver.write_text(TEXT * 12)
        page.click("#read-start")
        page.wait_for_selector("#read-cancel:enabled")
        page.reload()
        page.wait_for_selector("html:not(.lk-waiting) #read-start:enabled")
    driver.write_text("A quiet night. " * 40)
    assert "Read the whole text" in driver.read()
    assert "quiet night" in page.inner_text("#read-results-of")


def test_a_place_opened_while_the_models_read_stays_open(visit):
    driver = visit()
    page = driver.page
    driver.write_text(TEXT * 12)
    page.click("#read-start")
    page.wait_for_selector(".lk-strip.lk-pending")
    driver.open_place(0.3)
    heading = page.inner_text(".lk-place h3")
    assert page.locator(".lk-strip.lk-pending").count() > 0
    driver.end_of("#read-notice")
    page.wait_for_function(
        "document.querySelectorAll('.lk-place .lk-card').length === 3"
    )
    assert page.inner_text(".lk-place h3") == heading
    place = page.get_attribute("#read-stage", "aria-valuenow")
    assert f"{int(place):,}" in heading


def test_the_language_is_the_browsers_and_is_remembered(visit):
    driver = visit(language="zh")
    driver.page.wait_for_selector("#read-start:has-text('阅读')")
    driver.switch_language("en")
    driver.page.reload()
    driver.page.wait_for_selector("#read-start:has-text('Read')")


def test_light_and_dark_can_be_switched(visit):
    driver = visit(light="dark")
    page = driver.page
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.click("#theme")
    page.wait_for_function(f"{ground} !== '{dark}'")
    driver.write_text(TEXT)
    driver.read()
    light = page.evaluate("document.querySelector('canvas.lk-strip').toDataURL()")
    page.click("#theme")
    page.wait_for_function(
        "(before) => document.querySelector('canvas.lk-strip').toDataURL() !== before",
        arg=light,
    )


def test_files_are_taken_or_refused_with_a_reason(visit, tmp_path):
    driver = visit(language="zh")
    path = tmp_path / "三国.txt"
    path.write_bytes("话说天下大势，分久必合，合久必分。".encode("gb18030") * 30)
    driver.upload(path)
    driver.page.wait_for_selector("#read-notice :text('GB18030')")
    assert driver.page.input_value("#read-text textarea").startswith("话说天下大势")
    path.write_bytes(bytes(range(256)) * 50)
    driver.upload(path)
    driver.page.wait_for_selector("#read-notice .lk-error :text('另存为')")


def test_reading_is_cancelled_and_writing_stopped(visit):
    driver = visit()
    driver.choose_sample(LONG_CHINESE)
    driver.page.click("#read-amount label:last-of-type")
    driver.page.click("#read-start")
    driver.page.wait_for_selector("#read-notice .lk-busy")
    driver.page.click("#read-cancel:enabled")
    assert "Cancelled" in driver.end_of("#read-notice")
    driver.page.fill("#read-prompt textarea", "The moon")
    driver.page.fill("#read-max-bytes input[type=number]", "2000")
    driver.page.click("#read-continue")
    driver.page.wait_for_selector("#read-continuations .lk-written:not(:empty)")
    driver.page.click("#read-stop:enabled")
    assert "Stopped" in driver.end_of("#read-continue-notice")


def test_the_page_says_how_a_program_uses_it(visit):
    driver = visit()
    driver.page.click("#lk-footer a")
    driver.page.wait_for_selector("text=API name: /read_continue")


def test_tables_are_saved(visit):
    driver = visit()
    driver.write_text(TEXT)
    driver.read()
    for kind in ("summary", "characters"):
        with driver.page.expect_download() as download:
            driver.page.click(f"#read-csv-{kind}")
        assert download.value.suggested_filename == f"longkeras-{kind}.csv"


def test_two_visitors_do_not_mix(visit):
    first, second = visit(), visit(language="zh")
    first.write_text("A quiet night. " * 40)
    second.write_text("春眠不觉晓，处处闻啼鸟。" * 40)
    first.page.click("#read-start")
    assert "480" in second.read()
    assert "600" in first.end_of("#read-notice")
    first.open_place(0.5)
    assert "quiet" in first.page.inner_text(".lk-place .lk-card >> nth=0")


@pytest.mark.slow
def test_the_shipped_models_read_a_long_sample(browser, tmp_path):
    """From the command line to a streamed continuation, as a newcomer does it."""
    has_models = (SAVED_MODELS / "manifest.json").is_file()
    models = SAVED_MODELS if has_models else write_tiny_models(tmp_path)
    server, address = start_server("app.py", "--models", str(models))
    try:
        driver = PageDriver(browser, address)
        driver.wait_until_models_are_ready(300_000)
        for sample in (LONG_ENGLISH, LONG_CHINESE):
            driver.choose_sample(sample)
            assert "20,000 bytes" in driver.read(300_000) or sample == LONG_CHINESE
            assert all(driver.colours(strip) > 8 for strip in range(3))
        driver.open_place(0.6)
        assert driver.page.locator(".lk-alternatives li").count() >= 9
        driver.page.fill("#read-max-bytes input[type=number]", "60")
        assert "Finished" in driver.continue_text(300_000)
        assert driver.errors == []
    finally:
        stop_server(server)


@pytest.mark.parametrize(
    ("size", "language", "sentence"),
    [
        (5_000_000, "en", "The file is too long: 5,000,000 bytes; at most 4,000,000"),
        (34_000_000, "zh", "文件过大：34,000,000 字节，最多接受 4,000,000 字节"),
    ],
)
def test_a_large_file_is_refused_in_words(visit, tmp_path, size, language, sentence):
    driver = visit(language=language)
    path = tmp_path / "large.txt"
    path.write_bytes(b"x" * size)
    driver.page.set_input_files("input[type=file]", str(path))
    driver.page.wait_for_selector(f"#read-notice :text('{sentence}')")
    assert driver.page.locator(".toast-body").count() == 0
    assert driver.errors == []


def test_a_pasted_text_does_not_keep_the_name_of_a_sample(visit, tmp_path):
    driver = visit()
    page = driver.page
    driver.choose_sample(LONG_ENGLISH)
    assert page.input_value("#read-sample input") and page.inner_text("#read-notice")
    page.fill("#read-text textarea", "Other words. " * 20)
    page.wait_for_function("document.querySelector('#read-sample input').value === ''")
    page.wait_for_function("!document.querySelector('#read-notice').innerText.trim()")
    driver.choose_sample(LONG_ENGLISH)
    path = tmp_path / "mine.txt"
    path.write_text("Words of mine. " * 20)
    page.set_input_files("input[type=file]", str(path))
    page.wait_for_selector("#read-notice :text('mine.txt')")
    page.wait_for_function("document.querySelector('#read-sample input').value === ''")
    driver.choose_sample(LONG_ENGLISH)
    refused = tmp_path / "refused.txt"
    refused.write_bytes(b"a\0b" * 50)
    page.set_input_files("input[type=file]", str(refused))
    page.wait_for_selector("#read-notice .lk-error", timeout=20_000)
    assert page.input_value("#read-sample input")
    assert driver.errors == []
