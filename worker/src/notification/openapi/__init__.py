"""The OpenAPI document: built from the routes and from what is declared of each handler."""
