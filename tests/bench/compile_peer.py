#!/usr/bin/env python3
"""Prints how long hls4ml takes from a Keras network in memory to its compiled C simulation: the 16-64-32-32-5 network of
emulator_peers.py, converted and compiled as hls4ml's documentation shows, without the time to load Python and Keras.

Install with: pip install --requirement tests/bench/requirements.txt
"""
import contextlib
import io
import tempfile
import time

from emulator_peers import hls4ml_network


def main():
    best = float("inf")
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            start = time.perf_counter()
            hls4ml_network(folder).compile()
            best = min(best, time.perf_counter() - start)
    print(f"{1000 * best:.0f} ms: hls4ml, convert and compile, 16-64-32-32-5 (best of 3)")


if __name__ == "__main__":
    main()
