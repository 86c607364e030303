#include "host/scouting/pipeline/orbit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace strobe::scouting {
namespace {

constexpr size_t kFlushBytes = 64 << 10;

}  // namespace

absl::StatusOr<std::unique_ptr<OrbitLog>> OrbitLog::open(const std::string& path, uint32_t run) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("file of orbits '", path, "' cannot be written: ", std::strerror(errno)));
  }
  std::unique_ptr<OrbitLog> log(new OrbitLog(path, run, descriptor));
  struct stat info {};
  const bool empty = ::fstat(descriptor, &info) != 0 || info.st_size == 0;
  if (empty) log->lines_ = "run,orbit,complete,crossings,passed,kept,dropped,latency_us\n";
  return log;
}

OrbitLog::~OrbitLog() {
  if (descriptor_ >= 0) (void)close();
}

void OrbitLog::put(const Line& line) {
  absl::StrAppendFormat(&lines_, "%d,%d,%d,%d,%d,%d,%s,%.1f\n", run_, line.orbit, line.complete, line.crossings,
                        line.passed, line.kept, line.dropped ? std::string(name_of(*line.dropped)) : "",
                        line.latency_us);
  if (lines_.size() >= kFlushBytes) flush();
}

void OrbitLog::flush() {
  if (::write(descriptor_, lines_.data(), lines_.size()) != static_cast<ssize_t>(lines_.size())) lost_ = true;
  lines_.clear();
}

absl::Status OrbitLog::close() {
  flush();
  ::close(descriptor_);
  descriptor_ = -1;
  if (lost_) return absl::InternalError(absl::StrCat("file of orbits '", path_, "': not all lines could be written"));
  return absl::OkStatus();
}

}  // namespace strobe::scouting
