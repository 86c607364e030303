#include "host/scouting/pipeline/live_view.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "host/scouting/core/orbit.h"

namespace strobe::scouting {
namespace {

std::string bar(size_t depth, size_t capacity) {
  constexpr size_t kWidth = 20;
  const size_t full = capacity == 0 ? 0 : std::min(kWidth, (depth * kWidth + capacity - 1) / capacity);
  return std::string(full, '#') + std::string(kWidth - full, '.');
}

/// Counts a second between two accounts.
class Rates {
 public:
  explicit Rates(double seconds) : seconds_(std::max(seconds, 1e-3)) {}
  double operator()(uint64_t before, uint64_t now) const {
    return static_cast<double>(now - std::min(before, now)) / seconds_;
  }

 private:
  double seconds_;
};

}  // namespace

std::string live_text(const Account& before, const Account& now, size_t lines) {
  const Rates rate(now.seconds - before.seconds);
  std::string text = absl::StrFormat("strobe scout  run %d  %s  %.0f s%s%s\n\n", now.run, now.state, now.seconds,
                                     now.error.empty() ? "" : "  ", now.error);
  absl::StrAppendFormat(&text, "%-14s %10s %10s %8s %12s %12s  %s\n", "source", "MB/s", "orbits/s", "x LHC",
                        "crossings/s", "orbits", "faults");
  for (size_t s = 0; s < now.sources.size(); ++s) {
    const SourceAccount& source = now.sources[s];
    const SourceAccount old = s < before.sources.size() ? before.sources[s] : SourceAccount{};
    const double orbits = rate(old.orbits.in, source.orbits.in);
    absl::StrAppendFormat(&text, "%-14s %10.1f %10.0f %8.2f %12.3g %12d  %s\n", source.name,
                          rate(old.bytes.in, source.bytes.in) / 1e6, orbits, orbits * kOrbitSeconds,
                          rate(old.crossings.in, source.crossings.in), source.orbits.in, text_of(source.faults));
  }
  const auto stage = [&](const std::string& name, const char* unit, const Flow& old, const Flow& flow) {
    absl::StrAppendFormat(&text, "%-14s %-10s %12.4g /s in %12.4g /s out %12d held %10d dropped  %s\n", name, unit,
                          rate(old.in, flow.in), rate(old.out, flow.out), flow.held, flow.lost(),
                          text_of(flow.dropped));
  };
  text += "\n";
  stage("join", "orbits", before.join.orbits, now.join.orbits);
  stage("select", "crossings", before.work.select, now.work.select);
  for (size_t m = 0; m < now.work.models.size(); ++m) {
    stage(now.work.models[m].name, "rows", m < before.work.models.size() ? before.work.models[m].rows : Flow{},
          now.work.models[m].rows);
  }
  stage("keep", "crossings", before.work.keep, now.work.keep);
  stage("write", "orbits", before.work.write_orbits, now.work.write_orbits);
  text += "\n";
  for (const QueueDepth& queue : now.queues)
    absl::StrAppendFormat(&text, "queue %-14s [%s] %d of %d\n", queue.name, bar(queue.depth, queue.capacity),
                          queue.depth, queue.capacity);
  for (size_t s = 0; s < now.sinks.size(); ++s) {
    const SinkCounts old = s < before.sinks.size() ? before.sinks[s].counts : SinkCounts{};
    absl::StrAppendFormat(&text, "%s: %.1f MB/s, %d crossings, %d files\n", now.sinks[s].name,
                          rate(old.bytes, now.sinks[s].counts.bytes) / 1e6, now.sinks[s].counts.crossings,
                          now.sinks[s].counts.files);
  }
  const Latency& latency = now.work.latency;
  if (latency.total > 0) {
    absl::StrAppendFormat(&text, "%s: median %.0f us, 99 %% %.0f us, longest %.0f us\n", latency_label(now),
                          latency.quantile_us(0.5), latency.quantile_us(0.99), latency.largest_us);
  }
  std::vector<std::string> all = absl::StrSplit(text, '\n');
  if (all.size() > lines) all.resize(lines);
  return absl::StrJoin(all, "\n");
}

}  // namespace strobe::scouting
