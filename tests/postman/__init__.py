"""Holds the Postman collection and the server together."""
