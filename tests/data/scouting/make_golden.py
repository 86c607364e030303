#!/usr/bin/env python3
"""Writes golden/: packets of every scouting format and, as JSON, what golden_reader.py sees in them.

What golden_writer.py was given must be what the reader reads back. Byte-identical on every run (fixed seed).
"""

import pathlib
import struct

import numpy as np

import golden_json
import golden_reader as reader
from golden_writer import (
    RUN, calo_block, calo_tcp_block, calo_word, corners, dma_packet, dth_blocks, event_bytes, gmt_block, pack,
    puppi_word, random_object, raw_bytes, stub_block, tkmuon_words, tower_block, zero)

SEED = 20261121
FOLDER = pathlib.Path(__file__).resolve().parent / "golden"


def save_json(name, content):
    (FOLDER / f"{name}.json").write_text(golden_json.to_text(content))


def save_packet(name, source, packet):
    """A DMA packet, what is in it, and the CMSSW raw file of each luminosity section that it touches."""
    decoded = reader.read_dma_packets(packet, source)
    make_payload = {"gmt": reader.gmt_payload, "calo": reader.calo_payload}[source]
    sections = {}
    for orbit in decoded["orbits"]:
        sections.setdefault(reader.section_of(orbit["orbit"]), []).append((orbit["orbit"], make_payload(orbit)))
    files = []
    for section, orbits in sections.items():
        file = f"{name}.raw" if len(sections) == 1 else f"{name}.ls{section:04d}.raw"
        files.append({"file": file, "section": section, "orbits": save_raw(file, section, orbits)})
        read = reader.read_raw((FOLDER / file).read_bytes())["orbits"]
        for seen, (number, _) in zip(read, orbits):
            original = next(o for o in decoded["orbits"] if o["orbit"] == number)
            assert seen["orbit"] == number
            present = filter(reader.has_block, original["crossings"])
            assert [without_link(c) for c in seen["crossings"]] == [without_link(c) for c in present]
    (FOLDER / f"{name}.bin").write_bytes(packet)
    content = golden_json.describe_dma(packet, source)
    crossings = content.pop("crossings")
    save_json(name, {**content, "raw": files, "crossings": crossings})
    return decoded


def without_link(crossing):
    """What both a packet and a raw file say of a crossing."""
    result = {name: value for name, value in crossing.items() if name not in ("orbit", "header")}
    if "muon" in result:
        result["muon"] = [{n: v for n, v in muon.items() if n != "link"} for muon in result["muon"]]
    return result


def save_raw(file, section, orbits):
    data = raw_bytes(section, orbits)
    assert data == reader.raw_file(RUN, orbits)
    (FOLDER / file).write_bytes(data)
    read = reader.read_raw(data)
    assert not read["errors"], read["errors"]
    return [{name: orbit[name] for name in ("orbit", "payload_offset", "payload_bytes")} for orbit in read["orbits"]]


def save_suppressed(name, source, kind, blocks_by_orbit):
    """A raw file of a zero-suppressed source; blocks_by_orbit: {orbit: bytes of its crossing blocks}."""
    orbits = [(orbit, struct.pack("<I", source) + blocks) for orbit, blocks in blocks_by_orbit.items()]
    section = reader.section_of(orbits[0][0])
    places = save_raw(f"{name}.raw", section, orbits)
    read = reader.read_raw((FOLDER / f"{name}.raw").read_bytes())["orbits"]
    files = [{"file": f"{name}.raw", "section": section, "orbits": places}]
    save_json(name, {"format": kind, "source": source, "raw": files, "crossings": golden_json.rows_of(read)})
    return [crossing for orbit in read for crossing in orbit["crossings"]]


def expect(items, seen, what):
    """What was put in is what was read."""
    assert len(items) == len(seen), (what, len(items), len(seen))
    for item, other in zip(items, seen):
        assert all(other[name] == value for name, value in item.items()), (what, item, other)


