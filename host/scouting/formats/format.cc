#include "host/scouting/formats/format.h"

#include "host/scouting/formats/tables.h"

namespace strobe::scouting {
namespace {

constexpr const SourceFormat* kFormats[] = {&kGmt,   &kGmtZs,  &kCaloDma, &kCaloZs, &kJetZs,    &kEgammaZs,  &kTauZs,
                                            &kSumZs, &kStubZs, &kTowerZs, &kPuppi,  &kPuppiDth, &kTrackMuon, &kPattern};

}  // namespace

std::span<const SourceFormat* const> formats() { return kFormats; }

const SourceFormat* find_format(std::string_view name) {
  for (const SourceFormat* format : kFormats) {
    if (format->name == name) return format;
  }
  return nullptr;
}

std::string format_names() {
  std::string names;
  for (const SourceFormat* format : kFormats) {
    if (!names.empty()) names += ", ";
    names += format->name;
  }
  return names;
}

SourceIds source_ids(const SourceFormat& format) {
  if (&format == &kStubZs) return {10, 21};
  // By TCP every link is a source of its own: 22 to 29 are jet2, jet1, eg2, eg1, empty, sum, tau2, tau1.
  if (&format == &kJetZs || &format == &kEgammaZs || &format == &kTauZs) {
    return {format.source_id, format.source_id + 1};
  }
  return {format.source_id, format.source_id};
}

}  // namespace strobe::scouting
