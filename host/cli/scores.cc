#include "host/cli/scores.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "host/io/files.h"
#include "host/runtime/codec.h"

namespace strobe::cli {

using io::DType;
using runtime::Codec;
using runtime::ElementKind;

namespace {

constexpr runtime::Encoding kNumbers{ElementKind::kFloat64, false};

absl::Status file_error(const std::string& path, const std::string& text) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", text));
}

bool ends_with(const std::string& path, std::string_view ending) { return std::string_view(path).ends_with(ending); }

std::vector<int64_t> shape_of(const model::Tensor& tensor, size_t rows) {
  std::vector<int64_t> shape = {static_cast<int64_t>(rows)};
  shape.insert(shape.end(), tensor.type.shape.begin(), tensor.type.shape.end());
  return shape;
}

/// For speed where only the running is of interest.
class NoFile : public ScoreFile {
 public:
  absl::Status append(const Scores&) override { return absl::OkStatus(); }
  absl::Status commit() override { return absl::OkStatus(); }
};

/// Each piece goes to the file at once, through one buffer.
class NpyFile : public ScoreFile {
 public:
  NpyFile(io::NpyWriter writer, const model::Tensor& tensor, bool raw)
      : writer_(std::move(writer)), codec_(tensor.name, tensor.type), raw_(raw) {}

  absl::Status append(const Scores& scores) override {
    const auto containers = std::span(scores.outputs[0]).first(scores.rows * codec_.row_bytes());
    if (raw_) return writer_.append(containers);
    for (size_t first = 0; first < scores.rows; first += kRows) {
      const size_t count = std::min(kRows, scores.rows - first);
      numbers_.resize(count * codec_.row_bytes(kNumbers));
      codec_.decode(kNumbers, containers.subspan(first * codec_.row_bytes(), count * codec_.row_bytes()), numbers_);
      if (absl::Status s = writer_.append(numbers_); !s.ok()) return s;
    }
    return absl::OkStatus();
  }
  absl::Status commit() override { return writer_.commit(); }

 private:
  static constexpr size_t kRows = 16384;  ///< decoded at a time: they stay in the cache until they are written

  io::NpyWriter writer_;
  Codec codec_;
  bool raw_;
  Bytes numbers_;
};

/// Formats that are written in one go: all scores are kept until then.
class WholeFile : public ScoreFile {
 public:
  WholeFile(std::string path, const model::Graph& graph, size_t rows, bool raw)
      : path_(std::move(path)), graph_(graph), raw_(raw), all_(make_scores(graph, rows)) {}

  absl::Status append(const Scores& scores) override {
    for (size_t o = 0; o < all_.outputs.size(); ++o) {
      const auto row_bytes = static_cast<size_t>(graph_.output(o).type.row_bytes());
      std::copy_n(scores.outputs[o].begin(), scores.rows * row_bytes,
                  all_.outputs[o].begin() + static_cast<std::ptrdiff_t>(done_ * row_bytes));
    }
    done_ += scores.rows;
    return absl::OkStatus();
  }
  absl::Status commit() override { return write_scores(path_, all_, graph_, raw_); }

 private:
  std::string path_;
  const model::Graph& graph_;
  bool raw_;
  Scores all_;
  size_t done_ = 0;
};

}  // namespace

DType container_dtype(const model::TensorType& type) {
  const bool is_signed = type.any_signed();
  switch (type.container()) {
    case 8:
      return is_signed ? DType::kInt8 : DType::kUint8;
    case 16:
      return is_signed ? DType::kInt16 : DType::kUint16;
    case 32:
      return is_signed ? DType::kInt32 : DType::kUint32;
    default:
      return is_signed ? DType::kInt64 : DType::kUint64;
  }
}

Scores make_scores(const model::Graph& graph, size_t rows) {
  Scores scores;
  scores.rows = rows;
  for (size_t o = 0; o < graph.outputs().size(); ++o)
    scores.outputs.emplace_back(rows * graph.output(o).type.row_bytes());
  return scores;
}

io::Array scores_array(const Scores& scores, const model::Graph& graph, size_t output, bool raw) {
  const model::Tensor& tensor = graph.output(output);
  std::vector<int64_t> shape = shape_of(tensor, scores.rows);
  if (raw) {
    return {container_dtype(tensor.type), std::move(shape), scores.outputs[output], nullptr};
  }
  auto numbers = std::make_shared<Bytes>(scores.rows * tensor.type.elements() * sizeof(double));
  Codec(tensor.name, tensor.type).decode({ElementKind::kFloat64, false}, scores.outputs[output], *numbers);
  return {DType::kFloat64, std::move(shape), *numbers, numbers};
}

absl::Status check_score_path(const std::string& path, const model::Graph& graph) {
  if (path.empty() || ends_with(path, ".npz")) return absl::OkStatus();
  if (!ends_with(path, ".npy") && !ends_with(path, ".csv"))
    return file_error(path, "expected a name ending in .npy, .npz or .csv");
  if (graph.outputs().size() == 1) return absl::OkStatus();
  return file_error(path,
                    absl::StrCat("the model has ", graph.outputs().size(), " outputs; expected a name ending in .npz"));
}

absl::Status write_scores(const std::string& path, const Scores& scores, const model::Graph& graph, bool raw) {
  if (absl::Status s = check_score_path(path, graph); !s.ok()) return s;
  if (ends_with(path, ".npz")) {
    std::vector<io::NamedArray> arrays;
    for (size_t o = 0; o < graph.outputs().size(); ++o)
      arrays.push_back({graph.output(o).name, scores_array(scores, graph, o, raw)});
    return io::write_npz(path, arrays);
  }
  const io::Array array = scores_array(scores, graph, 0, raw);
  return ends_with(path, ".csv") ? io::write_csv(path, array) : io::write_npy(path, array);
}

absl::StatusOr<std::unique_ptr<ScoreFile>> ScoreFile::create(const std::string& path, const model::Graph& graph,
                                                             size_t rows, bool raw) {
  if (path.empty()) return std::make_unique<NoFile>();
  if (absl::Status s = check_score_path(path, graph); !s.ok()) return s;
  if (!ends_with(path, ".npy")) return std::make_unique<WholeFile>(path, graph, rows, raw);
  const model::Tensor& tensor = graph.output(0);
  auto writer =
      io::NpyWriter::create(path, raw ? container_dtype(tensor.type) : DType::kFloat64, shape_of(tensor, rows));
  if (!writer.ok()) return writer.status();
  return std::make_unique<NpyFile>(*std::move(writer), tensor, raw);
}

}  // namespace strobe::cli
