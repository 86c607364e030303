#include "host/device/worker_device.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "host/device/worker_process.h"
#include "host/device/worker_protocol.h"
#include "platform/emulation/device_memory.h"

namespace strobe::device {
namespace {

using Clock = std::chrono::steady_clock;
using Done = std::function<void(absl::Status)>;

constexpr int kOpenTimeoutMs = 30'000;
constexpr int kCloseTimeoutMs = 2'000;
/// How often launches' deadlines are looked at. To wake the completer for the deadline of each launch would cost every
/// launch two context switches.
constexpr int kLookMs = 100;

/// What the worker and the card's process printed, for the day they die: the last few thousand bytes.
class Output {
 public:
  void read_from(int pipe) {
    char buffer[4096];
    const ssize_t n = ::read(pipe, buffer, sizeof buffer);
    if (n <= 0) {
      ended_ = n == 0 || errno != EINTR;
      return;
    }
    text_.append(buffer, static_cast<size_t>(n));
    if (text_.size() > 16384) text_.erase(0, text_.size() - 8192);
  }
  bool ended() const { return ended_; }

  /// The card's own last words, else the last line of all.
  std::string last_words() const {
    std::string last;
    for (absl::string_view line : absl::StrSplit(text_, '\n', absl::SkipWhitespace())) {
      const bool own = line.substr(0, 14) == "emulated card:";
      if (own || last.substr(0, 14) != "emulated card:") last = std::string(line);
    }
    return last;
  }

 private:
  std::string text_;
  bool ended_ = false;
};

/// The connection to one worker. Shared by the device and its slots, so that neither outlives it.
class Link {
 public:
  Link(WorkerProcess process, worker::Rings* rings, int launch_timeout_ms)
      : process_(std::move(process)), rings_(rings), launch_timeout_(std::chrono::milliseconds(launch_timeout_ms)) {
    watcher_ = std::thread([this] { watch(); });
    completer_ = std::thread([this] { complete_launches(); });
  }

  ~Link() {
    closing_ = true;
    process_.close_control();
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::milliseconds(kCloseTimeoutMs), [this] { return dead_; })) process_.kill();
    lock.unlock();
    watcher_.join();
    wake_completer();
    completer_.join();
    ::munmap(rings_, sizeof(worker::Rings));
  }

  /// One request and its answer. Unavailable once the worker died; a worker that does not answer is killed.
  absl::StatusOr<worker::Answer> ask(const void* bytes, size_t size, int fd, int timeout_ms) {
    std::lock_guard lock(asking_);
    worker::Answer reply;
    pollfd ready{process_.control(), POLLIN, 0};
    bool ok = worker::send_message(process_.control(), bytes, size, fd);
    if (ok && ::poll(&ready, 1, timeout_ms) == 0) {
      note_death(absl::StrCat("did not answer within ", timeout_ms, " ms"));
      ok = false;
    }
    ok = ok && worker::receive_message(process_.control(), &reply, sizeof reply) == sizeof reply;
    if (ok) return reply;
    process_.kill();
    std::unique_lock wait(mutex_);
    changed_.wait(wait, [this] { return dead_; });
    return absl::UnavailableError(reason_);
  }

