#pragma once

#include "host/scouting/core/format.h"

/// The formats one by one, for the decoders that know which one they decode. Others use `find_format`.
namespace strobe::scouting {

extern const SourceFormat kGmt, kGmtZs, kCaloDma, kCaloZs, kJetZs, kEgammaZs, kTauZs, kSumZs, kStubZs, kTowerZs;
extern const SourceFormat kPuppi, kPuppiDth, kTrackMuon, kPattern;

/// CMS numbers that a source of this format may have: those of a kind of which there are several are all taken.
struct SourceIds {
  uint32_t first, last;
};
SourceIds source_ids(const SourceFormat& format);

}  // namespace strobe::scouting
