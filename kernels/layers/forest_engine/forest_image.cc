#include "kernels/layers/forest_engine/forest_image.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "kernels/layers/forest_engine/forest_bytes.h"

namespace strobe::layers {
namespace {

constexpr char kMagic[] = {'S', 'F', 'I', '1'};
constexpr uint32_t kVersion = 1;
constexpr size_t kWord = 64, kNode = 16;
constexpr size_t kHashAt = 8;
constexpr uint16_t kAdds = 1 << 15, kLastOrOdd = 1 << 14, kItem = kLastOrOdd - 1;

size_t words(size_t bytes) { return (bytes + kWord - 1) / kWord * kWord; }

/// Of all but the hash's own place.
uint64_t content_hash(std::string_view bytes) {
  const uint64_t hash = fnv1a(bytes.substr(kHashAt + 8), fnv1a(bytes.substr(0, kHashAt)));
  return hash == 0 ? 1 : hash;  // 0 is an engine that holds no forest
}

/// The number in the low `width` bits.
int64_t extended(uint64_t bits, int width, bool is_signed) {
  const int drop = 64 - width;
  return is_signed ? static_cast<int64_t>(bits << drop) >> drop : static_cast<int64_t>(bits << drop >> drop);
}

}  // namespace

size_t forest_image_bytes(const EngineShape& shape) {
  const auto engines = static_cast<size_t>(shape.engines), nodes = static_cast<size_t>(shape.nodes);
  return kWord + words(4 * engines) + words(8 * static_cast<size_t>(shape.outputs)) + engines * words(kNode * nodes);
}

uint64_t ForestImage::hash() const { return get_bytes(bytes_, kHashAt, 8); }

void ForestImage::serialize() {
  bytes_.assign(kMagic, sizeof kMagic);
  put_bytes(bytes_, kVersion, 4);
  put_bytes(bytes_, 0, 8);
  put_bytes(bytes_, 0, 4);
  put_bytes(bytes_, programs_.size(), 2);
  put_bytes(bytes_, features_, 2);
  put_bytes(bytes_, base_.size(), 2);
  for (const Elements* e : {&input_, &score_}) {
    put_bytes(bytes_, static_cast<uint64_t>(e->width), 1);
    put_bytes(bytes_, e->is_signed ? 1 : 0, 1);
    put_bytes(bytes_, static_cast<uint64_t>(e->container), 1);
  }
  put_bytes(bytes_, static_cast<uint64_t>(overflow_), 8);
  put_bytes(bytes_, static_cast<uint64_t>(low_), 8);
  put_bytes(bytes_, static_cast<uint64_t>(high_), 8);
  put_bytes(bytes_, static_cast<uint64_t>(odd_), 8);
  const auto fill = [this] { bytes_.resize(words(bytes_.size())); };
  fill();
  for (const auto& program : programs_) put_bytes(bytes_, program.size(), 4);
  fill();
  for (const int64_t base : base_) put_bytes(bytes_, static_cast<uint64_t>(base), 8);
  fill();
  for (const auto& program : programs_) {
    for (const ForestInstruction& node : program) {
      put_bytes(bytes_, static_cast<uint64_t>(node.value), 8);
      put_bytes(bytes_, node.next, 3);
      put_bytes(bytes_, node.other, 3);
      put_bytes(bytes_, node.item | (node.adds ? kAdds : 0U) | (node.last || node.odd ? kLastOrOdd : 0U), 2);
    }
    fill();
  }
  std::string field;
  put_bytes(field, bytes_.size() / kWord, 4);
  bytes_.replace(16, 4, field);
  field.clear();
  put_bytes(field, content_hash(bytes_), 8);
  bytes_.replace(kHashAt, 8, field);
}

/// Takes an image apart; every number is checked before it is used.
class ForestImageReader {
 public:
  explicit ForestImageReader(std::string_view bytes) : bytes_(bytes) {}

  absl::StatusOr<ForestImage> read() && {
    if (absl::Status s = check_frame(); !s.ok()) return s;
    if (absl::Status s = read_header(); !s.ok()) return s;
    if (absl::Status s = read_programs(); !s.ok()) return s;
    image_.serialize();
    if (image_.bytes_ != bytes_) return flaw("bytes that mean nothing are not 0");
    return std::move(image_);
  }

 private:
  static absl::Status flaw(const std::string& text) {
    return absl::InvalidArgumentError(absl::StrCat("forest image: ", text));
  }

