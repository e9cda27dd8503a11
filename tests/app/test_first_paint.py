import json
import re
import urllib.request

import pytest

from longkeras.app.first_paint import page_head
from longkeras.app.strings import LANGUAGES


def test_what_a_page_is_drawn_with_is_what_its_components_say(page_address):
    """The texts in the head replace properties of the same name and form."""
    with urllib.request.urlopen(f"{page_address}config", timeout=60) as answer:
        config = json.load(answer)
    words = json.loads(re.search(r"const words = (\{.*\});\n", config["head"])[1])
    components = {each["id"]: each["props"] for each in config["components"]}
    assert len(words["components"]["zh"]) > 30
    for number, properties in words["components"]["zh"].items():
        props = components[int(number)]
        for name, value in properties.items():
            assert type(value) is type(props[name]), name
    assert set(words["title"]) == set(words["theme"]) == set(LANGUAGES)


@pytest.mark.parametrize("language", ["zh"])
def test_no_text_ends_the_script(language):
    class Part:
        _id = 7

    def labels(asked):
        assert asked == language
        return {Part(): {"value": "</script><b>月</b>"}}

    head = page_head(labels)
    assert head.count("</script>") == 1
    assert "<\\/script>" in head
