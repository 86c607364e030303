// strobe-device-worker: holds one emulated card for strobe. XRT reads its emulation mode once per process and an
// emulated card's death ends its process, so each emulated card has a process of its own, which strobe starts and
// watches. It is a small program and not the strobe program under another name, because it starts in a few milliseconds
// that way: XRT is all it loads.

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "host/device/card.h"
#include "host/device/worker_protocol.h"
#include "platform/emulation/device_memory.h"

namespace strobe::device::worker {
namespace {

using emulation::futex_wait;
using emulation::futex_wake;

[[noreturn]] void leave(const std::string& run_dir, int status) {
  // Two threads may come here at once when strobe dies: the second waits for the end that the first brings.
  static std::mutex once;
  once.lock();
  // Not exit(): XRT's destructors wait for threads that may never end. The card's process sees end of file and ends
  // itself.
  std::error_code ignored;
  std::filesystem::remove_all(run_dir, ignored);
  ::_exit(status);
}

struct Mapping {
  void* at = MAP_FAILED;
  size_t size = 0;
};

class Worker {
 public:
  Worker(Hello hello, Rings* rings) : hello_(std::move(hello)), rings_(rings) {}

  Answer open() {
    struct stat info {};
    if (::fstat(kImageFd, &info) != 0) return answer(absl::InternalError("no xclbin was handed over"));
    void* at = ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_PRIVATE, kImageFd, 0);
    if (at == MAP_FAILED) return answer(absl::ResourceExhaustedError("cannot map the xclbin"));
    CardRequest request;
    request.image.assign(static_cast<const char*>(at), static_cast<size_t>(info.st_size));
    ::munmap(at, static_cast<size_t>(info.st_size));
    ::close(kImageFd);
    auto described = xclbin::read(request.image);
    if (!described.ok()) return answer(described.status());
    xclbin_ = *std::move(described);
    request.xclbin = &xclbin_;
    request.kernels = hello_.kernels;
    auto plugin = load_card_plugin(hello_.libexec, hello_.backend);
    if (!plugin.ok()) return answer(plugin.status());
    auto card = (*plugin)->open(std::move(request));
    if (!card.ok()) return answer(card.status());
    card_ = *std::move(card);
    Answer ok = answer(absl::OkStatus());
    copy_text(ok.name, card_->name());
    copy_text(ok.detail, card_->detail());
    std::thread([this] { serve_launches(); }).detach();  // ends with the process
    return ok;
  }

  Answer serve(const SlotRequest& request, int memory) {
    std::lock_guard lock(slots_mutex_);
    if (request.kind == SlotRequest::kMake) return answer(make_slot(request, memory));
    if (request.kind == SlotRequest::kLoad) return answer(load_parameters(request, memory));
    if (request.kind == SlotRequest::kUnload) {
      card_->remove_parameters(request.parameters);
      return answer(absl::OkStatus());
    }
    card_->remove_slot(request.slot);
    if (auto at = memory_.find(request.slot); at != memory_.end()) {
      ::munmap(at->second.at, at->second.size);
      memory_.erase(at);
    }
    return answer(absl::OkStatus());
  }

 private:
  absl::Status make_slot(const SlotRequest& request, int memory) {
    KernelInfo kernel = hello_.kernels.at(request.kernel);
    if (request.parameters != 0) {
      const int64_t* bytes = request.row_bytes;
      for (int64_t& row : kernel.input_row_bytes) row = *bytes++;
      for (int64_t& row : kernel.output_row_bytes) row = *bytes++;
    }
    auto layout = slot_layout(kernel, request.rows);
    if (!layout || memory < 0) return absl::InvalidArgumentError("slot of an impossible size");
    Mapping mapping{::mmap(nullptr, layout->total, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0), layout->total};
    if (mapping.at == MAP_FAILED) return absl::ResourceExhaustedError("cannot map a slot's memory");
    auto spans = [&](const std::vector<size_t>& offsets, const std::vector<size_t>& bytes) {
      std::vector<std::span<std::byte>> out;
      for (size_t i = 0; i < offsets.size(); ++i)
        out.emplace_back(static_cast<std::byte*>(mapping.at) + offsets[i], bytes[i]);
      return out;
    };
    const auto inputs = spans(layout->input_offsets, layout->input_bytes),
               outputs = spans(layout->output_offsets, layout->output_bytes);
    absl::Status status =
        card_->add_slot(request.slot, request.kernel, request.unit, request.rows, request.parameters, inputs, outputs);
    if (status.ok())
      memory_[request.slot] = mapping;
    else
      ::munmap(mapping.at, mapping.size);
    return status;
  }

