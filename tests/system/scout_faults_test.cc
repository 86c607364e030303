// Faults in, truth out: every format that can be generated with every kind of fault, alone and all mixed. What was not
// touched comes out as it is without faults, what was is counted as what it is, and the account adds up.
#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/system/scout_fixture.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// In the order of the truth file's bits.
const std::vector<std::string> kKinds = {"missing-orbit", "missing-source", "flip-crossing", "flip-orbit",
                                         "flip-bitmap",   "flip-payload",   "flip-header",   "flip-trailer",
                                         "truncation",    "bad-crossing",   "duplicate",     "out-of-sequence",
                                         "stall",         "garbage",        "pre-firing",    "post-firing"};
constexpr uint32_t kFiring = 3u << 14;

bool is_firing(const std::string& kind) { return kind == "pre-firing" || kind == "post-firing"; }

/// A crossing's objects, whole: equal for equal ones.
using Contents = std::map<std::pair<uint32_t, uint32_t>, uint64_t>;

uint64_t mix(uint64_t digest, double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  digest = (digest ^ bits) * 0x9e3779b97f4a7c15u;
  return digest ^ digest >> 29;
}

using Arrays = std::map<std::string, std::vector<double>>;

/// All columns of the NPY files below a folder, one behind the other, by their paths in it: "gmt/muon/pt".
Arrays columns_in(const std::string& folder) {
  Arrays columns;
  std::set<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".npy") files.insert(entry.path());
  }
  for (const fs::path& path : files) {
    const fs::path inside = fs::relative(path, folder);
    const std::string name = fs::relative(inside, *inside.begin()).replace_extension().string();
    const auto array = io::read_npy(path);
    EXPECT_TRUE(array.ok()) << array.status();
    const std::vector<double> numbers = array->numbers();
    columns[name].insert(columns[name].end(), numbers.begin(), numbers.end());
  }
  return columns;
}

Contents contents_of(const Arrays& columns) {
  const std::vector<double>&orbit = columns.at("crossings/orbit"), &bx = columns.at("crossings/bx");
  std::vector<uint64_t> digests(orbit.size(), 1);
  for (const auto& [name, counts] : columns) {
    if (!name.ends_with("/count")) continue;
    const std::string kind = name.substr(0, name.size() - 5);
    for (auto field = columns.lower_bound(kind); field != columns.end() && field->first.starts_with(kind); ++field) {
      if (field->first == name) continue;
      size_t object = 0;
      for (size_t c = 0; c < counts.size(); ++c) {
        for (auto left = static_cast<size_t>(counts[c]); left > 0; --left)
          digests[c] = mix(digests[c], field->second[object++]);
      }
    }
    for (size_t c = 0; c < counts.size(); ++c) digests[c] = mix(digests[c], counts[c]);
  }
  Contents contents;
  for (size_t c = 0; c < orbit.size(); ++c) {
    const auto place = std::pair(static_cast<uint32_t>(orbit[c]), static_cast<uint32_t>(bx[c]));
    EXPECT_TRUE(contents.emplace(place, digests[c]).second) << "twice: orbit " << place.first << " " << place.second;
  }
  return contents;
}

/// The truth file, and what follows from it.
class Truth {
 public:
  explicit Truth(const std::string& path) {
    auto arrays = io::read_npz(path);
    EXPECT_TRUE(arrays.ok()) << arrays.status();
    for (const auto& [name, values] : *arrays) {
      if (!name.ends_with("digest") && name.find("_word") == std::string::npos) arrays_[name] = values.numbers();
    }
  }
  const std::vector<double>& operator[](const std::string& name) const { return arrays_.at(name); }
  size_t orbits() const { return (*this)["orbit"].size(); }
  uint32_t faults(size_t orbit) const { return static_cast<uint32_t>((*this)["orbit_faults"][orbit]); }
  bool has(size_t orbit, const std::string& kind) const { return (faults(orbit) >> index_of(kind) & 1) != 0; }
  static uint32_t index_of(const std::string& kind) {
    return static_cast<uint32_t>(std::find(kKinds.begin(), kKinds.end(), kind) - kKinds.begin());
  }
  /// Faults of a kind; in all orbits of the packets.
  uint64_t count(const std::string& kind) const {
    const std::vector<double>& kinds = (*this)["fault_kind"];
    return static_cast<uint64_t>(std::count(kinds.begin(), kinds.end(), index_of(kind)));
  }

