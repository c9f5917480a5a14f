"""The lane and its pace in virtual time, against servers with a limit that they do not tell.

    servers  providers with a limit, as plain state machines
    lane     `bulkdel.engine.lane` as a heap of events: what a pace is measured with
    figures  what is asked of each server, and the misses that are known

The tests of the pace and ``python -m benchmarks pacing`` share them.
"""
