"""Whatever a frame holds, reading it has one of two outcomes."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from authgql.web.messages import Close, Message, read_message

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
ANYTHING = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(st.text(max_size=5), LEAVES, max_size=2)
KINDS = st.sampled_from(["connection_init", "ping", "pong", "subscribe", "complete", "next"])
MESSAGES = st.fixed_dictionaries({}, optional={"type": KINDS | ANYTHING, "id": ANYTHING, "payload": ANYTHING})


@given(told=st.text() | MESSAGES)
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_message_or_a_close(told: object) -> None:
    text = told if isinstance(told, str) else json.dumps(told)
    try:
        outcome: object = read_message(text)
    except Close as close:
        outcome = (close.code, len(close.reason.encode()) <= 123)
    assert outcome == (4400, True) or isinstance(outcome, Message)
