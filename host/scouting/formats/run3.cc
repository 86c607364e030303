#include <array>
#include <numbers>

#include "host/scouting/formats/tables.h"

namespace strobe::scouting {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kMuonPhi = 2 * kPi / 576, kMuonEta = 0.010875, kCaloAngle = 0.0435;

constexpr std::array<uint8_t, 1> kOneWord = {32};
constexpr std::array<uint8_t, 1> kLongWord = {64};
constexpr std::array<uint8_t, 3> kThreeWords = {32, 32, 32};

constexpr Field kMuonFields[] = {
    {.name = "phi", .offset = 0, .width = 10, .scale = kMuonPhi, .unit = "rad", .meaning = "at the vertex"},
    {.name = "pt", .offset = 10, .width = 9, .scale = 0.5, .bias = -1, .unit = "GeV", .meaning = "0 is no muon"},
    {.name = "quality", .offset = 19, .width = 4, .meaning = "0 is no muon to CMSSW"},
    {.name = "eta", .offset = 23, .width = 9, .is_signed = true, .scale = kMuonEta, .meaning = "at the vertex"},
    {.name = "isolation", .word = 1, .offset = 0, .width = 2},
    {.name = "charge", .word = 1, .offset = 2, .width = 1, .meaning = "1 is negative"},
    {.name = "charge_valid", .word = 1, .offset = 3, .width = 1, .meaning = "0: the charge is not known"},
    {.name = "index",
     .word = 1,
     .offset = 4,
     .width = 7,
     .meaning = "track finder: EMTF+ 0-17, OMTF+ 18-35, BMTF 36-71, OMTF- 72-89, EMTF- 90-107"},
    {.name = "phi_station",
     .word = 1,
     .offset = 11,
     .width = 10,
     .scale = kMuonPhi,
     .unit = "rad",
     .meaning = "at the muon station"},
    {.name = "pt_unconstrained",
     .word = 1,
     .offset = 21,
     .width = 8,
     .scale = 1,
     .bias = -1,
     .unit = "GeV",
     .meaning = "without the vertex"},
    {.name = "dxy", .word = 1, .offset = 30, .width = 2, .meaning = "impact parameter"},
    {.name = "selector", .word = 2, .offset = 0, .width = 1, .meaning = "0: first muon of its link, 1: second"},
    {.name = "eta1",
     .word = 2,
     .offset = 13,
     .width = 9,
     .is_signed = true,
     .scale = kMuonEta,
     .meaning = "at the muon station, of the link's first muon"},
    {.name = "eta2",
     .word = 2,
     .offset = 22,
     .width = 9,
     .is_signed = true,
     .scale = kMuonEta,
     .meaning = "at the muon station, of the link's second muon"},
    {.name = "intermediate", .word = 2, .offset = 31, .width = 1, .meaning = "1 is not a final muon; CMSSW skips it"},
};

constexpr Field kJetFields[] = {
    {.name = "et", .offset = 0, .width = 11, .scale = 0.5, .unit = "GeV", .meaning = "0 is no jet"},
    {.name = "eta", .offset = 11, .width = 8, .is_signed = true, .scale = kCaloAngle},
    {.name = "phi", .offset = 19, .width = 8, .scale = kCaloAngle, .unit = "rad"},
    {.name = "displaced", .offset = 27, .width = 1, .meaning = "from a long-lived particle"},
    {.name = "quality", .offset = 28, .width = 2},
};

constexpr Field kElectronTauFields[] = {
    {.name = "et", .offset = 0, .width = 9, .scale = 0.5, .unit = "GeV", .meaning = "0 is no object"},
    {.name = "eta", .offset = 9, .width = 8, .is_signed = true, .scale = kCaloAngle},
    {.name = "phi", .offset = 17, .width = 8, .scale = kCaloAngle, .unit = "rad"},
    {.name = "isolation", .offset = 25, .width = 2},
};

constexpr Field kSumEt = {.name = "et", .offset = 0, .width = 12, .scale = 0.5, .unit = "GeV"};
constexpr Field kSumPhi = {.name = "phi", .offset = 12, .width = 8, .scale = kCaloAngle, .unit = "rad"};
constexpr Field kAsymmetry = {.name = "asymmetry", .offset = 20, .width = 8};
constexpr Field kCentrality = {.name = "centrality", .offset = 28, .width = 2};

constexpr Field minimum_bias(std::string_view name, std::string_view meaning) {
  return {.name = name, .offset = 28, .width = 4, .meaning = meaning};
}

constexpr Field kTotalEtFields[] = {
    kSumEt,
    {.name = "et_em", .offset = 12, .width = 12, .scale = 0.5, .unit = "GeV", .meaning = "electromagnetic part"},
    minimum_bias("mbhfp0", "minimum bias, forward calorimeter + side, threshold 0")};
constexpr Field kTotalHtFields[] = {kSumEt,
                                    {.name = "towers", .offset = 12, .width = 13, .meaning = "towers above threshold"},
                                    minimum_bias("mbhfm0", "minimum bias, forward calorimeter - side, threshold 0")};
constexpr Field kMissingEtFields[] = {kSumEt, kSumPhi, kAsymmetry,
                                      minimum_bias("mbhfp1", "minimum bias, forward calorimeter + side, threshold 1")};
constexpr Field kMissingHtFields[] = {kSumEt, kSumPhi, kAsymmetry,
                                      minimum_bias("mbhfm1", "minimum bias, forward calorimeter - side, threshold 1")};
constexpr Field kMissingHfFields[] = {kSumEt, kSumPhi, kAsymmetry, kCentrality};

constexpr Field kStubFields[] = {
    {.name = "valid", .offset = 0, .width = 1},
    {.name = "phi", .offset = 1, .width = 12, .is_signed = true, .meaning = "within the sector"},
    {.name = "phi_bending", .offset = 13, .width = 10, .is_signed = true},
    {.name = "quality", .offset = 23, .width = 3},
    {.name = "eta", .offset = 26, .width = 7, .meaning = "one bit a chamber part"},
    {.name = "eta_quality", .offset = 33, .width = 7},
    {.name = "station", .offset = 40, .width = 2, .bias = 1, .meaning = "1 to 4"},
    {.name = "wheel", .offset = 42, .width = 3, .is_signed = true, .meaning = "-2 to 2"},
    {.name = "bx", .offset = 48, .width = 16, .meaning = "the crossing, again"},
};

constexpr Field kTowerFields[] = {
    {.name = "et", .offset = 0, .width = 9, .scale = 0.5, .unit = "GeV"},
    {.name = "energy_ratio", .offset = 9, .width = 3, .meaning = "electromagnetic to hadronic"},
    {.name = "misc", .offset = 12, .width = 4},
    {.name = "phi", .offset = 16, .width = 8},
    {.name = "eta", .offset = 24, .width = 8, .is_signed = true},
};

constexpr ObjectFormat kMuon = {"muon", kThreeWords, kMuonFields,
                                "global muon trigger's muon: words f, s and extra, which is the link's crossing word "
                                "with bit 0 replaced"};
constexpr ObjectFormat kJet = {"jet", kOneWord, kJetFields, "calorimeter trigger's jet"};
constexpr ObjectFormat kEgamma = {"egamma", kOneWord, kElectronTauFields, "electron or photon"};
constexpr ObjectFormat kTau = {"tau", kOneWord, kElectronTauFields, "hadronic tau"};
constexpr ObjectFormat kTotalEt = {"total_et", kOneWord, kTotalEtFields, "scalar sum of ET, one a crossing", true};
constexpr ObjectFormat kTotalHt = {"total_ht", kOneWord, kTotalHtFields, "scalar sum of jets' ET, one a crossing",
                                   true};
constexpr ObjectFormat kMissingEt = {"missing_et", kOneWord, kMissingEtFields, "missing ET, one a crossing", true};
constexpr ObjectFormat kMissingHt = {"missing_ht", kOneWord, kMissingHtFields, "missing ET of jets, one a crossing",
                                     true};
constexpr ObjectFormat kMissingEtHf = {"missing_et_hf", kOneWord, kMissingHfFields,
                                       "missing ET with the forward calorimeter, one a crossing", true};
constexpr ObjectFormat kMissingHtHf = {"missing_ht_hf", kOneWord, kMissingHfFields,
                                       "missing ET of jets with the forward ones, one a crossing", true};
constexpr ObjectFormat kStub = {"stub", kLongWord, kStubFields, "barrel muon track finder's input stub"};
constexpr ObjectFormat kTower = {"tower", kOneWord, kTowerFields, "calorimeter tower"};

constexpr const ObjectFormat* kMuons[] = {&kMuon};
constexpr const ObjectFormat* kCalo[] = {&kJet,       &kEgamma,    &kTau,         &kTotalEt,    &kTotalHt,
                                         &kMissingEt, &kMissingHt, &kMissingEtHf, &kMissingHtHf};
constexpr const ObjectFormat* kJets[] = {&kJet};
constexpr const ObjectFormat* kEgammas[] = {&kEgamma};
constexpr const ObjectFormat* kTaus[] = {&kTau};
constexpr const ObjectFormat* kSums[] = {&kTotalEt, &kTotalHt, &kMissingEt, &kMissingHt, &kMissingEtHf, &kMissingHtHf};
constexpr const ObjectFormat* kStubs[] = {&kStub};
constexpr const ObjectFormat* kTowers[] = {&kTower};

}  // namespace