  /// Adds the card's own last words to the error of an opening that failed; the worker ends after one.
  absl::Status explain(const absl::Status& status) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::milliseconds(kCloseTimeoutMs), [this] { return dead_; }) ||
        words_.empty())
      return status;
    return absl::Status(status.code(), absl::StrCat(status.message(), " (", words_, ")"));
  }

  void launch(uint32_t slot, size_t rows, Done done) {
    std::unique_lock lock(mutex_);
    if (dead_) {
      absl::Status status = absl::UnavailableError(reason_);
      lock.unlock();
      done(std::move(status));
      return;
    }
    if (in_flight_.contains(slot)) {
      lock.unlock();
      done(absl::FailedPreconditionError("the slot's last launch has not ended"));
      return;
    }
    const auto deadline = Clock::now() + launch_timeout_;
    in_flight_[slot] = {std::move(done), deadline};
    const uint32_t at = rings_->launched.load(std::memory_order_relaxed);
    rings_->launches[at % worker::kMaxSlots] = {slot, static_cast<uint32_t>(rows)};
    rings_->launched.store(at + 1, std::memory_order_release);
    lock.unlock();
    emulation::futex_wake(rings_->launched);
  }

  void wait_idle(uint32_t slot) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !in_flight_.contains(slot) && calling_ != static_cast<int64_t>(slot); });
  }

  absl::StatusOr<uint32_t> take_slot_number() {
    std::lock_guard lock(mutex_);
    for (uint32_t n = 0; n < worker::kMaxSlots; ++n) {
      if (std::find(taken_.begin(), taken_.end(), n) == taken_.end()) {
        taken_.push_back(n);
        return n;
      }
    }
    return absl::ResourceExhaustedError(absl::StrCat("an emulated card has at most ", worker::kMaxSlots, " slots"));
  }

  uint32_t take_parameter_number() { return ++last_parameters_; }

  void give_back(uint32_t slot) {
    std::lock_guard lock(mutex_);
    std::erase(taken_, slot);
  }

  absl::Status health() {
    std::lock_guard lock(mutex_);
    return dead_ ? absl::UnavailableError(reason_) : absl::OkStatus();
  }

 private:
  struct Pending {
    Done done;
    Clock::time_point deadline;
  };

  void note_death(std::string why) {
    std::lock_guard lock(mutex_);
    if (cause_.empty()) cause_ = std::move(why);
  }

  /// Waits for the worker's end and collects what was printed until then.
  void watch() {
    Output output;
    pollfd sources[2] = {{process_.process(), POLLIN, 0}, {process_.output(), POLLIN, 0}};
    while (!(sources[0].revents & POLLIN)) {
      if (::poll(sources, 2, -1) < 0) continue;
      if (sources[1].revents) output.read_from(process_.output());
      if (output.ended()) sources[1].fd = -1;
    }
    const std::string ended = process_.end_reason();
    drain(output);
    {
      std::lock_guard lock(mutex_);
      const std::string words = words_ = output.last_words();
      reason_ = absl::StrCat("the emulated card died: its worker process ", cause_.empty() ? ended : cause_,
                             words.empty() ? "" : absl::StrCat(" (", words, ")"));
      dead_ = true;
    }
    changed_.notify_all();
    wake_completer();
  }

  /// The card's process may hold the pipe a moment longer; it was killed with the group.
  void drain(Output& output) {
    pollfd rest{process_.output(), POLLIN, 0};
    while (!output.ended() && ::poll(&rest, 1, 200) > 0) output.read_from(process_.output());
  }

  void wake_completer() {
    rings_->completed.fetch_or(1);
    emulation::futex_wake(rings_->completed);
  }

  void complete_launches() {
    // Counts modulo 2^31, as the ring does.
    for (uint32_t taken = 0;;) {
      // The wake bit is taken down before looking round, so one that comes later keeps the wait below from sleeping.
      const uint32_t completed = rings_->completed.fetch_and(~uint32_t{1}, std::memory_order_acq_rel) & ~uint32_t{1};
      if (((completed / 2 - taken) & 0x7FFFFFFF) != 0) {
        const worker::Completion& entry = rings_->completions[taken++ % worker::kMaxSlots];
        finish(entry.slot, worker::status_of(entry.code, entry.text));
        continue;
      }
      const absl::Status death = health();
      if (!death.ok()) fail_all(death);
      if (closing_ && !death.ok()) return;
      const int left_ms = time_left_ms();
      if (left_ms == 0) process_.kill();
      emulation::futex_wait(rings_->completed, completed, std::min(left_ms < 0 ? kLookMs : left_ms + 1, kLookMs));
    }
  }

  /// Until the first deadline; -1 where nothing is in flight. 0: a launch is overdue, which is the card's end.
  int time_left_ms() {
    std::lock_guard lock(mutex_);
    if (in_flight_.empty() || dead_) return -1;
    auto first = std::min_element(in_flight_.begin(), in_flight_.end(),
                                  [](const auto& a, const auto& b) { return a.second.deadline < b.second.deadline; });
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(first->second.deadline - Clock::now()).count();
    if (left <= 0 && cause_.empty())
      cause_ = absl::StrCat("was ended because a launch took longer than ", launch_timeout_.count(), " ms");
    return static_cast<int>(std::max<int64_t>(left, 0));
  }

  void finish(uint32_t slot, absl::Status status) {
    Done done;
    {
      std::lock_guard lock(mutex_);
      auto at = in_flight_.find(slot);
      if (at == in_flight_.end()) return;
      done = std::move(at->second.done);
      in_flight_.erase(at);
      calling_ = slot;
    }
    done(std::move(status));
    {
      std::lock_guard lock(mutex_);
      calling_ = -1;
    }
    changed_.notify_all();
  }

  void fail_all(const absl::Status& death) {
    for (;;) {
      uint32_t slot = 0;
      {
        std::lock_guard lock(mutex_);
        if (in_flight_.empty()) return;
        slot = in_flight_.begin()->first;
      }
      finish(slot, death);
    }
  }

  WorkerProcess process_;
  worker::Rings* rings_;
  std::chrono::milliseconds launch_timeout_;
  std::mutex asking_;
  std::mutex mutex_;  ///< guards what follows, and the ring of launches on this side
  std::condition_variable changed_;
  std::map<uint32_t, Pending> in_flight_;
  std::vector<uint32_t> taken_;
  int64_t calling_ = -1;  ///< the slot whose `done` is running
  bool dead_ = false;
  std::string cause_, reason_, words_;
  std::atomic<bool> closing_{false};
  std::atomic<uint32_t> last_parameters_{0};
  std::thread watcher_, completer_;
};

