#include <algorithm>
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "platform/xclbin/axlf.h"
#include "platform/xclbin/metadata.h"
#include "platform/xclbin/xclbin.h"

namespace strobe::xclbin {
namespace {

using axlf::put16;
using axlf::put32;
using axlf::put64;

constexpr size_t kMaxComputeUnits = 128;  ///< of XRT's schedulers

absl::Status bad(std::string text) { return absl::InvalidArgumentError(absl::StrCat("xclbin description: ", text)); }

/// Names become C symbols, Verilog modules and parts of "kernel:instance".
bool is_identifier(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return c < 128 && (std::isalnum(c) || c == '_'); });
}

absl::Status verify_kernel(const Kernel& kernel) {
  if (!is_identifier(kernel.name)) return bad(absl::StrCat("kernel name '", kernel.name, "' is not an identifier"));
  for (const Argument& argument : kernel.arguments) {
    const std::string what = absl::StrCat("kernel '", kernel.name, "', argument '", argument.name, "': ");
    if (!is_identifier(argument.name)) return bad(what + "name is not an identifier");
    if (argument.kind == Argument::Kind::kMemory && !is_identifier(argument.port))
      return bad(what + "a memory argument needs a port");
    if (argument.offset % 4 != 0 || argument.offset < 0x10 || argument.offset >= kernel.address_range ||
        kernel.address_range - argument.offset < argument.size) {
      return bad(absl::StrCat(what, "offset ", argument.offset, " with size ", argument.size,
                              " does not fit in registers 16 to ", kernel.address_range));
    }
  }
  return absl::OkStatus();
}

