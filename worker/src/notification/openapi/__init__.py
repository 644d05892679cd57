"""The OpenAPI document, built from the routes when the bundle is built."""
