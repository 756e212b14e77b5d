"""A server of gRPC on port 50051: texts come back with the client's port, one by one (Say) or in a stream (Talk)."""

from concurrent.futures import ThreadPoolExecutor

import grpc


def port(context):
    return b" from " + context.peer().rsplit(":", 1)[1].encode()


def say(request, context):
    return request + port(context)


def talk(requests, context):
    for request in requests:
        yield request + port(context)


methods = {
    "Say": grpc.unary_unary_rpc_method_handler(say),
    "Delete": grpc.unary_unary_rpc_method_handler(say),
    "Talk": grpc.stream_stream_rpc_method_handler(talk),
}
server = grpc.server(ThreadPoolExecutor(4))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Orders", methods)])
assert server.add_insecure_port("[::]:50051") == 50051
server.start()
server.wait_for_termination()
