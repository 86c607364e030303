"""A new version of a forest is served by the running service; a damaged one is not, and the old one goes on.

    new_forest_test.py STROBE FOLDER EVENTS EXPECTED NEW_FOREST NEW_EXPECTED

FOLDER holds model "a", which gives EXPECTED; its further versions come out of NEW_FOREST.
"""

import os
import sys
import tempfile
import time

import numpy as np
import tritonclient.grpc as grpc

from serving import serve


def scores(client, events, version=""):
    tensor = grpc.InferInput("input", list(events.shape), "FP32")
    tensor.set_data_from_numpy(events)
    return client.infer("a", [tensor], model_version=version).as_numpy("forest")


def put(folder, version, content):
    """Appears whole: the folder is renamed into its place."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as temporary:
        os.mkdir(os.path.join(temporary, version))
        with open(os.path.join(temporary, version, "model.sfi"), "wb") as file:
            file.write(content)
        os.rename(os.path.join(temporary, version), os.path.join(folder, "a", version))


def wait(what, seconds=60):
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            raise SystemExit(f"nothing after {seconds} s")
        time.sleep(0.05)


def main():
    strobe, folder, events, expected, new_forest, new_expected = sys.argv[1:]
    events = np.load(events)[:500]
    old, new = np.load(expected)[:500].astype(np.float32), np.load(new_expected)[:500].astype(np.float32)
    if np.array_equal(old, new):
        raise SystemExit("the two forests give the same scores: nothing to tell them apart by")
    with open(new_forest, "rb") as file:
        forest = file.read()
    with tempfile.NamedTemporaryFile("w+") as log:
        with serve(strobe, folder, arguments=["--poll", "1"], stderr=log) as address:
            with grpc.InferenceServerClient(address) as client:
                np.testing.assert_array_equal(scores(client, events), old)
                damaged = bytearray(forest)
                damaged[len(damaged) // 2] ^= 1
                put(folder, "2", damaged)

                def said():
                    np.testing.assert_array_equal(scores(client, events), old)
                    return "version 2 is not served" in open(log.name).read()

                wait(said)
                np.testing.assert_array_equal(scores(client, events), old)
                put(folder, "3", forest)

                def changed():
                    found = scores(client, events)
                    if not np.array_equal(found, old):
                        np.testing.assert_array_equal(found, new)
                        return True
                    return False

                wait(changed)
                np.testing.assert_array_equal(scores(client, events, "1"), old)
        lines = open(log.name).read().splitlines()
    opened = [line for line in lines if ": device " in line]
    if len(opened) != 1 or "xrt:0" not in opened[0]:
        raise SystemExit(f"expected one emulated card for all versions, the service opened: {opened}")
    if "hash" not in "".join(line for line in lines if "version 2 is not served" in line):
        raise SystemExit(f"no reason given for the damaged forest: {lines}")
    print("a new forest was served without another xclbin, a damaged one refused: equal in every bit")


if __name__ == "__main__":
    sys.exit(main())