/// Parameters on the card, for as long as a device or slot needs them.
class WorkerParameters {
 public:
  WorkerParameters(std::shared_ptr<Link> link, uint32_t number) : link_(std::move(link)), number_(number) {}
  WorkerParameters(const WorkerParameters&) = delete;
  WorkerParameters& operator=(const WorkerParameters&) = delete;
  ~WorkerParameters() {
    worker::SlotRequest request{worker::SlotRequest::kUnload};
    request.parameters = number_;
    (void)link_->ask(&request, sizeof request, -1, kOpenTimeoutMs);  // a dead worker holds none either
  }
  uint32_t number() const { return number_; }

 private:
  std::shared_ptr<Link> link_;
  uint32_t number_;
};
using LoadedParameters = std::map<size_t, std::shared_ptr<WorkerParameters>>;  ///< by kernel

class WorkerSlot final : public Slot {
 public:
  WorkerSlot(std::shared_ptr<Link> link, uint32_t number, std::byte* memory, worker::Layout layout, size_t rows)
      : link_(std::move(link)), number_(number), memory_(memory), layout_(std::move(layout)), rows_(rows) {}

  ~WorkerSlot() override {
    link_->wait_idle(number_);
    worker::SlotRequest request{worker::SlotRequest::kRemove, number_};
    (void)link_->ask(&request, sizeof request, -1, kOpenTimeoutMs);  // a dead worker has no slot either
    link_->give_back(number_);
    ::munmap(memory_, layout_.total);
  }

  size_t capacity_rows() const override { return rows_; }
  std::span<std::byte> input(size_t i) override { return {memory_ + layout_.input_offsets[i], layout_.input_bytes[i]}; }
  std::span<const std::byte> output(size_t i) const override {
    return {memory_ + layout_.output_offsets[i], layout_.output_bytes[i]};
  }

  void start(size_t rows, Done done) override {
    if (rows == 0 || rows > rows_) {
      done(absl::InvalidArgumentError(absl::StrCat("a launch of ", rows, " rows in a slot of ", rows_)));
      return;
    }
    link_->launch(number_, rows, std::move(done));
  }

 private:
  std::shared_ptr<Link> link_;
  uint32_t number_;
  std::byte* memory_;
  worker::Layout layout_;
  size_t rows_;
};

/// A memory file that holds those bytes.
absl::StatusOr<Descriptor> share_bytes(const char* name, std::span<const std::byte> bytes) {
  auto file = make_memory_file(name, bytes.size());
  if (!file.ok()) return file.status();
  void* copy = ::mmap(nullptr, bytes.size(), PROT_READ | PROT_WRITE, MAP_SHARED, file->get(), 0);
  if (copy == MAP_FAILED) return absl::ResourceExhaustedError("cannot map memory to share with an emulated card");
  std::memcpy(copy, bytes.data(), bytes.size());
  ::munmap(copy, bytes.size());
  return file;
}

class WorkerDevice final : public Device {
 public:
  WorkerDevice(DeviceInfo info, std::vector<KernelInfo> kernels, std::shared_ptr<Link> link,
               LoadedParameters parameters = {})
      : info_(std::move(info)),
        kernels_(std::move(kernels)),
        link_(std::move(link)),
        parameters_(std::move(parameters)) {}

  const DeviceInfo& info() const override { return info_; }
  const std::vector<KernelInfo>& kernels() const override { return kernels_; }
  absl::Status health() const override { return link_->health(); }

