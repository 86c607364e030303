#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/scouting/formats/find_format.h"
#include "tests/host/scouting/formats/support.h"

/// docs/scouting-formats.md is written from the tables; `--update-goldens` writes it anew.
namespace strobe::scouting {
namespace {

constexpr const char* kPath = STROBE_SOURCE_DIR "/docs/scouting-formats.md";

std::string text_of(std::string_view view) { return std::string(view); }

const char* framing_text(Framing framing) {
  switch (framing) {
    case Framing::kDmaPacket:
      return "DMA packet";
    case Framing::kRawOrbit:
      return "raw orbit";
    case Framing::kEvents:
      return "Phase 2 events";
    case Framing::kDthBlocks:
      return "DTH blocks";
    case Framing::kPatternText:
      return "pattern text";
  }
  return "?";
}

std::string physical_text(const Field& field) {
  if (field.scale == 1 && field.bias == 0 && field.unit.empty()) return "";
  std::string text = field.bias == 0 ? "raw" : absl::StrFormat("(raw %+g)", field.bias);
  if (field.scale != 1) text = absl::StrFormat("%.6g x %s", field.scale, text);
  if (!field.unit.empty()) absl::StrAppend(&text, " ", text_of(field.unit));
  return text;
}

std::string object_text(const ObjectFormat& object) {
  std::string text = absl::StrCat("\n### ", text_of(object.name), "\n", text_of(object.summary), ". Words of ");
  for (size_t i = 0; i < object.word_bits.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", static_cast<int>(object.word_bits[i]));
  }
  absl::StrAppend(
      &text, " bit.\n\n| field | word | lowest bit | bits | type | value | meaning |\n|---|---|---|---|---|---|---|\n");
  for (const Field& field : object.fields) {
    const bool byte = field.type() == FieldType::kInt8 || field.type() == FieldType::kUint8;
    absl::StrAppend(&text, "| `", text_of(field.name), "` | ", static_cast<int>(field.word), " | ",
                    static_cast<int>(field.offset), " | ", static_cast<int>(field.width), " | ",
                    field.is_signed ? "int" : "uint", byte ? "8" : "16", " | ", physical_text(field), " | ",
                    text_of(field.meaning), " |\n");
  }
  return text;
}

const char* const kIntroduction = R"(# Formats of the scouting pipeline

What `strobe scout` reads, as the tables of host/scouting/formats have it: decoders, generator and this page come from
them. (Written by tests/host/scouting/formats/docs_test.cc, `--update-goldens`.) A raw value is a field's bits, signed
where its type says so; selections may also use the value in units.

)";

const char* const kFramings = R"(
## Framings
- **DMA packet** (Run 3): an orbit header of 32 bytes (number in the first word), a block of 192 bytes for each crossing of
  the bitmap, a trailer of 544 bytes (eight words `beefdead`, the bitmap); one or several orbits, then a packet trailer of 32
  bytes. Muon blocks are eight links' orbit, crossing, first muon f and s, second muon f and s; calorimeter blocks six
  words of eight links (jet2, jet1, eg2, eg1, empty, sum, tau2, tau1). Muons are taken if their pt is not 0, first muons
  of links 0 to 7 before second ones; calorimeter objects if their ET is not 0, those of the first link (jet1) before
  those of the second; sums always. The calorimeter's orbit number is the whole first word, the warning bit in it
  included.
- **Raw orbit**: CMSSW's orbit header of version 6 (24 bytes), a source id and zero-suppressed blocks, CRC-32C over both; a file
  header of 32 bytes may come first. Muon crossings without a muon leave no block. The match bits of muon blocks are
  not judged when they are read. The calorimeter's source ids by TCP are the defaults of CMSSW's unpacker; like it, any
  of 22 to 29 is taken for the format that the configuration names.
- **Phase 2 events**: a 64-bit header (`10`, error, run, orbit, crossing, words) and its words, nothing in between but zero
  words; an orbit ends when the number changes. Track muons have no `10`, and pack two muons of 96 bit into three words;
  a zero word is an empty crossing there. Charged and neutral Puppi candidates use the same bits for different fields:
  a field has its bits' value in either, and means something where `particle` says so.
- **DTH blocks**: blocks of up to 8192 bytes with a header of 32, numbered within the orbit; their content is Phase 2 events.
- **Pattern text**: EMP v1 and v2, MP7, APx. A frame with a valid link is a crossing: the frame's number modulo 3564, of
  orbit number / 3564. In APx text with a sideband, its lowest bit is taken for valid.

## What is dropped, and how it is counted
A stream is cut at what can be believed; crossings and orbits that damage did not touch are kept as they are.

| counter | crossings | orbits and bytes |
|---|---|---|
| `crossing_mismatch` | links of a muon block disagree about the crossing | |
| `orbit_mismatch` | a block or event of another orbit | |
| `bad_crossing` | a number above 3564, or one that does not ascend | |
| `bitmap_mismatch` | a block that is not in the bitmap, a bit without a block, a block out of place | a calorimeter orbit with more or fewer blocks than bits: no block's crossing can be told |
| `bad_object` | a count that does not fit, a pattern line that cannot be read, a track muon that is not valid, an event marked as an error | |
| `bad_header` | an event header, or the count in it | a file or orbit header; also kept in quarantine where the rest was understood without it |
| `truncated` | an event marked as truncated, or cut | a packet, orbit or block that ends too early: dropped whole |
| `bad_checksum` | | a raw orbit whose CRC-32C differs |
| `lost_sync` | | bytes skipped to the next thing that is recognised |

### What cannot be told
Damage that a format gives no means to see, or to tell from other damage (tests/system/scout_faults_test.cc excepts
these, and nothing else):
- a bit of an object's word, where no checksum covers it: DMA packets, Phase 2 events, DTH blocks (track muons have
  some bits that must be set or zero: `bad_object`);