  absl::Status load_parameters(const SlotRequest& request, int memory) {
    void* at = ::mmap(nullptr, request.bytes, PROT_READ, MAP_SHARED, memory, 0);
    if (at == MAP_FAILED) return absl::ResourceExhaustedError("cannot map parameters");
    absl::Status status = card_->add_parameters(request.parameters, {static_cast<const std::byte*>(at), request.bytes});
    ::munmap(at, request.bytes);
    return status;
  }

  void serve_launches() {
    for (uint32_t taken = 0;;) {
      const uint32_t launched = rings_->launched.load(std::memory_order_acquire);
      if (launched == taken) {
        futex_wait(rings_->launched, launched, -1);
        continue;
      }
      const Launch launch = rings_->launches[taken++ % kMaxSlots];
      std::lock_guard lock(slots_mutex_);
      card_->start(launch.slot, launch.rows,
                   [this, slot = launch.slot](absl::Status status) { complete(slot, status); });
    }
  }

  void complete(uint32_t slot, const absl::Status& status) {
    std::lock_guard lock(complete_mutex_);
    const uint32_t at = rings_->completed.load(std::memory_order_relaxed) / 2;
    Completion& entry = rings_->completions[at % kMaxSlots];
    entry.slot = slot;
    entry.code = static_cast<uint32_t>(status.code());
    if (!status.ok()) copy_text(entry.text, std::string_view(status.message().data(), status.message().size()));
    rings_->completed.fetch_add(2, std::memory_order_release);
    futex_wake(rings_->completed);
  }

  Hello hello_;
  Rings* rings_;
  xclbin::Xclbin xclbin_;
  std::unique_ptr<Card> card_;
  std::mutex slots_mutex_;     ///< a card takes no launch while slots are added or removed
  std::mutex complete_mutex_;  ///< XRT may complete from several threads
  std::map<uint32_t, Mapping> memory_;
};

int serve(const std::string& run_dir) {
  ::signal(SIGINT, SIG_IGN);  // a terminal's ^C is strobe's to handle
  void* rings = ::mmap(nullptr, sizeof(Rings), PROT_READ | PROT_WRITE, MAP_SHARED, kRingsFd, 0);
  ::close(kRingsFd);
  std::string text(1 << 16, '\0');
  text.resize(receive_message(kControlFd, text.data(), text.size()));
  auto hello = decode_hello(text);
  if (!hello.ok()) {
    const Answer refused = answer(hello.status());
    (void)send_message(kControlFd, &refused, sizeof refused);
  }
  if (!hello.ok() || rings == MAP_FAILED) leave(run_dir, 2);
  // strobe's death must be seen even while XRT is busy: a thread of its own waits for the other end of the socket to
  // close. Not PR_SET_PDEATHSIG: that tells of the death of the *thread* that started this process, which may well end
  // first.
  std::thread([run_dir] {
    pollfd end{kControlFd, POLLRDHUP, 0};
    while (::poll(&end, 1, -1) < 0 || !(end.revents & (POLLRDHUP | POLLHUP | POLLERR))) {
    }
    leave(run_dir, 0);
  }).detach();
  Worker worker(*std::move(hello), static_cast<Rings*>(rings));
  const Answer opened = worker.open();
  if (!send_message(kControlFd, &opened, sizeof opened) || opened.code != 0) leave(run_dir, opened.code ? 1 : 0);
  for (;;) {
    SlotRequest request{};
    int memory = -1;
    if (receive_message(kControlFd, &request, sizeof request, &memory) != sizeof request) leave(run_dir, 0);
    const Answer reply = worker.serve(request, memory);
    if (memory >= 0) ::close(memory);
    if (!send_message(kControlFd, &reply, sizeof reply)) leave(run_dir, 0);
  }
}

}  // namespace
}  // namespace strobe::device::worker

int main() {
  const char* run_dir = ::getenv(strobe::device::worker::kRunDirVariable);
  if (run_dir == nullptr) {
    std::fprintf(stderr, "strobe-device-worker is started by strobe; there is nothing to do with it by hand\n");
    return 2;
  }
  return strobe::device::worker::serve(run_dir);
}
