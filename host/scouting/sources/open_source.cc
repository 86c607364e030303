#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/scouting/core/peer_address.h"
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
    const std::optional<PeerAddress> parsed = parse_peer_address(peer);
    if (!parsed) {
      return absl::InvalidArgumentError(
          absl::StrCat("source '", address,
                       "': expected a host and a port from 0 to 65535, as in '127.0.0.1:9000' or '[::1]:9000'"));
    }
    if (absl::Status s = without_rate(address, options); !s.ok()) return s;
    return open_tcp(parsed->host, absl::StrCat(parsed->port), listen, *std::move(interrupt), options);
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
