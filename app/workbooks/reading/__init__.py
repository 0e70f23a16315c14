"""Reading files that strangers sent: `tables` opens them, `cells` says what a cell may hold."""
