#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "platform/emulation/device_memory.h"
#include "platform/emulation/kernel_abi.h"

/// The compute units of an emulated card: a thread each, which runs the kernel library's function for every run in its
/// queue.
namespace strobe::emulation {

class KernelUnits {
 public:
  /// `memory` is the card's address 0.
  KernelUnits(Control& control, unsigned char* memory) : control_(control), memory_(memory) {}
  ~KernelUnits() { stop(); }
  KernelUnits(const KernelUnits&) = delete;
  KernelUnits& operator=(const KernelUnits&) = delete;

  /// Opens the library and starts a thread for each instance in the metadata. Empty, or what is wrong.
  std::string load(const std::string& library_path, const std::string& metadata_path);

  /// Ends the threads after their current runs; runs still queued are dropped.
  void stop();

 private:
  struct Instance {
    const strobe_emulated_kernel* kernel;
    Unit* unit;
  };
  void serve(const Instance& instance);
  void run(const Instance& instance, const uint32_t* registers);
  std::string add_instances(const struct strobe_emulated_library& library, const std::string& metadata_path);

  Control& control_;
  unsigned char* memory_;
  void* library_ = nullptr;
  std::atomic<bool> stopping_{false};
  std::vector<Instance> instances_;
  std::vector<std::thread> threads_;
};

}  // namespace strobe::emulation
