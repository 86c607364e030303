"""Phase-2 half of golden_reader.py: Puppi events, track muons, DTH blocks, and EMP, MP7 and APx pattern text."""

import math

import numpy as np

PDG = (130, 22, -211, 211, 11, -11, 13, -13)
PUPPI = (("pt", 0, 14, 0), ("eta", 14, 12, 1), ("phi", 26, 11, 1), ("id", 37, 3, 0))
CHARGED = (("z0", 40, 10, 1), ("dxy", 50, 8, 1), ("quality", 58, 3, 0))
NEUTRAL = (("wpuppi", 40, 10, 0), ("em_id", 50, 6, 0))
TKMUON = (("valid", 0, 1, 0), ("pt", 1, 16, 0), ("phi", 17, 13, 1), ("eta", 30, 14, 1), ("z0", 44, 10, 1),
          ("d0", 54, 10, 1), ("charge", 64, 1, 0), ("quality", 65, 8, 0), ("isolation", 73, 4, 0), ("beta", 77, 4, 0))


def bits(word, offset, width, signed):
    value = word >> offset & (1 << width) - 1
    return value - (1 << width) if signed and value >> width - 1 else value


def fields(word, table):
    return {name: bits(word, offset, width, signed) for name, offset, width, signed in table}


def event_header(word):
    return {"error": word >> 61 & 1, "run": word >> 56 & 31, "orbit": word >> 24 & 0xFFFFFFFF,
            "bx": word >> 12 & 0xFFF, "count": word & 0xFFF}


def puppi(word):
    """One candidate; the fields of the other kind (charged or neutral) are 0."""
    candidate = dict(fields(word, PUPPI), z0=0, dxy=0, quality=0, wpuppi=0, em_id=0)
    candidate.update(fields(word, CHARGED if candidate["id"] >= 2 else NEUTRAL))
    return candidate


def puppi_physical(c):
    return {"pt": c["pt"] * 0.25, "eta": c["eta"] * math.pi / 720, "phi": c["phi"] * math.pi / 720,
            "pdg": PDG[c["id"]], "z0": c["z0"] * 0.05, "wpuppi": c["wpuppi"] / 256}


def tkmuon_physical(m):
    return {"pt": m["pt"] / 32, "phi": m["phi"] * math.pi / 4096, "eta": m["eta"] * math.pi / 4096,
            "z0": m["z0"] * 0.05, "d0": m["d0"] * 0.03, "charge": -1 if m["charge"] else 1, "beta": m["beta"] * 0.06}


