"""How a queue is shared out: the options of `build_queue` and `Workbench.run_round`, in one value."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypedDict

from dqkit.acquisition.queue.worth import checked_costs
from dqkit.acquisition.strategies.selection import STRATEGIES
from dqkit.checks import is_number, kinds, takes
from dqkit.records import ACTIONS, InputError

MIN_SHARE: Mapping[str, float] = {"label": 0.1, "relabel": 0.1, "second_opinion": 0.0}


class QueueTerms(TypedDict, total=False):
    """The names and types of the options, as keyword arguments; `QueueOptions` says what they mean."""

    audit_share: float
    strategy: str
    human_error: float
    costs: Mapping[str, float] | None
    min_share: Mapping[str, float] | None
    class_quota: Mapping[str, int] | None
    noise_rate: float | None
    control: float


@dataclass(frozen=True)
class QueueOptions:
    """How a budget is shared out over the rows of a queue.

    Parameters
    ----------
    audit_share : float
        Share of the budget, 0 to 1, drawn at random from all rows that no person has seen: the random audit sample.
        It is answered blind and gives unbiased error rates.
    strategy : str
        How new labels are picked, a name in `dqkit.acquisition.STRATEGIES`.
    human_error : float
        How often one annotator is wrong, between 0 and 1; the prior behind second opinions.
    costs : mapping, optional
        Action -> cost of one answer; 1 where none is given.
    min_share : mapping, optional
        Action -> least share of the budget, the audit sample aside, while rows the detectors doubt are left. Default
        0.1 for "label" and "relabel".
    class_quota : mapping, optional
        Class -> least number of rows expected to be of that class. Quotas come before shares; a warning says where
        too few are expected.
    noise_rate : float, optional
        Estimated share of wrong labels among those no person has seen. The scores' log odds are shifted until their
        mean equals it. Default: the share of flagged labels.

    Raises
    ------
    InputError
        On a value outside its range, or an unknown strategy, action or class count.

    Examples
    --------
    >>> QueueOptions(audit_share=0.2, costs={"label": 2.0}).strategy
    'auto'
    """

    audit_share: float = 0.1
    strategy: str = "auto"
    human_error: float = 0.02
    costs: Mapping[str, float] | None = None
    min_share: Mapping[str, float] | None = None
    class_quota: Mapping[str, int] | None = None
    noise_rate: float | None = None

    def __post_init__(self) -> None:
        if not is_number(self.audit_share) or not 0 <= self.audit_share <= 1:
            raise InputError(f"audit_share must be a share of the budget from 0 to 1; got {self.audit_share!r}.")
        if not is_number(self.human_error) or not 0 < self.human_error < 1:
            raise InputError(f"human_error must lie between 0 and 1; got {self.human_error!r}.")
        if not isinstance(self.strategy, str) or self.strategy not in STRATEGIES:
            raise InputError(f"strategy must be one of {', '.join(sorted(STRATEGIES))}; got {self.strategy!r}.")
        if self.noise_rate is not None and not (is_number(self.noise_rate) and 0 <= self.noise_rate <= 1):
            raise InputError(f"noise_rate must be a share of labels from 0 to 1, or None; got {self.noise_rate!r}.")
        checked_costs(self.costs, ACTIONS)
        self._check_shares()
        if self.class_quota is not None and not isinstance(self.class_quota, Mapping):
            raise InputError(f"class_quota must map classes to whole numbers; got {self.class_quota!r}.")
        for name, least in (self.class_quota or {}).items():
            if not is_number(least) or least < 0 or least != int(least):
                raise InputError(f"class_quota must map classes to whole numbers, 0 or more; got {name!r}: {least!r}.")

    def _check_shares(self) -> None:
        given = self.min_share if self.min_share is not None else {}
        rule = (
            f"min_share must map {', '.join(ACTIONS)} to shares of 0 or more that, defaults included, sum to at most 1"
        )
        if not isinstance(given, Mapping) or set(given) - set(ACTIONS) or not all(map(is_number, given.values())):
            raise InputError(f"{rule}; got {self.min_share!r}.")
        if min(self.shares.values()) < 0 or sum(self.shares.values()) > 1:
            raise InputError(f"{rule}; got {self.min_share!r}.")

    @property
    def shares(self) -> dict[str, float]:
        """The least share of every action, defaults included."""
        return {**MIN_SHARE, **(self.min_share or {})}

    @property
    def cost(self) -> dict[str, float]:
        """The cost of one answer for every action, defaults included."""
        return checked_costs(self.costs, ACTIONS)

    def described(self) -> dict[str, Any]:
        """Return the options for JSON.

        Returns
        -------
        dict
            In an order of their own; what was left at None is left out.
        """
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: dict(sorted(v.items())) if isinstance(v, Mapping) else v for name, v in told.items()}

    @classmethod
    @takes(told=kinds.mapped("names of options to values"))
    def from_described(cls, told: Mapping[str, Any]) -> QueueOptions:
        """Return the options that `described` wrote.

        Parameters
        ----------
        told : mapping
            Names to values; others than those of the options are passed over. Earlier versions wrote "control" for
            `audit_share`.

        Returns
        -------
        QueueOptions
        """
        known = {field.name for field in fields(cls)}
        named = {"audit_share" if name == "control" else name: value for name, value in told.items()}
        return cls(**{name: value for name, value in named.items() if name in known})


def renamed_terms(terms: QueueTerms) -> dict[str, Any]:
    """The options with `control`, the former name of `audit_share`, under its new name and a DeprecationWarning."""
    named: dict[str, Any] = dict(terms)
    if "control" in named:
        if "audit_share" in named:
            raise InputError("audit_share and control are the same option; give audit_share alone.")
        # The caller of the public function that was given it.
        warnings.warn("control is called audit_share now.", DeprecationWarning, stacklevel=3)
        named["audit_share"] = named.pop("control")
    unknown = sorted(set(named) - {field.name for field in fields(QueueOptions)})
    if unknown:
        known = ", ".join(field.name for field in fields(QueueOptions))
        raise InputError(f"a queue has no option {unknown[0]!r}; the options are {known}.")
    return named
