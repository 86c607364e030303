// The plugin libstrobe_xrt.so: a card through XRT's native interface.

#include <xrt/experimental/xrt_system.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <atomic>
#include <map>

#include "absl/strings/str_cat.h"
#include "host/device/card.h"

namespace strobe::device {
namespace {

absl::Status translate(const std::exception& error, std::string_view doing) {
  return absl::UnavailableError(absl::StrCat("XRT failed to ", std::string(doing), ": ", error.what()));
}

/// One slot's buffers and its run, whose arguments are set once. XRT calls `on_complete` from its own thread.
struct XrtSlot {
  std::vector<xrt::bo> inputs, outputs;
  xrt::bo parameters;  ///< of a kernel that takes some
  std::vector<size_t> input_row_bytes, output_row_bytes;
  xrt::run run;
  size_t rows_set = 0;
  size_t rows = 0;
  uint64_t last_callback = 0;  ///< its number among the card's callbacks
  std::function<void(absl::Status)> done;

  void fetch() {
    for (size_t i = 0; i < outputs.size(); ++i)
      outputs[i].sync(XCL_BO_SYNC_BO_FROM_DEVICE, rows * output_row_bytes[i], 0);
  }

  void complete(ert_cmd_state state) {
    absl::Status status;
    if (state != ERT_CMD_STATE_COMPLETED) {
      status = absl::UnavailableError(
          absl::StrCat("the card ended a run in state ", static_cast<int>(state), " instead of completing it"));
    } else {
      try {
        fetch();
      } catch (const std::exception& error) {
        status = translate(error, "read results from the card");
      }
    }
    // The slot may be started again from another thread once `done` runs.
    auto call = std::move(done);
    call(std::move(status));
  }
};

class XrtCard final : public Card {
 public:
  explicit XrtCard(CardRequest request) : request_(std::move(request)) {}

  absl::Status open() {
    try {
      device_ = xrt::device(static_cast<unsigned>(request_.index));
      uuid_ = device_.load_xclbin(reinterpret_cast<const axlf*>(request_.image.data()));
      name_ = device_.get_info<xrt::info::device::name>();
    } catch (const std::exception& error) {
      // Not Unavailable, which says that XRT is missing.
      return absl::InternalError(absl::StrCat("XRT failed to load the xclbin: ", error.what()));
    }
    return absl::OkStatus();
  }

  std::string name() const override { return name_; }
  std::string detail() const override { return "XRT native"; }

  absl::Status add_parameters(uint32_t id, std::span<const std::byte> image) override {
    parameters_[id].bytes.assign(image.begin(), image.end());
    return absl::OkStatus();
  }

  void remove_parameters(uint32_t id) override { parameters_.erase(id); }

  absl::Status add_slot(uint32_t id, size_t kernel, int unit, size_t rows, uint32_t parameters,
                        std::span<const std::span<std::byte>> inputs,
                        std::span<const std::span<std::byte>> outputs) override {
    try {
      auto slot = std::make_unique<XrtSlot>();
      xrt::kernel& on = kernel_on(kernel, unit);
      slot->run = xrt::run(on);
      int argument = 0;
      bind(inputs, rows, on, argument, *slot, slot->inputs, slot->input_row_bytes);
      bind(outputs, rows, on, argument, *slot, slot->outputs, slot->output_row_bytes);
      if (parameters != 0) {
        const int behind_rows = argument + 1;
        slot->parameters = parameters_on(parameters, on.group_id(behind_rows));
        slot->run.set_arg(behind_rows, slot->parameters);
      }
      auto on_complete = [this](const void*, ert_cmd_state state, void* data) {
        auto* completed = static_cast<XrtSlot*>(data);
        completed->last_callback = ++callbacks_;
        completed->complete(state);
      };
      slot->run.add_callback(ERT_CMD_STATE_COMPLETED, on_complete, slot.get());
      clear_retired();
      slots_[id] = std::move(slot);
    } catch (const std::exception& error) {
      return translate(error, "make buffers on the card");
    }
    return absl::OkStatus();
  }

  void remove_slot(uint32_t id) override {
    auto at = slots_.find(id);
    if (at == slots_.end()) return;
    retired_.push_back(std::move(at->second));
    slots_.erase(at);
    clear_retired();
  }

