#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "platform/xclbin/axlf.h"
#include "platform/xclbin/metadata.h"
#include "platform/xclbin/tables.h"
#include "platform/xclbin/xclbin.h"

namespace strobe::xclbin {
namespace {

using axlf::get32;
using axlf::get64;

/// The entries of a table that begins with their count.
absl::StatusOr<size_t> entry_count(std::string_view section, std::string_view name, size_t start, size_t size) {
  if (section.size() < start) {
    return absl::DataLossError(
        absl::StrCat(std::string(name), " of the xclbin has ", section.size(), " bytes, expected at least ", start));
  }
  const uint32_t count = get32(section, 0);
  if (count > (section.size() - start) / size) {
    return absl::DataLossError(absl::StrCat(std::string(name), " of the xclbin gives ", count, " entries of ", size,
                                            " bytes, its section has ", section.size(), " bytes"));
  }
  return count;
}

Target target_of(const axlf::File& file, const Metadata& metadata) {
  if (file.mode == axlf::kSwEmu) return Target::kSwEmu;
  if (file.mode == axlf::kHwEmu || file.mode == axlf::kHwEmuPartial) return Target::kHwEmu;
  return metadata.core_target == core_target(Target::kEmulator) ? Target::kEmulator : Target::kHw;
}

/// Compute units come from IP_LAYOUT, which the shell was built with; `unit_of_ip` maps its entries to them.
absl::Status add_units(const std::vector<IpEntry>& ips, Xclbin& out, std::map<int, int>& unit_of_ip) {
  for (size_t i = 0; i < ips.size(); ++i) {
    if (ips[i].type != axlf::kIpKernel) continue;
    const size_t colon = ips[i].name.find(':');
    const std::string kernel_name = ips[i].name.substr(0, colon);
    auto kernel =
        std::find_if(out.kernels.begin(), out.kernels.end(), [&](const Kernel& k) { return k.name == kernel_name; });
    // v++ adds helpers of its own (profiling, host memory) to IP_LAYOUT that are no kernel of the metadata's.
    if (kernel == out.kernels.end()) continue;
    kernel->control = control_of(ips[i]);
    unit_of_ip[static_cast<int>(i)] = static_cast<int>(out.compute_units.size());
    out.compute_units.push_back({static_cast<int>(kernel - out.kernels.begin()),
                                 colon == std::string::npos ? kernel_name : ips[i].name.substr(colon + 1),
                                 ips[i].base_address});
  }
  return absl::OkStatus();
}

absl::Status add_connections(const std::vector<ConnectionEntry>& entries, const std::map<int, int>& unit_of_ip,
                             Xclbin& out) {
  for (const ConnectionEntry& entry : entries) {
    auto unit = unit_of_ip.find(entry.ip);
    if (unit == unit_of_ip.end()) continue;
    const Kernel& kernel = out.kernels[out.compute_units[unit->second].kernel];
    if (entry.argument < 0 || entry.argument >= static_cast<int>(kernel.arguments.size())) {
      return absl::InvalidArgumentError(absl::StrCat("CONNECTIVITY of the xclbin: argument ", entry.argument,
                                                     " of kernel '", kernel.name, "', which has ",
                                                     kernel.arguments.size()));
    }
    if (entry.bank < 0 || entry.bank >= static_cast<int>(out.banks.size())) {
      return absl::InvalidArgumentError(absl::StrCat("CONNECTIVITY of the xclbin: memory bank ", entry.bank,
                                                     ", MEM_TOPOLOGY has ", out.banks.size()));
    }
    out.connections.push_back({unit->second, entry.argument, entry.bank});
  }
  return absl::OkStatus();
}

absl::Status add_tables(const axlf::File& file, Xclbin& out) {
  auto memory = read_memory(file.find(axlf::kMemTopology).value_or(std::string_view()));
  if (!memory.ok()) return memory.status();
  out.banks = *std::move(memory);
  auto ips = read_ips(file.find(axlf::kIpLayout).value_or(std::string_view()));
  if (!ips.ok()) return ips.status();
  std::map<int, int> unit_of_ip;
  if (absl::Status status = add_units(*ips, out, unit_of_ip); !status.ok()) return status;
  auto connections = read_connections(file.find(axlf::kConnectivity).value_or(std::string_view()));
  if (!connections.ok()) return connections.status();
  return add_connections(*connections, unit_of_ip, out);
}

}  // namespace

Control control_of(const IpEntry& entry) {
  switch ((entry.properties & axlf::kIpControlMask) >> axlf::kIpControlShift) {
    case 1:
      return Control::kChain;
    case 2:
      return Control::kNone;
    default:
      return Control::kHandshake;
  }
}

absl::StatusOr<std::vector<MemoryBank>> read_memory(std::string_view section) {
  auto count = entry_count(section, "MEM_TOPOLOGY", axlf::kMemDataStart, axlf::kMemDataSize);
  if (!count.ok()) return count.status();
  std::vector<MemoryBank> banks(*count);
  for (size_t i = 0; i < *count; ++i) {
    const size_t at = axlf::kMemDataStart + i * axlf::kMemDataSize;
    banks[i].type = static_cast<MemoryBank::Type>(section[at]);
    banks[i].used = section[at + 1] != 0;
    banks[i].size_kib = get64(section, at + 8);
    banks[i].base_address = get64(section, at + 16);
    banks[i].tag = axlf::get_text(section, at + 24, axlf::kTagSize);
  }
  return banks;
}

absl::StatusOr<std::vector<IpEntry>> read_ips(std::string_view section) {
  auto count = entry_count(section, "IP_LAYOUT", axlf::kIpDataStart, axlf::kIpDataSize);
  if (!count.ok()) return count.status();
  std::vector<IpEntry> ips(*count);
  for (size_t i = 0; i < *count; ++i) {
    const size_t at = axlf::kIpDataStart + i * axlf::kIpDataSize;
    ips[i] = {get32(section, at), get32(section, at + 4), get64(section, at + 8),
              axlf::get_text(section, at + 16, axlf::kIpNameSize)};
  }
  return ips;
}

absl::StatusOr<std::vector<ConnectionEntry>> read_connections(std::string_view section) {
  auto count = entry_count(section, "CONNECTIVITY", axlf::kConnectionStart, axlf::kConnectionSize);
  if (!count.ok()) return count.status();
  std::vector<ConnectionEntry> connections(*count);
  for (size_t i = 0; i < *count; ++i) {
    const size_t at = axlf::kConnectionStart + i * axlf::kConnectionSize;
    connections[i] = {static_cast<int32_t>(get32(section, at)), static_cast<int32_t>(get32(section, at + 4)),
                      static_cast<int32_t>(get32(section, at + 8))};
  }
  return connections;
}

absl::StatusOr<Xclbin> read(std::string bytes) {
  auto file = axlf::parse(bytes);
  if (!file.ok()) return file.status();
  if (axlf::made_by_strobe(*file) && axlf::digest_uuid(bytes) != file->uuid) {
    return absl::DataLossError("xclbin is damaged: its content does not give the UUID in its header");
  }
  auto xml = file->find(axlf::kEmbeddedMetadata);
  if (!xml) return absl::InvalidArgumentError("xclbin has no EMBEDDED_METADATA, so it names no kernel");
  auto metadata = read_metadata(*xml);
  if (!metadata.ok()) return metadata.status();
  Xclbin out;
  out.target = target_of(*file, *metadata);
  out.platform = file->vbnv;
  out.part = metadata->part;
  out.project = metadata->project;
  out.kernels = std::move(metadata->kernels);
  out.uuid = file->uuid;
  if (absl::Status status = add_tables(*file, out); !status.ok()) return status;
  out.bitstream = file->find(axlf::kBitstream).value_or(std::string_view());
  out.user_metadata = file->find(axlf::kUserMetadata).value_or(std::string_view());
  out.image = std::make_shared<const std::string>(std::move(bytes));
  return out;
}

std::string uuid_text(const std::array<uint8_t, 16>& uuid) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kDigits[uuid[i] >> 4];
    out += kDigits[uuid[i] & 15];
  }
  return out;
}

}  // namespace strobe::xclbin
