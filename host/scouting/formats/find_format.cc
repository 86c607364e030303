#include "host/scouting/formats/find_format.h"

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
  // CMSSW reads jets from 22, electrons from 23, sums from 24 and taus from 25 unless it is told otherwise.
  if (&format == &kJetZs || &format == &kEgammaZs || &format == &kTauZs || &format == &kSumZs) return {22, 29};
  return {format.source_id, format.source_id};
}

}  // namespace strobe::scouting
