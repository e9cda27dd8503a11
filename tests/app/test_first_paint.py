import json
import re

import pytest

from longkeras.app.build import build_page
from longkeras.app.first_paint import page_head
from longkeras.app.strings import LANGUAGES
from tests.app.fake_registry import FakeRegistry


def test_what_a_page_is_drawn_with_is_what_its_components_say():
    """The texts in the head replace properties of the same name and form."""
    page = build_page(FakeRegistry())
    data = re.search(r"const words = (\{.*\});\n", page.head)[1]
    words = json.loads(data)
    components = {
        each["id"]: each["props"]
        for each in page.blocks.get_config_file()["components"]
    }
    assert len(words["components"]["zh"]) > 30
    for number, properties in words["components"]["zh"].items():
        props = components[int(number)]
        for name, value in properties.items():
            assert type(value) is type(json.loads(json.dumps(props[name]))), name
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
