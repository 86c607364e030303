#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "host/device/device.h"

namespace strobe::device {

/// A slot's tensors in this process's memory, each on pages of its own (XRT pins pages).
class HostBuffers {
 public:
  /// Nullopt where the memory is not to be had.
  static std::optional<HostBuffers> make(const KernelInfo& kernel, size_t rows);

  const std::vector<std::span<std::byte>>& inputs() const { return inputs_; }
  const std::vector<std::span<std::byte>>& outputs() const { return outputs_; }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::vector<std::span<std::byte>> inputs_, outputs_;
};

}  // namespace strobe::device