def gmt_corners():
    muons = [m for m in corners("muon", pt=1, quality=1)]
    etas = [(-256, 255), (255, -256), (-1, 0), (0, -1), (1, 1), (-128, 127), (0, 0), (-256, -256)]
    blocks, wanted = {}, []
    for bx, offset in ((0, 0), (1, 16), (31, 5), (32, 11), (3563, 2)):
        chosen = [muons[(offset + i) % len(muons)] for i in range(16)]
        links = {i: (chosen[i], chosen[8 + i], *etas[i], int(bx == 32 and i % 2)) for i in range(8)}
        blocks[bx] = gmt_block(77, bx, links)
        wanted += [dict(m, selector=i // 8, eta1=etas[i % 8][0], eta2=etas[i % 8][1], intermediate=links[i % 8][4])
                   for i, m in enumerate(chosen)]
    blocks[2] = gmt_block(77, 2, {0: (muons[1], None, 3, -3, 0)})
    blocks[3562] = gmt_block(77, 3562, {7: (None, muons[0] | {"pt": 1}, 0, 0, 1), 3: (muons[4], None, 9, 9, 0)})
    decoded = save_packet("gmt_corners", "gmt", dma_packet([(77, blocks)]))
    seen = [m for c in decoded["orbits"][0]["crossings"] if len(c["muon"]) == 16 for m in c["muon"]]
    expect(wanted, seen, "gmt_corners")


def random_links(rng, mean):
    def slot():
        return random_object(rng, "muon", pt=int(rng.integers(1, 512))) if rng.random() < mean / 16 else None

    return {link: (slot(), slot(), int(rng.integers(-256, 256)), int(rng.integers(-256, 256)), int(rng.random() < 0.1))
            for link in range(8)}


def gmt_orbits(rng):
    orbits = []
    for number, count in ((1000, 9), (1001, 0), (1002, 1), (1003, 12), (1005, 3)):
        blocks = {}
        for bx in sorted(rng.choice(3564, count, replace=False).tolist()):
            links = random_links(rng, 3)
            if all(link[:2] == (None, None) for link in links.values()):
                links[int(rng.integers(8))] = (random_object(rng, "muon", pt=7, quality=12), None, 1, 2, 0)
            blocks[bx] = gmt_block(number, bx, links)
        orbits.append((number, blocks))
    decoded = save_packet("gmt_orbits", "gmt", dma_packet(orbits, trailer=(3, 1)))
    assert [o["orbit"] for o in decoded["orbits"]] == [1000, 1001, 1002, 1003, 1005]
    assert [len(o["crossings"]) for o in decoded["orbits"]] == [9, 0, 1, 12, 3]
    assert decoded["trailers"] == [{"autorealign": 3, "dropped": 1, "orbits": 5}]


def gmt_odd_cases(rng):
    good = zero("muon", pt=21, quality=12, eta=-17, phi=300, charge_valid=1)
    empty = gmt_block(5, 100, {})
    zero_pt = gmt_block(5, 101, {i: ({**good, "pt": 0}, {**good, "pt": 0, "quality": 0}, 5, 6, 1) for i in range(8)})
    no_quality = gmt_block(5, 102, {2: ({**good, "quality": 0}, good, 7, 8, 0), 5: (good, None, 7, 8, 1)})
    decoded = save_packet("gmt_absent", "gmt", dma_packet([(5, {100: empty, 101: zero_pt, 102: no_quality})]))
    assert [len(c["muon"]) for c in decoded["orbits"][0]["crossings"]] == [0, 0, 3]
    assert [m["kept"] for m in decoded["orbits"][0]["crossings"][2]["muon"]] == [0, 0, 1]

    links = {i: (good, None, i, -i, 0) for i in range(8)}
    blocks = {200: gmt_block(6, 200, links, crossings={0: 201, 3: 8191}),
              201: gmt_block(6, 201, links, orbits={7: 7, 4: 5}),
              202: gmt_block(6, 202, links, orbits={i: 8 for i in range(8)}, crossings={i: 0 for i in range(8)})}
    decoded = save_packet("gmt_mismatch", "gmt", dma_packet([(6, blocks)]))
    seen = [(c["bx_match"], c["orbit_match"]) for c in decoded["orbits"][0]["crossings"]]
    assert seen == [(0xF6, 0xFF), (0xFF, 0x6F), (0, 0)]

    save_packet("gmt_last", "gmt", dma_packet([(12, {bx: gmt_block(12, bx, links) for bx in (1, 3563, 3564)})]))

    top = 1 << 31
    blocks = {9: gmt_block(top | 9, 9, links), 10: gmt_block(9, 10, {1: (good, good, -1, -2, 0)})}
    orbits = [(top | 9, blocks), (10, {9: gmt_block(10, 9, links)})]
    decoded = save_packet("gmt_ignored", "gmt", dma_packet(orbits, junk=rng))
    assert [o["orbit"] for o in decoded["orbits"]] == [9, 10]
    assert all(c["orbit_match"] == 255 for o in decoded["orbits"] for c in o["crossings"])

    numbers = (0x3FFFE, 0x3FFFF, 0x40000, 0x40001)
    save_packet("gmt_sections", "gmt", dma_packet([(n, {n & 63: gmt_block(n, n & 63, links)}) for n in numbers]))


def calo_links(objects, sums):
    """objects: {jet, egamma, tau}: 12 in the order of the links (the second half first)."""
    words = {kind: [calo_word(kind, item) for item in items] for kind, items in objects.items()}
    sum_words = [calo_word(name, sums[name]) for name in reader.SUM_NAMES]
    return [words["jet"][:6], words["jet"][6:], words["egamma"][:6], words["egamma"][6:], [0] * 6, sum_words,
            words["tau"][:6], words["tau"][6:]]


def expect_calo(wanted, crossings, what):
    assert len(wanted) == len(crossings)
    for (objects, sums), crossing in zip(wanted, crossings):
        for kind, items in objects.items():
            expect(items, crossing[kind], what)
        expect([sums[n] for n in reader.SUM_NAMES], [crossing[n] for n in reader.SUM_NAMES], what)


def calo_corners():
    rows = {kind: corners(kind) for kind in ("jet", "egamma", "tau", *reader.SUM_NAMES)}
    wanted, blocks = [], {}
    for bx, i in ((0, 0), (3, 1), (1781, 2), (3563, 3)):
        objects = {kind: [rows[kind][(12 * i + k) % len(rows[kind])] for k in range(12)]
                   for kind in reader.CALO_OBJECTS}
        sums = {name: rows[name][(i + 1) % len(rows[name])] for name in reader.SUM_NAMES}
        wanted.append((objects, sums))
        blocks[bx] = calo_block(calo_links(objects, sums))
    blocks[4] = bytes(192)
    decoded = save_packet("calo_corners", "calo", dma_packet([(88, blocks)]))
    crossings = [c for c in decoded["orbits"][0]["crossings"] if c["bx"] != 4]
    expect_calo(wanted, crossings, "calo_corners")


def random_calo(rng):
    objects = {kind: [random_object(rng, kind) if rng.random() < 0.5 else zero(kind) for _ in range(12)]
               for kind in reader.CALO_OBJECTS}
    return objects, {name: random_object(rng, name) for name in reader.SUM_NAMES}


def calo_orbits(rng):
    orbits, wanted = [], []
    for number, count in ((500, 3), (501, 0), (502, 2)):
        crossings = sorted(rng.choice(3564, count, replace=False).tolist())
        values = [random_calo(rng) for _ in crossings]
        orbits.append((number, {bx: calo_block(calo_links(*v)) for bx, v in zip(crossings, values)}))
        wanted += values
    decoded = save_packet("calo_orbits", "calo", dma_packet(orbits))
    assert [o["orbit"] for o in decoded["orbits"]] == [500, 501, 502]
    expect_calo(wanted, [c for o in decoded["orbits"] for c in o["crossings"]], "calo_orbits")


def suppressed(rng):
    for source, kind in ((22, "jet"), (23, "egamma"), (25, "tau")):
        rows = corners(kind)[:12] + [random_object(rng, kind) for _ in range(12)]
        parts = ((0, rows[:6]), (7, []), (3563, rows[6:]))
        blocks = [calo_tcp_block(300, bx, kind, part) for bx, part in parts]
        seen = save_suppressed(f"zs_{source}_{kind}", source, "calo_tcp", {300: b"".join(blocks), 301: b""})
        expect(rows, [item for c in seen for item in c[kind]], kind)

    rows = [{name: corners(name)[i] for name in reader.SUM_NAMES} for i in range(5)]
    blocks = b"".join(struct.pack("<8I", bx, 300, *[calo_word(n, row[n]) for n in reader.SUM_NAMES])
                      for bx, row in zip((0, 1, 2, 3500, 3563), rows))
    seen = save_suppressed("zs_24_sums", 24, "calo_tcp", {300: blocks})
    for row, crossing in zip(rows, seen):
        expect([row[n] for n in reader.SUM_NAMES], [crossing[n] for n in reader.SUM_NAMES], "sums")

    for source in (10, 21):
        rows = corners("stub", bx=40) if source == 10 else [random_object(rng, "stub", bx=3563) for _ in range(20)]
        blocks = {300: stub_block(300, 40, rows[:9]), 301: stub_block(301, 41, []) + stub_block(301, 3563, rows[9:])}
        seen = save_suppressed(f"zs_{source}_stubs", source, "stubs", blocks)
        expect(rows, [stub for c in seen for stub in c["stub"]], "stubs")

    rows = corners("tower") + [random_object(rng, "tower") for _ in range(300)]
    blocks = [tower_block(300, bx, part) for bx, part in ((0, rows[:10]), (1, []), (2, rows[10:]))]
    seen = save_suppressed("zs_32_towers", 32, "towers", {300: b"".join(blocks)})
    expect(rows, [tower for c in seen for tower in c["tower"]], "towers")


def save_events(name, data):
    stream = reader.read_native64(data)
    assert not stream["errors"], stream["errors"]
    (FOLDER / f"{name}.bin").write_bytes(data)
    save_json(name, golden_json.describe_puppi(data))
    return [candidate for event in stream["events"] for candidate in event["puppi"]]


def puppi(rng):
    rows = corners("charged", id=2) + corners("neutral") + [zero("charged", id=i, pt=4 * i) for i in range(2, 8)]
    words = [puppi_word(row) for row in rows]
    data = (event_bytes(0, 0, []) + event_bytes(0, 6, words[:1]) + event_bytes(0, 3558, words[1:20])
            + event_bytes(0xFFFFFFFF, 3564, words[20:], run=31) + event_bytes(1, 12, [], error=1))
    expect(rows, save_events("puppi_corners", data), "puppi_corners")

    rows, data = [], b""
    for orbit in (40, 41, 42):
        for bx in range(0, 48, 6):
            kinds = rng.choice(["charged", "neutral"], int(rng.poisson(4)) if bx else 0)
            event = sorted((random_object(rng, str(kind)) for kind in kinds), key=lambda c: -c["pt"])
            rows += event
            data += event_bytes(orbit, bx, [puppi_word(c) for c in event], run=3)
        data += bytes(16)
    expect(rows, save_events("puppi_orbits", data), "puppi_orbits")
    one = puppi_word(zero("charged", id=3, pt=100))
    truncated = struct.pack("<Q", pack((0, 24), (51, 32), (3, 5), (1, 1), (3, 2)))
    beyond = [event_bytes(7, bx, [one], run=3) for bx in (0, 4095, 3558)]
    save_events("puppi_beyond", b"".join(beyond))
    save_events("puppi_truncated", event_bytes(50, 0, [one], run=3) + truncated + event_bytes(52, 0, [one, one], run=3))


def tkmuons(rng):
    rows = corners("tkmuon", valid=1) + [random_object(rng, "tkmuon", valid=1) for _ in range(20)]
    rows[0]["valid"] = 1
    data, at = b"", 0
    sizes = {(0, 0): 0, (0, 18): 1, (0, 36): 2, (0, 3546): 12, (1, 0): 3, (1, 18): 0, (1, 3546): 5}
    sizes[(2, 0)] = len(rows) - sum(sizes.values())
    for (orbit, bx), count in sizes.items():
        data += event_bytes(orbit, bx, tkmuon_words(rows[at:at + count]), mark=0)
        at += count
    events = reader.read_tkmuons(data)
    expect(rows, [m for event in events for m in event["tkmuon"]], "tkmuons")
    (FOLDER / "tkmuons.bin").write_bytes(data)
    save_json("tkmuons", golden_json.describe_tkmuons(data))


def dth(rng):
    """Three orbits: two blocks with an event that straddles them, a small block, and one that is full to the word."""
    def payload(orbit, counts):
        words = [rng.integers(0, 2**61, count).tolist() for count in counts]
        body = b"".join(event_bytes(orbit, 6 * i, event) for i, event in enumerate(words))
        return body + bytes(-len(body) % 32)

    payloads = [payload(60, [255, 0, 255, 3, 255, 255, 25]), payload(61, [1, 0, 2]), payload(62, [255, 255, 255, 251])]
    assert [len(p) for p in payloads] == [8448, 64, 8160]
    data = b"".join(dth_blocks(body) for body in payloads)
    framing = reader.read_dth(data)
    assert not framing["errors"] and [o["payload"] for o in framing["orbits"]] == payloads
    (FOLDER / "dth.bin").write_bytes(data)
    save_json("dth", golden_json.describe_dth(data))


def patterns(rng):
    links, frames = [0, 3, 17, 107], 8
    data = [[int(v) for v in rng.integers(0, 2**64, len(links), dtype="u8")] for _ in range(frames)]
    data[0], data[1][0] = [0] * len(links), 2**64 - 1
    flags = [[int(v) for v in rng.integers(0, 32, len(links))] for _ in range(frames)]

    def text(lines):
        return "\n".join(lines) + "\n"

    for bits in (4, 5):
        name = f"pattern_emp_v2_{bits}"
        names = ["strobe"] * (bits == 5) + ["start of orbit", "start of packet", "end of packet", "valid"]
        lines = ["ID: golden", f"Metadata: ({', '.join(names)})", ""]
        lines += ["      Link  " + "".join(f"{n:03d}".center(bits + 19) for n in links)]
        for i, row in enumerate(zip(flags, data)):
            pairs = "  ".join(f"{f & (1 << bits) - 1:0{bits}b} {d:016x}" for f, d in zip(*row))
            lines.append(f"Frame {16 + i:04d}    {pairs}")
        save_pattern(name, text(lines), data)
    for name, digits in (("pattern_emp_v1", 16), ("pattern_mp7", 8)):
        short = [[d & (1 << 4 * digits) - 1 for d in ds] for ds in data]
        lines = ["Board GOLDEN", " Quad/Chan :  " + "  ".join(f"q{n // 4:02d}c{n % 4}" for n in links),
                 "      Link :  " + "  ".join(f"{n:02d}" for n in links)]
        lines += [f"Frame {i:04d} : " + " ".join(f"{f & 1}v{d:0{digits}x}" for f, d in zip(fs, ds))
                  for i, (fs, ds) in enumerate(zip(flags, short))]
        save_pattern(name, text(lines), short)
    for name, sideband in (("pattern_apx", True), ("pattern_apx_plain", False)):
        labels = " ".join(f"LINK_{n:02d}" for n in links)
        lines = [f"#Sideband {'ON' if sideband else 'OFF'}", f"#LinkLabel {labels}", "#BeginData"]
        for i, row in enumerate(zip(flags, data)):
            numbers = [(f"0x{f:02x} " if sideband else "") + f"0x{d:016x}" for f, d in zip(*row)]
            lines.append(f"0x{i:04x}  " + "  ".join(numbers))
        save_pattern(name, text(lines), data)


def save_pattern(name, text, data):
    pattern = reader.read_pattern(text)
    assert [frame["data"] for frame in pattern["frames"]] == data, name
    (FOLDER / f"{name}.txt").write_text(text)
    save_json(name, golden_json.describe_pattern(text))


def main():
    assert reader.crc32c(b"123456789") == 0xE3069283
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.iterdir():
        file.unlink()
    makers = (gmt_orbits, gmt_odd_cases, calo_orbits, suppressed, puppi, tkmuons, dth, patterns)
    gmt_corners()
    calo_corners()
    for place, make in enumerate(makers):
        make(np.random.default_rng([SEED, place]))
    files = sorted(FOLDER.iterdir())
    print(f"{len(files)} files, {sum(file.stat().st_size for file in files)} bytes, seed {SEED}")


if __name__ == "__main__":
    main()
