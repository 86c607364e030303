#!/usr/bin/env python3
"""Prints a table of formulas: the emulator beside numpy in float64 and the plain expressions compiled by g++ -O3
-march=native, one thread of the same machine, calls of 65,536 events: the sample jets, repeated.

Formulas: tests/data/jets/jets_formulas.txt, and the published five expressions where the reference data are at hand.

Install with: pip install -r tests/bench/formula-requirements.txt
"""
import argparse
import ast
import os
import pathlib
import subprocess
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  (threads are set before)

ROWS = 65536
SOURCE = pathlib.Path(__file__).resolve().parents[2]


def expressions(path):
    lines = (line.split("#")[0].strip().replace("^", "**") for line in path.read_text().splitlines())
    return [line for line in lines if line]


def c_expression(node):
    """A Python expression in C++; whole powers are products by g++'s own hand."""
    if isinstance(node, ast.BinOp):
        left, right = c_expression(node.left), c_expression(node.right)
        if isinstance(node.op, ast.Pow):
            return f"std::pow({left}, {right})"
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(node.op)]
        return f"({left} {sign} {right})"
    if isinstance(node, ast.UnaryOp):
        return f"(-{c_expression(node.operand)})"
    if isinstance(node, ast.Call):
        return f"std::{node.func.id}({', '.join(map(c_expression, node.args))})"
    if isinstance(node, ast.Name):
        return f"x[{node.id[1:]}]"
    return repr(float(node.value))


def compile_plain(texts, folder):
    lines = [f"    y[{i}] = {c_expression(ast.parse(text, mode='eval').body)};" for i, text in enumerate(texts)]
    source = folder / "plain.cc"
    source.write_text(
        "#include <cmath>\n#include <cstddef>\n"
        'extern "C" void plain(const double* x, double* y, std::size_t rows) {\n'
        f"  for (; rows > 0; --rows, x += 16, y += {len(texts)}) {{\n" + "\n".join(lines) + "\n  }\n}\n")
    library = folder / "plain.so"
    subprocess.run(["g++", "-O3", "-march=native", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def numpy_rate(texts, events):
    names = {name: getattr(np, name) for name in ("sin", "cos", "tanh", "exp", "log", "sqrt")}
    names |= {f"x{i}": column for i, column in enumerate(np.ascontiguousarray(events.T / 1024.0))}
    code = [compile(text, "formula", "eval") for text in texts]
    best = float("inf")
    for _ in range(6):
        start = time.process_time()
        for expression in code:
            eval(expression, {"__builtins__": {}}, names)
        best = min(best, time.process_time() - start)
    return len(events) / best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, help="the program formula_bench")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder of the reference data")
    arguments = parser.parse_args()
    jets = np.load(SOURCE / "tests/data/jets/features.npy")
    events = np.resize(jets, (ROWS, jets.shape[1]))
    print(f"{'formulas':24}{'emulator':>12}{'numpy':>12}{'g++ -O3':>12}{'emulator/g++':>14}{'difference':>12}   events/s")
    for path in (arguments.data / "models/symbolic/jets_expressions.txt", SOURCE / "tests/data/jets/jets_formulas.txt"):
        if not path.exists():
            print(f"{path.stem:24}not here")
            continue
        texts = expressions(path)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            events.tofile(folder / "events.bin")
            line = subprocess.run([arguments.bench, folder / "events.bin", path, compile_plain(texts, folder)],
                                  check=True, capture_output=True, text=True).stdout
        _, emulator, plain, difference = line.split("\t")
        rate = float(emulator)
        print(f"{path.stem:24}{rate:12.3g}{numpy_rate(texts, events):12.3g}{float(plain):12.3g}"
              f"{rate / float(plain):14.2f}{float(difference):12.2g}")


if __name__ == "__main__":
    main()
