// genericpciemodel: the emulated card that XRT's sw_emu shim starts as a child and talks to over a Unix socket. It
// holds the card's memory and runs the kernel library that the xclbin carries. It ends on Close and on end of file, so
// nothing outlives the host.

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "platform/emulation/kernel_units.h"
#include "platform/emulation/wire.h"

namespace strobe::emulation {
namespace {

/// Numbers of XRT's calls, as in its <xcl_macros.h>.
enum Api : uint32_t {
  kClose = 1,
  kLoadBitstream = 3,
  kAllocDeviceBuffer = 4,
  kFreeDeviceBuffer = 5,
  kCopyHostToDevice = 6,
  kCopyDeviceToHost = 7,
  kWriteKernelCtrl = 9,
  kReadKernelCtrl = 11,
  kPerfMonReadCounters = 14,
  kPerfMonGetTraceCount = 15,
  kPerfMonReadTrace = 16,
  kGetDeviceTimestamp = 17,
  kGetDebugMessages = 19,
  kRegWrite = 51,
  kRegRead = 52,
};

bool transfer(int socket, char* bytes, size_t size, bool writing) {
  while (size > 0) {
    const ssize_t n = writing ? ::send(socket, bytes, size, MSG_NOSIGNAL) : ::recv(socket, bytes, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

/// The shim forks before it listens, so the first attempts may be refused.
int connect_to_shim() {
  const char* user = std::getenv("USER");
  const char* id = std::getenv("EMULATION_SOCKETID");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int length = user && id ? std::snprintf(address.sun_path, sizeof address.sun_path, "/tmp/%s/%s", user, id)
                                : std::snprintf(address.sun_path, sizeof address.sun_path, "/tmp/xcl_sock");
  if (length >= static_cast<int>(sizeof address.sun_path)) return -1;
  for (int attempt = 0; attempt < 20000 && ::getppid() != 1; ++attempt) {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
    ::close(socket);
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  return -1;
}

/// The memory that the shim made, or one of the model's own under a shim that made none.
unsigned char* map_memory() {
  const char* inherited = std::getenv(kMemoryVariable);
  const int file = inherited ? std::atoi(inherited) : -1;
  void* at = ::mmap(nullptr, kControlBytes + kMemoryBytes, PROT_READ | PROT_WRITE,
                    (file >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS) | MAP_NORESERVE, file, 0);
  return at == MAP_FAILED ? nullptr : static_cast<unsigned char*>(at);
}

class Model {
 public:
  Model(int socket, unsigned char* shared)
      : socket_(socket),
        control_(*reinterpret_cast<Control*>(shared)),
        memory_(shared + kControlBytes),
        units_(control_, memory_) {}

  void serve() {
    std::string header(kCallHeaderBytes, '\0'), body;
    while (!closing_ && transfer(socket_, header.data(), header.size(), false)) {
      auto call = parse_call_header(header);
      if (!call || call->size > (1u << 30)) {
        std::fprintf(stderr, "emulated card: a message of unknown form\n");
        return;
      }
      body.resize(call->size);
      if (!transfer(socket_, body.data(), body.size(), false)) return;
      std::string reply = answer(call->api, Message(body));
      std::string reply_start = reply_header(reply.size());
      if (!transfer(socket_, reply_start.data(), reply_start.size(), true) ||
          !transfer(socket_, reply.data(), reply.size(), true))
        return;
    }
  }

 private:
  std::string answer(uint32_t api, const Message& call) {
    std::string reply;
    switch (api) {
      case kClose:
        close(call);
        break;
      case kLoadBitstream:
        return load(call);
      case kCopyHostToDevice:
        return copy_in(call);
      case kCopyDeviceToHost:
        return copy_out(call);
      case kWriteKernelCtrl:
        return write_words(call.number(2), call.text(4));
      case kReadKernelCtrl:
        return read_word(call.number(2));
      case kRegWrite:
        return write_words(call.number(1) + call.number(2), call.text(3));
      case kRegRead:
        return read_word(call.number(1) + call.number(2));
      case kGetDeviceTimestamp:
        put_number(reply, 1, static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()));
        return reply;
      case kGetDebugMessages:
        return reply;
      case kPerfMonReadCounters:
        for (uint32_t field = 1; field <= 6; ++field) put_number(reply, field, 0);
        return reply;
      default:
        break;
    }
    put_number(reply, 1, 1);  // ack, valid or success of every other call
    return reply;
  }

  void close(const Message& call) {
    if (!call.number(3)) return;
    closing_ = true;
    control_.closed = 1;
  }

  std::string load(const Message& call) {
    const std::string problem = units_.load(std::string(call.text(2)), std::string(call.text(1)));
    if (!problem.empty()) std::fprintf(stderr, "emulated card: %s\n", problem.c_str());
    std::string reply;
    put_number(reply, 1, problem.empty());
    return reply;
  }

  unsigned char* at(uint64_t address, uint64_t size) const {
    return address <= kMemoryBytes && size <= kMemoryBytes - address ? memory_ + address : nullptr;
  }

  std::string copy_in(const Message& call) {
    const std::string_view bytes = call.text(4);
    unsigned char* to = at(call.number(3), bytes.size());
    if (to) std::memcpy(to, bytes.data(), bytes.size());
    std::string reply;
    put_number(reply, 1, to ? bytes.size() : 0);
    return reply;
  }

  std::string copy_out(const Message& call) {
    const uint64_t size = call.number(5);
    const unsigned char* from = at(call.number(4), size);
    std::string reply;
    put_number(reply, 1, from ? size : 0);
    put_bytes(reply, 2, from ? std::string_view(reinterpret_cast<const char*>(from), size) : std::string_view());
    return reply;
  }

  std::string write_words(uint64_t address, std::string_view data) {
    uint32_t words[kRegisterWords];
    const bool ok = data.size() <= sizeof words && data.size() % 4 == 0;
    if (ok) std::memcpy(words, data.data(), data.size());
    std::string reply;
    put_number(reply, 1, ok && write_registers(control_, address, words, data.size() / 4));
    return reply;
  }

  std::string read_word(uint64_t address) {
    uint32_t word = 0;
    // A shim that reads registers by message drives its units as ap_ctrl_hs: done is gone once it was read.
    const bool ok = read_register(control_, address, Acknowledge::kOnRead, word);
    std::string reply;
    put_number(reply, 1, ok);
    put_bytes(reply, 2, std::string_view(reinterpret_cast<const char*>(&word), sizeof word));
    return reply;
  }

  int socket_;
  Control& control_;
  unsigned char* memory_;
  KernelUnits units_;
  bool closing_ = false;
};

}  // namespace
}  // namespace strobe::emulation

int main() {
  using namespace strobe::emulation;
  unsigned char* shared = map_memory();
  if (!shared) {
    std::fprintf(stderr, "emulated card: cannot map its memory: %s\n", std::strerror(errno));
    return 2;
  }
  const int socket = connect_to_shim();
  if (socket < 0) {
    std::fprintf(stderr, "emulated card: cannot reach XRT's socket: %s\n", std::strerror(errno));
    return 2;
  }
  Model model(socket, shared);
  model.serve();
  // A kernel may run for ever: do not wait for its thread.
  std::fflush(nullptr);
  std::_Exit(0);
}
