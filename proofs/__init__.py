"""The proofs of the first promise: every change of the outside world happens exactly once, whatever is killed and whenever.

``python -m proofs crash | chaos | faults | dispatch``. Production code holds no switch for any of this: processes under
proof are instrumented from outside, after they were forked.
"""
