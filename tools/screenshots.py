"""Take screenshots of the page with the shipped models, for the README.

python -m tools.screenshots                 writes docs/images/*.png
python -m tools.screenshots --models DIR    with other models
"""

import argparse
import io
import sys
from pathlib import Path

from tools.page_driver import PageDriver, missing_parts, open_browser

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
MAX_BYTES = 300_000
PORT = 7861
MINUTES = 60_000

# name: language, light, width, sample (its number in the list), most height
PICTURES = {
    "read_en": ("en", "light", 1280, 1, 1_620),
    "read_zh": ("zh", "light", 1280, 3, None),
    "read_en_dark": ("en", "dark", 1280, 2, None),
    "read_zh_dark": ("zh", "dark", 1280, 4, 1_620),
    "read_en_narrow": ("en", "light", 400, 7, None),
    "read_zh_narrow": ("zh", "dark", 400, 4, None),
}
# name: language, light, width
KEY_PICTURES = {"key_en": ("en", "light", 1280)}


def main(argv=None):
    """Serve the page and take every picture.

    Args:
        argv: list of str or None. Defaults to the arguments of the process.

    Returns:
        int: the exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", metavar="DIR")
    parser.add_argument("--to", metavar="DIR", type=Path, default=IMAGES)
    parser.add_argument("--only", choices=[*PICTURES, *KEY_PICTURES], action="append")
    options = parser.parse_args(argv)
    reason = missing_parts()
    if reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    options.to.mkdir(parents=True, exist_ok=True)
    page, address = _serve(options.models)
    with open_browser() as browser:
        for name in options.only or [*PICTURES, *KEY_PICTURES]:
            if name in PICTURES:
                data = _picture(browser, address, *PICTURES[name])
            else:
                data = _key_picture(browser, address, *KEY_PICTURES[name])
            (options.to / f"{name}.png").write_bytes(data)
            print(f"{options.to / name}.png: {len(data):,} bytes")
    page.blocks.close(verbose=False)
    return 0


def _serve(models):
    from longkeras.app.build import build_page
    from longkeras.app.command_line import parse_arguments, serve
    from longkeras.serving import ModelRegistry

    page = build_page(ModelRegistry(models))
    options = parse_arguments(["--port", str(PORT)])
    return page, serve(page, options, block=False)


def _picture(browser, address, language, light, width, sample, height):
    driver = PageDriver(browser, address, language=language, light=light, width=width)
    driver.wait_until_models_are_ready(10 * MINUTES)
    driver.choose_sample(sample)
    driver.read(10 * MINUTES)
    driver.open_place(0.42)
    driver.continue_text(10 * MINUTES)
    return _smaller(_whole_page(driver), height)


def _key_picture(browser, address, language, light, width):
    driver = PageDriver(browser, address, language=language, light=light, width=width)
    driver.wait_until_models_are_ready(10 * MINUTES)
    # The first reading compiles, which would show in the seconds on the page.
    for draw in (2, 1):
        driver.find_key(draw, 10 * MINUTES)
    return _smaller(_whole_page(driver), None)


def _whole_page(driver):
    driver.page.evaluate("window.scrollTo(0, 0)")
    driver.page.wait_for_timeout(1_000)
    picture = driver.page.screenshot(full_page=True)
    driver.close()
    return picture


def _smaller(picture, height):
    """Cut at a height; take fewer colours, until the file is small."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, height or image.height)))
    for colours in (256, 128, 64, 32):
        file = io.BytesIO()
        reduced = image.quantize(colours, dither=Image.Dither.NONE)
        reduced.save(file, "PNG", optimize=True)
        data = file.getvalue()
        if len(data) <= MAX_BYTES:
            break
    return data


if __name__ == "__main__":
    sys.exit(main())
