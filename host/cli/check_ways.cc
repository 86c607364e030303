#include "host/cli/check_ways.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "absl/strings/str_cat.h"
#include "host/runtime/codec.h"
#include "kernels/emulator/emulator.h"
#include "platform/emulation/kernel_abi.h"

namespace strobe::cli {
namespace {

using runtime::Codec;
using runtime::ElementKind;
using runtime::Encoding;

constexpr Encoding kRaw{ElementKind::kInt64, true};

/// A sw_emu kernel library, loaded into this process from memory.
class KernelLibrary {
 public:
  static absl::StatusOr<std::unique_ptr<KernelLibrary>> load(const std::string& bytes) {
    const int descriptor = memfd_create("strobe-kernel", MFD_CLOEXEC);
    if (descriptor < 0) return absl::InternalError(absl::StrCat("no memory file for the kernel: ", strerror(errno)));
    auto library = std::unique_ptr<KernelLibrary>(new KernelLibrary(descriptor));
    for (size_t done = 0; done < bytes.size();) {
      const ssize_t count = write(descriptor, bytes.data() + done, bytes.size() - done);
      if (count <= 0) return absl::ResourceExhaustedError(absl::StrCat("no memory for the kernel: ", strerror(errno)));
      done += static_cast<size_t>(count);
    }
    library->handle_ = dlopen(absl::StrCat("/proc/self/fd/", descriptor).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library->handle_ == nullptr)
      return absl::InvalidArgumentError(absl::StrCat("the kernel library does not load: ", dlerror()));
    using Entry = const struct strobe_emulated_library* (*)();
    const auto entry = reinterpret_cast<Entry>(dlsym(library->handle_, "strobe_emulated_library"));
    if (entry == nullptr)
      return absl::InvalidArgumentError("the kernel library has no function strobe_emulated_library");
    library->table_ = entry();
    if (library->table_->abi != STROBE_KERNEL_ABI) {
      return absl::InvalidArgumentError(
          absl::StrCat("the kernel library has interface ", library->table_->abi, ", expected ", STROBE_KERNEL_ABI));
    }
    return library;
  }

  ~KernelLibrary() {
    if (handle_ != nullptr) dlclose(handle_);
    close(descriptor_);
  }

  const struct strobe_emulated_kernel* find(const std::string& name) const {
    for (uint32_t k = 0; k < table_->kernel_count; ++k) {
      if (name == table_->kernels[k].name) return &table_->kernels[k];
    }
    return nullptr;
  }

 private:
  explicit KernelLibrary(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
  void* handle_ = nullptr;
  const struct strobe_emulated_library* table_ = nullptr;
};

/// The first value in which two sets of scores differ, or nothing.
std::string first_difference(const model::Graph& graph, const Scores& found, const Scores& expected, size_t rows) {
  for (size_t o = 0; o < graph.outputs().size(); ++o) {
    const model::Tensor& tensor = graph.output(o);
    const auto bytes = static_cast<std::ptrdiff_t>(rows * static_cast<size_t>(tensor.type.row_bytes()));
    if (std::equal(found.outputs[o].begin(), found.outputs[o].begin() + bytes, expected.outputs[o].begin())) continue;
    const auto a = raw_values(tensor, std::span(found.outputs[o]).first(static_cast<size_t>(bytes)));
    const auto b = raw_values(tensor, std::span(expected.outputs[o]).first(static_cast<size_t>(bytes)));
    size_t count = 0, first = 0;
    for (size_t i = a.size(); i-- > 0;) {
      if (a[i] != b[i]) {
        ++count;
        first = i;
      }
    }
    const auto elements = static_cast<size_t>(tensor.type.elements());
    if (count == 0) return absl::StrCat("tensor '", tensor.name, "': containers differ above the values");
    return absl::StrCat(count, " of ", a.size(), " values of '", tensor.name, "' differ, the first in event ",
                        first / elements, ", element ", first % elements, ": raw ", a[first], ", expected ", b[first]);
  }
  return "";
}

class Ways {
 public:
  Ways(const CheckInput& input, const layers::Evaluation& reference)
      : input_(input), graph_(input.graph()), rows_(input.events->rows), reference_(reference) {}