  absl::Status check_frame() const {
    if (bytes_.size() < kWord || std::memcmp(bytes_.data(), kMagic, sizeof kMagic) != 0)
      return flaw("does not begin with 'SFI1'");
    if (const uint64_t version = get_bytes(bytes_, 4, 4); version != kVersion) {
      const std::string text = absl::StrCat("has version ", version, ", this strobe knows ", kVersion);
      return version > kVersion ? absl::UnimplementedError("forest image: " + text) : flaw(text);
    }
    if (const uint64_t size = get_bytes(bytes_, 16, 4) * kWord; size != bytes_.size())
      return flaw(absl::StrCat("has ", bytes_.size(), " bytes, its header says ", size));
    if (content_hash(bytes_) != get_bytes(bytes_, kHashAt, 8)) return flaw("is damaged: its content has another hash");
    return absl::OkStatus();
  }

  absl::Status read_elements(size_t at, const char* name, int widest, ForestImage::Elements& e) const {
    e.width = static_cast<int>(get_bytes(bytes_, at, 1));
    e.is_signed = get_bytes(bytes_, at + 1, 1) != 0;
    e.container = static_cast<int>(get_bytes(bytes_, at + 2, 1));
    if (e.width < 1 || e.width > widest || e.container != model::container_bits(e.width)) {
      return flaw(absl::StrCat(name, " of ", e.width, " bits in containers of ", e.container));
    }
    return absl::OkStatus();
  }

  absl::Status read_header() {
    EngineShape shape;
    shape.engines = static_cast<int64_t>(get_bytes(bytes_, 20, 2));
    shape.features = static_cast<int64_t>(get_bytes(bytes_, 22, 2));
    shape.outputs = static_cast<int64_t>(get_bytes(bytes_, 24, 2));
    if (absl::Status s = shape.check(); !s.ok()) return flaw(std::string(s.message()));
    image_.programs_.resize(static_cast<size_t>(shape.engines));
    image_.features_ = static_cast<size_t>(shape.features);
    image_.base_.resize(static_cast<size_t>(shape.outputs));
    if (absl::Status s = read_elements(26, "features", 32, image_.input_); !s.ok()) return s;
    if (absl::Status s = read_elements(29, "scores", 64, image_.score_); !s.ok()) return s;
    const uint64_t overflow = get_bytes(bytes_, 32, 1);
    if (overflow > 2) return flaw(absl::StrCat("overflow mode ", overflow));
    image_.overflow_ = static_cast<ForestImage::Overflow>(overflow);
    image_.low_ = static_cast<int64_t>(get_bytes(bytes_, 40, 8));
    image_.high_ = static_cast<int64_t>(get_bytes(bytes_, 48, 8));
    image_.odd_ = static_cast<int64_t>(get_bytes(bytes_, 56, 8));
    return image_.low_ > image_.high_ ? flaw("its lowest score is above the highest") : absl::OkStatus();
  }

  absl::Status read_programs() {
    const size_t sizes = kWord, base = sizes + words(4 * image_.programs_.size());
    size_t at = base + words(8 * image_.base_.size());
    if (at > bytes_.size()) return flaw("ends before its nodes");
    for (size_t k = 0; k < image_.base_.size(); ++k)
      image_.base_[k] = static_cast<int64_t>(get_bytes(bytes_, base + 8 * k, 8));
    for (size_t e = 0; e < image_.programs_.size(); ++e) {
      const uint64_t count = get_bytes(bytes_, sizes + 4 * e, 4);
      if (count > (bytes_.size() - at) / kNode) return flaw(absl::StrCat("ends within the nodes of engine ", e));
      for (uint64_t n = 0; n < count; ++n) {
        if (absl::Status s = read_node(e, at + kNode * n, count); !s.ok()) return s;
      }
      at += words(kNode * count);
    }
    return at == bytes_.size() ? absl::OkStatus() : flaw("goes on after its last node");
  }

