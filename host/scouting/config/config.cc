#include "host/scouting/config/config.h"

#include <algorithm>
#include <set>
#include <utility>

#include "host/scouting/config/yaml_reader.h"
#include "host/scouting/core/orbit.h"
#include "host/scouting/formats/find_format.h"

namespace strobe::scouting {
namespace {

constexpr int kMostCores = 1023;

absl::Status read_source(Config& config, const YAML::Node& node) {
  SourceConfig source;
  YamlReader reader(config.file, node, absl::StrCat("source ", config.sources.size() + 1));
  std::string format;
  reader.require("format");
  reader.require("from");
  reader.text("format", format);
  reader.name("name", source.name);
  reader.text("from", source.from);
  reader.number("rate", source.rate, 0.0, 1000.0);
  reader.number<uint64_t>("passes", source.passes, 0, uint64_t{1} << 40);
  reader.number<size_t>("buffer_mebibytes", source.buffer_mebibytes, 2, 1024);
  reader.number<uint32_t>("every", source.every, 1, 1000);
  reader.number("core", source.core, -1, kMostCores);
  if (absl::Status s = reader.finish(); !s.ok()) return s;
  source.format = find_format(format);
  if (source.format == nullptr) {
    return flaw_at(config.file, node["format"],
                   absl::StrCat("unknown format '", shortened(format), "'; expected ", format_names()));
  }
  if (source.name.empty()) source.name = format;
  const bool known = std::any_of(config.sources.begin(), config.sources.end(),
                                 [&](const SourceConfig& other) { return other.name == source.name; });
  if (known) return flaw_at(config.file, node, absl::StrCat("two sources are called '", source.name, "'"));
  source.node = node["from"];
  config.sources.push_back(std::move(source));
  return absl::OkStatus();
}

absl::Status read_model(Config& config, const YAML::Node& node) {
  ModelConfig model;
  YamlReader reader(config.file, node, absl::StrCat("model ", config.models.size() + 1));
  reader.require("name");
  reader.require("xclbin");
  reader.name("name", model.name);
  reader.text("xclbin", model.xclbin);
  reader.text("kernel", model.kernel);
  reader.text("forest", model.forest);
  reader.text("device", model.device);
  reader.text("shadow_of", model.shadow_of);
  reader.number("slots", model.slots, 1, 16);
  reader.number("threads", model.threads, 1, 256);
  for (const char* selection_key : {"inputs", "encoding", "per"}) reader.take(selection_key);
  if (absl::Status s = reader.finish(); !s.ok()) return s;
  const auto named = [&](const std::string& name) {
    return std::any_of(config.models.begin(), config.models.end(),
                       [&](const ModelConfig& other) { return other.name == name; });
  };
  if (named(model.name)) return flaw_at(config.file, node, absl::StrCat("two models are called '", model.name, "'"));
  if (!model.shadow_of.empty() && !named(model.shadow_of)) {
    return flaw_at(config.file, node["shadow_of"],
                   absl::StrCat("expected the name of a model above, found '", shortened(model.shadow_of), "'"));
  }
  model.node = node;
  config.models.push_back(std::move(model));
  return absl::OkStatus();
}

absl::Status read_sink(Config& config, const YAML::Node& node) {
  SinkConfig sink;
  YamlReader reader(config.file, node, absl::StrCat("write ", config.sinks.size() + 1));
  reader.require("kind");
  SinkSettings& settings = sink.settings;
  reader.choice("kind", settings.kind, {"raw", "hdf5", "npy", "tcp", "none"});
  reader.text("to", settings.to);
  reader.number<uint64_t>("file_mebibytes", settings.file_mebibytes, 0, 1 << 20);
  reader.choice("compression", settings.compression, {"none", "scaleoffset", "deflate"});
  reader.number<uint32_t>("flush_orbits", settings.flush_orbits, 1, kOrbitsPerSection);
  reader.number("patience_seconds", settings.patience_seconds, 0.0, 3600.0);
  if (settings.kind != "none") reader.require("to");
  if (absl::Status s = reader.finish(); !s.ok()) return s;
  sink.node = node;
  config.sinks.push_back(std::move(sink));
  return absl::OkStatus();
}

template <typename Read>
absl::Status read_list(Config& config, const YAML::Node& list, const char* key, Read&& read) {
  if (!list.IsDefined()) return absl::OkStatus();
  if (!list.IsSequence()) return flaw_at(config.file, list, absl::StrCat(key, ": expected a list"));
  for (const YAML::Node& each : list) {
    if (absl::Status s = read(config, each); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status read_results(Config& config, const YAML::Node& node) {
  if (!node.IsDefined()) return absl::OkStatus();
  YamlReader reader(config.file, node, "results");
  std::string scores = "number";
  reader.flag("objects", config.write_objects);
  reader.choice("scores", scores, {"number", "raw"});
  const YAML::Node values = reader.take("values");
  config.results_raw = scores == "raw";
  if (absl::Status s = reader.finish(); !s.ok() || !values.IsDefined()) return s;
  if (!values.IsSequence()) return flaw_at(config.file, values, "results: values: expected a list of names");
  for (const YAML::Node& value : values) config.result_values.push_back(value.as<std::string>("?"));
  return absl::OkStatus();
}

absl::Status read_histogram(Config& config, const YAML::Node& node) {
  HistogramConfig histogram;
  YamlReader reader(config.file, node, absl::StrCat("histogram ", config.histograms.size() + 1));
  reader.require("value");
  reader.text("value", histogram.value);
  reader.number("low", histogram.low, -1e12, 1e12);
  reader.number("high", histogram.high, -1e12, 1e12);
  reader.number<size_t>("bins", histogram.bins, 1, 10000);
  if (absl::Status s = reader.finish(); !s.ok()) return s;
  if (!(histogram.low < histogram.high)) return flaw_at(config.file, node, "histogram: expected low < high");
  histogram.node = node;
  config.histograms.push_back(std::move(histogram));
  return absl::OkStatus();
}

absl::Status read_join(Config& config, const YAML::Node& node) {
  if (!node.IsDefined()) return absl::OkStatus();
  YamlReader reader(config.file, node, "join");
  std::string incomplete = "keep";
  reader.number("timeout_ms", config.join_timeout_ms, 1, 3'600'000);
  reader.choice("incomplete", incomplete, {"keep", "drop"});
  config.keep_incomplete = incomplete == "keep";
  return reader.finish();
}

absl::Status read_threads(Config& config, const YAML::Node& node) {
  if (!node.IsDefined()) return absl::OkStatus();
  YamlReader reader(config.file, node, "threads");
  std::string work = "receiver", write = "own";
  reader.choice("work", work, {"receiver", "own"});
  reader.choice("write", write, {"own", "work"});
  reader.number("work_core", config.work_core, -1, kMostCores);
  reader.number("write_core", config.write_core, -1, kMostCores);
  config.own_thread = work == "own";
  config.writer_thread = write == "own";
  if (absl::Status s = reader.finish(); !s.ok()) return s;
  if (!config.writer_thread && config.drop_when_slow) {
    return flaw_at(config.file, node,
                   "threads: `write: work` makes receivers wait for the sinks; it goes with `slow: block` alone");
  }
  return absl::OkStatus();
}

absl::Status read_account(Config& config, const YAML::Node& node) {
  if (!node.IsDefined()) return absl::OkStatus();
  YamlReader reader(config.file, node, "account");
  reader.text("file", config.account_file);
  reader.text("orbits", config.orbits_file);
  return reader.finish();
}

absl::Status read_root(Config& config) {
  YamlReader reader(config.file, config.root, "");
  std::string slow = "block";
  reader.require("sources");
  reader.number<uint32_t>("run", config.run, 1, 0xffffffff);
  reader.number<uint32_t>("first_crossing", config.first_crossing, 0, 1);
  reader.number<size_t>("batch_orbits", config.batch_orbits, 1, 4096);
  reader.number<size_t>("batches", config.batches, 1, 64);
  reader.number<size_t>("queue_orbits", config.queue_orbits, 1, 1 << 20);
  reader.number("retry_seconds", config.retry_seconds, 0, 86400);
  reader.choice("slow", slow, {"block", "drop"});
  reader.text("quarantine", config.quarantine);
  reader.number<uint64_t>("quarantine_mebibytes", config.quarantine_mebibytes, 1, 1 << 20);
  reader.text("control", config.control);
  config.drop_when_slow = slow == "drop";
  for (const char* selection_key : {"select", "values", "require", "keep"}) reader.take(selection_key);
  const YAML::Node sources = reader.take("sources"), models = reader.take("models"), sinks = reader.take("write");
  const YAML::Node results = reader.take("results"), histograms = reader.take("histograms");
  const YAML::Node join = reader.take("join"), threads = reader.take("threads"), account = reader.take("account");
  if (absl::Status s = reader.finish(); !s.ok()) return s;
  if (absl::Status s = read_list(config, sources, "sources", read_source); !s.ok()) return s;
  if (absl::Status s = read_list(config, models, "models", read_model); !s.ok()) return s;
  if (absl::Status s = read_list(config, sinks, "write", read_sink); !s.ok()) return s;
  if (absl::Status s = read_results(config, results); !s.ok()) return s;
  if (absl::Status s = read_list(config, histograms, "histograms", read_histogram); !s.ok()) return s;
  if (absl::Status s = read_join(config, join); !s.ok()) return s;
  if (absl::Status s = read_threads(config, threads); !s.ok()) return s;
  if (absl::Status s = read_account(config, account); !s.ok()) return s;
  if (config.sources.empty()) return flaw_at(config.file, sources, "sources: expected at least one");
  if (config.sinks.empty()) config.sinks.push_back({});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Config> parse_config(const std::string& yaml, const std::string& file) {
  Config config;
  config.file = file;
  config.text = yaml;
  if (yaml.size() > kMostConfigBytes) {
    return absl::InvalidArgumentError(absl::StrCat(file, ":1: expected a configuration of at most ", kMostConfigBytes,
                                                   " bytes, found ", yaml.size()));
  }
  try {
    config.root = YAML::Load(yaml);
    if (absl::Status s = read_root(config); !s.ok()) return s;
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", std::max(error.mark.line, 0) + 1, ": not YAML: ", error.msg));
  }
  return config;
}

}  // namespace strobe::scouting
