"""What was asked, what came of it, and what shows it: a page out of logs alone.

    gather     logs ──> Report (`facts`): with runs, what is left, evidence, the axis of time
    document   Report ──> sections: words, tables, charts
    html       sections ──> one page: markup, charts, style;  markdown: the same as text

Not here: reading a log (`result_log`), writing the file (`cli`).
"""
