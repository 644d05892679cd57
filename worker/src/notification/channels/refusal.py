"""What a channel says to a configuration or message that it can't work with."""


class ChannelRefusal(Exception):
    """Repeating won't help. `code` is one of the contract's codes, `text` is for the caller."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
