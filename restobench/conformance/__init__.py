"""What restobench promises of every method, measured on one: `restobench methods check`.

In-tree methods and third parties' pass the same test. Knows methods, knows no metric and
no data set.
"""

from restobench.conformance.check import check_method
from restobench.conformance.record import describe_record, known_record
from restobench.conformance.report import Finding, Report

__all__ = ["Finding", "Report", "check_method", "describe_record", "known_record"]
