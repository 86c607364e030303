#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/host/scouting/formats/support.h"

/// The decoders against packets and their contents by an independent reader (tests/data/scouting/README.md).
namespace strobe::scouting {
namespace {

using Json = nlohmann::json;

std::string golden(const std::string& name) { return STROBE_SOURCE_DIR "/tests/data/scouting/golden/" + name; }

Json contents(const std::string& name) {
  const Bytes bytes = read_bytes(golden(name + ".json"));
  const auto* begin = reinterpret_cast<const char*>(bytes.data());
  return Json::parse(begin, begin + bytes.size());
}

/// The reader's name of a field.
std::string their_name(std::string_view object, std::string_view field) {
  static const std::map<std::string, std::string> names = {{"stub.phi_bending", "phi_b"},
                                                           {"stub.eta_quality", "qeta"},
                                                           {"tower.energy_ratio", "er"},
                                                           {"puppi.particle", "id"}};
  const auto found = names.find(std::string(object) + "." + std::string(field));
  return found == names.end() ? std::string(field) : found->second;
}

/// Of the reader's objects of a kind, those that strobe has too, in its order: with energy, first link before second.
std::vector<size_t> chosen(const Json& objects, bool dma_or_59_words) {
  if (!objects.contains("count")) return {0};
  std::vector<size_t> order(objects["count"].get<size_t>());
  std::iota(order.begin(), order.end(), 0);
  if (!dma_or_59_words || order.empty() || !objects.contains("slot")) return order;
  std::erase_if(order, [&](size_t i) { return objects["et"][i] == 0; });
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return objects["link"][a] > objects["link"][b]; });
  return order;
}

void expect_objects(const Json& objects, const Collection& found, size_t crossing, bool calo,
                    const std::string& where) {
  const std::vector<size_t> order = chosen(objects, calo);
  const size_t first = found.first[crossing];
  ASSERT_EQ(found.first[crossing + 1] - first, order.size()) << where;
  for (const Field& each : found.format->fields) {
    const std::string name = their_name(found.format->name, each.name);
    ASSERT_TRUE(order.empty() || objects.contains(name)) << where << " " << name;
    // A neutral candidate's charged fields are 0 to the reader, and the other way round.
    const bool by_charge = found.format->name == "puppi" && each.offset >= 40;
    for (size_t i = 0; i < order.size(); ++i) {
      const Json& value = objects[name].is_array() ? objects[name][order[i]] : objects[name];
      if (by_charge && (field(found, "particle", first + i) >= 2) == (name == "wpuppi" || name == "em_id")) continue;
      EXPECT_EQ(field(found, each.name, first + i), value.get<int64_t>()) << where << " " << name << " " << i;
    }
  }
}

/// Compares all crossings of a stream with the reader's; `number_of` says under which number strobe has an orbit.
template <typename Number>
void compare(const std::string& name, const std::string& file, std::string_view format, Number number_of) {
  SCOPED_TRACE(file);
  const Bytes bytes = read_bytes(golden(file));
  ASSERT_FALSE(bytes.empty()) << file;
  const auto steps = decode_all(*decoder_of(format), bytes);
  const Json json = contents(name);
  std::vector<std::pair<const SourceOrbit*, size_t>> found;
  for (const Step& step : steps) {
    if (step.decoded.kind != Decoded::Kind::kOrbit) continue;
    for (size_t c = 0; c < step.orbit.crossings.size(); ++c) found.emplace_back(&step.orbit, c);
  }
  size_t at = 0;
  for (const Json& entry : json[json.contains("crossings") ? "crossings" : "events"]) {
    if (entry["bx"].is_null() || entry.value("error", 0) != 0) continue;
    if (entry["bx"].get<uint32_t>() > kHighestCrossing) continue;
    const bool links_agree = entry.value("bx_match", 255) == 255 && entry.value("orbit_match", 255) == 255;
    if (!links_agree && format == "gmt") continue;
    ASSERT_LT(at, found.size());
    const auto& [orbit, crossing] = found[at++];
    const std::string where = name + " orbit " + entry["orbit"].dump() + " crossing " + entry["bx"].dump();
    ASSERT_EQ(orbit->number, number_of(entry)) << where;
    ASSERT_EQ(orbit->crossings[crossing], entry["bx"].get<uint32_t>()) << where;
    for (const Collection& collection : orbit->collections) {
      if (entry.contains("words")) {
        const size_t first = collection.first[crossing];
        ASSERT_EQ(collection.first[crossing + 1] - first, entry["words"].size()) << where;
        for (size_t i = 0; i < entry["words"].size(); ++i) {
          EXPECT_EQ(collection.wide[0][first + i], std::stoull(entry["words"][i].get<std::string>(), nullptr, 16));
        }
        continue;
      }
      const std::string kind(collection.format->name);
      ASSERT_TRUE(entry.contains(kind)) << where << " " << kind;
      expect_objects(entry[kind], collection, crossing, format.starts_with("calo"), where);
    }
  }
  EXPECT_EQ(at, found.size()) << name;
}

uint32_t same_number(const Json& entry) { return entry["orbit"].get<uint32_t>(); }

