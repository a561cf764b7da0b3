"""The analyst's screen: a Datasette plugin with its templates and static files. Reads and writes through `store`."""
