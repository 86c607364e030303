#!/usr/bin/env python3
"""Reader of the Level-1 scouting formats, written from their description alone and not from strobe's C++.

It is the second opinion in tests: slow, obvious, and sharing nothing with the decoders, generators and sinks that it
checks. Run-3 DMA packets, CMSSW raw files and the zero suppression between them live here, Phase-2 formats and pattern
text in golden_phase2.py. README.md lists the choices made where the description leaves room.

    golden_reader.py --check FILE.raw ...   read CMSSW raw files: orbits, crossings, objects, CRC errors; 1 on any error
    golden_reader.py --orbits FILE.raw ...  the same with a line for each orbit
"""

import argparse
import math
import struct
import sys

from golden_phase2 import (  # noqa: F401, one module to import for every format
    read_dth, read_native64, read_pattern, read_tkmuons)

CROSSINGS_PER_ORBIT = 3564
ORBIT_MASK = 0x7FFFFFFF
ORBITS_PER_SECTION_BITS = 18
TRAILER_MARK = struct.pack("<8I", *[0xBEEFDEAD] * 8)
PACKET_MARK = 0xDEADBEEFDEADBEEF

MUON_SOURCE, CALO_SOURCE, TOWER_SOURCE = 1, 2, 32
STUB_SOURCES = range(10, 22)
CALO_TCP_SOURCES = {22: "jet", 23: "egamma", 24: "sum", 25: "tau"}
CALO_LINKS = ("jet2", "jet1", "eg2", "eg1", "empty", "sum", "tau2", "tau1")
SUM_NAMES = ("total_et", "total_ht", "missing_et", "missing_ht", "missing_et_hf", "missing_ht_hf")

# name, offset, width, signed
MUON_F = (("phi", 0, 10, 0), ("pt", 10, 9, 0), ("quality", 19, 4, 0), ("eta", 23, 9, 1))
MUON_S = (("isolation", 0, 2, 0), ("charge", 2, 1, 0), ("charge_valid", 3, 1, 0), ("index", 4, 7, 0),
          ("phi_station", 11, 10, 0), ("pt_unconstrained", 21, 8, 0), ("dxy", 30, 2, 0))
MUON_EXTRA = (("selector", 0, 1, 0), ("eta1", 13, 9, 1), ("eta2", 22, 9, 1), ("intermediate", 31, 1, 0))
JET = (("et", 0, 11, 0), ("eta", 11, 8, 1), ("phi", 19, 8, 0), ("displaced", 27, 1, 0), ("quality", 28, 2, 0))
EGAMMA = (("et", 0, 9, 0), ("eta", 9, 8, 1), ("phi", 17, 8, 0), ("isolation", 25, 2, 0))
CALO_OBJECTS = {"jet": JET, "egamma": EGAMMA, "tau": EGAMMA}
LINK_OBJECTS = {"jet2": "jet", "jet1": "jet", "eg2": "egamma", "eg1": "egamma", "tau2": "tau", "tau1": "tau"}
SUMS = {
    "total_et": (("et", 0, 12, 0), ("et_em", 12, 12, 0), ("mbhfp0", 28, 4, 0)),
    "total_ht": (("et", 0, 12, 0), ("towers", 12, 13, 0), ("mbhfm0", 28, 4, 0)),
    "missing_et": (("et", 0, 12, 0), ("phi", 12, 8, 0), ("asymmetry", 20, 8, 0), ("mbhfp1", 28, 4, 0)),
    "missing_ht": (("et", 0, 12, 0), ("phi", 12, 8, 0), ("asymmetry", 20, 8, 0), ("mbhfm1", 28, 4, 0)),
    "missing_et_hf": (("et", 0, 12, 0), ("phi", 12, 8, 0), ("asymmetry", 20, 8, 0), ("centrality", 28, 2, 0)),
    "missing_ht_hf": (("et", 0, 12, 0), ("phi", 12, 8, 0), ("asymmetry", 20, 8, 0), ("centrality", 28, 2, 0)),
}
STUB = (("valid", 0, 1, 0), ("phi", 1, 12, 1), ("phi_b", 13, 10, 1), ("quality", 23, 3, 0), ("eta", 26, 7, 0),
        ("qeta", 33, 7, 0), ("station", 40, 2, 0), ("wheel", 42, 3, 1), ("reserved", 45, 3, 0), ("bx", 48, 16, 0))
