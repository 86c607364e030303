#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/scouting/core/cmssw_raw.h"
#include "host/scouting/sinks/kept.h"
#include "host/scouting/sinks/raw_file.h"
#include "host/scouting/sinks/sinks.h"
#include "host/scouting/sinks/taken_orbits.h"

namespace strobe::scouting {
namespace {

class RawSink final : public Sink {
 public:
  RawSink(const SinkSettings& settings, const SinkSetup& setup)
      : folder_(settings.to),
        most_bytes_(settings.file_mebibytes << 20),
        run_(setup.run),
        sources_(setup.source_names),
        files_(sources_.size()),
        written_(sources_.size()) {}

  absl::Status write(const FinishedOrbit& orbit) override {
    if (absl::Status s = rotate(section_of(orbit.number)); !s.ok()) return s;
    TakenOrbit added{orbit.number, static_cast<uint32_t>(orbit.kept), 0, 0};
    for (size_t s = 0; s < files_.size(); ++s) {
      written_[s] = std::nullopt;
      if (orbit.parts[s] == nullptr) continue;
      const absl::Status status = write_part(orbit, s, added);
      if (status.ok()) continue;
      for (size_t before = 0; before < s; ++before) {
        if (written_[before]) files_[before]->take_back(*written_[before]);
      }
      return status;
    }
    taken_.add(added);
    return absl::OkStatus();
  }

  absl::Status close() override {
    absl::Status first;
    for (std::optional<RawFile>& file : files_) {
      if (!file) continue;
      const absl::Status status = file->finish();
      first.Update(status);
      if (!status.ok()) continue;
      file.reset();
      taken_.count_file();
    }
    if (first.ok()) taken_.all_complete();
    return first;
  }

  /// An orbit is as good as lost if it lacks one of its sources.
  std::vector<TakenOrbit> salvage() override {
    if (close().ok()) return {};
    for (std::optional<RawFile>& file : files_) file.reset();
    return taken_.lose_behind(0);
  }

  SinkCounts counts() const override { return taken_.counts(); }
  std::string name() const override { return absl::StrCat("raw files in '", folder_, "'"); }
  bool wants_payload() const override { return true; }

 private:
  absl::Status rotate(uint32_t section) {
    bool full = false;
    for (const std::optional<RawFile>& file : files_) {
      full = full || (file && most_bytes_ > 0 && file->bytes() >= most_bytes_);
    }
    if (section != section_ || full) {
      if (absl::Status s = close(); !s.ok()) return s;
    }
    section_ = section;
    return absl::OkStatus();
  }

  absl::Status write_part(const FinishedOrbit& orbit, size_t source, TakenOrbit& added) {
    std::optional<RawFile>& file = files_[source];
    if (!file) {
      absl::StatusOr<RawFile> created = RawFile::create(folder_, run_, section_, sources_[source]);
      if (!created.ok()) return created.status();
      file.emplace(*std::move(created));
    }
    const SourceOrbit& part = *orbit.parts[source];
    kept_runs(orbit, part, runs_);
    const std::span<const std::byte> payload = kept_payload(part, runs_.view(), scratch_);
    if (absl::Status s = file->append(orbit.number, payload); !s.ok()) return s;
    written_[source] = payload.size();
    added.objects += static_cast<uint32_t>(kept_objects(part, runs_.view()));
    added.bytes += static_cast<uint32_t>(sizeof(RawOrbitHeader) + payload.size());
    return absl::OkStatus();
  }

  std::string folder_;
  uint64_t most_bytes_;
  uint32_t run_, section_ = 0;
  std::vector<std::string> sources_;
  std::vector<std::optional<RawFile>> files_;   ///< by source
  std::vector<std::optional<size_t>> written_;  ///< payload bytes of the orbit in work, by source
  Buffer<Run> runs_;
  Buffer<std::byte> scratch_;
  TakenOrbits taken_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> open_raw_sink(const SinkSettings& settings, const SinkSetup& setup) {
  if (absl::Status s = check_raw_orbits(settings, setup); !s.ok()) return s;
  if (absl::Status s = prepare_folder(settings, setup, RawFile::recover); !s.ok()) return s;
  return std::make_unique<RawSink>(settings, setup);
}

}  // namespace strobe::scouting
