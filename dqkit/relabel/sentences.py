"""What speaks for a suggestion, in one plain sentence."""

from __future__ import annotations

from collections.abc import Mapping


def evidence_sentence(models: Mapping[str, int], alike: Mapping[str, int], label: str | None) -> str:
    """Say how many models and look-alikes say the suggested label, and what the others say most.

    Parameters
    ----------
    models : mapping of str to int
        Class -> how many models choose it.
    alike : mapping of str to int
        Class -> how many of the most similar samples carry it.
    label : str or None
        The suggested label.

    Returns
    -------
    str
        "" where nothing is suggested or nothing is known.

    Examples
    --------
    >>> evidence_sentence({"plastic": 4}, {"plastic": 9, "metal": 1}, "plastic")
    '4 of 4 models and 9 of 10 look-alikes say plastic.'
    >>> evidence_sentence({"plastic": 3, "metal": 1}, {}, "metal")
    '1 of 4 models says metal; 3 of 4 models say plastic.'
    """
    if label is None:
        return ""
    said = [_share(found, label, name) for name, found in (("model", models), ("look-alike", alike)) if found]
    if not said:
        return ""
    if said == ["not the model"]:
        return f"The model says {next(iter(models))}, not {label}."
    alone = len(said) == 1 and said[0].startswith(("1 of", "the "))
    text = f"{' and '.join(said)} {'says' if alone else 'say'} {label}"
    return f"{text[0].upper()}{text[1:]}{_against(models, alike, label)}."


def _share(found: Mapping[str, int], label: str, name: str) -> str:
    total, count = sum(found.values()), found.get(label, 0)
    if total == 1:
        return f"the {name}" if count else f"not the {name}"
    return f"{count} of {total} {name}s"


def _against(models: Mapping[str, int], alike: Mapping[str, int], label: str) -> str:
    """What most of those say who do not say the label, where they are the more."""
    for noun, found in (("models", models), ("look-alikes", alike)):
        rest = {name: count for name, count in found.items() if name != label and count > found.get(label, 0)}
        if rest:
            other = min(rest, key=lambda name: (-rest[name], name))
            total = sum(found.values())
            if total == 1:
                return f"; it says {other}"
            return f"; {rest[other]} of {total} {noun} say {other}"
    return ""