TOWER = (("et", 0, 9, 0), ("er", 9, 3, 0), ("misc", 12, 4, 0), ("phi", 16, 8, 0), ("eta", 24, 8, 1))


class FormatError(ValueError):
    """The bytes are not what the format says."""


def bits(word, offset, width, signed=False):
    value = word >> offset & (1 << width) - 1
    return value - (1 << width) if signed and value >> width - 1 else value


def fields(word, table):
    return {name: bits(word, offset, width, signed) for name, offset, width, signed in table}


def words_of(data, offset, count, kind="I"):
    size = struct.calcsize("<" + kind) * count
    if offset + size > len(data):
        raise FormatError(f"{size} bytes wanted at byte {offset}, the data end at {len(data)}")
    return list(struct.unpack_from(f"<{count}{kind}", data, offset))


# physical values

def muon_physical(m):
    return {"phi": m["phi"] * 2 * math.pi / 576, "pt": 0.5 * (m["pt"] - 1), "eta": m["eta"] * 0.010875,
            "charge": (-1 if m["charge"] else 1) if m["charge_valid"] else 0,
            "phi_station": m["phi_station"] * 2 * math.pi / 576, "pt_unconstrained": 1.0 * (m["pt_unconstrained"] - 1),
            "eta1": m["eta1"] * 0.010875, "eta2": m["eta2"] * 0.010875}


def calo_physical(c):
    scales = {"et": 0.5, "et_em": 0.5, "eta": 0.0435, "phi": 0.0435}
    return {name: c[name] * scale for name, scale in scales.items() if name in c}


def physical(kind, item):
    """Values in GeV and radians of those fields whose scale the description gives."""
    if kind == "muon":
        return muon_physical(item)
    if kind == "stub":
        return {"station": item["station"] + 1}
    if kind == "tower":
        return {"et": item["et"] * 0.5}
    return calo_physical(item)


# Run-3 DMA packets

def bitmap_crossings(words):
    return [32 * k + i for k, word in enumerate(words) for i in range(32) if word >> i & 1]


def read_dma_packets(data, source):
    """Orbits and packet trailers of a stream of DMA packets.

    An orbit: header, 192-byte blocks, trailer with the bitmap. After a packet's orbits its trailer of 32 bytes.
    """
    orbits, trailers, offset = [], [], 0
    while offset < len(data):
        mark, autorealign, dropped, count = words_of(data, offset, 4, "Q")
        if mark == PACKET_MARK:
            trailers.append({"autorealign": autorealign, "dropped": dropped, "orbits": count})
            offset += 32
        else:
            orbit, offset = read_dma_orbit(data, offset, source)
            orbits.append(orbit)
    if data[-32:-24] != struct.pack("<Q", PACKET_MARK):
        raise FormatError("the last packet has no trailer")
    return {"orbits": orbits, "trailers": trailers}


def read_dma_orbit(data, offset, source):
    header = words_of(data, offset, 8)
    offset += 32
    blocks = []
    while data[offset:offset + 32] != TRAILER_MARK:
        blocks.append(words_of(data, offset, 48))
        offset += 192
    crossings = bitmap_crossings(words_of(data, offset + 32, 112))
    if len(crossings) != len(blocks):
        raise FormatError(f"bitmap holds {len(crossings)} crossings, the orbit {len(blocks)} blocks")
    if crossings and crossings[-1] > CROSSINGS_PER_ORBIT:
        raise FormatError(f"bitmap holds crossing {crossings[-1]}, past the orbit")
    words_of(data, offset, 136)
    return dma_orbit(header, list(zip(crossings, blocks)), source), offset + 544


