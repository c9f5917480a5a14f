"""The evidence: one JSON object a line, append only.

    write:  encode ──line──> writer ──groups──> file, behind lock; rescue, if it was disturbed
    read:   blocks ──bytes──> decode ──lines──> reader ──> index (a digest_set): which IDs are done; queries

Not here: when an ID has ended (`engine`), what people are told of it (`reporting`).
"""
