#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "host/scouting/sources/descriptor_source.h"
#include "host/scouting/sources/file_source.h"
#include "host/scouting/sources/gzip_source.h"
#include "host/scouting/sources/interrupt.h"
#include "host/scouting/sources/source.h"
#include "host/scouting/sources/tcp_source.h"

namespace strobe::scouting {
namespace {

constexpr char kConnect[] = "tcp://", kListen[] = "tcp-listen://", kDevice[] = "dma:", kStandardInput[] = "-";

absl::StatusOr<std::unique_ptr<ByteSource>> open_file(const std::string& path, Interrupt interrupt,
                                                      const SourceOptions& options) {
  absl::StatusOr<std::shared_ptr<const files::MappedFile>> file = files::MappedFile::open(path);
  if (!file.ok()) return file.status();
  if (GzipSource::is_gzip((*file)->bytes())) {
    return GzipSource::open(path, *std::move(file), std::move(interrupt), options);
  }
  return std::make_unique<FileSource>(path, *std::move(file), std::move(interrupt), options);
}

absl::Status without_rate(const std::string& address, const SourceOptions& options) {
  if (options.rate == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("source '", address, "': a rate is for files and standard input; this sender has its own"));
}

struct HostAndPort {
  std::string host, port;
};

/// "host:port", "[::1]:port".
absl::StatusOr<HostAndPort> parse_peer(const std::string& address, const std::string& text) {
  const size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    host.clear();  // an IPv6 address without brackets: where its port begins cannot be told
  }
  int port = -1;
  if (colon == std::string::npos || host.empty() || !absl::SimpleAtoi(text.substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "source '", address, "': expected a host and a port from 0 to 65535, as in '127.0.0.1:9000' or '[::1]:9000'"));
  }
  return HostAndPort{host, absl::StrCat(port)};
}

}  // namespace

bool is_file_address(const std::string& address) {
  return !address.starts_with(kConnect) && !address.starts_with(kListen) && !address.starts_with(kDevice) &&
         address != kStandardInput;
}

absl::StatusOr<std::unique_ptr<ByteSource>> open_source(const std::string& address, const SourceOptions& options) {
  if (!std::isfinite(options.rate) || options.rate < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("source '", address, "': expected a rate of 0 (no limit) or more, found ", options.rate));
  }
  absl::StatusOr<Interrupt> interrupt = Interrupt::create();
  if (!interrupt.ok()) return interrupt.status();
  const auto after = [&address](const std::string& prefix) {
    return address.starts_with(prefix) ? address.substr(prefix.size()) : std::string();
  };
  for (const bool listen : {false, true}) {
    const std::string peer = after(listen ? kListen : kConnect);
    if (peer.empty()) continue;
    const absl::StatusOr<HostAndPort> parsed = parse_peer(address, peer);
    if (!parsed.ok()) return parsed.status();
    if (absl::Status s = without_rate(address, options); !s.ok()) return s;
    return open_tcp(parsed->host, parsed->port, listen, *std::move(interrupt), options);
  }
  if (const std::string path = after(kDevice); !path.empty()) {
    if (absl::Status s = without_rate(address, options); !s.ok()) return s;
    return DescriptorSource::open_device(path, *std::move(interrupt), options);
  }
  if (address == kStandardInput) return DescriptorSource::standard_input(*std::move(interrupt), options);
  if (const std::string path = after("file:"); !path.empty()) return open_file(path, *std::move(interrupt), options);
  if (address.empty() || address.find("://") != std::string::npos || address == "file:" || address == kDevice) {
    return absl::InvalidArgumentError(absl::StrCat("source '", address,
                                                   "': expected 'tcp://host:port', 'tcp-listen://host:port', "
                                                   "'dma:/dev/...', 'file:PATH', a path, or '-'"));
  }
  return open_file(address, *std::move(interrupt), options);
}

}  // namespace strobe::scouting
