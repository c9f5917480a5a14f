"""One job on many machines: on Ray, which starts, places and watches; here is what it lacks.

    driver ──parts──> worker: the `Run` of a single machine, its pace lent
              broker: one limit for all ──leases──┘

    plan          how a job is split, fixed in its folder; what a worker has to know, without keys
    messages      what workers and the broker say to one another
    broker        one lane's limit, lent (pure); job_broker: all lanes, budgets, stops (pure)
    leased        a worker's pace, budget and clock, as the broker lends them (pure)
    worker        one part at work
    actors, crew  all that is Ray's
    driver        one command: hands out parts, sums up; lost: what lost workers had done
    library       `delete`

Not here: the logs of a job (`result_log.folder`, `fence`), which part an ID is of (`result_log.split`).
"""

from bulkdel.cluster.library import delete

__all__ = ["delete"]
