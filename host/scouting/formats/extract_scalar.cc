#include "host/scouting/formats/extract_loops-inl.h"

namespace strobe::scouting {
namespace {

void puppi(const uint64_t* words, size_t count, const PuppiColumns& to) {
  extract_puppi_one_by_one(words, 0, count, to);
}

}  // namespace

const ExtractLoops kExtractScalar = {extract_field, puppi};

}  // namespace strobe::scouting
