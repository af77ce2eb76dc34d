"""The criteria, one file each.

A criterion is a test module with the mark `pytestmark = pytest.mark.drift_criterion(question=...)`. The mark's
arguments are the attributes of drift_checks.core.outcomes.Criterion; the name comes from the file. A test with the
fixture `record` runs for each record of the sample: a failed assertion is that record's failure, a skip leaves it
unmeasured.
"""