constexpr SourceFormat kGmt = {"gmt", Framing::kDmaPacket, 1, kMuons, "Run 3 muons as the DMA card sends them"};
constexpr SourceFormat kGmtZs = {"gmt-zs", Framing::kRawOrbit, 1, kMuons, "Run 3 muons, zero-suppressed"};
constexpr SourceFormat kCaloDma = {"calo", Framing::kDmaPacket, 2, kCalo,
                                   "Run 3 calorimeter objects as the DMA card sends them"};
constexpr SourceFormat kCaloZs = {"calo-zs", Framing::kRawOrbit, 2, kCalo,
                                  "Run 3 calorimeter objects, 59 words a crossing"};
constexpr SourceFormat kJetZs = {"jet-zs", Framing::kRawOrbit, 22, kJets, "Run 3 jets by TCP"};
constexpr SourceFormat kEgammaZs = {"egamma-zs", Framing::kRawOrbit, 23, kEgammas, "Run 3 electrons, photons by TCP"};
constexpr SourceFormat kTauZs = {"tau-zs", Framing::kRawOrbit, 25, kTaus, "Run 3 taus by TCP"};
constexpr SourceFormat kSumZs = {"sum-zs", Framing::kRawOrbit, 24, kSums, "Run 3 energy sums by TCP"};
constexpr SourceFormat kStubZs = {"stub-zs", Framing::kRawOrbit, 10, kStubs,
                                  "Run 3 barrel stubs of a sector (source id 10 + sector)"};
constexpr SourceFormat kTowerZs = {"tower-zs", Framing::kRawOrbit, 32, kTowers, "Run 3 calorimeter towers"};

}  // namespace strobe::scouting