def dma_orbit(header, numbered_blocks, source):
    orbit = header[0] & ORBIT_MASK
    if source == "gmt":
        return {"orbit": orbit, "crossings": [gmt_crossing(orbit, bx, block) for bx, block in numbered_blocks]}
    return {"orbit": orbit, "crossings": [calo_crossing(bx, block) for bx, block in numbered_blocks]}


def gmt_crossing(orbit, bx, block):
    """A muon is present if its pt is not 0; first all mu1 by link, then all mu2."""
    groups = [block[8 * g:8 * g + 8] for g in range(6)]
    crossing = {"bx": bx, "bx_match": 0, "orbit_match": 0, "muon": []}
    for link in range(8):
        crossing["orbit_match"] |= ((groups[0][link] & ORBIT_MASK) == orbit) << link
        crossing["bx_match"] |= (bits(groups[1][link], 0, 13) == bx) << link
    for selector, f_words, s_words in ((0, groups[2], groups[3]), (1, groups[4], groups[5])):
        for link in range(8):
            if bits(f_words[link], 10, 9) == 0:
                continue
            extra = groups[1][link] & ~1 | selector
            crossing["muon"].append(dict(muon_fields(f_words[link], s_words[link], extra), link=link))
    return crossing


def muon_fields(f, s, extra):
    muon = {"words": (f, s, extra), **fields(f, MUON_F), **fields(s, MUON_S), **fields(extra, MUON_EXTRA)}
    muon["kept"] = int(muon["pt"] > 0 and muon["quality"] > 0 and not muon["intermediate"])
    return muon


def calo_crossing(bx, block):
    return calo_objects({"bx": bx, "links": [[block[8 * g + link] for g in range(6)] for link in range(8)]})


def calo_objects(crossing):
    """Fills jet, egamma, tau (12 each: every slot, in link order) and the six sums from the words of the links."""
    crossing.update({kind: [] for kind in CALO_OBJECTS})
    for link, name in enumerate(CALO_LINKS):
        kind = LINK_OBJECTS.get(name)
        for slot, word in enumerate(crossing["links"][link]):
            if kind:
                crossing[kind].append(dict(fields(word, CALO_OBJECTS[kind]), link=link, slot=slot))
            elif name == "sum":
                crossing[SUM_NAMES[slot]] = fields(word, SUMS[SUM_NAMES[slot]])
    return crossing


# zero suppression: a decoded DMA orbit to the payload of a CMSSW orbit

def has_block(crossing):
    """Muons: a crossing without any is left out. Calorimeter: all are there."""
    return crossing.get("muon") != []


def gmt_payload(orbit):
    out = struct.pack("<I", MUON_SOURCE)
    for crossing in filter(has_block, orbit["crossings"]):
        second = sum(muon["selector"] for muon in crossing["muon"])
        first = len(crossing["muon"]) - second
        header = crossing["bx_match"] << 24 | first << 16 | crossing["orbit_match"] << 8 | second
        out += struct.pack("<3I", header, crossing["bx"], orbit["orbit"])
        for muon in crossing["muon"]:
            out += struct.pack("<3I", *muon["words"])
    return out


def calo_payload(orbit):
    out = struct.pack("<I", CALO_SOURCE)
    for crossing in orbit["crossings"]:
        out += struct.pack("<3I", 0, crossing["bx"], orbit["orbit"])
        for link, link_words in enumerate(crossing["links"]):
            out += struct.pack("<7I", link, *link_words)
    return out


def section_of(orbit):
    return 1 + (orbit >> ORBITS_PER_SECTION_BITS)


def raw_file(run, orbits):
    """Bytes of one CMSSW raw file; orbits: (number, payload) of one luminosity section."""
    section = section_of(orbits[0][0])
    body = b""
    for number, payload in orbits:
        if section_of(number) != section:
            raise ValueError(f"orbit {number} is in section {section_of(number)}, the file is of {section}")
        body += struct.pack("<HH5I", 6, 0, run, section, number, len(payload), crc32c(payload)) + payload
    return struct.pack("<8sHHIIIQ", b"RAW_0002", 32, 20, len(orbits), run, section, 32 + len(body)) + body


def crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc_table()


