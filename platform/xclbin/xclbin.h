#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

/// Xclbins (container format `axlf`, "xclbin2"): what a card or an emulated card is loaded with. Knows nothing of
/// models.
namespace strobe::xclbin {

/// What an xclbin can be loaded into.
enum class Target {
  kEmulator,  ///< only strobe's in-process emulator: no kernel code, the model is in `user_metadata`
  kSwEmu,     ///< XRT's software emulation: the bitstream is a shared library
  kHwEmu,     ///< XRT's hardware emulation: the bitstream is a zip with a simulation
  kHw,        ///< a card
};

/// "emulator", "sw_emu", "hw_emu" or "hw".
std::string_view target_name(Target target);

/// How a compute unit is started and tells that it is done (the kernel's block-level protocol).
enum class Control { kHandshake, kChain, kNone };

/// One argument of a kernel, in the order of its C signature.
struct Argument {
  enum class Kind { kScalar, kMemory, kStream };
  std::string name;
  Kind kind = Kind::kScalar;
  uint32_t offset = 0;  ///< of its first register, bytes from the compute unit's base
  uint32_t size = 4;    ///< bytes of registers: 8 for a memory argument, 4 or 8 for a scalar
  std::string type;     ///< as in the C signature: "void*", "unsigned int"
  std::string port;     ///< the AXI master of a memory argument, else "S_AXI_CONTROL"
};

struct Kernel {
  std::string name;
  Control control = Control::kChain;
  uint32_t address_range = 0x10000;  ///< bytes of registers of each compute unit
  std::vector<Argument> arguments;
};

/// An instance of a kernel. Base addresses are unique, and ascending over `Xclbin::compute_units`.
struct ComputeUnit {
  int kernel = 0;  ///< index into `Xclbin::kernels`
  std::string instance;
  uint64_t base_address = 0;
};

struct MemoryBank {
  enum class Type : uint8_t { kDdr3 = 0, kDdr4 = 1, kDram = 2, kStreaming = 3, kHbm = 6, kHost = 10 };
  std::string tag;  ///< such as "DDR[0]"; at most 15 bytes
  Type type = Type::kDdr4;
  uint64_t base_address = 0;
  uint64_t size_kib = 0;
  bool used = true;
};

/// Says that a compute unit's memory argument lives in a bank.
struct Connection {
  int compute_unit = 0;
  int argument = 0;
  int bank = 0;
};

/// What an xclbin says. Made by a compiler and given to `write`, or got from `read`.
struct Xclbin {
  Target target = Target::kEmulator;
  std::string platform;  ///< vendor:board:name:version, such as "xilinx:u250:gen3x16_xdma_4_1:202210.1"
  std::string part;      ///< such as "xcu250-figd2104-2L-e"
  std::string project = "kernel";
  std::vector<Kernel> kernels;
  std::vector<ComputeUnit> compute_units;
  std::vector<MemoryBank> banks;
  std::vector<Connection> connections;
  std::string bitstream;           ///< shared library (sw_emu), zip (hw_emu), bitstream (hw); empty for kEmulator
  std::string user_metadata;       ///< opaque bytes of the maker's
  std::array<uint8_t, 16> uuid{};  ///< set by `read`; `write` derives it from the content
  std::shared_ptr<const std::string> image;  ///< set by `read`: the whole file, as XRT wants it
};

/// The file's bytes. Equal descriptions give equal bytes (no time stamp; the UUID is a digest of the content).
/// InvalidArgument where the description contradicts itself or a name does not fit the format.
absl::StatusOr<std::string> write(const Xclbin& xclbin);

/// Describes an xclbin made by `write` or by v++; sections that it does not know are left alone. Safe for any bytes.
/// InvalidArgument for what is no xclbin; DataLoss for one that is cut short or, if strobe made it, has a changed byte.
absl::StatusOr<Xclbin> read(std::string bytes);

/// An xclbin that another tool made (v++) with one more section, USER_METADATA; UUID and everything else stay as they
/// are. InvalidArgument for what is no xclbin or has such a section already.
absl::StatusOr<std::string> with_user_metadata(const std::string& image, std::string_view user_metadata);

/// One thing that is wrong with an xclbin: where, and what was found against what was expected.
struct Finding {
  std::string section;
  std::string text;
};

/// Everything that is wrong with an xclbin: structure, sizes, alignment, UUID, and whether EMBEDDED_METADATA agrees
/// with IP_LAYOUT, CONNECTIVITY and MEM_TOPOLOGY. Empty for a sound one. Safe for any bytes.
std::vector<Finding> check(std::string_view bytes);

/// The UUID in its usual text form.
std::string uuid_text(const std::array<uint8_t, 16>& uuid);

}  // namespace strobe::xclbin