  absl::StatusOr<WaysResult> run() {
    if (absl::Status s = run_emulator(); !s.ok()) return s;
    check("HLS C simulation", [&](Way& way, Scores& scores) { return run_hls(way, scores); });
    const bool chosen = !input_.devices.empty();
    for (const std::string& device : chosen ? input_.devices : std::vector<std::string>{"xrt:0", "opencl:0"}) {
      if (device == "emulator" || device == "auto") continue;
      check(device.starts_with("xrt")      ? "XRT"
            : device.starts_with("opencl") ? "OpenCL"
                                           : device,
            [&](Way& way, Scores& scores) { return run_device(device, chosen, way, scores); });
    }
    return std::move(result_);
  }

 private:
  /// Rows that can be checked where the emulator does not take the model: the reference's.
  absl::Status run_emulator() {
    result_.scores = make_scores(graph_, rows_);
    Way way{"emulator", Way::State::kEqual, "", rows_};
    auto emulator = emulator::Emulator::create(graph_);
    if (!emulator.ok()) {
      if (rows_ > input_.reference_rows) return emulator.status();
      way.state = Way::State::kFailed;
      way.detail = std::string(emulator.status().message());
      result_.ways.push_back(std::move(way));
      result_.overflow = reference_.overflow;
      return put_reference();
    }
    std::vector<const std::byte*> in;
    std::vector<std::byte*> out;
    for (const auto& bytes : input_.events->inputs) in.push_back(bytes.data());
    for (auto& bytes : result_.scores.outputs) out.push_back(bytes.data());
    emulator::Scratch scratch;
    if (absl::Status s = emulator->run(in, out, rows_, scratch); !s.ok()) return s;
    const Scores found = result_.scores;
    if (absl::Status s = put_reference(); !s.ok()) return s;
    way.detail = first_difference(graph_, found, result_.scores, input_.reference_rows);
    way.state = way.detail.empty() ? Way::State::kEqual : Way::State::kDiffers;
    way.events = input_.reference_rows;
    result_.ways.push_back(std::move(way));
    return count_overflows(*emulator, in);
  }

  absl::Status count_overflows(const emulator::Emulator& emulator, const std::vector<const std::byte*>& in) {
    result_.overflow = reference_.overflow;
    if (rows_ == input_.reference_rows) return absl::OkStatus();
    auto trace = emulator.trace(in, rows_, false);
    if (!trace.ok()) return trace.status();
    result_.overflow = trace->overflow;
    return absl::OkStatus();
  }

