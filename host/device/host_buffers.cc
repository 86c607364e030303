#include "host/device/host_buffers.h"

#include <algorithm>
#include <cstring>

#include "host/device/worker_protocol.h"

namespace strobe::device {

std::optional<HostBuffers> HostBuffers::make(const KernelInfo& kernel, size_t rows) {
  auto layout = worker::slot_layout(kernel, rows);
  if (!layout) return std::nullopt;
  const size_t total = std::max(layout->total, worker::kPage);
  HostBuffers buffers;
  buffers.memory_.reset(static_cast<std::byte*>(std::aligned_alloc(worker::kPage, total)));
  if (!buffers.memory_) return std::nullopt;
  std::memset(buffers.memory_.get(), 0, total);
  for (size_t i = 0; i < layout->input_offsets.size(); ++i)
    buffers.inputs_.emplace_back(buffers.memory_.get() + layout->input_offsets[i], layout->input_bytes[i]);
  for (size_t i = 0; i < layout->output_offsets.size(); ++i)
    buffers.outputs_.emplace_back(buffers.memory_.get() + layout->output_offsets[i], layout->output_bytes[i]);
  return buffers;
}

}  // namespace strobe::device
