"""Starts `strobe serve` for a test, and ends it as a service manager would."""

import contextlib
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serve(strobe, folder, seconds=60, arguments=(), **options):
    """Yields the address of a ready server. Fails where it does not get ready, or does not end cleanly on SIGTERM.
    `options` are Popen's."""
    import tritonclient.grpc as grpc

    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen([strobe, "serve", folder, "--grpc", address, *arguments], **options)
    try:
        until = time.monotonic() + seconds
        while True:
            if process.poll() is not None:
                raise SystemExit(f"{strobe} serve ended with {process.returncode} before it was ready")
            try:
                with grpc.InferenceServerClient(address) as client:
                    if client.is_server_ready():
                        break
            except grpc.InferenceServerException:
                pass
            if time.monotonic() > until:
                raise SystemExit(f"{strobe} serve is not ready after {seconds} s")
            time.sleep(0.05)
        yield address
        process.send_signal(signal.SIGTERM)
        if process.wait(30) != 0:
            raise SystemExit(f"{strobe} serve ended with {process.returncode} after SIGTERM")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
