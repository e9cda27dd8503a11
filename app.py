"""Start the page: `python app.py` (or `make app`), then open http://127.0.0.1:7860."""

import os
import sys

# Read by gradio when it is imported: no line leaves this machine.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from longkeras.app.command_line import main

if __name__ == "__main__":
    sys.exit(main())
