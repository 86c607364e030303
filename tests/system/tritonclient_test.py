#!/usr/bin/env python3
"""Asks a served model for scores with PyPI's tritonclient, as any user would, and compares every bit.

    tritonclient_test.py STROBE FOLDER --case MODEL EVENTS EXPECTED [--case ...] [--serve-arguments ...]

EVENTS: .npy of the only input (rows first), or .npz by tensor name: numbers for an FP32 or FP64 tensor, raw integers for
an integer one. EXPECTED: .npy of the only output, or .npz by name, compared as the tensor's own data type.
Needs: pip install 'tritonclient[grpc]==2.73.*' numpy
"""

import argparse
import queue
import sys

import numpy as np
import tritonclient.grpc as grpc
from tritonclient.utils import triton_to_np_dtype

from serving import serve


def load(path, names):
    data = np.load(path)
    if isinstance(data, np.ndarray):
        if len(names) != 1:
            raise SystemExit(f"{path}: one array, but the model has the tensors {', '.join(names)}: use .npz")
        return {names[0]: data}
    missing = [name for name in names if name not in data]
    if missing:
        raise SystemExit(f"{path}: has no array {', '.join(missing)}")
    return {name: data[name] for name in names}


class Model:
    def __init__(self, client, name, events_path, expected_path):
        self.client, self.name = client, name
        metadata = client.get_model_metadata(name)
        self.inputs, self.outputs = list(metadata.inputs), list(metadata.outputs)
        self.batched = client.get_model_config(name).config.max_batch_size > 0
        events = load(events_path, [t.name for t in self.inputs])
        expected = load(expected_path, [t.name for t in self.outputs])
        self.events = {t.name: self.as_tensor(events[t.name], t) for t in self.inputs}
        self.expected = {t.name: self.as_tensor(expected[t.name], t) for t in self.outputs}
        self.rows = len(next(iter(self.events.values())))

    @staticmethod
    def as_tensor(array, tensor):
        shaped = array.reshape([len(array)] + list(tensor.shape[1:]))
        return np.ascontiguousarray(shaped.astype(triton_to_np_dtype(tensor.datatype)))

    def request(self, begin, end):
        inputs = []
        for tensor in self.inputs:
            rows = self.events[tensor.name][begin:end]
            inputs.append(grpc.InferInput(tensor.name, list(rows.shape), tensor.datatype))
            inputs[-1].set_data_from_numpy(rows)
        return inputs

    def compare(self, result, begin, end):
        for tensor in self.outputs:
            answer, expected = result.as_numpy(tensor.name), self.expected[tensor.name][begin:end]
            if answer.dtype != expected.dtype or answer.shape != expected.shape:
                raise SystemExit(f"{self.name}: '{tensor.name}' is {answer.dtype}{answer.shape}, "
                                 f"expected {expected.dtype}{expected.shape}")
            if answer.tobytes() != expected.tobytes():
                row = begin + int(np.flatnonzero((answer != expected).reshape(len(answer), -1).any(axis=1))[0])
                raise SystemExit(f"{self.name}: '{tensor.name}' differs first in row {row}: "
                                 f"{answer[row - begin]}, expected {expected[row - begin]}")

    def check_batches(self, size, most_rows):
        for begin in range(0, min(self.rows, most_rows), size):
            end = min(begin + size, self.rows)
            self.compare(self.client.infer(self.name, self.request(begin, end), request_id=str(begin)), begin, end)

    def check_many_at_once(self, outstanding=64):
        answers = queue.Queue()
        begins = list(range(0, self.rows))[:1024]
        for started, begin in enumerate(begins):
            if started >= outstanding:
                self.take(answers)
            self.client.async_infer(self.name, self.request(begin, begin + 1),
                                    callback=lambda result, error, begin=begin: answers.put((begin, result, error)))
        for _ in range(min(outstanding, len(begins))):
            self.take(answers)

    def take(self, answers):
        begin, result, error = answers.get(timeout=60)
        if error is not None:
            raise SystemExit(f"{self.name}: row {begin}: {error}")
        self.compare(result, begin, begin + 1)


def check_refusals(client, model):
    def refused(words, call):
        try:
            call()
        except grpc.InferenceServerException as error:
            if words not in str(error):
                raise SystemExit(f"expected an error with '{words}', got '{error}'")
            return
        raise SystemExit(f"expected an error with '{words}', got an answer")

    refused("Request for unknown model: 'nobody' is not found", lambda: client.infer("nobody", model.request(0, 1)))
    wrong = model.request(0, 1)
    shape = list(wrong[0].shape())
    wrong[0].set_shape(shape[:-1] + [shape[-1] + 1])
    refused("unexpected shape for input", lambda: client.infer(model.name, wrong))
    refused("unexpected inference output 'nothing'",
            lambda: client.infer(model.name, model.request(0, 1), outputs=[grpc.InferRequestedOutput("nothing")]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("strobe")
    parser.add_argument("folder")
    parser.add_argument("--case", nargs=3, action="append", required=True, metavar=("MODEL", "EVENTS", "EXPECTED"))
    parser.add_argument("--serve-arguments", nargs=argparse.REMAINDER, default=[])
    arguments = parser.parse_args()
    with serve(arguments.strobe, arguments.folder, arguments=arguments.serve_arguments) as address:
        client = grpc.InferenceServerClient(address)
        if not client.is_server_live() or client.get_server_metadata().name != "strobe":
            raise SystemExit("the server is not live, or not strobe")
        for name, events, expected in arguments.case:
            if not client.is_model_ready(name):
                raise SystemExit(f"{name}: not ready")
            model = Model(client, name, events, expected)
            if not model.batched:
                raise SystemExit(f"{name}: max_batch_size is 0, this test sends batches")
            model.check_batches(1, 64)
            for size in (2, 7, 64, 1000, model.rows):
                model.check_batches(size, model.rows)
            model.check_many_at_once()
            check_refusals(client, model)
            kinds = "/".join(sorted({t.datatype for t in model.inputs}))
            print(f"{name}: {model.rows} rows of {kinds}, one by one, in batches and 64 at once: equal in every bit")
        client.close()


if __name__ == "__main__":
    sys.exit(main())
