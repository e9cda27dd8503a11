"""A Hugging Face Hub of one model on this machine, as far as downloads go."""

import contextlib
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants

NAME = "somebody/small"
COMMIT = "a" * 40
BRANCH = "main"


class SmallHub(ThreadingHTTPServer):
    """Serves a folder as the model `somebody/small`, and notes what was asked for."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = Path(folder)
        self.downloaded = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        path = self.path.partition("?")[0].removeprefix("/")
        api = f"api/models/{NAME}"
        if path in (f"{api}/revision/{BRANCH}", f"{api}/revision/{COMMIT}"):
            self.send_json({"id": NAME, "sha": COMMIT, "siblings": []})
        elif path == f"{api}/tree/{COMMIT}":
            files = [x for x in self.server.folder.rglob("*") if x.is_file()]
            self.send_json([self.entry(file) for file in files])
        elif path.startswith(f"{NAME}/resolve/{COMMIT}/"):
            place = path.removeprefix(f"{NAME}/resolve/{COMMIT}/")
            self.send_file(self.server.folder / place)
        else:
            code = "RevisionNotFound" if path.startswith(api) else "RepoNotFound"
            self.send([("X-Error-Code", code)], b"", 404)

    def entry(self, file):
        content = file.read_bytes()
        oid = hashlib.sha1(content).hexdigest()
        path = file.relative_to(self.server.folder).as_posix()
        return {"type": "file", "path": path, "size": len(content), "oid": oid}

    def send_json(self, value):
        content = json.dumps(value).encode()
        self.send([("Content-Type", "application/json")], content)

    def send_file(self, file):
        if self.command == "GET":
            path = file.relative_to(self.server.folder).as_posix()
            self.server.downloaded.append(path)
        content = file.read_bytes()
        headers = [
            ("ETag", f'"{hashlib.sha1(content).hexdigest()}"'),
            ("X-Repo-Commit", COMMIT),
        ]
        self.send(headers, content)

    def send(self, headers, content, status=200):
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(content)))]:
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def small_hub(folder):
    """Runs a `SmallHub` while the block runs."""
    hub = SmallHub(folder)
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


@contextlib.contextmanager
def used_hub(folder, cache, monkeypatch):
    """A `SmallHub` that this process asks while the block runs, with its own cache."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    with small_hub(folder) as hub:
        # What `HF_ENDPOINT` sets when huggingface_hub is first imported.
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        huggingface_hub.close_session()
        yield hub
    huggingface_hub.close_session()
