"""Steer a running job from another terminal: a socket beside its log that only its owner may open.

    wire      where the socket is, and what is said on it: one JSON line each way
    server    in the run: reads orders, answers
    client    in `bulkdel control`: asks

Not here: what an order does (`engine.steering`), words for people (`cli`).
"""
