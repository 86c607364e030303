#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "host/scouting/formats/extract.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/formats/isa.h"
#include "host/scouting/sinks/sink.h"
#include "tests/host/scouting/formats/support.h"

/// The decoders and the raw-file sink against packets that a reader in Python explains, written from the formats'
/// description by somebody who had not seen this code (tests/data/scouting/README.md).
namespace strobe::scouting {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kGolden = STROBE_SOURCE_DIR "/tests/data/scouting/golden";

/// Fields that the reader calls otherwise.
const std::map<std::string, std::string> kOtherNames = {
    {"phi_bending", "phi_b"}, {"eta_quality", "qeta"}, {"energy_ratio", "er"}, {"particle", "id"}};
/// What the reader adds to an object's fields: places, bits without meaning, what follows from fields.
const std::set<std::string> kNoFields = {"count", "physical", "link", "slot", "kept", "reserved"};
/// Physical values that are no linear function of the field.
const std::set<std::string> kDerived = {"charge", "pdg"};

json read_json(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  return json::parse(file);
}

/// A golden file as bytes, with the format that decodes it and what the reader says of it.
struct Golden {
  fs::path file;
  json content;
  const SourceFormat* format = nullptr;

  /// Files of `kind` ("gmt_dma", "raw"...), in order of their names.
  static std::vector<Golden> all(const std::string& kind);
  Bytes bytes() const { return read_bytes(file.string()); }
};

std::string format_of(const json& content) {
  static const std::map<std::string, std::string> kFormats = {
      {"gmt_dma", "gmt"},    {"calo_dma", "calo"}, {"stubs", "stub-zs"},        {"towers", "tower-zs"},
      {"tkmuons", "tkmuon"}, {"dth", "puppi-dth"}, {"puppi_native64", "puppi"}, {"emp_v1", "pattern"},
      {"emp_v2", "pattern"}, {"mp7", "pattern"},   {"apx", "pattern"}};
  static const std::map<int, std::string> kCalorimeter = {
      {22, "jet-zs"}, {23, "egamma-zs"}, {24, "sum-zs"}, {25, "tau-zs"}};
  const std::string kind = content.at("format");
  return kind == "calo_tcp" ? kCalorimeter.at(content.at("source")) : kFormats.at(kind);
}

std::vector<Golden> Golden::all(const std::string& kind) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kGolden)) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Golden> found;
  for (const fs::path& path : paths) {
    const json content = read_json(path);
    std::string format = format_of(content);
    if (kind != "raw") {
      fs::path file = path;
      file.replace_extension(format == "pattern" ? ".txt" : ".bin");
      if (format == kind && fs::exists(file)) found.push_back({file, content, find_format(format)});
      continue;
    }
    if (!content.contains("raw")) continue;
    if (!format.ends_with("-zs")) format += "-zs";
    for (const json& each : content.at("raw")) {
      Golden part{path.parent_path() / each.at("file"), content, find_format(format)};
      part.content["raw"] = json::array({each});
      found.push_back(part);
    }
  }
  EXPECT_FALSE(found.empty()) << kind;
  return found;
}

/// What a decoder made of a stream: whole orbits, and what it refused.
struct Seen {
  std::vector<SourceOrbit> orbits;
  FaultCounts crossings{};  ///< dropped inside orbits
  std::vector<Decoded> bad;

  Seen(const SourceFormat& format, std::span<const std::byte> bytes, Isa isa = Isa::kScalar) {
    auto decoder = make_decoder(format, {true, format.framing != Framing::kPatternText}, isa);
    EXPECT_TRUE(decoder.ok()) << decoder.status();
    for (Step& step : decode_all(**decoder, bytes)) {
      if (step.decoded.kind == Decoded::Kind::kBad) bad.push_back(step.decoded);
      if (step.decoded.kind != Decoded::Kind::kOrbit) continue;
      for (size_t i = 0; i < kFaults; ++i) crossings[i] += step.orbit.crossing_faults[i];
      orbits.push_back(std::move(step.orbit));
    }
  }
  uint64_t dropped(Fault fault) const { return crossings[static_cast<size_t>(fault)]; }
  uint64_t dropped() const { return std::accumulate(crossings.begin(), crossings.end(), uint64_t{0}); }
};