 private:
  Arrays arrays_;
};

std::string text_of(const Contents& crossings) {
  std::vector<std::string> texts;
  for (const auto& [place, digest] : crossings) {
    if (texts.size() < 8) texts.push_back(absl::StrCat(place.first, ":", place.second));
  }
  return absl::StrCat(crossings.size(), ": ", absl::StrJoin(texts, " "));
}

class ScoutFaults : public Scout, public ::testing::WithParamInterface<const char*> {
 protected:
  struct Run {
    json account;
    Contents contents;
  };

  static bool has_calo(const std::string& format) { return format.starts_with("calo"); }
  static int orbits_of(const std::string& format) { return has_calo(format) ? 16 : 60; }

  /// False where the format has nothing that these faults could hit.
  bool make(const std::string& to, const std::string& faults, uint64_t seed, const std::string& more = "") {
    const std::string format = GetParam();
    const int status =
        strobe(absl::StrCat("scout generate --format ", format, " --first-orbit 5000 --orbits ", orbits_of(format),
                            " --seed ", seed, " --stall-ms 1 ", faults, " -o ", file(to), " ", more));
    if (status == 0) return true;
    EXPECT_THAT(error_, ::testing::HasSubstr("nothing that it could hit"));
    return false;
  }
  Run scout(const std::string& from) {
    fs::remove_all(file("written"));
    Run run;
    run.account = account_of(absl::StrCat("sources: [{name: s, format: ", GetParam(), ", from: @/", from,
                                          "}]\nwrite: [{kind: npy, to: @/written}]\n"));
    run.contents = contents_of(columns_in(file("written")));
    return run;
  }

  /// What no fault touched is there as it is in `clean`, and nothing else but what was touched.
  void expect_untouched(const Truth& truth, const Contents& clean, const Contents& found, bool renumbered) {
    Contents lost, altered, strange = found;
    for (size_t o = 0; o < truth.orbits(); ++o) {
      const auto number = static_cast<uint32_t>(truth["orbit"][o]);
      const auto begin = static_cast<size_t>(truth["orbit_first_crossing"][o]);
      const auto end = static_cast<size_t>(truth["orbit_first_crossing"][o + 1]);
      const bool kept = truth["orbit_sent"][o] > 0 && truth["orbit_damaged"][o] == 0;
      for (size_t c = begin; c < end; ++c) {
        const std::pair place(number, static_cast<uint32_t>(truth["crossing"][c]));
        const bool touched = (static_cast<uint32_t>(truth["crossing_faults"][c]) & ~kFiring) != 0;
        const auto there = found.find(place);
        const auto expected = clean.find(place);
        ASSERT_NE(expected, clean.end()) << "the truth is not what the stream without faults has";
        strange.erase(place);
        if (!kept || touched || truth.has(o, "out-of-sequence")) continue;
        if (there == found.end()) {
          lost.insert(*expected);
        } else if (there->second != expected->second) {
          altered.insert(*expected);
        }
      }
      // Damaged orbits may hold anything.
      if (truth["orbit_damaged"][o] != 0) {
        strange.erase(strange.lower_bound({number, 0}), strange.lower_bound({number + 1, 0}));
      }
    }
    EXPECT_TRUE(lost.empty()) << "lost: " << text_of(lost);
    EXPECT_TRUE(altered.empty()) << "altered: " << text_of(altered);
    EXPECT_TRUE(renumbered || strange.empty()) << "never sent: " << text_of(strange);
  }
};

/// What a kind is counted as, if it is seen at all.
struct Counted {
  std::string fault;
  bool exactly = true;  ///< once for each; else at least once, and for each at most once
};

/// Undecidable, by name: what a format has nothing to tell by, so that nothing is counted or something else is
/// (docs/scouting-formats.md, "What cannot be told").
bool is_undecidable(const std::string& format, const std::string& kind) {
  const bool events = format.starts_with("puppi") || format == "tkmuon";
  if (kind == "flip-payload") return !format.ends_with("-zs");   // no checksum
  if (kind == "flip-header") return events || format == "calo";  // any part of a header; a number that stands alone
  if (kind == "garbage") return format == "calo" || format == "pattern";  // no marker at an orbit's start; text
  // Lines end anywhere, and the same frames at once again are no other orbit.
  return format == "pattern" && (kind == "truncation" || kind == "duplicate");
}

