#include "host/device/card.h"

#include <dlfcn.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace strobe::device {

absl::StatusOr<const CardPlugin*> load_card_plugin(const std::string& libexec, std::string_view backend) {
  const std::string path = absl::StrCat(libexec, "/libstrobe_", std::string(backend), ".so");
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return absl::NotFoundError(absl::StrCat("XRT cannot be used: ", ::dlerror()));
  auto entry = reinterpret_cast<CardPluginEntry>(::dlsym(library, kCardPluginEntry));
  if (!entry) return absl::UnavailableError(absl::StrCat("'", path, "' is no device plugin of strobe's"));
  return entry();
}

std::vector<int> units_of(const xclbin::Xclbin& xclbin, std::string_view kernel) {
  std::vector<int> units;
  for (size_t i = 0; i < xclbin.compute_units.size(); ++i) {
    if (xclbin.kernels[xclbin.compute_units[i].kernel].name == kernel) units.push_back(static_cast<int>(i));
  }
  return units;
}

absl::Status match_kernels(const xclbin::Xclbin& xclbin, std::vector<KernelInfo>& kernels) {
  for (KernelInfo& info : kernels) {
    auto kernel = std::find_if(xclbin.kernels.begin(), xclbin.kernels.end(),
                               [&](const xclbin::Kernel& k) { return k.name == info.name; });
    if (kernel == xclbin.kernels.end())
      return absl::InvalidArgumentError(absl::StrCat("xclbin has no kernel '", info.name, "'"));
    const size_t tensors = info.input_row_bytes.size() + info.output_row_bytes.size();
    const size_t expected = tensors + 1 + (info.parameter_bytes > 0 ? 1 : 0);
    bool fits = kernel->arguments.size() == expected;
    for (size_t i = 0; fits && i < expected; ++i) {
      fits = (kernel->arguments[i].kind == xclbin::Argument::Kind::kMemory) == (i != tensors);
    }
    if (!fits) {
      return absl::InvalidArgumentError(
          absl::StrCat("kernel '", info.name, "': expected ", tensors, " memory arguments and a row count",
                       info.parameter_bytes > 0 ? " and parameters" : "", ", the xclbin describes ",
                       kernel->arguments.size(), " arguments of another kind"));
    }
    info.compute_units = static_cast<int>(units_of(xclbin, info.name).size());
    if (info.compute_units == 0)
      return absl::InvalidArgumentError(absl::StrCat("kernel '", info.name, "' has no compute unit in the xclbin"));
  }
  return absl::OkStatus();
}

absl::Status take_parameters(std::vector<KernelInfo>& kernels, size_t kernel, const Parameters& parameters) {
  if (kernel >= kernels.size() || kernels[kernel].parameter_bytes == 0) {
    return absl::InvalidArgumentError(
        kernel >= kernels.size()
            ? absl::StrCat("parameters for kernel ", kernel, ", the device has ", kernels.size())
            : absl::StrCat("kernel '", kernels[kernel].name, "' takes no parameters, its model is fixed"));
  }
  KernelInfo& info = kernels[kernel];
  if (static_cast<int64_t>(parameters.image.size()) > info.parameter_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("kernel '", info.name, "' takes parameters of ",
                                                     info.parameter_bytes, " bytes, found ", parameters.image.size()));
  }
  if (parameters.input_row_bytes.size() != info.input_row_bytes.size() ||
      parameters.output_row_bytes.size() != info.output_row_bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("kernel '", info.name, "' has ", info.input_row_bytes.size(), " inputs and ",
                     info.output_row_bytes.size(), " outputs, its parameters speak of ",
                     parameters.input_row_bytes.size(), " and ", parameters.output_row_bytes.size()));
  }
  info.input_row_bytes = parameters.input_row_bytes;
  info.output_row_bytes = parameters.output_row_bytes;
  return absl::OkStatus();
}

absl::Status check_slot(const std::vector<KernelInfo>& kernels, size_t kernel, int unit, size_t rows, bool parameters) {
  if (kernel >= kernels.size())
    return absl::InvalidArgumentError(absl::StrCat("slot for kernel ", kernel, ", the device has ", kernels.size()));
  if (unit < 0 || unit >= kernels[kernel].compute_units) {
    return absl::InvalidArgumentError(absl::StrCat("slot on compute unit ", unit, " of kernel '", kernels[kernel].name,
                                                   "', which has ", kernels[kernel].compute_units));
  }
  if (rows == 0 || rows > UINT32_MAX)
    return absl::InvalidArgumentError(absl::StrCat("slot of ", rows, " rows, expected 1 to ", UINT32_MAX));
  if (kernels[kernel].parameter_bytes > 0 && !parameters) {
    return absl::FailedPreconditionError(
        absl::StrCat("kernel '", kernels[kernel].name, "' takes parameters, and none are loaded"));
  }
  return absl::OkStatus();
}

}  // namespace strobe::device
