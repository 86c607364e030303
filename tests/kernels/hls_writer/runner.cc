#include "tests/kernels/hls_writer/runner.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "kernels/hls/project.h"
#include "kernels/layers/catalog.h"
#include "kernels/layers/reference.h"
#include "tests/kernels/emulator/random_graph.h"

namespace strobe::testing {
namespace {

constexpr size_t kGuardBytes = 64;
constexpr std::byte kGuard{0xa5};

/// One graph's rows and what the reference makes of them.
struct Expectation {
  std::vector<std::vector<int64_t>> inputs;
  layers::Evaluation evaluation;
};

Expectation expect(const model::Graph& graph, size_t rows, std::mt19937_64& random) {
  Expectation expectation;
  std::vector<std::span<const int64_t>> views;
  for (size_t i = 0; i < graph.inputs().size(); ++i) expectation.inputs.push_back(random_rows(graph, i, rows, random));
  for (const auto& values : expectation.inputs) views.emplace_back(values);
  auto evaluation = layers::evaluate_reference(graph, views, rows);
  EXPECT_TRUE(evaluation.ok()) << evaluation.status();
  if (evaluation.ok()) expectation.evaluation = *std::move(evaluation);
  return expectation;
}

void compare(const model::Graph& graph, const Expectation& expectation, const LoadedLibrary& library, size_t k,
             uint32_t rows) {
  std::vector<std::vector<std::byte>> inputs, outputs(graph.outputs().size());
  for (size_t i = 0; i < graph.inputs().size(); ++i)
    inputs.push_back(pack_rows(graph.input(i).type, expectation.inputs[i]));
  for (size_t o = 0; o < outputs.size(); ++o) outputs[o].resize(rows * graph.output(o).type.row_bytes());
  library.run(k, inputs, outputs, rows);
  for (size_t o = 0; o < outputs.size(); ++o) {
    const model::Tensor& tensor = graph.output(o);
    const std::vector<int64_t> found = unpack_rows(tensor.type, outputs[o]);
    const std::vector<int64_t>& wanted = expectation.evaluation.outputs[o];
    ASSERT_EQ(found.size(), wanted.size());
    for (size_t i = 0; i < found.size(); ++i) {
      const auto size = static_cast<size_t>(tensor.type.elements());
      if (found[i] == wanted[i]) continue;
      FAIL() << "model " << graph.name() << ", tensor " << tensor.name << ", row " << i / size << ", element "
             << i % size << ": HLS " << found[i] << ", reference " << wanted[i] << "\n"
             << model::print(graph);
    }
  }
}

}  // namespace

LoadedLibrary::LoadedLibrary(const std::string& path) {
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(handle_, nullptr) << dlerror();
  if (handle_ == nullptr) return;
  auto get = reinterpret_cast<const struct strobe_emulated_library* (*)()>(dlsym(handle_, "strobe_emulated_library"));
  EXPECT_NE(get, nullptr);
  if (get != nullptr) library_ = get();
}

LoadedLibrary::~LoadedLibrary() {
  if (handle_ != nullptr) dlclose(handle_);
}

void LoadedLibrary::run(size_t k, const std::vector<std::vector<std::byte>>& inputs,
                        std::vector<std::vector<std::byte>>& outputs, uint32_t rows) const {
  std::vector<uint64_t> values;
  for (const auto& bytes : inputs) values.push_back(reinterpret_cast<uintptr_t>(bytes.data()));
  for (auto& bytes : outputs) {
    bytes.resize(bytes.size() + kGuardBytes, kGuard);
    values.push_back(reinterpret_cast<uintptr_t>(bytes.data()));
  }
  values.push_back(rows);
  ASSERT_EQ(library_->kernels[k].argument_count, values.size());
  library_->kernels[k].run(values.data());
  for (auto& bytes : outputs) {
    for (size_t i = bytes.size() - kGuardBytes; i < bytes.size(); ++i)
      ASSERT_EQ(bytes[i], kGuard) << "written behind the last row";
    bytes.resize(bytes.size() - kGuardBytes);
  }
}

ScratchFolder::ScratchFolder() {
  std::string path = ::testing::TempDir() + "strobe_hls_writer.XXXXXX";
  EXPECT_NE(mkdtemp(path.data()), nullptr);
  path_ = path;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void expect_hls_equals_reference(const std::vector<model::Graph>& graphs, const std::vector<size_t>& rows,
                                 uint64_t seed) {
  std::vector<hls::KernelSpec> specs(graphs.size());
  for (size_t k = 0; k < graphs.size(); ++k) specs[k].graph = &graphs[k];
  const auto project = hls::write_project(specs);
  ASSERT_TRUE(project.ok()) << project.status();
  const ScratchFolder folder;
  const auto report = hls::build_sw_emu(*project, folder / "kernel.so");
  ASSERT_TRUE(report.ok()) << report.status();
  std::printf("seed %llu: %zu kernels compiled in %.2f s (headers %.2f s)%s\n", static_cast<unsigned long long>(seed),
              graphs.size(), report->seconds, report->header_seconds, report->reused ? ", from the cache" : "");
  const LoadedLibrary library(folder / "kernel.so");
  ASSERT_NE(library.library(), nullptr);
  ASSERT_EQ(library.library()->abi, STROBE_KERNEL_ABI);
  ASSERT_EQ(library.library()->kernel_count, graphs.size());
  std::mt19937_64 random(seed);
  for (size_t k = 0; k < graphs.size(); ++k) {
    for (const size_t count : rows) {
      compare(graphs[k], expect(graphs[k], count, random), library, k, static_cast<uint32_t>(count));
      if (::testing::Test::HasFailure()) return;
    }
  }
}

model::Graph finished(model::GraphBuilder builder, std::vector<model::TensorId> outputs) {
  builder.set_outputs(std::move(outputs));
  auto graph = std::move(builder).build();
  EXPECT_TRUE(graph.ok()) << graph.status();
  const absl::Status valid = layers::verify(*graph);
  EXPECT_TRUE(valid.ok()) << valid << "\n" << model::print(*graph);
  return *std::move(graph);
}

model::Constant random_constant(const model::TensorType& type, uint64_t seed) {
  std::mt19937_64 random(seed);
  model::Constant constant{type, {}};
  for (int64_t i = 0; i < type.elements(); ++i) {
    const model::FixedType& t = type.at(i);
    std::uniform_int_distribution<int64_t> value(static_cast<int64_t>(t.min_raw()), static_cast<int64_t>(t.max_raw()));
    constant.raw.push_back(value(random));
  }
  return constant;
}

}  // namespace strobe::testing
