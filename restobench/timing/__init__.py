"""How long methods take, by the protocol `timing-v1`: two scenarios, fresh processes, rounds in turn.

`clock`, `measure` and `figures` know nothing of methods and take a clock that is handed in;
`child` is one measurement in a process of its own, `rows` decides which are made and in what
order, `record` keeps what came of them and `table` puts it beside what papers print.
"""
