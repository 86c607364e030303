"""Searches one formula a jet class by symbolic regression (Operon) and writes what it finds as PySR does: a
`hall_of_fame_output<class>.csv` with Complexity,Loss,Equation, and as text the five that the demo compiles.

Every class is fitted against 1 for its own jets and 0 for the others; the class of the largest answer wins. Operon's
search keeps the front of error against length; a row of the table is the best formula of its length.
"""

import json
import os
import re
import time

import numpy as np
from pyoperon.sklearn import SymbolicRegressor

from dataset import argument_parser, circumstances, load_values, quality, write_json
from make_jets import KINDS

SYMBOLS = "add,sub,mul,square,tanh,constant,variable"


def search(values, target, evaluations, seed):
    model = SymbolicRegressor(allowed_symbols=SYMBOLS, objectives=["mse", "length"], max_length=40, max_depth=10,
                              population_size=1000, pool_size=1000, generations=10000, max_evaluations=evaluations,
                              optimizer_iterations=3, local_search_probability=0.3, n_threads=1, random_state=seed)
    model.fit(values, target)
    return model


def equation(model, tree):
    """Operon's text in PySR's spelling: inputs count from x0, no space around powers."""
    text = model.get_model_string(tree, 6)
    return re.sub(r"X(\d+)", lambda match: f"x{int(match[1]) - 1}", text).replace(" ^ ", "^")


def front(model, values, target):
    """[(complexity, loss, equation, answers)]: each longer formula has a smaller loss than all before it."""
    rows, best = [], np.inf
    for entry in sorted(model.pareto_front_, key=lambda e: (e["complexity"], e["mean_squared_error"])):
        answers = model.evaluate_model(entry["tree"], values)
        loss = float(np.mean((answers - target) ** 2))
        if loss < best * 0.999:
            best = loss
            rows.append((entry["complexity"], loss, equation(model, entry["tree"]), entry["tree"]))
    return rows


def write_hall_of_fame(path, rows):
    with open(path, "w") as file:
        file.write("Complexity,Loss,Equation\n")
        file.writelines(f'{complexity},{loss:.8g},"{text}"\n' for complexity, loss, text, _ in rows)


def parse_arguments():
    parser = argument_parser(__doc__, "python search_formulas.py --jets /tmp/strobe-jets --out /tmp/jets-data")
    parser.add_argument("--sample", type=int, default=6000, help="training jets that the search looks at (default %(default)s)")
    parser.add_argument("--evaluations", type=int, default=600000, help="formulas tried a class (default %(default)s)")
    return parser.parse_args()


def main():
    options, start = parse_arguments(), time.time()
    parts = {part: (x.astype(np.float64), y) for part, (x, y) in load_values(options).items()}
    (train, labels), (test, test_labels) = parts["train"], parts["test"]
    train, labels = train[: options.sample], labels[: options.sample]
    os.makedirs(options.out, exist_ok=True)
    chosen, scores = [], []
    for number, kind in enumerate(KINDS):
        target = (labels == number).astype(np.float64)
        model = search(train, target, options.evaluations, options.seed + number)
        rows = front(model, train, target)
        write_hall_of_fame(os.path.join(options.out, f"hall_of_fame_output{number}.csv"), rows)
        chosen.append(rows[-1][2])
        scores.append(model.evaluate_model(rows[-1][3], test))
        print(f"{kind}: {len(rows)} formulas, loss {rows[0][1]:.4f} to {rows[-1][1]:.4f}, {time.time() - start:.0f} s", flush=True)
    with open(os.path.join(options.out, "jets_formulas.txt"), "w") as file:
        file.write("# One expression a jet class in the order g, q, t, w, z: the last row of each hall_of_fame_output*.csv\n")
        file.writelines(text + "\n" for text in chosen)
    scores = np.stack(scores, axis=1)
    np.save(os.path.join(options.out, "expected_formulas.npy"), scores)
    results = quality(scores, test_labels) | circumstances(options, ("pyoperon", "numpy"), start)
    write_json(os.path.join(options.out, "results_formulas.json"), results)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
