"""Plans that Daft never ends on Ray are known by their shape. (That it never ends one: cluster/shared/test_cancel.)"""

from __future__ import annotations

from typing import Any

import pytest

from daftnb.engine.queries.endless import never_ends


@pytest.mark.filterwarnings("ignore:DataFrame.into_partitions not supported")
def test_into_partitions_over_a_limit() -> None:
    import daft
    from daft import col

    def into(frame: Any, partitions: int = 6) -> Any:  # the method does nothing on the native runner
        return daft.DataFrame(frame._builder.into_partitions(partitions))

    frame = daft.from_pydict({"a": list(range(10))})
    more = frame.with_column("b", col("a") + 1)
    assert never_ends(into(frame).limit(4)), "the optimiser brings the limit below"
    assert never_ends(into(more.where(col("a") > 3)).limit(4).with_column("c", col("a")))
    assert never_ends(into(frame.limit(4).with_column("b", col("a") + 1).explode(daft.lit([1, 2]))))
    assert never_ends(into(frame.limit(4).concat(frame)))
    assert not never_ends(frame.limit(4)) and not never_ends(into(frame))
    assert not never_ends(into(frame.limit(4).groupby("a").agg(col("a").sum().alias("s")))), (
        "an aggregation runs its input"
    )
    assert not never_ends(into(frame).sort("a").limit(4)), "a sort with a limit is one operator"
