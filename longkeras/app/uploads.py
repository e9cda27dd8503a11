"""Uploads by HTTP that are larger than the page accepts."""

from fastapi.middleware import Middleware

_MOST_DRAINED = 512_000_000
"""Bytes of a refused upload that are still taken in, and thrown away."""


class _DrainedUploads:
    """Takes in the rest of a refused upload before the refusal is sent.

    Gradio answers as soon as a file is too large. A client that is still sending then
    sees a connection that was reset, and never the answer.
    """

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or not scope["path"].endswith("/upload"):
            await self._app(scope, receive, send)
            return
        is_complete, received = False, 0

        async def receive_and_count():
            nonlocal is_complete, received
            message = await receive()
            received += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            return message

        async def drain_and_send(message):
            if message["type"] == "http.response.start":
                while not is_complete and received < _MOST_DRAINED:
                    await receive_and_count()
            await send(message)

        await self._app(scope, receive_and_count, drain_and_send)


def upload_middleware():
    """Return the middleware that lets clients read why an upload was refused.

    Returns:
        list, the `middleware` of a `fastapi.FastAPI`.
    """
    return [Middleware(_DrainedUploads)]
