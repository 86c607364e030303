#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

/// The accelerator cards that strobe knows, one data file each in this folder. A new card is a new file.
namespace strobe::boards {

struct Resources {
  int64_t luts = 0, flip_flops = 0, dsps = 0;
  int64_t bram_18k = 0;  ///< blocks of 18 Kib
  int64_t urams = 0;     ///< blocks of 288 Kib
};

/// Part of the chip that is one die: wires between dies are few and slow.
struct Slr {
  std::string name;  ///< "SLR0", as v++ spells it
  Resources resources;
};

struct Bank {
  std::string tag;   ///< as v++ spells it: "DDR[0]", "HBM[3]"
  std::string kind;  ///< "DDR4", "HBM" or "PLRAM"
  uint64_t base_address = 0, size_bytes = 0;
  int slr = 0;  ///< that it is attached to
};

struct Board {
  std::string name;      ///< as the user writes it: "u250"
  std::string title;     ///< "AMD Alveo U250"
  std::string part;      ///< "xcu250-figd2104-2L-e"
  std::string platform;  ///< for v++ --platform: "xilinx_u250_gen3x16_xdma_4_1_202210_1"
  std::string vbnv;      ///< the same as xclbins spell it: "xilinx:u250:gen3x16_xdma_4_1:202210.1"
  double default_clock_mhz = 0, maximum_clock_mhz = 0;
  Resources resources;  ///< of the whole chip
  std::vector<Slr> slrs;
  std::vector<Bank> banks;
};

/// All boards, by name.
const std::vector<Board>& all();

/// NotFound with the list of those there are.
absl::StatusOr<const Board*> find(std::string_view name);

/// One board's data file. InvalidArgument names the key, what was expected and found.
absl::StatusOr<Board> parse(const std::string& yaml);

}  // namespace strobe::boards
