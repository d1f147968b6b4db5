"""A wrong parameter of an operator gives a sentence: no traceback, no 500, and nothing is written."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dqkit.errors import InputError
from dqkit.fiftyone_bridge import pull
from dqkit.fiftyone_bridge.operator_requests import OperatorRequests, check_request

from ..guard.asking import ask, echo

if TYPE_CHECKING:
    from .conftest import Pushed

MEGABYTE = "x" * 1_000_000
ODD = [7, -1.5, True, "", "x", MEGABYTE, [], ["x"], [7], {}, {"a": 1}, "\ud800", "$where", {"$gt": ""}, [[]], [None]]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"7", "an object"),
        (b"[]", "an object"),
        (b'{"params": 7}', "params must be an object"),
        (b'{"params": null}', "params must be an object"),
        (b'{"params": []}', "params must be an object"),
        (b'{"selected": 7}', "selected must be a list"),
        (b'{"selected": "abc"}', "selected must be a list"),
        (b'{"selected": [7]}', "an entry of selected must be text"),
        (b'{"selected_samples": [{}]}', "an id of selected_samples must be text"),
        (b'{"dataset_name": {"$gt": ""}}', "dataset_name must be text"),
        (b'{"operator_uri": 7}', "operator_uri must be text"),
    ],
)
def test_a_request_that_is_none_is_answered_with_the_rule(body: bytes, said: str) -> None:
    found = ask(OperatorRequests(echo), "POST", "/operators/execute", {}, body)
    assert found.status == 400
    assert said in json.loads(found.body)["error"]["message"]
    assert len(found.body) < 500


def test_a_plain_request_arrives_as_it_was_sent() -> None:
    body = b'{"operator_uri": "@a/b", "params": {"x": [1]}, "selected": [], "selected_samples": null, "view": 7}'
    check_request(body)
    assert ask(OperatorRequests(echo), "POST", "/operators/execute", {}, body).body == b"answered " + body
    assert ask(OperatorRequests(echo), "POST", "/graphql", {}, b"no JSON").status == 200
    with pytest.raises(InputError, match="an object"):
        check_request(b"null")


def test_a_request_without_an_end_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dqkit.fiftyone_bridge.operator_requests.MOST_BYTES", 100)
    assert ask(OperatorRequests(echo), "POST", "/operators/execute", {}, b"x" * 101).status == 413


@pytest.mark.parametrize(
    ("last", "status", "body"),
    [
        (
            "fiftyone.operators.executor.ExecutionError: Validation error. Path: label.",
            400,
            "Validation error. Path: label.",
        ),
        ("fiftyone.core.dataset.DatasetNotFoundError: Dataset x not found", 400, "Dataset x not found"),
        ("ZeroDivisionError: division by zero", 500, "Traceback"),  # a fault of an operator stays one
    ],
)
def test_a_value_that_fiftyone_refuses_is_answered_in_words(last: str, status: int, body: str) -> None:
    stack = f"Traceback (most recent call last):\n  File x, line 1\n{last}\n"
    failed = json.dumps({"kind": "Server Error", "stack": stack}).encode()

    async def fiftyone(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        for part in (failed[:30], failed[30:]):
            await send({"type": "http.response.body", "body": part, "more_body": part == failed[:30]})

    found = ask(OperatorRequests(fiftyone), "POST", "/operators/execute", {}, b"{}")
    assert found.status == status
    assert found.body == failed if status == 500 else json.loads(found.body) == {"error": {"message": body}}


def run(operator: Any, target: Any, params: dict[str, Any], selected: Any = ()) -> tuple[dict[str, Any], list[str]]:
    """What the operator returns, and what it tells the person."""
    told: list[str] = []
    ops = SimpleNamespace(
        notify=lambda text, variant: told.append(f"{variant}: {text}"),
        clear_selected_samples=lambda: None,
        reload_dataset=lambda: None,
    )
    context = SimpleNamespace(dataset=target, params=params, selected=selected, ops=ops)
    return operator.execute(context), told


@pytest.mark.slow
def test_no_parameter_of_a_button_raises_or_writes(pushed: Pushed) -> None:
    from dqkit.fiftyone_bridge import operators

    target = pushed.push()
    key = target.first().id
    for operator in operators.LabelSelected(), operators.AcceptSuggestions(), operators.ConfirmLabels():
        odd_names = [name for name in ODD if name not in ("", "x", "$where", [], {})]  # these are names, or none
        wrong = [({"label": "cat", "annotator": name}, [key]) for name in odd_names]
        wrong += [({"label": "cat", "annotator": "ana"}, [one]) for one in ODD]
        if operator.asks:
            wrong += [({"label": label, "annotator": "ana"}, [key]) for label in [*ODD, None]]
        for params, selected in wrong:
            result, told = run(operator, target, params, selected)
            assert result["samples"] == 0
            assert told == [f"error: {result['error']}"]
            assert len(result["error"]) < 500
    assert pull(pushed.name) == []
    assert run(operators.LabelSelected(), target, {"label": "eel", "annotator": "ana"}, [key])[0] == {"samples": 1}


@pytest.mark.slow
def test_no_message_of_a_page_raises_or_writes(pushed: Pushed) -> None:
    from dqkit.fiftyone_bridge.operators import QueueMessages

    target = pushed.push()
    classes = list(target.info["dqkit"]["classes"])
    good = {"event_id": "e", "sample_id": "s07", "kind": "label", "label": "cat"}
    wrong: list[Any] = [{"type": kind} for kind in ODD]
    wrong += [{"type": "answer", "answer": answer} for answer in ODD]
    wrong += [{"type": "answer", "answer": {**good, name: odd}} for name in good for odd in ODD]
    wrong += [{"type": "answer", "answer": {**good, "kind": "undo", "label": None, "undoes": odd}} for odd in ODD]
    wrong += [
        {"type": "answer", "answer": {**good, "kind": "note", "label": None, "why": odd}} for odd in [7, {"$a": 1}]
    ]
    wrong += [{"type": "answer", "answer": {**good, "page": odd}} for odd in [7, MEGABYTE, ["x"], {"a": 1}]]
    wrong += [{"type": "want", "n": odd} for odd in ODD] + [{"type": "want", "n": 0, "have": odd} for odd in ODD]
    wrong += [{"type": "add_class", "name": odd} for odd in ODD if odd not in ("x", "$where")]
    wrong += [{"type": "add_class", "name": "界" * 200}]  # 600 bytes: no file system takes it for a folder
    event_ids = {"event_id": ["x", "$where"], "sample_id": [], "kind": [], "label": []}
    fine = [{"type": "answer", "answer": {**good, name: odd}} for name, odds in event_ids.items() for odd in odds]
    for message in wrong:
        if message in fine:
            continue
        result, _ = run(QueueMessages(), target, {"tab": "t", "annotator": "ana", "messages": [message]})
        told = [reply["message"] for reply in result["replies"] if reply["message"]["type"] in ("refused", "declined")]
        assert all(len(one["message"]) < 1000 for one in told)
        assert not [one for one in result["replies"] if one["message"]["type"] in ("saved", "trouble", "failed")]
    for name, odds in (("messages", ODD), ("tab", ODD), ("annotator", ODD)):
        for odd in odds:
            result, _ = run(QueueMessages(), target, {"messages": [], "annotator": "ana", "tab": "t", name: odd})
            assert len(result.get("error", "")) < 500
    many = [{"type": "hello"}] * 501
    assert "at most 500" in run(QueueMessages(), target, {"annotator": "ana", "messages": many})[0]["error"]
    assert pull(pushed.name) == []
    target.reload()
    assert list(target.info["dqkit"]["classes"]) == classes


@pytest.mark.slow
def test_a_dataset_that_dqkit_did_not_make_is_named(fo: Any) -> None:
    from dqkit.fiftyone_bridge.operators import ConfirmLabels, QueueMessages

    theirs = fo.Dataset()
    for dataset in (theirs, None):
        assert "dqkit did not make this dataset" in run(QueueMessages(), dataset, {})[0]["error"]
        assert "dqkit did not make this dataset" in run(ConfirmLabels(), dataset, {}, ["x"])[0]["error"]
    theirs.delete()
