"""A service that few file descriptors are left for: it raises its limit, or says that it has too few; a storm of more
connections than the first limit allowed does not end it."""

import contextlib
import resource
import socket
import subprocess
import sys

from serving import serve


def limited(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def main(strobe, models):
    refused = subprocess.run([strobe, "serve", models, "--grpc", "127.0.0.1:0"], preexec_fn=limited(64, 64),
                             capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1 and "limit of open files is 64" in refused.stderr, refused

    with serve(strobe, models, preexec_fn=limited(64, 1024)) as address:
        host, port = address.split(":")
        with contextlib.ExitStack() as storm:
            for _ in range(200):
                storm.enter_context(socket.create_connection((host, int(port)), timeout=10))
            ask(address)
        ask(address)
    print("200 connections at a first limit of 64 open files: served during and after")


def ask(address):
    import tritonclient.grpc as grpc

    with grpc.InferenceServerClient(address) as client:
        assert client.is_model_ready("jets", client_timeout=20)


if __name__ == "__main__":
    main(*sys.argv[1:])
