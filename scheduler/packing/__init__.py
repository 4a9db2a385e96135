"""Which task goes into which container: one pure function a module, and the check that a plan holds.

In here: algorithms from a topology, or an older plan, to a `PackingPlan`.
Not in here: where containers run, whether they do, anything random.
"""
