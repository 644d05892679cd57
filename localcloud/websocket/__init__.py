"""The framing of RFC 6455, for either end of a WebSocket."""
