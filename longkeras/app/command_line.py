"""The command line of the page: `longkeras`, or `python app.py` in the project."""

import argparse
import logging
import os
import re
import sys

from longkeras.app.addresses import LARGEST_PORT, AddressError, check_address

HOST = "127.0.0.1"
PORT = 7860
SECONDS_FOR_FIRST_PAINT = 4.0
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_OPEN_TO_OTHERS = (
    "Warning: --host %s without --auth lets everybody who reaches this machine over "
    "the network use the page: read texts, upload files of up to %s bytes, keep the "
    "processor busy. Ask for a name and a password with --auth NAME:PASSWORD."
)


def parse_arguments(argv=None):
    """Return the options of the command line.

    Args:
        argv: list of str or None. Defaults to the arguments of the process.

    Returns:
        `argparse.Namespace` with `host`, `port`, `models`, `memory`, `auth`,
        `open`.
    """
    parser = argparse.ArgumentParser(
        description="Compare language models on a long text, in the browser.",
    )
    parser.add_argument(
        "--host", default=HOST, help="address to listen on (%(default)s)"
    )
    parser.add_argument(
        "--port", type=_port, default=PORT, help="port to listen on (%(default)s)"
    )
    parser.add_argument(
        "--models",
        metavar="DIR",
        help="a folder of models with a manifest.json (default: the shipped ones)",
    )
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        type=_memory,
        help="most memory for loaded models, such as 500MB or 4GB; those used longest "
        "ago are dropped and loaded again when asked for (default: no cap)",
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
    # Read by gradio when it is imported: no line leaves this machine.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        is_open = check_address(options.host, options.port)
    except AddressError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    from longkeras.app.build import build_page
    from longkeras.checkpoint_error import CheckpointError
    from longkeras.serving import MAX_UPLOAD_BYTES, ModelRegistry

    try:
        registry = ModelRegistry(options.models, options.memory)
    except CheckpointError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if is_open and options.auth is None:
        limit = f"{MAX_UPLOAD_BYTES:,}"
        logging.getLogger(__name__).warning(_OPEN_TO_OTHERS, options.host, limit)
    page = build_page(registry)
    try:
        serve(page, options)
    except OSError:
        # Gradio's own words name an option that is not this command's.
        sys.stderr.write(
            f"The page cannot be served on port {options.port}: another program may "
            "have taken it. Choose another one with --port.\n"
        )
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
    from longkeras.app.endpoints import request_error_handlers
    from longkeras.app.theme import page_style, page_theme
    from longkeras.app.uploads import upload_middleware
    from longkeras.serving import MAX_UPLOAD_BYTES

    _, address, _ = page.blocks.launch(
        server_name=_as_in_an_address(options.host),
        server_port=options.port,
        auth=options.auth,
        inbrowser=options.open,
        theme=page_theme(),
        css=page_style(),
        head=page.head,
        max_file_size=MAX_UPLOAD_BYTES,
        state_session_capacity=200,
        footer_links=["api"],
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        show_error=True,
        app_kwargs={
            "exception_handlers": request_error_handlers(),
            "middleware": upload_middleware(),
        },
        share=False,
    )
    logging.getLogger(__name__).info("The page is at %s", address)
    page.loader.start(SECONDS_FOR_FIRST_PAINT)
    if block:
        page.blocks.block_thread()
    return address


def _port(text):
    # `int` alone would take " 7_860 " too.
    port = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    if not 1 <= port <= LARGEST_PORT:
        raise argparse.ArgumentTypeError(
            f"must be a whole number from 1 to {LARGEST_PORT}. Received: {text!r}"
        )
    return port


def _memory(text):
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?(MB|GB|TB)", text, re.ASCII)
    size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if size < 1:
        raise argparse.ArgumentTypeError(
            "must be a size above 0 with a unit (MB, GB or TB), such as 500MB or 4GB. "
            f"Received: {text!r}"
        )
    return size


def _auth(text):
    name, separator, password = text.partition(":")
    if not (name and separator and password):
        raise argparse.ArgumentTypeError(
            "must be a name and a password that look like NAME:PASSWORD"
        )
    return name, password


def _as_in_an_address(host):
    """An IPv6 number stands in brackets in an address."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