  absl::StatusOr<std::unique_ptr<Slot>> make_slot(size_t kernel, int unit, size_t rows) override {
    const auto loaded = parameters_.find(kernel);
    const bool has_parameters = loaded != parameters_.end();
    if (absl::Status status = check_slot(kernels_, kernel, unit, rows, has_parameters); !status.ok()) return status;
    auto layout = worker::slot_layout(kernels_[kernel], rows);
    if (!layout)
      return absl::InvalidArgumentError(absl::StrCat("a slot of ", rows, " rows is larger than a card's memory"));
    auto memory = make_memory_file("strobe-slot", layout->total);
    if (!memory.ok()) return memory.status();
    void* at = ::mmap(nullptr, layout->total, PROT_READ | PROT_WRITE, MAP_SHARED, memory->get(), 0);
    if (at == MAP_FAILED)
      return absl::ResourceExhaustedError(absl::StrCat("cannot map ", layout->total, " bytes for a slot"));
    auto number = link_->take_slot_number();
    absl::Status status = number.status();
    if (number.ok()) {
      worker::SlotRequest request{worker::SlotRequest::kMake, *number, static_cast<uint32_t>(kernel), unit, rows};
      if (has_parameters) {
        request.parameters = loaded->second->number();
        int64_t* bytes = std::copy(kernels_[kernel].input_row_bytes.begin(), kernels_[kernel].input_row_bytes.end(),
                                   request.row_bytes);
        std::copy(kernels_[kernel].output_row_bytes.begin(), kernels_[kernel].output_row_bytes.end(), bytes);
      }
      auto reply = link_->ask(&request, sizeof request, memory->get(), kOpenTimeoutMs);
      status = reply.ok() ? worker::status_of(reply->code, reply->text) : reply.status();
      if (!status.ok()) link_->give_back(*number);
    }
    if (!status.ok()) {
      ::munmap(at, layout->total);
      return status;
    }
    return std::make_unique<WorkerSlot>(link_, *number, static_cast<std::byte*>(at), *std::move(layout), rows);
  }

  absl::StatusOr<std::unique_ptr<Device>> with_parameters(size_t kernel, const Parameters& parameters) override {
    std::vector<KernelInfo> kernels = kernels_;
    if (absl::Status status = take_parameters(kernels, kernel, parameters); !status.ok()) return status;
    const size_t tensors = parameters.input_row_bytes.size() + parameters.output_row_bytes.size();
    if (tensors > worker::kMaxTensors)
      return absl::UnimplementedError(absl::StrCat("a kernel with parameters and ", tensors, " tensors"));
    auto memory = share_bytes("strobe-parameters", parameters.image);
    if (!memory.ok()) return memory.status();
    worker::SlotRequest request{worker::SlotRequest::kLoad};
    request.kernel = static_cast<uint32_t>(kernel);
    request.parameters = link_->take_parameter_number();
    request.bytes = parameters.image.size();
    auto reply = link_->ask(&request, sizeof request, memory->get(), kOpenTimeoutMs);
    if (!reply.ok()) return reply.status();
    if (absl::Status status = worker::status_of(reply->code, reply->text); !status.ok()) return status;
    LoadedParameters loaded = parameters_;
    loaded[kernel] = std::make_shared<WorkerParameters>(link_, request.parameters);
    return std::make_unique<WorkerDevice>(info_, std::move(kernels), link_, std::move(loaded));
  }

 private:
  DeviceInfo info_;
  std::vector<KernelInfo> kernels_;
  std::shared_ptr<Link> link_;
  LoadedParameters parameters_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Device>> open_worker_device(DeviceInfo info, const std::string& libexec,
                                                           const std::string& image, std::vector<KernelInfo> kernels,
                                                           int launch_timeout_ms) {
  auto rings_file = make_memory_file("strobe-rings", sizeof(worker::Rings));
  if (!rings_file.ok()) return rings_file.status();
  auto image_file = share_bytes("strobe-xclbin", std::as_bytes(std::span(image)));
  if (!image_file.ok()) return image_file.status();
  void* rings = ::mmap(nullptr, sizeof(worker::Rings), PROT_READ | PROT_WRITE, MAP_SHARED, rings_file->get(), 0);
  if (rings == MAP_FAILED) return absl::ResourceExhaustedError("cannot map memory to share with an emulated card");
  auto process = WorkerProcess::start(libexec, info.backend, rings_file->get(), image_file->get());
  if (!process.ok()) {
    ::munmap(rings, sizeof(worker::Rings));
    return process.status();
  }
  const std::string hello = worker::encode({.backend = info.backend, .libexec = libexec, .kernels = kernels});
  auto link = std::make_shared<Link>(*std::move(process), static_cast<worker::Rings*>(rings), launch_timeout_ms);
  auto reply = link->ask(hello.data(), hello.size(), -1, kOpenTimeoutMs);
  if (!reply.ok()) {
    return absl::Status(
        reply.status().code(),
        absl::StrCat(reply.status().message(), ". It never answered: is ", libexec,
                     "/strobe-device-worker of the same build as strobe (", worker::protocol_id(), ")?"));
  }
  if (absl::Status status = worker::status_of(reply->code, reply->text); !status.ok()) return link->explain(status);
  info.name = reply->name;
  info.detail = reply->detail;
  return std::make_unique<WorkerDevice>(std::move(info), std::move(kernels), std::move(link));
}

}  // namespace strobe::device
