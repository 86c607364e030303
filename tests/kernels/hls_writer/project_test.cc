#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "kernels/layers/reference.h"
#include "tests/kernels/emulator/random_graph.h"
#include "tests/kernels/hls_writer/runner.h"

namespace strobe {
namespace {

using model::FixedType;
using model::TensorId;
using ::testing::HasSubstr;
using testing::random_constant;

struct DenseLayer {
  const char* name;
  int64_t n_in, n_out, reuse_factor;
  const char* strategy;
};

/// A network like the jet taggers of the field: dense layers with saturating relus, fixed-point logits.
model::Graph network(const std::string& name, const std::vector<DenseLayer>& layers) {
  model::GraphBuilder builder(name);
  TensorId x = builder.add_input("features", {{layers[0].n_in}, {FixedType::fixed(16, 6)}});
  uint64_t seed = 100;
  for (const DenseLayer& layer : layers) {
    model::Node node{layer.name, "dense", {x}, {}, {}, {}};
    node.constants["weight"] = random_constant({{layer.n_in, layer.n_out}, {FixedType::fixed(6, 1)}}, ++seed);
    node.constants["bias"] = random_constant({{layer.n_out}, {FixedType::fixed(6, 1)}}, ++seed);
    node.attributes["reuse_factor"] = layer.reuse_factor;
    node.attributes["strategy"] = std::string(layer.strategy);
    x = builder.add(node, {{layer.n_out}, {FixedType::fixed(16, 8)}});
    const FixedType activation = FixedType::ufixed(6, 0, model::Rounding::kRndConv, model::Overflow::kSat);
    if (&layer != &layers.back())
      x = builder.add({std::string(layer.name) + "_relu", "relu", {x}, {}, {}, {}}, {{layer.n_out}, {activation}});
  }
  return testing::finished(std::move(builder), {x});
}

model::Graph jet_network() {
  return network("jets", {{"hidden1", 16, 64, 1, "latency"},
                          {"hidden2", 64, 32, 1, "latency"},
                          {"hidden3", 32, 32, 1, "latency"},
                          {"output", 32, 5, 1, "latency"}});
}

/// The value of `name = value` in the struct of that name.
int64_t setting(const std::string& text, const std::string& config, const std::string& name) {
  const size_t start = text.find("struct " + config + " {");
  EXPECT_NE(start, std::string::npos) << config;
  const std::regex pattern(name + " = (-?[0-9]+);");
  std::smatch match;
  const std::string body = text.substr(start, text.find("};", start) - start);
  EXPECT_TRUE(std::regex_search(body, match, pattern)) << name << " in " << body;
  return match.empty() ? -1 : std::stoll(match[1]);
}

/// Numbers other than zero in an array of a weights file.
int64_t nonzero_entries(const std::string& text) {
  const size_t start = text.find("= {");
  std::string list = text.substr(start + 3, text.find("};", start) - start - 3);
  std::replace(list.begin(), list.end(), ',', ' ');
  std::istringstream words(list);
  int64_t count = 0;
  for (double value = 0; words >> value;) count += value != 0;
  return count;
}

/// The body of the first function whose signature begins so.
std::string function_of(const std::string& text, const std::string& signature) {
  const size_t start = text.find(signature);
  EXPECT_NE(start, std::string::npos) << signature;
  return start == std::string::npos ? "" : text.substr(start, text.find("\n}\n", start) - start);
}

TEST(HlsPlan, OfTheUnrolledJetNetworkIsReadBackFromItsPragmas) {
  const auto project = hls::write_project(jet_network());
  ASSERT_TRUE(project.ok()) << project.status();
  const hls::KernelDescription& kernel = project->kernels[0];
  const std::string& source = project->files.at("src/jets/jets.cpp");
  const std::string& parameters = project->files.at("src/jets/parameters.h");
  const std::string& dense = project->files.at("include/layers/dense/dense_hls.h");

  EXPECT_EQ(kernel.initiation_interval, 1);
  EXPECT_THAT(function_of(source, "void compute("), HasSubstr("STROBE_PRAGMA(HLS pipeline II=1)"));
  EXPECT_THAT(function_of(source, "void network("), HasSubstr("STROBE_PRAGMA(HLS inline)"));
  const std::string latency = function_of(dense, "void dense_latency(");
  EXPECT_THAT(latency, HasSubstr("STROBE_PRAGMA(HLS pipeline II=config::reuse_factor)"));
  EXPECT_THAT(latency, HasSubstr("STROBE_PRAGMA(HLS latency max=config::depth)"));
  EXPECT_THAT(latency, HasSubstr("instances=mul limit=config::multiplier_limit)"));
  int64_t depth = 0;
  for (const auto& [layer, node] : {std::pair{"hidden1", 0}, {"hidden2", 2}, {"hidden3", 4}, {"output", 6}}) {
    const std::string config = std::string(layer) + "_config";
    const hls::Plan& plan = kernel.plans[node];
    EXPECT_EQ(setting(parameters, config, "reuse_factor"), plan.initiation_interval);
    EXPECT_EQ(setting(parameters, config, "depth"), plan.depth);
    EXPECT_EQ(setting(parameters, config, "multiplier_limit"), plan.multipliers);
    EXPECT_EQ(nonzero_entries(project->files.at("src/jets/weights/" + std::string(layer) + "_weight.h")),
              plan.multipliers);
    depth += plan.depth + (node < 6 ? 1 : 0);
  }
  EXPECT_EQ(kernel.depth, depth);
  EXPECT_LE(kernel.depth, 300) << "a microsecond at 300 MHz";
}

TEST(HlsPlan, OfReusedLayersIsReadBackFromLoopsAndPragmas) {
  const auto project = hls::write_project(network("reused", {{"first", 16, 64, 4, "resource"},
                                                             {"second", 64, 32, 128, "resource"},
                                                             {"third", 32, 8, 3, "latency"},
                                                             {"last", 8, 5, 7, "resource"}}));
  ASSERT_TRUE(project.ok()) << project.status();
  const hls::KernelDescription& kernel = project->kernels[0];
  const std::string& source = project->files.at("src/reused/reused.cpp");
  const std::string& parameters = project->files.at("src/reused/parameters.h");
  const std::string resource =
      function_of(project->files.at("include/layers/dense/dense_hls.h"), "void dense_resource(");

  EXPECT_THAT(function_of(source, "void network("), HasSubstr("STROBE_PRAGMA(HLS dataflow)"));
  EXPECT_THAT(resource, HasSubstr("cycle < config::reuse_factor"));
  EXPECT_THAT(resource, HasSubstr("block = products / config::reuse_factor"));
  EXPECT_THAT(resource, HasSubstr("array_reshape variable=weight cyclic factor=block"));
  for (const auto& [layer, node, products] :
       {std::tuple{"first", 0, 16 * 64}, {"second", 2, 64 * 32}, {"last", 6, 8 * 5}}) {
    const std::string config = std::string(layer) + "_config";
    const int64_t reuse = setting(parameters, config, "reuse_factor");
    EXPECT_THAT(source, HasSubstr("strobe::dense_resource<" + config + ">"));
    EXPECT_EQ(kernel.plans[node].initiation_interval, reuse) << layer;
    EXPECT_EQ(kernel.plans[node].multipliers, products / reuse) << layer;
    EXPECT_EQ(setting(parameters, config, "multiplier_limit"), products / reuse) << layer;
  }
  EXPECT_THAT(function_of(source, "void compute_third("), HasSubstr("STROBE_PRAGMA(HLS pipeline II=3)"));
  EXPECT_EQ(kernel.plans[4].multipliers,
            (nonzero_entries(project->files.at("src/reused/weights/third_weight.h")) + 2) / 3);
  EXPECT_EQ(kernel.initiation_interval, 128);
  EXPECT_EQ(setting(parameters, "last_config", "reuse_factor"), 8) << "7 does not fit 8 x 5";
  ASSERT_EQ(project->warnings.size(), 1u);
  EXPECT_THAT(project->warnings[0],
              HasSubstr("layer 'last' (dense): reuse factor 7 does not fit 8 x 5 weights; 8 is used"));
}

TEST(HlsPlan, CountsTheBeatsOfALongRow) {
  const auto project = hls::write_project(network("long", {{"fc1", 33, 4, 1, "latency"}}));
  ASSERT_TRUE(project.ok()) << project.status();
  EXPECT_EQ(project->kernels[0].plans[0].initiation_interval, 1);
  EXPECT_EQ(project->kernels[0].initiation_interval, 33) << "33 containers of 16 bits share no beat with words of 32";
}

TEST(HlsProject, IsTheSameForTheSameModel) {
  const auto once = hls::write_project(jet_network());
  const auto again = hls::write_project(jet_network());
  ASSERT_TRUE(once.ok() && again.ok());
  EXPECT_EQ(once->files, again->files);
}

TEST(HlsProject, RefusesAnImpossibleReuseFactor) {
  for (const int64_t reuse : {0, -4}) {
    const auto project = hls::write_project(network("bad", {{"fc1", 4, 4, reuse, "resource"}}));
    EXPECT_EQ(project.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(project.status().message()),
                HasSubstr("layer 'fc1' (dense): reuse factor must be at least 1"));
  }
}

TEST(HlsProject, TellsV__WhereComputeUnitsGo) {
  const model::Graph graph = jet_network();
  hls::KernelSpec spec;
  spec.graph = &graph;
  spec.compute_units = 2;
  spec.placement = {{"DDR[0]", "SLR0"}, {"DDR[1]", "SLR1"}};
  hls::ProjectOptions options;
  options.platform = "some_platform";
  options.clock_mhz = 250;
  const auto project = hls::write_project(std::span(&spec, 1), options);
  ASSERT_TRUE(project.ok()) << project.status();
  const std::string& text = project->files.at("jets.cfg");
  for (const char* line :
       {"platform=some_platform\n", "clock=250000000:jets\n", "freqHz=250000000:jets_1\n", "nk=jets:2:jets_1.jets_2\n",
        "sp=jets_2.features:DDR[1]\n", "sp=jets_1.output:DDR[0]\n", "slr=jets_2:SLR1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_EQ(project->kernels[0].arguments[1].offset, 0x1cu);
  EXPECT_THAT(project->files.at("src/jets/jets.cpp"), HasSubstr("HLS interface ap_ctrl_chain port=return"));
}

/// Names that are words of the language, macros, too long, foreign or equal once they are identifiers.
model::Graph badly_named() {
  model::GraphBuilder builder("sin");
  const FixedType type = FixedType::fixed(8, 4);
  const TensorId x = builder.add_input("int", {{2}, {type}});
  std::vector<TensorId> outputs = {x, x};
  TensorId last = x;
  for (const char* name : {"a/b",           "a b",      "a_b",    "EOF",        "rows",  "compute",        "network",
                           "r\xc3\xa9seau", "9lives",   "__x",    "sin_model",  "sin",   "event",          "size",
                           "int8",          "ap_fixed", "strobe", "a_b_config", "a_b_t", "\n\"quoted\"\\", "main",
                           "unsigned"}) {
    last = builder.add({name, "relu", {last}, {}, {}, {}}, {{2}, {type}});
    outputs.push_back(last);
  }
  last = builder.add({std::string(300, 'n'), "quantize", {last}, {}, {}, {}}, {{2}, {type}});
  outputs.push_back(last);
  return testing::finished(std::move(builder), outputs);
}

TEST(HlsProject, CompilesWhateverTheNames) { testing::expect_hls_equals_reference({badly_named()}, {70}, 19); }

/// What generated code, its headers and the C library's call things of their own, as names of kernels.
TEST(HlsProject, CompilesWhateverTheKernelsNames) {
  const std::vector<std::string> names = {"rows",   "ap_int", "ap_fixed", "ap_uint", "int64_t", "size_t",
                                          "strobe", "main",   "select",   "kernels", "count",   "compute"};
  const std::set<std::string> as_they_are = {"count"};
  std::vector<model::Graph> graphs;
  for (const std::string& name : names) {
    model::GraphBuilder builder(name);
    const TensorId x = builder.add_input("x", {{2}, {FixedType::fixed(8, 4)}});
    const TensorId y = builder.add({"y", "relu", {x}, {}, {}, {}}, {{2}, {FixedType::fixed(8, 4)}});
    graphs.push_back(testing::finished(std::move(builder), {y}));
  }
  std::vector<hls::KernelSpec> specs(graphs.size());
  for (size_t k = 0; k < graphs.size(); ++k) specs[k].graph = &graphs[k];
  const auto project = hls::write_project(specs);
  ASSERT_TRUE(project.ok()) << project.status();
  for (size_t k = 0; k < names.size(); ++k)
    EXPECT_EQ(project->kernels[k].name, as_they_are.count(names[k]) > 0 ? names[k] : names[k] + "_");
  testing::expect_hls_equals_reference(graphs, {5}, 20);
}

hls::GoldenVectors golden_vectors(const model::Graph& graph, size_t rows) {
  std::mt19937_64 random(23);
  hls::GoldenVectors golden;
  golden.rows = static_cast<int64_t>(rows);
  std::vector<std::span<const int64_t>> views;
  for (size_t i = 0; i < graph.inputs().size(); ++i)
    golden.inputs.push_back(testing::random_rows(graph, i, rows, random));
  for (const auto& values : golden.inputs) views.emplace_back(values);
  golden.outputs = layers::evaluate_reference(graph, views, rows)->outputs;
  return golden;
}

/// The user's own way: the written project, its Makefile, its testbench; C++14 with every warning an error.
TEST(HlsProject, PassesItsOwnTestbenchWithoutAWarning) {
  const model::Graph graph = testing::random_graph(3, {});
  hls::KernelSpec spec;
  spec.graph = &graph;
  spec.name = "third";
  spec.golden = golden_vectors(graph, 100);
  auto project = hls::write_project(std::span(&spec, 1));
  ASSERT_TRUE(project.ok()) << project.status();
  const testing::ScratchFolder folder;
  const std::string command =
      "make -s -C " + folder.path() + " csim CXX='g++ -Werror -Wshadow -pedantic' > " + (folder / "log") + " 2>&1";
  const auto log = [&] {
    std::ifstream file(folder / "log");
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  ASSERT_TRUE(hls::write_to_folder(*project, folder.path()).ok());
  EXPECT_EQ(std::system(command.c_str()), 0) << log();
  EXPECT_THAT(log(), HasSubstr(" 0 of "));

  // A testbench that cannot fail would prove nothing.
  spec.golden.outputs[0][0] ^= 1;
  project = hls::write_project(std::span(&spec, 1));
  ASSERT_TRUE(hls::write_to_folder(*project, folder.path()).ok());
  EXPECT_NE(std::system(command.c_str()), 0) << log();
}

TEST(HlsProject, RefusesGoldenVectorsOfTheWrongSize) {
  const model::Graph graph = jet_network();
  hls::KernelSpec spec;
  spec.graph = &graph;
  spec.golden.rows = 2;
  spec.golden.inputs = {std::vector<int64_t>(31)};
  const auto project = hls::write_project(std::span(&spec, 1));
  EXPECT_THAT(std::string(project.status().message()),
              HasSubstr("tensor 'features': expected 2 rows of 16 values, found 31"));
}

/// Processor seconds of this process's children so far.
double child_seconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST(HlsBuild, CompilesTheJetNetworkInTwoSeconds) {
  const testing::ScratchFolder folder;
  const auto project = hls::write_project(jet_network());
  ASSERT_TRUE(project.ok()) << project.status();
  hls::BuildOptions options;
  options.cache_folder = folder / "cache";
  options.reuse_library = false;
  const double start = child_seconds();
  const auto cold = hls::build_sw_emu(*project, folder / "cold.so", options);
  const double between = child_seconds();
  const auto warm = hls::build_sw_emu(*project, folder / "warm.so", options);
  const double end = child_seconds();
  ASSERT_TRUE(cold.ok() && warm.ok()) << cold.status() << warm.status();
  EXPECT_GT(cold->header_seconds, 0);
  EXPECT_EQ(warm->header_seconds, 0);
  std::printf("jet network: cold %.2f s (%.2f s of a core), with a precompiled header %.2f s (%.2f s of a core)\n",
              cold->seconds, between - start, warm->seconds, end - between);
  // Of processor time: the machine may be busy with something else.
  EXPECT_LT(between - start, 10);
  EXPECT_LT(end - between, 2);
}

TEST(HlsBuild, TakesALibraryThatWasBuiltBefore) {
  const testing::ScratchFolder folder;
  const auto project = hls::write_project(network("small", {{"fc1", 4, 4, 1, "latency"}}));
  hls::BuildOptions options;
  options.cache_folder = folder / "cache";
  const auto first = hls::build_sw_emu(*project, folder / "first.so", options);
  const auto second = hls::build_sw_emu(*project, folder / "second.so", options);
  ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
  EXPECT_FALSE(first->reused);
  EXPECT_TRUE(second->reused);
  const auto bytes = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(bytes(folder / "first.so"), bytes(folder / "second.so"));
}

TEST(HlsBuild, SharesAColdCacheBetweenRunsAtTheSameTime) {
  const testing::ScratchFolder folder;
  const auto project = hls::write_project(network("small", {{"fc1", 4, 4, 1, "latency"}}));
  hls::BuildOptions options;
  options.cache_folder = folder / "cache";
  std::vector<std::thread> threads;
  std::vector<absl::Status> results(3);
  for (size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back(
        [&, i] { results[i] = hls::build_sw_emu(*project, folder / absl::StrCat(i, ".so"), options).status(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_TRUE(results[i].ok()) << results[i];
    EXPECT_NE(testing::LoadedLibrary(folder / absl::StrCat(i, ".so")).library(), nullptr);
  }
}

TEST(HlsBuild, RepairsDamagedHeaders) {
  namespace fs = std::filesystem;
  const testing::ScratchFolder folder;
  const auto project = hls::write_project(network("small", {{"fc1", 4, 4, 1, "latency"}}));
  hls::BuildOptions options;
  options.cache_folder = folder / "cache";
  options.reuse_library = false;
  ASSERT_TRUE(hls::build_sw_emu(*project, folder / "k.so", options).ok());
  const fs::path headers = fs::directory_iterator(folder / "cache")->path();
  ASSERT_THAT(headers.filename().string(), ::testing::StartsWith("headers-"));
  const fs::path precompiled = headers / "strobe_prelude.h.gch";
  const auto overwrite_middle = [&] {
    std::fstream file(precompiled, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(512);
    file << std::string(fs::file_size(precompiled) - 512, '\x5a');
  };
  const std::pair<const char*, std::function<void()>> damages[] = {
      {"a truncated precompiled header", [&] { fs::resize_file(precompiled, fs::file_size(precompiled) / 2); }},
      {"a precompiled header of the right size with other bytes", overwrite_middle},
      {"a half-written header", [&] { fs::resize_file(headers / "ap_fixed.h", 100); }},
      {"a missing header", [&] { fs::remove(headers / "ap_int.h"); }},
      {"an empty folder",
       [&] {
         fs::remove_all(headers);
         fs::create_directory(headers);
       }},
  };
  for (const auto& [what, damage] : damages) {
    damage();
    const auto repaired = hls::build_sw_emu(*project, folder / "repaired.so", options);
    ASSERT_TRUE(repaired.ok()) << what << ": " << repaired.status();
    EXPECT_GT(repaired->header_seconds, 0) << what;
    const auto after = hls::build_sw_emu(*project, folder / "after.so", options);
    ASSERT_TRUE(after.ok()) << what << ": " << after.status();
    EXPECT_EQ(after->header_seconds, 0) << what;
    EXPECT_EQ(std::distance(fs::directory_iterator(folder / "cache"), {}), 1) << what;
  }
}

TEST(HlsBuild, MakesHeadersAnewOnceWhereTheCompilerDoesNotTakeThem) {
  const testing::ScratchFolder folder;
  const std::string compiler = folder / "compiler", flaw = folder / "flaw";
  std::ofstream(compiler) << "#!/bin/sh\nrm " << flaw
                          << " 2>/dev/null && echo 'error: flaw' && exit 1\nexec g++ \"$@\"\n";
  std::filesystem::permissions(compiler, std::filesystem::perms::owner_all);
  const auto project = hls::write_project(network("small", {{"fc1", 4, 4, 1, "latency"}}));
  hls::BuildOptions options;
  options.cache_folder = folder / "cache";
  options.compiler = compiler;
  options.reuse_library = false;
  ASSERT_TRUE(hls::build_sw_emu(*project, folder / "k.so", options).ok());
  std::ofstream(flaw) << "once";
  const auto report = hls::build_sw_emu(*project, folder / "k.so", options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(std::filesystem::exists(flaw));
  EXPECT_GT(report->header_seconds, 0);
}

TEST(HlsBuild, SaysWhereTheCacheCannotBe) {
  const testing::ScratchFolder folder;
  std::ofstream(folder / "file") << "in the way";
  hls::BuildOptions options;
  options.cache_folder = folder / "file/cache";
  const auto report = hls::build_sw_emu(*hls::write_project(jet_network()), folder / "k.so", options);
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(std::string(report.status().message()), HasSubstr(folder / "file"));
}

TEST(HlsBuild, SaysWhenThereIsNoCompiler) {
  const testing::ScratchFolder folder;
  hls::BuildOptions options;
  options.compiler = "no-such-compiler";
  const auto report = hls::build_sw_emu(*hls::write_project(jet_network()), folder / "k.so", options);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("'no-such-compiler' was not found"));
}

TEST(HlsBuild, ShowsTheCompilersErrorsAndLeavesNothing) {
  const testing::ScratchFolder folder;
  auto project = hls::write_project(network("small", {{"fc1", 4, 4, 1, "latency"}}));
  ASSERT_TRUE(project.ok());
  project->files["src/small/small.cpp"] += "int wrong = \"text\";\n";
  hls::BuildOptions options;
  options.cache_folder = folder / "cache";
  const auto report = hls::build_sw_emu(*project, folder / "k.so", options);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("g++ could not compile 'small.cpp': exit status 1"));
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("error: invalid conversion"));
  EXPECT_FALSE(std::filesystem::exists(folder / "k.so"));
  for (const auto& entry : std::filesystem::directory_iterator(folder / "cache")) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::StartsWith("headers-"));
  }
}

TEST(HlsBuild, SaysWhenACompilerIsKilled) {
  const testing::ScratchFolder folder;
  const std::string compiler = folder / "g++";
  std::ofstream(compiler) << "#!/bin/sh\nkill -9 $$\n";
  std::filesystem::permissions(compiler, std::filesystem::perms::owner_all);
  hls::BuildOptions options;
  options.compiler = compiler;
  options.cache_folder = folder / "cache";
  const auto report = hls::build_sw_emu(*hls::write_project(jet_network()), folder / "k.so", options);
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("killed by signal 9"));
}

TEST(HlsBuild, NamesAFolderThatDoesNotExist) {
  const testing::ScratchFolder folder;
  const auto project = hls::write_project(network("small", {{"fc1", 4, 4, 1, "latency"}}));
  const auto report = hls::build_sw_emu(*project, folder / "nowhere/k.so");
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("nowhere/k.so"));
}

TEST(HlsBuild, OfHardwareNeedsVitis) {
  if (std::system("command -v v++ > /dev/null 2>&1") == 0) GTEST_SKIP() << "Vitis is installed here";
  const testing::ScratchFolder folder;
  const absl::Status status = hls::build_hw(*hls::write_project(jet_network()), folder.path(), folder / "k.xclbin");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("v++ was not found"));
}

}  // namespace
}  // namespace strobe
