"""One module a gated table: what the table's batch must be like, how grave it is, and why the bound stands there."""
