#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/cli/command.h"
#include "host/cli/interruption.h"
#include "host/cli/progress.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/generate/sender.h"

namespace strobe::cli {
namespace {

struct Settings {
  std::vector<std::string> formats = {"gmt"}, outputs, truths, faults;
  std::vector<double> means;
  std::string scheme = "cms-2024", resonance = "mix", slice;
  scouting::OrbitOptions orbit;
  scouting::StreamOptions stream;
  double stall_ms = 200;
  double rate = 0;
};

/// What the options say once for all sources.
struct Plan {
  scouting::FillingScheme scheme;
  scouting::OrbitOptions orbit;
  scouting::StreamOptions stream;
};

/// "FIRST/EVERY".
absl::Status read_slice(const std::string& text, scouting::OrbitOptions& options) {
  if (text.empty()) return absl::OkStatus();
  const size_t slash = text.find('/');
  if (slash == std::string::npos || !absl::SimpleAtoi(text.substr(0, slash), &options.slice_first) ||
      !absl::SimpleAtoi(text.substr(slash + 1), &options.slice) || options.slice == 0) {
    return absl::InvalidArgumentError(absl::StrCat("--slice ", text, ": FIRST/EVERY was expected, such as 0/6"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Plan> make_plan(const Settings& settings) {
  auto scheme = scouting::find_filling_scheme(settings.scheme);
  if (!scheme.ok()) return scheme.status();
  Plan plan{*std::move(scheme), settings.orbit, settings.stream};
  const auto resonance = scouting::find_resonance(settings.resonance);
  if (!resonance.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("--resonance ", settings.resonance, ": one of ",
                                                   std::string(scouting::kResonanceNames), " was expected"));
  }
  plan.orbit.resonance = *resonance;
  if (absl::Status s = read_slice(settings.slice, plan.orbit); !s.ok()) return s;
  scouting::FaultRates& rates = plan.stream.faults;
  for (const std::string& fault : settings.faults) {
    if (absl::Status s = scouting::add_fault_rate(fault, rates); !s.ok()) return s;
  }
  plan.orbit.pre_firing = rates[static_cast<size_t>(scouting::Injected::kPreFiring)];
  plan.orbit.post_firing = rates[static_cast<size_t>(scouting::Injected::kPostFiring)];
  plan.stream.stall_seconds = settings.stall_ms / 1000;
  plan.stream.seed = plan.orbit.seed;
  return plan;
}

absl::Status check_counts(const Settings& settings, const scouting::FaultRates& rates) {
  const size_t sources = settings.formats.size();
  if (settings.outputs.size() != sources) {
    return absl::InvalidArgumentError(absl::StrCat("as many outputs (-o) as formats were expected, found ",
                                                   settings.outputs.size(), " and ", sources));
  }
  if (!settings.truths.empty() && settings.truths.size() != sources) {
    return absl::InvalidArgumentError(
        absl::StrCat("--truth: one for each of ", sources, " sources was expected, found ", settings.truths.size()));
  }
  if (settings.means.size() > 1 && settings.means.size() != sources) {
    return absl::InvalidArgumentError(absl::StrCat("--mean: one, or one for each of ", sources,
                                                   " sources was expected, found ", settings.means.size()));
  }
  if (rates[static_cast<size_t>(scouting::Injected::kMissingSource)] > 0 && sources == 1) {
    return absl::InvalidArgumentError("--fault missing-source: several sources (--format and -o) were expected");
  }
  if (!settings.truths.empty() && settings.stream.orbits == 0) {
    return absl::InvalidArgumentError("--truth: it grows with every orbit; a number of --orbits was expected");
  }
  return absl::OkStatus();
}

/// Of several sources, those without muons go without what is asked of muons; it is an error where none has them.
void drop_muons_options(const Settings& settings, const scouting::SourceFormat& format, scouting::OrbitOptions& orbit) {
  const auto another = [&](bool (*takes)(const scouting::SourceFormat&)) {
    return !takes(format) &&
           std::any_of(settings.formats.begin(), settings.formats.end(), [&](const std::string& name) {
             const scouting::SourceFormat* other = scouting::find_format(name);
             return other != nullptr && takes(*other);
           });
  };
  if (another(scouting::takes_pairs)) orbit.signal = orbit.continuum = 0;
  if (another(scouting::takes_measured)) orbit.measured = false;
}

absl::StatusOr<scouting::PacketStream> make_stream(const Settings& settings, const Plan& plan, size_t source,
                                                   scouting::Truth* truth) {
  const scouting::SourceFormat* format = scouting::find_format(settings.formats[source]);
  if (format == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--format ", settings.formats[source], ": one of ", scouting::format_names(), " was expected"));
  }
  scouting::OrbitOptions orbit = plan.orbit;
  drop_muons_options(settings, *format, orbit);
  if (!settings.means.empty()) orbit.mean = settings.means[settings.means.size() > 1 ? source : 0];
  // Sources of one seed have faults and objects of their own.
  orbit.seed += source;
  auto maker = scouting::OrbitMaker::create(*format, plan.scheme, orbit);
  if (!maker.ok()) return maker.status();
  scouting::StreamOptions stream = plan.stream;
  stream.seed += source;
  stream.truth = truth;
  return scouting::PacketStream::create(*std::move(maker), stream);
}

void report(const Settings& settings, const scouting::SendReport& sent) {
  // The stream itself may be on standard output.
  const bool is_taken = std::count(settings.outputs.begin(), settings.outputs.end(), "-") > 0;
  std::fprintf(
      is_taken ? stderr : stdout, "%llu orbits%s, %llu bytes in %.3f s: %.3f GB/s, %.2f times the LHC's rate; %s\n",
      static_cast<unsigned long long>(sent.orbits),
      settings.outputs.size() > 1 ? absl::StrCat(" of ", settings.outputs.size(), " sources").c_str() : "",
      static_cast<unsigned long long>(sent.bytes), sent.seconds,
      sent.seconds > 0 ? static_cast<double>(sent.bytes) / sent.seconds / 1e9 : 0.0,
      sent.lhc_rate() / static_cast<double>(settings.outputs.size()), absl::StrJoin(settings.outputs, ", ").c_str());
}

absl::Status generate_command(const Settings& settings, Interruption& interruption) {
  const std::atomic<bool>& stop = interruption.watch_for();
  auto plan = make_plan(settings);
  if (!plan.ok()) return plan.status();
  if (absl::Status s = check_counts(settings, plan->stream.faults); !s.ok()) return s;
  std::deque<scouting::Truth> truths(settings.truths.size());
  std::vector<scouting::PacketStream> streams;
  for (size_t i = 0; i < settings.formats.size(); ++i) {
    auto stream = make_stream(settings, *plan, i, truths.empty() ? nullptr : &truths[i]);
    if (!stream.ok()) return stream.status();
    streams.push_back(*std::move(stream));
  }
  std::vector<scouting::Lane> lanes;
  for (size_t i = 0; i < streams.size(); ++i) {
    auto output = scouting::Output::open(settings.outputs[i], stop);
    if (absl::IsCancelled(output.status())) return absl::OkStatus();
    if (!output.ok()) return output.status();
    lanes.push_back({std::move(streams[i]), *std::move(output)});
  }
  Progress progress(settings.stream.orbits * lanes.size(), "orbits");
  scouting::SendOptions options{.rate = settings.rate, .seed = plan->orbit.seed};
  options.missing_source = plan->stream.faults[static_cast<size_t>(scouting::Injected::kMissingSource)];
  options.progress = [&](const scouting::SendReport& sent) {
    if (settings.stream.orbits > 0) progress.update(sent.orbits);
  };
  auto sent = scouting::send(lanes, options, stop);
  if (!sent.ok()) return sent.status();
  for (size_t i = 0; i < truths.size(); ++i) {
    if (absl::Status s = truths[i].write(settings.truths[i]); !s.ok()) return s;
  }
  report(settings, *sent);
  return absl::OkStatus();
}

void add_content_options(CLI::App& command, Settings& settings) {
  command
      .add_option("--format", settings.formats,
                  absl::StrCat(scouting::format_names(), "; again for each further source, with an output of its own"))
      ->type_name("FORMAT")
      ->allow_extra_args(false)
      ->capture_default_str();
  command
      .add_option("--mean", settings.means,
                  "mean objects of the first kind in a colliding crossing, Poisson distributed; other kinds in "
                  "proportion; by default what the detector has about (gmt: 0.3)")
      ->type_name("N")
      ->allow_extra_args(false);
  command
      .add_option("--scheme", settings.scheme,
                  absl::StrCat("filling scheme: ", scouting::filling_scheme_names(), ", or a file like these"))
      ->type_name("NAME")
      ->capture_default_str();
  command
      .add_option("--signal", settings.orbit.signal, "of muons: share of colliding crossings with a resonance on top")
      ->type_name("SHARE");
  command
      .add_option("--continuum", settings.orbit.continuum,
                  "the same with a pair of opposite charge whose mass has no peak")
      ->type_name("SHARE");
  command.add_option("--resonance", settings.resonance, std::string(scouting::kResonanceNames))
      ->type_name("NAME")
      ->capture_default_str();
  command.add_flag("--measured", settings.orbit.measured,
                   "of gmt, gmt-zs: momenta as a trigger measures them, spread and set high by region and quality; the "
                   "same seed without it gives the true ones");
  command.add_option("--slice", settings.slice, "the source sees crossings FIRST, FIRST + EVERY, ... alone")
      ->type_name("FIRST/EVERY");
  command.add_option("--seed", settings.orbit.seed, "equal seeds give equal bytes")
      ->type_name("N")
      ->capture_default_str();
}

void add_stream_options(CLI::App& command, Settings& settings) {
  command.add_option("--orbits", settings.stream.orbits, "how many; 0: until it is stopped")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--first-orbit", settings.stream.first_orbit, "number of the first orbit")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--packet-orbits", settings.stream.packet_orbits, "of DMA packets: orbits in each")
      ->type_name("N")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command
      .add_option("--pool", settings.stream.pool,
                  "makes that many packets first and sends them again and again under new orbit numbers: faster than "
                  "making each")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20));
  command.add_option("--rate", settings.rate, "multiple of the LHC's rate; 0: as fast as it goes")
      ->type_name("X")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  command
      .add_option("-o,--output", settings.outputs,
                  "file, FIFO, tcp://host:port, tcp-listen://host:port, or - for standard output")
      ->type_name("ADDRESS")
      ->allow_extra_args(false)
      ->required();
}

void add_fault_options(CLI::App& command, Settings& settings) {
  command
      .add_option(
          "--fault", settings.faults,
          absl::StrCat("KIND=RATE, again for each further kind: the share of packets (of pre- and post-firing: of "
                       "crossings) that it hits. Kinds: ",
                       scouting::injected_names()))
      ->type_name("KIND=RATE")
      ->allow_extra_args(false);
  command.add_option("--stall-ms", settings.stall_ms, "how long --fault stall pauses")
      ->type_name("MS")
      ->check(CLI::Range(0.0, 3.6e6))
      ->capture_default_str();
  command
      .add_option("--truth", settings.truths,
                  ".npz file of what was generated, what was damaged and how; for several sources, one each")
      ->type_name("FILE")
      ->allow_extra_args(false);
}

}  // namespace

void add_scout_generate(CLI::App& scout, Action& action, Interruption& interruption) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = scout.add_subcommand("generate", "Makes a stream as the trigger's links send it");
  command->footer(
      "Crossings are those of the filling scheme, objects follow spectra like the detector's (docs/scouting.md).\n"
      "SIGINT and SIGTERM end the stream at an orbit's border.\n"
      "Example: strobe scout generate --format gmt --mean 0.3 --pool 512 --rate 1 -o tcp://127.0.0.1:9000");
  add_content_options(*command, *settings);
  add_fault_options(*command, *settings);
  add_stream_options(*command, *settings);
  command->callback([settings, &action, &interruption] {
    action = [settings, &interruption] { return generate_command(*settings, interruption); };
  });
}

}  // namespace strobe::cli
