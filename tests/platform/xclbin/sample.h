#pragma once

#include "platform/xclbin/xclbin.h"

namespace strobe::xclbin {

/// Two kernels, three compute units, three banks; every field has a value of its own.
inline Xclbin sample(Target target = Target::kSwEmu) {
  Xclbin x;
  x.target = target;
  x.platform = "xilinx:u250:gen3x16_xdma_4_1:202210.1";
  x.part = "xcu250-figd2104-2L-e";
  x.project = "jets <&> \"more\"";
  Kernel jets{"jets", Control::kChain, 0x10000, {}};
  jets.arguments = {{"features", Argument::Kind::kMemory, 0x10, 8, "void*", "M_AXI_GMEM0"},
                    {"scores", Argument::Kind::kMemory, 0x1c, 8, "void*", "M_AXI_GMEM1"},
                    {"rows", Argument::Kind::kScalar, 0x28, 4, "unsigned int", "S_AXI_CONTROL"}};
  Kernel muons{"muons", Control::kHandshake, 0x1000, {}};
  muons.arguments = {{"data", Argument::Kind::kMemory, 0x10, 8, "ap_uint<512>*", "M_AXI_GMEM"},
                     {"flags", Argument::Kind::kScalar, 0x1c, 8, "unsigned long", "S_AXI_CONTROL"}};
  x.kernels = {jets, muons};
  x.compute_units = {{0, "jets_1", 0x10000}, {0, "jets_2", 0x20000}, {1, "muons_1", 0x30000}};
  x.banks = {{"DDR[0]", MemoryBank::Type::kDdr4, 0x4000000000, 16u << 20, true},
             {"DDR[1]", MemoryBank::Type::kDdr4, 0x5000000000, 16u << 20, true},
             {"HOST[0]", MemoryBank::Type::kHost, 0, 1u << 20, true}};
  x.connections = {{0, 0, 0}, {0, 1, 0}, {1, 0, 1}, {1, 1, 1}, {2, 0, 2}};
  if (target == Target::kSwEmu)
    x.bitstream = std::string(
        "\x7F"
        "ELF library",
        11);
  if (target == Target::kHwEmu) x.bitstream = "PK zip";
  if (target == Target::kHw) x.bitstream = "bits of a card";
  x.user_metadata = std::string("a graph\0with zeros", 18);
  return x;
}

}  // namespace strobe::xclbin
