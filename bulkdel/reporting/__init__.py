"""What people learn of a run.

    plan       before it: what it would do
    progress   while it runs
    explain    after it: why it took as long as it did

Not here: printing (`cli`).
"""