TEST(Golden, Muons) {
  for (const char* name : {"gmt_corners", "gmt_orbits", "gmt_absent", "gmt_ignored", "gmt_mismatch", "gmt_sections"}) {
    compare(name, name + std::string(".bin"), "gmt", same_number);
  }
}

TEST(Golden, MuonsInRawFiles) {
  for (const char* name : {"gmt_corners", "gmt_orbits", "gmt_absent", "gmt_ignored", "gmt_mismatch"}) {
    compare(name, name + std::string(".raw"), "gmt-zs", same_number);
  }
}

/// Byte for byte what the independent writer put into the raw file.
TEST(Golden, PayloadOfMuonPackets) {
  for (const char* name : {"gmt_corners", "gmt_orbits", "gmt_ignored"}) {
    const Json json = contents(name);
    const Bytes raw = read_bytes(golden(name + std::string(".raw")));
    const auto steps = decode_all(*decoder_of("gmt"), read_bytes(golden(name + std::string(".bin"))));
    std::map<uint32_t, Bytes> payloads;
    for (const Step& step : steps) {
      if (step.decoded.kind != Decoded::Kind::kOrbit) continue;
      payloads[step.orbit.number] = Bytes(step.orbit.payload.begin(), step.orbit.payload.end());
    }
    for (const Json& orbit : json["raw"][0]["orbits"]) {
      const auto begin = raw.begin() + orbit["payload_offset"].get<ptrdiff_t>();
      EXPECT_EQ(payloads[orbit["orbit"]], Bytes(begin, begin + orbit["payload_bytes"].get<ptrdiff_t>())) << name;
    }
  }
}

/// The reader takes the orbit's number for word 0 without its lowest bit, strobe for the whole word.
TEST(Golden, Calorimeter) {
  const auto whole_word = [](const Json& entry) {
    return 2 * entry["orbit"].get<uint32_t>() + entry["warning"].get<uint32_t>();
  };
  for (const char* name : {"calo_corners", "calo_orbits", "calo_warning"}) {
    compare(name, name + std::string(".bin"), "calo", whole_word);
    compare(name, name + std::string(".raw"), "calo-zs", same_number);
  }
}

TEST(Golden, ZeroSuppressedSources) {
  for (const auto& [name, format] : std::map<std::string, std::string>{{"zs_10_stubs", "stub-zs"},
                                                                       {"zs_21_stubs", "stub-zs"},
                                                                       {"zs_22_jet", "jet-zs"},
                                                                       {"zs_23_jet", "jet-zs"},
                                                                       {"zs_24_egamma", "egamma-zs"},
                                                                       {"zs_25_egamma", "egamma-zs"},
                                                                       {"zs_27_sums", "sum-zs"},
                                                                       {"zs_28_tau", "tau-zs"},
                                                                       {"zs_29_tau", "tau-zs"},
                                                                       {"zs_32_towers", "tower-zs"}}) {
    compare(name, name + ".raw", format, same_number);
  }
}

TEST(Golden, PhaseTwo) {
  for (const char* name : {"puppi_corners", "puppi_orbits", "puppi_truncated"}) {
    compare(name, name + std::string(".bin"), "puppi", same_number);
  }
  compare("tkmuons", "tkmuons.bin", "tkmuon", same_number);
  compare("dth", "dth.bin", "puppi-dth", same_number);
}

TEST(Golden, PatternText) {
  for (const std::string name :
       {"pattern_emp_v1", "pattern_emp_v2_4", "pattern_emp_v2_5", "pattern_mp7", "pattern_apx", "pattern_apx_plain"}) {
    SCOPED_TRACE(name);
    const auto steps = decode_all(*decoder_of("pattern"), read_bytes(golden(name + ".txt")));
    const SourceOrbit& orbit = steps.back().orbit;
    const Collection& links = orbit.collections[0];
    size_t crossing = 0;
    const Json json = contents(name);
    for (const Json& frame : json["frames"]) {
      const size_t count = frame["data"].size();
      bool valid = !frame.contains("valid") && !frame.contains("sideband");
      for (size_t link = 0; link < count; ++link) {
        valid =
            valid || (frame.contains("valid") ? frame["valid"][link] == 1 : (frame["sideband"][link].get<int>() & 1));
      }
      if (!valid) continue;
      ASSERT_LT(crossing, orbit.crossings.size());
      EXPECT_EQ(orbit.crossings[crossing], frame["frame"].get<uint32_t>() % 3564);
      const size_t first = links.first[crossing++];
      for (size_t link = 0; link < count; ++link) {
        EXPECT_EQ(links.wide[0][first + link], std::stoull(frame["data"][link].get<std::string>(), nullptr, 16));
        constexpr int kNumbers[] = {0, 3, 17, 107};
        EXPECT_EQ(field(links, "link", first + link), kNumbers[link]);
        for (const char* flag : {"valid", "strobe", "start_of_orbit", "start_of_packet", "end_of_packet", "sideband"}) {
          if (!frame.contains(flag)) continue;
          EXPECT_EQ(field(links, flag, first + link), frame[flag][link].get<int>()) << flag;
        }
      }
    }
    EXPECT_EQ(crossing, orbit.crossings.size());
  }
}

}  // namespace
}  // namespace strobe::scouting
