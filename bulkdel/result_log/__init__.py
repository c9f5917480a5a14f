"""The evidence: one JSON object a line, append only.

    write:  encode ──line──> writer ──groups──> file, behind lock; rescue, if it was disturbed
    read:   blocks ──bytes──> decode ──lines──> reader ──> index (a digest_set): which IDs are done; queries;
            failures: why; timeline: when, and how fast
    glance: both ends of it
    folder: a job's logs that count as one; fence: one writer of each; split: which part an ID is of
    seal:   a chain of SHA-256 over the lines, and its check

Not here: when an ID has ended (`engine`), what people are told of it (`reporting`).
"""