  void start(uint32_t id, size_t rows, std::function<void(absl::Status)> done) override {
    XrtSlot& slot = *slots_.at(id);
    slot.rows = rows;
    slot.done = std::move(done);
    try {
      for (size_t i = 0; i < slot.inputs.size(); ++i)
        slot.inputs[i].sync(XCL_BO_SYNC_BO_TO_DEVICE, rows * slot.input_row_bytes[i], 0);
      if (slot.rows_set != rows) {
        slot.run.set_arg(static_cast<int>(slot.inputs.size() + slot.outputs.size()), static_cast<uint32_t>(rows));
        slot.rows_set = rows;
      }
      slot.run.start();
    } catch (const std::exception& error) {
      auto call = std::move(slot.done);
      call(translate(error, "start a run"));
    }
  }

 private:
  /// Parameters as they came, and on the card in each memory bank where a compute unit reads them.
  struct XrtParameters {
    std::vector<std::byte> bytes;
    std::map<int, xrt::bo> in_bank;
  };

  xrt::bo parameters_on(uint32_t id, int bank) {
    XrtParameters& parameters = parameters_.at(id);
    auto [at, added] = parameters.in_bank.try_emplace(bank);
    if (added) {
      at->second = xrt::bo(device_, parameters.bytes.size(), bank);
      at->second.write(parameters.bytes.data());
      at->second.sync(XCL_BO_SYNC_BO_TO_DEVICE);
    }
    return at->second;
  }

  /// A kernel object bound to one compute unit; XRT takes "name:{instance}".
  xrt::kernel& kernel_on(size_t kernel, int unit) {
    auto [at, added] = kernels_.try_emplace({kernel, unit});
    if (added) {
      const auto& x = *request_.xclbin;
      const int index = units_of(x, request_.kernels[kernel].name).at(static_cast<size_t>(unit));
      const std::string name = absl::StrCat(request_.kernels[kernel].name, ":{", x.compute_units[index].instance, "}");
      at->second = xrt::kernel(device_, uuid_, name);
    }
    return at->second;
  }

  void bind(std::span<const std::span<std::byte>> buffers, size_t rows, const xrt::kernel& kernel, int& argument,
            XrtSlot& slot, std::vector<xrt::bo>& into, std::vector<size_t>& row_bytes) {
    for (std::span<std::byte> buffer : buffers) {
      into.emplace_back(device_, buffer.data(), buffer.size(), kernel.group_id(argument));
      slot.run.set_arg(argument, into.back());
      row_bytes.push_back(buffer.size() / rows);
      ++argument;
    }
  }

  /// XRT still touches a run after its callback returned, so a run must not go right after its own. XRT completes a
  /// card's runs on one thread: once another callback has begun, the last one is over.
  void clear_retired() {
    std::erase_if(retired_, [this](const auto& slot) { return slot->last_callback < callbacks_; });
  }

  CardRequest request_;
  std::string name_;
  xrt::device device_;
  xrt::uuid uuid_;
  std::map<std::pair<size_t, int>, xrt::kernel> kernels_;
  std::map<uint32_t, XrtParameters> parameters_;
  std::map<uint32_t, std::unique_ptr<XrtSlot>> slots_;
  std::vector<std::unique_ptr<XrtSlot>> retired_;
  std::atomic<uint64_t> callbacks_{0};
};

absl::StatusOr<std::unique_ptr<Card>> open_xrt(CardRequest request) {
  auto card = std::make_unique<XrtCard>(std::move(request));
  if (absl::Status status = card->open(); !status.ok()) return status;
  return card;
}

absl::StatusOr<std::vector<std::string>> list_xrt() {
  std::vector<std::string> names;
  try {
    const unsigned count = xrt::system::enumerate_devices();
    for (unsigned i = 0; i < count; ++i) names.push_back(xrt::device(i).get_info<xrt::info::device::name>());
  } catch (const std::exception& error) {
    return translate(error, "list cards");
  }
  return names;
}

}  // namespace
}  // namespace strobe::device

extern "C" const strobe::device::CardPlugin* strobe_card_plugin() {
  static constexpr strobe::device::CardPlugin kPlugin{strobe::device::open_xrt, strobe::device::list_xrt};
  return &kPlugin;
}
