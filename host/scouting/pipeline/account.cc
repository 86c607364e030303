#include "host/scouting/pipeline/account.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace strobe::scouting {

uint64_t Flow::lost() const { return std::accumulate(dropped.begin(), dropped.end(), uint64_t{0}); }

void Latency::add(double us) {
  size_t bucket = 0;
  if (us > kFirstUs) bucket = std::min(kBuckets - 1, static_cast<size_t>(std::ceil(4 * std::log2(us / kFirstUs))));
  ++counts[bucket];
  ++total;
  sum_us += us;
  largest_us = std::max(largest_us, us);
}

double Latency::limit_us(size_t b) { return kFirstUs * std::exp2(static_cast<double>(b) / 4); }

double Latency::quantile_us(double fraction) const {
  uint64_t below = 0;
  for (size_t b = 0; b < kBuckets; ++b) {
    below += counts[b];
    if (static_cast<double>(below) >= fraction * static_cast<double>(total) && below > 0)
      return std::min(limit_us(b), largest_us);
  }
  return 0;
}

std::vector<std::string> Account::mistakes(bool at_rest) const {
  std::vector<std::string> found;
  const auto check = [&](const std::string& stage, const Flow& flow) {
    if (!flow.adds_up()) {
      found.push_back(absl::StrCat(stage, ": ", flow.in, " in, ", flow.out, " out, ", flow.rejected, " rejected, ",
                                   flow.lost(), " dropped, ", flow.held, " held"));
    }
    if (at_rest && flow.held != 0) found.push_back(absl::StrCat(stage, ": ", flow.held, " still held at the end"));
  };
  const auto equal = [&](const char* from, uint64_t out, const char* to, uint64_t in) {
    if (at_rest && out != in) found.push_back(absl::StrCat(from, ": ", out, " out, but ", to, ": ", in, " in"));
  };
  for (const SourceAccount& source : sources) {
    check(source.name + " bytes", source.bytes);
    check(source.name + " orbits", source.orbits);
    check(source.name + " crossings", source.crossings);
  }
  check("join orbits", join.orbits);
  check("select crossings", work.select);
  for (const ModelAccount& model : work.models) check(model.name + " rows", model.rows);
  check("keep crossings", work.keep);
  check("write orbits", work.write_orbits);
  check("write crossings", work.write_crossings);
  if (sources.size() == 1) {
    equal("source orbits", sources[0].orbits.out, "join", join.orbits.in);
    if (join.orbits.lost() == 0) equal("source crossings", sources[0].crossings.out, "select", work.select.in);
  }
  equal("join orbits", join.orbits.out, "write orbits", work.write_orbits.in);
  equal("keep crossings", work.keep.out, "write crossings", work.write_crossings.in);
  for (const SinkAccount& sink : sinks) {
    // What one of several sinks did not take is dropped, and may stand in the others.
    const uint64_t out = work.write_orbits.out, taken = sink.counts.orbits;
    equal("write orbits", out, (sink.name + " orbits").c_str(), sinks.size() > 1 ? std::min(out, taken) : taken);
  }
  return found;
}

}  // namespace strobe::scouting
