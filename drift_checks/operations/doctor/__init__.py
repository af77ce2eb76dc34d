"""The production checklist: what a review needs of its machine, looked at one by one."""
