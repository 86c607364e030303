#include "kernels/layers/forest_engine/engine_shape.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kernels/layers/forest_engine/forest_image.h"

namespace strobe::layers {
namespace {

struct Member {
  const char* name;
  int64_t EngineShape::*value;
  int64_t most;
};
/// The nodes of all engines together stay within a card's on-chip memory; an image's node numbers have 24 bits.
constexpr Member kMembers[] = {{"engines", &EngineShape::engines, 64},
                               {"nodes", &EngineShape::nodes, 1 << 18},
                               {"features", &EngineShape::features, 1024},
                               {"outputs", &EngineShape::outputs, 256}};

}  // namespace

std::string EngineShape::to_string() const {
  std::string text;
  for (const Member& member : kMembers)
    absl::StrAppend(&text, text.empty() ? "" : ",", member.name, "=", this->*member.value);
  return text;
}

size_t EngineShape::image_bytes() const { return forest_image_bytes(*this); }

absl::Status EngineShape::check() const {
  for (const Member& member : kMembers) {
    if (this->*member.value < 1 || this->*member.value > member.most) {
      return absl::InvalidArgumentError(absl::StrCat("a forest engine's ", member.name, ": expected 1 to ", member.most,
                                                     ", found ", this->*member.value));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<EngineShape> EngineShape::parse(std::string_view text) {
  EngineShape shape;
  for (const absl::string_view word : absl::StrSplit(absl::string_view(text.data(), text.size()), ',')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(word, absl::MaxSplits('=', 1));
    bool known = false;
    for (const Member& member : kMembers) {
      if (parts.first != member.name) continue;
      known = absl::SimpleAtoi(parts.second, &(shape.*member.value));
    }
    if (!known) {
      return absl::InvalidArgumentError(
          absl::StrCat("a forest engine is described as in ", EngineShape().to_string(), "; found '", word, "'"));
    }
  }
  if (absl::Status s = shape.check(); !s.ok()) return s;
  return shape;
}

}  // namespace strobe::layers
