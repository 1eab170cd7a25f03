"""A chat model that misbehaves in every way we could think of, and what becomes of the runs that it plans."""
