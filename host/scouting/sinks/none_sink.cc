#include "host/scouting/sinks/kept.h"
#include "host/scouting/sinks/sinks.h"

namespace strobe::scouting {
namespace {

class NoneSink final : public Sink {
 public:
  absl::Status write(const FinishedOrbit& orbit) override {
    ++counts_.orbits;
    counts_.crossings += orbit.kept;
    for (const SourceOrbit* part : orbit.parts) {
      if (part != nullptr) counts_.objects += kept_objects(orbit, *part, runs_);
    }
    return absl::OkStatus();
  }
  absl::Status close() override { return absl::OkStatus(); }
  SinkCounts counts() const override { return counts_; }
  std::string name() const override { return "nothing is written"; }

 private:
  Buffer<Run> runs_;
  SinkCounts counts_;
};

}  // namespace

std::unique_ptr<Sink> make_none_sink() { return std::make_unique<NoneSink>(); }

}  // namespace strobe::scouting
