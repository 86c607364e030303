#pragma once

#include <string>

#include "platform/xclbin/xclbin.h"

/// The xclbin of the test kernel with `units` compute units.
inline strobe::xclbin::Xclbin test_xclbin(strobe::xclbin::Target target, int units, std::string bitstream) {
  using namespace strobe::xclbin;
  Xclbin x;
  x.target = target;
  x.platform = "xilinx:u250:gen3x16_xdma_4_1:202210.1";
  x.part = "xcu250-figd2104-2L-e";
  Kernel kernel;
  kernel.name = "twice";
  kernel.arguments = {{"in", Argument::Kind::kMemory, 0x10, 8, "void*", "M_AXI_GMEM0"},
                      {"out", Argument::Kind::kMemory, 0x1c, 8, "void*", "M_AXI_GMEM1"},
                      {"rows", Argument::Kind::kScalar, 0x28, 4, "unsigned int", ""}};
  x.kernels = {kernel};
  x.banks = {{"DDR[0]", MemoryBank::Type::kDdr4, 0, 16u << 20, true}};
  for (int i = 0; i < units; ++i) {
    x.compute_units.push_back({0, "twice_" + std::to_string(i + 1), 0x10000u * (i + 1)});
    x.connections.push_back({i, 0, 0});
    x.connections.push_back({i, 1, 0});
  }
  x.bitstream = std::move(bitstream);
  x.user_metadata = "test";
  return x;
}
