"""What is known of Daft's options beside the autoscaling settings, and of daftnb's own: who reads each, when it acts.

Read in Daft's source (0.7.16 to 0.7.26). What the installed Daft has is asked of itself
(:mod:`daftnb.engine.executionconfig`); an option that is not named here is shown, and said to be not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["switch", "whole number", "text"]

NOT_KNOWN = "not known"
KERNEL, WORKERS, ACTOR = "driver", "workers", "runner actor"
NEXT_QUERY = "next query"
NEW_WORKERS = "new workers"
BEFORE_DAFT = "next kernel: when Daft is first used"
BEFORE_RAY = "when Ray starts"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the environment.

    ``where`` says which process reads it, ``acts`` when a change acts, ``native`` the same on the native runner where
    that differs. ``in_workers``: daftnb gives it to each new worker. ``why_not``: why it cannot be set from a notebook,
    and what to do; empty where it can.
    """

    name: str
    kind: Kind
    default: str
    where: str
    acts: str
    native: str = ""
    least: int = 0
    in_workers: bool = False
    why_not: tuple[str, str] | None = None

    @property
    def when(self) -> str:
        """Return when a change acts, on either runner."""
        return f"{self.acts}; native runner: {self.native}" if self.native else self.acts

    def is_understood(self, text: str) -> bool:
        """Return False for a text that Daft ignores without a word, as its parsers have it; the default holds then."""
        match self.kind:
            case "whole number":
                return text.isascii() and text.removeprefix("+").isdigit()
            case "switch":
                return text.strip().lower() in ("1", "true", "0", "false")
            case _:
                return True


_TOO_LATE = "Daft reads it once, when it is first used, and that was before"


def _planning(name: str) -> Variable:
    why_not = (_TOO_LATE, f"Try export {name}=1 before Jupyter starts, or os.environ before Daft is imported")
    return Variable(name, "switch", "0", KERNEL, BEFORE_DAFT, why_not=why_not)


VARIABLES = {
    each.name: each
    for each in (
        # resource_manager.rs: once in a process, at its first task. A UDF's memory_bytes fit in there, or it waits.
        Variable(
            "DAFT_MEMORY_LIMIT",
            "whole number",
            "the machine's memory",
            WORKERS,
            NEW_WORKERS,
            "the kernel's first query",
            in_workers=True,
        ),
        # async_udf.rs: looked up while an async function without a concurrency of its own runs.
        Variable(
            "DAFT_MAX_ASYNC_UDF_INFLIGHT_TASKS",
            "whole number",
            "64",
            WORKERS,
            NEW_WORKERS,
            NEXT_QUERY,
            least=1,
            in_workers=True,
        ),
        # s3_like.rs: when a client of S3 is made from the environment; clients are kept.
        Variable(
            "DAFT_S3_RETRY_ERROR_MSGS",
            "text",
            "none",
            WORKERS,
            NEW_WORKERS,
            "before S3 is first read",
            in_workers=True,
        ),
        # runtime_stats/mod.rs: as each plan starts.
        Variable(
            "DAFT_PROCESS_MONITOR_ENABLED",
            "switch",
            "0",
            WORKERS,
            NEW_WORKERS,
            NEXT_QUERY,
            in_workers=True,
        ),
        # worker_manager.rs
        Variable("DAFT_AUTOSCALING_PENDING_RELEASE_EXCLUDE_SECONDS", "whole number", "120", ACTOR, NEXT_QUERY),
        # daftnb's own: it is what gets the results (engine/queries/batches.py).
        Variable("DAFTNB_RESULTS_IN_BATCHES", "switch", "1", KERNEL, NEXT_QUERY),
        Variable(
            "AUTOSCALER_UPDATE_INTERVAL_S",
            "whole number",
            "5",
            ACTOR,
            BEFORE_RAY,
            why_not=(
                "Daft reads it in a process that Ray starts",
                "Try export AUTOSCALER_UPDATE_INTERVAL_S=1 before Ray starts there",
            ),
        ),
        _planning("DAFT_DEV_DISABLE_JOIN_REORDERING"),
        _planning("DAFT_DEV_ENABLE_DP_CCP_JOIN_ORDERING"),
        _planning("DAFT_DEV_ENABLE_STRICT_FILTER_PUSHDOWN"),
    )
}

