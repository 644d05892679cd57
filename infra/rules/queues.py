"""Rules for queues."""

from collections.abc import Iterator

from infra.rules.declaration import Breach, Stack


def every_consumer_has_a_dead_letter_queue(stack: Stack) -> Iterator[Breach]:
    """Refuse a consumer whose given-up messages land nowhere.

    The consumer of the queue that others' dead letters go to is the end of the line, and has none.
    """
    consumers = stack.of_type("QueueConsumer")
    if len(consumers) > 1 and not any(c.properties.get("dead_letter_queue") for c in consumers):
        yield Breach("consumers", "none has a dead-letter queue. Name one queue for the others'.")
        return
    ends = [c for c in consumers if not c.properties.get("dead_letter_queue")]
    for consumer in ends[1:]:
        yield Breach(
            consumer.name,
            f"it has no dead-letter queue, and {ends[0].name} is the end of the line already: its "
            "given-up messages would be lost. Set deadLetterQueue.",
        )