/// The objects of a list whose `keep` is true, in the order of `order`.
json chosen(const json& objects, const std::vector<size_t>& order) {
  json result = objects;
  for (auto& [name, values] : result.items()) {
    if (name == "physical") {
      values = chosen(values, order);
    } else if (values.is_array()) {
      json column = json::array();
      for (const size_t i : order) column.push_back(values[i]);
      values = column;
    }
  }
  if (result.contains("count")) result["count"] = order.size();
  return result;
}

/// CMSSW takes a calorimeter block's objects that have energy, link 1 of a kind before link 2; links are sent the other
/// way round.
json without_empty_slots(const json& objects) {
  std::vector<size_t> order;
  for (size_t i = 0; i < objects.at("count"); ++i) {
    if (objects["et"][i] != 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return objects["link"][a] > objects["link"][b]; });
  return chosen(objects, order);
}

/// A single object as columns of length 1.
json as_columns(const json& object) {
  json result = {{"count", 1}};
  for (const auto& [name, value] : object.items()) {
    result[name] = name == "physical" ? as_columns(value) : json::array({value});
  }
  return result;
}

/// Puppi's z0 and its like share bits with the weight and its like: each field is of one kind of candidate.
bool is_of_other_kind(const ObjectFormat& format, const std::string& field, const json& objects, size_t i) {
  static const std::set<std::string> kCharged = {"z0", "dxy", "quality"}, kNeutral = {"wpuppi", "em_id"};
  if (format.name != "puppi") return false;
  return objects["id"][i] >= 2 ? kNeutral.contains(field) : kCharged.contains(field);
}

void expect_field(const Collection& seen, const Field& field, uint32_t first, const json& objects) {
  const std::string own(field.name);
  const std::string name = kOtherNames.contains(own) ? kOtherNames.at(own) : own;
  ASSERT_TRUE(objects.contains(name)) << "the reader has no field " << name;
  const bool physical = objects.contains("physical") && objects["physical"].contains(name) && !kDerived.contains(name);
  if (!physical && (field.scale != 1 || field.bias != 0) && objects.contains("physical")) {
    ADD_FAILURE() << name << " has a scale that the reader does not know";
  }
  for (uint32_t i = 0; i < objects.at("count"); ++i) {
    if (is_of_other_kind(*seen.format, own, objects, i)) continue;
    const uint32_t object = first + i;
    int32_t raw = 0;
    extract(seen, field, {&object, 1}, &raw);
    EXPECT_EQ(raw, objects[name][i]) << seen.format->name << "." << name << " of object " << i;
    if (!physical) continue;
    double value = 0;
    extract(seen, field, {&object, 1}, true, &value);
    const double expected = objects["physical"][name][i];
    EXPECT_NEAR(value, expected, 1e-8 * std::abs(expected)) << seen.format->name << "." << name << " of object " << i;
  }
}

void expect_objects(const Collection& seen, size_t crossing, const json& objects) {
  ASSERT_EQ(seen.first[crossing + 1] - seen.first[crossing], objects.at("count")) << seen.format->name;
  if (objects.at("count") == 0) return;
  std::set<std::string> known = kNoFields;
  for (const Field& field : seen.format->fields) {
    const std::string own(field.name);
    known.insert(kOtherNames.contains(own) ? kOtherNames.at(own) : own);
    expect_field(seen, field, seen.first[crossing], objects);
  }
  for (const auto& [name, values] : objects.items()) EXPECT_TRUE(known.contains(name)) << "no table has " << name;
}

json objects_of(const json& row, const ObjectFormat& format, const SourceFormat& source) {
  const json& objects = row.at(std::string(format.name));
  if (format.one_a_crossing) return as_columns(objects);
  return source.name.starts_with("calo") ? without_empty_slots(objects) : objects;
}

