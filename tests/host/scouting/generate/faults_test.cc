#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/scouting/formats/decoder.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/generate/packet_stream.h"

namespace strobe::scouting {
namespace {

struct Stream {
  Truth truth;
  std::vector<std::byte> bytes;
};

struct Case {
  std::string format;
  std::vector<std::pair<Injected, double>> faults;
  uint64_t seed = 1, orbits = 60;
  double mean = -1;
  uint32_t packet_orbits = 1, pool = 0;
};

void generate(const Case& what, Stream& made) {
  OrbitOptions orbit{.mean = what.mean, .seed = what.seed};
  StreamOptions options{.orbits = what.orbits,
                        .first_orbit = 5000,
                        .packet_orbits = what.packet_orbits,
                        .pool = what.pool,
                        .seed = what.seed,
                        .truth = &made.truth};
  for (const auto& [kind, rate] : what.faults) {
    options.faults[static_cast<size_t>(kind)] = rate;
    if (kind == Injected::kPreFiring) orbit.pre_firing = rate;
    if (kind == Injected::kPostFiring) orbit.post_firing = rate;
  }
  auto maker = OrbitMaker::create(*find_format(what.format), *find_filling_scheme("cms-2024"), orbit);
  ASSERT_TRUE(maker.ok()) << maker.status();
  auto stream = PacketStream::create(*std::move(maker), options);
  ASSERT_TRUE(stream.ok()) << stream.status();
  made.bytes.assign(stream->preamble().begin(), stream->preamble().end());
  for (std::vector<Piece> pieces; stream->next(pieces); pieces.clear()) {
    for (const Piece& piece : pieces) made.bytes.insert(made.bytes.end(), piece.bytes.begin(), piece.bytes.end());
  }
}

struct DecodedOrbit {
  uint32_t number = 0;
  std::map<uint16_t, uint64_t> digests;  ///< by crossing
};

/// What a decoder made of a stream.
struct Outcome {
  std::vector<DecodedOrbit> orbits;
  FaultCounts bad{}, crossing_faults{};
  size_t repaired = 0;  ///< orbits of which something was put aside
};

/// As from a socket: the decoder sees more and more of the stream.
Outcome decode(const Case& what, const Stream& made) {
  Outcome outcome;
  auto decoder = make_decoder(*find_format(what.format), {});
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  if (!decoder.ok()) return outcome;
  Random random(what.seed, 99);
  SourceOrbit orbit;
  size_t at = 0, known = 0;
  while (at < made.bytes.size()) {
    const bool at_end = known == made.bytes.size();
    const Decoded answer = (*decoder)->decode(std::span(made.bytes).subspan(at, known - at), at_end, orbit);
    if (answer.kind == Decoded::Kind::kNeedMore) {
      EXPECT_FALSE(at_end) << "wants more behind the end, at byte " << at;
      const bool too_many = known - at > (*decoder)->longest_bytes();
      EXPECT_FALSE(too_many) << "wants more than the longest packet, at byte " << at;
      if (at_end || too_many) break;
      known = std::min({made.bytes.size(), known + 1 + random.below(1 << 17), at + (*decoder)->longest_bytes() + 1});
      continue;
    }
    EXPECT_GT(answer.consumed, 0u);
    EXPECT_LE(answer.consumed, known - at);
    if (answer.consumed == 0 || answer.consumed > known - at) break;
    at += answer.consumed;
    if (answer.kind == Decoded::Kind::kBad) ++outcome.bad[static_cast<size_t>(answer.fault)];
    if (answer.kind != Decoded::Kind::kOrbit) continue;
    DecodedOrbit& decoded = outcome.orbits.emplace_back(DecodedOrbit{orbit.number, {}});
    for (size_t c = 0; c < orbit.crossings.size(); ++c) decoded.digests[orbit.crossings[c]] = crossing_digest(orbit, c);
    for (size_t f = 0; f < kFaults; ++f) outcome.crossing_faults[f] += orbit.crossing_faults[f];
    outcome.repaired += !orbit.bad.empty();
  }
  EXPECT_EQ(at, made.bytes.size()) << "bytes accounted for";
  return outcome;
}

bool is_touched(uint32_t faults) {
  return (faults & ~(bit_of(Injected::kPreFiring) | bit_of(Injected::kPostFiring))) != 0;
}

/// Whether every crossing of the orbit that was not touched is there and as it was.
bool keeps_untouched(const TruthOrbit& truth, const DecodedOrbit& decoded) {
  const SourceOrbit& orbit = truth.generated.data;
  if (truth.is_whole() && decoded.digests.size() != orbit.crossings.size()) return false;
  for (size_t c = 0; c < orbit.crossings.size(); ++c) {
    if (is_touched(truth.crossing_faults[c])) continue;
    const auto found = decoded.digests.find(orbit.crossings[c]);
    if (found == decoded.digests.end() || found->second != crossing_digest(orbit, c)) return false;
  }
  return true;
}

/// What is wrong with an outcome, by the orbits' numbers.
struct Verdict {
  std::vector<std::string> lost, lost_beside, altered;
  bool operator==(const Verdict&) const = default;
  size_t orbits() const { return lost.size() + lost_beside.size() + altered.size(); }
  friend void PrintTo(const Verdict& verdict, std::ostream* out) {
    for (const auto& [what, orbits] : {std::pair("lost", &verdict.lost),
                                       {"lost beside a damage", &verdict.lost_beside},
                                       {"altered", &verdict.altered}}) {
      *out << "\n  " << what << ": " << absl::StrJoin(*orbits, ", ");
    }
  }
};

Verdict judge(const Stream& made, const Outcome& outcome) {
  std::multimap<uint32_t, const DecodedOrbit*> found;
  for (const DecodedOrbit& orbit : outcome.orbits) found.emplace(orbit.number, &orbit);
  uint32_t renumbering = 0;  // a damaged orbit may have taken another's number
  for (const TruthOrbit& truth : made.truth.orbits) {
    if (truth.damaged) renumbering |= truth.faults & (bit_of(Injected::kFlipHeader) | bit_of(Injected::kFlipOrbit));
  }
  Verdict verdict;
  for (const TruthOrbit& truth : made.truth.orbits) {
    if (truth.damaged) continue;
    const std::string number = absl::StrCat(truth.generated.data.number);
    const auto [first, last] = found.equal_range(truth.generated.data.number);
    uint32_t kept = 0, decoded = 0;
    for (auto each = first; each != last; ++each) {
      ++decoded;
      kept += keeps_untouched(truth, *each->second);
    }
    if (decoded < truth.sent) {
      (truth.beside ? verdict.lost_beside : verdict.lost).push_back(number);
    } else if (renumbering != 0 ? kept < truth.sent : kept != truth.sent || decoded != kept) {
      verdict.altered.push_back(number);
    }
  }
  return verdict;
}

void check(const Stream& made, const Outcome& outcome) { EXPECT_EQ(judge(made, outcome), Verdict{}); }

/// A track muon's header has no bit of its own and no checksum, so a cut that happens to end where another event's
/// words could stand takes the orbits beside it along; docs/scouting-formats.md says so. How often is tested.
bool may_cost_neighbours(std::string_view format) { return format == "tkmuon"; }

std::string describe(const Case& what) {
  std::string text = absl::StrCat(what.format, " seed ", what.seed);
  for (const auto& [kind, rate] : what.faults) absl::StrAppend(&text, " ", std::string(name_of(kind)), "=", rate);
  return text;
}

uint64_t count_of(const Truth& truth, Injected kind) {
  uint64_t count = 0;
  for (const TruthFault& fault : truth.faults) count += fault.kind == kind;
  return count;
}

bool can_have(const char* format, Injected kind) {
  FaultRates rates{};
  rates[static_cast<size_t>(kind)] = 0.5;
  return check_faults(*find_format(format), rates).ok();
}

constexpr const char* kFormats[] = {"gmt",    "gmt-zs",  "calo",     "calo-zs", "jet-zs",    "egamma-zs", "tau-zs",
                                    "sum-zs", "stub-zs", "tower-zs", "puppi",   "puppi-dth", "tkmuon",    "pattern"};
/// Orbits of these are large.
uint64_t some_orbits(const char* format) { return std::string_view(format).starts_with("calo") ? 24 : 60; }

bool packs_several(const char* format) { return find_format(format)->framing == Framing::kDmaPacket; }

class FaultyStream : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Formats, FaultyStream,
                         testing::Values("gmt", "gmt-zs", "stub-zs", "sum-zs", "tower-zs", "puppi-dth", "calo",
                                         "calo-zs", "puppi", "tkmuon"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(GeneratedStream, DecodesToItsTruth) {
  for (const char* format : kFormats) {
    for (const uint32_t packet_orbits : {1u, 3u}) {
      for (const uint32_t pool : {0u, 2u}) {
        if (packet_orbits > 1 && !packs_several(format)) continue;
        if (pool > 0 && std::string_view(format) == "pattern") continue;
        const Case what{.format = format, .seed = 3, .orbits = 7, .packet_orbits = packet_orbits, .pool = pool};
        SCOPED_TRACE(describe(what));
        Stream made;
        generate(what, made);
        const Outcome outcome = decode(what, made);
        check(made, outcome);
        EXPECT_EQ(outcome.orbits.size(), 7u);
        EXPECT_EQ(outcome.bad, FaultCounts{});
        EXPECT_EQ(outcome.crossing_faults, FaultCounts{});
      }
    }
  }
}

TEST_P(FaultyStream, KeepsWhatWasNotTouched) {
  for (size_t k = 0; k < kInjectedKinds; ++k) {
    const auto kind = static_cast<Injected>(k);
    if (!can_have(GetParam(), kind) || kind == Injected::kMissingSource) continue;
    const Case what{.format = GetParam(), .faults = {{kind, 0.3}}, .seed = 10 + k, .orbits = some_orbits(GetParam())};
    SCOPED_TRACE(describe(what));
    Stream made;
    generate(what, made);
    EXPECT_GT(count_of(made.truth, kind), 0u);
    const Outcome outcome = decode(what, made);
    if (may_cost_neighbours(GetParam()) && kind == Injected::kTruncation) {
      EXPECT_LE(judge(made, outcome).orbits(), count_of(made.truth, kind) / 4);
    } else {
      check(made, outcome);
    }
  }
}

TEST_P(FaultyStream, KeepsWhatWasNotTouchedWhenAllFaultsMix) {
  size_t sent = 0, beside = 0;
  for (const uint32_t packet_orbits : {1u, 4u}) {
    if (packet_orbits > 1 && !packs_several(GetParam())) continue;
    // Where a cut falls, and what has arrived by then, is chance: some packets are cheap enough for many of both.
    const std::string_view format = GetParam();
    const bool many = format == "gmt" || format == "puppi" || format == "tkmuon";
    for (uint64_t seed = 1; seed <= (many ? 30 : 4); ++seed) {
      const uint64_t orbits = many ? 100 : some_orbits(GetParam());
      Case what{.format = GetParam(), .seed = seed, .orbits = orbits, .packet_orbits = packet_orbits};
      for (size_t k = 0; k < kInjectedKinds; ++k) {
        if (can_have(GetParam(), static_cast<Injected>(k))) what.faults.emplace_back(static_cast<Injected>(k), 0.05);
      }
      SCOPED_TRACE(describe(what));
      Stream made;
      generate(what, made);
      const Outcome outcome = decode(what, made);
      sent += what.orbits;
      if (may_cost_neighbours(format)) {
        beside += judge(made, outcome).orbits();
      } else {
        check(made, outcome);
      }
    }
  }
  EXPECT_LE(beside, sent / 200);
}

TEST(FaultyMuons, AreCountedAsWhatTheyAre) {
  const std::pair<Injected, Fault> crossing_faults[] = {{Injected::kFlipCrossing, Fault::kCrossingMismatch},
                                                        {Injected::kFlipOrbit, Fault::kOrbitMismatch},
                                                        {Injected::kBadCrossing, Fault::kBadCrossing},
                                                        {Injected::kFlipBitmap, Fault::kBitmapMismatch}};
  for (const auto& [kind, fault] : crossing_faults) {
    const Case what{.format = "gmt", .faults = {{kind, 0.4}}, .seed = 5};
    SCOPED_TRACE(describe(what));
    Stream made;
    generate(what, made);
    FaultCounts expected{};
    expected[static_cast<size_t>(fault)] = count_of(made.truth, kind);
    const Outcome outcome = decode(what, made);
    EXPECT_EQ(outcome.crossing_faults, expected);
    EXPECT_EQ(outcome.bad, FaultCounts{});
    EXPECT_EQ(outcome.orbits.size(), what.orbits);
  }
}

TEST(FaultyOrbits, AreCountedAsWhatTheyAre) {
  const std::tuple<const char*, Injected, Fault> orbit_faults[] = {
      {"gmt", Injected::kGarbage, Fault::kLostSync},
      {"gmt-zs", Injected::kFlipPayload, Fault::kBadChecksum},
      {"gmt-zs", Injected::kTruncation, Fault::kTruncated},
  };
  for (const auto& [format, kind, fault] : orbit_faults) {
    const Case what{.format = format, .faults = {{kind, 0.2}}, .seed = 6};
    SCOPED_TRACE(describe(what));
    Stream made;
    generate(what, made);
    const Outcome outcome = decode(what, made);
    EXPECT_EQ(outcome.bad[static_cast<size_t>(fault)], count_of(made.truth, kind));
  }
}

TEST(Truth, SaysWhatBefellEachOrbit) {
  for (size_t k = 0; k < kInjectedKinds; ++k) {
    const auto kind = static_cast<Injected>(k);
    const Case what{.format = "gmt", .faults = {{kind, kind >= Injected::kPreFiring ? 0.05 : 0.5}}, .seed = 20 + k};
    SCOPED_TRACE(describe(what));
    Stream made;
    generate(what, made);
    if (kind == Injected::kMissingSource) continue;  // the sender's doing
    uint64_t touched = 0, sent = 0, whole = 0;
    for (const TruthOrbit& orbit : made.truth.orbits) {
      touched += (orbit.faults & bit_of(kind)) != 0;
      EXPECT_EQ(orbit.faults & ~bit_of(kind), 0u);
      sent += orbit.sent;
      whole += orbit.is_whole();
    }
    EXPECT_GT(touched, 15u);
    EXPECT_LE(touched, count_of(made.truth, kind));
    if (kind == Injected::kMissingOrbit) {
      EXPECT_EQ(sent, what.orbits - touched);
    } else if (kind == Injected::kDuplicate) {
      EXPECT_EQ(sent, what.orbits + touched);
    } else {
      EXPECT_EQ(sent, what.orbits);
    }
    const bool harmless = kind == Injected::kStall || kind == Injected::kGarbage || kind >= Injected::kPreFiring;
    const uint64_t phantom = kind == Injected::kFlipBitmap ? touched : 0;  // a bit too many touches no crossing
    EXPECT_GE(whole, what.orbits - (harmless ? 0 : touched));
    EXPECT_LE(whole, what.orbits - (harmless ? 0 : touched) + phantom);
  }
}

TEST(Truth, OffsetsLeadToTheDamage) {
  const Case what{.format = "gmt", .faults = {{Injected::kFlipPayload, 0.5}}, .seed = 4};
  Stream damaged, clean;
  generate(what, damaged);
  generate({.format = "gmt", .seed = 4}, clean);
  ASSERT_EQ(damaged.bytes.size(), clean.bytes.size());
  std::vector<uint64_t> offsets, expected;
  for (size_t i = 0; i < clean.bytes.size(); ++i) {
    if (clean.bytes[i] != damaged.bytes[i]) offsets.push_back(i);
  }
  for (const TruthFault& fault : damaged.truth.faults) expected.push_back(fault.offset);
  EXPECT_EQ(offsets, expected);
}

TEST(Truth, PreAndPostFiringMoveObjectsByOne) {
  const Case what{.format = "gmt", .faults = {{Injected::kPreFiring, 0.1}, {Injected::kPostFiring, 0.1}}, .seed = 4};
  Stream moved, clean;
  generate(what, moved);
  generate({.format = "gmt", .seed = 4}, clean);
  uint64_t pre = 0, post = 0;
  for (size_t i = 0; i < moved.truth.orbits.size(); ++i) {
    const TruthOrbit &orbit = moved.truth.orbits[i], &before = clean.truth.orbits[i];
    ASSERT_EQ(orbit.generated.data.crossings.size(), before.generated.data.crossings.size());
    for (size_t c = 0; c < orbit.generated.data.crossings.size(); ++c) {
      const int shift = orbit.generated.data.crossings[c] - before.generated.data.crossings[c];
      const uint8_t label = orbit.generated.labels[c];
      EXPECT_EQ(shift, (label & kPreFired) != 0 ? -1 : (label & kPostFired) != 0 ? 1 : 0);
      pre += shift == -1;
      post += shift == 1;
    }
  }
  EXPECT_EQ(pre, count_of(moved.truth, Injected::kPreFiring));
  EXPECT_EQ(post, count_of(moved.truth, Injected::kPostFiring));
  EXPECT_GT(pre, 500u);
  EXPECT_GT(post, 500u);
}

TEST(FaultRates, RefuseWhatCannotBe) {
  FaultRates rates{};
  EXPECT_TRUE(add_fault_rate("garbage=0.25", rates).ok());
  EXPECT_EQ(rates[static_cast<size_t>(Injected::kGarbage)], 0.25);
  for (const char* text :
       {"garbage", "garbage=", "garbage=2", "garbage=-1", "garbage=x", "garbage=nan", "=0.1", "x=0.1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(add_fault_rate(text, rates))) << text;
  }
  EXPECT_FALSE(can_have("puppi", Injected::kFlipBitmap));
  EXPECT_FALSE(can_have("calo", Injected::kFlipOrbit));
  EXPECT_FALSE(can_have("pattern", Injected::kFlipPayload));
}

}  // namespace
}  // namespace strobe::scouting
