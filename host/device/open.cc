#include "host/device/open.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "host/device/card.h"
#include "host/device/card_device.h"
#include "host/device/emulator_device.h"
#include "host/device/libexec.h"
#include "host/device/worker_device.h"

namespace strobe::device {
namespace {

using xclbin::Target;
using xclbin::Xclbin;

constexpr int kMaxEmulatedCards = 16;

/// "xrt:1" and "opencl:0" taken apart.
struct CardId {
  std::string backend;
  int index = 0;
  std::string text;
};

std::optional<CardId> parse_card(std::string_view id) {
  const size_t colon = id.find(':');
  CardId card{std::string(id.substr(0, colon)), 0, std::string(id)};
  if (card.backend != "xrt" && card.backend != "opencl") return std::nullopt;
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view number = id.substr(colon + 1);
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), card.index);
  if (error != std::errc() || end != number.data() + number.size() || card.index < 0) return std::nullopt;
  return card;
}

/// XRT's library takes a while to load and prints to the console where there is no card; the kernel driver says it
/// sooner.
bool driver_has_cards() {
  for (const char* driver : {"/sys/bus/pci/drivers/xocl", "/sys/bus/pci/drivers/xuser"}) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(driver, error)) {
      if (entry.is_symlink() && entry.path().filename().string().find(':') != std::string::npos) return true;
    }
  }
  return false;
}

absl::StatusOr<std::vector<std::string>> card_names(const std::string& libexec, std::string_view backend,
                                                    const CardPlugin*& plugin) {
  plugin = nullptr;
  if (!driver_has_cards()) return std::vector<std::string>();
  // For the OpenCL loader, before its first call: Debian's package ships no file that names XRT to it.
  if (::access("/etc/OpenCL/vendors/xilinx.icd", R_OK) != 0)
    ::setenv("OCL_ICD_VENDORS", (libexec + "/opencl").c_str(), 0);
  auto loaded = load_card_plugin(libexec, backend);
  if (!loaded.ok()) return loaded.status();
  plugin = *loaded;
  return plugin->list();
}

/// Shells call themselves with '_' where xclbins have ':' between vendor, board, name and version.
bool same_platform(std::string_view card, std::string_view xclbin) {
  auto plain = [](std::string_view name) {
    return absl::StrReplaceAll(absl::string_view(name.data(), name.size()), {{":", "_"}, {".", "_"}});
  };
  return plain(card) == plain(xclbin);
}

/// The file as XRT wants it.
absl::StatusOr<std::string> image_of(const Xclbin& xclbin) {
  if (xclbin.image) return *xclbin.image;
  return xclbin::write(xclbin);
}

absl::StatusOr<std::unique_ptr<Device>> open_emulated_card(const Xclbin& xclbin, const CardId& id,
                                                           const OpenOptions& options, std::string why) {
  if (id.index >= kMaxEmulatedCards) {
    return absl::NotFoundError(
        absl::StrCat("device '", id.text, "': emulated cards are numbered 0 to ", kMaxEmulatedCards - 1));
  }
  auto libexec = find_libexec(options.libexec);
  if (!libexec.ok()) return libexec.status();
  std::vector<KernelInfo> kernels = options.kernels;
  if (absl::Status status = match_kernels(xclbin, kernels); !status.ok()) return status;
  auto image = image_of(xclbin);
  if (!image.ok()) return image.status();
  DeviceInfo info{id.text, "", id.backend, "sw_emu", "", std::move(why)};
  return open_worker_device(std::move(info), *libexec, *image, std::move(kernels), options.launch_timeout_ms);
}

absl::StatusOr<std::unique_ptr<Device>> open_real_card(const Xclbin& xclbin, const CardId& id,
                                                       const OpenOptions& options, std::string why) {
  auto libexec = find_libexec(options.libexec);
  if (!libexec.ok()) return libexec.status();
  const CardPlugin* plugin = nullptr;
  auto names = card_names(*libexec, id.backend, plugin);
  if (!names.ok()) return names.status();
  if (id.index >= static_cast<int>(names->size())) {
    return absl::NotFoundError(
        absl::StrCat("device '", id.text, "': this machine has ", names->size(), " cards for an xclbin of target hw"));
  }
  std::vector<KernelInfo> kernels = options.kernels;
  if (absl::Status status = match_kernels(xclbin, kernels); !status.ok()) return status;
  auto image = image_of(xclbin);
  if (!image.ok()) return image.status();
  DeviceInfo info{id.text, "", id.backend, "hw", "", std::move(why)};
  return open_card_device(std::move(info), *plugin, xclbin, id.index, std::move(kernels), *std::move(image));
}