- a bit of an event's header is what the part it hits is: `orbit_mismatch`, `bad_crossing`, `bad_header`, `bad_object`, or
  nothing, in the run and in crossings that stay between their neighbours;
- an event alone with its orbit's number, which does not lie between those before and behind it, counts as one whose number
  is damaged (`orbit_mismatch`);
- where a cut of track muons ends by chance where another event's words could stand: it takes the orbits beside it along
  (about one cut in six);
- a cut exactly between two events, or between two lines of text: what is there is whole;
- the calorimeter's orbit number in a DMA packet, which stands alone: a wrong one is `out_of_sequence`, or `duplicate`, or
  takes another orbit's place;
- bytes too many before a calorimeter packet, which begins without a marker: `truncated` or `lost_sync`;
- in pattern text, bytes too many (`bad_header` or `bad_object` by the line), a cut, and an orbit sent again at once
  (`bad_crossing` by the frame);
- how many orbits lie in a stretch where no orbit begins: one `truncated`, `bad_header` or `lost_sync` for all of them;
  the gaps in the numbers (`missing_orbits`) count each.

)";

std::string document() {
  std::string text =
      absl::StrCat(kIntroduction, "## Sources\n| format | framing | source id | objects | |\n|---|---|---|---|---|\n");
  std::vector<const ObjectFormat*> objects;
  for (const SourceFormat* format : formats()) {
    std::string names;
    for (const ObjectFormat* object : format->collections) {
      absl::StrAppend(&names, names.empty() ? "" : ", ", "`", text_of(object->name), "`");
      if (std::find(objects.begin(), objects.end(), object) == objects.end()) objects.push_back(object);
    }
    absl::StrAppend(&text, "| `", text_of(format->name), "` | ", framing_text(format->framing), " | ",
                    format->source_id, " | ", names, " | ", text_of(format->summary), " |\n");
  }
  absl::StrAppend(&text, kFramings, "## Objects\n");
  for (const ObjectFormat* object : objects) absl::StrAppend(&text, object_text(*object));
  return text;
}

TEST(FormatsDocument, SaysWhatTheTablesSay) {
  const std::string expected = document();
  const auto arguments = testing::internal::GetArgvs();
  if (std::find(arguments.begin(), arguments.end(), "--update-goldens") != arguments.end()) {
    std::ofstream(kPath) << expected;
  }
  const Bytes found = read_bytes(kPath);
  const auto* begin = reinterpret_cast<const char*>(found.data());
  EXPECT_TRUE(std::string(begin, begin + found.size()) == expected)
      << kPath << " differs from the tables; run this test with --update-goldens";
}

}  // namespace
}  // namespace strobe::scouting
