"""What people learn of a run.

    plan       before it: what it would do
    progress   while it runs; slowdown: a lane that has become slow
    explain    after it: why it took as long as it did

Not here: printing (`cli`).
"""
