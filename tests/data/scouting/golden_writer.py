"""Words and packets of the scouting formats, for make_golden.py.

The layouts stand here a second time, as widths packed one after the other, and share nothing with the reader's tables
of offsets: a slip in either shows when what was written is read back.
"""

import struct

RUN = 1
MAXIMA = {
    "muon": {"phi": 1023, "pt": 511, "quality": 15, "eta": (-256, 255), "isolation": 3, "charge": 1, "charge_valid": 1,
             "index": 127, "phi_station": 1023, "pt_unconstrained": 255, "dxy": 3},
    "jet": {"et": 2047, "eta": (-128, 127), "phi": 255, "displaced": 1, "quality": 3},
    "egamma": {"et": 511, "eta": (-128, 127), "phi": 255, "isolation": 3},
    "total_et": {"et": 4095, "et_em": 4095, "mbhfp0": 15},
    "total_ht": {"et": 4095, "towers": 8191, "mbhfm0": 15},
    "missing_et": {"et": 4095, "phi": 255, "asymmetry": 255, "mbhfp1": 15},
    "missing_ht": {"et": 4095, "phi": 255, "asymmetry": 255, "mbhfm1": 15},
    "missing_et_hf": {"et": 4095, "phi": 255, "asymmetry": 255, "centrality": 3},
    "missing_ht_hf": {"et": 4095, "phi": 255, "asymmetry": 255, "centrality": 3},
    "stub": {"valid": 1, "phi": (-2048, 2047), "phi_b": (-512, 511), "quality": 7, "eta": 127, "qeta": 127, 
             "station": 3, "wheel": (-4, 3), "reserved": 7, "bx": 65535},
    "tower": {"et": 511, "er": 7, "misc": 15, "phi": 255, "eta": (-128, 127)},
    "charged": {"pt": 16383, "eta": (-2048, 2047), "phi": (-1024, 1023), "id": (2, 7), "z0": (-512, 511),
                "dxy": (-128, 127), "quality": 7},
    "neutral": {"pt": 16383, "eta": (-2048, 2047), "phi": (-1024, 1023), "id": 1, "wpuppi": 1023, "em_id": 63},
    "tkmuon": {"valid": 1, "pt": 65535, "phi": (-4096, 4095), "eta": (-8192, 8191), "z0": (-512, 511), 
               "d0": (-512, 511), "charge": 1, "quality": 255, "isolation": 15, "beta": 15},
}
MAXIMA["tau"] = MAXIMA["egamma"]


def pack(*parts):
    """Word of (value, width) from bit 0 upwards; negative values in two's complement."""
    word, at = 0, 0
    for value, width in parts:
        assert -(1 << width - 1) <= value < 1 << width, (value, width)
        word |= (value & (1 << width) - 1) << at
        at += width
    return word


def limits(kind, name):
    maximum = MAXIMA[kind][name]
    return maximum if isinstance(maximum, tuple) else (0, maximum)


def zero(kind, **values):
    return {**{name: max(0, limits(kind, name)[0]) for name in MAXIMA[kind]}, **values}


def corners(kind, **base):
    """All at the low end, all at the high end, each field alone at either end, and -1 where there is a sign."""
    rows = [{n: limits(kind, n)[end] for n in MAXIMA[kind]} for end in (0, 1)]
    for name in MAXIMA[kind]:
        low, high = limits(kind, name)
        rows += [zero(kind, **{**base, name: value}) for value in ((low, high, -1) if low < 0 else (high,))]
    return [{**row, **{n: v for n, v in base.items() if row[n] == 0}} for row in rows]


def random_object(rng, kind, **values):
    return {**{n: int(rng.integers(limits(kind, n)[0], limits(kind, n)[1] + 1)) for n in MAXIMA[kind]}, **values}


def muon_words(m):
    first = pack((m["phi"], 10), (m["pt"], 9), (m["quality"], 4), (m["eta"], 9))
    second = pack((m["isolation"], 2), (m["charge"], 1), (m["charge_valid"], 1), (m["index"], 7),
                  (m["phi_station"], 10), (m["pt_unconstrained"], 8), (0, 1), (m["dxy"], 2))
    return first, second


def calo_word(kind, c):
    if kind == "jet":
        return pack((c["et"], 11), (c["eta"], 8), (c["phi"], 8), (c["displaced"], 1), (c["quality"], 2))
    if kind in ("egamma", "tau"):
        return pack((c["et"], 9), (c["eta"], 8), (c["phi"], 8), (c["isolation"], 2))
    if kind == "total_et":
        return pack((c["et"], 12), (c["et_em"], 12), (0, 4), (c["mbhfp0"], 4))
    if kind == "total_ht":
        return pack((c["et"], 12), (c["towers"], 13), (0, 3), (c["mbhfm0"], 4))
    last = c.get("mbhfp1", c.get("mbhfm1", c.get("centrality")))
    return pack((c["et"], 12), (c["phi"], 8), (c["asymmetry"], 8), (last, 4))


