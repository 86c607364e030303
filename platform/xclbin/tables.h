#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/xclbin/xclbin.h"

/// The binary tables of an xclbin: MEM_TOPOLOGY, IP_LAYOUT, CONNECTIVITY.
namespace strobe::xclbin {

struct IpEntry {
  uint32_t type = 0;
  uint32_t properties = 0;
  uint64_t base_address = 0;
  std::string name;  ///< "kernel:instance" for a compute unit
};

struct ConnectionEntry {
  int32_t argument = 0, ip = 0, bank = 0;
};

absl::StatusOr<std::vector<MemoryBank>> read_memory(std::string_view section);
absl::StatusOr<std::vector<IpEntry>> read_ips(std::string_view section);
absl::StatusOr<std::vector<ConnectionEntry>> read_connections(std::string_view section);

/// The protocol in an entry's properties.
Control control_of(const IpEntry& entry);

}  // namespace strobe::xclbin
