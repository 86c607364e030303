"""Models of one xclbin, all asked at once: they share one emulated card, and each gives its own bits.

    shared_card_test.py STROBE FOLDER --case MODEL EVENTS EXPECTED [--case ...]

EVENTS and EXPECTED as for tritonclient_test.py.
"""

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import tritonclient.grpc as grpc

from serving import serve
from tritonclient_test import Model


def check(address, case):
    with grpc.InferenceServerClient(address) as client:
        model = Model(client, *case)
        for size in (1, 64, model.rows):
            model.check_batches(size, min(model.rows, 64 * size))
        model.check_many_at_once()
        return f"{model.name}: {model.rows} rows"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("strobe")
    parser.add_argument("folder")
    parser.add_argument("--case", nargs=3, action="append", required=True, metavar=("MODEL", "EVENTS", "EXPECTED"))
    arguments = parser.parse_args()
    with tempfile.TemporaryFile("w+") as log:
        with serve(arguments.strobe, arguments.folder, stderr=log) as address:
            with ThreadPoolExecutor(len(arguments.case)) as pool:
                for line in pool.map(lambda case: check(address, case), arguments.case):
                    print(line)
        log.seek(0)
        opened = [line for line in log if ": device " in line]
    if len(opened) != 1 or "xrt:0" not in opened[0]:
        raise SystemExit(f"expected one emulated card for all models, the service opened: {opened}")
    print(f"{len(arguments.case)} models at once on one card: equal in every bit")


if __name__ == "__main__":
    sys.exit(main())