def crc32c(data):
    """CRC-32C (Castagnoli): reflected, begun and ended with all ones; of "123456789" it is 0xe3069283."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


# CMSSW raw files

def read_raw(data):
    """File header, orbits with decoded crossings, and a list of everything that is not as it should be."""
    if len(data) < 32:
        raise FormatError(f"a raw file has 32 bytes of header, this one {len(data)} in all")
    magic, size, kind, orbits, run, section, file_size = struct.unpack_from("<8sHHIIIQ", data)
    if magic != b"RAW_0002" or size != 32 or kind != 20:
        raise FormatError(f"file header begins {magic!r}, size {size}, type {kind}")
    result = read_raw_orbits(data, 32, (run, section))
    if len(result["orbits"]) != orbits:
        result["errors"].append(f"the file header says {orbits} orbits, there are {len(result['orbits'])}")
    if file_size != len(data):
        result["errors"].append(f"the file header says {file_size} bytes, there are {len(data)}")
    return {"run": run, "section": section, **result}


def read_raw_orbits(data, offset=0, run_and_section=None):
    """The orbits of a raw file from `offset` on, or of a stream that has no file header."""
    result = {"orbits": [], "errors": [], "crc_errors": 0}
    while offset < len(data):
        if len(data) - offset < 24:
            result["errors"].append(f"byte {offset}: {len(data) - offset} bytes left over, an orbit header has 24")
            break
        version, flags, o_run, o_section, number, length, crc = struct.unpack_from("<HH5I", data, offset)
        payload = data[offset + 24:offset + 24 + length]
        if version != 6 or len(payload) != length:
            result["errors"].append(f"byte {offset}: version {version}, {len(payload)} of {length} payload bytes")
            break
        read_raw_orbit(result, offset + 24, number, payload, flags, crc)
        expected = run_and_section or (o_run, section_of(number))
        if (o_run, o_section) != expected:
            result["errors"].append(f"orbit {number}: run and section are {o_run}, {o_section}, expected {expected}")
        offset += 24 + length
    for before, after in zip(result["orbits"], result["orbits"][1:]):
        if (after["orbit"], after["source"] or 0) <= (before["orbit"], before["source"] or 0):
            result["errors"].append(f"orbit {after['orbit']} source {after['source']} comes after orbit "
                                    f"{before['orbit']} source {before['source']}")
    return result


def read_raw_orbit(result, offset, number, payload, flags, crc):
    orbit = {"orbit": number, "payload_offset": offset, "payload_bytes": len(payload), "flags": flags,
             "crc_ok": crc32c(payload) == crc, "source": None, "crossings": []}
    result["orbits"].append(orbit)
    if not orbit["crc_ok"]:
        result["crc_errors"] += 1
        result["errors"].append(f"orbit {number}: CRC {crc:#010x}, computed {crc32c(payload):#010x}")
    if flags:
        result["errors"].append(f"orbit {number}: flags {flags:#x}, none are known")
    try:
        orbit["source"], orbit["crossings"] = read_payload(payload)
    except FormatError as error:
        result["errors"].append(f"orbit {number}: {error}")
    for crossing in orbit["crossings"]:
        if crossing["orbit"] != number:
            result["errors"].append(f"orbit {number}, crossing {crossing['bx']}: its block says {crossing['orbit']}")
        if crossing["bx"] > CROSSINGS_PER_ORBIT:
            result["errors"].append(f"orbit {number}: crossing {crossing['bx']}, past the orbit")


def read_payload(payload):
    """Source id and crossings of one orbit's payload."""
    source, = words_of(payload, 0, 1)
    readers = {MUON_SOURCE: muon_block, CALO_SOURCE: calo_block, TOWER_SOURCE: tower_block}
    reader = readers.get(source)
    if source in STUB_SOURCES:
        reader = stub_block
    elif source in CALO_TCP_SOURCES:
        kind = CALO_TCP_SOURCES[source]
        reader = sum_block if kind == "sum" else lambda data, at: object_block(data, at, kind)
    if reader is None:
        raise FormatError(f"no format is known for source {source}")
    crossings, offset = [], 4
    while offset < len(payload):
        crossing, offset = reader(payload, offset)
        crossings.append(crossing)
    return source, crossings


