"""What is checked: one file a criterion.

A criterion is a test module that is marked with `pytestmark = pytest.mark.drift_criterion(question=...)`. The
attributes of drift_checks.core.outcomes.Criterion, but the name, are the mark's arguments; the name is the file's.
A test that takes the fixture `record` is run for each record of the sample; an assertion that fails
is that record's failure, a skip leaves it unmeasured.
"""
