#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "host/device/open.h"
#include "platform/files/file.h"
#include "tests/host/device/test_kernel.h"
#include "tests/host/device/test_xclbin.h"

namespace strobe::device {

inline const std::string& kernel_library() {
  static const std::string bytes = *files::read_file(STROBE_TEST_KERNEL);
  return bytes;
}

/// The test kernel's arithmetic, for the in-process device.
class TestEngine final : public InProcessEngine {
 public:
  absl::Status run(size_t, size_t rows, std::span<const std::span<const std::byte>> inputs,
                   std::span<const std::span<std::byte>> outputs) override {
    auto* in = reinterpret_cast<const int32_t*>(inputs[0].data());
    auto* out = reinterpret_cast<int32_t*>(outputs[0].data());
    for (size_t r = 0; r < rows; ++r) {
      out[2 * r] = 2 * in[4 * r] + in[4 * r + 1];
      out[2 * r + 1] = in[4 * r + 2];
    }
    return absl::OkStatus();
  }
};

inline OpenOptions test_options() {
  OpenOptions options;
  options.kernels = {{"twice", 1, {16}, {8}}};
  options.engine = []() -> absl::StatusOr<std::unique_ptr<InProcessEngine>> { return std::make_unique<TestEngine>(); };
  return options;
}

/// Collects the ends of launches.
class Ends {
 public:
  std::function<void(absl::Status)> next() {
    return [this](absl::Status status) {
      std::lock_guard lock(mutex_);
      statuses_.push_back(std::move(status));
      changed_.notify_all();
    };
  }
  /// The statuses of the first `count` launches to end, in their order. Fails the test after a minute.
  std::vector<absl::Status> wait(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::minutes(1), [&] { return statuses_.size() >= count; }))
        << "launches did not end";
    return statuses_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<absl::Status> statuses_;
};

inline void fill(Slot& slot, int32_t seed, int32_t order = 0) {
  auto* in = reinterpret_cast<int32_t*>(slot.input(0).data());
  for (size_t i = 0; i < slot.capacity_rows() * 4; ++i)
    in[i] = static_cast<int32_t>(static_cast<uint32_t>(seed + 1) * 2654435761u * static_cast<uint32_t>(i + 1)) / 8;
  for (size_t r = 0; r < slot.capacity_rows(); ++r) in[4 * r + 3] = 0;
  in[3] = order;
}

inline void expect_results(Slot& slot, size_t rows) {
  auto* in = reinterpret_cast<const int32_t*>(slot.input(0).data());
  auto* out = reinterpret_cast<const int32_t*>(slot.output(0).data());
  for (size_t r = 0; r < rows; ++r) {
    ASSERT_EQ(out[2 * r], 2 * in[4 * r] + in[4 * r + 1]) << "row " << r;
    ASSERT_EQ(out[2 * r + 1], in[4 * r + 2]) << "row " << r;
  }
}

/// Everything directly in /tmp and in the working folder.
inline std::set<std::string> files_around() {
  std::set<std::string> out;
  for (const std::filesystem::path& folder : {std::filesystem::path("/tmp"), std::filesystem::current_path()}) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) out.insert(entry.path());
  }
  return out;
}

/// Whether a living owner holds a run folder: another test's, running beside this one.
inline bool has_owner(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return !std::filesystem::exists(path);  // gone meanwhile, or a file
  const bool held = ::flock(folder, LOCK_EX | LOCK_NB) != 0;
  ::close(folder);
  return held;
}

/// Run folders and files of strobe's that came since `before` and that nobody owns; other programs may use /tmp at the
/// same time. A folder has no owner for a moment while it is made, so one counts only if it stays without.
inline std::vector<std::string> new_strobe_files(const std::set<std::string>& before) {
  std::vector<std::string> out;
  for (const std::string& path : files_around()) {
    const std::string name = std::filesystem::path(path).filename();
    const bool ours = name.rfind("strobe", 0) == 0 || name == ".run" || name.rfind("device", 0) == 0 ||
                      name.rfind("xcl", 0) == 0 || name.rfind("generic", 0) == 0;
    if (!ours || before.contains(path)) continue;
    constexpr int kLooks = 1000;
    int look = 0;
    while (look < kLooks && !has_owner(path)) {
      ++look;
      std::this_thread::yield();
    }
    if (look == kLooks) out.push_back(path);
  }
  return out;
}

}  // namespace strobe::device