void expect_crossing(const SourceOrbit& orbit, size_t crossing, const json& row) {
  SCOPED_TRACE(testing::Message() << "orbit " << row.at("orbit") << " crossing " << row.at("bx"));
  EXPECT_EQ(orbit.number, row.at("orbit"));
  ASSERT_EQ(orbit.crossings[crossing], row.at("bx"));
  for (const Collection& collection : orbit.collections) {
    expect_objects(collection, crossing, objects_of(row, *collection.format, *orbit.format));
  }
}

/// All orbits and crossings, each as a row of the reader's; a row with no crossing number is an orbit without any.
void expect_rows(const Seen& seen, const json& rows) {
  size_t at = 0;
  for (const SourceOrbit& orbit : seen.orbits) {
    ASSERT_LT(at, rows.size());
    if (orbit.crossings.empty()) {
      EXPECT_EQ(rows[at].at("orbit"), orbit.number);
      EXPECT_TRUE(rows[at].at("bx").is_null());
      ++at;
    }
    for (size_t c = 0; c < orbit.crossings.size(); ++c) {
      ASSERT_LT(at, rows.size());
      expect_crossing(orbit, c, rows[at++]);
    }
  }
  EXPECT_EQ(at, rows.size());
}

std::vector<Isa> isas() {
  std::vector<Isa> found;
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (has_isa(isa)) found.push_back(isa);
  }
  return found;
}

TEST(Golden, DmaPacketsAreWhatTheReaderSees) {
  for (const std::string kind : {"gmt", "calo"}) {
    for (const Golden& golden : Golden::all(kind)) {
      if (golden.file.stem() == "gmt_mismatch") continue;
      for (const Isa isa : isas()) {
        SCOPED_TRACE(golden.file.filename().string() + ", " + std::string(name_of(isa)));
        const Bytes bytes = golden.bytes();
        const Seen seen(*golden.format, bytes, isa);
        EXPECT_TRUE(seen.bad.empty());
        EXPECT_EQ(seen.dropped(), 0u);
        expect_rows(seen, golden.content.at("crossings"));
      }
    }
  }
}

/// The reader keeps a link's muons and notes the mismatch; here a block whose links disagree is not believed.
TEST(Golden, BlocksWhoseLinksDisagreeAreDropped) {
  const Bytes bytes = read_bytes(kGolden / "gmt_mismatch.bin");
  for (const Isa isa : isas()) {
    const Seen seen(*find_format("gmt"), bytes, isa);
    ASSERT_EQ(seen.orbits.size(), 1u);
    EXPECT_EQ(seen.orbits[0].number, 6u);
    EXPECT_EQ(seen.orbits[0].crossings.size(), 0u);
    EXPECT_EQ(seen.dropped(Fault::kCrossingMismatch), 1u);
    EXPECT_EQ(seen.dropped(Fault::kOrbitMismatch), 2u);
    EXPECT_EQ(seen.dropped(), 3u);
    EXPECT_EQ(seen.orbits[0].payload.size(), 4u);
  }
}

/// The rows of the orbits that a raw file holds; a crossing without muons has no block in it.
json rows_of(const json& content) {
  std::set<uint32_t> numbers;
  for (const json& orbit : content.at("raw").at(0).at("orbits")) numbers.insert(orbit.at("orbit").get<uint32_t>());
  json rows = json::array();
  for (const json& row : content.at("crossings")) {
    const bool has_block = !row.contains("muon") || row["muon"]["count"] != 0;
    if (has_block && numbers.contains(row.at("orbit"))) rows.push_back(row);
  }
  return rows;
}

TEST(Golden, RawFilesAreWhatTheReaderSees) {
  for (const Golden& golden : Golden::all("raw")) {
    SCOPED_TRACE(golden.file.filename().string());
    const Bytes bytes = golden.bytes();
    const Seen seen(*golden.format, bytes);
    EXPECT_TRUE(seen.bad.empty());
    EXPECT_EQ(seen.dropped(), 0u);
    expect_rows(seen, rows_of(golden.content));
    const json& places = golden.content.at("raw").at(0).at("orbits");
    ASSERT_EQ(places.size(), seen.orbits.size());
    for (size_t i = 0; i < places.size(); ++i) {
      const auto payload = std::span(bytes).subspan(places[i].at("payload_offset"), places[i].at("payload_bytes"));
      EXPECT_TRUE(std::ranges::equal(payload, seen.orbits[i].payload.view())) << "orbit " << places[i].at("orbit");
    }
  }
}