def read_native64(data):
    """Puppi events of a stream of 64-bit words: header `10`, then its candidates; zero words between are filling.

    A header `11` marks a truncated orbit. Returns events (with the candidates' words), truncated orbits, errors.
    """
    words = np.frombuffer(data[:len(data) // 8 * 8], "<u8").tolist()
    result = {"events": [], "truncated_orbits": [], "errors": [], "filling": 0}
    if len(data) % 8:
        result["errors"].append(f"{len(data) % 8} bytes left over")
    at = 0
    while at < len(words):
        word, mark = words[at], words[at] >> 62
        at += 1
        if word == 0:
            result["filling"] += 1
        elif mark == 3:
            result["truncated_orbits"].append({"error": word >> 61 & 1, "run": word >> 56 & 31,
                                               "orbit": word >> 24 & 0xFFFFFFFF, "words": word & 0xFFFFFF})
        elif mark != 2:
            result["errors"].append(f"word {at - 1}: {word:#018x} is no event header")
            break
        else:
            event = event_header(word)
            event["words"] = words[at:at + event["count"]]
            if len(event["words"]) < event["count"]:
                result["errors"].append(f"orbit {event['orbit']} crossing {event['bx']}: {len(event['words'])} of "
                                        f"{event['count']} words")
                result["cut_event"] = event
                break
            event["puppi"] = [puppi(w) for w in event["words"]]
            result["events"].append(event)
            at += event["count"]
    return result


def read_tkmuons(data):
    """Events of 96-bit track muons: a header without marker, then `count` 64-bit words, two muons in three words."""
    words = np.frombuffer(data, "<u8").tolist()
    events, at = [], 0
    while at < len(words):
        event = event_header(words[at])
        body = words[at + 1:at + 1 + event["count"]]
        if words[at] >> 56 or event["count"] % 3 == 1 or len(body) < event["count"]:
            raise ValueError(f"word {at}: {words[at]:#018x} is no header, or its event is cut")
        halves = [half for word in body for half in (word & 0xFFFFFFFF, word >> 32)]
        event["tkmuon"] = []
        for k in range(2 * event["count"] // 3):
            pair = halves[6 * (k // 2):6 * (k // 2) + 6]
            low, middle, high = (pair[4], pair[5], pair[3]) if k % 2 else (pair[0], pair[1], pair[2])
            word = high << 64 | middle << 32 | low
            event["tkmuon"].append(dict(fields(word, TKMUON), rest=word >> 81))
        if len(event["tkmuon"]) % 2 and halves[-1]:
            raise ValueError(f"word {at}: the half word after an odd number of muons is {halves[-1]:#x}")
        events.append(event)
        at += 1 + event["count"]
    return events


def read_dth(data):
    """Orbits of DTH blocks: payload, block numbers, first event header, and whether start and end were there."""
    orbits, errors, at, current = [], [], 0, None
    while at < len(data):
        header = data[at:at + 32]
        if len(header) < 32 or header[:2] != b"\x47\x5a":
            errors.append(f"byte {at}: no block header")
            break
        start, end, length = header[5] >> 7 & 1, header[5] >> 6 & 1, 32 * header[6]
        payload = data[at + 32:at + 32 + length]
        if start:
            current = {"blocks": [], "payload": b"", "copy": int.from_bytes(header[16:24], "little"), "whole": False}
            orbits.append(current)
        elif current is None:
            errors.append(f"byte {at}: block in the middle of an orbit without start")
            break
        number = int.from_bytes(header[2:4], "little")
        if number != len(current["blocks"]):
            errors.append(f"byte {at}: block {number}, expected {len(current['blocks'])}")
        whole_block = len(payload) == length
        if not end and header[6] != 255:
            errors.append(f"byte {at}: {header[6]} words in a block that is not the last")
        current["blocks"].append({"number": number, "start": start, "end": end, "length": header[6],
                                  "bytes": len(payload)})
        current["payload"] += payload
        at += 32 + length
        if end:
            current["whole"] = whole_block
            current = None
    return {"orbits": orbits, "errors": errors}


def read_pattern(text):
    """EMP v1 and v2, MP7 or APx pattern text: links, and frames with the word, valid bit and flags of each link."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any(line.startswith("#BeginData") for line in lines):
        return read_apx(lines)
    return read_emp2(lines) if lines[0].startswith("ID:") else read_emp1(lines)


def read_emp1(lines):
    result = {"format": "emp_v1", "board": lines[0].split(None, 1)[1], "links": [], "frames": []}
    for line in lines[1:]:
        name, _, rest = line.partition(":")
        if name.strip() == "Link":
            result["links"] = [int(token) for token in rest.split()]
        elif name.startswith("Frame"):
            pairs = [token.split("v") for token in rest.split()]
            if any(len(digits) == 8 for _, digits in pairs):
                result["format"] = "mp7"
            result["frames"].append({"frame": int(name.split()[1]), "valid": [int(valid) for valid, _ in pairs],
                                     "data": [int(digits, 16) for _, digits in pairs]})
    return result


def read_emp2(lines):
    result = {"format": "emp_v2", "board": lines[0].split(":", 1)[1].strip(), "links": [], "frames": []}
    names = ("strobe", "start_of_orbit", "start_of_packet", "end_of_packet", "valid")
    for line in lines[1:]:
        if line.startswith("Link"):
            result["links"] = [int(token) for token in line.split()[1:]]
        elif line.startswith("Frame"):
            _, number, *tokens = line.split()
            frame = {"frame": int(number), "data": [int(digits, 16) for digits in tokens[1::2]]}
            for place, name in enumerate(names[-len(tokens[0]):]):
                frame[name] = [int(flags[place]) for flags in tokens[0::2]]
            result["frames"].append(frame)
    return result


def read_apx(lines):
    result = {"format": "apx", "sideband": False, "links": [], "frames": []}
    for line in lines:
        if line.startswith("#Sideband"):
            result["sideband"] = line.split()[1] == "ON"
        elif line.startswith("#LinkLabel"):
            result["links"] = line.split()[1:]
        elif line.startswith("0x"):
            row, *numbers = [int(token, 16) for token in line.split()]
            frame = {"frame": row, "data": numbers[1::2] if result["sideband"] else numbers}
            if result["sideband"]:
                frame["sideband"] = numbers[0::2]
                frame["valid"] = [bits & 1 for bits in numbers[0::2]]
            result["frames"].append(frame)
    return result
