#include "host/scouting/generate/truth.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "host/io/files.h"

namespace strobe::scouting {
namespace {

/// One column of a truth file.
template <typename T>
class Column {
 public:
  explicit Column(std::string name) : name_(std::move(name)) {}
  void push(T value) { values_.push_back(value); }
  template <typename Range>
  void push_all(const Range& range) {
    values_.insert(values_.end(), range.begin(), range.end());
  }
  io::NamedArray take() {
    const auto size = static_cast<int64_t>(values_.size());
    return {name_, io::Array::of<T>({size}, std::move(values_))};
  }

 private:
  std::string name_;
  std::vector<T> values_;
};

void mix(uint64_t word, uint64_t& digest) {
  digest = (digest ^ word) * 0x9e3779b97f4a7c15u;
  digest ^= digest >> 29;
}

void add_orbits(const Truth& truth, std::vector<io::NamedArray>& arrays) {
  Column<uint32_t> number("orbit"), faults("orbit_faults"), sent("orbit_sent"), first("orbit_first_crossing");
  Column<uint8_t> whole("orbit_whole"), damaged("orbit_damaged"), beside("orbit_beside");
  uint32_t crossings = 0;
  for (const TruthOrbit& orbit : truth.orbits) {
    number.push(orbit.generated.data.number);
    faults.push(orbit.faults);
    sent.push(orbit.sent);
    first.push(crossings);
    whole.push(orbit.is_whole() ? 1 : 0);
    damaged.push(orbit.damaged ? 1 : 0);
    beside.push(orbit.beside ? 1 : 0);
    crossings += static_cast<uint32_t>(orbit.generated.data.crossings.size());
  }
  first.push(crossings);
  for (auto* column : {&number, &faults, &sent, &first}) arrays.push_back(column->take());
  for (auto* column : {&whole, &damaged, &beside}) arrays.push_back(column->take());
}

void add_crossings(const Truth& truth, std::vector<io::NamedArray>& arrays) {
  Column<uint16_t> crossing("crossing");
  Column<uint32_t> faults("crossing_faults");
  Column<uint8_t> label("crossing_label");
  Column<uint64_t> digest("crossing_digest");
  for (const TruthOrbit& orbit : truth.orbits) {
    crossing.push_all(orbit.generated.data.crossings);
    label.push_all(orbit.generated.labels);
    faults.push_all(orbit.crossing_faults);
    for (size_t c = 0; c < orbit.generated.data.crossings.size(); ++c)
      digest.push(crossing_digest(orbit.generated.data, c));
  }
  arrays.push_back(crossing.take());
  arrays.push_back(faults.take());
  arrays.push_back(label.take());
  arrays.push_back(digest.take());
}

/// "muon_count" (objects a crossing) and "muon_word0" and so on.
void add_objects(const Truth& truth, size_t kind, std::vector<io::NamedArray>& arrays) {
  const ObjectFormat& format = *truth.format->collections[kind];
  const std::string name(format.name);
  Column<uint16_t> count(name + "_count");
  for (const TruthOrbit& orbit : truth.orbits) {
    const Collection& objects = orbit.generated.data.collections[kind];
    for (size_t c = 0; c + 1 < objects.first.size(); ++c) {
      count.push(static_cast<uint16_t>(objects.first[c + 1] - objects.first[c]));
    }
  }
  arrays.push_back(count.take());
  for (size_t w = 0; w < format.word_bits.size(); ++w) {
    Column<uint32_t> narrow(absl::StrCat(name, "_word", w));
    Column<uint64_t> wide(absl::StrCat(name, "_word", w));
    for (const TruthOrbit& orbit : truth.orbits) {
      narrow.push_all(orbit.generated.data.collections[kind].narrow[w]);
      wide.push_all(orbit.generated.data.collections[kind].wide[w]);
    }
    arrays.push_back(format.word_bits[w] == 64 ? wide.take() : narrow.take());
  }
}

void add_faults(const Truth& truth, std::vector<io::NamedArray>& arrays) {
  Column<uint8_t> kind("fault_kind");
  Column<uint32_t> orbit("fault_orbit"), crossing("fault_crossing");
  Column<uint64_t> offset("fault_offset");
  for (const TruthFault& fault : truth.faults) {
    kind.push(static_cast<uint8_t>(fault.kind));
    orbit.push(fault.orbit);
    crossing.push(fault.crossing);
    offset.push(fault.offset);
  }
  arrays.push_back(kind.take());
  arrays.push_back(orbit.take());
  arrays.push_back(crossing.take());
  arrays.push_back(offset.take());
}

}  // namespace

bool TruthOrbit::is_whole() const {
  constexpr uint32_t kInTurn = bit_of(Injected::kOutOfSequence) | bit_of(Injected::kDuplicate);
  const auto touched = [](uint32_t crossing) {
    return (crossing & ~(bit_of(Injected::kPreFiring) | bit_of(Injected::kPostFiring))) != 0;
  };
  return sent == 1 && !damaged && (faults & kInTurn) == 0 &&
         std::none_of(crossing_faults.begin(), crossing_faults.end(), touched);
}

absl::Status Truth::write(const std::string& path) const {
  std::vector<io::NamedArray> arrays;
  add_orbits(*this, arrays);
  add_crossings(*this, arrays);
  for (size_t kind = 0; kind < format->collections.size(); ++kind) add_objects(*this, kind, arrays);
  add_faults(*this, arrays);
  return io::write_npz(path, arrays);
}

uint64_t crossing_digest(const SourceOrbit& orbit, size_t crossing) {
  uint64_t digest = 0x5c0f;
  mix(orbit.crossings[crossing], digest);
  for (const Collection& objects : orbit.collections) {
    const size_t first = objects.first[crossing], end = objects.first[crossing + 1];
    mix(end - first, digest);
    for (size_t w = 0; w < objects.format->word_bits.size(); ++w) {
      const bool wide = objects.format->word_bits[w] == 64;
      for (size_t i = first; i < end; ++i) mix(wide ? objects.wide[w][i] : objects.narrow[w][i], digest);
    }
  }
  return digest;
}

}  // namespace strobe::scouting