/// What the raw sink makes of decoded orbits, file by file in order of their names, as run 1.
std::vector<Bytes> written(const Seen& seen, const SourceFormat& format) {
  std::string folder = (fs::temp_directory_path() / "strobe-test-XXXXXX").string();
  EXPECT_NE(::mkdtemp(folder.data()), nullptr);
  SinkSettings settings;
  settings.kind = "raw";
  settings.to = folder;
  SinkSetup setup;
  setup.run = 1;
  setup.sources = {&format};
  setup.source_names = {"golden"};
  auto sink = open_sink(settings, setup);
  EXPECT_TRUE(sink.ok()) << sink.status();
  for (const SourceOrbit& orbit : seen.orbits) {
    const std::vector<uint8_t> keep(orbit.crossings.size(), 1);
    const SourceOrbit* const parts[] = {&orbit};
    FinishedOrbit finished;
    finished.number = orbit.number;
    finished.crossings = orbit.crossings.view();
    finished.keep = keep;
    finished.kept = keep.size();
    finished.parts = parts;
    const absl::Status status = (*sink)->write(finished);
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_TRUE((*sink)->close().ok());
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> files;
  for (const fs::path& path : paths) files.push_back(read_bytes(path.string()));
  fs::remove_all(folder);
  return files;
}

TEST(Golden, PacketsBecomeTheRawFilesByteForByte) {
  for (const std::string kind : {"gmt", "calo"}) {
    for (const Golden& golden : Golden::all(kind)) {
      if (golden.file.stem() == "gmt_mismatch") continue;
      for (const Isa isa : isas()) {
        SCOPED_TRACE(golden.file.filename().string() + ", " + std::string(name_of(isa)));
        const Bytes bytes = golden.bytes();
        const std::vector<Bytes> files = written(Seen(*golden.format, bytes, isa), *golden.format);
        const json& expected = golden.content.at("raw");
        ASSERT_EQ(files.size(), expected.size());
        for (size_t i = 0; i < files.size(); ++i) {
          EXPECT_EQ(files[i], read_bytes(kGolden / expected[i].at("file"))) << expected[i].at("file");
        }
      }
    }
  }
}

TEST(Golden, RawFilesAreWrittenAsTheyWereRead) {
  for (const Golden& golden : Golden::all("raw")) {
    SCOPED_TRACE(golden.file.filename().string());
    const Bytes bytes = golden.bytes();
    const std::vector<Bytes> files = written(Seen(*golden.format, bytes), *golden.format);
    ASSERT_EQ(files.size(), 1u);
    EXPECT_EQ(files[0], bytes);
  }
}

/// Whether event `at` is alone with its orbit's number, which is not between those before and behind it: no stream has
/// such an orbit, so that is a damaged number.
bool is_out_of_place(const json& events, size_t at) {
  if (at == 0 || at + 1 == events.size()) return false;
  const auto orbit = [&](size_t i) { return events[i].at("orbit").get<uint32_t>(); };
  return orbit(at) != orbit(at - 1) && orbit(at) - orbit(at - 1) > orbit(at + 1) - orbit(at - 1);
}

/// Events whose header says that something was wrong, or names a crossing or an orbit that cannot be, are not believed.
TEST(Golden, EventsAreWhatTheReaderSees) {
  for (const std::string kind : {"puppi", "tkmuon"}) {
    for (const Golden& golden : Golden::all(kind)) {
      SCOPED_TRACE(golden.file.filename().string());
      json sound = json::array();
      const json& events = golden.content.at("events");
      for (size_t i = 0; i < events.size(); ++i) {
        const bool believed = events[i].at("error") == 0 && events[i].at("bx") <= 3564 && !is_out_of_place(events, i);
        if (believed) sound.push_back(events[i]);
      }
      const Bytes bytes = golden.bytes();
      Seen seen(*golden.format, bytes);
      std::erase_if(seen.orbits, [](const SourceOrbit& orbit) { return orbit.crossings.empty(); });
      expect_rows(seen, sound);
      EXPECT_EQ(seen.dropped(), events.size() - sound.size());
    }
  }
}

TEST(Golden, TruncatedOrbitOfPuppiIsReported) {
  const Bytes bytes = read_bytes(kGolden / "puppi_truncated.bin");
  const Seen seen(*find_format("puppi"), bytes);
  ASSERT_EQ(seen.bad.size(), 1u);
  EXPECT_EQ(seen.bad[0].fault, Fault::kTruncated);
  EXPECT_EQ(seen.bad[0].orbit, 51u);
  EXPECT_EQ(seen.bad[0].orbits, 1u);
  EXPECT_EQ(seen.bad[0].consumed, 8u);
}

TEST(Golden, DthBlocksAreWhatTheReaderSees) {
  const Bytes bytes = read_bytes(kGolden / "dth.bin");
  const json events = read_json(kGolden / "dth.json").at("events");
  const Seen seen(*find_format("puppi-dth"), bytes);
  EXPECT_TRUE(seen.bad.empty());
  EXPECT_EQ(seen.dropped(), 0u);
  size_t at = 0;
  for (const SourceOrbit& orbit : seen.orbits) {
    const Collection& puppis = orbit.collections[0];
    for (size_t c = 0; c < orbit.crossings.size(); ++c, ++at) {
      ASSERT_LT(at, events.size());
      EXPECT_EQ(orbit.number, events[at].at("orbit"));
      EXPECT_EQ(orbit.crossings[c], events[at].at("bx"));
      std::vector<uint64_t> words;
      for (const std::string word : events[at].at("words")) words.push_back(std::stoull(word, nullptr, 16));
      EXPECT_TRUE(std::ranges::equal(words, puppis.wide[0].view().subspan(puppis.first[c], words.size())));
      EXPECT_EQ(puppis.first[c + 1] - puppis.first[c], words.size());
    }
  }
  EXPECT_EQ(at, events.size());
}

void expect_frame(const Collection& links, size_t first, const json& content, const json& frame) {
  for (size_t i = 0; i < content.at("links").size(); ++i) {
    const json& link = content["links"][i];
    const int64_t number = link.is_string() ? std::stoi(link.get<std::string>().substr(5)) : link.get<int64_t>();
    EXPECT_EQ(field(links, "link", first + i), number);
    EXPECT_EQ(links.wide[0][first + i], std::stoull(frame.at("data")[i].get<std::string>(), nullptr, 16));
    for (const char* flag : {"valid", "end_of_packet", "start_of_packet", "start_of_orbit", "strobe", "sideband"}) {
      if (!frame.contains(flag)) continue;
      EXPECT_EQ(field(links, flag, first + i), frame[flag][i]) << flag;
    }
  }
}

/// A frame counts if it is valid on some link; where nothing says so, all do.
TEST(Golden, PatternsAreWhatTheReaderSees) {
  for (const Golden& golden : Golden::all("pattern")) {
    SCOPED_TRACE(golden.file.filename().string());
    const Bytes bytes = golden.bytes();
    const Seen seen(*golden.format, bytes);
    EXPECT_TRUE(seen.bad.empty());
    ASSERT_EQ(seen.orbits.size(), 1u);
    const SourceOrbit& orbit = seen.orbits[0];
    size_t at = 0;
    for (const json& frame : golden.content.at("frames")) {
      if (frame.contains("valid") && !frame["valid"].is_null()) {
        const auto& valid = frame["valid"];
        if (std::none_of(valid.begin(), valid.end(), [](const json& bit) { return bit == 1; })) continue;
      }
      ASSERT_LT(at, orbit.crossings.size());
      EXPECT_EQ(orbit.crossings[at], frame.at("frame"));
      ASSERT_EQ(orbit.collections[0].first[at + 1] - orbit.collections[0].first[at], golden.content["links"].size());
      expect_frame(orbit.collections[0], orbit.collections[0].first[at], golden.content, frame);
      ++at;
    }
    EXPECT_EQ(at, orbit.crossings.size());
  }
}

}  // namespace
}  // namespace strobe::scouting
