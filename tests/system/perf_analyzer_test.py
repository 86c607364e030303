#!/usr/bin/env python3
"""Loads a served model with perf_analyzer, the load tester of Triton's users.

    perf_analyzer_test.py STROBE FOLDER MODEL [--cache DIR] [--serve-arguments ...]

The program comes out of the tritonclient 2.51.0 wheel (later ones want a newer glibc or lack it) and runs with
libb64.so.0d (Debian: libb64-0d) and the CUDA runtime library of the wheel nvidia-cuda-runtime-cu12 (no GPU needed). Both
wheels are fetched once, by pip, into the cache.
Needs: pip install 'tritonclient[grpc]==2.73.*'
"""

import argparse
import os
import pathlib
import stat
import subprocess
import sys
import zipfile

from serving import serve

WHEELS = ("tritonclient==2.51.0", "nvidia-cuda-runtime-cu12")


def fetch(cache):
    """Unpacks perf_analyzer and its CUDA library below `cache`; returns the program and the library folder."""
    program = cache / "tritonclient-2.51.0.data/data/bin/perf_analyzer"
    library = cache / "nvidia/cuda_runtime/lib"
    if not program.exists() or not library.exists():
        wheels = cache / "wheels"
        download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels)]
        subprocess.run([*download, *WHEELS], check=True)
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(cache)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program, library


def run(program, library, address, model, extra):
    """One run of perf_analyzer. Its exit status 2 (not stable on a busy machine) is no failure of the server."""
    command = [str(program), "-m", model, "-i", "grpc", "-u", address, "-a", *extra]
    environment = dict(os.environ, LD_LIBRARY_PATH=f"{library}:{os.environ.get('LD_LIBRARY_PATH', '')}")
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    print(f"perf_analyzer {' '.join(extra)}: exit {result.returncode}")
    lines = [line for line in result.stdout.splitlines() if line.startswith("Concurrency:") or "throughput" in line]
    print("\n".join("  " + line.strip() for line in lines))
    if result.returncode not in (0, 2) or not lines:
        words = (result.stdout + result.stderr).split("Usage:")[0].strip()
        raise SystemExit(f"perf_analyzer failed:\n{words}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("strobe")
    parser.add_argument("folder")
    parser.add_argument("model")
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache/strobe/perf_analyzer")
    parser.add_argument("--serve-arguments", nargs=argparse.REMAINDER, default=[])
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    program, library = fetch(arguments.cache)
    with serve(arguments.strobe, arguments.folder, arguments=arguments.serve_arguments) as address:
        for batch, outstanding in ((1, 1), (1, 64), (64, 8)):
            run(program, library, address, arguments.model,
                ["-b", str(batch), "--concurrency-range", str(outstanding), "--request-count", "2000"])
        # Windows: between them it reads ModelStatistics, whose counts must grow.
        run(program, library, address, arguments.model,
            ["-b", "1", "--concurrency-range", "1:64:63", "-p", "500", "-s", "50", "-r", "4"])


if __name__ == "__main__":
    sys.exit(main())