# Variables that are a field's value at the start (common/daft-config): the field can be set at any time.
INITIAL = {
    "shuffle_algorithm": "DAFT_SHUFFLE_ALGORITHM",
    "scantask_max_parallel": "DAFT_SCANTASK_MAX_PARALLEL",
    "native_parquet_writer": "DAFT_NATIVE_PARQUET_WRITER",
    "min_cpu_per_task": "DAFT_MIN_CPU_PER_TASK",
    "actor_udf_ready_timeout": "DAFT_ACTOR_UDF_READY_TIMEOUT",
    "maintain_order": "DAFT_MAINTAIN_ORDER",
    "parquet_inflation_factor": "DAFT_PARQUET_INFLATION_FACTOR",
    "csv_inflation_factor": "DAFT_CSV_INFLATION_FACTOR",
    "json_inflation_factor": "DAFT_JSON_INFLATION_FACTOR",
    "text_inflation_factor": "DAFT_TEXT_INFLATION_FACTOR",
}

# Others, shown where they are set: who reads them, and when.
OTHERS = {
    "DAFT_RUNNER": (KERNEL, BEFORE_DAFT),
    "DAFT_RAY_WORKER_STARTUP_TIMEOUT": (KERNEL, BEFORE_DAFT),
    "DAFT_PROGRESS_BAR": (KERNEL, NEXT_QUERY),
    "DAFT_SHOW_FORMAT": (KERNEL, "next display"),
    "DAFT_SHOW_ALIGN": (KERNEL, "next display"),
    "DAFT_SHOW_MAX_WIDTH": (KERNEL, "next display"),
    "DAFT_SHOW_VERBOSE": (KERNEL, "next display"),
    "DAFT_BOLD_TABLE_HEADERS": (KERNEL, "next display"),
    "DAFT_TRACE": ("each process of its own", "when the process starts"),
    "DAFT_TRACE_FORMAT": ("each process of its own", "when the process starts"),
}

# Fields go from the driver with each plan, to where they are read on Ray; on the native runner that is the driver.
FIELDS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        (
            "enable_scan_task_split_and_merge",
            "scan_tasks_min_size_bytes",
            "scan_tasks_max_size_bytes",
            "max_sources_per_scan_task",
            "parquet_split_row_groups_max_files",
            "hash_join_partition_size_leniency",
            "sample_size_for_sort",
            "shuffle_aggregation_default_partitions",
            "shuffle_algorithm",
            "pre_shuffle_merge_threshold",
            "pre_shuffle_merge_partition_threshold",
            "actor_udf_ready_timeout",
            "flight_shuffle_dirs",
            "flight_shuffle_compression",
            "enable_multi_glob_path_tasks",
        ),
        (ACTOR, NEXT_QUERY),
    ),
    **dict.fromkeys(
        (
            "parquet_target_filesize",
            "parquet_target_row_group_size",
            "csv_target_filesize",
            "json_target_filesize",
            "partial_aggregation_threshold",
            "high_cardinality_aggregation_threshold",
            "default_morsel_size",
            "scantask_max_parallel",
            "native_parquet_writer",
            "enable_dynamic_batching",
            "dynamic_batching_strategy",
        ),
        (WORKERS, NEXT_QUERY),
    ),
    **dict.fromkeys(
        ("parquet_inflation_factor", "csv_inflation_factor", "json_inflation_factor", "text_inflation_factor"),
        (f"{KERNEL}, {ACTOR}, {WORKERS}", NEXT_QUERY),
    ),
    "broadcast_join_size_bytes_threshold": (f"{ACTOR}, {WORKERS}", NEXT_QUERY),
    "maintain_order": (f"{ACTOR}, {WORKERS}", NEXT_QUERY),
    "num_preview_rows": (KERNEL, "next display"),
    "read_sql_partition_size_bytes": (KERNEL, "next read_sql"),
    "min_cpu_per_task": (KERNEL, "never: Daft's new scheduler does not use it"),
}
