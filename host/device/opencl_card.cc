// The plugin libstrobe_opencl.so: a card through OpenCL and the ICD loader.

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <atomic>
#include <map>

#include "absl/strings/str_cat.h"
#include "host/device/card.h"

namespace strobe::device {
namespace {

absl::Status failure(std::string_view doing, cl_int code) {
  return absl::UnavailableError(absl::StrCat("OpenCL failed to ", std::string(doing), " (error ", code, ")"));
}

template <typename Info, typename Object, typename Query>
std::string text_info(Query query, Object object, Info what) {
  char text[256] = {};
  return query(object, what, sizeof text - 1, text, nullptr) == CL_SUCCESS ? text : "";
}

/// Cards of the platform whose vendor is Xilinx, in its order.
absl::StatusOr<std::vector<cl_device_id>> find_cards() {
  cl_platform_id platforms[16];
  cl_uint count = 0;
  const cl_int code = clGetPlatformIDs(16, platforms, &count);
  if (code != CL_SUCCESS) return failure("find a platform: is XRT's OpenCL library installed?", code);
  for (cl_uint p = 0; p < count && p < 16; ++p) {
    if (text_info<cl_platform_info>(clGetPlatformInfo, platforms[p], CL_PLATFORM_NAME) != "Xilinx") continue;
    cl_device_id devices[16];
    cl_uint found = 0;
    if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ACCELERATOR, 16, devices, &found) != CL_SUCCESS) found = 0;
    return std::vector<cl_device_id>(devices, devices + std::min<cl_uint>(found, 16));
  }
  return absl::UnavailableError("OpenCL has no Xilinx platform");
}

struct ClSlot {
  std::vector<cl_mem> inputs, outputs;
  cl_mem parameters = nullptr;  ///< of a kernel that takes some
  std::vector<std::span<std::byte>> input_bytes, output_bytes;
  size_t capacity = 1;
  cl_kernel kernel = nullptr;
  cl_command_queue queue = nullptr;
  std::function<void(absl::Status)> done;

  ~ClSlot() {
    if (queue) clFinish(queue);
    for (cl_mem buffer : inputs) clReleaseMemObject(buffer);
    for (cl_mem buffer : outputs) clReleaseMemObject(buffer);
    if (parameters) clReleaseMemObject(parameters);
    if (kernel) clReleaseKernel(kernel);
    if (queue) clReleaseCommandQueue(queue);
  }

  void finish(absl::Status status) {
    auto call = std::move(done);
    call(std::move(status));
  }
};

class ClCard final : public Card {
 public:
  explicit ClCard(CardRequest request) : request_(std::move(request)) {}

  ~ClCard() override {
    slots_.clear();
    if (program_) clReleaseProgram(program_);
    if (context_) clReleaseContext(context_);
  }

  absl::Status open() {
    auto cards = find_cards();
    if (!cards.ok()) return cards.status();
    if (request_.index >= static_cast<int>(cards->size())) {
      return absl::NotFoundError(
          absl::StrCat("OpenCL has ", cards->size(), " cards, there is no number ", request_.index));
    }
    device_ = (*cards)[request_.index];
    name_ = text_info<cl_device_info>(clGetDeviceInfo, device_, CL_DEVICE_NAME);
    cl_int code = CL_SUCCESS;
    context_ = clCreateContext(nullptr, 1, &device_, nullptr, nullptr, &code);
    if (code != CL_SUCCESS) return failure("make a context", code);
    const size_t size = request_.image.size();
    auto* bytes = reinterpret_cast<const unsigned char*>(request_.image.data());
    program_ = clCreateProgramWithBinary(context_, 1, &device_, &size, &bytes, nullptr, &code);
    if (code != CL_SUCCESS)
      return absl::InternalError(absl::StrCat("OpenCL failed to load the xclbin (error ", code, ")"));
    return absl::OkStatus();
  }

  std::string name() const override { return name_; }
  std::string detail() const override { return "XRT through OpenCL"; }

  absl::Status add_parameters(uint32_t id, std::span<const std::byte> image) override {
    parameters_[id].assign(image.begin(), image.end());
    return absl::OkStatus();
  }

  void remove_parameters(uint32_t id) override { parameters_.erase(id); }

  absl::Status add_slot(uint32_t id, size_t kernel, int unit, size_t rows, uint32_t parameters,
                        std::span<const std::span<std::byte>> inputs,
                        std::span<const std::span<std::byte>> outputs) override {
    auto slot = std::make_unique<ClSlot>();
    const auto& x = *request_.xclbin;
    const int index = units_of(x, request_.kernels[kernel].name).at(static_cast<size_t>(unit));
    const std::string name = absl::StrCat(request_.kernels[kernel].name, ":{", x.compute_units[index].instance, "}");
    cl_int code = CL_SUCCESS;
    slot->kernel = clCreateKernel(program_, name.c_str(), &code);
    if (code != CL_SUCCESS) return failure(absl::StrCat("find kernel '", name, "'"), code);
    slot->queue = clCreateCommandQueue(context_, device_, 0, &code);
    if (code != CL_SUCCESS) return failure("make a queue", code);
    slot->capacity = rows;
    slot->input_bytes.assign(inputs.begin(), inputs.end());
    slot->output_bytes.assign(outputs.begin(), outputs.end());
    if (absl::Status status = bind(inputs, CL_MEM_READ_ONLY, 0, *slot, slot->inputs); !status.ok()) return status;
    if (absl::Status status =
            bind(outputs, CL_MEM_WRITE_ONLY, static_cast<cl_uint>(inputs.size()), *slot, slot->outputs);
        !status.ok())
      return status;
    if (parameters != 0) {
      if (absl::Status status = bind_parameters(parameters_.at(parameters), *slot); !status.ok()) return status;
    }
    slots_[id] = std::move(slot);
    return absl::OkStatus();
  }

