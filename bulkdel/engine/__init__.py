"""One run: sources in, lanes at work, results out.

    run        opens everything, starts everything, ends everything
    edge       where a run touches the world; tests put fakes there
    inputs     sources of a run ──> feeder ──> queue, spill   IDs to the lanes; sample keeps some to the last
    lane       one account at work, decided; retry_queue has the IDs between two attempts
    settling   what an answer leads to; transients after a server error, with suspects, which may
               have met an outage; accused has the ID that may fail alone
    inquiry    what is asked in doubt: comparison of unknown words, look for objects
    runner     the same, acted on: it sends and waits; gate keeps --rate where requests are written
    recorder   ends an ID ──> sink   the log, then the caller
    steering   what a user orders while it runs: pause, rate, concurrency, stop
    resume     what a run takes over from logs
    snapshot   how a lane goes, as a value: bottleneck says where its time went
    telemetry  snapshots for the log
    aging      what of a source is kept for its age, by what its IDs say
    listing    all objects of a lane, page by page; choice: by age and fields
    verify     whether what a log calls gone is gone
    asking     how both of them ask: under a pace, again where it helps

Not here: what an answer means (`providers`), how fast (`pacing`), when to stop (`guards`),
how bytes travel (`transport`), how lines are kept (`result_log`).
"""
