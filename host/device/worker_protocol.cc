#include "host/device/worker_protocol.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iomanip>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace strobe::device::worker {
namespace {

void put_list(std::ostream& out, const std::vector<int64_t>& list) {
  out << ' ' << list.size();
  for (int64_t value : list) out << ' ' << value;
}

bool take_list(std::istream& in, std::vector<int64_t>& list) {
  size_t count = 0;
  if (!(in >> count) || count > 100'000) return false;
  list.resize(count);
  for (int64_t& value : list) in >> value;
  return !in.fail();
}

bool add_buffers(const std::vector<int64_t>& row_bytes, size_t rows, std::vector<size_t>& offsets,
                 std::vector<size_t>& bytes, size_t& total) {
  for (int64_t per_row : row_bytes) {
    size_t size = 0;
    if (per_row <= 0 || __builtin_mul_overflow(static_cast<size_t>(per_row), rows, &size) || size > (size_t{1} << 40))
      return false;
    offsets.push_back(total);
    bytes.push_back(size);
    total += (size + kPage - 1) / kPage * kPage;
  }
  return true;
}

}  // namespace

std::string protocol_id() { return STROBE_WORKER_PROTOCOL; }

std::string encode(const Hello& hello) {
  std::ostringstream out;
  out << std::quoted(hello.protocol) << ' ' << std::quoted(hello.backend) << ' ' << std::quoted(hello.libexec) << ' '
      << hello.kernels.size();
  for (const KernelInfo& kernel : hello.kernels) {
    out << ' ' << std::quoted(kernel.name) << ' ' << kernel.compute_units << ' ' << kernel.parameter_bytes;
    put_list(out, kernel.input_row_bytes);
    put_list(out, kernel.output_row_bytes);
  }
  return out.str();
}

absl::StatusOr<Hello> decode_hello(std::string_view text) {
  const absl::Status damaged = absl::InvalidArgumentError("strobe-device-worker: the first message is no greeting");
  std::istringstream in{std::string(text)};
  Hello hello;
  size_t kernels = 0;
  if (!(in >> std::quoted(hello.protocol))) return damaged;
  if (hello.protocol != protocol_id()) {
    return absl::FailedPreconditionError(
        absl::StrCat("strobe-device-worker is of another build than strobe: it speaks ", protocol_id(), ", strobe ",
                     hello.protocol, "; install both from one build"));
  }
  in >> std::quoted(hello.backend) >> std::quoted(hello.libexec) >> kernels;
  for (size_t i = 0; i < kernels && in; ++i) {
    KernelInfo kernel;
    in >> std::quoted(kernel.name) >> kernel.compute_units >> kernel.parameter_bytes;
    if (!take_list(in, kernel.input_row_bytes) || !take_list(in, kernel.output_row_bytes)) return damaged;
    hello.kernels.push_back(std::move(kernel));
  }
  if (in.fail()) return damaged;
  return hello;
}

void copy_text(std::span<char> to, std::string_view text) {
  const size_t size = std::min(text.size(), to.size() - 1);
  std::memcpy(to.data(), text.data(), size);
  to[size] = '\0';
}

Answer answer(const absl::Status& status) {
  Answer out;
  out.code = static_cast<uint32_t>(status.code());
  copy_text(out.text, std::string_view(status.message().data(), status.message().size()));
  return out;
}

absl::Status status_of(uint32_t code, std::string_view text) {
  return code == 0 ? absl::OkStatus()
                   : absl::Status(static_cast<absl::StatusCode>(code), absl::string_view(text.data(), text.size()));
}

std::optional<Layout> slot_layout(const KernelInfo& kernel, size_t rows) {
  Layout layout;
  if (rows == 0 || rows > UINT32_MAX ||
      !add_buffers(kernel.input_row_bytes, rows, layout.input_offsets, layout.input_bytes, layout.total) ||
      !add_buffers(kernel.output_row_bytes, rows, layout.output_offsets, layout.output_bytes, layout.total)) {
    return std::nullopt;
  }
  return layout;
}

bool send_message(int socket, const void* bytes, size_t size, int fd) {
  iovec part{const_cast<void*>(bytes), size};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = room;
    message.msg_controllen = sizeof room;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t n = 0;
  do {
    n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(size);
}

size_t receive_message(int socket, void* bytes, size_t size, int* fd) {
  iovec part{bytes, size};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  ssize_t n = 0;
  do {
    n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (fd) *fd = -1;
  for (cmsghdr* header = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr; header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_type != SCM_RIGHTS) continue;
    int got = -1;
    std::memcpy(&got, CMSG_DATA(header), sizeof got);
    if (fd)
      *fd = got;
    else
      ::close(got);
  }
  return n > 0 ? static_cast<size_t>(n) : 0;
}

}  // namespace strobe::device::worker
