"""The page for people who use a keyboard or a screen reader, or see little contrast."""

from importlib import resources

import pytest

from tests.app.contrast import contrast
from tools.page_driver import PageDriver

pytestmark = pytest.mark.browser

TEXT = "The moon rose over the hill, and nobody spoke. 月出惊山鸟，时鸣春涧中。\n" * 12
# Writes down what the page says when it first appears.
FIRST_WORDS = """
  const look = () => {
    const read = document.querySelector('#read-start');
    if (read && read.checkVisibility({ visibilityProperty: true }))
      window.firstWords = [document.title, read.innerText, document.body.innerText];
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
"""
# The colours of the texts of a selector and of the ground that each stands on.
COLOURS = """([selector, part]) => {
  return [...document.querySelectorAll(selector)].map((node) => {
    const layers = [];
    for (let each = node; each; each = each.parentElement)
      layers.push(getComputedStyle(each).backgroundColor);
    const ground = layers.find((colour) => !/, 0\\)$/.test(colour));
    return [getComputedStyle(node, part).color, ground];
  });
}"""
# How the focused element, or the label it belongs to, is outlined.
RING = """() => {
  const node = document.activeElement;
  const boxed = 'label:has(input:is([type=radio], [type=checkbox]))';
  const style = getComputedStyle(node.closest(boxed) ?? node);
  const ground = getComputedStyle(document.body).backgroundColor;
  return [style.outlineStyle, parseFloat(style.outlineWidth), style.outlineColor,
    ground, node.outerHTML.slice(0, 120)];
}"""


