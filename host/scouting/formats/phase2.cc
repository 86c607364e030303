#include <array>
#include <numbers>

#include "host/scouting/formats/tables.h"

namespace strobe::scouting {
namespace {

constexpr double kPi = std::numbers::pi;

constexpr std::array<uint8_t, 1> kLongWord = {64};
constexpr std::array<uint8_t, 2> kNinetySixBits = {64, 32};

constexpr Field kPuppiFields[] = {
    {.name = "pt", .offset = 0, .width = 14, .scale = 0.25, .unit = "GeV"},
    {.name = "eta", .offset = 14, .width = 12, .is_signed = true, .scale = kPi / 720},
    {.name = "phi", .offset = 26, .width = 11, .is_signed = true, .scale = kPi / 720, .unit = "rad"},
    {.name = "particle",
     .offset = 37,
     .width = 3,
     .meaning = "0 neutral hadron (130), 1 photon (22), 2 and 3 pion -, +, 4 and 5 e-, e+ (11, -11), 6 and 7 muon -, + "
                "(13, -13)"},
    {.name = "z0",
     .offset = 40,
     .width = 10,
     .is_signed = true,
     .scale = 0.05,
     .unit = "cm",
     .meaning = "of charged ones (particle 2 to 7)"},
    {.name = "dxy", .offset = 50, .width = 8, .is_signed = true, .meaning = "of charged ones"},
    {.name = "quality", .offset = 58, .width = 3, .meaning = "of charged ones"},
    {.name = "wpuppi", .offset = 40, .width = 10, .scale = 1.0 / 256, .meaning = "weight, of neutral ones"},
    {.name = "em_id", .offset = 50, .width = 6, .meaning = "electromagnetic identification, of neutral ones"},
};

constexpr Field kTrackMuonFields[] = {
    {.name = "valid", .offset = 0, .width = 1},
    {.name = "pt", .offset = 1, .width = 16, .scale = 1.0 / 32, .unit = "GeV"},
    {.name = "phi", .offset = 17, .width = 13, .is_signed = true, .scale = kPi / 4096, .unit = "rad"},
    {.name = "eta", .offset = 30, .width = 14, .is_signed = true, .scale = kPi / 4096},
    {.name = "z0", .offset = 44, .width = 10, .is_signed = true, .scale = 0.05, .unit = "cm"},
    {.name = "d0", .offset = 54, .width = 10, .is_signed = true, .scale = 0.03, .unit = "cm"},
    {.name = "charge", .word = 1, .offset = 0, .width = 1, .meaning = "1 is negative"},
    {.name = "quality", .word = 1, .offset = 1, .width = 8},
    {.name = "isolation", .word = 1, .offset = 9, .width = 4},
    {.name = "beta", .word = 1, .offset = 13, .width = 4, .scale = 0.06},
};

constexpr Field kLinkFields[] = {
    {.name = "s0", .offset = 0, .width = 16, .is_signed = true, .meaning = "bits 15-0"},
    {.name = "s1", .offset = 16, .width = 16, .is_signed = true, .meaning = "bits 31-16"},
    {.name = "s2", .offset = 32, .width = 16, .is_signed = true, .meaning = "bits 47-32"},
    {.name = "s3", .offset = 48, .width = 16, .is_signed = true, .meaning = "bits 63-48"},
    {.name = "u0", .offset = 0, .width = 16, .meaning = "bits 15-0"},
    {.name = "u1", .offset = 16, .width = 16, .meaning = "bits 31-16"},
    {.name = "u2", .offset = 32, .width = 16, .meaning = "bits 47-32"},
    {.name = "u3", .offset = 48, .width = 16, .meaning = "bits 63-48"},
    {.name = "valid", .word = 1, .offset = 0, .width = 1, .meaning = "the frame is valid on this link"},
    {.name = "end_of_packet", .word = 1, .offset = 1, .width = 1},
    {.name = "start_of_packet", .word = 1, .offset = 2, .width = 1},
    {.name = "start_of_orbit", .word = 1, .offset = 3, .width = 1},
    {.name = "strobe", .word = 1, .offset = 4, .width = 1},
    {.name = "sideband", .word = 1, .offset = 8, .width = 8, .meaning = "APx: the sideband as it stands"},
    {.name = "link", .word = 1, .offset = 16, .width = 16, .meaning = "its number in the file"},
};

constexpr ObjectFormat kPuppiObject = {"puppi", kLongWord, kPuppiFields, "particle-flow candidate"};
constexpr ObjectFormat kTrackMuonObject = {"tkmuon", kNinetySixBits, kTrackMuonFields,
                                           "muon of the global muon trigger joined with a track: bits 63-0, 95-64"};
constexpr std::array<uint8_t, 2> kLinkWords = {64, 32};
constexpr ObjectFormat kLinkObject = {"link", kLinkWords, kLinkFields,
                                      "one a link, in the order of the file's columns: the 64-bit word as four 16-bit "
                                      "lanes, signed and unsigned, and flags"};

constexpr const ObjectFormat* kPuppis[] = {&kPuppiObject};
constexpr const ObjectFormat* kTrackMuons[] = {&kTrackMuonObject};
constexpr const ObjectFormat* kLinks[] = {&kLinkObject};

}  // namespace

constexpr SourceFormat kPuppi = {"puppi", Framing::kEvents, 40, kPuppis, "Phase 2 candidates, Native64 events"};
constexpr SourceFormat kPuppiDth = {"puppi-dth", Framing::kDthBlocks, 40, kPuppis, "the same in DTH's blocks"};
constexpr SourceFormat kTrackMuon = {"tkmuon", Framing::kEvents, 41, kTrackMuons, "Phase 2 track muons of 96 bit"};
constexpr SourceFormat kPattern = {"pattern", Framing::kPatternText, 50, kLinks,
                                   "test vectors: EMP v1 and v2, MP7, APx text"};

}  // namespace strobe::scouting