def muon_block(data, offset):
    header, bx, orbit = words_of(data, offset, 3)
    count = bits(header, 16, 4) + bits(header, 0, 4)
    triples = words_of(data, offset + 12, 3 * count)
    muons = [muon_fields(*triples[3 * i:3 * i + 3]) for i in range(count)]
    crossing = {"bx": bx, "orbit": orbit & ORBIT_MASK, "bx_match": bits(header, 24, 8),
                "orbit_match": bits(header, 8, 8), "muon": muons}
    return crossing, offset + 12 + 12 * count


def calo_block(data, offset):
    words = words_of(data, offset, 59)
    links = [words[3 + 7 * link + 1:3 + 7 * link + 7] for link in range(8)]
    ids = [words[3 + 7 * link] for link in range(8)]
    if ids != list(range(8)):
        raise FormatError(f"crossing {words[1]}: link ids are {ids}")
    crossing = {"bx": words[1], "orbit": words[2] & ORBIT_MASK, "header": words[0], "links": links}
    return calo_objects(crossing), offset + 4 * 59


def object_block(data, offset, kind):
    header, bx, orbit = words_of(data, offset, 3)
    words = words_of(data, offset + 12, header & 0xFF)
    objects = [fields(word, CALO_OBJECTS[kind]) for word in words]
    return {"bx": bx, "orbit": orbit & ORBIT_MASK, kind: objects}, offset + 12 + 4 * len(words)


def sum_block(data, offset):
    bx, orbit, *words = words_of(data, offset, 8)
    sums = {name: fields(word, SUMS[name]) for name, word in zip(SUM_NAMES, words)}
    return {"bx": bx, "orbit": orbit & ORBIT_MASK, **sums}, offset + 32


def stub_block(data, offset):
    count, bx, orbit = words_of(data, offset, 3)
    words = words_of(data, offset + 12, count, "Q")
    return {"bx": bx, "orbit": orbit & ORBIT_MASK, "stub": [fields(w, STUB) for w in words]}, offset + 12 + 8 * count


def tower_block(data, offset):
    count, bx, orbit = words_of(data, offset, 3)
    words = words_of(data, offset + 12, count)
    return {"bx": bx, "orbit": orbit & ORBIT_MASK, "tower": [fields(w, TOWER) for w in words]}, offset + 12 + 4 * count


def check(path, with_orbits):
    try:
        with open(path, "rb") as file:
            result = read_raw(file.read())
    except (OSError, FormatError) as error:
        print(f"{path}: {error}")
        return False
    kinds = ("muon", "jet", "egamma", "tau", "stub", "tower")
    totals = dict.fromkeys(("crossings", *kinds), 0)
    for orbit in result["orbits"]:
        counts = {kind: sum(len(c.get(kind, ())) for c in orbit["crossings"]) for kind in kinds}
        counts["crossings"] = len(orbit["crossings"])
        totals = {name: totals[name] + counts[name] for name in totals}
        if with_orbits:
            shown = ", ".join(f"{n} {name}" for name, n in counts.items() if n)
            crc = "ok" if orbit["crc_ok"] else "WRONG"
            print(f"orbit {orbit['orbit']} source {orbit['source']} crc {crc}: {shown}")
    shown = ", ".join(f"{n} {name}" for name, n in totals.items() if n or name in ("crossings", "muon"))
    print(f"{path}: run {result['run']} section {result['section']}: {len(result['orbits'])} orbits, {shown}, "
          f"{result['crc_errors']} crc errors, {len(result['errors'])} errors")
    for error in result["errors"]:
        print(f"  {error}")
    return not result["errors"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="summary only (the default)")
    parser.add_argument("--orbits", action="store_true", help="a line for each orbit too")
    parser.add_argument("files", nargs="+", help="CMSSW raw files")
    arguments = parser.parse_args()
    results = [check(path, arguments.orbits) for path in arguments.files]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
