"""What CTAS, INSERT INTO and UNLOAD write: `layout` says in which form, `rows` makes the files, `commit` shows them."""
