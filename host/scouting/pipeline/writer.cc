#include "host/scouting/pipeline/writer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/scouting/pipeline/clock.h"
#include "host/scouting/pipeline/results.h"

namespace strobe::scouting {
namespace {

constexpr std::chrono::milliseconds kRetryPause{100};

size_t count_kept(std::span<const Keep> kept) {
  return static_cast<size_t>(std::count_if(kept.begin(), kept.end(), [](Keep keep) { return keep != Keep::kNo; }));
}

}  // namespace

Writer::Writer(Setup setup)
    : setup_(std::move(setup)), results_(setup_.config, setup_.selection, setup_.models), shadows_(setup_.models) {
  std::vector<SinkAccount> sinks(setup_.sinks.size());
  for (size_t s = 0; s < sinks.size(); ++s) sinks[s].name = setup_.sinks[s]->name();
  sink_accounts_.change([&](std::vector<SinkAccount>& accounts) { accounts = std::move(sinks); });
  std::vector<Histogram> histograms;
  for (const HistogramConfig& config : setup_.config.histograms)
    histograms.push_back({config.value, config.low, config.high, std::vector<uint64_t>(config.bins)});
  histograms_.change([&](std::vector<Histogram>& all) { all = std::move(histograms); });
}

absl::Status Writer::run(BatchQueue& in) {
  while (auto batch = in.pop()) take(*std::move(batch));
  return finish();
}

absl::Status Writer::finish() {
  for (size_t s = 0; s < setup_.sinks.size(); ++s) close(s);
  count_sinks();
  if (setup_.orbit_log != nullptr) {
    if (absl::Status s = setup_.orbit_log->close(); !s.ok()) fail(s);
  }
  return failure_;
}

void Writer::take(BatchPtr owned) {
  Batch& batch = *owned;
  bool scored = true;
  for (size_t m = 0; m < setup_.models.size(); ++m) {
    setup_.models[m]->wait(*batch.works[m]);
    if (batch.works[m]->ok()) continue;
    fail(batch.works[m]->status());
    scored = false;
  }
  scored_ns_ = now_ns();
  if (scored) results_.decode(batch);
  for (size_t o = 0; o < batch.size; ++o) {
    WorkOrbit& orbit = *batch.orbits[o];
    if (scored)
      finish_orbit(orbit);
    else
      drop(orbit, Fault::kModelFailed);
    orbit.joined = {};  // back to their pools
  }
  count_sinks();
  setup_.free.push(std::move(owned));
}

void Writer::finish_orbit(WorkOrbit& orbit) {
  setup_.selection.filter(results_.scores_of(orbit), orbit.selected, workspace_);
  shadows_.compare(setup_.selection, results_, orbit, workspace_);
  const double latency_us = static_cast<double>(scored_ns_ - orbit.received_ns) * 1e-3;
  const auto kept = orbit.selected.kept();
  FinishedOrbit finished;
  finished.number = orbit.joined.number;
  finished.complete = orbit.joined.complete;
  finished.crossings = orbit.selected.crossings();
  finished.keep = {reinterpret_cast<const uint8_t*>(kept.data()), kept.size()};
  finished.kept = count_kept(kept);
  finished.parts = orbit.parts;
  finished.results = results_.of(orbit);
  const size_t prescaled = static_cast<size_t>(std::count(kept.begin(), kept.end(), Keep::kPrescaled));
  setup_.account.change([&](WorkAccount& account) {
    account.keep.leave(finished.kept);
    account.keep.reject(kept.size() - finished.kept);
    account.prescaled += prescaled;
    account.write_crossings.enter(finished.kept);
    account.latency.add(latency_us);
    if (shadows_.any()) account.shadows = shadows_.accounts();
  });
  fill_histograms(orbit);
  for (size_t s = 0; s < setup_.sinks.size() && !sink_failed_; ++s) {
    const absl::Status status = patiently(s, [&](Sink& sink) { return sink.write(finished); });
    if (status.ok()) continue;
    fail(status);
    sink_failed_ = true;
    if (s > 0) not_whole_.insert(finished.number);
  }
  settle(orbit, finished.kept, sink_failed_ ? std::optional(Fault::kSinkFailed) : std::nullopt, latency_us);
}

void Writer::settle(const WorkOrbit& orbit, size_t kept, std::optional<Fault> fault, double latency_us) {
  setup_.account.change([&](WorkAccount& account) {
    if (fault) {
      account.write_orbits.drop(*fault);
      account.write_crossings.drop(*fault, kept);
      return;
    }
    account.write_orbits.leave();
    account.write_crossings.leave(kept);
    account.input_bytes += orbit.input_bytes;
  });
  if (setup_.orbit_log == nullptr) return;
  setup_.orbit_log->put({orbit.joined.number, orbit.joined.complete, orbit.selected.crossings().size(),
                         orbit.selected.passed().size(), kept, fault, latency_us});
}

/// Has a sink do something until it can, or the patience is over.
absl::Status Writer::patiently(size_t s, const std::function<absl::Status(Sink&)>& action) {
  const auto first = Patience::Clock::now();
  absl::Status status = action(*setup_.sinks[s]);
  while (!status.ok() && setup_.patience.lasts(first)) {
    std::this_thread::sleep_for(kRetryPause);
    sink_accounts_.change([&](std::vector<SinkAccount>& accounts) { ++accounts[s].retries; });
    status = action(*setup_.sinks[s]);
  }
  return status;
}

/// Closes a sink. What it had taken and cannot keep is counted as dropped after all.
void Writer::close(size_t s) {
  const absl::Status status = patiently(s, [](Sink& sink) { return sink.close(); });
  if (status.ok()) return;
  fail(status);
  for (const TakenOrbit& orbit : setup_.sinks[s]->salvage()) {
    if (!not_whole_.insert(orbit.number).second) continue;
    setup_.account.change([&](WorkAccount& account) {
      account.write_orbits.take_back(Fault::kSinkFailed);
      account.write_crossings.take_back(Fault::kSinkFailed, orbit.crossings);
    });
  }
}

void Writer::drop(const WorkOrbit& orbit, Fault fault) {
  const size_t crossings = orbit.selected.crossings().size();
  setup_.account.change([&](WorkAccount& account) {
    account.keep.drop(fault, crossings);
    account.write_orbits.drop(fault);
  });
  if (setup_.orbit_log != nullptr) {
    setup_.orbit_log->put(
        {orbit.joined.number, orbit.joined.complete, crossings, orbit.selected.passed().size(), 0, fault, 0});
  }
}

void Writer::fill_histograms(const WorkOrbit& orbit) {
  if (setup_.config.histograms.empty()) return;
  const auto kept = orbit.selected.kept();
  histograms_.change([&](std::vector<Histogram>& histograms) {
    for (size_t h = 0; h < histograms.size(); ++h) {
      const auto values = orbit.selected.value(setup_.histogram_values[h]);
      for (size_t c = 0; c < kept.size(); ++c) {
        if (kept[c] == Keep::kSelected) histograms[h].add(values[c]);
      }
    }
  });
}

void Writer::fail(const absl::Status& status) {
  if (!failure_.ok()) return;
  failure_ = status;
  setup_.patience.end();
  setup_.fail(status);
}

void Writer::count_sinks() {
  sink_accounts_.change([&](std::vector<SinkAccount>& accounts) {
    for (size_t s = 0; s < accounts.size(); ++s) accounts[s].counts = setup_.sinks[s]->counts();
  });
}

}  // namespace strobe::scouting
