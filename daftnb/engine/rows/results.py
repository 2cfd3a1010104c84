"""Finds the rows of a dataframe that has run."""

from __future__ import annotations

from typing import Any

from daftnb.engine.rows.partitions import LocalPartitions, Partitions


def is_collected(dataframe: Any) -> bool:
    """Return True if a dataframe has its result; asking runs nothing."""
    return dataframe._result is not None


def partitions_of(dataframe: Any) -> Partitions:
    """Return the partitions of a collected dataframe. No rows are fetched. Raises PartitionLost."""
    from daft.runners.partitioning import LocalPartitionSet

    result = dataframe._result
    assert result is not None, "it is collected"
    if isinstance(result, LocalPartitionSet):
        return LocalPartitions([value.partition() for value in result.values()])
    from daftnb.engine.rows.raypartitions import RayPartitions  # Ray is imported there

    return RayPartitions(result)


def shown_rows(formatter: Any) -> tuple[Any, LocalPartitions, int | None]:
    """Return the rows that ``df.show()`` displays: a dataframe, their place, and their number in all, if known."""
    import daft

    part = formatter._preview.partition
    frame = daft.DataFrame._from_micropartitions(part)
    return frame, LocalPartitions([part]), formatter._preview.total_rows
