#include "host/scouting/formats/calo_objects.h"

namespace strobe::scouting {
namespace {

/// A kind of object that two links carry.
struct Kind {
  size_t first_link, second_link;
  uint32_t et_mask;
};
// Links 0 to 7 are jet2, jet1, eg2, eg1, empty, sum, tau2, tau1.
constexpr std::array<Kind, 3> kKinds = {{{1, 0, 0x7FF}, {3, 2, 0x1FF}, {7, 6, 0x1FF}}};
constexpr size_t kSumLink = 5;
constexpr size_t kMostObjects = 2 * kCaloWordsPerLink;

size_t append_present(const std::array<uint32_t, kCaloWordsPerLink>& link, uint32_t et_mask, uint32_t* to,
                      size_t count) {
  for (const uint32_t word : link) {
    to[count] = word;
    count += (word & et_mask) != 0;
  }
  return count;
}

}  // namespace

void reserve_calo(SourceOrbit& orbit, size_t crossings) {
  for (size_t i = 0; i < orbit.collections.size(); ++i) {
    orbit.collections[i].first.reserve(crossings + 1);
    orbit.collections[i].narrow[0].reserve(crossings * (i < kKinds.size() ? kMostObjects : 1) + 1);
  }
}

void append_calo(const CaloWords& words, SourceOrbit& orbit) {
  for (size_t i = 0; i < kKinds.size(); ++i) {
    Collection& objects = orbit.collections[i];
    Buffer<uint32_t>& column = objects.narrow[0];
    size_t count = column.size();
    objects.first.push_back(static_cast<uint32_t>(count));
    count = append_present(words[kKinds[i].first_link], kKinds[i].et_mask, column.data(), count);
    count = append_present(words[kKinds[i].second_link], kKinds[i].et_mask, column.data(), count);
    column.resize(count);
  }
  for (size_t i = 0; i < kCaloSums; ++i) {
    Collection& sum = orbit.collections[kKinds.size() + i];
    sum.first.push_back(static_cast<uint32_t>(sum.narrow[0].size()));
    sum.narrow[0].push_back(words[kSumLink][i]);
  }
}

void finish_calo(SourceOrbit& orbit) {
  for (Collection& objects : orbit.collections) {
    objects.first.push_back(static_cast<uint32_t>(objects.narrow[0].size()));
  }
}

}  // namespace strobe::scouting
