"""How fast, how small and how soon again: bulkdel next to what one would use instead.

    python -m benchmarks throughput     DELETE/s and CPU per ID, client by client, over HTTP
    python -m benchmarks tls            the same over HTTPS
    python -m benchmarks latency        rate by concurrency and latency
    python -m benchmarks resume         time to the first DELETE by size of the log
    python -m benchmarks memory         memory over time
    python -m benchmarks pacing         the provider's limit: how much of it is used

    nginx    the server: one worker, a fixed answer, a log of every ID that arrived
    peers    the other clients, one small script each in `peers/`
    measure  one process: wall time, CPU, memory; medians over paired runs
    report   JSON and Markdown;  plots  SVG

What holds here, always:

1. Every ID sent is another one, and the server's own log is counted after each run: a run
   that lost or repeated an ID ends the benchmark with an error.
2. Clients run in turn, round by round, so that a busy minute of the machine hits all.
3. Everything stays on loopback and is bounded in count and time. Temporary folders are
   removed, and no process is ended that was not started here.

Linux only: memory is read from ``/proc``. Plots need the extra ``bench``.
"""
