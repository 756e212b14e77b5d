"""Calls of gRPC on one connection: a call that is denied while a stream is open, which goes on."""

import queue
import sys

import grpc

channel = grpc.insecure_channel(sys.argv[1])
texts = queue.Queue()
talk = channel.stream_stream("/shop.Orders/Talk")(iter(texts.get, None), timeout=30)
texts.put(b"one")
first = next(talk)
said = channel.unary_unary("/shop.Orders/Say")(b"tea", timeout=10)
print("said", said.split()[0].decode())
for method in ["/shop.Orders/Delete", "/shop.Orders/delete", "/shop.Other/Say"]:
    try:
        channel.unary_unary(method)(b"tea", timeout=10)
        print(method, "answered")
    except grpc.RpcError as error:
        print(method, error.code().name)
texts.put(b"two")
second = next(talk)
texts.put(None)
print("streamed", first.split()[0].decode(), second.split()[0].decode(), "then", list(talk), talk.code().name)
ports = {answer.split()[-1] for answer in (first, said, second)}
print("connections", len(ports))
