"""Start the page: `python app.py` (or `make app`), then open http://127.0.0.1:7860."""

import sys

from longkeras.app.command_line import main

if __name__ == "__main__":
    sys.exit(main())
