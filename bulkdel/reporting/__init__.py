"""What people learn of a run.

    plan       before it: what it would do
    progress   while it runs; state_line: a lane in a line, at any width; pauses, slowdown: lines
               of their own, where a lane stands or has become slow
    metrics    during it, for Prometheus
    explain    after it: why it took as long as it did
    report     after it, for others: a page with the evidence
    words      durations, numbers and shell words, as all of them write these

Not here: printing (`cli`).
"""