  absl::Status read_node(size_t engine, size_t at, uint64_t count) {
    auto& program = image_.programs_[engine];
    const uint64_t word = get_bytes(bytes_, at + 14, 2);
    ForestInstruction node;
    node.value = static_cast<int64_t>(get_bytes(bytes_, at, 8));
    node.next = static_cast<uint32_t>(get_bytes(bytes_, at + 8, 3));
    node.other = static_cast<uint32_t>(get_bytes(bytes_, at + 11, 3));
    node.item = static_cast<uint16_t>(word & kItem);
    node.adds = (word & kAdds) != 0;
    node.last = node.adds && (word & kLastOrOdd) != 0;
    node.odd = !node.adds && (word & kLastOrOdd) != 0;
    const auto later = [&](uint32_t child) { return child > program.size() && child < count; };
    const bool leads = node.adds ? (node.last ? node.next == 0 : later(node.next)) && node.other == 0
                                 : later(node.next) && later(node.other);
    if (!leads) {
      return flaw(absl::StrCat("engine ", engine, ", node ", program.size(), " of ", count, " leads to ", node.next,
                               " and ", node.other, "; expected later nodes"));
    }
    const size_t items = node.adds ? image_.base_.size() : image_.features_;
    if (node.item >= items) {
      return flaw(absl::StrCat("engine ", engine, ", node ", program.size(), " names ",
                               node.adds ? "output " : "feature ", node.item, " of ", items));
    }
    program.push_back(node);
    return absl::OkStatus();
  }

  std::string_view bytes_;
  ForestImage image_;
};

absl::StatusOr<ForestImage> ForestImage::parse(std::string_view bytes) { return ForestImageReader(bytes).read(); }

EngineShape ForestImage::used() const {
  EngineShape shape;
  shape.engines = static_cast<int64_t>(programs_.size());
  shape.features = static_cast<int64_t>(features_);
  shape.outputs = static_cast<int64_t>(base_.size());
  shape.nodes = 0;
  for (const auto& program : programs_) shape.nodes = std::max(shape.nodes, static_cast<int64_t>(program.size()));
  return shape;
}

absl::Status ForestImage::fits(const EngineShape& shape) const {
  const EngineShape need = used();
  if (need.engines <= shape.engines && need.nodes <= shape.nodes && need.features <= shape.features &&
      need.outputs <= shape.outputs) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("the engine holds ", shape.to_string(), "; the forest needs ", need.to_string()));
}

int64_t ForestImage::planned_interval() const {
  auto interval = static_cast<int64_t>(std::max(features_, base_.size()));
  for (const auto& program : programs_) {
    std::vector<int64_t> left(program.size());  // nodes from here to the end
    for (size_t n = program.size(); n-- > 0;) {
      const ForestInstruction& node = program[n];
      const int64_t rest = node.last ? 0 : std::max(left[node.next], node.adds ? 0 : left[node.other]);
      left[n] = 1 + rest;
    }
    if (!left.empty()) interval = std::max(interval, left[0]);
  }
  return interval;
}

int64_t ForestImage::score(int64_t sum) const {
  if (overflow_ == Overflow::kWrap) return extended(static_cast<uint64_t>(sum), score_.width, score_.is_signed);
  if (sum >= low_ && sum <= high_) return sum;
  return overflow_ == Overflow::kZero ? 0 : sum < low_ ? low_ : high_;
}

void ForestImage::run(std::span<const std::byte> events, std::span<std::byte> scores, size_t rows) const {
  const auto in_bytes = static_cast<size_t>(input_.container) / 8,
             out_bytes = static_cast<size_t>(score_.container) / 8;
  std::vector<int64_t> x(features_);
  std::vector<uint64_t> sum(base_.size());
  for (size_t row = 0; row < rows; ++row) {
    for (size_t f = 0; f < features_; ++f) {
      uint64_t bits = 0;
      std::memcpy(&bits, events.data() + (row * features_ + f) * in_bytes, in_bytes);
      x[f] = extended(bits, input_.width, input_.is_signed);
    }
    std::copy(base_.begin(), base_.end(), sum.begin());
    for (const auto& program : programs_) {
      for (uint32_t n = 0; n < program.size();) {
        const ForestInstruction& node = program[n];
        if (node.adds) sum[node.item] += static_cast<uint64_t>(node.value);
        if (node.last) break;
        const bool low = !node.adds && (x[node.item] <= node.value) != (node.odd && x[node.item] == odd_);
        n = node.adds || low ? node.next : node.other;
      }
    }
    for (size_t k = 0; k < sum.size(); ++k) {
      const int64_t value = score(static_cast<int64_t>(sum[k]));
      std::memcpy(scores.data() + (row * sum.size() + k) * out_bytes, &value, out_bytes);
    }
  }
}

}  // namespace strobe::layers
