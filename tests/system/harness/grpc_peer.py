"""A gRPC server and a client of it, with Debian's python3-grpcio and no generated code: messages are bytes.

    grpc_peer.py serve        prints its port, then "cancelled" for each call of Sleep that its client gave up
    grpc_peer.py call PORT    makes one call of each kind; prints a JSON object with what came back
"""
import concurrent.futures
import json
import sys
import threading
import time

import grpc

SERVICE = "meridian.Test"


def unary(request, context):
    sent = dict(context.invocation_metadata())
    context.set_trailing_metadata((("x-trailing", sent.get("x-sent", "")),))
    return request.upper()


def fail(_, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "nothing by that name")


def count(request, _):
    for number in range(int(request)):
        yield b"%d" % number


def total(requests, _):
    return b"%d" % sum(len(request) for request in requests)


def chat(requests, _):
    for request in requests:
        yield request[::-1]


def sleep(_, context):
    over = threading.Event()
    context.add_callback(over.set)
    over.wait(30)
    print("cancelled", flush=True)
    return b""


def check(request, context):
    """grpc.health.v1: the server and `up` serve, `down` does not, others are not known."""
    service = request[2:].decode()
    if service not in ("", "up", "down"):
        context.abort(grpc.StatusCode.NOT_FOUND, "nothing by that name")
    return b"\x08\x02" if service == "down" else b"\x08\x01"


class Methods(grpc.GenericRpcHandler):
    def service(self, handler_call_details):
        return {
            "Unary": grpc.unary_unary_rpc_method_handler(unary),
            "Check": grpc.unary_unary_rpc_method_handler(check),
            "Fail": grpc.unary_unary_rpc_method_handler(fail),
            "Sleep": grpc.unary_unary_rpc_method_handler(sleep),
            "Count": grpc.unary_stream_rpc_method_handler(count),
            "Total": grpc.stream_unary_rpc_method_handler(total),
            "Chat": grpc.stream_stream_rpc_method_handler(chat),
        }.get(handler_call_details.method.rsplit("/", 1)[1])


def serve():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((Methods(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def call(port):
    said = {}
    with grpc.insecure_channel("127.0.0.1:%s" % port) as channel:
        path = "/%s/" % SERVICE
        reply, done = channel.unary_unary(path + "Unary").with_call(b"hello", metadata=(("x-sent", "kept"),), timeout=10)
        said["unary"] = [reply.decode(), dict(done.trailing_metadata())["x-trailing"]]
        said["large"] = len(channel.unary_unary(path + "Unary")(b"x" * 3_000_000, timeout=20))
        said["count"] = len(list(channel.unary_stream(path + "Count")(b"1000", timeout=20)))
        said["total"] = channel.stream_unary(path + "Total")(iter([b"x" * 1000] * 500), timeout=20).decode()
        said["chat"] = talk(channel.stream_stream(path + "Chat"))
        for name, wait in (("Fail", 10), ("Sleep", 0.5), ("Absent", 10)):
            began = time.monotonic()
            try:
                channel.unary_unary(path + name)(b"", timeout=wait)
            except grpc.RpcError as error:
                said[name] = [error.code().name, error.details()]
            said[name + " in time"] = time.monotonic() - began < 5
    print(json.dumps(said))


def talk(method):
    """One message after the other, each sent only when the last was answered."""
    answered = threading.Semaphore(1)

    def words():
        for word in (b"abc", b"def", b"ghi"):
            answered.acquire(timeout=10)
            yield word

    heard = []
    for reply in method(words(), timeout=20):
        heard.append(reply.decode())
        answered.release()
    return heard


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        call(sys.argv[2])
