#include "platform/emulation/kernel_units.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "platform/files/file.h"
#include "platform/xclbin/metadata.h"

namespace strobe::emulation {
namespace {

/// The protocol cannot report that a run failed, so the model ends itself and says why; the host reads it from there.
[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "emulated card: %s\n", why.c_str());
  std::fflush(stderr);
  std::_Exit(2);
}

std::string check_kernel(const strobe_emulated_kernel& kernel) {
  if (!kernel.name || !kernel.run) return "kernel library: a kernel without name or function";
  for (uint32_t i = 0; i < kernel.argument_count; ++i) {
    const strobe_emulated_argument& argument = kernel.arguments[i];
    const bool fits =
        argument.offset % 4 == 0 && argument.offset >= 0x10 && argument.offset + argument.size <= kRegisterWords * 4;
    if (!fits || (argument.size != 4 && argument.size != 8)) {
      return absl::StrCat("kernel '", kernel.name, "', argument '", argument.name, "': offset ", argument.offset,
                          " and size ", argument.size, " do not fit in ", kRegisterWords * 4, " bytes of registers");
    }
  }
  return {};
}

}  // namespace

std::string KernelUnits::load(const std::string& library_path, const std::string& metadata_path) {
  stop();
  library_ = ::dlopen(library_path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_) return absl::StrCat("the xclbin's bitstream is no loadable kernel library: ", ::dlerror());
  using Entry = const struct strobe_emulated_library* (*)();
  auto entry = reinterpret_cast<Entry>(::dlsym(library_, "strobe_emulated_library"));
  if (!entry) return "the xclbin's bitstream is a library without strobe's kernel table";
  const struct strobe_emulated_library* library = entry();
  if (!library || library->abi != STROBE_KERNEL_ABI) {
    return absl::StrCat("kernel library has interface ", library ? library->abi : 0, ", this device model ",
                        STROBE_KERNEL_ABI);
  }
  for (uint32_t i = 0; i < library->kernel_count; ++i) {
    if (std::string problem = check_kernel(library->kernels[i]); !problem.empty()) return problem;
  }
  if (std::string problem = add_instances(*library, metadata_path); !problem.empty()) return problem;
  for (const Instance& instance : instances_) threads_.emplace_back([this, instance] { serve(instance); });
  return {};
}

std::string KernelUnits::add_instances(const struct strobe_emulated_library& library,
                                       const std::string& metadata_path) {
  auto xml = files::read_file(metadata_path);
  if (!xml.ok()) return std::string(xml.status().message());
  auto metadata = xclbin::read_metadata(*xml);
  if (!metadata.ok()) return std::string(metadata.status().message());
  if (metadata->compute_units.size() > kMaxUnits)
    return absl::StrCat(metadata->compute_units.size(), " compute units, at most ", kMaxUnits);
  for (const xclbin::ComputeUnit& unit : metadata->compute_units) {
    const xclbin::Kernel& described = metadata->kernels[unit.kernel];
    auto kernel = std::find_if(library.kernels, library.kernels + library.kernel_count,
                               [&](const strobe_emulated_kernel& k) { return described.name == k.name; });
    if (kernel == library.kernels + library.kernel_count)
      return absl::StrCat("kernel library has no kernel '", described.name, "'");
    Unit* slot = &control_.units[instances_.size()];
    slot->base = unit.base_address;
    slot->range = described.address_range;
    slot->submitted = slot->completed = slot->acknowledged = 0;
    instances_.push_back({kernel, slot});
  }
  control_.unit_count.store(static_cast<uint32_t>(instances_.size()), std::memory_order_release);
  return {};
}

void KernelUnits::stop() {
  stopping_ = true;
  control_.unit_count = 0;
  for (const Instance& instance : instances_) {
    instance.unit->submitted.fetch_add(kQueueDepth + 1);  // so that a thread about to sleep sees a change
    futex_wake(instance.unit->submitted);
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  instances_.clear();
  if (library_) ::dlclose(library_);
  library_ = nullptr;
  stopping_ = false;
}

void KernelUnits::serve(const Instance& instance) {
  Unit& unit = *instance.unit;
  for (uint32_t done = 0;;) {
    const uint32_t submitted = unit.submitted.load(std::memory_order_acquire);
    if (stopping_) return;
    if (submitted == done) {
      futex_wait(unit.submitted, submitted, -1);
      continue;
    }
    run(instance, unit.queue[done % kQueueDepth]);
    unit.completed.store(++done, std::memory_order_release);
    control_.events.fetch_add(1, std::memory_order_release);
    futex_wake(control_.events);
  }
}

void KernelUnits::run(const Instance& instance, const uint32_t* registers) {
  const strobe_emulated_kernel& kernel = *instance.kernel;
  std::vector<uint64_t> values(kernel.argument_count);
  for (uint32_t i = 0; i < kernel.argument_count; ++i) {
    const strobe_emulated_argument& argument = kernel.arguments[i];
    std::memcpy(&values[i], registers + argument.offset / 4, argument.size);
    if (!argument.is_memory) continue;
    if (values[i] >= kMemoryBytes) {
      give_up(absl::StrCat("kernel '", kernel.name, "' was started with argument '", argument.name, "' at 0x",
                           absl::Hex(values[i]), ", beyond the card's memory"));
    }
    values[i] = reinterpret_cast<uint64_t>(memory_ + values[i]);
  }
  kernel.run(values.data());
}

}  // namespace strobe::emulation