absl::StatusOr<std::unique_ptr<Device>> open_card(const Xclbin& xclbin, const CardId& id, const OpenOptions& options,
                                                  std::string why) {
  switch (xclbin.target) {
    case Target::kEmulator:
      return absl::InvalidArgumentError(absl::StrCat(
          "device '", id.text,
          "': the xclbin was built for target emulator and holds no kernel for a card; build it for sw_emu or hw"));
    case Target::kHwEmu:
      return absl::UnimplementedError(
          absl::StrCat("device '", id.text, "': xclbins of target hw_emu cannot be run yet"));
    case Target::kSwEmu:
      return open_emulated_card(xclbin, id, options, std::move(why));
    case Target::kHw:
      return open_real_card(xclbin, id, options, std::move(why));
  }
  return absl::InternalError("xclbin of an unknown target");
}

absl::StatusOr<std::unique_ptr<Device>> open_in_process(const OpenOptions& options, std::string why) {
  return open_emulator_device(options, absl::StrCat("runs in process: ", why));
}

/// First card whose shell is the xclbin's, or why there is none.
absl::StatusOr<CardId> find_matching_card(const Xclbin& xclbin, const OpenOptions& options) {
  auto libexec = find_libexec(options.libexec);
  if (!libexec.ok()) return libexec.status();
  const CardPlugin* plugin = nullptr;
  auto names = card_names(*libexec, "xrt", plugin);
  if (!names.ok()) return names.status();
  for (size_t i = 0; i < names->size(); ++i) {
    if (same_platform((*names)[i], xclbin.platform)) return CardId{"xrt", static_cast<int>(i), absl::StrCat("xrt:", i)};
  }
  return absl::NotFoundError(
      absl::StrCat("no card with the shell '", xclbin.platform, "' (", names->size(), " cards found)"));
}

absl::StatusOr<std::unique_ptr<Device>> open_auto(const Xclbin& xclbin, const OpenOptions& options) {
  switch (xclbin.target) {
    case Target::kEmulator:
      return open_in_process(options, "the xclbin was built for the emulator");
    case Target::kHwEmu:
      return open_in_process(options, "xclbins of target hw_emu cannot be run by XRT yet");
    case Target::kHw: {
      auto card = find_matching_card(xclbin, options);
      if (!card.ok()) return open_in_process(options, std::string(card.status().message()));
      return open_real_card(xclbin, *card, options,
                            absl::StrCat("card ", card->index, " has the xclbin's shell '", xclbin.platform, "'"));
    }
    case Target::kSwEmu:
      break;
  }
  auto device =
      open_emulated_card(xclbin, {"xrt", 0, "xrt:0"}, options, "the xclbin was built for XRT's software emulation");
  // Where XRT is missing or does not come up the model still runs; an xclbin that XRT refuses is a mistake that must be
  // seen.
  const bool missing = absl::IsNotFound(device.status()) || absl::IsUnavailable(device.status());
  if (missing && options.engine) return open_in_process(options, std::string(device.status().message()));
  return device;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Device>> open_device(const Xclbin& xclbin, std::string_view device_id,
                                                    const OpenOptions& options) {
  if (device_id == "auto") return open_auto(xclbin, options);
  if (device_id == "emulator") return open_emulator_device(options, "named by the user");
  if (auto card = parse_card(device_id)) return open_card(xclbin, *card, options, "named by the user");
  return absl::InvalidArgumentError(
      absl::StrCat("unknown device '", std::string(device_id), "': expected auto, emulator, xrt:N or opencl:N"));
}

std::vector<DeviceInfo> list_devices(const OpenOptions& options) {
  std::vector<DeviceInfo> out;
  if (options.engine) out.push_back({"emulator", "in-process emulator", "emulator", "emulator", "always there", ""});
  auto libexec = find_libexec(options.libexec);
  for (const std::string backend : {"xrt", "opencl"}) {
    const std::string id = backend + ":0";
    if (!libexec.ok()) {
      out.push_back({id, "XRT", backend, "", std::string(libexec.status().message()), ""});
      continue;
    }
    const CardPlugin* plugin = nullptr;
    auto names = card_names(*libexec, backend, plugin);
    for (size_t i = 0; names.ok() && i < names->size(); ++i)
      out.push_back({absl::StrCat(backend, ":", i), (*names)[i], backend, "hw", "card", ""});
    if (!names.ok()) out.push_back({id, "XRT", backend, "", std::string(names.status().message()), ""});
    out.push_back(
        {id, "emulated card", backend, "sw_emu", "XRT's software emulation, for xclbins of target sw_emu", ""});
  }
  return out;
}

}  // namespace strobe::device
