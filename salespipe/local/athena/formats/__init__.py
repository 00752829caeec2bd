"""How rows are read from files, one module per SerDe family. Each gives `read(files, columns, storage) -> SQL`."""