  void remove_slot(uint32_t id) override { slots_.erase(id); }

  void start(uint32_t id, size_t rows, std::function<void(absl::Status)> done) override {
    ClSlot& slot = *slots_.at(id);
    slot.done = std::move(done);
    if (absl::Status status = enqueue(slot, rows); !status.ok()) slot.finish(std::move(status));
  }

 private:
  absl::Status bind(std::span<const std::span<std::byte>> buffers, cl_mem_flags flags, cl_uint first, ClSlot& slot,
                    std::vector<cl_mem>& into) {
    for (size_t i = 0; i < buffers.size(); ++i) {
      cl_int code = CL_SUCCESS;
      cl_mem buffer = clCreateBuffer(context_, flags, buffers[i].size(), nullptr, &code);
      if (code != CL_SUCCESS) return failure("make a buffer on the card", code);
      into.push_back(buffer);
      code = clSetKernelArg(slot.kernel, first + static_cast<cl_uint>(i), sizeof buffer, &buffer);
      if (code != CL_SUCCESS) return failure("set a kernel argument", code);
    }
    return absl::OkStatus();
  }

  /// Each slot has its copy of the parameters, in the bank where its compute unit reads them.
  absl::Status bind_parameters(const std::vector<std::byte>& bytes, ClSlot& slot) {
    const auto behind_rows = static_cast<cl_uint>(slot.inputs.size() + slot.outputs.size() + 1);
    cl_int code = CL_SUCCESS;
    slot.parameters = clCreateBuffer(context_, CL_MEM_READ_ONLY, bytes.size(), nullptr, &code);
    if (code != CL_SUCCESS) return failure("make a buffer for parameters", code);
    code = clSetKernelArg(slot.kernel, behind_rows, sizeof slot.parameters, &slot.parameters);
    if (code != CL_SUCCESS) return failure("set a kernel's parameters", code);
    code =
        clEnqueueWriteBuffer(slot.queue, slot.parameters, CL_TRUE, 0, bytes.size(), bytes.data(), 0, nullptr, nullptr);
    return code == CL_SUCCESS ? absl::OkStatus() : failure("write parameters to the card", code);
  }

  /// The queue is in order: writes, the kernel, reads; the last event tells the end of all.
  static absl::Status enqueue(ClSlot& slot, size_t rows) {
    for (size_t i = 0; i < slot.inputs.size(); ++i) {
      const size_t bytes = slot.input_bytes[i].size() / slot.capacity * rows;
      const cl_int code = clEnqueueWriteBuffer(slot.queue, slot.inputs[i], CL_FALSE, 0, bytes,
                                               slot.input_bytes[i].data(), 0, nullptr, nullptr);
      if (code != CL_SUCCESS) return failure("write to the card", code);
    }
    const auto count = static_cast<cl_uint>(rows);
    cl_int code = clSetKernelArg(slot.kernel, static_cast<cl_uint>(slot.inputs.size() + slot.outputs.size()),
                                 sizeof count, &count);
    if (code == CL_SUCCESS) code = clEnqueueTask(slot.queue, slot.kernel, 0, nullptr, nullptr);
    if (code != CL_SUCCESS) return failure("start the kernel", code);
    cl_event last = nullptr;
    for (size_t i = 0; i < slot.outputs.size(); ++i) {
      const size_t bytes = slot.output_bytes[i].size() / slot.capacity * rows;
      const bool is_last = i + 1 == slot.outputs.size();
      code = clEnqueueReadBuffer(slot.queue, slot.outputs[i], CL_FALSE, 0, bytes, slot.output_bytes[i].data(), 0,
                                 nullptr, is_last ? &last : nullptr);
      if (code != CL_SUCCESS) return failure("read from the card", code);
    }
    code = clSetEventCallback(last, CL_COMPLETE, on_complete, &slot);
    clReleaseEvent(last);
    // No clFlush: XRT sends commands on as they come, and its clFlush waits until all of them are done.
    return code == CL_SUCCESS ? absl::OkStatus() : failure("wait for the card", code);
  }

  static void CL_CALLBACK on_complete(cl_event, cl_int state, void* data) {
    static_cast<ClSlot*>(data)->finish(state == CL_COMPLETE ? absl::OkStatus() : failure("complete a run", state));
  }

  CardRequest request_;
  std::string name_;
  cl_device_id device_ = nullptr;
  cl_context context_ = nullptr;
  cl_program program_ = nullptr;
  std::map<uint32_t, std::vector<std::byte>> parameters_;
  std::map<uint32_t, std::unique_ptr<ClSlot>> slots_;
};

absl::StatusOr<std::unique_ptr<Card>> open_opencl(CardRequest request) {
  auto card = std::make_unique<ClCard>(std::move(request));
  if (absl::Status status = card->open(); !status.ok()) return status;
  return card;
}

absl::StatusOr<std::vector<std::string>> list_opencl() {
  auto cards = find_cards();
  if (!cards.ok()) return cards.status();
  std::vector<std::string> names;
  for (cl_device_id card : *cards) names.push_back(text_info<cl_device_info>(clGetDeviceInfo, card, CL_DEVICE_NAME));
  return names;
}

}  // namespace
}  // namespace strobe::device

extern "C" const strobe::device::CardPlugin* strobe_card_plugin() {
  static constexpr strobe::device::CardPlugin kPlugin{strobe::device::open_opencl, strobe::device::list_opencl};
  return &kPlugin;
}
