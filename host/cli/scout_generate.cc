#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "host/cli/command.h"
#include "host/cli/interruption.h"
#include "host/cli/progress.h"
#include "host/scouting/generate/sender.h"

namespace strobe::cli {
namespace {

struct Settings {
  std::string format = "gmt", scheme = "cms-2024", resonance = "mix", output;
  scouting::OrbitOptions orbit;
  scouting::StreamOptions stream;
  std::string slice;
  double rate = 0;
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

absl::StatusOr<scouting::PacketStream> make_stream(const Settings& settings) {
  const scouting::SourceFormat* format = scouting::find_format(settings.format);
  if (format == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--format ", settings.format, ": one of ", scouting::format_names(), " was expected"));
  }
  auto scheme = scouting::find_filling_scheme(settings.scheme);
  if (!scheme.ok()) return scheme.status();
  scouting::OrbitOptions options = settings.orbit;
  const auto resonance = scouting::find_resonance(settings.resonance);
  if (!resonance.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("--resonance ", settings.resonance, ": one of ",
                                                   std::string(scouting::kResonanceNames), " was expected"));
  }
  options.resonance = *resonance;
  if (absl::Status s = read_slice(settings.slice, options); !s.ok()) return s;
  auto maker = scouting::OrbitMaker::create(*format, *scheme, options);
  if (!maker.ok()) return maker.status();
  return scouting::PacketStream::create(*std::move(maker), settings.stream);
}

absl::Status generate_command(const Settings& settings, Interruption& interruption) {
  const std::atomic<bool>& stop = interruption.watch_for();
  auto stream = make_stream(settings);
  if (!stream.ok()) return stream.status();
  auto output = scouting::Output::open(settings.output, stop);
  if (absl::IsCancelled(output.status())) return absl::OkStatus();
  if (!output.ok()) return output.status();
  Progress progress(settings.stream.orbits, "orbits");
  const auto show = [&](const scouting::SendReport& sent) {
    if (settings.stream.orbits > 0) progress.update(sent.orbits);
  };
  auto sent = scouting::send(*stream, *output, settings.rate, stop, show);
  if (!sent.ok()) return sent.status();
  // The stream itself may be on standard output.
  std::fprintf(settings.output == "-" ? stderr : stdout,
               "%llu orbits, %llu bytes in %.3f s: %.3f GB/s, %.2f times the LHC's rate; %s\n",
               static_cast<unsigned long long>(sent->orbits), static_cast<unsigned long long>(sent->bytes),
               sent->seconds, sent->seconds > 0 ? static_cast<double>(sent->bytes) / sent->seconds / 1e9 : 0.0,
               sent->lhc_rate(), output->name().c_str());
  return absl::OkStatus();
}

void add_content_options(CLI::App& command, Settings& settings) {
  command.add_option("--format", settings.format, scouting::format_names())->type_name("FORMAT")->capture_default_str();
  command
      .add_option("--mean", settings.orbit.mean,
                  "mean objects of the first kind in a colliding crossing, Poisson distributed; other kinds in "
                  "proportion; by default what the detector has about (gmt: 0.3)")
      ->type_name("N");
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
      .add_option("-o,--output", settings.output,
                  "file, FIFO, tcp://host:port, tcp-listen://host:port, or - for standard output")
      ->type_name("ADDRESS")
      ->required();
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
  add_stream_options(*command, *settings);
  command->callback([settings, &action, &interruption] {
    action = [settings, &interruption] { return generate_command(*settings, interruption); };
  });
}

}  // namespace strobe::cli
