#include "host/cli/progress.h"

#include <unistd.h>

#include <string>

namespace strobe::cli {

Progress::Progress(size_t total, const char* unit)
    : total_(total), unit_(unit), on_terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_) std::fprintf(stderr, "\r\x1b[K");
}

void Progress::update(size_t done) {
  const auto now = Clock::now();
  if (!on_terminal_ || now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  shown_ = true;
  constexpr int kWidth = 30;
  const double fraction = total_ == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total_);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(done) / seconds;
  const int filled = static_cast<int>(fraction * kWidth);
  std::fprintf(stderr, "\r[%s%s] %3.0f %%  %.3g %s/s  %.0f s left ", std::string(filled, '#').c_str(),
               std::string(kWidth - filled, '.').c_str(), 100 * fraction, rate, unit_,
               rate > 0 ? static_cast<double>(total_ - done) / rate : 0.0);
}

}  // namespace strobe::cli
