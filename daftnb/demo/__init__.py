"""The demo: makes TPC-H data, and runs the demo's notebook without a browser."""

from daftnb.demo.tpch import check_q1, check_q3, check_q6, job_server, tpch_tables

__all__ = ["check_q1", "check_q3", "check_q6", "job_server", "tpch_tables"]
