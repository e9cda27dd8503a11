"""The base of every tab: components, events, endpoints, work."""

import inspect
from collections import defaultdict
from functools import partial

import gradio as gr

from longkeras.app.components.notice import notice_html
from longkeras.app.session import Line, run
from longkeras.app.strings import DEFAULT_LANGUAGE

RETURNS = {
    "notice": gr.Textbox,
    "text": gr.Textbox,
    "prompt": gr.Textbox,
    "file": gr.File,
}
"""Component classes of what endpoints return, by name; of other names, JSON."""


class Tab:
    """One tab of the page.

    A subclass sets `name`, the name of its folder, and defines `build`, `connect`,
    `labels`, `render` and `drawn`.

    Args:
        catalogue: `Catalogue`.

    Attributes:
        parts: dict of str to components. Their element ids begin with the tab's name.
        notices: tuple of str. The parts that show messages.
        at_once: int. How many visitors may do the same kind of work at the same time;
            more wait.
    """

    name: str
    notices = ("notice",)
    at_once = 1

    def __init__(self, catalogue):
        self.catalogue = catalogue
        self.parts = {}
        self._lines = defaultdict(lambda: Line(self.at_once))
        self._returned = {}

    @property
    def title(self):
        """The key of the tab's title in the strings."""
        return f"{self.name}.title"

    # What a subclass defines.

    def build(self):
        """Add the components, with `add`, in the `gradio.Blocks` around."""
        raise NotImplementedError

    def connect(self):
        """Connect the events, with `on`."""
        raise NotImplementedError

    def labels(self, language):
        """Return the arguments of components that depend on the language.

        Args:
            language: str. `"en"` or `"zh"`.

        Returns:
            dict of str to dict: keyword arguments by the component's name.
        """
        raise NotImplementedError

    def render(self, view, language):
        """Return what a view of a handler changes on the page.

        Args:
            view: What a handler returns: a dataclass of values.
            language: str. `"en"` or `"zh"`.

        Returns:
            dict of str to values, by the name of the component or of what an endpoint
            returns. The value of a notice is a `Message` or None.
        """
        raise NotImplementedError

    def drawn(self, session):
        """Return the results that a session keeps, in the session's language.

        They are drawn after a switch of the language and after a reload of the page.

        Args:
            session: `Session`.

        Returns:
            dict, as of `render`.
        """
        raise NotImplementedError

    def interrupt(self, session):
        """Drop the unfinished results of a session whose page was loaded again."""

    # What the page calls.

    def place(self, session, language):
        """Build and connect the tab in the `gradio.Blocks` around.

        Args:
            session: `gradio.State` that holds a `Session`.
            language: `gradio.Radio` that holds the page's language.
        """
        self._session, self._language = session, language
        self._labels = self.labels(DEFAULT_LANGUAGE)
        self.build()
        self.connect()

    def retold(self, session):
        """Return all that a session keeps, by component, in the session's language."""
        messages = {
            notice: session.messages[self.element_id(notice)]
            for notice in self.notices
            if self.element_id(notice) in session.messages
        }
        return self._shown(messages | self.drawn(session), session)

    # What a subclass calls.

    def element_id(self, name):
        """Return the element id of a part, which begins with the tab's name."""
        return f"{self.name}-{name.replace('_', '-')}"

    def add(self, name, kind, **options):
        """Add a component, with its arguments in the language of the page.

        Args:
            name: str. Its name in `parts`.
            kind: class of a component.
            **options: The component's other arguments.
        """
        options = self._labels.get(name, {}) | options
        self.parts[name] = kind(elem_id=self.element_id(name), **options)

    def add_html(self, name, **options):
        """Add a piece of HTML, as `add`."""
        self.add(name, gr.HTML, apply_default_css=False, **options)

    def on(
        self,
        trigger,
        handler,
        inputs=(),
        outputs=(),
        *,
        api_name=None,
        returns=(),
        **options,
    ):
        """Connect a private event and, with `api_name`, a public endpoint like it.

        Args:
            trigger: An event of a part, such as `part.click`.
            handler: callable. Takes the `Session` and the values of the inputs, and
                returns a view for `render` or None, or yields several. Its docstring
                describes the endpoint.
            inputs: sequence of str. Names of parts.
            outputs: sequence of str. Names of the parts that the views change.
            api_name: str or None. The endpoint's name without the tab's.
            returns: sequence of str. What the endpoint returns: names in what
                `render` returns. What any notice says is returned as `notice`.
            **options: Gradio's for the event.

        Returns:
            `gradio.events.Dependency` of the private event.
        """
        asked = [self._session, *(self.parts[each] for each in inputs), self._language]
        common = {"show_progress": "hidden", **options}
        if api_name is not None:
            gr.on(
                [],
                _wrapped(handler, partial(self._answers, returns=returns)),
                asked,
                [*(self._return(name) for name in returns), self._session],
                api_name=f"{self.name}_{api_name}",
                **{key: each for key, each in common.items() if key != "js"},
            )
        return trigger(
            _wrapped(handler, self._changes),
            asked,
            [*(self.parts[name] for name in outputs), self._session],
            api_visibility="private",
            **common,
        )

    def run(self, session, kind, steps, running, notice="notice"):
        """Yield the views of work as `longkeras.app.session.run` does.

        Args:
            session: `Session`.
            kind: str. The kind of work, of which a session does one at a time.
            steps: callable. Takes the `Work` and returns views.
            running: callable. Takes a `Message` and returns the view of waiting work.
            notice: str. The notice that refuses a second piece of work.
        """
        name = f"{self.name}.{kind}"
        return run(session, name, self._lines[kind], steps, running, notice)

    def cancel(self, session, kind):
        """Cancel work of a session."""
        session.cancel(f"{self.name}.{kind}")

    def _shown(self, values, session):
        """Values of `render` by component, with messages kept and told."""
        shown = {}
        for name, value in values.items():
            if name in self.notices:
                session.messages[self.element_id(name)] = value
                value = notice_html(value, session.language)
            if name in self.parts:
                shown[self.parts[name]] = value
        return shown

    def _changes(self, views, session):
        for view in views:
            # Gradio keeps a state for longer when an event returns it.
            shown = self._shown(self._values(view, session), session)
            yield shown | {self._session: session}

    def _values(self, view, session):
        return {} if view is None else self.render(view, session.language)

    def _answers(self, views, session, returns):
        answer = {name: "" if name == "notice" else None for name in returns}
        for view in views:
            for name, value in self._values(view, session).items():
                if name in self.notices:
                    name = "notice"
                    value = "" if value is None else value.text(session.language)
                if name in answer:
                    answer[name] = value
            values = {self._return(name): value for name, value in answer.items()}
            yield values | {self._session: session}

    def _return(self, name):
        if name not in self._returned:
            kind = RETURNS.get(name, gr.JSON)
            self._returned[name] = kind(visible=False, label=name)
        return self._returned[name]


def _wrapped(handler, answers):
    """A handler as Gradio calls it: the session first, the language last.

    Gradio reads the names of an endpoint's arguments from the signature.
    """

    def views_of(session, *values):
        session.language = values[-1]
        return handler(session, *values[:-1])

    if inspect.isgeneratorfunction(handler):

        def call(session, *values):
            yield from answers(views_of(session, *values), session)

    else:

        def call(session, *values):
            return next(answers([views_of(session, *values)], session))

    parameters = list(inspect.signature(handler).parameters.values())
    language = inspect.Parameter("language", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    call.__signature__ = inspect.Signature([*parameters, language])
    call.__name__ = handler.__name__
    call.__doc__ = handler.__doc__
    return call
