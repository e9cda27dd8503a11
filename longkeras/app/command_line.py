"""`python app.py`: the command line of the page."""

import argparse
import logging
import sys

HOST = "127.0.0.1"
PORT = 7860
SECONDS_FOR_FIRST_PAINT = 4.0
LARGEST_REQUEST = "32mb"
"""Above what is accepted as a text, so that a refusal can be explained on the page."""


def parse_arguments(argv=None):
    """Return the options of the command line.

    Args:
        argv: list of str or None. Defaults to the arguments of the process.

    Returns:
        `argparse.Namespace` with `host`, `port`, `models`, `auth`, `open`.
    """
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Compare language models on a long text, in the browser.",
    )
    parser.add_argument(
        "--host", default=HOST, help="address to listen on (%(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=PORT, help="port to listen on (%(default)s)"
    )
    parser.add_argument(
        "--models",
        metavar="DIR",
        help="a folder of models with a manifest.json (the project's saved_models)",
    )
    parser.add_argument(
        "--auth",
        metavar="NAME:PASSWORD",
        type=_auth,
        help="ask everybody for this name and password",
    )
    parser.add_argument(
        "--open", action="store_true", help="open the page in a browser"
    )
    return parser.parse_args(argv)


def main(argv=None):
    """Start the page and serve it until interrupted.

    Args:
        argv: list of str or None. Defaults to the arguments of the process.

    Returns:
        int: the exit status.
    """
    options = parse_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    from longkeras.app.build import build_page
    from longkeras.checkpoint_error import CheckpointError
    from longkeras.serving import ModelRegistry

    try:
        registry = ModelRegistry(options.models)
    except CheckpointError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    page = build_page(registry)
    try:
        serve(page, options)
    except OSError as error:
        sys.stderr.write(f"The page cannot be served: {error}\n")
        return 1
    return 0


def serve(page, options, *, block=True):
    """Bind the port, then load the models behind it.

    Args:
        page: `longkeras.app.build.Page`.
        options: `argparse.Namespace`, as of `parse_arguments`.
        block: bool. Whether to return only when interrupted.

    Returns:
        str: the page's address.
    """
    from longkeras.app.theme import page_style, page_theme

    _, address, _ = page.blocks.launch(
        server_name=options.host,
        server_port=options.port,
        auth=options.auth,
        inbrowser=options.open,
        theme=page_theme(),
        css=page_style(),
        head=page.head,
        max_file_size=LARGEST_REQUEST,
        state_session_capacity=200,
        footer_links=["api"],
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        share=False,
    )
    logging.getLogger(__name__).info("The page is at %s", address)
    page.loader.start(SECONDS_FOR_FIRST_PAINT)
    if block:
        page.blocks.block_thread()
    return address


def _auth(text):
    name, separator, password = text.partition(":")
    if not (name and separator and password):
        raise argparse.ArgumentTypeError("must look like NAME:PASSWORD")
    return name, password
