"""The checks of arguments that every public function uses: names, kinds, shapes and ranges.

Each returns the argument as the type that it promises, or raises `InputError`: the name, the rule, what arrived, what
to do. Nothing here knows a stage.
"""

from __future__ import annotations

from dqkit.checks.arrays import as_array, as_labels, as_positions, finite_rows, numbers, truth_values, whole_numbers
from dqkit.checks.column_order import ColumnOrder, SwappedColumns, check_column_order, column_order
from dqkit.checks.kinds import bounded_text, takes
from dqkit.checks.probabilities import as_probabilities, check_probabilities, rows_in_order
from dqkit.checks.scalars import (
    class_name,
    distinct_names,
    instance,
    is_iterable,
    is_number,
    mapping,
    number,
    one_of,
    plain_list,
    seed_number,
    shown,
    whole_number,
)

__all__ = [
    "ColumnOrder",
    "SwappedColumns",
    "as_array",
    "as_labels",
    "as_positions",
    "as_probabilities",
    "bounded_text",
    "check_column_order",
    "check_probabilities",
    "class_name",
    "column_order",
    "distinct_names",
    "finite_rows",
    "instance",
    "is_iterable",
    "is_number",
    "mapping",
    "number",
    "numbers",
    "one_of",
    "plain_list",
    "rows_in_order",
    "seed_number",
    "shown",
    "takes",
    "truth_values",
    "whole_number",
    "whole_numbers",
]
