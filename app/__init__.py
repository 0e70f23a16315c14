"""Ringback: slow work for signed-in users, and a ring in the browser when it is done."""
