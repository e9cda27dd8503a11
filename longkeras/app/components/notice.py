"""A message on the page, with progress and time left while work goes on."""

from html import escape

from longkeras.app.strings import spell_seconds_left


def notice_html(message, language):
    """Return a message as HTML.

    Args:
        message: `Message` or None.
        language: str. `"en"` or `"zh"`.

    Returns:
        str; empty for None.

    Example:
    >>> from longkeras.app.messages import Message
    >>> notice_html(Message("status.starting", kind="busy"), "en").count("loading")
    1
    """
    if message is None:
        return ""
    role = "alert" if message.kind == "error" else "status"
    parts = [f'<div class="lk-notice lk-{message.kind}" role="{role}">']
    if message.kind == "busy":
        parts.append('<span class="lk-spinner" aria-hidden="true"></span>')
    parts.append(f"<span>{escape(message.text(language))}</span>")
    if message.fraction is not None:
        percent = round(100 * message.fraction)
        parts.append(
            '<span class="lk-bar" role="progressbar" aria-valuemin="0" '
            f'aria-valuemax="100" aria-valuenow="{percent}">'
            f'<span style="width:{percent}%"></span></span>'
        )
    if message.seconds_left is not None:
        left = spell_seconds_left(message.seconds_left, language)
        parts.append(f'<span class="lk-left">{escape(left)}</span>')
    return "".join([*parts, "</div>"])
