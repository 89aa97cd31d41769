"""The parts that block. `generate.py` makes them from `_async`; only `runtime.py` is written by hand."""
