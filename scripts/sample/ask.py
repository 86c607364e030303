#!/usr/bin/env python3
"""The last step of scripts/demo: serves the compiled jet models, asks for every jet's scores as any gRPC inference client
would (tritonclient from PyPI), holds the answers against `strobe run`'s, and prints one table.

    ask.py STROBE OUTPUT_FOLDER DATA_FOLDER
"""

import json
import pathlib
import sys
import time

import numpy as np
import tritonclient.grpc as grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "system"))
from serving import serve  # noqa: E402

ROWS_A_CALL = 500
MODELS = {"jets_hgq": "HGQ2 network", "jets_float": "Keras network", "jets_forest": "XGBoost forest", "jets_formulas": "5 formulas"}


def ask(client, model, jets):
    """Scores of all jets in calls of ROWS_A_CALL, and the seconds of one call with one jet."""
    tensor = client.get_model_metadata(model).inputs[0]
    output = client.get_model_metadata(model).outputs[0].name

    def call(rows):
        request = grpc.InferInput(tensor.name, list(rows.shape), "FP32")
        request.set_data_from_numpy(rows)
        return client.infer(model, [request]).as_numpy(output)

    scores = np.concatenate([call(jets[i:i + ROWS_A_CALL]) for i in range(0, len(jets), ROWS_A_CALL)])
    times = []
    for row in jets[:200]:
        start = time.perf_counter()
        call(row[np.newaxis])
        times.append(time.perf_counter() - start)
    return scores, float(np.median(times))


def main():
    strobe, out, data = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    jets = (np.load(data / "features.npy") / 1024.0).astype(np.float32)
    labels = np.load(data / "labels.npy")
    rows = []
    with serve(strobe, str(out / "models")) as address, grpc.InferenceServerClient(address) as client:
        for model, kind in MODELS.items():
            scores, latency = ask(client, model, jets)
            expected = np.load(out / f"{model}_auto.npy").astype(np.float32)
            if not np.array_equal(scores, expected):
                raise SystemExit(f"{model}: the gRPC answers differ from strobe run's scores")
            framework = np.load(data / f"expected_{model.removeprefix('jets_')}.npy")
            rate = {d: json.loads((out / f"{model}_run_{d}.json").read_text())["events_per_second"] for d in ("auto", "emulator")}
            rows.append((model, kind, 100 * np.mean(framework.argmax(1) == labels), 100 * np.mean(scores.argmax(1) == labels),
                         rate["emulator"], rate["auto"], latency))
    print("gRPC answers equal strobe run's scores in every bit\n")
    print(f"{'model':<15}{'kind':<16}{'float':>9}{'strobe':>9}{'in process':>14}{'XRT sw_emu':>14}{'gRPC, 1 jet':>13}")
    print(f"{'':<31}{'accuracy':>9}{'accuracy':>9}{'events/s':>14}{'events/s':>14}{'median':>13}")
    for name, kind, float_accuracy, accuracy, emulator, card, latency in rows:
        print(f"{name:<15}{kind:<16}{float_accuracy:>8.2f}%{accuracy:>8.2f}%{emulator:>14.3g}{card:>14.3g}{1e6 * latency:>10.0f} us")


if __name__ == "__main__":
    main()
