#!/usr/bin/env python3
"""What golden_reader.py sees in a file, as the JSON of golden/ (README.md): golden_json.py FORMAT FILE.

Columns of raw integers and physical values, a line for each crossing, event or frame.
"""

import argparse
import json
import pathlib
import sys

import golden_phase2
import golden_reader as reader


def plain(value):
    return float(f"{value:.9g}") if isinstance(value, float) else value


def columns(kind, items, physical=reader.physical):
    """{field: [value of each object]}, the physical values under "physical"."""
    names = [name for name in items[0] if name not in ("words", "rest")] if items else []
    result = {"count": len(items), **{name: [item[name] for item in items] for name in names}}
    values = [physical(kind, item) for item in items]
    if values and values[0]:
        result["physical"] = {name: [plain(value[name]) for value in values] for name in values[0]}
    return result


def crossing_json(crossing):
    result = {}
    for name, value in crossing.items():
        if isinstance(value, list) and name in ("muon", "jet", "egamma", "tau", "stub", "tower"):
            result[name] = columns(name, value)
        elif name in reader.SUM_NAMES:
            result[name] = dict(value, physical={n: plain(v) for n, v in reader.physical(name, value).items()})
        elif name not in ("links", "orbit"):
            result[name] = value
    return result


def event_json(event, kind, physical, words=False):
    result = {name: event[name] for name in ("orbit", "bx", "run", "error")}
    if words:
        result["words"] = [f"{word:016x}" for word in event["words"]]
    else:
        result[kind] = columns(kind, event[kind], lambda _, item: physical(item))
    return result


def rows_of(orbits):
    """An entry a crossing, and one with bx null for an orbit without any."""
    rows = []
    for orbit in orbits:
        head = {"orbit": orbit["orbit"]}
        rows += [{**head, **crossing_json(crossing)} for crossing in orbit["crossings"]] or [{**head, "bx": None}]
    return rows


def describe_dma(data, source):
    decoded = reader.read_dma_packets(data, source)
    return {"format": f"{source}_dma", "bytes": len(data), "trailers": decoded["trailers"],
            "orbits": [orbit["orbit"] for orbit in decoded["orbits"]], "crossings": rows_of(decoded["orbits"])}


def describe_raw(data):
    """Raw files, and raw orbits without a file header."""
    has_header = data[:8] == b"RAW_0002"
    result = reader.read_raw(data) if has_header else reader.read_raw_orbits(data)
    head = {"run": result["run"], "section": result["section"]} if has_header else {}
    places = [{name: orbit[name] for name in ("orbit", "source", "payload_offset", "payload_bytes", "crc_ok")}
              for orbit in result["orbits"]]
    return {"format": "raw", "bytes": len(data), **head, "errors": result["errors"], "orbits": places,
            "crossings": rows_of(result["orbits"])}


def describe_puppi(data):
    stream = reader.read_native64(data)
    return {"format": "puppi_native64", "bytes": len(data), "zero_words_between_events": stream["filling"],
            "truncated_orbits": stream["truncated_orbits"], "errors": stream["errors"],
            "events": [event_json(event, "puppi", golden_phase2.puppi_physical) for event in stream["events"]]}


def describe_tkmuons(data):
    return {"format": "tkmuons", "bytes": len(data), "events": [
        event_json(event, "tkmuon", golden_phase2.tkmuon_physical) for event in reader.read_tkmuons(data)]}


def describe_dth(data):
    framing = reader.read_dth(data)
    content = {"format": "dth", "bytes": len(data), "errors": framing["errors"], "blocks": [], "events": []}
    for orbit in framing["orbits"]:
        stream = reader.read_native64(orbit["payload"])
        number = orbit["copy"] >> 24 & 0xFFFFFFFF
        content["blocks"] += [dict(block, orbit=number) for block in orbit["blocks"]]
        content["events"] += [{**event_json(event, "puppi", None, words=True), "count": event["count"]}
                              for event in stream["events"]]
        content["errors"] += [f"orbit {number}: {error}" for error in stream["errors"]]
        if not orbit["whole"]:
            content["errors"].append(f"orbit {number}: truncated")
    return content


def describe_pattern(text):
    pattern = reader.read_pattern(text)
    rows = [dict(frame, data=[f"{word:x}" for word in frame["data"]]) for frame in pattern["frames"]]
    return dict(pattern, frames=rows)


def to_text(content):
    """One row a line, that differences can be read; the rows are the last list."""
    rows = list(content)[-1]
    head = json.dumps({key: value for key, value in content.items() if key != rows}, indent=1)[:-2]
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in content[rows])
    return f'{head},\n "{rows}": [\n{lines}\n]}}\n'


DESCRIBE = {"gmt": lambda data: describe_dma(data, "gmt"), "calo": lambda data: describe_dma(data, "calo"),
            "raw": describe_raw, "puppi": describe_puppi, "tkmuons": describe_tkmuons, "dth": describe_dth,
            "pattern": lambda data: describe_pattern(data.decode())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("format", choices=DESCRIBE)
    parser.add_argument("file", type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        sys.stdout.write(to_text(DESCRIBE[arguments.format](arguments.file.read_bytes())))
    except (OSError, ValueError) as error:
        sys.exit(f"{arguments.file}: {error}")


if __name__ == "__main__":
    main()
