"""kafka-python: what it may produce, what it sees of topics, and what it does about a fetch that is denied."""

import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, TopicAuthorizationFailedError

broker = {"bootstrap_servers": sys.argv[1]}
producer = KafkaProducer(**broker)
print("kept at", producer.send("audit", b"tea").get(timeout=20).offset)
try:
    producer.send("payments", b"tea").get(timeout=20)
    print("produced to payments")
except KafkaError as error:
    print("payments:", type(error).__name__)
producer.close()

consumer = KafkaConsumer(**broker, auto_offset_reset="earliest", fetch_max_wait_ms=500)
print("topics:", *sorted(consumer.topics()))
audit = TopicPartition("audit", 0)
consumer.assign([audit])


def poll(what):
    """Polls again and again, whatever it is told: at least once, for 3 s."""
    began, denials, records = time.monotonic(), 0, 0
    while denials == 0 or time.monotonic() - began < 3:
        try:
            records += sum(map(len, consumer.poll(timeout_ms=500).values()))
        except TopicAuthorizationFailedError:
            denials += 1
    print(what, "records:", records)
    print(what, "denied", "now and then" if denials <= 40 else f"{denials} times in 3 s")


# Where to begin is asked for first, of the topic's offsets.
poll("offsets")
consumer.seek(audit, 0)
poll("fetch")
consumer.close()
