from copy import deepcopy

from longkeras.app.messages import Message, Told
from longkeras.app.session import Line, Session, SessionStore, Work, run


def views_of(session, line, steps=lambda work: iter(["done"])):
    return run(session, "read", line, steps, lambda message: message)


def test_work_that_still_waits_is_told_its_position_and_can_be_cancelled():
    line, sessions = Line(1), [Session() for _ in range(3)]
    first = views_of(sessions[0], line, lambda work: iter(["half", "whole"]))
    assert [next(first).key, next(first)] == ["work.starting", "half"]
    second = views_of(sessions[1], line)
    third = views_of(sessions[2], line, lambda work: [work.cancelled.is_set()])
    assert [next(each).key for each in (second, third)] == ["work.starting"] * 2
    assert next(second).key == "work.next"
    assert next(third) == Message("work.waiting", {"before": 1}, "busy")
    assert sessions[2].cancel("read")
    assert list(third) == [True]
    assert list(first) == ["whole"]
    assert list(second) == ["done"]


def test_a_session_does_one_piece_of_work_of_a_kind_at_a_time():
    session, line = Session(), Line(1)
    first = views_of(session, line)
    next(first)
    (refused,) = views_of(session, line)
    assert isinstance(refused, Told) and refused.message.key == "work.busy"
    first.close()
    assert list(views_of(session, line))[-1] == "done"


def test_work_that_is_dropped_makes_room():
    line = Line(1)
    for _ in range(3):
        views = views_of(Session(), line)
        assert [next(views).key, next(views)] == ["work.starting", "done"]
        del views


def test_a_cancel_without_work_does_not_cancel_later_work():
    session = Session()
    assert not session.cancel("read")
    assert not session.begin("read").cancelled.is_set()


def test_sessions_do_not_share():
    session = Session()
    work = session.begin("read")
    session.language = "zh"
    session.result("read", list).append(1)
    copy = deepcopy(session)
    assert (copy.language, copy.results) == ("en", {})
    assert not copy.cancel("read")
    assert not work.cancelled.is_set()


def test_the_time_left_is_estimated_after_a_while(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    work = Work()
    message = Message("status.starting", {}, "busy", 0.25)
    assert work.timed(message) is message
    now[0] = 10.0
    assert work.timed(message).seconds_left == 30
    assert work.timed(Message("status.starting")).seconds_left is None


def test_a_session_is_found_again_and_its_work_interrupted():
    store, first = SessionStore(), Session()
    assert store.restore("a", first) is first
    work = first.begin("read")
    first.messages = {"x": Message("a", kind="busy"), "y": Message("b", kind="done")}
    assert store.restore("b", Session()) is not first
    assert store.restore("a", Session()) is first
    assert work.cancelled.is_set() and first.begin("read") is not None
    assert list(first.messages) == ["y"]
    fresh = Session()
    assert store.restore("", fresh) is fresh is not store.restore("", Session())


def test_old_sessions_leave_the_store(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    store = SessionStore(capacity=2, seconds=60)
    first, second, third = (Session() for _ in range(3))
    for key, session in (("a", first), ("b", second), ("a", Session()), ("c", third)):
        store.restore(key, session)
    assert store.restore("a", Session()) is first
    assert store.restore("b", new := Session()) is new
    now[0] = 61.0
    assert store.restore("c", new := Session()) is new
