"""The parts that wait. `generate.py` makes `_sync` from them, so that both clients do the same."""
