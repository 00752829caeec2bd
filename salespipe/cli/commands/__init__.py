"""One file a command: parse, one service call, render. Services are imported inside the function, so that
`--help` loads none of them."""
