#include "kernels/compile/kernel_table.h"

#include <algorithm>

namespace strobe::compile {
namespace {

constexpr uint64_t kFirstBaseAddress = 0x1400000;
constexpr uint32_t kAddressRange = 0x10000;

xclbin::Argument argument(const hls::KernelArgument& source) {
  xclbin::Argument result;
  result.name = source.name;
  result.kind = source.is_memory ? xclbin::Argument::Kind::kMemory : xclbin::Argument::Kind::kScalar;
  result.offset = source.offset;
  result.size = source.size;
  result.type = source.is_memory ? "void*" : "unsigned int";
  result.port = source.is_memory ? source.port : "S_AXI_CONTROL";
  return result;
}

xclbin::MemoryBank bank(const boards::Bank& source) {
  xclbin::MemoryBank result;
  result.tag = source.tag.substr(0, 15);
  result.type = source.kind == "HBM"     ? xclbin::MemoryBank::Type::kHbm
                : source.kind == "PLRAM" ? xclbin::MemoryBank::Type::kDram
                                         : xclbin::MemoryBank::Type::kDdr4;
  result.base_address = source.base_address;
  result.size_kib = source.size_bytes / 1024;
  result.used = false;
  return result;
}

/// The bank that a placement names; the first where it names none.
int bank_of(const std::vector<xclbin::MemoryBank>& banks, const std::vector<hls::Placement>& placement, size_t unit) {
  if (unit >= placement.size()) return 0;
  auto it =
      std::find_if(banks.begin(), banks.end(), [&](const auto& b) { return b.tag == placement[unit].memory_bank; });
  return it == banks.end() ? 0 : static_cast<int>(it - banks.begin());
}

}  // namespace

xclbin::Xclbin describe_kernels(const hls::Project& project, const boards::Board& board, xclbin::Target target) {
  xclbin::Xclbin result;
  result.target = target;
  result.platform = board.vbnv;
  result.part = board.part;
  for (const boards::Bank& b : board.banks) result.banks.push_back(bank(b));
  uint64_t base = kFirstBaseAddress;
  for (const hls::KernelDescription& source : project.kernels) {
    const auto index = static_cast<int>(result.kernels.size());
    xclbin::Kernel kernel;
    kernel.name = source.name;
    kernel.address_range = kAddressRange;
    for (const hls::KernelArgument& a : source.arguments) kernel.arguments.push_back(argument(a));
    for (size_t u = 0; u < source.compute_units.size(); ++u) {
      const auto unit = static_cast<int>(result.compute_units.size());
      result.compute_units.push_back({index, source.compute_units[u], base});
      base += kAddressRange;
      const int b = bank_of(result.banks, source.placement, u);
      for (size_t a = 0; a < kernel.arguments.size(); ++a) {
        if (kernel.arguments[a].kind != xclbin::Argument::Kind::kMemory) continue;
        result.connections.push_back({unit, static_cast<int>(a), b});
        if (!result.banks.empty()) result.banks[b].used = true;
      }
    }
    result.kernels.push_back(std::move(kernel));
  }
  return result;
}

}  // namespace strobe::compile
