#include "host/scouting/pipeline/pipeline.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/scouting/config/yaml_reader.h"
#include "host/scouting/core/shortened.h"
#include "host/scouting/formats/decoder.h"
#include "host/scouting/pipeline/join_stage.h"
#include "host/scouting/pipeline/receiver.h"
#include "host/scouting/pipeline/worker.h"
#include "host/scouting/pipeline/writer.h"
#include "host/scouting/sinks/sink.h"
#include "platform/files/file.h"

namespace strobe::scouting {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Keeps the calling thread on one core; -1: anywhere. A core that does not exist is the user's to see in `top`.
void stay_on(int core) {
  if (core < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(core), &set);
  ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

absl::StatusOr<std::vector<std::unique_ptr<Model>>> open_models(const Config& config, const Patience& patience,
                                                                const Pipeline::Surroundings& surroundings) {
  std::vector<std::unique_ptr<Model>> models;
  for (const ModelConfig& each : config.models) {
    auto model = Model::open(each, surroundings.open_model, patience, surroundings.log);
    if (!model.ok()) return flaw_at(config.file, each.node, std::string(model.status().message()));
    models.push_back(*std::move(model));
  }
  return models;
}

absl::StatusOr<Selection> compile_selection(const Config& config, const std::vector<std::unique_ptr<Model>>& models) {
  SelectionSetup setup;
  setup.first_crossing = config.first_crossing;
  setup.file = config.file;
  for (const SourceConfig& source : config.sources) setup.sources.push_back({source.name, source.format});
  for (const std::unique_ptr<Model>& model : models) {
    ModelSetup each{model->name(), {}, {}};
    const auto tensors = [](const std::vector<runtime::TensorSpec>& specs, std::vector<model::Tensor>& out) {
      for (const runtime::TensorSpec& spec : specs) {
        out.emplace_back();
        out.back().name = spec.name;
        out.back().type = spec.type;
        out.back().encoding = spec.meaning;
      }
    };
    tensors(model->spec().inputs, each.inputs);
    tensors(model->spec().outputs, each.outputs);
    setup.models.push_back(std::move(each));
  }
  return Selection::compile(config.root, setup);
}

/// Errors: a histogram or a written value that is none of the selection's.
absl::StatusOr<std::vector<size_t>> find_values(const Config& config, const Selection& selection) {
  const std::vector<std::string>& names = selection.values();
  const auto find = [&](const std::string& name) { return std::find(names.begin(), names.end(), name); };
  const std::string expected = absl::StrCat("expected one of `values`: ", absl::StrJoin(names, ", "));
  for (const std::string& value : config.result_values) {
    if (find(value) == names.end())
      return flaw_at(config.file, config.root["results"],
                     absl::StrCat("results: '", shortened(value), "' is unknown; ", expected));
  }
  std::vector<size_t> found;
  for (const HistogramConfig& histogram : config.histograms) {
    const auto place = find(histogram.value);
    if (place == names.end())
      return flaw_at(config.file, histogram.node,
                     absl::StrCat("histogram: '", shortened(histogram.value), "' is unknown; ", expected));
    found.push_back(static_cast<size_t>(place - names.begin()));
  }
  return found;
}

class WiredPipeline : public Pipeline {
 public:
  WiredPipeline(const Config& config, std::unique_ptr<Quarantine> quarantine, std::unique_ptr<Patience> patience,
                std::vector<std::unique_ptr<Model>> models, Selection selection)
      : config_(config),
        quarantine_(std::move(quarantine)),
        patience_(std::move(patience)),
        free_(config_.batches + 1),
        started_(config_.batches + 1),
        models_(std::move(models)),
        selection_(std::move(selection)),
        worker_({selection_, models_, config_.batch_orbits, free_,
                 [this](BatchPtr batch) { launched(std::move(batch)); }, work_account_}),
        join_(join_setup()) {
    for (size_t b = 0; b < config_.batches; ++b) {
      auto batch = std::make_unique<Batch>();
      for (const std::unique_ptr<Model>& model : models_) {
        batch->works.push_back(std::make_unique<ModelWork>());
        model->prepare(*batch->works.back());
      }
      free_.push(std::move(batch));
    }
  }

  ~WiredPipeline() override {
    stop();
    if (began_) (void)wait();
  }

  absl::Status open_ends(const Surroundings& surroundings) {
    auto histogram_values = find_values(config_, selection_);
    if (!histogram_values.ok()) return histogram_values.status();
    Results formats(config_, selection_, models_);
    auto sinks = open_sinks(formats.formats(), surroundings);
    if (!sinks.ok()) return sinks.status();
    const bool payload =
        std::any_of(sinks->begin(), sinks->end(), [](const auto& sink) { return sink->wants_payload(); });
    std::unique_ptr<OrbitLog> orbit_log;
    if (!config_.orbits_file.empty() && !surroundings.check_only) {
      auto log = OrbitLog::open(config_.orbits_file, config_.run);
      if (!log.ok()) return flaw_at(config_.file, config_.root["account"], std::string(log.status().message()));
      orbit_log = *std::move(log);
    }
    writer_ = std::make_unique<Writer>(Writer::Setup{
        config_, selection_, models_, *std::move(sinks), free_, work_account_, *patience_, std::move(orbit_log),
        *std::move(histogram_values), [this](const absl::Status&) { end_receiving(); }});
    for (size_t s = 0; s < config_.sources.size(); ++s) {
      if (absl::Status status = open_receiver(s, payload, surroundings); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  void start() override {
    began_ = true;
    start_ = SteadyClock::now();
    if (config_.writer_thread) {
      writer_thread_ = std::thread([this] {
        stay_on(config_.write_core);
        writer_status_ = writer_->run(started_);
      });
    }
    join_.start();
    receiver_status_.resize(receivers_.size());
    for (size_t r = 0; r < receivers_.size(); ++r) {
      receiver_threads_.emplace_back([this, r] {
        stay_on(config_.sources[r].core);
        receiver_status_[r] = receivers_[r]->run();
      });
    }
  }

  void pause(bool paused) override {
    for (const std::unique_ptr<Receiver>& receiver : receivers_) receiver->pause(paused);
  }

  void stop() override {
    patience_->stop();
    end_receiving();
  }

  void end_receiving() {
    for (const std::unique_ptr<Receiver>& receiver : receivers_) receiver->stop();
    if (config_.sources.size() > 1) join_.stop();
  }

  absl::Status wait() override {
    for (std::thread& thread : receiver_threads_) {
      if (thread.joinable()) thread.join();
    }
    join_.wait();
    if (writer_thread_.joinable()) writer_thread_.join();
    if (!ended_) end_ = SteadyClock::now();
    ended_ = true;
    for (const absl::Status& status : receiver_status_) {
      if (!status.ok()) return status;
    }
    return writer_status_;
  }

  Account account() const override {
    Account account;
    const auto until = ended_ ? end_ : SteadyClock::now();
    account.seconds = began_ ? std::chrono::duration<double>(until - start_).count() : 0;
    // From the sink to the source: what is on its way meanwhile counts as held, never as out before in.
    account.sinks = writer_->sinks();
    account.histograms = writer_->histograms();
    account.work = work_account_.get();
    for (const std::unique_ptr<Model>& model : models_) account.work.models.push_back(model->account());
    account.join = join_.account();
    for (const std::unique_ptr<Receiver>& receiver : receivers_) account.sources.push_back(receiver->account());
    if (const auto depth = join_.depth()) account.queues.push_back(*depth);
    account.queues.push_back({"batches", config_.batches - std::min(config_.batches, free_.size()), config_.batches});
    account.quarantine = quarantine_->counts();
    return account;
  }

 private:
  JoinStage::Setup join_setup() {
    JoinOptions options;
    options.sources = config_.sources.size();
    options.timeout_ns = int64_t{config_.join_timeout_ms} * 1'000'000;
    options.keep_incomplete = config_.keep_incomplete;
    for (const SourceConfig& source : config_.sources) options.never_late.push_back(is_file_address(source.from));
    return {options,
            config_.drop_when_slow,
            config_.own_thread || config_.sources.size() > 1,
            config_.queue_orbits,
            [core = config_.work_core] { stay_on(core); },
            worker_,
            [this] { last_launched(); }};
  }

  void launched(BatchPtr batch) {
    if (config_.writer_thread)
      started_.push(std::move(batch));
    else
      writer_->take(std::move(batch));
  }
  void last_launched() {
    started_.close();
    if (!config_.writer_thread) writer_status_ = writer_->finish();
  }

  absl::StatusOr<std::vector<std::unique_ptr<Sink>>> open_sinks(const std::vector<ResultFormat>& results,
                                                                const Surroundings& surroundings) const {
    SinkSetup setup;
    setup.run = config_.run;
    for (const SourceConfig& source : config_.sources) {
      setup.sources.push_back(source.format);
      setup.source_names.push_back(source.name);
    }
    setup.results = results;
    setup.objects = config_.write_objects;
    setup.check_only = surroundings.check_only;
    setup.metadata = {{"strobe_version", surroundings.version}, {"configuration", config_.text}};
    std::vector<std::unique_ptr<Sink>> sinks;
    for (const SinkConfig& each : config_.sinks) {
      auto sink = open_sink(each.settings, setup);
      if (!sink.ok()) return flaw_at(config_.file, each.node, std::string(sink.status().message()));
      sinks.push_back(*std::move(sink));
    }
    return sinks;
  }

  absl::Status open_receiver(size_t s, bool payload, const Surroundings& surroundings) {
    const SourceConfig& config = config_.sources[s];
    DecoderOptions decoding;
    decoding.payload = payload;
    auto decoder = make_decoder(*config.format, decoding);
    if (!decoder.ok()) return decoder.status();
    SourceOptions options;
    // A packet that does not fit would be cut where the buffer ends.
    options.buffer_bytes = std::max(config.buffer_mebibytes << 20, (*decoder)->longest_bytes());
    options.passes = config.passes;
    options.rate = config.rate;
    auto source =
        surroundings.open_source ? surroundings.open_source(config.from, options) : open_source(config.from, options);
    if (!source.ok())
      return flaw_at(config_.file, config.node,
                     absl::StrCat("source '", config.name, "': ", std::string(source.status().message())));
    surroundings.log(
        absl::StrCat("source '", config.name, "' (", std::string(config.format->name), "): ", (*source)->name()));
    receivers_.push_back(std::make_unique<Receiver>(
        Receiver::Setup{s, config.name, config.every, config.passes != 1, is_file_address(config.from),
                        *std::move(source), *std::move(decoder)},
        *quarantine_, join_));
    return absl::OkStatus();
  }

  const Config config_;
  std::unique_ptr<Quarantine> quarantine_;
  std::unique_ptr<Patience> patience_;
  BatchQueue free_, started_;  ///< before the models: batches outlive them
  std::vector<std::unique_ptr<Model>> models_;
  Selection selection_;
  Guarded<WorkAccount> work_account_;
  Worker worker_;
  JoinStage join_;
  std::unique_ptr<Writer> writer_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
  bool began_ = false;
  std::atomic<bool> ended_{false};
  SteadyClock::time_point start_, end_;
  std::vector<absl::Status> receiver_status_;
  absl::Status writer_status_;
  std::thread writer_thread_;
  std::vector<std::thread> receiver_threads_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::open(const Config& config, const Surroundings& surroundings) {
  if (surroundings.check_only) {
    for (const std::string& file : {config.quarantine, config.orbits_file, config.account_file}) {
      if (absl::Status s = file.empty() ? absl::OkStatus() : files::check_writable(file); !s.ok()) return s;
    }
  }
  auto quarantine =
      Quarantine::open(surroundings.check_only ? "" : config.quarantine, config.quarantine_mebibytes << 20, config.run);
  if (!quarantine.ok())
    return flaw_at(config.file, config.root["quarantine"], std::string(quarantine.status().message()));
  auto patience = std::make_unique<Patience>(std::chrono::seconds(config.retry_seconds));
  auto models = open_models(config, *patience, surroundings);
  if (!models.ok()) return models.status();
  auto selection = compile_selection(config, *models);
  if (!selection.ok()) return selection.status();
  auto pipeline = std::make_unique<WiredPipeline>(config, *std::move(quarantine), std::move(patience),
                                                  *std::move(models), *std::move(selection));
  if (absl::Status s = pipeline->open_ends(surroundings); !s.ok()) return s;
  return pipeline;
}

}  // namespace strobe::scouting
