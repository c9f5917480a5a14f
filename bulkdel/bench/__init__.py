"""What this machine reaches, and what that means for a job.

    server ──answers──> measurements ──> curves: a rate for each concurrency ──> chart

Not here: `bulkdel bench`, which measures and prints (`cli.bench`).
"""