  /// Puts the reference's answers in place of the emulator's.
  absl::Status put_reference() {
    for (size_t o = 0; o < graph_.outputs().size(); ++o) {
      const Codec codec(graph_.output(o).name, graph_.output(o).type);
      const auto values = std::as_bytes(std::span(reference_.outputs[o]));
      const auto rows = std::span(result_.scores.outputs[o]).first(input_.reference_rows * codec.row_bytes());
      if (absl::Status s = codec.encode(kRaw, values, rows); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  /// Runs one way and compares. `run` sets the way's state where it could not be had.
  void check(const std::string& name, const std::function<absl::Status(Way&, Scores&)>& run) {
    Way way{name, Way::State::kEqual, "", rows_};
    Scores scores = make_scores(graph_, rows_);
    if (absl::Status s = run(way, scores); !s.ok()) {
      way.state = Way::State::kFailed;
      way.detail = std::string(s.message());
    } else if (way.state == Way::State::kEqual) {
      const std::string difference = first_difference(graph_, scores, result_.scores, rows_);
      if (!difference.empty()) {
        way.state = Way::State::kDiffers;
        way.detail = difference;
      }
    }
    result_.ways.push_back(std::move(way));
  }

  std::string target() const { return std::string(xclbin::target_name(input_.loaded->file.target)); }

  absl::Status run_hls(Way& way, Scores& scores) {
    if (input_.loaded->file.target != xclbin::Target::kSwEmu) {
      way.state = Way::State::kNotBuilt;
      way.detail = absl::StrCat("the xclbin was built for target ", target(), "; --target sw_emu builds it");
      return absl::OkStatus();
    }
    auto library = KernelLibrary::load(input_.loaded->file.bitstream);
    if (!library.ok()) return library.status();
    const std::string& name = input_.loaded->package.models[input_.model].kernel;
    const struct strobe_emulated_kernel* kernel = (*library)->find(name);
    if (kernel == nullptr)
      return absl::InvalidArgumentError(absl::StrCat("the kernel library has no kernel '", name, "'"));
    const auto forest = input_.loaded->forests.find(input_.model);
    const bool has_forest = forest != input_.loaded->forests.end();
    const size_t arguments = graph_.inputs().size() + graph_.outputs().size() + 1 + (has_forest ? 1 : 0);
    if (kernel->argument_count != arguments) {
      return absl::InvalidArgumentError(
          absl::StrCat("kernel '", name, "' takes ", kernel->argument_count, " arguments, expected ", arguments));
    }
    std::vector<uint64_t> values;
    for (const auto& bytes : input_.events->inputs) values.push_back(reinterpret_cast<uintptr_t>(bytes.data()));
    for (auto& bytes : scores.outputs) values.push_back(reinterpret_cast<uintptr_t>(bytes.data()));
    values.push_back(rows_);
    if (has_forest) values.push_back(reinterpret_cast<uintptr_t>(forest->second->image.bytes().data()));
    kernel->run(values.data());
    return absl::OkStatus();
  }

  absl::Status run_device(const std::string& device, bool chosen, Way& way, Scores& scores) {
    if (input_.loaded->file.target == xclbin::Target::kEmulator) {
      way.state = Way::State::kNotBuilt;
      way.detail = "the xclbin was built for target emulator; --target sw_emu builds it";
      return chosen ? absl::InvalidArgumentError(absl::StrCat("device '", device, "': ", way.detail))
                    : absl::OkStatus();
    }
    auto session = session::open_session(input_.loaded, {device, input_.threads});
    if (!session.ok()) {
      // What this machine lacks is no fault of the model's; what it has and fails is.
      const bool lacking = absl::IsNotFound(session.status()) || absl::IsUnimplemented(session.status());
      if (chosen || !lacking) return session.status();
      way.state = Way::State::kNotAvailable;
      way.detail = std::string(session.status().message());
      return absl::OkStatus();
    }
    const std::string text = (*session)->device_text();
    way.detail = text.substr(
        0, text.find("): ") == std::string::npos ? text.size() : text.find("): ") + 1);  // without why it was chosen
    const auto outputs = scores.spans();
    return (*session)->run(input_.model, rows_, input_.events->inputs, outputs);
  }

  const CheckInput& input_;
  const model::Graph& graph_;
  size_t rows_;
  const layers::Evaluation& reference_;
  WaysResult result_;
};

}  // namespace

std::vector<int64_t> raw_values(const model::Tensor& tensor, std::span<const std::byte> containers) {
  const Codec codec(tensor.name, tensor.type);
  std::vector<int64_t> raw(containers.size() / codec.row_bytes() * codec.elements());
  codec.decode(kRaw, containers, std::as_writable_bytes(std::span(raw)));
  return raw;
}

absl::StatusOr<layers::Evaluation> run_reference(const CheckInput& input) {
  std::vector<std::vector<int64_t>> raw;
  std::vector<std::span<const int64_t>> views;
  for (size_t i = 0; i < input.graph().inputs().size(); ++i) {
    const model::Tensor& tensor = input.graph().input(i);
    raw.push_back(raw_values(
        tensor, input.events->inputs[i].first(input.reference_rows * static_cast<size_t>(tensor.type.row_bytes()))));
  }
  for (const auto& values : raw) views.emplace_back(values);
  return layers::evaluate_reference(input.graph(), views, input.reference_rows, true);
}

absl::StatusOr<WaysResult> run_ways(const CheckInput& input, const layers::Evaluation& reference) {
  return Ways(input, reference).run();
}

}  // namespace strobe::cli
