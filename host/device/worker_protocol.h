#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/device/device.h"

/// Between strobe and the worker process of an emulated card: rare requests over a socket (SOCK_SEQPACKET, one message
/// each way), launches through rings in shared memory, tensors in shared memory that belongs to the slot.
namespace strobe::device::worker {

/// Descriptors that the worker is started with.
inline constexpr int kControlFd = 3, kRingsFd = 4, kImageFd = 5;

/// The variable that names the folder for all that a worker and XRT write: removed by the worker where strobe cannot
/// any more.
inline constexpr char kRunDirVariable[] = "STROBE_WORKER";

inline constexpr uint32_t kMaxSlots = 1024;  ///< a slot has at most one launch in flight, so the rings never overflow
inline constexpr size_t kPage = 4096;

struct Launch {
  uint32_t slot;
  uint32_t rows;
};

struct Completion {
  uint32_t slot;
  uint32_t code;   ///< absl::StatusCode
  char text[248];  ///< zero-terminated
};

/// Each ring has one reader, which sleeps on its counter. `completed` counts by 2: bit 0 is set by strobe itself,
/// to wake its own reader at the worker's death without a wake ever being missed.
struct Rings {
  alignas(64) std::atomic<uint32_t> launched;
  alignas(64) std::atomic<uint32_t> completed;
  Launch launches[kMaxSlots];
  Completion completions[kMaxSlots];
};

/// What both sides must be of: a digest of the sources that say what travels between them.
std::string protocol_id();

/// First message: what to open. Sent as text; the xclbin comes in kImageFd.
struct Hello {
  std::string protocol = protocol_id();  ///< the first word, whatever else changes
  std::string backend;                   ///< "xrt" or "opencl"
  std::string libexec;
  std::vector<KernelInfo> kernels;
};
std::string encode(const Hello& hello);
/// Errors: FailedPrecondition where the other side is of another build, InvalidArgument for a text that is no Hello.
absl::StatusOr<Hello> decode_hello(std::string_view text);

inline constexpr size_t kMaxTensors = 32;

/// Then slots and parameters come and go. `kMake` carries a memfd with the slot's buffers, see `Layout`; `kLoad` one
/// with the parameters.
struct SlotRequest {
  enum Kind : uint32_t { kMake = 1, kRemove = 2, kLoad = 3, kUnload = 4 } kind;
  uint32_t slot = 0;
  uint32_t kernel = 0;
  int32_t unit = 0;
  uint64_t rows = 0;
  uint32_t parameters = 0;              ///< the number of those to load, to unload, or to make a slot with; 0: none
  uint64_t bytes = 0;                   ///< of the parameters to load
  int64_t row_bytes[kMaxTensors] = {};  ///< of a slot with parameters: inputs, then outputs
};

/// Every answer: a status and, to Hello, the card's name and detail.
struct Answer {
  uint32_t code = 0;
  char text[1000] = {};
  char name[64] = {};
  char detail[64] = {};
};
Answer answer(const absl::Status& status);
absl::Status status_of(uint32_t code, std::string_view text);
void copy_text(std::span<char> to, std::string_view text);

/// Where a slot's tensors lie in its memory: each on pages of its own.
struct Layout {
  std::vector<size_t> input_offsets, output_offsets;
  std::vector<size_t> input_bytes, output_bytes;
  size_t total = 0;
};
std::optional<Layout> slot_layout(const KernelInfo& kernel, size_t rows);

/// One message, with a descriptor where `fd` >= 0. False when the other side is gone.
bool send_message(int socket, const void* bytes, size_t size, int fd = -1);
/// Bytes received; 0 when the other side is gone. A descriptor that came along is put in `fd`.
size_t receive_message(int socket, void* bytes, size_t size, int* fd = nullptr);

}  // namespace strobe::device::worker
