import re

import pytest

from longkeras.app.tabs.read.figures.heat import HEAT_STEPS
from longkeras.app.theme import page_style
from tests.app.contrast import contrast

GROUNDS = {"light": ("#fafaf8", "#ffffff"), "dark": ("#101215", "#181a1d")}


def colours(light):
    """The variables of the style sheet in a light, by name."""
    style = page_style()
    at_root, dark = (
        dict(re.findall(r"--lk-([\w-]+): (#\w{6})", block))
        for block in re.findall(r"(?:^|\n)(?::root|\.dark) \{(.*?)\n\}", style, re.S)
    )
    return at_root | dark if light == "dark" else at_root


def text_variable(step):
    """The variable of the text on a colour of the scale: its last rule's."""
    style = page_style()
    rules = re.findall(
        r"\n([^\n{]*lk-heat-[^\n{]*) \{ color: var\(--lk-([\w-]+)\)", style
    )
    assert len(rules) == 3
    mine = [
        name
        for selector, name in rules[1:]
        if f".lk-heat-{step}" in selector.split(", ")
    ]
    return (mine or [rules[0][1]])[-1]


@pytest.mark.parametrize("light", GROUNDS)
def test_text_on_every_colour_of_the_scale_can_be_read(light):
    named = colours(light)
    for step in range(HEAT_STEPS):
        ratio = contrast(named[f"heat-{step}"], named[text_variable(step)])
        assert ratio >= 4.5, (light, step, ratio)


@pytest.mark.parametrize("light", GROUNDS)
def test_words_and_the_focus_stand_out_from_every_ground(light):
    named = colours(light)
    for ground in (*GROUNDS[light], named["strip"], named["surface"]):
        for name in ("ink", "muted", "good", "bad"):
            assert contrast(named[name], ground) >= 4.5, (light, name, ground)
        assert contrast(named["focus"], ground) >= 3, (light, ground)