absl::Status verify_units(const Xclbin& xclbin) {
  if (xclbin.compute_units.size() > kMaxComputeUnits) {
    return bad(absl::StrCat(xclbin.compute_units.size(), " compute units, XRT drives at most ", kMaxComputeUnits));
  }
  std::set<std::string> names;
  for (size_t i = 0; i < xclbin.compute_units.size(); ++i) {
    const ComputeUnit& unit = xclbin.compute_units[i];
    const std::string what = absl::StrCat("compute unit '", unit.instance, "': ");
    if (unit.kernel < 0 || unit.kernel >= static_cast<int>(xclbin.kernels.size()))
      return bad(absl::StrCat(what, "kernel ", unit.kernel, " does not exist"));
    if (!is_identifier(unit.instance)) return bad(what + "name is not an identifier");
    const Kernel& kernel = xclbin.kernels[unit.kernel];
    if (kernel.name.size() + unit.instance.size() + 2 > axlf::kIpNameSize)
      return bad(what + "kernel:instance is longer than 62 letters");
    if (!names.insert(kernel.name + ":" + unit.instance).second) return bad(what + "name is used twice");
    if (unit.base_address > UINT32_MAX) return bad(what + "base address is above 4 GiB");
    if (i > 0) {
      const ComputeUnit& previous = xclbin.compute_units[i - 1];
      if (unit.base_address < previous.base_address + xclbin.kernels[previous.kernel].address_range) {
        return bad(absl::StrCat(what, "base address ", unit.base_address, " lies below the end of the unit before it"));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status verify_memory(const Xclbin& xclbin) {
  for (const MemoryBank& bank : xclbin.banks) {
    if (bank.tag.empty() || bank.tag.size() >= axlf::kTagSize)
      return bad(absl::StrCat("memory bank '", bank.tag, "': tag must have 1 to 15 letters"));
  }
  std::set<std::pair<int, int>> connected;
  for (const Connection& connection : xclbin.connections) {
    const auto& [unit, argument, bank] = connection;
    if (unit < 0 || unit >= static_cast<int>(xclbin.compute_units.size()))
      return bad(absl::StrCat("connection of compute unit ", unit, ", which does not exist"));
    const Kernel& kernel = xclbin.kernels[xclbin.compute_units[unit].kernel];
    if (argument < 0 || argument >= static_cast<int>(kernel.arguments.size()))
      return bad(
          absl::StrCat("connection of argument ", argument, " of kernel '", kernel.name, "', which does not exist"));
    if (kernel.arguments[argument].kind != Argument::Kind::kMemory)
      return bad(absl::StrCat("argument '", kernel.arguments[argument].name, "' is connected to memory but is none"));
    if (bank < 0 || bank >= static_cast<int>(xclbin.banks.size()) || !xclbin.banks[bank].used)
      return bad(absl::StrCat("connection to memory bank ", bank, ", which does not exist or is unused"));
    if (!connected.emplace(unit, argument).second)
      return bad(absl::StrCat("argument '", kernel.arguments[argument].name, "' is connected twice"));
  }
  for (size_t unit = 0; unit < xclbin.compute_units.size(); ++unit) {
    const Kernel& kernel = xclbin.kernels[xclbin.compute_units[unit].kernel];
    for (size_t a = 0; a < kernel.arguments.size(); ++a) {
      if (kernel.arguments[a].kind == Argument::Kind::kMemory &&
          !connected.contains({static_cast<int>(unit), static_cast<int>(a)})) {
        return bad(absl::StrCat("compute unit '", xclbin.compute_units[unit].instance, "': argument '",
                                kernel.arguments[a].name, "' is connected to no memory bank"));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status verify(const Xclbin& xclbin) {
  if (std::count(xclbin.platform.begin(), xclbin.platform.end(), ':') != 3 ||
      xclbin.platform.size() >= axlf::kVbnvSize) {
    return bad(absl::StrCat("platform '", xclbin.platform, "' is not vendor:board:name:version in at most 63 letters"));
  }
  if (xclbin.target == Target::kEmulator && !xclbin.bitstream.empty())
    return bad("target emulator has no bitstream, but one is given");
  if (xclbin.target != Target::kEmulator && xclbin.bitstream.empty())
    return bad(absl::StrCat("target ", std::string(target_name(xclbin.target)), " needs a bitstream"));
  if (xclbin.kernels.empty()) return bad("no kernel");
  std::set<std::string> names;
  for (const Kernel& kernel : xclbin.kernels) {
    if (absl::Status status = verify_kernel(kernel); !status.ok()) return status;
    if (!names.insert(kernel.name).second) return bad(absl::StrCat("kernel name '", kernel.name, "' is used twice"));
  }
  if (absl::Status status = verify_units(xclbin); !status.ok()) return status;
  return verify_memory(xclbin);
}

std::string memory_section(const Xclbin& xclbin) {
  std::string out(axlf::kMemDataStart + xclbin.banks.size() * axlf::kMemDataSize, '\0');
  put32(out, 0, static_cast<uint32_t>(xclbin.banks.size()));
  for (size_t i = 0; i < xclbin.banks.size(); ++i) {
    const MemoryBank& bank = xclbin.banks[i];
    const size_t at = axlf::kMemDataStart + i * axlf::kMemDataSize;
    out[at] = static_cast<char>(bank.type);
    out[at + 1] = bank.used ? 1 : 0;
    put64(out, at + 8, bank.size_kib);
    put64(out, at + 16, bank.base_address);
    std::memcpy(out.data() + at + 24, bank.tag.data(), bank.tag.size());
  }
  return out;
}

uint32_t control_code(Control control) { return control == Control::kChain ? 1 : control == Control::kNone ? 2 : 0; }

std::string ip_section(const Xclbin& xclbin) {
  std::string out(axlf::kIpDataStart + xclbin.compute_units.size() * axlf::kIpDataSize, '\0');
  put32(out, 0, static_cast<uint32_t>(xclbin.compute_units.size()));
  for (size_t i = 0; i < xclbin.compute_units.size(); ++i) {
    const ComputeUnit& unit = xclbin.compute_units[i];
    const Kernel& kernel = xclbin.kernels[unit.kernel];
    const size_t at = axlf::kIpDataStart + i * axlf::kIpDataSize;
    put32(out, at, axlf::kIpKernel);
    put32(out, at + 4, axlf::kIpInterruptEnable | control_code(kernel.control) << axlf::kIpControlShift);
    put64(out, at + 8, unit.base_address);
    const std::string name = kernel.name + ":" + unit.instance;
    std::memcpy(out.data() + at + 16, name.data(), name.size());
  }
  return out;
}

std::string connectivity_section(const Xclbin& xclbin) {
  std::string out(axlf::kConnectionStart + xclbin.connections.size() * axlf::kConnectionSize, '\0');
  put32(out, 0, static_cast<uint32_t>(xclbin.connections.size()));
  for (size_t i = 0; i < xclbin.connections.size(); ++i) {
    const size_t at = axlf::kConnectionStart + i * axlf::kConnectionSize;
    put32(out, at, static_cast<uint32_t>(xclbin.connections[i].argument));
    put32(out, at + 4, static_cast<uint32_t>(xclbin.connections[i].compute_unit));
    put32(out, at + 8, static_cast<uint32_t>(xclbin.connections[i].bank));
  }
  return out;
}

std::string build_section(const Xclbin& xclbin) {
  return absl::StrCat(axlf::kMaker.data(), "},\"target\":\"", std::string(target_name(xclbin.target)), "\"}}\n");
}

uint16_t mode_of(Target target) {
  switch (target) {
    case Target::kSwEmu:
      return axlf::kSwEmu;
    case Target::kHwEmu:
      return axlf::kHwEmu;
    default:
      return axlf::kFlat;
  }
}

std::string header(const Xclbin& xclbin) {
  std::string out(axlf::kHeaderEnd, '\0');
  std::memcpy(out.data(), axlf::kMagic.data(), axlf::kMagic.size());
  put32(out, axlf::kSignatureLengthAt, 0xFFFFFFFF);
  std::memset(out.data() + axlf::kReservedAt, 0xFF, 28);
  out[axlf::kMajorAt] = 2;
  out[axlf::kMinorAt] = 13;  // the XRT release whose format this is
  put16(out, axlf::kModeAt, mode_of(xclbin.target));
  std::memcpy(out.data() + axlf::kVbnvAt, xclbin.platform.data(), xclbin.platform.size());
  return out;
}

}  // namespace

std::string_view target_name(Target target) {
  switch (target) {
    case Target::kEmulator:
      return "emulator";
    case Target::kSwEmu:
      return "sw_emu";
    case Target::kHwEmu:
      return "hw_emu";
    case Target::kHw:
      return "hw";
  }
  return "unknown";
}

absl::StatusOr<std::string> write(const Xclbin& xclbin) {
  if (absl::Status status = verify(xclbin); !status.ok()) return status;
  std::vector<std::pair<axlf::Section, std::string>> sections;
  if (!xclbin.bitstream.empty()) sections.emplace_back(axlf::kBitstream, xclbin.bitstream);
  sections.emplace_back(axlf::kEmbeddedMetadata, write_metadata(xclbin));
  sections.emplace_back(axlf::kMemTopology, memory_section(xclbin));
  sections.emplace_back(axlf::kIpLayout, ip_section(xclbin));
  sections.emplace_back(axlf::kConnectivity, connectivity_section(xclbin));
  sections.emplace_back(axlf::kBuildMetadata, build_section(xclbin));
  if (!xclbin.user_metadata.empty()) sections.emplace_back(axlf::kUserMetadata, xclbin.user_metadata);

  std::string out = header(xclbin);
  out.resize(axlf::kHeaderEnd + sections.size() * axlf::kSectionHeaderSize, '\0');
  for (size_t i = 0; i < sections.size(); ++i) {
    out.resize((out.size() + 7) / 8 * 8, '\0');
    const size_t at = axlf::kHeaderEnd + i * axlf::kSectionHeaderSize;
    put32(out, at, sections[i].first);
    put64(out, at + 24, out.size());
    put64(out, at + 32, sections[i].second.size());
    out += sections[i].second;
  }
  put64(out, axlf::kLengthAt, out.size());
  put32(out, axlf::kSectionCountAt, static_cast<uint32_t>(sections.size()));
  const auto uuid = axlf::digest_uuid(out);
  std::memcpy(out.data() + axlf::kUuidAt, uuid.data(), uuid.size());
  std::memcpy(out.data() + axlf::kUniqueIdAt, uuid.data(), 8);
  return out;
}

}  // namespace strobe::xclbin