def gmt_block(orbit, bx, links, orbits=None, crossings=None):
    """192 bytes; links: of each link (mu1 or None, mu2 or None, eta1, eta2, intermediate), missing ones empty."""
    columns = []
    for link in range(8):
        mu1, mu2, eta1, eta2, intermediate = links.get(link, (None, None, 0, 0, 0))
        bx_word = pack(((crossings or {}).get(link, bx), 13), (eta1, 9), (eta2, 9), (intermediate, 1))
        slots = [word for mu in (mu1, mu2) for word in (muon_words(mu) if mu else (0, 0))]
        columns.append([(orbits or {}).get(link, orbit), bx_word, *slots])
    return struct.pack("<48I", *[columns[link][group] for group in range(6) for link in range(8)])


def calo_block(words_by_link):
    return struct.pack("<48I", *[words_by_link[link][slot] for slot in range(6) for link in range(8)])


def dma_packet(orbits, trailer=(0, 0), junk=None):
    """orbits: (header word, {bx: block}); junk: rng for the bytes without meaning, zero otherwise."""
    def fill(count):
        return junk.integers(0, 2**32, count, dtype="<u4").tobytes() if junk else bytes(4 * count)

    out = b""
    for header, blocks in orbits:
        bitmap = bytearray(14 * 32)
        for bx in blocks:
            bitmap[bx // 8] |= 1 << bx % 8
        out += struct.pack("<I", header) + fill(7)
        out += b"".join(blocks[bx] for bx in sorted(blocks)) + b"\xad\xde\xef\xbe" * 8 + bytes(bitmap) + fill(16)
    return out + struct.pack("<4Q", 0xDEADBEEFDEADBEEF, *trailer, len(orbits))


def raw_bytes(section, orbits):
    def crc(data):
        value = 0xFFFFFFFF
        for byte in data:
            for bit in range(8):
                mix = (value ^ byte >> bit) & 1
                value = value >> 1 ^ 0x82F63B78 * mix
        return ~value & 0xFFFFFFFF

    parts = [struct.pack("<HHIIIII", 6, 0, RUN, section, number, len(payload), crc(payload)) + payload
             for number, payload in orbits]
    size = 32 + sum(map(len, parts))
    return b"RAW_0002" + struct.pack("<HHIIIQ", 32, 20, len(orbits), RUN, section, size) + b"".join(parts)


def stub_block(orbit, bx, stubs):
    words = [pack((s["valid"], 1), (s["phi"], 12), (s["phi_b"], 10), (s["quality"], 3), (s["eta"], 7), (s["qeta"], 7),
                  (s["station"], 2), (s["wheel"], 3), (s["reserved"], 3), (s["bx"], 16)) for s in stubs]
    return struct.pack("<3I", len(stubs), bx, orbit) + struct.pack(f"<{len(words)}Q", *words)


def puppi_word(c):
    first = ((c["pt"], 14), (c["eta"], 12), (c["phi"], 11), (c["id"], 3))
    if "z0" in c:
        return pack(*first, (c["z0"], 10), (c["dxy"], 8), (c["quality"], 3))
    return pack(*first, (c["wpuppi"], 10), (c["em_id"], 6))


def tkmuon_words(muons):
    """64-bit words of track muons: two muons of 96 bits in three words, the high third of both in the middle one."""
    words = []
    for k in range(0, len(muons), 2):
        even, odd = ([tkmuon_number(m) for m in muons[k:k + 2]] + [None])[:2]
        words += [even & 2**64 - 1, even >> 64 | (odd >> 64 << 32 if odd is not None else 0)]
        words += [odd & 2**64 - 1] if odd is not None else []
    return words


def tkmuon_number(m):
    return pack((m["valid"], 1), (m["pt"], 16), (m["phi"], 13), (m["eta"], 14), (m["z0"], 10), (m["d0"], 10),
                (m["charge"], 1), (m["quality"], 8), (m["isolation"], 4), (m["beta"], 4))


def dth_blocks(payload):
    """Blocks of one orbit; payload: whole 32-byte words."""
    pieces = [payload[at:at + 8160] for at in range(0, len(payload), 8160)]
    out = b""
    for i, piece in enumerate(pieces):
        flags = (i == 0) << 7 | (i == len(pieces) - 1) << 6
        header = b"\x47\x5a" + struct.pack("<HBBBB", i, 0, flags, len(piece) // 32, 0)
        out += header + bytes(8) + payload[:8] + bytes(8) + piece
    return out


def tower_block(orbit, bx, towers):
    words = [pack((t["et"], 9), (t["er"], 3), (t["misc"], 4), (t["phi"], 8), (t["eta"], 8)) for t in towers]
    return struct.pack(f"<{3 + len(words)}I", len(towers), bx, orbit, *words)


def calo_tcp_block(orbit, bx, kind, objects):
    """The count is the header's low byte: what stands above it has no part in it."""
    words = [calo_word(kind, item) for item in objects]
    return struct.pack(f"<{3 + len(words)}I", 0xABCDE00 | len(objects), bx, orbit, *words)


def event_bytes(orbit, bx, words, run=0, error=0, mark=2):
    header = pack((len(words), 12), (bx, 12), (orbit, 32), (run, 5), (error, 1), (mark, 2))
    return struct.pack(f"<{1 + len(words)}Q", header, *words)