std::optional<Counted> counted_as(const std::string& format, const std::string& kind) {
  const bool raw = format.ends_with("-zs"), bare = format == "puppi" || format == "tkmuon";
  const bool events = bare || format == "puppi-dth";
  if (kind == "flip-crossing")
    return raw ? Counted{"bad_checksum"} : events ? Counted{"bad_crossing", false} : Counted{"crossing_mismatch"};
  if (kind == "flip-orbit") return raw ? Counted{"bad_checksum"} : Counted{"orbit_mismatch"};
  if (kind == "flip-payload") return Counted{"bad_checksum"};
  if (kind == "flip-bitmap") return Counted{"bitmap_mismatch"};
  if (kind == "bad-crossing") return Counted{"bad_crossing"};
  if (kind == "duplicate") return Counted{"duplicate"};
  // Damage that hides where the next orbit begins is one with that of the next; the orbits' gaps tell how many they
  // are.
  if (kind == "out-of-sequence") return Counted{"out_of_sequence", false};
  if (kind == "truncation") return Counted{"truncated", false};
  if (kind == "flip-header" && raw) return Counted{"bad_header", false};
  if (kind == "garbage") return raw ? Counted{"bad_header"} : Counted{"lost_sync"};
  return std::nullopt;  // repaired (headers and trailers of muons' packets), or nothing that is wrong with the bytes
}

void expect_counted(const std::string& format, const std::string& kind, const Truth& truth, const json& source) {
  if (is_undecidable(format, kind)) return;
  uint64_t all = 0;
  for (const auto& [name, count] : source["faults"].items()) all += count.get<uint64_t>();
  const std::optional<Counted> expected = counted_as(format, kind);
  if (!expected) {
    EXPECT_EQ(all, 0u);
  } else {
    const uint64_t found = source["faults"].value(expected->fault, uint64_t{0}), injected = truth.count(kind);
    EXPECT_EQ(found, all) << "something else";
    EXPECT_GE(found, expected->exactly ? injected : 1);
    EXPECT_LE(found, injected);
  }
}

TEST_P(ScoutFaults, EachAlone) {
  for (const std::string& kind : kKinds) {
    if (kind == "missing-source") continue;
    const std::string fault = absl::StrCat("--fault ", kind, "=", is_firing(kind) ? 0.05 : 0.3);
    if (!make("damaged.dat", fault, 7, absl::StrCat("--truth ", file("truth.npz")))) continue;
    ASSERT_TRUE(make("clean.dat", is_firing(kind) ? fault : "", 7));
    const Run clean = scout("clean.dat"), damaged = scout("damaged.dat");
    const Truth truth(file("truth.npz"));
    SCOPED_TRACE(absl::StrCat(GetParam(), " ", kind, " ", damaged.account["sources"][0]["faults"].dump()));
    EXPECT_GT(truth.count(kind), 0u);
    // A number of the calorimeter's stands alone: a wrong one may be another orbit's.
    const bool misnumbered = kind == "flip-header" && std::string(GetParam()) == "calo";
    if (!misnumbered) {
      expect_untouched(truth, clean.contents, damaged.contents, kind == "flip-orbit" || kind == "flip-header");
    }
    expect_counted(GetParam(), kind, truth, damaged.account["sources"][0]);
  }
}

TEST_P(ScoutFaults, AllMixed) {
  std::string firing, others;
  for (const std::string& kind : kKinds) {
    const std::string fault = absl::StrCat("--fault ", kind, "=", is_firing(kind) ? 0.02 : 0.06, " ");
    if (kind == "missing-source" || !make("probe.dat", fault, 1)) continue;
    if (kind == "flip-header" && std::string(GetParam()) == "calo") continue;  // as above
    absl::StrAppend(is_firing(kind) ? &firing : &others, fault);
  }
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(absl::StrCat(GetParam(), " seed ", seed));
    ASSERT_TRUE(make("damaged.dat", firing + others, seed, absl::StrCat("--truth ", file("truth.npz"))));
    ASSERT_TRUE(make("clean.dat", firing, seed));
    const Run clean = scout("clean.dat"), damaged = scout("damaged.dat");
    expect_untouched(Truth(file("truth.npz")), clean.contents, damaged.contents, true);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, ScoutFaults,
                         ::testing::Values("gmt", "gmt-zs", "calo", "calo-zs", "jet-zs", "egamma-zs", "tau-zs",
                                           "sum-zs", "stub-zs", "tower-zs", "puppi", "puppi-dth", "tkmuon", "pattern"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace strobe
