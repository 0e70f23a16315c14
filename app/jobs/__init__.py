"""The job row and its life: submit, admit, claim, run, finish, sweep."""