@pytest.fixture(scope="module")
def axe():
    package = pytest.importorskip("axe_playwright_python")
    return resources.files(package).joinpath("axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def visitor(browser, page_address):
    """One visitor for the tests that do not ask for a page of their own."""
    driver = PageDriver(browser, page_address)
    yield driver
    driver.close()


def test_axe_finds_nothing_on_either_tab(visit, axe):
    driver = visit()
    page = driver.page
    page.evaluate(axe)
    found = _violations(driver)
    driver.write_text(TEXT)
    driver.read()
    driver.open_place(0.4)
    page.fill("#read-max-bytes input[type=number]", "20")
    driver.continue_text()
    found += _violations(driver)
    page.set_viewport_size({"width": 400, "height": 800})
    found += _violations(driver, ("light",))
    page.get_by_role("tab").nth(1).click()
    found += _violations(driver, ("light",))
    page.set_viewport_size({"width": 1280, "height": 800})
    found += _violations(driver, ("dark",))
    driver.find_key()
    found += _violations(driver)
    assert found == []


def _violations(driver, lights=("light", "dark")):
    run = "axe.run({ resultTypes: ['violations'] })"
    found = []
    for light in lights:
        _turn(driver, light)
        # Colours change within a transition.
        driver.page.wait_for_timeout(300)
        found += [
            (light, violation["id"], node["target"], node["html"][:120])
            for violation in driver.page.evaluate(run)["violations"]
            for node in violation["nodes"]
        ]
    return found


def _turn(driver, light):
    driver.page.evaluate(
        "(dark) => document.body.classList.toggle('dark', dark)", light == "dark"
    )


@pytest.mark.parametrize("light", ["light", "dark"])
def test_placeholders_hints_and_limits_can_be_read(visitor, light):
    page = visitor.page
    _turn(visitor, light)
    parts = {
        "#read-text textarea": "::placeholder",
        "#read-prompt textarea": "::placeholder",
        "#read-sample input": "::placeholder",
        "#read-prompt .info-text, #read-prompt label > div": None,
        "#lk-header p": None,
        "[data-testid=min-value], [data-testid=max-value]": None,
    }
    for selector, part in parts.items():
        colours = page.evaluate(COLOURS, [selector, part])
        assert colours, selector
        for text, ground in colours:
            assert contrast(text, ground) >= 4.5, (selector, text, ground)


@pytest.mark.parametrize(
    ("width", "language", "words"), [(1280, "en", "Read"), (400, "zh", "阅读")]
)
def test_a_page_appears_in_its_language_and_does_not_move(
    visit, width, language, words
):
    driver = visit(width=width, language=language, script=FIRST_WORDS)
    title, button, body = driver.page.evaluate("window.firstWords")
    assert button == words
    assert ("语言模型" in title) == (language == "zh")
    assert ("Start with a sample" in body) == (language == "en")
    assert driver.layout_shift() < 0.1
    widths = {driver.width()}
    for text in ("A short text.", "short " * 200, "月" * 600):
        driver.write_text(text)
        driver.read()
        widths.add(driver.width())
        assert driver.overflow() <= 0
    driver.find_key()
    assert widths | {driver.width()} == {min(width, 1240)}
    assert driver.errors == []


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_sample_is_chosen_with_the_keyboard(visitor, key):
    page = visitor.page
    visitor.write_text("")
    page.focus("#language input:checked")
    for _ in range(10):
        if visitor.focused() == "read-sample":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    # The list is drawn anew after each key: the entry at hand may be about to go.
    page.wait_for_function(
        """() => {
            const entry = document.querySelector("[role=option].active");
            return entry && getComputedStyle(entry).outlineStyle === "solid";
        }"""
    )
    page.keyboard.press(key)
    page.wait_for_function(
        "document.querySelector('#read-text textarea').value.length > 9"
    )
    page.wait_for_selector("#read-notice :text('Sample “')")
    assert page.input_value("#read-sample input") in page.inner_text("#read-notice")
    assert visitor.focused() == "read-upload"


def test_arrow_keys_move_within_a_radio_group(visitor):
    page = visitor.page
    page.focus("#read-amount input:checked")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.value") == "100000"
    page.keyboard.press("ArrowLeft")
    assert page.is_checked("#read-amount input >> nth=0")
    assert visitor.focused() == "read-amount"
    page.focus("#language input:checked")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#read-start:has-text('阅读')")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#read-start:has-text('Read')")
    assert visitor.focused() == "language"
    page.get_by_role("tab").nth(1).click()
    page.focus("#key-length input:checked")
    page.keyboard.press("ArrowLeft")
    assert visitor.focused() == "key-length"
    names = "[...document.querySelectorAll('input[type=radio]')].map((x) => x.name)"
    assert set(page.evaluate(names)) == {"language", "read-amount", "key-length"}
    page.get_by_role("tab").nth(0).click()


@pytest.mark.parametrize("light", ["light", "dark"])
def test_every_stop_of_the_tab_key_shows_where_it_is(visitor, light):
    page = visitor.page
    _turn(visitor, light)
    page.focus("#language input:checked")
    stops = 0
    while visitor.focused() != "read-continue" and stops < 60:
        page.keyboard.press("Tab")
        stops += 1
        ring = page.evaluate(RING)
        assert ring[0] == "solid" and ring[1] >= 2, ring
        assert contrast(ring[2], ring[3]) >= 3, ring
    assert 10 < stops < 60


def test_the_focus_stays_where_the_work_is(visitor):
    page = visitor.page
    visitor.write_text(TEXT * 10)
    page.focus("#read-start")
    page.keyboard.press("Enter")
    page.wait_for_selector("#read-cancel:enabled")
    page.wait_for_selector("#read-cancel:focus")
    visitor.end_of("#read-notice")
    page.wait_for_selector("#read-start:focus")
    visitor.open_place(0.4)
    heading = page.inner_text(".lk-place h3")
    page.focus(".lk-step >> nth=1")
    page.keyboard.press("Enter")
    _wait_for_other(page, heading)
    assert page.evaluate("document.activeElement.ariaLabel") == "Next character"
    heading = page.inner_text(".lk-place h3")
    page.focus(".lk-matrix thead button >> nth=3")
    page.keyboard.press("Enter")
    _wait_for_other(page, heading)
    page.wait_for_selector(".lk-matrix th[aria-current] button:focus")
    page.fill("#read-max-bytes input[type=number]", "300")
    page.focus("#read-continue")
    page.keyboard.press("Enter")
    page.wait_for_selector("#read-stop:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector("#read-continue:focus")
    page.get_by_role("tab").nth(1).click()
    page.focus("#key-find")
    page.keyboard.press("Enter")
    page.wait_for_selector("#key-panel .lk-key")
    page.wait_for_selector("#key-find:focus")
    page.get_by_role("tab").nth(0).click()


def _wait_for_other(page, heading):
    page.wait_for_function(
        "(before) => document.querySelector('.lk-place h3').innerText !== before",
        arg=heading,
    )
